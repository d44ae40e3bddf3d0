"""What the driver tells people: compile diagnostics and run-time faults, with source lines and carets.

A run-time fault reads like a compile error, then the calls that led there, innermost first, so that the
place and its nearest cause stand together:

    /cmds/who.c:12:16: error: Value being indexed is zero.
       12 |     return users[0]["name"];
          |            ^~~~~~~~~~~~~~~~
      in query_name(users: ({ 0 }), index: 0) of /cmds/who at /cmds/who.c:12
      in main(argument: "x") of /cmds/who at /cmds/who.c:3

`locals_shown` adds the local variables of each frame.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from lpc.errors import LPCFault
from lpc.runtime.objects import LPCObject
from lpc.runtime.program import INITIALISER
from lpc.runtime.values import Mapping, Value, from_key

if TYPE_CHECKING:
    from lpc.diagnostics import Diagnostic
    from lpc.runtime.trace import Frame
    from lpc.source import SourceMap

#: How many frames are shown at either end of a long trace, and how much of one value.
_FRAMES_AT_AN_END = 12
_LONGEST_VALUE = 60
_DEEPEST = 4
_BOLD, _RED, _GREEN, _RESET = "\x1b[1m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[0m"


class Reporter:
    """Turns diagnostics and faults into text and hands it to `write`.

    `shown_path` maps virtual paths to what a person should read; `source_line(file, line)` gives a line of
    source, or None.
    """

    def __init__(self, write: Callable[[str], object], source_line: Callable[[str, int], str | None]) -> None:
        self._write = write
        self._source_line = source_line
        self.color = False
        self.locals_shown = False
        self.defects_traced = True  # log our own defects with their Python trace
        self.shown: dict[str, str] = {}  # virtual path -> what the user typed

    def shown_path(self, path: str) -> str:
        """A virtual path as people should read it: as they typed it, or beside what they typed."""
        found = self.shown.get(path)
        if found is None:
            folder, _, name = path.rpartition("/")
            typed_there = (typed for virtual, typed in self.shown.items() if virtual.rpartition("/")[0] == folder)
            beside = next(typed_there, None)
            found = os.path.join(os.path.dirname(beside), name) if beside is not None else path
        return found

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        """Report a compile error or warning."""
        from lpc.diagnostics import render

        if self.shown:
            diagnostic = replace(diagnostic, source=self._renamed(diagnostic.source))
        self._write(render(diagnostic, color=self.color).rstrip("\n"))

    def fault(self, fault: LPCFault) -> None:
        """Report a run-time fault."""
        self._write(self.text(fault))

    def text(self, fault: LPCFault) -> str:
        """A fault as text, without a newline at the end."""
        lines = []
        message = printable(fault.message) if isinstance(fault.value, str) else f"uncaught throw: {brief(fault.value)}"
        innermost = fault.trace[-1] if fault.trace else None
        where = f"{self._place(innermost, column=True)}: " if innermost is not None else ""
        lines.append(f"{self._style(_BOLD, where)}{self._style(_RED, 'error:')} {self._style(_BOLD, message)}")
        if innermost is not None:
            lines += self._snippet(innermost)
        for frame in reversed(fault.trace):
            lines.append(self._frame(frame))
            if self.locals_shown:
                lines += [f"      {name} = {brief(value)}" for name, value in frame.locals.items()]
        kept = _FRAMES_AT_AN_END * 2 + 4
        if len(lines) > kept and len(fault.trace) > _FRAMES_AT_AN_END * 2 and not self.locals_shown:
            left_out = len(lines) - kept
            lines[kept - _FRAMES_AT_AN_END:-_FRAMES_AT_AN_END] = [f"  … {left_out} more calls …"]
        return "\n".join(lines)

    def _style(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self.color and text else text

    def _place(self, frame: Frame, *, column: bool = False) -> str:
        place = f"{self.shown_path(frame.file)}:{frame.line}"
        return f"{place}:{frame.column}" if column and frame.column else place

    def _frame(self, frame: Frame) -> str:
        arguments = ", ".join(f"{name}: {brief(value)}" for name, value in frame.arguments.items())
        name = getattr(frame.object, "name", "")
        if frame.function == INITIALISER:
            return f"  at the top level{f' of {name}' if name else ''} at {self._place(frame)}"
        return f"  in {frame.function}({arguments}){f' of {name}' if name else ''} at {self._place(frame)}"

    def _snippet(self, frame: Frame) -> list[str]:
        line = self._source_line(frame.file, frame.line)
        if line is None or not frame.column:
            return []
        from lpc.diagnostics import lay_out

        first = min(frame.column - 1, len(line))
        last = frame.end_column - 1 if frame.end_column else first + 1
        shown, marks = lay_out(line, first, max(first + 1, last))
        indent = marks[:len(marks) - len(marks.lstrip())]
        return [f"{frame.line:5d} | {shown}".rstrip(), f"      | {indent}{self._style(_GREEN, marks.lstrip())}"]

    def _renamed(self, source: SourceMap) -> SourceMap:
        renamed = copy(source)
        renamed.inclusions = [replace(part, file=self.shown_path(part.file)) for part in source.inclusions]
        return renamed


def brief(value: Value) -> str:
    """A value on one short line: what fits, then `…`."""
    pieces: list[str] = []
    room = _LONGEST_VALUE
    for piece in _pieces(value, 0):
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            break
    text = "".join(pieces)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE - 1] + "…"


def _pieces(value: Value, depth: int) -> Iterator[str]:
    """The text of a value, piece by piece: only what is shown is ever made."""
    if isinstance(value, str):
        yield f'"{printable(value[:_LONGEST_VALUE])}"'
    elif isinstance(value, LPCObject):
        yield value.name  # of a destructed one, too: a message may come after its end
    elif depth > _DEEPEST and isinstance(value, list | Mapping):
        yield "…"
    elif isinstance(value, list):
        yield "({ "
        for at, element in enumerate(value):
            yield ", " if at else ""
            yield from _pieces(element, depth + 1)
        yield " })" if value else "})"
    elif isinstance(value, Mapping):
        yield "([ "
        for at, key in enumerate(value):
            yield ", " if at else ""
            yield from _pieces(from_key(key), depth + 1)
            yield ": "
            yield from _pieces(value[key], depth + 1)
        yield " ])" if value else "])"
    else:
        from lpc.runtime.show import show_short

        yield printable(" ".join(show_short(value).split()))


def printable(text: str) -> str:
    """Text without characters that would steer a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else chr(0x2400 + ord(c)) if c < " " else "\ufffd" for c in text)
