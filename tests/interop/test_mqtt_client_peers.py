"""Mode 37 in the real driver, with mosquitto as the broker and paho's and mosquitto's own clients beside it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from mqtt_world import (
    CLEAN,
    CLIENT_ID,
    EVENTS,
    EXPIRY,
    KEEP_ALIVE,
    LAST_ERROR,
    LINGER,
    PASSWORD,
    QOS,
    RECONNECT,
    USERNAME,
    VERSION,
    WILL,
    WILL_TOPIC,
    WINDOW,
    mosquitto,
    payload,
    relay,
    talker,
)
from network_world import LOOPS, needs, play, shell

from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.certificates import Certificates

pytestmark = needs("mosquitto")
BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)
BOTH_VERSIONS = pytest.mark.parametrize("version", ["5", "3.1.1"])


@BOTH_LOOPS
@BOTH_VERSIONS
def test_messages_come_back_as_they_were(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            fd = await world.join(f"mqtt://127.0.0.1:{broker.port}", {EVENTS: 1, VERSION: version})
            assert world.call("option", fd, VERSION) == version
            await world.subscribe(fd, ["a/+", "b/#"], qos=2)
            for number, (sent, topic) in enumerate([
                ("Grüße", "a/1"), (Buffer(b"\xff\0"), "b/2/3"), ("", "b"),
            ], 1):
                assert world.send(fd, sent, topic) == 1
                message = await world.message(number)
                assert (message["topic"], payload(message)) == (topic, bytes(sent.data) if isinstance(sent, Buffer)
                                                                else sent)
                assert (message["qos"], message["retain"], message["dup"]) == (0, 0, 0)
                assert message["from"] == f"127.0.0.1 {broker.port}"
            for qos in (1, 2):
                assert world.send(fd, {"topic": "a/q", "payload": f"{qos}", "qos": qos}) == 1
                message = await world.message(3 + qos)
                assert (payload(message), message["qos"], message["packet_id"] > 0) == (f"{qos}", qos, True)

    play(loop, scene())


@BOTH_LOOPS
def test_properties_travel(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            fd = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1})
            await world.subscribe(fd, "a", subscription_id=7)
            world.send(fd, {"topic": "a", "payload": "x", "content_type": "text/plain", "response_topic": "answers",
                            "correlation_data": Buffer(b"\0\1"), "expiry": 100, "payload_format": 1,
                            "user_properties": Mapping(one="1", many=["2", "3"])})
            message = await world.message()
            assert dict(message["user_properties"]) == {"one": "1", "many": ["2", "3"]}
            assert (message["content_type"], message["response_topic"], bytes(message["correlation_data"].data)) == (
                "text/plain", "answers", b"\0\1")
            assert (message["payload_format"], message["subscription_ids"]) == (1, [7])
            assert 95 <= message["expiry"] <= 100

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_retained_messages(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            where = f"127.0.0.1:{broker.port}"
            fd = await world.join(where, {EVENTS: 1, VERSION: version})
            world.send(fd, {"topic": "state/a", "payload": "kept", "retain": 1, "qos": 1})
            world.send(fd, {"topic": "state/b", "payload": "gone", "retain": 1, "qos": 1})
            world.send(fd, {"topic": "state/b", "payload": "", "retain": 1, "qos": 1})
            await world.until(lambda: len(world.events("puback")) == 3)
            await world.subscribe(fd, "state/#", qos=1)
            world.send(fd, "live", "state/c")
            await world.message(2)
            assert [(m["topic"], payload(m), m["retain"]) for m in world.messages] == [
                ("state/a", "kept", 1), ("state/c", "live", 0)]

    play(loop, scene())


@BOTH_LOOPS
def test_a_shared_subscription_gives_each_message_to_one(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            where = f"127.0.0.1 {broker.port}"
            members = [await world.join(where, {EVENTS: 1}) for _ in range(2)]
            for fd in members:
                await world.subscribe(fd, "$share/crew/jobs/+", qos=1)
            sender = await world.join(where)
            for number in range(10):
                world.send(sender, {"topic": f"jobs/{number}", "payload": "x", "qos": 1})
            await world.message(10)
            world.send(sender, {"topic": "jobs/end", "payload": "x", "qos": 1})
            await world.message(11)
            assert sorted(m["topic"] for m in world.messages) == sorted([f"jobs/{n}" for n in range(10)] + ["jobs/end"])
            assert {m["fd"] for m in world.messages} == set(members)

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_a_will_is_published_for_the_lost_and_not_for_the_leaving(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with (mosquitto(tmp_path) as broker, relay(broker.port) as first, relay(broker.port) as second,
                    talker(tmp_path) as world):
            watcher = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1, VERSION: version})
            await world.subscribe(watcher, "wills/#", qos=1)
            will = Mapping(payload="lost", qos=1, retain=1)
            polite, lost = [await world.join(f"127.0.0.1 {way.port}", {
                WILL_TOPIC: f"wills/{name}", WILL: will, VERSION: version})
                for way, name in ((first, "polite"), (second, "lost"))]
            world.call("leave", polite)
            await first.over()
            second.cut_all()
            message = await world.message()
            assert (message["topic"], payload(message), message["qos"]) == ("wills/lost", "lost", 1)
            end = await world.until(lambda: world.ends)
            assert end[0][0] == lost
            await second.hang_up()

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_wrong_passwords(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        passwords = tmp_path / "passwords"
        await shell(f"touch {passwords} && chmod 600 {passwords} && mosquitto_passwd -b {passwords} anna secret")
        async with (mosquitto(tmp_path, f"password_file {passwords}") as broker, talker(tmp_path) as world):
            where = f"127.0.0.1 {broker.port}"
            await world.join(where, {VERSION: version, USERNAME: "anna", PASSWORD: "secret"})
            await world.join(f"mqtt://anna:secret@127.0.0.1:{broker.port}", {VERSION: version})
            for given in ({USERNAME: "anna", PASSWORD: "wrong"}, {}, {USERNAME: "nobody"}):
                # With reconnection too: a refusal for good is the end.
                reason, code = await world.refused(where, given | {VERSION: version, RECONNECT: 100})
                assert (reason, code) == (("The broker refused the connection: Not authorized", 0x87) if version == "5"
                                          else ("The broker refused the connection: Not authorized", 5))

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_a_session_is_resumed(tmp_path: Path, loop: str, version: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            where = f"127.0.0.1 {broker.port}"
            kept = {EVENTS: 1, VERSION: version, CLIENT_ID: "stable", CLEAN: 0, EXPIRY: 1000}
            fd = await world.join(where, kept)
            await world.subscribe(fd, "inbox", qos=1)
            world.call("leave", fd)
            sender = await world.join(where, {EVENTS: 1})
            for number in range(3):
                world.send(sender, {"topic": "inbox", "payload": f"{number}", "qos": 1})
            await world.until(lambda: len(world.events("puback")) == 3)
            await world.join(where, kept)
            await world.message(3)
            assert [payload(m) for m in world.messages] == ["0", "1", "2"]
            assert world.events("connected")[-1]["session_present"] == 1

    play(loop, scene())


@BOTH_LOOPS
def test_tls_with_verification(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        made = Certificates(tmp_path)
        from mqtt_world import free_port

        port = free_port()
        async with (mosquitto(tmp_path, f"listener {port} 127.0.0.1", f"certfile {made.path('server.pem')}",
                              f"keyfile {made.path('server.key')}", f"cafile {made.path('ca.pem')}",
                              secure_port=port),
                    talker(tmp_path) as world):
            fd = await world.join(f"mqtts://localhost:{port}", {324: "/ca.pem", EVENTS: 1})
            await world.subscribe(fd, "a")
            world.send(fd, "secret", "a")
            assert payload(await world.message()) == "secret"
            for given in ({324: "/stranger_ca.pem"}, {}):
                reason, code = await world.refused(f"mqtts://localhost:{port}", given)
                assert reason.startswith("The certificate of the other end is not accepted: ")
                assert code == -24
            reason, _ = await world.refused(f"mqtts://127.0.0.1:{port}", {324: "/ca.pem", 2: "example.org"})
            assert "example.org" in reason
            reason, _ = await world.refused(f"mqtt://127.0.0.1:{port}", {})
            assert reason

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_is_lost_when_connections_break(tmp_path: Path, loop: str, version: str, qos: int) -> None:
    """The sender's connection is cut again and again, somewhere in a packet or between two."""

    async def scene() -> None:
        async with (mosquitto(tmp_path, "max_queued_messages 100000") as broker, relay(broker.port) as way,
                    talker(tmp_path) as world):
            reader = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1})
            await world.subscribe(reader, "count", qos=2)
            chance = random.Random(qos)
            way.cuts = iter([chance.randrange(100, 3000) for _ in range(12)])
            sender = await world.join(f"127.0.0.1 {way.port}", {
                RECONNECT: 50, CLEAN: 0, CLIENT_ID: "sender", VERSION: version, WINDOW: 10})
            world.call("series", sender, "count", 1, 1500, qos)
            await world.until(lambda: "1500" in {payload(m) for m in world.messages[-50:]})
            world.send(reader, {"topic": "count", "payload": "end", "qos": 2})
            await world.until(lambda: payload(world.messages[-1]) == "end")
            seen = [int(payload(m)) for m in world.messages if payload(m) != "end"]
            assert way.count > 5
            assert set(seen) == set(range(1, 1501))
            if qos == 2:
                assert len(seen) == 1500
            assert world.ends == []
            assert world.call("query_refused") > 0
            world.call("leave", sender)
            await way.hang_up()

    play(loop, scene())


