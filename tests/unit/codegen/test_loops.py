"""Counting loops are Python ranges where that changes nothing; only tight loops go without a look at the clock."""

from __future__ import annotations

from typing import Any

import pytest
from generated import Generator, Python
from smallworld import SmallWorld

from lpc.errors import LPCFault
from lpc.runtime.values import INT_MAX

COUNTED = {
    "for (int i = 0; i < n; i++) { s += i; }": 10,
    "for (int i = 0; i <= n; i++) { s += i; }": 15,
    "for (int i = 0; i < 10; i += 3) { s += i; }": 18,
    "for (int i = 1; i <= 10; i += 3) { s += i; }": 22,
    "int i; for (i = 0; i < n; i++) { if (i == 3) { break; } } s = i;": 3,
    "int i; for (i = 0; i < n; i++) { } s = i;": 5,
    "int i; for (i = 9; i < n; i++) { } s = i;": 9,
    "int i; for (i = 0; i < 7; i += 3) { } s = i;": 9,
    "for (int i = 0; i < n; i++) { if (i & 1) { continue; } s += i; }": 6,
    "int *a = ({ 4, 5, 6 }); for (int i = 0; i < sizeof(a); i++) { s += a[i]; }": 15,
    "for (int i = 0; i < 3; i++) { for (int j = i; j < 3; j++) { s += 10 * i + j; } }": 48,
    "int step = 2; for (int i = 0; i < n; i += step) { s += i; }": 6,
}
PLAIN = {
    "for (int i = 5; i > 0; i--) { s += i; }": 15,
    "for (int i = 0; i < n; i++) { i++; s += i; }": 9,
    "for (int i = 0; i < n; i++) { n--; s += i; }": 3,
    "for (int i = 0; i * i < n; i++) { s += i; }": 3,
    "int i; for (; i < n; i++) { s += i; }": 10,
    "mixed i; for (i = 0; i < n; i++) { s += i; }": 10,
    "int *a = ({ 1, 2, 3 }); for (int i = 0; i < sizeof(a); i++) { a = a[1..]; s += 1; }": 2,
    "int j = 0; for (int i = 0; i < n && j < 3; i++, j++) { s += j; }": 3,
    "int i = 0; while (i < n) { s += i++; }": 10,
    "int i = 0; do { s += i++; } while (i < n);": 10,
}


def function(body: str) -> str:
    return f"int f(int n) {{ int s = 0; {body} return s; }}"


@pytest.mark.parametrize("body", COUNTED)
def test_a_loop_that_counts_is_a_range(generate: Generator, body: str) -> None:
    python = generate(function(body))
    assert "range" in python.called and "while" not in str(python)


@pytest.mark.parametrize("body", PLAIN)
def test_a_loop_that_only_looks_like_it_is_none(generate: Generator, body: str) -> None:
    python = generate(function(body))
    assert "range" not in python.called and "while" in str(python)


@pytest.mark.parametrize("body", [*COUNTED, *PLAIN])
def test_both_count_alike(world: SmallWorld, body: str) -> None:
    assert world.run(function(body), 5) == (COUNTED | PLAIN)[body]


@pytest.mark.parametrize(("limit", "rounds"), [(3.5, 4), (3.0, 3), (-1e300, 0), (-5, 0)])
def test_the_limit_may_be_a_float_after_all(world: SmallWorld, limit: Any, rounds: int) -> None:
    text = "int g(int n) { int s = 0; for (int i = 0; i < n; i++) { s++; } return s; } int f(mixed n) { return g(n); }"
    assert world.run(text, limit) == rounds


TIGHT = [
    "s += i;", "s += i & 7; s ^= 3;", "a[i] = i;", "a[i] = a[i + 1] * 2;", "if (i > 5) { s++; } else { s--; }",
    "m[i] = 1;", "s += sizeof(a);", "s += random(6);", "if (stringp(a[i])) { continue; }", "s = i == 3 ? 1 : 2;",
    "switch (i) { case 1: s++; break; case 2: s--; break; }", "x = ({ i, s });", "t = \"a\";",
    "if (x == \"a\") { s++; }",
    "if (!x) { break; }", "x = (: $1 :);",
]
LOOSE = [
    "g(i);", "x->g();", "x = evaluate(x);", "x = explode(t, \" \");", "s += strlen(t);", "x = x + x;", "x = t[1..];",
    "x = t[0];", "s += x == t;", "x = new(\"/x\");", "while (x) { }", "catch { s++; };", "x = `${i}`;",
    "x = ({ a... });",
    "sscanf(t, \"%d\", s);", "s += sizeof(t);", "x[i] = 1;", "a = a + a;", "t += \"x\" + i;",
    "s += i; " * 30,
]


