"""Random LPC programs: typed functions that the checker accepts, over ints near the limits, floats, strings,
arrays, mappings and function values, with loops that end.

`programs()` is the strategy. A declaration is never a lie: what can be anything is `mixed` and stays so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

INTS = (
    "0", "1", "2", "3", "-1", "-2", "7", "10", "63", "64", "255", "1000", "1073741822", "1073741823", "1073741824",
    "4294967296", "4611686018427387904", "9223372036854775806", "9223372036854775807", "(-9223372036854775807 - 1)",
    "-9223372036854775807", "-1073741823", "-1073741824", "3037000500",
)
FLOATS = ("0.0", "1.0", "0.5", "1.5", "-2.25", "1e10", "9007199254740993.0", "-1e-7", "1e300", "9.3e18")
STRINGS = ('""', '"a"', '"abc"', '"key"', '"0"', '"\\u00e9t\\u00e9"', '"Zz\\n"')
TYPES = ("int", "float", "string", "int *", "mixed", "mapping")
INT_OPERATORS = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!=")
PAIR = "class pair { int a; string s; int *l; mixed m; }"
MEMBERS = {"int": ("a",), "string": ("s",), "int *": ("l",), "mixed": ("m",)}
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def is_constant(expression: str) -> bool:
    """Whether the compiler may compute an expression: no variable or call is in it. A constant zero to divide by is
    an error there."""
    return not re.search(r"[A-Za-z_]", re.sub(r'"[^"]*"|\de', "", expression))


@dataclass
class Scope:
    """The variables in reach, by type, and what may be written here."""

    variables: dict[str, list[str]] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)  # counters: assigning them could make a loop endless
    globals: dict[str, list[str]] = field(default_factory=dict)
    functions: list[tuple[str, str, tuple[str, ...], bool]] = field(default_factory=list)  # name, type, parameters, ref
    loops: int = 0
    breakable: bool = False
    repeats: bool = False  # `continue` is allowed
    parameters: int = 0  # of a functional: $1…
    pure: bool = False  # no locals: inside a functional

    def inner(self, **changes: Any) -> Scope:
        made = Scope({kind: list(names) for kind, names in self.variables.items()}, set(self.frozen), self.globals,
                     self.functions, self.loops, self.breakable, self.repeats, self.parameters, self.pure)
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def of(self, kind: str, *, writable: bool = False) -> list[str]:
        found = self.globals.get(kind, []) + ([] if self.pure else self.variables.get(kind, []))
        return [name for name in found if not writable or name not in self.frozen]


class Writer:
    """Writes one program, asking hypothesis at every choice."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.names = 0

    def pick(self, choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def chance(self, of: int) -> bool:
        return bool(self.draw(st.integers(0, of - 1)) == of - 1)

    def number(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def name(self, prefix: str = "v") -> str:
        self.names += 1
        return f"{prefix}{self.names}"

    # ---------------------------------------------------------------------------------------- expressions

    def expression(self, kind: str, scope: Scope, depth: int) -> str:
        if depth <= 0:
            return self.leaf(kind, scope)
        if self.chance(8):
            return self.assignment(kind, scope, depth - 1)
        if self.chance(10):
            test = self.expression("int", scope, depth - 1)
            return f"({test} ? {self.expression(kind, scope, depth - 1)} : {self.expression(kind, scope, depth - 1)})"
        if self.chance(14):
            return f"({self.expression('int', scope, 0)}, {self.expression(kind, scope, depth - 1)})"
        if self.chance(10):
            made = self.call(kind, scope, depth - 1)
            if made is not None:
                return made
        maker = getattr(self, "make_" + kind.replace(" *", "_array"))
        return str(maker(scope, depth - 1))

    def leaf(self, kind: str, scope: Scope) -> str:
        names = scope.of(kind)
        if kind == "mixed" and scope.parameters and self.chance(2):
            return f"${self.number(1, scope.parameters)}"
        if names and not self.chance(3):
            return str(self.pick(names))
        if kind == "int":
            return str(self.pick(INTS))
        if kind == "float":
            return str(self.pick(FLOATS))
        if kind == "string":
            return str(self.pick(STRINGS))
        if kind == "int *":
            return str(self.pick(("({ })", "({ 1 })", "({ 3, 1, 2 })", "({ 9223372036854775807, 0 })")))
        if kind == "mapping":
            return str(self.pick(('([ ])', '([ "a": 1, "key": 2.5 ])', '([ 1: "a", 1.0: "b", "x": ({ 1 }) ])')))
        return self.leaf(self.pick(TYPES[:4] + TYPES[5:]), scope)

    def assignment(self, kind: str, scope: Scope, depth: int) -> str:
        names = scope.of(kind, writable=True)
        if not names:
            return self.leaf(kind, scope)
        name = self.pick(names)
        value = self.expression(kind, scope, depth)
        if kind == "int":
            if self.chance(3):
                step = self.pick(("++", "--"))
                return f"({step}{name})" if self.chance(2) else f"({name}{step})"
            operator = self.pick(("=", "=", "+=", "-=", "*=", "&=", "|=", "^=", "/=", "%=", "<<=", ">>=", "&&=", "||="))
        elif kind == "float":
            operator = self.pick(("=", "=", "+=", "-=", "*="))
        elif kind in ("string", "mapping"):
            operator = self.pick(("=", "+="))
        elif kind == "int *":
            operator = self.pick(("=", "+=", "-=", "&=", "|="))
        else:
            operator = self.pick(("=", "=", "+=", "??=", "||=", "&&="))
        return f"({name} {operator} {value})"

    def call(self, kind: str, scope: Scope, depth: int) -> str | None:
        fitting = [f for f in scope.functions if f[1] == kind]
        if not fitting:
            return None
        name, _, parameters, has_reference = self.pick(fitting)
        args = []
        for at, parameter in enumerate(parameters):
            if at == 0 and has_reference:
                target = self.target(parameter, scope)
                if target is None:
                    return None
                args.append(f"ref {target}")
            else:
                args.append(self.expression(parameter, scope, depth))
        return f"{name}({', '.join(args)})"

    def target(self, kind: str, scope: Scope) -> str | None:
        """Something of a type that may be passed by reference."""
        parts = {
            "int": [f"{name}[{self.small(scope, 1)}]" for name in scope.of("int *")[:2]],
            "mixed": [f"{name}[{self.key(scope, 1)}]" for name in scope.of("mapping")[:2]],
        }.get(kind, [])
        parts += [f"{name}->{member}" for name in scope.of("class pair")[:2] for member in MEMBERS.get(kind, ())]
        names = scope.of(kind, writable=True) + (parts if not scope.pure else [])
        return str(self.pick(names)) if names else None

    def make_int(self, scope: Scope, depth: int) -> str:
        choice = self.number(0, 11)
        if choice < 5:
            left, right = self.expression("int", scope, depth), self.expression("int", scope, depth)
            operator = self.pick(INT_OPERATORS)
            if operator in "/%" and is_constant(right):
                right = f"({right} | 1)"
            return f"({left} {operator} {right})"
        if choice == 5:
            return f"({self.pick('-~!')} {self.expression('int', scope, depth)})"
        if choice == 6:
            return f"({self.expression('int', scope, depth)} {self.pick(('&&', '||'))} " \
                   f"{self.expression('int', scope, depth)})"
        if choice == 7:
            kind = self.pick(("int *", "string", "mapping", "mixed"))
            return f"sizeof({self.expression(kind, scope, depth)})"
        if choice == 8:
            kind = self.pick(("float", "string"))
            left, right = self.expression(kind, scope, depth), self.expression(kind, scope, depth)
            return f"({left} {self.pick(COMPARISONS)} {right})"
        if choice == 9:
            return f"{self.container('int *', scope)}[{'<' if self.chance(3) else ''}{self.expression('int', scope, depth)}]"
        if choice == 10:
            kind = self.pick(TYPES)
            test = self.pick(("stringp", "arrayp", "mapp", "intp", "floatp", "undefinedp"))
            return f"{test}({self.expression(kind, scope, depth)})"
        left, right = self.opaque(scope, depth), self.opaque(scope, depth)
        return f"({left} {self.pick(('==', '!=', '==', '!=', '<', '>='))} {right})"

    def make_float(self, scope: Scope, depth: int) -> str:
        kinds = self.pick((("float", "float"), ("int", "float"), ("float", "int")))
        left, right = (self.expression(kind, scope, depth) for kind in kinds)
        return f"({left} {self.pick('+-*' if is_constant(right) else '+-*/')} {right})"

    def make_string(self, scope: Scope, depth: int) -> str:
        choice = self.number(0, 4)
        if choice == 0:
            kinds = self.pick((("string", "string"), ("int", "string"), ("string", "float"), ("string", "int")))
            left, right = (self.expression(kind, scope, depth) for kind in kinds)
            return f"({left} + {right})"
        if choice == 1:
            return f"{self.container('string', scope)}{self.range(scope, depth)}"
        if choice == 2:
            return f"`<${{{self.expression(self.pick(TYPES[:3]), scope, 0)}}}>`"
        if choice == 3:
            return f'sprintf("%d:%s", {self.expression("int", scope, depth)}, {self.expression("string", scope, 0)})'
        return f"typeof({self.expression(self.pick(TYPES), scope, depth)})"

    def range(self, scope: Scope, depth: int) -> str:
        first, last = ("<" if self.chance(3) else "", "<" if self.chance(3) else "")
        ends = f"{first}{self.small(scope, depth)}"
        return f"[{ends}..]" if self.chance(4) else f"[{ends}..{last}{self.small(scope, depth)}]"

    def small(self, scope: Scope, depth: int) -> str:
        return str(self.number(0, 4)) if self.chance(2) else self.expression("int", scope, min(depth, 1))

    def make_int_array(self, scope: Scope, depth: int) -> str:
        choice = self.number(0, 4)
        if choice == 0:
            items = [self.expression("int", scope, depth) for _ in range(self.number(0, 3))]
            if self.chance(4):
                items.append(self.leaf("int *", scope) + "...")
            return "({ " + ", ".join(items) + " })"
        if choice == 1:
            left, right = self.expression("int *", scope, depth), self.expression("int *", scope, depth)
            return f"({left} {self.pick('+-&|')} {right})"
        if choice == 2:
            return f"{self.container('int *', scope)}{self.range(scope, depth)}"
        if choice == 3:
            return f"allocate({self.number(0, 4)})"
        return f"map({self.leaf('int *', scope)}, (: sizeof(({{ $1 }})) + {self.captured(scope)} :))"

    def container(self, kind: str, scope: Scope) -> str:
        """A variable; the checker folds indexes of literals, so those come as something else."""
        names = scope.of(kind)
        if names:
            return str(self.pick(names))
        return f"(1 ? {self.leaf(kind, scope)} : {self.leaf(kind, scope)})"

    def opaque(self, scope: Scope, depth: int) -> str:
        """Something of which the checker knows nothing."""
        return f"((mixed)({self.expression('mixed', scope, depth)}))" if depth > 0 else \
            str(self.pick(scope.of("mixed") or ["((mixed) 0)"]))

    def captured(self, scope: Scope) -> str:
        return f"$({self.expression('int', scope, 1)})"

    def make_mapping(self, scope: Scope, depth: int) -> str:
        if self.chance(3):
            left, right = self.expression("mapping", scope, depth), self.expression("mapping", scope, depth)
            return f"({left} + {right})"
        pairs = [f"{self.key(scope, depth)}: {self.expression('mixed', scope, depth)}" for _ in range(self.number(0, 3))]
        return f"([ {', '.join(pairs)} ])"

    def key(self, scope: Scope, depth: int) -> str:
        return self.expression(self.pick(("string", "int", "float", "string")), scope, min(depth, 1))

    def make_mixed(self, scope: Scope, depth: int) -> str:
        choice = self.number(0, 7)
        if choice == 0:
            return f"{self.leaf('mapping', scope)}[{self.key(scope, depth)}]"
        if choice == 1:
            left, right = self.opaque(scope, depth), self.opaque(scope, depth)
            return f"({left} {self.pick(('??', '||', '&&', '+', '-', '*', '<', '/', '%', '&'))} {right})"
        if choice == 2:
            return f"catch({self.expression('mixed', scope, depth)})"
        if choice == 3:
            inner = scope.inner(pure=True, parameters=2)
            return f"evaluate((: {self.functional(inner, scope, depth)} :), {self.expression('mixed', scope, depth)})"
        if choice == 4:
            return f"(mixed)({self.expression(self.pick(TYPES), scope, depth)})"
        if choice == 5:
            return f"{self.leaf('mapping', scope)}?.key"
        items = [self.expression("mixed", scope, depth) for _ in range(self.number(0, 3))]
        return "({ " + ", ".join(items) + " })"

    def functional(self, inner: Scope, outer: Scope, depth: int) -> str:
        body = self.expression("mixed", inner, depth)
        return f"({body}, $1)" if self.chance(3) else f"({{ {body}, {self.captured(outer)} }})"

    # ----------------------------------------------------------------------------------------- statements

    def block(self, scope: Scope, depth: int, most: int = 4) -> str:
        inner = scope.inner()
        return "{ " + " ".join(self.statement(inner, depth) for _ in range(self.number(1, most))) + " }"

    def statement(self, scope: Scope, depth: int) -> str:
        choice = self.number(0, 17)
        if choice >= 14:
            return (self.nested, self.members, self.scan, self.calls)[choice - 14](scope)
        if choice < 3:
            return self.declaration(scope)
        if choice < 6 or depth <= 0:
            return self.expression(self.pick(TYPES), scope, 2) + ";" if self.chance(3) else self.store(scope)
        if choice == 6:
            otherwise = f" else {self.block(scope, depth - 1)}" if self.chance(2) else ""
            return f"if ({self.condition(scope)}) {self.block(scope, depth - 1)}{otherwise}"
        if choice in (7, 8) and scope.loops < 2:
            return self.loop(scope, depth)
        if choice == 9 and scope.loops < 2:
            return self.foreach(scope, depth)
        if choice == 10:
            return self.switch(scope, depth)
        if choice == 11:
            return f"catch {self.block(scope.inner(breakable=False, repeats=False), depth - 1)};"
        if choice == 12 and scope.breakable:
            return f"if ({self.condition(scope)}) {self.pick(('break', 'continue') if scope.repeats else ('break',))};"
        if choice == 13 and self.chance(4):
            return f"if ({self.condition(scope)}) return ({{ {self.expression('mixed', scope, 1)} }});"
        return self.store(scope)

    def declaration(self, scope: Scope) -> str:
        kind = self.pick(TYPES)
        name = self.name()
        value = f" = {self.expression(kind, scope, 2)}" if not self.chance(4) else ""
        scope.variables.setdefault(kind, []).append(name)
        base, star, _ = kind.partition(" *")
        return f"{base} {'*' if star else ''}{name}{value};"

    def condition(self, scope: Scope) -> str:
        return self.expression(self.pick(("int", "int", "int", "mixed", "float")), scope, 2)

    def store(self, scope: Scope) -> str:
        """An assignment to a variable or a part of one."""
        kind = self.pick(TYPES)
        names = scope.of(kind, writable=True)
        if not names:
            return self.declaration(scope)
        name = self.pick(names)
        choice = self.number(0, 3)
        if choice and kind == "int *":
            if choice == 1:
                return f"{name}{self.range(scope, 1)} = {self.expression(kind, scope, 1)};"
            operator = self.pick(("=", "+=", "-=", "*=", "|="))
            return f"{name}[{self.small(scope, 1)}] {operator} {self.expression('int', scope, 1)};"
        if choice and kind == "string":
            if choice == 1:
                return f"{name}{self.range(scope, 1)} = {self.expression(kind, scope, 1)};"
            operator = self.pick(("=", "=", "+="))
            return f"{name}[{self.small(scope, 1)}] {operator} {self.expression('int', scope, 1)};"
        if choice and kind == "mapping":
            key = self.key(scope, 1)
            if choice == 1:
                return f"{name}[{key}]{self.pick(('++', '--'))};"
            operator = self.pick(("=", "=", "+=", "-=", "??=", "||="))
            inner = f"[{self.small(scope, 1)}]" if self.chance(5) else ""
            return f"{name}[{key}]{inner} {operator} {self.expression('mixed', scope, 1)};"
        if choice == 3 and kind == "mixed":
            return f"{name}[{self.small(scope, 1)}] = {self.expression('mixed', scope, 1)};"
        return self.assignment(kind, scope, 3) + ";"

    def nested(self, scope: Scope) -> str:
        """Assignments to parts of what a mapping or an array holds."""
        name = self.pick(scope.of("mapping"))
        value = self.expression(self.pick(("string", "int *", "string", "int *", "mapping")), scope, 1)
        part = f'{name}["n"]'
        made = [f"{part} = {value};"]
        for _ in range(self.number(1, 2)):
            choice = self.number(0, 4)
            if choice == 0:
                made.append(f"{part}{self.range(scope, 1)} = {self.expression(self.pick(('string', 'int *')), scope, 1)};")
            elif choice == 1:
                made.append(f"{part}[{self.small(scope, 1)}]{self.pick(('++', '--'))};")
            elif choice == 2:
                made.append(f"{part}[{'<' if self.chance(2) else ''}{self.small(scope, 1)}] = "
                            f"{self.expression('int', scope, 1)};")
            elif choice == 3:
                made.append(f"({part} = {value})[{self.small(scope, 1)}] {self.pick(('=', '+='))} "
                            f"{self.expression('int', scope, 1)};")
            else:
                made.append(f"{part}[{self.small(scope, 1)}] {self.pick(('+=', '-=', '*=', '??=', '||='))} "
                            f"{self.expression('int', scope, 1)};")
        return " ".join(made)

    def members(self, scope: Scope) -> str:
        """A class instance, and assignments to its members."""
        names = scope.of("class pair")
        if not names or self.chance(4):
            name = self.name("c")
            given = [f"{member}: {self.expression(kind, scope, 1)}" for kind, (member,) in MEMBERS.items()
                     if not self.chance(4)]
            scope.variables.setdefault("class pair", []).append(name)
            return f"class pair {name} = new(class pair{''.join(', ' + one for one in given)});"
        name = self.pick(names)
        choice = self.number(0, 5)
        if choice == 0:
            return f"{name}->s[{self.small(scope, 1)}] {self.pick(('=', '+='))} {self.expression('int', scope, 1)};"
        if choice == 1:
            return f"{name}->l{self.range(scope, 1)} = {self.expression('int *', scope, 1)};"
        if choice == 2:
            return f"{name}->l[{self.small(scope, 1)}] {self.pick(('=', '-=', '^='))} {self.expression('int', scope, 1)};"
        if choice == 3:
            return f"{name}->a{self.pick(('++', '--'))};"
        kind = self.pick(tuple(MEMBERS))
        operator = self.pick(("=", "+=") if kind != "mixed" else ("=", "??=", "||=", "+="))
        return f"{name}->{MEMBERS[kind][0]} {operator} {self.expression(kind, scope, 2)};"

    def scan(self, scope: Scope) -> str:
        """sscanf() into whatever there is."""
        text = self.pick(('"12 abc"', '"7 9223372036854775807"', '"x 3"', '"99999999999999999999 a"', '"1.5 key"'))
        names = [name for kind in ("int", "mixed") for name in scope.of(kind, writable=True)]
        first, second = self.pick(names), self.pick(names)
        formats = ("%d %d", "%d %*s%d", "%s %d", "%f %s") if second in scope.of("mixed") and first in scope.of("mixed") \
            else ("%d %d", "%d x%d")
        return f'sscanf({text}, "{self.pick(formats)}", {first}, {second});'

    def calls(self, scope: Scope) -> str:
        """Calls of function values, and with arguments spread out."""
        choice = self.number(0, 4)
        target = self.pick(scope.of("mixed", writable=True))
        arguments = ", ".join(self.expression(self.pick(TYPES), scope, 1) for _ in range(self.number(0, 3)))
        if choice == 0:
            name = self.name("fp")
            inner = Scope(globals=scope.globals, functions=scope.functions)
            inner.variables = {"int": [self.name("p")], "mixed": [self.name("p")]}
            body = " ".join(self.statement(inner, 0) for _ in range(self.number(0, 2)))
            made = (f"function (int {inner.variables['int'][0]}, mixed {inner.variables['mixed'][0]}) "
                    f"{{ {body} return ({{ {', '.join(inner.variables['mixed'] + inner.variables['int'])} }}); }}")
            first = self.expression("int", scope, 1)
            given = f"{first}{', ' if arguments else ''}{arguments}"
            return f"function {name} = {made}; {target} = (*{name})({given}); {target} = {name}({first});"
        if choice == 1:
            return f"{target} = collect({self.container('int *', scope)}..., {self.expression('mixed', scope, 1)});"
        if choice == 2:
            return f"{target} = defaults({arguments});"
        if choice == 3 and scope.loops < 2:
            inner = scope.inner(loops=scope.loops + 1, breakable=True, repeats=True)
            item = self.name()
            inner.variables.setdefault("int", []).append(item)
            place = self.pick(scope.of("int *"))
            return f"foreach (int ref {item} in {place}) {self.block(inner, 1, 2)}"
        return f"{target} = collect({arguments});"

    def loop(self, scope: Scope, depth: int) -> str:
        inner = scope.inner(loops=scope.loops + 1, breakable=True, repeats=True)
        counter = self.name("i")
        inner.variables.setdefault("int", []).append(counter)
        inner.frozen.add(counter)
        choice = self.number(0, 6)
        if choice < 3:
            start, step = self.pick(("0", "1", "-2", "3")), self.pick(("1", "1", "1", "2", "3"))
            advance = f"{counter}++" if step == "1" else f"{counter} += {step}"
            limit = self.pick((*scope.of("int"), "3", "5", "2", f"sizeof({self.leaf('int *', scope)})"))
            body = self.block(inner, depth - 1)
            test = f"{counter} {self.pick(('<', '<='))} {limit}"
            guard = f"if ({counter} > 6) break; "
            if self.chance(2):
                outer = self.name("i")
                # The counter lives on after the loop.
                scope.variables.setdefault("int", []).append(outer)
                head = f"int {outer}; for ({outer} = {start}; "
                text = f"{test}; {advance}) {{ {guard}{body[1:]}"
                return head + text.replace(counter, outer)
            return f"for (int {counter} = {start}; {test}; {advance}) {{ {guard}{body[1:]}"
        if choice == 3:
            body = self.block(inner, depth - 1)
            return f"for (int {counter} = {self.number(0, 4)}; {counter} > 0; {counter}--) {body}"
        if choice == 4:
            body = self.block(inner, depth - 1)
            test = self.condition(inner)
            return f"{{ int {counter} = {self.number(0, 4)}; while ({counter}-- > 0 && ({test})) {body} }}"
        if choice == 5:
            body = self.block(inner, depth - 1)
            test = self.condition(inner)
            return f"{{ int {counter} = {self.number(0, 4)}; do {body} while (--{counter} > 0 || ({test}) && {counter} > -2); }}"
        body = self.block(inner, depth - 1)
        low = self.pick(("9223372036854775804", "9223372036854775800"))
        return f"for (int {counter} = {low}; {counter} < 9223372036854775807; {counter}++) {body}"

    def foreach(self, scope: Scope, depth: int) -> str:
        inner = scope.inner(loops=scope.loops + 1, breakable=True, repeats=True)
        item = self.name()
        choice = self.number(0, 3)
        if choice == 0:
            other = self.name()
            inner.variables.setdefault("mixed", []).extend((item, other))
            return f"foreach (mixed {item}, mixed {other} in {self.leaf('mapping', scope)}) {self.block(inner, depth - 1)}"
        kind = self.pick(("int *", "string"))
        inner.variables.setdefault("int", []).append(item)
        return f"foreach (int {item} in {self.expression(kind, scope, 1)}) {self.block(inner, depth - 1)}"

    def switch(self, scope: Scope, depth: int) -> str:
        inner = scope.inner(breakable=True)
        strings = self.chance(3)
        subject = self.expression("string" if strings else "int", scope, 1)
        labels: list[str] = []
        pool = (['"a"', '"abc"', '"key"', '""', '"string"', "0", '"int"', '"zz"'] if strings
                else ["0", "1", "-1", "2..5", "7", "10..63", "64", "9223372036854775807", "..-5", "1000..4294967296"])
        count = self.number(1, len(pool))
        labels = [f"case {label}:" for label in pool[:count]]
        if self.chance(2):
            labels.insert(self.number(0, len(labels)), "default:")
        parts = []
        for label in labels:
            parts.append(label)
            if not self.chance(4):
                parts.append(self.block(inner, depth - 1, 2))
                if not self.chance(3):
                    parts.append(self.pick(("break;", "break;", "continue;")) if scope.repeats else "break;")
        return f"switch ({subject}) {{ {' '.join(parts)} }}"

    # -------------------------------------------------------------------------------------------- program

    def function(self, scope: Scope) -> str:
        kind = self.pick(TYPES[:5])
        has_reference = self.chance(3)
        parameters = [self.pick(TYPES) for _ in range(self.number(1 if has_reference else 0, 3))]
        inner = Scope(globals=scope.globals, functions=list(scope.functions))
        declared = []
        for at, parameter in enumerate(parameters):
            name = self.name("p")
            inner.variables.setdefault(parameter, []).append(name)
            base, star, _ = parameter.partition(" *")
            reference = "ref " if at == 0 and has_reference else ""
            declared.append(f"{base} {reference}{'*' if star else ''}{name}")
        body = " ".join(self.statement(inner, 1) for _ in range(self.number(0, 3)))
        body = body.replace("return ({", "({")  # only run() returns what it has at hand
        result = self.expression(kind, inner, 2)
        name = self.name("f")
        scope.functions.append((name, kind, tuple(parameters), has_reference))
        base, star, _ = kind.partition(" *")
        return f"{base} {'*' if star else ''}{name}({', '.join(declared)}) {{ {body} return {result}; }}"

    def program(self) -> str:
        scope = Scope()
        lines = [PAIR]
        for kind in TYPES:
            name = self.name("g")
            scope.globals[kind] = [name]
            base, star, _ = kind.partition(" *")
            value = f" = {self.leaf(kind, Scope())}" if not self.chance(3) else ""
            lines.append(f"{base} {'*' if star else ''}{name}{value};")
        lines.append("mixed collect(mixed first, mixed rest...) { return ({ first, rest }); }")
        default = self.expression("mixed", Scope(globals=scope.globals), 1)
        lines.append(f"mixed defaults(mixed a : (: 7 :), mixed b : (: {default} :)) {{ return ({{ a, b }}); }}")
        lines += [self.function(scope) for _ in range(self.number(0, 2))]
        inner = Scope(globals=scope.globals, functions=scope.functions)
        body = [self.statement(inner, 3) for _ in range(self.number(1, 7))]
        names = [name for kind in inner.variables.values() for name in kind]
        names += [name for kind in scope.globals.values() for name in kind]
        lines.append("mixed run() {\n  " + "\n  ".join(body) + f"\n  return ({{ {', '.join(names)} }});\n}}")
        return "\n".join(lines)


@st.composite
def programs(draw: Any) -> str:
    """The text of a program whose `run()` gives everything it has computed."""
    return Writer(draw).program()
