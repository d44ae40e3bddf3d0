"""Mode 42, EXTERNAL_FIFO: a named pipe, whose other end any process of this machine may open.

socket_bind(fd, path) reads: a FIFO that is not there is made (mode 0600) and removed again at the end, if it
is still the one that was made. It is kept open for writing too, so that writers may come and go without an
end of file. socket_connect(fd, path, read, write) writes to a FIFO somebody reads; that nobody reads it any
more is its end. A reader cannot write and a writer gets nothing to read.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from efuns.sockets import errors, options
from efuns.sockets.base import BOUND, DATA_XFER, Socket
from efuns.sockets.pipes import Inlet, Outlet, octets
from lpc.runtime.values import Buffer, Value

if TYPE_CHECKING:
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

_READER_LEFT = "Nobody reads the FIFO any more"
_FLAGS = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


class Fifo(Socket):
    """One end of a FIFO; see the module."""

    __slots__ = ("_fd", "_path", "_made", "_inlet", "_outlet")

    binds_to_name = True
    can_connect = True
    defers_errors = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._fd = -1
        self._path = ""  # virtual
        self._made = ""  # the host path of a FIFO we made
        self._inlet: Inlet | None = None
        self._outlet: Outlet | None = None

    # ----------------------------------------------------------------------------------------- reading

    def start_bind(self, where: int | str, address: str | None) -> int:
        if not _is_path(where):
            return self.problem(errors.EEBADADDR, "A FIFO needs a path")
        files = self.table.driver.files
        path = str(where)
        try:
            host_path = files.readable(path, self.owner, "fifo")
            is_new = not os.path.lexists(host_path)
            if is_new:
                host_path = files.writable(path, self.owner, "fifo")
        except OSError as error:
            return self.problem(errors.EESECURITY, f"{path}: {error.strerror or error}")
        if not self.is_open:  # the master closed it
            return errors.EEBADF
        return self._read(files.normalize(path), host_path, make=is_new)

    def _read(self, path: str, host_path: str, *, make: bool) -> int:
        try:
            if make:
                os.mkfifo(host_path, 0o600)
                self._made = host_path
            self._fd = _open(host_path, os.O_RDWR)
        except OSError as error:
            self.shut(flush=False)
            code = errors.EEADDRINUSE if error.errno in (errno.EEXIST, errno.EINVAL) else errors.EEBIND
            code = errors.EESECURITY if error.errno in (errno.EACCES, errno.EPERM) else code
            return self.problem(code, f"{path}: {_text_of(error)}")
        self._path = path
        self._inlet = Inlet(self.table.driver.loop, self._fd, self._take, self._over)
        self.become(BOUND)
        return errors.EESUCCESS

    def _take(self, inlet: Inlet, data: bytes) -> None:
        value = inlet.decode(data, binary=self.get_option(options.SO_ENCODING) == "binary")
        if isinstance(value, Buffer) or value:
            self.deliver(value)

    def _over(self, inlet: Inlet) -> None:
        """Not expected: the FIFO is open for writing here."""
        self.fail("The FIFO cannot be read any more", errors.EEBADF)

    # ----------------------------------------------------------------------------------------- writing

    def target_of(self, where: str) -> tuple[str, int]:
        return "N/A", -1

    def start_connect(self, where: str) -> int:
        if self.state is BOUND:
            return errors.EEISCONN
        if not _is_path(where):
            return self.problem(errors.EEBADADDR, "A FIFO needs a path")
        files = self.table.driver.files
        try:
            host_path = files.writable(where, self.owner, "fifo")
        except OSError as error:
            return self.problem(errors.EESECURITY, f"{where}: {error.strerror or error}")
        if not self.is_open:  # the master closed it
            return errors.EEBADF
        return self._write(files.normalize(where), host_path)

    def _write(self, path: str, host_path: str) -> int:
        try:
            self._fd = _open(host_path, os.O_WRONLY)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return self.problem(errors.EECONNREFUSED, f"{path}: nobody reads it")
            return self.problem(errors.code_for(error, otherwise=errors.EECONNECT), f"{path}: {_text_of(error)}")
        loop = self.table.driver.loop
        self._path = path
        self._outlet = Outlet(loop, self._fd, drained=self.drained, lost=self._reader_left, finish=lambda: None)
        # Nothing can be read here: what the loop reports is that the last reader has closed its end.
        loop.add_reader(self._fd, self._reader_left)
        self.become(DATA_XFER)
        loop.call_soon(self._opened)
        return errors.EESUCCESS

    def send(self, message: Value) -> int:
        data = octets(message)
        outlet = self._outlet
        assert outlet is not None
        if data is None:
            return errors.EETYPENOTSUPP
        if not data:
            return errors.EESUCCESS
        try:
            outlet.write(data)
        except OSError:  # _reader_left() is about to be called
            return self.problem(errors.EESEND, _READER_LEFT)
        return self.taken(outlet.size)

    def _opened(self) -> None:
        if self.state is DATA_XFER and not self.is_ended and not self._blocked:
            self.connected()

    def _reader_left(self) -> None:
        self.fail(_READER_LEFT, errors.EEBADF)

    # ----------------------------------------------------------------------------------------- the end

    @property
    def unsent(self) -> int:
        return self._outlet.size if self._outlet is not None else 0

    def retire(self) -> None:
        if self.is_open and self.unsent:
            self.close()

    def shut(self, *, flush: bool) -> bool:
        loop = self.table.driver.loop
        if self._inlet is not None:
            self._inlet.stop()
        if self._outlet is not None:
            if flush and self._outlet.size:
                self._outlet.linger()
                return False
            self._outlet.stop()
            if self._fd >= 0 and not loop.is_closed():
                loop.remove_reader(self._fd)
        self._remove()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return True

    def _remove(self) -> None:
        """Remove the FIFO from its directory, if it is ours."""
        made, self._made = self._made, ""
        if not made:
            return
        try:
            if self._fd < 0 or os.path.samestat(os.lstat(made), os.fstat(self._fd)):
                os.unlink(made)
        except OSError:  # gone, or no longer ours to remove
            pass

    # ------------------------------------------------------------------------------------------ asking

    @property
    def system_fd(self) -> int:
        return self._fd

    def works(self) -> bool:
        return self._fd >= 0

    def address_text(self, *, local: bool) -> str:
        return self._path

    def status_addresses(self) -> tuple[str, str]:
        return self._path, self._path


def _is_path(where: int | str) -> bool:
    return isinstance(where, str) and bool(where.strip("/")) and "\0" not in where


def _open(host_path: str, access: int) -> int:
    """A FIFO's descriptor; EINVAL for any other kind of file, which is not touched."""
    if not stat.S_ISFIFO(os.lstat(host_path).st_mode):
        raise OSError(errno.EINVAL, "not a FIFO")
    fd = os.open(host_path, access | _FLAGS)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):  # it was replaced just now
        os.close(fd)
        raise OSError(errno.EINVAL, "not a FIFO")
    return fd


def _text_of(error: OSError) -> str:
    return "it is a file, not a FIFO" if error.errno == errno.EINVAL else os.strerror(error.errno or 0)
