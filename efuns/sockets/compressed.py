"""Modes 7, 8 and 9: compressed streams over TCP and TLS, compressed UDP packets.

Both ends use the mode with the same codec (SO_COMPRESSION); nothing is negotiated. Rules:

- A stream is one frame in each direction, flushed with each socket_write() and ended by socket_close().
- What cannot be inflated ends a stream, with a reason that begins "Problem with compressed data"; a packet
  of that kind is dropped and counted (SO_DROPPED), since anybody can send one.
- A stream is delivered in pieces; a few in one turn of the loop, and while some wait nothing more is read. So a
  little input that becomes much output neither fills the memory nor stops the driver.
- The size of compressed text tells something about it. Who can put words of his own beside a secret, and sees
  how long the encrypted packets are, can guess the secret (CRIME): do not send both in one message of mode 8.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from efuns.sockets import codecs, errors, options
from efuns.sockets.codecs import Codecs, CompressedDataError
from efuns.sockets.tcp import Stream, Text
from efuns.sockets.udp import Datagram, message_bytes, text_or_buffer
from lpc.runtime.values import Buffer, Value

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from efuns.sockets.base import Socket
    from efuns.sockets.codecs import Codec, Deflater, Inflater
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

_PIECES: Final = 4  # delivered in one turn of the loop
#: what fits into a UDP packet over IPv4
_LARGEST_PACKET: Final = 65507


class StreamCompressed(Stream):
    """Mode 7: a compressed stream over TCP."""

    __slots__ = ("_deflater", "_inflater", "_text", "_is_paused", "_next")

    finishes = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._deflater: Deflater | None = None
        self._inflater: Inflater | None = None
        self._text = Text()
        self._is_paused = False  # pieces wait for the next turn of the loop
        self._next: Callable[[], None] | None = None  # what happened on the wire meanwhile: its end

    # ----------------------------------------------------------------------------------------- sending

    def encode(self, message: Value) -> bytes | int:
        data = message_bytes(message)
        if isinstance(data, int) or not data:
            return data
        if self._deflater is None:
            self._deflater = _codec(self).deflater()
        return self._deflater.write(data)

    def farewell(self) -> bytes:
        return _codec(self).pack(b"") if self._deflater is None else self._deflater.finish()

    # --------------------------------------------------------------------------------------- receiving

    @property
    def runs(self) -> bool:
        return self._next is None and super().runs

    def received(self, data: bytes) -> None:
        if self._inflater is None:
            self._inflater = _codecs(self).inflater(_codec_name(self))
        try:
            self._inflater.feed(data)
        except CompressedDataError as error:
            self._fail(error)
            return
        if not self._is_paused:
            self._inflate(self._inflater)

    def _inflate(self, inflater: Inflater) -> None:
        """Deliver some pieces."""
        try:
            for _ in range(_PIECES):
                piece = inflater.read()
                if not piece:
                    self._all_delivered()
                    return
                self._deliver_piece(piece)
                if not super().runs:
                    return
        except CompressedDataError as error:
            self._fail(error)
            return
        if not self._is_paused:
            self._is_paused = True
            self._loop.remove_reader(self._connection.fileno())
        self._loop.call_soon(self._go_on, inflater)

    def _go_on(self, inflater: Inflater) -> None:
        if super().runs:
            self._inflate(inflater)

    def _all_delivered(self) -> None:
        if not self._is_paused:
            return
        self._is_paused = False
        what, self._next = self._next, None
        if what is not None:
            what()
        else:
            self._loop.add_reader(self._connection.fileno(), self._readable)

    def _deliver_piece(self, piece: bytes) -> None:
        if _is_binary(self):
            self.deliver(Buffer(piece))
        elif text := self._text.decode(piece):
            self.deliver(text)

    def _fail(self, error: CompressedDataError) -> None:
        self._next = None
        self.fail(f"Problem with compressed data: {error}", errors.EEBADDATA)

    # ----------------------------------------------------------------------------------------- the end

    def _end(self) -> None:
        if self._is_paused:
            self._next = super()._end
        else:
            super()._end()

    def _lost(self, error: OSError) -> None:
        if self._is_paused:
            self._next = partial(super()._lost, error)
        else:
            super()._lost(error)

    def ended(self) -> tuple[str, int]:
        if text := self._text.end():
            self.deliver(text)
        if self._inflater is not None and not self._inflater.is_ended:
            return codecs.TRUNCATED, errors.EEBADDATA
        if self.runs:
            self.transmit(self.farewell())  # the other end may have closed one direction only
        return super().ended()


class StreamTlsCompressed(StreamCompressed):
    """Mode 8: a compressed stream over TLS."""

    __slots__ = ()

    is_secure = True


class DatagramCompressed(Datagram):
    """Mode 9: each packet is a whole compressed stream."""

    __slots__ = ("_dropped",)

    gives_reason = True
    reports_end = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._dropped = 0

    def packet_of(self, message: Value) -> bytes | int:
        data = message_bytes(message)
        if isinstance(data, int):
            return data
        packet = _codec(self).pack(data)
        if len(packet) > _LARGEST_PACKET:
            reason = f"{len(packet)} bytes when compressed, a packet holds {_LARGEST_PACKET}"
            return self.problem(errors.EEBADDATA, reason)
        return packet

    def message_of(self, packet: bytes) -> Value | None:
        try:
            data = _codecs(self).unpack(_codec_name(self), packet)
        except CompressedDataError:
            self._dropped += 1
            return None
        return Buffer(data) if _is_binary(self) else text_or_buffer(data)

    def get_option(self, number: int) -> Value | None:
        return self._dropped if number == options.SO_DROPPED else super().get_option(number)


def _codecs(of: Socket) -> Codecs:
    return of.table.driver.state(Codecs)


def _codec(of: Socket) -> Codec:
    return _codecs(of).named(_codec_name(of))


def _codec_name(of: Socket) -> str:
    name = of.get_option(options.SO_COMPRESSION)
    return name if isinstance(name, str) else codecs.ZSTD


def _is_binary(of: Socket) -> bool:
    return of.get_option(options.SO_ENCODING) == "binary"
