"""THE TABLE of socket modes: one row per mode. Everything that depends on a mode comes from its row: the
headers, the predefined macros, socket_mode_available(), socket_modes(), the reference page and the error for
a missing library.

Adding a mode is a file with a Socket class and its row here. A row whose `factory` is None is a number we
have given away but not built: socket_create() answers EEMODENOTSUPP for it. Numbers 90 to 99 belong to
other Python packages, which register a `Mode` under the entry-point group `pylpc.socket_modes`.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from efuns.sockets.base import Socket
    from lpc.runtime.host import Host

PLUGIN_GROUP: Final = "pylpc.socket_modes"
PLUGIN_NUMBERS: Final = range(90, 100)


@dataclass(frozen=True, slots=True)
class Mode:
    """One row. `factory` is "module:Class" (a subclass of base.Socket); `needs` are importable libraries, `platform`
    a prefix of sys.platform; `options` are the numbers of options.py that mean something here; `shown_as` is the
    mode column of socket_status()."""

    number: int
    name: str
    package: str
    summary: str
    factory: str
    needs: tuple[str, ...] = ()
    platform: str = ""
    options: tuple[int, ...] = ()
    aliases: tuple[str, ...] = ()
    shown_as: str = ""

    @property
    def status_name(self) -> str:
        """The name socket_status() shows."""
        return self.shown_as or self.name

    @property
    def names(self) -> tuple[str, ...]:
        """Every macro that stands for the mode's number."""
        return tuple(name for bare in (self.name, *self.aliases) for name in (bare, f"SOCKET_{bare}"))

    def obstacle(self) -> str | None:
        """Why no socket of this mode can be made here; None if one can."""
        if self.platform and not sys.platform.startswith(self.platform):
            return f"mode {self.name} works on {self.platform} only"
        missing = [library for library in self.needs if importlib.util.find_spec(library) is None]
        if missing:
            return f"mode {self.name} needs the Python package {', '.join(missing)}"
        return None

    def load(self) -> type[Socket]:
        """The class behind the row; its module is imported now."""
        module, _, name = self.factory.partition(":")
        made: type[Socket] = getattr(importlib.import_module(module), name)
        return made


_TLS: Final = (1, 2, 3, 4)  # mainline takes them in every mode it has
_TCP: Final = (5, 6, 7, 8, 9, 11, 12)
_UDP: Final = (6, 7, 10)
_COAP: Final = (*_UDP, 104, 287, 1011, 1050, 1052, 1053, 1054)
_MORE_TLS: Final = (324, 329, 333)
_COMMAND: Final = (41, 140, 141, 142, 144, 147, 152, 155, 156, 157)
_MQTT_LINK: Final = (*_TLS, 6, 7, 9, 11, 324)
_SERVES: Final = (*_TLS, *_TCP, *_MORE_TLS, 44, 100, 104, 109, 287, 340, 1020, 1021, 1022)
_ASKS: Final = (*_TLS, 45, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 287, 324, 1022, 1030, 1031)
_HTTP_SERVER: Final = ("httptools", "python_multipart")
_WEBSOCKET: Final = ("websockets", "httptools")
_WEBSOCKETS: Final = (*_TLS, *_TCP, *_MORE_TLS, 100, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 1012)

