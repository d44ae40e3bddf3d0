"""LPC strings: Unicode text counted in extended grapheme clusters.

A Python str holds the text; LPC counts what a reader sees as one character. For nearly every string the
two agree, and `is_simple` tells so in constant time for ASCII and by one scan otherwise; only the rest
is cut into clusters by the `regex` package, which is loaded when first needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from lpc.errors import LPCError

# Blocks without a code point that may share a cluster with a neighbour. What is missing here (combining
# marks, joiners, Hangul jamo, regional indicators, prepended signs) only costs the slow path.
_ALONE = (
    r"\x00-\x0c\x0e-\u02ff\u0370-\u0482\u048a-\u0590\u10a0-\u10ff\u1e00-\u200b\u200e-\u20cf\u2100-\u2cee"
    r"\u2e80-\u3029\u3030-\u3098\u309b-\ua66e\uac00-\ud7a3\ue000-\ufb1d\ufb1f-\ufdff\ufe10-\ufe1f\ufe30-\uff9d"
    r"\uffa0-\uffff\U0001f000-\U0001f1e5\U0001f200-\U0001f3fa\U0001f400-\U0001faff\U00020000-\U0003fffd"
)
_may_join = re.compile(f"[^{_ALONE}]").search

#: a character of more bytes than this cannot be indexed
LONGEST_INDEXED = 4

#: strings of this many code points keep what was found out about them for the next question
_REMEMBERED = range(32, 32768)


def is_simple(text: str) -> bool:
    """Whether every code point is a character of its own (so Python's indexes are LPC's)."""
    if text.isascii():
        return "\r" not in text or "\r\n" not in text  # one sign is found 200 times faster than two
    return _is_simple(text) if len(text) in _REMEMBERED else _may_join(text) is None


@lru_cache(maxsize=64)
def _is_simple(text: str) -> bool:
    return _may_join(text) is None


def clusters(text: str) -> Sequence[str]:
    """The characters of a string, each a string of one or more code points."""
    if is_simple(text):
        return text
    return _clusters(text) if len(text) in _REMEMBERED else tuple(_cut()(text))


@lru_cache(maxsize=16)
def _clusters(text: str) -> tuple[str, ...]:
    return tuple(_cut()(text))


@lru_cache(maxsize=1)
def _cut() -> Any:
    import regex

    return regex.compile(r"\X").findall


def cluster_starts(text: str) -> list[int]:
    """The code point offset at which each character starts, and the end of the text last."""
    starts = [0]
    at = 0
    for cluster in clusters(text):
        at += len(cluster)
        starts.append(at)
    return starts


def text_length(text: str) -> int:
    """strlen()"""
    return len(text) if is_simple(text) else len(clusters(text))


def cluster_code(cluster: str) -> int:
    """The code point of a character; short clusters (four bytes at most, as CR LF) count by their first one."""
    if len(cluster) > 1 and len(cluster.encode(errors="replace")) > LONGEST_INDEXED:
        raise LPCError("String index only work for single codepoint character.")
    return ord(cluster[0])


def text_index(text: str, index: Any) -> int:
    """`text[index]`: the code point; 0 just past the end."""
    if not isinstance(index, int):
        raise LPCError("String indexes must be integers.")
    characters = text if is_simple(text) else clusters(text)
    size = len(characters)
    if 0 <= index < size:
        return cluster_code(characters[index])
    if index == size:
        return 0
    raise LPCError("String index out of bounds.")


def text_range(text: str, first: int, last: int) -> str:
    """`text[first..last]`, both counted from the start and included; out of range is cut, never an error."""
    first = max(first, 0)
    if last < first:
        return ""
    if is_simple(text):
        return text[first : last + 1]
    return "".join(clusters(text)[first : last + 1])
