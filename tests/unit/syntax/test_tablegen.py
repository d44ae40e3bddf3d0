"""The generated table matches the grammar, and the grammar is as unambiguous as it says."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from lpc.syntax import tablegen
from lpc.syntax.automaton import ACTION_NAMES
from lpc.syntax.parser import Parser


def test_the_table_is_what_the_grammar_gives() -> None:
    assert tablegen.TABLE.read_text(encoding="utf-8") == tablegen.generate_table(), "run: python -m lpc gen"


def test_the_table_does_not_depend_on_the_run() -> None:
    grammar = tablegen.GRAMMAR.read_text(encoding="utf-8")
    assert tablegen.generate_table(grammar) == tablegen.generate_table(grammar)


def test_only_the_intended_conflicts_are_resolved_by_shifting(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="lark"):
        tablegen.build(tablegen.GRAMMAR.read_text(encoding="utf-8"))
    conflicts = [record.args for record in caplog.records if "conflict" in record.msg]
    assert sorted(str(terminal) for (terminal,) in conflicts) == ["COLON", "COMMA", "ELSE"]


def test_parsing_needs_no_lark() -> None:
    code = "import lpc.syntax.parser, sys; sys.exit('lark' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tablegen.GRAMMAR.parents[2])


def test_an_alternative_that_would_lose_values_is_refused() -> None:
    with pytest.raises(ValueError, match="has no action"):
        tablegen.build("%declare A\nprogram: A A")


def test_every_action_exists_and_is_used() -> None:
    actions = {name for name in dir(Parser) if not name.startswith("_")} - {"error", "parse"}
    assert actions == set(ACTION_NAMES)
