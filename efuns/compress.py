"""Efuns of the compress package. Inflating stops at a ratio and at the buffer limit: data lie about their size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Buffer

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

_ALWAYS_ALLOWED = 1 << 20  # bytes that may come out whatever the ratio: small things may be very regular


@efun("buffer compress(string | buffer data)")
def compress(data: str | Buffer) -> Buffer:
    """A string's UTF-8 bytes or a buffer, deflated (zlib format).

    Example: sizeof(compress("aaaaaaaaaaaaaaaaaaaaaaaa"))
    """
    import zlib

    return Buffer(zlib.compress(_bytes(data)))


@efun("buffer uncompress(string | buffer data)")
def uncompress(this: LPCObject, data: str | Buffer) -> Buffer:
    """What compress() was given, as a buffer; zlib and gzip data both will do.

    An error for anything else, and for data that would grow more than the driver's limits allow.

    Example: uncompress(compress("abc"))
    """
    import zlib

    limits = this.driver.limits
    packed = _bytes(data)
    most = min(limits.buffer_size, max(len(packed) * limits.inflate_ratio, _ALWAYS_ALLOWED))
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: zlib or gzip by the header
    try:
        inflated = inflater.decompress(packed, most + 1)
    except zlib.error:
        raise LPCError("uncompress: invalid data") from None
    if len(inflated) > most:
        raise LPCError("uncompress: the data grow too large")
    if not inflater.eof:
        raise LPCError("uncompress: the data are incomplete")
    return Buffer(inflated)


def _bytes(data: str | Buffer) -> bytes:
    return bytes(data.data) if isinstance(data, Buffer) else data.encode("utf-8", "surrogatepass")
