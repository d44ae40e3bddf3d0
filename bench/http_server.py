"""Measures modes 20 and 21 against aiohttp's low-level server, with Debian's wrk as the client.

    python bench/http_server.py [--rounds N] [--seconds N] [--connections N]

Every server answers "Hello, world!" and runs alone in a process of its own on uvloop, wrk in another; they take
turns, best of N, so that what the machine does meanwhile falls on all. Beside requests per second stands the
server's processor time for each, which other work on the machine changes least. `p99` is
measured in a second run at half of that rate, by h2load (Debian's nghttp2-client): wrk knows no rate.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parent.parent
sys.path[:0] = [str(PROJECT)]

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


@contextmanager
def server(name: str, folder: Path) -> Iterator[tuple[int, int]]:
    """A server process: its port and process number."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    if name == "aiohttp":
        command = [sys.executable, __file__, "--serve", str(port)]
    else:
        command = [sys.executable, "-m", "lpc", "--mudlib", str(folder), "-A", str(folder / "hello.c"), str(port),
                   str(int(name == "https"))]
    process = subprocess.Popen(command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit(f"{name}: the server ended")
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def processor_time(pid: int) -> float:
    """Seconds a process has run."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rate(url: str, seconds: int, connections: int) -> float:
    """Requests per second, by wrk."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", url], capture_output=True, text=True,
                          check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise SystemExit(done.stdout)
    found = re.search(r"Requests/sec:\s*([\d.]+)", done.stdout)
    assert found is not None
    return float(found[1])


def latencies(port: int, per_second: float, seconds: int, connections: int) -> list[float]:
    """Milliseconds of each request at a given rate, by h2load."""
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as log:
        subprocess.run(["h2load", "--h1", f"--clients={connections}", f"--duration={seconds}",
                        f"--rps={per_second / connections:.1f}", f"--log-file={log.name}", f"http://127.0.0.1:{port}/"],
                       capture_output=True, check=True)
        return sorted(int(line.split("\t")[2]) / 1000 for line in log)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--serve", type=int)
    options = parser.parse_args()
    import uvloop

    if options.serve:
        uvloop.run(aiohttp_server(options.serve))
        return
    best = dict.fromkeys(("aiohttp", "http", "https"), 0.0)
    cost = dict.fromkeys(best, math.inf)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello.c").write_text(SCRIPT, encoding="utf-8")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                       check=True, capture_output=True)
        for _ in range(options.rounds):
            for kind in best:
                with server(kind, folder) as (port, pid):
                    scheme = "https" if kind == "https" else "http"
                    before = processor_time(pid)
                    found = rate(f"{scheme}://127.0.0.1:{port}/", options.seconds, options.connections)
                    spent = (processor_time(pid) - before) / (found * options.seconds)
                best[kind] = max(best[kind], found)
                cost[kind] = min(cost[kind], spent * 1e6)
        with server("http", folder) as (port, _):
            half = best["http"] / 2
            times = latencies(port, half, options.seconds, options.connections)
    for kind, found in best.items():
        share = found / best["aiohttp"]
        print(f"{kind:10}{found:8.0f}/s, {share:.2f} of aiohttp; processor time {cost[kind]:.1f} us")
    by_rate, by_time = best["https"] / best["http"], cost["http"] / cost["https"]
    print(f"https is {by_rate:.2f} of http, {by_time:.2f} by processor time")
    print(f"p99 at {half:.0f}/s: {times[int(len(times) * 0.99)]:.2f} ms")


if __name__ == "__main__":
    main()
