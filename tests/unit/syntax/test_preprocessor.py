"""Directives, macros, conditions and includes: what the parser gets, where it stands, what is said."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from lpc.diagnostics import Diagnostic, Diagnostics, Severity, render, render_all
from lpc.source import COLUMN_BITS, Location, SourceMap, column_of, line_of, position
from lpc.syntax.macros import MAX_ARGUMENT_NESTING
from lpc.syntax.preprocessor import DEFAULT_PRAGMAS, MAX_INCLUDE_DEPTH, MAX_INCLUSIONS, Preprocessor, TokenStream
from lpc.syntax.tokens import Token

PREDEFINED = {"MUD_NAME": '"Test Mud"', "FLUFFOS": "", "MAX_INT": "9223372036854775807"}


class Run:
    """One preprocessed program: `files` are the headers, under /include/ for <> and beside the file for quotes."""

    def __init__(self, text: str, files: Mapping[str, str] | None = None, *, file: str = "/d/a.c",
                 prelude: str | None = None) -> None:
        self.source = SourceMap()
        self.diagnostics = Diagnostics(self.source)
        self.asked: list[tuple[str, bool, str]] = []
        self._files = files or {}
        preprocessor = Preprocessor(self.source, self.diagnostics, predefined=PREDEFINED, include=self._include,
                                    efun_defined=lambda name: name == "write")
        self.stream: TokenStream = preprocessor.run(file, text, prelude=prelude)
        self.tokens: list[Token] = self.stream.tokens
        self.values: list[Any] = [token.value for token in self.tokens]
        self.found: list[Diagnostic] = self.diagnostics.found
        self.messages: list[str] = [d.message for d in self.found]

    def _include(self, name: str, angled: bool, from_file: str) -> tuple[str, str] | None:
        self.asked.append((name, angled, from_file))
        path = f"/include/{name}" if angled else f"{from_file[:from_file.rfind('/') + 1]}{name}"
        return (path, self._files[name]) if name in self._files else None

    def where(self, token: Token) -> Location:
        return self.source.locate(token.start)


def values(text: str, files: Mapping[str, str] | None = None) -> list[Any]:
    """The values of the tokens of a program without faults."""
    run = Run(text, files)
    assert run.messages == []
    return run.values


def fault(text: str, files: Mapping[str, str] | None = None) -> Diagnostic:
    """The one message about a program."""
    (diagnostic,) = Run(text, files).found
    return diagnostic


def marked(text: str) -> str:
    """What the one message about a program points at."""
    diagnostic = fault(text)
    line = text.split("\n")[line_of(diagnostic.start) - 1]
    return line[column_of(diagnostic.start):column_of(diagnostic.end)]


# -------------------------------------------------------------------------------------- object-like macros

@pytest.mark.parametrize(("text", "expected"), [
    ("#define X 1\nX X", [1, 1]),
    ("  # \t define X 1\nX", [1]),
    ("#define X\nX a", ["a"]),
    ("#define X (1 + 2)\nX", ["(", 1, "+", 2, ")"]),
    ("#define X Y\n#define Y 3\nX", [3]),
    ("#define X 1\n#undef X\nX", ["X"]),
    ("#undef X\nX", ["X"]),
    ("#define X X + 1\nX", ["X", "+", 1]),
    ("#define A B\n#define B A\nA B", ["A", "B"]),
    ("#define X 1 // comment\nX", [1]),
    ("#define X 1 /* a */ + /* b\n c */ 2\nX y", [1, "+", 2, "y"]),
    ("#define X a \\\n  b \\\n  c\nX d", ["a", "b", "c", "d"]),
    ("#define X a \\\r\n  b\r\nX d", ["a", "b", "d"]),
    ('#define X "a\\\nb"\nX', ["ab"]),
    ('#define X "//" \'"\' // "\nX', ["//", 34]),
    ("#define X /* nothing */\nX y", ["y"]),
    ("#define X(a) a\nX", ["X"]),
    ("#define X (a)\nX", ["(", "a", ")"]),
    ("#define X a##b\nX", ["ab"]),
    ("#define X 'x'\n\"X\" 'X' X @E\nX\nE", ["X", 88, 120, "X\n"]),
    ("#define EMPTY\n\"a\" EMPTY \"b\"", ["a", "b"]),
    ("#define N -\nN-1", ["-", "-", 1]),
    ("#define P +\nP+ x", ["+", "+", "x"]),
    ("#define X y\nXX X_ _X X1 1X", ["XX", "X_", "_X", "X1", 1, "y"]),
    ("#define static nosave\nstatic int x;", ["nosave", "int", "x", ";"]),
    ("#define while until\nwhile", ["until"]),
    ("#define while until\n#undef while\nwhile", ["while"]),
    ("#define X `a ${Y} X b`\n#define Y 1\nX", ["a ", 1, " X b"]),
    ("#define X 1\n`X ${X} X`", ["X ", 1, " X"]),
    ("#define X 1\n#define X 1\nX", [1]),
    ("#define X a  +  b\n#define X a + b\nX", ["a", "+", "b"]),
    ("#define X }\n`${{ 1 }}`  X", ["", "{", 1, "}", "", "}"]),
])
def test_object_like_macros(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


# ------------------------------------------------------------------------------------- function-like macros

@pytest.mark.parametrize(("text", "expected"), [
    ("F(x) x\nF(1)", [1]),
    ("F(x) x\nF (1)", [1]),
    ("F(x) x\nF\n\n  (1) y", [1, "y"]),
    ("F(x) x\nF // c\n /* d */ (1)", [1]),
    ("F(x) x\nF + F;", ["F", "+", "F", ";"]),
    ("F() 1\nF() F( ) F", [1, 1, "F"]),
    ("F(a, b) a + b\nF(1, 2)", [1, "+", 2]),
    ("F(a, b) a + b\nF((1, 2), f(3, 4))", ["(", 1, ",", 2, ")", "+", "f", "(", 3, ",", 4, ")"]),
    ("F(a, b) [a|b]\nF([1, 2])", ["[", "[", 1, "|", 2, "]", "]"]),
    ("F(a, b) a b\nF({1, 2})", ["{", 1, 2, "}"]),
    ("F(a) a\nF(\"1,2)\" ',' ')')", ["1,2)", 44, 41]),
    ("F(a) a\nF(`x, ${f(1, \")\")} )`)", ["x, ", "f", "(", 1, ",", ")", ")", " )"]),
    ("F(a, b) a b\nF(1)", [1, "b"]),
    ("F(a) a\nF(1, 2)", [1]),
    ("F(a) [a]\nF()", ["[", "]"]),
    ("F(a) a\nF(1\n+\n2) x", [1, "+", 2, "x"]),
    ("F(a) a\nF(1 // c, d)\n + 2 /* ) */)", [1, "+", 2]),
    ("F(a) a\nF(F(F(1)))", [1]),
    ("F(a) F(a) + 1\nF(2)", ["F", "(", 2, ")", "+", 1]),
    ("F(a) -a\nF(-1)", ["-", "-", 1]),
    ("F(a, b) ab a b\nF(1, 2)", ["ab", 1, 2]),
    ("F(a) \"a\" 'a'\nF(1)", ["a", 97]),
    ("F(a) `a ${a} a`\nF(x)", ["a ", "x", " a"]),
    ("F(while) while\nF(1)", [1]),
    ("F(a) a;\\\n  a;\nF(1)", [1, ";", 1, ";"]),
    ("F(a) a\nF(\"x\ny\")", ["x\ny"]),
    ("F(a) $a\nF(1)", [1]),
    ("F(a) a\nF(`x${({1, 2})}`) y", ["x", "(", "{", 1, ",", 2, "}", ")", "", "y"]),
    ("F(a) `${({ a })}`\nF(1)", ["", "(", "{", 1, "}", ")", ""]),
    ("F(a) a\nF(1 \\\n + 2) __LINE__", [1, "+", 2, 3]),
])
def test_function_like_macros(text: str, expected: list[Any]) -> None:
    assert values("#define " + text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("S(x) #x\nS(a + b)", ["a + b"]),
    ("S(x) # x\nS( a )", ["a"]),
    ("S(x) #x\nS(\"a\\n\")", ['"a\\n"']),
    ("S(x) #x\nS('\\\\')", ["'\\\\'"]),
    ("S(x) #x\n#define A 1\nS(A)", ["A"]),
    ("S(x) #x #y\n", []),
    ("S(x) #x\nS()", [""]),
    ("S(x) #x\nS(a\n  b)", ["a b"]),
    ("S(x) #x\n#define T(x) S(x)\n#define A 1\nT(A)", ["1"]),
    ("S(a, b) #a \"-\" #b\nS(x, y)", ["x", "-", "y"]),
    ("C(a, b) a##b\nC(x, 1)", ["x1"]),
    ("C(a, b) a ## b\nC(x, 1)", ["x1"]),
    ("C(a, b) a ## b\n#define x 2\nC(x, 1)", ["x1"]),
    ("C(a, b) a ## b a\n#define x 2\nC(x, 1)", ["x1", 2]),
    ("C(a) query_##a()\nC(name)", ["query_name", "(", ")"]),
    ("C(a) a##_t\nC(int)", ["int_t"]),
    ("C(a, b, c) a##b##c\nC(x, y, z)", ["xyz"]),
    ("C(a, b) a##b\nC(, y) C(x,)", ["y", "x"]),
    ("C(a, b) a##b\n#define xy 5\nC(x, y)", [5]),
    ("C(a, b) a ## b\nC(+, =)", ["+="]),
])
def test_text_and_pasting(text: str, expected: list[Any]) -> None:
    assert values("#define " + text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("#define F(x) [x]\n#define G F\nG(1)", ["[", 1, "]"]),
    ("#define F(x) [x]\n#define G F\nG + 1", ["F", "+", 1]),
    ("#define F(x) [x]\n#define G F\n#define H G\nH (1)(2)", ["[", 1, "]", "(", 2, ")"]),
    ("#define F(x) [x]\n#define OPEN F(1,\nOPEN 2) 3", ["[", 1, "]", 3]),
    ("#define F(x) x\n#define LP (\nF LP 1)", ["F", "(", 1, ")"]),
    ("#define F(x) x F\nF(1)(2)", [1, "F", "(", 2, ")"]),
    ("#define foo foo + 1\n#define ID(x) x\nID(foo) ID(ID(foo))", ["foo", "+", 1, "foo", "+", 1]),
    ("#define F(x) [x]\n#define A F(F(1))\nA", ["[", "[", 1, "]", "]"]),
    ("#define A B C\n#define B 1\n#define C 2\nA", [1, 2]),
    ("#define F(x, y) x + y\n#define PAIR 1, 2\nF(PAIR)", [1, ",", 2, "+", "y"]),
    ("#define A 1\nA\n#undef A\n#define A 2\nA", [1, 2]),
    ("#define A B\n#define B 1\nA\n#undef B\n#define B 2\nA", [1, 2]),
    ("#define X 1\n#define F(X) X\nF(3)", [3]),
])
def test_rescanning(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


def test_macro_tokens_stand_at_the_use_of_the_outermost_macro() -> None:
    run = Run("#define SUM(a, b) a + b\n#define TWO SUM(1, 1)\n  x TWO y SUM(1,\n 2) z")
    assert [(str(token.value), token.start, token.end) for token in run.tokens] == [
        ("x", position(3, 2), position(3, 3)),
        *[(value, position(3, 4), position(3, 7)) for value in "1+1"],
        ("y", position(3, 8), position(3, 9)),
        *[(value, position(3, 10), position(4, 3)) for value in "1+2"],
        ("z", position(4, 4), position(4, 5)),
    ]


def test_the_macros_behind_a_use_are_kept() -> None:
    run = Run("#define SUM(a, b) a + b\n#define TWO SUM(1, ONE)\n#define ONE 1\nTWO ONE MUD_NAME")
    chain = run.stream.expansions[position(4, 0)]
    assert [(macro.name, macro.parent) for macro in chain] == [("TWO", -1), ("SUM", 0), ("ONE", 1)]
    assert [macro.start for macro in chain] == [position(2, 8), position(1, 8), position(3, 8)]
    assert [macro.name for macro in run.stream.expansions[position(4, 4)]] == ["ONE"]
    assert run.stream.expansions[position(4, 8)][0].start is None


def test_messages_inside_a_macro_tell_where_it_comes_from() -> None:
    run = Run('#include <m.h>\nvoid f() { x = BAD; }\n', {"m.h": "#define BAD 'ab'\n"})
    assert render_all(run.found) == """\
