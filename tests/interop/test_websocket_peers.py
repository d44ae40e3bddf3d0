"""Modes 30 to 36 in a real driver, with peers we did not write: the libraries websockets and aiohttp, curl."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from network_world import PATIENCE, no_descriptors_left, play, shell
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from efuns import standard
from lpc import Driver, Permissions

LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
SERVER, CLIENT, SECURE_SERVER, SECURE_CLIENT, FILE, STREAM, COMPRESSED = range(30, 37)

#: Its callbacks write something, so that a test can wait for them.
SERVICE = """
#include <socket.h>

int echoes = 1, opened;
mixed *parts = ({ }), *ends = ({ });

void got(int fd, mixed data, mapping info) {
    parts += ({ data });
    if (echoes) socket_write(fd, data);
    write("got");
}

void caller(int fd) { socket_accept(fd, "got", "ready"); }
void ready(int fd) { opened++; write("ready"); }
void ended(int fd, string reason, int code) { ends += ({ ({ reason, code }) }); write("ended"); }

int make(int mode, mapping settings) {
    int fd = socket_create(mode, "got", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
    return fd;
}

string open(int mode, mapping settings) {
    int fd = make(mode, settings);
    if (socket_bind(fd, 0, "127.0.0.1 0") != 1 || socket_listen(fd, "caller") != 1)
        error(socket_get_option(fd, SO_LAST_ERROR));
    return explode(socket_address(fd, 1), " ")[1];
}

int dial(int mode, string where, mapping settings) {
    int fd = make(mode, settings);
    if (socket_connect(fd, where, "got", "ready") != 1) error(socket_get_option(fd, SO_LAST_ERROR));
    return fd;
}

int send(int fd, mixed data) { return socket_write(fd, data); }
int hang_up(int fd) { return socket_close(fd); }
void set_echoes(int yes) { echoes = yes; }
int query_opened() { return opened; }
mixed *query_parts() { return parts; }
mixed *query_ends() { return ends; }
mapping about(int fd) { return socket_get_option(fd, WS_HANDSHAKE); }
"""
MESSAGES: list[str | bytes] = ["", "Hello", "Grüße 🐉", b"", b"\0\xff" * 1000, "x" * 65536]


class World:
    """A driver with a service object."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.service = driver.clone("/service")
        self._driver = driver
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        return self._driver.call(self.service, function, *args)

    def server(self, mode: int, **settings: Any) -> str:
        return f"127.0.0.1:{self.call('open', mode, self._options(settings))}"

    def client(self, mode: int, where: str, **settings: Any) -> int:
        fd: int = self.call("dial", mode, where, self._options(settings))
        return fd

    @staticmethod
    def _options(settings: dict[str, Any]) -> dict[int, Any]:
        from efuns.sockets import options

        return {getattr(options, name): value for name, value in settings.items()}

    async def until(self, function: str, count: int = 1) -> Any:
        async with asyncio.timeout(PATIENCE):
            while True:
                value = self.call(function)
                if (value if isinstance(value, int) else len(value)) >= count:
                    return value
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    (folder / "service.c").write_text(SERVICE, encoding="utf-8")
    news = asyncio.Event()
    said: list[str] = []
    async with Driver(folder, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                      output=lambda text: news.set(), logger=said.append, permissions=Permissions.parse(())) as driver:
        yield World(driver, news)
    assert said == []


# ------------------------------------------------------------------------------------------- we are the server


@LOOPS
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_the_library_as_client(loop: str, compression: str | None, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            where = here.server(SERVER, WS_COMPRESSION=1, WS_PROTOCOL="chat")
            async with connect(f"ws://{where}/x", compression=compression, subprotocols=["other", "chat"],  # type: ignore[list-item]
                               ) as peer:
                assert peer.subprotocol == "chat"
                assert ("permessage-deflate" in peer.response.headers.get("Sec-WebSocket-Extensions", "")  # type: ignore[union-attr]
                        ) == bool(compression)
                for message in MESSAGES:
                    await peer.send(message)
                    assert await peer.recv() == message
                await peer.send(["in ", "three ", "pieces"])
                assert await peer.recv() == "in three pieces"
                await (await peer.ping(b"x"))
            assert (await here.until("query_ends"))[0][1] == 1000

    play(loop, test())


@LOOPS
@pytest.mark.parametrize("bits", range(9, 16))
@pytest.mark.parametrize("forgets", [False, True])
def test_windows_of_the_library(loop: str, bits: int, forgets: bool, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            where = here.server(COMPRESSED)
            offer = ClientPerMessageDeflateFactory(forgets, forgets, bits, bits)
            async with connect(f"ws://{where}/", compression=None, extensions=[offer]) as peer:
                for at in range(20):
                    await peer.send(f"{at} {'Hello World ' * 200}")
                    assert await peer.recv() == f"{at} {'Hello World ' * 200}"

    play(loop, test())


@LOOPS
def test_what_the_library_thinks_of_our_ends(loop: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            where = here.server(SERVER, WS_MAX_MESSAGE_SIZE=1000)
            async with connect(f"ws://{where}/", max_size=None) as peer:
                await peer.send("x" * 1001)
                with pytest.raises(ConnectionClosed) as closed:
                    await peer.recv()
                assert closed.value.rcvd is not None and closed.value.rcvd.code == 1009
            async with connect(f"ws://{where}/") as peer:
                await peer.send("x")
                await peer.recv()
                here.call("send", 1, {"type": "close", "code": 4001, "reason": "enough"})
                with pytest.raises(ConnectionClosed) as closed:
                    await peer.recv()
                assert closed.value.rcvd is not None
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4001, "enough")
            assert [code for _, code in await here.until("query_ends", 2)] == [1009, 4001]
            with pytest.raises(InvalidStatus):
                async with connect(f"ws://{here.server(COMPRESSED)}/", compression=None):
                    pass

    play(loop, test())


@LOOPS
@pytest.mark.parametrize("compress", [0, 9, 15])
def test_aiohttp_as_client(loop: str, compress: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here, aiohttp.ClientSession() as session:
            where = here.server(SERVER, WS_COMPRESSION=1)
            async with session.ws_connect(f"http://{where}/", compress=compress) as peer:
                assert bool(peer.compress) == bool(compress)
                for message in MESSAGES:
                    await (peer.send_str(message) if isinstance(message, str) else peer.send_bytes(message))
                    assert (await peer.receive()).data == message
            assert (await here.until("query_ends"))[0][1] == 1000

    play(loop, test())


@LOOPS
def test_tls(loop: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def test() -> None:
        async with world(tmp_path) as here:
            port = here.server(SECURE_SERVER, SO_TLS_CERT="/cert.pem", SO_TLS_KEY="/key.pem").partition(":")[2]
            context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
            async with connect(f"wss://localhost:{port}/", ssl=context, compression=None) as peer:
                for message in MESSAGES:
                    await peer.send(message)
                    assert await peer.recv() == message
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            issued.configure_cert(context)
            async with serve(echo, "127.0.0.1", 0, ssl=context) as server:
                port = server.sockets[0].getsockname()[1]
                here.call("set_echoes", 0)
                fd = here.client(SECURE_CLIENT, f"wss://localhost:{port}/", TLS_CA_BUNDLE="/ca.pem")
                await here.until("query_opened", 2)
                count = len(here.call("query_parts"))
                for message in MESSAGES:
                    assert here.call("send", fd, message) == 1
                assert plain(await here.until("query_parts", count + len(MESSAGES)))[count:] == MESSAGES
                here.call("hang_up", fd)

    play(loop, test())


@LOOPS
def test_curl_shakes_hands(loop: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            where = here.server(SERVER)
            said = await shell(f"curl -si http://{where}/")
            assert said.startswith(b"HTTP/1.1 426 ") and b"\r\nUpgrade: websocket\r\n" in said
            await here.until("query_ends")

    play(loop, test())


# ------------------------------------------------------------------------------------------- we are the client


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


def plain(parts: list[Any]) -> list[Any]:
    return [part if isinstance(part, str) else bytes(part.data) for part in parts]


@LOOPS
@pytest.mark.parametrize("mode", [CLIENT, COMPRESSED])
def test_the_library_as_server(loop: str, mode: int, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here, serve(echo, "127.0.0.1", 0, subprotocols=["chat"]) as server:  # type: ignore[list-item]
            here.call("set_echoes", 0)
            port = server.sockets[0].getsockname()[1]
            fd = here.client(mode, f"ws://localhost:{port}/", WS_PROTOCOL=["chat", "other"])
            await here.until("query_opened")
            about = here.call("about", fd)
            assert about["protocol"] == "chat" and ("deflate" in about["extensions"]) == (mode == COMPRESSED)
            for message in MESSAGES:
                assert here.call("send", fd, message) == 1
            assert plain(await here.until("query_parts", len(MESSAGES))) == MESSAGES
            server.close()
            assert (await here.until("query_ends"))[0][1] == 1001

    play(loop, test())


@LOOPS
def test_aiohttp_as_server(loop: str, tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=["chat"])
        await socket.prepare(request)
        async for message in socket:
            await (socket.send_str(message.data) if message.type is aiohttp.WSMsgType.TEXT
                   else socket.send_bytes(message.data))
        return socket

    async def test() -> None:
        application = web.Application()
        application.router.add_get("/", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        async with world(tmp_path) as here:
            here.call("set_echoes", 0)
            port = runner.addresses[0][1]
            fd = here.client(COMPRESSED, f"ws://127.0.0.1:{port}/")
            await here.until("query_opened")
            for message in MESSAGES:
                assert here.call("send", fd, message) == 1
            assert plain(await here.until("query_parts", len(MESSAGES))) == MESSAGES
            here.client(CLIENT, f"ws://127.0.0.1:{port}/missing")
            assert (await here.until("query_ends"))[0] == ["handshake failed: the server answered 404 Not Found", 404]
            here.call("hang_up", fd)
            async with asyncio.timeout(PATIENCE):
                while here.call("send", fd, "x") != -6:
                    await asyncio.sleep(0)
        await runner.cleanup()

    play(loop, test())


@LOOPS
def test_a_stream_of_bytes_to_the_library(loop: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            async with connect(f"ws://{here.server(STREAM)}/", max_size=None) as peer:
                data = bytes(range(256)) * 4000
                await peer.send(data)
                got = b""
                while len(got) < len(data):
                    message = await peer.recv()
                    assert isinstance(message, bytes)
                    got += message
                assert got == data

    play(loop, test())


@LOOPS
def test_our_two_ends(loop: str, tmp_path: Path) -> None:
    async def test() -> None:
        async with world(tmp_path) as here:
            for count, mode in enumerate((SERVER, STREAM, COMPRESSED), 1):
                where = here.server(mode)
                here.call("set_echoes", 0)
                fd = here.client(CLIENT if mode == SERVER else mode, where)
                await here.until("query_opened", 2 * count)
                before = len(here.call("query_parts"))
                assert here.call("send", fd, "Hello") == 1
                parts = plain(await here.until("query_parts", before + 1))
                assert parts[-1] == ("Hello" if mode != STREAM else b"Hello")
                here.call("hang_up", fd)
                assert (await here.until("query_ends", count))[-1][1] == 1000

    with no_descriptors_left():
        play(loop, test())
