from __future__ import annotations

from typing import Any

import pytest

from lpc.driver.clock import ManualClock
from lpc.driver.keepalive import KeepAlive
from lpc.driver.scheduler import CallOut, CallOuts
from lpc.errors import LPCError
from lpc.runtime.objects import Destructed, LPCObject


class World:
    """call_outs over a manual clock; what ran is a list of (function, arguments, time)."""

    def __init__(self, limit: int = 1000) -> None:
        self.clock = ManualClock()
        self.keep_alive = KeepAlive()
        self.ran: list[tuple[str, tuple[Any, ...], float]] = []
        self.then: dict[str, Any] = {}
        self.call_outs = CallOuts(self.clock, self.keep_alive, limit, self.run, lambda: 0)
        self.ob = LPCObject("/a", 1, 0)
        self.other = LPCObject("/b", 2, 0)

    def run(self, call_out: CallOut) -> None:
        name = str(call_out.callback.target)
        self.ran.append((name, call_out.callback.bound, self.clock.monotonic()))
        action = self.then.get(name)
        if action is not None:
            action()

    def add(self, name: str, delay: float, *args: Any) -> int:
        return self.call_outs.add(self.ob, name, delay, args)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.ran]


def test_they_run_in_order_of_time_then_of_asking() -> None:
    world = World()
    for name, delay in (("c", 2), ("a", 1), ("b", 1), ("first", 0.25), ("now", -5)):
        world.add(name, delay)
    world.clock.advance(2)
    assert world.names == ["now", "first", "a", "b", "c"]
    assert [at for _, _, at in world.ran] == [0, 0.25, 1, 1, 2]


def test_arguments_arrive() -> None:
    world = World()
    world.add("f", 1, 2, "x")
    world.clock.advance(1)
    assert world.ran == [("f", (2, "x"), 1.0)]


def test_nothing_runs_early() -> None:
    world = World()
    world.add("f", 1)
    world.clock.advance(0.999)
    assert world.ran == []
    assert world.call_outs.remaining(world.ob, "f") == pytest.approx(0.001)


def test_removal_by_handle_and_by_name() -> None:
    world = World()
    handle = world.add("f", 5)
    world.add("g", 7)
    world.clock.advance(1)
    assert world.call_outs.remove(world.ob, handle) == pytest.approx(4)
    assert world.call_outs.remove(world.ob, handle) is None
    assert world.call_outs.remove(world.ob, "g") == pytest.approx(6)
    world.clock.advance(10)
    assert world.ran == []


def test_a_name_means_the_owners_earliest() -> None:
    world = World()
    world.add("f", 5)
    world.add("f", 3)
    assert world.call_outs.remaining(world.ob, "f") == 3
    assert world.call_outs.remaining(world.other, "f") is None


def test_remove_without_a_name_removes_all_of_the_owner() -> None:
    world = World()
    world.add("f", 1)
    world.add("g", 1)
    world.call_outs.add(world.other, "h", 1, ())
    assert world.call_outs.remove(world.ob, None) is None
    world.clock.advance(1)
    assert world.names == ["h"]


def test_one_that_removes_another_due_at_the_same_time() -> None:
    world = World()
    world.then["f"] = lambda: world.call_outs.remove(world.ob, "g")
    world.add("f", 1)
    world.add("g", 1)
    world.clock.advance(1)
    assert world.names == ["f"]


def test_a_renewal_without_delay_waits_for_the_next_turn() -> None:
    world = World()
    world.then["f"] = lambda: world.add("f", 0) if len(world.ran) < 3 else None
    world.add("f", 0)
    world.add("g", 0)
    world.clock.advance(0)
    assert world.names == ["f", "g", "f"]


def test_the_clock_refuses_to_spin_for_ever() -> None:
    world = World()
    world.then["f"] = lambda: world.add("f", 0)
    world.add("f", 0)
    with pytest.raises(RuntimeError, match="for ever"):
        world.clock.advance(1)


def test_a_renewal_with_delay_repeats() -> None:
    world = World()
    world.then["beat"] = lambda: world.add("beat", 0.5)
    world.add("beat", 0.5)
    world.clock.advance(3)
    assert [at for _, _, at in world.ran] == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def test_destructed_owners_are_dropped() -> None:
    world = World()
    world.add("f", 1)
    world.call_outs.destructed(world.ob)
    assert len(world.call_outs) == 0
    assert not world.keep_alive


def test_pending_lists_the_next_first() -> None:
    world = World()
    world.add("late", 9)
    world.add("soon", 1)
    assert world.call_outs.pending() == [(world.ob, "soon", 1.0), (world.ob, "late", 9.0)]
    world.ob.__class__ = Destructed  # type: ignore[assignment]
    assert world.call_outs.pending() == []


def test_they_keep_the_process_alive_while_pending() -> None:
    world = World()
    assert not world.keep_alive
    world.add("f", 1)
    assert world.keep_alive
    world.clock.advance(1)
    assert not world.keep_alive


def test_there_is_one_timer_and_none_without_call_outs() -> None:
    world = World()
    live = lambda: [entry for entry in world.clock._timers if entry[2].callback is not None]  # noqa: E731
    assert live() == []
    for delay in range(5, 0, -1):
        world.add("f", delay)
    assert len(live()) == 1
    world.call_outs.remove(world.ob, None)
    assert live() == []


def test_the_limit() -> None:
    world = World(limit=2)
    world.add("f", 1)
    world.add("f", 1)
    with pytest.raises(LPCError, match="Too many call_outs"):
        world.add("f", 1)


def test_cancelled_ones_do_not_pile_up() -> None:
    world = World()
    for _ in range(10_000):
        world.call_outs.remove(world.ob, world.add("f", 1000))
    assert len(world.call_outs._heap) < 200


def test_an_error_in_one_leaves_the_others_pending() -> None:
    world = World()

    def fail() -> None:
        raise KeyError("ours")

    world.then["f"] = fail
    world.add("f", 1)
    world.add("g", 2)
    with pytest.raises(KeyError):
        world.clock.advance(1)
    world.clock.advance(1)
    assert world.names == ["f", "g"]


@pytest.mark.parametrize("delay", [float("nan"), float("inf"), -float("inf"), 1e300])
def test_odd_delays_do_no_harm(delay: float) -> None:
    world = World()
    world.add("f", delay)
    world.add("g", 1)
    world.clock.advance(1)
    assert "g" in world.names
