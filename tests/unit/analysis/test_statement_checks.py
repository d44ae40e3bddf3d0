"""Statements: where they may stand, switch labels, and what is computed for nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from analysis_world import Result

Analyzed = Callable[[str], Result]


def _in_function(analyzed: Analyzed, statements: str) -> Result:
    return analyzed(f"int g; void test(int i, string s, mapping m, mixed x) {{ {statements} }}")


# ---------------------------------------------------------------------------------------------- break, continue


@pytest.mark.parametrize(("statement", "message"), [
    ("break;", "break statement outside loop"),
    ("continue;", "continue statement outside loop"),
    ("switch (i) { case 1: continue; }", "continue statement outside loop"),
    ("while (1) { catch { break; }; }", "Cannot break out of catch { } or time_expression { }"),
    ("while (1) { catch { continue; }; }", "Cannot continue out of catch { } or time_expression { }"),
    ("while (1) x = time_expression { break; };", "Cannot break out of catch { } or time_expression { }"),
    ("while (1) x = function () { break; };", "break statement outside loop"),
])
def test_where_break_and_continue_are_wrong(analyzed: Analyzed, statement: str, message: str) -> None:
    result = _in_function(analyzed, statement)
    (error,) = result.errors
    assert error.message == message
    assert result.marked(error) in ("break;", "continue;")


@pytest.mark.parametrize("statement", [
    "while (1) break;", "do { continue; } while (i);", "for (;;) { if (i) break; }", "foreach (x in m) continue;",
    "switch (i) { case 1: break; }", "while (1) { switch (i) { case 1: continue; } }",
    "catch { while (1) break; };", "catch { switch (i) { case 1: break; } };", "while (1) { catch(i++); break; }",
])
def test_where_break_and_continue_are_right(analyzed: Analyzed, statement: str) -> None:
    assert not _in_function(analyzed, statement).errors


# ------------------------------------------------------------------------------------------------------- switch


@pytest.mark.parametrize(("labels", "message", "marked"), [
    ("case 1 / 0: break;", "Division by zero", "0"),
    ("case 1 % 0: break;", "Modulo by zero", "0"),
    ("case i: break;", "A case label must be a constant int or string expression", "i"),
    ("case 1.5: break;", "A case label must be a constant int or string expression", "1.5"),
    ('case "a".."b": break;', "String case labels not allowed as range bounds", 'case "a".."b":'),
    ('case 1: case "a": break;', "Mixed case label list not allowed", 'case "a":'),
    ('case "a": case 1: break;', "Mixed case label list not allowed", "case 1:"),
    ("case 1: default: break; default: break;", "Duplicate default label", "default:"),
    ("default: break;", "need case statements in switch/case, not just default:", "default:"),
    ("case 1: case 0..5: break;", "Overlapping cases: /test.c:1 and /test.c:1.", "case 0..5:"),
    ("case 0..5: case 5..9: break;", "Overlapping cases: /test.c:1 and /test.c:1.", "case 5..9:"),
    ("case ..5: case 3: break;", "Overlapping cases: /test.c:1 and /test.c:1.", "case 3:"),
    ("case 5..: case 9: break;", "Overlapping cases: /test.c:1 and /test.c:1.", "case 9:"),
    ("case 0..100: case 1..2: case 50: break;", "Overlapping cases: /test.c:1 and /test.c:1.", "case 1..2:"),
])
def test_bad_labels(analyzed: Analyzed, labels: str, message: str, marked: str) -> None:
    result = _in_function(analyzed, f"switch (x) {{ {labels} }}")
    error = result.errors[0]
    assert error.message == message
    assert result.marked(error) == marked


def test_all_overlaps_are_found(analyzed: Analyzed) -> None:
    result = _in_function(analyzed, "switch (x) { case 0..100: case 1..2: case 50: break; }")
    assert len(result.errors) == 2


@pytest.mark.parametrize("labels", [
    "case 1: case 2: default: break;", 'case "a": case 0: case "b": break;', "case 1..5: case 6..: case ..0: break;",
    'case "a" + "b": case "a" "c": break;', "case 1 + 2 * 3: case (1 << 4) | 1: case -1: break;",
])
def test_good_labels(analyzed: Analyzed, labels: str) -> None:
    assert not _in_function(analyzed, f"switch (x) {{ {labels} }}").messages


@pytest.mark.parametrize("labels", ["case 1: case 1: break;", 'case "a": case "a": break;'])
def test_plain_duplicates_are_warnings(analyzed: Analyzed, labels: str) -> None:
    result = _in_function(analyzed, f"switch (x) {{ {labels} }}")
    assert not result.errors
    (warning,) = result.warnings
    assert warning.message == "Overlapping cases: /test.c:1 and /test.c:1."
    assert warning.notes


def test_an_empty_range_is_a_warning(analyzed: Analyzed) -> None:
    result = _in_function(analyzed, "switch (i) { case 5..1: break; case 3: break; }")
    assert result.messages == ["This range matches nothing"]


def test_locals_of_a_switch_end_with_it(analyzed: Analyzed) -> None:
    result = _in_function(analyzed, "switch (i) { int k; case 1: k = 1; } k = 2;")
    assert [d.message for d in result.errors] == ["Undefined variable 'k'"]


# ------------------------------------------------------------------------------------------------ unused things


@pytest.mark.parametrize(("statement", "message", "marked"), [
    ("i == 1;", "Value of conditional expression is unused", "i == 1"),
    ("i <= 1;", "Value of conditional expression is unused", "i <= 1"),
    ("i;", "Expression has no side effects, and the value is unused", "i"),
    ("i + g;", "Expression has no side effects, and the value is unused", "i + g"),
    ("-i;", "Expression has no side effects, and the value is unused", "-i"),
    ("5;", "Expression has no side effects, and the value is unused", "5"),
    ("({ i, ({ s }) });", "Expression has no side effects, and the value is unused", "({ i, ({ s }) })"),
    ("([ i: s ]);", "Expression has no side effects, and the value is unused", "([ i: s ])"),
    ("s[1..2];", "Expression has no side effects, and the value is unused", "s[1..2]"),
    ("m[i];", "Expression has no side effects, and the value is unused", "m[i]"),
    ("i ? i : g;", "Expression has no side effects, and the value is unused", "i ? i : g"),
    ("(: $1 :);", "Expression has no side effects, and the value is unused", "(: $1 :)"),
    ("test;", "Expression has no side effects, and the value is unused", "test"),
    ("(int)x;", "Expression has no side effects, and the value is unused", "(int)x"),
    ("`${i}`;", "Expression has no side effects, and the value is unused", "`${i}`"),
    ("for (i; i < 3; i++) ;", "Expression has no side effects, and the value is unused", "i"),
    ("for (; i < 3; i) ;", "Expression has no side effects, and the value is unused", "i"),
    ("i = (s, g);", "Expression has no side effects, and the value is unused", "s"),
])
def test_values_computed_for_nothing(analyzed: Analyzed, statement: str, message: str, marked: str) -> None:
    result = _in_function(analyzed, statement)
    assert [(d.message, result.marked(d)) for d in result.diagnostics.found] == [(message, marked)]


@pytest.mark.parametrize("statement", [
    "write(1);", "i = 1;", "i++;", "x->f();", "i && write(s);", "i ? write(s) : write(x);", "({ write(1) });",
    "1 + write(s);", "catch(i = 1);", "new(\"/x\");", "sscanf(s, \"%d\", i);", "s[write(1)];", "(*x)(1);",
    "evaluate(x);", "i = 1, s = x;", "i++, s;", ";", "x = catch { i++; };", "write(1)[0];",
])
def test_values_that_are_not_reported(analyzed: Analyzed, statement: str) -> None:
    assert not _in_function(analyzed, statement).warnings


def test_a_value_in_error_is_not_also_unused(analyzed: Analyzed) -> None:
    result = _in_function(analyzed, "unknown_variable;")
    assert result.messages == ["Undefined variable 'unknown_variable'"]


def test_unused_locals_are_reported_at_their_declaration(analyzed: Analyzed) -> None:
    result = analyzed("void f(int p) {\n int a, bb = 1;\n { string ccc; }\n for (int i = 0; ; ) ;\n}")
    assert [(d.message, result.marked(d)) for d in result.warnings] == [
        ("Unused local variable 'ccc'", "ccc"), ("Unused local variable 'a'", "a"),
        ("Unused local variable 'bb'", "bb")]


@pytest.mark.parametrize("statement", ["int a; a = 1;", "int a; foreach (a in x) ;", "function a; a();",
                                       "int a; write(a);", "foreach (int a in x) ;"])
def test_any_mention_is_a_use(analyzed: Analyzed, statement: str) -> None:
    assert not _in_function(analyzed, statement).warnings


@pytest.mark.parametrize(("statement", "message"), [
    ("x = i ? 1 : s;", "Types in ?: do not match ( int vs string )."),
    ("x = (: \"name\" :);", "Function pointer returning string constant is NOT a function call"),
    ("x = s[-1];", "A negative constant in arr[x] no longer means indexing from the end.  Use arr[<x]"),
    ("x = (i == 1) & (i == 2);", "bitwise operation on boolean values."),
    ("x = !i | !g;", "bitwise operation on boolean values."),
    ("x = (string)i;", "Cannot cast int to string"),
])
def test_other_warnings(analyzed: Analyzed, statement: str, message: str) -> None:
    assert _in_function(analyzed, statement).messages == [message]


@pytest.mark.parametrize("statement", ["x = (mixed)i;", "x = (int)x;", "x = (string *)({ });", "x = (int)i;"])
def test_harmless_casts(analyzed: Analyzed, statement: str) -> None:
    assert not _in_function(analyzed, statement).messages


def test_return_without_value(analyzed: Analyzed) -> None:
    result = analyzed("int f() { return; }\nf2() { return; }")
    (warning,) = result.warnings
    assert warning.message == "Non-void functions must return a value."


def test_warnings_can_be_switched_off(analyzed: Analyzed) -> None:
    assert not analyzed("#pragma no_warnings\nvoid f() { int a; }").messages


def test_deep_else_if_chains_and_long_sums(analyzed: Analyzed) -> None:
    chain = " else ".join(f"if (i == {n}) x = {n};" for n in range(250))
    total = " + ".join(["i"] * 450)
    assert not _in_function(analyzed, f"{chain} x = {total};").messages
