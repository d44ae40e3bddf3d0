"""Regular expressions, FluffOS's and PCRE's."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns.core import regexp as module
from lpc.efun import efuns_of
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject

EFUNS = efuns_of(module)


def call(this: LPCObject, name: str, *args: Any) -> Any:
    efun = EFUNS[name]
    return efun.checked(*((this,) if efun.wants_this else ()), *args)


@pytest.mark.parametrize(("pattern", "text", "found"), [
    ("", "a", 1), ("a.c", "a\nc", 1), ("^b", "ab", 0), ("b$", "b\n", 0), ("a^b", "ab", 0), ("ab*c", "ac", 1),
    ("ab+c", "ac", 0),
    ("ab?c", "abc", 1), ("a|b", "b", 1), ("(ab)+c", "ababc", 1), ("[abc]x", "bx", 1), ("[^abc]", "abc", 0),
    ("[]a]", "]", 1),
    ("[^]a]", "a]", 0), ("[a-c]", "b", 1), ("[a-]", "-", 1), ("[-a]", "-", 1), ("[a\\]b]", "]", 1), ("[.*]", "x", 0),
    ("[z-a]", "z", None),
    ("\\.", "a", 0), ("\\.", ".", 1), ("\\(", "(", 1), ("\\<cat\\>", "a cat!", 1), ("\\<cat\\>", "concat", 0),
    ("\\t", "\t", 1),
    ("\\d", "5", 0), ("\\d", "d", 1), ("\\\\", "\\", 1), ("{2}", "a{2}", 1), ("中+文", "中中文", 1),
    ("[一-三]", "丁", 1), ("#", "#", 1),
    ("a b", "a b", 1), ("&&", "a&&b", 1), ("[a&&b]", "b", 1), ("[[]", "[", 1), ("a~", "a~", 1),
])
def test_notation(this: LPCObject, pattern: str, text: str, found: int | None) -> None:
    if found is None:
        with pytest.raises(LPCError, match="invalid \\[\\] range"):
            call(this, "regexp", text, pattern)
    else:
        assert call(this, "regexp", text, pattern) == found


@pytest.mark.parametrize(("pattern", "message"), [
    ("(a", "unmatched ()"), ("a)", "unmatched ()"), ("[a", "unmatched []"), ("a]", "unexpected ]"),
    ("*", "* follows nothing"),
    ("+", "+ follows nothing"), ("?", "? follows nothing"), ("a**", "nested *?+"),
    ("(a*)*", "*+ operand could be empty"),
    ("^*", "*+ operand could be empty"), ("\\{", "sorry, unimplemented operator"), ("()" * 10, "too many ()"),
    ("a\\", 'Regular expression cannot end with \'\\\'.  Use "\\\\".'), ("a" * 40_000, "regexp too big"),
    ("[", "unmatched []"),
])
def test_faulty_patterns(this: LPCObject, pattern: str, message: str) -> None:
    for text in ("foo", ["foo"]):
        with pytest.raises(LPCError) as caught:
            call(this, "regexp", text, pattern)
        assert caught.value.value == f"*{message}\n"


def test_regexp_picks_from_arrays(this: LPCObject) -> None:
    words = ["foo", "bar", 5, "bazz"]
    assert call(this, "regexp", words, "b") == ["bar", "bazz"]
    assert call(this, "regexp", words, "b", 1) == ["bar", 2, "bazz", 4]
    assert call(this, "regexp", words, "b", 2) == ["foo"]
    assert call(this, "regexp", words, "b", 3) == ["foo", 1]
    assert call(this, "regexp", [], "+") == []
    with pytest.raises(LPCError, match="3rd argument illegal"):
        call(this, "regexp", "foo", "f", 0)


def test_reg_assoc(this: LPCObject) -> None:
    assert call(this, "reg_assoc", "x12y3", ["[0-9]+", "[xy]"], ["n", "w"], "-") == [
        ["", "x", "", "12", "", "y", "", "3", ""], ["-", "w", "-", "n", "-", "w", "-", "n", "-"],
    ]
    assert call(this, "reg_assoc", "abc", [], []) == [["abc"], [0]]
    assert call(this, "reg_assoc", "abc", ["x"], [1]) == [["abc"], [0]]
    assert call(this, "reg_assoc", "ab", ["x*"], [1], 0) == [["", "", "a", "", "b"], [0, 1, 0, 1, 0]]
    with pytest.raises(LPCError, match="sizes must be identical"):
        call(this, "reg_assoc", "abc", ["a"], [])
    with pytest.raises(LPCError, match="Non-string found in pattern array"):
        call(this, "reg_assoc", "abc", [1], [2])
    with pytest.raises(LPCError, match="Illegal array size"):
        call(this, "reg_assoc", "a" * 2000, ["a"], [1])


@pytest.mark.parametrize(("name", "args"), [
    ("regexp", ("a" * 60, "(a|aa)+c")), ("regexp", (["a" * 60] * 100, "(a|aa)+c")),
    ("pcre_match", ("a" * 60, "(a|aa)+c")),
    ("reg_assoc", ("a" * 60, ["(a|aa)+c"], [1])), ("pcre_match_all", ("a" * 60, "(a|aa)+c")),
])
def test_a_call_has_its_time(this: LPCObject, host: Any, name: str, args: tuple[Any, ...]) -> None:
    from dataclasses import replace

    host.limits = replace(host.limits, regexp_time=0.05)
    started = time.monotonic()
    with pytest.raises(LPCError, match="took too long"):
        call(this, name, *args)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(("name", "args", "result"), [
    ("pcre_match", ("Tom", "^t"), 0), ("pcre_match", ("Tom", "^t", module.PCRE_I), 1),
    ("pcre_match", ("a\nb", "^b", 0, module.PCRE_M), 1),
    ("pcre_match", ("a\nb", "a.b", module.PCRE_S), 1), ("pcre_match", ("ab", "a b", module.PCRE_X), 1),
    ("pcre_match", ("ab", "b", module.PCRE_A), 0), ("pcre_match", ("é", "\\w"), 0),
    ("pcre_match", (["a", "b", 1], "a"), ["a"]), ("pcre_match", (["a", "b"], "a", 2), ["b"]),
    ("pcre_match", (["a", "B"], "b", 1, module.PCRE_I), ["B", 2]),
    ("pcre_match", ([], "("), []),
    ("pcre_match_all", ("a1 b2", "([a-z])([0-9])"), [["a1", "a", "1"], ["b2", "b", "2"]]),
    ("pcre_match_all", ("ab", "(a)|(b)"), [["a", "a"], ["b", "", "b"]]),
    ("pcre_match_all", ("aaa", "a", module.PCRE_A), [["a"]] * 3),
    ("pcre_match_all", ("hi ho", "\\w*"), [["hi"], [""], ["ho"]]), ("pcre_match_all", ("", "a*"), []),
    ("pcre_match_all", ("中文", "x*"), [[""], [""]]),
    ("pcre_extract", ("tom, 42", "(\\w+), (\\d+)"), ["tom", "42"]), ("pcre_extract", ("x", "(y)"), []),
    ("pcre_extract", ("x", "x"), []),
    ("pcre_extract", ("xz", "x(y)?(z)"), ["", "z"]), ("pcre_extract", ("xz", "(x)(y)?"), ["x"]),
    ("pcre_replace", ("a1b", "a(.)b", ["-"]), "a-b"), ("pcre_replace", ("abc", "((b)c)", ["X", "Y"]), "aX"),
    ("pcre_replace", ("abc", "x", ["X"]), "abc"), ("pcre_replace", ("ab", "(a)(b)", ["1", "2"]), "12"),
    ("pcre_replace", ("<a><b>", "<(.+)>", ["X"], module.PCRE_U), "<X><b>"),
    ("pcre_replace", ("<a><b>", "<(.+?)>", ["X"], module.PCRE_U), "<X>"),
    ("pcre_replace", ("[*]x", "([*]+)", ["X"], module.PCRE_U), "[X]x"),
    ("pcre_assoc", ("a1b", ["\\d"], ["n"], 0), [["a", "1", "b"], [0, "n", 0]]),
])
def test_pcre(this: LPCObject, name: str, args: tuple[Any, ...], result: Any) -> None:
    assert call(this, name, *args) == result


TOO_LARGE = "*PCRE compilation failed at offset 0: regular expression is too large\n"


def test_pcre_extract_names_groups(this: LPCObject) -> None:
    groups = call(this, "pcre_extract", "tom", "(?<first>t)(?<other>x)?(?<last>om)", 1)
    assert groups[:-1] == ["t", "", "om"]
    assert dict(groups[-1]) == {"first": "t", "last": "om"}


def test_pcre_replace_callback(this: LPCObject, lpc: Callable[..., Closure]) -> None:
    double = lpc(lambda group, at: f"{group}{group}{at}")
    assert call(this, "pcre_replace_callback", "a-b", "(a)-(b)", double) == "aa0-bb1"
    assert call(this, "pcre_replace_callback", "A", "(a)", double, module.PCRE_I) == "AA0"
    assert call(this, "pcre_replace_callback", "a", "(a)", lpc(lambda group, at: 5)) == "a"
    assert call(this, "pcre_replace_callback", "x", "(a)", double) == "x"


@pytest.mark.parametrize(("name", "args", "message"), [
    ("pcre_match", ("a", "(a"), "*PCRE compilation failed at offset 2: missing )\n"),
    ("pcre_match", ("a", "(?:(?:(?:a{1000}){1000}){1000})"), TOO_LARGE),
    ("pcre_match", ("a", "(?:" * 20 + "a|b" + "){2}" * 20), TOO_LARGE),
    ("pcre_match", ("a", "(" * 4000 + ")" * 4000), TOO_LARGE),
    ("pcre_match", ("a", "a" * 9000), TOO_LARGE),
    ("pcre_replace", ("a", "(a)", []), "*Number of captured substrings and replacements do not match, 1 vs 0.\n"),
    ("pcre_replace", ("a", "(a)", [1]),
     "*Bad argument 3 to pcre_replace(): replacement array must contain only strings.\n"),
    ("pcre_replace", ("a", "(a)", ["x" * 20_000]), "*pcre_replace(): the string would be too long.\n"),
    ("pcre_assoc", ("a", ["a"], []), "*Pattern and token array size must be identical.\n"),
    ("pcre_match_all", ("a" * 2000, "a"), "*Illegal array size.\n"),
])
def test_pcre_errors(this: LPCObject, name: str, args: tuple[Any, ...], message: str) -> None:
    with pytest.raises(LPCError) as caught:
        call(this, name, *args)
    assert caught.value.value == message


def test_pcre_version(this: LPCObject) -> None:
    assert call(this, "pcre_version").startswith("regex ")


PATTERNS = st.text(st.sampled_from("ab.*+?|()[]^$\\<>{}-,1:=!#~& \n中"), max_size=14) | st.text(max_size=8)
LIMITED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)


@LIMITED
@given(PATTERNS, st.text("ab. 中\n", max_size=12))
def test_any_pattern_gives_an_answer_or_an_lpc_error(this: LPCObject, pattern: str, text: str) -> None:
    for name in ("regexp", "pcre_match"):
        try:
            assert call(this, name, text, pattern) in (0, 1)
        except LPCError as error:
            assert str(error.value).startswith("*")


@LIMITED
@given(PATTERNS, st.text("ab. 中\n", max_size=12))
def test_the_pieces_are_the_text(this: LPCObject, pattern: str, text: str) -> None:
    for name in ("reg_assoc", "pcre_assoc"):
        try:
            pieces, tokens = call(this, name, text, [pattern], [1], 0)
        except LPCError:
            continue
        assert "".join(pieces) == text
        assert len(pieces) == len(tokens)
        assert set(tokens) <= {0, 1}
