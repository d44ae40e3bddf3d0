"""JSON Web Tokens: those of others are understood, and every other one is refused."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest

from efuns.sockets.rest.jwt import sign, verify
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping

LIMITS = Limits()
SECRET = "your-256-bit-secret"
#: The example of jwt.io, signed with SECRET.
KNOWN = ("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIy"
         "fQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c")


def packed(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims: Any, header: Any = None, secret: str = SECRET, digest: Any = hashlib.sha256) -> str:
    """A token made without the code under test."""
    head = packed(json.dumps({"alg": "HS256"} if header is None else header).encode())
    content = f"{head}.{packed(json.dumps(claims).encode())}"
    return f"{content}.{packed(hmac.new(secret.encode(), content.encode(), digest).digest())}"


def test_a_known_token() -> None:
    claims = verify(KNOWN, SECRET, 0, LIMITS)
    assert claims is not None and dict(claims) == {"sub": "1234567890", "name": "John Doe", "iat": 1516239022}


def test_what_we_sign_others_can_check() -> None:
    made = sign(Mapping(sub="tom", n=1), SECRET, LIMITS)
    assert made is not None
    head, payload, signature = made.split(".")
    assert packed(hmac.new(SECRET.encode(), f"{head}.{payload}".encode(), hashlib.sha256).digest()) == signature
    assert head == "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" and payload == packed(b'{"n":1,"sub":"tom"}')


def test_nested_claims_come_back() -> None:
    made = sign(Mapping(a=[1, 2.5, Mapping(b=["é"])]), "s", LIMITS)
    assert made is not None
    claims = verify(made, "s", 0, LIMITS)
    assert claims is not None and claims["a"][:2] == [1, 2.5]
    assert type(claims["a"][2]) is Mapping and claims["a"][2]["b"] == ["é"]


@pytest.mark.parametrize(("claims", "now", "valid"), [
    ({"exp": 100}, 99.9, True), ({"exp": 100}, 100, False), ({"exp": 100.5}, 100.2, True), ({"nbf": 100}, 100, True),
    ({"nbf": 100}, 99.9, False), ({"nbf": 50, "exp": 100}, 75, True), ({"exp": "100"}, 0, False),
    ({"exp": None}, 0, False), ({"nbf": []}, 0, False), ({"exp": 0}, 1, False), ({}, 1e12, True),
])
def test_times(claims: dict[str, Any], now: float, valid: bool) -> None:
    assert (verify(token(claims), SECRET, now, LIMITS) is not None) is valid


@pytest.mark.parametrize("header", [
    {"alg": "none"}, {"alg": "None"}, {}, {"alg": "HS384"}, {"alg": "HS512"}, {"alg": "RS256"}, {"alg": "hs256"},
    {"alg": ["HS256"]}, {"alg": 1}, [], "HS256", {"alg": "HS256", "crit": ["x"], "x": 1}, 0,
])
def test_other_headers_are_refused(header: Any) -> None:
    assert verify(token({"sub": "tom"}, header), SECRET, 0, LIMITS) is None


def test_other_algorithms_and_secrets_are_refused() -> None:
    assert verify(token({}, {"alg": "HS512"}, digest=hashlib.sha512), SECRET, 0, LIMITS) is None
    assert verify(token({}, digest=hashlib.sha512), SECRET, 0, LIMITS) is None
    assert verify(token({}, secret="other"), SECRET, 0, LIMITS) is None
    assert verify(token({}, secret=""), "", 0, LIMITS) is None


def test_any_change_is_refused() -> None:
    for at, character in enumerate(KNOWN):
        for other in ("A" if character != "A" else "B", "=", " ", ""):
            assert verify(KNOWN[:at] + other + KNOWN[at + 1 :], SECRET, 0, LIMITS) is None


@pytest.mark.parametrize("text", [
    "", ".", "..", "a.b", "a.b.c", "a.b.c.d", KNOWN + ".", KNOWN + "\n", KNOWN + "=", " " + KNOWN,
    KNOWN.replace("_", "/"),
    KNOWN.rpartition(".")[0] + ".", "é.é.é", "a" * 100_000, "A." * 50_000,
])
def test_other_texts_are_refused(text: str) -> None:
    assert verify(text, SECRET, 0, LIMITS) is None


@pytest.mark.parametrize("claims", [[], 1, "x", None])
def test_claims_are_a_mapping(claims: Any) -> None:
    assert verify(token(claims), SECRET, 0, LIMITS) is None


def test_what_can_not_be_signed() -> None:
    assert sign(Mapping(a=1), "", LIMITS) is None
    assert sign(Mapping(a=float("inf")), "s", LIMITS) is None
    assert sign(Mapping(a="\ud800"), "s", LIMITS) is None
    assert sign(Mapping(a=Buffer(bytes(60_000))), "s", LIMITS) is None


def test_any_text_is_a_secret() -> None:
    for secret in ("é", "\ud800", "\0", "x" * 1000):
        made = sign(Mapping(a=1), secret, LIMITS)
        assert made is not None and verify(made, secret, 0, LIMITS) is not None
        assert verify(made, secret + "x", 0, LIMITS) is None
