"""Efuns of the json package, and the same for packages that speak JSON themselves: `encode`, `decode`.

What is ours is the border between LPC and JSON:

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
themselves are an error.

orjson reads, msgspec writes: a value may hold one long string or array in a million places, and msgspec
alone writes into a buffer that can be kept from growing. What neither of them refuses is looked for in the
text: a float that is no number has become null there, and the depth shows in the brackets. Only where the
text leaves a doubt is the value walked through in Python.
"""

from __future__ import annotations

import re
from functools import lru_cache
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
_INDENTATION: Final = re.compile(rb"^ +", re.MULTILINE)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[][{},:]', re.DOTALL)
_BRACKETS: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(sorted({*range(256)} - {*b"[]{}"}))
_FIRST_SIZE: Final = 4 << 10  # of the buffer a text is tried in, then _GROWTH times as much
_GROWTH: Final = 16
_SAMPLE: Final = 4 << 10  # bytes of a text that tell how long its parts are
_SPARSE: Final = 48
_MOST_BYTES: Final = 1 << 20  # of a buffer
_MANY: Final = 16
_UNCHANGED: Final = frozenset((str, float))
_INTS: Final = frozenset((int,))


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
    return _to_lpc(found)


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
    data: bytes | bytearray = _written(value, limits)
    if indent is not None:
        data = _in_lines(data, indent, limits)
    text = data.decode()
    if len(text) > limits.string_length:
        raise _too_large()
    return text


def encode_bytes(value: Value, limits: Limits) -> bytearray:
    """The same as encode(), as UTF-8; at most four bytes for each character a string may have."""
    return _written(value, limits)


def to_plain(value: Value, limits: Limits) -> Any:
    """An LPC value in the terms of JSON: dicts, lists and None, none of them LPC's own. LPCError as in encode()."""
    return _orjson().loads(_written(value, limits))


def _written(value: Value, limits: Limits) -> bytearray:
    try:
        data = _write(value, limits)
    except TypeError:  # some key is no string
        value = _with_text_keys(value, {}, DEPTH)
        data = _write(value, limits)
    # Of a text of few and long parts, looking at the value is faster than looking at the text.
    is_sparse = len(data) > _SAMPLE and data.count(b",", 0, _SAMPLE) * _SPARSE < _SAMPLE
    if is_sparse or b"null" in data or not _is_surely_flat(data):
        _check(value, {}, DEPTH)
    return data


def _write(value: Value, limits: Limits) -> bytearray:
    """The text of a value, if it fits into a buffer as large as it may become."""
    most = limits.string_length * 4
    size = _FIRST_SIZE
    while True:
        data = bytearray(min(size, most))
        view = memoryview(data)  # while somebody looks at it a bytearray can not grow
        try:
            _encoder().encode_into(value, data)
            del view
            return data
        except BufferError:
            if size >= most:
                raise _too_large() from None
            size *= _GROWTH
        except UnicodeEncodeError:
            raise LPCError("JSON: a string holds half a surrogate pair") from None
        except RecursionError:
            raise _too_deep() from None


@lru_cache(maxsize=1)
def _encoder() -> Any:
    import msgspec

    return msgspec.json.Encoder(enc_hook=_plain, order="deterministic")


def _plain(value: Any) -> Any:
    """What is written for a value that msgspec does not know."""
    kind = type(value)
    if kind is Undefined:
        return None
    if kind is Record:
        return dict(zip(value.type.members, value.values))
    if kind is Buffer:
        if len(value.data) > _MOST_BYTES:
            raise _too_large()
        return list(value.data)
    if is_destructed(value):
        return 0
    raise LPCError(f"JSON: a value of type {type_name(value)} can not be encoded")


def _with_text_keys(value: Value, known: dict[int, Any], depth: int) -> Any:
    """A copy whose mappings have keys that are texts. Shared parts, by identity in `known`, stay shared."""
    parts = _parts(value)
    if parts is None:
        return value
    if not depth:
        raise _too_deep()
    made = known.get(id(value))
    if made is None:
        if type(value) is Mapping:
            made = {_key(key): _with_text_keys(value[key], known, depth - 1) for key in sorted(value, key=_is_text)}
        elif type(value) is Record:
            made = Record(value.type, [_with_text_keys(one, known, depth - 1) for one in parts])
        else:
            made = [_with_text_keys(one, known, depth - 1) for one in parts]
        known[id(value)] = made
    return made


def _parts(value: Any) -> Any:
    """What a container holds, keys aside; None of any other value."""
    kind = type(value)
    if kind is list:
        return value
    if kind is Mapping or kind is dict:
        return value.values()
    return value.values if kind is Record else None


def _is_text(key: Any) -> bool:
    return type(key) is str


def _key(key: Any) -> str:
    key = from_key(key)
    if not isinstance(key, str | int):
        raise LPCError(f"JSON: a mapping key of type {type_name(key)} can not be encoded")
    return str(key)


def _is_surely_flat(data: bytearray) -> bool:
    """Whether the brackets of a text show that nothing is too deep. Those within strings leave a doubt."""
    if len(data) <= 2 * DEPTH:
        return True
    brackets = data.translate(_BRACKETS, _NO_BRACKETS)
    effort = len(data)
    for _ in range(DEPTH):
        if not brackets:
            return True
        effort -= len(brackets)
        if effort < 0:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    return not brackets


