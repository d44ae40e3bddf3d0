"""Packets of MQTT: against the package mqtt5, cut anywhere, and with lies in them."""

from __future__ import annotations

from typing import Any

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efuns.sockets.mqtt import codec
from efuns.sockets.mqtt.codec import V5, V311, Frames, MalformedError
from efuns.sockets.mqtt.message import Properties, Publish

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
TOPIC = st.text(st.characters(exclude_characters="\0+#", exclude_categories=["Cs"]), min_size=1, max_size=20)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=3)
OPTIONAL = st.none() | TEXT
PROPERTIES = st.builds(
    Properties, PAIRS.map(tuple), OPTIONAL, st.none() | TOPIC, st.none() | st.binary(max_size=20),
    st.none() | st.integers(0, 0xFFFF_FFFF), st.none() | st.just(1))


def one(data: bytes) -> tuple[int, bytes]:
    """The only packet in some bytes."""
    frames = list(Frames(1 << 20).feed(data))
    assert len(frames) == 1
    return frames[0]


@given(TOPIC, st.binary(max_size=300), st.integers(0, 2), st.booleans(), PROPERTIES, st.integers(1, 65535))
def test_what_we_publish_others_read(topic: str, payload: bytes, qos: int, retain: bool, extra: Properties,
                                     number: int) -> None:
    data = codec.encode_publish(Publish(topic, payload, properties=extra), V5, qos=qos, retain=retain, number=number,
                                identifiers=(1, 200))

    packet, size = mqtt5.read(memoryview(data))

    assert size == len(data)
    assert isinstance(packet, mqtt5.PublishPacket)
    assert (packet.topic, packet.payload, packet.qos, packet.retain) == (topic, payload, qos, retain)
    assert packet.packet_id == (number if qos else None)
    assert (packet.user_properties, packet.content_type, packet.response_topic, packet.correlation_data,
            packet.message_expiry_interval, packet.subscription_ids) == (
        list(extra.user), extra.content_type, extra.response_topic, extra.correlation, extra.expiry, [1, 200])


@given(TOPIC, st.binary(max_size=300), st.integers(0, 2), st.booleans(), PROPERTIES, st.integers(1, 65535))
def test_what_others_publish_we_read(topic: str, payload: bytes, qos: int, retain: bool, extra: Properties,
                                     number: int) -> None:
    data = mqtt5.PublishPacket(
        topic, payload, qos=mqtt5.QoS(qos), retain=retain, packet_id=number if qos else None,
        payload_format_indicator=extra.payload_format or 0, message_expiry_interval=extra.expiry,
        content_type=extra.content_type, response_topic=extra.response_topic, correlation_data=extra.correlation,
        user_properties=list(extra.user)).write()

    message, found, is_again = codec.decode_publish(*one(data), V5)

    assert (message.topic, message.payload, message.qos, message.retain, found, is_again) == (
        topic, payload, qos, retain, number if qos else 0, False)
    assert (message.properties or Properties()) == extra


@given(TOPIC, st.binary(max_size=300), st.integers(0, 2), st.integers(1, 65535))
def test_the_old_version_there_and_back(topic: str, payload: bytes, qos: int, number: int) -> None:
    data = codec.encode_publish(Publish(topic, payload), V311, qos=qos, number=number, dup=qos > 0)

    message, found, is_again = codec.decode_publish(*one(data), V311)

    assert (message, found, is_again) == (Publish(topic, payload, qos), number if qos else 0, qos > 0)


@given(TEXT, OPTIONAL, st.none() | st.binary(max_size=20), st.booleans(), st.integers(0, 65535),
       st.integers(0, 0xFFFF_FFFF), st.integers(1, 65535), st.none() | st.integers(0, 2), PAIRS)
def test_connect(client_id: str, username: str | None, password: bytes | None, clean: bool, keep_alive: int,
                 expiry: int, window: int, will: int | None, pairs: list[tuple[str, str]]) -> None:
    data = mqtt5.ConnectPacket(
        client_id, username=username, password=password, clean_start=clean, keep_alive=keep_alive,
        session_expiry_interval=expiry, receive_max=window, user_properties=pairs,
        will=None if will is None else mqtt5.Will("a/b", payload=b"x", qos=mqtt5.QoS(will), retain=True,
                                                  will_delay_interval=5, user_properties=pairs)).write()

    found = codec.decode_connect(one(data)[1])

    assert (found.version, found.client_id, found.username, found.password, found.clean, found.keep_alive) == (
        V5, client_id, username, password, clean, keep_alive)
    assert (found.expiry, found.window, list(found.user)) == (expiry, window, pairs)
    if will is None:
        assert found.will is None
    else:
        assert found.will == Publish("a/b", b"x", will, True, Properties(tuple(pairs)) if pairs else None)
        assert found.will_delay == 5


