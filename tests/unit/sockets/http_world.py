"""An HTTP server and what talks to it: shared by the tests of both versions."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import trustme

from efuns.sockets import efuns, options
from efuns.sockets.table import SocketTable
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

HTTP, HTTPS = 20, 21
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HELLO = Mapping(body="hello")


class Answer:
    """A response as it came: status, headers (lower case, a list where repeated), body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.version, status, self.reason = first.split(" ", 2)
        self.status = int(status)
        self.body = body
        self.fields = [tuple(line.split(": ", 1)) for line in lines if line]
        self.headers = {name.lower(): value for name, value in self.fields}


class Peer:
    """A client that says exactly what a test wants."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def line_block(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self, *, head: bool = False) -> Answer:
        block = await self.line_block()
        answer = Answer(block, b"")
        if head or answer.status in (204, 304) or answer.status < 200:
            return answer
        async with asyncio.timeout(PATIENCE):
            if answer.headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readline(), 16):
                    answer.body += await self.reader.readexactly(size)
                    assert await self.reader.readexactly(2) == b"\r\n"
                assert await self.reader.readline() == b"\r\n"
            elif "content-length" in answer.headers:
                answer.body = await self.reader.readexactly(int(answer.headers["content-length"]))
            else:
                answer.body = await self.reader.read()
        return answer

    async def ask(self, data: bytes) -> Answer:
        self.send(data)
        return await self.answer(head=data.startswith(b"HEAD"))

    async def end(self) -> bytes:
        """What comes until the server ends the connection."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def reset(self) -> None:
        """Vanish."""
        wire = self.writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Server:
    """An object with a server that accepts by itself. `handler(fd, request)` gives what it answers, None for
    nothing."""

    def __init__(self, host: FakeHost, handler: Callable[[int, Mapping], Value] = lambda fd, request: HELLO,
                 mode: int = HTTP, callback: str = "request", **given: Value) -> None:
        self.host = host
        self.handler = handler
        self.codes: list[int] = []
        self.ob: LPCObject = host.object(request=self.request, closed=lambda *args: 0)
        self.fd = efuns.socket_create(self.ob, mode, callback, "closed")
        for name, value in given.items():
            efuns.socket_set_option(self.ob, self.fd, getattr(options, name), value)
        assert efuns.socket_bind(self.ob, self.fd, 0, "127.0.0.1 0") == 1

    def listen(self) -> Server:
        assert efuns.socket_listen(self.ob, self.fd) == 1
        return self

    def request(self, fd: int, request: Mapping, address: str) -> int:
        answer = self.handler(fd, request)
        if answer is not None:
            self.codes.append(self.write(fd, answer))
        return 0

    def write(self, fd: int, message: Value) -> int:
        return efuns.socket_write(self.ob, fd, message)

    @property
    def port(self) -> int:
        return int(efuns.socket_address(self.ob, self.fd, 1).split(" ")[1])  # type: ignore[union-attr]

    @property
    def requests(self) -> list[Mapping]:
        return [args[1] for args in self.host.seen("request")]

    @property
    def ends(self) -> list[tuple[Any, ...]]:
        return self.host.seen("closed")

    @property
    def connections(self) -> int:
        return sum(made is not None for made in self.host.state(SocketTable)) - 1

    async def peer(self, **more: Any) -> Peer:
        async with asyncio.timeout(PATIENCE):
            return Peer(*await asyncio.open_connection("127.0.0.1", self.port, **more))

    async def asked(self, count: int = 1) -> int:
        """Wait for requests; the descriptor the latest came on."""
        await self.host.until(lambda: len(self.host.seen("request")) >= count)
        fd: int = self.host.seen("request")[-1][0]
        return fd

    async def ended(self, count: int = 1) -> tuple[Any, ...]:
        await self.host.until(lambda: len(self.ends) >= count)
        return self.ends[-1]


async def turns_until(condition: Callable[[], Any]) -> None:
    """Let the loop run until something inside is so of which no callback tells."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)


def warm_up(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    """A loop that has had a transport: uvloop then keeps /dev/null open for good."""

    async def connect() -> None:
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_connection(sock=ours)
        writer.close()
        await writer.wait_closed()
        theirs.close()

    loop.run_until_complete(connect())
    return loop


class Hands:
    """The deadlines of a connection, moved by hand."""

    @staticmethod
    def expire(host: FakeHost, fd: int) -> None:
        connection: Any = host.state(SocketTable).find(fd)
        connection._due = 0.0
        connection._watch.cancel()
        connection._look()


TLS = {"SO_TLS_CERT": "/cert.pem", "SO_TLS_KEY": "/key.pem"}


def issue(host: FakeHost) -> trustme.CA:
    """Put a certificate for localhost where TLS names it; the authority that vouches for it."""
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(host.files.root / "key.pem"))
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(str(host.files.root / "cert.pem"), append=number > 0)
    return authority


def client_context(authority: trustme.CA, *protocols: str) -> ssl.SSLContext:
    """A client that believes the authority, and what it offers by ALPN."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(list(protocols) or ["spdy/3", "http/1.1"])
    return context
