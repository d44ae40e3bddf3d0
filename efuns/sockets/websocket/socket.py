"""Modes 30 to 33: WebSocket servers and clients, and what modes 34 to 36 are made of.

A `WebSocket` is a listener, one of its connections, or a client. A connection is always in one phase:

    SETTING_UP   not connected yet; and all that a listener ever is
    GREETING     a server waits for the client's handshake
    DIALING      a client is on its way to an open connection (websocket/dial.py)
    OPEN         messages go both ways
    CLOSING      we sent a close frame and wait for the other
    LEAVING      the last is said; what is queued leaves, what arrives is dropped

Frames are read and made by websocket/frames.py, handshakes judged by websocket/handshake.py, neither of which
does I/O. Rules:
- The third callback gets the close code: the peer's (1005: its close frame had none), the one it deserved, or
  1006 where it just went away. Before the connection is open it is an EE* code or an HTTP status.
- A connection ends sending side first, and what still arrives is dropped for LINGER seconds: a reset would
  take the close frame away from its reader (RFC 6455 7.1.1).
- LPC gets some EVENTS in one turn of the loop; while more wait, or while the peer does not take what it is
  owed (pongs, say), nothing is read.
- There is one timer. Traffic does not touch it: when it fires it looks whether something was heard.
- socket_close() says 1000, the end of the owner or driver 1001; the descriptor is free when the peer has
  answered, after CLOSE_SECONDS at the latest.
"""

from __future__ import annotations

import socket
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, ClassVar, Final

from efuns.sockets import errors, options, tls
from efuns.sockets.base import BOUND, DATA_XFER, HANDSHAKE, LISTEN, UNBOUND, Socket
from efuns.sockets.base import CLOSING as FLUSHING
from efuns.sockets.http import message as http
from efuns.sockets.http.message import BadRequestError, Request, RequestReader
from efuns.sockets.tcp import STALLED_SECONDS, Stream
from efuns.sockets.websocket import frames, handshake
from efuns.sockets.websocket import guest as websocket_guest
from efuns.sockets.websocket.dial import Dial
from efuns.sockets.websocket.frames import BINARY, CLOSE, PING, PONG, TEXT, Control, FrameError, Reader, Writer
from efuns.sockets.websocket.handshake import Agreed, RefusedError
from efuns.sockets.websocket.settings import DEFAULTS, read_settings
from efuns.sockets.wire import numeric_address, text_bytes
from lpc.runtime.values import Buffer, Mapping, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from efuns.sockets.http.http1 import Http1Connection
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

SETTING_UP: Final = "SETTING_UP"
GREETING: Final = "GREETING"
DIALING: Final = "DIALING"
OPEN: Final = "OPEN"
CLOSING: Final = "CLOSING"
LEAVING: Final = "LEAVING"

EVENTS: Final = 256  # in one turn of the loop
OPENING_SECONDS: Final = 30.0  # from the first packet to an open connection, unless SO_TIMEOUT says otherwise
CLOSE_SECONDS: Final = 5.0
LINGER: Final = 2.0
_SCHEMES: Final = {"ws": False, "wss": True}
_PEER_CLOSED: Final = "The other end closed the connection"
_WORDS: Final = {
    frames.GOING_AWAY: "The other end goes away", frames.PROTOCOL_ERROR: "The other end found a protocol error",
    frames.UNSUPPORTED: "The other end does not take this kind of data",
    frames.BAD_DATA: "The other end found malformed data", 1008: "The other end refuses by its policy",
    frames.TOO_BIG: "The message was too big for the other end",
    frames.EXTENSION_MISSING: "The other end misses an extension", 1011: "The other end had an internal error",
    1012: "The other end restarts", 1013: "The other end is overloaded",
}


