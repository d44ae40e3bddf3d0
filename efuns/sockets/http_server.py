"""Modes 20 and 21: HTTP/1.1 servers. Requests are mappings, so are answers.

A listener makes connections, both are an `HttpServer`. A connection is always in one phase:

    WAITING      for a request, or the rest of one
    ASKED        LPC has a request and has not answered
    STREAMING    LPC sends a body in chunks
    SENDING      a file of HTTP_STATIC is on its way
    LEAVING      the last answer is given; the peer's end is waited for, what it still sends is dropped

Rules:
- One request at a time is LPC's. What the peer sends meanwhile waits as bytes; beyond BACKLOG the socket is
  not read. The next request waits too while more than `high_water` bytes of answers are queued.
- A request that cannot be understood is answered here and ends the connection; LPC hears of it by the third
  callback, (fd, reason, HTTP status).
- A connection that ends after an answer shuts its sending side first and drops what comes for LINGER seconds
  (RFC 9112 9.6): a reset would take the answer away from its reader.
- A peer may shut its sending side and still get its answer; during STREAMING that is its end.
- Time is one deadline and one timer for a connection. The timer looks at the deadline when it fires and is
  not touched by requests.
- `on_upgrade(request)` is where another protocol takes a connection over (RFC 9110 7.8): it is asked before
  LPC is, with the whole request. One that answers True owns `_phase`, the bytes from then on, and the answer.
  Here it answers False: an Upgrade field nobody knows is ignored, as the RFC wants it.
"""

from __future__ import annotations

import asyncio
import socket
from email.utils import formatdate
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple
from urllib.parse import quote

from efuns.sockets import errors, http_coding, http_static, options, tls
from efuns.sockets import http_message as message
from efuns.sockets.base import CLOSED, CLOSING, DATA_XFER, HANDSHAKE, LISTEN, UNBOUND
from efuns.sockets.http_message import Answer, BadRequestError, Request, RequestReader
from efuns.sockets.tcp import STALLED_SECONDS, Stream
from lpc.errors import LPCError
from lpc.runtime.values import UNDEFINED, Mapping, Value, truth

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

WAITING: Final = "WAITING"
ASKED: Final = "ASKED"
STREAMING: Final = "STREAMING"
SENDING: Final = "SENDING"
LEAVING: Final = "LEAVING"

BACKLOG: Final = 64 << 10
KEEP_ALIVE: Final = 75.0  # seconds a connection may be idle between two requests
LINGER: Final = 2.0
SECONDS: Final = 30.0  # HTTP_TIMEOUT and HTTP_READ_TIMEOUT, unless set
BODY_LIMIT: Final = 1 << 20
_PROGRESS: Final = 16 << 10  # bytes of a body that are worth another HTTP_READ_TIMEOUT
_READ: Final = 48_000
_RECORD: Final = 16_384  # RFC 8446 5.1
_PIECE: Final = 128 << 10
_PIECES: Final = 8  # of a file in one turn of the loop
_CONNECTIONS: Final = 1024  # the kernel's queue of a listener
_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_CLOSE: Final = b"Connection: close\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n"  # HTTP/1.0 wants to be told
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
_PEER_CLOSED: Final = "The other end closed the connection"

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


DEFAULTS: Final = Settings(BODY_LIMIT, SECONDS, SECONDS, b"", frozenset(), (), (), http_coding.available())


def read_settings(given: dict[int, Value], most: int) -> Settings:
    """The settings options make; no body may be larger than `most`. LPCError for a value that will not do."""
    headers = given.get(options.HTTP_HEADERS)
    lines = message.header_lines(headers) if isinstance(headers, Mapping) else (b"", frozenset())
    if lines is None:
        raise _bad_value("HTTP_HEADERS", "names and values of header fields are accepted")
    mounts = http_static.read_mounts(given.get(options.HTTP_STATIC) or Mapping())
    if mounts is None:
        raise _bad_value("HTTP_STATIC", "absolute directories by absolute path prefix are accepted")
    return Settings(
        min(given.get(options.CONTENT_SIZE_LIMIT, BODY_LIMIT), most),
        given.get(options.HTTP_TIMEOUT, SECONDS * 1000) / 1000,
        given.get(options.HTTP_READ_TIMEOUT, SECONDS * 1000) / 1000,
        *lines, mounts, _networks(given.get(options.HTTP_TRUSTED_PROXIES, [])),
        http_coding.available() if given.get(options.HTTP_COMPRESSION, 1) else ())


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
        for listener in self._listeners:
            listener.stop_accepting()
            listener.site.leave()
        if self._is_busy():
            self._finished = asyncio.get_running_loop().create_future()
            await self._finished


