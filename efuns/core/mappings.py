"""Efuns over mappings. Wherever an order shows, it is the one of `ordered_keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.call import function_of
from lpc.runtime.closures import Closure
from lpc.runtime.values import UNDEFINED, Mapping, Value, as_key, from_key, keys_of, ordered_keys

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject


@efun("mapping allocate_mapping(int | mixed *keys, void | mixed values)")
def allocate_mapping(this: LPCObject, keys: int | list[Value], values: Value = UNDEFINED) -> Mapping:
    """An empty mapping (for an int), or one from an array of keys.

    The values are an array of the same size, or what a function gives for each key, or one value for all.

    Example: allocate_mapping(({ "a", "b" }), ({ 1, 2 })) is ([ "a" : 1, "b" : 2 ])
    """
    if isinstance(keys, int):
        if values is not UNDEFINED:
            raise BadArgument("Bad argument 1 to allocate_mapping()")
        return Mapping()
    if type(values) is list and len(values) != len(keys):
        raise LPCError("Arrays passed to allocate_mapping() must be the same size")
    made = Mapping(zip(map(as_key, keys), _values_for(this, keys, values), strict=True))
    if len(made) > this.driver.limits.mapping_size:
        raise LPCError(f"Mapping exceeded maximum allowed size of {this.driver.limits.mapping_size}.")
    return made


def _values_for(this: LPCObject, keys: list[Value], values: Value) -> list[Value]:
    if type(values) is list:
        return values
    if isinstance(values, Closure):
        function, owner = values.prepare(1)
        return [function(owner, this, key) for key in keys]
    return [0 if values is UNDEFINED else values] * len(keys)


@efun("mixed *keys(mapping m)")
def keys(m: Mapping) -> list[Value]:
    """The keys of a mapping: ints, floats and strings in ascending order, then the others.

    Example: keys(([ "b" : 1, "a" : 2 ])) is ({ "a", "b" })
    """
    return keys_of(m)


@efun("mixed *values(mapping m)")
def values(m: Mapping) -> list[Value]:
    """The values of a mapping, in the order of keys().

    Example: values(([ "b" : 1, "a" : 2 ])) is ({ 2, 1 })
    """
    return [m[key] for key in ordered_keys(m)]


@efun("void map_delete(mapping m, mixed key)")
def map_delete(m: Mapping, key: Value) -> int:
    """Remove a key from a mapping, in place; a key that is not there is no error.

    Example: map_delete(prices, "sword")
    """
    m.pop(as_key(key), None)
    return 0


@efun("mapping filter_mapping(mapping m, string | function f, mixed extra...)")
def filter_mapping(this: LPCObject, m: Mapping, f: str | Closure, *extra: Value) -> Mapping:
    """filter() for mappings.

    Example: filter_mapping(prices, (: $2 > 100 :))
    """
    return filter_pairs(this, m, f, extra)


@efun("mapping map_mapping(mapping m, string | function f, mixed extra...)")
def map_mapping(this: LPCObject, m: Mapping, f: str | Closure, *extra: Value) -> Mapping:
    """map() for mappings.

    Example: map_mapping(([ "a" : 1 ]), (: $2 * 10 :)) is ([ "a" : 10 ])
    """
    return map_pairs(this, m, f, extra)


def filter_pairs(this: LPCObject, m: Mapping, f: str | Closure, extra: tuple[Value, ...]) -> Mapping:
    """The pairs a function of (key, value, extra…) accepts, as a new mapping."""
    function, owner, extra = function_of(this, f, extra, 2)
    kept = Mapping()
    for key in ordered_keys(m):
        value = m[key]
        if function(owner, this, key if type(key) is str else from_key(key), value, *extra) != 0:
            kept[key] = value
    return kept


def map_pairs(this: LPCObject, m: Mapping, f: str | Closure, extra: tuple[Value, ...]) -> Mapping:
    """A new mapping with the same keys and what a function of (key, value, extra…) gives."""
    function, owner, extra = function_of(this, f, extra, 2)
    return Mapping(
        (key, function(owner, this, key if type(key) is str else from_key(key), m[key], *extra))
        for key in ordered_keys(m)
    )


@efun("mixed match_path(mapping m, string path)")
def match_path(m: Mapping, path: str) -> Value:
    """The value of the longest leading part of a path that is a key; undefined if none is.

    Parts end at slashes: "/a", "/a/" and "/a/b" are tried for "/a/b". Doubled slashes count as one.

    Example: match_path(([ "/d/" : "domain", "/" : "root" ]), "/d/x.c") is "domain"
    """
    parts = [part for part in path.split("/") if part]
    prefix = "/" if path.startswith("/") else ""
    found = m.get(prefix, UNDEFINED) if prefix else UNDEFINED
    for at, part in enumerate(parts):
        prefix += part
        found = m.get(prefix, found)
        if at < len(parts) - 1:
            prefix += "/"
            found = m.get(prefix, found)
    return found
