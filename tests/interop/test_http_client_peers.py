"""Mode 22 with servers that behave: Python's http.server, and one that says what it is told."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from client_world import CLIENT, HTTP, Exchange, client_world, on_both_loops, peer
from running import Running, run

from efuns import standard
from efuns.sockets import errors, options
from lpc import Driver

TEXT = "naïve ☃\n"


async def echo(exchange: Exchange) -> None:
    """Tells the client what it asked for."""
    told = {"method": exchange.method, "target": exchange.target, "fields": exchange.fields,
            "body": exchange.body.decode("latin-1")}
    await exchange.answer(json.dumps(told).encode(), "200 OK", "Content-Type: application/json")


@on_both_loops
async def test_a_request_and_its_answer(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(HTTP, server.where)
        answer = await world.ask(path="/a b?q=ü", headers={"X-Many": ["1", "2"], "accept": "text/x"})
        assert (answer["status"], answer["reason"], answer["version"]) == (200, "OK", "HTTP/1.1")
        assert answer["headers"]["content-type"] == "application/json"
        assert answer["json"]["target"] == "/a%20b?q=%C3%BC"
        fields = [tuple(field) for field in answer["json"]["fields"]]
        assert ("Host", f"127.0.0.1:{server.port}") in fields
        assert [value for name, value in fields if name == "X-Many"] == ["1", "2"]
        assert [value for name, value in fields if name.lower() == "accept"] == ["text/x"]
        assert ("User-Agent", "pylpc") in fields
        assert json.loads(answer["body"]) == answer["json"]
        assert (answer["id"], answer["redirects"]) == (1, 0)
        assert answer["request"] == {"method": "GET", "url": server.url("/a%20b?q=%C3%BC")}
        assert answer["url"] == server.url("/a%20b?q=%C3%BC")
        assert world.call("query_senders") == [server.where]
        assert world.call("address") == server.where


@on_both_loops
async def test_bodies(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(HTTP, server.where)
        for message, method, kind, body in (
                ({"body": TEXT}, "POST", "text/plain; charset=utf-8", TEXT.encode()),
                ({"json": {"a": [1, 2.5]}}, "POST", "application/json", b'{"a":[1,2.5]}'),
                ({"body": [1, 2], "method": "PUT"}, "PUT", "application/json", b"[1,2]"),
                ({"body": "a=b", "method": "patch", "headers": {"Content-Type": "x/y"}}, "PATCH", "x/y", b"a=b"),
                ({"method": "DELETE"}, "DELETE", None, b"")):
            answer = await world.ask(path="/", **message)
            told, sent = answer["json"], server.seen[-1]
            assert (told["method"], sent.headers.get("content-type"), sent.body) == (method, kind, body)
        large = "x" * 900_000
        await world.ask(body=large)
        assert server.seen[-1].body == large.encode()
        assert server.connections == 1


@on_both_loops
async def test_what_answers_become(folder: Path) -> None:
    answers = {
        "/text": (TEXT.encode(), "200 OK", "Content-Type: text/plain"),
        "/bytes": (b"\xff\x00\xfe", "200 Fine", "X-A: 1", "x-a: 2"),
        "/cookies": (b"", "404 Not Here", "Set-Cookie: a=1, b", "Set-Cookie: c=2"),
        "/one": (b"", "500 Oops", "Set-Cookie: a=1"),
        "/json": (b'[1, {"a": null}]', "200 OK", "Content-Type: application/problem+json; charset=utf-8"),
        "/nojson": (b"[1, ", "200 OK", "Content-Type: application/json"),
        "/gzip": (gzip.compress(TEXT.encode()), "200 OK", "Content-Encoding: gzip"),
        "/deflate": (zlib.compress(TEXT.encode()), "200 OK", "Content-Encoding: deflate"),
        "/latin": (b"", "200 OK", "X-Name: Zo\xeb"),
    }

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(*answers[exchange.target])

    async with client_world(folder) as world, peer(answer) as server:
        await world.open(HTTP, server.where)
        assert (await world.ask(path="/text"))["body"] == TEXT
        found = await world.ask(path="/bytes")
        assert (bytes(found["body"].data), found["headers"]["x-a"]) == (b"\xff\0\xfe", "1, 2")
        found = await world.ask(path="/cookies")
        assert (found["status"], found["reason"]) == (404, "Not Here")
        assert found["headers"]["set-cookie"] == ["a=1, b", "c=2"]
        assert (await world.ask(path="/one"))["headers"]["set-cookie"] == "a=1"
        assert (await world.ask(path="/json"))["json"] == [1, {"a": 0}]
        assert "json" not in await world.ask(path="/nojson")
        assert (await world.ask(path="/gzip"))["body"] == TEXT
        assert (await world.ask(path="/deflate"))["body"] == TEXT
        assert (await world.ask(path="/latin"))["headers"]["x-name"] == "Zoë"
        assert server.connections == 1


@on_both_loops
async def test_chunks_heads_and_answers_without_bodies(folder: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.method == "HEAD":
            await exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        elif exchange.target == "/204":
            await exchange.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        elif exchange.target == "/old":
            await exchange.send(b"HTTP/1.0 200 OK\r\n\r\n", b"until ", b"the end")
            await exchange.hang_up()
        else:
            await exchange.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                b"5\r\nHello\r\n", b"7;x=y\r\n, world\r\n", b"0\r\nX-Trailer: 1\r\n\r\n")

    async with client_world(folder) as world, peer(answer) as server:
        await world.open(HTTP, server.where)
        assert (await world.ask(path="/"))["body"] == "Hello, world"
        found = await world.ask(method="HEAD")
        assert (found["body"], found["headers"]["content-length"]) == ("", "1000")
        assert (await world.ask(path="/204"))["body"] == ""
        assert server.connections == 1
        found = await world.ask(path="/old")
        assert (found["body"], found["version"]) == ("until the end", "HTTP/1.0")
        assert (await world.ask(path="/"))["body"] == "Hello, world"
        assert server.connections == 2


@on_both_loops
async def test_where_a_socket_is_connected_to(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        for where, target in ((f"localhost {server.port}", "/"), (f"127.0.0.1:{server.port}", "/"),
                              (server.url("/x/y?z"), "/x/y?z"), (server.url("/x#part", "127.1"), "/x")):
            await world.open(HTTP, where)
            answer = await world.ask()
            assert answer["json"]["target"] == target
            answer = await world.ask(path="?a")
            assert answer["json"]["target"] == target.partition("?")[0] + "?a"
            world.call("close")
        await world.open(HTTP, f"http://me:s%C3%A9cret@127.0.0.1:{server.port}/")
        answer = await world.ask()
        assert ["Authorization", "Basic bWU6c8OpY3JldA=="] in answer["json"]["fields"]
        assert "me" not in answer["url"]
        answer = await world.ask(url=server.url("/", "localhost"))
        assert "Authorization" not in dict(answer["json"]["fields"])


@on_both_loops
async def test_where_a_socket_cannot_be_connected_to(folder: Path) -> None:
    async with client_world(folder) as world:
        for where in ("", "localhost", "127.0.0.1", "localhost http", "localhost 0", "localhost 70000", "a b 80",
                      "http://", "http:///x", "https://localhost/", "ftp://localhost/", "http://a\r\nb/",
                      "http://exa mple/", "http://[::1/", "::1:80", "host/path 80", "u@h 80", "http://" + "a" * 9000,
                      "http://a..b/", "http://a:b:c/", "http://%00/", "http://127.0.0.1:0/"):
            assert world.call("open", HTTP, where, {}) == errors.EEBADADDR, where
            world.call("close")
        assert world.call("open", HTTP, "localhost 1", {}) == 1
        assert await world.end() == ("localhost 1: Connection refused", errors.EECONNREFUSED)


@on_both_loops
async def test_options_make_requests(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        given = {options.HTTP_URL: server.url("/hook"), options.HTTP_BODY: {"a": 1}, options.HTTP_USER_AGENT: "Tester",
                 options.HTTP_HEADERS: {"X-One": "1", "x-two": 2}, options.HTTP_COMPRESSION: 0}
        await world.open(HTTP, "", given)
        told = (await world.answers())[0]["json"]
        fields = {name.lower(): value for name, value in told["fields"]}
        assert (told["method"], told["target"], told["body"]) == ("POST", "/hook", '{"a":1}')
        assert (fields["user-agent"], fields["x-one"], fields["x-two"]) == ("Tester", "1", "2")
        assert fields["accept-encoding"] == "identity"
        told = (await world.ask(path="/other", headers={"X-ONE": "3"}))["json"]
        fields = {name.lower(): value for name, value in told["fields"]}
        assert (told["method"], told["target"], fields["x-one"], fields["x-two"]) == ("GET", "/other", "3", "2")
        world.call("set", options.HTTP_HEADERS, {"X-Three": "3"})
        fields = {name.lower() for name, _ in (await world.ask())["json"]["fields"]}
        assert "x-three" in fields and "x-two" not in fields
        world.call("close")
        await world.open(HTTP, "", {options.HTTP_URL: server.url(), options.HTTP_METHOD: "delete"})
        assert (await world.answers(4))[-1]["json"]["method"] == "DELETE"


@on_both_loops
async def test_redirects(folder: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        status, _, where = exchange.target.strip("/").partition("/")
        if status.isdigit():
            await exchange.answer(b"elsewhere", f"{status} Moved", f"Location: /{where}")
        else:
            await echo(exchange)

    async with client_world(folder) as world, peer(answer) as server:
        await world.open(HTTP, server.where)
        for status, method, becomes in ((301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"),
                                        (303, "HEAD", "HEAD"), (301, "PUT", "PUT"), (307, "POST", "POST"),
                                        (308, "DELETE", "DELETE")):
            found = await world.ask(method=method, path=f"/{status}/end", body="data")
            last = server.seen[-1]
            assert (last.method, last.target, found["status"]) == (becomes, "/end", 200)
            assert last.body == (b"" if becomes == "GET" else b"data")
            assert ("content-type" in last.headers) == (becomes != "GET")
            assert (found["redirects"], found["url"]) == (1, server.url("/end"))
            assert found["request"] == {"method": method, "url": server.url(f"/{status}/end")}
        found = await world.ask(path="/301/302/303/307/308/end")
        assert (found["redirects"], found["status"]) == (5, 200)
        found = await world.ask(path="/300/end")
        assert (found["status"], found["body"]) == (300, "elsewhere")
        world.call("set", options.HTTP_FOLLOW_REDIRECTS, 0)
        found = await world.ask(path="/302/end")
        assert (found["status"], found["headers"]["location"], found["redirects"]) == (302, "/end", 0)


@on_both_loops
async def test_secrets_stay_with_their_host(folder: Path) -> None:
    secrets = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Other": "1"}
    async with client_world(folder) as world, peer(echo) as other:
        async def answer(exchange: Exchange) -> None:
            if exchange.target == "/end":
                await echo(exchange)
                return
            where = "/end" if exchange.target == "/here" else other.url("/end", "localhost")
            await exchange.answer(b"", "307 Go", f"Location: {where}")

        async with peer(answer) as server:
            await world.open(HTTP, server.where)
            await world.ask(path="/here", headers=secrets)
            assert server.seen[-1].headers["authorization"] == "Bearer x"
            found = await world.ask(path="/there", headers=secrets | {"Host": "me"})
            assert found["url"] == other.url("/end", "localhost")
            last = other.seen[-1].headers
            assert "authorization" not in last and "cookie" not in last
            assert (last["x-other"], last["host"]) == ("1", f"localhost:{other.port}")


@on_both_loops
async def test_the_queue(folder: Path) -> None:
    async with client_world(folder) as world:
        may_answer = asyncio.Event()

        async def answer(exchange: Exchange) -> None:
            await may_answer.wait()
            await exchange.answer(exchange.target.encode())

        async with peer(answer) as server:
            await world.open(HTTP, server.where, {options.SO_CONNECTION_POOL: 2})
            large = {"body": "x" * 100_000}
            codes = [world.call("send", {"path": f"/{number}", **large}) for number in range(6)]
            assert codes == [1, 1, 1, 1, errors.EECALLBACK, errors.EEALREADY]
            assert world.call("query_readies") == 1
            may_answer.set()
            answers = await world.answers(5)
            assert sorted(answer["body"] for answer in answers) == ["/0", "/1", "/2", "/3", "/4"]
            assert sorted(answer["id"] for answer in answers) == [1, 2, 3, 4, 5]
            assert world.call("query_readies") == 2
            assert server.connections <= 2
            assert (await world.ask(path="/6", id="mine"))["id"] == "mine"


@on_both_loops
async def test_one_after_the_other(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(HTTP, server.where, {options.SO_CONNECTION_POOL: 1})
        for number in range(50):
            assert world.call("send", {"path": f"/{number}"}) == 1
        assert [answer["id"] for answer in await world.answers(50)] == list(range(1, 51))
        assert server.connections == 1


@on_both_loops
async def test_a_thousand_requests_in_flight(folder: Path) -> None:
    async with client_world(folder) as world:
        arrived = asyncio.Event()

        async def answer(exchange: Exchange) -> None:
            if len(exchange.peer.seen) == 1000:
                arrived.set()
            await arrived.wait()
            await exchange.answer(exchange.target.encode())

        async with peer(answer) as server:
            await world.open(HTTP, server.where, {options.SO_CONNECTION_POOL: 1000})
            for number in range(1000):
                assert world.call("send", {"path": f"/{number}"}) == 1
            answers = await world.answers(1000)
            assert {answer["body"] for answer in answers} == {f"/{number}" for number in range(1000)}
            assert server.connections == 1000


@on_both_loops
async def test_streams(folder: Path) -> None:
    async with client_world(folder) as world:
        heard = asyncio.Event()

        async def answer(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHello\r\n")
            await heard.wait()
            await exchange.send(b"7\r\n, world\r\n0\r\n\r\n")

        async with peer(answer) as server:
            # The limit is for bodies that are kept.
            await world.open(HTTP, server.where, {options.HTTP_STREAM: 1, options.CONTENT_SIZE_LIMIT: 1})
            assert world.call("send", {"path": "/", "id": "x"}) == 1
            head, first = await world.answers(2)
            assert (head["status"], head["id"], "body" in head) == (200, "x", False)
            assert (first["id"], bytes(first["body"].data)) == ("x", b"Hello")
            heard.set()
            answers = await world.answers(4)
            assert (bytes(answers[2]["body"].data), answers[3]) == (b", world", {"id": "x", "end": 1})
            world.call("set", options.CONTENT_SIZE_LIMIT, 100)
            assert (await world.ask(path="/", stream=0))["body"] == "Hello, world"


@on_both_loops
async def test_a_socket_that_is_bound(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            assert world.call("bind", 0, f"127.0.0.1 {port}") == errors.EEADDRINUSE
        assert world.call("bind", 0, "nowhere") == errors.EEBADADDR
        assert world.call("bind", 0, "127.0.0.2 0") == 1
        assert world.call("connect", server.where) == 1
        await world.until(lambda: world.call("query_readies"))
        await world.ask()
        assert server.seen[-1].writer.get_extra_info("peername")[0] == "127.0.0.2"


@on_both_loops
async def test_what_makes_no_sense(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(HTTP, server.where)
        for message, code in (("GET /", errors.EETYPENOTSUPP), (1, errors.EETYPENOTSUPP),
                              ({"path": 1}, errors.EETYPENOTSUPP), ({"method": 1}, errors.EETYPENOTSUPP),
                              ({"headers": "x"}, errors.EETYPENOTSUPP), ({"body": 1.5}, errors.EETYPENOTSUPP),
                              ({"id": []}, errors.EETYPENOTSUPP), ({"url": 7}, errors.EETYPENOTSUPP),
                              ({"url": "https://127.0.0.1/"}, errors.EEBADADDR),
                              ({"url": "/path"}, errors.EEBADADDR), ({"path": "path"}, errors.EEBADDATA),
                              ({"method": "CONNECT"}, errors.EEBADDATA), ({"method": "TRACE"}, errors.EEBADDATA)):
            assert world.call("send", message) == code, message
            assert world.call("get", options.SO_LAST_ERROR)
        assert server.seen == []
        assert world.call("connect", server.where) == errors.EEISCONN
        assert world.call("status")[1:3] == ["DATA_XFER", "HTTP_CLIENT"]


# ------------------------------------------------------------------------------------- peers we did not write


@contextmanager
def http_server(folder: Path) -> Iterator[int]:
    """Python's own server of files: its port."""
    command = [sys.executable, "-u", "-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        found = re.search(r"port (\d+)", server.stdout.readline())
        assert found is not None
        yield int(found[1])
        server.kill()


@on_both_loops
async def test_http_server(folder: Path) -> None:
    (folder / "file.txt").write_text(TEXT * 1000, encoding="utf-8")
    with http_server(folder) as port:
        async with client_world(folder) as world:
            await world.open(HTTP, f"127.0.0.1 {port}")
            for _ in range(20):
                assert world.call("send", {"path": "/file.txt"}) == 1
            assert {answer["body"] for answer in await world.answers(20)} == {TEXT * 1000}
            head = await world.ask(method="HEAD", path="/file.txt")
            assert (head["headers"]["content-length"], head["body"]) == (str(len(TEXT.encode()) * 1000), "")
            since = {"If-Modified-Since": head["headers"]["last-modified"]}
            assert (await world.ask(path="/file.txt", headers=since))["status"] == 304
            assert (await world.ask(method="POST", body="x"))["status"] == 501
            (folder / "deep").mkdir()
            assert (await world.ask(path="/deep"))["url"] == f"http://127.0.0.1:{port}/deep/"


DOWNLOAD = """
int size, pieces;

void got(int fd, mapping answer, string from) {
    if (answer["body"]) {
        size += sizeof(answer["body"]);
        pieces++;
    }
    if (answer["end"]) write(size + "\\n");
}

void ready(int fd) { socket_write(fd, (["path": "/"])); }
void ended(int fd, string reason, int code) { write(reason + "\\n"); }

int main(string *argv) {
    int fd = socket_create(HTTP_CLIENT, "got", "ended");

    socket_set_option(fd, 1031, 1);  // HTTP_STREAM
    socket_connect(fd, "127.0.0.1 " + argv[1], "got", "ready");
    write("open\\n");
    return 0;
}
"""


def memory(process: int) -> int:
    """The most resident memory a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(encoding="utf-8"))
    assert found is not None
    return int(found[1]) * 1024


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_large_download_takes_no_memory(mudlib_copy: Path, loop: str) -> None:
    size = 100 << 20
    script = mudlib_copy / "download.c"
    script.write_text(DOWNLOAD, encoding="utf-8")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with Running("--mudlib", mudlib_copy, "--loop", loop, script, str(server.getsockname()[1])) as program:
            assert program.line() == "open"
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                before = memory(program.process.pid)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
                for _ in range(100):
                    connection.sendall(bytes(1 << 20))
                assert program.line() == str(size)
                assert memory(program.process.pid) - before < 16 << 20
                assert program.process.wait(30) == 0  # nothing more can happen


@on_both_loops
async def test_the_wrapper(folder: Path) -> None:
    async with client_world(folder, logs=True) as world, peer(echo) as server:
        assert world.call("call", server.url("/x"), {"method": "POST", "json": [1], "headers": {"A": "b"}}) == 1
        assert world.call("call", "http://127.0.0.1:1/", {}) == 2
        first, second = sorted(await world.answers(2), key=lambda answer: answer["id"])
        assert (first["status"], first["json"]["body"], first["json"]["method"]) == (200, "[1]", "POST")
        assert (second["status"], second["error"]) == (0, "127.0.0.1 1: Connection refused")
        for url in ("nonsense", "ftp://localhost/", "http://example.org/", "http://localhost/\r\n"):
            assert world.call("call", url, {}) == -1
        for given in ({"headers": {"a": "b\r\nc: d"}}, {"method": "a b"}, {"body": 1.5}):
            assert world.call("call", server.url(), given) == -1
        for port, given in ((70000, {}), (0, {"interface": 7}), (0, {"interface": "nowhere"}), (0, {"ssl_cert": "/x"}),
                            (0, {"ssl_cert": "/none", "ssl_key": "/none"}), (server.port, {})):
            assert world.call("serve", port, {"interface": "127.0.0.1"} | given) == -1
        assert all("http_send_request(): " in line or "http_start_server(): " in line for line in world.said)
        assert len(world.said) == 13


def test_a_driver_that_is_closed_while_its_loop_rests(mudlib_copy: Path) -> None:
    """A host that calls LPC now and then, and does not wait for what it began."""
    (mudlib_copy / "client.c").write_text(CLIENT, encoding="utf-8")
    loop = asyncio.new_event_loop()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        driver = Driver(mudlib_copy, efuns=standard.efuns(), predefined=standard.macros(), cache=False, loop=loop)
        driver.boot()
        client = driver.clone("/client")
        where = f"127.0.0.1 {server.getsockname()[1]}"
        assert driver.call(client, "open", HTTP, where, {}) == 1
        assert driver.call(client, "call", f"http://{where.replace(' ', ':')}/", {}) == 1
        driver.close()
        assert asyncio.all_tasks(loop) == set()
    loop.close()


LOOP_OF_SOCKETS = """
int open, answered;

void got(int fd, mapping answer, string address) {
    if (answer["body"] == "ok") answered++;
    socket_close(fd);
    if (!--open) write(answered + "\\n");
}

void ready(int fd) { socket_write(fd, (["path": "/"])); }
void ended(int fd, string reason, int code) { write(reason + "\\n"); }

int main(string *argv) {
    for (int i = 0; i < 500; i++) {
        int fd = socket_create(HTTP_CLIENT, "got", "ended");
        open++;
        socket_connect(fd, "127.0.0.1 " + argv[1], "got", "ready");
    }
    return 0;
}
"""


@on_both_loops
async def test_many_sockets(folder: Path) -> None:
    script = folder / "many.c"
    script.write_text(LOOP_OF_SOCKETS, encoding="utf-8")

    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"ok")

    async with peer(answer) as server:
        done = await asyncio.to_thread(run, "--mudlib", folder, script, str(server.port))
        assert (done.stdout, done.stderr, done.returncode) == ("500\n", "", 0)
        assert server.connections == 500
