"""Modes 20 and 21 in a real driver, with clients we did not write: curl, wrk, http.client, aiohttp, raw sockets."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import aiohttp
import pytest
import trustme
from running import PATIENCE, Running

SCRIPT = """
#include <socket.h>

void answer(int connection, mapping request, string address) {
    switch (request["path"]) {
        case "/hello":
            socket_write(connection, (["headers": (["content-type": "text/plain"]), "body": "Hello, world!\\n"]));
            break;
        case "/echo":
            socket_write(connection, (["body": (["method": request["method"], "form": request["form"],
                "files": request["files"], "cookies": request["cookies"], "size": request["content_length"],
                "tls": request["tls"], "json": request["json"]])]));
            break;
        case "/body":
            socket_write(connection, (["body": request["body"]]));
            break;
        case "/large":
            socket_write(connection, implode(allocate(1000, "0123456789"), ""));
            break;
        case "/stream":
            socket_write(connection, (["chunked": 1]));
            for (int i = 0; i < 1000; i++)
                socket_write(connection, i + "\\n");
            socket_write(connection, (["end": 1]));
            break;
        case "/broken":
            error("broken\\n");
        case "/silent":
            break;
        default:
            socket_write(connection, (["status": 404]));
    }
}

int main(string *argv) {
    int server = socket_create(argv[1] == "https" ? HTTPS_SERVER : HTTP_SERVER, "answer");

    if (argv[1] == "https") {
        socket_set_option(server, SO_TLS_CERT, "/cert.pem");
        socket_set_option(server, SO_TLS_KEY, "/key.pem");
    }
    socket_set_option(server, HTTP_STATIC, (["/www": "/www"]));
    socket_set_option(server, CONTENT_SIZE_LIMIT, 2000000);
    socket_set_option(server, HTTP_TIMEOUT, 1000);
    socket_bind(server, 0, "127.0.0.1 0");
    if (socket_listen(server) != EESUCCESS)
        error(socket_get_option(server, SO_LAST_ERROR) + "\\n");
    write(explode(socket_address(server, 1), " ")[1] + "\\n");
    return 0;
}
"""


class World:
    """A mudlib that is served."""

    def __init__(self, folder: Path, kind: str, loop: str) -> None:
        self.kind = kind
        self.www = folder / "www"
        self.www.mkdir()
        (folder / "serve.c").write_text(SCRIPT, encoding="utf-8")
        self.authority = trustme.CA()
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(folder / "cert.pem"), append=True)
        self.ca = folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(self.ca))
        self.program = Running("--mudlib", folder, "--loop", loop, folder / "serve.c", kind)
        self.port = int(self.program.line())
        self.url = f"{kind}://127.0.0.1:{self.port}"

    def memory(self) -> int:
        """The server's resident memory in bytes."""
        status = Path(f"/proc/{self.program.process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def curl(self, *args: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["curl", "-sS", "--cacert", self.ca, *map(str, args)], input=data, capture_output=True,
                              timeout=PATIENCE)

    def client(self) -> HTTPConnection:
        if self.kind == "http":
            return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        context = ssl.create_default_context(cafile=str(self.ca))
        return HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=context)


