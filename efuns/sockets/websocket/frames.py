"""WebSocket frames without I/O (RFC 6455 5, RFC 7692): bytes in, messages out; messages in, bytes out.

    event = reader.read(data)           str: a text; bytes: a binary message; Control: a ping or pong; Close
    while event is not None: ...; event = reader.next()
    writer.message(TEXT, data)          as it goes on the wire
    writer.control(PING, data)

What the peer may not send raises a FrameError with the close code it deserves; after that, and after a Close,
the reader drops what comes. Rules:
- Nothing is kept beyond the limits: the size of a message is looked at when a frame announces it and, where
  it is compressed, while it is inflated. What has arrived of a text is checked at once, not at its end.
- A reader whose `is_stream` is set knows no messages: binary data comes out as it arrives, texts are refused.
- The compressor of a connection is made when it is first needed: it is by far the largest thing in it.

Masking is the C function of the library websockets, which also is the oracle of this module's tests.
"""

from __future__ import annotations

import os
import zlib
from codecs import IncrementalDecoder, getincrementaldecoder
from typing import Any, Final, NamedTuple, NoReturn

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform without the compiled part
    from websockets.utils import apply_mask

CONTINUATION: Final = 0
TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10

NORMAL: Final = 1000
GOING_AWAY: Final = 1001
PROTOCOL_ERROR: Final = 1002
UNSUPPORTED: Final = 1003
NO_CODE: Final = 1005
ABNORMAL: Final = 1006
BAD_DATA: Final = 1007
TOO_BIG: Final = 1009
EXTENSION_MISSING: Final = 1010

#: RFC 6455 5.5: what a control frame may carry
MAX_CONTROL: Final = 125
MAX_REASON: Final = MAX_CONTROL - 2

_FIN: Final = 0x80
_RSV1: Final = 0x40
_MASKED: Final = 0x80
_UNMASKED_HEADS: Final = {kind: tuple(bytes((_FIN | kind, size)) for size in range(126)) for kind in (TEXT, BINARY)}
_FLUSHED: Final = b"\0\0\xff\xff"  # RFC 7692 7.2.1: what ends a flush, and is not sent
_MOST_STREAMS: Final = 16  # deflate streams in one message
_MEMORY_LEVEL: Final = 5  # of zlib: a quarter of the memory, the ratio for short messages is the same
_STREAM_PIECE: Final = 64 << 10
_WINDOW: Final = 15
_LEAST_WINDOW: Final = 9  # zlib cannot compress with 8, nor tell the difference when inflating


class FrameError(Exception):
    """The peer broke the protocol: `code` is the close code for it."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Control(NamedTuple):
    """A ping or pong."""

    opcode: int
    data: bytes


class Close(NamedTuple):
    """A close frame. Without a code `code` is 1005, as RFC 6455 7.1.5 has it; `data` is the frame's payload."""

    code: int
    reason: str
    data: bytes


Event = str | bytes | Control | Close


class Deflate(NamedTuple):
    """What two ends agreed on by RFC 7692: windows in bits, and whether a context outlives a message."""

    our_bits: int = _WINDOW
    their_bits: int = _WINDOW
    we_forget: bool = False
    they_forget: bool = False


