"""Programs: compiled code joined with what it inherits, as a Python class for the objects made from it.

`link` runs a compiled module in the driver's namespace and builds the class: one method per function under
its key (lpc.runtime.call), inherited ones included, the last definition winning. All classes of a driver
have one base class; it holds, for every key that any code calls, a stand-in that makes the class's own method
when it is first called there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from lpc.errors import LPCError
from lpc.runtime.interface import FunctionInfo, Interface
from lpc.runtime.objects import LPCObject
from lpc.runtime.show import show
from lpc.runtime.trace import PROGRAMS
from lpc.runtime.values import UNDEFINED, Value

INITIALISER = "#global_init#"


@dataclass(slots=True)
class Method:
    """A function of a program: what was declared, the Python function, and the functions of its default
    arguments by parameter number. `visibility` is what heirs and callers see after inherit modifiers."""

    info: FunctionInfo
    function: Callable[..., Value]
    defaults: dict[int, Callable[..., Value]]
    visibility: str  # "public", "protected" or "private"

    @property
    def is_exact(self) -> bool:
        """Whether the Python function takes exactly the declared parameters, no more to do."""
        return not self.info.rest


@dataclass(slots=True, eq=False, weakref_slot=True)
class Program:
    """A program in one driver."""

    path: str  # "/std/room.c"
    filename: str  # what its frames say: path and digest
    interface: Interface
    parents: list[Program]
    line_table: list[tuple[int, str]]
    methods: dict[str, Method]  # by name, the most derived definition
    own: dict[str, Method]  # defined in this very file
    chain: tuple[Program, ...]  # every program of an object, each once, parents first
    cls: type[LPCObject]
    initialiser: Callable[..., Value]
    references: int = 0  # objects and heirs

    def initialise(self, ob: LPCObject) -> None:
        """Give an object its variables: inherited ones first, each file's in order."""
        for program in self.chain:
            for variable in program.interface.variables.values():
                if variable.program == program.path:
                    setattr(ob, variable.key, UNDEFINED)
        for program in self.chain:
            program.initialiser(ob, 0)

    def make(self, name: str, serial: int, clone_number: int) -> LPCObject:
        """A fresh object, its variables not yet set."""
        return self.cls(name, serial, clone_number)

    def saved_variables(self) -> list[tuple[str, str]]:
        """(name, key) of the variables save_object() writes."""
        return [(v.name, v.key) for program in self.chain for v in program.interface.variables.values()
                if "nosave" not in v.modifiers and v.program == program.path]

    def method_of_destructed(self, ob: LPCObject, key: str) -> Callable[..., Value]:
        """A method of a destructed object of this program: its own running code goes on, others see 0."""
        return _method_of_destructed(ob, key)

    def locate(self, line: int) -> tuple[str, int]:
        """File and line of a virtual line."""
        at = max(0, bisect_left(self.line_table, (line, "")) - 1)
        base, file = self.line_table[at]
        return file, line - base


def link(path: str, filename: str, code: CodeType, defaults: Mapping[str, Mapping[int, str]], interface: Interface,
         parents: list[Program], line_table: list[tuple[int, str]], namespace: dict[str, Any]) -> Program:
    """Make a program of compiled code and its linked parents (in the order of its inherits)."""
    defined: dict[str, Any] = {}
    _provide(code, namespace)
    exec(code, namespace, defined)  # noqa: S102  our own code, compiled from LPC
    methods: dict[str, Method] = {}
    chain: dict[Program, None] = {}
    for parent, (_, modifiers) in zip(parents, interface.inherits, strict=True):
        chain |= dict.fromkeys(parent.chain)
        for name, method in parent.methods.items():
            if "private" not in method.info.modifiers:  # hidden by a private inherit it still serves its own file
                methods[name] = _inherited(method, modifiers)
    own = {}
    for name, info in interface.functions.items():
        if info.program == path and info.defined:
            made = {at: defined[function] for at, function in defaults.get(name, {}).items()}
            own[name] = Method(info, defined[name], made, _visibility(info.modifiers))
    methods |= own
    attributes: dict[str, Any] = {"__slots__": ()}
    for name, method in methods.items():
        if method.is_exact:
            attributes[f"{name}/{len(method.info.parameters)}"] = method.function
    cls: type[LPCObject] = type(path, (namespace["OBJECT"],), attributes)
    program = Program(path, filename, interface, parents, line_table, methods, own, (), cls, defined[INITIALISER])
    program.chain = (*chain, program)
    cls.program = program
    namespace[PROGRAMS][filename] = program
    return program


def _visibility(modifiers: frozenset[str]) -> str:
    return "private" if "private" in modifiers else "protected" if "protected" in modifiers else "public"


def _inherited(method: Method, modifiers: frozenset[str]) -> Method:
    order = ("public", "protected", "private")
    seen = max(method.visibility, _visibility(modifiers), key=order.index)
    return method if seen == method.visibility else Method(method.info, method.function, method.defaults, seen)


def _provide(code: CodeType, namespace: dict[str, Any]) -> None:
    """Make what some code names: the checked form of efuns, stand-ins for methods."""
    base = namespace["OBJECT"]
    for name in code.co_names:
        if name not in namespace and name.startswith("E:"):
            namespace[name] = namespace["EFUNS"][name[2:]].checked
        elif "/" in name and name not in base.__dict__ and name.rpartition("/")[2].isdecimal():
            setattr(base, name, _stand_in(name))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            _provide(constant, namespace)


