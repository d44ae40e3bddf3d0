"""Efuns about objects and their programs: making, finding, destroying, naming, inspecting.

Program paths in results carry the extension ("/std/room.c"), object names do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.heart_beats import HeartBeats
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED, Value, truth

if TYPE_CHECKING:
    from lpc.runtime.interface import FunctionInfo, Interface, VariableInfo

_DETAILS, _OWN = 1, 2
_EXTENSIONS = (".lpc", ".c")


# ---------------------------------------------------------------------------------------- making, finding


@efun("object clone_object(string path, mixed arguments...)")
def clone_object(this: LPCObject, path: str, *arguments: Value) -> LPCObject | int:
    """A new instance of a program, after its create(arguments…) ran; 0 if there is nothing to clone.

    Example: clone_object("/obj/sword")
    """
    return this.driver.clone_object(path, *arguments)


@efun("object load_object(string path, int load = 1)")
def load_object(this: LPCObject, path: str, load: int = 1) -> LPCObject | int:
    """The object of a path, loaded if it was not; 0 if there is no such file.

    Example: load_object("/std/room")
    """
    return _found(this.driver.load_object(path) if load else this.driver.find_object(path))


@efun("object find_object(string name, int load = 0)")
def find_object(this: LPCObject, name: str, load: int = 0) -> LPCObject | int:
    """The loaded object (or clone) of a name, 0 if there is none; with the flag it is loaded.

    Example: find_object("/std/room")
    """
    return _found(this.driver.load_object(name) if load else this.driver.find_object(name))


def _found(ob: LPCObject | None) -> LPCObject | int:
    return 0 if ob is None or ob.is_destructed else ob


@efun("void destruct(object ob = this_object())")
def destruct(this: LPCObject, ob: LPCObject | None = None) -> int:
    """Remove an object from the game. References to it become 0.

    Example: destruct(this_object())
    """
    this.driver.destruct(this if ob is None else ob)
    return 0


@efun("object this_object()")
def this_object(this: LPCObject) -> LPCObject | int:
    """The object whose code is running; 0 once it has been destructed.

    Example: file_name(this_object())
    """
    return _found(this)


@efun("object master()")
def master(this: LPCObject) -> LPCObject | int:
    """The master object, 0 if the driver runs without one.

    Example: master()->valid_read("/x", this_object(), "read_file")
    """
    return _found(this.driver.master())


@efun("object *objects(void | string | function accepts)")
def objects(this: LPCObject, accepts: str | Closure | None = None) -> list[Value]:
    """All objects, or those for which a function (or a function of this object, by name) gives not 0.

    Example: objects((: clonep :))
    """
    found = this.driver.objects()
    if isinstance(accepts, Closure):
        function, owner = accepts.prepare(1)
        found = [ob for ob in found if truth(function(owner, this, ob)) and not ob.is_destructed]
    elif isinstance(accepts, str):
        apply = this.driver.apply
        found = [ob for ob in found if truth(apply(this, accepts, ob)) and not ob.is_destructed]
    return list(found[: this.driver.limits.array_size])


@efun("object *children(string path)")
def children(this: LPCObject, path: str) -> list[Value]:
    """The clones made of a path, and its blueprint.

    Example: sizeof(children("/obj/sword"))
    """
    name = _without_extension(this.driver.files.normalize(path))
    found: list[Value] = [ob for ob in this.driver.objects() if ob.name.partition("#")[0] == name]
    return found[: this.driver.limits.array_size]


# -------------------------------------------------------------------------------------------------- naming


@efun("string file_name(object ob = this_object())")
def file_name(this: LPCObject, ob: LPCObject | None = None) -> str:
    """The name of an object: its path without extension, and #number for a clone.

    Example: file_name(clone_object("/obj/sword")) is "/obj/sword#7" or so
    """
    return (this if ob is None else ob).name


@efun("string base_name(string | object ob = this_object())")
def base_name(this: LPCObject, ob: str | LPCObject | None = None) -> str:
    """The name of an object, or a name given, without the #number.

    Example: base_name("/obj/sword#7") is "/obj/sword"
    """
    name = ob if isinstance(ob, str) else (this if ob is None else ob).name
    return name.partition("#")[0]


@efun("int clonep(mixed ob = this_object())")
def clonep(this: LPCObject, ob: Value = None) -> int:
    """1 if an object is a clone, else 0 (for anything that is no object, too).

    Example: clonep(this_object())
    """
    ob = this if ob is None else ob
    return 1 if isinstance(ob, LPCObject) and not ob.is_destructed and ob.clone_number else 0


@efun("int virtualp(object ob = this_object())")
def virtualp(this: LPCObject, ob: LPCObject | None = None) -> int:
    """1 if an object came from the master's compile_object(), so that its name is not its program's.

    Example: virtualp(this_object())
    """
    ob = this if ob is None else ob
    return 1 if ob.name.partition("#")[0] != _without_extension(ob.program.interface.path) else 0


def _without_extension(path: str) -> str:
    for extension in _EXTENSIONS:
        if path.endswith(extension):
            return path.removesuffix(extension)
    return path


# ---------------------------------------------------------------------------------------------- inheritance


@efun("int inherits(string path, object ob = this_object())")
def inherits(this: LPCObject, path: str, ob: LPCObject | None = None) -> int:
    """1 if an object inherits a program, at any depth, else 0.

    Example: inherits("/std/room", environment())
    """
    name = _without_extension(this.driver.files.normalize(path))
    inherited = _all_inherited((this if ob is None else ob).program.interface)
    return 1 if any(_without_extension(program) == name for program in inherited) else 0


@efun("string *shallow_inherit_list(object ob = this_object())", aliases=("inherit_list",))
def shallow_inherit_list(this: LPCObject, ob: LPCObject | None = None) -> list[Value]:
    """The programs an object's program inherits itself, in order.

    Example: inherit_list(this_object()) is ({ "/std/room.c" }) or so
    """
    return [parent.path for parent, _ in (this if ob is None else ob).program.interface.inherits]


@efun("string *deep_inherit_list(object ob = this_object())")
def deep_inherit_list(this: LPCObject, ob: LPCObject | None = None) -> list[Value]:
    """All programs an object inherits, each once: first its own inherits, then theirs, and so on.

    Example: deep_inherit_list(this_object())
    """
    return list(_all_inherited((this if ob is None else ob).program.interface))


def _all_inherited(interface: Interface) -> dict[str, Interface]:
    found: dict[str, Interface] = {}
    level = [interface]
    while level:
        parents = {parent.path: parent for heir in level for parent, _ in heir.inherits}
        level = [parent for path, parent in parents.items() if path not in found]
        found.update((parent.path, parent) for parent in level)
    return found


# ------------------------------------------------------------------------------------ functions, variables


@efun("string function_exists(string name, void | object ob, void | int hidden)")
def function_exists(this: LPCObject, name: str, ob: LPCObject | None = None, hidden: int = 0) -> str | int:
    """The path of the program (without extension) that defines a function of an object; 0 if none does.

    Only public functions count, unless the flag is set.

    Example: function_exists("query_name", ob)
    """
    info = (this if ob is None else ob).program.interface.functions.get(name)
    if info is None or not info.defined or not (hidden or _is_public(info)):
        return 0
    return _without_extension(info.program)


def _is_public(info: FunctionInfo) -> bool:
    return not info.modifiers & {"private", "protected"}


@efun("mixed *functions(object ob, int flags = 0)")
def functions(ob: LPCObject, flags: int = 0) -> list[Value]:
    """The names of an object's functions.

    Flag 1 gives an array for each: ({ name, number of parameters, return type, parameter types… });
    flag 2 leaves out inherited ones.

    Example: functions(this_object(), 2)
    """
    interface = ob.program.interface
    found = [info for info in interface.functions.values() if info.defined and not info.name.startswith("#")]
    if flags & _OWN:
        found = [info for info in found if info.program == interface.path]
    return [_function_row(info) if flags & _DETAILS else info.name for info in found]


def _function_row(info: FunctionInfo) -> list[Value]:
    types = [str(parameter.type) for parameter in info.parameters]
    return [info.name, len(types), str(info.type) if info.type else "unknown", *types]


@efun("mixed *variables(object ob, int types = 0)")
def variables(ob: LPCObject, types: int = 0) -> list[Value]:
    """The names of an object's global variables, inherited ones included; with the flag ({ name, type }).

    Example: variables(this_object())
    """
    found = ob.program.interface.variables.values()
    return [[info.name, str(info.type)] if types else info.name for info in found]


@efun("mixed fetch_variable(string name, object | void ob)")
def fetch_variable(this: LPCObject, name: str, ob: LPCObject | None = None) -> Value:
    """The value of a global variable of an object, by name; private ones only of this object.

    Example: fetch_variable("score", player)
    """
    ob = this if ob is None else ob
    return vars(ob).get(_variable(this, ob, name).key, UNDEFINED)


@efun("void store_variable(string name, mixed value, object | void ob)")
def store_variable(this: LPCObject, name: str, value: Value, ob: LPCObject | None = None) -> int:
    """Set a global variable of an object, by name; private ones only of this object.

    Example: store_variable("score", 10, player)
    """
    ob = this if ob is None else ob
    vars(ob)[_variable(this, ob, name).key] = value
    return 0


def _variable(this: LPCObject, ob: LPCObject, name: str) -> VariableInfo:
    info: VariableInfo | None = ob.program.interface.variables.get(name)
    if info is None or (ob is not this and "private" in info.modifiers):
        raise LPCError(f"Variable named '{name}' does not exist or is not visible!")
    return info


# --------------------------------------------------------------------------------------------- heart beats


@efun("void set_heart_beat(int every)")
def set_heart_beat(this: LPCObject, every: int) -> int:
    """Call heart_beat() in this object at every n-th beat of the driver; 0 stops it.

    Example: set_heart_beat(1)
    """
    this.driver.state(HeartBeats).set(this, every)
    return 0


@efun("int query_heart_beat(object ob = this_object())")
def query_heart_beat(this: LPCObject, ob: LPCObject | None = None) -> int:
    """The heart beat interval of an object, 0 if it has none.

    Example: query_heart_beat(this_object())
    """
    return this.driver.state(HeartBeats).every(this if ob is None else ob)


@efun("object *heart_beats()")
def heart_beats(this: LPCObject) -> list[Value]:
    """All objects with a heart beat.

    Example: sizeof(heart_beats())
    """
    return list(this.driver.state(HeartBeats).objects())
