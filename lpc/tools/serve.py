"""The supervisor behind `pylpc serve`: several processes that run one program, and what becomes of them.

It forks the workers and the broker of their bus, starts another for one that dies, answers what they ask
(lpc.driver.worker), and knows nothing of LPC. Rules:

- The first worker starts alone: what is wrong with the program is told once, and ends the command.
- A worker that dies is replaced: at once if it had run for STEADY seconds, else after a pause that doubles.
- SIGTERM and SIGINT let every worker finish what it has begun; the second time, or after PATIENCE seconds,
  they are killed. SIGHUP replaces them one by one, if the program still compiles; where it comes of a terminal
  that has gone away it ends the server.
- A worker that LPC ends by shutdown() ends them all, with that status. One in which nothing can happen any more
  is not replaced.
- A port is bound by this server's workers alone: before the first of them may bind it, it is made sure that
  nobody else listens there.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import Any, Final, NoReturn

from lpc.driver.worker import Worker

STEADY: Final = 10.0
PATIENCE: Final = 15.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
MOST_WORKERS: Final = 256
_LONGEST_LINE: Final = 4096
_BROKER: Final = -1  # in place of a worker's number
_CHECKER: Final = -2
_FAILED: Final = 1


def workers_for(text: str | None) -> int:
    """How many workers `--workers` asks for: one for each processor we may use unless it says. ValueError with the
    reason where it says nonsense."""
    if text is None or text == "auto":
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return min(usable, MOST_WORKERS)
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= MOST_WORKERS:
        raise ValueError(f"--workers wants a number from 1 to {MOST_WORKERS}, or 'auto', not '{text}'")
    return int(text)


class BusPort:
    """Where the server's own broker will listen: a free loopback port, kept free for it, and a password."""

    def __init__(self) -> None:
        self._kept = socket.socket()
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))  # and never listens, so that the broker may bind it too
        self.port: int = self._kept.getsockname()[1]
        self.password = secrets.token_hex(16)

    def close(self) -> None:
        """Let somebody else have it."""
        self._kept.close()

    @property
    def url(self) -> str:
        """What clients connect to."""
        return f"mqtt://bus:{self.password}@127.0.0.1:{self.port}"


class _Child:
    """A process of ours, by its number: a worker, the broker or the checker."""

    def __init__(self, number: int, pid: int, channel: socket.socket | None) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.started = time.monotonic()
        self.unread = b""
        self.is_ready = False
        self.is_idle = False
        self.is_leaving = False  # was asked to end

    @property
    def name(self) -> str:
        """What the log calls it."""
        return "the bus" if self.number == _BROKER else f"worker {self.number}"


