from __future__ import annotations

from typing import Any

import pytest

from efuns.core import objects
from lpc.errors import LPCError
from lpc.runtime.heart_beats import HeartBeats
from lpc.runtime.interface import ClassInfo, FunctionInfo, Interface, ParameterInfo, VariableInfo
from lpc.runtime.values import UNDEFINED
from lpc.types import INT, MIXED, STRING, Type

NONE: frozenset[str] = frozenset()


def function(name: str, program: str, *modifiers: str, defined: bool = True, **parameters: Type) -> FunctionInfo:
    given = tuple(ParameterInfo(key, type) for key, type in parameters.items())
    return FunctionInfo(name, INT, given, False, frozenset(modifiers), program, defined)


@pytest.fixture
def room(host: Any) -> Any:
    base = Interface("/std/base.c")
    left = Interface("/std/left.c", [(base, NONE)])
    right = Interface("/std/right.lpc", [(base, NONE)])
    interface = Interface(
        "/room/hall.c",
        [(left, NONE), (right, NONE)],
        functions={
            "look": function("look", "/std/left.c", count=INT, what=STRING),
            "secret": function("secret", "/room/hall.c", "private"),
            "later": function("later", "/room/hall.c", defined=False),
            "untyped": FunctionInfo("untyped", None, (), False, NONE, "/room/hall.c", True),
            "#global_init#": function("#global_init#", "/room/hall.c"),
        },
        variables={
            "light": VariableInfo("light", INT, NONE, "/room/hall.c", "v_light"),
            "key": VariableInfo("key", MIXED, frozenset({"private"}), "/room/hall.c", "v_key"),
        },
        classes={"exit": ClassInfo("exit", (("to", STRING),), NONE, "/room/hall.c")},
    )
    return host.make("/room/hall", interface)


def test_clone_object_passes_arguments_to_create(this: Any) -> None:
    clone = objects.clone_object(this, "/obj/sword", 1, "x")
    assert clone.extra["arguments"] == (1, "x")
    assert objects.clonep(this, clone) == 1
    assert objects.clonep(this) == 0
    assert objects.clonep(this, "x") == 0
    assert objects.file_name(this, clone) == "/obj/sword#1"
    assert objects.base_name(this, clone) == "/obj/sword"


def test_find_object_gives_zero_for_what_is_not_loaded(this: Any) -> None:
    assert objects.find_object(this, "/test") is this
    assert objects.load_object(this, "/test") is this
    assert objects.find_object(this, "/none") == 0
    assert objects.load_object(this, "/none") == 0
    assert objects.master(this) == 0


def test_destruct_takes_this_object_by_default(this: Any, host: Any) -> None:
    other = host.make("/other")
    objects.destruct(this, other)
    assert other.is_destructed
    objects.destruct(this)
    assert this.is_destructed
    assert objects.this_object(this) == 0


def test_objects_can_be_chosen_by_a_function(this: Any, host: Any, lpc: Any, room: Any) -> None:
    assert objects.objects(this) == [this, room]
    assert objects.objects(this, lpc(lambda ob: int(ob is room))) == [room]
    chooser = host.make("/chooser", is_room=lambda me, ob: int(ob is room))
    assert objects.objects(chooser, "is_room") == [room]


def test_objects_leaves_out_what_the_function_destructs(this: Any, host: Any, lpc: Any, room: Any) -> None:
    assert objects.objects(this, lpc(lambda ob: 1 if ob is this else host.destruct(ob) or 1)) == [this]


def test_children_are_the_clones_and_the_blueprint(this: Any, host: Any) -> None:
    sword = host.make("/obj/sword")
    clone = host.make("/obj/sword#4")
    host.make("/obj/swordfish")
    assert objects.children(this, "/obj/sword.c") == [sword, clone]


def test_base_name_of_text_is_text(this: Any) -> None:
    assert objects.base_name(this, "a/b#12") == "a/b"
    assert objects.base_name(this) == objects.file_name(this) == "/test"


def test_virtualp_compares_name_and_program(this: Any, host: Any) -> None:
    assert objects.virtualp(this) == 0
    assert objects.virtualp(this, host.make("/map/1/2", Interface("/std/field.c"))) == 1


