r"""The text of saved values: what save_variable() writes, save files hold, and restore_variable() reads.

    12   -1.500000   "text"   ({1,2,})   (["key":1,])   (/member,member,/)

In strings `"`, `\` and carriage return have a backslash before them and a newline is written as a carriage
return, so a value is always one line. Objects, functions and buffers are written as nothing, which reads
as 0. A float is written with six decimals unless that would change it; then with as many as it takes.
The reader accepts what FluffOS's accepts, and a text of any origin only ever gives a value or LPCError.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from lpc.errors import LPCError
from lpc.runtime.values import (
    INT_MAX,
    INT_MIN,
    Mapping,
    Record,
    RecordType,
    Undefined,
    Value,
    as_key,
    from_key,
    ordered_keys,
)

DEPTH: Final = 100
SIZE: Final = 1_000_000
_LENGTH: Final = 64 << 20
_CHUNK: Final = 4096

# ------------------------------------------------------------------------------------------- writing

_ESCAPED: Final = str.maketrans({'"': '\\"', "\\": "\\\\", "\r": "\\\r", "\n": "\r"})


def save_value(value: Value, depth: int = DEPTH, length: int = _LENGTH) -> str:
    """The saved text of a value; LPCError where it nests deeper than `depth` or is longer than `length`."""
    kind = type(value)
    if kind is int:
        return str(value)
    saver = _Saver(depth, length)
    saver.save(value, 0)
    return saver.text()


class _Saver:
    """Collects the text of one value; `room` is how many characters may still come. `pieces` are joined to
    `chunks` now and then, as millions of them would take many times the memory of their text."""

    __slots__ = ("chunks", "pieces", "depth", "room")

    def __init__(self, depth: int, length: int) -> None:
        self.chunks: list[str] = []
        self.pieces: list[str] = []
        self.depth = depth
        self.room = length

    def add(self, text: str) -> None:
        self.room -= len(text)
        if self.room < 0:
            raise LPCError("save_object(): value is too long to be saved.")
        self.pieces.append(text)
        if len(self.pieces) > _CHUNK:
            self.chunks.append("".join(self.pieces))
            self.pieces.clear()

    def text(self) -> str:
        return "".join([*self.chunks, *self.pieces])

    def save(self, value: Value, depth: int) -> None:
        kind = type(value)
        if kind is int or kind is Undefined:
            self.add(str(int(value)))
        elif kind is str:
            self.add(f'"{value.translate(_ESCAPED)}"')
        elif kind is float:
            self.add(_float_text(value))
        elif kind is list:
            self.items("({", value, "})", depth + 1)
        elif kind is Mapping:
            self.mapping(value, depth + 1)
        elif kind is Record:
            self.items("(/", value.values, "/)", depth + 1)

    def enter(self, depth: int) -> None:
        if depth > self.depth:
            raise LPCError(f"Mappings, arrays and/or classes nested too deep ({self.depth}) for save_object")

    def items(self, opening: str, values: list[Value], closing: str, depth: int) -> None:
        self.enter(depth)
        self.add(opening)
        for value in values:
            if type(value) is int:
                self.add(f"{value},")
            else:
                self.save(value, depth)
                self.add(",")
        self.add(closing)

    def mapping(self, value: Mapping, depth: int) -> None:
        self.enter(depth)
        self.add("([")
        for key in ordered_keys(value):
            self.save(from_key(key), depth)
            self.add(":")
            self.save(value[key], depth)
            self.add(",")
        self.add("])")


def _float_text(number: float) -> str:
    if not math.isfinite(number):
        return "0.000000"
    text = f"{number:f}"
    return text if float(text) == number else repr(number)


# ------------------------------------------------------------------------------------------- reading

#: what a class instance is when only its saved text is known
_RESTORED: Final = RecordType("", ())
_NUMBER: Final = re.compile(r"-?[0-9]+(?:(\.[0-9]*)?([eE][+-][0-9]*)?)").match
_PLAIN: Final = re.compile(r'[^"\\]*+"').match
_ESCAPES: Final = re.compile(r'(?:[^"\\]++|\\.)*+"', re.DOTALL).match
_UNESCAPE: Final = re.compile(r"\\(.)|\r", re.DOTALL).sub


def restore_value(text: str, depth: int = DEPTH, size: int = SIZE, where: str = "") -> Value:
    """The value of a saved text; LPCError, with FluffOS's text and `where` in it, where it is faulty.

    Anything that is no value at all reads as 0, and text after an array, mapping or number is ignored.
    No container may nest deeper than `depth` or have more than `size` elements.
    """
    reader = _Reader(text, depth, size, where)
    first = text[:1]
    if first == '"':
        value = reader.string()
        if reader.at != len(text):
            raise reader.error("string")
        return value
    if first == "(":
        return reader.container(0)
    if first == "-" or "0" <= first <= "9":
        return reader.number()
    return 0


class _Reader:
    """Reads one value; `at` is how far it got, `outermost` the kind of container it began with."""

    __slots__ = ("text", "at", "depth", "size", "where", "outermost")

    def __init__(self, text: str, depth: int, size: int, where: str) -> None:
        self.text = text
        self.at = 0
        self.depth = depth
        self.size = size
        self.where = f" while restoring {where}" if where else ""
        self.outermost = "general"

    def error(self, kind: str) -> LPCError:
        return LPCError(f"restore_object(): Illegal {kind} format{self.where}.")

    def value(self, depth: int) -> Value:
        """An element: nothing before a comma is 0."""
        first = self.text[self.at : self.at + 1]
        if first == '"':
            return self.string()
        if first == "(":
            return self.container(depth)
        if first in ("", ",", ":"):
            return 0
        if first == "-" or "0" <= first <= "9":
            return self.number()
        raise self.error(self.outermost)

    def string(self) -> str:
        start = self.at + 1
        match = _PLAIN(self.text, start)
        if match is not None:
            self.at = match.end()
            return self.text[start : self.at - 1].replace("\r", "\n")
        match = _ESCAPES(self.text, start)
        if match is None:
            raise self.error("string" if self.outermost == "general" else self.outermost)
        self.at = match.end()
        return _UNESCAPE(lambda found: found[1] or "\n", self.text[start : self.at - 1])

    def number(self) -> Value:
        match = _NUMBER(self.text, self.at)
        if match is None or (match[1] == "." and match.end() < len(self.text)):
            raise self.error("numeric")
        self.at = match.end()
        if match[1] or match[2]:
            return _float(match[0])
        return _integer(match[0])

    def container(self, depth: int) -> Value:
        opening = self.text[self.at : self.at + 2]
        kind = _CONTAINERS.get(opening)
        if kind is None:
            raise self.error(self.outermost)
        if depth == 0:
            self.outermost = kind
        if depth >= self.depth:
            raise self.error(self.outermost)
        self.at += 2
        if opening == "([":
            return self.mapping(depth + 1)
        items = self.items("}" if opening == "({" else "/", depth + 1)
        return items if opening == "({" else Record(_RESTORED, items)

    def closes(self, bracket: str) -> bool:
        if not self.text.startswith(bracket + ")", self.at):
            return False
        self.at += 2
        return True

    def expect(self, sign: str) -> None:
        if not self.text.startswith(sign, self.at):
            raise self.error(self.outermost)
        self.at += 1

    def items(self, bracket: str, depth: int) -> list[Value]:
        values: list[Value] = []
        while not self.closes(bracket):
            if len(values) >= self.size:
                raise LPCError("Illegal array size.")
            values.append(self.value(depth))
            self.expect(",")
        return values

    def mapping(self, depth: int) -> Mapping:
        values = Mapping()
        while not self.closes("]"):
            if len(values) >= self.size:
                raise LPCError("Too many keys in mapping.")
            key = as_key(self.value(depth))
            self.expect(":")
            values[key] = self.value(depth)
            self.expect(",")
        return values


_CONTAINERS: Final = {"({": "array", "([": "mapping", "(/": "class"}


def _integer(digits: str) -> int:
    if len(digits) > 20:
        return INT_MIN if digits[0] == "-" else INT_MAX
    return max(INT_MIN, min(INT_MAX, int(digits)))


def _float(digits: str) -> float:
    try:
        return float(digits)
    except ValueError:  # an exponent without digits counts as none
        return float(re.sub(r"[eE].*", "", digits))


# ----------------------------------------------------------------------------------------- save files


def save_lines(variables: list[tuple[str, Value]], zeros: bool, depth: int = DEPTH, length: int = _LENGTH) -> list[str]:
    """A line `name value` for each variable; those that are plain 0 only if asked."""
    lines = []
    for name, value in variables:
        text = save_value(value, depth, length)
        length -= len(text) + len(name)
        if zeros or text != "0":
            lines.append(f"{name} {text}\n")
    return lines


def restore_lines(text: str, store: Callable[[str, Value], Any], depth: int = DEPTH, size: int = SIZE) -> None:
    """Read a save file: `store(name, value)` for each variable; comments are skipped."""
    for line in text.split("\n"):
        line = line.removesuffix("\r")  # a value never ends in one: its string would end in a quote
        if not line or line.startswith("#"):
            continue
        name, space, value = line.partition(" ")
        if not space or len(name) >= 100:
            raise LPCError(f"restore_object(): Illegal file format - 1 ({line[:200]}).")
        store(name, restore_value(value, depth, size, name))
