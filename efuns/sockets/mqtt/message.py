"""MQTT messages as LPC sees and writes them: what modes 37 and 38 share.

A message is a mapping: topic, payload (a string if it is UTF-8, else a buffer), qos, retain, dup, packet_id,
and what MQTT 5 adds where it is there: user_properties, content_type, response_topic, correlation_data,
expiry, payload_format, subscription_ids. socket_write() takes

    payload, topic                            the payload alone, the topic in the address slot
    (["topic": …, "payload": …, …])           a message
    (["subscribe": filter | ({ filters }) | ([ filter: qos ]), …])
    (["unsubscribe": filter | ({ filters })])

`command` reads these; RefusedError says what is wrong. A key that means nothing is refused too: a
misspelt "reatin" would otherwise be lost without a word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from efuns.sockets import errors
from efuns.sockets.mqtt.topics import LONGEST, is_filter, is_topic
from efuns.sockets.wire import text_bytes
from lpc.runtime.values import Buffer, Mapping, Value

_USER_PROPERTIES: Final = 1000
_FILTERS: Final = 10_000  # of one command
_LONGEST_PACKET: Final = 268_435_455
_MESSAGE_KEYS: Final = frozenset({
    "topic", "payload", "qos", "retain", "dup", "packet_id", "user_properties", "content_type", "response_topic",
    "correlation_data", "expiry", "payload_format", "subscription_ids"})
_SUBSCRIBE_KEYS: Final = frozenset({
    "subscribe", "qos", "no_local", "retain_as_published", "retain_handling", "subscription_id"})
_UNSUBSCRIBE_KEYS: Final = frozenset({"unsubscribe"})


class RefusedError(Exception):
    """A message that cannot be sent: an EE* code, and why in words."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True, frozen=True)
class Properties:
    """What MQTT 5 lets a message carry beside its payload."""

    user: tuple[tuple[str, str], ...] = ()
    content_type: str | None = None
    response_topic: str | None = None
    correlation: bytes | None = None
    expiry: int | None = None  # seconds
    payload_format: int | None = None  # 1: UTF-8
    subscription_ids: tuple[int, ...] = ()


NOTHING: Final = Properties()


@dataclass(slots=True)
class Publish:
    """A message to be published."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties | None = None


@dataclass(slots=True, frozen=True)
class Subscription:
    """A filter and how its messages are wanted."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int = 0


@dataclass(slots=True, frozen=True)
class Unsubscribe:
    """Filters nothing more is wanted from."""

    filters: tuple[str, ...]


Command = Publish | tuple[Subscription, ...] | Unsubscribe


def command(message: Value, address: str | None, qos: int, retain: bool) -> Command:
    """What a socket_write() asks for; `qos` and `retain` hold where it does not say. RefusedError where it will
    not do."""
    if isinstance(message, (str, Buffer)):
        if address is None:
            raise RefusedError(errors.EEBADADDR, "A payload needs a topic: socket_write(fd, payload, topic)")
        return Publish(_topic(address), _payload(message), qos, retain)
    if not isinstance(message, Mapping):
        raise RefusedError(errors.EETYPENOTSUPP, "A message is a string, a buffer or a mapping")
    if "subscribe" in message:
        _check_keys(message, _SUBSCRIBE_KEYS)
        return _subscriptions(message, qos)
    if "unsubscribe" in message:
        _check_keys(message, _UNSUBSCRIBE_KEYS)
        return Unsubscribe(tuple(map(_filter, _strings(message["unsubscribe"], "unsubscribe"))))
    _check_keys(message, _MESSAGE_KEYS)
    topic = message.get("topic", address)
    if not isinstance(topic, str):
        raise RefusedError(errors.EEBADADDR, "A message needs a topic")
    return Publish(_topic(topic), _payload(message.get("payload", "")), _number(message, "qos", 2, qos),
                   bool(_number(message, "retain", 1, int(retain))), properties_of(message))


def _check_keys(message: Mapping, known: frozenset[str]) -> None:
    for key in message:
        if key not in known:
            raise RefusedError(errors.EEBADDATA, f"\"{key}\" means nothing here" if isinstance(key, str)
                               else "The keys of a message are strings")


def _topic(text: str) -> str:
    if not is_topic(text):
        raise RefusedError(errors.EEBADADDR, "A topic is neither empty nor has wildcards or zero bytes in it")
    return text


def _filter(text: str) -> str:
    if not is_filter(text):
        raise RefusedError(errors.EEBADADDR, f"'{text[:100]}' is no topic filter")
    return text


def _payload(value: Value) -> bytes:
    if isinstance(value, str):
        data = text_bytes(value)
    elif isinstance(value, Buffer):
        data = bytes(value.data)
    else:
        raise RefusedError(errors.EETYPENOTSUPP, "A payload is a string or a buffer")
    if len(data) > _LONGEST_PACKET - LONGEST - 100:
        raise RefusedError(errors.EEBADDATA, "The payload is larger than a packet of MQTT")
    return data


def _number(message: Mapping, key: str, most: int, default: int) -> int:
    value = message.get(key, default)
    if not isinstance(value, int) or not 0 <= value <= most:
        raise RefusedError(errors.EEBADDATA, f"{key} is a number of 0 to {most}")
    return int(value)


