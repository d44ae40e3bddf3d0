"""The socket efuns.

Each asks in mainline's order: the host's permissions, the master's valid_socket(), then whether the
descriptor exists (EEFDRANGE), is open (EEBADF) and belongs to the caller (EESECURITY), then the socket
itself. Failures are EE* codes; wrong types, and whatever socket_set_option() dislikes, are runtime errors.
"""

from __future__ import annotations

from typing import Any

from efuns.sockets import errors, options
from efuns.sockets.base import BOUND, DATA_XFER, Socket
from efuns.sockets.modes import Mode, Modes
from efuns.sockets.table import SocketTable
from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.call import Callback
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.show import show_short
from lpc.runtime.values import UNDEFINED, Mapping, Value, truth

Function = str | Closure

_WRITABLE = frozenset({DATA_XFER, BOUND})  # streams, datagrams

_FRAMES = 40  # calls, at most, between an efun here and what the operating system is asked


# -------------------------------------------------------------------------------- making and unmaking


@efun("int socket_create(int mode, string | function read, void | string | function close)")
def socket_create(this: LPCObject, mode: int, read: Function, close: Function | int = 0) -> int:
    """Make a socket of one of the modes of <socket.h> and return its descriptor, or a negative EE* code.

    `read` is called with what arrives, `close` when the socket ends by itself: close(fd) in modes 0 to 6,
    close(fd, reason, code) in all others; datagram modes have no such end and drop it.

        int s = socket_create(STREAM, "read_data", "closed");
    """
    check_names(read, close)
    need_room()
    driver = this.driver
    if not truth(driver.valid("valid_socket", this, "create", [-1, this, "N/A", -1, mode, 0])):
        return errors.EESECURITY
    if this.is_destructed:  # nobody would close it
        return errors.EESECURITY
    found = driver.state(Modes).factory(mode)
    if found is None:
        return errors.EEMODENOTSUPP
    table = driver.state(SocketTable)
    if table.is_full:
        return errors.EENOSOCKS
    row, make = found
    try:
        socket = make(table, row, this)
    except OSError:  # mainline knows one code for all of them
        return errors.EESOCKET
    socket.read_callback = callback_for(this, read)
    socket.close_callback = callback_for(this, close)
    return table.add(socket)


@efun("int socket_close(int fd)")
def socket_close(this: LPCObject, fd: int) -> int:
    """Close a socket: 1, or a negative EE* code.

    No callback comes any more; what was written still leaves.

        socket_close(s);
    """
    need_room()
    socket = _socket(this, "close", fd)
    if isinstance(socket, int):
        return socket
    socket.close()
    return errors.EESUCCESS


# ------------------------------------------------------------------------------------------ setting up


@efun("int socket_bind(int fd, int | string where, void | string address)")
def socket_bind(this: LPCObject, fd: int, where: int | str, address: str | None = None) -> int:
    """Bind a socket: 1, or a negative EE* code.

    `where` is a port (0: any free one) in network modes; `address`, "ip port", wins over it. In the modes
    EXTERNAL_* it is a path, a name or a command.

        socket_bind(s, 4000);
        socket_bind(watch, "/secure/cfg/");
    """
    need_room()
    found = this.driver.state(SocketTable).find(fd)
    if isinstance(where, str) and found is not None and found.is_open and not found.binds_to_name:
        raise _bad_argument(2, "socket_bind", "int", where)
    port = where if isinstance(where, int) else 0
    extra = where if isinstance(where, str) else 0
    verb = found.bind_verb if found is not None else "bind"
    socket = _socket(this, verb, fd, permission=("bind", address or "", port), extra=extra, sets_up=True)
    return socket if isinstance(socket, int) else socket.bind(where, address)


@efun("int socket_listen(int fd, void | string | function callback)")
def socket_listen(this: LPCObject, fd: int, callback: Function | int = 0) -> int:
    """Wait for connections on a bound socket: 1, or a negative EE* code.

    callback(fd) is called while a connection waits for socket_accept(). HTTP and WebSocket servers may
    leave it out: they then accept by themselves, with the callbacks given to socket_create().

        socket_listen(s, "caller_waits");
    """
    check_names(callback)
    need_room()
    socket = _socket(this, "listen", fd)
    if isinstance(socket, int):
        return socket
    listener = callback_for(this, callback)
    if listener is None and socket.can_listen and not socket.accepts_by_itself:
        raise _bad_argument(2, "socket_listen", "string or function", callback)
    return socket.listen(listener)


