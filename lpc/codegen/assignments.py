"""Assignment, increment, and the lvalues they write to.

LPC evaluates the right side first, then the target's index, then its base; `&&= ||= ??=` evaluate the
target first. A target's parts are evaluated once (`Place`), however often it is read and written.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lpc.analysis.symbols import ClassMemberSymbol, Global, Local, Symbol
from lpc.codegen import builder as b
from lpc.codegen.expressions import (
    as_key,
    bound_codes,
    code_of,
    condition,
    emits,
    guarded_ints,
    indexed,
    is_plain_key,
    operate,
    settled,
    unless_large,
)
from lpc.codegen.facts import FLOAT, INT, LIST, MAP, NUM, STR, Val
from lpc.codegen.functions import local_name
from lpc.codegen.usage import makes_calls
from lpc.runtime.values import INT_MAX, INT_MIN, SMALL
from lpc.syntax import nodes as n
from lpc.syntax.walk import walk

if TYPE_CHECKING:
    from lpc.codegen.functions import FunctionEmitter


class Place:
    """An lvalue whose parts have been evaluated: it can be read and written any number of times."""

    def __init__(self, out: FunctionEmitter, node: n.Expression) -> None:
        self.out = out
        self.node = node

    def read(self) -> Val:
        """What it holds now."""
        raise NotImplementedError

    def write(self, val: Val) -> None:
        """Append the statements that put a value there."""
        raise NotImplementedError

    def cell(self) -> tuple[ast.expr, str]:
        """Its cell as a `ref` argument (lpc.runtime.references), and whether it is to be written back after the
        call: "always", "never", or "copies", if it is no more than a copy."""
        node = self.node
        return b.call_name("Cell", [settled(self.out, self.read(), node)], node), "always"


class LocalPlace(Place):
    def __init__(self, out: FunctionEmitter, node: n.Expression, symbol: Local) -> None:
        super().__init__(out, node)
        self.symbol = symbol

    def read(self) -> Val:
        return self.out.local(self.symbol, self.node)

    def write(self, val: Val) -> None:
        out, node, symbol = self.out, self.node, self.symbol
        out.forget(symbol)
        if symbol.is_ref and symbol.is_parameter:
            cell = b.name(local_name(symbol), node)
            out.statements.append(b.assign_attribute(cell, "value", settled(out, val, node), node))
            return
        if symbol in out.usage.accumulators:
            code = code_of(out, val, node) if val.fact == INT else settled(out, val, node)
        else:
            code = settled(out, val, node)
        out.statements.append(b.assign(local_name(symbol), code, node))
        if val.fact == INT and symbol in out.usage.facts and val.fits and (val.low, val.high) != (INT_MIN, INT_MAX):
            out.ranges[symbol] = (val.low, val.high)
        element = out.element_stores.get(symbol)
        if element is not None:
            out.statements.extend(element(b.name(local_name(symbol), node), node))


    def cell(self) -> tuple[ast.expr, str]:
        if self.symbol.is_ref and self.symbol.is_parameter:
            return b.name(local_name(self.symbol), self.node), "never"
        return super().cell()


class NamePlace(Place):
    """A `$n` of a functional: a Python local."""

    def __init__(self, out: FunctionEmitter, node: n.Parameter) -> None:
        super().__init__(out, node)
        self.name = f"${node.index}"

    def read(self) -> Val:
        return Val(b.name(self.name, self.node), None, "mixed", True)

    def write(self, val: Val) -> None:
        self.out.statements.append(b.assign(self.name, settled(self.out, val, self.node), self.node))


class CapturedPlace(Place):
    """`$(value)` of a functional: each has a variable of its own, so what is written there is read by nobody."""

    def __init__(self, out: FunctionEmitter, node: n.Captured) -> None:
        super().__init__(out, node)
        self.val = out.expr(node)

    def read(self) -> Val:
        return self.val

    def write(self, val: Val) -> None:
        self.out.statements.append(b.expression(settled(self.out, val, self.node), self.node))


class GlobalPlace(Place):
    def __init__(self, out: FunctionEmitter, node: n.Expression, symbol: Global) -> None:
        super().__init__(out, node)
        self.variable = symbol.variable

    def read(self) -> Val:
        kind = self.variable.type
        code = b.attribute(b.name("self", self.node), self.variable.key, self.node)
        return Val(code, None, "array" if kind.array else kind.base)

    def write(self, val: Val) -> None:
        code = settled(self.out, val, self.node)
        self.out.statements.append(b.assign_attribute(b.name("self", self.node), self.variable.key, code, self.node))


    def cell(self) -> tuple[ast.expr, str]:
        args = [b.name("self", self.node), b.constant(self.variable.key, self.node)]
        return b.call_name("VariableCell", args, self.node), "never"


class IndexPlace(Place):
    """`base[key]`; strings are values in LPC, so writing a character writes the variable that holds it."""

    def __init__(self, out: FunctionEmitter, node: n.Index) -> None:
        super().__init__(out, node)
        self.index = node
        mark = len(out.statements)
        key = out.expr(node.key)
        if not _is_plain_name(node.base) or len(out.statements) > mark:
            (key,) = out.simplified(node, key)
        self.holder = _holder(out, node.base)
        base = self.holder.read() if self.holder is not None else out.expr(node.base)
        key, base = out.simplified(node, key, base)
        if node.from_end:
            key = Val(b.call_name("from_end", [code_of(out, base, node), settled(out, key, node)], node), INT, "int")
            (key,) = out.simplified(node, key)
        if base.fact == MAP and not is_plain_key(key):
            key = out.saved(Val(as_key(out, key, node)), node)
            key.fact = STR  # a dict key now: to be used as it is
        self.key, self.base = key, base

    @property
    def _may_be_string(self) -> bool:
        return self.base.fact in (None, STR) and self.base.hint in ("string", "mixed", "unknown")

    def read(self) -> Val:
        return indexed(self.out, self.base, self.key, self.index)

    def cell(self) -> tuple[ast.expr, str]:
        node = self.node
        args = [code_of(self.out, self.base, node), settled(self.out, self.key, node)]
        back = "copies" if self._may_be_string and self.holder is not None else "never"
        return b.call_name("element_cell", args, node), back

    def write(self, val: Val) -> None:
        out, node = self.out, self.node
        base, key = code_of(out, self.base, node), code_of(out, self.key, node)
        value = settled(out, val, node)
        if self._may_be_string and self.holder is not None:
            temp = out.temp()
            out.statements.append(b.assign(temp, b.call_name("put", [base, key, value], node), node))
            outer, out.statements = out.statements, []
            self.holder.write(Val(b.name(temp, node), None, "mixed", True))
            changed = b.compare(b.name(temp, node), "is not", base, node)
            body, out.statements = out.statements, outer
            out.statements.append(b.if_(changed, body, (), node))
            return
        slow = b.expression(b.call_name("store", [base, key, value], node), node)
        tests: list[ast.expr] = []
        if self.base.fact == LIST or self.base.hint == "array":
            if self.base.fact is None:
                tests.append(_type_is(base, "list", node))
            if self.key.fact != INT:
                tests.append(_type_is(key, "int", node))
            if self.key.low < 0:
                tests.append(out.not_negative(key, node))
            fast = [b.assign_item(base, key, value, node)]
        elif self.base.fact == MAP or self.base.hint == "mapping":
            if self.base.fact is None:
                tests.append(_type_is(base, "Mapping", node))
            if not is_plain_key(self.key):
                tests.append(_type_is(key, "str", node))
            full = b.compare(b.call_name("len", [base], node), ">", b.name("MAPPING_SIZE", node), node)
            fast = [
                b.assign_item(base, key, value, node),
                b.if_(full, [b.expression(b.call_name("limited_mapping", [base], node), node)], (), node),
            ]
        else:
            out.statements.append(slow)
            return
        if not val.simple and tests:
            fast_value = out.temp()
            out.statements.append(b.assign(fast_value, value, node))
            fast[0] = b.assign_item(base, key, b.name(fast_value, node), node)
            slow = b.expression(b.call_name("store", [base, key, b.name(fast_value, node)], node), node)
        if tests:
            out.statements.append(b.if_(b.both(tests, node), fast, [slow], node))
        else:
            out.statements.extend(fast)


def _type_is(code: ast.expr, kind: str, at: n.Node) -> ast.expr:
    return b.compare(b.call_name("type", [code], at), "is", b.name(kind, at), at)


def _is_plain_name(node: n.Expression) -> bool:
    return isinstance(node, (n.Name, n.Parameter))


def _holder(out: FunctionEmitter, base: n.Expression) -> Place | None:
    """The lvalue that holds the indexed value, where it is one."""
    if isinstance(base, n.Assign):
        return assigned(out, base, wanted=False)[0]
    return place(out, base) if is_lvalue(out, base) else None


def is_lvalue(out: FunctionEmitter, node: n.Expression) -> bool:
    """Whether an expression can be assigned to."""
    if isinstance(node, n.Name):
        return isinstance(out.analysis.symbols.get(node), (Local, Global))
    if isinstance(node, n.Index):
        return not node.optional
    if isinstance(node, n.Member):
        return node.operator != "?."
    return isinstance(node, (n.Range, n.Parameter, n.Captured))


class MemberPlace(Place):
    """A class member, or a mapping member by name."""

    def __init__(self, out: FunctionEmitter, node: n.Member) -> None:
        super().__init__(out, node)
        self.member = node
        self.symbol = out.analysis.symbols.get(node)
        base = out.value(node.base)
        if isinstance(self.symbol, ClassMemberSymbol):
            base = b.call_name("class_values", [base], node)
        (self.base,) = out.simplified(node, Val(base, None, "mixed"))

    def read(self) -> Val:
        node, base = self.member, code_of(self.out, self.base, self.node)
        if isinstance(self.symbol, ClassMemberSymbol):
            kind = self.symbol.cls.members[self.symbol.index][1]
            code = b.subscript(base, b.constant(self.symbol.index, node), node)
            return Val(code, None, "array" if kind.array else kind.base)
        return Val(b.call_name("member", [base, b.constant(node.name, node)], node), None, "mixed")

    def write(self, val: Val) -> None:
        node, base = self.member, code_of(self.out, self.base, self.node)
        value = settled(self.out, val, node)
        if isinstance(self.symbol, ClassMemberSymbol):
            self.out.statements.append(b.assign_item(base, b.constant(self.symbol.index, node), value, node))
            return
        stored = b.call_name("store_member", [base, b.constant(node.name, node), value], node)
        self.out.statements.append(b.expression(stored, node))


    def cell(self) -> tuple[ast.expr, str]:
        node, base = self.member, code_of(self.out, self.base, self.node)
        if isinstance(self.symbol, ClassMemberSymbol):
            return b.call_name("element_cell", [base, b.constant(self.symbol.index, node)], node), "never"
        return b.call_name("member_cell", [base, b.constant(node.name, node)], node), "never"


class RangePlace(Place):
    """`base[first..last]`: writing replaces that part in the variable (or array) that holds it."""

    def __init__(self, out: FunctionEmitter, node: n.Range) -> None:
        super().__init__(out, node)
        wanted = [node.first, *([node.last] if node.last is not None else [])]
        bounds = out.simplified(node, *out.operands(wanted))
        self.holder = _holder(out, node.base)
        base = self.holder.read() if self.holder is not None else out.expr(node.base)
        (self.base,) = out.simplified(node, base)
        first, last = bound_codes(out, node, bounds, self.base)
        if node.last is None:
            size = b.call_name("size_of", [code_of(out, self.base, node)], node)
            last = b.binary("-", size, b.constant(1, node), node)
        self.first, self.last = out.simplified(node, Val(first), Val(last))

    def read(self) -> Val:
        out, node = self.out, self.node
        args = [code_of(out, v, node) for v in (self.base, self.first, self.last)]
        return Val(b.call_name("extract", args, node), None, self.base.hint)

    def write(self, val: Val) -> None:
        out, node = self.out, self.node
        args = [code_of(out, v, node) for v in (self.base, self.first, self.last)]
        made = b.call_name("replace_range", [*args, settled(out, val, node)], node)
        if self.holder is None:
            out.statements.append(b.expression(made, node))
        else:
            self.holder.write(Val(made, None, "mixed"))


def place(out: FunctionEmitter, node: n.Expression) -> Place:
    """Evaluate the parts of an lvalue."""
    if isinstance(node, n.Name):
        symbol = out.analysis.symbols[node]
        if isinstance(symbol, Local):
            return LocalPlace(out, node, symbol)
        assert isinstance(symbol, Global)
        return GlobalPlace(out, node, symbol)
    if isinstance(node, n.Parameter):
        return NamePlace(out, node)
    if isinstance(node, n.Captured):
        return CapturedPlace(out, node)
    if isinstance(node, n.Index):
        return IndexPlace(out, node)
    if isinstance(node, n.Member):
        return MemberPlace(out, node)
    assert isinstance(node, n.Range), type(node)
    return RangePlace(out, node)


def store(out: FunctionEmitter, target: n.Expression, val: Val) -> None:
    """`target = val`, the value being computed already."""
    if not isinstance(target, (n.Name, n.Parameter)):
        (val,) = out.simplified(target, val)
    place(out, target).write(val)


@emits(n.Assign)
def assign_expression(out: FunctionEmitter, node: n.Assign) -> Val:
    val = assign(out, node, wanted=True)
    assert val is not None
    return val


def assign(out: FunctionEmitter, node: n.Assign, *, wanted: bool) -> Val | None:
    """An assignment; its value if wanted."""
    return assigned(out, node, wanted=wanted)[1]


def assigned(out: FunctionEmitter, node: n.Assign, *, wanted: bool) -> tuple[Place, Val | None]:
    """An assignment: where it went, and its value if wanted."""
    if node.operator in ("&&=", "||=", "??="):
        return _assign_if(out, node)
    val = out.expr(node.value)
    if node.operator == "=":
        if not isinstance(node.target, (n.Name, n.Parameter)) or (wanted and not val.simple):
            (val,) = out.simplified(node, val)
        target = place(out, node.target)
        target.write(val)
        return target, val if wanted else None
    if not isinstance(node.target, n.Name) or _changes_variables(node.value, out.analysis.symbols.get(node.target)):
        (val,) = out.simplified(node, val)
    target = place(out, node.target)
    if isinstance(target, LocalPlace) and _append_in_place(out, node, target, val):
        return target, target.read() if wanted else None
    made = _combined(out, node, target.read(), val)
    if wanted:
        (made,) = out.simplified(node, made)
    target.write(made)
    return target, made if wanted else None


def _changes_variables(node: n.Expression, variable: Symbol | None) -> bool:
    """Whether evaluating an expression may change a variable: what is called can change all but locals."""
    if not (isinstance(variable, Local) and not (variable.is_ref and variable.is_parameter)) and makes_calls(node):
        return True
    return any(isinstance(x, (n.Assign, n.Increment, n.Sscanf, n.RefArgument)) for x in walk(node))


def _combined(out: FunctionEmitter, node: n.Assign, old: Val, val: Val) -> Val:
    operator = node.operator[:-1]
    if operator == "+" and old.fact is None and old.hint in ("int", "float", "array") and not val.is_numeric:
        # Declared a number, or an array that may be 0 as yet: to a number only numbers are added.
        if val.simple and old.simple and old.hint == "int" and val.fact is None and val.hint in ("mixed", "unknown"):
            return guarded_ints(out, operator, old, val, node, "add_to")
        return Val(b.call_name("add_to", [settled(out, old, node), settled(out, val, node)], node), None, old.hint)
    if operator == "+" and old.fact not in (STR, INT, FLOAT, LIST) and old.hint not in ("int", "float", "array"):
        # Mappings grow in place and an unset variable takes numbers only: += is not + for these.
        string = old.hint == "string" and val.fact in (STR, INT, FLOAT)
        if not (string or (val.fact == INT and old.hint != "mapping")):
            args = [settled(out, old, node), settled(out, val, node)]
            return Val(b.call_name("add_to", args, node), None, old.hint)
        if string:
            return _string_sum(out, node, old, val)
    return operate(out, operator, old, val, node)


def _string_sum(out: FunctionEmitter, node: n.Assign, old: Val, val: Val) -> Val:
    """`variable += text` where the variable is only declared to be a string."""
    old, val = out.simplified(node, old, val)
    code, added = code_of(out, old, node), settled(out, val, node)
    text = added if val.fact == STR else b.joined([b.formatted(added, "f" if val.fact == FLOAT else "", node)], node)
    temp = out.temp()
    total = unless_large(temp, b.walrus(temp, b.binary("+", code, text, node), node), node)
    otherwise = b.call_name("add_to", [code, added], node)
    return Val(b.conditional(_type_is(code, "str", node), total, otherwise, node), None, "string")


def _append_in_place(out: FunctionEmitter, node: n.Assign, target: LocalPlace, val: Val) -> bool:
    """`local += text` as Python's own, which extends the string in place when nobody else holds it."""
    if node.operator != "+=":
        return False
    symbol = target.symbol
    if out.usage.facts.get(symbol) != STR or symbol in out.element_stores or val.fact not in (STR, INT, FLOAT):
        return False
    if val.parts is not None:
        text = b.joined(val.parts, node)
    elif val.fact == STR:
        text = code_of(out, val, node)
    else:
        text = b.joined([b.formatted(settled(out, val, node), "f" if val.fact == FLOAT else "", node)], node)
    name = local_name(symbol)
    if not isinstance(text, ast.Constant) and not (isinstance(text, ast.Name) and text.id != name):
        temp = out.temp()
        out.statements.append(b.assign(temp, text, node))
        text = b.name(temp, node)
    out.statements.append(b.augment(name, "+", text, node))
    held = b.name(name, node)
    too_long = b.compare(b.call_name("len", [held], node), ">", b.name("STRING_LENGTH", node), node)
    undone = b.assign(name, b.call_name("without_end", [held, text], node), node)
    made = [b.if_(too_long, [undone, b.expression(b.call_name("too_long", [], node), node)], (), node),
            b.stop_check(node)]
    large = b.compare(b.call_name("len", [held], node), ">", b.name("SMALL_STRING", node), node)
    out.statements.append(b.if_(large, made, (), node))
    return True


