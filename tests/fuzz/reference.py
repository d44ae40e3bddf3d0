"""A slow evaluator of LPC functions, to compare compiled code with.

It walks the tree the parser made and knows nothing of code generation: every operator is the general function of
lpc.runtime.operators, and the rest is what language.md says (order of evaluation, truth, what is dropped when a
value is not used). Names and the implicit conversions are taken from the analysis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lpc.analysis.fold import constant
from lpc.analysis.symbols import Analysis, ClassMemberSymbol, EfunSymbol, Global, Local, OwnFunction
from lpc.errors import LPCError
from lpc.runtime import operators
from lpc.runtime.closures import FUNCTIONAL, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.scan import scan
from lpc.runtime.values import UNDEFINED, Mapping, Record, RecordType, Value, equal, mapping_of, truth
from lpc.syntax import nodes as n
from lpc.syntax.walk import children


class OutOfFuel(Exception):
    """The program runs longer than a test wants to wait."""


class _Return(Exception):
    def __init__(self, value: Value) -> None:
        self.value = value


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


Place = tuple[Callable[[], Value], Callable[[Value], None]]

_PURE = (
    n.IntLiteral, n.FloatLiteral, n.StringLiteral, n.ArrayLiteral, n.MappingLiteral, n.Name, n.Parameter, n.Unary,
    n.Binary, n.Cast, n.Index, n.Range, n.Member, n.Template, n.Spread,
)


class Frame:
    """The variables of one call."""

    def __init__(self, arguments: tuple[Value, ...] = (), captures: dict[n.Node, Value] | None = None) -> None:
        self.locals: dict[Local, Value] = {}
        self.references: dict[Local, Place] = {}
        self.arguments = list(arguments)  # of a functional: $1, $2, …
        self.captures = captures or {}


class Reference:
    """One program, interpreted. `sized` are the operators with the limits the compiled program has."""

    def __init__(self, analysis: Analysis, this: LPCObject, sized: operators.Operators, fuel: int) -> None:
        self.analysis = analysis
        self.this = this
        self.sized = sized
        self.fuel = fuel
        self.globals: dict[str, Value] = {v.key: UNDEFINED for v in analysis.interface.variables.values()}
        self.functions = {function.name: function for function in analysis.functions}
        self.binary: dict[str, Callable[[Value, Value], Value]] = {
            "+": sized.add, "-": operators.subtract, "*": operators.multiply, "/": operators.divide,
            "%": operators.modulo, "&": operators.bit_and, "|": sized.bit_or, "^": sized.bit_xor,
            "<<": operators.shift_left, ">>": operators.shift_right,
            "<": lambda a, b: int(operators.less(a, b)), "<=": lambda a, b: int(operators.less_equal(a, b)),
            ">": lambda a, b: int(operators.greater(a, b)), ">=": lambda a, b: int(operators.greater_equal(a, b)),
            "==": lambda a, b: int(equal(a, b)), "!=": lambda a, b: int(not equal(a, b)),
        }
        frame = Frame()
        for item in analysis.tree.declarations:
            for declarator in getattr(item, "declarators", ()):
                if declarator.value is not None:
                    key = analysis.interface.variables[declarator.name].key
                    self.globals[key] = self.value(declarator.value, frame)

    # ---------------------------------------------------------------------------------------------- calls

    def call(self, name: str, *args: Value) -> Value:
        """Call a function of the program."""
        function = self.functions[name]
        assert function.body is not None
        count = len(function.parameters)
        if function.rest:
            fixed = [*args[:count - 1], *[UNDEFINED] * (count - 1 - len(args))]
            given = [*fixed, list(args[count - 1:])]
        else:
            given = list(args[:count])
            for parameter in function.parameters[len(args):]:
                default = parameter.default
                body = default.body if isinstance(default, n.Functional) else default
                given.append(UNDEFINED if body is None else self.value(body, Frame()))
        return self.run(function.body, self.analysis.scopes[function].parameters, given)

    def run(self, body: n.Block, parameters: list[Local], given: list[Value]) -> Value:
        self.burn()
        frame = Frame()
        for parameter, value in zip(parameters, given, strict=True):
            if isinstance(value, tuple):
                frame.references[parameter] = value
            else:
                frame.locals[parameter] = value
        try:
            self.statement(body, frame)
        except _Return as result:
            return result.value
        return 0

    def burn(self) -> None:
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel

    # ----------------------------------------------------------------------------------------- statements

    def statement(self, node: n.Statement, frame: Frame) -> None:
        self.burn()
        getattr(self, "do_" + type(node).__name__)(node, frame)

    def do_Block(self, node: n.Block, frame: Frame) -> None:
        for inner in node.statements:
            self.statement(inner, frame)

    def do_ExpressionStatement(self, node: n.ExpressionStatement, frame: Frame) -> None:
        self.effect(node.value, frame)

    def do_Empty(self, node: n.Empty, frame: Frame) -> None:
        pass

    def do_LocalDeclaration(self, node: n.LocalDeclaration, frame: Frame) -> None:
        for declarator in node.declarators:
            if declarator.value is not None:
                symbol = self.analysis.symbols[declarator]
                assert isinstance(symbol, Local)
                frame.locals[symbol] = self.value(declarator.value, frame)

    def do_If(self, node: n.If, frame: Frame) -> None:
        if truth(self.value(node.condition, frame)):
            self.statement(node.then, frame)
        elif node.otherwise is not None:
            self.statement(node.otherwise, frame)

    def do_While(self, node: n.While, frame: Frame) -> None:
        while truth(self.value(node.condition, frame)):
            if not self.round(node.body, frame):
                break

    def do_DoWhile(self, node: n.DoWhile, frame: Frame) -> None:
        while self.round(node.body, frame) and truth(self.value(node.condition, frame)):
            pass

    def do_For(self, node: n.For, frame: Frame) -> None:
        if isinstance(node.first, n.LocalDeclaration):
            self.statement(node.first, frame)
        elif node.first is not None:
            self.effect(node.first, frame)
        while node.condition is None or truth(self.value(node.condition, frame)):
            if not self.round(node.body, frame):
                break
            if node.step is not None:
                self.effect(node.step, frame)

    def do_Foreach(self, node: n.Foreach, frame: Frame) -> None:
        container = self.value(node.value, frame)
        symbols = [self.analysis.symbols[variable] for variable in node.variables]
        if node.variables[-1].ref:
            self.over_references(node, container, symbols[-1], frame)
            return
        if len(symbols) == 2:
            rounds: Iterator[tuple[Value, ...]] = iter(operators.pairs(container))
        else:
            rounds = ((item,) for item in operators.elements(container))
        for values in rounds:
            for symbol, value in zip(symbols, values, strict=True):
                self.assign_variable(symbol, value, frame)
            if not self.round(node.body, frame):
                break

    def over_references(self, node: n.Foreach, array: list[Value], symbol: Any, frame: Frame) -> None:
        """`foreach (ref x in array)`: assigning the variable writes the element."""
        for at, item in enumerate(operators.elements(array)):
            held = [item]

            def write(value: Value, at: int = at, held: list[Value] = held) -> None:
                held[0] = value
                if type(array) is not str:
                    self.sized.store(array, at, value)

            frame.references[symbol] = (lambda held=held: held[0], write)
            if not self.round(node.body, frame):
                break

    def round(self, body: n.Statement, frame: Frame) -> bool:
        """Run a loop's body once; whether to go on."""
        try:
            self.statement(body, frame)
        except _Break:
            return False
        except _Continue:
            pass
        return True

    def do_Break(self, node: n.Break, frame: Frame) -> None:
        raise _Break

    def do_Continue(self, node: n.Continue, frame: Frame) -> None:
        raise _Continue

    def do_Return(self, node: n.Return, frame: Frame) -> None:
        raise _Return(self.value(node.value, frame) if node.value is not None else 0)

    def do_Switch(self, node: n.Switch, frame: Frame) -> None:
        labels = [item for item in node.body if isinstance(item, n.CaseLabel)]
        strings = any(isinstance(constant(label.low), str) for label in labels if label.low is not None)
        subject = operators.switch_subject(self.value(node.subject, frame), strings)
        start = next((item for item in node.body if isinstance(item, n.CaseLabel) and _fits(item, subject)), None)
        found = start or next((item for item in node.body if isinstance(item, n.DefaultLabel)), None)
        if found is None:
            return
        try:
            for item in node.body[node.body.index(found):]:
                if not isinstance(item, (n.CaseLabel, n.DefaultLabel)):
                    self.statement(item, frame)
        except _Break:
            pass

    # ---------------------------------------------------------------------------------------- expressions

    def value(self, node: n.Expression, frame: Frame) -> Value:
        """Evaluate an expression, with the conversion analysis asked for."""
        self.burn()
        value = getattr(self, "of_" + type(node).__name__)(node, frame)
        conversion = self.analysis.conversions.get(node)
        return value if conversion is None else operators.to_type(value, conversion.base)

    def effect(self, node: n.Expression, frame: Frame) -> None:
        """Evaluate an expression that nobody wants the value of (language.md 8.12)."""
        if isinstance(node, n.Comma):
            for item in node.items:
                self.effect(item, frame)
        elif isinstance(node, n.Conditional):
            self.effect(node.then if truth(self.value(node.condition, frame)) else node.otherwise, frame)
        elif isinstance(node, n.Logical):
            if self.wants_right(node.operator, self.value(node.left, frame)):
                self.effect(node.right, frame)
        elif isinstance(node, _PURE):
            parts = [child for child in children(node) if isinstance(child, n.Expression)]
            if isinstance(node, (n.Index, n.Range)):
                parts = parts[1:] + parts[:1]
            for part in parts:
                self.effect(part, frame)
        else:
            self.value(node, frame)

    def of_IntLiteral(self, node: n.IntLiteral, frame: Frame) -> Value:
        return node.value

    of_FloatLiteral = of_StringLiteral = of_IntLiteral

    def of_Template(self, node: n.Template, frame: Frame) -> Value:
        return self.sized.join(*[self.value(part, frame) for part in node.parts])

    def items(self, nodes: tuple[n.Expression, ...], frame: Frame) -> list[Value]:
        made: list[Value] = []
        for node in nodes:
            if isinstance(node, n.Spread):
                made.extend(operators.spread(self.value(node.value, frame)))
            elif isinstance(node, n.RefArgument):
                made.append(self.place(node.target, frame, check=operators.check_element))
            else:
                made.append(self.value(node, frame))
        return made

    def of_ArrayLiteral(self, node: n.ArrayLiteral, frame: Frame) -> Value:
        return self.sized.array(self.items(node.items, frame))

    def of_MappingLiteral(self, node: n.MappingLiteral, frame: Frame) -> Value:
        return mapping_of([(self.value(key, frame), self.value(value, frame)) for key, value in node.pairs])

    def of_Name(self, node: n.Name, frame: Frame) -> Value:
        symbol = self.analysis.symbols[node]
        if isinstance(symbol, Local):
            if symbol in frame.references:
                return frame.references[symbol][0]()
            return frame.locals.get(symbol, UNDEFINED)
        assert isinstance(symbol, Global)
        return self.globals[symbol.variable.key]

    def of_Parameter(self, node: n.Parameter, frame: Frame) -> Value:
        return frame.arguments[node.index - 1]

    def of_Captured(self, node: n.Captured, frame: Frame) -> Value:
        return frame.captures[node]

    def of_Comma(self, node: n.Comma, frame: Frame) -> Value:
        for item in node.items[:-1]:
            self.effect(item, frame)
        return self.value(node.items[-1], frame)

    def of_Cast(self, node: n.Cast, frame: Frame) -> Value:
        return self.value(node.value, frame)

    def of_Unary(self, node: n.Unary, frame: Frame) -> Value:
        value = self.value(node.operand, frame)
        if node.operator == "!":
            return int(operators.is_zero(value))
        return operators.negate(value) if node.operator == "-" else operators.complement(value)

    def of_Binary(self, node: n.Binary, frame: Frame) -> Value:
        if node.operator == "==":
            for side, other in ((node.left, node.right), (node.right, node.left)):
                if isinstance(side, n.IntLiteral) and side.value == 0:
                    return int(operators.is_zero(self.value(other, frame)))
        left = self.value(node.left, frame)
        return self.binary[node.operator](left, self.value(node.right, frame))

    @staticmethod
    def wants_right(operator: str, left: Value) -> bool:
        return left is UNDEFINED if operator == "??" else truth(left) == (operator == "&&")

    def of_Logical(self, node: n.Logical, frame: Frame) -> Value:
        left = self.value(node.left, frame)
        return self.value(node.right, frame) if self.wants_right(node.operator, left) else left

    def of_Conditional(self, node: n.Conditional, frame: Frame) -> Value:
        return self.value(node.then if truth(self.value(node.condition, frame)) else node.otherwise, frame)

    def of_Index(self, node: n.Index, frame: Frame) -> Value:
        key = self.value(node.key, frame)
        base = self.value(node.base, frame)
        if node.optional:
            return operators.optional_index(base, key)
        return operators.index(base, operators.read_from_end(base, key) if node.from_end else key)

    def of_Range(self, node: n.Range, frame: Frame) -> Value:
        first = self.value(node.first, frame)
        last = None if node.last is None else self.value(node.last, frame)
        base = self.value(node.base, frame)
        if node.first_from_end:
            first = operators.from_end(base, first)
        if node.last_from_end:
            last = operators.from_end(base, last)
        return operators.extract(base, first, last)

    def of_Member(self, node: n.Member, frame: Frame) -> Value:
        symbol = self.analysis.symbols.get(node)
        base = self.value(node.base, frame)
        if isinstance(symbol, ClassMemberSymbol):
            return operators.class_values(base)[symbol.index]
        if node.operator == "?.":
            return operators.optional_index(base, node.name)
        return operators.member(base, node.name)

    def of_NewClass(self, node: n.NewClass, frame: Frame) -> Value:
        names = tuple(name for name, _ in self.analysis.interface.classes[node.name].members)
        given = {name: self.value(value, frame) for name, value in node.members}
        return Record(RecordType(node.name, names), [given.get(name, UNDEFINED) for name in names])

    def of_Call(self, node: n.Call, frame: Frame) -> Value:
        symbol = self.analysis.symbols.get(node)
        if isinstance(symbol, (Local, Global)):
            read = n.Name(node.start, node.end, node.name)
            self.analysis.symbols[read] = symbol
            return self.of_CallValue(n.CallValue(node.start, node.end, read, node.args), frame)
        args = self.items(node.args, frame)
        if isinstance(symbol, EfunSymbol):
            return self.efun(symbol, args)
        assert isinstance(symbol, OwnFunction)
        function = self.functions[symbol.function.name]
        takes = [parameter.ref for parameter in function.parameters]
        plain = [arg[0]() if isinstance(arg, tuple) and not (at < len(takes) and takes[at]) else arg
                 for at, arg in enumerate(args)]
        return self.call(function.name, *plain)

    def efun(self, symbol: EfunSymbol, args: list[Value]) -> Value:
        if symbol.efun.name == "evaluate":
            return self.apply(args[0], args[1:])
        first = (self.this, 0) if symbol.efun.wants_previous else (self.this,) if symbol.efun.wants_this else ()
        return symbol.efun.checked(*first, *args)

    def apply(self, function: Value, args: list[Value]) -> Value:
        if not isinstance(function, Closure):
            return function
        return function.call(self.this, *[arg[0]() if isinstance(arg, tuple) else arg for arg in args])

    def of_CallValue(self, node: n.CallValue, frame: Frame) -> Value:
        function = self.value(node.function, frame)
        return self.apply(function, self.items(node.args, frame))

    def of_Functional(self, node: n.Functional, frame: Frame) -> Value:
        captures = {found: self.value(found.value, frame) for found in _captures(node)}

        def called(owner: Value, previous: Value, *args: Value) -> Value:
            return self.value(node.body, Frame(args, captures))

        return Closure(self.this, FUNCTIONAL, called, node.parameters)

    def of_AnonymousFunction(self, node: n.AnonymousFunction, frame: Frame) -> Value:
        parameters = self.analysis.scopes[node].parameters

        def called(owner: Value, previous: Value, *args: Value) -> Value:
            return self.run(node.body, parameters, list(args))

        return Closure(self.this, FUNCTIONAL, called, len(parameters))

    def of_FunctionPointer(self, node: n.FunctionPointer, frame: Frame) -> Value:
        symbol = self.analysis.symbols[node]
        bound = tuple(self.items(node.args, frame))

        def called(owner: Value, previous: Value, *args: Value) -> Value:
            if isinstance(symbol, EfunSymbol):
                return self.efun(symbol, list(args))
            return self.call(node.name, *args)

        return Closure(self.this, FUNCTIONAL, called, None, bound)

    def of_Sscanf(self, node: n.Sscanf, frame: Frame) -> Value:
        text, format = self.value(node.text, frame), self.value(node.format, frame)
        count, found = scan(text, format, len(node.targets), 1.0)
        for target, value in zip(node.targets, found, strict=False):
            self.place(target, frame)[1](value)
        return count

    def of_Catch(self, node: n.Catch, frame: Frame) -> Value:
        try:
            if isinstance(node.body, n.Block):
                self.statement(node.body, frame)
            else:
                self.effect(node.body, frame)
        except LPCError as error:
            return error.value
        return 0

    # ------------------------------------------------------------------------------------------ assignment

    def assign_variable(self, symbol: Any, value: Value, frame: Frame) -> None:
        if isinstance(symbol, Global):
            self.globals[symbol.variable.key] = value
        elif symbol in frame.references:
            frame.references[symbol][1](value)
        else:
            frame.locals[symbol] = value

    def place(self, node: n.Expression, frame: Frame, check: Callable[[Value, Value], None] | None = None) -> Place:
        """Evaluate the parts of an lvalue: how to read and how to write it."""
        if isinstance(node, n.Name):
            symbol = self.analysis.symbols[node]
            return lambda: self.of_Name(node, frame), lambda value: self.assign_variable(symbol, value, frame)
        if isinstance(node, n.Parameter):
            def write(value: Value) -> None:
                frame.arguments[node.index - 1] = value

            return lambda: frame.arguments[node.index - 1], write
        if isinstance(node, n.Index):
            return self.index_place(node, frame, check)
        if isinstance(node, n.Member):
            return self.member_place(node, frame)
        assert isinstance(node, n.Range), node
        return self.range_place(node, frame)

    def holder(self, node: n.Expression, frame: Frame) -> tuple[Value, Callable[[Value], None] | None]:
        """The container of an lvalue: what it is, and how to replace it in what holds it."""
        if isinstance(node, n.Assign):
            self.value(node, frame)
            node = node.target
        if isinstance(node, (n.Name, n.Parameter, n.Index, n.Member, n.Range)):
            read, write = self.place(node, frame)
            return read(), write
        return self.value(node, frame), None

    def index_place(self, node: n.Index, frame: Frame, check: Callable[[Value, Value], None] | None) -> Place:
        key = self.value(node.key, frame)
        base, replace = self.holder(node.base, frame)
        if node.from_end:
            key = operators.from_end(base, key)
        if check is not None:
            check(base, key)

        def write(value: Value) -> None:
            if type(base) is str and replace is not None:
                replace(operators.store_character(base, key, value))
            else:
                self.sized.store(base, key, value)

        return lambda: operators.index(base, key), write

    def member_place(self, node: n.Member, frame: Frame) -> Place:
        symbol = self.analysis.symbols.get(node)
        base = self.value(node.base, frame)
        if isinstance(symbol, ClassMemberSymbol):
            values = operators.class_values(base)
            return lambda: values[symbol.index], lambda value: values.__setitem__(symbol.index, value)

        def write(value: Value) -> None:
            operators.store_member(base, node.name, value)

        return lambda: operators.member(base, node.name), write

    def range_place(self, node: n.Range, frame: Frame) -> Place:
        first = self.value(node.first, frame)
        last = None if node.last is None else self.value(node.last, frame)
        base, replace = self.holder(node.base, frame)
        if node.first_from_end:
            first = operators.from_end(base, first)
        if node.last_from_end:
            last = operators.from_end(base, last)
        if node.last is None:
            last = operators.size_of(base) - 1

        def write(value: Value) -> None:
            made = self.sized.replace_range(base, first, last, value)
            if replace is not None:
                replace(made)

        return lambda: operators.extract(base, first, last), write

    def of_Assign(self, node: n.Assign, frame: Frame) -> Value:
        operator = node.operator[:-1]
        if operator in ("&&", "||", "??"):
            read, write = self.place(node.target, frame)
            value = read()
            if self.wants_right(operator, value):
                value = self.value(node.value, frame)
                write(value)
            return value
        value = self.value(node.value, frame)
        read, write = self.place(node.target, frame)
        if operator == "+":
            value = self.sized.add_to(read(), value)
        elif operator:
            value = self.binary[operator](read(), value)
        write(value)
        return value

    def of_Increment(self, node: n.Increment, frame: Frame) -> Value:
        read, write = self.place(node.target, frame)
        old = read()
        new = operators.step(old, 1 if node.operator == "++" else -1)
        write(new)
        return new if node.prefix else old


