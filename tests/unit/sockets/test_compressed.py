"""Modes 7, 8 and 9: both codecs, over TCP, TLS and UDP, with peers made of zlib and zstandard themselves."""

from __future__ import annotations

import asyncio
import errno
import random
import socket
import ssl
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import zstandard

from efuns.sockets import efuns, errors, options
from efuns.sockets.codecs import PIECE, Codecs
from efuns.sockets.modes import ROWS
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost

STREAM, STREAM_TLS, DATAGRAM = 7, 8, 9
BOTH = pytest.mark.parametrize("codec", ["zstd", "zlib"])
STREAMS = pytest.mark.parametrize("mode", [STREAM, STREAM_TLS])
PROBLEM = "Problem with compressed data: "
PEER_CLOSED = "The other end closed the connection"
MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, and cert.pem and key.pem for 127.0.0.1 and mud.example."""
    return make_certificate(tmp_path_factory.mktemp("certificate"), "127.0.0.1", "mud.example")


@pytest.fixture(scope="module")
def other_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that names another address."""
    return make_certificate(tmp_path_factory.mktemp("other"), "127.0.0.2", "mud.example")


def make_certificate(folder: Path, *names: str) -> Path:
    authority = trustme.CA()
    made = authority.issue_cert(*names)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    made.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
    made.private_key_pem.write_to_path(str(folder / "key.pem"))
    return folder


class End:
    """An object with one compressed connection; what its callbacks were told."""

    def __init__(self, host: FakeHost, ob: LPCObject, fd: int) -> None:
        self.host, self.ob, self.fd = host, ob, fd
        assert fd >= 0

    def write(self, message: Any, address: str | None = None) -> int:
        return efuns.socket_write(self.ob, self.fd, message, address)

    def set(self, option: int, value: Any) -> None:
        assert efuns.socket_set_option(self.ob, self.fd, option, value) == 1

    def close(self) -> None:
        assert efuns.socket_close(self.ob, self.fd) == 1

    @property
    def pieces(self) -> list[Any]:
        return [bytes(args[1].data) if isinstance(args[1], Buffer) else args[1]
                for call in self.host.calls if call.ob is self.ob and call.function == "data"
                for args in (call.args,) if args[0] == self.fd]

    @property
    def got(self) -> Any:
        pieces = self.pieces
        return b"".join(pieces) if pieces and isinstance(pieces[0], bytes) else "".join(pieces)

    @property
    def end(self) -> list[tuple[str, int]]:
        """Reason and code of the third callback, if it was called."""
        return [call.args[1:] for call in self.host.calls if call.ob is self.ob and call.function == "ended"]

    @property
    def state(self) -> str:
        found: Any = efuns.socket_status(self.ob, self.fd)
        return str(found[1])

    async def until_got(self, size: int) -> Any:
        await self.host.until(lambda: len(self.got) >= size or self.end)
        return self.got

    async def until_end(self) -> tuple[str, int]:
        await self.host.until(lambda: self.end)
        return self.end[0]


