"""Runs the real command and waits for what it prints; nothing here waits for time to pass."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).resolve().parent.parent

#: Only reached when something is broken.
PATIENCE = 30.0


def environment(**changes: str) -> dict[str, str]:
    """The environment of a child: this checkout is importable, nothing of the caller's settings leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYLPC", "PYTHON"))}
    return kept | {"PYTHONPATH": str(PROJECT), "NO_COLOR": "1"} | changes


def run(*args: str | Path, cwd: Path | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    """`pylpc args…` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "lpc", *map(str, args)], cwd=cwd or PROJECT, env=environment(**changes),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)


class Running:
    """`pylpc args…` while it runs. Use as a context: at its end the process is gone."""

    def __init__(self, *args: str | Path, cwd: Path | None = None, **changes: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lpc", *map(str, args)], cwd=cwd or PROJECT, text=True, env=environment(**changes),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str:
        """The next line of output; fails when the process ends or says nothing."""
        try:
            line = self._lines.get(timeout=PATIENCE)
        except queue.Empty:
            line = None
        if line is None:
            raise self._failure("no more output")
        return line

    def until(self, condition: Callable[[], bool]) -> None:
        """Until something outside is so; fails when the process ends first."""
        for _ in range(int(PATIENCE / 0.02)):
            if condition():
                return
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        raise self._failure("did not happen")

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, list[str], str]:
        """Send a signal; exit status, the lines not read yet, and the error output."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        rest = []
        while (line := self._lines.get_nowait()) is not None:
            rest.append(line)
        return self.process.returncode, rest, self._errors()

    def _failure(self, text: str) -> AssertionError:
        running = self.process.poll() is None
        if running:
            self.process.kill()
            self.process.wait(PATIENCE)
        state = "still running" if running else f"ended with {self.process.returncode}"
        return AssertionError(f"{text}; {state}; error output: {self._errors()}")

    def _errors(self) -> str:
        assert self.process.stderr is not None
        return "" if self.process.stderr.closed else self.process.stderr.read()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
