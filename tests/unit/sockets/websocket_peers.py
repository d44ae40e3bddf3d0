"""What the tests of WebSockets share: a peer in Python that says every byte itself, for either role."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from efuns.sockets import efuns, options
from efuns.sockets.table import SocketTable
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

SERVER, CLIENT, SECURE_SERVER, SECURE_CLIENT, FILE, STREAM, COMPRESSED = range(30, 37)
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN = 0x80
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3
UPGRADE = (b"GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: " + KEY.encode() + b"\r\nSec-WebSocket-Version: 13\r\n")
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def xor(data: bytes, key: bytes) -> bytes:
    """RFC 6455 5.3, byte by byte."""
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(data))


def frame(first: int, data: bytes = b"", *, masked: bool) -> bytes:
    """A frame of any first byte."""
    mark = 0x80 if masked else 0
    size = len(data)
    if size < 126:
        head = struct.pack("!BB", first, mark | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, mark | 126, size)
    else:
        head = struct.pack("!BBQ", first, mark | 127, size)
    key = b"\x12\x34\x56\x78"
    return head + key + xor(data, key) if masked else head + data


def closing(code: int, reason: str = "") -> bytes:
    """The payload of a close frame."""
    return struct.pack("!H", code) + reason.encode()


class RawPeer:
    """The other end. `masks`: it is a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, masks: bool) -> None:
        self.reader, self.writer = reader, writer
        self.masks = masks

    def raw(self, data: bytes) -> None:
        self.writer.write(data)

    async def flush(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    def send(self, first: int, data: bytes = b"") -> None:
        self.raw(frame(first, data, masked=self.masks))

    def text(self, text: str) -> None:
        self.send(FIN | TEXT, text.encode())

    async def read(self, count: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(count)

    async def head(self) -> bytes:
        """The head of an HTTP message."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def frame(self) -> tuple[int, bytes]:
        """First byte and payload of the next frame; whether it is masked is checked."""
        first, size = await self.read(2)
        assert bool(size & 0x80) != self.masks
        size &= 0x7F
        if size > 125:
            size = int.from_bytes(await self.read(2 if size == 126 else 8), "big")
        key = b"" if self.masks else await self.read(4)
        data = await self.read(size)
        return first, xor(data, key) if key else data

    async def close_code(self) -> int:
        """The code of the close frame that comes, whatever comes before."""
        while True:
            first, data = await self.frame()
            if first & 15 == CLOSE:
                return int.from_bytes(data[:2], "big") if data else 1005

    async def end(self) -> bytes:
        """What comes until the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    def close(self) -> None:
        self.writer.close()

    async def closed(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()
        for _ in range(3):  # uvloop closes the descriptor a turn later
            await asyncio.sleep(0)

    def reset(self) -> None:
        """Vanish."""
        wire = self.writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def stop_reading(self) -> None:
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]


class Party:
    """An LPC object with WebSockets; what its callbacks get is collected."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.ob: LPCObject = host.object(read=self._read, ready=self._ready, closed=self._closed, caller=self._caller)
        self.messages: list[tuple[int, Any, Any]] = []
        self.opened: list[int] = []
        self.ends: list[tuple[int, str, int]] = []
        self.accepted: list[int] = []
        self.on_message: Callable[[int, Any], None] = lambda fd, data: None
        self.on_ready: Callable[[int], None] = lambda fd: None

    def _read(self, fd: int, data: Any, info: Any = 0) -> int:
        self.messages.append((fd, data, info))
        self.on_message(fd, data)
        return 0

    def _ready(self, fd: int) -> int:
        self.opened.append(fd)
        self.on_ready(fd)
        return 0

    def _closed(self, fd: int, reason: str, code: int) -> int:
        self.ends.append((fd, reason, code))
        return 0

    def _caller(self, fd: int) -> int:
        self.accepted.append(efuns.socket_accept(self.ob, fd, "read", "ready"))
        return 0

    def echo(self) -> None:
        self.on_message = lambda fd, data: self.codes.append(self.write(fd, data))
        self.codes: list[int] = []

    def create(self, mode: int, **chosen: Value) -> int:
        fd = efuns.socket_create(self.ob, mode, "read", "closed")
        assert fd >= 0, fd
        for name, value in chosen.items():
            self.set(fd, name, value)
        return int(fd)

    def set(self, fd: int, name: str, value: Value) -> None:
        assert efuns.socket_set_option(self.ob, fd, getattr(options, name), value) == 1

    def get(self, fd: int, name: str) -> Any:
        return efuns.socket_get_option(self.ob, fd, getattr(options, name))

    def listening(self, mode: int = SERVER, *, by_itself: bool = False, **chosen: Value) -> int:
        fd = self.create(mode, **chosen)
        assert efuns.socket_bind(self.ob, fd, 0, "127.0.0.1 0") == 1
        callback = () if by_itself else ("caller",)
        assert efuns.socket_listen(self.ob, fd, *callback) == 1, self.why(fd)
        return fd

    def connect(self, fd: int, where: str) -> int:
        return efuns.socket_connect(self.ob, fd, where, "read", "ready")

    def write(self, fd: int, message: Value) -> int:
        return efuns.socket_write(self.ob, fd, message)

    def close(self, fd: int) -> int:
        return efuns.socket_close(self.ob, fd)

    def state(self, fd: int) -> str:
        return str(efuns.socket_status(self.ob, fd)[1])  # type: ignore[index]

    def port(self, fd: int) -> int:
        return int(str(efuns.socket_address(self.ob, fd, 1)).split()[1])

    def why(self, fd: int) -> str:
        return str(self.get(fd, "SO_LAST_ERROR"))

    async def is_open(self, fd: int) -> None:
        await self.host.until(lambda: fd in self.opened or self.ends)
        assert fd in self.opened, self.ends

    async def has_opened(self, count: int = 1) -> int:
        await self.host.until(lambda: len(self.opened) >= count or self.ends)
        return self.opened[count - 1]

    async def data(self, count: int = 1) -> list[Any]:
        """So many messages, buffers as bytes."""
        await self.host.until(lambda: len(self.messages) >= count or self.ends)
        return [bytes(data.data) if isinstance(data, Buffer) else data for _, data, _ in self.messages]

    async def end(self, fd: int) -> tuple[str, int]:
        """Reason and code of the third callback."""
        await self.host.until(lambda: any(ended == fd for ended, _, _ in self.ends))
        return next((reason, code) for ended, reason, code in self.ends if ended == fd)

    async def is_free(self, fd: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.state(fd) != "CLOSED":
                await self.host.turn(1)


async def raw_client(party: Party, listener: int, head: bytes = UPGRADE, **more: Any) -> RawPeer:
    """A peer that has asked our server for a WebSocket."""
    async with asyncio.timeout(PATIENCE):
        peer = RawPeer(*await asyncio.open_connection("127.0.0.1", party.port(listener), **more), masks=True)
    if head:
        peer.raw(head + b"\r\n")
    return peer


class RawServer:
    """Waits for our clients."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[RawPeer] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, context: ssl.SSLContext | None = None) -> RawServer:
        self._server = await asyncio.start_server(self._arrive, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._arrived.put_nowait(RawPeer(reader, writer, masks=False))

    async def peer(self) -> RawPeer:
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()


def answer_to(head: bytes, more: bytes = b"") -> bytes:
    """What a right server answers to a request."""
    key = next(line.partition(b": ")[2] for line in head.split(b"\r\n")
               if line.lower().startswith(b"sec-websocket-key"))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept + b"\r\n" + more + b"\r\n")


class Link:
    """An open connection between an LPC object and a raw peer, whichever of them is the server."""

    def __init__(self, party: Party, fd: int, peer: RawPeer) -> None:
        self.party, self.fd, self.peer = party, fd, peer

    async def end(self) -> tuple[str, int]:
        return await self.party.end(self.fd)

    async def leave(self) -> None:
        """The peer ends well."""
        self.peer.send(FIN | CLOSE, closing(1000))
        assert await self.peer.close_code() == 1000
        await self.peer.closed()
        assert (await self.end())[1] == 1000


async def link(host: FakeHost, role: str, mode: int = 0, *, more: bytes = b"", **chosen: Value) -> Link:
    """Connect an LPC object in a role ("server" or "client") with a raw peer, which adds header lines `more`."""
    party = Party(host)
    if role == "server":
        listener = party.listening(mode or SERVER, **chosen)
        peer = await raw_client(party, listener, UPGRADE + more)
        assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
        fd = await party.has_opened()
        assert party.close(listener) == 1
        return Link(party, fd, peer)
    server = await RawServer().start()
    fd = party.create(mode or CLIENT, **chosen)
    assert party.connect(fd, f"ws://127.0.0.1:{server.port}/chat?room=1") == 1, party.why(fd)
    peer = await server.peer()
    peer.raw(answer_to(await peer.head(), more))
    await party.is_open(fd)
    await server.close()
    return Link(party, fd, peer)


def info_of(message: tuple[int, Any, Any]) -> dict[str, Any]:
    """The mapping beside a message, as a plain one."""
    info = message[2]
    assert isinstance(info, Mapping)
    return dict(info.items())


def socket_of(host: FakeHost, fd: int) -> Any:
    return host.state(SocketTable).find(fd)


def fire(host: FakeHost, fd: int) -> None:
    """The time of a connection's phase is up."""
    made = socket_of(host, fd)
    assert made._timer is not None
    {"GREETING": made._too_slow, "DIALING": made._too_slow, "CLOSING": made._no_close_came,
     "LEAVING": made._lingered}[made._phase]()


async def dialing(host: FakeHost, mode: int = CLIENT, where: str = "ws://127.0.0.1:{}/", context: Any = None,
                  **chosen: Value) -> tuple[Party, int, RawPeer, bytes]:
    """A client and a raw server that has its request."""
    party, server = Party(host), await RawServer().start(context)
    fd = party.create(mode, **chosen)
    assert party.connect(fd, where.format(server.port)) == 1, party.why(fd)
    peer = await server.peer()
    head = await peer.head()
    await server.close()
    return party, fd, peer, head


def server_context(host: FakeHost) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(host.files.root / "cert.pem", host.files.root / "key.pem")
    return context
