"""Measures mode 30 against a bare server of the library websockets on uvloop, compression off in both.

    python bench/websocket.py [--rounds N] [--seconds N] [--connections N] [--idle N] [--crowd N]

    echo        a message of 64 bytes goes to and fro on each connection
    idle        memory for an open connection nobody uses
    broadcast   from the order to the last of the clients, a message of 200 bytes for each

Every server runs alone in a process of its own, the clients in another: frames made once, answers only counted, so
that what is measured is the server. They take turns, best of N; beside messages per second stands the
server's processor time for each, which other work on the machine changes least. `secure` is mode 32.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import resource
import ssl
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from processes import free_port, processor_time, server

SIZE = 64
SCRIPT = """
mapping clients = ([]);

void got(int fd, string text, mapping info) {
    if (text == "all") {
        websocket_broadcast(keys(clients), repeat_string("x", 200));
    } else {
        socket_write(fd, text);
    }
}

void ready(int fd) { clients[fd] = 1; }
void caller(int fd) { socket_accept(fd, "got", "ready"); }
void gone(int fd, string reason, int code) { map_delete(clients, fd); }

int main(string *argv) {
    int secure = to_int(argv[2]);
    int server = socket_create(secure ? WEBSOCKET_SECURE_SERVER : WEBSOCKET_SERVER, "got", "gone");
    if (secure) {
        socket_set_option(server, 3, "/cert.pem");
        socket_set_option(server, 4, "/key.pem");
    }
    socket_set_option(server, 124, 0);
    socket_bind(server, 0, "127.0.0.1 " + argv[1]);
    socket_listen(server, "caller");
    return 0;
}
"""


async def bare_server(port: int) -> None:
    """The library's own server."""
    from websockets.asyncio.server import ServerConnection, serve
    from websockets.exceptions import ConnectionClosedError

    async def echo(connection: ServerConnection) -> None:
        with suppress(ConnectionClosedError):  # the clients leave without a word
            async for message in connection:
                await connection.send(message)

    async with serve(echo, "127.0.0.1", port, compression=None, ping_interval=None) as server:
        await server.serve_forever()


def command_of(name: str, port: int, folder: Path) -> tuple[object, ...]:
    """What starts a server."""
    if name == "bare":
        return __file__, "--serve", port
    return "-m", "lpc", "--mudlib", folder, "-A", folder / "serve.c", port, int(name == "secure")


def resident(pid: int) -> int:
    """Bytes of memory a process has."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024


def masked(data: bytes) -> bytes:
    """A text frame as a client sends it, the key being zero."""
    return bytes((0x81, 0x80 | len(data))) + bytes(4) + data


class Client(asyncio.Protocol):
    """Shakes hands, then counts what comes; with `frame` it sends that for every answer."""

    transport: Any  # uvloop's are no asyncio.Transport

    def __init__(self, crowd: Crowd, frame: bytes, expected: int) -> None:
        self.crowd, self.frame, self.expected = crowd, frame, expected
        self.is_open = False
        self.pending = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            assert data.startswith(b"HTTP/1.1 101")
            self.is_open = True
            self.crowd.arrived()
            return
        self.pending += len(data)
        if self.pending >= self.expected:
            self.pending = 0
            self.crowd.count += 1
            if self.frame:
                self.transport.write(self.frame)
            else:
                self.crowd.heard()


class Crowd:
    """Clients of one server."""

    def __init__(self, expected: int, frame: bytes = b"") -> None:
        self.frame, self.expected = frame, expected
        self.clients: list[Client] = []
        self.count = self.waiting = self.missing = 0
        self.is_there = asyncio.Event()
        self.is_told = asyncio.Event()

    async def come(self, port: int, count: int, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        while (left := count - len(self.clients)) > 0:
            self.waiting = min(left, 100)  # the kernel's queue is finite
            self.is_there.clear()
            for _ in range(self.waiting):
                _, client = await loop.create_connection(
                    lambda: Client(self, self.frame, self.expected), "127.0.0.1", port, ssl=context)
                self.clients.append(client)
            await self.is_there.wait()

    def arrived(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self.is_there.set()

    def heard(self) -> None:
        self.missing -= 1
        if not self.missing:
            self.is_told.set()

    def leave(self) -> None:
        for client in self.clients:
            client.transport.abort()


def context_for(name: str) -> ssl.SSLContext | None:
    if name != "secure":
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def echo(name: str, port: int, connections: int, seconds: float) -> int:
    """Messages answered in some seconds."""
    crowd = Crowd(SIZE + 2, masked(b"x" * SIZE))
    await crowd.come(port, connections, context_for(name))
    for client in crowd.clients:
        client.transport.write(crowd.frame)
    await asyncio.sleep(seconds)
    crowd.leave()
    return crowd.count


async def idle(port: int, pid: int, count: int) -> float:
    """Bytes of memory for an open connection."""
    crowd = Crowd(1)
    await crowd.come(port, 100, None)  # what the first ones cost besides
    before = resident(pid)
    await crowd.come(port, count, None)
    used = (resident(pid) - before) / (count - 100)
    crowd.leave()
    return used


async def broadcast(port: int, count: int) -> float:
    """Seconds from the order until each client has its message; the best of five."""
    crowd = Crowd(204)
    await crowd.come(port, count, None)
    best = math.inf
    for _ in range(5):
        crowd.missing = count
        crowd.is_told.clear()
        begun = time.perf_counter()
        crowd.clients[0].transport.write(masked(b"all"))
        await crowd.is_told.wait()
        best = min(best, time.perf_counter() - begun)
    crowd.leave()
    return best


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--idle", type=int, default=9900)  # a driver has at most 10,000 sockets unless told otherwise
    parser.add_argument("--crowd", type=int, default=5000)
    parser.add_argument("--serve", type=int)
    options = parser.parse_args()
    import uvloop

    if options.serve:
        uvloop.run(bare_server(options.serve))
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    best = dict.fromkeys(("bare", "lpc", "secure"), 0.0)
    cost = dict.fromkeys(best, math.inf)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "serve.c").write_text(SCRIPT, encoding="utf-8")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, capture_output=True)
        for _ in range(options.rounds):
            for kind in best:
                port = free_port()
                with server(port, *command_of(kind, port, folder)) as pid:
                    before = processor_time(pid)
                    done = uvloop.run(echo(kind, port, options.connections, options.seconds))
                    spent = processor_time(pid) - before
                best[kind] = max(best[kind], done / options.seconds)
                cost[kind] = min(cost[kind], spent / done * 1e6)
        if options.idle:
            for kind in ("bare", "lpc"):
                port = free_port()
                with server(port, *command_of(kind, port, folder)) as pid:
                    used = uvloop.run(idle(port, pid, options.idle))
                print(f"{kind:8}{used / 1024:8.1f} KB for each of {options.idle} idle connections")
        if options.crowd:
            port = free_port()
            with server(port, *command_of("lpc", port, folder)):
                print(f"broadcast to {options.crowd}: {uvloop.run(broadcast(port, options.crowd)) * 1000:.0f} ms")
    for kind, found in best.items():
        share, by_time = found / best["bare"], cost["bare"] / cost[kind]
        print(f"{kind:8}{found:8.0f}/s, {share:.2f} of bare; processor time {cost[kind]:.1f} us, {by_time:.2f} of bare")


if __name__ == "__main__":
    main()