class World:
    """A listening socket of a mode, and ways to connect to it."""

    def __init__(self, host: FakeHost, mode: int, certificate: Path, codec: str) -> None:
        self.host, self.mode, self.codec, self.certificate = host, mode, codec, certificate
        for name in ("ca.pem", "cert.pem", "key.pem"):
            (host.files.root / name).write_bytes((certificate / name).read_bytes())
        self.ob = host.object(data=lambda *args: None, ready=lambda fd: None, ended=lambda *args: None)
        self.accepted: list[End] = []
        self.ob.extra["caller"] = self._accept
        self.fd = self._create(self.ob)
        self._set(self.ob, self.fd, options.SO_TLS_CERT, "/cert.pem")
        self._set(self.ob, self.fd, options.SO_TLS_KEY, "/key.pem")
        assert efuns.socket_bind(self.ob, self.fd, 0, "127.0.0.1 0") == 1
        assert efuns.socket_listen(self.ob, self.fd, "caller") == 1

    def _create(self, ob: LPCObject) -> int:
        fd = efuns.socket_create(ob, self.mode, "data", "ended")
        if self.codec != "zstd":
            assert efuns.socket_set_option(ob, fd, options.SO_COMPRESSION, self.codec) == 1
        return fd

    def _set(self, ob: LPCObject, fd: int, option: int, value: Any) -> None:
        if self.mode == STREAM_TLS:
            assert efuns.socket_set_option(ob, fd, option, value) == 1

    def _accept(self, fd: int) -> None:
        self.accepted.append(End(self.host, self.ob, efuns.socket_accept(self.ob, fd, "data", "ready")))

    @property
    def address(self) -> str:
        found = efuns.socket_address(self.ob, self.fd, 1)
        assert isinstance(found, str)
        return found

    def client(self, address: str | None = None, **callbacks: Callable[..., Any]) -> End:
        """A client in LPC that believes our certificate."""
        functions = {"data": lambda *args: None, "up": lambda fd: None, "ended": lambda *args: None}
        ob = self.host.object(**(functions | callbacks))
        fd = self._create(ob)
        self._set(ob, fd, options.TLS_CA_BUNDLE, "/ca.pem")
        assert efuns.socket_connect(ob, fd, address or self.address, "data", "up") == 1
        return End(self.host, ob, fd)

    async def pair(self) -> tuple[End, End]:
        """A client and its accepted connection, both up."""
        client = self.client()
        await self.host.until(lambda: self.accepted and client.write("") == 1)
        await self.host.until(lambda: self.accepted[0].state == "DATA_XFER")
        return client, self.accepted[0]


@pytest.fixture
def worlds(host: FakeHost, certificate: Path) -> Callable[[int, str], World]:
    return lambda mode, codec: World(host, mode, certificate, codec)


class Raw:
    """A peer in a thread: a plain (or TLS) blocking socket driven by what the test says."""

    def __init__(self, address: str, certificate: Path | None = None) -> None:
        host, port = address.split()
        self.wire = socket.create_connection((host, int(port)), timeout=20)
        self.certificate = certificate
        self.received = b""
        self.thread: threading.Thread | None = None

    def run(self, *, send: bytes = b"", shut: bool = False) -> Raw:
        """Send, perhaps end the sending half, and read until the other end is done."""
        self.thread = threading.Thread(target=self._run, args=(send, shut), daemon=True)
        self.thread.start()
        return self

    def _run(self, send: bytes, shut: bool) -> None:
        try:
            if self.certificate is not None:
                context = ssl.create_default_context(cafile=str(self.certificate / "ca.pem"))
                self.wire = context.wrap_socket(self.wire, server_hostname="127.0.0.1")
            self.wire.sendall(send)
            if shut:
                self.wire.shutdown(socket.SHUT_WR)
            while data := self.wire.recv(65536):
                self.received += data
        except OSError:
            pass

    async def done(self) -> bytes:
        """All that arrived, once the other end is done."""
        assert self.thread is not None
        await asyncio.to_thread(self.thread.join, 20)
        return self.received

    def stop(self) -> None:
        try:
            self.wire.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread is not None:
            self.thread.join(20)
        self.wire.close()


@pytest.fixture
def raw(host: FakeHost) -> Iterator[Callable[..., Raw]]:
    made: list[Raw] = []

    def make(*args: Any) -> Raw:
        made.append(Raw(*args))
        return made[-1]

    yield make
    for peer in made:
        peer.stop()


def packed(codec: str, *messages: bytes) -> bytes:
    """What a peer sends that flushes after each message and ends its stream."""
    if codec == "zlib":
        stream: Any = zlib.compressobj()
        return b"".join(stream.compress(each) + stream.flush(zlib.Z_SYNC_FLUSH) for each in messages) + stream.flush()
    stream = zstandard.ZstdCompressor().compressobj()
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    return b"".join(stream.compress(each) + stream.flush(flush) for each in messages) + bytes(stream.flush())


