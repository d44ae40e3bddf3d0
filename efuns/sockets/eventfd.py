"""Mode 43, EXTERNAL_EVENTFD: a counter that wakes whoever waits for it.

socket_write(fd, n) adds n; the next turn of the loop reads the counter, which resets it, and calls
read(fd, sum) once. Unbound, that is an eventfd of this driver. Bound to a name ("/dir/name") it is a
member of a group that other processes may join: each positive write reaches every member once, the writer
too. A shared eventfd could not do that: one reader would eat the signal.

A group is a directory beside the name, `.name.eventfd`, with a FIFO for each member (`pid-random`); a
signal is eight bytes written to every FIFO, which the kernel does whole or not at all. Its rules:
- A member opens its FIFO before it gives it the name others look for, so a FIFO without a reader is one
  whose process died: whoever finds it removes it. Random names make that safe.
- A member whose FIFO is full (it stands still) is owed a sum, sent when there is room; one number each,
  however many signals. So a signal is never lost and the memory is bounded.
- The last member to leave removes the directory. Only directories and FIFOs of our own user count.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import struct
import time
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors
from efuns.sockets.base import CLOSED, DATA_XFER, Socket
from lpc.runtime.values import INT_MAX, Value

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

_SIGNAL: Final = struct.Struct(">Q")
_READ: Final = 64 << 10  # a multiple of _SIGNAL.size, and all a FIFO holds
_MEMBER: Final = re.compile(r"\d+-[0-9a-f]{16}")
_NEWCOMER: Final = re.compile(r"\.\d+-[0-9a-f]{16}")
_MEMBERS: Final = 1000
_NEWCOMER_SECONDS: Final = 60.0  # a FIFO that has not got its name by then belongs to nobody


class EventFd(Socket):
    """A counter; see the module."""

    __slots__ = ("_counter", "_pending", "_group")

    binds_to_name = True
    defers_errors = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._pending = 0  # what the counter holds
        self._group: Group | None = None
        self._counter = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        table.driver.loop.add_reader(self._counter, self._count)
        self.become(DATA_XFER)

    @property
    def system_fd(self) -> int:
        return self._counter

    def may_wake(self) -> bool:
        return self._group is not None or (self._pending > 0 and self.state is not CLOSED)

    def is_bound(self) -> bool:
        return self._group is not None

    def works(self) -> bool:
        return self._group is not None

    # ------------------------------------------------------------------------------------------ joining

    def start_bind(self, where: int | str, address: str | None) -> int:
        if not isinstance(where, str) or not where.strip("/") or "\0" in where:
            return self.problem(errors.EEBADADDR, "A named eventfd needs a name")
        files = self.table.driver.files
        try:
            host_path = files.writable(where, self.owner, "eventfd")
        except OSError as error:
            return self.problem(errors.EESECURITY, f"{where}: {error.strerror or error}")
        if not self.is_open:  # the master closed it
            return errors.EEBADF
        return self._join(files.normalize(where), host_path)

    def _join(self, name: str, host_path: str) -> int:
        if os.path.lexists(host_path):
            return self.problem(errors.EEADDRINUSE, f"{name} is a file")
        try:
            self._group = Group(name, host_path, self.table.driver.loop, self)
        except OSError as error:
            code = errors.code_for(error, otherwise=errors.EEBIND)
            return self.problem(code, f"{name}: {os.strerror(error.errno or 0)}")
        self.update_liveness()
        return errors.EESUCCESS

    def address_text(self, *, local: bool) -> str:
        return self._group.name if self._group is not None else ""

    def status_addresses(self) -> tuple[str, str]:
        name = self.address_text(local=True)
        return name, name

    # ------------------------------------------------------------------------------------------ signals

    def send(self, message: Value) -> int:
        if not isinstance(message, int):
            return errors.EETYPENOTSUPP
        if message < 0:
            return errors.EEBADDATA
        if message == 0:
            return errors.EESUCCESS
        if self._pending + message > INT_MAX or (self._group is not None and not self._group.has_room(message)):
            return self.refused()
        self._pending += message
        os.eventfd_write(self._counter, message)
        self.update_liveness()
        if self._group is not None and not self._group.send(message):
            self.table.driver.loop.call_soon(self.lost)
        return errors.EESUCCESS

    def received(self, total: int) -> None:
        """Other members of the group signalled."""
        self.deliver(total)

    def lost(self) -> None:
        """The group's directory, or our place in it, was taken away."""
        name = self.address_text(local=True)
        self.fail(f"Named eventfd {name} was removed", errors.EEBADF)

    def group_drained(self) -> None:
        """No member is owed a signal any more."""
        self.drained()

    def _count(self) -> None:
        try:
            total = os.eventfd_read(self._counter)
        except BlockingIOError:
            return
        self._pending = 0
        self.update_liveness()
        self.deliver(min(total, INT_MAX))
        if self.is_open and not self.is_ended and self._owes_write and (self._group is None or not self._group.owes):
            self.drained()

    # ------------------------------------------------------------------------------------------ the end

    def shut(self, *, flush: bool) -> bool:
        if self._counter >= 0:
            _stop_reading(self.table.driver.loop, self._counter)
            os.close(self._counter)
            self._counter = -1
            self._pending = 0
        group = self._group
        if group is None:
            return True
        if flush and group.owes:
            group.stop_reading()
            return False
        self._group = None
        group.leave()
        return True