ROWS: Final = (
    Mode(0, "MUD", "SOCKETS", "LPC values over TCP, each with its length in front",
         factory="efuns.sockets.mud:Mud", options=(*_TLS, *_TCP)),
    Mode(1, "STREAM", "SOCKETS", "text over TCP",
         factory="efuns.sockets.tcp:TextStream", options=(*_TLS, *_TCP)),
    Mode(2, "DATAGRAM", "SOCKETS", "UDP packets, text where they are UTF-8",
         factory="efuns.sockets.udp:Datagram", options=(*_TLS, *_UDP)),
    Mode(3, "STREAM_BINARY", "SOCKETS", "bytes over TCP", shown_as="STREAM",
         factory="efuns.sockets.tcp:ByteStream", options=(*_TLS, *_TCP)),
    Mode(4, "DATAGRAM_BINARY", "SOCKETS", "UDP packets as buffers", shown_as="DATAGRAM",
         factory="efuns.sockets.udp:DatagramBinary", options=(*_TLS, *_UDP)),
    Mode(5, "STREAM_TLS", "SOCKETS", "text over TLS",
         factory="efuns.sockets.tcp:TlsTextStream", options=(*_TLS, *_TCP, *_MORE_TLS)),
    Mode(6, "STREAM_TLS_BINARY", "SOCKETS", "bytes over TLS",
         factory="efuns.sockets.tcp:TlsByteStream", options=(*_TLS, *_TCP, *_MORE_TLS)),
    Mode(7, "STREAM_COMPRESSED", "COMPRESS", "a compressed stream over TCP",
         factory="efuns.sockets.compressed:StreamCompressed", needs=("zstandard",), options=(*_TCP, 41, 42)),
    Mode(8, "STREAM_TLS_COMPRESSED", "COMPRESS", "a compressed stream over TLS",
         factory="efuns.sockets.compressed:StreamTlsCompressed", needs=("zstandard",),
         options=(*_TLS, *_TCP, *_MORE_TLS, 41, 42)),
    Mode(9, "DATAGRAM_COMPRESSED", "COMPRESS", "UDP packets, each compressed on its own",
         factory="efuns.sockets.compressed:DatagramCompressed", needs=("zstandard",),
         options=(*_UDP, 41, 42, 1011)),
    Mode(20, "HTTP_SERVER", "HTTP", "HTTP server: requests as mappings",
         factory="efuns.sockets.http.server:HttpServer", needs=_HTTP_SERVER, options=_SERVES),
    Mode(21, "HTTPS_SERVER", "HTTP", "HTTP server over TLS",
         factory="efuns.sockets.http.server:HttpsServer", needs=_HTTP_SERVER, options=_SERVES),
    Mode(22, "HTTP_CLIENT", "HTTP", "HTTP client: responses as mappings",
         factory="efuns.sockets.http.client:HttpClient", needs=("aiohttp",), options=_ASKS),
    Mode(23, "HTTPS_CLIENT", "HTTP", "HTTP client over TLS",
         factory="efuns.sockets.http.client:HttpsClient", needs=("aiohttp",), options=_ASKS),
    Mode(24, "REST_SERVER", "REST", "HTTP server with routes, JSON and validation",
         factory="efuns.sockets.rest.server:RestServer", needs=_HTTP_SERVER,
         options=(*_SERVES, 110, 111, 112, 113, 114, 115, 116, 117, 118, 119)),
    Mode(25, "REST_CLIENT", "REST", "HTTP client that speaks JSON",
         factory="efuns.sockets.rest.client:RestClient", needs=("aiohttp",), options=_ASKS),
    Mode(26, "COAP_SERVER", "COAP", "CoAP server (REST over UDP)",
         factory="efuns.sockets.coap.server:CoapServer", needs=("aiocoap",), options=(*_COAP, 1051)),
    Mode(27, "COAP_CLIENT", "COAP", "CoAP client",
         factory="efuns.sockets.coap.client:CoapClient", needs=("aiocoap",), options=_COAP),
    Mode(30, "WEBSOCKET_SERVER", "WEBSOCKET", "WebSocket server",
         factory="efuns.sockets.websocket.socket:WebSocketServer", needs=_WEBSOCKET, options=_WEBSOCKETS),
    Mode(31, "WEBSOCKET_CLIENT", "WEBSOCKET", "WebSocket client",
         factory="efuns.sockets.websocket.socket:WebSocketClient", needs=_WEBSOCKET, options=(*_WEBSOCKETS, 1030)),
    Mode(32, "WEBSOCKET_SECURE_SERVER", "WEBSOCKET", "WebSocket server over TLS", aliases=("WEBSOCKET_TLS_SERVER",),
         factory="efuns.sockets.websocket.socket:WebSocketSecureServer", needs=_WEBSOCKET, options=_WEBSOCKETS),
    Mode(33, "WEBSOCKET_SECURE_CLIENT", "WEBSOCKET", "WebSocket client over TLS", aliases=("WEBSOCKET_TLS_CLIENT",),
         factory="efuns.sockets.websocket.socket:WebSocketSecureClient", needs=_WEBSOCKET,
         options=(*_WEBSOCKETS, 1030)),
    Mode(34, "WEBSOCKET_FILE_STREAM", "WEBSOCKET", "files over WebSocket",
         factory="efuns.sockets.websocket.file:WebSocketFile", needs=_WEBSOCKET, options=(*_WEBSOCKETS, 1030)),
    Mode(35, "WEBSOCKET_BINARY_STREAM", "WEBSOCKET", "a byte stream over WebSocket",
         factory="efuns.sockets.websocket.stream:WebSocketStream", needs=_WEBSOCKET, options=(*_WEBSOCKETS, 1030)),
    Mode(36, "WEBSOCKET_COMPRESSED_NATIVE", "WEBSOCKET", "WebSocket with permessage-deflate required",
         factory="efuns.sockets.websocket.socket:WebSocketCompressed", needs=_WEBSOCKET, options=(*_WEBSOCKETS, 1030)),
    Mode(37, "MQTT_CLIENT", "MQTT", "MQTT client: messages as mappings", factory="efuns.sockets.mqtt.client:MqttClient",
         needs=("aiomqtt",), options=(*_MQTT_LINK, 8, 40, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 287, 1013,
                                      1040, 1041, 1042, 1043)),
    Mode(38, "MQTT_BROKER", "MQTT", "a small MQTT broker", factory="efuns.sockets.mqtt.broker:MqttBroker",
         needs=("aiomqtt",), options=(*_TLS, *_TCP, 44, 135, 136, 287, 324, 333, 1011, 1013, 1041, 1044, 1045, 1046,
                                      1047)),
    Mode(40, "EXTERNAL_PIPE", "EXTERNAL", "a child process behind two pipes",
         factory="efuns.sockets.process:Pipes", platform="linux", options=_COMMAND),
    Mode(41, "EXTERNAL_SOCKETPAIR", "EXTERNAL", "a child process, or a second descriptor, behind a socket pair",
         factory="efuns.sockets.process:Pair", platform="linux", options=_COMMAND),
    Mode(42, "EXTERNAL_FIFO", "EXTERNAL", "a named pipe", factory="efuns.sockets.fifo:Fifo", platform="linux",
         options=(41,)),
    Mode(43, "EXTERNAL_EVENTFD", "EXTERNAL", "signals within this driver, or by name between drivers",
         factory="efuns.sockets.eventfd:EventFd", platform="linux"),
    Mode(44, "EXTERNAL_INOTIFY", "EXTERNAL", "changes of files and directories",
         factory="efuns.sockets.inotify:Inotify", needs=("pyroute2",), platform="linux", options=(143, 1014, 1015)),
)


