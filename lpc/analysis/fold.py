"""Constant expressions: what an expression's value is when the source alone tells.

64-bit wrap, division that truncates toward zero, shift counts masked to six bits: the same results the
operators give at run time. Nothing here reports; a division by a constant zero has no value, and
`divides_by_zero` finds it.
"""

from __future__ import annotations

from collections.abc import Callable

from lpc.syntax.nodes import Binary, Expression, FloatLiteral, IntLiteral, StringLiteral, Unary

Constant = int | str | float

_WRAP = (1 << 64) - 1
_SIGN = 1 << 63


def constant(node: Expression) -> Constant | None:
    """The value of a constant expression; None when it is not one (or divides by zero)."""
    kind = type(node)
    if kind in _LITERALS:
        return node.value  # type: ignore[attr-defined, no-any-return]  # the three literal nodes
    if kind is Unary:
        return _unary(node)  # type: ignore[arg-type]  # narrowed by the exact type
    if kind is Binary:
        return _chain(node)  # type: ignore[arg-type]  # narrowed by the exact type
    return None


def divides_by_zero(node: Expression) -> Binary | None:
    """The division or modulo by a constant zero that keeps `node` from having a value."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if isinstance(at, Unary):
            waiting.append(at.operand)
        elif isinstance(at, Binary):
            if at.operator in "/%" and constant(at.right) == 0:
                return at
            waiting += (at.right, at.left)
    return None


def wrap(value: int) -> int:
    """`value` as a signed 64-bit int."""
    return ((value + _SIGN) & _WRAP) - _SIGN


def _unary(node: Unary) -> Constant | None:
    value = constant(node.operand)
    if isinstance(value, int):
        if node.operator == "-":
            return wrap(-value)
        return ~value if node.operator == "~" else int(not value)
    if isinstance(value, float) and node.operator == "-":
        return -value
    return None


def _chain(node: Binary) -> Constant | None:
    # `a + b + c + …` leans left as deep as it is long: walked down here, not by recursion.
    spine = [node]
    while isinstance(spine[-1].left, Binary):
        spine.append(spine[-1].left)
    value = constant(spine[-1].left)
    for at in reversed(spine):
        if value is None:
            return None
        right = constant(at.right)
        if right is None:
            return None
        value = _apply(at.operator, value, right)
    return value


def _apply(operator: str, left: Constant, right: Constant) -> Constant | None:
    if isinstance(left, str) or isinstance(right, str):
        return left + right if operator == "+" and isinstance(left, str) and isinstance(right, str) else None
    if isinstance(left, int) and isinstance(right, int):
        return _INTEGER[operator](left, right)
    if operator not in _FLOATING or operator == "/" and right == 0:
        return None
    return _FLOATING[operator](left, right)


def _divide(left: int, right: int) -> int | None:
    if right == 0:
        return None
    quotient = abs(left) // abs(right)
    return wrap(quotient if (left < 0) == (right < 0) else -quotient)


def _modulo(left: int, right: int) -> int | None:
    if right == 0:
        return None
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


_LITERALS = frozenset((IntLiteral, StringLiteral, FloatLiteral))

_INTEGER: dict[str, Callable[[int, int], int | None]] = {
    "+": lambda a, b: wrap(a + b),
    "-": lambda a, b: wrap(a - b),
    "*": lambda a, b: wrap(a * b),
    "/": _divide,
    "%": _modulo,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": lambda a, b: wrap(a << (b & 63)),
    ">>": lambda a, b: a >> (b & 63),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
}

_FLOATING: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
