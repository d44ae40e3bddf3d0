"""What happens to objects over time: resets, clean-ups, other programs, and the master's say in compilations."""

from __future__ import annotations

import pytest
from mudworld import Mud

from lpc import Config, LPCFault, ManualClock


def test_reset_is_called_now_and_then(mud: Mud) -> None:
    mud.file("/a.c", "int resets; void reset() { resets++; } int query() { return resets; }")
    mud.file("/bad.c", "int resets; void reset() { resets++; error(\"no\"); } int query() { return resets; }")
    clock = ManualClock()
    driver = mud.driver(clock=clock, config=Config(settings={"time to reset": "100"}))
    driver.preload()
    for path in ("/a", "/bad"):
        driver.load(path)
    clock.advance(1000)
    assert 9 <= driver.call("/a", "query") <= 20
    assert driver.call("/bad", "query") == 1


def test_clean_up_is_asked_of_objects_that_nobody_calls(mud: Mud) -> None:
    mud.file("/idle.c", "int clean_up(int refs) { write(\"idle \" + refs + \";\"); destruct(this_object()); }")
    mud.file("/stays.c", "int clean_up(int refs) { write(\"stays;\"); return 0; }")
    mud.file("/busy.c", "int n; int clean_up(int refs) { write(\"busy;\"); return 1; } int used() { return ++n; }")
    mud.file("/user.c", "int use() { return \"/busy\"->used(); }")
    clock = ManualClock()
    driver = mud.driver(clock=clock, config=Config(settings={"time to clean up": "100"}))
    driver.preload()
    for path in ("/idle", "/stays", "/busy"):
        driver.load(path)
    for round in range(1, 20):
        clock.advance(50)
        assert driver.call("/user", "use") == round
    assert driver.find("/idle") is None
    assert sorted(mud.output.split(";")[:-1]) == ["idle 1", "stays"]


def test_a_recompiled_program_keeps_what_the_variables_hold(mud: Mud) -> None:
    mud.file("/a.c", "int n; private string s = \"old\"; void set() { n = 5; s = \"set\"; }"
                     " function f() { return (: n :); }")
    mud.file("/b.c", """
        mixed test() {
            object clone = new("/a");
            function f = clone->f();

            clone->set();
            write_file("/a.c", "int n, m = 3; string s; mixed all() { return ({ n, m, s }); }", 1);
            return ({ recompile_object(find_object("/a")), clone->all(), "/a"->all(), catch(evaluate(f)),
                      catch(recompile_object(clone)) != 0, catch(recompile_object(this_object())) });
        }
    """)
    count, clone, blueprint, stale, of_clone, running = mud.driver(config=Config(writable=True)).call("/b", "test")
    assert (count, clone, blueprint, of_clone) == (2, [5, 3, "set"], [0, 3, "old"], 1)
    assert stale.startswith("*Function pointer is stale") and "currently executing" in running


def test_replace_program_takes_effect_at_the_end_of_the_evaluation(mud: Mud) -> None:
    mud.file("/base.c", "int kept = 1; string name() { return \"base\"; }")
    mud.file("/heir.c", """
        inherit "/base";
        int lost = 2;
        string name() { return "heir"; }
        mixed go() { kept = 7; replace_program("/base"); return ({ name(), query_replaced_program() }); }
        int query() { return kept; }
    """)
    driver = mud.driver()
    heir = driver.load("/heir")
    assert driver.call(heir, "go") == ["heir", 0]
    assert driver.call(heir, "name") == "base"
    with pytest.raises(LPCFault):
        driver.call(heir, "query")


def test_on_destruct_is_called_where_it_was_asked_for(mud: Mud) -> None:
    mud.file("/a.c", "void create() { set_notify_destruct(1); } void on_destruct() { write(\"bye\"); error(\"oh\"); }"
                     " mixed go() { destruct(this_object()); return objectp(this_object()); }")
    assert mud.driver().call("/a", "go") == 0
    assert mud.output == "bye"


def test_the_master_may_put_other_text_in_place_of_includes_and_parents(mud: Mud) -> None:
    mud.file("/secure/master.c", """
        mixed include_file(string compiled, string from, string name) {
            if (name == "made.h") return ({ "#define MADE 5" });
            if (name == "moved.h") return "/real.h";
            return name == "refused.h" ? 0 : name;
        }
        mixed inherit_program(string from, string path, int private_one) {
            if (path == "/made") return ({ "int made() { return 6; }" });
            if (path == "/moved") return "/real";
            return path == "/refused" ? 0 : path;
        }
    """)
    mud.file("/real.h", "#define REAL 7")
    mud.file("/refused.h", "")
    mud.file("/real.c", "int real() { return 8; }")
    mud.file("/refused.c", "")
    mud.file("/a.c", '#include "made.h"\n#include "moved.h"\ninherit "/made"; inherit "/moved";'
                     "int *f() { return ({ MADE, REAL, made(), real() }); }")
    driver = mud.driver()
    assert driver.call("/a", "f") == [5, 7, 6, 8]
    for text in ('#include "refused.h"\n', 'inherit "/refused";'):
        mud.file("/b.c", text)
        assert not driver.find("/b")
        with pytest.raises(Exception, match="/b"):
            driver.load("/b")


def test_create_knows_who_made_the_object(mud: Mud) -> None:
    mud.file("/made.c", "object maker, player; void create() { maker = previous_object(); enable_commands();"
                        " player = this_player(); } mixed *all() { return ({ maker, player == this_object() }); }")
    mud.file("/maker.c", 'mixed *f() { return ({ this_object() }) + new("/made")->all() + ({ this_player() }); }')
    me, maker, was_player, player = mud.driver().call("/maker", "f")
    assert maker is me and was_player == 1 and player == 0


def test_deferred_functions_run_when_the_function_returns(mud: Mud) -> None:
    mud.file("/a.c", """
        void inner() { defer((: write("1") :)); defer((: write("2") :)); write("in "); }
        void failing() { defer((: write("3") :)); error("no"); }
        void f() { inner(); write(" out "); catch(failing()); write(" end"); }
    """)
    mud.driver().call("/a", "f")
    assert mud.output == "in 21 out 3 end"
