"""Whatever the tokens are, the parser gives a tree and messages: no exception, no endless loop."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lpc.diagnostics import Diagnostics, Severity
from lpc.source import SourceMap, position
from lpc.syntax import nodes
from lpc.syntax.automaton import START
from lpc.syntax.parser import parse
from lpc.syntax.printer import dump
from lpc.syntax.tokens import KEYWORDS, LITERALS, OPERATORS, Token
from lpc.syntax.walk import find_too_deep, walk

VALUES = {"IDENTIFIER": "name", "INT": 1, "FLOAT": 1.5, "STRING": "text", "PARAMETER": 1, "TEMPLATE_BEGIN": "a",
          "TEMPLATE_MIDDLE": "b", "TEMPLATE_END": "c"}
ALPHABET = [*KEYWORDS.items(), *OPERATORS.items(), *((word, "IDENTIFIER") for word in ("name", "static", "status"))]

PROGRAM = """
inherit "/a"; private int x = 1, *y; class p { int a; string *b; } private:
varargs mixed f(int a, string ref *b, mixed c...) {
  int i = 0, j; ; if (a) { b = ({ 1, a..., }); } else if (b) return 1; else { }
  for (int k = 0; k < 3; k++) f(ref k, &j)[1](2); while (1) break; do { continue; } while (x || y = 1);
  foreach (string s, int v in ([ "a": 1, ])) switch (s) { case 1: case 2..3: case ..4: default: j = a ? b : c; }
  x[1..<2] = y[<1..] + (: $1 + $(i) :) - (: f, 1 :) * (: efun::f :) / function (int q) { return q; };
  catch { ob->f(1)->x.y?.z?.[1]; } ; sscanf(x, "y", z); new(class p, a: 1); ::f(); p::f(); (*f)((int) -x, !~x);
}
"""


def tokens(words: list[tuple[str, str]], layout: list[tuple[bool, int]]) -> list[Token]:
    """Tokens of (spelling, terminal) pairs; the layout tells where lines begin and how they are indented."""
    made = []
    line, column = 1, 0
    for index, (spelling, terminal) in enumerate(words):
        breaks, indent = layout[index % len(layout)] if layout else (False, 0)
        line, column = (line + 1, indent) if breaks else (line, column + 2)
        made.append(Token(terminal, VALUES.get(terminal, spelling) if spelling != "static" else spelling,
                          position(line, column), position(line, column + 1)))
    return made


def check(items: list[Token], script: bool) -> nodes.ProgramNode:
    """Parse, and check what must hold of any result."""
    found = Diagnostics(SourceMap())
    program = parse(items, found, script=script, pragmas=frozenset())
    assert dump(program).startswith("(ProgramNode [")
    assert all(find_too_deep(item) is None for item in program.declarations)
    assert all(node.start <= node.end for node in walk(program))
    assert script or not any(isinstance(item, nodes.TopLevelStatement) for item in program.declarations)
    return program


def words_of(text: str) -> list[tuple[str, str]]:
    """(spelling, terminal) pairs of simple source text."""
    operators = map(re.escape, sorted(OPERATORS, key=len, reverse=True))
    pattern = "|".join([r"[A-Za-z_]\w*", r"\$?\d+", r'"[^"]*"', *operators])
    return [(word, KEYWORDS.get(word) or OPERATORS.get(word) or
             ("PARAMETER" if word[0] == "$" else "INT" if word[0].isdigit() else
              "STRING" if word[0] == '"' else "IDENTIFIER")) for word in re.findall(pattern, text)]


WORDS = st.one_of(st.sampled_from(ALPHABET), st.sampled_from([(kind, kind) for kind in LITERALS]))
LAYOUT = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=7)


@settings(max_examples=300, deadline=None)
@given(words=st.lists(WORDS, max_size=80), layout=LAYOUT, script=st.booleans())
def test_any_tokens(words: list[tuple[str, str]], layout: list[tuple[bool, int]], script: bool) -> None:
    check(tokens(words, layout), script)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), layout=LAYOUT, script=st.booleans())
def test_damaged_programs(data: st.DataObject, layout: list[tuple[bool, int]], script: bool) -> None:
    words = words_of(PROGRAM)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(words) - 1))
        change = data.draw(st.sampled_from(("drop", "insert", "replace", "cut")))
        if change == "cut":
            words = words[:at + 1]
        else:
            words[at:at + (change != "insert")] = [] if change == "drop" else [data.draw(WORDS)]
        if not words:
            break
    check(tokens(words, layout), script)


def test_the_program_itself_has_no_mistakes() -> None:
    found = Diagnostics(SourceMap())
    parse(tokens(words_of(PROGRAM), [(True, 1), (False, 0)]), found, script=False, pragmas=frozenset())
    assert [item.message for item in found.found] == []


def random_sentence(chance: random.Random, limit: int) -> list[str]:
    """Terminals along a random way through the automaton: mostly right, and reaching every state."""
    states = [START, START["program"]]
    sentence: list[str] = []
    while len(sentence) < limit:
        terminals = [symbol for symbol in states[-1] if symbol.isupper()]
        if not terminals:
            break
        kind = chance.choice(terminals)
        while type(move := states[-1].get(kind)) is not dict:
            if move is None:
                return sentence
            size, result = (1, move) if type(move) is str else (-move[0], move[2])
            del states[len(states) - size:]
            states.append(states[-1][result])
        states.append(move)
        if kind != "TOPLEVEL":
            sentence.append(kind)
    return sentence


SPELLINGS = {terminal: spelling for spelling, terminal in [*KEYWORDS.items(), *OPERATORS.items()]}


@pytest.mark.parametrize("seed", range(150))
def test_ways_through_the_grammar(seed: int) -> None:
    chance = random.Random(seed)
    sentence = random_sentence(chance, 120)
    words = [(SPELLINGS.get(kind, "name"), kind) for kind in sentence]
    layout = [(chance.random() < 0.3, chance.randrange(3)) for _ in range(5)]
    for script in (False, True):
        check(tokens(words, layout), script)


def test_a_file_without_mistakes_says_nothing_however_it_is_laid_out() -> None:
    words = words_of(PROGRAM)
    for seed in range(20):
        chance = random.Random(seed)
        found = Diagnostics(SourceMap())
        layout = [(chance.random() < 0.5, chance.randrange(4)) for _ in range(9)]
        parse(tokens(words, layout), found, script=False, pragmas=frozenset())
        assert not [item for item in found.found if item.severity is Severity.ERROR]
