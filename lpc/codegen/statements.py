"""Statements: one emitter per node type, in `STATEMENTS`.

Python has no switch and its `continue` knows no step, so `for` repeats its step before each `continue`, and
a switch becomes a chain of ifs, or (where control falls from case to case or breaks from inside) a loop
that runs once.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from lpc import types
from lpc.analysis.fold import constant
from lpc.analysis.symbols import EfunSymbol, FunctionScope, Local
from lpc.codegen import builder as b
from lpc.codegen.assignments import LocalPlace
from lpc.codegen.expressions import code_of, settled
from lpc.codegen.facts import INT, LIST, Val
from lpc.codegen.functions import Loop, local_name
from lpc.codegen.usage import assigned_locals, is_tight, needs_check, tight_size
from lpc.runtime.values import INT_MAX, INT_MIN
from lpc.syntax import nodes as n

if TYPE_CHECKING:
    from lpc.codegen.functions import FunctionEmitter

_N = TypeVar("_N", bound=n.Node)
StatementEmitter = Callable[["FunctionEmitter", Any], None]
STATEMENTS: dict[type[n.Node], StatementEmitter] = {}

#: From how many labels on a switch looks its case up in a table.
_TABLE_FROM = 6

#: Up to so many ranges of a switch are tested one after the other.
_TESTED_RANGES = 4

#: So much of a tight loop (nodes of its body, in all rounds) is over before a look at the clock would be due.
_BRIEF = 60_000_000

#: More rounds than any loop makes: at a nanosecond each they would take ten hours.
_MOST_ROUNDS = 1 << 45


def emits(kind: type[_N]) -> Callable[[Callable[[FunctionEmitter, _N], None]], Callable[[FunctionEmitter, _N], None]]:
    """Register the emitter of a statement node."""

    def register(function: Callable[[FunctionEmitter, _N], None]) -> Callable[[FunctionEmitter, _N], None]:
        STATEMENTS[kind] = function
        return function

    return register


def statement(out: FunctionEmitter, node: n.Statement) -> None:
    """Append one statement."""
    STATEMENTS[type(node)](out, node)


def body(out: FunctionEmitter, node: n.Statement) -> list[ast.stmt]:
    """A statement as a list of its own."""
    outer, out.statements = out.statements, []
    statement(out, node)
    made, out.statements = out.statements, outer
    return made


def function_body(out: FunctionEmitter, block: n.Block, scope: FunctionScope) -> list[ast.stmt]:
    """The whole body of a function: unset locals, the check for the end of time, the statements, `return 0`."""
    for parameter in scope.parameters:
        if parameter.is_ref:
            name = local_name(parameter)
            out.statements.append(b.assign(name, b.call_name("cell", [b.name(name, block)], block), block))
    for local in scope.locals:
        if local in out.usage.unset and not local.is_parameter:
            out.statements.append(b.assign(local_name(local), b.name("UNDEFINED", block), block))
    if needs_check(block, out.analysis):
        out.statements.append(b.stop_check(block))
    statement(out, block)
    if not (block.statements and isinstance(block.statements[-1], n.Return)):
        out.statements.append(b.return_(b.constant(0, block), block))
    return out.statements


@emits(n.Block)
def block(out: FunctionEmitter, node: n.Block) -> None:
    for inner in node.statements:
        statement(out, inner)


@emits(n.ExpressionStatement)
def expression_statement(out: FunctionEmitter, node: n.ExpressionStatement) -> None:
    out.effect(node.value)


@emits(n.Empty)
def empty(out: FunctionEmitter, node: n.Empty) -> None:
    """Nothing to do."""


@emits(n.LocalDeclaration)
def local_declaration(out: FunctionEmitter, node: n.LocalDeclaration) -> None:
    for declarator in node.declarators:
        if declarator.value is not None:
            symbol = out.analysis.symbols[declarator]
            assert isinstance(symbol, Local)
            name = n.Name(declarator.start, declarator.end, declarator.name)
            LocalPlace(out, name, symbol).write(out.expr(declarator.value))


@emits(n.If)
def if_(out: FunctionEmitter, node: n.If) -> None:
    test = out.condition(node.condition)
    before = dict(out.ranges)
    narrow(out, node.condition, True)
    then = body(out, node.then)
    after_then = None if leaves(node.then) else dict(out.ranges)
    out.ranges = dict(before)
    narrow(out, node.condition, False)
    otherwise = body(out, node.otherwise) if node.otherwise is not None else []
    after_else = None if node.otherwise is not None and leaves(node.otherwise) else dict(out.ranges)
    out.ranges = _merged(after_then, after_else)
    out.statements.append(b.if_(test, then, otherwise, node))


def _merged(first: dict[Local, tuple[int, int]] | None, second: dict[Local, tuple[int, int]] | None,
            ) -> dict[Local, tuple[int, int]]:
    if first is None or second is None:
        return (first if second is None else second) or {}
    return {
        local: (min(low, second[local][0]), max(high, second[local][1]))
        for local, (low, high) in first.items() if local in second
    }


def leaves(node: n.Statement) -> bool:
    """Whether control certainly does not run off the end of a statement."""
    if isinstance(node, n.Block):
        return bool(node.statements) and leaves(node.statements[-1])
    if isinstance(node, n.If):
        return node.otherwise is not None and leaves(node.then) and leaves(node.otherwise)
    return isinstance(node, (n.Return, n.Break, n.Continue))


_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "=="}
_NEGATED = {"<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def narrow(out: FunctionEmitter, node: n.Expression, holds: bool) -> None:
    """Note what a condition that held (or did not) says about the ranges of int locals."""
    # What the condition itself assigns may have changed after it was compared.
    _narrow(out, node, holds, assigned_locals(node, out.analysis))


def _narrow(out: FunctionEmitter, node: n.Expression, holds: bool, changed: set[Local]) -> None:
    if isinstance(node, n.Logical):
        if node.operator == ("&&" if holds else "||"):
            _narrow(out, node.left, holds, changed)
            _narrow(out, node.right, holds, changed)
    elif isinstance(node, n.Unary) and node.operator == "!":
        _narrow(out, node.operand, not holds, changed)
    elif isinstance(node, n.Binary):
        operator = node.operator if holds else _NEGATED.get(node.operator, "")
        if operator in _FLIPPED:
            _narrow_side(out, node.left, operator, node.right, changed)
            _narrow_side(out, node.right, _FLIPPED[operator], node.left, changed)


def _narrow_side(out: FunctionEmitter, side: n.Expression, operator: str, other: n.Expression,
                 changed: set[Local]) -> None:
    symbol = out.analysis.symbols.get(side) if isinstance(side, n.Name) else None
    if not isinstance(symbol, Local) or symbol.is_ref or symbol.type.array or symbol.type.base != "int":
        return
    if symbol in changed:
        return
    low, high = out.ranges.get(symbol, (INT_MIN, INT_MAX))
    other_low, other_high = _range_of(out, other, changed)
    if operator in ("<", "<="):
        high = min(high, other_high - (operator == "<"))
    elif operator in (">", ">="):
        low = max(low, other_low + (operator == ">"))
    else:
        low, high = max(low, other_low), min(high, other_high)
    if low <= high:
        out.ranges[symbol] = (low, high)


def _range_of(out: FunctionEmitter, node: n.Expression, changed: set[Local]) -> tuple[int, int]:
    if isinstance(node, n.IntLiteral):
        return node.value, node.value
    symbol = out.analysis.symbols.get(node) if isinstance(node, n.Name) else None
    if isinstance(symbol, Local) and symbol not in changed:
        return out.ranges.get(symbol, (INT_MIN, INT_MAX))
    return INT_MIN, INT_MAX


# ------------------------------------------------------------------------------------------------ loops


def _forget(out: FunctionEmitter, loop: n.Node) -> None:
    """Before a loop: what it assigns may have any value at its start."""
    for local in out.usage.loop_assigns.get(loop, out.ranges.copy()):
        out.forget(local)


@emits(n.While)
def while_(out: FunctionEmitter, node: n.While) -> None:
    _forget(out, node)
    _loop(out, node, node.condition, node.body, None)


@emits(n.For)
def for_(out: FunctionEmitter, node: n.For) -> None:
    if isinstance(node.first, n.LocalDeclaration):
        statement(out, node.first)
    elif node.first is not None:
        out.effect(node.first)
    if _counted(out, node):
        return
    _forget(out, node)
    _loop(out, node, node.condition, node.body, node.step)


def _step(out: FunctionEmitter, step: n.Expression | None) -> list[ast.stmt]:
    outer, out.statements = out.statements, []
    ranges = dict(out.ranges)
    if step is not None:
        out.effect(step)
    made, out.statements = out.statements, outer
    out.ranges = ranges
    return made


def _loop(out: FunctionEmitter, node: n.Node, test: n.Expression | None, inner: n.Statement, step: n.Expression | None,
          ) -> None:
    outer, out.statements = out.statements, []
    before = dict(out.ranges)
    code = out.condition(test) if test is not None else b.constant(True, node)
    ahead, out.statements = out.statements, []
    if ahead:
        ahead.append(b.if_(b.negation(code, node), [b.break_(node)], (), node))
        code = b.constant(True, node)
    if test is not None:
        narrow(out, test, True)
    loop = Loop(False, lambda: _step(out, step), out.usage.loop_assigns.get(node))
    out.loops.append(loop)
    statement(out, inner)
    out.loops.pop()
    made = [b.stop_check(node), *ahead, *out.statements]
    out.statements = outer
    if step is not None and not leaves(inner):
        outer, out.statements = out.statements, []
        out.effect(step)
        made.extend(out.statements)
        out.statements = outer
    out.ranges = before
    out.statements += [*loop.ahead, b.while_(code, made, node)]


def _counted(out: FunctionEmitter, node: n.For) -> bool:
    """`for (i = a; i < b; i += c)` over an int that the body leaves alone, as a Python range.

    A counter that passes the largest int would go on from the smallest: such a loop is taken for an endless one.
    """
    test = node.condition
    if not (isinstance(test, n.Binary) and test.operator in ("<", "<=") and isinstance(test.left, n.Name)):
        return False
    counter = out.analysis.symbols.get(test.left)
    if not isinstance(counter, Local) or out.usage.facts.get(counter) != INT or counter in out.element_stores:
        return False
    if counter in out.usage.unset and not _sets(out, node.first, counter):
        return False  # it may be undefined in the first round, which a range does not know of
    changed = assigned_locals(node.body, out.analysis)
    by = _fixed_step(out, node, counter)
    limit = _fixed_limit(out, node, test.right, changed | {counter})
    if by is None or limit is None or counter in changed:
        return False
    low, begins = out.ranges.get(counter, (INT_MIN, INT_MAX))
    _forget(out, node)
    name, at = local_name(counter), node
    assert limit.code is not None
    end, highest = limit.code, limit.high - 1
    if test.operator == "<=":
        end, highest = b.binary("+", end, b.constant(1, at), at), limit.high
    if not isinstance(end, (ast.Name, ast.Constant)):
        temp = out.temp()
        out.statements.append(b.assign(temp, end, at))
        end = b.name(temp, at)
    steps = by.value if isinstance(by, ast.Constant) and isinstance(by.value, int) else None
    one = steps == 1
    values = b.call_name("range", [b.name(name, at), end, *([] if one else [by])], at)
    size = tight_size(node.body, out.analysis, out.usage.facts)
    tight = size > 0
    if tight or not one:
        counted = out.temp()
        out.statements.append(b.assign(counted, values, at))
        values = b.name(counted, at)
    # Where the loop ends by its condition the counter stands past the limit, which the range never reaches.
    if one:
        after = [b.assign(name, b.call_name("max", [b.name(name, at), end], at), at)]
    else:
        start = out.temp()
        out.statements.append(b.assign(start, b.name(name, at), at))
        covered = b.binary("*", b.call_name("len", [values], at), by, at)
        after = [b.assign(name, b.binary("+", b.name(start, at), covered, at), at)]
    if highest + (steps or INT_MAX) > INT_MAX:
        past = b.compare(b.name(name, at), ">", b.constant(INT_MAX, at), at)
        after.append(b.if_(past, [b.expression(b.call_name("endless", [], at), at)], (), at))
    before = dict(out.ranges)
    if steps is not None:
        highest = min(highest, begins + steps * _MOST_ROUNDS)
    out.ranges[counter] = (low, max(low, min(highest, INT_MAX)))
    if low < 0:
        guard = out.temp()
        out.statements.append(b.assign(guard, b.compare(b.name(name, at), ">=", b.constant(0, at), at), at))
        out.positive[name] = guard
    made = _loop_body(out, node, node.body, [] if tight else [b.stop_check(at)])
    out.ranges = before
    out.positive.pop(name, None)
    if tight:
        out.statements.append(b.stop_check(at))
        rounds = _BRIEF // size * (steps or 1)
        few = b.compare(b.binary("-", end, b.name(name, at), at), "<", b.constant(rounds, at), at)
        values = b.conditional(few, values, b.call_name("stoppable", [values], at), at)
    out.statements.append(b.for_(b.stored(name, at), values, made, after, at))
    return True


def _sets(out: FunctionEmitter, first: n.LocalDeclaration | n.Expression | None, counter: Local) -> bool:
    """Whether the first part of a `for` sets its counter."""
    symbols = out.analysis.symbols
    if isinstance(first, n.LocalDeclaration):
        return any(symbols.get(one) is counter and one.value is not None for one in first.declarators)
    return isinstance(first, n.Assign) and first.operator == "=" and symbols.get(first.target) is counter


def _loop_body(out: FunctionEmitter, node: n.Node, inner: n.Statement, first: list[ast.stmt]) -> list[ast.stmt]:
    """The body of a Python for loop, in which `continue` needs no help."""
    outer, out.statements = out.statements, first
    loop = Loop(False, list, out.usage.loop_assigns.get(node))
    out.loops.append(loop)
    statement(out, inner)
    out.loops.pop()
    made, out.statements = out.statements, outer
    out.statements += loop.ahead
    return made


def _fixed_step(out: FunctionEmitter, node: n.For, counter: Local) -> ast.expr | None:
    """The step of a counting loop: a positive int that does not change while it runs."""
    step, symbols = node.step, out.analysis.symbols
    if isinstance(step, n.Increment) and step.operator == "++" and symbols.get(step.target) is counter:
        return b.constant(1, step)
    if not (isinstance(step, n.Assign) and step.operator == "+=" and symbols.get(step.target) is counter):
        return None
    if isinstance(step.value, n.IntLiteral) and step.value.value > 0:
        return b.constant(step.value.value, step)
    by = symbols.get(step.value) if isinstance(step.value, n.Name) else None
    if isinstance(by, Local) and out.usage.facts.get(by) == INT and by is not counter:
        if out.ranges.get(by, (0, 0))[0] > 0 and by not in out.usage.loop_assigns.get(node, ()):
            return b.name(local_name(by), step)
    return None


def _fixed_limit(out: FunctionEmitter, node: n.For, limit: n.Expression, changed: set[Local]) -> Val | None:
    """The bound of a counting loop, where it can not change while the loop runs."""
    symbols = out.analysis.symbols
    if isinstance(limit, n.IntLiteral):
        return out.expr(limit)
    if isinstance(limit, n.Name):
        symbol = symbols.get(limit)
        if not isinstance(symbol, Local) or symbol in changed or symbol.is_ref:
            return None
        if out.usage.facts.get(symbol) == INT:
            return out.expr(limit) if symbol not in out.usage.accumulators else None
        if symbol.is_parameter and symbol not in out.usage.assigns and symbol.type == types.INT:
            assert isinstance(node.condition, n.Binary)
            args = [b.name(local_name(symbol), limit), b.constant(node.condition.operator, limit)]
            beyond = node.condition.operator == "<"  # "i < infinity" has no end among the ints
            return Val(b.call_name("loop_limit", args, limit), INT, high=INT_MAX + beyond)
        return None
    if isinstance(limit, n.Call) and limit.name == "sizeof" and isinstance(symbols.get(limit), EfunSymbol):
        symbol = symbols.get(limit.args[0]) if limit.args else None
        fixed = isinstance(symbol, Local) and not symbol.is_ref and symbol not in changed
        if fixed and isinstance(symbol, Local) and out.usage.facts.get(symbol) == LIST:
            return out.expr(limit)
    return None


@emits(n.DoWhile)
def do_while(out: FunctionEmitter, node: n.DoWhile) -> None:
    _forget(out, node)
    before = dict(out.ranges)

    def test() -> list[ast.stmt]:
        outer, out.statements = out.statements, []
        code = out.condition(node.condition)
        out.statements.append(b.if_(b.negation(code, node), [b.break_(node)], (), node))
        made, out.statements = out.statements, outer
        return made

    loop = Loop(False, test, out.usage.loop_assigns.get(node))
    outer, out.statements = out.statements, [b.stop_check(node)]
    out.loops.append(loop)
    statement(out, node.body)
    out.loops.pop()
    made, out.statements = [*out.statements, *test()], outer
    out.ranges = before
    out.statements += [*loop.ahead, b.while_(b.constant(True, node), made, node)]


@emits(n.Foreach)
def foreach(out: FunctionEmitter, node: n.Foreach) -> None:
    value = out.expr(node.value)
    _forget(out, node)
    if any(variable.ref for variable in node.variables):
        _foreach_reference(out, node, value)
        return
    if not value.simple:
        (value,) = out.simplified(node, value)  # before what the body moves ahead of the loop
    names, after = _loop_names(out, node)
    if len(node.variables) == 2:
        values = b.call_name("pairs", [settled(out, value, node)], node)
        target = b.stored_pair(names, node)
    else:
        values = settled(out, value, node)
        if value.fact != LIST:
            values = b.call_name("elements", [values], node)
        target = b.stored(names[0], node)
    made = _foreach_body(out, node, after, len(node.variables) == 1)
    out.statements.append(b.stop_check(node))
    out.statements.append(b.for_(target, values, made, (), node))


def _loop_names(out: FunctionEmitter, node: n.Foreach) -> tuple[list[str], list[ast.stmt]]:
    """The Python targets of the loop, and what moves them into variables that are no Python locals."""
    names: list[str] = []
    outer, out.statements = out.statements, []
    for variable in node.variables:
        symbol = out.analysis.symbols.get(variable)
        if isinstance(symbol, Local) and not (symbol.is_ref and symbol.is_parameter):
            names.append(local_name(symbol))
        else:
            temp = out.temp()
            names.append(temp)
            read = n.Name(variable.start, variable.end, variable.name)
            assert symbol is not None
            out.analysis.symbols[read] = symbol
            out.store(read, Val(b.name(temp, variable), None, "mixed", True))
    after, out.statements = out.statements, outer
    return names, after


def _foreach_body(out: FunctionEmitter, node: n.Foreach, after: Sequence[ast.stmt], value_is_array: bool = False,
                  ) -> list[ast.stmt]:
    before = dict(out.ranges)
    first = [] if value_is_array and is_tight(node.body, out.analysis, out.usage.facts) else [b.stop_check(node)]
    made = _loop_body(out, node, node.body, [*first, *after])
    out.ranges = before
    return made


def _foreach_reference(out: FunctionEmitter, node: n.Foreach, value: Val) -> None:
    """`foreach (ref x in a)`: assigning the variable writes the element."""
    (held,) = out.simplified(node, value)
    container = code_of(out, held, node)
    key = out.temp()
    names, after = _loop_names(out, node)
    last = node.variables[-1]
    symbol = out.analysis.symbols.get(last)
    assert isinstance(symbol, Local)

    def write(code: ast.expr, at: n.Node) -> list[ast.stmt]:
        return [b.expression(b.call_name("store_element", [container, b.name(key, at), code], at), at)]

    out.element_stores[symbol] = write
    names = [key, *names] if len(names) == 1 else [key, *names]
    entries = b.call_name("entries", [container, b.constant(len(node.variables), node)], node)
    out.statements.append(b.stop_check(node))
    made = b.for_(b.stored_pair(names, node), entries, _foreach_body(out, node, after), (), node)
    del out.element_stores[symbol]
    out.statements.append(made)


@emits(n.Break)
def break_(out: FunctionEmitter, node: n.Break) -> None:
    out.statements.append(b.break_(node))


@emits(n.Continue)
def continue_(out: FunctionEmitter, node: n.Continue) -> None:
    depth = len(out.loops) - 1
    while out.loops[depth].is_switch:
        depth -= 1
    target = out.loops[depth]
    if depth == len(out.loops) - 1:
        if target.before_continue is not None:
            out.statements.extend(target.before_continue())
        out.statements.append(b.continue_(node))
        return
    # Out of the switches' once-running loops first, each of which passes the flag on.
    for switch in out.loops[depth + 1 :]:
        switch.flag = switch.flag or out.temp()
        out.statements.append(b.assign(switch.flag, b.constant(True, node), node))
    out.statements.append(b.break_(node))


@emits(n.Return)
def return_(out: FunctionEmitter, node: n.Return) -> None:
    value = out.value(node.value) if node.value is not None else b.constant(0, node)
    out.statements.append(b.return_(value, node))


# ----------------------------------------------------------------------------------------------- switch


@emits(n.CaseLabel)
def case_label(out: FunctionEmitter, node: n.CaseLabel) -> None:
    """Handled by the switch."""


@emits(n.DefaultLabel)
def default_label(out: FunctionEmitter, node: n.DefaultLabel) -> None:
    """Handled by the switch."""


class _Section:
    """The labels that lead to one place of a switch's body, and the statements from there to the next."""

    def __init__(self) -> None:
        self.labels: list[n.CaseLabel] = []
        self.is_default = False
        self.statements: list[n.Statement] = []


