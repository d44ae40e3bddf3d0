"""The message bus between drivers over mosquitto: one, and two of them bridged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bus_world import Member, bus_mudlib, member, stranger, together
from mqtt_world import Mosquitto, free_port, mosquitto
from network_world import LOOPS, needs, play

from lpc import LPCFault
from lpc.runtime.values import Mapping

pytestmark = needs("mosquitto")
#: What docs/scaling.md says a mosquitto needs.
DURABLE = ("set_tcp_nodelay true", "max_queued_messages 0", "max_inflight_messages 100", "persistence true",
           "autosave_interval 1", "autosave_on_changes true")
BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)


def url(broker: Mosquitto) -> str:
    return f"mqtt://127.0.0.1:{broker.port}"


def plain(value: Any) -> Any:
    """Mappings as dicts: LPC's are equal only to themselves."""
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


@asynccontextmanager
async def three(folder: Path, **settings: object) -> AsyncIterator[tuple[Mosquitto, list[Member]]]:
    """Three drivers on one broker."""
    root = bus_mudlib(folder, **settings)  # type: ignore[arg-type]
    async with (mosquitto(folder) as broker, member(root, "ada", url(broker)) as ada,
                member(root, "bob", url(broker)) as bob, member(root, "cäcilie 3", url(broker)) as eve):
        members = [ada, bob, eve]
        await together(*members)
        yield broker, members


