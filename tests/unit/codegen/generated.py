"""The Python that LPC text becomes, as tests ask about it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import TypeVar

from analysis_world import World

from lpc.codegen.program import module_of
from lpc.efun import Efun

_N = TypeVar("_N", bound=ast.AST)


class Python:
    """One generated function, or a part of it."""

    def __init__(self, node: ast.AST) -> None:
        self.node = node

    def __str__(self) -> str:
        return ast.unparse(self.node)

    def all(self, kind: type[_N]) -> list[_N]:
        """The nodes of a class in it."""
        return [node for node in ast.walk(self.node) if isinstance(node, kind)]

    @property
    def checks(self) -> int:
        """How often it looks at the clock."""
        return sum(name.id in ("STOP", "looked") for name in self.all(ast.Name))

    @property
    def called(self) -> set[str]:
        """The functions of the namespace it calls."""
        return {call.func.id for call in self.all(ast.Call) if isinstance(call.func, ast.Name)}

    @property
    def loop(self) -> Python:
        """What its only innermost loop does in every round."""
        loops: list[ast.For | ast.While] = [*self.all(ast.For), *self.all(ast.While)]
        (inner,) = (loop for loop in loops if len(Python(loop).all(ast.For)) + len(Python(loop).all(ast.While)) == 1)
        return Python(ast.Module([*inner.body, *inner.orelse], []))


class Generator:
    """Compiles texts as far as Python trees."""

    def __init__(self, efuns: Mapping[str, Efun]) -> None:
        self.efuns = efuns

    def module(self, text: str) -> Python:
        """Everything a text becomes."""
        result = World(efuns=self.efuns).analyzed(text)
        assert not result.errors, result.messages
        return Python(module_of(result.analysis)[0])

    def __call__(self, text: str, name: str = "f") -> Python:
        """One function of a text."""
        (found,) = (node for node in self.module(text).all(ast.FunctionDef) if node.name == name)
        return Python(found)
