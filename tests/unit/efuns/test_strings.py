"""Strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import regex
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns.core import strings
from lpc.efun import efuns_of
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED

EFUNS = efuns_of(strings)
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"


def call(this: LPCObject, name: str, *args: Any) -> Any:
    efun = EFUNS[name]
    return efun.checked(*((this,) if efun.wants_this else ()), *args)


@pytest.mark.parametrize(("name", "args", "result"), [
    ("explode", ("a b c", " "), ["a", "b", "c"]), ("explode", ("", " "), []), ("explode", ("abc", "x"), ["abc"]),
    ("explode", (" a ", " "), ["a"]), ("explode", ("  a  ", " "), ["", "a", ""]),
    ("explode", ("a  b", " "), ["a", "", "b"]),
    ("explode", ("//", "/"), []), ("explode", ("a, b, ", ", "), ["a", "b"]), ("explode", ("abc", ""), ["a", "b", "c"]),
    ("explode", (f"a{FAMILY}", ""), ["a", FAMILY]), ("explode", (f"a{FAMILY}b", FAMILY), ["a", "b"]),
    ("explode", (f"a{FAMILY}b", "\u200d"), [f"a{FAMILY}b"]), ("explode", ("a\r\nb\r\n", "\n"), ["a\r", "b\r"]),
    ("explode", (f"中{FAMILY}中e\u0301", "中"), [FAMILY, "e\u0301"]),
    ("explode_reversible", ("/a//", "/"), ["", "a", "", ""]), ("explode_reversible", ("/", "/"), ["", ""]),
    ("explode_reversible", ("", "/"), []),
    ("repeat_string", ("ab", 3), "ababab"), ("repeat_string", ("ab", 0), ""), ("repeat_string", ("ab", -3), ""),
    ("repeat_string", ("", 5), ""), ("repeat_string", ("abc", 10**15), "abc" * 3333),
    ("strsrch", ("banana", "an"), 1), ("strsrch", ("banana", "an", -1), 3), ("strsrch", ("banana", "x"), -1),
    ("strsrch", ("banana", ord("n")), 2), ("strsrch", ("banana", ord("n"), 1), 4), ("strsrch", ("banana", 0), 6),
    ("strsrch", ("", "a"), -1), ("strsrch", ("", ""), 0), ("strsrch", ("中文中", "中"), 0),
    ("strsrch", ("中文中", 0x4E2D, 1), 2),
    ("strsrch", (f"a{FAMILY}b", "b"), 2), ("strsrch", (f"a{FAMILY}b", FAMILY), 1),
    ("strsrch", (f"a{FAMILY}b", "\U0001f469"), -1),
    ("strsrch", (f"a{FAMILY}b", "\U0001f467", 1), -1), ("strsrch", (f"x{FAMILY}y{FAMILY}", FAMILY, 1), 3),
    ("strsrch", ("a\r\nb", "\n"), -1), ("strsrch", ("a\r\nb", "b"), 2),
    ("strcmp", ("a", "b"), -1), ("strcmp", ("b", "a"), 1), ("strcmp", ("a", "a"), 0),
    ("strcmp", ("\U0001f600", "\ufb01"), 1),
    ("strwidth", ("abc",), 3), ("strwidth", ("中文",), 4), ("strwidth", ("a\tb\n",), 2),
    ("strwidth", ("\x1b[1;31mred\x1b[0m",), 3),
    ("strwidth", (FAMILY,), 2), ("strwidth", ("e\u0301",), 1), ("strwidth", ("\U0001f926\U0001f3fb\u200d♂\ufe0f",), 2),
    ("strwidth", ("\x1b[31m中\x1b[0m",), 2), ("strwidth", ("",), 0),
    ("string_difference", ("kitten", "sitting"), 3), ("string_difference", ("", "abc"), 3),
    ("string_difference", ("abc", "abc"), 0), ("string_difference", ("ab", "ba"), 2),
    ("replace_string", ("aXbXc", "X", "-"), "a-b-c"), ("replace_string", ("aXbXc", "X", "-", 1), "a-bXc"),
    ("replace_string", ("aXbXc", "X", "-", 0), "a-b-c"), ("replace_string", ("aXbXcX", "X", "", 2, 2), "aXbcX"),
    ("replace_string", ("aXbXcX", "X", "--", 2, 0), "aXb--c--"), ("replace_string", ("aXbXc", "X", "-", 3, 2), "aXbXc"),
    ("replace_string", ("aXbXcX", "X", "-", 2, 3), "aXb-c-"), ("replace_string", ("aXb", "X", "-", -1), "aXb"),
    ("replace_string", ("aXb", "", "-"), "aXb"), ("replace_string", ("abab", "ab", "abab"), "abababab"),
    ("replace_string", ("aXb", "X", "-", 5, 9), "aXb"), ("replace_string", ("x" * 9000, "x", "yy"), UNDEFINED),
    ("replace_string", ("x" * 9000, "q", "y" * 5000), "x" * 9000),
    ("replace_string", ("aX" * 4000, "X", "yy", 3), "ayy" * 3 + "aX" * 3997),
    ("upper_case", ("aé1",), "Aé1"), ("upper_case", ("abc",), "ABC"), ("lower_case", ("AÉ1",), "aÉ1"),
    ("lower_case", ("ABC",), "abc"),
    ("capitalize", ("tom",), "Tom"), ("capitalize", ("Tom",), "Tom"), ("capitalize", ("1x",), "1x"),
    ("capitalize", ("",), ""),
    ("capitalize", ("éa",), "éa"),
    ("trim", (" \t\n\v\f\ra b \n",), "a b"), ("trim", ("xyaxy", "xy"), "a"), ("trim", (" a ", ""), "a"),
    ("trim", ("\u00a0a",), "\u00a0a"),
    ("ltrim", ("  a ",), "a "), ("ltrim", ("xxaxx", "x"), "axx"), ("rtrim", (" a  ",), " a"),
    ("rtrim", ("xxaxx", "x"), "xxa"),
])
def test_results(this: LPCObject, name: str, args: tuple[Any, ...], result: Any) -> None:
    assert call(this, name, *args) == result


@pytest.mark.parametrize(("name", "args", "message"), [
    ("strsrch", ("a", -1), "*Invalid codepoint to search.\n"),
    ("strsrch", ("a", 1 << 40), "*Invalid codepoint to search.\n"),
    ("implode", (["a"], ",", 1), "*Third argument to implode() is illegal with implode(array, string)\n"),
    ("explode", (5, ","), "*Bad argument 1 to explode()\nExpected: string Got: 5.\n"),
    ("explode", ("a", 0), "*Bad argument 2 to explode()\nExpected: string Got: 0.\n"),
    ("trim", (0,), "*Bad argument 1 to EFUN trim()\nExpected: string,  Got: int(0).\n"),
])
def test_errors(this: LPCObject, name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(LPCError) as caught:
        call(this, name, *args)
    assert caught.value.value == message


def test_results_are_bounded(this: LPCObject) -> None:
    assert len(call(this, "explode", "a" * 5000, "")) == 1000
    assert len(call(this, "explode_reversible", "," * 5000, ",")) == 1000
    with pytest.raises(LPCError, match="too long"):
        call(this, "implode", ["x" * 1000] * 11, "")
    with pytest.raises(LPCError, match="too long"):
        call(this, "string_difference", "ab" * 3000, "ba" * 3000)


def test_implode_joins_only_strings(this: LPCObject) -> None:
    assert call(this, "implode", ["a", 1, "b", [], "c"], "-") == "a-b-c"
    assert call(this, "implode", [1, 2], "-") == ""
    assert call(this, "implode", [], "-") == ""


def test_implode_folds(this: LPCObject, lpc: Callable[..., Closure]) -> None:
    add = lpc(lambda a, b: a + b)
    assert call(this, "implode", [1, 2, 3], add) == 6
    assert call(this, "implode", [5], add) == 5
    assert call(this, "implode", [], add) == 0
    assert call(this, "implode", [], add, 666) == 666
    assert call(this, "implode", ["b", "c"], add, "a") == "abc"


def test_a_fold_does_not_see_what_it_does_to_the_array(this: LPCObject, lpc: Callable[..., Closure]) -> None:
    array = [1, 2, 3]

    def grow(a: int, b: int) -> int:
        array.append(1)
        return a + b

    assert call(this, "implode", array, lpc(grow)) == 6


LETTERS = st.text(st.sampled_from(["a", ",", "中", "\u0301", "\u200d", "\r", "\n", "\U0001f469"]), max_size=15)
ANY_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@ANY_FIXTURE
@given(LETTERS, LETTERS)
def test_explode_reversible_can_be_reversed(this: LPCObject, text: str, separator: str) -> None:
    parts = call(this, "explode_reversible", text, separator)
    assert call(this, "implode", parts, separator) == text


@ANY_FIXTURE
@given(LETTERS, LETTERS.filter(bool), st.sampled_from([0, -1]))
def test_strsrch_finds_whole_characters(this: LPCObject, text: str, what: str, flag: int) -> None:
    characters = regex.findall(r"\X", text)
    wanted = regex.findall(r"\X", what)
    at = call(this, "strsrch", text, what, flag)
    if at >= 0:
        assert "".join(characters[at:]).startswith(what)
    elif not what.isascii() and "".join(wanted) == what:
        places = range(len(characters) - len(wanted) + 1)
        assert not any(characters[p : p + len(wanted)] == wanted for p in places)


@ANY_FIXTURE
@given(st.text("abX", max_size=12), st.integers(0, 6), st.integers(0, 6))
def test_replace_string_by_number(this: LPCObject, text: str, first: int, last: int) -> None:
    seen = 0
    expected = ""
    for letter in text:
        seen += letter == "X"
        wanted = letter == "X" and max(first, 1) <= seen <= (last or 99) and not (last and first > last)
        expected += "--" if wanted else letter
    assert call(this, "replace_string", text, "X", "--", first, last) == expected


@ANY_FIXTURE
@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_string_difference_is_a_distance(this: LPCObject, left: str, right: str) -> None:
    distance = call(this, "string_difference", left, right)
    assert distance == call(this, "string_difference", right, left)
    assert (distance == 0) is (left == right)
    assert abs(len(left) - len(right)) <= distance <= max(len(left), len(right))
