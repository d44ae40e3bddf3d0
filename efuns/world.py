"""Efuns of the world: objects inside objects, livings, and text for whoever is there.

Players belong to another package: here an object hears text by defining catch_tell(), a living by
receive_message() too, and what is for nobody in particular goes to the driver's output.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.operators import text_of, type_name, wrap
from lpc.runtime.values import Value, is_destructed, truth

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lpc.runtime.host import Host

_LIGHT = "light"  # key in LPCObject.extra: what set_light() added up
_LIVING = "living"  # key in LPCObject.extra: enable_commands() was called
_CLASS_NAMES = {"array": "<ARRAY>", "mapping": "<MAPPING>", "function": "<FUNCTION>", "buffer": "<BUFFER>"}


# ---------------------------------------------------------------------------------------------- containment


@efun("object environment(void | object ob)")
def environment(this: LPCObject, ob: LPCObject | None = None) -> LPCObject | int:
    """The object an object (this one, if none is given) is in; 0 if it is in none.

    Example: environment(this_player())
    """
    outer = (this if ob is None else ob).environment
    return 0 if outer is None or outer.is_destructed else outer


@efun("object *all_inventory(object ob = this_object())")
def all_inventory(this: LPCObject, ob: LPCObject | None = None) -> list[Value]:
    """The objects directly inside an object, the last that came first.

    Example: sizeof(all_inventory(environment()))
    """
    return list((this if ob is None else ob).inventory)


@efun("object first_inventory(object | string ob = this_object())")
def first_inventory(this: LPCObject, ob: LPCObject | str | None = None) -> LPCObject | int:
    """The first object inside an object, 0 if it is empty.

    Example: for (object x = first_inventory(room); x; x = next_inventory(x)) count++;
    """
    outer = this.driver.load_object(ob) if isinstance(ob, str) else (this if ob is None else ob)
    if outer is None:
        raise BadArgument("Bad argument 1 to first_inventory()")
    return outer.inventory[0] if outer.inventory else 0


@efun("object next_inventory(object ob = this_object())")
def next_inventory(this: LPCObject, ob: LPCObject | None = None) -> LPCObject | int:
    """The object after this one in the same place, 0 if it is the last.

    Example: next_inventory(first_inventory(room))
    """
    inner = this if ob is None else ob
    if inner.environment is None:
        return 0
    beside = inner.environment.inventory
    at = beside.index(inner) + 1
    return beside[at] if at < len(beside) else 0


@efun("object *deep_inventory(object | object * | function ob = this_object(), void | function choose)")
def deep_inventory(
    this: LPCObject, ob: LPCObject | list[Value] | Closure | None = None, choose: Closure | None = None
) -> list[Value]:
    """The objects inside an object, or inside several and they themselves, at every depth.

    A function chooses: 1 takes an object and looks inside, 2 takes it only, 3 only looks inside, 0 neither.

    Example: deep_inventory(this_object(), (: living($1) ? 1 : 3 :))
    """
    if isinstance(ob, Closure):
        choose, ob = ob, None
    found: list[Value] = []
    # A stack, the next one last: containers may hold very many.
    waiting = list(reversed(ob if isinstance(ob, list) else (this if ob is None else ob).inventory))
    function, owner = choose.prepare(1) if choose else (None, this)
    while waiting and len(found) < this.driver.limits.array_size:
        inner = waiting.pop()
        if not isinstance(inner, LPCObject) or inner.is_destructed:
            continue
        chosen = function(owner, this, inner) if function else 1
        if chosen in (1, 2):
            found.append(inner)
        if chosen in (1, 3):
            waiting.extend(reversed(inner.inventory))
    return found


@efun("void move_object(object | string destination)")
def move_object(this: LPCObject, destination: LPCObject | str) -> int:
    """Move this object into another one, and introduce them.

    init() is called, with this_player() set to the living concerned: in the destination and in each object
    there if this object is living; in this object for each living there, and for the destination if it is
    living.

    Example: move_object("/room/hall")
    """
    if this.is_destructed:
        raise LPCError("move_object: can't move a destructed object")
    target = this.driver.load_object(destination) if isinstance(destination, str) else destination
    if target is None:
        raise LPCError("move_object failed: could not find destination")
    outer: LPCObject | None = target
    while outer is not None:
        if outer is this:
            raise LPCError("Can't move object inside itself.")
        outer = outer.environment
    if this.environment is not None:
        this.environment.inventory.remove(this)
    target.inventory.insert(0, this)
    this.environment = target
    _introduce(this, target)
    return 0


def _introduce(item: LPCObject, place: LPCObject) -> None:
    driver = item.driver
    player = driver.this_player
    try:
        if _is_living(item) and not _meet(driver, item, place, item, place):
            return
        for beside in list(place.inventory):
            if beside is item or beside.is_destructed or beside.environment is not place:
                continue
            if _is_living(beside) and not _meet(driver, beside, item, item, place):
                return
            # init() may have done anything to the neighbour as well.
            stays = not beside.is_destructed and beside.environment is place
            if stays and _is_living(item) and not _meet(driver, item, beside, item, place):
                return
        if _is_living(place):
            _meet(driver, place, item, item, place)
    finally:
        driver.this_player = player


def _meet(driver: Host, living: LPCObject, ob: LPCObject, item: LPCObject, place: LPCObject) -> bool:
    """init() in an object for a living; whether the moved item is still where it was moved to."""
    driver.this_player = living
    driver.apply(ob, "init")
    return not item.is_destructed and not place.is_destructed and item.environment is place


@efun("object present(object | string what, void | object where)")
def present(this: LPCObject, what: LPCObject | str, where: LPCObject | None = None) -> LPCObject | int:
    """An object in a container, by what its id() says or by itself; 0 if it is not there.

    "sword 2" is the second that calls itself a sword. Without a container: in this object, then the
    place around it, then what is beside.

    Example: present("sword", this_player())
    """
    ob = this if where is None else where
    if isinstance(what, LPCObject):
        return _present_object(what, ob, specific=where is not None)
    found = _named(what, ob.inventory)
    if found or where is not None or ob.environment is None:
        return found
    around = ob.environment
    if truth(this.driver.apply(around, "id", what)) and not around.is_destructed:
        return around
    return 0 if around.is_destructed or ob.is_destructed else _named(what, around.inventory)


def _present_object(what: LPCObject, ob: LPCObject, *, specific: bool) -> LPCObject | int:
    outer = what.environment
    if outer is None:
        return 0
    return what if outer is ob or (not specific and outer is ob.environment) else 0


def _named(name: str, inventory: Iterable[LPCObject]) -> LPCObject | int:
    if not name:
        return 0
    first, _, last = name.rpartition(" ")
    count = 1
    if first and last.isascii() and last.isdigit():
        name, count = first, int(last[:9])
    for ob in list(inventory):
        accepted = truth(ob.driver.apply(ob, "id", name))
        if ob.is_destructed:
            return 0
        if accepted:
            count -= 1
            if count <= 0:
                return ob
    return 0


# ------------------------------------------------------------------------------------------------- livings


class LivingNames:
    """One driver's living names: which objects registered each."""

    def __init__(self, driver: Host) -> None:
        self._objects: dict[str, list[LPCObject]] = {}
        self._names: dict[LPCObject, str] = {}
        driver.on_destruct(self.forget)

    def set(self, ob: LPCObject, name: str) -> None:
        """Register an object, under this name only."""
        self.forget(ob)
        self._names[ob] = name
        self._objects.setdefault(name, []).insert(0, ob)

    def forget(self, ob: LPCObject) -> None:
        """Take an object's name away; nothing happens where it has none."""
        name = self._names.pop(ob, None)
        if name is not None:
            self._objects[name].remove(ob)
            if not self._objects[name]:
                del self._objects[name]

    def find(self, name: str) -> LPCObject | int:
        """The living that registered the name last, 0 if there is none."""
        return next((ob for ob in self._objects.get(name, ()) if _is_living(ob)), 0)

    def objects(self) -> list[LPCObject]:
        """All livings with a name."""
        return [ob for ob in self._names if _is_living(ob)]


