"""The only maker of Python `ast` nodes. Every function takes the LPC node it is made for and puts its
place on the result, so that tracebacks, `co_positions` and coverage point into the LPC source.

Line numbers are virtual lines (lpc.source); the program's line table turns them into files and lines.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypeVar

from lpc.source import COLUMN_BITS
from lpc.syntax.nodes import Node

_COLUMN = (1 << COLUMN_BITS) - 1
_LOAD = ast.Load()
_STORE = ast.Store()
_DEL = ast.Del()
_T = TypeVar("_T", bound=ast.AST)

_COMPARISONS: dict[str, ast.cmpop] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
    "is": ast.Is(), "is not": ast.IsNot(), "not in": ast.NotIn(),
}
_OPERATORS: dict[str, ast.operator] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(),
    "&": ast.BitAnd(), "|": ast.BitOr(), "^": ast.BitXor(), "<<": ast.LShift(), ">>": ast.RShift(),
}
_UNARY: dict[str, ast.unaryop] = {"not": ast.Not(), "-": ast.USub(), "~": ast.Invert()}
_AND, _OR = ast.And(), ast.Or()

#: Functions of the namespace that may take as long as their arguments are large. What makes strings, arrays and
#: mappings larger is not among them: it looks at the clock itself once they are large.
LONG = frozenset((
    "subtract multiply bit_and bit_or bit_xor less less_equal greater greater_equal equal size_of index from_end "
    "read_from_end extract put replace_range element_cell join spread sscanf spread_efun call_target clone"
).split())

#: ... and what is part of code that needs no look at the clock behind it.
_BRIEF = frozenset("type len isinstance wrap add add_to large_string limited_array".split())
_PLAIN = (ast.Name, ast.Constant, ast.Attribute, ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp,
          ast.NamedExpr, ast.Subscript, ast.List, ast.Tuple, ast.JoinedStr, ast.FormattedValue)
_MOST_PLAIN = 40


def _place(made: _T, at: Node) -> _T:
    start, end = at.start, max(at.start, at.end)
    # Straight into the dict: four setattr calls a node were a tenth of the time to generate code.
    made.__dict__.update(
        lineno=start >> COLUMN_BITS, col_offset=start & _COLUMN,
        end_lineno=end >> COLUMN_BITS, end_col_offset=end & _COLUMN,
    )
    return made


def constant(value: Any, at: Node) -> ast.expr:
    return _place(ast.Constant(value), at)


def name(identifier: str, at: Node) -> ast.expr:
    return _place(ast.Name(identifier, _LOAD), at)


def stored(identifier: str, at: Node) -> ast.Name:
    """A local name as the target of an assignment or loop."""
    return _place(ast.Name(identifier, _STORE), at)


def attribute(value: ast.expr, key: str, at: Node) -> ast.expr:
    return _place(ast.Attribute(value, key, _LOAD), at)


def call(function: ast.expr, args: Sequence[ast.expr], at: Node) -> ast.expr:
    return _place(ast.Call(function, list(args), []), at)


def call_name(function: str, args: Sequence[ast.expr], at: Node) -> ast.expr:
    """Call a function of the namespace."""
    return (call_long if function in LONG else call_brief)(function, args, at)


def call_brief(function: str, args: Sequence[ast.expr], at: Node) -> ast.expr:
    """Call a function of the namespace that takes no time with these arguments."""
    return call(name(function, at), args, at)


def call_long(function: str, args: Sequence[ast.expr], at: Node) -> ast.expr:
    """Call a function of the namespace that may take long: when its arguments are there, it is seen whether there is
    time left."""
    if not args:
        return unless_stopped(call(name(function, at), args, at), at)
    *others, last = args
    if isinstance(last, ast.Starred):
        last = starred(in_time(last.value, at), at)
    else:
        last = in_time(last, at)
    return call(name(function, at), [*others, last], at)


def call_method(target: ast.expr, key: str, args: Sequence[ast.expr], at: Node) -> ast.expr:
    return call(attribute(target, key, at), args, at)


def starred(value: ast.expr, at: Node) -> ast.expr:
    return _place(ast.Starred(value, _LOAD), at)


def subscript(base: ast.expr, key: ast.expr, at: Node) -> ast.expr:
    return _place(ast.Subscript(base, key, _LOAD), at)


def binary(operator: str, left: ast.expr, right: ast.expr, at: Node) -> ast.expr:
    return _place(ast.BinOp(left, _OPERATORS[operator], right), at)


def unary(operator: str, operand: ast.expr, at: Node) -> ast.expr:
    return _place(ast.UnaryOp(_UNARY[operator], operand), at)


def negation(operand: ast.expr, at: Node) -> ast.expr:
    return unary("not", operand, at)


def compare(left: ast.expr, operator: str, right: ast.expr, at: Node) -> ast.expr:
    if operator.startswith("is") and _is_literal(left):
        # A literal is none of the objects we ask for by identity, and Python warns of the question.
        return constant(operator == "is not", at)
    return _place(ast.Compare(left, [_COMPARISONS[operator]], [right]), at)


def _is_literal(value: ast.expr) -> bool:
    """Whether Python makes a constant of an expression."""
    if isinstance(value, ast.BinOp):
        return _is_literal(value.left) and _is_literal(value.right)
    return isinstance(value, ast.Constant) or isinstance(value, ast.UnaryOp) and _is_literal(value.operand)


def between(low: int, value: ast.expr, high: int, at: Node) -> ast.expr:
    """`low <= value <= high`"""
    up = _COMPARISONS["<="]
    return _place(ast.Compare(constant(low, at), [up, up], [value, constant(high, at)]), at)


def both(values: Sequence[ast.expr], at: Node) -> ast.expr:
    return values[0] if len(values) == 1 else _place(ast.BoolOp(_AND, list(values)), at)


def either(values: Sequence[ast.expr], at: Node) -> ast.expr:
    return values[0] if len(values) == 1 else _place(ast.BoolOp(_OR, list(values)), at)


def conditional(test: ast.expr, then: ast.expr, otherwise: ast.expr, at: Node) -> ast.expr:
    return _place(ast.IfExp(test, then, otherwise), at)


def stop_check(at: Node) -> ast.stmt:
    """Give up if the evaluation's time is over."""
    return if_(name("STOP", at), [expression(call_name("stop", [], at), at)], (), at)


