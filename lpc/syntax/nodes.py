"""The nodes of an LPC syntax tree.

A node is a frozen value with a place: `start` and `end` are positions (lpc.source). The parser makes
them, analysis computes facts *about* them, code generation reads both; nobody changes one. Children are
found from the dataclass fields (syntax/walk.py), so a new node needs no other list.

Names follow the field's terms: a *declarator* is one declared name of a list, a *functional* is `(: … :)`,
an *lvalue* is any expression node that may be assigned to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

from lpc.source import Position
from lpc.types import Type

_T = TypeVar("_T", bound=type)

if TYPE_CHECKING:

    @dataclass_transform(frozen_default=True)
    def node(cls: _T) -> _T: ...

else:
    # Frozen for the type checker only: a frozen __init__ goes through object.__setattr__, which made
    # node creation three times as slow, and the parser makes some twenty nodes a line.
    node: Callable[[_T], _T] = dataclass(slots=True, eq=False)


@node
class Node:
    """Anything with a place."""

    start: Position
    end: Position


# ------------------------------------------------------------------------------------------ expressions


class Expression(Node):
    """Yields a value."""

    __slots__ = ()


@node
class IntLiteral(Expression):
    value: int


@node
class FloatLiteral(Expression):
    value: float


@node
class StringLiteral(Expression):
    """A string; adjacent literals are one node."""

    value: str


@node
class Template(Expression):
    """A template literal with `${}`, or adjacent strings and templates: parts joined at run time."""

    parts: tuple[Expression, ...]


@node
class ArrayLiteral(Expression):
    """`({ a, b... })`; an item may be a Spread."""

    items: tuple[Expression, ...]


@node
class MappingLiteral(Expression):
    """`([ k: v, ])`"""

    pairs: tuple[tuple[Expression, Expression], ...]


@node
class Spread(Expression):
    """`value...` in a call's arguments, an array literal or a functional's bound arguments."""

    value: Expression


@node
class RefArgument(Expression):
    """`ref target` / `& target`, directly as a call argument."""

    target: Expression


@node
class Name(Expression):
    """A bare identifier as a value: local, global, or a function (then its pointer)."""

    name: str


@node
class Parameter(Expression):
    """`$n` in a functional (1-based)."""

    index: int


@node
class Captured(Expression):
    """`$( value )` in a functional: evaluated when the functional is made."""

    value: Expression


@node
class Comma(Expression):
    """`a, b, c`: the value of the last."""

    items: tuple[Expression, ...]


@node
class Unary(Expression):
    """`!x  ~x  -x` (operator is the spelling)."""

    operator: str
    operand: Expression


@node
class Increment(Expression):
    """`++x  --x  x++  x--`: operator "++" or "--"."""

    operator: str
    target: Expression
    prefix: bool


@node
class Binary(Expression):
    """Arithmetic, comparison, bit operators: `+ - * / % & | ^ << >> == != < <= > >=`."""

    operator: str
    left: Expression
    right: Expression
    operator_at: Position


@node
class Logical(Expression):
    """`&&  ||  ??`: the right side is evaluated only when needed."""

    operator: str
    left: Expression
    right: Expression


@node
class Conditional(Expression):
    """`condition ? then : otherwise`"""

    condition: Expression
    then: Expression
    otherwise: Expression


@node
class Assign(Expression):
    """`target operator value`: operator is "=", "+=", …, "&&=", "||=", "??="."""

    operator: str
    target: Expression
    value: Expression
    operator_at: Position


@node
class Cast(Expression):
    """`(type) value`: tells the checker, converts nothing."""

    type: Type
    value: Expression


@node
class Index(Expression):
    """`base[key]`, `base[<key]` (from_end), and `base?.[key]` / `base.?[key]` (optional)."""

    base: Expression
    key: Expression
    from_end: bool
    optional: bool


@node
class Range(Expression):
    """`base[first..last]`; `<` before either counts from the end; last is None in `[first..]`."""

    base: Expression
    first: Expression
    first_from_end: bool
    last: Expression | None
    last_from_end: bool


@node
class Member(Expression):
    """`base->name`, `base.name` (operator "->" or "."), `base?.name` (operator "?.")."""

    base: Expression
    operator: str
    name: str
    name_at: Position


@node
class Call(Expression):
    """`name(args)`; qualifier is None, "" (`::f()`), "efun", or an inherited program's name."""

    name: str
    qualifier: str | None
    args: tuple[Expression, ...]
    name_at: Position


@node
class CallOther(Expression):
    """`base->name(args)`"""

    base: Expression
    name: str
    args: tuple[Expression, ...]
    name_at: Position


@node
class CallValue(Expression):
    """`(*f)(args)` and `base[key](args)`: calls the function value `function`."""

    function: Expression
    args: tuple[Expression, ...]


@node
class New(Expression):
    """`new(path, args...)`: clones an object; the first argument is the path."""

    args: tuple[Expression, ...]


@node
class NewClass(Expression):
    """`new(class name, member: value, …)`"""

    name: str
    members: tuple[tuple[str, Expression], ...]


