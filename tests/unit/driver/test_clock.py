from __future__ import annotations

import asyncio

import pytest

from lpc.driver.clock import ManualClock, RealClock


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(start=100.0)
    assert (clock.time(), clock.monotonic()) == (100.0, 0.0)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (102.5, 2.5)


def test_timers_run_at_their_own_instant_in_order() -> None:
    clock = ManualClock()
    seen: list[tuple[str, float]] = []
    for name, when in (("b", 2.0), ("a", 1.0), ("b2", 2.0)):
        clock.call_at(when, lambda name=name: seen.append((name, clock.monotonic())))  # type: ignore[misc]
    clock.advance(1.5)
    assert seen == [("a", 1.0)]
    clock.advance(10)
    assert seen == [("a", 1.0), ("b", 2.0), ("b2", 2.0)]


def test_a_cancelled_timer_does_not_run() -> None:
    clock = ManualClock()
    clock.call_at(1.0, lambda: pytest.fail("ran")).cancel()
    clock.advance(2)
    assert clock.monotonic() == 2


def test_a_timer_set_by_a_timer_runs_in_the_same_advance_when_due() -> None:
    clock = ManualClock()
    seen: list[float] = []
    clock.call_at(1.0, lambda: clock.call_at(1.5, lambda: seen.append(clock.monotonic())))
    clock.advance(2)
    assert seen == [1.5]


def test_a_real_clock_calls_back_from_the_loop() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        clock = RealClock(lambda: loop)
        done = loop.create_future()
        asked = clock.monotonic()
        clock.call_at(asked + 0.001, lambda: done.set_result(clock.monotonic()))
        return float(await done) - asked

    assert 0 <= asyncio.run(scenario()) < 5


def test_a_real_clock_needs_no_loop_to_tell_the_time() -> None:
    clock = RealClock(lambda: pytest.fail("asked for a loop"))
    assert clock.time() > 0
    assert clock.monotonic() > 0
