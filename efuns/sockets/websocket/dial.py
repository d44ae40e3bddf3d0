"""How a WebSocket client gets to its open connection: a name, an address, perhaps a proxy and TLS, a handshake.

A `Dial` drives one `WebSocket` through these steps and is gone when it is done. Rules:
- A host is allowed by its name or by its address, the address being asked about when it is known; with a proxy
  it is the proxy's business to find it, and the proxy's own address is asked about.
- Through a proxy TLS begins behind the tunnel, so the proxy sees neither the request nor the messages.
- Whatever goes wrong is one `fail()` of the socket, with words that say how far it came.

A proxy is "http://host:port" (CONNECT, RFC 9110 9.3.6) or "socks5://host:port" (RFC 1928), with user and password
(RFC 7617, RFC 1929) before the host where it wants them.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors
from efuns.sockets.resolve import address_of
from efuns.sockets.websocket import handshake
from efuns.sockets.websocket.handshake import MAX_HEAD, RefusedError, Target, Terms
from efuns.sockets.wire import numeric_address
from lpc.runtime.values import Mapping

if TYPE_CHECKING:
    from asyncio import Future

    from efuns.sockets.websocket.socket import WebSocket

_PROXIES: Final = {"http": False, "socks5": False}
_DEFAULT_PORTS: Final = {"http": 8080, "socks5": 1080}


class Dial:
    """One attempt to connect; see the module."""

    __slots__ = ("target", "_socket", "_terms", "_key", "_proxy", "_tunnel", "_lookup", "_received", "_is_asking")

    def __init__(self, socket: WebSocket, target: Target, terms: Terms) -> None:
        self.target = target
        self._socket = socket
        self._terms = terms
        self._key = handshake.make_key()
        self._proxy: Target | None = None
        self._tunnel: Tunnel | None = None  # while the proxy is being talked to
        self._lookup: Future[str | None] | None = None
        self._received = b""
        self._is_asking = False  # the handshake is on its way

    def start(self, proxy: str) -> int:
        """Begin; the code of socket_connect()."""
        hop = self.target
        if proxy:
            found = handshake.parse_target(proxy, _PROXIES, is_secure=False)
            scheme = proxy.partition("://")[0].lower()
            if found is None or found.path != "/" or scheme not in _PROXIES:
                return self._socket.problem(errors.EEBADADDR, "HTTP_PROXY is no proxy's URL")
            if found.port == 80 and not proxy.rstrip("/").endswith(":80"):
                found = found._replace(port=_DEFAULT_PORTS[scheme])
            permissions = self._socket.table.driver.permissions
            if not permissions.allows_net(self.target.host, self.target.port):
                return self._socket.problem(errors.EESECURITY, permissions.refusal)
            hop = self._proxy = found
            self._tunnel = (Socks if scheme == "socks5" else HttpTunnel)(self.target, found.credentials)
        return self._reach(hop)

    def _reach(self, hop: Target) -> int:
        """Connect to the first host on the way, as soon as its address is known."""
        permissions = self._socket.table.driver.permissions
        if numeric_address(hop.host, hop.port) is not None:
            if hop is self._proxy and not permissions.allows_net(hop.host, hop.port):
                return self._socket.problem(errors.EESECURITY, permissions.refusal)
            return self._connect(hop, hop.host)
        if not permissions.allows_lookup(hop.host):
            return self._socket.problem(errors.EESECURITY, permissions.refusal)
        self._lookup = self._socket.table.driver.loop.run_in_executor(None, address_of, hop.host)
        self._lookup.add_done_callback(self._found)
        return errors.EESUCCESS

    def _found(self, answer: Future[str | None]) -> None:
        """The name server has answered."""
        if self._lookup is None or answer.cancelled():
            return
        self._lookup = None
        hop = self._proxy or self.target
        address, permissions = answer.result(), self._socket.table.driver.permissions
        if address is None:
            self._socket.fail(f"There is no host {hop.host}", errors.EEBADADDR)
        elif not permissions.allows_net(hop.host, hop.port, address):
            self._socket.fail(permissions.refusal, errors.EESECURITY)
        else:
            code = self._connect(hop, address)
            if code != errors.EESUCCESS and self._socket.is_open:
                self._socket.fail(self._socket.last_error, code)

    def _connect(self, hop: Target, host: str) -> int:
        address = numeric_address(host, hop.port)
        assert address is not None
        tls_name = self.target.host if self.target.is_secure and self._tunnel is None else None
        return self._socket.connect_to(address, tls_name=tls_name)

    def cancel(self) -> None:
        """Nobody wants the connection any more."""
        lookup, self._lookup = self._lookup, None
        if lookup is not None:
            lookup.cancel()

    def connected(self) -> None:
        """TCP is connected; with TLS, that is up."""
        if self._tunnel is not None:
            self._socket.transmit(self._tunnel.begin())
        elif not self._is_asking:
            self._ask()

    def _ask(self) -> None:
        self._is_asking = True
        more, names = self._socket.own_lines
        self._socket.transmit(handshake.ask(self.target, self._terms, self._key, more, names))

    def received(self, data: bytes) -> None:
        """Bytes have arrived, from the proxy or the server."""
        self._received += data
        try:
            if self._tunnel is not None:
                self._talk(self._tunnel)
            else:
                self._read_answer()
        except RefusedError as error:
            self._socket.dial_failed(error)

    def _talk(self, tunnel: Tunnel) -> None:
        """Go on with the proxy."""
        if len(self._received) > MAX_HEAD:
            raise RefusedError("the proxy's answer is too long")
        answer = tunnel.received(self._received)
        if answer is None:
            return
        self._received = b""
        if answer:
            self._socket.transmit(answer)
            return
        self._tunnel = None
        if self.target.is_secure:
            self._socket.begin_tls(self.target)
        else:
            self._ask()

    def _read_answer(self) -> None:
        """Read the head of the server's answer: what follows it are frames."""
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if len(head) > MAX_HEAD:
            raise RefusedError("the server's answer is too long")
        if not end:
            return
        answer = handshake.read_head(head)
        agreed = handshake.check(answer, self._key, self._terms)
        self._socket.dialed(agreed, Mapping(answer.headers), rest)


