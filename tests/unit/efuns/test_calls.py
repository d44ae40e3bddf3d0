from __future__ import annotations

import math
from typing import Any

import pytest

from efuns.core import calls, time
from lpc.errors import LPCError, Shutdown, Thrown
from lpc.runtime.trace import PROGRAMS
from lpc.runtime.values import UNDEFINED


def test_call_other_passes_everything_on(this: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from lpc.runtime import call

    monkeypatch.setattr(call, "call_other", lambda *given: given)
    assert calls.call_other(this, "/x", ["f", 1], 2) == (this, "/x", ["f", 1], 2)


def test_call_out_hands_everything_to_the_scheduler(this: Any, host: Any, lpc: Any) -> None:
    f = lpc(lambda: 0)
    assert calls.call_out(this, "tick", 2.5, 1, "x") == 1
    assert calls.call_out_walltime(this, f, 3) == 2
    assert host.scheduler.calls == {1: (this, "tick", 2.5, (1, "x")), 2: (this, f, 3.0, ())}


@pytest.mark.parametrize(("delay", "seconds"), [(-1, 0.0), (math.nan, 0.0), (math.inf, 1e12), (2**63 - 1, 1e12)])
def test_call_out_takes_any_delay(this: Any, host: Any, delay: float, seconds: float) -> None:
    calls.call_out(this, "tick", delay)
    assert host.scheduler.calls[1][2] == seconds


def test_call_outs_are_found_and_removed(this: Any, host: Any, lpc: Any) -> None:
    handle = calls.call_out(this, "tick", 2.5)
    assert calls.find_call_out(this, handle) == calls.find_call_out(this, "tick") == 2
    assert calls.find_call_out(this, "tock") == -1
    assert calls.call_out_info(this) == [[this, "tick", 2]]
    assert calls.remove_call_out(this, "tick") == 2
    assert calls.remove_call_out(this, "tick") == -1
    calls.call_out(this, lpc(lambda: 0, text="(: $1 :)"), 1)
    assert calls.call_out_info(this) == [[this, "(: $1 :)", 1]]
    assert calls.remove_call_out(this) == 1


def test_error_adds_star_and_newline() -> None:
    for message in ("boom", "boom\n"):
        with pytest.raises(LPCError) as caught:
            calls.error(message)
        assert caught.value.value == "*boom\n"


def test_throw_keeps_the_value() -> None:
    value = [1]
    with pytest.raises(Thrown) as caught:
        calls.throw(value)
    assert caught.value.value is value


def test_shutdown_ends_the_evaluation_and_tells_the_driver(this: Any, host: Any) -> None:
    with pytest.raises(Shutdown):
        calls.shutdown(this, 3)
    assert host.exit_code == 3


def test_debug_message_goes_to_the_log(this: Any, host: Any) -> None:
    calls.debug_message(this, "here")
    assert host.logged == ["here"]


def test_the_evaluation_limit_is_asked_and_set_in_microseconds(this: Any, host: Any) -> None:
    assert calls.eval_cost(this) == 500_000
    assert calls.max_eval_cost(this) == 2_000_000
    assert calls.reset_eval_cost(this) == 2_000_000
    assert calls.eval_cost(this) == 2_000_000
    assert calls.set_eval_limit(this, 3_000_000) == 3_000_000
    assert host.budget.limit == 3.0
    assert calls.set_eval_limit(this, 2**40) == 5_000_000  # the host's limit stands
    with pytest.raises(LPCError, match="Invalid number"):
        calls.set_eval_limit(this, -2)


def test_get_config_asks_the_driver(this: Any, host: Any) -> None:
    host.options[3] = "x"
    assert calls.get_config(this, 3) == "x"
    assert calls.get_config(this, 4) is UNDEFINED


def test_rusage_counts_in_ints() -> None:
    used = calls.rusage()
    assert {"utime", "stime", "maxrss", "nivcsw"} <= set(used)
    assert all(type(value) is int for value in used.values())


def test_previous_object_is_zero_once_destructed(this: Any, host: Any) -> None:
    caller = host.make("/caller")
    assert calls.previous_object(this, caller) is caller
    assert calls.previous_object(this, 0) == 0
    host.destruct(caller)
    assert type(calls.previous_object(this, caller)) is int
    with pytest.raises(LPCError, match="Illegal negative argument"):
        calls.previous_object(this, 0, -2)


def lpc_function(source: str, **namespace: Any) -> Any:
    """A function whose frames count as LPC ones: its globals are those of a driver."""
    scope: dict[str, Any] = {PROGRAMS: {}, **namespace}
    exec(compile(source, "/caller.c?x", "exec"), scope)  # noqa: S102 - source of our own
    return scope


def test_the_stack_is_told_innermost_first(this: Any, host: Any) -> None:
    other = host.make("/other")
    scope = lpc_function(
        "def outer(self, previous): return inner(other, self)\n"
        "def inner(self, previous): return same(self, previous)\n"
        "def same(self, previous): return look()\n",
        other=other,
    )

    def told(look: Any) -> Any:
        scope["look"] = look
        return scope["outer"](this, 0)

    assert told(lambda: calls.call_stack(0)) == ["/caller.c"] * 3
    assert told(lambda: calls.call_stack(1)) == [other, other, this]
    assert told(lambda: calls.call_stack(2)) == ["same", "inner", "outer"]
    assert told(lambda: calls.call_stack(3)) == ["local", "call_other", "driver"]
    assert told(lambda: calls.call_stack(4)) == ["/caller.c:3", "/caller.c:2", "/caller.c:1"]
    assert told(lambda: calls.origin()) == "local"
    assert told(lambda: calls.all_previous_objects()) == [this]
    assert told(lambda: calls.previous_object(other, this, -1)) == [this]
    assert told(lambda: calls.previous_object(other, this, 1)) == 0
    trace = told(lambda: calls.dump_trace())
    assert [(row["function"], row["line"], row["object"]) for row in trace] == [
        ("outer", 1, this),
        ("inner", 2, other),
        ("same", 3, other),
    ]


def test_call_stack_knows_five_questions() -> None:
    for what in (5, -100):
        with pytest.raises(LPCError, match="First argument of call_stack"):
            calls.call_stack(what)


def test_origin_without_any_caller_is_the_driver() -> None:
    assert calls.origin() == "driver"


def test_time_is_the_drivers(this: Any, host: Any) -> None:
    assert time.time(this) == 1_000_000
    assert time.time_ns(this) == 1_000_000_500_000_000
    assert time.uptime(this) == 60
    assert time.ctime(this) == time.ctime(this, 1_000_000)
    assert time.perf_counter_ns() <= time.perf_counter_ns()
    assert time.real_time() > 1_700_000_000


def test_times_nobody_can_show(this: Any) -> None:
    assert time.ctime(this, 2**62) == "ctime failed!"
    assert time.localtime(2**62) is UNDEFINED
    with pytest.raises(LPCError, match="Invalid time passed to strftime"):
        time.strftime(this, "%Y", 2**62)


def test_localtime_counts_as_c_does() -> None:
    shown = time.localtime(1_000_000)
    assert isinstance(shown, list)
    assert len(shown) == 11
    assert shown[5] == 1970
    assert shown[4] == 0
    assert shown[6] == (shown[7] + 4) % 7  # the first of January 1970 was a Thursday
    assert isinstance(shown[9], str)


def test_strptime_reads_what_strftime_writes(this: Any) -> None:
    text = time.strftime(this, "%Y-%m-%d %H:%M:%S é", 1_000_000)
    assert time.strptime("%Y-%m-%d %H:%M:%S é", text) == 1_000_000
    assert time.strftime(this, "%Y", 0) == "1970"
    for format in ("%Y", "%", "x" * 5000):
        with pytest.raises(LPCError, match="strptime"):
            time.strptime(format, "x")


def test_zones_by_name() -> None:
    assert time.zonetime("UTC", 0) == "Thu Jan  1 00:00:00 1970"
    assert time.is_daylight_savings_time("UTC", 0) == 0
    for zone in ("No/Where", "../../etc/passwd", ""):
        with pytest.raises(LPCError, match="bad argument to zonetime"):
            time.zonetime(zone, 0)