@pytest.fixture(params=["http-uvloop", "http-asyncio", "https-uvloop", "https-asyncio"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, *request.param.split("-"))
    with made.program:
        yield made


def installed(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


@installed("curl")
def test_curl(world: World, tmp_path: Path) -> None:
    assert world.curl(f"{world.url}/hello").stdout == b"Hello, world!\n"
    assert world.curl("--http1.0", f"{world.url}/hello").stdout == b"Hello, world!\n"
    assert world.curl("--http2", f"{world.url}/hello").stdout == b"Hello, world!\n"  # offers, and goes on without
    assert world.curl("-I", f"{world.url}/hello").stdout.startswith(b"HTTP/1.1 200 OK\r\n")
    assert world.curl("--compressed", f"{world.url}/large").stdout == b"0123456789" * 1000
    assert world.curl(f"{world.url}/stream").stdout == b"".join(b"%d\n" % number for number in range(1000))
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 5000)
    assert world.curl("--data-binary", f"@{file}", f"{world.url}/body").stdout == file.read_bytes()
    chunked = world.curl("-T", "-", "-X", "POST", f"{world.url}/body", data=file.read_bytes())
    assert chunked.stdout == file.read_bytes()
    two = world.curl(f"{world.url}/hello", f"{world.url}/hello", "-w", "%{num_connects}").stdout
    assert two == b"Hello, world!\n1Hello, world!\n0"


@installed("curl")
def test_curl_forms(world: World, tmp_path: Path) -> None:
    file = tmp_path / "a b.txt"
    file.write_text("text", encoding="utf-8")
    sent = json.loads(world.curl("-F", "a=1", "-F", f"f=@{file}", "-b", "s=1; t=2", f"{world.url}/echo").stdout)
    assert (sent["form"], sent["cookies"]) == ({"a": "1"}, {"s": "1", "t": "2"})
    assert sent["tls"] == int(world.kind == "https")
    assert (sent["files"]["f"]["filename"], sent["files"]["f"]["body"]) == ("a b.txt", list(b"text"))
    plain = json.loads(world.curl("-d", "a=1&a=2", f"{world.url}/echo").stdout)
    assert plain["form"] == {"a": ["1", "2"]}


@installed("curl")
def test_curl_and_errors(world: World, tmp_path: Path) -> None:
    def status(*args: str | Path) -> bytes:
        return world.curl("-o", "/dev/null", "-w", "%{http_code}", *args).stdout

    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    before = world.memory()
    assert status("-T", large, "-X", "POST", f"{world.url}/body") == b"413"
    assert status("-T", large, "-X", "POST", "-H", "Expect:", f"{world.url}/body") == b"413"
    assert status("-T", large, "-X", "POST", "-H", "Transfer-Encoding: chunked", f"{world.url}/body") == b"413"
    assert world.memory() - before < 20_000_000
    assert status(f"{world.url}/" + "a" * 9000) == b"414"
    assert status("-H", "A: " + "a" * 70_000, f"{world.url}/hello") == b"431"
    assert status("-X", "BREW", f"{world.url}/hello") == b"501"
    assert status(f"{world.url}/broken") == b"500"
    assert status(f"{world.url}/silent") == b"504"
    assert status(f"{world.url}/hello") == b"200"


@installed("curl")
def test_curl_and_files(world: World, tmp_path: Path) -> None:
    large, got = world.www / "large.bin", tmp_path / "got"
    with large.open("wb") as file:
        file.write(b"begin")
        file.truncate(100_000_000)
    before = world.memory()
    assert world.curl("-o", got, f"{world.url}/www/large.bin").returncode == 0
    assert got.stat().st_size == 100_000_000
    assert world.memory() - before < 20_000_000
    with got.open("r+b") as file:
        file.truncate(50_000_000)
    assert world.curl("-C", "-", "-o", got, f"{world.url}/www/large.bin").returncode == 0  # goes on with it
    assert got.stat().st_size == 100_000_000
    assert world.curl("-r", "0-4", f"{world.url}/www/large.bin").stdout == b"begin"
    assert world.curl("--path-as-is", "-o", "/dev/null", "-w", "%{http_code}",
                      f"{world.url}/www/../serve.c").stdout == b"404"


@installed("wrk")
def test_wrk(world: World) -> None:
    done = subprocess.run(["wrk", "-t1", "-c50", "-d1", f"{world.url}/hello"], capture_output=True, text=True,
                          timeout=PATIENCE)
    assert "Non-2xx" not in done.stdout and "Socket errors" not in done.stdout
    found = re.search(r"(\d+) requests in", done.stdout)
    assert found is not None and int(found[1]) > 100


def test_http_client(world: World) -> None:
    client = world.client()
    for number in range(20):
        client.request("POST", "/body", b"x" * number * 1000)
        response = client.getresponse()
        assert (response.status, len(response.read())) == (200, number * 1000)
    client.request("POST", "/body", iter([b"a", b"b" * 100_000]), encode_chunked=True,
                   headers={"Transfer-Encoding": "chunked"})
    assert client.getresponse().read() == b"a" + b"b" * 100_000
    client.request("GET", "/stream")
    assert client.getresponse().read().count(b"\n") == 1000
    client.close()


async def _ask_many(world: World) -> list[str]:
    context = ssl.create_default_context(cafile=str(world.ca)) if world.kind == "https" else None
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=50)) as session:
        async def ask(number: int) -> str:
            async with session.post(f"{world.url}/body", data=f"{number}", ssl=context or True) as response:
                return await response.text()

        return await asyncio.gather(*map(ask, range(500)))


def test_aiohttp(world: World) -> None:
    assert asyncio.run(_ask_many(world)) == [str(number) for number in range(500)]


def test_many_clients_at_once(world: World) -> None:
    def ask(number: int) -> bytes:
        client = world.client()
        client.request("POST", "/body", f"{number}")
        body = client.getresponse().read()
        client.close()
        return body

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(ask, range(200))) == [b"%d" % number for number in range(200)]


def test_idle_connections_cost_little(world: World) -> None:
    if world.kind == "https":
        pytest.skip("the memory of OpenSSL is not ours")
    before = world.memory()
    wires = [socket.create_connection(("127.0.0.1", world.port), PATIENCE) for _ in range(900)]
    for wire in wires:
        wire.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
    for wire in wires:
        assert wire.recv(10_000).startswith(b"HTTP/1.1 200")
    grown = world.memory() - before
    for wire in wires:
        wire.close()
    assert grown / 900 < 16_000


def test_termination_lets_requests_end(world: World) -> None:
    client = world.client()
    client.request("GET", "/hello")
    assert client.getresponse().read() == b"Hello, world!\n"
    status, rest, errors = world.program.stop()
    assert (status, rest, errors) == (0, [], "")
    client.close()
