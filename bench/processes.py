"""Processes of the benchmarks: servers that are measured, what they use, and the load generator wrk."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def free_port() -> int:
    """A port of this machine nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def start(*command: object, piped: bool = False) -> subprocess.Popen[str]:
    """Start Python with these arguments, the checkout on its path; `piped` keeps what it prints for us."""
    return subprocess.Popen([sys.executable, *map(str, command)], cwd=PROJECT, text=True,
                            stdout=subprocess.PIPE if piped else None,
                            env=os.environ | {"PYTHONPATH": str(PROJECT)})


@contextmanager
def process(*command: object) -> Iterator[subprocess.Popen[str]]:
    """A process of Python's whose output we read, killed in the end."""
    started = start(*command, piped=True)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


@contextmanager
def server(port: int, *command: object) -> Iterator[int]:
    """A process of Python's that listens on a port by now, killed in the end: its number."""
    started = start(*command)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            try:
                started.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit(f"the server ended: {command}")
        yield started.pid
    finally:
        started.kill()
        started.wait()


def processor_time(pid: int) -> float:
    """Seconds a process has run."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrk(url: str, seconds: int, connections: int, *more: str) -> float:
    """Requests per second, by wrk."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", *more, url], capture_output=True,
                          text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(done.stdout)
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    assert found is not None
    return float(found[1])
