"""Children come in source order, for every type of node, without recursion."""

from __future__ import annotations

from dataclasses import fields

import pytest
from parsing import expression, statements, tree

from lpc.syntax import nodes
from lpc.syntax.printer import dump
from lpc.syntax.walk import CHILD_FIELDS, NODE_TYPES, children, find_too_deep, walk

#: A file with every type of node in it.
EVERYTHING = """
inherit "/a";
private class point { int x, y; }
private:
nosave int a = 1, *b = ({ 1, b... });
varargs int f(int x, string ref *y : (: 5 :), z...);
int f(int x) {
    int i = 1.5;
    class point p = new(class point, x: 1);
    ;
    if (x) { } else while (i) break;
    do continue; while (!x);
    for (int j = 0; j < 3 && i; j++) { }
    foreach (int k in a) { }
    switch (x) { case 1: case 2..3: default: return x ? -x : `a${x}`; }
    x += y[1], y[1..2], ob->x, ob->g(ref x), (*f)(), ::create(), new("/a");
    catch { (int) x; };
    time_expression(sscanf(x, "%d", x) + parse_command(x, x, x, x));
    (: $1 + $(x) :); (: g, ([ "k": 1 ]) :); function (int q) { };
}
"""


def everything() -> nodes.ProgramNode:
    """The tree of EVERYTHING and a statement, which only a script has."""
    program = tree(EVERYTHING)
    script = tree("x;", script=True)
    return nodes.ProgramNode(program.start, program.end, program.declarations + script.declarations, frozenset())


def test_the_file_has_every_type_of_node() -> None:
    abstract = {nodes.Node, nodes.Expression, nodes.Statement, nodes.Declaration}
    assert {type(node) for node in walk(everything())} == set(NODE_TYPES.values()) - abstract


@pytest.mark.parametrize(("text", "expected"), [
    ("x", []),
    ("a + b", ["a", "b"]),
    ("a ? b : c", ["a", "b", "c"]),
    ("([ a: b, c: d ])", ["a", "b", "c", "d"]),
    ("({ a, b })", ["a", "b"]),
    ("new(class p, m: a, n: b)", ["a", "b"]),
    ("a[b..]", ["a", "b"]),
    ("a[b..c]", ["a", "b", "c"]),
    ("sscanf(a, b, c)", ["a", "b", "c"]),
])
def test_children_in_source_order(text: str, expected: list[str]) -> None:
    assert [child.name for child in children(expression(text)) if isinstance(child, nodes.Name)] == expected
    assert len(list(children(expression(text)))) == len(expected)


def test_walk_visits_parents_first_and_everything_once() -> None:
    names = [node.name for node in walk(statements("a + f(b, c)[d];")[0]) if isinstance(node, nodes.Name | nodes.Call)]
    assert names == ["a", "f", "b", "c", "d"]
    seen = [id(node) for node in walk(everything())]
    assert len(seen) == len(set(seen))


def test_walk_reaches_what_any_field_holds() -> None:
    for node in walk(everything()):
        for field in fields(node):  # type: ignore[arg-type]  # a dataclass, which mypy is not told
            value = getattr(node, field.name)
            held = [value] if isinstance(value, nodes.Node) else []
            if isinstance(value, tuple):
                held = [part for item in value for part in (item if type(item) is tuple else (item,))
                        if isinstance(part, nodes.Node)]
            assert not held or field.name in CHILD_FIELDS[type(node)], (type(node), field.name)
            assert all(any(child is part for child in children(node)) for part in held)


def test_types_are_no_children() -> None:
    (cast,) = [node for node in walk(everything()) if isinstance(node, nodes.Cast)]
    assert dump(cast) == '(Cast <int> (Name "x"))'
    assert len(list(children(cast))) == 1


def test_find_too_deep_counts_expressions_and_statements_apart() -> None:
    node: nodes.Expression = nodes.Name(0, 0, "x")
    for _ in range(499):
        node = nodes.Unary(0, 0, "!", node)
    statement: nodes.Statement = nodes.ExpressionStatement(0, 0, node)
    for _ in range(299):
        statement = nodes.Block(0, 0, (statement,))
    assert find_too_deep(statement) is None
    assert find_too_deep(nodes.Block(0, 0, (statement,))) is not None
    assert find_too_deep(nodes.Unary(0, 0, "!", node)) is not None
