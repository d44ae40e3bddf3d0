"""The rest efuns: whose a router is, and what goes in and out in LPC's terms."""

from __future__ import annotations

import json
from typing import Any

import pytest

from efuns.rest import (
    rest_add_route,
    rest_create_jwt,
    rest_create_router,
    rest_format_response,
    rest_generate_openapi,
    rest_parse_request,
    rest_process_route,
    rest_serve_docs,
    rest_set_route_docs,
    rest_validate_schema,
    rest_verify_jwt,
)
from efuns.sockets.rest.routers import MOST_ROUTERS, OwnedRouter, Routers
from efuns.sockets.table import SocketTable
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED, Buffer, Mapping
from tests.unit.efuns.conftest import FakeHost


@pytest.fixture
def router(this: LPCObject) -> int:
    number = rest_create_router.checked(this)
    assert isinstance(number, int)
    return number


def request(method: str, uri: str, **more: Any) -> Mapping:
    return Mapping(method=method, uri=uri, **more)


# ---------------------------------------------------------------------------------------------- routes


def test_a_request_finds_its_route(this: LPCObject, router: int, lpc: Any) -> None:
    handler = lpc(lambda request, path, query: path)
    assert rest_add_route.checked(this, router, "GET", "/users/{id:int}/{what}", handler) == 1
    found = rest_process_route.checked(this, router, request("get", "/users/7/a%2Fb?x=1&x=%C3%A9+2"))
    assert found["handler"] is handler
    assert dict(found["path_params"]) == {"id": 7, "what": "a/b"} and type(found["path_params"]) is Mapping
    assert dict(found["query_params"]) == {"x": ["1", "é 2"]}
    assert dict(found["metadata"]) == {"method": "GET", "pattern": "/users/{id:int}/{what}"}


@pytest.mark.parametrize(("given", "found"), [
    (request("GET", "/a"), True), (request("GET", "/a/?x"), True), (request("GET", "http://host:80/a?b"), True),
    (request("GET", "/a#b"), True), (Mapping(path="/a"), True), (request("HEAD", "/a"), True),
    (Mapping(method="GET", path="/%61"), False), (request("GET", "/%61"), True), (request("GET", "/b"), False),
    (request("POST", "/a"), False), (request("OPTIONS", "/a"), False), (request("GET", "/a%"), False),
    (request("GET", "http://host"), False), (Mapping(), False), (Mapping(method=1, path="/a"), False),
    (Mapping(method="GET", path=7), False),
])
def test_where_requests_lead(this: LPCObject, router: int, given: Mapping, found: bool) -> None:
    rest_add_route(this, router, "GET", "/a", "handler")
    assert bool(rest_process_route(this, router, given)) is found


def test_query_params_that_are_there_are_taken(this: LPCObject, router: int) -> None:
    rest_add_route(this, router, "*", "/a", "handler")
    given = Mapping(x=1)
    assert rest_process_route(this, router, Mapping(path="/a", query_params=given))["query_params"] is given
    assert dict(rest_process_route(this, router, Mapping(path="/a", query="y=2"))["query_params"]) == {"y": "2"}


def test_faulty_routes_are_refused_and_logged(this: LPCObject, host: FakeHost, router: int) -> None:
    assert rest_add_route(this, router, "GET", "/{a", "h") == 0
    assert rest_add_route(this, router, "BREW", "/a", "h") == 0
    assert len(host.logged) == 2 and "unknown method 'BREW'" in host.logged[1]


def test_a_router_is_its_owners(this: LPCObject, host: FakeHost, router: int) -> None:
    other = host.make("/other")
    rest_add_route(this, router, "GET", "/a", "handler")
    for number in (router, router + 1, 0, -1, 2**62):
        assert rest_add_route(other, number, "GET", "/b", "h") == 0
        assert rest_set_route_docs(other, number, "GET", "/a", Mapping()) == 0
        assert rest_serve_docs(other, number, "/docs") == 0
        assert not rest_process_route(other, number, request("GET", "/a"))
        assert not rest_generate_openapi(other, number)


def test_routers_go_with_their_owner(this: LPCObject, host: FakeHost) -> None:
    other = host.make("/other")
    mine, theirs = rest_create_router(this), rest_create_router(other)
    host.destruct(other)
    routers = host.state(Routers)
    assert list(routers._routers) == [mine]
    assert routers.find(other, theirs) is None


def test_routers_are_bounded(this: LPCObject) -> None:
    numbers = {rest_create_router(this) for _ in range(MOST_ROUTERS)}
    assert len(numbers) == MOST_ROUTERS and min(numbers) > this.driver.limits.sockets
    assert rest_create_router(this) == -1


class FakeSocket:
    """As much of a socket as the table and the routers want."""

    fd = -1
    is_open = True
    owned_router: OwnedRouter | None = None

    def __init__(self, owner: LPCObject) -> None:
        self.owner = owner


