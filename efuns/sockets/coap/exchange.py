"""The message layer of CoAP (RFC 7252 4): message ids, retransmission, duplicates, and what a stranger may cost.

Rules:
- To one address one confirmable message at a time is on its way (NSTART 1); others wait, in order.
- A message is sent `1 + retransmits` times, its patience doubling each time, then it is given up.
- Everything is bounded: remembered messages (count and bytes), answers repeated to duplicates (REPEATS each),
  and what an address may be sent beyond what it has sent itself (`Allowance`), since addresses of datagrams
  can be forged.
"""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, TimerHandle

ACK_TIMEOUT: Final = 2.0
RETRANSMITS: Final = 4
LIFETIME: Final = 247.0  # EXCHANGE_LIFETIME, RFC 7252 4.8.2
REPEATS: Final = 4
_REMEMBERED: Final = 4096
_REMEMBERED_BYTES: Final = 2 << 20
_SPREAD: Final = 1.5  # ACK_RANDOM_FACTOR

TIMED_OUT: Final = "timed out: nobody acknowledged the message"
RESET: Final = "reset: the other end does not want the message"


class Transmission:
    """A confirmable message until it is acknowledged. `done` is called once: with "" then, else with why not."""

    __slots__ = ("remote", "mid", "packet", "done", "tries", "wait", "timer")

    def __init__(self, remote: str, mid: int, packet: bytes, done: Callable[[str], None]) -> None:
        self.remote = remote
        self.mid = mid
        self.packet = packet
        self.done = done
        self.tries = 0
        self.wait = 0.0
        self.timer: TimerHandle | None = None


class _Remembered:
    __slots__ = ("until", "answer", "repeats")

    def __init__(self, until: float) -> None:
        self.until = until
        self.answer = b""
        self.repeats = 0


