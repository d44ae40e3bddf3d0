"""What the file-level names of a program mean: declarations collected, inherited tables merged.

All declarations are read before any function body, so the order of functions in a file never matters.
The resulting `Program` holds the interface heirs will see and what only this compilation needs: where
things were declared (for notes) and which inherited names exist but are private to a parent.

Rules (language.md 9): own definitions win over inherited ones, among inherits the last definition wins,
a prototype never beats a definition. A parent's private names are out of reach.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from lpc.analysis import codes
from lpc.analysis.compatibility import compatible, versus
from lpc.analysis.fold import constant
from lpc.analysis.symbols import Environment
from lpc.diagnostics import Diagnostics, Note, Severity
from lpc.runtime.interface import ClassInfo, FunctionInfo, Interface, ParameterInfo, VariableInfo
from lpc.source import Position
from lpc.syntax.nodes import (
    ClassDeclaration,
    Declaration,
    Declarator,
    DefaultModifiers,
    FunctionDeclaration,
    GlobalDeclaration,
    Inherit,
    Node,
    ParameterDeclaration,
    ProgramNode,
)
from lpc.types import INT, MIXED, UNKNOWN, VOID, Type

MAX_DEFAULT_PARAMETERS = 16

_ACCESS = frozenset(("private", "protected", "public"))
_NOTHING: frozenset[str] = frozenset()
_PUBLIC = frozenset(("public",))


@dataclass(slots=True)
class Site:
    """Where something is declared."""

    start: Position
    end: Position


@dataclass(slots=True)
class Program:
    """A program's file-level names.

    `histories`: for functions declared more than once, what counted as the declaration from which file-level
    declaration (by number) on. `syntax_errors` are where the parser has reported something. `incomplete`: a
    parent is missing, so unknown names prove nothing.
    """

    interface: Interface
    strict: bool
    functions: list[FunctionDeclaration] = field(default_factory=list)
    declared: dict[FunctionDeclaration, FunctionInfo] = field(default_factory=dict)
    variables: dict[Declarator, VariableInfo] = field(default_factory=dict)
    sites: dict[tuple[str, str], Site] = field(default_factory=dict)  # ("function" | "variable" | "class", name)
    private_functions: dict[str, FunctionInfo] = field(default_factory=dict)
    histories: dict[str, list[tuple[int, FunctionInfo]]] = field(default_factory=dict)
    private_variables: set[str] = field(default_factory=set)
    syntax_errors: frozenset[Position] = frozenset()
    incomplete: bool = False

    def signature(self, name: str, order: int) -> FunctionInfo:
        """How a function is declared for the code of file-level declaration number `order`.

        As in FluffOS a call is held against the latest declaration before it: prototypes and what they stand
        for may differ. Code before every declaration sees the one that wins in the end.
        """
        history = self.histories.get(name, [])
        number = bisect_right(history, order, key=lambda entry: entry[0])
        return history[number - 1][1] if number else self.interface.functions[name]

    def note(self, kind: str, name: str, program: str | None = None) -> list[Note]:
        """A note that says where `name` is declared, as a list to be handed to a message."""
        site = self.sites.get((kind, name))
        if site is not None and program in (None, self.interface.path):
            return [Note(f"'{name}' declared here", site.start, site.end)]
        return [] if program is None else [Note(f"'{name}' is declared in {program}")]


@dataclass(slots=True)
class Inherited:
    """The outcome of looking for `::name()`: the definition, the inherit's number, or that it is private."""

    function: FunctionInfo
    inherit: int
    private: bool


def resolve(tree: ProgramNode, environment: Environment, diagnostics: Diagnostics) -> Program:
    """Collect the declarations of a file and merge what it inherits."""
    return _Collector(tree, environment, diagnostics).run()


