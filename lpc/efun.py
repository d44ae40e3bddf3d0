"""Efuns: plain Python functions declared by an LPC prototype.

    @efun("int strsrch(string text, string | int what, int flag = 0)")
    def strsrch(text: str, what: str | int, flag: int = 0) -> int:
        '''Index of a substring or character, -1 if none; flag -1 searches from the right.'''

The prototype is the compile-time check, the run-time check and the documentation. A first Python
parameter named `this` receives the object whose code called; a second named `previous` receives its
previous_object(). Neither is part of the prototype. Optional parameters need Python defaults.

The compiler calls `function` directly where it has proved the argument types, `checked` otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from lpc.prototype import Prototype, parse_prototype


class Efun:
    """One efun. Calling it calls the Python function."""

    __slots__ = ("name", "prototype", "function", "wants_this", "wants_previous", "aliases", "_checked")

    def __init__(self, prototype: Prototype, function: Callable[..., Any], aliases: tuple[str, ...]) -> None:
        self.name = prototype.name
        self.prototype = prototype
        self.function = function
        # Not inspect.signature(): for every efun at start-up that would be felt.
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        self.wants_this = names[:1] == ("this",)
        self.wants_previous = self.wants_this and names[1:2] == ("previous",)
        self.aliases = aliases
        self._checked: Callable[..., Any] | None = None

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    @property
    def doc(self) -> str:
        """The page: the function's docstring."""
        import inspect  # not at module level: start-up does not need it

        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def checked(self) -> Callable[..., Any]:
        """The function behind its prototype: wrong arguments raise BadArgument before its body starts.

        Same parameters as `function`.
        """
        if self._checked is None:
            from lpc.runtime.binder import bind

            self._checked = bind(self.prototype, self.function, self.wants_this, self.wants_previous)
        return self._checked


def efun(prototype: str, *, aliases: Iterable[str] = ()) -> Callable[[Callable[..., Any]], Efun]:
    """Declare the decorated function as the efun of this prototype (and of the alias names)."""
    parsed = parse_prototype(prototype)
    return lambda function: Efun(parsed, function, tuple(aliases))


def efuns_of(module: ModuleType) -> dict[str, Efun]:
    """The efuns a module declares, by every name they answer to."""
    found = {}
    for value in vars(module).values():
        if isinstance(value, Efun):
            for name in (value.name, *value.aliases):
                found[name] = value
    return found
