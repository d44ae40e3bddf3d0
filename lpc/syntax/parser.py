"""The parser: a file's tokens to its tree.

`parse` runs the LR machine over all tokens; at a mistake it asks recovery.py for a repair and goes on, so one
run reports every mistake of a file. It owns what the grammar cannot say: which items of a script are
statements, and how deep a tree may be.

    LPC2001 syntax error             LPC2008 not an lvalue              LPC2015 misplaced $n
    LPC2002 missing ';'              LPC2009 nested too deeply          LPC2016 for/foreach variables
    LPC2003 unclosed bracket         LPC2010 declaration as a body      LPC2017 inherit path not constant
    LPC2004 stray closing bracket    LPC2011 order in a switch body     LPC2018 reserved word as a name
    LPC2005 'else' without 'if'      LPC2012 label outside a switch     LPC2019 too few arguments
    LPC2006 not a modifier or type   LPC2013 C's arrays and stars       LPC2020 too many repairs
    LPC2007 statement at file level  LPC2014 a form LPC does not have   LPC5201 extra ';'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from lpc.diagnostics import Diagnostics
from lpc.syntax import nodes
from lpc.syntax.actions import Actions
from lpc.syntax.automaton import ACTION_NAMES, END, Machine
from lpc.syntax.nodes import Declaration, Statement
from lpc.syntax.recovery import Recovery
from lpc.syntax.shapes import is_definition
from lpc.syntax.tokens import Token
from lpc.syntax.walk import MAX_EXPRESSION_DEPTH, MAX_STATEMENT_DEPTH, find_too_deep

#: No tree is deeper than it has tokens: a definition of so many needs no look at its depth.
_SHORT: Final = min(MAX_EXPRESSION_DEPTH, MAX_STATEMENT_DEPTH)


def parse(tokens: Sequence[Token], diagnostics: Diagnostics, *, script: bool,
          pragmas: frozenset[str]) -> nodes.ProgramNode:
    """The tree of a file. Mistakes go to `diagnostics`; what could not be understood is left out of the tree.

    With `script`, statements may stand at file level; else they are mistakes.
    """
    declarations = Parser(tokens, diagnostics, script).parse()
    return nodes.ProgramNode(tokens[0].start if tokens else 0, tokens[-1].end if tokens else 0,
                             tuple(declarations), pragmas)


class Parser(Actions):
    """One parse: the actions, and the machine that calls them."""

    def __init__(self, tokens: Sequence[Token], diagnostics: Diagnostics, script: bool) -> None:
        super().__init__(diagnostics)
        self._script = script
        end = tokens[-1].end if tokens else 0
        self._machine = Machine([*tokens, Token(END, "", end, end + 1)], [getattr(self, name) for name in ACTION_NAMES],
                                self.values, stop_at_items=script)
        self._item_begin = 0

    def parse(self) -> list[Declaration]:
        """Run to the end."""
        machine = self._machine
        recovery = Recovery(machine, self)
        index = machine.run(0)
        while index is not None:
            if not (self._script and self._begin_item(index)):
                index = recovery.recover(index, self._item_begin)
            if machine.at_item:
                self._item_begin = index
            index = machine.run(index)
        declarations: list[Declaration] = self.values[0]
        return declarations

    def _begin_item(self, index: int) -> bool:
        """Whether token `index` begins an item of a script where one may begin; if so, the machine is ready for it."""
        machine = self._machine
        if not is_definition(machine.tokens, index):
            token = machine.tokens[index]
            mark = Token("TOPLEVEL", "", token.start, token.start)
            return machine.accepts("TOPLEVEL", token.type) and machine.feed(mark)
        if machine.stopped:
            machine.begin_definition()
            return True
        return False

    def program_definition(self, program: list[Declaration], definition: Declaration | None) -> list[Declaration]:
        """One more definition (None: nothing of use)."""
        begin, self._item_begin = self._item_begin, self._machine.index
        if definition is not None:
            if self._item_begin - begin > _SHORT and self._is_too_deep(definition):
                definition = _without_depth(definition)
            program.append(definition)
        return program

    def program_statement(self, program: list[Declaration], _mark: Token, statement: Statement) -> list[Declaration]:
        """One more statement; outside scripts recovery.py has reported it, and it has no place in the tree."""
        begin, self._item_begin = self._item_begin, self._machine.index
        if self._script and not (self._item_begin - begin > _SHORT and self._is_too_deep(statement)):
            program.append(nodes.TopLevelStatement(statement.start, statement.end, statement))
        return program

    def _is_too_deep(self, item: nodes.Node) -> bool:
        """Report an item that is too deep for the stages after this one."""
        node = find_too_deep(item)
        if node is not None:
            what = "Expression" if isinstance(node, nodes.Expression) else "Statement"
            self.diagnostics.error("LPC2009", f"{what} nested too deeply", node.start, node.end)
        return node is not None


def _without_depth(definition: Declaration) -> Declaration:
    """A definition's face without what is inside, so that others may still refer to it."""
    if isinstance(definition, nodes.FunctionDeclaration):
        parameters = tuple([nodes.ParameterDeclaration(item.start, item.end, item.name, item.type, item.ref, None)
                            for item in definition.parameters])
        body = nodes.Block(definition.start, definition.end, ()) if definition.body is not None else None
        return nodes.FunctionDeclaration(definition.start, definition.end, definition.modifiers, definition.type,
                                         definition.name, parameters, definition.rest, body, definition.name_at)
    if isinstance(definition, nodes.GlobalDeclaration):
        declarators = tuple([nodes.Declarator(item.start, item.end, item.name, item.type, None, item.name_at)
                             for item in definition.declarators])
        return nodes.GlobalDeclaration(definition.start, definition.end, definition.modifiers, definition.type,
                                       declarators)
    assert isinstance(definition, nodes.Inherit)
    path = nodes.StringLiteral(definition.path.start, definition.path.end, "")
    return nodes.Inherit(definition.start, definition.end, definition.modifiers, path)
