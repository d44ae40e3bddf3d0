"""The efuns of external commands: FluffOS's external_start(), and what modes 40 and 41 have beyond the socket
efuns. All of them run what the host has registered and nothing else."""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING

from efuns.sockets import efuns, errors
from efuns.sockets.efuns import Function, callback_for, check_names, need_room
from efuns.sockets.modes import Modes
from efuns.sockets.table import SocketTable
from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Value, truth

if TYPE_CHECKING:
    from efuns.sockets.process import Process

_STREAM = 1


@efun("int external_start(int | string command, string | string * arguments, string | function read, "
      "string | function write, void | string | function close)")
def external_start(this: LPCObject, command: int | str, arguments: str | list[Value], read: Function, write: Function,
                   close: Function | int = 0) -> int:
    """Run a command the host has registered, by its number or name: a descriptor in mode STREAM joined to its
    input, output and errors, or a negative EE* code.

    `arguments` given as one string are parted at single spaces. write(fd) comes when the command runs,
    read(fd, text) with its output, close(fd) when it closes its end. Unlike EXTERNAL_PIPE it tells no exit
    status, and socket_close() does not end the command.

        int s = external_start(1, ({ "-n", "some text" }), "output", "started", "ended");
    """
    check_names(read, write, close)
    need_room()
    driver = this.driver
    name = driver.external_name(str(command))
    words = _arguments(arguments)
    line = " ".join([name, *words])
    if not truth(driver.valid("valid_socket", this, "external", [-1, this, "N/A", -1, _STREAM, line])):
        return errors.EESECURITY
    program = driver.external_command(str(command))
    if program is None:
        raise BadArgument("Bad argument 1 to external_start()")
    return _start(this, name, (*program, *words), read, write, close)


def _start(this: LPCObject, name: str, argv: tuple[str, ...], read: Function, write: Function,
           close: Function | int) -> int:
    from efuns.sockets.children import Command  # only programs that start others pay for it
    from efuns.sockets.process import Started, is_argument

    driver = this.driver
    table = driver.state(SocketTable)
    if this.is_destructed:  # the master did it
        return errors.EESECURITY
    if table.is_full:
        return errors.EENOSOCKS
    if not all(map(is_argument, argv)):
        return errors.EEBADDATA
    row = driver.state(Modes).find(_STREAM)
    assert row is not None
    try:
        socket = Started(table, row, this)
    except OSError:
        return errors.EESOCKET
    code = socket.start(name, Command(argv, driver.files.root))
    if code != errors.EESUCCESS:
        driver.log(f"external_start: {socket.last_error}")  # there is no descriptor to ask for the reason
        socket.close()
        return code
    socket.read_callback = callback_for(this, read)
    socket.write_callback = callback_for(this, write)
    socket.close_callback = callback_for(this, close)
    return table.add(socket)


@efun("int external_spawn_process(int fd)")
def external_spawn_process(this: LPCObject, fd: int) -> int:
    """Start the command chosen for a socket by EXTERNAL_COMMAND or socket_bind(): what socket_connect(fd, "",
    0, 0) does. 1, or a negative EE* code.

        socket_set_option(s, EXTERNAL_COMMAND, "backup");
        external_spawn_process(s);
    """
    socket = _process(this, fd)
    return socket if isinstance(socket, int) else efuns.socket_connect.function(this, fd, "", 0, 0)


@efun("int external_kill_process(int fd, int signal = 15)")
def external_kill_process(this: LPCObject, fd: int, signal: int = signals.SIGTERM) -> int:
    """Send a signal to the command of a socket and to everything it has started: 1, or a negative EE* code,
    EENOTCONN where none runs. What comes of it the third callback tells.

        external_kill_process(s, 9);
    """
    if signal not in range(1, signals.NSIG):
        raise LPCError(f"Bad argument 2 to external_kill_process()\nThere is no signal {signal}.")
    socket = _process(this, fd)
    if isinstance(socket, int):
        return socket
    if not socket.is_running:
        return errors.EENOTCONN
    socket.signal(signal)
    return errors.EESUCCESS


@efun("int external_process_status(int fd)")
def external_process_status(this: LPCObject, fd: int) -> int:
    """Whether the command of a socket runs: 1, 0 while it has not been started or has ended, or a negative
    EE* code. How it ended the third callback tells.

        if (external_process_status(s) == 1) write("still busy\\n");
    """
    socket = _process(this, fd)
    return socket if isinstance(socket, int) else int(socket.is_running)


def _arguments(arguments: str | list[Value]) -> list[str]:
    from efuns.sockets.process import words_of

    if isinstance(arguments, str):
        return words_of(arguments)
    for number, word in enumerate(arguments):
        if not isinstance(word, str):
            raise BadArgument(f"Bad argument list item {number} to external_start()")
    return arguments


def _process(this: LPCObject, fd: int) -> Process | int:
    """The caller's socket for commands behind a descriptor, or the code that says why not."""
    from efuns.sockets.process import Process

    table = this.driver.state(SocketTable)
    if not table.has(fd):
        return errors.EEFDRANGE
    socket = table.find(fd)
    if socket is None or not socket.is_open or socket.is_ended:
        return errors.EEBADF
    if socket.owner is not this:
        return errors.EESECURITY
    return socket if isinstance(socket, Process) else errors.EEMODENOTSUPP
