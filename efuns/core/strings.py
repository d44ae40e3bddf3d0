"""Strings: taking apart, joining, searching, replacing, trimming.

Positions and lengths count characters as LPC does (lpc.runtime.text), so a search whose match would begin
or end inside a character does not find it. What grows is bounded by the string and array limits.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from efuns.core.unicode import width
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.call import function_of
from lpc.runtime.closures import Closure
from lpc.runtime.text import cluster_starts, clusters, is_simple, text_length
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

_BLANKS: Final = "\t\n\v\f\r "
_MOST_DISTANCE_STEPS: Final = 4_000_000

# -------------------------------------------------------------------------------- apart and together


@efun("string * explode(string text, string separator)")
def explode(this: LPCObject, text: str, separator: str) -> list[str]:
    """The parts of a text between separators; its characters where the separator is "".

    One empty part at the start and one at the end are dropped, so `explode("/a//b/", "/")` is
    `({ "a", "", "b" })`. A text of nothing but separators gives `({ })`.

    Example: explode("/a//b/", "/") is ({ "a", "", "b" })
    """
    parts = _split(text, separator)
    if separator and parts:
        if not any(parts):
            return []
        if not parts[0]:
            del parts[0]
        if not parts[-1]:
            parts.pop()
    return _bounded(this, parts)


@efun("string * explode_reversible(string text, string separator)")
def explode_reversible(this: LPCObject, text: str, separator: str) -> list[str]:
    """Every part of a text between separators, so that implode() with the separator gives the text back.

    Example: explode_reversible("/a/", "/") is ({ "", "a", "" })
    """
    return _bounded(this, _split(text, separator))


def _bounded(this: LPCObject, parts: list[str]) -> list[str]:
    """The parts an array has room for."""
    most = this.driver.limits.array_size
    return parts if len(parts) <= most else parts[:most]


def _split(text: str, separator: str) -> list[str]:
    if not text:
        return []
    if not separator:
        return list(clusters(text))
    if separator.isascii() or is_simple(text):
        return text.split(separator)
    starts = frozenset(cluster_starts(text))
    parts = []
    begin = 0
    at = text.find(separator)
    while at >= 0:
        if at in starts and at + len(separator) in starts:
            parts.append(text[begin:at])
            begin = at = at + len(separator)
        else:
            at += 1
        at = text.find(separator, at)
    parts.append(text[begin:])
    return parts


@efun("mixed implode(mixed * array, string | function how, void | mixed initial)")
def implode(this: LPCObject, array: list[Value], how: str | Closure, initial: Value = None) -> Value:
    """The strings of an array joined by a separator, or an array folded with a function.

    Elements that are not strings are skipped by a join. The fold calls `how(a, b)` with the first two
    elements, then with each result and the next one; `initial`, if given, stands before the first.

    Example: implode(({ "a", "b" }), ", ") is "a, b"
    """
    if isinstance(how, str):
        if initial is not None:
            raise LPCError("Third argument to implode() is illegal with implode(array, string)")
        return _joined(this, array, how)
    elements = iter(tuple(array))
    result = next(elements, 0) if initial is None else initial
    if not array:
        return result
    function, owner, _ = function_of(this, how, (), 2)
    for element in elements:
        result = function(owner, this, result, element)
    return result


def _joined(this: LPCObject, array: list[Value], separator: str) -> str:
    texts = [element for element in array if type(element) is str]
    limit = this.driver.limits.string_length
    if sum(map(len, texts)) + len(separator) * len(texts) > limit:
        raise LPCError("implode(): the string would be too long.")
    return separator.join(texts)


@efun("string repeat_string(string text, int times)")
def repeat_string(this: LPCObject, text: str, times: int) -> str:
    """A text so many times over; "" for none. It is repeated less often where the result would be too long.

    Example: repeat_string("ab", 3) is "ababab"
    """
    if not text or times <= 0:
        return ""
    most: int = this.driver.limits.string_length // len(text)
    return text * min(times, most)


# ------------------------------------------------------------------------------------------ searching


@efun("int strsrch(string text, string | int what, int flag = 0)")
def strsrch(text: str, what: str | int, flag: int = 0) -> int:
    """Where a string, or the character with this code, is found first; last, with a flag. -1 if nowhere.

    Example: strsrch("banana", "an") is 1 and strsrch("banana", 'a', -1) is 5
    """
    if isinstance(what, int):
        if what == 0:
            return text_length(text)  # the zero FluffOS keeps behind every string
        if not 0 < what < 0x110000:
            raise LPCError("Invalid codepoint to search.")
        what = chr(what)
    if is_simple(text):
        return text.rfind(what) if flag else text.find(what)
    return _find_character(text, what, flag)


def _find_character(text: str, what: str, flag: int) -> int:
    """strsrch() in a text that has characters of several code points."""
    starts = cluster_starts(text)
    known = frozenset(starts)
    at = text.rfind(what) if flag else text.find(what)
    # FluffOS looks no further than the first place where a short ASCII string is, aligned or not.
    searches_on = flag != 0 or not what.isascii()
    while searches_on and at >= 0 and not (at in known and at + len(what) in known):
        at = text.rfind(what, 0, at + len(what) - 1) if flag else text.find(what, at + 1)
    return bisect_left(starts, at) if at in known and (not flag or at + len(what) in known) else -1


@efun("int strcmp(string left, string right)")
def strcmp(left: str, right: str) -> int:
    """How two strings compare by their bytes: -1, 0 or 1.

    Example: strcmp("a", "b") is -1
    """
    return (left > right) - (left < right)


@efun("int strwidth(string text)")
def strwidth(text: str) -> int:
    """The columns a string takes on a terminal: CJK and emoji count two, colour codes and marks none.

    Example: strwidth("中文") is 4
    """
    return width(text)


@efun("int string_difference(string left, string right)")
def string_difference(left: str, right: str) -> int:
    """How many characters must be inserted, deleted or changed to make one string into the other.

    Example: string_difference("kitten", "sitting") is 3
    """
    if len(left) < len(right):
        left, right = right, left
    if not right:
        return len(left)
    if len(left) * len(right) > _MOST_DISTANCE_STEPS:
        raise LPCError("string_difference(): the strings are too long.")
    row = list(range(len(right) + 1))
    for at, character in enumerate(left, 1):
        diagonal, row[0] = row[0], at
        for column, other in enumerate(right, 1):
            changed = diagonal + (character != other)
            diagonal = row[column]
            row[column] = min(changed, diagonal + 1, row[column - 1] + 1)
    return row[-1]


# ------------------------------------------------------------------------------------------- changing


@efun("string replace_string(string text, string pattern, string replacement, void | int first, void | int last)")
def replace_string(this: LPCObject, text: str, pattern: str, replacement: str, first: int | None = None,
                   last: int | None = None) -> Value:
    """A text with a part replaced everywhere, or only some of the times it occurs.

    With one number: the first so many (0 for all). With two: from the first-th to the last-th (a last of
    0 for all further ones). What would become too long gives 0.

    Example: replace_string("aaaa", "a", "b", 2, 3) is "abba"
    """
    if last is None:
        first, last = 0, first or 0
    first = max(first or 0, 1)
    if not pattern or (last and first > last):
        return text
    growth = len(replacement) - len(pattern)
    most = (last or len(text)) - first + 1
    if growth > 0:
        limit = this.driver.limits.string_length
        if len(text) + growth * min(most, len(text)) > limit and len(text) + growth * min(
            most, text.count(pattern)
        ) > limit:
            return UNDEFINED
    if first == 1:
        return text.replace(pattern, replacement, last or -1)
    parts = text.split(pattern, last or -1)
    return replacement.join([pattern.join(parts[:first]), *parts[first:]])


_UPPER: Final = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_LOWER: Final = {code - 32: code for code in _UPPER}


@efun("string upper_case(string text)")
def upper_case(text: str) -> str:
    """A text with the letters a to z made capitals; others stay as they are.

    Example: upper_case("abc") is "ABC"
    """
    return text.upper() if text.isascii() else text.translate(_UPPER)


@efun("string lower_case(string text)")
def lower_case(text: str) -> str:
    """A text with the letters A to Z made small; others stay as they are.

    Example: lower_case("ABC") is "abc"
    """
    return text.lower() if text.isascii() else text.translate(_LOWER)


@efun("string capitalize(string text)")
def capitalize(text: str) -> str:
    """A text with its first letter, if it is one of a to z, made a capital.

    Example: capitalize("tom") is "Tom"
    """
    return chr(ord(text[0]) - 32) + text[1:] if "a" <= text[:1] <= "z" else text


@efun("string trim(string text, void | string characters)")
def trim(text: str, characters: str = "") -> str:
    r"""A text without these characters (white space, if none are given) at either end.

    Example: trim("  hello\n") is "hello"
    """
    return text.strip(characters or _BLANKS)


@efun("string ltrim(string text, void | string characters)")
def ltrim(text: str, characters: str = "") -> str:
    """A text without these characters (white space, if none are given) at its start.

    Example: ltrim("  hello ") is "hello "
    """
    return text.lstrip(characters or _BLANKS)


@efun("string rtrim(string text, void | string characters)")
def rtrim(text: str, characters: str = "") -> str:
    """A text without these characters (white space, if none are given) at its end.

    Example: rtrim("xxhelloxx", "x") is "xxhello"
    """
    return text.rstrip(characters or _BLANKS)
