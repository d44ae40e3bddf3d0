"""What LPC asks an HTTP server for, and what it gets, without I/O.

    url = read_target("example.org 80", "http")       where a socket is connected to; ExchangeError for no such place
    request = read_request(message, defaults, limits)  what LPC wrote, checked
    head_mapping(...), add_body(...)                   an answer as LPC reads it

Rules:
- A URL is parsed once, by yarl, and what was checked is what is used: hosts are lower case and of one form, numbers
  that stand for an address ("127.1") are that address.
- Nothing LPC writes can end a line: names of header fields are tokens, values have no control characters, methods are
  tokens, and paths are quoted.
- Content-Length and all else that says how a message is framed is ours; such fields are left out.
"""

from __future__ import annotations

import base64
import re
from typing import Any, Final, NamedTuple

from multidict import CIMultiDict
from yarl import URL

from efuns import json
from efuns.sockets import errors
from efuns.sockets.wire import numeric_address, text_bytes
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping, Value

MAX_URL: Final = 8 << 10
MAX_HEAD: Final = 64 << 10
MAX_HEADERS: Final = 100
SECURE: Final = {"http": False, "https": True}
#: methods that ask for nothing but an answer, RFC 9110 9.2.1
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})

_CONTROL: Final = re.compile("[\0-\37\177]")
_NOT_IN_VALUE: Final = re.compile("[\0-\10\12-\37\177]")
_TOKEN: Final = re.compile("[!#$%&'*+\\-.^_`|~0-9A-Za-z]+")
_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})")
_REFUSED_METHODS: Final = frozenset({"CONNECT", "TRACE"})
#: fields that say how a message is framed or what this hop does with it
_OURS: Final = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te",
                          "trailer", "upgrade", "expect"})
#: fields another host must not see: RFC 9110 15.4
SECRETS: Final = ("authorization", "cookie", "proxy-authorization")
_OF_BODY: Final = ("content-type", "content-encoding", "content-language", "content-location")
_TEXT: Final = "text/plain; charset=utf-8"
_OVERHEAD: Final = 512  # what a waiting request takes beside its body


