"""Expressions: one emitter per node type, in `EMITTERS`.

Rules of the house:
- An emitter returns a `Val`. What only a statement can do (try, assignment to anything but a local) it
  appends to `out.statements`, and returns a temporary; `out.operands` keeps the order of evaluation by
  saving the siblings that come first.
- Python's operator is used where it is exact for the facts known (facts.py); the general function of
  lpc.runtime.operators otherwise. Ints are brought into 64 bits when they are `settled`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lpc.analysis.symbols import (
    ClassMemberSymbol,
    EfunSymbol,
    Global,
    Local,
    OwnFunction,
    SimulEfun,
)
from lpc.codegen import builder as b
from lpc.codegen.facts import (
    ALWAYS_TRUE,
    BOOL,
    FLOAT,
    INT,
    LIST,
    MAP,
    NUM,
    NUMERIC,
    STR,
    Val,
    joined_fact,
    span_of,
)
from lpc.runtime.values import INT_MAX, INT_MIN, SMALL
from lpc.syntax import nodes as n

if TYPE_CHECKING:
    from lpc.codegen.functions import FunctionEmitter

_N = TypeVar("_N", bound=n.Node)
Emitter = Callable[["FunctionEmitter", Any], Val]
EMITTERS: dict[type[n.Node], Emitter] = {}


def emits(kind: type[_N]) -> Callable[[Callable[[FunctionEmitter, _N], Val]], Callable[[FunctionEmitter, _N], Val]]:
    """Register the emitter of a node type."""

    def register(function: Callable[[FunctionEmitter, _N], Val]) -> Callable[[FunctionEmitter, _N], Val]:
        EMITTERS[kind] = function
        return function

    return register


def number(value: int, at: n.Node) -> Val:
    """An int constant."""
    return Val(b.constant(value, at), INT, "int", True, value, value)


def boolean(code: ast.expr) -> Val:
    return Val(code, BOOL, "int", False, 0, 1)


def code_of(out: FunctionEmitter, val: Val, at: n.Node) -> ast.expr:
    """The code of a value that may still be the pieces of a string."""
    if val.parts is None:
        assert val.code is not None
        return val.code
    temp = out.temp()
    text = b.joined(val.parts, at)
    if all(_is_short(part) for part in val.parts):
        return text
    return unless_large(temp, b.walrus(temp, text, at), at)


def unless_large(temp: str, text: ast.expr, at: n.Node) -> ast.expr:
    """A string put together now and held in `temp`, which may be too long, or have taken long."""
    small = b.compare(b.call_name("len", [text], at), "<=", b.name("SMALL_STRING", at), at)
    made = b.name(temp, at)
    return b.conditional(small, made, b.call_name("large_string", [made], at), at)


def _is_short(part: ast.expr) -> bool:
    """Whether a piece of an f-string is a literal or a formatted number."""
    return isinstance(part, ast.Constant) or getattr(part, "is_number", False)


def settled(out: FunctionEmitter, val: Val, at: n.Node) -> ast.expr:
    """The value as LPC may see it: no bool, no int beyond 64 bits."""
    code = code_of(out, val, at)
    if val.fact == BOOL:
        return b.conditional(code, b.constant(1, at), b.constant(0, at), at)
    if val.fact == INT and not val.fits:
        return in_range(out, code, val, at)
    return code


def settled_val(out: FunctionEmitter, val: Val, at: n.Node) -> Val:
    """`settled` with what is still known: of an int that may have been wrapped, nothing."""
    code = settled(out, val, at)
    if val.fact == BOOL:
        return Val(code, INT, "int", False, 0, 1)
    if val.fact == INT and not val.fits:
        return Val(code, INT, val.hint)
    return Val(code, val.fact, val.hint, val.simple, val.low, val.high)


def in_range(out: FunctionEmitter, code: ast.expr, val: Val, at: n.Node) -> ast.expr:
    """`code`, wrapped if it left 64 bits; small results are recognised without a call."""
    temp = out.temp()
    tests = small(temp, b.walrus(temp, code, at), val.low, val.high, at)
    made = b.name(temp, at)
    large = b.between(INT_MIN, made, INT_MAX, at)
    wrapped = b.conditional(large, made, b.call_name("wrap", [made], at), at)
    return b.conditional(b.both(tests, at), made, wrapped, at)


def small(temp: str, first: ast.expr, low: int, high: int, at: n.Node) -> list[ast.expr]:
    """Tests that a result is within ±SMALL. Two comparisons cost half of what `-SMALL < x < SMALL` does."""
    tests = []
    if high >= SMALL:
        tests.append(b.compare(first, "<", b.constant(SMALL, at), at))
        first = b.name(temp, at)
    if low <= -SMALL:
        tests.append(b.compare(first, ">", b.constant(-SMALL, at), at))
    return tests


def condition(out: FunctionEmitter, val: Val, at: n.Node) -> ast.expr:
    """A Python test that is LPC's truth of the value in a jump context."""
    code = settled(out, val, at) if val.fact == INT else code_of(out, val, at)
    if val.fact in (BOOL, INT, NUM, FLOAT):
        return code
    if val.fact in ALWAYS_TRUE:
        return b.compare(code, "is not", b.constant(None, at), at)
    if val.hint in ("int", "float"):
        return b.compare(code, "!=", b.constant(0, at), at)
    first, again = out.twice(code, val.simple, at)
    return b.either([first, b.compare(again, "!=", b.constant(0, at), at)], at)


