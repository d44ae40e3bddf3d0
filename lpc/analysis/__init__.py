"""Analysis: what the names of a program mean and whether its types fit.

    analysis = analyze(tree, environment, diagnostics)

The tree is not changed; everything found out is in the side tables of the returned `Analysis`.
"""

from __future__ import annotations

from lpc.analysis.check import Checker
from lpc.analysis.resolve import resolve
from lpc.analysis.symbols import Analysis, Environment
from lpc.diagnostics import Diagnostics
from lpc.syntax.nodes import ProgramNode


def analyze(tree: ProgramNode, environment: Environment, diagnostics: Diagnostics) -> Analysis:
    """Resolve and check a whole program. Mistakes go to `diagnostics`; the result is usable without them only."""
    program = resolve(tree, environment, diagnostics)
    return Checker(program, environment, diagnostics).check(tree)


__all__ = ["Analysis", "Environment", "analyze"]
