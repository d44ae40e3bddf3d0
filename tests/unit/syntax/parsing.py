"""Parsing for tests: text to tree, and messages as text."""

from __future__ import annotations

from lpc.diagnostics import Diagnostic, Diagnostics
from lpc.source import SourceMap
from lpc.syntax import nodes
from lpc.syntax.parser import parse
from lpc.syntax.preprocessor import Preprocessor


def read(text: str, *, script: bool = False) -> tuple[nodes.ProgramNode, list[Diagnostic]]:
    """The tree of a file without includes, and the messages."""
    source = SourceMap()
    found = Diagnostics(source)
    stream = Preprocessor(source, found, predefined={}, include=lambda *_: None).run("/a.c", text)
    return parse(stream.tokens, found, script=script, pragmas=stream.pragmas), found.found


def tree(text: str, *, script: bool = False) -> nodes.ProgramNode:
    """The tree of a file without mistakes."""
    program, found = read(text, script=script)
    assert [item.message for item in found] == []
    return program


def statements(text: str) -> tuple[nodes.Statement, ...]:
    """The statements of a function body."""
    function = tree(f"mixed f() {{ {text} }}").declarations[0]
    assert isinstance(function, nodes.FunctionDeclaration)
    assert function.body is not None
    return function.body.statements


def expression(text: str) -> nodes.Expression:
    """An expression."""
    (statement,) = statements(f"return {text};")
    assert isinstance(statement, nodes.Return)
    assert statement.value is not None
    return statement.value


def said(found: list[Diagnostic]) -> list[str]:
    """Messages with their ranges; a hint in brackets, notes in angle brackets."""
    lines = []
    for item in found:
        start, end = item.source.locate(item.start), item.source.locate(item.end)
        until = f"{end.column}" if end.line == start.line else f"{end.line}:{end.column}"
        line = f"{start.line}:{start.column}-{until} {item.code} {item.message}"
        if item.hint:
            line += f" [{item.hint}]"
        for note in item.notes:
            assert note.at is not None
            at = item.source.locate(note.at)
            line += f" <{at.line}:{at.column} {note.message}>"
        lines.append(line)
    return lines
