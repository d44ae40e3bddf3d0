"""Every construct of the language as a tree, where nodes stand, and what is a statement of a script."""

from __future__ import annotations

import itertools

import pytest
from parsing import expression, read, said, statements, tree

from lpc.diagnostics import Diagnostics
from lpc.source import SourceMap
from lpc.syntax import nodes
from lpc.syntax.parser import parse
from lpc.syntax.preprocessor import Preprocessor
from lpc.syntax.printer import dump
from lpc.syntax.walk import walk

# ------------------------------------------------------------------------------------------- precedence

LEVELS = ["??", "||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %"]
BINDS = {operator: level for level, operators in enumerate(LEVELS) for operator in operators.split()}


def grouped(node: nodes.Expression) -> str:
    """An expression with all its parentheses."""
    if isinstance(node, nodes.Binary | nodes.Logical):
        return f"({grouped(node.left)} {node.operator} {grouped(node.right)})"
    if isinstance(node, nodes.Assign):
        return f"({grouped(node.target)} {node.operator} {grouped(node.value)})"
    if isinstance(node, nodes.Conditional):
        return f"({grouped(node.condition)} ? {grouped(node.then)} : {grouped(node.otherwise)})"
    if isinstance(node, nodes.Unary):
        return f"({node.operator}{grouped(node.operand)})"
    assert isinstance(node, nodes.Name), node
    return node.name


@pytest.mark.parametrize(("first", "second"), [*itertools.product(BINDS, BINDS)])
def test_the_tighter_operator_goes_first_and_equals_go_left(first: str, second: str) -> None:
    right_first = BINDS[second] > BINDS[first]
    expected = f"(a {first} (b {second} c))" if right_first else f"((a {first} b) {second} c)"
    assert grouped(expression(f"a {first} b {second} c")) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("a + b * c - d", "((a + (b * c)) - d)"),
    ("a || b && c | d ^ e & f == g < h << i + j * k",
     "(a || (b && (c | (d ^ (e & (f == (g < (h << (i + (j * k))))))))))"),
    ("a * b + c << d < e == f & g ^ h | i && j || k ?? l",
     "(((((((((((a * b) + c) << d) < e) == f) & g) ^ h) | i) && j) || k) ?? l)"),
    ("a - b - c - d", "(((a - b) - c) - d)"),
    ("(a - (b - c))", "(a - (b - c))"),
    ("!a && !b", "((!a) && (!b))"),
    ("-a * ~b", "((-a) * (~b))"),
    ("a ? b : c ? d : e", "(a ? b : (c ? d : e))"),
    ("a ? b ? c : d : e", "(a ? (b ? c : d) : e)"),
    ("a || b ? c && d : e", "((a || b) ? (c && d) : e)"),
    ("a = b = c", "(a = (b = c))"),
    ("a ? b : c = d", "(a ? b : (c = d))"),
    ("a ? b = c : d", "(a ? (b = c) : d)"),
    ("x || y = z", "(x || (y = z))"),
    ("x || y = z ? a : b", "(x || (y = (z ? a : b)))"),
    ("a + b * c = d + e", "(a + (b * (c = (d + e))))"),
    ("!a = b", "(!(a = b))"),
    ("-!a += b", "(-(!(a += b)))"),
])
def test_precedence(text: str, expected: str) -> None:
    assert grouped(expression(text)) == expected


# ------------------------------------------------------------------------------------------- constructs

