"""Errors on their way to the host: faults, traces, the master's error_handler, the log."""

from __future__ import annotations

import pytest
from mudworld import Mud

from lpc import CompileError, Limits, LPCFault, ManualClock
from lpc.efun import Efun, efun

FAILING = """\
int inner(int *a, int n) {
    return a[n];
}
int outer(int n) { return inner(({ 1 }), n) + 1; }
mixed throws() { throw(({ 1, "x" })); }
mixed index_zero() {
    mixed m = 0;
    return m["k"];
}
void forever() { while (1) ; }
int deep(int n) { return deep(n + 1) + 1; }
mixed caught() { return catch(outer(7)); }
"""


def test_a_fault_has_message_value_and_trace(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    with pytest.raises(LPCFault) as error:
        driver.call("/a", "outer", 7)
    fault = error.value
    assert fault.message == "Array index out of bounds."
    assert fault.value == "*Array index out of bounds.\n"
    assert [(frame.function, frame.file, frame.line) for frame in fault.trace] == [
        ("outer", "/a.c", 4), ("inner", "/a.c", 2)]
    assert fault.trace[-1].arguments == {"a": [1], "n": 7}


def test_what_throw_was_given_is_the_value(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    with pytest.raises(LPCFault) as error:
        mud.driver().call("/a", "throws")
    assert error.value.value == [1, "x"]


def test_the_report_shows_the_place_and_the_calls(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    with pytest.raises(LPCFault) as error:
        driver.call("/a", "outer", 7)
    text = driver.reporter.text(error.value)
    assert text.split("\n") == [
        "/a.c:2:12: error: Array index out of bounds.",
        "    2 |     return a[n];",
        "      |            ^~~~",
        "  in inner(a: ({ 1 }), n: 7) of /a at /a.c:2",
        "  in outer(n: 7) of /a at /a.c:4",
    ]


def test_endless_evaluations_end(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    driver = mud.driver(limits=Limits(evaluation_time=0.05))
    with pytest.raises(LPCFault, match="Too long evaluation"):
        driver.call("/a", "forever")
    assert driver.call("/a", "caught") == "*Array index out of bounds.\n"  # the budget is fresh again


def test_endless_recursion_ends(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    with pytest.raises(LPCFault, match="Too deep recursion"):
        driver.call("/a", "deep", 1)
    assert driver.call("/a", "caught") == "*Array index out of bounds.\n"


def test_a_compile_error_has_every_diagnostic_and_is_logged_once(mud: Mud) -> None:
    mud.file("/bad.c", "int f() { return 1 }\nint g() { return 2 }\n")
    driver = mud.driver()
    with pytest.raises(CompileError) as error:
        driver.load("/bad")
    assert len(error.value.diagnostics) == 2
    assert mud.log.count("/bad.c:1:") == 1
    assert mud.log.count("/bad.c:2:") == 1


def test_lpc_catches_a_failing_load(mud: Mud) -> None:
    mud.file("/bad.c", "int f( {")
    mud.file("/a.c", 'mixed f() { return catch(load_object("/bad")); }')
    assert mud.driver().call("/a", "f") == "*Error in loading object '/bad'\n"


def test_log_error_gets_what_is_printed(mud: Mud) -> None:
    mud.file("/secure/master.c", """
        mixed *seen = ({ });
        void log_error(string file, string text) { seen += ({ file, text }); }
        mixed query() { return seen; }
    """)
    mud.file("/bad.c", "int f( {")
    driver = mud.driver()
    with pytest.raises(CompileError):
        driver.load("/bad")
    seen = driver.call("/secure/master", "query")
    assert seen[0] == "/bad.c"
    assert seen[1].startswith("/bad.c:1:") and seen[1].endswith("\n")


def test_a_failing_log_error_does_not_hide_the_diagnostics(mud: Mud) -> None:
    mud.file("/secure/master.c", 'void log_error(string file, string text) { error("oops"); }')
    mud.file("/bad.c", "int f( {")
    with pytest.raises(CompileError):
        mud.driver().load("/bad")
    assert "/bad.c:1:" in mud.log


HANDLER = """
    mapping last; int how;
    string error_handler(mapping err, int caught) { last = err; how = caught; return "handled: " + err["error"]; }
    mixed query() { return ({ last, how }); }
"""


def test_errors_of_callbacks_go_to_the_master(mud: Mud) -> None:
    mud.file("/secure/master.c", HANDLER)
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    ob = driver.load("/a")
    assert driver.enter(driver.apply, ob, "outer", 7) is None
    err, caught = driver.call("/secure/master", "query")
    assert caught == 0
    assert err["error"] == "*Array index out of bounds.\n"
    assert (err["file"], err["line"], err["program"], err["object"]) == ("/a.c", 2, "/a.c", ob)
    assert [frame["function"] for frame in err["trace"]] == ["outer", "inner"]
    assert err["trace"][1]["arguments"] == [[1], 7]
    assert mud.log == "handled: *Array index out of bounds."


def test_errors_of_callbacks_are_logged_without_a_handler(mud: Mud) -> None:
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    ob = driver.load("/a")
    assert driver.enter(driver.apply, ob, "outer", 7) is None
    assert mud.log.startswith("/a.c:2:12: error: Array index out of bounds.")


def test_a_failing_handler_is_not_asked_about_itself(mud: Mud) -> None:
    mud.file("/secure/master.c", 'string error_handler(mapping err, int caught) { error("handler"); }')
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    ob = driver.load("/a")
    driver.enter(driver.apply, ob, "outer", 7)
    assert "handler" in mud.log
    assert "Array index out of bounds." in mud.log


def test_too_deep_recursion_skips_the_handler(mud: Mud) -> None:
    mud.file("/secure/master.c", HANDLER)
    mud.file("/a.c", FAILING)
    driver = mud.driver()
    ob = driver.load("/a")
    driver.enter(driver.apply, ob, "deep", 1)
    assert driver.call("/secure/master", "query") == [0, 0]
    assert "Too deep recursion" in mud.log


def test_a_spent_budget_is_renewed_for_the_handler(mud: Mud) -> None:
    mud.file("/secure/master.c", HANDLER)
    mud.file("/a.c", FAILING)
    driver = mud.driver(limits=Limits(evaluation_time=0.05))
    ob = driver.load("/a")
    driver.enter(driver.apply, ob, "forever")
    assert "Too long evaluation" in driver.call("/secure/master", "query")[0]["error"]


def test_an_error_in_a_call_out_does_not_stop_the_others(mud: Mud) -> None:
    mud.file("/a.c", FAILING + """
        int ran;
        void create() { call_out("index_zero", 1); call_out("run", 1); }
        void run() { ran = 1; }
        int query() { return ran; }
    """)
    clock = ManualClock()
    driver = mud.driver(clock=clock)
    driver.load("/a")
    clock.advance(1)
    assert driver.call("/a", "query") == 1
    assert "Value being indexed is zero." in mud.log


@efun("int crash()")
def crash() -> int:
    """A defect."""
    raise KeyError("secret Python text")


def test_our_own_defects_are_logged_once_and_lpc_sees_no_python(mud: Mud) -> None:
    defect: Efun = crash
    mud.efuns["crash"] = defect
    mud.file("/a.c", "int f() { return crash(); }")
    driver = mud.driver(strict=False)
    with pytest.raises(LPCFault) as error:
        driver.call("/a", "f")
    assert "KeyError" not in str(error.value.value) and "secret" not in str(error.value.value)
    assert mud.log.count("KeyError: 'secret Python text'") == 1


def test_in_strict_mode_defects_fly(mud: Mud) -> None:
    mud.efuns["crash"] = crash
    mud.file("/a.c", "int f() { return crash(); }")
    driver = mud.driver()
    with pytest.raises(KeyError):
        driver.call("/a", "f")
