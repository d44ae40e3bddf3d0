"""Modes 1, 3, 5 and 6, and what every stream over TCP is: connecting, accepting, sending, TLS, closing.

`Stream` moves bytes. A mode is a subclass that says what the bytes mean, by these hooks:

    encode(message) -> bytes | int      one message as it goes on the wire, or the EE* code that refuses it
    received(data)                      bytes have arrived: self.deliver(...) what they mean
    ended() -> (reason, code)           the peer ended its stream: deliver what is left, say why it ends
    farewell() -> bytes                 what has to be sent before the connection is closed
    opened()                            the connection is up; LPC does not know yet

and by class attributes: `is_secure` (TLS below the codec), `verifies` (whether TLS checks the peer unless
option 1 says otherwise), `takes_certificate` (whether a listener speaks TLS where it is given a certificate),
`shares_port` (whether `pylpc serve` lets each worker listen) and `finishes` (whether what is queued still leaves
when the other end, or the driver, ends the conversation). Every hook has a default but `received`. Rules:
- What `encode` returns is taken, so it may change a codec's state. A mode with `gives_reason` queues
  messages up to `high_water`; modes 0 to 6 never hold more than the rest of one message.
- `received` gets at most READ bytes. It may deliver several times; it looks at `self.runs` in between, for
  LPC may have closed the socket.
- `ended` is not called for a connection that broke: that is `fail()`.

The socket is non-blocking and watched by the loop itself: a connection costs neither a task nor a transport.
Small messages without TLS are corked: what is written in one turn of the loop leaves at its end in one piece,
which spares system calls and wakes the other end once. The kernel is asked whether it has room for that, so the
code a write answers is true all the same; only that the connection has broken, they show at the turn's end.
"""

from __future__ import annotations

import errno
import math
import os
import socket
import struct
import sys
import termios
from codecs import getincrementaldecoder
from collections import deque
from fcntl import ioctl
from typing import TYPE_CHECKING, ClassVar, Final

from efuns.sockets import errors, options, tls
from efuns.sockets.base import BOUND, CLOSED, CLOSING, DATA_XFER, HANDSHAKE, LISTEN, UNBOUND, Socket
from efuns.sockets.wire import Address, Sockaddr, numeric_address, parse_address, shown_address, text_bytes
from lpc.runtime.values import Buffer, Value, truth

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle
    from ssl import SSLContext

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

READ: Final = 65534  # bytes of one read callback: FluffOS's number
_UNSENT: Final = int(termios.TIOCOUTQ)  # on Linux also: what a socket has sent that was not acknowledged
_READ_TLS: Final = 48_000  # with what is left of an earlier record still below READ
_ENCRYPT: Final = 65536
_PIECE: Final = 65536
_KERNEL_BUFFER: Final = 256 << 10
_BACKLOG: Final = 128  # mainline's 5 makes each caller of a burst wait a second for its next try
_ACCEPTS: Final = 64  # connections announced in one turn of the loop
_CORKED: Final = 16384  # bytes that wait for the end of the turn: far less than the kernel's buffer holds
_SENDS: Final = 16  # in one turn of the loop, to a peer that reads as fast as we send
_DISCARDS: Final = 8

HANDSHAKE_SECONDS: Final = 30.0
STALLED_SECONDS: Final = 60.0  # a closed socket whose peer takes nothing for so long is given up
_RETRY_SECONDS: Final = 0.05  # until LPC is told again of a connection it did not accept

_SOCKET_LEVEL: Final = int(socket.SOL_SOCKET)
_PENDING_ERROR: Final = int(socket.SO_ERROR)
_MUD_IP: Final = 9  # <runtime_config.h>
_FLOAT: Final = struct.Struct("=f")
_RESET: Final = struct.pack("=ii", 1, 0)  # struct linger: none
_CONNECTING: Final = frozenset({0, errno.EINPROGRESS, errno.EAGAIN})
_CONNECT_CODES: Final = {
    errno.EINTR: errors.EEINTR,
    errno.EADDRINUSE: errors.EEADDRINUSE,
    errno.EALREADY: errors.EEALREADY,
    errno.ECONNREFUSED: errors.EECONNREFUSED,
}


