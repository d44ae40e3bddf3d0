"""Trees as text, on one line and on many."""

from __future__ import annotations

import pytest
from parsing import expression, statements, tree

from lpc.syntax import nodes
from lpc.syntax.printer import dump
from lpc.syntax.walk import MAX_EXPRESSION_DEPTH


@pytest.mark.parametrize(("text", "expected"), [
    ('"a\\n\\"b\\" é"', '(StringLiteral "a\\n\\"b\\" é")'),
    ("1", "(IntLiteral 1)"),
    ("2.5", "(FloatLiteral 2.5)"),
    ("a[<1]", '(Index (Name "a") (IntLiteral 1) from_end)'),
    ("a[1]", '(Index (Name "a") (IntLiteral 1))'),
    ("a[1..]", '(Range (Name "a") (IntLiteral 1) _)'),
    ("f()", '(Call "f" _ [])'),
    ("(string *) x", '(Cast <string *> (Name "x"))'),
    ("([ 1: 2, 3: 4 ])", "(MappingLiteral [[(IntLiteral 1) (IntLiteral 2)] [(IntLiteral 3) (IntLiteral 4)]])"),
    ("new(class p, m: 1)", '(NewClass "p" [["m" (IntLiteral 1)]])'),
])
def test_one_line(text: str, expected: str) -> None:
    assert dump(expression(text)) == expected


def test_pragmas_are_sorted() -> None:
    assert dump(nodes.ProgramNode(0, 0, (), frozenset(("b", "a")))) == '(ProgramNode [] ["a" "b"])'


def test_many_lines_are_indented_by_depth() -> None:
    assert dump(statements("if (x) f(1, ({ 2 }));")[0], lines=True) == (
        "(If\n"
        '  (Name "x")\n'
        "  (ExpressionStatement\n"
        '    (Call "f" _ [\n'
        "      (IntLiteral 1)\n"
        "      (ArrayLiteral [\n"
        "        (IntLiteral 2)])])) _)")


def test_both_ways_say_the_same() -> None:
    program = tree("int *f(int a) { return a ? ({ a, ([ a: -a ]) }) : 0; } private class p { int x; }")
    one = dump(program)
    many = dump(program, lines=True)
    assert many.count("\n") > 10
    assert "".join(many.split()) == "".join(one.split())


def test_depth_costs_no_stack() -> None:
    node: nodes.Expression = nodes.Name(0, 0, "x")
    for _ in range(100 * MAX_EXPRESSION_DEPTH):
        node = nodes.Unary(0, 0, "!", node)
    assert dump(node).endswith('(Name "x"' + ")" * (100 * MAX_EXPRESSION_DEPTH + 1))
