"""Routes: which one a request leads to, and what is refused."""

from __future__ import annotations

import random
from typing import Any

import pytest

from efuns.sockets.rest.router import (
    LONGEST_PATH,
    LONGEST_PATTERN,
    MOST_PARAMETERS,
    MOST_ROUTES,
    PatternError,
    Router,
    query_parameters,
)


def router_of(*patterns: str, method: str = "GET") -> Router:
    """A router whose handlers are the patterns themselves."""
    router = Router()
    for pattern in patterns:
        router.add(method, pattern, pattern)
    return router


def lead(router: Router, path: str, method: str = "GET") -> tuple[Any, dict[str, Any]] | int:
    """Handler and parameters, or the status where there is no route."""
    found = router.match(method, path)
    return (found.route.handler, found.parameters) if found.route else found.status


@pytest.mark.parametrize(("pattern", "path", "parameters"), [
    ("/", "/", {}), ("/users", "/users", {}), ("/users/", "/users", {}), ("/users", "/users/", {}),
    ("/users/{id}", "/users/tom", {"id": "tom"}), ("/users/{id}", "/users/a.b-c", {"id": "a.b-c"}),
    ("/users/{id:int}", "/users/-07", {"id": -7}), ("/users/{id:int}", "/users/999999999999999999", {"id": 10**18 - 1}),
    ("/at/{x:float}/{y:float}", "/at/1/-2.50", {"x": 1.0, "y": -2.5}), ("/{word:alpha}", "/aZ", {"word": "aZ"}),
    ("/{id:uuid}", "/123e4567-E89b-12d3-a456-426614174000", {"id": "123e4567-E89b-12d3-a456-426614174000"}),
    ("/f/{name:path}", "/f/a/b/c.txt", {"name": "a/b/c.txt"}), ("/f/{name:path}", "/f/a/", {"name": "a"}),
    ("/f/*", "/f", {"*": ""}), ("/f/*", "/f/", {"*": ""}), ("/f/*", "/f/a/b", {"*": "a/b"}), ("/*", "/", {"*": ""}),
    ("/*", "/x/y", {"*": "x/y"}), ("/{a}/*", "/x/y/z", {"a": "x", "*": "y/z"}),
    ("/u/{id?}", "/u", {}), ("/u/{id?}", "/u/7", {"id": "7"}), ("/{y:int?}/{m:int?}", "/", {}),
    ("/{y:int?}/{m:int?}", "/2026", {"y": 2026}), ("/{y:int?}/{m:int?}", "/2026/8", {"y": 2026, "m": 8}),
    ("/f/{name:path?}", "/f", {}), ("/f/{name:path?}", "/f/a/b", {"name": "a/b"}),
    ("/v{number:int}/x", "/v2/x", {"number": 2}), ("/{name}.json", "/a.b.json", {"name": "a.b"}),
    ("/a+b(c)", "/a+b(c)", {}), ("/a//b", "/a//b", {}),
])
def test_patterns(pattern: str, path: str, parameters: dict[str, Any]) -> None:
    found = router_of(pattern).match("GET", path)
    assert found.status == 200 and found.route is not None and found.parameters == parameters
    assert {name: type(value) for name, value in found.parameters.items()} == {
        name: type(value) for name, value in parameters.items()}


@pytest.mark.parametrize(("pattern", "path"), [
    ("/", "/x"), ("/users", "/user"), ("/users", "/USERS"), ("/users", "/users/x"), ("/users/{id}", "/users"),
    ("/users/{id}", "/users//"), ("/users/{id}", "/users/a/b"), ("/{id:int}", "/1.5"), ("/{id:int}", "/٣"),
    ("/{id:int}", "/1000000000000000000"), ("/{id:int}", "/+1"), ("/{x:float}", "/1e5"), ("/{x:float}", "/nan"),
    ("/{x:float}", "/.5"), ("/{w:alpha}", "/a1"), ("/{w:alpha}", "/é"), ("/{id:uuid}", "/123e4567"),
    ("/f/{name:path}", "/f"), ("/f/{name:path}", "/f/"), ("/f/*", "/fx"), ("/u/{id:int?}", "/u/x"), ("/a.b", "/axb"),
    ("/v{number:int}", "/v"), ("/{name}.json", "/.json"), ("/", "*"), ("/a", ""), ("/a", "a"), ("/a//b", "/a/b"),
    ("/{id:int}", "/1%0A"), ("/*", "/" + "x" * LONGEST_PATH),
])
def test_what_does_not_match(pattern: str, path: str) -> None:
    assert lead(router_of(pattern), path) == 404


