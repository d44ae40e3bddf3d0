"""A request and its answer, whatever version of HTTP carries them.

An `Exchange` is the socket LPC answers on: with HTTP/1.1 a connection (http1.py), which holds one request after
the other, with HTTP/2 a stream (http2.py), which holds one. What is the same for both stands here: where a
request goes, the answers LPC may write, headers, codings, files, and how long things may take. It is always in
one phase:

    WAITING      for a request, or the rest of one
    ASKED        LPC has a request and has not answered
    STREAMING    LPC sends a body in chunks
    SENDING      a file of HTTP_STATIC is on its way
    LEAVING      the last answer is given, nothing more is read (HTTP/1.1)
    GREETING     the first bytes decide on the version (HTTP/1.1)
    TAKEN        another protocol has the connection (HTTP/1.1)

What differs is how an answer goes on the wire, the `put_*` hooks; they take the bytes whole and answer what
socket_write() does:

    put_information(status, reason, headers)                   an answer before the answer
    put_answer(request, answer, headers, body, length)         all of it; `length` None: it has no body
    put_head(request, answer, headers, body, length)           a body begins; `length` None: nobody knows it
    put_piece(data), put_last(data)                            it goes on, and ends
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from efuns.sockets import errors
from efuns.sockets.base import CLOSED, CLOSING, Socket
from efuns.sockets.http import coding as http_coding
from efuns.sockets.http import message
from efuns.sockets.http import static as http_static
from efuns.sockets.http.message import Answer, Request
from efuns.sockets.http.site import Settings, read_settings
from efuns.sockets.tcp import STALLED_SECONDS
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from efuns.sockets.http.site import HttpServers, Site
    from lpc.runtime.objects import LPCObject

WAITING: Final = "WAITING"
ASKED: Final = "ASKED"
STREAMING: Final = "STREAMING"
SENDING: Final = "SENDING"
LEAVING: Final = "LEAVING"
GREETING: Final = "GREETING"
TAKEN: Final = "TAKEN"

PIECE: Final = 128 << 10
PROGRESS: Final = 16 << 10  # bytes of a body that are worth another HTTP_READ_TIMEOUT
_PIECES: Final = 8  # of a file in one turn of the loop
_METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

#: the attributes every Exchange has
SLOTS: Final = ("site", "_settings", "_servers", "_phase", "_request", "_peer_text", "_now", "_due", "_queue_mark",
                "_verdict", "_file")


class Exchange(Socket):
    """See the module. A subclass lists SLOTS among its own: it may have a second base with some."""

    if not TYPE_CHECKING:  # mypy would want each attribute in this line, which is where it cannot be
        __slots__ = ()

    site: Site
    _settings: Settings
    _servers: HttpServers
    _phase: str
    _request: Request | None  # LPC's, while it is not answered to the end
    _peer_text: str
    _now: Callable[[], float]
    _due: float  # what is waited for now has to happen by then
    _queue_mark: int  # what was queued when it was last looked at
    _verdict: tuple[str, int] | None  # how it ends, where that is decided before the end
    _file: http_static.StaticFile | None

    # ------------------------------------------------------------------------------------- the carrier

    def put_information(self, status: int, reason: bytes, headers: bytes) -> int:
        """Send an answer that only announces another."""
        raise NotImplementedError

    def put_answer(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        """Send a whole answer."""
        raise NotImplementedError

    def put_head(self, request: Request, answer: Answer, headers: bytes, body: bytes, length: int | None) -> int:
        """Send the head of an answer, and the first bytes of its body."""
        raise NotImplementedError

    def put_piece(self, data: bytes) -> int:
        """Send more of a body; there is some."""
        raise NotImplementedError

    def put_last(self, data: bytes) -> int:
        """Send the rest of a body, or nothing: it ends here."""
        raise NotImplementedError

    def reject(self, status: int, reason: str) -> None:
        """Answer what could not be understood, and end."""
        raise NotImplementedError

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        raise NotImplementedError

    @property
    def runs(self) -> bool:
        """Whether events still reach LPC: neither closed nor failed."""
        return not self.is_ended and self.state is not CLOSED and self.state is not CLOSING

    @property
    def _loop(self) -> AbstractEventLoop:
        return self.table.driver.loop

    def set_option(self, number: int, value: Value) -> None:
        self._settings = read_settings({**(self._options or {}), number: value}, self.table.driver.limits.buffer_size)
        super().set_option(number, value)

    # ---------------------------------------------------------------------------------------- requests

    def on_request(self, exchange: Exchange, request: Mapping, address: str) -> bool:
        """Answer a request or let LPC do it, now or later: whether that is under way. False becomes a 500."""
        return exchange.ask(request, address)

    def begin(self, request: Request) -> None:
        """A request is complete."""
        self._request = request
        self._phase = ASKED
        self._due = self._now() + self._settings.answer_seconds

    def route(self, request: Request) -> None:
        """Answer the request that has begun, or let LPC do it. BadRequestError where it cannot be read."""
        if request.target == "*":
            self.answer(204, b"Allow: %b\r\n" % _METHODS)
            return
        settings = self._settings
        if settings.mounts and request.method in ("GET", "HEAD"):
            mount = http_static.mount_of(settings.mounts, request.path)
            if mount is not None:
                self._serve(mount, request)
                return
        address, is_secure = self._origin(request) if settings.proxies else (self._peer_text, self.site.is_secure)
        mapping = message.request_mapping(
            request, self._servers.number(), address, is_secure=is_secure,
            limits=self.table.driver.limits)
        if not self.on_request(self, mapping, address) and self.runs and self._request is request:
            if self._phase is ASKED:
                self.answer(500)
            elif self._phase is STREAMING:  # half an answer must not look like a whole one
                self.fail("The handler failed within its answer", 500)

    def ask(self, mapping: Mapping, address: str) -> bool:
        """Call LPC: whether there was somebody to call and nothing went wrong."""
        callback = self.read_callback
        if callback is None:
            return False
        function = callback.entry(3)
        if function is None:
            self._unheard(callback)
            return False
        return self.table.enter(function, 0, self.fd, mapping, address) is not None

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
            if request.version == "1.0":  # RFC 9110 15.2: it knows no such answers
                return errors.EESUCCESS
            return self.put_information(answer.status, answer.reason, answer.headers)
        return self._respond(request, answer)

    @property
    def is_asked(self) -> bool:
        """Whether a request waits for its answer."""
        return self._phase is ASKED and self._request is not None

    @property
    def is_within_answer(self) -> bool:
        """Whether an answer has begun and not ended."""
        return self._phase is STREAMING

    def give(self, answer: Answer) -> int:
        """Answer with what is made already; as socket_write() with a whole answer."""
        request = self._request
        if self._phase is not ASKED or request is None:
            return self.problem(errors.EEALREADY, "The request is answered")
        return self._respond(request, answer)

    def add_lines(self, lines: bytes) -> None:
        """Add header lines to the answer of the request at hand, whoever gives it."""
        if self._request is not None:
            self._request.answer_lines += lines

    def answer(self, status: int, headers: bytes = b"", *, closes: bool = False) -> None:
        """Answer in LPC's place."""
        request = self._request
        assert request is not None
        self._respond(request, our_answer(self.site, status, headers, closes=closes))

    def _respond(self, request: Request, answer: Answer) -> int:
        status, _, headers, names, body, content_type, _, is_chunked = answer
        settings = self._settings
        if settings.names:
            headers = _with_defaults(answer.names, headers, settings.names, settings.headers)
        if request.answer_lines:
            headers = _with_defaults(answer.names, headers, None, request.answer_lines)
        if not message.has_body(status):
            return self.put_answer(request, answer, headers, b"", None)
        if "content-type" not in names and (body or is_chunked):
            headers += b"Content-Type: %b\r\n" % content_type.encode()
        if is_chunked:
            self._phase = STREAMING
            self._set_due(STALLED_SECONDS)
            return self.put_head(request, answer, headers, b"" if request.method == "HEAD" else body, None)
        if len(body) >= http_coding.SMALLEST and settings.codings:
            headers, body = self._encode_body(request, answer, headers, body)
        return self.put_answer(request, answer, headers, body if request.method != "HEAD" else b"", len(body))

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
        accepted = request.headers.get("accept-encoding", "")  # LPC has the mapping: it may have put anything there
        coding = http_coding.choose(accepted, self._settings.codings) if isinstance(accepted, str) else ""
        if not coding:
            return headers, body
        return headers + b"Content-Encoding: %b\r\n" % coding.encode(), http_coding.encode(coding, body)

    def _stream(self, message_: Value) -> int:
        request = self._request
        assert request is not None
        is_end = isinstance(message_, Mapping)
        if is_end and not message_.get("end", 0):
            return self.problem(errors.EEALREADY, "The request is being answered")
        data = message.chunk_bytes(message_.get("body", "") or "" if is_end else message_)
        if isinstance(data, int):
            return data
        if request.method == "HEAD":
            data = b""
        if is_end:
            return self.put_last(data)
        return self.put_piece(data) if data else errors.EESUCCESS

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
            self.answer(301, f"Location: {quote(found)}{query}\r\n".encode())
        elif isinstance(found, http_static.StaticFile):
            self._serve_file(found, request)
        else:
            self.answer(404 if found == 0 else 500)

    def _serve_file(self, file: http_static.StaticFile, request: Request) -> None:
        status, fields = http_static.select(file, request.headers)
        headers = "".join(f"{name}: {value}\r\n" for name, value in fields).encode() + self._settings.headers
        answer = our_answer(self.site, status)
        if request.method == "HEAD" or not file.remaining:
            file.close()
            self.put_answer(request, answer, headers, b"", None if status == 304 else file.remaining)
            return
        self._phase = SENDING
        self._file = file
        self._set_due(STALLED_SECONDS)
        length = file.remaining
        first = file.read(PIECE) if length <= PIECE else b""
        if self.put_head(request, answer, headers, first, length) != errors.EESEND:
            self._send_file()

    def _send_file(self) -> None:
        """Send pieces of the file until no more is taken; drained() goes on."""
        file = self._file
        if file is None or not self.runs:
            return
        for _ in range(_PIECES):
            if not file.remaining:
                self._let_go_of_file()
                self.put_last(b"")
                return
            if self.queued:
                return
            data = file.read(PIECE)
            if not data:  # it has become shorter than we said
                self._loop.call_soon(self.fail, "A file changed while it was sent", errors.EESEND)
                return
            if self.put_piece(data) == errors.EESEND:
                return
        if not self.queued:
            self._loop.call_soon(self._send_file)

    def _let_go_of_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    # ------------------------------------------------------------------------------------ time and end

    def fail(self, reason: str, code: int) -> None:
        super().fail(*(self._verdict or (reason, code)))

    def _set_due(self, seconds: float) -> None:
        self._due = self._now() + seconds

    def _is_late(self) -> bool:
        """The deadline has passed for what is to be sent or answered: whether that was all there was to wait
        for. What takes no data for long has failed afterwards."""
        if self.queued:
            stalled = self.queued == self._queue_mark
            self._queue_mark = self.queued
            if stalled:
                self.fail("The other end takes no more data", errors.EESEND)
            else:
                self._set_due(STALLED_SECONDS)
        elif self._phase is STREAMING or self._phase is SENDING:
            self._set_due(STALLED_SECONDS)
        elif self.is_asked:
            self.last_error = "The request was not answered in time"
            self.answer(504, closes=True)
            self._verdict = (self.last_error, 504)
        elif self._phase is not ASKED:  # else the answer showed that the connection is broken, which will follow
            return True
        return False


