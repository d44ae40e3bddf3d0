"""A REST server on real sockets, and a client that sends what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from efuns.rest import rest_add_route
from efuns.sockets import efuns, errors, options
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

REST = 24
SECRET = "0123456789abcdef0123456789abcdef"


class Response:
    """A response: status, headers by lower-case name (repeated ones joined), body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ")[1])
        self.body = body
        self.headers: dict[str, str] = {}
        for line in filter(None, lines):
            name, _, value = line.partition(": ")
            name = name.lower()
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value

    @property
    def json(self) -> Any:
        """The body's value."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def raw(self, data: bytes, *, has_body: bool = True) -> Response:
        self._writer.write(data)
        async with asyncio.timeout(PATIENCE):
            head = await self._reader.readuntil(b"\r\n\r\n")
            found = Response(head, b"")
            if has_body and found.status not in (204, 304):
                found.body = await self._reader.readexactly(int(found.headers["content-length"]))
        return found

    async def ask(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> Response:
        """A request; the names of headers have underscores for hyphens."""
        data = body.encode() if isinstance(body, str) else body
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{n.replace('_', '-')}: {v}" for n, v in headers.items())]
        if data:
            lines.append(f"Content-Length: {len(data)}")
        return await self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + data, has_body=method != "HEAD")

    async def send_json(self, method: str, path: str, value: Any, **headers: str) -> Response:
        """A request with a JSON body."""
        return await self.ask(method, path, json.dumps(value), **{"Content-Type": "application/json", **headers})

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Api:
    """An object with a REST server that accepts by itself. Its functions are those a test gives it."""

    def __init__(self, host: FakeHost, *, read: Callable[..., Value] = lambda *args: 0,
                 **functions: Callable[..., Value]) -> None:
        self.host = host
        self.ob: LPCObject = host.object(read=read, closed=lambda *args: 0, **functions)
        self.fd = efuns.socket_create(self.ob, REST, "read", "closed")
        assert self.fd >= 0

    def set(self, name: str, value: Value) -> None:
        efuns.socket_set_option(self.ob, self.fd, getattr(options, f"REST_{name}"), value)

    def add(self, method: str, pattern: str, handler: str) -> None:
        assert rest_add_route(self.ob, self.fd, method, pattern, handler) == 1

    def route(self, **given: Value) -> None:
        self.set("ADD_ROUTE", Mapping(given))

    async def connect(self) -> Client:
        """Listen if need be, and connect."""
        if efuns.socket_status(self.ob, self.fd)[1] == "UNBOUND":  # type: ignore[index] # it is an array
            assert efuns.socket_bind(self.ob, self.fd, 0, "127.0.0.1 0") == 1
            assert efuns.socket_listen(self.ob, self.fd) == errors.EESUCCESS
        port = int(efuns.socket_address(self.ob, self.fd, 1).split(" ")[1])  # type: ignore[union-attr] # "ip port"
        return Client(*await asyncio.open_connection("127.0.0.1", port))
