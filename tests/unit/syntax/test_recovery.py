"""What is said about mistakes, and that nothing else is lost."""

from __future__ import annotations

import pytest
from parsing import read, said

from lpc.syntax import nodes
from lpc.syntax.printer import dump

IN_FUNCTION = [
    ("int x = 1\n  x = 2;", [
        "2:10-11 LPC2002 expected ';' after this",
    ]),
    ("if (x) a; b; else c;", [
        "2:14-18 LPC2005 'else' without 'if'",
    ]),
    ("return", [
        "2:7-8 LPC2002 expected ';' after this",
    ]),
    ("x = ({ 1, 2, 3 };\n  y = 1;", [
        "2:17-18 LPC2003 expected ')' after this <2:5 unclosed '({' opened here>",
    ]),
    ("static int x;\n  x = 1;", [
        "2:1-7 LPC2006 'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
    ]),
    ("status x;", [
        "2:1-7 LPC2006 'status' is not a type: use 'int'",
    ]),
    ('strng s = "a";', [
        "2:1-6 LPC2006 'strng' is not a type [did you mean 'string'?]",
    ]),
    ("retrun x;", [
        "2:8-9 LPC2001 syntax error, unexpected identifier 'x' [did you mean 'return'?]",
    ]),
    ("int x[5];\n  int y[] = { 1, 2 };", [
        "2:6-7 LPC2013 an array is declared with a star: '*x'",
        "3:8-9 LPC2013 an array is declared with a star: '*y'",
        "3:13-14 LPC2014 an array is written '({ … })'",
    ]),
    ("int **x;", [
        "2:6-7 LPC2013 LPC has one '*' only: a 'mixed *' can hold arrays",
    ]),
    ("foo(a b, c);\n  d();", [
        "2:7-8 LPC2001 syntax error, unexpected identifier 'b', expecting ',' or ')'",
    ]),
    ("foo(1, 2;\n  bar();", [
        "2:9-10 LPC2003 expected ')' after this <2:4 unclosed '(' opened here>",
    ]),
    ("foo(1, 2\n  bar();", [
        "2:9-10 LPC2003 expected ');' after this <2:4 unclosed '(' opened here>",
    ]),
    ("if (a b) { c(); } else d();", [
        "2:7-8 LPC2001 syntax error, unexpected identifier 'b', expecting ',' or ')'",
    ]),
    ("for (i = 0 i < 3; i++) { a(); }", [
        "2:11-12 LPC2002 expected ';' after this",
    ]),
    ("for (i = 0, i < 3, i++) { a(); }", [
        "2:23-24 LPC2001 syntax error, unexpected ')', expecting ';'",
    ]),
    ("foreach (x : y) { a(); }", [
        "2:12-13 LPC2001 syntax error, unexpected ':', expecting ',' or 'in'",
    ]),
    ("foreach (int x y) a();", [
        "2:16-17 LPC2001 syntax error, unexpected identifier 'y', expecting ',' or 'in'",
    ]),
    ("if x == 3) { a(); }", [
        "2:3-4 LPC2001 expected '(' after 'if'",
    ]),
    ("if (x == 3 { a(); }", [
        "2:11-12 LPC2003 expected ')' after this <2:4 unclosed '(' opened here>",
    ]),
    ("while (x a();", [
        "2:9-10 LPC2003 expected ')' after this <2:7 unclosed '(' opened here>",
    ]),
    ("5 = x;", [
        "2:1-2 LPC2008 Illegal lvalue",
    ]),
    ("f() = x;", [
        "2:1-4 LPC2008 Illegal lvalue",
    ]),
    ("x++ = 5;\n  y = 1;", [
        "2:1-4 LPC2008 Illegal lvalue",
    ]),
    ("a->\"b\"(1);\n a->(b)(2);\n c();", [
        "2:4-7 LPC2014 a name must follow '->': use call_other(object, function, …)",
        "3:5-6 LPC2014 a name must follow '->': use call_other(object, function, …)",
    ]),
    ("(: $1 :)(3);", [
        "2:9-10 LPC2014 only a name or an index can be called: use evaluate(function, …)",
    ]),
    ("x = ;\n  y = 1;", [
        "2:5-6 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("x = 1 +;\n  y = ;", [
        "2:8-9 LPC2001 syntax error, unexpected ';', expecting an expression",
        "3:7-8 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("x = y z;", [
        "2:7-8 LPC2001 syntax error, unexpected identifier 'z', expecting ',' or ';'",
    ]),
    ("int in;\n  int default;\n  foo(object, 1);", [
        "2:5-7 LPC2018 'in' is a reserved word: it cannot be a name",
        "3:7-14 LPC2018 'default' is a reserved word: it cannot be a name",
        "4:7-13 LPC2018 'object' is a reserved word: it cannot be a name",
    ]),
    ("switch (x) { foo(); case 1: int y; }", [
        "2:14-20 LPC2011 the body of a switch must begin with 'case' or 'default'",
    ]),
    ("case 1: foo();\n  default: bar();", [
        "2:1-5 LPC2012 'case' must stand directly in the body of a 'switch'",
        "3:3-10 LPC2012 'default' must stand directly in the body of a 'switch'",
    ]),
    ("int x += 5;", [
        "2:7-9 LPC2013 Only '=' is allowed in initializers.",
    ]),
    ("x = a[1);", [
        "2:8-9 LPC2003 expected ']' instead of ')' <2:6 unclosed '[' opened here>",
    ]),
    ("x = (1 + 2]];", [
        "2:11-12 LPC2004 unexpected ']': no '[' is open",
        "2:12-13 LPC2003 expected ')' instead of ']' <2:5 unclosed '(' opened here>",
    ]),
    ("{ { a(); }", [
        "4:1-4 LPC2003 expected '}' before this definition <1:10 unclosed '{' opened here>",
    ]),
    ("} }", [
        "2:3-4 LPC2004 unexpected '}': no '{' is open",
        "3:1-2 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("if (x) int y;", [
        "2:8-14 LPC2010 a declaration cannot be the body of 'if': put it in a block",
    ]),
    ("x = a[..3];", [
        "2:7-9 LPC2014 a range needs its start: write '[0..'",
    ]),
    ("x = $1;", [
        "2:5-7 LPC2015 $var illegal outside of function pointer.",
    ]),
    ("function (int a) { $1; };", [
        "2:20-22 LPC2015 $var illegal inside anonymous function pointer.",
    ]),
    ("a.b.c = 1; a?.b = 1;", [
        "2:12-16 LPC2008 Illegal lvalue",
    ]),
    ("x[1..2][3] = 1; x[1..2][3..4]=1;", [
        "2:1-11 LPC2008 Can't do indexed lvalue of range lvalue.",
        "2:17-30 LPC2008 Can't do range lvalue of range lvalue.",
    ]),
    ("sscanf(x);", [
        "2:1-7 LPC2019 Too few arguments to 'sscanf'.",
    ]),
    ("for (int i; ; ) ; for (int i = 1, j = 2; ; ) ;", [
        "2:10-11 LPC2016 the loop variable 'i' needs a value: 'i = …'",
        "2:35-40 LPC2016 'for' declares one variable: declare the others before the loop",
    ]),
    ("do a() while (b);", [
        "2:7-8 LPC2002 expected ';' after this",
    ]),
    ("do { a(); }\n  b();", [
        "3:3-4 LPC2001 syntax error, unexpected identifier 'b', expecting 'while'",
    ]),
    ("whlie (x) { a(); }\n b();", [
        "2:11-12 LPC2001 syntax error, unexpected '{', expecting ',' or ';' [did you mean 'while'?]",
    ]),
    ("foo(function() { a(); } b);", [
        "2:25-26 LPC2001 syntax error, unexpected identifier 'b', expecting ',' or ')'",
    ]),
    ('x = ([ "a": 1 "b": 2 ]);', [
        "2:15-18 LPC2001 syntax error, unexpected string, expecting ',' or ']'",
    ]),
    ("x = ([ \"a\", 1 ]);\n c();", [
        "2:11-12 LPC2001 syntax error, unexpected ',', expecting ':'",
    ]),
    ("new(class foo, x);\n c();", [
        "2:17-18 LPC2001 syntax error, unexpected ')', expecting ':'",
    ]),
    ("return x y z;\n a();", [
        "2:10-11 LPC2001 syntax error, unexpected identifier 'y', expecting ',' or ';'",
    ]),
    ("a ? b;\n c();", [
        "2:6-7 LPC2001 syntax error, unexpected ';', expecting ':'",
    ]),
    ("if (x) ) a();", [
        "2:8-9 LPC2004 unexpected ')': no '(' is open",
    ]),
    ("x = (int) ;\n a();", [
        "2:11-12 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("string s = `a${b c}d`;\n e();", [
        "2:18-19 LPC2001 syntax error, unexpected identifier 'c', expecting ','",
    ]),
    ("(: a, $2 :);", [
        "2:7-9 LPC2015 $var illegal outside of function pointer.",
    ]),
    ("x = $(y);", [
        "2:5-6 LPC2015 $var illegal outside of function pointer.",
    ]),
    ("x = foo(a ! b, [c] d) + ;\n y();", [
        "2:11-12 LPC2001 syntax error, unexpected '!', expecting ',' or ')'",
        "2:16-17 LPC2001 syntax error, unexpected '[', expecting an expression",
        "2:25-26 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("for (int i = 0; i < ; i++) { a(); }", [
        "2:21-22 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("foreach (in x) a();", [
        "2:10-12 LPC2001 syntax error, unexpected 'in', expecting a type or a name",
    ]),
    ("switch (x y) { case 1: a(); }", [
        "2:11-12 LPC2001 syntax error, unexpected identifier 'y', expecting ',' or ')'",
    ]),
    ("x = ({ 1 2 ! 3 });", [
        "2:10-11 LPC2001 syntax error, unexpected number 2, expecting ',' or '}'",
        "2:12-13 LPC2001 syntax error, unexpected '!', expecting ',' or '}'",
    ]),
    ("x = (: + :);", [
        "2:8-9 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("if (+) a(); else b();", [
        "2:5-6 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("new(+); sscanf(+); parse_command(+);", [
        "2:5-6 LPC2001 syntax error, unexpected '+', expecting an expression",
        "2:16-17 LPC2001 syntax error, unexpected '+', expecting an expression",
        "2:34-35 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("return foo(+)[+];", [
        "2:12-13 LPC2001 syntax error, unexpected '+', expecting an expression",
        "2:15-16 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("x = a ? : b;\n y = ;", [
        "2:9-10 LPC2001 syntax error, unexpected ':', expecting an expression",
        "3:6-7 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("x = function (int + ) { a(); }; b();", [
        "2:19-20 LPC2001 syntax error, unexpected '+', expecting ':' or ',' or a name or ')'",
    ]),
    ("x = + {\n a();\n }\n b();", [
        "2:5-6 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("a + * b\n if (x) c();", [
        "2:5-6 LPC2001 syntax error, unexpected '*', expecting an expression",
    ]),
    ("int 5 x;\n b();", [
        "2:5-6 LPC2001 syntax error, unexpected number 5, expecting a name",
    ]),
    ("while (x) { a( }; b();", [
        "2:15-16 LPC2003 expected ');' after this <2:14 unclosed '(' opened here>",
    ]),
    ("x[ = 1; y();", [
        "2:4-5 LPC2001 syntax error, unexpected '=', expecting an expression",
    ]),
    ("if (x) { a(; } else { b(); }", [
        "2:12-13 LPC2003 expected ')' after this <2:11 unclosed '(' opened here>",
    ]),
    ("{ a b } c();", [
        "2:3-4 LPC2006 'a' is not a type",
    ]),
    ("do a(); while x;\n b();", [
        "2:14-15 LPC2001 expected '(' after 'while'",
    ]),
    ("do { a(); } until (x);", [
        "2:13-18 LPC2001 syntax error, unexpected identifier 'until', expecting 'while'",
    ]),
    ("x = $1 + (: $(: 1 :) :);", [
        "2:5-7 LPC2015 $var illegal outside of function pointer.",
        "2:14-16 LPC2001 syntax error, unexpected '(:', expecting '('",
    ]),
    ("default = 5;", [
        "2:1-8 LPC2001 syntax error, unexpected 'default', expecting a statement",
    ]),
    ("x = a b->c;", [
        "2:7-8 LPC2001 syntax error, unexpected identifier 'b', expecting ',' or ';'",
    ]),
    ("case x", [
        "2:1-5 LPC2001 syntax error, unexpected 'case', expecting a statement",
    ]),
    ("x = ([ + : 1 ]);", [
        "2:8-9 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("x = a[+]; b();", [
        "2:7-8 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("x = `a${+}b`; c();", [
        "2:9-10 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("if (a) else b();", [
        "2:7-8 LPC2002 expected ';' after this",
    ]),
    ("if () a();", [
        "2:5-6 LPC2001 syntax error, unexpected ')', expecting an expression",
    ]),
    ("while () ;", [
        "2:8-9 LPC2001 syntax error, unexpected ')', expecting an expression",
    ]),
    ("for (i in x) a();", [
        "2:8-10 LPC2001 syntax error, unexpected 'in', expecting ',' or ';'",
    ]),
    ("foreach (x, y, z in w) a();", [
        "2:16-17 LPC2016 'foreach' has one variable, or two for a mapping",
    ]),
    ("x = (a, );", [
        "2:9-10 LPC2001 syntax error, unexpected ')', expecting an expression",
    ]),
    ("x = ({ , });", [
        "2:8-9 LPC2001 syntax error, unexpected ',', expecting an expression",
    ]),
    ("f(,);", [
        "2:3-4 LPC2001 syntax error, unexpected ',', expecting an expression",
    ]),
    ("int a b;", [
        "2:7-8 LPC2001 syntax error, unexpected identifier 'b', expecting '=' or ',' or ';'",
    ]),
    ('string s = "a" + + "b";', [
        "2:18-19 LPC2001 syntax error, unexpected '+', expecting an expression",
    ]),
    ("x = y->;", [
        "2:8-9 LPC2001 syntax error, unexpected ';', expecting a name",
    ]),
    ("x->y->();", [
        "2:7-8 LPC2014 a name must follow '->': use call_other(object, function, …)",
    ]),
    ("x = &y;", [
        "2:5-6 LPC2001 syntax error, unexpected '&', expecting an expression",
    ]),
    ("x = ref y;", [
        "2:5-8 LPC2001 syntax error, unexpected 'ref', expecting an expression",
    ]),
    ("f(ref 5);", [
        "2:7-8 LPC2001 syntax error, unexpected number 5, expecting a variable",
    ]),
    ("f(ref x + 1);", [
        "2:9-10 LPC2001 syntax error, unexpected '+', expecting '->' or ',' or '[' or ')'",
    ]),
    ("x = new(class 5);", [
        "2:15-16 LPC2001 syntax error, unexpected number 5, expecting a name",
    ]),
    ("catch { a( };", [
        "2:11-12 LPC2003 expected ');' after this <2:10 unclosed '(' opened here>",
    ]),
    ("return (int x);", [
        "2:13-14 LPC2001 syntax error, unexpected identifier 'x', expecting ')'",
    ]),
    ("x = 3 4;", [
        "2:7-8 LPC2001 syntax error, unexpected number 4, expecting ',' or ';'",
    ]),
    ("if (x) then a();", [
        "2:8-12 LPC2006 'then' is not a type",
    ]),
    ("x := 5;", [
        "2:3-4 LPC2001 syntax error, unexpected ':', expecting ';'",
    ]),
    ("x <> y;", [
        "2:4-5 LPC2001 syntax error, unexpected '>', expecting an expression",
    ]),
    ("int x, int y;", [
        "2:8-11 LPC2001 syntax error, unexpected 'int', expecting a name",
    ]),
    ("x = a...;", [
        "2:6-9 LPC2001 syntax error, unexpected '...', expecting ',' or ';'",
    ]),
]

