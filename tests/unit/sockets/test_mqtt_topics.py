"""Topics, filters, and the tree that matches them, against the definition taken literally."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from efuns.sockets.mqtt.rights import covers, read_rights
from efuns.sockets.mqtt.topics import LONGEST, Tree, is_deep, is_filter, is_topic, split_share
from lpc.runtime.values import Mapping

LEVEL = st.sampled_from(["", "a", "b", "$c", "+", "#"])
NAMES = st.lists(st.sampled_from(["", "a", "b", "$c"]), min_size=1, max_size=4).map("/".join).filter(bool)
FILTERS = st.lists(LEVEL, min_size=1, max_size=4).map("/".join).filter(is_filter)


def matches(filter: str, topic: str) -> bool:
    """The definition, as a regular expression."""
    if topic.startswith("$") and filter[0] in "+#":
        return False
    if filter == "#":
        return True
    pattern = "/".join("[^/]*" if level == "+" else re.escape(level)
                       for level in filter.removesuffix("/#").split("/"))
    return re.fullmatch(pattern + ("(/.*)?" if filter.endswith("/#") else ""), topic) is not None


@pytest.mark.parametrize("topic", ["a", "/", "a/b", "$SYS/x", "ü/\N{GRINNING FACE}", "a b", "x" * LONGEST])
def test_topics(topic: str) -> None:
    assert is_topic(topic)
    assert is_filter(topic)


@pytest.mark.parametrize("text", ["", "a+", "+", "#", "a/#", "a\0b", "\ud800", "x" * (LONGEST + 1),
                                  "ü" * (LONGEST // 2 + 1)])
def test_what_is_no_topic(text: str) -> None:
    assert not is_topic(text)


@pytest.mark.parametrize("text", ["+", "#", "+/+", "a/+/b", "a/#", "/#", "+/#", "$share/g/a/#", "$share/g//"])
def test_filters(text: str) -> None:
    assert is_filter(text)


@pytest.mark.parametrize("text", ["", "a+", "a/b+", "#/a", "a/#/b", "a#", "##", "a\0", "$share/g", "$share//a",
                                  "$share/g/", "$share/+/a", "$share/#/a", "\udfff/+"])
def test_what_is_no_filter(text: str) -> None:
    assert not is_filter(text)


def test_shares() -> None:
    assert split_share("$share/group/a/b") == ("group", "a/b")
    assert split_share("$shared/group/a") == ("", "$shared/group/a")


def test_depth() -> None:
    assert not is_deep("/" * 199)
    assert is_deep("/" * 200)


@given(st.lists(FILTERS, max_size=8), NAMES)
def test_the_tree_finds_what_matches(filters: list[str], topic: str) -> None:
    tree: Tree[int] = Tree()
    for number, name in enumerate(filters):
        tree.add(name, number)

    assert sorted(tree.matching(topic)) == [n for n, name in enumerate(filters) if matches(name, topic)]


@given(FILTERS, st.lists(NAMES, max_size=8, unique=True))
def test_the_tree_finds_what_is_matched(name: str, topics: list[str]) -> None:
    tree: Tree[str] = Tree()
    for topic in topics:
        tree.add(topic, topic)

    assert sorted(tree.matched_by(name)) == sorted(topic for topic in topics if matches(name, topic))


@given(st.lists(FILTERS, max_size=6), st.randoms())
def test_removing_leaves_nothing(filters: list[str], chance: object) -> None:
    tree: Tree[int] = Tree()
    for number, name in enumerate(filters):
        tree.add(name, number)
    for number, name in enumerate(filters):
        tree.remove(name, number)

    assert tree._root.children == {}


@given(FILTERS, FILTERS, st.lists(NAMES, max_size=20))
def test_what_is_covered_matches_no_more(allowed: str, wanted: str, topics: list[str]) -> None:
    if covers(allowed, wanted):
        assert [topic for topic in topics if matches(wanted, topic) and not matches(allowed, topic)] == []


@pytest.mark.parametrize(("allowed", "wanted", "expected"), [
    ("a/#", "a/+/b", True), ("a/#", "a/#", True), ("a/#", "a", True), ("a/+", "a/#", False), ("+", "#", False),
    ("#", "$SYS/#", False), ("#", "#", True), ("a", "a", True), ("a/+/c", "a/b/c", True), ("a/b", "a/+", False),
])
def test_covering(allowed: str, wanted: str, expected: bool) -> None:
    assert covers(allowed, wanted) is expected


@pytest.mark.parametrize("answer", [None, 0, Mapping(publish="a"), Mapping(publish=["a#"]), Mapping(other=[]),
                                    Mapping(subscribe=[1])])
def test_what_is_no_clear_yes_is_a_no(answer: object) -> None:
    assert read_rights(answer) is None


def test_rights() -> None:
    everything = read_rights(1)
    assert everything is not None
    assert (everything.may_publish("a"), everything.may_publish("$SYS/a"), everything.may_subscribe("#")) == (
        True, False, True)
    some = read_rights(Mapping(publish=["a/+"], subscribe=[]))
    assert some is not None
    assert (some.may_publish("a/b"), some.may_publish("a"), some.may_subscribe("a")) == (True, False, False)
