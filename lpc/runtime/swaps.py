"""Putting another program into a living object: replace_program(), recompile_object(), reload_object()."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.shadows import dispatch
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject
    from lpc.runtime.program import Program


def put_program(ob: LPCObject, program: Program) -> None:
    """Let an object run another program from now on; its variables are the caller's to see to."""
    ob.__class__ = program.cls
    dispatch(ob)


def carried(ob: LPCObject) -> dict[str, tuple[str, Value]]:
    """What an object's variables hold: by key, with the name."""
    return {
        variable.key: (name, ob.__dict__[variable.key])
        for program in ob.program.chain for name, variable in program.interface.variables.items()
        if variable.program == program.path and variable.key in ob.__dict__
    }


def restore(ob: LPCObject, values: dict[str, tuple[str, Value]]) -> None:
    """Put carried values back: to the variable of the same file and name, else to one of the same name."""
    by_name = dict(values.values())
    for program in ob.program.chain:
        for name, variable in program.interface.variables.items():
            if variable.program != program.path:
                continue
            if variable.key in values:
                ob.__dict__[variable.key] = values[variable.key][1]
            elif name in by_name:
                ob.__dict__[variable.key] = by_name[name]


def stale_pointers(owners: Iterable[LPCObject]) -> None:
    """Make the function values of objects fail from now on: they were compiled with a program that is gone."""
    gone = set(map(id, owners))
    for value in gc.get_objects():
        if type(value) is Closure and id(value.owner) in gone:
            value.function, value.arity, value.bound = _stale, None, ()
            value.forget()


def _stale(owner: LPCObject, previous: Value, *args: Value) -> Value:
    raise LPCError(f"Function pointer is stale: {owner.name} was recompiled.")


class Replacements:
    """The replace_program() calls of one driver that wait for the end of their evaluation."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._waiting: dict[LPCObject, Program] = {}
        driver.on_destruct(self.drop)

    def ask(self, ob: LPCObject, program: Program) -> None:
        """Replace an object's program by one it inherits, when nothing of it runs any more."""
        self._waiting[ob] = program
        self._driver.at_end(self.carry_out)

    def drop(self, ob: LPCObject) -> None:
        """Forget what was asked for an object."""
        self._waiting.pop(ob, None)

    def carry_out(self) -> None:
        """Replace what was asked for."""
        waiting, self._waiting = self._waiting, {}
        for ob, program in waiting.items():
            if ob.is_destructed or program not in ob.program.chain:
                continue
            ob.extra.setdefault("replaced_program", ob.program.path)
            put_program(ob, program)
            kept = {variable.key for each in program.chain for variable in each.interface.variables.values()}
            for key in ob.__dict__.keys() - kept:
                del ob.__dict__[key]


def inherited_program(ob: LPCObject, path: str) -> Program | None:
    """A program an object inherits, by its file or the file without extension."""
    path = path if path.startswith("/") else f"/{path}"
    return next((program for program in ob.program.chain[:-1]
                 if path in (program.path, program.path.rpartition(".")[0])), None)


