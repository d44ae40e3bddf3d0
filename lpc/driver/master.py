"""The master object as the driver talks to it: one typed method per apply (lpc.driver.applies).

A missing master or apply gives what the table says. Before the master is loaded nothing is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.errors import LPCError
from lpc.runtime.call import Callback
from lpc.runtime.trace import current_object
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject


class Master:
    """The applies of one driver's master object."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._asked: dict[str, Callback] = {}

    def ask(self, apply: str, *args: Value, by: LPCObject | None = None) -> Value:
        """The apply's answer; 1 before there is a master, UNDEFINED where it has no such function.

        `by` is who asks, the object whose code runs, where that is known. An answer of undefined 0 is a plain 0
        here: a function that answers is not a missing one.
        """
        master = self._host.master()
        if master is None:
            return 1
        asked = self._asked.get(apply)
        if asked is None or asked.owner is not master:
            asked = self._asked[apply] = Callback(master, apply)
        entry = asked.entry(len(args))
        if entry is None:
            return UNDEFINED
        answer = entry(current_object() if by is None else by, *args)
        return 0 if answer is UNDEFINED else answer

    def tell(self, apply: str, *args: Value) -> Value:
        """Call an apply that is no question; None without a master or where it is missing."""
        master = self._host.master()
        if master is None or not self._host.defines(master, apply):
            return None
        return self._host.apply(master, apply, *args)

    def valid_object(self, ob: LPCObject) -> bool:
        """Whether a new object may exist."""
        answer = self.ask("valid_object", ob)
        return answer is UNDEFINED or bool(answer != 0)

    def valid_override(self, file: str, efun: str, main_file: str) -> bool:
        """Whether `file` may call efun::`efun` past the simul_efun of that name."""
        return bool(self.ask("valid_override", file, efun, main_file) != 0)

    def log_error(self, file: str, message: str) -> None:
        """A compile error or warning."""
        self.tell("log_error", file, message)

    def include_path(self, path: str, configured: tuple[str, ...]) -> tuple[str, ...]:
        """Folders to search for `path`'s includes."""
        answer = self.tell("get_include_path", path)
        if type(answer) is not list:
            return configured
        folders: list[str] = []
        for entry in answer:
            if entry == ":DEFAULT:":
                folders.extend(configured)
            elif isinstance(entry, str):
                folders.append(entry)
        return tuple(folders) or configured

    def include_file(self, compiled: str, source: str, name: str) -> str | list[Value] | None:
        """What to include in place of `name`: another path, or lines of text; None to refuse."""
        return self._translated("include_file", name, compiled, source, name)

    def inherit_program(self, heir: str, path: str, private: bool) -> str | list[Value] | None:
        """What to inherit in place of `path`: another path, or lines of source; None to refuse."""
        return self._translated("inherit_program", path, heir, path, int(private))

    def _translated(self, apply: str, unchanged: str, *args: Value) -> str | list[Value] | None:
        try:
            answer = self.ask(apply, *args)
        except LPCError as error:
            self._host.log(f"error in the master's {apply}: {error}")
            return unchanged
        if self._host.master() is None or answer is UNDEFINED:
            return unchanged
        return answer if isinstance(answer, str) or type(answer) is list else None

    def epilog(self, load_empty: int) -> list[str]:
        """What to preload."""
        answer = self.tell("epilog", load_empty)
        return [name for name in answer if isinstance(name, str)] if type(answer) is list else []

    def compile_object(self, path: str, clone: int, args: tuple[Value, ...]) -> LPCObject | None:
        """The virtual object for a path without a source file."""
        # Plain loads pass the path alone, as mudlibs written for one argument expect.
        answer = self.tell("compile_object", path, 1, *args) if clone else self.tell("compile_object", path)
        from lpc.runtime.objects import LPCObject

        return answer if isinstance(answer, LPCObject) and not answer.is_destructed else None

    def creator_file(self, path: str) -> Value:
        """The user id of a new object; None where the mudlib has no user ids."""
        return self.tell("creator_file", path)

    def privs_file(self, path: str) -> Value:
        """The privileges of a new object; None where the mudlib has none."""
        return self.tell("privs_file", path)
