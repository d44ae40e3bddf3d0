"""An LPC object as an ASGI 3 application: a part of a site made of Starlette, FastAPI or any other.

    from efuns.asgi import lpc_asgi

    app.mount("/game", lpc_asgi(driver, "/www/site"))        mixed request(int fd, mapping request, string address)

A request is a socket of LPC's, as with HTTP_SERVER: what `request()` returns is the answer, or it answers later
by socket_write(fd, …), whole or in chunks. Rules:
- The driver and the server share one event loop, and the driver is the host's: it is loaded at the lifespan's
  start if there is one, else by the first request, and closed only with `owns_driver`.
- Every request gets an answer: 500 where LPC fails (which the driver reports, once) or has no such function, 503
  where it is closed or has no descriptor left, 504 where LPC never answers, 413 beyond `body_limit`, 408 where
  a body does not come. An answer that breaks off does not look whole: the connection is ended.
- What a slow client has not taken is counted as with any socket: socket_write() answers EECALLBACK, and the
  `write` function is called when it has.
- A client that leaves is the end of the socket: the `close` function hears of it.
- WebSockets are refused, with 501 where the server can say so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from math import inf
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from efuns.sockets import errors
from efuns.sockets.base import CLOSED, CLOSING, DATA_XFER
from efuns.sockets.http import exchange as http_exchange
from efuns.sockets.http import message
from efuns.sockets.http.exchange import ASKED, PROGRESS, WAITING, Exchange, our_answer
from efuns.sockets.http.message import Answer, BadRequestError, Request
from efuns.sockets.http.site import BODY_LIMIT, DEFAULTS, SECONDS, HttpServers, Settings, Site
from efuns.sockets.modes import Mode, Modes
from efuns.sockets.table import SocketTable
from lpc.errors import CompileError, ConfigError, LPCFault
from lpc.runtime.call import Callback
from lpc.runtime.host import Host
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping

if TYPE_CHECKING:
    from asyncio import TimerHandle

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]

_HTTP: Final = 20  # the mode whose sockets ours are
_PIECE: Final = 64 << 10
_LEFT: Final = "The other end closed the connection"
_ANSWERED: Final = "The request is answered"


class HostDriver(Host, Protocol):
    """A driver as its host sees it (lpc.Driver)."""

    @property
    def closed(self) -> bool: ...
    def load(self, path: str) -> LPCObject: ...
    async def drain(self, seconds: float = 5.0) -> None: ...
    async def aclose(self) -> None: ...


def lpc_asgi(driver: HostDriver, path: str, function: str = "request", *, write: str | None = None,
             close: str | None = None, body_limit: int = BODY_LIMIT, answer_seconds: float = SECONDS,
             read_seconds: float = SECONDS, owns_driver: bool = False) -> LpcApplication:
    """The ASGI application that lets `function` of the object `path` answer.

    `write` is called when a full socket has room again, `close` when a request ends without LPC having closed
    it: close(fd, reason, code). `answer_seconds` is what LPC has for an answer, `read_seconds` a client for
    the body. With `owns_driver` the driver ends with the server (lifespan)."""
    settings = DEFAULTS._replace(
        body_limit=min(body_limit, driver.limits.buffer_size), answer_seconds=answer_seconds,
        read_seconds=read_seconds, codings=())
    return LpcApplication(driver, path, (function, write, close), settings, owns_driver=owns_driver)


class LpcApplication:
    """What lpc_asgi() makes."""

    def __init__(self, driver: HostDriver, path: str, functions: tuple[str, str | None, str | None],
                 settings: Settings, *, owns_driver: bool) -> None:
        self.driver = driver
        self.path = path
        self.functions = functions
        self.settings = settings
        self._owns_driver = owns_driver
        self._sites = Site(is_secure=False), Site(is_secure=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one scope."""
        kind = scope["type"]
        if kind == "http":
            await self._serve(scope, receive, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await _refuse_websocket(scope, receive, send)
        else:
            raise ValueError(f"lpc_asgi: there is no answer to a scope of type {kind!r}")

    # ---------------------------------------------------------------------------------------- lifespan

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = await receive()
            if event["type"] == "lifespan.startup":
                trouble = self._start()
                if trouble:
                    await send({"type": "lifespan.startup.failed", "message": trouble})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif event["type"] == "lifespan.shutdown":
                if self._owns_driver and not self.driver.closed:
                    await self.driver.drain()
                    await self.driver.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    def _start(self) -> str:
        """Load the object: "", or why it does not work."""
        self._check_loop()
        if self.driver.closed:
            return "The driver is closed"
        try:
            self.driver.load(self.path)
        except (CompileError, ConfigError, LPCFault) as error:
            return f"{self.path} cannot be loaded: {error}"
        return ""

    def _check_loop(self) -> None:
        if not self.driver.closed and self.driver.loop is not asyncio.get_running_loop():
            raise RuntimeError("lpc_asgi: the driver belongs to another event loop; make it where the server runs, "
                               "or leave the argument loop= out")

    # ---------------------------------------------------------------------------------------- requests

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        self._check_loop()
        request = _request_of(scope)
        try:
            _check(request)
            async with asyncio.timeout(self.settings.read_seconds) as limit:
                is_whole = await self._read_body(request, receive, limit)
        except TimeoutError:
            await _say(send, 408)
            return
        except BadRequestError as error:
            await _say(send, error.status)
            return
        if not is_whole:
            return
        exchange = self._exchange(scope)
        if isinstance(exchange, int):
            await _say(send, exchange)
            return
        watch = asyncio.ensure_future(_until_left(receive))
        try:
            watch.add_done_callback(exchange.left)
            exchange.take(request)
            await exchange.pump(send)
        finally:
            watch.cancel()
            exchange.over()

    async def _read_body(self, request: Request, receive: Receive, time: asyncio.Timeout) -> bool:
        """Read the body: whether the client has stayed that long. BadRequestError where it is too long."""
        limit, mark, now = self.settings.body_limit, 0, asyncio.get_running_loop().time
        length = request.headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and (len(length) > 18 or int(length) > limit):
            raise BadRequestError(413, "The body of the request is too large")
        while True:
            event = await receive()
            if event["type"] == "http.disconnect":
                return False
            data = event.get("body", b"")
            if data:
                if request.body is None:
                    request.body = bytearray()
                request.body += data
                if len(request.body) > limit:
                    raise BadRequestError(413, "The body of the request is too large")
                if len(request.body) - mark >= PROGRESS:
                    mark = len(request.body)
                    time.reschedule(now() + self.settings.read_seconds)
            if not event.get("more_body", False):
                return True

    def _exchange(self, scope: Scope) -> AsgiExchange | int:
        """The socket of a request; the status to answer where there can be none."""
        driver = self.driver
        if driver.closed:
            return 503
        table, mode = driver.state(SocketTable), driver.state(Modes).find(_HTTP)
        assert mode is not None
        if table.is_full:
            table.log_once(f"no socket is left for requests to {self.path}")
            return 503
        owner = driver.enter(self._object)
        if not isinstance(owner, LPCObject):
            return 500
        made = AsgiExchange(table, mode, owner, self.settings, self._sites[scope.get("scheme") == "https"], scope)
        read, write, close = self.functions
        made.read_callback = Callback(owner, read)
        made.write_callback = Callback(owner, write) if write else None
        made.close_callback = Callback(owner, close) if close else None
        table.add(made)
        return made

    def _object(self) -> LPCObject | int:
        """The object that answers, loaded if it has to be. Runs as an evaluation."""
        driver = self.driver
        found = driver.find_object(self.path)
        if found is None:
            found = driver.load(self.path)
        return found if not found.is_destructed else 0


class AsgiExchange(Exchange):
    """One request as LPC's socket. What LPC answers is queued as events of ASGI; pump() sends them."""

    __slots__ = (*http_exchange.SLOTS, "_events", "_size", "_news", "_has_begun", "_has_ended", "_is_gone",
                 "_addresses", "_timer")

    can_bind = False

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, settings: Settings, site: Site,
                 scope: Scope) -> None:
        super().__init__(table, mode, owner)
        self.state = DATA_XFER  # the server keeps the process alive
        self.site = site
        self._settings = settings
        self._servers = table.driver.state(HttpServers)
        self._phase = WAITING
        self._request = None
        self._addresses = _address_of(scope.get("server")), _address_of(scope.get("client"))
        host, port = self._addresses[1] or ("0.0.0.0", 0)
        self._peer_text = f"{host} {port}"
        self._now = table.driver.loop.time
        self._due = inf
        self._queue_mark = 0
        self._verdict = None
        self._file = None
        self._events: deque[Event] = deque()
        self._size = 0  # bytes of bodies among them
        self._news: asyncio.Future[None] | None = None  # pump() waits for it
        self._has_begun = False  # something was sent
        self._has_ended = False  # the last event is queued
        self._is_gone = False  # nobody wants more events
        self._timer: TimerHandle | None = None

    # ---------------------------------------------------------------------------------------- the request

    def take(self, request: Request) -> None:
        """The request is complete."""
        self.begin(request)
        self._look()
        try:
            self.route(request)
        except BadRequestError as error:
            self.reject(error.status, error.reason)

    def ask(self, mapping: Mapping, address: str) -> bool:
        callback = self.read_callback
        function = callback.entry(3) if callback is not None else None
        if callback is None or function is None:
            if callback is not None:
                self._unheard(callback)
            return False
        result = self.table.enter(function, 0, self.fd, mapping, address)
        if isinstance(result, (Mapping, str, Buffer)) and self.runs and self._phase is ASKED:
            if self.send(result) < 0:
                self.table.log_once(f"{self.owner.name}: what {callback.target}() returned is no answer: "
                                    f"{self.last_error}")
                return False
        return result is not None

    # ----------------------------------------------------------------------------------------- the answer

    @property
    def queued(self) -> int:
        return self._size

    def put_information(self, status: int, reason: bytes, headers: bytes) -> int:
        return errors.EESUCCESS  # ASGI has no such event

    def put_answer(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        self._queue_head(answer.status, headers, length)
        return self.put_last(body)

    def put_head(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        self._queue_head(answer.status, headers, length)
        return self.put_piece(body) if body else errors.EESUCCESS

    def put_piece(self, data: bytes) -> int:
        self._queue({"type": "http.response.body", "body": data, "more_body": True}, len(data))
        return self.taken(self._size)

    def put_last(self, data: bytes) -> int:
        self._request = None
        self._phase = WAITING
        self._has_ended = True
        self._due = inf
        self._queue({"type": "http.response.body", "body": data, "more_body": False}, len(data))
        return self.taken(self._size)

    def reject(self, status: int, reason: str) -> None:
        self.last_error = reason
        self._verdict = (reason, status)
        answer = our_answer(self.site, status)
        self._queue_head(status, b"Content-Type: %b\r\n" % answer.content_type.encode(), len(answer.body))
        self.put_last(answer.body)

    def _queue_head(self, status: int, headers: bytes, length: int | None) -> None:
        fields = [(name.lower(), value.strip()) for name, _, value in
                  (line.partition(b":") for line in headers.split(b"\r\n") if line)]
        if length is not None:
            fields.append((b"content-length", b"%d" % length))
        self._queue({"type": "http.response.start", "status": status, "headers": fields}, 0)

    def _queue(self, event: Event, size: int) -> None:
        self._events.append(event)
        self._size += size
        self._wake()

    def _wake(self) -> None:
        news = self._news
        if news is not None and not news.done():
            news.set_result(None)

    async def pump(self, send: Send) -> None:
        """Send events until the last one is sent, or nobody wants any."""
        events = self._events
        while not self._is_gone:
            if not events:
                if self._has_ended:
                    return
                self._news = self.table.driver.loop.create_future()
                await self._news
                continue
            self._has_begun = True
            try:
                await self._send_event(send, events.popleft())
            except OSError:  # a client that has left, by the specification of ASGI from 2.4 on
                self._is_gone = True
            if not self._size and not self._is_gone:
                self.drained()

    async def _send_event(self, send: Send, event: Event) -> None:
        """Send an event, a large body as several: servers take one whole before they say that it is too much."""
        body = event.get("body", b"")
        for at in range(0, len(body) - _PIECE, _PIECE):
            await send({**event, "body": body[at:at + _PIECE], "more_body": True})
            self._size -= _PIECE
            if self._is_gone:
                return
        rest = len(body) % _PIECE or min(len(body), _PIECE)
        await send({**event, "body": body[len(body) - rest:]} if len(body) > _PIECE else event)
        self._size -= rest

    def drained(self) -> None:
        if self._has_ended or self.state is CLOSING or self.state is CLOSED:
            return  # over() follows
        if self._phase is http_exchange.SENDING:
            self._send_file()
        else:
            super().drained()

    # -------------------------------------------------------------------------------------- time and end

    def _look(self) -> None:
        """Whether the answer is late; and look again."""
        if self._has_ended or self._is_gone:
            return
        if self._now() >= self._due:
            self._is_late()
        if not self._has_ended and not self._is_gone:
            wait = max(min(self._due - self._now(), self._settings.answer_seconds), 0.05)
            self._timer = self.table.driver.loop.call_later(wait, self._look)

    def left(self, watch: asyncio.Future[None]) -> None:
        """The client has left (or the watch for it was given up)."""
        if not watch.cancelled() and watch.exception() is None and not (self._has_ended and not self._events):
            self._is_gone = True
            self._wake()

    def over(self) -> None:
        """All is sent, or nobody is there for it."""
        if self._timer is not None:
            self._timer.cancel()
        is_whole = self._has_ended and not self._events
        self._is_gone = True
        if self.state is CLOSING:
            self._free_after_flush()
        elif self.state is not CLOSED:
            self.fail(_ANSWERED if is_whole else _LEFT, errors.EEBADF)

    def shut(self, *, flush: bool) -> bool:
        self._let_go_of_file()
        if self._phase is ASKED and self._request is not None and not self._is_gone:
            self.answer(503)  # whoever should have answered has closed it, or is gone
        self._request = None
        if not self._has_ended and not self._is_gone:
            if self._has_begun:  # half an answer must not look like a whole one
                self._is_gone = True
                self._wake()
            else:
                self._events.clear()
                self._size = 0
                self.reject(500, self.last_error)
        return not flush or self._is_gone

    # ------------------------------------------------------------------------------------ what is asked

    def may_wake(self) -> bool:
        return False

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._addresses


# --------------------------------------------------------------------------------------------- scopes


def _request_of(scope: Scope) -> Request:
    """The head of a request. Paths are as the mounted application sees them, targets as they were sent."""
    request = Request()
    request.method = scope["method"]
    request.version = scope.get("http_version", "1.1")
    request.keeps_alive = True
    request.wants_upgrade = False
    path, root = scope["path"], scope.get("root_path", "")
    raw = scope.get("raw_path") or quote(path).encode()
    query = scope.get("query_string", b"")
    request.path = (path[len(root):] if root and path.startswith(root) else path) or "/"
    request.query = query.decode("latin-1")
    request.target = raw.decode("latin-1") + (f"?{request.query}" if query else "")
    headers = request.headers
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), message.header_text(value)
        headers[key] = text if key not in headers else headers[key] + ("; " if key == "cookie" else ", ") + text
    return request


def _check(request: Request) -> None:
    """Whether LPC may see a request; BadRequestError if not."""
    if "\0" in request.path:
        raise BadRequestError(400, "The target holds a zero byte")
    if request.method in ("CONNECT", "TRACE"):
        raise BadRequestError(501, f"{request.method} is not supported")
    message.check_host(request.headers.get("host", ""))


def _address_of(given: Any) -> tuple[str, int] | None:
    """Host and port of a scope; None where it has none."""
    return (str(given[0]), int(given[1] or 0)) if given else None


async def _say(send: Send, status: int) -> None:
    """Answer without LPC."""
    body = b"%d %b\n" % (status, message.phrase(status))
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if status in (408, 413):  # what is left of the body is not wanted
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _until_left(receive: Receive) -> None:
    """Until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """There are none here."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1003, "reason": "no WebSockets here"})
        return
    body = b"No WebSockets here: the LPC object answers HTTP requests.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "websocket.http.response.start", "status": 501, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})


__all__ = ["AsgiExchange", "LpcApplication", "lpc_asgi"]
