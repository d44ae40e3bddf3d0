"""Modes 24 and 25 in real drivers, with peers we did not write: curl and aiohttp."""

from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from client_world import Exchange, client_world, on_both_loops, peer
from network_world import needs
from running import PATIENCE, Running

from efuns.sockets import errors, options

REST = 25
SCRIPT = """
#include <socket.h>
#include <socket_options.h>

mixed show(mapping request, mapping path, mapping query) {
    return ([ "id": path["id"], "query": query, "tls": request["tls"], "version": request["version"] ]);
}

mixed add(mapping request) { return ([ "status": 201, "body": request["json"] ]); }

mixed later(mapping request, mapping path, mapping query, int fd) {
    call_out("answer", 0, fd);
    return 0;
}

void answer(int fd) { socket_write(fd, ([ "body": ([ "late": 1 ]) ])); }

mixed fail(mapping request) { error("broken"); }

int main(string *argv) {
    int server = socket_create(REST_SERVER, "nobody");

    if (argv[1] == "https") {
        socket_set_option(server, SO_TLS_CERT, "/cert.pem");
        socket_set_option(server, SO_TLS_KEY, "/key.pem");
    } else
        socket_set_option(server, HTTP2_ENABLE, 1);
    socket_set_option(server, REST_DOCS_PATH, "/docs");
    socket_set_option(server, REST_CORS_CONFIG, ([ "origins": "https://app.example" ]));
    socket_set_option(server, REST_ADD_ROUTE, ({
        ([ "method": "POST", "pattern": "/users", "handler": (: add :),
           "schema": ([ "type": "object", "required": ({ "name" }) ]) ]),
        ([ "pattern": "/limited", "handler": (: show :), "rate": 1 ]),
    }));
    rest_add_route(server, "GET", "/users/{id:int}", (: show :));
    rest_add_route(server, "GET", "/later", "later");
    rest_add_route(server, "GET", "/fail", "fail");
    socket_bind(server, 0, "127.0.0.1 0");
    if (socket_listen(server) != EESUCCESS) error(socket_get_option(server, SO_LAST_ERROR) + "\\n");
    write(explode(socket_address(server, 1), " ")[1] + "\\n");
    return 0;
}
"""


# --------------------------------------------------------------------------------------------- the server


