"""A broker's bridge to another broker: what matches `out` goes there, what matches `in` there comes here.

The other broker sees one client, whose connection comes back by itself. Messages of QoS 1 and 2 wait here
meanwhile, at most MQTT_MAX_QUEUED of them. With MQTT 5 the other broker is asked not to send back what came
from here; a broker of 3.1.1 cannot be, so there `out` and `in` must not overlap.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from efuns.sockets import errors
from efuns.sockets.mqtt.engine import V5, Settings, properties_of
from efuns.sockets.mqtt.link import Target, parse_target
from efuns.sockets.mqtt.message import Publish, RefusedError, Subscription
from efuns.sockets.mqtt.session import ClientSession
from efuns.sockets.mqtt.store import Delivery
from efuns.sockets.mqtt.topics import is_filter
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.mqtt.broker import MqttBroker

_KEYS: Final = frozenset({"broker", "out", "in", "qos", "client_id", "username", "password"})
_RETRY: Final = 30.0
_EXPIRY: Final = 86_400


@dataclass(slots=True, frozen=True)
class Plan:
    """A bridge as MQTT_BRIDGE describes it."""

    target: Target
    out: tuple[str, ...]
    inward: tuple[str, ...]
    qos: int
    client_id: str
    username: str | None
    password: str | None


def read_bridge(given: Value) -> Plan:
    """The bridge a mapping describes. RefusedError for one that will not do."""
    if not isinstance(given, Mapping) or any(key not in _KEYS for key in given):
        raise RefusedError(errors.EEBADDATA, "its keys are " + ", ".join(sorted(_KEYS)))
    where = given.get("broker")
    target = parse_target(where) if isinstance(where, str) else None
    if target is None:
        raise RefusedError(errors.EEBADDATA, "\"broker\" names the other broker")
    qos = given.get("qos", 1)
    if not isinstance(qos, int) or not 0 <= qos <= 2:
        raise RefusedError(errors.EEBADDATA, "\"qos\" is 0, 1 or 2")
    texts = {key: given.get(key) for key in ("client_id", "username", "password")}
    if any(text is not None and not isinstance(text, str) for text in texts.values()):
        raise RefusedError(errors.EEBADDATA, "\"client_id\", \"username\" and \"password\" are strings")
    return Plan(target, _filters(given, "out"), _filters(given, "in"), qos, texts["client_id"] or "",
                texts["username"], texts["password"])


def _filters(given: Mapping, key: str) -> tuple[str, ...]:
    found = given.get(key, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and is_filter(one) for one in found):
        raise RefusedError(errors.EEBADDATA, f"\"{key}\" is an array of topic filters")
    return tuple(found)


class Bridge:
    """The bridge of a broker that listens; a receiver of its messages."""

    is_present = True

    def __init__(self, broker: MqttBroker, plan: Plan) -> None:
        self._broker = broker
        self._plan = plan
        self._waiting: deque[tuple[Delivery, int, bool]] = deque()
        self._bytes = 0
        target = plan.target
        own, _ = broker.addresses()
        # Both ends of a bridge keep what is on its way over connections, as long as this broker runs.
        settings = Settings(
            plan.client_id or f"pylpc-bridge-{own[1] if own is not None else 0}",
            target.username if plan.username is None else plan.username,
            target.password if plan.password is None else plan.password,
            clean=False, expiry=_EXPIRY, window=100, limit=broker.limit)
        for name in plan.out:
            broker.router.subscribe(self, Subscription(name, plan.qos, no_local=True, retain_as_published=True))
        self._session = ClientSession(broker, self, target, settings, retry=_RETRY, persists=True)
        self._has_asked = False
        self._session.start()

    def close(self) -> None:
        """Take the bridge down."""
        for name in self._plan.out:
            self._broker.router.unsubscribe(self, name)
        self._forget()
        if self._broker.table.driver.loop.is_closed():
            self._session.abandon()
        else:
            self._session.leave(ends_session=True)

    def _forget(self) -> None:
        self._broker.ledger.bytes -= self._bytes
        self._bytes = 0
        self._waiting.clear()

    # ---------------------------------------------------------------------------------- to the other

    def receive(self, delivery: Delivery, qos: int, retain: bool, identifiers: tuple[int, ...]) -> None:
        """A message for the other broker."""
        ledger = self._broker.ledger
        if qos == 0 and self._session.is_full:
            ledger.dropped += 1
            return
        if len(self._waiting) >= ledger.caps.queued or ledger.bytes + delivery.size > ledger.caps.bytes:
            ledger.dropped += 1
            return
        self._waiting.append((delivery, qos, retain))
        self._bytes += delivery.size
        ledger.bytes += delivery.size
        self._pump()

    def _pump(self) -> None:
        session, ledger = self._session, self._broker.ledger
        while self._waiting and not session.is_full:
            delivery, qos, retain = self._waiting.popleft()
            self._bytes -= delivery.size
            ledger.bytes -= delivery.size
            message = delivery.current(self._broker.table.driver.loop.time())
            able = session.abilities
            if message is None or len(message.payload) + len(message.topic) * 4 + 16 > able.packet_size:
                continue
            session.publish(Publish(message.topic, message.payload, min(qos, able.qos), retain and able.has_retain,
                                    message.properties if session.version == V5 else None))

    # ------------------------------------------------------------------------------- from the session

    def session_up(self, is_present: bool) -> None:
        """The other broker has accepted us."""
        wanted = tuple(Subscription(name, self._plan.qos, no_local=self._session.version == V5,
                                    retain_as_published=self._session.version == V5) for name in self._plan.inward)
        if wanted and not self._has_asked:
            self._session.subscribe(wanted)
        self._has_asked = True
        self._pump()

    def session_message(self, message: Any) -> None:
        """A message from the other broker."""
        self._broker.router.publish(Publish(message.topic, message.payload, message.qos, bool(message.retain),
                                            properties_of(message)), self)

    def session_room(self) -> None:
        """The other broker takes more."""
        self._pump()

    def session_published(self, packet_id: int, topic: str, code: int, why: str) -> None:
        """The other broker has a message, or does not want it."""
        if code >= 0x80:
            self._log(f"refuses a message to {topic}: {why}")

    def session_subscribed(self, packet_id: int, wanted: tuple[Subscription, ...], codes: list[int]) -> None:
        """The other broker has answered a subscription."""
        for one, code in zip(wanted, codes):
            if code >= 0x80:
                self._log(f"refuses the subscription to {one.filter} (code {code})")

    def session_unsubscribed(self, packet_id: int, filters: tuple[str, ...]) -> None:
        """A bridge unsubscribes from nothing."""

    def session_down(self, reason: str, code: int) -> None:
        """The other broker is away for now."""
        self._log(f"is away: {reason}")

    def session_over(self, reason: str, code: int) -> None:
        """The other broker does not want us."""
        self._log(f"is given up: {reason}")
        for name in self._plan.out:
            self._broker.router.unsubscribe(self, name)
        self._forget()

    def _log(self, text: str) -> None:
        broker, target = self._broker, self._plan.target
        broker.last_error = f"{target.host} {target.port}, the other end of the bridge, {text}"
        broker.table.log_once(f"socket {broker.fd} ({broker.mode.name}): {broker.last_error}")
