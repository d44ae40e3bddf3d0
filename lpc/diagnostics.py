"""Compile-time messages: codes, places, notes, and how they are printed.

The printed form is clang's, so that tools which know that form keep working:

    In file included from /cmds/ftpd.lpc:1:
    /include/ftp.h:12:5: error[LPC3001]: Undefined variable 'mudinfo'
       12 |     mudinfo = query_mud_info();
          |     ^~~~~~~ did you mean 'mud_info'?
    /include/ftp.h:3:8: note: 'mud_info' declared here
        3 | string mud_info;
          |        ^~~~~~~~

Rules: the gutter is eight columns wide, so tabs stop where they do in the file and are printed as blanks;
marks count display columns (two for wide characters, none for combining ones); a long line is shown as
a window round the caret; nothing out of a source file or a message can reach a terminal as a control
sequence. A message about something that came out of a macro says so by itself: see `Expansion`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from lpc.source import Position, SourceMap, column_of, line_of

#: How many messages one compilation keeps of each severity; one more says that there were others.
MAX_ERRORS = 50
MAX_WARNINGS = 100

#: Codes of the two messages that say so.
TOO_MANY_ERRORS = "LPC1098"
TOO_MANY_WARNINGS = "LPC1099"

_TAB_WIDTH = 8
_WINDOW = 110
_WINDOW_LEAD = 60
_ELLIPSIS = "..."
_LONGEST_CHAIN = 6


class Severity(Enum):
    """Whether a message stops the program from being loaded."""

    ERROR = "error"
    WARNING = "warning"


class Expansion(NamedTuple):
    """One macro that took part in producing the tokens of a macro use.

    `start` is where its #define names it, None for a builtin; `parent` is the index of the macro whose
    expansion used it (-1: it stands in the source).
    """

    name: str
    start: Position | None
    body: str
    parent: int


@dataclass(slots=True)
class Note:
    """A further place that explains a message; `at` None for a plain remark."""

    message: str
    at: Position | None = None
    end: Position | None = None


@dataclass(slots=True)
class Diagnostic:
    """One message. `hint` is shown beside the marks ("did you mean 'total'?")."""

    severity: Severity
    code: str
    message: str
    start: Position
    end: Position
    source: SourceMap
    hint: str | None = None
    notes: list[Note] = field(default_factory=list)


class Diagnostics:
    """What one compilation has to say; handed from stage to stage.

    `expansions` (the preprocessor fills it) gives the macros behind a position; a message there gets a note
    for each. `warnings_enabled` is what `#pragma no_warnings` turns off.
    """

    def __init__(self, source: SourceMap) -> None:
        self.source = source
        self.found: list[Diagnostic] = []
        self.expansions: dict[Position, tuple[Expansion, ...]] = {}
        self.warnings_enabled = True
        self._counts = {Severity.ERROR: 0, Severity.WARNING: 0}
        self._seen: set[tuple[object, ...]] = set()

    def error(self, code: str, message: str, start: Position, end: Position | None = None, *,
              hint: str | None = None, notes: list[Note] | None = None) -> None:
        """Add an error at start..end (one character where no end is given)."""
        self._add(Severity.ERROR, code, message, start, end, hint, notes)

    def warning(self, code: str, message: str, start: Position, end: Position | None = None, *,
                hint: str | None = None, notes: list[Note] | None = None) -> None:
        """Add a warning."""
        if self.warnings_enabled:
            self._add(Severity.WARNING, code, message, start, end, hint, notes)

    def _add(self, severity: Severity, code: str, message: str, start: Position, end: Position | None,
             hint: str | None, notes: list[Note] | None) -> None:
        limit, limit_code = _LIMITS[severity]
        count = self._counts[severity]
        key = (severity, code, message, start)
        if count > limit or key in self._seen:
            return
        self._seen.add(key)
        self._counts[severity] = count + 1
        if count == limit:
            code, hint, notes = limit_code, None, None
            message = f"too many {severity.value}s in this file; further {severity.value}s suppressed"
            # The last place with one: nothing in particular is wrong there.
            end = start + 1
        else:
            notes = [*(notes or ()), *_expansion_notes(message, self.expansions.get(start, ()))]
        self.found.append(Diagnostic(severity, code, message, start, end if end is not None else start + 1,
                                     self.source, hint, notes or []))

    @property
    def has_errors(self) -> bool:
        """Whether any error was added."""
        return self._counts[Severity.ERROR] > 0


_LIMITS = {Severity.ERROR: (MAX_ERRORS, TOO_MANY_ERRORS), Severity.WARNING: (MAX_WARNINGS, TOO_MANY_WARNINGS)}
_LIMIT_CODES = frozenset((TOO_MANY_ERRORS, TOO_MANY_WARNINGS))


# ---------------------------------------------------------------------------------------------- macro notes

_QUOTED = re.compile(r"'([^'\n]+)'")


def _expansion_notes(message: str, macros: tuple[Expansion, ...]) -> list[Note]:
    """A note per macro between the source and what the message is about, innermost first.

    All tokens of a macro use stand at one place, so the macro meant is found by what the message quotes:
    the last one entered whose body holds it. Where none does it is the macro in the source.
    """
    if not macros:
        return []
    at = _macro_meant(message, macros)
    chain = []
    while at >= 0:
        chain.append(macros[at])
        at = macros[at].parent
    left_out = len(chain) - _LONGEST_CHAIN
    notes = [_expansion_note(macro) for macro in chain]
    if left_out > 0:
        half = _LONGEST_CHAIN // 2
        notes[half:-half] = [Note(f"({left_out} more expansions in between)")]
    return notes


def _macro_meant(message: str, macros: tuple[Expansion, ...]) -> int:
    quoted = _QUOTED.findall(message)
    for at in range(len(macros) - 1, 0, -1):
        if any(_holds(macros[at].body, word) for word in quoted):
            return at
    return 0


def _holds(body: str, word: str) -> bool:
    at = body.find(word)
    while at >= 0:
        before, after = body[at - 1:at], body[at + len(word):at + len(word) + 1]
        if not (word[0].isidentifier() and _is_word(before) or word[-1].isidentifier() and _is_word(after)):
            return True
        at = body.find(word, at + 1)
    return False


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()


def _expansion_note(macro: Expansion) -> Note:
    if macro.start is None:
        return Note(f"expanded from builtin macro '{macro.name}'")
    return Note(f"expanded from macro '{macro.name}'", macro.start, macro.start + len(macro.name))


# -------------------------------------------------------------------------------------------------- printing

_STYLES = {"error": "\x1b[1;31m", "warning": "\x1b[1;35m", "note": "\x1b[1;36m", "place": "\x1b[1m",
           "marks": "\x1b[1;32m", "gutter": "\x1b[2m"}
# Of a long chain of includes, this many places at its two ends are shown.
_CHAIN_HEAD, _CHAIN_TAIL = 3, 2
_RESET = "\x1b[0m"

#: Characters that would steer the terminal or turn the line round, and halves of surrogate pairs.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _printable(text: str) -> str:
    """`text` with every character that must not reach a terminal replaced, one for one."""
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda m: chr(0x2400 + ord(m[0])) if m[0] < " " else "\ufffd", text)


def _width(character: str) -> int:
    """Terminal columns a character takes."""
    if " " <= character <= "~":
        return 1
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


class _Printer:
    """Puts the lines of one message together, in colour or not."""

    def __init__(self, source: SourceMap, *, color: bool) -> None:
        self._source = source
        self._color = color
        self.lines: list[str] = []

    def style(self, name: str, text: str) -> str:
        return f"{_STYLES[name]}{text}{_RESET}" if self._color and text else text

    def chain(self, at: Position) -> None:
        places = self._source.include_chain(at)[::-1]
        for number, place in enumerate(places):
            if number == _CHAIN_HEAD and len(places) > _CHAIN_HEAD + _CHAIN_TAIL:
                self.lines.append(f"  … {len(places) - _CHAIN_HEAD - _CHAIN_TAIL} more …")
            if number < _CHAIN_HEAD or number >= len(places) - _CHAIN_TAIL:
                self.lines.append(f"In file included from {_printable(place.file)}:{place.line}:")

    def header(self, at: Position, kind: str, label: str, message: str) -> None:
        place = self._source.locate(at)
        where = self.style("place", f"{_printable(place.file)}:{place.line}:{place.column}:")
        self.lines.append(f"{where} {self.style(kind, label + ':')} {self.style('place', _one_line(message))}")

    def remark(self, message: str) -> None:
        self.lines.append(f"  {self.style('note', 'note:')} {_one_line(message)}")

    def snippet(self, start: Position, end: Position, hint: str | None) -> None:
        inclusion = self._source.inclusion_of(start)
        number = line_of(start) - inclusion.base
        text = inclusion.source_line(number)
        # An error at the end of the file stands behind the last line: there is nothing to show.
        if not text and not hint:
            return
        first = min(column_of(start), len(text))
        last = min(column_of(end), len(text)) if line_of(end) == line_of(start) else len(text.rstrip())
        shown, marks = lay_out(text, first, max(last, first + 1))
        gutter, empty = self.style("gutter", f"{number:5d} |"), self.style("gutter", "      |")
        self.lines.append(f"{gutter} {shown}".rstrip())
        beside = f" {_one_line(hint)}" if hint else ""
        self.lines.append(f"{empty} {marks[:-len(marks.lstrip())]}{self.style('marks', marks.lstrip() + beside)}")


def _one_line(text: str) -> str:
    return _printable(text.rstrip("\n").replace("\n", " "))


def lay_out(text: str, first: int, last: int) -> tuple[str, str]:
    """The line as printed, and the marks under its characters first..last."""
    text, lead, trail = _cut(text, first, last)
    first, last = first - lead, min(last - lead, max(len(text), first - lead + 1))
    cells = [_ELLIPSIS] if lead else []
    column = len(_ELLIPSIS) if lead else 0
    begin = until = -1
    for at, character in enumerate(text):
        if at == first:
            begin = column
        if at == last:
            until = column
        if character == "\t":
            width = _TAB_WIDTH - column % _TAB_WIDTH
            cells.append(" " * width)
        else:
            width = _width(character)
            cells.append(character)
        column += width
    begin = column if begin < 0 else begin
    until = column if until < 0 else until
    if trail:
        cells.append(_ELLIPSIS)
    return _printable("".join(cells)), " " * begin + "^" + "~" * (until - begin - 1)


def _cut(text: str, first: int, last: int) -> tuple[str, int, bool]:
    """A long line's part round the caret: the part, how many characters precede it, whether any follow."""
    # Counted in characters: a line of wide ones is shown twice as wide, which is no harm.
    if len(text) <= _WINDOW:
        return text, 0, False
    start = 0 if last <= _WINDOW - len(_ELLIPSIS) else max(0, min(first - _WINDOW_LEAD, len(text) - _WINDOW))
    if start > 0 and last - start > _WINDOW:
        start = max(0, first - _WINDOW_LEAD // 3)
    stop = min(len(text), start + _WINDOW)
    return text[start:stop], start, stop < len(text)


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """One message as text: include chain, header, source line with marks and hint, notes. Ends with a newline."""
    out = _Printer(diagnostic.source, color=color)
    out.chain(diagnostic.start)
    kind = diagnostic.severity.value
    out.header(diagnostic.start, kind, f"{kind}[{diagnostic.code}]", diagnostic.message)
    if diagnostic.code not in _LIMIT_CODES:
        out.snippet(diagnostic.start, diagnostic.end, diagnostic.hint)
    for note in diagnostic.notes:
        if note.at is None:
            out.remark(note.message)
        else:
            out.header(note.at, "note", "note", note.message)
            out.snippet(note.at, note.end if note.end is not None else note.at + 1, None)
    return "\n".join(out.lines) + "\n"


def render_all(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All messages in the order of the source, each once, and a line that counts them; "" for none."""
    kept = ordered(diagnostics)
    if not kept:
        return ""
    return "".join(render(d, color=color) for d in kept) + summary(kept) + "\n"


def ordered(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The messages in the order a reader meets their places, without exact duplicates.

    An included file's come where its #include stands; "too many" comes last.
    """
    unique: dict[tuple[object, ...], Diagnostic] = {}
    for d in diagnostics:
        unique.setdefault((id(d.source), d.severity, d.code, d.message, d.start, d.end), d)
    return sorted(unique.values(), key=lambda d: (d.code in _LIMIT_CODES, _reading_order(d)))


def _reading_order(diagnostic: Diagnostic) -> list[Position]:
    order = [diagnostic.start]
    inclusion = diagnostic.source.inclusion_of(diagnostic.start)
    while inclusion.included_from is not None:
        order.append(inclusion.included_from)
        inclusion = diagnostic.source.inclusion_of(inclusion.included_from)
    return order[::-1]


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are of each: `2 errors, 1 warning`."""
    severities = [d.severity for d in diagnostics if d.code not in _LIMIT_CODES]
    counts = [(severity, severities.count(severity)) for severity in Severity]
    return ", ".join(f"{count} {severity.value}{'s' * (count > 1)}" for severity, count in counts if count)


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """One message as JSON-ready values; lines and columns count from 1, the end is exclusive."""
    source = diagnostic.source
    return {
        "severity": diagnostic.severity.value,
        "code": diagnostic.code,
        "message": diagnostic.message,
        **_json_range(source, diagnostic.start, diagnostic.end),
        "hint": diagnostic.hint,
        "included_from": [{"file": place.file, "line": place.line} for place in source.include_chain(diagnostic.start)],
        "notes": [
            {"message": note.message}
            | ({} if note.at is None else _json_range(source, note.at, note.at + 1 if note.end is None else note.end))
            for note in diagnostic.notes
        ],
    }


def _json_range(source: SourceMap, start: Position, end: Position) -> dict[str, Any]:
    first, last = source.locate(start), source.locate(end)
    return {"file": first.file, "line": first.line, "column": first.column,
            "end_line": last.line, "end_column": last.column}


# ----------------------------------------------------------------------------------------------- suggestions

_LONGEST_WORD = 64


def suggest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate `word` was probably meant to be; None when nothing is near enough.

    Near is: one edit (insertion, deletion, replacement, swap of neighbours) for short words, up to three for
    long ones. A difference in case only always counts as near.
    """
    if not word or len(word) > _LONGEST_WORD:
        return None
    best: tuple[int, int, int, str] | None = None
    folded = word.lower()
    letters = set(folded)
    limit = 0 if len(word) < 3 else 1 if len(word) < 5 else 2 if len(word) < 9 else 3
    for candidate in candidates:
        near = candidate.lower()
        if candidate == word or abs(len(near) - len(word)) > limit:
            continue
        # An edit changes at most two of the letters in use: a cheap test that leaves few words over.
        if len(letters.symmetric_difference(near)) > 2 * limit:
            continue
        distance = _edits(folded, near, limit)
        if distance > limit:
            continue
        rank = (distance, candidate[:1] != word[:1], abs(len(candidate) - len(word)), candidate)
        if best is None or rank < best:
            best = rank
    return None if best is None else best[-1]


def _edits(one: str, other: str, limit: int) -> int:
    """Optimal string alignment distance; any number above `limit` when it is greater."""
    previous: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, previous, row = previous, row, [i]
        for j, b in enumerate(other, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