def find_inherited(interface: Interface, qualifier: str, name: str) -> Inherited | None:
    """What `qualifier::name()` reaches: the first direct inherit that has it, by path suffix if qualified."""
    searched: set[int] = set()
    for number, (parent, _) in enumerate(interface.inherits):
        if qualifier and not _path_ends_in(parent.path, qualifier):
            continue
        found = _definition(parent, name, searched)
        if found is not None:
            # A `private inherit` of ours hides from our heirs, not from us.
            return Inherited(found[0], number, found[1])
    return None


def _definition(interface: Interface, name: str, searched: set[int]) -> tuple[FunctionInfo, bool] | None:
    """The definition in a program itself, else in its parents, last one first; and whether it is private.

    `searched` are the programs that lack it: each is looked at once, however many ways lead to it.
    """
    own = interface.functions.get(name)
    if own is not None and own.defined and own.program == interface.path:
        return own, "private" in own.modifiers
    if id(interface) in searched:
        return None
    searched.add(id(interface))
    for parent, modifiers in reversed(interface.inherits):
        found = _definition(parent, name, searched)
        if found is not None:
            function, private = found
            return function, private or "private" in modifiers
    return None


def _path_ends_in(path: str, suffix: str) -> bool:
    stem = path.removesuffix(".lpc") if path.endswith(".lpc") else path.removesuffix(".c")
    return stem == suffix or stem.endswith("/" + suffix.lstrip("/"))


