"""Measures mode 22 against aiohttp's own client, both in turn against the same server.

    python bench/http_client.py [--rounds N] [--requests N] [--flight N]

The server is a protocol of a few lines on uvloop in a process of its own: it answers "Hello, world!" to whatever ends
with an empty line. Each client runs alone in a process, on uvloop, and keeps N requests in flight, each begun by
the answer to another. The clock runs from the first request to the last answer; beside the requests per second
stands the client's processor time for each, which other work on the machine changes least. Best of the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from processes import process, processor_time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nHello, world!\n"
SCRIPT = """
int count, sent, total, flight;

void ask(int fd) {
    sent++;
    socket_write(fd, (["path": "/hello"]));
}

void got(int fd, mapping answer, string from) {
    if (answer["body"] != "Hello, world!\\n") error("wrong answer\\n");
    if (sent < total) ask(fd);
    if (++count == total) {
        write("done\\n");
        socket_close(fd);
    }
}

void ready(int fd) {
    write("begin\\n");
    while (sent < flight) ask(fd);
}

void ended(int fd, string reason, int code) { write(reason + "\\n"); }

int main(string *argv) {
    int fd = socket_create(HTTP_CLIENT, "got", "ended");
    total = to_int(argv[2]);
    flight = to_int(argv[3]);
    socket_set_option(fd, 45, flight);  // SO_CONNECTION_POOL
    socket_connect(fd, "127.0.0.1 " + argv[1], "got", "ready");
    return 0;
}
"""


class Server(asyncio.Protocol):
    """Answers each request; none has a body."""

    transport: Any

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER * data.count(b"\r\n\r\n"))


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(port: int, total: int, flight: int) -> None:
    """The same work with aiohttp alone, as one writes it: a task for each request in flight."""
    import aiohttp

    left = total

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal left
        while left > 0:
            left -= 1
            async with session.get(f"http://127.0.0.1:{port}/hello") as response:
                if await response.text() != "Hello, world!\n":
                    raise SystemExit("wrong answer")

    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        print("begin", flush=True)
        await asyncio.gather(*(worker(session) for _ in range(flight)))
        print("done", flush=True)


def line(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def measure(command: list[str], total: int) -> tuple[float, float]:
    """Requests per second, and processor time of one in microseconds."""
    with process(*command) as client:
        if (said := line(client)) != "begin":
            raise SystemExit(f"{command}: {said}")
        began, used = time.perf_counter(), processor_time(client.pid)
        if (said := line(client)) != "done":
            raise SystemExit(f"{command}: {said}")
        return total / (time.perf_counter() - began), (processor_time(client.pid) - used) / total * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=30_000)
    parser.add_argument("--flight", type=int, default=1000)
    parser.add_argument("--serve", action="store_true")
    parser.add_argument("--bare", type=int)
    options = parser.parse_args()
    import uvloop

    if options.serve:
        uvloop.run(serve())
        return
    if options.bare:
        uvloop.run(bare(options.bare, options.requests, options.flight))
        return
    numbers = ["--requests", str(options.requests), "--flight", str(options.flight)]
    rate = dict.fromkeys(("aiohttp", "pylpc"), 0.0)
    cost = dict.fromkeys(rate, math.inf)
    with tempfile.TemporaryDirectory() as folder, process(__file__, "--serve") as server:
        port = line(server)
        script = Path(folder, "ask.c")
        script.write_text(SCRIPT, encoding="utf-8")
        commands = {
            "aiohttp": [__file__, "--bare", port, *numbers],
            "pylpc": ["-m", "lpc", "--mudlib", folder, "-A", str(script), port, str(options.requests),
                      str(options.flight)],
        }
        for _ in range(options.rounds):
            for name, command in commands.items():
                found, spent = measure(command, options.requests)
                rate[name] = max(rate[name], found)
                cost[name] = min(cost[name], spent)
    for name in rate:
        print(f"{name:8}{rate[name]:7.0f}/s, {rate[name] / rate['aiohttp']:.2f} of aiohttp; "
              f"processor time {cost[name]:.0f} us, {cost['aiohttp'] / cost[name]:.2f}")


if __name__ == "__main__":
    main()
