"""What a list of fields is in HTTP/2 (RFC 9113 8): a request, or header lines in another form. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from hpack import HeaderTuple, NeverIndexedHeaderTuple

from efuns.sockets.http import message
from efuns.sockets.http.message import BadRequestError, Request

_SHORT: Final = 512  # bytes of header lines that are worth remembering
_KNOWN_SETTINGS: Final = frozenset({1, 2, 3, 4, 5, 6, 8})
_PSEUDO: Final = frozenset({b":method", b":scheme", b":authority", b":path"})
_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE: Final = re.compile(rb"(?:[^\0\r\n \t](?:[^\0\r\n]*[^\0\r\n \t])?)?")
_PATH: Final = re.compile(rb"\*|/[\41-\176]*")
#: fields that speak of a connection, RFC 9113 8.2.2
_HOP: Final = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"})
#: the methods HTTP/1.1's parser knows
_KNOWN_METHODS: Final = frozenset(
    "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH SEARCH UNLOCK BIND REBIND "
    "UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE MKCALENDAR LINK "
    "UNLINK SOURCE QUERY".split())

Fields = tuple[HeaderTuple, ...]


class MalformedError(Exception):
    """A request no client should have made: its stream is reset."""


def read_request(fields: Iterable[tuple[bytes, bytes]], body_limit: int) -> Request:
    """The request a list of fields makes; MalformedError or BadRequestError where it makes none."""
    request = Request()
    request.version = "2"
    request.keeps_alive, request.wants_upgrade = True, False
    pseudo: dict[bytes, bytes] = {}
    headers = request.headers
    count = size = 0
    for name, value in fields:
        count += 1
        size += len(name) + len(value) + 4
        if name[:1] == b":":
            if headers or name in pseudo or name not in _PSEUDO:
                raise MalformedError
            pseudo[name] = value
        elif not _NAME.fullmatch(name) or name in _HOP or (name == b"te" and value.lower() != b"trailers"):
            raise MalformedError
        else:
            message.add_header(headers, name.decode(), message.header_text(value))
        if not _VALUE.fullmatch(value):
            raise MalformedError
    _read_pseudo(request, pseudo)
    if count > message.MAX_HEADERS or size > message.MAX_HEAD:
        raise BadRequestError(431, "The request has too many header fields")
    if "content-length" in headers:
        message.check_length(headers["content-length"][:19], body_limit)
    return request


def _read_pseudo(request: Request, pseudo: dict[bytes, bytes]) -> None:
    """The part of a request that is a line of its own in HTTP/1.1, RFC 9113 8.3.1."""
    headers = request.headers
    method, path = pseudo.get(b":method", b""), pseudo.get(b":path", b"")
    authority = pseudo.get(b":authority")
    request.method = message.header_text(method)
    if request.method not in _KNOWN_METHODS and not _NAME.fullmatch(method.lower()):
        raise MalformedError
    if request.method == "CONNECT":
        raise BadRequestError(501, "CONNECT is not supported")
    if not path or b":scheme" not in pseudo or not (path.startswith(b"/") or path == b"*"):
        raise MalformedError
    if authority is not None:
        host = message.header_text(authority)
        if headers.get("host", host) != host:
            raise MalformedError
        headers["host"] = host
    if "host" not in headers:
        raise MalformedError
    if request.method not in _KNOWN_METHODS:
        raise BadRequestError(501, "The request has no known method")
    if len(path) > message.MAX_TARGET:
        raise BadRequestError(414, "The target of the request is too long")
    if not _PATH.fullmatch(path):
        raise BadRequestError(400, "The target of the request is malformed")
    message.check_host(headers["host"])
    message.read_target(request, path.decode())


def header_fields(lines: bytes) -> Fields:
    """Header lines as HTTP/1.1 has them, as fields of HTTP/2. Cookies stay out of compression."""
    return _known_fields(lines) if len(lines) < _SHORT else _make_fields(lines)


def _make_fields(lines: bytes) -> Fields:
    made: list[HeaderTuple] = []
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        name = name.lower()
        if name and name not in _HOP:
            kind = NeverIndexedHeaderTuple if name == b"set-cookie" else HeaderTuple
            made.append(kind(name, value.strip()))
    return tuple(made)


_known_fields = lru_cache(maxsize=256)(_make_fields)  # servers say the same things again and again


def known_settings(frame: bytes) -> bytes:
    """A SETTINGS frame without the settings nobody knows, which h2 would keep."""
    size = len(frame) - 9
    if size % 6 or all(int.from_bytes(frame[at:at + 2], "big") in _KNOWN_SETTINGS for at in range(9, len(frame), 6)):
        return frame
    kept = b"".join(frame[at:at + 6] for at in range(9, len(frame), 6)
                    if int.from_bytes(frame[at:at + 2], "big") in _KNOWN_SETTINGS)
    return len(kept).to_bytes(3, "big") + frame[3:9] + kept