def is_close_code(code: int) -> bool:
    """Whether a close frame may carry the code: RFC 6455 7.4, and the registry since."""
    return (1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999


def close_payload(code: int, reason: str) -> bytes:
    """The payload of a close frame; a reason that is too long is cut between two characters."""
    text = reason.encode("utf-8", "replace")[:MAX_REASON].decode("utf-8", "ignore")
    return code.to_bytes(2, "big") + text.encode()


# ---------------------------------------------------------------------------------------------- reading


class Reader:
    """Reads what one peer sends. `is_server` says which end reads: only what clients send is masked."""

    __slots__ = ("max_message", "max_frame", "is_stream", "is_over", "_mask_bit", "_inflater", "_data", "_at",
                 "_opcode", "_is_final", "_is_open", "_left", "_key", "_kind", "_is_deflated", "_size", "_body",
                 "_decoder")

    def __init__(self, *, is_server: bool, max_message: int, max_frame: int = 0, deflate: Deflate | None = None,
                 is_stream: bool = False) -> None:
        self.max_message = max_message
        self.max_frame = max_frame or 1 << 63
        self.is_stream = is_stream
        self.is_over = False
        self._mask_bit = _MASKED if is_server else 0
        self._inflater = Inflater(deflate) if deflate is not None else None
        self._data = b""
        self._at = 0
        # the frame being read, if _is_open
        self._is_open = False
        self._opcode = 0
        self._is_final = False
        self._left = 0  # bytes of its payload still to come
        self._key = b""
        # the message being read, if _kind is not 0
        self._kind = 0
        self._is_deflated = False
        self._size = 0
        self._body: bytearray | None = None
        self._decoder: IncrementalDecoder | None = None

    def read(self, data: bytes) -> Event | None:
        """Take what arrived and return the first event in it; None: ask again with more."""
        if not self._data and not self._is_open and not self._kind and self._mask_bit and len(data) > 5:
            # A short message from a client in one piece: nearly all of them.
            first, size = data[0], data[1] - _MASKED
            if (first == _FIN | BINARY or (first == _FIN | TEXT and not self.is_stream)) and 0 <= size < 126 \
                    and len(data) == size + 6 and size <= self.max_frame and size <= self.max_message \
                    and not self.is_over:
                payload = apply_mask(data[6:], data[2:6])
                return payload if first == _FIN | BINARY else self._text(payload)
        self._data = self._data[self._at:] + data if self._data else data
        self._at = 0
        return self.next()

    def next(self) -> Event | None:
        """The next event in what has been read, None if there is none. Raises FrameError."""
        while not self.is_over:
            inflater = self._inflater
            if inflater is not None and not inflater.is_dry:  # of a stream; a message is inflated at once
                piece = self._take_inflated(inflater, _STREAM_PIECE)
                if piece:
                    return piece
                continue
            if not self._is_open and not self._read_head():
                break
            count = min(self._left, len(self._data) - self._at)
            if count < self._left and (not count or self._opcode >= CLOSE):
                break  # the few bytes of a control frame wait for the rest
            event = self._read_payload(count)
            if event is not None:
                return event
        if self.is_over or self._at >= len(self._data):
            self._data = b""
            self._at = 0
        return None

    @property
    def has_more(self) -> bool:
        """Whether bytes wait that next() has not looked at."""
        return self._at < len(self._data)

    @property
    def is_partial(self) -> bool:
        """Whether a part of a message or frame has arrived."""
        return self._is_open or self._kind != 0 or bool(self._data)

    def _read_head(self) -> bool:
        """Begin the next frame: False where its head is not complete. It is judged as soon as its two first
        bytes are there."""
        data, at = self._data, self._at
        if len(data) - at < 2:
            return False
        first, size = data[at], data[at + 1] & 0x7F
        opcode = first & 0x0F
        self._judge(first, opcode, size, is_masked=data[at + 1] & _MASKED)
        at += 2
        extra = 2 if size == 126 else 8 if size == 127 else 0
        if len(data) - at < extra + (4 if self._mask_bit else 0):
            return False
        if extra:
            size = int.from_bytes(data[at:at + extra], "big")
            at += extra
            if size < 126 or (extra == 8 and not 0xFFFF < size < 1 << 63):  # 5.2: the shortest form
                self._refuse(PROTOCOL_ERROR, "A frame's length is malformed")
        if self._mask_bit:
            self._key = data[at:at + 4]
            at += 4
        self._at = at
        self._opcode, self._is_final, self._left = opcode, first >= _FIN, size
        self._is_open = True
        if opcode < CLOSE:
            self._begin_data(first, opcode, size)
        return True

    def _judge(self, first: int, opcode: int, size: int, *, is_masked: int) -> None:
        if first & 0x30 or (first & _RSV1 and (self._inflater is None or opcode not in (TEXT, BINARY))):
            self._refuse(PROTOCOL_ERROR, "A reserved bit is set")
        if opcode > PONG or BINARY < opcode < CLOSE:
            self._refuse(PROTOCOL_ERROR, f"Unknown opcode {opcode}")
        if is_masked != self._mask_bit:
            self._refuse(PROTOCOL_ERROR, "A frame is masked" if is_masked else "A frame is not masked")
        if opcode >= CLOSE:
            if size > MAX_CONTROL or first < _FIN:
                self._refuse(PROTOCOL_ERROR, "A control frame is fragmented or too long")
        elif opcode == CONTINUATION and not self._kind:
            self._refuse(PROTOCOL_ERROR, "There is no message to continue")
        elif opcode != CONTINUATION and self._kind:
            self._refuse(PROTOCOL_ERROR, "A message begins within another")

    def _begin_data(self, first: int, opcode: int, size: int) -> None:
        if opcode != CONTINUATION:
            if self.is_stream and opcode == TEXT:
                self._refuse(UNSUPPORTED, "This is a stream of bytes")
            self._kind = opcode
            self._is_deflated = first & _RSV1 != 0
            self._size = 0
            if self._is_deflated:
                assert self._inflater is not None
                self._inflater.begin()
        if not self._is_deflated:
            self._size += size
        if size > self.max_frame:
            self._refuse(TOO_BIG, f"A frame is longer than {self.max_frame} bytes")
        if self._size > self.max_message and not self.is_stream:
            self._refuse(TOO_BIG, f"A message is longer than {self.max_message} bytes")

    def _read_payload(self, count: int) -> Event | None:
        at = self._at
        piece = self._data[at:at + count]
        self._at = at + count
        self._left -= count
        if self._mask_bit and count:
            key = self._key
            piece = apply_mask(piece, key)
            if self._left and count & 3:
                turn = count & 3
                self._key = key[turn:] + key[:turn]
        if not self._left:
            self._is_open = False
        if self._opcode >= CLOSE:
            return self._read_control(piece)
        is_end = self._is_final and not self._left
        if self.is_stream and self._kind == BINARY:
            return self._stream(piece, is_end=is_end)
        if self._is_deflated:
            piece = self._inflate(piece, is_end=is_end)
        return self._collect(piece, is_end=is_end)

    def _stream(self, piece: bytes, *, is_end: bool) -> bytes | None:
        if is_end:
            self._kind = 0
        if not self._is_deflated:
            return piece or None
        assert self._inflater is not None
        self._inflater.feed(piece, is_end=is_end)
        return None  # next() looks into the inflater

    def _take_inflated(self, inflater: Inflater, most: int) -> bytes:
        try:
            return inflater.take(most)
        except zlib.error:
            self._refuse(BAD_DATA, "Compressed data is corrupt")

    def _inflate(self, piece: bytes, *, is_end: bool) -> bytes:
        """What a piece of a message inflates to, as long as the message may be so long."""
        inflater = self._inflater
        assert inflater is not None
        inflater.feed(piece, is_end=is_end)
        pieces = []
        while not inflater.is_dry:
            pieces.append(self._take_inflated(inflater, self.max_message - self._size + 1))
            self._size += len(pieces[-1])
            if self._size > self.max_message:
                self._refuse(TOO_BIG, f"A message inflates to more than {self.max_message} bytes")
        return b"".join(pieces)

    def _collect(self, piece: bytes, *, is_end: bool) -> Event | None:
        """Put a piece to its message: the message, if that is its end."""
        if is_end and self._body is None:
            kind, self._kind = self._kind, 0
            return piece if kind == BINARY else self._text(piece)
        if self._body is None:
            self._body = bytearray()
        self._body += piece
        if self._kind == TEXT:
            self._check_text(piece, is_end=is_end)
        if not is_end:
            return None
        body, kind = bytes(self._body), self._kind
        self._kind, self._body, self._decoder = 0, None, None
        return body.decode() if kind == TEXT else body

    def _text(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self._refuse(BAD_DATA, "A text is not UTF-8")

    def _check_text(self, piece: bytes, *, is_end: bool) -> None:
        if self._decoder is None:
            self._decoder = getincrementaldecoder("utf-8")()
        try:
            self._decoder.decode(piece, is_end)
        except UnicodeDecodeError:
            self._refuse(BAD_DATA, "A text is not UTF-8")

    def _read_control(self, data: bytes) -> Control | Close:
        if self._opcode != CLOSE:
            return Control(self._opcode, data)
        self.is_over = True
        if not data:
            return Close(NO_CODE, "", data)
        code = int.from_bytes(data[:2], "big")
        if len(data) == 1 or not is_close_code(code):
            self._refuse(PROTOCOL_ERROR, "A close frame has no valid code")
        try:
            return Close(code, data[2:].decode(), data)
        except UnicodeDecodeError:
            self._refuse(BAD_DATA, "The reason of a close frame is not UTF-8")

    def _refuse(self, code: int, reason: str) -> NoReturn:
        self.is_over = True
        self._body = self._decoder = None
        raise FrameError(code, reason)


class Inflater:
    """Inflates the messages of one direction. feed() it, then take() until `is_dry`."""

    __slots__ = ("is_dry", "_bits", "_forgets", "_stream", "_input", "_streams")

    def __init__(self, agreed: Deflate) -> None:
        self.is_dry = True
        self._bits = max(agreed.their_bits, _LEAST_WINDOW)
        self._forgets = agreed.they_forget
        self._stream: Any = None  # zlib gives its class no name
        self._input = b""
        self._streams = 0  # begun in this message

    def begin(self) -> None:
        """A message begins."""
        self._streams = 0
        if self._forgets or self._stream is None:
            self._stream = zlib.decompressobj(-self._bits)

    def feed(self, data: bytes, *, is_end: bool) -> None:
        """Take compressed bytes; `is_end`: they are the last of the message."""
        self._input = data + _FLUSHED if is_end else data
        self.is_dry = not self._input

    def take(self, most: int) -> bytes:
        """At most `most` (not 0) of the inflated bytes. Raises zlib.error."""
        stream = self._stream
        made: bytes = stream.decompress(self._input, most)
        self._input = stream.unconsumed_tail
        if stream.eof:
            # RFC 7692 7.2.3.4: a message may hold the end of a stream. What follows is another.
            self._input = stream.unused_data
            self._stream = zlib.decompressobj(-self._bits)
            self._streams += 1
            if self._streams > _MOST_STREAMS:
                raise zlib.error("too many streams")
        self.is_dry = not self._input and len(made) < most  # else zlib may hold some back
        return made


# ---------------------------------------------------------------------------------------------- writing


class Writer:
    """Makes the frames of one end. `is_client` masks them; messages above `max_frame` bytes go in several."""

    __slots__ = ("_is_client", "_max_frame", "_deflate", "_compressor")

    def __init__(self, *, is_client: bool, max_frame: int = 0, deflate: Deflate | None = None) -> None:
        self._is_client = is_client
        self._max_frame = max_frame or 1 << 63
        self._deflate = deflate
        self._compressor: Any = None  # zlib gives its class no name

    def message(self, kind: int, data: bytes, *, may_compress: bool = True) -> bytes:
        """A message as it goes on the wire."""
        first = kind
        # No data makes no flush, so its compressed form would be malformed.
        if self._deflate is not None and data and may_compress:
            first |= _RSV1
            data = self._compress(data, self._deflate)
        size = len(data)
        if size < 126 and first == kind and not self._is_client and size <= self._max_frame:
            return _UNMASKED_HEADS[kind][size] + data
        if size <= self._max_frame:
            return self._frame(_FIN | first, data)
        frames = []
        for at in range(0, size, self._max_frame):
            end = at + self._max_frame
            frames.append(self._frame(first | (_FIN if end >= size else 0), data[at:end]))
            first = CONTINUATION
        return b"".join(frames)

    def control(self, opcode: int, data: bytes) -> bytes:
        """A control frame."""
        return self._frame(_FIN | opcode, data)

    @property
    def sends_alike(self) -> bool:
        """Whether a message looks as that of any other such end: neither masked nor cut."""
        return not self._is_client and self._max_frame == 1 << 63

    def _frame(self, first: int, data: bytes) -> bytes:
        size = len(data)
        mark = _MASKED if self._is_client else 0
        if size < 126:
            head = bytes((first, mark | size))
        elif size < 1 << 16:
            head = bytes((first, mark | 126)) + size.to_bytes(2, "big")
        else:
            head = bytes((first, mark | 127)) + size.to_bytes(8, "big")
        if not mark:
            return head + data
        key = os.urandom(4)  # 5.3: nobody may be able to guess it
        return head + key + apply_mask(data, key)

    def _compress(self, data: bytes, agreed: Deflate) -> bytes:
        stream = self._compressor
        if stream is None:
            bits = max(agreed.our_bits, _LEAST_WINDOW)
            stream = self._compressor = zlib.compressobj(wbits=-bits, memLevel=_MEMORY_LEVEL)
        packed: bytes = stream.compress(data) + stream.flush(zlib.Z_SYNC_FLUSH)
        if agreed.we_forget:
            self._compressor = None
        return packed[:-len(_FLUSHED)]