def _fits(label: n.CaseLabel, subject: Value) -> bool:
    low = constant(label.low) if label.low is not None else None
    if not label.is_range:
        return type(low) is type(subject) and bool(low == subject)
    high = constant(label.high) if label.high is not None else None
    return (isinstance(subject, int) and (low is None or bool(low <= subject))
            and (high is None or bool(subject <= high)))


def _captures(node: n.Node) -> Iterator[n.Captured]:
    for child in children(node):
        if isinstance(child, n.Captured):
            yield child
        elif isinstance(child, n.Functional):
            for inner in _captures(child):  # what it captures is evaluated by this one
                yield from _captures(inner)
        else:
            yield from _captures(child)


def alike(ours: Value, theirs: Value, seen: dict[int, int] | None = None) -> bool:
    """Whether two results are the same: types and values, undefined or not, and the same parts shared."""
    seen = {} if seen is None else seen
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, float):
        return repr(ours) == repr(theirs)
    if isinstance(ours, (list, Mapping, Record)) and (type(ours) is not list or ours):
        if id(ours) in seen:
            return seen[id(ours)] == id(theirs)
        seen[id(ours)] = id(theirs)
        mine, other = _parts(ours), _parts(theirs)
        return len(mine) == len(other) and all(alike(a, b, seen) for a, b in zip(mine, other, strict=True))
    return isinstance(ours, Closure) or bool(ours == theirs)


def _parts(value: Value) -> list[Value]:
    if isinstance(value, Mapping):
        return [part for pair in operators.pairs(value) for part in pair]
    return value.values if isinstance(value, Record) else value
