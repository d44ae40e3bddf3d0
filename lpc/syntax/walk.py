"""Ways over a syntax tree. What a node's children are comes from its dataclass fields, so a new node needs no entry.

Nothing here recurses: a tree may be as deep as the parser lets it be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, Final

from lpc.syntax import nodes
from lpc.syntax.nodes import Node

NODE_TYPES: Final = {name: value for name, value in vars(nodes).items()
                     if isinstance(value, type) and issubclass(value, Node)}


def _holds_nodes(annotation: Any) -> bool:
    """Whether a field of this type can hold nodes (nodes.py's annotations are texts)."""
    return any(word in NODE_TYPES for word in re.findall(r"\w+", str(annotation)))


#: Per node type, the fields that hold its children, in source order.
CHILD_FIELDS: Final = {
    kind: tuple(field.name for field in fields(kind) if _holds_nodes(field.type)) for kind in NODE_TYPES.values()
}


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below `node`, in source order."""
    for name in CHILD_FIELDS[type(node)]:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif value:
            for item in value:
                if isinstance(item, Node):
                    yield item
                elif type(item) is tuple:  # a pair: key and value, or member name and value
                    yield from (part for part in item if isinstance(part, Node))


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents before children, in source order."""
    pending = [node]
    while pending:
        current = pending.pop()
        yield current
        below = list(children(current))
        below.reverse()
        pending += below


#: How deep a tree handed on by the parser can be: expressions, and statements, on any way down from a definition.
#: Each `else if` is one statement deeper than the one before it, each operator of `a + b + c` one expression.
MAX_EXPRESSION_DEPTH: Final = 500
MAX_STATEMENT_DEPTH: Final = 300


def find_too_deep(root: Node) -> Node | None:
    """The first node found that lies deeper than the limits allow, or None."""
    pending = [(root, 0, 0)]
    while pending:
        node, expressions, statements = pending.pop()
        if isinstance(node, nodes.Expression):
            expressions += 1
        elif isinstance(node, nodes.Statement):
            statements += 1
        if expressions > MAX_EXPRESSION_DEPTH or statements > MAX_STATEMENT_DEPTH:
            return node
        pending += [(child, expressions, statements) for child in children(node)]
    return None
