"""call_outs: functions that run later.

One heap, ordered by due time and, among equals, by the order they were asked for; one timer of the clock
for the earliest. Without call_outs there is no timer, and nothing wakes up.

A call_out asked for while others run waits for the next turn of the loop even if it is due at once, so a
call_out(f, 0) that renews itself lets sockets and signals through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from lpc.driver.clock import TimedClock, Timer
from lpc.driver.keepalive import KeepAlive
from lpc.errors import LPCError
from lpc.runtime.call import Callback
from lpc.runtime.closures import Closure
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: The longest delay: a year of 366 days a thousand times over; keeps sums of floats exact enough.
_LONGEST = 366 * 86400 * 1000.0


class CallOut:
    """One pending call. Sorts by (due, handle)."""

    __slots__ = ("due", "handle", "callback", "player", "cancelled")

    def __init__(self, due: float, handle: int, callback: Callback, player: LPCObject | int) -> None:
        self.due = due
        self.handle = handle
        self.callback = callback
        self.player = player
        self.cancelled = False

    def __lt__(self, other: CallOut) -> bool:
        return (self.due, self.handle) < (other.due, other.handle)

    @property
    def owner(self) -> LPCObject:
        """The object that asked."""
        return self.callback.owner

    def matches(self, owner: LPCObject, which: int | str) -> bool:
        """Whether it is the one a handle, or the owner's one with a function name, means."""
        if isinstance(which, str):
            return self.callback.owner is owner and self.callback.target == which
        return self.handle == which


class CallOuts:
    """The call_outs of one driver (lpc.runtime.host.Scheduler).

    `run(call_out)` executes one; `player()` says whose this_player() to remember.
    """

    def __init__(self, clock: TimedClock, keep_alive: KeepAlive, limit: int, run: Callable[[CallOut], object],
                 player: Callable[[], LPCObject | int]) -> None:
        self._clock = clock
        self._keep_alive = keep_alive
        self._limit = limit
        self._run = run
        self._player = player
        self._heap: list[CallOut] = []
        self._live: dict[int, CallOut] = {}  # by handle, oldest first
        self._last_handle = 0
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._running = False

    def add(self, owner: LPCObject, function: str | Closure, delay: float, args: tuple[Value, ...]) -> int:
        """Call `function` of `owner` in `delay` seconds (at once where negative); the handle, from 1 up."""
        if len(self._live) >= self._limit:
            raise LPCError(f"Too many call_outs: the limit is {self._limit}.")
        delay = min(max(0.0, delay), _LONGEST) if delay == delay else 0.0  # a NaN would break the order
        self._last_handle += 1
        call_out = CallOut(self._clock.monotonic() + delay, self._last_handle, Callback(owner, function, args),
                           self._player())
        self._live[call_out.handle] = call_out
        heappush(self._heap, call_out)
        self._keep_alive.add(self)
        if not self._running:
            self._arm()
        return call_out.handle

    def remaining(self, owner: LPCObject, which: int | str) -> float | None:
        """Seconds until a call_out of `owner`, by handle or the earliest of a function name; None if none."""
        found = self._find(owner, which)
        return None if found is None else max(0.0, found.due - self._clock.monotonic())

    def remove(self, owner: LPCObject, which: int | str | None) -> float | None:
        """Cancel it: the seconds it had left, None if there was none. `which` None cancels all of `owner`'s."""
        if which is None:
            for call_out in [c for c in self._live.values() if c.callback.owner is owner]:
                self._cancel(call_out)
            return None
        found = self._find(owner, which)
        if found is None:
            return None
        self._cancel(found)
        return max(0.0, found.due - self._clock.monotonic())

    def pending(self) -> list[tuple[LPCObject, str | Closure, float]]:
        """(object, function, seconds left) of each, the next first; those of destructed objects are left out."""
        now = self._clock.monotonic()
        return [(c.callback.owner, c.callback.target, max(0.0, c.due - now)) for c in self._alive()]

    def destructed(self, ob: LPCObject) -> None:
        """Drop what a destructed object was waiting for."""
        for call_out in [c for c in self._live.values() if c.callback.owner is ob or not c.callback.alive]:
            self._cancel(call_out)

    def close(self) -> None:
        """Drop everything."""
        self._heap.clear()
        self._live.clear()
        self._arm()
        self._keep_alive.discard(self)

    def __len__(self) -> int:
        return len(self._live)

    def _alive(self) -> Iterator[CallOut]:
        return iter(sorted(c for c in self._live.values() if c.callback.alive))

    def _find(self, owner: LPCObject, which: int | str) -> CallOut | None:
        if not isinstance(which, str):
            found = self._live.get(which)
            return found if found is not None and found.callback.owner is owner else None
        return min((c for c in self._live.values() if c.matches(owner, which)), default=None)

    def _cancel(self, call_out: CallOut) -> None:
        call_out.cancelled = True
        self._live.pop(call_out.handle, None)
        if len(self._heap) > 2 * len(self._live) + 64:  # mostly cancelled ones: they may not pile up
            self._heap = [c for c in self._heap if not c.cancelled]
            heapify(self._heap)
        if not self._running:
            self._arm()

    def _arm(self) -> None:
        """Set the clock's timer for the earliest call_out, or none."""
        while self._heap and self._heap[0].cancelled:
            heappop(self._heap)
        due = self._heap[0].due if self._heap else None
        if due is None:
            self._keep_alive.discard(self)
        if self._timer is not None:
            if due == self._timer_due:
                return
            self._timer.cancel()
            self._timer = None
        if due is not None:
            self._timer_due = due
            self._timer = self._clock.call_at(due, self._tick)

    def _tick(self) -> None:
        """Run what is due and was asked for before now."""
        self._timer = None
        now = self._clock.monotonic()
        newest = self._last_handle
        later = []
        self._running = True
        try:
            while self._heap and self._heap[0].due <= now:
                call_out = heappop(self._heap)
                if call_out.handle > newest:
                    later.append(call_out)
                elif not call_out.cancelled:
                    del self._live[call_out.handle]
                    self._run(call_out)
        finally:
            self._running = False
            for call_out in later:
                heappush(self._heap, call_out)
            self._arm()