EXPRESSIONS = [
    ("1", "(IntLiteral 1)"),
    ("-5", "(IntLiteral -5)"),
    ("- -5", "(IntLiteral 5)"),
    ("-9223372036854775808", "(IntLiteral -9223372036854775807)"),
    ("1.5", "(FloatLiteral 1.5)"),
    ("-1.5", "(FloatLiteral -1.5)"),
    ("!x", '(Unary "!" (Name "x"))'),
    ("~x", '(Unary "~" (Name "x"))'),
    ("-x", '(Unary "-" (Name "x"))'),
    ("!-x", '(Unary "!" (Unary "-" (Name "x")))'),
    ('"a" "b" "c"', '(StringLiteral "abc")'),
    ("`a${x}b`", '(Template [(StringLiteral "a") (Name "x") (StringLiteral "b")])'),
    ("`${x}`", '(Template [(Name "x")])'),
    ('"a" `b${x}` "c" "d"', '(Template [(StringLiteral "ab") (Name "x") (StringLiteral "cd")])'),
    ("x", '(Name "x")'),
    ("({ })", "(ArrayLiteral [])"),
    ("({ 1, a..., })", '(ArrayLiteral [(IntLiteral 1) (Spread (Name "a"))])'),
    ("([ ])", "(MappingLiteral [])"),
    ('([ "a": 1, b: 2, ])', '(MappingLiteral [[(StringLiteral "a") (IntLiteral 1)] [(Name "b") (IntLiteral 2)]])'),
    ("(x)", '(Name "x")'),
    ("(a, b)", '(Comma [(Name "a") (Name "b")])'),
    ("(int) x", '(Cast <int> (Name "x"))'),
    ("(class foo) x", '(Cast <class foo> (Name "x"))'),
    ("(string *) x", '(Cast <string *> (Name "x"))'),
    ("(int) x + 1", '(Binary "+" (Cast <int> (Name "x")) (IntLiteral 1))'),
    ("!(int) x", '(Unary "!" (Cast <int> (Name "x")))'),
    ("++x", '(Increment "++" (Name "x") prefix)'),
    ("x--", '(Increment "--" (Name "x"))'),
    ("++a[1]", '(Increment "++" (Index (Name "a") (IntLiteral 1)) prefix)'),
    ("- x++", '(Unary "-" (Increment "++" (Name "x")))'),
    ("a ? b : c", '(Conditional (Name "a") (Name "b") (Name "c"))'),
    ("a ? b : c ? d : e", '(Conditional (Name "a") (Name "b") (Conditional (Name "c") (Name "d") (Name "e")))'),
    ("a ? b ? c : d : e", '(Conditional (Name "a") (Conditional (Name "b") (Name "c") (Name "d")) (Name "e"))'),
    ("a = b = c", '(Assign "=" (Name "a") (Assign "=" (Name "b") (Name "c")))'),
    ("a ? b : c = d", '(Conditional (Name "a") (Name "b") (Assign "=" (Name "c") (Name "d")))'),
    ("x || y = z", '(Logical "||" (Name "x") (Assign "=" (Name "y") (Name "z")))'),
    ("!a = b", '(Unary "!" (Assign "=" (Name "a") (Name "b")))'),
    ("(int) a = b", '(Cast <int> (Assign "=" (Name "a") (Name "b")))'),
    ("a + b = c + d", '(Binary "+" (Name "a") (Assign "=" (Name "b") (Binary "+" (Name "c") (Name "d"))))'),
    ("a += b ? c : d", '(Assign "+=" (Name "a") (Conditional (Name "b") (Name "c") (Name "d")))'),
    ("x ??= y", '(Assign "??=" (Name "x") (Name "y"))'),
    ("f()", '(Call "f" _ [])'),
    ("f(1, b..., )", '(Call "f" _ [(IntLiteral 1) (Spread (Name "b"))])'),
    ("f(ref x, &y[1])", '(Call "f" _ [(RefArgument (Name "x")) (RefArgument (Index (Name "y") (IntLiteral 1)))])'),
    ("::create(1)", '(Call "create" "" [(IntLiteral 1)])'),
    ("room::create()", '(Call "create" "room" [])'),
    ("object::create()", '(Call "create" "object" [])'),
    ("efun::write(x)", '(Call "write" "efun" [(Name "x")])'),
    ("(*f)(1)", '(CallValue (Name "f") [(IntLiteral 1)])'),
    ("a[i](1)", '(CallValue (Index (Name "a") (Name "i")) [(IntLiteral 1)])'),
    ("a[i](1)[2](3)",
     '(CallValue (Index (CallValue (Index (Name "a") (Name "i")) [(IntLiteral 1)]) (IntLiteral 2)) [(IntLiteral 3)])'),
    ("ob->f(1)->g()", '(CallOther (CallOther (Name "ob") "f" [(IntLiteral 1)]) "g" [])'),
    ("ob->x", '(Member (Name "ob") "->" "x")'),
    ("ob.x", '(Member (Name "ob") "." "x")'),
    ("ob?.x", '(Member (Name "ob") "?." "x")'),
    ("m?.[k]", '(Index (Name "m") (Name "k") optional)'),
    ("m.?[k]", '(Index (Name "m") (Name "k") optional)'),
    ("a[1]", '(Index (Name "a") (IntLiteral 1))'),
    ("a[<1]", '(Index (Name "a") (IntLiteral 1) from_end)'),
    ("a[1..2]", '(Range (Name "a") (IntLiteral 1) (IntLiteral 2))'),
    ("a[<1..2]", '(Range (Name "a") (IntLiteral 1) first_from_end (IntLiteral 2))'),
    ("a[1..<2]", '(Range (Name "a") (IntLiteral 1) (IntLiteral 2) last_from_end)'),
    ("a[<2..<1]", '(Range (Name "a") (IntLiteral 2) first_from_end (IntLiteral 1) last_from_end)'),
    ("a[1..]", '(Range (Name "a") (IntLiteral 1) _)'),
    ("a[<1..]", '(Range (Name "a") (IntLiteral 1) first_from_end _)'),
    ("a[..<2]", '(Range (Name "a") (IntLiteral 0) (IntLiteral 2) last_from_end)'),
    ("a[b, c]", '(Index (Name "a") (Comma [(Name "b") (Name "c")]))'),
    ("a[1][2..3]", '(Range (Index (Name "a") (IntLiteral 1)) (IntLiteral 2) (IntLiteral 3))'),
    ('new("/x", 1)', '(New [(StringLiteral "/x") (IntLiteral 1)])'),
    ("new(class foo)", '(NewClass "foo" [])'),
    ("new(class foo, a: 1, b: 2, )", '(NewClass "foo" [["a" (IntLiteral 1)] ["b" (IntLiteral 2)]])'),
    ("(: f :)", '(FunctionPointer "f" _ [])'),
    ("(: f, 1, x... :)", '(FunctionPointer "f" _ [(IntLiteral 1) (Spread (Name "x"))])'),
    ("(: efun::f :)", '(FunctionPointer "f" "efun" [])'),
    ("(: efun::f, 1 :)", '(FunctionPointer "f" "efun" [(IntLiteral 1)])'),
    ("(: efun::f(1) :)", '(Functional (Call "f" "efun" [(IntLiteral 1)]) 0)'),
    ("(: $1 + $3 :)", '(Functional (Binary "+" (Parameter 1) (Parameter 3)) 3)'),
    ("(: f($2) :)", '(Functional (Call "f" _ [(Parameter 2)]) 2)'),
    ("(: f, g :)", '(FunctionPointer "f" _ [(Name "g")])'),
    ("(: (f) :)", '(Functional (Name "f") 0)'),
    ("(: $(x) + $1 :)", '(Functional (Binary "+" (Captured (Name "x")) (Parameter 1)) 1)'),
    ("(: (: $1 + $($2) :) :)", '(Functional (Functional (Binary "+" (Parameter 1) (Captured (Parameter 2))) 1) 2)'),
    ("(: map($1, (: f, $2 :)) :)",
     '(Functional (Call "map" _ [(Parameter 1) (FunctionPointer "f" _ [(Parameter 2)])]) 2)'),
    ("(: a ? b : c :)", '(Functional (Conditional (Name "a") (Name "b") (Name "c")) 0)'),
    ("(: $1, $2 :)", "(Functional (Comma [(Parameter 1) (Parameter 2)]) 2)"),
    ("function (int a, string *b) { return a; }",
     '(AnonymousFunction [(ParameterDeclaration "a" <int> _) (ParameterDeclaration "b" <string *> _)] '
     '(Block [(Return (Name "a"))]))'),
    ("function () { }", "(AnonymousFunction [] (Block []))"),
    ("catch(x)", '(Catch (Name "x"))'),
    ("catch { x; }", '(Catch (Block [(ExpressionStatement (Name "x"))]))'),
    ("time_expression(x)", '(TimeExpression (Name "x"))'),
    ("time_expression { x; }", '(TimeExpression (Block [(ExpressionStatement (Name "x"))]))'),
    ('sscanf(s, "%d", x, y[1])',
     '(Sscanf (Name "s") (StringLiteral "%d") [(Name "x") (Index (Name "y") (IntLiteral 1))])'),
    ('parse_command(s, o, "%s", x)', '(ParseCommand (Name "s") (Name "o") (StringLiteral "%s") [(Name "x")])'),
    ("catch(x = 1) || 2", '(Logical "||" (Catch (Assign "=" (Name "x") (IntLiteral 1))) (IntLiteral 2))'),
    ("a & b", '(Binary "&" (Name "a") (Name "b"))'),
    ("f(a & b, &c)", '(Call "f" _ [(Binary "&" (Name "a") (Name "b")) (RefArgument (Name "c"))])'),
    ("(a = b)[1]", '(Index (Assign "=" (Name "a") (Name "b")) (IntLiteral 1))'),
    ("x[1..2] = y", '(Assign "=" (Range (Name "x") (IntLiteral 1) (IntLiteral 2)) (Name "y"))'),
    ("ob->x = 1", '(Assign "=" (Member (Name "ob") "->" "x") (IntLiteral 1))'),
]

