"""sprintf() and printf()."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns.core.sprintf import _formatter, printf, sprintf
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.values import INT_MAX, INT_MIN, UNDEFINED

LIMIT = 10_000  # string_length of the fake host


def error_of(this: LPCObject, *args: Any) -> Any:
    with pytest.raises(LPCError) as caught:
        sprintf.checked(this, *args)
    return caught.value.value


@pytest.mark.parametrize(("args", "text"), [
    (("",), ""), (("100%%",), "100%"), (("a%%b%d", 1), "a%b1"), (("plain", 1, 2), "plain"),
    # strings
    (("%s", "a"), "a"), (("%s", 0), "0"), (("%s", UNDEFINED), "0"), (("%5s|", "ab"), "   ab|"),
    (("%-5s|", "ab"), "ab   |"),
    (("%|5s|", "ab"), "  ab |"), (("%-|5s|", "ab"), " ab  |"), (("%2s|", "abc"), "abc|"), (("%.2s|", "abc"), "ab|"),
    (("%5.2s|", "abc"), "   ab|"), (("%:3s|", "abcdef"), "abc|"), (("%-:5s|", "ab"), "ab   |"),
    (("%*s|", 4, "ab"), "  ab|"), (("%-*s|", 4, "ab"), "ab  |"), (("%.*s|", 1, "ab"), "a|"),
    (("%*s|", -4, "ab"), "ab|"),
    (("%*5s|", 9, "ab"), "   ab|"), (("%05s", "ab"), "000ab"), (("%-05s", "ab"), "ab000"), (("%0*s", 4, "ab"), "00ab"),
    (("%'.'6s", "ab"), "....ab"), (("%'ab'-7s", "x"), "xababab"), (("%'ab'6s", "x"), "ababax"),
    (("%'ab'|7s", "x"), "abaxaba"),
    (("%'\\''4s", "x"), "'''x"),
    # integers
    (("%d", 5), "5"), (("%i", -5), "-5"), (("%5d|", -5), "   -5|"), (("%-5d|", 5), "5    |"), (("%05d", -5), "000-5"),
    (("%+d", 5), "+5"), (("%+d", -5), "-5"), (("% d", 5), " 5"), (("%+ d", 5), "5"), (("%+5d", 5), "   +5"),
    (("%.3d", 5), "005"),
    (("%.3d", -5), "-005"), (("%d", 2.9), "2"), (("%d", -2.1), "-3"), (("%d", UNDEFINED), "0"),
    (("%d", INT_MIN), str(INT_MIN)),
    (("%d", float("inf")), str(INT_MIN)), (("%-+6d|", 5), "+5    |"), (("%|6d|", 5), "   5  |"),
    (("%x", 255), "ff"), (("%X", 255), "FF"), (("%o", 8), "10"), (("%x", -1), "f" * 16), (("%+x", 1), "1"),
    (("%.4x", 10), "000a"),
    # floats
    (("%f", 1.5), "1.500000"), (("%f", 1), "1.000000"), (("%.2f", 1.239), "1.24"), (("%8.2f|", 1.5), "    1.50|"),
    (("%-8.2f|", 1.5), "1.50    |"), (("%+f", 1.5), "+1.500000"), (("%+12f", 1.5), "   +1.500000"),
    (("%g", 100.0), "100"),
    (("%g", 3.14), "3.14"), (("%.0f", 1.5), "1.500000"), (("%f", float("inf")), "inf"),
    (("%f", 1e20), "1" + "0" * 20 + ".000000"),
    # characters
    (("%c", 65), "A"), (("%3c|", 65), "  A|"), (("%c", 0x4E2D), "中"), (("%c", 27), "\x1b"),
    # values
    (("%O", "a"), '"a"'), (("%O", [1]), "({ /* sizeof() == 1 */\n  1\n})"), (("%5O|", 1), "    1|"),
    (("%.3O", "abc"), '"ab'),
    # arrays
    (("%@s", ["a", "b"]), "ab"), (("%@-3s|", ["a", "b"]), "a  b  |"), (("%@d,", [1, 2]), "12,"), (("%@s|", []), "|"),
    (("%@O", [1, "a"]), '1"a"'), (("%*@d|", 3, [1, 2]), "  1  2|"),
])
def test_text(this: LPCObject, args: tuple[Any, ...], text: str) -> None:
    assert sprintf.checked(this, *args) == text


@pytest.mark.parametrize(("args", "text"), [
    (("%5s|", "中"), "   中|"), (("%-5s|", "e\u0301"), "e\u0301    |"), (("%.3s|", "中文"), "中|"),
    (("%.1s|", "中"), "中|"),
    (("%6s|", "\x1b[31mred\x1b[0m"), "   \x1b[31mred\x1b[0m|"), (("%.2s|", "\x1b[31mred"), "\x1b[31mre|"),
    (("%-4s|", "a\tb"), "a\tb  |"), (("%'中'6s", "x"), " 中中x"), (("%'中'-6s", "x"), "x中中 "),
    (("%4s|", "\U0001f469\u200d\U0001f467"), "  \U0001f469\u200d\U0001f467|"),
    (("%3s|", "\U0001f926\U0001f3fb"), " \U0001f926\U0001f3fb|"),
])
def test_widths_are_display_columns(this: LPCObject, args: tuple[Any, ...], text: str) -> None:
    assert sprintf.checked(this, *args) == text


@pytest.mark.parametrize(("args", "text"), [
    (("%-=5s", "one two three"), "one\ntwo\nthree"),
    (("%-=5s|", "one two"), "one  |\ntwo"),
    (("%-=5s|\n", "one two"), "one  |\ntwo\n"),
    (("%=6s", "ab cd ef"), " ab cd\n    ef"),
    (("> %-=7s <\n", "aa bb cc dd"), "> aa bb   <\n  cc dd\n"),
    (("%-=4s %-=4s\n", "aa bb cc", "dd ee"), "aa   dd\nbb   ee\ncc\n"),
    (("%-=3s", "toolong a"), "toolong\na"),
    (("%-=8s", "first\nsecond"), "first\nsecond"),
    (("%-=8s", "line\n"), "line\n"),
    (("%-=8s\n", "line\n"), "line\n"),
    (("%-=4.6s|", "abc def gh"), "abc   |\ndef gh"),
    (("%-=6s", " indented"), " inden\nted"),
    (("%-=6s", "well-known"), "well-\nknown"),
    (("%-=6s", "中文字很长"), "中文字\n很长"),
    (("%-=4s", "中，文"), "中，\n文"),
    (("%-=5@s|", ["aa bb cc", "dd"]), "aa bbdd   |\ncc"),
    (("%-=5O", "ab cd"), '"ab\ncd"'),
    (("%=4d", 7), "   7"),
    (("%-=4s", ""), ""),
])
def test_columns(this: LPCObject, args: tuple[Any, ...], text: str) -> None:
    assert sprintf.checked(this, *args) == text


@pytest.mark.parametrize(("args", "text"), [
    (("%#-9.3s\n", "a\nb\nc\nd\ne"), "a  c  e\nb  d  \n"),
    (("%-#9.3s", "a\nb\nc\n"), "a  b  c"),
    (("%#12s", "a\nbb\nc"), "   a  bb   c"),
    (("%#-10s", "aaa\nbb\nc\nd\ne"), "aaa  d\nbb   e\nc    "),
    (("%#4.2s", "long\nwords"), "lowo"),
    (("x%#-6.2s|\n", "a\nb\nc\nd"), "xa  c|\n b  d\n"),
    (("%#-'.'7.2s|", "a\nb\nc"), "a..c...|\nb......"),
    (("%#1.5s", "a\nb"), "ab"),
    (("%#-6s", ""), ""),
])
def test_tables(this: LPCObject, args: tuple[Any, ...], text: str) -> None:
    assert sprintf.checked(this, *args) == text


@pytest.mark.parametrize(("args", "message"), [
    (("%d",), "More arguments specified than passed. (arg: 0)"),
    (("%d %d", 1), "More arguments specified than passed. (arg: 1)"),
    (("%*d", 1), "More arguments specified than passed. (arg: 1)"),
    (("%z", 1), "Error in format string. (arg: 0)"),
    (("%", 1), "Error in format string. (arg: 0)"),
    (("%5", 1), "Error in format string. (arg: 0)"),
    (("%5%", 1), "Error in format string. (arg: 0)"),
    (("%s", 5), "Incorrect argument type to %s. (arg: 0)"),
    (("%s%s", "a", []), "Incorrect argument type to %s. (arg: 1)"),
    (("%*d", "a", 1), "Incorrect argument type to *. (arg: 0)"),
    (("%.d", 1), "Expected precision not found. (arg: 0)"),
    (("%:d", 1), "Expected precision not found. (arg: 0)"),
    (("%.*d", -1, 1), "Expected precision not found. (arg: 1)"),
    (("%=s", "a"), "Column/table mode requires a field size. (arg: 0)"),
    (("%#s", "a"), "Column/table mode requires a field size. (arg: 0)"),
    (("%c", 0), "Incorrect argument to type %c, must be valid UTF8 char. (arg: 0)"),
    (("%c", 0xD800), "Incorrect argument to type %c, must be valid UTF8 char. (arg: 0)"),
    (("%c", 1 << 40), "Incorrect argument to type %c, must be valid UTF8 char. (arg: 0)"),
    (("%c", "a"), "Incorrect argument to type %c, must be valid UTF8 char. (arg: 0)"),
    (("%@s", "a"), "Array expected. (arg: 0)"),
    (("%@=5s", "a"), "Array expected. (arg: 0)"),
    (("%''5s", "a"), "Null pad string specified. (arg: 0)"),
    (("%'\x07'5s", "a"), "Null pad string specified. (arg: 0)"),
    (("%'ab", "a"), "Unexpected end of format string. (arg: 0)"),
    (("%'a\\", "a"), "Unexpected end of format string. (arg: 0)"),
    (("%'\\x'5s", "a"), "padding string '\\' must be followed by another '\\' or single quote (arg: 0)"),
])
def test_faults(this: LPCObject, args: tuple[Any, ...], message: str) -> None:
    assert error_of(this, *args) == f"*(s)printf(): {message}\n"


@pytest.mark.parametrize(("format", "value", "kind"), [
    ("%d", "a", "d"), ("%i", [], "d"), ("%x", 1.5, "x"), ("%X", "a", "X"), ("%o", "a", "o"), ("%f", "a", "f"),
    ("%g", [], "g"),
])
def test_numbers_of_the_wrong_type(this: LPCObject, format: str, value: Any, kind: str) -> None:
    assert error_of(this, format, value) == f"*ERROR: (s)printf(): Incorrect argument type to %{kind}.\n"


def test_the_format_must_be_a_string(this: LPCObject) -> None:
    with pytest.raises(BadArgument, match="Bad argument 1 to EFUN sprintf"):
        sprintf.checked(this, 5)


def test_a_destructed_object_is_0(this: LPCObject, host: Any) -> None:
    ob = host.make("/gone")
    ob.__class__ = Destructed
    assert sprintf.checked(this, "%s%d%O%x", ob, ob, ob, ob) == "0000"


@pytest.mark.parametrize("args", [
    ("%999999999999d", 1), ("%*d", 10**15, 1), ("%-999999999999s", "a"), ("%'ab'99999s", "a"), ("%99999=s", "a"),
    ("%#99999s", "a"), ("%99999@s", ["a"] * 5), ("%5000s%5000s%5000s", "a", "b", "c"), ("%@s", ["x" * 6000] * 2),
    ("%s%s", "x" * 6000, "y" * 6000), ("%O%O", "x" * 9000, 1.5), ("%-=5000s|%5000s|%5000s", "a", "b", "c"),
    ("%" + "9" * 5000 + "d", 1),
])
def test_nothing_grows_beyond_the_string_limit(this: LPCObject, args: tuple[Any, ...]) -> None:
    try:
        text = sprintf.checked(this, *args)
    except LPCError as error:
        assert "BUFF_SIZE overflowed" in str(error.value)
    else:
        assert len(text) <= LIMIT


def test_numbers_have_as_many_digits_as_c_gives_them(this: LPCObject) -> None:
    assert len(sprintf.checked(this, "%.99999f", 1.5)) == 1077
    assert len(sprintf.checked(this, "%.99999d", -1)) == 1078


def test_a_format_may_not_have_fields_without_end(this: LPCObject) -> None:
    assert error_of(this, "%d" * 100_001) == "*(s)printf(): Too many fields in format string.\n"


def test_formats_are_kept_but_not_long_ones(this: LPCObject) -> None:
    before = _formatter.cache_info().currsize
    assert sprintf.checked(this, "y" * 5000 + "%d", 1) == "y" * 5000 + "1"
    assert _formatter.cache_info().currsize == before


def test_plain_formats_take_the_general_way_for_other_arguments(this: LPCObject) -> None:
    for args, text in (((1,), "    1"), ((1.9,), "    1"), ((UNDEFINED,), "    0"), ((1, 2), "    1")):
        assert sprintf.checked(this, "%5d", *args) == text
    for value, text in (("a", "a    |"), ("中", "中   |"), ("a\n", "a\n    |"), (0, "0    |"),
    ("x" * 5000, "x" * 5000 + "|")):
        assert sprintf.checked(this, "%-5s|", value) == text


def test_printf_writes(this: LPCObject, host: Any) -> None:
    assert printf.checked(this, "%s!\n", "hi") is None
    assert host.written == ["hi!\n"]


MODIFIERS = st.sampled_from(["-", "|", "+", " ", "0", "5", "12", ".3", ".", ":4", "*",
                             "=", "#", "@", "'ab'", "'", "'\\''", "99999"])
FIELD = st.builds(lambda modifiers, kind: "%" + "".join(modifiers) + kind, st.lists(MODIFIERS, max_size=4),
                  st.sampled_from("sdioxXcfgO%z"))
FORMATS = st.lists(FIELD | st.sampled_from(["\n", "x", "%%", "中", " ", "%"]), max_size=6).map("".join)
TEXT = st.text(st.sampled_from("ab \n\x1b[3m中\u0301\u200d-,"), max_size=30)
ARG = (st.integers(-20, 20) | st.integers(INT_MIN, INT_MAX) | st.floats() | TEXT
       | st.lists(TEXT | st.integers(), max_size=4) | st.just(UNDEFINED))


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(FORMATS | st.text(max_size=8), st.lists(ARG, max_size=6))
def test_any_format_gives_a_bounded_text_or_an_lpc_error(this: LPCObject, format: str, args: list[Any]) -> None:
    try:
        text = sprintf.checked(this, format, *args)
    except LPCError as error:
        assert "printf()" in str(error.value)
    else:
        assert type(text) is str
        assert len(text) <= LIMIT


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.integers(INT_MIN, INT_MAX), st.floats(), st.integers(0, 30))
def test_plain_and_general_agree(this: LPCObject, text: str, number: int, real: float, width: int) -> None:
    plain = sprintf.checked(this, f"%{width or ''}s,%-{width or ''}d,%f", text, number, real)
    general = sprintf.checked(this, "%*s,%-*d,%*f", width, text, width, number, 0, real)
    assert plain == general
