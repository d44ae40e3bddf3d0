"""What names mean, and what is said where they mean nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from analysis_world import Result, World

from lpc.analysis.symbols import (
    ClassMemberSymbol,
    EfunSymbol,
    Global,
    Local,
    OwnFunction,
    SimulEfun,
    UndefinedFunction,
)
from lpc.runtime.interface import FunctionInfo
from lpc.syntax.nodes import (
    AnonymousFunction,
    Call,
    CallOther,
    Declarator,
    ForeachVariable,
    FunctionDeclaration,
    FunctionPointer,
    Member,
    New,
    ParameterDeclaration,
)
from lpc.types import INT, MIXED, STRING, VOID

Analyzed = Callable[[str], Result]


def _simul(name: str) -> FunctionInfo:
    return FunctionInfo(name, STRING, (), False, frozenset(("public",)), "/simul.c", True)


# ------------------------------------------------------------------------------------------------- variables


def test_a_local_comes_before_a_global(analyzed: Analyzed) -> None:
    result = analyzed("int x; int f() { int x; x = 1; return x; } int g() { return x; }")
    assert not result.errors
    first, second, third = (result.analysis.symbols[node] for node in result.named("x"))
    assert isinstance(first, Local)
    assert first is second
    assert isinstance(third, Global)
    assert third.variable.key == "x:/test.c"


def test_a_global_comes_before_a_function(analyzed: Analyzed) -> None:
    result = analyzed("int f; mixed f() { return f; }")
    assert isinstance(result.analysis.symbols[result.named("f")[0]], Global)


def test_a_bare_function_name_is_a_pointer(world: World) -> None:
    world.simul_efuns["who"] = _simul("who")
    result = world.analyzed("void f() { function a = f, b = who, c = strlen; evaluate(a, b, c); }")
    assert not result.errors
    kinds = [type(result.analysis.symbols[result.named(name)[0]]) for name in ("f", "who", "strlen")]
    assert kinds == [OwnFunction, SimulEfun, EfunSymbol]


def test_an_undefined_variable_is_reported_once_with_a_suggestion(analyzed: Analyzed) -> None:
    result = analyzed("int total;\nint f() { totl = total + 1; return totl; }")
    (error,) = result.errors
    assert error.message == "Undefined variable 'totl'"
    assert result.marked(error) == "totl"
    assert error.hint == "did you mean 'total'?"
    assert error.notes[0].message == "'total' declared here"


def test_equal_names_in_sibling_blocks_have_their_own_slots(analyzed: Analyzed) -> None:
    result = analyzed("void f() { { int a; a = 1; } { int a; a = 2; } }")
    assert not result.messages
    first, second = (result.analysis.symbols[node] for node in result.named("a"))
    assert isinstance(first, Local)
    assert isinstance(second, Local)
    assert (first.index, second.index) == (0, 1)


@pytest.mark.parametrize("text", [
    "void f() { int x; int x; x = 1; }",
    "void f() { int x; if (x) { int x; x = 1; } }",
    "void f(int x) { int x; x = 1; }",
    "void f(int x, int x) { x = 1; }",
    "void f() { int x; for (int x = 0; x < 1; x++) ; }",
    "void f() { int x; foreach (int x in ({ 1 })) write(x); }",
    "void f() { foreach (int x in ({ 1 })) { int x; write(x); } }",
])
def test_a_name_is_declared_once_in_nested_blocks(analyzed: Analyzed, text: str) -> None:
    result = analyzed(text)
    (error,) = result.errors
    assert error.message == "Illegal to redeclare local name 'x'"
    assert "x" in result.marked(error)


def test_a_local_ends_with_its_block(analyzed: Analyzed) -> None:
    result = analyzed("int f() { { int a; a = 1; } return a; }")
    assert [d.message for d in result.errors] == ["Undefined variable 'a'"]


def test_loop_variables_end_with_their_loop(analyzed: Analyzed) -> None:
    result = analyzed("int f() { for (int i = 0; i < 3; i++) ; foreach (int k in ({ 1 })) ; return i + k; }")
    assert [d.message for d in result.errors] == ["Undefined variable 'i'", "Undefined variable 'k'"]


def test_a_catch_block_has_a_scope(analyzed: Analyzed) -> None:
    result = analyzed("void f() { mixed e = catch { int v = 1; write(v); }; int v = 2; write(e, v); }")
    assert "Illegal to redeclare local name 'v'" not in result.messages


def test_two_hundred_and_fifty_five_locals_are_the_limit(analyzed: Analyzed) -> None:
    names = ", ".join(f"v{n}" for n in range(255))
    assert not analyzed(f"void f() {{ int {names}; }}").errors
    result = World().analyzed(f"void f() {{ int {names}, one_more; }}")
    (error,) = result.errors
    assert error.message == "Too many local variables"
    assert result.marked(error) == "one_more"


def test_symbols_of_declarations(analyzed: Analyzed) -> None:
    result = analyzed("int g = 1; void f(int p) { int v; foreach (int k in ({ v, p, g })) write(k); }")
    symbols = result.analysis.symbols
    assert [type(symbols[node]) for node in result.all(Declarator)] == [Global, Local]
    parameter = symbols[result.all(ParameterDeclaration)[0]]
    loop = symbols[result.all(ForeachVariable)[0]]
    assert isinstance(parameter, Local)
    assert parameter.is_parameter
    assert isinstance(loop, Local)
    scope = result.analysis.scopes[result.all(FunctionDeclaration)[0]]
    assert [local.name for local in scope.parameters] == ["p"]
    assert [local.name for local in scope.locals] == ["p", "v", "k"]


def test_foreach_over_an_unknown_name(analyzed: Analyzed) -> None:
    result = analyzed("void f() { foreach (x in ({ 1 })) ; }")
    (error,) = result.errors
    assert error.message == "'x' is not a local or a global variable."
    assert result.marked(error) == "x"


def test_foreach_takes_existing_variables(analyzed: Analyzed) -> None:
    result = analyzed("int g; void f() { int x; foreach (x in ({ 1 })) ; foreach (g in ({ 1 })) ; }")
    assert not result.messages
    assert [type(result.analysis.symbols[n]) for n in result.all(ForeachVariable)] == [Local, Global]


def test_a_mapping_key_cannot_be_a_reference(analyzed: Analyzed) -> None:
    result = analyzed("void f(mapping m) { foreach (mixed ref k, mixed ref v in m) v = k; }")
    assert [d.message for d in result.errors] == ["Mapping key may not be a reference in foreach()"]


# ------------------------------------------------------------------------------------------------------ calls


def test_functions_may_be_called_before_their_definition(analyzed: Analyzed) -> None:
    result = analyzed("int f() { return later(1); } int later(int x) { return x; }")
    assert not result.messages
    symbol = result.analysis.symbols[result.all(Call)[0]]
    assert isinstance(symbol, OwnFunction)
    assert symbol.function.defined


def test_own_functions_hide_simul_efuns_and_those_efuns(world: World) -> None:
    world.simul_efuns |= {"write": _simul("write"), "strlen": _simul("strlen")}
    result = world.analyzed('int strlen(string s) { return 1; } void f() { strlen("a"); write("b"); sizeof("c"); }')
    kinds = [type(result.analysis.symbols[node]) for node in result.all(Call)]
    assert kinds == [OwnFunction, SimulEfun, EfunSymbol]


def test_a_local_does_not_hide_a_function_in_a_call(analyzed: Analyzed) -> None:
    result = analyzed('void f(function strlen) { strlen("a"); }')
    assert isinstance(result.analysis.symbols[result.all(Call)[0]], EfunSymbol)


def test_variables_of_type_function_can_be_called(analyzed: Analyzed) -> None:
    result = analyzed("function g; void f(function p) { p(1); g(2); }")
    assert not result.messages
    assert [type(result.analysis.symbols[node]) for node in result.all(Call)] == [Local, Global]


def test_an_undefined_function_in_typed_code(analyzed: Analyzed) -> None:
    result = analyzed('void f() { wriet("x"); }')
    (error,) = result.errors
    assert error.message == "Undefined function wriet"
    assert result.marked(error) == "wriet"
    assert error.hint == "did you mean 'write'?"


def test_an_undefined_function_in_untyped_code_is_left_to_run_time(analyzed: Analyzed) -> None:
    result = analyzed("f() { nowhere(1); }")
    assert not result.errors
    symbol = result.analysis.symbols[result.all(Call)[0]]
    assert isinstance(symbol, UndefinedFunction)
    assert symbol.name == "nowhere"


def test_strict_types_make_untyped_code_typed(analyzed: Analyzed) -> None:
    result = analyzed("#pragma strict_types\ncreate() { nowhere(1); }")
    assert [d.message for d in result.errors] == ["Undefined function nowhere"]


def test_calling_a_variable_that_is_no_function(analyzed: Analyzed) -> None:
    result = analyzed("void f(mixed m) { m(1); }")
    (error,) = result.errors
    assert error.message == "Undefined function m"
    assert error.hint is not None
    assert "(*m)" in error.hint


def test_efun_scope(analyzed: Analyzed) -> None:
    result = analyzed('int strlen(string s) { return efun::strlen(s); } void f() { efun::nothing(); }')
    assert [d.message for d in result.errors] == ["Unknown efun: nothing"]
    assert isinstance(result.analysis.symbols[result.all(Call)[0]], EfunSymbol)


def test_the_master_can_forbid_efun_scope(world: World) -> None:
    world.overridable = False
    result = world.analyzed('void f() { efun::write("a"); }')
    (error,) = result.errors
    assert error.message == "Invalid simulated efunction override"
    assert result.marked(error) == "write"


def test_new_and_arrow_calls_go_to_simul_efuns_of_their_names(world: World) -> None:
    result = world.analyzed('void f() { new("/x")->y(); }')
    assert isinstance(result.analysis.symbols[result.all(New)[0]], EfunSymbol)
    assert result.all(CallOther)[0] not in result.analysis.symbols
    world.simul_efuns |= {"clone_object": _simul("clone_object"), "call_other": _simul("call_other")}
    result = world.analyzed('void f() { new("/x")->y(); }')
    assert isinstance(result.analysis.symbols[result.all(New)[0]], SimulEfun)
    assert isinstance(result.analysis.symbols[result.all(CallOther)[0]], SimulEfun)


# ------------------------------------------------------------------------------------------------ functionals


@pytest.mark.parametrize("body", ["(: x :)", "(: x + 1 :)", "(: (: $1 + x :) :)", "(: strlen(x) :)", "(: g(), x :)",
                                  "(: x = 1 :)", "(: x(1) :)"])
def test_locals_cannot_be_used_in_functionals(analyzed: Analyzed, body: str) -> None:
    result = analyzed(f"void g() {{}} void f(function x) {{ evaluate({body}); }}".replace("strlen(x)", "sizeof(x)"))
    (error,) = [d for d in result.errors if d.code == "LPC3013"]
    assert error.message == "Illegal to use local variable in a functional."
    assert result.marked(error).startswith("x")
    assert error.hint == "write $(x) for its value now"


@pytest.mark.parametrize("body", ["(: $(x) + $1 :)", "(: f, x :)", "(: g :)", "(: g + 1 :)", "(: strlen, x :)",
                                  "(: $(x)[0] :)", "(: evaluate((: $1 :), $(x)) :)"])
def test_what_functionals_may_use(analyzed: Analyzed, body: str) -> None:
    assert not analyzed(f"int g; void f(string x) {{ evaluate({body}); }}").errors


def test_a_captured_expression_in_a_nested_functional_belongs_to_the_outer_one(analyzed: Analyzed) -> None:
    result = analyzed("void f(int x) { evaluate((: (: $($1) + $($(x)) :) :), (: (: $(x) :) :)); }")
    (error,) = result.errors
    assert error.message == "Illegal to use local variable in a functional."


def test_locals_of_the_maker_are_unknown_in_anonymous_functions(analyzed: Analyzed) -> None:
    result = analyzed("int g; void f(int x) { evaluate(function (int y) { return g + y + x; }); }")
    (error,) = result.errors
    assert error.message == "Undefined variable 'x'"
    assert error.notes[0].message == "'x' declared here"
    scope = result.analysis.scopes[result.all(AnonymousFunction)[0]]
    assert [local.name for local in scope.locals] == ["y"]


def test_an_anonymous_function_may_reuse_names_of_its_maker(analyzed: Analyzed) -> None:
    assert not analyzed("void f(int x) { evaluate(function (int x) { int y = x; return y; }, x); }").messages


def test_function_pointers(world: World) -> None:
    world.simul_efuns["who"] = _simul("who")
    result = world.analyzed("int g; void f() { "
                            "evaluate((: f :), (: who :), (: strlen :), (: g :), (: efun::write :)); }")
    kinds = [type(result.analysis.symbols[node]) for node in result.all(FunctionPointer)]
    assert kinds == [OwnFunction, SimulEfun, EfunSymbol, Global, EfunSymbol]


def test_an_unknown_function_in_a_functional_is_an_error_even_in_untyped_code(analyzed: Analyzed) -> None:
    result = analyzed("f() { return (: wriet :); }")
    (error,) = result.errors
    assert error.message == "Unknown function 'wriet' in functional"
    assert error.hint == "did you mean 'write'?"


def test_variables_take_no_arguments_in_a_functional(analyzed: Analyzed) -> None:
    result = analyzed('object g; void f() { evaluate((: g, "name" :)); }')
    (error,) = result.errors
    assert error.message == "Can't give parameters to functional."
    assert result.marked(error) == '"name"'


def test_bound_arguments_are_checked(analyzed: Analyzed) -> None:
    result = analyzed('void f() { evaluate((: strlen, 5 :), (: strlen, "a", "b" :)); }')
    assert [d.message for d in result.errors] == ["Bad argument 1 to efun strlen()", "Too many arguments to strlen"]


def test_parameters_end_at_255(analyzed: Analyzed) -> None:
    result = analyzed("void f() { evaluate((: $1000 :)); }")
    assert "only 255 parameters allowed." in [d.message for d in result.errors]


# --------------------------------------------------------------------------------------------------- classes


def test_members_are_found_by_position(analyzed: Analyzed) -> None:
    result = analyzed("class point { int x, y; } int f(class point p) { p->y = 1; return p.y; }")
    assert not result.messages
    symbols = [result.analysis.symbols[node] for node in result.all(Member)]
    assert [s.index for s in symbols if isinstance(s, ClassMemberSymbol)] == [1, 1]


def test_an_unknown_member(analyzed: Analyzed) -> None:
    result = analyzed("class point { int width; } int f(class point p) { return p->widht; }")
    (error,) = result.errors
    assert error.message == "Class 'point' has no member 'widht'"
    assert result.marked(error) == "widht"
    assert error.hint == "did you mean 'width'?"


def test_members_of_mixed_values(analyzed: Analyzed) -> None:
    result = analyzed("class a { int x; } class b { string y; } mixed f(mixed m) { return m->y + m->unknown; }")
    assert not result.errors
    known, unknown = result.all(Member)
    assert isinstance(result.analysis.symbols[known], ClassMemberSymbol)
    assert unknown not in result.analysis.symbols


def test_an_ambiguous_member(analyzed: Analyzed) -> None:
    result = analyzed("class a { int x; int y; } class b { string y; } mixed f(mixed m) { return m->y; }")
    (error,) = result.errors
    assert error.message == "More than one class in scope has member 'y'; use a cast to disambiguate."


def test_arrow_needs_a_class_and_dot_does_not(analyzed: Analyzed) -> None:
    result = analyzed("mixed f(mapping m) { return m.x + m?.y + m->z; }")
    (error,) = result.errors
    assert error.message == "Left argument of -> is not a class"
    assert result.marked(error) == "m"


@pytest.mark.parametrize("text", [
    "class foo x;",
    "class foo f() { return 0; }",
    "void f(class foo x) { }",
    "class bar { class foo x; }",
    "void f() { class foo x; x = 0; }",
    "void f() { mixed m = new(class foo); write(m); }",
    "void f() { mixed m = (class foo)f(); write(m); }",
    "void f() { foreach (class foo x in ({})) write(x); }",
])
def test_an_undefined_class(analyzed: Analyzed, text: str) -> None:
    (error,) = analyzed(text).errors
    assert error.message == "Undefined class 'foo'"


def test_a_class_may_be_declared_after_its_use_at_file_level(analyzed: Analyzed) -> None:
    assert not analyzed("class late x; class late { int a; } int f() { return x->a; }").errors


def test_class_instances(analyzed: Analyzed) -> None:
    result = analyzed("class p { int x; } void f() { mixed m = new(class p, x: 1, y: 2, x: 3); write(m); }")
    assert [d.message for d in result.errors] == ["Class 'p' has no member 'y'",
                                                  "Redefinition of member 'x' in instantiation of class 'p'"]


def test_redeclared_classes(analyzed: Analyzed) -> None:
    assert not analyzed("class p { int x; } class p { int x; }").messages
    result = analyzed("class p { int x; } class p { string x; }")
    assert [d.message for d in result.errors] == ["Illegal to redefine class 'p',"]
    result = analyzed("class q { int x; string x; }")
    assert [d.message for d in result.errors] == ["Duplicate member 'x' in class 'q'"]


# ----------------------------------------------------------------------------------------------- declarations


@pytest.mark.parametrize(("text", "message"), [
    ("void x;", "Illegal to declare global variable of type void."),
    ("void f() { void x; }", "Illegal to declare local variable of type void."),
    ("void f() { for (void x = 1; ; ) ; }", "Illegal to declare local variable of type void."),
    ("void f() { foreach (void x in ({})) ; }", "Illegal to declare local variable of type void."),
    ("class c { void x; }", "Illegal to declare class member of type void."),
    ("void f(void, int b);", "argument of type void must be the only argument."),
    ("void f(int b, void c) { }", "Illegal to declare argument of type void."),
    ("void f(void x) { }", "Illegal to declare argument of type void."),
    ("void f(int x) { } void f() { }", "Redeclaration of function 'f'."),
    ("#pragma strict_types\nfoo() { }", '"#pragma strict_types" requires type of function'),
    ("#pragma strict_types\nnosave foo;", "Missing type for global variable declaration"),
    ("int f(x) { return x; }", "Missing type for argument"),
    ("private public int x;", "Multiple access modifiers (private public )"),
    ("private public int f() { return 1; }", "Multiple access modifiers (private public ) for function"),
    ("varargs int x;", "Illegal to declare varargs variable."),
    ("varargs:\nint x;", "Illegal modifier 'varargs' in global modifier list."),
    ("int f(int a : (: 1 :), int b) { return a + b; }",
     "Function arguments with default value closure must be specified continuously."),
    ("int f(int a, int b : (: a + 1 :)) { return a + b; }", "Illegal to use local variable in a functional."),
    ("int f(int b : (: catch { int q; } ? 1 : 2 :)) { return b; }",
     "Illegal to declare a local variable in a default argument expression"),
    ("void f(void...) { }", "'...' requires a preceding parameter to hold the remaining arguments."),
    ("class later { int a; } class other x;", "Undefined class 'other'"),
    ("void f(mixed ref x...) { }", "Variable to hold remainder of args may not be a reference"),
])
def test_bad_declarations(analyzed: Analyzed, text: str, message: str) -> None:
    assert [d.message for d in analyzed(text).errors] == [message]


def test_default_arguments_have_a_limit(analyzed: Analyzed) -> None:
    def text(count: int) -> str:
        parameters = ", ".join(f"int a{n}" for n in range(count))
        return f"void f({parameters}, int z : (: 1 :)) {{ }}"

    assert not analyzed(text(15)).errors
    result = analyzed(text(16))
    assert [d.message for d in result.errors] == ["Functions with default arguments can only have 16 args"]


def test_the_form_that_looks_like_c_gets_its_own_message(analyzed: Analyzed) -> None:
    result = analyzed("class p { int x; } q;\nvoid f() { q->x = 1; }")
    (error,) = result.errors
    assert error.message.startswith("Variable declaration cannot follow a class body directly")


def test_default_modifiers_hold_for_what_follows(analyzed: Analyzed) -> None:
    result = analyzed("int a;\nprivate:\nint b; int f() { return a; }\npublic int g() { return b; }")
    interface = result.analysis.interface
    assert interface.variables["a"].modifiers == {"public"}
    assert interface.variables["b"].modifiers == {"private"}
    assert interface.functions["f"].modifiers == {"private"}
    assert interface.functions["g"].modifiers == {"public"}


def test_the_interface(analyzed: Analyzed) -> None:
    result = analyzed("#pragma strict_types\n"
                      "nosave private string name; varargs int f(int a, mixed ref b, string c : (: name :));\n"
                      "int g(int a, mixed *rest...) { return a; } create() { }")
    interface = result.analysis.interface
    assert interface.strict_types
    assert interface.path == "/test.c"
    assert interface.variables["name"].modifiers == {"nosave", "private"}
    prototype = interface.functions["f"]
    assert (prototype.defined, prototype.type, prototype.minimum) == (False, INT, 0)
    assert [(p.name, p.type, p.ref, p.has_default) for p in prototype.parameters] == [
        ("a", INT, False, False), ("b", MIXED, True, False), ("c", STRING, False, True)]
    assert interface.functions["g"].rest
    assert interface.functions["create"].type == VOID


def test_a_definition_beats_prototypes_before_and_after(analyzed: Analyzed) -> None:
    result = analyzed("int f(int a); int f(int a) { return a; } int f(int a);")
    assert not result.messages
    assert result.analysis.interface.functions["f"].defined
    assert [node.name for node in result.analysis.functions] == ["f"]


def test_calls_are_held_against_the_declaration_before_them(analyzed: Analyzed) -> None:
    # A prototype that disagrees with the definition counts up to the definition, as in FluffOS.
    result = analyzed('void f(object o);\nvoid a(object o) { f(o); }\nvoid f(string s) { }\nvoid b() { f("s"); }')
    assert not result.errors


def test_a_redeclared_global_is_a_warning_and_not_saved(analyzed: Analyzed) -> None:
    result = analyzed("int x; int x;")
    assert [d.message for d in result.warnings] == ["Redeclaration of global variable 'x'."]
    assert "nosave" in result.analysis.interface.variables["x"].modifiers


@pytest.mark.parametrize(("text", "message"), [
    ("int f(int a); int f(int a, int b) { return a + b; }",
     "Number of arguments to 'f' disagrees with previous definition."),
    ('int f(); string f() { return "a"; }',
     "Previous function prototype for f does not match current function in return type ( int vs string )"),
    ("nosave int f() { return 1; }", "Illegal to declare nosave function."),
    ("void f(int x...) { }", "Variable to hold remainder of arguments should be an array."),
])
def test_doubtful_declarations(analyzed: Analyzed, text: str, message: str) -> None:
    result = analyzed(text)
    assert not result.errors
    assert result.messages == [message]


def test_scripts_run_statements_at_file_level() -> None:
    world = World(script=True)
    result = world.analyzed("int x = 1;\nx + 1;\nint f() { return x; }\nif (x) { int y = f(); write(y); }\nnowhere();")
    assert result.messages == ["Undefined function nowhere"]
    scope = result.analysis.scopes[None]
    assert [local.name for local in scope.locals] == ["y"]


def test_a_file_full_of_unknown_names_stays_cheap(analyzed: Analyzed) -> None:
    calls = " ".join(f"unknown_{n}();" for n in range(2000))
    result = analyzed(f"void f() {{ {calls} }}")
    assert len([d for d in result.errors if d.message.startswith("Undefined function")]) == 50


# ----------------------------------------------------------------------------------- after mistakes of other kinds


@pytest.mark.parametrize("text", [
    "void f() { int x y; x = 1; }",
    "int f(int a b) { return a; } void g() { f(1, 2); }",
    "void f(int x) { f(ref x + 1); strlen(ref x + 1); }",
    "void f() { int unused; unused = ; }",
    "void f(int x) { x + ; }",
])
def test_a_syntax_error_has_no_echo(analyzed: Analyzed, text: str) -> None:
    result = analyzed(text)
    assert result.errors
    assert all(d.code.startswith("LPC2") for d in result.diagnostics.found)


def test_an_undefined_class_has_no_echo(analyzed: Analyzed) -> None:
    result = analyzed("class foo x; class foo f(class foo y) { return y; }\nvoid g() { x = f(1); x->a = 1; }")
    assert {d.message for d in result.errors} == {"Undefined class 'foo'"}


def test_a_local_whose_value_went_wrong_is_not_also_unused(analyzed: Analyzed) -> None:
    assert analyzed("void f() { int x = nowhere(); }").messages == ["Undefined function nowhere"]


def test_parameters_have_a_limit(analyzed: Analyzed) -> None:
    parameters = ", ".join(f"int p{n}" for n in range(256))
    result = analyzed(f"void f({parameters}) {{ }}")
    assert [d.message for d in result.errors] == ["only 255 parameters allowed."]


def test_a_suggestion_points_at_locals_too(analyzed: Analyzed) -> None:
    (error,) = analyzed("void f(int counter) { countre = 1; }").errors
    assert error.notes[0].message == "'counter' declared here"


def test_a_forbidden_or_unknown_efun_pointer(world: World) -> None:
    world.overridable = False
    assert len(world.analyzed("mixed f() { return (: efun::write :); }").errors) == 1
    assert len(world.analyzed("mixed f() { return (: efun::nothing :); }").errors) == 1


def test_calls_of_simul_efuns_are_not_checked(world: World) -> None:
    world.simul_efuns["who"] = _simul("who")
    assert not world.analyzed("string f() { return who(1, 2, 3); }").messages


def test_foreach_in_a_functional_needs_variables_of_its_own(analyzed: Analyzed) -> None:
    result = analyzed("void f(int x) { evaluate((: catch { foreach (x in ({ 1 })) ; } :)); }")
    assert "Illegal to use local variable in a functional." in [d.message for d in result.errors]