STATEMENTS = [
    (";", "(Empty)"),
    ("x;", '(ExpressionStatement (Name "x"))'),
    ("{ }", "(Block [])"),
    ("{ ; x; }", '(Block [(Empty) (ExpressionStatement (Name "x"))])'),
    ("if (x) y;", '(If (Name "x") (ExpressionStatement (Name "y")) _)'),
    ("if (x) y; else z;", '(If (Name "x") (ExpressionStatement (Name "y")) (ExpressionStatement (Name "z")))'),
    ("if (x) if (y) a; else b;",
     '(If (Name "x") (If (Name "y") (ExpressionStatement (Name "a")) (ExpressionStatement (Name "b"))) _)'),
    ("while (x) y;", '(While (Name "x") (ExpressionStatement (Name "y")))'),
    ("do x; while (y);", '(DoWhile (ExpressionStatement (Name "x")) (Name "y"))'),
    ("for (;;) x;", '(For _ _ _ (ExpressionStatement (Name "x")))'),
    ("for (i = 0; i < 3; i++) x;",
     '(For (Assign "=" (Name "i") (IntLiteral 0)) (Binary "<" (Name "i") (IntLiteral 3)) (Increment "++" '
     '(Name "i")) (ExpressionStatement (Name "x")))'),
    ("for (int i = 0; i < 3; i++, j--) x;",
     '(For (LocalDeclaration [(Declarator "i" <int> (IntLiteral 0))]) (Binary "<" (Name "i") (IntLiteral '
     '3)) (Comma [(Increment "++" (Name "i")) (Increment "--" (Name "j"))]) (ExpressionStatement (Name '
     '"x")))'),
    ("foreach (x in y) z;", '(Foreach [(ForeachVariable "x" _)] (Name "y") (ExpressionStatement (Name "z")))'),
    ("foreach (int x in y) z;", '(Foreach [(ForeachVariable "x" <int>)] (Name "y") (ExpressionStatement (Name "z")))'),
    ("foreach (string k, int *v in m) z;",
     '(Foreach [(ForeachVariable "k" <string>) (ForeachVariable "v" <int *>)] (Name "m") '
     '(ExpressionStatement (Name "z")))'),
    ("foreach (int ref x in y) z;",
     '(Foreach [(ForeachVariable "x" <int> ref)] (Name "y") (ExpressionStatement (Name "z")))'),
    ("foreach (int & *x in y) z;",
     '(Foreach [(ForeachVariable "x" <int *> ref)] (Name "y") (ExpressionStatement (Name "z")))'),
    ("switch (x) { }", '(Switch (Name "x") [])'),
    ('switch (x) { int y; case 1: case "a": z; break; case 1..2: case 3..: case ..4: default: w; { int q; } }',
     '(Switch (Name "x") [(LocalDeclaration [(Declarator "y" <int> _)]) (CaseLabel (IntLiteral 1) _) '
     '(CaseLabel (StringLiteral "a") _) (ExpressionStatement (Name "z")) (Break) (CaseLabel (IntLiteral '
     "1) (IntLiteral 2) is_range) (CaseLabel (IntLiteral 3) _ is_range) (CaseLabel _ (IntLiteral 4) "
     'is_range) (DefaultLabel) (ExpressionStatement (Name "w")) (Block [(LocalDeclaration [(Declarator '
     '"q" <int> _)])])])'),
    ("return;", "(Return _)"),
    ("return x, y;", '(Return (Comma [(Name "x") (Name "y")]))'),
    ("break;", "(Break)"),
    ("continue;", "(Continue)"),
    ("int a, *b = x, c = 1;",
     '(LocalDeclaration [(Declarator "a" <int> _) (Declarator "b" <int *> (Name "x")) (Declarator "c" '
     "<int> (IntLiteral 1))])"),
    ("class foo a;", '(LocalDeclaration [(Declarator "a" <class foo> _)])'),
    ("class foo *a;", '(LocalDeclaration [(Declarator "a" <class foo *> _)])'),
    ("function f = (: x :);", '(LocalDeclaration [(Declarator "f" <function> (FunctionPointer "x" _ []))])'),
    ("mixed x = a ? b : c;",
     '(LocalDeclaration [(Declarator "x" <mixed> (Conditional (Name "a") (Name "b") (Name "c")))])'),
    ("string::create();", '(ExpressionStatement (Call "create" "string" []))'),
    ("function (int x) { };",
     '(ExpressionStatement (AnonymousFunction [(ParameterDeclaration "x" <int> _)] (Block [])))'),
    ("function *f;", '(LocalDeclaration [(Declarator "f" <function *> _)])'),
]

