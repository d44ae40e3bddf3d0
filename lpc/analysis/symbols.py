"""What names mean: the side tables analysis hands to code generation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lpc.efun import Efun
from lpc.runtime.interface import ClassInfo, FunctionInfo, Interface, VariableInfo
from lpc.source import Position
from lpc.syntax.nodes import Expression, FunctionDeclaration, Node, ProgramNode
from lpc.types import Type


@dataclass(slots=True, eq=False)
class Local:
    """A local variable or parameter. `index` is unique within its function (anonymous functions are
    functions of their own), so equal names in sibling blocks stay apart."""

    name: str
    type: Type
    index: int
    declared_at: Position
    is_parameter: bool = False
    is_ref: bool = False  # a ref parameter, or a foreach ref variable: stands for the caller's lvalue
    used: bool = False


@dataclass(slots=True, eq=False)
class Global:
    """A global variable, own or inherited."""

    variable: VariableInfo


@dataclass(slots=True, eq=False)
class OwnFunction:
    """An unqualified call or pointer: dispatched to the most derived definition (directly if private)."""

    function: FunctionInfo


@dataclass(slots=True, eq=False)
class InheritedFunction:
    """`::f()` / `prog::f()`: the definition reached through direct inherit number `inherit` (0-based)."""

    function: FunctionInfo
    inherit: int


@dataclass(slots=True, eq=False)
class SimulEfun:
    """A function of the simul_efun object."""

    name: str
    function: FunctionInfo


@dataclass(slots=True, eq=False)
class EfunSymbol:
    """An efun of the driver."""

    efun: Efun


@dataclass(slots=True, eq=False)
class UndefinedFunction:
    """A call in untyped code of something unknown when it was compiled: looked up, and failing, at run time."""

    name: str


@dataclass(slots=True, eq=False)
class ClassMemberSymbol:
    """For Member: a class member by position. Members without a symbol are mapping members."""

    cls: ClassInfo
    index: int


Symbol = (
    Local | Global | OwnFunction | InheritedFunction | SimulEfun | EfunSymbol | UndefinedFunction | ClassMemberSymbol
)


@dataclass(slots=True)
class FunctionScope:
    """The variables of one FunctionDeclaration or AnonymousFunction (or of the initialisers)."""

    parameters: list[Local] = field(default_factory=list)
    locals: list[Local] = field(default_factory=list)  # parameters included, in order of declaration


@dataclass(slots=True)
class Analysis:
    """Everything code generation needs beside the tree.

    `symbols`: for Name, Call, FunctionPointer, Member (class members only), Declarator, ForeachVariable,
    ParameterDeclaration, and NewClass (no entry: class by name); New has what clone_object means, CallOther
    the simul_efun call_other if there is one. A Call through a variable of type function has the variable's
    symbol (Local or Global).
    `types`: the static type of every expression (UNKNOWN where it cannot tell). What declarations say, no
    proof: a mixed value may stand in an `int` variable, and untyped functions are not checked at all.
    `conversions`: an expression whose value is to be converted to INT, FLOAT or BUFFER when it is used
    (language.md 7), because both static types are known.
    `checked`: expressions assigned from mixed to a typed variable under strict_types, with that type.
    """

    tree: ProgramNode
    interface: Interface
    functions: list[FunctionDeclaration]
    scopes: dict[Node | None, FunctionScope]  # by FunctionDeclaration / AnonymousFunction; None: initialisers
    symbols: dict[Node, Symbol]
    types: dict[Expression, Type]
    conversions: dict[Expression, Type]
    checked: dict[Expression, Type]


@dataclass(slots=True)
class Environment:
    """What the compiler is told about the world outside the file.

    `inherit(path)` loads a parent and returns its interface, or None after reporting why not.
    `otherwise_strict` are the starts of the declarations (and other tokens) where strict_types is not as at the
    file's end. `valid_override(efun name, node)` asks the master whether `efun::name` may bypass a simul_efun.
    """

    efuns: Mapping[str, Efun]
    simul_efuns: Mapping[str, FunctionInfo]
    inherit: Callable[[str, Node], Interface | None]
    valid_override: Callable[[str, Node], bool]
    path: str
    script: bool
    otherwise_strict: frozenset[Position] = frozenset()
