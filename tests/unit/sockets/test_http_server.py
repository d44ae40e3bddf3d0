"""Modes 20 and 21 over real sockets: the peer is a plain stream, so that every byte can be right or wrong."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trustme

from efuns.sockets import efuns, errors, options
from efuns.sockets.http import server as http_server
from efuns.sockets.http.server import HttpServer, HttpServers, Request
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost
from tests.unit.sockets.http_world import (
    GET,
    HELLO,
    HTTP,
    HTTPS,
    TLS,
    Answer,
    Hands,
    Peer,
    Server,
    client_context,
    issue,
    turns_until,
    warm_up,
)


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


@pytest.fixture
def files(host: FakeHost) -> Path:
    folder = host.files.root / "www"
    folder.mkdir()
    (folder / "a.txt").write_text("0123456789", encoding="utf-8")
    return folder


# ------------------------------------------------------------------------------------------- the basics


async def test_request_and_answer(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    answer = await peer.ask(b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nX-Y: z\r\n\r\n")

    assert (answer.version, answer.status, answer.reason, answer.body) == ("HTTP/1.1", 200, "OK", b"hello")
    assert answer.headers.keys() == {"content-type", "date", "content-length"}
    fd, request, address = host.seen("request")[0]
    assert address == request["addr"] == f"127.0.0.1 {peer.writer.get_extra_info('sockname')[1]}"
    assert (request["path"], request["headers"]["x-y"], request["tls"]) == ("/a", "z", 0)
    assert efuns.socket_status(server.ob, fd)[1:3] == ["DATA_XFER", "HTTP_SERVER"]  # type: ignore[index]
    assert server.codes == [1]
    await peer.close()
    assert (await server.ended())[0] == fd


async def test_keep_alive_and_ids(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    for _ in range(3):
        assert (await peer.ask(GET)).body == b"hello"

    assert len({request["id"] for request in server.requests}) == 3
    assert server.connections == 1
    await peer.close()
    await server.ended()
    assert server.connections == 0


async def test_pipelined_requests_wait_for_their_turn(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(4)))
    for number in range(4):
        fd = await server.asked(number + 1)
        await host.turn(5)
        assert [request["path"] for request in server.requests] == [f"/{at}" for at in range(number + 1)]
        assert server.write(fd, Mapping(body=str(number))) == 1
        assert (await peer.answer()).body == str(number).encode()
    await peer.close()
    await server.ended()


async def test_what_waits_is_bounded(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(GET * 100_000)
    fd = await server.asked()
    connection: Any = host.state(SocketTable).find(fd)
    await turns_until(lambda: connection._is_paused)  # the loop is let run meanwhile
    assert connection._reader.waiting < 2 * http_server.BACKLOG
    peer.reset()
    await host.turn()
    assert server.write(fd, HELLO) == errors.EESEND
    await server.ended()


async def test_answers_nobody_reads_stop_further_requests(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: "x" * 2_000_000).listen()
    peer = await server.peer(limit=1 << 20)
    peer.send(GET * 20)
    await server.asked()
    await host.turn(20)
    assert len(server.requests) < 15
    for _ in range(20):
        assert len((await peer.answer()).body) == 2_000_000
    assert len(server.requests) == 20
    await peer.close()
    await server.ended()


@pytest.mark.parametrize(("request_line", "keeps", "connection"), [
    (b"GET / HTTP/1.1\r\nHost: x\r\n", True, None),
    (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n", False, "close"),
    (b"GET / HTTP/1.0\r\n", False, "close"), (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n", True, "keep-alive")])
async def test_who_ends_the_connection(host: FakeHost, request_line: bytes, keeps: bool, connection: str | None,
                                       ) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    answer = await peer.ask(request_line + b"\r\n")

    assert answer.headers.get("connection") == connection
    if keeps:
        assert (await peer.ask(GET)).status == 200
    else:
        assert await peer.end() == b""
    await peer.close()
    await server.ended()


async def test_lpc_ends_the_connection(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(body="x", close=1)).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()

    assert server.write(fd, "more") == errors.EENOTCONN
    assert (await peer.answer()).headers["connection"] == "close"
    assert await peer.end() == b""
    await peer.close()
    assert (await server.ended())[0] == fd


async def test_write_after_the_answer(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    await peer.ask(GET)
    fd = await server.asked()

    assert server.write(fd, "again") == errors.EEALREADY
    assert server.write(server.fd, "to the listener") == errors.EENOTCONN
    await peer.close()
    await server.ended()
    assert server.write(fd, "late") == errors.EEBADF


async def test_head_and_bodyless_answers(host: FakeHost) -> None:
    def handler(fd: int, request: Mapping) -> Value:
        return Mapping(status=int(request["path"][1:]), body="hello")

    server = Server(host, handler).listen()
    peer = await server.peer()

    head = await peer.ask(b"HEAD /200 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (head.status, head.headers["content-length"]) == (200, "5")
    for status in (204, 304):
        answer = await peer.ask(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % status)
        assert (answer.status, "content-length" in answer.headers) == (status, False)
    assert (await peer.ask(b"GET /599 HTTP/1.1\r\nHost: x\r\n\r\n")).reason == "Unknown"
    assert server.requests[0]["method"] == "HEAD"
    await peer.close()
    await server.ended()


async def test_interim_answer(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(status=103, headers=Mapping(link="</a>"))).listen()
    peer = await server.peer()
    early = await peer.ask(GET)
    assert (early.status, early.headers) == (103, {"link": "</a>"})
    assert server.write(await server.asked(), "done") == 1
    assert (await peer.answer()).body == b"done"
    await peer.close()
    await server.ended()


async def test_no_interim_answer_for_old_clients(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(status=103)).listen()
    peer = await server.peer()
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    assert server.write(await server.asked(), "done") == 1
    assert (await peer.answer()).status == 200
    assert server.codes == [1]
    await peer.close()
    await server.ended()


async def test_bodies(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(body=request["body"])).listen()
    peer = await server.peer()

    assert (await peer.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")).body == b"abc"
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n\xff\0\r\n1\r\nz\r\n0\r\n\r\n"
    answer = await peer.ask(chunked)
    assert (answer.body, answer.headers["content-type"]) == (b"\xff\0z", "application/octet-stream")
    large = b"x" * 1_000_000
    assert (await peer.ask(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + large)).body == large
    await peer.close()
    await server.ended()


async def test_options_for_the_server(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    answer = await peer.ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (answer.status, "GET" in answer.headers["allow"]) == (204, True)
    assert (await peer.ask(b"OPTIONS /a HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"hello"
    await peer.close()
    await server.ended()


async def test_expect_continue(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: request["body"]).listen()
    peer = await server.peer()
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
    assert (await peer.ask(head + b"3\r\n\r\n")).status == 100
    assert (await peer.ask(b"abc")).body == b"abc"
    assert (await peer.ask(head + b"3\r\n\r\nabc")).body == b"abc"  # did not wait for it
    assert (await peer.ask(head + b"99999999\r\n\r\n")).status == 413
    assert await peer.end() == b""
    await peer.close()
    assert (await server.ended())[2] == 413


@pytest.mark.parametrize(("accepted", "coding"), [("gzip", "gzip"), ("deflate", "deflate"), ("zstd", "zstd"),
                                                  ("x", None)])
async def test_content_coding(host: FakeHost, accepted: str, coding: str | None) -> None:
    server = Server(host, lambda fd, request: "hello " * 1000).listen()
    peer = await server.peer()
    answer = await peer.ask(f"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())

    assert (answer.headers.get("content-encoding"), answer.headers["vary"]) == (coding, "Accept-Encoding")
    assert (len(answer.body) < 1000) == (coding is not None)
    await peer.close()
    await server.ended()


async def test_content_coding_is_left_alone(host: FakeHost) -> None:
    answers = [Mapping(body="x" * 2000, headers=Mapping({"ETag": '"1"'})), "x" * 100,
               Mapping(body=Buffer(b"x" * 2000), headers=Mapping({"content-type": "image/png"})),
               Mapping(body="x" * 2000, headers=Mapping({"Content-Encoding": "br"}))]
    server = Server(host, lambda fd, request: answers[int(request["path"][1:])]).listen()
    peer = await server.peer()
    for number in range(4):
        ask = b"GET /%d HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n" % number
        assert (await peer.ask(ask)).headers.get("content-encoding") in (None, "br")
    efuns.socket_set_option(server.ob, server.fd, options.HTTP_COMPRESSION, 0)
    other = await server.peer()
    answers[0] = Mapping(body="x" * 2000)
    plain = await other.ask(b"GET /0 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
    assert plain.headers.keys() == {"content-type", "date", "content-length"}
    await peer.close()
    await other.close()
    await server.ended(2)


async def test_headers_of_the_listener(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(headers=Mapping({"x-b": "own"})),
                    HTTP_HEADERS=Mapping({"X-A": "1", "X-B": "2"})).listen()
    peer = await server.peer()
    answer = await peer.ask(GET)
    assert sorted(answer.fields)[-2:] == [("X-A", "1"), ("x-b", "own")]
    await peer.close()
    await server.ended()


# -------------------------------------------------------------------------------------------- streaming


async def test_streaming(host: FakeHost) -> None:
    events = Mapping(headers=Mapping({"content-type": "text/event-stream"}), chunked=1, body="data: 0\n\n")
    server = Server(host, lambda fd, request: events).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()
    head = Answer(await peer.line_block(), b"")
    assert (head.headers["transfer-encoding"], head.headers["content-type"]) == ("chunked", "text/event-stream")
    assert "content-length" not in head.headers
    for number in range(3):
        assert await peer.reader.readuntil(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
        assert server.write(fd, f"data: {number + 1}\n\n") == 1
    assert server.write(fd, "") == 1
    assert server.write(fd, Mapping(status=200)) == errors.EEALREADY
    assert server.write(fd, [1]) == errors.EETYPENOTSUPP
    assert server.write(fd, Mapping(end=1, body=Buffer(b"bye"))) == 1
    assert await peer.reader.readuntil(b"0\r\n\r\n") == b"9\r\ndata: 3\n\n\r\n3\r\nbye\r\n0\r\n\r\n"
    assert server.write(fd, "more") == errors.EEALREADY
    server.handler = lambda fd, request: HELLO
    assert (await peer.ask(GET)).body == b"hello"
    await peer.close()
    await server.ended()


async def test_streaming_to_old_clients_and_head(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(chunked=1, body="a")).listen()
    old, head = await server.peer(), await server.peer()
    old.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    fd = await server.asked()
    assert server.write(fd, "b") == server.write(fd, Mapping(end=1)) == 1
    answer = await old.answer()
    assert (answer.body, answer.headers["connection"]) == (b"ab", "close")
    head.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    fd = await server.asked(2)
    assert server.write(fd, "b") == server.write(fd, Mapping(end=1)) == 1
    assert (await head.answer(head=True)).headers["transfer-encoding"] == "chunked"
    server.handler = lambda fd, request: HELLO
    assert (await head.ask(GET)).body == b"hello"
    await old.close()
    await head.close()
    await server.ended(2)


async def test_a_stream_whose_reader_goes(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(chunked=1)).listen()
    for vanish in (Peer.close, Peer.reset):
        peer = await server.peer()
        peer.send(GET)
        await peer.line_block()
        before = len(server.ends)
        done = vanish(peer)
        if done is not None:
            await done
        assert (await server.ended(before + 1))[2] == errors.EEBADF


async def test_flow_control_of_a_stream(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(chunked=1), SO_SNDBUF=4096).listen()
    ready: list[int] = []
    server.ob.extra["ready"] = lambda fd: ready.append(fd)
    peer = await server.peer(limit=1024)
    peer.send(GET)
    fd = await server.asked()
    efuns.socket_release(server.ob, fd, server.ob, "take")
    connection: Any = host.state(SocketTable).find(fd)
    connection.write_callback = efuns.callback_for(server.ob, "ready")
    await peer.line_block()
    code, sent = 1, 0
    while code == 1:
        code = server.write(fd, "x" * 100_000)
        sent += 100_000
    assert (code, server.write(fd, "x")) == (errors.EECALLBACK, errors.EEALREADY)
    received = 0
    while not ready:
        async with asyncio.timeout(PATIENCE):
            received += len(await peer.reader.read(65536))
    assert server.write(fd, Mapping(end=1)) in (1, errors.EECALLBACK)
    tail = b""
    while not tail.endswith(b"0\r\n\r\n"):
        async with asyncio.timeout(PATIENCE):
            piece = await peer.reader.read(65536)
        received += len(piece)
        tail = (tail + piece)[-5:]
    assert received > sent
    await peer.close()
    await server.ended()


# ------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(("data", "status"), [
    (b"rubbish\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414), (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200, 431),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501), (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
    (b"GET /?" + b"a&" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 400)])
async def test_bad_requests(host: FakeHost, data: bytes, status: int) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    answer = await peer.ask(data)

    assert (answer.status, answer.headers["connection"], server.requests) == (status, "close", [])
    assert await peer.end() == b""
    await peer.close()
    fd, reason, code = await server.ended()
    assert (code, bool(reason)) == (status, True)


async def test_smuggled_request_is_not_seen(host: FakeHost) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    peer.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 35\r\nTransfer-Encoding: chunked\r\n\r\n"
              b"0\r\n\r\nGET /secret HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await peer.answer()).status == 400
    assert await peer.end() == b""
    assert server.requests == []
    await peer.close()
    await server.ended()


async def test_too_large_an_upload_is_read_to_its_refusal(host: FakeHost) -> None:
    server = Server(host, CONTENT_SIZE_LIMIT=1000).listen()
    peer = await server.peer()
    peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
    peer.send(b"x" * 3_000_000)
    assert (await peer.answer()).status == 413
    await peer.close()
    assert (await server.ended())[2] == 413


@pytest.mark.parametrize("answer", [Mapping(headers=Mapping({"a": "b\r\nSet-Cookie: x"})), Mapping(status=1), 7,
                                    Mapping(reason="\n")])
async def test_answers_that_cannot_be_sent(host: FakeHost, answer: Value) -> None:
    server = Server(host, lambda fd, request: answer).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()
    assert server.codes[0] in (errors.EEBADDATA, errors.EETYPENOTSUPP)
    assert efuns.socket_get_option(server.ob, fd, options.SO_LAST_ERROR)
    assert server.write(fd, "right") == 1  # the request is still there to be answered
    assert (await peer.answer()).body == b"right"
    await peer.close()
    await server.ended()


async def test_what_is_no_answer_is_not_encoded(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: [server.ob]).listen()
    peer = await server.peer()
    peer.send(GET)
    await server.asked()
    assert (server.codes, host.errors) == ([errors.EETYPENOTSUPP], [])
    await peer.close()


@pytest.mark.parametrize("value", [5, [], 0.5])
async def test_lpc_changes_the_headers_it_got(host: FakeHost, value: Value) -> None:
    def handler(fd: int, request: Mapping) -> Value:
        request["headers"]["accept-encoding"] = value
        return "x" * 5000

    server = Server(host, handler).listen()
    peer = await server.peer()
    answer = await peer.ask(GET)
    assert (answer.status, len(answer.body)) == (200, 5000)
    await peer.close()
    await server.ended()


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=\u20ac", "multipart/form-data; boundary*=x''%ff",
                                  "multipart/form-data; \u20ac=x; boundary=\U0001f600"])
async def test_a_form_whose_boundary_is_no_ascii(host: FakeHost, kind: str) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nContent-Length: 4\r\n\r\nabcd"
    assert (await peer.ask(head.encode())).status == 200
    assert "form" not in server.requests[0]
    await peer.close()
    await server.ended()


async def test_a_handler_that_fails(host: FakeHost) -> None:
    def fail(fd: int, request: Mapping) -> Value:
        raise LPCError("*broken\n")

    server = Server(host, fail).listen()
    peer = await server.peer()
    assert (await peer.ask(GET)).status == 500
    server.handler = lambda fd, request: HELLO
    assert (await peer.ask(GET)).body == b"hello"
    assert host.errors == ["*broken\n"]
    host.errors.clear()
    await peer.close()
    await server.ended()


async def test_a_handler_that_fails_within_its_answer(host: FakeHost) -> None:
    def fail(fd: int, request: Mapping) -> Value:
        server.write(fd, Mapping(chunked=1, body="half"))
        raise LPCError("*broken\n")

    server = Server(host, fail).listen()
    peer = await server.peer()
    peer.send(GET)
    assert not (await peer.end()).endswith(b"0\r\n\r\n")
    assert (await server.ended())[2] == 500
    host.errors.clear()
    await peer.close()


async def test_without_a_handler(host: FakeHost) -> None:
    server = Server(host, callback="nobody").listen()
    peer = await server.peer()
    assert (await peer.ask(GET)).status == 500
    assert (await peer.ask(GET)).status == 500
    assert sum("no function nobody()" in line for line in host.logged) == 1
    await peer.close()
    await server.ended()


async def test_peers_that_vanish(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    for count, data in enumerate((b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")):
        peer = await server.peer()
        peer.send(data)
        await host.turn(5)
        await peer.close()
        fd, reason, code = await server.ended(count + 1)
        assert code == errors.EEBADF and reason.startswith("The other end closed")
    assert server.requests == []


async def test_a_peer_that_has_said_everything_gets_its_answer(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(GET * 2)
    peer.writer.write_eof()
    for count in (1, 2):
        fd = await server.asked(count)
        await host.turn(5)
        assert server.write(fd, HELLO) == 1
        assert (await peer.answer()).body == b"hello"
    assert await peer.end() == b""
    await peer.close()
    await server.ended()


async def test_lpc_closes(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()
    assert server.write(fd, HELLO) == 1
    assert efuns.socket_close(server.ob, fd) == 1
    assert (await peer.answer()).body == b"hello"
    assert await peer.end() == b""
    assert server.ends == []
    await peer.close()


async def test_lpc_closes_within_the_request(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: efuns.socket_close(server.ob, fd) and None).listen()
    peer = await server.peer()
    peer.send(GET * 2)
    assert await peer.end() == b""
    assert (len(server.requests), server.ends) == (1, [])
    await peer.close()


async def test_owner_goes(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(GET)
    await server.asked()
    host.destruct(server.ob)
    assert await peer.end() == b""
    assert server.ends == []
    await peer.close()


# ------------------------------------------------------------------------------------------------- time


async def test_no_answer_in_time(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()
    Hands.expire(host, fd)
    assert (await peer.answer()).status == 504
    assert server.write(fd, "late") == errors.EENOTCONN
    assert await peer.end() == b""
    await peer.close()
    assert (await server.ended())[2] == 504


async def test_time_is_up_as_the_connection_is_found_broken(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    peer = await server.peer()
    peer.send(b"GET / HTTP/1.0\r\n\r\n")
    fd = await server.asked()
    connection: Any = host.state(SocketTable).find(fd)
    connection.stop_reading()
    peer.reset()
    await host.turn()
    assert server.write(fd, HELLO) == errors.EESEND
    Hands.expire(host, fd)
    assert (await server.ended())[2] == errors.EESEND


@pytest.mark.parametrize("data", [b"G", b"GET / HTTP/1.1\r\nHost:",
                                  b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
async def test_slow_requests(host: FakeHost, data: bytes) -> None:
    server = Server(host).listen()
    peer = await server.peer()
    peer.send(data)
    await turns_until(lambda: server.connections)
    connection: Any = host.state(SocketTable).find(1)
    await turns_until(lambda: connection._reading)
    Hands.expire(host, 1)
    assert (await peer.answer()).status == 408
    assert await peer.end() == b""
    await peer.close()
    assert (await server.ended())[2] == 408


async def test_deadline_of_a_body_moves_with_it(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: "got it").listen()
    peer = await server.peer()
    peer.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
    await turns_until(lambda: server.connections)
    connection: Any = host.state(SocketTable).find(1)
    await turns_until(lambda: connection._reading)
    connection._due = 1.0
    peer.send(b"x" * 1000)
    await turns_until(lambda: connection._reader.progress == 1000)
    assert connection._due == 1.0
    peer.send(b"x" * 50_000)
    await turns_until(lambda: connection._reader.progress == 51_000)
    assert connection._due > 1.0
    peer.send(b"x" * 49_000)
    assert (await peer.answer()).body == b"got it"
    await peer.close()
    await server.ended()


async def test_idle_connections_end_silently(host: FakeHost) -> None:
    server = Server(host).listen()
    fresh, used = await server.peer(), await server.peer()
    await used.ask(GET)
    await turns_until(lambda: server.connections == 2)
    for fd in (1, 2):
        Hands.expire(host, fd)
    assert await fresh.end() == await used.end() == b""
    assert {args[1] for args in server.ends} == {"The connection was idle"}
    await fresh.close()
    await used.close()


async def test_readers_that_stall(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: "x" * 8_000_000, SO_SNDBUF=4096).listen()
    peer = await server.peer(limit=1024)
    peer.send(GET)
    fd = await server.asked()
    await host.turn(10)
    Hands.expire(host, fd)  # something has been taken since the last look, or it is the first
    assert server.ends == []
    Hands.expire(host, fd)
    assert (await server.ended())[2] == errors.EESEND
    await peer.close()


async def test_a_silent_stream_lives_on(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(chunked=1)).listen()
    peer = await server.peer()
    peer.send(GET)
    fd = await server.asked()
    for _ in range(3):
        Hands.expire(host, fd)
    assert server.write(fd, Mapping(end=1)) == 1
    await peer.answer()
    await peer.close()
    await server.ended()


async def test_lingering_ends(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: Mapping(close=1)).listen()
    peer = await server.peer()
    await peer.ask(GET)
    assert await peer.end() == b""
    peer.send(b"more" * 1000)  # dropped
    await host.turn(5)
    assert server.ends == []
    Hands.expire(host, 1)
    await server.ended()
    await peer.close()


# -------------------------------------------------------------------------------- accepting and leaving


async def test_accepting_by_callback(host: FakeHost) -> None:
    def waiting(fd: int) -> int:
        made.append(efuns.socket_accept(server.ob, fd, "request", "ready"))
        return 0

    made: list[int] = []
    server = Server(host)
    server.ob.extra.update(waiting=waiting, ready=lambda fd: 0)
    assert efuns.socket_listen(server.ob, server.fd, "waiting") == 1
    peer = await server.peer()
    assert (await peer.ask(GET)).body == b"hello"
    assert (made, host.seen("ready")) == ([1], [])
    await peer.close()
    assert (await server.ended())[0] == 1


async def test_master_refuses_a_connection(host: FakeHost) -> None:
    server = Server(host).listen()
    host.valid_socket = lambda ob, verb, info: verb != "accept"
    peer = await server.peer()
    with suppress(ConnectionError):
        assert await peer.end() == b""
    assert server.connections == 0
    await peer.close()


async def test_connections_wait_for_a_descriptor(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> None:
    host = FakeHost(loop, tmp_path, sockets=2)
    server = Server(host).listen()
    first, second = await server.peer(), await server.peer()
    assert (await first.ask(GET)).status == 200
    second.send(GET)
    await first.close()
    assert (await second.answer()).status == 200
    await second.close()
    await server.ended(2)
    for state in host._states.values():
        if hasattr(state, "close"):
            state.close()


async def test_closing_the_listener_lets_requests_end(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    busy, idle = await server.peer(), await server.peer()
    busy.send(GET)
    fd = await server.asked()
    await turns_until(lambda: server.connections == 2)
    assert efuns.socket_close(server.ob, server.fd) == 1
    assert await idle.end() == b""
    assert server.write(fd, HELLO) == 1
    answer = await busy.answer()
    assert (answer.body, answer.headers["connection"]) == (b"hello", "close")
    assert await busy.end() == b""
    await idle.close()
    await busy.close()
    await server.ended(2)


async def test_draining(host: FakeHost) -> None:
    server = Server(host, lambda fd, request: None).listen()
    busy, idle = await server.peer(), await server.peer()
    busy.send(GET)
    fd = await server.asked()
    await turns_until(lambda: server.connections == 2)
    draining = asyncio.ensure_future(host.state(HttpServers).drain())
    assert await idle.end() == b""
    await host.turn()
    assert not draining.done()
    server.write(fd, HELLO)
    assert (await busy.answer()).headers["connection"] == "close"
    await busy.close()
    await idle.close()
    await asyncio.wait_for(draining, PATIENCE)
    await server.ended(2)


async def test_thousands_of_idle_connections(host: FakeHost) -> None:
    server = Server(host).listen()
    peers = [await server.peer() for _ in range(400)]
    for peer in peers:
        peer.send(GET)
    for peer in peers:
        assert (await peer.answer()).status == 200
    assert server.connections == 400
    for peer in peers:
        await peer.close()
    await server.ended(400)


# -------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def certificate(host: FakeHost) -> trustme.CA:
    return issue(host)


@pytest.mark.parametrize("mode", [HTTP, HTTPS])
async def test_tls(host: FakeHost, certificate: trustme.CA, mode: int) -> None:
    server = Server(host, lambda fd, request: Mapping(body=request["body"], close=int(request["path"] == "/last")),
                    mode=mode, **TLS).listen()
    peer = await server.peer(ssl=client_context(certificate), server_hostname="localhost")
    assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    large = b"x" * 900_000
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n" + large
    assert (await peer.ask(post)).body == large
    assert (await peer.ask(GET)).status == 200
    assert (await peer.ask(b"GET /last HTTP/1.1\r\nHost: x\r\n\r\n")).headers["connection"] == "close"
    assert await peer.end() == b""
    assert server.requests[0]["tls"] == 1
    await peer.close()
    await server.ended()


async def test_https_without_a_certificate(host: FakeHost) -> None:
    server = Server(host, mode=HTTPS)
    assert efuns.socket_listen(server.ob, server.fd) == errors.EELISTEN
    assert "SO_TLS_CERT" in efuns.socket_get_option(server.ob, server.fd, options.SO_LAST_ERROR)


async def test_https_with_a_bad_certificate(host: FakeHost) -> None:
    (host.files.root / "cert.pem").write_text("rubbish", encoding="utf-8")
    (host.files.root / "key.pem").write_text("rubbish", encoding="utf-8")
    server = Server(host, mode=HTTPS, **TLS)
    assert efuns.socket_listen(server.ob, server.fd) == errors.EELISTEN


async def test_plain_text_to_https(host: FakeHost, certificate: trustme.CA) -> None:
    server = Server(host, mode=HTTPS, **TLS).listen()
    peer = await server.peer()
    peer.send(GET)
    with suppress(ConnectionError):
        assert b"HTTP" not in await peer.end()
    await server.ended()
    assert server.requests == []
    await peer.close()


async def test_tls_handshake_that_never_ends(host: FakeHost, certificate: trustme.CA) -> None:
    server = Server(host, mode=HTTPS, **TLS).listen()
    peer = await server.peer()
    await turns_until(lambda: server.connections)
    Hands.expire(host, 1)
    assert (await server.ended())[1] == "Timeout in the TLS handshake"
    await peer.close()


# -------------------------------------------------------------------------------------------- the files


async def test_static_files(host: FakeHost, files: Path) -> None:
    server = Server(host, HTTP_STATIC=Mapping({"/assets": "/www"})).listen()
    (files / "sub").mkdir()
    (files / "sub" / "index.html").write_text("<p>", encoding="utf-8")
    peer = await server.peer()

    answer = await peer.ask(b"GET /assets/a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (answer.body, answer.headers["content-type"]) == (b"0123456789", "text/plain; charset=utf-8")
    tag = answer.headers["etag"].encode()
    head = await peer.ask(b"HEAD /assets/a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert head.headers["content-length"] == "10"
    known = await peer.ask(b"GET /assets/a.txt HTTP/1.1\r\nHost: x\r\nIf-None-Match: " + tag + b"\r\n\r\n")
    assert (known.status, known.headers["etag"]) == (304, tag.decode())
    part = await peer.ask(b"GET /assets/a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=2-4\r\n\r\n")
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    none = await peer.ask(b"GET /assets/a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=20-\r\n\r\n")
    assert (none.status, none.body, none.headers["content-range"]) == (416, b"", "bytes */10")
    assert (await peer.ask(b"GET /assets/sub/ HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"<p>"
    moved = await peer.ask(b"GET /assets/sub?a=b HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (moved.status, moved.headers["location"]) == (301, "/assets/sub/?a=b")
    assert server.requests == []
    assert (await peer.ask(b"POST /assets/a.txt HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")).body == b"hello"
    assert (await peer.ask(b"GET /assetsx HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"hello"
    await peer.close()
    await server.ended()


@pytest.mark.parametrize("path", [
    "/../secret", "/%2e%2e/secret", "/..%2fsecret", "/sub/../../secret", "//secret", "/.hidden", "/.git/config",
    "/a.txt/",
    "/a.txt/b", "/link", "/linked/secret", "/outside", "/fifo", "/missing", "/%5c..%5csecret", "/a%0a.txt",
    "/denied.txt",
    "//evil.example/..", "/" + "a/" * 2000, "/" + "a" * 300])
async def test_what_static_files_do_not_give(host: FakeHost, files: Path, path: str) -> None:
    (host.files.root / "secret").write_text("secret", encoding="utf-8")
    (files / ".hidden").write_text("secret", encoding="utf-8")
    (files / "denied.txt").write_text("secret", encoding="utf-8")
    (files / "link").symlink_to(host.files.root / "secret")
    (files / "linked").symlink_to(host.files.root)
    (files / "outside").symlink_to("/etc/passwd")
    os.mkfifo(files / "fifo")
    host.files.denied.add("/www/denied.txt")
    server = Server(host, HTTP_STATIC=Mapping({"/": "/www"})).listen()
    peer = await server.peer()
    answer = await peer.ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert (answer.status, server.requests) == (404, [])
    assert (await peer.ask(b"GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"0123456789"
    await peer.close()
    await server.ended()


async def test_large_files_leave_in_pieces(host: FakeHost, files: Path) -> None:
    size = 30_000_000
    with (files / "large.bin").open("wb") as file:
        file.truncate(size)
    server = Server(host, HTTP_STATIC=Mapping({"/": "/www"})).listen()
    peer = await server.peer(limit=65536)
    peer.send(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
    assert Answer(await peer.line_block(), b"").headers["content-length"] == str(size)
    connection: Any = host.state(SocketTable).find(1)
    received = most = 0
    while received < size:
        received += len(await peer.reader.read(min(65536, size - received)))
        most = max(most, connection.queued)
    assert most <= 128 << 10
    assert (await peer.answer()).body == b"0123456789"
    await peer.close()
    await server.ended()


async def test_a_file_that_shrinks_while_it_is_sent(host: FakeHost, files: Path) -> None:
    with (files / "large.bin").open("wb") as file:
        file.truncate(30_000_000)
    server = Server(host, HTTP_STATIC=Mapping({"/": "/www"})).listen()
    peer = await server.peer(limit=65536)
    peer.send(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    await peer.line_block()
    os.truncate(files / "large.bin", 10)
    with suppress(ConnectionError):
        assert len(await peer.end()) < 30_000_000
    assert (await server.ended())[2] == errors.EESEND
    await peer.close()


async def test_a_reader_that_goes_while_a_file_is_sent(host: FakeHost, files: Path) -> None:
    with (files / "large.bin").open("wb") as file:
        file.truncate(30_000_000)
    server = Server(host, HTTP_STATIC=Mapping({"/": "/www"})).listen()
    peer = await server.peer(limit=65536)
    peer.send(b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    await peer.line_block()
    peer.reset()
    await server.ended()


# ------------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(("option", "value"), [
    ("HTTP_STATIC", Mapping({"a": "/b"})), ("HTTP_STATIC", Mapping({"/a": 7})),
    ("HTTP_HEADERS", Mapping({"a": "b\nc"})),
    ("HTTP_TRUSTED_PROXIES", ["x"]), ("HTTP_TRUSTED_PROXIES", [7]), ("HTTP_TIMEOUT", 10), ("CONTENT_SIZE_LIMIT", -1)])
async def test_bad_options(host: FakeHost, option: str, value: Value) -> None:
    server = Server(host)
    with pytest.raises(LPCError, match=option):
        efuns.socket_set_option(server.ob, server.fd, getattr(options, option), value)
    assert efuns.socket_get_option(server.ob, server.fd, getattr(options, option)) is not value


@pytest.mark.parametrize(("trusted", "headers", "address", "tls"), [
    ([], "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", 0),
    (["10.0.0.0/8"], "X-Forwarded-For: 9.9.9.9\r\n", "127.0.0.1", 0),
    (["127.0.0.0/8"], "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n", "9.9.9.9", 1),
    (["127.0.0.1"], "X-Forwarded-For: 6.6.6.6, 9.9.9.9\r\n", "9.9.9.9", 0),
    (["127.0.0.1", "9.9.9.9"], "X-Forwarded-For: rubbish, 2001:db8::1, 9.9.9.9\r\n", "2001:db8::1", 0),
    (["127.0.0.1"], "X-Forwarded-For: rubbish\r\n", "127.0.0.1", 0), (["127.0.0.1"], "", "127.0.0.1", 0)])
async def test_proxies(host: FakeHost, trusted: list[str], headers: str, address: str, tls: int) -> None:
    server = Server(host, HTTP_TRUSTED_PROXIES=trusted).listen()
    peer = await server.peer()
    await peer.ask(f"GET / HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    fd, request, told = host.seen("request")[0]
    assert (told.split(" ")[0], told, request["tls"]) == (address, request["addr"], tls)
    await peer.close()
    await server.ended()


async def test_what_the_mode_cannot_do(host: FakeHost) -> None:
    server = Server(host)
    assert efuns.socket_connect(server.ob, server.fd, "127.0.0.1 1", 0, 0) == errors.EEMODENOTSUPP
    assert efuns.socket_accept(server.ob, server.fd, "a", "b") == errors.EENOTLISTN
    with pytest.raises(LPCError):
        efuns.socket_bind(server.ob, efuns.socket_create(server.ob, HTTP, "request"), "a path")


async def test_only_so_many_connections(host: FakeHost) -> None:
    server = Server(host, SO_MAX_CONNECTIONS=2).listen()
    first, second, third = await server.peer(), await server.peer(), await server.peer()
    assert (await first.ask(GET)).status == (await second.ask(GET)).status == 200
    third.send(GET)
    await host.turn(10)
    assert (len(server.requests), server.connections) == (2, 2)
    await first.close()
    assert (await third.answer()).status == 200  # it has waited
    await second.close()
    await third.close()
    await server.ended(3)


async def test_several_ranges_of_a_file(host: FakeHost, files: Path) -> None:
    server = Server(host, HTTP_STATIC=Mapping({"/": "/www"})).listen()
    peer = await server.peer()
    answer = await peer.ask(b"GET /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1,8-\r\n\r\n")
    assert answer.status == 206
    kind, boundary = answer.headers["content-type"].split("; boundary=")
    assert kind == "multipart/byteranges"
    parts = answer.body.split(f"\r\n--{boundary}".encode())
    assert [part.partition(b"\r\n\r\n")[2] for part in parts[1:-1]] == [b"01", b"89"]
    assert (parts[0], parts[-1]) == (b"", b"--\r\n")
    head = await peer.ask(b"HEAD /a.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1,8-\r\n\r\n")
    assert int(head.headers["content-length"]) == len(answer.body)
    await peer.close()
    await server.ended()


class Echo:
    """A protocol that takes connections over: it says everything again."""

    def __init__(self, connection: HttpServer) -> None:
        self.connection = connection
        self.events: list[str] = []
        self.is_busy = False

    def received(self, data: bytes) -> None:
        self.connection.transmit(data)

    def drained(self) -> None:
        self.events.append("drained")

    def ended(self) -> None:
        self.events.append("ended")
        self.connection.leave_after("It said goodbye", 7)

    def look(self) -> float | None:
        self.events.append("look")
        return self.connection._now() + 60

    def leave(self) -> None:
        self.events.append("leave")

    def last_bytes(self) -> bytes:
        return b"bye"

    def shut(self) -> None:
        self.events.append("shut")


async def test_another_protocol_takes_over(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Echo] = []

    def take(connection: HttpServer, request: Request) -> bool:
        if request.headers["upgrade"] != "echo":
            return False
        made.append(Echo(connection))
        connection.transmit(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        made[-1].received(connection.hand_over(made[-1]))
        return True

    monkeypatch.setattr(HttpServer, "on_upgrade", take)
    server = Server(host).listen()
    peer = await server.peer()
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: %b\r\n\r\n"
    assert (await peer.ask(ask % b"other")).body == b"hello"
    peer.send(ask % b"echo" + b"GET no HTTP")
    assert (await peer.answer(head=True)).status == 101
    assert await peer.reader.readexactly(11) == b"GET no HTTP"
    peer.send(b"more")
    assert await peer.reader.readexactly(4) == b"more"
    Hands.expire(host, 1)
    efuns.socket_close(server.ob, server.fd)
    peer.writer.write_eof()
    assert await peer.end() == b""
    assert (await server.ended())[1:] == ("It said goodbye", 7)
    assert made[0].events == ["look", "leave", "ended", "shut"]
    await peer.close()


async def test_lpc_closes_what_was_taken_over(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def take(connection: HttpServer, request: Request) -> bool:
        connection.hand_over(Echo(connection))
        return True

    monkeypatch.setattr(HttpServer, "on_upgrade", take)
    server = Server(host).listen()
    peer = await server.peer()
    peer.send(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
    await turns_until(lambda: server.connections and host.state(SocketTable).find(1)._phase == "TAKEN")
    efuns.socket_close(server.ob, 1)
    assert await peer.end() == b"bye"
    await peer.close()
