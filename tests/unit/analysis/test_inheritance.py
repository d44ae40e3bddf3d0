"""Inheritance: merged tables, access, `::` calls."""

from __future__ import annotations

import pytest
from analysis_world import World

from lpc.analysis.symbols import Global, InheritedFunction, OwnFunction
from lpc.syntax.nodes import Call, FunctionPointer


def _errors(world: World, text: str, path: str = "/heir.c") -> list[str]:
    return [d.message for d in world.analyzed(text, path).errors]


def test_inherited_functions_and_variables_are_in_reach(world: World) -> None:
    world.analyzed("int hp; int query_hp() { return hp; }", "/std/living.c")
    result = world.analyzed('inherit "/std/living"; int f() { hp = 1; return query_hp(); }', "/heir.c")
    assert not result.messages
    variable = result.analysis.symbols[result.named("hp")[0]]
    function = result.analysis.symbols[result.all(Call)[0]]
    assert isinstance(variable, Global)
    assert variable.variable.key == "hp:/std/living.c"
    assert isinstance(function, OwnFunction)
    assert function.function.program == "/std/living.c"


def test_the_interface_lists_direct_inherits(world: World) -> None:
    world.analyzed("", "/a.c")
    world.analyzed('inherit "/a";', "/b.c")
    result = world.analyzed('private nosave inherit "/a"; inherit "/b";', "/heir.c")
    assert [(parent.path, modifiers) for parent, modifiers in result.analysis.interface.inherits] == [
        ("/a.c", {"private", "nosave"}), ("/b.c", {"public"})]


def test_the_path_is_any_constant_string(world: World) -> None:
    world.analyzed("int x;", "/std/a.c")
    assert _errors(world, '#define STD "/std/"\ninherit (STD "a"); int f() { return x; }') == []


def test_own_definitions_win_over_inherited_ones_and_prototypes_do_not(world: World) -> None:
    world.analyzed("int f() { return 1; } int g() { return 1; }", "/a.c")
    interface = world.analyzed('inherit "/a"; int f() { return 2; } int g();', "/heir.c").analysis.interface
    assert interface.functions["f"].program == "/heir.c"
    assert interface.functions["g"].program == "/a.c"


def test_the_last_inherited_definition_wins_with_a_warning(world: World) -> None:
    world.analyzed("int f() { return 1; }", "/a.c")
    world.analyzed("int f() { return 2; }", "/b.c")
    world.analyzed("int f();", "/c.c")
    result = world.analyzed('inherit "/a"; inherit "/b"; inherit "/c";', "/heir.c")
    assert result.analysis.interface.functions["f"].program == "/b.c"
    assert result.messages == ["f() inherited from both /b.c and /a.c; using the definition in /b.c."]


def test_an_own_definition_settles_a_clash(world: World) -> None:
    world.analyzed("int f() { return 1; }", "/a.c")
    world.analyzed("int f() { return 2; }", "/b.c")
    assert not world.analyzed('inherit "/a"; inherit "/b"; int f() { return 3; }', "/heir.c").messages


def test_a_diamond_is_no_clash(world: World) -> None:
    world.analyzed("int x; nomask int f() { return 1; } class p { int a; }", "/base.c")
    world.analyzed('inherit "/base";', "/a.c")
    world.analyzed('inherit "/base";', "/b.c")
    result = world.analyzed('inherit "/a"; inherit "/b"; int g() { return x + f(); }', "/heir.c")
    assert not result.messages
    assert result.analysis.interface.variables["x"].key == "x:/base.c"


# ------------------------------------------------------------------------------------------------------ access


def test_private_functions_stay_out_of_reach(world: World) -> None:
    world.analyzed("private int f() { return 1; }", "/a.c")
    result = world.analyzed('inherit "/a";\nint g() { return f(); }\nh() { f(); }', "/heir.c")
    assert [d.message for d in result.errors] == ["Illegal to call inherited private function 'f'"] * 2
    assert "f" not in result.analysis.interface.functions


def test_private_functions_can_be_pointed_to(world: World) -> None:
    world.analyzed("private int f() { return 1; }", "/a.c")
    result = world.analyzed('inherit "/a"; mixed g() { return (: f :); }', "/heir.c")
    assert not result.errors
    assert isinstance(result.analysis.symbols[result.all(FunctionPointer)[0]], OwnFunction)


