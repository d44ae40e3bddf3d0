"""The codecs: what they give back, what they refuse, and how much they hold while they work."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
import zlib
from dataclasses import replace

import pytest
import zstandard

from efuns.sockets.codecs import (
    DAMAGED,
    PIECE,
    TOO_LARGE,
    TRAILING,
    TRUNCATED,
    ZLIB,
    ZSTD,
    Blocks,
    Codecs,
    CompressedDataError,
    Inflater,
)
from lpc.runtime.budget import Limits

NAMES = (ZSTD, ZLIB)
MEGABYTE = 1 << 20
MAGIC = b"\x28\xb5\x2f\xfd"


class Host:
    def __init__(self, **limits: int) -> None:
        self.limits = replace(Limits(), **limits)


def codecs(**limits: int) -> Codecs:
    return Codecs(Host(**limits))  # type: ignore[arg-type]


def drain(inflater: Inflater) -> bytes:
    pieces = []
    while piece := inflater.read():
        assert len(piece) <= PIECE
        pieces.append(piece)
    return b"".join(pieces)


def raw_frame(*blocks: bytes) -> bytes:
    """A zstd frame of these blocks: no declared size, no checksum, a window of 128 KiB."""
    return MAGIC + b"\x00\x38" + b"".join(blocks)


def block(kind: int, size: int, content: bytes, *, is_last: bool = False) -> bytes:
    return (int(is_last) | kind << 1 | size << 3).to_bytes(3, "little") + content


def repeated(size: int = 128 << 10, *, is_last: bool = False) -> bytes:
    """The smallest bomb: four bytes that become `size`."""
    return block(1, size, b"x", is_last=is_last)


# ------------------------------------------------------------------------------------------- both ways


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(12))
def test_streams_come_back_however_they_are_cut(name: str, seed: int) -> None:
    rng = random.Random(seed)
    made = codecs()
    deflater, inflater = made.named(name).deflater(), made.inflater(name)
    messages = [rng.choice([rng.randbytes(rng.choice([1, 10, 1000, 200_000])), b"abc" * rng.choice([1, 100, 100_000]),
                            bytes(rng.choice([1, 300_000]))]) for _ in range(rng.randrange(1, 6))]
    wire = b"".join(map(deflater.write, messages)) + deflater.finish()

    found, at = b"", 0
    while at < len(wire):
        size = rng.choice([1, 2, 3, 5, 17, 1000, 100_000])
        inflater.feed(wire[at:at + size])
        found += drain(inflater)
        at += size

    assert found == b"".join(messages)
    assert inflater.is_ended
    assert (inflater.taken, inflater.given) == (len(wire), len(found))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 10, 511, PIECE - 1, PIECE, PIECE + 1, 128 << 10, (128 << 10) + 1, 300_000])
def test_each_write_can_be_inflated_at_once(name: str, size: int) -> None:
    made = codecs()
    deflater, inflater = made.named(name).deflater(), made.inflater(name)

    for message in (b"0123456789", bytes(size), b"x" * size):  # what is small, then what fills a block
        inflater.feed(deflater.write(message))
        assert drain(inflater) == message

    assert not inflater.is_ended


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [b"", b"x", b"hello " * 100, bytes(900_000), random.Random(1).randbytes(70_000)])
def test_packets(name: str, data: bytes) -> None:
    made = codecs()

    assert made.unpack(name, made.named(name).pack(data)) == data


def test_the_formats_are_those_of_the_libraries() -> None:
    made = codecs()
    text = b"what others read " * 500

    assert zlib.decompress(made.named(ZLIB).pack(text)) == text
    assert zstandard.ZstdDecompressor().decompress(made.named(ZSTD).pack(text)) == text
    assert made.unpack(ZLIB, zlib.compress(text, 9)) == text
    for level in (1, 19):
        assert made.unpack(ZSTD, zstandard.ZstdCompressor(level=level, write_checksum=True).compress(text)) == text


@pytest.mark.parametrize("size", [0, 1, 255, 256, 65_791, 65_792, 500_000])
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_every_form_of_the_zstd_header(size: int, checksum: bool, declared: bool) -> None:
    data = random.Random(size).randbytes(size)
    stream = zstandard.ZstdCompressor(write_checksum=checksum, write_content_size=declared).compressobj(
        size=size if declared else -1)
    packet = stream.compress(data) + stream.flush()

    assert codecs(inflate_ratio=1).unpack(ZSTD, packet) == data


def test_streams_of_one_driver_do_not_touch_each_other() -> None:
    made = codecs()
    codec = made.named(ZSTD)
    deflaters, inflaters = [codec.deflater() for _ in range(3)], [made.inflater(ZSTD) for _ in range(3)]

    for turn in range(5):
        for number, (deflater, inflater) in enumerate(zip(deflaters, inflaters, strict=True)):
            message = f"{number} {turn} the same words".encode()
            packet = codec.pack(message)
            inflater.feed(deflater.write(message))
            assert drain(inflater) == message == made.unpack(ZSTD, packet)


# --------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(("name", "data"), [
    (ZSTD, b"h"), (ZSTD, b"hello"), (ZSTD, zlib.compress(b"x")), (ZSTD, b"\x28\xb5\x2f\xfe"), (ZSTD, b"(not magic"),
    (ZSTD, b"\x50\x2a\x4d\x18\x00\x00\x00\x00"), (ZLIB, b"g"),
    (ZLIB, b"hi"), (ZLIB, b"xx"), (ZLIB, b"hello"), (ZLIB, b"\x1f\x8b\x08"),
    (ZLIB, zstandard.ZstdCompressor().compress(b"x")),
])
def test_another_format_is_seen_in_the_first_bytes(name: str, data: bytes) -> None:
    inflater = codecs().inflater(name)

    with pytest.raises(CompressedDataError, match=f"^not in {name} format$"):
        inflater.feed(data)
        inflater.read()


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_found(name: str) -> None:
    rng = random.Random(5)
    made = codecs()
    text = b" ".join(rng.randbytes(3).hex().encode() for _ in range(2000))
    packet = zstandard.ZstdCompressor(write_checksum=True).compress(text) if name == ZSTD else zlib.compress(text)

    for _ in range(100):
        at = rng.randrange(len(packet))
        broken = packet[:at] + bytes([packet[at] ^ 1 << rng.randrange(8)]) + packet[at + 1:]
        try:
            found = made.unpack(name, broken)
        except CompressedDataError:
            continue
        assert found == text  # a bit that means nothing


@pytest.mark.parametrize("name", NAMES)
def test_every_beginning_of_a_packet_is_truncated(name: str) -> None:
    made = codecs()
    packet = made.named(name).pack(b"hello hello hello")

    for end in range(len(packet)):
        with pytest.raises(CompressedDataError, match=f"^{TRUNCATED}$"):
            made.unpack(name, packet[:end])


@pytest.mark.parametrize("name", NAMES)
def test_nothing_may_follow_the_end(name: str) -> None:
    made = codecs()
    whole = made.named(name).pack(b"whole")
    with pytest.raises(CompressedDataError, match=TRAILING):
        made.unpack(name, whole + b"!")
    with pytest.raises(CompressedDataError, match=TRAILING):
        made.unpack(name, whole + whole)

    inflater = made.inflater(name)
    inflater.feed(whole)
    assert drain(inflater) == b"whole"
    inflater.feed(b"")
    assert inflater.read() == b""
    inflater.feed(b"!")
    with pytest.raises(CompressedDataError, match=TRAILING):
        inflater.read()


@pytest.mark.parametrize("blocks", [
    (block(3, 5, b"abcde"),),  # a kind that is reserved
    (block(1, 200_000, b"x"),),  # larger than a block may be
    (block(2, 5, b"\xff" * 5, is_last=True),),
])
def test_impossible_blocks(blocks: tuple[bytes, ...]) -> None:
    inflater = codecs().inflater(ZSTD)
    inflater.feed(raw_frame(*blocks))

    with pytest.raises(CompressedDataError, match=DAMAGED):
        drain(inflater)


def test_a_window_of_the_peers_choice_is_bounded() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    inflater = codecs().inflater(ZSTD)
    inflater.feed(stream.compress(b"x") + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))

    with pytest.raises(CompressedDataError):
        inflater.read()


# ------------------------------------------------------------------------------------------ what grows


def zstd_bomb(size: int) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(bytes(size))


@pytest.mark.parametrize(("name", "bomb"), [
    (ZSTD, zstd_bomb(200 * MEGABYTE)),
    (ZSTD, raw_frame(repeated() * 5000, repeated(is_last=True))),
    (ZLIB, zlib.compress(bytes(100 * MEGABYTE))),
], ids=["zstd", "zstd by hand", "zlib"])
def test_bombs(name: str, bomb: bytes) -> None:
    limits = {"buffer_size": 8 * MEGABYTE, "inflate_ratio": 50}
    inflater = codecs(**limits).inflater(name)
    inflater.feed(bomb)

    tracemalloc.start()
    given = 0
    with pytest.raises(CompressedDataError, match=TOO_LARGE):
        while piece := inflater.read():
            assert len(piece) <= PIECE
            given += len(piece)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert given <= max(8 * MEGABYTE, 50 * len(bomb))
    assert most < 4 * MEGABYTE
    with pytest.raises(CompressedDataError, match=TOO_LARGE):
        codecs(**limits).unpack(name, bomb)


def test_a_frame_that_lies_about_its_size() -> None:
    """A library that is asked for one whole frame makes what the frame declares, whatever it is told."""
    bomb = zstd_bomb(50 * MEGABYTE)
    assert len(bomb) < 2000

    with pytest.raises(CompressedDataError, match=TOO_LARGE):
        codecs().unpack(ZSTD, bomb)


def test_what_a_packet_may_become() -> None:
    assert len(codecs().unpack(ZSTD, zstd_bomb(MEGABYTE))) == MEGABYTE  # small things may be very regular
    with pytest.raises(CompressedDataError, match=TOO_LARGE):
        codecs().unpack(ZSTD, zstd_bomb(MEGABYTE + 1))
    with pytest.raises(CompressedDataError, match=TOO_LARGE):
        codecs(buffer_size=1000).unpack(ZLIB, zlib.compress(bytes(1001)))
    assert len(codecs(buffer_size=1000).unpack(ZLIB, zlib.compress(bytes(1000)))) == 1000


@pytest.mark.parametrize("name", NAMES)
def test_a_long_stream_may_outgrow_a_buffer(name: str) -> None:
    made = codecs(buffer_size=100_000, inflate_ratio=20)
    deflater, inflater = made.named(name).deflater(), made.inflater(name)
    words = random.Random(2).randbytes(3000).hex().encode()

    total = 0
    for _ in range(50):
        inflater.feed(deflater.write(words) + deflater.write(random.Random(total).randbytes(1000)))
        total += len(drain(inflater))

    assert total == 50 * 7000 > 100_000


# ------------------------------------------------------------------------------------------- the blocks


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000, 1 << 20])
def test_blocks_are_counted_however_they_arrive(step: int) -> None:
    frame = raw_frame(block(0, 10, b"0123456789"), repeated(), repeated(100), block(0, 0, b"", is_last=True))
    blocks, at = Blocks(), 0

    for begin in range(0, len(frame), step):
        part = frame[begin:begin + step]
        assert blocks.advance(part, 0) == len(part)
        at += len(part)

    assert at == len(frame)
    assert blocks.advance(b"more", 0) == 0


def test_blocks_stop_before_they_become_too_much() -> None:
    frame = raw_frame(repeated() * 100)
    header = len(raw_frame())

    assert Blocks().advance(frame, 0) == header + 8 * len(repeated())  # eight blocks are a megabyte


def test_the_library_is_imported_when_it_is_needed() -> None:
    code = ("import sys, efuns.sockets.compressed as c, types\n"
            "host = types.SimpleNamespace(limits=types.SimpleNamespace(inflate_ratio=9, buffer_size=999))\n"
            "made = c.Codecs(host)\n"
            "assert made.unpack('zlib', made.named('zlib').pack(b'x')) == b'x'\n"
            "print('zstandard' in sys.modules)\n"
            "made.named('zstd'); print('zstandard' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(20))
def test_any_bytes_are_survived(name: str, seed: int) -> None:
    """What begins well and goes on at random is refused, or believed; it never fails otherwise nor holds much."""
    rng = random.Random(seed)
    made = codecs()
    deflater, inflater = made.named(name).deflater(), made.inflater(name)
    wire = bytearray(deflater.write(rng.randbytes(300) * 3) + deflater.write(bytes(100_000)) + deflater.finish())
    for _ in range(rng.randrange(6)):
        wire[rng.randrange(5, len(wire))] = rng.randrange(256)

    try:
        for at in range(0, len(wire), 97):
            inflater.feed(bytes(wire[at:at + 97]))
            drain(inflater)
        for _ in range(50):
            inflater.feed(rng.randbytes(97))
            drain(inflater)
    except CompressedDataError as error:
        assert str(error) in (DAMAGED, TRAILING, TOO_LARGE)
    assert inflater.given < 2 * MEGABYTE