def _sections(node: n.Switch) -> tuple[list[n.Statement], list[_Section]]:
    """Declarations before the first label, and the sections."""
    head: list[n.Statement] = []
    sections: list[_Section] = []
    for item in node.body:
        if isinstance(item, (n.CaseLabel, n.DefaultLabel)):
            if not sections or sections[-1].statements:
                sections.append(_Section())
            if isinstance(item, n.CaseLabel):
                sections[-1].labels.append(item)
            else:
                sections[-1].is_default = True
        elif sections:
            sections[-1].statements.append(item)
        else:
            head.append(item)
    return head, sections


@emits(n.Switch)
def switch(out: FunctionEmitter, node: n.Switch) -> None:
    head, sections = _sections(node)
    subject = _subject(out, node, sections)
    for item in head:
        statement(out, item)
    for local in assigned_locals(node, out.analysis):
        out.forget(local)
    apart = all(_stands_alone(section, section is sections[-1]) for section in sections)
    if apart:
        _chain(out, node, subject, sections)
    else:
        _once(out, node, subject, sections)


def _subject(out: FunctionEmitter, node: n.Switch, sections: list[_Section]) -> Val:
    val = out.expr(node.subject)
    strings = any(isinstance(constant(label.low), str) for s in sections for label in s.labels if label.low is not None)
    (val,) = out.simplified(node.subject, val) if val.fact == INT and val.simple else [out.saved(val, node.subject)]
    code = code_of(out, val, node)
    if not (val.fact == INT and not strings) and isinstance(code, ast.Name):
        kind = "str" if strings else "int"
        other = b.compare(b.call_name("type", [code], node), "is not", b.name(kind, node), node)
        checked = b.call_name("switch_subject", [code, b.constant(int(strings), node)], node)
        out.statements.append(b.if_(other, [b.assign(code.id, checked, node.subject)], (), node.subject))
    return Val(code, None, "mixed", True)