@BOTH_LOOPS
@BOTH_VERSIONS
def test_nothing_is_lost_when_the_reader_is_cut(tmp_path: Path, loop: str, version: str) -> None:
    """Not sooner than 400 bytes after it came: mosquitto 2.0.11 sends a released message again where its
    connection breaks while it says so."""

    async def scene() -> None:
        async with (mosquitto(tmp_path, "max_queued_messages 100000") as broker, relay(broker.port) as way,
                    talker(tmp_path) as world):
            chance = random.Random(7)
            way.cuts = iter([chance.randrange(400, 1200) for _ in range(12)])
            reader = await world.join(f"127.0.0.1 {way.port}", {
                EVENTS: 1, RECONNECT: 50, CLEAN: 0, CLIENT_ID: "reader", VERSION: version})
            await world.subscribe(reader, "count", qos=2)
            sender = await world.join(f"127.0.0.1 {broker.port}", {WINDOW: 10})
            world.call("series", sender, "count", 1, 1500, 2)
            await world.until(lambda: len(world.messages) >= 1500)
            assert sorted(int(payload(m)) for m in world.messages) == list(range(1, 1501))
            assert len(world.events("disconnected")) == len(world.events("connected")) - 1 >= 5
            world.call("leave", reader)
            await way.hang_up()

    play(loop, scene())


