"""What code generation has proved about a value, and the generated expression itself.

A *fact* is certain at run time; a *hint* is what was declared. LPC's declarations are not proofs (a
`mixed` can put anything into an `int`), so only facts choose code that would be wrong for other types.

    INT    a Python int (UNDEFINED included), within `low`..`high` when known; may lie outside 64 bits until
           it is `settled` (wrapped), because + - * commute with wrapping
    BOOL   a Python bool, to be made 1 or 0 before LPC can see it
    NUM    int (within 64 bits) or float
    FLOAT STR LIST MAP
"""

from __future__ import annotations

import ast
from typing import Final

from lpc.runtime.values import INT_MAX, INT_MIN

INT: Final = "int"
BOOL: Final = "bool"
NUM: Final = "num"
FLOAT: Final = "float"
STR: Final = "str"
LIST: Final = "list"
MAP: Final = "map"

NUMERIC: Final = frozenset((INT, NUM, FLOAT))
#: Facts whose values are never false.
ALWAYS_TRUE: Final = frozenset((STR, LIST, MAP))
#: The LPC type a fact stands for, as prototypes name it.
LPC_TYPE: Final = {INT: "int", BOOL: "int", FLOAT: "float", STR: "string", MAP: "mapping"}
#: The fact a declared base type would be, were it proved.
FACT_OF_TYPE: Final = {"int": INT, "float": FLOAT, "string": STR, "mapping": MAP}


class Val:
    """A generated expression. `simple`: evaluating it twice or later changes nothing (a name, a constant).

    `parts`, for strings under construction: the pieces of an f-string instead of `code`.
    """

    __slots__ = ("code", "fact", "hint", "simple", "low", "high", "parts")

    def __init__(self, code: ast.expr | None, fact: str | None = None, hint: str = "unknown", simple: bool = False,
                 low: int = INT_MIN, high: int = INT_MAX, parts: list[ast.expr] | None = None) -> None:
        self.code = code
        self.fact = fact
        self.hint = hint
        self.simple = simple
        self.low = low
        self.high = high
        self.parts = parts

    @property
    def is_numeric(self) -> bool:
        """Proved or declared a number."""
        return self.fact in NUMERIC or (self.fact is None and self.hint in ("int", "float"))

    @property
    def fits(self) -> bool:
        """Proved to lie within 64 bits (trivially so for everything but ints)."""
        return INT_MIN <= self.low and self.high <= INT_MAX


def joined_fact(first: str | None, second: str | None) -> str | None:
    """The fact that holds for either of two values."""
    if first == second:
        return first
    if first in NUMERIC and second in NUMERIC:
        return NUM
    if {first, second} == {INT, BOOL}:
        return INT
    return None


def span_of(operator: str, left: Val, right: Val) -> tuple[int, int]:
    """The interval of `left operator right` for + - *, before wrapping."""
    if operator == "+":
        return left.low + right.low, left.high + right.high
    if operator == "-":
        return left.low - right.high, left.high - right.low
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    return min(corners), max(corners)
