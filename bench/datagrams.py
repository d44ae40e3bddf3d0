"""Measures UDP sockets against a bare uvloop endpoint, and compressed sockets against their codec alone.

    python bench/datagrams.py [--rounds N] [--json FILE] [name ...]

Both sides run in turns, best of N. `ratio` is our rate divided by theirs (1: the driver and LPC cost nothing).
Rates are those of the processor's time, which what else the machine does hardly touches; round trips take
the time of the clock, and want a quiet machine with two cores.

    receive, receive_binary   512-byte packets out of a full kernel buffer, each given to LPC
    echo                      round trips of one 512-byte packet; the client is another process
    echo_window               the same with 64 packets under way
    zstd, zlib                text in messages of 64 KiB through a stream of mode 7, both ends in one process
    packets                   messages of 1 KiB packed, sent and unpacked in mode 9, one after the other
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import process_time
from typing import Any

PROJECT = Path(__file__).parent.parent
sys.path.insert(0, str(PROJECT))

import uvloop  # noqa: E402 - the checkout is put on the path first
import zstandard  # noqa: E402

from efuns import standard  # noqa: E402
from lpc import Driver  # noqa: E402

PACKET = 512
BURST = 150  # packets of a burst: they fit into the kernel's buffer
BURSTS = 60
TRIPS = 20_000
MESSAGE = 64 << 10
MESSAGES = 200
SMALL = 1024
SMALL_MESSAGES = 5000

#: What the measured objects do; `write` tells us that they are done.
PROGRAM = """
#include <socket.h>

int fd, other, wanted, seen, sent;
string *messages;

void count(int which, mixed data, string sender) {
    if (++seen == wanted) write("done");
}

void echo(int which, mixed data, string sender) { socket_write(which, data, sender); }

int open(int mode, string callback) {
    fd = socket_create(mode, callback);
    socket_bind(fd, 0, "127.0.0.1 0");
    return to_int(explode(socket_address(fd, 1), " ")[1]);
}

void expect(int count) { wanted = count; seen = 0; }

void stream(string codec, string *texts) {
    int listener = socket_create(7, "arrived", "ended");
    messages = texts;
    socket_set_option(listener, SO_COMPRESSION, codec);
    socket_bind(listener, 0, "127.0.0.1 0");
    socket_listen(listener, "caller");
    fd = socket_create(7, "nothing", "ended");
    socket_set_option(fd, SO_COMPRESSION, codec);
    socket_connect(fd, socket_address(listener, 1), "nothing", "has_room");
}

void caller(int which) { other = socket_accept(which, "arrived", "nothing"); socket_close(which); }

void arrived(int which, string data) { seen++; }
void nothing(int which) { }
void ended(int which, string reason, int code) { if (code == EEBADF && seen) write("done"); }

void has_room(int which) {
    while (sent < sizeof(messages)) if (socket_write(which, messages[sent++]) != 1) return;
    socket_close(which);
}

void packets(string text, int count) {
    fd = socket_create(9, "answered");
    socket_bind(fd, 0, "127.0.0.1 0");
    other = socket_create(9, "answered");
    socket_bind(other, 0, "127.0.0.1 0");
    expect(count);
    socket_write(fd, text, socket_address(other, 1));
}

void answered(int which, string data, string sender) {
    if (++seen < wanted) { socket_write(which, data, sender); return; }
    socket_close(fd);
    socket_close(other);
    write("done");
}
"""

#: A client that counts its own round trips a second: host, port, trips, packets under way.
CLIENT = f"""
import socket, sys, time
host, port, trips, window = sys.argv[1], *map(int, sys.argv[2:])
wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
wire.connect((host, port))
wire.settimeout(5)
packet = b"x" * {PACKET}
for _ in range(window): wire.send(packet)
begin = time.perf_counter()
for _ in range(trips):
    wire.recv(2048)
    wire.send(packet)
print(trips / (time.perf_counter() - begin))
for _ in range(window): wire.recv(2048)
"""


class World:
    """A driver on a loop, with one object of PROGRAM."""

    def __init__(self, loop: asyncio.AbstractEventLoop, mudlib: str) -> None:
        self._loop = loop
        self._done = asyncio.Event()
        self._driver = Driver(mudlib, loop=loop, efuns=standard.efuns(), predefined=standard.macros(), master="",
                              simul_efun="", cache=False, output=lambda text: self._done.set())
        self._object = self._driver.load("/program")

    def call(self, function: str, *args: Any) -> Any:
        return self._driver.call(self._object, function, *args)

    def finish(self) -> None:
        """Run the loop until the object is done."""
        self._loop.run_until_complete(asyncio.wait_for(self._done.wait(), 60))
        self._done.clear()


@contextmanager
def world() -> Iterator[World]:
    loop = uvloop.new_event_loop()
    with tempfile.TemporaryDirectory() as mudlib:
        (Path(mudlib) / "program.c").write_text(PROGRAM, encoding="utf-8")
        made = World(loop, mudlib)
        yield made
        made._driver.close()
    loop.close()


def receiving(callback: str, mode: int) -> tuple[Callable[[], float], Callable[[], float]]:
    def bursts(wire: socket.socket, run: Callable[[], None]) -> float:
        """Packets a second: only emptying the kernel's buffer is timed."""
        seconds = 0.0
        for _ in range(BURSTS):
            for _ in range(BURST):
                wire.send(b"x" * PACKET)
            begin = process_time()
            run()
            seconds += process_time() - begin
        return BURSTS * BURST / seconds

    def ours() -> float:
        with world() as made, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.connect(("127.0.0.1", made.call("open", mode, callback)))

            def run() -> None:
                made.call("expect", BURST)
                made.finish()

            return bursts(wire, run)

    def theirs() -> float:
        loop = uvloop.new_event_loop()
        got = 0
        done: asyncio.Future[None] = loop.create_future()

        class Counter(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, address: Any) -> None:
                nonlocal got
                got += 1
                if got == BURST:
                    done.set_result(None)

        def run() -> None:
            nonlocal got, done
            got, done = 0, loop.create_future()
            loop.run_until_complete(done)

        transport, _ = loop.run_until_complete(loop.create_datagram_endpoint(Counter, local_addr=("127.0.0.1", 0)))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wire:
            wire.connect(transport.get_extra_info("sockname"))
            rate = bursts(wire, run)
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        return rate

    return ours, theirs


