"""Content codings of HTTP answers, undone in pieces that stay small whatever comes in.

    inflating = choose(coding, codecs)      None: not one we know
    for piece in inflating.pieces(data): ...
    inflating.is_ended                      at the end of the data this must be so, else they are truncated

Codings: gzip (all its members), deflate (with its header, as RFC 9110 8.4.1.2 wants it, and without, as some servers
send it), br and zstd where their libraries are there. Bad data are a CompressedDataError.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final, Protocol

from efuns.sockets.codecs import DAMAGED, PIECE, TRAILING, ZSTD, Codecs, CompressedDataError, Inflater

_GZIP: Final = 31
_WITH_HEADER: Final = 15
_RAW: Final = -15
_ANY: Final = 1 << 62
_LIBRARIES: Final = {"br": ("brotli", "Decompressor"), "zstd": ("zstandard", "ZstdDecompressor")}
_STEPS: Final = "can_accept_more_data"


class Inflating(Protocol):
    """One body."""

    @property
    def is_ended(self) -> bool:
        """Whether the data may end here."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What these data become. Raises CompressedDataError."""


def accepted() -> str:
    """The Accept-Encoding field for the codings there are."""
    return ", ".join(name for name in ("gzip", "deflate", *_LIBRARIES) if name not in _LIBRARIES or _library(name))


def choose(coding: str, codecs: Codecs) -> Inflating | None:
    """What undoes a coding; None for one we do not know, or several on top of each other."""
    if coding in ("gzip", "x-gzip", "deflate"):
        return _Zlib(is_gzip=coding != "deflate")
    library = _library(coding) if coding in _LIBRARIES else None
    if library is None:
        return None
    return _Brotli(library) if coding == "br" else _Zstd(codecs.named(ZSTD).inflater(_ANY, _ANY))


def _library(coding: str) -> ModuleType | None:
    """The library for a coding; of brotli the versions that inflate in steps."""
    name, needed = _LIBRARIES[coding]
    try:
        library = importlib.import_module(name)
    except ImportError:
        return None
    return library if hasattr(library, needed) and (coding != "br" or hasattr(library.Decompressor, _STEPS)) else None


class _Zlib:
    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._stream: Any = zlib.decompressobj(_GZIP) if is_gzip else None
        self._has_begun = False

    @property
    def is_ended(self) -> bool:
        return not self._has_begun or self._stream.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        self._has_begun = True
        if self._stream is None:
            self._stream = zlib.decompressobj(_WITH_HEADER if data[0] & 15 == 8 else _RAW)
        try:
            while data:
                if self._stream.eof:
                    data = self._next_member(data)
                    continue
                piece = self._stream.decompress(data, PIECE)
                data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
                if piece:
                    yield piece
            # What fills a piece exactly may have more behind it.
            while not self._stream.eof and (piece := self._stream.decompress(b"", PIECE)):
                yield piece
        except zlib.error:
            raise CompressedDataError(DAMAGED) from None

    def _next_member(self, data: bytes) -> bytes:
        """What follows the end of a stream: another one of gzip's, or zeros that fill up."""
        data = data.lstrip(b"\0")
        if data and not self._is_gzip:
            raise CompressedDataError(TRAILING)
        if data:
            self._stream = zlib.decompressobj(_GZIP)
        return data


class _Brotli:
    def __init__(self, library: ModuleType) -> None:
        self._error: type[Exception] = library.error
        self._stream: Any = library.Decompressor()
        self._has_begun = False

    @property
    def is_ended(self) -> bool:
        return not self._has_begun or self._stream.is_finished()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        self._has_begun = True
        try:
            piece = self._stream.process(data, output_buffer_limit=PIECE)
            while piece or not self._stream.can_accept_more_data():
                if piece:
                    yield piece
                if self._stream.is_finished():
                    return
                piece = self._stream.process(b"", output_buffer_limit=PIECE)
        except self._error:
            raise CompressedDataError(DAMAGED) from None


class _Zstd:
    def __init__(self, inflater: Inflater) -> None:
        self._inflater = inflater

    @property
    def is_ended(self) -> bool:
        return not self._inflater.taken or self._inflater.is_ended

    def pieces(self, data: bytes) -> Iterator[bytes]:
        self._inflater.feed(data)
        while piece := self._inflater.read():
            yield piece