def is_zero(out: FunctionEmitter, val: Val, at: n.Node) -> ast.expr:
    """A Python test for `!value`: int 0 (undefined, destructed) alone."""
    code = settled(out, val, at) if val.fact == INT else code_of(out, val, at)
    if val.fact in (BOOL, INT):
        return b.negation(code, at)
    if val.fact in ALWAYS_TRUE or val.fact == FLOAT:
        return b.compare(code, "is", b.constant(None, at), at)
    first, again = out.twice(code, val.simple, at)
    return b.both([b.negation(first, at), b.call_name("is_zero", [again], at)], at)


# --------------------------------------------------------------------------------------------- literals


@emits(n.IntLiteral)
def int_literal(out: FunctionEmitter, node: n.IntLiteral) -> Val:
    return number(node.value, node)


@emits(n.FloatLiteral)
def float_literal(out: FunctionEmitter, node: n.FloatLiteral) -> Val:
    return Val(b.constant(node.value, node), FLOAT, "float", True)


@emits(n.StringLiteral)
def string_literal(out: FunctionEmitter, node: n.StringLiteral) -> Val:
    return Val(b.constant(node.value, node), STR, "string", True)


@emits(n.Template)
def template(out: FunctionEmitter, node: n.Template) -> Val:
    parts = [settled(out, val, node) for val in out.operands(node.parts)]
    return Val(b.call_name("join", parts, node), STR, "string")


@emits(n.ArrayLiteral)
def array_literal(out: FunctionEmitter, node: n.ArrayLiteral) -> Val:
    code = b.array(out.items(node.items), node)
    if any(isinstance(item, n.Spread) for item in node.items):
        code = b.call_name("limited_array", [code], node)
    return Val(code, LIST, "array")


@emits(n.Spread)
def spread(out: FunctionEmitter, node: n.Spread) -> Val:
    return Val(b.starred(b.call_name("spread", [out.value(node.value)], node), node))


@emits(n.MappingLiteral)
def mapping_literal(out: FunctionEmitter, node: n.MappingLiteral) -> Val:
    if not node.pairs:
        return Val(b.call_name("Mapping", [], node), MAP, "mapping")
    vals = out.operands([part for pair in node.pairs for part in pair])
    keys = [as_key(out, val, node) for val in vals[0::2]]
    values = [settled(out, val, node) for val in vals[1::2]]
    return Val(b.call_name("Mapping", [b.dictionary(keys, values, node)], node), MAP, "mapping")


#: Declared types that are their own dict keys (docs/adr/0004).
PLAIN_KEYS = frozenset(("string", "int", "mapping", "function"))


def is_plain_key(val: Val) -> bool:
    """Whether a value is certainly, or by its declaration, its own dict key."""
    return val.fact in (INT, BOOL, STR, MAP) or val.fact is None and val.hint in PLAIN_KEYS


def as_key(out: FunctionEmitter, val: Val, at: n.Node) -> ast.expr:
    """A value as a mapping key: arrays and floats are wrapped."""
    code = settled(out, val, at)
    if is_plain_key(val):
        return code
    first, again = out.twice(code, val.simple, at)
    plain = b.compare(b.call_name("type", [first], at), "is", b.name("str", at), at)
    return b.conditional(plain, again, b.call_name("as_key", [again], at), at)


# ------------------------------------------------------------------------------------------------ names


@emits(n.Name)
def name(out: FunctionEmitter, node: n.Name) -> Val:
    symbol = out.analysis.symbols.get(node)
    if isinstance(symbol, Local):
        return out.local(symbol, node)
    if isinstance(symbol, Global):
        hint = "array" if symbol.variable.type.array else symbol.variable.type.base
        return Val(b.attribute(b.name("self", node), symbol.variable.key, node), None, hint)
    return pointer(out, node, symbol, ())


@emits(n.Parameter)
def parameter(out: FunctionEmitter, node: n.Parameter) -> Val:
    return Val(b.name(f"${node.index}", node), None, "mixed", True)


@emits(n.Captured)
def captured(out: FunctionEmitter, node: n.Captured) -> Val:
    return Val(b.name(out.capture(node.value), node), None, "mixed", True)


@emits(n.Comma)
def comma(out: FunctionEmitter, node: n.Comma) -> Val:
    for item in node.items[:-1]:
        out.effect(item)
    return out.expr(node.items[-1])


@emits(n.Cast)
def cast(out: FunctionEmitter, node: n.Cast) -> Val:
    val = out.expr(node.value)
    if val.fact is None:
        val.hint = "mixed"  # a cast converts nothing, so it proves nothing
    return val


