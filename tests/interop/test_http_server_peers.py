"""Modes 20 and 21 in a real driver, with clients we did not write: curl, wrk, http.client, aiohttp, raw sockets."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

import aiohttp
import pytest
import trustme
from running import PATIENCE, PROJECT, Running

from efuns.sockets import modes, options

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
    else
        socket_set_option(server, HTTP2_ENABLE, 1);
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
    """A mudlib that is served. curl speaks HTTP/2 where `version` is 2."""

    def __init__(self, folder: Path, kind: str, loop: str, version: str = "1") -> None:
        self.kind = kind
        self.version = version
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
        return subprocess.run(["curl", "-sS", self._curl_version(), "--cacert", self.ca, *map(str, args)], input=data,
                              capture_output=True, timeout=PATIENCE)

    def _curl_version(self) -> str:
        if self.version == "1":
            return "--http1.1"
        return "--http2" if self.kind == "https" else "--http2-prior-knowledge"

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


@pytest.fixture(params=["http-uvloop-1", "http-asyncio-1", "https-uvloop-1", "https-asyncio-1", "http-uvloop-2",
                        "http-asyncio-2", "https-uvloop-2", "https-asyncio-2"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A world asked in HTTP/1.1, then in HTTP/2."""
    made = World(tmp_path, *request.param.split("-"))
    with made.program:
        yield made


def installed(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return pytest.mark.skipif(shutil.which(name) is None, reason=f"{name} is not installed")


@installed("curl")
def test_curl(either: World, tmp_path: Path) -> None:
    world = either
    shown = world.curl("-w", " %{http_version}", f"{world.url}/hello").stdout
    assert shown == b"Hello, world!\n " + (b"2" if world.version == "2" else b"1.1")
    assert world.curl("--http1.0", f"{world.url}/hello").stdout == b"Hello, world!\n"
    assert world.curl("--http2", f"{world.url}/hello").stdout == b"Hello, world!\n"  # offers, goes on with or without
    assert b" 200 " in world.curl("-I", f"{world.url}/hello").stdout.partition(b"\r\n")[0]
    assert world.curl("--compressed", f"{world.url}/large").stdout == b"0123456789" * 1000
    assert world.curl(f"{world.url}/stream").stdout == b"".join(b"%d\n" % number for number in range(1000))
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 5000)
    assert world.curl("--data-binary", f"@{file}", f"{world.url}/body").stdout == file.read_bytes()
    chunked = world.curl("-T", "-", "-X", "POST", f"{world.url}/body", data=file.read_bytes())
    assert chunked.stdout == file.read_bytes()
    if world.url.startswith("https") or world.version == "1":  # without TLS, curl's HTTP/2 forgets the second one
        two = world.curl(f"{world.url}/hello", f"{world.url}/hello", "-w", "%{num_connects}").stdout
        assert two == b"Hello, world!\n1Hello, world!\n0"


@installed("curl")
def test_curl_forms(either: World, tmp_path: Path) -> None:
    world = either
    file = tmp_path / "a b.txt"
    file.write_text("text", encoding="utf-8")
    sent = json.loads(world.curl("-F", "a=1", "-F", f"f=@{file}", "-b", "s=1; t=2", f"{world.url}/echo").stdout)
    assert (sent["form"], sent["cookies"]) == ({"a": "1"}, {"s": "1", "t": "2"})
    assert sent["tls"] == int(world.kind == "https")
    assert (sent["files"]["f"]["filename"], sent["files"]["f"]["body"]) == ("a b.txt", list(b"text"))
    plain = json.loads(world.curl("-d", "a=1&a=2", f"{world.url}/echo").stdout)
    assert plain["form"] == {"a": ["1", "2"]}


