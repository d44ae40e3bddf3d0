"""Efuns over buffers, and reading and writing inside one (read_buffer() and write_buffer() in `efuns.files`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Buffer

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject


@efun("buffer allocate_buffer(int size)")
def allocate_buffer(this: LPCObject, size: int) -> Buffer:
    """A new buffer of `size` zero bytes.

    Example: sizeof(allocate_buffer(16)) is 16
    """
    if not 0 <= size <= this.driver.limits.buffer_size:
        raise LPCError("Illegal buffer size.")
    return Buffer(bytearray(size))


def part_of(data: bytes | bytearray, start: int, length: int) -> bytes | None:
    """`length` bytes from `start` (negative: from the end; length 0: all); None where there are none."""
    if start < 0:
        start += len(data)
    if length < 0 or not 0 <= start < len(data):
        return None
    return bytes(data[start : start + length] if length else data[start:])


def overwrite(buffer: Buffer, start: int, data: bytes) -> bool:
    """Put bytes into a buffer at `start` (negative: from the end); False, and nothing done, if they do not fit."""
    if start < 0:
        start += len(buffer.data)
    if start < 0 or start + len(data) > len(buffer.data):
        return False
    buffer.data[start : start + len(data)] = data
    return True
