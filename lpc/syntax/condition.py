"""Conditions of #if and #elif: the value of an integer expression over expanded tokens.

A table of operators and two stacks; nothing recurses, so nesting costs nothing but memory. All arithmetic is
that of 64-bit ints, both sides of every operator are evaluated, and any word is 0.

    LPC1032 malformed condition
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import NamedTuple

from lpc.source import Position
from lpc.syntax.tokens import Token

_Binary = Callable[[int, int], int]


class ConditionError(NamedTuple):
    """Why a condition has no value, and where; `start` None: at its end."""

    message: str
    start: Position | None
    end: Position | None


def wrap(value: int) -> int:
    """`value` as a 64-bit int keeps it."""
    return (value + 2**63) % 2**64 - 2**63


def _divide(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


_BINARY: dict[str, tuple[int, _Binary]] = {
    "*": (12, operator.mul),
    "/": (12, _divide),
    "%": (12, lambda left, right: left - right * _divide(left, right)),
    "+": (11, operator.add),
    "-": (11, operator.sub),
    "<<": (10, lambda left, right: left << (right & 63)),
    ">>": (10, lambda left, right: left >> (right & 63)),
    "<": (9, operator.lt),
    "<=": (9, operator.le),
    ">": (9, operator.gt),
    ">=": (9, operator.ge),
    "==": (8, operator.eq),
    "!=": (8, operator.ne),
    "&": (7, operator.and_),
    "^": (6, operator.xor),
    "|": (5, operator.or_),
    "&&": (4, lambda left, right: bool(left) and bool(right)),
    "||": (3, lambda left, right: bool(left) or bool(right)),
}
_CONDITIONAL = 2
_UNARY: dict[str, Callable[[int], int]] = {
    "!": operator.not_, "~": operator.invert, "-": operator.neg, "+": operator.pos,
}
_BY_ZERO = {"/": "Division by zero", "%": "Modulo by zero"}


class _Evaluation:
    """Two stacks: values, and operators that wait for their right operand.

    A waiting operator is its token and its precedence; 0 marks what only a closing token may remove.
    """

    def __init__(self) -> None:
        self._values: list[int] = []
        self._waiting: list[tuple[Token, int, str]] = []
        self._error: ConditionError | None = None

    def run(self, tokens: Sequence[Token]) -> int | ConditionError:
        """The value of the whole."""
        operand_next = True
        for token in tokens:
            operand_next = self._operand(token) if operand_next else self._operator(token)
            if self._error is not None:
                return self._error
        if operand_next:
            return ConditionError("missing expression in #if", None, None)
        self._reduce(1)
        if self._error is None and self._waiting:
            opening = self._waiting[-1][0]
            self._fault("bracket not paired in #if" if opening.value == "(" else "missing ':' in #if", opening)
        return self._values[-1] if self._error is None else self._error

    def _fault(self, message: str, token: Token) -> bool:
        if self._error is None:
            self._error = ConditionError(message, token.start, token.end)
        return False

    def _operand(self, token: Token) -> bool:
        """Take a token where an operand must come; whether one must still come."""
        if token.type == "INT":
            self._values.append(token.value)
            return False
        if token.type == "FLOAT":
            return self._fault("floating point constants are not allowed in #if", token)
        if token.type in ("LPAR", "NOT", "TILDE", "MINUS") or token.value == "+" and token.type == "BINARY_OP":
            self._waiting.append((token, 0 if token.value == "(" else 13, "unary"))
            return True
        if token.type not in ("STRING", "TEMPLATE_BEGIN") and str(token.value).isidentifier():
            self._values.append(0)
            return False
        return self._fault("missing expression in #if", token)

    def _operator(self, token: Token) -> bool:
        """Take a token behind an operand; whether another operand must come."""
        spelling = token.value if isinstance(token.value, str) and token.type != "STRING" else ""
        if spelling == ")":
            self._reduce(1)
            if not self._waiting or self._waiting[-1][0].value != "(":
                return self._fault("bracket not paired in #if", token)
            self._waiting.pop()
            return False
        if spelling == "?":
            # Right-associative: an open `? :` to the left waits for this one.
            self._reduce(_CONDITIONAL + 1)
            self._waiting.append((token, 0, "condition"))
        elif spelling == ":":
            self._reduce(1)
            if not self._waiting or self._waiting[-1][0].value != "?":
                return self._fault("Condition too complex in #if", token)
            self._waiting[-1] = (token, _CONDITIONAL, "choice")
        elif spelling in _BINARY:
            precedence = _BINARY[spelling][0]
            self._reduce(precedence)
            self._waiting.append((token, precedence, "binary"))
        else:
            return self._fault("Condition too complex in #if", token)
        return True

    def _reduce(self, precedence: int) -> None:
        """Apply the waiting operators that bind at least as tightly."""
        while self._waiting and self._waiting[-1][1] >= precedence:
            token, _, kind = self._waiting.pop()
            values = self._values
            right = values.pop()
            if kind == "unary":
                values.append(wrap(int(_UNARY[token.value](right))))
            elif kind == "choice":
                middle = values.pop()
                values[-1] = middle if values[-1] else right
            elif right == 0 and token.value in _BY_ZERO:
                self._fault(_BY_ZERO[token.value] + " in #if", token)
                return
            else:
                values[-1] = wrap(int(_BINARY[token.value][1](values[-1], right)))


def evaluate(tokens: Sequence[Token]) -> int | ConditionError:
    """The value of a condition, macros expanded and `defined` replaced."""
    return _Evaluation().run(tokens)
