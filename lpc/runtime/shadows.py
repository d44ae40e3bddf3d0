"""Shadows: objects that take another one's calls before it sees them.

A chain hangs on the shadowed object, the newest shadow last: `extra["shadowed"]` is the next shadow of an object,
`extra["shadowing"]` the next one towards the victim. A call from outside starts at the last shadow (or just below the
caller, if that is one of them: so a shadow reaches what it covers) and goes towards the victim until somebody has
the function.

Only the objects of a chain pay for it: each gets a class of its own, without the "->f/n" methods of its program, so
that the stand-ins of the driver's base class make ones that look along the chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lpc.runtime.objects import LPCObject
from lpc.runtime.program import adapted
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.program import Program

SHADOWED, SHADOWING = "shadowed", "shadowing"


def attach(shadow: LPCObject, victim: LPCObject) -> None:
    """Let one object shadow another, in front of the shadows it has."""
    last = victim
    while SHADOWED in last.extra:
        last = last.extra[SHADOWED]
    shadow.extra[SHADOWING] = last
    last.extra[SHADOWED] = shadow
    dispatch(victim)
    dispatch(last)
    dispatch(shadow)


def detach(ob: LPCObject) -> bool:
    """Take an object out of the chain it is in; whether it was in one."""
    below, above = ob.extra.pop(SHADOWING, None), ob.extra.pop(SHADOWED, None)
    if below is not None:
        _link(below, SHADOWED, above)
    if above is not None:
        _link(above, SHADOWING, below)
    for one in (ob, below, above):
        if one is not None:
            dispatch(one)
    return below is not None or above is not None


def _link(ob: LPCObject, side: str, other: LPCObject | None) -> None:
    if other is None:
        ob.extra.pop(side, None)
    else:
        ob.extra[side] = other


def is_chained(ob: LPCObject) -> bool:
    """Whether an object shadows or is shadowed."""
    return SHADOWED in ob.extra or SHADOWING in ob.extra


def dispatch(ob: LPCObject) -> None:
    """Give an object the class its calls need: its program's, or one that looks along the chain."""
    if ob.is_destructed:
        return
    program = ob.program
    if not is_chained(ob):
        ob.__class__ = program.cls
    elif type(ob).external is not _through_chain:
        ob.__class__ = external_class(program, _through_chain)


def external_class(program: Program, external: Callable[[Program, str, int], Callable[..., Value]]) -> type[LPCObject]:
    """A class for objects of a program whose "->f/n" methods `external(program, f, n)` makes."""
    attributes: dict[str, Any] = {
        key: value for key, value in vars(program.cls).items() if not key.startswith(("->", "__"))
    }
    attributes |= {"__slots__": (), "external": staticmethod(external)}
    return type(program.path, program.cls.__bases__, attributes)


def _through_chain(program: Program, name: str, count: int) -> Callable[..., Value]:
    def call(self: LPCObject, previous: Value, *args: Value) -> Value:
        at: LPCObject | None = self
        above = self.extra.get(SHADOWED)
        while above is not None and above is not previous:
            at, above = above, above.extra.get(SHADOWED)
        while at is not None:
            method = at.program.methods.get(name)
            seen = method is not None and (
                method.visibility == "public" or method.visibility == "protected" and previous is at
            )
            if method is not None and seen:
                return adapted(method, count, external=True)(at, previous, *args)
            at = at.extra.get(SHADOWING)
        return UNDEFINED

    return call


def answering(ob: LPCObject, name: str) -> LPCObject:
    """Who runs a function that the driver calls in an object: the first of its chain that has it."""
    at = ob
    while SHADOWED in at.extra:
        at = at.extra[SHADOWED]
    while at is not ob and name not in at.program.methods:
        at = at.extra[SHADOWING]
    return at
