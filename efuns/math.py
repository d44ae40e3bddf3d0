"""Efuns of the math package: floats in, floats out, with C's results where Python would raise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable


def _real(function: Callable[..., float], *arguments: float) -> float:
    """A function of Python's math with C's inf and nan for its exceptions."""
    try:
        return float(function(*arguments))
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


@efun("float sqrt(float | int x)")
def sqrt(x: float) -> float:
    """Square root; an error for a negative number.

    Example: sqrt(2)
    """
    if x < 0:
        raise LPCError("math: sqrt(x) with (x < 0.0)")
    return math.sqrt(x)


@efun("float pow(float | int x, float | int y)")
def pow_(x: float, y: float) -> float:
    """The power y of x.

    Example: pow(2, 10) is 1024.0
    """
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        return math.inf if x == 0 else math.nan


@efun("float exp(float x)")
def exp(x: float) -> float:
    """The power x of e.

    Example: exp(1.0)
    """
    return _real(math.exp, x)


@efun("float log(float x)")
def log(x: float) -> float:
    """Natural logarithm; an error for x <= 0.

    Example: log(10.0)
    """
    return math.log(_positive(x, "log"))


@efun("float log10(float | int x)")
def log10(x: float) -> float:
    """Logarithm to base 10; an error for x <= 0.

    Example: log10(1000) is 3.0
    """
    return math.log10(_positive(x, "log10"))


@efun("float log2(float | int x)")
def log2(x: float) -> float:
    """Logarithm to base 2; an error for x <= 0.

    Example: log2(8) is 3.0
    """
    return math.log2(_positive(x, "log2"))


def _positive(x: float, name: str) -> float:
    if x <= 0:
        raise LPCError(f"math: {name}(x) with (x <= 0.0)")
    return x


@efun("float sin(float x)")
def sin(x: float) -> float:
    """Sine of an angle in radians.

    Example: sin(0.0) is 0.0
    """
    return _real(math.sin, x)


@efun("float cos(float x)")
def cos(x: float) -> float:
    """Cosine of an angle in radians.

    Example: cos(0.0) is 1.0
    """
    return _real(math.cos, x)


@efun("float tan(float x)")
def tan(x: float) -> float:
    """Tangent of an angle in radians.

    Example: tan(0.0) is 0.0
    """
    return _real(math.tan, x)


@efun("float asin(float x)")
def asin(x: float) -> float:
    """Arc sine; an error outside -1.0 … 1.0.

    Example: asin(1.0)
    """
    return math.asin(_within_one(x, "asin"))


@efun("float acos(float x)")
def acos(x: float) -> float:
    """Arc cosine; an error outside -1.0 … 1.0.

    Example: acos(1.0) is 0.0
    """
    return math.acos(_within_one(x, "acos"))


@efun("float atan(float x)")
def atan(x: float) -> float:
    """Arc tangent.

    Example: 4.0 * atan(1.0)
    """
    return math.atan(x)


def _within_one(x: float, name: str) -> float:
    if x < -1:
        raise LPCError(f"math: {name}(x) with (x < -1.0)")
    if x > 1:
        raise LPCError(f"math: {name}(x) with (x > 1.0)")
    return x


@efun("float floor(float x)")
def floor(x: float) -> float:
    """The largest whole number that is not greater.

    Example: floor(-1.5) is -2.0
    """
    return float(math.floor(x)) if math.isfinite(x) else x


@efun("float ceil(float x)")
def ceil(x: float) -> float:
    """The smallest whole number that is not less.

    Example: ceil(1.2) is 2.0
    """
    return float(math.ceil(x)) if math.isfinite(x) else x


@efun("float round(float x)")
def round_(x: float) -> float:
    """The nearest whole number; halves go away from zero.

    Example: round(-2.5) is -3.0
    """
    if not math.isfinite(x):
        return x
    whole = math.trunc(x)
    # The distance is exact, where adding 0.5 first would round up 0.49999999999999994.
    return float(whole + int(math.copysign(1, x))) if abs(x - whole) >= 0.5 else float(whole)


# ------------------------------------------------------------------------------------------------- vectors


@efun("float norm(int * | float *vector)")
def norm(vector: list[Value]) -> float:
    """The length of a vector.

    Example: norm(({ 3, 4 })) is 5.0
    """
    if not _numbers(vector):
        raise LPCError("norm: invalid argument 1.")
    return _length(vector)


@efun("float dotprod(int * | float *a, int * | float *b)")
def dotprod(a: list[Value], b: list[Value]) -> float:
    """The dot product of two vectors of one size.

    Example: dotprod(({ 1, 2 }), ({ 3, 4 })) is 11.0
    """
    return _dot(a, b, "dotprod", "take the dotprod of")


@efun("float distance(int * | float *a, int * | float *b)")
def distance(a: list[Value], b: list[Value]) -> float:
    """The distance of two points.

    Example: distance(({ 0, 0 }), ({ 3, 4 })) is 5.0
    """
    _check_vectors(a, b, "distance", "take the distance of")
    return _length([float(y) - float(x) for x, y in zip(a, b, strict=True)])


@efun("float angle(int * | float *a, int * | float *b)")
def angle(a: list[Value], b: list[Value]) -> float:
    """The angle between two vectors, in radians.

    Example: angle(({ 1, 0 }), ({ 0, 1 }))
    """
    product = _dot(a, b, "angle", "calculate the angle between")
    lengths = _length(a) * _length(b)
    return _real(math.acos, product / lengths) if lengths else math.nan


def _dot(a: list[Value], b: list[Value], name: str, doing: str) -> float:
    _check_vectors(a, b, name, doing)
    return float(sum(float(x) * float(y) for x, y in zip(a, b, strict=True)))


def _length(vector: list[Value]) -> float:
    return math.sqrt(sum(float(x) * float(x) for x in vector))


def _check_vectors(a: list[Value], b: list[Value], name: str, doing: str) -> None:
    if len(a) != len(b):
        raise LPCError(f"{name}: cannot {doing} vectors of different sizes.")
    for number, vector in ((1, a), (2, b)):
        if not _numbers(vector):
            raise LPCError(f"{name}: invalid arg {number}.")


def _numbers(vector: list[Value]) -> bool:
    return all(isinstance(x, (int, float)) for x in vector)