def unless_stopped(value: ast.expr, at: Node) -> ast.expr:
    """A value that is computed only if the evaluation's time is not over; stop() says whether that was meant for it."""
    goes_on = either([negation(name("STOP", at), at), call_name("stop", [], at)], at)
    return conditional(goes_on, value, constant(0, at), at)


def in_time(value: ast.expr, at: Node) -> ast.expr:
    """A value, and after what may take long to compute it a look at the clock."""
    return unless_stopped(value, at) if _is_brief(value) else call_name("looked", [value], at)


def _is_brief(value: ast.expr) -> bool:
    """Whether computing a value takes no time to speak of: for small expressions alone, to have a quick answer."""
    waiting: list[ast.AST] = [value]
    for _ in range(_MOST_PLAIN):
        if not waiting:
            return True
        part = waiting.pop()
        if isinstance(part, ast.Call):
            if not (isinstance(part.func, ast.Name) and part.func.id in _BRIEF):
                return False
            waiting += part.args
        elif not isinstance(part, _PLAIN):
            return False
        else:
            waiting += [inner for inner in ast.iter_child_nodes(part) if isinstance(inner, ast.expr)]
    return not waiting


def walrus(identifier: str, value: ast.expr, at: Node) -> ast.expr:
    return _place(ast.NamedExpr(stored(identifier, at), value), at)


def array(items: Sequence[ast.expr], at: Node) -> ast.expr:
    return _place(ast.List(list(items), _LOAD), at)


def pair(items: Sequence[ast.expr], at: Node) -> ast.expr:
    return _place(ast.Tuple(list(items), _LOAD), at)


