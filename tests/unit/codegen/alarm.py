"""Efuns that end an evaluation's time at a place a test chooses, and note what runs after that."""

from __future__ import annotations

from typing import Any

from smallworld import SmallWorld

from lpc.efun import Efun, efun
from lpc.errors import EvaluationLimit, LPCFault


class Alarm:
    """The flag that the watchdog sets, in the hands of LPC.

    `alarm(x)` is x and sets it; `work(…)` is its first argument, and counted.
    """

    def __init__(self, world: SmallWorld) -> None:
        self.world = world
        self.is_false = False
        self.worked = 0
        world.efuns = world.efuns | {"alarm": self._alarm(), "work": self._work()}
        self.namespace = world.driver.namespace
        self.namespace["stop"] = world.driver.budget.stop = self._stop  # type: ignore[method-assign]

    def _alarm(self) -> Efun:
        @efun("mixed alarm(mixed value = 0)")
        def alarm(value: Any = 0) -> Any:
            """Time is over now."""
            self.namespace["STOP"] = True
            return value

        return alarm

    def _work(self) -> Efun:
        @efun("mixed work(mixed value = 0, mixed more...)")
        def work(value: Any = 0, *more: Any) -> Any:
            """Something that may take long."""
            self.worked += 1
            return value

        return work

    def _stop(self) -> bool:
        if not self.is_false:
            raise EvaluationLimit("time is over")
        self.namespace["STOP"] = False
        return True

    def stops(self, text: str) -> bool:
        """Whether f() of a text is ended."""
        self.program = self.world.load(text, f"/prog{len(self.world.driver.objects())}.c")
        try:
            self.world.driver.call(self.program, "f")
        except LPCFault as fault:
            assert "time is over" in str(fault)
            return True
        finally:
            self.namespace["STOP"] = False
        return False

    def result(self, text: str) -> Any:
        """What f() of a text gives when every alarm is a false one."""
        self.is_false = True
        result = self.world.run(text)
        assert not self.namespace["STOP"], "nothing looked at the clock"
        self.is_false = False
        return result