DEFINITIONS = [
    ("int x;", '(GlobalDeclaration [] <int> [(Declarator "x" <int> _)])'),
    ("int x = 1, *y;",
     '(GlobalDeclaration [] <int> [(Declarator "x" <int> (IntLiteral 1)) (Declarator "y" <int *> _)])'),
    ("private nosave string *a;", '(GlobalDeclaration ["private" "nosave"] <string> [(Declarator "a" <string *> _)])'),
    ("nosave x = 1;", '(GlobalDeclaration ["nosave"] _ [(Declarator "x" <unknown> (IntLiteral 1))])'),
    ("x;", '(GlobalDeclaration [] _ [(Declarator "x" <unknown> _)])'),
    ("f() { }", '(FunctionDeclaration [] _ "f" [] (Block []))'),
    ("int f();", '(FunctionDeclaration [] <int> "f" [] _)'),
    ("int *f() { return 0; }", '(FunctionDeclaration [] <int *> "f" [] (Block [(Return (IntLiteral 0))]))'),
    ("*f() { }", '(FunctionDeclaration [] <unknown *> "f" [] (Block []))'),
    ("private varargs mixed f(int a, string *b...) { }",
     '(FunctionDeclaration ["private" "varargs"] <mixed> "f" [(ParameterDeclaration "a" <int> _) '
     '(ParameterDeclaration "b" <string *> _)] rest (Block []))'),
    ("int f(void) { }", '(FunctionDeclaration [] <int> "f" [] (Block []))'),
    ("int f(int, string *, mixed ref *);",
     '(FunctionDeclaration [] <int> "f" [(ParameterDeclaration _ <int> _) (ParameterDeclaration _ '
     "<string *> _) (ParameterDeclaration _ <mixed *> ref _)] _)"),
    ("f(a, b, c...) { }",
     '(FunctionDeclaration [] _ "f" [(ParameterDeclaration "a" <unknown> _) (ParameterDeclaration "b" '
     '<unknown> _) (ParameterDeclaration "c" <unknown> _)] rest (Block []))'),
    ("int f(int a : (: 5 :), b : (: g() :), int c : (: g :), int d : (: efun::g, 1 :), int : (: 7 :)) { }",
     '(FunctionDeclaration [] <int> "f" [(ParameterDeclaration "a" <int> (IntLiteral 5)) '
     '(ParameterDeclaration "b" <unknown> (Call "g" _ [])) (ParameterDeclaration "c" <int> (Name '
     '"g")) (ParameterDeclaration "d" <int> (Call "g" "efun" [(IntLiteral 1)])) (ParameterDeclaration _ '
     "<int> (IntLiteral 7))] (Block []))"),
    ('inherit "/a";', '(Inherit [] (StringLiteral "/a"))'),
    ('private inherit "/a" + ("b" "c") + "d";', '(Inherit ["private"] (StringLiteral "/abcd"))'),
    ("class foo { }", '(ClassDeclaration [] "foo" [])'),
    ("struct foo { int a, *b; class bar c; }",
     '(ClassDeclaration [] "foo" [(ClassMember "a" <int>) (ClassMember "b" <int *>) (ClassMember "c" <class bar>)])'),
    ("class foo x;", '(GlobalDeclaration [] <class foo> [(Declarator "x" <class foo> _)])'),
    ("private:", '(DefaultModifiers ["private"])'),
    ("private nosave :", '(DefaultModifiers ["private" "nosave"])'),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_expressions(text: str, expected: str) -> None:
    assert dump(expression(text)) == expected


@pytest.mark.parametrize(("text", "expected"), STATEMENTS)
def test_statements(text: str, expected: str) -> None:
    assert " ".join(map(dump, statements(text))) == expected


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS)
def test_definitions(text: str, expected: str) -> None:
    assert " ".join(map(dump, tree(text).declarations)) == expected


