"""Schemas for JSON texts, and the quick look at them: it may be too strict, never too lenient."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("jsonschema")

import jsonschema

from efuns.json import to_lpc
from efuns.sockets.rest.schema import Schemas
from efuns.sockets.rest.schema_quick import compile_schema
from lpc.errors import LPCError
from lpc.runtime.budget import Limits

LIMITS = Limits()
NAMES = st.sampled_from(["a", "b", "c"])
TEXTS = st.sampled_from(["", "a", "ab", "abc", "2026-01-01"])
NUMBERS = st.one_of(st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.0, 1e300, 2**63, 2**70]))
VALUES: Any = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)), max_leaves=8)


def limits(*names: str) -> Any:
    """Some of these keywords, with small numbers."""
    return st.fixed_dictionaries({}, optional={name: st.integers(0, 3) for name in names})


def schemas(inner: Any) -> Any:
    arrays = st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner})
    objects = st.fixed_dictionaries({"type": st.just("object")}, optional={
        "properties": st.dictionaries(NAMES, inner, max_size=3), "required": st.lists(NAMES, unique=True),
        "additionalProperties": st.one_of(st.booleans(), inner)})
    return st.one_of(
        st.builds(dict.__or__, arrays, limits("minItems", "maxItems")),
        st.builds(dict.__or__, objects, limits("minProperties", "maxProperties")))


LEAVES = st.one_of(
    st.just({}), st.sampled_from([{"type": name} for name in ("boolean", "null", "string", "integer", "number")]),
    st.just({"type": ["integer", "null"]}), st.just({"enum": ["a", "ab"]}), st.just({"const": "a"}),
    st.just({"const": 1}), st.just({"enum": [True, 1.0]}), st.just({"type": "integer", "enum": ["a"]}),
    st.builds(dict.__or__, st.just({"type": "string"}), limits("minLength", "maxLength")),
    st.just({"type": "string", "pattern": "^a"}), st.just({"type": "string", "format": "date"}),
    st.builds(dict.__or__, st.sampled_from([{"type": "integer"}, {"type": "number"}]),
              limits("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")),
    st.just({"type": "integer", "multipleOf": 2}), st.just({"minimum": 1}), st.just({"not": {"type": "string"}}))
SCHEMAS: Any = st.recursive(LEAVES, schemas, max_leaves=5)


@pytest.fixture
def made() -> Schemas:
    driver: Any = SimpleNamespace(limits=LIMITS, budget=SimpleNamespace(check=lambda: None))
    return Schemas(driver)


def is_valid(schema: Any, value: Any) -> bool:
    checker = jsonschema.FormatChecker(["date"])
    return bool(jsonschema.Draft202012Validator(schema, format_checker=checker).is_valid(value))


@settings(deadline=None, max_examples=300)
@given(SCHEMAS, VALUES)
def test_what_is_accepted_quickly_is_valid(schema: Any, value: Any) -> None:
    accepts = compile_schema(schema, lambda pattern, text: re.search(pattern, text) is not None,
                             {"date": re.compile(r"\d{4}-\d\d-\d\d").fullmatch})
    if accepts is not None and accepts(value):
        assert is_valid(schema, value)


@settings(deadline=None, max_examples=100)
@given(SCHEMAS, VALUES)
def test_both_looks_together_agree_with_the_library(schema: Any, value: Any) -> None:
    driver: Any = SimpleNamespace(limits=LIMITS, budget=SimpleNamespace(check=lambda: None))
    found = Schemas(driver).for_texts(to_lpc(schema, LIMITS)).errors(value)
    assert (found == []) == is_valid(schema if "enum" not in str(schema) else to_plain_numbers(schema), value)


def to_plain_numbers(schema: Any) -> Any:
    """LPC has no true to list in an enum: it is 1 there."""
    if isinstance(schema, dict):
        return {name: [1 if one is True else one for one in below] if name == "enum" else to_plain_numbers(below)
                for name, below in schema.items()}
    return schema


def test_what_the_quick_look_takes_over() -> None:
    """The common case must not need the library."""
    schema = {"type": "object", "required": ["name"], "additionalProperties": False, "title": "User", "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 5, "description": "x"}, "kind": {"enum": ["a", "b"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2}, "note": {"type": ["string", "null"]}}}
    accepts = compile_schema(schema, lambda pattern, text: True, {})
    assert accepts is not None
    assert accepts({"name": "tom", "kind": "a", "tags": ["x"], "note": None})
    for bad in ({}, {"name": ""}, {"name": "toolong"}, {"name": "a", "kind": "c"}, {"name": "a", "x": 1}, [], None,
                {"name": "a", "tags": ["a"] * 3}, {"name": "a", "tags": [1]}, {"name": "a", "note": 1}):
        assert not accepts(bad)


@pytest.mark.parametrize("schema", [
    {"$ref": "#"}, {"anyOf": [{}]}, {"type": "object", "patternProperties": {}}, {"type": "array", "uniqueItems": True},
    {"enum": [1]}, {"const": None}, {"minimum": 1}, {"type": "number", "multipleOf": 0.1}, {"type": "object",
    "properties": {"a": {"if": {}}}}, False,
])
def test_what_needs_the_library(schema: Any) -> None:
    assert compile_schema(schema, lambda pattern, text: True, {}) is None


def test_booleans_are_no_numbers_in_texts(made: Schemas) -> None:
    boolean = made.for_texts(to_lpc({"type": "boolean"}, LIMITS))
    integer = made.for_texts(to_lpc({"type": "integer"}, LIMITS))
    assert boolean.errors(True) == [] and boolean.errors(1) and integer.errors(1) == [] and integer.errors(True)
    assert integer.errors(1.0) == []
    constant = made.for_texts(to_lpc({"type": "boolean", "const": 1}, LIMITS))
    assert constant.errors(True) == [] and constant.errors(False)
    closed = made.for_texts(to_lpc({"type": "object", "additionalProperties": 0}, LIMITS))
    assert closed.plain["additionalProperties"] is False and closed.errors({"a": 1})


def test_faulty_schemas_are_told(made: Schemas) -> None:
    for schema in ({"type": 7}, {"$ref": "http://x"}, {"pattern": "("}):
        with pytest.raises(LPCError, match="JSON schema"):
            made.for_texts(to_lpc(schema, LIMITS))