@pytest.mark.slow
@BOTH_LOOPS
@pytest.mark.parametrize("qos", [1, 2])
def test_nothing_is_lost_when_the_broker_is_restarted_under_load(tmp_path: Path, loop: str, qos: int) -> None:
    """Mosquitto 2.0.11 may forget over a restart that a message of QoS 2 was released, and deliver it again under its
    number; a message that we sent twice would have two numbers."""

    async def scene() -> None:
        settings = ("persistence true", f"persistence_location {tmp_path}/", "max_queued_messages 100000")
        async with mosquitto(tmp_path, *settings) as broker, talker(tmp_path) as world:
            where = f"127.0.0.1 {broker.port}"
            reader = await world.join(where, {EVENTS: 1, RECONNECT: 100, CLEAN: 0, CLIENT_ID: "reader"})
            await world.subscribe(reader, "count", qos=2)
            sender = await world.join(where, {RECONNECT: 100, CLEAN: 0, CLIENT_ID: "sender"})
            world.call("series", sender, "count", 1, 3000, qos)
            for goal in (500, 1500):
                await world.until(lambda goal=goal: len(world.messages) >= goal)
                await broker.stop()
                broker.start()
            await world.until(lambda: "3000" in {payload(m) for m in world.messages[-50:]})
            seen = {(int(payload(m)), m["packet_id"]) for m in world.messages}
            assert {number for number, _ in seen} == set(range(1, 3001))
            if qos == 2:
                assert len(seen) == 3000
                assert sum(not m["dup"] for m in world.messages) <= 3000
            assert world.ends == []

    play(loop, scene())


@BOTH_LOOPS
def test_a_closed_socket_waits_for_confirmations(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            reader = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1})
            await world.subscribe(reader, "last", qos=2)
            sender = await world.join(f"127.0.0.1 {broker.port}", {QOS: 2})
            codes = [world.send(sender, f"{number}", "last") for number in range(10)]
            assert codes == [1] * 10
            assert world.call("leave", sender) == 1
            await world.message(10)
            assert [payload(m) for m in world.messages] == [f"{number}" for number in range(10)]
            assert world.ends == []

    play(loop, scene())


