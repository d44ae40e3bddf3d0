"""Measures stream sockets of LPC against bare asyncio protocols on uvloop that do the same work.

    python bench/sockets.py [--seconds N] [--json FILE] [name ...]

Each side is a process of its own, loaded by this one. `ratio` is ours divided by theirs: above 1 we are
faster, or (in memory and wakeups) hungrier. `cpu` compares the work done in a second of the server's
processor time: that ratio does not depend on what else the machine does.

    echo      64-byte messages a second over 64 connections
    receive   megabytes a second that arrive       send      that are sent, to a reader that takes what it can
    accept    connections a second, dropped at once
    tls ...   the same over TLS
    values    nested mappings a second that arrive in mode MUD       values back   that are also sent back
    memory    bytes for each of 10,000 open connections
    idle      wakeups a second of a driver with 1,000 connections that do nothing
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import ssl
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import trustme
import uvloop

HERE = Path(__file__).parent
PROJECT = HERE.parent
sys.path.insert(0, str(PROJECT))

from lpc.runtime.save import save_value  # noqa: E402 - the checkout is put on the path first
from lpc.runtime.values import Mapping  # noqa: E402

CONNECTIONS = 64
OPEN = 10_000
IDLE = 1_000
BULK = 1 << 30
PIECE = 65536
BATCH = 500

VALUE = Mapping({
    "name": "sword", "damage": [1, 8, 2], "weight": 2.5,
    "owner": Mapping({"name": "Zoë", "level": 17, "skills": Mapping({"parry": 40, "climb": 12})}),
})


class Server:
    """One side: a server process."""

    def __init__(self, command: list[str], tls: ssl.SSLContext | None) -> None:
        self.tls = tls
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        assert self.process.stdout is not None
        host, port = self.process.stdout.readline().split()
        self.address = (host, int(port))

    @property
    def cpu(self) -> float:
        """Seconds of processor time it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def status(self, name: str) -> int:
        """A number of /proc/PID/status, summed over the threads where it is a count of theirs."""
        folder = Path(f"/proc/{self.process.pid}")
        files = folder.glob("task/*/status") if name.endswith("switches") else [folder / "status"]
        lines = (line for file in files for line in file.read_text().splitlines() if line.startswith(f"{name}:"))
        return sum(int(line.split()[1]) for line in lines)


@contextmanager
def served(command: list[str], tls: ssl.SSLContext | None) -> Iterator[Server]:
    """A server while it is needed, and how to connect to it."""
    server = Server(command, tls)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()
        assert server.process.stdout is not None
        server.process.stdout.close()


def lpc(mode: int, task: str, *pem: str) -> list[str]:
    """The command of our side."""
    return [sys.executable, "-m", "lpc", "--mudlib", str(HERE / "mudlib"), "--limit", f"sockets={2 * OPEN}",
            *(f"--allow-read={name}" for name in pem), str(HERE / "mudlib/bench/stream_server.c"),
            str(mode), task, *pem]


def bare(task: str, *pem: str) -> list[str]:
    """The command of the other side."""
    return [sys.executable, str(HERE / "bare_server.py"), task, *pem]


def certificate(folder: str) -> tuple[str, ssl.SSLContext]:
    """A file with the certificate of a TLS server, and what a client needs."""
    authority, pem = trustme.CA(), f"{folder}/server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return pem, context


class Figure(NamedTuple):
    """What was measured: the figure, and how much of it a second of the server's processor time is worth."""

    value: float
    per_cpu: float = 0.0


@contextmanager
def timed(server: Server) -> Iterator[Callable[[float], Figure]]:
    """Makes the figure for an amount of work done since."""
    begin, cpu = time.perf_counter(), server.cpu
    yield lambda work: Figure(work / (time.perf_counter() - begin), work / max(server.cpu - cpu, 0.01))


class Client(asyncio.Protocol):
    """Sends back what arrives, and counts it."""

    def __init__(self, count: list[int]) -> None:
        self.count = count
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.count[0] += len(data)
        self.transport.write(data)


