"""The opening handshake of WebSocket without I/O (RFC 6455 4, RFC 7692 7.1): what two ends ask for and agree on.

    agreed = accept(request, terms)             a server: `agreed.head` is the answer; RefusedError: answer that
    data = ask(target, terms, key, lines)       a client: its request
    agreed = check(read_head(data), key, terms) ... and what the answer to it means; RefusedError: give up

`Terms` are what the options of a socket say. Extensions are parsed by the library websockets; what
permessage-deflate's parameters come to is decided here, because a window of 8 bits is one of 9 to zlib (whose
9-bit compressor never refers back further than 250 bytes), where the library declines it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, urlsplit

from websockets.exceptions import InvalidHandshake
from websockets.headers import build_extension, parse_extension
from websockets.utils import accept_key

from efuns.sockets.http.message import Request, phrase
from efuns.sockets.websocket.frames import Deflate

DEFLATE: Final = "permessage-deflate"
MAX_HEAD: Final = 16 << 10
_SERVER_WINDOW: Final = 12  # bits, unless asked for more: 16 KB for a connection instead of 128 KB
_WIDEST: Final = 15
_WINDOWS: Final = frozenset(map(str, range(8, 16)))
_FLAGS: Final = ("server_no_context_takeover", "client_no_context_takeover")
_BITS: Final = ("server_max_window_bits", "client_max_window_bits")
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_STATUS: Final = re.compile(r"HTTP/1\.[01] ([1-5]\d\d)(?: ([^\0-\10\12-\37\177]*))?")
_FIELD: Final = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\0-\10\12-\37\177]*?)[ \t]*")
_UNSAFE: Final = re.compile(r"[\0-\40\177]")
_SAFE: Final = "/?:@!$&'()*+,;=-._~%"


class RefusedError(Exception):
    """A handshake that cannot be. `status` is a server's answer, or what a client got (0: no HTTP)."""

    def __init__(self, reason: str, status: int = 0, headers: bytes = b"", close_code: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.headers = headers
        self.close_code = close_code  # the WebSocket exists, and has to be closed with this code


class Windows(NamedTuple):
    """What one end wants of permessage-deflate; 0 bits: no opinion."""

    server_bits: int = 0
    client_bits: int = 0
    server_forgets: bool = False
    client_forgets: bool = False


class Terms(NamedTuple):
    """What one end wants of a connection."""

    protocols: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()  # a server accepts (none given: every one); a client's is the first
    windows: Windows | None = None  # None: no compression
    needs_deflate: bool = False


class Agreed(NamedTuple):
    """What came of a handshake."""

    head: bytes = b""  # a server's answer
    protocol: str = ""
    extensions: str = ""
    deflate: Deflate | None = None


# ------------------------------------------------------------------------------------------- a server's


def accept(request: Request, terms: Terms, more: bytes = b"") -> Agreed:
    """Agree with a client; `more` are header lines of ours. Raises RefusedError with the answer."""
    headers = request.headers
    if request.method != "GET":
        raise RefusedError("A WebSocket handshake is a GET", 405, b"Allow: GET\r\n")
    if headers.get("upgrade", "").strip().lower() != "websocket" or "upgrade" not in _words(headers, "connection"):
        raise RefusedError("This is a WebSocket server", 426, b"Upgrade: websocket\r\n")
    if headers.get("sec-websocket-version", "").strip() != "13":
        raise RefusedError("The version of WebSocket is not 13", 426,
                           b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n")
    if request.version != "1.1" or request.body or "transfer-encoding" in headers:
        raise RefusedError("A WebSocket handshake is an HTTP/1.1 request without a body", 400)
    key = headers.get("sec-websocket-key", "").strip()
    if not _is_key(key):
        raise RefusedError("Sec-WebSocket-Key is malformed", 400)
    if terms.origins and not _is_allowed(headers.get("origin", ""), terms.origins):
        raise RefusedError("The origin is not accepted", 403)
    protocol = _choose_protocol(headers.get("sec-websocket-protocol", ""), terms.protocols)
    extensions, deflate = _choose_deflate(headers.get("sec-websocket-extensions", ""), terms)
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {accept_key(key)}"]
    if protocol:
        lines.append(f"Sec-WebSocket-Protocol: {protocol}")
    if extensions:
        lines.append(f"Sec-WebSocket-Extensions: {extensions}")
    return Agreed("\r\n".join((*lines, "")).encode() + more + b"\r\n", protocol, extensions, deflate)


def _words(headers: dict[str, str], name: str) -> set[str]:
    return {word.strip().lower() for word in headers.get(name, "").split(",")}


def _is_key(key: str) -> bool:
    try:
        return len(base64.b64decode(key.encode(), validate=True)) == 16
    except binascii.Error:
        return False


def _is_allowed(origin: str, origins: tuple[str, ...]) -> bool:
    return "*" in origins or origin.lower() in (allowed.lower() for allowed in origins)


def _choose_protocol(offered: str, ours: tuple[str, ...]) -> str:
    """Our first that is offered; without a match there is none, and the client decides."""
    names = [name.strip() for name in offered.split(",")] if offered else []
    if not all(map(_TOKEN.fullmatch, names)):
        raise RefusedError("Sec-WebSocket-Protocol is malformed", 400)
    return next((name for name in ours if name in names), "")


def _choose_deflate(offered: str, terms: Terms) -> tuple[str, Deflate | None]:
    """The first offer of permessage-deflate we can take."""
    try:
        offers = parse_extension(offered) if offered else []
    except InvalidHandshake:
        raise RefusedError("Sec-WebSocket-Extensions is malformed", 400) from None
    for name, given in offers if terms.windows is not None else ():
        found = _parameters(given, may_omit=True) if name == DEFLATE else None
        if found is not None and terms.windows is not None:
            return _answer_offer(found, terms.windows)
    if terms.needs_deflate:
        raise RefusedError(f"The client has to offer {DEFLATE}", 400)
    return "", None


def _answer_offer(offer: dict[str, int], ours: Windows) -> tuple[str, Deflate]:
    server_bits = min(ours.server_bits or _SERVER_WINDOW, offer.get("server_max_window_bits", _WIDEST))
    client_bits = _WIDEST
    answer: list[tuple[str, str | None]] = []
    forgets = []
    for name, wanted in zip(_FLAGS, (ours.server_forgets, ours.client_forgets)):
        forgets.append(wanted or name in offer)
        if forgets[-1]:
            answer.append((name, None))
    if server_bits < _WIDEST or "server_max_window_bits" in offer:
        answer.append(("server_max_window_bits", str(server_bits)))
    if "client_max_window_bits" in offer:  # else the client may not be told
        client_bits = min(ours.client_bits or _SERVER_WINDOW, offer["client_max_window_bits"] or _WIDEST)
        answer.append(("client_max_window_bits", str(client_bits)))
    return _extension(answer), Deflate(server_bits, client_bits, *forgets)


def _extension(parameters: list[tuple[str, str | None]]) -> str:
    text: str = build_extension([(DEFLATE, parameters)])  # type: ignore[list-item]
    return text


def _parameters(given: object, *, may_omit: bool) -> dict[str, int] | None:
    """The parameters of permessage-deflate, 0 for a value left out; None where one of them is wrong."""
    found: dict[str, int] = {}
    for name, value in given:  # type: ignore[attr-defined]
        if name in found:
            return None
        if name in _FLAGS and value is None:
            found[name] = 1
        elif name in _BITS and value in _WINDOWS:
            found[name] = int(value)
        elif name == "client_max_window_bits" and value is None and may_omit:
            found[name] = 0
        else:
            return None
    return found


# ------------------------------------------------------------------------------------------- a client's


class Target(NamedTuple):
    """Where a client wants to go."""

    host: str
    port: int
    path: str = "/"  # with the query
    is_secure: bool = False
    credentials: str = ""  # "user:password"

    @property
    def authority(self) -> str:
        """The value of Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_secure else 80) else f"{host}:{self.port}"


def parse_target(text: str, schemes: dict[str, bool], *, is_secure: bool) -> Target | None:
    """What socket_connect() names: "host port", "host:port", "[v6]:port", or a URL of one of `schemes` (by
    whether it is secure). None where it is none of them."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        host, space, port = text.rpartition(" ")
        if space:
            text = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        scheme, rest = next(name for name, secure in schemes.items() if secure == is_secure), text
        if not rest.rpartition(":")[2].isdigit() or "/" in rest:
            return None
    secure = schemes.get(scheme.lower())
    if secure is None or _UNSAFE.search(rest):
        return None
    try:
        url = urlsplit(f"{scheme}://{rest}")
        host, given = _host(url.hostname or ""), url.port
    except ValueError:
        return None
    if not host or url.fragment or given == 0:
        return None
    path = quote(url.path or "/", safe=_SAFE) + (f"?{quote(url.query, safe=_SAFE)}" if url.query else "")
    credentials = f"{unquote(url.username)}:{unquote(url.password or '')}" if url.username is not None else ""
    return Target(host, given or (443 if secure else 80), path, secure, credentials)


def _host(name: str) -> str:
    """A host name as it goes on the wire; ValueError (UnicodeError is one) where it cannot."""
    if name.isascii():
        return name
    return name.encode("idna").decode()


def basic(credentials: str) -> str:
    """The value of an Authorization field for "user:password"."""
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def make_key() -> str:
    """A fresh Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def ask(target: Target, terms: Terms, key: str, more: bytes = b"", names: frozenset[str] = frozenset()) -> bytes:
    """A client's request; `more` are header lines of LPC's, `names` what they set (in lower case)."""
    lines = [f"GET {target.path} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {target.authority}")
    lines += ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13"]
    if terms.protocols:
        lines.append(f"Sec-WebSocket-Protocol: {', '.join(terms.protocols)}")
    if terms.origins and "origin" not in names:
        lines.append(f"Origin: {terms.origins[0]}")
    if terms.windows is not None:
        lines.append(f"Sec-WebSocket-Extensions: {_offer(terms.windows)}")
    if target.credentials and "authorization" not in names:
        lines.append(f"Authorization: {basic(target.credentials)}")
    return "\r\n".join((*lines, "")).encode() + more + b"\r\n"


def _offer(ours: Windows) -> str:
    parameters: list[tuple[str, str | None]] = []
    for name, wanted in zip(_FLAGS, (ours.server_forgets, ours.client_forgets)):
        if wanted:
            parameters.append((name, None))
    if ours.server_bits:
        parameters.append(("server_max_window_bits", str(ours.server_bits)))
    parameters.append(("client_max_window_bits", str(ours.client_bits) if ours.client_bits else None))
    return _extension(parameters)


class Response(NamedTuple):
    """The head of an HTTP answer, names of fields in lower case."""

    status: int
    phrase: str
    headers: dict[str, str]


def read_head(data: bytes) -> Response:
    """Read the head of an answer, up to and without its empty line. Raises RefusedError for what is no HTTP."""
    first, *lines = data.decode("latin-1").split("\r\n")
    found = _STATUS.fullmatch(first)
    if found is None:
        raise RefusedError("The answer is no HTTP")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise RefusedError("The answer's header is malformed")
        name = field[1].lower()
        headers[name] = f"{headers[name]}, {field[2]}" if name in headers else field[2]
    status = int(found[1])
    return Response(status, found[2] or phrase(status).decode(), headers)


def check(answer: Response, key: str, terms: Terms) -> Agreed:
    """What a server agreed to. Raises RefusedError where it did not, or to something else."""
    headers = answer.headers
    if answer.status != 101:
        raise RefusedError(f"the server answered {answer.status} {answer.phrase}".rstrip(), answer.status)
    if headers.get("upgrade", "").lower() != "websocket" or "upgrade" not in _words(headers, "connection"):
        raise RefusedError("the server upgrades to something else")
    if headers.get("sec-websocket-accept", "") != accept_key(key):
        raise RefusedError("Sec-WebSocket-Accept is wrong")
    protocol = headers.get("sec-websocket-protocol", "")
    if protocol and protocol not in terms.protocols:
        raise RefusedError("the server chose a subprotocol it was not offered")
    extensions = headers.get("sec-websocket-extensions", "")
    deflate = _read_answer(extensions, terms.windows)
    if terms.protocols and not protocol:
        raise RefusedError("The server speaks none of the subprotocols asked for", close_code=1002)
    if terms.needs_deflate and deflate is None:
        raise RefusedError(f"The server did not grant {DEFLATE}", close_code=1010)
    return Agreed(b"", protocol, extensions, deflate)


def _read_answer(extensions: str, ours: Windows | None) -> Deflate | None:
    if not extensions:
        return None
    try:
        [(name, given)] = parse_extension(extensions)
    except (InvalidHandshake, ValueError):
        raise RefusedError("the server's extensions are malformed") from None
    found = _parameters(given, may_omit=False) if name == DEFLATE and ours is not None else None
    if found is None or ours is None:
        raise RefusedError("the server chose an extension it was not offered")
    server_bits, client_bits = found.get("server_max_window_bits"), found.get("client_max_window_bits", _WIDEST)
    if ours.server_bits and (server_bits is None or server_bits > ours.server_bits):
        raise RefusedError("the server's window is wider than asked for")
    if ours.server_forgets and "server_no_context_takeover" not in found:
        raise RefusedError("the server insists on its context")
    if ours.client_bits and client_bits > ours.client_bits:
        client_bits = ours.client_bits  # a narrower one of ours is always within it
    return Deflate(client_bits, server_bits or _WIDEST, ours.client_forgets or "client_no_context_takeover" in found,
                   "server_no_context_takeover" in found)


# --------------------------------------------------------------------------------- from option values


def read_protocols(value: object) -> tuple[str, ...] | None:
    """The subprotocols of an option: a string, or an array of them; None where one is no token."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) > 100 or len(set(map(str, names))) != len(names):
        return None
    if any(not isinstance(name, str) or not _TOKEN.fullmatch(name) or len(name) > 256 for name in names):
        return None
    return tuple(names)


def read_origins(value: object) -> tuple[str, ...] | None:
    """The origins of an option: a string, or an array of them; None where one cannot be a field's value."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) > 1000:
        return None
    if any(not isinstance(name, str) or not name.isascii() or _UNSAFE.search(name) for name in names):
        return None
    return tuple(names)


def read_windows(value: str) -> Windows | None:
    """What the option WS_EXTENSIONS says; None where it is not just permessage-deflate with parameters."""
    try:
        [(name, given)] = parse_extension(value)
    except (InvalidHandshake, ValueError):
        return None
    found = _parameters(given, may_omit=True) if name == DEFLATE else None
    if found is None:
        return None
    return Windows(found.get(_BITS[0], 0), found.get(_BITS[1], 0), _FLAGS[0] in found, _FLAGS[1] in found)