class World:
    """A REST server in a process of its own, and curl with one version of HTTP."""

    def __init__(self, folder: Path, kind: str, loop: str, version: str) -> None:
        (folder / "serve.c").write_text(SCRIPT, encoding="utf-8")
        authority = trustme.CA()
        issued = authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(folder / "cert.pem"), append=True)
        self.ca = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca))
        self.version = version
        self.program = Running("--mudlib", folder, "--loop", loop, folder / "serve.c", kind)
        self.url = f"{kind}://127.0.0.1:{int(self.program.line())}"
        self._flag = "--http1.1" if version == "1" else "--http2" if kind == "https" else "--http2-prior-knowledge"

    def curl(self, path: str, *args: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of an answer."""
        done = subprocess.run(["curl", "-sS", "-i", self._flag, "--cacert", self.ca, *args, self.url + path],
                              capture_output=True, timeout=PATIENCE, check=True)
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split(" ")[1]), fields, json.loads(body) if body else None


@pytest.fixture(params=["http-uvloop-1", "http-asyncio-2", "https-asyncio-1", "https-uvloop-2"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, *request.param.split("-"))
    with made.program:
        yield made


@needs("curl")
def test_curl_and_the_server(world: World) -> None:
    status, fields, body = world.curl("/users/7?a=1&a=%C3%BC")
    secure = int(world.url.startswith("https"))
    assert (status, fields["content-type"]) == (200, "application/json")
    assert body == {"id": 7, "query": {"a": ["1", "ü"]}, "tls": secure,
                    "version": "HTTP/1.1" if world.version == "1" else "HTTP/2"}
    sent = ("-H", "Content-Type: application/json", "-d")
    assert world.curl("/users", *sent, '{"name": "Zoë"}')[::2] == (201, {"name": "Zoë"})
    assert world.curl("/users", *sent, "{}")[2]["errors"] == ['/: must have the member "name"']
    assert world.curl("/later")[::2] == (200, {"late": 1})
    assert world.curl("/nothing")[::2] == (404, {"error": 404, "message": "There is nothing at this path"})
    assert world.curl("/users")[1]["allow"] == "POST, OPTIONS"
    assert [world.curl("/limited")[0] for _ in range(2)] == [200, 429]
    assert world.curl("/fail")[::2] == (500, {"error": 500, "message": "The handler failed"})
    origin = ("-H", "Origin: https://app.example")
    assert world.curl("/users/7", *origin)[1]["access-control-allow-origin"] == "https://app.example"
    status, fields, body = world.curl("/users", "-X", "OPTIONS", "-H", "Access-Control-Request-Method: POST", *origin)
    assert (status, body, fields["access-control-allow-methods"]) == (204, None, "POST, OPTIONS")
    assert sorted(world.curl("/openapi.json")[2]["paths"]) == ["/fail", "/later", "/limited", "/users", "/users/{id}"]


# --------------------------------------------------------------------------------------------- the client


async def echo(exchange: Exchange) -> None:
    """Tells the client what it asked for."""
    told = {"target": exchange.target, "fields": exchange.fields}
    await exchange.answer(json.dumps(told).encode(), "200 OK", "Content-Type: application/json")


@asynccontextmanager
async def users(context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """The base URL of a small API made with aiohttp."""

    async def add(request: web.Request) -> web.Response:
        given = await request.json()
        return web.json_response({"id": 8, **given}, status=201, headers={"Location": "/api/users/8"})

    async def show(request: web.Request) -> web.Response:
        number = int(request.match_info["id"])
        if number != 7:
            return web.json_response({"error": 404}, status=404)
        return web.json_response({"id": number, "query": sorted(request.query.items()),
                                  "accept": request.headers.get("Accept")})

    async def text(request: web.Request) -> web.Response:
        return web.Response(text="plain")

    async def wrong(request: web.Request) -> web.Response:
        return web.Response(text="[1,", content_type="application/json")

    async def nothing(request: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.add_routes([web.post("/api/users", add), web.get("/api/users/{id}", show), web.get("/api/text", text),
                    web.get("/api/wrong", wrong), web.delete("/api/users/{id}", nothing)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        yield f"{'https' if context else 'http'}://127.0.0.1:{runner.addresses[0][1]}/api"
    finally:
        await runner.cleanup()


@on_both_loops
async def test_the_client_and_an_api(folder: Path) -> None:
    async with users() as base, client_world(folder) as world:
        await world.open(REST, base)
        made = await world.ask(method="POST", path="/users", json={"name": "Zoë"})
        assert (made["status"], made["ok"], made["data"]) == (201, 1, {"id": 8, "name": "Zoë"})
        found = await world.ask(path="users/7", query={"b": ["x y", 2], "a": "ü&="})
        assert found["data"] == {"id": 7, "accept": "application/json",
                                 "query": [["a", "ü&="], ["b", "2"], ["b", "x y"]]}
        assert found["url"].startswith(f"{base}/users/7?")
        missing = await world.ask(path="/users/1")
        assert (missing["status"], missing["ok"], missing["data"]) == (404, 0, {"error": 404})
        for path, body in (("/text", "plain"), ("/wrong", "[1,")):
            other = await world.ask(path=path)
            assert (other["ok"], other["body"], other["data"]) == (1, body, 0)
        gone = await world.ask(method="DELETE", path="/users/7")
        assert (gone["status"], gone["ok"], gone["data"]) == (204, 1, 0)


@on_both_loops
async def test_the_client_by_tls(folder: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    async with users(context) as base, client_world(folder) as world:
        await world.open(REST, base, {options.TLS_CA_BUNDLE: "/ca.pem"})
        assert (await world.ask(path="/users/7"))["data"]["id"] == 7
    async with users(context) as base, client_world(folder) as world:
        assert world.call("open", REST, base, {}) == 1
        reason, _ = await world.end()
        assert "certificate" in reason


@on_both_loops
async def test_paths_and_queries(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(REST, server.url("/v1/"))
        asked: list[tuple[dict[str, Any], str]] = [
            ({}, "/v1/"), ({"path": "/a"}, "/v1/a"), ({"path": "a/b?x=1", "query": {"y": 2}}, "/v1/a/b?x=1&y=2"),
            ({"path": "?x=1"}, "/v1/?x=1"), ({"query": {"y": 1.5}}, "/v1/?y=1.5"), ({"query": "?z=1"}, "/v1/?z=1"),
            ({"url": server.url("/other"), "query": {"a": "b#c"}}, "/other?a=b%23c"), ({"path": ""}, "/v1/"),
        ]
        for message, target in asked:
            assert (await world.ask(**message))["data"]["target"] == target
        own = await world.ask(path="/", headers={"ACCEPT": "text/plain"})
        accepted = [value for name, value in own["data"]["fields"] if name.lower() == "accept"]
        assert accepted == ["text/plain"]
        assert world.call("send", {"path": 7}) == errors.EETYPENOTSUPP
        assert world.call("send", {"path": "/", "query": [1]}) == errors.EETYPENOTSUPP
        assert world.call("send", {"path": "/", "query": {"a": {}}}) == errors.EETYPENOTSUPP
        assert world.call("send", {"path": "/", "headers": 7}) == errors.EETYPENOTSUPP
        assert world.call("send", {"path": "/\r\nX: y"}) == errors.EEBADDATA
        assert world.call("send", "text") == errors.EETYPENOTSUPP


@on_both_loops
async def test_a_streamed_answer(folder: Path) -> None:
    async with client_world(folder) as world, peer(echo) as server:
        await world.open(REST, server.url())
        assert world.call("send", {"path": "/", "stream": 1}) == 1
        head, *pieces = await world.answers(3)
        assert (head["ok"], head["data"]) == (1, 0) and pieces[-1]["end"] == 1
        assert "ok" not in pieces[0]
