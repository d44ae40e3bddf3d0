"""Exchanges with HTTP servers on aiohttp's client: connections and their pool, names, redirects, bodies, errors.

An `Agent` belongs to one client, be it a socket or an object that uses http_send_request(), and so do its
connections: nobody uses one that somebody else was allowed to open.

    peer = await agent.dial(url)            a connection is up and waits in the pool
    answer = await agent.ask(request)       the head of the last answer, redirects followed
    body = await agent.read(answer)         its whole body, within the limit
    for piece in await agent.pieces(answer)  or what has come of it, until answer.is_complete

Rules:
- Before every connection, and again for every redirect, `Client.refuses` is asked about the host; what a name resolves
  to is asked about too, address by address, and only the allowed ones are connected to (`Names`).
- Everything has a limit: time to connect, between two pieces, and in all; size of a head, of a body and of what a
  compressed body becomes (http_inflate gives it in small pieces).
- Whatever goes wrong is an ExchangeError, in words for LPC.
- Nothing is taken from the environment: no proxies, no .netrc. No cookies are kept.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import ssl
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from efuns.sockets import errors, tls
from efuns.sockets.codecs import Codecs, CompressedDataError
from efuns.sockets.http import inflate as http_inflate
from efuns.sockets.http.inflate import Inflating
from efuns.sockets.http.request import SECURE, ExchangeError, Request, redirect

if TYPE_CHECKING:
    from lpc.runtime.host import Host

USER_AGENT: Final = "pylpc"
TOO_MANY_REDIRECTS: Final = "too many redirects"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MAX_FIELD: Final = 16 << 10
_LARGE: Final = 512 << 10  # bodies that are sent in pieces
_NAME_LIFE: Final = 10  # seconds an answer of a name server is believed
_TOO_LARGE: Final = "The body of the answer is too large"
_NOT_COMPLETE: Final = "The body of the answer is not complete"
_NO_HEADERS: Final[CIMultiDict[str]] = CIMultiDict()


class Settings(NamedTuple):
    """How an agent behaves. Times are seconds."""

    headers: CIMultiDict[str] = _NO_HEADERS
    body_limit: int = 1 << 20
    total_seconds: float = 30.0
    connect_seconds: float = 30.0
    read_seconds: float = 30.0
    follows: bool = True
    most_redirects: int = 5
    streams: bool = False
    connections: int = 100
    proxy: URL | None = None
    proxy_login: str | None = None
    server_name: str | None = None


class Client(Protocol):
    """Whom an agent works for."""

    def refuses(self, url: URL, address: str) -> str | None:
        """Why the client may not connect to the host of a URL, and where that is known to this address of it; None
        if it may."""

    def context(self) -> ssl.SSLContext:
        """What TLS has to do."""


class Answer:
    """The head of an answer, and the rest to come."""

    __slots__ = ("request", "response", "address", "inflating", "is_complete")

    def __init__(self, request: Request, response: _Response, codecs: Codecs) -> None:
        self.request = request
        self.response = response
        self.address = response.address
        self.is_complete = False  # nothing follows the pieces that were read
        coding = response.headers.get("content-encoding")
        self.inflating = None if coding is None else http_inflate.choose(coding.strip().lower(), codecs)

    def drop(self) -> None:
        """Read no more of it; its connection ends, unless the answer has."""
        self.response.close()


class _Response(aiohttp.ClientResponse):
    """Remembers who answers: an answer that is complete at once has no connection any more."""

    address = ""

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        transport = connection.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        self.address = peer_text(peer)
        return await super().start(connection)


def peer_text(peer: Any) -> str:
    """The address of a peer as LPC reads it, "ip port"."""
    return f"{peer[0].removeprefix('::ffff:')} {peer[1]}" if peer else ""


class Names(AbstractResolver):
    """Looks names up for one agent, and keeps to the addresses that are allowed."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC,
                      ) -> list[ResolveResult]:
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except (OSError, UnicodeError):
            raise _NoHostError(errno.EHOSTUNREACH, f"There is no host '{host}'") from None
        answers: list[ResolveResult] = []
        refusal = None
        for kind, _, number, _, sockaddr in found:
            address = str(sockaddr[0])
            why = self._client.refuses(URL.build(scheme="http", host=host, port=port), address)
            if why is None:
                answers.append(ResolveResult(hostname=host, host=address, port=port, family=kind, proto=number,
                                             flags=socket.AI_NUMERICHOST))
            else:
                refusal = why
        if not answers:
            raise _RefusedError(errno.EACCES, refusal or f"There is no host '{host}'")
        return answers

    async def close(self) -> None:
        """Nothing is kept open."""


class _NoHostError(OSError):
    """A name has no address."""


class _RefusedError(OSError):
    """No address of a name is allowed."""


