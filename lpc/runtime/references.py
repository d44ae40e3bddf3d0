"""What a `ref` argument is while its call lasts: a cell that stands for the caller's variable.

A cell of a global variable or an element *is* that variable; one of a local, a character or a range holds a copy
that the caller writes back. Cells reach parameters declared `ref` and nothing else: every other parameter gets
the value (lpc.runtime.call), so LPC never holds a cell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lpc.runtime.operators import check_element, index, member
from lpc.runtime.values import Record, Value

#: What the Python name of a `ref` parameter ends with.
MARK = "&"


class Cell:
    """A variable of its own."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value


class VariableCell(Cell):
    """A global variable."""

    __slots__ = ("owner", "key")

    def __init__(self, owner: Any, key: str) -> None:
        self.owner = owner
        self.key = key

    @property
    def value(self) -> Value:
        """What the variable holds."""
        return getattr(self.owner, self.key)

    @value.setter
    def value(self, value: Value) -> None:
        setattr(self.owner, self.key, value)


class ElementCell(Cell):
    """An element of an array, mapping, class or buffer."""

    __slots__ = ("container", "key", "store")

    def __init__(self, container: Value, key: Value, store: Callable[[Value, Value, Value], Value]) -> None:
        self.container = container
        self.key = key
        self.store = store

    @property
    def value(self) -> Value:
        """What the element holds."""
        return index(self.container, self.key)

    @value.setter
    def value(self, value: Value) -> None:
        self.store(self.container, self.key, value)


def element_cell(base: Value, key: Value, store: Callable[[Value, Value, Value], Value]) -> Cell:
    """The cell of `base[key]`; of a character only a copy, for the caller to write back."""
    check_element(base, key)
    return Cell(index(base, key)) if type(base) is str else ElementCell(base, key, store)


def member_cell(base: Value, name: str, store: Callable[[Value, Value, Value], Value]) -> Cell:
    """The cell of `base.name` where the checker found no class."""
    member(base, name)
    return ElementCell(base, base.type.index[name] if type(base) is Record else name, store)


def cell(value: Value) -> Cell:
    """A ref parameter as its function needs it: called without `ref`, it has a variable of its own."""
    return value if isinstance(value, Cell) else Cell(value)


def for_parameters(function: Any, first: int, args: tuple[Value, ...]) -> tuple[Value, ...]:
    """The arguments of a call that has `ref` ones: the values, where `function` (a compiled one) takes no
    reference. `first` is the number of the parameter the first argument is for."""
    code = getattr(function, "__code__", None)
    names = code.co_varnames[2 : code.co_argcount] if code is not None else ()
    return tuple(
        arg.value if isinstance(arg, Cell) and not (at < len(names) and names[at].endswith(MARK)) else arg
        for at, arg in enumerate(args, first)
    )