class WebSocket(Stream):
    """A WebSocket of any mode; see the module."""

    __slots__ = ("_settings", "_phase", "_is_server", "_accepts_itself", "_request", "_dial", "_reader", "_writer",
                 "_about", "_text_info", "_binary_info", "_peer_text", "_is_heard", "_is_paused", "_input_is_over",
                 "_pinged", "_latency", "_mark", "_verdict", "_goodbye", "_guest")

    accepts_by_itself = True
    takes_certificate = True
    backlog = 1024
    #: permessage-deflate has to be agreed on
    needs_deflate: ClassVar[bool] = False
    #: binary data is delivered as it comes, without regard to messages
    is_stream: ClassVar[bool] = False
    #: bytes of a frame we send, whatever the options say
    longest_frame: ClassVar[int] = 0
    #: the URLs a client takes; None: ws and wss
    secure_only: ClassVar[bool | None] = None

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._settings = read_settings({}, needs_deflate=True) if self.needs_deflate else DEFAULTS
        self._phase = SETTING_UP
        self._is_server = False
        self._accepts_itself = False
        self._guest: websocket_guest.Guest | None = None  # of a listener at an HTTP server's port
        self._request: RequestReader | None = None  # while GREETING
        self._dial: Dial | None = None  # while DIALING
        self._reader: Reader | None = None
        self._writer: Writer | None = None
        self._about: tuple[str, Mapping, Agreed] | None = None  # path, headers and what was agreed on
        self._text_info = self._binary_info = _NO_INFO
        self._peer_text = ""
        self._is_heard = False  # something has arrived since the last ping
        self._is_paused = False
        self._input_is_over = False
        self._pinged = 0.0  # when the ping went that is not answered, by the loop's clock
        self._latency = -1.0
        self._mark = 0  # what was queued when the timer was set
        self._verdict: tuple[str, int] | None = None  # how a connection that is LEAVING ends
        self._goodbye = frames.NORMAL

    # ---------------------------------------------------------------------------------------- options

    def set_option(self, number: int, value: Value) -> None:
        self._settings = read_settings({**(self._options or {}), number: value}, needs_deflate=self.needs_deflate)
        super().set_option(number, value)
        if self._reader is not None:
            self._reader.max_message = self._most_bytes()
            self._ping_later()

    def _most_bytes(self) -> int:
        """How long a message of the other end may be."""
        limits = self.table.driver.limits
        most: int = min(self._settings.max_message, limits.string_length, limits.buffer_size)
        return most

    def get_option(self, number: int) -> Value | None:
        if number == options.WS_HANDSHAKE:
            return self._handshake()
        value = super().get_option(number)
        # A WebSocket begins with HTTP/1.1, and nothing else may be agreed on.
        return "http/1.1" if number == options.TLS_ALPN and value is None else value

    def _handshake(self) -> Mapping:
        if self._about is None:
            return Mapping()
        path, headers, agreed = self._about
        found = Mapping(path=path, headers=Mapping(headers), protocol=agreed.protocol, extensions=agreed.extensions,
                        origin=headers.get("origin", ""))
        if self._latency >= 0:
            found["latency"] = self._latency
        return found

    # ------------------------------------------------------------------------------------ the listener

    def start_bind(self, where: int | str, address: str | None) -> int:
        target = self._bind_target(where, address)
        host = websocket_guest.host_at(self, (target.host, target.port)) if target is not None else None
        if host is None or not self.can_listen:
            return super().start_bind(where, address)
        self._guest = websocket_guest.Guest(self, host)
        self._mine = host.addresses()[0]
        self.become(BOUND)
        return errors.EESUCCESS

    def start_listen(self, callback: Callback | None) -> int:
        self._accepts_itself = callback is None
        if self._guest is not None:
            obstacle = self._guest.listen(wants_tls=self.is_secure)
            return self.problem(errors.EELISTEN, obstacle) if obstacle else errors.EESUCCESS
        return super().start_listen(callback)

    def deliver(self, *args: Value) -> None:
        if self.state is LISTEN and self._accepts_itself:
            self.accept_itself()
        else:
            super().deliver(*args)

    def take_connection(self, owner: LPCObject) -> Socket | int:
        return super().take_connection(owner) if self._guest is None else self._guest.accept(owner)

    def take_from(self, connection: Http1Connection, request: Request, owner: LPCObject) -> WebSocket | int:
        """Make a connection of an HTTP server one of ours."""
        made = type(self)(self.table, self.mode, owner, connection._wire)
        made.adopt(connection)
        made._settings = self._settings
        made._options = dict(self._options) if self._options is not None else None
        made._is_server = True
        made._peer_text = self._shown_peer(made)
        made._phase = GREETING
        made.become(HANDSHAKE)
        made._start_timer()
        made._loop.call_soon(made._judge, request)  # when LPC's callbacks are known
        connection.fail("The connection became a WebSocket", 101)
        if owner.is_destructed:  # by LPC, which that has told: nobody would close it
            made.abort()
            return errors.EEBADF
        return made

    @staticmethod
    def _shown_peer(connection: WebSocket) -> str:
        host, port = connection.addresses()[1] or ("0.0.0.0", 0)
        return f"{host} {port}"

    def _begin(self, listener: Stream, peer: tuple[str, int]) -> None:
        assert isinstance(listener, WebSocket)
        self._settings = listener._settings
        self._is_server = True
        self._peer_text = f"{peer[0]} {peer[1]}"
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._phase = GREETING
        self._request = RequestReader(0)
        super()._begin(listener, peer)
        self.become(HANDSHAKE)
        self._start_timer()

    # -------------------------------------------------------------------------------------- the client

    def target_of(self, where: str) -> tuple[str, int]:
        target = self._target(where)
        return (target.host, target.port) if target is not None else super().target_of(where)

    def _target(self, where: str) -> handshake.Target | None:
        target = handshake.parse_target(where, _SCHEMES, is_secure=self.is_secure)
        allowed = self.secure_only is None or target is None or target.is_secure == self.secure_only
        return target if allowed else None

    def permits(self, operation: str, host: str, port: int) -> str | None:
        if operation != "connect" or numeric_address(host, port) is not None:
            return super().permits(operation, host, port)
        permissions = self.table.driver.permissions  # of a name: its address is asked about when it is known
        return None if not host or permissions.allows_lookup(host) else permissions.refusal

    def start_connect(self, where: str) -> int:
        target = self._target(where)
        if target is None:
            return self.problem(errors.EEBADADDR, f"'{where}' is no address a {self.mode.name} can connect to")
        dial = Dial(self, target, self._settings.terms)
        code = dial.start(self.get_option(options.HTTP_PROXY) or "")
        if code == errors.EESUCCESS:
            self._dial = dial
            self._phase = DIALING
            self._peer_text = f"{target.host} {target.port}"
            self.become(HANDSHAKE)
            self._start_timer()
        return code

    def dialed(self, agreed: Agreed, headers: Mapping, rest: bytes) -> None:
        """The server has taken the client: `rest` is what it sent since."""
        dial = self._dial
        assert dial is not None
        self._dial = None
        self._open(dial.target.path, headers, agreed)
        if rest and self.runs:
            self.received(rest)

    def dial_failed(self, error: RefusedError) -> None:
        """There will be no connection."""
        if not error.close_code:
            self.fail(f"handshake failed: {error.reason}", error.status or errors.EECONNECT)
            return
        # To the server the connection is open.
        writer = Writer(is_client=True)
        self.transmit(writer.control(CLOSE, frames.close_payload(error.close_code, error.reason)))
        self._leave_after(error.reason, error.close_code)

    def begin_tls(self, target: handshake.Target) -> None:
        """Begin TLS behind a proxy's tunnel."""
        try:
            self._tls = tls.client(self, target.host, target.port, verifies=self.verifies)
        except OSError as error:
            self.fail(tls.explain(error), errors.EECONNECT)
            return
        if self.runs:  # the master, asked about the files, may have closed it
            self._shake_hands(self._tls)

    @property
    def own_lines(self) -> tuple[bytes, frozenset[str]]:
        """The header lines HTTP_HEADERS adds to a client's request, and their names."""
        return self._settings.headers, self._settings.names

    # ---------------------------------------------------------------------------------------- handshakes

    def _start_timer(self) -> None:
        timeout = self.get_option(options.SO_TIMEOUT)
        self._wait(timeout / 1000 if isinstance(timeout, int) else OPENING_SECONDS, self._too_slow)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        """Set the timer."""
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, then)

    def _too_slow(self) -> None:
        self._timer = None
        if self._phase is GREETING and (self._tls is None or self._tls.is_up):
            self._reject(RefusedError("Timeout in the WebSocket handshake", 408))
        else:
            self.fail("Timeout in the WebSocket handshake", errors.EECONNECT)

    def _come_up(self) -> None:
        """TCP is connected, or TLS is up."""
        if self._dial is not None:
            self._dial.connected()

    def _greet(self, data: bytes) -> None:
        """A server reads the client's handshake."""
        reader = self._request
        if reader is None:  # an HTTP server has read it
            self._reject(RefusedError("There is something behind the handshake", 400))
            return
        try:
            request = reader.read(data)
            if request is None:
                return
            if reader.has_more or reader.is_partial:  # RFC 6455 4.1: the client has to wait for the answer
                raise BadRequestError(400, "There is something behind the handshake")
        except BadRequestError as error:
            self._reject(RefusedError(error.reason, error.status))
        else:
            self._judge(request)

    def _judge(self, request: Request) -> None:
        """Answer the client's handshake."""
        if self._phase is not GREETING or not self.runs:
            return  # it has gone meanwhile
        try:
            agreed = handshake.accept(request, self._settings.terms, self._settings.headers)
        except RefusedError as error:
            self._reject(error)
            return
        if self.transmit(agreed.head) != errors.EESEND:
            self._open(request.target, request.headers, agreed)

    def _reject(self, error: RefusedError) -> None:
        """Answer a handshake that cannot be, and end."""
        status = error.status
        text = b"%d %b\n" % (status, http.phrase(status))
        lines = b"%bContent-Type: text/plain; charset=utf-8\r\n" % error.headers
        connection = b"Connection: close\r\n" if status != 426 else b"Connection: close, Upgrade\r\n"
        date = formatdate(self.table.driver.clock.time(), usegmt=True).encode()
        data = http.head(status, http.phrase(status), lines, date, len(text), connection) + text
        if self.transmit(data) != errors.EESEND:
            self._leave_after(f"handshake failed: {error.reason}", status)

    def _open(self, path: str, headers: Mapping, agreed: Agreed) -> None:
        """The handshake is done."""
        if self._request is not None:
            self._request.close()
            self._request = None
        settings = self._settings
        self._about = (path, headers, agreed)
        self._reader = Reader(is_server=self._is_server, max_message=self._most_bytes(), max_frame=settings.max_frame,
                              deflate=agreed.deflate, is_stream=self.is_stream)
        self._writer = Writer(is_client=not self._is_server, max_frame=self.longest_frame or settings.max_frame,
                              deflate=agreed.deflate)
        about = Mapping(type="text", protocol=agreed.protocol, path=path, addr=self._peer_text)
        self._text_info = about
        self._binary_info = Mapping(about, type="binary")
        self._phase = OPEN
        self._ping_later()
        self.connected()

    # ----------------------------------------------------------------------------------------- reading

    @property
    def runs(self) -> bool:
        # Also of a connection LPC has closed, until the other end has answered.
        return self._wire is not None and not self.is_ended and self.state is not UNBOUND

    def received(self, data: bytes) -> None:
        phase = self._phase
        if phase is OPEN or phase is CLOSING:
            self._work(data)
        elif phase is GREETING:
            self._greet(data)
        elif self._dial is not None:
            self._dial.received(data)

    def _work(self, data: bytes = b"") -> None:
        """Take what arrived, and give LPC some of it."""
        reader = self._reader
        if reader is None:
            return
        self._is_heard = True
        left = EVENTS
        try:
            event = reader.read(data) if data else reader.next()
            while event is not None:
                if isinstance(event, (str, bytes)):
                    self.take_message(event)
                elif isinstance(event, Control):
                    self._take_control(event)
                else:
                    self._take_close(event)
                if self._reader is None or self._phase is LEAVING or self._is_paused:
                    return
                left -= 1
                if not left:
                    self._pause()
                    self._loop.call_soon(self._go_on)
                    return
                event = reader.next()
        except FrameError as error:
            self.refuse_peer(error.code, error.reason)

    def _pause(self) -> None:
        """Read no more until _go_on()."""
        if not self._is_paused:
            self._is_paused = True
            self._loop.remove_reader(self._connection.fileno())

    def _go_on(self) -> None:
        """Give LPC what waits here, then read again."""
        if self._is_paused and self._wire is not None and self.queued <= self.high_water:
            self._resume()
            self._work()

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._loop.add_reader(self._connection.fileno(), self._readable)

    def take_message(self, message: str | bytes) -> None:
        """Give LPC a message."""
        if isinstance(message, str):
            self.deliver(message, Mapping(self._text_info))
        else:
            self.deliver(Buffer(message), Mapping(self._binary_info))

    def _take_control(self, event: Control) -> None:
        if event.opcode == PING:
            assert self._writer is not None
            self.transmit(self._writer.control(PONG, event.data))
            if self.queued > self.high_water:  # it pings and does not read
                self._pause()
        elif self._pinged:
            now = self._loop.time()
            self._latency = now - self._pinged
            self._pinged = 0.0
            self._ping_later()

    def _take_close(self, event: frames.Close) -> None:
        if self._phase is OPEN:
            assert self._writer is not None
            self.transmit(self._writer.control(CLOSE, event.data))
        self._leave_after(event.reason or _WORDS.get(event.code, _PEER_CLOSED), event.code)

    # ----------------------------------------------------------------------------------------- writing

    def send(self, message: Value) -> int:
        writer = self._writer
        if self._phase is not OPEN or writer is None:
            return self.problem(errors.EENOTCONN, "The connection is being closed")
        if type(message) is str:
            return self.send_data(writer, TEXT, text_bytes(message))
        if isinstance(message, Buffer):
            return self.send_data(writer, BINARY, bytes(message.data))
        if isinstance(message, Mapping):
            return self._send_mapping(writer, message)
        if isinstance(message, Prepared):
            return self._send_prepared(writer, message)
        return self.problem(errors.EETYPENOTSUPP, "A message is a string, a buffer or a mapping")

    def send_data(self, writer: Writer, kind: int, data: bytes) -> int:
        """Send a message, if it is not too large."""
        if len(data) > self._settings.max_message:
            return self.problem(errors.EEBADDATA, f"A message has at most {self._settings.max_message} bytes")
        return self.transmit(writer.message(kind, data))

    def _send_prepared(self, writer: Writer, message: Prepared) -> int:
        if not writer.sends_alike or len(message.data) > self._settings.max_message:
            return self.send_data(writer, message.kind, message.data)
        return self.transmit(message.frame)

    def _send_mapping(self, writer: Writer, message: Mapping) -> int:
        """Send what (["type": ...]) says."""
        kind = message.get("type", "text")
        if kind == "close":
            return self._send_close(message)
        data = message.get("data", "") or ""
        if isinstance(data, str):
            given = text_bytes(data)
        elif isinstance(data, Buffer):
            given = bytes(data.data)
        else:
            return self.problem(errors.EETYPENOTSUPP, "data is a string or a buffer")
        if kind == "binary":
            return self.send_data(writer, BINARY, given)
        if kind == "text":
            if not isinstance(data, str) and not _is_text(given):
                return self.problem(errors.EEBADDATA, "The text is not UTF-8")
            return self.send_data(writer, TEXT, given)
        if kind not in ("ping", "pong"):
            return self.problem(errors.EEBADDATA, "type is text, binary, ping, pong or close")
        if len(given) > frames.MAX_CONTROL:
            return self.problem(errors.EEBADDATA, f"A {kind} has at most {frames.MAX_CONTROL} bytes")
        if kind == "ping":
            self._pinged = self._loop.time()
        return self.transmit(writer.control(PING if kind == "ping" else PONG, given))

    def _send_close(self, message: Mapping) -> int:
        code, reason = message.get("code", 0) or 0, message.get("reason", "") or ""
        if not isinstance(code, int) or not isinstance(reason, str):
            return self.problem(errors.EETYPENOTSUPP, "code is a number, reason a string")
        if code and not frames.is_close_code(code):
            return self.problem(errors.EEBADDATA, f"{code} is no close code")
        if len(text_bytes(reason)) > frames.MAX_REASON:
            return self.problem(errors.EEBADDATA, f"A reason has at most {frames.MAX_REASON} bytes")
        return self._say_close(code or frames.NORMAL, reason)

    # ----------------------------------------------------------------------------------------- the time

    def _ping_later(self) -> None:
        """The other end is there: look again in a while, if LPC wants that."""
        if self._phase is OPEN:
            self._stop_timer()
            if self._settings.ping_seconds:
                self._wait(self._settings.ping_seconds, self._ping)

    def _ping(self) -> None:
        """See whether the other end is still there."""
        writer = self._writer
        if writer is None or self._phase is not OPEN:
            return
        self._is_heard = False
        self._pinged = self._loop.time()
        if self.transmit(writer.control(PING, b"")) != errors.EESEND:
            self._mark = self.queued
            self._wait(self._settings.pong_seconds, self._check_pong)

    def _check_pong(self) -> None:
        """The pong is late. Whatever else was heard, or taken of what waits for the other end, is life too."""
        if self._is_heard or self.queued < self._mark:
            self._is_heard = False
            self._mark = self.queued
            self._wait(self._settings.pong_seconds, self._check_pong)
        else:
            self.fail("ping timeout", frames.ABNORMAL)

    # ------------------------------------------------------------------------------------------ the end

    def refuse_peer(self, code: int, reason: str) -> None:
        """The other end did what it may not: tell it, and end."""
        writer = self._writer
        if self._phase is OPEN and writer is not None:
            self.transmit(writer.control(CLOSE, frames.close_payload(code, reason)))
        self._leave_after(reason, code)

    def _say_close(self, code: int, reason: str) -> int:
        """Send a close frame, and wait for the other end's."""
        assert self._writer is not None
        self._phase = CLOSING
        self._resume()
        result = self.transmit(self._writer.control(CLOSE, frames.close_payload(code, reason)))
        self._await_close()
        return result

    def _await_close(self) -> None:
        self._mark = self.queued
        if self.queued:
            self._await_flush()
        else:
            self._wait(CLOSE_SECONDS, self._no_close_came)

    def _no_close_came(self) -> None:
        self.fail("The other end did not answer the close frame", frames.ABNORMAL)

    def _await_flush(self) -> None:
        linger = self.get_option(options.SO_LINGER)
        self._mark = self.queued
        self._wait(linger if isinstance(linger, int) and linger else STALLED_SECONDS, self._check_flush)

    def _check_flush(self) -> None:
        if self.queued == self._mark:
            self.fail("The other end takes no more data", frames.ABNORMAL)
        else:
            self._await_flush()

    def _leave_after(self, reason: str, code: int) -> None:
        """Nothing more is read; what is queued still leaves."""
        if self._phase is LEAVING:
            return
        self._phase = LEAVING
        self._verdict = (reason, code)
        self._let_go()
        self._resume()
        if self.queued:
            self._await_flush()
        else:
            self._wait(LINGER, self._lingered)
            self._loop.call_soon(self._half_close)

    def _half_close(self) -> None:
        """Everything is said: tell the other end, and wait a little for its end."""
        wire = self._wire
        if wire is None or self._phase is not LEAVING:
            return
        self.uncork()
        if self.queued:
            return
        try:
            if self._tls is not None and self._tls.is_up:
                wire.send(self._tls.close())
            wire.shutdown(socket.SHUT_WR)
        except OSError:
            self.fail(_PEER_CLOSED, frames.ABNORMAL)
            return
        if self._input_is_over:
            self.fail(_PEER_CLOSED, frames.ABNORMAL)
        else:
            self._wait(LINGER, self._lingered)

    def _lingered(self) -> None:
        self.fail(_PEER_CLOSED, frames.ABNORMAL)

    def _end(self) -> None:
        """The other end has shut its sending side."""
        if self._phase is LEAVING and self.queued:
            self._input_is_over = True  # it may still want the close frame
            self._loop.remove_reader(self._connection.fileno())
        elif self._phase is OPEN or self._phase is CLOSING:
            self.fail(f"{_PEER_CLOSED} without a close frame", frames.ABNORMAL)
        elif self._phase is LEAVING:
            self.fail(_PEER_CLOSED, frames.ABNORMAL)
        else:
            self.fail(f"handshake failed: {_PEER_CLOSED.lower()}", errors.EECONNECT)

    def drained(self) -> None:
        if self._phase is LEAVING:
            self._half_close()
            return
        if self._phase is CLOSING:
            self._await_close()
        if self.state is not FLUSHING:
            super().drained()
        self._go_on()

    def fail(self, reason: str, code: int) -> None:
        if self._verdict is not None:
            reason, code = self._verdict
        elif code < 0 and (self._phase is OPEN or self._phase is CLOSING):
            code = frames.ABNORMAL
        super().fail(reason, code)

    def orphaned(self) -> None:
        self._goodbye = frames.GOING_AWAY
        super().orphaned()

    def abort(self) -> None:
        if self._phase is OPEN and self._writer is not None:
            self.transmit(self._writer.control(CLOSE, frames.close_payload(frames.GOING_AWAY, "")))
        super().abort()

    def shut(self, *, flush: bool) -> bool:
        if self._guest is not None:
            self._guest.leave()
        if flush and self._wire is not None and self.get_option(options.SO_LINGER) != 0:
            if self._phase is OPEN and self.state is DATA_XFER:
                self._say_close(self._goodbye, "")
                return False
            if self._phase is CLOSING or self._phase is LEAVING:
                return False
        self._let_go()
        self._is_leaving = True  # what was not read must not reset the connection
        return super().shut(flush=flush)

    def _let_go(self) -> None:
        """Drop what reads and writes messages or handshakes."""
        if self._request is not None:
            self._request.close()
        if self._dial is not None:
            self._dial.cancel()
        self._request = self._dial = self._reader = self._writer = None


