"""Mode 37, MQTT_CLIENT: messages of a broker as mappings.

    socket_connect(fd, "mqtt://host", "message", "ready")     ready(fd) once the broker has accepted
    socket_write(fd, payload, topic), and the mappings of efuns.sockets.mqtt.message
    message(fd, mapping message, string addr)

What a write answers is true of the whole way to the broker: EECALLBACK with the message that fills the
window of unconfirmed ones (or the queue of bytes), then EEALREADY until half of the window is confirmed and
the write callback is called. So a message that was taken is never dropped; and socket_close() waits, for
SO_LINGER seconds, until all are confirmed.

With MQTT_RECONNECT a lost connection is made again behind LPC's back (mqtt_session); writes answer EEALREADY
meanwhile. With MQTT_EVENTS the read callback also gets mappings with "event": "connected", "disconnected",
"suback", "unsuback" and "puback".
"""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any, Final

from efuns.sockets import errors, options
from efuns.sockets.base import CLOSED, CLOSING, DATA_XFER, HANDSHAKE, Socket
from efuns.sockets.mqtt.engine import V5, V311, Settings, properties_of
from efuns.sockets.mqtt.link import Target, parse_target
from efuns.sockets.mqtt.message import (
    Publish,
    RefusedError,
    Subscription,
    Unsubscribe,
    command,
    is_short,
    message_mapping,
    user_pairs,
)
from efuns.sockets.mqtt.session import CONNECT_SECONDS, SUBSCRIPTIONS, ClientSession
from efuns.sockets.mqtt.topics import is_topic
from efuns.sockets.tcp import STALLED_SECONDS
from efuns.sockets.wire import text_bytes
from lpc.errors import LPCError
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

KEEP_ALIVE: Final = 60
WINDOW: Final = 20
PAYLOAD: Final = 1 << 20
FOREVER: Final = 0xFFFF_FFFF
_RESUMES: Final = 3600  # seconds a broker keeps the session of a client that reconnects by itself
_VERSIONS: Final = {"": 0, "3.1.1": V311, "5": V5}
_ID_LETTERS: Final = string.ascii_letters + string.digits


