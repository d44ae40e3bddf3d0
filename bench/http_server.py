"""Measures modes 20 and 21 against bare servers: aiohttp's low-level one, and for HTTP/2 the library h2 in an
asyncio protocol. The clients are Debian's wrk and, for HTTP/2 and at a given rate, h2load (nghttp2-client).

    python bench/http_server.py [--rounds N] [--seconds N] [--connections N] [--streams N]

Every server answers "Hello, world!" and runs alone in a process of its own on uvloop, the client in another; they
take turns, best of N, so that what the machine does meanwhile falls on all. Beside requests per second stands the
server's processor time for each, which other work on the machine changes least. `p99` is measured in a second run
at half of that rate. HTTP/2 has `--streams` requests under way on each of its connections, of which there are as
many fewer.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from h2.exceptions import ProtocolError
from processes import free_port, processor_time, server, wrk

HELLO = "Hello, world!\n"
SCRIPT = """
void request(int fd, mapping request, string addr) {
    socket_write(fd, (["headers": (["content-type": "text/plain"]), "body": "Hello, world!\\n"]));
}

int main(string *argv) {
    int secure = to_int(argv[2]);
    int server = socket_create(secure ? HTTPS_SERVER : HTTP_SERVER, "request");
    if (secure) {
        socket_set_option(server, 3, "/cert.pem");
        socket_set_option(server, 4, "/key.pem");
    }
    else
        socket_set_option(server, 340, 1);
    socket_bind(server, 0, "127.0.0.1 " + argv[1]);
    socket_listen(server);
    return 0;
}
"""


async def aiohttp_server(port: int) -> None:
    """aiohttp's web.Server, without application, router or middleware."""
    from aiohttp import web

    async def handler(request: web.BaseRequest) -> web.Response:
        return web.Response(text=HELLO)

    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


class BareHttp2(asyncio.Protocol):
    """What the library costs alone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.http.initiate_connection()
        transport.write(self.http.data_to_send())

    def data_received(self, data: bytes) -> None:
        with suppress(ProtocolError):  # after GOAWAY the library sends nothing
            for event in self.http.receive_data(data):
                if isinstance(event, RequestReceived):
                    assert event.stream_id is not None
                    self.http.send_headers(event.stream_id, [(":status", "200"), ("content-type", "text/plain"),
                                                             ("content-length", str(len(HELLO)))])
                    self.http.send_data(event.stream_id, HELLO.encode(), end_stream=True)
        self.transport.write(self.http.data_to_send())


async def http2_server(port: int) -> None:
    """The library h2, and nothing else."""
    made = await asyncio.get_running_loop().create_server(BareHttp2, "127.0.0.1", port)
    await made.serve_forever()


def command_of(name: str, port: int, folder: Path) -> tuple[object, ...]:
    """What starts a server."""
    if name in SERVERS:
        return __file__, "--serve", name, "--port", port
    return "-m", "lpc", "--mudlib", folder, "-A", folder / "hello.c", port, int(name == "https")


def http2_rate(port: int, seconds: int, connections: int, streams: int) -> float:
    """Requests per second in HTTP/2, by h2load."""
    done = subprocess.run(["h2load", f"--clients={connections}", f"--max-concurrent-streams={streams}",
                           f"--duration={seconds}", "--warm-up-time=0", f"http://127.0.0.1:{port}/"],
                          capture_output=True, text=True, check=True)
    found = re.search(r"([\d.]+) req/s", done.stdout)
    if found is None or not float(found[1]) or " 0 failed, 0 errored, 0 timeout" not in done.stdout:
        raise SystemExit(done.stdout)
    return float(found[1])


def latencies(port: int, per_second: float, seconds: int, connections: int, *more: str) -> list[float]:
    """Milliseconds of each request at a given rate, by h2load."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as log:
        subprocess.run(["h2load", *more, f"--clients={connections}", f"--duration={seconds}",
                        f"--rps={per_second / connections:.1f}", f"--log-file={log.name}", f"http://127.0.0.1:{port}/"],
                       capture_output=True, check=True)
        return sorted(int(line.split("\t")[2]) / 1000 for line in log)


SERVERS = {"aiohttp": aiohttp_server, "h2": http2_server}
#: what is measured, and against what
KINDS = {"aiohttp": "aiohttp", "http": "aiohttp", "https": "aiohttp", "h2": "h2", "http2": "h2"}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--serve", choices=SERVERS)
    parser.add_argument("--port", type=int)
    options = parser.parse_args()
    import uvloop

    if options.serve:
        uvloop.run(SERVERS[options.serve](options.port))
        return
    best = dict.fromkeys(KINDS, 0.0)
    cost = dict.fromkeys(KINDS, math.inf)
    few = max(1, options.connections // options.streams)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello.c").write_text(SCRIPT, encoding="utf-8")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, capture_output=True)
        for _ in range(options.rounds):
            for kind, bare in KINDS.items():
                port = free_port()
                with server(port, *command_of(kind, port, folder)) as pid:
                    before = processor_time(pid)
                    if bare == "h2":
                        found = http2_rate(port, options.seconds, few, options.streams)
                    else:
                        scheme = "https" if kind == "https" else "http"
                        found = wrk(f"{scheme}://127.0.0.1:{port}/", options.seconds, options.connections)
                    spent = (processor_time(pid) - before) / (found * options.seconds)
                best[kind] = max(best[kind], found)
                cost[kind] = min(cost[kind], spent * 1e6)
        times = {}
        port = free_port()
        with server(port, *command_of("http", port, folder)):
            times["http"] = latencies(port, best["http"] / 2, options.seconds, options.connections, "--h1")
            times["http2"] = latencies(port, best["http2"] / 2, options.seconds, few,
                                       f"--max-concurrent-streams={options.streams}")
    for kind, bare in KINDS.items():
        print(f"{kind:10}{best[kind]:8.0f}/s, {best[kind] / best[bare]:.2f} of {bare}; "
              f"processor time {cost[kind]:.1f} us, {cost[bare] / cost[kind]:.2f} of its rate")
    by_rate, by_time = best["https"] / best["http"], cost["http"] / cost["https"]
    print(f"https is {by_rate:.2f} of http, {by_time:.2f} by processor time")
    for kind, found_times in times.items():
        print(f"{kind}: p99 at {best[kind] / 2:.0f}/s: {found_times[int(len(found_times) * 0.99)]:.2f} ms")


if __name__ == "__main__":
    main()
