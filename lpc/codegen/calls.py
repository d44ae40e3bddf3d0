"""Calls: of the object's own functions, efuns, simul_efuns, other objects and function values."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from lpc.analysis.symbols import EfunSymbol, Global, Local, SimulEfun, Symbol
from lpc.codegen import builder as b
from lpc.codegen.assignments import Place, place
from lpc.codegen.expressions import boolean, code_of, emits, settled
from lpc.codegen.facts import FLOAT, INT, LIST, LPC_TYPE, MAP, STR, Val
from lpc.codegen.usage import QUICK_EFUNS, sure_result
from lpc.runtime.text import text_length
from lpc.syntax import nodes as n

if TYPE_CHECKING:
    from lpc.codegen.functions import FunctionEmitter


@emits(n.Call)
def call(out: FunctionEmitter, node: n.Call) -> Val:
    symbol = out.analysis.symbols.get(node)
    if isinstance(symbol, EfunSymbol):
        return efun_call(out, node, symbol)
    if isinstance(symbol, (Local, Global)):
        read = n.Name(node.start, node.end, node.name)
        out.analysis.symbols[read] = symbol
        return call_value(out, n.CallValue(node.start, node.end, read, node.args))
    with_refs = _References(out, node)
    at = node
    if isinstance(symbol, SimulEfun):
        made = _method(b.name("SIMUL_EFUN", at), f"->{symbol.name}", b.name("self", at), with_refs, at)
        hint = _hint(symbol.function.type)
    else:
        assert symbol is not None, node.name
        made = _method(b.name("self", at), out.function_key(symbol), b.name("previous", at), with_refs, at)
        function = getattr(symbol, "function", None)
        hint = _hint(function.type) if function is not None else "mixed"
    return with_refs.finish(Val(made, None, hint))


def _hint(declared: object) -> str:
    from lpc.types import Type

    if not isinstance(declared, Type):
        return "mixed"
    return "array" if declared.array else declared.base


def _method(target: ast.expr, key: str, caller: ast.expr, given: _References, at: n.Node) -> ast.expr:
    """A method call by name and argument count; with a spread the count is only known at run time."""
    if given.any or any(isinstance(arg, ast.Starred) for arg in given.args):
        function = "reference_call" if given.any else "spread_call"
        return b.call_name(function, [target, b.constant(key, at), caller, *given.args], at)
    return b.call_method(target, f"{key}/{len(given.args)}", [caller, *given.args], at)


class _References:
    """The arguments of a call; a `ref` one is a cell, which is written back after it where need be."""

    def __init__(self, out: FunctionEmitter, node: n.Call | n.CallOther | n.CallValue) -> None:
        self.out = out
        self.node = node
        self.back: list[tuple[str, Place, str]] = []
        self.any = any(isinstance(arg, n.RefArgument) for arg in node.args)
        if not self.any:
            self.args = out.items(node.args)
            return
        self.args = []
        cells: dict[Symbol | None, str] = {}  # of locals: the same one twice is one variable
        for arg in node.args:
            if isinstance(arg, n.RefArgument):
                symbol = out.analysis.symbols.get(arg.target)
                cell = cells.get(symbol) if isinstance(symbol, Local) else None
                if cell is None:
                    cell = cells[symbol] = self._cell(arg)
                self.args.append(b.name(cell, arg))
            elif isinstance(arg, n.Spread):
                spread = out.expr(arg).code
                assert isinstance(spread, ast.Starred)
                items = out.saved(Val(spread.value), arg)
                self.args.append(b.starred(code_of(out, items, arg), arg))
            else:
                self.args.append(code_of(out, out.saved(out.expr(arg), arg), arg))

    def _cell(self, arg: n.RefArgument) -> str:
        target = place(self.out, arg.target)
        cell = self.out.temp()
        made, back = target.cell()
        self.out.statements.append(b.assign(cell, made, arg))
        if back != "never":
            self.back.append((cell, target, back))
        return cell

    def finish(self, val: Val) -> Val:
        """The result of the call, the copies written back."""
        if not self.back:
            return val
        out, node = self.out, self.node
        mark = len(out.statements)
        val = out.saved(val, node)
        call = out.statements[mark:]
        del out.statements[mark:]
        outer, out.statements = out.statements, []
        for cell, target, back in self.back:
            self._write_back(cell, target, back)
        written, out.statements = out.statements, outer
        # Where a catch of ours goes on after an error, the variables have what they were given until then.
        out.statements += [b.finally_(call, written, node)] if out.catching else [*call, *written]
        return val

    def _write_back(self, cell: str, target: Place, back: str) -> None:
        out, node = self.out, self.node
        held = Val(b.attribute(b.name(cell, node), "value", node), None, "mixed")
        outer, out.statements = out.statements, []
        target.write(held)
        written, out.statements = out.statements, outer
        if back == "copies":
            kind = b.call_name("type", [b.name(cell, node)], node)
            is_copy = b.compare(kind, "is", b.name("Cell", node), node)
            written = [b.if_(is_copy, written, (), node)]
        out.statements += written


@emits(n.RefArgument)
def reference(out: FunctionEmitter, node: n.RefArgument) -> Val:
    return out.expr(node.target)  # outside a call's arguments the parser allows none; here it is the value


# ------------------------------------------------------------------------------------------------ efuns

Special = Callable[["FunctionEmitter", n.Call, list[Val]], Val | None]


def efun_call(out: FunctionEmitter, node: n.Call, symbol: EfunSymbol) -> Val:
    """A call of an efun: unchecked where every argument's type is proved."""
    efun = symbol.efun
    vals = out.operands(node.args)
    special = SPECIALS.get(efun.name)
    if special is not None and not any(isinstance(v.code, ast.Starred) for v in vals):
        made = special(out, node, vals)
        if made is not None:
            return made
    args = [settled(out, val, node) for val in vals]
    first = []
    if efun.wants_this:
        first.append(b.name("self", node))
    if efun.wants_previous:
        first.append(b.name("previous", node))
    if any(isinstance(arg, ast.Starred) for arg in args):
        counted = [b.name(out.efun_name(symbol, True), node), b.constant(efun.name, node)]
        maximum = efun.prototype.maximum
        limits = [b.constant(efun.prototype.minimum, node), b.constant(-1 if maximum is None else maximum, node)]
        made_code = b.call_name("spread_efun", [*counted, *limits, b.pair(first, node), *args], node)
    else:
        checked = not all(_accepts(efun, at, val) for at, val in enumerate(vals))
        called = b.call_name if efun.name in QUICK_EFUNS else b.call_long
        made_code = called(out.efun_name(symbol, checked), [*first, *args], node)
    returns = efun.prototype.returns
    fact = sure_result(symbol)
    low, high = (0, 1 << 40) if efun.name in ("sizeof", "strlen") else (-(1 << 63), (1 << 63) - 1)
    return Val(made_code, fact, "array" if returns.array else returns.base, False, low, high)


