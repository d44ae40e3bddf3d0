"""HTTP/1.1 and 1.0 on a connection, for the servers of http/server.py.

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
- `hand_over(successor)` gives the connection to another protocol: its bytes and events from then on.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, Protocol

from efuns.sockets import errors
from efuns.sockets.base import CLOSED, CLOSING, DATA_XFER, HANDSHAKE, UNBOUND
from efuns.sockets.http import exchange as http_exchange
from efuns.sockets.http import message
from efuns.sockets.http.exchange import ASKED, GREETING, LEAVING, SENDING, TAKEN, WAITING, Exchange
from efuns.sockets.http.message import Answer, BadRequestError, Request, RequestReader
from efuns.sockets.http.site import DEFAULTS, HttpServers, Site
from efuns.sockets.tcp import STALLED_SECONDS, Stream
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

BACKLOG: Final = 64 << 10
KEEP_ALIVE: Final = 75.0  # seconds a connection may be idle between two requests
LINGER: Final = 2.0
_READ: Final = 48_000
_RECORD: Final = 16_384  # RFC 8446 5.1
_CLOSE: Final = b"Connection: close\r\n"
_KEEP: Final = b"Connection: keep-alive\r\n"  # HTTP/1.0 wants to be told
_CHUNKED: Final = b"Transfer-Encoding: chunked\r\n"
_PEER_CLOSED: Final = "The other end closed the connection"
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Successor(Protocol):
    """A protocol that has taken a connection over. It sends by `connection.transmit()`; its end is
    `connection.fail()` or `connection.leave_after()`."""

    @property
    def is_busy(self) -> bool:
        """Whether something is under way that the end of the server should wait for."""

    def received(self, data: bytes) -> None:
        """Bytes have arrived."""

    def drained(self) -> None:
        """Everything that was sent has gone to the kernel."""

    def ended(self) -> None:
        """The peer sends nothing more."""

    def look(self) -> float | None:
        """Some time has passed: what is late? When to look again at the latest, None where it has ended."""

    def leave(self) -> None:
        """The server ends: finish what is begun."""

    def last_bytes(self) -> bytes:
        """LPC closes the connection: what is to be sent before."""

    def shut(self) -> None:
        """The connection has ended."""


class Http1Connection(Exchange, Stream):
    """A connection; what http/server.py adds are its listener and hooks."""

    __slots__ = (*http_exchange.SLOTS, "_reader", "_watch", "_reading", "_read_mark", "_is_working", "_is_paused",
                 "_input_is_over", "_keeps", "_chunks", "_successor")

    queued = Stream.queued  # not the hook's

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._servers = table.driver.state(HttpServers)
        self._settings = DEFAULTS
        self.site = Site(is_secure=False)
        self._reader: RequestReader | None = None
        self._phase = WAITING
        self._request: Request | None = None
        self._peer_text = ""
        self._now = table.driver.loop.time
        self._due = 0.0
        self._watch: TimerHandle | None = None
        self._reading = False  # the deadline is that of a request being read
        self._read_mark = self._queue_mark = 0
        self._is_working = self._is_paused = self._input_is_over = False
        self._verdict: tuple[str, int] | None = None
        self._file = None
        self._keeps = False  # after this answer the connection goes on
        self._chunks = False  # this body goes in chunks
        self._successor: Successor | None = None

    def on_upgrade(self, request: Request) -> bool:
        """Whether another protocol takes the connection over with this request."""
        return False

    def greet(self) -> None:
        """The connection is up: what does it speak?"""

    def start_http2(self, data: bytes) -> None:
        """It speaks HTTP/2, and has sent `data`."""
        raise NotImplementedError

    def hand_over(self, successor: Successor) -> bytes:
        """Let another protocol have the connection; the bytes that are its already."""
        self._phase = TAKEN
        self._successor = successor
        self._request = None
        rest = self._reader.take_rest() if self._reader is not None else b""
        self.read_on()
        return rest

    @property
    def has_unread(self) -> bool:
        """Whether bytes wait that belong to no request yet."""
        return self._reader is not None and self._reader.has_more

    # -------------------------------------------------------------------------------- the socket below

    def start_connection(self, peer: tuple[str, int]) -> None:
        """Be a connection of the site."""
        self._reader = RequestReader(self._settings.body_limit)
        self._peer_text = f"{peer[0]} {peer[1]}"
        self.site.connections.add(self)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def set_option(self, number: int, value: Value) -> None:
        super().set_option(number, value)
        if self._reader is not None:
            self._reader.body_limit = self._settings.body_limit

    def opened(self) -> None:
        self.greet()

    def received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None or self._phase is LEAVING:
            return
        if self._phase is WAITING and not self._blocked:
            self._work(data)
        elif self._successor is not None:
            self._successor.received(data)
        elif self._phase is GREETING:
            self._compare_greeting(reader, data)
        else:
            reader.feed(data)
            if reader.waiting >= BACKLOG:
                self.stop_reading()

    def _compare_greeting(self, reader: RequestReader, data: bytes) -> None:
        """The first bytes tell the version, RFC 9113 3.4."""
        data = reader.take_rest() + data
        if data.startswith(PREFACE):
            self.start_http2(data)
        elif PREFACE.startswith(data):
            reader.feed(data)
        else:
            self._phase = WAITING
            self._work(data)

    def stop_reading(self) -> None:
        """Let the kernel keep what comes."""
        if not self._is_paused:
            self._is_paused = True
            self._loop.remove_reader(self._connection.fileno())

    def read_on(self) -> None:
        """Read again."""
        if self._is_paused:
            self._is_paused = False
            if not self._input_is_over:
                self._loop.add_reader(self._connection.fileno(), self._readable)

    def _readable(self) -> None:
        # Without the base's question after each read whether the connection has broken meanwhile: an answer
        # will find it out, and where none is owed yet, so will the deadline.
        if (self._phase is not WAITING and self._phase is not TAKEN) or self.state is not DATA_XFER:
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
            return self._transmit(data)  # at once: an answer is a message of its own
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
        if self._successor is not None and self._phase is TAKEN:
            self._input_is_over = True
            self._loop.remove_reader(self._connection.fileno())
            self._successor.ended()
        elif self._phase is ASKED or self._phase is SENDING or self._blocked:
            self._input_is_over = True  # the answer may still be wanted
            self._loop.remove_reader(self._connection.fileno())
        else:
            super()._end()

    def drained(self) -> None:
        if self.state is CLOSING or self.state is CLOSED:
            super().drained()
        elif self._phase is LEAVING:
            self._half_close()
        elif self._phase is SENDING:
            self._blocked = self._owes_write = False
            self._send_file()
        elif self._successor is not None:
            self._blocked = self._owes_write = False
            self._successor.drained()
        else:
            super().drained()
            if self.runs and self._phase is WAITING:
                self._work()

    def shut(self, *, flush: bool) -> bool:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._let_go_of_file()
        successor, self._successor = self._successor, None
        if successor is not None:
            if flush and self.state is DATA_XFER:
                self.transmit(successor.last_bytes())
            successor.shut()
        if self._reader is not None:
            self._reader.close()
            self._reader = None
            self._request = None
            self.site.connections.discard(self)
            self._servers.exchange_over()
        return super().shut(flush=flush)

    # ---------------------------------------------------------------------------------------- requests

    @property
    def is_busy(self) -> bool:
        """Whether an answer is owed or on its way."""
        if self._successor is not None:
            return self._successor.is_busy
        if self.queued or self._phase is not WAITING:
            return self.queued > 0 or (self._phase is not LEAVING and self._phase is not GREETING)
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
            self.reject(error.status, error.reason)
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
        elif reader.progress - self._read_mark >= http_exchange.PROGRESS:
            self._read_mark = reader.progress
            self._set_due(self._settings.read_seconds)
        self.read_on()

    def _take_request(self, request: Request) -> None:
        self.begin(request)
        self._reading = False
        self._keeps = request.keeps_alive
        if request.wants_upgrade and self.on_upgrade(request):
            return
        self.route(request)

    # ----------------------------------------------------------------------------------------- answers

    def put_information(self, status: int, reason: bytes, headers: bytes) -> int:
        return self.transmit(b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, headers))

    def put_answer(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        keeps = self._keeps and not answer.closes and not self.site.is_leaving
        connection = b"" if keeps and request.version == "1.1" else self._connection_line(request, keeps=keeps)
        data = message.head(answer.status, answer.reason, headers, self._servers.date, length, connection)
        return self._finish(data + body, keeps=keeps)

    def put_head(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        keeps = self._keeps and not answer.closes and not self.site.is_leaving
        self._chunks = False
        if length is None:
            if request.version == "1.0":  # it knows no chunks: the body's end is ours
                keeps = False
            else:
                self._chunks = request.method != "HEAD"
                headers += _CHUNKED
        self._keeps = keeps
        data = message.head(answer.status, answer.reason, headers, self._servers.date, length,
                            self._connection_line(request, keeps=keeps))
        return self.transmit(data + message.chunk(body) if body and self._chunks else data + body)

    def put_piece(self, data: bytes) -> int:
        return self.transmit(message.chunk(data) if self._chunks else data)

    def put_last(self, data: bytes) -> int:
        if self._chunks:
            data = message.chunk(data) + message.LAST_CHUNK if data else message.LAST_CHUNK
            self._chunks = False
        return self._finish(data, keeps=self._keeps)

    def _connection_line(self, request: Request, *, keeps: bool) -> bytes:
        if not keeps:
            return _CLOSE
        return _KEEP if request.version == "1.0" else b""

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
            self.leave_after("The connection ends with this answer", errors.EEBADF)
        elif not self._is_working:
            self._loop.call_soon(self._work)
        self._servers.exchange_over()
        return code

    def reject(self, status: int, reason: str) -> None:
        """Answer what could not be understood, and end."""
        self.last_error = reason
        self._request = None
        answer = http_exchange.our_answer(self.site, status)
        data = message.head(status, answer.reason, b"Content-Type: %b\r\n" % answer.content_type.encode(),
                            self._servers.date, len(answer.body), _CLOSE)
        if self.transmit(data + answer.body) != errors.EESEND:
            self.leave_after(reason, status)

    # ------------------------------------------------------------------------------------ time and end

    def look_later(self) -> None:
        """Look at the deadline again in time: no later one can be nearer than the shortest of them."""
        settings = self._settings
        shortest = min(settings.answer_seconds, settings.read_seconds, STALLED_SECONDS)
        seconds = min(max(self._due - self._now(), 0.001), shortest)
        self._watch = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self._successor is not None and self._phase is TAKEN:
            due = self._successor.look()
            if due is None:
                return
            self._due = due
        elif self._now() >= self._due and self._time_is_up():
            return
        self.look_later()

    def _time_is_up(self) -> bool:
        """The deadline has passed: whether that was the end of the connection."""
        if self._phase is LEAVING and not self.queued:
            self.fail(_PEER_CLOSED, errors.EEBADF)
        elif self.state is HANDSHAKE:
            self.fail("Timeout in the TLS handshake", errors.EECONNECT)
        elif not self._is_late():
            return not self.runs
        elif self._reading:
            self.reject(408, "Timeout while reading a request")
            return not self.runs
        else:
            self.fail("The connection was idle", errors.EEBADF)
        return True

    def leave_if_idle(self) -> None:
        """The listener has ended: so does a connection that owes nothing."""
        if self._successor is not None:
            self._successor.leave()
        elif not self.is_busy and (self._reader is None or not self._reader.is_partial):
            self.leave_after("The server is closed", errors.EEBADF)

    def leave_after(self, reason: str, code: int) -> None:
        """Nothing more is read; what is queued still leaves."""
        if self._phase is LEAVING:
            return
        self._phase = LEAVING
        self._verdict = (reason, code)
        self.read_on()
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
        self.look_later()