class Prepared:
    """A message for many connections: its frame is the same for all of them but clients, so it is made once."""

    __slots__ = ("kind", "data", "frame")

    def __init__(self, message: str | Buffer) -> None:
        self.kind = TEXT if isinstance(message, str) else BINARY
        self.data = text_bytes(message) if isinstance(message, str) else bytes(message.data)
        self.frame = Writer(is_client=False).message(self.kind, self.data)


class WebSocketServer(WebSocket):
    """Mode 30, WEBSOCKET_SERVER."""

    __slots__ = ()

    can_connect = False


class WebSocketClient(WebSocket):
    """Mode 31, WEBSOCKET_CLIENT."""

    __slots__ = ()

    can_listen = can_accept = False
    secure_only = False


class WebSocketSecureServer(WebSocketServer):
    """Mode 32, WEBSOCKET_SECURE_SERVER."""

    __slots__ = ()

    is_secure = True


class WebSocketSecureClient(WebSocketClient):
    """Mode 33, WEBSOCKET_SECURE_CLIENT."""

    __slots__ = ()

    is_secure = True
    secure_only = True


class WebSocketCompressed(WebSocket):
    """Mode 36, WEBSOCKET_COMPRESSED_NATIVE."""

    __slots__ = ()

    needs_deflate = True


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


_NO_INFO: Final[Any] = Mapping()  # until the connection is open
