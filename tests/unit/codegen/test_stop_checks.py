"""An evaluation whose time is over ends before the next thing that may take long."""

from __future__ import annotations

import pytest
from alarm import Alarm

VALUES = """
mixed a = ({ 3, 1, 2 }), s = "a b", t = "a c", m = ([ "a" : "b" ]), n = 1, u = "e\\u0301 x";
int *array = ({ 1, 2 }); string text = "x y"; mapping map = ([ 1 : 2 ]);
mixed mark; mixed words = ({ "%s!", "b" }), one = ({ 1 });
object other() { return this_object(); }
varargs mixed g(mixed x) { return x ? x : this_object()->g(1); }
mixed marked() { return mark; }
"""

LONG = {
    # efuns
    "sort_array(a, 1)": [1, 2, 3], "explode(s, \" \")": ["a", "b"], "implode(({ \"c\", s }), \",\")": "c,a b",
    "sprintf(\"%O\", n)": "1", "allocate(2)": [0, 0], "keys(m)": ["a"], "capitalize(s)": "A b",
    "sizeof(all_inventory())": 0, "sprintf(words...)": "b!", "strsrch(s, \"b\")": 2,
    "implode(explode(s, \" \"), \"-\")": "a-b", "member_array(2, a)": 2, "evaluate((: strlen :), s)": 3,
    "map(a, (: g :))": [3, 1, 2], "call_other(this_object(), \"g\", 1)": 1,
    # operators
    "a - a": [], "a & ({ 1 })": [1], "a | ({ 1 })": [3, 1, 2], "a ^ a": [], "sizeof(m * ([ \"b\" : 5 ]))": 1,
    "array - ({ 1 })": [2], "s == t": 0, "s != t": 1, "s < t": 1, "text == t": 0, "text >= t": 1, "a == array": 0,
    # strings
    "sizeof(u)": 3, "strlen(u)": 3, "s[0]": 97, "s[<1]": 98, "s[0..0]": "a", "s[<1..]": "b", "text[0..<2]": "x ",
    "sscanf(s, \"%s b\", mark)": 1, "sscanf(s, t, mark)": 0, "`${s}!`": "a b!",
    # assignments
    "s[0] = 'x'": 120, "a[0..0] = ({ 7, 8 })": [7, 8], "s[0..0] = \"xy\"": "xy",
    # other objects, arrays put together
    "\"/prog\"->g(5)": 5, "({ a..., 4 })": [3, 1, 2, 4], "g(one...)": 1, "sizeof(file_name(new(\"/prog\"))) > 5": 1,
    "g(1)": 1, "evaluate((: $1 + g(1) :), 1)": 2, "other()->g(2)": 2,
}


@pytest.mark.parametrize("expression", LONG)
def test_what_may_take_long_is_not_begun_when_time_is_over(alarm: Alarm, expression: str) -> None:
    text = f"{VALUES} mixed f() {{ mixed r; alarm(); r = {expression}; mark = \"after\"; return r; }}"
    assert alarm.stops(text)
    assert alarm.world.driver.call(alarm.program, "marked") != "after"


@pytest.mark.parametrize("expression", LONG)
def test_a_false_alarm_changes_nothing(alarm: Alarm, expression: str) -> None:
    assert alarm.result(f"{VALUES} mixed f() {{ alarm(); return {expression}; }}") == LONG[expression]


@pytest.mark.parametrize("expression", [
    "work(alarm())", "work(alarm(), 1)", "work(1, alarm())", "work(work(work(alarm())))", "work(alarm(1) + 1)",
    "work(({ alarm() })...)", "work(1, ({ alarm() })...)", "work(`${alarm()}`)", "work(\"a\" + alarm(1))",
    "work(({ 1, alarm() }))", "work(([ alarm(1) : 2 ]))", "work(n ? alarm() : 1)", "work(evaluate((: alarm() :)))",
    "work(g(alarm()))", "work(s[alarm(0)])", "work(!alarm())", "work(alarm() || 1)",
    "work(-alarm(1), 2, 3, ({ }))", "work(1, alarm(1) < 2)",
])
def test_the_arguments_are_computed_before_the_clock_is_looked_at(alarm: Alarm, expression: str) -> None:
    assert alarm.stops(f"{VALUES} mixed f() {{ return {expression}; }}")
    assert alarm.worked == 0


