"""websocket_broadcast(): one message for many WebSockets, its frame made once."""

from __future__ import annotations

from typing import Final

from efuns.sockets import errors
from efuns.sockets.efuns import writable_socket
from efuns.sockets.modes import Modes
from efuns.sockets.table import SocketTable
from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.show import show_short
from lpc.runtime.values import Buffer, Value

_WEBSOCKET_SERVER: Final = 30


@efun("int *websocket_broadcast(int *fds, string | buffer message)")
def websocket_broadcast(this: LPCObject, fds: list[Value], message: str | Buffer) -> list[Value]:
    """Send a text or binary message to many WebSockets of modes 30 to 33 and 36; for each of them what
    socket_write() would have answered, in the same order.

    A connection that is behind (EECALLBACK, EEALREADY) holds up no other. This is an efun of ours: FluffOS has no
    such thing.

        websocket_broadcast(keys(users), "The gates open.");
    """
    for fd in fds:
        if not isinstance(fd, int):
            raise BadArgument(f"Bad argument 1 to websocket_broadcast()\nExpected: int * Got: {show_short(fd)} in it.")
    mode = this.driver.state(Modes).find(_WEBSOCKET_SERVER)
    obstacle = mode.obstacle() if mode is not None else ""
    if obstacle:
        raise LPCError(f"websocket_broadcast: {obstacle}\n")
    from efuns.sockets.websocket.socket import Prepared, WebSocket  # an optional extra

    prepared = Prepared(message)
    table = this.driver.state(SocketTable)
    codes: list[Value] = []
    for fd in fds:
        found = table.find(fd)
        if found is not None and found.is_open and not isinstance(found, WebSocket):
            codes.append(errors.EEMODENOTSUPP)
            continue
        socket = writable_socket(this, fd)
        codes.append(socket if isinstance(socket, int) else socket.write(prepared, None))
    return codes
