"""The operators of LPC as functions: what generated code calls where it could not prove the types.

Generated code tries Python's own operator first when that is exact for the types it knows; everything
here is the general case, with FluffOS's results and error texts for every pair of types.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.show import show
from lpc.runtime.text import LONGEST_INDEXED, clusters, text_index, text_length, text_range
from lpc.runtime.values import (
    INT_MAX,
    INT_MIN,
    UNDEFINED,
    Buffer,
    Mapping,
    Record,
    Undefined,
    Value,
    as_key,
    bytes_of,
    from_key,
    is_destructed,
    ordered_keys,
)

_BITS = 0xFFFF_FFFF_FFFF_FFFF


def wrap(number: Value) -> Value:
    """An int brought into 64 bits, two's complement; floats pass."""
    if isinstance(number, float) or INT_MIN <= number <= INT_MAX:
        return number
    number &= _BITS
    return number - (1 << 64) if number > INT_MAX else number


def type_name(value: Value) -> str:
    """typeof(): the name LPC gives a value's type."""
    kind = type(value)
    if kind is int or kind is Undefined:
        return "int"
    name = _TYPE_NAMES.get(kind)
    if name is not None:
        return name
    if is_destructed(value) or isinstance(value, int):
        return "int"
    return "object" if isinstance(value, LPCObject) else "function"


_TYPE_NAMES = {str: "string", list: "array", Mapping: "mapping", float: "float", Buffer: "buffer", Record: "class"}


def _number(value: Value) -> bool:
    return isinstance(value, (int, float))


def _plain(value: Value) -> Value:
    """A value with a destructed object read as 0."""
    return 0 if is_destructed(value) else value


def text_of_float(number: float) -> str:
    """A float as LPC prints it everywhere but in templates."""
    return f"{number:f}"


def text_of(value: Value) -> str | None:
    """What a value contributes to a string concatenation; None where it may not."""
    kind = type(value)
    if kind is str:
        return str(value)
    if isinstance(value, int):
        return str(int(value))
    if kind is float:
        return text_of_float(value)
    if isinstance(value, LPCObject):
        return "0" if value.is_destructed else value.name
    return None


#: What is no larger than this is made in no time.
SMALL_STRING, SMALL_ARRAY = 1 << 16, 1 << 12


