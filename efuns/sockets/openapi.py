"""OpenAPI 3.1 documents and pages, made from routes.

Everything here is in the terms of JSON (dicts, lists, real booleans). Of a route, `metadata` may have "schema"
(the JSON Schema of the body), "auth" (a bearer token is wanted) and "description"; `docs` are members of the
operation object as OpenAPI knows them, and win over what is derived.

The page is plain HTML that shows the document: no script, no other host.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from efuns.sockets.router import Route, Router

VERSION: Final = "3.1.0"
_OPERATIONS: Final = ("get", "put", "post", "delete", "options", "head", "patch")
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
    if secured:
        made["components"] = {
            "securitySchemes": {"bearerAuth": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        }
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
    docs = _with_booleans(route.docs) if isinstance(route.docs, dict) else {}
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
    if schema and method in ("put", "post", "patch"):
        made["requestBody"] = {"required": True,
                               "content": {"application/json": {"schema": _with_booleans(schema)}}}
    made["responses"] = _responses(docs.pop("responses", None))
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


def _with_booleans(value: Any) -> Any:
    """A copy with true and false where LPC could only say 1 and 0."""
    if isinstance(value, list):
        return [_with_booleans(one) for one in value]
    if not isinstance(value, dict):
        return value
    is_boolean = value.get("type") == "boolean"  # so its data are
    copy = {}
    for name, one in value.items():
        if name in _DATA:
            copy[name] = _boolean(one) if is_boolean else one
        else:
            copy[name] = bool(one) if name in _BOOLEAN and type(one) is int else _with_booleans(one)
    return copy


def _boolean(value: Any) -> Any:
    if isinstance(value, list):
        return [_boolean(one) for one in value]
    return bool(value) if type(value) is int else value


# -------------------------------------------------------------------------------------------- the page

_STYLE: Final = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8886; border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 5rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .6rem; background: #8882; border-radius: .4rem; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #8886; padding: .2rem .8rem .2rem 0; text-align: left; vertical-align: top; }
""".strip()


def page(made: Mapping[str, Any]) -> str:
    """A document as HTML."""
    info = made["info"]
    title = _html(info["title"])
    lines = [
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">', f"<title>{title}</title>", f"<style>{_STYLE}</style>",
        "</head>", "<body>", f"<h1>{title} <small>{_html(info['version'])}</small></h1>",
    ]
    if "description" in info:
        lines.append(f"<p>{_html(info['description'])}</p>")
    for server in made.get("servers", []):
        lines.append(f"<p>Server: <code>{_html(_member(server, 'url') or server)}</code></p>")
    for path, item in made["paths"].items():
        for method, operation in item.items():
            lines += _operation_lines(method, path, operation)
    return "\n".join([*lines, '<p><a href="/openapi.json">openapi.json</a></p>', "</body>", "</html>", ""])


def _operation_lines(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    summary = _html(operation.get("summary", ""))
    yield f"<details><summary><b>{method.upper()}</b> <code>{_html(path)}</code> {summary}</summary>"
    if operation.get("deprecated"):
        yield "<p><em>Deprecated.</em></p>"
    if operation.get("description"):
        yield f"<p>{_html(operation['description'])}</p>"
    if operation.get("security"):
        yield "<p>Wants a bearer token.</p>"
    if operation.get("parameters"):
        yield "<h4>Parameters</h4><table><tr><th>name</th><th>in</th><th>schema</th><th></th></tr>"
        for one in operation["parameters"]:
            yield (f"<tr><td>{_html(one.get('name', ''))}</td><td>{_html(one.get('in', ''))}</td>"
                   f"<td><code>{_json(one.get('schema', {}), 0)}</code></td>"
                   f"<td>{_html(one.get('description', ''))}</td></tr>")
        yield "</table>"
    if operation.get("requestBody"):
        yield f"<h4>Request body</h4><pre>{_json(operation['requestBody'])}</pre>"
    yield "<h4>Responses</h4><table>"
    for status, response in operation["responses"].items():
        content = _member(response, "content")
        shown = f"<pre>{_json(content)}</pre>" if content else ""
        yield f"<tr><td>{_html(status)}</td><td>{_html(_member(response, 'description') or '')}{shown}</td></tr>"
    yield "</table></details>"


def _html(value: Any) -> str:
    return escape(value) if isinstance(value, str) else _json(value, 0)


def _json(value: Any, indent: int = 2) -> str:
    import orjson

    return escape(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode())
