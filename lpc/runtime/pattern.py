r"""Regular expressions of LPC: FluffOS's own notation for regexp(), reg_assoc() and sscanf's %(…).

The notation is small: `( ) [ ] . * + ? | ^ $ \< \>`, and a backslash takes any other character as it is.
It is translated, with FluffOS's errors, to the `regex` package, which can give up after a time: a pattern
is untrusted, and some take longer than the age of the mudlib. The package is loaded when first needed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from lpc.errors import LPCError

#: a compiled pattern and a match of the `regex` package, which has no types of its own
Pattern = Any
Match = Any

_MOST_GROUPS: Final = 9
_LONGEST: Final = 32767
_SPECIAL: Final = frozenset("().*+?|$^[]")
TOO_SLOW: Final = "regexp: pattern took too long"


@lru_cache(maxsize=256)
def compiled_pattern(pattern: str) -> Pattern:
    """A pattern in FluffOS's notation, compiled; LPCError with FluffOS's text where it is faulty."""
    import regex

    if len(pattern) >= _LONGEST:
        raise LPCError("regexp too big")
    return regex.compile(_Translator(pattern).translate(), regex.DOTALL | regex.VERSION0, cache_pattern=False)


def search_pattern(pattern: Pattern, text: str, seconds: float, at: int = 0) -> Match | None:
    """The first match at or after an offset; LPCError when finding it takes longer than `seconds`."""
    try:
        return pattern.search(text, at, timeout=seconds)
    except TimeoutError:
        raise LPCError(TOO_SLOW) from None


class _Translator:
    """Reads one pattern. Tokens are characters; a special one has its mark in `special`."""

    def __init__(self, pattern: str) -> None:
        self.characters: list[str] = []
        self.special: list[bool] = []
        self.at = 0
        self.groups = 0
        self.read(pattern)

    def read(self, pattern: str) -> None:
        """Resolve backslashes: what follows one is an ordinary character, except for `<` and `>`."""
        at = 0
        while at < len(pattern):
            character = pattern[at]
            at += 1
            special = character in _SPECIAL
            if character == "\\":
                if at >= len(pattern):
                    raise LPCError("Regular expression cannot end with '\\'.  Use \"\\\\\".")
                character = pattern[at]
                at += 1
                if character in "{}":
                    raise LPCError("sorry, unimplemented operator")
                special = character in "<>"
                character = _ESCAPES.get(character, character)
            self.characters.append(character)
            self.special.append(special)

    def sees(self, characters: str) -> bool:
        """Whether one of these special characters comes next."""
        return self.at < len(self.characters) and self.special[self.at] and self.characters[self.at] in characters

    def translate(self) -> str:
        """The whole pattern in the notation of the `regex` package."""
        translated, _ = self.alternatives()
        if self.at < len(self.characters):
            raise LPCError("unmatched ()")
        return translated

    def alternatives(self) -> tuple[str, bool]:
        """Branches between bars: the text, and whether it always takes at least a character."""
        branches = [self.branch()]
        while self.sees("|"):
            self.at += 1
            branches.append(self.branch())
        return "|".join(text for text, _ in branches), all(wide for _, wide in branches)

    def branch(self) -> tuple[str, bool]:
        pieces = []
        wide = False
        while self.at < len(self.characters) and not self.sees("|)"):
            text, takes = self.piece()
            pieces.append(text)
            wide = wide or takes
        return "".join(pieces), wide

    def piece(self) -> tuple[str, bool]:
        text, wide = self.atom()
        if not self.sees("*+?"):
            return text, wide
        operator = self.characters[self.at]
        if not wide and operator != "?":
            raise LPCError("*+ operand could be empty")
        self.at += 1
        if self.sees("*+?"):
            raise LPCError("nested *?+")
        return text + operator, operator == "+"

    def atom(self) -> tuple[str, bool]:
        character, special = self.characters[self.at], self.special[self.at]
        self.at += 1
        if not special:
            return _quote(character), True
        if character in _ANCHORS:
            return _ANCHORS[character], character == "."
        if character == "(":
            return self.group()
        if character == "[":
            return self.set(), True
        if character == "]":
            raise LPCError("unexpected ]")
        raise LPCError(f"{character} follows nothing")

    def group(self) -> tuple[str, bool]:
        if self.groups >= _MOST_GROUPS:
            raise LPCError("too many ()")
        self.groups += 1
        text, wide = self.alternatives()
        if not self.sees(")"):
            raise LPCError("unmatched ()")
        self.at += 1
        return f"({text})", wide

    def set(self) -> str:
        """What follows `[`, up to and with its `]`."""
        negated = self.sees("^")
        self.at += negated
        items: list[str] = []
        if self.sees("]") or self.characters[self.at : self.at + 1] == ["-"]:
            items.append(self.next())
        while self.at < len(self.characters) and not self.sees("]"):
            character = self.next()
            if character != "-" or not items or self.sees("]") or self.at >= len(self.characters):
                items.append(character)
                continue
            first, last = items[-1][-1], self.next()
            if ord(first) > ord(last):
                raise LPCError("invalid [] range")
            items.append(first + last)
        if self.at >= len(self.characters):
            raise LPCError("unmatched []")
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(map(_set_item, items))}]"

    def next(self) -> str:
        self.at += 1
        return self.characters[self.at - 1]


_ESCAPES: Final = {"b": "\b", "t": "\t", "r": "\r"}
_ANCHORS: Final = {"^": r"\A", "$": r"\Z", ".": ".", "<": r"\b(?=\w)", ">": r"(?<=\w)\b"}


def _quote(character: str) -> str:
    return character if character.isalnum() else f"\\U{ord(character):08x}"


def _set_item(item: str) -> str:
    return "-".join(map(_quote, item))