class Operators:
    """The operators whose results have a size: they hold the driver's limits.

    `look` sees whether the evaluation's time is over; it is called when a large value has been made.
    """

    def __init__(self, string_length: int, array_size: int, mapping_size: int, buffer_size: int,
                 look: Callable[[], None] = lambda: None) -> None:
        self.string_length = string_length
        self.array_size = array_size
        self.mapping_size = mapping_size
        self.buffer_size = buffer_size
        self.look = look

    def add(self, left: Value, right: Value) -> Value:
        """`left + right`"""
        kind, other = type(left), type(right)
        if kind is Buffer:
            return self._add_buffer(left, right)
        if kind is str or other is str:
            head, tail = text_of(left), text_of(right)
            if head is None or tail is None:
                raise _bad_pair("+", left, right)
            return self.string(head + tail)
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return wrap(left + right)
        if kind is list and other is list:
            return self.array(left + right)
        if kind is Mapping and other is Mapping:
            return self.mapping(Mapping({**left, **right}))
        if is_destructed(left) or is_destructed(right):
            return self.add(_plain(left), _plain(right))
        raise _bad_pair("+", left, right)

    def add_to(self, left: Value, right: Value) -> Value:
        """The new value of a variable after `left += right`: mappings grow in place."""
        if type(left) is Mapping and type(right) is Mapping:
            left.update(right)
            return self.mapping(left)
        if isinstance(left, int) and not _number(right):
            right = _plain(right)
            if not _number(right):
                raise LPCError("Left hand side of += is a number (or zero); right side is not a number.")
        return self.add(left, right)

    def bit_or(self, left: Value, right: Value) -> Value:
        """`left | right`: bits, or left with the elements of right that it lacks."""
        if type(left) is list and type(right) is list:
            return self.array(left + _internal_order(_without(right, left)))
        left, right = _ints("|", left, right)
        return left | right

    def bit_xor(self, left: Value, right: Value) -> Value:
        """`left ^ right`: bits, or the elements that only one side has."""
        if type(left) is list and type(right) is list:
            return self.array(_internal_order(_without(left, right) + _without(right, left)))
        left, right = _ints("^", left, right)
        return left ^ right

    def _add_buffer(self, left: Buffer, right: Value) -> Buffer:
        added = bytes_of(right)
        if added is None:
            raise _bad_pair("+", left, right)
        data = left.data + added
        if len(data) > self.buffer_size:
            raise LPCError("Buffer too large.")
        if len(data) > SMALL_STRING:
            self.look()
        return Buffer(data)

    def string(self, text: str) -> str:
        """A string that an operator made, if it is not too long."""
        if len(text) > self.string_length:
            raise LPCError("Result of string addition is longer than the maximum string length.")
        if len(text) > SMALL_STRING:
            self.look()
        return text

    def array(self, array: list[Value]) -> list[Value]:
        """An array that an operator made, if it is not too large."""
        if len(array) > self.array_size:
            raise LPCError("Illegal array size.")
        if len(array) > SMALL_ARRAY:
            self.look()
        return array

    def mapping(self, mapping: Mapping) -> Mapping:
        """A mapping that has grown; the entries that made it too large are taken back."""
        if len(mapping) > self.mapping_size:
            for _ in range(len(mapping) - self.mapping_size):
                mapping.popitem()
            raise LPCError("Mapping exceeded maximum allowed size of " f"{self.mapping_size}.")
        if len(mapping) > SMALL_ARRAY:
            self.look()
        return mapping

    def store(self, base: Value, key: Value, value: Value) -> Value:
        """`base[key] = value`; the value."""
        kind = type(base)
        if kind is Mapping:
            base[as_key(key)] = value
            if len(base) > self.mapping_size:
                self.mapping(base)
        elif kind is list:
            base[_array_slot(base, key)] = value
        elif kind is Buffer:
            _store_byte(base, key, value)
        elif kind is Record:
            base.values[_array_slot(base.values, key)] = value
        else:
            raise _not_indexable(base)
        return value

    def replace_range(self, base: Value, first: int, last: int, value: Value) -> Value:
        """What a variable holds after `base[first..last] = value` (bounds already counted from the start)."""
        kind = type(base)
        size = size_of(base)
        first, last = _bound(first, "Start"), _bound(last, "End")
        if kind is str and (last >= size or first >= size > 0):
            raise LPCError("Illegal range in assignment.")
        if first < 0 or first > size or last < -1 or last >= size + (first == size) or last < first - 1:
            raise LPCError("Illegal range in assignment." if kind is not list else "Array index out of bounds")
        if kind is list:
            if type(value) is not list:
                raise LPCError("Illegal rhs to array range assignment.")
            if len(value) == last + 1 - first:
                base[first : last + 1] = value
                return base
            return self.array(base[:first] + value + base[last + 1 :])
        if kind is str:
            if type(value) is not str:
                raise LPCError("Illegal rhs to string range assignment.")
            return self.string(text_range(base, 0, first - 1) + value + text_range(base, last + 1, size))
        if kind is Buffer:
            data = bytes_of(value)
            if data is None:
                raise LPCError("Illegal rhs to buffer range assignment.")
            if len(data) == last + 1 - first:
                base.data[first : last + 1] = data
                return base
            return Buffer(base.data[:first] + data + base.data[last + 1 :])
        raise LPCError(f"Cannot index type '{type_name(base)}' using [ .. ] operator.")

    def join(self, *parts: Value) -> str:
        """A template literal: ints in decimal, floats as %g, strings as they are, the rest as %O shows it."""
        return self.string("".join(map(_template_text, parts)))