@efun("int socket_accept(int fd, string | function read, string | function write)")
def socket_accept(this: LPCObject, fd: int, read: Function, write: Function) -> int:
    """Take a waiting connection of a listening socket: its new descriptor, or a negative EE* code.

    It has the mode and the close callback of the listening socket.

        int connection = socket_accept(s, "read_data", "ready");
    """
    check_names(read, write)
    need_room()
    socket = _socket(this, "accept", fd)
    if isinstance(socket, int):
        return socket
    table = socket.table
    if socket.can_accept and table.is_full:
        return errors.EENOSOCKS
    accepted = socket.accept(this)
    if isinstance(accepted, int):
        return accepted
    accepted.read_callback = callback_for(this, read)
    accepted.write_callback = callback_for(this, write)
    accepted.close_callback = socket.close_callback
    return table.add(accepted)


@efun("int socket_connect(int fd, string where, int | string | function read, int | string | function write)")
def socket_connect(this: LPCObject, fd: int, where: str, read: Function | int, write: Function | int) -> int:
    """Connect a socket: 1, or a negative EE* code. `where` is "ip port", and in modes above 6 also what
    the mode reads there: a host name, a URL, a path, a command.

    `write` is called when the connection is up, then `read` with what arrives. A 0 keeps the callback
    there is (modes above 6 only).

        socket_connect(s, "127.0.0.1 4000", "read_data", "connected");
    """
    check_names(read, write)
    need_room()
    found = this.driver.state(SocketTable).find(fd)
    for number, function in ((3, read), (4, write)):
        if isinstance(function, int) and (function != 0 or found is None or not found.gives_reason):
            raise _bad_argument(number, "socket_connect", "string or function", function)
    target, subject = (found.target_of(where), found.subject_of(where)) if found is not None else (("", 0), where)
    verb = found.connect_verb if found is not None else "connect"
    socket = _socket(this, verb, fd, permission=("connect", *target), target=target, extra=subject, sets_up=True)
    if isinstance(socket, int):
        return socket
    return socket.connect(where, callback_for(this, read), callback_for(this, write))


# -------------------------------------------------------------------------------------------- transfer


@efun("int socket_write(int fd, mixed message, void | string address)")
def socket_write(this: LPCObject, fd: int, message: Value, address: str | None = None) -> int:
    """Send a message. Datagram modes need `address`, "ip port".

    1: on its way. EECALLBACK: taken, but the socket is full until its write callback. EEALREADY: it still
    is, nothing was taken. EEWOULDBLOCK: no room for this one. Any other negative code: nothing was taken.

        if (socket_write(s, "hello") == EECALLBACK) waiting = 1;
    """
    driver = this.driver
    found = driver.state(SocketTable).find(fd)
    if found is not None and found.owner is this and found.state in _WRITABLE and driver.master() is None:
        return found.write(message, address) if not found.is_ended else errors.EEBADF  # what the rest comes to
    socket = _socket(this, "write", fd)
    return socket if isinstance(socket, int) else socket.write(message, address)


# ------------------------------------------------------------------------------------------- ownership


@efun("int socket_release(int fd, object to, string | function callback)")
def socket_release(this: LPCObject, fd: int, to: LPCObject, callback: Function) -> int:
    """Offer a socket to another object: callback(fd, to) runs in it at once and has to socket_acquire().
    1 if it did, else EESOCKNOTRLSD.

        socket_release(s, find_object("/sys/telnet_d"), "take_socket");
    """
    check_names(callback)
    socket = _socket(this, "release", fd)
    if isinstance(socket, int):
        return socket
    if socket.released_to is not None:
        return errors.EESOCKRLSD
    socket.released_to = to
    try:
        Callback(to, callback).run(fd, to)
    except LPCError as error:  # the other object's mistake, not the caller's
        this.driver.log(f"{to.name}: error while acquiring socket {fd}: {error}")
    finally:
        taken = socket.owner is not this or (socket.released_to is None and socket.is_open)
        socket.released_to = None
    return errors.EESUCCESS if taken else errors.EESOCKNOTRLSD