/d/a.c:2:16: error[LPC1010]: Illegal character constant
    2 | void f() { x = BAD; }
      |                ^~~ did you mean a string in ""?
/include/m.h:1:9: note: expanded from macro 'BAD'
    1 | #define BAD 'ab'
      |         ^~~
1 error
"""


@pytest.mark.parametrize(("text", "code", "message", "spelling"), [
    ("#define", "LPC1021", "#define: missing name", "#define"),
    ("#define 1", "LPC1021", "#define: missing name", "1"),
    ("#define F(a", "LPC1021", "#define: malformed macro parameter list", "F(a"),
    ("#define F(a b) x", "LPC1021", "#define: malformed macro parameter list", "F(a b) x"),
    ("#define F(a,) x", "LPC1021", "#define: malformed macro parameter list", "F(a,) x"),
    ("#define F(...) x", "LPC1021", "#define: malformed macro parameter list", "F(...) x"),
    ("#define F(a, ...) x", "LPC1021", "#define: malformed macro parameter list", "F(a, ...) x"),
    ("#define F(a, a) x", "LPC1021", "#define: malformed macro parameter list", "F(a, a) x"),
    ("#define X ## a", "LPC1022", "'##' cannot appear at start of macro body", "X ## a"),
    ("#define X a ##", "LPC1022", "'##' cannot appear at end of macro body", "X a ##"),
    ("#define MUD_NAME 1", "LPC1023", "Illegal to redefine a predefined value.", "MUD_NAME"),
    ("#define __LINE__ 1", "LPC1023", "Illegal to redefine a predefined value.", "__LINE__"),
    ("#define defined 1", "LPC1023", "Illegal to redefine a predefined value.", "defined"),
    ("#undef MUD_NAME", "LPC1023", "Illegal to #undef a predefined value.", "MUD_NAME"),
    ("#undef", "LPC1021", "#undef: missing name", "#undef"),
    ("#ifdef\n#endif", "LPC1021", "#ifdef: missing name", "#ifdef"),
    ("#foo bar", "LPC1020", "Unknown preprocessor directive: #foo", "#foo"),
    ("x\n  # @", "LPC1020", "Unknown preprocessor directive: #", "#"),
    ("#define F(x) x\nF(1", "LPC1025", "End of file in macro arguments of 'F'", "F"),
    ("#define F(x) x\n#define G F(1\nG", "LPC1025", "End of file in macro arguments of 'F'", "G"),
    ("#define F(x) x\nF(1\n#if 1\n)", "LPC1025", "preprocessor directive in macro arguments: '#if'", "F"),
    ("#error no  good // really", "LPC1050", "#error no  good", "no  good // really"),
    ("#error", "LPC1050", "#error", "#error"),
    ("#error don't", "LPC1050", "#error don't", "don't"),
    ("#line", "LPC1053", "#line: expected a line number and a file in quotes", "#line"),
    ("#line x", "LPC1053", "#line: expected a line number and a file in quotes", "x"),
    ("#line 0", "LPC1053", "#line: number out of range", "0"),
    ("#define X /* a", "LPC1003", "End of file in a comment", "/*"),
    ("#endif", "LPC1031", "unexpected #endif", "#endif"),
    ("#else", "LPC1031", "unexpected #else", "#else"),
    ("#elif 1", "LPC1031", "unexpected #elif", "#elif"),
    ("x\n #if 1\ny", "LPC1030", "Missing #endif", "#if"),
    ("#ifndef X\ny", "LPC1030", "Missing #endif", "#ifndef"),
    ("#if 0\n\"", "LPC1030", "Missing #endif", "#if"),
    ("#include <no.h> x", "LPC1040", "Cannot #include no.h", "<no.h> x"),
    ("#include \"no.h\"", "LPC1040", "Cannot #include no.h", '"no.h"'),
    ("#include", "LPC1040", 'Missing leading " or < in #include', "#include"),
    ("#include foo", "LPC1040", 'Missing leading " or < in #include', "foo"),
    ("#include <foo", "LPC1040", 'Missing leading " or < in #include', "<foo"),
])
def test_errors(text: str, code: str, message: str, spelling: str) -> None:
    diagnostic = fault(text)
    assert (diagnostic.severity, diagnostic.code, diagnostic.message) == (Severity.ERROR, code, message)
    assert marked(text) == spelling


@pytest.mark.parametrize(("text", "code", "message", "spelling"), [
    ("#define X 1\n#define X 2", "LPC1024", "Macro 'X' redefined", "X"),
    ("#define X 1\n#define X() 1", "LPC1024", "Macro 'X' redefined", "X"),
    ("#define X(a) a\n#define X(b) b", "LPC1024", "Macro 'X' redefined", "X"),
    ("#pragma strict_typos", "LPC1052", "Unknown #pragma, ignored.", "strict_typos"),
    ("#pragma", "LPC1052", "Unknown #pragma, ignored.", "#pragma"),
    ("#warn careful", "LPC1051", "#warn careful", "careful"),
])
def test_warnings(text: str, code: str, message: str, spelling: str) -> None:
    diagnostic = fault(text)
    assert (diagnostic.severity, diagnostic.code, diagnostic.message) == (Severity.WARNING, code, message)
    assert marked(text) == spelling


def test_a_redefinition_wins_and_names_the_previous_one() -> None:
    run = Run("#define LIMIT 1\n#define LIMIT 2\nLIMIT\n")
    assert run.values == [2]
    assert render_all(run.found) == """\
