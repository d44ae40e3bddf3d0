"""Mode 37 with brokers that lie, hang up, are silent, or speak an older version; and its options."""

from __future__ import annotations

import random
from typing import Any

import mqtt5
import pytest

from efuns.sockets import efuns, errors
from efuns.sockets.mqtt import codec as mqtt_codec
from efuns.sockets.mqtt.link import Target, parse_target
from lpc.errors import LPCError
from lpc.runtime.values import Mapping
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.mqtt_party import CLIENT, Party, Server, Wire, string

ACCEPT5 = b"\x20\3\0\0\0"
ACCEPT4 = b"\x20\2\0\0"


async def accepted(host: FakeHost, party: Party, server: Server, *, answer: bytes = ACCEPT5, **given: Any,
                   ) -> tuple[int, Wire]:
    """A client that a broker has accepted."""
    fd = party.connect(server.port, **given)
    wire = await server.wire()
    assert (await wire.packet())[0] == 0x10
    wire.send(answer)
    await host.until(lambda: fd in party.readies)
    return fd, wire


@pytest.mark.parametrize(("text", "expected"), [
    ("mqtt://host", Target("host", 1883)), ("mqtts://host", Target("host", 8883, True)), ("host", Target("host", 1883)),
    ("host 99", Target("host", 99)), ("host:99", Target("host", 99)), ("[::1]:99", Target("::1", 99)),
    ("::1 99", Target("::1", 99)), ("::1", Target("::1", 1883)), ("mqtt://[::1]", Target("::1", 1883)),
    ("mqtt://u:p%40@host:1/", Target("host", 1, False, "u", "p@")), ("ssl://host", Target("host", 8883, True)),
    ("", None), ("mqtt://", None), ("http://host", None), ("host x", None), ("host:x", None), ("host:0", None),
    ("host 99999", None), ("mqtt://host/path", None), ("mqtt://host?x", None), ("a b c", None), ("host\n", None),
    ("mqtt://[::1", None),
])
def test_targets(text: str, expected: Target | None) -> None:
    assert parse_target(text) == expected


async def test_what_is_said_first(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port, MQTT_CLIENT_ID="me", MQTT_USERNAME="anna", MQTT_PASSWORD="secret",
                           MQTT_KEEP_ALIVE=7, MQTT_WILL_TOPIC="wills", MQTT_CLEAN_SESSION=0, MQTT_SESSION_EXPIRY=9,
                           MQTT_WILL_MESSAGE=Mapping(payload="bye", qos=1, retain=1, delay=3,
                                                     user_properties=Mapping(a="b")),
                           MQTT_USER_PROPERTIES=Mapping(c="d"), CONTENT_SIZE_LIMIT=1000)
        assert party.write(fd, "too early", "a") == errors.EEALREADY
        first, body = await (await server.wire()).packet()
        packet: Any = mqtt5.read(memoryview(bytes((first, len(body))) + body))[0]
        assert (packet.client_id, packet.username, packet.password, packet.keep_alive, packet.clean_start) == (
            "me", "anna", b"secret", 7, False)
        assert (packet.session_expiry_interval, packet.user_properties) == (9, [("c", "d")])
        assert (packet.receive_max, packet.max_packet_size) == (64, 1000 + (128 << 10))
        will = packet.will
        assert (will.topic, will.payload, will.qos, will.retain, will.will_delay_interval, will.user_properties) == (
            "wills", b"bye", 1, True, 3, [("a", "b")])
        party.close(fd)


async def test_a_made_up_name_suits_every_broker(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port)
        name = efuns.socket_get_option(party.ob, fd, 131)
        assert isinstance(name, str)
        assert name.isalnum()
        assert name.isascii()
        assert len(name) <= 23
        party.close(fd)


@pytest.mark.parametrize("answer", [b"\x20\2\0\1", b"\x20\3\0\x84\0", b""])
async def test_an_older_broker_is_asked_again(host: FakeHost, answer: bytes) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port)
        first = await server.wire()
        assert b"MQTT\5" in (await first.packet())[1]
        first.send(answer)
        first.close()
        second = await server.wire()
        assert b"MQTT\4" in (await second.packet())[1]
        second.send(ACCEPT4)
        await host.until(lambda: party.readies)
        assert efuns.socket_get_option(party.ob, fd, 40) == "3.1.1"
        assert party.write(fd, {"topic": "a", "user_properties": Mapping(a="b")}) == errors.EEBADDATA
        assert party.write(fd, {"subscribe": "a", "no_local": 1}) == errors.EEBADDATA
        assert party.write(fd, {"subscribe": "a"}) == 1
        party.close(fd)