def stored_pair(identifiers: Sequence[str], at: Node) -> ast.expr:
    return _place(ast.Tuple([stored(i, at) for i in identifiers], _STORE), at)


def dictionary(keys: Sequence[ast.expr], values: Sequence[ast.expr], at: Node) -> ast.expr:
    return _place(ast.Dict(list(keys), list(values)), at)


def joined(parts: Sequence[ast.expr], at: Node) -> ast.expr:
    """An f-string of constants and `formatted` parts."""
    return _place(ast.JoinedStr(list(parts)), at)


def formatted(value: ast.expr, spec: str, at: Node) -> ast.expr:
    """One `{value:spec}` of an f-string."""
    wanted = joined([constant(spec, at)], at) if spec else None
    return _place(ast.FormattedValue(value, -1, wanted), at)


def function_value(parameters: Sequence[str], body: ast.expr, at: Node) -> ast.expr:
    return _place(ast.Lambda(_arguments(parameters, at), body), at)


def _arguments(parameters: Sequence[str], at: Node) -> ast.arguments:
    return ast.arguments([], [_place(ast.arg(p), at) for p in parameters], None, [], [], None, [])


# ------------------------------------------------------------------------------------------- statements


def expression(value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.Expr(value), at)


def assign(identifier: str, value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.Assign([stored(identifier, at)], value), at)


def assign_pair(identifiers: Sequence[str], value: ast.expr, at: Node) -> ast.stmt:
    """`a, b = value`"""
    return _place(ast.Assign([stored_pair(identifiers, at)], value), at)


def augment(identifier: str, operator: str, value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.AugAssign(stored(identifier, at), _OPERATORS[operator], value), at)


def assign_attribute(target: ast.expr, key: str, value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.Assign([_place(ast.Attribute(target, key, _STORE), at)], value), at)


def assign_item(base: ast.expr, key: ast.expr, value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.Assign([_place(ast.Subscript(base, key, _STORE), at)], value), at)


def if_(test: ast.expr, then: Sequence[ast.stmt], otherwise: Sequence[ast.stmt], at: Node) -> ast.stmt:
    return _place(ast.If(test, list(then) or [pass_(at)], list(otherwise)), at)


def while_(test: ast.expr, body: Sequence[ast.stmt], at: Node) -> ast.stmt:
    return _place(ast.While(test, list(body) or [pass_(at)], []), at)


def for_(target: ast.expr, values: ast.expr, body: Sequence[ast.stmt], otherwise: Sequence[ast.stmt],
         at: Node) -> ast.stmt:
    return _place(ast.For(target, values, list(body) or [pass_(at)], list(otherwise)), at)


def try_(body: Sequence[ast.stmt], caught: ast.expr, identifier: str, handler: Sequence[ast.stmt],
         at: Node) -> ast.stmt:
    handlers = [_place(ast.ExceptHandler(caught, identifier, list(handler)), at)]
    return _place(ast.Try(list(body) or [pass_(at)], handlers, [], []), at)


def finally_(body: Sequence[ast.stmt], final: Sequence[ast.stmt], at: Node) -> ast.stmt:
    return _place(ast.Try(list(body), [], [], list(final)), at)


def return_(value: ast.expr, at: Node) -> ast.stmt:
    return _place(ast.Return(value), at)


def pass_(at: Node) -> ast.stmt:
    return _place(ast.Pass(), at)


def break_(at: Node) -> ast.stmt:
    return _place(ast.Break(), at)


def continue_(at: Node) -> ast.stmt:
    return _place(ast.Continue(), at)


def global_(identifier: str, at: Node) -> ast.stmt:
    return _place(ast.Global([identifier]), at)


def function(identifier: str, parameters: Sequence[str], body: Sequence[ast.stmt], at: Node) -> ast.stmt:
    made = ast.FunctionDef(identifier, _arguments(parameters, at), list(body) or [pass_(at)], [], None, None)
    return _place(made, at)


def module(body: Sequence[ast.stmt]) -> ast.Module:
    return ast.Module(list(body), [])
