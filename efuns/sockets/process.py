"""Modes 40 and 41, EXTERNAL_PIPE and EXTERNAL_SOCKETPAIR, and what external_start() makes.

A command is chosen by socket_connect(fd, "name argument ..."), or before by option 140 or socket_bind(), and
always by a name or number the host has registered (Host.external_command): LPC names no program. Its words
and those of option 141 are its arguments as they stand; no shell sees them. It starts with an empty
environment but for option 142, in the mudlib's root or the directory of option 144.

- 40 joins a command by a pipe for each direction, 41 by one socket pair as its 0, 1 and 2.
- read(fd, data) gets its output, read(fd, data, "stderr") its errors where EXTERNAL_STDERR_MODE is "pipe".
- (["eof": 1]) ends its input. That it closes one of its descriptors is not its end.
- The end is the end of its program. What it has written comes first, then the third callback: (fd, "exited
  N" | "killed by signal N" | "timed out", status), a signal's status being 128 and its number.
- socket_close(), and the end of the owner, end the command: SIGTERM, five seconds later SIGKILL.

Mode 41 without a command is a plain pair. It works from its creation; the far end is a second descriptor for
whoever calls socket_accept() first, or a Python socket for the embedding host (`take_far_end`).
"""

from __future__ import annotations

import os
import re
import resource
import socket
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors, options
from efuns.sockets.base import BOUND, CLOSED, DATA_XFER, UNBOUND, Socket
from efuns.sockets.children import Child, Children, Command, Ends
from efuns.sockets.pipes import CHUNK, Inlet, Outlet, octets
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping, Value, truth

if TYPE_CHECKING:
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

STDERR: Final = "stderr"
_UNSPEAKABLE: Final = "An argument cannot be passed on: it is no text, or holds a zero byte"
#: what a command leaves in its pipes is read to here; a process it has set free may write for ever
_LEFTOVER: Final = 1 << 20
_LIMITS: Final = (
    (options.EXTERNAL_CPU_LIMIT, resource.RLIMIT_CPU),
    (options.EXTERNAL_MEMORY_LIMIT, resource.RLIMIT_AS),
    (options.EXTERNAL_FILE_LIMIT, resource.RLIMIT_NOFILE),
)
#: Variables that make programs load code, start others or look for their settings somewhere else: they would
#: turn the one program the host trusts into any. The host may allow them one by one (--allow-env=NAME).
_GUARDED: Final = re.compile(
    r"(LD|DYLD|GLIBC|MALLOC|BASH|NODE|JAVA|GIT|SSH|XDG|OPENSSL|LUA|TERMINFO)_.*|(PYTHON|PERL|RUBY|LESS|TERMINFO).*"
    r"|PATH|HOME|IFS|ENV|PS4|SHELL|SHELLOPTS|BASHOPTS|PROMPT_COMMAND|GCONV_PATH|LOCPATH|NLSPATH|CLASSPATH|_JAVA_OPTIONS"
    r"|JDK_JAVA_OPTIONS|PHPRC|PHP_INI_SCAN_DIR|TCLLIBPATH|TERMCAP|EDITOR|VISUAL|PAGER|BROWSER|CURL_HOME|WGETRC|GNUPGHOME")


def words_of(line: str) -> list[str]:
    """The words of a command line: parted by single spaces, without quoting, as external_start() does it."""
    words = line.split(" ")
    return words[:-1] if not words[-1] else words