def unpacked(codec: str, data: bytes) -> bytes:
    """What a peer reads; fails where the stream is not whole."""
    stream: Any = zlib.decompressobj() if codec == "zlib" else zstandard.ZstdDecompressor().decompressobj()
    found = bytes(stream.decompress(data))
    assert stream.eof
    assert stream.unused_data == b""
    return found


# --------------------------------------------------------------------------------- streams, both in LPC


@BOTH
@STREAMS
async def test_messages_in_both_directions(worlds: Callable[..., World], mode: int, codec: str) -> None:
    client, server = await worlds(mode, codec).pair()

    for number in range(5):
        assert client.write(f"to server {number}\n") == 1
        assert server.write(Buffer(f"to client {number}\n".encode())) == 1
        assert (await server.until_got(12 * (number + 1))).endswith(f"to server {number}\n")
        assert (await client.until_got(12 * (number + 1))).endswith(f"to client {number}\n")
    client.write("last words")
    client.close()

    assert await server.until_end() == (PEER_CLOSED, errors.EEBADF)
    assert server.got.endswith("last words")
    assert client.end == []
    assert server.state == "CLOSED"


@BOTH
@STREAMS
async def test_a_large_message_arrives_whole_in_pieces(worlds: Callable[..., World], mode: int, codec: str) -> None:
    client, server = await worlds(mode, codec).pair()
    words = random.Random(4)
    text = " ".join(words.randbytes(4).hex() for _ in range(150_000)) + "Zoë 🐉" * 1000

    assert client.write(text) in (1, errors.EECALLBACK)

    assert await server.until_got(len(text)) == text
    assert max(len(piece.encode()) for piece in server.pieces) <= PIECE + 3
    assert len(server.pieces) > 10


@BOTH
async def test_binary(worlds: Callable[..., World], codec: str) -> None:
    client, server = await worlds(STREAM, codec).pair()
    data = random.Random(1).randbytes(300_000)

    server.set(options.SO_ENCODING, "binary")
    client.write(Buffer(data))
    assert await server.until_got(len(data)) == data
    assert max(map(len, server.pieces)) <= PIECE
    assert efuns.socket_get_option(client.ob, client.fd, options.SO_ENCODING) == "text"


async def test_accepted_connections_have_the_listeners_options(worlds: Callable[..., World]) -> None:
    world = worlds(STREAM, "zlib")
    efuns.socket_set_option(world.ob, world.fd, options.SO_ENCODING, "binary")
    client, server = await world.pair()

    client.write("é")

    assert await server.until_got(2) == "é".encode()
    assert efuns.socket_get_option(server.ob, server.fd, options.SO_COMPRESSION) == "zlib"


@BOTH
async def test_a_character_cut_in_two_arrives_whole(worlds: Callable[..., World], codec: str) -> None:
    client, server = await worlds(STREAM, codec).pair()

    client.write(Buffer("é".encode()[:1]))
    client.write(Buffer("é".encode()[1:] + b"\xff\0" + "🐉".encode()[:2]))
    client.close()
    await server.until_end()

    assert server.got == "é\ufffd\0\ufffd"


async def test_what_write_takes(worlds: Callable[..., World]) -> None:
    client, server = await worlds(STREAM, "zstd").pair()

    for message in (1, 1.5, [1], Mapping(), client.ob):
        assert client.write(message) == errors.EETYPENOTSUPP
    assert client.write("x", "127.0.0.1 1") == errors.EEBADADDR
    assert [client.write(""), client.write(Buffer())] == [1, 1]
    assert client.write("half \ud83d") == 1
    assert await server.until_got(6) == "half \ufffd"


@STREAMS
async def test_a_full_queue_blocks_and_nothing_taken_is_lost(host: FakeHost, worlds: Callable[..., World], mode: int,
                                                             ) -> None:
    client, server = await worlds(mode, "zstd").pair()
    noise = random.Random(6)
    sent: list[bytes] = []
    codes: list[int] = []
    for _ in range(200):
        sent.append(noise.randbytes(100_000))
        codes.append(client.write(Buffer(sent[-1])))
        if codes[-1] == errors.EECALLBACK:
            break
    assert codes == [1] * (len(codes) - 1) + [errors.EECALLBACK]
    assert [client.write("more") for _ in range(3)] == [errors.EEALREADY] * 3

    server.set(options.SO_ENCODING, "binary")
    before = len(host.seen("up"))
    assert await server.until_got(sum(map(len, sent))) == b"".join(sent)
    await host.until(lambda: len(host.seen("up")) > before)
    assert len(host.seen("up")) == before + 1
    assert client.write("more") == 1
    assert (await server.until_got(len(b"".join(sent)) + 4)).endswith(b"more")