def test_nothing_is_skipped_by_a_false_alarm_among_the_arguments(alarm: Alarm) -> None:
    assert alarm.result("mixed f() { return work(work(alarm(5)) + work(alarm(6)), alarm()); }") == 11
    assert alarm.worked == 3


@pytest.mark.parametrize("expression", [
    "typeof(s)", "sizeof(({ 1, 2 }))", "random(5)", "time()", "stringp(s)", "this_object()", "abs(-1)", "environment()",
    "array[0]", "array[0] = 5", "map[1] = 2", "n + 1", "n * 2 - 1", "n == 1", "s == \"a\"", "!s",
    "({ s, t })", "([ 1 : s ])", "(: g :)", "\"a\" + 1", "sprintf(\"%d\", 5)", "n < 5",
])
def test_what_is_over_at_once_needs_no_look(alarm: Alarm, expression: str) -> None:
    assert not alarm.stops(f"{VALUES} mixed f() {{ alarm(); mark = {expression}; return 1; }}")


@pytest.mark.parametrize(("first", "sum"), [
    ("mixed x = allocate(5000, 0);", "x + x"), ("int *x = allocate(5000);", "x + x"),
    ("int *x = allocate(5000);", "x += x"),
    ("string x = repeat_string(\"x\", 70000);", "x + x"), ("string x = repeat_string(\"x\", 70000);", "x += \"y\""),
    ("mixed x = repeat_string(\"x\", 70000);", "x + \"y\""), ("mixed x = repeat_string(\"x\", 70000);", "x += x"),
    ("mapping x = allocate_mapping(allocate(5000, (: $1 :)), 1);", "x + x"),
    ("mapping x = allocate_mapping(allocate(5000, (: $1 :)), 1);", "x += x"),
    ("mixed x = to_buffer(repeat_string(\"x\", 70000));", "x + x"),
    ("string x = repeat_string(\"x\", 70000);", "sprintf(\"%s%s\", x, x)"),
    ("string x = repeat_string(\"x\", 70000); x += \"\";", "x += \"y\""),
])
def test_a_large_sum_is_followed_by_a_look(alarm: Alarm, first: str, sum: str) -> None:
    assert alarm.stops(f"{VALUES} mixed f() {{ {first} alarm(); {sum}; mark = {sum}; return 1; }}")
    assert not alarm.stops(f"{VALUES} mixed f() {{ string y = \"a\"; alarm(); y += \"b\"; mark = y + y; return 1; }}")


@pytest.mark.parametrize("loop", [
    "while (n) { }", "do { } while (n);", "for (;;) { }", "for (int i = 0; i < 5; i++) { n = 1; }",
    "for (int i = 0; i < 3; i++) { work(); }", "foreach (mixed x in a) { n = x; }", "foreach (mixed x in s) { n = x; }",
    "foreach (mixed k, mixed v in m) { n = k; }", "foreach (mixed ref x in a) { x = 1; }",
    "foreach (int x in ({ 1, 2 })) { n = x; }",
])
def test_no_loop_begins_when_time_is_over(alarm: Alarm, loop: str) -> None:
    assert alarm.stops(f"{VALUES} mixed f() {{ alarm(); {loop} return 1; }}")
    assert alarm.worked == 0


@pytest.mark.parametrize("loop", [
    "while (1) { alarm(); }", "do { alarm(); } while (1);", "for (;;) { alarm(); }",
    "for (int i = 0; i < 5; i++) { alarm(); }", "foreach (mixed x in a) { alarm(); }",
    "foreach (mixed k, mixed v in m) { alarm(); } while (1) { }", "foreach (mixed ref x in a) { alarm(); }",
    "while (1) { alarm(); continue; }", "while (1) { switch (n) { case 1: alarm(); continue; default: break; } }",
])
def test_every_round_looks_at_the_clock(alarm: Alarm, loop: str) -> None:
    assert alarm.stops(f"{VALUES} mixed f() {{ {loop} return 1; }}")


def test_a_recursive_function_looks_at_its_start(alarm: Alarm) -> None:
    assert alarm.stops("int g(int x) { return x > 0 ? g(x - 1) : 1; } int f() { alarm(); return g(5); }")
    assert alarm.stops("int g(int x) { return x; } int f() { alarm(); return evaluate((: g($1) :), 5); }")


def test_catch_does_not_stop_the_end_of_time(alarm: Alarm) -> None:
    assert alarm.stops("mixed f() { catch { alarm(); work(); }; return 1; }")
    assert alarm.stops("mixed f() { alarm(); return catch(work()); }")