def echoing(window: int) -> tuple[Callable[[], float], Callable[[], float]]:
    def trips(loop: asyncio.AbstractEventLoop, port: int) -> float:
        arguments = [sys.executable, "-c", CLIENT, "127.0.0.1", str(port), str(TRIPS), str(window)]
        job = asyncio.to_thread(subprocess.run, arguments, check=True, capture_output=True)
        return float(loop.run_until_complete(job).stdout)

    def ours() -> float:
        with world() as made:
            return trips(made._loop, made.call("open", 2, "echo"))

    def theirs() -> float:
        loop = uvloop.new_event_loop()

        class Echo(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, address: Any) -> None:
                self.transport.sendto(data, address)

        transport, _ = loop.run_until_complete(loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0)))
        rate = trips(loop, transport.get_extra_info("sockname")[1])
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        return rate

    return ours, theirs


def words(size: int) -> str:
    """Text that compresses about as well as prose."""
    chance = random.Random(1)
    vocabulary = ["".join(chance.choices("etaoinshrdlu", k=chance.randrange(2, 10))) for _ in range(3000)]
    return " ".join(chance.choices(vocabulary, k=size // 4))[:size].ljust(size)


def streaming(codec: str) -> tuple[Callable[[], float], Callable[[], float]]:
    text = words(MESSAGE * MESSAGES)
    messages = [text[at:at + MESSAGE] for at in range(0, len(text), MESSAGE)]

    def ours() -> float:
        with world() as made:
            begin = process_time()
            made.call("stream", codec, messages)
            made.finish()
            return len(text) / (process_time() - begin) / 1e6

    def theirs() -> float:
        if codec == "zstd":
            parameters = zstandard.ZstdCompressionParameters.from_level(
                3, source_size=128 << 10, write_content_size=False)
            deflater: Any = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
            inflater: Any = zstandard.ZstdDecompressor().decompressobj()
            flush: Any = zstandard.COMPRESSOBJ_FLUSH_BLOCK
        else:
            deflater, inflater, flush = zlib.compressobj(), zlib.decompressobj(), zlib.Z_SYNC_FLUSH
        begin = process_time()
        for message in messages:
            if inflater.decompress(deflater.compress(message.encode()) + deflater.flush(flush)).decode() != message:
                raise SystemExit("the codec does not work")
        return len(text) / (process_time() - begin) / 1e6

    return ours, theirs


def packing() -> tuple[Callable[[], float], Callable[[], float]]:
    text = words(SMALL)

    def ours() -> float:
        with world() as made:
            begin = process_time()
            made.call("packets", text, SMALL_MESSAGES)
            made.finish()
            return SMALL_MESSAGES / (process_time() - begin)

    def theirs() -> float:
        data = text.encode()
        packer, unpacker = zstandard.ZstdCompressor(), zstandard.ZstdDecompressor()
        begin = process_time()
        for _ in range(SMALL_MESSAGES):
            unpacker.decompress(packer.compress(data))
        return SMALL_MESSAGES / (process_time() - begin)

    return ours, theirs


#: Name: unit, and what makes both sides.
BENCHMARKS: dict[str, tuple[str, Callable[[], tuple[Callable[[], float], Callable[[], float]]]]] = {
    "receive": ("packets/s", lambda: receiving("count", 2)),
    "receive_binary": ("packets/s", lambda: receiving("count", 4)),
    "echo": ("trips/s", lambda: echoing(1)),
    "echo_window": ("trips/s", lambda: echoing(64)),
    "zstd": ("MB/s", lambda: streaming("zstd")),
    "zlib": ("MB/s", lambda: streaming("zlib")),
    "packets": ("packets/s", packing),
}


def main() -> None:
    """Measure what is named on the command line, or everything."""
    parser = argparse.ArgumentParser(description="UDP and compressed sockets")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=5, help="best of so many (5)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too ('-': to standard output only)")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}")

    quiet = options.json == "-"
    results: dict[str, dict[str, Any]] = {}
    if not quiet:
        print(f"{'':16} {'ours':>12} {'theirs':>12} {'ratio':>7}")
    for name in options.names or BENCHMARKS:
        unit, make = BENCHMARKS[name]
        ours, theirs = make()
        rates = [(ours(), theirs()) for _ in range(options.rounds)]
        mine, other = (max(side) for side in zip(*rates, strict=True))
        results[name] = {"ours": mine, "theirs": other, "unit": unit, "ratio": mine / other}
        if not quiet:
            print(f"{name:16} {mine:12,.0f} {other:12,.0f} {mine / other:7.2f}  {unit}", flush=True)

    if options.json:
        text = json.dumps({"python": sys.version.split()[0], "results": results}, indent=2)
        if quiet:
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
