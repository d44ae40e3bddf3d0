"""Objects: loading, cloning, finding, destructing.

A blueprint is named by its path without extension; a clone adds `#n`, n counting all clones of the driver.
Making an object goes: program compiled and its parents loaded -> object in the table -> valid_object ->
uid and privileges -> global initialisers -> create(). A step that fails leaves no object behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lpc.driver.files import normalize
from lpc.driver.master import Master
from lpc.driver.programs import EXTENSIONS, Programs
from lpc.errors import FileRefused, LPCError
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.shadows import detach
from lpc.runtime.swaps import Replacements, carried, put_program, restore, stale_pointers
from lpc.runtime.trace import current_object, lpc_frames
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.driver.driver import Driver
    from lpc.runtime.program import Program


#: Key in `extra` of an object that wants on_destruct() before it goes.
NOTIFY = "notify_destruct"


def object_name(path: str) -> str:
    """The name of a blueprint: absolute, without extension. FileRefused for paths above the root."""
    name = normalize(path)
    for extension in EXTENSIONS:
        if name.endswith(extension):
            return name[:-len(extension)]
    return name


class Loader:
    """The objects of one driver."""

    def __init__(self, driver: Driver, programs: Programs, master: Master) -> None:
        self._driver = driver
        self._programs = programs
        self._master = master
        self._objects: dict[str, LPCObject] = {}  # in order of creation
        self._last_serial = 0
        self._last_clone = 0
        self._compiling: list[str] = []  # the inherit chain in progress
        self._checked: dict[str, Program] = {}  # by host path, where programs are only checked
        self._destructed: list[LPCObject] = []
        self._observers: list[Callable[[LPCObject], object]] = []
        # Code of a destructed object that is still running asks for its driver, too.
        self._gone = type("Destructed", (Destructed,), {"__slots__": (), "driver": driver})

    # ------------------------------------------------------------------ finding

    def find(self, path: str) -> LPCObject | None:
        """A loaded object by name, with or without its first slash and extension."""
        found = self._objects.get(path)
        if found is not None:
            return found
        try:
            return self._objects.get(object_name(path))
        except FileRefused:
            return None

    def objects(self) -> list[LPCObject]:
        """All objects, oldest first."""
        return list(self._objects.values())

    # ------------------------------------------------------------------ loading

    def load(self, path: str) -> LPCObject | None:
        """The blueprint of a path, loaded if need be; None where there is neither file nor virtual object."""
        found = self.find(path)
        if found is not None:
            return found
        try:
            name = object_name(path)
            file = None if "#" in name else self._programs.source_file(normalize(path))
        except FileRefused as refusal:
            raise LPCError(f"Cannot load '{path}': {refusal.strerror}.") from refusal
        if file is None:
            return None if "#" in name else self._virtual(name, 0, ())
        return self.load_file(name, file)

    def load_file(self, name: str, file: str, *, text: str | None = None, script: bool = False) -> LPCObject:
        """Make the blueprint `name` from one file (or the text given for it)."""
        program = self.program(file, text=text, script=script)
        # A parent's create() may have loaded this very object meanwhile.
        found = self._objects.get(name)
        return found if found is not None else self._make(program, name, 0, ())

    def program(self, file: str, *, text: str | None = None, script: bool = False) -> Program:
        """Compile a file and what it inherits; the program, of which no object is made."""
        if file in self._compiling:
            cycle = " inherits ".join([*self._compiling[self._compiling.index(file):], file])
            raise LPCError(f"Cyclic inheritance: {cycle}.")
        if len(self._compiling) >= self._driver.limits.inherit_depth:
            raise LPCError(f"Inherit chain too deep: more than {self._driver.limits.inherit_depth}.")
        self._compiling.append(file)
        try:
            return self._programs.compile(file, self._parent, text=text, script=script, chain=self._compiling)
        finally:
            self._compiling.pop()

    def _parent(self, path: str, text: str | None) -> Program | None:
        """The program of a parent: its blueprint is loaded (from `text` if that is given); None where there is no
        such file."""
        found = self.find(path)
        if found is not None:
            return found.program
        if text is not None:
            name = object_name(path)
            return self.load_file(name, name + EXTENSIONS[0], text=text).program
        if self._programs.check_only:
            return self._checked_parent(path)
        loaded = self.load(path)
        return None if loaded is None else loaded.program

    def _checked_parent(self, path: str) -> Program | None:
        """A parent of a program that is only checked: compiled once, and no object made."""
        file = self._programs.source_file(normalize(path))
        if file is None:
            return None
        host = self._driver.files.locate(file)
        if host not in self._checked:
            self._checked[host] = self.program(file)
        return self._checked[host]

    # ------------------------------------------------------------------ making objects

    def clone(self, path: str, args: tuple[Value, ...]) -> LPCObject | int:
        """A new clone of a blueprint; 0 where there is none."""
        blueprint = self.load(path)
        if blueprint is None:
            return 0
        if blueprint.clone_number:
            raise LPCError("Cannot clone from a clone")
        name = blueprint.name
        if blueprint.extra.get("virtual"):
            self._last_clone += 1
            return self._virtual(name, self._last_clone, args) or 0
        self._last_clone += 1
        return self._make(blueprint.program, f"{name}#{self._last_clone}", self._last_clone, args)

    def _make(self, program: Program, name: str, clone_number: int, args: tuple[Value, ...]) -> LPCObject:
        driver = self._driver
        maker = current_object()
        if maker and maker.extra.get("uid") and maker.extra.get("euid") == 0:
            raise LPCError("Can't load or clone objects when the effective uid is 0.")
        if len(self._objects) >= driver.limits.objects:
            raise LPCError(f"Too many objects: the limit is {driver.limits.objects}.")
        self._last_serial += 1
        ob: LPCObject = program.cls(name, self._last_serial, clone_number)
        self._objects[name] = ob
        ob.extra["load_time"] = int(driver.clock.time())
        # Objects loaded from here on are no part of the inherit chain being compiled.
        chain, self._compiling = self._compiling, []
        player = driver.this_player  # a living that is made is this_player() only while it is made
        complete = False
        try:
            if not self._master.valid_object(ob):
                raise LPCError(f"master::valid_object() denied permission to load '{name}'.")
            self._identify(ob)
            program.initialise(ob)
            if not ob.is_destructed and driver.defines(ob, "create"):
                driver.apply(ob, "create", *args)
            complete = True
        finally:
            self._compiling = chain
            driver.this_player = player
            if not complete and not ob.is_destructed:
                self._remove(ob)
        if ob.is_destructed and not clone_number:
            raise LPCError(f"Object '{name}' destructed itself in create().")
        return ob

    def _identify(self, ob: LPCObject) -> None:
        """Uid and privileges, where the mudlib has them."""
        uid = self._master.creator_file(ob.name)
        if isinstance(uid, str):
            maker = current_object() or self._driver.master()
            ob.extra["uid"] = uid
            # What an object of the same user makes acts for that user at once; any other has to seteuid().
            ob.extra["euid"] = maker.extra.get("euid", 0) if maker and maker.extra.get("uid") == uid else 0
        elif uid is not None:
            raise LPCError("Illegal object to load: return value of master::creator_file() was not a string.")
        privileges = self._master.privs_file(ob.name)
        if isinstance(privileges, str):
            ob.extra["privs"] = privileges

    def _virtual(self, path: str, clone_number: int, args: tuple[Value, ...]) -> LPCObject | None:
        """What the master's compile_object() makes for a path without a file, under that path's name."""
        ob = self._master.compile_object(path, clone_number, args)
        if ob is None:
            return None
        if self._objects.get(ob.name) is ob:
            del self._objects[ob.name]
        ob.name = f"{path}#{clone_number}" if clone_number else path
        ob.clone_number = clone_number
        ob.extra["virtual"] = 1
        self._objects[ob.name] = ob
        if self._driver.defines(ob, "virtual_start"):
            self._driver.apply(ob, "virtual_start")
        return ob

    # ------------------------------------------------------------------ changing objects

    def reload(self, ob: LPCObject) -> None:
        """Set an object's variables as they were at first, and call create()."""
        detach(ob)
        ob.__dict__.clear()
        ob.program.initialise(ob)
        if not ob.is_destructed and self._driver.defines(ob, "create"):
            self._driver.apply(ob, "create")

    def recompile(self, ob: LPCObject) -> Program:
        """Compile the file of a blueprint's program again."""
        if ob.clone_number:
            raise LPCError(f"recompile_object: {ob.name} is a clone; only a blueprint can be recompiled.")
        old = ob.program
        running = {id(frame.f_locals.get("self")) for frame in lpc_frames()}
        if any(id(one) in running for one in self._running(old)):
            raise LPCError(f"recompile_object: {ob.name} or a clone of it is currently executing.")
        if self._programs.source_file(old.path) is None:
            raise LPCError(f"recompile_object: there is no file {old.path}.")
        chain, self._compiling = self._compiling, []
        try:
            return self.program(old.path)
        finally:
            self._compiling = chain

    def _running(self, program: Program) -> list[LPCObject]:
        """The objects that run a program."""
        return [ob for ob in self._objects.values() if ob.program is program]

    def swap(self, ob: LPCObject, program: Program) -> int:
        """Put a program into all objects that run `ob`'s; variables keep their values by name. How many it went
        well for."""
        targets = self._running(ob.program)
        stale_pointers(targets)
        replacements = self._driver.state(Replacements)
        updated = []
        for target in targets:
            if target.is_destructed:
                continue
            values = carried(target)
            put_program(target, program)
            target.__dict__.clear()
            try:
                program.initialise(target)
            except LPCError as error:
                self._driver.caught(error)
                continue
            if not target.is_destructed:
                restore(target, values)
                updated.append(target)
        for target in targets:
            replacements.drop(target)
        return sum(not target.is_destructed for target in updated)

    # ------------------------------------------------------------------ destructing

    def on_destruct(self, observer: Callable[[LPCObject], object]) -> None:
        """Call `observer(ob)` for each object that is destructed, while it still is one."""
        self._observers.append(observer)

    def destruct(self, ob: LPCObject) -> None:
        """Destruct an object and what it contains and nothing else wants."""
        if ob.is_destructed:
            return
        if ob.extra.pop(NOTIFY, None):
            try:
                self._driver.apply(ob, "on_destruct")
            except LPCError as error:
                self._driver.caught(error)  # it is going, whatever it thinks of that
            if ob.is_destructed:
                return
        environment = ob.environment
        for item in list(ob.inventory):
            if item.is_destructed or item.environment is not ob:
                continue
            if self._driver.defines(item, "move_or_destruct"):
                self._driver.apply(item, "move_or_destruct", environment if environment is not None else 0)
            if not item.is_destructed and item.environment is ob:
                self.destruct(item)
        if not ob.is_destructed:  # move_or_destruct() may have done it
            self._remove(ob)

    def _remove(self, ob: LPCObject) -> None:
        for observer in self._observers:
            observer(ob)
        if self._objects.get(ob.name) is ob:
            del self._objects[ob.name]
        if ob.environment is not None and ob in ob.environment.inventory:
            ob.environment.inventory.remove(ob)
        ob.environment = None
        ob.former = type(ob)
        ob.__class__ = self._gone
        self._destructed.append(ob)
        self._driver.at_end(self.clean_up)

    def forget(self, ob: LPCObject) -> None:
        """Take an object out of the table without destructing it: its name is free for another."""
        if self._objects.get(ob.name) is ob:
            del self._objects[ob.name]

    def restore(self, ob: LPCObject) -> None:
        """Undo `forget`."""
        self._objects[ob.name] = ob

    def clean_up(self) -> None:
        """Between evaluations: what destructed objects held is let go."""
        gone, self._destructed = self._destructed, []
        for ob in gone:
            ob.__dict__.clear()
            ob.inventory.clear()
            ob.extra.clear()

    def close(self) -> None:
        """Let go of every object; none of their code runs."""
        self.clean_up()
        for ob in self._objects.values():
            ob.__dict__.clear()
            ob.extra.clear()
            ob.inventory.clear()
        self._objects.clear()
        self._observers.clear()