class _Collector:
    """Reads the declarations of one file, in order."""

    def __init__(self, tree: ProgramNode, environment: Environment, diagnostics: Diagnostics) -> None:
        self._tree = tree
        self._environment = environment
        self._diagnostics = diagnostics
        self._defaults = _NOTHING
        self._has_variables = False
        self._follows_class = False
        self._order = 0
        self._clashes: dict[str, tuple[str, Inherit]] = {}
        self._strict = strict = "strict_types" in tree.pragmas
        errors = frozenset(d.start for d in diagnostics.found if d.severity is Severity.ERROR)
        self._program = Program(Interface(environment.path, strict_types=strict), strict, syntax_errors=errors)

    def run(self) -> Program:
        handlers: dict[type, Callable[..., None]] = {
            Inherit: self._inherit, ClassDeclaration: self._class, FunctionDeclaration: self._function,
            GlobalDeclaration: self._global, DefaultModifiers: self._default_modifiers,
        }
        for number, declaration in enumerate(self._tree.declarations):
            self._order = number
            self._program.strict = self._strict ^ (declaration.start in self._environment.otherwise_strict)
            handler = handlers.get(type(declaration))
            if handler is not None:
                handler(declaration)
            self._follows_class = type(declaration) is ClassDeclaration
        self._warn_of_clashes()
        self._check_class_types()
        return self._program

    # ------------------------------------------------------------------------------------------- modifiers

    def _default_modifiers(self, node: DefaultModifiers) -> None:
        self._defaults = frozenset(node.modifiers) - {"varargs"}
        if "varargs" in node.modifiers:
            self._diagnostics.error(codes.MODIFIERS, "Illegal modifier 'varargs' in global modifier list.",
                                    node.start, node.end)
        self._check_access(node.modifiers, node, "")

    def _modifiers(self, written: tuple[str, ...], node: Declaration, what: str) -> frozenset[str]:
        """What is in force: the written ones, the file's defaults, and `public` where no access is given."""
        if not written:
            found = self._defaults
        else:
            self._check_access(written, node, what)
            found = frozenset(written)
            found |= self._defaults - _ACCESS if found & _ACCESS else self._defaults
        return found if found & _ACCESS else found | {"public"}

    def _check_access(self, written: tuple[str, ...], node: Node, what: str) -> None:
        access = [word for word in ("private", "protected", "public") if word in written]
        if len(access) > 1:
            self._diagnostics.error(codes.MODIFIERS, f"Multiple access modifiers ({' '.join(access)} ){what}",
                                    node.start, node.start + len(written[0]))

    # ------------------------------------------------------------------------------------------- inherits

    def _inherit(self, node: Inherit) -> None:
        if self._has_variables:
            self._diagnostics.error(codes.INHERIT, "Illegal to inherit after defining global variables.",
                                    node.start, node.end)
        path = constant(node.path)
        if not isinstance(path, str):
            # Reported by the parser.
            self._program.incomplete = True
            return
        modifiers = self._modifiers(node.modifiers, node, " for inheritance") - {"varargs"}
        parent = self._environment.inherit(path, node)
        if parent is None:
            self._program.incomplete = True
            return
        self._program.interface.inherits.append((parent, modifiers))
        self._merge_classes(parent, node)
        self._merge_variables(parent, modifiers, node)
        self._merge_functions(parent, modifiers, node)

    def _merge_classes(self, parent: Interface, node: Inherit) -> None:
        known = self._program.interface.classes
        for name, info in parent.classes.items():
            mine = known.setdefault(name, info)
            if mine is not info and mine.members != info.members:
                differ = "differ in size." if len(mine.members) != len(info.members) else "disagree."
                notes = [Note(f"one in {mine.program}"), Note(f"one in {info.program}")]
                self._diagnostics.error(codes.CLASS_REDEFINED, f"Definitions of class '{name}' {differ}", node.start,
                                        node.end, notes=notes)

    def _merge_variables(self, parent: Interface, modifiers: frozenset[str], node: Inherit) -> None:
        known = self._program.interface.variables
        for name, info in parent.variables.items():
            if "private" in info.modifiers:
                self._program.private_variables.add(name)
                continue
            mine = known.get(name)
            if mine is not None and mine.key != info.key:
                self._redeclared_variable(mine, node, notes=[Note(f"one in {mine.program}"),
                                                             Note(f"one in {info.program}")])
            restricted = _restricted(info.modifiers, modifiers)
            known[name] = info if restricted == info.modifiers else replace(info, modifiers=restricted)

    def _merge_functions(self, parent: Interface, modifiers: frozenset[str], node: Inherit) -> None:
        known = self._program.interface.functions
        modifiers -= {"nosave"}
        for name, info in parent.functions.items():
            if "private" in info.modifiers:
                self._program.private_functions[name] = info
                continue
            mine = known.get(name)
            if mine is not None and info.defined and mine.defined and not _same(mine, info):
                self._clash(mine, info, parent, node)
            if mine is None or self._rank(info) >= self._rank(mine):
                restricted = _restricted(info.modifiers, modifiers)
                self._set_function(info if restricted == info.modifiers else replace(info, modifiers=restricted), mine)

    def _set_function(self, info: FunctionInfo, previous: FunctionInfo | None) -> None:
        """From here on `info` is what its name means."""
        self._program.interface.functions[info.name] = info
        if previous is not None:
            self._program.histories.setdefault(info.name, [(-1, previous)]).append((self._order, info))

    def _clash(self, mine: FunctionInfo, info: FunctionInfo, parent: Interface, node: Inherit) -> None:
        """Two definitions under one name: one of them inherited."""
        if "nomask" in (info if mine.program == self._program.interface.path else mine).modifiers:
            self._diagnostics.error(codes.NOMASK, f"Illegal to redefine 'nomask' function '{info.name}'.",
                                    node.start, node.end, notes=self._program.note("function", info.name, mine.program))
        elif mine.program != self._program.interface.path:
            via = "" if parent.path == info.program else f" (via {parent.path})"
            self._clashes[info.name] = (f"{info.name}() inherited from both {info.program}{via} and {mine.program}; "
                                        f"using the definition in {info.program}.", node)

    def _warn_of_clashes(self) -> None:
        # Not while inheriting: an own definition further down settles the matter.
        path = self._program.interface.path
        for name, (message, node) in self._clashes.items():
            if self._program.interface.functions[name].program != path:
                self._diagnostics.warning(codes.AMBIGUOUS_INHERIT, message, node.start, node.end)

    def _rank(self, info: FunctionInfo) -> int:
        own = info.program == self._program.interface.path
        return (3 if own else 2) if info.defined else (1 if own else 0)

    # ------------------------------------------------------------------------------------------- classes

    def _class(self, node: ClassDeclaration) -> None:
        members = []
        names: dict[str, Node] = {}
        for member in node.members:
            if member.type == VOID:
                self._diagnostics.error(codes.BAD_DECLARATION, "Illegal to declare class member of type void.",
                                        member.start, member.end)
            if member.name in names:
                first = names[member.name]
                self._diagnostics.error(codes.CLASS_REDEFINED,
                                        f"Duplicate member '{member.name}' in class '{node.name}'",
                                        member.start, member.end,
                                        notes=[Note("first one here", first.start, first.end)])
            names[member.name] = member
            members.append((member.name, member.type))
        info = ClassInfo(node.name, tuple(members), frozenset(node.modifiers), self._program.interface.path)
        mine = self._program.interface.classes.get(node.name)
        if mine is not None and mine.members != info.members:
            self._diagnostics.error(codes.CLASS_REDEFINED, f"Illegal to redefine class '{node.name}',",
                                    node.name_at, node.name_at + len(node.name),
                                    notes=self._program.note("class", node.name, mine.program))
            return
        self._program.interface.classes[node.name] = info
        self._program.sites["class", node.name] = Site(node.name_at, node.name_at + len(node.name))

    def _check_class_types(self) -> None:
        """Every `class X` of a file-level declaration must be known, wherever in the file it stands."""
        classes = self._program.interface.classes
        unknown = False
        for start, end, of in _declared_types(self._tree.declarations):
            if of.name is not None and of.name not in classes and not self._program.incomplete:
                unknown = True
                self._diagnostics.error(codes.UNDEFINED_CLASS, f"Undefined class '{of.name}'", start, end)
        if unknown:
            self._forget_unknown_classes()

    def _forget_unknown_classes(self) -> None:
        """One message is enough: what is declared with an unknown class goes with everything."""
        classes = self._program.interface.classes

        def known(of: Type) -> Type:
            return of if of.name is None or of.name in classes else MIXED

        for variable in self._program.variables.values():
            variable.type = known(variable.type)
        for function in self._program.declared.values():
            function.type = function.type and known(function.type)
            for parameter in function.parameters:
                parameter.type = known(parameter.type)

    # ------------------------------------------------------------------------------------------- variables

    def _global(self, node: GlobalDeclaration) -> None:
        modifiers = self._modifiers(node.modifiers, node, "")
        if "varargs" in modifiers:
            self._diagnostics.error(codes.MODIFIERS, "Illegal to declare varargs variable.", node.start, node.end)
            modifiers -= {"varargs"}
        reported = node.type is None and self._missing_type(node)
        for declarator in node.declarators:
            # One message is enough: a variable in error goes with everything.
            self._variable(declarator, MIXED if reported else declarator.type, modifiers)

    def _missing_type(self, node: GlobalDeclaration) -> bool:
        """Report a declaration without type where it needs one; whether it does."""
        first = node.declarators[0] if node.declarators else node
        if self._follows_class and not node.modifiers:
            message = ("Variable declaration cannot follow a class body directly; "
                       "declare it separately with the class type: 'class Name varname;'")
        elif self._program.strict:
            message = "Missing type for global variable declaration"
        else:
            return False
        self._diagnostics.error(codes.BAD_DECLARATION, message, first.start, first.end)
        return True

    def _variable(self, node: Declarator, of: Type, modifiers: frozenset[str]) -> None:
        interface = self._program.interface
        end = node.name_at + len(node.name)
        if of == VOID:
            self._diagnostics.error(codes.BAD_DECLARATION, "Illegal to declare global variable of type void.",
                                    node.name_at, end)
            of = MIXED
        mine = interface.variables.get(node.name)
        if mine is not None:
            self._redeclared_variable(mine, node, notes=self._program.note("variable", node.name, mine.program))
            # Two of one name would be saved under one name: the new one is not saved.
            if "nosave" not in mine.modifiers:
                modifiers |= {"nosave"}
        info = VariableInfo(node.name, of, modifiers, interface.path, f"{node.name}:{interface.path}")
        interface.variables[node.name] = info
        self._program.variables[node] = info
        self._program.sites["variable", node.name] = Site(node.name_at, end)
        self._has_variables = True

    def _redeclared_variable(self, mine: VariableInfo, node: Inherit | Declarator, *, notes: list[Note]) -> None:
        start = node.name_at if isinstance(node, Declarator) else node.start
        end = start + len(mine.name) if isinstance(node, Declarator) else node.end
        if "nomask" in mine.modifiers:
            self._diagnostics.error(codes.NOMASK, f"Illegal to redefine 'nomask' variable '{mine.name}'.", start, end,
                                    notes=notes)
        else:
            self._diagnostics.warning(codes.VARIABLE_REDECLARED, f"Redeclaration of global variable '{mine.name}'.",
                                      start, end, notes=notes)

    # ------------------------------------------------------------------------------------------- functions

    def _function(self, node: FunctionDeclaration) -> None:
        info = self._function_info(node)
        self._program.declared[node] = info
        self._check_parameters(node)
        site = Site(node.name_at, node.name_at + len(node.name))
        mine = self._program.interface.functions.get(node.name)
        if node.body is not None:
            self._program.functions.append(node)
        if mine is not None:
            if not self._fits(mine, info, node, site):
                return
            if self._rank(info) < self._rank(mine):
                return
        self._set_function(info, mine)
        self._program.sites["function", node.name] = site

    def _fits(self, mine: FunctionInfo, info: FunctionInfo, node: FunctionDeclaration, site: Site) -> bool:
        """Whether a further declaration of a known function may stand; reports where it does not."""
        own = mine.program == info.program
        notes = self._program.note("function", node.name, mine.program)
        if own and mine.defined and info.defined:
            self._diagnostics.error(codes.FUNCTION_REDECLARED, f"Redeclaration of function '{node.name}'.",
                                    site.start, site.end, notes=notes)
            return False
        if "nomask" in mine.modifiers and mine.defined and info.defined:
            self._diagnostics.error(codes.NOMASK, f"Illegal to redefine 'nomask' function '{node.name}'.",
                                    site.start, site.end, notes=notes)
            return False
        if own and mine.type is not None and info.type is not None:
            self._compare_prototype(mine, info, site, notes)
        return True

    def _compare_prototype(self, mine: FunctionInfo, info: FunctionInfo, site: Site, notes: list[Note]) -> None:
        name = info.name
        lenient = {"varargs"} & (mine.modifiers | info.modifiers) or mine.rest or info.rest
        if len(mine.parameters) != len(info.parameters) and not lenient:
            self._diagnostics.warning(codes.PROTOTYPE_DISAGREES,
                                      f"Number of arguments to '{name}' disagrees with previous definition.",
                                      site.start, site.end, notes=notes)
        if mine.type is not None and info.type is not None and not compatible(info.type, mine.type):
            kind = "declaration" if mine.defined else "prototype"
            self._diagnostics.warning(codes.PROTOTYPE_DISAGREES,
                                      f"Previous function {kind} for {name} does not match current function in return "
                                      f"type {versus(mine.type, info.type)}", site.start, site.end, notes=notes)

    def _function_info(self, node: FunctionDeclaration) -> FunctionInfo:
        modifiers = self._modifiers(node.modifiers, node, " for function")
        if "nosave" in modifiers:
            if "nosave" in node.modifiers:
                self._diagnostics.warning(codes.MODIFIER_IGNORED, "Illegal to declare nosave function.",
                                          node.name_at, node.name_at + len(node.name))
            modifiers -= {"nosave"}
        returns = node.type
        if returns is None and self._program.strict:
            if node.name == "create":
                returns = VOID
            else:
                self._diagnostics.error(codes.BAD_DECLARATION, '"#pragma strict_types" requires type of function',
                                        node.name_at, node.name_at + len(node.name))
        parameters = tuple(
            ParameterInfo(p.name or "", parameter_type(p), p.ref, p.default is not None) for p in node.parameters
        )
        return FunctionInfo(node.name, returns, parameters, node.rest, modifiers, self._program.interface.path,
                            node.body is not None)

    def _check_parameters(self, node: FunctionDeclaration) -> None:
        error = self._diagnostics.error
        parameters = node.parameters
        typed = node.type is not None or self._program.strict
        previous_default = False
        has_defaults = any(p.default is not None for p in parameters)
        if has_defaults and len(parameters) > MAX_DEFAULT_PARAMETERS:
            error(codes.DEFAULT_ARGUMENT,
                  f"Functions with default arguments can only have {MAX_DEFAULT_PARAMETERS} args",
                  parameters[-1].start, parameters[-1].end)
        for number, parameter in enumerate(parameters):
            if parameter.type == VOID:
                self._void_parameter(node, number, parameter)
            elif parameter.type == UNKNOWN and typed and node.body is not None \
                    and parameter.start not in self._program.syntax_errors:
                error(codes.BAD_DECLARATION, "Missing type for argument", parameter.start, parameter.end)
            last_rest = node.rest and number == len(parameters) - 1
            if previous_default and parameter.default is None and not last_rest:
                error(codes.DEFAULT_ARGUMENT,
                      "Function arguments with default value closure must be specified continuously.",
                      parameter.start, parameter.end)
            previous_default = parameter.default is not None
        if node.rest:
            self._rest_parameter(parameters[-1])

    def _void_parameter(self, node: FunctionDeclaration, number: int, parameter: ParameterDeclaration) -> None:
        if parameter.name is not None or parameter.type.array or number:
            message = "Illegal to declare argument of type void."
        elif node.rest and len(node.parameters) == 1:
            message = "'...' requires a preceding parameter to hold the remaining arguments."
        else:
            message = "argument of type void must be the only argument."
        self._diagnostics.error(codes.BAD_DECLARATION, message, parameter.start, parameter.end)

    def _rest_parameter(self, last: ParameterDeclaration) -> None:
        of = parameter_type(last)
        if last.ref:
            self._diagnostics.error(codes.BAD_DECLARATION,
                                    "Variable to hold remainder of args may not be a reference", last.start, last.end)
        elif of != MIXED and not of.array:
            self._diagnostics.warning(codes.REST_NOT_ARRAY,
                                      "Variable to hold remainder of arguments should be an array.",
                                      last.start, last.end)