@pytest.mark.parametrize("text", ["( : f : )", "(: f :)", "( : f /* c */ : )"])
def test_white_space_inside_brackets(text: str) -> None:
    assert dump(expression(text)) == '(FunctionPointer "f" _ [])'
    assert dump(expression("( { 1 } )")) == "(ArrayLiteral [(IntLiteral 1)])"
    assert dump(expression("( [ 1 : 2 ] )")) == "(MappingLiteral [[(IntLiteral 1) (IntLiteral 2)]])"


def test_a_file_keeps_its_order_and_pragmas() -> None:
    program = tree("#pragma strict_types\nint f();\nint x;\ninherit \"/a\";\nint f() { }")
    assert [type(item).__name__ for item in program.declarations] == [
        "FunctionDeclaration", "GlobalDeclaration", "Inherit", "FunctionDeclaration"]
    assert "strict_types" in program.pragmas


def test_an_empty_file_is_a_program() -> None:
    assert dump(parse([], Diagnostics(SourceMap()), script=False, pragmas=frozenset())) == "(ProgramNode [] [])"


# -------------------------------------------------------------------------------------------- positions


def places(text: str, kind: type[nodes.Node]) -> list[str]:
    """The source text each node of a kind covers (for sources of one line)."""
    source = SourceMap()
    found = Diagnostics(source)
    stream = Preprocessor(source, found, predefined={}, include=lambda *_: None).run("/a.c", text)
    program = parse(stream.tokens, found, script=False, pragmas=frozenset())
    return [text[source.locate(node.start).column - 1:source.locate(node.end).column - 1]
            for node in walk(program) if type(node) is kind]


