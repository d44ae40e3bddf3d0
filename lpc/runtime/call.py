"""Calls that generated code can not make by itself: by name, into strings and arrays, of function values.

A method of an LPC object has a key: "f/2" (from inside), "->f/2" (call_other), "f@/prog.c/2" (one program's
own definition). The argument count is part of it, so a call is one Python method call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lpc.errors import LPCError
from lpc.runtime.closures import EFUN, FUNCTIONAL, LFUN, SIMUL, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.program import Program, bad_target, method
from lpc.runtime.references import Cell, for_parameters
from lpc.runtime.shadows import SHADOWED, answering, is_chained
from lpc.runtime.show import show
from lpc.runtime.trace import current_object
from lpc.runtime.values import UNDEFINED, Value


class _Members:
    """An array as the target of a call: every object in it is called, the results make an array."""

    __slots__ = ("this", "array")

    def __init__(self, this: LPCObject, array: list[Value]) -> None:
        self.this = this
        self.array = array

    def __getattr__(self, key: str) -> Callable[..., Value]:
        this = self.this

        def call(previous: Value, *args: Value) -> list[Value]:
            results: list[Value] = []
            for item in self.array:
                target = item
                if isinstance(item, str):
                    target = this.driver.load_object(item) or 0
                if not isinstance(target, LPCObject) or target.is_destructed:
                    results.append(UNDEFINED)
                elif any(isinstance(arg, Cell) for arg in args):
                    results.append(reference_call(target, key.rpartition("/")[0], previous, *args))
                else:
                    results.append(method(target, key)(previous, *args))
            return results

        return call


class _Bad:
    """A target that can not be called: the error comes after the arguments were evaluated, as in LPC."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __getattr__(self, key: str) -> Callable[..., Value]:
        def call(*args: Value) -> Value:
            raise bad_target(self.value)

        return call


class _Silent:
    """What a destructed object calls by a path: its running code goes on, but reaches nobody."""

    __slots__ = ()

    def __getattr__(self, key: str) -> Callable[..., Value]:
        return lambda *args: UNDEFINED


def call_target(this: LPCObject, value: Value) -> Any:
    """What `value->f()` calls where value is no object: a path is loaded, an array calls its members."""
    if this.is_destructed:
        return _Silent()
    if isinstance(value, str):
        found = this.driver.load_object(value)
        if found is None:
            raise LPCError(f"call_other() couldn't find object '{value}'.")
        return found
    return _Members(this, value) if type(value) is list else _Bad(value)


class _Late:
    """A target that a loop calls and that was no object before it: looked at again at each call."""

    __slots__ = ("this", "value")

    def __init__(self, this: LPCObject, value: Value) -> None:
        self.this = this
        self.value = value

    def __getattr__(self, key: str) -> Callable[..., Value]:
        return method(call_target(self.this, self.value), key)


late_target = _Late


def call_other(this: LPCObject, target: Value, function: Value, *args: Value) -> Value:
    """call_other(): function is a name, or ({ name, arguments… })."""
    if type(function) is list and function and isinstance(function[0], str):
        args = (*function[1:], *args)
        function = function[0]
    if not isinstance(function, str):
        raise LPCError(f"Bad argument 2 to call_other()\nExpected: string or array Got: {show(function)}.")
    found = target if isinstance(target, LPCObject) else call_target(this, target)
    return method(found, f"->{function}/{len(args)}")(this, *args)


def apply(ob: LPCObject, function: str, *args: Value) -> Value:
    """Call a function of an object whatever its visibility; UNDEFINED where it has none.

    It sees the object whose code runs now as previous_object().
    """
    return called_as(current_object(), ob, function, args)


def called_as(previous: Value, ob: LPCObject, function: str, args: tuple[Value, ...]) -> Value:
    """As apply(), with `previous` as previous_object()."""
    if ob.is_destructed:
        return UNDEFINED
    if SHADOWED in ob.extra:
        ob = answering(ob, function)
    if function not in ob.program.methods:
        return UNDEFINED
    return method(ob, f"{function}/{len(args)}")(previous, *args)


