"""Regular expressions: regexp() and reg_assoc() in FluffOS's own notation, pcre_*() in PCRE's.

All run on the `regex` package, loaded when first needed, and each call has the time `regexp_time` of the
limits; a pattern that takes longer is an LPC error.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.call import function_of
from lpc.runtime.closures import Closure
from lpc.runtime.pattern import TOO_SLOW, Match, Pattern, compiled_pattern, search_pattern
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

WITH_INDEXES, NOT_MATCHING = 1, 2

#: the flags of include/pcre_flags.h
PCRE_I, PCRE_M, PCRE_S, PCRE_U, PCRE_X, PCRE_A = (1 << bit for bit in range(16, 22))


class _Search:
    """The searches of one efun call, which share its time."""

    def __init__(self, this: LPCObject) -> None:
        self.limits = this.driver.limits
        self.until = time.monotonic() + self.limits.regexp_time

    def first(self, pattern: Pattern, text: str, at: int = 0) -> Match | None:
        """The first match at or after an offset."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise LPCError(TOO_SLOW)
        return search_pattern(pattern, text, left, at)


@efun("mixed regexp(string | string * text, string pattern, void | int flags)")
def regexp(this: LPCObject, text: str | list[Value], pattern: str, flags: int | None = None) -> Value:
    """Whether a string matches a pattern (1 or 0), or the strings of an array that do.

    Flag 2 takes those that do not match; flag 1 adds to each its place in the array, counted from 1.

    Example: regexp(({ "foo", "bar" }), "^b") is ({ "bar" })
    """
    search = _Search(this)
    if isinstance(text, str):
        if flags is not None:
            raise LPCError("3rd argument illegal for regexp(string, string)")
        return int(search.first(compiled_pattern(pattern), text) is not None)
    return _matching(search, text, compiled_pattern(pattern), flags or 0) if text else []


def _matching(search: _Search, texts: list[Value], pattern: Pattern, flags: int) -> list[Value]:
    wanted = not flags & NOT_MATCHING
    found: list[Value] = []
    for at, text in enumerate(texts, 1):
        if type(text) is str and (search.first(pattern, text) is not None) == wanted:
            found += (text, at) if flags & WITH_INDEXES else (text,)
    return found


@efun("mixed * reg_assoc(string text, string * patterns, mixed * tokens, void | mixed otherwise)")
def reg_assoc(this: LPCObject, text: str, patterns: list[Value], tokens: list[Value],
              otherwise: Value = 0) -> list[Value]:
    """Cut a text where patterns match: `({ pieces, tokens })`, two arrays of equal length.

    The pieces are what stands between matches and the matches in turn; the second array has `otherwise`
    for the former and the token of the pattern for the latter. Of two patterns the one that matches
    earlier counts, then the one that is first in the array.

    Example: reg_assoc("a1b", ({ "[0-9]" }), ({ "n" }), 0) is ({ ({ "a", "1", "b" }), ({ 0, "n", 0 }) })
    """
    if len(patterns) != len(tokens):
        raise LPCError("Pattern and token array sizes must be identical.")
    return _associate(_Search(this), text, _compiled_all(patterns, compiled_pattern), tokens, otherwise)


def _compiled_all(patterns: list[Value], compiled: Callable[[str], Pattern]) -> list[Pattern]:
    if not all(type(pattern) is str for pattern in patterns):
        raise LPCError("Non-string found in pattern array.")
    return [compiled(pattern) for pattern in patterns]


def _associate(search: _Search, text: str, patterns: list[Pattern], tokens: list[Value],
               otherwise: Value) -> list[Value]:
    pieces: list[Value] = []
    marks: list[Value] = []
    done = at = 0
    while patterns and at < len(text):
        # `^` of each search is where the search begins, so it is given only the rest of the text.
        rest = text[at:]
        matches = [(match.start(), which, match) for which, pattern in enumerate(patterns)
                   if (match := search.first(pattern, rest)) is not None]
        if not matches:
            break
        start, which, match = min(matches, key=lambda found: found[:2])
        pieces += (text[done : at + start], match[0])
        marks += (otherwise, tokens[which])
        done = at + match.end()
        at = done + (not match[0])
        if len(pieces) >= search.limits.array_size:
            raise LPCError("Illegal array size.")
    return [[*pieces, text[done:]], [*marks, otherwise]]


