"""LPC's view of Python's stack, and what native exceptions become."""

from __future__ import annotations

from typing import Any

import pytest
from smallworld import SmallWorld

from lpc.efun import Efun, efun
from lpc.errors import LPCError, LPCFault
from lpc.runtime import trace
from lpc.runtime.values import INT_MAX, INT_MIN


class Log:
    """What our own defects would be logged in."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def error(self, message: str, exc_info: BaseException) -> None:
        self.messages.append(f"{message}: {exc_info}")


@pytest.fixture
def stacks(world: SmallWorld) -> list[list[trace.Frame]]:
    """The stacks that the efun look() has seen."""
    seen: list[list[trace.Frame]] = []

    def declared() -> Efun:
        @efun("int look(mixed value = 0)")
        def look(value: Any = 0) -> int:
            """Note the stack."""
            seen.append(trace.call_stack())
            return 1

        return look

    world.efuns = world.efuns | {"look": declared()}
    return seen


def test_frames_say_where_they_are(world: SmallWorld, stacks: list[list[trace.Frame]]) -> None:
    world.run("""
int inner(int a, string *rest...) {
    int local = a + 1;
    return
        look(local);
}
int f() { return inner(5, "x", "y"); }""")
    inner, outer = stacks[0]
    assert (inner.function, inner.file, inner.line, inner.column, inner.end_column) == ("inner", "/prog.c", 5, 9, 20)
    assert inner.arguments == {"a": 5, "rest": ["x", "y"]} and inner.locals == {"local": 6}
    assert (outer.function, outer.line, outer.arguments) == ("f", 7, {})
    assert inner.program == "/prog.c" and inner.object is world.driver.load("/prog")


def test_the_file_is_the_one_that_holds_the_line(world: SmallWorld, stacks: list[list[trace.Frame]]) -> None:
    world.file("part.h", "\n\nint part() { return look(); }\n")
    world.file("base.c", "int base() { return look(); }")
    world.run("#include \"part.h\"\ninherit \"base\";\nint f() { return part() + base(); }")
    assert [(frame.file, frame.program, frame.line) for frame in (stacks[0][0], stacks[1][0])] == [
        ("/part.h", "/prog.c", 3), ("/base.c", "/base.c", 1)]


@pytest.mark.parametrize(("body", "name"), [
    ("return evaluate((: look :));", "f"), ("return evaluate((: look($1) :), 1);", "(: <code>($1) :)"),
    ("return evaluate((: look($1 + $2) :), 1, 2);", "(: <code>($1, $2) :)"),
    ("return evaluate((: $1 ? look(catch($2)) : 0 :), 1, 2);", "(: <code>($1, $2) :)"),
    ("return evaluate(function(int x) { return look(x); }, 1);", "(: <code>() :)"),
])
def test_function_values_are_named_as_they_are_shown(world: SmallWorld, stacks: list[list[trace.Frame]], body: str,
                                                     name: str) -> None:
    world.run(f"mixed f() {{ {body} }}")
    assert stacks[0][0].function == name


def test_values_are_shown_as_lpc_sees_them(world: SmallWorld, stacks: list[list[trace.Frame]]) -> None:
    world.run(f"""
        int f() {{ int sum = 0; for (int i = 0; i < 3; i++) {{ sum += {INT_MAX}; look(); }} return sum; }}""")
    assert [stack[0].locals["sum"] for stack in stacks] == [INT_MAX, -2, INT_MAX - 2]
    stacks.clear()
    world.run("void g(int ref x) { x = 7; look(); } int f() { int y = 5; g(ref y); return y; }", path="/other.c")
    assert stacks[0][0].arguments == {"x": 7}


def test_the_object_that_runs(world: SmallWorld) -> None:
    seen: list[Any] = []

    def declared() -> Efun:
        @efun("int who()")
        def who() -> int:
            """Note the object that runs, and who called it."""
            seen.append((trace.current_object(), trace.previous_objects()))
            return 1

        return who

    assert trace.current_object() == 0 and trace.previous_objects() == [] and trace.call_stack() == []
    world.efuns = world.efuns | {"who": declared()}
    world.file("b.c", "int g(object by) { who(); return 1; } int h(object by) { return by->back(); }")
    world.run("""
        int back() { return who(); }
        int f() { object b = load_object("/b"); b->g(this_object()); b->h(this_object()); destruct(this_object());
                  return who(); }""")
    a, b = world.driver.find_object("/prog"), world.driver.find_object("/b")
    assert a is None
    (first, callers), (second, more), (third, _) = seen
    assert first is b and [ob.name for ob in callers] == ["/prog"]
    assert second.name == "/prog" and [ob.name for ob in more] == ["/b", "/prog"]
    assert third == 0, "its object is gone"


# --------------------------------------------------------------------------------------- native exceptions


def failing(world: SmallWorld, body: str, *args: Any) -> str:
    with pytest.raises(LPCFault) as caught:
        world.run(f"mixed g(mixed x) {{ return x; }} {body}", *args)
    return caught.value.message


@pytest.mark.parametrize(("body", "args", "message"), [
    ("int f() { int *a = ({ 1 }); for (int i = 0; i < 2; i++) { a[i]; g(a[i]); } return 1; }", (),
     "Array index out of bounds."),
    ("int f() { int *a = ({ 1 }); for (int i = 0; i < 2; i++) { a[i] = 5; } return 1; }", (),
     "Array index out of bounds"),
    ("int f(int x) { int y = x > 5; return 5 / y; }", (1,), "Division by zero"),
    ("int f(int x) { int y = x > 5; return 5 % y; }", (1,), "Modulus by zero."),
    ("float f() { float x = 0.0; return 1.5 / x; }", (), "Division by 0.0"),
    ("int f(int x, int y) { return x + y; }", ("a", "b"), "Bad type argument to +. Had string and string"),
    ("int f(int x, int y) { return x + y; }", ([], []), "Bad type argument to +. Had array and array"),
    ("int f(int x, int y) { return x + y; }", (1, "b"), "Bad type argument to +. Had int and string"),
    ("int f(int x, int y) { return x - y; }", ("a", 1), "Bad left type to -."),
    ("int f(int x, int y) { return x - y; }", (1, "a"), "Bad right type to -."),
    ("int f(int x, int y) { return x & y; }", ("a", 1), "Bad argument 1 to &"),
    ("int f(int x, int y) { return x < y; }", (1, "a"), "Bad argument 2 to <\nExpected: int or float Got: \"a\"."),
    ("int f(int x) { return x < 5; }", ([],), "Bad argument 1 to <\nExpected: string or int or float Got: ({ })."),
    ("int f(int n) { return f(n + 1); }", (1,), "Too deep recursion."),
])
def test_a_native_exception_is_the_error_of_its_operation(world: SmallWorld, body: str, args: Any,
                                                          message: str) -> None:
    assert failing(world, body, *args).removeprefix("*").rstrip("\n").startswith(message)


def test_errors_of_ours_are_passed_on() -> None:
    error, log = LPCError("plain"), Log()
    assert trace.to_lpc_error(error, log) is error
    assert str(trace.to_lpc_error(MemoryError(), log)) == "Out of memory."
    assert str(trace.to_lpc_error(RecursionError(), log)) == "Too deep recursion."
    assert not log.messages


def test_a_defect_is_logged_and_lpc_sees_no_python() -> None:
    log = Log()
    try:
        [][1]
    except IndexError as error:
        made = trace.to_lpc_error(error, log)
    assert str(made) == "Internal error in the driver (logged)."
    assert log.messages == ["internal error in an efun: list index out of range"]


def test_the_trace_of_an_error_begins_with_who_catches_it(world: SmallWorld) -> None:
    with pytest.raises(LPCFault) as caught:
        world.run("void g(int x) {\n  error(\"no\"); }\nvoid f() {\n  g(5); }")
    frames = caught.value.trace
    assert [(frame.function, frame.line) for frame in frames] == [("f", 4), ("g", 2)]
    assert frames[1].arguments == {"x": 5}


@pytest.mark.parametrize(("value", "shown"), [(INT_MAX + 1, INT_MIN), (5, 5), ("a", "a")])
def test_held_values(value: Any, shown: Any) -> None:
    assert trace._held(value) == shown