def _check(value: Value, known: dict[int, int], depth: int) -> int:
    """The depth of a value; LPCError where it is more than `depth`, and for a float that is no number.

    Shared parts, by identity in `known`, are looked at once.
    """
    parts = _parts(value)
    if parts is None:
        return 0 if type(value) is not float else _check([value], {}, 1)
    found = known.get(id(value))
    if found is None:
        if not depth:
            raise _too_deep()
        below = 0
        for one in parts:
            kind = type(one)
            if kind is str or kind is int:
                continue
            if kind is float:
                if one - one != 0:
                    raise LPCError(f"JSON: a float that is {one} can not be encoded")
            elif _parts(one) is not None:
                below = max(below, _check(one, known, depth - 1))
        found = known[id(value)] = 1 + below
    if found > depth:
        raise _too_deep()
    return found


def _in_lines(data: bytes | bytearray, indent: int, limits: Limits) -> bytes | bytearray:
    """A text in lines, each element on one of its own."""
    import msgspec

    if len(data) * DEPTH * (indent + 1) > limits.string_length and _lined_size(data, indent) > 4 * limits.string_length:
        raise _too_large()
    # To msgspec an indent of 0 means one line. Strings hold no line ends of their own.
    made: bytes = msgspec.json.format(bytes(data), indent=indent or 1)
    return made if indent else _INDENTATION.sub(b"", made)


def _lined_size(data: bytes | bytearray, indent: int) -> int:
    """How many bytes a text has in lines."""
    size, depth = len(data), 0
    for match in _TOKEN.finditer(data):
        mark = match[0]
        if mark == b",":
            size += 1 + depth * indent
        elif mark == b":":
            size += 1
        elif len(mark) == 1 and mark in b"[{":
            depth += 1
            size += 1 + depth * indent
        elif len(mark) == 1 and mark in b"]}":
            depth -= 1
            size += 1 + depth * indent
    return size


# ------------------------------------------------------------------------------------------- from JSON


def decode(text: str | bytes | bytearray, limits: Limits) -> Value:
    """The LPC value of a JSON text; LPCError where it has none."""
    return _to_lpc(_parse(text, limits))


def _parse(text: str | bytes | bytearray, limits: Limits) -> Any:
    """A text in Python's terms, nothing in it larger than LPC may have."""
    orjson = _orjson()
    size = len(text)
    # An element takes two characters at least, so in a short text there can not be too many.
    is_long = size > 2 * limits.array_size or size > 2 * limits.mapping_size
    if is_long and _opens(text) > limits.array_size:
        # Three characters can ask for an object of 64 bytes. Brackets in strings are harmless, though.
        data = text.encode(errors="replace") if isinstance(text, str) else text
        if _opens(_STRING.sub(b"", data)) > limits.array_size:
            raise _too_large()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise LPCError(f"JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    if is_long:
        _check_sizes(value, limits)
    return value


@lru_cache(maxsize=1)
def _orjson() -> Any:
    import orjson

    return orjson


def _opens(text: str | bytes | bytearray) -> int:
    """The number of opening brackets."""
    if isinstance(text, str):
        return text.count("[") + text.count("{")
    return text.count(b"[") + text.count(b"{")


def _check_sizes(value: Any, limits: Limits) -> None:
    """LPCError where a list or dict within a value has more elements than LPC's may have."""
    level = [value]
    while level:
        below = []
        for one in level:
            if type(one) is list:
                if len(one) > limits.array_size:
                    raise _too_large()
                below += one
            elif type(one) is dict:
                if len(one) > limits.mapping_size:
                    raise _too_large()
                below += one.values()
        level = below


def to_lpc(value: Any, limits: Limits) -> Value:
    """Dicts, lists, booleans and None as LPC values that share nothing with them."""
    orjson = _orjson()
    return decode(orjson.dumps(value), limits)


def _to_lpc(value: Any) -> Value:
    """What orjson made, as LPC values: its lists are changed in place, its dicts become mappings."""
    kind = type(value)
    if kind is dict:
        return _mapping(value, DEPTH - 1)
    if kind is list:
        _change_array(value, DEPTH - 1)
        return value
    return _scalar(value)


def _mapping(value: dict[str, Any], depth: int) -> Mapping:
    """A dict as a mapping; `depth` levels may stand below it."""
    made = Mapping(value)
    for key, one in value.items():
        kind = type(one)
        if kind is str or kind is float:
            continue
        if kind is int:
            if one > INT_MAX:
                made[key] = float(one)
        elif kind is dict:
            if not depth:
                raise _too_deep()
            made[key] = _mapping(one, depth - 1)
        elif kind is list:
            if not depth:
                raise _too_deep()
            _change_array(one, depth - 1)
        else:
            made[key] = UNDEFINED if one is None else 1 if one else 0
    return made


def _change_array(array: list[Any], depth: int) -> None:
    """Make the elements of a list LPC's; `depth` levels may stand below it."""
    if len(array) > _MANY:  # then the most common kinds are worth a look at all elements together
        kinds = {*map(type, array)}
        if kinds <= _UNCHANGED or (kinds == _INTS and max(array) <= INT_MAX):
            return
    at = 0
    for one in array:
        kind = type(one)
        if kind is dict:
            if not depth:
                raise _too_deep()
            array[at] = _mapping(one, depth - 1)
        elif kind is list:
            if not depth:
                raise _too_deep()
            _change_array(one, depth - 1)
        elif kind is not str and kind is not float:
            array[at] = _scalar(one)
        at += 1


def _scalar(value: Any) -> Value:
    kind = type(value)
    if kind is int:
        return value if value <= INT_MAX else float(value)
    if kind is str or kind is float:
        return value
    return UNDEFINED if value is None else 1 if value else 0


def _too_deep() -> LPCError:
    return LPCError(f"JSON: nested more than {DEPTH} deep, or containing itself")


def _too_large() -> LPCError:
    return LPCError("JSON: larger than the driver's limits allow")
