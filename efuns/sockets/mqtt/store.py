"""What an MQTT broker remembers: who subscribed to what, what is retained, what is on its way to whom.

No I/O: a `Session` writes to the connection it has by `Sink`, and whoever gets messages is a `Receiver`.

Rules:
- A client that matches several of its filters gets a message once, at the best of their QoS.
- QoS 1 and 2 wait in the session for a client that is absent or slow, at most `Caps.queued` of them and
  `Caps.bytes` over all sessions; QoS 0 does not wait. What does not fit is dropped, and counted.
- QoS 2 from a client is passed on at its PUBLISH; its packet number is remembered until PUBREL, so that a
  second PUBLISH is the same message.
- Expired messages are not delivered.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from efuns.sockets.mqtt.codec import PUBREL, encode_ack, encode_publish
from efuns.sockets.mqtt.message import Publish, Subscription
from efuns.sockets.mqtt.topics import Tree, split_share

_ROUTES: Final = 10_000  # topics whose receivers are remembered
_ROUTE_RECEIVERS: Final = 100_000  # receivers in all of those
_PACKET_IDS: Final = 65535


@dataclass(slots=True)
class Caps:
    """What a broker may use."""

    sessions: int = 10_000
    retained: int = 10_000
    queued: int = 1000
    bytes: int = 256 << 20  # of what waits for clients, and as much again of what is retained


class Delivery:
    """A message on its way to many: encoded once for each version."""

    __slots__ = ("message", "publisher", "expires", "is_retained", "_encoded", "size")

    def __init__(self, message: Publish, publisher: object, now: float, *, is_retained: bool = False) -> None:
        self.message = message
        self.publisher = publisher
        self.is_retained = is_retained  # sent because of a new subscription
        properties = message.properties
        lasts = properties.expiry if properties is not None else None
        self.expires = None if lasts is None else now + lasts
        self.size = len(message.payload) + len(message.topic) + 100
        self._encoded: dict[int, bytes] = {}

    def plain(self, version: int, retain: bool) -> bytes:
        """As a packet of QoS 0 without identifiers; only for what does not expire."""
        key = version | 256 if retain else version
        found = self._encoded.get(key)
        if found is None:
            found = self._encoded[key] = encode_publish(self.message, version, retain=retain)
        return found

    def current(self, now: float) -> Publish | None:
        """The message with what is left of its time; None when that is over."""
        if self.expires is None:
            return self.message
        left = int(self.expires - now)
        properties = self.message.properties
        if left < 0 or (left == 0 and now >= self.expires) or properties is None:
            return None
        return replace(self.message, properties=replace(properties, expiry=left))


class Receiver(Protocol):
    """Whoever subscribes: a session, the owner of the broker, a bridge."""

    def receive(self, delivery: Delivery, qos: int, retain: bool, identifiers: tuple[int, ...]) -> None: ...
    @property
    def is_present(self) -> bool: ...


@dataclass(slots=True)
class _Entry:
    """One subscription in the tree."""

    receiver: Receiver
    wanted: Subscription


class _Share:
    """A group of receivers that share a filter: each message goes to one of them."""

    def __init__(self) -> None:
        self.members: list[_Entry] = []
        self._next = 0

    def choose(self) -> _Entry:
        """The next in turn, one that is present if there is any."""
        count = len(self.members)
        for step in range(count):
            entry = self.members[(self._next + step) % count]
            if entry.receiver.is_present:
                self._next = (self._next + step + 1) % count
                return entry
        self._next = (self._next + 1) % count
        return self.members[self._next]


@dataclass(slots=True)
class _Way:
    """How one receiver gets the messages of a topic."""

    receiver: Receiver
    qos: int
    excludes_own: bool
    keeps_retain: bool
    identifiers: tuple[int, ...]


class Router:
    """Subscriptions and retained messages."""

    def __init__(self, caps: Caps, clock: Callable[[], float]) -> None:
        self._caps = caps
        self._clock = clock
        self._plain: Tree[_Entry] = Tree()
        self._shared: Tree[_Share] = Tree()
        self._shares: dict[tuple[str, str], _Share] = {}
        self._entries: dict[tuple[Receiver, str], _Entry] = {}
        self._routes: dict[str, tuple[list[_Way], list[_Share]]] = {}
        self._routed = 0
        self._retained: dict[str, Delivery] = {}
        self._retained_tree: Tree[str] = Tree()
        self._retained_bytes = 0
        self.dropped = 0

    # ---------------------------------------------------------------------------------- subscriptions

    def subscribe(self, receiver: Receiver, wanted: Subscription) -> bool:
        """Add a subscription, or change it; False if it was there."""
        self._forget_routes()
        former = self._entries.get((receiver, wanted.filter))
        if former is not None:
            former.wanted = wanted
            return False
        entry = self._entries[receiver, wanted.filter] = _Entry(receiver, wanted)
        group, filter = split_share(wanted.filter)
        if not group:
            self._plain.add(filter, entry)
            return True
        share = self._shares.get((group, filter))
        if share is None:
            share = self._shares[group, filter] = _Share()
            self._shared.add(filter, share)
        share.members.append(entry)
        return True

    def unsubscribe(self, receiver: Receiver, name: str) -> bool:
        """Remove a subscription; False if there is none."""
        entry = self._entries.pop((receiver, name), None)
        if entry is None:
            return False
        self._forget_routes()
        group, filter = split_share(name)
        if not group:
            self._plain.remove(filter, entry)
            return True
        share = self._shares[group, filter]
        share.members.remove(entry)
        if not share.members:
            del self._shares[group, filter]
            self._shared.remove(filter, share)
        return True

    def _forget_routes(self) -> None:
        self._routes.clear()
        self._routed = 0

    def _route(self, topic: str) -> tuple[list[_Way], list[_Share]]:
        ways: dict[Receiver, _Way] = {}
        for entry in self._plain.matching(topic):
            wanted = entry.wanted
            identifiers = (wanted.identifier,) if wanted.identifier else ()
            way = ways.get(entry.receiver)
            if way is None:
                ways[entry.receiver] = _Way(entry.receiver, wanted.qos, wanted.no_local, wanted.retain_as_published,
                                            identifiers)
            else:
                way.qos = max(way.qos, wanted.qos)
                way.excludes_own = way.excludes_own and wanted.no_local
                way.keeps_retain = way.keeps_retain or wanted.retain_as_published
                way.identifiers += identifiers
        route = list(ways.values()), self._shared.matching(topic)
        self._routed += len(ways) + 1
        if len(self._routes) >= _ROUTES or self._routed > _ROUTE_RECEIVERS:
            self._forget_routes()
        self._routes[topic] = route
        return route

    # --------------------------------------------------------------------------------------- messages

    def publish(self, message: Publish, publisher: object) -> bool:
        """Pass a message on; False if nobody wanted it."""
        if message.retain:
            self._retain(message, publisher)
        route = self._routes.get(message.topic)
        if route is None:
            route = self._route(message.topic)
        ways, shares = route
        if not ways and not shares:
            return False
        delivery = Delivery(message, publisher, self._clock())
        for way in ways:
            if not way.excludes_own or way.receiver is not publisher:
                way.receiver.receive(delivery, way.qos if way.qos < message.qos else message.qos,
                                     message.retain and way.keeps_retain, way.identifiers)
        for share in shares:
            if share.members:
                entry = share.choose()
                wanted = entry.wanted
                entry.receiver.receive(delivery, min(wanted.qos, message.qos),
                                       message.retain and wanted.retain_as_published,
                                       (wanted.identifier,) if wanted.identifier else ())
        return True

    def _retain(self, message: Publish, publisher: object) -> None:
        topic = message.topic
        former = self._retained.pop(topic, None)
        if former is not None:
            self._retained_bytes -= former.size
            if not message.payload:
                self._retained_tree.remove(topic, topic)
                return
        elif not message.payload:
            return
        delivery = Delivery(message, publisher, self._clock(), is_retained=True)
        if len(self._retained) >= self._caps.retained or self._retained_bytes + delivery.size > self._caps.bytes:
            self._drop_expired()
        if len(self._retained) >= self._caps.retained or self._retained_bytes + delivery.size > self._caps.bytes:
            self.dropped += 1
            if former is not None:
                self._retained_tree.remove(topic, topic)
            return
        if former is None:
            self._retained_tree.add(topic, topic)
        self._retained[topic] = delivery
        self._retained_bytes += delivery.size

    def _drop_expired(self) -> None:
        now = self._clock()
        for topic, delivery in list(self._retained.items()):
            if delivery.current(now) is None:
                del self._retained[topic]
                self._retained_bytes -= delivery.size
                self._retained_tree.remove(topic, topic)

    def can_retain(self, topic: str) -> bool:
        """Whether a retained message to a topic has a place."""
        return topic in self._retained or len(self._retained) < self._caps.retained

    @property
    def retained(self) -> int:
        """How many messages are retained."""
        return len(self._retained)

    def send_retained(self, receiver: Receiver, wanted: Subscription) -> None:
        """What a new subscriber gets at once. Shared subscriptions get nothing."""
        group, filter = split_share(wanted.filter)
        if group:
            return
        now = self._clock()
        identifiers = (wanted.identifier,) if wanted.identifier else ()
        for topic in list(self._retained_tree.matched_by(filter)):
            delivery = self._retained[topic]
            if delivery.current(now) is not None and not (wanted.no_local and delivery.publisher is receiver):
                receiver.receive(delivery, min(wanted.qos, delivery.message.qos), True, identifiers)


class Sink(Protocol):
    """A client's connection, as its session sees it."""

    version: int
    window: int
    packet_size: int

    @property
    def is_blocked(self) -> bool: ...
    def put(self, data: bytes) -> None: ...