@node
class Functional(Expression):
    """`(: expression :)` with `$n`: `parameters` is the highest n used."""

    body: Expression
    parameters: int


@node
class FunctionPointer(Expression):
    """`(: name, args… :)` and `(: efun::name, args… :)` (qualifier "efun", else None).

    The parser makes this whenever a functional is a lone (qualified) identifier, optionally followed by
    bound arguments; resolve decides whether it names a function or a variable.
    """

    name: str
    qualifier: str | None
    args: tuple[Expression, ...]
    name_at: Position


@node
class AnonymousFunction(Expression):
    """`function (type a, …) { … }`"""

    parameters: tuple[ParameterDeclaration, ...]
    body: Block


@node
class Catch(Expression):
    """`catch(expression)` / `catch { … }`: 0, the error text, or the thrown value."""

    body: Expression | Block


@node
class TimeExpression(Expression):
    """`time_expression(e)` / `{ … }`: microseconds taken."""

    body: Expression | Block


@node
class Sscanf(Expression):
    """`sscanf(text, format, lvalues…)`"""

    text: Expression
    format: Expression
    targets: tuple[Expression, ...]


@node
class ParseCommand(Expression):
    """`parse_command(text, environment, pattern, lvalues…)`"""

    text: Expression
    environment: Expression
    pattern: Expression
    targets: tuple[Expression, ...]


# ------------------------------------------------------------------------------------------- statements


class Statement(Node):
    """Does something."""

    __slots__ = ()


@node
class Block(Statement):
    statements: tuple[Statement, ...]


@node
class ExpressionStatement(Statement):
    value: Expression


@node
class Empty(Statement):
    """A lone `;`, and what stands in for a statement that did not parse."""


@node
class Declarator(Node):
    """One name of a declaration list, with its own star folded into `type`."""

    name: str
    type: Type
    value: Expression | None
    name_at: Position


@node
class LocalDeclaration(Statement):
    """`type a, *b = value;` inside a block."""

    declarators: tuple[Declarator, ...]


@node
class If(Statement):
    condition: Expression
    then: Statement
    otherwise: Statement | None


@node
class While(Statement):
    condition: Expression
    body: Statement


@node
class DoWhile(Statement):
    body: Statement
    condition: Expression


@node
class For(Statement):
    """`first` is a declaration (one declarator), an expression, or None; the others may be None."""

    first: LocalDeclaration | Expression | None
    condition: Expression | None
    step: Expression | None
    body: Statement


@node
class ForeachVariable(Node):
    """A loop variable: declared here (type given) or existing (type None); `ref` writes through."""

    name: str
    type: Type | None
    ref: bool


@node
class Foreach(Statement):
    variables: tuple[ForeachVariable, ...]
    value: Expression
    body: Statement


@node
class CaseLabel(Statement):
    """`case low:` / `case low..high:` (either end may be open: None with `is_range`)."""

    low: Expression | None
    high: Expression | None
    is_range: bool


@node
class DefaultLabel(Statement):
    """`default:`"""


@node
class Switch(Statement):
    """The body keeps labels and statements in source order."""

    subject: Expression
    body: tuple[Statement, ...]


@node
class Return(Statement):
    value: Expression | None


@node
class Break(Statement):
    """`break;`"""


@node
class Continue(Statement):
    """`continue;`"""


# ----------------------------------------------------------------------------------------- declarations


class Declaration(Node):
    """Something at file level."""

    __slots__ = ()


@node
class ParameterDeclaration(Node):
    """One parameter: `type [ref] [*] [name] [: (: default :)]`, or an untyped name (type UNKNOWN)."""

    name: str | None
    type: Type
    ref: bool
    default: Expression | None


@node
class FunctionDeclaration(Declaration):
    """A definition (`body`), or a prototype (body None). `type` is None where none was written."""

    modifiers: tuple[str, ...]
    type: Type | None
    name: str
    parameters: tuple[ParameterDeclaration, ...]
    rest: bool
    body: Block | None
    name_at: Position


@node
class GlobalDeclaration(Declaration):
    """`modifiers type a, *b = value;` (type None where none was written)."""

    modifiers: tuple[str, ...]
    type: Type | None
    declarators: tuple[Declarator, ...]


@node
class Inherit(Declaration):
    modifiers: tuple[str, ...]
    path: Expression


@node
class ClassMember(Node):
    name: str
    type: Type


@node
class ClassDeclaration(Declaration):
    modifiers: tuple[str, ...]
    name: str
    members: tuple[ClassMember, ...]
    name_at: Position


@node
class DefaultModifiers(Declaration):
    """`private:` and the like: holds for what follows."""

    modifiers: tuple[str, ...]


@node
class TopLevelStatement(Declaration):
    """A statement at file level, in script mode only: part of the script's body."""

    statement: Statement


@node
class ProgramNode(Node):
    """A whole file, in source order. `pragmas` are the words in force at its end."""

    declarations: tuple[Declaration, ...]
    pragmas: frozenset[str]