@BOTH_LOOPS
def test_keep_alive_notices_a_broker_that_stands_still(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            fd = await world.join(f"127.0.0.1 {broker.port}", {KEEP_ALIVE: 1})
            assert broker.process is not None
            broker.process.send_signal(19)
            try:
                end = (await world.until(lambda: world.ends))[0]
                assert (end[0], end[1]) == (fd, "The broker does not answer any more (keep-alive)")
            finally:
                broker.process.send_signal(18)

    play(loop, scene())


@BOTH_LOOPS
def test_names_and_what_cannot_be_reached(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path, "--allow-net=broker.invalid") as world:
            await world.join(f"localhost:{broker.port}")
            reason, code = await world.refused("mqtt://broker.invalid")
            assert (reason, code) == ("There is no host broker.invalid", -21)
            assert world.call("join", "mqtt://192.0.2.1", Mapping()) == -7
            assert world.call("join", "", Mapping()) == -21
            port = broker.port
            await broker.stop()
            reason, code = await world.refused(f"127.0.0.1 {port}", {RECONNECT: 100})
            assert code == -23
            assert "Connection refused" in reason

    play(loop, scene())


@BOTH_LOOPS
def test_what_the_broker_refuses_is_told(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        rules = tmp_path / "acl"
        rules.write_text("topic readwrite open/#\n", encoding="utf-8")
        said: list[str] = []
        async with (mosquitto(tmp_path, f"acl_file {rules}") as broker, talker(tmp_path, said=said) as world):
            fd = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1, LINGER: 0})
            await world.subscribe(fd, "open/a")
            world.send(fd, {"topic": "closed/a", "payload": "x", "qos": 1})
            event = (await world.until(lambda: world.events("puback")))[0]
            assert (event["topic"], event["code"]) == ("closed/a", 0x87)
            assert world.call("option", fd, LAST_ERROR) == "The broker refused a message to closed/a: Not authorized"
        assert said == [f"socket {fd} (MQTT_CLIENT): The broker refused a message to closed/a: Not authorized"]

    play(loop, scene())


@needs("mosquitto_pub", "mosquitto_sub")
@BOTH_LOOPS
def test_with_mosquittos_own_clients(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            fd = await world.join(f"127.0.0.1 {broker.port}", {EVENTS: 1})
            await world.subscribe(fd, "from/them", qos=2)
            await shell(f"mosquitto_pub -p {broker.port} -V mqttv5 -q 2 -t from/them -m 'Hello ü' "
                        "-D publish user-property colour blue")
            message = await world.message()
            assert (payload(message), dict(message["user_properties"])) == ("Hello ü", {"colour": "blue"})
            world.send(fd, {"topic": "to/them", "payload": "kept", "retain": 1, "qos": 1})
            await world.until(lambda: world.events("puback"))
            read = await shell(f"mosquitto_sub -p {broker.port} -t to/them -C 1 -v")
            assert read == b"to/them kept\n"

    play(loop, scene())


def test_the_proposals_line_runs(tmp_path: Path) -> None:
    """What the proposal shows, word for word, in a program that also connects."""
    source = (Path(__file__).parents[2] / "examples" / "proposal" / "websocket_mqtt.c").read_text(encoding="utf-8")
    line = next(line for line in source.splitlines() if "MQTT_CLIENT" in line)
    assert line == ('int mqtt_socket = socket_create(MQTT_CLIENT, "mqtt_message_callback", "mqtt_close_callback");')

    async def scene() -> None:
        (tmp_path / "proposal.c").write_text("""
            mapping last; int closed;
            void mqtt_message_callback(int fd, mapping message) { last = message; write("got"); }
            void mqtt_close_callback(int fd) { closed = 1; write("closed"); }
            int query_closed() { return closed; }
            void connected(int fd) {
                socket_write(fd, (["subscribe": "proposal/#"]));
                socket_write(fd, "as proposed", "proposal/1");
            }
            mapping query_last() { return last; }
            void start(string where) {
            """ + line + """
                socket_connect(mqtt_socket, where, "mqtt_message_callback", "connected");
            }""", encoding="utf-8")
        async with mosquitto(tmp_path) as broker, talker(tmp_path) as world:
            ob = world.driver.clone("/proposal")
            world.driver.call(ob, "start", f"mqtt://127.0.0.1:{broker.port}")
            message = await world.until(lambda: world.driver.call(ob, "query_last"))
            assert (message["topic"], message["payload"]) == ("proposal/1", "as proposed")
            await broker.stop()
            await world.until(lambda: world.driver.call(ob, "query_closed"))

    play("uvloop", scene())