def test_private_variables_stay_out_of_reach(world: World) -> None:
    world.analyzed("private int x;", "/a.c")
    assert _errors(world, 'inherit "/a"; int g() { return x; }') == ["Illegal to use private variable 'x'"]


def test_an_heir_may_have_its_own_variable_of_a_private_name(world: World) -> None:
    world.analyzed("private int x; private int f() { return x; }", "/a.c")
    result = world.analyzed('inherit "/a"; int x; int f() { return x; }', "/heir.c")
    assert not result.messages
    assert result.analysis.interface.variables["x"].key == "x:/heir.c"


def test_a_private_inherit_hides_from_heirs_only(world: World) -> None:
    world.analyzed("int x; int f() { return x; }", "/a.c")
    assert _errors(world, 'private inherit "/a"; int g() { return f() + x + ::f(); }', "/b.c") == []
    assert _errors(world, 'inherit "/b"; int h() { return f() + x + g(); }') == [
        "Illegal to call inherited private function 'f'", "Illegal to use private variable 'x'"]


def test_modifiers_of_an_inherit_restrict(world: World) -> None:
    world.analyzed("int x; int f() { return x; } private int p; protected int q() { return p; }", "/a.c")
    interface = world.analyzed('protected nosave nomask inherit "/a";', "/heir.c").analysis.interface
    assert interface.functions["f"].modifiers == {"protected", "nomask"}
    assert interface.functions["q"].modifiers == {"protected", "nomask"}
    assert interface.variables["x"].modifiers == {"protected", "nosave", "nomask"}
    assert "p" not in interface.variables


def test_nomask_functions_cannot_be_redefined(world: World) -> None:
    world.analyzed("nomask int f() { return 1; }", "/a.c")
    world.analyzed("int f() { return 2; }", "/b.c")
    message = "Illegal to redefine 'nomask' function 'f'."
    assert _errors(world, 'inherit "/a"; int f() { return 3; }') == [message]
    assert _errors(world, 'inherit "/a"; inherit "/b";') == [message]
    assert _errors(world, 'inherit "/a"; int f();') == []


def test_redeclared_inherited_variables(world: World) -> None:
    world.analyzed("int x; nomask int y;", "/a.c")
    result = world.analyzed('inherit "/a"; int x; int y;', "/heir.c")
    assert result.messages == ["Redeclaration of global variable 'x'.", "Illegal to redefine 'nomask' variable 'y'."]
    assert result.analysis.interface.variables["x"].key == "x:/heir.c"
    assert "nosave" in result.analysis.interface.variables["x"].modifiers


def test_equal_names_of_two_parents(world: World) -> None:
    world.analyzed("int x;", "/a.c")
    world.analyzed("int x;", "/b.c")
    result = world.analyzed('inherit "/a"; inherit "/b";', "/heir.c")
    assert result.messages == ["Redeclaration of global variable 'x'."]


# ---------------------------------------------------------------------------------------------------- `::` calls


def test_the_first_inherit_that_has_it_is_called(world: World) -> None:
    world.analyzed("int other() { return 1; }", "/z.c")
    world.analyzed("int f() { return 1; }", "/a.c")
    world.analyzed("int f() { return 2; }", "/b.c")
    result = world.analyzed('inherit "/z"; inherit "/a"; inherit "/b"; int f() { return ::f() + b::f(); }', "/heir.c")
    assert not result.messages
    first, second = (result.analysis.symbols[node] for node in result.all(Call))
    assert isinstance(first, InheritedFunction)
    assert isinstance(second, InheritedFunction)
    assert (first.inherit, first.function.program) == (1, "/a.c")
    assert (second.inherit, second.function.program) == (2, "/b.c")


def test_inside_one_inherit_its_own_definition_comes_first_then_its_last_parent(world: World) -> None:
    world.analyzed("int f() { return 1; } int g() { return 1; }", "/a.c")
    world.analyzed("int f() { return 2; } int g() { return 2; }", "/b.c")
    world.analyzed('inherit "/a"; inherit "/b"; int g() { return 3; }', "/c.c")
    result = world.analyzed('inherit "/c"; int f() { return ::f() + ::g(); }', "/heir.c")
    found = [result.analysis.symbols[node] for node in result.all(Call)]
    assert [s.function.program for s in found if isinstance(s, InheritedFunction)] == ["/b.c", "/c.c"]