def _accepts(efun: object, index: int, val: Val) -> bool:
    """Whether a prototype's parameter takes a value of this fact without a look at run time."""
    parameters = efun.prototype.parameters  # type: ignore[attr-defined]
    if not parameters:
        return True
    types = parameters[min(index, len(parameters) - 1)].types
    for accepted in types:
        if accepted.base == "mixed" and (not accepted.array or val.fact == LIST):
            return True
        if val.fact == LIST and accepted.array:
            return True
        if not accepted.array and accepted.base == LPC_TYPE.get(val.fact or ""):
            return True
    return False


def _this_object(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val:
    return Val(b.name("self", node), None, "object", True)


def _previous_object(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val | None:
    return Val(b.name("previous", node), None, "object", True) if not vals else None


def _sizeof(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val | None:
    (val,) = vals
    if val.fact in (LIST, MAP):
        return Val(b.call_name("len", [code_of(out, val, node)], node), INT, "int", False, 0, 1 << 40)
    if isinstance(node.args[0], n.StringLiteral):
        size = text_length(node.args[0].value)
        return Val(b.constant(size, node), INT, "int", True, size, size)
    code = settled(out, val, node)
    if val.fact == STR and val.simple:
        plain = b.both(_has_plain_characters(code, node), node)
        made = b.conditional(plain, b.call_name("len", [code], node), b.call_name("size_of", [code], node), node)
        return Val(made, INT, "int", False, 0, 1 << 40)
    if val.hint == "string" and val.simple:
        is_text = b.compare(b.call_name("type", [code], node), "is", b.name("str", node), node)
        test = b.both([is_text, *_has_plain_characters(code, node)], node)
        made = b.conditional(test, b.call_name("len", [code], node), b.call_name("size_of", [code], node), node)
        return Val(made, INT, "int", False, 0, 1 << 40)
    if val.hint == "array" and val.simple:
        test = b.compare(b.call_name("type", [code], node), "is", b.name("list", node), node)
        made = b.conditional(test, b.call_name("len", [code], node), b.call_name("size_of", [code], node), node)
        return Val(made, INT, "int", False, 0, 1 << 40)
    return Val(b.call_name("size_of", [code], node), INT, "int", False, 0, 1 << 40)


def _has_plain_characters(code: ast.expr, node: n.Node) -> list[ast.expr]:
    """The tests of a string whose length is Python's: CR LF alone makes one character of two ASCII ones, and a
    single sign is found 200 times faster than two."""
    return [b.call_method(code, "isascii", [], node), b.compare(b.constant("\r", node), "not in", code, node)]


def _type_test(kind: str, facts: tuple[str, ...]) -> Special:
    def test(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val | None:
        (val,) = vals
        code = settled(out, val, node)
        if val.fact in facts:
            return boolean(b.compare(code, "is not", b.constant(None, node), node))
        return boolean(b.compare(b.call_name("type", [code], node), "is", b.name(kind, node), node))

    return test


def _undefinedp(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val:
    return boolean(b.compare(settled(out, vals[0], node), "is", b.name("UNDEFINED", node), node))


def _evaluate(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val | None:
    args = [settled(out, val, node) for val in vals]
    return Val(b.call_name("call_value", [args[0], b.name("self", node), *args[1:]], node), None, "mixed")


_SPRINTF_FIELD = re.compile(r"%(?:(%)|(-?)([1-9]\d?)?(?:\.(\d))?([dsf]))|%")


def _sprintf(out: FunctionEmitter, node: n.Call, vals: list[Val]) -> Val | None:
    """A constant format of plain %d, %s and %f whose arguments are proved to fit, as an f-string."""
    if not (vals and isinstance(node.args[0], n.StringLiteral)):
        return None
    parts: list[ast.expr] = []
    given = iter(vals[1:])
    at = 0
    for field in _SPRINTF_FIELD.finditer(node.args[0].value):
        parts.append(b.constant(node.args[0].value[at : field.start()] + (field[1] or ""), node))
        at = field.end()
        if field[1]:
            continue
        val = next(given, None)
        part = _field(out, node, field, val) if field[5] and val is not None else None
        if part is None:
            return None
        parts.append(part)
    parts.append(b.constant(node.args[0].value[at:], node))
    if next(given, None) is not None:
        return None
    return Val(None, STR, "string", parts=[p for p in parts if not (isinstance(p, ast.Constant) and p.value == "")])


def _field(out: FunctionEmitter, node: n.Call, field: re.Match[str], val: Val) -> ast.expr | None:
    """One conversion as a piece of an f-string; None where it takes more than Python's own formatting."""
    left, width, precision, kind = field[2], field[3] or "", field[4], field[5]
    align = ("<" if left else ">") + width if width else ""
    if kind == "s" and val.fact == STR and not align and precision is None:
        code = code_of(out, val, node)
        return code if isinstance(code, ast.Constant) else b.formatted(code, "", node)
    if (kind == "d" and precision is None or kind == "s" and not align and precision is None) and val.fact == INT:
        spec = align
    elif kind == "f" and val.fact == FLOAT:
        spec = f"{align}.{precision or 6}f"
    else:
        return None
    part = b.formatted(settled(out, val, node), spec, node)
    part.is_number = True  # type: ignore[attr-defined]  # see expressions._is_short
    return part


#: Efuns generated as code of their own. Each takes the operands and may decline with None.
SPECIALS: dict[str, Special] = {
    "this_object": _this_object,
    "previous_object": _previous_object,
    "sizeof": _sizeof,
    "strlen": _sizeof,
    "stringp": _type_test("str", (STR,)),
    "arrayp": _type_test("list", (LIST,)),
    "pointerp": _type_test("list", (LIST,)),
    "mapp": _type_test("Mapping", (MAP,)),
    "floatp": _type_test("float", (FLOAT,)),
    "undefinedp": _undefinedp,
    "nullp": _undefinedp,
    "evaluate": _evaluate,
    "sprintf": _sprintf,
}


# ---------------------------------------------------------------------------------------- other objects


@emits(n.CallOther)
def call_other(out: FunctionEmitter, node: n.CallOther) -> Val:
    caller, key = b.name("self", node), f"->{node.name}"
    has_references = any(isinstance(arg, n.RefArgument) for arg in node.args)
    ahead_of_loop = None if has_references else out.call_target(node.base, node)
    if ahead_of_loop is not None:
        return Val(_method(ahead_of_loop, key, caller, _References(out, node), node), None, "unknown")
    base = out.expr(node.base)
    mark = len(out.statements)
    with_refs = _References(out, node)
    code = base.code
    if not (base.simple and isinstance(code, ast.Name) and code.id == "self"):
        base = out.evaluated_before(base, mark, node)
        first, again = out.twice(settled(out, base, node), base.simple, node)
        test = b.call_name("isinstance", [first, b.name("LPCObject", node)], node)
        code = b.conditional(test, again, b.call_name("call_target", [b.name("self", node), again], node), node)
    assert code is not None
    return with_refs.finish(Val(_method(code, key, caller, with_refs, node), None, "unknown"))


@emits(n.CallValue)
def call_value(out: FunctionEmitter, node: n.CallValue) -> Val:
    function = out.expr(node.function)
    mark = len(out.statements)
    with_refs = _References(out, node)
    function = out.evaluated_before(function, mark, node)
    args = [settled(out, function, node), b.name("self", node), *with_refs.args]
    called = "reference_value" if with_refs.any else "call_value"
    return with_refs.finish(Val(b.call_name(called, args, node), None, "mixed"))


@emits(n.New)
def new(out: FunctionEmitter, node: n.New) -> Val:
    args = out.items(node.args)
    return Val(b.call_name("clone", [b.name("self", node), *args], node), None, "object")
