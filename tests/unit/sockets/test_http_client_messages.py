"""What HTTP clients send and read, without any connection."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from yarl import URL

from efuns.sockets import errors
from efuns.sockets.codecs import PIECE, Codecs, CompressedDataError
from efuns.sockets.http import inflate as http_inflate
from efuns.sockets.http.request import (
    Defaults,
    ExchangeError,
    Request,
    header_fields,
    read_request,
    read_target,
    redirect,
)
from lpc.runtime.budget import Limits
from lpc.runtime.values import Mapping

LIMITS = Limits()
DEFAULTS = Defaults(URL("http://example.org/base?x"), CIMultiDict({"User-Agent": "t"}), "Basic eA==")


@pytest.mark.parametrize(("where", "url"), [
    ("example.org 80", "http://example.org/"),
    ("Example.ORG:8080", "http://example.org:8080/"),
    ("[::1]:80", "http://[::1]/"),
    ("::1 81", "http://[::1]:81/"),
    ("0:0:0:0:0:0:0:1 81", "http://[::1]:81/"),
    ("127.1:80", "http://127.0.0.1/"),
    ("0177.0.0.1 80", "http://127.0.0.1/"),
    ("2130706433 80", "http://127.0.0.1/"),
    ("http://0x7f.1/a", "http://127.0.0.1/a"),
    ("http://example.org.", "http://example.org/"),
    ("http://example.org?a=%26b&c;+", "http://example.org/?a=%26b&c;+"),
    ("HTTP://Example.org/%41?b#c", "http://example.org/A?b"),
    ("http://bücher.example/", "http://xn--bcher-kva.example/"),
    ("http://a_b.example:8/", "http://a_b.example:8/"),
])
def test_targets(where: str, url: str) -> None:
    assert str(read_target(where, "http")) == url


@given(st.text(max_size=40))
def test_targets_of_any_text(text: str) -> None:
    for where in (text, f"http://{text}", f"http://{text}/", f"{text} 80", f"http://h/{text}"):
        try:
            url = read_target(where, "http")
        except ExchangeError as error:
            assert error.code == errors.EEBADADDR
            continue
        line = f"{url.raw_host}|{url.raw_path_qs}"
        assert line.isascii() and not any(character <= " " or character == "\x7f" for character in line)


VALUES = st.one_of(st.text(max_size=20), st.integers(), st.floats(), st.lists(st.text(max_size=5), max_size=3))


@given(st.dictionaries(st.one_of(st.text(max_size=10), st.integers()), VALUES, max_size=5))
def test_header_fields_of_anything(fields: dict[Any, Any]) -> None:
    found = header_fields(Mapping(fields))
    for name, value in (found or {}).items():
        assert name.isascii() and name.isprintable() and ":" not in name and " " not in name
        assert not any(character < " " and character != "\t" or character == "\x7f" for character in value)
        value.encode()


@given(st.dictionaries(st.sampled_from(["method", "path", "url", "headers", "body", "json", "id", "stream"]),
                       st.one_of(VALUES, st.dictionaries(st.text(max_size=5), VALUES, max_size=2).map(Mapping))))
def test_requests_of_anything(message: dict[Any, Any]) -> None:
    try:
        request = read_request(Mapping(message), 1, DEFAULTS, LIMITS)
    except ExchangeError as error:
        assert error.code in (errors.EETYPENOTSUPP, errors.EEBADDATA, errors.EEBADADDR)
        return
    assert request.method.isascii() and " " not in request.method
    assert request.url.host == "example.org" or "url" in message


def test_a_request() -> None:
    request = read_request(Mapping(path="//evil.example/x", headers=Mapping({"user-agent": "me"})), 7, DEFAULTS, LIMITS)
    assert (request.number, request.method, str(request.url)) == (7, "GET", "http://example.org//evil.example/x")
    assert dict(request.headers) == {"user-agent": "me", "Authorization": "Basic eA=="}
    request = read_request(Mapping(path="?y=1"), 1, DEFAULTS, LIMITS)
    assert str(request.url) == "http://example.org/base?y=1"
    request = read_request(Mapping(url="http://me:pw@other.example/"), 1, DEFAULTS, LIMITS)
    assert (str(request.url), request.headers["authorization"]) == ("http://other.example/", "Basic bWU6cHc=")
    request = read_request(Mapping(url="http://other.example/"), 1, DEFAULTS, LIMITS)
    assert "authorization" not in request.headers


@pytest.mark.parametrize(("location", "url"), [
    ("/a", "http://example.org/a"), ("b", "http://example.org/x/b"), ("?c", "http://example.org/x/y?c"),
    ("//other.example/d", "http://other.example/d"), ("https://other.example", "https://other.example/"),
    ("http://u:p@127.1/", "http://127.0.0.1/"), ("../../../e#f", "http://example.org/e"),
    ("/ü ", "http://example.org/%C3%BC%20"),
])
def test_where_redirects_lead(location: str, url: str) -> None:
    request = Request(1, "GET", URL("http://example.org/x/y"), CIMultiDict(Cookie="c"), None, streams=False)
    redirect(request, 302, location)
    assert str(request.url) == url
    assert ("cookie" in request.headers) == (request.url.origin() == URL("http://example.org"))


@given(st.text(max_size=60))
def test_redirects_to_any_text(location: str) -> None:
    request = Request(1, "GET", URL("http://example.org/x/y"), CIMultiDict(), None, streams=False)
    try:
        redirect(request, 302, location)
    except ExchangeError as error:
        assert error.code == 302
        return
    assert request.url.scheme in ("http", "https")
    assert request.url.raw_path_qs.isascii() and " " not in request.url.raw_path_qs


# ------------------------------------------------------------------------------------------------- codings


def brotli(data: bytes) -> bytes:
    return bytes(pytest.importorskip("brotli").compress(data))


def zstd(data: bytes) -> bytes:
    return bytes(pytest.importorskip("zstandard").compress(data))


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def twice(data: bytes) -> bytes:
    half = len(data) // 2
    return gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(10)


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress), ("x-gzip", twice), ("deflate", zlib.compress), ("deflate", raw_deflate), ("br", brotli),
    ("zstd", zstd)]


def inflating(coding: str) -> http_inflate.Inflating:
    host: Any = SimpleNamespace(limits=LIMITS)
    found = http_inflate.choose(coding, Codecs(host))
    assert found is not None
    return found


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
@pytest.mark.parametrize("step", [1, 7, 4096, 1 << 30])
def test_codings(coding: str, encode: Callable[[bytes], bytes], step: int) -> None:
    for data in (b"", b"x", b"abc" * 10_000, bytes(PIECE), bytes(2 * PIECE), bytes(1_000_000),
                 random.Random(7).randbytes(20_000)):
        encoded, one = encode(data), inflating(coding)
        assert one.is_ended
        pieces = [piece for at in range(0, len(encoded), step) for piece in one.pieces(encoded[at:at + step])]
        assert b"".join(pieces) == data
        assert one.is_ended
        assert max(map(len, pieces), default=0) <= 2 * PIECE


@pytest.mark.parametrize(("coding", "encode"), CODINGS)
def test_codings_that_are_cut(coding: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(b"abc" * 1000)
    one = inflating(coding)
    for piece in one.pieces(encoded[:-12]):
        assert b"abc".startswith(piece[:1])
    assert not one.is_ended


@pytest.mark.parametrize(("coding", "data"), [
    ("gzip", b"hello, world"), ("gzip", gzip.compress(b"x", mtime=0) + b"evil"), ("deflate", b"x\xffhello"),
    ("deflate", zlib.compress(b"x") + b"evil"), ("br", b"\xff" * 50), ("zstd", b"hello, world")])
def test_codings_that_lie(coding: str, data: bytes) -> None:
    if coding in ("br", "zstd"):
        pytest.importorskip("brotli" if coding == "br" else "zstandard")
    with pytest.raises(CompressedDataError):
        list(inflating(coding).pieces(data))


def test_what_is_accepted() -> None:
    assert http_inflate.accepted().startswith("gzip, deflate")
    host: Any = SimpleNamespace(limits=LIMITS)
    assert http_inflate.choose("identity", Codecs(host)) is None
    assert http_inflate.choose("gzip, gzip", Codecs(host)) is None