def test_a_sockets_router_goes_by_its_descriptor(this: LPCObject, host: FakeHost) -> None:
    table: Any = host.state(SocketTable)
    socket, other = FakeSocket(this), FakeSocket(this)
    socket.owned_router = OwnedRouter(this)
    fd, without = table.add(socket), table.add(other)
    assert rest_add_route(this, fd, "GET", "/a", "handler") == 1
    assert rest_add_route(this, without, "GET", "/a", "handler") == 0
    taker = host.make("/taker")
    table.give(socket, taker)
    assert rest_add_route(this, fd, "GET", "/b", "handler") == 0
    assert rest_add_route(taker, fd, "GET", "/b", "handler") == 1
    socket.is_open = False
    table.free(socket)
    assert rest_add_route(taker, fd, "GET", "/c", "handler") == 0


def test_handlers_are_names_or_functions(this: LPCObject, router: int) -> None:
    with pytest.raises(BadArgument):
        rest_add_route.checked(this, router, "GET", "/a", 1)


# ----------------------------------------------------------------------------------- tokens and schemas


def test_tokens(this: LPCObject, host: FakeHost) -> None:
    claims = Mapping(sub="tom", exp=host.clock.time() + 60, nested=Mapping(a=[1]))
    token = rest_create_jwt.checked(this, claims, "secret")
    found = rest_verify_jwt.checked(this, token, "secret")
    assert found["sub"] == "tom" and found["nested"]["a"] == [1]
    assert not rest_verify_jwt(this, token, "secre") and type(rest_verify_jwt(this, token, "")) is Mapping
    host.clock.now += 60
    assert not rest_verify_jwt(this, token, "secret")


def test_what_makes_no_token(this: LPCObject) -> None:
    assert rest_create_jwt(this, Mapping(a=this), "secret") == 0
    assert rest_create_jwt(this, Mapping(a=1), "") == 0


def test_schemas(this: LPCObject, host: FakeHost) -> None:
    pytest.importorskip("jsonschema")
    host.budget.check = lambda: None  # type: ignore[attr-defined]
    schema = Mapping(type="object", properties=Mapping(age=Mapping(minimum=0)))
    good = rest_validate_schema.checked(this, Mapping(age=1), schema)
    assert good["valid"] == 1 and good["errors"] == []
    bad = rest_validate_schema.checked(this, Mapping(age=-1), schema)
    assert bad["valid"] == 0 and type(bad["valid"]) is int and bad["errors"] == ["/age: must be at least 0"]
    with pytest.raises(LPCError, match="JSON schema"):
        rest_validate_schema(this, 1, Mapping(type=1))


# ------------------------------------------------------------------------------- requests and responses


def test_parsing_a_request(this: LPCObject) -> None:
    given = request("post", "/a%20b?x=1", headers=Mapping({"Content-Type": "Application/JSON; charset=utf-8", 7: 8}),
                    body='{"a": null}')
    parsed = rest_parse_request.checked(this, given)
    assert (parsed["method"], parsed["path"], parsed["query"]) == ("POST", "/a b", "x=1")
    assert dict(parsed["query_params"]) == {"x": "1"}
    assert dict(parsed["headers"]) == {"content-type": "Application/JSON; charset=utf-8"}
    assert list(parsed["json"]) == ["a"] and parsed["json"]["a"] is UNDEFINED
    assert set(given) == {"method", "uri", "headers", "body"}


@pytest.mark.parametrize(("kind", "body", "has_json"), [
    ("application/json", "[1]", True), ("application/problem+json", "[1]", True),
    ("application/json", Buffer(b"[1]"), True),
    ("text/plain", "[1]", False), ("application/jsonx", "[1]", False), (7, "[1]", False), (None, "[1]", True),
    ("application/json", "[1", False), ("application/json", "", False), ("application/json", [1], False),
    ("application/json", Buffer(b"\xff"), False),
])
def test_json_of_a_request(this: LPCObject, kind: Any, body: Any, has_json: bool) -> None:
    headers = Mapping() if kind is None else Mapping({"content-type": kind})
    parsed = rest_parse_request(this, Mapping(path="/", headers=headers, body=body))
    assert ("json" in parsed) is has_json and (not has_json or parsed["json"] == [1])


def test_what_a_request_already_has_stays(this: LPCObject) -> None:
    query_params, value = Mapping(a="b"), Mapping()
    given = Mapping(method="GET", uri="/x%20y", path="/z", query_params=query_params, json=value)
    parsed = rest_parse_request(this, given)
    assert parsed["path"] == "/z" and parsed["query_params"] is query_params and parsed["json"] is value
    assert rest_parse_request(this, Mapping())["method"] == "GET"


