r"""The formats of sprintf(): what `%…` may say, and the text one field makes of one value.

    % flags width .precision type        flags and numbers in any order
    - | +  blank  0                      left, centred, sign, blank for plus, padded with zeros
    'xyz'                                padded with this (\' and \\ inside)
    * and :n                             a number from the arguments; width and precision in one
    = # @                                column, table (strings only), every element of an array
    s d i o x X c f g O %                as in C, and %O for any value as LPC writes it

The rules are FluffOS's, quirks included: a precision of 0 counts as none, zeros go before the sign, and
widths are display columns. A fault in a format is raised when the field is reached.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from efuns.core.unicode import cut, width
from lpc.errors import LPCError
from lpc.runtime.operators import truncate
from lpc.runtime.show import show
from lpc.runtime.values import Value, is_destructed

_UNSIGNED: Final = 0xFFFF_FFFF_FFFF_FFFF
_MOST_DIGITS: Final = 1077  # what a double can need; FluffOS cuts numbers there

FORMAT_FAULT: Final = "Error in format string."
TOO_FEW: Final = "More arguments specified than passed."
OVERFLOW: Final = "BUFF_SIZE overflowed..."


class Field(NamedTuple):
    """One `%…`. `sizes` are the numbers in order: ("width" | "precision" | "both", number or None for `*`)."""

    kind: str
    left: bool = False
    centred: bool = False
    sign: str = ""
    pad: str = ""
    pad_width: int = 0
    array: bool = False
    column: bool = False
    table: bool = False
    sizes: tuple[tuple[str, int | None], ...] = ()
    fault: str = ""


Part = str | Field


def fault(message: str, argument: int) -> LPCError:
    """FluffOS's error for a format that does not fit its arguments."""
    return LPCError(f"(s)printf(): {message} (arg: {argument})")


# ----------------------------------------------------------------------------------- reading a format

_LITERAL: Final = re.compile(r"(?:[^%]++|%%)+")
_NUMBER: Final = re.compile(r"[0-9]+")
_TYPES: Final = frozenset("sdioxXcfgO")
_FLAGS: Final = {"-": "left", "|": "centred", "@": "array", "=": "column", "#": "table"}
_LONGEST_NUMBER: Final = 15
_MOST_PARTS: Final = 100_000


def parse(format: str) -> list[Part]:
    """The parts of a format: literal texts, and fields."""
    parts: list[Part] = []
    at = 0
    while at < len(format):
        literal = _LITERAL.match(format, at)
        if literal is not None:
            parts.append(literal[0].replace("%%", "%"))
            at = literal.end()
            continue
        reader = _FieldReader(format, at + 1)
        parts.append(reader.field())
        at = reader.at
        if reader.problem:
            break  # nothing after it is ever reached
        if len(parts) > _MOST_PARTS:
            raise LPCError("(s)printf(): Too many fields in format string.")
    return parts


class _FieldReader:
    """Reads one field; `at` is where it goes on."""

    def __init__(self, format: str, at: int) -> None:
        self.format = format
        self.at = at
        self.flags: set[str] = set()
        self.sign = 0
        self.pad = ""
        self.pad_width = 1
        self.sizes: list[tuple[str, int | None]] = []
        self.target = "width"
        self.expects_precision = False
        self.problem = ""

    def field(self) -> Field:
        kind = ""
        while not kind and not self.problem:
            character = self.format[self.at : self.at + 1]
            if character in _TYPES and character:
                kind = character
                self.at += 1
            else:
                self.modifier(character)
        if kind and (self.expects_precision or self.target == "both"):
            self.problem = "Expected precision not found."
        flags = self.flags
        return Field(
            kind, "left" in flags, "centred" in flags, _SIGNS[self.sign], self.pad, self.pad_width, "array" in flags,
            "column" in flags, "table" in flags, tuple(self.sizes), self.problem,
        )

    def modifier(self, character: str) -> None:
        if "0" <= character <= "9" or character == "*":
            self.number(character)
            return
        self.at += 1
        if character in _FLAGS:
            self.flags.add(_FLAGS[character])
        elif character in _SIGN_BITS:
            self.sign |= _SIGN_BITS[character]
        elif character == ".":
            self.expects_precision, self.target = True, "precision"
        elif character == ":":
            self.expects_precision, self.target = False, "both"
        elif character == "'":
            self.quoted_pad()
        else:
            self.problem = FORMAT_FAULT

    def number(self, character: str) -> None:
        following = self.format[self.at + 1 : self.at + 2]
        if character == "0" and not self.expects_precision and ("1" <= following <= "9" or following == "*"):
            self.pad, self.pad_width = "0", 1
            self.at += 1
            return
        if character == "*":
            self.sizes.append((self.target, None))
            self.at += 1
        else:
            match = _NUMBER.match(self.format, self.at)
            digits = match[0] if match else ""
            self.sizes.append((self.target, int(digits[:_LONGEST_NUMBER])))
            self.at += len(digits)
        self.target, self.expects_precision = "width", False

    def quoted_pad(self) -> None:
        """The padding between quotes; `at` is just after the first."""
        pad = []
        start = self.at
        while True:
            character = self.format[self.at : self.at + 1]
            self.at += 1
            if not character:
                self.problem = "Unexpected end of format string."
                return
            if character == "'":
                break
            if character == "\\":
                character = self.format[self.at : self.at + 1]
                self.at += 1
                if not character:
                    self.problem = "Unexpected end of format string."
                    return
                if character not in "'\\":
                    self.problem = "padding string '\\' must be followed by another '\\' or single quote"
                    return
            pad.append(character)
        self.pad = "".join(pad)
        self.pad_width = _pad_width(self.pad, self.format[start : self.at - 1])
        if not self.pad_width:
            self.problem = "Null pad string specified."


