"""How deep a program may be, and what hostile input costs."""

from __future__ import annotations

import pytest
from parsing import expression, read, said, statements

from lpc.syntax.printer import dump
from lpc.syntax.walk import MAX_EXPRESSION_DEPTH, MAX_STATEMENT_DEPTH, find_too_deep

MANY = 30_000
HOSTILE = {
    "parentheses": "int f() { return " + "(" * MANY + "1" + ")" * MANY + "; }",
    "open parentheses": "int f() { return " + "(" * MANY,
    "blocks": "int f() { " + "{" * MANY + "}" * MANY + " }",
    "open blocks": "int f() {\n" + "{\n" * MANY,
    "unary": "int f() { return " + "- " * MANY + "x; }",
    "open unary": "int f() { return " + "! " * MANY,
    "else if": "int f() { " + "if (x) y; else\n" * MANY + "z; }",
    "if": "int f() { " + "if (x) " * MANY + "z; }",
    "operators": "int f() { return " + "a + " * MANY + "a; }",
    "assignments": "int f() { " + "a = " * MANY + "a; }",
    "conditionals": "int f() { return " + "a ? b : " * MANY + "c; }",
    "indices": "int f() { return a" + "[0]" * MANY + "; }",
    "keys": "int f() { return " + "a[" * MANY + "0" + "]" * MANY + "; }",
    "calls": "int f() { return a" + "->b()" * MANY + "; }",
    "arrays": "int f() { return " + "({" * MANY + "})" * MANY + "; }",
    "functionals": "int f() { return " + "(: 1 + " * MANY + "1" + " :)" * MANY + "; }",
    "functions": "int f() { return " + "function () { return\n" * MANY + "1" + "; }" * MANY + "; }",
    "default argument": "int f(int a : (: " + "!" * MANY + "1 :)) { }",
    "initialiser": "int x = " + "!" * MANY + "1;",
    "inherit": "inherit " + "- " * MANY + '"a";',
}


@pytest.mark.slow
@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_nesting_is_refused(name: str, script: bool) -> None:
    program, found = read(HOSTILE[name] + "\nint g() { return 1; }\n", script=script)
    assert any("nested too deeply" in item.message for item in found)
    assert len(found) <= 2
    assert all(find_too_deep(item) is None for item in program.declarations)
    assert len(dump(program)) < MANY


GARBAGE = {
    "closers": ")" * MANY, "braces": "}" * MANY, "openers": "{" * MANY, "else": "int f() { " + "else " * MANY,
    "labels": "int f() { " + "case 1: " * MANY, "names": "x " * MANY, "lines": "int f() {\n" + "x\n" * MANY,
    "calls": "a(\n" * MANY, "heads": "x y z\n" + "int a(\n" * MANY, "mistakes": "int f() { x = ;\n" * MANY,
}


@pytest.mark.slow
@pytest.mark.parametrize("script", [False, True])
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_takes_no_long_time_and_few_words(name: str, script: bool) -> None:
    found = read(GARBAGE[name], script=script)[1]
    assert 1 <= len(found) <= 51


@pytest.mark.parametrize("text", [
    "return " + "a + " * 400 + "a;",
    "if (x) { y; } else " * 250 + "{ z; }",
    "return " + "(" * 400 + "1" + ")" * 400 + ";",
    "return " + "!" * 400 + "x;",
    "{" * 250 + "}" * 250,
    "return ({ " + "1, " * 20_000 + "});",
    "x = 1; " * 5_000,
])
def test_what_people_write_is_not_too_deep(text: str) -> None:
    assert statements(text)


def test_the_limits_are_exact() -> None:
    deepest = "!" * (MAX_EXPRESSION_DEPTH - 1)
    assert expression(deepest + "x")
    assert said(read(f"int f() {{ return {deepest}!x; }}")[1]) == [
        f"1:{18 + MAX_EXPRESSION_DEPTH}-{19 + MAX_EXPRESSION_DEPTH} LPC2009 Expression nested too deeply"]
    inner = "{" * (MAX_STATEMENT_DEPTH - 1) + "}" * (MAX_STATEMENT_DEPTH - 1)  # the body is one more
    assert statements(inner)
    assert [item.message for item in read(f"int f() {{ {{ {inner} }} }}")[1]] == ["Statement nested too deeply"]


def test_a_definition_that_is_too_deep_keeps_its_face() -> None:
    program, _ = read("private int *f(int a, int b : (: 1 :), int c...) { return " + "!" * 1000 + "x; }\nint x = " +
                      "!" * 1000 + "1;")
    assert [dump(item) for item in program.declarations] == [
        '(FunctionDeclaration ["private"] <int *> "f" [(ParameterDeclaration "a" <int> _) '
        '(ParameterDeclaration "b" <int> _) (ParameterDeclaration "c" <int> _)] rest (Block []))',
        '(GlobalDeclaration [] <int> [(Declarator "x" <int> _)])']