@pytest.mark.parametrize(("data", "status", "body", "kind"), [
    (Mapping(id=7), 201, '{"id":7}', "application/json"), ([], 200, "[]", "application/json"),
    (0, 200, "0", "application/json"),
    ("text", 200, "text", "text/plain; charset=utf-8"), (UNDEFINED, 200, "", UNDEFINED),
    (Mapping(a=1), 204, "", UNDEFINED),
    ("", 304, "", UNDEFINED),
])
def test_formatting_a_response(this: LPCObject, data: Any, status: int, body: str, kind: Any) -> None:
    made = rest_format_response.checked(this, data, status)
    assert (made["status"], made["body"], made["headers"]["content-type"]) == (status, body, kind)


def test_headers_of_a_response(this: LPCObject) -> None:
    given = Mapping({"Content-Type": "text/csv", "X-A": 1})
    made = rest_format_response.checked(this, "a,b", 200, given)
    assert dict(made["headers"]) == {"content-type": "text/csv", "x-a": 1} and set(given) == {"Content-Type", "X-A"}
    data = Buffer(b"x")
    assert rest_format_response(this, data)["body"] is data


@pytest.mark.parametrize(("status", "headers"), [
    (99, Mapping()), (1000, Mapping()), (200, Mapping(a="b\r\nc: d")), (200, Mapping({"a\nb": "c"})),
])
def test_responses_that_can_not_be(this: LPCObject, status: int, headers: Mapping) -> None:
    with pytest.raises(LPCError, match="rest_format_response"):
        rest_format_response(this, 1, status, headers)
    with pytest.raises(LPCError, match="can not be encoded"):
        rest_format_response(this, [this])


# ---------------------------------------------------------------------------------------- documentation


def test_openapi(this: LPCObject, router: int) -> None:
    rest_add_route(this, router, "GET", "/users/{id:int}", "handler")
    docs = Mapping(summary="One user", responses=Mapping({200: "The user"}))
    assert rest_set_route_docs.checked(this, router, "get", "/users/{id:int}", docs) == 1
    assert rest_set_route_docs(this, router, "GET", "/users", docs) == 0
    made = rest_generate_openapi.checked(this, router, Mapping(title="Users", servers=["http://localhost"]))
    assert made["openapi"] == "3.1.0" and made["info"]["title"] == "Users"
    operation = made["paths"]["/users/{id}"]["get"]
    assert operation["summary"] == "One user" and operation["responses"]["200"]["description"] == "The user"
    assert type(operation["parameters"][0]) is Mapping and type(operation["parameters"][0]["required"]) is int
    assert rest_generate_openapi(this, router)["info"]["title"] == "Users"
    found = rest_process_route(this, router, request("GET", "/users/7"))
    assert found["metadata"]["docs"]["summary"] == "One user"
    docs["summary"] = found["metadata"]["docs"]["summary"] = "changed"
    assert rest_generate_openapi(this, router)["paths"]["/users/{id}"]["get"]["summary"] == "One user"


def test_docs_are_bounded_and_json(this: LPCObject, router: int) -> None:
    rest_add_route(this, router, "GET", "/a", "handler")
    with pytest.raises(LPCError, match="larger|more than"):
        rest_set_route_docs(this, router, "GET", "/a", Mapping(summary="x" * 100_000))
    with pytest.raises(LPCError, match="type object"):
        rest_set_route_docs(this, router, "GET", "/a", Mapping(summary=this))


def test_serving_docs(this: LPCObject, router: int) -> None:
    rest_add_route(this, router, "GET", "/a", "handler")
    assert not rest_process_route(this, router, request("GET", "/docs"))
    assert rest_serve_docs.checked(this, router, "/docs", "/swagger-ui") == 1
    for path, kind in (("/docs", "text/html; charset=utf-8"), ("/swagger-ui?x", "text/html; charset=utf-8"),
                       ("/openapi.json", "application/json"), ("/docs.json", "application/json")):
        found = rest_process_route(this, router, request("GET", path))
        assert found["handler"] == 0 and found["response"]["status"] == 200
        assert found["response"]["headers"]["content-type"] == kind
    body = rest_process_route(this, router, request("GET", "/docs.json"))["response"]["body"]
    assert json.loads(body)["paths"]["/a"]["get"]["operationId"] == "get_a"
    assert not rest_process_route(this, router, request("POST", "/docs"))
    rest_add_route(this, router, "GET", "/docs", "own")
    assert rest_process_route(this, router, request("GET", "/docs"))["handler"] == "own"


@pytest.mark.parametrize(("path", "page", "served"), [
    ("/docs", "", 1), ("/docs", "swagger", 1), ("/docs", "redoc", 1), ("/", "/ui", 1), ("docs", "", 0), ("", "", 0),
    ("/docs", "other", 0),
])
def test_where_docs_can_be_served(this: LPCObject, router: int, path: str, page: str, served: int) -> None:
    assert rest_serve_docs.checked(this, router, path, page) == served
