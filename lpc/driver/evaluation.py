"""Evaluations: where the host's Python calls LPC, and where LPC's errors stop.

A *root* evaluation has a fresh budget. Its end is where destructed objects lose their variables and a
shutdown takes effect. An error reaches the root as whatever Python raised; here, and nowhere else, it
becomes an `LPCFault` with a trace of LPC frames:

    call()    hands the fault to the host that called
    enter()   has nobody to hand it to: master's error_handler, else the report on the driver's log
"""

from __future__ import annotations

from collections.abc import Callable
from sys import getrecursionlimit
from typing import TYPE_CHECKING, Any

from lpc.driver.depth import DepthLimit, restore
from lpc.errors import EfunCrash, LPCError, LPCFault, LPCStop, Shutdown
from lpc.runtime.values import Value, mapping_of

if TYPE_CHECKING:
    from lpc.driver.driver import Driver
    from lpc.runtime.trace import Frame

#: Why an evaluation ended that the host cut short.
INTERRUPTED = "Interrupted."
_TOO_DEEP = "*Too deep recursion.\n"


class Evaluations:
    """The evaluations of one driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._depth = 0
        self._call_depth = DepthLimit(driver.limits.call_depth)
        self.failures = 0  # faults nobody but the log heard of
        self.interrupted = False  # an evaluation was ended by interrupt()
        self._handling = False
        self._defects = _DefectLog(driver)

    @property
    def running(self) -> bool:
        """Whether LPC is running now."""
        return self._depth > 0

    def call(self, function: Callable[..., Value], *args: Any) -> Value:
        """Run `function(*args)` as a root evaluation; LPCFault where it fails.

        Inside a running evaluation it is part of that one, and its errors are LPC's to catch.
        """
        return function(*args) if self._depth else self._root(function, *args)

    def enter(self, function: Callable[..., Value], *args: Any) -> Value:
        """Run `function(*args)` as a root evaluation without this_player; None where it fails."""
        driver = self._driver
        if self._depth or driver.this_player or driver.closed:
            return self._enter_from_within(function, *args)
        # _root(), spelled out: every event of every socket comes through here.
        former = getrecursionlimit()
        if former != self._call_depth.of_events:
            self._call_depth.set_for_events()
        self._depth = 1
        budget = driver.budget
        budget.now += 1
        if budget.asleep:
            budget.wake()
        try:
            return function(*args)
        except Shutdown as stop:
            driver.shutdown(stop.code)
            return 0
        except Exception as error:  # noqa: BLE001 - as in _root()
            fault = self._fault(error)
        finally:
            self._depth = 0
            if former > self._call_depth.of_events:
                restore(former)
            budget.now += 1
            if budget.namespace["STOP"]:
                budget.namespace["STOP"] = False
            driver.this_player = 0
            if driver.afterwards:
                driver.evaluation_ended()
        self.handle(fault)
        return None

    def _enter_from_within(self, function: Callable[..., Value], *args: Any) -> Value:
        driver = self._driver
        if driver.closed:
            return None
        player, driver.this_player = driver.this_player, 0
        try:
            return self._root(function, *args)
        except LPCFault as fault:
            self.handle(fault)
            return None
        finally:
            driver.this_player = player

    def _root(self, function: Callable[..., Value], *args: Any) -> Value:
        driver = self._driver
        former = self._call_depth.set() if not self._depth else None
        self._depth += 1
        if self._depth == 1:
            driver.budget.start()
        try:
            return function(*args)
        except Shutdown as stop:
            driver.shutdown(stop.code)
            return 0
        except Exception as error:  # noqa: BLE001 - the one border where LPC's errors become the host's
            raise self._fault(error) from error
        finally:
            self._depth -= 1
            if former is not None:
                restore(former)
                driver.budget.finish()
                if driver.afterwards:
                    driver.evaluation_ended()

    def _fault(self, error: Exception) -> LPCFault:
        """The fault for what a root evaluation raised; our own defects fly in strict mode."""
        from lpc.runtime.trace import to_lpc_error, trace_of

        if isinstance(error, LPCFault):
            return error
        trace = trace_of(error)
        if isinstance(error, LPCStop):
            self.interrupted = self.interrupted or self._driver.budget.reason == INTERRUPTED
            text = str(error) or "Too long evaluation. Execution aborted."
            return LPCFault(_bare(text), f"*{_bare(text)}\n", trace)
        known = to_lpc_error(error, self._defects)
        value = known.value
        return LPCFault(_bare(value if isinstance(value, str) else str(known)), value, trace)

    # ------------------------------------------------------------------ errors nobody waits for

    def handle(self, fault: LPCFault) -> None:
        """Give a fault to the master's error_handler, else to the log."""
        if not self.interrupted and not self._ask_handler(fault, caught=0):
            self.failures += 1
            self._driver.reporter.fault(fault)

    def caught(self, error: BaseException) -> Value:
        """The value a catch() gives for what it took. The master's error_handler hears of it."""
        from lpc.runtime.trace import to_lpc_error, trace_of

        known = to_lpc_error(error, self._defects)
        value = known.value
        if self._has_handler(value):
            message = _bare(value if isinstance(value, str) else str(known))
            self._ask_handler(LPCFault(message, value, trace_of(error)), caught=1)
        return value

    def _has_handler(self, value: Value) -> bool:
        """Whether the master is to be asked: not about its own errors, nor after a too deep recursion, which
        the handler would only repeat."""
        driver = self._driver
        master = driver.master()
        return (master is not None and not self._handling and value != _TOO_DEEP and driver.settings.error_handler
                and driver.defines(master, "error_handler"))

    def _ask_handler(self, fault: LPCFault, *, caught: int) -> bool:
        """Whether the master's error_handler took the fault."""
        driver = self._driver
        master = driver.master()
        if master is None or not self._has_handler(fault.value):
            return False
        self._handling = True
        try:
            mapping = error_mapping(fault)
            if caught:
                answer = driver.apply(master, "error_handler", mapping, 1)
            else:
                answer = self._root(driver.apply, master, "error_handler", mapping, 0)
        except (LPCFault, LPCError) as failure:
            driver.log(f"error in the master's error_handler: {failure}")
            return False
        finally:
            self._handling = False
        if isinstance(answer, str) and answer:
            driver.log(answer.rstrip("\n"))
        return True