class Agent:
    """The exchanges of one client. `settings` may change between them."""

    def __init__(self, driver: Host, client: Client, settings: Settings, local: tuple[str, int] | None = None) -> None:
        self._client = client
        self._loop = driver.loop
        self._closings = driver.state(Closings)
        self._codecs = driver.state(Codecs)
        self._local = local
        self._opened: aiohttp.ClientSession | None = None
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Behave in another way, from the next request on."""
        self.settings = settings
        # What a whole exchange may take is the caller's to watch, over all redirects and the body.
        connect, read = settings.connect_seconds, settings.read_seconds
        self._patient = aiohttp.ClientTimeout(connect=connect, sock_read=read)
        is_implied = read >= settings.total_seconds
        self._hasty = aiohttp.ClientTimeout(connect=connect) if is_implied else self._patient

    @property
    def _session(self) -> aiohttp.ClientSession:
        """What aiohttp keeps for the agent, made when it is first needed."""
        if self._opened is None:
            loop = self._loop
            connector = aiohttp.TCPConnector(loop=loop, limit=0, resolver=Names(self._client, loop),
                                             ttl_dns_cache=_NAME_LIFE, local_addr=self._local)
            self._opened = aiohttp.ClientSession(
                loop=loop, connector=connector, cookie_jar=aiohttp.DummyCookieJar(loop=loop), response_class=_Response,
                max_field_size=_MAX_FIELD, auto_decompress=False)
        return self._opened

    def close(self, tasks: Collection[asyncio.Task[None]] = ()) -> None:
        """Let go of all connections; `tasks` used them and have been cancelled."""
        opened, self._opened = self._opened, None
        if opened is not None or tasks:
            self._closings.add(opened, tasks)

    # ------------------------------------------------------------------------------------------ exchanges

    async def dial(self, url: URL) -> str:
        """Open a connection to the host of a URL, for the exchanges to come; the address of the other end."""
        session = self._session
        assert session.connector is not None
        options = self._way(url, CIMultiDict())
        request = aiohttp.ClientRequest("GET", url, loop=self._loop, session=session, **options)
        try:
            connection = await session.connector.connect(request, [], self._patient)
        except TimeoutError:
            raise ExchangeError(f"{url.host} {url.port}: Timeout while connecting", errors.EECONNECT) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explain(error, url) from None
        transport = connection.transport
        peer = transport.get_extra_info("peername") if transport is not None else None
        connection.release()
        return peer_text(peer)

    async def ask(self, request: Request) -> Answer:
        """Send a request and wait for the head of the answer; redirects are followed."""
        settings = self.settings
        while True:
            response = await self._send(request)
            location = response.headers.get("location") if response.status in _REDIRECTS and settings.follows else None
            if location is None:
                return Answer(request, response, self._codecs)
            response.release()
            if request.redirects >= settings.most_redirects:
                raise ExchangeError(TOO_MANY_REDIRECTS, response.status)
            redirect(request, response.status, location)
            refusal = self._client.refuses(request.url, "")
            if refusal is not None:
                raise ExchangeError(f"Redirected to {request.url.origin()}: {refusal}", errors.EESECURITY)

    async def _send(self, request: Request) -> _Response:
        url, body, headers = request.url, request.body, request.headers
        # aiohttp sends large bytes in one go, files in pieces.
        data = io.BytesIO(body) if body is not None and len(body) > _LARGE else body
        try:
            response: Any = await self._session.request(
                request.method, url, headers=headers, data=data, allow_redirects=False,
                timeout=self._patient if request.streams else self._hasty, **self._way(url, headers))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise explain(error, url) from None
        if response.status == 101:
            response.close()
            raise ExchangeError("The other end answers in another protocol", errors.EEBADDATA)
        made: _Response = response
        return made

    def _way(self, url: URL, headers: CIMultiDict[str]) -> dict[str, Any]:
        """How a connection to a host is made, in aiohttp's terms."""
        settings = self.settings
        way: dict[str, Any] = {}
        if SECURE[url.scheme]:
            way["ssl"] = self._client.context()
            if settings.server_name is not None:
                way["server_hostname"] = settings.server_name
        if settings.proxy is not None:
            way["proxy"] = settings.proxy
            if settings.proxy_login is not None:
                if SECURE[url.scheme]:
                    way["proxy_headers"] = CIMultiDict({"Proxy-Authorization": settings.proxy_login})
                else:
                    headers["Proxy-Authorization"] = settings.proxy_login
        return way

    async def read(self, answer: Answer) -> bytearray:
        """The whole body of an answer. ExchangeError where it is larger than allowed, or does not come."""
        limit = self.settings.body_limit
        length = answer.response.content_length
        if length is not None and length > limit and answer.request.method != "HEAD":
            raise ExchangeError(_TOO_LARGE, errors.EEBADDATA)
        body = bytearray()
        while not answer.is_complete:
            for piece in await self.pieces(answer):
                body += piece
                if len(body) > limit:
                    raise ExchangeError(_TOO_LARGE, errors.EEBADDATA)
        return body

    async def pieces(self, answer: Answer) -> Iterable[bytes]:
        """What has come of the body of an answer, its coding undone; waits where there is nothing yet. To be called
        until the answer `is_complete`."""
        content = answer.response.content
        try:
            data = await content.readany() if not content.at_eof() else b""
        except (aiohttp.ClientError, OSError) as error:
            raise explain(error, answer.request.url) from None
        answer.is_complete = content.at_eof()
        if answer.inflating is None:
            return (data,) if data else ()
        return _inflated(answer, answer.inflating, data)


