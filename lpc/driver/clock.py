"""Time: the real one over an event loop, and one a test moves by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Protocol

from lpc.runtime.host import Clock

if TYPE_CHECKING:
    import asyncio

#: How often callbacks may add work for the same instant before ManualClock.advance() calls it endless.
_ROUNDS_AT_ONE_INSTANT = 10_000


class Timer(Protocol):
    """A pending timer."""

    def cancel(self) -> None:
        """Forget it."""


class TimedClock(Clock, Protocol):
    """A clock that also calls back."""

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` once monotonic() has reached `when`."""


class RealClock:
    """The machine's time. `loop` is asked for only when a timer is set, so that a program without timers
    needs no event loop."""

    def __init__(self, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self._loop = loop

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` from the loop once monotonic() has reached `when`."""
        # Relative, because a loop's own clock need not be time.monotonic() (uvloop caches its time).
        return self._loop().call_later(max(0.0, when - time.monotonic()), callback)


class _ManualTimer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class ManualClock:
    """A clock that stands still until `advance` moves it: call_outs in tests, without waiting."""

    def __init__(self, start: float = 1_000_000_000.0) -> None:
        self._start = start
        self._now = 0.0
        self._sequence = 0
        self._timers: list[tuple[float, int, _ManualTimer]] = []

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._start + self._now

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], object]) -> Timer:
        """Call `callback` in the advance() that reaches `when`."""
        timer = _ManualTimer(callback)
        self._sequence += 1
        heappush(self._timers, (max(when, self._now), self._sequence, timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Move time on, running what falls due in order, each timer at its own instant.

        RuntimeError where callbacks add ever more work for one instant (a call_out that renews itself
        without delay): time could not go on.
        """
        target = self._now + seconds
        rounds = 0
        while self._timers and self._timers[0][0] <= target:
            when, _, timer = heappop(self._timers)
            if timer.callback is None:
                continue
            rounds = rounds + 1 if when <= self._now else 0
            if rounds > _ROUNDS_AT_ONE_INSTANT:
                raise RuntimeError("timers without delay renew themselves for ever: the clock cannot advance")
            self._now = max(self._now, when)
            timer.callback()
        self._now = target