class Site:
    """What a listener and its connections share."""

    __slots__ = ("connections", "is_leaving", "is_secure")

    def __init__(self, *, is_secure: bool) -> None:
        self.connections: set[HttpServer] = set()
        self.is_leaving = False
        self.is_secure = is_secure

    def leave(self) -> None:
        """No further requests: connections end with the answer they owe, idle ones now."""
        self.is_leaving = True
        for connection in list(self.connections):
            connection.leave_if_idle()


class HttpServer(Stream):
    """Mode 20, HTTP_SERVER: a listener or one of its connections."""

    __slots__ = ("site", "_settings", "_servers", "_accepts_itself", "_reader", "_phase", "_request", "_address",
                 "_due", "_watch", "_reading", "_read_mark", "_queue_mark", "_is_working", "_is_paused",
                 "_input_is_over", "_verdict", "_file", "_keeps", "_peer_text", "_now")

    can_connect = False
    accepts_by_itself = True
    needs_certificate: ClassVar[bool] = False

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._servers = table.driver.state(HttpServers)
        self._settings = DEFAULTS
        self.site = Site(is_secure=False)
        self._accepts_itself = False
        self._reader: RequestReader | None = None
        self._phase = WAITING
        self._request: Request | None = None  # LPC's, while it is not answered to the end
        self._peer_text = ""
        self._now = table.driver.loop.time
        self._due = 0.0
        self._watch: TimerHandle | None = None
        self._reading = False  # the deadline is that of a request being read
        self._read_mark = self._queue_mark = 0
        self._is_working = self._is_paused = self._input_is_over = False
        self._verdict: tuple[str, int] | None = None  # how a connection that is LEAVING ends
        self._file: http_static.StaticFile | None = None
        self._keeps = False  # after this answer the connection goes on

    # ---------------------------------------------------------------------------------- the listener

    def set_option(self, number: int, value: Value) -> None:
        self._settings = read_settings({**(self._options or {}), number: value}, self.table.driver.limits.buffer_size)
        super().set_option(number, value)
        if self._reader is not None:
            self._reader.body_limit = self._settings.body_limit

    def start_listen(self, callback: Callback | None) -> int:
        self._accepts_itself = callback is None
        has_certificate = all(self.get_option(number) for number in (options.SO_TLS_CERT, options.SO_TLS_KEY))
        if self.needs_certificate and not has_certificate:
            return self.problem(errors.EELISTEN, f"{self.mode.name} needs SO_TLS_CERT and SO_TLS_KEY")
        if has_certificate and not self.is_secure:
            try:
                self._context = tls.server_context(self)
            except OSError as error:
                return self.problem(errors.EELISTEN, tls.explain(error))
            if not self.is_open:  # the master, asked about the files, closed it
                return errors.EEBADF
        code = super().start_listen(callback)
        if code == errors.EESUCCESS:
            if self._context is not None and not self.get_option(options.TLS_ALPN):
                self._context.set_alpn_protocols(["http/1.1"])
            self._connection.listen(_CONNECTIONS)
            self.site = Site(is_secure=self._context is not None)
            self._servers.add(self)
        return code

    def stop_accepting(self) -> None:
        """Let who connects from now on wait in vain."""
        self._stop_timer()
        self._loop.remove_reader(self._connection.fileno())

    def deliver(self, *args: Value) -> None:
        if self.state is LISTEN and self._accepts_itself:
            self._accept_here()
        else:
            super().deliver(*args)

    def _accept_here(self) -> None:
        """Take the waiting connection, with the callbacks of socket_create()."""
        if self.table.is_full:
            return  # it waits; the listener looks again
        driver = self.table.driver
        asked = [self.fd, self.owner, *(self.addresses()[1] or ("0.0.0.0", 0)), self.mode.number, 0]
        allowed = driver.enter(driver.valid, "valid_socket", self.owner, "accept", asked)
        if self.state is not LISTEN:
            return
        made = self.accept(self.owner)
        if isinstance(made, int):
            return
        if allowed is None or not truth(allowed):
            made.abort()
            return
        made.read_callback = self.read_callback
        made.close_callback = self.close_callback
        self.table.add(made)

    # -------------------------------------------------------------------------- a connection's hooks

    def _begin(self, listener: Stream, peer: tuple[str, int]) -> None:
        assert isinstance(listener, HttpServer)
        self.site = listener.site
        self._settings = listener._settings
        self._reader = RequestReader(self._settings.body_limit)
        self._peer_text = f"{peer[0]} {peer[1]}"
        self.site.connections.add(self)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super()._begin(listener, peer)
        self._set_due(self._settings.read_seconds)
        self._look_later()

    def received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None or self._phase is LEAVING:
            return
        if self._phase is WAITING and not self._blocked:
            self._work(data)
            return
        reader.feed(data)
        if reader.waiting >= BACKLOG and not self._is_paused:
            self._is_paused = True
            self._loop.remove_reader(self._connection.fileno())

    def _readable(self) -> None:
        # Without the base's question after each read whether the connection has broken meanwhile: an answer
        # will find it out, and where none is owed yet, so will the deadline.
        if self._phase is not WAITING or self.state is not DATA_XFER:
            super()._readable()
            return
        try:
            data = self._connection.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        session = self._tls
        if session is None or not session.is_up or not data:
            super()._take(data)
            return
        # The base's way without the question after each read whether TLS has something to say itself: where
        # it has, that leaves with the answer.
        plain = session.decrypt(data)
        if plain:
            self.received(plain)
        if self.runs and (session.is_over or session.failure is not None):
            super()._take(b"")

    def transmit(self, data: bytes) -> int:
        session = self._tls
        if session is None or self._is_writing or self._outgoing is not None or self._cipher or len(data) > _RECORD:
            return super().transmit(data)
        try:  # small answers: straight to the kernel, as the base does without TLS
            cipher = session.encrypt(data)
            try:
                sent = self._connection.send(cipher)
            except (BlockingIOError, InterruptedError):
                sent = 0
            if sent == len(cipher):
                return errors.EESUCCESS
            self._cipher = memoryview(cipher)[sent:]
            self._await_room()
        except OSError as error:
            return self._not_sent(error)
        return self.taken(self.queued)

    def ended(self) -> tuple[str, int]:
        if self._reader is not None and self._reader.is_partial:
            return f"{_PEER_CLOSED} within a request", errors.EEBADF
        return super().ended()

    def _end(self) -> None:
        if self._phase is ASKED or self._phase is SENDING or self._blocked:
            self._input_is_over = True  # the answer may still be wanted
            self._loop.remove_reader(self._connection.fileno())
        else:
            super()._end()

    def fail(self, reason: str, code: int) -> None:
        super().fail(*(self._verdict or (reason, code)))

    def drained(self) -> None:
        if self.state is CLOSING or self.state is CLOSED:
            super().drained()
        elif self._phase is LEAVING:
            self._half_close()
        elif self._phase is SENDING:
            self._blocked = self._owes_write = False
            self._send_file()
        else:
            super().drained()
            if self.runs and self._phase is WAITING:
                self._work()

    def shut(self, *, flush: bool) -> bool:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            self._request = None
            self.site.connections.discard(self)
            self._servers.exchange_over()
        elif self.state is LISTEN:
            self._servers.discard(self)
            if not self._loop.is_closed():
                self.site.leave()
        return super().shut(flush=flush)

    def on_upgrade(self, request: Request) -> bool:
        """Whether another protocol takes the connection over with this request; see the module."""
        return False

    # ---------------------------------------------------------------------------------------- requests

    @property
    def is_busy(self) -> bool:
        """Whether an answer is owed or on its way."""
        if self.queued or self._phase is not WAITING:
            return self.queued > 0 or self._phase is not LEAVING
        return self._reader is not None and self._reader.has_more

    def _work(self, data: bytes = b"") -> None:
        """Take requests, as long as there are some and each is answered."""
        reader = self._reader
        if reader is None or self._is_working or self._phase is not WAITING or self._blocked or not self.runs:
            return
        self._is_working = True
        try:
            request = reader.read(data) if data else reader.next()
            while request is not None:
                self._take_request(request)
                if self._phase is not WAITING or self._blocked or not self.runs:
                    return
                request = reader.next()
            self._await_more(reader)
        except BadRequestError as error:
            self._reject(error.status, error.reason)
        finally:
            self._is_working = False

    def _await_more(self, reader: RequestReader) -> None:
        if self._input_is_over:
            self._loop.call_soon(self._end)
            return
        if reader.wants_continue:
            reader.wants_continue = False
            if reader.progress == 0:
                self.transmit(message.CONTINUE)
        if not reader.is_partial:
            self._reading = False
        elif not self._reading:
            self._reading = True
            self._read_mark = 0
            self._set_due(self._settings.read_seconds)
        elif reader.progress - self._read_mark >= _PROGRESS:
            self._read_mark = reader.progress
            self._set_due(self._settings.read_seconds)
        if self._is_paused:
            self._is_paused = False
            self._loop.add_reader(self._connection.fileno(), self._readable)

    def _take_request(self, request: Request) -> None:
        self._request = request
        self._phase = ASKED
        self._reading = False
        self._keeps = request.keeps_alive
        self._due = self._now() + self._settings.answer_seconds
        if request.wants_upgrade and self.on_upgrade(request):
            return
        if request.target == "*":
            self._answer_here(204, b"Allow: %b\r\n" % _METHODS)
            return
        if self._settings.mounts and request.method in ("GET", "HEAD"):
            mount = http_static.mount_of(self._settings.mounts, request.path)
            if mount is not None:
                self._serve(mount, request)
                return
        address, is_secure = self._origin(request) if self._settings.proxies else (self._peer_text, self.site.is_secure)
        mapping = message.request_mapping(
            request, self._servers.number(), address, is_secure=is_secure,
            limits=self.table.driver.limits)
        if not self._ask(mapping, address) and self.runs and self._request is request:
            if self._phase is ASKED:
                self._answer_here(500)
            elif self._phase is STREAMING:  # half an answer must not look like a whole one
                self.fail("The handler failed within its answer", 500)

    def _ask(self, mapping: Mapping, address: str) -> bool:
        """Call LPC: whether there was somebody to call and nothing went wrong."""
        callback = self.read_callback
        if callback is None or not callback.alive:
            return False
        result = self.table.enter(_run, callback, self.fd, mapping, address)
        if result is UNDEFINED:
            name, driver = callback.target, self.table.driver
            if isinstance(name, str) and callback.alive and not driver.defines(callback.owner, name):
                self.table.log_once(f"{callback.owner.name} has no function {name}() for its socket ({self.mode.name})")
                return False
        return result is not None

    def _origin(self, request: Request) -> tuple[str, bool]:
        """Address and scheme of the client; a proxy we trust is believed what it says of them."""
        if not self._trusts(self._peer_text.partition(" ")[0]):
            return self._peer_text, self.site.is_secure
        headers = request.headers
        found = self._peer_text
        for part in reversed(headers.get("x-forwarded-for", "").split(",")):
            try:
                client = str(ip_address(part.strip()))
            except ValueError:
                break
            found = f"{client} 0"
            if not self._trusts(client):
                break
        scheme = headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        return found, scheme == "https" if scheme else self.site.is_secure

    def _trusts(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self._settings.proxies)

    # ----------------------------------------------------------------------------------------- answers

    def send(self, message_: Value) -> int:
        request = self._request
        if self._phase is LEAVING:
            return errors.EENOTCONN
        if self._phase is STREAMING:
            return self._stream(message_)
        if self._phase is not ASKED or request is None:
            return self.problem(errors.EEALREADY, "The request is answered")
        answer = message.read_answer(message_, self.table.driver.limits, self._servers.lines)
        if isinstance(answer, int):
            reason = "no answer" if answer == errors.EETYPENOTSUPP else "a part of the answer cannot be sent"
            return self.problem(answer, reason)
        if answer.status < 200:
            return self.transmit(b"HTTP/1.1 %d %b\r\n%b\r\n" % (answer.status, answer.reason, answer.headers))
        return self._respond(request, answer)

    def _respond(self, request: Request, answer: Answer) -> int:
        status, reason, headers, names, body, content_type, closes, is_chunked = answer
        settings = self._settings
        if settings.names:
            headers = _with_defaults(answer, settings)
        keeps = self._keeps and not closes and not self.site.is_leaving
        connection = b"" if keeps and request.version == "1.1" else self._connection_line(request, keeps=keeps)
        if not message.has_body(status):
            data = message.head(status, reason, headers, self._servers.date, None, connection)
            return self._finish(data, keeps=keeps)
        if "content-type" not in names and (body or is_chunked):
            headers += b"Content-Type: %b\r\n" % content_type.encode()
        if is_chunked:
            return self._begin_stream(request, answer, headers, body, keeps=keeps)
        if len(body) >= http_coding.SMALLEST and settings.codings:
            headers, body = self._encode_body(request, answer, headers, body)
        data = message.head(status, reason, headers, self._servers.date, len(body), connection)
        return self._finish(data + body if request.method != "HEAD" else data, keeps=keeps)

    def _connection_line(self, request: Request, *, keeps: bool) -> bytes:
        if not keeps:
            return _CLOSE
        return _KEEP if request.version == "1.0" else b""

    def _encode_body(self, request: Request, answer: Answer, headers: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Compress a body, where it shrinks, nobody did it before, and the client takes it."""
        content_type = answer.content_type
        if "content-type" in answer.names:
            content_type = _field(headers, b"content-type")
        if {"content-encoding", "etag", "content-range"} & answer.names or len(body) > http_coding.LARGEST:
            return headers, body
        if not http_coding.is_compressible(message.media_type(content_type)):
            return headers, body
        headers += b"Vary: Accept-Encoding\r\n"
        coding = http_coding.choose(request.headers.get("accept-encoding", ""), self._settings.codings)
        if not coding:
            return headers, body
        return headers + b"Content-Encoding: %b\r\n" % coding.encode(), http_coding.encode(coding, body)

    def _begin_stream(self, request: Request, answer: Answer, headers: bytes, body: bytes, *, keeps: bool) -> int:
        """Send the head of a body that comes in pieces. HTTP/1.0 knows no chunks: there its end is ours."""
        if request.version == "1.0":
            keeps = False
        else:
            headers += _CHUNKED
        data = message.head(answer.status, answer.reason, headers, self._servers.date, None,
                            self._connection_line(request, keeps=keeps))
        self._keeps = keeps
        self._phase = STREAMING
        self._set_due(STALLED_SECONDS)
        return self.transmit(data + self._piece(request, body))

    def _piece(self, request: Request, data: bytes) -> bytes:
        if not data or request.method == "HEAD":
            return b""
        return data if request.version == "1.0" else message.chunk(data)

    def _stream(self, message_: Value) -> int:
        request = self._request
        assert request is not None
        if not isinstance(message_, Mapping):
            data = message.chunk_bytes(message_)
            if isinstance(data, int):
                return data
            piece = self._piece(request, data)
            return self.transmit(piece) if piece else errors.EESUCCESS
        if not message_.get("end", 0):
            return self.problem(errors.EEALREADY, "The request is being answered")
        data = message.chunk_bytes(message_.get("body", "") or "")
        if isinstance(data, int):
            return data
        piece = self._piece(request, data)
        if request.version != "1.0" and request.method != "HEAD":
            piece += message.LAST_CHUNK
        return self._finish(piece, keeps=self._keeps)

    def _finish(self, data: bytes, *, keeps: bool) -> int:
        """Send the last bytes of an answer."""
        self._request = None
        if keeps:
            self._phase = WAITING
            self._due = self._now() + KEEP_ALIVE
        code = self.transmit(data) if data else errors.EESUCCESS
        if code == errors.EESEND:
            return code
        if not keeps:
            self._leave_after("The connection ends with this answer", errors.EEBADF)
        elif not self._is_working:
            self._loop.call_soon(self._work)
        self._servers.exchange_over()
        return code

    def _answer_here(self, status: int, headers: bytes = b"", *, closes: bool = False) -> None:
        """Answer in LPC's place."""
        request = self._request
        assert request is not None
        body = b"" if not message.has_body(status) else b"%d %b\n" % (status, message.phrase(status))
        self._respond(request, Answer(status, message.phrase(status), headers, frozenset(), body,
                                      "text/plain; charset=utf-8", closes, False))

    def _reject(self, status: int, reason: str) -> None:
        """Answer what could not be understood, and end."""
        self.last_error = reason
        self._request = None
        body = b"%d %b\n" % (status, message.phrase(status))
        data = message.head(status, message.phrase(status), b"Content-Type: text/plain; charset=utf-8\r\n",
                            self._servers.date, len(body), _CLOSE)
        if self.transmit(data + body) != errors.EESEND:
            self._leave_after(reason, status)

    # ------------------------------------------------------------------------------------------- files

    def _serve(self, mount: http_static.Mount, request: Request) -> None:
        """Answer with a file."""
        driver = self.table.driver
        found = driver.enter(_open, driver.files, self.owner, mount, request.path)
        if not self.runs or self._request is not request:
            if isinstance(found, http_static.StaticFile):
                found.close()
            return
        if isinstance(found, str):
            query = f"?{request.query}" if request.query else ""
            self._answer_here(301, f"Location: {quote(found)}{query}\r\n".encode())
        elif isinstance(found, http_static.StaticFile):
            self._serve_file(found, request)
        else:
            self._answer_here(404 if found == 0 else 500)

    def _serve_file(self, file: http_static.StaticFile, request: Request) -> None:
        status, fields = http_static.select(file, request.headers)
        keeps = self._keeps and not self.site.is_leaving
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + self._settings.headers
        length = None if status == 304 else file.remaining
        data = message.head(status, message.phrase(status), lines, self._servers.date, length,
                            self._connection_line(request, keeps=keeps))
        if request.method == "HEAD" or not file.remaining:
            file.close()
            self._finish(data, keeps=keeps)
            return
        self._keeps = keeps
        self._phase = SENDING
        self._file = file
        self._set_due(STALLED_SECONDS)
        if file.remaining <= _PIECE:
            data += file.read(_PIECE)
        if self.transmit(data) != errors.EESEND:
            self._send_file()

    def _send_file(self) -> None:
        """Send pieces of the file until the kernel takes no more; drained() goes on."""
        file = self._file
        if file is None or not self.runs:
            return
        for _ in range(_PIECES):
            if not file.remaining:
                file.close()
                self._file = None
                self._finish(b"", keeps=self._keeps)
                if not self._is_working and self.runs and self._phase is WAITING:
                    self._work()
                return
            if self.queued:
                return
            data = file.read(_PIECE)
            if not data:  # it has become shorter than we said
                self._loop.call_soon(self.fail, "A file changed while it was sent", errors.EESEND)
                return
            if self.transmit(data) == errors.EESEND:
                return
        if not self.queued:
            self._loop.call_soon(self._send_file)

    # ------------------------------------------------------------------------------------ time and end

    def _set_due(self, seconds: float) -> None:
        self._due = self._now() + seconds

    def _look_later(self) -> None:
        """Look at the deadline again in time: no later one can be nearer than the shortest of them."""
        settings = self._settings
        shortest = min(settings.answer_seconds, settings.read_seconds, STALLED_SECONDS)
        seconds = min(max(self._due - self._now(), 0.001), shortest)
        self._watch = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self._now() < self._due or not self._time_is_up():
            self._look_later()

    def _time_is_up(self) -> bool:
        """The deadline has passed: whether that was the end of the connection."""
        if self._phase is LEAVING and not self.queued:
            self.fail(_PEER_CLOSED, errors.EEBADF)
        elif self.queued:
            stalled = self.queued == self._queue_mark
            self._queue_mark = self.queued
            if not stalled:
                self._set_due(STALLED_SECONDS)
                return False
            self.fail("The other end takes no more data", errors.EESEND)
        elif self._phase is STREAMING or self._phase is SENDING:
            self._set_due(STALLED_SECONDS)
            return False
        elif self.state is HANDSHAKE:
            self.fail("Timeout in the TLS handshake", errors.EECONNECT)
        elif self._phase is ASKED:
            self._answer_late()
            return False
        elif self._reading:
            self._reject(408, "Timeout while reading a request")
            return not self.runs
        else:
            self.fail("The connection was idle", errors.EEBADF)
        return True

    def _answer_late(self) -> None:
        self.last_error = "The request was not answered in time"
        self._answer_here(504, closes=True)
        self._verdict = (self.last_error, 504)

    def leave_if_idle(self) -> None:
        """The listener has ended: so does a connection that owes nothing."""
        if not self.is_busy and (self._reader is None or not self._reader.is_partial):
            self._leave_after("The server is closed", errors.EEBADF)

    def _leave_after(self, reason: str, code: int) -> None:
        """Nothing more is read; what is queued still leaves."""
        if self._phase is LEAVING:
            return
        self._phase = LEAVING
        self._verdict = (reason, code)
        if self._is_paused:
            self._is_paused = False
            if not self._input_is_over:
                self._loop.add_reader(self._connection.fileno(), self._readable)
        self._set_due(STALLED_SECONDS)
        if not self.queued:
            self._loop.call_soon(self._half_close)

    def _half_close(self) -> None:
        """Everything is sent: say so, and wait a little for the other end to say the same."""
        if not self.runs or self.state is UNBOUND:
            return
        self._servers.exchange_over()
        if self._input_is_over:
            self.fail(_PEER_CLOSED, errors.EEBADF)
            return
        try:
            if self._tls is not None and self._tls.is_up:
                self._connection.send(self._tls.close())
            self._connection.shutdown(socket.SHUT_WR)
        except OSError:
            self.fail(_PEER_CLOSED, errors.EEBADF)
            return
        if self._watch is not None:
            self._watch.cancel()
        self._set_due(LINGER)
        self._look_later()


class HttpsServer(HttpServer):
    """Mode 21, HTTPS_SERVER."""

    __slots__ = ()

    is_secure = True
    needs_certificate = True


def _run(callback: Callback, *args: Value) -> Value:
    """Run a callback within an evaluation: UNDEFINED where there may be no such function, never None."""
    return UNDEFINED if callback.run(*args) is UNDEFINED else 1


def _open(files: Any, owner: LPCObject, mount: http_static.Mount, path: str) -> Any:
    """Within an evaluation: the file, where else to look for it, or 0 where there is none."""
    try:
        return http_static.open_file(files, owner, mount, path)
    except OSError:
        return 0


def _with_defaults(answer: Answer, settings: Settings) -> bytes:
    """The headers of an answer and those of the listener it does not give itself."""
    if not settings.names & answer.names:
        return answer.headers + settings.headers
    lines = settings.headers.splitlines(keepends=True)
    return answer.headers + b"".join(
        line for line in lines if line.partition(b":")[0].lower().decode() not in answer.names)


def _field(headers: bytes, name: bytes) -> str:
    """The value of a field in lines of headers."""
    for line in headers.split(b"\r\n"):
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip().decode()
    return ""


