"""TLS for any byte stream: `Tls` is one end of a connection, bytes in and bytes out, without a socket.

    data = session.decrypt(received)        plain bytes; `is_over` and `failure` tell of the end
    session.encrypt(plain)                  what to send for it
    session.data_to_send()                  what TLS itself has to say: ask after each step

Contexts come from the options of a socket: 1 to 4, TLS_CA_BUNDLE, TLS_ALPN, TLS_CLIENT_CERT_REQUIRED.
- TLS 1.2 and 1.3 only, no renegotiation, no compression.
- A client that verifies also checks the name, where SNI (option 2) is set; without it, modes above 6 check
  the address. Modes 5 and 6 do not verify unless asked, because mainline does not; the log says so once.
- Paths are mudlib paths: the file checks of the driver apply to them.
- Whatever fails raises an OSError (ssl.SSLError is one); `explain` puts it into words for LPC.
"""

from __future__ import annotations

import errno
import os
import ssl
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from efuns.sockets import options
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from efuns.sockets.base import Socket
    from lpc.runtime.host import Host

_PIECE: Final = 16384  # a record, RFC 8446 5.1; OpenSSL's buffers keep the size they once had
_SESSIONS: Final = 256
_CONTEXTS: Final = 32


class Tls:
    """One end of a TLS connection."""

    __slots__ = ("is_up", "is_over", "failure", "_object", "_incoming", "_outgoing", "_memory")

    def __init__(self, context: ssl.SSLContext, *, is_server: bool, name: str | None = None,
                 memory: _Memory | None = None) -> None:
        self.is_up = False
        self.is_over = False  # the other end said goodbye
        self.failure: OSError | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._memory = memory
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=is_server, server_hostname=name,
                                        session=memory.take() if memory is not None else None)

    def shake_hands(self) -> bool:
        """Go on with the handshake: whether it is done. Raises ssl.SSLError."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.is_up = True
        return True

    def decrypt(self, data: bytes) -> bytes:
        """Take what arrived; the plain bytes in it. During the handshake there are none."""
        if not self.is_up:
            self._incoming.write(data)
            return b""
        pieces = []
        for at in range(0, len(data) or 1, _PIECE):
            self._incoming.write(data[at:at + _PIECE])
            pieces += self._records()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _records(self) -> list[bytes]:
        pieces: list[bytes] = []
        try:
            while piece := self._object.read(_PIECE):
                pieces.append(piece)
                if not self._incoming.pending and not self._object.pending():
                    return pieces  # asking further would only raise an exception
            self.is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_over = True
        except ssl.SSLError as error:
            self.failure = error
        return pieces

    def encrypt(self, data: bytes) -> bytes:
        """What to send for some plain bytes."""
        if 0 < len(data) <= _PIECE:
            self._object.write(data)
            return self._outgoing.read()
        sent = 0
        pieces = []
        while sent < len(data):
            sent += self._object.write(memoryview(data)[sent:sent + _PIECE])
            pieces.append(self._outgoing.read())
        return b"".join(pieces)

    def data_to_send(self) -> bytes:
        """What TLS itself has to say."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """Say goodbye; b"" where that was done before."""
        try:
            self._object.unwrap()
        except ssl.SSLError:
            pass  # it waits for the other end's goodbye; we do not
        return self._outgoing.read()

    @property
    def protocol(self) -> str:
        """The application protocol agreed on by ALPN, "" for none."""
        return self._object.selected_alpn_protocol() or ""

    def remember(self) -> None:
        """Keep a client's session for the next connection to the same server."""
        if self._memory is not None and self.is_up and self.failure is None:
            session = self._object.session
            if session is not None and session.has_ticket:
                self._memory.put(session)


class _Memory:
    """Where the session with one server is kept. RFC 8446 C.4: each is used once."""

    __slots__ = ("_sessions", "_key")

    def __init__(self, sessions: OrderedDict[tuple[Value, ...], ssl.SSLSession], key: tuple[Value, ...]) -> None:
        self._sessions = sessions
        self._key = key

    def take(self) -> ssl.SSLSession | None:
        """A session to go on with."""
        return self._sessions.pop(self._key, None)

    def put(self, session: ssl.SSLSession) -> None:
        """Keep a session, and not too many of them."""
        self._sessions[self._key] = session
        if len(self._sessions) > _SESSIONS:
            self._sessions.popitem(last=False)


