"""Actions for expressions: see actions.py for the rules they follow."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from lpc.diagnostics import Diagnostics
from lpc.source import Position
from lpc.syntax import nodes
from lpc.syntax.nodes import Expression
from lpc.syntax.tokens import Token

#: How tightly each binary operator binds; all of them associate to the left.
PRECEDENCE: Final = {
    spelling: level
    for level, spellings in enumerate(
        ("??", "||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"), start=1
    )
    for spelling in spellings.split()
}
_LOGICAL: Final = frozenset(("??", "||", "&&"))

Items = list[Expression]

#: How many values may wait on the parser's stack: parentheses leave no trace in the tree, whose depth is limited.
MAX_WAITING: Final = 2000


class Parameters(NamedTuple):
    """A parameter list; `rest` is the `...` after the last one."""

    items: list[nodes.ParameterDeclaration]
    rest: Token | None


class Bound(NamedTuple):
    """One end of a range."""

    value: Expression
    from_end: bool


class ParameterScope:
    """What `$n` means inside `(: … :)`, `$( … )` or `function (…) { … }`.

    `holder` is the functional (or anonymous function) whose parameters `$n` names here; inside `$( … )`
    that is the one *around* the functional, as the value is computed when the functional is made.
    """

    __slots__ = ("opener", "outer", "holder", "anonymous", "highest", "first")

    def __init__(self, opener: Token, outer: ParameterScope | None, *, anonymous: bool = False,
                 capture: bool = False) -> None:
        self.opener = opener
        self.outer = outer
        self.anonymous = anonymous
        self.highest = 0
        self.first: Token | None = None
        self.holder: ParameterScope | None = self
        if capture:
            inner = outer.holder if outer is not None else None
            self.holder = inner.outer.holder if inner is not None and inner.outer is not None else None

    @property
    def start(self) -> Position:
        """Where it was opened."""
        return self.opener.start

    def use(self, token: Token, index: int) -> None:
        """Note that `$index` occurs."""
        if not self.highest:
            self.first = token
        self.highest = max(self.highest, index)


class ExpressionActions:
    """Makes expression nodes; `scope` is the innermost ParameterScope open, `values` the machine's stack."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.scope: ParameterScope | None = None
        self.values: list[Any] = [[]]
        self._reported_depth = False

    def error(self, code: str, message: str, at: nodes.Node | Token, *, hint: str | None = None) -> None:
        """Report an error on a node or token."""
        self.diagnostics.error(code, message, at.start, at.end, hint=hint)

    # -------------------------------------------------------------------------------------- operators

    @staticmethod
    def comma(items: Items) -> nodes.Comma:
        """`a, b`"""
        return nodes.Comma(items[0].start, items[-1].end, tuple(items))

    @staticmethod
    def conditional(condition: Expression, _question: Token, then: Expression, _colon: Token,
                    otherwise: Expression) -> nodes.Conditional:
        """`condition ? then : otherwise`"""
        return nodes.Conditional(condition.start, otherwise.end, condition, then, otherwise)

    @staticmethod
    def operators_first(left: Expression, operator: Token, right: Expression) -> list[Any]:
        """The start of a chain: operands and operators by turns."""
        return [left, operator, right]

    @staticmethod
    def operators_next(chain: list[Any], operator: Token, right: Expression) -> list[Any]:
        """`… operator right`"""
        chain += (operator, right)
        return chain

    @staticmethod
    def operators_of_two(left: Expression, operator: Token, right: Expression) -> Expression:
        """`left operator target = value`"""
        return _binary(left, operator, right)

    def operators_last(self, chain: list[Any], operator: Token, right: Expression) -> Expression:
        """`… operator target = value`"""
        chain += (operator, right)
        return self.operators(chain)

    @staticmethod
    def operators(chain: list[Any]) -> Expression:
        """A whole chain, by precedence."""
        if len(chain) == 3:
            return _binary(*chain)
        operands = [chain[0]]
        pending: list[Token] = []
        for index in range(1, len(chain), 2):
            operator = chain[index]
            level = PRECEDENCE[operator.value]
            while pending and PRECEDENCE[pending[-1].value] >= level:
                right = operands.pop()
                operands[-1] = _binary(operands[-1], pending.pop(), right)
            pending.append(operator)
            operands.append(chain[index + 1])
        while pending:
            right = operands.pop()
            operands[-1] = _binary(operands[-1], pending.pop(), right)
        result: Expression = operands[0]
        return result

    def assign(self, target: Expression, operator: Token, value: Expression) -> nodes.Assign:
        """`target = value`, `target += value`"""
        self._check_target(target)
        return nodes.Assign(target.start, value.end, operator.value, target, value, operator.start)

    @staticmethod
    def unary(operator: Token, operand: Expression) -> Expression:
        """`!x`; the minus of a number is part of it."""
        kind = type(operand)
        if operator.value == "-" and (kind is nodes.IntLiteral or kind is nodes.FloatLiteral):
            return kind(operator.start, operand.end, -operand.value)  # type: ignore[attr-defined]  # narrowed by kind
        return nodes.Unary(operator.start, operand.end, operator.value, operand)

    @staticmethod
    def cast_type(opener: Token, type: Token, _close: Token) -> Token:
        """`(type)`"""
        return Token("TYPE", type.value, opener.start, _close.end)

    @staticmethod
    def cast_array_type(opener: Token, type: Token, _star: Token, close: Token) -> Token:
        """`(type *)`"""
        return Token("TYPE", type.value.array_of(), opener.start, close.end)

    @staticmethod
    def cast(type: Token, value: Expression) -> nodes.Cast:
        """`(type) value`"""
        return nodes.Cast(type.start, value.end, type.value, value)

    def prefix_increment(self, operator: Token, target: Expression) -> nodes.Increment:
        """`++target`"""
        self._check_target(target)
        return nodes.Increment(operator.start, target.end, operator.value, target, True)

    def postfix_increment(self, target: Expression, operator: Token) -> nodes.Increment:
        """`target++`"""
        self._check_target(target)
        return nodes.Increment(target.start, operator.end, operator.value, target, False)

    def _check_target(self, target: Expression) -> None:
        """Report what cannot be assigned to. An index needs a target below it (or an assignment, whose value is
        one); a range may only be outermost."""
        part = target
        outermost = True
        while True:
            kind = type(part)
            if kind is nodes.Name or kind is nodes.Parameter or kind is nodes.Captured:
                return
            if isinstance(part, nodes.Member) and part.operator != "?.":
                return
            if isinstance(part, nodes.Assign) and not outermost:
                return
            if isinstance(part, nodes.Range) and not outermost:
                which = "indexed" if isinstance(target, nodes.Index) else "range"
                self.error("LPC2008", f"Can't do {which} lvalue of range lvalue.", target)
                return
            if isinstance(part, nodes.Range) or isinstance(part, nodes.Index) and not part.optional:
                part = part.base
                outermost = False
                continue
            self.error("LPC2008", "Illegal lvalue", target)
            return

    # --------------------------------------------------------------------------------------- literals

    @staticmethod
    def integer(token: Token) -> nodes.IntLiteral:
        """`123`"""
        return nodes.IntLiteral(token.start, token.end, token.value)

    @staticmethod
    def float_literal(token: Token) -> nodes.FloatLiteral:
        """`1.5`"""
        return nodes.FloatLiteral(token.start, token.end, token.value)

    @staticmethod
    def string(token: Token) -> nodes.StringLiteral:
        """`"text"`"""
        return nodes.StringLiteral(token.start, token.end, token.value)

    @staticmethod
    def text(pieces: Items) -> Expression:
        """Adjacent strings and templates."""
        parts: Items = []
        for piece in pieces:
            parts += piece.parts if isinstance(piece, nodes.Template) else (piece,)
        return _joined(pieces[0].start, pieces[-1].end, parts)

    @staticmethod
    def template(texts: list[Any], end: Token) -> Expression:
        """`` `text${expression}text` ``"""
        parts: Items = []
        for part in (*texts, end):
            if isinstance(part, Token):
                part = nodes.StringLiteral(part.start, part.end, part.value)
            parts.append(part)
        return nodes.Template(texts[0].start, end.end, tuple(part for part in parts if not _is_empty_text(part)))

    @staticmethod
    def template_next(texts: list[Any], middle: Token, value: Expression) -> list[Any]:
        """`}text${expression`"""
        texts += (middle, value)
        return texts

    @staticmethod
    def array(opener: Token, _brace: Token, items: Items, _end: Token, close: Token) -> nodes.ArrayLiteral:
        """`({ items })`"""
        return nodes.ArrayLiteral(opener.start, close.end, tuple(items))

    @staticmethod
    def mapping(opener: Token, _bracket: Token, pairs: list[tuple[Expression, Expression]], _end: Token,
                close: Token) -> nodes.MappingLiteral:
        """`([ key: value ])`"""
        return nodes.MappingLiteral(opener.start, close.end, tuple(pairs))

    @staticmethod
    def pair(key: Expression, _colon: Token, value: Expression) -> tuple[Expression, Expression]:
        """`key: value`"""
        return key, value

    @staticmethod
    def spread(value: Expression, ellipsis: Token) -> nodes.Spread:
        """`value...`"""
        return nodes.Spread(value.start, ellipsis.end, value)

    def reference_argument(self, reference: Token, target: Expression) -> nodes.RefArgument:
        """`ref target`, `&target`"""
        self._check_target(target)
        return nodes.RefArgument(reference.start, target.end, target)

    # ---------------------------------------------------------------------------------------- primaries

    @staticmethod
    def name(token: Token) -> nodes.Name:
        """`name`"""
        return nodes.Name(token.start, token.end, token.value)

    def parenthesized(self, opener: Token, value: Expression, close: Token) -> Expression:
        """`( value )`: the node takes the parentheses in, so that a range over it shows them (a name needs none)."""
        if len(self.values) > MAX_WAITING and not self._reported_depth:
            self._reported_depth = True
            self.error("LPC2009", "Expression nested too deeply", opener)
        if type(value) is not nodes.Name:
            # Nobody else has seen the node yet: its making ends here.
            object.__setattr__(value, "start", opener.start)
            object.__setattr__(value, "end", close.end)
        return value

    @staticmethod
    def call(name: Token, _open: Token, args: Items, close: Token) -> nodes.Call:
        """`name(args)`"""
        return nodes.Call(name.start, close.end, name.value, None, tuple(args), name.start)

    @staticmethod
    def call_inherited(scope: Token, name: Token, _open: Token, args: Items, close: Token) -> nodes.Call:
        """`::name(args)`"""
        return nodes.Call(scope.start, close.end, name.value, "", tuple(args), name.start)

    @staticmethod
    def call_qualified(qualifier: Token, _scope: Token, name: Token, _open: Token, args: Items,
                       close: Token) -> nodes.Call:
        """`qualifier::name(args)`"""
        return nodes.Call(qualifier.start, close.end, name.value, qualifier.value, tuple(args), name.start)

    @staticmethod
    def call_pointer(opener: Token, _star: Token, function: Expression, _end: Token, _open: Token, args: Items,
                     close: Token) -> nodes.CallValue:
        """`(*function)(args)`"""
        return nodes.CallValue(opener.start, close.end, function, tuple(args))

    @staticmethod
    def call_indexed(function: Expression, _open: Token, args: Items, close: Token) -> nodes.CallValue:
        """`base[key](args)`"""
        return nodes.CallValue(function.start, close.end, function, tuple(args))

    @staticmethod
    def call_other(base: Expression, _arrow: Token, name: Token, _open: Token, args: Items,
                   close: Token) -> nodes.CallOther:
        """`base->name(args)`"""
        return nodes.CallOther(base.start, close.end, base, name.value, tuple(args), name.start)

    @staticmethod
    def member(base: Expression, operator: Token, name: Token) -> nodes.Member:
        """`base->name`, `base.name`, `base?.name`"""
        return nodes.Member(base.start, name.end, base, operator.value, name.value, name.start)

    @staticmethod
    def index(base: Expression, _open: Token, key: Expression, close: Token) -> nodes.Index:
        """`base[key]`"""
        return nodes.Index(base.start, close.end, base, key, False, False)

    @staticmethod
    def index_from_end(base: Expression, _open: Token, _less: Token, key: Expression, close: Token) -> nodes.Index:
        """`base[<key]`"""
        return nodes.Index(base.start, close.end, base, key, True, False)

    @staticmethod
    def optional_index(base: Expression, _dot: Token, _open: Token, key: Expression, close: Token) -> nodes.Index:
        """`base?.[key]`, `base.?[key]`"""
        return nodes.Index(base.start, close.end, base, key, False, True)

    @staticmethod
    def bound(value: Expression) -> Bound:
        """`value` as an end of a range."""
        return Bound(value, False)

    @staticmethod
    def bound_from_end(_less: Token, value: Expression) -> Bound:
        """`<value`"""
        return Bound(value, True)

    @staticmethod
    def range(base: Expression, _open: Token, first: Bound, _range: Token, last: Bound, close: Token) -> nodes.Range:
        """`base[first..last]`"""
        return nodes.Range(base.start, close.end, base, first.value, first.from_end, last.value, last.from_end)

    @staticmethod
    def range_from(base: Expression, _open: Token, first: Bound, _range: Token, close: Token) -> nodes.Range:
        """`base[first..]`"""
        return nodes.Range(base.start, close.end, base, first.value, first.from_end, None, False)

    def range_to(self, base: Expression, opener: Token, dots: Token, last: Bound, close: Token) -> nodes.Range:
        """`base[..<last]` starts at 0; without the `<` there is no such form."""
        if not last.from_end:
            self.error("LPC2014", "a range needs its start: write '[0..'", dots)
        first = nodes.IntLiteral(opener.end, opener.end, 0)
        return nodes.Range(base.start, close.end, base, first, False, last.value, last.from_end)

    def new_object(self, keyword: Token, _open: Token, args: Items, close: Token) -> nodes.New:
        """`new(path, args)`"""
        if not args:
            self.error("LPC2019", "Too few arguments to 'new'.", keyword)
        return nodes.New(keyword.start, close.end, tuple(args))

    @staticmethod
    def new_empty_class(keyword: Token, _open: Token, _class: Token, name: Token, close: Token) -> nodes.NewClass:
        """`new(class name)`"""
        return nodes.NewClass(keyword.start, close.end, name.value, ())

    @staticmethod
    def new_class(keyword: Token, _open: Token, _class: Token, name: Token, _comma: Token,
                  members: list[tuple[str, Expression]], close: Token) -> nodes.NewClass:
        """`new(class name, member: value)`"""
        return nodes.NewClass(keyword.start, close.end, name.value, tuple(members))

    @staticmethod
    def class_value(name: Token, _colon: Token, value: Expression) -> tuple[str, Expression]:
        """`member: value`"""
        return name.value, value

    @staticmethod
    def catch_value(keyword: Token, _open: Token, value: Expression, close: Token) -> nodes.Catch:
        """`catch(value)`"""
        return nodes.Catch(keyword.start, close.end, value)

    @staticmethod
    def catch_block(keyword: Token, body: nodes.Block) -> nodes.Catch:
        """`catch { … }`"""
        return nodes.Catch(keyword.start, body.end, body)

    @staticmethod
    def time_value(keyword: Token, _open: Token, value: Expression, close: Token) -> nodes.TimeExpression:
        """`time_expression(value)`"""
        return nodes.TimeExpression(keyword.start, close.end, value)

    @staticmethod
    def time_block(keyword: Token, body: nodes.Block) -> nodes.TimeExpression:
        """`time_expression { … }`"""
        return nodes.TimeExpression(keyword.start, body.end, body)

    def sscanf(self, keyword: Token, _open: Token, args: Items, close: Token) -> nodes.Sscanf:
        """`sscanf(text, format, targets)`"""
        text, form, *targets = self._scan_arguments(keyword, args, 2)
        return nodes.Sscanf(keyword.start, close.end, text, form, tuple(targets))

    def parse_command(self, keyword: Token, _open: Token, args: Items, close: Token) -> nodes.ParseCommand:
        """`parse_command(text, environment, pattern, targets)`"""
        text, environment, pattern, *targets = self._scan_arguments(keyword, args, 3)
        return nodes.ParseCommand(keyword.start, close.end, text, environment, pattern, tuple(targets))

    def _scan_arguments(self, keyword: Token, args: Items, values: int) -> Items:
        """At least `values` arguments (invented where missing), then targets."""
        if len(args) < values:
            self.error("LPC2019", f"Too few arguments to '{keyword.value}'.", keyword)
            return args + [nodes.IntLiteral(keyword.start, keyword.end, 0)] * (values - len(args))
        for argument in args[:values]:
            if isinstance(argument, nodes.Spread):
                self.error("LPC2014", f"'...' cannot be used in '{keyword.value}'", argument)
        for target in args[values:]:
            self._check_target(target)
        return args

    # -------------------------------------------------------------------------------- function values

    def parameter_value(self, token: Token) -> nodes.Parameter:
        """`$n`"""
        self._use_parameter(token, token.value)
        return nodes.Parameter(token.start, token.end, token.value)

    def _use_parameter(self, token: Token, index: int) -> None:
        holder = self.scope.holder if self.scope is not None else None
        if holder is None:
            self.error("LPC2015", "$var illegal outside of function pointer.", token)
        elif holder.anonymous:
            self.error("LPC2015", "$var illegal inside anonymous function pointer.", token)
        else:
            holder.use(token, index)

    def functional_open(self, opener: Token) -> ParameterScope:
        """`(:`"""
        self.scope = ParameterScope(opener, self.scope)
        return self.scope

    def capture_open(self, dollar: Token, _open: Token) -> ParameterScope:
        """`$(`"""
        holder = self.scope.holder if self.scope is not None else None
        if holder is None or holder.anonymous:
            self.error("LPC2015", "$var illegal outside of function pointer.", dollar)
        self.scope = ParameterScope(dollar, self.scope, capture=True)
        return self.scope

    def function_open(self, keyword: Token, _open: Token, parameters: Parameters,
                      _close: Token) -> tuple[ParameterScope, Parameters]:
        """`function (parameters)`"""
        if parameters.rest is not None:
            self.error("LPC2014", "an anonymous function cannot take '...'", parameters.rest)
        self.scope = ParameterScope(keyword, self.scope, anonymous=True)
        return self.scope, parameters

    def captured(self, scope: ParameterScope, value: Expression, close: Token) -> nodes.Captured:
        """`$( value )`"""
        self.scope = scope.outer
        return nodes.Captured(scope.start, close.end, value)

    def functional(self, scope: ParameterScope, body: Expression, _colon: Token, close: Token) -> nodes.Functional:
        """`(: body :)`"""
        self.scope = scope.outer
        return nodes.Functional(scope.start, close.end, body, scope.highest)

    def function_pointer(self, scope: ParameterScope, name: Token, _colon: Token,
                         close: Token) -> nodes.FunctionPointer:
        """`(: name :)`"""
        return self._pointer(scope, name, None, [], close)

    def function_pointer_bound(self, scope: ParameterScope, name: Token, _comma: Token, args: Items, _colon: Token,
                               close: Token) -> nodes.FunctionPointer:
        """`(: name, args :)`"""
        return self._pointer(scope, name, None, args, close)

    def efun_pointer(self, scope: ParameterScope, qualifier: Token, _scope: Token, name: Token, _colon: Token,
                     close: Token) -> nodes.FunctionPointer:
        """`(: efun::name :)`"""
        return self._pointer(scope, name, qualifier.value, [], close)

    def efun_pointer_bound(self, scope: ParameterScope, qualifier: Token, _scope: Token, name: Token, _comma: Token,
                           args: Items, _colon: Token, close: Token) -> nodes.FunctionPointer:
        """`(: efun::name, args :)`"""
        return self._pointer(scope, name, qualifier.value, args, close)

    def _pointer(self, scope: ParameterScope, name: Token, qualifier: str | None, args: Items,
                 close: Token) -> nodes.FunctionPointer:
        """A pointer has no parameters of its own: `$n` in a bound argument is the surrounding functional's."""
        self.scope = scope.outer
        if scope.first is not None:
            self._use_parameter(scope.first, scope.highest)
        return nodes.FunctionPointer(scope.start, close.end, name.value, qualifier, tuple(args), name.start)

    def anonymous_function(self, opened: tuple[ParameterScope, Parameters],
                           body: nodes.Block) -> nodes.AnonymousFunction:
        """`function (parameters) { … }`"""
        scope, parameters = opened
        self.scope = scope.outer
        return nodes.AnonymousFunction(scope.start, body.end, tuple(parameters.items), body)