class Tunnel:
    """A proxy's protocol. `begin` says the first, `received` takes all that came since the last answer: None wants
    more, bytes are to be sent, none of them mean that the tunnel is there. Raises RefusedError."""

    def __init__(self, target: Target, credentials: str) -> None:
        self._target = target
        self._credentials = credentials

    def begin(self) -> bytes:
        """What the client says first."""
        raise NotImplementedError

    def received(self, data: bytes) -> bytes | None:
        """What to do with what the proxy said."""
        raise NotImplementedError


class HttpTunnel(Tunnel):
    """CONNECT, RFC 9110 9.3.6."""

    def begin(self) -> bytes:
        host, port = self._target.host, self._target.port
        where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
        if self._credentials:
            lines.append(f"Proxy-Authorization: {handshake.basic(self._credentials)}")
        return "\r\n".join((*lines, "", "")).encode()

    def received(self, data: bytes) -> bytes | None:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            return None
        answer = handshake.read_head(head)
        if not 200 <= answer.status < 300:
            raise RefusedError(f"the proxy answered {answer.status} {answer.phrase}".rstrip(), answer.status)
        if rest:
            raise RefusedError("the proxy sent something behind its answer")
        return b""


_SOCKS: Final = 5
_LOGIN: Final = 2
_SOCKS_ERRORS: Final = {1: "general failure", 2: "not allowed", 3: "network unreachable", 4: "host unreachable",
                        5: "connection refused", 6: "timeout", 7: "command not supported", 8: "address not supported"}


class Socks(Tunnel):
    """SOCKS 5, RFC 1928; with user and password, RFC 1929."""

    def __init__(self, target: Target, credentials: str) -> None:
        super().__init__(target, credentials)
        self._step = self._choose

    def begin(self) -> bytes:
        return bytes((_SOCKS, 1, _LOGIN if self._credentials else 0))

    def received(self, data: bytes) -> bytes | None:
        return self._step(data)

    def _choose(self, data: bytes) -> bytes | None:
        if len(data) < 2:
            return None
        if data[0] != _SOCKS or data[1] not in (0, _LOGIN) or len(data) > 2:
            raise RefusedError("the proxy takes no login" if self._credentials else "the proxy wants another login")
        if data[1] != _LOGIN:
            return self._request()
        self._step = self._logged_in
        user, _, password = self._credentials.partition(":")
        words = [part.encode()[:255] for part in (user, password)]
        return b"\1" + b"".join(bytes((len(word),)) + word for word in words)

    def _logged_in(self, data: bytes) -> bytes | None:
        if len(data) < 2:
            return None
        if data[1] or len(data) > 2:
            raise RefusedError("the proxy refuses user and password")
        return self._request()

    def _request(self) -> bytes:
        self._step = self._answered
        host, port = self._target.host, self._target.port
        address = numeric_address(host, port)
        if address is None:
            where = b"\3" + bytes((len(host),)) + host.encode()
        else:
            is_six = ":" in address.host
            where = (b"\4" if is_six else b"\1") + _packed(address.host, is_six=is_six)
        return bytes((_SOCKS, 1, 0)) + where + port.to_bytes(2, "big")

    def _answered(self, data: bytes) -> bytes | None:
        if len(data) < 5:
            return None
        if data[0] != _SOCKS or data[1]:
            raise RefusedError(f"the proxy says: {_SOCKS_ERRORS.get(data[1], f'error {data[1]}')}")
        sizes = {1: 10, 3: 7 + data[4], 4: 22}
        size = sizes.get(data[3], 0)
        if len(data) < size:
            return None
        if len(data) != size:
            raise RefusedError("the proxy's answer is malformed")
        return b""


def _packed(host: str, *, is_six: bool) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if is_six else socket.AF_INET, host)
