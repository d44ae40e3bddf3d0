"""Packets of MQTT 3.1.1 and 5 for a broker: bytes in, records out, and back. No I/O, no state but a partial packet.

    frames = Frames(limit)
    for first, body in frames.feed(data): ...     each whole packet: its first byte and what follows the length
    decode_publish(first, body, version) -> Publish, and so on for what clients send
    encode_publish(…) -> bytes, and so on for what brokers send

Everything a client sends may be a lie: whatever does not follow the specification raises MalformedError with
the reason code to disconnect with. A packet longer than `limit` is refused before it is buffered.

The package mqtt5 on PyPI, against which the tests compare, is not used here: 0.8 knows no 3.1.1, takes topics
that are none, and panics (with a report on stderr) at a topic that is no UTF-8.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from efuns.sockets.mqtt.message import NOTHING, Properties, Publish, Subscription
from efuns.sockets.mqtt.topics import is_filter, is_topic

V311: Final = 4
V5: Final = 5

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, \
    PINGRESP, DISCONNECT, AUTH = range(1, 16)

MALFORMED: Final = 0x81
PROTOCOL_ERROR: Final = 0x82
UNSUPPORTED_VERSION: Final = 0x84
TOPIC_FILTER_INVALID: Final = 0x8F
TOPIC_NAME_INVALID: Final = 0x90
TOO_LARGE: Final = 0x95

#: the flags every packet but PUBLISH has to have
_FLAGS: Final = {CONNECT: 0, PUBACK: 0, PUBREC: 0, PUBREL: 2, PUBCOMP: 0, SUBSCRIBE: 2, UNSUBSCRIBE: 2, PINGREQ: 0,
                 DISCONNECT: 0, AUTH: 0}
_PINGRESP: Final = b"\xd0\x00"


class MalformedError(Exception):
    """What arrived does not follow the specification: a reason code of MQTT 5, and words."""

    def __init__(self, text: str, code: int = MALFORMED) -> None:
        super().__init__(text)
        self.code = code


class Frames:
    """Cuts a stream of bytes into packets."""

    __slots__ = ("limit", "_partial", "_wanted")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._partial = bytearray()
        self._wanted = 0  # bytes before it is worth looking again

    @property
    def is_partial(self) -> bool:
        """Whether a packet has begun that is not complete."""
        return bool(self._partial)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The packets that are complete now. MalformedError at one that cannot be."""
        if self._partial:
            self._partial += data
            if len(self._partial) < self._wanted:
                return
            data = bytes(self._partial)
            self._partial.clear()
        at, end = 0, len(data)
        while at + 1 < end:
            length = data[at + 1]
            start = at + 2
            if length > 127:
                length &= 127
                shift = 7
                while True:
                    if start == end:
                        self._keep(data, at, end - at + 1)
                        return
                    digit = data[start]
                    start += 1
                    length |= (digit & 127) << shift
                    if digit < 128:
                        break
                    shift += 7
                    if shift > 21:
                        raise MalformedError("A length of more than four bytes")
            if length > self.limit:
                raise MalformedError(f"A packet of {length} bytes", TOO_LARGE)
            if start + length > end:
                self._keep(data, at, start - at + length)
                return
            yield data[at], data[start:start + length]
            at = start + length
        if at < end:
            self._keep(data, at, 2)

    def _keep(self, data: bytes, at: int, wanted: int) -> None:
        self._partial += data[at:]
        self._wanted = wanted


# ------------------------------------------------------------------------------------------- reading


