"""One process of a server with many (`pylpc serve`), as its driver sees it.

Several processes run the same program and listen on the same ports; the kernel deals the connections out to
them (SO_REUSEPORT). The supervisor (lpc.tools.serve) is at the other end of a stream socket, on which a message
is a line of JSON:

    ["bind", family, type, host, port]   may we? It answers the errno, 0 for yes.
    ["ready"]                            the program has begun and waits for events
    ["bus"]                              LPC has asked where the bus is
    ["shutdown", status]                 LPC has ended the server
    ["idle"]                             nothing more can happen here

Where that socket ends the supervisor has died, and the worker ends too. Only what is bound by a worker shares
its port, and only with workers of the same server: Linux lets sockets of one user alone share a port, and the
supervisor lets nobody bind a port that somebody else listens on.
"""

from __future__ import annotations

import errno
import json
import os
import socket
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

_SECONDS: Final = 10.0  # the supervisor answers at once, unless the machine is stuck
_ANY: Final = frozenset({"0.0.0.0", "::"})


class Worker:
    """See the module. `number` counts from 0; `bus` is where the bus of the server is."""

    def __init__(self, number: int, count: int, channel: socket.socket, bus: str = "") -> None:
        self.number = number
        self.count = count
        self._channel = channel
        self._bus = bus
        self._is_bus_wanted = False
        self._is_ready = False
        self._bound: dict[tuple[int, str, int], socket.socket] = {}
        channel.settimeout(_SECONDS)

    def query_bus(self) -> str:
        """Where the bus is. The server's own broker starts when this is first asked for."""
        if not self._is_bus_wanted:
            self._is_bus_wanted = True
            self._send("bus")
        return self._bus

    def share(self, wire: socket.socket, sockaddr: tuple[Any, ...]) -> None:
        """Let a socket that is about to be bound share its port with the other workers. OSError where a stranger
        has the port, or this very process."""
        host, port = sockaddr[:2]
        if not port:
            return  # each worker gets a port of its own
        kind = int(wire.type)
        for (other_kind, other_host, other_port), other in self._bound.items():
            if (other is not wire and other.fileno() >= 0 and (other_kind, other_port) == (kind, port)
                    and (host == other_host or host in _ANY or other_host in _ANY)):
                raise _in_use()
        number = self._request("bind", int(wire.family), kind, host, port)
        if number:
            raise OSError(number, os.strerror(number))
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._bound[kind, host, port] = wire

    def ready(self, loop: asyncio.AbstractEventLoop, orphaned: Callable[[], object]) -> None:
        """The program has begun. From now on `orphaned` is called when the supervisor is gone."""
        self._is_ready = True
        self._send("ready")
        loop.add_reader(self._channel.fileno(), self._heard, loop, orphaned)

    def over(self, status: int | None) -> None:
        """The program has ended: by LPC's shutdown(status), or with None because nothing is left to wait for."""
        if self._is_ready:
            self._send(*(("idle",) if status is None else ("shutdown", status)))

    def _heard(self, loop: asyncio.AbstractEventLoop, orphaned: Callable[[], object]) -> None:
        """Nobody was asked anything, so this is the end."""
        loop.remove_reader(self._channel.fileno())
        orphaned()

    def _request(self, *words: str | int) -> int:
        self._send(*words)
        answer = b""
        try:
            while not answer.endswith(b"\n"):
                data = self._channel.recv(64)
                if not data:
                    return errno.EPIPE
                answer += data
        except OSError:
            self._channel.shutdown(socket.SHUT_RDWR)  # a late answer would be taken for that of the next question
            return errno.EPIPE
        return int(answer)

    def _send(self, *words: str | int) -> None:
        try:
            self._channel.sendall(json.dumps(words).encode() + b"\n")
        except OSError:
            return  # the supervisor is gone, and soon this process


def _in_use() -> OSError:
    return OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
