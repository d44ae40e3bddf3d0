"""A switch looks its case up in a table, and finds the branch by halving."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from generated import Generator
from smallworld import SmallWorld

from lpc.errors import LPCFault
from lpc.runtime.values import INT_MAX, INT_MIN


def depth(node: ast.AST) -> int:
    """How many ifs stand in each other."""
    inner = max((depth(child) for child in ast.iter_child_nodes(node)), default=0)
    return inner + isinstance(node, ast.If)


def many(count: int, *, default: bool = True) -> str:
    cases = " ".join(f"case {3 * n}: return {n};" for n in range(count))
    return f"int f(int x) {{ switch (x) {{ {cases} {'default: return -1;' if default else ''} }} return -2; }}"


def test_few_cases_are_compared(generate: Generator) -> None:
    module = generate.module(many(3))
    assert "switch:" not in str(module)


def test_many_cases_are_a_table(generate: Generator, world: SmallWorld) -> None:
    module = generate.module(many(300))
    (table,) = (node for node in module.all(ast.Dict))
    assert len(table.keys) == 300
    assert depth(generate(many(300)).node) <= 12
    ob = world.load(many(300))
    assert [world.driver.call(ob, "f", x) for x in (0, 3, 897, 1, 900, -3)] == [0, 1, 299, -1, -1, -1]


def test_without_a_default_nothing_happens(world: SmallWorld) -> None:
    ob = world.load(many(50, default=False))
    assert [world.driver.call(ob, "f", x) for x in (0, 147, 148)] == [0, 49, -2]


def test_equal_tables_of_programs_are_one(world: SmallWorld) -> None:
    one = world.load(many(20), "/one.c")
    two = world.load(many(20) + " int g() { return 1; }", "/two.c")
    held = [name for name in world.driver.namespace if name.startswith("switch:")]
    assert len(held) == 1
    assert [world.driver.call(ob, "f", 57) for ob in (one, two)] == [19, 19]


@pytest.mark.parametrize("at", [0, 3, 8])
def test_the_default_may_stand_anywhere(world: SmallWorld, at: int) -> None:
    cases = [f"case {n}: return {n};" for n in range(8)]
    cases.insert(at, "default: return 99;")
    ob = world.load(f"int f(int x) {{ switch (x) {{ {' '.join(cases)} }} }}")
    assert [world.driver.call(ob, "f", x) for x in range(-1, 9)] == [99, *range(8), 99]


RANGES = "case 1..3: return 1; case 5..5: return 2; case 10..20: return 3; case 30..40: return 4; " \
    "case 50..60: return 5; case ..-10: return 6; case 100..: return 7; case 70: return 8; case 4: return 9;"


def test_many_ranges_are_searched(generate: Generator, world: SmallWorld) -> None:
    text = f"int f(int x) {{ switch (x) {{ {RANGES} default: return 0; }} }}"
    assert "range_case" in generate(text).called
    ob = world.load(text)
    expected = {1: 1, 3: 1, 4: 9, 5: 2, 6: 0, 10: 3, 20: 3, 21: 0, 40: 4, 60: 5, 61: 0, 70: 8, 99: 0, 100: 7,
                INT_MAX: 7, INT_MIN: 6, -10: 6, -9: 0, 0: 0}
    assert {x: world.driver.call(ob, "f", x) for x in expected} == expected


def test_few_ranges_are_compared(generate: Generator) -> None:
    text = "int f(int x) { switch (x) { case 1..3: return 1; case 7: return 2; case 10..: return 3; } return 0; }"
    assert "range_case" not in generate(text).called


FALLING = """
string f(mixed x) {
    string s = "";
    switch (x) {
    case "a": s += "a";
    case "b": case "c": s += "b"; if (x == "c") { break; } s += "c";
    case "d": s += "d"; break;
    case "e": s += "e";
    default: s += "?";
    case 0: s += "0";
    }
    return s;
}"""


@pytest.mark.parametrize(("subject", "result"), [
    ("a", "abcd"), ("b", "bcd"), ("c", "b"), ("d", "d"), ("e", "e?0"), ("x", "?0"), (0, "0"),
])
def test_cases_fall_into_each_other(world: SmallWorld, subject: Any, result: str) -> None:
    assert world.run(FALLING, subject) == result


def test_continue_in_a_switch_is_the_loops(world: SmallWorld) -> None:
    assert world.run("""
        int *f() {
            int *seen = ({ });
            for (int i = 0; i < 10; i++) {
                switch (i) {
                case 0: case 1: continue;
                case 2: if (i) { continue; }
                case 3: seen += ({ i }); break;
                case 4: seen += ({ -i });
                case 5: switch (i) { case 5: continue; case 4: break; case 77: case 78: case 79: case 80: }
                default: seen += ({ 10 * i });
                }
                if (i > 6) { break; }
            }
            return seen;
        }""") == [3, -4, 40, 60, 70]


@pytest.mark.parametrize(("labels", "subject", "message"), [
    ("case 1: return 1;", "a", "Bad argument 1 to switch"), ("case \"a\": return 1;", 5, "Bad argument 1 to switch"),
    ("case 1: return 1;", 1.5, "Bad argument 1 to switch"),
])
def test_what_cannot_be_looked_up(world: SmallWorld, labels: str, subject: Any, message: str) -> None:
    with pytest.raises(LPCFault, match=message):
        world.run(f"int f(mixed x) {{ switch (x) {{ {labels} }} return 0; }}", subject)
