"""Reading sources: includes, the global include, predefined macros, the master's say."""

from __future__ import annotations

import pytest
from mudworld import Mud

from lpc import CompileError, Config, LPCFault
from lpc.driver.files import Mount


def test_includes_are_searched_beside_the_file_then_on_the_path(mud: Mud) -> None:
    mud.file("/dir/a.c", '#include "x.h"\n#include <y.h>\n#include "z.h"\nint *f() { return ({ X, Y, Z }); }')
    mud.file("/dir/x.h", "#define X 1")
    mud.file("/include/x.h", "#define X 10")
    mud.file("/include/y.h", "#define Y 2")
    mud.file("/dir/y.h", "#define Y 20")
    mud.file("/include/z.h", "#define Z 3")
    assert mud.driver().call("/dir/a", "f") == [1, 2, 3]


def test_an_absolute_include_and_one_that_climbs(mud: Mud) -> None:
    mud.file("/dir/sub/a.c", '#include "/top.h"\n#include "../up.h"\nint f() { return TOP + UP; }')
    mud.file("/top.h", "#define TOP 1")
    mud.file("/dir/up.h", "#define UP 2")
    assert mud.driver().call("/dir/sub/a", "f") == 3


def test_an_include_does_not_leave_the_mudlib(mud: Mud) -> None:
    (mud.root.parent / "outside.h").write_text("#define OUT 1")
    mud.file("/a.c", '#include "../outside.h"\n')
    (mud.root / "link.h").symlink_to(mud.root.parent / "outside.h")
    mud.file("/b.c", '#include "link.h"\n')
    for path in ("/a", "/b"):
        with pytest.raises(CompileError):
            mud.driver().load(path)


def test_include_folders_may_be_configured_or_given_by_the_master(mud: Mud) -> None:
    mud.file("/a.c", "#include <x.h>\nint f() { return X; }")
    mud.file("/one/x.h", "#define X 1")
    mud.file("/two/x.h", "#define X 2")
    assert mud.driver(config=Config(include=("/one", "/two"))).call("/a", "f") == 1
    mud.file("/secure/master.c", 'string *get_include_path(string path) { return ({ "/two", ":DEFAULT:" }); }')
    assert mud.driver(config=Config(include=("/one",))).call("/a", "f") == 2


def test_the_global_include_comes_first(mud: Mud) -> None:
    mud.file("/include/globals.h", "#define G 5\n")
    mud.file("/a.c", "int f() { return G; }")
    assert mud.driver(config=Config(global_include="<globals.h>")).call("/a", "f") == 5


def test_packaged_headers_are_last(mud: Mud) -> None:
    mud.file("/a.c", "#include <socket_err.h>\nint f() { return EESUCCESS; }")
    assert mud.driver().call("/a", "f") == 1
    mud.file("/include/socket_err.h", "#define EESUCCESS 77")
    assert mud.driver().call("/a", "f") == 77


def test_predefined_macros(mud: Mud) -> None:
    mud.file("/a.c", "mixed *f() { return ({ MUD_NAME, MAX_INT, MIN_INT, SIZEOFINT, __FILE__, HOST_SAYS }); }")
    driver = mud.driver(config=Config(name='A "mud"'), predefined={"HOST_SAYS": "42"})
    assert driver.call("/a", "f") == ['A "mud"', 2**63 - 1, 1 - 2**63, 8, "/a.c", 42]


def test_valid_read_is_asked_for_loads_and_includes(mud: Mud) -> None:
    mud.file("/secure/master.c", """
        string *asked = ({ });
        int valid_read(string path, mixed who, string operation) {
            asked += ({ operation + " " + path });
            return path != "/no.c" && path != "/no.h";
        }
        string *query() { return asked; }
    """)
    mud.file("/a.c", '#include "x.h"\nint f() { return X; }')
    mud.file("/x.h", "#define X 1")
    mud.file("/no.c", "")
    mud.file("/no.h", "")
    mud.file("/b.c", '#include "no.h"\n')
    driver = mud.driver()
    driver.load("/a")
    asked = driver.call("/secure/master", "query")
    assert "load_object /a.c" in asked and "include /x.h" in asked
    with pytest.raises(LPCFault, match="valid_read"):
        driver.load("/no")
    with pytest.raises(CompileError):
        driver.load("/b")


def test_mounts_hold_sources_too(mud: Mud) -> None:
    other = mud.root.parent / "other"
    other.mkdir()
    (other / "a.c").write_text('#include "x.h"\nint f() { return X; }')
    (other / "x.h").write_text("#define X 9")
    assert mud.driver(config=Config(mounts=(Mount("/other", str(other)),))).call("/other/a", "f") == 9


def test_a_source_that_is_no_file(mud: Mud) -> None:
    import os

    (mud.root / "dir.c").mkdir()
    os.mkfifo(mud.root / "pipe.c")
    for path in ("/dir", "/pipe"):
        with pytest.raises(LPCFault):
            mud.driver().load(path)


def test_bytes_that_are_no_utf8_do_not_crash_the_compiler(mud: Mud) -> None:
    (mud.root / "a.c").write_bytes(b"// caf\xe9\r\nint f() { return 1; }\r\n")
    assert mud.driver().call("/a", "f") == 1


def test_valid_override(mud: Mud) -> None:
    mud.file("/secure/simul_efun.c", 'int strlen(string s) { return -1; }')
    mud.file("/secure/master.c",
             'int valid_override(string file, string name, string main) { return file == "/ok.c" || file == "/ok"; }')
    mud.file("/ok.c", 'int f() { return efun::strlen("abc"); } int g() { return strlen("abc"); }')
    mud.file("/no.c", 'int f() { return efun::strlen("abc"); }')
    driver = mud.driver()
    assert (driver.call("/ok", "f"), driver.call("/ok", "g")) == (3, -1)
    with pytest.raises(CompileError):
        driver.load("/no")


def test_warnings_are_reported_and_the_object_loads(mud: Mud) -> None:
    mud.file("/a.c", "int f() { int unused; return 1; }")
    assert mud.driver().call("/a", "f") == 1
    assert "warning" in mud.log and "unused" in mud.log
