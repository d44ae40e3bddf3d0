"""Efuns that make English and coloured text for players, and events for objects."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from efuns.core.unicode import cut, may_break, width
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from collections.abc import Iterator

# ------------------------------------------------------------------------------------------------- plurals

#: Words, and ends of words, with a plural of their own.
_IRREGULAR: Final = {
    "child": "children", "ox": "oxen", "foot": "feet", "tooth": "teeth", "goose": "geese", "mouse": "mice",
    "louse": "lice", "die": "dice", "person": "people", "staff": "staves", "datum": "data", "cactus": "cacti",
    "fungus": "fungi", "index": "indices", "vertex": "vertices", "matrix": "matrices", "vortex": "vortices",
    "sheep": "sheep", "deer": "deer", "fish": "fish", "moose": "moose", "series": "series", "species": "species",
    "human": "humans", "shaman": "shamans", "talisman": "talismans", "ottoman": "ottomans", "photo": "photos",
    "piano": "pianos", "halo": "halos", "grotto": "grottos", "chef": "chefs", "chief": "chiefs", "belief": "beliefs",
    "roof": "roofs", "proof": "proofs", "reef": "reefs", "gulf": "gulfs", "dwarf": "dwarves", "scarf": "scarves",
    "wharf": "wharves", "thief": "thieves", "safe": "safes", "fife": "fifes", "giraffe": "giraffes",
}
_GREEK: Final = frozenset("thesis axis crisis basis oasis analysis diagnosis hypothesis parenthesis synthesis ellipsis"
                          " synopsis nemesis metamorphosis".split())
_RULES: Final = (
    (re.compile(r"man$"), "men"),
    (re.compile(r"ff$"), "ffs"),
    (re.compile(r"fe$"), "ves"),
    (re.compile(r"(?<=[aeoul])f$"), "ves"),
    (re.compile(r"(?<=[^aeiou])y$"), "ies"),
    (re.compile(r"quy$"), "quies"),
    (re.compile(r"(?<=[sz])$|(?<=x)$|(?<=ch)$|(?<=sh)$"), "es"),
    (re.compile(r"(?<=[^aeiou])o$"), "oes"),
    (re.compile(r"$"), "s"),
)


@efun("string pluralize(string phrase)")
def pluralize(phrase: str) -> str:
    """The plural of an English noun, or of the noun in a phrase: the last word, or the one before "of".

    Example: pluralize("red wolf") is "red wolves"
    """
    for article in ("a ", "an "):
        if phrase.lower().startswith(article):
            phrase = phrase[len(article):]
    head, of, tail = phrase.partition(" of ")
    before, space, noun = head.rpartition(" ")
    return before + space + _plural(noun) + of + tail


def _plural(noun: str) -> str:
    lower = noun.lower()
    if not lower:
        return noun
    found = _IRREGULAR.get(lower)
    if found is not None:
        return noun[:1] + found[1:] if noun[:1].lower() == found[:1] else found
    if lower in _GREEK:
        return noun[:-2] + "es"
    pattern, end = next(rule for rule in _RULES if rule[0].search(lower))
    match = pattern.search(lower)
    assert match is not None
    return noun[: match.start()] + end


# ------------------------------------------------------------------------------------------------- numbers

_SMALL: Final = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
                 " seventeen eighteen nineteen").split()
_TENS: Final = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


@efun("string query_num(int number, int limit = 0)")
def query_num(number: int, limit: int = 0) -> str:
    """A number in English words; "many" below 0, from a hundred thousand on, and above a limit that is not 0.

    Example: query_num(21) is "twenty-one"
    """
    if not 0 <= number < 100_000 or (limit and number > limit):
        return "many"
    return _words(number)


def _words(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        return _TENS[number // 10] + (f"-{_SMALL[number % 10]}" if number % 10 else "")
    unit, name = (1000, "thousand") if number >= 1000 else (100, "hundred")
    rest = number % unit
    joint = " and " if rest < 100 else " "
    return f"{_words(number // unit)} {name}" + (joint + _words(rest) if rest else "")


# -------------------------------------------------------------------------------------------------- colours


@efun("string terminal_colour(string text, mapping codes, void | int columns, void | int indent)")
def terminal_colour(this: LPCObject, text: str, codes: Mapping, columns: int = 0, indent: int = 0) -> str:
    """A text with what stands between `%^` replaced by its code; wrapped, if a width is given, into lines of that
    many columns, all but the first indented.

    What is no key of `codes` stays as it is. Before each new line that wrapping makes comes the code "RESET". If this
    object defines terminal_colour_replace(), it is asked first for a replacement of each part. The result is cut at
    the longest string there may be.

    Example: terminal_colour("%^RED%^hot%^RESET%^", ([ "RED": "<r>", "RESET": "" ])) is "<r>hot"
    """
    asks = this.driver.defines(this, "terminal_colour_replace")
    pieces: list[tuple[str, bool]] = []  # text, and whether it is a code
    length = 0
    for part in text.split("%^"):
        if asks and part:
            part = _replaced(this, part)
        code = codes.get(part)
        pieces.append((code, True) if isinstance(code, str) else (part, False))
        length += len(pieces[-1][0])
        if length > this.driver.limits.string_length:
            break
    if columns <= 0:
        return "".join(piece for piece, _ in pieces)[: this.driver.limits.string_length]
    reset = codes.get("RESET")
    made = _wrapped(pieces, columns, max(0, min(indent, columns - 1)), reset if isinstance(reset, str) else "")
    return made[: this.driver.limits.string_length]


def _replaced(this: LPCObject, part: str) -> str:
    """What terminal_colour_replace() makes of a part; an error in it changes nothing."""
    try:
        answer = this.driver.apply(this, "terminal_colour_replace", part)
    except LPCError as error:
        this.driver.caught(error)
        return part
    return answer if isinstance(answer, str) else part


def _wrapped(pieces: list[tuple[str, bool]], columns: int, indent: int, reset: str) -> str:
    """Break the lines of what is seen, and put the codes back where they were."""
    seen = "".join(piece for piece, is_code in pieces if not is_code)
    margin = reset + "\n" + " " * indent
    breaks = iter([*_breaks(seen, columns, indent), (len(seen) + 1, len(seen) + 1)])
    stop, resume = next(breaks)
    made: list[str] = []
    start = 0
    for piece, is_code in pieces:
        if is_code:
            made.append(piece)
            continue
        at, end = start, start + len(piece)
        while stop < end:
            made += [seen[at:stop], margin]
            at = max(at, resume)
            stop, resume = next(breaks)
        made.append(seen[at:end])
        start = end
    return "".join(made)


def _breaks(seen: str, columns: int, indent: int) -> Iterator[tuple[int, int]]:
    """Where lines end, and where the next ones begin."""
    at = 0
    for line in seen.split("\n"):
        start, end = at, at + len(line)
        room = columns
        while start < end:
            length = cut(seen[start:end], room).length
            if start + length >= end or width(seen[start:end]) <= room:
                break
            stop = _better(seen, start, start + length)
            resume = stop + 1 if seen[stop] == " " else stop
            yield stop, resume
            start, room = resume, columns - indent
        at = end + 1


def _better(seen: str, start: int, stop: int) -> int:
    """The place to break a line at or before `stop`: at a space, where the script allows it, else hard."""
    if seen[stop] == " " or may_break(seen, stop):
        return stop
    space = seen.rfind(" ", start + 1, stop)
    return space if space > start else stop


# --------------------------------------------------------------------------------------------------- events


@efun("void event(object | object *where, string name, mixed arguments...)")
def event(this: LPCObject, where: LPCObject | list[Value], name: str, *arguments: Value) -> int:
    """Call event_NAME(this_object(), arguments…) in an object and what it contains, or in each object of an array.

    Example: event(environment(), "explosion", 3)
    """
    targets = list(where) if isinstance(where, list) else [where, *where.inventory]
    for target in targets:
        if this.is_destructed:
            break
        if isinstance(target, LPCObject) and not target.is_destructed:
            this.driver.apply(target, f"event_{name}", this, *arguments)
    return 0
