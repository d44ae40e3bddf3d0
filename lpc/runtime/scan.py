"""sscanf(): a format becomes a Python function once, and that function takes strings apart.

The rules are FluffOS's. Literal text must be there exactly. `%s` reaches to the next occurrence of the
literal after it, or to where the conversion after it begins to match, or to the end. `%d %x %f` skip
white space first. `%(pattern)` is a regular expression of regexp()'s notation, `%c` one character's code,
`%*…` matches without a variable. Matching stops at the first failure; what was found so far counts.
Text left over after the format goes into the next variable, if there is one.

Everything about a format but the text itself is known beforehand, even the count at each exit, so the
function is straight-line code. A fault in a format is raised only when matching reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, Final, NamedTuple

from lpc.errors import BadArgument, LPCError
from lpc.runtime.pattern import compiled_pattern, search_pattern
from lpc.runtime.show import show_short
from lpc.runtime.text import cluster_code, clusters
from lpc.runtime.values import INT_MAX, INT_MIN, Value

Matches = tuple[int, list[Value]]
Scanner = Callable[[str], Matches]

#: longer formats are not kept, as LPC could fill the memory with them
_REMEMBERED: Final = 4096
_MOST_FIELDS: Final = 1000


def scan(text: Value, format: Value, variables: int, seconds: float = 1.0) -> Matches:
    """Match `text`: how many conversions matched, and the values for the variables, in order.

    `variables` is how many sscanf() was given; `seconds` bounds the time one `%(pattern)` may take.
    """
    if type(text) is not str:
        raise BadArgument(f"Bad argument 1 to sscanf\nExpected: string Got: {show_short(text)}.")
    if type(format) is not str:
        raise BadArgument(f"Bad argument 2 to sscanf\nExpected: string Got: {show_short(format)}.")
    if len(format) > _REMEMBERED:
        return scanner.__wrapped__(format, variables, seconds)(text)
    needed, run = _prepared(format)
    if needed != variables or (seconds != 1.0 and "%(" in format):
        run = scanner(format, variables, seconds)
    return run(text)


@lru_cache(maxsize=512)
def scanner(format: str, variables: int, seconds: float = 1.0) -> Scanner:
    """The function that matches a string against this format for this many variables."""
    return _Writer(variables, seconds).function(_read(format))


@lru_cache(maxsize=512)
def _prepared(format: str) -> tuple[int, Scanner]:
    """How many variables a format fills, and its scanner for just that many."""
    needed = sum(field.kind in _STORED and not field.skip for field in _read(format))
    return needed, scanner(format, needed)


# ----------------------------------------------------------------------------------- reading a format


class _Field(NamedTuple):
    """A step of a format: `kind` is a conversion letter, "literal", or "fault" (then `text` is the error)."""

    kind: str
    text: str = ""
    skip: bool = False


_STORED: Final = frozenset("dxfsc(")
_LITERAL: Final = re.compile(r"(?:[^%]+|%%)+")


def _read(format: str) -> list[_Field]:
    """The fields of a format; LPCError where they are more than a format may have."""
    fields = list(islice(_fields(format), _MOST_FIELDS + 1))
    if len(fields) > _MOST_FIELDS:
        raise LPCError("Too many conversions in sscanf() format string")
    return fields


def _fields(format: str) -> Iterator[_Field]:
    at = 0
    while at < len(format):
        # After %s only the text up to the next % is searched for, even if that % is a literal one.
        literal = _LITERAL.match(format, at)
        if literal is not None:
            yield _Field("literal", literal[0])
            at = literal.end()
            continue
        at += 1
        skip = format.startswith("*", at)
        at += skip
        kind = format[at : at + 1]
        at += 1
        if kind == "(":
            end = _end_of_pattern(format, at)
            if end < 0:
                yield _Field("fault", f"Bad regexp format: '%{format[at:]}' in sscanf format string")
                return
            yield _Field("(", format[at:end], skip)
            at = end + 1
        elif kind in _STORED and kind:
            yield _Field(kind, "", skip)
        else:
            bad_type = f"Bad type : '%{kind}' in sscanf() format string"
            yield _Field("fault", bad_type if kind else "Format string cannot end in '%' in sscanf()")
            return


def _end_of_pattern(format: str, at: int) -> int:
    """Where the parenthesis opened just before `at` closes; -1 if nowhere."""
    depth = 1
    while at < len(format):
        if format[at] == "\\":
            at += 1
        elif format[at] == "(":
            depth += 1
        elif format[at] == ")":
            depth -= 1
            if not depth:
                return at
        at += 1
    return -1


def conversions(format: str) -> list[str]:
    """The kind of each conversion of a format that stores a value: one of the letters `s d x f c` or `(`."""
    return [field.kind for field in _fields(format) if field.kind in _STORED and not field.skip]


# ----------------------------------------------------------------------- what scanners call at run time

_SPACE: Final = r"[ \t\n\v\f\r]*"
_DECIMAL: Final = re.compile(_SPACE + r"([+-]?[0-9]+)").match
_HEXADECIMAL: Final = re.compile(_SPACE + r"([+-]?)(?:0[xX](?=[0-9a-fA-F]))?([0-9a-fA-F]+)").match
_FLOAT: Final = re.compile(_SPACE + r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)").match
_DIGIT: Final = re.compile(r"[0-9]").search
_FLOAT_START: Final = re.compile(r"\.?[0-9]").search
_HEXADECIMAL_START: Final = re.compile(r"0[xX][0-9a-fA-F]").search


def _integer(digits: str) -> int:
    """An integer as strtoll() reads it: what is too large becomes the largest there is."""
    if len(digits) < 19:
        return int(digits)
    if len(digits.lstrip("+-").lstrip("0")) > 19:
        return INT_MIN if digits[0] == "-" else INT_MAX
    return max(INT_MIN, min(INT_MAX, int(digits[-21:] if digits[0] in "+-" else digits[-20:])))


def _hexadecimal(match: re.Match[str]) -> int:
    digits = match[2].lstrip("0")
    number = int(digits, 16) if 0 < len(digits) <= 16 else (1 << 64 if digits else 0)
    return max(INT_MIN, -number) if match[1] == "-" else min(INT_MAX, number)


def _character(text: str) -> tuple[int, str]:
    """The code of the first character, and the text after it."""
    cluster = clusters(text[:64])[0]
    return cluster_code(cluster), text[len(cluster) :]


# ------------------------------------------------------------------------------ writing the function

_LETTERS: Final = {"d": _DECIMAL, "x": _HEXADECIMAL, "f": _FLOAT}
_STARTS: Final = {"d": _DIGIT, "x": _HEXADECIMAL_START, "f": _FLOAT_START}
_READ: Final = {"d": "integer(m[1])", "x": "hexadecimal(m)", "f": "float(m[1])"}


class _Writer:
    """Writes the Python source of one scanner. `text` in it is always what is left to match; `count` and
    `names` are the result at the point reached."""

    def __init__(self, variables: int, seconds: float) -> None:
        self.variables = variables
        self.seconds = seconds
        self.lines: list[str] = []
        self.count = 0
        self.names: list[str] = []
        self.constants: dict[str, Any] = {
            "Error": LPCError, "integer": _integer, "hexadecimal": _hexadecimal, "character": _character,
            "compiled": compiled_pattern, "search": search_pattern, "float": float, "int": int, "len": len,
        }

    def function(self, fields: list[_Field]) -> Scanner:
        """The scanner of these fields."""
        at = 0
        while at < len(fields):
            field = fields[at]
            follower = fields[at + 1] if at + 1 < len(fields) else None
            if not self.room(field, "Too few arguments to sscanf()"):
                break
            if field.kind == "s" and follower is not None:
                at += self.string(field, follower)
            elif field.kind == "d" and follower is not None and follower.kind == "literal" and "%" not in follower.text:
                self.number_before(field, follower.text)
                at += 2
            else:
                self.single(field, last=follower is None)
                at += 1
        self.rest()
        source = "\n".join(["def run(text):", *(f" {line}" for line in self.lines)])
        scope = {"__builtins__": {}, **self.constants}
        exec(compile(source, "<sscanf>", "exec"), scope)  # noqa: S102 - only our own lines and names of constants
        return scope["run"]  # type: ignore[no-any-return]

    # ------------------------------------------------------------------------------------- pieces

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def result(self, *more: str, count: int | None = None) -> str:
        """The way out at this point: the count, and the values so far and these."""
        return f"return {self.count if count is None else count}, [{', '.join([*self.names, *more])}]"

    def store(self, field: _Field, expression: str) -> None:
        """Count a conversion, and keep its value unless it is skipped."""
        self.count += 1
        if not field.skip:
            name = f"v{len(self.names)}"
            self.lines.append(f"{name} = {expression}")
            self.names.append(name)

    def fail(self, message: str) -> None:
        self.lines.append(f"raise Error({self.constant(message)})")

    def room(self, field: _Field, complaint: str, reserved: int = 0) -> bool:
        """Whether there is a variable for a field, `reserved` being spoken for; writes the error if not."""
        if field.kind not in _STORED or field.skip or len(self.names) + reserved < self.variables:
            return True
        self.fail(complaint)
        return False

    def rest(self) -> None:
        """The end of the format: what is left of the text goes into the next variable."""
        if len(self.names) < self.variables:
            self.lines.append(f"if text: {self.result('text', count=self.count + 1)}")
        self.lines.append(self.result())

    # -------------------------------------------------------------------------------- conversions

    def single(self, field: _Field, *, last: bool) -> None:
        """A field that needs no look at the next one."""
        if field.kind == "literal":
            self.literal(field.text)
        elif field.kind == "fault":
            self.fail(field.text)
        elif field.kind == "c":
            self.lines += [f"if not text: {self.result()}", "code, text = character(text)"]
            self.store(field, "code")
        elif field.kind == "(":
            self.pattern(field)
        elif field.kind == "s":
            self.store(field, "text")
            self.lines.append("text = ''")
        else:
            self.number(field, last=last)

    def literal(self, text: str) -> None:
        text = text.replace("%%", "%")
        self.lines += [f"if not text.startswith({self.constant(text)}): {self.result()}", f"text = text[{len(text)}:]"]

    def number(self, field: _Field, *, last: bool) -> None:
        if last and field.kind == "d" and not field.skip and len(self.names) + 1 == self.variables:
            # The common end of a format, `…%d` before nothing but digits, needs no regular expression.
            done = self.result("int(digits)", count=self.count + 1)
            self.lines.append("digits = text.strip(' ')")
            self.lines.append(f"if digits.isdigit() and len(digits) < 19 and digits.isascii(): {done}")
        self.lines += [f"m = {self.constant(_LETTERS[field.kind])}(text)", f"if m is None: {self.result()}"]
        self.store(field, _READ[field.kind])
        self.lines.append("text = text[m.end():]")

    def number_before(self, field: _Field, literal: str) -> None:
        """`%d` and the literal after it; plain digits up to the literal need no regular expression."""
        name = "skipped" if field.skip else f"v{len(self.names)}"
        lost = self.result()
        self.count += 1
        if not field.skip:
            self.names.append(name)
        text = self.constant(literal)
        self.lines += [
            f"digits, sign, rest = text.partition({text})",
            "if sign and digits.isdigit() and len(digits) < 19 and digits.isascii():",
            f" {name} = int(digits)",
            " text = rest",
            "else:",
            f" m = {self.constant(_DECIMAL)}(text)",
            f" if m is None: {lost}",
            f" {name} = integer(m[1])",
            " text = text[m.end():]",
            f" if not text.startswith({text}): {self.result()}",
            f" text = text[{len(literal)}:]",
        ]

    def pattern(self, field: _Field) -> None:
        self.search(field)
        self.lines.append(f"if m is None or m.start(): {self.result()}")
        self.store(field, "m[0]")
        self.lines.append("text = text[m.end():]")

    def search(self, field: _Field) -> None:
        """Set m to the first match of a pattern."""
        pattern, seconds = self.constant(field.text), self.constant(self.seconds)
        self.lines.append(f"m = search(compiled({pattern}), text, {seconds})")

    # ----------------------------------------------------------------------- `%s` before something

    def string(self, field: _Field, follower: _Field) -> int:
        """`%s` and how far it reaches; how many fields that dealt with."""
        if follower.kind == "literal":
            self.up_to_literal(field, follower.text)
        elif follower.kind == "s":
            self.fail("Illegal to have 2 adjacent %s's in format string in sscanf()")
        elif follower.kind == "fault":
            self.fail(follower.text if "end in" not in follower.text else "Format string can't end in '%'.")
        elif self.room(follower, "Too few arguments to sscanf().", reserved=not field.skip):
            return self.up_to_match(field, follower)
        return 2

    def up_to_literal(self, field: _Field, literal: str) -> None:
        head, percent, tail = literal.partition("%%")
        lost = self.result()
        if not head:
            # Directly before a literal %, a missing % still gives %s all the rest, though it does not count.
            head, percent = "%", ""
            lost = self.result() if field.skip else self.result("found")
        self.lines += [f"found, sign, text = text.partition({self.constant(head)})", f"if not sign: {lost}"]
        self.store(field, "found")
        if percent + tail:
            self.literal(percent + tail)

    def up_to_match(self, field: _Field, follower: _Field) -> int:
        if follower.kind == "(":
            self.search(follower)
        elif follower.kind == "c":
            self.lines.append("m = any_character(text)")  # so %s takes nothing
            self.constants["any_character"] = _ANY
        else:
            self.lines.append(f"m = {self.constant(_STARTS[follower.kind])}(text)")
        self.store(field, "text if m is None else text[:m.start()]")
        self.lines.append(f"if m is None: {self.result()}")
        if follower.kind != "(":
            self.lines.append("text = text[m.start():]")
            return 1
        self.store(follower, "m[0]")
        self.lines.append("text = text[m.end():]")
        return 2


_ANY: Final = re.compile(".", re.DOTALL).match