class _DefectLog:
    """Where our own defects go: the driver's log, with the Python trace if wanted; in strict mode they fly."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def error(self, message: str, exc_info: BaseException) -> None:
        """Log a defect."""
        shown = exc_info.__cause__ if isinstance(exc_info, EfunCrash) and exc_info.__cause__ is not None else exc_info
        if self._driver.strict:
            raise shown
        if not self._driver.reporter.defects_traced:
            self._driver.log(f"{message} (please report it; --trace shows more): {type(shown).__name__}: {shown}")
            return
        from traceback import format_exception

        self._driver.log(f"{message} (please report it):\n" + "".join(format_exception(shown)))


def _bare(text: str) -> str:
    """An error's text without FluffOS's star and newline."""
    return text.removeprefix("*").rstrip("\n")


def error_mapping(fault: LPCFault) -> Value:
    """What error_handler() is told: error, program, object, file, line, trace (outermost first)."""
    frames = [_frame_mapping(frame) for frame in fault.trace]
    pairs: list[tuple[Value, Value]] = [("error", fault.value)]
    if frames:
        pairs += [(key, frames[-1][key]) for key in ("program", "object", "file", "line")]
    pairs.append(("trace", frames))
    return mapping_of(pairs)


def _frame_mapping(frame: Frame) -> Value:
    return mapping_of([
        ("function", frame.function), ("program", frame.program), ("object", frame.object),
        ("file", frame.file), ("line", frame.line),
        ("arguments", list(frame.arguments.values())), ("locals", list(frame.locals.values())),
    ])