def parameter_type(parameter: ParameterDeclaration) -> Type:
    """A parameter's type; one without type (or wrongly void) accepts everything."""
    return MIXED if parameter.type in (UNKNOWN, VOID) else parameter.type


def _declared_types(declarations: tuple[Declaration, ...]) -> Iterator[tuple[Position, Position, Type]]:
    """The types written at file level, with the place to mark."""
    for node in declarations:
        if isinstance(node, FunctionDeclaration):
            yield node.start, node.name_at, node.type or INT
            for parameter in node.parameters:
                yield parameter.start, parameter.end, parameter.type
        elif isinstance(node, GlobalDeclaration):
            # One message a declaration: its names share the class.
            yield node.start, node.declarators[0].start if node.declarators else node.end, node.type or INT
        elif isinstance(node, ClassDeclaration):
            for member in node.members:
                yield member.start, member.end, member.type


def _same(one: FunctionInfo, other: FunctionInfo) -> bool:
    """Whether two entries are the very same function, reached over two parents."""
    return one.program == other.program


def _restricted(own: frozenset[str], by_inherit: frozenset[str]) -> frozenset[str]:
    """The modifiers of an inherited entry: the stricter access, and every other modifier of either."""
    if by_inherit == _PUBLIC:
        return own
    access = "public"
    for word in ("private", "protected"):
        if word in own or word in by_inherit:
            access = word
            break
    return (own | by_inherit) - _ACCESS | {access}
