"""What may be assigned to, and the assignments: `=` and its relatives, `++`, `--`.

The parser decides by form what can be an lvalue; here it must also turn out to be a variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.analysis import codes
from lpc.analysis.compatibility import compatible, converts_to_buffer, spell, versus
from lpc.analysis.dispatch import EXPRESSIONS, expression
from lpc.analysis.symbols import EfunSymbol, Global, Local, OwnFunction, SimulEfun
from lpc.diagnostics import Note
from lpc.syntax.nodes import Assign, Expression, Increment, Index, IntLiteral, Name, Range, RefArgument
from lpc.types import BUFFER, FLOAT, INT, MIXED, OBJECT, STRING, UNKNOWN, Type

if TYPE_CHECKING:
    from lpc.analysis.check import Checker

_FUNCTIONS = frozenset((OwnFunction, SimulEfun, EfunSymbol))
_COUNTABLE = frozenset((INT, FLOAT, MIXED))
_JOINS_STRING = frozenset((INT, FLOAT, OBJECT))
_LOGICAL = frozenset(("&&=", "||=", "??="))
_ARITHMETIC = frozenset(("+=", "-=", "*=", "/="))


def lvalue(checker: Checker, node: Expression) -> Type:
    """Check an expression that is to be assigned to; its type.

    The parser has checked its form; what is left is that a name at the bottom is no function's.
    """
    of = checker.types[node] = EXPRESSIONS[type(node)](checker, node)
    at = node
    while type(at) is Index or type(at) is Range:
        at = at.base
    if type(at) is Name and type(checker.symbols.get(at)) in _FUNCTIONS:
        checker.error(codes.ILLEGAL_LVALUE, "Illegal lvalue", at, hint=f"'{at.name}' is a function")
        return MIXED
    return of


def settle(checker: Checker, value: Expression, given: Type, wanted: Type) -> None:
    """Note what has to be done to a value on its way into a place of known type: convert, or check."""
    if given is wanted or wanted is MIXED:
        return
    if wanted == FLOAT and (given == INT or type(value) is IntLiteral):
        checker.conversions[value] = FLOAT
    elif wanted == INT and given == FLOAT:
        checker.conversions[value] = INT
    elif converts_to_buffer(given, wanted):
        checker.conversions[value] = BUFFER
    elif checker.strict and (given == MIXED or given == UNKNOWN) and wanted != MIXED and type(value) is not IntLiteral:
        checker.checked[value] = wanted


@expression(Assign)
def assign(checker: Checker, node: Assign) -> Type:
    """`target operator value`"""
    target, value, operator = node.target, node.value, node.operator
    wanted = lvalue(checker, target)
    given = checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    if given is wanted:
        return given
    if checker.context.typed and not compatible(given, wanted) and not _fits(operator, given, wanted):
        checker.error(codes.ASSIGNMENT_TYPE, f"Bad assignment {versus(wanted, given)}.", value,
                      notes=_declaration(checker, target))
        return MIXED
    if operator == "=":
        settle(checker, value, given, wanted)
        return checker.conversions.get(value, given)
    if operator in _LOGICAL:
        return wanted
    if operator in _ARITHMETIC:
        _settle_arithmetic(checker, operator, value, given, wanted)
    return wanted


def _fits(operator: str, given: Type, wanted: Type) -> bool:
    """Whether an operator takes a value that a plain assignment would not."""
    if operator == "=":
        return converts_to_buffer(given, wanted)
    return operator == "+=" and (converts_to_buffer(given, wanted) or wanted == STRING and given in _JOINS_STRING)


def _settle_arithmetic(checker: Checker, operator: str, value: Expression, given: Type, wanted: Type) -> None:
    if wanted == FLOAT and given == INT:
        checker.conversions[value] = FLOAT
    elif wanted == INT and given == FLOAT:
        checker.conversions[value] = INT
    elif operator == "+=" and converts_to_buffer(given, wanted):
        checker.conversions[value] = BUFFER


def _declaration(checker: Checker, target: Expression) -> list[Note]:
    symbol = checker.symbols.get(target)
    if isinstance(symbol, Local):
        at = symbol.declared_at
        return [Note(f"'{symbol.name}' declared here", at, at + len(symbol.name))]
    if isinstance(symbol, Global):
        return checker.program.note("variable", symbol.variable.name, symbol.variable.program)
    return []


@expression(Increment)
def increment(checker: Checker, node: Increment) -> Type:
    """`++x  --x  x++  x--`"""
    of = lvalue(checker, node.target)
    if of is INT or not checker.context.typed:
        return of if of is INT else MIXED
    if of not in _COUNTABLE:
        shown = f"{node.operator}x" if node.prefix else f"x{node.operator}"
        checker.error(codes.OPERAND_TYPE, f'Bad argument 1 to {shown}: "{spell(of)}"', node.target)
        return MIXED
    return of


@expression(RefArgument)
def ref_argument(checker: Checker, node: RefArgument) -> Type:
    """`ref target` as an argument."""
    lvalue(checker, node.target)
    if type(node.target) is Range:
        checker.error(codes.ILLEGAL_REF, "Illegal to make reference to range", node)
    return MIXED