def defines(ob: LPCObject, function: str) -> bool:
    """Whether an object has a function, whatever its visibility."""
    if not ob.is_destructed and SHADOWED in ob.extra:
        ob = answering(ob, function)
    return not ob.is_destructed and function in ob.program.methods


def spread_call(target: Any, key: str, *args: Value) -> Value:
    """A call whose argument count is known only now; the first argument is the caller (or `previous`)."""
    return method(target, f"{key}/{len(args) - 1}")(*args)


def reference_call(target: Any, key: str, *args: Value) -> Value:
    """A call with `ref` arguments; the first argument is the caller (or `previous`)."""
    caller, *given = args
    if isinstance(target, LPCObject):
        # Who answers in a chain of shadows is not known here: they all get values.
        known = not target.is_destructed and not is_chained(target)
        definition = _definition(target.program, key.removeprefix("->")) if known else None
        given = list(for_parameters(definition, 0, tuple(given)))
    return method(target, f"{key}/{len(given)}")(caller, *given)


def _definition(program: Program, key: str) -> Callable[..., Value] | None:
    """The compiled function behind a key, without its argument count."""
    name, _, path = key.partition("@")
    if path:
        return next(each.own[name].function for each in program.chain if each.path == path)
    found = program.methods.get(name)
    return None if found is None else found.function


def reference_value(function: Value, this: LPCObject, *args: Value) -> Value:
    """`call_value` with `ref` arguments."""
    if type(function) is not Closure:
        return function
    return call_value(function, this, *for_parameters(function.function, len(function.bound), args))


def spread_efun(function: Callable[..., Value], name: str, minimum: int, maximum: int, first: tuple[Any, ...],
                *args: Value) -> Value:
    """A call of an efun whose argument count is known only now (maximum -1: no limit)."""
    if len(args) < minimum:
        raise LPCError(f"Too few arguments to {name}().")
    if 0 <= maximum < len(args):
        args = args[:maximum]
    return function(*first, *args)


def named_function(this: LPCObject, name: str, extra: tuple[Value, ...], argc: int,
                   ) -> tuple[Callable[..., Value], LPCObject, tuple[Value, ...]]:
    """map(x, "name", ob, …): the function of an object (this_object() if none is given) by name."""
    owner: Value = this
    if extra:
        owner, extra = extra[0], extra[1:]
        if isinstance(owner, str):
            owner = this.driver.load_object(owner)
        elif isinstance(owner, int) and owner == 0:
            owner = this
    if not isinstance(owner, LPCObject) or owner.is_destructed:
        raise LPCError(f"Bad argument: no object to call '{name}' in.")
    key = f"{name}/{argc + len(extra)}" if owner is this else f"->{name}/{argc + len(extra)}"
    if owner is this and name not in owner.program.methods:
        return (lambda owner, previous, *args: UNDEFINED), owner, extra
    bound = method(owner, key)
    return (lambda owner, previous, *args: bound(previous, *args)), owner, extra


class Callback:
    """A function to be called later by the driver: a name in `owner`, or a closure.

    `run(*args)` is a plain call inside an evaluation; from the event loop use `driver.enter(callback.run, …)`, or
    `driver.enter(callback.entry(n), 0, …)` where it happens all the time.
    """

    __slots__ = ("owner", "target", "bound", "_class", "_count", "_entry")

    def __init__(self, owner: LPCObject, target: str | Closure, bound: tuple[Value, ...] = ()) -> None:
        self.owner = owner
        self.target = target
        self.bound = bound
        self._class: type[LPCObject] | None = None  # the owner's when _entry was looked up
        self._count = -1
        self._entry: Callable[..., Value] | None = None

    @property
    def alive(self) -> bool:
        """Whether there is still somebody to call."""
        owner = self.owner if isinstance(self.target, str) else self.target.owner
        return not owner.is_destructed

    def run(self, *args: Value) -> Value:
        """Call it, with no previous_object(); UNDEFINED where the owner has no such function or is gone."""
        if self.bound:
            args = (*args, *self.bound)
        entry = self.entry(len(args))
        return UNDEFINED if entry is None else entry(0, *args)

    def entry(self, count: int) -> Callable[..., Value] | None:
        """What to call as entry(previous_object, *args), with `count` arguments (the bound ones among them); None
        where the owner has no such function or is gone."""
        if self.owner.__class__ is self._class and count == self._count:
            return self._entry
        target, owner = self.target, self.owner
        if not isinstance(target, str):
            return None if target.owner.is_destructed else target.call
        if owner.is_destructed:
            return None
        answers = answering(owner, target) if SHADOWED in owner.extra else owner
        if target not in answers.program.methods:
            return None
        found = method(answers, f"{target}/{count}")
        if owner.__class__ is owner.program.cls:  # no shadows: it stays so while the class is the same
            self._class, self._count, self._entry = owner.__class__, count, found
        return found