@pytest.mark.parametrize(("path", "parameters"), [
    ("/a%20b", {"x": "a b"}), ("/a+b", {"x": "a+b"}), ("/a%2Fb", {"x": "a/b"}), ("/a%2fb%2F", {"x": "a/b/"}),
    ("/caf%C3%A9", {"x": "café"}), ("/%25", {"x": "%"}), ("/%252F", {"x": "%2F"}), ("/é", {"x": "é"}),
    ("/%2e%2E", {"x": ".."}),
])
def test_percent_decoding(path: str, parameters: dict[str, str]) -> None:
    assert lead(router_of("/{x}"), path) == ("/{x}", parameters)


def test_literals_are_compared_decoded() -> None:
    router = router_of("/caf é/x", "/a/b")
    assert lead(router, "/caf%20%C3%A9/x") == ("/caf é/x", {})
    assert lead(router, "/%61/b") == ("/a/b", {})
    assert lead(router, "/a%2Fb") == 404


@pytest.mark.parametrize("path", ["/%", "/%4", "/%zz", "/%C3", "/%FF", "/%00", "/a\0", "/%41\0"])
def test_what_can_not_be_decoded_is_a_bad_request(path: str) -> None:
    assert lead(router_of("/{x}", "/*"), path) == 400


def test_decoded_paths_are_taken_as_they_are() -> None:
    router = router_of("/{x}")
    assert router.match("GET", "/100%", encoded=False).parameters == {"x": "100%"}
    assert router.match("GET", "/%2F", encoded=False).parameters == {"x": "%2F"}
    assert router.match("GET", "/\0", encoded=False).status == 400


def test_literal_beats_parameter_beats_rest_whatever_the_order() -> None:
    patterns = ["/*", "/{a}/{b}", "/{a}/new", "/users/*", "/users/{b}", "/users/new"]
    wanted = {"/users/new": "/users/new", "/users/x": "/users/{b}", "/users/x/y": "/users/*", "/x/new": "/{a}/new",
              "/x/y": "/{a}/{b}", "/x": "/*", "/users": "/users/*"}
    for seed in range(10):
        random.Random(seed).shuffle(patterns)
        router = router_of(*patterns)
        for path, pattern in wanted.items():
            found = lead(router, path)
            assert isinstance(found, tuple) and found[0] == pattern


def test_among_equals_the_first_counts() -> None:
    assert lead(router_of("/{a}", "/{b}"), "/x") == ("/{a}", {"a": "x"})
    assert lead(router_of("/{a:int}", "/{b}"), "/7") == ("/{a:int}", {"a": 7})
    assert lead(router_of("/{b}", "/{a:int}"), "/7") == ("/{b}", {"b": "7"})
    router = router_of("/{a:int}/{p:alpha}", "/{a}/{p}", "/{a:int}/{p}")
    assert lead(router, "/5/77") == ("/{a}/{p}", {"a": "5", "p": "77"})


def test_only_routes_that_know_the_method_compete() -> None:
    router = Router()
    router.add("GET", "/users/me", "me")
    router.add("post", "/users/{id}", "change")
    router.add("*", "/any", "any")
    assert lead(router, "/users/me", "POST") == ("change", {"id": "me"})
    assert lead(router, "/users/me", "HEAD") == ("me", {})
    assert lead(router, "/any", "BREW") == ("any", {})
    assert lead(router, "/any", "OPTIONS") == ("any", {})


def test_methods_that_are_missing() -> None:
    router = Router()
    router.add("GET", "/users/{id:int}", 0)
    router.add("DELETE", "/users/{id}", 0)
    assert router.match("PUT", "/users/7") == (405, None, {}, ("GET", "HEAD", "DELETE", "OPTIONS"))
    assert router.match("PUT", "/users/x") == (405, None, {}, ("DELETE", "OPTIONS"))
    assert router.match("OPTIONS", "/users/x") == (204, None, {}, ("DELETE", "OPTIONS"))
    assert router.match("OPTIONS", "/nobody") == (404, None, {}, ())
    assert router.match("get", "/users/7").status == 405


