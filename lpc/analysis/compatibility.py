"""Which static types go together, and how messages spell them.

`compatible` answers for assignments, arguments and returns and is not symmetric (a void call may stand
for an int, not the other way round); `comparable` answers for operands. A literal 0 has type `mixed`.
"""

from __future__ import annotations

from lpc.types import BUFFER, FLOAT, FUNCTION, INT, MAPPING, MIXED, MIXED_ARRAY, OBJECT, STRING, UNKNOWN, VOID, Type

#: Elements by array type; arrays of classes take the slow way.
_ELEMENTS = {t.array_of(): t for t in (INT, FLOAT, STRING, OBJECT, MAPPING, FUNCTION, BUFFER, MIXED)}


def compatible(given: Type, wanted: Type) -> bool:
    """Whether a value of static type `given` may be used where `wanted` is declared."""
    if given == MIXED or wanted == MIXED:
        return True
    if given == wanted:
        return given != UNKNOWN
    if given.array or wanted.array:
        return given.array and wanted.array and (given == MIXED_ARRAY or wanted == MIXED_ARRAY)
    if wanted == INT:
        return given == FLOAT or given == VOID
    return wanted == FLOAT and given == INT


def comparable(left: Type, right: Type) -> bool:
    """Whether two operands may meet in a comparison or as branches of `?:`."""
    return compatible(left, right) or compatible(right, left)


def accepts_int(given: Type) -> bool:
    """Whether a value of this type may stand where an int and nothing else is wanted."""
    return given == INT or given == MIXED


def element_of(array: Type) -> Type:
    """The element type of an array type."""
    return _ELEMENTS.get(array) or array.element


def converts_to_buffer(given: Type, wanted: Type) -> bool:
    """Whether assigning `given` to `wanted` makes a buffer of a string or an array of bytes."""
    return wanted == BUFFER and (given == STRING or given.array)


def spell(of: Type) -> str:
    """A type as FluffOS's messages spell it: a blank follows, after the star too."""
    return f"{of} "


def versus(left: Type, right: Type) -> str:
    """Two types that do not match: `( int vs string )`."""
    return f"( {spell(left)}vs {spell(right)})"
