"""HTTP/1.x messages without I/O: bytes in, requests out; LPC answers in, bytes out.

    reader.feed(data); request = reader.next()      None: more bytes are needed; BadRequestError: answer and close
    answer = read_answer(message)                   what LPC wrote, checked; an EE* code where it cannot be sent
    head(...) + body                                as it goes on the wire

Parsing is llhttp's (the library httptools), in its strict mode: bare LF, folded lines, two lengths, a length
beside chunks, and odd chunk sizes are errors there. What it leaves to its user is checked here: sizes,
Host (RFC 9112 3.2), versions, transfer codings, and what may stand in a target. Rules:
- At most one request is parsed ahead of the one being answered, plus what stands in the same SLICE bytes;
  the rest waits as bytes, whose number is the caller's to bound (`waiting`).
- Header names are lower case; repeated fields are joined by ", " (RFC 9110 5.3), cookies by "; ".
- Nothing of a trailer is kept.
"""

from __future__ import annotations

import re
from collections import deque
from http import HTTPStatus
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, unquote

import httptools

from efuns import json
from efuns.sockets import errors
from efuns.sockets.wire import text_bytes
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping, Value

MAX_TARGET: Final = 8 << 10
MAX_HEAD: Final = 64 << 10
MAX_HEADERS: Final = 100
MAX_FIELDS: Final = 1000  # of a query, a form, a Cookie header
SLICE: Final = 2048
_KEPT: Final = 256  # mappings of headers
_SHORT: Final = 1024

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"

_PHRASES: Final = {status.value: status.phrase.encode() for status in HTTPStatus}
_NOT_IN_VALUE: Final = re.compile("[\0-\10\12-\37\177]")
#: a whole line; the group shows that the colon is not one of the name
_LINE: Final = re.compile("([!#$%&'*+\\-.^_`|~0-9A-Za-z]+): [^\0-\10\12-\37\177]*")
_AUTHORITY: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(?::[0-9]{0,5})?")
#: fields of an answer that are ours alone
_OURS: Final = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "date"})
_TEXT: Final = "text/plain; charset=utf-8"


def phrase(status: int) -> bytes:
    """The reason phrase of a status."""
    return _PHRASES.get(status, b"Unknown")