def _strings(value: Value, key: str) -> list[str]:
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise RefusedError(errors.EETYPENOTSUPP, f"{key} is a string or an array of strings")
    if not 0 < len(given) <= _FILTERS:
        raise RefusedError(errors.EEBADDATA, f"{key} names 1 to {_FILTERS} filters")
    return given


def _subscriptions(message: Mapping, qos: int) -> tuple[Subscription, ...]:
    given = message["subscribe"]
    default = _number(message, "qos", 2, qos)
    wanted: dict[str, int]
    if isinstance(given, Mapping):
        if not 0 < len(given) <= _FILTERS or not all(isinstance(key, str) for key in given):
            raise RefusedError(errors.EEBADDATA, f"subscribe names 1 to {_FILTERS} filters")
        wanted = {key: _number(given, key, 2, default) for key in given}
    else:
        wanted = dict.fromkeys(_strings(given, "subscribe"), default)
    flags = (bool(_number(message, "no_local", 1, 0)), bool(_number(message, "retain_as_published", 1, 0)),
             _number(message, "retain_handling", 2, 0), _number(message, "subscription_id", _LONGEST_PACKET, 0))
    return tuple(Subscription(_filter(name), level, *flags) for name, level in wanted.items())


# ----------------------------------------------------------------------------------- what MQTT 5 adds


def properties_of(message: Mapping) -> Properties | None:
    """The MQTT 5 properties of a message mapping; None where it has none."""
    made = Properties(
        user_pairs(message.get("user_properties")), _short_text(message, "content_type"),
        _response_topic(message), _correlation(message.get("correlation_data")),
        _number(message, "expiry", 0xFFFF_FFFF, 0) if "expiry" in message else None,
        _number(message, "payload_format", 1, 0) or None)
    return None if made == NOTHING else made


def user_pairs(given: Value) -> tuple[tuple[str, str], ...]:
    """User properties from a mapping of strings, or of arrays of strings for a name that comes repeatedly."""
    if given is None or (isinstance(given, int) and given == 0):
        return ()
    if not isinstance(given, Mapping):
        raise RefusedError(errors.EETYPENOTSUPP, "user_properties is a mapping")
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        values = value if isinstance(value, list) else [value]
        if not is_short(name) or not all(map(is_short, values)):
            raise RefusedError(errors.EEBADDATA, "user_properties are strings by name, at most 65535 bytes each")
        pairs += ((name, one) for one in values)
    if len(pairs) > _USER_PROPERTIES:
        raise RefusedError(errors.EEBADDATA, f"{_USER_PROPERTIES} user_properties are the most")
    return tuple(pairs)


def is_short(text: Value) -> bool:
    """Whether MQTT can carry a string: it has UTF-8, no zero bytes, and its length fits into two bytes."""
    if not isinstance(text, str) or "\0" in text:
        return False
    try:
        return len(text.encode()) <= LONGEST
    except UnicodeEncodeError:
        return False


def _short_text(message: Mapping, key: str) -> str | None:
    value = message.get(key)
    if value is None:
        return None
    if not is_short(value):
        raise RefusedError(errors.EEBADDATA, f"{key} is a string of at most 65535 bytes")
    text: str = value
    return text


def _response_topic(message: Mapping) -> str | None:
    text = _short_text(message, "response_topic")
    return None if text is None else _topic(text)


def _correlation(value: Value) -> bytes | None:
    if value is None:
        return None
    data = _payload(value)
    if len(data) > LONGEST:
        raise RefusedError(errors.EEBADDATA, "correlation_data has at most 65535 bytes")
    return data


# --------------------------------------------------------------------------------------- towards LPC


def message_mapping(topic: str, payload: bytes, qos: int, retain: bool, dup: bool, packet_id: int,
                    properties: Properties | None) -> Mapping:
    """A message for the read callback."""
    try:
        body: Any = payload.decode()
    except UnicodeDecodeError:
        body = Buffer(payload)
    made = Mapping(topic=topic, payload=body, qos=qos, retain=1 if retain else 0, dup=1 if dup else 0,
                   packet_id=packet_id)
    if properties is not None:
        _add_properties(made, properties)
    return made


def _add_properties(made: Mapping, properties: Properties) -> None:
    if properties.user:
        made["user_properties"] = user_mapping(properties.user)
    for key, text in (("content_type", properties.content_type), ("response_topic", properties.response_topic)):
        if text is not None:
            made[key] = text
    if properties.correlation is not None:
        made["correlation_data"] = Buffer(properties.correlation)
    if properties.expiry is not None:
        made["expiry"] = properties.expiry
    if properties.payload_format:
        made["payload_format"] = properties.payload_format
    if properties.subscription_ids:
        made["subscription_ids"] = list(properties.subscription_ids)


def user_mapping(pairs: tuple[tuple[str, str], ...]) -> Mapping:
    """User properties as a mapping: a name that comes repeatedly has an array."""
    made = Mapping()
    for name, value in pairs:
        former = made.get(name)
        if former is None:
            made[name] = value
        elif isinstance(former, list):
            former.append(value)
        else:
            made[name] = [former, value]
    return made
