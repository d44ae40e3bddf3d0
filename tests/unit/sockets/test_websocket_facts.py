"""What RFC 6455 and RFC 7692 want of an endpoint, as a table: each row runs over a real socket against a peer that says
the bytes itself, with us as the server and as the client, on both loops, in one piece and byte by byte."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any, NamedTuple

import pytest

from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.http_world import warm_up
from tests.unit.sockets.websocket_peers import (
    BINARY,
    CLOSE,
    CONT,
    DEFLATE,
    FIN,
    PING,
    PONG,
    TEXT,
    Link,
    closing,
    frame,
    link,
)

RSV1, RSV2, RSV3 = 0x40, 0x20, 0x10
Frame = tuple[int, bytes]


class Fact(NamedTuple):
    """What the peer sends, what LPC gets of it, what the peer is answered, and the code that ends it (0: none)."""

    name: str
    sent: list[Frame]
    got: list[Any] = []
    answered: list[Frame] = []
    code: int = 0


def _cut(data: bytes, size: int, kind: int) -> list[Frame]:
    """A message in fragments of a size."""
    pieces = [data[at:at + size] for at in range(0, len(data), size)]
    return [((FIN if at == len(pieces) - 1 else 0) | (CONT if at else kind), piece) for at, piece in enumerate(pieces)]


GREEK = "κόσμε"
#: what is no UTF-8, and how many of its bytes show it
NOT_UTF8 = [
    (b"\x80", 1), (b"\xbf", 1), (b"\xce\x61", 2), (b"\xc0\x80", 1), (b"\xc1\xbf", 1), (b"\xe0\x80\x80", 2),
    (b"\xe0\x9f\xbf", 2), (b"\xed\xa0\x80", 3), (b"\xed\xbf\xbf", 3), (b"\xf0\x80\x80\x80", 2),
    (b"\xf0\x8f\xbf\xbf", 2), (b"\xf4\x90\x80\x80", 2), (b"\xf5\x80\x80\x80", 1), (b"\xf8\x88\x80\x80\x80", 1),
    (b"\xfc\x84\x80\x80\x80\x80", 1), (b"\xfe", 1), (b"\xff", 1), (b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80", 10),
]
UTF8 = [GREEK, "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "\0",
        "\ufeff", "Hello-µ@ßöäüàá-UTF-8!!"]
GOOD_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]
BAD_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]

SIZES = [
    *(Fact(f"text of {size}", [(FIN | TEXT, b"*" * size)], ["*" * size])
      for size in (0, 1, 125, 126, 127, 128, 65535, 65536)),
    *(Fact(f"binary of {size}", [(FIN | BINARY, b"\xfe" * size)], [b"\xfe" * size])
      for size in (0, 1, 125, 126, 127, 128, 65535, 65536)),
    Fact("text above the limit", [(FIN | TEXT, b"*" * 65537)], code=1009),
    Fact("fragments above the limit", _cut(b"*" * 65537, 40000, TEXT), code=1009),
]
PINGS = [
    Fact("empty ping", [(FIN | PING, b"")], answered=[(FIN | PONG, b"")]),
    Fact("ping", [(FIN | PING, b"Hello")], answered=[(FIN | PONG, b"Hello")]),
    Fact("ping that is no text", [(FIN | PING, b"\0\xff\xfe")], answered=[(FIN | PONG, b"\0\xff\xfe")]),
    Fact("longest ping", [(FIN | PING, b"\xfe" * 125)], answered=[(FIN | PONG, b"\xfe" * 125)]),
    Fact("ping too long", [(FIN | PING, b"\xfe" * 126)], code=1002),
    Fact("pong nobody asked for", [(FIN | PONG, b"unsolicited"), (FIN | TEXT, b"on")], ["on"]),
    Fact("pong, then ping", [(FIN | PONG, b"unsolicited"), (FIN | PING, b"x")], answered=[(FIN | PONG, b"x")]),
    Fact("ten pings", [(FIN | PING, b"%d" % at) for at in range(10)],
         answered=[(FIN | PONG, b"%d" % at) for at in range(10)]),
]
RESERVED = [
    *(Fact(f"reserved bits {bits:#x} in opcode {opcode}", [(FIN | TEXT, b"first"), (FIN | bits | opcode, b"x")],
           ["first"], code=1002)
      for bits in (RSV1, RSV2, RSV3, RSV1 | RSV3, RSV1 | RSV2 | RSV3) for opcode in (TEXT, BINARY, PING, PONG, CLOSE)),
    *(Fact(f"reserved opcode {opcode}", [(FIN | TEXT, b"first"), (FIN | opcode, data)], ["first"], code=1002)
      for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15) for data in (b"", b"x")),
]
FRAGMENTS = [
    Fact("fragmented ping", [(PING, b"frag"), (FIN | CONT, b"ment")], code=1002),
    Fact("fragmented pong", [(PONG, b"frag"), (FIN | CONT, b"ment")], code=1002),
    Fact("fragmented close", [(CLOSE, closing(1000)), (FIN | CONT, b"x")], code=1002),
    Fact("two fragments", [(TEXT, b"frag"), (FIN | CONT, b"ment")], ["fragment"]),
    Fact("binary fragments", [(BINARY, b"\0"), (CONT, b"\xff"), (FIN | CONT, b"\1")], [b"\0\xff\1"]),
    Fact("ping within a message", [(TEXT, b"frag"), (FIN | PING, b"now"), (FIN | CONT, b"ment")], ["fragment"],
         [(FIN | PONG, b"now")]),
    Fact("many pings within a message",
         [(TEXT, b"1"), (CONT, b"2"), (FIN | PING, b"a"), (CONT, b"3"), (FIN | PING, b"b"), (FIN | CONT, b"4")],
         ["1234"], [(FIN | PONG, b"a"), (FIN | PONG, b"b")]),
    Fact("empty fragments", [(TEXT, b""), (CONT, b""), (FIN | CONT, b"")], [""]),
    Fact("empty fragments around one", [(TEXT, b""), (CONT, b"middle"), (FIN | CONT, b"")], ["middle"]),
    Fact("continuation of nothing", [(FIN | CONT, b"x")], code=1002),
    Fact("beginning of a continuation of nothing", [(CONT, b"x"), (FIN | TEXT, b"y")], code=1002),
    Fact("continuation of a whole message", [(FIN | TEXT, b"whole"), (FIN | CONT, b"x")], ["whole"], code=1002),
    Fact("text within a text", [(TEXT, b"one"), (FIN | TEXT, b"two")], code=1002),
    Fact("binary within a text", [(TEXT, b"one"), (BINARY, b"two")], code=1002),
    Fact("messages one after the other",
         [*_cut(b"first", 2, TEXT), *_cut(b"second", 1, BINARY), (FIN | TEXT, b"third")],
         ["first", b"second", "third"]),
]
TEXTS = [
    *(Fact(f"text {text!r} in one frame", [(FIN | TEXT, text.encode())], [text]) for text in UTF8),
    *(Fact(f"text {GREEK!r} in fragments of {size}", _cut(GREEK.encode(), size, TEXT), [GREEK])
      for size in range(1, 11)),
    *(Fact(f"{data!r} in one frame", [(FIN | TEXT, data)], code=1007) for data, _ in NOT_UTF8),
    *(Fact(f"{data!r} in fragments", _cut(b"ok" + data, 1, TEXT), code=1007) for data, _ in NOT_UTF8),
    # 8.1 leaves it open when; here it is as soon as the bytes show it, though the message could go on
    *(Fact(f"{data!r} and no end", [(TEXT, data[:count])], code=1007) for data, count in NOT_UTF8),
    Fact("half a character at the end", [(FIN | TEXT, "κ".encode()[:1])], code=1007),
    Fact("half a character at the end of the fragments", [(TEXT, b"x"), (FIN | CONT, "κ".encode()[:1])], code=1007),
    Fact("a character across a ping",
         [(TEXT, "κ".encode()[:1]), (FIN | PING, b""), (FIN | CONT, "κ".encode()[1:])], ["κ"], [(FIN | PONG, b"")]),
    Fact("anything in binary", [(FIN | BINARY, data) for data, _ in NOT_UTF8], [data for data, _ in NOT_UTF8]),
]
CLOSES = [
    *(Fact(f"close {code}", [(FIN | CLOSE, closing(code))], code=code) for code in GOOD_CODES),
    *(Fact(f"close {code}", [(FIN | CLOSE, closing(code))], code=1002) for code in BAD_CODES),
    Fact("close with a reason", [(FIN | CLOSE, closing(1000, "Hello World!"))], code=1000),
    Fact("close with the longest reason", [(FIN | CLOSE, closing(1000, "*" * 123))], code=1000),
    Fact("close with a longer reason", [(FIN | CLOSE, closing(1000, "*" * 124))], code=1002),
    Fact("close without a code", [(FIN | CLOSE, b"")], code=1005),
    Fact("close with half a code", [(FIN | CLOSE, b"\x03")], code=1002),
    Fact("close with a reason that is no text", [(FIN | CLOSE, closing(1000) + b"\xce\xba\xed\xa0\x80")], code=1007),
    Fact("close within a message", [(TEXT, b"frag"), (FIN | CLOSE, closing(1000)), (FIN | CONT, b"ment")], code=1000),
    Fact("messages behind the close", [(FIN | CLOSE, closing(1000)), (FIN | TEXT, b"late"), (FIN | PING, b"late")],
         code=1000),
    Fact("two closes", [(FIN | CLOSE, closing(1000)), (FIN | CLOSE, closing(1001))], code=1000),
]
FACTS = [*SIZES, *PINGS, *RESERVED, *FRAGMENTS, *TEXTS, *CLOSES]


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


def _collect(made: Link) -> list[Any]:
    return [bytes(data.data) if isinstance(data, Buffer) else data for _, data, _ in made.party.messages]


async def _prove(made: Link, fact: Fact) -> None:
    for expected in fact.answered:
        assert await made.peer.frame() == expected
    if fact.code:
        assert await made.peer.close_code() == fact.code
        assert await made.peer.end() == b""
        await made.peer.closed()
        assert (await made.end())[1] == fact.code
    else:
        await made.leave()
    assert _collect(made) == fact.got


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
async def test_fact(host: FakeHost, role: str, fact: Fact) -> None:
    made = await link(host, role)
    for first, data in fact.sent:
        made.peer.send(first, data)
    await _prove(made, fact)


@pytest.mark.parametrize("fact", [fact for fact in FACTS if sum(len(data) for _, data in fact.sent) < 1000],
                         ids=lambda fact: fact.name)
async def test_fact_byte_by_byte(host: FakeHost, fact: Fact) -> None:
    """The same facts, whatever TCP makes of the bytes: here the reader gets them one at a time."""
    made = await link(host, "server")
    socket = next(one for one in host.state(SocketTable) if one is not None)
    wire = b"".join(frame(first, data, masked=made.peer.masks) for first, data in fact.sent)
    for at in range(len(wire)):
        if socket._phase == "OPEN":
            socket.received(wire[at:at + 1])
    await _prove(made, fact)


# ------------------------------------------------------------------------------------------- malformed heads


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("first", [FIN | TEXT, FIN | BINARY, FIN | PING, FIN | CLOSE])
async def test_masking_is_for_clients_and_for_all_they_send(host: FakeHost, role: str, first: int) -> None:
    made = await link(host, role)
    made.peer.masks = not made.peer.masks
    made.peer.send(first, b"")
    made.peer.masks = not made.peer.masks
    assert await made.peer.close_code() == 1002
    await made.peer.closed()
    reason, code = await made.end()
    assert code == 1002 and "masked" in reason


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("length", [
    b"\x7e\0\x05", b"\x7e\0\x7d", b"\x7f" + bytes(7) + b"\x05", b"\x7f" + bytes(6) + b"\xff\xff",
    b"\x7f\x80" + bytes(7), b"\x7f" + b"\xff" * 8,
])
async def test_a_length_has_one_form(host: FakeHost, role: str, length: bytes) -> None:
    made = await link(host, role)
    mark = 0x80 if made.peer.masks else 0
    made.peer.raw(bytes((FIN | TEXT, length[0] | mark)) + length[1:] + bytes(4) + b"hello")
    assert await made.peer.close_code() == 1002
    await made.peer.closed()
    assert (await made.end())[1] == 1002


@pytest.mark.parametrize("role", ["server", "client"])
async def test_an_endless_message_is_refused_by_its_announcement(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    mark = 0x80 if made.peer.masks else 0
    made.peer.raw(bytes((FIN | BINARY, mark | 127)) + (1 << 62).to_bytes(8, "big") + bytes(4))
    assert await made.peer.close_code() == 1009
    await made.peer.closed()
    assert (await made.end())[1] == 1009


# ----------------------------------------------------------------------------------------------- compression


class Peer7692:
    """The other end of permessage-deflate, straight on zlib."""

    def __init__(self, made: Link, *, bits: int = 15, forgets: bool = False) -> None:
        self.made = made
        self.bits, self.forgets = max(bits, 9), forgets
        self.packer: Any = None
        self.inflater: Any = zlib.decompressobj(-15)

    def pack(self, data: bytes) -> bytes:
        if self.packer is None or self.forgets:
            self.packer = zlib.compressobj(wbits=-self.bits)
        packed: bytes = self.packer.compress(data) + self.packer.flush(zlib.Z_SYNC_FLUSH)
        return packed[:-4]

    def unpack(self, data: bytes, *, forgets: bool = False) -> bytes:
        if forgets:
            self.inflater = zlib.decompressobj(-15)
        unpacked: bytes = self.inflater.decompress(data + b"\0\0\xff\xff")
        return unpacked


GRANTED = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
CUTS = [1, 2, 3, 7, 1000]


async def _deflating(host: FakeHost, role: str, **chosen: Any) -> Link:
    return await link(host, role, more=DEFLATE if role == "server" else GRANTED, WS_COMPRESSION=1, **chosen)


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize("cut", CUTS)
async def test_compressed_messages_in_fragments(host: FakeHost, role: str, cut: int) -> None:
    made = await _deflating(host, role)
    peer = Peer7692(made, bits=12)
    texts = ["Hello", "Hello", GREEK * 50, "", "x" * 60000]
    for text in texts:
        packed = peer.pack(text.encode()) or b"\0"
        for at, (first, piece) in enumerate(_cut(packed, cut, TEXT)):
            made.peer.send(first | (0 if at else RSV1), piece)
            if at == 1:
                made.peer.send(FIN | PING, b"between")
    assert await made.party.data(len(texts)) == texts
    await made.leave()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_what_we_compress(host: FakeHost, role: str) -> None:
    made = await _deflating(host, role)
    peer = Peer7692(made)
    for text in ("Hello", "Hello", GREEK * 500):
        assert made.party.write(made.fd, text) == 1
        first, data = await made.peer.frame()
        assert first == FIN | RSV1 | TEXT
        assert peer.unpack(data) == text.encode()
    assert made.party.write(made.fd, "") == 1  # nothing has no compressed form worth having
    assert await made.peer.frame() == (FIN | TEXT, b"")
    await made.leave()


@pytest.mark.parametrize("role", ["server", "client"])
@pytest.mark.parametrize(("sent", "code"), [
    ([(FIN | RSV1 | TEXT, b"\xff\xff\xff")], 1007),  # no deflate
    ([(FIN | RSV1 | TEXT, b"\x06")], 1007),  # a block of the reserved type
    ([(RSV1 | TEXT, b"\xf2\x48"), (FIN | RSV1 | CONT, b"\xcd\xc9\xc9\x07\0")], 1002),  # RSV1 again in the message
    ([(FIN | RSV1 | PING, b"")], 1002),
    ([(FIN | RSV1 | CLOSE, closing(1000))], 1002),
    ([(FIN | RSV2 | TEXT, b"")], 1002),
    ([(RSV1 | TEXT, b"\xf2\x48"), (TEXT, b"")], 1002),
], ids=str)
async def test_compressed_nonsense(host: FakeHost, role: str, sent: list[Frame], code: int) -> None:
    made = await _deflating(host, role)
    for first, data in sent:
        made.peer.send(first, data)
    assert await made.peer.close_code() == code
    await made.peer.closed()
    assert (await made.end())[1] == code


@pytest.mark.parametrize("role", ["server", "client"])
async def test_the_examples_of_rfc_7692(host: FakeHost, role: str) -> None:
    made = await _deflating(host, role)
    hello = bytes.fromhex("f248cdc9c90700")
    made.peer.send(FIN | RSV1 | TEXT, hello)  # 7.2.3.1
    made.peer.send(RSV1 | TEXT, hello[:3])
    made.peer.send(FIN | CONT, hello[3:])
    made.peer.send(FIN | RSV1 | TEXT, bytes.fromhex("f200110000"))  # 7.2.3.2: with the context of the former
    made.peer.send(FIN | RSV1 | TEXT, bytes.fromhex("000500faff48656c6c6f00"))  # 7.2.3.3: not compressed
    made.peer.send(FIN | RSV1 | TEXT, bytes.fromhex("f348cdc9c9070000"))  # 7.2.3.4: the end of a stream
    made.peer.send(FIN | RSV1 | TEXT, bytes.fromhex("f248050000 00ffff cac9c90700".replace(" ", "")))  # 7.2.3.5
    made.peer.send(FIN | TEXT, b"plain")
    assert await made.party.data(7) == ["Hello"] * 6 + ["plain"]
    await made.leave()


@pytest.mark.parametrize("role", ["server", "client"])
async def test_a_bomb_is_refused_before_it_has_gone_off(host: FakeHost, role: str) -> None:
    made = await _deflating(host, role)
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(50 << 20)) + packer.flush(zlib.Z_SYNC_FLUSH)
    made.peer.send(FIN | RSV1 | BINARY, bomb[:-4])
    assert await made.peer.close_code() == 1009
    await made.peer.closed()
    reason, code = await made.end()
    assert code == 1009 and "inflates" in reason
    assert made.party.messages == []


@pytest.mark.parametrize("role", ["server", "client"])
async def test_streams_without_end_in_one_message(host: FakeHost, role: str) -> None:
    made = await _deflating(host, role)
    made.peer.send(FIN | RSV1 | BINARY, b"\x03\0" * 20000)
    assert await made.peer.close_code() == 1007
    await made.peer.closed()
    assert (await made.end())[1] == 1007


@pytest.mark.parametrize("size", [65536, 65537])
@pytest.mark.parametrize("role", ["server", "client"])
async def test_the_limit_counts_inflated_bytes(host: FakeHost, role: str, size: int) -> None:
    made = await _deflating(host, role)
    made.peer.send(FIN | RSV1 | BINARY, Peer7692(made, bits=12).pack(bytes(size)))
    if size == 65536:
        assert await made.party.data(1) == [bytes(size)]
        await made.leave()
    else:
        assert await made.peer.close_code() == 1009
        await made.peer.closed()
        assert (await made.end())[1] == 1009
