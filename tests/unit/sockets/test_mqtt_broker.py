"""Mode 38 with clients that lie, dawdle, flood, or read nothing."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from efuns.sockets import efuns, errors
from efuns.sockets.mqtt import broker as mqtt_broker
from efuns.sockets.mqtt import codec as mqtt_codec
from efuns.sockets.mqtt.broker import MqttBroker
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.mqtt_party import BROKER, Party, Wire, connect_packet, string
from tests.unit.sockets.test_mqtt_codec import CONNECTS, LIES

SUBSCRIBE = b"\x82" + bytes((8,)) + b"\0\1" + string(b"a/b") + b"\1"
PUBLISH = b"\x30\6" + string(b"a/b") + b"x"


@asynccontextmanager
async def client(port: int, data: bytes = connect_packet()) -> AsyncIterator[Wire]:
    """A connection that has said something."""
    wire = await Wire.to(port)
    wire.send(data)
    try:
        yield wire
    finally:
        wire.close()


async def welcome(wire: Wire) -> Wire:
    """Read the CONNACK."""
    first, body = await wire.packet()
    assert (first, body[1]) == (0x20, 0)
    return wire


def broker_of(party: Party, fd: int) -> MqttBroker:
    found = party.socket(fd)
    assert isinstance(found, MqttBroker)
    return found


@pytest.mark.parametrize(("first", "body", "version", "code"), LIES)
async def test_lies_end_the_connection_and_nothing_else(host: FakeHost, first: int, body: bytes, version: int,
                                                        code: int) -> None:
    party = Party(host)
    fd, port = party.serve()
    async with client(port, connect_packet(version=version)) as wire, client(port, connect_packet(b"y")) as other:
        await welcome(wire)
        await welcome(other)
        wire.send(bytes((first, len(body))) + body)
        rest = await wire.rest()
        assert rest == (bytes((0xE0, 1, code)) if version == 5 else b"")
        other.send(b"\xc0\0")
        assert await other.packet() == (0xD0, b"")
    assert party.ends == []
    party.close(fd)


@pytest.mark.parametrize(("body", "code"), CONNECTS)
async def test_connects_that_are_none(host: FakeHost, body: bytes, code: int) -> None:
    party = Party(host)
    fd, port = party.serve()
    async with client(port, bytes((0x10, len(body))) + body) as wire:
        assert await wire.rest() == (b"\x20\2\0\1" if code == 0x84 else b"")
    assert broker_of(party, fd).connections == set()
    party.close(fd)


@pytest.mark.parametrize("data", [
    PUBLISH, SUBSCRIBE, b"\xc0\0", b"\xe0\0", b"GET / HTTP/1.1\r\n\r\n", b"\x16\3\1\2\0\1\0\1\xfc\3\3", b"\0" * 100,
    b"\x10\xff\xff\xff\x7f", b"\x10\x80\x80\x80\x80\x80", connect_packet() + connect_packet(),
    connect_packet(b"n" * 100 + b"\xff"),
])
async def test_what_is_no_beginning(host: FakeHost, data: bytes) -> None:
    party = Party(host)
    fd, port = party.serve()
    async with client(port, data) as wire:
        assert await wire.rest() in (b"", b"\x20\2\0\0")
    party.close(fd)


async def test_random_bytes(host: FakeHost) -> None:
    chance = random.Random(1)
    party = Party(host)
    fd, port = party.serve()
    for _ in range(60):
        data = connect_packet(version=chance.choice([4, 5])) + b"".join(
            bytes((chance.choice([0x30, 0x32, 0x34, 0x3B, 0x82, 0xA2, 0x40, 0x50, 0x62, 0x70, 0xE0, 0xC0]),
                   len(body := chance.randbytes(chance.randrange(20))))) + body for _ in range(5))
        async with client(port, data[:chance.randrange(len(data))]) as wire:
            wire.socket.shutdown(socket.SHUT_WR)
            await wire.rest()
    assert host.errors == []
    assert broker_of(party, fd).connections == set()
    assert broker_of(party, fd).ledger.bytes == 0
    party.close(fd)


async def test_a_packet_in_single_bytes(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve()
    assert party.write(fd, {"subscribe": "a/b"}) == 1
    async with client(port, b"") as wire:
        for byte in connect_packet() + PUBLISH:
            wire.send(bytes((byte,)))
            await asyncio.sleep(0)
        message = await host.until(lambda: party.messages)
        assert (message[0]["topic"], message[0]["payload"], message[0]["client_id"]) == ("a/b", "x", "x")
    party.close(fd)


async def test_a_packet_larger_than_allowed(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve(CONTENT_SIZE_LIMIT=1000)
    async with client(port, connect_packet(version=5)) as wire:
        first, body = await wire.packet()
        assert b"\x27" + (1000 + (128 << 10)).to_bytes(4, "big") in body
        wire.send(b"\x30" + mqtt_codec._length(1001 + (128 << 10)) + b"x")
        assert await wire.rest() == b"\xe0\1\x95"
    assert party.write(fd, "x" * 1001, "a") == errors.EEBADDATA
    party.close(fd)


async def test_who_never_says_connect(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve(SO_TIMEOUT=1000)
    async with client(port, b"\x10") as wire:
        assert await wire.rest() == b""
    party.close(fd)


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_subscriber_that_stops_reading_costs_a_bounded_amount(host: FakeHost, qos: int) -> None:
    party = Party(host)
    fd, port = party.serve(MQTT_MAX_QUEUED=50, SO_SNDBUF=4096)
    broker = broker_of(party, fd)
    subscribe = b"\x82\x08\0\1" + string(b"a/b") + bytes((qos,))
    async with client(port, connect_packet() + subscribe) as deaf, client(port, connect_packet(b"y")) as other:
        await welcome(deaf)
        await deaf.packet()
        await welcome(other)
        for _ in range(500):
            assert party.write(fd, {"topic": "a/b", "payload": Buffer(bytes(20_000)), "qos": qos}) == 1
            await asyncio.sleep(0)
        assert broker.ledger.dropped > 300
        assert broker.ledger.bytes <= 80 * 20_200
        assert max(connection.queued for connection in broker.connections) < 1 << 20
        other.send(b"\xc0\0")
        assert await other.packet() == (0xD0, b"")
    party.close(fd)
    await host.turn()


async def test_a_stalled_client_is_closed(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt_broker, "STALLED_SECONDS", 0.05)
    party = Party(host)
    fd, port = party.serve(MQTT_EVENTS=1, SO_SNDBUF=4096)
    async with client(port, connect_packet() + b"\x82\x08\0\1" + string(b"a/b") + b"\0") as deaf:
        await welcome(deaf)
        await deaf.packet()
        for _ in range(300):
            party.write(fd, Buffer(bytes(20_000)), "a/b")
            await asyncio.sleep(0)
        await host.until(lambda: [event for event in party.events if event["event"] == "disconnect"])
        assert party.events[-1]["reason"] == "The client reads nothing"
    party.close(fd)


async def test_more_of_qos_2_than_a_client_may_have(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve()
    async with client(port, connect_packet(version=5)) as wire:
        await welcome(wire)
        for number in range(1, 1002):
            wire.send(b"\x34\7" + string(b"a") + number.to_bytes(2, "big") + b"\0x")
        assert (await wire.rest()).endswith(b"\xe0\1\x93")
    party.close(fd)


async def test_qos_2_by_hand(host: FakeHost) -> None:
    """A PUBLISH that comes twice is one message; PUBREL and PUBCOMP that nobody expects do no harm."""
    party = Party(host)
    fd, port = party.serve()
    party.write(fd, {"subscribe": "a", "qos": 2})
    async with client(port) as wire:
        await welcome(wire)
        for first in (0x34, 0x3C, 0x3C):
            wire.send(bytes((first, 6)) + string(b"a") + b"\0\x09x")
            assert await wire.packet() == (0x50, b"\0\x09")
        for _ in range(2):
            wire.send(b"\x62\2\0\x09")
            assert await wire.packet() == (0x70, b"\0\x09")
        wire.send(b"\x70\2\0\x63\x50\2\0\x63\x40\2\0\x63")
        assert await wire.packet() == (0x62, b"\0\x63")
        wire.send(b"\x34\6" + string(b"a") + b"\0\x09y")  # the number is free again
        await wire.packet()
        await host.until(lambda: len(party.messages) == 2)
        assert [message["payload"] for message in party.messages] == ["x", "y"]
    party.close(fd)


async def test_levels(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve()
    deep = b"/" * 300
    async with client(port, connect_packet(version=5)) as wire:
        await welcome(wire)
        wire.send(b"\x82" + mqtt_codec._length(306) + b"\0\1\0" + string(deep) + b"\0")
        assert await wire.packet() == (0x90, b"\0\1\0\x8f")
        wire.send(b"\x32" + mqtt_codec._length(305) + string(deep) + b"\0\1\0")
        assert await wire.packet() == (0x40, b"\0\1\x90")
    assert party.write(fd, "x", "/" * 300) == errors.EEBADDATA
    assert party.write(fd, {"subscribe": "/" * 300}) == errors.EEBADADDR
    party.close(fd)


async def test_connections_beyond_the_limit_wait(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve(SO_MAX_CONNECTIONS=1)
    async with client(port) as first:
        await welcome(first)
        async with client(port, connect_packet(b"y")) as second:
            first.close()
            await welcome(second)
    party.close(fd)


async def test_what_lpc_writes(host: FakeHost) -> None:
    party = Party(host)
    fd = party.make(BROKER)
    assert party.write(fd, "x", "a") == errors.EENOTCONN
    party.close(fd)
    fd, _ = party.serve()
    for message, topic, code in [
        ("x", None, errors.EEBADADDR), ("x", "", errors.EEBADADDR), ("x", "a/#", errors.EEBADADDR),
        ("x", "a\0", errors.EEBADADDR), (1, "a", errors.EETYPENOTSUPP), ([], "a", errors.EETYPENOTSUPP),
        ({}, None, errors.EEBADADDR), ({"topic": 1}, None, errors.EEBADADDR),
        ({"topic": "a", "qos": 3}, None, errors.EEBADDATA), ({"topic": "a", "qos": "1"}, None, errors.EEBADDATA),
        ({"topic": "a", "reatin": 1}, None, errors.EEBADDATA), ({"topic": "a", 1: 1}, None, errors.EEBADDATA),
        ({"topic": "a", "payload": 5}, None, errors.EETYPENOTSUPP),
        ({"topic": "a", "user_properties": 5}, None, errors.EETYPENOTSUPP),
        ({"topic": "a", "user_properties": Mapping(a=5)}, None, errors.EEBADDATA),
        ({"topic": "a", "user_properties": Mapping(a="\0")}, None, errors.EEBADDATA),
        ({"topic": "a", "content_type": "x" * 65536}, None, errors.EEBADDATA),
        ({"topic": "a", "response_topic": "#"}, None, errors.EEBADADDR),
        ({"topic": "a", "correlation_data": "x" * 65536}, None, errors.EEBADDATA),
        ({"topic": "a", "expiry": -1}, None, errors.EEBADDATA),
        ({"subscribe": "a#"}, None, errors.EEBADADDR), ({"subscribe": []}, None, errors.EEBADDATA),
        ({"subscribe": [1]}, None, errors.EETYPENOTSUPP), ({"subscribe": 1}, None, errors.EETYPENOTSUPP),
        ({"subscribe": Mapping({1: 1})}, None, errors.EEBADDATA),
        ({"subscribe": Mapping(a=3)}, None, errors.EEBADDATA),
        ({"subscribe": "a", "topic": "b"}, None, errors.EEBADDATA),
        ({"unsubscribe": "a#"}, None, errors.EEBADADDR), ({"unsubscribe": "a", "qos": 1}, None, errors.EEBADDATA),
    ]:
        assert party.write(fd, message, topic) == code, (message, topic)
        assert efuns.socket_get_option(party.ob, fd, 1010)
    party.close(fd)


async def test_lpc_that_answers_itself_does_not_recurse(host: FakeHost) -> None:
    party = Party(host)
    fd, _ = party.serve()
    depth = most = 0

    def got(fd: int, message: Any, address: str) -> None:
        nonlocal depth, most
        depth += 1
        most = max(most, depth)
        party.messages.append(message)
        if len(party.messages) < 300:
            party.write(fd, "again", "a")
        depth -= 1

    party.ob.extra["got"] = got
    party.write(fd, {"subscribe": "a"})
    party.write(fd, "x", "a")
    assert party.messages == []
    await host.until(lambda: len(party.messages) == 300)
    assert most == 1
    party.close(fd)


async def test_a_check_that_fails_is_a_no(host: FakeHost) -> None:
    party = Party(host)

    def check(fd: int, caller: Mapping) -> int:
        raise LPCError("*No.\n")

    party.ob.extra["check"] = check
    fd, port = party.serve("check")
    async with client(port) as wire:
        assert await wire.packet() == (0x20, b"\0\5")
        assert await wire.rest() == b""
    assert host.errors.pop() == "*No.\n"
    party.close(fd)


async def test_a_check_that_closes_the_broker(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve("check")
    party.ob.extra["check"] = lambda fd, caller: party.close(fd) or 1
    async with client(port) as wire:
        assert await wire.rest() == b""
    assert party.socket(fd) is None


async def test_the_master_may_forbid_connections(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve()
    host.valid_socket = lambda who, verb, info: int(verb != "accept")
    async with client(port) as wire:
        assert await wire.rest() == b""
    assert [question[1] for question in host.questions][-1] == "accept"
    party.close(fd)


async def test_expired_messages_are_not_delivered(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(host)
    fd, port = party.serve()
    broker = broker_of(party, fd)
    party.write(fd, {"topic": "a", "payload": "short", "retain": 1, "expiry": 0})
    party.write(fd, {"topic": "b", "payload": "long", "retain": 1, "expiry": 100})
    party.write(fd, {"subscribe": "+"})
    await host.until(lambda: party.messages)
    assert [message["payload"] for message in party.messages] == ["long"]
    assert broker.router.retained == 2
    party.close(fd)


async def test_a_broker_that_ends_says_so(host: FakeHost) -> None:
    party = Party(host)
    fd, port = party.serve()
    async with client(port, connect_packet(version=5)) as five, client(port, connect_packet(b"y")) as old:
        await welcome(five)
        await welcome(old)
        party.close(fd)
        assert await five.rest() == b"\xe0\1\x8b"
        assert await old.rest() == b""


@pytest.mark.parametrize("given", [
    Mapping(), Mapping(broker=1), Mapping(broker="mqtt://"), Mapping(broker="mqtt://h", qos=3),
    Mapping(broker="mqtt://h", out="a"), Mapping({"broker": "mqtt://h", "in": ["a#"]}),
    Mapping(broker="mqtt://h", other=1), Mapping(broker="mqtt://h", username=1),
])
async def test_bridges_that_are_none(host: FakeHost, given: Mapping) -> None:
    party = Party(host)
    with pytest.raises(LPCError, match="Bad socket option value for MQTT_BRIDGE"):
        party.make(BROKER, MQTT_BRIDGE=given)
    party.close(0)


async def test_what_a_broker_cannot_do(host: FakeHost) -> None:
    party = Party(host)
    fd, _ = party.serve()
    assert efuns.socket_accept(party.ob, fd, "got", "ready") == errors.EEMODENOTSUPP
    assert efuns.socket_connect(party.ob, fd, "127.0.0.1 1", "got", "ready") == errors.EEMODENOTSUPP
    assert efuns.socket_status(party.ob, fd)[1:3] == ["LISTEN", "MQTT_BROKER"]  # type: ignore[index]
    party.close(fd)
