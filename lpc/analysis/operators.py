"""Types of operators: what operands they take, what they yield, and FluffOS's words where they do not fit.

Comparisons, `%`, `^` and shifts yield int everywhere. Other operators have a type in typed functions only:
in untyped code a variable's declared type says nothing reliable, so the result is `mixed` as in FluffOS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lpc.analysis import codes
from lpc.analysis.compatibility import accepts_int, comparable, spell, versus
from lpc.analysis.dispatch import EXPRESSIONS, expression
from lpc.analysis.fold import constant
from lpc.syntax.nodes import Binary, Conditional, Expression, IntLiteral, Logical, Unary
from lpc.types import BUFFER, FLOAT, FUNCTION, INT, MAPPING, MIXED, MIXED_ARRAY, OBJECT, STRING, UNKNOWN, Type

if TYPE_CHECKING:
    from lpc.analysis.check import Checker

_Rule = Callable[["Checker", Binary, Type, Type], Type]

COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))
_ALWAYS_INT = COMPARISONS | {"%", "^", "<<", ">>"}
_NUMBERS = frozenset((INT, FLOAT))


@expression(Binary)
def binary(checker: Checker, node: Binary) -> Type:
    """Arithmetic, comparison and bit operators."""
    types = checker.types
    left = node.left
    if type(left) is not Binary:
        found = types[left] = EXPRESSIONS[type(left)](checker, left)
        return _combine(checker, node, found)
    # `a + b + c + …` leans left as deep as it is long: walked down here, not by recursion.
    spine = [node]
    while type(left) is Binary:
        spine.append(left)
        left = left.left
    found = types[left] = EXPRESSIONS[type(left)](checker, left)
    while spine:
        at = spine.pop()
        found = types[at] = _combine(checker, at, found)
    return found


def _combine(checker: Checker, node: Binary, left: Type) -> Type:
    operand = node.right
    right = checker.types[operand] = EXPRESSIONS[type(operand)](checker, operand)
    operator = node.operator
    if operator == "/" or operator == "%":
        _check_division(checker, node)
    if checker.context.typed:
        # The commonest case by far: an int, whatever the operator.
        if left is INT and right is INT and operator != "&" and operator != "|":
            return INT
        found = _RULES[operator](checker, node, left, right)
        # FluffOS folds constants into the left one, whose type stays: that of a 0 is mixed.
        if left == MIXED and operator not in COMPARISONS and constant(operand) is not None \
                and constant(node.left) is not None:
            return MIXED
        return found
    return INT if operator in _ALWAYS_INT else MIXED


def _check_division(checker: Checker, node: Binary) -> None:
    divisor = constant(node.right)
    # Only where both sides are constant: `x / 0` is a run-time error that catch() may be waiting for.
    if divisor == 0 and constant(node.left) is not None:
        message = "Divide by zero in constant" if node.operator == "/" else "Modulo by zero constant"
        checker.error(codes.DIVISION_BY_ZERO, message, node.right)


# ------------------------------------------------------------------------------------------- operator rules


def _mismatch(checker: Checker, node: Binary, text: str, left: Type, right: Type) -> Type:
    checker.diagnostics.error(codes.OPERAND_TYPE, f"{text} {versus(left, right)}", node.start, node.end)
    return MIXED


def _bad_operand(checker: Checker, operand: Expression, text: str, of: Type) -> Type:
    checker.error(codes.OPERAND_TYPE, f'{text}: "{spell(of)}"', operand)
    return MIXED


def _add(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left == MIXED or right == MIXED:
        if left == FUNCTION or right == FUNCTION:
            side, operand = ("left", node.left) if left == FUNCTION else ("right", node.right)
            checker.error(codes.OPERAND_TYPE, f"Bad {side} argument to '+' (function)", operand)
            return MIXED
        return right if left == MIXED else left
    if left == right and left != UNKNOWN:
        return left
    if left.array and right.array:
        return MIXED_ARRAY
    if left == BUFFER and right.array:
        return BUFFER
    found = _SUMS.get((left, right))
    return found if found is not None else _mismatch(checker, node, "Invalid argument types to '+'", left, right)


_SUMS: dict[tuple[Type, Type], Type] = {
    (OBJECT, STRING): STRING, (STRING, OBJECT): STRING,
    (STRING, INT): STRING, (INT, STRING): STRING, (STRING, FLOAT): STRING, (FLOAT, STRING): STRING,
    (INT, FLOAT): FLOAT, (FLOAT, INT): FLOAT, (BUFFER, STRING): BUFFER,
}


def _subtract(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left == MIXED and right == MIXED:
        return MIXED
    if left == MIXED or right == MIXED or left == right:
        known, operand, number = (right, node.right, 2) if left == MIXED else (left, node.left, 1)
        if known.array or known in _NUMBERS:
            return known
        return _bad_operand(checker, operand, f"Bad argument number {number} to '-'", known)
    if left in _NUMBERS and right in _NUMBERS:
        return FLOAT
    if left.array and right.array:
        return MIXED_ARRAY
    return _mismatch(checker, node, "Invalid types to '-'", left, right)


def _multiply(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left == MIXED and right == MIXED:
        return MIXED
    if left == MIXED or right == MIXED or left == right:
        known, operand, number = (right, node.right, 2) if left == MIXED else (left, node.left, 1)
        if known in _NUMBERS or known == MAPPING:
            return known
        return _bad_operand(checker, operand, f"Bad argument number {number} to '*'", known)
    if left in _NUMBERS and right in _NUMBERS:
        return FLOAT
    return _mismatch(checker, node, "Invalid types to '*'", left, right)


def _divide(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if left == MIXED and right == MIXED:
        return MIXED
    if left == MIXED or right == MIXED or left == right:
        known, operand, number = (right, node.right, 2) if left == MIXED else (left, node.left, 1)
        if known in _NUMBERS:
            return known
        return _bad_operand(checker, operand, f"Bad argument {number} to '/'", known)
    if left in _NUMBERS and right in _NUMBERS:
        return FLOAT
    return _mismatch(checker, node, "Invalid types to '/'", left, right)


def _int_only(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if not accepts_int(left):
        _bad_operand(checker, node.left, f"Bad left argument to '{node.operator}' ", left)
    elif not accepts_int(right):
        _bad_operand(checker, node.right, f"Bad right argument to '{node.operator}' ", right)
    return INT


def _bitwise(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if _is_boolean(node.left) and _is_boolean(node.right):
        checker.diagnostics.warning(codes.BITWISE_BOOLEAN, "bitwise operation on boolean values.",
                                    node.operator_at, node.operator_at + 1)
    if not (left.array or right.array):
        # Two mixed operands may be two arrays.
        _int_only(checker, node, left, right)
        return MIXED if left == MIXED or right == MIXED else INT
    if left == right:
        return left
    if left != MIXED and right != MIXED and not (left.array and right.array):
        checker.diagnostics.error(codes.OPERAND_TYPE, f"Incompatible types for {node.operator} "
                                  f"{versus(left, right)}.", node.start, node.end)
        return MIXED
    return MIXED_ARRAY


def _is_boolean(node: Expression) -> bool:
    match node:
        case Unary():
            return node.operator == "!"
        case Binary():
            return node.operator in COMPARISONS
    return isinstance(node, Logical)


def _equality(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    if not comparable(left, right):
        outcome = "always false" if node.operator == "==" else "always true"
        checker.diagnostics.error(codes.COMPARISON, f"{node.operator} {outcome} because of incompatible types "
                                  f"{versus(left, right)}.", node.start, node.end)
    return INT


def _order(checker: Checker, node: Binary, left: Type, right: Type) -> Type:
    operator = node.operator
    if left not in _ORDERED:
        _bad_operand(checker, node.left, f"Bad left argument to '{operator}' ", left)
    elif right not in _ORDERED:
        _bad_operand(checker, node.right, f"Bad right argument to '{operator}' ", right)
    elif not comparable(left, right):
        checker.diagnostics.error(codes.COMPARISON, f"Arguments to {operator} do not have compatible types : "
                                  f"{versus(left, right)}", node.start, node.end)
    return INT


_ORDERED = frozenset((INT, FLOAT, STRING, MIXED))

_RULES: dict[str, _Rule] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "%": _int_only, "^": _int_only, "<<": _int_only,
    ">>": _int_only, "&": _bitwise, "|": _bitwise, "==": _equality, "!=": _equality, "<": _order, "<=": _order,
    ">": _order, ">=": _order,
}


# ------------------------------------------------------------------------------------------- other operators


@expression(Unary)
def unary(checker: Checker, node: Unary) -> Type:
    """`!x  ~x  -x`"""
    operand = node.operand
    of = checker.types[operand] = EXPRESSIONS[type(operand)](checker, operand)
    operator = node.operator
    if type(operand) is IntLiteral:
        return of
    if operator == "!":
        return INT
    if of == INT:
        return INT
    typed = checker.context.typed
    if operator == "~":
        if typed and not accepts_int(of):
            _bad_operand(checker, operand, "Bad argument to ~", of)
        return INT
    if not typed:
        # A negative float literal is as much of a literal as a positive one.
        return FLOAT if constant(node) is not None else MIXED
    if of == FLOAT or of == MIXED:
        return of
    return _bad_operand(checker, operand, "Bad argument to unary '-'", of)


@expression(Logical)
def logical(checker: Checker, node: Logical) -> Type:
    """`&&  ||  ??`"""
    types = checker.types
    left: Expression = node
    spine: list[Logical] = []
    while type(left) is Logical:
        spine.append(left)
        left = left.left
    found = types[left] = EXPRESSIONS[type(left)](checker, left)
    while spine:
        at = spine.pop()
        right = types[at.right] = EXPRESSIONS[type(at.right)](checker, at.right)
        found = found if found == right and at.operator != "??" else MIXED
        types[at] = found
    return found


@expression(Conditional)
def conditional(checker: Checker, node: Conditional) -> Type:
    """`condition ? then : otherwise`"""
    types = checker.types
    types[node.condition] = EXPRESSIONS[type(node.condition)](checker, node.condition)
    then = types[node.then] = EXPRESSIONS[type(node.then)](checker, node.then)
    otherwise = types[node.otherwise] = EXPRESSIONS[type(node.otherwise)](checker, node.otherwise)
    if then == otherwise:
        return then
    if checker.context.typed and not comparable(then, otherwise):
        checker.diagnostics.warning(codes.CONDITIONAL_TYPES, f"Types in ?: do not match {versus(then, otherwise)}.",
                                    node.then.start, node.otherwise.end)
    return MIXED
