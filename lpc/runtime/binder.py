"""Puts the run-time check of an efun's prototype in front of its function.

`bind` writes a small Python function with the same positional parameters: one exact type test for each,
and only a value that fails it goes through `_Check`, which knows the exceptions (undefined and destructed
objects are int 0, an int will do for a float) and raises FluffOS's error. Nothing here is per driver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lpc.errors import BadArgument, LPCError
from lpc.prototype import Parameter, Prototype
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.operators import truncate, type_name
from lpc.runtime.show import show_short
from lpc.runtime.values import Buffer, Mapping, Record, Value, is_destructed
from lpc.types import FLOAT, INT, Type

#: how FluffOS names types in errors, in the order it lists alternatives
_ORDER: Final = ("int", "string", "array", "object", "mapping", "function", "float", "buffer", "class")
_EXACT: Final[dict[str, type]] = {
    "int": int, "string": str, "float": float, "mapping": Mapping, "function": Closure, "buffer": Buffer,
    "class": Record, "array": list,
}
_GENERAL: Final[dict[str, type]] = {**_EXACT, "object": LPCObject}


def bind(prototype: Prototype, function: Callable[..., Any], wants_this: bool,
         wants_previous: bool) -> Callable[..., Any]:
    """A function like `function` that first checks its arguments against the prototype.

    `this` and `previous` (where the function wants them) and defaults pass unchecked. Calling it with too
    few or too many arguments is a Python TypeError: who spreads an array calls `check_count` first.
    """
    leading = ["this", "previous"][: wants_this + wants_previous]
    scope: dict[str, Any] = {"function": function, "type": type, "isinstance": isinstance, "LPCObject": LPCObject}
    scope.update((f"t_{name}", kind) for name, kind in _EXACT.items())
    defaults = _defaults(function, len(leading), len(prototype.parameters))
    parameters, passed, body = list(leading), list(leading), []
    for at, parameter in enumerate(prototype.parameters):
        name = f"a{at}"
        check = _Check(prototype, parameter, at, defaults[at])
        if parameter.rest:
            parameters.append(f"*{name}")
            passed.append(f"*{name}")
            if not check.anything:
                scope[f"check{at}"] = check.all
                body.append(f"    {name} = check{at}({name})")
            continue
        passed.append(name)
        parameters.append(name if defaults[at] is _REQUIRED else f"{name}=default{at}")
        scope[f"default{at}"] = defaults[at]
        scope[f"check{at}"] = check
        if not check.anything:
            body.append(f"    if {check.fails(name)}: {name} = check{at}({name})")
    header = f"def checked({', '.join(parameters)}):"
    source = "\n".join([header, *body, f"    return function({', '.join(passed)})"])
    exec(compile(source, f"<efun {prototype.name}>", "exec"), scope)  # noqa: S102 - names of our own only
    return scope["checked"]  # type: ignore[no-any-return]


_REQUIRED: Final = object()


def _defaults(function: Callable[..., Any], leading: int, count: int) -> list[Any]:
    """The default of each parameter after the leading ones, _REQUIRED where there is none."""
    given = function.__defaults__ or ()
    named = function.__code__.co_argcount - leading
    return [*[_REQUIRED] * (named - len(given)), *given, *[_REQUIRED] * (count - named)]


def check_count(prototype: Prototype, count: int) -> None:
    """LPCError unless the efun can be called with this many arguments."""
    if count < prototype.minimum:
        raise LPCError(f"Too few arguments to EFUN {prototype.name}()")
    if prototype.maximum is not None and count > prototype.maximum:
        raise LPCError(f"Too many arguments to EFUN {prototype.name}()")


class _Check:
    """The slow check of one argument; calling it gives the value the efun shall see."""

    __slots__ = ("name", "number", "types", "names", "anything", "default", "various")

    def __init__(self, prototype: Prototype, parameter: Parameter, at: int, default: Any) -> None:
        self.name = prototype.name
        self.number = at + 1
        self.types = parameter.types
        self.names = tuple(_type_word(kind) for kind in parameter.types)
        self.anything = any(kind.base in ("mixed", "unknown") and not kind.array for kind in parameter.types)
        self.default = default
        # FluffOS has two forms of the error: the second is for efuns that may be called with fewer or more.
        self.various = prototype.maximum is None or any(p.optional and p.default is None for p in prototype.parameters)

    def fails(self, name: str) -> str:
        """The Python condition under which an argument needs the slow check."""
        tests = [
            f"not (isinstance({name}, LPCObject) and not {name}.is_destructed)" if word == "object"
            else f"type({name}) is not t_{word}"
            for word in dict.fromkeys(self.names)
        ]
        return " and ".join(tests)

    def all(self, values: tuple[Value, ...]) -> tuple[Value, ...]:
        """Check everything a `rest...` parameter collected."""
        types = tuple(_EXACT[name] for name in self.names if name != "object")
        return tuple(value if type(value) in types else self(value, at) for at, value in enumerate(values))

    def __call__(self, value: Value, further: int = 0) -> Value:
        if value is self.default:
            return value
        if is_destructed(value):
            value = 0
        for name in self.names:
            if isinstance(value, _GENERAL[name]):
                return value
        if isinstance(value, int) and FLOAT in self.types:
            return float(value)
        if isinstance(value, float) and self.types == (INT,):
            return truncate(value)
        raise BadArgument(self.complaint(value, self.number + further))

    def complaint(self, value: Value, number: int) -> str:
        got = show_short(value)
        if self.various:
            expected = "".join(f"{name}, " for name in self.names)
            return f"Bad argument {number} to EFUN {self.name}()\nExpected: {expected} Got: {type_name(value)}({got})."
        expected = " or ".join(sorted(dict.fromkeys(self.names), key=_ORDER.index))
        return f"Bad argument {number} to {self.name}()\nExpected: {expected} Got: {got}."


def _type_word(kind: Type) -> str:
    return "array" if kind.array else kind.base
