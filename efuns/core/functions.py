"""Efuns over function values."""

from __future__ import annotations

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.closures import LFUN, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Value, truth


@efun("mixed evaluate(mixed f, mixed arguments...)")
def evaluate(this: LPCObject, f: Value, *arguments: Value) -> Value:
    """What a function gives for some arguments; any other value as it is.

    Example: evaluate((: $1 + $2 :), 1, 2) is 3
    """
    return f.call(this, *arguments) if type(f) is Closure else f


@efun("function bind(function f, object owner)")
def bind(this: LPCObject, f: Closure, owner: LPCObject) -> Closure:
    """The function with another owner, in whose name it will run.

    Only expressions without own functions and globals can be bound, and only if the master's
    valid_bind(binder, old owner, new owner) agrees.

    Example: bind((: this_object() :), master())
    """
    if f.owner is owner:
        return f
    if not f.bindable:
        raise LPCError(
            "Illegal to rebind a pointer to a local function."
            if f.kind == LFUN
            else "Illegal to rebind a functional that references globals or local functions."
        )
    if not truth(this.driver.valid("valid_bind", this, f.owner, owner)):
        raise LPCError("Master object denied permission to bind() function pointer.")
    if owner.is_destructed:  # by valid_bind()
        raise LPCError("bind(): the new owner is destructed.")
    return Closure(owner, f.kind, f.function, f.arity, f.bound, f.text, f.bindable)


@efun("object function_owner(function f)")
def function_owner(f: Closure) -> LPCObject | int:
    """The object that owns a function; 0 if it is gone.

    Example: function_owner((: 1 :)) is this_object()
    """
    return 0 if f.owner.is_destructed else f.owner
