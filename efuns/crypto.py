"""Digests, checksums and password hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from efuns import passwords
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Buffer

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: hash()'s names for what hashlib calls otherwise
_NAMES: Final = {
    "sha3-224": "sha3_224", "sha3-256": "sha3_256", "sha3-384": "sha3_384", "sha3-512": "sha3_512",
    "blake2b512": "blake2b", "blake2s256": "blake2s",
}
_KNOWN: Final = frozenset(
    ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160", "sm3", *_NAMES)
)


@efun("string hash(string algorithm, string text)")
def hash(algorithm: str, text: str) -> str:
    """The digest of a text's UTF-8 bytes in hexadecimal.

    Algorithms: md4 md5 sha1 sha224 sha256 sha384 sha512 sha3-224 … sha3-512 blake2b512 blake2s256, and
    ripemd160 and sm3 where the system's OpenSSL has them. Anything else is an error.

    Example: hash("md5", "abc") is "900150983cd24fb0d6963f7d28e17f72"
    """
    import hashlib

    name = algorithm.lower()
    if name == "md4":
        return _md4(text.encode(errors="replace")).hex()
    if name in _KNOWN:
        try:
            return hashlib.new(_NAMES.get(name, name), text.encode(errors="replace"), usedforsecurity=False).hexdigest()
        except ValueError:
            pass  # known, but not to this OpenSSL
    raise LPCError(f"hash() unknown hash type: {algorithm[:100]}")


_WORD: Final = 0xFFFFFFFF
_MD4_START: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
#: for each round the constant, the shifts and the order of the words (RFC 1320, 3.4)
_MD4_ROUNDS: Final = (
    (0, (3, 7, 11, 19), tuple(range(16))),
    (0x5A827999, (3, 5, 9, 13), (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)),
    (0x6ED9EBA1, (3, 9, 11, 15), (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)),
)
_LONGEST_MD4: Final = 1 << 20


def _md4(data: bytes) -> bytes:
    """MD4 (RFC 1320), which OpenSSL has given up."""
    import struct

    if len(data) > _LONGEST_MD4:
        raise LPCError("hash(): the text is too long for md4.")
    data += b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state: tuple[int, ...] = _MD4_START
    for start in range(0, len(data), 64):
        words = struct.unpack_from("<16I", data, start)
        a, b, c, d = state
        for turn, (constant, shifts, order) in enumerate(_MD4_ROUNDS):
            for at, word in enumerate(order):
                mixed = (d ^ b & (c ^ d), b & c | d & (b | c), b ^ c ^ d)[turn]
                total = a + mixed + words[word] + constant & _WORD
                by = shifts[at & 3]
                a, d, c, b = d, c, b, (total << by | total >> 32 - by) & _WORD
        state = tuple((new + old) & _WORD for new, old in zip((a, b, c, d), state, strict=True))
    return struct.pack("<4I", *state)


@efun("string sha1(string | buffer data)")
def sha1(data: str | Buffer) -> str:
    """The SHA-1 digest in hexadecimal.

    Example: sha1("abc") is "a9993e364706816aba3e25717850c26c9cd0d89d"
    """
    import hashlib

    return hashlib.sha1(_bytes(data), usedforsecurity=False).hexdigest()


@efun("int crc32(string | buffer data)")
def crc32(data: str | Buffer) -> int:
    """The CRC-32 checksum, as zip and Ethernet compute it.

    Example: crc32("123456789") is 0xcbf43926
    """
    import zlib

    return zlib.crc32(_bytes(data))


def _bytes(data: str | Buffer) -> bytes:
    return data.encode(errors="replace") if isinstance(data, str) else bytes(data.data)


@efun("string crypt(string password, string | int salt)")
def crypt(this: LPCObject, password: str, salt: str | int) -> str:
    """A hash of a password that can not be turned back, for password files.

    Without a salt (0, or a string of less than two characters) it is SHA-512 with a random one. A salt
    that begins with "$6$", "$5$" or "$1$" chooses SHA-512, SHA-256 or MD5; any other is the DES crypt of
    old password files, which looks at two characters of salt and eight of the password. An earlier
    result is a salt: that is how a password is checked.

    Example: crypt("secret", stored) == stored
    """
    key = password.encode(errors="replace")
    text = salt if isinstance(salt, str) else ""
    if text.startswith("$"):
        if text[:3] in passwords.MODULAR:
            return _hashed(passwords.modular(key, text))
        if text.startswith("$2") and text[3:4] == "$":
            raise LPCError("Error in crypt(), check your salt")  # bcrypt
        text = ""
    if len(text) < 2:
        return _hashed(passwords.modular(key, passwords.random_salt()))
    return _hashed(passwords.traditional(key, text[:2]))


def _hashed(result: str | None) -> str:
    if result is None:
        raise LPCError("Error in crypt(), check your salt")
    return result


@efun("string oldcrypt(string password, string | int salt)")
def oldcrypt(password: str, salt: str | int) -> str:
    """The password hash of old mudlibs, on MD5; use crypt() for anything new.

    An earlier result as salt checks a password; any other string of two characters or more gives a salt
    made from it; otherwise the salt is random.

    Example: oldcrypt("secret", stored) == stored
    """
    chosen = salt if isinstance(salt, str) and len(salt) >= 2 else passwords.random_salt()[3:11]
    return _hashed(passwords.fermat(password.encode(errors="replace"), chosen.encode(errors="replace")))
