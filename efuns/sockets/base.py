"""What every socket is: its state, owner, three callbacks, flow control, deferred errors and its end.

A mode is a subclass. It declares by class attributes what it can do and overrides the hooks at the end of
`Socket`; it reports what happens on the wire through four events:

    self.deliver(data, ...)     the read callback: read(fd, data, ...)
    self.connected()            the connection is up: DATA_XFER, then the write callback
    self.drained()              there is room again: the write callback, if one is owed
    self.fail(reason, code)     the end: the third callback, then the descriptor is free

Rules:
- LPC runs from the event loop only, never inside an efun (`defer` exists for what an efun finds out).
- After close() or fail() nothing of the socket reaches LPC any more; a late event is dropped here.
- `fail` releases the operating system's resources (`shut`) before it calls LPC, and the slot after it.
- A message is taken whole or not at all. What a queue takes beyond `high_water` blocks the socket until it
  has drained; a write that was refused for lack of room is always followed by the write callback.

States as socket_status() names them: CLOSED, CLOSING (closed for LPC, flushing), UNBOUND, BOUND, LISTEN,
HANDSHAKE (connecting), DATA_XFER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from efuns.sockets import errors
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from asyncio import Handle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

CLOSED: Final = "CLOSED"
CLOSING: Final = "CLOSING"
UNBOUND: Final = "UNBOUND"
BOUND: Final = "BOUND"
LISTEN: Final = "LISTEN"
HANDSHAKE: Final = "HANDSHAKE"
DATA_XFER: Final = "DATA_XFER"

#: failures of a set-up call that say nothing about the set-up itself: nobody waits for a callback after them
_NOT_SETUP: Final = frozenset({errors.EEBADF, errors.EEISBOUND, errors.EEISCONN, errors.EEISLISTEN, errors.EEALREADY,
                               errors.EEMODENOTSUPP})


class Socket:
    """One descriptor. `fd` is LPC's number for it, `system_fd` the operating system's (-1: none)."""

    __slots__ = ("table", "mode", "fd", "owner", "state", "read_callback", "write_callback", "close_callback",
                 "released_to", "last_error", "is_ended", "_blocked", "_owes_write", "_options", "_deferred")

    #: socket_bind()'s second argument may be a string
    binds_to_name: ClassVar[bool] = False
    can_bind: ClassVar[bool] = True
    can_listen: ClassVar[bool] = False
    can_accept: ClassVar[bool] = False
    can_connect: ClassVar[bool] = False
    can_write: ClassVar[bool] = True
    #: socket_listen() without a callback accepts by itself
    accepts_by_itself: ClassVar[bool] = False
    #: the third callback is (fd, reason, code); modes 0 to 6 know only (fd)
    gives_reason: ClassVar[bool] = True
    #: an ignored set-up failure is also reported by the third callback (modes 40 to 44)
    defers_errors: ClassVar[bool] = False
    #: the verb valid_socket() is asked about socket_bind() and socket_connect() with
    bind_verb: ClassVar[str] = "bind"
    connect_verb: ClassVar[str] = "connect"

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        self.table = table
        self.mode = mode
        self.owner = owner
        self.fd = -1  # given by the table
        self.state = UNBOUND
        self.read_callback: Callback | None = None
        self.write_callback: Callback | None = None
        self.close_callback: Callback | None = None
        self.released_to: LPCObject | None = None
        self.last_error = ""
        self.is_ended = False  # fail() has run: only the slot is left
        self._blocked = False
        self._owes_write = False
        self._options: dict[int, Value] | None = None
        self._deferred: Handle | None = None

    # ---------------------------------------------------------------------------------- what efuns ask

    @property
    def is_open(self) -> bool:
        """Whether the descriptor exists for LPC."""
        return self.state is not CLOSED and self.state is not CLOSING

    def bind(self, where: int | str, address: str | None) -> int:
        """socket_bind(), after the checks every operation has."""
        if not self.can_bind:
            return errors.EEMODENOTSUPP
        if self.is_bound():
            return errors.EEISBOUND
        return self._set_up(self.start_bind(where, address))

    def listen(self, callback: Callback | None) -> int:
        """socket_listen(): `callback` takes the place of the read callback, as in mainline."""
        if not self.can_listen:
            return errors.EEMODENOTSUPP
        if self.state is UNBOUND:
            return errors.EENOADDR
        if self.state is not BOUND:
            return errors.EEISCONN
        code = self.start_listen(callback)
        if code == errors.EESUCCESS:
            if callback is not None:
                self.read_callback = callback
            self.become(LISTEN)
        return code

    def accept(self, owner: LPCObject) -> Socket | int:
        """socket_accept(): a new socket of this mode that is not in the table yet, or a code."""
        if not self.can_accept:
            return errors.EEMODENOTSUPP
        if self.state is not LISTEN:
            return errors.EENOTLISTN
        return self.take_connection(owner)

    def connect(self, where: str, read: Callback | None, write: Callback | None) -> int:
        """socket_connect(); a None callback leaves the one that is there."""
        if not self.can_connect:
            return errors.EEMODENOTSUPP
        if self.state is LISTEN:
            return errors.EEISLISTEN
        if self.state is DATA_XFER or self.state is HANDSHAKE:
            return errors.EEISCONN
        code = self._set_up(self.start_connect(where))
        if code == errors.EESUCCESS:
            self.read_callback = read or self.read_callback
            self.write_callback = write or self.write_callback
        return code

    def write(self, message: Value, address: str | None) -> int:
        """socket_write() in the check order of stream modes; a datagram mode overrides it whole."""
        if not self.can_write:
            return errors.EEMODENOTSUPP
        if self.state is not DATA_XFER:
            return self._set_up(errors.EENOTCONN) if self.state is UNBOUND else errors.EENOTCONN
        if address is not None:
            return errors.EEBADADDR
        if self._blocked:
            return errors.EEALREADY
        return self.send(message)

    def close(self) -> None:
        """socket_close() and the owner's end: no callback; what was written still leaves (CLOSING)."""
        self._forget_callbacks()
        if self.is_ended or self.shut(flush=True):
            self._free()
        else:
            self.become(CLOSING)

    def orphaned(self) -> None:
        """The owner ends: close. A protocol that says why it closes may say something else than usual."""
        self.close()

    def retire(self) -> None:
        """The driver is about to end: close, if something still has to leave that no protocol sees to."""

    def abort(self) -> None:
        """The driver ends: everything is let go now."""
        self._forget_callbacks()
        if not self.is_ended:
            self.shut(flush=False)
        self._free()

    def get_option(self, number: int) -> Value | None:
        """The value LPC gave an option, or what the socket says; None where it is unset."""
        return None if self._options is None else self._options.get(number)

    def set_option(self, number: int, value: Value) -> None:
        """Keep a checked value."""
        if self._options is None:
            self._options = {}
        self._options[number] = value
        self.option_set(number, value)

    # ---------------------------------------------------------------------------- events, from the loop

    def deliver(self, *args: Value) -> None:
        """Call read(fd, ...)."""
        callback = self.read_callback
        if callback is not None and not self.is_ended:  # _call(), spelled out for the busiest of events
            function = callback.entry(len(args) + 1)
            if function is not None:
                self.table.enter(function, 0, self.fd, *args)
            else:
                self._unheard(callback)

    def connected(self) -> None:
        """The connection a client asked for is up: from now on it may write."""
        if self.is_open and not self.is_ended:
            self._blocked = False
            self.become(DATA_XFER)
            self._call(self.write_callback)

    def drained(self) -> None:
        """Nothing is queued any more: the write callback, once, if a write was blocked or refused."""
        if self.state is CLOSING:
            self._free_after_flush()
        elif self._blocked or self._owes_write:
            self._blocked = self._owes_write = False
            self._call(self.write_callback)

    def fail(self, reason: str, code: int) -> None:
        """The end nobody asked for. `reason` is a sentence for LPC, `code` an EE* code or what the
        protocol says (exit status, close code)."""
        if self.state is CLOSED or self.is_ended:
            return
        if self.state is CLOSING:
            self.shut(flush=False)
            self._free()
            return
        self.is_ended = True
        self._cancel_deferred()
        self.last_error = reason
        self.shut(flush=False)
        callback, self.read_callback, self.write_callback = self.close_callback, None, None
        if callback is not None:
            arguments = (self.fd, reason, code) if self.gives_reason else (self.fd,)
            self._run(callback, *arguments)
        if self.state is not CLOSED:  # the callback may have closed it; its slot may be somebody else's now
            self._free()

    # ------------------------------------------------------------------------------- help for subclasses

    @property
    def high_water(self) -> int:
        """How many queued bytes block the socket."""
        limit: int = self.table.driver.limits.socket_queue
        return limit

    def taken(self, queued: int) -> int:
        """What a write answers that was taken whole, `queued` bytes now waiting."""
        if queued <= self.high_water:
            return errors.EESUCCESS
        self._blocked = True
        return errors.EECALLBACK

    def refused(self) -> int:
        """What a write answers for which there is no room now: nothing was taken, drained() will follow."""
        self._owes_write = True
        return errors.EEWOULDBLOCK

    def block(self) -> None:
        """Let writes answer EEALREADY until connected() or drained()."""
        self._blocked = True

    def become(self, state: str) -> None:
        """Enter a state, and tell the driver whether something can still happen."""
        self.state = state
        self.update_liveness()

    def update_liveness(self) -> None:
        """Keep the process alive exactly while `may_wake` says so."""
        driver = self.table.driver
        if self._deferred is not None or self.may_wake():
            driver.keep_alive(self)
        else:
            driver.let_go(self)

    def problem(self, code: int, reason: str) -> int:
        """Remember a failure in words and answer its code."""
        self.last_error = reason
        return code

    # ----------------------------------------------------------------------------------------- internal

    def _call(self, callback: Callback | None, *args: Value) -> None:
        if callback is not None and not self.is_ended:
            self._run(callback, self.fd, *args)

    def _run(self, callback: Callback, *args: Value) -> None:
        function = callback.entry(len(args))
        if function is not None:
            self.table.enter(function, 0, *args)
        else:
            self._unheard(callback)

    def _unheard(self, callback: Callback) -> None:
        """There was no function to call: mainline's modes are silent about it, in ours it is worth a line."""
        if self.gives_reason and callback.alive:
            owner = callback.owner.name
            self.table.log_once(f"{owner} has no function {callback.target}() for its socket ({self.mode.name})")

    def _set_up(self, code: int) -> int:
        """A set-up call has answered `code`: where it failed, and callers of the mode do not test codes,
        its error callback follows on the next turn of the loop, unless the socket is closed before or the
        call succeeds on a second try. Only a socket that never worked is ended so."""
        if code > 0:
            self._cancel_deferred()
        elif self.defers_errors and code not in _NOT_SETUP and not self.works():
            self._cancel_deferred()
            reason = self.last_error or errors.text_of(code)
            self._deferred = self.table.driver.loop.call_soon(self.fail, reason, code)
            self.update_liveness()
        return code

    def refuse(self, code: int, reason: str) -> int:
        """A set-up call is denied before it reached the socket."""
        self.last_error = reason
        return self._set_up(code)

    def _cancel_deferred(self) -> None:
        if self._deferred is not None:
            self._deferred.cancel()
            self._deferred = None
            self.update_liveness()

    def _forget_callbacks(self) -> None:
        self._cancel_deferred()
        self.read_callback = self.write_callback = self.close_callback = None
        self.released_to = None

    def _free_after_flush(self) -> None:
        self.shut(flush=False)
        self._free()

    def _free(self) -> None:
        self._forget_callbacks()
        self.become(CLOSED)
        self.table.free(self)

    # ------------------------------------------------------------------------------ hooks of a protocol

    @property
    def system_fd(self) -> int:
        """The descriptor of the operating system, -1 if there is none (now)."""
        return -1

    @property
    def unsent(self) -> int:
        """How many bytes wait to leave that somebody may still take."""
        return 0

    def is_bound(self) -> bool:
        """Whether a further socket_bind() is EEISBOUND."""
        return self.state is not UNBOUND

    def works(self) -> bool:
        """Whether the socket already does its job: a set-up call that fails now does not end it."""
        return self.state is not UNBOUND and self.state is not BOUND

    def may_wake(self) -> bool:
        """Whether something can still happen here, so that the process should stay."""
        return self.state is not UNBOUND and self.state is not CLOSED

    def start_bind(self, where: int | str, address: str | None) -> int:
        """Bind; becoming BOUND (or what fits) is the hook's business."""
        return errors.EEMODENOTSUPP

    def start_listen(self, callback: Callback | None) -> int:
        """Listen; the state follows by itself. Without a callback the protocol accepts by itself."""
        return errors.EEMODENOTSUPP

    def take_connection(self, owner: LPCObject) -> Socket | int:
        """The next pending connection as a socket made with the same table and mode."""
        return errors.EEMODENOTSUPP

    def start_connect(self, where: str) -> int:
        """Begin to connect: HANDSHAKE, later connected() or fail()."""
        return errors.EEMODENOTSUPP

    def send(self, message: Value) -> int:
        """Take one message in DATA_XFER, whole or not at all: answer taken(), refused() or a code."""
        return errors.EEMODENOTSUPP

    def shut(self, *, flush: bool) -> bool:
        """Let go of everything the operating system gave. With `flush` unsent data may leave first: then
        answer False, and call drained() when it has. Must bear being called again."""
        return True

    def option_set(self, number: int, value: Value) -> None:
        """An option got a value."""

    def permits(self, operation: str, host: str, port: int) -> str | None:
        """Why the host's permissions forbid an operation ("bind", "connect"); None if they do not."""
        return None

    def target_of(self, where: str) -> tuple[str, int]:
        """What valid_socket() is told about a socket_connect(): host and port."""
        host, _, port = where.partition(" ")
        return host, int(port) if port.isascii() and port.isdigit() and len(port) < 10 else 0

    def subject_of(self, where: str) -> str:
        """What valid_socket() is told beyond the address of a socket_connect()."""
        return where

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        """(host, port) of this end and of the peer; None where there is none (yet)."""
        return None, None

    def address_text(self, *, local: bool) -> str:
        """What socket_address() answers: "ip port"."""
        mine, peer = self.addresses()
        host, port = (mine if local else peer) or ("0.0.0.0", 0)
        return f"{host} {port}"

    def status_addresses(self) -> tuple[str, str]:
        """The address columns of socket_status(): "ip.port", "*" for any, "" while unknown."""
        mine, peer = self.addresses()
        return _status_text(mine), _status_text(peer)


def _status_text(address: tuple[Any, int] | None) -> str:
    if address is None:
        return ""
    host, port = address
    return f"{'*' if host in ('0.0.0.0', '::') else host}.{port or '*'}"
