"""Function values.

A `Closure` holds a Python function of the shape `function(owner, previous, *args)`. Efuns that call one
many times ask `prepare(argc)` once for a function that takes exactly argc arguments and call it directly:

    function, owner = closure.prepare(1)
    [x for x in array if truth(function(owner, this, x))]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lpc.errors import LPCError
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: functionp()'s kinds and flags
LFUN, EFUN, SIMUL, FUNCTIONAL = 2, 3, 4, 5
HAS_BOUND, OWNER_GONE, NOT_BINDABLE = 16, 32, 64


class Closure:
    """A function value. `arity` is the number of parameters `function` takes after owner and previous
    (None: any number); `text` is how %O shows it."""

    __slots__ = ("owner", "kind", "function", "arity", "bound", "text", "bindable", "_prepared")

    def __init__(self, owner: LPCObject, kind: int, function: Callable[..., Value], arity: int | None,
                 bound: tuple[Value, ...] = (), text: str = "<code>()", bindable: bool = True) -> None:
        self.owner = owner
        self.kind = kind
        self.function = function
        self.arity = arity
        self.bound = bound
        self.text = text
        self.bindable = bindable
        self._prepared: dict[int, Callable[..., Value]] | None = None

    def prepare(self, argc: int) -> tuple[Callable[..., Value], LPCObject]:
        """A function to be called as function(owner, previous, *args) with exactly argc args, and the owner.

        Bound arguments come first, missing ones are UNDEFINED, extra ones are dropped.
        """
        if self.owner.is_destructed:
            raise LPCError(f"Owner ({self.owner.name}) of function pointer is destructed.")
        if self.arity == argc and not self.bound:
            return self.function, self.owner
        prepared = self._prepared
        if prepared is None:
            prepared = self._prepared = {}
        found = prepared.get(argc)
        if found is None:
            found = prepared[argc] = self._adapt(argc)
        return found, self.owner

    def forget(self) -> None:
        """Drop what was prepared: the function or the bound arguments have changed."""
        self._prepared = None

    def call(self, previous: Any, *args: Value) -> Value:
        """Call it; `previous` is what previous_object() gives inside."""
        function, owner = self.prepare(len(args))
        return function(owner, previous, *args)

    def _adapt(self, argc: int) -> Callable[..., Value]:
        function, bound, arity = self.function, self.bound, self.arity
        if arity is None:
            return (lambda owner, previous, *args: function(owner, previous, *bound, *args)) if bound else function
        missing = (UNDEFINED,) * max(0, arity - len(bound) - argc)
        if len(bound) >= arity:
            head = bound[:arity]
            return lambda owner, previous, *args: function(owner, previous, *head)
        kept = min(argc, arity - len(bound))
        return lambda owner, previous, *args: function(owner, previous, *bound, *args[:kept], *missing)
