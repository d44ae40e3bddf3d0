"""The general operators: every pair of types gives FluffOS's result or its error."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from lpc.errors import LPCError
from lpc.runtime import operators as o
from lpc.runtime.closures import FUNCTIONAL, Closure
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.operators import Operators
from lpc.runtime.values import (
    INT_MAX,
    INT_MIN,
    UNDEFINED,
    Buffer,
    Mapping,
    Record,
    RecordType,
    mapping_of,
)

SIZED = Operators(string_length=20, array_size=6, mapping_size=3, buffer_size=8)


def an_object(name: str = "/ob") -> LPCObject:
    kind = type("Fake", (LPCObject,), {"driver": SimpleNamespace(valid=lambda *question: 0)})
    ob: LPCObject = kind(name, 1, 0)
    return ob


def gone() -> LPCObject:
    ob = an_object()
    ob.__class__ = Destructed
    return ob


def message(function: Any, *args: Any) -> str:
    with pytest.raises(LPCError) as caught:
        function(*args)
    return str(caught.value)


# ------------------------------------------------------------------------------------------ arithmetic


@pytest.mark.parametrize(("number", "wrapped"), [
    (INT_MAX, INT_MAX), (INT_MAX + 1, INT_MIN), (INT_MIN - 1, INT_MAX), (1 << 64, 0), ((1 << 64) + 5, 5),
    (-(1 << 64) - 5, -5), (INT_MAX * INT_MAX, 1), (1.5, 1.5), (math.inf, math.inf),
])
def test_wrap(number: float, wrapped: float) -> None:
    assert o.wrap(number) == wrapped


@pytest.mark.parametrize(("left", "right", "result"), [
    (1, 2, 3), (INT_MAX, 1, INT_MIN), (1, 1.5, 2.5), (1.5, 1, 2.5), ("a", "b", "ab"), ("a", 1, "a1"), (1, "a", "1a"),
    ("a", 1.5, "a1.500000"), (1.5, "a", "1.500000a"), ([1], [2], [1, 2]), (UNDEFINED, "a", "0a"),
])
def test_addition(left: Any, right: Any, result: Any) -> None:
    made = SIZED.add(left, right)
    assert made == result and type(made) is type(result)


def test_addition_of_objects() -> None:
    assert SIZED.add("to ", an_object("/a#1")) == "to /a#1"
    assert SIZED.add(an_object("/a#1"), "!") == "/a#1!"
    assert SIZED.add("gone ", gone()) == "gone 0"
    assert SIZED.add(gone(), 5) == 5 and SIZED.add(1.5, gone()) == 1.5


def test_addition_of_mappings_makes_a_new_one() -> None:
    left, right = mapping_of([("a", 1), ("b", 2)]), mapping_of([("b", 3)])
    made = SIZED.add(left, right)
    assert type(made) is Mapping and dict(made) == {"a": 1, "b": 3} and len(left) == 2


def test_addition_to_a_mapping_changes_it() -> None:
    left = mapping_of([("a", 1)])
    assert SIZED.add_to(left, mapping_of([("a", 2), ("b", 3)])) is left and dict(left) == {"a": 2, "b": 3}


@pytest.mark.parametrize("right", [b"xy", [120, 121], "xy"])
def test_addition_of_buffers(right: Any) -> None:
    made = SIZED.add(Buffer(b"a"), Buffer(right) if isinstance(right, bytes) else right)
    assert type(made) is Buffer and made.data == b"axy"


@pytest.mark.parametrize(("left", "right"), [
    (0, []), ([], 0), ("a", []), ([], "a"), (Mapping(), 1), (1, Mapping()), (Mapping(), "a"), (Buffer(), 1),
])
def test_what_cannot_be_added(left: Any, right: Any) -> None:
    assert message(SIZED.add, left, right).startswith("Bad type argument to +. Had ")


@pytest.mark.parametrize("right", ["x", [1], Mapping()])
def test_only_numbers_are_added_to_a_number(right: Any) -> None:
    assert message(SIZED.add_to, 0, right).startswith("Left hand side of += is a number (or zero)")
    assert SIZED.add_to(UNDEFINED, 5) == 5


@pytest.mark.parametrize(("function", "args", "text"), [
    (SIZED.add, ("x" * 15, "y" * 6), "longer than the maximum string length"),
    (SIZED.add, ([0] * 4, [0] * 3), "Illegal array size."),
    (SIZED.bit_or, ([1, 2, 3, 4], [5, 6, 7]), "Illegal array size."),
    (SIZED.bit_xor, ([1, 2, 3, 4], [5, 6, 7]), "Illegal array size."),
    (SIZED.add, (mapping_of([(1, 1), (2, 2)]), mapping_of([(3, 3), (4, 4)])), "Mapping exceeded maximum"),
    (SIZED.add, (Buffer(b"12345"), Buffer(b"6789")), "Buffer too large."),
    (SIZED.replace_range, ([0] * 5, 1, 0, [0, 0]), "Illegal array size."),
    (SIZED.replace_range, ("x" * 15, 0, 0, "y" * 10), "longer than the maximum"),
    (SIZED.join, ("x" * 15, "y" * 6), "longer than the maximum"),
])
def test_results_have_a_size(function: Any, args: Any, text: str) -> None:
    assert text in message(function, *args)


def test_a_mapping_that_grows_too_large_is_cut_back() -> None:
    mapping = mapping_of([(1, 1), (2, 2), (3, 3)])
    assert "Mapping exceeded" in message(SIZED.store, mapping, 4, 4)
    assert dict(mapping) == {1: 1, 2: 2, 3: 3}
    assert "Mapping exceeded" in message(SIZED.add_to, mapping, mapping_of([(5, 5), (6, 6)]))
    assert len(mapping) == 3


@pytest.mark.parametrize(("left", "right", "result"), [
    (5, 7, -2), (INT_MIN, 1, INT_MAX), (1.5, 1, 0.5), ([1, 2, 1, 3], [1], [2, 3]), ([1.0, 2], [1], [2]),
    (["a", "b"], ["b"], ["a"]), ([], [1], []),
])
def test_subtraction(left: Any, right: Any, result: Any) -> None:
    assert o.subtract(left, right) == result


def test_arrays_are_subtracted_by_identity() -> None:
    inner, empty = [1], []
    assert o.subtract([inner, [1], empty], [inner, []]) == [[1]]
    assert o.subtract([gone(), 1], [0]) == [1]


@pytest.mark.parametrize(("left", "right", "text"), [
    ([], 0, "Bad left type to -."), ("a", 1, "Bad left type to -."), (1, "a", "Bad right type to -."),
    (1, [1], "Bad left type to -."), ([1], "a", "Bad right type to -."), (Mapping(), Mapping(), "Bad right type to -."),
])
def test_what_cannot_be_subtracted(left: Any, right: Any, text: str) -> None:
    assert message(o.subtract, left, right) == text


@pytest.mark.parametrize(("left", "right", "result"), [
    (3, 4, 12), (INT_MIN, -1, INT_MIN), (1 << 32, 1 << 32, 0), (2, 1.5, 3.0), (UNDEFINED, 5, 0),
])
def test_multiplication(left: Any, right: Any, result: Any) -> None:
    assert o.multiply(left, right) == result


def test_product_of_mappings() -> None:
    made = o.multiply(mapping_of([("a", "x"), ("b", "y"), ("c", 1.0)]), mapping_of([("x", 1), (1.0, "f")]))
    assert type(made) is Mapping and dict(made) == {"a": 1, "c": "f"}


@pytest.mark.parametrize(("left", "right", "result"), [
    (7, 2, 3), (-7, 2, -3), (7, -2, -3), (-7, -2, 3), (INT_MIN, -1, INT_MIN), (7, 2.0, 3.5), (1.0, 4, 0.25),
])
def test_division(left: Any, right: Any, result: Any) -> None:
    made = o.divide(left, right)
    assert made == result and type(made) is type(result)


@pytest.mark.parametrize(("left", "right", "result"), [(7, 3, 1), (-7, 3, -1), (7, -3, 1), (INT_MIN, -1, 0), (0, 5, 0)])
def test_modulus(left: int, right: int, result: int) -> None:
    assert o.modulo(left, right) == result


@pytest.mark.parametrize(("function", "left", "right", "text"), [
    (o.divide, 1, 0, "Division by zero"), (o.divide, 1.0, 0, "Division by 0.0"), (o.divide, 1, 0.0, "Division by 0.0"),
    (o.modulo, 1, 0, "Modulus by zero."), (o.divide, "a", 1, "Bad argument 1 to /"),
    (o.divide, 1, "a", "Bad argument 2 to /"),
    (o.modulo, 1.5, 1, "Bad argument 1 to %"), (o.modulo, 1, 1.5, "Bad argument 2 to %"),
    (o.multiply, "a", 2, "Bad argument 1 to *"), (o.multiply, 2, "a", "Bad argument 2 to *"),
    (o.multiply, Mapping(), 2, "Bad argument 2 to *"),
    (o.shift_left, 1.0, 1, "Bad argument 1 to <<"), (o.shift_right, 1, "a", "Bad argument 2 to >>"),
    (o.bit_and, 1, [1], "Bad argument 2 to &"), (SIZED.bit_or, [1], 1, "Bad argument 1 to |"),
    (SIZED.bit_xor, 1.0, 1, "Bad argument 1 to ^"),
])
def test_operand_errors(function: Any, left: Any, right: Any, text: str) -> None:
    assert message(function, left, right).startswith(text)


@pytest.mark.parametrize(("left", "right", "result"), [
    (1, 63, INT_MIN), (1, 64, 1), (1, -1, INT_MIN), (3, 63, INT_MIN), (-1, 1, -2), (INT_MAX, 1, -2),
])
def test_shift_left(left: int, right: int, result: int) -> None:
    assert o.shift_left(left, right) == result


@pytest.mark.parametrize(("left", "right", "result"), [(-1, 63, -1), (INT_MIN, 63, -1), (8, 65, 4), (8, -63, 4)])
def test_shift_right(left: int, right: int, result: int) -> None:
    assert o.shift_right(left, right) == result


def test_array_operators_leave_the_internal_order() -> None:
    assert o.bit_and([3, 2, 1, 3], [2, 3]) == [2, 3, 3]
    assert SIZED.bit_or([3, 1], ["b", 9, "a", 2]) == [3, 1, 2, 9, "a", "b"]
    assert SIZED.bit_xor([3, 1], [1, 2]) == [2, 3]


def test_bits() -> None:
    assert (o.bit_and(12, 10), SIZED.bit_or(12, 10), SIZED.bit_xor(12, 10)) == (8, 14, 6)


def test_unary_operators() -> None:
    assert (o.negate(INT_MIN), o.negate(1.5), o.negate(gone())) == (INT_MIN, -1.5, 0)
    assert (o.complement(0), o.complement(gone())) == (-1, -1)
    assert message(o.negate, "a") == "Bad argument to unary minus"
    assert message(o.complement, 1.5) == "Bad argument to ~"


def test_steps() -> None:
    assert (o.step(INT_MAX, 1), o.step(INT_MIN, -1), o.step(0.5, 1), o.step(gone(), -1)) == (INT_MIN, INT_MAX, 1.5, -1)
    assert type(o.step(UNDEFINED, 1)) is int
    assert message(o.step, "a", 1) == "++ of non-numeric argument"
    assert message(o.step, [], -1) == "-- of non-numeric argument"


@pytest.mark.parametrize(("left", "right", "below"), [
    (1, 2, True), (2, 1.5, False), ("a", "b", True), ("b", "a", False),
])
def test_order(left: Any, right: Any, below: bool) -> None:
    assert o.less(left, right) is below and o.greater(left, right) is not below
    assert o.less_equal(left, right) is below and o.greater_equal(left, right) is not below
    assert o.less_equal(left, left) and o.greater_equal(left, left)


@pytest.mark.parametrize(("left", "right", "text"), [
    (1, "a", "Bad argument 2 to <\nExpected: int or float Got: \"a\"."),
    ("a", 1, "Bad argument 2 to <\nExpected: string Got: 1."),
    ([], 1, "Bad argument 1 to <\nExpected: string or int or float Got: ({ })."),
])
def test_what_has_no_order(left: Any, right: Any, text: str) -> None:
    assert message(o.less, left, right) == text


def test_a_destructed_object_is_ordered_as_0() -> None:
    assert o.less(gone(), 1) and o.greater_equal(gone(), 0)
    assert message(o.unordered, "<", [1]).startswith("Bad argument 1 to <")


# ---------------------------------------------------------------------------------- indexes and ranges


@pytest.mark.parametrize(("value", "size"), [
    ([1, 2], 2), (mapping_of([(1, 1)]), 1), ("abc", 3), ("e\u0301x", 2), (Buffer(b"ab"), 2), (5, 0), (1.5, 0),
    (Record(RecordType("r", ("a",)), [0]), 1), (UNDEFINED, 0),
])
def test_sizes(value: Any, size: int) -> None:
    assert o.size_of(value) == size


def test_reading_elements() -> None:
    record = Record(RecordType("r", ("a", "b")), [4, 5])
    assert (o.index([1, 2], 1), o.index("abc", 1), o.index(Buffer(b"ab"), 0), o.index(record, 1)) == (2, 98, 97, 5)
    assert o.index(mapping_of([(1.0, "f")]), 1.0) == "f" and o.index(Mapping(), 1) is UNDEFINED
    assert o.index("abc", 3) == 0
    assert (o.index([7], gone()), o.index("a", gone()), o.index(Buffer(b"a"), gone())) == (7, 97, 97)


@pytest.mark.parametrize(("base", "key", "text"), [
    ([1], 1, "Array index out of bounds."), ([1], -1, "Array index must be positive or zero."),
    ([1], "a", "Array index must be an integer."), (0, 1, "Value being indexed is zero."),
    (UNDEFINED, 1, "Value being indexed is zero."), (5, 1, "Cannot index value of type 'int'."),
    (1.5, 1, "Cannot index value of type 'float'."), ("a", 5, "String index out of bounds."),
    ("a", -1, "String index out of bounds."), ("a", "b", "String indexes must be integers."),
    (Buffer(b"a"), 1, "Buffer index out of bounds."), (Buffer(b"a"), 1.0, "Buffer indexes must be integers."),
])
def test_reading_errors(base: Any, key: Any, text: str) -> None:
    assert message(o.index, base, key) == text


def test_a_destructed_object_cannot_be_indexed() -> None:
    assert message(o.index, gone(), 0) == "Value being indexed is zero."


def test_indexes_from_the_end() -> None:
    assert o.from_end([1, 2, 3], 1) == 2 and o.from_end("abc", 3) == 0 and o.from_end([1], gone()) == 1
    assert message(o.from_end, Mapping(), 1) == "Cannot index a mapping from the end."
    assert message(o.from_end, [1], 1.0) == "Illegal type of index"
    assert message(o.read_from_end, "abc", 4) == "String rindex out of bounds."
    assert o.read_from_end([1], 5) == -4


def test_optional_indexes() -> None:
    assert o.optional_index(mapping_of([("a", 1)]), "a") == 1
    assert o.optional_index(0, "a") is UNDEFINED and o.optional_index([1], 0) is UNDEFINED


def test_members() -> None:
    record = Record(RecordType("r", ("a", "b")), [4, 5])
    mapping = mapping_of([("a", 1)])
    assert (o.member(record, "b"), o.member(mapping, "a"), o.member(mapping, "x")) == (5, 1, UNDEFINED)
    o.store_member(record, "b", 6)
    o.store_member(mapping, "x", 7)
    assert record.values == [4, 6] and mapping["x"] == 7
    for base in (record, 0, []):
        assert message(o.member, base, "no") == "Tried to take a member of something that isn't a mapping."
        assert message(o.store_member, base, "no", 1) == "Tried to take a member of something that isn't a mapping."


def test_members_of_a_class() -> None:
    record = Record(RecordType("r", ("a",)), [4])
    assert o.class_values(record) is record.values
    assert message(o.class_values, 0) == "Value being indexed is zero."
    assert message(o.class_values, []) == "Tried to take a member of a array."


@pytest.mark.parametrize(("base", "first", "last", "result"), [
    ([1, 2, 3], 1, 2, [2, 3]), ([1, 2, 3], -5, 0, [1]), ([1, 2, 3], 2, 99, [3]), ([1, 2, 3], 2, 1, []),
    ([1, 2, 3], 5, 9, []), ([1, 2, 3], 1, None, [2, 3]), ("abc", 1, 1, "b"), ("abc", 0, -1, ""), ("abc", 3, 3, ""),
    ("e\u0301xy", 0, 0, "e\u0301"), ("abc", INT_MIN, INT_MAX, "abc"),
])
def test_ranges(base: Any, first: Any, last: Any, result: Any) -> None:
    assert o.extract(base, first, last) == result


def test_ranges_of_buffers_are_new_ones() -> None:
    buffer = Buffer(b"abc")
    made = o.extract(buffer, 0, 1)
    assert made is not buffer and made.data == b"ab" and o.extract(buffer, 2, 1).data == b""


@pytest.mark.parametrize(("base", "first", "last", "text"), [
    ([1], "a", 0, "Start of range [ .. ] interval must be a number."),
    ([1], 0, 1.5, "End of range [ .. ] interval must be a number."),
    (0, 0, 0, "Cannot index type 'int' using [ .. ] operator."),
    (Mapping(), 0, 0, "Cannot index type 'mapping' using [ .. ] operator."),
])
def test_range_errors(base: Any, first: Any, last: Any, text: str) -> None:
    assert message(o.extract, base, first, last) == text


def test_storing_elements() -> None:
    array, buffer, record = [1, 2], Buffer(b"ab"), Record(RecordType("r", ("a",)), [0])
    mapping = Mapping()
    for base, key, value in ((array, 1, 5), (buffer, 0, 255), (record, 0, "x"), (mapping, 1.5, "f")):
        assert SIZED.store(base, key, value) == value
    assert array == [1, 5] and buffer.data == b"\xffb" and record.values == ["x"] and o.index(mapping, 1.5) == "f"
    SIZED.store(array, gone(), 9)
    assert array[0] == 9


@pytest.mark.parametrize(("base", "key", "value", "text"), [
    ([1], 1, 0, "Array index out of bounds"), ([1], -1, 0, "Array index out of bounds"),
    ([1], "a", 0, "Illegal type of index"),
    (Buffer(b"a"), 1, 0, "Buffer index out of bounds."),
    (Buffer(b"a"), 0, 256, "Buffer byte value out of range: must be 0..255."),
    (Buffer(b"a"), 0, "x", "Buffer byte value out of range: must be 0..255."),
    (0, 0, 0, "Value being indexed is zero."),
    ("abc", 0, 65, "Cannot index value of type 'string'."),
])
def test_storing_errors(base: Any, key: Any, value: Any, text: str) -> None:
    assert message(SIZED.store, base, key, value) == text


@pytest.mark.parametrize(("base", "key"), [([1], 0), ("abc", 2), (Mapping(), "k"), (Buffer(b"a"), 0)])
def test_elements_that_can_be_written(base: Any, key: Any) -> None:
    assert o.check_element(base, key) is None


@pytest.mark.parametrize(("base", "key", "text"), [
    ([1], 1, "Array index out of bounds"), ("abc", 3, "Index out of bounds in string index lvalue."),
    (0, 0, "Value being indexed is zero."), (Buffer(b"a"), 1, "Buffer index out of bounds."),
    (Record(RecordType("r", ("a",)), [0]), 1, "Array index out of bounds"),
])
def test_elements_that_cannot_be_written(base: Any, key: Any, text: str) -> None:
    assert message(o.check_element, base, key) == text


@pytest.mark.parametrize(("base", "first", "last", "value", "result"), [
    ([1, 2, 3], 0, 1, [9], [9, 3]), ([1, 2], 2, 1, [3], [1, 2, 3]), ([], 0, -1, [1], [1]), ("abc", 1, 1, "XY", "aXYc"),
    ("abc", 1, 0, "-", "a-bc"),
])
def test_replacing_ranges(base: Any, first: int, last: int, value: Any, result: Any) -> None:
    assert SIZED.replace_range(base, first, last, value) == result


def test_a_range_of_the_same_length_is_replaced_in_place() -> None:
    array, buffer = [1, 2, 3], Buffer(b"abc")
    assert SIZED.replace_range(array, 1, 2, [8, 9]) is array and array == [1, 8, 9]
    assert SIZED.replace_range(buffer, 0, 1, Buffer(b"xy")) is buffer and buffer.data == b"xyc"
    assert SIZED.replace_range(buffer, 0, 0, Buffer(b"12")).data == b"12yc" and buffer.data == b"xyc"


@pytest.mark.parametrize(("base", "first", "last", "value", "text"), [
    ([1], 2, 3, [1], "Array index out of bounds"), ([1], 1, -1, [1], "Array index out of bounds"),
    ([1], 0, 0, 5, "Illegal rhs to array range assignment."),
    ("abc", 0, 0, 5, "Illegal rhs to string range assignment."),
    ("abc", 4, 4, "x", "Illegal range in assignment."),
    (Buffer(b"a"), 0, 0, 5, "Illegal rhs to buffer range assignment."),
    (0, 0, -1, [1], "Cannot index type 'int' using [ .. ] operator."),
    ([1], "x", 0, [], "Start of range [ .. ] interval must be a number."),
    ([1], 0, [], [], "End of range [ .. ] interval must be a number."),
])
def test_range_replacement_errors(base: Any, first: Any, last: Any, value: Any, text: str) -> None:
    assert message(SIZED.replace_range, base, first, last, value) == text


@pytest.mark.parametrize(("text", "position", "code", "result"), [
    ("abc", 0, 88, "Xbc"), ("abc", 2, 0x20AC, "ab\u20ac"), ("e\u0301x", 1, 121, "e\u0301y"),
])
def test_storing_characters(text: str, position: int, code: int, result: str) -> None:
    assert o.store_character(text, position, code) == result


@pytest.mark.parametrize(("text", "position", "code", "error"), [
    ("abc", 3, 65, "Index out of bounds in string index lvalue."),
    ("abc", -1, 65, "Index out of bounds in string index lvalue."),
    ("abc", "x", 65, "Index out of bounds in string index lvalue."), ("abc", 0, 0, "Strings cannot contain 0 byte."),
    ("abc", 0, "x", "Illegal rhs to char assignment."),
    ("abc", 0, 0xD800, "Strings cannot contain invalid utf8 codepoint."),
    ("abc", 0, 0x110000, "Strings cannot contain invalid utf8 codepoint."),
    ("abc", 0, -5, "Strings cannot contain invalid utf8 codepoint."),
])
def test_storing_character_errors(text: str, position: Any, code: Any, error: str) -> None:
    assert message(o.store_character, text, position, code) == error


# ---------------------------------------------------------------------------------------------- the rest


def test_what_loops_run_over() -> None:
    assert list(o.elements([1, 2])) == [1, 2] and list(o.elements("a\u20ac")) == [97, 0x20AC]
    assert list(o.elements(Buffer(b"a"))) == [97]
    assert message(o.elements, 5) == "Bad argument 2 to foreach\nExpected: array Got: 5."
    assert message(o.pairs, [1]).startswith("Bad argument 2 to foreach\nExpected: mapping")


def test_a_mapping_may_change_while_a_loop_runs_over_it() -> None:
    mapping = mapping_of([(1, "a"), (2, "b")])
    seen = []
    for key, value in o.pairs(mapping):
        seen.append((key, value))
        mapping.pop(2, None)
        mapping[3] = "c"
    assert seen == [(1, "a"), (2, UNDEFINED)] and seen[1][1] is UNDEFINED


def test_spread() -> None:
    assert o.spread([1]) == [1]
    assert message(o.spread, 5) == "Item being expanded with ... is not an array"


@pytest.mark.parametrize(("value", "zero"), [
    (0, True), (UNDEFINED, True), (1, False), (0.0, False), ("", False), ([], False), (Mapping(), False),
])
def test_zero(value: Any, zero: bool) -> None:
    assert o.is_zero(value) is zero


def test_a_destructed_object_is_zero() -> None:
    assert o.is_zero(gone())


def test_switch_subjects() -> None:
    assert o.switch_subject(5, False) == 5 and o.switch_subject("a", True) == "a"
    assert type(o.switch_subject(UNDEFINED, True)) is int and o.switch_subject(gone(), False) == 0
    for value, strings in ((1.5, False), ("a", False), (5, True), ([], True)):
        assert message(o.switch_subject, value, strings).startswith("Bad argument 1 to switch\nExpected: ")


@pytest.mark.parametrize(("subject", "section"), [
    (INT_MIN, 3), (-5, 3), (-4, 9), (0, 0), (5, 0), (6, 9), (7, 1), (8, 9),
])
def test_ranges_of_a_switch(subject: int, section: int) -> None:
    assert o.range_case(((INT_MIN, 0, 7), (-5, 5, 7), (3, 0, 1)), subject, 9) == section


@pytest.mark.parametrize(("value", "base", "result"), [
    (1.9, "int", 1), (-1.9, "int", -1), (1e301, "int", INT_MIN), (-1e301, "int", INT_MIN), (math.nan, "int", INT_MIN),
    (math.inf, "int", INT_MIN), (9.3e18, "int", INT_MIN), (5, "int", 5), (5, "float", 5.0), ("a", "float", "a"),
])
def test_conversions(value: Any, base: str, result: Any) -> None:
    made = o.to_type(value, base)
    assert made == result and type(made) is type(result)


def test_conversions_to_buffers() -> None:
    assert o.to_type("a\u20ac", "buffer").data == "a\u20ac".encode()
    assert o.to_type([1, 255], "buffer").data == b"\x01\xff"
    buffer = Buffer(b"x")
    assert o.to_type(buffer, "buffer") is buffer and o.to_type(5, "buffer") == 5
    assert message(o.to_type, [256], "buffer").startswith("Illegal array item in buffer conversion")


def test_type_names() -> None:
    closure = Closure(an_object(), FUNCTIONAL, lambda owner, previous: 0, 0)
    values = [1, UNDEFINED, 1.5, "a", [], Mapping(), an_object(), closure, Record(RecordType("r", ()), []), Buffer(),
              gone()]
    assert [o.type_name(value) for value in values] == [
        "int", "int", "float", "string", "array", "mapping", "object", "function", "class", "buffer", "int"]


def test_templates() -> None:
    assert SIZED.join("a", 1, 1.5, [], UNDEFINED) == "a11.5({ })0"


def test_only_what_is_large_is_looked_at() -> None:
    looks: list[int] = []
    sized = Operators(10**6, 10**6, 10**6, 10**6, lambda: looks.append(1))
    small, large = [0] * 100, [0] * 5000
    text, long_text = "x", "x" * 70_000
    for left, right in ((small, small), (text, text), (Buffer(b"x"), Buffer(b"x")), (Mapping(), Mapping())):
        sized.add(left, right)
    assert not looks
    table = mapping_of([(number, 0) for number in range(5000)])
    for left, right in ((large, small), (long_text, 1), (Buffer(b"x" * 70_000), Buffer(b"x")), (table, Mapping())):
        sized.add(left, right)
    assert len(looks) == 4