async def test_options(worlds: Callable[..., World]) -> None:
    world = worlds(STREAM, "zstd")
    client, _ = await world.pair()

    assert efuns.socket_get_option(client.ob, client.fd, options.SO_COMPRESSION) == "zstd"
    with pytest.raises(LPCError, match="cannot be set in state DATA_XFER"):
        client.set(options.SO_COMPRESSION, "zlib")
    with pytest.raises(LPCError, match="cannot be set in state LISTEN"):
        efuns.socket_set_option(world.ob, world.fd, options.SO_COMPRESSION, "zlib")
    with pytest.raises(LPCError, match='accepted are "zstd", "zlib"'):
        client.set(options.SO_COMPRESSION, "lzma")
    with pytest.raises(LPCError, match='accepted are "text", "binary"'):
        client.set(options.SO_ENCODING, "utf8")
    with pytest.raises(LPCError, match="in mode STREAM_COMPRESSED"):
        efuns.socket_get_option(client.ob, client.fd, options.SO_DROPPED)


# ----------------------------------------------------------------------------------- peers not written here


@BOTH
@STREAMS
async def test_a_library_as_client(worlds: Callable[..., World], raw: Callable[..., Raw], certificate: Path, mode: int,
                                   codec: str) -> None:
    world = worlds(mode, codec)
    peer = raw(world.address, *([certificate] if mode == STREAM_TLS else []))
    peer.run(send=packed(codec, b"one ", "zwei é ".encode(), b"three" * 50_000))
    expected = "one zwei é " + "three" * 50_000
    await world.host.until(lambda: world.accepted and len(world.accepted[0].got) >= len(expected))
    server = world.accepted[0]

    assert server.write("answer") == 1
    assert server.write("!" * 100_000) == 1
    server.close()

    assert server.got == expected
    assert unpacked(codec, await peer.done()) == b"answer" + b"!" * 100_000
    assert server.end == []


@BOTH
async def test_a_half_closed_peer_gets_a_whole_stream_too(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                          codec: str) -> None:
    world = worlds(STREAM, codec)
    world.ob.extra["data"] = lambda fd, text: efuns.socket_write(world.ob, fd, f"<{text}>")
    peer = raw(world.address).run(send=packed(codec, b"question"), shut=True)

    await world.host.until(lambda: world.accepted and world.accepted[0].end)

    assert unpacked(codec, await peer.done()) == b"<question>"
    assert world.accepted[0].end == [(PEER_CLOSED, errors.EEBADF)]


@BOTH
async def test_closing_without_a_word_is_a_whole_stream(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                        codec: str) -> None:
    world = worlds(STREAM, codec)
    peer = raw(world.address).run()
    await world.host.until(lambda: world.accepted)

    world.accepted[0].close()

    assert unpacked(codec, await peer.done()) == b""


@STREAMS
@BOTH
async def test_before_the_driver_ends_streams_are_made_whole(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                             certificate: Path, mode: int, codec: str) -> None:
    world = worlds(mode, codec)
    peer = raw(world.address, *((certificate,) if mode == STREAM_TLS else ())).run()
    await world.host.until(lambda: world.accepted and world.accepted[0].state == "DATA_XFER")
    data = random.Random(1).randbytes(3 * MEGABYTE)
    assert world.accepted[0].write(Buffer(data)) == errors.EECALLBACK

    await world.host.state(SocketTable).drain()

    assert unpacked(codec, await peer.done()) == data
    assert world.accepted[0].end == []