def _pad_width(pad: str, written: str) -> int:
    """The columns a padding counts for. With backslashes in it FluffOS counts too few, and its tests hold it
    to that; where that leaves none at all, which would be an error there, the true width counts."""
    escapes = len(written) - len(pad)
    if not escapes:
        return width(pad)
    seen = written.encode(errors="replace")
    counted = width(seen[: len(seen) - escapes].decode(errors="ignore")) - escapes
    return counted if counted > 0 else width(pad)


_SIGN_BITS: Final = {" ": 1, "+": 2}
_SIGNS: Final = ("", " ", "+", "")  # both at once cancel out


# --------------------------------------------------------------------------------- arguments and sizes


class Arguments:
    """The arguments of one call, taken in order; `at` is the one in hand, for errors."""

    __slots__ = ("values", "at", "limit")

    def __init__(self, values: Sequence[Value], limit: int) -> None:
        self.values = values
        self.at = -1
        self.limit = limit

    def next(self) -> Value:
        self.at += 1
        if self.at >= len(self.values):
            raise self.fault(TOO_FEW)
        return self.values[self.at]

    def fault(self, message: str) -> LPCError:
        return fault(message, self.at)

    def open(self, field: Field) -> tuple[Value, int, int]:
        """The value for a field, and its width and precision (0 for none)."""
        value = self.next()
        columns = precision = 0
        for target, number in field.sizes:
            if number is None:
                if not isinstance(value, int):
                    raise self.fault("Incorrect argument type to *.")
                number, value = int(value), self.next()
            if target != "precision":
                columns = number
            if target != "width":
                precision = number
        if field.fault:
            raise self.fault(field.fault)
        if precision < 0:
            raise self.fault("Expected precision not found.")
        if columns > self.limit:
            raise self.fault(OVERFLOW)
        return value, max(0, columns), precision


# ------------------------------------------------------------------------------- the text of one field


def text_of(field: Field, value: Value, precision: int, arguments: Arguments) -> str:
    """A value in a field, before it is padded."""
    kind = field.kind
    if kind == "s" or kind == "O":
        text = string_of(field, value, arguments)
        return text[: cut(text, precision).length] if precision else text
    if kind == "c":
        return _character(value, arguments)
    return _number(kind, value, field.sign, precision)


def string_of(field: Field, value: Value, arguments: Arguments) -> str:
    """The string a %s or %O stands for."""
    if field.kind == "O":
        return show(value, arguments.limit)
    if type(value) is str:
        return value
    if (isinstance(value, int) and value == 0) or is_destructed(value):
        return "0"
    raise arguments.fault("Incorrect argument type to %s.")


def _character(value: Value, arguments: Arguments) -> str:
    if isinstance(value, int) and 0 < value < 0x110000:
        character = chr(value)
        if unicodedata.category(character) not in ("Cn", "Cs"):
            return character
    raise arguments.fault("Incorrect argument to type %c, must be valid UTF8 char.")


def _number(kind: str, value: Value, sign: str, precision: int) -> str:
    precision = min(precision, _MOST_DIGITS)
    if is_destructed(value):
        value = 0
    if kind in "fg":
        if not isinstance(value, (int, float)):
            raise _wrong_type(kind)
        number = float(value)
        return format(number, f"{sign}.{precision or 6}{kind}")[:_MOST_DIGITS]
    kind = "d" if kind == "i" else kind
    if isinstance(value, float) and kind == "d":
        value = truncate(math.floor(value)) if math.isfinite(value) else truncate(value)
    if not isinstance(value, int):
        raise _wrong_type(kind)
    if kind == "d":
        digits = str(abs(value)).rjust(precision, "0")
        return ("-" if value < 0 else sign) + digits
    return format(value & _UNSIGNED, kind).rjust(precision, "0")


def _wrong_type(kind: str) -> LPCError:
    return LPCError(f"ERROR: (s)printf(): Incorrect argument type to %{kind}.")


# ---------------------------------------------------------------------------------------------- padding


def padding(field: Field, columns: int, *, at_left: bool) -> str:
    """`columns` of a field's padding; where its last piece does not fit, blanks stand outside."""
    if columns <= 0:
        return ""
    if not field.pad:
        return " " * columns
    if field.pad_width == 1 and len(field.pad) == 1:
        return field.pad * columns
    whole, left_over = divmod(columns, field.pad_width)
    text = field.pad * whole
    if left_over:
        part = cut(field.pad, left_over)
        if part.width <= left_over:
            text += field.pad[: part.length]
            left_over -= part.width
        text = " " * left_over + text if at_left else text + " " * left_over
    return text


def justified(field: Field, text: str, columns: int, *, trailing: bool = True) -> str:
    """A text in its field; without `trailing` nothing is added after it."""
    taken = width(text)
    if columns <= taken:
        return text
    room = columns - taken
    if field.centred:
        before = room // 2 if field.left else room - room // 2
        after = padding(field, room - before, at_left=False) if trailing else ""
        return padding(field, before, at_left=True) + text + after
    if field.left:
        return text + padding(field, room, at_left=False) if trailing else text
    return padding(field, room, at_left=True) + text
