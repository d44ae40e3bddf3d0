"""sprintf()'s columns (`%=`) and tables (`%#`): fields that go on below themselves.

The first line of such a field is written where the field stands; when its line ends, the rest of every
field of that line is written below, each from the column it began at, until all are finished.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from efuns.core.format import OVERFLOW, Arguments, Field, Part, justified, padding, string_of, text_of
from efuns.core.unicode import cut, cut_line, width
from lpc.runtime.values import Value

#: longer texts would take too long to wrap
_LONGEST: Final = 1 << 18


def lay_out(parts: Sequence[Part], values: Sequence[Value], limit: int) -> str:
    """The text of a format that has columns or tables."""
    layout = _Layout(Arguments(values, limit))
    for at, part in enumerate(parts):
        if isinstance(part, str):
            layout.literal(part)
        else:
            following = parts[at + 1] if at + 1 < len(parts) else None
            layout.field(part, following)
    layout.end_of_line(at_end=True)
    return "".join(layout.pieces)


class _Layout:
    """The text so far, the display column it has reached, and the fields still to go on below."""

    def __init__(self, arguments: Arguments) -> None:
        self.arguments = arguments
        self.pieces: list[str] = []
        self.room = arguments.limit
        self.position = 0
        self.pending: list[_Column | _Table] = []

    def add(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise self.arguments.fault(OVERFLOW)
        self.pieces.append(text)
        before, newline, after = text.rpartition("\n")
        self.position = width(after) if newline else self.position + width(after)

    def literal(self, text: str) -> None:
        first, *lines = text.split("\n")
        self.add(first)
        for line in lines:
            self.end_of_line()
            self.add(line)

    def field(self, field: Field, following: Part | None) -> None:
        value, columns, precision = self.arguments.open(field)
        values = [value]
        if field.array:
            if type(value) is not list:
                raise self.arguments.fault("Array expected.")
            values = value
        at_end = following is None
        line_ends = at_end or (isinstance(following, str) and following.startswith("\n"))
        for at, element in enumerate(values):
            more = at + 1 < len(values)
            if not field.kind or field.kind not in "sO" or not (field.column or field.table):
                self.add(justified(field, text_of(field, element, precision, self.arguments), columns))
                continue
            self.begin(field, element, columns, precision, trailing=more or not line_ends, at_end=at_end)

    def begin(self, field: Field, value: Value, columns: int, precision: int, *, trailing: bool, at_end: bool) -> None:
        """The first line of a column or table."""
        text = string_of(field, value, self.arguments)
        if not columns:
            raise self.arguments.fault("Column/table mode requires a field size.")
        if len(text) > _LONGEST:
            raise self.arguments.fault(OVERFLOW)
        if field.column:
            column = _Column(field, text, max(columns, precision), precision or columns, self.position)
            self.add(column.line(trailing=trailing))
            if not column.finished:
                self.pending.append(column)
            elif column.ended_in_newline and at_end:
                self.add("\n")
            return
        table = _Table(field, text, columns, precision, self.position)
        self.add(table.line(trailing=False))
        if not table.finished:
            self.pending.append(table)

    def end_of_line(self, *, at_end: bool = False) -> None:
        """A newline of the format, or its end: first everything that goes on below this line."""
        if not self.pending:
            if not at_end:
                self.add("\n")
            return
        self.add("\n")
        last_ended_in_newline = False
        while self.pending:
            for at, item in enumerate(self.pending, 1):
                self.add(" " * max(0, item.start - self.position))
                self.add(item.line(trailing=at < len(self.pending)))
                if isinstance(item, _Column):
                    last_ended_in_newline = item.finished and item.ended_in_newline
            self.pending = [item for item in self.pending if not item.finished]
            if self.pending or not at_end:
                self.add("\n")
        if last_ended_in_newline:
            self.add("\n")


class _Column:
    """A text wrapped into a column; `line` gives the next line of it."""

    def __init__(self, field: Field, text: str, columns: int, precision: int, start: int) -> None:
        self.style = field
        self.text = text
        self.columns = columns
        self.precision = precision
        self.start = start
        self.at = 0
        self.end = self.end_of_line()
        self.begun = False
        self.ended_in_newline = False

    @property
    def finished(self) -> bool:
        return self.at >= len(self.text)

    def end_of_line(self) -> int:
        newline = self.text.find("\n", self.at)
        return len(self.text) if newline < 0 else newline

    def line(self, *, trailing: bool) -> str:
        text = self.text
        if self.begun and text[self.at - 1 : self.at] != "\n":
            while text[self.at : self.at + 1] == " ":
                self.at += 1
        self.begun = True
        found = cut_line(text, self.at, self.end, self.precision)
        shown = text[self.at : self.at + found.length]
        self.at += found.length
        if text[self.at : self.at + 1] == " ":
            self.at += 1
        self.ended_in_newline = text[self.at : self.at + 1] == "\n"
        if self.ended_in_newline:
            self.at += 1
        if self.at > self.end or self.ended_in_newline:
            self.end = self.end_of_line()
        return justified(self.style, shown, self.columns, trailing=trailing)


class _Table:
    """Lines of a text as the cells of a table, filled column by column; `line` gives its next row."""

    def __init__(self, field: Field, text: str, columns: int, precision: int, start: int) -> None:
        words = text.split("\n")
        if len(words) > 1 and not words[-1]:
            words.pop()
        count = len(words)
        across = precision or self.best(max(map(width, words)), columns, count)
        rows = (count - 1) // across + 1
        self.style = field
        self.start = start
        self.size, self.remainder = divmod(columns, across)
        if count < across:
            self.remainder += (across - count) * self.size
            across = count
        self.across = across
        self.cells = [words[at : at + rows] for at in range(0, len(words), rows)]
        for cells in self.cells:
            if len(cells) > 1 and not cells[-1]:
                cells.pop()
        self.cells += [[""]] * (across - len(self.cells))
        self.row = 0

    @staticmethod
    def best(widest: int, columns: int, count: int) -> int:
        """How many cells a row has: with two blanks between, and the last row as full as may be."""
        across = columns // (widest + 2) or 1
        rows = (count - 1) // across + 1
        if count > across and count % across:
            across -= (across - count % across) // rows
        return across

    @property
    def finished(self) -> bool:
        return self.row >= len(self.cells[0])

    def line(self, *, trailing: bool) -> str:
        field = self.style
        pieces = []
        for at, cells in enumerate(self.cells):
            if self.row >= len(cells):
                break
            cell = cells[self.row]
            if width(cell) > self.size:
                cell = cell[: cut(cell, self.size).length] if self.size else cell[:1]
            followed = bool(field.pad) or at < self.across - 1 or trailing
            pieces.append(justified(field, cell, self.size, trailing=followed))
        if field.pad:
            pieces.append(padding(field, self.size, at_left=True) * (self.across - len(pieces)))
            pieces.append(padding(field, self.remainder, at_left=False))
        self.row += 1
        return "".join(pieces)