def test_the_rest_of_what_brokers_send() -> None:
    connack = codec.encode_connack(V5, 0, session_present=True, properties=codec.connack_properties(
        packet_size=1000, window=9, client_id="made", keep_alive=7, expiry=8))
    packet: Any = mqtt5.read(memoryview(connack))[0]
    assert (packet.session_present, packet.reason_code) == (True, 0)
    assert (packet.receive_max, packet.max_packet_size) == (9, 1000)
    assert (packet.assigned_client_id, packet.server_keep_alive, packet.session_expiry_interval) == ("made", 7, 8)
    packet = mqtt5.read(memoryview(codec.encode_suback(5, [0, 2, 0x87], V5)))[0]
    assert (packet.packet_id, packet.reason_codes) == (5, [0, 2, 0x87])
    packet = mqtt5.read(memoryview(codec.encode_unsuback(5, [0, 17], V5)))[0]
    assert (packet.packet_id, packet.reason_codes) == (5, [0, 17])
    for kind, name in ((codec.PUBACK, "PubAckPacket"), (codec.PUBREC, "PubRecPacket"), (codec.PUBREL, "PubRelPacket"),
                       (codec.PUBCOMP, "PubCompPacket")):
        for code in (0, 0x92 if kind in (codec.PUBREL, codec.PUBCOMP) else 0x87):
            packet = mqtt5.read(memoryview(codec.encode_ack(kind, 300, code, V5)))[0]
            assert (type(packet).__name__, packet.packet_id, packet.reason_code) == (name, 300, code)
    packet = mqtt5.read(memoryview(codec.encode_disconnect(0x8E)))[0]
    assert packet.reason_code == 0x8E
    assert isinstance(mqtt5.read(memoryview(codec.encode_pingresp()))[0], mqtt5.PingRespPacket)
    assert codec.encode_connack(V311, 0x86) == b"\x20\2\0\4"
    assert codec.encode_suback(1, [1, 0x87], V311) == b"\x90\4\0\1\1\x80"
    assert codec.encode_unsuback(1, [0], V311) == b"\xb0\2\0\1"


def test_subscriptions() -> None:
    data = mqtt5.SubscribePacket(7, [
        mqtt5.TopicFilter("a/+", max_qos=mqtt5.QoS(1), no_local=True, retain_as_published=True,
                          retain_handling=mqtt5.RetainHandling(2))], subscription_id=9).write()
    number, (first, second) = codec.decode_subscribe(one(data)[1] + b"\0\2b#\0", V5)
    assert number == 7
    assert (first.filter, first.qos, first.no_local, first.retain_as_published, first.retain_handling,
            first.identifier) == ("a/+", 1, True, True, 2, 9)
    assert second.filter == ""
    data = mqtt5.UnsubscribePacket(8, ["a", "b"]).write()
    assert codec.decode_unsubscribe(one(data)[1], V5) == (8, ["a", "b"])


@given(st.lists(st.binary(max_size=400), max_size=5), st.data())
def test_packets_cut_anywhere(bodies: list[bytes], data: Any) -> None:
    packets = [(0x30, body) for body in bodies]
    stream = b"".join(b"\x30" + codec._length(len(body)) + body for body in bodies)
    frames, found, at = Frames(1000), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += frames.feed(stream[at:at + size])
        at += size
    assert found == packets


def test_a_packet_in_single_bytes_is_not_copied_again_and_again() -> None:
    frames = Frames(1 << 20)
    assert list(frames.feed(b"\x30\x80\x80\x04")) == []
    assert frames._wanted == 4 + (1 << 16)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x80\x80\x80\x80\x01", b"\xff\xff\xff\x7f"])
def test_lengths_that_lie(length: bytes) -> None:
    with pytest.raises(MalformedError):
        list(Frames(1000).feed(b"\x30" + length + b"x"))


