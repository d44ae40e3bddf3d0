"""Efuns that find and cut values which contain themselves.

They look into arrays, mappings, class instances and the bound arguments of function values. A walk keeps a stack of
its own: values may be nested deeper than calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lpc.efun import efun
from lpc.runtime.closures import Closure
from lpc.runtime.show import show
from lpc.runtime.values import Mapping, Record, Value, from_key, ordered_keys

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject


_CONTAINERS = (list, Record, Mapping, Closure)
_KEY = "<key>"


def _members(value: Value) -> Iterator[tuple[str, Any, Value]]:
    """What a value contains: (how to write the way there, where it is, the value)."""
    if type(value) is list:
        for at, item in enumerate(value):
            yield f"[{at}]", at, item
    elif type(value) is Record:
        for at, item in enumerate(value.values):
            yield f".{at}", at, item
    elif type(value) is Mapping:
        for key in ordered_keys(value):
            if type(from_key(key)) in _CONTAINERS:
                yield _KEY, key, from_key(key)
            yield f"[{show(from_key(key))}]", key, value[key]
    elif type(value) is Closure:
        for at, item in enumerate(value.bound):
            yield f"({at})", at, item


def _loops(root: Value) -> Iterator[tuple[list[str], Value, Any]]:
    """Each link that leads back to a value around it: the way to it, the value that holds it, and where in it."""
    open_values = {id(root)}
    done: set[int] = set()
    path: list[str] = []
    stack = [(root, _members(root))]
    while stack:
        holder, members = stack[-1]
        for step, at, item in members:
            if id(item) in open_values:
                yield [*path, step], holder, at
            elif id(item) not in done and type(item) in _CONTAINERS:
                open_values.add(id(item))
                path.append(step)
                stack.append((item, _members(item)))
                break
        else:
            stack.pop()
            open_values.discard(id(holder))
            done.add(id(holder))
            if path:
                path.pop()


@efun("int has_cycle(mixed value)")
def has_cycle(value: Value) -> int:
    """1 if a value contains itself somewhere.

    Example: has_cycle(({ 1 })) is 0
    """
    return int(next(_loops(value), None) is not None)


@efun("string *find_cycles(mixed value)")
def find_cycles(this: LPCObject, value: Value) -> list[Value]:
    """Where a value leads back into itself: the way to each such link, written as indexes.

    Example: find_cycles(({ 1 })) is ({ })
    """
    found: list[Value] = []
    for path, _, _ in _loops(value):
        if len(found) >= this.driver.limits.array_size:
            break
        found.append("".join(path))
    return found


@efun("int break_cycles(mixed value)")
def break_cycles(value: Value) -> int:
    """Put 0 in place of each link by which a value leads back into itself; how many there were.

    A mapping loses an entry whose key leads back.

    Example: break_cycles(({ 1 })) is 0
    """
    links = [(holder, at, path[-1]) for path, holder, at in _loops(value)]
    for holder, at, step in links:
        if type(holder) is Closure:
            holder.bound = (*holder.bound[:at], 0, *holder.bound[at + 1 :])
            holder.forget()
        elif step == _KEY:
            holder.pop(at, None)
        elif type(holder) is Record:
            holder.values[at] = 0
        elif type(holder) is list or at in holder:
            holder[at] = 0
    return len(links)
