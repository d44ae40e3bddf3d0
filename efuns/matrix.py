"""Efuns over transformation matrices: arrays of sixteen floats, row by row, for points that are rows.

Each changes the array it is given, which is its result, too. Angles are degrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, hypot, radians, sin

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Value

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


@efun("float *id_matrix()")
def id_matrix() -> list[Value]:
    """The matrix that changes nothing.

    Example: sizeof(id_matrix()) is 16
    """
    return list(_IDENTITY)


def _apply(matrix: list[Value], change: Sequence[float], name: str) -> list[Value]:
    """Multiply a matrix by another one, in place."""
    if len(matrix) < 16 or not all(type(item) is float for item in matrix[:16]):
        raise LPCError(f"Bad argument 1 to {name}(): not an array of 16 floats")
    rows = [matrix[at : at + 4] for at in range(0, 16, 4)]
    columns = [change[at::4] for at in range(4)]
    matrix[:16] = [float(sum(a * b for a, b in zip(row, column, strict=True))) for row in rows for column in columns]
    return matrix


@efun("float *translate(float *matrix, float x, float y, float z)")
def translate(matrix: list[Value], x: float, y: float, z: float) -> list[Value]:
    """Move by a vector.

    Example: translate(id_matrix(), 1.0, 2.0, 3.0)[12] is 1.0
    """
    return _apply(matrix, (*_IDENTITY[:12], x, y, z, 1.0), "translate")


@efun("float *scale(float *matrix, float x, float y, float z)")
def scale(matrix: list[Value], x: float, y: float, z: float) -> list[Value]:
    """Stretch along the axes.

    Example: scale(id_matrix(), 2.0, 1.0, 1.0)[0] is 2.0
    """
    return _apply(matrix, (x, 0.0, 0.0, 0.0, 0.0, y, 0.0, 0.0, 0.0, 0.0, z, 0.0, 0.0, 0.0, 0.0, 1.0), "scale")


@efun("float *rotate_x(float *matrix, float angle)")
def rotate_x(matrix: list[Value], angle: float) -> list[Value]:
    """Turn about the x axis.

    Example: rotate_x(id_matrix(), 90.0)
    """
    return _apply(matrix, _turn(1, 2, angle), "rotate_x")


@efun("float *rotate_y(float *matrix, float angle)")
def rotate_y(matrix: list[Value], angle: float) -> list[Value]:
    """Turn about the y axis.

    Example: rotate_y(id_matrix(), 90.0)
    """
    return _apply(matrix, _turn(2, 0, angle), "rotate_y")


@efun("float *rotate_z(float *matrix, float angle)")
def rotate_z(matrix: list[Value], angle: float) -> list[Value]:
    """Turn about the z axis.

    Example: rotate_z(id_matrix(), 90.0)
    """
    return _apply(matrix, _turn(0, 1, angle), "rotate_z")


def _turn(first: int, second: int, angle: float) -> list[float]:
    """The rotation that takes the first axis towards the second."""
    made = list(_IDENTITY)
    made[first * 5] = made[second * 5] = cos(radians(angle))
    made[first * 4 + second] = sin(radians(angle))
    made[second * 4 + first] = -sin(radians(angle))
    return made


@efun("float *lookat_rotate(float *matrix, float x, float y, float z)")
def lookat_rotate(matrix: list[Value], x: float, y: float, z: float) -> list[Value]:
    """Turn so that who is at the matrix's own place looks towards a point.

    Example: lookat_rotate(id_matrix(), 0.0, 0.0, 1.0)
    """
    if len(matrix) < 16 or not all(type(item) is float for item in matrix[:16]):
        raise LPCError("Bad argument 1 to lookat_rotate(): not an array of 16 floats")
    return _apply(matrix, _view(x - matrix[12], y - matrix[13], z - matrix[14]), "lookat_rotate")


@efun("float *lookat_rotate2(float *matrix, float x, float y, float z, float to_x, float to_y, float to_z)")
def lookat_rotate2(matrix: list[Value], x: float, y: float, z: float, to_x: float, to_y: float,
                   to_z: float) -> list[Value]:
    """Turn so that who is at one point looks towards another.

    Example: lookat_rotate2(id_matrix(), 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    """
    return _apply(matrix, _view(to_x - x, to_y - y, to_z - z), "lookat_rotate2")


def _view(x: float, y: float, z: float) -> Sequence[float]:
    """The rotation that takes a direction to the z axis, the y axis staying up; none for no direction."""
    flat, length = hypot(x, z), hypot(x, y, z)
    if not length:
        return _IDENTITY
    side, ahead = (x / flat, z / flat) if flat else (0.0, 1.0)
    rise, level = y / length, flat / length
    return (ahead, -side * rise, side * level, 0.0, 0.0, level, rise, 0.0,
            -side, -ahead * rise, ahead * level, 0.0, 0.0, 0.0, 0.0, 1.0)
