from __future__ import annotations

from typing import Any

import pytest

from efuns.core import mappings
from lpc.errors import BadArgument, LPCError
from lpc.runtime.values import UNDEFINED, ArrayKey, FloatKey, Mapping, mapping_of


def test_allocate_mapping_of_an_int_is_empty(this: Any) -> None:
    assert dict(mappings.allocate_mapping(this, 10)) == {}


def test_allocate_mapping_of_keys_and_values(this: Any, lpc: Any) -> None:
    row = [1]
    made = mappings.allocate_mapping(this, ["a", row, 1.0], [1, 2, 3])
    assert made["a"] == 1
    assert made[ArrayKey(row)] == 2
    assert made[FloatKey(1.0)] == 3
    assert dict(mappings.allocate_mapping(this, [1, 2], lpc(lambda key: key * 10))) == {1: 10, 2: 20}
    assert dict(mappings.allocate_mapping(this, [1, 2], "x")) == {1: "x", 2: "x"}
    assert dict(mappings.allocate_mapping(this, [1])) == {1: 0}


def test_allocate_mapping_refuses_what_does_not_fit(this: Any) -> None:
    with pytest.raises(LPCError, match="must be the same size"):
        mappings.allocate_mapping(this, [1], [])
    with pytest.raises(BadArgument, match="Bad argument 1 to allocate_mapping"):
        mappings.allocate_mapping(this, 1, [])
    with pytest.raises(LPCError, match="Mapping exceeded"):
        mappings.allocate_mapping(this, list(range(101)))


def test_keys_and_values_agree_in_an_order_of_the_key_set() -> None:
    one = mapping_of([("b", 1), (2, 2), (1.5, 3), ("a", 4)])
    other = mapping_of([("a", 4), (1.5, 3), ("b", 1), (2, 2)])
    assert mappings.keys(one) == mappings.keys(other) == [2, 1.5, "a", "b"]
    assert mappings.values(one) == mappings.values(other) == [2, 3, 4, 1]


def test_map_delete_removes_in_place() -> None:
    row = [1]
    m = mapping_of([(row, 1), (1.0, 2), ("a", 3)])
    for key in (row, 1.0, 1, "b"):
        assert mappings.map_delete(m, key) == 0
    assert dict(m) == {"a": 3}


def test_filter_mapping_and_map_mapping_leave_the_original(this: Any, lpc: Any) -> None:
    m = mapping_of([("a", 1), ("b", 2)])
    assert dict(mappings.filter_mapping(this, m, lpc(lambda k, v, x: int(v == x)), 2)) == {"b": 2}
    assert dict(mappings.map_mapping(this, m, lpc(lambda k, v: k + str(v)))) == {"a": "a1", "b": "b2"}
    assert dict(m) == {"a": 1, "b": 2}


def test_filter_mapping_sees_keys_as_lpc_does(this: Any, lpc: Any) -> None:
    seen = []
    mappings.filter_mapping(this, mapping_of([([], 0), (0.5, 0), (1, 0)]), lpc(lambda k, v: seen.append(k) or 0))
    assert seen == [1, 0.5, []]


def test_filter_mapping_allows_the_function_to_change_the_mapping(this: Any, lpc: Any) -> None:
    m = mapping_of([(n, n) for n in range(4)])
    kept = mappings.filter_mapping(this, m, lpc(lambda k, v: (m.pop(3, 0), 1)[1]))
    assert dict(kept) == {0: 0, 1: 1, 2: 2, 3: UNDEFINED}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/d/x.c", "domain"),
        ("//d//x.c", "domain"),
        ("/d", "root"),
        ("/d/sub/x", "sub"),
        ("/d/sub", "sub"),
        ("/", "root"),
        ("e", 0),
        ("", 0),
    ],
)
def test_match_path_finds_the_longest_key(path: str, found: Any) -> None:
    table = mapping_of([("/", "root"), ("/d/", "domain"), ("/d/sub", "sub")])
    assert mappings.match_path(table, path) == found


def test_match_path_gives_undefined_for_nothing() -> None:
    assert mappings.match_path(Mapping(), "/a") is UNDEFINED
