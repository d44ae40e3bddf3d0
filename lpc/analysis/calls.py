"""Calls and function pointers: what the name means, whether the arguments fit.

A name in call position is a function of the program, else a simul_efun, an efun, or a variable of type
function. Unknown names are errors in typed functions and looked up at run time in untyped ones. Calls of
simul_efuns are not checked, as in FluffOS; efuns always have their number of arguments checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.analysis import codes
from lpc.analysis.compatibility import compatible, versus
from lpc.analysis.dispatch import EXPRESSIONS, expression
from lpc.analysis.resolve import find_inherited
from lpc.analysis.symbols import (
    EfunSymbol,
    Global,
    InheritedFunction,
    OwnFunction,
    SimulEfun,
    Symbol,
    UndefinedFunction,
)
from lpc.diagnostics import Note
from lpc.efun import Efun
from lpc.runtime.interface import FunctionInfo
from lpc.syntax.nodes import (
    Call,
    CallOther,
    CallValue,
    Expression,
    FunctionPointer,
    IntLiteral,
    New,
    RefArgument,
    Spread,
)
from lpc.types import FLOAT, FUNCTION, INT, MIXED, UNKNOWN, Type, spell

if TYPE_CHECKING:
    from lpc.analysis.check import Checker


@expression(Call)
def call(checker: Checker, node: Call) -> Type:
    """`name(args)`, `::name(args)`, `efun::name(args)`, `program::name(args)`"""
    types = checker.types
    args = node.args
    for argument in args:
        types[argument] = EXPRESSIONS[type(argument)](checker, argument)
    if node.qualifier is None:
        found = checker.callable(node.name)
        if found is None:
            return _call_variable(checker, node)
        checker.symbols[node] = found
        if type(found) is OwnFunction:
            if node.name in checker.program.histories:
                return _check_call(checker, node, checker.program.signature(node.name, checker.order))
            return _check_call(checker, node, found.function)
        if type(found) is EfunSymbol:
            return _check_efun(checker, node, args, found.efun, node.name)
        if type(found) is SimulEfun:
            return found.function.type or UNKNOWN
        return MIXED
    if node.qualifier == "efun":
        efun = _efun_override(checker, node)
        return MIXED if efun is None else _check_efun(checker, node, args, efun, node.name)
    return _call_inherited(checker, node, node.qualifier)


# ----------------------------------------------------------------------------------------- what a name means


def _call_variable(checker: Checker, node: Call) -> Type:
    """A call of what is no function: a variable of type function, or something unknown."""
    word = node.name
    local = checker.context.names.get(word)
    if local is not None and local.type == FUNCTION:
        local.used = True
        checker.symbols[node] = local
        if checker.context.functional:
            checker.local_in_functional(node, local)
        return MIXED
    variable = checker.globals.get(word)
    if variable is not None and variable.variable.type == FUNCTION:
        checker.symbols[node] = variable
        return MIXED
    checker.symbols[node] = UndefinedFunction(word)
    if word in checker.program.private_functions:
        checker.error_at(codes.PRIVATE, f"Illegal to call inherited private function '{word}'", node.name_at, word)
    elif checker.context.typed and not checker.program.incomplete:
        _undefined_function(checker, node, is_variable=local is not None or variable is not None)
    return MIXED


def _undefined_function(checker: Checker, node: Call, *, is_variable: bool) -> None:
    word = node.name
    notes: list[Note] = []
    if is_variable:
        hint: str | None = f"'{word}' is a variable: write (*{word})(…) to call the function in it"
    else:
        near = checker.suggest(word, checker.callable_names())
        hint = near and f"did you mean '{near}'?"
        notes = checker.program.note("function", near) if near else []
    checker.error_at(codes.UNDEFINED_FUNCTION, f"Undefined function {word}", node.name_at, word, hint=hint, notes=notes)


def _efun_override(checker: Checker, node: Call | FunctionPointer) -> Efun | None:
    """The efun that `efun::name` asks for, if there is one and the master allows it."""
    efun = checker.environment.efuns.get(node.name)
    if efun is None:
        near = checker.suggest(node.name, checker.environment.efuns)
        checker.error_at(codes.UNKNOWN_EFUN, f"Unknown efun: {node.name}", node.name_at, node.name,
                         hint=near and f"did you mean '{near}'?")
    elif not checker.may_override(node.name, node):
        checker.error_at(codes.OVERRIDE_DENIED, "Invalid simulated efunction override", node.name_at, node.name)
    else:
        checker.symbols[node] = EfunSymbol(efun)
        return efun
    return None


def _call_inherited(checker: Checker, node: Call, qualifier: str) -> Type:
    interface = checker.program.interface
    found = find_inherited(interface, qualifier, node.name)
    if found is None:
        if not checker.program.incomplete:
            where = f" in file '{qualifier}'" if qualifier else ""
            notes = [Note(f"looked at {parent.path}") for parent, _ in interface.inherits]
            checker.error_at(codes.NOT_INHERITED, f"Unable to find the inherited function '{node.name}'{where}.",
                             node.name_at, node.name, notes=notes or [Note("this program inherits nothing")])
        return MIXED
    if found.private:
        checker.error_at(codes.PRIVATE, "Called function is private.", node.name_at, node.name,
                         notes=[Note(f"'{node.name}' is declared in {found.function.program}")])
        return MIXED
    checker.symbols[node] = InheritedFunction(found.function, found.inherit)
    _check_refs(checker, node, found.function)
    return found.function.type or UNKNOWN


# ------------------------------------------------------------------------------------------ do arguments fit


def _check_call(checker: Checker, node: Call, function: FunctionInfo) -> Type:
    """Arguments of a call to a function of this program, against its declaration."""
    # Functions without a declared return type were compiled unchecked: they promise nothing.
    if checker.context.typed and function.type is not None and _check_count(checker, node, function):
        _check_types(checker, node, function)
    if node.args:
        _check_refs(checker, node, checker.program.interface.functions[node.name])
    return function.type or UNKNOWN


def _check_count(checker: Checker, node: Call, function: FunctionInfo) -> bool:
    args = node.args
    if function.rest or "varargs" in function.modifiers:
        return True
    for argument in args:
        if type(argument) is Spread:
            checker.error(codes.ARGUMENT_COUNT, "Illegal to pass a variable number of arguments to non-varargs "
                          f"function '{function.name}'.", argument, notes=checker.function_note(function))
            return False
    minimum = len(function.parameters)
    if len(args) < minimum:
        minimum = function.minimum
        if len(args) < minimum and not checker.is_damaged(node):
            checker.error_at(codes.ARGUMENT_COUNT, f"Wrong number of arguments to '{function.name}', expected: "
                             f"{len(function.parameters)}, minimum: {minimum}, got: {len(args)}.", node.name_at,
                             node.name, notes=checker.function_note(function))
            return False
    return True


def _check_types(checker: Checker, node: Call, function: FunctionInfo) -> None:
    types = checker.types
    last = len(function.parameters) - 1 if function.rest else -1
    for number, (argument, parameter) in enumerate(zip(node.args, function.parameters, strict=False)):
        # What the rest parameter collects has no declared type, and behind `x...` nothing is known.
        if number == last or type(argument) is Spread:
            return
        given = types[argument]
        if given is not parameter.type and not compatible(given, parameter.type):
            checker.error(codes.ARGUMENT_TYPE, f"Bad type for argument {number + 1} of {function.name} "
                          f"{versus(parameter.type, given)}", argument, notes=checker.function_note(function))


def _check_refs(checker: Checker, node: Call, function: FunctionInfo) -> None:
    """`ref` is written on both sides or on neither."""
    for argument, parameter in zip(node.args, function.parameters, strict=False):
        if type(argument) is Spread:
            return
        if (type(argument) is RefArgument) is not parameter.ref:
            hint = (f"write 'ref': '{parameter.name}' is a reference" if parameter.ref
                    else f"'{parameter.name or 'the parameter'}' is not declared as a reference")
            checker.error(codes.ILLEGAL_REF, "Illegal use of ref", argument, hint=hint,
                          notes=checker.function_note(function))


def _check_efun(checker: Checker, node: Call | New, args: tuple[Expression, ...], efun: Efun, name: str) -> Type:
    """Arguments of an efun call, against its prototype."""
    shape = checker.efun_shape(efun)
    count = len(args)
    if shape.maximum is not None:
        for argument in args:
            if type(argument) is Spread:
                checker.error(codes.ARGUMENT_COUNT, "Illegal to pass variable number of arguments to non-varargs efun "
                              f"'{name}'.", argument, notes=_prototype_note(efun))
                return MIXED
        if count > shape.maximum:
            checker.diagnostics.error(codes.ARGUMENT_COUNT, f"Too many arguments to '{name}'.",
                                      args[shape.maximum].start, args[-1].end, notes=_prototype_note(efun))
            return MIXED
    if count < shape.minimum and sum(type(argument) is not Spread for argument in args) < shape.minimum \
            and not checker.is_damaged(node):
        at = node.name_at if isinstance(node, Call) else node.start
        checker.error_at(codes.ARGUMENT_COUNT, f"Too few arguments to '{name}'.", at, name,
                         notes=_prototype_note(efun))
        return MIXED
    if shape.maximum is not None:
        _check_efun_types(checker, args, efun, name, shape.types)
    return efun.prototype.returns


def _check_efun_types(checker: Checker, args: tuple[Expression, ...], efun: Efun, name: str,
                      accepted: tuple[tuple[Type, ...], ...]) -> None:
    types = checker.types
    typed = checker.context.typed
    for number, (argument, wanted) in enumerate(zip(args, accepted, strict=False)):
        given = types[argument]
        if given in wanted or MIXED in wanted:
            continue
        if given == INT or type(argument) is IntLiteral:
            if FLOAT in wanted and INT not in wanted:
                checker.conversions[argument] = FLOAT
        elif given == FLOAT and INT in wanted:
            checker.conversions[argument] = INT
        if typed and given != MIXED and not any(compatible(given, one) for one in wanted):
            checker.error(codes.ARGUMENT_TYPE, f"Bad argument {number + 1} to efun {name}()", argument,
                          hint=f"expected {spell(wanted)}, got {given}", notes=_prototype_note(efun))


def _prototype_note(efun: Efun) -> list[Note]:
    return [Note(f"declared as {efun.prototype.text}")]


# ----------------------------------------------------------------------------------------------- other calls


@expression(CallOther)
def call_other(checker: Checker, node: CallOther) -> Type:
    """`base->name(args)`: a simul_efun named call_other takes it over."""
    types = checker.types
    types[node.base] = EXPRESSIONS[type(node.base)](checker, node.base)
    for argument in node.args:
        types[argument] = EXPRESSIONS[type(argument)](checker, argument)
    simul = checker.environment.simul_efuns.get("call_other")
    if simul is None:
        return MIXED
    checker.symbols[node] = SimulEfun("call_other", simul)
    return simul.type or UNKNOWN


@expression(CallValue)
def call_value(checker: Checker, node: CallValue) -> Type:
    """`(*f)(args)`, `base[key](args)`"""
    types = checker.types
    types[node.function] = EXPRESSIONS[type(node.function)](checker, node.function)
    for argument in node.args:
        types[argument] = EXPRESSIONS[type(argument)](checker, argument)
    return MIXED


@expression(New)
def new(checker: Checker, node: New) -> Type:
    """`new(path, args…)`: clone_object under another name, simul_efun included."""
    types = checker.types
    for argument in node.args:
        types[argument] = EXPRESSIONS[type(argument)](checker, argument)
    simul = checker.environment.simul_efuns.get("clone_object")
    if simul is not None:
        checker.symbols[node] = SimulEfun("clone_object", simul)
        return simul.type or UNKNOWN
    efun = checker.environment.efuns.get("clone_object")
    if efun is not None:
        checker.symbols[node] = EfunSymbol(efun)
        _check_efun(checker, node, node.args, efun, "clone_object")
    return MIXED


# ------------------------------------------------------------------------------------------ function pointers


@expression(FunctionPointer)
def function_pointer(checker: Checker, node: FunctionPointer) -> Type:
    """`(: name, args… :)`"""
    types = checker.types
    for argument in node.args:
        types[argument] = EXPRESSIONS[type(argument)](checker, argument)
    if node.qualifier is not None:
        efun = _efun_override(checker, node)
        if efun is None:
            return MIXED
        _check_bound(checker, node, efun)
        return FUNCTION
    found = _pointer_target(checker, node)
    if found is None:
        return MIXED
    checker.symbols[node] = found
    if type(found) is EfunSymbol:
        _check_bound(checker, node, found.efun)
    elif type(found) is Global and node.args:
        checker.diagnostics.error(codes.ARGUMENT_COUNT, "Can't give parameters to functional.", node.args[0].start,
                                  node.args[-1].end, hint=f"'{node.name}' is a variable")
    return FUNCTION


def _pointer_target(checker: Checker, node: FunctionPointer) -> Symbol | None:
    word = node.name
    local = checker.context.names.get(word)
    if local is not None:
        local.used = True
        checker.local_in_functional(node, local, at=node.name_at)
        return None
    found: Symbol | None = checker.globals.get(word) or checker.pointer_target(word)
    if found is not None or checker.program.incomplete:
        return found
    near = checker.suggest(word, checker.callable_names())
    checker.error_at(codes.UNDEFINED_FUNCTION, f"Unknown function '{word}' in functional", node.name_at, word,
                     hint=near and f"did you mean '{near}'?", notes=checker.program.note("function", near or ""))
    return None


def _check_bound(checker: Checker, node: FunctionPointer, efun: Efun) -> None:
    """Bound arguments of an efun pointer; how many follow in the call is not known."""
    shape = checker.efun_shape(efun)
    if shape.maximum is None or any(type(argument) is Spread for argument in node.args):
        return
    if len(node.args) > shape.maximum:
        checker.diagnostics.error(codes.ARGUMENT_COUNT, f"Too many arguments to {node.name}",
                                  node.args[shape.maximum].start, node.args[-1].end, notes=_prototype_note(efun))
    else:
        _check_efun_types(checker, node.args, efun, node.name, shape.types)
