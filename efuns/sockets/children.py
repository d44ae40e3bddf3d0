"""The child processes of a driver: how they start, how they end, and that none is left behind.

Rules:
- A child is a program of the host's choice and its arguments, never a shell's command line. It has its own
  session (and so its own process group), the environment it was given and no descriptor but 0, 1 and 2.
- A command is over when its program has ended; whatever it left running in its process group is killed.
- Whoever ends a child sends SIGTERM to its group, and five seconds later SIGKILL.
- Every child is reaped, and the driver does not close before all are gone: `close` lets a thread wait for
  them, so that it holds without an event loop too.

subprocess.Popen starts them: it blocks only from vfork() to exec(), about a millisecond, and says why a
program could not be started, inside the efun that asked. asyncio's own subprocesses are made by coroutines,
and on Python 3.11 need a child watcher: a thread for each child, or a signal handler only the main thread
may install. A pidfd instead tells any loop in any thread that a child has ended, and keeps its number from
being given to another process before it is reaped.

Resource limits are set from outside (prlimit) as soon as the program runs, some microseconds after its start:
to set them inside, between fork and exec, Python code would have to run in the copy of a process with
threads, which may hang it, and with it the driver, for ever.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from collections.abc import Callable, Iterable, Mapping

    from lpc.runtime.host import Host

GRACE: Final = 5.0  # seconds between SIGTERM and SIGKILL
TIMED_OUT: Final = "timed out"
_MERGED: Final = subprocess.STDOUT
_NULL: Final = subprocess.DEVNULL


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run: `argv[0]` is the program's path, `cwd` a host directory, `timeout` seconds (0: none),
    `limits` are (RLIMIT_*, value) pairs."""

    argv: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 0
    limits: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ends:
    """The descriptors that become a child's 0, 1 and 2; `stderr` is MERGED (with 1) or NULL where it has none
    of its own."""

    MERGED = _MERGED
    NULL = _NULL

    stdin: int
    stdout: int
    stderr: int = _MERGED


class Children:
    """The children of one driver: `driver.state(Children)`."""

    def __init__(self, driver: Host) -> None:
        self.loop: AbstractEventLoop = driver.loop
        self._let_go = driver.let_go
        self.grace = GRACE
        self._limit: int = driver.limits.children
        self._living: set[Child] = set()
        self._burial: threading.Thread | None = None

    def __len__(self) -> int:
        return len(self._living)

    @property
    def is_full(self) -> bool:
        """Whether the driver's limit is reached."""
        return len(self._living) >= self._limit

    def spawn(self, command: Command, ends: Ends, ended: Callable[[Child], None]) -> Child:
        """Start a command; `ended(child)` is called by the loop when it is over. OSError where it cannot be
        started: then nothing of it is left."""
        process = subprocess.Popen(
            command.argv, stdin=ends.stdin, stdout=ends.stdout, stderr=ends.stderr, cwd=command.cwd,
            env=dict(command.environment), start_new_session=True)
        try:
            _limit(process.pid, command.limits)
            pidfd = os.pidfd_open(process.pid)
        except OSError:
            _signal(process.pid, signal.SIGKILL)
            process.wait()
            raise
        child = Child(self, process, pidfd, ended)
        self._living.add(child)
        if command.timeout:
            child.expire_in(command.timeout)
        return child

    def gone(self, child: Child) -> None:
        """A child has been reaped."""
        self._living.discard(child)

    def close(self) -> None:
        """The driver ends: so do all children, within `grace`."""
        living, self._living = list(self._living), set()
        for child in living:
            self._let_go(child)  # somebody may have waited for its end
        if living:
            graves = [child.abandon() for child in living]
            self._burial = threading.Thread(target=_bury, args=(graves, self.grace), name="lpc-children")
            self._burial.start()

    async def wait_closed(self) -> None:
        """Until no child is left after close()."""
        if self._burial is not None:
            await self.loop.run_in_executor(None, self._burial.join)
            self._burial = None