@BOTH
async def test_a_half_closed_peer_gets_what_is_queued(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                      codec: str) -> None:
    world = worlds(STREAM, codec)
    peer = raw(world.address)
    await world.host.until(lambda: world.accepted)
    data = random.Random(2).randbytes(3 * MEGABYTE)
    assert world.accepted[0].write(Buffer(data)) == errors.EECALLBACK
    peer.run(send=packed(codec, b"enough"), shut=True)

    assert unpacked(codec, await peer.done()) == data
    assert await world.accepted[0].until_end() == (PEER_CLOSED, errors.EEBADF)
    assert world.accepted[0].got == "enough"


async def test_no_callback_within_a_write(worlds: Callable[..., World], raw: Callable[..., Raw]) -> None:
    """Also not where a large message finds the connection broken before a small one has left."""
    world = worlds(STREAM, "zstd")
    peer = raw(world.address)
    await world.host.until(lambda: world.accepted)
    peer.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.wire.close()
    accepted = world.accepted[0]

    assert accepted.write("small") == errors.EESUCCESS
    assert accepted.write(Buffer(random.Random(3).randbytes(50_000))) == errors.EESEND
    assert accepted.end == []

    assert (await accepted.until_end())[1] in (errors.EESEND, errors.EEBADF)
    await world.host.turn(5)
    assert len(accepted.end) == 1


@BOTH
async def test_a_peer_that_says_nothing_has_not_failed(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                       codec: str) -> None:
    world = worlds(STREAM, codec)
    raw(world.address).run(shut=True)

    await world.host.until(lambda: world.accepted and world.accepted[0].end)

    assert world.accepted[0].end == [(PEER_CLOSED, errors.EEBADF)]


@BOTH
@STREAMS
@pytest.mark.parametrize("text", ["GET / HTTP/1.1\r\n\r\n", "g", "{}", "\x1f\x8b\x08\0\0\0\0\0", "\0\0\0\x05\"a\"\0"])
async def test_a_plain_text_peer_is_reported_at_once(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                     certificate: Path, mode: int, codec: str, text: str) -> None:
    world = worlds(mode, codec)
    peer = raw(world.address, *([certificate] if mode == STREAM_TLS else [])).run(send=text.encode())

    await world.host.until(lambda: world.accepted and world.accepted[0].end)

    assert world.accepted[0].end == [(f"{PROBLEM}not in {codec} format", errors.EEBADDATA)]
    assert world.accepted[0].pieces == []
    await peer.done()


@STREAMS
async def test_the_other_codec_is_reported_within_one_message(worlds: Callable[..., World], mode: int) -> None:
    world = worlds(mode, "zstd")
    world.codec = "zlib"
    client = world.client()
    await world.host.until(lambda: world.accepted and client.write("") == 1)
    server = world.accepted[0]

    client.write("x")

    reason, code = await server.until_end()
    assert (reason, code) == (f"{PROBLEM}not in zstd format", errors.EEBADDATA)
    await client.until_end()


@BOTH
@STREAMS
async def test_an_end_in_the_middle_is_truncated(worlds: Callable[..., World], raw: Callable[..., Raw],
                                                 certificate: Path, mode: int, codec: str) -> None:
    world = worlds(mode, codec)
    whole = packed(codec, b"message")
    raw(world.address, *([certificate] if mode == STREAM_TLS else [])).run(send=whole[:-1], shut=True)

    await world.host.until(lambda: world.accepted and world.accepted[0].end)

    assert world.accepted[0].got == "message"
    assert world.accepted[0].end == [("truncated", errors.EEBADDATA)]


@BOTH
async def test_damage_and_what_follows_the_end(worlds: Callable[..., World], raw: Callable[..., Raw], codec: str,
                                               ) -> None:
    world = worlds(STREAM, codec)
    whole = packed(codec, b"first")
    damaged, longer = raw(world.address), raw(world.address)
    damaged.wire.sendall(whole[:-3 if codec == "zstd" else -6])
    longer.wire.sendall(whole)
    await world.host.until(lambda: [server.got for server in world.accepted] == ["first", "first"])

    damaged.wire.sendall(b"\x06" + b"\xff" * 50)
    longer.wire.sendall(whole)
    await world.host.until(lambda: len(world.host.seen("ended")) == 2)

    reasons = sorted(args[1] for args in world.host.seen("ended"))
    assert reasons == [f"{PROBLEM}damaged", f"{PROBLEM}something follows their end"]


