"""Runs the examples of MQTT: each as its own process, with mosquitto or one of our brokers in the middle."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from network_world import needs
from paho.mqtt import publish, subscribe
from running import PATIENCE, PROJECT, Running

from tests.interop import browser

EXAMPLES = PROJECT / "examples"
BROKER = """
#include <socket.h>
int main() {
    int fd = socket_create(MQTT_BROKER, "nothing");
    socket_bind(fd, 0, "127.0.0.1 0");
    socket_listen(fd);
    write(explode(socket_address(fd, 1), " ")[1] + "\\n");
    return 0;
}
"""


@contextmanager
def our_broker(folder: Path, mudlib: Path) -> Iterator[int]:
    """A broker of mode 38 in a process of its own: its port."""
    script = folder / "broker.c"
    script.write_text(BROKER, encoding="utf-8")
    with Running("--mudlib", mudlib, script) as program:
        yield int(program.line())


class Visitor:
    """A player on a line."""

    def __init__(self, address: str) -> None:
        host, port = address.split(" ")
        self._socket = socket.create_connection((host, int(port)), PATIENCE)
        self._file = self._socket.makefile("r", encoding="utf-8", newline="\n")

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._socket.close()

    def say(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def line(self) -> str:
        return self._file.readline().rstrip("\n")

    def until(self, wanted: str) -> None:
        while self.line() != wanted:
            pass


@pytest.mark.parametrize("own", [True, False])
def test_dashboard(tmp_path: Path, mudlib_copy: Path, own: bool) -> None:
    with our_broker(tmp_path, mudlib_copy) as port:
        more = () if own else (f"mqtt://127.0.0.1:{port}",)
        with Running("--mudlib", mudlib_copy, EXAMPLES / "mqtt_dashboard.c", "0", *more) as program:
            if own:
                port = int(program.line().rpartition(":")[2])
            url = program.line()
            publish.single("sensors/kitchen/temperature", "21.5", qos=1, retain=True, port=port)
            with urllib.request.urlopen(url, timeout=PATIENCE) as page:
                assert b'new EventSource("/events")' in page.read()
            with urllib.request.urlopen(url + "events", timeout=PATIENCE) as events:
                def value() -> dict[str, str]:
                    while not (line := events.readline()).startswith(b"data: "):
                        assert line
                    found: dict[str, str] = json.loads(line[6:])
                    return found

                assert value() == {"sensor": "kitchen/temperature", "value": "21.5"}
                publish.single("sensors/a \"b\"\n", b"\xff", qos=1, port=port)
                assert value() == {"sensor": 'a "b"\n', "value": "(no text)"}
            code, _, errors = program.stop()
            assert errors == "", code


@pytest.mark.skipif(not browser.PROGRAM, reason="not installed: chromium")
def test_the_dashboard_shows_values_as_they_come(tmp_path: Path, mudlib_copy: Path) -> None:
    with (Running("--mudlib", mudlib_copy, EXAMPLES / "mqtt_dashboard.c", "0") as program,
          browser.Browser(tmp_path / "profile") as chromium):
        port = int(program.line().rpartition(":")[2])
        page = chromium.page()
        page.visit(program.line())
        for value in ("21.5", "22.5"):
            publish.single("sensors/kitchen/temperature", value, qos=1, port=port)
            page.until(f"document.body.innerText.includes('kitchen/temperature\\t{value}')")
        program.stop()


def test_chat_between_two_muds(tmp_path: Path, mudlib_copy: Path) -> None:
    with our_broker(tmp_path, mudlib_copy) as port:
        where = f"mqtt://127.0.0.1:{port}"
        chat = EXAMPLES / "mqtt_chat.c"
        with (Running("--mudlib", mudlib_copy, chat, "Avalon", where, "0") as avalon,
              Visitor(avalon.line().partition(" ")[2]) as anna):
            anna.say("Anna")
            assert anna.line() == "Your name? Welcome, Anna."
            with (Running("--mudlib", mudlib_copy, chat, "Utopia", where, "0") as utopia,
                  Visitor(utopia.line().partition(" ")[2]) as thomas):
                anna.until("Utopia is up.")
                thomas.say("Thomas")
                assert thomas.line() == "Your name? Welcome, Thomas."
                anna.say("Hallo, ihr Schönen!")
                thomas.until("Anna@Avalon: Hallo, ihr Schönen!")
                thomas.say("Hi.")
                anna.until("Anna@Avalon: Hallo, ihr Schönen!")
                assert anna.line() == "Thomas@Utopia: Hi."
                utopia.process.kill()
                utopia.process.wait(PATIENCE)
            anna.until("Utopia is down.")
            avalon.stop()


@needs("mosquitto")
def test_discovery(tmp_path: Path, mudlib_copy: Path) -> None:
    with our_broker(tmp_path, mudlib_copy) as port, \
            Running("--mudlib", mudlib_copy, EXAMPLES / "mqtt_discovery.c", f"mqtt://127.0.0.1:{port}") as program:
        topics = [f"homeassistant/{kind}/mud_avalon/{name}/config"
                  for kind, name in (("sensor", "players"), ("switch", "open"))]
        found = {message.topic: json.loads(message.payload)
                 for message in subscribe.simple([*topics], msg_count=2, port=port)}
        assert {topic: config["unique_id"] for topic, config in found.items()} == {
            topics[0]: "mud_avalon_players", topics[1]: "mud_avalon_open"}
        switch = found[topics[1]]
        state = subscribe.simple(switch["state_topic"], port=port)
        assert (state.payload, bool(state.retain)) == (b"ON", True)
        publish.single(switch["command_topic"], "OFF", qos=1, port=port)
        assert program.line() == "closed"
        program.process.kill()
        program.process.wait(PATIENCE)
        status: list[bytes] = []
        subscribe.callback(lambda client, data, message: (
            status.append(message.payload), client.disconnect() if message.payload == b"offline" else None),
            switch["availability_topic"], port=port)
        assert status[-1] == b"offline"
