"""What a function does with its local variables: the ground of every proof about them.

LPC's declared types are no proof, but a local that nothing escapes from (LPC closures cannot see the
maker's locals) has only the assignments in sight. `study` collects them and settles, by assuming
the best and dropping what contradicts itself, which locals always hold an int, a float, a string, …
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from lpc.analysis.symbols import Analysis, EfunSymbol, Local
from lpc.codegen.facts import BOOL, FACT_OF_TYPE, FLOAT, INT, LIST, MAP, NUM, NUMERIC, STR
from lpc.runtime.scan import conversions
from lpc.syntax import nodes as n
from lpc.syntax.walk import children, walk
from lpc.types import FLOAT as FLOAT_TYPE
from lpc.types import INT as INT_TYPE

#: Efuns that always give the type they declare (others may give 0 instead).
_SURE_STRINGS = frozenset(
    "sprintf lower_case upper_case capitalize replace_string repeat_string trim ltrim rtrim typeof ctime "
    "save_variable file_name".split()
)
_SURE_ARRAYS = frozenset("explode allocate keys values sort_array filter_array map_array shuffle all_inventory".split())
_SURE_MAPPINGS = frozenset(("allocate_mapping", "filter_mapping", "map_mapping"))

_LOOPS = (n.While, n.DoWhile, n.For, n.Foreach)
_COMPARISONS = frozenset(("==", "!=", "<", "<=", ">", ">="))


@dataclass(slots=True)
class Usage:
    """Of one function: `facts` proved for locals, `accumulators` that may grow past 64 bits until read,
    `unset` locals that are declared without a value,
    `doubtful` ones that may hold anything, and the locals each loop assigns."""

    facts: dict[Local, str] = field(default_factory=dict)
    accumulators: set[Local] = field(default_factory=set)
    unset: set[Local] = field(default_factory=set)
    doubtful: set[Local] = field(default_factory=set)  # assigned, but not proved to hold what it declares
    loop_assigns: dict[n.Node, set[Local]] = field(default_factory=dict)
    assigns: set[Local] = field(default_factory=set)


class _Scan:
    """Walks one function body once and notes every assignment to a local."""

    def __init__(self, analysis: Analysis) -> None:
        self.symbols = analysis.symbols
        self.analysis = analysis
        self.usage = Usage()
        self.values: dict[Local, list[tuple[str, n.Expression | None]]] = {}
        self.read_in_loop: set[Local] = set()
        self.loops: list[set[Local]] = []
        self.summed: set[Local] = set()

    def visit(self, node: n.Node) -> None:
        handler = _SCANNERS.get(type(node))
        if handler is not None:
            handler(self, node)
        else:
            for child in children(node):
                self.visit(child)

    def visit_all(self, found: Iterable[n.Node | None]) -> None:
        for node in found:
            if node is not None:
                self.visit(node)

    def note(self, target: n.Node, operator: str, value: n.Expression | None) -> bool:
        """An assignment; whether it was to a local itself."""
        symbol = self.symbols.get(_variable_of(target))
        if not isinstance(symbol, Local):
            return False
        self.usage.assigns.add(symbol)
        for assigned in self.loops:
            assigned.add(symbol)
        if isinstance(target, (n.Index, n.Range)):
            return False
        self.values.setdefault(symbol, []).append((operator, value))
        return True

    # Each handler visits the parts itself.

    def loop(self, node: n.Node) -> None:
        assigned: set[Local] = set()
        self.loops.append(assigned)
        if isinstance(node, n.Foreach):
            for variable in node.variables:
                self.note(variable, "foreach", None)
        for child in children(node):
            self.visit(child)
        self.loops.pop()
        self.usage.loop_assigns[node] = assigned

    def declarator(self, node: n.Declarator) -> None:
        symbol = self.symbols.get(node)
        if isinstance(symbol, Local) and node.value is None:
            self.usage.unset.add(symbol)
            self.values.setdefault(symbol, [])
        elif node.value is not None:
            self.note(node, "=", node.value)
            self.visit(node.value)

    def assign(self, node: n.Assign) -> None:
        self.visit(node.value)
        if self.note(node.target, node.operator, node.value):
            symbol = self.symbols[node.target]
            assert isinstance(symbol, Local)
            if node.operator in ("+=", "-=") and self.loops:
                self.summed.add(symbol)
        else:
            self.visit(node.target)

    def increment(self, node: n.Increment) -> None:
        if not self.note(node.target, node.operator, None):
            self.visit(node.target)

    def name(self, node: n.Name) -> None:
        symbol = self.symbols.get(node)
        if self.loops and isinstance(symbol, Local):
            self.read_in_loop.add(symbol)

    def reference(self, node: n.RefArgument) -> None:
        if not self.note(node.target, "ref", None):
            self.visit(node.target)

    def scanned(self, node: n.Sscanf) -> None:
        self.visit(node.text)
        self.visit(node.format)
        kinds = conversions(node.format.value) if isinstance(node.format, n.StringLiteral) else []
        for at, target in enumerate(node.targets):
            gives_int = at < len(kinds) and kinds[at] in ("d", "x", "c")
            if not self.note(target, "scan int" if gives_int else "scan", None):
                self.visit(target)

    def closure(self, node: n.Node) -> None:
        # A functional's body sees no locals of ours, except what it captures now.
        for child in _captures(node):
            self.visit(child)


def _captures(node: n.Node) -> Iterable[n.Node]:
    for child in children(node):
        if isinstance(child, n.Captured):
            yield child.value
        else:
            yield from _captures(child)


_SCANNERS: dict[type[n.Node], Callable[..., None]] = {
    **dict.fromkeys(_LOOPS, _Scan.loop),
    n.Declarator: _Scan.declarator,
    n.Assign: _Scan.assign,
    n.Increment: _Scan.increment,
    n.Name: _Scan.name,
    n.RefArgument: _Scan.reference,
    n.Sscanf: _Scan.scanned,
    n.Functional: _Scan.closure,
    n.AnonymousFunction: lambda scan, node: None,
}


def assigned_locals(node: n.Node, analysis: Analysis) -> set[Local]:
    """The locals that something in a node assigns, their characters and parts included."""
    found = set()
    for inner in walk(node):
        targets: tuple[n.Node, ...] = ()
        if isinstance(inner, (n.Assign, n.Increment, n.RefArgument)):
            targets = (inner.target,)
        elif isinstance(inner, n.Sscanf):
            targets = inner.targets
        elif isinstance(inner, (n.Declarator, n.ForeachVariable)):
            targets = (inner,)
        for target in targets:
            symbol = analysis.symbols.get(_variable_of(target))
            if isinstance(symbol, Local):
                found.add(symbol)
    return found


def _variable_of(target: n.Node) -> n.Node:
    """The variable whose value an assignment to an element or range of it may replace."""
    while isinstance(target, (n.Index, n.Range)):
        target = target.base
    return target


def makes_calls(node: n.Node) -> bool:
    """Whether something in a node calls anything."""
    return isinstance(node, _CALLS) or any(map(makes_calls, children(node)))


def needs_check(body: n.Node, analysis: Analysis) -> bool:
    """Whether a function has to see at its start whether there is time left: it may recurse, or is long itself.
    Loops and whatever else may take long see for themselves."""
    waiting: list[n.Node] = [body]
    for _ in range(_LONG_BODY):
        if not waiting:
            return False
        node = waiting.pop()
        if isinstance(node, _CALLS) and not _is_efun_call(node, analysis):
            return True
        if isinstance(node, n.Functional):
            waiting += _captures(node)
        elif not isinstance(node, n.AnonymousFunction):
            waiting += children(node)
    return True


def _is_efun_call(node: n.Node, analysis: Analysis) -> bool:
    symbol = analysis.symbols.get(node)
    return isinstance(node, n.Call) and isinstance(symbol, EfunSymbol) and symbol.efun.name != "evaluate"


#: A function of so many nodes may do much before it is over.
_LONG_BODY = 400
_CALLS = (n.Call, n.CallOther, n.CallValue, n.New)

#: Efuns that call no LPC and take the same short time whatever their arguments are.
QUICK_EFUNS = frozenset((
    "stringp arrayp pointerp mapp intp floatp objectp functionp bufferp classp clonep undefinedp nullp typeof "
    "this_object previous_object this_player this_interactive environment file_name time time_ns real_time uptime "
    "perf_counter_ns random abs ceil floor round sin cos tan asin acos atan exp log log2 log10 pow sqrt interactive "
    "userp query_heart_beat"
).split())
_MEASURED = frozenset(("sizeof", "strlen"))
_SLOW = (*_LOOPS, n.Catch, n.TimeExpression, n.Sscanf, n.Range, n.Template, n.Spread, n.New)
_CONTAINERS = frozenset((LIST, MAP))
_SCALARS = frozenset((INT, BOOL, FLOAT, NUM))


#: A tight piece of code has no more nodes than this.
_MOST_TIGHT = 64


def is_tight(node: n.Node, analysis: Analysis, facts: dict[Local, str]) -> bool:
    """Whether a piece of code is over in no time, whatever the values are: it is small, with no loops in it, no calls
    but of what takes no time either, nothing that looks at the whole of a string or an array."""
    return tight_size(node, analysis, facts) > 0


def tight_size(node: n.Node, analysis: Analysis, facts: dict[Local, str]) -> int:
    """The number of nodes of a piece of code that `is_tight`; 0 for any other."""
    if not _takes_no_time(node, analysis, facts):
        return 0
    size = 1
    for child in children(node):
        part = tight_size(child, analysis, facts)
        size += part
        if not part or size > _MOST_TIGHT:
            return 0
    return size


def _takes_no_time(node: n.Node, analysis: Analysis, facts: dict[Local, str]) -> bool:
    """Whether what a node does besides its children does not depend on how large a value is."""
    if isinstance(node, _SLOW) or isinstance(node, _CALLS) and not _is_quick_call(node, analysis, facts):
        return False
    if isinstance(node, n.Index) and fact_of(node.base, facts, analysis) not in _CONTAINERS:
        return False
    if isinstance(node, n.Binary) and not _is_quick(node.operator, node.left, node.right, facts, analysis):
        return False
    if isinstance(node, n.Assign) and node.operator[:-1] in _ARITHMETIC:
        if not _is_quick(node.operator[:-1], node.target, node.value, facts, analysis):
            return False
    if isinstance(node, n.Expression):
        conversion = analysis.conversions.get(node)
        return conversion is None or conversion.base != "buffer"
    return True


_ARITHMETIC = frozenset("+ - * / % & | ^ << >>".split())


def _is_quick(operator: str, left: n.Expression, right: n.Expression, facts: dict[Local, str],
              analysis: Analysis) -> bool:
    """Whether an operator takes the same short time for all values its operands can have."""
    if operator in ("==", "!=") and any(isinstance(side, n.StringLiteral) for side in (left, right)):
        return True
    sides = [fact_of(side, facts, analysis) in _SCALARS for side in (left, right)]
    if operator in ("+", "-") and not all(sides):
        # Whatever is no number is an error there, and that ends it.
        sides = [sure or _is_number_parameter(side, analysis) for sure, side in zip(sides, (left, right), strict=True)]
    return all(sides) if operator == "+" else any(sides)


def _is_number_parameter(node: n.Expression, analysis: Analysis) -> bool:
    symbol = analysis.symbols.get(node)
    if not isinstance(symbol, Local) or not symbol.is_parameter or symbol.is_ref or symbol.type.array:
        return False
    return symbol.type.base in ("int", "float")


def _is_quick_call(node: n.Node, analysis: Analysis, facts: dict[Local, str]) -> bool:
    symbol = analysis.symbols.get(node)
    if not isinstance(symbol, EfunSymbol) or not isinstance(node, n.Call):
        return False
    if symbol.efun.name in _MEASURED:
        return all(fact_of(arg, facts, analysis) in _CONTAINERS for arg in node.args)
    return symbol.efun.name in QUICK_EFUNS


def study(body: n.Node, analysis: Analysis) -> Usage:
    """What `body` (of one function) does with its locals."""
    scan = _Scan(analysis)
    scan.visit(body)
    usage = scan.usage
    facts = usage.facts
    for local, values in scan.values.items():
        fact = LIST if local.type.array else FACT_OF_TYPE.get(local.type.base)
        if fact is None or local.is_parameter or local.is_ref or (local in usage.unset and fact is not INT):
            continue
        if all(operator in _PROVABLE for operator, _ in values):
            facts[local] = fact
    changed = True
    while changed:
        changed = False
        for local in list(facts):
            values = scan.values[local]
            if not all(_keeps(facts[local], operator, value, facts, analysis) for operator, value in values):
                del facts[local]
                changed = True
    usage.doubtful = {local for local, values in scan.values.items() if values and local not in facts}
    usage.accumulators = {
        local for local in scan.summed
        if facts.get(local) == INT and local not in scan.read_in_loop
        and all(operator in ("=", "+=", "-=") for operator, _ in scan.values[local])
    }
    return usage


_PROVABLE = frozenset(("scan int", *"= += -= *= /= %= &= |= ^= <<= >>= ++ --".split()))


def _keeps(fact: str, operator: str, value: n.Expression | None, facts: dict[Local, str], analysis: Analysis) -> bool:
    """Whether a variable of that fact keeps it through `variable operator value`."""
    if operator in ("++", "--"):
        return fact in NUMERIC
    if operator == "scan int":
        return fact == INT
    assert value is not None
    conversion = analysis.conversions.get(value)
    given = FACT_OF_TYPE.get(conversion.base) if conversion else fact_of(value, facts, analysis)
    if conversion and fact_of(value, facts, analysis) not in NUMERIC:
        return False
    if operator == "=":
        return given == fact or (fact == INT and given == BOOL)
    return _arithmetic(operator[:-1], fact, given) == fact


def _arithmetic(operator: str, left: str | None, right: str | None) -> str | None:
    left, right = (INT if left == BOOL else left), (INT if right == BOOL else right)
    if left == INT and right == INT:
        return INT
    if FLOAT in (left, right) and (operator in "-*/" or operator == "+" and {left, right} <= NUMERIC):
        return FLOAT
    if operator == "+" and (left == STR or right == STR) and {left, right} <= {STR, INT, FLOAT}:
        return STR
    if operator in "+-" and left == LIST and right == LIST:
        return LIST
    return MAP if operator == "+" and left == MAP and right == MAP else None


def fact_of(node: n.Expression, facts: dict[Local, str], analysis: Analysis) -> str | None:
    """What is certain about a value, given what is certain about locals."""
    finder = _FACTS.get(type(node))
    return finder(node, facts, analysis) if finder else None


def _fact_of_name(node: n.Name, facts: dict[Local, str], analysis: Analysis) -> str | None:
    symbol = analysis.symbols.get(node)
    return facts.get(symbol) if isinstance(symbol, Local) else None


def _fact_of_binary(node: n.Binary, facts: dict[Local, str], analysis: Analysis) -> str | None:
    if node.operator in _COMPARISONS:
        return BOOL
    left, right = fact_of(node.left, facts, analysis), fact_of(node.right, facts, analysis)
    if node.operator == "+" and FLOAT in (left, right):
        # A float plus something declared a number is a float, or an error.
        left, right = left or _declared(node.left, analysis), right or _declared(node.right, analysis)
    return _arithmetic(node.operator, left, right)


def _declared(node: n.Expression, analysis: Analysis) -> str | None:
    kind = analysis.types.get(node)
    return FACT_OF_TYPE[kind.base] if kind in (INT_TYPE, FLOAT_TYPE) else None


def _fact_of_unary(node: n.Unary, facts: dict[Local, str], analysis: Analysis) -> str | None:
    if node.operator == "!":
        return BOOL
    operand = fact_of(node.operand, facts, analysis)
    return INT if operand in (INT, BOOL) else FLOAT if operand == FLOAT and node.operator == "-" else None


def _fact_of_call(node: n.Call, facts: dict[Local, str], analysis: Analysis) -> str | None:
    symbol = analysis.symbols.get(node)
    return sure_result(symbol) if isinstance(symbol, EfunSymbol) else None


def sure_result(symbol: EfunSymbol) -> str | None:
    """The fact about an efun's result."""
    name, returns = symbol.efun.name, symbol.efun.prototype.returns
    if returns.base == "int" and not returns.array:
        return INT
    if returns.base == "float" and not returns.array:
        return FLOAT
    if name in _SURE_STRINGS:
        return STR
    if name in _SURE_ARRAYS:
        return LIST
    return MAP if name in _SURE_MAPPINGS else None


def _fact_of_conditional(node: n.Conditional, facts: dict[Local, str], analysis: Analysis) -> str | None:
    then, otherwise = fact_of(node.then, facts, analysis), fact_of(node.otherwise, facts, analysis)
    then, otherwise = (INT if then == BOOL else then), (INT if otherwise == BOOL else otherwise)
    return then if then == otherwise else None


_FACTS: dict[type[n.Node], Callable[..., str | None]] = {
    n.IntLiteral: lambda node, facts, analysis: INT,
    n.FloatLiteral: lambda node, facts, analysis: FLOAT,
    n.StringLiteral: lambda node, facts, analysis: STR,
    n.Template: lambda node, facts, analysis: STR,
    n.ArrayLiteral: lambda node, facts, analysis: LIST,
    n.MappingLiteral: lambda node, facts, analysis: MAP,
    n.Sscanf: lambda node, facts, analysis: INT,
    n.Name: _fact_of_name,
    n.Binary: _fact_of_binary,
    n.Unary: _fact_of_unary,
    n.Call: _fact_of_call,
    n.Conditional: _fact_of_conditional,
}
