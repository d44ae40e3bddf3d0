"""The connection of an MQTT client: a TCP or TLS stream that LPC does not see, found by name.

`Link` is a Stream outside the table. It takes the options of the socket it serves and tells its user:

    link_up()                 connected, TLS included
    link_received(data)       bytes
    link_drained()            what was queued has gone
    link_lost(reason, code)   the end nobody asked for

`Target` is where a client connects to: "mqtt://host:1883", "mqtts://host", "host", "host port", "host:port",
"[v6]:port". A name is looked up in a thread; what it resolves to needs the host's permission too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from efuns.sockets import errors, options
from efuns.sockets.resolve import address_of
from efuns.sockets.tcp import Stream
from efuns.sockets.wire import numeric_address

if TYPE_CHECKING:
    from asyncio import Future

    from efuns.sockets.base import Socket

_PORT: Final = 1883
_SECURE_PORT: Final = 8883


class Target(NamedTuple):
    """A broker."""

    host: str
    port: int
    is_secure: bool = False
    username: str | None = None
    password: str | None = None


def parse_target(text: str) -> Target | None:
    """The broker a string names; None if it names none."""
    if not text.isprintable():
        return None
    scheme, mark, rest = text.partition("://")
    is_secure = mark == "://" and scheme in ("mqtts", "ssl")
    if not mark:
        host, _, port = text.partition(" ")
        rest = f"[{host}]:{port}" if port and ":" in host else f"{host}:{port}" if port else text
        if port and not port.isdigit():
            return None
        if rest.count(":") > 1 and "[" not in rest:  # an IPv6 address alone
            rest = f"[{rest}]"
    elif scheme not in ("mqtt", "tcp", "mqtts", "ssl"):
        return None
    try:
        parts = urlsplit(f"//{rest}")
        host, number = parts.hostname or "", parts.port
    except ValueError:
        return None
    if (not host or parts.path not in ("", "/") or parts.query or parts.fragment or " " in host or number == 0):
        return None
    user, password = (None if value is None else unquote(value) for value in (parts.username, parts.password))
    return Target(host, number or (_SECURE_PORT if is_secure else _PORT), is_secure, user, password)


class LinkUser(Protocol):
    """Whom a link serves."""

    def link_up(self) -> None: ...
    def link_received(self, data: bytes) -> None: ...
    def link_drained(self) -> None: ...
    def link_lost(self, reason: str, code: int) -> None: ...


class Link(Stream):
    """One connection; see the module."""

    __slots__ = ("_user",)

    def __init__(self, socket: Socket, user: LinkUser) -> None:
        super().__init__(socket.table, socket.mode, socket.owner)
        self._user: LinkUser | None = user
        for number in (options.SO_RCVBUF, options.SO_SNDBUF, options.SO_KEEPALIVE, options.TLS_CA_BUNDLE,
                       options.SO_TLS_VERIFY_PEER, options.SO_TLS_SNI_HOSTNAME, options.SO_TLS_CERT,
                       options.SO_TLS_KEY, options.SO_LINGER):
            value = socket.get_option(number)
            if value is not None:
                self.set_option(number, value)
        self.set_option(options.SO_NODELAY, 1)

    def open(self, address: str, host: str, port: int) -> int:
        """Connect to a numeric address; `host` is what TLS checks the certificate for."""
        if numeric_address(host, port) is None and not self.get_option(options.SO_TLS_SNI_HOSTNAME):
            self.set_option(options.SO_TLS_SNI_HOSTNAME, host)
        return self.connect(f"{address} {port}", None, None)

    def leave(self) -> None:
        """Let what was sent go, then end; the user hears nothing more."""
        self._user = None
        self.close()

    def drop(self) -> None:
        """End now; the user hears nothing more."""
        self._user = None
        self.abort()

    def received(self, data: bytes) -> None:
        if self._user is not None:
            self._user.link_received(data)

    def connected(self) -> None:
        super().connected()
        if self._user is not None:
            self._user.link_up()

    def drained(self) -> None:
        super().drained()
        if self._user is not None:
            self._user.link_drained()

    def fail(self, reason: str, code: int) -> None:
        super().fail(reason, code)
        user, self._user = self._user, None
        if user is not None:
            user.link_lost(reason, code)


class SecureLink(Link):
    """A link below TLS."""

    __slots__ = ()

    is_secure = True


class Lookup:
    """Finds the address of a broker, and whether the host lets LPC go there: `found(address)` or
    `failed(reason, code)` is called on a later turn of the loop, unless it was cancelled."""

    def __init__(self, socket: Socket, target: Target, found: Callable[[str], None],
                 failed: Callable[[str, int], None]) -> None:
        self._socket = socket
        self._target = target
        self._found = found
        self._failed = failed
        driver = socket.table.driver
        self._answer: Future[str | None] | None = None
        if numeric_address(target.host, target.port) is not None:
            self._soon = driver.loop.call_soon(partial(found, target.host))
            return
        self._answer = driver.loop.run_in_executor(None, address_of, target.host)
        self._answer.add_done_callback(self._answered)

    def cancel(self) -> None:
        """Nobody wants to know any more."""
        if self._answer is None:
            self._soon.cancel()
        else:
            self._answer.remove_done_callback(self._answered)
            self._answer.cancel()

    def _answered(self, answer: Future[str | None]) -> None:
        address = None if answer.cancelled() else answer.result()
        host, port = self._target.host, self._target.port
        permissions = self._socket.table.driver.permissions
        if address is None:
            self._failed(f"There is no host {host}", errors.EEBADADDR)
        elif not permissions.allows_net(host, port, address):
            self._failed(permissions.refusal, errors.EESECURITY)
        else:
            self._found(address)


def link_for(socket: Socket, target: Target, user: LinkUser) -> Link:
    """A link of the kind a target wants. OSError where the system gives none."""
    return (SecureLink if target.is_secure else Link)(socket, user)
