"""OpenAPI documents and the page made of them."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from efuns.sockets.rest.openapi import Documentation, document, page
from efuns.sockets.rest.router import Router

NAMES = st.sampled_from([
    "parameters", "responses", "requestBody", "security", "description", "summary", "name", "in", "id", "path",
    "schema", "auth", "content", "url", "required", "200", "operationId", "deprecated", "type", "boolean", "enum"])
JSON: Any = st.recursive(
    st.one_of(st.none(), st.integers(0, 2), NAMES, st.floats(0, 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)), max_leaves=15)


def made(router: Router) -> dict[str, Any]:
    """The document as a reader of its JSON sees it."""
    found: dict[str, Any] = json.loads(json.dumps(document(router.routes, router.info)))
    return found


def users() -> Router:
    """A router with a little of everything."""
    router = Router()
    router.inform({"title": "Users", "version": "2", "servers": ["http://localhost:8080", {"url": "/x"}]})
    router.add("GET", "/users/{id:int}", 0)
    router.add("POST", "/users", 0, {
        "schema": {"type": "object", "properties": {"name": {"type": "string", "readOnly": 1}},
                   "additionalProperties": 0},
        "auth": 1, "description": "Adds a user."})
    router.describe("GET", "/users/{id:int}", {
        "summary": "One user", "tags": ["users"], "deprecated": 1,
        "parameters": [{"name": "full", "in": "query", "required": 0, "schema": {"type": "boolean", "default": 1}}],
        "responses": {"200": {"description": "The user"}, "404": "No such user"}})
    return router


def test_an_empty_router() -> None:
    assert made(Router()) == {"openapi": "3.1.0", "info": {"title": "REST API", "version": "1.0.0"}, "paths": {}}


def test_info_and_servers() -> None:
    found = made(users())
    assert found["info"] == {"title": "Users", "version": "2"}
    assert found["servers"] == [{"url": "http://localhost:8080"}, {"url": "/x"}]
    one = Router()
    one.inform({"servers": "http://a"})
    assert made(one)["servers"] == [{"url": "http://a"}]


def test_operations_come_from_routes_and_docs() -> None:
    operation = made(users())["paths"]["/users/{id}"]["get"]
    assert operation == {
        "operationId": "get_users_id", "summary": "One user", "tags": ["users"], "deprecated": True,
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
            {"name": "full", "in": "query", "required": False, "schema": {"type": "boolean", "default": True}}],
        "responses": {"200": {"description": "The user"}, "404": {"description": "No such user"}}}


def test_schemas_and_tokens_come_from_the_route() -> None:
    found = made(users())
    operation = found["paths"]["/users"]["post"]
    assert operation["requestBody"] == {"required": True, "content": {"application/json": {"schema": {
        "type": "object", "properties": {"name": {"type": "string", "readOnly": True}},
        "additionalProperties": False}}}}
    assert operation["security"] == [{"bearerAuth": []}] and operation["description"] == "Adds a user."
    assert found["components"]["securitySchemes"]["bearerAuth"]["scheme"] == "bearer"
    assert "security" not in found["paths"]["/users/{id}"]["get"]


def test_what_docs_say_wins() -> None:
    router = Router()
    router.add("PUT", "/a/{id}", 0, {"schema": {"type": "object"}, "auth": 1})
    router.describe("PUT", "/a/{id}", {
        "operationId": "change", "security": [], "requestBody": {"content": {}},
        "parameters": [{"name": "id", "in": "path", "required": 1, "description": "which"}]})
    operation = made(router)["paths"]["/a/{id}"]["put"]
    assert (operation["operationId"], operation["security"]) == ("change", [])
    assert operation["requestBody"] == {"content": {}}
    assert operation["parameters"] == [{"name": "id", "in": "path", "required": True, "description": "which"}]
    assert operation["responses"]["200"] == {"description": "OK"}


def test_what_our_server_answers_by_itself() -> None:
    router = Router()
    router.add("PUT", "/a/{id}", 0, {"schema": {"type": "object"}, "auth": 1, "rate": [10, 60]})
    router.describe("PUT", "/a/{id}", {"responses": {"204": "Done", "404": "No such thing"}})
    router.add("GET", "/b", 0, {"schema": {"type": "object"}})
    router.add("GET", "/c/{id}", 0)
    found = made(router)
    responses = found["paths"]["/a/{id}"]["put"]["responses"]
    assert list(responses) == ["204", "400", "401", "404", "415", "422", "429"]
    assert responses["404"] == {"description": "No such thing"}
    assert responses["422"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Error"}
    assert found["components"]["schemas"]["Error"]["required"] == ["error", "message"]
    assert list(found["paths"]["/b"]["get"]["responses"]) == ["200"]
    assert list(found["paths"]["/c/{id}"]["get"]["responses"]) == ["200"]  # this router is somebody else's


def test_parameters_have_schemas() -> None:
    router = Router()
    router.add("GET", "/{a}/{b:float}/{c:alpha}/{d:uuid}/{e:path}", 0)
    (path, item), = made(router)["paths"].items()
    assert path == "/{a}/{b}/{c}/{d}/{e}"
    assert [one["schema"] for one in item["get"]["parameters"]] == [
        {"type": "string"}, {"type": "number"}, {"type": "string", "pattern": "^[A-Za-z]+$"},
        {"type": "string", "format": "uuid"}, {"type": "string"}]


def test_optional_parameters_make_paths() -> None:
    router = Router()
    router.add("GET", "/log/{y:int?}/{m:int?}", 0)
    router.add("GET", "/{a?}", 0)
    router.add("GET", "/files/*", 0)
    paths = made(router)["paths"]
    names = {path: [one["name"] for one in item["get"].get("parameters", [])] for path, item in paths.items()}
    assert names == {"/log": [], "/log/{y}": ["y"], "/log/{y}/{m}": ["y", "m"], "/": [], "/{a}": ["a"],
                     "/files/{path}": ["path"]}


def test_operation_ids_are_unique_and_the_first_route_of_a_path_counts() -> None:
    router = Router()
    router.add("GET", "/a/b", 0, {"description": "first"})
    router.add("GET", "/a-b", 0)
    router.add("*", "/a/b", 0, {"description": "second"})
    paths = made(router)["paths"]
    ids = [operation["operationId"] for item in paths.values() for operation in item.values()]
    assert len(ids) == len(set(ids)) == 8
    assert paths["/a/b"]["get"]["description"] == "first" and paths["/a/b"]["delete"]["description"] == "second"


def test_true_and_false_are_booleans_where_they_must_be() -> None:
    router = Router()
    schema = {"type": "boolean", "enum": [1, 0], "properties": {"required": {"enum": [1], "uniqueItems": 0}}}
    router.add("POST", "/a", 0, {"schema": schema})
    body = made(router)["paths"]["/a"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert repr(body) == repr({
        "type": "boolean", "enum": [True, False], "properties": {"required": {"enum": [1], "uniqueItems": False}}})


@settings(deadline=None)
@given(JSON, JSON, JSON)
def test_any_docs_make_a_document_and_a_page(docs: Any, metadata: Any, info: Any) -> None:
    router = Router()
    router.inform({"title": info, "version": info, "description": info, "servers": info})
    router.add("POST", "/a/{id}", 0, metadata)
    router.describe("POST", "/a/{id}", docs)
    found = made(router)
    assert found["paths"]["/a/{id}"]["post"]["responses"]
    assert page(found).endswith("</html>\n")


def test_what_routes_hold_stays_as_it_is() -> None:
    router = users()
    before = repr([(route.metadata, route.docs) for route in router.routes])
    made(router)
    assert repr([(route.metadata, route.docs) for route in router.routes]) == before


# -------------------------------------------------------------------------------------------- the page


class Reader(HTMLParser):
    """Notes elements, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_every_operation() -> None:
    text = " ".join(Reader(page(made(users()))).text)
    for word in ("Users", "http://localhost:8080", "/users/{id}", "One user", "No such user", "deprecated", "POST",
                 "bearer token", '"additionalProperties": false', "integer"):
        assert word in text


