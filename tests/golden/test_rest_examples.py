"""Runs the REST examples with the real command, the one as the other's client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from running import PATIENCE, PROJECT, Running

EXAMPLES = PROJECT / "examples"
ITEM = {"name": "rope", "price": 3}


@contextmanager
def api(mudlib: Path) -> Iterator[int]:
    """The port of rest_api.c."""
    with Running("--mudlib", mudlib, EXAMPLES / "rest_api.c", "0") as program:
        port = urlsplit(program.line()).port
        assert port
        yield port
        status, rest, errors = program.stop()
        assert (status, rest, errors) == (0, [], "")


def ask(port: int, method: str, path: str, value: Any = None, **headers: str) -> tuple[HTTPResponse, Any]:
    """One request; its answer and the JSON in it."""
    client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    body = None if value is None else json.dumps(value)
    client.request(method, path, body, {"Content-Type": "application/json", **headers})
    response = client.getresponse()
    text = response.read()
    client.close()
    return response, json.loads(text) if text else None


def test_rest_api(mudlib_copy: Path) -> None:
    with api(mudlib_copy) as port:
        made, item = ask(port, "POST", "/items", ITEM)
        assert (made.status, made.getheader("location")) == (201, "/items/3")
        assert item == {"id": 3, "tags": [], **ITEM}
        assert ask(port, "GET", "/items/3")[1] == item
        assert ask(port, "PUT", "/items/3", ITEM | {"price": 4})[1]["price"] == 4
        assert [one["id"] for one in ask(port, "GET", "/items?tag=light")[1]] == [1]
        assert ask(port, "DELETE", "/items/3")[0].status == 401
        assert ask(port, "POST", "/login", {"user": "ann", "password": "x"})[0].status == 403
        token = ask(port, "POST", "/login", {"user": "ann", "password": "secret"})[1]["token"]
        assert ask(port, "DELETE", "/items/3", Authorization=f"Bearer {token}")[0].status == 204
        assert ask(port, "GET", "/items/3")[1] == {"error": 404, "message": "There is no such item"}
        refused, why = ask(port, "POST", "/items", {"name": "", "price": -1, "x": 1})
        assert refused.status == 422 and len(why["errors"]) == 3
        document = ask(port, "GET", "/openapi.json")[1]
        assert sorted(document["paths"]) == ["/items", "/items/{id}", "/login"]


def test_rest_client(mudlib_copy: Path) -> None:
    with api(mudlib_copy) as port:
        with Running("--mudlib", mudlib_copy, EXAMPLES / "rest_client.c", f"http://127.0.0.1:{port}") as client:
            said = {client.line() for _ in range(4)}
            assert said == {"brass lantern costs 12", "rope is number 3", "The lantern is gone",
                            '422: /name: must have at least 1 characters, /: must have the member "price"'}
            assert client.process.wait(PATIENCE) == 0
        assert ask(port, "GET", "/items/1")[0].status == 404
