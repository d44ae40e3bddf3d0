"""Checking values against a JSON Schema (draft 2020-12, which OpenAPI 3.1 uses), with the library jsonschema.

LPC has no booleans: 1 and 0 pass as them, and stand for the schemas true and false. Undefined is null. Texts of
JSON have booleans and nulls of their own; where they are checked (`TextSchema`), true is no number and 1 is no
boolean. The texts about what is wrong name places and expectations, never the values: those may be passwords.

A schema comes from LPC, so it may not run for ever, nor reach outside itself:
- it is of limited size, and each keyword it applies is paid for by the size of what it is applied to;
- patterns are matched by the engine that has a time limit, so keywords that use them are ours;
- $ref leads to the whole schema or one of its $defs; $id, $dynamicRef and unevaluated… are refused, and so
  is $schema except for this draft, since the library changes its rules on meeting one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from efuns.json import encode, to_plain
from efuns.sockets.rest.openapi import with_booleans
from efuns.sockets.rest.schema_quick import compile_schema
from lpc.errors import LPCError
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MOST_ERRORS: Final = 100
_MOST_NODES: Final = 5000  # schemas within a schema
_MOST_STEPS: Final = 100_000
_MOST_KEPT: Final = 64  # prepared schemas
_LONGEST_KEPT: Final = 64 << 10
_LONGEST_PATTERN: Final = 1000
_LONGEST_ERROR: Final = 300

_SCHEMA: Final = frozenset((
    "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then",
))
_SCHEMAS_BY_NAME: Final = frozenset(("$defs", "definitions", "dependentSchemas", "patternProperties", "properties"))
_SCHEMAS: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems"))
_BOOLEAN: Final = frozenset(("deprecated", "readOnly", "uniqueItems", "writeOnly"))
_REFUSED: Final = frozenset((
    "$anchor", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties",
))
_REFERENCE: Final = re.compile(r"#(?:/(\$defs|definitions)/([A-Za-z0-9_.-]+))?")

_TEXTS: Final = {
    "type": "must be of type {}",
    "enum": "must be one of {}",
    "const": "must be {}",
    "minimum": "must be at least {}",
    "maximum": "must be at most {}",
    "exclusiveMinimum": "must be more than {}",
    "exclusiveMaximum": "must be less than {}",
    "multipleOf": "must be a multiple of {}",
    "minLength": "must have at least {} characters",
    "maxLength": "must have at most {} characters",
    "pattern": "must match the pattern {}",
    "format": "must be of the format {}",
    "minItems": "must have at least {} elements",
    "maxItems": "must have at most {} elements",
    "uniqueItems": "must not have equal elements",
    "contains": "must contain a fitting element",
    "minContains": "must contain at least {} fitting elements",
    "maxContains": "must contain at most {} fitting elements",
    "minProperties": "must have at least {} members",
    "maxProperties": "must have at most {} members",
    "items": "has too many elements",
    "not": "must not fit the schema under \"not\"",
    "anyOf": "must fit one of the schemas under \"anyOf\"",
    "oneOf": "must fit exactly one of the schemas under \"oneOf\"",
}
_FORMATS: Final = {
    "date": re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])", re.ASCII),
    "date-time": re.compile(
        r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,18})?"
        r"(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII),
    "email": re.compile(r"[^\s@]{1,64}@[^\s@]{1,253}"),
    "ipv4": re.compile(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.|$)){4}(?<!\.)", re.ASCII),
    "uuid": re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
}


class Schemas:
    """The schemas one driver has met lately, prepared for use."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._rules = _Rules(driver)
        self._prepared: OrderedDict[str, Any] = OrderedDict()

    def errors(self, value: Value, schema: Mapping) -> list[str]:
        """What is wrong with a value, as "/place: text", the first MOST_ERRORS; [] if the schema takes it.

        LPCError for a faulty schema, and for one whose use takes too long.
        """
        validator = self.prepare(schema)
        return self._rules.errors(validator, to_plain(value, self._driver.limits))

    def for_texts(self, schema: Mapping) -> TextSchema:
        """A schema for JSON texts; LPCError where it is faulty."""
        plain = with_booleans(to_plain(schema, self._driver.limits))
        return TextSchema(self._rules, plain)

    def prepare(self, schema: Mapping) -> Any:
        """The library's validator for a schema; LPCError where it is faulty."""
        text = encode(schema, self._driver.limits)
        validator = self._prepared.get(text)
        if validator is None:
            validator = self._rules.validator(to_plain(schema, self._driver.limits))
            if len(text) <= _LONGEST_KEPT:
                self._prepared[text] = validator
                if len(self._prepared) > _MOST_KEPT:
                    self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(text)
        return validator


