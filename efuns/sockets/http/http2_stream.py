"""A stream of HTTP/2 as LPC sees it: a connection with one request.

The stream gets a descriptor when LPC is to be asked; until then, and for files, it is only a part of its connection
(http2.py), which it calls `_link`. What it has to send it keeps, and says so (`send_soon`); the connection takes it
(`take_bytes`) as windows and the kernel allow, and tells the end (`over`).
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors
from efuns.sockets.base import CLOSING, DATA_XFER
from efuns.sockets.http import exchange as http_exchange
from efuns.sockets.http.exchange import SENDING, WAITING, Exchange
from efuns.sockets.http.message import Answer, BadRequestError, Request
from efuns.sockets.tcp import STALLED_SECONDS, Outgoing
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.http.http2 import Http2Connection

_ANSWERED: Final = "The stream ends with this answer"


class Http2Stream(Exchange):
    """A stream: a socket that has one request. It gets a descriptor when LPC is to hear of it."""

    __slots__ = (*http_exchange.SLOTS, "number", "incoming", "withheld", "ends", "has_ended", "input_is_over",
                 "is_gone", "_link", "_outgoing", "_read_mark")

    can_bind = False

    def __init__(self, link: Http2Connection, number: int) -> None:
        connection = link.socket
        super().__init__(connection.table, connection.mode, connection.owner)
        self.state = DATA_XFER  # the connection keeps the process alive
        self.number = number
        self.incoming: Request | None = None  # what is not LPC's yet
        self.withheld = 0  # bytes of its body the peer may not replace yet
        self.ends = False  # what is queued is the rest of the answer
        self.has_ended = False  # all of it is sent
        self.input_is_over = False
        self.is_gone = False  # the peer knows the stream no more
        self.site = connection.site
        self._settings = connection._settings
        self._servers = connection._servers
        self._options = connection._options
        self._peer_text = connection._peer_text
        self._now = connection._now
        self._phase = WAITING
        self._request = None
        self._due = self._now() + self._settings.read_seconds
        self._queue_mark = self._read_mark = 0
        self._verdict = None
        self._file = None
        self._link = link
        self._outgoing: Outgoing | None = None

    # what efuns ask

    def set_option(self, number: int, value: Value) -> None:
        self._options = dict(self._options or {})  # so far they were the connection's
        super().set_option(number, value)

    def get_option(self, number: int) -> Value | None:
        found = super().get_option(number)
        return found if found is not None else self._link.socket.get_option(number)

    @property
    def system_fd(self) -> int:
        return self._link.socket.system_fd

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._link.socket.addresses()

    def status_addresses(self) -> tuple[str, str]:
        return self._link.socket.status_addresses()

    def address_text(self, *, local: bool) -> str:
        return self._link.socket.address_text(local=local)

    # the request

    def take(self) -> None:
        """The request has arrived."""
        request, self.incoming = self.incoming, None
        assert request is not None
        self.begin(request)
        try:
            self.route(request)
        except BadRequestError as error:
            self.reject(error.status, error.reason)

    def on_request(self, exchange: Exchange, request: Mapping, address: str) -> bool:
        connection = self._link.socket
        if self.table.is_full:
            self.answer(503)
            return True
        self.owner = connection.owner
        self.read_callback = connection.read_callback
        self.close_callback = connection.close_callback
        self.table.add(self)
        return connection.on_request(self, request, address)

    def add_body(self, data: bytes) -> None:
        """A part of the body has arrived."""
        request = self.incoming
        assert request is not None
        if request.body is None:
            request.body = bytearray()
        request.body += data
        size = len(request.body)
        if size > self._settings.body_limit:
            self.reject(413, "The body of the request is too large")
        elif size - self._read_mark >= http_exchange.PROGRESS:
            self._read_mark = size
            self._set_due(self._settings.read_seconds)

    def reject(self, status: int, reason: str) -> None:
        self.last_error = reason
        self._verdict = (reason, status)
        self.incoming = self._request = None
        answer = http_exchange.our_answer(self.site, status)
        headers = b"Content-Type: %b\r\n" % answer.content_type.encode()
        self._link.send_head(self, status, headers, len(answer.body), ends=False)
        self._end_with(answer.body)

    # the answer

    @property
    def queued(self) -> int:
        return self._outgoing.size if self._outgoing is not None else 0

    def put_information(self, status: int, reason: bytes, headers: bytes) -> int:
        return self._link.send_information(self, status, headers)

    def put_answer(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        self._request = None
        self._phase = WAITING
        self._due = inf
        self._link.send_head(self, answer.status, headers, length, ends=not body)
        if answer.closes and answer.status != 504:
            self._link.leave()
        return self._end_with(body) if body else errors.EESUCCESS

    def put_head(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        self._link.send_head(self, answer.status, headers, length, ends=False)
        if answer.closes:
            self._link.leave()
        return self.put_piece(body) if body else errors.EESUCCESS

    def put_piece(self, data: bytes) -> int:
        self._enqueue(data)
        return self.taken(self.queued)

    def put_last(self, data: bytes) -> int:
        self._request = None
        self._phase = WAITING
        return self._end_with(data)

    def _end_with(self, data: bytes) -> int:
        self.ends = True
        self._set_due(STALLED_SECONDS)
        self._enqueue(data)
        return self.taken(self.queued)

    def _enqueue(self, data: bytes) -> None:
        if data:
            if self._outgoing is None:
                self._outgoing = Outgoing()
            self._outgoing.add(data)
        self._link.send_soon(self)

    def take_bytes(self, most: int) -> bytes:
        """The next bytes to send; there are some."""
        assert self._outgoing is not None
        data = self._outgoing.take(most)
        if not self._outgoing.size:
            self._outgoing = None
        return data

    def drained(self) -> None:
        if self._phase is SENDING and self.state is DATA_XFER:
            self._send_file()
        else:
            super().drained()

    # time and the end

    def hold(self) -> None:
        """It has to wait, and the peer is not to blame."""
        self._due = inf

    @property
    def due(self) -> float:
        """When to look at it again."""
        return self._due

    def look(self) -> None:
        """Its deadline has passed."""
        if not self._is_late():
            return
        if self.incoming is None:
            self._due = inf
        elif self.withheld:  # it waits for us
            self._set_due(self._settings.read_seconds)
        else:
            self.reject(408, "Timeout while reading a request")

    def over(self) -> None:
        """The answer is on its way."""
        if self.state is CLOSING:
            super().drained()
        else:
            self.fail(_ANSWERED, errors.EEBADF)

    def shut(self, *, flush: bool) -> bool:
        self._let_go_of_file()
        self._request = self.incoming = None
        if flush and self.ends and not self.has_ended and not self.is_gone:
            return False
        self._outgoing = None
        self._link.drop(self)
        return True
