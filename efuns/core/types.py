"""Efuns that ask what a value is, and those that make another of it: conversions and copy()."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.closures import HAS_BOUND, NOT_BINDABLE, OWNER_GONE, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.operators import type_name
from lpc.runtime.values import (
    INT_MAX,
    INT_MIN,
    UNDEFINED,
    ArrayKey,
    Buffer,
    Mapping,
    Record,
    Value,
    as_key,
    bytes_of,
    from_key,
    is_destructed,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_INT = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_FLOAT = re.compile(r"[ \t\n\v\f\r]*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_INT_DIGITS = 20  # no int of more digits fits in 64 bits


# ---------------------------------------------------------------------------------------------- type tests


@efun("int intp(mixed value)")
def intp(value: Value) -> int:
    """1 for an int (0 and undefined too), else 0.

    Example: intp(5) is 1
    """
    return 1 if isinstance(value, int) or is_destructed(value) else 0


@efun("int floatp(mixed value)")
def floatp(value: Value) -> int:
    """1 for a float, else 0.

    Example: floatp(0.5) is 1
    """
    return 1 if type(value) is float else 0


@efun("int stringp(mixed value)")
def stringp(value: Value) -> int:
    """1 for a string, else 0.

    Example: stringp("") is 1
    """
    return 1 if type(value) is str else 0


@efun("int pointerp(mixed value)", aliases=("arrayp",))
def pointerp(value: Value) -> int:
    """1 for an array, else 0.

    Example: arrayp(({ })) is 1
    """
    return 1 if type(value) is list else 0


@efun("int mapp(mixed value)")
def mapp(value: Value) -> int:
    """1 for a mapping, else 0.

    Example: mapp(([ ])) is 1
    """
    return 1 if type(value) is Mapping else 0


@efun("int bufferp(mixed value)")
def bufferp(value: Value) -> int:
    """1 for a buffer, else 0.

    Example: bufferp(allocate_buffer(1)) is 1
    """
    return 1 if type(value) is Buffer else 0


@efun("int classp(mixed value)")
def classp(value: Value) -> int:
    """1 for an instance of a class, else 0.

    Example: classp(new(class point)) is 1
    """
    return 1 if type(value) is Record else 0


@efun("int objectp(mixed value)")
def objectp(value: Value) -> int:
    """1 for an object that has not been destructed, else 0.

    Example: objectp(this_object()) is 1
    """
    return 1 if isinstance(value, LPCObject) and not value.is_destructed else 0


@efun("int functionp(mixed value)")
def functionp(value: Value) -> int:
    """0 for anything but a function; for one its kind, plus flags.

    2 own function, 3 efun, 4 simul_efun, 5 expression or anonymous function; plus 16 with bound
    arguments, 32 when its owner is gone, 64 when bind() refuses it.

    Example: functionp((: $1 :)) & 7 is 5
    """
    if type(value) is not Closure:
        return 0
    flags = (HAS_BOUND if value.bound else 0) | (OWNER_GONE if value.owner.is_destructed else 0)
    return value.kind | flags | (0 if value.bindable else NOT_BINDABLE)


@efun("int undefinedp(mixed value)", aliases=("nullp",))
def undefinedp(value: Value) -> int:
    """1 for the 0 nobody set (an unset variable, a missing argument, key or function), else 0.

    Example: undefinedp(([ ])["missing"]) is 1
    """
    return 1 if value is UNDEFINED else 0


@efun("string typeof(mixed value)")
def typeof(value: Value) -> str:
    """The name of a value's type.

    "int", "float", "string", "array", "mapping", "object", "function", "buffer" or "class".

    Example: typeof(({ })) is "array"
    """
    return type_name(value)


# --------------------------------------------------------------------------------------------- conversions


@efun("int to_int(string | float | int | buffer value)")
def to_int(value: Value) -> int:
    """An int from a float (cut toward zero), from the digits a string starts with, or from a buffer.

    A string that starts with no number gives undefined. Of a buffer the first four bytes count, the
    highest first (all eight if there are eight); of a shorter one the result is 0.

    Example: to_int("12 apples") is 12
    """
    if isinstance(value, int):
        return value
    if type(value) is float:
        from lpc.runtime.operators import truncate

        return truncate(value)
    if type(value) is str:
        match = _INT.match(value)
        return _saturated(match[1]) if match else UNDEFINED
    data = value.data
    if len(data) < 4:
        return 0
    return int.from_bytes(data if len(data) == 8 else data[:4], "big", signed=True)


def _saturated(digits: str) -> int:
    negative = digits[0] == "-"
    digits = digits.lstrip("+-").lstrip("0")
    if len(digits) > _INT_DIGITS:
        return INT_MIN if negative else INT_MAX
    number = int(digits or "0")
    return max(-number, INT_MIN) if negative else min(number, INT_MAX)


@efun("float to_float(string | float | int value)")
def to_float(value: Value) -> float:
    """A float from an int, or from the number a string starts with (0.0 if it starts with none).

    Example: to_float("1.5 litres") is 1.5
    """
    if type(value) is str:
        match = _FLOAT.match(value)
        return float(match[1]) if match else 0.0
    return float(value)


@efun("buffer to_buffer(string | buffer | mixed *value)")
def to_buffer(this: LPCObject, value: Value) -> Buffer:
    """A buffer of a string's UTF-8 bytes, or of an array of ints from 0 to 255; a buffer as it is.

    Example: sizeof(to_buffer("abc")) is 3
    """
    if type(value) is Buffer:
        return value
    data = bytes_of(value) or b""
    if len(data) > this.driver.limits.buffer_size:
        raise LPCError("Illegal buffer size.")
    return Buffer(data)


# ---------------------------------------------------------------------------------------------------- copy


@efun("mixed copy(mixed value)")
def copy(this: LPCObject, value: Value) -> Value:
    """A copy that shares no array, mapping, class or buffer with the original.

    What is shared inside the original is shared in the same way inside the copy. Values nested more than
    a hundred deep, and so values that contain themselves, are an error.

    Example: copy(({ ({ 1 }) }))
    """
    if type(value) not in _COPIED:
        return value
    return _Copier(this.driver.limits.save_depth).copy(value)


class _Copier:
    """One copy(): remembers what it has copied, so that the result has the original's shape."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.done: dict[int, Value] = {}

    def copy(self, value: Value) -> Value:
        kind = type(value)
        make = _COPIED.get(kind)
        if make is None:
            return 0 if is_destructed(value) else value
        found = self.done.get(id(value))
        if found is not None:
            return found
        if not self.depth:
            raise LPCError(
                "Mappings, arrays and/or classes nested too deep (100) for copy()"
                " -- possibly a reference loop; see has_cycle()"
            )
        self.depth -= 1
        copied = make(self, value)
        self.depth += 1
        self.done[id(value)] = copied
        return copied

    def array(self, array: list[Value]) -> list[Value]:
        return [x if type(x) is int or type(x) is str else self.copy(x) for x in array]

    def mapping(self, mapping: Mapping) -> Mapping:
        return Mapping((self.key(key), self.copy(value)) for key, value in mapping.items())

    def key(self, key: Value) -> Value:
        return as_key(self.copy(from_key(key))) if type(key) is ArrayKey else key

    def record(self, record: Record) -> Record:
        return Record(record.type, self.array(record.values))

    def buffer(self, buffer: Buffer) -> Buffer:
        return Buffer(buffer.data)


_COPIED: dict[type, Callable[[_Copier, Value], Value]] = {
    list: _Copier.array,
    Mapping: _Copier.mapping,
    Record: _Copier.record,
    Buffer: _Copier.buffer,
}
