"""Statements: scopes of locals, loops, switch labels, return."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.analysis import codes
from lpc.analysis.compatibility import compatible, converts_to_buffer, versus
from lpc.analysis.dispatch import EXPRESSIONS, STATEMENTS, statement
from lpc.analysis.fold import constant, divides_by_zero
from lpc.analysis.lvalues import settle
from lpc.analysis.scope import MAX_LOCALS
from lpc.analysis.symbols import Local
from lpc.diagnostics import Note
from lpc.source import Position
from lpc.syntax.nodes import (
    Assign,
    Block,
    Break,
    Call,
    CallOther,
    CaseLabel,
    Continue,
    Declarator,
    DefaultLabel,
    DoWhile,
    Empty,
    Expression,
    ExpressionStatement,
    For,
    Foreach,
    ForeachVariable,
    If,
    Increment,
    IntLiteral,
    LocalDeclaration,
    Return,
    Statement,
    Switch,
    While,
)
from lpc.types import FLOAT, INT, MIXED, VOID, Type

if TYPE_CHECKING:
    from lpc.analysis.check import Checker

_ALWAYS_EFFECTIVE = frozenset((Assign, Call, CallOther, Increment))
_MIN, _MAX = -(1 << 63), (1 << 63) - 1


@statement(ExpressionStatement)
def expression_statement(checker: Checker, node: ExpressionStatement) -> None:
    """`expression;`"""
    value = node.value
    before = len(checker.found)
    checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    if type(value) not in _ALWAYS_EFFECTIVE:
        checker.warn_if_unused(value, before)


@statement(Block)
def block(checker: Checker, node: Block) -> None:
    """`{ … }`: what it declares ends with it."""
    visible = checker.context.visible
    mark = len(visible)
    for inner in node.statements:
        STATEMENTS[type(inner)](checker, inner)
    if len(visible) > mark:
        checker.leave(mark)


@statement(Empty)
def empty(checker: Checker, node: Empty) -> None:
    """`;`"""


# ----------------------------------------------------------------------------------------------------- locals


@statement(LocalDeclaration)
def local_declaration(checker: Checker, node: LocalDeclaration) -> None:
    """`type a, *b = value;`"""
    for declarator in node.declarators:
        _declare(checker, declarator)


def _declare(checker: Checker, node: Declarator, *, used: bool = False) -> None:
    # FluffOS reads the initialiser before it knows the name: `int x = x;` means another x.
    value = node.value
    given = MIXED
    if value is not None:
        before = len(checker.found)
        given = checker.types[value] = EXPRESSIONS[type(value)](checker, value)
        # Nobody uses what has just gone wrong.
        used = used or len(checker.found) != before
    of = node.type
    if of.name is not None:
        of = checker.known_type(of, node)
    if of == VOID:
        checker.error_at(codes.BAD_DECLARATION, "Illegal to declare local variable of type void.", node.name_at,
                         node.name)
        of = MIXED
    new_local(checker, node.name, of, node.name_at, node, used=used)
    if value is None or given is of:
        return
    if checker.context.typed and not compatible(given, of) and not converts_to_buffer(given, of):
        checker.error(codes.ASSIGNMENT_TYPE, f"Type mismatch {versus(of, given)} when initializing {node.name}", value)
    else:
        settle(checker, value, given, of)


def new_local(checker: Checker, name: str, of: Type, at: Position, node: Declarator | ForeachVariable, *,
              is_ref: bool = False, used: bool = False) -> Local:
    """Declare a local in the current block, unless its name is taken."""
    context = checker.context
    earlier = context.names.get(name)
    if earlier is not None:
        checker.error_at(codes.LOCAL_REDECLARED, f"Illegal to redeclare local name '{name}'", at, name,
                         notes=checker.local_note(earlier))
    if len(context.scope.locals) == MAX_LOCALS:
        checker.error_at(codes.TOO_MANY_VARIABLES, "Too many local variables", at, name)
    local = context.declare(name, of, at, is_ref=is_ref, used=used)
    checker.symbols[node] = local
    return local


# ------------------------------------------------------------------------------------------- branches, loops


@statement(If)
def if_(checker: Checker, node: If) -> None:
    """`if (condition) then else otherwise`"""
    # `else if` chains are as deep as they are long: walked here, not by recursion.
    at: Statement | None = node
    while type(at) is If:
        condition = at.condition
        checker.types[condition] = EXPRESSIONS[type(condition)](checker, condition)
        STATEMENTS[type(at.then)](checker, at.then)
        at = at.otherwise
    if at is not None:
        STATEMENTS[type(at)](checker, at)


def _loop_body(checker: Checker, body: Statement) -> None:
    context = checker.context
    saved = context.in_loop, context.in_switch
    context.in_loop, context.in_switch = True, False
    STATEMENTS[type(body)](checker, body)
    context.in_loop, context.in_switch = saved


@statement(While)
def while_(checker: Checker, node: While) -> None:
    """`while (condition) body`"""
    condition = node.condition
    checker.types[condition] = EXPRESSIONS[type(condition)](checker, condition)
    _loop_body(checker, node.body)


@statement(DoWhile)
def do_while(checker: Checker, node: DoWhile) -> None:
    """`do body while (condition);`"""
    _loop_body(checker, node.body)
    condition = node.condition
    checker.types[condition] = EXPRESSIONS[type(condition)](checker, condition)


@statement(For)
def for_(checker: Checker, node: For) -> None:
    """`for (first; condition; step) body`"""
    types = checker.types
    mark = len(checker.context.visible)
    first, condition, step = node.first, node.condition, node.step
    if isinstance(first, LocalDeclaration):
        for declarator in first.declarators:
            # The condition of an endless loop may ignore it: never reported as unused.
            _declare(checker, declarator, used=True)
    elif first is not None:
        _for_effect(checker, first)
    if condition is not None:
        types[condition] = EXPRESSIONS[type(condition)](checker, condition)
    _loop_body(checker, node.body)
    if step is not None:
        _for_effect(checker, step)
    checker.leave(mark)


def _for_effect(checker: Checker, value: Expression) -> None:
    before = len(checker.found)
    checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    checker.warn_if_unused(value, before)


@statement(Foreach)
def foreach(checker: Checker, node: Foreach) -> None:
    """`foreach (variables in value) body`"""
    mark = len(checker.context.visible)
    for number, variable in enumerate(node.variables):
        if variable.ref and number == 0 and len(node.variables) > 1:
            checker.error(codes.ILLEGAL_REF, "Mapping key may not be a reference in foreach()", variable)
        _loop_variable(checker, variable)
    value = node.value
    checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    _loop_body(checker, node.body)
    checker.leave(mark)


def _loop_variable(checker: Checker, node: ForeachVariable) -> None:
    name = node.name
    if node.type is not None:
        of = checker.known_type(node.type, node)
        if of == VOID:
            checker.error(codes.BAD_DECLARATION, "Illegal to declare local variable of type void.", node)
            of = MIXED
        new_local(checker, name, of, max(node.start, node.end - len(name)), node, is_ref=node.ref, used=True)
        return
    context = checker.context
    local = context.names.get(name)
    if local is not None:
        local.used = True
        checker.symbols[node] = local
        if context.functional:
            checker.local_in_functional(node, local)
    elif name in checker.globals:
        checker.symbols[node] = checker.globals[name]
    elif not checker.program.incomplete:
        near = checker.suggest(name, (*context.names, *checker.globals))
        hint = f"did you mean '{near}'?" if near else "declare it: foreach (mixed …"
        checker.error(codes.NOT_A_VARIABLE, f"'{name}' is not a local or a global variable.", node, hint=hint)


@statement(Break)
def break_(checker: Checker, node: Break) -> None:
    """`break;`"""
    context = checker.context
    if not (context.in_loop or context.in_switch):
        checker.error(codes.BREAK_OUTSIDE, "Cannot break out of catch { } or time_expression { }" if context.in_catch
                      else "break statement outside loop", node)


@statement(Continue)
def continue_(checker: Checker, node: Continue) -> None:
    """`continue;`"""
    context = checker.context
    if not context.in_loop:
        checker.error(codes.BREAK_OUTSIDE, "Cannot continue out of catch { } or time_expression { }"
                      if context.in_catch else "continue statement outside loop", node)


@statement(Return)
def return_(checker: Checker, node: Return) -> None:
    """`return value;`"""
    context = checker.context
    value = node.value
    returns = context.returns if context.typed else None
    if value is None:
        if returns is not None and returns != VOID and returns != MIXED:
            checker.diagnostics.warning(codes.NO_RETURN_VALUE, "Non-void functions must return a value.",
                                        node.start, node.end)
        return
    given = checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    if returns is None or given is returns:
        return
    if not compatible(given, returns):
        checker.error(codes.RETURN_TYPE, "Type of returned value doesn't match function return type "
                      f"{versus(given, returns)}", value)
    elif returns == FLOAT and (given == INT or type(value) is IntLiteral):
        checker.conversions[value] = FLOAT
    elif returns == INT and given == FLOAT:
        checker.conversions[value] = INT


# ----------------------------------------------------------------------------------------------------- switch


@statement(Switch)
def switch(checker: Checker, node: Switch) -> None:
    """`switch (subject) { … }`"""
    subject = node.subject
    checker.types[subject] = EXPRESSIONS[type(subject)](checker, subject)
    context = checker.context
    saved = context.in_switch
    context.in_switch = True
    mark = len(context.visible)
    labels = _Labels(checker)
    for inner in node.body:
        if type(inner) is CaseLabel:
            labels.add(inner)
        elif type(inner) is DefaultLabel:
            labels.add_default(inner)
        else:
            STATEMENTS[type(inner)](checker, inner)
    labels.finish(node)
    checker.leave(mark)
    context.in_switch = saved


@statement(CaseLabel, DefaultLabel)
def stray_label(checker: Checker, node: CaseLabel | DefaultLabel) -> None:
    """A label that is not directly in a switch: the parser has reported it."""


class _Labels:
    """The labels of one switch: of one kind, no value twice."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._strings: dict[str, CaseLabel] = {}
        self._ranges: list[tuple[int, int, CaseLabel]] = []
        self._first_string: CaseLabel | None = None
        self._first_number: CaseLabel | None = None
        self._default: DefaultLabel | None = None
        self._any = False
        self._has_range = False

    def add(self, node: CaseLabel) -> None:
        """A `case` label."""
        self._any = True
        low = self._value(node.low)
        if not node.is_range:
            if isinstance(low, str):
                self._add_string(low, node)
            elif low is not None:
                self._add_range(low, low, node)
            return
        high = self._value(node.high)
        if isinstance(low, str) or isinstance(high, str):
            self._error("String case labels not allowed as range bounds", node)
            return
        if low is None and node.low is not None or high is None and node.high is not None:
            return
        first, last = _MIN if low is None else low, _MAX if high is None else high
        if first > last:
            self._checker.diagnostics.warning(codes.EMPTY_RANGE, "This range matches nothing", node.start, node.end)
            return
        self._has_range = True
        self._add_range(first, last, node)

    def add_default(self, node: DefaultLabel) -> None:
        """A `default` label."""
        if self._default is not None:
            self._error("Duplicate default label", node, self._default)
        self._default = node

    def finish(self, node: Switch) -> None:
        """Report what only all labels together show."""
        if not self._any and self._default is not None:
            self._error("need case statements in switch/case, not just default:", self._default)
        self._ranges.sort(key=lambda entry: (entry[0], entry[2].start))
        highest: tuple[int, int, CaseLabel] | None = None
        for entry in self._ranges:
            if highest is not None and entry[0] <= highest[1]:
                self._overlap(*sorted((highest[2], entry[2]), key=lambda label: label.start))
            if highest is None or entry[1] > highest[1]:
                highest = entry

    def _value(self, node: Expression | None) -> int | str | None:
        if node is None:
            return None
        value = constant(node)
        if isinstance(value, int | str):
            return value
        division = divides_by_zero(node)
        if division is not None:
            text = "Division by zero" if division.operator == "/" else "Modulo by zero"
            self._checker.error(codes.DIVISION_BY_ZERO, text, division.right)
        else:
            self._checker.error(codes.CASE_LABEL, "A case label must be a constant int or string expression", node)
        return None

    def _add_string(self, value: str, node: CaseLabel) -> None:
        if self._first_number is not None:
            self._error("Mixed case label list not allowed", node, self._first_number)
        if value in self._strings:
            self._overlap(self._strings[value], node)
        self._strings[value] = node
        self._first_string = self._first_string or node

    def _add_range(self, low: int, high: int, node: CaseLabel) -> None:
        # `case 0` may stand among strings: it matches a missing one.
        if low or high:
            if self._first_string is not None:
                self._error("Mixed case label list not allowed", node, self._first_string)
            self._first_number = self._first_number or node
        self._ranges.append((low, high, node))

    def _overlap(self, first: CaseLabel, second: CaseLabel) -> None:
        diagnostics = self._checker.diagnostics
        one, two = diagnostics.source.locate(first.start), diagnostics.source.locate(second.start)
        text = f"Overlapping cases: {one.file}:{one.line} and {two.file}:{two.line}."
        if self._has_range:
            self._error(text, second, first)
        else:
            # FluffOS looks only where there are ranges, and mudlibs have such pairs: the first one counts.
            diagnostics.warning(codes.DUPLICATE_CASE, text, second.start, second.end,
                                notes=[Note("the other label is here", first.start, first.end)])

    def _error(self, text: str, node: CaseLabel | DefaultLabel, other: CaseLabel | DefaultLabel | None = None) -> None:
        notes = [Note("the other label is here", other.start, other.end)] if other is not None else None
        self._checker.error(codes.CASE_LABEL, text, node, notes=notes)
