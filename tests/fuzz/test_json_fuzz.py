"""What goes to JSON comes back; whatever is read gives a value or an LPC error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from efuns.json import decode, encode
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import INT_MAX, INT_MIN, UNDEFINED, Mapping, Undefined

LIMITS = Limits()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
SCALARS = st.one_of(st.integers(INT_MIN, INT_MAX), TEXTS, st.floats(allow_nan=False, allow_infinity=False),
                    st.just(UNDEFINED))
VALUES = st.recursive(SCALARS, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4).map(Mapping)), max_leaves=20)


def same(left: Any, right: Any) -> bool:
    """The same LPC value, down to the sign of a zero and to what is undefined."""
    if type(left) is not type(right):
        return False
    if type(left) is list:
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is Mapping:
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return repr(left) == repr(right)


def is_lpc(value: Any) -> bool:
    """Whether there are none but LPC values, all the way down."""
    if type(value) is list:
        return all(map(is_lpc, value))
    if type(value) is Mapping:
        return all(type(key) is str for key in value) and all(map(is_lpc, value.values()))
    return type(value) in (str, float, Undefined) or type(value) is int and INT_MIN <= value <= INT_MAX


@settings(deadline=None)
@given(VALUES)
def test_values_come_back(value: Any) -> None:
    text = encode(value, LIMITS)
    assert same(decode(text, LIMITS), value)
    assert same(decode(encode(value, LIMITS, 3), LIMITS), value)
    json.loads(text)  # others can read it, too


@settings(deadline=None)
@example('{"a": [true, null, 9223372036854775808], "a": {}}')
@given(st.one_of(st.text(st.sampled_from('[]{}",:0123456789.eE+-truefalsn\\ud \n'), max_size=40), st.text(max_size=20)))
def test_any_text_gives_a_value_or_an_error(text: str) -> None:
    try:
        value = decode(text, LIMITS)
    except LPCError as error:
        assert "JSON: " in error.value
        return
    assert is_lpc(value)
    assert same(decode(encode(value, LIMITS), LIMITS), value)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_give_a_value_or_an_error(data: bytes) -> None:
    try:
        assert is_lpc(decode(data, LIMITS))
    except LPCError as error:
        assert "JSON: " in error.value


@settings(deadline=None)
@given(st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3), VALUES)
def test_surrogates_are_refused_anywhere(text: str, value: Any) -> None:
    for bad in (text, [value, text], Mapping({text: value}), Mapping(a=text)):
        with pytest.raises(LPCError, match="surrogate"):
            encode(bad, LIMITS)