class _Body:
    """A packet's bytes, read from front to back."""

    __slots__ = ("data", "at")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise MalformedError("A packet that ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise MalformedError("A packet that ends too early")
        piece = self.data[self.at:end]
        self.at = end
        return piece

    def word(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def long(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def varint(self) -> int:
        value = shift = 0
        while True:
            digit = self.byte()
            value |= (digit & 127) << shift
            if digit < 128:
                return value
            shift += 7
            if shift > 21:
                raise MalformedError("A number of more than four bytes")

    def binary(self) -> bytes:
        return self.take(self.word())

    def string(self) -> str:
        try:
            text = self.binary().decode()
        except UnicodeDecodeError:
            raise MalformedError("A string that is no UTF-8") from None
        if "\0" in text:
            raise MalformedError("A string with a zero byte")
        return text

    def pair(self) -> tuple[str, str]:
        return self.string(), self.string()

    @property
    def is_over(self) -> bool:
        return self.at == len(self.data)

    def end(self) -> None:
        if self.at != len(self.data):
            raise MalformedError("A packet with bytes left over")


PAYLOAD_FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, SUBSCRIPTION_ID = 1, 2, 3, 8, 9, 11
SESSION_EXPIRY, ASSIGNED_ID, SERVER_KEEP_ALIVE, AUTH_METHOD, AUTH_DATA, WANTS_PROBLEMS = 17, 18, 19, 21, 22, 23
WILL_DELAY, WANTS_RESPONSE, REASON, RECEIVE_MAXIMUM, ALIAS_MAXIMUM, ALIAS = 24, 25, 31, 33, 34, 35
MAXIMUM_QOS, USER, PACKET_SIZE, SHARED_AVAILABLE = 36, 38, 39, 42

_READERS: Final[dict[int, Callable[[_Body], Any]]] = {
    PAYLOAD_FORMAT: _Body.byte, EXPIRY: _Body.long, CONTENT_TYPE: _Body.string, RESPONSE_TOPIC: _Body.string,
    CORRELATION: _Body.binary, SUBSCRIPTION_ID: _Body.varint, SESSION_EXPIRY: _Body.long, AUTH_METHOD: _Body.string,
    AUTH_DATA: _Body.binary, WANTS_PROBLEMS: _Body.byte, WILL_DELAY: _Body.long, WANTS_RESPONSE: _Body.byte,
    REASON: _Body.string, RECEIVE_MAXIMUM: _Body.word, ALIAS_MAXIMUM: _Body.word, ALIAS: _Body.word,
    USER: _Body.pair, PACKET_SIZE: _Body.long,
}
_FLAG_PROPERTIES: Final = frozenset({PAYLOAD_FORMAT, WANTS_PROBLEMS, WANTS_RESPONSE})
_NOT_ZERO: Final = frozenset({SUBSCRIPTION_ID, RECEIVE_MAXIMUM, PACKET_SIZE, ALIAS})
#: which a client may send in which packet (0: the will)
_ALLOWED: Final = {
    0: frozenset({PAYLOAD_FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, WILL_DELAY, USER}),
    CONNECT: frozenset({SESSION_EXPIRY, AUTH_METHOD, AUTH_DATA, WANTS_PROBLEMS, WANTS_RESPONSE, RECEIVE_MAXIMUM,
                        ALIAS_MAXIMUM, USER, PACKET_SIZE}),
    PUBLISH: frozenset({PAYLOAD_FORMAT, EXPIRY, CONTENT_TYPE, RESPONSE_TOPIC, CORRELATION, ALIAS, USER}),
    PUBACK: frozenset({REASON, USER}), PUBREC: frozenset({REASON, USER}),
    PUBREL: frozenset({REASON, USER}), PUBCOMP: frozenset({REASON, USER}),
    SUBSCRIBE: frozenset({SUBSCRIPTION_ID, USER}), UNSUBSCRIBE: frozenset({USER}),
    DISCONNECT: frozenset({SESSION_EXPIRY, REASON, USER}),
}
_USERS: Final = 1000


def _properties(body: _Body, packet: int) -> dict[int, Any]:
    """The properties of a packet; USER is a list of pairs."""
    length = body.varint()
    if not length:
        return {}
    inside = _Body(body.take(length))
    found: dict[int, Any] = {}
    allowed = _ALLOWED[packet]
    while not inside.is_over:
        number = inside.byte()
        if number not in allowed:
            raise MalformedError("A property that has no place there", PROTOCOL_ERROR)
        value = _READERS[number](inside)
        if number == USER:
            users = found.setdefault(USER, [])
            users.append(value)
            if len(users) > _USERS:
                raise MalformedError("Too many user properties", TOO_LARGE)
            continue
        if number in found:
            raise MalformedError("A property that comes twice", PROTOCOL_ERROR)
        if (value == 0 and number in _NOT_ZERO) or (number in _FLAG_PROPERTIES and value > 1):
            raise MalformedError("A property with an impossible value", PROTOCOL_ERROR)
        found[number] = value
    return found


def _message_properties(found: dict[int, Any]) -> Properties | None:
    if not found:
        return None
    response = found.get(RESPONSE_TOPIC)
    if response is not None and not is_topic(response):
        raise MalformedError("A response topic that is none", PROTOCOL_ERROR)
    made = Properties(tuple(found.get(USER, ())), found.get(CONTENT_TYPE), response, found.get(CORRELATION),
                      found.get(EXPIRY), found.get(PAYLOAD_FORMAT))
    return None if made == NOTHING else made


@dataclass(slots=True)
class Connect:
    """CONNECT."""

    version: int
    client_id: str
    clean: bool
    keep_alive: int
    will: Publish | None = None
    will_delay: int = 0
    username: str | None = None
    password: bytes | None = None
    expiry: int = 0
    window: int = 65535
    packet_size: int = 268_435_455
    has_auth_method: bool = False
    user: tuple[tuple[str, str], ...] = ()


def check_flags(first: int) -> int:
    """The type of a packet, whose fixed flags are as they have to be."""
    kind = first >> 4
    if kind != PUBLISH and _FLAGS.get(kind) != first & 15:
        raise MalformedError("No packet a client sends")
    return kind


def decode_connect(data: bytes) -> Connect:
    """CONNECT, of either version."""
    body = _Body(data)
    name, version = body.binary(), body.byte()
    if name != b"MQTT" or version not in (V311, V5):
        if name in (b"MQTT", b"MQIsdp"):
            raise MalformedError("A version of MQTT that is not spoken here", UNSUPPORTED_VERSION)
        raise MalformedError("No CONNECT")
    flags, keep_alive = body.byte(), body.word()
    will_qos = flags >> 3 & 3
    if flags & 1 or will_qos > 2 or (not flags & 4 and flags & 0x38):
        raise MalformedError("Impossible flags in CONNECT")
    if version == V311 and flags & 0x40 and not flags & 0x80:
        raise MalformedError("A password without a user name")
    found = _properties(body, CONNECT) if version == V5 else {}
    made = Connect(version, body.string(), bool(flags & 2), keep_alive, expiry=found.get(SESSION_EXPIRY, 0),
                   window=found.get(RECEIVE_MAXIMUM, 65535), packet_size=found.get(PACKET_SIZE, 268_435_455),
                   has_auth_method=AUTH_METHOD in found or AUTH_DATA in found, user=tuple(found.get(USER, ())))
    if version == V311:
        made.expiry = 0 if made.clean else 0xFFFF_FFFF
    if flags & 4:
        extra = _properties(body, 0) if version == V5 else {}
        topic, payload = body.string(), body.binary()
        if not is_topic(topic):
            raise MalformedError("A will for what is no topic", TOPIC_NAME_INVALID)
        made.will_delay = extra.get(WILL_DELAY, 0)
        made.will = Publish(topic, payload, will_qos, bool(flags & 0x20), _message_properties(extra))
    if flags & 0x80:
        made.username = body.string()
    if flags & 0x40:
        made.password = body.binary()
    body.end()
    return made


def decode_publish(first: int, data: bytes, version: int, aliases: dict[int, str] | None = None,
                   ) -> tuple[Publish, int, bool]:
    """PUBLISH: the message, its packet number (0 at QoS 0) and whether it is sent again."""
    qos = first >> 1 & 3
    if qos == 3 or (qos == 0 and first & 8):
        raise MalformedError("Impossible flags in PUBLISH")
    if len(data) < 2:
        raise MalformedError("A packet that ends too early")
    at = 2 + (data[0] << 8 | data[1])
    if at > len(data):
        raise MalformedError("A packet that ends too early")
    try:
        topic = data[2:at].decode()
    except UnicodeDecodeError:
        raise MalformedError("A topic that is no UTF-8") from None
    number = 0
    if qos:
        if at + 2 > len(data) or not (number := data[at] << 8 | data[at + 1]):
            raise MalformedError("A packet without a number")
        at += 2
    properties = None
    if version == V5:
        if at < len(data) and data[at] == 0:  # none, mostly
            at += 1
        else:
            body = _Body(data)
            body.at = at
            found = _properties(body, PUBLISH)
            at = body.at
            if ALIAS in found:
                topic = _resolve_alias(topic, found.pop(ALIAS), aliases)
            properties = _message_properties(found)
    if not topic or "+" in topic or "#" in topic or "\0" in topic:
        raise MalformedError("A message to what is no topic", TOPIC_NAME_INVALID)
    return Publish(topic, data[at:], qos, bool(first & 1), properties), number, bool(first & 8)


def _resolve_alias(topic: str, alias: int, aliases: dict[int, str] | None) -> str:
    if aliases is None or alias > ALIASES:
        raise MalformedError("A topic alias that was not offered", _ALIAS_INVALID)
    if topic:
        aliases[alias] = topic
        return topic
    if alias not in aliases:
        raise MalformedError("A topic alias nobody knows", PROTOCOL_ERROR)
    return aliases[alias]


ALIASES: Final = 32  # that a client may use
_ALIAS_INVALID: Final = 0x94


def decode_ack(kind: int, data: bytes, version: int) -> tuple[int, int]:
    """PUBACK, PUBREC, PUBREL, PUBCOMP: packet number and reason code."""
    if len(data) == 2:
        number = data[0] << 8 | data[1]
        if number:
            return number, 0
    body = _Body(data)
    number = body.word()
    if not number:
        raise MalformedError("A packet without a number")
    if version == V311:
        raise MalformedError("A packet with bytes left over")
    code = body.byte()
    if not body.is_over:
        _properties(body, kind)
    body.end()
    return number, code


def decode_subscribe(data: bytes, version: int) -> tuple[int, list[Subscription]]:
    """SUBSCRIBE: packet number and what is wanted. A filter that is none has an empty `filter`."""
    body = _Body(data)
    number = body.word()
    if not number:
        raise MalformedError("A packet without a number")
    identifier = _properties(body, SUBSCRIBE).get(SUBSCRIPTION_ID, 0) if version == V5 else 0
    wanted = []
    while not body.is_over:
        name, how = body.string(), body.byte()
        if how & 3 == 3 or how & 0xC0 or how >> 4 == 3 or (version == V311 and how & 0xFC):
            raise MalformedError("Impossible options in SUBSCRIBE")
        if how & 4 and name.startswith("$share/"):
            raise MalformedError("A shared subscription cannot be no_local", PROTOCOL_ERROR)
        wanted.append(Subscription(name if is_filter(name) else "", how & 3, bool(how & 4), bool(how & 8), how >> 4,
                                   identifier))
    if not wanted:
        raise MalformedError("A SUBSCRIBE to nothing", PROTOCOL_ERROR)
    return number, wanted


def decode_unsubscribe(data: bytes, version: int) -> tuple[int, list[str]]:
    """UNSUBSCRIBE: packet number and filters."""
    body = _Body(data)
    number = body.word()
    if not number:
        raise MalformedError("A packet without a number")
    if version == V5:
        _properties(body, UNSUBSCRIBE)
    filters = []
    while not body.is_over:
        filters.append(body.string())
    if not filters:
        raise MalformedError("An UNSUBSCRIBE from nothing", PROTOCOL_ERROR)
    return number, filters


@dataclass(slots=True)
class Disconnect:
    """DISCONNECT."""

    code: int = 0
    expiry: int | None = None


def decode_disconnect(data: bytes, version: int) -> Disconnect:
    """DISCONNECT."""
    if not data:
        return Disconnect()
    if version == V311:
        raise MalformedError("A packet with bytes left over")
    body = _Body(data)
    made = Disconnect(body.byte())
    if not body.is_over:
        made.expiry = _properties(body, DISCONNECT).get(SESSION_EXPIRY)
    body.end()
    return made


# ------------------------------------------------------------------------------------------- writing


def _length(count: int) -> bytes:
    if count < 128:
        return bytes((count,))
    made = bytearray()
    while True:
        count, digit = count >> 7, count & 127
        made.append(digit | 128 if count else digit)
        if not count:
            return bytes(made)


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _property_bytes(properties: Properties, identifiers: tuple[int, ...] = ()) -> bytes:
    pieces = []
    if properties.payload_format is not None:
        pieces.append(bytes((PAYLOAD_FORMAT, properties.payload_format)))
    if properties.expiry is not None:
        pieces.append(struct.pack(">BI", EXPIRY, properties.expiry))
    if properties.content_type is not None:
        pieces.append(b"\3" + _text(properties.content_type))
    if properties.response_topic is not None:
        pieces.append(b"\x08" + _text(properties.response_topic))
    if properties.correlation is not None:
        pieces.append(b"\x09" + len(properties.correlation).to_bytes(2, "big") + properties.correlation)
    pieces += (b"\x0b" + _length(one) for one in identifiers)
    pieces += (b"\x26" + _text(name) + _text(value) for name, value in properties.user)
    return b"".join(pieces)


def encode_publish(message: Publish, version: int, *, qos: int = 0, retain: bool = False, dup: bool = False,
                   number: int = 0, identifiers: tuple[int, ...] = ()) -> bytes:
    """PUBLISH, as a broker sends it on."""
    topic = message.topic.encode()
    head = len(topic).to_bytes(2, "big") + topic
    if qos:
        head += number.to_bytes(2, "big")
    if version == V5:
        if message.properties is None and not identifiers:
            head += b"\0"
        else:
            extra = _property_bytes(message.properties or NOTHING, identifiers)
            head += _length(len(extra)) + extra
    first = 0x30 | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
    return b"%c%b%b%b" % (first, _length(len(head) + len(message.payload)), head, message.payload)


def encode_ack(kind: int, number: int, code: int = 0, version: int = V311) -> bytes:
    """PUBACK, PUBREC, PUBREL, PUBCOMP."""
    first = kind << 4 | (2 if kind == PUBREL else 0)
    if code and version == V5:
        return bytes((first, 3, number >> 8, number & 255, code))
    return bytes((first, 2, number >> 8, number & 255))


#: what 3.1.1 has for the codes of 5 in CONNACK
_OLD_CODES: Final = {0: 0, UNSUPPORTED_VERSION: 1, 0x85: 2, 0x86: 4, 0x87: 5}


def encode_connack(version: int, code: int, *, session_present: bool = False, properties: bytes = b"") -> bytes:
    """CONNACK; `properties` are those of MQTT 5."""
    if version == V5:
        body = bytes((int(session_present), code)) + _length(len(properties)) + properties
        return b"\x20" + _length(len(body)) + body
    return bytes((0x20, 2, int(session_present), _OLD_CODES.get(code, 3)))


def connack_properties(*, packet_size: int, window: int, client_id: str = "", keep_alive: int | None = None,
                       expiry: int | None = None) -> bytes:
    """What a broker tells a client of MQTT 5 about itself."""
    made = struct.pack(">BH", RECEIVE_MAXIMUM, window) + struct.pack(">BI", PACKET_SIZE, packet_size)
    made += struct.pack(">BH", ALIAS_MAXIMUM, ALIASES)
    if client_id:
        made += bytes((ASSIGNED_ID,)) + _text(client_id)
    if keep_alive is not None:
        made += struct.pack(">BH", SERVER_KEEP_ALIVE, keep_alive)
    if expiry is not None:
        made += struct.pack(">BI", SESSION_EXPIRY, expiry)
    return made


def encode_suback(number: int, codes: list[int], version: int) -> bytes:
    """SUBACK."""
    if version == V5:
        body = number.to_bytes(2, "big") + b"\0" + bytes(codes)
    else:
        body = number.to_bytes(2, "big") + bytes(min(code, 0x80) for code in codes)
    return b"\x90" + _length(len(body)) + body


def encode_unsuback(number: int, codes: list[int], version: int) -> bytes:
    """UNSUBACK."""
    body = number.to_bytes(2, "big") + (b"\0" + bytes(codes) if version == V5 else b"")
    return b"\xb0" + _length(len(body)) + body


def encode_disconnect(code: int) -> bytes:
    """DISCONNECT, which only brokers of MQTT 5 may send."""
    return bytes((0xE0, 1, code)) if code else b"\xe0\x00"


def encode_pingresp() -> bytes:
    """PINGRESP."""
    return _PINGRESP