def _stands_alone(section: _Section, is_last: bool) -> bool:
    """Whether a section ends by leaving, and breaks only there: then it is a branch of an if."""
    inner = section.statements
    if not inner:
        return is_last
    last = inner[-1]
    ends = isinstance(last, (n.Break, n.Return, n.Continue)) or leaves(last)
    rest = inner[:-1] if isinstance(last, n.Break) else inner
    return (ends or is_last) and not any(_breaks(item) for item in rest)


def _breaks(node: n.Node) -> bool:
    """Whether a `break` of the enclosing switch stands in a statement."""
    if isinstance(node, n.Break):
        return True
    if isinstance(node, (n.While, n.DoWhile, n.For, n.Foreach, n.Switch, n.Expression)):
        return False
    from lpc.syntax.walk import children

    return any(_breaks(child) for child in children(node))


def _test(label: n.CaseLabel, subject: Val, at: n.Node) -> ast.expr:
    assert subject.code is not None
    low = constant(label.low) if label.low is not None else None
    if not label.is_range:
        return b.compare(subject.code, "==", b.constant(low, at), at)
    high = constant(label.high) if label.high is not None else None
    tests = []
    if low is not None:
        tests.append(b.compare(subject.code, ">=", b.constant(low, at), at))
    if high is not None:
        tests.append(b.compare(subject.code, "<=", b.constant(high, at), at))
    return b.both(tests, at) if tests else b.constant(True, at)


