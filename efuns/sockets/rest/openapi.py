"""OpenAPI 3.1 documents and pages, made from routes.

Everything here is in the terms of JSON (dicts, lists, real booleans). Of a route, `metadata` may have "schema"
(the JSON Schema of the body), "auth" (a bearer token is wanted), "rate" (there is a limit of requests) and
"description"; it also says that our server checks all that, so the answers to what fails are known. `docs` are
members of the operation object as OpenAPI knows them, and win over what is derived.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from efuns.sockets.rest.openapi_page import page
from efuns.sockets.rest.router import Route, Router

VERSION: Final = "3.1.0"
_OPERATIONS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
_WITH_BODY: Final = frozenset(("put", "post", "patch"))
_SCHEMAS: Final[Mapping[str, Mapping[str, str]]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "alpha": {"type": "string", "pattern": "^[A-Za-z]+$"},
    "uuid": {"type": "string", "format": "uuid"},
}
_BOOLEAN: Final = frozenset((
    "additionalProperties", "allowEmptyValue", "allowReserved", "deprecated", "explode", "readOnly", "required",
    "uniqueItems", "writeOnly",
))
_DATA: Final = frozenset(("const", "default", "enum", "example", "examples"))
_ERROR: Final = {
    "type": "object", "required": ["error", "message"],
    "properties": {"error": {"type": "integer", "description": "The status"}, "message": {"type": "string"},
                   "errors": {"type": "array", "items": {"type": "string"}}},
}
_ERROR_CONTENT: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_PARAMETER: Final = re.compile(r"\{([A-Za-z0-9_]+)[^}]*\}")


class Documentation:
    """The documentation of a router: the document below `path` with ".json" and below "/openapi.json", the page
    below `path` and `pages`."""

    def __init__(self, router: Router, path: str, pages: Sequence[str] = ()) -> None:
        self.router = router
        self.path = path.rstrip("/") or "/"
        self._pages = frozenset((self.path, *(page.rstrip("/") or "/" for page in pages)))
        self._documents = frozenset((f"{self.path.rstrip('/')}.json", "/openapi.json")) - {".json"}
        self._made: tuple[int, str, str] | None = None

    def answer(self, path: str) -> tuple[str, str] | None:
        """Content type and body, if a path is of the documentation."""
        path = path.rstrip("/") or "/"
        if path in self._documents:
            return "application/json", self._texts()[0]
        if path in self._pages:
            return "text/html; charset=utf-8", self._texts()[1]
        return None

    def _texts(self) -> tuple[str, str]:
        """Document and page; made anew when the router has changed."""
        import orjson

        if self._made is None or self._made[0] != self.router.changes:
            made = document(self.router.routes, self.router.info)
            self._made = (self.router.changes, orjson.dumps(made, option=orjson.OPT_INDENT_2).decode(), page(made))
        return self._made[1:]


def document(routes: Sequence[Route], info: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI document of some routes. `info` are members of its info object, and "servers"."""
    paths: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    secured = False
    for route in routes:
        secured = secured or _wants_token(route)
        for path, names in _paths(route):
            item = paths.setdefault(path, {})
            for method in _OPERATIONS if route.method == "*" else (route.method.lower(),):
                if method not in item:  # the first route wins, as in the router
                    item[method] = _operation(route, method, path, names, taken)
    made: dict[str, Any] = {"openapi": VERSION, "info": _info(info)}
    servers = info.get("servers")
    if isinstance(servers, (list, str)):
        made["servers"] = [{"url": one} if isinstance(one, str) else one
                           for one in (servers if isinstance(servers, list) else [servers])]
    made["paths"] = paths
    components: dict[str, Any] = {}
    if any(isinstance(route.metadata, dict) for route in routes):
        components["schemas"] = {"Error": _ERROR}
    if secured:
        components["securitySchemes"] = {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}
    if components:
        made["components"] = components
    return made


def _info(info: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in info.items() if name != "servers"}
    return {"title": "REST API", "version": "1.0.0"} | given


def _wants_token(route: Route) -> bool:
    return bool(_member(route.metadata, "auth"))


def _member(given: Any, name: str) -> Any:
    return given.get(name) if isinstance(given, dict) else None