class Supervisor:
    """See the module. `run` is the whole life of a worker, `run_broker` that of the bus (None where the workers have
    another one), `check` says whether the program compiles; each is called in a process of its own and gives its exit
    status."""

    def __init__(self, count: int, run: Callable[[Worker], int], *, run_broker: Callable[[BusPort], int] | None,
                 check: Callable[[], int], log: Callable[[str], object], title: str) -> None:
        self._count = count
        self._run = run
        self._run_broker = run_broker
        self._check = check
        self._log = log
        self._title = title
        self._bus = BusPort() if run_broker is not None else None
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, _Child] = {}  # by process
        self._due: dict[int, float] = {}  # when to start the child of a number
        self._failures: dict[int, int] = {}
        self._ports: dict[tuple[Any, ...], set[int]] = {}  # the processes that may bind each
        self._rolling: list[int] = []  # numbers still to be replaced
        self._has_terminal = _terminal_stands()
        self._has_begun = False  # the first worker was ready
        self._is_told = False  # everybody knows that all workers run
        self._is_ending = False
        self._kill_at = 0.0
        self._status = 0

    def main(self) -> int:
        """Serve until told otherwise; the exit status."""
        gc.freeze()  # what is loaded by now is shared by all processes, so it must not be moved about
        wake, waker = socket.socketpair()
        for end in (wake, waker):
            end.setblocking(False)
        self._selector.register(wake, selectors.EVENT_READ, None)
        former = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        handled = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        handlers = {number: signal.signal(number, _noted) for number in handled}
        try:
            self._start(0)
            while self._children or self._due:
                self._turn(wake)
        finally:
            signal.set_wakeup_fd(former)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            for child in self._children.values():  # only where we are ended by a defect
                os.kill(child.pid, signal.SIGKILL)
            self._selector.close()
            wake.close()
            waker.close()
            if self._bus is not None:
                self._bus.close()
        return self._status

    # ------------------------------------------------------------------------------------------ turning

    def _turn(self, wake: socket.socket) -> None:
        times = [*self._due.values(), *([self._kill_at] if self._is_ending else [])]
        timeout = max(0.0, min(times) - time.monotonic()) if times else None
        for key, _ in self._selector.select(timeout):
            if key.data is not None:
                self._hear(key.data)
        self._signals(wake)
        self._reap()
        now = time.monotonic()
        for number in [number for number, due in self._due.items() if due <= now]:
            del self._due[number]
            self._start(number)
        if self._is_ending and self._children and now >= self._kill_at:
            self._log("they do not end; killing them")
            self._kill_all()

    def _signals(self, wake: socket.socket) -> None:
        try:
            numbers = wake.recv(4096)
        except BlockingIOError:
            return
        for number in numbers:
            if number == signal.SIGHUP and (_terminal_stands() or not self._has_terminal):
                self._reload()
            elif number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if self._is_ending:
                    self._kill_all()
                else:
                    self._end(0)

    # ----------------------------------------------------------------------------------------- starting

    def _start(self, number: int) -> None:
        """Fork the child of a number."""
        ours, theirs = socket.socketpair() if number >= 0 else (None, None)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            if ours is not None:
                ours.close()  # or it would never see its end
            self._be(number, theirs)
        if ours is not None and theirs is not None:
            theirs.close()
            ours.setblocking(False)
        child = self._children[pid] = _Child(number, pid, ours)
        if ours is not None:
            self._selector.register(ours, selectors.EVENT_READ, child)

    def _be(self, number: int, channel: socket.socket | None) -> NoReturn:
        """Live as a child; never returns into the supervisor's code."""
        status = _FAILED
        try:
            self._forget_supervisor()
            if channel is not None:
                url = self._bus.url if self._bus is not None else ""
                status = self._run(Worker(number, self._count, channel, url))
            elif number == _CHECKER:
                status = self._check()
            elif self._run_broker is not None and self._bus is not None:
                status = self._run_broker(self._bus)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:  # whatever happened, it must not unwind into the supervisor
            kind, error, trace = sys.exc_info()
            if kind is not None and error is not None:
                sys.excepthook(kind, error, trace)
            os._exit(status & 0xFF)

    def _forget_supervisor(self) -> None:
        """Let go of what belongs to the parent."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to all: the supervisor decides
            signal.signal(number, signal.SIG_IGN)
        self._selector.close()
        for child in self._children.values():
            if child.channel is not None:
                child.channel.close()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)

    # ---------------------------------------------------------------------------------------- listening

    def _hear(self, child: _Child) -> None:
        """A worker says something, or its end of the line is closed."""
        assert child.channel is not None
        try:
            data = child.channel.recv(_LONGEST_LINE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        child.unread += data
        if not data or len(child.unread) > _LONGEST_LINE:
            self._hang_up(child)  # what becomes of the process, its end will tell
            return
        *lines, child.unread = child.unread.split(b"\n")
        for line in lines:
            word, *rest = json.loads(line)
            self._handle(child, word, rest)

    def _handle(self, child: _Child, word: str, rest: list[Any]) -> None:
        if word == "bind":
            assert child.channel is not None
            try:
                child.channel.send(b"%d\n" % self._may_bind(child, *rest))
            except OSError:
                self._hang_up(child)
        elif word == "ready":
            child.is_ready = True
            self._begin_others()
            self._roll()
        elif word == "bus":
            if self._run_broker is not None and _BROKER not in self._numbers() and _BROKER not in self._due:
                self._start(_BROKER)
        elif word == "idle":
            child.is_idle = True
        elif word == "shutdown" and not self._is_ending:
            self._end(rest[0])

    def _may_bind(self, child: _Child, family: int, kind: int, host: str, port: int) -> int:
        """0 where a worker may bind an address, else the errno."""
        address = (family, kind, host, port)
        holders = self._ports.setdefault(address, set())
        if not holders:
            try:
                with socket.socket(family, kind) as probe:
                    if kind == socket.SOCK_STREAM:  # connections of a server that has just ended do not count
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
                    if kind == socket.SOCK_STREAM:
                        probe.listen(1)
            except OSError as error:
                return error.errno or errno.EINVAL
        holders.add(child.pid)
        return 0

    def _begin_others(self) -> None:
        """The first worker is up: start the others. All are up: say so."""
        if not self._has_begun:
            self._has_begun = True
            for number in range(1, self._count):
                self._start(number)
        ready = sorted((child.number, child.pid) for child in self._children.values() if child.is_ready)
        if not self._is_told and len(ready) == self._count:
            self._is_told = True
            workers = "1 worker" if self._count == 1 else f"{self._count} workers"
            self._log(f"{workers} running {self._title} (processes {', '.join(str(pid) for _, pid in ready)})")

    def _hang_up(self, child: _Child) -> None:
        if child.channel is not None:
            self._selector.unregister(child.channel)
            child.channel.close()
            child.channel = None

    # ------------------------------------------------------------------------------------------- ending

    def _reap(self) -> None:
        """Take notice of the children that have ended."""
        while self._children:
            try:
                pid, result = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = self._children.get(pid)
            if child is None:
                continue  # of a process this one was before an exec
            while child.channel is not None and not self._is_silent(child):
                self._hear(child)  # its last words
            self._hang_up(child)
            del self._children[pid]
            for holders in self._ports.values():
                holders.discard(pid)
            self._ended(child, os.waitstatus_to_exitcode(result))

    def _is_silent(self, child: _Child) -> bool:
        """Whether nothing waits to be read from a process that has ended."""
        assert child.channel is not None
        try:
            return not child.channel.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def _ended(self, child: _Child, status: int) -> None:
        """A child has ended, with this exit status or by the signal -status."""
        if child.number == _CHECKER:
            self._checked(status)
        elif self._is_ending:
            self._stop_broker()
        elif child.is_leaving and child.number >= 0:
            self._start(child.number)
        elif child.number >= 0 and not self._has_begun:
            self._never_began(child, status)
        elif child.is_idle:
            if not any(number >= 0 for number in self._numbers() | self._due.keys()):
                self._log("nothing is left to wait for in any worker")
                self._end(status)
        else:
            self._replace(child, status)

    def _never_began(self, child: _Child, status: int) -> None:
        """The program ended before it served anything."""
        if status < 0:
            self._log(f"{child.name} was ended by {_signal_name(-status)} before it was ready")
            status = 128 - status
        elif status == 0:
            self._log(f"{self._title} has ended: nothing in it waits for connections, timers or messages, "
                      "so there is nothing to serve")
            status = _FAILED
        self._end(status)

    def _replace(self, child: _Child, status: int) -> None:
        """A child has died: start another, at once or later."""
        if child.is_ready and status == 0:
            self._failures[child.number] = 0  # somebody has ended it on purpose
        elif (child.is_ready or child.number == _BROKER) and time.monotonic() - child.started >= STEADY:
            self._failures[child.number] = 1
        else:
            self._failures[child.number] = self._failures.get(child.number, 0) + 1
        if child.number in self._rolling and not child.is_ready:
            self._rolling.clear()
        failures = self._failures[child.number]
        pause = min(FIRST_PAUSE * 2.0 ** (failures - 2), LONGEST_PAUSE) if failures > 1 else 0.0
        how = f"was ended by {_signal_name(-status)}" if status < 0 else f"has ended with status {status}"
        when = f"in {pause:g} seconds" if pause else "now"
        self._log(f"{child.name} (process {child.pid}) {how}; another one starts {when}")
        self._due[child.number] = time.monotonic() + pause

    def _end(self, status: int) -> None:
        """Let every worker finish, then end with this status."""
        self._is_ending = True
        self._status = status
        self._kill_at = time.monotonic() + PATIENCE
        self._due.clear()
        self._rolling.clear()
        for child in self._children.values():
            if child.number != _BROKER:
                self._dismiss(child)
        self._stop_broker()

    def _stop_broker(self) -> None:
        """The bus goes last, so that workers can still say good-bye."""
        if all(number == _BROKER for number in self._numbers()):
            for child in self._children.values():
                self._dismiss(child)

    def _dismiss(self, child: _Child) -> None:
        if not child.is_leaving:  # a second signal would not let it finish
            child.is_leaving = True
            os.kill(child.pid, signal.SIGTERM)

    def _kill_all(self) -> None:
        self._kill_at = time.monotonic() + PATIENCE
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)

    # ---------------------------------------------------------------------------------------- reloading

    def _reload(self) -> None:
        """Replace the workers one by one, if the program compiles."""
        if not self._has_begun or self._is_ending or self._rolling or _CHECKER in self._numbers():
            return
        self._start(_CHECKER)

    def _checked(self, status: int) -> None:
        if self._is_ending:
            return
        if status:
            self._log("the program does not compile; the workers go on with what they run")
            return
        self._log("replacing the workers one by one")
        self._rolling = list(range(self._count))
        self._roll(is_first=True)

    def _roll(self, *, is_first: bool = False) -> None:
        """The worker that was replaced last is up: replace the next."""
        if not self._rolling:
            return
        by_number = {child.number: child for child in self._children.values()}
        if not is_first:
            current = by_number.get(self._rolling[0])
            if current is None or not current.is_ready or current.is_leaving:
                return
            del self._rolling[0]
        while self._rolling:
            child = by_number.get(self._rolling[0])
            if child is not None:
                self._dismiss(child)
                return
            self._due[self._rolling[0]] = time.monotonic()  # it was idle, or waits for its pause to end
            return
        self._log("all workers are replaced")

    def _numbers(self) -> set[int]:
        return {child.number for child in self._children.values()}


def _noted(number: int, frame: object) -> None:
    """A signal: the wake-up descriptor tells the loop."""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _terminal_stands() -> bool:
    """Whether there is a terminal that controls us."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