class Process(Socket):
    """A socket that runs a command; subclasses say how the two are joined."""

    __slots__ = ("_selector", "_name", "_child", "_inlets", "_outlet", "_fds", "_is_new")

    binds_to_name = True
    can_connect = True
    defers_errors = True
    connect_verb = "spawn"

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._selector = ""  # what socket_bind() chose
        self._name = ""  # of the command that runs
        self._child: Child | None = None
        self._inlets: list[Inlet] = []
        self._outlet: Outlet | None = None
        self._fds: list[int] = []  # our ends that are plain descriptors
        self._is_new = False  # it runs, and LPC has not been told

    # ------------------------------------------------------------------------- how a command is joined

    def open_ends(self, theirs: list[int]) -> Ends:
        """Make what joins the command: ours into `_inlets`, `_outlet` and `_fds`, the descriptors to close once
        it has its copies into `theirs`. May raise OSError; `close_ends` follows then."""
        raise NotImplementedError

    def close_ends(self) -> None:
        """Undo `open_ends`."""
        for inlet in self._inlets:
            inlet.stop()
        self._inlets.clear()
        if self._outlet is not None:
            self._outlet.stop()
            self._outlet = None
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()

    def close_input(self) -> None:
        """End of file for the command's input: everything has been written."""
        raise NotImplementedError

    def leave(self, child: Child) -> None:
        """The socket ends before its command."""
        child.terminate()

    def encode(self, message: Value) -> bytes | int:
        """The bytes of a message, or the code that refuses it."""
        data = octets(message)
        return errors.EETYPENOTSUPP if data is None else data

    # ---------------------------------------------------------------------------- choosing the command

    def start_bind(self, where: int | str, address: str | None) -> int:
        selector = "" if where == 0 else str(where)
        chosen = self._words(selector)
        if not chosen:
            return self.problem(errors.EEBADADDR, "There is no command to bind to")
        if self._program(chosen[0]) is None:
            return errors.EESECURITY
        self._selector = selector
        self.become(BOUND)
        return errors.EESUCCESS

    def target_of(self, where: str) -> tuple[str, int]:
        return "N/A", -1

    def subject_of(self, where: str) -> str:
        words = self._words(where)
        return " ".join([self.table.driver.external_name(words[0]), *words[1:]]) if words else ""

    def start_connect(self, where: str) -> int:
        words = self._words(where)
        if not words:
            return self.problem(errors.EEBADADDR, "No command was chosen")
        program = self._program(words[0])
        if program is None:
            return errors.EESECURITY
        if not all(map(is_argument, words)):
            return self.problem(errors.EEBADDATA, _UNSPEAKABLE)
        path = self.get_option(options.EXTERNAL_WORKING_DIR)
        try:
            directory = self._directory(path)
        except OSError as error:
            return self.problem(errors.EESECURITY, f"{path}: {error.strerror or error}")
        if not self.is_open:  # the master closed it
            return errors.EEBADF
        environment = self.get_option(options.EXTERNAL_ENV) or {}
        limits = tuple((kind, self.get_option(number) or 0) for number, kind in _LIMITS if self.get_option(number))
        timeout = self.get_option(options.EXTERNAL_TIMEOUT) or 0
        name = self.table.driver.external_name(words[0])
        return self.start(name, Command((*program, *words[1:]), directory, environment, timeout, limits))

    def start(self, name: str, command: Command) -> int:
        """Run a command."""
        children = self.table.driver.state(Children)
        if children.is_full:
            return self.problem(errors.EENOSOCKS, "Too many child processes")
        theirs: list[int] = []
        try:
            self._child = children.spawn(command, self.open_ends(theirs), self._command_ended)
        except OSError as error:
            self.close_ends()
            return self.problem(errors.EESOCKET, f"{name}: {os.strerror(error.errno or 0)}")
        finally:
            for fd in theirs:
                os.close(fd)
        self._name = name
        self._is_new = True
        self.become(DATA_XFER)
        self.table.driver.loop.call_soon(self._started)
        return errors.EESUCCESS

    def _words(self, where: str) -> list[str]:
        """The whole command line: what was chosen last, and the arguments of option 141."""
        chosen = where or self._selector or str(self.get_option(options.EXTERNAL_COMMAND) or "")
        arguments = self.get_option(options.EXTERNAL_ARGS) or []
        more = words_of(arguments) if isinstance(arguments, str) else arguments
        return [*words_of(chosen), *more] if chosen.strip(" ") else []

    def _program(self, name: str) -> tuple[str, ...] | None:
        driver = self.table.driver
        program = driver.external_command(name)
        if program is None:
            self.problem(errors.EESECURITY, driver.permissions.refusal or f"There is no external command '{name}'")
        return program

    def _directory(self, path: str | None) -> str:
        files = self.table.driver.files
        return files.root if path is None else files.readable(path, self.owner, "external")

    def set_option(self, number: int, value: Value) -> None:
        name = options.BY_NUMBER[number].name
        if number != options.SO_ENCODING and self.works():
            raise LPCError(f"Socket option {name} cannot be set in state {self.state}.\n")
        complaint = self._complaint(value)
        if complaint:
            raise LPCError(f"Bad socket option value for {name}: {complaint}.\n")
        super().set_option(number, _own(value))

    def get_option(self, number: int) -> Value | None:
        return _own(super().get_option(number))

    def _complaint(self, value: Value) -> str:
        """What is wrong with arguments or with variables; "" for what has no fault, or is neither."""
        if isinstance(value, list):
            return "" if all(isinstance(word, str) for word in value) else "arguments must be strings"
        if not isinstance(value, Mapping):
            return ""
        for name, text in value.items():
            if not (isinstance(name, str) and isinstance(text, str)):
                return "names and values of variables must be strings"
            if not name or "=" in name or not is_argument(name) or not is_argument(text):
                return f"there can be no variable '{name}' with such a value"
            if _GUARDED.fullmatch(name) and not self.table.driver.permissions.allows_env(name):
                return f"the host does not allow the variable '{name}' (--allow-env={name} would)"
        return ""

    # ----------------------------------------------------------------------------------- while it runs

    def is_bound(self) -> bool:
        return bool(self._selector) or self._child is not None

    def works(self) -> bool:
        return self._child is not None

    def may_wake(self) -> bool:
        return self._child is not None and self.state is not CLOSED

    @property
    def is_running(self) -> bool:
        """Whether the command runs."""
        return self._child is not None and self._child.is_running

    def signal(self, number: int) -> None:
        """Send the command's process group a signal."""
        if self._child is not None:
            self._child.signal(number)

    @property
    def system_fd(self) -> int:
        return self._inlets[0].fd if self._inlets else -1

    def address_text(self, *, local: bool) -> str:
        return self._name or next(iter(words_of(self._selector)), "")

    def status_addresses(self) -> tuple[str, str]:
        name = self.address_text(local=True)
        return name, name

    def send(self, message: Value) -> int:
        is_eof = isinstance(message, Mapping) and self.gives_reason
        if is_eof and (list(message) != ["eof"] or not truth(message["eof"])):
            return errors.EEBADDATA
        data = b"" if is_eof else self.encode(message)
        if isinstance(data, int):
            return data
        outlet = self._outlet
        if outlet is None or outlet.is_over:
            return self.problem(errors.EESEND, "The input of the other side is closed")
        if is_eof:
            outlet.end()
            return errors.EESUCCESS
        return self._put(outlet, data) if data else errors.EESUCCESS

    def _put(self, outlet: Outlet, data: bytes) -> int:
        try:
            outlet.write(data)
        except OSError as error:
            outlet.stop()
            return self.problem(errors.EESEND, f"The other side takes nothing more: {os.strerror(error.errno or 0)}")
        return self.taken(outlet.size)

    def _started(self) -> None:
        """The first callback, before any other: uvloop may see output, or the end, before it runs call_soon()."""
        if self._is_new:
            self._is_new = False
            if self.is_open and not self._blocked:  # else the write callback follows when there is room
                self.connected()

    def _input_lost(self) -> None:
        """Nobody reads what still waits to be written."""
        self.last_error = "The input of the other side is closed"
        self.drained()

    def _take(self, inlet: Inlet, data: bytes) -> None:
        self._started()
        value = inlet.decode(data, binary=self.get_option(options.SO_ENCODING) == "binary")
        if isinstance(value, Buffer) or value:  # it may be the first bytes of a character
            self.deliver(value, *inlet.label)

    def _output_over(self, inlet: Inlet) -> None:
        self._started()
        rest = inlet.rest()
        if rest:
            self.deliver(rest, *inlet.label)

    def _inlet(self, fd: int, *label: str) -> None:
        self._inlets.append(Inlet(self.table.driver.loop, fd, self._take, self._output_over, *label))

    def _open_outlet(self, fd: int) -> None:
        self._outlet = Outlet(self.table.driver.loop, fd, drained=self.drained, lost=self._input_lost,
                              finish=self.close_input)

    def _pipe(self, theirs: list[int], *, outward: bool) -> tuple[int, int]:
        """A pipe: our end, which never blocks, and the command's, which does."""
        reading, writing = os.pipe()
        mine, other = (writing, reading) if outward else (reading, writing)
        self._fds.append(mine)
        theirs.append(other)
        os.set_blocking(mine, False)
        return mine, other

    def _stderr(self, theirs: list[int]) -> int:
        kind = self.get_option(options.EXTERNAL_STDERR_MODE)
        if kind == "null":
            return Ends.NULL
        if kind != "pipe":
            return Ends.MERGED
        mine, other = self._pipe(theirs, outward=False)
        self._inlet(mine, STDERR)
        return other

    # ----------------------------------------------------------------------------------------- the end

    def _command_ended(self, child: Child) -> None:
        self._started()
        if self._outlet is not None:
            self._outlet.stop()
        self._hand_on(child, _LEFTOVER)

    def _hand_on(self, child: Child, most: int) -> None:
        """Deliver what the command has left in its pipes, a piece a turn of the loop, and then its end."""
        has_more = False
        for inlet in tuple(self._inlets):
            if not self.is_open or self.is_ended:
                return
            has_more |= inlet.read()
        if has_more and most > 0:
            self.table.driver.loop.call_soon(self._hand_on, child, most - CHUNK)
            return
        for inlet in tuple(self._inlets):
            if not inlet.is_over and self.is_open:
                inlet.stop()
                self._output_over(inlet)
        if self.is_open:
            self.fail(child.reason, child.code)

    def shut(self, *, flush: bool) -> bool:
        self.close_ends()
        if self._child is not None and self._child.is_running:
            self.leave(self._child)
        return True


