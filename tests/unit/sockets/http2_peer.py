"""The other end of an HTTP/2 connection, frame by frame: it may say what no library would."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from hpack import Decoder, Encoder
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.unit.sockets.fake_host import PATIENCE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
GET = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "x"))
POST = ((":method", "POST"), *GET[1:])


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Any frame."""
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


class Response:
    """What has come on one stream."""

    def __init__(self) -> None:
        self.heads: list[dict[str, str]] = []
        self.body = b""
        self.has_ended = False
        self.reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.heads[-1][":status"])

    @property
    def headers(self) -> dict[str, str]:
        return self.heads[-1]


class Http2Peer:
    """A client. Every frame that arrives is noted where it belongs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.encoder, self.decoder = Encoder(), Decoder()
        self.streams: dict[int, Response] = {}
        self.settings: dict[int, int] = {}
        self.acks = self.pings = 0
        self.goaways: list[int] = []
        self.windows: dict[int, int] = {}
        self.has_ended = False
        self._next = 1

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def begin(self, settings: dict[int, int] | None = None) -> None:
        self.send(PREFACE + SettingsFrame(0, settings=settings or {}).serialize())

    def block(self, fields: Any) -> bytes:
        return bytes(self.encoder.encode(fields))

    def headers(self, fields: Any = GET, *, ends: bool = True, stream: int | None = None) -> int:
        """Send a request's head; its stream."""
        if stream is None:
            stream, self._next = self._next, self._next + 2
        block = self.block(fields)
        pieces = [block[at:at + 16_384] for at in range(0, len(block), 16_384)]
        made = [HeadersFrame(stream, pieces[0], flags=["END_STREAM"] if ends else []),
                *(ContinuationFrame(stream, piece) for piece in pieces[1:])]
        made[-1].flags.add("END_HEADERS")
        self.send(b"".join(one.serialize() for one in made))
        return stream

    def data(self, stream: int, data: bytes, *, ends: bool = False) -> None:
        self.send(DataFrame(stream, data, flags=["END_STREAM"] if ends else []).serialize())

    def reset(self, stream: int, code: int = 8) -> None:
        self.send(RstStreamFrame(stream, error_code=code).serialize())

    def open_window(self, stream: int, size: int) -> None:
        self.send(WindowUpdateFrame(stream, window_increment=size).serialize())

    async def read(self) -> Frame | None:
        """The next frame; None at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                made, size = Frame.parse_frame_header(memoryview(await self.reader.readexactly(9)))
                made.parse_body(memoryview(await self.reader.readexactly(size)))
            except (asyncio.IncompleteReadError, ConnectionError):
                self.has_ended = True
                return None
        self._note(made)
        return made

    def _note(self, made: Frame) -> None:
        response = self.streams.setdefault(made.stream_id, Response())
        if isinstance(made, (HeadersFrame, ContinuationFrame)):
            assert "END_HEADERS" in made.flags
            response.heads.append(dict(self.decoder.decode(made.data)))
        elif isinstance(made, DataFrame):
            response.body += made.data
        elif isinstance(made, RstStreamFrame):
            response.reset = made.error_code
        elif isinstance(made, SettingsFrame):
            self.acks += "ACK" in made.flags
            self.settings |= made.settings
        elif isinstance(made, PingFrame):
            self.pings += "ACK" in made.flags
        elif isinstance(made, GoAwayFrame):
            self.goaways.append(made.error_code)
        elif isinstance(made, WindowUpdateFrame):
            self.windows[made.stream_id] = self.windows.get(made.stream_id, 0) + made.window_increment
        response.has_ended = response.has_ended or "END_STREAM" in made.flags

    async def response(self, stream: int) -> Response:
        """What comes on a stream until it ends."""
        while not ((found := self.streams.get(stream)) and (found.has_ended or found.reset is not None)):
            assert await self.read() is not None, f"the connection ended: {self.goaways}"
        return self.streams[stream]

    async def ask(self, fields: Any = GET, body: bytes | None = None) -> Response:
        stream = self.headers(fields, ends=body is None)
        if body is not None:
            self.data(stream, body, ends=True)
        return await self.response(stream)

    async def pong(self) -> None:
        """Until everything that was sent is dealt with: the answer to a ping may overtake data."""
        for _ in range(2):
            before = self.pings
            self.send(PingFrame(0, b"12345678").serialize())
            while self.pings == before:
                assert await self.read() is not None, f"the connection ended: {self.goaways}"

    async def end(self) -> list[int]:
        """Until the connection ends; the codes it was given up with."""
        while await self.read() is not None:
            pass
        return self.goaways

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()

    def vanish(self) -> None:
        wire = self.writer.get_extra_info("socket")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