@pytest.mark.parametrize(("text", "kind", "expected"), [
    ("int f() { return (a + b) * c; }", nodes.Binary, ["(a + b) * c", "(a + b)"]),
    ("int f() { return f(1, x)[2]; }", nodes.Index, ["f(1, x)[2]"]),
    ("int f() { return f(1, x)[2]; }", nodes.Call, ["f(1, x)"]),
    ("int f() { return -x++; }", nodes.Unary, ["-x++"]),
    ("int f() { return (x); }", nodes.Name, ["x"]),
    ("int f() { return (: $1 :); }", nodes.Functional, ["(: $1 :)"]),
    ("int f() { if (a) b; else { c; } }", nodes.If, ["if (a) b; else { c; }"]),
    ("int f() { int a = 1, *b; }", nodes.Declarator, ["a = 1", "*b"]),
    ("int f() { int a = 1, *b; }", nodes.LocalDeclaration, ["int a = 1, *b;"]),
    ("private int f(int a) { }", nodes.FunctionDeclaration, ["private int f(int a) { }"]),
    ("private int f(int ref *a) { }", nodes.ParameterDeclaration, ["int ref *a"]),
    ("nosave x = 1 ;", nodes.GlobalDeclaration, ["nosave x = 1 ;"]),
    ("x;", nodes.ProgramNode, ["x;"]),
])
def test_nodes_cover_their_text(text: str, kind: type[nodes.Node], expected: list[str]) -> None:
    assert places(text, kind) == expected


