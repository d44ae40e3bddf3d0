"""Topics and topic filters of MQTT: which are valid, and what matches what.

A filter's level may be `+` (any one level) or, at the end, `#` (all that follow, and the level above). Neither
matches the first level of a topic that begins with `$`. "$share/group/filter" is a shared subscription.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

T = TypeVar("T")

LONGEST: Final = 65535  # bytes of UTF-8
LEVELS: Final = 200  # of what a broker keeps: a level costs more memory than its two bytes on the wire
_SHARE: Final = "$share/"


def is_topic(text: str) -> bool:
    """Whether a message can be published to it."""
    return "+" not in text and "#" not in text and _is_name(text)


def is_filter(text: str) -> bool:
    """Whether it can be subscribed to."""
    if text.startswith(_SHARE):
        group, _, text = text[len(_SHARE):].partition("/")
        if not group or "+" in group or "#" in group:
            return False
    if not _is_name(text):
        return False
    if "+" not in text and "#" not in text:
        return True
    levels = text.split("/")
    return (all(level == "+" or "+" not in level for level in levels) and "#" not in "".join(levels[:-1])
            and ("#" not in levels[-1] or levels[-1] == "#"))


def split_share(text: str) -> tuple[str, str]:
    """The group ("" for none) and the filter proper of a valid filter."""
    if not text.startswith(_SHARE):
        return "", text
    group, _, rest = text[len(_SHARE):].partition("/")
    return group, rest


def _is_name(text: str) -> bool:
    if not text or "\0" in text:
        return False
    if text.isascii():
        return len(text) <= LONGEST
    try:
        return len(text.encode()) <= LONGEST
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def is_deep(text: str) -> bool:
    """Whether it has more levels than a broker keeps."""
    return text.count("/") >= LEVELS


class _Node(Generic[T]):
    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: list[T] = []


class Tree(Generic[T]):
    """Values under filters (or topics), found by a topic (or by a filter).

    Its paths may be deep, so nothing here recurses.
    """

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, path: str, value: T) -> None:
        """Put a value under a path."""
        node = self._root
        for level in path.split("/"):
            found = node.children.get(level)
            if found is None:
                found = node.children[level] = _Node()
            node = found
        node.values.append(value)

    def remove(self, path: str, value: T) -> None:
        """Take a value from a path it is under."""
        trail = [self._root]
        levels = path.split("/")
        for level in levels:
            trail.append(trail[-1].children[level])
        trail[-1].values.remove(value)
        for node, level in zip(reversed(trail[:-1]), reversed(levels)):
            child = node.children[level]
            if child.values or child.children:
                break
            del node.children[level]

    def matching(self, topic: str) -> list[T]:
        """The values under the filters that match a topic."""
        found: list[T] = []
        nodes = [self._root]
        is_first = True
        for level in topic.split("/"):
            following: list[_Node[T]] = []
            for node in nodes:
                children = node.children
                child = children.get(level)
                if child is not None:
                    following.append(child)
                if not is_first or level[:1] != "$":
                    child = children.get("+")
                    if child is not None:
                        following.append(child)
                    child = children.get("#")
                    if child is not None:
                        found += child.values
            nodes, is_first = following, False
            if not nodes:
                return found
        for node in nodes:
            found += node.values
            child = node.children.get("#")
            if child is not None:
                found += child.values
        return found

    def matched_by(self, filter: str) -> Iterator[T]:
        """The values under the topics a filter matches."""
        nodes = [self._root]
        is_first = True
        for level in filter.split("/"):
            if level == "#":
                yield from self._below(nodes, is_first)
                return
            following: list[_Node[T]] = []
            for node in nodes:
                if level == "+":
                    following += (child for name, child in node.children.items()
                                  if not is_first or not name.startswith("$"))
                elif (child := node.children.get(level)) is not None:
                    following.append(child)
            nodes, is_first = following, False
        for node in nodes:
            yield from node.values

    def _below(self, nodes: list[_Node[T]], is_first: bool) -> Iterator[T]:
        pending = list(nodes)
        while pending:
            node = pending.pop()
            yield from node.values
            pending += (child for name, child in node.children.items()
                        if not (is_first and node is self._root and name.startswith("$")))
