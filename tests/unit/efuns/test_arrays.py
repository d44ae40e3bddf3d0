from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efuns.core import arrays
from lpc.errors import BadArgument, LPCError
from lpc.runtime.values import UNDEFINED, ArrayKey, Mapping, mapping_of

ints = st.integers(-(2**63), 2**63 - 1)


def test_allocate_fills_with_zeros(this: Any) -> None:
    assert arrays.allocate(this, 3) == [0, 0, 0]
    assert arrays.allocate(this, 0) == []


def test_allocate_shares_the_value_it_is_given(this: Any) -> None:
    inner: list[Any] = []
    made = arrays.allocate(this, 2, inner)
    assert made[0] is inner
    assert made[1] is inner


def test_allocate_asks_a_function_for_each_index(this: Any, lpc: Any) -> None:
    assert arrays.allocate(this, 4, lpc(lambda at: at * at)) == [0, 1, 4, 9]


@pytest.mark.parametrize("size", [-1, 1001, 2**62])
def test_allocate_refuses_sizes_beyond_the_limit(this: Any, size: int) -> None:
    with pytest.raises(LPCError, match="Illegal array size"):
        arrays.allocate(this, size)


def test_filter_keeps_what_is_not_zero(this: Any, lpc: Any) -> None:
    assert arrays.filter_(this, [0, 1, 2, 3], lpc(lambda x: x % 2)) == [1, 3]
    assert arrays.filter_(this, [0, 1], lpc(lambda x: [])) == [0, 1]  # an empty array is true


def test_filter_gives_a_new_array_even_if_all_is_kept(this: Any, lpc: Any) -> None:
    array = [1, 2]
    kept = arrays.filter_(this, array, lpc(lambda x: 1))
    assert kept == array
    assert kept is not array


def test_filter_passes_extra_arguments(this: Any, lpc: Any) -> None:
    assert arrays.filter_(this, [1, 5, 9], lpc(lambda x, least, most: int(least < x < most)), 2, 8) == [5]


def test_filter_of_a_string_asks_for_each_character(this: Any, lpc: Any) -> None:
    assert arrays.filter_(this, "a1b2é", lpc(lambda c: int(c > ord("9")))) == "abé"


def test_filter_of_a_mapping_gets_key_and_value(this: Any, lpc: Any) -> None:
    kept = arrays.filter_(this, mapping_of([("a", 1), ("b", 2)]), lpc(lambda k, v: int(v > 1)))
    assert type(kept) is Mapping
    assert dict(kept) == {"b": 2}


def test_map_gives_what_the_function_gives(this: Any, lpc: Any) -> None:
    assert arrays.map_(this, [1, 2], lpc(lambda x: x * 10)) == [10, 20]
    assert arrays.map_array(this, [1, 2], lpc(lambda x, y: x + y), 5) == [6, 7]
    assert arrays.filter_array(this, [1, 2], lpc(lambda x: x - 1)) == [2]


def test_map_of_a_string_replaces_characters(this: Any, lpc: Any) -> None:
    assert arrays.map_(this, "abc", lpc(lambda c: c + 1)) == "bcd"


@pytest.mark.parametrize("result", [0, -1, "x", 0xD800, 0x110000, 1.5])
def test_map_of_a_string_leaves_what_gets_no_character(this: Any, lpc: Any, result: Any) -> None:
    assert arrays.map_(this, "ab", lpc(lambda c: result)) == "ab"


def test_map_of_a_mapping_keeps_the_keys(this: Any, lpc: Any) -> None:
    key = [1]
    mapped = arrays.map_(this, mapping_of([(key, 1), (1.5, 2)]), lpc(lambda k, v: [k, v]))
    assert mapped[ArrayKey(key)] == [key, 1]
    assert sorted(value[1] for value in mapped.values()) == [1, 2]


@given(st.lists(ints) | st.lists(st.text()) | st.lists(st.floats(allow_nan=False)))
def test_sort_array_up_and_down(array: list[Any]) -> None:
    assert arrays.sort_array(None, array, 1) == sorted(array)
    assert arrays.sort_array(None, array, 0) == sorted(array)
    assert arrays.sort_array(None, array, -1) == sorted(array, reverse=True)


def test_sort_array_compares_rows_by_their_first_elements(this: Any) -> None:
    rows = [["b", 1], ["a", 2], ["b", 0]]
    assert arrays.sort_array(this, rows, 1) == [["a", 2], ["b", 1], ["b", 0]]


