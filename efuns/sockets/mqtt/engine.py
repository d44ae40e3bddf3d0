"""aiomqtt, one connection's worth of it, without its tasks.

aiomqtt (on paho-mqtt) knows the protocol: packets, packet numbers, what is in flight, what is sent again. Its
own way to a program is a task for each message and a thread for each connection; `Engine` overrides the hooks
in which it meets paho's callbacks, and gives paho a "socket" whose other side is bytes:

    engine.start()              a CONNECT, on a new connection
    engine.received(data)       what arrived
    send(data)                  (given to the engine) what is to be sent, at most once in a turn of the loop

Whoever owns it is an `EngineUser`. What aiomqtt and paho leave open is settled here:
- a packet longer than `limit`, or too much of QoS 2 in the air, ends the connection before
  memory is spent on it;
- whatever paho trips over in a malformed packet is one error: the broker sent no MQTT;
- the window is what both ends allow (paho does not look at the broker's Receive Maximum);
- a message is handed on after the packet has been dealt with, so LPC may do anything then.

Everything that knows aiomqtt's or paho's inside is in this file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import aiomqtt
from paho.mqtt import MQTTException
from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from efuns.sockets.mqtt.message import Properties, Publish, Subscription
from efuns.sockets.mqtt.topics import is_topic

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Handle

V311: Final = 4
V5: Final = 5

#: what paho raises for packets that are none; it knows no exception of its own for most of them
_TRIPPED: Final = (ArithmeticError, AttributeError, LookupError, MQTTException, RuntimeError, TypeError, ValueError,
                   struct.error)
_NO_HOST: Final = "broker"  # paho wants a name; the connection is made elsewhere
_OVERHEAD: Final = 128 << 10  # of a packet: topic and properties beside the payload
_QOS2_INCOMING: Final = 64  # Receive Maximum
_QOS2_MOST: Final = 10_000


@dataclass(slots=True, frozen=True)
class Settings:
    """How to be a client."""

    client_id: str
    username: str | None = None
    password: str | None = None
    keep_alive: int = 60
    clean: bool = True
    expiry: int = 0  # seconds a broker keeps the session of a client that is gone (MQTT 5)
    window: int = 20
    limit: int = 1 << 20  # bytes of a payload
    will: Publish | None = None
    will_delay: int = 0
    user_properties: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, frozen=True)
class Abilities:
    """What the broker said it can do."""

    window: int = 65535
    packet_size: int = 268_435_455
    qos: int = 2
    has_retain: bool = True
    client_id: str = ""


class EngineUser(Protocol):
    """Whom an engine serves."""

    def engine_accepted(self, session_present: bool, abilities: Abilities) -> None: ...
    def engine_refused(self, reason: str, code: int) -> None: ...
    def engine_message(self, message: paho.MQTTMessage) -> None: ...
    def engine_published(self, packet_id: int, topic: str, code: int, reason: str) -> None: ...
    def engine_subscribed(self, packet_id: int, codes: list[int]) -> None: ...
    def engine_unsubscribed(self, packet_id: int, codes: list[int]) -> None: ...
    def engine_ended(self, reason: str, code: int) -> None: ...


class _Bytes:
    """What paho takes for a socket."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = b""
        self._at = 0
        self.sent: list[bytes] = []
        self.is_closed = False
        self.is_too_large = False

    def feed(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._data = data if self._at == len(self._data) else self._data[self._at:] + data
        self._at = 0

    @property
    def has_more(self) -> bool:
        return self._at < len(self._data)

    def recv(self, count: int) -> bytes:
        if count > self._limit:
            self.is_too_large = True
            raise ConnectionAbortedError
        start = self._at
        if start == len(self._data):
            raise BlockingIOError
        piece = self._data[start:start + count]
        self._at = start + len(piece)
        return piece

    def send(self, data: bytes | bytearray) -> int:
        self.sent.append(bytes(data))
        return len(data)

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        self.is_closed = True


class Engine(aiomqtt.Client):
    """One client session's protocol; see the module. Made while the loop runs."""

    def __init__(self, user: EngineUser, settings: Settings, version: int, loop: AbstractEventLoop,
                 send: Callable[[bytes], None]) -> None:
        self._user: EngineUser | None = user
        self._settings = settings
        self.version = version
        self._events = loop
        self._send = send
        self._bytes = _Bytes(settings.limit + _OVERHEAD)
        self._flushing: Handle | None = None
        self._messages_in: list[paho.MQTTMessage] = []
        self._has_started = False
        self._is_accepted = False
        self._is_over = True
        self._look_at = 0  # so many messages of QoS 2, and their size is looked at again
        self._end: tuple[str, int] | None = None
        self.unsent = 0  # bytes handed to paho since it was last asked for what to send
        self.window = settings.window
        is_5 = version == V5
        super().__init__(
            _NO_HOST, identifier=settings.client_id, username=settings.username, password=settings.password,
            protocol=aiomqtt.ProtocolVersion.V5 if is_5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if is_5 else settings.clean, will=_will(settings, is_5),
            max_inflight_messages=settings.window)
        self._client.enable_logger(_Silence())  # type: ignore[arg-type]
        self._client.suppress_exceptions = False
        self._client._create_socket = lambda: self._bytes  # type: ignore[method-assign]

        self._take_pubrec = self._client._handle_pubrec
        self._client._handle_pubrec = self._pubrec  # type: ignore[method-assign]

    # ------------------------------------------------------------------------------------ connections

    def start(self) -> None:
        """Say CONNECT, over a connection that is up."""
        self._bytes = _Bytes(self._settings.limit + _OVERHEAD)
        self._is_accepted = self._is_over = False
        self._end = None
        if self._has_started:
            self._client.reconnect()  # connect() would begin a new session
        else:
            self._has_started = True
            is_5 = self.version == V5
            self._client.connect(
                _NO_HOST, keepalive=self._settings.keep_alive,
                clean_start=False if is_5 and not self._settings.clean else paho.MQTT_CLEAN_START_FIRST_ONLY,
                properties=_connect_properties(self._settings) if is_5 else None)
        self.flush()

    def received(self, data: bytes) -> None:
        """Bytes have arrived."""
        wire, client = self._bytes, self._client
        if not self._is_accepted and data == _REFUSED_VERSION:  # paho does not tell it from a malformed packet
            self._stop("The broker refused the connection: Unacceptable protocol version", 1)
            return
        wire.feed(data)
        while wire.has_more and not self._is_over:
            try:
                failed = client.loop_read() != paho.MQTT_ERR_SUCCESS
            except _TRIPPED:
                self._stop("The broker sent what is no MQTT", _MALFORMED)
                return
            if self._messages_in:
                self._hand_on()
            if len(client._in_messages) > _QOS2_INCOMING and self._has_too_many():
                self._stop("The broker sent more messages of QoS 2 than it may", _RECEIVE_MAXIMUM)
            elif (failed or wire.is_closed) and not self._is_over:
                self._explain_end(wire)
        if wire.sent and not self._is_over:
            self.flush()

    def _has_too_many(self) -> bool:
        """Whether more messages of QoS 2 are on their way than memory should be spent on. Brokers of 3.1.1 cannot
        be told how many we take, and mosquitto 2.0.11 forgets it over a restart, so what counts is their size."""
        waiting = self._client._in_messages
        if len(waiting) < self._look_at:
            return False
        self._look_at = len(waiting) + _QOS2_INCOMING
        size = sum(len(message.payload) for message in waiting.values())
        return len(waiting) > _QOS2_MOST or size > _QOS2_INCOMING * self._settings.limit

    def _hand_on(self) -> None:
        messages, self._messages_in = self._messages_in, []
        for message in messages:
            if self._user is not None and not self._is_over:
                self._user.engine_message(message)

    def _explain_end(self, wire: _Bytes) -> None:
        if wire.is_too_large:
            self._stop("The broker sent a packet that is too large", _TOO_LARGE)
        elif self._end is not None:
            self._stop(*self._end)
        else:
            self._stop("The broker sent what is no MQTT", _MALFORMED)

    def lost(self) -> None:
        """The connection is gone; what is in flight waits for the next start()."""
        self._is_over = True
        self._look_at = 0
        self._cancel_flush()
        self._messages_in.clear()

    def leave(self, *, ends_session: bool) -> None:
        """Say DISCONNECT; nothing is heard of the engine any more."""
        self._user = None
        if not self._is_over and self._is_accepted:
            properties = None
            if ends_session and self.version == V5:
                properties = _new(PacketTypes.DISCONNECT)
                properties.SessionExpiryInterval = 0
            self._client.disconnect(properties=properties)
            self.flush()
        self.lost()

    def tick(self) -> None:
        """Once a second: pings."""
        if not self._is_over and self._is_accepted:
            self._client.loop_misc()
            if self._bytes.is_closed and not self._is_over:
                self._stop("The broker does not answer any more (keep-alive)", _KEEP_ALIVE)

    @property
    def keep_alive(self) -> int:
        """Seconds agreed on; 0 for none."""
        return int(self._client.keepalive)

    def _stop(self, reason: str, code: int) -> None:
        user = self._user
        was_accepted = self._is_accepted
        self.lost()
        if user is not None:
            if was_accepted:
                user.engine_ended(reason, code)
            else:
                user.engine_refused(reason, code)

    # ---------------------------------------------------------------------------------------- sending

    @property
    def in_flight(self) -> int:
        """Messages of QoS 1 and 2 that the broker has not confirmed."""
        return len(self._client._out_messages)

    def send_message(self, message: Publish) -> bool:
        """Publish; False if it cannot be now."""
        properties = _message_properties(message.properties, PacketTypes.PUBLISH) if message.properties else None
        for _ in range(self.in_flight + 1):
            done = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
            if done.rc != paho.MQTT_ERR_QUEUE_SIZE:  # the next packet number is still in use
                break
        self.unsent += len(message.payload) + len(message.topic)
        return bool(done.rc == paho.MQTT_ERR_SUCCESS)

    def send_subscriptions(self, subscriptions: tuple[Subscription, ...]) -> int:
        """Subscribe; the packet's number. All of them have the same identifier."""
        if self.version == V5:
            properties = None
            if subscriptions[0].identifier:
                properties = _new(PacketTypes.SUBSCRIBE)
                properties.SubscriptionIdentifier = subscriptions[0].identifier
            wanted: list[Any] = [(one.filter, SubscribeOptions(one.qos, one.no_local, one.retain_as_published,
                                                               one.retain_handling)) for one in subscriptions]
            _, packet_id = self._client.subscribe(wanted, properties=properties)
        else:
            _, packet_id = self._client.subscribe([(one.filter, one.qos) for one in subscriptions])
        return packet_id or 0

    def send_unsubscribe(self, filters: tuple[str, ...]) -> int:
        """Unsubscribe; the packet's number."""
        _, packet_id = self._client.unsubscribe(list(filters))
        return packet_id or 0

    def flush(self) -> None:
        """Send what there is."""
        self._cancel_flush()
        wire = self._bytes
        if self._client.want_write():
            self._client.loop_write()
        self.unsent = 0
        if wire.sent:
            data = wire.sent[0] if len(wire.sent) == 1 else b"".join(wire.sent)
            wire.sent.clear()
            self._send(data)

    def _cancel_flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    # ------------------------------------------------------------------------------ aiomqtt's callbacks

    def _on_connect(self, client: paho.Client, userdata: Any, flags: Any, reason_code: ReasonCode,
                    properties: PahoProperties | None = None) -> None:
        if self._is_accepted or self._is_over:
            return
        if reason_code.is_failure:
            code = _old_code(reason_code) if self.version == V311 else reason_code.value
            self._end = (_refusal(reason_code, properties), code)
            return
        self._is_accepted = True
        abilities = _abilities(properties)
        self.window = min(self._settings.window, abilities.window)
        client._max_inflight_messages = self.window  # its setter wants to be called before
        if not flags.session_present:
            client._in_messages.clear()
        self._events.call_soon(self._accepted, flags.session_present, abilities)

    def _accepted(self, session_present: bool, abilities: Abilities) -> None:
        if self._user is not None and not self._is_over:
            self._user.engine_accepted(session_present, abilities)

    def _on_disconnect(self, client: paho.Client, userdata: Any, flags: Any, reason_code: ReasonCode,
                       properties: PahoProperties | None = None) -> None:
        if self._end is None and flags.is_disconnect_packet_from_server:
            self._end = (f"The broker disconnected: {_said(reason_code, properties)}", reason_code.value)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        if not is_topic(message.topic):  # raises ValueError itself where it is no UTF-8
            raise ValueError
        self._messages_in.append(message)

    def _on_publish(self, client: paho.Client, userdata: Any, mid: int, reason_code: ReasonCode,
                    properties: PahoProperties | None) -> None:
        message = client._out_messages.get(mid)
        if message is not None and self._user is not None:
            code = reason_code.value
            if code == _NOT_FOUND:  # of a PUBCOMP: the broker was done with it before a connection was lost
                code = 0
            reason = _said(reason_code, properties) if code >= 0x80 else ""
            self._events.call_soon(self._published, mid, message.topic, code, reason)

    def _pubrec(self) -> MQTTErrorCode:
        """A PUBREC that refuses ends the exchange; paho would go on as if it did not."""
        client = self._client
        packet = client._in_packet["packet"]
        if self.version == V5 and len(packet) > 2 and packet[2] >= 0x80:
            number = packet[0] << 8 | packet[1]
            if number not in client._out_messages:
                return paho.MQTT_ERR_SUCCESS
            return client._do_on_publish(number, ReasonCode(PacketTypes.PUBREC, identifier=packet[2]),
                                         _new(PacketTypes.PUBREC))
        return self._take_pubrec()

    def _published(self, mid: int, topic: str, code: int, reason: str) -> None:
        if self._user is not None:
            self._user.engine_published(mid, topic, code, reason)

    def _on_subscribe(self, client: paho.Client, userdata: Any, mid: int, reason_codes: list[ReasonCode],
                      properties: PahoProperties | None = None) -> None:
        if self._user is not None:
            self._events.call_soon(self._subscribed, mid, [code.value for code in reason_codes])

    def _subscribed(self, mid: int, codes: list[int]) -> None:
        if self._user is not None and not self._is_over:
            self._user.engine_subscribed(mid, codes)

    def _on_unsubscribe(self, client: paho.Client, userdata: Any, mid: int, reason_codes: list[ReasonCode],
                        properties: PahoProperties | None = None) -> None:
        if self._user is not None:
            self._events.call_soon(self._unsubscribed, mid, [code.value for code in reason_codes])

    def _unsubscribed(self, mid: int, codes: list[int]) -> None:
        if self._user is not None and not self._is_over:
            self._user.engine_unsubscribed(mid, codes)

    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """The bytes come by received()."""

    def _on_socket_close(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """There is nothing to close."""

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        if self._flushing is None and not self._is_over:
            self._flushing = self._events.call_soon(self._flush_later)

    def _flush_later(self) -> None:
        self._flushing = None
        self.flush()

    def _on_socket_unregister_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        """It was for one turn only."""


class _Silence:
    """A logger that says nothing: paho would format each packet for it."""

    def log(self, level: int, text: str, *args: Any) -> None:
        """Not a word."""


_REFUSED_VERSION: Final = b"\x20\x02\x00\x01"
_MALFORMED: Final = 0x81
_NOT_FOUND: Final = 0x92
_RECEIVE_MAXIMUM: Final = 0x93
_KEEP_ALIVE: Final = 0x8D
_TOO_LARGE: Final = 0x95
#: paho translates the codes of 3.1.1 into those of 5; LPC is told what was sent
_OLD_CODES: Final = {0x84: 1, 0x85: 2, 0x88: 3, 0x86: 4, 0x87: 5}
_OLD_TEXTS: Final = {1: "Unacceptable protocol version", 2: "Identifier rejected", 3: "Server unavailable",
                     4: "Bad user name or password", 5: "Not authorized"}


def _old_code(reason: ReasonCode) -> int:
    return _OLD_CODES.get(reason.value, reason.value)


def _refusal(reason: ReasonCode, properties: PahoProperties | None) -> str:
    return f"The broker refused the connection: {_said(reason, properties)}"


def _said(reason: ReasonCode, properties: PahoProperties | None) -> str:
    """What a broker says of a failure."""
    text = getattr(properties, "ReasonString", None)
    return f"{reason.getName()} ({text[:200]})" if isinstance(text, str) and text else str(reason.getName())


def _abilities(properties: PahoProperties | None) -> Abilities:
    if properties is None:
        return Abilities()
    return Abilities(
        getattr(properties, "ReceiveMaximum", 65535) or 1,
        getattr(properties, "MaximumPacketSize", 268_435_455),
        getattr(properties, "MaximumQoS", 2),
        bool(getattr(properties, "RetainAvailable", 1)),
        getattr(properties, "AssignedClientIdentifier", ""))


def _new(packet: int) -> PahoProperties:
    return PahoProperties(packet)  # type: ignore[no-untyped-call]


def _connect_properties(settings: Settings) -> PahoProperties:
    made = _new(PacketTypes.CONNECT)
    made.ReceiveMaximum = _QOS2_INCOMING
    made.MaximumPacketSize = settings.limit + _OVERHEAD
    if settings.expiry:
        made.SessionExpiryInterval = settings.expiry
    if settings.user_properties:
        made.UserProperty = list(settings.user_properties)
    return made


def _will(settings: Settings, is_5: bool) -> aiomqtt.Will | None:
    will = settings.will
    if will is None:
        return None
    properties = None
    if is_5:
        properties = _message_properties(will.properties or Properties(), PacketTypes.WILLMESSAGE)
        if settings.will_delay:
            properties.WillDelayInterval = settings.will_delay
    return aiomqtt.Will(will.topic, will.payload, will.qos, will.retain, properties)


def _message_properties(properties: Properties, packet: int) -> PahoProperties:
    made = _new(packet)
    for name, value in (("ContentType", properties.content_type), ("ResponseTopic", properties.response_topic),
                        ("CorrelationData", properties.correlation), ("MessageExpiryInterval", properties.expiry),
                        ("PayloadFormatIndicator", properties.payload_format)):
        if value is not None:
            setattr(made, name, value)
    if properties.user:
        made.UserProperty = list(properties.user)
    return made


def properties_of(message: paho.MQTTMessage) -> Properties | None:
    """The MQTT 5 properties of a message that arrived."""
    given = message.properties
    if given is None or given.isEmpty():  # type: ignore[no-untyped-call]
        return None
    return Properties(
        tuple(getattr(given, "UserProperty", ())), getattr(given, "ContentType", None),
        getattr(given, "ResponseTopic", None), getattr(given, "CorrelationData", None),
        getattr(given, "MessageExpiryInterval", None), getattr(given, "PayloadFormatIndicator", None),
        tuple(getattr(given, "SubscriptionIdentifier", ())))
