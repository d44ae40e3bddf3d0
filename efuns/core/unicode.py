"""Display width of text, and where to cut it.

A character is as wide as a terminal shows it: CJK and emoji two columns, marks and control characters
none. Colour sequences (ESC [ … m) have no width and are never cut in two.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from lpc.runtime.text import clusters

_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_PIECE: Final = re.compile(r"\x1b\[[0-9;]*m|[^\x1b]+|\x1b")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ZERO_WIDTH_JOINER: Final = "\u200d"
_INVISIBLE: Final = frozenset(("Mn", "Me", "Cc", "Cf", "Cn", "Cs", "Zl", "Zp"))


@lru_cache(maxsize=8192)
def _code_width(character: str) -> int:
    code = ord(character)
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FB:  # jamo that complete a syllable
        return 0
    if unicodedata.category(character) in _INVISIBLE:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """How many columns a string takes."""
    if text.isascii():
        if text.isprintable():
            return len(text)
        return len(_CONTROL.sub("", _COLOUR.sub("", text)))
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    total = 0
    previous = ""
    for character in text:
        joined = character == _ZERO_WIDTH_JOINER or previous == _ZERO_WIDTH_JOINER
        toned = "\U0001f3fb" <= character <= "\U0001f3ff" and previous
        previous = character
        if not joined and not toned:
            total += _code_width(character)
    return total


class Cut(NamedTuple):
    """How much of a string fits: code points, and the columns these take."""

    length: int
    width: int


def _steps(text: str) -> Iterator[str]:
    """The parts a string may be cut between: characters, and whole colour sequences."""
    for piece in _PIECE.findall(text):
        if piece.startswith("\x1b["):
            yield piece
        else:
            yield from clusters(piece)


def cut(text: str, columns: int) -> Cut:
    """The longest start of a string that takes no more than `columns`; its first character in any case."""
    if text.isascii() and text[: columns + 1].isprintable():
        length = min(len(text), columns)
        return Cut(length, length)
    length = taken = 0
    for step in _steps(text[: _window(columns)]):
        more = width(step)
        if taken + more > columns:
            if taken == 0:  # one wide character in a narrow field: it is shown, or nothing would ever be
                return Cut(length + len(step), more)
            break
        length += len(step)
        taken += more
        if taken == columns:
            break
    return Cut(length, taken)


def cut_line(text: str, start: int, end: int, columns: int) -> Cut:
    """How much of the line text[start:end] goes on the next line of a word-wrapped column.

    It is broken where a line may be broken; a single word wider than the column is not broken.
    """
    found = cut(text[start : min(end, start + _window(columns))], columns)
    if found.width > columns:
        return found
    at = start + found.length
    if at < end and text[at] != " " and not may_break(text, at):
        found = _better_break(text, start, end, found)
    if found.length > 1 and text[start + found.length - 1] == " ":
        return Cut(found.length - 1, found.width - 1)
    return found


def _better_break(text: str, start: int, end: int, found: Cut) -> Cut:
    for at in range(start + found.length - 1, start, -1):
        if may_break(text, at):
            # Only an indent before it: then broken hard, or the indent would stand alone on a line.
            return Cut(at - start, width(text[start:at])) if text[start:at].strip(" ") else found
    stop = next((at for at in range(start + found.length + 1, end) if may_break(text, at)), end)
    return Cut(stop - start, width(text[start:stop]))


def _window(columns: int) -> int:
    """A column is a code point or a few; this many of them fill the columns unless most have no width."""
    return columns * 16 + 64


_CLOSING: Final = frozenset("，。！？、；：」』）》】〉〕”’…·ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ!?,.:;)]}%")
_OPENING: Final = frozenset("「『（《【〈〔“‘([{$")
_BREAK_AFTER: Final = frozenset("-/|!?}\t–—‐")


def may_break(line: str, at: int) -> bool:
    """Whether a line may be broken before position `at` (the cases of UAX 14 that matter for columns)."""
    before, after = line[at - 1], line[at]
    if after == " ":
        return False
    if before in " \u200b":
        return True
    if after in _CLOSING or before in _OPENING:
        return False
    if before in _BREAK_AFTER:
        return after.isalpha() and at >= 2 and line[at - 2] != " "
    if _code_width(after) == 0 or _ZERO_WIDTH_JOINER in (before, after):
        return False
    return _code_width(before) == 2 or _code_width(after) == 2
