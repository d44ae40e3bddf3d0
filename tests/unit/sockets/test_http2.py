"""HTTP/2 on modes 20 and 21, frame by frame: what a server owes, and what it must not put up with."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hpack import Encoder
from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame, SettingsFrame

from efuns.sockets import efuns, errors, options
from efuns.sockets.http import http2
from efuns.sockets.http import server as http_server
from efuns.sockets.http import site as http_site
from efuns.sockets.http.server import HttpServers
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.call import Callback
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost
from tests.unit.sockets.http2_peer import GET, POST, PREFACE, Http2Peer, frame
from tests.unit.sockets.http_world import (
    HELLO,
    HTTP,
    HTTPS,
    TLS,
    Server,
    client_context,
    issue,
    turns_until,
    warm_up,
)

NO_ERROR, PROTOCOL, FLOW, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION, CALM = 0, 1, 3, 5, 6, 7, 8, 9, 11


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


@asynccontextmanager
async def client(server: Server, settings: dict[int, int] | None = None, *, begins: bool = True,
                 **more: Any) -> AsyncIterator[Http2Peer]:
    """A peer, whose connection has ended afterwards."""
    async with asyncio.timeout(PATIENCE):
        peer = Http2Peer(*await asyncio.open_connection("127.0.0.1", server.port, **more))
    if begins:
        peer.begin(settings)
    try:
        yield peer
    finally:
        await peer.close()
    await turns_until(lambda: server.connections <= 0)


def serve(host: FakeHost, handler: Any = None, **given: Value) -> Server:
    return Server(host, *([handler] if handler else []), HTTP2_ENABLE=1, **given).listen()


def path(name: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (GET[0], GET[1], (":path", name), GET[3], *more)


def link_of(host: FakeHost, fd: int = 1) -> Any:
    """What speaks HTTP/2 for a connection."""
    found: Any = host.state(SocketTable).find(fd)
    return found._successor


# ------------------------------------------------------------------------------------------- the basics


async def test_request_and_answer(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        response = await peer.ask(path("/a%20b?c=d", ("x-y", "z"), ("cookie", "a=1"), ("cookie", "b=2")))
        assert (response.status, response.body) == (200, b"hello")
        assert response.headers.keys() == {":status", "content-type", "date", "content-length"}
        request = server.requests[0]
        assert (request["path"], request["uri"], dict(request["query_params"]), request["version"]) == (
            "/a b", "/a%20b?c=d", {"c": "d"}, "HTTP/2")
        assert dict(request["headers"]) == {"x-y": "z", "cookie": "a=1; b=2", "host": "x"}
        assert (dict(request["cookies"]), request["tls"], request["method"]) == ({"a": "1", "b": "2"}, 0, "GET")
        assert request["addr"] == f"127.0.0.1 {peer.writer.get_extra_info('sockname')[1]}"
        await peer.pong()
        assert peer.acks == 1
        assert peer.settings[3] == http2.STREAMS and peer.settings[6] >= 65536


async def test_a_descriptor_for_each_request(host: FakeHost) -> None:
    waiting: dict[str, int] = {}
    server = serve(host, lambda fd, request: waiting.update({request["path"]: fd}))
    async with client(server) as peer:
        streams = {name: peer.headers(path(name)) for name in ("/a", "/b", "/c")}
        await host.until(lambda: len(server.requests) == 3)
        assert len(set(waiting.values())) == 3
        for name in ("/c", "/a", "/b"):  # in whatever order
            fd = waiting[name]
            assert efuns.socket_status(server.ob, fd)[1:3] == ["DATA_XFER", "HTTP_SERVER"]  # type: ignore[index]
            assert efuns.socket_address(server.ob, fd).startswith("127.0.0.1 ")  # type: ignore[union-attr]
            assert server.write(fd, Mapping(body=name)) == 1
            assert server.write(fd, "again") == errors.EEALREADY
        for name, stream in streams.items():
            assert (await peer.response(stream)).body == name.encode()
        await host.until(lambda: len(server.ends) == 3)
        assert {end[1:] for end in server.ends} == {("The stream ends with this answer", errors.EEBADF)}
        assert server.connections == 1
        assert server.write(waiting["/a"], "late") == errors.EEBADF
    assert server.ends[-1][1:] == ("The other end closed the connection", errors.EEBADF)


@pytest.mark.parametrize(("answer", "status", "body", "fields"), [
    ("text", 200, b"text", {"content-type": "text/plain; charset=utf-8", "content-length": "4"}),
    (Buffer(b"\0\xff"), 200, b"\0\xff", {"content-type": "application/octet-stream"}),
    (Mapping(status=404), 404, b"", {"content-length": "0"}),
    (Mapping(status=204, body="no"), 204, b"", {}),
    (Mapping(body=Mapping(a=1)), 200, b'{"a":1}', {"content-type": "application/json"}),
    (Mapping(headers=Mapping({"X-A": "1", "Connection": "close", "Upgrade": "h2c", "Set-Cookie": "a=b"}), body="x"),
     200, b"x", {"x-a": "1", "set-cookie": "a=b"}),
])
async def test_answers(host: FakeHost, answer: Value, status: int, body: bytes, fields: dict[str, str]) -> None:
    server = serve(host, lambda fd, request: answer)
    async with client(server) as peer:
        response = await peer.ask()
        assert (response.status, response.body) == (status, body)
        assert fields.items() <= response.headers.items()
        assert not {"connection", "upgrade", "transfer-encoding", "X-A"} & response.headers.keys()


async def test_head_has_no_body(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "x" * 3000)
    async with client(server) as peer:
        response = await peer.ask(((":method", "HEAD"), *GET[1:]))
        assert (response.headers["content-length"], response.body) == ("3000", b"")


async def test_bodies(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(body=request["body"]))
    async with client(server, {4: 1 << 20}) as peer:
        peer.open_window(0, 1 << 24)
        large = bytes(range(256)) * 2000
        stream = peer.headers(POST, ends=False)
        left = 65_535
        for at in range(0, len(large), 10_000):
            piece = large[at:at + 10_000]
            while left + peer.windows.get(stream, 0) < at + len(piece):
                assert await peer.read() is not None
            peer.data(stream, piece)
        peer.data(stream, b"", ends=True)
        assert (await peer.response(stream)).body == large
        assert (await peer.ask((*POST, ("content-type", "application/json"), ("content-length", "7")),
                               b'{"a":1}')).body == b'{"a":1}'
        assert dict(server.requests[1]["json"]) == {"a": 1}
        assert (await peer.ask(POST, b"")).body == b""


async def test_padding_and_trailers(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(body=request["body"]))
    async with client(server) as peer:
        stream = peer.headers(POST, ends=False)
        peer.send(DataFrame(stream, b"abc", pad_length=10, flags=["PADDED"]).serialize())
        peer.send(HeadersFrame(stream, peer.block([("x-sum", "1")]), flags=["END_HEADERS", "END_STREAM"]).serialize())
        assert (await peer.response(stream)).body == b"abc"
        assert "x-sum" not in server.requests[0]["headers"]


async def test_a_head_in_pieces(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        block = peer.block((*GET, ("x", "y" * 40_000)))
        made = [HeadersFrame(1, block[:10_000], flags=["END_STREAM"]), ContinuationFrame(1, block[10_000:20_000]),
                ContinuationFrame(1, block[20_000:], flags=["END_HEADERS"])]
        for byte in b"".join(one.serialize() for one in made):
            peer.send(bytes([byte]))
        assert (await peer.response(1)).status == 200
        assert len(server.requests[0]["headers"]["x"]) == 40_000


async def test_continue(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(body=request["body"]))
    async with client(server) as peer:
        stream = peer.headers((*POST, ("expect", "100-continue")), ends=False)
        while stream not in peer.streams:
            await peer.read()
        assert peer.streams[stream].status == 100
        peer.data(stream, b"abc", ends=True)
        assert (await peer.response(stream)).body == b"abc"
        assert (await peer.ask((*GET, ("expect", "the best")))).status == 417


async def test_information_before_the_answer(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(status=103, headers=Mapping(link="</a.css>")))
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        assert server.write(fd, "done") == 1
        response = await peer.response(stream)
        assert [head[":status"] for head in response.heads] == ["103", "200"]
        assert response.heads[0]["link"] == "</a.css>"


async def test_the_end_of_keep_alive(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(body="x", close=int(request["path"] == "/last")))
    async with client(server) as peer:
        assert (await peer.ask()).status == 200
        assert (await peer.ask(path("/last"))).body == b"x"
        assert await peer.end() == [NO_ERROR]


async def test_compression(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "text " * 1000)
    async with client(server) as peer:
        response = await peer.ask((*GET, ("accept-encoding", "gzip")))
        assert response.headers["content-encoding"] == "gzip" and len(response.body) < 1000


# ------------------------------------------------------------------------------------ the two versions


async def test_both_versions_on_one_port(host: FakeHost) -> None:
    server = serve(host)
    old = await server.peer()
    for part in (b"GET", b" / HTTP/1.1\r\nHost: x\r\n\r\n"):
        old.send(part)
        await host.turn()
    assert (await old.answer()).version == "HTTP/1.1"
    await old.close()
    pri = await server.peer()
    for byte in b"PRI * HTTP/2.0\r\n\r\nXX":
        pri.send(bytes([byte]))
        await host.turn(1)
    assert (await pri.answer()).status in (400, 505)
    await pri.close()
    async with client(server, begins=False) as peer:
        for byte in PREFACE + SettingsFrame(0).serialize():
            peer.send(bytes([byte]))
            await host.turn(1)
        assert (await peer.ask()).status == 200


async def test_not_without_tls_unless_asked(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    peer.send(PREFACE)
    assert (await peer.answer()).status == 505
    await peer.close()
    await server.ended()


@pytest.mark.parametrize(("given", "offered", "chosen"), [
    ({}, ["h2", "http/1.1"], "h2"), ({}, ["http/1.1"], "http/1.1"),
    ({"HTTP2_ENABLE": 0}, ["h2", "http/1.1"], "http/1.1"),
    ({"TLS_ALPN": "http/1.1"}, ["h2", "http/1.1"], "http/1.1"), ({"TLS_ALPN": "h2"}, ["h2", "http/1.1"], "h2"),
])
@pytest.mark.parametrize("mode", [HTTP, HTTPS])
async def test_tls(host: FakeHost, given: dict[str, Value], offered: list[str], chosen: str, mode: int) -> None:
    authority = issue(host)
    server = Server(host, lambda fd, request: Mapping(body=request["version"] + "x" * 100_000), mode=mode, **TLS,
                    **given).listen()
    if chosen != "h2":
        peer = await server.peer(ssl=client_context(authority, *offered), server_hostname="localhost")
        assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        assert (await peer.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).body.startswith(b"HTTP/1.1")
        await peer.close()
        await server.ended()
        return
    context = client_context(authority, *offered)
    async with client(server, {4: 1 << 20}, ssl=context, server_hostname="localhost") as http:
        http.open_window(0, 1 << 20)
        assert http.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        assert (await http.ask()).body == b"HTTP/2" + b"x" * 100_000
        assert server.requests[0]["tls"] == 1


async def test_without_the_library(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (http_site, http_server):
        monkeypatch.setattr(module, "has_http2", lambda: False)
    server = Server(host)
    with pytest.raises(LPCError, match="needs the Python package h2"):
        efuns.socket_set_option(server.ob, server.fd, options.HTTP2_ENABLE, 1)
    efuns.socket_set_option(server.ob, server.fd, options.HTTP2_ENABLE, 0)
    authority = issue(host)
    secure = Server(host, mode=HTTPS, **TLS).listen()
    peer = await secure.peer(ssl=client_context(authority, "h2", "http/1.1"), server_hostname="localhost")
    assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    await peer.close()
    await secure.ended()


# ----------------------------------------------------------------------------------------- flow control


async def test_windows_are_kept(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "x" * 1000)
    async with client(server, {4: 10}) as peer:
        stream = peer.headers()
        await peer.pong()
        assert len(peer.streams[stream].body) == 10
        peer.open_window(stream, 90)
        await peer.pong()
        assert len(peer.streams[stream].body) == 100
        peer.send(SettingsFrame(0, settings={4: 500}).serialize())
        await peer.pong()
        assert len(peer.streams[stream].body) == 590
        peer.send(SettingsFrame(0, settings={4: 0}).serialize())  # the window is negative now
        peer.open_window(stream, 100)
        await peer.pong()
        assert len(peer.streams[stream].body) == 590
        peer.open_window(stream, 10_000)
        response = await peer.response(stream)
        assert (len(response.body), server.codes) == (1000, [1])


async def test_streams_take_turns(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "x" * 50_000)
    async with client(server) as peer:
        first, second = peer.headers(), peer.headers()
        await peer.pong()
        sizes = [len(peer.streams[stream].body) for stream in (first, second)]
        assert sum(sizes) == 65_535 and min(sizes) >= 15_000
        peer.open_window(0, 100_000)
        assert len((await peer.response(first)).body) == len((await peer.response(second)).body) == 50_000


async def test_streaming_and_its_flow_control(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(chunked=1))
    ready: list[int] = []
    server.ob.extra["ready"] = ready.append
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        found: Any = host.state(SocketTable).find(fd)
        found.write_callback = Callback(server.ob, "ready")
        codes = []
        while not codes or codes[-1] == 1:
            codes.append(server.write(fd, "x" * 50_000))
        assert codes[-1] == errors.EECALLBACK and 5 <= len(codes) <= 7
        assert server.write(fd, "more") == errors.EEALREADY
        peer.open_window(0, 1 << 20)
        peer.open_window(stream, 1 << 20)
        await host.until(lambda: host.seen("ready"))
        assert server.write(fd, "") == 1
        assert server.write(fd, Mapping(end=1, body="end")) == 1
        response = await peer.response(stream)
        assert response.body == b"x" * 50_000 * len(codes) + b"end"
        assert "content-length" not in response.headers


async def test_answers_nobody_takes_stop_further_requests(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "x" * 200_000)
    async with client(server, {4: 0}) as peer:
        streams = [peer.headers() for _ in range(20)]
        await peer.pong()
        assert len(server.requests) == 2
        peer.send(SettingsFrame(0, settings={4: 1 << 20}).serialize())
        peer.open_window(0, 1 << 24)
        for stream in streams:
            assert len((await peer.response(stream)).body) == 200_000
        assert len(server.requests) == 20


async def test_bodies_in_parallel_are_bounded(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "BODIES", 100_000)
    server = serve(host, lambda fd, request: str(request["content_length"]), CONTENT_SIZE_LIMIT=1_000_000)
    async with client(server) as peer:
        streams = [peer.headers(POST, ends=False) for _ in range(5)]
        for stream in streams:
            for _ in range(4):
                peer.data(stream, b"x" * 16_000)
        await peer.pong()
        assert peer.windows.get(streams[0], 0) >= 60_000  # the oldest goes on
        assert all(stream not in peer.windows for stream in streams[2:])
        peer.data(streams[0], b"x", ends=True)
        assert (await peer.response(streams[0])).body == b"64001"
        for stream in streams[1:]:
            peer.data(stream, b"x", ends=True)
            assert (await peer.response(stream)).body == b"64001"


# ----------------------------------------------------------------------------------------------- files


@pytest.fixture
def files(host: FakeHost) -> Path:
    folder = host.files.root / "www"
    folder.mkdir()
    (folder / "a.txt").write_text("0123456789", encoding="utf-8")
    (folder / "large.bin").write_bytes(bytes(range(256)) * 8000)
    return folder


async def test_files(host: FakeHost, files: Path) -> None:
    server = serve(host, HTTP_STATIC=Mapping({"/": "/www"}))
    async with client(server, {4: 1 << 24}) as peer:
        peer.open_window(0, 1 << 24)
        large, small = peer.headers(path("/large.bin")), peer.headers(path("/a.txt", ("range", "bytes=2-4")))
        assert (await peer.response(large)).body == (files / "large.bin").read_bytes()
        assert ((await peer.response(small)).status, peer.streams[small].body) == (206, b"234")
        assert peer.streams[small].headers["content-range"] == "bytes 2-4/10"
        tag = peer.streams[large].headers["etag"]
        assert (await peer.ask(path("/large.bin", ("if-none-match", tag)))).status == 304
        assert (await peer.ask(path("/missing"))).status == 404
        assert server.requests == []


async def test_a_file_whose_reader_goes(host: FakeHost, files: Path) -> None:
    server = serve(host, HTTP_STATIC=Mapping({"/": "/www"}))
    async with client(server) as peer:
        stream = peer.headers(path("/large.bin"))
        await peer.pong()
        assert link_of(host).is_busy
        peer.reset(stream)
        await peer.pong()
        assert not link_of(host).is_busy


async def test_a_file_that_shrinks(host: FakeHost, files: Path) -> None:
    server = serve(host, HTTP_STATIC=Mapping({"/": "/www"}))
    async with client(server) as peer:
        stream = peer.headers(path("/large.bin"))
        await peer.pong()
        (files / "large.bin").write_bytes(b"short")
        peer.open_window(stream, 1 << 24)
        peer.open_window(0, 1 << 24)
        assert (await peer.response(stream)).reset == CANCEL
        assert (await peer.ask(path("/a.txt"))).body == b"0123456789"


# ------------------------------------------------------------------------------- handlers, time and end


async def test_handlers_that_fail(host: FakeHost) -> None:
    def handle(fd: int, request: Mapping) -> Value:
        if request["path"] == "/half":
            efuns.socket_write(server.ob, fd, Mapping(chunked=1, body="half"))
        if request["path"] != "/":
            raise LPCError("broken\n")
        return "well"

    server = serve(host, handle)
    async with client(server) as peer:
        assert (await peer.ask(path("/broken"))).status == 500
        assert (await peer.ask(path("/half"))).reset == CANCEL
        assert (await peer.ask()).body == b"well"
    assert len(host.errors) == 2
    host.errors.clear()


async def test_no_answer_in_time(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        expire(host, fd)
        assert (await peer.response(stream)).status == 504
        assert (await server.ended())[1:] == ("The request was not answered in time", 504)
        again = peer.headers()
        assert server.write(await server.asked(2), "x") == 1
        assert (await peer.response(again)).status == 200


def expire(host: FakeHost, fd: int) -> None:
    """Let the deadline of a stream, or of a connection, be over."""
    found: Any = host.state(SocketTable).find(fd)
    if isinstance(found, http2.Http2Stream):
        found._due = 0.0
        found = found._link.socket
    else:
        found._successor._idle_due = 0.0
    found._watch.cancel()
    found._look()


async def test_bodies_that_do_not_come(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        stream = peer.headers(POST, ends=False)
        await peer.pong()
        made = next(iter(link_of(host)._streams.values()))
        made._due = 0.0
        peer.data(stream, b"x" * 1000)
        await peer.pong()
        assert made.due == 0.0
        peer.data(stream, b"x" * 16_000)
        await peer.pong()
        assert made.due > 0.0
        made._due = 0.0
        link_of(host).look()
        assert (await peer.response(stream)).status == 408
        assert server.requests == []


async def test_frames_that_do_not_come(host: FakeHost) -> None:
    server = serve(host)
    for begun in (b"\0\0", frame(1, 1, 1, b"abc")):
        async with client(server) as peer:
            await peer.pong()
            peer.send(begun)
            await turns_until(lambda: link_of(host)._partial_due < 1e9)
            link_of(host)._partial_due = 0.0
            found: Any = host.state(SocketTable).find(1)
            found._watch.cancel()
            found._look()
            assert await peer.end() == [CALM]


async def test_idle_connections_end(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        await peer.ask()
        expire(host, 1)
        assert await peer.end() == [NO_ERROR]


async def test_readers_that_stall(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: "x" * 100_000)
    async with client(server) as peer:
        stream = peer.headers()
        await peer.pong()
        fd = host.seen("request")[0][0]
        expire(host, fd)
        peer.open_window(stream, 1)
        peer.open_window(0, 1)
        await peer.pong()
        expire(host, fd)
        assert stream in {made.number for made in link_of(host)._streams.values()}
        expire(host, fd)
        assert (await peer.response(stream)).reset == CANCEL
        assert (await server.ended())[1:] == ("The other end takes no more data", errors.EESEND)


async def test_the_peer_cancels(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        peer.reset(stream)
        assert await server.ended() == (fd, "The other end cancelled the request", errors.EEBADF)
        assert server.write(fd, "late") == errors.EEBADF
        await peer.pong()


@pytest.mark.parametrize("answer", [HELLO, Mapping(status=103), Mapping(chunked=1, body="x"), Mapping(status=204)])
@pytest.mark.parametrize("breaks", [True, False])
async def test_an_answer_while_the_connection_ends(host: FakeHost, answer: Value, breaks: bool) -> None:
    server = serve(host, lambda fd, request: None)
    codes: list[int] = []
    async with client(server) as peer:
        for _ in range(3):
            peer.headers()
        await server.asked(3)
        asked = [args[0] for args in host.seen("request")]
        server.ob.extra["closed"] = lambda *args: codes.extend(server.write(fd, answer) for fd in asked)
        if breaks:
            peer.send(frame(6, 0, 1, bytes(8)))
        else:
            peer.vanish()
        await server.ended(3)
    assert codes and host.errors == []


async def test_information_nobody_reads(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        with monkeypatch.context() as stalled:
            stalled.setattr(http_server.HttpServer, "queued", 2 * host.limits.socket_queue)
            assert server.write(fd, Mapping(status=103)) == 1
        assert server.write(fd, "done") == 1
        response = await peer.response(stream)
        assert [head[":status"] for head in response.heads] == ["200"]


async def test_lpc_cancels(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        assert efuns.socket_close(server.ob, fd) == 1
        assert (await peer.response(stream)).reset == CANCEL
        assert server.ends == []


async def test_lpc_closes_after_its_answer(host: FakeHost) -> None:
    def handle(fd: int, request: Mapping) -> None:
        server.write(fd, "x" * 1000)
        assert efuns.socket_close(server.ob, fd) == 1

    server = serve(host, handle)
    async with client(server, {4: 10}) as peer:
        stream = peer.headers()
        await peer.pong()
        peer.open_window(stream, 1000)
        assert len((await peer.response(stream)).body) == 1000
        assert server.ends == []


async def test_lpc_closes_the_connection(host: FakeHost) -> None:
    def handle(fd: int, request: Mapping) -> None:
        server.write(fd, "answered")
        assert efuns.socket_close(server.ob, 1) == 1

    server = serve(host, handle)
    async with client(server) as peer:
        stream = peer.headers()
        assert await peer.end() == [NO_ERROR]
        assert peer.streams[stream].body == b"answered"
        assert server.ends == []


async def test_the_owner_goes(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        peer.headers()
        await server.asked()
        host.destruct(server.ob)
        await peer.end()
    assert server.ends == []


async def test_an_answer_before_the_request_is_complete(host: FakeHost) -> None:
    server = serve(host, CONTENT_SIZE_LIMIT=1000)
    async with client(server) as peer:
        stream = peer.headers((*POST, ("content-length", "5000")), ends=False)
        response = await peer.response(stream)
        assert response.status == 413
        peer.data(stream, b"x" * 5000, ends=True)  # was on its way
        stream = peer.headers((*POST, ("content-length", "5000")), ends=False)
        response = await peer.response(stream)
        link_of(host)._end_lingering(stream)
        while response.reset is None:
            await peer.read()
        assert response.reset == NO_ERROR
        peer.data(stream, b"x" * 5000, ends=True)
        stream = peer.headers(POST, ends=False)
        peer.data(stream, b"x" * 1001)
        assert (await peer.response(stream)).status == 413
        assert (await peer.ask()).status == 200


async def test_the_listener_ends(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        efuns.socket_close(server.ob, server.fd)
        while not peer.goaways:
            await peer.read()
        late = peer.headers()
        assert server.write(fd, "last") == 1
        assert (await peer.response(stream)).body == b"last"
        assert await peer.end() == [NO_ERROR]
        assert late not in peer.streams or peer.streams[late].reset == REFUSED


async def test_draining(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer, client(server) as idle:
        stream = peer.headers()
        fd = await server.asked()
        drained = asyncio.ensure_future(host.state(HttpServers).drain())
        await idle.end()
        assert not drained.done()
        server.write(fd, "x" * 1000)
        await peer.response(stream)
        await asyncio.wait_for(drained, PATIENCE)
        assert await peer.end() == [NO_ERROR]


async def test_the_peer_leaves(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        fd = await server.asked()
        peer.send(frame(7, 0, 0, bytes(8)))
        await peer.pong()
        server.write(fd, "still")
        assert (await peer.response(stream)).body == b"still"
        await peer.end()


@pytest.mark.parametrize("how", ["close", "vanish"])
async def test_the_peer_goes(host: FakeHost, how: str) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        peer.headers()
        peer.headers(POST, ends=False)
        await server.asked()
        if how == "vanish":
            peer.vanish()
    assert len(server.ends) == 2  # the stream LPC knows, and the connection
    assert all(code == errors.EEBADF for _, _, code in server.ends)


async def test_no_descriptor_left_for_a_request(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(host)
    async with client(server) as peer:
        await peer.pong()
        with monkeypatch.context() as patch:
            patch.setattr(SocketTable, "is_full", True)
            assert (await peer.ask()).status == 503
        assert (await peer.ask()).status == 200
        assert len(server.requests) == 1


async def test_accepting_by_hand(host: FakeHost) -> None:
    server = Server(host, HTTP2_ENABLE=1)
    server.ob.extra["caller"] = lambda fd: efuns.socket_accept(server.ob, fd, "request", "ready") and 0
    server.ob.extra["ready"] = lambda fd: 0
    assert efuns.socket_listen(server.ob, server.fd, "caller") == 1
    async with client(server) as peer:
        assert (await peer.ask()).body == b"hello"


# ------------------------------------------------------------------------- what a peer must not do (h2spec)


def fields(*more: tuple[str, str], without: str = "", **changed: str) -> list[tuple[str, str]]:
    base = [(name, changed.get(name[1:], value)) for name, value in GET if name != without]
    return [*base, *more]


REQUESTS_RESET = {
    "an upper-case name": fields(("X-Y", "z")),
    "an empty name": fields(("", "z")),
    "a space in a name": fields(("x y", "z")),
    "a colon in a name": fields(("x:y", "z")),
    "a line break in a value": fields(("x", "a\r\nb")),
    "a zero byte in a value": fields(("x", "a\0b")),
    "a value that begins with a space": fields(("x", " a")),
    "a pseudo-header after the others": fields(("x", "y"), (":path", "/")),
    "an unknown pseudo-header": fields((":x", "y")),
    "a pseudo-header of responses": fields((":status", "200")),
    "two methods": fields((":method", "GET")),
    "two paths": fields((":path", "/")),
    "no method": fields(without=":method"),
    "no scheme": fields(without=":scheme"),
    "no path": fields(without=":path"),
    "an empty path": fields(path=""),
    "a path without a slash": fields(path="a"),
    "a whole URL as path": fields(path="http://x/"),
    "no host": fields(without=":authority"),
    "two hosts": fields(("host", "y")),
    "connection": fields(("connection", "close")),
    "keep-alive": fields(("keep-alive", "1")),
    "proxy-connection": fields(("proxy-connection", "close")),
    "transfer-encoding": fields(("transfer-encoding", "chunked")),
    "upgrade": fields(("upgrade", "h2c")),
    "te": fields(("te", "gzip")),
    "a method that is none": fields(method="GE T"),
}


@pytest.mark.parametrize("name", REQUESTS_RESET)
async def test_malformed_requests(host: FakeHost, name: str) -> None:
    server = serve(host)
    async with client(server) as peer:
        assert (await peer.ask(REQUESTS_RESET[name])).reset == PROTOCOL
        assert (await peer.ask(fields(("te", "trailers"), ("host", "x")))).status == 200  # the connection goes on
        assert len(server.requests) == 1


@pytest.mark.parametrize(("given", "status"), [
    (fields(method="BREW"), 501), (fields(method="TRACE"), 501), (fields(method="get"), 501),
    ([(":method", "CONNECT"), (":authority", "x:80")], 501),
    (fields(path="/" + "x" * 9000), 414), (fields(path="/a b"), 400),
    (fields(path="/%00"), 400), (fields(path="*"), 400),
    (fields(("x", "y" * 66_000)), 431), (fields(*((f"x{at}", "y") for at in range(101))), 431),
    (fields(("content-type", "a/b"), ("content-type", "c/d")), 400), (fields(authority="a b"), 400),
    (fields(authority="a@b"), 400), (fields(path="/?" + "&".join(["a=b"] * 1001)), 400),
    (fields(("content-length", "9" * 19)), 413),
])
async def test_requests_that_are_refused(host: FakeHost, given: Any, status: int) -> None:
    server = serve(host)
    async with client(server) as peer:
        stream = peer._next
        if status != 413:
            assert (await peer.ask(given)).status == status
        else:
            peer.headers(given, ends=False)
            assert (await peer.response(stream)).status == status
        assert (await peer.ask()).status == 200
        assert len(server.requests) == 1


async def test_options_of_the_server(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        response = await peer.ask(fields(method="OPTIONS", path="*"))
        assert response.status == 204 and "GET" in response.headers["allow"]


BLOCK = Http2Peer(None, None).block(GET)  # type: ignore[arg-type]
REQUEST = frame(1, 5, 1, BLOCK)
SETTINGS = frame(4, 0, 0)

#: bytes after the preface, and the codes of GOAWAY they may be answered with
BROKEN = {
    "no settings first": (PREFACE + frame(6, 0, 0, bytes(8)), {PROTOCOL}),
    "an acknowledgement first": (PREFACE + frame(4, 1, 0), {PROTOCOL}),
    "a frame that is too large": (PREFACE + SETTINGS + b"\xff\xff\xff\0\0\0\0\0\1", {SIZE}),
    "settings on a stream": (PREFACE + frame(4, 0, 1), {PROTOCOL}),
    "settings of an odd size": (PREFACE + SETTINGS + frame(4, 0, 0, bytes(5)), {SIZE, PROTOCOL}),
    "an acknowledgement with settings": (PREFACE + SETTINGS + frame(4, 1, 0, bytes(6)), {SIZE, PROTOCOL}),
    "push as 2": (PREFACE + frame(4, 0, 0, struct.pack(">HI", 2, 2)), {PROTOCOL}),
    "a window that is too large": (PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 1 << 31)), {FLOW}),
    "frames that are too small": (PREFACE + frame(4, 0, 0, struct.pack(">HI", 5, 100)), {PROTOCOL}),
    "ping on a stream": (PREFACE + SETTINGS + frame(6, 0, 1, bytes(8)), {PROTOCOL}),
    "a short ping": (PREFACE + SETTINGS + frame(6, 0, 0, bytes(7)), {SIZE, PROTOCOL}),
    "goaway on a stream": (PREFACE + SETTINGS + frame(7, 0, 1, bytes(8)), {PROTOCOL}),
    "a window update of nothing": (PREFACE + SETTINGS + frame(8, 0, 0, bytes(4)), {PROTOCOL}),
    "a short window update": (PREFACE + SETTINGS + frame(8, 0, 0, bytes(3)), {SIZE, PROTOCOL}),
    "too large a window": (PREFACE + SETTINGS + frame(8, 0, 0, b"\x7f\xff\xff\xff"), {FLOW}),
    "a window for an idle stream": (PREFACE + SETTINGS + frame(8, 0, 5, bytes([0, 0, 0, 1])), {PROTOCOL}),
    "a reset of no stream": (PREFACE + SETTINGS + frame(3, 0, 0, bytes(4)), {PROTOCOL}),
    "a short reset": (PREFACE + SETTINGS + frame(3, 0, 1, bytes(3)), {SIZE, PROTOCOL}),
    "data on no stream": (PREFACE + SETTINGS + frame(0, 1, 0, b"x"), {PROTOCOL}),
    "data on an idle stream": (PREFACE + SETTINGS + frame(0, 1, 1, b"x"), {PROTOCOL, CLOSED}),
    "headers on no stream": (PREFACE + SETTINGS + frame(1, 5, 0, BLOCK), {PROTOCOL}),
    "an even stream": (PREFACE + SETTINGS + frame(1, 5, 2, BLOCK), {PROTOCOL}),
    "a lower stream": (PREFACE + SETTINGS + frame(1, 5, 5, BLOCK) + frame(1, 5, 3, BLOCK), {PROTOCOL, CLOSED}),
    "rubbish as header block": (PREFACE + SETTINGS + frame(1, 5, 1, b"\xff" * 6), {COMPRESSION, PROTOCOL}),
    "too much padding": (PREFACE + SETTINGS + frame(1, 13, 1, b"\xff" + BLOCK), {PROTOCOL}),
    "a continuation of nothing": (PREFACE + SETTINGS + frame(9, 4, 1, BLOCK), {PROTOCOL}),
    "a frame within a header block": (
        PREFACE + SETTINGS + frame(1, 1, 1, BLOCK[:2]) + frame(6, 0, 0, bytes(8)), {PROTOCOL}),
    "another stream within a header block": (
        PREFACE + SETTINGS + frame(1, 1, 1, BLOCK[:2]) + frame(9, 4, 3, BLOCK[2:]), {PROTOCOL}),
    "goaway within a header block": (
        PREFACE + SETTINGS + frame(1, 1, 1, BLOCK[:2]) + frame(7, 0, 0, bytes(8)), {PROTOCOL}),
    "a promise of a client": (PREFACE + SETTINGS + frame(5, 4, 1, bytes([0, 0, 0, 2]) + BLOCK), {PROTOCOL}),
    "a stream that depends on itself": (PREFACE + SETTINGS + frame(2, 0, 1, bytes([0, 0, 0, 1, 5])), {PROTOCOL}),
    "priority of no stream": (PREFACE + SETTINGS + frame(2, 0, 0, bytes(5)), {PROTOCOL}),
    "trailers without an end": (PREFACE + SETTINGS + frame(1, 4, 1, BLOCK) + frame(1, 4, 1, BLOCK), {PROTOCOL}),
    "less data than was said": (PREFACE + SETTINGS + frame(1, 4, 1, BLOCK + b"\x0f\x0d\x015") + frame(0, 1, 1, b"1"),
                                {PROTOCOL}),
    "more data than was said": (PREFACE + SETTINGS + frame(1, 4, 1, BLOCK + b"\x0f\x0d\x011") + frame(0, 1, 1, b"123"),
                                {PROTOCOL}),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_peers_that_break_the_rules(host: FakeHost, name: str) -> None:
    data, codes = BROKEN[name]
    server = serve(host, lambda fd, request: None)
    async with client(server, begins=False) as peer:
        peer.send(data)
        goaways = await peer.end()
        assert len(goaways) == 1 and goaways[0] in codes
    assert server.ends[-1][2] in codes


async def test_no_http2_after_all(host: FakeHost) -> None:
    authority = issue(host)
    server = Server(host, mode=HTTPS, **TLS).listen()
    context = client_context(authority, "h2")
    async with client(server, begins=False, ssl=context, server_hostname="localhost") as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await peer.end() == [PROTOCOL]


async def test_what_has_to_be_ignored(host: FakeHost) -> None:
    server = serve(host)
    async with client(server, {0x1234: 5, 8: 0}) as peer:
        peer.send(frame(0x77, 0xff, 0, b"unknown") + frame(0x77, 0, 9, b""))
        peer.send(PriorityFrame(9, stream_weight=3).serialize())
        peer.send(frame(6, 1, 0, bytes(8)))  # an answer to no ping
        stream = peer.headers()
        await peer.response(stream)
        peer.open_window(stream, 1000)  # for a stream that has ended
        peer.reset(stream)
        assert (await peer.ask()).status == 200
        assert 0x1234 not in link_of(host)._h2.remote_settings


@pytest.mark.parametrize("late", [frame(0, 1, 1, b"x"), frame(1, 5, 1, BLOCK)])
async def test_more_after_the_end_of_a_request(host: FakeHost, late: bytes) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        peer.send(REQUEST + late)
        assert (await peer.response(1)).reset == CLOSED
        assert (await server.ended())[1] == "The other end cancelled the request"
        await peer.pong()


async def test_too_large_a_window_of_a_stream(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        stream = peer.headers()
        await server.asked()
        peer.open_window(stream, (1 << 31) - 1)
        assert (await peer.response(stream)).reset == FLOW
        await server.ended()
        await peer.pong()


async def test_one_stream_too_many(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: None)
    async with client(server) as peer:
        streams = [peer.headers() for _ in range(http2.STREAMS + 5)]
        for stream in streams[http2.STREAMS:]:
            assert (await peer.response(stream)).reset == REFUSED
        assert len(server.requests) == http2.STREAMS
        assert server.write(host.seen("request")[0][0], "x") == 1
        assert (await peer.response(streams[0])).status == 200
        again = peer.headers()
        await host.until(lambda: len(server.requests) == http2.STREAMS + 1)
        assert again not in peer.streams


# ------------------------------------------------------------------------------------------------ floods


def bomb() -> bytes:
    """A small block that stands for many headers: one large entry, many times."""
    entry = b"\x40\x01x" + b"\x7f\xa1\x1e" + b"y" * 4000
    return BLOCK + entry + b"\xbe" * 4000


def reset_flood(peer: Http2Peer) -> None:
    for _ in range(2000):
        peer.reset(peer.headers())


FLOODS = {
    "rapid reset": reset_flood,
    "pings": lambda peer: peer.send(PingFrame(0, b"12345678").serialize() * 5000),
    "settings": lambda peer: peer.send(SettingsFrame(0, settings={4: 100}).serialize() * 5000),
    "acknowledgements": lambda peer: peer.send(frame(4, 1, 0) * 5000),
    "empty data": lambda peer: peer.send(frame(1, 4, 1, BLOCK) + frame(0, 0, 1) * 5000),
    "tiny data": lambda peer: peer.send(frame(1, 4, 1, BLOCK) + frame(0, 0, 1, b"x") * 5000),
    "padding": lambda peer: peer.send(frame(1, 4, 1, BLOCK) + frame(0, 8, 1, b"\xff" + bytes(255)) * 5000),
    "priorities": lambda peer: peer.send(PriorityFrame(9, depends_on=3).serialize() * 5000),
    "unknown frames": lambda peer: peer.send(frame(0x99, 0, 0) * 5000),
    "window updates": lambda peer: peer.send(frame(8, 0, 0, bytes([0, 0, 0, 1])) * 5000),
    "empty continuations": lambda peer: peer.send(frame(1, 1, 1, BLOCK) + frame(9, 0, 1) * 5000),
    "continuations": lambda peer: peer.send(frame(1, 1, 1, BLOCK) + frame(9, 0, 1, bytes(300)) * 5000),
    "a header bomb": lambda peer: peer.send(frame(1, 5, 1, bomb())),
    "malformed requests": lambda peer: [peer.headers(fields(("X", "y"))) for _ in range(3000)],
    "streams that are refused": lambda peer: [peer.headers() for _ in range(3000)],
}


@pytest.mark.parametrize("name", FLOODS)
async def test_floods(host: FakeHost, name: str) -> None:
    server = serve(host, lambda fd, request: None if name == "streams that are refused" else "x")
    async with client(server) as peer:
        FLOODS[name](peer)
        goaways = await peer.end()
        assert goaways == [CALM] or (name == "continuations" and goaways == [PROTOCOL])  # h2 counts them too
    assert [server.ends[-1][2]] == goaways


async def test_a_flood_whose_answers_nobody_reads(host: FakeHost) -> None:
    server = serve(host, SO_SNDBUF=4096)
    async with client(server, limit=1024) as peer:
        await turns_until(lambda: server.connections)
        await peer.pong()
        link = link_of(host)
        peer.writer.transport.pause_reading()
        peer.send(PingFrame(0, bytes(8)).serialize() * 100_000)
        await host.turn(50)
        assert link.socket.queued < 200_000 and len(link._input) < 200_000
        peer.vanish()


async def test_patience_comes_back(host: FakeHost) -> None:
    server = serve(host)
    async with client(server) as peer:
        for _ in range(4):
            for _ in range(150):
                peer.reset(peer.headers())
            await peer.pong()
            link_of(host)._patience_at -= 10  # ten seconds later
        assert (await peer.ask()).status == 200


async def test_our_table_stays_small(host: FakeHost) -> None:
    server = serve(host, lambda fd, request: Mapping(headers=Mapping({"x-path": request["path"] * 20}), body=""))
    async with client(server, {1: 1 << 30}) as peer:
        peer.decoder.max_allowed_table_size = 1 << 30
        for at in range(300):
            assert (await peer.ask(path(f"/{at:04}"))).status == 200
        link = link_of(host)
        assert link._h2.encoder.header_table_size == 4096
        assert len(link._h2._closed_streams) + len(link._h2.streams) <= 1100


# ----------------------------------------------------------------------------------------- anything at all


def anything(random: Random) -> bytes:
    """Frames, mostly almost right."""
    made = [PREFACE, SETTINGS]
    encoder = Encoder()
    for _ in range(random.randrange(1, 30)):
        stream = random.choice((0, 1, 1, 3, 5, 7, 2))
        kind = random.choice((0, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, random.randrange(256)))
        payload = random.choice((
            lambda: encoder.encode(random.choice((GET, POST, fields(("x", "y" * random.randrange(300)))))),
            lambda: random.randbytes(random.choice((0, 1, 4, 5, 6, 8, 12, random.randrange(300)))),
            lambda: struct.pack(">HI", random.randrange(10), random.choice((0, 1, 100, 65_535, 1 << 20, 1 << 31)))))()
        flags = random.choice((0, 1, 4, 5, 0x20, 0x28, random.randrange(256)))
        made.append(frame(kind, flags, stream, payload))
    data = bytearray(b"".join(made))
    for _ in range(random.choice((0, 0, 1, 3))):
        data[random.randrange(len(PREFACE), len(data))] = random.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("start", range(0, 200, 50))
async def test_anything_at_all(host: FakeHost, start: int) -> None:
    crashes: list[dict[str, Any]] = []
    host.loop.set_exception_handler(lambda loop, context: crashes.append(context))
    server = serve(host, lambda fd, request: random.choice(("x", None, Mapping(chunked=1), Mapping(status=204))))
    for seed in range(start, start + 50):
        random = Random(seed)
        async with client(server, begins=False) as peer:
            peer.send(anything(random))
            if random.random() < 0.5:
                await host.turn(random.randrange(10))
            else:
                peer.writer.write_eof()
                await peer.end()
        assert crashes == [] and host.errors == [], f"seed {seed}"
    server.handler = lambda fd, request: "last"
    async with client(server) as peer:
        assert (await peer.ask()).body == b"last"
