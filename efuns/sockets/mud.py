"""Mode 0, MUD: LPC values over TCP.

A frame is a 4-byte big-endian length L and L bytes: the text save_variable() writes, in UTF-8, and the NUL
after it. The reader takes frames without the NUL, too. A length of 0 or above LARGEST ends the connection;
a text that is no saved value is delivered as undefined.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors
from efuns.sockets.tcp import Stream
from efuns.sockets.wire import text_bytes
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.save import restore_value, save_value
from lpc.runtime.values import UNDEFINED, Value, is_destructed

if TYPE_CHECKING:
    import socket

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable

LARGEST: Final = 262144  # FluffOS's default of "maximum byte transfer"
_LENGTH: Final = struct.Struct(">I")


class Mud(Stream):
    """See the module."""

    __slots__ = ("_kept", "_wanted")

    gives_reason = False
    finishes = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._kept = bytearray()  # of a frame that is not complete
        self._wanted = 0  # bytes to have before it is looked at again

    def encode(self, message: Value) -> bytes | int:
        if isinstance(message, LPCObject) and not is_destructed(message):
            return errors.EETYPENOTSUPP
        text = text_bytes(save_value(message, self.table.driver.limits.save_depth))
        return _LENGTH.pack(len(text) + 1) + text + b"\0"

    def received(self, data: bytes) -> None:
        kept = self._kept
        if kept:
            kept += data
            if len(kept) < self._wanted:
                return
            data = bytes(kept)
            kept.clear()
        at = 0
        while len(data) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(data, at)
            if not 0 < length <= LARGEST:
                self.fail(f"A message claims to have {length} bytes", errors.EEBADDATA)
                return
            begin, end = at + _LENGTH.size, at + _LENGTH.size + length
            if len(data) < end:
                break
            at = end
            self.deliver(self._value(data[begin:end]))
            if not self.runs:
                return
        kept += data[at:]
        if kept:
            self._wanted = _LENGTH.size + (_LENGTH.unpack_from(kept)[0] if len(kept) >= _LENGTH.size else 0)

    def _value(self, frame: bytes) -> Value:
        limits = self.table.driver.limits
        text = frame.removesuffix(b"\0").decode("utf-8", "replace")
        try:
            return restore_value(text, limits.save_depth, limits.mapping_size)
        except LPCError:
            return UNDEFINED
