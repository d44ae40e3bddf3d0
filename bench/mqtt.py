"""Measures modes 37 and 38.

    python bench/mqtt.py [--rounds N] [--messages N] [--clients N]

Receiving: a server that does nothing but send messages of QoS 0, read by bare aiomqtt (`async for message in
client.messages`, a counter) and by an LPC callback that counts, both on uvloop, each alone in a process, in
turns, best of N; in MQTT 5 and 3.1.1. Fan-in: as many clients as `--clients` send to mode 38 what one client
reads, all on loopback, the clients in one other process; at most AT_ONCE messages are on their way, none may be
missing. Time on the clock and processor time are those between the first and the last message.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from processes import free_port, process, processor_time

PAYLOAD = b"x" * 64
AT_ONCE = 3000  # messages on their way: of QoS 0, a broker drops what its reader is too slow for
READER = """
#include <socket.h>
int seen, wanted;

void message(int fd, mapping message) {
    if (!seen++) write("first\\n");
    if (seen == wanted) { write("last\\n"); shutdown(0); }
}

void ready(int fd) { socket_write(fd, (["subscribe": "bench/#"])); }

int main(string *argv) {
    int fd = socket_create(MQTT_CLIENT, "message");
    wanted = to_int(argv[2]);
    socket_set_option(fd, SO_PROTOCOL_VERSION, argv[3]);
    socket_connect(fd, "127.0.0.1 " + argv[1], "message", "ready");
    return 0;
}
"""
BROKER = """
#include <socket.h>
int main(string *argv) {
    int fd = socket_create(MQTT_BROKER, "message");
    socket_bind(fd, 0, "127.0.0.1 " + argv[1]);
    socket_listen(fd);
    write("first\\n");
    return 0;
}
"""


def packet(first: int, body: bytes) -> bytes:
    """A packet of MQTT."""
    assert len(body) < 128
    return bytes((first, len(body))) + body


def publish(version: str) -> bytes:
    """A message of QoS 0."""
    return packet(0x30, b"\x00\x07bench/1" + (b"\0" if version == "5" else b"") + PAYLOAD)


def flood(port: int, messages: int, version: str) -> None:
    """A broker that has one subscriber and a lot to tell it."""
    five = version == "5"
    with socket.create_server(("127.0.0.1", port)) as server:
        client, _ = server.accept()
        client.recv(4096)
        client.sendall(packet(0x20, b"\0\0\0" if five else b"\0\0"))
        number = client.recv(4096)[2:4]
        client.sendall(packet(0x90, number + (b"\0\0" if five else b"\0")))
        one = publish(version)
        at_once = 500
        for _ in range(messages // at_once):
            client.sendall(one * at_once)
        client.recv(4096)


async def bare(port: int, messages: int, version: str) -> None:
    """What aiomqtt's manual shows."""
    import aiomqtt

    protocol = aiomqtt.ProtocolVersion.V5 if version == "5" else aiomqtt.ProtocolVersion.V311
    seen = 0
    async with aiomqtt.Client("127.0.0.1", port, protocol=protocol) as client:
        await client.subscribe("bench/#")
        async for _ in client.messages:
            if not seen:
                print("first", flush=True)
            seen += 1
            if seen == messages:
                print("last", flush=True)
                os._exit(0)


def line_of(started: subprocess.Popen[str], expected: str) -> None:
    """Wait until a process says something."""
    assert started.stdout is not None
    if started.stdout.readline().strip() != expected:
        raise SystemExit("a process ended too early")


def receiving(kind: str, version: str, messages: int, folder: Path) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    port = free_port()
    with process(__file__, "--flood", port, "--messages", messages, "--version", version) as source:
        for _ in range(200):
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    break
            source.poll()
            time.sleep(0.02)
        if kind == "aiomqtt":
            command: tuple[object, ...] = (__file__, "--bare", port, "--messages", messages, "--version", version)
        else:
            command = ("-m", "lpc", "--mudlib", folder, "-A", folder / "reader.c", port, messages, version)
        with process(*command) as reader:
            line_of(reader, "first")
            begin, before = time.perf_counter(), processor_time(reader.pid)
            assert reader.stdout is not None
            # Its time is read as long as it is there: when it says "last" it is about to end.
            line_of(reader, "last")
            return time.perf_counter() - begin, processor_time(reader.pid) - before


class _Sender(asyncio.Protocol):
    """One of many clients."""

    def __init__(self, number: int, ready: asyncio.Future[None]) -> None:
        self.number = number
        self.ready = ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        name = f"c{self.number}".encode()
        transport.write(packet(0x10, b"\0\4MQTT\5\2\0\0\0" + len(name).to_bytes(2, "big") + name))

    def data_received(self, data: bytes) -> None:
        if not self.ready.done():
            self.ready.set_result(None)


