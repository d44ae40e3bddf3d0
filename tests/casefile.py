"""Case files: LPC sources that hold their own expectations.

A case file is one program, or several parted by lines `//---`. In each part

    void test_something() { expect(actual, wanted); }     is called, and notes what is not as wanted
    int x = "s";            // error LPC4003: regex       must give exactly this diagnostic on this line
    a + 1;                  // warning LPC5002: regex     likewise
    expect(x, 1);           // differs fluffos: why       a deliberate difference, listed in the summary

and no other diagnostic may come. A part with errors is only compiled; any other is loaded, its test
functions are called in order, the event loop turns until nothing can happen any more, and then
`void finished()` is called if there is one. The code may be a regular expression too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lpc.diagnostics import Diagnostic
from lpc.efun import Efun, efun
from lpc.runtime.values import Buffer, Mapping, Record, Value, is_destructed

CASES = Path(__file__).parent / "cases"
MUDLIB = Path(__file__).parent / "mudlib"

_PART = re.compile(r"^//---.*$", re.MULTILINE)
_TEST = re.compile(r"^void (test_\w+)\(\)", re.MULTILINE)
_EXPECTED = re.compile(r"// (error|warning) (LPC\S+): (.*?)\s*$")
_DIFFERS = re.compile(r"// differs fluffos: (.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Expected:
    """A diagnostic a line asks for."""

    line: int
    severity: str
    code: str
    message: str

    def matches(self, found: Diagnostic) -> bool:
        return bool(
            found.source.locate(found.start).line == self.line and found.severity.value == self.severity
            and re.fullmatch(self.code, found.code) and re.search(self.message, found.message)
        )

    def __str__(self) -> str:
        return f"line {self.line}: {self.severity} {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Part:
    """One program of a case file; its lines keep the numbers they have in the file."""

    text: str
    expected: tuple[Expected, ...]
    tests: tuple[str, ...]

    @property
    def must_fail(self) -> bool:
        return any(one.severity == "error" for one in self.expected)


def case_files() -> list[Path]:
    """Every case file; what lies in a `fixtures` folder is only read by others."""
    return sorted(path for path in CASES.rglob("*.c") if "fixtures" not in path.relative_to(CASES).parts)


def differences() -> Iterator[tuple[Path, str]]:
    """The deliberate differences from FluffOS: file and reason."""
    for path in case_files():
        for reason in _DIFFERS.findall(path.read_text(encoding="utf-8")):
            yield path.relative_to(CASES), reason


def parts_of(text: str) -> list[Part]:
    """The programs of a case file."""
    parts = []
    begin = 0
    for end in [*(match.start() for match in _PART.finditer(text)), len(text)]:
        body = "\n" * text.count("\n", 0, begin) + text[begin:end]
        expected = tuple(
            Expected(number, *match.groups())
            for number, line in enumerate(body.split("\n"), 1) if (match := _EXPECTED.search(line))
        )
        parts.append(Part(body, expected, tuple(_TEST.findall(body))))
        begin = end
    return parts


def unmatched(expected: tuple[Expected, ...], found: list[Diagnostic], path: str) -> list[str]:
    """What was asked for and did not come, and what came unasked."""
    problems = []
    left = list(found)
    for one in expected:
        match = next((each for each in left if each.source.locate(each.start).file == path and one.matches(each)), None)
        if match is None:
            problems.append(f"missing    {one}")
        else:
            left.remove(match)
    for each in left:
        place = each.source.locate(each.start)
        problems.append(f"unexpected {place.file}:{place.line}: {each.severity.value} {each.code}: {each.message}")
    return problems


# ------------------------------------------------------------------------------------------ expectations


@dataclass(slots=True)
class Failures:
    """What the expectations of one driver found wrong: (line, text)."""

    driver: Any
    checked: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)

    def check(self, line: int, right: bool, text: str) -> None:
        self.checked += 1
        if not right:
            self.found.append((line, text))


def same_value(actual: Value, wanted: Value) -> bool:
    """Same type and same contents; undefined and destructed objects are 0, references compare by what they hold."""
    actual, wanted = (0 if is_destructed(one) else one for one in (actual, wanted))
    if isinstance(actual, int) or isinstance(wanted, int):
        return isinstance(actual, int) and isinstance(wanted, int) and not isinstance(actual, bool) and actual == wanted
    if type(actual) is not type(wanted):
        return False
    if isinstance(actual, list):
        return len(actual) == len(wanted) and all(map(same_value, actual, wanted))
    if isinstance(actual, Mapping):
        return actual.keys() == wanted.keys() and all(same_value(actual[key], wanted[key]) for key in actual)
    if isinstance(actual, Record):
        return actual.type.name == wanted.type.name and all(map(same_value, actual.values, wanted.values))
    if isinstance(actual, Buffer):
        return actual.data == wanted.data
    return bool(actual == wanted if isinstance(actual, (str, float)) else actual is wanted)


@efun("void case_expect(int line, mixed actual, mixed wanted)")
def case_expect(this: Any, line: int, actual: Value, wanted: Value) -> int:
    """Note a failure unless both are the same value."""
    this.driver.state(Failures).check(line, same_value(actual, wanted), f"{actual!r}\n      is not {wanted!r}")
    return 0


@efun("void case_same(int line, mixed actual, mixed wanted)")
def case_same(this: Any, line: int, actual: Value, wanted: Value) -> int:
    """Note a failure unless both are one and the same thing."""
    this.driver.state(Failures).check(line, actual is wanted, f"{actual!r}\n      is not the very same as {wanted!r}")
    return 0


@efun("void case_message(int line, mixed value, string text)")
def case_message(this: Any, line: int, value: Value, text: str) -> int:
    """Note a failure unless `value` is an error message with `text` in it."""
    right = isinstance(value, str) and value.startswith("*") and value.endswith("\n") and text in value
    this.driver.state(Failures).check(line, right, f"{value!r}\n      is no error message with {text!r}")
    return 0


EFUNS: dict[str, Efun] = {one.name: one for one in (case_expect, case_same, case_message)}
