"""Types: what is rejected, with FluffOS's words on the right place, and what is converted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from analysis_world import Result

from lpc.analysis.compatibility import comparable, compatible, element_of, versus
from lpc.syntax.nodes import Binary, Call, Conditional, Declarator, IntLiteral
from lpc.types import (
    BUFFER,
    FLOAT,
    INT,
    MAPPING,
    MIXED,
    MIXED_ARRAY,
    OBJECT,
    STRING,
    UNKNOWN,
    VOID,
    Type,
    class_type,
)

Analyzed = Callable[[str], Result]

_INTS = INT.array_of()
_STRINGS = STRING.array_of()

#: What the snippets of the tables below can name.
_GLOBALS = ("int i, i2; string s; object o; mapping m; mixed x; float f; function fn; buffer b; int *ia; string *sa; "
            "mixed *xa; class p { int a; string t; } class q { int z; } class p cp; class q cq; void nothing() { } "
            "int add(int a, int b) { return a + b; } varargs int va(int a, string t) { return a; } "
            "int rest(int a, mixed *more...) { return a; } int opt(int a, int c : (: 1 :)) { return a + c; } "
            "untyped(a) { return a; } void refs(int ref r) { r = 1; } mixed later();\n")


def _typed(analyzed: Analyzed, statements: str) -> Result:
    return analyzed(f"{_GLOBALS}void test() {{ {statements} }}")


def _untyped(analyzed: Analyzed, statements: str) -> Result:
    return analyzed(f"{_GLOBALS}test() {{ {statements} }}")


# ---------------------------------------------------------------------------------------------- compatibility


@pytest.mark.parametrize(("given", "wanted", "fits"), [
    (INT, INT, True), (INT, STRING, False), (INT, FLOAT, True), (FLOAT, INT, True), (VOID, INT, True),
    (INT, VOID, False), (VOID, VOID, True), (VOID, FLOAT, False), (MIXED, STRING, True), (STRING, MIXED, True),
    (UNKNOWN, INT, False), (UNKNOWN, UNKNOWN, False), (UNKNOWN, MIXED, True), (_INTS, _INTS, True),
    (_INTS, _STRINGS, False), (_INTS, MIXED_ARRAY, True), (MIXED_ARRAY, _STRINGS, True), (_INTS, MIXED, True),
    (_INTS, INT, False), (INT, _INTS, False), (class_type("a"), class_type("a"), True),
    (class_type("a"), class_type("b"), False), (class_type("a"), OBJECT, False),
    (class_type("a", True), MIXED_ARRAY, True),
])
def test_compatible(given: Type, wanted: Type, fits: bool) -> None:
    assert compatible(given, wanted) is fits


def test_comparable_is_symmetric() -> None:
    assert comparable(INT, VOID)
    assert comparable(VOID, INT)
    assert not comparable(STRING, OBJECT)


def test_elements() -> None:
    assert element_of(_STRINGS) == STRING
    assert element_of(MIXED_ARRAY) == MIXED
    assert element_of(class_type("a", True)) == class_type("a")


def test_spelling() -> None:
    assert versus(_INTS, class_type("a")) == "( int * vs class a )"


# --------------------------------------------------------------------------------------------------- operators


@pytest.mark.parametrize(("statement", "message", "marked"), [
    ("s = s + ia;", "Invalid argument types to '+' ( string vs int * )", "s + ia"),
    ("x = o + i;", "Invalid argument types to '+' ( object vs int )", "o + i"),
    ("x = m + s;", "Invalid argument types to '+' ( mapping vs string )", "m + s"),
    ("x = fn + x;", "Bad left argument to '+' (function)", "fn"),
    ("x = x + fn;", "Bad right argument to '+' (function)", "fn"),
    ("x = s - s;", "Bad argument number 1 to '-': \"string \"", "s"),
    ("x = x - s;", "Bad argument number 2 to '-': \"string \"", "s"),
    ("x = s - x;", "Bad argument number 1 to '-': \"string \"", "s"),
    ("x = s - i;", "Invalid types to '-' ( string vs int )", "s - i"),
    ("x = s * s;", "Bad argument number 1 to '*': \"string \"", "s"),
    ("x = x * o;", "Bad argument number 2 to '*': \"object \"", "o"),
    ("x = s * i;", "Invalid types to '*' ( string vs int )", "s * i"),
    ("x = s / s;", "Bad argument 1 to '/': \"string \"", "s"),
    ("x = x / s;", "Bad argument 2 to '/': \"string \"", "s"),
    ("x = s / i;", "Invalid types to '/' ( string vs int )", "s / i"),
    ("x = f % i;", "Bad left argument to '%' : \"float \"", "f"),
    ("x = i % f;", "Bad right argument to '%' : \"float \"", "f"),
    ("x = s << i;", "Bad left argument to '<<' : \"string \"", "s"),
    ("x = i >> s;", "Bad right argument to '>>' : \"string \"", "s"),
    ("x = i ^ s;", "Bad right argument to '^' : \"string \"", "s"),
    ("x = i & s;", "Bad right argument to '&' : \"string \"", "s"),
    ("x = ia | i;", "Incompatible types for | ( int * vs int ).", "ia | i"),
    ("x = m & ia;", "Incompatible types for & ( mapping vs int * ).", "m & ia"),
    ("x = o == s;", "== always false because of incompatible types ( object vs string ).", "o == s"),
    ("x = o != s;", "!= always true because of incompatible types ( object vs string ).", "o != s"),
    ("x = o < i;", "Bad left argument to '<' : \"object \"", "o"),
    ("x = i >= m;", "Bad right argument to '>=' : \"mapping \"", "m"),
    ("x = i > s;", "Arguments to > do not have compatible types : ( int vs string )", "i > s"),
    ("x = ~s;", "Bad argument to ~: \"string \"", "s"),
    ("x = -s;", "Bad argument to unary '-': \"string \"", "s"),
    ("s++;", "Bad argument 1 to x++: \"string \"", "s"),
    ("--o;", "Bad argument 1 to --x: \"object \"", "o"),
    ("x = s[1.5];", "Bad type of index: \"float \"", "1.5"),
    ("x = ia[s];", "Bad type of index: \"string \"", "s"),
    ("x = o[1];", "Value indexed has a bad type : \"object \"", "o"),
    ("x = m[<1];", "Illegal index for mapping.", "1"),
    ("x = s[s..1];", "Bad type of left index to range operator: \"string \"", "s"),
    ("x = s[1..s];", "Bad type of right index to range operator: \"string \"", "s"),
    ("x = m[1..2];", "Bad type of argument used for range: : \"mapping \"", "m"),
])
def test_bad_operands(analyzed: Analyzed, statement: str, message: str, marked: str) -> None:
    result = _typed(analyzed, statement)
    (error,) = result.errors
    assert error.message == message
    assert result.marked(error) == marked


@pytest.mark.parametrize("statement", [
    "s = s + i + f + o;", "s = i + s;", "s = f + s;", "s = o + s;", "f = i + f;", "ia = ia + ia;", "xa = ia + sa;",
    "m = m + m;", "m = m * m;", "b = b + s;", "b = b + ia;", "xa = ia - sa;", "f = f - i;", "x = x - x;", "x = x * x;",
    "x = x / x;", "ia = ia & ia;", "xa = ia | sa;", "i = i | x;", "x = x & x;", "i = ia == xa;", "i = x == o;",
    "i = nothing() == i;", "i = s < s;", "i = i < f;", "i = x < s;", "i = -i;", "f = -f;", "i = !s;", "i = ~x;",
    "x++;", "f--;", "i = s[1];", "i = b[<1];", "i = ia[0];", "x = m[s];", "x = x[s];", "s = s[1..];", "ia = ia[0..<1];",
    "x = x[0..1];", "i = 0 << 5 | 14;", "s = (0 << 5) | 14;", "s = ~0;",
])
def test_good_operands(analyzed: Analyzed, statement: str) -> None:
    assert not _typed(analyzed, statement).messages


@pytest.mark.parametrize("statement", ["s = s + ia;", "x = s - s;", "x = o == s;", "s++;", "x = s[1.5];", "i = s;",
                                       "add(1);", 'add(1, "a");', "strlen(5);", "return s;", "x = ~s + -s;"])
def test_untyped_functions_are_not_checked(analyzed: Analyzed, statement: str) -> None:
    assert not _untyped(analyzed, statement).errors


def test_one_mistake_gives_one_message(analyzed: Analyzed) -> None:
    result = _typed(analyzed, "x = (o + i) * i - strlen((o == s) + sa[0]);")
    assert len(result.errors) == 2
    assert not result.warnings


@pytest.mark.parametrize(("expression", "of"), [
    ("i + i", INT), ("i + f", FLOAT), ("s + i", STRING), ("x + i", INT), ("x + x", MIXED), ("ia + sa", MIXED_ARRAY),
    ("i ? 1 : 2", INT), ("i ? 1 : s", MIXED), ("i && i", INT), ("i || s", MIXED),
    ("i ?? i", MIXED), ("!s", INT), ("-f", FLOAT), ("({ 1 })", MIXED_ARRAY), ("([ 1: 2 ])", MAPPING), ("sa[0]", STRING),
    ("s[0]", INT), ("m[0]", MIXED), ("cp->t", STRING), ("new(class p)", class_type("p")), ("(string)x", STRING),
    ("strlen(s)", INT), ("o->f()", MIXED), ("later()", MIXED), ("catch(i = 1)", MIXED), ("time_expression(i = 1)", INT),
    ("i = f", INT), ("s += 1", STRING), ("(i, s)", STRING), ("`${i}`", STRING), ("sscanf(s, \"%d\", i)", INT),
    ("cp", class_type("p")), ("function (int k) { return k; }", Type("function")), ("(: $1 :)", Type("function")),
    ("fn(1)", MIXED), ("(*fn)(1)", MIXED), ("m?.x", MIXED), ("i++", INT), ("untyped(1)", UNKNOWN), ("0", INT),
    ("xa[1..2]", MIXED_ARRAY), ("x & ia", MIXED_ARRAY), ("i % i", INT), ("new(\"/x\")", MIXED),
])
def test_types_of_expressions(analyzed: Analyzed, expression: str, of: Type) -> None:
    result = _typed(analyzed, f"mixed result = {expression}; write(result);")
    assert not result.errors
    value = next(node.value for node in result.all(Declarator) if node.name == "result")
    assert value is not None
    assert result.analysis.types[value] == of


def test_every_expression_has_a_type(analyzed: Analyzed) -> None:
    result = _typed(analyzed, "x = i + 1 || s; if (x) x = 1 + (2 + (3 + i)); else x = i ?? s ?? 0;")
    assert all(node in result.analysis.types for kind in (Binary, IntLiteral, Call, Conditional)
               for node in result.all(kind))


# -------------------------------------------------------------------------------------------------- assignment


@pytest.mark.parametrize(("statement", "message", "marked"), [
    ('i = "s";', "Bad assignment ( int vs string ).", '"s"'),
    ("s = 3;", "Bad assignment ( string vs int ).", "3"),
    ("ia = sa;", "Bad assignment ( int * vs string * ).", "sa"),
    ("cp = cq;", "Bad assignment ( class p vs class q ).", "cq"),
    ("s = nothing();", "Bad assignment ( string vs void ).", "nothing()"),
    ("i = untyped(1);", "Bad assignment ( int vs unknown ).", "untyped(1)"),
    ("i += s;", "Bad assignment ( int vs string ).", "s"),
    ("s += ia;", "Bad assignment ( string vs int * ).", "ia"),
    ("s -= 1;", "Bad assignment ( string vs int ).", "1"),
    ("s ||= 1;", "Bad assignment ( string vs int ).", "1"),
    ("sa[0] = 1;", "Bad assignment ( string vs int ).", "1"),
    ("cp->t = 1;", "Bad assignment ( string vs int ).", "1"),
    ("s[0] = s;", "Bad assignment ( int vs string ).", "s"),
    ("int v = s; v++;", "Type mismatch ( int vs string ) when initializing v", "s"),
    ("return 1;", "Type of returned value doesn't match function return type ( int vs void )", "1"),
])
def test_bad_assignments(analyzed: Analyzed, statement: str, message: str, marked: str) -> None:
    result = _typed(analyzed, statement)
    (error,) = result.errors
    assert error.message == message
    assert result.marked(error) == marked


def test_a_bad_assignment_says_where_the_variable_is(analyzed: Analyzed) -> None:
    result = _typed(analyzed, "string local; local = 1; s = 1;")
    assert [d.notes[0].message for d in result.errors] == ["'local' declared here", "'s' declared here"]


@pytest.mark.parametrize("statement", [
    "i = 0; s = 0; o = 0; m = 0; ia = 0; cp = 0; fn = 0;", "i = nothing();", "i = x; s = x; ia = x;", "ia = xa;",
    "xa = ia;", "s += 1; s += f; s += o;", "x += 1;", "m += ([ ]);", "ia += ({ 1 });", "i = f; f = i;",
    "b = s; b += ia;",
    "x ??= i;", "return;", "return 0;", "m[i] = s;", "x->name = 1;", "s[0..1] = s;", "cp->a = 1;",
])
def test_good_assignments(analyzed: Analyzed, statement: str) -> None:
    assert not _typed(analyzed, statement).messages


def test_globals_are_checked_without_a_function_around_them(analyzed: Analyzed) -> None:
    result = analyzed('int x = "a";\nint y = 0;\nstring z = x ? "a" : 0;\nint f = z;')
    assert [d.message for d in result.errors] == ["Type mismatch ( int vs string ) when initializing x",
                                                  "Type mismatch ( int vs string ) when initializing f"]


@pytest.mark.parametrize(("text", "message"), [
    ('string f() { return 5; }', "Type of returned value doesn't match function return type ( int vs string )"),
    ("int *f() { return ([ ]); }", "Type of returned value doesn't match function return type ( mapping vs int * )"),
])
def test_bad_returns(analyzed: Analyzed, text: str, message: str) -> None:
    assert [d.message for d in analyzed(text).errors] == [message]


@pytest.mark.parametrize("text", ["string f() { return 0; }", "mixed f() { return 1; }", "void f() { return f(); }",
                                  "int f() { return 1.5; }", "f() { return 1; }", "mixed f() { return; }",
                                  "int f() { catch { return 1; }; return 2; }"])
def test_good_returns(analyzed: Analyzed, text: str) -> None:
    assert not analyzed(text).messages


def test_functions_are_no_lvalues(analyzed: Analyzed) -> None:
    result = _untyped(analyzed, "add = 1; add[0] = 1; ++write; write[1..2] = s;")
    assert [d.message for d in result.errors] == ["Illegal lvalue"] * 4


# ------------------------------------------------------------------------------------------------- conversions


@pytest.mark.parametrize(("statement", "to"), [
    ("i = f;", INT), ("f = i;", FLOAT), ("f = 0;", FLOAT), ("f += i;", FLOAT), ("i -= f;", INT), ("f *= 2;", FLOAT),
    ("i /= f;", INT), ("b = s;", BUFFER), ("b += ia;", BUFFER), ("b = ({ 1 });", BUFFER), ("float v = 1; v++;", FLOAT),
    ("int v = f; v++;", INT), ("buffer v = s; write(v);", BUFFER), ("sqrt(2);", FLOAT), ("sqrt(0);", FLOAT),
    ("random(f);", INT),
])
def test_conversions(analyzed: Analyzed, statement: str, to: Type) -> None:
    result = _typed(analyzed, statement)
    assert not result.messages
    assert list(result.analysis.conversions.values()) == [to]


@pytest.mark.parametrize("statement", ["i = x;", "f = x;", "x = i;", "f = f;", "add(f, f);", "i %= f;", "to_int(f);",
                                       "to_int(i);", "m[0] = f;", "f ??= i;", "s += i;"])
def test_no_conversion(analyzed: Analyzed, statement: str) -> None:
    result = _typed(analyzed, statement)
    assert not result.messages
    assert not result.analysis.conversions


def test_conversions_of_returned_values(analyzed: Analyzed) -> None:
    result = analyzed("int f() { return 1.5; } float g() { return 1; } float h() { return 0; } mixed k() { return 1; }")
    assert list(result.analysis.conversions.values()) == [INT, FLOAT, FLOAT]


def test_untyped_code_converts_on_assignment_but_not_on_return(analyzed: Analyzed) -> None:
    result = analyzed("f() { int i; i = 1.5; return 1.5; }")
    assert list(result.analysis.conversions.values()) == [INT]


def test_conversions_in_global_initialisers(analyzed: Analyzed) -> None:
    assert list(analyzed("float f = 1;").analysis.conversions.values()) == [FLOAT]


def test_strict_types_check_mixed_values_at_run_time(analyzed: Analyzed) -> None:
    text = "string g; void f(mixed x) { int i = x; g = x; i = 0; x = i; i = i; string *a = ({ x }); write(a); }"
    assert not analyzed(text).analysis.checked
    result = analyzed("#pragma strict_types\n" + text)
    assert not result.errors
    assert list(result.analysis.checked.values()) == [INT, STRING]


# ------------------------------------------------------------------------------------------------------- calls


@pytest.mark.parametrize(("statement", "message", "marked"), [
    ("add(1);", "Wrong number of arguments to 'add', expected: 2, minimum: 2, got: 1.", "add"),
    ("opt();", "Wrong number of arguments to 'opt', expected: 2, minimum: 1, got: 0.", "opt"),
    ('add(1, "x");', "Bad type for argument 2 of add ( int vs string )", '"x"'),
    ('va("a");', "Bad type for argument 1 of va ( int vs string )", '"a"'),
    ('rest("a", 1);', "Bad type for argument 1 of rest ( int vs string )", '"a"'),
    ('opt(1, "a");', "Bad type for argument 2 of opt ( int vs string )", '"a"'),
    ("add(xa...);", "Illegal to pass a variable number of arguments to non-varargs function 'add'.", "xa..."),
    ("strlen();", "Too few arguments to 'strlen'.", "strlen"),
    ("write(1, 2, 3);", "Too many arguments to 'write'.", "2, 3"),
    ("strlen(5);", "Bad argument 1 to efun strlen()", "5"),
    ("strlen(xa...);", "Illegal to pass variable number of arguments to non-varargs efun 'strlen'.", "xa..."),
    ("sprintf();", "Too few arguments to 'sprintf'.", "sprintf"),
    ("refs(i);", "Illegal use of ref", "i"),
    ("add(ref i, 1);", "Illegal use of ref", "ref i"),
])
def test_bad_arguments(analyzed: Analyzed, statement: str, message: str, marked: str) -> None:
    result = _typed(analyzed, statement)
    (error,) = result.errors
    assert error.message == message
    assert result.marked(error) == marked
    assert error.notes
    assert not result.warnings


@pytest.mark.parametrize("statement", [
    "add(1, 2, 3, 4);", "add(f, x);", "va();", "va(1);", "rest(1); rest(1, 2, s); rest(xa...); rest();",
    "opt(1); opt(1, 2);",
    "untyped(); untyped(1, 2, s);", "strlen(x); strlen(0);", "sprintf(\"%d\", xa...);", "sprintf(xa...);",
    "refs(ref i);",
    "refs(ref ia[0]);", "o->f(ref i);", "evaluate(fn, ref i);", "va(xa...);", "implode(sa, s);", "this_player();",
    "later(1, 2);",
])
def test_good_arguments(analyzed: Analyzed, statement: str) -> None:
    assert not _typed(analyzed, statement).messages


def test_efuns_count_their_arguments_in_untyped_code_too(analyzed: Analyzed) -> None:
    result = _untyped(analyzed, "strlen(); write(1, 2); strlen(5);")
    assert [d.message for d in result.errors] == ["Too few arguments to 'strlen'.", "Too many arguments to 'write'."]


def test_a_bad_efun_argument_says_what_would_be_right(analyzed: Analyzed) -> None:
    (error,) = _typed(analyzed, "implode(sa, 5);").errors
    assert error.hint == "expected string | function, got int"
    assert error.notes[0].message == "declared as string implode(mixed * items, string | function joint)"


def test_ranges_cannot_be_referenced(analyzed: Analyzed) -> None:
    result = _typed(analyzed, "o->f(ref s[0..1]);")
    assert [d.message for d in result.errors] == ["Illegal to make reference to range"]


def test_anonymous_functions_are_checked(analyzed: Analyzed) -> None:
    result = _untyped(analyzed, "fn = function (int a) { nowhere(); a = s; return a; };")
    assert [d.message for d in result.errors] == ["Undefined function nowhere", "Bad assignment ( int vs string )."]


def test_functionals_are_checked_like_the_code_around_them(analyzed: Analyzed) -> None:
    assert len(_typed(analyzed, "fn = (: i = s :);").errors) == 1
    assert not _untyped(analyzed, "fn = (: i = s :);").errors


# --------------------------------------------------------------------------------------------------- constants


@pytest.mark.parametrize(("statement", "message", "marked"), [
    ("x = 1 / 0;", "Divide by zero in constant", "0"),
    ("x = 1 / 0.0;", "Divide by zero in constant", "0.0"),
    ("x = 5 % (1 - 1);", "Modulo by zero constant", "(1 - 1)"),
    ("x = ({ 1, 2 })[2];", "Illegal index to array constant.", "2"),
    ("x = ({ 1, 2 })[<0];", "Illegal index to array constant.", "0"),
    ("x = ({ 1 })[-1];", "Illegal index to array constant.", "-1"),
])
def test_constant_mistakes_are_found_everywhere(analyzed: Analyzed, statement: str, message: str, marked: str) -> None:
    for result in (_typed(analyzed, statement), _untyped(analyzed, statement)):
        (error,) = result.errors
        assert error.message == message
        assert result.marked(error) == marked


@pytest.mark.parametrize("statement", ["x = i / 0;", "x = ({ 1, 2 })[<2];", "x = ({ xa... })[5];", "x = m[-1];"])
def test_what_only_run_time_can_tell(analyzed: Analyzed, statement: str) -> None:
    assert not _typed(analyzed, statement).messages


def test_parse_command_is_not_supported(analyzed: Analyzed) -> None:
    result = _typed(analyzed, "parse_command(s, o, s, x);")
    (error,) = result.errors
    assert (error.code, error.message) == ("LPC9001", "not supported in this version: parse_command")


def test_strict_types_hold_from_where_they_are_written(analyzed: Analyzed) -> None:
    loose, strict = "f(x) { string s = x; }", "g(x) { return x; }"
    assert not analyzed(loose + "\n#pragma strict_types\nint h(int x) { return x; }").errors
    assert analyzed(loose + "\n#pragma strict_types\n" + strict).errors
    assert not analyzed("#pragma strict_types\nint h(int x) { return x; }\n#pragma no_strict_types\n" + loose).errors
    text = ("void a(mixed x) { int i = x; }\n#pragma strict_types\nvoid b(mixed x) { int i = x; }\n"
            "#pragma no_strict_types\n")
    assert list(analyzed(text + "void c(mixed x) { int i = x; }").analysis.checked.values()) == [INT]