# ------------------------------------------------------------------------------------------------ bombs


@BOTH
@STREAMS
async def test_bombs_end_the_connection(host: FakeHost, worlds: Callable[..., World], raw: Callable[..., Raw],
                                        certificate: Path, mode: int, codec: str) -> None:
    small_host(host, buffer_size=2 * MEGABYTE, inflate_ratio=20)
    world = worlds(mode, codec)
    peer = raw(world.address, *([certificate] if mode == STREAM_TLS else []))
    peer.run(send=packed(codec, bytes(30 * MEGABYTE)))

    await host.until(lambda: world.accepted and world.accepted[0].end)

    server = world.accepted[0]
    assert server.end == [(f"{PROBLEM}too large when inflated", errors.EEBADDATA)]
    assert MEGABYTE < len(server.got) <= 2 * MEGABYTE
    assert max(map(len, server.pieces)) <= PIECE
    await peer.done()


def small_host(host: FakeHost, **limits: int) -> None:
    from dataclasses import replace

    host.limits = replace(host.limits, **limits)


@STREAMS
async def test_the_loop_turns_while_much_is_delivered(host: FakeHost, worlds: Callable[..., World], mode: int) -> None:
    client, server = await worlds(mode, "zstd").pair()
    seen: list[int] = []

    def look() -> None:
        seen.append(len(server.pieces))
        if seen[-1] * PIECE < 8 * MEGABYTE:
            host.loop.call_soon(look)

    client.write("\0" * 8 * MEGABYTE)
    look()
    await server.until_got(8 * MEGABYTE)
    await host.until(lambda: seen[-1] * PIECE >= 8 * MEGABYTE)

    assert max(later - earlier for earlier, later in zip(seen, seen[1:], strict=False)) <= 8
    assert server.got == "\0" * 8 * MEGABYTE


@BOTH
@STREAMS
async def test_the_end_waits_for_what_came_before(worlds: Callable[..., World], mode: int, codec: str) -> None:
    client, server = await worlds(mode, codec).pair()

    client.write("\0" * 4 * MEGABYTE + "last")
    client.close()

    assert await server.until_end() == (PEER_CLOSED, errors.EEBADF)
    assert server.got == "\0" * 4 * MEGABYTE + "last"


@STREAMS
async def test_what_came_before_a_reset_is_delivered(host: FakeHost, worlds: Callable[..., World], mode: int) -> None:
    client, server = await worlds(mode, "zstd").pair()
    client.write("\0" * 4 * MEGABYTE)
    await host.until(lambda: server.pieces)

    client.set(options.SO_LINGER, 0)
    client.close()
    await server.until_end()

    assert server.got == "\0" * 4 * MEGABYTE
    assert server.end[0][0] != "truncated"


@STREAMS
async def test_a_break_is_found_while_pieces_wait(host: FakeHost, worlds: Callable[..., World], mode: int) -> None:
    client, server = await worlds(mode, "zstd").pair()
    found: Any = host.state(SocketTable).find(server.fd)
    client.write("\0" * 4 * MEGABYTE)
    await host.until(lambda: server.pieces)

    for _ in range(2):  # as a write would find out, again and again
        found._lost(OSError(errno.ECONNRESET, "Connection reset by peer"))

    assert await server.until_end() == ("Connection reset by peer", errors.EEBADF)
    assert server.got == "\0" * 4 * MEGABYTE


@STREAMS
async def test_closing_while_pieces_wait(host: FakeHost, worlds: Callable[..., World], mode: int) -> None:
    world = worlds(mode, "zstd")
    client, server = await world.pair()
    world.ob.extra["data"] = lambda fd, text: efuns.socket_close(world.ob, fd) if len(server.pieces) == 6 else None

    client.write("\0" * 4 * MEGABYTE)
    assert await client.until_end() == (PEER_CLOSED, errors.EEBADF)

    assert len(server.pieces) == 6
    assert server.end == []