class MessageLayer:
    """The exchanges of one socket. Remotes are addresses as LPC writes them; `send(remote, packet)` sends."""

    def __init__(self, loop: AbstractEventLoop, send: Callable[[str, bytes], None]) -> None:
        self.ack_timeout = ACK_TIMEOUT
        self.retransmits = RETRANSMITS
        self.queued = 0  # bytes of messages that wait for their turn
        self._loop = loop
        self._send = send
        self._mid = 0
        self._secret = secrets.token_bytes(16)
        self._busy: dict[str, Transmission] = {}
        self._waiting: dict[str, deque[Transmission]] = {}
        self._seen: OrderedDict[tuple[str, int], _Remembered] = OrderedDict()
        self._seen_bytes = 0

    # ----------------------------------------------------------------------------------------- sending

    def next_mid(self, remote: str) -> int:
        """A message id that was not used for long, and that only the address can know."""
        self._mid += 1
        offset = int.from_bytes(blake2b(remote.encode(), digest_size=2, key=self._secret).digest(), "big")
        return offset + self._mid & 0xFFFF

    @property
    def is_busy(self) -> bool:
        """Whether anything waits for an acknowledgement."""
        return bool(self._busy)

    def confirm(self, remote: str, mid: int, packet: bytes, done: Callable[[str], None]) -> Transmission:
        """Send a confirmable message, now or when the address has acknowledged the ones before it."""
        made = Transmission(remote, mid, packet, done)
        if remote in self._busy:
            self._waiting.setdefault(remote, deque()).append(made)
            self.queued += len(packet)
        else:
            self._begin(made)
        return made

    def cancel(self, transmission: Transmission) -> None:
        """Stop a transmission, silently."""
        if self._busy.get(transmission.remote) is transmission:
            self._finish(transmission)
            return
        waiting = self._waiting.get(transmission.remote)
        if waiting is not None and transmission in waiting:
            waiting.remove(transmission)
            self.queued -= len(transmission.packet)
            if not waiting:
                del self._waiting[transmission.remote]

    def acknowledged(self, remote: str, mid: int, *, reason: str = "") -> bool:
        """An acknowledgement (or with a reason: a reset) has arrived: whether it was waited for."""
        found = self._busy.get(remote)
        if found is None or found.mid != mid:
            return False
        self._finish(found)
        found.done(reason)
        return True

    def _begin(self, transmission: Transmission) -> None:
        self._busy[transmission.remote] = transmission
        transmission.wait = self.ack_timeout * random.uniform(1, _SPREAD)  # noqa: S311 - it only has to differ
        self._attempt(transmission)

    def _attempt(self, transmission: Transmission) -> None:
        if transmission.tries > self.retransmits:
            self._finish(transmission)
            transmission.done(TIMED_OUT)
            return
        transmission.tries += 1
        transmission.timer = self._loop.call_later(transmission.wait, self._attempt, transmission)
        transmission.wait *= 2
        self._send(transmission.remote, transmission.packet)

    def _finish(self, transmission: Transmission) -> None:
        if transmission.timer is not None:
            transmission.timer.cancel()
        del self._busy[transmission.remote]
        waiting = self._waiting.get(transmission.remote)
        if waiting is not None:
            following = waiting.popleft()
            self.queued -= len(following.packet)
            if not waiting:
                del self._waiting[transmission.remote]
            self._begin(following)

    # --------------------------------------------------------------------------------------- receiving

    def is_duplicate(self, remote: str, mid: int) -> bool:
        """Whether a message was here before; if so its answer goes out again, within reason."""
        found = self._seen.get((remote, mid))
        now = self._loop.time()
        if found is None or found.until < now:
            self._forget_old(now)
            self._drop((remote, mid))
            self._seen[remote, mid] = _Remembered(now + LIFETIME)
            return False
        if found.answer and found.repeats < REPEATS:
            found.repeats += 1
            self._send(remote, found.answer)
        return True

    def answer(self, remote: str, mid: int, packet: bytes) -> None:
        """Send what answers a message, again for each duplicate of it."""
        found = self._seen.get((remote, mid))
        if found is not None:
            self._seen_bytes += len(packet) - len(found.answer)
            found.answer = packet
        self._send(remote, packet)

    def _forget_old(self, now: float) -> None:
        seen = self._seen
        while seen:
            oldest, entry = next(iter(seen.items()))
            if entry.until >= now and len(seen) < _REMEMBERED and self._seen_bytes < _REMEMBERED_BYTES:
                return
            self._drop(oldest)

    def _drop(self, key: tuple[str, int]) -> None:
        entry = self._seen.pop(key, None)
        if entry is not None:
            self._seen_bytes -= len(entry.answer)

    def close(self) -> None:
        """Stop everything, silently."""
        self._waiting.clear()
        self.queued = 0
        for transmission in self._busy.values():
            if transmission.timer is not None:
                transmission.timer.cancel()
        self._busy.clear()
        self._seen.clear()
        self._seen_bytes = 0


class Allowance:
    """What may be sent to hosts that have not shown that they are where they say (RFC 7252 11.3, RFC 9175 2.4):
    FACTOR times what they have sent, and BURST bytes, which grow again with time. One that sends back an Echo
    it was given has shown it."""

    FACTOR: Final = 3
    BURST: Final = 64 << 10
    PER_SECOND: Final = 16 << 10
    _HOSTS: Final = 4096

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # host -> bytes left, at this time
        self._proven: OrderedDict[str, None] = OrderedDict()
        self._secret = secrets.token_bytes(16)

    def received(self, host: str, size: int) -> bool:
        """A host has sent something: whether it may be answered at length."""
        if host in self._proven:
            return True
        left = self._remaining(host) + self.FACTOR * size
        self._keep(host, left)
        return left > 0

    def sent(self, host: str, size: int) -> None:
        """Something was sent to a host."""
        if host not in self._proven:
            self._keep(host, self._remaining(host) - size)

    def prove(self, host: str) -> None:
        """The host has answered what only it can have read."""
        self._left.pop(host, None)
        self._proven[host] = None
        self._proven.move_to_end(host)
        if len(self._proven) > self._HOSTS:
            self._proven.popitem(last=False)

    def echo(self, host: str) -> bytes:
        """What a host has to send back."""
        return blake2b(host.encode(), digest_size=8, key=self._secret).digest()

    def _remaining(self, host: str) -> float:
        left, since = self._left.get(host, (float(self.BURST), 0.0))
        return min(left + (self._now() - since) * self.PER_SECOND, self.BURST)

    def _keep(self, host: str, left: float) -> None:
        self._left[host] = left, self._now()
        self._left.move_to_end(host)
        if len(self._left) > self._HOSTS:
            self._left.popitem(last=False)