def _chain(out: FunctionEmitter, node: n.Switch, subject: Val, sections: list[_Section]) -> None:
    """Every section a branch of its own."""
    before = dict(out.ranges)
    if sum(len(s.labels) for s in sections) >= _TABLE_FROM:
        number = _looked_up(out, node, subject, sections)
        branches = [_branch(out, section, before) for section in sections]
        if not any(section.is_default for section in sections):
            branches.append([])
        made = _halved(number, branches, 0, node)
    else:
        default = next((s for s in sections if s.is_default), None)
        made = _branch(out, default, before) if default is not None else []
        for section in reversed(sections):
            if not section.is_default:
                test = b.either([_test(label, subject, label) for label in section.labels], node)
                made = [b.if_(test, _branch(out, section, before), made, node)]
    out.ranges = before
    out.statements.extend(made)


def _halved(number: ast.expr, branches: Sequence[list[ast.stmt]], first: int, at: n.Node) -> list[ast.stmt]:
    """The branch that `number`, counted from `first`, stands for, found by halving."""
    if len(branches) == 1:
        return branches[0]
    half = len(branches) // 2
    test = b.compare(number, "<", b.constant(first + half, at), at)
    low, high = _halved(number, branches[:half], first, at), _halved(number, branches[half:], first + half, at)
    return [b.if_(test, low, high, at)]