async def test_but_not_for_ever(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port)
        for _ in range(2):
            wire = await server.wire()
            await wire.packet()
            wire.close()
        await host.until(lambda: party.ends)
        assert party.ends == [(fd, "The other end closed the connection", errors.EEBADF)]


@pytest.mark.parametrize(("code", "text"), [
    (1, "Unacceptable protocol version"), (2, "Client identifier not valid"), (3, "Server unavailable"),
    (4, "Bad user name or password"), (5, "Not authorized"),
])
async def test_refusals_of_the_old_version(host: FakeHost, code: int, text: str) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port, SO_PROTOCOL_VERSION="3.1.1")
        wire = await server.wire()
        await wire.packet()
        wire.send(bytes((0x20, 2, 0, code)))
        await host.until(lambda: party.ends)
        assert party.ends == [(fd, f"The broker refused the connection: {text}", code)]


async def test_a_reason_in_the_brokers_own_words(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port, SO_PROTOCOL_VERSION="5")
        wire = await server.wire()
        await wire.packet()
        wire.send(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.BANNED, reason_str="go away").write())
        await host.until(lambda: party.ends)
        assert party.ends == [(fd, "The broker refused the connection: Banned (go away)", 0x8A)]


async def test_a_broker_that_never_answers(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd = party.connect(server.port, SO_TIMEOUT=1000)
        await server.wire()
        await host.until(lambda: party.ends)
        assert party.ends == [(fd, "The broker does not answer", errors.EECONNECT)]


LIES = [
    b"\x30\xff\xff\xff\x7f", b"\x30\xff\xff\xff\xff\xff", b"\x30\2\0\5", b"\x36\6\0\1a\0\1x", b"\x30\5\0\2\xff\xfe\0",
    b"\x30\4\0\1#\0", b"\x30\3\0\0\0", b"\x30\4\0\1\0\0", b"\x10\0", b"\x00\0", b"\xf0\0", b"\x40\1\0", b"\x90\1\0",
    b"\x30\x05\0\1a\5\1", b"\xd0\1x", b"\x30\x05\0\1a\1\xfe", b"\xb0\2\0\1", b"\xe0\2\x80\5",
]


@pytest.mark.parametrize("data", LIES)
async def test_lies_end_the_connection_with_a_reason(host: FakeHost, data: bytes) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server)
        wire.send(data)
        end = (await host.until(lambda: party.ends))[0]
        assert end[0] == fd
        assert end[1] in ("The broker sent what is no MQTT", "The broker sent a packet that is too large")
        assert end[2] in (0x81, 0x95)
        assert await wire.rest() is not None


@pytest.mark.parametrize("is_accepted", [True, False])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_random_bytes(host: FakeHost, is_accepted: bool, version: str) -> None:
    chance = random.Random(3)
    party = Party(host)
    answer = ACCEPT5 if version == "5" else ACCEPT4
    with Server() as server:
        for _ in range(40):
            if is_accepted:
                _, wire = await accepted(host, party, server, answer=answer, SO_PROTOCOL_VERSION=version)
            else:
                party.connect(server.port, SO_PROTOCOL_VERSION=version)
                wire = await server.wire()
            before = len(party.ends)
            wire.send(b"".join(
                bytes((chance.choice([0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0]),
                       len(body := chance.randbytes(chance.randrange(12))))) + body for _ in range(8)))
            wire.close()
            await host.until(lambda before=before: len(party.ends) > before)
            assert "\n" not in party.ends[-1][1]
            party.readies.clear()
    assert host.errors == []


async def test_a_broker_that_says_goodbye(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server)
        wire.send(b"\xe0\1\x8b")
        await host.until(lambda: party.ends)
        assert party.ends == [(fd, "The broker disconnected: Server shutting down", 0x8B)]


