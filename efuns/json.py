"""Efuns of the json package, and the same for packages that speak JSON themselves: `encode`, `decode`.

orjson does the work. What is ours is the border between LPC and JSON, one level of nesting at a time:

| LPC                       | JSON                                                                    |
|---------------------------|-------------------------------------------------------------------------|
| int                       | a number without fraction                                               |
| float                     | a number that reads back as the same float; infinite ones are an error  |
| string                    | a string; half a surrogate pair is an error                             |
| array, buffer             | an array (a buffer's bytes as numbers; it comes back as an array)       |
| mapping                   | an object, its keys in the order of their text; an int key is its text  |
| class                     | an object of its members (it comes back as a mapping)                   |
| undefined                 | null                                                                    |
| 1, 0                      | what true and false become                                              |
| object, function, any key that is neither string nor int | an error                                 |

A whole number beyond 64 bits becomes the nearest float; of equal keys the last counts, and of a string key
and an int key of the same text the string key. Nothing may be nested deeper than 100, so data that contain
themselves are an error. Sizes are measured before anything is built: a value may hold one long string or
array in a million places.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.operators import type_name
from lpc.runtime.values import (
    INT_MAX,
    UNDEFINED,
    Buffer,
    Mapping,
    Record,
    Undefined,
    Value,
    from_key,
    is_destructed,
)

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: Arrays and mappings within each other.
DEPTH: Final = 100
_MOST_INDENT: Final = 16
#: A string, or the rest where one does not end: linear in the text whatever stands there.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_INDENTATION: Final = re.compile(r"^(?:  )+", re.MULTILINE)


# ------------------------------------------------------------------------------------------------ efuns


@efun("string json_encode(mixed value)")
def json_encode(this: LPCObject, value: Value) -> str:
    r"""The JSON text of a value, without spaces; mapping keys stand in the order of their text.

    Undefined values become null, buffers arrays of numbers, classes objects of their members, int keys
    strings. An error for objects and functions, other keys, floats that are infinite or no number, and for
    what is nested more than 100 deep or contains itself.

    Example: json_encode(([ "a": ({ 1, 2.5, "x" }) ])) is "{\"a\":[1,2.5,\"x\"]}"
    """
    return encode(value, this.driver.limits)


@efun("mixed json_decode(string | buffer text)")
def json_decode(this: LPCObject, text: str | Buffer) -> Value:
    r"""The value of a JSON text (UTF-8 where it is a buffer); an error where it is none, or nested over 100 deep.

    true is 1, false 0, and null 0 too, but undefinedp() knows it. Whole numbers beyond 64 bits become floats.
    Of equal keys the last counts.

    Example: json_decode("{\"a\": [1, 2.5, null]}") is ([ "a": ({ 1, 2.5, 0 }) ])
    """
    return decode(_text(text), this.driver.limits)


@efun("int json_valid(string | buffer text)")
def json_valid(this: LPCObject, text: str | Buffer) -> int:
    """Whether json_decode() would take a text: 1 or 0.

    Example: json_valid("[1, 2")
    """
    try:
        decode(_text(text), this.driver.limits)
    except LPCError:
        return 0
    return 1


@efun("string json_pretty(mixed value, int indent = 2)")
def json_pretty(this: LPCObject, value: Value, indent: int = 2) -> str:
    r"""The JSON text of a value as json_encode() makes it, but in lines, `indent` (0 to 16) spaces a level.

    Example: json_pretty(([ "a": 1 ])) is "{\n  \"a\": 1\n}"
    """
    if not 0 <= indent <= _MOST_INDENT:
        raise LPCError(f"json_pretty: an indent of 0 to {_MOST_INDENT} is possible, not {indent}")
    return encode(value, this.driver.limits, indent)


@efun("mixed json_get(string | buffer text, string path)")
def json_get(this: LPCObject, text: str | Buffer, path: str) -> Value:
    r"""One value out of a JSON text; undefined where the path leads nowhere. An error where the text is no JSON.

    The path is a JSON pointer ("/users/0/name", with ~1 for a slash and ~0 for a tilde in a key) or has dots
    ("users.0.name"); "" is the whole text. Arrays count from 0.

    Example: json_get("{\"users\": [{\"name\": \"tom\"}]}", "users.0.name") is "tom"
    """
    limits = this.driver.limits
    found = _parse(_text(text), limits)
    for step in _steps(path):
        if type(found) is dict and step in found:
            found = found[step]
        elif type(found) is list and _INDEX.fullmatch(step) and int(step) < len(found):
            found = found[int(step)]
        else:
            return UNDEFINED
    return _to_lpc(found, limits)


def _text(text: str | Buffer) -> str | bytearray:
    return text.data if isinstance(text, Buffer) else text


def _steps(path: str) -> list[str]:
    if not path:
        return []
    if path.startswith("/"):
        return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]
    return path.split(".")


# --------------------------------------------------------------------------------------------- to JSON


def encode(value: Value, limits: Limits, indent: int | None = None) -> str:
    """The JSON text of an LPC value, in lines if there is an indent; LPCError where it has none."""
    import orjson

    if not _is_plain(value, limits, indent):
        value = _plain(value, {})
    option = orjson.OPT_SORT_KEYS | (0 if indent is None else orjson.OPT_INDENT_2)
    try:
        text = orjson.dumps(value, option=option).decode()
    except orjson.JSONEncodeError:  # by now only a string can be at fault
        raise LPCError("JSON: a string holds half a surrogate pair") from None
    if indent is not None and indent != 2:
        # Strings hold no line ends of their own, so all spaces at the start of a line are indentation.
        text = _INDENTATION.sub(lambda match: " " * (len(match[0]) // 2 * indent), text)
    if len(text) > limits.string_length:
        raise _too_large()
    return text


def to_plain(value: Value, limits: Limits) -> Any:
    """An LPC value in the terms of JSON: dicts, lists and None, none of them LPC's own. LPCError as in encode()."""
    _is_plain(value, limits, None)
    return _plain(value, {})


