"""A syntax tree as text, for tests and for `--ast`: `(Binary "+" (Name "a") (IntLiteral 1))`.

A node is its type's name and its fields in order, positions left out; a flag is shown by its name, and only
when set; an absent part is `_`, a list is in brackets, a type in angle brackets.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, Final

from lpc.syntax.nodes import Node
from lpc.syntax.walk import NODE_TYPES
from lpc.types import Type

_POSITIONS: Final = frozenset(("start", "end", "name_at", "operator_at"))

#: Per node type, (name, is it a flag) of the fields that are printed.
_PRINTED: Final = {
    kind: tuple((field.name, field.type == "bool") for field in fields(kind) if field.name not in _POSITIONS)
    for kind in NODE_TYPES.values()
}

_INDENT: Final = "  "


class _Text(str):
    """Finished output among values still to be printed."""

    __slots__ = ()


_SPACE: Final = _Text(" ")


def dump(node: Node, *, lines: bool = False) -> str:
    """The tree on one line, or (`lines`) with every node on its own, indented by its depth."""
    output: list[str] = []
    pending: list[tuple[Any, int]] = [(node, 0)]
    while pending:
        value, depth = pending.pop()
        if isinstance(value, _Text):
            output.append(value)
        elif isinstance(value, Node):
            if lines and output:
                if output[-1] == _SPACE:
                    output.pop()
                output.append("\n" + _INDENT * depth)
            parts = [(part, depth + 1) for part in _parts(value)]
            parts.reverse()
            pending += parts
        elif type(value) is tuple or type(value) is frozenset:
            parts = [(part, depth) for part in _list_parts(value)]
            parts.reverse()
            pending += parts
        else:
            output.append(_scalar(value))
    return "".join(output)


def _parts(node: Node) -> list[Any]:
    parts: list[Any] = [_Text(f"({type(node).__name__}")]
    for name, is_flag in _PRINTED[type(node)]:
        value = getattr(node, name)
        if not is_flag:
            parts += (_SPACE, value)
        elif value:
            parts += (_SPACE, _Text(name))
    parts.append(_Text(")"))
    return parts


def _list_parts(value: tuple[Any, ...] | frozenset[str]) -> list[Any]:
    parts: list[Any] = [_Text("[")]
    for item in sorted(value) if isinstance(value, frozenset) else value:
        if len(parts) > 1:
            parts.append(_SPACE)
        parts.append(item)
    parts.append(_Text("]"))
    return parts


def _scalar(value: Any) -> str:
    if value is None:
        return "_"
    if isinstance(value, Type):
        return f"<{value}>"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)
