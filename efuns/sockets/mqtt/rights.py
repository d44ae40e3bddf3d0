"""What a client of the broker may publish and subscribe to."""

from __future__ import annotations

from dataclasses import dataclass

from efuns.sockets.mqtt.topics import Tree, is_filter, split_share
from lpc.runtime.values import Mapping, Value, truth


@dataclass(slots=True)
class Rights:
    """None stands for everything (but what belongs to the broker itself: "$SYS/...")."""

    publish: Tree[bool] | None = None
    subscribe: tuple[str, ...] | None = None

    def may_publish(self, topic: str) -> bool:
        """Whether a message may be sent to a topic."""
        if topic[:1] == "$" and topic.startswith(("$SYS/", "$share/")):
            return False
        return self.publish is None or bool(self.publish.matching(topic))

    def may_subscribe(self, name: str) -> bool:
        """Whether a filter is within the filters allowed."""
        wanted = split_share(name)[1]
        return self.subscribe is None or any(covers(allowed, wanted) for allowed in self.subscribe)


def covers(allowed: str, wanted: str) -> bool:
    """Whether a filter matches no topic that another does not match."""
    mine, theirs = allowed.split("/"), wanted.split("/")
    if mine[0] in ("+", "#") and theirs[0].startswith("$"):
        return False
    for at, level in enumerate(mine):
        if level == "#":
            return True
        if at >= len(theirs) or theirs[at] == "#" or (level != "+" and level != theirs[at]):
            return False
    return len(mine) == len(theirs)


def read_rights(answer: Value) -> Rights | None:
    """The rights LPC gave by its answer; None for a client that may not connect. Whatever is no clear yes is a no."""
    if not isinstance(answer, Mapping):
        return Rights() if answer is not None and truth(answer) else None
    made = Rights()
    for key, given in answer.items():
        if key not in ("publish", "subscribe") or not isinstance(given, list) \
                or not all(isinstance(one, str) and is_filter(one) for one in given):
            return None
        if key == "publish":
            made.publish = Tree()
            for one in given:
                made.publish.add(one, True)
        else:
            made.subscribe = tuple(given)
    return made