class ExchangeError(Exception):
    """An exchange that cannot be, or could not be finished: a sentence for LPC, and a code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Defaults(NamedTuple):
    """What the requests of a socket have in common. `login` is the Authorization field for the origin of `url`."""

    url: URL
    headers: CIMultiDict[str]
    login: str | None = None
    streams: bool = False


class Request:
    """One request; `url`, `method` and `body` change with redirects, what LPC asked for is `asked`."""

    __slots__ = ("number", "method", "url", "headers", "body", "streams", "asked", "redirects")

    def __init__(self, number: Value, method: str, url: URL, headers: CIMultiDict[str], body: bytes | None, *,
                 streams: bool) -> None:
        self.number = number
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.streams = streams
        self.asked = method, url
        self.redirects = 0

    @property
    def size(self) -> int:
        """About how many bytes the request takes while it waits."""
        return _OVERHEAD + (len(self.body) if self.body is not None else 0)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"[:200]


# ------------------------------------------------------------------------------------------------ where to


def read_target(where: str, scheme: str) -> URL:
    """The URL a socket is connected to: a URL, "host port", "host:port" or "[v6]:port". ExchangeError otherwise."""
    if "://" in where:
        url = read_url(where)
        if url.scheme != scheme:
            raise ExchangeError(f"'{where[:200]}' is no {scheme} URL", errors.EEBADADDR)
        return url
    host, blank, port = where.partition(" ")
    if not blank:
        host, _, port = where.rpartition(":")
        if ":" in host and not host.startswith("["):
            raise _no_address(where)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    if not host or not (port.isascii() and port.isdigit()) or any(mark in host for mark in "/?#@ "):
        raise _no_address(where)
    return read_url(f"{scheme}://{host}:{port}/")


def read_url(text: str) -> URL:
    """A URL of this protocol, with one form for each host. ExchangeError where it is none."""
    if len(text) > MAX_URL or _CONTROL.search(text):
        raise _no_address(text)
    try:
        return normal_url(URL(text))
    except ValueError:  # and UnicodeError, which is one
        raise _no_address(text) from None


def normal_url(url: URL) -> URL:
    """A URL without fragment and with one form for each host; ExchangeError for one we cannot follow."""
    host, port = url.raw_host, url.port
    if url.scheme not in SECURE or not host or not port:
        raise _no_address(str(url))
    if url.raw_fragment:
        url = url.with_fragment(None)
    if url.raw_path == "/" and (text := str(url)).find("/", len("https://")) == -1:  # it has no path
        head, mark, query = text.partition("?")
        url = URL(f"{head}/{mark}{query}", encoded=True)
    address = numeric_address(host, port)
    if address is not None:
        return url if address.host == host else url.with_host(address.host)
    if host.endswith("."):
        url = url.with_host(host := host.removesuffix("."))
    if _NAME.fullmatch(host) is None or ".." in host:
        raise _no_address(str(url))
    return url


def without_credentials(url: URL) -> tuple[URL, str | None]:
    """A URL without user and password, and the Authorization field they stand for."""
    if url.raw_user is None and url.raw_password is None:
        return url, None
    text = f"{url.user or ''}:{url.password or ''}"
    return url.with_user(None), "Basic " + base64.b64encode(text_bytes(text)).decode()


def _no_address(text: str) -> ExchangeError:
    return ExchangeError(f"'{text[:200]}' is no URL, nor a host and a port", errors.EEBADADDR)


# --------------------------------------------------------------------------------------------- what LPC wrote


def read_request(message: Value, number: int, defaults: Defaults, limits: Limits) -> Request:
    """The request a mapping describes. ExchangeError with the code of socket_write() where it cannot be sent."""
    if not isinstance(message, Mapping):
        raise ExchangeError("A request is a mapping", errors.EETYPENOTSUPP)
    url, login = _url_of(message, defaults)
    headers = defaults.headers.copy()
    given = message.get("headers", 0)
    if isinstance(given, Mapping):
        own = header_fields(given)
        if own is None:
            raise ExchangeError("The header fields cannot be sent", errors.EEBADDATA)
        headers.update(own)
    elif given != 0:
        raise ExchangeError("\"headers\" is a mapping", errors.EETYPENOTSUPP)
    body, kind = _body_of(message, limits)
    if kind and "content-type" not in headers:
        headers["Content-Type"] = kind
    if login is not None and "authorization" not in headers:
        headers["Authorization"] = login
    return Request(_number_of(message, number), _method_of(message, body), url, headers, body,
                   streams=bool(message.get("stream", defaults.streams)))


def _number_of(message: Mapping, number: int) -> Value:
    given = message.get("id", number)
    if not isinstance(given, (int, str)):
        raise ExchangeError("\"id\" is a number or a string", errors.EETYPENOTSUPP)
    return given


def _method_of(message: Mapping, body: bytes | None) -> str:
    method = message.get("method", 0)
    if method == 0:
        return "GET" if body is None else "POST"
    if not isinstance(method, str):
        raise ExchangeError("\"method\" is a string", errors.EETYPENOTSUPP)
    method = method.upper()
    if len(method) > 32 or _TOKEN.fullmatch(method) is None or method in _REFUSED_METHODS:
        raise ExchangeError("There is no such method", errors.EEBADDATA)
    return method


def _url_of(message: Mapping, defaults: Defaults) -> tuple[URL, str | None]:
    """The URL of a request and the login for it: "url", which may be of another host, or "path", which is of ours;
    else that of the socket."""
    base = defaults.url
    url, path = message.get("url", 0), message.get("path", 0)
    if url != 0:
        if not isinstance(url, str):
            raise ExchangeError("\"url\" is a string", errors.EETYPENOTSUPP)
        found, login = without_credentials(read_url(url))
        if found.scheme != base.scheme:
            raise ExchangeError(f"'{url[:200]}' is no {base.scheme} URL", errors.EEBADADDR)
        return found, login or (defaults.login if found.origin() == base.origin() else None)
    if path == 0:
        return base, defaults.login
    if not isinstance(path, str):
        raise ExchangeError("\"path\" is a string", errors.EETYPENOTSUPP)
    if not path.startswith(("/", "?")) or len(path) > MAX_URL or _CONTROL.search(path):
        raise ExchangeError("\"path\" begins with a slash and has no control characters", errors.EEBADDATA)
    if path.startswith("?"):
        path = base.raw_path + path
    try:
        # Behind host and port, and with its slash, it cannot be taken for anything but a path.
        found = URL(f"{base.scheme}://{base.host_port_subcomponent}{path}")
    except ValueError:
        raise ExchangeError("\"path\" cannot be sent", errors.EEBADDATA) from None
    return found.with_fragment(None) if found.raw_fragment else found, defaults.login


def _body_of(message: Mapping, limits: Limits) -> tuple[bytes | None, str]:
    """The bytes of a request's body and their type; None for no body at all."""
    if "json" in message:
        return _json_bytes(message["json"], limits), "application/json"
    body = message.get("body", 0)
    if isinstance(body, str):
        return (text_bytes(body), _TEXT) if body else (None, "")
    if isinstance(body, Buffer):
        return bytes(body.data), "application/octet-stream"
    if isinstance(body, (Mapping, list)):
        return _json_bytes(body, limits), "application/json"
    if body != 0:
        raise ExchangeError("\"body\" is a string, a buffer, or a mapping or array for JSON", errors.EETYPENOTSUPP)
    return None, ""


