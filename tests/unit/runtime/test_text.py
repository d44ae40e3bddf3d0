"""Characters as LPC counts them."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from lpc.errors import LPCError
from lpc.runtime.text import cluster_starts, clusters, is_simple, text_index, text_length, text_range

FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
ACCENT = "e\u0301"
LETTERS = st.text(st.sampled_from(["a", "ß", "中", "\U0001f355", "\u0301", "\u200d", "\r", "\n", "\u1100", "\u1161",
                                   "\uac00", "\U0001f1e6", "\u0600", "\U0001f469"]), max_size=12)


@given(LETTERS | st.text())
def test_characters_are_extended_grapheme_clusters(text: str) -> None:
    expected = regex.findall(r"\X", text)
    assert list(clusters(text)) == expected
    assert text_length(text) == len(expected)
    assert cluster_starts(text)[-1] == len(text)
    assert is_simple(text) <= (len(expected) == len(text))


def test_no_code_point_called_simple_ever_joins_a_plain_neighbour() -> None:
    whole = regex.compile(r"\X").fullmatch
    simple = [c for c in map(chr, (*range(0xD800), *range(0xE000, 0x20000))) if is_simple(c) and c != "\r"]
    assert len(simple) > 50_000
    assert [c for c in simple if whole(f"a{c}") or whole(f"{c}a") or whole(f"\U0001f1e6{c}")] == []


@pytest.mark.parametrize(("text", "index", "code"), [
    ("abc", 0, 97), ("abc", 3, 0), ("中文", 1, 0x6587), ("", 0, 0), ("a\r\nb", 1, 13), ("a\r\nb", 2, 98),
    (f"x{ACCENT}y", 1, ord("e")), (f"x{ACCENT}y", 2, ord("y")), (f"{FAMILY}!", 1, ord("!")),
])
def test_index(text: str, index: int, code: int) -> None:
    assert text_index(text, index) == code


@pytest.mark.parametrize(("text", "index", "message"), [
    ("abc", 4, "*String index out of bounds.\n"),
    ("abc", -1, "*String index out of bounds.\n"),
    ("abc", "a", "*String indexes must be integers.\n"),
    (FAMILY, 0, "*String index only work for single codepoint character.\n"),
])
def test_index_errors(text: str, index: int, message: str) -> None:
    with pytest.raises(LPCError) as caught:
        text_index(text, index)
    assert caught.value.value == message


@pytest.mark.parametrize(("first", "last", "expected"), [
    (0, 0, "a"), (-3, 1, f"a{FAMILY}"), (1, 1, FAMILY), (2, 99, "bc"), (2, 1, ""), (9, 12, ""), (0, -1, ""),
])
def test_range_counts_characters_and_never_fails(first: int, last: int, expected: str) -> None:
    assert text_range(f"a{FAMILY}bc", first, last) == expected


@given(LETTERS, st.integers(-3, 15), st.integers(-3, 15))
def test_a_range_is_the_same_for_simple_text_and_other(text: str, first: int, last: int) -> None:
    characters = regex.findall(r"\X", text)
    expected = "".join(characters[max(first, 0) : last + 1]) if last >= 0 else ""
    assert text_range(text, first, last) == expected


def test_long_text_is_cut_too() -> None:
    assert text_length(f"{'x' * 5000}{FAMILY}") == 5001
