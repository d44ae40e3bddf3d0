from __future__ import annotations

from typing import Any

import pytest

from efuns import world
from lpc.errors import BadArgument, LPCError
from lpc.runtime.values import Mapping


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def make(host: Any, seen: list[Any]) -> Any:
    """An object that answers to a name and remembers what it hears; living if asked."""

    def build(name: str, *, living: bool = False) -> Any:
        ob = host.make(
            f"/{name}",
            id=lambda me, text: int(text == name.partition("#")[0]),
            init=lambda me: seen.append(("init", me, host.this_player)),
            catch_tell=lambda me, text: seen.append(("tell", me, text)),
            receive_message=lambda me, kind, text: seen.append((kind, me, text)),
        )
        if living:
            ob.extra["living"] = 1
        return ob

    return build


def test_objects_contain_the_last_come_first(make: Any) -> None:
    room, one, two = make("room"), make("one"), make("two")
    world.move_object(one, room)
    world.move_object(two, room)
    assert world.all_inventory(room) == [two, one]
    assert world.environment(one) is room
    assert world.environment(room) == 0
    assert world.first_inventory(room) is two
    assert world.next_inventory(two) is one
    assert world.next_inventory(one) == 0
    assert world.next_inventory(room) == 0
    world.move_object(one, two)
    assert world.all_inventory(room) == [two]


def test_all_inventory_is_a_copy(make: Any) -> None:
    room, one = make("room"), make("one")
    world.move_object(one, room)
    world.all_inventory(room).clear()
    assert world.all_inventory(room) == [one]


def test_places_may_be_paths(make: Any) -> None:
    room, one = make("room"), make("one")
    world.move_object(one, "/room")
    assert world.environment(one) is room
    assert world.first_inventory(one, "/room") is one
    with pytest.raises(LPCError, match="could not find destination"):
        world.move_object(one, "/none")
    with pytest.raises(BadArgument):
        world.first_inventory(one, "/none")


def test_nothing_can_be_moved_into_itself(make: Any) -> None:
    room, one = make("room"), make("one")
    world.move_object(one, room)
    for place in (one, room):
        with pytest.raises(LPCError, match="Can't move object inside itself"):
            world.move_object(room, place)


def test_moving_introduces_livings_and_things(make: Any, seen: list[Any], host: Any) -> None:
    room, guard, sword = make("room", living=True), make("guard", living=True), make("sword")
    world.move_object(sword, room)
    assert seen == [("init", sword, room)]
    seen.clear()
    world.move_object(guard, room)
    assert seen == [("init", room, guard), ("init", sword, guard), ("init", guard, room)]
    seen.clear()
    other = make("other", living=True)
    world.move_object(other, room)
    assert seen == [
        ("init", room, other),
        ("init", other, guard),
        ("init", guard, other),
        ("init", sword, other),
        ("init", other, room),
    ]
    assert host.this_player == 0


def test_introductions_stop_when_the_object_is_gone(make: Any, seen: list[Any], host: Any) -> None:
    trap, guard, sword = make("trap"), make("guard", living=True), make("sword")
    type(trap).functions["init"] = lambda me: host.destruct(guard)  # type: ignore[attr-defined]
    world.move_object(sword, trap)
    world.move_object(guard, trap)
    assert seen == []
    assert world.all_inventory(trap) == [sword]


def test_this_player_returns_after_an_error_in_init(make: Any, host: Any) -> None:
    room, guard = make("room"), make("guard", living=True)

    def fail(me: Any) -> None:
        raise LPCError("no entry")

    type(room).functions["init"] = fail  # type: ignore[attr-defined]
    with pytest.raises(LPCError):
        world.move_object(guard, room)
    assert host.this_player == 0


def test_present_by_name_and_number(make: Any) -> None:
    room, first, second, me = make("room"), make("sword#1"), make("sword#2"), make("me")
    for ob in (first, second, me):
        world.move_object(ob, room)
    assert world.present(room, "sword") is second
    assert world.present(room, "sword 1") is second
    assert world.present(room, "sword 2") is first
    assert world.present(room, "sword 3") == 0
    assert world.present(room, "") == 0
    assert world.present(me, "sword 2") is first
    assert world.present(me, "room") is room
    assert world.present(me, "sword", me) == 0
    assert world.present(room, "sword " + "9" * 5000) == 0


def test_present_by_object(make: Any) -> None:
    room, one, two = make("room"), make("one"), make("two")
    world.move_object(one, room)
    world.move_object(two, room)
    assert world.present(room, one) is one
    assert world.present(one, two) is two
    assert world.present(one, two, one) == 0
    assert world.present(one, room) == 0


