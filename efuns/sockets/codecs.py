"""Compression for sockets: zstd (RFC 8878) and zlib (RFC 1950), as streams and as single packets.

A codec gives a `Deflater` and an `Inflater` for the two directions of a stream, and packs packets on their
own. Nothing here does I/O. Rules:

- What a Deflater's `write` returns ends at a flush: the peer can inflate all of it at once.
- An Inflater gives pieces of at most PIECE bytes and never holds more than about a megabyte of output,
  however much the input would become. Data lie about their size: what they declare is believed by nobody.
- The output may exceed `allowance` only while it stays below `ratio` times the input.
- Whatever is wrong with the data is a CompressedDataError; its text says what, as "damaged".

The library for zstd is imported when the first zstd codec is used.
"""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import zstandard

    from lpc.runtime.host import Host

ZSTD: Final = "zstd"
ZLIB: Final = "zlib"

#: the most an Inflater gives at once
PIECE: Final = 64 << 10
#: what a packet may become whatever the ratio: small things may be very regular
_ALWAYS_ALLOWED: Final = 1 << 20
_LEVEL: Final = 3

DAMAGED: Final = "damaged"
TOO_LARGE: Final = "too large when inflated"
TRAILING: Final = "something follows their end"
TRUNCATED: Final = "truncated"


class CompressedDataError(ValueError):
    """Data that cannot be inflated, or must not be."""


class Deflater(Protocol):
    """One outgoing stream."""

    def write(self, data: bytes) -> bytes:
        """What goes on the wire for these data; the peer can inflate all of it."""

    def finish(self) -> bytes:
        """What ends the stream. Nothing may follow."""


class Inflater:
    """One incoming stream: feed() what arrived, then read() until it gives b""."""

    __slots__ = ("taken", "given", "is_ended", "_ratio", "_allowance", "_has_more")

    def __init__(self, ratio: int, allowance: int) -> None:
        self.taken = self.given = 0  # bytes in and out
        self.is_ended = False  # the proper end of the stream was reached
        self._ratio = ratio
        self._allowance = allowance
        self._has_more = False  # something follows the end

    def feed(self, data: bytes) -> None:
        """Take what arrived."""
        self.taken += len(data)
        if not self.is_ended:
            self._keep(data)
        elif data:
            self._has_more = True

    def read(self) -> bytes:
        """The next piece; b"" where more has to be fed first. Raises CompressedDataError."""
        piece = self._next()
        if not piece and self._has_more:
            raise CompressedDataError(TRAILING)
        self.given += len(piece)
        if self.given > self._allowance and self.given > self.taken * self._ratio:
            raise CompressedDataError(TOO_LARGE)
        return piece

    def _keep(self, data: bytes) -> None:
        raise NotImplementedError

    def _next(self) -> bytes:
        raise NotImplementedError


class Codec(Protocol):
    """One format, for one driver: what every packet needs is made once."""

    def deflater(self) -> Deflater: ...
    def inflater(self, ratio: int, allowance: int) -> Inflater: ...

    def pack(self, data: bytes) -> bytes:
        """Data as a whole stream of their own."""

    def packet_inflater(self, allowance: int) -> Inflater:
        """For one packet; valid until the next one is asked for."""


class Codecs:
    """The codecs of one driver: `driver.state(Codecs)`."""

    def __init__(self, driver: Host) -> None:
        self._limits = driver.limits

    def named(self, name: str) -> Codec:
        """A codec by the name LPC knows it by."""
        return self._zlib if name == ZLIB else self._zstd

    def inflater(self, name: str) -> Inflater:
        """For a stream: it may become as much as a buffer; beyond that the ratio counts."""
        limits = self._limits
        return self.named(name).inflater(limits.inflate_ratio, limits.buffer_size)

    def unpack(self, name: str, packet: bytes) -> bytes:
        """The data of a packet, which must be one whole stream. Raises CompressedDataError."""
        limits = self._limits
        most = min(limits.buffer_size, max(len(packet) * limits.inflate_ratio, _ALWAYS_ALLOWED))
        inflater = self.named(name).packet_inflater(most)
        inflater.feed(packet)
        pieces = []
        while piece := inflater.read():
            pieces.append(piece)
        if not inflater.is_ended:
            raise CompressedDataError(TRUNCATED)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @cached_property
    def _zstd(self) -> Codec:
        return _Zstd()

    @cached_property
    def _zlib(self) -> Codec:
        return _Zlib()


