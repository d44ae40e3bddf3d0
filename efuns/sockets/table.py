"""The descriptors of one driver.

A descriptor is an index into a table that never shrinks; the lowest closed slot is used again at once.
The slot holds the Socket itself and a closed socket is CLOSED for ever, so a late close or event of an old
socket cannot touch the one that has its number now: the object is its own generation.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from efuns.sockets.base import Socket
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject


_MOST_SAID = 1000
_GLANCE = 0.02  # seconds between looks at what is still to leave when the driver ends
_GLANCES = 50  # without progress, and the rest is given up


class Corked(Protocol):
    """A socket that keeps what is written until the end of the loop's turn."""

    def uncork(self) -> None:
        """Send it."""


class SocketTable:
    """One per driver: `driver.state(SocketTable)`."""

    def __init__(self, driver: Host) -> None:
        self.driver = driver
        self.enter = driver.enter
        self._slots: list[Socket | None] = []
        self._closed: list[int] = []  # a heap of free indices
        self._owned: dict[LPCObject, set[Socket]] = {}
        self.scratch = bytearray(4)  # for an int the kernel answers
        self._said: set[str] = set()
        self._at_turn: list[Corked] = []
        driver.on_destruct(self.close_sockets_of)

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[Socket | None]:
        """Slots in order; None is a closed one."""
        return iter(self._slots)

    def log_once(self, text: str) -> None:
        """A line for the log, the first time it is said."""
        if text not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(text)
            self.driver.log(text)

    def at_turn(self, socket: Corked) -> None:
        """Call the socket's uncork() at the end of this turn of the loop."""
        if not self._at_turn:
            self.driver.loop.call_soon(self._turn)
        self._at_turn.append(socket)

    def _turn(self) -> None:
        sockets, self._at_turn = self._at_turn, []
        for socket in sockets:
            socket.uncork()

    def has(self, fd: int) -> bool:
        """Whether the descriptor exists or ever existed (else EEFDRANGE)."""
        return 0 <= fd < len(self._slots)

    def find(self, fd: int) -> Socket | None:
        """The socket in a slot, flushing ones too; None where it is closed or out of range."""
        return self._slots[fd] if 0 <= fd < len(self._slots) else None

    @property
    def is_full(self) -> bool:
        """Whether the driver's limit is reached."""
        used: int = len(self._slots) - len(self._closed)
        return bool(used >= self.driver.limits.sockets)

    def add(self, socket: Socket) -> int:
        """Give a socket the lowest free descriptor."""
        if self._closed:
            fd = heapq.heappop(self._closed)
            self._slots[fd] = socket
        else:
            fd = len(self._slots)
            self._slots.append(socket)
        socket.fd = fd
        self._owned.setdefault(socket.owner, set()).add(socket)
        return fd

    def free(self, socket: Socket) -> None:
        """Take a closed socket out of its slot, if the slot is still its own."""
        assert not socket.is_open
        if self.find(socket.fd) is socket:
            self._slots[socket.fd] = None
            heapq.heappush(self._closed, socket.fd)
            self._disown(socket)

    def give(self, socket: Socket, owner: LPCObject) -> None:
        """A new owner."""
        self._disown(socket)
        socket.owner = owner
        self._owned.setdefault(owner, set()).add(socket)

    def close_sockets_of(self, owner: LPCObject) -> None:
        """The owner is destructed: its sockets close without callbacks."""
        for socket in list(self._owned.get(owner, ())):
            if socket.is_open:
                socket.orphaned()

    async def drain(self) -> None:
        """The driver is about to end: what was written still leaves, while somebody takes some of it."""
        import asyncio  # only now: programs without a loop end faster without it

        for socket in tuple(self._slots):
            if socket is not None:
                socket.retire()
        unsent, glances = self._unsent(), 0
        while unsent and glances < _GLANCES:
            await asyncio.sleep(_GLANCE)
            left = self._unsent()
            glances = 0 if left < unsent else glances + 1
            unsent = left

    def _unsent(self) -> int:
        return sum(socket.unsent for socket in self._slots if socket is not None)

    def close(self) -> None:
        """The driver ends."""
        for socket in self._slots:
            if socket is not None:
                socket.abort()

    def _disown(self, socket: Socket) -> None:
        sockets = self._owned.get(socket.owner)
        if sockets is not None:
            sockets.discard(socket)
            if not sockets:
                del self._owned[socket.owner]
