"""A real driver whose object is an HTTP client, and a server that says exactly what a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from network_world import LOOPS, PATIENCE, no_descriptors_left, play

from efuns import standard
from lpc import Driver, Permissions

HTTP, HTTPS = 22, 23

#: Its callbacks write something, so that a test can wait for them.
CLIENT = """
#include <socket.h>

int fd = -1, readies, closes_at = -1, dies_at = -1;
mapping *answers = ({ }), next;
string *senders = ({ });
mixed *end;

void got(int which, mapping answer, string sender) {
    answers += ({ answer });
    senders += ({ sender });
    if (next) { socket_write(which, next); next = 0; }
    if (sizeof(answers) == closes_at) socket_close(which);
    if (sizeof(answers) == dies_at) destruct(this_object());
    write("got");
}

void ready(int which) {
    readies++;
    write("ready");
}

void ended(int which, string reason, int code) {
    end = ({ reason, code });
    write("ended");
}

int open(int mode, string where, mapping settings) {
    fd = socket_create(mode, "got", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
    return socket_connect(fd, where, "got", "ready");
}

int set(int option, mixed value) { return socket_set_option(fd, option, value); }
mixed try_set(int option, mixed value) { return catch(socket_set_option(fd, option, value)); }
void forget() { answers = ({ }); end = 0; }
mixed get(int option) { return socket_get_option(fd, option); }
int send(mixed message) { return socket_write(fd, message); }
int bind(int port, string address) {
    fd = socket_create(HTTP_CLIENT, "got", "ended");
    return socket_bind(fd, port, address);
}

int connect(string where) { return socket_connect(fd, where, "got", "ready"); }
int close() { return socket_close(fd); }
void close_at(int count) { closes_at = count; }
void die_at(int count) { dies_at = count; }
void set_next(mapping message) { next = message; }
mixed *status() { return socket_status(fd); }
string address() { return socket_address(fd); }
mapping *query_answers() { return answers; }
string *query_senders() { return senders; }
mixed *query_end() { return end; }
int query_readies() { return readies; }
void called(mapping answer) { got(-1, answer, 0); }
int serve(int port, mapping options) { return http_start_server(port, (: write("served") :), options); }
int call(string url, mapping options) { return http_send_request(url, options, "called"); }
"""


class ClientWorld:
    """A driver with a client object."""

    def __init__(self, driver: Driver, news: asyncio.Event, said: list[str]) -> None:
        self.driver = driver
        self.client = driver.clone("/client")
        self.said = said
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        """Call a function of the client."""
        return self.driver.call(self.client, function, *args)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until a callback has made the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
            return value

    async def open(self, mode: int, where: str, settings: dict[int, Any] | None = None) -> None:
        """Connect; it must come up."""
        readies = self.call("query_readies")
        assert self.call("open", mode, where, settings or {}) == 1
        await self.until(lambda: self.call("query_readies") > readies or self.call("query_end"))
        assert self.call("query_end") == 0, self.call("query_end")

    async def answers(self, count: int = 1) -> list[dict[str, Any]]:
        """So many answers; the socket must not end before."""
        await self.until(lambda: len(self.call("query_answers")) >= count or self.call("query_end"))
        assert self.call("query_end") == 0, self.call("query_end")
        return [plain(answer) for answer in self.call("query_answers")]

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        count = len(self.call("query_answers"))
        assert self.call("send", message) == 1
        return (await self.answers(count + 1))[-1]

    async def end(self) -> tuple[str, int]:
        """Why the socket ended."""
        reason, code = await self.until(lambda: self.call("query_end"))
        return reason, code

    async def fails(self, **message: Any) -> tuple[str, int]:
        """Send one request, after which the socket must end."""
        assert self.call("send", message) == 1
        return await self.end()


def plain(value: Any) -> Any:
    """An LPC value that can be compared."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


@asynccontextmanager
async def client_world(mudlib: Path, *flags: str, logs: bool = False) -> AsyncIterator[ClientWorld]:
    """A driver over a mudlib, with the permissions of some command-line flags; when it is closed, nothing is
    left of it."""
    (mudlib / "client.c").write_text(CLIENT, encoding="utf-8")
    news = asyncio.Event()
    said: list[str] = []
    async with peer(hang_up):  # loops open descriptors of their own on first use
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)
    with no_descriptors_left():
        async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                          output=lambda text: news.set(), logger=said.append,
                          permissions=Permissions.parse(flags)) as driver:
            yield ClientWorld(driver, news, said)
    assert logs or said == []


# ------------------------------------------------------------------------------------------------- the server


class Exchange:
    """A request that was read, and the way to answer it."""

    def __init__(self, peer: Peer, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ")
        self.fields = [tuple(line.split(": ", 1)) for line in lines[1:] if line]
        self.headers = {name.lower(): value for name, value in self.fields}
        self.body = body
        self.peer = peer
        self.writer = writer

    async def send(self, *pieces: bytes) -> None:
        """Send bytes, each piece by itself."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, body: bytes = b"", status: str = "200 OK", *fields: str) -> None:
        """Send a whole answer."""
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields]
        await self.send("\r\n".join([*head, "", ""]).encode("latin-1") + (body if self.method != "HEAD" else b""))

    async def hang_up(self) -> None:
        """End the connection."""
        self.writer.close()


async def hang_up(exchange: Exchange) -> None:
    """Answers nothing."""
    await exchange.hang_up()


Answerer = Callable[[Exchange], Awaitable[None]]


class Peer:
    """A server on a free port; `seen` are its requests, `connections` counts."""

    def __init__(self, answer: Answerer) -> None:
        self.answer = answer
        self.seen: list[Exchange] = []
        self.connections = 0
        self.port = 0
        self.greeting = b""  # said before anybody asks
        self.gone = asyncio.Event()  # a client has ended a connection
        self._news = asyncio.Event()
        self._tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def where(self) -> str:
        return f"127.0.0.1 {self.port}"

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def until_seen(self, count: int) -> None:
        """Until so many requests have arrived."""
        async with asyncio.timeout(PATIENCE):
            while len(self.seen) < count:
                self._news.clear()
                await self._news.wait()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks[task] = writer
        task.add_done_callback(self._tasks.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(self.greeting)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                body = await reader.readexactly(int(length[0])) if length else b""
                exchange = Exchange(self, head, body, writer)
                self.seen.append(exchange)
                self._news.set()
                await self.answer(exchange)
        except (asyncio.IncompleteReadError, OSError):
            self.gone.set()
        finally:
            writer.transport.abort()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    async def close(self) -> None:
        while tasks := dict(self._tasks):
            for task, writer in tasks.items():
                writer.transport.abort()
                task.cancel()
            await asyncio.gather(*tasks, *(writer.wait_closed() for writer in tasks.values()), return_exceptions=True)
            await asyncio.sleep(0)


@asynccontextmanager
async def peer(answer: Answerer, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A server that answers as it is told."""
    made = Peer(answer)
    server = await asyncio.start_server(made.accept, "127.0.0.1", 0, ssl=context, backlog=2048)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.close()
        await server.wait_closed()
        await asyncio.sleep(0)


def on_both_loops(test: Callable[[Path], Awaitable[None]]) -> Callable[[str, Path], None]:
    """A coroutine test(folder), as one test for each event loop."""

    @pytest.mark.parametrize("loop", sorted(LOOPS))
    def run(loop: str, tmp_path: Path) -> None:
        play(loop, test(tmp_path))

    run.__name__, run.__doc__ = getattr(test, "__name__", "run"), test.__doc__
    return run