def _json_bytes(value: Value, limits: Limits) -> bytes:
    try:
        return json.encode(value, limits).encode()
    except LPCError as error:
        raise ExchangeError(str(error).strip(), errors.EEBADDATA) from None


def header_fields(given: Mapping) -> CIMultiDict[str] | None:
    """A mapping of header fields, those left out that are ours to say; None where one cannot be sent. The value
    of a name may be an array: one field for each."""
    made: CIMultiDict[str] = CIMultiDict()
    size = 0
    for name, value in given.items():
        if not isinstance(name, str) or _TOKEN.fullmatch(name) is None:
            return None
        for one in value if isinstance(value, list) else (value,):
            if not isinstance(one, (str, int)):
                return None
            text = str(one)
            if _NOT_IN_VALUE.search(text):
                return None
            if not text.isascii():
                text = text_bytes(text).decode()
            size += len(name) + len(text)
            if name.lower() not in _OURS:
                made.add(name, text)
    return made if size <= MAX_HEAD and len(made) <= MAX_HEADERS else None


# ----------------------------------------------------------------------------------------------- redirects


def redirect(request: Request, status: int, location: str) -> None:
    """Let a request go where an answer sends it. ExchangeError where it may not."""
    try:
        if len(location) > MAX_URL or _CONTROL.search(location):
            raise ValueError
        url, _ = without_credentials(normal_url(request.url.join(URL(location))))
    except (ValueError, ExchangeError):
        raise ExchangeError(f"Redirected to '{_clean(location)[:200]}', which is no HTTP URL", status) from None
    if SECURE[request.url.scheme] and not SECURE[url.scheme]:
        raise ExchangeError("Redirected from https to http", status)
    if url.origin() != request.url.origin():
        for name in (*SECRETS, "host"):
            request.headers.popall(name, None)
    if (status == 303 and request.method != "HEAD") or (status in (301, 302) and request.method == "POST"):
        request.method, request.body = "GET", None
        for name in _OF_BODY:
            request.headers.popall(name, None)
    request.url = url
    request.redirects += 1


# ----------------------------------------------------------------------------------------------- what LPC reads


def head_mapping(request: Request, status: int, reason: str, version: Any, fields: tuple[tuple[bytes, bytes], ...],
                 ) -> Mapping:
    """An answer without its body, as LPC reads it."""
    method, url = request.asked
    return Mapping(
        id=request.number, status=status, reason=reason if reason.isascii() else _clean(reason),
        version=f"HTTP/{version[0]}.{version[1]}", headers=_headers(fields), url=str(request.url),
        redirects=request.redirects, request=Mapping(method=method, url=str(url)))


def add_body(made: Mapping, body: bytearray | bytes, limits: Limits) -> None:
    """Add the body, as a string where it is UTF-8, and what it says where it is JSON."""
    made["body"] = _body_value(body, limits.string_length)
    kind = made["headers"].get("content-type")
    if body and isinstance(kind, str):
        kind = kind.partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            try:
                made["json"] = json.decode(bytes(body), limits)
            except LPCError:
                pass  # it is not what it says; LPC has the text


def _body_value(body: bytearray | bytes, string_limit: int) -> Value:
    if len(body) <= string_limit:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass
    return Buffer(body)


def _headers(fields: tuple[tuple[bytes, bytes], ...]) -> Mapping:
    """Header fields by lower-case name; those of one name are joined, but for cookies, which cannot be."""
    made = Mapping()
    for name, value in fields:
        key = name.decode("latin-1").lower()
        try:
            text = value.decode()
        except UnicodeDecodeError:
            text = value.decode("latin-1")
        if key not in made:
            made[key] = text
        elif key != "set-cookie":
            made[key] += f", {text}"
        elif isinstance(made[key], list):
            made[key].append(text)
        else:
            made[key] = [made[key], text]
    return made


def _clean(text: str) -> str:
    """Text of a peer without half characters."""
    return text_bytes(text).decode()