def _assign_if(out: FunctionEmitter, node: n.Assign) -> tuple[Place, Val]:
    target = place(out, node.target)
    temp = out.temp()
    out.statements.append(b.assign(temp, settled(out, target.read(), node), node))
    old = b.name(temp, node)
    if node.operator == "??=":
        test = b.compare(old, "is", b.name("UNDEFINED", node), node)
    else:
        test = condition(out, Val(old, None, "mixed", True), node)
        if node.operator == "||=":
            test = b.negation(test, node)
    val, ahead = out.apart(node.value)
    outer, out.statements = out.statements, ahead
    out.statements.append(b.assign(temp, settled(out, val, node), node))
    target.write(Val(b.name(temp, node), None, "mixed", True))
    out.statements = outer
    out.statements.append(b.if_(test, ahead, (), node))
    return target, Val(b.name(temp, node), None, "mixed", True)


def _stepped(out: FunctionEmitter, old: Val, by: int, node: n.Node) -> Val:
    """`++` of a value that is probably a number: Python's own addition if it is a small int."""
    (old,) = out.simplified(node, old)
    code, temp = code_of(out, old, node), out.temp()
    total = b.walrus(temp, b.binary("+", code, b.constant(by, node), node), node)
    limit = b.compare(total, "<" if by > 0 else ">", b.constant(SMALL * by, node), node)
    test = b.both([_type_is(code, "int", node), limit], node)
    slow = b.call_name("step", [code, b.constant(by, node)], node)
    return Val(b.conditional(test, b.name(temp, node), slow, node), NUM, "int")


@emits(n.Increment)
def increment_expression(out: FunctionEmitter, node: n.Increment) -> Val:
    val = increment(out, node, wanted=True)
    assert val is not None
    return val


def increment(out: FunctionEmitter, node: n.Increment, *, wanted: bool) -> Val | None:
    """`++` and `--`; the value if wanted."""
    target = place(out, node.target)
    old = target.read()
    by = 1 if node.operator == "++" else -1
    if wanted and not node.prefix:
        old = out.saved(old, node)
    if old.fact in (INT, FLOAT) or old.hint == "int":
        new = operate(out, "+" if by > 0 else "-", old, Val(b.constant(1, node), INT, "int", True, 1, 1), node)
    else:
        new = _stepped(out, old, by, node)
    if wanted and node.prefix:
        (new,) = out.simplified(node, new)
    target.write(new)
    if not wanted:
        return None
    return new if node.prefix else old

