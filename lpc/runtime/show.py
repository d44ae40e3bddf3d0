"""How values look: the text of `%O`, and its short form for error messages.

The layout is FluffOS's to the blank: two spaces a level, a mapping's values indented by four, `...` below
the twentieth column. The text is cut at a limit while it is made, so a value that refers to itself many
times over costs no more than the text that is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lpc.errors import LPCError
from lpc.runtime.closures import LFUN, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping, Record, Value, from_key, is_destructed, ordered_keys

#: how much of a value an error message shows
SHORT: Final = 200
_LIMIT: Final = 1 << 20
_CHUNK: Final = 4096
_DEEPEST_COLUMN: Final = 20
_DEEPEST_BOUND: Final = 20


def show(value: Value, limit: int = _LIMIT) -> str:
    """The `%O` text of a value, at most `limit` characters of it."""
    kind = type(value)
    if kind is int:
        return str(value)
    if kind is str and len(value) <= limit - 2:
        return f'"{value}"'
    shower = _Shower(limit)
    shower.show(value, 0)
    text = shower.text()
    return text if len(text) <= limit else text[:limit]


def show_short(value: Value) -> str:
    """The `%O` text as error messages give it: `...` stands for what is too long."""
    text = show(value, SHORT + 1)
    return text if len(text) <= SHORT else text[:SHORT] + "..."


def show_float(number: float) -> str:
    """The text of a float everywhere but in templates: `%f`."""
    return f"{number:f}"


class _Shower:
    """Collects the text of one value; `room` is how many characters may still come. `pieces` are joined to
    `chunks` now and then, as millions of them would take many times the memory of their text."""

    __slots__ = ("chunks", "pieces", "room", "bound")

    def __init__(self, limit: int) -> None:
        self.chunks: list[str] = []
        self.pieces: list[str] = []
        self.room = limit
        self.bound = 0

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.room -= len(text)
        if len(self.pieces) > _CHUNK:
            self.chunks.append("".join(self.pieces))
            self.pieces.clear()

    def text(self) -> str:
        return "".join([*self.chunks, *self.pieces])

    def show(self, value: Value, indent: int, *, trailing: str = "", inline: bool = False) -> None:
        if indent > _DEEPEST_COLUMN:
            self.add("...")  # without the trailing comma, as FluffOS has it
            return
        if indent and not inline:
            self.add(" " * indent)
        writer = _WRITERS.get(type(value))
        if writer is not None:
            writer(self, value, indent)
        else:
            self.other(value)
        if trailing:
            self.add(trailing)

    def items(self, values: list[Value], indent: int) -> None:
        """The elements of an array or class, one a line, no comma after the last."""
        last = len(values) - 1
        for at, value in enumerate(values):
            if self.room <= 0:
                return
            self.show(value, indent + 2, trailing=",\n" if at < last else "")

    def number(self, value: int, indent: int) -> None:
        self.add(str(value))

    def float(self, value: float, indent: int) -> None:
        self.add(show_float(value))

    def string(self, value: str, indent: int) -> None:
        self.add(f'"{value[: max(0, self.room)]}"')

    def array(self, value: list[Value], indent: int) -> None:
        if not value:
            self.add("({ })")
            return
        self.add(f"({{ /* sizeof() == {len(value)} */\n")
        self.items(value, indent)
        self.add(f"\n{' ' * indent}}})")

    def record(self, value: Record, indent: int) -> None:
        size = len(value.values)
        self.add(f"CLASS( {size} element{'' if size == 1 else 's'}\n")
        self.items(value.values, indent)
        self.add(f"\n{' ' * indent} )")

    def mapping(self, value: Mapping, indent: int) -> None:
        if not value:
            self.add("([ ])")
            return
        self.add(f"([ /* sizeof() == {len(value)} */\n")
        for key in ordered_keys(value):
            if self.room <= 0:
                return
            self.show(from_key(key), indent + 2)
            self.add(" : ")
            self.show(value[key], indent + 4, trailing=",\n", inline=True)
        self.add(f"{' ' * indent}])")

    def buffer(self, value: Buffer, indent: int) -> None:
        if not value.data:
            self.add("BUFFER ( )")
            return
        margin = " " * (indent + 2)
        shown = value.data[: max(1, self.room // 4)]
        self.add(f"BUFFER ( /* sizeof() == {len(value.data)} */\n")
        self.add(",\n".join(f"{margin}0x{byte:x}" for byte in shown))
        self.add(f"\n{' ' * indent})")

    def closure(self, value: Closure, indent: int) -> None:
        gone = value.kind == LFUN and value.owner.is_destructed
        self.add(f"(: {'0' if gone else value.text}")
        self.bound += 1
        # A function bound to a function bound to … is not indented, so its depth is counted apart.
        for argument in value.bound if self.bound <= _DEEPEST_BOUND else ():
            self.add(", ")
            self.show(argument, indent)
        self.bound -= 1
        self.add(" :)")

    def other(self, value: Value) -> None:
        """Objects (each program is a type of its own) and subclasses of int."""
        if is_destructed(value):
            self.add("0")
        elif isinstance(value, LPCObject):
            self.add(_object(value))
        elif isinstance(value, int):
            self.add(str(int(value)))
        else:
            self.add(f"<{type(value).__name__.lower()}>")


def _object(ob: LPCObject) -> str:
    """An object's name, and what the master's object_name() adds to it."""
    try:
        title = ob.driver.valid("object_name", ob)
    except LPCError:
        return ob.name
    return f'{ob.name} ("{title}")' if isinstance(title, str) else ob.name


_WRITERS: Final[dict[type, Callable[[_Shower, Any, int], None]]] = {
    int: _Shower.number,
    float: _Shower.float,
    str: _Shower.string,
    list: _Shower.array,
    Mapping: _Shower.mapping,
    Record: _Shower.record,
    Buffer: _Shower.buffer,
    Closure: _Shower.closure,
}