async def test_destructing_while_pieces_wait(host: FakeHost, worlds: Callable[..., World]) -> None:
    world = worlds(STREAM, "zstd")
    client, server = await world.pair()

    client.write("\0" * 4 * MEGABYTE)
    await host.until(lambda: server.pieces)
    host.destruct(world.ob)
    await client.until_end()

    assert len(server.pieces) < 64


# --------------------------------------------------------------------------------------------- TLS (8)


async def test_tls_is_verified_unless_that_is_switched_off(host: FakeHost, worlds: Callable[..., World]) -> None:
    world = worlds(STREAM_TLS, "zstd")
    ob = host.object(data=lambda *args: None, up=lambda fd: None, ended=lambda *args: None)

    strict = End(host, ob, efuns.socket_create(ob, STREAM_TLS, "data", "ended"))
    assert efuns.socket_connect(ob, strict.fd, world.address, "data", "up") == 1
    reason, code = await strict.until_end()
    assert "certificate" in reason and code == errors.EECONNECT

    host.calls.clear()
    lax = End(host, ob, efuns.socket_create(ob, STREAM_TLS, "data", "ended"))
    lax.set(options.SO_TLS_VERIFY_PEER, 0)
    assert efuns.socket_connect(ob, lax.fd, world.address, "data", "up") == 1
    await host.until(lambda: host.seen("up"))
    assert lax.write("hello") == 1
    await host.until(lambda: any(end.got == "hello" for end in world.accepted))


@pytest.mark.parametrize(("name", "is_good"), [("mud.example", True), ("other.example", False)])
async def test_the_name_is_checked(host: FakeHost, worlds: Callable[..., World], name: str, is_good: bool) -> None:
    world = worlds(STREAM_TLS, "zstd")
    ob = host.object(data=lambda *args: None, up=lambda fd: None, ended=lambda *args: None)
    client = End(host, ob, efuns.socket_create(ob, STREAM_TLS, "data", "ended"))
    client.set(options.TLS_CA_BUNDLE, "/ca.pem")
    client.set(options.SO_TLS_SNI_HOSTNAME, name)

    assert efuns.socket_connect(ob, client.fd, world.address, "data", "up") == 1
    await host.until(lambda: host.seen("up") or client.end)

    assert (client.end == []) is is_good


async def test_without_a_name_the_address_is_checked(host: FakeHost, other_certificate: Path) -> None:
    client = World(host, STREAM_TLS, other_certificate, "zstd").client()

    reason, code = await client.until_end()

    assert "IP address mismatch" in reason and code == errors.EECONNECT


# -------------------------------------------------------------------------------------------- UDP (9)


class Packets(End):
    """An object with a bound socket of mode 9."""

    def __init__(self, host: FakeHost, codec: str = "zstd") -> None:
        ob = host.object(data=lambda *args: None, ended=lambda *args: None)
        super().__init__(host, ob, efuns.socket_create(ob, DATAGRAM, "data", "ended"))
        if codec != "zstd":
            self.set(options.SO_COMPRESSION, codec)
        assert efuns.socket_bind(ob, self.fd, 0, "127.0.0.1 0") == 1

    @property
    def address(self) -> str:
        found = efuns.socket_address(self.ob, self.fd, 1)
        assert isinstance(found, str)
        return found

    @property
    def dropped(self) -> Any:
        return efuns.socket_get_option(self.ob, self.fd, options.SO_DROPPED)


@pytest.fixture
def wire(host: FakeHost) -> Iterator[socket.socket]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(20)
    yield made
    made.close()


def target(of: Packets) -> tuple[str, int]:
    host, port = of.address.split()
    return host, int(port)