# ------------------------------------------------------------------------------------------- arithmetic


@emits(n.Unary)
def unary(out: FunctionEmitter, node: n.Unary) -> Val:
    val = out.expr(node.operand)
    if node.operator == "!":
        return boolean(is_zero(out, val, node))
    if node.operator == "-" and val.fact in (INT, BOOL):
        val = raw(out, val, node)
        return Val(b.unary("-", code_of(out, val, node), node), INT, "int", False, -val.high, -val.low)
    code = settled(out, val, node)
    if node.operator == "~":
        if val.fact in (INT, BOOL):
            return Val(b.unary("~", code, node), INT, "int")
        return Val(b.call_name("complement", [code], node), INT, "int")
    if val.fact == FLOAT:
        return Val(b.unary("-", code, node), FLOAT, "float")
    return Val(b.call_name("negate", [code], node), NUM, val.hint)


_HELPERS = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo", "&": "bit_and", "|": "bit_or",
    "^": "bit_xor", "<<": "shift_left", ">>": "shift_right",
    "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}
#: Helpers whose result is certainly an int.
_INT_RESULTS = frozenset(("%", "<<", ">>"))
_NUMBERS = NUMERIC | {BOOL}


@emits(n.Binary)
def binary(out: FunctionEmitter, node: n.Binary) -> Val:
    if node.operator in ("==", "!="):
        return equality(out, node)
    left, right = out.operands((node.left, node.right))
    return operate(out, node.operator, left, right, node)