@installed("curl")
def test_curl_and_errors(either: World, tmp_path: Path) -> None:
    world = either
    def status(*args: str | Path, data: bytes = b"") -> bytes:
        return world.curl("-o", "/dev/null", "-w", "%{http_code}", *args, data=data).stdout

    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(100_000_000)
    before = world.memory()
    assert status("-T", large, "-X", "POST", f"{world.url}/body") == b"413"
    assert status("-T", large, "-X", "POST", "-H", "Expect:", f"{world.url}/body") == b"413"
    assert status("-T", "-", "-X", "POST", f"{world.url}/body", data=b"x" * 3_000_000) == b"413"
    assert world.memory() - before < 20_000_000
    assert status(f"{world.url}/" + "a" * 9000) == b"414"
    if world.version == "1":  # curl does not send it in HTTP/2
        assert status("-H", "A: " + "a" * 70_000, f"{world.url}/hello") == b"431"
    assert status("-X", "BREW", f"{world.url}/hello") == b"501"
    assert status(f"{world.url}/broken") == b"500"
    assert status(f"{world.url}/silent") == b"504"
    assert status(f"{world.url}/hello") == b"200"


@installed("curl")
def test_curl_and_files(either: World, tmp_path: Path) -> None:
    world = either
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


@installed("nghttp")
def test_nghttp(world: World) -> None:
    for path, body in (("/hello", b"Hello, world!\n"), ("/large", b"0123456789" * 1000)):
        done = subprocess.run(["nghttp", "-m", "20", "--no-verify-peer", f"{world.url}{path}"], capture_output=True,
                              timeout=PATIENCE)
        assert (done.returncode, done.stdout) == (0, body * 20)


@installed("h2load")
def test_h2load(world: World) -> None:
    done = subprocess.run(["h2load", "-n", "1000", "-c", "10", "-m", "20", f"{world.url}/hello"], capture_output=True,
                          text=True, timeout=PATIENCE)
    assert "1000 succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout
    assert "Application protocol: h2" in done.stdout


@pytest.fixture
def many_descriptors() -> Iterator[int]:
    """How many connections may be open here and in the server, whose limit is ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = min(hard, 5000) if hard != resource.RLIM_INFINITY else 5000
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    yield most - 200
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_idle_connections(many_descriptors: int, tmp_path: Path) -> None:
    count = min(many_descriptors, 3000)
    world = World(tmp_path, "http", "uvloop")
    with world.program, ExitStack() as closing:
        before = world.memory()
        wires = [closing.enter_context(socket.create_connection(("127.0.0.1", world.port), PATIENCE))
                 for _ in range(count)]
        for wire in wires:
            wire.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        for wire in wires:
            assert wire.recv(10_000).startswith(b"HTTP/1.1 200")
        assert (world.memory() - before) / count < 16_000
        assert world.curl(f"{world.url}/hello").stdout == b"Hello, world!\n"  # somebody else is served meanwhile
        for wire in wires[::100]:
            wire.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            assert wire.recv(10_000).startswith(b"HTTP/1.1 200")


def test_termination_lets_requests_end(world: World) -> None:
    client = world.client()
    client.request("GET", "/hello")
    assert client.getresponse().read() == b"Hello, world!\n"
    status, rest, errors = world.program.stop()
    assert (status, rest, errors) == (0, [], "")
    client.close()


def test_the_page_about_it(tmp_path: Path) -> None:
    page = (PROJECT / "docs" / "http-server.md").read_text(encoding="utf-8")
    program = page.partition("```c\n")[2].partition("```")[0]
    (tmp_path / "page.c").write_text(program, encoding="utf-8")
    with Running("--mudlib", tmp_path, tmp_path / "page.c") as server:
        client = HTTPConnection("127.0.0.1", int(server.line().split()[1]), timeout=PATIENCE)
        client.request("GET", "/time")
        assert json.loads(client.getresponse().read())["now"] > 0
        client.request("GET", "/")
        assert client.getresponse().status == 404
        client.close()


def test_options_of_the_page() -> None:
    page = (PROJECT / "docs" / "http-server.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:HTTP2?|SO|TLS|CONTENT)_[A-Z_]+)`", page)) - {"HTTP_SERVER"}
    assert named - {row.name for row in options.ROWS} == set()
    http = {options.BY_NUMBER[number].name for row in modes.ROWS if row.number == 20 for number in row.options}
    assert {name for name in http if name.startswith("HTTP")} <= named <= http
