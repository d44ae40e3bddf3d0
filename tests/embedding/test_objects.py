"""Loading, cloning, finding and destructing, as a host sees them."""

from __future__ import annotations

import pytest
from mudworld import Mud

from lpc import CompileError, LPCFault
from lpc.runtime.values import UNDEFINED, Buffer


def test_load_and_call(mud: Mud) -> None:
    mud.file("/a.c", "int add(int a, int b) { return a + b; }")
    driver = mud.driver()
    ob = driver.load("/a")
    assert ob.name == "/a"
    assert driver.call(ob, "add", 2, 3) == 5
    assert driver.call("/a", "add", 2, 3) == 5
    assert driver.load("a.c") is ob
    assert driver.find("/a") is ob
    assert driver.find("/nothing") is None


def test_lpc_comes_before_c_and_an_extension_is_exact(mud: Mud) -> None:
    mud.file("/a.c", 'string q() { return "c"; }')
    mud.file("/a.lpc", 'string q() { return "lpc"; }')
    assert mud.driver().call("/a", "q") == "lpc"
    assert mud.driver().call("/a.c", "q") == "c"
    mud.file("/only.c", "")
    with pytest.raises(LPCFault):
        mud.driver().load("/only.lpc")


def test_arguments_become_lpc_values(mud: Mud) -> None:
    mud.file("/a.c", """
        string kinds(mixed *v) { string s = ""; foreach (mixed x in v) s += typeof(x) + " "; return s; }
        mixed first(mapping m) { return m["k"][0]; }
    """)
    driver = mud.driver()
    assert driver.call("/a", "kinds", [None, True, 1.5, "s", (1, 2), {"a": 1}, b"x"]) == (
        "int int float string array mapping buffer ")
    assert driver.call("/a", "first", {"k": [7]}) == 7
    for value in (object(), lambda: 0, {1, 2}, 1 << 70):
        with pytest.raises((TypeError, OverflowError)):
            driver.call("/a", "kinds", [value])
    assert isinstance(Buffer(b"x").data, bytearray)


def test_clones_are_numbered_and_create_gets_the_arguments(mud: Mud) -> None:
    mud.file("/a.c", "mixed got; void create(mixed x) { got = x; } mixed query() { return got; }")
    driver = mud.driver()
    one, two = driver.clone("/a", 1), driver.clone("/a", "two")
    assert (one.name, two.name) == ("/a#1", "/a#2")
    assert driver.call(two, "query") == "two"
    assert driver.call("/a", "query") is UNDEFINED
    with pytest.raises(LPCFault, match="Cannot clone from a clone"):
        driver.clone("/a#1")


def test_globals_are_set_before_create(mud: Mud) -> None:
    mud.file("/parent.c", "int p = 3;")
    mud.file("/a.c", """
        inherit "/parent";
        int x = p + 1, seen;
        void create() { seen = x; }
        int query() { return seen; }
    """)
    assert mud.driver().call("/a", "query") == 4


def test_loading_a_parent_makes_its_blueprint(mud: Mud) -> None:
    mud.file("/parent.c", 'void create() { write("parent "); }')
    mud.file("/a.c", 'inherit "/parent"; void create() { write("child "); }')
    driver = mud.driver()
    driver.load("/a")
    assert mud.output == "parent child "
    assert driver.find("/parent") is not None


def test_a_failed_load_leaves_nothing_behind(mud: Mud) -> None:
    mud.file("/bad.c", "int f( { }")
    mud.file("/heir.c", 'inherit "/bad"; int g() { return 1; }')
    mud.file("/fails.c", 'void create() { error("no"); }')
    driver = mud.driver()
    with pytest.raises(CompileError) as error:
        driver.load("/bad")
    assert error.value.diagnostics
    with pytest.raises(CompileError):
        driver.load("/heir")
    with pytest.raises(LPCFault, match="no"):
        driver.load("/fails")
    assert driver.objects() == []


def test_a_cycle_of_inherits_is_named(mud: Mud) -> None:
    mud.file("/a.c", 'inherit "/b";')
    mud.file("/b.c", 'inherit "/c";')
    mud.file("/c.c", 'inherit "/a";')
    driver = mud.driver()
    with pytest.raises((CompileError, LPCFault)):
        driver.load("/a")
    assert "/a.c inherits /b.c inherits /c.c inherits /a.c" in mud.log
    assert driver.objects() == []


def test_an_inherit_chain_has_a_limit(mud: Mud) -> None:
    from lpc import Limits

    for number in range(6):
        mud.file(f"/c{number}.c", f'inherit "/c{number + 1}";' if number < 5 else "")
    with pytest.raises((CompileError, LPCFault)):
        mud.driver(limits=Limits(inherit_depth=4)).load("/c0")
    assert "too deep" in mud.log.lower()
    assert mud.driver(limits=Limits(inherit_depth=6)).load("/c0").name == "/c0"


