"""sscanf()."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpc.errors import BadArgument, LPCError
from lpc.runtime.scan import scan, scanner
from lpc.runtime.values import INT_MAX, INT_MIN


@pytest.mark.parametrize(("text", "format", "count", "values"), [
    # numbers
    ("123abc", "%d", 1, [123]), ("+7", "%d", 1, [7]), (" \t-5 ", "%d", 1, [-5]), ("x", "%d", 0, []), ("-", "%d", 0, []),
    ("99999999999999999999", "%d", 1, [INT_MAX]), ("-99999999999999999999", "%d", 1, [INT_MIN]),
    ("9223372036854775807", "%d", 1, [INT_MAX]), ("000000000000000000000000012", "%d", 1, [12]),
    ("1_0", "%d", 1, [1]), ("٣", "%d", 0, []),
    ("ff", "%x", 1, [255]), ("0xFFz", "%x", 1, [255]), ("-0x10", "%x", 1, [-16]), ("0xg", "%x", 1, [0]),
    ("ffffffffffffffffff", "%x", 1, [INT_MAX]), ("0", "%x", 1, [0]),
    ("1.5e2", "%f", 1, [150.0]), (".5", "%f", 1, [0.5]), ("3", "%f", 1, [3.0]), ("e", "%f", 0, []),
    # strings
    ("", "%s", 1, [""]), ("a b", "%s", 1, ["a b"]), ("key=value", "%s=%s", 2, ["key", "value"]),
    ("a=b=c", "%s=%s", 2, ["a", "b=c"]), ("none", "%s=%s", 0, []), ("a b c", "%s %s %s", 3, ["a", "b", "c"]),
    ("tom:12", "%s:%d", 2, ["tom", 12]), ("tom:  12", "%s:%d", 2, ["tom", 12]), ("tom:-12", "%s:%d", 2, ["tom", -12]),
    ("tom:x", "%s:%d", 1, ["tom"]), ("中文:3", "%s:%d", 2, ["中文", 3]),
    # a string up to where the next conversion matches
    ("abc12", "%s%d", 2, ["abc", 12]), ("abc", "%s%d", 1, ["abc"]), ("a-5", "%s%d", 2, ["a-", 5]),
    ("a0x1f!", "%s%x", 2, ["a", 31]), ("a12", "%s%x", 1, ["a12"]), ("v.5", "%s%f", 2, ["v", 0.5]),
    ("ab1c", "%s%([0-9])%s", 3, ["ab", "1", "c"]), ("abc", "%s%([0-9])", 1, ["abc"]), ("ab", "%s%c", 2, ["", 97]),
    # patterns and characters
    ("foo1", "%([a-z]+)%d", 2, ["foo", 1]), ("1foo", "%([a-z]+)", 0, []), ("(x)", "%(\\(.\\))", 1, ["(x)"]),
    ("abb", "a%(^b)%s", 2, ["b", "b"]), ("a", "%c", 1, [97]), ("", "%c", 0, []), ("e\u0301x", "%c%c", 2, [101, 120]),
    # literals
    ("abc", "abc", 0, []), ("abd", "abc", 0, []), ("50%", "%d%%", 1, [50]), ("a%b", "%s%%%s", 2, ["a", "b"]),
    ("ab", "%s%%", 0, ["ab"]), ("you%", "%su%%", 1, ["yo"]), ("x%%y", "x%%%%%s", 1, ["y"]),
    # skipped fields count but need no variable
    ("a b", "%*s %s", 2, ["b"]), ("12 x", "%*d %s", 2, ["x"]), ("ab7", "%*s%d", 2, [7]), ("ab7", "%s%*d", 2, ["ab"]),
    ("ab", "%*([a-z])%s", 2, ["b"]), ("ab", "%*c%s", 2, ["b"]),
])
def test_matches(text: str, format: str, count: int, values: list[Any]) -> None:
    needed = len(re.findall(r"%(?!\*)[dsxfc(]", format.replace("%%", "")))
    assert scan(text, format, needed) == (count, values)


def test_the_rest_of_the_text_goes_into_the_next_variable() -> None:
    assert scan("abc def", "abc", 1) == (1, [" def"])
    assert scan("12 rest", "%d", 2) == (2, [12, " rest"])
    assert scan("12", "%d", 2) == (1, [12])
    assert scan("12", "%d", 3) == (1, [12])


@pytest.mark.parametrize(("text", "format", "variables", "message"), [
    ("1 2", "%d %d", 1, "*Too few arguments to sscanf()\n"),
    ("a1", "%s%d", 1, "*Too few arguments to sscanf().\n"),
    ("a", "%s%s", 2, "*Illegal to have 2 adjacent %s's in format string in sscanf()\n"),
    ("a", "%", 1, "*Format string cannot end in '%' in sscanf()\n"),
    ("a%", "%s%", 1, "*Format string can't end in '%'.\n"),
    ("a", "%q", 1, "*Bad type : '%q' in sscanf() format string\n"),
    ("a", "%(a", 1, "*Bad regexp format: '%a' in sscanf format string\n"),
    ("a", "%(+)", 1, "*+ follows nothing\n"),
    ("a", "%s%q", 1, "*Bad type : '%q' in sscanf() format string\n"),
])
def test_faults(text: str, format: str, variables: int, message: str) -> None:
    with pytest.raises(LPCError) as caught:
        scan(text, format, variables)
    assert caught.value.value == message


def test_a_fault_is_raised_only_when_it_is_reached() -> None:
    assert scan("abc", "x%q", 0) == (0, [])
    assert scan("1 x", "%d %d", 2) == (1, [1])


@pytest.mark.parametrize(("text", "format", "number"), [(5, "%d", 1), ("a", 5, 2)])
def test_wrong_arguments(text: Any, format: Any, number: int) -> None:
    with pytest.raises(BadArgument) as caught:
        scan(text, format, 1)
    assert caught.value.value == f"*Bad argument {number} to sscanf\nExpected: string Got: 5.\n"


def test_a_pattern_has_its_time() -> None:
    started = time.monotonic()
    with pytest.raises(LPCError, match="took too long"):
        scan("a" * 60, "%((a|aa)+c)", 1, 0.05)
    assert time.monotonic() - started < 5


def test_a_long_format_is_not_kept() -> None:
    format = "x" * 5000 + "%d"
    before = scanner.cache_info().currsize
    assert scan("x" * 5000 + "7", format, 1) == (1, [7])
    assert scanner.cache_info().currsize == before


def test_a_format_may_not_have_conversions_without_end() -> None:
    with pytest.raises(LPCError, match="Too many conversions"):
        scan("", "%*d" * 2000, 0)


PIECES = st.sampled_from(["%s", "%d", "%x", "%f", "%c", "%*s", "%*d",
                          "%%", "%([a-z]*)", "%(", "%q", "a", " ", ":", "1", "é"])
FORMATS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=10)
TEXTS = st.text(st.sampled_from("ab1 2.-:%é0xf\n"), max_size=20) | st.text(max_size=20)


@given(TEXTS, FORMATS, st.integers(0, 9))
def test_any_format_gives_values_or_an_lpc_error(text: str, format: str, variables: int) -> None:
    try:
        count, values = scan(text, format, variables)
    except LPCError as error:
        assert str(error.value).startswith("*")
        return
    assert len(values) <= variables
    assert count <= format.count("%") + 1
    assert all(type(value) in (int, float, str) for value in values)
    assert sum(len(value) for value in values if type(value) is str) <= len(text)


@given(st.text(st.characters(exclude_characters=":")), st.integers(INT_MIN, INT_MAX))
def test_what_was_joined_is_taken_apart_again(name: str, number: int) -> None:
    assert scan(f"{name}:{number}", "%s:%d", 2) == (2, [name, number])
