"""A whole socket mode in another package: what is written comes back in capitals on the next turn of the loop.

The folder is a `sys.path` entry as pip would leave it: the module, and beside it the metadata whose
entry_points.txt names `MODE` in the group `pylpc.socket_modes`.
"""

from __future__ import annotations

from efuns.sockets import errors
from efuns.sockets.base import CLOSED, DATA_XFER, Socket
from efuns.sockets.modes import Mode
from lpc.runtime.values import Value


class Shout(Socket):
    """Usable from its creation, as an eventfd is."""

    __slots__ = ("_waiting",)

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self._waiting = 0
        self.become(DATA_XFER)

    def may_wake(self) -> bool:
        return self._waiting > 0 and self.state is not CLOSED

    def send(self, message: Value) -> int:
        if not isinstance(message, str):
            return errors.EETYPENOTSUPP
        self._waiting += 1
        self.update_liveness()
        self.table.driver.loop.call_soon(self._answer, message)
        return errors.EESUCCESS

    def _answer(self, text: str) -> None:
        self._waiting -= 1
        self.update_liveness()
        if text == "fail":
            self.fail("You asked for it", errors.EESEND)
        else:
            self.deliver(text.upper())


MODE = Mode(90, "SHOUT", "SHOUT", "what is written comes back in capitals", factory="pylpc_shout:Shout")