def around(body: str) -> str:
    return f"""
        mixed g(int i) {{ return g(i); }}
        int f() {{
            int s = 0; int *a = allocate(20); mapping m = ([ ]); string t = "t"; mixed x = 0;
            for (int i = 0; i < 10; i++) {{ {body} }}
            return s;
        }}"""


@pytest.mark.parametrize("body", TIGHT)
def test_a_tight_loop_never_looks_at_the_clock(generate: Generator, body: str) -> None:
    python = generate(around(body))
    assert python.loop.checks == 0
    assert "stoppable" in python.called, "unless it runs long"


@pytest.mark.parametrize("body", LOOSE)
def test_any_other_loop_does_in_every_round(generate: Generator, body: str) -> None:
    python = generate(around(body))
    assert python.loop.checks > 0 and "stoppable" not in python.called


def test_the_longer_the_body_the_fewer_rounds_are_few(generate: Generator) -> None:
    def few(body: str) -> int:
        text = str(generate(around(body)))
        return int(text.partition(" else stoppable")[0].rpartition("< ")[2])

    assert few("s++;") > few("s++; s++;") > few("s++; " * 12) > 100_000


def test_a_long_tight_loop_looks_at_the_clock_after_all(world: SmallWorld) -> None:
    seen: list[bool] = []
    driver = world.driver
    ob = world.load("int f(int n) { int s = 0; for (int i = 0; i < n; i++) { if (i == 5) { break; } s++; } return s; }")

    def stop() -> bool:
        seen.append(True)
        driver.namespace["STOP"] = False
        return True

    driver.namespace["stop"] = stop
    for rounds, looks in ((100, 1), (1 << 40, 2)):
        # One look comes before the loop; the flag is up again when the second could come.
        driver.namespace["STOP"] = True
        driver.namespace["range"] = lambda *ends: _raise_again(driver.namespace, range(*ends))
        seen.clear()
        assert driver.call(ob, "f", rounds) == 5 and len(seen) == looks
        driver.namespace["STOP"] = False


def _raise_again(namespace: dict[str, Any], values: range) -> Any:
    class Values:
        def __iter__(self) -> Any:
            namespace["STOP"] = True
            return iter(values)

        def __len__(self) -> int:
            return 0

    return Values()


@pytest.mark.parametrize(("loop", "checks"), [
    ("int *a = allocate(5); foreach (int x in a) { m[x] = 1; }", 0),
    ("foreach (int x in ({ 1, 2 })) { s = 1; }", 0),
    ("foreach (int x in b) { s = 1; }", 0),
    ("foreach (int x in b) { g(x); }", 1),
    ("foreach (mixed k, mixed v in m) { s = 1; }", 1),
    ("foreach (int ref x in b) { x = 1; }", 1),
    ("while (s) { s--; }", 1),
    ("do { s--; } while (s);", 1),
])
def test_other_loops(generate: Generator, loop: str, checks: int) -> None:
    text = f"int g(int i) {{ return g(i); }} void f(int *b) {{ mapping m = ([ ]); int s = 3; {loop} }}"
    assert generate(text).loop.checks == checks


def test_an_endless_count_is_an_endless_loop(world: SmallWorld) -> None:
    loop = f"for (int i = {INT_MAX - 7}; i <= {INT_MAX}; i++) {{ s++; }}"
    with pytest.raises(LPCFault, match="Too long evaluation"):
        world.run(f"int f() {{ int s = 0; {loop} return s; }}")


@pytest.mark.parametrize(("text", "checks"), [
    ("int f(int n) { return n < 2 ? n : f(n - 1); }", 1),
    ("int f(int n) { return n * 2 + 1; }", 0),
    ("void f(object o) { o->g(); }", 1),
    ("int f(mixed x) { return evaluate(x); }", 1),
    ("mapping m = ([ ]); mixed f(string k) { return m[k] = 1; }", 0),
    ("string name = \"a\"; string f() { return name; }", 0),
    ("mixed f() { return (: f :); }", 0),
    ("int f() { int s = 0; " + "s ^= 1; " * 200 + "return s; }", 1),
])
def test_functions_that_may_recurse_look_at_their_start(generate: Generator, text: str, checks: int) -> None:
    body = generate(text).node.body[:3]  # type: ignore[attr-defined]
    assert sum(str(Python(item)).startswith("if STOP:") for item in body) == checks


