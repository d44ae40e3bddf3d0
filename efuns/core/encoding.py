"""Efuns between text and bytes in a named encoding.

Encodings are the ones Python's standard library knows by the usual names ("utf-8", "GBK", "latin1"). Characters an
encoding lacks and bytes it can not read become its replacement character; no text is ever refused for its contents.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Buffer

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: Text encodings to Python that are notations of its own, or refuse to replace characters.
_NOT_CHARACTER_SETS = frozenset(
    ("idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"))
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_:+-]{0,40}")


def _codec(name: str) -> codecs.CodecInfo:
    """The codec of an encoding; LPCError where there is none of that name."""
    if _NAME.fullmatch(name) is not None:
        try:
            found = codecs.lookup(name)
        except LookupError:
            pass
        else:
            if found._is_text_encoding and found.name.replace("_", "-") not in _NOT_CHARACTER_SETS:
                return found
    raise LPCError(f"Unknown encoding '{name}'.")


@efun("buffer string_encode(string text, string encoding)")
def string_encode(this: LPCObject, text: str, encoding: str) -> Buffer:
    """The bytes of a string in an encoding.

    Example: sizeof(string_encode("é", "utf-8")) is 2
    """
    return _buffer(this, _codec(encoding).encode(text, "replace")[0])


@efun("string string_decode(buffer data, string encoding)")
def string_decode(this: LPCObject, data: Buffer, encoding: str) -> str:
    """The string some bytes stand for in an encoding, up to the first zero character.

    Example: string_decode(string_encode("é", "latin1"), "latin1") is "é"
    """
    text = _codec(encoding).decode(bytes(data.data), "replace")[0].partition("\0")[0]
    if len(text) > this.driver.limits.string_length:
        raise LPCError("string_decode(): the result is longer than the maximum string length.")
    return text


@efun("buffer buffer_transcode(buffer data, string from, string to)")
def buffer_transcode(this: LPCObject, data: Buffer, source: str, target: str) -> Buffer:
    """Bytes of one encoding as bytes of another.

    Example: sizeof(buffer_transcode(string_encode("é", "latin1"), "latin1", "utf-8")) is 2
    """
    text = _codec(source).decode(bytes(data.data), "replace")[0]
    return _buffer(this, _codec(target).encode(text, "replace")[0])


def _buffer(this: LPCObject, data: bytes) -> Buffer:
    if len(data) > this.driver.limits.buffer_size:
        raise LPCError("Illegal buffer size.")
    return Buffer(data)