def _inflated(answer: Answer, inflating: Inflating, data: bytes) -> Iterator[bytes]:
    """What data of the body of an answer become. ExchangeError where it is not what it says."""
    try:
        yield from inflating.pieces(data)
    except CompressedDataError as error:
        raise explain(error, answer.request.url) from None
    if answer.is_complete and not inflating.is_ended:
        raise ExchangeError(_NOT_COMPLETE, errors.EEBADDATA)


class Closings:
    """What the clients of one driver still have to end; that takes a turn of the loop."""

    def __init__(self, driver: Host) -> None:
        self._loop = driver.loop
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, session: aiohttp.ClientSession | None, tasks: Collection[asyncio.Task[None]]) -> None:
        """Close a session as soon as can be; `tasks` used it and have been cancelled."""
        if self._loop.is_closed():
            return
        closing = (self._loop.create_task(session.close()),) if session is not None else ()
        for task in (*closing, *tasks):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if not self._loop.is_running():  # the driver ends, and will not come back to it
            self._loop.run_until_complete(self.wait_closed())

    async def wait_closed(self) -> None:
        """Until all connections have ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0)


# ----------------------------------------------------------------------------------------------- in words


def explain(error: Exception, url: URL) -> ExchangeError:
    """An error of aiohttp, or below it, for LPC to read."""
    where = f"{url.host} {url.port}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ExchangeError(f"{where}: Timeout while connecting", errors.EECONNECT)
    if isinstance(error, TimeoutError):
        return ExchangeError(f"{where}: Timeout while waiting for data", errors.EEBADF)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error, where)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return ExchangeError(f"The proxy refuses to connect: {error.status}", error.status)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return ExchangeError(f"{where}: The other end closed the connection without an answer", errors.EEBADF)
    if isinstance(error, aiohttp.ClientPayloadError):
        return ExchangeError(f"{where}: {_NOT_COMPLETE}", errors.EEBADDATA)
    if isinstance(error, CompressedDataError):
        return ExchangeError(f"{where}: The body of the answer is not compressed as it says", errors.EEBADDATA)
    if isinstance(error, aiohttp.ClientResponseError):
        return ExchangeError(f"{where}: {_broken_head(error)}", errors.EEBADDATA)
    if isinstance(error, aiohttp.InvalidURL):
        return ExchangeError(f"'{str(url)[:200]}' is no URL", errors.EEBADADDR)
    if isinstance(error, OSError):
        return ExchangeError(f"{where}: {tls.explain(error)}", errors.EEBADF)
    return ExchangeError(f"{where}: The connection broke", errors.EEBADF)


def _not_connected(error: aiohttp.ClientConnectorError, where: str) -> ExchangeError:
    cause: BaseException = error
    while isinstance(cause, aiohttp.ClientConnectorError):
        inner = getattr(cause, "certificate_error", None) or cause.os_error
        if inner is cause or inner is None:
            break
        cause = inner
    if isinstance(cause, _RefusedError):
        return ExchangeError(str(cause.strerror), errors.EESECURITY)
    if isinstance(cause, _NoHostError):
        return ExchangeError(str(cause.strerror), errors.EECONNECT)
    if isinstance(cause, ssl.SSLError):
        return ExchangeError(f"{where}: {tls.explain(cause)}", errors.EECONNECT)
    if isinstance(cause, ssl.CertificateError):
        return ExchangeError(f"{where}: The certificate of the other end is for another name", errors.EECONNECT)
    number = cause.errno if isinstance(cause, OSError) else None
    code = errors.EECONNREFUSED if number == errno.ECONNREFUSED else errors.EECONNECT
    if number is None:
        return ExchangeError(f"{where}: The connection broke while it was made", code)
    return ExchangeError(f"{where}: {os.strerror(number)}", code)


def _broken_head(error: aiohttp.ClientResponseError) -> str:
    if "LineTooLong" in type(error.__cause__).__name__ or "too long" in error.message.lower():
        return "The head of the answer is too large"
    return "The other end does not speak HTTP"

