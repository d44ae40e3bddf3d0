"""LPC prototypes as text: `int f(string | function s, int flags = 0, mixed rest...)`.

One notation for everything LPC can call from outside LPC. A parameter is optional when it has a default
(`= 0`, shown in documentation; the Python function's own default is what counts) or admits `void`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from lpc.types import BASE_TYPES, Type, Union


class Parameter(NamedTuple):
    """One parameter; `rest` collects what is left. `types` lacks `void` (then `optional` is set)."""

    name: str
    types: Union
    optional: bool
    rest: bool
    default: str | None


class Prototype(NamedTuple):
    """A parsed prototype."""

    name: str
    returns: Type
    parameters: tuple[Parameter, ...]
    text: str

    @property
    def minimum(self) -> int:
        """How many arguments a call must give."""
        return sum(not (p.optional or p.rest) for p in self.parameters)

    @property
    def maximum(self) -> int | None:
        """How many it may give; None without limit."""
        return None if self.parameters and self.parameters[-1].rest else len(self.parameters)

    def parameter(self, index: int) -> Parameter:
        """The parameter that argument `index` (0-based) falls on."""
        return self.parameters[min(index, len(self.parameters) - 1)]


_PROTOTYPE = re.compile(r"\s*(?P<returns>[\w ]+?\s*\**)\s*\b(?P<name>\w+)\s*\((?P<parameters>.*)\)\s*$")
_PARAMETER = re.compile(r"(?P<types>.+?)\s*(?P<name>\b\w+)\s*(?P<rest>\.\.\.)?\s*(?:=\s*(?P<default>.+))?$")


def parse_prototype(text: str) -> Prototype:
    """Read a prototype; ValueError where it is not one (a defect of the table it stands in)."""
    match = _PROTOTYPE.match(text)
    if match is None:
        raise ValueError(f"not a prototype: {text}")
    inside = match["parameters"].strip()
    parameters = tuple(map(_parameter, inside.split(","))) if inside and inside != "void" else ()
    return Prototype(match["name"], _type(match["returns"]), parameters, text)


def _parameter(text: str) -> Parameter:
    match = _PARAMETER.match(text.strip())
    if match is None:
        raise ValueError(f"not a parameter: {text}")
    names = [alternative.strip() for alternative in match["types"].split("|")]
    types = tuple(_type(name) for name in names if name != "void")
    optional = "void" in names or match["default"] is not None
    return Parameter(match["name"], types, optional, match["rest"] is not None, match["default"])


def _type(text: str) -> Type:
    base, star, _ = text.partition("*")
    base = base.strip()
    if base.startswith("class "):
        return Type("class", bool(star), base.removeprefix("class ").strip())
    return Type(BASE_TYPES[base].base, bool(star))
