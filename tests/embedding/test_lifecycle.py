"""Booting, living, ending: the driver inside a host's program."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from mudworld import Mud

from efuns import standard
from lpc import Config, ConfigError, Driver, LPCFault, ManualClock, Permissions
from lpc.errors import CompileError


def test_simul_efun_then_master_then_preloads_and_flags(mud: Mud) -> None:
    mud.file("/secure/simul_efun.c", 'void create() { write("simul "); } void say_it(string s) { write(s + " "); }')
    mud.file("/secure/master.c", """
        void create() { say_it("master"); }
        string *epilog(int load_empty) { return ({ "/one", "/bad", "/two" }); }
        void preload(string file) { load_object(file); }
        void flag(string text) { say_it("flag:" + text); }
    """)
    mud.file("/one.c", 'void create() { say_it("one"); }')
    mud.file("/two.c", 'void create() { say_it("two"); }')
    mud.file("/bad.c", 'void create() { error("bad"); }')
    driver = mud.driver()
    driver.preload(("a", "b"))
    assert mud.output == "simul master one two flag:a flag:b "
    assert "bad" in mud.log


def test_a_mudlib_needs_neither_master_nor_simul_efun(mud: Mud) -> None:
    mud.file("/a.c", "int f() { return 1; }")
    driver = mud.driver()
    assert driver.call("/a", "f") == 1
    assert driver.master() is None and driver.simul_efun() is None


def test_a_named_master_must_exist(mud: Mud) -> None:
    with pytest.raises(ConfigError, match="master '/nope' does not exist"):
        mud.driver(master="/nope").boot()


def test_a_master_that_does_not_compile_stops_the_boot(mud: Mud) -> None:
    mud.file("/secure/master.c", "int f( {")
    with pytest.raises(CompileError):
        mud.driver().boot()


def test_the_mudlib_must_be_a_directory() -> None:
    with pytest.raises(ConfigError, match="not a directory"):
        Driver("/nonexistent/mudlib")


def test_simul_efuns_are_functions_everywhere(mud: Mud) -> None:
    mud.file("/secure/simul_efun.c", """
        string greet(string who) { return "Hello " + who + " from " + file_name(previous_object()); }
        private int hidden() { return 1; }
    """)
    mud.file("/a.c", 'string f() { return greet("x"); }')
    mud.file("/b.c", "#pragma strict_types\nint f() { return hidden(); }")
    driver = mud.driver()
    assert driver.call("/a", "f") == "Hello x from /a"
    with pytest.raises(CompileError):
        driver.load("/b")


def test_destructing_the_master_replaces_it(mud: Mud) -> None:
    mud.file("/secure/master.c", "int version() { return 1; }")
    mud.file("/a.c", "void f() { destruct(master()); }")
    driver = mud.driver()
    driver.boot()
    old = driver.master()
    assert old is not None
    mud.file("/secure/master.c", "int version() { return 2; }")
    driver.destruct(old)
    new = driver.master()
    assert new is not None and new is not old
    assert driver.call(new, "version") == 2


def test_a_master_that_cannot_be_replaced_stays(mud: Mud) -> None:
    mud.file("/secure/master.c", "int version() { return 1; }")
    mud.file("/a.c", "mixed f() { return catch(destruct(master())); }")
    driver = mud.driver()
    driver.load("/a")
    mud.file("/secure/master.c", "int f( {")
    assert "Error in loading" in driver.call("/a", "f")
    master = driver.master()
    assert master is not None and not master.is_destructed
    assert driver.call(master, "version") == 1
    assert driver.find("/secure/master") is master


def test_call_outs_run_on_the_drivers_clock(mud: Mud) -> None:
    mud.file("/a.c", """
        int *seen = ({ });
        void create() { call_out("tick", 1.5, 7); call_out((: tick, 8 :), 0.5); }
        void tick(int n) { seen += ({ n }); if (n < 9) call_out("tick", 1, 9); }
        int *query() { return seen; }
    """)
    clock = ManualClock()
    driver = mud.driver(clock=clock)
    driver.load("/a")
    clock.advance(10)
    assert driver.call("/a", "query") == [8, 7, 9, 9]
    assert not driver.is_alive


def test_call_outs_of_the_destructed_are_dropped(mud: Mud) -> None:
    mud.file("/a.c", 'void create() { call_out("f", 1); } void f() { write("ran"); }')
    clock = ManualClock()
    driver = mud.driver(clock=clock)
    driver.destruct(driver.load("/a"))
    assert not driver.is_alive
    clock.advance(2)
    assert mud.output == ""


def test_this_player_is_not_kept_in_a_call_out_unless_told(mud: Mud) -> None:
    mud.file("/a.c", """
        mixed seen = "none";
        void ask() { call_out("look", 1); }
        void look() { seen = this_player(); }
        mixed query() { return seen; }
    """)
    for keep in (False, True):
        clock = ManualClock()
        driver = mud.driver(clock=clock, config=Config(player_in_call_out=keep))
        ob = driver.load("/a")
        driver.this_player = ob
        driver.call(ob, "ask")
        driver.this_player = 0
        clock.advance(1)
        assert driver.call(ob, "query") == (ob if keep else 0)


def test_heart_beats(mud: Mud) -> None:
    mud.file("/a.c", """
        int beats;
        void create() { set_heart_beat(1); }
        void heart_beat() { if (++beats == 3) set_heart_beat(0); }
        int query() { return beats; }
    """)
    clock = ManualClock()
    driver = mud.driver(clock=clock)
    driver.load("/a")
    assert driver.is_alive
    clock.advance(2 * 10)
    assert driver.call("/a", "query") == 3
    assert not driver.is_alive


def test_waiting_on_a_real_loop(mud: Mud) -> None:
    mud.file("/a.c", 'void create() { call_out("f", 0.01); } void f() { write("ran"); }')

    async def scenario() -> None:
        async with Driver(mud.root, efuns=standard.efuns(), output=mud.written.append, cache=False) as driver:
            driver.load("/a")
            assert driver.is_alive
            await asyncio.wait_for(driver.wait_idle(), 10)
            assert not driver.is_alive

    asyncio.run(scenario())
    assert mud.output == "ran"


def test_shutdown_ends_the_wait_and_the_evaluation(mud: Mud) -> None:
    mud.file("/a.c", """
        void create() { call_out("f", 0); call_out("f", 1000); }
        void f() { write("before "); shutdown(3); write("after"); }
    """)

    async def scenario() -> int | None:
        driver = mud.driver(clock=None)
        driver.load("/a")
        await asyncio.wait_for(driver.wait_idle(), 10)
        await driver.aclose()
        return driver.exit_code

    assert asyncio.run(scenario()) == 3
    assert mud.output == "before "


def test_a_loop_is_only_needed_for_timers(mud: Mud) -> None:
    mud.file("/a.c", 'void f() { call_out("g", 1); } void g() { } int h() { return 1; }')
    driver = mud.driver(clock=None)
    assert driver.call("/a", "h") == 1
    assert not driver.has_loop


def test_closing_leaves_nothing(mud: Mud) -> None:
    mud.file("/a.c", "void f() { while (1) ; } int g() { return 1; }")
    before = set(threading.enumerate())
    driver = mud.driver()
    driver.call("/a", "g")
    driver.close()
    driver.close()
    assert set(threading.enumerate()) <= before
    for use in (lambda: driver.call("/a", "g"), lambda: driver.load("/a"), driver.boot):
        with pytest.raises(RuntimeError, match="closed"):
            use()
    assert driver.enter(lambda: 1) is None


def test_states_are_closed_with_the_driver(mud: Mud) -> None:
    steps: list[str] = []

    class Package:
        def __init__(self, driver: Any) -> None:
            steps.append("made")

        async def drain(self) -> None:
            steps.append("drained")

        def close(self) -> None:
            steps.append("closed")

        async def wait_closed(self) -> None:
            steps.append("gone")

    async def scenario() -> None:
        driver = mud.driver()
        assert driver.state(Package) is driver.state(Package)
        await driver.drain()
        await driver.aclose()

    asyncio.run(scenario())
    assert steps == ["made", "drained", "closed", "gone"]


def test_two_drivers_share_nothing(mud: Mud) -> None:
    mud.file("/a.c", "int n; int next() { return ++n; }")
    one, two = mud.driver(), mud.driver()
    assert [one.call("/a", "next"), one.call("/a", "next"), two.call("/a", "next")] == [1, 2, 1]
    assert one.load("/a") is not two.load("/a")
    one.close()
    assert two.call("/a", "next") == 2


def test_a_driver_works_off_the_main_thread(mud: Mud) -> None:
    from lpc import Limits

    mud.file("/a.c", "void f() { while (1) ; }")
    seen: list[object] = []

    def work() -> None:
        driver = mud.driver(limits=Limits(evaluation_time=0.05))
        try:
            driver.call("/a", "f")
        except LPCFault as fault:
            seen.append(fault.message)
        driver.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == ["Too long evaluation. Execution aborted."]


def test_external_programs_are_the_hosts_to_register(mud: Mud) -> None:
    driver = mud.driver(external={"cat": "/bin/cat", "tail": ["/usr/bin/tail", "-f"]})
    assert driver.external_command("cat") == ("/bin/cat",)
    assert driver.external_command("2") == ("/usr/bin/tail", "-f")
    for name in ("3", "0", "sh", "/bin/cat", ""):
        assert driver.external_command(name) is None
    denied = mud.driver(external={"cat": "/bin/cat"}, permissions=Permissions.parse(["-A", "--deny-run=cat"]))
    assert denied.external_command("cat") is None
    granted = mud.driver(permissions=Permissions.parse(["--allow-run=sh"]))
    found = granted.external_command("sh")
    assert found is not None and found[0].endswith("/sh")
    assert granted.external_command("ls") is None and "--allow-run=ls" in granted.permissions.refusal
    by_path = mud.driver(permissions=Permissions.parse(["--allow-run=/bin/sh"]))
    assert by_path.external_command("sh") == ("/bin/sh",)
    everything = mud.driver(permissions=Permissions.all())
    assert everything.external_command("sh") is not None
    assert everything.external_command("/bin/sh") is None
    numbered = mud.driver(config=Config(external={"3": ("/bin/cat",)}))
    assert numbered.external_command("3") == ("/bin/cat",)
    assert numbered.external_command("1") is None


def test_entering_clears_and_restores_this_player(mud: Mud) -> None:
    mud.file("/a.c", "mixed f() { return this_player(); }")
    driver = mud.driver()
    ob = driver.load("/a")
    driver.this_player = ob
    assert driver.enter(driver.apply, ob, "f") == 0
    assert driver.this_player is ob
