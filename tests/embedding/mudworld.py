"""Drivers over small mudlibs written by the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from efuns import standard
from lpc import Driver, ManualClock


class Mud:
    """A mudlib folder, and drivers over it that are closed when the test ends."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.drivers: list[Driver] = []
        self.logged: list[str] = []
        self.written: list[str] = []
        self.efuns = standard.efuns()

    def file(self, path: str, text: str) -> None:
        """Write a mudlib file."""
        host = self.root / path.lstrip("/")
        host.parent.mkdir(parents=True, exist_ok=True)
        host.write_text(text)

    def driver(self, **options: Any) -> Driver:
        """A strict driver on a manual clock; what it writes and logs is kept."""
        options.setdefault("clock", ManualClock())
        options.setdefault("strict", True)
        options.setdefault("cache", False)
        driver = Driver(self.root, efuns=self.efuns, output=self.written.append, logger=self.logged.append, **options)
        self.drivers.append(driver)
        return driver

    @property
    def output(self) -> str:
        """Everything LPC wrote."""
        return "".join(self.written)

    @property
    def log(self) -> str:
        """Everything the drivers logged."""
        return "\n".join(self.logged)