class TextSchema:
    """A schema for what orjson makes of JSON texts; `plain` is the schema in the same terms."""

    __slots__ = ("plain", "_rules", "_validator", "_accepts")

    def __init__(self, rules: _Rules, schema: Any) -> None:
        self.plain = schema
        self._rules = rules
        self._validator = rules.validator(schema, is_text=True)
        self._accepts = compile_schema(schema, rules.matches, {
            name: form.fullmatch for name, form in _FORMATS.items()})  # type: ignore[misc] # truth is enough

    def errors(self, value: Any) -> list[str]:
        """As Schemas.errors()."""
        if self._accepts is not None and self._accepts(value):
            return []
        return self._rules.errors(self._validator, value)


class _Rules:
    """The library's rules with ours in them, for one driver."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._kinds: dict[bool, Any] = {}
        self._patterns: dict[str, Any] = {}
        self._steps = 0  # that a check may still take

    def errors(self, validator: Any, instance: Any) -> list[str]:
        """What is wrong with a value, as texts."""
        self._steps = _MOST_STEPS
        found = []
        try:
            for error in validator.iter_errors(instance):
                found.append(_text(error))
                if len(found) == MOST_ERRORS:
                    break
        except RecursionError:
            raise LPCError("JSON schema: it refers to itself without end") from None
        return found

    def validator(self, schema: Any, *, is_text: bool = False) -> Any:
        """A validator for a schema in JSON's terms, for values of LPC or of a JSON text."""
        jsonschema = _library()
        prepared = _Preparation(schema).schema
        try:
            jsonschema.Draft202012Validator.check_schema(prepared, format_checker=None)
        except jsonschema.SchemaError as error:
            raise LPCError(f"JSON schema: {_text(error)}") from None
        except RecursionError:
            raise LPCError("JSON schema: nested too deep") from None
        if is_text not in self._kinds:
            self._kinds[is_text] = self._make_kind(jsonschema, is_text=is_text)
        return self._kinds[is_text](prepared, registry=_empty_registry())

    def _make_kind(self, jsonschema: Any, *, is_text: bool) -> Any:
        base = jsonschema.Draft202012Validator
        keywords = dict(base.VALIDATORS) | {
            "pattern": self._pattern, "patternProperties": self._pattern_properties, "format": _format,
            "additionalProperties": self._additional_properties, "uniqueItems": _unique_items, "required": _required,
        }
        counted = {name: self._counted(function) for name, function in keywords.items()}
        types = base.TYPE_CHECKER
        if not is_text:
            types = types.redefine("boolean", lambda checker, one: type(one) is int and one in (0, 1))
        return jsonschema.validators.extend(base, counted, type_checker=types)

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        """A keyword that pays for itself."""

        def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            self._pay(1 + (len(instance) >> 3 if isinstance(instance, str | list | dict) else 0))
            for error in function(validator, value, instance, schema) or ():
                self._pay(len(error.message) >> 3)
                yield error

        return keyword

    def _pay(self, steps: int) -> None:
        self._driver.budget.check()
        self._steps -= steps
        if self._steps < 0:
            raise LPCError("JSON schema: checking takes too long")

    def matches(self, pattern: str, text: str) -> bool:
        """Whether a pattern is found in a text, within the driver's time for that."""
        compiled = self._patterns.get(pattern)
        if compiled is None:
            compiled = _compiled(pattern)
            if len(self._patterns) >= _MOST_KEPT:
                self._patterns.clear()
            self._patterns[pattern] = compiled
        try:
            return compiled.search(text, timeout=self._driver.limits.regexp_time) is not None
        except TimeoutError:
            raise LPCError(f"JSON schema: the pattern {pattern} takes too long") from None

    def _pattern(self, validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, str) and not self.matches(pattern, instance):
            yield _error("")

    def _pattern_properties(self, validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            for pattern, below in patterns.items():
                for name, value in instance.items():
                    self._pay(1)
                    if self.matches(pattern, name):
                        yield from validator.descend(value, below, path=name, schema_path=pattern)

    def _additional_properties(self, validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if isinstance(instance, dict):
            named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
            for name, value in instance.items():
                if name in named or any(self.matches(pattern, name) for pattern in patterns):
                    continue
                self._pay(1)
                if allowed is False:
                    yield _error(f"must not have the member {_shown(name)}")
                else:
                    yield from validator.descend(value, allowed, path=name)


def _required(validator: Any, names: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield _error(f"must have the member {_shown(name)}")


def _unique_items(validator: Any, wanted: bool, instance: Any, schema: Any) -> Iterator[Any]:
    import orjson

    if wanted and isinstance(instance, list):
        # Equal numbers are equal whether or not they have a fraction; texts of JSON compare in linear time.
        texts = {orjson.dumps(_whole(one), option=orjson.OPT_SORT_KEYS) for one in instance}
        if len(texts) < len(instance):
            yield _error("")


def _whole(value: Any) -> Any:
    """A value whose floats without fraction are ints."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**63 else value
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {name: _whole(one) for name, one in value.items()}
    return value


def _format(validator: Any, name: str, instance: Any, schema: Any) -> Iterator[Any]:
    """Formats nobody knows are not checked: so the standard has it."""
    if isinstance(instance, str) and name in _FORMATS and not _FORMATS[name].fullmatch(instance):
        yield _error("")


class _Preparation:
    """A copy of a schema as the library wants it: booleans in the places of booleans, nothing refused in it."""

    def __init__(self, schema: Any) -> None:
        self._nodes = 0
        self._root = schema
        if isinstance(schema, dict) and schema.get("$schema") == DIALECT:
            schema = {name: value for name, value in schema.items() if name != "$schema"}
        self.schema = self._prepared(schema)

    def _prepared(self, schema: Any) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise LPCError(f"JSON schema: made of more than {_MOST_NODES} schemas")
        if type(schema) is bool or type(schema) is int and schema in (0, 1):
            return bool(schema)
        if not isinstance(schema, dict):
            raise LPCError("JSON schema: a mapping, 1 or 0 is expected where a schema stands")
        return {name: self._keyword(name, value) for name, value in schema.items()}

    def _placed(self, schema: Any) -> Any:
        """A schema at a place of its own. Of the schema false the library would not tell which place."""
        prepared = self._prepared(schema)
        return {"not": {}} if prepared is False else prepared

    def _keyword(self, name: str, value: Any) -> Any:
        if name in _SCHEMA:
            return self._prepared(value)
        if name in _SCHEMAS and isinstance(value, list):
            return [self._placed(one) for one in value]
        if name in _SCHEMAS_BY_NAME and isinstance(value, dict):
            if name == "patternProperties":
                for pattern in value:
                    _compiled(pattern)
            return {key: self._placed(one) for key, one in value.items()}
        if name in _BOOLEAN and type(value) is int:
            return bool(value)
        if name == "pattern":
            _compiled(value)
        elif name == "$ref":
            self._check_reference(value)
        elif name in _REFUSED or name == "$schema":
            raise LPCError(f"JSON schema: {name} is not supported here")
        return value

    def _check_reference(self, target: Any) -> None:
        match = _REFERENCE.fullmatch(target) if isinstance(target, str) else None
        if match is None:
            raise LPCError("JSON schema: $ref leads to \"#\" or \"#/$defs/name\" only")
        definitions = self._root.get(match[1], {}) if match[1] else {}
        if match[1] and not (isinstance(definitions, dict) and match[2] in definitions):
            raise LPCError(f"JSON schema: there is no {target[:_LONGEST_ERROR]}")


def _compiled(pattern: Any) -> Any:
    import regex

    if not isinstance(pattern, str) or len(pattern) > _LONGEST_PATTERN:
        raise LPCError(f"JSON schema: a pattern is a string of at most {_LONGEST_PATTERN} characters")
    try:
        return regex.compile(pattern, regex.VERSION0, cache_pattern=False)
    except regex.error as error:
        raise LPCError(f"JSON schema: pattern {pattern}: {error}"[:_LONGEST_ERROR]) from None


def _library() -> Any:
    try:
        import jsonschema
    except ImportError:
        raise LPCError("JSON schemas need the Python package jsonschema") from None
    return jsonschema


def _empty_registry() -> Any:
    import referencing

    return referencing.Registry()


def _error(text: str) -> Any:
    import jsonschema

    return jsonschema.ValidationError(text)


def _text(error: Any) -> str:
    """The place and what should be there; in the library's own words only where we have none."""
    place = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in error.absolute_path)
    template = _TEXTS.get(error.validator)
    if error.validator is None or (error.validator, error.validator_value) == ("not", {}):
        text = "no value is allowed here"
    elif template is not None:
        text = template.format(_shown(error.validator_value))
    else:
        text = error.message
    return f"{place[:_LONGEST_ERROR] or '/'}: {text[:_LONGEST_ERROR]}"


def _shown(value: Any) -> str:
    """A part of a schema as JSON, shortened."""
    import orjson

    text = orjson.dumps(value).decode()
    return text if len(text) <= _LONGEST_ERROR // 2 else text[: _LONGEST_ERROR // 2] + "…"
