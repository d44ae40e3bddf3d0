"""Efuns of the rest package: routes, tokens, schemas and documentation without a socket of their own.

They work with any requests and responses in the form of the HTTP modes. A router is a number that only the
object which made it can use; the descriptor of a REST_SERVER socket serves as one, too.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from efuns.json import decode, encode, to_lpc, to_plain
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.values import UNDEFINED, Buffer, Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.rest.routers import OwnedRouter, Routers
    from lpc.runtime.objects import LPCObject

_LONGEST_DOCS: Final = 64 << 10
_PAGES: Final = frozenset(("", "swagger", "redoc"))
_STATUS: Final = range(100, 1000)
_JSON: Final = "application/json"


# ----------------------------------------------------------------------------------------------- routes


@efun("int rest_create_router()")
def rest_create_router(this: LPCObject) -> int:
    """Make a router: the number of it, or -1 when the driver has too many.

    It is this object's, and goes when the object does.

    Example: rest_create_router()
    """
    return _routers(this).create(this)


@efun("int rest_add_route(int router, string method, string pattern, string | function handler)")
def rest_add_route(this: LPCObject, router: int, method: str, pattern: str, handler: str | Closure) -> int:
    """Add a route; 1, or 0 where the router is not this object's or method or pattern are faulty.

    Methods are those of HTTP, and "*" for any. A pattern has segments {name}, {name:int}, {name:float},
    {name:alpha}, {name:uuid}, an optional {name?} at its end, or there {name:path} or * for all the rest.
    Literal segments beat parameters; among equals the first route counts. The same method and pattern
    again replace the handler.

    Example: rest_add_route(router, "GET", "/users/{id:int}", (: get_user :))
    """
    from efuns.sockets.rest.router import PatternError

    owned = _find(this, router)
    if owned is None:
        return 0
    try:
        owned.router.add(method, pattern, handler)
    except PatternError as error:
        this.driver.log(f"rest_add_route(): {error}")
        return 0
    return 1


@efun("mapping rest_process_route(int router, mapping request)")
def rest_process_route(this: LPCObject, router: int, request: Mapping) -> Mapping:
    """The route a request ("method" and "uri", or a decoded "path") leads to, or an empty mapping.

    It has "handler", "path_params", "query_params" and "metadata" (the route's "method", "pattern" and, if it has
    them, "docs"). {name:int} and {name:float} are numbers. For what rest_serve_docs() serves, "handler" is 0
    and "response" the response to write.

    Example: rest_process_route(router, ([ "method": "GET", "uri": "/users/7?full=1" ]))
    """
    owned = _find(this, router)
    method = request.get("method", "GET")
    path, query, encoded = _target(request)
    if owned is None or not isinstance(method, str):
        return Mapping()
    query_params = _query_params(request, query)
    found = owned.router.match(method.upper(), path, encoded=encoded)
    if found.route is not None:
        metadata = Mapping(method=found.route.method, pattern=found.route.pattern)
        if found.route.docs is not None:
            metadata["docs"] = to_lpc(found.route.docs, this.driver.limits)
        return Mapping(handler=found.route.handler, path_params=Mapping(found.parameters), query_params=query_params,
                       metadata=metadata)
    answer = owned.documentation.answer(path) if owned.documentation and method.upper() in ("GET", "HEAD") else None
    if answer is None:
        return Mapping()
    response = Mapping(status=200, headers=Mapping({"content-type": answer[0]}), body=answer[1])
    return Mapping(handler=0, path_params=Mapping(), query_params=query_params, metadata=Mapping(), response=response)


def _routers(this: LPCObject) -> Routers:
    from efuns.sockets.rest.routers import Routers  # start-up does not need them

    return this.driver.state(Routers)


def _find(this: LPCObject, number: int) -> OwnedRouter | None:
    return _routers(this).find(this, number)


def _target(request: Mapping) -> tuple[str, str, bool]:
    """Path and query of a request, and whether the path is as it was sent."""
    uri = request.get("uri")
    encoded = isinstance(uri, str)
    if not encoded:
        uri = request.get("path")
    if not isinstance(uri, str):
        return "", "", False
    given = request.get("query")
    query = given if isinstance(given, str) else ""
    if not encoded:
        return uri, query, False
    from efuns.sockets.rest.router import raw_path

    return raw_path(uri), uri.partition("#")[0].partition("?")[2] or query, True


def _query_params(request: Mapping, query: str) -> Mapping:
    from efuns.sockets.rest.router import query_parameters

    given = request.get("query_params")
    return given if isinstance(given, Mapping) else Mapping(query_parameters(query))


# ----------------------------------------------------------------------------------- tokens and schemas


@efun("string rest_create_jwt(mapping claims, string secret)")
def rest_create_jwt(this: LPCObject, claims: Mapping, secret: str) -> Value:
    """A JSON Web Token (HS256) with these claims; 0 if the secret is empty or the claims have no JSON.

    Of the claims, "exp" and "nbf" (times as of time()) bound when the token is valid.

    Example: rest_create_jwt(([ "sub": "tom", "exp": time() + 3600 ]), secret)
    """
    from efuns.sockets.rest.jwt import sign

    return sign(claims, secret, this.driver.limits) or 0


@efun("mapping rest_verify_jwt(string token, string secret)")
def rest_verify_jwt(this: LPCObject, token: str, secret: str) -> Mapping:
    """The claims of a JSON Web Token; an empty mapping unless it is HS256, of this secret and valid now.

    Example: rest_verify_jwt(token, secret)["sub"]
    """
    from efuns.sockets.rest.jwt import verify

    claims = verify(token, secret, this.driver.clock.time(), this.driver.limits)
    return Mapping() if claims is None else claims


@efun("mapping rest_validate_schema(mixed data, mapping schema)")
def rest_validate_schema(this: LPCObject, data: Value, schema: Mapping) -> Mapping:
    """Check a value against a JSON Schema: ([ "valid": 1 or 0, "errors": ({ "/place: what is wanted", ... }) ]).

    The schema is of draft 2020-12. 1 and 0 are good where it wants a boolean, and stand for true and false in it;
    undefined is null. $ref leads to "#" or "#/$defs/name". An error for a faulty schema, or one that takes too long.

    Example: rest_validate_schema(([ "age": -1 ]), ([ "properties": ([ "age": ([ "minimum": 0 ]) ]) ]))
    """
    from efuns.sockets.rest.schema import Schemas

    errors = this.driver.state(Schemas).errors(data, schema)
    return Mapping(valid=int(not errors), errors=errors)


# ------------------------------------------------------------------------------- requests and responses


@efun("mapping rest_parse_request(mapping request)")
def rest_parse_request(this: LPCObject, request: Mapping) -> Mapping:
    """A copy of an HTTP request in the form REST handlers see it.

    "method" is in upper case, header names are in lower case, "path", "query" and "query_params" come from
    "uri" where they are missing, and "json" is the body's value if it is JSON and the content type agrees.

    Example: rest_parse_request(([ "method": "post", "uri": "/a?b=1", "body": "{}" ]))["json"]
    """
    from urllib.parse import unquote

    parsed = Mapping(request)
    path, query, encoded = _target(request)
    method = request.get("method")
    parsed["method"] = method.upper() if isinstance(method, str) else "GET"
    if not isinstance(request.get("path"), str):
        parsed["path"] = unquote(path, errors="replace") if encoded else path
    parsed["query"] = query
    parsed["query_params"] = _query_params(request, query)
    headers = parsed["headers"] = _lower(request.get("headers"))
    body = request.get("body")
    if "json" not in request and isinstance(body, str | Buffer) and _is_json(headers.get("content-type", _JSON)):
        with suppress(LPCError):
            parsed["json"] = decode(body.data if isinstance(body, Buffer) else body, this.driver.limits)
    return parsed


@efun("mapping rest_format_response(mixed data, int status = 200, void | mapping headers)")
def rest_format_response(this: LPCObject, data: Value, status: int = 200, headers: Mapping | int = 0) -> Mapping:
    """A response to write to an HTTP connection: "status", "headers" (names in lower case) and "body".

    A string is the body as it is, a buffer too; any other value is made JSON. Undefined data, and the statuses
    204 and 304, have no body. A content type among the headers stays. An error for a status outside 100 to 999
    and for line ends in headers.

    Example: rest_format_response(([ "id": 7 ]), 201)
    """
    if status not in _STATUS:
        raise LPCError(f"rest_format_response: {status} is no HTTP status")
    made = _lower(headers)
    for name, value in made.items():
        if "\r" in f"{name}{value}" or "\n" in f"{name}{value}":
            raise LPCError("rest_format_response: a line end in a header")
    body: Value = ""
    if data is UNDEFINED or status in (204, 304):
        kind = ""
    elif isinstance(data, str):
        body, kind = data, "text/plain; charset=utf-8"
    elif isinstance(data, Buffer):
        body, kind = data, "application/octet-stream"
    else:
        body, kind = encode(data, this.driver.limits), _JSON
    if kind:
        made.setdefault("content-type", kind)
    return Mapping(status=status, headers=made, body=body)


def _lower(headers: Any) -> Mapping:
    """Headers with their names in lower case."""
    if not isinstance(headers, Mapping):
        return Mapping()
    return Mapping((name.lower(), value) for name, value in headers.items() if isinstance(name, str))


def _is_json(content_type: Any) -> bool:
    """Whether a content type is JSON: application/json, or with the suffix +json."""
    kind = content_type.partition(";")[0].strip().lower() if isinstance(content_type, str) else ""
    return kind == _JSON or kind.endswith("+json")


# ---------------------------------------------------------------------------------------- documentation


@efun("mapping rest_generate_openapi(int router, void | mapping info)")
def rest_generate_openapi(this: LPCObject, router: int, info: Mapping | int = 0) -> Mapping:
    """The OpenAPI 3.1 document of a router's routes; an empty mapping if the router is not this object's.

    `info` has "title", "version", "description" and "servers" (an array of URLs). rest_serve_docs() serves the
    document with the info given last; only there are true and false what they are, for LPC has 1 and 0.

    Example: rest_generate_openapi(router, ([ "title": "Users", "version": "2" ]))
    """
    from efuns.sockets.rest.openapi import document

    owned = _find(this, router)
    if owned is None:
        return Mapping()
    if isinstance(info, Mapping):
        owned.router.inform(_docs(this, info))
    made: Mapping = to_lpc(document(owned.router.routes, owned.router.info), this.driver.limits)
    return made


@efun("int rest_set_route_docs(int router, string method, string pattern, mapping docs)")
def rest_set_route_docs(this: LPCObject, router: int, method: str, pattern: str, docs: Mapping) -> int:
    """Document a route: 1, or 0 where this object's router has none with this method and pattern.

    `docs` are members of an OpenAPI operation: "summary", "description", "tags", "parameters", "requestBody",
    "responses" (status to mapping or text), "deprecated", ...

    Example: rest_set_route_docs(router, "GET", "/users", ([ "summary": "All users" ]))
    """
    owned = _find(this, router)
    return int(owned is not None and owned.router.describe(method, pattern, _docs(this, docs)))


@efun("int rest_serve_docs(int router, string path, string page = \"\")")
def rest_serve_docs(this: LPCObject, router: int, path: str, page: str = "") -> int:
    """Let a router answer requests for its documentation; 1, or 0 if the router is not this object's or a path faulty.

    The page is at `path`, the document at `path` with ".json" and at "/openapi.json". `page` may be a second path of
    the page; "swagger" and "redoc" mean the same page. It needs no other host. Routes of the same path win.

    Example: rest_serve_docs(router, "/docs")
    """
    from efuns.sockets.rest.openapi import Documentation

    owned = _find(this, router)
    if owned is None or not path.startswith("/") or not (page in _PAGES or page.startswith("/")):
        return 0
    owned.documentation = Documentation(owned.router, path, () if page in _PAGES else (page,))
    return 1


def _docs(this: LPCObject, docs: Mapping) -> Any:
    """Documentation in the terms of JSON; LPCError if it is too long."""
    if len(encode(docs, this.driver.limits)) > _LONGEST_DOCS:
        raise LPCError(f"documentation of more than {_LONGEST_DOCS} characters")
    return to_plain(docs, this.driver.limits)
