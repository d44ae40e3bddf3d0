"""What the tests of processes share: an LPC object with a command, and waiting for real processes."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from efuns.sockets import efuns, options
from efuns.sockets.children import Children
from efuns.sockets.process import Process
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

EOF = Mapping(eof=1)


class Running:
    """A socket of mode 40 or 41 whose owner keeps what it is told; `shell` is the script its command runs."""

    def __init__(self, host: FakeHost, mode: int = 40, shell: str = "", **settings: Any) -> None:
        self.host = host
        self.output: list[Any] = []
        self.errors: list[str] = []
        self.writable = 0
        self.end: tuple[Any, ...] | None = None
        host.external.setdefault("sh", ("/bin/sh",))
        self.ob = host.object(out=self._out, up=self._up, ended=self._ended)
        self.fd = efuns.socket_create(self.ob, mode, "out", "ended")
        assert self.fd >= 0
        for name, value in settings.items():
            efuns.socket_set_option(self.ob, self.fd, getattr(options, name), value)
        if shell:
            efuns.socket_set_option(self.ob, self.fd, options.EXTERNAL_ARGS, ["-c", shell])
            assert self.connect("sh") == 1

    def connect(self, line: str) -> int:
        return efuns.socket_connect(self.ob, self.fd, line, "out", "up")

    def write(self, message: Any) -> int:
        return efuns.socket_write(self.ob, self.fd, message)

    def close(self) -> int:
        return efuns.socket_close(self.ob, self.fd)

    def _out(self, fd: int, data: Any, stream: str = "") -> int:
        assert fd == self.fd
        (self.errors if stream == "stderr" else self.output).append(data)
        return 0

    def _up(self, fd: int) -> int:
        self.writable += 1
        return 0

    def _ended(self, fd: int, *how: Any) -> int:
        assert self.end is None
        self.end = how
        return 0

    @property
    def text(self) -> str:
        """All output so far."""
        return "".join(self.output)

    @property
    def data(self) -> bytes:
        """All output so far, where it is binary."""
        assert all(isinstance(piece, Buffer) for piece in self.output)
        return b"".join(bytes(piece.data) for piece in self.output)

    @property
    def socket(self) -> Process:
        found = self.host.state(SocketTable).find(self.fd)
        assert isinstance(found, Process)
        return found

    @property
    def pid(self) -> int:
        child = self.socket._child
        assert child is not None
        return child._process.pid

    async def says(self, text: str) -> None:
        """Until the command has written something."""
        await self.host.until(lambda: text in self.text)

    async def over(self) -> tuple[Any, ...]:
        """Until the third callback: its reason and code."""
        ended = await self.host.until(lambda: self.end)
        assert isinstance(ended, tuple)
        return ended


async def gone(pid: int) -> None:
    """Until a process has ended, whoever has to reap it."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(pidfd, lambda: ended.done() or ended.set_result(None))
    try:
        await asyncio.wait_for(ended, PATIENCE)
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


async def none_left(host: FakeHost) -> None:
    """Until the driver has reaped all its children."""
    children = host.state(Children)
    async with asyncio.timeout(PATIENCE):
        while len(children):
            await asyncio.sleep(0)
