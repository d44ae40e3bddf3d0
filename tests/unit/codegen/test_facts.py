"""What is proved of locals, and what that makes of strings, sums and calls: exactly what the general code gives."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from analysis_world import World
from generated import Generator
from smallworld import SmallWorld

from efuns import standard
from lpc import Limits
from lpc.codegen.facts import Val, joined_fact, span_of
from lpc.codegen.usage import Usage, study
from lpc.errors import LPCFault
from lpc.runtime.values import INT_MAX, INT_MIN
from lpc.syntax import nodes as n


def studied(body: str) -> Usage:
    """What is known of the locals of f(int p, mixed q)."""
    text = f"mixed g() {{ return 0; }} mixed f(int p, mixed q) {{ {body} return 0; }}"
    result = World(efuns=standard.efuns()).analyzed(text)
    assert not result.errors, result.messages
    function = next(f for f in result.all(n.FunctionDeclaration) if f.name == "f")
    assert function.body is not None
    return study(function.body, result.analysis)


def facts(body: str) -> dict[str, str]:
    return {local.name: fact for local, fact in studied(body).facts.items()}


@pytest.mark.parametrize(("body", "proved"), [
    ("int x = 5;", {"x": "int"}), ("int x;", {"x": "int"}), ("float x = 1.5;", {"x": "float"}),
    ("string x = \"a\";", {"x": "str"}), ("mapping x = ([ ]);", {"x": "map"}), ("int *x = ({ });", {"x": "list"}),
    ("int x = p;", {}), ("int x = q;", {}), ("string x;", {}), ("mixed x = 5;", {}), ("object x = this_object();", {}),
    ("int x = 5; x = g();", {}), ("int x = 5; x += 2; x *= 3; x++;", {"x": "int"}),
    ("int x = sizeof(q);", {"x": "int"}),
    ("int x = p < 5;", {"x": "int"}), ("int x = !q;", {"x": "int"}),
    ("int x = 1, y = x + 2;", {"x": "int", "y": "int"}),
    ("int x = p, y = x + 2;", {}), ("int x = 1; int y = x; x = y; x = q;", {}),
    ("string x = \"a\" + 1;", {"x": "str"}), ("string x = sprintf(\"%d\", 1);", {"x": "str"}),
    ("string x = \"a\"; x += 1; x += \"b\";", {"x": "str"}), ("string x = \"a\"; x += q;", {}),
    ("int *x = ({ }); x += ({ 1 }); x -= ({ 2 });", {"x": "list"}), ("int *x = allocate(3);", {"x": "list"}),
    ("string *x = explode(\"a\", q);", {"x": "list"}), ("mapping x = ([ ]); x += ([ 1 : 2 ]);", {"x": "map"}),
    ("int x; sscanf(q, \"%d\", x);", {"x": "int"}), ("string x = \"\"; sscanf(q, \"%s\", x);", {}),
    ("foreach (int x in q) { }", {}), ("int x = 1; catch { x = 2; };", {"x": "int"}),
    ("float x = 1.0; x += 1;", {"x": "float"}), ("float x = 5;", {"x": "float"}), ("int x = q ? 1 : 2;", {"x": "int"}),
])
def test_what_is_proved(body: str, proved: dict[str, str]) -> None:
    assert facts(body) == proved


def test_what_a_loop_assigns() -> None:
    usage = studied("int a = 1, b = 2; while (a) { a--; foreach (int c in q) { b = c; } }")
    assigned = sorted(sorted(local.name for local in found) for found in usage.loop_assigns.values())
    assert assigned == [["a", "b", "c"], ["b", "c"]]


def test_sums_may_leave_64_bits_until_they_are_read(world: SmallWorld) -> None:
    usage = studied("int s = 0; for (int i = 0; i < 9; i++) { s += i; } return s;")
    assert {local.name for local in usage.accumulators} == {"s"}
    assert not studied("int s = 0; for (int i = 0; i < 9; i++) { s += i; q = s; } return s;").accumulators
    text = f"int f() {{ int s = 0; for (int i = 0; i < 3; i++) {{ s += {INT_MAX}; }} return s; }}"
    assert world.run(text) == INT_MAX - 2


def test_a_local_by_reference_proves_nothing(world: SmallWorld) -> None:
    text = "void g(mixed ref x) { x = \"changed\"; } mixed f() { int x = 5; g(ref x); return x; }"
    assert world.run(text) == "changed"


# ------------------------------------------------------------------------------------------ 64 bits


@pytest.mark.parametrize(("expression", "result"), [
    ("x + 1", INT_MIN), ("x * 2", -2), ("-y", INT_MIN), ("y - 1", INT_MAX), ("x + x + x", INT_MAX - 2),
    ("(x + 1) / 2", INT_MIN // 2), ("(x + 1) > 0", 0), ("x * x * x", INT_MAX), ("(x + x) % 7", -2),
    ("(x + 1) & -1", INT_MIN),
    ("(x + 1) >> 1", INT_MIN // 2), ("(x + 1) ? 1 : 2", 1), ("(x + x + 2) ? 1 : 2", 2), ("~(x + 1)", INT_MAX),
])
@pytest.mark.parametrize("kind", ["int", "mixed"])
def test_ints_wrap_wherever_they_are_seen(world: SmallWorld, expression: str, result: int, kind: str) -> None:
    assert world.run(f"mixed f() {{ {kind} x = {INT_MAX}; {kind} y = -x - 1; return {expression}; }}") == result


def test_intervals() -> None:
    small, any_int = Val(None, low=-2, high=3), Val(None, low=INT_MIN, high=INT_MAX)
    assert span_of("+", small, small) == (-4, 6) and span_of("-", small, small) == (-5, 5)
    assert span_of("*", small, small) == (-6, 9)
    assert not Val(None, low=span_of("+", any_int, small)[0], high=0).fits


@pytest.mark.parametrize(("first", "second", "joined"), [
    ("int", "int", "int"), ("int", "float", "num"), ("int", "num", "num"), ("int", "bool", "int"), ("str", "int", None),
    (None, "int", None), ("list", "list", "list"),
])
def test_what_holds_of_either_value(first: str | None, second: str | None, joined: str | None) -> None:
    assert joined_fact(first, second) == joined == joined_fact(second, first)


def test_a_known_range_needs_no_tests(generate: Generator) -> None:
    python = generate("int f() { int s = 0; for (int i = 0; i < 100; i++) { int j = i * 2 + 1; s = j; } return s; }")
    assert "wrap" not in python.loop.called


def test_an_index_that_is_no_int_or_below_0_takes_the_general_way(world: SmallWorld, generate: Generator) -> None:
    text = "mixed f(mixed i) { int *a = ({ 1, 2, 3 }); return a[i]; }"
    assert "index" in generate(text).called
    assert world.run(text, 2) == 3
    with pytest.raises(LPCFault, match="must be positive"):
        world.driver.call(world.driver.load("/prog"), "f", -1)
    counted = "int f() { int *a = allocate(5); int s = 0; for (int i = 0; i < 5; i++) { s ^= a[i] & 1; } return s; }"
    assert not {"index", "store"} & generate(counted).called


# ------------------------------------------------------------------------------------------ strings


INLINE = {
    "sprintf(\"%d\", i)": "7", "sprintf(\"%5d|%-5d|\", i, i)": "    7|7    |", "sprintf(\"%s%%\", s)": "ab%",
    "sprintf(\"%f\", x)": "1.500000", "sprintf(\"%.2f %8.1f\", x, x)": "1.50      1.5", "sprintf(\"%s\", i)": "7",
    "sprintf(\"%s\", s[0..0])": "a", "sprintf(\"{%d}\", i)": "{7}", "sprintf(\"\")": "", "sprintf(\"plain\")": "plain",
    "sprintf(\"%d %s %f\", i + 1, s + s, x)": "8 abab 1.500000",
    f"sprintf(\"%d\", {INT_MAX} + i)": str(INT_MIN + 6),
}
CALLED = {
    "sprintf(\"%5s\", s)": "   ab", "sprintf(\"%x\", i)": "7", "sprintf(\"%O\", i)": "7", "sprintf(\"%d\", q)": "0",
    "sprintf(\"%d\", i > 3)": "1", "sprintf(\"%+d\", i)": "+7", "sprintf(\"%05d\", i)": "00007",
    "sprintf(\"%*d\", 3, i)": "  7",
    "sprintf(t, i)": "7", "sprintf(\"%|5d\", i)": "  7  ", }
LOCALS = "int i = 7; string s = \"ab\", t = \"%d\"; float x = 1.5; mixed q = 0;"


@pytest.mark.parametrize("expression", INLINE)
def test_a_plain_format_is_no_call(generate: Generator, expression: str) -> None:
    assert not any("sprintf" in name for name in generate(f"string f() {{ {LOCALS} return {expression}; }}").called)


@pytest.mark.parametrize("expression", CALLED)
def test_any_other_format_is_one(generate: Generator, expression: str) -> None:
    assert any("sprintf" in name for name in generate(f"string f() {{ {LOCALS} return {expression}; }}").called)


@pytest.mark.parametrize("expression", [*INLINE, *CALLED])
def test_both_give_the_same(world: SmallWorld, expression: str) -> None:
    assert world.run(f"mixed f() {{ {LOCALS} return {expression}; }}") == (INLINE | CALLED)[expression]


def test_a_sum_of_strings_is_made_at_once(generate: Generator, world: SmallWorld) -> None:
    text = "string f(int n) { string a = \"a\"; int i = 5; return \"<\" + a + i + \">\" + a; }"
    (made,) = generate(text).all(ast.JoinedStr)
    assert len(made.values) == 5
    assert world.run(text, 1) == "<a5>a"


@pytest.mark.parametrize("body", [
    "string s = \"x\"; for (int i = 0; i < 30; i++) { s += s; } return s;",
    "string s = \"x\"; for (int i = 0; i < 30; i++) { s = s + s; } return s;",
    "mixed s = \"x\"; for (int i = 0; i < 30; i++) { s = s + s; } return s;",
    "mixed s = \"x\"; for (int i = 0; i < 30; i++) { s += s; } return s;",
    "string s = \"x\"; for (int i = 0; i < 30; i++) { s = sprintf(\"%s%s\", s, s); } return s;",
    "string s = \"x\"; for (int i = 0; i < 30; i++) { s = s + \"-\" + s + i; } return s;",
    "string s = \"x\"; for (int i = 0; i < 30; i++) { s += \"-\" + s; } return s;",
])
def test_no_string_grows_beyond_its_limit(world: SmallWorld, body: str) -> None:
    world.new_driver(limits=Limits(string_length=100_000))
    with pytest.raises(LPCFault, match="longer than the maximum string length"):
        world.run(f"mixed f() {{ {body} }}")


def test_a_string_that_was_refused_is_as_it_was(world: SmallWorld) -> None:
    world.new_driver(limits=Limits(string_length=100_000))
    text = """int f() { string s = repeat_string("x", 90000); catch { s += repeat_string("y", 90000); };
              return strlen(s); }"""
    assert world.run(text) == 90000


# ------------------------------------------------------------------------------------------ arguments


@pytest.mark.parametrize(("call", "checked"), [
    ("explode(s, \",\")", False), ("explode(\"a,b\", s)", False), ("explode(q, \",\")", True),
    ("sizeof(allocate(i))", False),
    ("allocate(p)", True), ("keys(m)", False), ("keys(q)", True),
])
def test_arguments_that_are_proved_are_not_checked_again(generate: Generator, call: str, checked: bool) -> None:
    text = f"mixed f(int p, mixed q) {{ int i = 3; string s = \"a\"; mapping m = ([ ]); return {call}; }}"
    names = {name for name in generate(text).called if name[:2] in ("e:", "E:")}
    assert names and all(name.startswith("E:") == checked for name in names)


@pytest.mark.parametrize(("subject", "expected"), [("abc", 3), ([1, 2], 2), (0, 0), ("e\u0301\r\n", 2)])
def test_sizeof_of_anything(world: SmallWorld, subject: Any, expected: int) -> None:
    text = """int g(string s) { return strlen(s); } int h(int *a) { return sizeof(a); }
              mixed f(mixed x) { return ({ sizeof(x), g(x), h(x) }); }"""
    assert world.run(text, subject) == [expected] * 3