async def test_a_full_window(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server, answer=b"\x20\6\0\0\3\x21\0\4")  # Receive Maximum 4
        party.readies.clear()
        codes = [party.write(fd, {"topic": "a", "payload": f"{n}", "qos": 1}) for n in range(6)]
        assert codes == [1, 1, 1, errors.EECALLBACK, errors.EEALREADY, errors.EEALREADY]
        assert party.write(fd, "x", "a") == errors.EEALREADY
        numbers = []
        for expected in range(4):
            first, body = await wire.packet()
            assert (first, body[-1:]) == (0x32, str(expected).encode())
            numbers.append(body[3:5])
        wire.send(b"\x40\2" + numbers[0])
        await host.turn(10)
        assert party.readies == []
        wire.send(b"\x40\2" + numbers[1])
        await host.until(lambda: party.readies)
        assert party.write(fd, {"topic": "a", "qos": 2}) == 1
        assert party.readies == [fd]
        efuns.socket_set_option(party.ob, fd, 9, 0)
        party.close(fd)


async def test_a_broker_that_reads_nothing(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server)
        party.readies.clear()
        codes = [party.write(fd, "x" * 100_000, "a") for _ in range(200)]
        assert errors.EECALLBACK in codes
        taken = codes.count(1) + codes.count(errors.EECALLBACK)
        assert set(codes[taken:]) == {errors.EEALREADY}
        assert taken < 100
        for _ in range(taken):
            assert len((await wire.packet())[1]) == 100_004
        await host.until(lambda: party.readies)
        party.close(fd)