@BOTH
async def test_packets_are_whole_streams(host: FakeHost, wire: socket.socket, codec: str) -> None:
    end = Packets(host, codec)
    peer = "{} {}".format(*wire.getsockname())

    for message in ("hello", "", "Zoë " * 20_000, Buffer(b"\xff" * 100)):
        assert end.write(message, peer) == 1
        assert unpacked(codec, wire.recv(65535)) == (message.encode() if isinstance(message, str) else bytes(message))
    for data in (b"hello", b"", b"line\n" * 100_000, b"\xff\xfe"):
        wire.sendto(packed(codec, data), target(end))
    await host.until(lambda: len(end.pieces) == 4)

    assert end.pieces == ["hello", "", "line\n" * 100_000, b"\xff\xfe"]
    assert {args[2] for args in host.seen("data")} == {peer}
    assert end.dropped == 0
    end.set(options.SO_ENCODING, "binary")
    wire.sendto(packed(codec, b"text"), target(end))
    await host.until(lambda: len(end.pieces) == 5)
    assert end.pieces[4] == b"text"


@BOTH
async def test_what_cannot_be_inflated_is_dropped_and_counted(host: FakeHost, wire: socket.socket, codec: str) -> None:
    end = Packets(host, codec)
    good = packed(codec, b"good")
    bad = [b"", b"plain text", good[:-1], good + b"x", packed("zlib" if codec == "zstd" else "zstd", b"other"),
           packed(codec, bytes(5 * MEGABYTE)), good + good]

    for packet in bad:
        wire.sendto(packet, target(end))
    wire.sendto(good, target(end))
    await host.until(lambda: end.pieces)

    assert end.pieces == ["good"]
    assert end.dropped == len(bad)
    assert end.end == []
    assert end.state == "BOUND"
    with pytest.raises(LPCError, match="can only be read"):
        end.set(options.SO_DROPPED, 0)


async def test_what_mode_9_refuses(host: FakeHost, wire: socket.socket) -> None:
    end = Packets(host)
    peer = "{} {}".format(*wire.getsockname())
    noise = Buffer(random.Random(3).randbytes(66_000))

    assert end.write(1) == errors.EENOADDR
    assert end.write("x", "nowhere 1") == errors.EEBADADDR
    assert end.write(5, peer) == errors.EETYPENOTSUPP
    assert end.write(noise, peer) == errors.EEBADDATA
    assert "65507" in str(efuns.socket_get_option(end.ob, end.fd, options.SO_LAST_ERROR))
    assert end.write("y" * 1_000_000, peer) == 1  # large, but not when compressed
    assert len(unpacked("zstd", wire.recv(65535))) == 1_000_000
    assert efuns.socket_listen(end.ob, end.fd, "data") == errors.EEMODENOTSUPP
    assert efuns.socket_connect(end.ob, end.fd, peer, "data", "data") == errors.EEMODENOTSUPP


async def test_a_lost_descriptor_is_reported(host: FakeHost, wire: socket.socket) -> None:
    end = Packets(host)
    found: Any = host.state(SocketTable).find(end.fd)

    class Lost:
        def __init__(self, wire: socket.socket) -> None:
            self.wire = wire

        def recvfrom(self, size: int) -> Any:
            raise OSError(9, "Bad file descriptor")

        def __getattr__(self, name: str) -> Any:
            return getattr(self.wire, name)

    found._wire = Lost(found._wire)
    wire.sendto(b"x", target(end))

    reason, code = await end.until_end()
    assert reason == "The socket is lost: Bad file descriptor" and code == errors.EEBADF
    assert end.state == "CLOSED"


# -------------------------------------------------------------------------------------------- the rows


def test_without_the_library_the_modes_cannot_be_made(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    for mode in (STREAM, STREAM_TLS, DATAGRAM):
        assert efuns.socket_create(host.object(), mode, "data") == errors.EEMODENOTSUPP
    names = [row.name for row in ROWS if row.number in (7, 8, 9)]
    assert host.logged == [f"mode {name} needs the Python package zstandard" for name in names]


def test_a_driver_makes_its_codecs_once(host: FakeHost) -> None:
    made = host.state(Codecs)

    assert made.named("zstd") is made.named("zstd")
    assert made.named("zlib") is not made.named("zstd")
    assert "zstandard" in sys.modules
