"""Mode 38 in the real driver: with mosquitto's clients, aiomqtt, mode 37 and, over a bridge, mosquitto."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from mqtt_world import (
    BRIDGE,
    CLEAN,
    CLIENT_ID,
    DROPPED,
    EVENTS,
    EXPIRY,
    PASSWORD,
    QUEUED,
    RECONNECT,
    RETAINED,
    SESSIONS,
    USERNAME,
    VERSION,
    WILL,
    WILL_TOPIC,
    WINDOW,
    Talker,
    mosquitto,
    options,
    payload,
    relay,
    talker,
)
from network_world import LOOPS, needs, play, shell

from lpc.runtime.values import Mapping
from tests.unit.sockets.certificates import Certificates

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)
BOTH_VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


def serve(world: Talker, given: dict[int, Any] | None = None, *, checks: bool = False) -> tuple[int, str]:
    """A broker: its descriptor and where it is."""
    fd = world.call("serve", options(given), "127.0.0.1 0", int(checks))
    return fd, f"127.0.0.1:{world.call('port', fd)}"


@BOTH_LOOPS
@BOTH_VERSIONS
def test_clients_of_our_own(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with talker(tmp_path) as world:
            _, where = serve(world)
            reader = await world.join(where, {EVENTS: 1, VERSION: version})
            await world.subscribe(reader, Mapping({"a/#": 0, "a/+/c": 2}))
            sender = await world.join(where, {VERSION: version})
            for qos in (0, 1, 2):
                world.send(sender, {"topic": "a/b/c", "payload": f"{qos}", "qos": qos})
            await world.message(3)
            assert [(payload(m), m["qos"]) for m in world.messages] == [("0", 0), ("1", 1), ("2", 2)]
            world.call("send", reader, Mapping(unsubscribe=["a/#", "a/+/c"]), 0)
            await world.until(lambda: world.events("unsuback"))
            world.send(sender, {"topic": "a/b/c", "payload": "unheard", "qos": 1})
            await world.subscribe(reader, "b")
            world.send(sender, {"topic": "b", "payload": "heard", "qos": 1})
            assert payload(await world.message(4)) == "heard"

    play(loop, scene())


@needs("mosquitto_pub", "mosquitto_sub")
@BOTH_LOOPS
@pytest.mark.parametrize("version", ["mqttv311", "mqttv5"])
def test_mosquittos_clients(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with talker(tmp_path) as world:
            fd, where = serve(world, {EVENTS: 1})
            port = where.split(":")[1]
            world.call("send", fd, Mapping(subscribe="from/#", qos=2), 0)
            world.send(fd, {"topic": "to/a", "payload": "kept", "retain": 1})
            for qos in (0, 1, 2):
                await shell(f"mosquitto_pub -p {port} -V {version} -q {qos} -t from/{qos} -m 'Grüße'")
            await world.message(3)
            assert [(m["topic"], payload(m), m["qos"]) for m in world.messages] == [
                (f"from/{qos}", "Grüße", qos) for qos in (0, 1, 2)]
            read = await shell(f"mosquitto_sub -p {port} -V {version} -q 2 -t 'to/#' -C 1 -v")
            assert read == b"to/a kept\n"
            assert world.events("disconnect")

    play(loop, scene())


@BOTH_LOOPS
def test_aiomqtt_with_everything_mqtt_5_has(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with talker(tmp_path) as world:
            fd, where = serve(world)
            port = int(where.split(":")[1])
            world.call("send", fd, Mapping(subscribe="$share/us/from/#"), 0)
            from paho.mqtt.packettypes import PacketTypes
            from paho.mqtt.properties import Properties

            five = aiomqtt.ProtocolVersion.V5
            async with (aiomqtt.Client("127.0.0.1", port, protocol=five) as one,
                        aiomqtt.Client("127.0.0.1", port, protocol=five) as two):
                extra: Any = Properties(PacketTypes.PUBLISH)
                extra.UserProperty = [("a", "1"), ("a", "2")]
                extra.ResponseTopic = "answers"
                extra.TopicAlias = 3
                await one.publish("from/a", "x", qos=1, properties=extra)
                message = await world.message()
                assert (dict(message["user_properties"]), message["response_topic"]) == ({"a": ["1", "2"]}, "answers")
                await one.subscribe("$share/crew/jobs", qos=1)
                await two.subscribe("$share/crew/jobs", qos=1)
                for number in range(10):
                    await two.publish("jobs", str(number), qos=1)
                seen = []
                for client in (one, two):
                    for _ in range(5):
                        seen.append(int((await anext(aiter(client.messages))).payload))
                assert sorted(seen) == list(range(10))

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_authentication_and_rights(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        said: list[str] = []
        async with talker(tmp_path, said=said) as world:
            fd, where = serve(world, {EVENTS: 1}, checks=True)
            world.call("set_verdict", 0)
            given = {VERSION: version, CLIENT_ID: "anna's", USERNAME: "anna", PASSWORD: "wrong", EVENTS: 1}
            reason, code = await world.refused(where, given)
            assert (reason, code) == ("The broker refused the connection: Bad user name or password",
                                      0x86 if version == "5" else 4)
            caller = dict(world.call("query_callers")[0])
            assert caller.pop("addr").startswith("127.0.0.1 ")
            assert caller == {"client_id": "anna's", "username": "anna", "password": "wrong", "version": version,
                              "clean": 1, "tls": 0}
            world.call("set_verdict", Mapping(publish=["open/#"], subscribe=["open/+"]))
            client = await world.join(where, given)
            await world.subscribe(client, Mapping({"open/a": 1, "open/#": 1, "closed": 1, "open/+": 1}))
            granted = world.events("suback")[0]["granted"]
            refused = 0x87 if version == "5" else 0x80
            assert granted == [1, refused, refused, 1]
            world.call("send", fd, Mapping(subscribe="#"), 0)
            for topic in ("closed", "open/x/y"):
                world.send(client, {"topic": topic, "payload": "x", "qos": 1})
            await world.until(lambda: len(world.events("puback")) == 2)
            assert [event["code"] for event in world.events("puback")] == [0x87 if version == "5" else 0, 0]
            await world.message()
            assert [m["topic"] for m in world.messages] == ["open/x/y"]
            world.call("set_verdict", Mapping(publish="not an array"))
            await world.refused(where, given)
        assert all("refused" in line for line in said)

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_wills_sessions_and_take_overs(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with relay(1) as way, talker(tmp_path) as world:
            fd, where = serve(world, {EVENTS: 1})
            way.target = int(where.split(":")[1])
            kept = {EVENTS: 1, VERSION: version, CLIENT_ID: "stable", CLEAN: 0, EXPIRY: 1000,
                    WILL_TOPIC: "wills", WILL: "lost"}
            world.call("send", fd, Mapping(subscribe="wills"), 0)
            client = await world.join(f"127.0.0.1 {way.port}", kept)
            await world.subscribe(client, "inbox", qos=2)
            way.cut_all()
            assert payload(await world.message()) == "lost"
            await world.until(lambda: world.ends)
            for number in range(5):
                world.send(fd, {"topic": "inbox", "payload": f"{number}", "qos": 2})
            await world.join(where, kept)
            await world.message(6)
            assert [(payload(m), m["qos"]) for m in world.messages[1:]] == [(f"{n}", 2) for n in range(5)]
            assert world.events("connected")[-1]["session_present"] == 1
            await world.join(where, kept)
            await world.until(lambda: len(world.ends) == 2)
            _, reason, code = world.ends[1]
            if version == "5":
                assert (reason, code) == ("The broker disconnected: Session taken over", 0x8E)
            assert payload(await world.message(7)) == "lost"
            await way.hang_up()

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
@pytest.mark.parametrize("side", ["sender", "reader"])
def test_exactly_once_when_connections_break(tmp_path: Path, loop: str, version: str, side: str) -> None:
    """Client and broker are ours; the connection is cut anywhere, also while it is being made."""

    async def scene() -> None:
        async with relay(1) as way, talker(tmp_path) as world:
            _, where = serve(world, {QUEUED: 100_000})
            way.target = int(where.split(":")[1])
            chance = random.Random(len(side))
            way.cuts = iter([chance.randrange(20, 1500) for _ in range(25)])
            routes = {"sender": where, "reader": where} | {side: f"127.0.0.1:{way.port}"}
            common = {RECONNECT: 20, CLEAN: 0, VERSION: version, WINDOW: 15, EVENTS: 1}
            way.cuts, cuts = iter(()), way.cuts
            reader = await world.join(routes["reader"], common | {CLIENT_ID: "reader"})
            await world.subscribe(reader, "count", qos=2)
            sender = await world.join(routes["sender"], common | {CLIENT_ID: "sender"})
            way.cuts = cuts
            world.call("series", sender, "count", 1, 1000, 2)
            for goal in (200, 400):
                await world.until(lambda goal=goal: len(world.messages) >= goal)
                way.cut_all()
            await world.until(lambda: len(world.messages) >= 1000)
            assert [int(payload(m)) for m in world.messages] == list(range(1, 1001))
            assert world.ends == []
            for fd in (reader, sender):
                world.call("leave", fd)
            await way.hang_up()

    play(loop, scene())


@BOTH_LOOPS
def test_tls(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        Certificates(tmp_path)
        async with talker(tmp_path) as world:
            _, where = serve(world, {3: "/server.pem", 4: "/server.key"})
            fd = await world.join(f"mqtts://{where}", {324: "/ca.pem", EVENTS: 1})
            await world.subscribe(fd, "a")
            world.send(fd, "x" * 100_000, "a")
            assert len(payload(await world.message())) == 100_000
            reason, _ = await world.refused(f"mqtts://{where}", {324: "/stranger_ca.pem"})
            assert reason.startswith("The certificate of the other end is not accepted")

    play(loop, scene())


@needs("mosquitto")
@BOTH_LOOPS
def test_a_bridge_to_mosquitto(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        said: list[str] = []
        async with mosquitto(tmp_path, "persistence true", f"persistence_location {tmp_path}/") as far, \
                talker(tmp_path, said=said) as world:
            fd, where = serve(world, {BRIDGE: Mapping({
                "broker": f"mqtt://127.0.0.1:{far.port}", "out": ["up/#", "both/#"], "in": ["down/#", "both/#"],
                "qos": 2})})
            near = await world.join(where, {EVENTS: 1})
            await world.subscribe(near, ["down/#", "both/#"], qos=2)
            there = await world.join(f"127.0.0.1 {far.port}", {EVENTS: 1, RECONNECT: 50, CLEAN: 0, CLIENT_ID: "there"})
            await world.subscribe(there, ["up/#", "both/#"], qos=2)
            # The bridge may not have subscribed yet: what it brings first says that it has.
            world.send(there, {"topic": "down/ready", "payload": "x", "qos": 1, "retain": 1})
            await world.message()
            world.send(near, {"topic": "up/a", "payload": "1", "qos": 2})
            world.send(there, {"topic": "both/b", "payload": "2", "qos": 2})
            world.send(near, {"topic": "both/c", "payload": "3", "qos": 2})
            await world.message(6)
            heard = sorted((m["fd"] == near, m["topic"]) for m in world.messages[1:])
            # Each side hears a message of the other once, and its own from its own broker.
            assert heard == [(False, "both/b"), (False, "both/c"), (False, "up/a"), (True, "both/b"), (True, "both/c")]
            await far.stop()
            await world.until(lambda: world.events("disconnected"))
            for number in range(20):
                world.send(near, {"topic": "up/while", "payload": f"{number}", "qos": 2})
            far.start()
            await world.message(26)
            assert [payload(m) for m in world.messages[6:]] == [f"{number}" for number in range(20)]
        assert all("the other end of the bridge, is away" in line for line in said)

    play(loop, scene())


@BOTH_LOOPS
def test_limits(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        said: list[str] = []
        async with talker(tmp_path, said=said) as world:
            fd, where = serve(world, {SESSIONS: 2, RETAINED: 2, QUEUED: 5})
            client = await world.join(where, {EVENTS: 1, CLEAN: 0, CLIENT_ID: "one"})
            await world.subscribe(client, "inbox", qos=1)
            other = await world.join(where, {EVENTS: 1})
            reason, code = await world.refused(where, {})
            assert (reason, code) == ("The broker refused the connection: Quota exceeded", 0x97)
            for number in range(3):
                world.send(other, {"topic": f"kept/{number}", "payload": "x", "qos": 1, "retain": 1})
            await world.until(lambda: len(world.events("puback")) == 3)
            # Nobody subscribes to them, which is a code of its own.
            assert [event["code"] for event in world.events("puback")] == [0x10, 0x10, 0x97]
            world.call("leave", client)
            world.call("send", fd, Mapping(subscribe="kept/+"), 0)
            await world.message(2)
            assert sorted(m["topic"] for m in world.messages) == ["kept/0", "kept/1"]
            before = world.call("option", fd, DROPPED)
            await world.until(lambda: world.call("status", client)[0] == -1)
            for _ in range(9):
                world.send(other, {"topic": "inbox", "payload": "x", "qos": 1})
            await world.until(lambda: len(world.events("puback")) == 12)
            assert world.call("option", fd, DROPPED) == before + 4
        assert [line.partition(": ")[2] for line in said] == ["The broker refused a message to kept/2: Quota exceeded"]

    play(loop, scene())


@BOTH_LOOPS
def test_keep_alive(tmp_path: Path, loop: str) -> None:
    """A client that says nothing for one and a half times its keep-alive is closed, and its will published."""

    async def scene() -> None:
        async with relay(1) as way, talker(tmp_path) as world:  # which opens what uvloop opens on first use
            fd, where = serve(world, {EVENTS: 1})
            world.call("send", fd, Mapping(subscribe="wills"), 0)
            reader, writer = await asyncio.open_connection(*where.split(":"))
            writer.write(b"\x10\x1c\0\4MQTT\4\6\0\1\0\4mute\0\5wills\0\3bye")
            assert await reader.readexactly(4) == b"\x20\2\0\0"
            assert await reader.read() == b""
            assert payload(await world.message()) == "bye"
            await way.hang_up()
            event = (await world.until(lambda: world.events("disconnect")))[0]
            assert (event["client_id"], event["reason"]) == ("mute", "The client is silent (keep-alive)")
            writer.close()
            await writer.wait_closed()
            for _ in range(5):  # uvloop closes descriptors on later turns
                await asyncio.sleep(0)

    play(loop, scene())