def _is_plain(value: Value, limits: Limits, indent: int | None) -> bool:
    """Whether orjson may have a value as it is. LPCError if it is too deep, too large or has no JSON.

    A level of nesting is looked at as a whole, every use of a shared array as one of its own.
    """
    plain = True
    room, containers = limits.string_length, limits.array_size
    level: list[Any] = [(value,)]
    for depth in range(DEPTH + 1):
        below: list[Any] = []
        each = 2 + (indent or 0) * depth  # characters a value takes at least
        for container in level:
            values = container
            if type(container) is Mapping:
                values = container.values()
                try:
                    room -= len("".join(container))
                except TypeError:  # not all keys are strings
                    plain = False
                    room -= sum(len(key) for key in container if type(key) is str)
            room -= each * len(values)
            for one in values:
                kind = type(one)
                if kind is str:
                    room -= len(one)
                elif kind is int:
                    continue
                elif kind is list or kind is Mapping:
                    below.append(one)
                elif kind is float:
                    if one - one != 0:
                        raise LPCError(f"JSON: a float that is {one} can not be encoded")
                else:
                    plain = False
                    if kind is Record:
                        below.append(one.values)
                    elif kind is Buffer:
                        room -= each * len(one.data)
                    elif kind is not Undefined and not is_destructed(one):
                        raise LPCError(f"JSON: a value of type {type_name(one)} can not be encoded")
            if room < 0 or len(below) > containers:
                raise _too_large()
        if not below:
            return plain
        containers -= len(below)
        level = below
    raise _too_deep()


def _plain(value: Value, known: dict[int, Any]) -> Any:
    """A value that passed _is_plain() in the terms of JSON; shared parts, by identity in `known`, stay shared."""
    kind = type(value)
    if kind is str or kind is int or kind is float:
        return value
    if kind is Undefined:
        return None
    if is_destructed(value):
        return 0
    if id(value) not in known:
        if kind is Mapping:
            made: Any = {}
            for key in sorted(value, key=_strings_last):
                made[_key(key)] = _plain(value[key], known)
        elif kind is Record:
            made = {name: _plain(member, known) for name, member in zip(value.type.members, value.values)}
        elif kind is Buffer:
            made = list(value.data)
        else:
            made = [_plain(one, known) for one in value]
        known[id(value)] = made
    return known[id(value)]


def _strings_last(key: Any) -> bool:
    return type(key) is str


def _key(key: Any) -> str:
    key = from_key(key)
    if not isinstance(key, str | int):
        raise LPCError(f"JSON: a mapping key of type {type_name(key)} can not be encoded")
    return str(key)


# ------------------------------------------------------------------------------------------- from JSON


def decode(text: str | bytes | bytearray, limits: Limits) -> Value:
    """The LPC value of a JSON text; LPCError where it has none."""
    return _to_lpc(_parse(text, limits), limits)


def _parse(text: str | bytes | bytearray, limits: Limits) -> Any:
    """A text in Python's terms."""
    import orjson

    if _opens(text) > limits.array_size:
        # Three characters can ask for an object of 64 bytes. Brackets in strings are harmless, though.
        data = text.encode(errors="replace") if isinstance(text, str) else text
        if _opens(_STRING.sub(b"", data)) > limits.array_size:
            raise _too_large()
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LPCError(f"JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None


def _opens(text: str | bytes | bytearray) -> int:
    """The number of opening brackets."""
    if isinstance(text, str):
        return text.count("[") + text.count("{")
    return text.count(b"[") + text.count(b"{")


def to_lpc(value: Any, limits: Limits) -> Value:
    """Dicts, lists, booleans and None as LPC values that share nothing with them."""
    import orjson

    return _to_lpc(orjson.loads(orjson.dumps(value)), limits)


def _to_lpc(value: Any, limits: Limits) -> Value:
    """What orjson made, as LPC values: its lists are changed in place, its dicts become mappings."""
    most_items, most_keys = limits.array_size, limits.mapping_size
    whole = [value]
    lists: list[list[Any]] = [whole]
    mappings: list[Mapping] = []
    for _ in range(DEPTH + 1):
        lists_below: list[list[Any]] = []
        mappings_below: list[Mapping] = []
        container: Any
        for container in (*lists, *mappings):
            if type(container) is list:
                if len(container) > most_items:
                    raise _too_large()
                places: Any = enumerate(container)
            else:
                if len(container) > most_keys:
                    raise _too_large()
                places = container.items()
            for place, one in places:
                kind = type(one)
                if kind is str or kind is float:
                    continue
                if kind is int:
                    if one > INT_MAX:
                        container[place] = float(one)
                elif kind is dict:
                    container[place] = mapping = Mapping(one)
                    mappings_below.append(mapping)
                elif kind is list:
                    lists_below.append(one)
                else:
                    container[place] = UNDEFINED if one is None else 1 if one else 0
        if not (lists_below or mappings_below):
            return whole[0]
        lists, mappings = lists_below, mappings_below
    raise _too_deep()


def _too_deep() -> LPCError:
    return LPCError(f"JSON: nested more than {DEPTH} deep, or containing itself")


def _too_large() -> LPCError:
    return LPCError("JSON: larger than the driver's limits allow")