@pytest.mark.parametrize("array", [[1, "a"], [1, 1.5], [{}, {}], [[1], 1]])
def test_sort_array_refuses_mixed_arrays(this: Any, array: list[Any]) -> None:
    with pytest.raises(LPCError, match="can only handle homogeneous arrays of strings/ints/floats/arrays"):
        arrays.sort_array(this, array, 1)


@pytest.mark.parametrize("array", [[[], [1]], [[1], ["a"]], [[[1]], [[2]]]])
def test_sort_array_refuses_rows_without_a_common_order(this: Any, array: list[Any]) -> None:
    with pytest.raises(LPCError, match=r"Illegal to have empty array|aren't strings/ints/floats"):
        arrays.sort_array(this, array, 1)


def test_sort_array_takes_one_odd_element_and_undefined_ones(this: Any, host: Any) -> None:
    gone = host.make("/gone")
    host.destruct(gone)
    assert arrays.sort_array(this, [{}], 1) == [{}]
    assert arrays.sort_array(this, [1, UNDEFINED, -1], 1) == [-1, 0, 1]
    assert arrays.sort_array(this, [1, gone, -1], 1) == [-1, 0, 1]


def test_sort_array_by_a_function(this: Any, lpc: Any) -> None:
    assert arrays.sort_array(this, [1, 3, 2], lpc(lambda a, b: b - a)) == [3, 2, 1]
    by_distance = lpc(lambda a, b, middle: abs(a - middle) - abs(b - middle))
    assert arrays.sort_array(this, [1, 5, 9], by_distance, 6) == [5, 9, 1]


def test_sort_array_by_a_function_with_more_arguments(this: Any, lpc: Any) -> None:
    f = lpc(lambda a, b, sign, factor: (a - b) * sign * factor)
    assert arrays.sort_array(this, [1, 3, 2], f, -1, 2) == [3, 2, 1]


def test_sort_array_lets_errors_of_the_function_fly(this: Any, lpc: Any) -> None:
    calls = []
    with pytest.raises(TypeError):
        arrays.sort_array(this, [1, 2], lpc(lambda a, b: calls.append(a) or a + "x"))
    assert len(calls) == 1


@pytest.mark.parametrize("result", ["x", [], None])
def test_sort_array_counts_what_is_no_number_as_equal(this: Any, lpc: Any, result: Any) -> None:
    assert arrays.sort_array(this, [3, 1, 2], lpc(lambda a, b: result)) == [3, 1, 2]
    assert arrays.sort_array(this, [3, 1, 2], lpc(lambda a, b, c: result), 1) == [3, 1, 2]


def test_unique_array_groups_in_order_of_first_elements(this: Any, lpc: Any) -> None:
    assert arrays.unique_array(this, [1, 2, 3, 4], lpc(lambda x: x % 2 + 1)) == [[1, 3], [2, 4]]


def test_unique_array_leaves_out_what_equals_skip(this: Any, lpc: Any) -> None:
    assert arrays.unique_array(this, [1, 2, 3], lpc(lambda x: x % 2)) == [[1, 3]]
    assert arrays.unique_array(this, [1, 2, 3], lpc(lambda x: x % 2), 1) == [[2]]