def _is_living(ob: LPCObject) -> bool:
    return _LIVING in ob.extra


@efun("void enable_commands(int setup = 0)")
def enable_commands(this: LPCObject, setup: int = 0) -> int:
    """Make this object a living one: it meets others when it or they move, and hears messages.

    Example: void create() { enable_commands(); set_living_name("guard"); }
    """
    this.extra[_LIVING] = 1
    this.driver.this_player = this
    return 0


@efun("void disable_commands()")
def disable_commands(this: LPCObject) -> int:
    """Undo enable_commands(); where this object was this_player(), there is none then.

    Example: disable_commands()
    """
    this.extra.pop(_LIVING, None)
    if this.driver.this_player is this:
        this.driver.this_player = 0
    return 0


@efun("int living(object ob = this_object())")
def living(this: LPCObject, ob: LPCObject | None = None) -> int:
    """1 if an object is living (it called enable_commands()), else 0.

    Example: filter(all_inventory(room), (: living :))
    """
    return 1 if _is_living(this if ob is None else ob) else 0


@efun("object *livings()")
def livings(this: LPCObject) -> list[Value]:
    """All living objects.

    Example: sizeof(livings())
    """
    return [ob for ob in this.driver.objects() if _is_living(ob)]


@efun("void set_living_name(string name)")
def set_living_name(this: LPCObject, name: str) -> int:
    """Register this object for find_living(), in place of a former name.

    Example: set_living_name("guard")
    """
    this.driver.state(LivingNames).set(this, name)
    return 0


@efun("object find_living(string name)")
def find_living(this: LPCObject, name: str) -> LPCObject | int:
    """The living object that registered a name (the last one, if several did); 0 if there is none.

    Example: find_living("guard")
    """
    return this.driver.state(LivingNames).find(name)


@efun("object *named_livings()")
def named_livings(this: LPCObject) -> list[Value]:
    """All living objects that have registered a name.

    Example: sizeof(named_livings())
    """
    return list(this.driver.state(LivingNames).objects())


