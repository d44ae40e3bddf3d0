"""What a compiled program shows to those who inherit, call or inspect it: functions, variables, classes.

Plain data, kept in the disk cache beside the code. An `Interface` already includes what it inherits: its
tables hold, by name, what code in the program (or an heir) reaches under that name.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lpc.types import Type


@dataclass(slots=True)
class ParameterInfo:
    """One parameter of a function."""

    name: str
    type: Type
    ref: bool = False
    has_default: bool = False


@dataclass(slots=True)
class FunctionInfo:
    """A function (`defined`) or a prototype. `program` is the path of the file that holds it."""

    name: str
    type: Type | None  # None: no return type was written
    parameters: tuple[ParameterInfo, ...]
    rest: bool  # the last parameter collects what is left, as an array
    modifiers: frozenset[str]
    program: str
    defined: bool

    @property
    def minimum(self) -> int:
        """How many arguments a checked call must give."""
        if "varargs" in self.modifiers or self.rest:
            return 0
        return sum(not p.has_default for p in self.parameters)


@dataclass(slots=True)
class VariableInfo:
    """A global variable. `key` is the attribute of the object it lives under."""

    name: str
    type: Type
    modifiers: frozenset[str]
    program: str
    key: str


@dataclass(slots=True)
class ClassInfo:
    """A `class`: member names and types in order."""

    name: str
    members: tuple[tuple[str, Type], ...]
    modifiers: frozenset[str]
    program: str


@dataclass(slots=True)
class Interface:
    """A program's tables, inherited entries included. `inherits` are the direct ones with their modifiers."""

    path: str  # "/std/room.c"
    inherits: list[tuple[Interface, frozenset[str]]] = field(default_factory=list)
    functions: dict[str, FunctionInfo] = field(default_factory=dict)
    variables: dict[str, VariableInfo] = field(default_factory=dict)
    classes: dict[str, ClassInfo] = field(default_factory=dict)
    strict_types: bool = False