class Pipes(Process):
    """Mode 40; see the module."""

    __slots__ = ()

    def open_ends(self, theirs: list[int]) -> Ends:
        to_command, stdin = self._pipe(theirs, outward=True)
        from_command, stdout = self._pipe(theirs, outward=False)
        self._open_outlet(to_command)
        self._inlet(from_command)
        return Ends(stdin, stdout, self._stderr(theirs))

    def close_input(self) -> None:
        fd = self._fds.pop(0)
        os.close(fd)


class Pair(Process):
    """Mode 41; see the module. `near` is the far end of another one."""

    __slots__ = ("_near", "_far", "_is_used")

    can_accept = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, near: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner)
        self._far: socket.socket | None = None
        self._is_used = near is not None  # as a plain pair
        if near is None:
            near, self._far = socket.socketpair()
        near.setblocking(False)
        self._near = near
        self._open_outlet(near.fileno())
        self._inlet(near.fileno())
        self.become(DATA_XFER)

    # ------------------------------------------------------------------------------------ a plain pair

    def accept(self, owner: LPCObject) -> Socket | int:
        """The far end, for the first who asks."""
        if self._far is None or self._chooses_command():
            return errors.EEISCONN
        made = type(self)(self.table, self.mode, owner, self.take_far_end())
        if self._options is not None:
            made._options = dict(self._options)
        return made

    def take_far_end(self) -> socket.socket:
        """The far end, for good: a blocking socket that the caller closes."""
        assert self._far is not None
        far, self._far = self._far, None
        self._is_used = True
        self.update_liveness()
        return far

    def send(self, message: Value) -> int:
        if self._far is not None:
            self._is_used = True
        return super().send(message)

    def _output_over(self, inlet: Inlet) -> None:
        super()._output_over(inlet)
        if self._child is None:
            self.fail("The other end was closed", errors.EEBADF)

    def _input_lost(self) -> None:
        super()._input_lost()
        if self._child is None:
            self.fail("The other end was closed", errors.EEBADF)

    # ------------------------------------------------------------------------------------- a command's

    def _chooses_command(self) -> bool:
        return bool(self._selector) or self.get_option(options.EXTERNAL_COMMAND) is not None

    def option_set(self, number: int, value: Value) -> None:
        if number == options.EXTERNAL_COMMAND and not self.works():
            self.become(UNBOUND)

    def connect(self, where: str, read: Callback | None, write: Callback | None) -> int:
        """Start a command, as long as the pair was not used without one."""
        if self.state is DATA_XFER and not self.works() and (where or self._chooses_command()):
            self.state = UNBOUND
        return super().connect(where, read, write)

    def is_bound(self) -> bool:
        return super().is_bound() or self.works()

    def works(self) -> bool:
        return self._is_used or self._far is None

    def may_wake(self) -> bool:
        return self._far is None and self.state is not CLOSED

    def open_ends(self, theirs: list[int]) -> Ends:
        assert self._far is not None
        far = self._far.fileno()
        return Ends(far, far, self._stderr(theirs))

    def start(self, name: str, command: Command) -> int:
        code = super().start(name, command)
        if code == errors.EESUCCESS and self._far is not None:
            self._far.close()
            self._far = None
            self.update_liveness()
        return code

    # ----------------------------------------------------------------------------------------- the end

    @property
    def system_fd(self) -> int:
        return self._near.fileno()

    def close_input(self) -> None:
        try:
            self._near.shutdown(socket.SHUT_WR)
        except OSError:  # the other side has gone
            pass

    def close_ends(self) -> None:
        """After a failed start the pair itself stays, for another try."""
        for inlet in self._inlets[1:]:
            inlet.stop()
        del self._inlets[1:]
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()

    def flushes(self) -> bool:
        """Whether somebody may still read what waits to be written."""
        return self._child is None and self._far is None

    def shut(self, *, flush: bool) -> bool:
        for inlet in self._inlets:
            inlet.stop()
        if flush and self._outlet is not None and self._outlet.size and self.flushes():
            self._outlet.linger()
            return False
        if self._outlet is not None:
            self._outlet.stop()
        self._near.close()
        if self._far is not None:
            self._far.close()
            self._far = None
        return super().shut(flush=flush)


