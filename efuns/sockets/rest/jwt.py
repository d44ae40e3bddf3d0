"""JSON Web Tokens (RFC 7519) signed with HMAC-SHA256 (RFC 7515, HS256): the only algorithm there is here.

The caller brings the clock, for tokens must expire by the driver's time. A token is refused as a whole: what
is wrong with it is nobody's business but the server's.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from efuns.json import decode, encode
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import Mapping, Value

#: Seconds the clocks of two machines may differ.
LEEWAY: Final = 0
_LONGEST: Final = 64 << 10
_HEADER: Final = urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
_TOKEN: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def sign(claims: Mapping, secret: str, limits: Limits) -> str | None:
    """The token of some claims; None where there can be none: no secret, or claims JSON has no form for."""
    if not secret:
        return None
    try:
        payload = encode(claims, limits).encode()
    except LPCError:
        return None
    content = f"{_HEADER}.{_packed(payload)}"
    return f"{content}.{_packed(_signature(content, secret))}" if len(content) < _LONGEST else None


def verify(token: str, secret: str, now: float, limits: Limits) -> Mapping | None:
    """The claims of a token; None unless it is signed with HS256 and the secret, and valid now."""
    import hmac

    match = _TOKEN.fullmatch(token) if secret and len(token) <= _LONGEST + 64 else None
    if match is None:
        return None
    signature = _unpacked(match[3])
    expected = _signature(token[: match.end(2)], secret)
    if signature is None or not hmac.compare_digest(signature, expected):
        return None
    header, claims = _mapping(match[1], limits), _mapping(match[2], limits)
    # "crit" asks for extensions that must be understood (RFC 7515 4.1.11); none are.
    if header is None or claims is None or header["alg"] != "HS256" or "crit" in header:
        return None
    return claims if _is_current(claims, now) else None


def _is_current(claims: Mapping, now: float) -> bool:
    """Whether exp is still to come and nbf is past. A claim that is no number makes a token invalid."""
    for name in ("exp", "nbf"):
        if name in claims and type(claims[name]) not in (int, float):
            return False
    return not ("exp" in claims and now >= claims["exp"] + LEEWAY or "nbf" in claims and now < claims["nbf"] - LEEWAY)


def _signature(content: str, secret: str) -> bytes:
    import hmac

    return hmac.digest(secret.encode("utf-8", "surrogatepass"), content.encode("ascii"), "sha256")


def _mapping(part: str, limits: Limits) -> Mapping | None:
    data = _unpacked(part)
    try:
        value: Value = decode(data, limits) if data is not None else None
    except LPCError:
        return None
    return value if isinstance(value, Mapping) else None


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unpacked(text: str) -> Any:
    """The bytes of a base64url text without padding; None if it is none, or not the one such text of its bytes."""
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None
    return data if _packed(data) == text else None
