"""Password hashes as Unix and old mudlibs store them: bytes in, text out, nothing else.

    modular       "$6$" SHA-512, "$5$" SHA-256 (U. Drepper, "Unix crypt using SHA-256 and SHA-512"), "$1$" MD5
    traditional   DES, two characters of salt
    fermat        MudOS's own, on MD5

They follow the published descriptions and are checked against the system's crypt(3) results. All are
slow on purpose; what a caller could make slower without end (rounds, length) is refused with None.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

_ALPHABET: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LONGEST_PASSWORD: Final = 512
_ROUNDS, _FEWEST_ROUNDS, _MOST_ROUNDS = 5000, 1000, 100_000

#: the prefixes `modular` knows
MODULAR: Final = frozenset(("$1$", "$5$", "$6$"))


def random_salt() -> str:
    """A fresh salt that chooses SHA-512."""
    import secrets

    return "$6$" + "".join(secrets.choice(_ALPHABET) for _ in range(16))


def modular(password: bytes, salt: str) -> str | None:
    """The hash of a password for a salt that begins with one of MODULAR; None where that can not be."""
    if len(password) > _LONGEST_PASSWORD:
        return None
    if salt.startswith("$1$"):
        return _md5_crypt(password, salt[3:].partition("$")[0][:8])
    import hashlib

    sha512 = salt.startswith("$6$")
    match = re.match(r"rounds=(\d{1,12})\$", salt[3:])
    rounds = max(_FEWEST_ROUNDS, int(match[1])) if match else _ROUNDS
    if rounds > _MOST_ROUNDS:
        return None
    text = salt[3 + (match.end() if match else 0) :].partition("$")[0][:16]
    digest = _sha_crypt(password, text.encode(errors="replace"), rounds, hashlib.sha512 if sha512 else hashlib.sha256)
    stated = f"rounds={rounds}$" if match else ""
    return f"{salt[:3]}{stated}{text}${_letters(digest, _SHA512_ORDER if sha512 else _SHA256_ORDER)}"


def _letters(digest: bytes, order: Iterable[Sequence[int]]) -> str:
    """A digest in the crypt alphabet: groups of up to three bytes, six bits a letter, lowest first."""
    letters = []
    for group in order:
        number = 0
        for at in group:
            number = number << 8 | digest[at]
        letters += [_ALPHABET[number >> 6 * at & 63] for at in range(len(group) + 1)]
    return "".join(letters)


def _rotating(size: int, step: int, last: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The byte order of the SHA forms: thirds of the digest, each group rotated against the one before."""
    third = size // 3
    groups = []
    for at in range(third):
        columns = (at, at + third, at + 2 * third)
        turn = at * step % 3
        groups.append(columns[turn:] + columns[:turn])
    return (*groups, last)


_SHA512_ORDER: Final = _rotating(63, 1, (63,))
_SHA256_ORDER: Final = _rotating(30, 2, (31, 30))
_MD5_ORDER: Final = ((0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5), (11,))