class MqttClient(Socket):
    """A client; see the module."""

    __slots__ = ("_session", "_asked_target", "_client_id", "_qos", "_retain", "_has_events", "_address", "_timer",
                 "_ends_session")

    can_bind = False
    can_connect = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._session: ClientSession | None = None
        self._client_id = ""
        self._qos = 0
        self._retain = False
        self._has_events = False
        self._address = ""
        self._timer: TimerHandle | None = None  # of a close that waits for confirmations
        self._ends_session = True

    # ---------------------------------------------------------------------------------------- options

    def set_option(self, number: int, value: Value) -> None:
        if number == options.MQTT_WILL_MESSAGE or number == options.MQTT_WILL_TOPIC:
            given = {**(self._options or {}), number: value}
            _will(given.get(options.MQTT_WILL_TOPIC), given.get(options.MQTT_WILL_MESSAGE, ""))
        elif number == options.MQTT_USER_PROPERTIES:
            try:
                user_pairs(value)
            except RefusedError as error:
                raise _bad_value("MQTT_USER_PROPERTIES", error.reason) from None
        elif isinstance(value, str) and not is_short(value):
            raise _bad_value(options.BY_NUMBER[number].name, "at most 65535 bytes without a zero are accepted")
        super().set_option(number, value)

    def option_set(self, number: int, value: Value) -> None:
        if number == options.MQTT_QOS:
            self._qos = value
        elif number == options.MQTT_RETAIN:
            self._retain = value != 0
        elif number == options.MQTT_EVENTS:
            self._has_events = value != 0

    def get_option(self, number: int) -> Value | None:
        if number == options.MQTT_CLIENT_ID and self._client_id:
            return self._client_id
        if number == options.SO_PROTOCOL_VERSION and self._session is not None and self._session.is_up:
            return "5" if self._session.version == V5 else "3.1.1"
        return super().get_option(number)

    def _option(self, number: int, default: Any) -> Any:
        value = super().get_option(number)
        return default if value is None else value

    # ------------------------------------------------------------------------------------- connecting

    def _target(self, where: str) -> Target | None:
        return parse_target(where or self._option(options.SO_MQTT_BROKER, ""))

    def target_of(self, where: str) -> tuple[str, int]:
        target = self._target(where)
        return (target.host, target.port) if target is not None else super().target_of(where)

    def permits(self, operation: str, host: str, port: int) -> str | None:
        permissions = self.table.driver.permissions
        if not host or (permissions.allows_net(host, port) if _is_numeric(host) else permissions.allows_lookup(host)):
            return None
        return permissions.refusal

    def start_connect(self, where: str) -> int:
        target = self._target(where)
        if target is None:
            return self.problem(errors.EEBADADDR, f"'{where}' names no broker")
        version = _VERSIONS[self._option(options.SO_PROTOCOL_VERSION, "")]
        settings = self._settings(target)
        if version == V311 and settings.user_properties:
            return self.problem(errors.EEBADDATA, "MQTT_USER_PROPERTIES need MQTT 5")
        self._client_id = settings.client_id
        self._ends_session = settings.clean
        self._address = f"{target.host} {target.port}"
        self._session = ClientSession(
            self, self, target, settings, version=version,
            retry=self._option(options.MQTT_RECONNECT, 0) / 1000,
            seconds=self._option(options.SO_TIMEOUT, CONNECT_SECONDS * 1000) / 1000)
        self.become(HANDSHAKE)
        self._session.start()
        return errors.EESUCCESS

    def _settings(self, target: Target) -> Settings:
        clean = self._option(options.MQTT_CLEAN_SESSION, 1) != 0
        expiry = 0 if clean else FOREVER
        if clean and self._option(options.MQTT_RECONNECT, 0):
            expiry = _RESUMES
        will, delay = _will(self._option(options.MQTT_WILL_TOPIC, ""), self._option(options.MQTT_WILL_MESSAGE, ""))
        user, password = (self._option(options.MQTT_USERNAME, None), self._option(options.MQTT_PASSWORD, None))
        return Settings(
            self._option(options.MQTT_CLIENT_ID, "") or _new_id(),
            target.username if user is None else user, target.password if password is None else password,
            self._option(options.MQTT_KEEP_ALIVE, KEEP_ALIVE), clean,
            self._option(options.MQTT_SESSION_EXPIRY, expiry), self._option(options.MQTT_WINDOW, WINDOW),
            min(self._option(options.CONTENT_SIZE_LIMIT, PAYLOAD), self.table.driver.limits.buffer_size),
            will, delay, user_pairs(self._option(options.MQTT_USER_PROPERTIES, None)))

    # ----------------------------------------------------------------------- what the session tells us

    def session_up(self, is_present: bool) -> None:
        """The broker has accepted us, for the first time or again."""
        session = self._session
        assert session is not None
        if session.abilities.client_id:
            self._client_id = session.abilities.client_id
        if self.state is CLOSING:
            self._leave_if_done()
            return
        is_first = self.state is HANDSHAKE
        self._blocked = session.is_full
        self.become(DATA_XFER)  # it may already write when it hears of it
        if self._has_events:
            self.deliver(Mapping(event="connected", session_present=int(is_present),
                                 version="5" if session.version == V5 else "3.1.1"), self._address)
        if self.state is not DATA_XFER:
            return
        if is_first:
            self._call(self.write_callback)
        else:
            self.session_room()

    def session_message(self, message: Any) -> None:
        """A message has arrived."""
        if self.state is DATA_XFER or self.state is HANDSHAKE:
            self.deliver(message_mapping(
                message.topic, message.payload, message.qos, message.retain, message.dup, message.mid,
                properties_of(message)), self._address)

    def session_room(self) -> None:
        """There is room for more."""
        if self.state is CLOSING:
            self._leave_if_done()
        elif self._session is not None and not self._session.is_full:
            self.drained()

    def session_published(self, packet_id: int, topic: str, code: int, why: str) -> None:
        """A message was confirmed, or refused."""
        if code >= 0x80:
            self.last_error = f"The broker refused a message to {topic}: {why}"
            self.table.log_once(f"socket {self.fd} ({self.mode.name}): {self.last_error}")
        if self.state is CLOSING:
            self._leave_if_done()
        elif self._has_events and self.state is DATA_XFER:
            self.deliver(Mapping(event="puback", packet_id=packet_id, topic=topic, code=code), self._address)

    def session_subscribed(self, packet_id: int, wanted: tuple[Subscription, ...], codes: list[int]) -> None:
        """A subscription was answered."""
        for one, code in zip(wanted, codes):
            if code >= 0x80:
                self.last_error = f"The broker refused the subscription to {one.filter} (code {code})"
                self.table.log_once(f"socket {self.fd} ({self.mode.name}): {self.last_error}")
        if self._has_events and self.state is DATA_XFER:
            self.deliver(Mapping(event="suback", packet_id=packet_id, filters=[one.filter for one in wanted],
                                 granted=list(codes)), self._address)

    def session_unsubscribed(self, packet_id: int, filters: tuple[str, ...]) -> None:
        """The end of a subscription was answered."""
        if self._has_events and self.state is DATA_XFER:
            self.deliver(Mapping(event="unsuback", packet_id=packet_id, filters=list(filters)), self._address)

    def session_down(self, reason: str, code: int) -> None:
        """The connection is gone for now."""
        self.last_error = reason
        if self.state is CLOSING:
            self.fail(reason, code)
            return
        self.block()
        self._owes_write = True
        if self._has_events:
            self.deliver(Mapping(event="disconnected", reason=reason, code=code), self._address)

    def session_over(self, reason: str, code: int) -> None:
        """The end."""
        self.fail(reason, code)

    # --------------------------------------------------------------------------------------- transfer

    def write(self, message: Value, address: str | None) -> int:
        if self.state is not DATA_XFER:
            return errors.EEALREADY if self.state is HANDSHAKE else errors.EENOTCONN
        if self._blocked:
            return errors.EEALREADY
        assert self._session is not None
        try:
            wanted = command(message, address, self._qos, self._retain)
            if isinstance(wanted, Publish):
                return self._publish(self._session, wanted)
            if isinstance(wanted, Unsubscribe):
                self._session.unsubscribe(wanted.filters)
                return errors.EESUCCESS
            return self._subscribe(self._session, wanted)
        except RefusedError as error:
            return self.problem(error.code, error.reason)

    def _publish(self, session: ClientSession, message: Publish) -> int:
        able = session.abilities
        if message.properties is not None and session.version != V5:
            raise RefusedError(errors.EEBADDATA, "Properties need MQTT 5, the broker speaks 3.1.1")
        if message.qos > able.qos:
            raise RefusedError(errors.EEBADDATA, f"The broker takes no message of QoS {message.qos}")
        if message.retain and not able.has_retain:
            raise RefusedError(errors.EEBADDATA, "The broker retains no messages")
        if len(message.payload) + len(message.topic.encode()) + _HEADER > able.packet_size:
            raise RefusedError(errors.EEBADDATA, "The broker takes no message of this size")
        if not session.publish(message):
            return self.refused()
        if message.qos and session.in_flight >= session.window:
            self.block()
            return errors.EECALLBACK
        return self.taken(session.queued)

    def _subscribe(self, session: ClientSession, wanted: tuple[Subscription, ...]) -> int:
        if session.version != V5 and any(one.no_local or one.retain_as_published or one.retain_handling
                                         or one.identifier for one in wanted):
            raise RefusedError(errors.EEBADDATA, "no_local and its like need MQTT 5, the broker speaks 3.1.1")
        if session.subscriptions + len(wanted) > SUBSCRIPTIONS:
            raise RefusedError(errors.EEBADDATA, f"{SUBSCRIPTIONS} subscriptions are the most")
        session.subscribe(wanted)
        return self.taken(session.queued)

    # ---------------------------------------------------------------------------------------- the end

    def shut(self, *, flush: bool) -> bool:
        session = self._session
        if session is None:
            return True
        if flush and session.is_up and session.in_flight and self.state is DATA_XFER:
            linger = self.get_option(options.SO_LINGER)
            seconds = STALLED_SECONDS if linger is None else linger
            if seconds:
                self._timer = self.table.driver.loop.call_later(seconds, self._waited_enough)
                return False
        self._session = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_ended or self.table.driver.loop.is_closed():
            session.abandon()
        else:
            session.leave(ends_session=self._ends_session)
        return True

    def _leave_if_done(self) -> None:
        if self._session is not None and not self._session.in_flight:
            self.drained()

    def _waited_enough(self) -> None:
        self._timer = None
        self.fail("The broker does not confirm what was sent", errors.EESEND)

    # --------------------------------------------------------------------------------- what others ask

    @property
    def system_fd(self) -> int:
        return self._session.system_fd if self._session is not None else -1

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._session.addresses() if self._session is not None else (None, None)

    def may_wake(self) -> bool:
        return self.state in (HANDSHAKE, DATA_XFER, CLOSING) and self.state is not CLOSED