IN_FILE = [
    ("static int x;\nint g() { return 1; }", [
        "1:1-7 LPC2006 'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
    ]),
    ("static void foo() { a(); }\nint g() { return 1; }", [
        "1:1-7 LPC2006 'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
    ]),
    ("int x\nint y;\nint g() { return 1; }", [
        "1:6-7 LPC2002 expected ';' after this",
    ]),
    ("int f(int a, { return 1; }\nint g() { return 1; }", [
        "1:14-15 LPC2001 syntax error, unexpected '{', expecting a type or a name",
    ]),
    ("int f(int a b) { return 1; }\nint g() { return 1; }", [
        "1:13-14 LPC2001 syntax error, unexpected identifier 'b', expecting ':' or ',' or ')'",
    ]),
    ("if (x) a(); else b();\nwhile (x) y();\nint g() { return 1; }", [
        "1:1-3 LPC2007 a statement cannot stand at file level: put it into a function",
    ]),
    ("write(\"x\");\nfoo->bar();\nx++;\nint g() { return 1; }", [
        "1:1-6 LPC2007 a statement cannot stand at file level: put it into a function",
    ]),
    ("int f();\n{\n  return 1;\n}\nint g() { return 1; }", [
        "1:8-9 LPC2001 this ';' ends the function before its body",
    ]),
    ("void f() { \n  if (x) {\n    a();\n}\n\nint g() { return 1; }", [
        "6:1-4 LPC2003 expected '}' before this definition <2:10 unclosed '{' opened here>",
    ]),
    ("void f() {\n  a();\n\nvoid h() {\n b();\n}\nint g() { return 1; }", [
        "4:1-5 LPC2003 expected '}' before this definition <1:10 unclosed '{' opened here>",
    ]),
    ("class foo { int a; string b }\nint g() { return 1; }", [
        "1:28-29 LPC2002 expected ';' after this",
    ]),
    ("class foo { int a = 1; string b; }\nint g() { return 1; }", [
        "1:19-20 LPC2001 syntax error, unexpected '=', expecting ',' or ';'",
    ]),
    ("class foo { int a;\nint g() { return 1; }", [
        "2:1-4 LPC2003 expected '}' before this definition <1:11 unclosed '{' opened here>",
    ]),
    ("inherit foo;\nint g() { return 1; }", [
        "1:9-12 LPC2017 the path of 'inherit' must be a constant string",
    ]),
    ("inherit \"a\" + \"b\"\nint g() { return 1; }", [
        "1:18-19 LPC2002 expected ';' after this",
    ]),
    ("private private: int x;\n:\nint g() { return 1; }", [
        "2:1-2 LPC2001 modifier list may not be empty.",
    ]),
    ("int x = ;\nint y = 1 2;\nint g() { return 1; }", [
        "1:9-10 LPC2001 syntax error, unexpected ';', expecting an expression",
        "2:11-12 LPC2001 syntax error, unexpected number 2, expecting ',' or ';'",
    ]),
    ("}\nint g() { return 1; }", [
        "1:1-2 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("foo bar;\nint g() { return 1; }", [
        "1:1-4 LPC2006 'foo' is not a type",
    ]),
    ("int f() { return 1; };\n;\nint g() { return 1; }", [
        "1:22-23 LPC5201 Extra ';'. Ignored.",
        "2:1-2 LPC5201 Extra ';'. Ignored.",
    ]),
    ("void f(int ref) { a; }\nint g() { return 1; }", [
        "1:8-15 LPC2018 'ref' is a reserved word: it cannot name a parameter",
    ]),
    ("void create() {\n  foo(;\n  bar(1,\n}\nint g() { return 1; }", [
        "2:7-8 LPC2003 expected ')' after this <2:6 unclosed '(' opened here>",
        "3:9-10 LPC2003 expected ');' after this <3:6 unclosed '(' opened here>",
    ]),
    ("object ob, mapping m;\nint g() { return 1; }", [
        "1:12-19 LPC2001 syntax error, unexpected 'mapping', expecting a name",
    ]),
    ("int f(int x; int y) { return 1; }\nint g() { return 1; }", [
        "1:12-13 LPC2001 syntax error, unexpected ';', expecting ':' or ',' or ')'",
    ]),
    ("void f() { a(); } }\nvoid h() { b(); }\nint g() { return 1; }", [
        "1:19-20 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("int if() { }\nint g() { return 1; }", [
        "1:5-7 LPC2018 'if' is a reserved word: it cannot be a name",
    ]),
    ("void f() { switch(x) { case 1: a(); break\n case 2: b() \n default: } }\nint g() { return 1; }", [
        "1:42-43 LPC2002 expected ';' after this",
        "2:13-14 LPC2002 expected ';' after this",
    ]),
    ("void f() { x = ({ 1, 2, ; y(); }\nint g() { return 1; }", [
        "1:24-25 LPC2003 expected '})' after this <1:16 unclosed '({' opened here>",
    ]),
    ("void f() { return (: $1 + ; y(); }\nint g() { return 1; }", [
        "1:27-28 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("int x() { return 1 }\nint g() { return 1; }", [
        "1:19-20 LPC2002 expected ';' after this",
    ]),
    ("int f( + ) { a(); }\nint g() { return 1; }", [
        "1:8-9 LPC2001 syntax error, unexpected '+', expecting a type or a name or ')'",
    ]),
    ("class a { + int x; }\nint g() { return 1; }", [
        "1:11-12 LPC2001 syntax error, unexpected '+', expecting a type or '}'",
    ]),
    ("class { int x; }\nint g() { return 1; }", [
        "1:7-8 LPC2001 syntax error, unexpected '{', expecting a name",
    ]),
    ("int f() { a( b c\n\nint h() { return 1; }\nint g() { return 1; }", [
        "1:16-17 LPC2001 syntax error, unexpected identifier 'c', expecting ',' or ')'",
        "3:1-4 LPC2003 expected '}' before this definition <1:12 unclosed '(' opened here>",
    ]),
    ("+ - *\nint f() { }\nint g() { return 1; }", [
        "1:1-2 LPC2001 syntax error, unexpected '+', expecting a definition",
    ]),
    ("int f() } \nint h() { }\nint g() { return 1; }", [
        "1:9-10 LPC2001 syntax error, unexpected '}', expecting '{' or ';'",
    ]),
    ("void f() { g(; }\nint g() { return 1; }", [
        "1:14-15 LPC2003 expected ')' after this <1:13 unclosed '(' opened here>",
    ]),
    ("int f() return 1; }\nint g() { return 1; }", [
        "1:9-15 LPC2001 syntax error, unexpected 'return', expecting '{' or ';'",
        "1:19-20 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("int f( { }\nint g() { return 1; }", [
        "1:7-8 LPC2003 expected ')' after this <1:6 unclosed '(' opened here>",
    ]),
    ("inherit;\nint g() { return 1; }", [
        "1:8-9 LPC2001 syntax error, unexpected ';', expecting an expression",
    ]),
    ("inherit \"a\" int x;\nint g() { return 1; }", [
        "1:13-16 LPC2001 syntax error, unexpected 'int', expecting ';'",
    ]),
    ("private x y;\nint g() { return 1; }", [
        "1:9-10 LPC2006 'x' is not a type",
    ]),
    ("int *;\nint g() { return 1; }", [
        "1:6-7 LPC2001 syntax error, unexpected ';', expecting a name",
    ]),
    ("f() a;\nint g() { return 1; }", [
        "1:1-2 LPC2007 a statement cannot stand at file level: put it into a function",
    ]),
    ("int f(int a = 5) { }\nint g() { return 1; }", [
        "1:13-14 LPC2014 the default of a parameter is written ': (: value :)'",
    ]),
    ("int f(a, ...) { }\nint g() { return 1; }", [
        "1:10-13 LPC2014 '...' must follow the last parameter: 'mixed *rest...'",
    ]),
    ("int f(...) { }\nint g() { return 1; }", [
        "1:7-10 LPC2014 '...' must follow the last parameter: 'mixed *rest...'",
    ]),
    ("nomask static int x;\nint g() { return 1; }", [
        "1:8-14 LPC2006 'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
    ]),
    ("private f() { a }\nint g() { return 1; }", [
        "1:16-17 LPC2002 expected ';' after this",
    ]),
    ("void f() { if (x) { a(); }\n\nvoid h() { }\nint g() { return 1; }", [
        "3:1-5 LPC2003 expected '}' before this definition <1:10 unclosed '{' opened here>",
    ]),
    ("int f();\nint f(int x) {\n a();\nint g() { return 1; }", [
        "4:1-4 LPC2003 expected '}' before this definition <2:14 unclosed '{' opened here>",
    ]),
    ("else\nint g() { return 1; }", [
        "1:1-5 LPC2005 'else' without 'if'",
    ]),
    ("case 1:\nint g() { return 1; }", [
        "1:1-5 LPC2001 syntax error, unexpected 'case', expecting a definition",
    ]),
    ("return 1;\nint g() { return 1; }", [
        "1:1-7 LPC2007 a statement cannot stand at file level: put it into a function",
    ]),
    ("int x; }\nint y;\nint g() { return 1; }", [
        "1:8-9 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("function f(int x) { }\nfunction int h() { }\nint g() { return 1; }", [
        "2:10-13 LPC2001 syntax error, unexpected 'int', expecting a name",
    ]),
    ("mapping m = ([ ]\nint y;\nint g() { return 1; }", [
        "1:17-18 LPC2003 expected ');' after this <1:13 unclosed '([' opened here>",
    ]),
    ("mapping m = ([ \"a\": ({ 1, 2 ]);\nint y;\nint g() { return 1; }", [
        "1:28-29 LPC2003 expected '})' after this <1:21 unclosed '({' opened here>",
    ]),
    ("void f() {\n  switch (x) {\n    case 1:\n      a();\n}\nint g() { return 1; }", [
        "6:1-4 LPC2003 expected '}' before this definition <2:14 unclosed '{' opened here>",
    ]),
]

ON_ONE_LINE = [
    ("varargs mixed f() { int = 0; }", [
        "1:21-24 LPC2018 'int' is a reserved word: it cannot be a name",
    ]),
    ("void f() { a(); int h() { } int g() { }", [
        "1:17-20 LPC2003 expected '}' before this definition <1:10 unclosed '{' opened here>",
    ]),
]

IN_SCRIPT = [
    ("x = ;\ny = 2;\nint z = ;\n z z z;\n}\na();", [
        "1:5-6 LPC2001 syntax error, unexpected ';', expecting an expression",
        "3:9-10 LPC2001 syntax error, unexpected ';', expecting an expression",
        "4:2-3 LPC2006 'z' is not a type",
        "5:1-2 LPC2004 unexpected '}': no '{' is open",
    ]),
    ("static int x;\nbar()\nfoo();", [
        "1:1-7 LPC2006 'static' is not a modifier: use 'nosave' for variables, 'protected' for functions",
        "2:6-7 LPC2002 expected ';' after this",
    ]),
    ("if (x) {\n a();\n", [
        "2:6-7 LPC2003 syntax error, unexpected end of file, expecting '}' <1:8 unclosed '{' opened here>",
    ]),
    ("int f(\n", [
        "1:7-8 LPC2003 expected ');' after this <1:6 unclosed '(' opened here>",
    ]),
    ("for (;;) a(); else b();\nvoid q() { } a(); inherit \"x\"; private int z; \n", [
        "1:15-19 LPC2005 'else' without 'if'",
    ]),
]


@pytest.mark.parametrize(("text", "expected"), IN_FUNCTION)
def test_mistakes_in_a_function(text: str, expected: list[str]) -> None:
    program, found = read(f"void f() {{\n{text}\n}}\nint g() {{ return 1; }}\n")
    assert said(found) == expected
    assert [item.name for item in program.declarations if isinstance(item, nodes.FunctionDeclaration)] == ["f", "g"]


@pytest.mark.parametrize(("text", "expected"), IN_FILE)
def test_mistakes_at_file_level(text: str, expected: list[str]) -> None:
    program, found = read(text)
    assert said(found) == expected
    last = program.declarations[-1]
    assert isinstance(last, nodes.FunctionDeclaration)
    assert last.name == "g"


@pytest.mark.parametrize(("text", "expected"), ON_ONE_LINE)
def test_mistakes_in_a_file_of_one_line(text: str, expected: list[str]) -> None:
    assert said(read(text)[1]) == expected


@pytest.mark.parametrize(("text", "expected"), IN_SCRIPT)
def test_mistakes_in_a_script(text: str, expected: list[str]) -> None:
    assert said(read(text, script=True)[1]) == expected


@pytest.mark.parametrize("text", ['string x = "never closed;', "void f() {\n/* never closed", "mixed x = `a${f(`;"])
def test_what_is_not_closed_by_the_end_of_the_file_is_one_mistake(text: str) -> None:
    assert [item.code[:4] for item in read(text)[1]] == ["LPC1"]


def test_every_mistake_of_a_file_is_reported_once() -> None:
    body = "\n".join(f"void f{index}() {{\n  int x = 1\n  x = ({{ 1, 2 ;\n  if (x a();\n}}" for index in range(12))
    found = read(body)[1]
    assert [item.message for item in found] == [
        "expected ';' after this", "expected '})' after this", "expected ')' after this"] * 12


def test_nothing_understood_is_lost_by_a_repair() -> None:
    program, _ = read("void f() { a()\n b(); c(1; d(); x = ({ 1, 2; if (y) z() else w(); }")
    assert dump(program.declarations[0]) == (
        '(FunctionDeclaration [] <void> "f" [] (Block [(ExpressionStatement (Call "a" _ [])) '
        '(ExpressionStatement (Call "b" _ [])) (ExpressionStatement (Call "c" _ [(IntLiteral 1)])) '
        '(ExpressionStatement (Call "d" _ [])) '
        '(ExpressionStatement (Assign "=" (Name "x") (ArrayLiteral [(IntLiteral 1) (IntLiteral 2)]))) '
        '(If (Name "y") (ExpressionStatement (Call "z" _ [])) (ExpressionStatement (Call "w" _ [])))]))')


@pytest.mark.parametrize("text", [
    "int f() { 1 = 2; }", "f(;", "int x[3];", "else", "{", "}", "(", "case 1:", "int f() { a b c d; }",
    "static status x;", "int f() { return `a${`; }",
])
def test_messages_name_no_terminals(text: str) -> None:
    for item in read(text)[1]:
        for terminal in ("IDENTIFIER", "LPAR", "RPAR", "SEMICOLON", "BASIC_TYPE", "LBRACE", "$END", "BINARY_OP"):
            assert terminal not in item.message
