"""The stages of a compilation, and when a cached program may stand for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from smallworld import SmallWorld, world  # noqa: F401 - a fixture

from efuns import standard
from lpc import compiler
from lpc.cache import Cache
from lpc.compiler import CompiledProgram, Job, compile_program, world_digest
from lpc.errors import CompileError
from lpc.runtime.interface import FunctionInfo, Interface, ParameterInfo
from lpc.types import INT, Type


class Compilations:
    """How often something was really compiled."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        really = compiler._compile

        def counted(job: Job, key: str) -> Any:
            self.paths.append(job.path)
            return really(job, key)

        monkeypatch.setattr(compiler, "_compile", counted)

    def take(self) -> list[str]:
        """What was compiled since the last time."""
        taken, self.paths = self.paths, []
        return taken


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Compilations:
    """Counts compilations."""
    return Compilations(monkeypatch)


class Desk:
    """Jobs over includes and rules that a test changes; no file inherits."""

    def __init__(self, folder: Path) -> None:
        self.cache = Cache(folder)
        self.includes: dict[str, str] = {}
        self.allowed = True
        self.asked: list[tuple[str, str]] = []
        self.efuns = standard.efuns()

    def job(self, text: str, **changes: Any) -> Job:
        made = Job(
            path="/a.c", text=text, script=False, macros={}, efuns=self.efuns, simul_efuns={},
            known=world_digest({}, self.efuns, {}), include=self._include, inherit=lambda path, private: "no such file",
            valid_override=self._override, cache=self.cache)
        return replace(made, **changes)

    def _include(self, name: str, angled: bool, from_file: str) -> tuple[str, str] | None:
        return (f"/include/{name}", self.includes[name]) if name in self.includes else None

    def _override(self, name: str, at: str) -> bool:
        self.asked.append((name, at))
        return self.allowed

    def compile(self, text: str, **changes: Any) -> CompiledProgram:
        return compile_program(self.job(text, **changes))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Where one file is compiled."""
    return Desk(tmp_path / "cache")


TEXT = """
#include "a.h"
class pair { int first; string *second; }
private nosave mapping table = ([ "a" : ({ 1.5, VALUE }) ]);
class pair query(int a, string ref b, object *rest...) { return 0; }
varargs protected float late(int x : (: 5 :));
float late(int x : (: 5 :)) { switch (x) { case 1..3: return 1.0; } return to_float(VALUE); }
"""


def test_the_second_time_it_comes_from_the_cache(desk: Desk, compilations: Compilations) -> None:
    desk.includes["a.h"] = "#define VALUE 7\n"
    first, second = desk.compile(TEXT), desk.compile(TEXT)
    assert compilations.take() == ["/a.c"]
    for attribute in ("path", "filename", "code", "defaults", "interface", "line_table", "parents"):
        assert getattr(second, attribute) == getattr(first, attribute), attribute
    assert second.interface.functions["query"].parameters[1] == ParameterInfo("b", Type("string"), ref=True)
    assert second.interface.functions["query"].rest
    assert second.defaults == {"late": {0: "late#0"}}


def test_without_a_cache_every_time_is_the_first(desk: Desk, compilations: Compilations) -> None:
    for _ in range(2):
        desk.compile("int f() { return 1; }", cache=None)
    assert compilations.take() == ["/a.c", "/a.c"]


@pytest.mark.parametrize("change", [
    {"text": "int f() { return 2; }"}, {"path": "/b.c"}, {"script": True}, {"prelude": "<global.h>"},
    {"known": "other"},
])
def test_another_source_is_another_program(desk: Desk, compilations: Compilations, change: dict[str, Any]) -> None:
    text = "int f() { return 1; }"
    desk.includes["global.h"] = "#define GLOBAL 1\n"
    desk.compile(text)
    compilations.take()
    desk.compile(**({"text": text} | change))
    assert len(compilations.take()) == 1
    desk.compile(text)
    assert compilations.take() == [], "the first one is still there"


def test_a_changed_include_is_seen(desk: Desk, compilations: Compilations) -> None:
    text = "#include \"a.h\"\nint f() { return VALUE; }"
    filenames = set()
    for value in (1, 2, 1):
        desk.includes["a.h"] = f"#define VALUE {value}\n"
        filenames.add(desk.compile(text).filename)
    assert compilations.take() == ["/a.c"] * 3 and len(filenames) == 2
    del desk.includes["a.h"]
    with pytest.raises(CompileError):
        desk.compile(text)


def test_permissions_are_asked_again(desk: Desk, compilations: Compilations) -> None:
    text = "int f() { return efun::random(5); }"
    simul = {"random": FunctionInfo("random", INT, (ParameterInfo("n", INT),), False, frozenset(), "/simul.c", True)}
    desk.compile(text, simul_efuns=simul)
    desk.compile(text, simul_efuns=simul)
    assert compilations.take() == ["/a.c"] and desk.asked == [("random", "/a.c")] * 2
    desk.allowed = False
    with pytest.raises(CompileError):
        desk.compile(text, simul_efuns=simul)
    assert compilations.take() == ["/a.c"]


def test_a_damaged_entry_is_compiled_again(desk: Desk, compilations: Compilations) -> None:
    desk.compile("int f() { return 1; }")
    for file in desk.cache.folder.rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-4])
    assert desk.compile("int f() { return 1; }").interface.functions.keys() == {"f"}
    assert compilations.take() == ["/a.c"] * 2


def test_what_failed_is_not_kept(desk: Desk, compilations: Compilations) -> None:
    for _ in range(2):
        with pytest.raises(CompileError) as caught:
            desk.compile("int f() { return x; }\nint g() { return y; }")
        messages = [found.message for found in caught.value.diagnostics]
        assert messages == ["Undefined variable 'x'", "Undefined variable 'y'"]
    assert compilations.take() == ["/a.c"] * 2


def test_a_syntax_error_hides_what_follows_from_it(desk: Desk) -> None:
    with pytest.raises(CompileError) as caught:
        desk.compile("int f( { return x; }\nint g() { return y; }")
    assert not any("Undefined" in found.message for found in caught.value.diagnostics)


def test_warnings_are_told_once(desk: Desk) -> None:
    text = "int f() { int unused; return 1; }"
    assert [found.code for found in desk.compile(text).warnings] == ["LPC5001"]
    assert desk.compile(text).warnings == [], "they were told when it was compiled"
    assert desk.compile("#pragma no_warnings\n" + text).warnings == []


def test_what_python_cannot_nest_is_an_error_of_ours(desk: Desk) -> None:
    with pytest.raises(CompileError) as caught:
        desk.compile("int f() { " + "while (1) { " * 25 + "}" * 25 + " return 1; }")
    assert [found.code for found in caught.value.diagnostics] == ["LPC9002"]


def test_what_cannot_be_inherited(desk: Desk) -> None:
    with pytest.raises(CompileError) as caught:
        desk.compile("inherit \"b\";\nint f() { return 1; }")
    assert caught.value.diagnostics[0].message == "no such file"


def test_the_world_is_part_of_the_key() -> None:
    efuns = standard.efuns()
    fewer = {name: efun for name, efun in efuns.items() if name != "random"}
    simul = {"f": FunctionInfo("f", INT, (), False, frozenset(), "/simul.c", True)}
    made = [world_digest({}, efuns, {}), world_digest({"A": "1"}, efuns, {}), world_digest({"A": "2"}, efuns, {}),
            world_digest({}, fewer, {}), world_digest({}, efuns, simul)]
    assert len(set(made)) == len(made)
    assert world_digest({"A": "1", "B": "2"}, efuns, {}) == world_digest({"B": "2", "A": "1"}, efuns, {})


# ------------------------------------------------------------------------------------------ inheritance

BASE = """
class pair { int a; }
protected int count = 3;
int query() { return count; }
private int hidden() { return 1; }
varargs string late(int x : (: 5 :)) { return "base " + x; }
"""
HEIR = """
inherit "base";
int own;
string late(int x) { return ::late(x) + "!"; }
int sum() { return query() + count; }
"""


@pytest.fixture
def family(world: SmallWorld, compilations: Compilations) -> Callable[[], Any]:  # noqa: F811 - the fixture
    """What a fresh driver makes of the heir: its program, and what its functions give."""
    world.file("base.c", BASE)
    world.file("heir.c", HEIR)

    def load() -> tuple[Interface, list[Any]]:
        driver = world.new_driver(cache=True)
        ob = driver.load("/heir")
        return ob.program.interface, [driver.call(ob, "late", 1), driver.call(ob, "sum")]

    return load


def test_a_cached_heir_is_what_it_was(family: Callable[[], Any], compilations: Compilations) -> None:
    first, results = family()
    assert sorted(compilations.take()) == ["/base.c", "/heir.c"] and results == ["base 1!", 6]
    second, again = family()
    assert compilations.take() == [] and again == results
    for table in ("functions", "variables", "classes"):
        assert getattr(second, table) == getattr(first, table)
    (parent, modifiers), = second.inherits
    assert parent.path == "/base.c" and modifiers == frozenset(("public",))
    assert second.functions["query"] is parent.functions["query"], "what is the parent's is its entry"


def test_a_changed_parent_is_seen(family: Callable[[], Any], compilations: Compilations,
                                  world: SmallWorld) -> None:  # noqa: F811 - the fixture
    family()
    compilations.take()
    world.file("base.c", BASE.replace("= 3", "= 4"))
    assert family()[1] == ["base 1!", 8]
    assert sorted(compilations.take()) == ["/base.c", "/heir.c"]
    world.file("base.c", BASE)
    assert family()[1] == ["base 1!", 6]
    assert compilations.take() == ["/heir.c"], "one entry for each source"