_HEADER: Final = 16  # of a packet, at the most, without properties


def _is_numeric(host: str) -> bool:
    return host[:1].isdigit() and host.replace(".", "").isdigit() or ":" in host


def _new_id() -> str:
    """A client identifier every broker has to take: at most 23 letters and digits."""
    return "pylpc" + "".join(secrets.choice(_ID_LETTERS) for _ in range(18))


def _will(topic: Value, message: Value) -> tuple[Publish | None, int]:
    """The will two options make, and its delay. LPCError for one that will not do."""
    if not isinstance(topic, str) or topic == "":
        return None, 0
    if not is_topic(topic):
        raise _bad_value("MQTT_WILL_TOPIC", "a topic without wildcards is accepted")
    if not isinstance(message, Mapping):
        return Publish(topic, text_bytes(message if isinstance(message, str) else "")), 0
    given = Mapping(message)
    delay = given.pop("delay", 0)
    try:
        will = command(Mapping({**given, "topic": topic}), None, 0, False)
    except RefusedError as error:
        raise _bad_value("MQTT_WILL_MESSAGE", error.reason) from None
    if not isinstance(delay, int) or not 0 <= delay <= FOREVER or not isinstance(will, Publish):
        raise _bad_value("MQTT_WILL_MESSAGE", "a payload, or a mapping as for socket_write() with \"delay\" in seconds")
    return will, int(delay)


def _bad_value(name: str, text: str) -> LPCError:
    return LPCError(f"Bad socket option value for {name}: {text}.\n")