class Contexts:
    """What the TLS clients of one driver share: contexts and sessions. `driver.state(Contexts)`."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._shared: dict[tuple[Value, ...], ssl.SSLContext] = {}
        self._sessions: OrderedDict[tuple[Value, ...], ssl.SSLSession] = OrderedDict()
        self._has_warned = False

    def shared(self, *, verifies: bool, has_name: bool, protocols: tuple[str, ...]) -> ssl.SSLContext | None:
        """The context of clients that name no files: to make one, with the system's authorities, takes long.
        None where there are too many kinds."""
        key = (verifies, has_name, protocols)
        context = self._shared.get(key)
        if context is None and len(self._shared) < _CONTEXTS:
            context = self._shared[key] = client_context(verifies=verifies, has_name=has_name, protocols=protocols)
        return context

    def memory(self, *key: Value) -> _Memory:
        """Where the session with one server is kept."""
        return _Memory(self._sessions, key)

    def warn(self) -> None:
        """Say once that a connection is not verified."""
        if not self._has_warned:
            self._has_warned = True
            self._driver.log("TLS sockets of modes 5 and 6 do not check who the other end is, unless SO_TLS_VERIFY_PEER"
                             " is 1 and SO_TLS_SNI_HOSTNAME its name")


# ------------------------------------------------------------------------------------ from the options


def client(socket: Socket, host: str, port: int, *, verifies: bool) -> Tls:
    """The client end of a connection by the options of its socket, `verifies` where they do not say.
    OSError where they do not work."""
    contexts = socket.table.driver.state(Contexts)
    asked = socket.get_option(options.SO_TLS_VERIFY_PEER)
    verifies = verifies if asked is None else asked != 0
    if not verifies:
        contexts.warn()
    name, protocols = _text(socket, options.SO_TLS_SNI_HOSTNAME), _protocols(socket)
    if name is None and verifies and socket.gives_reason:
        name = host
    has_name = name is not None
    context, is_shared = context_for(socket, verifies=verifies, has_name=has_name)
    memory = contexts.memory(verifies, protocols, host, port, name) if is_shared else None
    try:
        return Tls(context, is_server=False, name=name, memory=memory)
    except (ValueError, TypeError):  # no host name, or with a zero byte
        raise OSError(errno.EINVAL, f"'{name}' is no server name") from None


def context_for(socket: Socket, *, verifies: bool, has_name: bool) -> tuple[ssl.SSLContext, bool]:
    """The context of a client by the options of its socket, and whether it is one that others use too. OSError
    where the options do not work."""
    protocols = _protocols(socket)
    authorities = _readable(socket, options.TLS_CA_BUNDLE, "socket_connect")
    certificate = _certificate(socket, "socket_connect")
    if authorities is None and certificate is None:
        shared = socket.table.driver.state(Contexts).shared(verifies=verifies, has_name=has_name, protocols=protocols)
        if shared is not None:
            return shared, True
    context = client_context(verifies=verifies, has_name=has_name, protocols=protocols, authorities=authorities)
    if certificate is not None:
        context.load_cert_chain(*certificate, password=_no_password)
    return context, False


def client_context(*, verifies: bool, has_name: bool, protocols: tuple[str, ...] = (), authorities: str | None = None,
                   ) -> ssl.SSLContext:
    """A context for connecting. `authorities` is the host path of a PEM file, by default the system's are
    believed; the name is checked where there is one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verifies and has_name
    context.verify_mode = ssl.CERT_REQUIRED if verifies else ssl.CERT_NONE
    if verifies:
        _believe(context, authorities)
    return _common(context, protocols)


def server_context(socket: Socket) -> ssl.SSLContext | None:
    """The context of a listening socket by its options; None without a certificate and its key. OSError
    where they do not work."""
    certificate = _certificate(socket, "socket_listen")
    if certificate is None:
        socket.table.driver.log(f"socket {socket.fd} ({socket.mode.name}) listens without SO_TLS_CERT and SO_TLS_KEY:"
                                " it can accept nothing")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate, password=_no_password)
    if socket.get_option(options.SO_TLS_VERIFY_PEER) or socket.get_option(options.TLS_CLIENT_CERT_REQUIRED):
        context.verify_mode = ssl.CERT_REQUIRED
        _believe(context, _readable(socket, options.TLS_CA_BUNDLE, "socket_listen"))
    return _common(context, _protocols(socket))


def server(context: ssl.SSLContext) -> Tls:
    """The server end of a connection."""
    return Tls(context, is_server=True)


def explain(error: OSError) -> str:
    """An error for LPC to read, without a word of Python."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the other end is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or "").replace("_", " ").lower()
        return _PLAIN_WORDS.get(reason, f"TLS error: {reason or 'broken connection'}")
    return error.strerror or os.strerror(error.errno or errno.EIO)


_PLAIN_WORDS: Final = dict.fromkeys(
    ("wrong version number", "http request", "https proxy request", "packet length too long", "unknown protocol",
     "record layer failure"), "The other end does not speak TLS")


def _common(context: ssl.SSLContext, protocols: tuple[str, ...]) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    if protocols:
        context.set_alpn_protocols(protocols)
    return context


def _believe(context: ssl.SSLContext, authorities: str | None) -> None:
    if authorities is None:
        context.load_default_certs()
    else:
        context.load_verify_locations(authorities)


def _certificate(socket: Socket, operation: str) -> tuple[str, str] | None:
    """Host paths of certificate chain and key; both or none."""
    if _text(socket, options.SO_TLS_CERT) is None or _text(socket, options.SO_TLS_KEY) is None:
        return None
    chain = _readable(socket, options.SO_TLS_CERT, operation)
    key = _readable(socket, options.SO_TLS_KEY, operation)
    assert chain is not None and key is not None
    return chain, key


def _readable(socket: Socket, option: int, operation: str) -> str | None:
    """The host path of the file an option names."""
    path = _text(socket, option)
    return None if path is None else socket.table.driver.files.readable(path, socket.owner, operation)


def _text(socket: Socket, option: int) -> str | None:
    """A string option; None where it is unset or empty."""
    value = socket.get_option(option)
    return value if isinstance(value, str) and value else None


def _protocols(socket: Socket) -> tuple[str, ...]:
    """What is offered by ALPN."""
    value = socket.get_option(options.TLS_ALPN)
    names = tuple(value.split(",")) if isinstance(value, str) and value else ()
    if not all(name.isascii() and 0 < len(name) < 256 for name in names):
        raise OSError(errno.EINVAL, f"'{value}' is no list of protocols")
    return names


def _no_password() -> bytes:
    """OpenSSL would ask for one at the terminal."""
    return b""