def _repeated(block: bytes, length: int) -> bytes:
    return (block * (length // len(block) + 1))[:length]


def _sha_crypt(password: bytes, salt: bytes, rounds: int, new: Callable[..., Any]) -> bytes:
    """The digest of the SHA forms, in the steps of their description."""
    size = len(password)
    other: bytes = new(password + salt + password).digest()
    start = password + salt + _repeated(other, size)
    bits = size
    while bits:
        start += other if bits & 1 else password
        bits >>= 1
    digest: bytes = new(start).digest()
    p = _repeated(new(password * size).digest(), size)
    s = _repeated(new(salt * (16 + digest[0])).digest(), len(salt))
    for at in range(rounds):
        text = p if at & 1 else digest
        if at % 3:
            text += s
        if at % 7:
            text += p
        digest = new(text + (digest if at & 1 else p)).digest()
    return digest


def _md5_crypt(password: bytes, salt: str) -> str:
    size = len(password)
    key = salt.encode(errors="replace")
    other = _md5(password + key + password)
    start = password + b"$1$" + key + _repeated(other, size)
    bits = size
    while bits:
        start += b"\0" if bits & 1 else password[:1]
        bits >>= 1
    digest = _md5(start)
    for at in range(1000):
        text = password if at & 1 else digest
        if at % 3:
            text += key
        if at % 7:
            text += password
        digest = _md5(text + (digest if at & 1 else password))
    return f"$1${salt}${_letters(digest, _MD5_ORDER)}"


def _md5(data: bytes) -> bytes:
    import hashlib

    return hashlib.md5(data, usedforsecurity=False).digest()


# --------------------------------------------------------------------------------------- MudOS's own

_SALT: Final = 4
_MAGIC: Final = b"xyzz\0"
_FERMAT_ROUNDS: Final = 3000
_KEY_OF_SALTS: Final = b"anhlklck!"


def fermat(password: bytes, salt: bytes) -> str | None:
    """oldcrypt(): the salt is an earlier result, or any string to make one from. None for a long password."""
    if len(password) > _LONGEST_PASSWORD or len(salt) > _LONGEST_PASSWORD:
        return None
    raw = _fermat_salt(salt)
    return f"{_nibbles(raw)}!{_nibbles(_fermat_digest(password, raw))}"


def _fermat_salt(salt: bytes) -> bytes:
    if salt[2 * _SALT : 2 * _SALT + 1] == b"!":
        pairs = salt[: 2 * _SALT]
        return bytes((pairs[at] & 15) | (pairs[at + 1] & 15) << 4 for at in range(0, len(pairs), 2))
    raw = [len(salt)] * _SALT
    for at, byte in enumerate(_fermat_digest(salt, _fermat_salt(_KEY_OF_SALTS))):
        raw[at % _SALT] += byte
    return bytes(number & 255 for number in raw)


def _fermat_digest(password: bytes, salt: bytes) -> bytes:
    buffer = _Buffer()
    for addition in (password + b"\0", _MAGIC, salt):
        buffer.add(addition)
    work = bytearray(buffer.data)
    digest = b""
    for at in range(_FERMAT_ROUNDS + 11 * len(password), 0, -1):
        digest = _swapped_md5(work)
        place = (at + len(password)) % (_Buffer.SIZE - 16)
        work[place : place + 16] = digest
    buffer.add(digest)
    return _swapped_md5(buffer.data)


class _Buffer:
    """A buffer of fixed size; what it holds is digested when an addition does not fit."""

    SIZE: Final = 55

    def __init__(self) -> None:
        self.data = bytearray(self.SIZE)
        self.used = 0

    def add(self, addition: bytes) -> None:
        crunches = self.used + len(addition) > self.SIZE
        while addition:
            if crunches and self.used > 16:
                self.data[:16] = _swapped_md5(self.data[: self.used])
                self.used = 16
            part = addition[: self.SIZE - self.used]
            self.data[self.used : self.used + len(part)] = part
            self.used += len(part)
            addition = addition[len(part) :]


def _nibbles(data: bytes) -> str:
    return "".join(chr(96 + (byte & 15)) + chr(96 + (byte >> 4)) for byte in data)


_MD5_SINES: Final = tuple(int(abs(math.sin(at + 1)) * 2**32) for at in range(64))
_MD5_WORDS: Final = (
    tuple(range(16)), tuple((1 + 5 * at) % 16 for at in range(16)),
    tuple((5 + 3 * at) % 16 for at in range(16)), tuple(7 * at % 16 for at in range(16)),
)
_MD5_TURNS: Final = ((7, 12, 17, 22), (5, 9, 14, 20), (4, 11, 16, 23), (6, 10, 15, 21))
_MD5_START: Final = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476)
_WORD: Final = 0xFFFFFFFF


def _swapped_md5(data: bytes | bytearray) -> bytes:
    """MD5 (RFC 1321) of up to 55 bytes, but with every word's bytes the wrong way round, going in and coming
    out: so the function has been on all common machines, and so the stored hashes are."""
    size = len(data)
    words = list(struct.unpack(">16I", bytes(data).ljust(64, b"\0")))
    words[size >> 2] |= 0x80 << 8 * (size % 4)
    words[14] = size << 3
    a, b, c, d = _MD5_START
    for step in range(64):
        turn = step >> 4
        if turn == 0:
            mixed = d ^ (b & (c ^ d))
        elif turn == 1:
            mixed = c ^ (d & (b ^ c))
        elif turn == 2:
            mixed = b ^ c ^ d
        else:
            mixed = c ^ (b | (d ^ _WORD))
        total = (a + mixed + words[_MD5_WORDS[turn][step & 15]] + _MD5_SINES[step]) & _WORD
        by = _MD5_TURNS[turn][step & 3]
        a, d, c, b = d, c, b, (b + (total << by | total >> 32 - by)) & _WORD
    return struct.pack(">4I", *((new + old) & _WORD for new, old in zip((a, b, c, d), _MD5_START, strict=True)))


# ---------------------------------------------------------------------------------------------- DES

_INITIAL: Final = tuple(
    column + 1 - 8 * row for column in (57, 59, 61, 63, 56, 58, 60, 62) for row in range(8)
)
_FINAL: Final = tuple(
    8 * (at % 8 // 2 + (0 if at % 2 else 4)) + 8 - at // 8 for at in range(64)
)
_EXPANSION: Final = tuple((4 * group + at - 1) % 32 + 1 for group in range(8) for at in range(6))
_SPREAD: Final = (
    16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10,
    2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
)
_KEY_CHOICE: Final = (
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
)
_ROUND_CHOICE: Final = (
    14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
    41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
)
_SHIFTS: Final = (1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1)
#: the eight S-boxes, one hexadecimal digit an entry, row after row
_BOXES: Final = (
    "e4d12fb83a6c5907" "0f74e2d1a6cb9538" "41e8d62bfc973a50" "fc8249175b3ea06d",
    "f18e6b34972dc05a" "3d47f28ec01a69b5" "0e7ba4d158c6932f" "d8a13f42b67c05e9",
    "a09e63f51dc7b428" "d709346a285ecbf1" "d6498f30b12c5ae7" "1ad069874fe3b52c",
    "7de3069a1285bc4f" "d8b56f03472c1ae9" "a690cb7df13e5284" "3f06a1d8945bc72e",
    "2c417ab6853fd0e9" "eb2c47d150fa3986" "421bad78f9c5630e" "b8c71e2d6f09a453",
    "c1af92680d34e75b" "af427c9561de0b38" "9ef528c3704a1db6" "432c95fabe17608d",
    "4b2ef08d3c975a61" "d0b7491ae35c2f86" "14bdc37eaf680592" "6bd814a7950fe23c",
    "d2846fb1a93e50c7" "1fd8a374c56b0e92" "7b419ce206adf358" "21e74a8dfc90356b",
)


def traditional(password: bytes, salt: str) -> str | None:
    """The DES form: a block of zeros enciphered 25 times with the password, the salt changing the cipher."""
    if not salt.isascii() or not salt.isprintable() or ":" in salt:
        return None
    swaps = _six_bits(salt[0]) | _six_bits(salt[1]) << 6
    key = 0
    for byte in password[:8].ljust(8, b"\0"):
        key = key << 8 | (byte << 1 & 255)
    rounds = _schedule(key)
    expansion = list(_EXPANSION)
    for at in range(12):
        if swaps >> at & 1:
            expansion[at], expansion[at + 24] = expansion[at + 24], expansion[at]
    block = 0
    for _ in range(25):
        block = _encipher(block, rounds, expansion)
    padded = block << 2
    return salt + "".join(_ALPHABET[padded >> at & 63] for at in range(60, -1, -6))


def _six_bits(letter: str) -> int:
    """What a letter of salt stands for; those outside the alphabet fall somewhere too, as in libc."""
    code = ord(letter)
    start = ord("a") - 38 if letter >= "a" else ord("A") - 12 if letter >= "A" else ord(".")
    return code - start & 63


def _permuted(number: int, size: int, choice: Sequence[int]) -> int:
    result = 0
    for at in choice:
        result = result << 1 | (number >> size - at & 1)
    return result


def _schedule(key: int) -> list[int]:
    both = _permuted(key, 64, _KEY_CHOICE)
    left, right = both >> 28, both & 0xFFFFFFF
    keys = []
    for shift in _SHIFTS:
        left = (left << shift | left >> 28 - shift) & 0xFFFFFFF
        right = (right << shift | right >> 28 - shift) & 0xFFFFFFF
        keys.append(_permuted(left << 28 | right, 56, _ROUND_CHOICE))
    return keys


def _encipher(block: int, keys: Sequence[int], expansion: Sequence[int]) -> int:
    block = _permuted(block, 64, _INITIAL)
    left, right = block >> 32, block & 0xFFFFFFFF
    for key in keys:
        mixed = _permuted(right, 32, expansion) ^ key
        chosen = 0
        for at, box in enumerate(_BOXES):
            six = mixed >> 42 - 6 * at & 63
            row = six >> 4 & 2 | six & 1
            chosen = chosen << 4 | int(box[16 * row + (six >> 1 & 15)], 16)
        left, right = right, left ^ _permuted(chosen, 32, _SPREAD)
    return _permuted(right << 32 | left, 64, _FINAL)