# ------------------------------------------------------------------------------------------------ zlib


class _Zlib:
    """RFC 1950, the format of compress()."""

    def deflater(self) -> Deflater:
        return _ZlibDeflater()

    def inflater(self, ratio: int, allowance: int) -> Inflater:
        return _ZlibInflater(ratio, allowance)

    def pack(self, data: bytes) -> bytes:
        return zlib.compress(data)

    def packet_inflater(self, allowance: int) -> Inflater:
        return _ZlibInflater(0, allowance)


class _ZlibDeflater:
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def write(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._stream.flush()


class _ZlibInflater(Inflater):
    __slots__ = ("_stream", "_input", "_is_pending")

    def __init__(self, ratio: int, allowance: int) -> None:
        super().__init__(ratio, allowance)
        self._stream = zlib.decompressobj()
        self._input = b""
        self._is_pending = False  # the last piece was full: zlib may hold more without more input

    def _keep(self, data: bytes) -> None:
        if self.taken == len(data) and data and not _may_begin_zlib(data):
            raise CompressedDataError(f"not in {ZLIB} format")
        self._input += data

    def _next(self) -> bytes:
        if not self._input and not self._is_pending:
            return b""
        stream = self._stream
        try:
            piece = stream.decompress(self._input, PIECE)
        except zlib.error:
            raise CompressedDataError(DAMAGED) from None
        self._input = stream.unconsumed_tail
        self._is_pending = len(piece) == PIECE
        if stream.eof:
            self.is_ended = True
            self._has_more = bool(stream.unused_data)
            self._input, self._is_pending = b"", False
        return piece


def _may_begin_zlib(data: bytes) -> bool:
    """Whether data begin as RFC 1950 2.2 wants it, as far as they go: zlib itself waits for two bytes."""
    is_deflate = data[0] & 0x0F == 8 and data[0] >> 4 <= 7
    return is_deflate and (len(data) == 1 or (data[0] << 8 | data[1]) % 31 == 0)


# ------------------------------------------------------------------------------------------------ zstd

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
#: RFC 8878 3.1.1.2.4: no block becomes more
_LARGEST_BLOCK: Final = 128 << 10
#: output that may be waiting inside an Inflater
_MOST_AT_ONCE: Final = 1 << 20
#: RFC 8878 3.1.1.1.2 recommends that every decoder takes this much; more is memory the peer would choose
_LARGEST_WINDOW: Final = 8 << 20
#: streams are compressed as if they were this long: a third of the memory of the level's own tables
_STREAM_LENGTH: Final = 128 << 10

_DESCRIPTOR, _REST, _BLOCK = range(3)  # the headers of a frame
_BLOCK_HEADER: Final = 3
_CHECKSUM: Final = 4
_RLE: Final = 1
_COMPRESSED: Final = 2


class _Zstd:
    """RFC 8878."""

    def __init__(self) -> None:
        import zstandard  # an optional extra

        self._library = zstandard
        self._packer = zstandard.ZstdCompressor(level=_LEVEL)
        self._unpacker = self._decompressor()

    def deflater(self) -> Deflater:
        parameters = self._library.ZstdCompressionParameters.from_level(
            _LEVEL, source_size=_STREAM_LENGTH, write_content_size=False)
        return _ZstdDeflater(self._library.ZstdCompressor(compression_params=parameters))

    def inflater(self, ratio: int, allowance: int) -> Inflater:
        return _ZstdInflater(self._decompressor(), self._library.ZstdError, ratio, allowance)

    def pack(self, data: bytes) -> bytes:
        return self._packer.compress(data)

    def packet_inflater(self, allowance: int) -> Inflater:
        return _ZstdInflater(self._unpacker, self._library.ZstdError, 0, allowance)

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        return self._library.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)