def _template_text(value: Value) -> str:
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is float:
        return f"{value:g}"
    return str(int(value)) if isinstance(value, int) else show(value)


# ------------------------------------------------------------------------------------------ arithmetic


def _bad_pair(operator: str, left: Value, right: Value) -> LPCError:
    return LPCError(f"Bad type argument to {operator}. Had {type_name(left)} and {type_name(right)}")


def bad_operand(operator: str, number: int, expected: str, value: Value) -> LPCError:
    """FluffOS's text for an operand of the wrong type."""
    return LPCError(f"Bad argument {number} to {operator}\nExpected: {expected} Got: {show(value)}.")


def subtract(left: Value, right: Value) -> Value:
    """`left - right`"""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return wrap(left - right)
    if type(left) is list and type(right) is list:
        return _without(left, right)
    if is_destructed(left) or is_destructed(right):
        return subtract(_plain(left), _plain(right))
    raise LPCError("Bad left type to -." if isinstance(right, (int, float, list)) else "Bad right type to -.")


def _member_set(array: list[Value]) -> set[Any]:
    """The elements for membership tests by LPC equality: ints and floats compare by value there."""
    return {_identity(value) for value in array}


def _identity(value: Value) -> Any:
    if type(value) is list:
        return as_key(value)
    return 0 if is_destructed(value) else value


def _without(left: list[Value], right: list[Value]) -> list[Value]:
    unwanted = _member_set(right)
    return [value for value in left if _identity(value) not in unwanted]


