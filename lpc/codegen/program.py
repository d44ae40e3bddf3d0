"""A whole program as one Python module: a function per LPC function, and one for the initialisers.

Running the module's code with the driver's namespace as globals defines the functions in the locals it is
given; nothing else happens. `Compiled` is what the disk cache keeps.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from types import CodeType

from lpc.analysis.symbols import Analysis, FunctionScope
from lpc.codegen import assignments, calls  # noqa: F401  the first and last register emitters
from lpc.codegen import builder as b
from lpc.codegen.expressions import settled
from lpc.codegen.functions import FunctionEmitter, Shared, local_name
from lpc.codegen.statements import function_body, statement
from lpc.codegen.usage import study
from lpc.source import Position, position
from lpc.syntax import nodes as n

#: The function that gives an object its variables; where a script's statements run too.
INITIALISER = "#global_init#"


@dataclass(slots=True)
class Compiled:
    """A compiled program: the module's code, and the names of the functions that compute default
    arguments, by function and parameter number."""

    code: CodeType
    defaults: dict[str, dict[int, str]]


class TooDeep(Exception):  # noqa: N818 - becomes a diagnostic
    """Loops, switches and catches stand in each other deeper than Python can; `at` is where."""

    def __init__(self, at: Position) -> None:
        super().__init__("nested too deeply")
        self.at = at


def generate(analysis: Analysis, filename: str) -> Compiled:
    """The code of an analysed program. `filename` is what Python's frames will say."""
    module, defaults = module_of(analysis)
    try:
        code = compile(module, filename, "exec", dont_inherit=True, optimize=2)
    except SyntaxError as error:
        # The one thing about a correct tree that Python's compiler refuses: more than twenty blocks in each other.
        raise TooDeep(position(error.lineno or 1, error.offset or 0)) from error
    return Compiled(code, defaults)


def module_of(analysis: Analysis) -> tuple[ast.Module, dict[str, dict[int, str]]]:
    """The Python module of an analysed program, and `Compiled.defaults`."""
    shared: Shared = {}
    defaults: dict[str, dict[int, str]] = {}
    made = [_function(declaration, analysis, shared, defaults) for declaration in analysis.functions]
    functions = [function for group in made for function in group]
    functions.append(_initialiser(analysis, shared))
    return b.module([*_assigned(shared), *functions]), defaults


def _assigned(shared: Shared) -> list[ast.stmt]:
    made: list[ast.stmt] = []
    for name, (value, at) in shared.items():
        made += [b.global_(name, at), b.assign(name, value, at)]
    return made


def _function(node: n.FunctionDeclaration, analysis: Analysis, shared: Shared,
              defaults: dict[str, dict[int, str]]) -> list[ast.stmt]:
    assert node.body is not None
    scope = analysis.scopes[node]
    made = []
    for at, parameter in enumerate(node.parameters):
        if parameter.default is not None:
            name = f"{node.name}#{at}"
            out = FunctionEmitter(analysis, shared)
            default = parameter.default.body if isinstance(parameter.default, n.Functional) else parameter.default
            result = settled(out, out.expr(default), parameter)
            body = [*out.statements, b.return_(result, parameter)]
            made.append(b.function(name, ["self", "previous"], body, parameter))
            defaults.setdefault(node.name, {})[at] = name
    out = FunctionEmitter(analysis, shared, study(node.body, analysis))
    body = function_body(out, node.body, scope)
    parameters = ["self", "previous", *map(local_name, scope.parameters)]
    made.append(b.function(node.name, parameters, body, node))
    return made


def _initialiser(analysis: Analysis, shared: Shared) -> ast.stmt:
    """Gives the variables their values, in order (unset they are already); a script's statements run where they
    stand."""
    tree = analysis.tree
    out = FunctionEmitter(analysis, shared, study(tree, analysis))
    out.usage.facts.clear()  # a script's top level is one long body; nothing in it is worth proving
    out.usage.accumulators.clear()
    scope = analysis.scopes.get(None) or FunctionScope()
    for local in scope.locals:
        out.statements.append(b.assign(local_name(local), b.name("UNDEFINED", tree), tree))
    for item in tree.declarations:
        if isinstance(item, n.GlobalDeclaration):
            _initialise(out, item, analysis)
        elif isinstance(item, n.TopLevelStatement):
            statement(out, item.statement)
    return b.function(INITIALISER, ["self", "previous"], out.statements or [b.pass_(tree)], tree)


def _initialise(out: FunctionEmitter, item: n.GlobalDeclaration, analysis: Analysis) -> None:
    for declarator in item.declarators:
        if declarator.value is not None:
            key = analysis.interface.variables[declarator.name].key
            value = out.value(declarator.value)
            out.statements.append(b.assign_attribute(b.name("self", declarator), key, value, declarator))