def _branch(out: FunctionEmitter, section: _Section, before: dict[Local, tuple[int, int]]) -> list[ast.stmt]:
    inner = section.statements
    if inner and isinstance(inner[-1], n.Break):
        inner = inner[:-1]
    out.ranges = dict(before)
    outer, out.statements = out.statements, []
    for item in inner:
        statement(out, item)
    made, out.statements = out.statements, outer
    return made


def _looked_up(out: FunctionEmitter, node: n.Switch, subject: Val, sections: list[_Section]) -> ast.expr:
    """The number of the section to start with; len(sections) where none fits."""
    assert subject.code is not None
    table: dict[Any, int] = {}
    ranges: list[tuple[int, n.CaseLabel]] = []
    missing = len(sections)
    for at, section in enumerate(sections):
        if section.is_default:
            missing = at
        for label in section.labels:
            if label.is_range:
                ranges.append((at, label))
            elif label.low is not None:
                table[constant(label.low)] = at
    held = b.name(switch_table(out, table, node), node)
    found = b.call_method(held, "get", [subject.code, b.constant(missing, node)], node)
    if len(ranges) > _TESTED_RANGES:
        found = b.call_name("range_case", [b.name(_range_table(out, ranges, node), node), subject.code, found], node)
    else:
        for at, label in reversed(ranges):
            found = b.conditional(_test(label, subject, label), b.constant(at, node), found, node)
    temp = out.temp()
    out.statements.append(b.assign(temp, found, node))
    return b.name(temp, node)


