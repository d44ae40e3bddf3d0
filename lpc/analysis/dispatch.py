"""Which function checks which node: one row per node class, filled by decorators beside the functions.

Dispatch is by exact type through a dict; a test compares the tables with the classes of syntax/nodes.py.
Handlers take the `Checker` and the node. An expression's handler returns the static type, and whoever
calls it stores that in `checker.types`, which keeps a level of nesting at two Python frames.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from lpc.types import Type

if TYPE_CHECKING:
    from lpc.analysis.check import Checker

_ExpressionHandler = TypeVar("_ExpressionHandler", bound="Callable[[Checker, Any], Type]")
_StatementHandler = TypeVar("_StatementHandler", bound="Callable[[Checker, Any], None]")

EXPRESSIONS: dict[type, Callable[[Checker, Any], Type]] = {}
STATEMENTS: dict[type, Callable[[Checker, Any], None]] = {}


def expression(*nodes: type) -> Callable[[_ExpressionHandler], _ExpressionHandler]:
    """Declare the decorated function as what checks these expression nodes."""

    def register(handler: _ExpressionHandler) -> _ExpressionHandler:
        for node in nodes:
            EXPRESSIONS[node] = handler
        return handler

    return register


def statement(*nodes: type) -> Callable[[_StatementHandler], _StatementHandler]:
    """Declare the decorated function as what checks these statement nodes."""

    def register(handler: _StatementHandler) -> _StatementHandler:
        for node in nodes:
            STATEMENTS[node] = handler
        return handler

    return register