def test_inherit_lists_name_programs_breadth_first(this: Any, room: Any) -> None:
    assert objects.shallow_inherit_list(this, room) == ["/std/left.c", "/std/right.lpc"]
    assert objects.deep_inherit_list(this, room) == ["/std/left.c", "/std/right.lpc", "/std/base.c"]


@pytest.mark.parametrize(
    ("path", "found"), [("/std/base", 1), ("std/right.lpc", 1), ("/room/hall", 0), ("/std/other", 0)]
)
def test_inherits(this: Any, room: Any, path: str, found: int) -> None:
    assert objects.inherits(this, path, room) == found


def test_function_exists_names_the_program_of_public_functions(this: Any, room: Any) -> None:
    assert objects.function_exists(this, "look", room) == "/std/left"
    assert objects.function_exists(this, "secret", room) == 0
    assert objects.function_exists(this, "secret", room, 1) == "/room/hall"
    assert objects.function_exists(this, "later", room) == 0
    assert objects.function_exists(this, "none", room) == 0


def test_functions_lists_what_is_defined(room: Any) -> None:
    assert objects.functions(room) == ["look", "secret", "untyped"]
    assert objects.functions(room, 2) == ["secret", "untyped"]
    assert objects.functions(room, 1) == [
        ["look", 2, "int", "int", "string"],
        ["secret", 0, "int"],
        ["untyped", 0, "unknown"],
    ]


def test_variables_can_be_listed_read_and_set(this: Any, room: Any) -> None:
    assert objects.variables(room) == ["light", "key"]
    assert objects.variables(room, 1) == [["light", "int"], ["key", "mixed"]]
    assert objects.fetch_variable(this, "light", room) is UNDEFINED
    assert objects.store_variable(this, "light", 3, room) == 0
    assert objects.fetch_variable(this, "light", room) == 3
    objects.store_variable(room, "key", "k")
    assert objects.fetch_variable(room, "key") == "k"


@pytest.mark.parametrize("name", ["key", "none", "__class__", "v_light"])
def test_variables_that_are_private_or_absent_are_refused(this: Any, room: Any, name: str) -> None:
    with pytest.raises(LPCError, match=f"Variable named '{name}' does not exist or is not visible!"):
        objects.fetch_variable(this, name, room)
    with pytest.raises(LPCError):
        objects.store_variable(this, name, 1, room)


def test_classes_are_listed(room: Any) -> None:
    from efuns.core import classes

    assert classes.classes(room) == ["exit"]
    assert classes.classes(room, 1) == [["exit", ["to", "string"]]]
    assert classes.num_classes(room) == 1


def test_heart_beats_come_every_nth_beat(host: Any) -> None:
    beats = []
    one = host.make("/one", heart_beat=lambda me: beats.append("one") or 0)
    two = host.make("/two", heart_beat=lambda me: beats.append("two") or 0)
    objects.set_heart_beat(one, 1)
    objects.set_heart_beat(two, 2)
    for _ in range(4):
        host.state(HeartBeats).beat()
    assert beats == ["one", "one", "two", "one", "one", "two"]
    assert objects.query_heart_beat(two) == 2
    assert objects.heart_beats(one) == [one, two]
    objects.set_heart_beat(one, 0)
    host.destruct(two)
    host.state(HeartBeats).beat()
    assert len(host.state(HeartBeats)) == 0
    assert len(beats) == 6


def test_a_failing_heart_beat_is_switched_off(host: Any) -> None:
    ob = host.make("/ob", heart_beat=lambda me: None)  # what enter() gives after an error
    objects.set_heart_beat(ob, 1)
    host.state(HeartBeats).beat()
    assert objects.query_heart_beat(ob) == 0


def test_a_heart_beat_may_stop_another(host: Any) -> None:
    beats = []
    two = host.make("/two", heart_beat=lambda me: beats.append("two") or 0)
    one = host.make("/one", heart_beat=lambda me: objects.set_heart_beat(two, 0))
    objects.set_heart_beat(one, 1)
    objects.set_heart_beat(two, 1)
    host.state(HeartBeats).beat()
    assert beats == []