def switch_table(out: FunctionEmitter, table: dict[Any, int], node: n.Node) -> str:
    """The global that holds a switch table. Named by content: equal tables of any programs are one."""
    name = f"switch:{_digest(sorted(table.items(), key=repr))}"
    keys = [b.constant(key, node) for key in table]
    values = [b.constant(value, node) for value in table.values()]
    out.shared.setdefault(name, (b.dictionary(keys, values, node), node))
    return name


def _range_table(out: FunctionEmitter, ranges: list[tuple[int, n.CaseLabel]], node: n.Node) -> str:
    """The global that holds the first and last values of ranges, ascending, and the sections they lead to."""
    ends = sorted(
        (INT_MIN if label.low is None else constant(label.low),
         INT_MAX if label.high is None else constant(label.high), at)
        for at, label in ranges
    )
    name = f"ranges:{_digest(ends)}"
    columns = [b.pair([b.constant(value, node) for value in column], node) for column in zip(*ends, strict=True)]
    out.shared.setdefault(name, (b.pair(columns, node), node))
    return name


def _digest(content: object) -> str:
    return hashlib.blake2b(repr(content).encode(), digest_size=12).hexdigest()


def _once(out: FunctionEmitter, node: n.Switch, subject: Val, sections: list[_Section]) -> None:
    """Sections that fall into each other, in a loop that runs once so that `break` works anywhere."""
    number = _looked_up(out, node, subject, sections)
    before = dict(out.ranges)
    loop = Loop(True)
    out.loops.append(loop)
    made: list[ast.stmt] = []
    for at, section in enumerate(sections):
        inner = _branch(out, _with_break(section), before)
        made.append(b.if_(b.compare(number, "<=", b.constant(at, node), node), inner, (), node))
    out.loops.pop()
    out.ranges = before
    if not sections or not isinstance(made[-1], ast.Break):
        made.append(b.break_(node))
    if loop.flag is not None:
        out.statements.append(b.assign(loop.flag, b.constant(False, node), node))
    out.statements.append(b.while_(b.constant(True, node), made, node))
    if loop.flag is not None:
        outer, out.statements = out.statements, []
        _pass_on(out, node)
        passed, out.statements = out.statements, outer
        out.statements.append(b.if_(b.name(loop.flag, node), passed, (), node))


def _with_break(section: _Section) -> _Section:
    """The section with its last `break` kept (a branch of a chain drops it)."""
    kept = _Section()
    kept.statements = [*section.statements]
    if kept.statements and isinstance(kept.statements[-1], n.Break):
        kept.statements.append(n.Empty(kept.statements[-1].start, kept.statements[-1].end))
    return kept


def _pass_on(out: FunctionEmitter, node: n.Switch) -> None:
    """After a switch that `continue` left: continue, or leave the next switch out."""
    if out.loops[-1].is_switch:
        out.statements.append(b.break_(node))
        return
    before = out.loops[-1].before_continue
    if before is not None:
        out.statements.extend(before())
    out.statements.append(b.continue_(node))
