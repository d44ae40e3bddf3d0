"""A WebSocket listener at the port of an HTTP server: what binds there as the HTTP server's owner is its guest.

The HTTP server accepts and reads; a request that asks for WebSocket is the guest's (`Site.guest`). Its connection
gets a descriptor of the guest's mode, and the HTTP one ends with the code 101. All other requests go to the HTTP
server, also those that ask for another protocol. Rules:
- The port is the HTTP server's: when it closes, the guest's third callback tells so. Open WebSockets stay.
- TLS is the HTTP server's too; the guest's certificate options mean nothing.
- A guest that does not accept what it is offered, within its callback, has refused it (503).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from efuns.sockets import errors
from efuns.sockets.base import LISTEN

if TYPE_CHECKING:
    from efuns.sockets.http.http1 import Http1Connection
    from efuns.sockets.http.message import Request
    from efuns.sockets.http.server import HttpServer
    from efuns.sockets.websocket.socket import WebSocket
    from lpc.runtime.objects import LPCObject

#: the modes whose listeners have a `site`
_HOSTS = frozenset({20, 21, 24})


def host_at(socket: WebSocket, address: tuple[str, int]) -> HttpServer | None:
    """The HTTP server of the same owner that listens at an address."""
    for found in socket.table:
        if (found is not None and found.mode.number in _HOSTS and found.state is LISTEN
                and found.owner is socket.owner and found.addresses()[0] == address):
            host: HttpServer = found  # type: ignore[assignment]  # that mode has no other class
            return host
    return None


class Guest:
    """The listener's place at the HTTP server's."""

    __slots__ = ("_socket", "_host", "_offered")

    def __init__(self, socket: WebSocket, host: HttpServer) -> None:
        self._socket = socket
        self._host = host
        self._offered: tuple[Http1Connection, Request] | None = None

    def listen(self, *, wants_tls: bool) -> str:
        """Begin to take connections; a sentence where that cannot be."""
        site = self._host.site
        if self._host.state is not LISTEN:
            return "The HTTP server at this port is closed"
        if site.guest is not None:
            return "The HTTP server at this port has a WebSocket listener"
        if wants_tls and not site.is_secure:
            return "The HTTP server at this port does not speak TLS"
        site.guest = self
        return ""

    def leave(self) -> None:
        """Take no more connections."""
        if self._host.site.guest is self:
            self._host.site.guest = None

    def host_closed(self) -> None:
        """The HTTP server closes."""
        self.leave()
        socket = self._socket
        socket.table.driver.loop.call_soon(socket.fail, "The HTTP server at this port is closed", errors.EEBADF)

    def take_over(self, connection: Http1Connection, request: Request) -> bool:
        """Offer LPC a connection that asks for WebSocket."""
        if request.headers.get("upgrade", "").strip().lower() != "websocket":
            return False
        if connection.has_unread:  # RFC 6455 4.1: the client has to wait for the answer
            connection.answer(400, closes=True)
            return True
        self._offered = (connection, request)
        self._socket.deliver()
        self._offered = None
        if connection.is_asked:
            connection.answer(503, closes=True)
        return True

    def accept(self, owner: LPCObject) -> WebSocket | int:
        """The connection that is offered, as a socket of the guest's mode."""
        if self._offered is None or not self._offered[0].is_asked:  # LPC may have answered or closed it
            return errors.EEWOULDBLOCK
        (connection, request), self._offered = self._offered, None
        return self._socket.take_from(connection, request, owner)
