"""The names in sight while one function body is checked.

One `FunctionContext` per function, anonymous function, and for the initialisers (and a script's body).
A local leaves its block's end; its slot stays (one `Local` per declaration, never shared). A name can be
declared once in nested blocks, so a plain dict holds what is visible and leaving a block deletes from it.
"""

from __future__ import annotations

from lpc.analysis.symbols import FunctionScope, Local
from lpc.source import Position
from lpc.types import Type

MAX_LOCALS = 255


class FunctionContext:
    """The state of checking one function body.

    `returns` is the declared type (None where none was written), `typed` whether types are checked.
    `functional` counts the functionals between here and the body; `in_loop`, `in_switch`, `in_catch` say
    what `break` and `continue` would leave. `unresolved` are the names already reported. In a `damaged` body
    the parser left something out, so that what looks unused may not be.
    """

    __slots__ = ("scope", "names", "visible", "returns", "typed", "functional", "in_loop", "in_switch", "in_catch",
                 "unresolved", "damaged", "enclosing")

    def __init__(self, returns: Type | None, *, typed: bool, damaged: bool = False,
                 enclosing: FunctionContext | None = None) -> None:
        self.scope = FunctionScope()
        self.names: dict[str, Local] = {}
        self.visible: list[Local] = []
        self.returns = returns
        self.typed = typed
        self.functional = 0
        self.in_loop = False
        self.in_switch = False
        self.in_catch = False
        self.unresolved: set[str] = set()
        self.damaged = damaged
        self.enclosing = enclosing

    def declare(self, name: str, type: Type, at: Position, *, is_parameter: bool = False, is_ref: bool = False,
                used: bool = False) -> Local:
        """A new local, visible from here to the end of the block that `leave` closes."""
        local = Local(name, type, len(self.scope.locals), at, is_parameter, is_ref, used)
        self.scope.locals.append(local)
        if is_parameter:
            self.scope.parameters.append(local)
        if name not in self.names:
            self.names[name] = local
            self.visible.append(local)
        return local

    def leave(self, mark: int) -> list[Local]:
        """Take all locals declared since `len(visible)` was `mark` out of sight; they are returned."""
        gone = self.visible[mark:]
        del self.visible[mark:]
        for local in gone:
            del self.names[local.name]
        return gone

    def hidden_local(self, name: str) -> Local | None:
        """A local of this name in a function around this anonymous one, which cannot be used here."""
        context = self.enclosing
        while context is not None:
            if name in context.names:
                return context.names[name]
            context = context.enclosing
        return None
