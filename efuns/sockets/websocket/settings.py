"""What the options of a WebSocket say, for a listener's connections too."""

from __future__ import annotations

from typing import Final, NamedTuple

from efuns.sockets import options
from efuns.sockets.http import message as http
from efuns.sockets.websocket import handshake
from efuns.sockets.websocket.handshake import Terms, Windows
from lpc.errors import LPCError
from lpc.runtime.values import Mapping, Value

MESSAGE_LIMIT: Final = 65536
PING_SECONDS: Final = 30.0
PONG_SECONDS: Final = 10.0
#: fields of a handshake that are ours to say
_OURS: Final = frozenset({"upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-accept",
                          "sec-websocket-protocol", "sec-websocket-extensions"})


class Settings(NamedTuple):
    """The options, checked."""

    terms: Terms = Terms()
    max_message: int = MESSAGE_LIMIT
    max_frame: int = 0
    ping_seconds: float = PING_SECONDS  # 0: never
    pong_seconds: float = PONG_SECONDS
    headers: bytes = b""
    names: frozenset[str] = frozenset()


def read_settings(given: dict[int, Value], *, needs_deflate: bool) -> Settings:
    """The settings options make. LPCError for a value that will not do."""
    protocols = handshake.read_protocols(given.get(options.WS_SUBPROTOCOL, given.get(options.WS_PROTOCOL, [])))
    if protocols is None:
        raise _bad_value("WS_PROTOCOL", "names of subprotocols are accepted")
    origins = handshake.read_origins(given.get(options.WS_ORIGIN, []))
    if origins is None:
        raise _bad_value("WS_ORIGIN", 'origins such as "https://example.org" are accepted')
    windows = Windows() if given.get(options.WS_COMPRESSION) or needs_deflate else None
    if asked := given.get(options.WS_EXTENSIONS):
        windows = handshake.read_windows(asked)
        if windows is None:
            raise _bad_value("WS_EXTENSIONS", 'only "permessage-deflate" and its parameters are accepted')
    headers = given.get(options.HTTP_HEADERS)
    lines = http.header_lines(headers) if isinstance(headers, Mapping) else (b"", frozenset())
    if lines is None or lines[1] & _OURS:
        raise _bad_value("HTTP_HEADERS", "names and values of header fields are accepted, but not those of WebSocket")
    pings = given.get(options.WS_AUTO_PING, 1) != 0
    return Settings(
        Terms(protocols, origins, windows, needs_deflate),
        given.get(options.WS_MAX_MESSAGE_SIZE, MESSAGE_LIMIT), given.get(options.WS_FRAME_SIZE_LIMIT, 0),
        float(given.get(options.WS_PING_INTERVAL, PING_SECONDS)) if pings else 0.0,
        float(given.get(options.WS_PONG_TIMEOUT, PONG_SECONDS)), *lines)


def _bad_value(name: str, text: str) -> LPCError:
    return LPCError(f"Bad socket option value for {name}: {text}.\n")


DEFAULTS: Final = Settings()