# ------------------------------------------------------------------------------------------------ PCRE


@lru_cache(maxsize=256)
def _perl(pattern: str, flags: int = 0) -> Pattern:
    """A pattern in PCRE's notation, compiled."""
    import regex

    options = regex.VERSION0 | regex.ASCII
    for flag, option in ((PCRE_I, regex.IGNORECASE), (PCRE_M, regex.MULTILINE), (PCRE_S, regex.DOTALL),
                         (PCRE_X, regex.VERBOSE)):
        if flags & flag:
            options |= option
    _check_size(pattern)
    source = _ungreedy(pattern) if flags & PCRE_U else pattern
    try:
        return regex.compile(rf"\G(?:{source})" if flags & PCRE_A else source, options, cache_pattern=False)
    except regex.error as error:
        raise LPCError(f"PCRE compilation failed at offset {error.pos or 0}: {error.msg}") from None
    except (RecursionError, OverflowError, ValueError):
        raise LPCError(_TOO_LARGE) from None


_TOO_LARGE: Final = "PCRE compilation failed at offset 0: regular expression is too large"
_LONGEST: Final = 8192
_MOST_STEPS: Final = 200_000
_TOKEN: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\{(\d{1,9})(?:,(\d{0,9}))?\}|.", re.DOTALL)


