"""The routers of one driver, by number: what rest_create_router() made, and those of listening REST sockets.

A router belongs to an object, which alone may use it, and goes with it. That of a socket is the socket's, under
its descriptor, and so belongs to whoever owns the socket; numbers of the others begin where no descriptor ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from efuns.sockets.rest.openapi import Documentation
from efuns.sockets.rest.router import Router
from efuns.sockets.table import SocketTable

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

MOST_ROUTERS: Final = 1000
_FIRST: Final = 1_000_001


class OwnedRouter:
    """A router and who made it."""

    __slots__ = ("owner", "router", "documentation")

    def __init__(self, owner: LPCObject) -> None:
        self.owner = owner
        self.router = Router()
        self.documentation: Documentation | None = None


class Routers:
    """The driver's state of the REST package."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._routers: dict[int, OwnedRouter] = {}
        self._next = _FIRST
        driver.on_destruct(self._forget)

    def create(self, owner: LPCObject) -> int:
        """The number of a new router; -1 where there are too many."""
        if len(self._routers) >= MOST_ROUTERS:
            return -1
        number = self._next
        self._next += 1
        self._routers[number] = OwnedRouter(owner)
        return number

    def find(self, who: LPCObject, number: int) -> OwnedRouter | None:
        """A router of an object; None where there is none, or it is somebody else's."""
        if number < _FIRST:
            return self._of_socket(who, number)
        owned = self._routers.get(number)
        return owned if owned is not None and owned.owner is who else None

    def _of_socket(self, who: LPCObject, fd: int) -> OwnedRouter | None:
        socket = self._driver.state(SocketTable).find(fd)
        if socket is None or socket.owner is not who:
            return None
        owned: OwnedRouter | None = getattr(socket, "owned_router", None)  # sockets of other modes have none
        return owned

    def _forget(self, ob: LPCObject) -> None:
        for number in [number for number, owned in self._routers.items() if owned.owner is ob]:
            del self._routers[number]
