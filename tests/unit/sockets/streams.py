"""What the tests of stream modes share: an LPC object that plays one end, and a plain peer for the other."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from efuns.sockets import efuns, options
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

MUD, STREAM, BINARY, TLS, TLS_BINARY = 0, 1, 3, 5, 6
PLAIN = (MUD, STREAM, BINARY)
SECURE = (TLS, TLS_BINARY)
ALL = PLAIN + SECURE


class Party:
    """An LPC object with sockets. What its callbacks get is collected by descriptor; a test replaces a
    callback with `on(name, function)`."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.ob: LPCObject = host.object()
        self.data: defaultdict[int, list[Any]] = defaultdict(list)
        self.readies: list[int] = []
        self.closed: list[int] = []
        self.accepted: list[int] = []
        self.events: list[tuple[str, int]] = []
        self._on: dict[str, Callable[..., Any]] = {"caller": self._accept}
        for name in ("read", "ready", "close", "caller"):
            self.ob.extra[name] = self._callback(name)

    def _callback(self, name: str) -> Callable[..., Any]:
        def called(fd: int, *args: Any) -> Any:
            self.events.append((name, fd))
            if name == "read":
                self.data[fd].append(args[0])
            elif name == "ready":
                self.readies.append(fd)
            elif name == "close":
                assert args == ()
                self.closed.append(fd)
            then = self._on.get(name)
            return then(fd, *args) if then is not None else 0

        return called

    def _accept(self, fd: int) -> None:
        accepted = self.accept(fd)
        if accepted >= 0:
            self.accepted.append(accepted)

    def on(self, name: str, function: Callable[..., Any] | None) -> None:
        """What to do in a callback, besides collecting."""
        if function is None:
            self._on.pop(name, None)
        else:
            self._on[name] = function

    # the efuns

    def create(self, mode: int, **chosen: Any) -> int:
        fd = efuns.socket_create(self.ob, mode, "read", "close")
        assert fd >= 0
        for name, value in chosen.items():
            self.set(fd, name, value)
        return int(fd)

    def set(self, fd: int, name: str, value: Any) -> None:
        assert efuns.socket_set_option(self.ob, fd, getattr(options, name), value) == 1

    def get(self, fd: int, name: str) -> Any:
        return efuns.socket_get_option(self.ob, fd, getattr(options, name))

    def bind(self, fd: int, address: str = "127.0.0.1 0") -> int:
        return efuns.socket_bind(self.ob, fd, 0, address)

    def listening(self, mode: int, address: str = "127.0.0.1 0", **chosen: Any) -> int:
        """A listening socket."""
        fd = self.create(mode, **chosen)
        assert self.bind(fd, address) == 1
        assert efuns.socket_listen(self.ob, fd, "caller") == 1, self.why(fd)
        return fd

    def accept(self, fd: int) -> int:
        return efuns.socket_accept(self.ob, fd, "read", "ready")

    def connect(self, fd: int, where: str) -> int:
        return efuns.socket_connect(self.ob, fd, where, "read", "ready")

    def write(self, fd: int, message: Any, *address: Any) -> int:
        return efuns.socket_write(self.ob, fd, message, *address)

    def close(self, fd: int) -> int:
        return efuns.socket_close(self.ob, fd)

    def status(self, fd: int) -> Any:
        return efuns.socket_status(self.ob, fd)

    def state(self, fd: int) -> str:
        return str(self.status(fd)[1])

    def address(self, fd: int) -> str:
        """The address of this end."""
        return str(efuns.socket_address(self.ob, fd, 1))

    def where(self, fd: int) -> tuple[str, int]:
        """The address of this end, for Python."""
        host, port = self.address(fd).split()
        return host, int(port)

    def why(self, fd: int) -> str:
        """SO_LAST_ERROR."""
        return str(self.get(fd, "SO_LAST_ERROR"))

    # waiting

    async def has_read(self, fd: int, count: int = 1) -> list[Any]:
        await self.host.until(lambda: len(self.data[fd]) >= count)
        return self.data[fd]

    async def text(self, fd: int, length: int) -> str:
        """At least so many characters that were read."""
        await self.host.until(lambda: sum(map(len, self.data[fd])) >= length)
        return "".join(self.data[fd])

    async def bytes(self, fd: int, length: int) -> bytes:
        """At least so many bytes that were read, as UTF-8 where they are text."""
        await self.host.until(lambda: sum(map(_size, self.data[fd])) >= length)
        return b"".join(map(_bytes, self.data[fd]))

    async def has_closed(self, fd: int) -> None:
        await self.host.until(lambda: fd in self.closed)

    async def is_free(self, fd: int) -> None:
        """The slot is free: a flushing socket tells nobody, so it is looked at in every turn of the loop."""
        async with asyncio.timeout(PATIENCE):
            while self.state(fd) != "CLOSED":
                await self.host.turn(1)

    async def is_ready(self, fd: int) -> None:
        await self.host.until(lambda: fd in self.readies)

    async def has_accepted(self, count: int = 1) -> int:
        await self.host.until(lambda: len(self.accepted) >= count)
        return self.accepted[count - 1]


