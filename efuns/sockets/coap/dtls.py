"""DTLS with pre-shared keys for CoAP (RFC 7252 9.1.3.1), on the library aiocoap uses: DTLSSocket (tinydtls).

One `Sessions` holds all DTLS sessions of a socket. The library does no I/O: packets go in by `take` and `write`,
and come out by `send` (to the network) and `received` (to CoAP). Rules:
- Nothing of ours runs within the library's C code but notes in lists; they are looked at when it has returned.
- The library copies a key without looking at its length: LONGEST_KEY is a matter of memory safety. It also
  keeps a bare pointer to the identity, so the bytes live as long as the session.
- Sessions, and handshakes that are not over, are bounded; what has to go is the one unused for longest.
- What CoAP sends before a handshake is over waits, WAITING packets of it; the rest is repeated by CoAP itself.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

LONGEST_KEY: Final = 16
LONGEST_IDENTITY: Final = 32
MOST: Final = 1000
HALF_OPEN: Final = 256
WAITING: Final = 8
_HANDSHAKE: Final = 22  # content types, RFC 6347 4.1
_TYPES: Final = frozenset({20, 21, 22, 23})
_LONGEST: Final = 1400  # tinydtls's buffer
_CONNECTED: Final = (0, 0x01DE)
_FATAL: Final = 2
_CLOSE_NOTIFY: Final = 0
_TICK: Final = 1.0  # seconds between looks at handshakes
_PATIENCE: Final = 20  # looks before a handshake is given up

FAILED: Final = "DTLS: the handshake failed (is it the key?)"
CLOSED: Final = "DTLS: the other end closed the session"


class _Session:
    """One address. `handle` is the library's name for it."""

    __slots__ = ("handle", "is_up", "waiting", "looks")

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.is_up = False
        self.waiting: deque[bytes] = deque(maxlen=WAITING)
        self.looks = 0


class Sessions:
    """The sessions of one socket. `lost(remote, reason)` is told of each that ends."""

    def __init__(self, loop: AbstractEventLoop, keys: Mapping[bytes, bytes], send: Callable[[str, bytes], None],
                 received: Callable[[str, bytes], None], lost: Callable[[str, str], None]) -> None:
        from DTLSSocket import dtls

        self._library = dtls
        dtls.setLogLevel(dtls.DTLS_LOG_EMERG)
        self._loop = loop
        self._send = send
        self._received = received
        self._lost = lost
        self._identity = next(iter(keys), b"")
        self._keys = dict(keys)
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        self._half_open: OrderedDict[str, _Session] = OrderedDict()
        self._read: list[bytes] = []
        self._events: list[tuple[int, int]] = []
        self._timer: TimerHandle | None = None
        self._is_closed = False
        self._context = dtls.DTLS(read=self._note_read, write=self._note_write, event=self._note_event,
                                  pskId=self._identity, pskStore=self._keys)

    # what the library calls

    def _note_read(self, address: tuple[str, int], data: bytes) -> int:
        self._read.append(data)
        return len(data)

    def _note_write(self, address: tuple[str, int], data: bytes) -> int:
        if not self._is_closed:
            host, port = address
            self._send(f"{host.removeprefix('::ffff:')} {port}", data)
        return len(data)

    def _note_event(self, level: int, code: int) -> None:
        self._events.append((level, code))

    # what the socket calls

    def take(self, remote: str, packet: bytes) -> None:
        """A packet has arrived."""
        if not packet or packet[0] not in _TYPES or len(packet) > _LONGEST:
            return
        session = self._find(remote)
        if session is None:
            if packet[0] != _HANDSHAKE:
                return
            session = self._add(remote, self._handle_of(remote))
        self._context.handleMessage(session.handle, packet)
        self._look(remote, session)

    def write(self, remote: str, data: bytes) -> None:
        """Send something of CoAP's to an address that has a session, or gets one."""
        session = self._find(remote)
        if session is None:
            host, _, port = remote.rpartition(" ")
            session = self._add(remote, None)
            session.waiting.append(data)
            session.handle = self._context.connect(_v6(host), int(port))
            self._look(remote, session)
        elif session.is_up:
            self._context.write(session.handle, data)
            self._look(remote, session)
        else:
            session.waiting.append(data)

    def has(self, remote: str) -> bool:
        """Whether an address has a session that is up."""
        return remote in self._sessions

    def drop(self, remote: str) -> None:
        """End a session."""
        session = self._sessions.pop(remote, None) or self._half_open.pop(remote, None)
        if session is not None and session.handle is not None:
            self._context.resetPeer(session.handle)

    def close(self) -> None:
        """End all of them."""
        if self._timer is not None:
            self._timer.cancel()
        for remote in (*self._sessions, *self._half_open):
            self.drop(remote)
        self._is_closed = True
        self._context.pycb.update(read=_nothing, write=_nothing, event=_nothing)

    # inside

    def _find(self, remote: str) -> _Session | None:
        found = self._sessions.get(remote)
        if found is not None:
            self._sessions.move_to_end(remote)
            return found
        return self._half_open.get(remote)

    def _handle_of(self, remote: str) -> Any:
        host, _, port = remote.rpartition(" ")
        return self._library.Session(_v6(host), int(port))

    def _add(self, remote: str, handle: Any) -> _Session:
        if len(self._half_open) >= HALF_OPEN:
            self.drop(next(iter(self._half_open)))
        made = self._half_open[remote] = _Session(handle)
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)
        return made

    def _look(self, remote: str, session: _Session) -> None:
        """What the library has noted."""
        read, events, self._read, self._events = self._read, self._events, [], []
        for level, code in events:
            if (level, code) == _CONNECTED:
                self._up(remote, session)
            elif level == _FATAL or (level and code == _CLOSE_NOTIFY):
                self.drop(remote)
                self._lost(remote, FAILED if not session.is_up else CLOSED)
        for data in read:
            self._received(remote, data)

    def _up(self, remote: str, session: _Session) -> None:
        self._half_open.pop(remote, None)
        session.is_up = True
        self._sessions[remote] = session
        if len(self._sessions) > MOST:
            self.drop(next(iter(self._sessions)))
        while session.waiting:
            self._context.write(session.handle, session.waiting.popleft())

    def _tick(self) -> None:
        """Repeat what was not answered, and give handshakes up that take too long."""
        self._timer = None
        self._context.checkRetransmit()
        for remote, session in list(self._half_open.items()):
            session.looks += 1
            if session.looks > _PATIENCE:
                self.drop(remote)
                self._lost(remote, FAILED)
        if self._half_open:
            self._timer = self._loop.call_later(_TICK, self._tick)


def _nothing(*args: Any) -> int:
    return 0


def _v6(host: str) -> str:
    """An address as the library wants it."""
    return host.partition("%")[0] if ":" in host else f"::ffff:{host}"