@pytest.mark.parametrize("pattern", [
    "", "users", "/{}", "/{a", "/a}", "/{a:word}", "/{1a}", "/{a-b}", "/{a}{b}", "/{a}-{b}", "/{a}/{a}", "/*/a", "/a*",
    "/{a:path}/b", "/{a?}/b", "/{a?}/*", "/{a?}/{b}", "/x{a?}", "/x{a:path}", "/{" + "a" * 65 + "}", "/a\0b", "/**",
    "/" + "a" * LONGEST_PATTERN,
])
def test_bad_patterns(pattern: str) -> None:
    with pytest.raises(PatternError):
        Router().add("GET", pattern, 0)


@pytest.mark.parametrize("method", ["", "BREW", "GET ", "GET,POST", "G\u0130T"])
def test_bad_methods(method: str) -> None:
    with pytest.raises(PatternError, match="unknown method"):
        Router().add(method, "/", 0)


def test_the_same_route_again_replaces_the_handler() -> None:
    router = router_of("/a", "/b")
    again = router.add("get", "/a", "new", {"auth": 1})
    assert [route.pattern for route in router.routes] == ["/a", "/b"]
    assert lead(router, "/a") == ("new", {}) and again.metadata == {"auth": 1}


def test_a_router_is_bounded() -> None:
    router = router_of(*(f"/{number}/{{a}}" for number in range(MOST_ROUTES)))
    with pytest.raises(PatternError, match="more than 1000"):
        router.add("GET", "/more", 0)
    router.add("GET", "/7/{a}", "still replaceable")
    assert lead(router, "/7/x") == ("still replaceable", {"a": "x"})
    assert lead(router, "/999/x") == ("/999/{a}", {"a": "x"})


def test_docs_and_info_count_as_changes() -> None:
    router = router_of("/a")
    changes = [router.changes]
    assert router.describe("get", "/a", {"summary": "x"}) and not router.describe("POST", "/a", {})
    changes.append(router.changes)
    router.inform({"title": "x"})
    changes.append(router.changes)
    router.add("GET", "/a", 0)
    assert len({*changes, router.changes}) == 4
    assert router.routes[0].docs == {"summary": "x"}


def test_agrees_with_trying_every_route() -> None:
    """The tree of segments finds what comparing with one route after the other would."""
    chance = random.Random(5)
    pieces = ["a", "b", "{x}", "{x:int}", "{x:alpha}"]
    for _ in range(200):
        patterns = list(dict.fromkeys(
            "/" + "/".join(chance.choice(pieces).replace("x", f"x{at}") for at in range(chance.randint(1, 3)))
            for _ in range(8)))
        router = router_of(*patterns)
        path = "/" + "/".join(chance.choice(["a", "b", "7", "c-"]) for _ in range(chance.randint(1, 3)))
        fitting = [pattern for pattern in patterns if lead(router_of(pattern), path) != 404]
        fitting.sort(key=lambda pattern: ["{" in segment for segment in pattern.split("/")])
        found = lead(router, path)
        assert found == 404 if not fitting else isinstance(found, tuple) and found[0] == fitting[0]


@pytest.mark.parametrize(("query", "parameters"), [
    ("", {}), ("a=1", {"a": "1"}), ("a=1&b=2", {"a": "1", "b": "2"}), ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
    ("a", {"a": ""}), ("a=b=c", {"a": "b=c"}), ("&&a=1&", {"a": "1"}), ("=x", {"": "x"}),
    ("a+b=c+d%20%2B", {"a b": "c d +"}), ("%C3%A9=%E2%82%AC", {"é": "€"}), ("a=%FF%", {"a": "\ufffd%"}),
])
def test_query_parameters(query: str, parameters: dict[str, Any]) -> None:
    assert query_parameters(query) == parameters


def test_query_parameters_are_bounded() -> None:
    assert len(query_parameters("&".join(f"a{number}=1" for number in range(MOST_PARAMETERS + 5)))) == MOST_PARAMETERS