async def returned(server: Server, seconds: float, first: bytes, connections: int) -> Figure:
    """Messages that come back when all that arrives is sent again."""
    loop = asyncio.get_running_loop()
    count = [0]
    clients = []
    for _ in range(connections):
        transport, _ = await loop.create_connection(lambda: Client(count), *server.address, ssl=server.tls)
        transport.write(first)
        clients.append(transport)
    await asyncio.sleep(0.3)
    with timed(server) as figure:
        count[0] = 0
        await asyncio.sleep(seconds)
        result = figure(count[0] / len(first))
    for transport in clients:
        transport.abort()
    return result


async def echo(server: Server, seconds: float) -> Figure:
    """Messages a second."""
    return await returned(server, seconds, b"x" * 64, CONNECTIONS)


def frame() -> bytes:
    """A value as mode MUD sends it."""
    text = save_value(VALUE).encode() + b"\0"
    return struct.pack(">I", len(text)) + text


async def values_back(server: Server, seconds: float) -> Figure:
    """Values a second that come back."""
    return await returned(server, seconds, frame(), CONNECTIONS)


async def values(server: Server, seconds: float) -> Figure:
    """Values a second that arrive; the server answers every BATCH of them."""
    reader, writer = await asyncio.open_connection(*server.address)
    batch = frame() * BATCH
    writer.write(batch * 2)
    with timed(server) as figure:
        end = time.perf_counter() + seconds
        done = 0
        while time.perf_counter() < end:
            (length,) = struct.unpack(">I", await reader.readexactly(4))
            await reader.readexactly(length)
            done += BATCH
            writer.write(batch)
        result = figure(done)
    writer.close()
    return result


