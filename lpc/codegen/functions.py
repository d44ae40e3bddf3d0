"""The emitter of one function: statements under construction, temporaries, what is proved about locals.

Expressions append what must happen first to `statements`; see lpc.codegen.expressions for the rules.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lpc.analysis.symbols import (
    Analysis,
    EfunSymbol,
    Global,
    InheritedFunction,
    Local,
    OwnFunction,
    Symbol,
    UndefinedFunction,
)
from lpc.codegen import builder as b
from lpc.codegen.expressions import EMITTERS, code_of, condition, settled, settled_val
from lpc.codegen.facts import FACT_OF_TYPE, INT, Val
from lpc.codegen.usage import Usage, needs_check, study
from lpc.runtime.references import MARK
from lpc.runtime.values import INT_MAX, INT_MIN
from lpc.syntax import nodes as n
from lpc.syntax.walk import children

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

#: What a program's functions share, by the global that holds it: the code that makes it. Globals are named by
#: content, so equal ones of any programs are one.
Shared = dict[str, tuple[ast.expr, n.Node]]

#: An accumulator may have left 64 bits by as much as a loop can add.
_ACCUMULATED = 1 << 120


def local_name(local: Local) -> str:
    """The Python name of an LPC local: no LPC or Python identifier holds a dot."""
    return f"{local.name}.{local.index}{MARK if local.is_ref and local.is_parameter else ''}"


def key_of_private(name: str, program: str) -> str:
    """The method name of one program's own definition, reached whatever heirs define."""
    return f"{name}@{program}"


class Loop:
    """What `break` and `continue` do where we are. A switch is one too (`is_switch`).

    `assigned` are the locals the loop changes; what is computed of others can move `ahead` of it.
    """

    def __init__(self, is_switch: bool, before_continue: Callable[[], list[ast.stmt]] | None = None,
                 assigned: Collection[Local] | None = None) -> None:
        self.is_switch = is_switch
        self.before_continue = before_continue
        self.assigned = assigned
        self.ahead: list[ast.stmt] = []
        self.targets: dict[Local, str] = {}
        self.flag: str | None = None  # a switch inside a loop: set when `continue` must leave it