def _stand_in(key: str) -> Callable[..., Value]:
    def call(self: LPCObject, previous: Value, *args: Value) -> Value:
        return _make_method(self, key)(previous, *args)

    return call


# --------------------------------------------------------------------------------------- methods on demand


#: A key that only exists at run time is kept on the class if it gives no more arguments than this too many.
_FEW_TOO_MANY = 8


def method(ob: Any, key: str) -> Callable[..., Value]:
    """The method of an object (or of a call's target) for a key that only exists now."""
    found = getattr(ob, key, None)
    if found is not None:
        return found  # type: ignore[no-any-return]
    name, count = _split(key)
    defined = ob.program.methods.get(name.removeprefix("->"))
    if defined is not None and count <= len(defined.info.parameters) + _FEW_TOO_MANY:
        return _make_method(ob, key)
    # LPC can make up as many of these as it likes: they are not kept.
    return _function(ob.program, name, count, type(ob)).__get__(ob)  # type: ignore[no-any-return]


def _make_method(ob: LPCObject, key: str) -> Callable[..., Value]:
    cls = type(ob)
    function = _function(cls.program, *_split(key), cls)
    setattr(cls, key, function)
    return function.__get__(ob)  # type: ignore[no-any-return]


def _method_of_destructed(ob: LPCObject, key: str) -> Callable[..., Value]:
    if key.startswith("->"):
        def refuse(*args: Value) -> Value:
            raise bad_target(0)

        return refuse
    former = ob.former
    found = former.__dict__.get(key) or _function(former.program, *_split(key), former)
    return found.__get__(ob)  # type: ignore[no-any-return]


def bad_target(value: Value) -> LPCError:
    """The error of calling into something that is neither object, path nor array."""
    kind = show(value)
    shown = f"int({kind})" if isinstance(value, int) or value == 0 else kind
    return LPCError(f"Bad argument 1 to EFUN call_other()\nExpected: object, string, array,  Got: {shown}.\n")


def _split(key: str) -> tuple[str, int]:
    name, _, count = key.rpartition("/")
    return name, int(count)


def _function(program: Program, name: str, count: int, cls: type[LPCObject]) -> Callable[..., Value]:
    if name.startswith("->"):
        return (cls.external or _external)(program, name[2:], count)
    if "@" in name:
        name, _, path = name.partition("@")
        definer = next(p for p in program.chain if p.path == path)
        return adapted(definer.own[name], count, external=False)
    method = program.methods.get(name)
    if method is None:
        def undefined(self: LPCObject, previous: Value, *args: Value) -> Value:
            raise LPCError(f"Undefined function called: {name}")

        return undefined
    return adapted(method, count, external=False)


def _external(program: Program, name: str, count: int) -> Callable[..., Value]:
    method = program.methods.get(name)
    if method is not None and method.visibility == "public":
        return adapted(method, count, external=True)
    if method is not None and method.visibility == "protected":
        inside = adapted(method, count, external=True)

        def own(self: LPCObject, previous: Value, *args: Value) -> Value:
            return inside(self, previous, *args) if previous is self else UNDEFINED

        return own
    return _absent


def _absent(self: LPCObject, previous: Value, *args: Value) -> Value:
    """call_other() of a function that is not there, or not to be seen: undefined."""
    return UNDEFINED


def adapted(method: Method, count: int, *, external: bool) -> Callable[..., Value]:
    """The method as a function of exactly `count` arguments: missing ones filled, extra ones dropped or
    collected. Default arguments see the caller's object."""
    info, function = method.info, method.function
    declared = len(info.parameters)
    if info.rest:
        return _collecting(function, declared - 1, count)
    if count == declared:
        return function
    if count < declared and method.defaults:
        defaults = [method.defaults.get(at) for at in range(count, declared)]

        def with_defaults(self: LPCObject, previous: Value, *args: Value) -> Value:
            caller = previous if external and isinstance(previous, LPCObject) else self
            missing = [UNDEFINED if make is None else make(caller, previous) for make in defaults]
            return function(self, previous, *args, *missing)

        return with_defaults
    if count > declared + _FEW_TOO_MANY:
        return lambda self, previous, *args: function(self, previous, *args[:declared])
    return _padded(count, declared)(function)


def _collecting(function: Callable[..., Value], fixed: int, count: int) -> Callable[..., Value]:
    if count >= fixed:
        return lambda self, previous, *args: function(self, previous, *args[:fixed], list(args[fixed:]))
    missing = (UNDEFINED,) * (fixed - count)
    return lambda self, previous, *args: function(self, previous, *args, *missing, [])


@lru_cache(maxsize=256)
def _padded(count: int, declared: int) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """A maker of functions of `count` parameters over ones of `declared`: written out, for speed."""
    given = [f"a{at}" for at in range(count)]
    passed = given[:declared] + ["UNDEFINED"] * (declared - count)
    head = ", ".join(["self", "previous", *given])
    body = ", ".join(["self", "previous", *passed])
    scope = {"UNDEFINED": UNDEFINED}
    return eval(f"lambda function: lambda {head}: function({body})", scope)  # type: ignore[no-any-return]  # noqa: S307
