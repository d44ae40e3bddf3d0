"""Literals, names, elements, members, functionals: every expression that is not an operator or a call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.analysis import codes
from lpc.analysis.compatibility import accepts_int, element_of, spell
from lpc.analysis.dispatch import EXPRESSIONS, STATEMENTS, expression
from lpc.analysis.fold import constant
from lpc.analysis.lvalues import lvalue
from lpc.analysis.scope import MAX_LOCALS
from lpc.analysis.symbols import ClassMemberSymbol
from lpc.runtime.interface import ClassInfo
from lpc.syntax.nodes import (
    AnonymousFunction,
    ArrayLiteral,
    Block,
    Captured,
    Cast,
    Catch,
    Comma,
    Expression,
    FloatLiteral,
    Functional,
    Index,
    IntLiteral,
    MappingLiteral,
    Member,
    Name,
    NewClass,
    Parameter,
    ParseCommand,
    Range,
    Spread,
    Sscanf,
    StringLiteral,
    Template,
    TimeExpression,
)
from lpc.types import BUFFER, FLOAT, FUNCTION, INT, MAPPING, MIXED, MIXED_ARRAY, STRING, UNKNOWN, VOID, Type, class_type

if TYPE_CHECKING:
    from lpc.analysis.check import Checker

_OF_INTS = frozenset((STRING, BUFFER))
_RANGED = frozenset((MIXED, STRING, BUFFER))


# ------------------------------------------------------------------------------------------------- literals


@expression(IntLiteral)
def int_literal(checker: Checker, node: IntLiteral) -> Type:
    """A number; a literal 0 goes with every type."""
    if node.value:
        return INT
    checker.zeros.append(node)
    return MIXED


@expression(FloatLiteral)
def float_literal(checker: Checker, node: FloatLiteral) -> Type:
    """`1.5`"""
    return FLOAT


@expression(StringLiteral)
def string_literal(checker: Checker, node: StringLiteral) -> Type:
    """`"text"`"""
    return STRING


@expression(Template)
def template(checker: Checker, node: Template) -> Type:
    """Template literals and joined strings: any values, one string."""
    types = checker.types
    for part in node.parts:
        types[part] = EXPRESSIONS[type(part)](checker, part)
    return STRING


@expression(ArrayLiteral)
def array_literal(checker: Checker, node: ArrayLiteral) -> Type:
    """`({ a, b... })`"""
    types = checker.types
    for item in node.items:
        types[item] = EXPRESSIONS[type(item)](checker, item)
    return MIXED_ARRAY


@expression(MappingLiteral)
def mapping_literal(checker: Checker, node: MappingLiteral) -> Type:
    """`([ k: v ])`"""
    types = checker.types
    for key, value in node.pairs:
        types[key] = EXPRESSIONS[type(key)](checker, key)
        types[value] = EXPRESSIONS[type(value)](checker, value)
    return MAPPING


@expression(Spread)
def spread(checker: Checker, node: Spread) -> Type:
    """`value...`"""
    value = node.value
    checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    return MIXED


# ---------------------------------------------------------------------------------------------------- names


@expression(Name)
def name(checker: Checker, node: Name) -> Type:
    """A bare identifier: local, global, else a pointer to a function."""
    context = checker.context
    local = context.names.get(node.name)
    if local is not None:
        local.used = True
        checker.symbols[node] = local
        if context.functional:
            checker.local_in_functional(node, local)
        return local.type
    variable = checker.globals.get(node.name)
    if variable is not None:
        checker.symbols[node] = variable
        return variable.variable.type
    function = checker.pointer_target(node.name)
    if function is not None:
        checker.symbols[node] = function
        return FUNCTION
    _undefined(checker, node)
    return MIXED


def _undefined(checker: Checker, node: Name) -> None:
    context = checker.context
    word = node.name
    if word in context.unresolved or checker.program.incomplete:
        context.unresolved.add(word)
        return
    context.unresolved.add(word)
    hidden = context.hidden_local(word)
    if word in checker.program.private_variables:
        checker.error(codes.PRIVATE, f"Illegal to use private variable '{word}'", node)
    elif hidden is not None:
        checker.error(codes.UNDEFINED_VARIABLE, f"Undefined variable '{word}'", node,
                      hint="locals of the enclosing function are not visible inside function()",
                      notes=checker.local_note(hidden))
    else:
        near = checker.suggest(word, (*context.names, *checker.globals))
        checker.error(codes.UNDEFINED_VARIABLE, f"Undefined variable '{word}'", node,
                      hint=near and f"did you mean '{near}'?", notes=checker.variable_note(near or ""))


@expression(Parameter)
def parameter(checker: Checker, node: Parameter) -> Type:
    """`$n`: the parser knows where it may stand."""
    if node.index > MAX_LOCALS:
        checker.error(codes.TOO_MANY_VARIABLES, f"only {MAX_LOCALS} parameters allowed.", node)
    return MIXED


@expression(Captured)
def captured(checker: Checker, node: Captured) -> Type:
    """`$( value )`: checked as code outside the functional, where it is evaluated."""
    context = checker.context
    inside = context.functional
    context.functional = max(0, inside - 1)
    value = node.value
    of = checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    context.functional = inside
    return of


# -------------------------------------------------------------------------------------- elements and members


@expression(Index)
def index(checker: Checker, node: Index) -> Type:
    """`base[key]`, `base[<key]`, `base?.[key]`"""
    types = checker.types
    base, key = node.base, node.key
    of = types[base] = EXPRESSIONS[type(base)](checker, base)
    by = types[key] = EXPRESSIONS[type(key)](checker, key)
    if node.optional:
        return MIXED
    if type(key) is not Name:
        _check_constant_index(checker, node, of)
    if not checker.context.typed or of is MIXED:
        return MIXED
    if of.array or of in _OF_INTS:
        if not accepts_int(by):
            checker.error(codes.INDEX_TYPE, f'Bad type of index: "{spell(by)}"', key)
        return element_of(of) if of.array else INT
    if of == MAPPING:
        if node.from_end:
            checker.error(codes.INDEX_TYPE, "Illegal index for mapping.", key)
    elif of != MIXED:
        checker.error(codes.INDEX_TYPE, f'Value indexed has a bad type : "{spell(of)}"', base)
    return MIXED


def _check_constant_index(checker: Checker, node: Index, of: Type) -> None:
    base = node.base
    at = constant(node.key)
    if not isinstance(at, int):
        return
    if type(base) is ArrayLiteral and not any(type(item) is Spread for item in base.items):
        size = len(base.items)
        if not (1 <= at <= size if node.from_end else 0 <= at < size):
            checker.error(codes.CONSTANT_INDEX, "Illegal index to array constant.", node.key)
    elif at < 0 and not node.from_end and of != MAPPING:
        checker.diagnostics.warning(codes.NEGATIVE_INDEX, "A negative constant in arr[x] no longer means indexing "
                                    "from the end.  Use arr[<x]", node.key.start, node.key.end)


@expression(Range)
def range_(checker: Checker, node: Range) -> Type:
    """`base[first..last]`"""
    types = checker.types
    base, first, last = node.base, node.first, node.last
    of = types[base] = EXPRESSIONS[type(base)](checker, base)
    start = types[first] = EXPRESSIONS[type(first)](checker, first)
    end = INT
    if last is not None:
        end = types[last] = EXPRESSIONS[type(last)](checker, last)
    if not checker.context.typed:
        return MIXED
    if not accepts_int(start):
        checker.error(codes.INDEX_TYPE, f'Bad type of left index to range operator: "{spell(start)}"', first)
    if not accepts_int(end) and last is not None:
        checker.error(codes.INDEX_TYPE, f'Bad type of right index to range operator: "{spell(end)}"', last)
    if of.array or of in _RANGED:
        return of
    checker.error(codes.INDEX_TYPE, f'Bad type of argument used for range: : "{spell(of)}"', base)
    return MIXED


@expression(Member)
def member(checker: Checker, node: Member) -> Type:
    """`base->name`, `base.name`, `base?.name`"""
    base = node.base
    of = checker.types[base] = EXPRESSIONS[type(base)](checker, base)
    if node.operator == "?.":
        return MIXED
    if of.name is not None and not of.array:
        info = checker.classes.get(of.name)
        return MIXED if info is None else _class_member(checker, node, info)
    if of == MIXED:
        return _any_class_member(checker, node)
    if node.operator == "->" and not checker.program.incomplete:
        checker.error(codes.NOT_A_CLASS, "Left argument of -> is not a class", base)
    return MIXED


def _class_member(checker: Checker, node: Member, info: ClassInfo) -> Type:
    for position, (known, of) in enumerate(info.members):
        if known == node.name:
            checker.symbols[node] = ClassMemberSymbol(info, position)
            return of
    _no_member(checker, info, node.name, node.name_at)
    return MIXED


def _no_member(checker: Checker, info: ClassInfo, word: str, at: int) -> None:
    near = checker.suggest(word, [known for known, _ in info.members])
    checker.diagnostics.error(codes.NO_SUCH_MEMBER, f"Class '{info.name}' has no member '{word}'", at, at + len(word),
                              hint=near and f"did you mean '{near}'?",
                              notes=checker.program.note("class", info.name, info.program))


def _any_class_member(checker: Checker, node: Member) -> Type:
    """On a mixed value: a member of whichever class in sight has one of that name, else a mapping member."""
    found: list[tuple[ClassInfo, int, Type]] = checker.members.get(node.name, [])
    if not found:
        return MIXED
    info, position, of = found[0]
    if any(other != position for _, other, _ in found):
        end = node.name_at + len(node.name)
        checker.diagnostics.error(codes.NO_SUCH_MEMBER, f"More than one class in scope has member '{node.name}'; "
                                  "use a cast to disambiguate.", node.name_at, end)
        return MIXED
    checker.symbols[node] = ClassMemberSymbol(info, position)
    return of if all(other == of for _, _, other in found) else MIXED


@expression(NewClass)
def new_class(checker: Checker, node: NewClass) -> Type:
    """`new(class name, member: value, …)`"""
    types = checker.types
    info = checker.classes.get(node.name)
    given: set[str] = set()
    for word, value in node.members:
        types[value] = EXPRESSIONS[type(value)](checker, value)
        if info is None:
            continue
        if word in given:
            checker.error(codes.NO_SUCH_MEMBER, f"Redefinition of member '{word}' in instantiation of class "
                          f"'{node.name}'", value)
        given.add(word)
        if all(known != word for known, _ in info.members):
            _no_member(checker, info, word, value.start)
    if info is None:
        checker.undefined_class(node.name, node)
        return MIXED
    return class_type(node.name)


# ----------------------------------------------------------------------------------------------- functionals


@expression(Functional)
def functional(checker: Checker, node: Functional) -> Type:
    """`(: expression :)`"""
    context = checker.context
    context.functional += 1
    body = node.body
    checker.types[body] = EXPRESSIONS[type(body)](checker, body)
    context.functional -= 1
    if type(body) is StringLiteral:
        checker.diagnostics.warning(codes.STRING_FUNCTIONAL, "Function pointer returning string constant is NOT a "
                                    "function call", body.start, body.end)
    return FUNCTION


@expression(AnonymousFunction)
def anonymous_function(checker: Checker, node: AnonymousFunction) -> Type:
    """`function (type a) { … }`: a function of its own."""
    checker.anonymous_function(node)
    return FUNCTION


# -------------------------------------------------------------------------------------------------- the rest


@expression(Comma)
def comma(checker: Checker, node: Comma) -> Type:
    """`a, b, c`"""
    types = checker.types
    of = MIXED
    last = node.items[-1]
    for item in node.items:
        before = len(checker.found)
        of = types[item] = EXPRESSIONS[type(item)](checker, item)
        if item is not last:
            checker.warn_if_unused(item, before)
    return of


@expression(Cast)
def cast(checker: Checker, node: Cast) -> Type:
    """`(type) value`: believed, not converted."""
    value = node.value
    given = checker.types[value] = EXPRESSIONS[type(value)](checker, value)
    wanted = checker.known_type(node.type, node)
    # FluffOS means to reject this and never does: its check compares a type with itself.
    if checker.context.typed and given != wanted and MIXED not in (given, wanted) and given != UNKNOWN \
            and wanted != VOID and not (given.array and wanted.array and MIXED_ARRAY in (given, wanted)):
        checker.diagnostics.warning(codes.CAST, f"Cannot cast {spell(given)}to {wanted}", node.start, value.start,
                                    hint="a cast does not convert the value")
    return wanted


@expression(Catch)
def catch(checker: Checker, node: Catch) -> Type:
    """`catch(expression)` / `catch { … }`"""
    _guarded(checker, node.body)
    return MIXED


@expression(TimeExpression)
def time_expression(checker: Checker, node: TimeExpression) -> Type:
    """`time_expression(e)` / `{ … }`"""
    _guarded(checker, node.body)
    return INT


def _guarded(checker: Checker, body: Expression | Block) -> None:
    """A body that break and continue cannot leave."""
    context = checker.context
    saved = context.in_loop, context.in_switch, context.in_catch
    context.in_loop, context.in_switch, context.in_catch = False, False, True
    if isinstance(body, Block):
        STATEMENTS[Block](checker, body)
    else:
        checker.types[body] = EXPRESSIONS[type(body)](checker, body)
    context.in_loop, context.in_switch, context.in_catch = saved


@expression(Sscanf)
def sscanf(checker: Checker, node: Sscanf) -> Type:
    """`sscanf(text, format, lvalues…)`"""
    types = checker.types
    types[node.text] = EXPRESSIONS[type(node.text)](checker, node.text)
    types[node.format] = EXPRESSIONS[type(node.format)](checker, node.format)
    for target in node.targets:
        lvalue(checker, target)
    return INT


@expression(ParseCommand)
def parse_command(checker: Checker, node: ParseCommand) -> Type:
    """`parse_command(…)`: in the language, not in this version."""
    types = checker.types
    for operand in (node.text, node.environment, node.pattern):
        types[operand] = EXPRESSIONS[type(operand)](checker, operand)
    for target in node.targets:
        lvalue(checker, target)
    checker.error(codes.NOT_SUPPORTED, "not supported in this version: parse_command", node)
    return INT
