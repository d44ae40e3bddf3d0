"""Efuns over arrays: making, searching, sorting, grouping, and the callbacks over any container.

`filter()` and `map()` take arrays, mappings and strings; the mapping halves are in `mappings`. Callbacks
are prepared once (`function_of`) and then called like any Python function.
"""

from __future__ import annotations

from functools import cmp_to_key, partial
from typing import TYPE_CHECKING, Any

from efuns.core.mappings import filter_pairs, map_pairs
from efuns.core.numbers import Dice
from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.call import function_of
from lpc.runtime.closures import Closure
from lpc.runtime.operators import size_of
from lpc.runtime.text import clusters
from lpc.runtime.values import (
    Mapping,
    Undefined,
    Value,
    as_key,
    equal,
    from_key,
    is_destructed,
    mapping_of,
    truth,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lpc.runtime.objects import LPCObject

_PREFIX, _BACKWARDS, _PREDICATE = 1, 2, 4


@efun("mixed *allocate(int size, void | mixed value)")
def allocate(this: LPCObject, size: int, value: Value = 0) -> list[Value]:
    """A new array of `size` elements.

    Every element is 0, or the value given (one value, shared), or what a function gives for its index.

    Example: allocate(3, (: $1 * $1 :)) is ({ 0, 1, 4 })
    """
    if not 0 <= size <= this.driver.limits.array_size:
        raise LPCError("Illegal array size.")
    if isinstance(value, Closure):
        function, owner = value.prepare(1)
        return [function(owner, this, at) for at in range(size)]
    return [value] * size


# ------------------------------------------------------------------------------------------- filter, map


@efun("mixed filter(string | mixed * | mapping data, string | function f, mixed extra...)")
def filter_(this: LPCObject, data: Value, f: str | Closure, *extra: Value) -> Value:
    """What a function accepts of an array, a mapping or a string, as a new one.

    The function gets each element (of a mapping: key and value; of a string: the character), then the
    extra arguments, and accepts by giving anything but 0. A function name is looked up in this object, or
    in the object (or path) given as first extra argument.

    Example: filter(({ 1, 2, 3, 4 }), (: $1 % 2 == 0 :)) is ({ 2, 4 })
    """
    if type(data) is list:
        return _filter_list(this, data, f, extra)
    if type(data) is str:
        codes = _filter_list(this, list(map(ord, data)), f, extra)
        return "".join(map(chr, codes))
    return filter_pairs(this, data, f, extra)


@efun("mixed filter_array(mixed *array, string | function f, mixed extra...)")
def filter_array(this: LPCObject, array: list[Value], f: str | Closure, *extra: Value) -> list[Value]:
    """filter() for arrays.

    Example: filter_array(users(), "is_wizard", this_object())
    """
    return _filter_list(this, array, f, extra)


@efun("mixed map(string | mapping | mixed *data, string | function f, mixed extra...)")
def map_(this: LPCObject, data: Value, f: str | Closure, *extra: Value) -> Value:
    """What a function gives for every element of an array, mapping or string, as a new one.

    Of a mapping the function gets key and value and gives the new value; of a string it gets each
    character and gives the one to put in its place (anything but a positive int leaves it).

    Example: map(({ 1, 2, 3 }), (: $1 * 10 :)) is ({ 10, 20, 30 })
    """
    if type(data) is list:
        return _map_list(this, data, f, extra)
    if type(data) is str:
        return _map_text(this, data, f, extra)
    return map_pairs(this, data, f, extra)


@efun("mixed *map_array(mixed *array, string | function f, mixed extra...)")
def map_array(this: LPCObject, array: list[Value], f: str | Closure, *extra: Value) -> list[Value]:
    """map() for arrays.

    Example: map_array(({ "a", "b" }), (: upper_case :)) is ({ "A", "B" })
    """
    return _map_list(this, array, f, extra)


def _filter_list(this: LPCObject, array: list[Value], f: str | Closure, extra: tuple[Value, ...]) -> list[Value]:
    function, owner, extra = function_of(this, f, extra, 1)
    if extra:
        return [x for x in array if function(owner, this, x, *extra) != 0]
    return [x for x in array if function(owner, this, x) != 0]


def _map_list(this: LPCObject, array: list[Value], f: str | Closure, extra: tuple[Value, ...]) -> list[Value]:
    function, owner, extra = function_of(this, f, extra, 1)
    if extra:
        return [function(owner, this, x, *extra) for x in array]
    return [function(owner, this, x) for x in array]


def _map_text(this: LPCObject, text: str, f: str | Closure, extra: tuple[Value, ...]) -> str:
    function, owner, extra = function_of(this, f, extra, 1)
    characters = []
    for character in text:
        code = function(owner, this, ord(character), *extra)
        # Surrogates are no characters: text must always have a UTF-8 form.
        replaced = isinstance(code, int) and (0 < code < 0xD800 or 0xDFFF < code < 0x110000)
        characters.append(chr(code) if replaced else character)
    return "".join(characters)


# ---------------------------------------------------------------------------------------------- sort_array


@efun("mixed *sort_array(mixed *array, int | string | function order, mixed extra...)")
def sort_array(this: LPCObject, array: list[Value], order: int | str | Closure, *extra: Value) -> list[Value]:
    """A sorted copy of an array.

    Order 1 (or 0) sorts up and -1 down: the elements must then all be ints, all floats, all strings, or
    all arrays, which are compared by their first elements. Otherwise `order` is a function (or the name of
    one, with its object) that gets two elements and the extra arguments and gives a negative, zero or
    positive int. Equal elements keep their order.

    Example: sort_array(({ 3, 1, 2 }), -1) is ({ 3, 2, 1 })
    """
    if isinstance(order, int):
        return _sort_builtin(array, reverse=order < 0)
    function, owner, extra = function_of(this, order, extra, 2)
    compare: Callable[[Value, Value], Value]
    if not extra:
        # No Python frame of ours between the sort and the LPC function: the shape that costs least by far.
        compare = partial(function, owner, this)
    elif len(extra) == 1:
        (only,) = extra
        compare = lambda a, b: function(owner, this, a, b, only)  # noqa: E731
    else:
        compare = lambda a, b: function(owner, this, a, b, *extra)  # noqa: E731
    try:
        return sorted(array, key=cmp_to_key(compare))
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # from inside the LPC function: its own affair
        # The function gave something that is not a number, which counts as "equal".
        return sorted(array, key=cmp_to_key(lambda a, b: _sign(compare(a, b))))


def _sign(result: Value) -> int:
    return result if isinstance(result, int) else 0


def _sort_builtin(array: list[Value], *, reverse: bool) -> list[Value]:
    if len(array) < 2:
        return array[:]
    kinds = _kinds(array)
    if any(getattr(kind, "is_destructed", False) for kind in kinds):
        array = [0 if is_destructed(x) else x for x in array]
        kinds = _kinds(array)
    if kinds in ({str}, {int}, {float}):
        return sorted(array, reverse=reverse)
    if kinds == {list}:
        return _sort_rows(array, reverse=reverse)
    raise LPCError("built-in sort_array() can only handle homogeneous arrays of strings/ints/floats/arrays")


def _sort_rows(array: list[Value], *, reverse: bool) -> list[Value]:
    if not all(array):
        raise LPCError("Illegal to have empty array in array for sort_array()")
    if _kinds([row[0] for row in array]) not in ({str}, {int}, {float}):
        raise LPCError("sort_array() cannot handle arrays of arrays whose 1st elems\naren't strings/ints/floats")
    return sorted(array, key=lambda row: row[0], reverse=reverse)


def _kinds(array: list[Value]) -> set[type]:
    """The Python types in an array, undefined being an int."""
    kinds = set(map(type, array))
    if Undefined in kinds:
        kinds.discard(Undefined)
        kinds.add(int)
    return kinds


# ------------------------------------------------------------------------------------------------ grouping


@efun("mixed *unique_array(mixed *array, string | function f, void | mixed skip)")
def unique_array(this: LPCObject, array: list[Value], f: str | Closure, skip: Value = 0) -> list[Value]:
    """The elements grouped by what a function gives for them: an array of arrays.

    A function value gets each element; a name is called in each element that is an object, the others are
    left out. Elements for which the result equals `skip` (0) are left out too. Groups come in the order
    of their first elements.

    Example: unique_array(({ 1, 2, 3, 4 }), (: $1 % 2 + 1 :)) is ({ ({ 1, 3 }), ({ 2, 4 }) })
    """
    groups: dict[Any, list[Value]] = {}
    skipped = _key(skip)
    for element, result in _marks(this, array, f):
        key = _key(result)
        if key != skipped:
            groups.setdefault(key, []).append(element)
    return list(groups.values())


def _marks(this: LPCObject, array: list[Value], f: str | Closure) -> list[tuple[Value, Value]]:
    if isinstance(f, Closure):
        function, owner = f.prepare(1)
        return [(element, function(owner, this, element)) for element in array]
    from lpc.runtime.call import call_other
    from lpc.runtime.objects import LPCObject

    return [
        (element, call_other(this, element, f))
        for element in array
        if isinstance(element, LPCObject) and not element.is_destructed
    ]


def _key(value: Value) -> Any:
    return 0 if is_destructed(value) else as_key(value)


@efun("mapping unique_mapping(mixed *array, string | function f, mixed extra...)")
def unique_mapping(this: LPCObject, array: list[Value], f: str | Closure, *extra: Value) -> Mapping:
    """The elements grouped by what a function gives for them: a mapping from result to array.

    The last elements of the array come first in their group.

    Example: unique_mapping(({ 1, 2, 3 }), (: $1 % 2 :)) is ([ 0 : ({ 2 }), 1 : ({ 3, 1 }) ])
    """
    function, owner, extra = function_of(this, f, extra, 1)
    groups: dict[Any, list[Value]] = {}
    for element in reversed(array):
        groups.setdefault(_key(function(owner, this, element, *extra)), []).append(element)
    if len(groups) > this.driver.limits.mapping_size:
        raise LPCError(f"Mapping exceeded maximum allowed size of {this.driver.limits.mapping_size}.")
    return mapping_of((from_key(key), elements) for key, elements in groups.items())


# ----------------------------------------------------------------------------------------------- searching


@efun("int member_array(mixed item, string | mixed *where, void | int start, void | int flags)")
def member_array(this: LPCObject, item: Value, where: str | list[Value], start: int = 0, flags: int = 0) -> int:
    """The index of a value in an array (or of a character in a string), -1 if it is not there.

    The search begins at `start`. Flags add up: 1 finds strings that begin with `item`, 2 searches from the
    end (`start` then counts from there), 4 finds what the function `item` accepts. Ints and floats never
    match each other; arrays and mappings match by identity.

    Example: member_array("b", ({ "a", "b" })) is 1
    """
    if start < 0:
        raise BadArgument("Bad argument 3 to member_array()")
    if isinstance(where, str):
        return _character_index(item, where, start, flags)
    if flags & _BACKWARDS:
        found = _find(this, item, where[::-1], start, flags)
        return found if found < 0 else len(where) - 1 - found
    return _find(this, item, where, start, flags)


def _character_index(item: Value, text: str, start: int, flags: int) -> int:
    if flags & _BACKWARDS:
        raise LPCError("member_array: can not search backwards in strings")
    if not isinstance(item, int):
        raise BadArgument("Bad argument 1 to member_array()")
    characters = clusters(text)
    if start > len(characters):
        raise LPCError("Index to start search from in member_array() is > string length.")
    if not 0 < item < 0x110000:
        return -1
    if type(characters) is str:
        return characters.find(chr(item), start)
    return _index(chr(item), list(characters), start)


def _find(this: LPCObject, item: Value, array: list[Value], start: int, flags: int) -> int:
    if flags & _PREDICATE and isinstance(item, Closure):
        function, owner = item.prepare(1)
        return _first(lambda x: truth(function(owner, this, x)), array, start)
    kind = type(item)
    if kind is str and not flags & _PREFIX:
        return _index(item, array, start)
    if kind is str:
        return _first(lambda x: type(x) is str and x.startswith(item), array, start)
    if kind is list:
        return _first(lambda x: equal(x, item), array, start)
    if kind is float:
        return _first(lambda x: type(x) is float and x == item, array, start)
    found = _index(item, array, start)
    while found >= 0 and type(array[found]) is float:  # Python finds 1.0 for 1, LPC does not
        found = _index(item, array, found + 1)
    return found


def _first(accepts: Callable[[Value], bool], array: list[Value], start: int) -> int:
    return next((at for at in range(start, len(array)) if accepts(array[at])), -1)


def _index(item: Value, array: list[Value], start: int) -> int:
    try:
        return array.index(item, start)
    except ValueError:
        return -1


# ------------------------------------------------------------------------------------- extremes and chance


@efun("mixed max(mixed *array, int index = 0)")
def max_(array: list[Value], index: int = 0) -> Value:
    """The largest element of an array of numbers or of strings; its index when the flag is set.

    Example: max(({ 3, 9, 2 })) is 9
    """
    largest = max(_comparable(array, "max"))
    return array.index(largest) if index else largest


@efun("mixed min(mixed *array, int index = 0)")
def min_(array: list[Value], index: int = 0) -> Value:
    """The smallest element of an array of numbers or of strings; its index when the flag is set.

    Example: min(({ 3, 9, 2 }), 1) is 2
    """
    smallest = min(_comparable(array, "min"))
    return array.index(smallest) if index else smallest


def _comparable(array: list[Value], name: str) -> list[Value]:
    if not array:
        raise LPCError(f"Can't find {name} of an empty array.")
    kinds = _kinds(array)
    if kinds == {str} or kinds <= {int, float}:
        return array
    if kinds <= {int, float, str}:
        raise LPCError("Inhomogeneous array.")
    raise LPCError("Array must consist of ints, floats or strings.")


@efun("mixed *shuffle(mixed *array)")
def shuffle(this: LPCObject, array: list[Value]) -> list[Value]:
    """The array itself, its elements in random order (in place).

    Example: shuffle(({ 1, 2, 3 }))
    """
    this.driver.state(Dice).shuffle(array)
    return array


@efun("mixed element_of(mixed *array)")
def element_of(this: LPCObject, array: list[Value]) -> Value:
    """A random element of an array; an error if it is empty.

    Example: element_of(({ "heads", "tails" }))
    """
    if not array:
        raise LPCError("Can't take element from empty array.")
    return array[this.driver.state(Dice).below(len(array))]


# ---------------------------------------------------------------------------------------------------- size


@efun("int sizeof(mixed value)")
def sizeof(value: Value) -> int:
    """How many elements an array, mapping or class has, bytes a buffer, characters a string; else 0.

    Example: sizeof(({ 1, 2 })) is 2
    """
    return size_of(value)


@efun("int strlen(mixed text)")
def strlen(text: Value) -> int:
    """How many characters a string has, as a reader counts them; sizeof() of anything else.

    Example: strlen("abc") is 3
    """
    return size_of(text)
