from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efuns.core import numbers
from lpc.errors import LPCError
from lpc.runtime.values import INT_MIN

ANYONE: Any = SimpleNamespace(driver=SimpleNamespace(limits=SimpleNamespace(string_length=100)))


@pytest.mark.parametrize("limit", [0, -1, INT_MIN])
def test_random_of_nothing_is_zero(this: Any, limit: int) -> None:
    assert numbers.random(this, limit) == 0
    assert numbers.secure_random(limit) == 0


@pytest.mark.parametrize("limit", [1, 6, 2**53, 2**63 - 1])
def test_random_stays_below_its_limit(this: Any, limit: int) -> None:
    assert all(0 <= numbers.random(this, limit) < limit for _ in range(50))
    assert 0 <= numbers.secure_random(limit) < limit


def test_random_reaches_every_number(this: Any) -> None:
    assert {numbers.random(this, 4) for _ in range(400)} == {0, 1, 2, 3}


def test_random_repeats_after_the_same_seed(this: Any, host: Any) -> None:
    runs = []
    for _ in range(2):
        host.state(numbers.Dice).seed(7)
        runs.append([numbers.random(this, 1000) for _ in range(5)])
    assert runs[0] == runs[1]


def test_roll_mdn_sums_dice(this: Any) -> None:
    assert all(5 <= numbers.roll_mdn(this, 3, 6, 2) <= 20 for _ in range(50))
    assert numbers.roll_mdn(this, 0, 6, 5) == 0
    with pytest.raises(LPCError):
        numbers.roll_mdn(this, 2**40, 6)


def test_abs_keeps_the_type_and_wraps() -> None:
    assert numbers.abs_(-3) == 3
    assert numbers.abs_(-0.5) == 0.5
    assert numbers.abs_(INT_MIN) == INT_MIN


@given(st.sets(st.integers(0, 200)))
def test_bit_strings_hold_the_bits_set(wanted: set[int]) -> None:
    bits = ""
    for bit in wanted:
        bits = numbers.set_bit(ANYONE, bits, bit)
    assert {bit for bit in range(210) if numbers.test_bit(bits, bit)} == wanted
    found, bit = [], -1
    while (bit := numbers.next_bit(bits, bit)) >= 0:
        found.append(bit)
    assert found == sorted(wanted)
    for bit in wanted:
        bits = numbers.clear_bit(ANYONE, bits, bit)
    assert numbers.next_bit(bits, -1) == -1


def test_bit_strings_are_printable() -> None:
    assert numbers.set_bit(ANYONE, "", 5) == "@"
    assert numbers.clear_bit(ANYONE, "", 5) == ""


def test_bits_out_of_range_are_refused() -> None:
    with pytest.raises(LPCError, match=r"Bad argument 2 \(negative\) to set_bit"):
        numbers.set_bit(ANYONE, "", -1)
    with pytest.raises(LPCError, match="maximum bits"):
        numbers.set_bit(ANYONE, "", 600)
    with pytest.raises(LPCError, match="Illegal bit pattern in clear_bit character 0"):
        numbers.clear_bit(ANYONE, "é", 1)
    with pytest.raises(LPCError, match="to test_bit"):
        numbers.test_bit("", -1)
