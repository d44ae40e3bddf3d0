"""Modes 7, 8 and 9 in the real driver, with zstd, pigz, gzip, ncat and socat at the other end."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import trustme
from network_world import LOOPS, needs, play, shell, world

STREAM, STREAM_TLS, DATAGRAM = 7, 8, 9
ENCODING, COMPRESSION, CERT, KEY = 41, 42, 3, 4
CLOSED = ["The other end closed the connection", -6]
BAD_DATA = -32

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)
CODECS = pytest.mark.parametrize(("codec", "pack", "unpack"), [
    pytest.param("zstd", "zstd -c", "zstd -dc", marks=needs("zstd")),
    pytest.param("zstd", "zstd -19 --check -c", "zstd -dc", marks=needs("zstd")),
    pytest.param("zlib", "pigz -z -c", "pigz -dcz", marks=needs("pigz")),
    pytest.param("zlib", "pigz -z -9 -c", "pigz -dcz", marks=needs("pigz")),
])


@pytest.fixture(scope="module")
def text() -> str:
    """Half a megabyte of something like text."""
    chance = random.Random(7)
    words = ["".join(chance.choices("aeiounrstlé", k=chance.randrange(2, 10))) for _ in range(2000)]
    return " ".join(chance.choices(words, k=80_000))


@BOTH_LOOPS
@CODECS
@needs("ncat")
def test_a_tool_sends_a_stream(loop: str, mudlib_copy: Path, text: str, codec: str, pack: str, unpack: str) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM, "127.0.0.1 0", {COMPRESSION: codec})

            await shell(f"{pack} | ncat --send-only 127.0.0.1 {port}", text.encode())
            await mud.until(lambda: mud.call("query_end"))

            assert list(mud.call("query_end")) == CLOSED
            assert "".join(mud.parts) == text
            assert max(len(part.encode()) for part in mud.parts) <= 65536 + 3

    play(loop, talk())


@BOTH_LOOPS
@CODECS
@needs("ncat")
def test_a_tool_reads_a_stream(loop: str, mudlib_copy: Path, text: str, codec: str, pack: str, unpack: str) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM, "127.0.0.1 0", {COMPRESSION: codec})
            mud.call("set_greeting", text)

            found = await shell(f"ncat --recv-only 127.0.0.1 {port} | {unpack}")

            assert found.decode() == text

    play(loop, talk())


@BOTH_LOOPS
@pytest.mark.parametrize(("codec", "tool"), [
    pytest.param("zlib", "gzip -c", marks=needs("gzip")), pytest.param("zstd", "gzip -c", marks=needs("gzip")),
    pytest.param("zlib", "zstd -c", marks=needs("zstd")), pytest.param("zstd", "pigz -zc", marks=needs("pigz")),
    ("zstd", "cat"), ("zlib", "cat"),
])
@needs("socat")
def test_another_format_is_reported(loop: str, mudlib_copy: Path, codec: str, tool: str) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM, "127.0.0.1 0", {COMPRESSION: codec})

            await shell(f"{tool} | socat -u - TCP:127.0.0.1:{port}", b"a line\n")
            await mud.until(lambda: mud.call("query_end"))

            assert list(mud.call("query_end")) == [f"Problem with compressed data: not in {codec} format", BAD_DATA]
            assert mud.parts == []

    play(loop, talk())


@BOTH_LOOPS
@CODECS
@needs("socat")
def test_a_stream_that_is_cut(loop: str, mudlib_copy: Path, text: str, codec: str, pack: str, unpack: str) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM, "127.0.0.1 0", {COMPRESSION: codec})

            await shell(f"{pack} | head -c -1 | socat -u - TCP:127.0.0.1:{port}", text.encode())
            await mud.until(lambda: mud.call("query_end"))

            assert list(mud.call("query_end")) == ["truncated", BAD_DATA]
            assert text.startswith("".join(mud.parts))

    play(loop, talk())


@pytest.fixture
def tls(mudlib_copy: Path) -> dict[int, Any]:
    """Options of a TLS server with a certificate for 127.0.0.1."""
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(str(mudlib_copy / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(mudlib_copy / "cert.pem"))
    made.private_key_pem.write_to_path(str(mudlib_copy / "key.pem"))
    return {CERT: "/cert.pem", KEY: "/key.pem"}


@BOTH_LOOPS
@needs("zstd", "socat")
def test_tools_over_tls(loop: str, mudlib_copy: Path, tls: dict[int, Any], text: str) -> None:
    address = f"OPENSSL:127.0.0.1:{{}},cafile={mudlib_copy}/ca.pem"

    async def send() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM_TLS, "127.0.0.1 0", tls)
            await shell(f"zstd -c | socat -u - {address.format(port)}", text.encode())
            await mud.until(lambda: mud.call("query_end"))
            assert ("".join(mud.parts), list(mud.call("query_end"))) == (text, CLOSED)

    async def read() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM_TLS, "127.0.0.1 0", tls)
            mud.call("set_greeting", text)
            assert (await shell(f"socat -u {address.format(port)} - | zstd -dc")).decode() == text

    play(loop, send())
    play(loop, read())


@BOTH_LOOPS
@pytest.mark.parametrize(("codec", "pack"), [
    pytest.param("zstd", "zstd -c", marks=needs("zstd")), pytest.param("zlib", "pigz -zc", marks=needs("pigz")),
])
@needs("socat")
def test_a_tool_sends_packets(loop: str, mudlib_copy: Path, tmp_path: Path, codec: str, pack: str) -> None:
    packet = tmp_path / "packet"

    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", DATAGRAM, "127.0.0.1 0", {COMPRESSION: codec})

            # By way of a file, so that each is read, and sent, at once.
            send = f"cat > {packet} && socat -u -b 65000 OPEN:{packet} UDP4-SENDTO:127.0.0.1:{port}"

            await shell(f"{pack} | {{ {send}; }}", "Zoë\n".encode() * 10_000)
            await shell(send, b"plain text\n")
            await shell(f"{pack} | {{ {send}; }}", b"last\n")
            await mud.until(lambda: len(mud.parts) == 2)

            assert mud.parts == ["Zoë\n" * 10_000, "last\n"]
            assert mud.call("query_dropped") == 1

    play(loop, talk())


@BOTH_LOOPS
@needs("zstd", "socat")
def test_a_bomb_made_by_zstd(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", STREAM, "127.0.0.1 0", {ENCODING: "binary"})

            # socat may not get rid of all of it, and complain.
            await shell("head -c 300M /dev/zero | zstd -c |"
                        f" {{ socat -u - TCP:127.0.0.1:{port} 2>/dev/null || true; }}")
            reason, code = await mud.until(lambda: mud.call("query_end"))

            assert (reason, code) == ("Problem with compressed data: too large when inflated", BAD_DATA)
            assert sum(map(len, mud.parts)) <= 64 << 20

    play(loop, talk())


@BOTH_LOOPS
@needs("zstd", "socat")
def test_a_packet_bomb_made_by_zstd(loop: str, mudlib_copy: Path, tmp_path: Path) -> None:
    packet = tmp_path / "packet"

    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", DATAGRAM, "127.0.0.1 0", {})
            send = f"socat -u -b 65000 OPEN:{packet} UDP4-SENDTO:127.0.0.1:{port}"

            await shell(f"head -c 300M /dev/zero | zstd -c > {packet}; {send}")
            await shell(f"zstd -c > {packet}; {send}", b"good")
            await mud.until(lambda: mud.parts)

            assert mud.parts == ["good"]
            assert mud.call("query_dropped") == 1

    play(loop, talk())