@efun("int socket_acquire(int fd, string | function read, string | function write, string | function close)")
def socket_acquire(this: LPCObject, fd: int, read: Function, write: Function, close: Function) -> int:
    """Become the owner of a socket somebody is just releasing to this object; all three callbacks are
    replaced. 1, or a negative EE* code.

        void take_socket(int fd) { socket_acquire(fd, "read_data", "ready", "closed"); }
    """
    check_names(read, write, close)
    table = this.driver.state(SocketTable)
    found = table.find(fd)
    if not _is_valid(this, "acquire", fd, found, _remote(found), 0) or this.is_destructed:
        return errors.EESECURITY
    if not table.has(fd):
        return errors.EEFDRANGE
    if found is None or not found.is_open or found.is_ended:
        return errors.EEBADF
    if found.released_to is None:
        return errors.EESOCKNOTRLSD
    if found.released_to is not this:
        return errors.EESECURITY
    found.read_callback = callback_for(this, read)
    found.write_callback = callback_for(this, write)
    found.close_callback = callback_for(this, close)
    found.released_to = None
    table.give(found, this)
    return errors.EESUCCESS


# --------------------------------------------------------------------------------------------- asking


@efun("string socket_error(int code)")
def socket_error(code: int) -> str:
    """The text of an EE* code.

    Anything else gives "socket_error: invalid error number".

        write(socket_error(EEBADF));   // Socket is closed
    """
    return errors.text_of(code)


@efun("string socket_address(int | object fd, int local = 0)")
def socket_address(this: LPCObject, fd: int | LPCObject, local: int = 0) -> str | int:
    """The address of the other end of a socket, or with `local` of this end: "ip port" in network modes,
    the path or name in the modes EXTERNAL_*. An object that is not a user has none: 0.

        string from = socket_address(connection);
    """
    if not isinstance(fd, int):
        return UNDEFINED
    table = this.driver.state(SocketTable)
    if not table.has(fd):
        return " 0"
    socket = table.find(fd)
    return "0.0.0.0 0" if socket is None else socket.address_text(local=local != 0)


@efun("mixed *socket_status(void | int fd)")
def socket_status(this: LPCObject, fd: int | None = None) -> list[Value] | int:
    """What is known of a socket: ({ OS descriptor or -1, state, mode, local address, remote address, owner
    or 0 }), 0 where there never was one; without `fd` an array of those of all descriptors.

        write(socket_status(s)[1]);   // DATA_XFER
    """
    table = this.driver.state(SocketTable)
    if fd is None:
        return [_status(socket) for socket in table]
    return _status(table.find(fd)) if table.has(fd) else 0


@efun("int socket_mode_available(int mode)")
def socket_mode_available(this: LPCObject, mode: int) -> int:
    """Whether socket_create() can make sockets of a mode here: 1 or 0.

    Some modes need a library or a platform.

        if (!socket_mode_available(EXTERNAL_INOTIFY)) poll_instead();
    """
    row = this.driver.state(Modes).find(mode)
    return int(row is not None and row.obstacle() is None)


@efun("mapping socket_modes()")
def socket_modes(this: LPCObject) -> Mapping:
    """All modes by name, available or not.

    The names are macros too, without any #include.

        int number = socket_modes()["STREAM"];   // 1
    """
    return Mapping((mode.name, mode.number) for mode in this.driver.state(Modes).all())


# -------------------------------------------------------------------------------------------- options


@efun("int socket_set_option(int fd, int option, mixed value)")
def socket_set_option(this: LPCObject, fd: int, option: int, value: Value) -> int:
    """Set an option of <socket_options.h> on a socket of yours; returns 1.

    Anything wrong is an error: another owner, an unknown option or one of another mode, a bad value.

        socket_set_option(watch, INOTIFY_RECURSIVE, 1);
    """
    socket, row = _option(this, "socket_set_option", fd, option)
    if row.read_only:
        raise LPCError(f"Socket option {row.name} can only be read.\n")
    if not options.has_type(row, value):
        raise _bad_argument(3, "socket_set_option", row.type, value)
    complaint = options.complaint(row, value)
    if complaint is not None:
        raise LPCError(f"Bad socket option value for {row.name}: {complaint}.\n")
    if row.while_state is not None and socket.state not in row.while_state:
        raise LPCError(f"Socket option {row.name} cannot be set in state {socket.state}.\n")
    is_new = option > options.SO_TLS_KEY  # masters with a list of mainline's verbs never hear of the first four
    if is_new and not _is_valid(this, "set_option", fd, socket, _remote(socket), row.name):
        raise LPCError("Security violation attempted\n")
    socket.set_option(option, value)
    return 1


@efun("mixed socket_get_option(int fd, int option)")
def socket_get_option(this: LPCObject, fd: int, option: int) -> Value:
    """The value of an option of a socket of yours: what was set, or its default.

    SO_LAST_ERROR tells in words why the last call on the socket failed.

        string why = socket_get_option(s, SO_LAST_ERROR);
    """
    socket, row = _option(this, "socket_get_option", fd, option)
    if option == options.SO_LAST_ERROR:
        return socket.last_error
    value = socket.get_option(option)
    return row.default if value is None else value


