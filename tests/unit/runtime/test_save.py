"""The text of saved values."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpc.errors import LPCError
from lpc.runtime.save import restore_lines, restore_value, save_lines, save_value
from lpc.runtime.values import (
    INT_MAX,
    INT_MIN,
    UNDEFINED,
    ArrayKey,
    Buffer,
    FloatKey,
    Mapping,
    Record,
    RecordType,
    mapping_of,
)

SCALARS = st.integers(INT_MIN, INT_MAX) | st.text() | st.floats(allow_nan=False, allow_infinity=False)


def _mapping(pairs: list[tuple[Any, Any]]) -> Mapping:
    return mapping_of(pairs)


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4)
    | st.lists(st.tuples(SCALARS, inner), max_size=4).map(_mapping)
    | st.lists(inner, max_size=3).map(lambda values: Record(RecordType("r", ()), values)),
    max_leaves=20,
)


def same(left: Any, right: Any) -> bool:
    """Equal all the way down, mappings and classes included."""
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is Mapping:
        return set(left) == set(right) and all(same(left[key], right[key]) for key in left)
    if type(left) is Record:
        return same(left.values, right.values)
    return bool(left == right)


@given(VALUES)
def test_what_is_saved_is_restored(value: Any) -> None:
    text = save_value(value)
    assert "\n" not in text
    assert same(restore_value(text), value)


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (UNDEFINED, "0"), (-7, "-7"), (1.5, "1.500000"), (0.1, "0.100000"), (math.pi, "3.141592653589793"),
    (math.inf, "0.000000"), ("a", '"a"'), ('q"\\', '"q\\"\\\\"'), ("a\nb\rc", '"a\rb\\\rc"'), ([], "({})"),
    ([1, [2]], "({1,({2,}),})"), (mapping_of([]), "([])"), (mapping_of([("b", 1),
    ("a", 2.0)]), '(["a":2.000000,"b":1,])'),
    (mapping_of([(1.5, 1)]), "([1.500000:1,])"), (mapping_of([([1], 1)]), "([({1,}):1,])"),
    (Record(RecordType("r", ()), [1, "a"]), '(/1,"a",/)'), (Buffer(b"x"), ""), ([Buffer(b"x")], "({,})"),
])
def test_notation(value: Any, text: str) -> None:
    assert save_value(value) == text


@pytest.mark.parametrize(("text", "value"), [
    ("12", 12), ("-12", -12), ("1.5", 1.5), ("1.", 1.0), ("1e+2", 100.0), ("15e-1", 1.5), ("1.5e", 1), ("12abc", 12),
    ("99999999999999999999999", INT_MAX), ("-99999999999999999999999", INT_MIN), ('"\r"', "\n"), ('"\\\r"', "\r"),
    ('"\\x\\"y"', 'x"y'), ("({,})", [0]), ("({1,,2,})", [1, 0, 2]), ("({1,})rest", [1]), ("", 0), ("?", 0), ("inf", 0),
])
def test_reading(text: str, value: Any) -> None:
    restored = restore_value(text)
    assert same(restored, value) or (text == "1.5e" and restored == 1.5)


def test_reading_mappings_keeps_keys_apart() -> None:
    restored = restore_value('([1:2,1.0:3,({}):4,:5,"a":,])')
    assert set(restored) == {1, FloatKey(1.0), ArrayKey([]), 0, "a"}
    assert restored["a"] == 0


@pytest.mark.parametrize(("text", "kind"), [
    ('"', "string"), ('"a', "string"), ('"a"b', "string"), ('"\\', "string"), ("-", "numeric"), ("-x", "numeric"),
    ("({1.})", "numeric"), ("({", "array"), ("({1", "array"), ("({1})", "array"), ("({1,2})", "array"),
    ('({"a})', "array"),
    ("({x,})", "array"), ("({([1:2,}),})", "array"), ("([1])", "mapping"), ("([1:2])", "mapping"), ("(/1/)", "class"),
    ("(", "general"), ("(x", "general"), ("({(x,})", "array"),
])
def test_faults(text: str, kind: str) -> None:
    with pytest.raises(LPCError) as caught:
        restore_value(text)
    assert caught.value.value == f"*restore_object(): Illegal {kind} format.\n"


def test_faults_name_the_variable() -> None:
    with pytest.raises(LPCError) as caught:
        restore_value("({", where="gold")
    assert caught.value.value == "*restore_object(): Illegal array format while restoring gold.\n"


def test_nesting_is_bounded_both_ways() -> None:
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]
    assert same(restore_value(save_value(deep)), deep)
    with pytest.raises(LPCError, match="nested too deep"):
        save_value([deep])
    with pytest.raises(LPCError, match="Illegal array format"):
        restore_value("({" * 101 + ",})" * 101)
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(LPCError, match="nested too deep"):
        save_value(loop)


def test_size_is_bounded_both_ways() -> None:
    wide: list[Any] = [1] * 1000
    for _ in range(20):
        wide = [wide] * 1000
    with pytest.raises(LPCError, match="too long"):
        save_value(wide, length=10_000)
    with pytest.raises(LPCError, match="Illegal array size"):
        restore_value("({" + "," * 101 + "})", size=100)
    with pytest.raises(LPCError, match="Too many keys"):
        restore_value("([" + "".join(f"{n}:," for n in range(101)) + "])", size=100)


def test_an_endless_string_is_refused_in_no_time() -> None:
    with pytest.raises(LPCError, match="Illegal string format"):
        restore_value('"' + "a\\b" * 100_000)


@given(st.text(st.sampled_from('({[]})/:,"\\\r0123456789.e+-ax '), max_size=40) | st.text())
def test_any_text_gives_a_value_or_an_lpc_error(text: str) -> None:
    try:
        value = restore_value(text)
    except LPCError as error:
        assert "format" in str(error.value)
    else:
        assert same(restore_value(save_value(value)), value)


def test_lines() -> None:
    lines = save_lines([("a", 1), ("b", 0), ("c", "x\n")], zeros=False)
    assert lines == ["a 1\n", 'c "x\r"\n']
    assert save_lines([("b", 0)], zeros=True) == ["b 0\n"]
    found: dict[str, Any] = {}
    restore_lines("#/a.c\n\r\n" + "".join(lines) + "d 2\r\n", found.__setitem__)
    assert found == {"a": 1, "c": "x\n", "d": 2}


@pytest.mark.parametrize("line", ["nothing", "x" * 100 + " 1"])
def test_a_line_that_is_none(line: str) -> None:
    with pytest.raises(LPCError) as caught:
        restore_lines(line, print)
    assert caught.value.value == f"*restore_object(): Illegal file format - 1 ({line}).\n"
