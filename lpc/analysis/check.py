"""The checker: one pass over every function body that resolves names and checks types.

Works on the `Program` that resolve.py collected. Handlers for the node classes live in expressions.py,
operators.py, lvalues.py, calls.py and statements.py; dispatch.py finds them by node class. An expression in
error has type `mixed`, so that one mistake gives one message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from lpc.analysis import calls, codes, expressions, lvalues, operators, statements
from lpc.analysis.compatibility import compatible, converts_to_buffer, versus
from lpc.analysis.dispatch import EXPRESSIONS, STATEMENTS
from lpc.analysis.effects import has_effect
from lpc.analysis.lvalues import settle
from lpc.analysis.operators import COMPARISONS
from lpc.analysis.resolve import Program, parameter_type
from lpc.analysis.scope import MAX_LOCALS, FunctionContext
from lpc.analysis.symbols import (
    Analysis,
    EfunSymbol,
    Environment,
    FunctionScope,
    Global,
    Local,
    OwnFunction,
    SimulEfun,
    Symbol,
)
from lpc.diagnostics import Diagnostics, Note, suggest
from lpc.efun import Efun
from lpc.runtime.interface import ClassInfo, FunctionInfo
from lpc.source import Position
from lpc.syntax.nodes import (
    AnonymousFunction,
    Binary,
    Expression,
    ExpressionStatement,
    FunctionDeclaration,
    GlobalDeclaration,
    IntLiteral,
    Node,
    ParameterDeclaration,
    ProgramNode,
    TopLevelStatement,
)
from lpc.types import INT, MIXED, Type

#: The modules whose import fills the dispatch tables.
HANDLERS = (calls, expressions, lvalues, operators, statements)

#: Looking for a similar name compares with every name there is; a file full of mistakes gets no more help.
_MAX_SUGGESTIONS = 30


class EfunShape(NamedTuple):
    """What calls of an efun are checked against, taken from its prototype once."""

    minimum: int
    maximum: int | None
    types: tuple[tuple[Type, ...], ...]


class Checker:
    """The state of checking one program; `context` is the function being checked, `order` its declaration's number."""

    __slots__ = ("environment", "diagnostics", "found", "program", "strict", "context", "symbols", "types",
                 "conversions", "checked", "scopes", "zeros", "globals", "classes", "members", "order", "_callables",
                 "_shapes", "_suggestions", "_syntax_errors",
                 "_stumbles")

    def __init__(self, program: Program, environment: Environment, diagnostics: Diagnostics) -> None:
        self.environment = environment
        self.diagnostics = diagnostics
        self.found = diagnostics.found
        self.program = program
        self.strict = program.strict
        self.context = FunctionContext(None, typed=program.strict)
        self.symbols: dict[Node, Symbol] = {}
        self.types: dict[Expression, Type] = {}
        self.conversions: dict[Expression, Type] = {}
        self.checked: dict[Expression, Type] = {}
        self.scopes: dict[Node | None, FunctionScope] = {}
        self.zeros: list[IntLiteral] = []
        self.globals = {name: Global(info) for name, info in program.interface.variables.items()}
        self.classes = program.interface.classes
        self.members = _members_by_name(self.classes.values())
        self.order = 0
        self._callables: dict[str, Symbol | None] = {}
        self._shapes: dict[Efun, EfunShape] = {}
        self._suggestions = 0
        self._stumbles = program.syntax_errors
        self._syntax_errors = sorted(program.syntax_errors)

    # ------------------------------------------------------------------------------------------- the program

    def check(self, tree: ProgramNode) -> Analysis:
        """Check every body and initialiser, in source order."""
        initialisers = FunctionContext(None, typed=self.strict or self.environment.script)
        self.scopes[None] = initialisers.scope
        at_end = "strict_types" in tree.pragmas
        for number, node in enumerate(tree.declarations):
            self.order = number
            self.strict = at_end ^ (node.start in self.environment.otherwise_strict)
            initialisers.typed = self.strict or self.environment.script
            if isinstance(node, FunctionDeclaration):
                self._function(node)
            elif isinstance(node, GlobalDeclaration):
                self.context = initialisers
                self._global(node)
            elif isinstance(node, TopLevelStatement):
                self.context = initialisers
                self._top_level(node)
        # For the checker a literal 0 goes with every type; as a value it is an int.
        for zero in self.zeros:
            self.types[zero] = INT
        return Analysis(tree, self.program.interface, self.program.functions, self.scopes, self.symbols, self.types,
                        self.conversions, self.checked)

    def _function(self, node: FunctionDeclaration) -> None:
        if node.body is None:
            return
        info = self.program.declared[node]
        self.context = context = FunctionContext(info.type, typed=info.type is not None or self.strict,
                                                 damaged=self.is_damaged(node))
        self.scopes[node] = context.scope
        self._parameters(node.parameters)
        self._body(node.body.statements)

    def _parameters(self, parameters: tuple[ParameterDeclaration, ...]) -> None:
        context = self.context
        for parameter in parameters:
            name = parameter.name or ""
            at = max(parameter.start, parameter.end - len(name)) if parameter.default is None else parameter.start
            if name and name in context.names:
                self.error(codes.LOCAL_REDECLARED, f"Illegal to redeclare local name '{name}'", parameter)
            of = self.known_type(parameter_type(parameter), None)
            local = context.declare(name, of, at, is_parameter=True, is_ref=parameter.ref, used=True)
            self.symbols[parameter] = local
        for parameter in parameters:
            if parameter.default is not None:
                self._default(parameter.default)
        if len(parameters) > MAX_LOCALS:
            self.error(codes.TOO_MANY_VARIABLES, f"only {MAX_LOCALS} parameters allowed.", parameters[MAX_LOCALS])

    def _default(self, node: Expression) -> None:
        """A default argument: evaluated by the caller like a functional, so nothing local is in sight."""
        context = self.context
        known = len(context.scope.locals)
        context.functional += 1
        self.types[node] = EXPRESSIONS[type(node)](self, node)
        context.functional -= 1
        if len(context.scope.locals) > known:
            self.error(codes.DEFAULT_ARGUMENT, "Illegal to declare a local variable in a default argument expression",
                       node)

    def _body(self, body: Iterable[Node]) -> None:
        mark = len(self.context.visible)
        for inner in body:
            STATEMENTS[type(inner)](self, inner)
        self.leave(mark)

    def anonymous_function(self, node: AnonymousFunction) -> None:
        """`function (…) { … }`: its own locals, checked as if declared to return mixed."""
        outer = self.context
        self.context = context = FunctionContext(MIXED, typed=True, damaged=outer.damaged, enclosing=outer)
        self.scopes[node] = context.scope
        self._parameters(node.parameters)
        self._body(node.body.statements)
        self.context = outer

    def _global(self, node: GlobalDeclaration) -> None:
        for declarator in node.declarators:
            variable = self.program.variables[declarator]
            self.symbols[declarator] = Global(variable)
            value = declarator.value
            if value is None:
                continue
            of = self.known_type(variable.type, None)
            given = self.types[value] = EXPRESSIONS[type(value)](self, value)
            if given is of:
                continue
            # Unlike all else outside typed functions this is always checked.
            if node.type is not None and not compatible(given, of) and not converts_to_buffer(given, of):
                self.error(codes.ASSIGNMENT_TYPE, f"Type mismatch {versus(of, given)} when initializing "
                           f"{declarator.name}", value)
            else:
                settle(self, value, given, of)

    def _top_level(self, node: TopLevelStatement) -> None:
        inner = node.statement
        if isinstance(inner, ExpressionStatement):
            # A value at top level is what an interactive session shows: not unused.
            self.types[inner.value] = EXPRESSIONS[type(inner.value)](self, inner.value)
        else:
            STATEMENTS[type(inner)](self, inner)

    # ------------------------------------------------------------------------------------------- names

    def callable(self, name: str) -> Symbol | None:
        """The function a bare name means: the program's, a simul_efun, an efun."""
        try:
            return self._callables[name]
        except KeyError:
            pass
        found: Symbol | None = None
        if name in self.program.interface.functions:
            found = OwnFunction(self.program.interface.functions[name])
        elif name in self.program.private_functions:
            pass
        elif name in self.environment.simul_efuns:
            found = SimulEfun(name, self.environment.simul_efuns[name])
        elif name in self.environment.efuns:
            found = EfunSymbol(self.environment.efuns[name])
        self._callables[name] = found
        return found

    def pointer_target(self, name: str) -> Symbol | None:
        """The function a pointer to a bare name means: a parent's private one can be pointed to, not called."""
        private = self.program.private_functions.get(name)
        return self.callable(name) or (None if private is None else OwnFunction(private))

    def callable_names(self) -> Iterator[str]:
        """Every name `callable` knows."""
        yield from self.program.interface.functions
        yield from self.environment.simul_efuns
        yield from self.environment.efuns

    def may_override(self, name: str, at: Node) -> bool:
        """Whether `efun::name` is allowed there; asked only if it matters."""
        return self.environment.valid_override(name, at)

    def efun_shape(self, efun: Efun) -> EfunShape:
        """What calls of an efun are checked against."""
        shape = self._shapes.get(efun)
        if shape is None:
            prototype = efun.prototype
            shape = self._shapes[efun] = EfunShape(prototype.minimum, prototype.maximum,
                                                   tuple(p.types for p in prototype.parameters))
        return shape

    def known_type(self, of: Type, node: Node | None) -> Type:
        """A declared type, `mixed` where it names an unknown class (reported unless `node` is None)."""
        if of.name is None or of.name in self.classes:
            return of
        if node is not None:
            self.undefined_class(of.name, node)
        return MIXED

    def undefined_class(self, name: str, node: Node) -> None:
        """Report a class that does not exist."""
        if self.program.incomplete:
            return
        near = self.suggest(name, self.classes)
        self.error(codes.UNDEFINED_CLASS, f"Undefined class '{name}'", node, hint=near and f"did you mean '{near}'?")

    def suggest(self, word: str, candidates: Iterable[str]) -> str | None:
        """The name that was probably meant."""
        self._suggestions += 1
        return suggest(word, candidates) if self._suggestions <= _MAX_SUGGESTIONS else None

    def leave(self, mark: int) -> None:
        """End a block: its locals go out of sight, those nobody used are reported."""
        for local in self.context.leave(mark):
            if not local.used and not self.context.damaged:
                at = local.declared_at
                self.diagnostics.warning(codes.UNUSED_LOCAL, f"Unused local variable '{local.name}'", at,
                                         at + len(local.name))

    # ------------------------------------------------------------------------------------------- messages

    def is_damaged(self, node: Node) -> bool:
        """Whether the parser found a mistake inside `node`: then what seems to be missing there proves nothing."""
        first = bisect_left(self._syntax_errors, node.start)
        return first < len(self._syntax_errors) and self._syntax_errors[first] <= node.end

    def error(self, code: str, message: str, node: Node, *, hint: str | None = None,
              notes: list[Note] | None = None) -> None:
        """Report an error over a whole node, unless the parser has stumbled over its first word."""
        if node.start in self._stumbles:
            return
        self.diagnostics.error(code, message, node.start, node.end, hint=hint, notes=notes)

    def error_at(self, code: str, message: str, at: Position, word: str, *, hint: str | None = None,
                 notes: list[Note] | None = None) -> None:
        """Report an error over one word."""
        self.diagnostics.error(code, message, at, at + len(word), hint=hint, notes=notes)

    def warn_if_unused(self, value: Expression, before: int) -> None:
        """Report a value that is computed for nothing, unless it was already in error."""
        if len(self.found) != before or has_effect(value) or self.is_damaged(value):
            return
        if isinstance(value, Binary) and value.operator in COMPARISONS:
            self.diagnostics.warning(codes.CONDITION_UNUSED, "Value of conditional expression is unused",
                                     value.start, value.end)
        else:
            self.diagnostics.warning(codes.NO_EFFECT, "Expression has no side effects, and the value is unused",
                                     value.start, value.end)

    def local_in_functional(self, node: Node, local: Local, *, at: Position | None = None) -> None:
        """Report a local used where only `$(local)` would reach it."""
        start = node.start if at is None else at
        end = node.end if at is None else at + len(local.name)
        self.diagnostics.error(codes.LOCAL_IN_FUNCTIONAL, "Illegal to use local variable in a functional.", start, end,
                               hint=f"write $({local.name}) for its value now", notes=self.local_note(local))

    def local_note(self, local: Local) -> list[Note]:
        """Where a local is declared."""
        at = local.declared_at
        return [Note(f"'{local.name}' declared here", at, at + len(local.name))]

    def variable_note(self, name: str) -> list[Note]:
        """Where a local or global variable is declared."""
        local = self.context.names.get(name)
        if local is not None:
            return self.local_note(local)
        variable = self.globals.get(name)
        return [] if variable is None else self.program.note("variable", name, variable.variable.program)

    def function_note(self, function: FunctionInfo) -> list[Note]:
        """Where a function is declared."""
        return self.program.note("function", function.name, function.program)


def _members_by_name(classes: Iterable[ClassInfo]) -> dict[str, list[tuple[ClassInfo, int, Type]]]:
    found: dict[str, list[tuple[ClassInfo, int, Type]]] = {}
    for info in classes:
        for position, (name, of) in enumerate(info.members):
            found.setdefault(name, []).append((info, position, of))
    return found
