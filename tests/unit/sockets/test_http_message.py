"""HTTP/1.x messages without a socket."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from typing import Any

import pytest
import zstandard

from efuns.sockets import errors
from efuns.sockets.http import coding as http_coding
from efuns.sockets.http import message
from efuns.sockets.http import static as http_static
from efuns.sockets.http.forms import FormError, read_form
from efuns.sockets.http.message import BadRequestError, Request, RequestReader
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping

LIMITS = Limits()
HOST = b"Host: x\r\n"


def read(data: bytes, limit: int = 1 << 20) -> Request:
    """The one request in some bytes."""
    reader = RequestReader(limit)
    request = reader.read(data)
    assert request is not None
    return request


def mapping(data: bytes, **options: Any) -> Mapping:
    return message.request_mapping(read(data), 7, "1.2.3.4 5", **{"is_secure": False, "limits": LIMITS, **options})


def refusal(data: bytes, limit: int = 1 << 20) -> int:
    """The status some bytes are refused with, fed at once and byte by byte."""
    found = []
    for size in (len(data), 1):
        reader = RequestReader(limit)
        with pytest.raises(BadRequestError) as caught:
            for at in range(0, len(data), size):
                while reader.read(data[at:at + size]) is not None:
                    pass
        found.append(caught.value.status)
    assert found[0] == found[1]
    return found[0]


def post(headers: bytes, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\n" + HOST + headers + b"\r\n" + body


class TestReading:
    def test_a_request(self) -> None:
        request = read(b"GET /a%20b+c?d=e HTTP/1.1\r\nHost: x:80\r\nX-One: 1\r\nx-one: 2\r\n"
                       b"Cookie: a=1\r\nCookie: b=2\r\n\r\n")

        assert (request.method, request.target, request.path, request.query) == ("GET", "/a%20b+c?d=e", "/a b+c", "d=e")
        assert dict(request.headers) == {"host": "x:80", "x-one": "1, 2", "cookie": "a=1; b=2"}
        assert (request.version, request.keeps_alive, request.body) == ("1.1", True, None)

    @pytest.mark.parametrize("size", [1, 2, 7, 100])
    def test_pieces(self, size: int) -> None:
        data = post(b"Transfer-Encoding: chunked\r\n", b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
        reader = RequestReader(100)
        found = [reader.read(data[at:at + size]) for at in range(0, len(data), size)]

        assert [request.body for request in found if request is not None] == [b"abcde"]
        assert found[-1] is not None
        assert "trailer" not in found[-1].headers

    def test_pipelined_requests_wait_as_bytes(self) -> None:
        one = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        reader = RequestReader(100)
        first = reader.read(one * 2000)

        assert first is not None
        assert reader.waiting == len(one) * 2000 - message.SLICE
        rest = 0
        while reader.next() is not None:
            rest += 1
        assert (rest, reader.waiting, reader.has_more) == (1999, 0, False)

    def test_http_1_0(self) -> None:
        assert not read(b"GET / HTTP/1.0\r\n\r\n").keeps_alive
        assert read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").keeps_alive
        assert not read(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").keeps_alive

    def test_absolute_form_decides_on_the_host(self) -> None:
        request = read(b"GET http://other:81?q HTTP/1.1\r\nHost: x\r\n\r\n")

        assert (request.path, request.query, request.headers["host"]) == ("/", "q", "other:81")

    def test_upgrade_nobody_knows_is_ignored(self) -> None:
        reader = RequestReader(100)
        upgrade = b"GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        first = reader.read(upgrade + b"GET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
        second = reader.next()

        assert first is not None and second is not None
        assert (first.path, first.wants_upgrade) == ("/1", True)
        assert (second.path, second.wants_upgrade) == ("/2", False)

    @pytest.mark.parametrize("size", [1, 7, 1000])
    @pytest.mark.parametrize(("head", "body"), [
        (b"Content-Length: 26\r\n", b"GET /2 HTTP/1.1\r\nHost: y\r\n"),
        (b"Transfer-Encoding: chunked\r\n", b"1a\r\nGET /2 HTTP/1.1\r\nHost: y\r\n\r\n0\r\nX-T: t\r\n\r\n")])
    def test_the_body_of_a_request_that_wants_an_upgrade(self, size: int, head: bytes, body: bytes) -> None:
        data = (post(b"Connection: Upgrade\r\nUpgrade: h2c\r\nX-Y: z\r\n" + head, body)
                + b"GET /3 HTTP/1.1\r\nHost: x\r\n\r\n")
        reader = RequestReader(100)
        found = []
        for at in range(0, len(data), size):
            request = reader.read(data[at:at + size])
            while request is not None:
                found.append(request)
                request = reader.next()

        assert [(one.method, one.path, one.body, one.wants_upgrade, one.headers.get("x-y")) for one in found] == [
            ("POST", "/", b"GET /2 HTTP/1.1\r\nHost: y\r\n", False, "z"), ("GET", "/3", None, False, None)]

    def test_a_trailer_is_bounded(self) -> None:
        reader = RequestReader(100)
        assert reader.read(post(b"Transfer-Encoding: chunked\r\n", b"0\r\nX: ")) is None
        with pytest.raises(BadRequestError) as caught:
            for _ in range(100):
                reader.read(b"a" * 1000)
        assert caught.value.status == 431

    def test_a_chunk_extension_is_bounded(self) -> None:
        reader = RequestReader(100)
        assert reader.read(post(b"Transfer-Encoding: chunked\r\n", b"1;x=")) is None
        with pytest.raises(BadRequestError):
            for _ in range(100):
                reader.read(b"a" * 1000)

    def test_continue_is_asked_for_once_the_head_is_there(self) -> None:
        reader = RequestReader(100)
        assert reader.read(post(b"Expect: 100-continue\r\nContent-Length: 3\r\n")) is None
        assert reader.wants_continue
        assert reader.read(b"abc") is not None
        assert not reader.wants_continue

    def test_body_at_the_limit(self) -> None:
        assert read(post(b"Content-Length: 5\r\n", b"abcde"), 5).body == b"abcde"

    def test_requests_before_a_bad_one_are_read(self) -> None:
        reader = RequestReader(100)
        assert reader.read(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nrubbish\r\n\r\n") is not None
        with pytest.raises(BadRequestError):
            reader.next()


@pytest.mark.parametrize("data", [
    post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n"),
    post(b"Content-Length: 4\r\nContent-Length: 4\r\n", b"abcd"),
    post(b"Content-Length: 4\r\nContent-Length: 5\r\n", b"abcd"),
    post(b"Content-Length: 4, 4\r\n", b"abcd"),
    post(b"Content-Length: +4\r\n", b"abcd"),
    post(b"Content-Length: -4\r\n", b"abcd"),
    post(b"Content-Length: 0x4\r\n", b"abcd"),
    post(b"Content-Length: \r\n"),
    post(b"Content-Length: 99999999999999999999999999\r\n"),
    post(b"Content-Length : 4\r\n", b"abcd"),
    post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    post(b"Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n"),
    b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    post(b"Transfer-Encoding: chunked\r\n", b"xyz\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"-3\r\nabc\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"0x3\r\nabc\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"3 \r\nabc\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"3;a\nb\r\nabc\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabcdef\r\n0\r\n\r\n"),
    post(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffffff\r\nabc\r\n"),
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n",
    b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: b\x1b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://user@x/ HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://x/ HTTP/1.1\r\n\r\n",
    b"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])
def test_malformed(data: bytes) -> None:
    assert refusal(data) == 400


@pytest.mark.parametrize(("data", "status"), [
    (post(b"Content-Length: 11\r\n"), 413),
    (post(b"Transfer-Encoding: chunked\r\n", b"b\r\n01234567890\r\n0\r\n\r\n"), 413),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 101 + b"\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"b" * 70_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A" * 80_000, 431),
    (b"GET / HTTP/1.1\r\n" + HOST + (b"A: " + b"b" * 4000 + b"\r\n") * 20 + b"\r\n", 431),
    (post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), 501),
    (post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), 501),
    (b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
    (b"GET / HTTP/1.2\r\nHost: x\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    (post(b"Expect: tea\r\nContent-Length: 3\r\n"), 417),
])
def test_refused(data: bytes, status: int) -> None:
    assert refusal(data, 10) == status


class TestRequestMappings:
    def test_keys(self) -> None:
        made = mapping(b"GET /a?b=1&b=2&c=%C3%A9+x HTTP/1.1\r\nHost: x\r\nCookie: s=\"q\"; t=1; s=no\r\n\r\n",
                       is_secure=True)

        assert {key: value for key, value in made.items() if not isinstance(value, Mapping)} == {
            "id": 7, "method": "GET", "uri": "/a?b=1&b=2&c=%C3%A9+x", "path": "/a", "query": "b=1&b=2&c=%C3%A9+x",
            "version": "HTTP/1.1", "content_length": 0, "addr": "1.2.3.4 5", "tls": 1, "body": ""}
        assert dict(made["query_params"]) == {"b": ["1", "2"], "c": "é x"}
        assert dict(made["cookies"]) == {"s": "q", "t": "1"}

    def test_bodies(self) -> None:
        text = mapping(post(b"Content-Length: 2\r\n", "é".encode()))
        data = mapping(post(b"Content-Length: 2\r\n", b"\xff\0"))

        assert (text["body"], text["content_length"]) == ("é", 2)
        assert isinstance(data["body"], Buffer) and data["body"].data == b"\xff\0"

    def test_text_longer_than_a_string_may_be_is_a_buffer(self) -> None:
        made = mapping(post(b"Content-Length: 3\r\n", b"abc"), limits=Limits(string_length=2))

        assert isinstance(made["body"], Buffer)

    @pytest.mark.parametrize("kind", [b"application/json", b"application/problem+json; charset=utf-8"])
    def test_json(self, kind: bytes) -> None:
        made = mapping(post(b"Content-Length: 13\r\nContent-Type: " + kind + b"\r\n", b'{"a":[1,2.5]}'))

        assert dict(made["json"]) == {"a": [1, 2.5]}

    def test_json_that_is_none(self) -> None:
        made = mapping(post(b"Content-Length: 2\r\nContent-Type: application/json\r\n", b"{]"))

        assert "json" not in made and made["body"] == "{]"

    def test_form(self) -> None:
        kind = b"Content-Type: application/x-www-form-urlencoded\r\n"
        made = mapping(post(b"Content-Length: 11\r\n" + kind, b"a=1&b=%20+c"))

        assert dict(made["form"]) == {"a": "1", "b": "  c"}

    @pytest.mark.parametrize("kind", [b"application/x-www-form-urlencoded", b"multipart/form-data",
                                      b"application/json"])
    def test_a_body_that_is_not_what_its_type_says(self, kind: bytes) -> None:
        made = mapping(post(b"Content-Length: 4000\r\nContent-Type: " + kind + b"\r\n", b"a&" * 2000))

        assert made["body"] == "a&" * 2000
        assert not made.keys() & {"form", "files", "json"}

    def test_too_many_fields(self) -> None:
        with pytest.raises(BadRequestError) as caught:
            message.fields("a&" * 2000)
        assert caught.value.status == 400


class TestForms:
    TYPE = "multipart/form-data; boundary=XX"

    @staticmethod
    def part(disposition: str, data: bytes, more: str = "") -> bytes:
        return f"--XX\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n".encode() + data + b"\r\n"

    def test_fields_and_files(self) -> None:
        body = (self.part('name="a"', b"1") + self.part('name="a"', "é".encode())
                + self.part('name="f"; filename="x.bin"', b"\0--X\r\n\xff", "Content-Type: image/png\r\n")
                + b"--XX--\r\n")
        fields, files = read_form(self.TYPE, body)

        assert dict(fields) == {"a": ["1", "é"]}
        assert (files["f"]["filename"], files["f"]["content_type"]) == ("x.bin", "image/png")
        assert files["f"]["body"].data == b"\0--X\r\n\xff"

    @pytest.mark.parametrize("body", [
        b"", b"nothing", b"--XX\r\n", b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--\r\n",
        b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--XX",
        b"--XX\r\n" + b"A: " + b"x" * 9000 + b"\r\n\r\nx\r\n--XX--\r\n",
        b"".join([b"--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n"] * 1001) + b"--XX--\r\n",
    ])
    def test_malformed(self, body: bytes, caplog: pytest.LogCaptureFixture) -> None:
        with pytest.raises(FormError):
            read_form(self.TYPE, body)
        assert caplog.records == []  # a client must not fill the log

    def test_the_headers_of_a_part_are_bounded(self) -> None:
        body = b"--XX\r\n" + b"".join(b"h%d:\r\n" % number for number in range(2000)) + b"\r\nx\r\n--XX--\r\n"
        with pytest.raises(FormError):
            read_form(self.TYPE, body)

    def test_without_boundary(self) -> None:
        with pytest.raises(FormError):
            read_form("multipart/form-data", b"--XX--\r\n")


class TestAnswers:
    def test_a_mapping(self) -> None:
        headers = Mapping({"X-A": "é", "Set-Cookie": ["a=1", "b=2"], "N": 5})
        given = Mapping(status=201, headers=headers, body=Buffer(b"\xff"), close=1)
        answer = message.read_answer(given, LIMITS, message.HeaderLines())

        assert not isinstance(answer, int)
        assert (answer.status, answer.reason, answer.body) == (201, b"Created", b"\xff")
        assert answer.headers == "X-A: é\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nN: 5\r\n".encode()
        assert (answer.names, answer.content_type) == ({"x-a", "set-cookie", "n"}, "application/octet-stream")
        assert answer.closes and not answer.is_chunked

    def test_what_is_ours_is_left_out(self) -> None:
        given = Mapping({"Content-Length": "5", "CONNECTION": "x", "Transfer-Encoding": "chunked", "date": "now",
                         "a": "b"})

        assert message.header_lines(given) == (b"a: b\r\n", {"a"})

    @pytest.mark.parametrize(("value", "body", "kind"), [
        ("é", "é".encode(), "text/plain; charset=utf-8"), (Buffer(b"\0"), b"\0", "application/octet-stream")])
    def test_whole_answers(self, value: Any, body: bytes, kind: str) -> None:
        answer = message.read_answer(value, LIMITS, message.HeaderLines())

        assert not isinstance(answer, int)
        assert (answer.status, answer.body, answer.content_type) == (200, body, kind)

    def test_json(self) -> None:
        answer = message.read_answer(Mapping(body=Mapping({"a": [1, "x"]})), LIMITS, message.HeaderLines())

        assert not isinstance(answer, int)
        assert (answer.body, answer.content_type) == (b'{"a":[1,"x"]}', "application/json")

    @pytest.mark.parametrize("value", [
        Mapping(status=99), Mapping(status=1000), Mapping(status="200"), Mapping(status=101), Mapping(reason="a\r\nb"),
        Mapping(headers=Mapping({"a": "b\r\nc: d"})), Mapping(headers=Mapping({"a": "b\nc"})),
        Mapping(headers=Mapping({"a": "b\0"})), Mapping(headers=Mapping({"a\r\nb": "c"})),
        Mapping(headers=Mapping({"a: b": "c"})), Mapping(headers=Mapping({"a b": "c"})),
        Mapping(headers=Mapping({"": "c"})), Mapping(headers=Mapping({"a": 1.5})),
        Mapping(headers=Mapping({"a": ["b", "c\rd"]})), Mapping(headers=Mapping({1: "c"})),
        Mapping(headers=Mapping({"a": [["b"]]})), Mapping(body=[object()])])
    def test_bad_content(self, value: Mapping) -> None:
        assert message.read_answer(value, LIMITS, message.HeaderLines()) == errors.EEBADDATA

    def test_known_headers(self) -> None:
        known = message.HeaderLines()
        first = known.of(Mapping({"a": "b"}))

        assert known.of(Mapping({"a": "b"})) is first
        assert known.of(Mapping({"a": ["b"]})) == first
        assert known.of(Mapping({"a": 1})) == (b"a: 1\r\n", {"a"})
        assert known.of(Mapping({"a": 1.0})) is None
        for number in range(600):
            assert known.of(Mapping({"a": str(number)})) == (b"a: %d\r\n" % number, {"a"})

    @pytest.mark.parametrize("value", [0, 1.5, [1], object(), Mapping(body=1.5), Mapping(body=7),
                                       Mapping(headers="a: b")])
    def test_bad_types(self, value: Any) -> None:
        assert message.read_answer(value, LIMITS, message.HeaderLines()) == errors.EETYPENOTSUPP

    def test_head(self) -> None:
        assert message.head(200, b"OK", b"A: b\r\n", b"now", 3, b"Connection: close\r\n") == (
            b"HTTP/1.1 200 OK\r\nA: b\r\nDate: now\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
        assert b"Content-Length" not in message.head(204, b"No Content", b"", b"now", None, b"")

    def test_chunks(self) -> None:
        assert message.chunk(b"a" * 16) == b"10\r\n" + b"a" * 16 + b"\r\n"
        assert message.chunk_bytes([1]) == errors.EETYPENOTSUPP


class TestCodings:
    OFFERED = ("zstd", "br", "gzip", "deflate")

    @pytest.mark.parametrize(("accepted", "coding"), [
        ("", ""), ("gzip", "gzip"), ("deflate, gzip", "gzip"), ("gzip;q=0.5, deflate", "deflate"), ("*", "zstd"),
        ("gzip;q=0, *;q=0", ""), ("GZIP", "gzip"), ("identity", ""), ("gzip;q=x", ""), ("zstd;q=0, *", "br"),
        ("a;b;c,,;", "")])
    def test_choice(self, accepted: str, coding: str) -> None:
        assert http_coding.choose(accepted, self.OFFERED) == coding

    def test_encoding(self) -> None:
        data = b"hello " * 1000
        assert gzip.decompress(http_coding.encode("gzip", data)) == data
        assert zlib.decompress(http_coding.encode("deflate", data)) == data
        assert zstandard.decompress(http_coding.encode("zstd", data)) == data
        brotli = pytest.importorskip("brotli")
        assert brotli.decompress(http_coding.encode("br", data)) == data

    def test_what_is_worth_it(self) -> None:
        assert http_coding.is_compressible("text/html") and http_coding.is_compressible("application/problem+json")
        assert not http_coding.is_compressible("image/png")


class TestStaticFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Any:
        path = tmp_path / "a.txt"
        path.write_bytes(b"0123456789")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        fd = os.open(path, os.O_RDONLY)
        made = http_static.StaticFile(fd, os.fstat(fd), "text/plain")
        yield made
        made.close()

    @pytest.mark.parametrize(("asked", "status", "first", "count"), [
        ("bytes=0-3", 206, 0, 4), ("bytes=4-", 206, 4, 6), ("bytes=-3", 206, 7, 3), ("bytes=-99", 206, 0, 10),
        ("bytes=8-99", 206, 8, 2), ("BYTES = 1-1", 206, 1, 1), ("bytes=10-", 416, 0, 0), ("bytes=-0", 416, 0, 0),
        ("bytes=3-1", 200, 0, 10), ("bytes=-", 200, 0, 10), ("bytes=a-b", 200, 0, 10), ("bytes=0-5,3-8", 200, 0, 10),
        ("bytes=0-1,50-60", 206, 0, 2), ("bytes=50-60,70-80", 416, 0, 0), ("bytes=0-1,x", 200, 0, 10),
        ("bytes=" + ",".join(["0-0"] * 17), 200, 0, 10),
        ("bytes=\u0661-", 200, 0, 10), ("lines=0-1", 200, 0, 10), ("bytes=99999999999999999999-", 200, 0, 10)])
    def test_ranges(self, file: http_static.StaticFile, asked: str, status: int, first: int, count: int) -> None:
        found, fields = http_static.select(file, Mapping({"range": asked}))

        assert (found, file.remaining) == (status, count)
        if status == 206:
            assert file.parts[0].at == first
            assert dict(fields)["Content-Range"] == f"bytes {first}-{first + count - 1}/10"
        if status == 416:
            assert dict(fields)["Content-Range"] == "bytes */10"

    def test_several_ranges(self, file: http_static.StaticFile) -> None:
        status, fields = http_static.select(file, Mapping({"range": "bytes=7-, 0-1,3-4"}))
        kind, boundary = dict(fields)["Content-Type"].split("; boundary=")
        assert (status, kind, "Content-Range" in dict(fields)) == (206, "multipart/byteranges", False)
        expected = "".join(
            f"\r\n--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {extent}/10\r\n\r\n{data}"
            for extent, data in (("7-9", "789"), ("0-1", "01"), ("3-4", "34")))
        assert file.remaining == len(expected) + len(boundary) + 8
        sent = b""
        while piece := file.read(2):
            sent += piece
        assert sent.decode() == expected + f"\r\n--{boundary}--\r\n"
        assert file.remaining == 0

    @pytest.mark.parametrize(("headers", "status"), [
        ({"if-none-match": "TAG"}, 304), ({"if-none-match": 'W/TAG, "x"'}, 304), ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200), ({"if-match": '"x"'}, 412), ({"if-match": "TAG"}, 200),
        ({"if-match": "W/TAG"}, 412),
        ({"if-modified-since": "Sun, 09 Sep 2001 01:46:40 GMT"}, 304),
        ({"if-modified-since": "Sun, 09 Sep 2001 01:46:39 GMT"}, 200), ({"if-modified-since": "rubbish"}, 200),
        ({"if-unmodified-since": "Sun, 09 Sep 2001 01:46:39 GMT"}, 412),
        ({"if-none-match": '"x"', "if-modified-since": "Sun, 09 Sep 2001 01:46:40 GMT"}, 200),
        ({"range": "bytes=0-1", "if-range": "TAG"}, 206), ({"range": "bytes=0-1", "if-range": '"x"'}, 200),
        ({"range": "bytes=0-1", "if-range": "Sun, 09 Sep 2001 01:46:40 GMT"}, 206)])
    def test_conditions(self, file: http_static.StaticFile, headers: dict[str, str], status: int) -> None:
        given = Mapping({name: value.replace("TAG", file.tag) for name, value in headers.items()})

        assert http_static.select(file, given)[0] == status

    def test_mounts(self) -> None:
        mounts = http_static.read_mounts(Mapping({"/": "/www", "/a/": "/x"}))
        assert mounts == (http_static.Mount("/a", "/x"), http_static.Mount("", "/www"))
        assert http_static.mount_of(mounts, "/a/b") == mounts[0]
        assert http_static.mount_of(mounts, "/ab") == mounts[1]
        for bad in (Mapping({"a": "/x"}), Mapping({"/a": "x"}), Mapping({"/a": 1}), Mapping({1: "/x"})):
            assert http_static.read_mounts(bad) is None
