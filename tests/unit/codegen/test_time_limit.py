"""Attacks on the evaluation limit: code that runs straight on, each piece of it as expensive as can be."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import pytest
from smallworld import SmallWorld

from lpc import Limits
from lpc.errors import LPCFault

LIMIT = 0.1

#: What the longest single efun or operator takes here, with a good margin for a busy machine; not ended,
#: each of these programs would run for half a minute and more.
ONE = 4.0

DATA = """
mixed *numbers, *words; string text, wide; mapping table;
void create() {
    numbers = allocate(200000, (: ($1 * 7919) % 200003 :));
    words = map(numbers, (: "w" + $1 :));
    text = implode(words, " ");
    wide = repeat_string("e\\u0301", 400000);
    table = allocate_mapping(words, 1);
}
mixed *all() { return ({ numbers, words, text, wide, table }); }
"""
GLOBALS = """
mixed *all = "/data"->all();
mixed *numbers = all[0], *words = all[1]; string text = all[2], wide = all[3]; mapping table = all[4];
mixed tight(mixed a, mixed b) { return a & b; }
"""
STRAIGHT = {
    "sorting": "r = sort_array(numbers, -1);",
    "sorting by a function": "r = sort_array(words, (: strcmp($2, $1) :));",
    "allocating": "r = allocate(1000000, (: $1 :));",
    "splitting": "r = explode(text, \" \");",
    "joining": "r = implode(words, \",\");",
    "formatting": "r = sprintf(\"%O\", words);",
    "columns": "r = sprintf(\"%-#70s\", implode(words[0..20000], \"\\n\"));",
    "keys": "r = sort_array(keys(table), 1);",
    "array operators": "r = (words & numbers) | (words & words);",
    "subtraction": "r = words - numbers;",
    "characters": "r = strlen(wide) + wide[5];",
    "ranges of characters": "r = wide[1..<2];",
    "scanning": "sscanf(text, \"%s w1 %s\", r, r); r = regexp(words, \"9$\");",
    "templates": "r = `${words}`;",
    "functions": "r = tight(words, numbers);",
    "function values": "r = evaluate((: $1 - $2 :), words, numbers);",
    "function pointers": "r = evaluate((: sort_array :), numbers, 1);",
    "tight loops": "for (int i = 0; i < 8000000; i++) { n += i; }",
    "text loops": "foreach (int c in wide) { n += c; }",
    "empty rounds": "while (++n % 3000000) { }",
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorld]:
    """A world with the data of the attacks."""
    world = SmallWorld(tmp_path_factory.mktemp("attacked"))
    world.new_driver(limits=Limits(evaluation_time=60.0))
    world.load(DATA, "/data.c")
    yield world
    world.close()


def seconds(world: SmallWorld, text: str) -> float:
    """How long f() of a program runs before it is ended."""
    driver = world.driver
    ob = world.load(GLOBALS + text, f"/attack{len(driver.objects())}.c")
    driver.budget.limit = LIMIT
    begin = monotonic()
    with pytest.raises(LPCFault, match="Too long evaluation"):
        driver.call(ob, "f")
    taken = monotonic() - begin
    driver.budget.limit = 60.0
    return taken


def function(body: str) -> str:
    return f"mixed f() {{ mixed r; int n = 0; {body} return r; }}"


@pytest.mark.slow
@pytest.mark.parametrize("name", STRAIGHT)
def test_two_hundred_statements_in_a_row(attacked: SmallWorld, name: str) -> None:
    assert seconds(attacked, function(STRAIGHT[name] * 200)) < LIMIT + ONE


@pytest.mark.slow
@pytest.mark.parametrize("body", [
    "r = ({ " + ", ".join(["words - numbers"] * 300) + " });",
    "r = " + "sort_array(" * 30 + "words" + ", -1)" * 30 + "; " + "r = words & numbers; " * 300,
    "r = words" + " - numbers" * 150 + ";",
    "r = " + "words - (" * 25 + "words" + ")" * 25 + "; " + "r = words - words - words; " * 200,
    "int *x = numbers; " + "{ x = sort_array(x, -1); }" * 300,
    "(" + ", ".join(["r = explode(text, \" \")"] * 400) + ");",
    "catch { " + "r = explode(text, \" \"); " * 400 + " };",
    "r = tight(words, numbers)" + " + tight(words, numbers)" * 200 + ";",
    "switch (n) { case 0: " + "r = explode(text, \" \"); " * 400 + " break; }",
    "if (!n) { " + "{ r = words - numbers; } " * 400 + " }",
])
def test_the_same_in_other_shapes(attacked: SmallWorld, body: str) -> None:
    assert seconds(attacked, function(body)) < LIMIT + ONE


@pytest.mark.slow
def test_work_on_the_way_back_from_a_deep_recursion(attacked: SmallWorld) -> None:
    assert seconds(attacked, """
        int deep(int n) { mixed r; if (n) deep(n - 1); r = words - numbers; r = words & words; return sizeof(r); }
        int f() { return deep(300); }""") < LIMIT + ONE