def plugins() -> Iterator[Mode]:
    """The rows other packages registered; one that is not a Mode with a number in 90 to 99 is left out."""
    from importlib.metadata import entry_points  # 40 ms that a driver without plugins need not pay

    for entry in entry_points(group=PLUGIN_GROUP):
        row: Any = entry.load()
        if isinstance(row, Mode) and row.number in PLUGIN_NUMBERS:
            yield row


class Modes:
    """The modes one driver knows: ROWS and, from the first question about them on, the plugins."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._rows = {mode.number: mode for mode in ROWS}
        self._has_plugins = False
        self._told: set[int] = set()

    def find(self, number: int) -> Mode | None:
        """The row of a number."""
        if number in PLUGIN_NUMBERS:
            self._add_plugins()
        return self._rows.get(number)

    def all(self) -> Iterable[Mode]:
        """Every row, by number."""
        self._add_plugins()
        return [self._rows[number] for number in sorted(self._rows)]

    def factory(self, number: int) -> tuple[Mode, type[Socket]] | None:
        """The row and class for a new socket; None (said in the log once) where there can be none."""
        mode = self.find(number)
        if mode is None:
            return None
        obstacle = mode.obstacle()
        if obstacle is not None:
            if number not in self._told:
                self._told.add(number)
                self._driver.log(obstacle)
            return None
        return mode, mode.load()

    def _add_plugins(self) -> None:
        if not self._has_plugins:
            self._has_plugins = True
            for mode in plugins():
                self._rows.setdefault(mode.number, mode)


def predefined_macros(registered: Iterable[Mode] = ()) -> dict[str, str]:
    """What every program sees without an #include: the mode names, and __PACKAGE_X__ for each package
    of which at least one mode works here. `registered` are rows besides ours, such as plugins()."""
    macros = {"__PACKAGE_SOCKETS__": "1"}
    for mode in (*ROWS, *registered):
        macros.update(dict.fromkeys(mode.names, str(mode.number)))
        package = f"__PACKAGE_{mode.package}__"
        if package not in macros and mode.obstacle() is None:
            macros[package] = "1"
    return macros
