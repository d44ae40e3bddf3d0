"""JSON Schema: what it takes, what it says, and that no schema runs for ever."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("jsonschema")

from efuns.json import decode
from efuns.sockets.rest.schema import DIALECT, MOST_ERRORS, Schemas
from lpc.errors import EvaluationLimit, LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import UNDEFINED, Buffer, Mapping

LIMITS = Limits(regexp_time=0.05)


class Budget:
    """Counts how often it is asked, and may say no."""

    def __init__(self) -> None:
        self.checks = 0
        self.most = 10**9

    def check(self) -> None:
        self.checks += 1
        if self.checks > self.most:
            raise EvaluationLimit("Too long evaluation.")


@pytest.fixture
def budget() -> Budget:
    return Budget()


@pytest.fixture
def schemas(budget: Budget) -> Schemas:
    driver: Any = SimpleNamespace(limits=LIMITS, budget=budget)
    return Schemas(driver)


def lpc(value: Any) -> Any:
    return decode(json.dumps(value), LIMITS)


def errors(schemas: Schemas, value: Any, schema: Any) -> list[str]:
    return schemas.errors(lpc(value), lpc(schema))


@pytest.mark.parametrize(
    ("schema", "good", "bad", "text"),
    [
        ({"type": "string"}, "x", 1, '/: must be of type "string"'),
        ({"type": ["integer", "null"]}, None, "x", '/: must be of type ["integer","null"]'),
        ({"type": "number"}, 1.5, "x", '/: must be of type "number"'),
        ({"type": "integer"}, 1.0, 1.5, "/: must be of type"),
        ({"type": "array"}, [], {}, "/: must be of type"),
        ({"type": "object"}, {}, [], "/: must be of type"),
        ({"type": "boolean"}, True, 2, '/: must be of type "boolean"'),
        ({"type": "integer"}, 1, None, "/: must be of type"),
        ({"enum": ["a", 1]}, 1, "b", '/: must be one of ["a",1]'),
        ({"const": {"a": [1]}}, {"a": [1]}, {"a": [2]}, "/: must be"),
        ({"minimum": 3}, 3, 2, "/: must be at least 3"),
        ({"maximum": 3}, 3, 4, "/: must be at most 3"),
        ({"exclusiveMinimum": 3}, 4, 3, "/: must be more than 3"),
        ({"exclusiveMaximum": 3}, 2, 3, "/: must be less than 3"),
        ({"multipleOf": 0.5}, 1.5, 1.25, "/: must be a multiple of 0.5"),
        ({"minLength": 2}, "ab", "a", "/: must have at least 2 characters"),
        ({"maxLength": 1}, "é", "ab", "/: must have at most 1"),
        ({"pattern": "^a+$"}, "aa", "b", '/: must match the pattern "^a+$"'),
        ({"format": "email"}, "a@b", "a", '/: must be of the format "email"'),
        ({"format": "ipv4"}, "1.2.3.4", "1.2.3", "/: "),
        ({"format": "ipv4"}, "255.255.255.255", "256.1.1.1", "/: "),
        ({"format": "date"}, "2026-08-31", "2026-13-01", "/: "),
        ({"format": "date-time"}, "2026-08-31T01:02:03.5Z", "2026-08-31", "/: "),
        ({"format": "uuid"}, "1" * 8 + "-1111" * 3 + "-" + "1" * 12, "1", "/: "),
        ({"minItems": 1}, [0], [], "/: must have at least 1 elements"),
        ({"maxItems": 1}, [0], [0, 0], "/: must have at most 1"),
        (
            {"uniqueItems": True},
            [1, 2, [1], {"a": 1}, "1"],
            [{"a": 1.0, "b": 2}, {"b": 2, "a": 1}],
            "/: must not have equal",
        ),
        ({"contains": {"const": 1}}, [0, 1], [0], "/: must contain a fitting element"),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], ["a", 1], "/: has too many elements"),
        ({"items": {"type": "integer"}}, [1], [1, "x"], '/1: must be of type "integer"'),
        ({"required": ["a"]}, {"a": 0}, {}, '/: must have the member "a"'),
        ({"minProperties": 1}, {"a": 1}, {}, "/: must have"),
        ({"properties": {"a": {"type": "string"}}}, {"a": "x"}, {"a": 1}, '/a: must be of type "string"'),
        ({"properties": {"a": False}}, {"b": 1}, {"a": 1}, "/a: no value is allowed here"),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"a": 1},
            {"b": 1},
            '/: must not have the member "b"',
        ),
        (
            {"patternProperties": {"^x": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
            {"x1": "a", "b": 1},
            {"x1": 1},
            "/x1: must be of type",
        ),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}, {"a/b~": "x"}, '/a~1b~0: must be of type "integer"'),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1}, {"ab": 1}, "/: must have at most 1 characters"),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}, "/: 'b' is a dependency of 'a'"),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"b": 1}, {"a": 1}, '/: must have the member "b"'),
        ({"not": {"type": "string"}}, 1, "x", '/: must not fit the schema under "not"'),
        ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, 3, 2, '/: must fit one of the schemas under "anyOf"'),
        (
            {"oneOf": [{"type": "integer"}, {"minimum": 3}]},
            2,
            3,
            '/: must fit exactly one of the schemas under "oneOf"',
        ),
        ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, 2, 4, "/: must be at most 3"),
        (
            {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 5}},
            "ab",
            4,
            "/: must be at least 5",
        ),
        (
            {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}},
            {"a": 1},
            {"a": "x"},
            "/a: must be",
        ),
        (
            {"properties": {"next": {"$ref": "#"}}, "required": ["v"]},
            {"v": 1, "next": {"v": 2}},
            {"v": 1, "next": {}},
            "/next: ",
        ),
    ],
)
def test_keywords(schemas: Schemas, schema: Any, good: Any, bad: Any, text: str) -> None:
    assert errors(schemas, good, schema) == []
    found = errors(schemas, bad, schema)
    assert len(found) == 1 and found[0].startswith(text)


def test_every_error_is_told_but_no_value(schemas: Schemas) -> None:
    schema = {
        "type": "object",
        "required": ["email"],
        "properties": {"name": {"minLength": 3}, "password": {"type": "integer"}, "age": {"minimum": 13}},
    }
    found = errors(schemas, {"name": "ab", "password": "hunter2", "age": 5}, schema)
    assert sorted(found) == [
        '/: must have the member "email"',
        "/age: must be at least 13",
        "/name: must have at least 3 characters",
        '/password: must be of type "integer"',
    ]


def test_errors_are_bounded(schemas: Schemas) -> None:
    found = errors(schemas, [0] * 1000, {"items": {"enum": ["x" * 500]}})
    assert len(found) == MOST_ERRORS and max(map(len, found)) < 700


def test_lpc_has_no_booleans(schemas: Schemas) -> None:
    schema = Mapping(properties=Mapping(a=1, b=0), additionalProperties=0, uniqueItems=1)
    assert schemas.errors(Mapping(a=1), schema) == []
    assert schemas.errors(Mapping(b=1), schema) == ["/b: no value is allowed here"]
    assert schemas.errors(Mapping(c=1), schema) == ['/: must not have the member "c"']
    assert schemas.errors([1, 1], schema) == ["/: must not have equal elements"]
    boolean = Mapping(type="boolean")
    assert [bool(schemas.errors(one, boolean)) for one in (0, 1, UNDEFINED, 2, 1.0, "true")] == [False, False] + [
        True
    ] * 4


def test_values_that_are_not_of_json(schemas: Schemas) -> None:
    assert schemas.errors(Buffer(b"ab"), Mapping(type="array", maxItems=2)) == []
    with pytest.raises(LPCError, match="infinite|inf"):
        schemas.errors(float("inf"), Mapping())


def test_its_own_dialect_may_be_named(schemas: Schemas) -> None:
    assert errors(schemas, 1, {"$schema": DIALECT, "type": "integer", "$comment": "x", "title": "n"}) == []


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": 3}, "JSON schema: /type: "),
        ({"type": "word"}, "JSON schema: /type: "),
        ({"minLength": -1}, "JSON schema: /minLength"),
        ({"required": "a"}, "JSON schema: /required"),
        ({"properties": []}, "JSON schema: /properties"),
        ({"allOf": []}, "JSON schema: /allOf"),
        ({"items": 3}, "a mapping, 1 or 0 is expected"),
        ({"properties": {"a": "x"}}, "a mapping, 1 or 0"),
        ({"pattern": "("}, "pattern \\(: "),
        ({"patternProperties": {"[": {}}}, "pattern \\["),
        ({"pattern": 1}, "a pattern is a string"),
        ({"pattern": "a" * 1001}, "at most 1000"),
        ({"$ref": "http://localhost/x"}, "leads to"),
        ({"$ref": "file:///etc/passwd"}, "leads to"),
        ({"$ref": DIALECT}, "leads to"),
        ({"$ref": "#/properties/a"}, "leads to"),
        ({"$ref": 1}, "leads to"),
        ({"$ref": "#/$defs/a"}, "there is no #/\\$defs/a"),
        ({"$defs": {"b": {}}, "$ref": "#/$defs/a"}, "there is no"),
        ({"$id": "http://x"}, "\\$id is not supported"),
        ({"items": {"$schema": DIALECT}}, "\\$schema is not supported"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "\\$schema is not supported"),
        ({"$dynamicRef": "#meta"}, "not supported"),
        ({"unevaluatedProperties": False}, "not supported"),
        ({"$ref": "#"}, "refers to itself without end"),
        ({"allOf": [{"$ref": "#"}]}, "refers to itself without end"),
        ({"anyOf": [{}] * 6000}, "more than 5000"),
    ],
)
def test_faulty_schemas(schemas: Schemas, schema: Any, text: str) -> None:
    with pytest.raises(LPCError, match=text) as caught:
        errors(schemas, 1, schema)
    assert "Traceback" not in str(caught.value) and len(str(caught.value)) < 800


def test_patterns_that_never_end(schemas: Schemas) -> None:
    evil = "^(a|a)*(b?a)*$"
    text = "a" * 5000 + "!"
    for value, schema in (
        (text, {"pattern": evil}),
        ({text: 1}, {"patternProperties": {evil: {}}}),
        ({text: 1}, {"patternProperties": {evil: {}}, "additionalProperties": False}),
    ):
        with pytest.raises(LPCError, match="takes too long"):
            errors(schemas, value, schema)


@pytest.mark.slow
def test_schemas_that_multiply(schemas: Schemas) -> None:
    doubling = {
        "$ref": "#/$defs/a0",
        "$defs": {f"a{at}": {"allOf": [{"$ref": f"#/$defs/a{at + 1}"}] * 2} for at in range(60)}
        | {"a60": {"type": "integer"}},
    }
    deep: Any = 1
    for _ in range(90):
        deep = {"x": deep}
    per_level = {"$ref": "#/$defs/n", "$defs": {"n": {"allOf": [{"properties": {"x": {"$ref": "#/$defs/n"}}}] * 2}}}
    for value, schema in (
        (1, doubling),
        (deep, per_level),
        (["x" * 50_000] * 30, {"items": {"anyOf": [{"const": 1}] * 200}}),
    ):
        with pytest.raises(LPCError, match="checking takes too long"):
            errors(schemas, value, schema)


def test_the_budget_ends_a_check(schemas: Schemas, budget: Budget) -> None:
    budget.most = 100
    with pytest.raises(EvaluationLimit):
        errors(schemas, [0] * 1000, {"items": {"type": "integer"}})
    assert budget.checks == 101


def test_schemas_are_kept_by_what_they_say(schemas: Schemas) -> None:
    first = lpc({"type": "integer"})
    assert schemas.prepare(first) is schemas.prepare(lpc({"type": "integer"}))
    first["type"] = "string"
    assert schemas.errors("x", first) == []
    kept = [schemas.prepare(lpc({"minimum": number})) for number in range(100)]
    assert schemas.prepare(lpc({"minimum": 99})) is kept[99] and schemas.prepare(lpc({"minimum": 0})) is not kept[0]


def test_a_schema_may_use_many_patterns(schemas: Schemas) -> None:
    schema = {"anyOf": [{"pattern": f"^{number}$"} for number in range(100)]}
    assert errors(schemas, "99", schema) == [] and len(errors(schemas, "100", schema)) == 1
