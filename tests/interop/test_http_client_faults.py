"""Mode 22 with servers that lie, stall, flood or lead astray, and with LPC that tries the same."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from client_world import HTTP, Exchange, client_world, on_both_loops, peer

from efuns.sockets import errors, options

SLOW = pytest.mark.slow


def says(*pieces: bytes, ends: bool = False) -> Callable[[Exchange], Awaitable[None]]:
    """A server that answers with some bytes, whatever it is asked, and may end the connection."""

    async def answer(exchange: Exchange) -> None:
        await exchange.send(*pieces)
        if ends:
            await exchange.hang_up()

    return answer


OK = b"HTTP/1.1 200 OK\r\n"
BROKEN = {
    "truncated": (OK + b"Content-Length: 10\r\n\r\n12345", "not complete", errors.EEBADDATA),
    "truncated chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", "not complete", errors.EEBADDATA),
    "half a chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n12345", "not complete", errors.EEBADDATA),
    "bad chunk": (OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "", errors.EEBADDATA),
    "nothing": (b"", "without an answer", errors.EEBADF),
    "half a head": (OK + b"Content-Le", "", 0),
    "no HTTP": (b"220 mail.example.org ESMTP\r\n\r\n", "does not speak HTTP", errors.EEBADDATA),
    "bad length": (OK + b"Content-Length: -1\r\n\r\n", "does not speak HTTP", errors.EEBADDATA),
    "huge length": (OK + b"Content-Length: 99999999999999999999999\r\n\r\n", "does not speak HTTP", errors.EEBADDATA),
    "two lengths": (OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "does not speak HTTP", errors.EEBADDATA),
    "bad gzip": (OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", "not compressed as it says",
                 errors.EEBADDATA),
    "half gzip": (OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + gzip.compress(b"x" * 10000)[:20],
                  "", errors.EEBADDATA),
    "another protocol": (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
                         "another protocol", errors.EEBADDATA),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_answers(name: str, tmp_path: Path) -> None:
    data, words, wanted = BROKEN[name]

    @on_both_loops
    async def one(folder: Path) -> None:
        async with client_world(folder) as world, peer(says(data, ends=True)) as server:
            await world.open(HTTP, server.where)
            reason, code = await world.fails(method="POST", path="/x", body="x")
            assert words in reason and reason.endswith(f"(POST {server.url('/x')})")
            assert code == wanted if wanted else code < 0
            assert "Error" not in reason and "aiohttp" not in reason
            assert world.call("send", {}) == errors.EEBADF
            assert world.call("query_answers") == []

    for loop in ("asyncio", "uvloop"):
        one(loop, tmp_path)


@on_both_loops
async def test_more_than_was_announced(folder: Path) -> None:
    """What follows an answer belongs to no other."""
    answers = iter([OK + b"Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
                    OK + b"Content-Length: 4\r\n\r\ngood"])

    async def answer(exchange: Exchange) -> None:
        await exchange.send(next(answers))

    async with client_world(folder) as world, peer(answer) as server:
        await world.open(HTTP, server.where)
        assert (await world.ask(path="/"))["body"] == "ok"
        assert (await world.ask(path="/"))["body"] == "good"
        assert server.connections == 2


@on_both_loops
async def test_an_answer_before_the_question(folder: Path) -> None:
    """A connection that says something unasked is not used."""
    async with client_world(folder) as world:
        async def answer(exchange: Exchange) -> None:
            await exchange.answer(b"right")
            await exchange.answer(b"wrong")
            await exchange.answer(b"wrong")

        async with peer(answer) as server:
            await world.open(HTTP, server.where)
            assert (await world.ask(path="/"))["body"] == "right"
            await server.gone.wait()
            assert (await world.ask(path="/"))["body"] == "right"


@on_both_loops
async def test_large_heads_and_bodies(folder: Path) -> None:
    floods = {
        "/length": OK + b"Content-Length: 100000000\r\n\r\n",
        "/chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n",
        "/field": OK + b"X-Large: ",
        "/fields": OK,
        "/status": b"HTTP/1.1 200 ",
        "/trailers": OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n",
        "/tiny": OK + b"Transfer-Encoding: chunked\r\n\r\n",
    }
    endless = {"/length": bytes(65536), "/chunks": b"10000\r\n" + bytes(65536) + b"\r\n", "/field": b"x" * 65536,
               "/fields": b"".join(b"X-%d: 1\r\n" % number for number in range(1000)), "/status": b"x" * 65536,
               "/trailers": b"X-A: 1\r\n" * 5000, "/tiny": b"1\r\nx\r\n" * 5000}

    async def answer(exchange: Exchange) -> None:
        await exchange.send(floods[exchange.target])
        while True:
            await exchange.send(endless[exchange.target])

    async with client_world(folder) as world, peer(answer) as server:
        for target in floods:
            await world.open(HTTP, server.where)
            reason, code = await world.fails(path=target)
            assert "too large" in reason or "does not speak HTTP" in reason, reason
            assert code == errors.EEBADDATA
            world.call("forget")


@on_both_loops
async def test_the_limit_of_a_body(folder: Path) -> None:
    async with client_world(folder) as world, peer(says(OK + b"Content-Length: 1000\r\n\r\n", bytes(1000))) as server:
        await world.open(HTTP, server.where, {options.CONTENT_SIZE_LIMIT: 1000})
        assert (await world.ask())["status"] == 200
        world.call("set", options.CONTENT_SIZE_LIMIT, 999)
        assert "too large" in (await world.fails())[0]


@on_both_loops
async def test_bombs(folder: Path) -> None:
    zeros = bytes(50 << 20)
    bombs = {"gzip": gzip.compress(zeros), "deflate": zlib.compress(zeros),
             "zipped twice": gzip.compress(gzip.compress(zeros))}
    for name, bomb in bombs.items():
        coding = name if name in ("gzip", "deflate") else "gzip, gzip"
        head = OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n" % (coding.encode(), len(bomb))
        async with client_world(folder) as world, peer(says(head, bomb)) as server:
            await world.open(HTTP, server.where)
            assert world.call("send", {"path": "/"}) == 1
            await world.until(lambda: world.call("query_end") or world.call("query_answers"))  # noqa: B023 - awaited
            if name in ("gzip", "deflate"):
                assert "too large" in world.call("query_end")[0]
            else:  # a coding aiohttp does not know: as it came
                assert bytes(world.call("query_answers")[0]["body"].data) == bomb


#: nothing of it counts as an answer, or is kept
ENDLESS = {
    "/size": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 60_000),
    "/extension": (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x" * 60_000),
    "/lines": (b"", b"\r\n" * 30_000),
    "/early": (b"", b"HTTP/1.1 103 Early Hints\r\nX: 1\r\n\r\n" * 1000),
    "/members": (OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
                 b"%x\r\n%b\r\n" % (20_000, gzip.compress(b"") * 1000)),
}


@SLOW
@on_both_loops
async def test_slow_servers(folder: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        if exchange.target == "/drip":
            await exchange.send(OK + b"Content-Length: 1000000\r\n\r\n")
            while True:
                await exchange.send(b"x")
                await asyncio.sleep(0.05)
        elif exchange.target == "/half":
            await exchange.send(OK + b"Content-Length: 1000000\r\n\r\nx")
        elif exchange.target in ENDLESS:
            first, rest = ENDLESS[exchange.target]
            await exchange.send(first)
            while True:
                await exchange.send(rest)
        await exchange.peer.gone.wait()

    async with client_world(folder) as world, peer(answer) as server:
        for target, settings in (("/silent", {options.HTTP_TIMEOUT: 1000}),
                                 ("/silent", {options.HTTP_READ_TIMEOUT: 1000}),
                                 ("/half", {options.HTTP_READ_TIMEOUT: 1000}),
                                 ("/drip", {options.HTTP_TIMEOUT: 1000}),
                                 *((name, {options.HTTP_TIMEOUT: 1000}) for name in ENDLESS),
                                 ("/half", {options.HTTP_READ_TIMEOUT: 1000, options.HTTP_STREAM: 1})):
            await world.open(HTTP, server.where, settings)
            reason, code = await world.fails(path=target)
            assert "Timeout while waiting" in reason
            assert code == errors.EEBADF
            world.call("forget")


@on_both_loops
async def test_injected_headers(folder: Path) -> None:
    async with client_world(folder) as world, peer(says(OK + b"Content-Length: 0\r\n\r\n")) as server:
        await world.open(HTTP, server.where)
        evil = "x\r\nX-Evil: 1"
        for message in ({"headers": {"X-A": evil}}, {"headers": {evil: "1"}}, {"headers": {"X-A": ["1", evil]}},
                        {"headers": {"X-A": "a\nb"}}, {"headers": {"X-A": "a\rb"}}, {"headers": {"X-A": "a\0b"}},
                        {"headers": {"X A": "1"}}, {"headers": {"": "1"}}, {"headers": {"X:": "1"}},
                        {"headers": {1: "1"}}, {"headers": {"X-A": {}}}, {"headers": {"Ä": "1"}},
                        {"headers": {"X-A": "x" * 70_000}}, {"headers": {f"X-{number}": 1 for number in range(101)}},
                        {"path": "/ HTTP/1.1\r\nX-Evil: 1\r\n\r\n"}, {"path": "/\0"}, {"path": "x"}, {"path": "@evil/"},
                        {"path": "/" + "x" * 9000}, {"method": "GET / HTTP/1.1\r\nX-Evil:"}, {"method": "G ET"},
                        {"method": ""}, {"method": "GÉT"}, {"method": "x" * 33}):
            assert world.call("send", message) == errors.EEBADDATA, message
        for message in ({"url": "http://127.0.0.1/\r\nX-Evil: 1"}, {"url": "http://a\r\nb/"}, {"url": "file:///etc/passwd"}):
            assert world.call("send", message) == errors.EEBADADDR, message
        # Framing is ours, whatever LPC says of it.
        await world.ask(method="POST", body="1234", headers={"Content-Length": "1", "transfer-ENCODING": "chunked",
                                                             "Connection": "close", "Expect": "100-continue",
                                                             "X-Fine": "tab\tand ü"})
        sent = server.seen[0]
        assert (sent.headers["content-length"], sent.body) == ("4", b"1234")
        assert not {"transfer-encoding", "connection", "expect", "x-evil"} & set(sent.headers)
        assert sent.headers["x-fine"].encode("latin-1").decode() == "tab\tand ü"
        assert len(server.seen) == 1
        for option, value in ((options.HTTP_HEADERS, {"a": evil}), (options.HTTP_USER_AGENT, evil),
                              (options.HTTP_PROXY, "nonsense"), (options.HTTP_PROXY, "https://127.0.0.1:1")):
            assert "Bad socket option value" in world.call("try_set", option, value) or "cannot be set" in world.call(
                "try_set", option, value)


# ---------------------------------------------------------------------------------------------- redirects


@on_both_loops
async def test_redirects_that_lead_nowhere(folder: Path) -> None:
    async def answer(exchange: Exchange) -> None:
        place = "/loop" if exchange.target == "/loop" else exchange.target[1:]
        await exchange.answer(b"", "302 Found", f"Location: {place}")

    async with client_world(folder) as world, peer(answer) as server:
        for target, words, wanted in (
                ("/loop", "too many redirects", 302), ("/file:///etc/passwd", "no HTTP URL", 302),
                ("/javascript:alert(1)", "no HTTP URL", 302),
                ("/ftp://127.0.0.1/", "no HTTP URL", 302), ("/http+unix://%2Frun%2Fx/", "no HTTP URL", 302),
                ("/http://" + "a" * 8000 + "/", "no HTTP URL", 302)):
            await world.open(HTTP, server.where)
            seen = len(server.seen)
            reason, code = await world.fails(path=target)
            assert words in reason and code == wanted, reason
            assert len(server.seen) - seen == (6 if target == "/loop" else 1)
            world.call("forget")
        await world.open(HTTP, server.where, {options.HTTP_MAX_REDIRECTS: 0})
        assert await world.fails(path="/loop") == ("too many redirects", 302)


@on_both_loops
async def test_permissions_hold_at_every_hop(folder: Path) -> None:
    hidden = 0

    async def secret(exchange: Exchange) -> None:
        nonlocal hidden
        hidden += 1
        await exchange.answer(b"secret")

    async with peer(secret) as inner:
        for place in (inner.url("/", "127.0.0.1"), inner.url("/", "127.1"), inner.url("/", "2130706433"),
                      inner.url("/", "0x7f000001"), inner.url("/", "[::ffff:127.0.0.1]"), inner.url("/", "localhost"),
                      inner.url("/", "LOCALHOST."), f"//127.0.0.1:{inner.port}/", inner.url("/", "user:pw@127.0.0.1")):
            moved = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {place}\r\n\r\n".encode()
            async with (client_world(folder, f"--deny-net=127.0.0.1:{inner.port},[::1]:{inner.port}") as world,
                        peer(says(moved)) as server):
                await world.open(HTTP, server.where)
                reason, code = await world.fails(path="/")
                assert code in (errors.EESECURITY, errors.EECONNECT), (place, reason)
                if code == errors.EESECURITY:
                    assert "--deny-net" in reason, reason
                assert world.call("query_answers") == []
    assert hidden == 0


@on_both_loops
async def test_requests_to_other_hosts_are_asked_about(folder: Path) -> None:
    async with peer(says(OK + b"Content-Length: 0\r\n\r\n")) as inner:
        async with (client_world(folder, f"--deny-net=127.0.0.1:{inner.port}", logs=True) as world,
                    peer(says(OK + b"Content-Length: 0\r\n\r\n")) as server):
            await world.open(HTTP, server.where)
            assert world.call("send", {"url": inner.url()}) == errors.EESECURITY
            assert "--deny-net" in world.call("get", options.SO_LAST_ERROR)
            assert world.call("send", {"url": "http://example.org/"}) == errors.EESECURITY
            assert world.call("open", HTTP, inner.where, {}) == errors.EESECURITY
            assert world.call("call", inner.url(), {}) == -1
        assert inner.seen == []


@on_both_loops
async def test_what_a_name_resolves_to_is_asked_about(folder: Path) -> None:
    async with (client_world(folder, "--allow-net=localhost", "--deny-net=127.0.0.0/8,::1") as world,
                peer(says(OK + b"Content-Length: 0\r\n\r\n")) as server):
        assert world.call("open", HTTP, f"localhost {server.port}", {}) == 1
        reason, code = await world.end()
        assert (code, "--deny-net" in reason) == (errors.EESECURITY, True)
        assert server.connections == 0


MASTER = """
mixed *asked = ({ });
string denied = "";

