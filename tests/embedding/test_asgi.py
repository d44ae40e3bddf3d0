"""An LPC object in an ASGI site: under uvicorn and hypercorn, with curl and plain sockets as clients."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from mudworld import Mud
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from efuns.asgi import lpc_asgi
from lpc import Limits

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)
PATIENCE = 60.0

SITE = """
#include <socket.h>

int kept = -1, rooms;
string *ends = ({ });
int *codes = ({ });

mixed request(int fd, mapping request, string address) {
    switch (request["path"]) {
    case "/":
        return "Hello, " + (request["query_params"]["name"] || "world");
    case "/echo":
        return ([ "status": 201, "headers": ([ "X-Method": request["method"], "Set-Cookie": ({ "a=1", "b=2" }) ]),
                  "body": request["body"] ]);
    case "/look":
        return ([ "body": ([ "uri": request["uri"], "path": request["path"], "query": request["query"],
                             "tls": request["tls"], "version": request["version"], "json": request["json"],
                             "agent": request["headers"]["user-agent"], "host": explode(address, " ")[0],
                             "cookies": request["cookies"], "length": request["content_length"] ]) ]);
    case "/later":
        call_out((: socket_write, fd, ([ "status": 202, "body": "later" ]) :), 0);
        return 0;
    case "/never":
        kept = fd;
        write("kept");
        return 0;
    case "/written":
        socket_write(fd, "written");
        return codes = ({ socket_write(fd, "twice") }), 0;
    case "/stream":
        socket_write(fd, ([ "chunked": 1, "body": "one " ]));
        socket_write(fd, "two ");
        socket_write(fd, ([ "end": 1, "body": "three" ]));
        return 0;
    case "/half":
        socket_write(fd, ([ "chunked": 1, "body": "half" ]));
        error("broken within the answer");
    case "/begins":
        kept = fd;
        socket_write(fd, ([ "chunked": 1, "body": "half" ]));
        return 0;
    case "/flood":
        kept = fd;
        socket_write(fd, ([ "chunked": 1 ]));
        codes = ({ socket_write(fd, repeat_string("~", 8000000)), socket_write(fd, "more") });
        write("flooded");
        return 0;
    case "/fails":
        error("broken on purpose");
    case "/nonsense":
        return ([ "status": 7 ]);
    case "/closes":
        socket_close(fd);
        return 0;
    case "/gone":
        destruct(this_object());
        return 0;
    case "/static":
        return ([ "status": 204 ]);
    }
    return ([ "status": 404, "body": "nothing here" ]);
}

void room(int fd) {
    rooms++;
    socket_write(fd, ([ "end": 1, "body": "END" ]));
    write("room");
}

