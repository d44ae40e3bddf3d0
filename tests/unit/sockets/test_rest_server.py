"""Mode 24 over real sockets: routing, checks, answers and errors."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

pytest.importorskip("jsonschema")
pytest.importorskip("httptools")

from efuns.json import to_lpc
from efuns.rest import rest_add_route, rest_generate_openapi, rest_serve_docs, rest_set_route_docs
from efuns.sockets import efuns, options
from efuns.sockets.rest import jwt
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import UNDEFINED, Buffer, Mapping, Value
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.http_world import warm_up
from tests.unit.sockets.rest_world import REST, SECRET, Api, Client

USER = {"type": "object", "required": ["name"], "additionalProperties": False,
        "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer"},
                       "admin": {"type": "boolean"}}}


def lpc(value: Any) -> Any:
    return to_lpc(value, Limits())


def token(claims: dict[str, Any], secret: str = SECRET) -> str:
    made = jwt.sign(Mapping(claims), secret, Limits())
    assert made is not None
    return made


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


# -------------------------------------------------------------------------------------- what handlers get and give


async def test_a_handler_gets_request_parameters_and_descriptor(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: "ok")
    api.add("GET", "/users/{id:int}/{what?}", "show")
    client = await api.connect()
    answer = await client.ask("GET", "/users/7/a%2Fb%20c?x=1&x=2")
    assert (answer.status, answer.json) == (200, "ok")
    request, path, query, fd = host.seen("show")[0]
    assert path["id"] == 7 and path["what"] == "a/b c" and list(query["x"]) == ["1", "2"]
    assert request["path_params"] is path and request["route_match"]["pattern"] == "/users/{id:int}/{what?}"
    assert request["route_match"]["method"] == "GET" and request["auth_status"] == "none"
    assert (request["validation_passed"], request["validation_results"]) == (1, [])
    assert efuns.socket_status(api.ob, fd)[2] == "REST_SERVER"  # type: ignore[index]
    await client.close()


@pytest.mark.parametrize(("given", "status", "body"), [
    (Mapping(a=[1, UNDEFINED]), 200, {"a": [1, None]}), ([], 200, []), ("text", 200, "text"), (7, 200, 7),
    (1.5, 200, 1.5), (Buffer(b"\x01"), 200, [1]), (Mapping(status=201, body=Mapping(id=1)), 201, {"id": 1}),
    (Mapping(status=200, body=7), 200, 7), (Mapping(status=200, body=0.5), 200, 0.5),
    (Mapping(status=200, body=[1]), 200, [1]),
])
async def test_what_a_handler_gives_becomes_json(host: FakeHost, given: Value, status: int, body: Any) -> None:
    api = Api(host, handler=lambda *args: given)
    api.add("GET", "/", "handler")
    client = await api.connect()
    answer = await client.ask("GET", "/")
    assert (answer.status, answer.json) == (status, body)
    await client.close()


async def test_texts_and_types_of_an_answer_stay(host: FakeHost) -> None:
    api = Api(host, page=lambda *args: Mapping(status=200, headers=Mapping({"Content-Type": "text/html"}), body="<p>"),
              problem=lambda *args: Mapping(status=400, headers=Mapping({"content-type": "application/problem+json"}),
                                            body=5),
              nothing=lambda *args: Mapping(status=204))
    for name in ("page", "problem", "nothing"):
        api.add("GET", f"/{name}", name)
    client = await api.connect()
    page = await client.ask("GET", "/page")
    assert (page.headers["content-type"], page.body) == ("text/html", b"<p>")
    problem = await client.ask("GET", "/problem")
    assert (problem.headers["content-type"], problem.body) == ("application/problem+json", b"5")
    nothing = await client.ask("GET", "/nothing")
    assert nothing.status == 204 and "content-length" not in nothing.headers
    await client.close()


async def test_a_handler_may_answer_later(host: FakeHost) -> None:
    waiting: list[int] = []
    api = Api(host, later=lambda request, path, query, fd: waiting.append(fd) or 0)
    api.add("POST", "/", "later")
    api.set("CORS_CONFIG", Mapping(origins="*"))
    client = await api.connect()
    asked = asyncio.ensure_future(client.ask("POST", "/", Origin="http://a"))
    await host.until(lambda: waiting)
    assert efuns.socket_write(api.ob, waiting[0], Mapping(status=202, body=Mapping(a=1))) == 1
    answer = await asked
    assert (answer.status, answer.json) == (202, {"a": 1})
    assert answer.headers["access-control-allow-origin"] == "*"
    await client.close()


async def test_a_handler_that_writes_and_gives_has_answered_once(host: FakeHost) -> None:
    def both(request: Mapping, path: Mapping, query: Mapping, fd: int) -> Value:
        assert efuns.socket_write(api.ob, fd, "written") == 1
        return Mapping(a=1)

    api = Api(host, both=both)
    api.add("GET", "/", "both")
    client = await api.connect()
    assert (await client.ask("GET", "/")).body == b"written"
    assert (await client.ask("GET", "/")).body == b"written"
    await client.close()


async def test_without_handler_or_routes_the_read_callback_answers(host: FakeHost) -> None:
    def read(fd: int, request: Mapping, address: str) -> int:
        return efuns.socket_write(api.ob, fd, Mapping(body=Mapping(path=request["path"], at=request["path_params"])))

    api = Api(host, read=read)
    client = await api.connect()
    assert (await client.ask("GET", "/any")).json == {"path": "/any", "at": None}
    api.route(pattern="/x/{id:int}")
    assert (await client.ask("GET", "/x/1")).json == {"path": "/x/1", "at": {"id": 1}}
    assert (await client.ask("GET", "/any")).status == 404
    await client.close()


async def test_handlers_of_other_objects(host: FakeHost) -> None:
    other = host.object(show=lambda *args: "other")
    api = Api(host, show=lambda *args: "own")
    api.route(path="/a", handler_object=other, handler_function="show")
    api.route(path="/b", handler="show")
    client = await api.connect()
    assert [(await client.ask("GET", path)).json for path in ("/a", "/b")] == ["other", "own"]
    host.destruct(other)
    assert (await client.ask("GET", "/a")).status == 500
    await client.close()


async def test_head_and_pipelining(host: FakeHost) -> None:
    api = Api(host, show=lambda request, path, *args: path["n"])
    api.add("GET", "/{n:int}", "show")
    client = await api.connect()
    head = await client.ask("HEAD", "/12")
    assert (head.status, head.headers["content-length"], head.body) == (200, "2", b"")
    first = await client.raw(b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (first.json, (await client.raw(b"")).json) == (1, 2)
    await client.close()


# --------------------------------------------------------------------------------------------- errors


async def error_of(client: Client, method: str, path: str, *args: Any, **headers: str) -> tuple[int, str]:
    answer = await client.ask(method, path, *args, **headers)
    assert answer.json["error"] == answer.status
    return answer.status, answer.json["message"]


async def test_what_no_route_is_for(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.add("GET", "/a", "show")
    api.add("PUT", "/a", "show")
    api.add("GET", "/n/{id:int}", "show")
    client = await api.connect()
    assert await error_of(client, "GET", "/b") == (404, "There is nothing at this path")
    wrong = await client.ask("DELETE", "/a")
    assert (wrong.status, wrong.headers["allow"]) == (405, "GET, HEAD, PUT, OPTIONS")
    assert (await error_of(client, "PROPFIND", "/a"))[0] == 405
    choices = await client.ask("OPTIONS", "/a")
    assert (choices.status, choices.headers["allow"]) == (204, "GET, HEAD, PUT, OPTIONS")
    for path in ("/n/x", "/n/9999999999999999999", "/a/b", "//a", "/n/", "/a/../a", "/n/1%2F2", "/%61/"):
        expected = 200 if path == "/%61/" else 404
        assert (await client.ask("GET", path)).status == expected, path
    for path in ("/%", "/%zz", "/%ff", "/n/%e2%82"):
        assert (await error_of(client, "GET", path))[0] == 400, path
    assert (await client.ask("GET", "/%C3%A9%F0%9F%98%80")).status == 404
    await client.close()


@pytest.mark.parametrize(("line", "status"), [
    ("BREW /a HTTP/1.1", 501), ("CONNECT a:1 HTTP/1.1", 501), ("GET /a%00 HTTP/1.1", 400), ("GET /a HTTP/3.0", 505),
    (f"GET /{'a' * 9000} HTTP/1.1", 414),
])
async def test_what_http_refuses_is_json_too(host: FakeHost, line: str, status: int) -> None:
    api = Api(host, show=lambda *args: 1)
    api.add("GET", "/a", "show")
    client = await api.connect()
    answer = await client.raw(f"{line}\r\nHost: x\r\n\r\n".encode())
    assert (answer.status, answer.json["error"], answer.headers["connection"]) == (status, status, "close")
    await client.close()


async def test_failing_handlers(host: FakeHost) -> None:
    def fails(*args: Value) -> Value:
        raise LPCError("secret text")

    def fails_late(request: Mapping, path: Mapping, query: Mapping, fd: int) -> Value:
        efuns.socket_write(api.ob, fd, "done")
        raise LPCError("late")

    api = Api(host, fails=fails, late=fails_late, bad=lambda *args: Mapping(status=7),
              header=lambda *args: Mapping(status=200, headers=Mapping({"x": "a\r\nb: c"}), body=""),
              cyclic=lambda *args: host.object())
    for name in ("fails", "late", "bad", "header", "cyclic", "missing"):
        api.add("GET", f"/{name}", name)
    client = await api.connect()
    for name in ("fails", "bad", "header", "cyclic", "missing"):
        assert await error_of(client, "GET", f"/{name}") == (500, "The handler failed"), name
    assert (await client.ask("GET", "/late")).body == b"done"
    assert any("secret text" in text for text in host.errors) and any("object" in text for text in host.errors)
    assert any("no function missing()" in text for text in host.logged)
    host.errors.clear()
    await client.close()


async def test_a_handler_that_fails_within_its_answer_ends_the_connection(host: FakeHost) -> None:
    def streams(request: Mapping, path: Mapping, query: Mapping, fd: int) -> Value:
        efuns.socket_write(api.ob, fd, Mapping(chunked=1))
        raise LPCError("late")

    api = Api(host, streams=streams)
    api.add("GET", "/", "streams")
    client = await api.connect()
    client._writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert not (await client._reader.read()).endswith(b"0\r\n\r\n")
    host.errors.clear()
    await client.close()


async def test_the_error_handler(host: FakeHost) -> None:
    def explain(request: Mapping, error: Mapping, fd: int) -> Value:
        if request["path"] == "/plain":
            return 0
        if request["path"] == "/own":
            return Mapping(status=410, body="gone")
        return Mapping(code=error["error"], why=error["message"])

    api = Api(host, explain=explain, show=lambda *args: 1)
    api.add("POST", "/a", "show")
    api.set("ERROR_HANDLER", "explain")
    client = await api.connect()
    answer = await client.ask("GET", "/x")
    assert (answer.status, answer.json) == (404, {"code": 404, "why": "There is nothing at this path"})
    wrong = await client.ask("GET", "/a")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST, OPTIONS")
    own = await client.ask("GET", "/own")
    assert (own.status, own.body) == (410, b"gone")
    assert (await client.ask("GET", "/plain")).json["message"] == "There is nothing at this path"
    api.set("ERROR_HANDLER", "nobody")
    assert await error_of(client, "GET", "/x") == (404, "There is nothing at this path")
    await client.close()


async def test_an_error_handler_that_fails(host: FakeHost) -> None:
    def fails(*args: Value) -> Value:
        raise LPCError("again")

    api = Api(host, fails=fails)
    api.add("GET", "/", "fails")
    api.set("ERROR_HANDLER", "fails")
    client = await api.connect()
    assert await error_of(client, "GET", "/") == (500, "The handler failed")
    assert len(host.errors) == 2
    host.errors.clear()
    await client.close()


# --------------------------------------------------------------------------------------------- bodies


async def test_bodies_are_checked(host: FakeHost) -> None:
    api = Api(host, add=lambda request, *args: request["json"])
    api.route(method="POST", pattern="/users", handler="add", schema=lpc(USER))
    client = await api.connect()
    good = await client.send_json("POST", "/users", {"name": "Zoë", "admin": True})
    assert good.json == {"name": "Zoë", "admin": 1}
    bad = await client.send_json("POST", "/users", {"name": "", "age": True, "admin": 1, "x": 1})
    assert bad.status == 422 and sorted(bad.json["errors"]) == [
        '/: must not have the member "x"', '/admin: must be of type "boolean"', '/age: must be of type "integer"',
        "/name: must have at least 1 characters"]
    kinds = {"text/plain": 415, "application/jsonx": 415, "application/problem+json": 200,
             "Application/JSON; charset=utf-8": 200}
    for kind, status in kinds.items():
        assert (await client.ask("POST", "/users", '{"name": "a"}', Content_Type=kind)).status == status, kind
    assert (await client.ask("POST", "/users", '{"name": "a"}')).status == 415
    for body in (b"", b"{", b"nul", b"\xff", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 200 + b"1" + b"}" * 200):
        answer = await client.ask("POST", "/users", body, Content_Type="application/json")
        assert answer.status == 400 and answer.json["message"], body[:20]
    assert len(host.seen("add")) == 3
    await client.close()


async def test_numbers_beyond_64_bits(host: FakeHost) -> None:
    api = Api(host, echo=lambda request, *args: request["json"])
    api.route(method="POST", pattern="/", handler="echo", schema=lpc({"type": "array", "items": {"type": "number"}}))
    client = await api.connect()
    body = "[9223372036854775807, 9223372036854775808, -9223372036854775809, 1e300, 100000000000000000000000]"
    answer = await client.ask("POST", "/", body, Content_Type="application/json")
    assert answer.json == [9223372036854775807, 2.0**63, -2.0**63, 1e300, 1e23]
    await client.close()


async def test_bad_json_is_refused_without_a_schema_too(host: FakeHost) -> None:
    api = Api(host, show=lambda request, *args: repr("json" in request))
    api.add("*", "/", "show")
    client = await api.connect()
    assert (await client.ask("POST", "/", "{", Content_Type="application/json")).status == 400
    assert (await client.ask("POST", "/", "{", Content_Type="text/plain")).status == 200
    assert (await client.ask("POST", "/", "", Content_Type="application/json")).status == 200
    await client.close()


async def test_reports_instead_of_refusals(host: FakeHost) -> None:
    api = Api(host, add=lambda request, *args: Mapping(passed=request["validation_passed"],
                                                       errors=request["validation_results"]))
    api.set("ROUTER_CONFIG", Mapping(validate="report", routes=[
        Mapping(method=["POST", "PUT"], pattern="/", handler="add", schema=lpc(USER))]))
    client = await api.connect()
    assert (await client.send_json("POST", "/", {"name": "a"})).json == {"passed": 1, "errors": []}
    assert (await client.send_json("PUT", "/", {})).json == {"passed": 0, "errors": ['/: must have the member "name"']}
    await client.close()


async def test_a_schema_for_all_routes(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.add("*", "/a", "show")
    api.route(method="POST", pattern="/b", handler="show", schema=lpc({"type": "array"}))
    api.set("VALIDATION_SCHEMA", lpc({"type": "object"}))
    client = await api.connect()
    found = [(await client.send_json("POST", path, value)).status for path in ("/a", "/b") for value in ({}, [])]
    assert found == [200, 422, 422, 200]
    assert (await client.ask("GET", "/a")).status == 200
    api.set("VALIDATION_SCHEMA", Mapping())
    assert (await client.send_json("POST", "/a", [])).status == 200
    await client.close()


async def test_schemas_that_take_too_long_refuse_the_body(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.route(method="POST", pattern="/", handler="show", schema=lpc({"pattern": "^(a|aa)+$"}))
    client = await api.connect()
    answer = await client.send_json("POST", "/", "a" * 5000 + "!")
    assert answer.status == 422
    await client.close()


# --------------------------------------------------------------------------------------- tokens, limits, origins


def forged(header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims)]
    return ".".join([*parts, ""])


async def test_tokens(host: FakeHost) -> None:
    api = Api(host, show=lambda request, *args: [request["auth_status"], request["claims"]])
    api.set("JWT_SECRET", SECRET)
    api.route(pattern="/closed", handler="show", auth=1)
    api.route(pattern="/open", handler="show")
    client = await api.connect()
    now = int(host.clock.time())
    good = token({"sub": "tom", "exp": now + 60})
    for scheme in ("Bearer", "bearer"):
        answer = await client.ask("GET", "/closed", Authorization=f"{scheme} {good}")
        assert answer.json == ["valid", {"sub": "tom", "exp": now + 60}]
    bad = [token({"exp": now - 1}), token({"nbf": now + 60}), token({}, "x" * 32), good[:-2] + "AA", good + "a", "x",
           forged({"alg": "none"}, {"sub": "tom"}), forged({"alg": "RS256"}, {}), good.rpartition(".")[0] + "."]
    for one in bad:
        answer = await client.ask("GET", "/closed", Authorization=f"Bearer {one}")
        assert answer.status == 401 and answer.headers["www-authenticate"] == 'Bearer error="invalid_token"', one
        assert (await client.ask("GET", "/open", Authorization=f"Bearer {one}")).json == ["invalid", None]
    missing = await client.ask("GET", "/closed", Authorization="Basic YTpi")
    assert (missing.status, missing.headers["www-authenticate"]) == (401, "Bearer")
    assert (await client.ask("GET", "/open")).json == ["none", None]
    await client.close()


async def test_a_route_that_wants_tokens_is_closed_without_a_secret(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.route(pattern="/", handler="show", auth=1)
    client = await api.connect()
    assert (await client.ask("GET", "/", Authorization="Bearer a.b.c")).status == 401
    assert any("REST_JWT_SECRET is not set" in text for text in host.logged)
    await client.close()


async def test_rate_limits(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.route(pattern="/a", handler="show")
    api.route(pattern="/b", handler="show", rate=Mapping(requests=1, window=30))
    api.route(pattern="/free", handler="show", rate=0)
    api.set("RATE_LIMIT", Mapping(requests=3, window=3600))
    client = await api.connect()
    statuses = [(await client.ask("GET", path)).status for path in ("/a", "/b", "/b", "/a", "/nothing", "/a", "/free")]
    assert statuses == [200, 200, 429, 200, 404, 429, 200]
    refused = await client.ask("GET", "/b")
    assert (refused.status, 20 < int(refused.headers["retry-after"]) <= 30) == (429, True)
    assert refused.json == {"error": 429, "message": "Too many requests"}
    api.set("RATE_LIMIT", 0)
    assert (await client.ask("GET", "/a")).status == 200
    await client.close()


async def test_other_origins(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.add("POST", "/", "show")
    api.set("CORS_CONFIG", Mapping(origins=["https://a.example", "https://b.example"], credentials=1, max_age=60,
                                   expose="X-Count", headers=["X-One", "X-Two"]))
    client = await api.connect()
    answer = await client.ask("POST", "/", Origin="https://b.example")
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert (answer.headers["access-control-expose-headers"], answer.headers["vary"]) == ("X-Count", "Origin")
    wrong = await client.ask("GET", "/nothing", Origin="https://b.example")
    assert (wrong.status, wrong.headers["access-control-allow-origin"]) == (404, "https://b.example")
    for other in ("https://evil.example", "null", "https://a.example.evil"):
        stranger = await client.ask("POST", "/", Origin=other)
        assert stranger.status == 200 and "access-control-allow-origin" not in stranger.headers
    preflight = await client.ask("OPTIONS", "/", Origin="https://a.example", Access_Control_Request_Method="POST")
    assert preflight.status == 204 and preflight.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert preflight.headers["access-control-allow-headers"] == "X-One, X-Two"
    assert preflight.headers["access-control-max-age"] == "60"
    refused = await client.ask("OPTIONS", "/", Origin="https://c.example", Access_Control_Request_Method="POST")
    assert refused.status == 204 and not any(name.startswith("access-control") for name in refused.headers)
    await client.close()


async def test_any_origin_and_an_answers_own_word(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1, own=lambda *args: Mapping(
        status=200, headers=Mapping({"Access-Control-Allow-Origin": "https://x"}), body=""))
    api.add("GET", "/", "show")
    api.add("GET", "/own", "own")
    api.set("CORS_CONFIG", Mapping(origins="*"))
    client = await api.connect()
    answer = await client.ask("GET", "/")
    assert answer.headers["access-control-allow-origin"] == "*" and "vary" not in answer.headers
    assert (await client.ask("GET", "/own")).headers["access-control-allow-origin"] == "https://x"
    asked = await client.ask("OPTIONS", "/", Origin="http://a", Access_Control_Request_Method="GET",
                             Access_Control_Request_Headers="x-a")
    assert asked.headers["access-control-allow-headers"] == "x-a"
    await client.close()


async def test_middleware(host: FakeHost) -> None:
    def gate(request: Mapping, fd: int) -> Value:
        request["user"] = request["headers"].get("x-user", "nobody")
        return Mapping(status=403, body="no") if request["user"] == "eve" else 0

    api = Api(host, gate=gate, second=lambda request, fd: 0, show=lambda request, *args: request.get("user", "any"))
    api.add("GET", "/", "show")
    api.set("MIDDLEWARE", ["gate", "second"])
    client = await api.connect()
    assert (await client.ask("GET", "/", X_User="tom")).json == "tom"
    refused = await client.ask("GET", "/", X_User="eve")
    assert (refused.status, refused.body) == (403, b"no")
    assert len(host.seen("show")) == 1 and len(host.seen("second")) == 1
    assert (await client.ask("GET", "/nothing")).status == 404
    api.set("MIDDLEWARE", "missing")
    assert (await client.ask("GET", "/")).status == 500
    api.set("MIDDLEWARE", 0)
    assert (await client.ask("GET", "/")).json == "any"
    await client.close()


# ----------------------------------------------------------------------------------------- documentation


async def test_documentation(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: 1)
    api.set("OPENAPI_INFO", lpc({"title": "Shop <1>", "version": "3", "servers": "http://x"}))
    api.set("DOCS_PATH", "/docs")
    api.route(method="POST", pattern="/users/{id:int}", handler="show", schema=lpc(USER), auth=1, description="Adds.",
              docs=lpc({"summary": "Add a user", "responses": {"201": "Made"}}))
    api.add("GET", "/users", "show")
    assert rest_set_route_docs(api.ob, api.fd, "GET", "/users", lpc({"summary": "All"})) == 1
    client = await api.connect()
    document = (await client.ask("GET", "/docs.json")).json
    assert document == (await client.ask("GET", "/openapi.json")).json
    operation = document["paths"]["/users/{id}"]["post"]
    assert (document["openapi"], document["info"]["title"]) == ("3.1.0", "Shop <1>")
    assert document["servers"] == [{"url": "http://x"}]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema["additionalProperties"] is False and schema["required"] == ["name"]
    assert sorted(operation["responses"]) == ["201", "400", "401", "404", "415", "422"]
    assert document["paths"]["/users"]["get"]["summary"] == "All"
    page = await client.ask("GET", "/docs/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert b"Shop &lt;1&gt;" in page.body and b"<script" not in page.body and b"://" not in page.body.replace(
        b"http://x", b"")
    assert (await client.ask("HEAD", "/docs")).status == 200
    assert (await client.ask("POST", "/docs")).status == 405
    made = rest_generate_openapi(api.ob, api.fd)
    assert made["info"]["version"] == "3"
    await client.close()


async def test_documentation_before_there_are_routes_and_beside_them(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: "own")
    assert rest_serve_docs(api.ob, api.fd, "/docs") == 1
    client = await api.connect()
    assert (await client.ask("GET", "/docs")).status == 200
    api.add("GET", "/docs", "show")
    assert (await client.ask("GET", "/docs")).json == "own"
    await client.close()


# ------------------------------------------------------------------------------------- options and sockets


@pytest.mark.parametrize(("name", "value", "complaint"), [
    ("ADD_ROUTE", Mapping(), '"pattern" is a string'), ("ADD_ROUTE", Mapping(pattern="a"), "begins with a slash"),
    ("ADD_ROUTE", Mapping(pattern="/", method="BREW"), "unknown method"),
    ("ADD_ROUTE", Mapping(pattern="/", method=7), '"method" is one of'),
    ("ADD_ROUTE", Mapping(pattern="/{a:b}"), "unknown kind"), ("ADD_ROUTE", ["x"], "a route is a mapping"),
    ("ADD_ROUTE", Mapping(pattern="/", handler=7), '"handler" is'),
    ("ADD_ROUTE", Mapping(pattern="/", handler="a b"), '"handler" is'),
    ("ADD_ROUTE", Mapping(pattern="/", handler_object="/x", handler="y"), '"handler_object" is'),
    ("ADD_ROUTE", Mapping(pattern="/", schemas=Mapping()), '"schemas" is not among'),
    ("ADD_ROUTE", Mapping({"pattern": "/", 1: 2}), "what is no string is not among"),
    ("ADD_ROUTE", Mapping(pattern="/", schema=7), '"schema" is a mapping'),
    ("ADD_ROUTE", Mapping(pattern="/", schema=Mapping(type="strin")), "JSON schema"),
    ("ADD_ROUTE", Mapping(pattern="/", auth=2), '"auth" is'), ("ADD_ROUTE", Mapping(pattern="/", rate="x"), "requests"),
    ("ADD_ROUTE", Mapping(pattern="/", description=1), '"description"'),
    ("ADD_ROUTE", Mapping(pattern="/", docs=[1]), '"docs" is a mapping'),
    ("ADD_ROUTE", Mapping(pattern="/", docs=Mapping(description="x" * 70_000)), "documentation of more than"),
    ("ROUTER_CONFIG", Mapping(validate="maybe"), '"validate" is'), ("ROUTER_CONFIG", Mapping(x=1), '"x" is not among'),
    ("JWT_SECRET", "too short", "32 bytes"), ("DOCS_PATH", "docs", "begins with a slash"),
    ("MIDDLEWARE", Mapping(), "functions"), ("MIDDLEWARE", ["a"] * 33, "functions"), ("MIDDLEWARE", 1, "functions"),
    ("ERROR_HANDLER", ["a", "b"], "one function"),
    ("CORS_CONFIG", Mapping(origin="*"), "not among"), ("CORS_CONFIG", Mapping(origins=[]), '"origins" is'),
    ("CORS_CONFIG", Mapping(origins=["*", "https://a"]), '"origins" is'),
    ("CORS_CONFIG", Mapping(origins="*", credentials=1), "named"),
    ("CORS_CONFIG", Mapping(origins="https://a\r\nX: y"), "text or an array"),
    ("CORS_CONFIG", Mapping(origins="*", max_age=-1), "max_age"),
    ("CORS_CONFIG", Mapping(origins=[7]), "text or an array"),
    ("RATE_LIMIT", -1, "requests"), ("RATE_LIMIT", Mapping(window=1), '"requests" is missing'),
    ("RATE_LIMIT", Mapping(requests=1, window=0), "window"), ("VALIDATION_SCHEMA", Mapping(type=7), "JSON schema"),
])
async def test_bad_options(host: FakeHost, name: str, value: Value, complaint: str) -> None:
    api = Api(host)
    with pytest.raises(LPCError, match=complaint):
        api.set(name, value)
    assert api.host.state(SocketTable).find(api.fd).owned_router.router.routes == []  # type: ignore[union-attr]


async def test_connections_have_no_routes_of_their_own(host: FakeHost) -> None:
    def read(fd: int, request: Mapping, address: str) -> int:
        with pytest.raises(LPCError, match="is for the listening socket"):
            efuns.socket_set_option(api.ob, fd, options.REST_RATE_LIMIT, 5)
        assert rest_add_route(api.ob, fd, "GET", "/", "read") == 0
        return efuns.socket_write(api.ob, fd, "checked")

    api = Api(host, read=read)
    client = await api.connect()
    assert (await client.ask("GET", "/")).body == b"checked"
    await client.close()


async def test_routes_go_with_the_socket(host: FakeHost) -> None:
    api = Api(host, show=lambda *args: "first")
    api.add("GET", "/", "show")
    taker = host.object(show=lambda *args: "second",
                        take=lambda fd, to: efuns.socket_acquire(taker, fd, "read", "write", "closed"))
    client = await api.connect()
    assert (await client.ask("GET", "/")).json == "first"
    assert efuns.socket_release(api.ob, api.fd, taker, "take") == 1
    assert rest_add_route(api.ob, api.fd, "GET", "/b", "show") == 0
    assert rest_add_route(taker, api.fd, "GET", "/b", "show") == 1
    assert (await client.ask("GET", "/b")).json == "second"
    await client.close()


async def test_rest_options_are_unknown_elsewhere(host: FakeHost) -> None:
    ob = host.object()
    fd = efuns.socket_create(ob, 20, "read")
    with pytest.raises(LPCError, match=r"Unknown socket option: 111 \(REST_ADD_ROUTE\) in mode HTTP_SERVER"):
        efuns.socket_set_option(ob, fd, options.REST_ADD_ROUTE, Mapping(pattern="/"))
    assert efuns.socket_mode_available(ob, REST) == 1
