"""Efuns over numbers, chance among them, and the printable bit strings of set_bit() and its like.

A bit string holds six bits a character, offset by a blank, lowest bit first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.operators import wrap
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

_NOT_BLANK = re.compile("[^ ]")
_EXACT = 1 << 53  # below it a random float scales to an int without gaps


class Dice:
    """One driver's random numbers; `seed()` makes them repeat."""

    def __init__(self, driver: Host) -> None:
        from random import Random  # not at module level: it costs more to import than this whole module

        generator = Random()
        self.seed: Any = generator.seed
        self.shuffle: Any = generator.shuffle
        self._random = generator.random
        self._large = generator.randrange

    def below(self, limit: int) -> int:
        """0 … limit - 1."""
        return int(self._random() * limit) if limit < _EXACT else self._large(limit)


@efun("int random(int limit)")
def random(this: LPCObject, limit: int) -> int:
    """A random int from 0 to limit - 1; 0 where the limit is not positive.

    Example: random(6) + 1
    """
    return this.driver.state(Dice).below(limit) if limit > 0 else 0


@efun("int secure_random(int limit)")
def secure_random(limit: int) -> int:
    """Like random(), from the operating system's source for secrets.

    Example: secure_random(1000000)
    """
    if limit <= 0:
        return 0
    from secrets import randbelow

    return randbelow(limit)


@efun("int roll_MdN(int dice, int sides, int bonus = 0)")
def roll_mdn(this: LPCObject, dice: int, sides: int, bonus: int = 0) -> int:
    """The sum of some dice plus a bonus; 0 where there are no dice or no sides.

    Example: roll_MdN(3, 6) is 3 … 18
    """
    if dice <= 0 or sides <= 0:
        return 0
    if dice > this.driver.limits.array_size:
        raise LPCError("Bad argument 1 to roll_MdN()")
    below = this.driver.state(Dice).below
    return int(wrap(sum(below(sides) for _ in range(dice)) + dice + bonus))


@efun("mixed abs(int | float number)")
def abs_(number: Value) -> Value:
    """The number without its sign.

    Example: abs(-3) is 3
    """
    return wrap(abs(number))


# ------------------------------------------------------------------------------------------- bit strings


@efun("string set_bit(string bits, int bit)")
def set_bit(this: LPCObject, bits: str, bit: int) -> str:
    """The bit string with a bit set, made longer where needed.

    Example: test_bit(set_bit("", 7), 7) is 1
    """
    _check_bit(this, "set_bit", bit)
    at, weight = divmod(bit, 6)
    bits = bits.ljust(at + 1)
    return bits[:at] + chr((_six(bits, at, "set_bit") | 1 << weight) + 32) + bits[at + 1 :]


@efun("string clear_bit(string bits, int bit)")
def clear_bit(this: LPCObject, bits: str, bit: int) -> str:
    """The bit string with a bit cleared.

    Example: clear_bit(flags, 3)
    """
    _check_bit(this, "clear_bit", bit)
    at, weight = divmod(bit, 6)
    if at >= len(bits):
        return bits
    return bits[:at] + chr((_six(bits, at, "clear_bit") & ~(1 << weight)) + 32) + bits[at + 1 :]


@efun("int test_bit(string bits, int bit)")
def test_bit(bits: str, bit: int) -> int:
    """1 if a bit of the bit string is set, else 0.

    Example: test_bit(set_bit("", 7), 6) is 0
    """
    if bit < 0:
        raise LPCError("Bad argument 2 (negative) to test_bit().")
    at, weight = divmod(bit, 6)
    return (ord(bits[at]) - 32) >> weight & 1 if at < len(bits) else 0


@efun("int next_bit(string bits, int bit)")
def next_bit(bits: str, bit: int) -> int:
    """The first bit set after `bit` (which may be -1), -1 if there is none.

    Example: next_bit(set_bit("", 7), -1) is 7
    """
    at, skip = divmod(max(bit + 1, 0), 6)
    if at < len(bits):
        rest = (ord(bits[at]) - 32) >> skip << skip
        if rest:
            return 6 * at + _lowest(rest)
        found = _NOT_BLANK.search(bits, at + 1)
        if found:
            return 6 * found.start() + _lowest(ord(found[0]) - 32)
    return -1


def _lowest(value: int) -> int:
    return (value & -value).bit_length() - 1


def _check_bit(this: LPCObject, name: str, bit: int) -> None:
    if bit < 0:
        raise LPCError(f"Bad argument 2 (negative) to {name}().")
    most = this.driver.limits.string_length * 6
    if bit >= most:
        raise LPCError(f"{name}() bit requested: {bit} > maximum bits: {most}")


def _six(bits: str, at: int, name: str) -> int:
    value = ord(bits[at]) - 32
    if not 0 <= value < 64:
        raise LPCError(f"Illegal bit pattern in {name} character {at}")
    return value
