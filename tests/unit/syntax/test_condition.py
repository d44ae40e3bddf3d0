"""The arithmetic of #if: operators, precedence, 64 bits, and every way to get it wrong."""

from __future__ import annotations

import pytest

from lpc.diagnostics import Diagnostics
from lpc.source import Position, SourceMap
from lpc.syntax.condition import ConditionError, evaluate, wrap
from lpc.syntax.lexer import Cursor, Lexer
from lpc.syntax.tokens import KEYWORDS, Token


def tokens_of(text: str) -> list[Token]:
    tokens: list[Token] = []
    Lexer(Diagnostics(SourceMap())).scan(Cursor(text, 0), KEYWORDS, tokens)
    return tokens


@pytest.mark.parametrize(("text", "expected"), [
    ("1", 1), ("0", 0), ("0x10", 16), ("'a'", 97), ("foo", 0), ("while", 0), ("int", 0), ("(((5)))", 5),
    ("!0", 1), ("!5", 0), ("~0", -1), ("-5", -5), ("+5", 5), ("!!7", 1), ("- -3", 3), ("-~!0", 2),
    ("2 + 3 * 4", 14), ("(2 + 3) * 4", 20), ("10 - 4 - 3", 3), ("100 / 10 / 5", 2), ("2 * 3 % 4", 2),
    ("7 / 2", 3), ("-7 / 2", -3), ("7 / -2", -3), ("-7 % 3", -1), ("7 % -3", 1),
    ("1 << 4", 16), ("1 << 64", 1), ("1 << 65", 2), ("-8 >> 1", -4), ("1 << 2 + 1", 8), ("256 >> 2 >> 2", 16),
    ("1 < 2", 1), ("2 <= 1", 0), ("3 > 2 > 1", 0), ("1 == 1", 1), ("1 != 1", 0), ("2 >= 2", 1), ("1 < 2 == 1", 1),
    ("6 & 3", 2), ("6 | 3", 7), ("6 ^ 3", 5), ("1 | 2 ^ 3 & 2", 1), ("1 & 2 == 2", 1),
    ("5 && 3", 1), ("5 && 0", 0), ("0 || 7", 1), ("0 || 0", 0), ("1 || 0 && 0", 1),
    ("1 ? 2 : 3", 2), ("0 ? 2 : 3", 3), ("0 ? 1 : 0 ? 2 : 3", 3), ("1 ? 0 ? 4 : 5 : 6", 5), ("1 ? 2 : 3 + 4", 2),
    ("1 || 0 ? 2 : 3", 2), ("(1 ? 0 : 1) + 1", 1),
])
def test_values(text: str, expected: int) -> None:
    assert evaluate(tokens_of(text)) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("9223372036854775807 + 1", -2**63), ("9223372036854775807 * 2", -2), ("1 << 63", -2**63),
    ("(1 << 63) / -1", -2**63), ("-(1 << 63)", -2**63), ("(1 << 63) - 1", 2**63 - 1), ("(1 << 63) % -1", 0),
])
def test_arithmetic_is_64_bits(text: str, expected: int) -> None:
    assert evaluate(tokens_of(text)) == expected
    assert wrap(expected) == expected


@pytest.mark.parametrize(("text", "message", "column"), [
    ("", "missing expression in #if", None),
    ("1 +", "missing expression in #if", None),
    ("!", "missing expression in #if", None),
    ("()", "missing expression in #if", 1),
    ("* 2", "missing expression in #if", 0),
    ("1 + ) 2", "missing expression in #if", 4),
    ('"text"', "missing expression in #if", 0),
    ("(1", "bracket not paired in #if", 0),
    ("((1)", "bracket not paired in #if", 0),
    ("1)", "bracket not paired in #if", 1),
    ("1 ? 2)", "bracket not paired in #if", 5),
    ("1 ? 2", "missing ':' in #if", 2),
    ("1 2", "Condition too complex in #if", 2),
    ("foo bar", "Condition too complex in #if", 4),
    ("1 = 2", "Condition too complex in #if", 2),
    ("1 : 2", "Condition too complex in #if", 2),
    ("x ++", "Condition too complex in #if", 2),
    ('1 "+" 2', "Condition too complex in #if", 2),
    ("f(1)", "Condition too complex in #if", 1),
    ("1.5", "floating point constants are not allowed in #if", 0),
    ("1 / 0", "Division by zero in #if", 2),
    ("1 % 0", "Modulo by zero in #if", 2),
    ("0 && 1 / 0", "Division by zero in #if", 7),
    ("1 ? 2 : 1 / 0", "Division by zero in #if", 10),
])
def test_faults(text: str, message: str, column: Position | None) -> None:
    error = evaluate(tokens_of(text))
    assert isinstance(error, ConditionError)
    assert (error.message, error.start) == (message, column)


@pytest.mark.parametrize("text", [
    "(" * 100_000 + "1" + ")" * 100_000, "!" * 100_000 + "1", "1" + "+1" * 50_000, "1?" * 50_000 + "1" + ":0" * 50_000,
])
def test_depth_has_no_limit(text: str) -> None:
    assert isinstance(evaluate(tokens_of(text)), int)