void closed(int fd, string reason, int code) { ends += ({ reason }); write("closed"); }
int *query_codes() { return codes; }
string *query_ends() { return ends; }
int query_rooms() { return rooms; }
void stop() { socket_close(kept); }
mixed query_status() { return socket_status(kept); }
int sockets() { return sizeof(filter(socket_status(), (: $1[1] != "CLOSED" :))); }
"""


class World:
    """A driver, its site, and a server's port."""

    def __init__(self, mud: Mud, driver: Any, port: int, news: asyncio.Event) -> None:
        self.mud = mud
        self.driver = driver
        self.port = port
        self.news = news

    def call(self, function: str, *args: Any) -> Any:
        return self.driver.call("/site", function, *args)

    async def curl(self, path: str, *more: str, data: bytes = b"") -> tuple[int, bytes]:
        """Status and body of a request by curl."""
        process = await asyncio.create_subprocess_exec(
            "curl", "-s", "-S", "--max-time", "30", "-w", "\n%{http_code}", *more, f"http://127.0.0.1:{self.port}{path}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
        out, _ = await process.communicate(data)
        body, _, status = out.rpartition(b"\n")
        return int(status), body

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self.news.clear()
                await self.news.wait()
            return value


@asynccontextmanager
async def served(mud: Mud, wrap: Callable[[Any], Any] = lambda app: app, *, options: dict[str, Any] | None = None,
                 **settings: Any) -> AsyncIterator[World]:
    """A site under uvicorn."""
    mud.file("site.c", SITE)
    news = asyncio.Event()
    driver = mud.driver(clock=None, **(options or {}))
    driver._output = lambda text: news.set()
    app = lpc_asgi(driver, "/site", write="room", close="closed", **settings)
    config = uvicorn.Config(wrap(app), host="127.0.0.1", port=0, log_level="critical", lifespan="on", loop="none",
                            timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    assert server.started
    try:
        yield World(mud, driver, server.servers[0].sockets[0].getsockname()[1], news)
    finally:
        server.should_exit = True
        await server.shutdown()


def play(loop: str, work: Awaitable[None]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(work, PATIENCE)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(limited())


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="not installed: curl")


@BOTH_LOOPS
@needs_curl
def test_requests_and_answers(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud) as world:
            assert await world.curl("/?name=Zo%C3%AB") == (200, "Hello, Zoë".encode())
            assert await world.curl("/later") == (202, b"later")
            assert await world.curl("/written") == (200, b"written")
            assert world.call("query_codes") == [-22]
            assert await world.curl("/stream") == (200, b"one two three")
            assert await world.curl("/static") == (204, b"")
            assert await world.curl("/missing") == (404, b"nothing here")
            status, body = await world.curl("/echo", "-i", "--data-binary", "@-", data=bytes(range(256)) * 100)
            head, _, rest = body.partition(b"\r\n\r\n")
            assert (status, rest) == (201, bytes(range(256)) * 100)
            assert b"x-method: POST" in head and b"set-cookie: a=1\r\nset-cookie: b=2" in head
            status, body = await world.curl("/look?a=1&a=2", "-A", "tester", "-b", "c=d", "--json", '{"deep": [1]}')
            assert json.loads(body) == {
                "uri": "/look?a=1&a=2", "path": "/look", "query": "a=1&a=2", "tls": 0, "version": "HTTP/1.1",
                "json": {"deep": [1]}, "agent": "tester", "host": "127.0.0.1", "cookies": {"c": "d"}, "length": 13}
            status, body = await world.curl("/", "-I")
            assert status == 200 and b"content-length: 12" in body.lower()
            await world.until(lambda: world.call("sockets") == 0)
        assert mud.logged == []

    play(loop, talk())


@BOTH_LOOPS
@needs_curl
def test_a_part_of_a_site(loop: str, mud: Mud) -> None:
    def site(app: Any) -> Starlette:
        return Starlette(routes=[Route("/", lambda request: PlainTextResponse("python")), Mount("/mud", app)])

    async def talk() -> None:
        async with served(mud, site) as world:
            assert await world.curl("/") == (200, b"python")
            assert await world.curl("/mud/") == (200, b"Hello, world")
            _, body = await world.curl("/mud/look")
            found = json.loads(body)
            assert (found["uri"], found["path"]) == ("/mud/look", "/look")

    play(loop, talk())


@BOTH_LOOPS
@needs_curl
def test_what_goes_wrong_is_an_answer(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud, answer_seconds=0.2, body_limit=1000) as world:
            assert (await world.curl("/fails"))[0] == 500
            assert mud.log.count("error: broken on purpose") == 1
            assert (await world.curl("/never"))[0] == 504
            assert (await world.curl("/nonsense"))[0] == 500
            assert "is no answer" in mud.log
            assert (await world.curl("/closes"))[0] == 503
            assert (await world.curl("/echo", "-d", "x" * 1001))[0] == 413
            assert (await world.curl("/echo", "-H", "Transfer-Encoding: chunked", "-d", "x" * 1001))[0] == 413
            assert (await world.curl("/?" + "&".join("a" * 1100)))[0] == 400
            assert (await world.curl("/half"))[0] == 500
            assert (await world.curl("/a%00b"))[0] == 400
            assert (await world.curl("/", "-H", "Host: a b"))[0] == 400
            assert (await world.curl("/", "-X", "TRACE"))[0] == 501
            assert mud.log.count("error: broken within the answer") == 1
            assert (await world.curl("/gone"))[0] == 503
            assert await world.curl("/") == (200, b"Hello, world")  # it has been loaded again
            world.driver.close()
            assert (await world.curl("/"))[0] == 503

    play(loop, talk())


@BOTH_LOOPS
def test_half_an_answer_is_seen_to_be_one(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud) as world:
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"GET /begins HTTP/1.1\r\nHost: a\r\n\r\n")
            await reader.readuntil(b"half\r\n")
            world.call("stop")
            assert await reader.read() == b""
            writer.close()

    play(loop, talk())


@BOTH_LOOPS
def test_a_slow_client_holds_lpc_back(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud) as world:
            with socket.socket() as small:
                small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
                small.connect(("127.0.0.1", world.port))
                reader, writer = await asyncio.open_connection(sock=small.dup(), limit=1 << 16)
            writer.write(b"GET /flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await world.until(lambda: world.call("query_codes"))
            assert world.call("query_codes") == [-29, -22]
            assert world.call("query_rooms") == 0
            data = await reader.read()
            assert data.count(b"~") == 8_000_000 and data.endswith(b"END\r\n0\r\n\r\n")
            writer.close()

    play(loop, talk())


@BOTH_LOOPS
def test_a_client_that_leaves_is_reported(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud) as world:
            _, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
            await world.until(lambda: world.call("sockets"))
            assert world.call("query_status")[1:3] == ["DATA_XFER", "HTTP_SERVER"]
            writer.close()
            assert await world.until(lambda: world.call("query_ends")) == ["The other end closed the connection"]
            assert world.call("sockets") == 0

    play(loop, talk())


@BOTH_LOOPS
@needs_curl
def test_no_descriptor_is_left(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        async with served(mud, options={"limits": Limits(sockets=0)}) as world:
            assert (await world.curl("/"))[0] == 503
        assert mud.logged == ["no socket is left for requests to /site"]

    play(loop, talk())


@BOTH_LOOPS
@needs_curl
def test_under_hypercorn(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        mud.file("site.c", SITE)
        config, stop = Config(), asyncio.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            config.bind = [f"fd://{os.dup(listener.fileno())}"]
        config.loglevel = "CRITICAL"
        driver = mud.driver(clock=None)
        app: Any = lpc_asgi(driver, "/site", owns_driver=True)
        server = asyncio.ensure_future(serve(app, config, shutdown_trigger=stop.wait))
        world = World(mud, driver, port, asyncio.Event())
        assert await world.curl("/?name=you") == (200, b"Hello, you")
        assert await world.curl("/?name=you", "--http2-prior-knowledge") == (200, b"Hello, you")
        assert await world.curl("/stream") == (200, b"one two three")
        assert (await world.curl("/fails"))[0] == 500
        stop.set()
        await server
        assert driver.closed

    play(loop, talk())


# ------------------------------------------------------------------------------------- by the protocol


async def lifespan(app: Any) -> list[dict[str, Any]]:
    """What an application says to a start and an end."""
    events = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(events)

    async def send(event: dict[str, Any]) -> None:
        said.append(event)

    await app({"type": "lifespan"}, receive, send)
    return said


@BOTH_LOOPS
def test_the_lifespan_loads_and_ends_the_driver(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        mud.file("site.c", SITE)
        mud.file("broken.c", "int request( {")
        keeps, owns = mud.driver(), mud.driver()
        said = await lifespan(lpc_asgi(keeps, "/site"))
        assert [event["type"] for event in said] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
        assert keeps.find("/site") is not None and not keeps.closed
        await lifespan(lpc_asgi(owns, "/site", owns_driver=True))
        assert owns.closed
        for path in ("/broken", "/missing"):
            said = await lifespan(lpc_asgi(keeps, path))
            assert said[0]["type"] == "lifespan.startup.failed" and path in said[0]["message"]
        said = await lifespan(lpc_asgi(owns, "/site"))
        assert said[0]["message"] == "The driver is closed"

    play(loop, talk())


async def refuse(app: Any, extensions: dict[str, Any]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(event: dict[str, Any]) -> None:
        said.append(event)

    await app({"type": "websocket", "extensions": extensions}, receive, send)
    return said


@BOTH_LOOPS
def test_websockets_are_refused(loop: str, mud: Mud) -> None:
    async def talk() -> None:
        app = lpc_asgi(mud.driver(), "/site")
        assert (await refuse(app, {}))[0]["type"] == "websocket.close"
        start, body = await refuse(app, {"websocket.http.response": {}})
        assert start["status"] == 501 and b"No WebSockets" in body["body"]

    play(loop, talk())


def test_a_driver_of_another_loop_is_refused(mud: Mud) -> None:
    other = asyncio.new_event_loop()
    driver = mud.driver(loop=other)

    async def talk() -> None:
        with pytest.raises(RuntimeError, match="belongs to another event loop"):
            await lifespan(lpc_asgi(driver, "/site"))

    play("asyncio", talk())
    driver.close()
    other.close()