async def receive(server: Server, seconds: float) -> Figure:
    """Megabytes a second the server takes."""
    reader, writer = await asyncio.open_connection(*server.address, ssl=server.tls)
    piece = b"x" * PIECE
    with timed(server) as figure:
        for _ in range(BULK // PIECE - 1):
            writer.write(piece)
            await writer.drain()
        writer.write(piece[:-1] + b"\n")
        assert int(await reader.readline()) == BULK
        result = figure(BULK / 1e6)
    writer.close()
    return result


class Reader(asyncio.Protocol):
    """Sets `done` when so many bytes have come."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.wanted -= len(data)
        if not self.wanted:
            self.done.set_result(None)


async def send(server: Server, seconds: float) -> Figure:
    """Megabytes a second the server sends."""
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(lambda: Reader(BULK), *server.address, ssl=server.tls)
    with timed(server) as figure:
        transport.write(b"%d" % (BULK // PIECE))
        await reader.done
        result = figure(BULK / 1e6)
    transport.close()
    return result


class Counted(asyncio.Protocol):
    """A connection that is over when the server ends it."""

    def __init__(self) -> None:
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, error: Exception | None) -> None:
        self.over.set_result(None)


async def accept(server: Server, seconds: float) -> Figure:
    """Connections a second."""
    loop = asyncio.get_running_loop()
    count = 0

    async def connect() -> None:
        nonlocal count
        while time.perf_counter() < end:
            try:
                _, protocol = await loop.create_connection(Counted, *server.address)
            except OSError:  # dropped before it was complete
                continue
            await protocol.over
            count += 1

    with timed(server) as figure:
        end = time.perf_counter() + seconds
        await asyncio.gather(*(connect() for _ in range(CONNECTIONS // 4)))
        return figure(count)


async def opened(server: Server, count: int) -> list[asyncio.Transport]:
    """So many connections."""
    loop = asyncio.get_running_loop()
    made = []
    for _ in range(count):
        transport, _ = await loop.create_connection(asyncio.Protocol, *server.address)
        made.append(transport)
    await asyncio.sleep(0.5)
    return made


async def memory(server: Server, seconds: float) -> Figure:
    """Bytes of one connection."""
    await opened(server, 100)
    before = server.status("VmRSS")
    await opened(server, OPEN - 100)
    return Figure((server.status("VmRSS") - before) * 1024 / (OPEN - 100))


async def idle(server: Server, seconds: float) -> Figure:
    """Wakeups a second of a server nobody talks to."""
    await opened(server, IDLE)
    await asyncio.sleep(2.0)  # what the last connection woke goes to sleep again
    before = server.status("voluntary_ctxt_switches")
    await asyncio.sleep(seconds)
    return Figure((server.status("voluntary_ctxt_switches") - before) / seconds)


Measure = Callable[[Server, float], Coroutine[Any, Any, Figure]]

#: Name: what is measured, the mode and task of our side, the task of the other, and the unit.
MEASURES: dict[str, tuple[Measure, int, str, str, str]] = {
    "echo": (echo, 1, "echo", "echo", "messages/s"),
    "echo bytes": (echo, 3, "echo", "echo", "messages/s"),
    "receive": (receive, 1, "sink", "sink", "MB/s"),
    "receive bytes": (receive, 3, "sink", "sink", "MB/s"),
    "send": (send, 1, "source", "source", "MB/s"),
    "tls echo": (echo, 6, "echo", "echo", "messages/s"),
    "tls receive": (receive, 6, "sink", "sink", "MB/s"),
    "tls send": (send, 5, "source", "source", "MB/s"),
    "accept": (accept, 1, "accept", "accept", "connections/s"),
    "values": (values, 0, "count", "count", "values/s"),
    "values back": (values_back, 0, "echo", "values", "values/s"),
    "memory": (memory, 1, "hold", "hold", "bytes"),
    "idle": (idle, 1, "hold", "hold", "wakeups/s"),
}


def measured(command: list[str], tls: ssl.SSLContext | None, measure: Measure, seconds: float) -> tuple[Figure, float]:
    """The figure of one side, and by how many megabytes its memory grew at most."""
    with served(command, tls) as server:
        before = server.status("VmRSS")
        figure = uvloop.run(measure(server, seconds))
        return figure, (server.status("VmHWM") - before) / 1024


def best(figures: list[Figure], *, least: bool) -> Figure:
    """The best of each kind."""
    choose = min if least else max
    return Figure(choose(figure.value for figure in figures), choose(figure.per_cpu for figure in figures))


Results = dict[str, dict[str, float]]


def compared(names: list[str], rounds: int, seconds: float, pem: str, tls: ssl.SSLContext) -> Results:
    """Measure both sides and say how they compare."""
    results: Results = {}
    print(f"{'':14} {'LPC':>10} {'uvloop':>10} {'ratio':>6} {'cpu':>6}  {'unit':14} {'LPC grew':>8} {'uvloop':>8}")
    for name in names:
        measure, mode, task, other, unit = MEASURES[name]
        how: tuple[tuple[str, ...], ssl.SSLContext | None] = ((pem,), tls) if name.startswith("tls ") else ((), None)
        sides: tuple[list[Figure], list[Figure]] = ([], [])
        grown = [0.0, 0.0]
        for _ in range(rounds):
            for at, command in enumerate((lpc(mode, task, *how[0]), bare(other, *how[0]))):
                figure, growth = measured(command, how[1], measure, seconds)
                sides[at].append(figure)
                grown[at] = max(grown[at], growth)
        ours, theirs = (best(side, least=unit in ("bytes", "wakeups/s")) for side in sides)
        ratio = ours.value / theirs.value if theirs.value else 0.0
        cpu = ours.per_cpu / theirs.per_cpu if theirs.per_cpu else 0.0
        results[name] = {"lpc": ours.value, "uvloop": theirs.value, "ratio": ratio, "cpu_ratio": cpu,
                         "lpc_growth_mb": grown[0], "uvloop_growth_mb": grown[1]}
        print(f"{name:14} {ours.value:10.0f} {theirs.value:10.0f} {ratio:6.2f} {cpu:6.2f}  {unit:14} "
              f"{grown[0]:5.1f} MB {grown[1]:5.1f} MB", flush=True)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure stream sockets of LPC against bare uvloop.")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long a rate is measured")
    parser.add_argument("--rounds", type=int, default=2, help="times each side is measured; the best counts")
    parser.add_argument("--json", metavar="FILE", help="write the figures there")
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of: {', '.join(MEASURES)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(MEASURES)
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * OPEN)), hard))

    with tempfile.TemporaryDirectory() as folder:
        results = compared(options.names or list(MEASURES), options.rounds, options.seconds, *certificate(folder))
    if options.json:
        text = json.dumps({"python": sys.version.split()[0], "results": results}, indent=2)
        Path(options.json).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