#: type and flags, body, version, and the reason code
LIES = [
    (0x36, b"\0\1a\0\1", V311, 0x81),              # QoS 3
    (0x38, b"\0\1a", V311, 0x81),                  # sent again, at QoS 0
    (0x30, b"", V311, 0x81),
    (0x30, b"\0\5a", V311, 0x81),                  # a topic longer than its packet
    (0x32, b"\0\1a", V311, 0x81),                  # no packet number
    (0x32, b"\0\1a\0\0", V311, 0x81),              # number 0
    (0x30, b"\0\2\xff\xfe", V311, 0x81),
    (0x30, b"\0\0", V311, 0x90),
    (0x30, b"\0\1#", V311, 0x90),
    (0x30, b"\0\1+", V5, 0x81),                    # and no properties
    (0x30, b"\0\1\0", V311, 0x90),
    (0x30, b"\0\1a\5\1", V5, 0x81),                # properties longer than the packet
    (0x30, b"\0\1a\2\1\2", V5, 0x82),              # a flag that is neither
    (0x30, b"\0\1a\4\1\0\1\0", V5, 0x82),          # twice
    (0x30, b"\0\1a\2\x0b\1", V5, 0x82),            # a subscription identifier, which only brokers send
    (0x30, b"\0\0\3\x23\0\1", V5, 0x82),           # an alias nobody made
    (0x30, b"\0\1a\3\x23\0\0", V5, 0x82),          # alias 0
    (0x30, b"\0\1a\3\x23\0\x40", V5, 0x94),        # an alias that was not offered
    (0x30, b"\0\1a\4\x08\0\1#", V5, 0x82),         # a response topic that is none
    (0x82, b"\0\1", V311, 0x82),
    (0x82, b"\0\0\0\1a\0", V311, 0x81),
    (0x82, b"\0\1\0\1a", V311, 0x81),
    (0x82, b"\0\1\0\1a\3", V311, 0x81),
    (0x82, b"\0\1\0\1a\4", V311, 0x81),
    (0x82, b"\0\1\0\0\1a\x30", V5, 0x81),
    (0x82, b"\0\1\2\x0b\0\0\1a\0", V5, 0x82),
    (0x82, b"\0\1\0\0\x0a$share/g/a\4", V5, 0x82),
    (0xA2, b"\0\1", V311, 0x82),
    (0xA2, b"\0\1\0\5a", V311, 0x81),
    (0x40, b"\0\0", V311, 0x81),
    (0x40, b"\0", V5, 0x81),
    (0x40, b"\0\1\0", V311, 0x81),
    (0x40, b"\0\1\0\0\0", V5, 0x81),
    (0xE0, b"\0", V311, 0x81),
    (0xE0, b"\0\1", V5, 0x81),
]
CONNECTS = [
    (b"", 0x81), (b"\0\4MQTT\3\2\0\0\0\0", 0x84), (b"\0\6MQIsdp\3\2\0\0\0\0", 0x84), (b"\0\4HTTP\4\2\0\0\0\0", 0x81),
    (b"\0\4MQTT\4\3\0\0\0\0", 0x81), (b"\0\4MQTT\4\x1e\0\0\0\0", 0x81), (b"\0\4MQTT\4\x22\0\0\0\0", 0x81),
    (b"\0\4MQTT\4\x42\0\0\0\0", 0x81), (b"\0\4MQTT\4\2\0\0\0\1\0", 0x81), (b"\0\4MQTT\4\2\0\0\0\0x", 0x81),
    (b"\0\4MQTT\4\2\0\0\0\5a", 0x81), (b"\0\4MQTT\4\6\0\0\0\0\0\1#\0\0", 0x90),
    (b"\0\4MQTT\5\2\0\0\3\x21\0\0\0\0", 0x82),
    (b"\0\4MQTT\5\2\0\0\5\x27\0\0\0\0\0\0", 0x82),
]


def decode(first: int, body: bytes, version: int) -> object:
    """What a broker does with a packet."""
    kind = codec.check_flags(first)
    if kind == codec.CONNECT:
        return codec.decode_connect(body)
    if kind == codec.PUBLISH:
        return codec.decode_publish(first, body, version, {})
    if kind == codec.SUBSCRIBE:
        return codec.decode_subscribe(body, version)
    if kind == codec.UNSUBSCRIBE:
        return codec.decode_unsubscribe(body, version)
    if kind == codec.DISCONNECT:
        return codec.decode_disconnect(body, version)
    if kind in (codec.PUBACK, codec.PUBREC, codec.PUBREL, codec.PUBCOMP):
        return codec.decode_ack(kind, body, version)
    return None


@pytest.mark.parametrize(("first", "body", "version", "code"), LIES)
def test_lies(first: int, body: bytes, version: int, code: int) -> None:
    with pytest.raises(MalformedError) as caught:
        decode(first, body, version)
    assert caught.value.code == code


@pytest.mark.parametrize(("body", "code"), CONNECTS)
def test_connects_that_are_none(body: bytes, code: int) -> None:
    with pytest.raises(MalformedError) as caught:
        codec.decode_connect(body)
    assert caught.value.code == code


@pytest.mark.parametrize("first", [0x00, 0x11, 0x20, 0x41, 0x60, 0x80, 0x90, 0xA0, 0xB0, 0xC1, 0xD0, 0xE2])
def test_what_no_client_sends(first: int) -> None:
    with pytest.raises(MalformedError):
        codec.check_flags(first)


@given(st.integers(0, 255), st.binary(max_size=100), st.sampled_from([V311, V5]))
def test_any_bytes_are_a_packet_or_malformed(first: int, body: bytes, version: int) -> None:
    try:
        found = decode(first, body, version)
    except MalformedError as error:
        assert error.code >= 0x80
    else:
        assert found is not None or first in (0xC0, 0xF0)


def test_aliases() -> None:
    aliases: dict[int, str] = {}
    assert codec.decode_publish(0x30, b"\0\1a\3\x23\0\1x", V5, aliases)[0].topic == "a"
    assert codec.decode_publish(0x30, b"\0\0\3\x23\0\1y", V5, aliases)[0].topic == "a"
    assert codec.decode_publish(0x30, b"\0\1b\3\x23\0\1y", V5, aliases)[0].topic == "b"
    assert aliases == {1: "b"}
