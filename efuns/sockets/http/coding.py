"""Content codings of HTTP answers: which one a client and a body agree on (RFC 9110 12.5.3), and doing it."""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import zlib
from typing import Final

SMALLEST: Final = 1024  # below, the head is most of it
LARGEST: Final = 4 << 20  # above, the loop would stand still for too long
_PREFERRED: Final = ("zstd", "br", "gzip", "deflate")
_LIBRARIES: Final = {"zstd": "zstandard", "br": "brotli"}
_COMPRESSIBLE: Final = ("text/", "application/json", "application/javascript", "application/xml", "image/svg+xml")
_QUALITY: Final = 4  # brotli's; more costs more than it saves


def available() -> tuple[str, ...]:
    """The codings that can be made here, the best first."""
    return tuple(name for name in _PREFERRED
                 if name not in _LIBRARIES or importlib.util.find_spec(_LIBRARIES[name]) is not None)


def is_compressible(media_type: str) -> bool:
    """Whether bodies of a type shrink."""
    return media_type.startswith(_COMPRESSIBLE) or media_type.endswith(("+json", "+xml"))


def choose(accepted: str, offered: tuple[str, ...]) -> str:
    """The coding for an Accept-Encoding field; "" for none."""
    weights: dict[str, float] = {}
    for part in accepted.lower().split(","):
        name, _, parameter = part.partition(";")
        weights[name.strip()] = _weight(parameter.strip())
    rest = weights.get("*", 0.0)
    best = max((weights.get(name, rest) for name in offered), default=0.0)
    return next((name for name in offered if weights.get(name, rest) == best), "") if best > 0 else ""


def _weight(parameter: str) -> float:
    if not parameter.startswith("q="):
        return 1.0
    try:
        return float(parameter[2:6])
    except ValueError:
        return 0.0


def encode(coding: str, data: bytes) -> bytes:
    """Data in a coding that `available` names."""
    if coding == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if coding == "deflate":
        return zlib.compress(data, 6)
    if coding == "zstd":
        import zstandard  # an optional extra

        return zstandard.compress(data)
    made: bytes = importlib.import_module("brotli").compress(data, quality=_QUALITY)
    return made