class _ZstdDeflater:
    __slots__ = ("_stream", "_flush")

    def __init__(self, compressor: zstandard.ZstdCompressor) -> None:
        from zstandard import COMPRESSOBJ_FLUSH_BLOCK

        self._stream = compressor.compressobj()
        self._flush = COMPRESSOBJ_FLUSH_BLOCK

    def write(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(self._flush)

    def finish(self) -> bytes:
        return self._stream.flush()


class _ZstdInflater(Inflater):
    """The library inflates all it is given, so it is given a few blocks at a time."""

    __slots__ = ("_stream", "_error", "_blocks", "_input", "_at", "_output", "_output_at")

    def __init__(self, decompressor: zstandard.ZstdDecompressor, error: type[Exception], ratio: int, allowance: int,
                 ) -> None:
        super().__init__(ratio, allowance)
        self._stream = decompressor.decompressobj()
        self._error = error
        self._blocks = Blocks()
        self._input = b""
        self._at = 0
        self._output = b""
        self._output_at = 0

    def _keep(self, data: bytes) -> None:
        self._input = self._input[self._at:] + data if self._at < len(self._input) else data
        self._at = 0

    def _next(self) -> bytes:
        while self._output_at >= len(self._output):
            if self._at >= len(self._input) or self.is_ended:
                return b""
            self._inflate()
        begin, self._output_at = self._output_at, self._output_at + PIECE
        if begin == 0 and len(self._output) <= PIECE:
            return self._output
        return self._output[begin:self._output_at]

    def _inflate(self) -> None:
        end = self._blocks.advance(self._input, self._at)
        if end == self._at:  # the frame is over by our count, but not for the decoder
            raise CompressedDataError(DAMAGED)
        try:
            self._output = self._stream.decompress(memoryview(self._input)[self._at:end])
        except self._error:
            raise CompressedDataError(DAMAGED) from None
        self._output_at = 0
        self._at = end
        if self._stream.eof:
            self.is_ended = True
            self._has_more = end < len(self._input)


class Blocks:
    """Where the blocks of one zstd frame end. It bounds what a decoder makes of an input and judges nothing
    but the magic number: what is wrong beyond that the decoder finds.

    RFC 8878 3.1.1: magic number and descriptor; the rest of the header, as long as the descriptor says;
    blocks, each a header of three bytes and its content; a checksum if the descriptor says so.
    """

    __slots__ = ("_stage", "_header", "_wanted", "_content", "_output", "_has_checksum", "_is_last")

    def __init__(self) -> None:
        self._stage = _DESCRIPTOR
        self._header = bytearray()  # as much of a header as has been seen
        self._wanted = len(_MAGIC) + 1  # how long it is
        self._content = 0  # bytes to pass over before the next header
        self._output = 0  # what the decoder may make of them
        self._has_checksum = self._is_last = False

    def advance(self, data: bytes, at: int) -> int:
        """How far a decoder may be given data that continue at `at`, to make little more than a megabyte
        of them; not beyond the end of the frame."""
        output = 0
        while at < len(data) and output < _MOST_AT_ONCE:
            if self._content:
                passed = min(self._content, len(data) - at)
                self._content -= passed
            elif self._is_last:
                break
            else:
                passed = self._take_header(data[at:at + self._wanted - len(self._header)])
            at += passed
            if not self._content:
                output += self._output
                self._output = 0
        return at

    def _take_header(self, part: bytes) -> int:
        self._header += part
        if self._stage == _DESCRIPTOR and not self._header.startswith(_MAGIC[:len(self._header)]):
            raise CompressedDataError(f"not in {ZSTD} format")
        if len(self._header) == self._wanted:
            if self._stage == _DESCRIPTOR:
                self._read_descriptor(self._header[-1])
            elif self._stage == _REST:
                self._stage, self._wanted = _BLOCK, _BLOCK_HEADER
            else:
                self._read_block(int.from_bytes(self._header, "little"))
            self._header.clear()
        return len(part)

    def _read_descriptor(self, descriptor: int) -> None:
        self._has_checksum = bool(descriptor & 4)
        is_single_segment = bool(descriptor & 32)
        window = 0 if is_single_segment else 1
        dictionary = (0, 1, 2, 4)[descriptor & 3]
        length = (int(is_single_segment), 2, 4, 8)[descriptor >> 6]
        self._stage, self._wanted = _REST, window + dictionary + length

    def _read_block(self, header: int) -> None:
        kind, size = header >> 1 & 3, header >> 3
        self._is_last = bool(header & 1)
        self._content = 1 if kind == _RLE else size
        self._output = _LARGEST_BLOCK if kind == _COMPRESSED else size
        if self._is_last and self._has_checksum:
            self._content += _CHECKSUM
