"""LPC types: what declarations say, what efun prototypes accept, and how both are spelled.

A `Type` is one alternative: a base name, whether it is an array of it, and the class name for
`class X`. A prototype's `int | string` is a tuple of them (`Union`). `UNKNOWN` is the type of what
carries no declaration; `mixed` accepts everything.
"""

from __future__ import annotations

from typing import NamedTuple


class Type(NamedTuple):
    """One LPC type. `array` is LPC's single star level; `name` is set for `class name` only."""

    base: str
    array: bool = False
    name: str | None = None

    def __str__(self) -> str:
        text = f"class {self.name}" if self.base == "class" else self.base
        return f"{text} *" if self.array else text

    @property
    def element(self) -> Type:
        """The type of an element of this array (`mixed` where arrays nest)."""
        return MIXED if self.base == "mixed" else Type(self.base, False, self.name)

    def array_of(self) -> Type:
        """The type of an array of this; `mixed *` for an array of arrays, as LPC has one star level."""
        return MIXED_ARRAY if self.array else Type(self.base, True, self.name)


INT = Type("int")
FLOAT = Type("float")
STRING = Type("string")
OBJECT = Type("object")
MAPPING = Type("mapping")
FUNCTION = Type("function")
BUFFER = Type("buffer")
MIXED = Type("mixed")
VOID = Type("void")
UNKNOWN = Type("unknown")
MIXED_ARRAY = Type("mixed", True)

BASE_TYPES = {t.base: t for t in (INT, FLOAT, STRING, OBJECT, MAPPING, FUNCTION, BUFFER, MIXED, VOID, UNKNOWN)}

Union = tuple[Type, ...]


def class_type(name: str, array: bool = False) -> Type:
    """The type `class name` (or an array of it)."""
    return Type("class", array, name)


def spell(union: Union) -> str:
    """`int | string` as a prototype writes it."""
    return " | ".join(map(str, union))
