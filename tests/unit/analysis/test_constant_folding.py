"""Constant expressions."""

from __future__ import annotations

import pytest
from analysis_world import World

from lpc.analysis.fold import constant, divides_by_zero, wrap
from lpc.syntax.nodes import Return


def _folded(source: str) -> object:
    result = World().analyzed(f"f() {{ return {source}; }}")
    (node,) = result.all(Return)
    assert node.value is not None
    return constant(node.value)


@pytest.mark.parametrize(("source", "value"), [
    ("1 + 2 * 3", 7),
    ("-7 / 2", -3),
    ("7 / -2", -3),
    ("-7 % 3", -1),
    ("7 % -3", 1),
    ("1 << 65", 2),
    ("-8 >> 1", -4),
    ("9223372036854775807 + 1", -9223372036854775808),
    ("~5", -6),
    ("!5", 0),
    ("!0", 1),
    ("6 & 3 | 8 ^ 1", 11),
    ("1 == 1", 1),
    ("1 != 1", 0),
    ("2 < 1", 0),
    ("2 >= 1", 1),
    ("2 > 1", 1),
    ("2 <= 1", 0),
    ('"a" + "b" + "c"', "abc"),
    ("1.5 + 1", 2.5),
    ("1 - 1.5", -0.5),
    ("2 * 1.5", 3.0),
    ("3 / 2.0", 1.5),
    ("-1.5", -1.5),
    ("(-9223372036854775807 - 1) / -1", -9223372036854775808),
    ("-5 % -1", 0),
])
def test_value(source: str, value: object) -> None:
    found = _folded(source)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("source", ["x", "1 + x", "x + 1", '"a" + 1', '"a" < "b"', "1.0 % 2", "~1.5", '-"a"', "f()",
                                    "1 / 0", "1 % 0", "1.0 / 0", "1 / 0.0"])
def test_no_value(source: str) -> None:
    assert _folded(source) is None


def test_wrap_is_64_bit_and_signed() -> None:
    assert wrap(1 << 63) == -(1 << 63)
    assert wrap(-(1 << 63) - 1) == (1 << 63) - 1
    assert wrap(5) == 5


def test_the_division_that_fails_is_found() -> None:
    result = World().analyzed("f() { return 1 + -(6 % (2 - 2)); }")
    (node,) = result.all(Return)
    assert node.value is not None
    division = divides_by_zero(node.value)
    assert division is not None
    assert division.operator == "%"


def test_without_division_by_zero_nothing_is_found() -> None:
    result = World().analyzed("f() { return 6 / 2; }")
    (node,) = result.all(Return)
    assert node.value is not None
    assert divides_by_zero(node.value) is None


def test_a_long_chain_does_not_recurse() -> None:
    assert _folded(" + ".join(["1"] * 450)) == 450