def operate(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val:
    """`left operator right` for arithmetic, bits and order."""
    if operator in ("<", "<=", ">", ">="):
        return comparison(out, operator, left, right, at)
    if operator == "+" and STR in (left.fact, right.fact):
        return concatenate(out, left, right, at)
    ints = left.fact in (INT, BOOL) and right.fact in (INT, BOOL)
    if not (ints and operator in "+-*&"):
        # Only these do not care for what lies above 64 bits; what parts of a string are made is decided there, too.
        left, right = (val if val.parts is not None else settled_val(out, val, at) for val in (left, right))
    if operator in ("+", "-"):
        made = additive(out, operator, left, right, at)
    elif operator == "*":
        made = product(out, left, right, at)
    elif operator in ("/", "%"):
        made = quotient(out, operator, left, right, at)
    else:
        made = bits(out, operator, left, right, at)
    if made is not None:
        return made
    return general(out, operator, left, right, at)


def general(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val:
    """The operator as a function: right for every type."""
    args = [settled(out, left, at), settled(out, right, at)]
    made = _operation(_HELPERS[operator], left, right, args, at)
    return Val(made, INT if operator in _INT_RESULTS else None, "mixed")


def _operation(helper: str, left: Val, right: Val, args: list[ast.expr], at: n.Node) -> ast.expr:
    """The call of an operator's function: with a number on one side it has nothing large to work on."""
    has_number = bool({left.fact, right.fact} & _NUMBERS)
    return (b.call_brief if has_number else b.call_name)(helper, args, at)


def raw(out: FunctionEmitter, val: Val, at: n.Node) -> Val:
    """An operand of + - *: ints may still lie outside 64 bits, up to a point."""
    if val.fact == INT and max(-val.low, val.high) < 1 << 200:
        return val
    return settled_val(out, val, at)


def additive(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val | None:
    ints = left.fact in (INT, BOOL) and right.fact in (INT, BOOL)
    if ints:
        left, right = raw(out, left, at), raw(out, right, at)
        low, high = span_of(operator, left, right)
        code = b.binary(operator, code_of(out, left, at), code_of(out, right, at), at)
        return Val(code, INT, "int", False, low, high)
    if FLOAT in (left.fact, right.fact) and (operator == "-" or left.is_numeric and right.is_numeric):
        # Python subtracts only numbers from a float and adds only numbers to it: what comes out is one.
        return Val(b.binary(operator, settled(out, left, at), settled(out, right, at), at), FLOAT, "float")
    if left.is_numeric and right.is_numeric or (operator == "-" and NUMERIC & {left.fact, right.fact}):
        # Declared numbers are taken at their word here: anything else is a Python TypeError, which becomes
        # the LPC error (docs/adr/0004).
        code = b.binary(operator, settled(out, left, at), settled(out, right, at), at)
        low, high = span_of(operator, left, right)
        guess = Val(None, NUM, left.hint, False, low, high)
        return Val(code if guess.fits else in_range(out, code, guess, at), NUM, _number_hint(left, right))
    if left.simple and right.simple and _maybe_number(left) and _maybe_number(right):
        return guarded_ints(out, operator, left, right, at)
    return None


def _maybe_number(val: Val) -> bool:
    return val.fact in (None, INT, NUM) and val.hint in ("int", "mixed", "unknown")


def _number_hint(left: Val, right: Val) -> str:
    return "float" if "float" in (left.hint, right.hint) else "int"


def guarded_ints(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node, helper: str = "") -> Val:
    """Python's operator if both prove to be ints at run time, the general function (or `helper`) otherwise."""
    l_code, r_code = settled(out, left, at), settled(out, right, at)
    low, high = span_of(operator, left, right)
    tests = [_is_int(val, code, at) for val, code in ((left, l_code), (right, r_code)) if val.fact != INT]
    if operator == "-":
        del tests[1:]  # what can not be subtracted from an int is an error in Python as in LPC
    otherwise = _operation(helper or _HELPERS[operator], left, right, [l_code, r_code], at)
    result = b.binary(operator, l_code, r_code, at)
    if not Val(None, low=low, high=high).fits:
        temp = out.temp()
        tests.extend(small(temp, b.walrus(temp, result, at), low, high, at))
        result = b.name(temp, at)
    # Whatever is multiplied with an int is a number; two mappings make a mapping.
    fact = NUM if operator == "*" and INT in (left.fact, right.fact) else None
    return Val(b.conditional(b.both(tests, at), result, otherwise, at), fact, "mixed")


def _is_int(val: Val, code: ast.expr, at: n.Node) -> ast.expr:
    return b.compare(b.call_name("type", [code], at), "is", b.name("int", at), at)


def product(out: FunctionEmitter, left: Val, right: Val, at: n.Node) -> Val | None:
    if left.fact in (INT, BOOL) and right.fact in (INT, BOOL):
        left, right = raw(out, left, at), raw(out, right, at)
        if max(map(abs, span_of("*", left, right))) >= 1 << 200:
            left, right = settled_val(out, left, at), settled_val(out, right, at)
        low, high = span_of("*", left, right)
        code = b.binary("*", code_of(out, left, at), code_of(out, right, at), at)
        return Val(code, INT, "int", False, low, high)
    if FLOAT in (left.fact, right.fact):
        if left.is_numeric and right.is_numeric:
            return Val(b.binary("*", settled(out, left, at), settled(out, right, at), at), FLOAT, "float")
        return Val(general(out, "*", left, right, at).code, FLOAT, "float")
    if left.fact in NUMERIC and right.fact in NUMERIC:
        code = b.binary("*", settled(out, left, at), settled(out, right, at), at)
        return Val(in_range(out, code, Val(None, low=-(1 << 126), high=1 << 126), at), NUM, "int")
    if STR in (left.fact, right.fact) or "float" in (left.hint, right.hint):
        return None
    left, right = out.simplified(at, left, right)
    return guarded_ints(out, "*", left, right, at)


def quotient(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val | None:
    if FLOAT in (left.fact, right.fact):
        if operator == "/":
            return Val(b.binary("/", settled(out, left, at), settled(out, right, at), at), FLOAT, "float")
        return None
    python = "//" if operator == "/" else "%"
    if right.fact != INT or right.low < 1 or right.high > INT_MAX:
        return _guarded_quotient(out, operator, left, right, at)
    largest = right.high - 1
    if left.fact == INT and left.low >= 0:
        high = left.high // right.low if operator == "/" else largest
        code = b.binary(python, code_of(out, left, at), code_of(out, right, at), at)
        return Val(code, INT, "int", False, 0, min(high, INT_MAX))
    if not right.simple:
        return None
    (left,) = out.simplified(at, Val(settled(out, left, at), left.fact, left.hint, left.simple and left.fits))
    assert left.code is not None and right.code is not None
    plain = b.compare(left.code, ">=", b.constant(0, at), at)
    if left.fact != INT:
        plain = b.both([_is_int(left, left.code, at), plain], at)
    otherwise = b.call_name(_HELPERS[operator], [left.code, right.code], at)
    code = b.conditional(plain, b.binary(python, left.code, right.code, at), otherwise, at)
    if left.fact == INT:
        return Val(code, INT, "int", False, *((-largest, largest) if operator == "%" else (INT_MIN, INT_MAX)))
    return Val(code, INT, "int", False, -largest, largest) if operator == "%" else Val(code, NUM, "int")


def _guarded_quotient(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val | None:
    """Division by something declared int: Python's own for two ints of which the right one is positive."""
    if not (_is_declared_int(left) and _is_declared_int(right)):
        return None
    left, right = out.simplified(at, left, right)
    l_code, r_code = settled(out, left, at), settled(out, right, at)
    tests = [_is_int(val, code, at) for val, code in ((left, l_code), (right, r_code)) if val.fact != INT]
    tests.append(b.compare(r_code, ">", b.constant(0, at), at))
    if left.fact != INT or left.low < 0:
        tests.append(b.compare(l_code, ">=", b.constant(0, at), at))
    plain = b.binary("//" if operator == "/" else "%", l_code, r_code, at)
    otherwise = b.call_name(_HELPERS[operator], [l_code, r_code], at)
    return Val(b.conditional(b.both(tests, at), plain, otherwise, at), INT if operator == "%" else NUM, "int")


def _is_declared_int(val: Val) -> bool:
    return val.fact == INT or (val.fact is None and val.hint == "int")


def bits(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val | None:
    if left.fact not in (INT, BOOL) or right.fact not in (INT, BOOL):
        if operator in "&|^" and left.hint == right.hint == "int":
            return Val(b.binary(operator, settled(out, left, at), settled(out, right, at), at), INT, "int")
        unknown, other = (left, right) if right.fact == INT else (right, left)
        if operator in "&|^" and other.fact == INT and unknown.simple and other.simple and _maybe_number(unknown):
            l_code, r_code = settled(out, left, at), settled(out, right, at)
            plain = b.binary(operator, l_code, r_code, at)
            test = _is_int(unknown, settled(out, unknown, at), at)
            otherwise = _operation(_HELPERS[operator], left, right, [l_code, r_code], at)
            return Val(b.conditional(test, plain, otherwise, at), INT, "int")
        return None
    if operator == "&":
        for mask in (right, left):
            if mask.low >= 0 and mask.fits:  # a mask's low bits do not care what lies above them
                l_code, r_code = (code_of(out, raw(out, val, at), at) for val in (left, right))
                return Val(b.binary("&", l_code, r_code, at), INT, "int", False, 0, mask.high)
        left, right = settled_val(out, left, at), settled_val(out, right, at)
    l_code, r_code = settled(out, left, at), settled(out, right, at)
    if operator in "&|^":
        positive = left.low >= 0 and right.low >= 0
        high = (1 << max(left.high, right.high).bit_length()) - 1
        return Val(b.binary(operator, l_code, r_code, at), INT, "int", False, *((0, high) if positive else ()))
    if right.low < 0 or right.high > 63:
        return None
    if operator == ">>":
        return Val(b.binary(">>", l_code, r_code, at), INT, "int", False, left.low >> right.low if left.low < 0 else 0,
                   left.high >> right.low if left.high > 0 else 0)
    return Val(b.binary("<<", l_code, r_code, at), INT, "int", False, min(left.low, left.low << right.high),
               max(left.high, left.high << right.high))


def concatenate(out: FunctionEmitter, left: Val, right: Val, at: n.Node) -> Val:
    """`+` where one side is certainly a string."""
    pieces = [string_parts(out, left, at), string_parts(out, right, at)]
    if pieces[0] is not None and pieces[1] is not None:
        return Val(None, STR, "string", parts=pieces[0] + pieces[1])
    # One side is only declared to be a string, or unknown: look before using Python's +.
    left, right = out.simplified(at, *(Val(settled(out, v, at), v.fact, v.hint, v.simple) for v in (left, right)))
    assert left.code is not None and right.code is not None
    l_code, r_code = left.code, right.code
    other_code = r_code if left.fact == STR else l_code
    otherwise = b.call_name("add", [l_code, r_code], at)
    temp = out.temp()
    total = unless_large(temp, b.walrus(temp, b.binary("+", l_code, r_code, at), at), at)
    is_text = b.compare(b.call_name("type", [other_code], at), "is", b.name("str", at), at)
    return Val(b.conditional(is_text, total, otherwise, at), None, "string")


def string_parts(out: FunctionEmitter, val: Val, at: n.Node) -> list[ast.expr] | None:
    """A value as pieces of an f-string; None where its type is not certain."""
    if val.parts is not None:
        return val.parts
    assert val.code is not None
    if val.fact == STR:
        return [val.code if isinstance(val.code, ast.Constant) else b.formatted(val.code, "", at)]
    if val.fact in (INT, BOOL, FLOAT):
        part = b.formatted(settled(out, val, at), "f" if val.fact == FLOAT else "", at)
        part.is_number = True  # type: ignore[attr-defined]  # at most a few hundred characters: see _is_short
        return [part]
    return None


def comparison(out: FunctionEmitter, operator: str, left: Val, right: Val, at: n.Node) -> Val:
    facts = {left.fact, right.fact}
    exact = (
        left.is_numeric and right.is_numeric
        or bool(facts & NUMERIC)  # against a number, whatever is no number is an error in Python too
        or (left.fact == STR and right.fact == STR)
    )
    l_code, r_code = settled(out, left, at), settled(out, right, at)
    if exact:
        if facts == {STR}:
            r_code = b.in_time(r_code, at)
        elif not facts & PROVED:
            l_code = unless_array(out, Val(l_code, simple=left.simple), "unordered", [b.constant(operator, at)], at)
        return boolean(b.compare(l_code, operator, r_code, at))
    return boolean(_operation(_HELPERS[operator], left, right, [l_code, r_code], at))


#: Facts under which Python's == and < ask nothing but the two values: arrays compare element by element there.
PROVED = frozenset((INT, BOOL, FLOAT, NUM, STR, MAP))


def unless_array(out: FunctionEmitter, val: Val, function: str, args: list[ast.expr], at: n.Node) -> ast.expr:
    """A value to be compared by Python that is not proved to be no array; `function(…, array)` for one."""
    if isinstance(val.code, ast.Name) and val.code.id in ("self", "previous"):
        return val.code
    first, again = out.twice(code_of(out, val, at), val.simple, at)
    other = b.compare(b.call_name("type", [first], at), "is not", b.name("list", at), at)
    return b.conditional(other, again, b.call_name(function, [*args, again], at), at)


_BY_VALUE = frozenset(("int", "float", "string", "object", "function"))


def equality(out: FunctionEmitter, node: n.Binary) -> Val:
    zero = next((side for side in (node.left, node.right) if isinstance(side, n.IntLiteral) and side.value == 0), None)
    if zero is not None and node.operator == "==":  # `!x`; `x != 0` compares, and so is 0 for 0.0
        other = node.left if zero is node.right else node.right
        return boolean(is_zero(out, out.expr(other), node))
    left, right = out.operands((node.left, node.right))
    l_code, r_code = settled(out, left, node), settled(out, right, node)
    if not any(isinstance(side, n.StringLiteral) for side in (node.left, node.right)):
        if {left.fact, right.fact} <= {None, STR}:
            r_code = b.in_time(r_code, node)  # long strings
    if {left.fact, right.fact} & PROVED:
        return boolean(b.compare(l_code, node.operator, r_code, node))
    if {left.hint, right.hint} & _BY_VALUE:
        l_code = unless_array(out, Val(l_code, simple=left.simple), "Itself", [], node)
        return boolean(b.compare(l_code, node.operator, r_code, node))
    test = b.call_name("equal", [l_code, r_code], node)
    return boolean(test if node.operator == "==" else b.negation(test, node))


# ------------------------------------------------------------------------------------- choice and logic


@emits(n.Logical)
def logical(out: FunctionEmitter, node: n.Logical) -> Val:
    left = out.expr(node.left)
    right, ahead = out.apart(node.right)
    if ahead:
        return _logical_by_statement(out, node, left, right, ahead)
    if node.operator != "??" and left.fact == BOOL and right.fact == BOOL:
        combine = b.both if node.operator == "&&" else b.either
        return boolean(combine([code_of(out, left, node), code_of(out, right, node)], node))
    first, again = out.twice(settled(out, left, node), left.simple, node)
    right_code = settled(out, right, node)
    fact = joined_fact(INT if left.fact == BOOL else left.fact, INT if right.fact == BOOL else right.fact)
    if node.operator == "??":
        test = b.compare(first, "is", b.name("UNDEFINED", node), node)
        return Val(b.conditional(test, right_code, again, node), None, right.hint)
    if left.fact:
        test = condition(out, Val(first, left.fact, left.hint, left.simple), node)
    else:
        test = _truth(first, again, node)
    then, otherwise = (right_code, again) if node.operator == "&&" else (again, right_code)
    return Val(b.conditional(test, then, otherwise, node), fact, left.hint if left.hint == right.hint else "mixed")


def _truth(first: ast.expr, again: ast.expr, at: n.Node) -> ast.expr:
    return b.either([first, b.compare(again, "!=", b.constant(0, at), at)], at)


def _logical_by_statement(out: FunctionEmitter, node: n.Logical, left: Val, right: Val, ahead: list[ast.stmt]) -> Val:
    temp = out.temp()
    out.statements.append(b.assign(temp, settled(out, left, node), node))
    read = b.name(temp, node)
    if node.operator == "??":
        test = b.compare(read, "is", b.name("UNDEFINED", node), node)
    else:
        test = condition(out, Val(read, None, "mixed", True), node)
        if node.operator == "||":
            test = b.negation(test, node)
    body = [*ahead, b.assign(temp, settled(out, right, node), node)]
    out.statements.append(b.if_(test, body, (), node))
    return Val(read, None, "mixed", True)


@emits(n.Conditional)
def conditional(out: FunctionEmitter, node: n.Conditional) -> Val:
    test = out.condition(node.condition)
    then, ahead_then = out.apart(node.then, (node.condition, True))
    otherwise, ahead_otherwise = out.apart(node.otherwise, (node.condition, False))
    fact = joined_fact(INT if then.fact == BOOL else then.fact, INT if otherwise.fact == BOOL else otherwise.fact)
    hint = then.hint if then.hint == otherwise.hint else "mixed"
    if ahead_then or ahead_otherwise:
        temp = out.temp()
        out.statements.append(b.if_(
            test,
            [*ahead_then, b.assign(temp, settled(out, then, node), node)],
            [*ahead_otherwise, b.assign(temp, settled(out, otherwise, node), node)],
            node,
        ))
        return Val(b.name(temp, node), fact, hint, True)
    then, otherwise = settled_val(out, then, node), settled_val(out, otherwise, node)
    assert then.code is not None and otherwise.code is not None
    low, high = min(then.low, otherwise.low), max(then.high, otherwise.high)
    return Val(b.conditional(test, then.code, otherwise.code, node), fact, hint, False, low, high)


# ----------------------------------------------------------------------------------- indexes and members


@emits(n.Index)
def index(out: FunctionEmitter, node: n.Index) -> Val:
    key, base = out.operands((node.key, node.base))  # LPC evaluates the index first
    if node.from_end or not (key.simple or base.simple):
        key, base = out.simplified(node, key, base)
    if node.from_end:
        assert base.code is not None
        key = Val(b.call_name("read_from_end", [base.code, settled(out, key, node)], node), INT, "int")
    if node.optional:
        args = [code_of(out, base, node), settled(out, key, node)]
        return Val(b.call_name("optional_index", args, node), None, "mixed")
    return indexed(out, base, key, node)


def indexed(out: FunctionEmitter, base: Val, key: Val, node: n.Index) -> Val:
    """`base[key]`: Python's own subscription where the types allow it."""
    static = out.analysis.types.get(node)
    hint = "mixed" if static is None else "array" if static.array else static.base
    base_code = code_of(out, base, node)
    if base.fact == MAP:
        return Val(b.subscript(base_code, as_key(out, key, node), node), None, hint)
    if base.fact == LIST and key.fact == INT and key.low >= 0 and key.fits:
        return Val(b.subscript(base_code, code_of(out, key, node), node), None, hint)
    is_array = base.fact == LIST or base.hint == "array"
    is_mapping = base.hint == "mapping"
    if not (is_array or is_mapping) or base.fact == STR:
        return Val(b.call_name("index", [base_code, settled(out, key, node)], node), None, hint)
    plain_key = Val(settled(out, key, node), key.fact, key.hint, key.simple and key.fits, key.low, key.high)
    key, base = out.simplified(node, plain_key, base)
    assert base.code is not None and key.code is not None
    tests = []
    if base.fact is None:
        kind = "list" if is_array else "Mapping"
        tests.append(b.compare(b.call_name("type", [base.code], node), "is", b.name(kind, node), node))
    if is_array:
        if key.fact != INT:
            tests.append(_is_int(key, key.code, node))
        if key.low < 0:
            tests.append(out.not_negative(key.code, node))
    elif not is_plain_key(key):
        tests.append(b.compare(b.call_name("type", [key.code], node), "is", b.name("str", node), node))
    fast = b.subscript(base.code, key.code, node)
    if not tests:
        return Val(fast, None, hint)
    slow = b.call_name("index", [base.code, key.code], node)
    return Val(b.conditional(b.both(tests, node), fast, slow, node), None, hint)


@emits(n.Range)
def range_(out: FunctionEmitter, node: n.Range) -> Val:
    wanted: list[n.Expression] = [node.first, *([node.last] if node.last is not None else []), node.base]
    vals = out.operands(wanted)
    base = vals[-1]
    if node.first_from_end or node.last_from_end or not base.simple:
        *bounds_vals, base = out.simplified(node, *vals)
        vals = [*bounds_vals, base]
    bounds = bound_codes(out, node, vals, base)
    fact = base.fact if base.fact in (STR, LIST) else None
    return Val(b.call_name("extract", [code_of(out, base, node), *bounds], node), fact, base.hint)


def bound_codes(out: FunctionEmitter, node: n.Range, vals: Sequence[Val], base: Val) -> list[ast.expr]:
    """First and last of a range, counted from the start."""
    first = settled(out, vals[0], node)
    if node.first_from_end:
        first = b.call_name("from_end", [code_of(out, base, node), first], node)
    if node.last is None:
        return [first, b.constant(None, node)]
    last = settled(out, vals[1], node)
    if node.last_from_end:
        last = b.call_name("from_end", [code_of(out, base, node), last], node)
    return [first, last]


@emits(n.Member)
def member(out: FunctionEmitter, node: n.Member) -> Val:
    symbol = out.analysis.symbols.get(node)
    base = out.value(node.base)
    if isinstance(symbol, ClassMemberSymbol):
        values = b.call_name("class_values", [base], node)
        kind = symbol.cls.members[symbol.index][1]
        code = b.subscript(values, b.constant(symbol.index, node), node)
        return Val(code, None, "array" if kind.array else kind.base)
    key = b.constant(node.name, node)
    if node.operator == "?.":
        return Val(b.call_name("optional_index", [base, key], node), None, "mixed")
    return Val(b.call_name("member", [base, key], node), None, "mixed")


# -------------------------------------------------------------------------------------- function values


@emits(n.FunctionPointer)
def function_pointer(out: FunctionEmitter, node: n.FunctionPointer) -> Val:
    return pointer(out, node, out.analysis.symbols.get(node), node.args)


def pointer(out: FunctionEmitter, node: n.Name | n.FunctionPointer, symbol: Any, args: Sequence[n.Expression]) -> Val:
    """`(: name, args :)`, or a bare function name as a value."""
    if isinstance(symbol, (Local, Global)):
        return functional(out, n.Functional(node.start, node.end, _variable(out, node, symbol), 0))
    bound = b.pair(out.items(args), node) if args else b.constant((), node)
    self = b.name("self", node)
    text = b.constant(node.name, node)
    if isinstance(symbol, EfunSymbol):
        efun = b.subscript(b.name("EFUNS", node), b.constant(symbol.efun.name, node), node)
        made = b.call_name("efun_pointer", [self, efun, text, bound], node)
    elif isinstance(symbol, SimulEfun):
        made = b.call_name("simul_pointer", [self, text, bound], node)
    else:
        key = out.function_key(symbol) if symbol is not None else node.name
        count = len(symbol.function.parameters) if isinstance(symbol, OwnFunction) else 0
        made = b.call_name("lfun_pointer", [self, text, b.constant(key, node), b.constant(count, node), bound], node)
    return Val(made, None, "function")


def _variable(out: FunctionEmitter, node: n.Name | n.FunctionPointer, symbol: Local | Global) -> n.Name:
    read = n.Name(node.start, node.end, node.name)
    out.analysis.symbols[read] = symbol
    return read


@emits(n.Functional)
def functional(out: FunctionEmitter, node: n.Functional) -> Val:
    code = out.nested_expression(node)
    shown = ", ".join(f"${i}" for i in range(1, node.parameters + 1))
    args = [b.name("self", node), code, b.constant(node.parameters, node), b.constant(f"<code>({shown})", node),
            b.constant(1 if out.is_bindable(node) else 0, node)]
    return Val(b.call_name("functional", args, node), None, "function")


@emits(n.AnonymousFunction)
def anonymous_function(out: FunctionEmitter, node: n.AnonymousFunction) -> Val:
    code = out.nested_function(node)
    args = [b.name("self", node), code, b.constant(len(node.parameters), node), b.constant("<code>()", node),
            b.constant(1 if out.is_bindable(node) else 0, node)]
    return Val(b.call_name("functional", args, node), None, "function")


# ------------------------------------------------------------------------------------- catch, timing, scan


@emits(n.Catch)
def catch(out: FunctionEmitter, node: n.Catch) -> Val:
    temp = out.temp()
    body = out.body_of(node.body)
    body.append(b.assign(temp, b.constant(0, node), node))
    caught = b.call_name("caught", [b.name("self", node), b.name("$e", node)], node)
    handler = [b.assign(temp, caught, node)]
    out.statements.append(b.try_(body, b.name("CATCHABLE", node), "$e", handler, node))
    return Val(b.name(temp, node), None, "mixed", True)


@emits(n.TimeExpression)
def time_expression(out: FunctionEmitter, node: n.TimeExpression) -> Val:
    temp = out.temp()
    out.statements.append(b.assign(temp, b.call_name("microseconds", [], node), node))
    out.statements.extend(out.body_of(node.body))
    taken = b.binary("-", b.call_name("microseconds", [], node), b.name(temp, node), node)
    out.statements.append(b.assign(temp, taken, node))
    return Val(b.name(temp, node), INT, "int", True)


@emits(n.Sscanf)
def sscanf(out: FunctionEmitter, node: n.Sscanf) -> Val:
    text, format = out.operands((node.text, node.format))
    count, found = out.temp(), out.temp()
    targets = len(node.targets)
    if isinstance(node.format, n.StringLiteral):
        scanner = out.scanner(node.format.value, targets, node)
        matched = b.call_long(scanner, [settled(out, text, node)], node)
    else:
        args = [settled(out, text, node), settled(out, format, node), b.constant(targets, node)]
        matched = b.call_name("sscanf", args, node)
    out.statements.append(b.assign_pair([count, found], matched, node))
    stores = [_scanned_into(out, target, found, at) for at, target in enumerate(node.targets)]
    if stores:
        # Either everything was found, or each variable asks whether it was.
        held = b.call_name("len", [b.name(found, node)], node)
        some = [
            b.if_(b.compare(held, ">", b.constant(at, node), node), store, (), node) for at, store in enumerate(stores)
        ]
        every = [statement for store in stores for statement in store]
        out.statements.append(b.if_(b.compare(held, "==", b.constant(targets, node), node), every, some, node))
    return Val(b.name(count, node), INT, "int", True, 0, 1000)


def _scanned_into(out: FunctionEmitter, target: n.Expression, found: str, at: int) -> list[ast.stmt]:
    outer, out.statements = out.statements, []
    value = b.subscript(b.name(found, target), b.constant(at, target), target)
    out.store(target, Val(value, None, "mixed"))
    made, out.statements = out.statements, outer
    return made


@emits(n.ParseCommand)
def parse_command(out: FunctionEmitter, node: n.ParseCommand) -> Val:
    # Analysis reports it as not supported, so no program that holds one reaches this.
    raise AssertionError("parse_command was not rejected by analysis")


@emits(n.NewClass)
def new_class(out: FunctionEmitter, node: n.NewClass) -> Val:
    info = out.analysis.interface.classes[node.name]
    vals = out.operands([value for _, value in node.members])
    given = {name: val for (name, _), val in zip(node.members, vals, strict=True)}
    values = [
        settled(out, given[name], node) if name in given else b.name("UNDEFINED", node) for name, _ in info.members
    ]
    members = b.constant(tuple(name for name, _ in info.members), node)
    args = [b.call_name("record_type", [b.constant(node.name, node), members], node), b.array(values, node)]
    return Val(b.call_name("Record", args, node), None, "class")
