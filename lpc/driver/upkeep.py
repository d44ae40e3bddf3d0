"""reset() and clean_up(): what the driver asks of objects now and then.

Only a game does it: the sweeps begin when the driver has preloaded, and a sweep that nothing waits for keeps no
process alive. An object is asked to clean up when no call came from outside for some time. To know that without a
cost for every call, an object that could clean up dozes between sweeps: it has a class whose call_other methods are
not made yet, and the first call makes it an object of its program's class again.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from lpc.driver.clock import Timer
from lpc.runtime.program import Program, method
from lpc.runtime.shadows import external_class
from lpc.runtime.upkeep import CLEAN_UP_DUE, RESET_DUE, TOUCHED
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.driver.driver import Driver
    from lpc.runtime.objects import LPCObject

_RESET, _CLEAN_UP = ("time to reset", 1800.0), ("time to clean up", 3600.0)
_LONGEST_SLEEP = 60.0


class Upkeep:
    """The resets and clean-ups of one driver."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._timer: Timer | None = None
        self._dozing: WeakKeyDictionary[Program, type[LPCObject]] = WeakKeyDictionary()
        self._reset_every = self._setting(*_RESET)
        self._clean_up_after = self._setting(*_CLEAN_UP)

    def _setting(self, name: str, default: float) -> float:
        """Seconds a FluffOS configuration gives; endless for 0, which turns the thing off."""
        text = self._driver.settings.settings.get(name, "")
        seconds = float(text) if text.isascii() and text.isdigit() and len(text) < 12 else default
        return seconds if seconds > 0 else inf

    def start(self) -> None:
        """Begin to sweep."""
        if self._timer is None:
            self._wait()

    def close(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait(self) -> None:
        sleep = min(_LONGEST_SLEEP, self._reset_every / 2, self._clean_up_after / 2)
        clock = self._driver.clock
        self._timer = clock.call_at(clock.monotonic() + sleep, self._sweep)

    def _sweep(self) -> None:
        driver = self._driver
        now = driver.clock.monotonic()
        for ob in driver.objects():
            if not ob.is_destructed:
                self._reset(ob, now)
            if not ob.is_destructed:
                self._clean_up(ob, now)
        if not driver.closed and driver.exit_code is None:
            self._wait()

    def _reset(self, ob: LPCObject, now: float) -> None:
        """reset() where it is due; each object at its own time, so that they do not all come at once."""
        methods = ob.program.methods
        if "reset" not in methods:
            return
        due = ob.extra.get(RESET_DUE)
        if due is not None and due > now:
            return
        from random import uniform  # start-up does not need it

        ob.extra[RESET_DUE] = now + uniform(self._reset_every / 2, self._reset_every)
        if due is not None and self._driver.enter(self._driver.apply, ob, "reset") is None:
            ob.extra[RESET_DUE] = inf

    def _clean_up(self, ob: LPCObject, now: float) -> None:
        if "clean_up" not in ob.program.methods:
            return
        dozing = self._doze(ob.program)
        if type(ob) is ob.program.cls:
            ob.extra[TOUCHED] = now
            ob.__class__ = dozing
        due = ob.extra.get(CLEAN_UP_DUE, ob.extra.get(TOUCHED, now) + self._clean_up_after)
        if type(ob) is not dozing or now < due:
            return
        ob.extra[CLEAN_UP_DUE] = now + self._clean_up_after
        answer = self._driver.enter(self._driver.apply, ob, "clean_up", self._inherited(ob))
        if not ob.is_destructed and (answer is None or answer is UNDEFINED or answer == 0):
            ob.extra[CLEAN_UP_DUE] = inf  # it does not want to be asked again

    def _inherited(self, ob: LPCObject) -> int:
        """What clean_up() is told: 0 for a clone, else how many programs and clones need this blueprint, itself one."""
        if ob.clone_number:
            return 0
        return sum(ob.program in other.program.chain for other in self._driver.objects())

    def _doze(self, program: Program) -> type[LPCObject]:
        found = self._dozing.get(program)
        if found is None:
            found = self._dozing[program] = external_class(program, self._waking)
        return found

    def _waking(self, program: Program, name: str, count: int) -> Callable[..., Value]:
        key = f"->{name}/{count}"
        clock = self._driver.clock

        def wake(self: LPCObject, previous: Value, *args: Value) -> Any:
            self.extra[TOUCHED] = clock.monotonic()
            self.extra.pop(CLEAN_UP_DUE, None)
            self.__class__ = program.cls
            return method(self, key)(previous, *args)

        return wake
