"""Digests and password hashes; the expected values are those of OpenSSL, libc and MudOS."""

from __future__ import annotations

import re

import pytest

from efuns.crypto import crc32, crypt, hash, oldcrypt, sha1
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer


@pytest.mark.parametrize(("algorithm", "digest"), [
    ("md5", "900150983cd24fb0d6963f7d28e17f72"), ("MD5", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
])
def test_hash(algorithm: str, digest: str) -> None:
    assert hash.checked(algorithm, "abc") == digest


@pytest.mark.parametrize(("text", "digest"), [
    ("", "31d6cfe0d16ae931b73c59d7e0c089c0"), ("abc", "a448017aaf21d8525fc10ae87aa6729d"),
    ("12345678901234567890" * 4, "e33b4ddc9c38f2199c3e7b164fcc0536"),
])
def test_md4(text: str, digest: str) -> None:
    assert hash.checked("md4", text) == digest


def test_other_algorithms_have_the_right_size() -> None:
    for algorithm, size in (("sha384", 96), ("sha512", 128), ("sha3-512", 128), ("blake2s256", 64),
    ("blake2b512", 128)):
        assert re.fullmatch(f"[0-9a-f]{{{size}}}", hash.checked(algorithm, "12345"))


@pytest.mark.parametrize("algorithm", ["", "rot13", "shake_128", "x" * 500])
def test_unknown_algorithms(algorithm: str) -> None:
    with pytest.raises(LPCError) as caught:
        hash.checked(algorithm, "abc")
    assert caught.value.value == f"*hash() unknown hash type: {algorithm[:100]}\n"


def test_checksums_take_strings_and_buffers() -> None:
    assert sha1.checked("abc") == sha1.checked(Buffer(b"abc")) == "a9993e364706816aba3e25717850c26c9cd0d89d"
    assert crc32.checked("123456789") == crc32.checked(Buffer(b"123456789")) == 0xCBF43926
    assert sha1.checked("é") == sha1.checked(Buffer("é".encode()))


@pytest.mark.parametrize(("password", "salt", "stored"), [
    ("123", "12", "12IbR.gJ8wcpc"), ("deadbeef-and-more", "11-more", "11abPRGlgbz9A"),
    ("Hello world!", "$5$saltstring", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    ("Hello world!", "$6$saltstring",
     "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
    ("Hello world!", "$5$rounds=10000$saltstringsaltstring",
     "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    ("password", "$1$salt", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
])
def test_crypt(this: LPCObject, password: str, salt: str, stored: str) -> None:
    assert crypt.checked(this, password, salt) == stored
    assert crypt.checked(this, password, stored) == stored
    assert crypt.checked(this, f"x{password}", stored) != stored


def test_crypt_without_a_salt_is_sha_512_with_a_random_one(this: LPCObject) -> None:
    for salt in (0, "", "x", "$9$abc"):
        stored = crypt.checked(this, "secret", salt)
        assert re.fullmatch(r"\$6\$[./0-9A-Za-z]{16}\$[./0-9A-Za-z]{86}", stored)
        assert crypt.checked(this, "secret", stored) == stored
    assert crypt.checked(this, "secret", 0) != crypt.checked(this, "secret", 0)


@pytest.mark.parametrize(("password", "salt"), [
    ("a", "$2a$05$abcdefghijklmnopqrstuu"), ("a", "::"), ("a", "中文"), ("a" * 1000, "$6$x"),
    ("a", "$6$rounds=999999999$x"),
])
def test_crypt_refuses_what_it_can_not_do(this: LPCObject, password: str, salt: str) -> None:
    with pytest.raises(LPCError) as caught:
        crypt.checked(this, password, salt)
    assert caught.value.value == "*Error in crypt(), check your salt\n"


@pytest.mark.parametrize(("password", "salt", "stored"), [
    ("123", "123", "mckfcn`d!glafl`lnam`hikdfaeja`eccckjeinjm"),
    ("thing", "anhlklck!", "anhlklck!kn`gkhcjelefmdgdcgdkio`ddokdebho"),
])
def test_oldcrypt(password: str, salt: str, stored: str) -> None:
    assert oldcrypt.checked(password, salt) == stored
    assert oldcrypt.checked(password, stored) == stored


def test_oldcrypt_of_long_passwords_and_without_salt() -> None:
    stored = oldcrypt.checked("a password of more than fifty-five bytes, which fills the buffer twice", 0)
    assert re.fullmatch("[`-o]{8}![`-o]{32}", stored)
    with pytest.raises(LPCError, match="check your salt"):
        oldcrypt.checked("x" * 1000, "ab")