async def test_what_the_broker_cannot_do(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        # Maximum QoS 1, no retained messages, packets of 50 bytes at the most
        fd, _ = await accepted(host, party, server, answer=b"\x20\x0c\0\0\x09\x24\1\x25\0\x27\0\0\0\x32")
        assert party.write(fd, {"topic": "a", "qos": 2}) == errors.EEBADDATA
        assert efuns.socket_get_option(party.ob, fd, 1010) == "The broker takes no message of QoS 2"
        assert party.write(fd, {"topic": "a", "retain": 1}) == errors.EEBADDATA
        assert party.write(fd, "x" * 50, "a") == errors.EEBADDATA
        assert party.write(fd, "x" * 20, "a") == 1
        party.close(fd)


async def test_a_qos_2_message_the_broker_refuses_is_not_released(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server, MQTT_EVENTS=1)
        party.write(fd, {"topic": "a", "qos": 2})
        _, body = await wire.packet()
        wire.send(b"\x50\3" + body[3:5] + b"\x97")
        await host.until(lambda: [event for event in party.events if event["event"] == "puback"])
        assert party.events[-1]["code"] == 0x97
        assert "Quota exceeded" in host.logged.pop()
        party.close(fd)
        assert (await wire.packet())[0] == 0xE0


@pytest.mark.parametrize(("count", "size"), [(10_100, 1), (200, 1000)])
async def test_too_much_of_qos_2(host: FakeHost, count: int, size: int) -> None:
    party = Party(host)
    with Server() as server:
        _, wire = await accepted(host, party, server, CONTENT_SIZE_LIMIT=1000)
        head, tail = b"\x34" + mqtt_codec._length(6 + size) + string(b"a"), b"\0" + b"x" * size
        wire.send(b"".join(head + n.to_bytes(2, "big") + tail for n in range(1, count)))
        await host.until(lambda: party.ends)
        assert party.ends[0][2] == 0x93


async def test_what_was_subscribed_is_subscribed_again(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        fd, wire = await accepted(host, party, server, MQTT_RECONNECT=1, MQTT_EVENTS=1)
        party.write(fd, {"subscribe": Mapping({"kept": 1, "refused": 1, "left": 0})})
        _, body = await wire.packet()
        wire.send(b"\x90\6" + body[:2] + b"\0\1\x87\0")
        await host.until(lambda: [event for event in party.events if event["event"] == "suback"])
        party.write(fd, {"unsubscribe": "left"})
        await wire.packet()
        party.write(fd, {"subscribe": "unanswered", "qos": 2, "subscription_id": 5})
        await wire.packet()
        wire.close()
        wire = await server.wire()
        await wire.packet()
        assert party.write(fd, "x", "a") == errors.EEALREADY
        wire.send(ACCEPT5)  # which knows nothing of us
        packets = [await wire.packet() for _ in range(2)]
        assert [body[2:] for _, body in packets] == [b"\0" + string(b"kept") + b"\1",
                                                     b"\2\x0b\5" + string(b"unanswered") + b"\2"]
        wire.close()
        wire = await server.wire()
        await wire.packet()
        wire.send(b"\x20\3\1\0\0")  # which knows us, but never answered
        packets = [await wire.packet() for _ in range(2)]
        assert len(packets) == 2
        assert [event["event"] for event in party.events if event["event"].endswith("connected")] == [
            "connected", "disconnected", "connected", "disconnected", "connected"]
        assert "refused the subscription to refused" in host.logged.pop()
        party.close(fd)


async def test_a_session_taken_over_is_not_fought_for(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        _, wire = await accepted(host, party, server, MQTT_RECONNECT=1)
        wire.send(b"\xe0\1\x8e")
        await host.until(lambda: party.ends)
        assert party.ends[0][1:] == ("The broker disconnected: Session taken over", 0x8E)


async def test_closing_while_it_connects(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        for _ in range(3):
            fd = party.connect(server.port)
            party.close(fd)
        fd = party.connect(server.port)
        wire = await server.wire()
        party.close(fd)
        await wire.rest()
    assert (party.readies, party.ends) == ([], [])


async def test_closing_in_every_callback(host: FakeHost) -> None:
    party = Party(host)
    party.ob.extra["ready"] = lambda fd: party.close(fd)
    with Server() as server:
        fd = party.connect(server.port)
        wire = await server.wire()
        await wire.packet()
        wire.send(ACCEPT5 + b"\x30\4" + string(b"a") + b"\0")
        assert (await wire.packet())[0] == 0xE0
        party.ob.extra["ready"] = party.readies.append
        party.ob.extra["got"] = lambda fd, message, address: party.close(fd)
        fd, wire = await accepted(host, party, server)
        wire.send((b"\x30\4" + string(b"a") + b"\0") * 3)
        assert (await wire.packet())[0] == 0xE0
        assert party.socket(fd) is None
        party.ob.extra["ended"] = lambda fd, reason, code: party.ends.append((fd, reason, code)) or party.close(fd)
        party.readies.clear()
        fd, wire = await accepted(host, party, server)
        wire.close()
        await host.until(lambda: party.ends)


async def test_a_destructed_owner_says_goodbye(host: FakeHost) -> None:
    party = Party(host)
    with Server() as server:
        _, wire = await accepted(host, party, server)
        host.destruct(party.ob)
        assert (await wire.packet())[0] == 0xE0
        assert await wire.rest() == b""
    assert party.ends == []


@pytest.mark.parametrize(("name", "value"), [
    ("MQTT_WILL_MESSAGE", Mapping(payload=1)), ("MQTT_WILL_MESSAGE", Mapping(qos=3)),
    ("MQTT_WILL_MESSAGE", Mapping(delay=-1)), ("MQTT_WILL_MESSAGE", Mapping(wrong=1)),
    ("MQTT_USER_PROPERTIES", Mapping(a=1)), ("MQTT_CLIENT_ID", "a\0"), ("MQTT_USERNAME", "ü" * 40_000),
    ("SO_PROTOCOL_VERSION", "4"), ("MQTT_QOS", 3), ("MQTT_KEEP_ALIVE", 65536),
])
async def test_options_that_will_not_do(host: FakeHost, name: str, value: Any) -> None:
    party = Party(host)
    with pytest.raises(LPCError, match=f"Bad socket option value for {name}"):
        party.make(CLIENT, MQTT_WILL_TOPIC="wills", **{name: value})
    with pytest.raises(LPCError, match="MQTT_WILL_TOPIC"):
        party.make(CLIENT, MQTT_WILL_TOPIC="a/#")
    party.close(0, 1)


async def test_what_a_client_cannot_do(host: FakeHost) -> None:
    party = Party(host)
    fd = party.make(CLIENT)
    assert efuns.socket_bind(party.ob, fd, 0, None) == errors.EEMODENOTSUPP
    assert efuns.socket_accept(party.ob, fd, "got", "ready") == errors.EEMODENOTSUPP
    assert party.write(fd, "x", "a") == errors.EENOTCONN
    assert efuns.socket_connect(party.ob, fd, "", "got", "ready") == errors.EEBADADDR
    efuns.socket_set_option(party.ob, fd, 40, "3.1.1")
    efuns.socket_set_option(party.ob, fd, 1043, Mapping(a="b"))
    assert efuns.socket_connect(party.ob, fd, "127.0.0.1", "got", "ready") == errors.EEBADDATA
    host.permissions.refusal = "no"
    assert efuns.socket_connect(party.ob, fd, "127.0.0.1", "got", "ready") == errors.EESECURITY
    assert efuns.socket_connect(party.ob, fd, "example.org", "got", "ready") == errors.EESECURITY
    party.close(fd)