class BadRequestError(Exception):
    """What arrived cannot be answered but with this status, after which the connection ends."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Request:
    """One request, complete unless `body` is still growing."""

    __slots__ = ("method", "target", "path", "query", "version", "headers", "body", "keeps_alive", "wants_upgrade",
                 "answer_lines")

    method: str
    target: str
    path: str  # percent-decoded
    query: str
    version: str  # "1.1"
    keeps_alive: bool
    wants_upgrade: bool

    def __init__(self) -> None:
        self.headers = Mapping()
        self.body: bytearray | None = None
        self.answer_lines = b""  # header lines of its answer, whoever gives it


# ---------------------------------------------------------------------------------------------- reading


class RequestReader:
    """Reads the requests of one connection. `body_limit` is the most a body may have."""

    __slots__ = ("body_limit", "wants_continue", "waiting", "_parser", "_input", "_at", "_ready", "_error", "_request",
                 "_parked", "_target", "_fields", "_head_size", "_fed", "_in_head", "_begun")

    def __init__(self, body_limit: int) -> None:
        self.body_limit = body_limit
        self.wants_continue = False  # the request being read waits for "100 Continue"
        self.waiting = 0  # bytes that were fed and not yet looked at
        self._parser: Any = httptools.HttpRequestParser(self)
        self._input: deque[bytes] = deque()
        self._at = 0
        self._ready: deque[Request] = deque()
        self._error: BadRequestError | None = None
        self._request = Request()
        self._parked: Request | None = None  # its head is read, the parser does not know that a body follows
        self._target = b""
        self._fields = 0
        self._head_size = 0  # of the fields that are complete
        self._fed = 0  # bytes since the head began, or since the last of the body; to the slice
        self._in_head = True
        self._begun = False

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self._input.append(data)
        self.waiting += len(data)

    def read(self, data: bytes) -> Request | None:
        """feed() and next() in one, for the common case that a whole request arrives and nothing waits."""
        if self._input or self._ready or len(data) > SLICE:
            self.feed(data)
        else:
            self._parse(data)
        return self.next()

    def next(self) -> Request | None:
        """The next request; None where it is not complete yet. Raises BadRequestError."""
        while not self._ready:
            if self._error is not None:
                raise self._error
            if not self._input:
                return None
            self._parse(self._slice())
        return self._ready.popleft()

    @property
    def is_partial(self) -> bool:
        """Whether a part of a request has arrived."""
        return self._begun

    @property
    def has_more(self) -> bool:
        """Whether next() could find something without further bytes."""
        return bool(self._ready or self._input or self._error)

    @property
    def progress(self) -> int:
        """Bytes of the body read so far."""
        return len(self._request.body) if self._request.body is not None else 0

    def take_rest(self) -> bytes:
        """The bytes nobody has looked at; they are the caller's from now on."""
        if self._at:
            self._input[0] = self._input[0][self._at:]
            self._at = 0
        rest = b"".join(self._input)
        self._input.clear()
        self.waiting = 0
        return rest

    def close(self) -> None:
        """Let go of the parser, which refers back to the reader."""
        self._parser = None
        self._input.clear()
        self._ready.clear()
        self.waiting = 0
        self._error = BadRequestError(400, "The connection is closed")

    def _slice(self) -> bytes:
        """The bytes to parse next: all while a body is being read, else few, so that few requests wait parsed."""
        data = self._input[0]
        if len(data) - self._at <= SLICE:
            piece = data[self._at:] if self._at else data
        elif self._in_head:
            piece = data[self._at:self._at + SLICE]
        else:
            piece = data[self._at:self._at + 8 * SLICE]
        self._at += len(piece)
        self.waiting -= len(piece)
        if self._at == len(data):
            self._input.popleft()
            self._at = 0
        return piece

    def _parse(self, data: bytes) -> None:
        size = len(data)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as upgrade:
                # The parser takes the request for complete. We speak HTTP/1.1 on, unless the caller knows better:
                # so what follows is not looked at before he has the request.
                self._parser = httptools.HttpRequestParser(self)
                data = data[upgrade.args[0]:]
                if self._parked is None:
                    self._put_back(data)
                    break
                data = _body_head(self._parked.headers) + data
            except httptools.HttpParserInvalidMethodError:
                # Upper case looks like a method we do not know, anything else like no HTTP at all.
                self._fail(501 if data[:1].isupper() else 400, "The request has no known method")
                return
            except httptools.HttpParserError as error:
                self._fail(*self._judge(str(error)))
                return
        if self._begun:
            self._fed += size
            if self._fed > MAX_HEAD + MAX_TARGET:
                self._fail(431, "The head or the trailer of the request is too large")

    def _put_back(self, data: bytes) -> None:
        rest = self.take_rest()
        for part in (data, rest):
            if part:
                self.feed(part)

    def _judge(self, text: str) -> tuple[int, str]:
        if text.startswith(("Invalid HTTP version", "Pause on PRI")):
            return 505, "The request is of another version of HTTP"
        if len(self._target) > MAX_TARGET:
            return 414, "The target of the request is too long"
        return 400, f"Malformed request: {text}"

    def _fail(self, status: int, reason: str) -> None:
        if self._error is None:
            self._error = BadRequestError(status, reason)

    # what the parser calls

    def on_message_begin(self) -> None:
        self._request = Request()
        self._target = b""
        self._fields = self._head_size = self._fed = 0
        self._in_head = self._begun = True
        self.wants_continue = False

    def on_url(self, part: bytes) -> None:
        self._target += part
        if len(self._target) > MAX_TARGET:
            self._fail(414, "The target of the request is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._head_size += len(name) + len(value) + 4
        if self._fields > MAX_HEADERS or self._head_size > MAX_HEAD:
            self._fail(431, "The request has too many header fields")
        elif self._in_head:
            headers = self._request.headers
            key = name.decode("ascii").lower()
            if key not in headers:
                headers[key] = header_text(value)
                return
            try:
                add_header(headers, key, header_text(value))
            except BadRequestError as error:
                self._fail(error.status, error.reason)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._parked is not None:
            self._request, self._parked = self._parked, None
            self.wants_continue = expects_continue(self._request.headers)
            return
        request, parser = self._request, self._parser
        request.version = parser.get_http_version()
        request.method = parser.get_method().decode("ascii")
        request.keeps_alive = parser.should_keep_alive()
        request.wants_upgrade = "upgrade" in request.headers and parser.should_upgrade()
        if self._error is None:
            try:
                self._check(request)
            except BadRequestError as error:
                self._error = error
            else:
                if request.wants_upgrade and _body_head(request.headers):
                    # RFC 9110 7.8 lets us ignore the upgrade. To take the body for the next request would let
                    # whoever wrote it make requests in another's name.
                    request.wants_upgrade = False
                    self._parked = request

    def on_body(self, part: bytes) -> None:
        body = self._request.body
        if body is None:
            body = self._request.body = bytearray()
        if len(body) + len(part) > self.body_limit:
            self._fail(413, "The body of the request is too large")
        self._fed = 0
        if self._error is None:
            body += part

    def on_message_complete(self) -> None:
        if self._parked is not None:
            return
        self._begun = False
        self._in_head = True
        self.wants_continue = False
        if self._error is None:
            self._ready.append(self._request)

    def _check(self, request: Request) -> None:
        if request.version not in ("1.1", "1.0"):
            raise BadRequestError(505, "The request is of another version of HTTP")
        headers = request.headers
        if "host" not in headers and request.version == "1.1":
            raise BadRequestError(400, "The request names no host")
        read_target(request, self._target.decode("ascii"))
        if "host" in headers:
            check_host(headers["host"])
        if "transfer-encoding" in headers:
            if headers["transfer-encoding"].lower() != "chunked":
                raise BadRequestError(501, "Unknown transfer coding")
            if request.version == "1.0":  # RFC 9112 6.1
                raise BadRequestError(400, "Chunks in HTTP/1.0")
            if not self.body_limit:  # nobody waits for the end of a body that must not be
                raise BadRequestError(413, "The body of the request is too large")
        elif "content-length" in headers:
            check_length(headers["content-length"], self.body_limit)
        if "expect" in headers:
            self.wants_continue = expects_continue(headers) and request.version == "1.1"


def _body_head(headers: Mapping) -> bytes:
    """The head of a request whose body has the same framing; none where these headers announce no body."""
    if "transfer-encoding" in headers:
        return b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    length = int(headers.get("content-length", "0"))
    return b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length if length else b""


def add_header(headers: Mapping, key: str, text: str) -> None:
    """Add a field, joining what is repeated. BadRequestError where it may not be."""
    if key not in headers:
        headers[key] = text
    elif key in ("host", "content-length", "content-type"):
        raise BadRequestError(400, f"The request has two fields {key}")
    else:
        headers[key] += ("; " if key == "cookie" else ", ") + text


def check_host(host: str) -> None:
    """Refuse what is no host, with or without a port."""
    if not _AUTHORITY.fullmatch(host):
        raise BadRequestError(400, "The request's host is malformed")


def check_length(length: str, limit: int) -> None:
    """Refuse a body that will be too large; what stands here are digits."""
    if int(length) > limit:
        raise BadRequestError(413, "The body of the request is too large")


def expects_continue(headers: Mapping) -> bool:
    """Whether the body follows "100 Continue"; what else may be expected is refused."""
    if "expect" not in headers:
        return False
    if headers["expect"].lower() != "100-continue":
        raise BadRequestError(417, "Unknown expectation")
    return True


def header_text(value: bytes) -> str:
    """The value of a field: UTF-8, or else the bytes as they are."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def read_target(request: Request, target: str) -> None:
    """Split a request target, RFC 9112 3.2: origin form, absolute form, or the * of OPTIONS."""
    request.target = target
    if request.method in ("CONNECT", "TRACE"):
        raise BadRequestError(501, f"{request.method} is not supported")
    if target[0] != "/":
        if target == "*":
            if request.method != "OPTIONS":
                raise BadRequestError(400, "The target * is for OPTIONS")
        else:
            target = _absolute(request, target)
    path, _, request.query = target.partition("#")[0].partition("?")
    if "%" in path:
        path = unquote(path)
        if "\0" in path:
            raise BadRequestError(400, "The target holds a zero byte")
    request.path = path


def _absolute(request: Request, target: str) -> str:
    """The origin form of an absolute one, whose authority takes the place of Host (RFC 9112 3.2.2)."""
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        raise BadRequestError(400, "The target is no HTTP URL")
    end = min((at for at in (rest.find(mark) for mark in "/?#") if at >= 0), default=len(rest))
    authority, rest = rest[:end], rest[end:]
    if not authority or "@" in authority:
        raise BadRequestError(400, "The target's host is malformed")
    request.headers["host"] = authority
    return rest if rest.startswith("/") else f"/{rest}"


# --------------------------------------------------------------------------------- requests for LPC


def request_mapping(request: Request, number: int, address: str, *, is_secure: bool, limits: Limits) -> Mapping:
    """A request as LPC reads it."""
    headers, body = request.headers, request.body
    made = Mapping(
        id=number, method=request.method, uri=request.target, path=request.path, query=request.query,
        query_params=fields(request.query) if request.query else Mapping(), version=f"HTTP/{request.version}",
        headers=headers, content_length=0, addr=address, tls=int(is_secure), body="")
    if "cookie" in headers:
        made["cookies"] = cookies(headers["cookie"])
    if body:
        made["content_length"] = len(body)
        made["body"] = body_value(body, limits.string_length)
        kind = headers.get("content-type")
        if kind is not None:
            _add_content(made, kind, body, limits)
    return made


def body_value(body: bytearray, string_limit: int) -> Value:
    """A body: a string where it is UTF-8, else a buffer, which takes the bytes over."""
    if len(body) <= string_limit:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    made = Buffer()
    made.data = body
    return made


def _add_content(made: Mapping, content_type: str, body: bytearray, limits: Limits) -> None:
    """What a body says, where its type is one we know and it holds what the type promises."""
    kind = media_type(content_type)
    if kind == "application/json" or kind.endswith("+json"):
        try:
            made["json"] = json.decode(body, limits)
        except LPCError:
            pass
    elif kind == "application/x-www-form-urlencoded":
        try:
            made["form"] = fields(body.decode("utf-8", "replace"))
        except BadRequestError:  # what clients send under this name need not be a form
            pass
    elif kind == "multipart/form-data":
        from efuns.sockets.http.forms import FormError, read_form

        try:
            made["form"], made["files"] = read_form(content_type, bytes(body))
        except FormError:
            pass


def media_type(content_type: str) -> str:
    """The type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()


def fields(text: str) -> Mapping:
    """The fields of a query or a form; an array where a name is repeated."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadRequestError(400, "The request has too many fields") from None
    made = Mapping()
    for name, value in pairs:
        add_field(made, name, value)
    return made


def add_field(made: Mapping, name: str, value: Value) -> None:
    """Add a value; the second one of a name makes an array of them."""
    if name not in made:
        made[name] = value
    elif isinstance(made[name], list):
        made[name].append(value)
    else:
        made[name] = [made[name], value]


def cookies(text: str) -> Mapping:
    """A Cookie header, RFC 6265 4.2; of two cookies of a name the first counts, which has the longer path."""
    made = Mapping()
    for pair in text.split(";", MAX_FIELDS)[:MAX_FIELDS]:
        name, mark, value = pair.strip().partition("=")
        if mark and name not in made:
            made[name] = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
    return made


# ----------------------------------------------------------------------------------- answers of LPC


class Answer(NamedTuple):
    """What LPC wrote, as bytes. `headers` are whole lines; `names` the lower-case names in them."""

    status: int
    reason: bytes
    headers: bytes
    names: frozenset[str]
    body: bytes
    content_type: str
    closes: bool
    is_chunked: bool


_NO_NAMES: Final[frozenset[str]] = frozenset()


Lines = tuple[bytes, frozenset[str]]


class HeaderLines:
    """What header_lines() made of the last mappings of strings: servers say the same things again and again."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], Lines] = {}

    def of(self, given: Mapping) -> Lines | None:
        """The same as header_lines(given)."""
        key = tuple(given.items())
        try:
            found = self._known.get(key)
        except TypeError:  # an array among the values
            return header_lines(given)
        # A float that equals an int, and such, must not be taken for what was checked: strings alone are kept.
        if found is None:
            found = header_lines(given)
            if found is not None and len(found[0]) < _SHORT and all(isinstance(value, str) for _, value in key):
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[key] = found
        return found


def read_answer(message: Value, limits: Limits, headers: HeaderLines) -> Answer | int:
    """An answer LPC wrote: a mapping, or a string or buffer that stands for a whole one."""
    if isinstance(message, Mapping):
        return _read_mapping(message, limits, headers)
    body = _body_of(message, limits) if isinstance(message, (str, Buffer)) else None
    if body is None:
        return errors.EETYPENOTSUPP
    return Answer(200, b"OK", b"", _NO_NAMES, body[0], body[1], False, False)


def _read_mapping(message: Mapping, limits: Limits, known: HeaderLines) -> Answer | int:
    status = message.get("status", 200)
    if not isinstance(status, int) or not 100 <= status <= 999 or status == 101:
        return errors.EEBADDATA
    reason = message.get("reason", 0)
    if reason == 0:
        told = _PHRASES.get(status, b"Unknown")
    elif not isinstance(reason, str) or _NOT_IN_VALUE.search(reason):
        return errors.EEBADDATA
    else:
        told = text_bytes(reason)
    given = message.get("headers", 0)
    headers, names = b"", _NO_NAMES
    if isinstance(given, Mapping):
        lines = known.of(given)
        if lines is None:
            return errors.EEBADDATA
        headers, names = lines
    elif given != 0:
        return errors.EETYPENOTSUPP
    try:
        body = _body_of(message.get("body", ""), limits)
    except LPCError:  # JSON cannot hold it
        return errors.EEBADDATA
    if body is None:
        return errors.EETYPENOTSUPP
    return Answer(status, told, headers, names, body[0], body[1], bool(message.get("close", 0)),
                  bool(message.get("chunked", 0)))


def header_lines(given: Mapping) -> Lines | None:
    """A mapping of headers as lines, and their names; None where one cannot be sent. The value of a name may
    be an array: one line for each. Those that are ours to say are left out."""
    lines, names = [], []
    for name, value in given.items():
        if not isinstance(name, str):
            return None
        if (lower := name.lower()) in _OURS:
            continue
        names.append(lower)
        for one in value if isinstance(value, list) else (value,):
            if not isinstance(one, (str, int)):
                return None
            line = f"{name}: {one}"
            found = _LINE.fullmatch(line)
            if found is None or found.end(1) != len(name):
                return None
            lines.append(line)
    if not lines:
        return b"", frozenset(names)
    lines.append("")
    return text_bytes("\r\n".join(lines)), frozenset(names)


def _body_of(body: Value, limits: Limits) -> tuple[bytes, str] | None:
    """The bytes of a body and the type they are of; None for a value that is none. Raises LPCError
    where JSON has no such value."""
    if isinstance(body, str):
        return text_bytes(body), _TEXT
    if isinstance(body, Buffer):
        return bytes(body.data), "application/octet-stream"
    if isinstance(body, (Mapping, list)):
        return json.encode(body, limits).encode(), "application/json"
    return (b"", _TEXT) if isinstance(body, int) and body == 0 else None


def has_body(status: int) -> bool:
    """Whether an answer of this status may have a body, RFC 9110 6.4.1."""
    return status >= 200 and status != 204 and status != 304


def head(status: int, reason: bytes, headers: bytes, date: bytes, length: int | None, connection: bytes) -> bytes:
    """The head of an answer. `length` None: no Content-Length; `connection`: whole line or nothing."""
    if length is None:
        return b"HTTP/1.1 %d %b\r\n%bDate: %b\r\n%b\r\n" % (status, reason, headers, date, connection)
    return b"HTTP/1.1 %d %b\r\n%bDate: %b\r\nContent-Length: %d\r\n%b\r\n" % (
        status, reason, headers, date, length, connection)


def chunk(data: bytes) -> bytes:
    """Data as one chunk; there are some."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def chunk_bytes(message: Value) -> bytes | int:
    """The bytes LPC adds to a streamed body."""
    if isinstance(message, str):
        return text_bytes(message)
    return bytes(message.data) if isinstance(message, Buffer) else errors.EETYPENOTSUPP
