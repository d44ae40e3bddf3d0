"""Modes 20 and 21: HTTP servers. Requests are mappings, so are answers.

A listener makes connections, both are an `HttpServer`. A connection speaks HTTP/1.1 (http1.py) or, where TLS
agreed on it or the peer begins with it, HTTP/2 (http2.py); what is the same for both stands in
http/exchange.py. This module holds the listener and the places where other modes come in:

- `on_request(exchange, request, address)` is where a request is answered, once it is a mapping. Here LPC is
  asked, by `exchange.ask(request, address)`; a mode that routes requests does so first and answers by
  `exchange.send(mapping)`, as socket_write() does, or `exchange.answer(status)`. `exchange` is what has the
  descriptor LPC answers on, `exchange.fd`: with HTTP/1.1 the connection itself, with HTTP/2 one stream of it.
- `on_upgrade(request)` is where another protocol takes a connection of HTTP/1.1 over (RFC 9110 7.8): it is
  asked before LPC is, with the whole request. One that answers True owns `_phase`, the bytes from then on, and
  the answer; `hand_over(successor)` gives it all events too. Here `site.guest` is asked, a WebSocket listener
  at the same port; an Upgrade field nobody knows is ignored, as the RFC wants it.
- `make_site()` makes what a listener shares with its connections, which find it as `site`.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

from efuns.sockets import errors, options
from efuns.sockets.base import LISTEN
from efuns.sockets.http.exchange import GREETING, Exchange
from efuns.sockets.http.http1 import BACKLOG, KEEP_ALIVE, LINGER, Http1Connection
from efuns.sockets.http.message import Request
from efuns.sockets.http.site import HttpServers, Site, has_http2
from efuns.sockets.tcp import Stream
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

__all__ = ["BACKLOG", "KEEP_ALIVE", "LINGER", "Exchange", "HttpServer", "HttpServers", "HttpsServer", "Request", "Site"]


class HttpServer(Http1Connection):
    """Mode 20, HTTP_SERVER: a listener or one of its connections."""

    __slots__ = ("_accepts_itself",)

    can_connect = False
    accepts_by_itself = True
    takes_certificate = True
    backlog = 1024

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._accepts_itself = False

    # ------------------------------------------------------------------------------- hooks of a mode

    def make_site(self, *, is_secure: bool) -> Site:
        """What a listener shares with its connections."""
        return Site(is_secure=is_secure)

    def on_request(self, exchange: Exchange, request: Mapping, address: str) -> bool:
        """Answer a request or let LPC do it, now or later: whether that is under way. False, and an LPC error in
        what `exchange.ask` or `table.enter` ran, become a 500; see the module."""
        return exchange.ask(request, address)

    def on_upgrade(self, request: Request) -> bool:
        """Whether another protocol takes the connection over with this request; see the module."""
        return self.site.guest is not None and self.site.guest.take_over(self, request)

    # ---------------------------------------------------------------------------------- the listener

    def start_listen(self, callback: Callback | None) -> int:
        self._accepts_itself = callback is None
        code = super().start_listen(callback)
        if code == errors.EESUCCESS:
            if self._context is not None and not self.get_option(options.TLS_ALPN):
                speaks_both = self._settings.http2 is not False and has_http2()
                self._context.set_alpn_protocols(["h2", "http/1.1"] if speaks_both else ["http/1.1"])
            self.site = self.make_site(is_secure=self._context is not None)
            self._servers.add(self)
        return code

    def stop_accepting(self) -> None:
        """Take in who waits already, and refuse who comes from now on: another process may have the port too."""
        self._stop_timer()
        self._acceptable()
        self._stop_timer()
        if self.state is LISTEN:
            self._loop.remove_reader(self._connection.fileno())
            with suppress(OSError):
                self._connection.shutdown(socket.SHUT_RDWR)

    def deliver(self, *args: Value) -> None:
        if self.state is not LISTEN:
            super().deliver(*args)
        elif not 0 < self._settings.most_connections <= len(self.site.connections):
            if self._accepts_itself:
                self.accept_itself()
            else:
                super().deliver(*args)
        # else it waits; the listener looks again

    def shut(self, *, flush: bool) -> bool:
        if self.state is LISTEN:
            self._servers.discard(self)
            if not self._loop.is_closed():
                self.site.leave()
            if self.site.guest is not None:
                self.site.guest.host_closed()
        return super().shut(flush=flush)

    # --------------------------------------------------------------------------------- its connections

    def _begin(self, listener: Stream, peer: tuple[str, int]) -> None:
        assert isinstance(listener, HttpServer)
        self.site = listener.site
        self._settings = listener._settings
        self.start_connection(peer)
        super()._begin(listener, peer)
        self._set_due(self._settings.read_seconds)
        self.look_later()

    def greet(self) -> None:
        if self._tls is None:
            if self._settings.http2:
                self._phase = GREETING
        elif self._tls.protocol == "h2" and has_http2():
            self.start_http2(b"")

    def start_http2(self, data: bytes) -> None:
        from efuns.sockets.http.http2 import Http2Connection  # h2 is an optional extra

        made = Http2Connection(self)
        rest = self.hand_over(made)
        made.start()
        if data or rest:
            made.received(data + rest)


class HttpsServer(HttpServer):
    """Mode 21, HTTPS_SERVER."""

    __slots__ = ()

    is_secure = True
