"""A session with a broker that may outlive its connections: looking it up, connecting, falling back, coming back.

`ClientSession` is what modes 37 and the bridge of 38 are made of. It tells its `SessionUser`

    session_up(is_present)                          the broker has accepted us (is_present: it knew us)
    session_message(message)                        a message, as paho has it
    session_room()                                  there is room again for what is to be sent
    session_published(packet_id, topic, code, why)  the broker confirmed (or refused, code >= 128) a message
    session_subscribed(packet_id, subscriptions, codes), session_unsubscribed(packet_id, filters)
    session_down(reason, code)                      the connection is gone; the next try comes by itself
    session_over(reason, code)                      the end

Rules:
- MQTT 5 is spoken first. A broker that refuses it, or hangs up at the first word, is asked again in 3.1.1.
- With `retry` (seconds) a lost connection is made again, at once and then after pauses that double up to
  that. A broker that refuses for good (bad password, not authorized) ends the session.
- What is in flight is sent again by the engine. Filters are subscribed again where the broker forgot them.
- Nothing is taken while there is no connection: whoever writes is told to wait.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final, Protocol

from efuns.sockets import errors
from efuns.sockets.mqtt.engine import V5, V311, Abilities, Engine, Settings
from efuns.sockets.mqtt.link import Link, Lookup, Target, link_for
from efuns.sockets.mqtt.message import Publish, Subscription
from efuns.sockets.tls import explain

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from efuns.sockets.base import Socket

CONNECT_SECONDS: Final = 30.0
FIRST_PAUSE: Final = 0.2
SUBSCRIPTIONS: Final = 10_000  # that are remembered, to be made again
_UNSUPPORTED: Final = frozenset({1, 0x84})
#: refusals that another try may change: server unavailable, busy, quota, rate, and what is said of a lost session
_PASSING: Final = frozenset({3, 0x80, 0x83, 0x88, 0x89, 0x97, 0x9F})


class SessionUser(Protocol):
    """Whom a session serves; see the module."""

    def session_up(self, is_present: bool) -> None: ...
    def session_message(self, message: Any) -> None: ...
    def session_room(self) -> None: ...
    def session_published(self, packet_id: int, topic: str, code: int, why: str) -> None: ...
    def session_subscribed(self, packet_id: int, wanted: tuple[Subscription, ...], codes: list[int]) -> None: ...
    def session_unsubscribed(self, packet_id: int, filters: tuple[str, ...]) -> None: ...
    def session_down(self, reason: str, code: int) -> None: ...
    def session_over(self, reason: str, code: int) -> None: ...


class ClientSession:
    """One session; see the module."""

    def __init__(self, socket: Socket, user: SessionUser, target: Target, settings: Settings, *, version: int = 0,
                 retry: float = 0.0, seconds: float = CONNECT_SECONDS, persists: bool = False) -> None:
        self._socket = socket
        self._user = user
        self.target = target
        self.settings = settings
        self.version = version or V5
        self._may_fall_back = version == 0
        self._retry = retry
        self._seconds = seconds
        self._persists = persists  # the first connection is tried for again too
        self._loop = socket.table.driver.loop
        self.abilities = Abilities()
        self.is_up = False
        self._was_up = False
        self._is_over = False
        self._pause = 0.0
        self._lookup: Lookup | None = None
        self._link: Link | None = None
        self._engine: Engine | None = None
        self._timer: TimerHandle | None = None  # of connecting, of a pause, or of the next tick
        self._heard = 0.0
        self._subscribed: dict[str, Subscription] = {}
        self._asked: dict[int, tuple[Subscription, ...]] = {}
        self._asked_off: dict[int, tuple[str, ...]] = {}

    # ------------------------------------------------------------------------------------- connecting

    def start(self) -> None:
        """Begin to connect. Nothing is told before the next turn of the loop."""
        self._timer = self._loop.call_later(self._seconds, self._too_slow)
        self._lookup = Lookup(self._socket, self.target, self._found, self._failed)

    def _found(self, address: str) -> None:
        self._lookup = None
        if self._socket.table.enter(self._open, address) is None:  # the master, asked about files, failed
            self._failed("Cannot connect", errors.EECONNECT)

    def _open(self, address: str) -> int:
        try:
            link = link_for(self._socket, self.target, self)
        except OSError as error:
            self._failed(explain(error), errors.code_for(error, otherwise=errors.EECONNECT))
            return 0
        code = link.open(address, self.target.host, self.target.port)
        if self._is_over:
            link.drop()
        elif code < 0:
            reason = link.last_error or errors.text_of(code)
            link.drop()
            self._failed(reason, code)
        else:
            self._link = link
        return 1

    def link_up(self) -> None:
        """The connection is made: say CONNECT."""
        if self._engine is None:
            self._engine = Engine(self, self.settings, self.version, self._loop, self._transmit)
        self._heard = self._loop.time()
        self._engine.start()

    def engine_accepted(self, session_present: bool, abilities: Abilities) -> None:
        """The broker has taken us."""
        self._stop_timer()
        self.abilities = abilities
        self.is_up = self._was_up = True
        self._may_fall_back = False
        self._pause = 0.0
        self._timer = self._loop.call_later(1.0, self._tick)
        self._subscribe_again(is_present=session_present)
        self._user.session_up(session_present)

    def _too_slow(self) -> None:
        self._timer = None
        if self._link is not None and self._engine is not None:
            self._lost("The broker does not answer", errors.EECONNECT)
        else:
            self._lost(f"Timeout while connecting to {self.target.host}", errors.EECONNECT)

    def _failed(self, reason: str, code: int) -> None:
        self._lost(reason, code)

    def link_lost(self, reason: str, code: int) -> None:
        """The connection has ended."""
        self._link = None
        if not self.is_up and self._engine is not None and self._falls_back():
            return
        self._lost(reason, code)

    def engine_refused(self, reason: str, code: int) -> None:
        """The broker does not want us."""
        if code in _UNSUPPORTED and self._falls_back():
            return
        self._lost(reason, code, is_final=code > 0 and code not in _PASSING)

    def engine_ended(self, reason: str, code: int) -> None:
        """The broker ended the connection, or has to be left."""
        self._lost(reason, code, is_final=code == _TAKEN_OVER)

    def _falls_back(self) -> bool:
        """Whether the broker is asked again in 3.1.1."""
        if not self._may_fall_back:
            return False
        self._may_fall_back = False
        self.version = V311
        self._drop()
        self.start()
        return True

    def _lost(self, reason: str, code: int, *, is_final: bool = False) -> None:
        if self._is_over:
            return
        was_up, self.is_up = self.is_up, False
        self._drop()
        if is_final or not self._retry or not (self._was_up or self._persists):
            self._is_over = True
            self._user.session_over(reason, code)
            return
        pause = self._pause * random.uniform(0.75, 1.0)
        self._timer = self._loop.call_later(pause, self.start)
        self._pause = min(max(self._pause * 2, FIRST_PAUSE), self._retry)
        if was_up or self._persists:
            self._user.session_down(reason, code)

    def _drop(self) -> None:
        """Let go of connection and timer."""
        self._stop_timer()
        if self._lookup is not None:
            self._lookup.cancel()
            self._lookup = None
        if self._engine is not None:
            self._engine.lost()
            if self._engine.version != self.version:
                self._engine = None
        link, self._link = self._link, None
        if link is not None:
            link.drop()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --------------------------------------------------------------------------------------- transfer

    def link_received(self, data: bytes) -> None:
        """Bytes from the broker."""
        self._heard = self._loop.time()
        if self._engine is not None:
            self._engine.received(data)

    def link_drained(self) -> None:
        """The connection takes more."""
        self._tell_of_room()

    def engine_message(self, message: Any) -> None:
        """A message has arrived."""
        self._user.session_message(message)

    def engine_published(self, packet_id: int, topic: str, code: int, reason: str) -> None:
        """The broker has confirmed a message."""
        self._user.session_published(packet_id, topic, code, reason)
        self._tell_of_room()

    def _tell_of_room(self) -> None:
        if self.is_up and not self.is_full and self.in_flight <= self.window // 2:
            self._user.session_room()

    @property
    def window(self) -> int:
        """Messages of QoS 1 and 2 that may be in flight."""
        return self._engine.window if self._engine is not None else self.settings.window

    @property
    def in_flight(self) -> int:
        """Messages of QoS 1 and 2 the broker has not confirmed."""
        return self._engine.in_flight if self._engine is not None else 0

    @property
    def queued(self) -> int:
        """Bytes that wait to be sent."""
        link = self._link.queued if self._link is not None else 0
        return link + (self._engine.unsent if self._engine is not None else 0)

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be sent now."""
        return not self.is_up or self.in_flight >= self.window or self.queued > self._socket.high_water

    def publish(self, message: Publish) -> bool:
        """Send a message; False if it cannot be, now."""
        return self._engine is not None and self.is_up and self._engine.send_message(message)

    def subscribe(self, wanted: tuple[Subscription, ...]) -> None:
        """Subscribe, and keep it up over further connections."""
        for one in wanted:
            self._subscribed[one.filter] = one
        self._ask(wanted)

    @property
    def subscriptions(self) -> int:
        """How many filters are subscribed to."""
        return len(self._subscribed)

    def _ask(self, wanted: tuple[Subscription, ...]) -> None:
        assert self._engine is not None
        self._asked[self._engine.send_subscriptions(wanted)] = wanted

    def unsubscribe(self, filters: tuple[str, ...]) -> None:
        """Unsubscribe."""
        for one in filters:
            self._subscribed.pop(one, None)
        self._ask_off(filters)

    def _ask_off(self, filters: tuple[str, ...]) -> None:
        assert self._engine is not None
        self._asked_off[self._engine.send_unsubscribe(filters)] = filters

    def _subscribe_again(self, *, is_present: bool) -> None:
        """After a connection was lost: what was not answered, or, of a broker that forgot us, everything."""
        off = [one for filters in self._asked_off.values() for one in filters if one not in self._subscribed]
        self._asked_off.clear()
        if is_present and off:
            self._ask_off(tuple(off))
        unanswered = [one for wanted in self._asked.values() for one in wanted]
        self._asked.clear()
        again = unanswered if is_present else list(self._subscribed.values())
        groups: dict[int, list[Subscription]] = {}
        for one in again:
            if self._subscribed.get(one.filter) == one:
                groups.setdefault(one.identifier, []).append(one)
        for group in groups.values():
            self._ask(tuple(group))

    def engine_subscribed(self, packet_id: int, codes: list[int]) -> None:
        """The broker has answered a subscription."""
        wanted = self._asked.pop(packet_id, None)
        if wanted is None:
            return
        for one, code in zip(wanted, codes):
            if code >= 0x80 and self._subscribed.get(one.filter) == one:
                del self._subscribed[one.filter]
        self._user.session_subscribed(packet_id, wanted, codes)

    def engine_unsubscribed(self, packet_id: int, codes: list[int]) -> None:
        """The broker has answered the end of a subscription."""
        filters = self._asked_off.pop(packet_id, None)
        if filters is not None:
            self._user.session_unsubscribed(packet_id, filters)

    def _transmit(self, data: bytes) -> None:
        if self._link is not None and self._link.runs:
            self._link.transmit(data)
            if len(data) > self._socket.high_water:  # which made us full; the kernel may have taken it all at once
                self._loop.call_soon(self._tell_of_room)

    def _tick(self) -> None:
        self._timer = self._loop.call_later(1.0, self._tick)
        engine = self._engine
        if engine is None:
            return
        engine.tick()
        if self.is_up and engine.keep_alive and self._loop.time() - self._heard > 1.5 * engine.keep_alive:
            self._lost("The broker does not answer any more (keep-alive)", _KEEP_ALIVE)

    # ---------------------------------------------------------------------------------------- the end

    def leave(self, *, ends_session: bool) -> None:
        """Say goodbye; nothing more is told."""
        self._is_over = True
        if self._engine is not None and self.is_up:
            self._engine.leave(ends_session=ends_session)
        link, self._link = self._link, None
        if link is not None and self.is_up:
            link.leave()
        elif link is not None:
            link.drop()
        self.is_up = False
        self._drop()

    def abandon(self) -> None:
        """End without a word."""
        self._is_over = True
        self.is_up = False
        self._drop()

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        """This end and the broker's."""
        return self._link.addresses() if self._link is not None else (None, None)

    @property
    def system_fd(self) -> int:
        """The descriptor of the operating system, -1 for none."""
        return self._link.system_fd if self._link is not None else -1


_TAKEN_OVER: Final = 0x8E
_KEEP_ALIVE: Final = 0x8D
