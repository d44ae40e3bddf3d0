"""Drivers without master or simul_efuns over a folder of files a test writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from efuns import standard
from lpc import Driver, ManualClock
from lpc.runtime.objects import LPCObject


class SmallWorld:
    """A mudlib folder. Drivers made here are closed when the test ends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drivers: list[Driver] = []
        self.logged: list[str] = []
        self.efuns = standard.efuns()

    def file(self, path: str, text: str) -> None:
        """Write a mudlib file."""
        host = self.root / path.lstrip("/")
        host.parent.mkdir(parents=True, exist_ok=True)
        host.write_text(text, encoding="utf-8")

    def new_driver(self, **options: Any) -> Driver:
        """A strict driver; what it logs is kept."""
        given: dict[str, Any] = {"master": "", "simul_efun": "", "strict": True, "cache": False,
                                 "clock": ManualClock(), "efuns": self.efuns, "logger": self.logged.append} | options
        driver = Driver(self.root, **given)
        self.drivers.append(driver)
        return driver

    @property
    def driver(self) -> Driver:
        """The first driver, made when it is first needed."""
        return self.drivers[0] if self.drivers else self.new_driver()

    def load(self, text: str, path: str = "/prog.c") -> LPCObject:
        """The blueprint of a new file."""
        self.file(path, text)
        return self.driver.load(path)

    def run(self, text: str, *args: Any, path: str = "/prog.c") -> Any:
        """What `f(args)` of a new file gives."""
        return self.driver.call(self.load(text, path), "f", *args)

    def close(self) -> None:
        for driver in self.drivers:
            driver.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    """An empty mudlib."""
    made = SmallWorld(tmp_path)
    yield made
    made.close()