def _option(this: LPCObject, name: str, fd: int, number: int) -> tuple[Socket, options.Option]:
    """The socket and row an option call is about; everything that can be wrong with them is an error."""
    socket = this.driver.state(SocketTable).find(fd)
    if socket is None or not socket.is_open:
        raise LPCError(f"Bad socket descriptor: {fd}\n")
    if socket.owner is not this:
        raise LPCError(f"{name}: socket {fd} belongs to another object.\n")
    row = options.BY_NUMBER.get(number)
    if row is None:
        raise LPCError(f"Unknown socket option: {number}\n")
    if number != options.SO_LAST_ERROR and number not in socket.mode.options:
        raise LPCError(f"Unknown socket option: {number} ({row.name}) in mode {socket.mode.name}\n")
    return socket, row


# -------------------------------------------------------------------------------------- common checks


def _socket(this: LPCObject, verb: str, fd: int, *, permission: tuple[str, str, int] | None = None,
            target: tuple[str, int] | None = None, extra: Value = 0, sets_up: bool = False) -> Socket | int:
    """The caller's open socket behind a descriptor, or the code that says why not.

    `permission` is what the host is asked about, `target` and `extra` what the master is told; `sets_up`
    marks the calls whose refusal the mode may want to report by callback too.
    """
    table = this.driver.state(SocketTable)
    socket = table.find(fd)
    if socket is not None and (not socket.is_open or (socket.is_ended and verb != "close")):
        socket = None
    own = socket if socket is not None and socket.owner is this else None
    if own is not None and permission is not None:
        refusal = own.permits(*permission)
        if refusal is not None:
            return own.refuse(errors.EESECURITY, refusal)
    if not _is_valid(this, verb, fd, socket, target or _remote(socket), extra):
        if own is not None and sets_up:
            return own.refuse(errors.EESECURITY, errors.text_of(errors.EESECURITY))
        return errors.EESECURITY
    if not table.has(fd):
        return errors.EEFDRANGE
    if socket is None or not socket.is_open:  # the master may have closed it just now
        return errors.EEBADF
    return socket if socket.owner is this else errors.EESECURITY


def writable_socket(this: LPCObject, fd: int) -> Socket | int:
    """The caller's socket for a message, or the code that says why there is none."""
    return _socket(this, "write", fd)


def _is_valid(this: LPCObject, verb: str, fd: int, socket: Socket | None, address: tuple[str, int],
              extra: Value) -> bool:
    """Ask the master: valid_socket(caller, verb, ({ fd, owner, address, port, mode, extra }))."""
    if this.driver.master() is None:  # nobody to ask, so everything is allowed
        return True
    owner: Any = socket.owner if socket is not None else 0
    mode = socket.mode.number if socket is not None else -1
    return truth(this.driver.valid("valid_socket", this, verb, [fd, owner, *address, mode, extra], by=this))


def _remote(socket: Socket | None) -> tuple[str, int]:
    return (socket.addresses()[1] if socket is not None else None) or ("0.0.0.0", 0)


def callback_for(this: LPCObject, function: Function | int) -> Callback | None:
    """What to call for a callback argument; None for 0 and ""."""
    if isinstance(function, int) or function == "":
        return None
    return Callback(this, function)


def need_room(frames: int = _FRAMES) -> None:
    """Fail now where the recursion limit is near. Halfway through, a descriptor or a process that was just made
    would belong to nobody."""
    if frames:
        need_room(frames - 1)


def check_names(*functions: Function | int) -> None:
    """Refuse names no function can have, before anything else happens."""
    if any(isinstance(function, str) and function.startswith("#") for function in functions):
        raise LPCError("Illegal function name.\n")


def _status(socket: Socket | None) -> list[Value]:
    if socket is None:
        return [-1, "CLOSED", "MUD", "", "", 0]
    mode: Mode = socket.mode
    owner: Any = socket.owner if socket.is_open and not socket.owner.is_destructed else 0
    return [socket.system_fd, socket.state, mode.status_name, *socket.status_addresses(), owner]


def _bad_argument(number: int, name: str, expected: str, value: Value) -> BadArgument:
    return BadArgument(f"Bad argument {number} to {name}()\nExpected: {expected} Got: {show_short(value)}.")
