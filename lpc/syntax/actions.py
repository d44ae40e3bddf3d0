"""What each alternative of grammar.lark means: its action gets the alternative's values, makes the node.

Rules: an action is named in the grammar after `->` and takes one argument per symbol, tokens included; a
list value grows in place (its alternative is left-recursive) and becomes a tuple in the node that owns it;
a node starts where its first token starts and ends where its last one ends. Actions never recurse, so that
nesting costs no Python stack here.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

from lpc.source import Position
from lpc.syntax import nodes
from lpc.syntax.expression_actions import ExpressionActions, Parameters, constant_string
from lpc.syntax.nodes import Expression, Statement
from lpc.syntax.tokens import Token
from lpc.types import BASE_TYPES, UNKNOWN, VOID, Type, class_type

_T = TypeVar("_T")

class Declared(NamedTuple):
    """A declarator before its list's type is known."""

    start: Position
    name: Token
    array: bool
    value: Expression | None


class FunctionHead(NamedTuple):
    """Everything of a function before its body."""

    start: Position
    modifiers: tuple[str, ...]
    type: Type | None
    name: Token
    parameters: Parameters
    close: Token


class ParameterType(NamedTuple):
    """`type [ref] [*]` of a parameter or a foreach variable."""

    start: Position
    type: Type
    ref: bool
    end: Position