def function_of(this: LPCObject, function: str | Closure, extra: tuple[Value, ...], argc: int,
                ) -> tuple[Callable[..., Value], LPCObject, tuple[Value, ...]]:
    """What map(), filter(), sort_array() … call: (function, owner, extra arguments).

    `function` is a closure, or a name, then the first of `extra` says the object (or its path) it is in.
    Call the result as function(owner, this, element, *extra), argc counting everything after `this`.
    """
    if isinstance(function, Closure):
        prepared, owner = function.prepare(argc + len(extra))
        return prepared, owner, extra
    return named_function(this, function, extra, argc)


# -------------------------------------------------------------------------------------- function values


def call_value(function: Value, this: LPCObject, *args: Value) -> Value:
    """`evaluate(f, …)`, `(*f)(…)`: anything but a function is its own value."""
    if type(function) is not Closure:
        return function
    called, owner = function.prepare(len(args))
    return called(owner, this, *args)


def functional(owner: LPCObject, function: Callable[..., Value], arity: int, text: str, bindable: int) -> Closure:
    """`(: expression :)` or `function (…) { … }`."""
    return Closure(owner, FUNCTIONAL, function, arity, (), text, bool(bindable))


def lfun_pointer(owner: LPCObject, name: str, key: str, arity: int, bound: tuple[Value, ...]) -> Closure:
    """`(: f, … :)` of the object's own function, found again at each call: shadowing and replacing count."""
    declared = type(owner).__dict__.get(f"{key}/{arity}")
    method_of = owner.program.methods.get(name)
    if not bound and declared is not None and method_of is not None and not method_of.defaults:
        return Closure(owner, LFUN, declared, arity, (), name, False)

    def call(owner: LPCObject, previous: Value, *args: Value) -> Value:
        return method(owner, f"{key}/{len(args)}")(previous, *args)

    return Closure(owner, LFUN, call, None, bound, name, False)


def simul_pointer(owner: LPCObject, name: str, bound: tuple[Value, ...]) -> Closure:
    """`(: f, … :)` of a simul_efun."""

    def call(owner: LPCObject, previous: Value, *args: Value) -> Value:
        library = owner.driver.simul_efun()
        if library is None:
            raise LPCError(f"Undefined function called: {name}")
        return method(library, f"->{name}/{len(args)}")(owner, *args)

    return Closure(owner, SIMUL, call, None, bound, name)


def efun_pointer(owner: LPCObject, efun: Any, name: str, bound: tuple[Value, ...]) -> Closure:
    """`(: f, … :)` of an efun; `efun` is the lpc.efun.Efun."""
    function = efun.checked
    wants_this, wants_previous = efun.wants_this, efun.wants_previous
    minimum, maximum = efun.prototype.minimum, efun.prototype.maximum

    def call(owner: LPCObject, previous: Value, *args: Value) -> Value:
        owner.driver.budget.check()
        first = (owner, previous) if wants_previous else (owner,) if wants_this else ()
        return spread_efun(function, name, minimum, -1 if maximum is None else maximum, first, *args)

    return Closure(owner, EFUN, call, None, bound, name)
