"""Mode 23 and proxies: certificates that are right and wrong, names, and a proxy between."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from client_world import HTTP, HTTPS, Exchange, client_world, on_both_loops, peer

from efuns.sockets import errors, options
from tests.unit.sockets.certificates import Certificates


async def hello(exchange: Exchange) -> None:
    """Greets, and tells what TLS agreed on."""
    session = exchange.writer.get_extra_info("ssl_object")
    certificate = (session.getpeercert() or {}) if session is not None else {}
    await exchange.answer(str(certificate.get("serialNumber", "hello")).encode())


def certificates(folder: Path) -> Certificates:
    """Files that LPC finds under /."""
    return Certificates(folder)


@on_both_loops
async def test_verified(folder: Path) -> None:
    made = certificates(folder)
    async with client_world(folder) as world, peer(hello, made.server_context()) as server:
        trusted = {options.TLS_CA_BUNDLE: "/ca.pem"}
        for where in (server.where, f"localhost {server.port}", server.url("/x", "localhost", "https")):
            await world.open(HTTPS, where, trusted)
            assert (await world.ask())["body"] == "hello"
            for _ in range(5):
                await world.ask(path="/")
            world.call("close")
        assert server.connections == 3
        assert world.call("query_answers")[0]["url"] == server.url("/", scheme="https")


@on_both_loops
async def test_not_verified(folder: Path) -> None:
    made = certificates(folder)
    trusted = {options.TLS_CA_BUNDLE: "/ca.pem"}
    cases = (("server", {}),  # nobody knows the authority
             ("stranger", trusted),
             ("other", trusted),  # for another name
             ("server", trusted | {options.SO_TLS_SNI_HOSTNAME: "elsewhere"}))
    for name, settings in cases:
        async with client_world(folder) as world, peer(hello, made.server_context(name)) as server:
            assert world.call("open", HTTPS, server.where, settings) == 1
            reason, code = await world.end()
            assert ("is not accepted" in reason, code) == (True, errors.EECONNECT), reason
            assert world.call("query_readies") == 0
            assert world.call("open", HTTPS, server.where, {options.SO_TLS_VERIFY_PEER: 0}) == 1
            await world.until(lambda: world.call("query_readies"))  # noqa: B023 - awaited
            world.call("forget")
            assert (await world.ask())["status"] == 200
            assert server.seen[0].headers["host"] == server.where.replace(" ", ":")


@on_both_loops
async def test_a_name_of_its_own(folder: Path) -> None:
    made = certificates(folder)
    settings = {options.TLS_CA_BUNDLE: "/ca.pem", options.SO_TLS_SNI_HOSTNAME: "example.org"}
    async with client_world(folder) as world, peer(hello, made.server_context("other")) as server:
        await world.open(HTTPS, server.where, settings)
        assert (await world.ask())["body"] == "hello"


@on_both_loops
async def test_a_certificate_of_the_client(folder: Path) -> None:
    made = certificates(folder)
    settings = {options.TLS_CA_BUNDLE: "/ca.pem", options.SO_TLS_CERT: "/client.pem", options.SO_TLS_KEY: "/client.key"}
    async with client_world(folder) as world, peer(hello, made.server_context(asks=True)) as server:
        await world.open(HTTPS, server.where, settings)
        assert (await world.ask())["body"] != "hello"
        world.call("close")
        for change in ({options.SO_TLS_KEY: "/server.key"}, {options.SO_TLS_CERT: "/none"}):
            assert world.call("open", HTTPS, server.where, settings | change) == errors.EECONNECT


@on_both_loops
async def test_the_wrong_protocol(folder: Path) -> None:
    made = certificates(folder)
    async with client_world(folder) as world:
        async with peer(hello) as server:
            server.greeting = b"220 mail.example.org ESMTP\r\n"
            assert world.call("open", HTTPS, server.where, {}) == 1
            reason, code = await world.end()
            assert ("does not speak TLS" in reason, code) == (True, errors.EECONNECT), reason
            assert world.call("open", HTTPS, server.url(), {}) == errors.EEBADADDR
            world.call("forget")
        async with peer(hello, made.server_context()) as server:
            await world.open(HTTP, server.where)
            assert (await world.fails())[1] < 0
            assert world.call("open", HTTP, server.url(scheme="https"), {}) == errors.EEBADADDR


@pytest.mark.slow
@on_both_loops
async def test_a_server_that_says_nothing(folder: Path) -> None:
    async with client_world(folder) as world, peer(hello) as server:
        assert world.call("open", HTTPS, server.where, {options.HTTP_CONNECT_TIMEOUT: 1000}) == 1
        assert await world.end() == (f"127.0.0.1 {server.port}: Timeout while connecting", errors.EECONNECT)


@on_both_loops
async def test_redirects_between_http_and_https(folder: Path) -> None:
    made = certificates(folder)
    async with client_world(folder) as world, peer(hello) as plain, peer(hello, made.server_context()) as secure:
        async def up(exchange: Exchange) -> None:
            await exchange.answer(b"", "301 Up", f"Location: {secure.url('/', scheme='https')}")

        async def down(exchange: Exchange) -> None:
            await exchange.answer(b"", "301 Down", f"Location: {plain.url()}")

        plain.answer = up
        await world.open(HTTP, plain.where, {options.TLS_CA_BUNDLE: "/ca.pem"})
        assert (await world.ask())["url"] == secure.url(scheme="https")
        world.call("close")
        await world.open(HTTP, plain.where)  # verified on the way, too
        assert "is not accepted" in (await world.fails())[0]
        world.call("forget")
        secure.answer = down
        await world.open(HTTPS, secure.where, {options.TLS_CA_BUNDLE: "/ca.pem"})
        reason, code = await world.fails()
        assert ("from https to http" in reason, code) == (True, 301)
        assert len(plain.seen) == 2


# ------------------------------------------------------------------------------------------------ proxies


class Proxy:
    """Forwards requests and makes tunnels; `heads` is what it was asked."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.port = 0
        self.status = "200 OK"
        self.writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            method, target, _ = head.split("\r\n")[0].split(" ")
            if self.status != "200 OK":
                writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
                return
            host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
            other_reader, other = await asyncio.open_connection(host, int(port))
            self.writers.add(other)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                path = "/" + target.split("/", 3)[3]
                other.write(head.replace(target, path, 1).encode())
            await asyncio.gather(self.pump(reader, other), self.pump(other_reader, writer))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    made = Proxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for writer in made.writers:
            writer.transport.abort()
        await asyncio.gather(*(writer.wait_closed() for writer in made.writers), return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


@on_both_loops
async def test_a_proxy(folder: Path) -> None:
    made = certificates(folder)
    login = "Proxy-Authorization: Basic " + base64.b64encode(b"me:secret").decode()
    async with (client_world(folder) as world, proxy() as between, peer(hello) as plain,
                peer(hello, made.server_context()) as secure):
        settings = {options.HTTP_PROXY: f"http://me:secret@127.0.0.1:{between.port}", options.TLS_CA_BUNDLE: "/ca.pem"}
        await world.open(HTTP, f"localhost {plain.port}", settings)
        assert (await world.ask(path="/x"))["body"] == "hello"
        assert between.heads[-1].startswith(f"GET http://localhost:{plain.port}/x HTTP/1.1\r\n")
        assert login in between.heads[-1]
        assert world.call("query_senders") == [f"127.0.0.1 {between.port}"]
        world.call("close")
        await world.open(HTTPS, f"localhost {secure.port}", settings)
        assert (await world.ask(path="/y"))["body"] == "hello"
        assert between.heads[-1].startswith(f"CONNECT localhost:{secure.port} HTTP/1.1\r\n")
        assert login in between.heads[-1]
        assert "proxy-authorization" not in secure.seen[-1].headers
        world.call("close")
        between.status = "407 Who are you"
        assert world.call("open", HTTPS, f"localhost {secure.port}", settings) == 1
        assert await world.end() == ("The proxy refuses to connect: 407", 407)


@on_both_loops
async def test_what_a_proxy_may_reach(folder: Path) -> None:
    async with proxy() as between:
        settings = {options.HTTP_PROXY: f"http://127.0.0.1:{between.port}"}
        async with client_world(folder) as world:
            # The proxy resolves the name: it has to be granted itself.
            assert world.call("open", HTTP, "example.org 80", settings) == errors.EESECURITY
        async with client_world(folder, f"--deny-net=127.0.0.1:{between.port}") as world:
            assert world.call("open", HTTP, "localhost 80", settings) == errors.EESECURITY
        async with client_world(folder, "--allow-net=example.org:80") as world:
            assert world.call("open", HTTP, "example.org 81", settings) == errors.EESECURITY
        assert between.heads == []
