"""Every node class has a handler: a forgotten one would fail in the middle of somebody's file."""

from __future__ import annotations

from lpc.analysis import check
from lpc.analysis.dispatch import EXPRESSIONS, STATEMENTS
from lpc.syntax import nodes


def _concrete(base: type) -> set[type]:
    found = {kind for kind in vars(nodes).values() if isinstance(kind, type) and issubclass(kind, base)}
    return found - {base}


def test_every_expression_has_a_handler() -> None:
    assert check.HANDLERS
    assert EXPRESSIONS.keys() == _concrete(nodes.Expression)


def test_every_statement_has_a_handler() -> None:
    assert STATEMENTS.keys() == _concrete(nodes.Statement)
