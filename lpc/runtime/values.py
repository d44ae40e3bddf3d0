"""LPC values as Python values, and the questions every part of the runtime asks of them.

| LPC       | Python        | note                                                                        |
|-----------|---------------|-----------------------------------------------------------------------------|
| int       | int           | within 64 bits; never bool                                                  |
| float     | float         |                                                                             |
| string    | str           |                                                                             |
| array     | list, exactly | identity is `is`; all empty arrays count as one                             |
| mapping   | Mapping       | a dict; a missing key reads as UNDEFINED and is not inserted                |
| object    | LPCObject     | lpc.runtime.objects                                                         |
| function  | Closure       | lpc.runtime.closures                                                        |
| class     | Record        |                                                                             |
| buffer    | Buffer        |                                                                             |
| undefined | UNDEFINED     | equal to 0 and falsy; `is UNDEFINED` tells it from a plain 0                |

Mapping keys: strings, ints and our own classes are their own dict keys. Arrays (by identity) and floats
(1.0 is not the key 1) are wrapped; `as_key` and `from_key` convert, and only values of exactly those
types need them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from lpc.errors import LPCError

Value = Any  # an LPC value; the table above

INT_MAX: Final = 0x7FFF_FFFF_FFFF_FFFF
INT_MIN: Final = -0x8000_0000_0000_0000

#: Compiled arithmetic looks closer only at results outside ±SMALL: CPython compares ints of one digit fastest.
SMALL: Final = (1 << 30) - 1


class Undefined(int):
    """The type of UNDEFINED: an int 0 that remembers nobody set it. Arithmetic on it gives plain ints."""

    __slots__ = ()


UNDEFINED: Final = Undefined(0)


class Mapping(dict[Any, Any]):
    """An LPC mapping. Compares and hashes by identity, so it may be a key itself."""

    __slots__ = ()

    __hash__ = object.__hash__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __missing__(self, key: Any) -> Value:
        return UNDEFINED

    def __or__(self, other: Any) -> Any:  # dict's own | would merge; LPC has no such operator
        return NotImplemented

    __ror__ = __or__


class ArrayKey:
    """An array as a mapping key: by identity, all empty arrays being one."""

    __slots__ = ("array",)

    def __init__(self, array: list[Value]) -> None:
        self.array = array

    def __hash__(self) -> int:
        return id(self.array) if self.array else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrayKey) and (self.array is other.array or not (self.array or other.array))


class Itself:
    """An array on the left of a Python `==` or `!=`: equal to itself alone, and to another empty one."""

    __slots__ = ("array",)

    def __init__(self, array: list[Value]) -> None:
        self.array = array

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return self.array is other or (type(other) is list and not self.array and not other)

    def __ne__(self, other: object) -> bool:
        return not self == other


class FloatKey:
    """A float as a mapping key: 1.0 and 1 are two keys."""

    __slots__ = ("number",)

    def __init__(self, number: float) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(("float", self.number))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FloatKey) and self.number == other.number


def as_key(value: Value) -> Any:
    """The dict key that stands for an LPC value; a destructed object is read as 0."""
    kind = type(value)
    if kind is list:
        return ArrayKey(value)
    if kind is float:
        return FloatKey(value)
    return 0 if getattr(kind, "is_destructed", False) else value


def from_key(key: Any) -> Value:
    """The LPC value a dict key stands for; a destructed object has become 0."""
    kind = type(key)
    if kind is str or kind is int:
        return key
    if kind is ArrayKey:
        return key.array
    if kind is FloatKey:
        return key.number
    return 0 if getattr(kind, "is_destructed", False) else key


def mapping_of(pairs: Iterable[tuple[Value, Value]]) -> Mapping:
    """A mapping from LPC (key, value) pairs; later duplicates win."""
    return Mapping((as_key(key), value) for key, value in pairs)


def ordered_keys(mapping: Mapping) -> list[Any]:
    """The dict keys in LPC order, a function of the key set alone: ints, floats, strings, then the rest.

    Equal key sets thus list equally however they were built (docs/adr/0003). Values without an order of
    their own (arrays, mappings, functions) keep the order they were inserted in.
    """
    keys = list(mapping)
    if len(keys) < 2:
        return keys
    try:
        keys.sort()  # all ints, or all strings: the common case
    except TypeError:
        keys.sort(key=_rank)
    return keys


def _rank(key: Any) -> tuple[int, Any]:
    kind = type(key)
    if kind is int or kind is Undefined:
        return (0, key)
    if kind is FloatKey:
        return (1, key.number)
    if kind is str:
        return (2, key)
    return (3, getattr(key, "serial", 0))


def keys_of(mapping: Mapping) -> list[Value]:
    """The LPC keys in LPC order."""
    return [from_key(key) for key in ordered_keys(mapping)]


class Buffer:
    """An LPC buffer: a shared, fixed-size run of bytes."""

    __slots__ = ("data",)

    def __init__(self, data: bytes | bytearray = b"") -> None:
        self.data = bytearray(data)

    def __iter__(self) -> Iterator[int]:
        return iter(self.data)

    def __repr__(self) -> str:
        return f"Buffer({bytes(self.data)!r})"


def bytes_of(value: Value) -> bytes | None:
    """What a buffer takes of a string (its UTF-8), an array of ints or a buffer; None of anything else."""
    kind = type(value)
    if kind is str:
        return value.encode("utf-8", "surrogatepass")  # type: ignore[no-any-return]
    if kind is Buffer:
        return bytes(value.data)
    if kind is not list:
        return None
    if not all(isinstance(byte, int) and 0 <= byte <= 255 for byte in value):
        raise LPCError("Illegal array item in buffer conversion: must be ints 0..255.")
    return bytes(value)


class RecordType:
    """What `class NAME { … }` declares: member names in order."""

    __slots__ = ("name", "members", "index")

    def __init__(self, name: str, members: tuple[str, ...]) -> None:
        self.name = name
        self.members = members
        self.index = {member: at for at, member in enumerate(members)}


class Record:
    """An instance of an LPC class: shared, fixed size. `values` are in member order."""

    __slots__ = ("type", "values")

    def __init__(self, type: RecordType, values: list[Value]) -> None:
        self.type = type
        self.values = values


def is_destructed(value: Value) -> bool:
    """Whether a value is a destructed object, which LPC sees as 0."""
    return getattr(type(value), "is_destructed", False)


def truth(value: Value) -> bool:
    """Truth in a condition: false are 0 (undefined and destructed objects too) and 0.0, nothing else."""
    return bool(value != 0)


def equal(left: Value, right: Value) -> bool:
    """LPC `==`: numbers and strings by value, everything else by identity; all empty arrays are one."""
    if type(left) is list:
        return left is right or (type(right) is list and not left and not right)
    if type(right) is list:
        return False
    return bool(left == right)
