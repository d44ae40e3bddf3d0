"""Whether evaluating an expression does anything: what is warned about as unused, and dropped.

LPC removes an expression statement without effects, its run-time errors included (language.md 8.12).
"""

from __future__ import annotations

from collections.abc import Iterable

from lpc.syntax.nodes import (
    AnonymousFunction,
    ArrayLiteral,
    Binary,
    Captured,
    Cast,
    Comma,
    Conditional,
    Expression,
    FloatLiteral,
    Functional,
    FunctionPointer,
    Index,
    IntLiteral,
    Logical,
    MappingLiteral,
    Member,
    Name,
    Parameter,
    Range,
    Spread,
    StringLiteral,
    Template,
    Unary,
)

_PURE = frozenset(
    (IntLiteral, FloatLiteral, StringLiteral, Name, Parameter, Functional, FunctionPointer, AnonymousFunction)
)


def has_effect(node: Expression) -> bool:
    """Whether any part of `node` calls, assigns or catches something."""
    waiting = [node]
    while waiting:
        at = waiting.pop()
        if type(at) not in _PURE:
            parts = _operands(at)
            if parts is None:
                return True
            waiting += parts
    return False


def _operands(node: Expression) -> Iterable[Expression] | None:
    """The operands of an operator that does nothing by itself; None for everything else."""
    match node:
        case Binary() | Logical():
            return (node.left, node.right)
        case Unary():
            return (node.operand,)
        case Index():
            return (node.base, node.key)
        case Range():
            return (node.base, node.first) if node.last is None else (node.base, node.first, node.last)
        case Member():
            return (node.base,)
        case Cast() | Captured() | Spread():
            return (node.value,)
        case Conditional():
            return (node.condition, node.then, node.otherwise)
        case Comma() | ArrayLiteral():
            return node.items
        case Template():
            return node.parts
        case MappingLiteral():
            return [side for pair in node.pairs for side in pair]
    return None