int valid_socket(object who, string what, mixed *info) {
    if (what == "connect") asked += ({ info[2..] });
    return what != "connect" || strsrch(info[5], denied) == -1 || denied == "";
}

mixed *query_asked() { return asked; }
void set_denied(string text) { denied = text; }
"""


@on_both_loops
async def test_the_master_is_asked_at_every_hop(folder: Path) -> None:
    (folder / "secure").mkdir(exist_ok=True)
    (folder / "secure" / "master.c").write_text(MASTER, encoding="utf-8")

    async def answer(exchange: Exchange) -> None:
        if exchange.target == "/end":
            await exchange.answer(b"end")
        else:
            await exchange.answer(b"", "302 Found", f"Location: {exchange.peer.url('/end', 'localhost')}")

    async with client_world(folder) as world, peer(answer) as server:
        master = world.driver.load("/secure/master")
        await world.open(HTTP, server.where)
        assert (await world.ask(path="/"))["body"] == "end"
        asked = [list(info) for info in world.driver.call(master, "query_asked")]
        assert asked[0] == ["127.0.0.1", server.port, HTTP, server.where]
        assert asked[1] == ["localhost", server.port, HTTP, server.url("/end", "localhost")]
        assert ["localhost", server.port, HTTP, f"localhost {server.port}", "127.0.0.1"] in asked
        world.driver.call(master, "set_denied", "/end")
        reason, code = await world.fails(path="/")
        assert (code, errors.text_of(errors.EESECURITY) in reason) == (errors.EESECURITY, True)


# ---------------------------------------------------------------------------------------- ends in the middle


@on_both_loops
async def test_closed_in_the_middle(folder: Path) -> None:
    async with client_world(folder) as world, peer(says(OK + b"Content-Length: 1000\r\n\r\nx")) as server:
        await world.open(HTTP, server.where)
        for number in range(10):
            assert world.call("send", {"path": f"/{number}"}) == 1
        await server.until_seen(10)
        assert world.call("close") == 1
        assert world.call("close") == errors.EEBADF
        assert world.call("send", {}) == errors.EEBADF
        await server.gone.wait()
        assert (world.call("query_answers"), world.call("query_end")) == ([], 0)


@on_both_loops
async def test_the_owner_is_destructed_in_the_middle(folder: Path) -> None:
    async with client_world(folder) as world, peer(says(OK + b"Content-Length: 1000\r\n\r\nx")) as server:
        await world.open(HTTP, server.where)
        assert world.call("send", {"path": "/"}) == 1
        assert world.call("call", server.url("/2"), {}) > 0
        await server.until_seen(2)
        world.driver.destruct(world.client)
        await server.gone.wait()


@on_both_loops
async def test_a_callback_ends_it(folder: Path) -> None:
    for way in ("close_at", "die_at"):
        for settings in ({}, {options.HTTP_STREAM: 1}):
            answer = says(OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1\r\ny\r\n0\r\n\r\n")
            async with client_world(folder) as world, peer(answer) as server:
                await world.open(HTTP, server.where, settings)
                world.call(way, 1)
                for number in range(5):
                    assert world.call("send", {"path": f"/{number}"}) == 1
                await server.gone.wait()
                if way == "close_at":
                    assert len(world.call("query_answers")) == 1
                    assert world.call("query_end") == 0


@on_both_loops
async def test_what_was_posted_still_leaves(folder: Path) -> None:
    async with client_world(folder) as world:
        may_answer = asyncio.Event()

        async def answer(exchange: Exchange) -> None:
            await may_answer.wait()
            await exchange.answer(b"", "302 Found", "Location: /elsewhere")

        async with peer(answer) as server:
            await world.open(HTTP, server.where, {options.SO_CONNECTION_POOL: 2})
            for number in range(3):
                assert world.call("send", {"path": f"/get/{number}"}) == 1
            for number in range(5):
                assert world.call("send", {"path": f"/post/{number}", "body": str(number)}) == 1
            assert world.call("close") == 1
            may_answer.set()
            await server.until_seen(5)
            posted = sorted(seen.target for seen in server.seen if seen.method == "POST")
            while len(posted) < 5:
                await server.until_seen(len(server.seen) + 1)
                posted = sorted(seen.target for seen in server.seen if seen.method == "POST")
            assert posted == [f"/post/{number}" for number in range(5)]
            assert (world.call("query_answers"), world.call("query_end")) == ([], 0)


@on_both_loops
async def test_closed_while_connecting(folder: Path) -> None:
    async with client_world(folder) as world, peer(says(OK)) as server:
        assert world.call("open", HTTP, f"localhost {server.port}", {}) == 1
        assert world.call("send", {}) == errors.EENOTCONN
        assert world.call("close") == 1
        await world.open(HTTP, server.where)
        assert world.call("query_readies") == 1


@on_both_loops
async def test_idle_connections_that_end(folder: Path) -> None:
    """A server may end a connection between two requests; nobody notices."""
    async def answer(exchange: Exchange) -> None:
        await exchange.answer(b"ok")
        await exchange.hang_up()

    async with client_world(folder) as world, peer(answer) as server:
        await world.open(HTTP, server.where)
        for _ in range(5):
            assert (await world.ask())["body"] == "ok"
        assert server.connections == 5