class Actions(ExpressionActions):
    """The actions of one parse, but for those that add an item to the program (parser.py)."""

    # ------------------------------------------------------------------------------------------ lists

    @staticmethod
    def nothing() -> None:
        """An absent optional part."""

    @staticmethod
    def list_empty() -> list[Any]:
        """An empty list."""
        return []

    @staticmethod
    def list_first(item: _T) -> list[_T]:
        """`item`"""
        return [item]

    @staticmethod
    def list_two(first: _T, second: _T) -> list[_T]:
        """`item item`"""
        return [first, second]

    @staticmethod
    def list_pair(first: _T, _comma: Token, second: _T) -> list[_T]:
        """`item, item`"""
        return [first, second]

    @staticmethod
    def list_add(items: list[_T], item: _T) -> list[_T]:
        """`… item`"""
        items.append(item)
        return items

    @staticmethod
    def list_next(items: list[_T], _comma: Token, item: _T) -> list[_T]:
        """`…, item`"""
        items.append(item)
        return items

    @staticmethod
    def list_trailing(items: list[_T], _comma: Token) -> list[_T]:
        """`…,`"""
        return items

    # ------------------------------------------------------------------------------------- file level

    @staticmethod
    def program_empty() -> list[nodes.Declaration]:
        """The start of a file."""
        return []

    def extra_semicolon(self, semicolon: Token) -> None:
        """`;` between definitions."""
        self.diagnostics.warning("LPC5201", "Extra ';'. Ignored.", semicolon.start, semicolon.end)

    def default_modifiers(self, modifiers: list[Token], colon: Token) -> nodes.DefaultModifiers | None:
        """`private:`"""
        if not modifiers:
            self.error("LPC2001", "modifier list may not be empty.", colon)
            return None
        return nodes.DefaultModifiers(modifiers[0].start, colon.end, _words(modifiers))

    def inherit(self, modifiers: list[Token], keyword: Token, path: Expression, semicolon: Token) -> nodes.Inherit:
        """`inherit "path";`"""
        text = constant_string(path)
        if text is None:
            self.error("LPC2017", "the path of 'inherit' must be a constant string", path)
        else:
            path = nodes.StringLiteral(path.start, path.end, text)
        return nodes.Inherit(_start(modifiers, keyword.start), semicolon.end, _words(modifiers), path)

    @staticmethod
    def class_declaration(modifiers: list[Token], keyword: Token, name: Token, _open: Token,
                          members: list[nodes.ClassMember], close: Token) -> nodes.ClassDeclaration:
        """`class name { members }`"""
        return nodes.ClassDeclaration(_start(modifiers, keyword.start), close.end, _words(modifiers), name.value,
                                      tuple(members), name.start)

    @staticmethod
    def members_add(members: list[nodes.ClassMember], type: Token, names: list[Declared],
                    _semicolon: Token) -> list[nodes.ClassMember]:
        """`type a, *b;` in a class."""
        members += [nodes.ClassMember(item.start, item.name.end, item.name.value, _type_of(item, type.value))
                    for item in names]
        return members

    @staticmethod
    def basic_type(word: Token) -> Token:
        """`int`: the token with the Type as its value."""
        return Token("TYPE", BASE_TYPES[word.value], word.start, word.end)

    @staticmethod
    def class_type(keyword: Token, name: Token) -> Token:
        """`class name`"""
        return Token("TYPE", class_type(name.value), keyword.start, name.end)

    @staticmethod
    def untyped_global(modifiers: list[Token], declared: list[Declared], semicolon: Token) -> nodes.GlobalDeclaration:
        """`nosave a, *b = value;`"""
        return nodes.GlobalDeclaration(_start(modifiers, declared[0].start), semicolon.end, _words(modifiers), None,
                                       _declarators(declared, UNKNOWN))

    @staticmethod
    def typed_global(modifiers: list[Token], type: Token, declared: list[Declared],
                     semicolon: Token) -> nodes.GlobalDeclaration:
        """`nosave int a, *b = value;`"""
        return nodes.GlobalDeclaration(_start(modifiers, type.start), semicolon.end, _words(modifiers), type.value,
                                       _declarators(declared, type.value))

    @staticmethod
    def declarator(name: Token) -> Declared:
        """`name`"""
        return Declared(name.start, name, False, None)

    @staticmethod
    def array_declarator(star: Token, name: Token) -> Declared:
        """`*name`"""
        return Declared(star.start, name, True, None)

    @staticmethod
    def declarator_value(name: Token, _assign: Token, value: Expression) -> Declared:
        """`name = value`"""
        return Declared(name.start, name, False, value)

    @staticmethod
    def array_declarator_value(star: Token, name: Token, _assign: Token, value: Expression) -> Declared:
        """`*name = value`"""
        return Declared(star.start, name, True, value)

    # -------------------------------------------------------------------------------------- functions

    @staticmethod
    def untyped_function_head(modifiers: list[Token], name: Token, _open: Token, parameters: Parameters,
                              close: Token) -> FunctionHead:
        """`name(parameters)`"""
        return FunctionHead(_start(modifiers, name.start), _words(modifiers), None, name, parameters, close)

    @staticmethod
    def untyped_array_function_head(modifiers: list[Token], star: Token, name: Token, _open: Token,
                                    parameters: Parameters, close: Token) -> FunctionHead:
        """`*name(parameters)`"""
        return FunctionHead(_start(modifiers, star.start), _words(modifiers), UNKNOWN.array_of(), name, parameters,
                            close)

    @staticmethod
    def function_head(modifiers: list[Token], type: Token, name: Token, _open: Token, parameters: Parameters,
                      close: Token) -> FunctionHead:
        """`type name(parameters)`"""
        return FunctionHead(_start(modifiers, type.start), _words(modifiers), type.value, name, parameters, close)

    @staticmethod
    def array_function_head(modifiers: list[Token], type: Token, _star: Token, name: Token, _open: Token,
                            parameters: Parameters, close: Token) -> FunctionHead:
        """`type *name(parameters)`"""
        return FunctionHead(_start(modifiers, type.start), _words(modifiers), type.value.array_of(), name, parameters,
                            close)

    def function_definition(self, head: FunctionHead, body: nodes.Block) -> nodes.FunctionDeclaration:
        """`head { … }`"""
        for parameter in head.parameters.items:
            if parameter.ref and parameter.name is None:
                self.error("LPC2018", "'ref' is a reserved word: it cannot name a parameter", parameter)
        return self._function(head, body, body.end)

    def function_prototype(self, head: FunctionHead, semicolon: Token) -> nodes.FunctionDeclaration:
        """`head;`"""
        return self._function(head, None, semicolon.end)

    @staticmethod
    def _function(head: FunctionHead, body: nodes.Block | None, end: Position) -> nodes.FunctionDeclaration:
        return nodes.FunctionDeclaration(head.start, end, head.modifiers, head.type, head.name.value,
                                         tuple(head.parameters.items), head.parameters.rest is not None, body,
                                         head.name.start)

    @staticmethod
    def parameters_none() -> Parameters:
        """`()`"""
        return Parameters([], None)

    @staticmethod
    def parameters_fixed(items: list[nodes.ParameterDeclaration]) -> Parameters:
        """`(a, b)`; `(void)` is `()`."""
        if len(items) == 1 and items[0].type == VOID and items[0].name is None:
            return Parameters([], None)
        return Parameters(items, None)

    @staticmethod
    def parameters_rest(items: list[nodes.ParameterDeclaration], ellipsis: Token) -> Parameters:
        """`(a, b...)`"""
        return Parameters(items, ellipsis)

    @staticmethod
    def parameter_type(type: Token) -> ParameterType:
        """`type`"""
        return ParameterType(type.start, type.value, False, type.end)

    @staticmethod
    def parameter_array_type(type: Token, star: Token) -> ParameterType:
        """`type *`"""
        return ParameterType(type.start, type.value.array_of(), False, star.end)

    @staticmethod
    def parameter_reference_type(type: Token, reference: Token) -> ParameterType:
        """`type ref`"""
        return ParameterType(type.start, type.value, True, reference.end)

    @staticmethod
    def parameter_reference_array_type(type: Token, _reference: Token, star: Token) -> ParameterType:
        """`type ref *`"""
        return ParameterType(type.start, type.value.array_of(), True, star.end)

    @staticmethod
    def untyped_parameter(name: Token) -> nodes.ParameterDeclaration:
        """`name`"""
        return nodes.ParameterDeclaration(name.start, name.end, name.value, UNKNOWN, False, None)

    def untyped_parameter_default(self, name: Token, _colon: Token,
                                  default: Expression) -> nodes.ParameterDeclaration:
        """`name : (: default :)`"""
        return nodes.ParameterDeclaration(name.start, default.end, name.value, UNKNOWN, False, self._default(default))

    @staticmethod
    def unnamed_parameter(type: ParameterType) -> nodes.ParameterDeclaration:
        """`type ref *`"""
        return nodes.ParameterDeclaration(type.start, type.end, None, type.type, type.ref, None)

    @staticmethod
    def parameter(type: ParameterType, name: Token) -> nodes.ParameterDeclaration:
        """`type ref *name`"""
        return nodes.ParameterDeclaration(type.start, name.end, name.value, type.type, type.ref, None)

    def unnamed_parameter_default(self, type: ParameterType, _colon: Token,
                                  default: Expression) -> nodes.ParameterDeclaration:
        """`type : (: default :)`"""
        return nodes.ParameterDeclaration(type.start, default.end, None, type.type, type.ref, self._default(default))

    def parameter_default(self, type: ParameterType, name: Token, _colon: Token,
                          default: Expression) -> nodes.ParameterDeclaration:
        """`type name : (: default :)`"""
        return nodes.ParameterDeclaration(type.start, default.end, name.value, type.type, type.ref,
                                          self._default(default))

    def _default(self, default: Expression) -> Expression:
        """What a default is evaluated as: the functional's body. `(: name :)` is the value of that variable, or a
        pointer to that function."""
        if isinstance(default, nodes.FunctionPointer) and default.qualifier is None and not default.args:
            return nodes.Name(default.name_at, default.name_at + len(default.name), default.name)
        if isinstance(default, nodes.FunctionPointer):
            return nodes.Call(default.start, default.end, default.name, default.qualifier, default.args,
                              default.name_at)
        assert isinstance(default, nodes.Functional)
        if default.parameters:
            self.error("LPC2015", "$var illegal in the default of a parameter", default)
        return default.body

    # ------------------------------------------------------------------------------------- statements

    @staticmethod
    def block(opener: Token, statements: list[Statement], close: Token) -> nodes.Block:
        """`{ … }`"""
        return nodes.Block(opener.start, close.end, tuple(statements))

    @staticmethod
    def empty(semicolon: Token) -> nodes.Empty:
        """`;`"""
        return nodes.Empty(semicolon.start, semicolon.end)

    @staticmethod
    def expression_statement(value: Expression, semicolon: Token) -> nodes.ExpressionStatement:
        """`value;`"""
        return nodes.ExpressionStatement(value.start, semicolon.end, value)

    @staticmethod
    def local_declaration(type: Token, declared: list[Declared], semicolon: Token) -> nodes.LocalDeclaration:
        """`type a, *b = value;`"""
        return nodes.LocalDeclaration(type.start, semicolon.end, _declarators(declared, type.value))

    def _body(self, statement: Statement, owner: str) -> Statement:
        """The body of a control statement, which cannot be a declaration."""
        if isinstance(statement, nodes.LocalDeclaration):
            self.error("LPC2010", f"a declaration cannot be the body of '{owner}': put it in a block", statement)
            return nodes.Block(statement.start, statement.end, (statement,))
        return statement

    def if_then(self, keyword: Token, _open: Token, condition: Expression, _close: Token, then: Statement) -> nodes.If:
        """`if (condition) then`"""
        return nodes.If(keyword.start, then.end, condition, self._body(then, "if"), None)

    def if_else(self, keyword: Token, _open: Token, condition: Expression, _close: Token, then: Statement,
                _else: Token, otherwise: Statement) -> nodes.If:
        """`if (condition) then else otherwise`"""
        return nodes.If(keyword.start, otherwise.end, condition, self._body(then, "if"),
                        self._body(otherwise, "else"))

    def while_loop(self, keyword: Token, _open: Token, condition: Expression, _close: Token,
                   body: Statement) -> nodes.While:
        """`while (condition) body`"""
        return nodes.While(keyword.start, body.end, condition, self._body(body, "while"))

    def do_while(self, keyword: Token, body: Statement, _while: Token, _open: Token, condition: Expression,
                 _close: Token, semicolon: Token) -> nodes.DoWhile:
        """`do body while (condition);`"""
        return nodes.DoWhile(keyword.start, semicolon.end, self._body(body, "do"), condition)

    def for_loop(self, keyword: Token, _open: Token, first: nodes.LocalDeclaration | Expression | None,
                 _first: Token, condition: Expression | None, _second: Token, step: Expression | None,
                 _close: Token, body: Statement) -> nodes.For:
        """`for (first; condition; step) body`"""
        return nodes.For(keyword.start, body.end, first, condition, step, self._body(body, "for"))

    def for_declaration(self, type: Token, declared: list[Declared]) -> nodes.LocalDeclaration:
        """`type name = value` in a for loop's head."""
        first, *others = _declarators(declared, type.value)
        if others:
            self.error("LPC2016", "'for' declares one variable: declare the others before the loop", others[0])
        elif first.value is None:
            self.error("LPC2016", f"the loop variable '{first.name}' needs a value: '{first.name} = …'", first)
        return nodes.LocalDeclaration(type.start, (others[-1] if others else first).end, (first, *others))

    def foreach_loop(self, keyword: Token, _open: Token, variables: list[nodes.ForeachVariable], _in: Token,
                     value: Expression, _close: Token, body: Statement) -> nodes.Foreach:
        """`foreach (variables in value) body`"""
        if len(variables) > 2:
            self.error("LPC2016", "'foreach' has one variable, or two for a mapping", variables[2])
        return nodes.Foreach(keyword.start, body.end, tuple(variables), value, self._body(body, "foreach"))

    @staticmethod
    def foreach_name(name: Token) -> nodes.ForeachVariable:
        """`name` of an existing variable."""
        return nodes.ForeachVariable(name.start, name.end, name.value, None, False)

    @staticmethod
    def foreach_declared(type: ParameterType, name: Token) -> nodes.ForeachVariable:
        """`type ref *name`"""
        return nodes.ForeachVariable(type.start, name.end, name.value, type.type, type.ref)

    def switch(self, keyword: Token, _open: Token, subject: Expression, _close: Token, _begin: Token,
               body: list[Statement], end: Token) -> nodes.Switch:
        """`switch (subject) { … }`"""
        self._check_switch(body)
        return nodes.Switch(keyword.start, end.end, subject, tuple(body))

    def _check_switch(self, body: list[Statement]) -> None:
        """Declarations come first in a switch body, then a label."""
        labelled = False
        for statement in body:
            is_label = isinstance(statement, nodes.CaseLabel | nodes.DefaultLabel)
            if isinstance(statement, nodes.LocalDeclaration):
                if labelled:
                    self.error("LPC2011", "a declaration after a label of a switch needs a block", statement)
            elif not labelled and not is_label:
                self.error("LPC2011", "the body of a switch must begin with 'case' or 'default'", statement)
                return
            labelled = labelled or is_label

    @staticmethod
    def case_value(keyword: Token, value: Expression, colon: Token) -> nodes.CaseLabel:
        """`case value:`"""
        return nodes.CaseLabel(keyword.start, colon.end, value, None, False)

    @staticmethod
    def case_range(keyword: Token, low: Expression, _range: Token, high: Expression, colon: Token) -> nodes.CaseLabel:
        """`case low..high:`"""
        return nodes.CaseLabel(keyword.start, colon.end, low, high, True)

    @staticmethod
    def case_from(keyword: Token, low: Expression, _range: Token, colon: Token) -> nodes.CaseLabel:
        """`case low..:`"""
        return nodes.CaseLabel(keyword.start, colon.end, low, None, True)

    @staticmethod
    def case_to(keyword: Token, _range: Token, high: Expression, colon: Token) -> nodes.CaseLabel:
        """`case ..high:`"""
        return nodes.CaseLabel(keyword.start, colon.end, None, high, True)

    @staticmethod
    def default_label(keyword: Token, colon: Token) -> nodes.DefaultLabel:
        """`default:`"""
        return nodes.DefaultLabel(keyword.start, colon.end)

    @staticmethod
    def return_nothing(keyword: Token, semicolon: Token) -> nodes.Return:
        """`return;`"""
        return nodes.Return(keyword.start, semicolon.end, None)

    @staticmethod
    def return_value(keyword: Token, value: Expression, semicolon: Token) -> nodes.Return:
        """`return value;`"""
        return nodes.Return(keyword.start, semicolon.end, value)

    @staticmethod
    def break_loop(keyword: Token, semicolon: Token) -> nodes.Break:
        """`break;`"""
        return nodes.Break(keyword.start, semicolon.end)

    @staticmethod
    def continue_loop(keyword: Token, semicolon: Token) -> nodes.Continue:
        """`continue;`"""
        return nodes.Continue(keyword.start, semicolon.end)


def _words(modifiers: list[Token]) -> tuple[str, ...]:
    return tuple([token.value for token in modifiers])


def _start(modifiers: list[Token], otherwise: Position) -> Position:
    return modifiers[0].start if modifiers else otherwise


def _type_of(declared: Declared, base: Type) -> Type:
    return base.array_of() if declared.array else base


def _declarators(declared: list[Declared], base: Type) -> tuple[nodes.Declarator, ...]:
    return tuple([
        nodes.Declarator(start, name.end if value is None else value.end, name.value,
                         base.array_of() if array else base, value, name.start)
        for start, name, array, value in declared
    ])
