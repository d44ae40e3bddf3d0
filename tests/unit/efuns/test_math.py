from __future__ import annotations

import math as python
from collections.abc import Callable
from typing import Any

import pytest

from efuns import math
from lpc.errors import LPCError


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (math.sqrt, (16,), 4.0),
        (math.pow_, (2, 10), 1024.0),
        (math.pow_, (10.0, 1000), python.inf),
        (math.pow_, (-10.0, 1001), -python.inf),
        (math.pow_, (0, -1), python.inf),
        (math.exp, (1000.0,), python.inf),
        (math.log10, (1000,), 3.0),
        (math.log2, (8,), 3.0),
        (math.floor, (-1.5,), -2.0),
        (math.floor, (python.inf,), python.inf),
        (math.ceil, (1.2,), 2.0),
        (math.round_, (2.5,), 3.0),
        (math.round_, (-2.5,), -3.0),
        (math.round_, (0.49999999999999994,), 0.0),
        (math.round_, (-0.2,), 0.0),
        (math.round_, (python.inf,), python.inf),
        (math.norm, ([3, 4.0],), 5.0),
        (math.dotprod, ([1, 2], [3, 4]), 11.0),
        (math.distance, ([0, 0], [3, 4]), 5.0),
        (math.angle, ([1, 0], [0, 1]), python.pi / 2),
        (math.norm, ([1e300],), python.inf),
    ],
)
def test_results_are_those_of_c(function: Callable[..., float], arguments: tuple[Any, ...], result: float) -> None:
    found = function(*arguments)
    assert found == result
    assert type(found) is float


@pytest.mark.parametrize("function", [math.sin, math.cos, math.tan])
def test_an_infinite_angle_has_no_sine(function: Callable[[float], float]) -> None:
    assert python.isnan(function(python.inf))
    assert function(0.0) in (0.0, 1.0)


def test_nan_where_c_gives_nan() -> None:
    assert python.isnan(math.pow_(-8, 0.5))
    assert python.isnan(math.angle([0, 0], [1, 0]))


def test_inverse_functions_undo() -> None:
    assert math.asin(1.0) == python.pi / 2
    assert math.acos(1.0) == 0.0
    assert math.atan(1.0) == python.pi / 4
    assert math.log(math.exp(1.0)) == 1.0


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (math.sqrt, (-1,), r"math: sqrt\(x\) with \(x < 0.0\)"),
        (math.log, (0.0,), r"math: log\(x\) with \(x <= 0.0\)"),
        (math.asin, (1.1,), r"math: asin\(x\) with \(x > 1.0\)"),
        (math.acos, (-1.1,), r"math: acos\(x\) with \(x < -1.0\)"),
        (math.norm, (["a"],), "norm: invalid argument 1"),
        (math.dotprod, ([1], [1, 2]), "dotprod: cannot take the dotprod of vectors of different sizes"),
        (math.distance, ([1], ["a"]), "distance: invalid arg 2"),
        (math.angle, ([1], []), "angle: cannot calculate the angle between vectors of different sizes"),
    ],
)
def test_errors_are_fluffos_ones(function: Callable[..., float], arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(LPCError, match=message):
        function(*arguments)
