"""What the tests of MQTT share: an LPC object with MQTT sockets, and a peer that sends and reads plain bytes."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from efuns.sockets import efuns
from efuns.sockets.table import SocketTable
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

CLIENT, BROKER = 37, 38


class Party:
    """An LPC object; what its callbacks get is collected."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.messages: list[Mapping] = []
        self.events: list[Mapping] = []
        self.readies: list[int] = []
        self.ends: list[tuple[int, str, int]] = []
        self.ob: LPCObject = host.object(got=self._got, ready=self.readies.append,
                                         ended=lambda *end: self.ends.append(end))

    def _got(self, fd: int, message: Mapping, address: str) -> None:
        (self.events if "event" in message else self.messages).append(message)

    def make(self, mode: int, **given: Any) -> int:
        """A socket with options, by their names."""
        from efuns.sockets import options

        fd = efuns.socket_create(self.ob, mode, "got", "ended")
        assert fd >= 0
        for name, value in given.items():
            efuns.socket_set_option(self.ob, fd, getattr(options, name), value)
        return fd

    def serve(self, check: str | int = 0, **given: Any) -> tuple[int, int]:
        """A broker: descriptor and port."""
        fd = self.make(BROKER, **given)
        assert efuns.socket_bind(self.ob, fd, 0, "127.0.0.1 0") == 1
        assert efuns.socket_listen(self.ob, fd, check) == 1
        return fd, int(efuns.socket_address(self.ob, fd, 1).split(" ")[1])  # type: ignore[union-attr]

    def connect(self, port: int, **given: Any) -> int:
        """A client, on its way to a broker."""
        fd = self.make(CLIENT, **given)
        assert efuns.socket_connect(self.ob, fd, f"127.0.0.1 {port}", "got", "ready") == 1
        return fd

    def write(self, fd: int, message: Any, topic: str | None = None) -> int:
        """socket_write()."""
        return efuns.socket_write(self.ob, fd, Mapping(message) if isinstance(message, dict) else message, topic)

    def socket(self, fd: int) -> Any:
        """The socket itself."""
        return self.host.state(SocketTable).find(fd)

    def close(self, *fds: int) -> None:
        """Close sockets."""
        for fd in fds:
            assert efuns.socket_close(self.ob, fd) == 1


class Wire:
    """The other end of a connection. It reads only what it is asked for."""

    def __init__(self, plain: socket.socket) -> None:
        self.socket = plain
        self._data = b""

    @classmethod
    async def to(cls, port: int) -> Wire:
        plain = socket.socket()
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, ("127.0.0.1", port))
        return cls(plain)

    def send(self, data: bytes) -> None:
        """Send what the kernel's buffer has room for."""
        try:
            self.socket.sendall(data)
        except ConnectionError:  # it was told to go before it could say everything
            pass

    async def _more(self) -> bool:
        try:
            data = await asyncio.get_running_loop().sock_recv(self.socket, 65536)
        except ConnectionError:
            data = b""
        self._data += data
        return bool(data)

    async def _take(self, count: int) -> bytes:
        while len(self._data) < count:
            assert await self._more(), self._data
        taken, self._data = self._data[:count], self._data[count:]
        return taken

    async def packet(self) -> tuple[int, bytes]:
        """The next packet: its first byte and its body."""
        async with asyncio.timeout(PATIENCE):
            first = (await self._take(1))[0]
            length = shift = 0
            while True:
                digit = (await self._take(1))[0]
                length |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    return first, await self._take(length)

    async def rest(self) -> bytes:
        """Everything until the connection ends."""
        async with asyncio.timeout(PATIENCE):
            while await self._more():
                pass
        return self._data

    def close(self) -> None:
        self.socket.close()


class Server:
    """A listener that hands out the connections made to it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._open: list[Wire] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self._listener.close()
        for wire in self._open:
            wire.close()

    async def wire(self) -> Wire:
        """The next connection."""
        async with asyncio.timeout(PATIENCE):
            plain, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        plain.setblocking(False)
        wire = Wire(plain)
        self._open.append(wire)
        return wire


def connect_packet(name: bytes = b"x", version: int = 4, flags: int = 2, keep_alive: int = 0, rest: bytes = b"",
                   ) -> bytes:
    """A CONNECT."""
    body = (b"\0\4MQTT" + bytes((version, flags)) + keep_alive.to_bytes(2, "big") + (b"\0" if version == 5 else b"")
            + len(name).to_bytes(2, "big") + name + rest)
    return bytes((0x10, len(body))) + body


def string(text: bytes) -> bytes:
    """A string with its length."""
    return len(text).to_bytes(2, "big") + text