@efun("object this_player(int interactive = 0)", aliases=("this_user",))
def this_player(this: LPCObject, interactive: int = 0) -> Value:
    r"""The living for whom the running code was called; 0 if there is none.

    Example: if (this_player()) write("Hello.\n");
    """
    player = this.driver.this_player
    return 0 if is_destructed(player) else player


@efun("int set_light(int change)")
def set_light(this: LPCObject, change: int) -> int:
    """Add to the light this object gives; the light where it is: of what everything there gives, added up.

    Example: set_light(0)
    """
    if change:
        this.extra[_LIGHT] = wrap(this.extra.get(_LIGHT, 0) + change)
    outermost = this
    while outermost.environment is not None:
        outermost = outermost.environment
    total, waiting = 0, [outermost]
    while waiting:
        inner = waiting.pop()
        total += inner.extra.get(_LIGHT, 0)
        waiting.extend(inner.inventory)
    return int(wrap(total))


# ---------------------------------------------------------------------------------------------------- text


@efun("void write(mixed value)")
def write(this: LPCObject, value: Value) -> int:
    r"""Send a value as text to this_player(), or to the driver's output if there is none.

    Example: write("Hello, world!\n")
    """
    _send(this.driver, this.driver.this_player, _printed(value))
    return 0


def _printed(value: Value) -> str:
    if isinstance(value, LPCObject) and not value.is_destructed:
        return f"OBJ({value.name})"
    text = text_of(value)
    return _CLASS_NAMES.get(type_name(value), "<UNKNOWN>") if text is None else text


def _send(driver: Host, target: LPCObject | int, text: str) -> None:
    """Text for one object; for the driver's output if there is no such object."""
    if not isinstance(target, LPCObject) or target.is_destructed:
        driver.write(text)
    else:
        driver.apply(target, "catch_tell", text)


@efun("void tell_object(object ob, string text)")
def tell_object(this: LPCObject, ob: LPCObject, text: str) -> int:
    r"""Send text to an object, through its catch_tell().

    Example: tell_object(guard, "Wake up!\n")
    """
    _send(this.driver, ob, text)
    return 0


@efun("void say(string text, void | object | object *exclude)")
def say(this: LPCObject, text: str, exclude: LPCObject | list[Value] | int = 0) -> int:
    r"""Send text to the livings around this_player() (or this object), and inside, but not to itself.

    Example: say("The guard yawns.\n")
    """
    player = this.driver.this_player
    speaker = player if isinstance(player, LPCObject) and not player.is_destructed else this
    around = speaker.environment
    hearers = [around, *around.inventory] if around else []
    _tell_livings(this.driver, [*hearers, *speaker.inventory], text, [speaker, *_listed(exclude)])
    return 0


@efun("void tell_room(object | string room, string | object | int | float text, void | object | object *exclude)")
def tell_room(this: LPCObject, room: LPCObject | str, text: Value, exclude: LPCObject | list[Value] | int = 0) -> int:
    r"""Send text to every living inside an object.

    Example: tell_room(environment(), "Thunder!\n", ({ this_player() }))
    """
    place = this.driver.load_object(room) if isinstance(room, str) else room
    if place is None:
        raise BadArgument("Bad argument 1 to tell_room()")
    shown = text.name if isinstance(text, LPCObject) else _printed(text)
    _tell_livings(this.driver, place.inventory, shown, _listed(exclude))
    return 0


@efun("void shout(string text)")
def shout(this: LPCObject, text: str) -> int:
    r"""Send text to every living that is somewhere, but not to this_player().

    Example: shout("The sun sets.\n")
    """
    everyone = [ob for ob in this.driver.objects() if ob.environment is not None]
    _tell_livings(this.driver, everyone, text, [this.driver.this_player])
    return 0


def _tell_livings(driver: Host, hearers: Iterable[LPCObject], text: str, exclude: list[Value]) -> None:
    for ob in list(hearers):
        if not ob.is_destructed and _is_living(ob) and not any(ob is other for other in exclude):
            _send(driver, ob, text)


def _listed(value: Value) -> list[Value]:
    return value if type(value) is list else [value]


@efun(
    "void message(mixed kind, mixed text, string | string * | object | object *target, void | object | object *exclude)"
)
def message(this: LPCObject, kind: Value, text: Value, target: Value, exclude: Value = 0) -> int:
    r"""Deliver a message of some class: receive_message(kind, text) in each target that is living.

    A target that is not living stands for the livings directly in it. Names are of loaded objects.

    Example: message("environment", "It rains.\n", environment())
    """
    if isinstance(target, int):
        _send(this.driver, this.driver.this_player, _printed(text))
        return 0
    excluded = _listed(exclude)
    for item in _listed(target):
        ob = this.driver.find_object(item) if isinstance(item, str) else item
        if not isinstance(ob, LPCObject) or ob.is_destructed:
            continue
        for hearer in [ob] if _is_living(ob) else list(ob.inventory):
            if not hearer.is_destructed and _is_living(hearer) and not any(hearer is other for other in excluded):
                this.driver.apply(hearer, "receive_message", kind, text)
    return 0