def test_operators_and_names_have_places_of_their_own() -> None:
    source = SourceMap()
    value = expression("a + ob->f(1)")
    assert isinstance(value, nodes.Binary)
    assert isinstance(value.right, nodes.CallOther)
    source.include("/a.c", "")
    begin = source.locate(value.start).column
    assert source.locate(value.operator_at).column - begin == len("a ")
    assert source.locate(value.right.name_at).column - begin == len("a + ob->")


# --------------------------------------------------------------------------------------------- scripts


def test_a_script_mixes_statements_and_definitions_in_order() -> None:
    program = tree("write(1);\nint x = f();\nif (x) g(); else h();\nf() { return 1; }\nint g() { }\nx += 2;\n"
                   "inherit \"/a\";\nstring::create();\nfunction p = (: f :);\n(*p)();\n{ x; }\nfunction () { };",
                   script=True)
    assert [type(item.statement if isinstance(item, nodes.TopLevelStatement) else item).__name__
            for item in program.declarations] == [
        "ExpressionStatement", "GlobalDeclaration", "If", "FunctionDeclaration", "FunctionDeclaration",
        "ExpressionStatement", "Inherit", "ExpressionStatement", "GlobalDeclaration", "ExpressionStatement", "Block",
        "ExpressionStatement"]


@pytest.mark.parametrize(("text", "is_statement"), [
    ("f(1);", True), ("f(a, (: g :)) + 1;", True), ("f();", True), ("f(x) { }", False), ("f() { }", False),
    ("f(a : (: g(1) :)) { }", False), ("x = 1;", True), ("int x;", False), ("class a x;", False), ("private x;", False),
    ("int::f();", True), ("function f;", False), ("function () { };", True), ("while (0) ;", True),
    ("foreach (x in y) ;", True),
    ("({ 1 })[0];", True), ("::f();", True), ("efun::f();", True), ("private: int x;", False), ("catch { };", True),
    ("`a${x}`;", True), ("++x;", True), ("return;", True), ("return 5;", True),
])
def test_what_is_a_statement_of_a_script(text: str, is_statement: bool) -> None:
    first = tree(text, script=True).declarations[0]
    assert isinstance(first, nodes.TopLevelStatement) is is_statement


def test_statements_are_a_mistake_outside_scripts_and_leave_no_trace() -> None:
    program, found = read("int x;\nwhile (x) x--;\nif (x) f();\nint g() { }")
    assert said(found) == ["2:1-6 LPC2007 a statement cannot stand at file level: put it into a function"]
    assert [type(item).__name__ for item in program.declarations] == ["GlobalDeclaration", "FunctionDeclaration"]
