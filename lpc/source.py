"""Source texts and positions.

Every file (or text) a program is made of is *included* once into its `SourceMap`, and each inclusion
owns a range of **virtual lines**: the main file's are its own line numbers, an included file's start
after everything read before it. A virtual line names an inclusion and a line in it, so one integer is
a whole position, include chain and all, and serves as the line number of Python code objects too.

    position = (virtual line << COLUMN_BITS) | column        column: 0-based, in characters

A `#line` directive starts a further inclusion over the same text, whose lines are numbered anew.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

COLUMN_BITS = 20
_COLUMN_MASK = (1 << COLUMN_BITS) - 1

#: Characters a source line may have: the columns a position can name.
MAX_COLUMN = _COLUMN_MASK

#: Virtual lines must stay inside the 32-bit line numbers of Python code objects.
MAX_VIRTUAL_LINE = 1 << 30

Position = int


def decode(data: bytes) -> str:
    """The text of a source file. Bytes that are no UTF-8 are kept as lone surrogates, which the lexer reports."""
    return data.decode("utf-8", "surrogateescape")


def position(virtual_line: int, column: int) -> Position:
    """Pack a virtual line (1-based) and a column (0-based, clamped to what the field holds)."""
    return virtual_line << COLUMN_BITS | min(column, _COLUMN_MASK)


def line_of(at: Position) -> int:
    """The virtual line of a position."""
    return at >> COLUMN_BITS


def column_of(at: Position) -> int:
    """The 0-based column of a position."""
    return at & _COLUMN_MASK


class Location(NamedTuple):
    """A position as a person reads it: mudlib path, 1-based line, 1-based column in characters."""

    file: str
    line: int
    column: int


@dataclass(slots=True)
class Inclusion:
    """One reading of one file: which virtual lines it owns and where it was asked for.

    `shift` is what `#line` added to the numbers of the text's lines: 0 for a file read from its start.
    """

    file: str
    text: str = field(repr=False)
    base: int
    included_from: Position | None
    line_count: int
    shift: int = 0
    _lines: list[str] | None = field(default=None, repr=False)

    def source_line(self, line: int) -> str:
        """Line `line` (1-based, as `locate` counts) without its line end; "" past the end."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        at = line - self.shift
        return self._lines[at - 1].rstrip("\r") if 0 < at <= len(self._lines) else ""


class SourceMap:
    """All inclusions of one compilation, in the order they were read."""

    def __init__(self) -> None:
        self.inclusions: list[Inclusion] = []
        self._bases: list[int] = []
        self._next_base = 0

    def include(self, file: str, text: str, included_from: Position | None = None) -> Inclusion:
        """Add a reading of `file`; its line n is virtual line base + n."""
        lines = text.count("\n") + 1
        return self._add(Inclusion(file, text, self._next_base, included_from, lines), lines)

    def renumber(self, inclusion: Inclusion, line: int, number: int, file: str) -> Inclusion | None:
        """From text line `line` of `inclusion` on, count from `number` and say `file`: what `#line` does.

        None when `number` is not positive or the numbers would leave the range of virtual lines.
        """
        last = number + max(0, inclusion.line_count - line)
        if number < 1 or self._next_base + last > MAX_VIRTUAL_LINE:
            return None
        return self._add(Inclusion(file, inclusion.text, self._next_base, inclusion.included_from,
                                   inclusion.line_count, number - line), last)

    def _add(self, inclusion: Inclusion, last_line: int) -> Inclusion:
        self.inclusions.append(inclusion)
        self._bases.append(inclusion.base)
        self._next_base += last_line + 1
        return inclusion

    def inclusion_of(self, at: Position) -> Inclusion:
        """The inclusion that owns a position."""
        # A virtual line is base + line with line >= 1, so the owner has the greatest base below it.
        return self.inclusions[max(0, bisect_right(self._bases, (at >> COLUMN_BITS) - 1) - 1)]

    def locate(self, at: Position) -> Location:
        """File, line and column of a position, as shown to people."""
        inclusion = self.inclusion_of(at)
        return Location(inclusion.file, (at >> COLUMN_BITS) - inclusion.base, (at & _COLUMN_MASK) + 1)

    def include_chain(self, at: Position) -> list[Location]:
        """Where each enclosing #include stands, innermost first; empty in the main file."""
        chain = []
        inclusion = self.inclusion_of(at)
        while inclusion.included_from is not None:
            chain.append(self.locate(inclusion.included_from))
            inclusion = self.inclusion_of(inclusion.included_from)
        return chain

    def line_table(self) -> list[tuple[int, str]]:
        """(base, file) per inclusion, ascending: all that is needed to locate lines of compiled code."""
        return [(inclusion.base, inclusion.file) for inclusion in self.inclusions]