/d/a.c:2:9: warning[LPC1024]: Macro 'LIMIT' redefined
    2 | #define LIMIT 2
      |         ^~~~~
/d/a.c:1:9: note: previous definition of 'LIMIT'
    1 | #define LIMIT 1
      |         ^~~~~
1 warning
"""


@pytest.mark.parametrize("text", ["#", "# ", "# // x", "#/* x */", "#breakpoint", "#breakpoint x"])
def test_directives_that_do_nothing(text: str) -> None:
    assert values(f"a\n{text}\nb") == ["a", "b"]


def test_predefined_names() -> None:
    assert values("MUD_NAME FLUFFOS MAX_INT") == ["Test Mud", 2**63 - 1]


def test_names_of_the_place() -> None:
    run = Run('__FILE__ __DIR__ __LINE__\n#define HERE __LINE__ __FILE__\n#include "h.h"\nHERE HERE\n__DIR__ "x"',
              {"h.h": "\n__LINE__ __FILE__ HERE"})
    assert run.values == ["/d/a.c", "/d/", 1, 2, "/d/h.h", 2, "/d/h.h", 4, "/d/a.c", 4, "/d/a.c", "/d/", "x"]


def test_the_line_of_a_macro_use_is_where_its_name_stands() -> None:
    assert values("#define F(x) x __LINE__\nF(\n\n1)\n__LINE__") == [1, 2, 5]


def test_file_names_are_quoted() -> None:
    assert Run("__FILE__ __DIR__", file='/d"x\\/a.c').values == ['/d"x\\/a.c', '/d"x\\/']


# ------------------------------------------------------------------------------------------------ conditions

@pytest.mark.parametrize(("text", "expected"), [
    ("#if 1\na\n#endif\nb", ["a", "b"]),
    ("#if 0\na\n#endif\nb", ["b"]),
    ("#if 0\na\n#else\nb\n#endif", ["b"]),
    ("#if 1\na\n#else\nb\n#endif", ["a"]),
    ("#if 0\na\n#elif 1\nb\n#elif 1\nc\n#else\nd\n#endif", ["b"]),
    ("#if 1\na\n#elif 1\nb\n#else\nd\n#endif", ["a"]),
    ("#if 0\na\n#elif 0\nb\n#else\nc\n#endif", ["c"]),
    ("#ifdef X\na\n#else\nb\n#endif", ["b"]),
    ("#define X\n#ifdef X\na\n#endif", ["a"]),
    ("#ifndef X\na\n#endif", ["a"]),
    ("#ifdef MUD_NAME\na\n#endif", ["a"]),
    ("#ifdef while\na\n#endif\nb", ["b"]),
    ("#if 0\n#if 1\na\n#else\nb\n#endif\n#elif 1\nc\n#endif", ["c"]),
    ("#if 1\n#if 0\na\n#else\nb\n#endif\n#endif", ["b"]),
    ("#if 0\n\"unclosed ' ` @x\n /* \n#foo\n#include <x>\n#endif\nb", ["b"]),
    ("#if 0\n#ifdef\n#endif\n#endif\nb", ["b"]),
    ("  #  if 0\na\n\t# else // x\nb\n # endif rest is ignored\nc", ["b", "c"]),
    ("#if 0\n#elif 0\n#elif 1\na\n#endif", ["a"]),
    ("#if 1\n#else\n\"\n#endif\na", ["a"]),
    ("#if 0 /* x\n y */\na\n#endif\nb", ["b"]),
    ("#if 0 || \\\n 1\na\n#endif", ["a"]),
    ("#if 1\n#define X 1\n#else\n#define X 2\n#endif\nX", [1]),
    ("#if 0\n#elif 1/1\na\n#elif 1/0\nb\n#endif", ["a"]),
    ("#if 0\n#endif\r\na", ["a"]),
])
def test_branches(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize("condition", [
    "X", "X == 3", "defined X", "defined(X)", "defined ( X )", "!defined(Y)", "!defined Y && defined X", "X + Y == 3",
    "efun_defined(write)", "!efun_defined(foo)", "efun_defined write", "HAS", "CHECK(X)", "F(3) == 3", "'a' == 97",
    "defined(F)", "!F", "defined(__LINE__)", "__LINE__ > 1", "MAX_INT > 0", "(X)", "X /* c */ == /* d */ 3 // e",
    "STRANGE == 3", "X ? 1 : 0", "while == 0", "defined(X) == defined(F)", "1_0 == 10", "!defined defined",
])
def test_conditions(condition: str) -> None:
    text = ("#define X 3\n#define F(a) a\n#define HAS defined(X)\n#define CHECK(a) (a > 2 && defined(X))\n"
            f"#define STRANGE F\\\n(X)\n#if {condition}\nyes\n#else\nno\n#endif")
    assert values(text) == ["yes"]


def test_conditions_leave_no_words_behind() -> None:
    assert values("#define HAS defined(X)\nHAS\n#if HAS\n#endif\ndefined(X) HAS") == [
        *["defined", "(", "X", ")"] * 3]


@pytest.mark.parametrize(("text", "message", "spelling"), [
    ("#if\n#endif", "missing expression in #if", "#if"),
    ("#if // x\n#endif", "missing expression in #if", "// x"),
    ("#if 1 +\n#endif", "missing expression in #if", "1 +"),
    ("#if 1 2\n#endif", "Condition too complex in #if", "2"),
    ("#if /* x */ 1 2\n#endif", "Condition too complex in #if", "2"),
    ("#if 1 && \\\n   (2 2)\n#endif", "Condition too complex in #if", "2"),
    ("#if 0\n#elif 1.5\n#endif", "floating point constants are not allowed in #if", "1.5"),
    ("#if (1\n#endif", "bracket not paired in #if", "("),
    ("#if 1 / 0\n#endif", "Division by zero in #if", "/"),
    ("#define Z 0\n#if 1 % Z\n#endif", "Modulo by zero in #if", "%"),
    ("#if defined\n#endif", "missing name after 'defined'", "defined"),
    ("#if defined(\n#endif", "missing name after 'defined'", "defined"),
])
def test_bad_conditions(text: str, message: str, spelling: str) -> None:
    run = Run(text)
    assert (run.found[0].code, run.messages[0]) == ("LPC1032", message)
    start, end = run.found[0].start, run.found[0].end
    assert text.split("\n")[line_of(start) - 1][column_of(start):column_of(end)] == spelling


def test_a_bad_condition_is_false() -> None:
    run = Run("#if 1 +\na\n#else\nb\n#endif")
    assert run.values == ["b"]


@pytest.mark.parametrize("second", ["#else", "#elif 1"])
@pytest.mark.parametrize("first", ["1", "0"])
def test_nothing_but_endif_may_follow_else(first: str, second: str) -> None:
    run = Run(f"#if {first}\na\n#else\nb\n{second}\nc\n#endif\nd")
    assert run.messages == [f"unexpected {second.split()[0]}"]
    assert run.found[0].notes[0].message == "the #else is here"
    assert run.values == ["a" if first == "1" else "b", "d"]


def test_every_file_closes_its_own_conditions() -> None:
    run = Run('#if 1\n#include "h"\n#endif\nx', {"h": "#else\n#if 1\ny"})
    assert run.messages == ["unexpected #else", "Missing #endif"]
    assert run.values == ["y", "x"]


# -------------------------------------------------------------------------------------------------- includes

def test_includes_ask_for_the_file_as_written() -> None:
    files = {"a.h": "", "/x/b.h": '#include "c.h"', "c.h": ""}
    run = Run('#include "a.h"\n#include </x/b.h> and more\n#include /* c */ "a.h" // d\n', files)
    assert run.asked == [("a.h", False, "/d/a.c"), ("/x/b.h", True, "/d/a.c"), ("c.h", False, "/include//x/b.h"),
                         ("a.h", False, "/d/a.c")]
    assert run.stream.includes == ["/d/a.h", "/include//x/b.h", "/include//x/c.h"]
    assert run.messages == []


@pytest.mark.parametrize("define", [
    "<a.h>", '"a.h"', "OTHER\n#define OTHER <a.h>", "S(a.h)\n#define S(x) #x", '"a" ".h"',
])
def test_an_include_may_be_a_macro(define: str) -> None:
    run = Run(f"#define HEADER {define}\n#include HEADER\n", {"a.h": "x"})
    assert (run.values, run.messages) == (["x"], [])


def test_included_tokens_know_their_file() -> None:
    run = Run('a\n#include "h.h"\nb', {"h.h": "\n  x\n"})
    assert [run.where(token) for token in run.tokens] == [
        Location("/d/a.c", 1, 1), Location("/d/h.h", 2, 3), Location("/d/a.c", 3, 1)]
    assert run.source.include_chain(run.tokens[1].start) == [Location("/d/a.c", 2, 10)]


def test_the_same_file_may_be_read_twice() -> None:
    run = Run('#include "h.h"\n#include "h.h"\n', {"h.h": "x"})
    assert [run.where(token).file for token in run.tokens] == ["/d/h.h", "/d/h.h"]
    assert [line_of(run.source.inclusion_of(t.start).included_from or 0) for t in run.tokens] == [1, 2]


def test_include_guards() -> None:
    header = "#ifndef H\n#define H\nx\n#endif\n"
    assert values('#include "h"\n#include "h"\n', {"h": header}) == ["x"]


def test_macros_of_a_header_serve_the_file() -> None:
    assert values('#include "h"\nX', {"h": "#define X 1"}) == [1]


def test_an_error_in_a_header_shows_the_way_there() -> None:
    run = Run('#include "h.h"\n', {"h.h": "int x = 'ab';\n"})
    assert render(run.found[0]) == """\
