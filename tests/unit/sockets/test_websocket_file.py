"""Modes 34 and 35: files and byte streams over WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import pytest

from efuns.sockets import errors
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost
from tests.unit.sockets.http_world import warm_up
from tests.unit.sockets.websocket_peers import (
    BINARY,
    CLOSE,
    CONT,
    FILE,
    FIN,
    STREAM,
    TEXT,
    Link,
    Party,
    closing,
    link,
)

ROLES = pytest.mark.parametrize("role", ["server", "client"])
DATA = bytes(range(256)) * 200  # 51200 bytes


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


@pytest.fixture
def path(host: FakeHost) -> Path:
    made = Path(host.files.root) / "map.bin"
    made.write_bytes(DATA)
    os.utime(made, (1_700_000_000, 1_700_000_000))
    return made


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def transfer(made: Link) -> tuple[dict[str, Any], list[bytes], dict[str, Any]]:
    """What a peer gets of one file: header, pieces, trailer."""
    first, data = await made.peer.frame()
    assert first == FIN | TEXT
    header, pieces = json.loads(data), []
    while True:
        first, data = await made.peer.frame()
        if first == FIN | TEXT:
            return header, pieces, json.loads(data)
        assert first == FIN | BINARY
        pieces.append(data)


@ROLES
async def test_sending_a_file(host: FakeHost, path: Path, role: str) -> None:
    made = await link(host, role, FILE)
    made.party.opened.clear()
    assert made.party.write(made.fd, "/map.bin") == 1
    assert made.party.write(made.fd, "/map.bin") == errors.EEALREADY
    header, pieces, trailer = await transfer(made)
    assert header == {"name": "map.bin", "size": 51200, "mtime": 1_700_000_000, "offset": 0, "length": 51200}
    assert [len(piece) for piece in pieces] == [16384, 16384, 16384, 2048]
    assert trailer == {"bytes": 51200, "sha256": sha256(DATA), "ok": 1}
    await made.party.has_opened()  # the write callback
    assert ("read", "/map.bin", "websocket_file") in host.files.asked
    await made.leave()


@pytest.mark.parametrize(("more", "expected", "sizes"), [
    ({"offset": 51000}, DATA[51000:], [200]), ({"offset": 51200}, b"", []),
    ({"offset": 10, "length": 100, "chunk": 64}, DATA[10:110], [64, 36]), ({"length": 0}, b"", []),
    ({"offset": 51190, "length": 1 << 40}, DATA[51190:], [10]),
])
async def test_a_part_of_a_file(host: FakeHost, path: Path, more: dict[str, int], expected: bytes, sizes: list[int],
                                ) -> None:
    made = await link(host, "server", FILE)
    assert made.party.write(made.fd, Mapping(file="/map.bin", **more)) == 1
    header, pieces, trailer = await transfer(made)
    assert (header["offset"], header["length"], header["size"]) == (more.get("offset", 0), len(expected), 51200)
    assert b"".join(pieces) == expected and [len(piece) for piece in pieces] == sizes
    assert trailer == {"bytes": len(expected), "sha256": sha256(expected), "ok": 1}
    assert made.party.write(made.fd, Mapping(file="/map.bin", length=1)) in (1, errors.EEALREADY)
    await made.party.has_opened(2)
    await made.leave()


@pytest.mark.parametrize(("message", "code"), [
    ("/missing", errors.EEBADADDR), ("/folder", errors.EEBADADDR), ("/fifo", errors.EEBADADDR),
    ("/map.bin/x", errors.EEBADADDR), ("/denied", errors.EESECURITY), ("/../../etc/passwd", errors.EEBADADDR),
    ("/link", errors.EESECURITY), (5, errors.EETYPENOTSUPP), (Buffer(b"x"), errors.EETYPENOTSUPP),
    (Mapping(), errors.EETYPENOTSUPP), (Mapping(file="/map.bin", offset="1"), errors.EETYPENOTSUPP),
    (Mapping(file="/map.bin", offset=-1), errors.EEBADDATA), (Mapping(file="/map.bin", offset=51201), errors.EEBADDATA),
    (Mapping(file="/map.bin", length=-1), errors.EEBADDATA), (Mapping(file="/map.bin", chunk=65537), errors.EEBADDATA),
    (Mapping(file="/map.bin", chunk=-1), errors.EEBADDATA), (Mapping(type="text", data="x"), errors.EETYPENOTSUPP),
    ("/a\0b", errors.EEBADADDR),
], ids=lambda value: repr(value)[:40])
async def test_what_is_no_file_to_send(host: FakeHost, path: Path, message: Value, code: int) -> None:
    (path.parent / "folder").mkdir()
    os.mkfifo(path.parent / "fifo")
    (path.parent / "link").symlink_to("/etc/passwd")
    host.files.denied.add("/denied")
    made = await link(host, "server", FILE)
    assert made.party.write(made.fd, message) == code
    assert made.party.why(made.fd)
    assert made.party.write(made.fd, Mapping(type="close")) == 1
    assert await made.peer.frame() == (FIN | CLOSE, closing(1000))
    made.peer.send(FIN | CLOSE, closing(1000))
    await made.peer.closed()
    await made.end()


async def test_a_file_that_shrinks(host: FakeHost, path: Path) -> None:
    path.write_bytes(bytes(1 << 20))
    made = await link(host, "server", FILE)
    assert made.party.write(made.fd, "/map.bin") == 1
    path.write_bytes(bytes(5))
    header, pieces, trailer = await transfer(made)
    sent = b"".join(pieces)
    assert header["size"] == 1 << 20 and len(sent) < 1 << 20
    assert trailer == {"bytes": len(sent), "sha256": sha256(sent), "ok": 0}
    await made.party.has_opened(2)
    await made.leave()


async def test_a_large_file_to_a_slow_reader(host: FakeHost, path: Path) -> None:
    path.write_bytes(DATA * 200)
    made = await link(host, "server", FILE)
    made.peer.stop_reading()
    made.party.opened.clear()
    assert made.party.write(made.fd, "/map.bin") == 1
    socket: Any = host.state(SocketTable).find(made.fd)
    async with asyncio.timeout(PATIENCE):
        while not socket.queued:
            await host.turn(1)
    await host.turn(10)
    assert socket.queued < 1 << 16  # it waits in the file, not in memory
    assert made.party.opened == []
    made.peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
    _, pieces, trailer = await transfer(made)
    assert b"".join(pieces) == DATA * 200 and trailer["ok"] == 1
    await made.party.has_opened()
    await made.leave()


async def test_closing_within_a_file(host: FakeHost, path: Path) -> None:
    path.write_bytes(DATA * 200)
    made = await link(host, "server", FILE)
    made.peer.stop_reading()
    assert made.party.write(made.fd, "/map.bin") == 1
    await host.turn(10)
    made.party.close(made.fd)
    made.peer.reset()
    async with asyncio.timeout(PATIENCE):
        while host.state(SocketTable).find(made.fd) is not None:
            await host.turn(1)


def header(name: Any = "map.bin", size: Any = 10, **more: Any) -> bytes:
    return json.dumps({"name": name, "size": size, "mtime": 5, "offset": 0} | more).encode()


def events(party: Party) -> list[dict[str, Any]]:
    """What LPC got, buffers as bytes."""
    return [{key: bytes(value.data) if isinstance(value, Buffer) else value for key, value in data.items()}
            for _, data, _ in party.messages]


@ROLES
async def test_receiving_a_file(host: FakeHost, role: str) -> None:
    made = await link(host, role, FILE)
    made.peer.send(FIN | TEXT, header())
    made.peer.send(FIN | BINARY, b"01234")
    made.peer.send(BINARY, b"56")
    made.peer.send(FIN | CONT, b"789")
    made.peer.send(FIN | TEXT, json.dumps({"bytes": 10, "sha256": sha256(b"0123456789")}).encode())
    await made.party.data(4)
    assert events(made.party) == [
        {"event": "begin", "name": "map.bin", "size": 10, "mtime": 5, "offset": 0},
        {"event": "data", "data": b"01234", "offset": 0}, {"event": "data", "data": b"56789", "offset": 5},
        {"event": "end", "ok": 1, "sha256": sha256(b"0123456789"), "bytes": 10, "name": "map.bin"}]
    made.peer.send(FIN | TEXT, header(offset=8))
    made.peer.send(FIN | BINARY, b"89")
    made.peer.send(FIN | TEXT, json.dumps({"bytes": 2, "sha256": sha256(b"89").upper(), "ok": True}).encode())
    await made.party.data(7)
    assert [event.get("offset") for event in events(made.party)[4:]] == [8, 8, None]
    assert events(made.party)[-1]["ok"] == 1
    await made.leave()


@pytest.mark.parametrize("trailer", [
    {"bytes": 4, "sha256": sha256(b"01234")}, {"bytes": 5, "sha256": sha256(b"x")},
    {"bytes": 5, "sha256": sha256(b"01234"), "ok": 0},
])
async def test_a_file_that_did_not_come_whole(host: FakeHost, trailer: dict[str, Any]) -> None:
    made = await link(host, "server", FILE)
    made.peer.send(FIN | TEXT, header())
    made.peer.send(FIN | BINARY, b"01234")
    made.peer.send(FIN | TEXT, json.dumps(trailer).encode())
    await made.party.data(3)
    assert events(made.party)[-1]["ok"] == 0
    await made.leave()


@pytest.mark.parametrize("sent", [
    [(TEXT, b"hello")], [(TEXT, b"[]")], [(TEXT, b"{}")], [(BINARY, b"x")],
    *([(TEXT, header(name))] for name in ("", ".", "..", "a/b", "/etc/passwd", "a\0b", 5, "x" * 300)),
    *([(TEXT, header(**{key: value}))]
      for key in ("size", "mtime", "offset", "length") for value in ("1", 1.5, None, True)),
    [(TEXT, header(size=-1))], [(TEXT, header(offset=11))], [(TEXT, header(offset=-1))], [(TEXT, header(length=-1))],
    [(TEXT, header(size=1 << 63))],
    [(TEXT, header()), (BINARY, b"01234567890")], [(TEXT, header(length=3)), (BINARY, b"0123")],
    [(TEXT, header()), (TEXT, b"{}")], [(TEXT, header()), (TEXT, b'{"bytes": 0, "sha256": "", "ok": 2}')],
    [(TEXT, header()), (TEXT, header())],
], ids=str)
async def test_what_is_no_file(host: FakeHost, sent: list[tuple[int, bytes]]) -> None:
    made = await link(host, "server", FILE)
    for kind, data in sent:
        made.peer.send(FIN | kind, data)
    assert await made.peer.close_code() == 1003
    await made.peer.closed()
    assert (await made.end())[1] == 1003


# ------------------------------------------------------------------------------------------------- mode 35


@ROLES
async def test_a_stream_of_bytes(host: FakeHost, role: str) -> None:
    made = await link(host, role, STREAM)
    made.peer.send(BINARY, b"begin")
    assert await made.party.data() == [b"begin"]  # it does not wait for the end of the message
    made.peer.send(CONT, b"")
    made.peer.send(FIN | CONT, b"end")
    made.peer.send(FIN | BINARY, b"")
    made.peer.send(FIN | BINARY, b"next")
    assert await made.party.data(3) == [b"begin", b"end", b"next"]
    assert all(isinstance(data, Buffer) for _, data, _ in made.party.messages)
    assert made.party.write(made.fd, "é") == 1
    assert await made.peer.frame() == (FIN | BINARY, "é".encode())
    assert made.party.write(made.fd, "") == made.party.write(made.fd, Buffer()) == 1
    assert made.party.write(made.fd, Mapping(type="text", data="t")) == 1
    assert await made.peer.frame() == (FIN | BINARY, b"t")
    await made.leave()


@ROLES
async def test_a_stream_has_no_largest_message(host: FakeHost, role: str) -> None:
    made = await link(host, role, STREAM)
    made.peer.send(FIN | BINARY, DATA * 40)
    assert made.party.write(made.fd, Buffer(DATA * 4)) in (1, errors.EECALLBACK)
    got = [await made.peer.frame() for _ in range(4)]
    assert [first for first, _ in got] == [BINARY, CONT, CONT, FIN | CONT]
    assert [len(data) for _, data in got] == [65536, 65536, 65536, 8192]
    assert b"".join(data for _, data in got) == DATA * 4
    async with asyncio.timeout(PATIENCE):
        while sum(len(data.data) for _, data, _ in made.party.messages) < len(DATA) * 40:
            await host.turn(1)
    assert b"".join(await made.party.data()) == DATA * 40
    await made.leave()


@pytest.mark.parametrize("first", [FIN | TEXT, TEXT])
async def test_a_stream_is_no_text(host: FakeHost, first: int) -> None:
    made = await link(host, "server", STREAM)
    made.peer.send(first, b"hello")
    assert await made.peer.close_code() == 1003
    await made.peer.closed()
    assert await made.end() == ("This is a stream of bytes", 1003)


async def test_a_compressed_stream_is_inflated_in_pieces(host: FakeHost) -> None:
    offer = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    made = await link(host, "server", STREAM, more=offer, WS_COMPRESSION=1)
    packer = zlib.compressobj(wbits=-12)
    packed = (packer.compress(bytes(30 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]
    made.peer.send(FIN | 0x40 | BINARY, packed)
    async with asyncio.timeout(PATIENCE):
        while sum(len(data.data) for _, data, _ in made.party.messages) < 30 << 20:
            await host.turn(1)
    assert max(len(data.data) for _, data, _ in made.party.messages) <= 65536
    made.peer.send(FIN | 0x40 | BINARY, b"\xff\xff")
    assert await made.peer.close_code() == 1007
    await made.peer.closed()
    await made.end()