class FunctionEmitter:
    """Generates the body of one LPC function (or functional)."""

    def __init__(self, analysis: Analysis, shared: Shared, usage: Usage | None = None) -> None:
        self.analysis = analysis
        self.shared = shared
        self.usage = usage or Usage()
        self.statements: list[ast.stmt] = []
        self.ranges: dict[Local, tuple[int, int]] = {}
        self.written: set[Local] = set()  # what the code that `sometimes` watches assigns
        self.loops: list[Loop] = []
        self.captures: list[tuple[str, n.Expression]] = []
        self.element_stores: dict[Local, Callable[[ast.expr, n.Node], list[ast.stmt]]] = {}
        self.positive: dict[str, str] = {}  # counters of running loops: the Python local that says they are >= 0
        self.catching = 0  # how many catches we are in
        self._temps = 0

    # -------------------------------------------------------------------------------------- temporaries

    def temp(self) -> str:
        """A fresh Python local."""
        self._temps += 1
        return f"${{{self._temps}}}"

    def twice(self, code: ast.expr, simple: bool, at: n.Node) -> tuple[ast.expr, ast.expr]:
        """Code for a first and for later uses of a value, evaluating it once."""
        if simple:
            return code, code
        temp = self.temp()
        return b.walrus(temp, code, at), b.name(temp, at)

    def not_negative(self, code: ast.expr, at: n.Node) -> ast.expr:
        """A test that an int is not below 0."""
        guard = self.positive.get(code.id) if isinstance(code, ast.Name) else None
        return b.name(guard, at) if guard is not None else b.compare(code, ">=", b.constant(0, at), at)

    def saved(self, val: Val, at: n.Node) -> Val:
        """The value in a temporary, evaluated now."""
        temp = self.temp()
        known = settled_val(self, val, at)
        assert known.code is not None
        self.statements.append(b.assign(temp, known.code, at))
        fact = INT if val.fact == "bool" else val.fact
        return Val(b.name(temp, at), fact, val.hint, True, known.low, known.high)

    def simplified(self, at: n.Node, *vals: Val) -> list[Val]:
        """The values, evaluated now and in this order, so that each may be named several times."""
        return [val if val.simple and val.parts is None else self.saved(val, at) for val in vals]

    def evaluated_before(self, val: Val, mark: int, at: n.Node) -> Val:
        """A value that is to be evaluated before the statements from number `mark` on."""
        if len(self.statements) == mark or isinstance(val.code, ast.Constant):
            return val
        ahead = self.statements[mark:]
        del self.statements[mark:]
        val = self.saved(val, at)
        self.statements.extend(ahead)
        return val

    # -------------------------------------------------------------------------------------- expressions

    def expr(self, node: n.Expression) -> Val:
        """Generate an expression, with the conversion analysis asked for."""
        val = EMITTERS[type(node)](self, node)
        conversion = self.analysis.conversions.get(node)
        if conversion is not None:
            return self._converted(val, conversion.base, node)
        wanted = self.analysis.checked.get(node)
        if wanted is not None:
            code = b.call_name("check_type", [settled(self, val, node), b.constant(str(wanted), node)], node)
            return Val(code, val.fact, str(wanted))
        return val

    def _converted(self, val: Val, base: str, at: n.Node) -> Val:
        fact = FACT_OF_TYPE.get(base)
        if val.fact == fact:
            return val
        if fact == "float" and val.fact == INT and isinstance(val.code, ast.Constant):
            return Val(b.constant(float(val.low), at), "float", "float", True)
        converted = b.call_long if base == "buffer" else b.call_name
        code = converted("to_type", [settled(self, val, at), b.constant(base, at)], at)
        return Val(code, fact if val.fact in ("int", "bool", "float", "num") else None, base)

    def value(self, node: n.Expression) -> ast.expr:
        """Generate an expression as LPC may see it."""
        return settled(self, self.expr(node), node)

    def condition(self, node: n.Expression) -> ast.expr:
        """Generate an expression as a Python test."""
        if isinstance(node, n.Logical) and node.operator != "??":
            left = self.condition(node.left)
            mark = len(self.statements)
            with self.sometimes():
                right = self.condition(node.right)
            ahead = self.statements[mark:]
            if not ahead:
                return (b.both if node.operator == "&&" else b.either)([left, right], node)
            del self.statements[mark:]
            temp = self.temp()
            self.statements.append(b.assign(temp, left, node))
            test = b.name(temp, node) if node.operator == "&&" else b.negation(b.name(temp, node), node)
            self.statements.append(b.if_(test, [*ahead, b.assign(temp, right, node)], (), node))
            return b.name(temp, node)
        return condition(self, self.expr(node), node)

    def operands(self, wanted: Sequence[n.Expression]) -> list[Val]:
        """Generate several expressions that Python will evaluate in this order.

        When a later one needs statements of its own, the earlier ones are evaluated before those.
        """
        vals: list[Val] = []
        for node in wanted:
            mark = len(self.statements)
            val = self.expr(node)
            if len(self.statements) > mark:
                ahead = self.statements[mark:]
                del self.statements[mark:]
                vals = [v if isinstance(v.code, ast.Constant) else self._spilled(v, node) for v in vals]
                self.statements.extend(ahead)
            vals.append(val)
        return vals

    def _spilled(self, val: Val, at: n.Node) -> Val:
        if isinstance(val.code, ast.Starred):
            temp = self.temp()
            self.statements.append(b.assign(temp, val.code.value, at))
            return Val(b.starred(b.name(temp, at), at))
        return self.saved(val, at)

    def items(self, wanted: Sequence[n.Expression]) -> list[ast.expr]:
        """Generate arguments or array items."""
        vals = self.operands(wanted)
        return [settled(self, val, node) for val, node in zip(vals, wanted, strict=True)]

    def apart(self, node: n.Expression, when: tuple[n.Expression, bool] | None = None) -> tuple[Val, list[ast.stmt]]:
        """Generate an expression that runs only sometimes: it and the statements it needs first.

        `when`: the condition that has been tested, and whether it held.
        """
        from lpc.codegen.statements import narrow

        outer, self.statements = self.statements, []
        with self.sometimes():
            if when is not None:
                narrow(self, *when)
            val = self.expr(node)
        ahead, self.statements = self.statements, outer
        return val, ahead

    @contextmanager
    def sometimes(self) -> Iterator[None]:
        """Around generating code that may not run, or not to its end: what it proves does not hold after it, nor
        does what was known of the locals it assigns."""
        ranges = dict(self.ranges)
        outer, self.written = self.written, set()
        yield
        self.ranges = {local: known for local, known in ranges.items() if local not in self.written}
        self.written |= outer

    def forget(self, local: Local) -> None:
        """Note an assignment: nothing is known of the local's value."""
        self.ranges.pop(local, None)
        self.written.add(local)

    def effect(self, node: n.Expression) -> None:
        """Generate an expression for its effect alone.

        A pure one leaves nothing but the calls and assignments inside it, as in FluffOS (language.md 8.12).
        """
        from lpc.codegen.assignments import assign, increment

        if isinstance(node, n.Assign):
            assign(self, node, wanted=False)
        elif isinstance(node, n.Increment):
            increment(self, node, wanted=False)
        elif isinstance(node, n.Comma):
            for item in node.items:
                self.effect(item)
        elif isinstance(node, (n.Logical, n.Conditional)):
            self._branching_effect(node)
        elif isinstance(node, _PURE):
            parts = [child for child in children(node) if isinstance(child, n.Expression)]
            if isinstance(node, (n.Index, n.Range)):
                parts = [*parts[1:], parts[0]]  # the container comes last
            for part in parts:
                self.effect(part)
        else:
            code = code_of(self, self.expr(node), node)
            if not isinstance(code, (ast.Name, ast.Constant)):
                self.statements.append(b.expression(code, node))

    def _branching_effect(self, node: n.Logical | n.Conditional) -> None:
        if isinstance(node, n.Conditional):
            test, then, otherwise = self.condition(node.condition), node.then, node.otherwise
        else:
            if node.operator == "??":
                left = b.compare(self.value(node.left), "is", b.name("UNDEFINED", node), node)
            else:
                left = self.condition(node.left)
            test = b.negation(left, node) if node.operator == "||" else left
            then, otherwise = node.right, None
        first = self._effect_apart(then)
        second = self._effect_apart(otherwise) if otherwise is not None else []
        self.statements.append(b.if_(test, first, second, node))

    def _effect_apart(self, node: n.Expression) -> list[ast.stmt]:
        outer, self.statements = self.statements, []
        with self.sometimes():
            self.effect(node)
        made, self.statements = self.statements, outer
        return made

    def store(self, target: n.Expression, val: Val) -> None:
        """Generate `target = val` for a value already computed."""
        from lpc.codegen.assignments import store

        store(self, target, val)

    def body_of(self, body: n.Expression | n.Block) -> list[ast.stmt]:
        """The statements of a catch's or time_expression's body."""
        from lpc.codegen.statements import statement

        outer, self.statements = self.statements, []
        self.catching += 1
        with self.sometimes():
            if isinstance(body, n.Block):
                statement(self, body)
            else:
                self.effect(body)
        self.catching -= 1
        made, self.statements = self.statements, outer
        return made

    # ------------------------------------------------------------------------------------------- names

    def local(self, symbol: Local, at: n.Node) -> Val:
        """Reading a local variable."""
        static = "array" if symbol.type.array else symbol.type.base
        if symbol.is_ref and symbol.is_parameter:
            return Val(b.attribute(b.name(local_name(symbol), at), "value", at), None, static)
        fact = self.usage.facts.get(symbol)
        code = b.name(local_name(symbol), at)
        if symbol in self.usage.accumulators:
            return Val(code, INT, "int", False, -_ACCUMULATED, _ACCUMULATED)
        low, high = self.ranges.get(symbol, (INT_MIN, INT_MAX))
        # A local declared int but assigned from who knows where is not even hinted to be one.
        hint = static if fact or symbol.is_parameter or symbol.is_ref else self._hint(symbol, static)
        return Val(code, fact, hint, True, low, high)

    def _hint(self, symbol: Local, static: str) -> str:
        return "mixed" if static in ("int", "float") and symbol in self.usage.doubtful else static

    def call_target(self, base: n.Expression, at: n.Node) -> ast.expr | None:
        """The target of a call_other to a local that the innermost loop leaves alone: looked at once, before it."""
        symbol = self.analysis.symbols.get(base) if isinstance(base, n.Name) else None
        loop = self.loops[-1] if self.loops else None
        if not isinstance(symbol, Local) or symbol.is_ref:
            return None
        if loop is None or loop.assigned is None or symbol in loop.assigned:
            return None
        temp = loop.targets.get(symbol)
        if temp is None:
            temp = loop.targets[symbol] = self.temp()
            held = b.name(local_name(symbol), at)
            is_object = b.call_name("isinstance", [held, b.name("LPCObject", at)], at)
            late = b.call_name("late_target", [b.name("self", at), held], at)
            loop.ahead.append(b.assign(temp, b.conditional(is_object, held, late, at), at))
        return b.name(temp, at)

    def scanner(self, format: str, variables: int, at: n.Node) -> str:
        """The global that holds the function of a constant sscanf() format."""
        name = f"scan:{variables}:{format}"
        made = b.call_name("scanner", [b.constant(format, at), b.constant(variables, at)], at)
        self.shared.setdefault(name, (made, at))
        return name

    def function_key(self, symbol: Symbol) -> str:
        """The method name of a function of this object, without the argument count."""
        if isinstance(symbol, OwnFunction):
            if "private" in symbol.function.modifiers:
                return key_of_private(symbol.function.name, symbol.function.program)
            return symbol.function.name
        if isinstance(symbol, InheritedFunction):
            return key_of_private(symbol.function.name, symbol.function.program)
        assert isinstance(symbol, UndefinedFunction)
        return symbol.name

    def efun_name(self, symbol: EfunSymbol, checked: bool) -> str:
        """The namespace's name of an efun, with or without its argument checks."""
        return f"{'E' if checked else 'e'}:{symbol.efun.name}"

    # ---------------------------------------------------------------------------------------- closures

    def capture(self, value: n.Expression) -> str:
        """`$(value)`: the name it has inside the functional; evaluated by the enclosing function."""
        name = f"$c{len(self.captures)}"
        self.captures.append((name, value))
        return name

    def nested_expression(self, node: n.Functional) -> ast.expr:
        """The Python function of a functional."""
        inner = FunctionEmitter(self.analysis, self.shared)
        result = settled(inner, inner.expr(node.body), node)
        parameters = ["self", "previous", *(f"${i}" for i in range(1, node.parameters + 1))]
        values = self.items([value for _, value in inner.captures])
        names = [name for name, _ in inner.captures]
        if not inner.statements:
            if needs_check(node.body, self.analysis):
                result = b.unless_stopped(result, node)
            code = b.function_value(parameters, result, node)
            return b.call(b.function_value(names, code, node), values, node) if names else code
        body = [b.stop_check(node), *inner.statements, b.return_(result, node)]
        code = self._defined("<functional>", parameters, body, node)
        if not names:
            return code
        # The definition must stand inside the function that binds what it captures.
        maker = self._defined("<capture>", names, [self.statements.pop(), b.return_(code, node)], node)
        return b.call(maker, values, node)

    def nested_function(self, node: n.AnonymousFunction) -> ast.expr:
        """The Python function of `function (…) { … }`."""
        from lpc.codegen.statements import function_body

        scope = self.analysis.scopes[node]
        inner = FunctionEmitter(self.analysis, self.shared, study(node.body, self.analysis))
        body = function_body(inner, node.body, scope)
        return self._defined("<function>", ["self", "previous", *map(local_name, scope.parameters)], body, node)

    def _defined(self, name: str, parameters: list[str], body: list[ast.stmt], node: n.Node) -> ast.expr:
        self._temps += 1
        unique = f"{name}{self._temps}"
        self.statements.append(b.function(unique, parameters, body, node))
        return b.name(unique, node)

    def is_bindable(self, node: n.Node) -> bool:
        """Whether bind() may move a functional to another object: it uses nothing of its own object's."""
        for child in children(node):
            if isinstance(self.analysis.symbols.get(child), _OF_AN_OBJECT):
                return False
            if not self.is_bindable(child):
                return False
        return True


#: What ties a functional to the object it was made in.
_OF_AN_OBJECT = (Global, OwnFunction, InheritedFunction, UndefinedFunction)

#: Expressions whose value, when unused, is not computed.
_PURE = (
    n.IntLiteral, n.FloatLiteral, n.StringLiteral, n.ArrayLiteral, n.MappingLiteral, n.Name, n.Parameter, n.Unary,
    n.Binary, n.Cast, n.Index, n.Range, n.Member, n.Template, n.Spread,
)
