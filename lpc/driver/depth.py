"""How deep calls may go. The Python stack is the LPC stack, so Python's recursion limit is LPC's call depth.

The limit is set for a root evaluation and put back when it ends. The compiler recurses over expressions, whose
nesting the parser bounds; it may go deeper than LPC, but LPC that runs meanwhile (a parent's create(), the
master's valid_read()) may not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import CodeType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

#: Python frames an evaluation may need besides those of LPC functions: efuns, loading, error handling, values
#: nested as deep as save_depth lets them be.
_RESERVE = 400
#: Whatever is configured: an LPC call through an efun takes space of the C stack, too.
_DEEPEST = 5000
#: What compiling the most deeply nested expression the parser lets through takes, amply.
_COMPILER = 8000


#: The frame that asked for an evaluation, seen from DepthLimit.set(): above set(), _root() and enter() or call().
_STARTER = 3
_MOST_STARTERS = 256


def stack_depth() -> int:
    """How many frames are on the Python stack."""
    frame, depth = sys._getframe(1), 1
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


class DepthLimit:
    """Lets evaluations go `call_depth` deep.

    Evaluations start at much the same depth, from the event loop; measuring it would cost each a walk up the
    stack. So it is measured once for each place that starts them.
    """

    __slots__ = ("_allowed", "of_events", "_starters")

    def __init__(self, call_depth: int) -> None:
        self._allowed = min(call_depth, _DEEPEST) + _RESERVE
        self.of_events = 0  # the limit of evaluations that the event loop starts
        self._starters: dict[CodeType, int] = {}

    def set_for_events(self) -> None:
        """As set(), for evaluations that the event loop starts: one measurement is enough for them all, and a
        limit that is no stricter than the former may be left in force for the next one."""
        try:
            sys.setrecursionlimit(self.of_events)
        except (RecursionError, ValueError):  # the first one, or one from far deeper
            self.of_events = stack_depth() + self._allowed
            sys.setrecursionlimit(self.of_events)

    def set(self) -> int:
        """The limit for an evaluation that starts here is in force now; the one to put back when it ends."""
        former = sys.getrecursionlimit()
        starter = sys._getframe(_STARTER).f_code
        limit = self._starters.get(starter)
        if limit is None:
            if len(self._starters) >= _MOST_STARTERS:
                self._starters.clear()
            limit = self._starters[starter] = stack_depth() + self._allowed
        if limit != former:
            try:
                sys.setrecursionlimit(limit)
            except RecursionError:  # the host has called from far deeper than the first time
                limit = self._starters[starter] = stack_depth() + self._allowed
                sys.setrecursionlimit(limit)
        return former


def restore(limit: int) -> None:
    """Put a former limit back."""
    sys.setrecursionlimit(limit)


def limit_compiler() -> int:
    """Let the compiler go as deep as it needs; the limit to put back when it is done."""
    former = sys.getrecursionlimit()
    sys.setrecursionlimit(max(former, stack_depth() + _COMPILER))
    return former


def limited(limit: int, function: Callable[P, T]) -> Callable[P, T]:
    """`function` under another limit: what the compiler calls to run LPC."""

    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        former = sys.getrecursionlimit()
        sys.setrecursionlimit(limit)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setrecursionlimit(former)

    return called