def _check_size(pattern: str) -> None:
    """LPCError for a pattern that counted repeats make huge: the library writes them out when it compiles."""
    if len(pattern) > _LONGEST:
        raise LPCError(_TOO_LARGE)
    groups = [0]
    last = 0
    for token in _TOKEN.finditer(pattern):
        if token[1] is not None:
            times = max(int(token[1]), int(token[2] or 0), 1)
            groups[-1] += last * (times - 1)
            last *= times
        elif token[0] == "(":
            groups.append(0)
        elif token[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        else:
            last = 1
            groups[-1] += 1
        if groups[-1] > _MOST_STEPS:
            raise LPCError(_TOO_LARGE)


_QUANTIFIER: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\(\?|([*+?]|\{\d+(?:,\d*)?\})([?+]?)", re.DOTALL)


def _ungreedy(pattern: str) -> str:
    """The pattern with lazy and greedy quantifiers swapped."""
    def swapped(found: re.Match[str]) -> str:
        if found[1] is None or found[2] == "+":
            return found[0]
        return found[1] if found[2] else found[1] + "?"

    return _QUANTIFIER.sub(swapped, pattern)


def _groups(match: Match) -> list[Value]:
    """The text of each group up to the last that took part; "" for those that did not."""
    last = max((at for at in range(1, match.re.groups + 1) if match.start(at) >= 0), default=0)
    return [match[at] or "" for at in range(1, last + 1)]


@efun("mixed pcre_match(string | string * text, string pattern, void | int flags, void | int options)")
def pcre_match(this: LPCObject, text: str | list[Value], pattern: str, flags: int = 0, options: int = 0) -> Value:
    """regexp() with a PCRE pattern. `options` are PCRE_I and so on; for a string they may come third.

    Example: pcre_match("Tom", "^t", PCRE_I) is 1
    """
    search = _Search(this)
    if isinstance(text, str):
        return int(search.first(_perl(pattern, flags | options), text) is not None)
    return _matching(search, text, _perl(pattern, options), flags) if text else []


@efun("mixed pcre_match_all(string text, string pattern, void | int options)")
def pcre_match_all(this: LPCObject, text: str, pattern: str, options: int = 0) -> list[Value]:
    """Every match of a PCRE pattern: for each an array of its text and its groups.

    Example: pcre_match_all("a1 b2", "([a-z])([0-9])") is ({ ({ "a1", "a", "1" }), ({ "b2", "b", "2" }) })
    """
    search = _Search(this)
    compiled = _perl(pattern, options)
    found: list[Value] = []
    at = 0
    after_empty = False
    while at < len(text):
        match = search.first(compiled, text, at)
        if match is None:
            break
        if after_empty and match.start() == at and not match[0]:
            at += 1  # nothing but emptiness here, which was found already
            after_empty = False
            continue
        found.append([match[0], *_groups(match)])
        if len(found) > search.limits.array_size:
            raise LPCError("Illegal array size.")
        after_empty = not match[0]
        at = match.end()
    return found


@efun("mixed * pcre_assoc(string text, string * patterns, mixed * tokens, void | mixed otherwise, void | int options)")
def pcre_assoc(this: LPCObject, text: str, patterns: list[Value], tokens: list[Value], otherwise: Value = 0,
               options: int = 0) -> list[Value]:
    r"""reg_assoc() with PCRE patterns.

    Example: pcre_assoc("a1b", ({ "\\d" }), ({ "n" }), 0) is ({ ({ "a", "1", "b" }), ({ 0, "n", 0 }) })
    """
    if len(patterns) != len(tokens):
        raise LPCError("Pattern and token array size must be identical.")
    compiled = _compiled_all(patterns, lambda pattern: _perl(pattern, options))
    return _associate(_Search(this), text, compiled, tokens, otherwise)


@efun("mixed * pcre_extract(string text, string pattern, void | int with_names, void | int options)")
def pcre_extract(this: LPCObject, text: str, pattern: str, with_names: int = 0, options: int = 0) -> list[Value]:
    r"""The groups of the first match of a PCRE pattern; with_names adds a mapping of the named ones.

    Example: pcre_extract("tom, 42", "(\\w+), (\\d+)") is ({ "tom", "42" })
    """
    match = _Search(this).first(_perl(pattern, options), text)
    if match is None:
        return []
    groups = _groups(match)
    if with_names:
        groups.append(Mapping({name: found for name, found in match.groupdict().items() if found is not None}))
    return groups


@efun("string pcre_replace(string text, string pattern, string * replacements, void | int options)")
def pcre_replace(this: LPCObject, text: str, pattern: str, replacements: list[Value], options: int = 0) -> str:
    """A text with each group of the first match of a PCRE pattern replaced; one string for each group.

    A group inside another stays as the outer one makes it.

    Example: pcre_replace("a1b", "a(.)b", ({ "-" })) is "a-b"
    """
    match = _Search(this).first(_perl(pattern, options), text)
    if match is None:
        return text
    count = len(_groups(match))
    if count != len(replacements):
        raise LPCError(
            f"Number of captured substrings and replacements do not match, {count} vs {len(replacements)}."
        )
    if not all(type(replacement) is str for replacement in replacements):
        raise LPCError("Bad argument 3 to pcre_replace(): replacement array must contain only strings.")
    return _replaced(this, text, match, replacements)


@efun("string pcre_replace_callback(string text, string pattern, string | function callback, mixed extra...)")
def pcre_replace_callback(this: LPCObject, text: str, pattern: str, callback: str | Closure, *extra: Value) -> str:
    r"""pcre_replace() with what `callback(group, number, extra...)` returns; a group stays if that is no string.

    The last of several further arguments, if it is an int, is the options.

    Example: pcre_replace_callback("a1b", "(\\d)", (: $1 + $1 :)) is "a11b"
    """
    options = 0
    if extra and isinstance(extra[-1], int):
        *kept, options = extra
        extra = tuple(kept)
    match = _Search(this).first(_perl(pattern, options), text)
    if match is None:
        return text
    function, owner, bound = function_of(this, callback, extra, 2)
    replacements: list[Value] = []
    for at, group in enumerate(_groups(match)):
        made = function(owner, this, group, at, *bound)
        replacements.append(made if type(made) is str else group)
    return _replaced(this, text, match, replacements)


def _replaced(this: LPCObject, text: str, match: Match, replacements: list[Value]) -> str:
    pieces: list[str] = []
    done = 0
    for at, replacement in enumerate(replacements, 1):
        if match.start(at) >= done:
            pieces += (text[done : match.start(at)], replacement)
            done = match.end(at)
    pieces.append(text[done:])
    if sum(map(len, pieces)) > this.driver.limits.string_length:
        raise LPCError("pcre_replace(): the string would be too long.")
    return "".join(pieces)


@efun("string pcre_version()")
def pcre_version() -> str:
    """The name and version of the library behind the pcre efuns.

    Example: pcre_version()
    """
    import regex

    return f"regex {regex.__version__}"