In file included from /d/a.c:1:
/d/h.h:1:9: error[LPC1010]: Illegal character constant
    1 | int x = 'ab';
      |         ^~~~ did you mean a string in ""?
"""


def test_the_prelude_comes_before_the_first_line() -> None:
    run = Run("X __LINE__", {"global.h": "#define X 5\ny"}, prelude="<global.h>")
    assert run.values == ["y", 5, 1]
    assert run.asked == [("global.h", True, "/d/a.c")]
    assert run.stream.includes == ["/include/global.h"]
    assert run.where(run.tokens[1]) == Location("/d/a.c", 1, 1)


def test_a_missing_prelude_is_an_error_of_the_first_line() -> None:
    run = Run("x", prelude='"no.h"')
    assert run.messages == ["Cannot #include no.h"]
    assert run.source.locate(run.found[0].start) == Location("/d/a.c", 1, 1)


def test_includes_may_be_so_deep_and_no_deeper() -> None:
    def chain(depth: int) -> dict[str, str]:
        return {str(at): f'#include "{at + 1}"\n' for at in range(depth - 1)} | {str(depth - 1): "x"}

    assert values('#include "0"\n', chain(MAX_INCLUDE_DEPTH)) == ["x"]
    run = Run('#include "0"\n', chain(MAX_INCLUDE_DEPTH + 1))
    assert run.messages == ["#include nested too deeply"]
    assert not run.stream.complete


def test_a_file_that_includes_itself_twice_ends() -> None:
    run = Run('#include "s"\n', {"s": '#include "s"\n#include "s"\n'})
    assert run.messages == ["#include nested too deeply"]


def test_a_tree_of_includes_ends() -> None:
    files = {str(at): f'#include "{at + 1}"\n' * 2 for at in range(30)} | {"30": "x\n"}
    run = Run('#include "0"\n', files)
    assert run.messages == [f"#include of more than {MAX_INCLUSIONS} files"]
    assert not run.stream.complete


def test_a_huge_program_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.syntax.preprocessor.MAX_CHARACTERS", 1000)
    run = Run('#include "h"\n' * 40, {"h": "x;\n" * 100})
    assert run.messages == ["Program too large"]
    assert not run.stream.complete


# ---------------------------------------------------------------------------------------- pragmas, line, rest

@pytest.mark.parametrize(("text", "added", "removed"), [
    ("", set(), set()),
    ("#pragma strict_types\n", {"strict_types"}, set()),
    ("#pragma strict_types\n#pragma no_strict_types\n", set(), set()),
    ("#pragma no_save_types // c\n", set(), {"save_types"}),
    ("#pragma strict_types, no_optimize\n", {"strict_types"}, {"optimize"}),
    ("#pragma strict_types no_show_error_context\n", {"strict_types"}, {"show_error_context"}),
])
def test_pragmas(text: str, added: set[str], removed: set[str]) -> None:
    run = Run(text)
    assert run.stream.pragmas == (DEFAULT_PRAGMAS | added) - removed
    assert run.messages == []


def test_a_pragma_of_a_header_holds_to_the_end() -> None:
    assert "strict_types" in Run('#include "h"\n', {"h": "#pragma strict_types\n"}).stream.pragmas


def test_no_warnings_holds_from_there_on() -> None:
    assert Run("#warn a\n#pragma no_warnings\n#warn b\n#pragma warnings\n#warn c\n").messages == ["#warn a", "#warn c"]


def test_echoes_are_kept_for_the_driver() -> None:
    assert Run("#echo hello  there // x\n#if 0\n#echo no\n#endif").stream.echoes == ["hello  there"]


@pytest.mark.parametrize("directive", [
    '#line 100 "/x/b.y"', '# 100 "/x/b.y"', '#100 "/x/b.y" 3', '#line 100  /*c*/  "/x/b.y"',
])
def test_line_sets_number_and_file(directive: str) -> None:
    run = Run(f"a\n{directive}\n__LINE__ __FILE__ __DIR__\n\n  b 'xy'\n")
    assert run.values[1:4] == [100, "/x/b.y", "/x/"]
    assert run.where(run.tokens[-2]) == Location("/x/b.y", 102, 3)
    assert render(run.found[0]).startswith("/x/b.y:102:5: error")
    assert "  102 |   b 'xy'\n" in render(run.found[0])


def test_line_without_a_file_keeps_it() -> None:
    run = Run("#line 7\n__FILE__ __LINE__\n#line 3\n__LINE__")
    assert run.values == ["/d/a.c", 7, 3]


def test_line_in_a_header_ends_with_it() -> None:
    run = Run('#include "h"\n__LINE__ __FILE__', {"h": '#line 50 "/y"\n__LINE__ __FILE__\n'})
    assert run.values == [50, "/y", 2, "/d/a.c"]
    assert run.source.include_chain(run.tokens[0].start) == [Location("/d/a.c", 1, 10)]


def test_includes_after_line_are_looked_for_beside_the_real_file() -> None:
    run = Run('#line 1 "/elsewhere/x"\n#include "h"\n', {"h": ""})
    assert run.asked == [("h", False, "/d/a.c")]


def test_directives_take_the_whole_logical_line() -> None:
    assert values('#define A "x\\\ny" /* c\n\n */ 1 // d \\\nA\n__LINE__') == ["xy", 1, 6]


def test_a_directive_stands_first_on_its_line() -> None:
    run = Run("a #define X 1\nX")
    assert run.messages == ["Illegal character '#' (0x23)"]
    assert Run("/* c */ #define X 1\nX").messages == ["Illegal character '#' (0x23)"]


def test_a_line_splice_does_not_start_a_directive_line() -> None:
    assert values("\n#define X 1\nX\\\n") == [1]


# ---------------------------------------------------------------------------------------------------- bounds

def doubling(body: str, parameters: str = "") -> str:
    """Macros each of which uses the one before twice."""
    lines = [f"#define M0{parameters} {body}"]
    lines += [f"#define M{at}{parameters} M{at - 1}{parameters} M{at - 1}{parameters}" for at in range(1, 60)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("text", [
    doubling("x") + "M59",
    doubling("") + "M59",
    doubling("x x", "(x)") + "M59(hello)",
    "#define S(x) x x\n" + "S(" * 50 + "1" + ")" * 50,
    "#define A " + "x " * 1000 + "\n" + "A A A A A A A A\n" * 2000,
    "#define D(x) x\n" + "D(" * 50_000 + ")" * 50_000,
], ids=["names", "empty", "arguments", "nested", "long", "deep"])
def test_macro_bombs_end_with_one_clear_message(text: str) -> None:
    started = time.perf_counter()
    run = Run(text)
    assert run.messages in (["Macro expansion too large"], ["Macro expansion nested too deep"])
    assert run.found[0].code == "LPC1026"
    assert not run.stream.complete
    # Generous: a bound on the order of the work, not a benchmark.
    assert time.perf_counter() - started < 30


def test_arguments_nest_so_deep_and_no_deeper() -> None:
    def nested(depth: int) -> str:
        return "#define D(x) x\n" + "D(" * depth + "1" + ")" * depth

    assert values(nested(MAX_ARGUMENT_NESTING)) == [1]
    assert Run(nested(MAX_ARGUMENT_NESTING + 2)).messages == ["Macro expansion nested too deep"]


def test_macros_nest_so_deep_and_no_deeper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lpc.syntax.macros.MAX_NESTING", 100)
    run = Run("".join(f"#define C{at} C{at + 1}\n" for at in range(101)) + "C0")
    assert run.messages == ["Macro expansion nested too deep"]


def test_long_chains_of_macros_are_fine() -> None:
    assert values("".join(f"#define C{at} C{at + 1}\n" for at in range(5000)) + "C0") == ["C5000"]


@pytest.mark.parametrize("text", [
    "x" * 10_000_000,
    "#if " + "(" * 100_000 + "1" + ")" * 100_000 + "\n#endif",
    "#if " + "(" * 100_000 + "\n#endif",
    "#if 1\n" * 20_000,
    '"' + '\\"' * 200_000,
    "#define X / " + '"' + '\\"' * 200_000 + "\nX",
    "#define X / " + "'" + "\\'" * 200_000 + "\nX",
    "#define X " + "/*" * 200_000,
    "/*" * 200_000,
    "#" * 200_000,
    "x " + "# " * 20_000,
    "\0" * 200_000,
    "`${" * 100_000,
    "@X\n" * 100_000,
    "#define F(x) x\n" + "F(" * 100_000,
    "#define F(x) x\nF(" + "," * 200_000 + ")",
    "#define F(x) x\n" + "F\n" * 20_000,
    "(" * 100_000 + " " * 100_000,
    " " * 500_000,
    "#line 999999999\n" * 100,
    "'" * 100_000,
])
def test_hostile_input_takes_linear_time(text: str) -> None:
    started = time.perf_counter()
    run = Run(text)
    assert all(isinstance(d, Diagnostic) for d in run.found)
    assert isinstance(render_all(run.found), str)
    assert time.perf_counter() - started < 20


def test_positions_stay_inside_their_fields() -> None:
    run = Run("#line 999999999\n" * 100 + "x")
    assert line_of(run.tokens[-1].start) < 1 << 31
    assert run.tokens[-1].start >> COLUMN_BITS == line_of(run.tokens[-1].start)
