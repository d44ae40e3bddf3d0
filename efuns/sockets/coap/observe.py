"""Observers of a CoAP server (RFC 7641).

An observer is an address and a token that want to hear of a path. Rules:
- Notifications are confirmable unless LPC says otherwise; of the others, one in EVERY is, and one that follows a
  pause of QUIET seconds. An observer that does not acknowledge, or resets, is gone.
- While one confirmable notification is on its way, newer ones replace each other (4.5.2).
- A socket has `most` observers, an address BY_HOST of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from aiocoap.numbers.types import Type

from efuns.sockets.coap.exchange import RESET, MessageLayer, Transmission

if TYPE_CHECKING:
    from aiocoap.message import Message

MOST: Final = 1000
BY_HOST: Final = 200
EVERY: Final = 20
QUIET: Final = 60.0


class Observer:
    """One of them. `request` is what registered it."""

    __slots__ = ("remote", "token", "path", "request", "sequence", "on_its_way", "pending", "last_mid", "unproven",
                 "proven_at")

    def __init__(self, remote: str, token: bytes, path: str, request: Message) -> None:
        self.remote = remote
        self.token = token
        self.path = path
        self.request = request
        self.sequence = 1
        self.on_its_way: Transmission | None = None
        self.pending: tuple[Message, bool] | None = None
        self.last_mid = -1  # of the last notification that is not confirmable
        self.unproven = 0
        self.proven_at = 0.0


class Observers:
    """The observers of one socket; `lost(observer, reason)` is told of each that is gone by itself."""

    def __init__(self, layer: MessageLayer, send: Callable[[str, bytes], None], now: Callable[[], float],
                 lost: Callable[[Observer, str], None]) -> None:
        self.most = MOST
        self._layer = layer
        self._send = send
        self._now = now
        self._lost = lost
        self._all: dict[tuple[str, bytes], Observer] = {}
        self._paths: dict[str, dict[Observer, None]] = {}
        self._mids: dict[tuple[str, int], Observer] = {}
        self._hosts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._all)

    def find(self, remote: str, token: bytes) -> Observer | None:
        """The observer of an address with a token."""
        return self._all.get((remote, token))

    def of_path(self, path: str) -> list[Observer]:
        """Who observes a path."""
        return list(self._paths.get(path, ()))

    def all(self) -> list[Observer]:
        """Everybody."""
        return list(self._all.values())

    def add(self, remote: str, token: bytes, path: str, request: Message) -> Observer | None:
        """Register an observer, or again; None where there are too many."""
        former = self._all.get((remote, token))
        sequence = 1
        if former is not None:
            sequence = former.sequence + 1
            self.remove(former)
        host = _host_of(remote)
        if len(self._all) >= self.most or self._hosts[host] >= BY_HOST:
            return None
        made = Observer(remote, token, path, request)
        made.sequence = sequence
        made.proven_at = self._now()
        self._all[remote, token] = made
        self._paths.setdefault(path, {})[made] = None
        self._hosts[host] += 1
        return made

    def remove(self, observer: Observer) -> None:
        """Take an observer out; what is on its way to it is given up."""
        if self._all.pop((observer.remote, observer.token), None) is None:
            return
        there = self._paths[observer.path]
        del there[observer]
        if not there:
            del self._paths[observer.path]
        host = _host_of(observer.remote)
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]
        self._mids.pop((observer.remote, observer.last_mid), None)
        if observer.on_its_way is not None:
            self._layer.cancel(observer.on_its_way)
            observer.on_its_way = None
        observer.pending = None

    def notify(self, observer: Observer, message: Message, *, is_confirmable: bool) -> None:
        """Send a notification, or keep it until the one before has arrived."""
        if observer.on_its_way is not None:
            observer.pending = message, is_confirmable
            return
        observer.sequence = observer.sequence + 1 & 0xFF_FFFF
        if message.code.is_successful():
            message.opt.observe = observer.sequence
        now = self._now()
        is_confirmable = is_confirmable or observer.unproven >= EVERY or now - observer.proven_at > QUIET
        mid = self._layer.next_mid(observer.remote)
        message.token, message.mid, message.mtype = observer.token, mid, Type.CON if is_confirmable else Type.NON
        packet = message.encode()
        if is_confirmable:
            observer.on_its_way = self._layer.confirm(
                observer.remote, mid, packet, lambda reason: self._arrived(observer, reason))
        else:
            observer.unproven += 1
            self._mids.pop((observer.remote, observer.last_mid), None)
            observer.last_mid = mid
            self._mids[observer.remote, mid] = observer
            self._send(observer.remote, packet)

    def reset(self, remote: str, mid: int) -> None:
        """A reset has arrived that belongs to nothing on its way: perhaps to a notification."""
        observer = self._mids.get((remote, mid))
        if observer is not None:
            self.remove(observer)
            self._lost(observer, RESET)

    def clear(self) -> None:
        """Forget everybody."""
        for observer in self.all():
            self.remove(observer)

    def _arrived(self, observer: Observer, reason: str) -> None:
        observer.on_its_way = None
        if reason:
            self.remove(observer)
            self._lost(observer, reason)
            return
        observer.unproven = 0
        observer.proven_at = self._now()
        pending, observer.pending = observer.pending, None
        if pending is not None:
            self.notify(observer, pending[0], is_confirmable=pending[1])


def _host_of(remote: str) -> str:
    return remote.rpartition(" ")[0]