class Child:
    """A running command. `status` is None while it runs, then its exit status, or minus a signal's number."""

    __slots__ = ("status", "_children", "_process", "_pidfd", "_ended", "_timer", "_is_dying", "_is_late",
                 "_is_abandoned")

    def __init__(self, children: Children, process: subprocess.Popen[bytes], pidfd: int,
                 ended: Callable[[Child], None]) -> None:
        self.status: int | None = None
        self._children = children
        self._process = process
        self._pidfd = pidfd
        self._ended = ended
        self._timer: TimerHandle | None = None  # the next thing that happens to it: its timeout, or SIGKILL
        self._is_dying = False
        self._is_late = False
        self._is_abandoned = False
        children.loop.add_reader(pidfd, self._reap)

    @property
    def is_running(self) -> bool:
        """Whether it runs, as far as the loop knows and has to do with it."""
        return self.status is None and not self._is_abandoned

    @property
    def reason(self) -> str:
        """How it ended, in words."""
        status = self.status or 0
        if self._is_late:
            return TIMED_OUT
        return f"killed by signal {-status}" if status < 0 else f"exited {status}"

    @property
    def code(self) -> int:
        """How it ended, as shells number it: the exit status, or 128 and the signal."""
        status = self.status or 0
        return status if status >= 0 else 128 - status

    def expire_in(self, seconds: float) -> None:
        """End it when it has run so long."""
        self._timer = self._children.loop.call_later(seconds, self._expire)

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        if self.is_running:
            _signal(self._process.pid, number)

    def terminate(self) -> None:
        """Ask it to end, and see to it."""
        if self.is_running and not self._is_dying:
            self._is_dying = True
            self._cancel_timer()
            self._timer = self._children.loop.call_later(self._children.grace, self.signal, signal.SIGKILL)
            self.signal(signal.SIGTERM)

    def tell(self, ended: Callable[[Child], None]) -> None:
        """Somebody else wants to hear of its end."""
        self._ended = ended

    def abandon(self) -> Grave:
        """Ask it to end and hand over the duty to reap it: the loop has nothing to do with it any more."""
        self._release()
        self.signal(signal.SIGTERM)
        self._is_abandoned = True
        return Grave(self._process, self._pidfd)

    def _expire(self) -> None:
        self._is_late = True
        self.terminate()

    def _reap(self) -> None:
        try:
            if os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                return
            self.signal(signal.SIGKILL)  # its number is its own, and its group's, until wait() takes its status
        except ChildProcessError:  # taken by a host that reaps every child; wait() then says 0
            pass
        self.status = self._process.wait()
        self._release()
        os.close(self._pidfd)
        self._children.gone(self)
        self._ended(self)

    def _release(self) -> None:
        self._cancel_timer()
        if not self._children.loop.is_closed():
            self._children.loop.remove_reader(self._pidfd)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@dataclass(frozen=True, slots=True)
class Grave:
    """A child that was told to end while nobody runs the loop."""

    process: subprocess.Popen[bytes]
    pidfd: int


def _bury(graves: Iterable[Grave], grace: float) -> None:
    """Wait for children that were told to end, kill those that do not within `grace` seconds, reap them all."""
    left = {grave.pidfd: grave for grave in graves}
    poll = select.poll()
    for pidfd in left:
        poll.register(pidfd, select.POLLIN)
    deadline = time.monotonic() + grace
    while left:
        ended = [pidfd for pidfd, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
        for pidfd in ended or list(left):  # nobody ended in time: all the others are killed
            grave = left.pop(pidfd)
            poll.unregister(pidfd)
            _signal(grave.process.pid, signal.SIGKILL)
            grave.process.wait()
            os.close(pidfd)


def _signal(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # over, or a program with rights of its own
        pass


def _limit(pid: int, limits: Iterable[tuple[int, int]]) -> None:
    """Bound a process; what the driver itself may not exceed it may not either."""
    for kind, value in limits:
        most = resource.getrlimit(kind)[1]
        # SIGXCPU comes at the soft limit, SIGKILL at the hard one: a second to tidy up.
        hard = value + 1 if kind == resource.RLIMIT_CPU else value
        if most != resource.RLIM_INFINITY:
            hard = min(hard, most)
        try:
            resource.prlimit(pid, kind, (min(value, hard), hard))
        except OSError as error:
            if error.errno != errno.ESRCH:  # it has ended already
                raise