def test_deep_inventory_goes_all_the_way(make: Any, lpc: Any, host: Any) -> None:
    room, bag, coin, stone = make("room"), make("bag"), make("coin"), make("stone")
    world.move_object(bag, room)
    world.move_object(coin, bag)
    world.move_object(stone, room)
    assert world.deep_inventory(room) == [stone, bag, coin]
    assert world.deep_inventory(room, [bag, stone]) == [bag, coin, stone]
    take_only = lpc(lambda ob: 2)
    look_inside = lpc(lambda ob: 3 if ob is bag else 1)
    assert world.deep_inventory(room, room, take_only) == [stone, bag]
    assert world.deep_inventory(room, look_inside) == [stone, coin]
    assert world.deep_inventory(room, room, lpc(lambda ob: 0)) == []
    host.destruct(coin)
    assert world.deep_inventory(room, [coin, bag, 5]) == [bag]


def test_living_names(make: Any, host: Any) -> None:
    guard, other = make("guard"), make("other")
    for ob in (guard, other):
        world.set_living_name(ob, "guard")
    assert world.find_living(guard, "guard") == 0
    world.enable_commands(guard)
    assert world.find_living(guard, "guard") is guard
    world.enable_commands(other)
    assert world.find_living(guard, "guard") is other
    assert world.named_livings(guard) == [guard, other]
    world.set_living_name(other, "captain")
    assert world.find_living(guard, "guard") is guard
    assert world.find_living(guard, "captain") is other
    world.disable_commands(other)
    assert world.find_living(guard, "captain") == 0
    assert world.livings(guard) == [guard]
    assert (world.living(guard), world.living(guard, other)) == (1, 0)
    host.destruct(guard)
    assert world.find_living(other, "guard") == 0
    assert world.named_livings(other) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [("a\n", "a\n"), (-5, "-5"), (1.5, "1.500000"), ([1], "<ARRAY>"), (Mapping(), "<MAPPING>")],
)
def test_write_without_a_player_goes_to_the_output(this: Any, host: Any, value: Any, text: str) -> None:
    world.write(this, value)
    assert host.written == [text]


def test_write_goes_to_this_player(this: Any, host: Any, make: Any, seen: list[Any]) -> None:
    host.this_player = make("me")
    world.write(this, this)
    assert seen == [("tell", host.this_player, "OBJ(/test)")]
    host.destruct(host.this_player)
    world.write(this, "later")
    assert host.written == ["later"]


def test_say_reaches_the_livings_around_and_inside(make: Any, seen: list[Any], host: Any) -> None:
    room, speaker, guard, sword, parrot, spy = (
        make("room", living=True), make("speaker", living=True), make("guard", living=True),
        make("sword"), make("parrot", living=True), make("spy", living=True),
    )  # fmt: skip
    for ob, place in ((speaker, room), (guard, room), (sword, room), (parrot, speaker), (spy, room)):
        world.move_object(ob, place)
    seen.clear()
    world.say(speaker, "hi", spy)
    assert seen == [("tell", room, "hi"), ("tell", guard, "hi"), ("tell", parrot, "hi")]
    seen.clear()
    host.this_player = guard
    world.say(speaker, "hi", [spy, parrot])
    assert seen == [("tell", room, "hi"), ("tell", speaker, "hi")]


def test_tell_room_and_tell_object_and_shout(make: Any, seen: list[Any], host: Any) -> None:
    room, guard, captain, sword = make("room"), make("guard", living=True), make("captain", living=True), make("sword")
    for ob in (guard, captain, sword):
        world.move_object(ob, room)
    seen.clear()
    world.tell_room(sword, room, 5, [captain])
    world.tell_room(sword, "/room", sword, guard)
    world.tell_object(sword, sword, "psst")
    world.shout(sword, "!")
    assert seen == [
        ("tell", guard, "5"),
        ("tell", captain, "/sword"),
        ("tell", sword, "psst"),
        ("tell", guard, "!"),
        ("tell", captain, "!"),
    ]
    with pytest.raises(BadArgument):
        world.tell_room(sword, "/none", "x")


def test_message_reaches_livings_and_what_they_stand_in(make: Any, seen: list[Any], host: Any) -> None:
    room, guard, captain = make("room"), make("guard", living=True), make("captain", living=True)
    for ob in (guard, captain):
        world.move_object(ob, room)
    seen.clear()
    world.message(room, "rain", "drip", room, captain)
    world.message(room, "rain", [1], ["/captain", "/none", 5])
    assert seen == [("rain", guard, "drip"), ("rain", captain, [1])]
    world.message(room, "rain", "aside", 0)
    assert host.written == ["aside"]
