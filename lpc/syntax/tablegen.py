"""From grammar.lark to the parse table: lark builds the LALR(1) automaton, this makes it small and fast.

Nothing at run time imports this module or lark: `lpc/syntax/table.py` is its printed result, and a test
(and `python -m lpc gen --check`) proves that it matches the grammar.

A grammar without operator levels still has chains such as name -> primary -> simple -> unary -> chain, whose
rules only pass a value on. Two rewrites of the automaton remove those steps where they are certain:

- a state that can do nothing but pass its value on as A is skipped: its predecessors go where A leads;
- a reduction to A that, whatever lies below it, is followed by passing A on as B reduces to B at once.

Both leave the language and the actions called as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from lark import Lark
from lark.lexer import Lexer, Token
from lark.parsers.lalr_analysis import Shift

GRAMMAR: Final = Path(__file__).with_name("grammar.lark")
TABLE: Final = Path(__file__).with_name("table.py")
START: Final = "program"


class Reduction(NamedTuple):
    """Replace `size` values by what `action` makes of them ("" passes the only one on); it is a `result`."""

    size: int
    action: str
    result: str

    @property
    def passes_on(self) -> bool:
        """Whether the value does not change."""
        return not self.action


@dataclass(slots=True)
class State:
    """One state: where a shifted terminal or a finished nonterminal leads, and what to reduce on which lookahead."""

    goto: dict[str, int]
    reduce: dict[str, Reduction]


class _NoLexer(Lexer):
    """Lark wants a lexer; ours is elsewhere and this one is never run."""

    def __init__(self, lexer_conf: object) -> None:
        del lexer_conf

    def lex(self, lexer_state: object, parser_state: object) -> Iterator[Token]:
        raise NotImplementedError


def build(grammar: str) -> list[State]:
    """The automaton of a grammar, numbered by a walk from the start state (so equal for equal grammars)."""
    lark = Lark(grammar, parser="lalr", lexer=_NoLexer, start=START, maybe_placeholders=False)
    table = lark.parser.parser._parse_table  # lark has no public name for it
    order = [table.start_states[START]]
    number = {order[0]: 0}
    states = []
    for old in order:  # grows while we go
        state = State({}, {})
        for symbol, (kind, argument) in sorted(table.states[old].items(), key=lambda item: str(item[0])):
            if kind is not Shift:
                state.reduce[symbol] = Reduction(len(argument.expansion), argument.alias or "", argument.origin.name)
                continue
            if argument not in number:
                number[argument] = len(order)
                order.append(argument)
            state.goto[symbol] = number[argument]
        states.append(state)
    # Lark ends its run by comparing states; for us the end of the file is a token like any other.
    states[number[table.end_states[START]]].goto["$END"] = len(states)
    states.append(State({}, {}))
    _check(states)
    return states


def _check(states: list[State]) -> None:
    """An alternative without an action must be one symbol long, or its values would be lost."""
    for state in states:
        for rule in state.reduce.values():
            if rule.passes_on and rule.size != 1:
                raise ValueError(f"grammar.lark: an alternative of '{rule.result}' ({rule.size} symbols) has no action")


def simplify(states: list[State]) -> list[State]:
    """Apply both rewrites until nothing changes; drop the states nobody reaches any more."""
    while _skip_states(states) or _lengthen_reductions(states):
        pass
    reached = [0]
    number = {0: 0}
    for old in reached:
        for target in states[old].goto.values():
            if target not in number:
                number[target] = len(reached)
                reached.append(target)
    return [State({symbol: number[to] for symbol, to in states[old].goto.items()}, states[old].reduce)
            for old in reached]


def _skip_states(states: list[State]) -> bool:
    changed = False
    skippable = {}
    for index, state in enumerate(states):
        rules = set(state.reduce.values())
        if not state.goto and len(rules) == 1 and (rule := next(iter(rules))).passes_on:
            skippable[index] = rule.result
    for state in states:
        for symbol, target in state.goto.items():
            if target in skippable:
                state.goto[symbol] = state.goto[skippable[target]]
                changed = True
    return changed


def _lengthen_reductions(states: list[State]) -> bool:
    changed = False
    below: list[set[int]] = [set() for _ in states]
    for index, state in enumerate(states):
        for target in state.goto.values():
            below[target].add(index)
    for index, state in enumerate(states):
        exposed: dict[int, set[int]] = {}  # how many popped -> the states that may lie there
        for terminal, rule in state.reduce.items():
            if rule.size not in exposed:
                exposed[rule.size] = _pop(below, index, rule.size)
            results = {_passed_on_as(states[states[under].goto[rule.result]], terminal)
                       for under in exposed[rule.size] if rule.result in states[under].goto}
            if len(results) == 1 and (result := results.pop()) is not None:
                state.reduce[terminal] = Reduction(rule.size, rule.action, result)
                changed = True
    return changed


def _pop(below: list[set[int]], state: int, count: int) -> set[int]:
    found = {state}
    for _ in range(count):
        found = set().union(*(below[index] for index in found))
    return found


def _passed_on_as(state: State, terminal: str) -> str | None:
    rule = state.reduce.get(terminal)
    return rule.result if rule is not None and rule.passes_on else None


def generate_table(grammar: str | None = None) -> str:
    """The text of lpc/syntax/table.py for the grammar (by default grammar.lark's)."""
    states = simplify(build(grammar if grammar is not None else GRAMMAR.read_text(encoding="utf-8")))
    rules = sorted({rule for state in states for rule in state.reduce.values()})
    number = {rule: index for index, rule in enumerate(rules)}
    lookaheads: dict[str, int] = {}
    rows = []
    for state in states:
        by_rule: dict[int, list[str]] = {}
        for terminal, rule in state.reduce.items():
            by_rule.setdefault(number[rule], []).append(terminal)
        pairs = [(rule, lookaheads.setdefault(" ".join(sorted(terminals)), len(lookaheads)))
                 for rule, terminals in sorted(by_rule.items())]
        gotos = ", ".join(f'"{symbol}": {target}' for symbol, target in sorted(state.goto.items()))
        rows.append(f"    ({{{gotos}}}, {tuple(pairs)!r}),")
    return "\n".join([
        '"""The parse table of grammar.lark, made by `python -m lpc gen` (lpc/syntax/tablegen.py): do not edit."""',
        "# ruff: noqa: E501",
        "",
        "#: (number of values, action, what it makes); an action \"\" passes the only value on.",
        "REDUCTIONS: tuple[tuple[int, str, str], ...] = (",
        *(f'    ({rule.size}, "{rule.action}", "{rule.result}"),' for rule in rules),
        ")",
        "",
        "#: The sets of lookahead terminals the states share.",
        "LOOKAHEADS: tuple[str, ...] = (",
        *(f'    "{terminals}",' for terminals in lookaheads),
        ")",
        "",
        "#: Per state: where a symbol leads, and (reduction, lookahead set) index pairs. State 0 is the start.",
        "STATES: tuple[tuple[dict[str, int], tuple[tuple[int, int], ...]], ...] = (",
        *rows,
        ")",
        "",
    ])


def parser_table() -> dict[str, str]:
    """One of the generators behind `pylpc gen`."""
    return {"lpc/syntax/table.py": generate_table()}