@BOTH_LOOPS
def test_channels_and_direct_messages(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with three(tmp_path) as (_, (ada, bob, eve)):
            for one in (ada, bob):
                await one.hears("a/b + #")
            await ada.until(lambda: len(ada.get("said")) == 2)
            data = Mapping(text="Grüße", list=[1, 2.5, Mapping()])
            assert bob.call("say", "a/b + #", data) == 1
            assert eve.call("say", "nobody listens", 1) == 1
            heard = ["a/b + #", {"text": "Grüße", "list": [1, 2.5, {}]}, "bob"]
            for one in (ada, bob):
                await one.until(lambda: plain(one.get("said"))[-1] == heard)  # noqa: B023
            await bob.until(lambda: bob.get("confirmed") == 2)
            await eve.until(lambda: eve.get("confirmed") == 1)
            bob.call("leave", "a/b + #")
            ada.call("say", "a/b + #", 2)
            await ada.until(lambda: ada.numbers == [2])
            assert bob.numbers == [] and eve.get("said") == []
            eve.call("offer", "post")
            ada.call("send", eve.name, "post", "letter")
            await eve.until(lambda: eve.get("served"))
            assert eve.get("served") == [["letter", "ada"]]

    play(loop, scene())


@BOTH_LOOPS
def test_questions(tmp_path: Path, loop: str) -> None:
    async def scene() -> None:
        async with three(tmp_path) as (_, (ada, bob, _)):
            bob.call("offer", "sums")
            for number, (asked, answer) in enumerate([
                ([1, 2], [1, ["bob", [1, 2]]]), ("fail", [0, "*no such luck\n"]),
                ("object", [0, "*json_encode() cannot encode an object"]),
            ]):
                ada.call("ask", "bob", "sums", asked, 5)
                await ada.until(lambda: len(ada.get("answers")) == number + 1)  # noqa: B023
                ok, result = ada.get("answers")[number]
                assert ok == answer[0]
                assert result == answer[1] if asked != "object" else "object" in result
            ada.call("ask", "bob", "later", 0, 5)
            await ada.until(lambda: len(ada.get("answers")) == 4)
            assert ada.get("answers")[3] == [0, "bob does not offer later"]
            ada.call("ask", "bob", "sums", "later", 5)
            await bob.until(lambda: bob.get("served")[-1][0] == "later")
            bob.call("give", "at last")
            await ada.until(lambda: len(ada.get("answers")) == 5)
            assert ada.get("answers")[4] == [1, "at last"]
            ada.call("ask", "nobody", "sums", 1, 1)
            await ada.until(lambda: len(ada.get("answers")) == 6)
            assert ada.get("answers")[5] == [0, "No answer in time"]

    play(loop, scene())


@pytest.mark.parametrize("sharing", ["broker", "drivers"])
def test_work_is_dealt_out_and_done_once(tmp_path: Path, sharing: str) -> None:
    async def scene() -> None:
        async with three(tmp_path, sharing=sharing) as (_, (ada, bob, eve)):
            for one in (bob, eve):
                one.call("offer", "work")
            await ada.until(lambda: all("work" in ada.call("nodes")[one.name]["services"] for one in (bob, eve)))
            for number in range(100):
                ada.call("work", "work", number, 30)
            await ada.until(lambda: len(ada.get("answers")) == 100)
            assert sorted(result[1] for ok, result in ada.get("answers") if ok) == list(range(100))
            shares = [len(one.get("served")) for one in (bob, eve)]
            assert sum(shares) == 100 and min(shares) >= 20
            bob.call("withdraw", "work")
            eve.call("withdraw", "work")
            ada.call("work", "work", "nobody", 1)
            await ada.until(lambda: len(ada.get("answers")) == 101)
            assert ada.get("answers")[100] == [0, "No answer in time"]

    play("uvloop", scene())


def test_work_waits_until_somebody_comes(tmp_path: Path) -> None:
    async def scene() -> None:
        async with three(tmp_path, sharing="drivers") as (_, (ada, bob, _)):
            ada.call("work", "work", 1, 30)
            bob.call("offer", "work")
            await ada.until(lambda: ada.get("answers"))
            assert ada.get("answers") == [[1, ["bob", 1]]]

    play("uvloop", scene())


def test_one_that_is_lost_is_gone_and_its_work_is_done_by_another(tmp_path: Path) -> None:
    async def scene() -> None:
        root = bus_mudlib(tmp_path)
        async with (mosquitto(tmp_path) as broker, member(root, "ada", url(broker)) as ada,
                    stranger(tmp_path, root, "bob", url(broker)) as bob):
            await ada.until(lambda: "work" in ada.call("nodes").get("bob", {"services": []})["services"])
            ada.call("work", "work", "hang", 30)
            await bob.until("served hang")
            await bob.kill()
            await ada.until(lambda: ["bob", 0] in ada.get("changes"))
            assert ada.nodes == {"ada"}
            assert ada.get("answers") == []
            async with member(root, "eve", url(broker)) as eve:
                eve.call("offer", "work")
                await ada.until(lambda: ada.get("answers"))
                assert ada.get("answers") == [[1, ["eve", "hang"]]]
                assert eve.nodes == {"ada", "eve"}  # what the lost one left at the broker has been tidied up
            await bob.start()
            await ada.until(lambda: "bob" in ada.nodes)

    play("uvloop", scene())


def test_messages_outlive_a_broker(tmp_path: Path) -> None:
    async def scene() -> None:
        root = bus_mudlib(tmp_path, keep_alive=3)
        durable = (*DURABLE, f"persistence_location {tmp_path}/")
        async with (mosquitto(tmp_path, *durable) as broker, member(root, "ada", url(broker)) as ada,
                    member(root, "bob", url(broker)) as bob):
            await together(ada, bob)
            await bob.hears("numbers")
            ada.call("series", "numbers", 0, 499)
            await ada.until(lambda: ada.get("confirmed") >= 100)
            await broker.stop()
            ada.call("series", "numbers", 500, 999)
            assert not ada.call("is_up") or ada.get("confirmed") < 1000
            broker.start()
            await ada.until(lambda: ada.get("confirmed") == 1000)
            await bob.until(lambda: len(bob.numbers) >= 1000)
            assert bob.numbers == list(range(1000))  # each once, and in order
            await together(ada, bob)

    play("uvloop", scene())


# ---------------------------------------------------------------------- two brokers


@asynccontextmanager
async def bridged(folder: Path) -> AsyncIterator[tuple[Mosquitto, Mosquitto]]:
    """Two brokers; the second one keeps a bridge to the first."""
    ports = free_port(), free_port()
    for name in ("one", "two"):
        (folder / name).mkdir()
    one = Mosquitto(folder / "one", *DURABLE, f"persistence_location {folder}/one/", port=ports[0])
    two = Mosquitto(folder / "two", *DURABLE, f"persistence_location {folder}/two/", "connection bridge",
                    f"address 127.0.0.1:{ports[0]}", "bridge_protocol_version mqttv50", "topic test/ch/# both 1",
                    "topic test/at/# both 1", "topic test/in/# both 1", "cleansession false", "restart_timeout 1",
                    "keepalive_interval 5", "notifications false", port=ports[1])
    one.start()
    two.start()
    try:
        yield one, two
    finally:
        for broker in (one, two):
            if broker.process is not None:
                await broker.stop()


@pytest.mark.slow
def test_two_bridged_brokers(tmp_path: Path) -> None:
    """One driver at each broker, one in a process of its own; a broker is killed, and a driver."""
    async def scene() -> None:
        root = bus_mudlib(tmp_path, keep_alive=3, sharing="drivers")
        log: list[str] = []
        async with bridged(tmp_path) as (one, two):
            async with (member(root, "ada", url(one), url(two), said=log) as ada,
                        member(root, "bob", url(two), url(one), said=log) as bob,
                        stranger(tmp_path, root, "eve", url(one), url(two)) as eve):
                await together(ada, bob)
                await bob.until(lambda: "work" in bob.call("nodes").get("eve", {"services": []})["services"])
                bob.call("offer", "sums")
                await bob.hears("numbers")
                await ada.until(lambda: ada.call("say", "numbers", "?") and bob.get("said")[1:])
                ada.call("series", "numbers", 0, 99)
                await bob.until(lambda: len(bob.numbers) == 100)
                assert sorted(bob.numbers) == list(range(100))
                ada.call("ask", "bob", "sums", 1, 30)
                await ada.until(lambda: ada.get("answers") == [[1, ["bob", 1]]])
                # The first broker dies with two of the drivers at it: they go to the second one.
                assert one.process is not None
                one.process.kill()
                await one.stop()
                for number in range(20):
                    ada.call("ask", "bob", "sums", number, 30)
                await ada.until(lambda: len(ada.get("answers")) == 21)
                assert all(ok for ok, _ in ada.get("answers"))
                assert sorted(data for data, _ in bob.get("served")[1:]) == list(range(20))
                await together(ada, bob)
                await bob.until(lambda: "eve" in bob.nodes)
                # A driver dies: whoever is left knows.
                await eve.kill()
                for each in (ada, bob):
                    await each.until(lambda: each.nodes == {"ada", "bob"})  # noqa: B023
                # The first broker is back with what it had kept: nobody is brought back by that.
                one.start()
                async with member(root, "kim", url(one), said=log) as kim:
                    await together(ada, bob, kim)
                    await kim.until(lambda: kim.nodes == {"ada", "bob", "kim"})
                    assert "eve" not in ada.nodes | bob.nodes
        assert all("no connection to" in line for line in log)

    play("uvloop", scene())


# ---------------------------------------------------------------------- without brokers, and misuse


def test_without_a_broker_the_bus_is_this_driver(tmp_path: Path) -> None:
    async def scene() -> None:
        async with member(bus_mudlib(tmp_path), "alone") as alone:
            alone.call("join", "c")
            alone.call("offer", "sums")
            alone.call("say", "c", 1)
            alone.call("ask", "alone", "sums", 2, 5)
            alone.call("work", "sums", 3, 5)
            await alone.until(lambda: len(alone.get("answers")) == 2 and alone.get("said"))
            assert alone.get("said") == [["c", 1, "alone"]]
            assert alone.get("answers") == [[1, ["alone", 2]], [1, ["alone", 3]]]
            assert alone.nodes == {"alone"}
            assert alone.get("confirmed") == 1

    play("uvloop", scene())


def test_misuse(tmp_path: Path) -> None:
    async def scene() -> None:
        root = bus_mudlib(tmp_path)
        (root / "other.c").write_text('#include <bus.h>\nvoid f() { BUS_D->say("c", 1, 0); }\n')
        async with member(root, "alone", said=[]) as alone:
            for function, args, told in [
                ("join", ("",), "a channel has a name"), ("say", ("c", alone.ob), "object"),
                ("ask", ("", "s", 1, 1), "a node has a name"), ("offer", (0,), "a service has a name"),
            ]:
                with pytest.raises(LPCFault, match=told):
                    alone.call(function, *args)
            with pytest.raises(LPCFault, match="The bus is used through /api/bus: inherit it"):
                alone.driver.call("/other", "f")

    play("uvloop", scene())


def test_a_callback_that_fails_is_logged(tmp_path: Path) -> None:
    async def scene() -> None:
        root = bus_mudlib(tmp_path)
        (root / "bad.c").write_text("""
#include <bus.h>
inherit BUS_API;
private void heard(string channel, mixed data, string from) { error("not " + data + "\\n"); }
private mixed serve(mixed data, string from, string ticket) { bus_later("no such ticket"); return 1; }
void create() { bus_join("c", (: heard :)); bus_offer("s", (: serve :)); }
""", encoding="utf-8")
        log: list[str] = []
        async with member(root, "alone", said=log) as alone:
            alone.driver.load("/bad")
            await alone.hears("c")
            assert "bus: a callback of /bad failed: *not test" in log[-1]
            alone.call("ask", "alone", "s", 1, 5)
            await alone.until(lambda: alone.get("answers"))
            assert alone.get("answers") == [[0, "*There is no question no such ticket.\n"]]

    play("uvloop", scene())


def test_foreign_messages_are_ignored(tmp_path: Path) -> None:
    async def scene() -> None:
        async with three(tmp_path) as (_, (ada, bob, _)):
            ada.call("join", "c")
            bus = bob.driver.find("/sys/bus_d")
            assert bus is not None
            for topic in ("ch/c", "at/ada", "at/x", "in/ada", "do/x", "xx"):
                for text in ("", "{", "[1]", "1", '{"from": 1}', '{"from": "x", "boot": 1}', '{"re": 1}', '{"to": []}',
                             '{"from": "x", "boot": "b", "beat": "n"}', '{"id": "x", "from": "bob", "to": "none"}'):
                    bob.driver.call(bus, "publish", f"test/{topic}", text)
            bob.call("say", "c", "end")
            await ada.until(lambda: any(data == "end" for _, data, _ in ada.get("said")))
            assert {"ada", "bob"} <= ada.nodes

    play("uvloop", scene())


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    async def scene() -> None:
        root = bus_mudlib(tmp_path)
        log: list[str] = []
        other: list[str] = []
        async with mosquitto(tmp_path) as broker, member(root, "ada", url(broker), said=log) as first:
            await first.until(lambda: first.call("is_up"))
            async with member(root, "ada", url(broker), said=other) as second:
                await second.until(lambda: second.call("is_up"))
                told = f"another driver seems to connect to {url(broker)} by the name bus-ada"
                await first.until(lambda: any(told in line for line in log + other))

    play("uvloop", scene())
