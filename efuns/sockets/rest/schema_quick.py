"""A first look at a value with a JSON Schema: fast where nothing is wrong, silent about what is.

    accepts = compile_schema(schema, matches, formats)     None where the schema needs more than this module knows
    accepts(value)                                          True: surely valid; False: ask the library

A schema becomes nested Python functions, one for each place. Only keywords are taken whose work is linear in
the value: none that refers, none that combines schemas. The library in schema.py has the last word on what is
not accepted here, so this module may be too strict, never too lenient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Check = Callable[[Any], bool]

_ENDLESS: Final = 1 << 65  # more than anything is long or, as an int, large: ints compare fastest with ints

#: Keywords that say nothing about what is valid.
_NOTES: Final = frozenset((
    "$comment", "$defs", "$schema", "contentEncoding", "contentMediaType", "default", "definitions", "deprecated",
    "description", "example", "examples", "readOnly", "title", "writeOnly",
))
_KEYWORDS: Final = {
    "string": frozenset(("minLength", "maxLength", "pattern", "format")),
    "integer": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
    "number": frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
    "array": frozenset(("items", "minItems", "maxItems")),
    "object": frozenset(("properties", "required", "additionalProperties", "minProperties", "maxProperties")),
    "boolean": frozenset[str](),
    "null": frozenset[str](),
}


class _UnknownError(Exception):
    """The schema needs the library."""


def compile_schema(schema: Any, matches: Callable[[str, str], bool], formats: Mapping[str, Check]) -> Check | None:
    """The function of a schema that is sound. `matches(pattern, text)` searches, `formats` check texts."""
    try:
        return _Compiler(matches, formats).check_of(schema)
    except _UnknownError:
        return None


class _Compiler:
    def __init__(self, matches: Callable[[str, str], bool], formats: Mapping[str, Check]) -> None:
        self._matches = matches
        self._formats = formats

    def check_of(self, schema: Any) -> Check:
        if schema is True or schema == {}:
            return lambda value: True
        if not isinstance(schema, dict):
            raise _UnknownError
        given = schema.keys() - _NOTES
        if given == {"enum"} or given == {"const"}:
            return _one_of(schema["enum"] if "enum" in schema else [schema["const"]])
        kind = schema.get("type")
        if isinstance(kind, list) and given == {"type"}:
            checks = [self.check_of({"type": one}) for one in kind]
            return lambda value: any(check(value) for check in checks)
        if not isinstance(kind, str) or kind not in _KEYWORDS:
            raise _UnknownError
        given -= {"type"}
        if given == {"enum"}:  # what is in the list has to be of the type, too
            of_type, listed = self.check_of({"type": kind}), _one_of(schema["enum"])
            return lambda value: of_type(value) and listed(value)
        if not given <= _KEYWORDS[kind]:
            raise _UnknownError
        if kind == "string":
            return self._string(schema)
        if kind == "object":
            return self._object(schema)
        if kind == "array":
            return self._array(schema)
        return _number(schema) if kind in ("integer", "number") else _simple(kind)

    def _string(self, schema: dict[str, Any]) -> Check:
        low, high = schema.get("minLength", 0), schema.get("maxLength", _ENDLESS)
        pattern, name = schema.get("pattern"), schema.get("format")
        form, matches = self._formats.get(name) if isinstance(name, str) else None, self._matches
        if pattern is None and form is None:
            if not low and high is _ENDLESS:
                return lambda value: type(value) is str
            return lambda value: type(value) is str and low <= len(value) <= high

        def check(value: Any) -> bool:
            return (type(value) is str and low <= len(value) <= high and (form is None or form(value))
                    and (pattern is None or matches(pattern, value)))

        return check

    def _array(self, schema: dict[str, Any]) -> Check:
        low, high = schema.get("minItems", 0), schema.get("maxItems", _ENDLESS)
        if "items" not in schema:
            return lambda value: type(value) is list and low <= len(value) <= high
        item = self.check_of(schema["items"])
        return lambda value: type(value) is list and low <= len(value) <= high and all(map(item, value))

    def _object(self, schema: dict[str, Any]) -> Check:
        low, high = schema.get("minProperties", 0), schema.get("maxProperties", _ENDLESS)
        required = tuple(schema.get("required", ()))
        checks = {name: self.check_of(below) for name, below in schema.get("properties", {}).items()}
        more = schema.get("additionalProperties", True)
        other = None if more is True or more == {} else _never if more is False else self.check_of(more)

        def check(value: Any) -> bool:
            if type(value) is not dict or not low <= len(value) <= high:
                return False
            for name in required:
                if name not in value:
                    return False
            for name, one in value.items():
                below = checks.get(name, other)
                if below is not None and not below(one):
                    return False
            return True

        return check


def _never(value: Any) -> bool:
    return False


def _one_of(values: Any) -> Check:
    if not isinstance(values, list) or not all(type(one) is str for one in values):
        raise _UnknownError  # of numbers and booleans, Python's idea of what is equal is another one
    known = frozenset(values)
    return lambda value: type(value) is str and value in known


def _number(schema: dict[str, Any]) -> Check:
    # Where nothing is said about them: bounds no int reaches; floats beyond them are the library's.
    low, high = schema.get("minimum", -_ENDLESS), schema.get("maximum", _ENDLESS)
    above, below = schema.get("exclusiveMinimum", -_ENDLESS), schema.get("exclusiveMaximum", _ENDLESS)
    step = schema.get("multipleOf", 1)
    if type(step) is not int:
        raise _UnknownError
    if schema["type"] == "number":
        return lambda value: (type(value) is int or type(value) is float) and low <= value <= high and (
            above < value < below)
    if step == 1 and above == -_ENDLESS and below == _ENDLESS:
        return lambda value: type(value) is int and low <= value <= high
    return lambda value: type(value) is int and low <= value <= high and above < value < below and not value % step


def _simple(kind: str) -> Check:
    return (lambda value: value is None) if kind == "null" else (lambda value: type(value) is bool)