def _bytes(value: Any) -> bytes:
    return bytes(value.data) if isinstance(value, Buffer) else value.encode()


def _size(value: Any) -> int:
    return len(_bytes(value))


async def pair(host: FakeHost, mode: int, **chosen: Any) -> tuple[Party, int, Party, int]:
    """Two LPC objects joined by a connection: the server and its descriptor, the client and its."""
    server, client = Party(host), Party(host)
    listener = server.listening(mode, **chosen)
    fd = client.create(mode)
    assert client.connect(fd, server.address(listener)) == 1
    await client.is_ready(fd)
    accepted = await server.has_accepted()
    if mode in SECURE:
        await server.is_ready(accepted)
    assert server.close(listener) == 1
    return server, accepted, client, fd


class Peer:
    """The other end, in Python: a blocking socket used from the loop's coroutines."""

    def __init__(self, wire: socket.socket) -> None:
        wire.setblocking(False)
        self.wire = wire
        self.loop = asyncio.get_running_loop()

    @classmethod
    async def to(cls, party: Party, listener: int) -> Peer:
        """Connected to a listening socket."""
        host, port = party.where(listener)
        wire = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        wire.setblocking(False)
        peer = cls(wire)
        await peer._soon(peer.loop.sock_connect(wire, (host, port)))
        return peer

    async def send(self, data: bytes) -> None:
        await self._soon(self.loop.sock_sendall(self.wire, data))

    async def receive(self, most: int = 65536) -> bytes:
        return await self._soon(self.loop.sock_recv(self.wire, most))

    async def receive_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = await self.receive(count - len(data))
            assert piece, f"ended after {len(data)} of {count} bytes"
            data += piece
        return data

    async def receive_all(self) -> bytes:
        """Everything until the end of the stream."""
        data = bytearray()
        while piece := await self.receive(1 << 20):
            data += piece
        return bytes(data)

    async def _soon(self, what: Awaitable[Any]) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await what

    def reset(self) -> None:
        """Close with a reset."""
        self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.wire.close()

    def close(self) -> None:
        self.wire.close()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()


class Acceptor:
    """A listening socket in Python."""

    def __init__(self, family: int = socket.AF_INET) -> None:
        self.wire = socket.socket(family)
        self.wire.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.wire.listen()
        self.wire.setblocking(False)
        host, port = self.wire.getsockname()[:2]
        self.address = f"{host} {port}"

    async def accept(self) -> Peer:
        async with asyncio.timeout(PATIENCE):
            wire, _ = await asyncio.get_running_loop().sock_accept(self.wire)
        return Peer(wire)

    def __enter__(self) -> Acceptor:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

