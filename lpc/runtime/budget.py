"""Limits, and the watchdog that ends evaluations which spend more than theirs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lpc.errors import EvaluationLimit


@dataclass(frozen=True, slots=True)
class Limits:
    """What LPC may use. Sizes are elements, characters or bytes; times are seconds."""

    evaluation_time: float = 5.0
    memory: int = 2 << 30  # growth of the process's resident memory during one evaluation, bytes
    call_depth: int = 1000
    array_size: int = 1_000_000
    mapping_size: int = 1_000_000
    string_length: int = 64 << 20
    buffer_size: int = 64 << 20
    read_file_size: int = 64 << 20
    regexp_time: float = 1.0
    save_depth: int = 100
    objects: int = 1_000_000
    call_outs: int = 100_000
    sockets: int = 10_000
    socket_queue: int = 256 << 10  # high-water mark of one socket, bytes
    inflate_ratio: int = 1000
    children: int = 100
    watches: int = 1000
    watch_events: int = 1000
    inherit_depth: int = 30
    include_depth: int = 32


class Budget:
    """Ends evaluations that take too long or too much memory.

    A watchdog thread sets the flag `STOP` of the driver's namespace, which compiled code tests in every loop, in
    every function that may recurse and before whatever may take long: a cost of two nanoseconds instead of a
    counter's thirty. The thread sleeps for good while nothing is evaluated.
    """

    def __init__(self, namespace: dict[str, Any], limits: Limits,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self.namespace = namespace
        self.limits = limits
        self.limit = limits.evaluation_time
        self.reason = ""  # why the last evaluation that was told to end was
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self.now = 0  # the number of the evaluation that runs (odd), or of the pause after it (even)
        self._timed = 0  # the last evaluation whose time was taken
        self._deadline = 0.0  # of that one
        self._last_deadline = 0.0  # what refilling can not pass
        self._hurried = ""
        self._ended = -1  # the last evaluation that was told to end
        self._thread: threading.Thread | None = None
        self.asleep = True  # the watchdog waits to be woken
        self._closed = False

    # start() and finish() run for every event of the loop. They take no lock and do not look at the clock: the watchdog
    # takes the time of an evaluation when it first sees it, a tick after its start at most. It may set STOP a moment
    # too late, for an evaluation that has ended: stop() knows by the number it was set for.

    def start(self) -> None:
        """An evaluation begins, with a full budget. (`Evaluations.enter` has this and finish() spelled out.)"""
        self.now += 1
        if self.asleep:
            self.wake()

    def finish(self) -> None:
        """The evaluation is over."""
        self.now += 1
        if self.namespace["STOP"]:
            self.namespace["STOP"] = False

    def wake(self) -> None:
        """See to it that the watchdog watches."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="lpc-watchdog", daemon=True)
            self.asleep = False
            self._thread.start()
        else:
            with self._changed:
                self._take_time()
                self._changed.notify()

    def _take_time(self) -> bool:
        """Whether an evaluation runs; its time counts from now if it did not before."""
        number = self.now
        if number & 1 and number != self._timed:
            now = self._monotonic()
            self._deadline = now + self.limit
            self._last_deadline = now + self.limit * _MOST_REFILLS
            self._hurried = ""
            self._timed = number
        return bool(number & 1)

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *exception: object) -> None:
        self.finish()

    def refill(self) -> None:
        """Give the running evaluation its full time again, a bounded number of times."""
        with self._changed:
            if self._take_time():
                self._deadline = min(self._monotonic() + self.limit, self._last_deadline)
                self.namespace["STOP"] = False

    def remaining(self) -> float:
        """Seconds left to the running evaluation."""
        with self._changed:
            return max(0.0, self._deadline - self._monotonic()) if self._take_time() else self.limit

    def hurry(self, seconds: float, reason: str) -> None:
        """Leave the running evaluation no more than so long; `reason` is what it ends with then.

        May be called from a signal handler or another thread.
        """
        with self._changed:
            if self._take_time():
                self._deadline = min(self._deadline, self._monotonic() + seconds)
                self._hurried = reason
                self._changed.notify()

    def check(self) -> None:
        """End the evaluation if its budget is spent: for code of ours that LPC can make run long."""
        if self.namespace["STOP"]:
            self.stop()

    def stop(self) -> bool:
        """What compiled code calls when it finds STOP set; True if that was not meant for this evaluation."""
        if self._ended == self.now:
            raise EvaluationLimit(self.reason or "Too long evaluation. Execution aborted.")
        self.namespace["STOP"] = False
        return True

    def close(self) -> None:
        """End the watchdog thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            seen, before, resident = 0, 0, _resident()
            idle = 0
            while not self._closed:
                if not self._take_time():
                    # Stay awake a little: evaluations come in bursts, and waking costs each of them.
                    self.asleep = idle >= _IDLE_TICKS
                    idle += 1
                    if not self.now & 1:  # start() counts before it asks whether we sleep
                        self._changed.wait(None if self.asleep else self._tick)
                    if self.asleep:
                        self.asleep = False
                        idle = 0
                    resident = _resident()
                    continue
                idle = 0
                number = self._timed
                now = _resident()
                if seen != number:
                    # What an evaluation may add counts from the last look before it.
                    seen, before = number, min(resident, now)
                resident = now
                left = self._deadline - self._monotonic()
                if left <= 0:
                    self._end(number, self._hurried or "Too long evaluation. Execution aborted.")
                elif now > before + self.limits.memory:
                    self._end(number, "Too much memory used by one evaluation. Execution aborted.")
                self._changed.wait(max(0.0005, min(_TICK, left)))

    @property
    def _tick(self) -> float:
        """Seconds between looks for an evaluation: small beside what it may take."""
        return max(0.0005, min(_TICK, self.limit / 10))

    def _end(self, number: int, reason: str) -> None:
        self.reason, self._ended = reason, number
        self.namespace["STOP"] = True


_TICK = 0.02  # seconds between looks while something runs
_IDLE_TICKS = 50
_MOST_REFILLS = 20  # a program that refills its own budget must end too


def _resident() -> int:
    """The process's resident memory in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * _PAGE
    except OSError:
        return 0


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