@pytest.mark.parametrize(("call", "message"), [
    ("::f()", "Unable to find the inherited function 'f'."),
    ("b::g()", "Unable to find the inherited function 'g' in file 'b'."),
    ("ving::g()", "Unable to find the inherited function 'g' in file 'ving'."),
    ("::p()", "Called function is private."),
])
def test_calls_that_reach_nothing(world: World, call: str, message: str) -> None:
    world.analyzed("int g() { return 1; } private int p() { return 1; }", "/std/living.c")
    result = world.analyzed(f'inherit "/std/living"; int f() {{ return {call}; }}', "/heir.c")
    (error,) = result.errors
    assert error.message == message
    assert error.notes


@pytest.mark.parametrize("qualifier", ["living", "std/living", "/std/living"])
def test_qualifiers_are_path_suffixes(world: World, qualifier: str) -> None:
    world.analyzed("int g() { return 1; }", "/std/living.c")
    text = f'inherit "/std/living"; int f() {{ return {qualifier.split("/")[-1]}::g(); }}'
    assert _errors(world, text) == []


def test_a_prototype_is_no_inherited_definition(world: World) -> None:
    world.analyzed("int f() { return 1; }", "/a.c")
    world.analyzed('int f(); inherit "/a";', "/b.c")
    result = world.analyzed('inherit "/b"; int f() { return ::f(); }', "/heir.c")
    assert not result.messages


def test_a_tower_of_diamonds_is_searched_once(world: World) -> None:
    world.analyzed("", "/p0.c")
    for level in range(1, 40):
        world.analyzed(f'inherit "/p{level - 1}"; inherit "/p{level - 1}.c";', f"/p{level}.c")
    assert _errors(world, 'inherit "/p39"; void f() { ::nothing(); }') == [
        "Unable to find the inherited function 'nothing'."]


# ------------------------------------------------------------------------------------------------------- the rest


def test_inherit_comes_before_variables_but_may_follow_functions(world: World) -> None:
    world.analyzed("", "/a.c")
    assert _errors(world, 'int f() { return 1; } class p { int x; } inherit "/a";') == []
    result = world.analyzed('int x; inherit "/a";', "/heir.c")
    (error,) = result.errors
    assert error.message == "Illegal to inherit after defining global variables."


def test_without_the_parent_unknown_names_are_not_reported(world: World) -> None:
    text = ('inherit "/missing"; class unknown c; void f() { x = 1; g(); ::h(); foreach (y in x) ; '
            "write((: k :)); write(c->a); write(new(class unknown)); }")
    assert _errors(world, text) == []


def test_inherited_classes(world: World) -> None:
    world.analyzed("class p { int x; }", "/a.c")
    world.analyzed("class p { int x; }", "/same.c")
    world.analyzed("class p { int x; int y; }", "/bigger.c")
    world.analyzed("class p { string x; }", "/other.c")
    assert _errors(world, 'inherit "/a"; inherit "/same"; int f(class p c) { return c->x; }') == []
    assert _errors(world, 'inherit "/a"; inherit "/bigger";') == ["Definitions of class 'p' differ in size."]
    assert _errors(world, 'inherit "/a"; inherit "/other";') == ["Definitions of class 'p' disagree."]
    assert _errors(world, 'inherit "/a"; class p { string x; }') == ["Illegal to redefine class 'p',"]


def test_inherited_signatures_are_checked(world: World) -> None:
    world.analyzed("int f(int a, string b) { return a; }", "/a.c")
    result = world.analyzed('inherit "/a"; void g() { f(1, 2); f(); }', "/heir.c")
    assert [d.message for d in result.errors] == [
        "Bad type for argument 2 of f ( string vs int )",
        "Wrong number of arguments to 'f', expected: 2, minimum: 2, got: 0."]
    assert result.errors[0].notes[0].message == "'f' is declared in /a.c"


def test_an_override_may_have_another_signature(world: World) -> None:
    world.analyzed("int f(int a) { return a; }", "/a.c")
    assert _errors(world, 'inherit "/a"; string f() { return "x"; } string g() { return f(); }') == []