def test_the_page_needs_no_other_host_and_no_script() -> None:
    text = page(made(users()))
    reader = Reader(text)
    assert "script" not in reader.tags and "link" not in reader.tags and "img" not in reader.tags
    assert [value for name, value in reader.attributes if name in ("href", "src")] == ["/openapi.json"]
    assert not re.search(r"@import|url\(", text)


def test_nothing_in_a_document_becomes_markup() -> None:
    evil = '<script>alert("&")</script>'
    router = Router()
    router.inform({"title": evil, "version": evil, "description": evil, "servers": [evil, {"url": [evil]}, 7]})
    router.add("POST", f"/{evil.replace('/', '')}", 0, {"schema": {"title": evil}, "description": evil})
    router.describe("POST", router.routes[0].pattern, {
        "summary": {"a": evil}, "responses": {evil: {"description": evil, "content": {evil: 1}}},
        "parameters": [{"name": evil, "in": evil, "schema": evil, "description": evil}, evil]})
    text = page(made(router))
    assert "script" not in Reader(text).tags and "<script" not in text


def test_documentation_answers_its_paths() -> None:
    documentation = Documentation(users(), "/docs/", ("/swagger-ui",))
    for path in ("/docs", "/docs/", "/swagger-ui"):
        found = documentation.answer(path)
        assert found and found[0] == "text/html; charset=utf-8" and "<h1>Users" in found[1]
    for path in ("/docs.json", "/openapi.json"):
        found = documentation.answer(path)
        assert found and found[0] == "application/json" and json.loads(found[1])["info"]["title"] == "Users"
    for path in ("/", "/docs/x", "/swagger-ui.json", "", ".json"):
        assert documentation.answer(path) is None


def test_documentation_at_the_root() -> None:
    documentation = Documentation(Router(), "/")
    assert documentation.answer("/") and documentation.answer("/openapi.json")


def test_documentation_follows_the_router() -> None:
    router = users()
    documentation = Documentation(router, "/docs")
    first = documentation.answer("/docs.json")
    assert documentation.answer("/docs.json") == first
    router.add("GET", "/new", 0)
    second = documentation.answer("/docs.json")
    router.inform({"title": "Other"})
    third = documentation.answer("/docs.json")
    assert first and second and third
    assert "/new" not in first[1] and "/new" in second[1] and "Other" in third[1]