def test_unique_array_calls_a_name_in_each_object(this: Any, host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lpc.runtime import call

    monkeypatch.setattr(call, "call_other", lambda caller, ob, name: host.apply(ob, name))
    swords = [host.make(f"/sword#{n}", short=lambda me: "a sword") for n in range(2)]
    gone = host.make("/gone")
    host.destruct(gone)
    assert arrays.unique_array(this, [swords[0], 5, gone, swords[1], this], "short") == [swords]


def test_unique_array_tells_one_from_one_point_zero(this: Any, lpc: Any) -> None:
    assert arrays.unique_array(this, [1, 1.0], lpc(lambda x: x)) == [[1], [1.0]]


def test_unique_mapping_puts_the_last_elements_first(this: Any, lpc: Any) -> None:
    assert dict(arrays.unique_mapping(this, [1, 2, 3], lpc(lambda x: x % 2))) == {0: [2], 1: [3, 1]}


def test_unique_mapping_obeys_the_limit(this: Any, lpc: Any) -> None:
    with pytest.raises(LPCError, match="Mapping exceeded maximum allowed size of 100"):
        arrays.unique_mapping(this, list(range(101)), lpc(lambda x: x))


def test_member_array_finds_by_lpc_equality(this: Any) -> None:
    row: list[Any] = [1]
    array = [0.0, "a", row, 1, Mapping()]
    find = arrays.member_array
    assert find(this, "a", array) == 1
    assert find(this, row, array) == 2
    assert find(this, [1], array) == -1
    assert find(this, 1, array) == 3
    assert find(this, 1.0, array) == -1
    assert find(this, 0, array) == -1
    assert find(this, 0.0, array) == 0
    assert find(this, array[4], array) == 4
    assert find(this, Mapping(), array) == -1
    assert find(this, [], [1, []]) == 1
    assert find(this, UNDEFINED, [1, 0]) == 1


def test_member_array_skips_equal_floats_on_the_way_to_an_int(this: Any) -> None:
    assert arrays.member_array(this, 1, [1.0, 1.0, 1]) == 2


def test_member_array_sees_a_destructed_object_as_zero(this: Any, host: Any) -> None:
    gone = host.make("/gone")
    host.destruct(gone)
    assert arrays.member_array(this, 0, [1, gone]) == 1


def test_member_array_from_a_start_and_by_flags(this: Any, lpc: Any) -> None:
    find = arrays.member_array
    assert find(this, 1, [1, 2, 1], 1) == 2
    assert find(this, 1, [1, 2, 1], 0, 2) == 2
    assert find(this, 1, [1, 2, 1], 1, 2) == 0
    assert find(this, "ab", ["abc", "ab"], 0, 1) == 0
    assert find(this, "ab", ["x", "ab"], 0, 1) == 1
    assert find(this, 99, [1, 2, 3], 0, 2) == -1
    above_ten = lpc(lambda x: int(x > 10))
    assert find(this, above_ten, [1, 5, 42, 77], 0, 4) == 2
    assert find(this, above_ten, [1, 5, 42, 77], 0, 6) == 3
    assert find(this, above_ten, [42, 1, 5, 77], 1, 4) == 3
    assert find(this, above_ten, [0, above_ten]) == 1


def test_member_array_in_a_string(this: Any) -> None:
    find = arrays.member_array
    assert find(this, ord("y"), "xyzzy") == 1
    assert find(this, ord("y"), "xyzzy", 2) == 4
    assert find(this, ord("b"), "e\u0301b") == 1
    assert find(this, ord("c"), "foo") == -1
    assert find(this, 2**40, "foo") == -1


def test_member_array_refuses_impossible_searches(this: Any) -> None:
    with pytest.raises(BadArgument, match="Bad argument 3 to member_array"):
        arrays.member_array(this, 1, [1], -1)
    with pytest.raises(BadArgument, match="Bad argument 1 to member_array"):
        arrays.member_array(this, "a", "abc")
    with pytest.raises(LPCError, match="> string length"):
        arrays.member_array(this, 97, "abc", 4)
    with pytest.raises(LPCError, match="can not search backwards in strings"):
        arrays.member_array(this, 97, "abc", 0, 2)


def test_max_and_min_of_numbers_and_strings() -> None:
    assert arrays.max_([1, 2.5, 2]) == 2.5
    assert arrays.max_([1, 3, 3], 1) == 1
    assert arrays.min_(["b", "a"]) == "a"
    assert arrays.min_([2, UNDEFINED, 1], 1) == 1


@pytest.mark.parametrize(
    ("array", "message"),
    [([], "Can't find max of an empty array"), ([1, "a"], "Inhomogeneous"), ([[]], "must consist of ints")],
)
def test_max_refuses_what_has_no_order(array: list[Any], message: str) -> None:
    with pytest.raises(LPCError, match=message):
        arrays.max_(array)


def test_shuffle_works_in_place_and_loses_nothing(this: Any) -> None:
    array = list(range(50))
    assert arrays.shuffle(this, array) is array
    assert sorted(array) == list(range(50))


def test_element_of_gives_an_element(this: Any) -> None:
    assert {arrays.element_of(this, ["a", "b"]) for _ in range(100)} == {"a", "b"}
    with pytest.raises(LPCError, match="empty array"):
        arrays.element_of(this, [])


def test_sizeof_counts_what_can_be_counted() -> None:
    assert arrays.sizeof([1, 2]) == 2
    assert arrays.sizeof("e\u0301") == 1
    assert arrays.sizeof(mapping_of([(1, 2)])) == 1
    assert arrays.sizeof(5) == 0
    assert arrays.strlen("e\u0301a") == 2
    assert arrays.strlen(5) == 0