class _Counter(_Sender):
    """The client that reads."""

    seen = 0
    size = len(publish("5"))
    partial = 0

    def __init__(self, ready: asyncio.Future[None]) -> None:
        super().__init__(999_999, ready)
        self.news = asyncio.Event()
        self.is_counting = False

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.is_counting:
            self.partial += len(data)
            self.seen, _ = divmod(self.partial, self.size)
            self.news.set()


async def fan_in(port: int, messages: int, clients: int) -> None:
    """Send, and read what arrives."""
    loop = asyncio.get_running_loop()
    senders: list[_Sender] = []
    for number in range(clients):
        ready = loop.create_future()
        _, sender = await loop.create_connection(lambda number=number, ready=ready: _Sender(number, ready),
                                                 "127.0.0.1", port)
        senders.append(sender)
        await ready
    ready = loop.create_future()
    _, counter = await loop.create_connection(lambda: _Counter(ready), "127.0.0.1", port)
    await ready
    counter.ready = loop.create_future()
    counter.transport.write(packet(0x82, b"\0\1\0\0\7bench/#\0"))
    await counter.ready
    counter.is_counting = True
    one = publish("5")
    burst = 5
    sent = 0
    print("first", flush=True)
    while sent < messages:
        for sender in senders:
            sender.transport.write(one * burst)
            sent += burst
            while sent - counter.seen > AT_ONCE:
                counter.news.clear()
                await counter.news.wait()
    while counter.seen < sent:
        counter.news.clear()
        await asyncio.wait_for(counter.news.wait(), 30)
    print("last", flush=True)
    await asyncio.Event().wait()


def measure_fan_in(messages: int, clients: int, folder: Path) -> tuple[float, float]:
    """Messages per second, and microseconds of the broker's processor time for each."""
    port = free_port()
    with process("-m", "lpc", "--mudlib", folder, "-A", folder / "broker.c", port) as broker:
        line_of(broker, "first")
        with process(__file__, "--fan-in", port, "--messages", messages, "--clients", clients) as load:
            line_of(load, "first")
            begin, before = time.perf_counter(), processor_time(broker.pid)
            line_of(load, "last")
            rounds = -(-messages // (clients * 5)) * clients * 5
            return (rounds / (time.perf_counter() - begin),
                    (processor_time(broker.pid) - before) / rounds * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--version", default="5")
    parser.add_argument("--flood", type=int)
    parser.add_argument("--bare", type=int)
    parser.add_argument("--fan-in", type=int)
    options = parser.parse_args()
    import uvloop

    if options.flood:
        flood(options.flood, options.messages, options.version)
    elif options.bare:
        uvloop.run(bare(options.bare, options.messages, options.version))
    elif options.fan_in:
        uvloop.run(fan_in(options.fan_in, options.messages, options.clients))
    else:
        compare(options.rounds, options.messages, options.clients)


def compare(rounds: int, messages: int, clients: int) -> None:
    """Everything, in turns."""
    kinds = [(kind, version) for version in ("5", "3.1.1") for kind in ("aiomqtt", "lpc")]
    wall, spent = dict.fromkeys(kinds, math.inf), dict.fromkeys(kinds, math.inf)
    fan_rate, fan_cost = 0.0, math.inf
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "reader.c").write_text(READER, encoding="utf-8")
        (folder / "broker.c").write_text(BROKER, encoding="utf-8")
        for _ in range(rounds):
            for kind in kinds:
                seconds, processor = receiving(*kind, messages, folder)
                wall[kind], spent[kind] = min(wall[kind], seconds), min(spent[kind], processor)
            rate, cost = measure_fan_in(messages * 4, clients, folder)
            fan_rate, fan_cost = max(fan_rate, rate), min(fan_cost, cost)
    for version in ("5", "3.1.1"):
        for kind in ("aiomqtt", "lpc"):
            key = (kind, version)
            print(f"receive, MQTT {version:6}{kind:8}{messages / wall[key]:9.0f}/s, "
                  f"processor time {spent[key] / messages * 1e6:.1f} us")
        ours, theirs = ("lpc", version), ("aiomqtt", version)
        print(f"  that is {wall[theirs] / wall[ours]:.2f} of aiomqtt, "
              f"{spent[theirs] / spent[ours]:.2f} by processor time")
    print(f"fan-in from {clients} clients: {fan_rate:.0f}/s, processor time {fan_cost:.1f} us a message")


if __name__ == "__main__":
    main()
