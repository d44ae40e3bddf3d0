"""Efuns over how objects change and end: other programs, resets, clean-ups, and what runs when a function returns."""

from __future__ import annotations

import sys
from math import inf
from types import FrameType
from typing import TYPE_CHECKING, Any

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.shadows import is_chained
from lpc.runtime.swaps import Replacements, inherited_program
from lpc.runtime.upkeep import CLEAN_UP_DUE, RESET_DUE
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

_NOTIFY = "notify_destruct"  # as lpc.driver.loader has it


# ------------------------------------------------------------------------------------------------- programs


@efun("void replace_program(string path)")
def replace_program(this: LPCObject, path: str) -> int:
    """Let this object be one of a program it inherits, once nothing of it runs any more: it keeps that program's
    variables, and the rest of it goes.

    Example: replace_program("/std/room")
    """
    program = inherited_program(this, path)
    if program is None:
        raise LPCError(f"program to replace the current with has to be inherited: {path}")
    this.driver.state(Replacements).ask(this, program)
    return 0


@efun("string query_replaced_program(object ob = this_object())")
def query_replaced_program(this: LPCObject, ob: LPCObject | None = None) -> Value:
    """The file of the program an object had before replace_program(), 0 if that was never done.

    Example: query_replaced_program() is 0
    """
    return (this if ob is None else ob).extra.get("replaced_program", 0)


@efun("int replaceable(object ob, void | string *except)")
def replaceable(ob: LPCObject, ignored: list[Value] | None = None) -> int:
    """Whether replace_program() would lose nothing: the file of the object inherits and defines no function but
    create() and those named.

    Example: replaceable(this_object(), ({ "setup" }))
    """
    kept = {"create", *filter(lambda name: isinstance(name, str), ignored or [])}
    return int(bool(ob.program.parents) and not ob.program.own.keys() - kept)


@efun("int recompile_object(object blueprint)")
def recompile_object(this: LPCObject, blueprint: LPCObject) -> int:
    """Compile the file of a blueprint again and let it and its clones run the new program; how many objects that were.

    Variables keep their values by name; new ones get their initial ones. Function values made before fail from
    then on. Nothing of the program may be running.

    Example: recompile_object(find_object("/std/room"))
    """
    return this.driver.recompile(blueprint)


@efun("void reload_object(object ob)")
def reload_object(this: LPCObject, ob: LPCObject) -> int:
    """Set an object's variables as they were at first and call create() in it; heart beat, call_outs and shadows go.

    Example: reload_object(this_object())
    """
    this.driver.reload(ob)
    return 0


@efun("int test_load(string path)")
def test_load(this: LPCObject, path: str) -> int:
    """Whether there is a file of an object, and it compiles. A file that does not compile is an error.

    Example: test_load("/std/room")
    """
    return int(this.driver.compiles(path))


# ------------------------------------------------------------------------------------- resets and clean-ups


@efun("void set_notify_destruct(int wanted)")
def set_notify_destruct(this: LPCObject, wanted: int) -> int:
    """Ask for on_destruct() to be called in this object before it is destructed (1), or not (0).

    Example: set_notify_destruct(1)
    """
    this.extra[_NOTIFY] = int(wanted != 0)
    return 0


@efun("int query_notify_destruct(object ob = this_object())")
def query_notify_destruct(this: LPCObject, ob: LPCObject | None = None) -> int:
    """Whether an object asked for on_destruct().

    Example: query_notify_destruct() is 0
    """
    return int(bool((this if ob is None else ob).extra.get(_NOTIFY)))


@efun("void set_reset(object ob, void | int seconds)")
def set_reset(this: LPCObject, ob: LPCObject, seconds: int | None = None) -> int:
    """Set when an object's reset() is called next; without a time, as the driver sees fit.

    Example: set_reset(this_object(), 60)
    """
    _due(this, ob, RESET_DUE, seconds)
    return 0


@efun("void set_clean_up(object ob, void | int seconds)")
def set_clean_up(this: LPCObject, ob: LPCObject, seconds: int | None = None) -> int:
    """Set when an object that nobody calls is asked to clean_up(); without a time, as the driver sees fit.

    Example: set_clean_up(this_object(), 3600)
    """
    _due(this, ob, CLEAN_UP_DUE, seconds)
    return 0


def _due(this: LPCObject, ob: LPCObject, key: str, seconds: int | None) -> None:
    if seconds is None:
        ob.extra.pop(key, None)
    else:
        ob.extra[key] = this.driver.clock.monotonic() + max(0, seconds)


@efun("int request_clean_up(object ob = this_object())")
def request_clean_up(this: LPCObject, ob: LPCObject | None = None) -> int:
    """Have an object asked to clean_up() again that had refused for good; 1 if it has that function.

    Example: request_clean_up(this_object())
    """
    ob = this if ob is None else ob
    if not this.driver.defines(ob, "clean_up"):
        return 0
    if ob.extra.get(CLEAN_UP_DUE) == inf:
        del ob.extra[CLEAN_UP_DUE]
    return 1


@efun("object *get_garbage()")
def get_garbage(this: LPCObject) -> list[Value]:
    """Clones that are nowhere, hold nothing and take part in no shadows.

    Example: sizeof(get_garbage())
    """
    found: list[Value] = [ob for ob in this.driver.objects()
                          if ob.clone_number and ob.environment is None and not ob.inventory and not is_chained(ob)]
    return found[: this.driver.limits.array_size]


@efun("int reclaim_objects()")
def reclaim_objects() -> int:
    """Forget references to destructed objects: done by itself here, so there are 0 to forget.

    Example: reclaim_objects() is 0
    """
    return 0


# ----------------------------------------------------------------------------------------------------- defer


class _Deferred:
    """The functions one driver's running functions have deferred, by Python frame.

    A frame is watched by a trace function until it returns, by an error too; tracing is off when nobody waits.
    """

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._waiting: dict[FrameType, list[tuple[Closure, LPCObject | int]]] = {}
        self._former: Any = None

    def add(self, frame: FrameType, function: Closure) -> None:
        """Run a function when a frame returns, before those that wait already."""
        if not self._waiting:
            self._former = sys.gettrace()
            sys.settrace(_no_trace)
        self._waiting.setdefault(frame, []).append((function, self._driver.this_player))
        frame.f_trace = self._trace

    def _trace(self, frame: FrameType, event: str, value: Any) -> Any:
        if event != "return":
            return self._trace
        waiting = self._waiting.pop(frame, [])
        if not self._waiting:
            sys.settrace(self._former)
        player = self._driver.this_player
        for function, at_the_time in reversed(waiting):
            self._driver.this_player = at_the_time
            try:
                function.call(frame.f_locals["self"])
            except LPCError as error:
                self._driver.caught(error)
        self._driver.this_player = player
        return None


def _no_trace(frame: FrameType, event: str, value: Any) -> None:
    """New frames are of no interest."""


@efun("void defer(function f)")
def defer(this: LPCObject, function: Closure) -> int:
    """Call a function when the function that runs now returns, even by an error; the last one deferred is the first
    one called.

    Example: defer((: write, "done\\n" :))
    """
    from lpc.runtime.trace import lpc_frames

    this.driver.state(_Deferred).add(next(lpc_frames()), function)
    return 0