def test_a_parents_create_may_load_its_heir(mud: Mud) -> None:
    mud.file("/parent.c", 'void create() { if (file_name(this_object()) == "/parent") load_object("/heir"); }'
                          )
    mud.file("/heir.c", 'inherit "/parent"; int f() { return 7; }')
    driver = mud.driver()
    assert driver.call("/heir", "f") == 7
    assert [ob.name for ob in driver.objects()] == ["/parent", "/heir"]


def test_destruct_and_reload_is_an_update(mud: Mud) -> None:
    mud.file("/parent.c", "int version() { return 1; }")
    mud.file("/heir.c", 'inherit "/parent";')
    driver = mud.driver()
    old = driver.load("/parent")
    driver.load("/heir")
    mud.file("/parent.c", "int version() { return 2; }")
    driver.destruct(old)
    assert driver.find("/parent") is None
    assert driver.call("/parent", "version") == 2
    assert driver.call("/heir", "version") == 1  # a dependent keeps its program until it is updated too
    with pytest.raises(LPCFault, match="destructed"):
        driver.call(old, "version")


def test_an_object_that_destructs_itself_finishes_its_code(mud: Mud) -> None:
    mud.file("/a.c", "int x = 5; int f() { destruct(this_object()); return x + 1; }")
    driver = mud.driver()
    ob = driver.load("/a")
    assert driver.call(ob, "f") == 6
    assert ob.is_destructed
    assert vars(ob) == {}


def test_what_is_inside_a_destructed_object(mud: Mud) -> None:
    mud.file("/box.c", "")
    mud.file("/thing.c", "void enter(object where) { move_object(where); }")
    mud.file("/cat.c", """
        void enter(object where) { move_object(where); }
        void move_or_destruct(object where) { move_object(where); }
    """)
    driver = mud.driver()
    room, box, thing, cat = (driver.load("/box"), driver.clone("/box"), driver.clone("/thing"), driver.clone("/cat"))
    box.environment = room
    room.inventory.append(box)
    driver.call(thing, "enter", box)
    driver.call(cat, "enter", box)
    driver.destruct(box)
    assert thing.is_destructed
    assert not cat.is_destructed and cat.environment is room
    assert box not in room.inventory


def test_virtual_objects(mud: Mud) -> None:
    mud.file("/secure/master.c", """
        object compile_object(string path, int clone, mixed arg) {
            object ob;
            if (strsrch(path, "/virtual/") != 0) return 0;
            ob = clone_object("/base");
            ob->set(path, clone, arg);
            return ob;
        }
    """)
    mud.file("/base.c", "mixed got; int started; void set(mixed a, mixed b, mixed c) { got = ({ a, b, c }); }"
                        " mixed query() { return got + ({ started }); } void virtual_start() { started = 1; }")
    driver = mud.driver()
    assert driver.call("/virtual/7", "query") == ["/virtual/7", 0, 0, 1]
    assert driver.find("/virtual/7") is not None
    clone = driver.clone("/virtual/7", "x")
    assert clone.name.startswith("/virtual/7#")
    assert driver.call(clone, "query") == ["/virtual/7", 1, "x", 1]
    with pytest.raises(LPCFault, match="no '/other'"):
        driver.load("/other")


def test_valid_object_may_refuse(mud: Mud) -> None:
    mud.file("/secure/master.c", 'int valid_object(object ob) { return strsrch(file_name(ob), "/no") != 0; }')
    mud.file("/no.c", 'void create() { write("ran"); }')
    driver = mud.driver()
    with pytest.raises(LPCFault, match="valid_object"):
        driver.load("/no")
    assert mud.output == ""
    assert driver.find("/no") is None


def test_uids_come_from_the_master(mud: Mud) -> None:
    mud.file("/secure/master.c", """
        string get_root_uid() { return "Root"; }
        string creator_file(string path) { return "u" + path; }
        string privs_file(string path) { return "p" + path; }
    """)
    mud.file("/a.c", "")
    driver = mud.driver()
    ob = driver.load("/a")
    assert (ob.extra["uid"], ob.extra["privs"]) == ("u/a", "p/a")
    master = driver.master()
    assert master is not None and master.extra["uid"] == "Root"


def test_the_number_of_objects_is_limited(mud: Mud) -> None:
    from lpc import Limits

    mud.file("/a.c", 'void fill() { while (1) clone_object("/a"); }')
    driver = mud.driver(limits=Limits(objects=5))
    with pytest.raises(LPCFault, match="Too many objects"):
        driver.call("/a", "fill")
    assert len(driver.objects()) == 5


@pytest.mark.parametrize("path", ["/../etc/passwd", "..", "/a\0b", "/x#7", "", "/"])
def test_unusable_paths_are_errors_not_files(mud: Mud, path: str) -> None:
    with pytest.raises(LPCFault):
        mud.driver().load(path)


def test_calling_what_is_not_there(mud: Mud) -> None:
    mud.file("/a.c", "")
    driver = mud.driver()
    with pytest.raises(LPCFault, match="no function 'f'"):
        driver.call("/a", "f")