class Group:
    """This process's membership of a named eventfd; `member` is told what arrives.

    Raises OSError where the group cannot be joined.
    """

    __slots__ = ("name", "owes", "_loop", "_member", "_path", "_directory", "_fifo", "_own")

    def __init__(self, name: str, host_path: str, loop: AbstractEventLoop, member: EventFd) -> None:
        self.name = name
        self.owes: dict[str, _Debt] = {}  # by FIFO name: signals that did not fit
        self._loop = loop
        self._member = member
        folder, base = os.path.split(host_path)
        self._path = os.path.join(folder, f".{base}.eventfd")
        self._own = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._directory, self._fifo = self._enter()
        loop.add_reader(self._fifo, self._read)

    def has_room(self, value: int) -> bool:
        """Whether every member can still be told about `value` in an LPC int."""
        return all(debt.value + value <= INT_MAX for debt in self.owes.values())

    def send(self, value: int) -> bool:
        """Signal every other member; False if this one is no longer in the directory."""
        try:
            members = self._members()
        except OSError:
            return False
        for name in members:
            if name != self._own:
                self._send_to(name, value)
        return self._own in members

    def stop_reading(self) -> None:
        """Only pay what is owed from now on."""
        if self._fifo >= 0:
            _stop_reading(self._loop, self._fifo)
            _remove(self._own, self._directory)
            os.close(self._fifo)
            self._fifo = -1

    def leave(self) -> None:
        """Leave the group; the last one takes the directory along."""
        self.stop_reading()
        for debt in self.owes.values():
            debt.close()
        self.owes.clear()
        os.close(self._directory)
        try:
            os.rmdir(self._path)
        except OSError:  # others are still there, or it is gone already
            pass

    # ------------------------------------------------------------------------------------------ joining

    def _enter(self) -> tuple[int, int]:
        """Descriptors of the directory and of our FIFO in it."""
        for attempt in range(10):  # the last member may remove the directory at any moment before we are in
            try:
                os.mkdir(self._path, 0o700)
            except FileExistsError:
                pass
            directory = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                return directory, self._make_fifo(directory)
            except FileNotFoundError:
                os.close(directory)
                if attempt == 9:
                    raise
            except OSError:
                os.close(directory)
                raise
        raise AssertionError

    def _make_fifo(self, directory: int) -> int:
        if os.fstat(directory).st_uid != os.geteuid():
            raise PermissionError(errno.EACCES, "the group belongs to another user")
        if len(_clean(directory)) >= _MEMBERS:
            raise OSError(errno.EMFILE, "too many members")
        newcomer = f".{self._own}"
        os.mkfifo(newcomer, 0o600, dir_fd=directory)
        try:
            # Open for writing too: then there is no end of file when the writers leave.
            fifo = os.open(newcomer, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        except OSError:
            _remove(newcomer, directory)
            raise
        try:
            os.rename(newcomer, self._own, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            os.close(fifo)
            _remove(newcomer, directory)
            raise
        return fifo

    def _members(self) -> list[str]:
        return [name for name in os.listdir(self._directory) if _MEMBER.fullmatch(name)]

    # ------------------------------------------------------------------------------------------ signals

    def _send_to(self, name: str, value: int) -> None:
        debt = self.owes.get(name)
        if debt is not None:
            debt.value += value
            return
        fifo = _open_member(name, self._directory)
        if fifo is None:
            return
        if _put(fifo, value):
            os.close(fifo)
        else:
            self.owes[name] = _Debt(fifo, value, self._loop, lambda: self._paid(name))

    def _paid(self, name: str) -> None:
        self.owes.pop(name).close()
        if not self.owes:
            self._member.group_drained()

    def _read(self) -> None:
        try:
            data = os.read(self._fifo, _READ)
        except BlockingIOError:
            return
        whole = len(data) - len(data) % _SIGNAL.size  # a foreign writer's odd bytes are not ours to keep
        total = sum(value for (value,) in _SIGNAL.iter_unpack(data[:whole]) if value <= INT_MAX)
        if total:
            self._member.received(min(total, INT_MAX))


class _Debt:
    """Signals owed to one member, as their sum; `paid` is called when it has got them or is gone."""

    __slots__ = ("value", "_fifo", "_loop", "_call_paid")

    def __init__(self, fifo: int, value: int, loop: AbstractEventLoop, paid: Callable[[], None]) -> None:
        self.value = value
        self._fifo = fifo
        self._loop = loop
        self._call_paid = paid
        loop.add_writer(fifo, self._try)

    def _try(self) -> None:
        if _put(self._fifo, self.value):
            self._call_paid()

    def close(self) -> None:
        """Give up what is still owed."""
        if not self._loop.is_closed():
            self._loop.remove_writer(self._fifo)
        os.close(self._fifo)


def _put(fifo: int, value: int) -> bool:
    """Write a signal; False if the FIFO is full. A reader that is gone needs none."""
    try:
        os.write(fifo, _SIGNAL.pack(value))
    except BlockingIOError:
        return False
    except BrokenPipeError:
        return True
    return True


def _open_member(name: str, directory: int) -> int | None:
    """A member's FIFO for writing; None, and the stale entry is gone, if nobody reads it."""
    try:
        fifo = os.open(name, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ENXIO:
            _remove(name, directory)
        return None
    if stat.S_ISFIFO(os.fstat(fifo).st_mode):
        return fifo
    os.close(fifo)
    return None


def _clean(directory: int) -> list[str]:
    """Remove what killed processes left behind; the names of the living members."""
    living = []
    for name in os.listdir(directory):
        if _MEMBER.fullmatch(name):
            fifo = _open_member(name, directory)
            if fifo is not None:
                os.close(fifo)
                living.append(name)
        elif _NEWCOMER.fullmatch(name):
            try:
                age = time.time() - os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime
            except FileNotFoundError:
                continue
            if age > _NEWCOMER_SECONDS:
                _remove(name, directory)
    return living


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        pass


def _stop_reading(loop: AbstractEventLoop, fd: int) -> None:
    if not loop.is_closed():
        loop.remove_reader(fd)