def _paths(route: Route) -> Iterator[tuple[str, set[str]]]:
    """The paths of a route as OpenAPI writes them, with the parameters in each: there are no optional ones."""
    full = _PARAMETER.sub(r"{\1}", route.pattern).removesuffix("/") or "/"
    if full.endswith("/*"):
        full = full[:-1] + "{path}"
    names = {_name(parameter.name) for parameter in route.parameters}
    short = full
    shorter = []
    for parameter in reversed(route.parameters):
        if parameter.optional:
            short = short.rpartition("/")[0] or "/"
            shorter.append(short)
    for path in (*reversed(shorter), full):
        yield path, {name for name in names if f"{{{name}}}" in path}


def _name(name: str) -> str:
    return "path" if name == "*" else name


def _operation(route: Route, method: str, path: str, names: set[str], taken: set[str]) -> dict[str, Any]:
    """The operation object of a route."""
    docs = with_booleans(route.docs) if isinstance(route.docs, dict) else {}
    made: dict[str, Any] = {"operationId": _operation_id(method, path, taken)}
    if _member(route.metadata, "description"):
        made["description"] = route.metadata["description"]
    given = docs.pop("parameters", [])
    described = [one for one in given if isinstance(_member(one, "name"), str)] if isinstance(given, list) else []
    # Parameters of the path that the docs leave out.
    known = {one.get("name") for one in described if one.get("in") == "path"}
    parameters = [
        {"name": _name(parameter.name), "in": "path", "required": True,
         "schema": dict(_SCHEMAS.get(parameter.kind, {"type": "string"}))}
        for parameter in route.parameters if _name(parameter.name) in names - known
    ]
    parameters += [one for one in described if one.get("in") != "path" or one.get("name") in names]
    if parameters:
        made["parameters"] = parameters
    schema = _member(route.metadata, "schema")
    if schema and method in _WITH_BODY:
        made["requestBody"] = {"required": True,
                               "content": {"application/json": {"schema": with_booleans(schema)}}}
    made["responses"] = _sorted(_known_errors(route, method) | _responses(docs.pop("responses", None)))
    if _wants_token(route):
        made["security"] = [{"bearerAuth": []}]
    made.update(docs)
    return made


def _operation_id(method: str, path: str, taken: set[str]) -> str:
    words = re.findall(r"[A-Za-z0-9_]+", path)
    name = first = "_".join([method, *words])
    number = 1
    while name in taken:
        number += 1
        name = f"{first}_{number}"
    taken.add(name)
    return name


def _responses(given: Any) -> dict[str, Any]:
    """A responses object: texts stand for descriptions, and one there must be."""
    if not isinstance(given, dict) or not given:
        return {"200": {"description": "OK"}}
    return {
        str(status): {"description": "", **one} if isinstance(one, dict) else {"description": str(one)}
        for status, one in given.items()
    }


def _sorted(responses: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(responses.items()))


def _known_errors(route: Route, method: str) -> dict[str, Any]:
    """The responses of our server to what does not reach the handler."""
    if not isinstance(route.metadata, dict):
        return {}
    found: dict[str, str] = {}
    if _member(route.metadata, "schema") and method in _WITH_BODY:
        found |= {"400": "The body is no JSON", "415": "The body is not of type application/json",
                  "422": "The body does not fit its schema"}
    if _wants_token(route):
        found["401"] = "There is no valid bearer token"
    if route.parameters:
        found["404"] = "There is nothing at this path"
    if _member(route.metadata, "rate"):
        found["429"] = "Too many requests"
    return {status: {"description": text, "content": _ERROR_CONTENT} for status, text in found.items()}


def with_booleans(value: Any) -> Any:
    """A copy, in the terms of JSON, with true and false where LPC could only say 1 and 0."""
    if isinstance(value, list):
        return [with_booleans(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_boolean = value.get("type") == "boolean"  # so its data are
    copy = {}
    for name, one in value.items():
        if name in _DATA:
            copy[name] = _boolean(one) if is_boolean else one
        else:
            copy[name] = bool(one) if name in _BOOLEAN and type(one) is int else with_booleans(one)
    return copy


def _boolean(value: Any) -> Any:
    if isinstance(value, list):
        return [_boolean(one) for one in value]
    return bool(value) if type(value) is int else value
