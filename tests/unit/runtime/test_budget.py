"""The watchdog, on a clock moved by hand: what it ends, when, and what it must never end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lpc import Limits
from lpc.errors import EvaluationLimit
from lpc.runtime.budget import Budget

SECONDS = 30.0  # how long the watchdog may take to notice, on the busiest machine


class Namespace(dict[str, Any]):
    """Tells when STOP is set."""

    def __init__(self) -> None:
        super().__init__(STOP=False)
        self.stopped = threading.Event()

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if key == "STOP" and value:
            self.stopped.set()


class Watched:
    """A budget of ten seconds, and its clock."""

    def __init__(self, **limits: Any) -> None:
        self.now = 100.0
        self.namespace = Namespace()
        self.budget = Budget(self.namespace, Limits(**({"evaluation_time": 10.0} | limits)), lambda: self.now)

    def ended(self) -> bool:
        """Whether the evaluation is told to end; waits for that."""
        return self.namespace.stopped.wait(SECONDS)

    def reason(self) -> str:
        """What the evaluation ends with."""
        assert self.ended()
        with pytest.raises(EvaluationLimit) as caught:
            self.budget.check()
        return str(caught.value)


@pytest.fixture
def watched() -> Iterator[Watched]:
    """One budget, closed in the end."""
    made = Watched()
    yield made
    made.budget.close()


def test_an_evaluation_ends_when_its_time_is_over(watched: Watched) -> None:
    with watched.budget:
        watched.budget.check()
        assert watched.budget.remaining() == 10.0
        watched.now += 4
        assert watched.budget.remaining() == 6.0
        watched.now += 6.5
        assert watched.budget.remaining() == 0.0
        assert watched.reason() == "Too long evaluation. Execution aborted."
        assert watched.reason() == "Too long evaluation. Execution aborted.", "until it has ended"
    assert not watched.namespace["STOP"]


def test_every_evaluation_has_its_own_time(watched: Watched) -> None:
    for _ in range(5):
        with watched.budget:
            assert watched.budget.remaining() == 10.0
            watched.now += 9
            watched.budget.check()
    watched.now += 1000
    with watched.budget:
        watched.budget.check()
        assert watched.budget.remaining() == 10.0


def test_outside_an_evaluation_nothing_is_spent(watched: Watched) -> None:
    assert watched.budget.remaining() == 10.0
    watched.budget.refill()
    watched.budget.hurry(0.0, "nobody hears this")
    watched.budget.check()
    with watched.budget:
        assert watched.budget.remaining() == 10.0
    watched.now += 1000
    assert watched.budget.remaining() == 10.0


def test_an_alarm_that_comes_too_late_is_not_for_the_next_one(watched: Watched) -> None:
    watched.budget.start()
    watched.budget.remaining()  # its time is taken
    watched.now += 11
    assert watched.ended()
    watched.budget.finish()
    watched.namespace["STOP"] = True  # as the watchdog may at this very moment
    watched.budget.start()
    assert watched.budget.stop() is True
    assert not watched.namespace["STOP"]
    watched.budget.check()
    watched.budget.finish()


def test_time_can_be_given_again_but_not_for_ever(watched: Watched) -> None:
    with watched.budget:
        watched.budget.remaining()
        for _ in range(19):
            watched.now += 9.99
            watched.budget.refill()
            watched.budget.check()
        assert 0 < watched.budget.remaining() <= 10.0
        watched.now += 9.99
        watched.budget.refill()
        assert watched.budget.remaining() < 1
        watched.now += 1
        watched.budget.refill()
        assert watched.budget.remaining() == 0 and "Too long" in watched.reason()


def test_a_refill_takes_an_alarm_back(watched: Watched) -> None:
    with watched.budget:
        watched.budget.remaining()
        watched.now += 10.5
        assert watched.ended()
        watched.budget.refill()
        assert not watched.namespace["STOP"]
        watched.budget.check()
        assert watched.budget.remaining() == 10.0


def test_an_evaluation_can_be_hurried_by_another_thread(watched: Watched) -> None:
    with watched.budget:
        helper = threading.Thread(target=watched.budget.hurry, args=(0.0, "Interrupted."))
        helper.start()
        assert watched.reason() == "Interrupted."
        helper.join()
    watched.namespace.stopped.clear()
    with watched.budget:
        watched.budget.remaining()
        watched.now += 11
        assert watched.reason() == "Too long evaluation. Execution aborted.", "the next one has reasons of its own"


def test_hurrying_never_gives_more_time(watched: Watched) -> None:
    with watched.budget:
        watched.budget.remaining()
        watched.now += 9
        watched.budget.hurry(5.0, "Interrupted.")
        assert watched.budget.remaining() == 1.0


def test_memory_is_limited_too() -> None:
    watched = Watched(memory=8 << 20)
    try:
        with watched.budget:
            held = []
            while not watched.namespace.stopped.wait(0.001):
                held.append(b"x" * (8 << 20))  # what was there before the first look is not counted
                assert len(held) < 60
            assert watched.reason() == "Too much memory used by one evaluation. Execution aborted."
    finally:
        watched.budget.close()


def test_the_limit_can_be_changed_for_evaluations_to_come(watched: Watched) -> None:
    watched.budget.limit = 1.0
    with watched.budget:
        assert watched.budget.remaining() == 1.0


def test_the_watchdog_is_there_only_when_it_is_needed() -> None:
    def threads() -> int:
        return sum(thread.name == "lpc-watchdog" for thread in threading.enumerate())

    before = threads()
    unused = Watched()
    unused.budget.close()
    assert threads() == before
    used = Watched()
    with used.budget:
        assert threads() == before + 1
    used.budget.close()
    assert threads() == before


def test_a_burst_of_evaluations_needs_no_attention(watched: Watched) -> None:
    for _ in range(10_000):
        with watched.budget:
            watched.budget.check()
    assert not watched.namespace.stopped.is_set()
