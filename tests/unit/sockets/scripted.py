"""A mode without a wire: the test plays the peer. It shows what a protocol file has to bring."""

from __future__ import annotations

from efuns.sockets import errors
from efuns.sockets.base import BOUND, DATA_XFER, HANDSHAKE, Socket
from efuns.sockets.modes import Mode
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Value


class Scripted(Socket):
    """A stream; `queue` is what the wire has not taken, `pending` the connections waiting."""

    __slots__ = ("queue", "pending", "is_shut", "accepts_connect", "forbidden")

    can_listen = can_accept = can_connect = True

    def __init__(self, table: object, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)  # type: ignore[arg-type]
        self.queue: list[str] = []
        self.pending = 0
        self.is_shut = False
        self.accepts_connect = errors.EESUCCESS
        self.forbidden: str | None = None

    def start_bind(self, where: int | str, address: str | None) -> int:
        if where == 666:
            return self.problem(errors.EEADDRINUSE, "taken")
        self.become(BOUND)
        return errors.EESUCCESS

    def start_listen(self, callback: object) -> int:
        return errors.EESUCCESS

    def take_connection(self, owner: LPCObject) -> Socket | int:
        if not self.pending:
            return errors.EEWOULDBLOCK
        self.pending -= 1
        made = type(self)(self.table, self.mode, owner)
        made.become(DATA_XFER)
        return made

    def start_connect(self, where: str) -> int:
        if self.accepts_connect == errors.EESUCCESS:
            self.become(HANDSHAKE)
        return self.accepts_connect

    def send(self, message: Value) -> int:
        if not isinstance(message, str):
            return errors.EETYPENOTSUPP
        if message == "no room":
            return self.refused()
        self.queue.append(message)
        return self.taken(sum(map(len, self.queue)))

    def shut(self, *, flush: bool) -> bool:
        if flush and self.queue:
            return False
        self.is_shut = True
        return True

    def permits(self, operation: str, host: str, port: int) -> str | None:
        return self.forbidden

    def flush(self) -> None:
        """The wire takes everything."""
        self.queue.clear()
        self.drained()


class Deferring(Scripted):
    """As modes 40 to 44: ignored set-up failures come back as callbacks."""

    __slots__ = ()
    defers_errors = True


class Mainline(Scripted):
    """As modes 0 to 6: the close callback gets the descriptor only."""

    __slots__ = ()
    gives_reason = False


STREAM = Mode(90, "SCRIPTED", "TEST", "a test", factory="tests.unit.sockets.scripted:Scripted", options=(1, 2, 143))
DEFERRING = Mode(91, "DEFERRING", "TEST", "a test", factory="tests.unit.sockets.scripted:Deferring")
MAINLINE = Mode(92, "MAINLINE", "TEST", "a test", factory="tests.unit.sockets.scripted:Mainline")
WANTING = Mode(93, "WANTING", "TEST", "a test", factory="nowhere:No", needs=("no_such_library",))
ELSEWHERE = Mode(94, "ELSEWHERE", "TEST", "a test", factory="nowhere:No", platform="plan9")
OUTSIDE = Mode(12, "OUTSIDE", "TEST", "a number plugins may not have", factory="nowhere:No")
ALL = (STREAM, DEFERRING, MAINLINE, WANTING, ELSEWHERE, OUTSIDE)
