"""LPC objects.

Every program becomes one Python class below `LPCObject`, made by lpc.runtime.program.link(); its methods
are the compiled LPC functions under keys LPC can not spell:

    "f/2"     f called with two arguments from inside the object (dispatch is virtual: the class holds the
              most derived definition)
    "->f/2"   f called with two arguments by call_other: only what the caller may see, shadows first

A call is one plain Python method call. Keys nobody declared (another argument count, a function that is
not there) are made when first called: until then the driver's base class answers for them (lpc.runtime.program).
There is no `__getattr__` on living objects, because CPython does not specialise calls on types that have one.
LPC variables live in the instance's `__dict__` under mangled names.

A destructed object becomes an instance of `Destructed`: it compares equal to 0, is false, and `type(x)`
tests for objects fail on it; code of its own that is still running keeps working through `former`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from lpc.errors import LPCError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lpc.runtime.host import Host
    from lpc.runtime.program import Program


class LPCObject:
    """One LPC object. `name` is "/path" or "/path#n"; `serial` orders objects by creation."""

    __slots__ = (
        "name", "serial", "clone_number", "environment", "inventory", "extra", "former", "__dict__", "__weakref__",
    )

    driver: ClassVar[Host]
    program: ClassVar[Program]
    is_destructed: ClassVar[bool] = False
    #: Makes the "->f/n" methods, where they are not simply the program's (lpc.runtime.shadows).
    external: ClassVar[Callable[[Program, str, int], Callable[..., Any]] | None] = None
    former: type[LPCObject]  # of a destructed object: what it was

    def __init__(self, name: str, serial: int, clone_number: int) -> None:
        self.name = name
        self.serial = serial
        self.clone_number = clone_number  # 0 for a blueprint
        self.environment: LPCObject | None = None
        self.inventory: list[LPCObject] = []
        self.extra: dict[Any, Any] = {}  # what efun packages hang on an object (living name, shadows, …)

    def __repr__(self) -> str:
        return self.name


def _as_zero(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: operation(0, other) if isinstance(other, (int, float)) else NotImplemented


def _to_zero(operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda self, other: operation(other, 0) if isinstance(other, (int, float)) else NotImplemented


def _divided(number: Any, zero: int) -> NoReturn:
    raise LPCError("Division by 0.0" if isinstance(number, float) else "Division by zero")


class Destructed(LPCObject):
    """What an object is after destruct()."""

    __slots__ = ()
    is_destructed: ClassVar[bool] = True

    @property
    def program(self) -> Program:  # type: ignore[override]
        """The program whose code may still be running in it."""
        return self.former.program

    def __getattr__(self, key: str) -> Any:
        if "/" not in key:
            raise AttributeError(key)
        return self.program.method_of_destructed(self, key)

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, (int, float)) and other == 0) or isinstance(other, Destructed)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = object.__hash__

    def __index__(self) -> int:
        return 0

    def __neg__(self) -> int:
        return 0

    def __invert__(self) -> int:
        return -1

    # To generated code that was told it would be a number it is the number 0.
    __lt__, __gt__ = _as_zero(operator.lt), _as_zero(operator.gt)
    __le__, __ge__ = _as_zero(operator.le), _as_zero(operator.ge)
    __add__, __radd__ = _as_zero(operator.add), _to_zero(operator.add)
    __sub__, __rsub__ = _as_zero(operator.sub), _to_zero(operator.sub)
    __mul__, __rmul__ = _as_zero(operator.mul), _to_zero(operator.mul)
    __truediv__, __rtruediv__ = _as_zero(operator.truediv), _to_zero(_divided)
    __floordiv__, __rfloordiv__ = _as_zero(operator.floordiv), _to_zero(_divided)
    __mod__, __rmod__ = _as_zero(operator.mod), _to_zero(_divided)
    __and__, __rand__ = _as_zero(operator.and_), _to_zero(operator.and_)
    __or__, __ror__ = _as_zero(operator.or_), _to_zero(operator.or_)
    __xor__, __rxor__ = _as_zero(operator.xor), _to_zero(operator.xor)
