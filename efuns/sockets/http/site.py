"""What HTTP servers share: the settings of a listener, its connections (`Site`), and the driver's servers as a
whole (`HttpServers`: the date, request numbers, draining)."""

from __future__ import annotations

import asyncio
import importlib.util
from email.utils import formatdate
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from efuns.sockets import options
from efuns.sockets.http import coding as http_coding
from efuns.sockets.http import message
from efuns.sockets.http import static as http_static
from lpc.errors import LPCError
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.http.http1 import Http1Connection
    from efuns.sockets.http.message import Request
    from efuns.sockets.http.server import HttpServer
    from lpc.runtime.host import Host

SECONDS: Final = 30.0  # HTTP_TIMEOUT and HTTP_READ_TIMEOUT, unless set
BODY_LIMIT: Final = 1 << 20
_TURNS: Final = 3

Network = IPv4Network | IPv6Network


class Settings(NamedTuple):
    """What the options of a listener say, for all its connections."""

    body_limit: int
    answer_seconds: float
    read_seconds: float
    headers: bytes
    names: frozenset[str]
    mounts: tuple[http_static.Mount, ...]
    proxies: tuple[Network, ...]
    codings: tuple[str, ...]
    http2: bool | None  # None: not said, so with TLS where the library is there
    most_connections: int  # 0: no limit but the driver's


DEFAULTS: Final = Settings(BODY_LIMIT, SECONDS, SECONDS, b"", frozenset(), (), (), http_coding.available(), None, 0)


def has_http2() -> bool:
    """Whether the library for HTTP/2 is there."""
    return importlib.util.find_spec("h2") is not None


def read_settings(given: dict[int, Value], most: int) -> Settings:
    """The settings options make; no body may be larger than `most`. LPCError for a value that will not do."""
    headers = given.get(options.HTTP_HEADERS)
    lines = message.header_lines(headers) if isinstance(headers, Mapping) else (b"", frozenset())
    if lines is None:
        raise _bad_value("HTTP_HEADERS", "names and values of header fields are accepted")
    mounts = http_static.read_mounts(given.get(options.HTTP_STATIC) or Mapping())
    if mounts is None:
        raise _bad_value("HTTP_STATIC", "absolute directories by absolute path prefix are accepted")
    http2 = given.get(options.HTTP2_ENABLE)
    if http2 and not has_http2():
        raise _bad_value("HTTP2_ENABLE", "HTTP/2 needs the Python package h2")
    return Settings(
        min(given.get(options.CONTENT_SIZE_LIMIT, BODY_LIMIT), most),
        given.get(options.HTTP_TIMEOUT, SECONDS * 1000) / 1000,
        given.get(options.HTTP_READ_TIMEOUT, SECONDS * 1000) / 1000,
        *lines, mounts, _networks(given.get(options.HTTP_TRUSTED_PROXIES, [])),
        http_coding.available() if given.get(options.HTTP_COMPRESSION, 1) else (),
        None if http2 is None else bool(http2), given.get(options.SO_MAX_CONNECTIONS, 0))


def _networks(given: list[Value]) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(one, strict=False) for one in given if isinstance(one, str) or _refuse_network())
    except ValueError:
        raise _bad_value("HTTP_TRUSTED_PROXIES", "addresses and networks such as \"10.0.0.0/8\" are accepted") from None


def _refuse_network() -> bool:
    raise ValueError


def _bad_value(name: str, text: str) -> LPCError:
    return LPCError(f"Bad socket option value for {name}: {text}.\n")


class HttpServers:
    """The servers of one driver: `driver.state(HttpServers)`."""

    def __init__(self, driver: Host) -> None:
        self._clock = driver.clock
        self._second = -1
        self._date = b""
        self.lines = message.HeaderLines()
        self._listeners: set[HttpServer] = set()
        self._requests = 0
        self._finished: asyncio.Future[None] | None = None  # drain() waits for it

    @property
    def date(self) -> bytes:
        """The Date of an answer given now."""
        second = int(self._clock.time())
        if second != self._second:
            self._second = second
            self._date = formatdate(second, usegmt=True).encode()
        return self._date

    def number(self) -> int:
        """The id of the next request."""
        self._requests += 1
        return self._requests

    def add(self, listener: HttpServer) -> None:
        """A listener begins."""
        self._listeners.add(listener)

    def discard(self, listener: HttpServer) -> None:
        """A listener has ended."""
        self._listeners.discard(listener)

    def exchange_over(self) -> None:
        """A request has its answer, or its connection ended."""
        if self._finished is not None and not self._finished.done() and not self._is_busy():
            self._finished.set_result(None)

    def _is_busy(self) -> bool:
        return any(connection.is_busy for listener in self._listeners for connection in listener.site.connections)

    async def drain(self) -> None:
        """Accept nothing more, and wait until every request that has arrived is answered."""
        for listener in list(self._listeners):
            listener.stop_accepting()
        for _ in range(_TURNS):  # in which the loop reads what has arrived
            await asyncio.sleep(0)
        for listener in self._listeners:
            listener.site.leave()
        if self._is_busy():
            self._finished = asyncio.get_running_loop().create_future()
            await self._finished


class Guest(Protocol):
    """Another protocol at the port of an HTTP server, which takes over the connections that ask for it."""

    def take_over(self, connection: Http1Connection, request: Request) -> bool:
        """Whether the connection, which asks for an upgrade, is taken over or answered."""

    def host_closed(self) -> None:
        """The listener has ended."""


class Site:
    """What a listener and its connections share."""

    __slots__ = ("connections", "is_leaving", "is_secure", "guest")

    def __init__(self, *, is_secure: bool) -> None:
        self.connections: set[Http1Connection] = set()
        self.is_leaving = False
        self.is_secure = is_secure
        self.guest: Guest | None = None

    def error_body(self, status: int) -> tuple[bytes, str]:
        """The body of an answer that is not LPC's, and its type."""
        return b"%d %b\n" % (status, message.phrase(status)), "text/plain; charset=utf-8"

    def leave(self) -> None:
        """No further requests: connections end with the answer they owe, idle ones now."""
        self.is_leaving = True
        for connection in list(self.connections):
            connection.leave_if_idle()