def multiply(left: Value, right: Value) -> Value:
    """`left * right`; two mappings compose."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return wrap(left * right)
    if type(left) is Mapping and type(right) is Mapping:
        return Mapping({key: right[as_key(value)] for key, value in left.items() if as_key(value) in right})
    if is_destructed(left) or is_destructed(right):
        return multiply(_plain(left), _plain(right))
    if not isinstance(left, (int, float, Mapping)):
        raise bad_operand("*", 1, "int or mapping or float", left)
    raise bad_operand("*", 2, "int or mapping or float", right)


def divide(left: Value, right: Value) -> Value:
    """`left / right`; ints truncate toward zero."""
    if isinstance(left, int) and isinstance(right, int):
        if right == 0:
            raise LPCError("Division by zero")
        quotient = abs(left) // abs(right)
        return wrap(quotient if (left < 0) == (right < 0) else -quotient)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        if right == 0:
            raise LPCError("Division by 0.0")
        return left / right
    if is_destructed(left) or is_destructed(right):
        return divide(_plain(left), _plain(right))
    if not _number(left):
        raise bad_operand("/", 1, "int or float", left)
    raise bad_operand("/", 2, "int or float", right)


def _ints(operator: str, left: Value, right: Value) -> tuple[int, int]:
    left, right = _plain(left), _plain(right)
    if not isinstance(left, int):
        raise bad_operand(operator, 1, "int", left)
    if not isinstance(right, int):
        raise bad_operand(operator, 2, "int", right)
    return left, right


def modulo(left: Value, right: Value) -> int:
    """`left % right`, with the sign of the dividend."""
    dividend, divisor = _ints("%", left, right)
    if divisor == 0:
        raise LPCError("Modulus by zero.")
    remainder = abs(dividend) % abs(divisor)
    return -remainder if dividend < 0 else remainder


def bit_and(left: Value, right: Value) -> Value:
    """`left & right`: bits, or the elements of left that are in right (in LPC's internal order)."""
    if type(left) is list and type(right) is list:
        wanted = _member_set(right)
        return _internal_order([value for value in left if _identity(value) in wanted])
    left, right = _ints("&", left, right)
    return left & right


def _internal_order(array: list[Value]) -> list[Value]:
    """The order array operators leave: numbers ascending, then strings, then the rest as they came."""
    numbers = sorted(v for v in array if _number(v))
    strings = sorted(v for v in array if type(v) is str)
    return [*numbers, *strings, *(v for v in array if not _number(v) and type(v) is not str)]


def shift_left(left: Value, right: Value) -> int:
    """`left << right`; the count is taken modulo 64."""
    number, count = _ints("<<", left, right)
    return int(wrap(number << (count & 63)))


def shift_right(left: Value, right: Value) -> int:
    """`left >> right`, arithmetic; the count is taken modulo 64."""
    number, count = _ints(">>", left, right)
    return number >> (count & 63)


def negate(value: Value) -> Value:
    """`-value`"""
    if isinstance(value, (int, float)):
        return wrap(-value)
    if is_destructed(value):
        return 0
    raise LPCError("Bad argument to unary minus")


def complement(value: Value) -> int:
    """`~value`"""
    value = _plain(value)
    if isinstance(value, int):
        return ~value
    raise LPCError("Bad argument to ~")


def step(value: Value, by: int) -> Value:
    """What `++` (by 1) or `--` (by -1) makes of a value."""
    if isinstance(value, (int, float)):
        return wrap(value + by)
    if is_destructed(value):
        return by
    raise LPCError(f"{'++' if by > 0 else '--'} of non-numeric argument")


def _ordered(operator: str, left: Value, right: Value) -> tuple[Any, Any]:
    left, right = _plain(left), _plain(right)
    if _number(left):
        if not _number(right):
            raise bad_operand(operator, 2, "int or float", right)
    elif type(left) is str:
        if type(right) is not str:
            raise bad_operand(operator, 2, "string", right)
    else:
        raise bad_operand(operator, 1, "string or int or float", left)
    return left, right


def unordered(operator: str, value: Value) -> NoReturn:
    """The error of an operand that has no order."""
    raise bad_operand(operator, 1, "string or int or float", value)


def less(left: Value, right: Value) -> bool:
    """`left < right`"""
    left, right = _ordered("<", left, right)
    return bool(left < right)


def less_equal(left: Value, right: Value) -> bool:
    """`left <= right`"""
    left, right = _ordered("<=", left, right)
    return bool(left <= right)


def greater(left: Value, right: Value) -> bool:
    """`left > right`"""
    left, right = _ordered(">", left, right)
    return bool(left > right)


def greater_equal(left: Value, right: Value) -> bool:
    """`left >= right`"""
    left, right = _ordered(">=", left, right)
    return bool(left >= right)


# ------------------------------------------------------------------------------------- indexes and ranges


def size_of(value: Value) -> int:
    """sizeof(): elements, characters or bytes; 0 for anything else."""
    kind = type(value)
    if kind is list or kind is Mapping:
        return len(value)
    if kind is str:
        return text_length(value)
    if kind is Buffer:
        return len(value.data)
    return len(value.values) if kind is Record else 0


def _not_indexable(base: Value) -> LPCError:
    if isinstance(base, int) and base == 0 or is_destructed(base):
        return LPCError("Value being indexed is zero.")
    return LPCError(f"Cannot index value of type '{type_name(base)}'.")


def _index(key: Value, complaint: str) -> int:
    """A key that must be an int."""
    if isinstance(key, int):
        return key
    if is_destructed(key):
        return 0
    raise LPCError(complaint)


def _array_slot(array: list[Value], key: Value) -> int:
    at: int = _index(key, "Illegal type of index")
    if not 0 <= at < len(array):
        raise LPCError("Array index out of bounds")
    return at


def check_element(base: Value, key: Value) -> None:
    """The error of writing to `base[key]`, for who hands the element on instead."""
    kind = type(base)
    if kind is list:
        _array_slot(base, key)
    elif kind is Record:
        _array_slot(base.values, key)
    elif kind is str:
        _character_slot(base, key)
    elif kind is not Mapping:
        index(base, key)


def _store_byte(buffer: Buffer, key: Value, value: Value) -> None:
    key, value = _plain(key), _plain(value)
    if not isinstance(key, int) or not 0 <= key < len(buffer.data):
        raise LPCError("Buffer index out of bounds.")
    if not isinstance(value, int) or not 0 <= value <= 255:
        raise LPCError("Buffer byte value out of range: must be 0..255.")
    buffer.data[key] = value


def index(base: Value, key: Value) -> Value:
    """`base[key]`"""
    kind = type(base)
    if kind is list:
        return _element(base, key)
    if kind is Mapping:
        return base[as_key(key)]
    if kind is str:
        return text_index(base, _plain(key))
    if kind is Buffer:
        key = _index(key, "Buffer indexes must be integers.")
        if not 0 <= key < len(base.data):
            raise LPCError("Buffer index out of bounds.")
        return base.data[key]
    if kind is Record:
        return _element(base.values, key)
    raise _not_indexable(base)


def _element(array: list[Value], key: Value) -> Value:
    key = _index(key, "Array index must be an integer.")
    if key < 0:
        raise LPCError("Array index must be positive or zero.")
    if key >= len(array):
        raise LPCError("Array index out of bounds.")
    return array[key]


def from_end(base: Value, key: Value) -> Value:
    """The key that `<key` means in `base`."""
    if type(base) is Mapping:
        raise LPCError("Cannot index a mapping from the end.")
    return size_of(base) - _index(key, "Illegal type of index")


def read_from_end(base: Value, key: Value) -> Value:
    """As from_end(), for `base[<key]` that is read: a string has an error of its own for what lies outside."""
    found = from_end(base, key)
    if type(base) is str and (found < 0 or _plain(key) < 0):
        raise LPCError("String rindex out of bounds.")
    return found


def optional_index(base: Value, key: Value) -> Value:
    """`base?.[key]` / `base?.name`: UNDEFINED where base is not a mapping."""
    return base[as_key(key)] if type(base) is Mapping else UNDEFINED


def member(base: Value, name: str) -> Value:
    """`base->name` / `base.name` where the checker found no class: a mapping member."""
    if type(base) is Mapping:
        return base[name]
    if type(base) is Record and name in base.type.index:
        return base.values[base.type.index[name]]
    raise LPCError("Tried to take a member of something that isn't a mapping.")


def store_member(base: Value, name: str, value: Value) -> Value:
    """`base.name = value` where the checker found no class; the value."""
    if type(base) is Mapping:
        base[name] = value
    elif type(base) is Record and name in base.type.index:
        base.values[base.type.index[name]] = value
    else:
        raise LPCError("Tried to take a member of something that isn't a mapping.")
    return value


def class_values(record: Value) -> list[Value]:
    """The members of a class instance; an error for anything else."""
    if type(record) is not Record:
        if record == 0:
            raise LPCError("Value being indexed is zero.")
        raise LPCError(f"Tried to take a member of a {type_name(record)}.")
    return record.values


def _bound(value: Value, where: str) -> int:
    return _index(value, f"{where} of range [ .. ] interval must be a number.")


def extract(base: Value, first: Value, last: Value) -> Value:
    """`base[first..last]`, bounds counted from the start; never out of range. `last` None: to the end."""
    kind = type(base)
    if kind is list:
        size = len(base)
    elif kind is str:
        size = text_length(base)
    elif kind is Buffer:
        size = len(base.data)
    else:
        if base == 0 and kind is not float:
            raise LPCError("Cannot index type 'int' using [ .. ] operator.")
        raise LPCError(f"Cannot index type '{type_name(base)}' using [ .. ] operator.")
    first = max(0, _bound(first, "Start"))
    last = size - 1 if last is None else min(size - 1, _bound(last, "End"))
    if kind is str:
        return text_range(base, first, last) if first <= last else ""
    if kind is list:
        return base[first : last + 1] if first <= last else []
    return Buffer(base.data[first : last + 1] if first <= last else b"")


def store_character(text: str, position: int, code: Value) -> str:
    """What a string variable holds after `text[position] = code`; marks that sit on the old character stay."""
    code = _plain(code)
    check_character(code)
    position = _character_slot(text, position)
    size = text_length(text)
    former = text_range(text, position, position)
    if len(former) > 1 and character_code(former) < 0:
        raise several_code_points()
    return text_range(text, 0, position - 1) + chr(code) + former[1:] + text_range(text, position + 1, size)


def _character_slot(text: str, position: Value) -> int:
    position = _plain(position)
    if not isinstance(position, int) or not 0 <= position < text_length(text):
        raise LPCError("Index out of bounds in string index lvalue.")
    return position


def check_character(code: Value) -> None:
    """The error of a value that cannot be a character of a string."""
    if not isinstance(code, int):
        raise LPCError("Illegal rhs to char assignment.")
    if code == 0:
        raise LPCError("Strings cannot contain 0 byte.")
    if not 0 < code < 0x110000 or 0xD800 <= code < 0xE000:
        raise LPCError("Strings cannot contain invalid utf8 codepoint.")


def several_code_points() -> LPCError:
    """The error of writing to a character that is too long to be one int."""
    return LPCError("Indexed character is multi-codepoint.")


# ------------------------------------------------------------------------------------------- iteration


def elements(value: Value) -> Sequence[Value]:
    """What `foreach (x in value)` runs over; the elements are fixed now, except writes to the same array."""
    kind = type(value)
    if kind is list:
        return value  # type: ignore[no-any-return]
    if kind is str:
        return [ord(character) if len(character) == 1 else character_code(character) for character in clusters(value)]
    if kind is Buffer:
        return bytes(value.data)
    raise LPCError(f"Bad argument 2 to foreach\nExpected: array Got: {show(value)}.")


def character_code(cluster: str) -> int:
    """What a loop over a string gives for a character of several code points: the first one, -1 for a long one."""
    return -1 if len(cluster.encode(errors="replace")) > LONGEST_INDEXED else ord(cluster[0])


def pairs(value: Value) -> Iterator[tuple[Value, Value]]:
    """What `foreach (k, v in value)` runs over: the keys are fixed now, the values read when reached."""
    if type(value) is not Mapping:
        raise LPCError(f"Bad argument 2 to foreach\nExpected: mapping Got: {show(value)}.")
    return ((from_key(key), value[key]) for key in ordered_keys(value))


def spread(value: Value) -> list[Value]:
    """The items `value...` contributes."""
    if type(value) is not list:
        raise LPCError("Item being expanded with ... is not an array")
    return value


# ------------------------------------------------------------------------------------------------ zero


def is_zero(value: Value) -> bool:
    """`!value`: true for int 0 (and what reads as it) alone, not for 0.0."""
    return type(value) is not float and bool(value == 0)


def switch_subject(value: Value, strings: bool) -> Value:
    """The subject of a switch over strings (or ints), or its error."""
    value = _plain(value)
    if isinstance(value, int):
        if not strings or value == 0:
            return int(value)
    elif strings and type(value) is str:
        return value
    raise LPCError(f"Bad argument 1 to switch\nExpected: {'string' if strings else 'int'} Got: {show(value)}.")


def truncate(number: float) -> int:
    """A float as an int, as C converts it: towards zero, and the smallest int where none fits."""
    if not math.isfinite(number):
        return INT_MIN
    whole = int(number)
    return whole if INT_MIN <= whole <= INT_MAX else INT_MIN


def range_case(table: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], subject: int, otherwise: int) -> int:
    """The section of a switch whose range holds the subject; the table has first values (ascending), last values and
    sections."""
    first, last, sections = table
    at = bisect_right(first, subject) - 1
    return sections[at] if at >= 0 and subject <= last[at] else otherwise


def to_type(value: Value, base: str) -> Value:
    """An implicit conversion between numbers, or into a buffer (language.md 7)."""
    if base == "float":
        return float(_plain(value)) if isinstance(value, int) or is_destructed(value) else value
    if base == "int":
        return truncate(value) if type(value) is float else value
    data = bytes_of(value) if type(value) is not Buffer else None
    return value if data is None else Buffer(data)