def _binary(left: Expression, operator: Token, right: Expression) -> Expression:
    spelling = operator.value
    if spelling in _LOGICAL:
        return nodes.Logical(left.start, right.end, spelling, left, right)
    return nodes.Binary(left.start, right.end, spelling, left, right, operator.start)


def _is_empty_text(part: Expression) -> bool:
    return isinstance(part, nodes.StringLiteral) and not part.value


def _joined(start: Position, end: Position, parts: Items) -> Expression:
    """Parts of a text as one node, with neighbouring strings as one."""
    merged: Items = []
    run: list[nodes.StringLiteral] = []
    for part in (*parts, None):
        if isinstance(part, nodes.StringLiteral):
            run.append(part)
            continue
        if run:
            merged.append(nodes.StringLiteral(run[0].start, run[-1].end, "".join([item.value for item in run])))
            run = []
        if part is not None:
            merged.append(part)
    if len(merged) == 1 and isinstance(merged[0], nodes.StringLiteral):
        return nodes.StringLiteral(start, end, merged[0].value)
    return nodes.Template(start, end, tuple(merged))


def constant_string(value: Expression) -> str | None:
    """The text of a constant string expression (literals and `+`), else None."""
    texts: list[str] = []
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, nodes.StringLiteral):
            texts.append(part.value)
        elif isinstance(part, nodes.Binary) and part.operator == "+":
            pending += (part.right, part.left)
        else:
            return None
    return "".join(texts)