def our_answer(site: Site, status: int, headers: bytes = b"", *, closes: bool = False) -> Answer:
    """An answer that is not LPC's: it says its status."""
    body, kind = site.error_body(status) if message.has_body(status) else (b"", "")
    return Answer(status, message.phrase(status), headers, frozenset(), body, kind, closes, False)


def _open(files: Any, owner: LPCObject, mount: http_static.Mount, path: str) -> Any:
    """Within an evaluation: the file, where else to look for it, or 0 where there is none."""
    try:
        return http_static.open_file(files, owner, mount, path)
    except OSError:
        return 0


def _with_defaults(given: frozenset[str], headers: bytes, names: frozenset[str] | None, lines: bytes) -> bytes:
    """The headers of an answer, which has fields of the names `given`, and those lines it does not give itself;
    `names` are the lines', if they are known."""
    if not given or (names is not None and not names & given):
        return headers + lines
    return headers + b"".join(
        line for line in lines.splitlines(keepends=True) if line.partition(b":")[0].lower().decode() not in given)


def _field(headers: bytes, name: bytes) -> str:
    """The value of a field in lines of headers."""
    for line in headers.split(b"\r\n"):
        found, _, value = line.partition(b":")
        if found.lower() == name:
            return value.strip().decode()
    return ""