class Started(Pair):
    """What external_start() makes: to LPC a connected socket of mode STREAM. As in FluffOS its close callback
    gets the descriptor only, and comes when the command closes its end; socket_close() leaves the command
    alone, with nobody to read or write. It stays the driver's child."""

    __slots__ = ()

    binds_to_name = False
    gives_reason = False
    defers_errors = False
    connect_verb = "connect"

    @property
    def high_water(self) -> int:
        return 0

    def accept(self, owner: LPCObject) -> Socket | int:
        """Nothing waits here."""
        return errors.EENOTLISTN

    def encode(self, message: Value) -> bytes | int:
        from efuns.sockets.tcp import stream_bytes  # not before such a socket is written to

        return stream_bytes(message)

    def flushes(self) -> bool:
        return True

    def leave(self, child: Child) -> None:
        driver = self.table.driver
        driver.keep_alive(child)
        child.tell(driver.let_go)

    def _put(self, outlet: Outlet, data: bytes) -> int:
        code = super()._put(outlet, data)
        if code == errors.EESEND:
            self.fail(self.last_error, code)
        return code

    def _output_over(self, inlet: Inlet) -> None:
        Process._output_over(self, inlet)
        self.fail("The other end was closed", errors.EEBADF)


def _own(value: Value) -> Value:
    """A value as the options keep it: what was checked LPC shall not change afterwards."""
    return value.copy() if isinstance(value, list) else Mapping(value) if isinstance(value, Mapping) else value


def is_argument(text: str) -> bool:
    """Whether the operating system can pass a string on."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return "\0" not in text