@dataclass(slots=True)
class _Sent:
    """A message of QoS 1 or 2 on its way to a client; `is_received` once a PUBREC has come."""

    delivery: Delivery
    qos: int
    retain: bool
    identifiers: tuple[int, ...]
    is_received: bool = False


class Ledger:
    """What waits in all sessions of a broker together."""

    def __init__(self, caps: Caps) -> None:
        self.caps = caps
        self.bytes = 0
        self.dropped = 0


class Session:
    """What is kept of a client, whether it is connected or not."""

    def __init__(self, client_id: str, router: Router, ledger: Ledger, clock: Callable[[], float]) -> None:
        self.client_id = client_id
        self._router = router
        self._ledger = ledger
        self._clock = clock
        self.expiry = 0
        self.sink: Sink | None = None
        self.filters: set[str] = set()
        self.incoming: set[int] = set()  # packet numbers of QoS 2 that the client has not released
        self._waiting: deque[_Sent] = deque()
        self._sent: dict[int, _Sent] = {}
        self._last_number = 0

    @property
    def is_present(self) -> bool:
        """Whether the client is connected."""
        return self.sink is not None

    @property
    def queued(self) -> int:
        """Messages of QoS 1 and 2 that are not done."""
        return len(self._waiting) + len(self._sent)

    # --------------------------------------------------------------------------------- subscriptions

    def subscribe(self, wanted: Subscription) -> None:
        """Subscribe, and send what is retained."""
        is_new = self._router.subscribe(self, wanted)
        self.filters.add(wanted.filter)
        if wanted.retain_handling == 0 or (wanted.retain_handling == 1 and is_new):
            self._router.send_retained(self, wanted)

    def unsubscribe(self, name: str) -> bool:
        """Unsubscribe; False if there was no such subscription."""
        self.filters.discard(name)
        return self._router.unsubscribe(self, name)

    def clear(self) -> None:
        """Forget everything."""
        for name in self.filters:
            self._router.unsubscribe(self, name)
        self.filters.clear()
        self.incoming.clear()
        for sent in (*self._waiting, *self._sent.values()):
            self._ledger.bytes -= sent.delivery.size
        self._waiting.clear()
        self._sent.clear()

    # -------------------------------------------------------------------------------------- messages

    def receive(self, delivery: Delivery, qos: int, retain: bool, identifiers: tuple[int, ...]) -> None:
        """A message for the client."""
        sink = self.sink
        if qos:
            self._queue(_Sent(delivery, qos, retain, identifiers))
        elif sink is None:
            return
        elif sink.is_blocked:
            self._ledger.dropped += 1
        elif delivery.expires is None and not identifiers:
            data = delivery.plain(sink.version, retain)
            if len(data) <= sink.packet_size:
                sink.put(data)
        else:
            message = delivery.current(self._clock())
            if message is not None:
                self._put(sink, encode_publish(message, sink.version, retain=retain, identifiers=identifiers))

    def _queue(self, sent: _Sent) -> None:
        ledger, caps = self._ledger, self._ledger.caps
        size = sent.delivery.size
        if len(self._waiting) >= caps.queued or ledger.bytes + size > caps.bytes:
            ledger.dropped += 1
            return
        ledger.bytes += size
        self._waiting.append(sent)
        if self.sink is not None:
            self.pump()

    def pump(self) -> None:
        """Send what waits, as far as the client lets us."""
        sink = self.sink
        if sink is None:
            return
        now = self._clock()
        while self._waiting and len(self._sent) < sink.window and not sink.is_blocked:
            sent = self._waiting.popleft()
            message = sent.delivery.current(now)
            number = self._number()
            data = b"" if message is None else encode_publish(
                message, sink.version, qos=sent.qos, retain=sent.retain, number=number, identifiers=sent.identifiers)
            if not data or len(data) > sink.packet_size:  # as if it had never been
                self._ledger.bytes -= sent.delivery.size
                continue
            self._sent[number] = sent
            sink.put(data)

    def _number(self) -> int:
        number = self._last_number
        while True:
            number = number % _PACKET_IDS + 1
            if number not in self._sent:
                self._last_number = number
                return number

    def resume(self) -> None:
        """The client is back: what it has not confirmed is sent again, in the same order."""
        sink = self.sink
        assert sink is not None
        for number, sent in self._sent.items():
            if sent.is_received:
                sink.put(encode_ack(PUBREL, number))
            else:
                message = sent.delivery.message
                sink.put(encode_publish(message, sink.version, qos=sent.qos, retain=sent.retain, dup=True,
                                        number=number, identifiers=sent.identifiers))
        self.pump()

    def acknowledged(self, number: int) -> None:
        """PUBACK, or a PUBREC that refuses."""
        sent = self._sent.get(number)
        if sent is not None and not sent.is_received:
            self._done(number)

    def received(self, number: int, code: int) -> int | None:
        """PUBREC: the code to release it with; None for nothing to release."""
        sent = self._sent.get(number)
        if sent is None or sent.qos != 2:
            return _NOT_FOUND
        if code >= 0x80:
            self._done(number)
            return None
        sent.is_received = True
        return 0

    def completed(self, number: int) -> None:
        """PUBCOMP."""
        sent = self._sent.get(number)
        if sent is not None and sent.is_received:
            self._done(number)

    def _done(self, number: int) -> None:
        self._ledger.bytes -= self._sent.pop(number).delivery.size
        self.pump()

    @staticmethod
    def _put(sink: Sink, data: bytes) -> None:
        if len(data) <= sink.packet_size:
            sink.put(data)


_NOT_FOUND: Final = 0x92


def matches_any(filters: Iterable[str], topic: str) -> bool:
    """Whether one of some filters matches a topic."""
    tree: Tree[int] = Tree()
    for name in filters:
        tree.add(split_share(name)[1], 1)
    return bool(tree.matching(topic))