class Outgoing:
    """Bytes the kernel has not taken yet, `size` of them. Small pieces are joined, large ones never copied."""

    __slots__ = ("size", "_pieces")

    def __init__(self) -> None:
        self.size = 0
        self._pieces: deque[bytearray | memoryview] = deque()

    def add(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        self.size += len(data)
        if len(data) >= _PIECE:
            self._pieces.append(memoryview(data))
        elif self._pieces and isinstance(last := self._pieces[-1], bytearray) and len(last) < _PIECE:
            last += data
        else:
            self._pieces.append(bytearray(data))

    @property
    def head(self) -> bytearray | memoryview:
        """Bytes that come next; there are some."""
        return self._pieces[0]

    def drop(self, count: int) -> None:
        """Forget the first bytes of the head."""
        self.size -= count
        head = self._pieces[0]
        if count == len(head):
            self._pieces.popleft()
        elif isinstance(head, bytearray):
            del head[:count]
        else:
            self._pieces[0] = head[count:]

    def take(self, count: int) -> bytes:
        """Remove and return some of the head, at most `count` bytes."""
        piece = bytes(self._pieces[0][:count])
        self.drop(len(piece))
        return piece


class Stream(Socket):
    """A TCP socket; see the module. `wire` is a connection that was accepted."""

    __slots__ = ("_wire", "_tls", "_outgoing", "_cipher", "_mine", "_peer", "_timer", "_context", "_waiting",
                 "_is_connected", "_is_writing", "_is_leaving", "_is_half_closed", "_corked")

    can_listen = can_accept = can_connect = True
    is_secure: ClassVar[bool] = False
    verifies: ClassVar[bool] = True
    takes_certificate: ClassVar[bool] = False
    backlog: ClassVar[int] = _BACKLOG  # connections the kernel keeps for a listener
    shares_port: ClassVar[bool] = True  # several workers of one server may listen on it, each for itself
    finishes: ClassVar[bool] = False  # what is queued leaves before the end; else the protocol sees to it

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner)
        self._wire: socket.socket | None = wire if wire is not None else _make_wire(socket.AF_INET)
        self._tls: tls.Tls | None = None
        self._outgoing: Outgoing | None = None
        self._cipher: bytes | memoryview = b""  # encrypted, not taken by the kernel
        self._mine: tuple[str, int] | None = None
        self._peer: tuple[str, int] | None = None
        self._timer: TimerHandle | None = None
        self._context: SSLContext | None = None  # of a listener
        self._waiting: list[tuple[socket.socket, Sockaddr]] | None = None  # announced, not yet accepted
        self._is_connected = False
        self._is_writing = False
        self._is_leaving = False
        self._is_half_closed = False  # the peer sends nothing more, and what is queued for it leaves first
        self._corked = b""  # leaves at the end of this turn of the loop

    # -------------------------------------------------------------------------------- hooks of a mode

    def encode(self, message: Value) -> bytes | int:
        """The bytes of one message; none for nothing to send. A code where it can not be sent."""
        return stream_bytes(message)

    def received(self, data: bytes) -> None:
        """Bytes have arrived."""
        raise NotImplementedError

    def ended(self) -> tuple[str, int]:
        """The peer has ended its stream."""
        return "The other end closed the connection", errors.EEBADF

    def farewell(self) -> bytes:
        """The last bytes before LPC's close."""
        return b""

    def opened(self) -> None:
        """The connection is up."""

    @property
    def high_water(self) -> int:
        return super().high_water if self.gives_reason else 0

    @property
    def runs(self) -> bool:
        """Whether events still reach LPC: neither closed nor failed."""
        return not self.is_ended and self.state is not CLOSED and self.state is not CLOSING

    # ------------------------------------------------------------------------------------- setting up

    def start_bind(self, where: int | str, address: str | None) -> int:
        target = self._bind_target(where, address)
        if target is None:
            return self.problem(errors.EEBADADDR, f"'{address or where}' is no numeric address and port")
        try:
            wire = self._wire_for(target.family)
            if self.shares_port:
                self.table.driver.share_port(wire, target.sockaddr)
            wire.bind(target.sockaddr)
        except OSError as error:
            code = errors.EEADDRINUSE if error.errno == errno.EADDRINUSE else errors.EEBIND
            return self.problem(code, f"{target.host} {target.port}: {tls.explain(error)}")
        self._mine = self._own_address()
        self.become(BOUND)
        return errors.EESUCCESS

    def _bind_target(self, where: int | str, address: str | None) -> Address | None:
        if address is not None:
            return parse_address(address)
        mud_ip = self.table.driver.config(_MUD_IP)
        host = mud_ip if isinstance(mud_ip, str) and mud_ip else "0.0.0.0"
        return numeric_address(host, where if isinstance(where, int) else -1)

    def start_listen(self, callback: Callback | None) -> int:
        has_certificate = all(self.get_option(number) for number in (options.SO_TLS_CERT, options.SO_TLS_KEY))
        if self.takes_certificate and self.is_secure and not has_certificate:
            return self.problem(errors.EELISTEN, f"{self.mode.name} needs SO_TLS_CERT and SO_TLS_KEY")
        try:
            if self.is_secure or (self.takes_certificate and has_certificate):
                self._context = tls.server_context(self)
                if not self.is_open:  # the master, asked about the files, closed it
                    return errors.EEBADF
            self._connection.listen(self.backlog)
        except OSError as error:
            return self.problem(errors.EELISTEN, tls.explain(error))
        self._watch_listener()
        return errors.EESUCCESS

    def start_connect(self, where: str) -> int:
        target = parse_address(where)
        if target is None:
            return self.problem(errors.EEBADADDR, f"'{where}' is no numeric address and port")
        code = self.connect_to(target, tls_name=target.host if self.is_secure else None)
        if code != errors.EESUCCESS:
            return code
        if self.is_secure:
            self.become(HANDSHAKE)
        else:  # as in mainline: DATA_XFER at once, but blocked
            self.become(DATA_XFER)
            self.block()
        return code

    def connect_to(self, target: Address, *, tls_name: str | None) -> int:
        """Begin to connect to an address, with TLS to a server of that name if one is given."""
        try:
            if tls_name is not None:
                self._tls = tls.client(self, tls_name, target.port, verifies=self.verifies)
                if not self.is_open:  # the master, asked about the files, closed it
                    return errors.EEBADF
            wire = self._wire_for(target.family)
            number = wire.connect_ex(target.sockaddr)
        except OSError as error:
            return self.problem(errors.EECONNECT, tls.explain(error))
        if number not in _CONNECTING:
            return self.problem(_CONNECT_CODES.get(number, errors.EECONNECT),
                                f"{target.host} {target.port}: {os.strerror(number)}")
        self._peer = shown_address(target.sockaddr)
        self._mine = self._own_address()
        self._loop.add_writer(wire.fileno(), self._connect_done)
        self._start_timer()
        return errors.EESUCCESS

    def _connect_done(self) -> None:
        """The connection is up, or cannot be made."""
        wire = self._connection
        number = wire.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.fail(f"{self.address_text(local=False)}: {os.strerror(number)}",
                      _CONNECT_CODES.get(number, errors.EECONNECT))
            return
        self._is_connected = True
        self._loop.add_reader(wire.fileno(), self._readable)
        self._loop.remove_writer(wire.fileno())
        if self._tls is None:
            self._come_up()
        else:
            self._shake_hands(self._tls)

    def _start_timer(self) -> None:
        """Limit how long the connection may take to come up: option 8; without it TLS has a limit, TCP its own."""
        timeout = self.get_option(options.SO_TIMEOUT)
        if isinstance(timeout, int):
            self._timer = self._loop.call_later(timeout / 1000, self._too_slow)
        elif self.is_secure:
            self._timer = self._loop.call_later(HANDSHAKE_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._timer = None
        self.fail("Timeout while connecting" if self._tls is None else "Timeout in the TLS handshake", errors.EECONNECT)

    def _come_up(self) -> None:
        self._stop_timer()
        self.opened()
        self.connected()

    # -------------------------------------------------------------------------------------- accepting

    def _acceptable(self) -> None:
        """Connections wait: announce one after the other, as long as LPC accepts them."""
        for _ in range(_ACCEPTS):
            failed = False
            if not self._waiting:
                try:
                    self._waiting = [self._connection.accept()]
                except BlockingIOError:
                    return
                except ConnectionAbortedError:
                    continue
                except OSError:  # out of descriptors, mostly: LPC is told, and finds EEACCEPT
                    failed = True
            self.deliver()
            if self.state is not LISTEN:
                return
            if failed or self._waiting:
                # Not accepted: LPC is told again, but not in every turn of the loop.
                self._loop.remove_reader(self._connection.fileno())
                self._timer = self._loop.call_later(_RETRY_SECONDS, self._announce_again)
                return

    def _announce_again(self) -> None:
        self._watch_listener()
        if self._waiting:
            self._acceptable()

    def _watch_listener(self) -> None:
        self._timer = None
        self._loop.add_reader(self._connection.fileno(), self._acceptable)

    def take_connection(self, owner: LPCObject) -> Socket | int:
        try:
            wire, sockaddr = self._waiting.pop() if self._waiting else self._connection.accept()
        except BlockingIOError:
            return errors.EEWOULDBLOCK
        except InterruptedError:
            return errors.EEINTR
        except OSError as error:
            return self.problem(errors.EEACCEPT, tls.explain(error))
        if self._timer is not None:
            self._stop_timer()
            self._watch_listener()
        if self.is_secure and self._context is None:
            wire.close()
            return self.problem(errors.EEACCEPT, "The listening socket has no certificate and key")
        made = self.new_connection(owner, wire)
        made._begin(self, shown_address(sockaddr))
        return made

    def accept_itself(self) -> None:
        """Take the waiting connection without LPC, with the callbacks of socket_create()."""
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

    def new_connection(self, owner: LPCObject, wire: socket.socket) -> Stream:
        """What a connection that was just accepted is."""
        return type(self)(self.table, self.mode, owner, wire)

    def _begin(self, listener: Stream, peer: tuple[str, int]) -> None:
        """Be a connection that was just accepted."""
        wire = self._connection
        wire.setblocking(False)
        if listener._options is not None:
            self._options = dict(listener._options)
        self._peer = peer
        self._mine = listener._mine
        self._is_connected = True
        self._loop.add_reader(wire.fileno(), self._readable)
        if listener._context is None:
            self.become(DATA_XFER)
            self.opened()
        else:
            self._tls = tls.server(listener._context)
            self._start_timer()
            self.become(HANDSHAKE)

    def adopt(self, other: Stream) -> None:
        """Go on with the connection of another socket, which is left without one. This one was made with its
        `wire`, so nothing is lost of its own."""
        assert other._wire is not None
        self._tls, self._outgoing, self._cipher = other._tls, other._outgoing, other._cipher
        self._corked, other._corked = other._corked, b""
        if self._corked:
            self.table.at_turn(self)
        self._mine, self._peer = other._mine, other._peer
        self._is_connected, self._is_writing = True, other._is_writing
        other._wire = other._tls = other._outgoing = None
        other._cipher = b""
        other._is_writing = False
        self._loop.add_reader(self._connection.fileno(), self._readable)
        if self._is_writing:
            self._loop.add_writer(self._connection.fileno(), self._writable)

    # ---------------------------------------------------------------------------------------- reading

    def _readable(self) -> None:
        wire = self._wire
        if wire is None:
            return
        try:
            data = wire.recv(_READ_TLS if self.is_secure else READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        if data and self._tls is None:
            self.received(data)
        else:
            self._take(data)
        # libuv reports an error on a descriptor once and then watches it no longer, though data may be left.
        if self._wire is not None and (number := wire.getsockopt(_SOCKET_LEVEL, _PENDING_ERROR)):
            self._take_rest(OSError(number, os.strerror(number)))

    def _take(self, data: bytes) -> None:
        if self._tls is not None:
            self._decrypt(self._tls, data)
        elif data:
            self.received(data)
        else:
            self._end()

    def _take_rest(self, error: OSError) -> None:
        """The connection has broken: LPC still gets what came before."""
        while self.runs:
            try:
                data = self._connection.recv(_READ_TLS)
            except OSError:
                data = b""
            if data:
                self._take(data)
            else:
                self._lost(error)

    def _decrypt(self, session: tls.Tls, data: bytes) -> None:
        plain = session.decrypt(data)
        if not session.is_up:
            self._shake_hands(session, is_over=not data)
            if not session.is_up or not self.runs:
                return
            plain = session.decrypt(b"")
        if plain:
            self.received(plain)
        if not self.runs:
            return
        if session.failure is not None:
            if self._advance():  # tell the other end why
                self._lost(session.failure)
        elif session.is_over or not data:
            self._end()
        else:
            self._advance()  # it may have had something to answer

    def _shake_hands(self, session: tls.Tls, *, is_over: bool = False) -> None:
        try:
            is_up = session.shake_hands()
        except OSError as error:
            self._advance()  # tell the other end why
            self.fail(tls.explain(error), errors.EECONNECT)
            return
        if is_over and not is_up:
            self.fail("The other end closed the connection in the TLS handshake", errors.EECONNECT)
        elif self._advance() and is_up:
            self._come_up()

    def _end(self) -> None:
        """The peer sends nothing more. It may still read, and wait for what is queued."""
        if self.finishes and self._is_writing and not self._is_half_closed:
            self._is_half_closed = True
            self._loop.remove_reader(self._connection.fileno())
            self._give_time(STALLED_SECONDS)
            return
        reason, code = self.ended()
        if self.runs:
            self.fail(reason, code)

    def _lost(self, error: OSError) -> None:
        self.fail(tls.explain(error), errors.EEBADF)

    # ---------------------------------------------------------------------------------------- sending

    def send(self, message: Value) -> int:
        data = self.encode(message)
        if isinstance(data, int):
            return data
        return self.transmit(data) if data else errors.EESUCCESS

    def transmit(self, data: bytes) -> int:
        """Send bytes, whole or not at all; the answer of socket_write()."""
        corked = self._corked
        if self._tls is None and self._outgoing is None and len(data) + len(corked) <= _CORKED:
            if corked:
                self._corked = corked + data
                return errors.EESUCCESS
            if self._has_room():
                self.table.at_turn(self)
                self._corked = data
                return errors.EESUCCESS
        return self._transmit(data)

    def _has_room(self) -> bool:
        """Whether the kernel is sure to take what we would keep until the end of the turn."""
        if self._wire is None or (self._options is not None and options.SO_SNDBUF in self._options):
            return False
        answer = self.table.scratch
        ioctl(self._wire.fileno(), _UNSENT, answer)
        return int.from_bytes(answer, sys.byteorder) <= _CORKED

    def uncork(self) -> None:
        """The turn of the loop is over: send what was written in it."""
        if self._wire is None or not self._corked:
            return
        try:
            self._send_corked(self._wire)
        except OSError as error:
            self.fail(tls.explain(error), errors.EESEND)
            return
        if self._outgoing is not None:
            if not self.gives_reason:
                self.block()
            self._await_room()

    def _send_corked(self, wire: socket.socket) -> None:
        """Hand the kernel what is corked; what it does not take is queued. OSError where the connection broke."""
        data, self._corked = self._corked, b""
        try:
            sent = wire.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        if sent != len(data):
            self._enqueue(memoryview(data)[sent:])

    def _transmit(self, data: bytes) -> int:
        try:
            if self._corked:
                self._send_corked(self._connection)
            if self._tls is None and self._outgoing is None:  # straight to the kernel
                try:
                    sent = self._connection.send(data)
                except (BlockingIOError, InterruptedError):
                    if not self.gives_reason:
                        self._await_room()
                        return self.refused()
                    sent = 0
                if sent == len(data):
                    return errors.EESUCCESS
                self._enqueue(memoryview(data)[sent:])
            elif self._cipher and not self.gives_reason:
                return self.refused()
            else:
                self._enqueue(data)
                if self._is_writing or self._pump():
                    return self.taken(self.queued)
            self._await_room()
        except OSError as error:
            return self._not_sent(error)
        return self.taken(self.queued)

    def _not_sent(self, error: OSError) -> int:
        """The connection is found broken by a write. In modes 0 to 6 the close callback runs within it."""
        reason = tls.explain(error)
        if self.gives_reason:
            self._loop.call_soon(self.fail, reason, errors.EESEND)
        else:
            self.fail(reason, errors.EESEND)
        return errors.EESEND

    @property
    def queued(self) -> int:
        """Bytes that wait for room in the kernel."""
        return len(self._cipher) + (self._outgoing.size if self._outgoing is not None else 0)

    @property
    def unsent(self) -> int:
        return self.queued + len(self._corked)

    def _enqueue(self, data: bytes | memoryview) -> None:
        if self._outgoing is None:
            self._outgoing = Outgoing()
        self._outgoing.add(data)

    def _pump(self) -> bool:
        """Hand the kernel what it takes: whether everything has gone. OSError where the connection broke."""
        send, session = self._connection.send, self._tls
        try:
            for _ in range(_SENDS):
                if session is None:
                    if self._outgoing is None:
                        return True
                    self._outgoing.drop(send(self._outgoing.head))
                    if not self._outgoing.size:
                        self._outgoing = None
                else:
                    self._cipher = self._cipher or self._next_cipher(session)
                    if not self._cipher:
                        return True
                    self._cipher = memoryview(self._cipher)[send(self._cipher):]
        except (BlockingIOError, InterruptedError):
            pass
        return False

    def _next_cipher(self, session: tls.Tls) -> bytes:
        """The next encrypted bytes: what TLS has to say itself, then messages, at last its goodbye."""
        data = session.data_to_send()
        if data or not session.is_up:
            return data
        if self._outgoing is not None:
            data = session.encrypt(self._outgoing.take(_ENCRYPT))
            if not self._outgoing.size:
                self._outgoing = None
        elif self._is_leaving:
            data = session.close()
        return data

    def _advance(self) -> bool:
        """Send what TLS has to say; False if that showed that the connection is broken."""
        try:
            if not self._is_writing and not self._pump():
                self._await_room()
        except OSError as error:
            self._lost(error)
            return False
        return True

    def _await_room(self) -> None:
        self._is_writing = True
        self._loop.add_writer(self._connection.fileno(), self._writable)

    def _writable(self) -> None:
        try:
            if not self._pump():
                return
        except OSError as error:
            self._lost(error)
            return
        self._is_writing = False
        self._loop.remove_writer(self._connection.fileno())
        if self.state is not HANDSHAKE:
            self.drained()
        if self._is_half_closed and self.runs and not self._is_writing:
            self._end()

    # ---------------------------------------------------------------------------------------- the end

    def retire(self) -> None:
        if self.finishes and self.is_open and (self.unsent or self.gives_reason):
            self.close()

    def abort(self) -> None:
        self._is_leaving = True  # what was not read must not reset the connection
        super().abort()

    def shut(self, *, flush: bool) -> bool:
        wire, loop = self._wire, self._loop
        if wire is None:
            return True
        if self._corked:
            try:
                self._send_corked(wire)
            except OSError:  # it has broken
                pass
        if flush and self._is_connected and self.state is DATA_XFER and not self._leave():
            return False
        self._stop_timer()
        if not loop.is_closed():
            loop.remove_reader(wire.fileno())
            if self._is_writing or not self._is_connected:
                loop.remove_writer(wire.fileno())
        if self._tls is not None and self._tls.is_up:
            self._say_goodbye(wire, self._tls)
        if self._is_leaving:
            _discard(wire)
        wire.close()
        self._wire = None
        for waiting, _ in self._waiting or ():
            waiting.close()
        self._tls = self._context = self._outgoing = self._waiting = None
        self._cipher = b""
        return True

    def _say_goodbye(self, wire: socket.socket, session: tls.Tls) -> None:
        """End TLS as its peer wants it, unless something was to be sent before: then the end is no good one."""
        session.remember()
        if self._outgoing is None and not self._cipher:
            try:
                wire.send(session.close())
            except OSError:
                pass

    def _leave(self) -> bool:
        """LPC closes a connection: whether nothing is left to wait for."""
        wire = self._connection
        linger = self.get_option(options.SO_LINGER)
        if linger == 0:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return True
        self._loop.remove_reader(wire.fileno())
        self._is_leaving = True
        tail = self.farewell()
        if tail:
            self._enqueue(tail)
        try:
            gone = not self._is_writing and self._pump()
        except OSError:
            return True
        if not gone:
            self._await_room()
            self._give_time(STALLED_SECONDS if linger is None else linger)
        return gone

    def _give_time(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self._check_progress, seconds, self.queued)

    def _check_progress(self, seconds: float, queued: int) -> None:
        """What ends goes on sending as long as the other end takes something now and then."""
        if self.queued == queued:
            self.fail("The other end takes no more data", errors.EESEND)
        else:
            self._give_time(seconds)

    # ------------------------------------------------------------------------------ what others ask

    @property
    def system_fd(self) -> int:
        return self._wire.fileno() if self._wire is not None else -1

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._mine, self._peer

    def status_addresses(self) -> tuple[str, str]:
        self._find_own_address()
        return super().status_addresses()

    def address_text(self, *, local: bool) -> str:
        self._find_own_address()
        return super().address_text(local=local)

    def _find_own_address(self) -> None:
        if self._is_connected:  # an accepted connection has its listener's until somebody wants to know
            self._mine = self._own_address() or self._mine

    def target_of(self, where: str) -> tuple[str, int]:
        target = parse_address(where)
        return (target.host, target.port) if target is not None else super().target_of(where)

    def permits(self, operation: str, host: str, port: int) -> str | None:
        permissions = self.table.driver.permissions
        if operation == "bind":
            target = self._bind_target(port, host or None)
            allowed = target is None or permissions.allows_listen(target.host, target.port)
        else:
            target = numeric_address(host, port)
            allowed = target is None or permissions.allows_net(target.host, target.port)
        return None if allowed else permissions.refusal

    def get_option(self, number: int) -> Value | None:
        if number == options.TLS_ALPN and self._tls is not None and self._tls.is_up:
            return self._tls.protocol
        return super().get_option(number)

    def option_set(self, number: int, value: Value) -> None:
        if self._wire is not None:
            _apply_option(self._wire, number, value)

    # --------------------------------------------------------------------------------------- internal

    @property
    def _loop(self) -> AbstractEventLoop:
        return self.table.driver.loop

    @property
    def _connection(self) -> socket.socket:
        assert self._wire is not None
        return self._wire

    def _wire_for(self, family: int) -> socket.socket:
        """The socket, of this address family: until it is bound it can still be exchanged."""
        wire = self._connection
        if wire.family == family:
            return wire
        if self.state is not UNBOUND:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        made = _make_wire(family)
        for number, value in (self._options or {}).items():
            _apply_option(made, number, value)
        wire.close()
        self._wire = made
        return made

    def _own_address(self) -> tuple[str, int] | None:
        if self._wire is None:
            return None
        try:
            return shown_address(self._wire.getsockname())
        except OSError:
            return None


def _make_wire(family: int) -> socket.socket:
    """A socket with what mainline sets on each. Raises OSError."""
    wire = socket.socket(family, socket.SOCK_STREAM)
    try:
        wire.setblocking(False)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
    except OSError:
        wire.close()
        raise
    return wire


#: options the kernel keeps: an accepted connection has those of its listener
_KERNEL_OPTIONS: Final = {
    options.SO_REUSEADDR: (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    options.SO_RCVBUF: (socket.SOL_SOCKET, socket.SO_RCVBUF),
    options.SO_SNDBUF: (socket.SOL_SOCKET, socket.SO_SNDBUF),
    options.SO_KEEPALIVE: (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
    options.SO_NODELAY: (socket.IPPROTO_TCP, socket.TCP_NODELAY),
}


def _apply_option(wire: socket.socket, number: int, value: Value) -> None:
    where = _KERNEL_OPTIONS.get(number)
    if where is not None:
        wire.setsockopt(*where, value)


def _discard(wire: socket.socket) -> None:
    """Read what nobody will: a socket closed with unread data resets the connection, and the other end would
    lose what was sent to it last."""
    try:
        for _ in range(_DISCARDS):
            if not wire.recv(READ):
                return
    except OSError:
        pass


# --------------------------------------------------------------------------------------------- the modes


def stream_bytes(message: Value) -> bytes | int:
    """What stream modes send for a string, a buffer or an array of numbers."""
    if isinstance(message, str):
        return text_bytes(message)
    if isinstance(message, Buffer):
        return bytes(message.data)
    if isinstance(message, list):
        return b"".join(map(_four_bytes, message))
    return errors.EETYPENOTSUPP


def _four_bytes(number: Value) -> bytes:
    """A number as a C int or float of this machine; anything else as zeros."""
    if isinstance(number, int):
        return (number & 0xFFFF_FFFF).to_bytes(4, sys.byteorder)
    if isinstance(number, float):
        try:
            return _FLOAT.pack(number)
        except OverflowError:
            return _FLOAT.pack(math.copysign(math.inf, number))
    return bytes(4)


class Text:
    """Incremental UTF-8 that never fails: what is no text becomes U+FFFD, a character cut in two waits."""

    __slots__ = ("_partial",)

    def __init__(self) -> None:
        self._partial = b""

    def decode(self, data: bytes) -> str:
        """The text that is complete now."""
        if not self._partial:
            try:
                return data.decode()
            except UnicodeDecodeError:
                pass
        decoder = getincrementaldecoder("utf-8")("replace")
        text = decoder.decode(self._partial + data)
        self._partial = decoder.getstate()[0]
        return text

    def end(self) -> str:
        """What is left at the end of the stream: half a character is U+FFFD."""
        partial, self._partial = self._partial, b""
        return "\N{REPLACEMENT CHARACTER}" if partial else ""


class TextStream(Stream):
    """Mode 1, STREAM: strings. What is no UTF-8 becomes U+FFFD; a character cut in two arrives whole."""

    __slots__ = ("_text",)

    gives_reason = False
    finishes = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._text = Text()

    def send(self, message: Value) -> int:
        if type(message) is str and message:
            return self.transmit(text_bytes(message))
        return super().send(message)

    def received(self, data: bytes) -> None:
        text = self._text.decode(data)
        if text:
            self.deliver(text)

    def ended(self) -> tuple[str, int]:
        text = self._text.end()
        if text:
            self.deliver(text)
        return super().ended()


class ByteStream(Stream):
    """Mode 3, STREAM_BINARY: buffers."""

    __slots__ = ()

    gives_reason = False
    finishes = True

    def received(self, data: bytes) -> None:
        self.deliver(Buffer(data))


class TlsTextStream(TextStream):
    """Mode 5, STREAM_TLS."""

    __slots__ = ()

    is_secure = True
    verifies = False


class TlsByteStream(ByteStream):
    """Mode 6, STREAM_TLS_BINARY."""

    __slots__ = ()

    is_secure = True
    verifies = False
