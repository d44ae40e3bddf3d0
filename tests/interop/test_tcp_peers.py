"""Modes 0, 1, 3, 5 and 6 in the real driver, with openssl, ncat and Python's own sockets at the other end."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from network_world import LOOPS, PATIENCE, needs, no_descriptors_left, play, shell

from efuns import standard
from lpc import Driver, Permissions
from tests.unit.sockets.certificates import Certificates

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)

#: One object for both roles; its callbacks write something, so that a test can wait for them.
STREAMS = """
#include <socket.h>

int fd, connection = -1;
mixed *parts = ({ });
string *events = ({ });
string echoes, last;

void event(string what) { events += ({ what }); write(what); }

void got(int which, mixed data) {
    parts += ({ data });
    if (echoes) socket_write(which, data);
    if (last) { socket_write(which, last); socket_close(which); last = 0; }
    write("got");
}
void ready(int which) { connection = which; event("ready"); }
void ended(int which) { event("ended"); }
void caller(int which) { connection = socket_accept(fd, "got", "ready"); event("caller"); }

void set(int mode, mapping settings) {
    fd = socket_create(mode, "got", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
}
int serve(int mode, string address, mapping settings) {
    set(mode, settings);
    if (socket_bind(fd, 0, address) != 1 || socket_listen(fd, "caller") != 1)
        error(socket_get_option(fd, SO_LAST_ERROR));
    return to_int(explode(socket_address(fd, 1), " ")[1]);
}
int call(int mode, string address, mapping settings) {
    set(mode, settings);
    return socket_connect(fd, address, "got", "ready");
}
void found(string name, string address, int key) { parts += ({ name + " is " + address }); event("found"); }
int look_up(string name) { return resolve(name, "found"); }
int send(mixed data) { return socket_write(connection, data); }
int hang_up() { return socket_close(connection); }
void set_echoes(int yes) { echoes = yes ? "yes" : 0; }
void set_last(string text) { last = text; }
mixed *query_parts() { return parts; }
string *query_events() { return events; }
mixed query_option(int option) { return socket_get_option(connection, option); }
string query_error() { return socket_get_option(fd, SO_LAST_ERROR); }
"""

VERIFY, NAME, CERT, KEY, CA, ALPN, CLIENT_CERT = 1, 2, 3, 4, 324, 329, 333


class Mud:
    """A driver with one object."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.driver = driver
        self.ob = driver.clone("/streams")
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        return self.driver.call(self.ob, function, *args)

    @property
    def data(self) -> bytes:
        """What was read."""
        parts = self.call("query_parts")
        return b"".join(part.encode() if isinstance(part, str) else bytes(part.data) for part in parts)

    @property
    def events(self) -> list[str]:
        return list(self.call("query_events"))

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def mud(mudlib: Path, *flags: str) -> AsyncIterator[Mud]:
    """A driver over a mudlib; when it is closed, nothing is left of it."""
    (mudlib / "streams.c").write_text(STREAMS, encoding="utf-8")
    news = asyncio.Event()
    await asyncio.sleep(0)
    with no_descriptors_left():
        async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                          output=lambda text: news.set(), logger=lambda text: None,
                          permissions=Permissions.parse(flags)) as driver:
            yield Mud(driver, news)


@pytest.fixture
def mudlib(mudlib_copy: Path) -> Path:
    """A mudlib with certificates in /tls."""
    (mudlib_copy / "tls").mkdir()
    Certificates(mudlib_copy / "tls")
    return mudlib_copy


SERVER = {CERT: "/tls/server.pem", KEY: "/tls/server.key"}
DATA = bytes(range(256)) * 2000


# ---------------------------------------------------------------------------------------------- ncat


@BOTH_LOOPS
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("mode", [1, 3])
@needs("ncat")
def test_ncat_is_echoed(loop: str, mudlib: Path, mode: int, address: str) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", mode, f"{address} 0", {})
            world.call("set_last", "bye\n")
            answer = await shell(f"ncat {address} {port}", "Zoë\n".encode())
            assert answer == b"bye\n"
            assert world.data == "Zoë\n".encode()

    play(loop, talk())


@BOTH_LOOPS
@needs("ncat")
def test_a_connection_to_ncat(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = await asyncio.to_thread(listening, ["ncat", "--listen", "-v", "127.0.0.1", str(port)])
        async with mud(mudlib) as world:
            assert world.call("call", 1, f"127.0.0.1 {port}", {}) == 1
            await world.until(lambda: "ready" in world.events)
            assert world.call("send", "to ncat\n") == 1
            world.call("hang_up")
            output, _ = await asyncio.to_thread(process.communicate, b"", PATIENCE)
            assert output == b"to ncat\n"

    play(loop, talk())


def listening(command: list[str]) -> subprocess.Popen[bytes]:
    """A program, once it says that it listens."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    while b"Listening on 127" not in process.stderr.readline():
        assert process.poll() is None
    return process


@BOTH_LOOPS
@needs("ncat")
def test_ncat_over_tls(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", 5, "127.0.0.1 0", {**SERVER, ALPN: "mud"})
            world.call("set_last", "bye\n")
            answer = await shell(f"ncat --ssl-verify --ssl-trustfile {mudlib}/tls/ca.pem --ssl-servername localhost "
                                 f"--ssl-alpn mud 127.0.0.1 {port}", b"hello")
            assert answer == b"bye\n"
            assert world.data == b"hello"

    play(loop, talk())


# ------------------------------------------------------------------------------------------- openssl


@BOTH_LOOPS
@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
@pytest.mark.parametrize("mode", [5, 6])
@needs("openssl")
def test_openssl_s_client(loop: str, mudlib: Path, mode: int, version: str) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", mode, "127.0.0.1 0", SERVER)
            world.call("set_last", "answer\n")
            answer = await shell(
                f"openssl s_client -{version} -quiet -verify_return_error -CAfile {mudlib}/tls/ca.pem "
                f"-verify_hostname localhost -servername localhost -connect 127.0.0.1:{port} 2>/dev/null",
                b"question\n")
            assert answer == b"answer\n"
            assert world.data == b"question\n"

    play(loop, talk())


@BOTH_LOOPS
@pytest.mark.parametrize(("certificate", "works"), [("client", True), ("stranger", False), (None, False)])
@needs("openssl")
def test_openssl_with_a_client_certificate(loop: str, mudlib: Path, certificate: str | None, works: bool) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", 5, "127.0.0.1 0", {**SERVER, CLIENT_CERT: 1, CA: "/tls/ca.pem"})
            world.call("set_last", "welcome\n")
            own = f"-cert {mudlib}/tls/{certificate}.pem -key {mudlib}/tls/{certificate}.key" if certificate else ""
            answer = await shell(f"(openssl s_client -quiet {own} -connect 127.0.0.1:{port} || true) 2>/dev/null",
                                 b"hello\n")
            assert answer == (b"welcome\n" if works else b"")
            assert world.events[:2] == (["caller", "ready"] if works else ["caller", "ended"])

    play(loop, talk())


@BOTH_LOOPS
@needs("openssl")
def test_openssl_refuses_old_versions(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", 5, "127.0.0.1 0", SERVER)
            answer = await shell(f"(openssl s_client -tls1_1 -cipher ALL:@SECLEVEL=0 -connect 127.0.0.1:{port} "
                                 "</dev/null || true) 2>&1")
            assert b"alert" in answer or b"no protocols" in answer
            if "caller" in world.events:
                await world.until(lambda: "ended" in world.events)

    play(loop, talk())


@BOTH_LOOPS
@pytest.mark.parametrize(("options", "works"), [
    ({}, True),
    ({VERIFY: 1, CA: "/tls/ca.pem", NAME: "localhost"}, True),
    ({VERIFY: 1, CA: "/tls/ca.pem", NAME: "example.org"}, False),
    ({VERIFY: 1, CA: "/tls/stranger_ca.pem"}, False),
    ({VERIFY: 1, NAME: "localhost"}, False),
])
@needs("openssl")
def test_openssl_s_server(loop: str, mudlib: Path, options: dict[int, Any], works: bool) -> None:
    async def talk() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{mudlib}/tls/server.pem",
             "-key", f"{mudlib}/tls/server.key", "-rev"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert server.stdout is not None
            await asyncio.to_thread(server.stdout.readline)
            await asyncio.to_thread(wait_for_port, port)
            async with mud(mudlib) as world:
                assert world.call("call", 5, f"127.0.0.1 {port}", options) == 1
                await world.until(lambda: world.events)
                assert world.events == (["ready"] if works else ["ended"])
                if works:
                    world.call("send", "stressed\n")
                    await world.until(lambda: len(world.data) >= 9)
                    assert world.data == b"desserts\n"
        finally:
            server.kill()
            server.communicate()

    play(loop, talk())


def wait_for_port(port: int) -> None:
    """Until somebody listens there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), PATIENCE).close()
        except ConnectionRefusedError:
            continue
        return


# -------------------------------------------------------------------------------------------- Python


@BOTH_LOOPS
@pytest.mark.parametrize("mode", [3, 6])
def test_python_is_echoed(loop: str, mudlib: Path, mode: int) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", mode, "127.0.0.1 0", SERVER)
            world.call("set_echoes", 1)

            def peer() -> bytes:
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire:
                    if mode == 6:
                        context = ssl.create_default_context(cafile=f"{mudlib}/tls/ca.pem")
                        wire = context.wrap_socket(wire, server_hostname="localhost")
                    with wire:
                        got = b""
                        for at in range(0, len(DATA), 50_000):
                            piece = DATA[at:at + 50_000]
                            wire.sendall(piece)
                            while len(got) < at + len(piece):
                                got += wire.recv(65536)
                        return got

            assert await asyncio.to_thread(peer) == DATA
            await world.until(lambda: "ended" in world.events)

    play(loop, talk())


@BOTH_LOOPS
def test_a_python_program_speaks_mud_mode(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            port = world.call("serve", 0, "127.0.0.1 0", {})
            world.call("set_echoes", 1)

            def peer() -> bytes:
                with socket.create_connection(("127.0.0.1", port), PATIENCE) as wire, wire.makefile("rb") as file:
                    text = '(["a":({1,2.5,"ß",}),])'.encode()
                    wire.sendall(struct.pack(">I", len(text)) + text)
                    (length,) = struct.unpack(">I", file.read(4))
                    return file.read(length)

            assert await asyncio.to_thread(peer) == '(["a":({1,2.500000,"ß",}),])'.encode() + b"\0"

    play(loop, talk())


@BOTH_LOOPS
def test_python_s_asyncio_as_a_tls_server(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        served = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            writer.close()
            await writer.wait_closed()
            served.set()

        context = Certificates(mudlib / "tls").server_context()
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        try:
            async with mud(mudlib) as world:
                host, port = server.sockets[0].getsockname()
                settings = {VERIFY: 1, CA: "/tls/ca.pem", NAME: "localhost"}
                assert world.call("call", 5, f"{host} {port}", settings) == 1
                await world.until(lambda: world.events == ["ready"])
                world.call("send", "loud\n")
                await world.until(lambda: world.events == ["ready", "ended"])
                assert world.data == b"LOUD\n"
                await served.wait()
        finally:
            server.close()
            await server.wait_closed()

    play(loop, talk())


# ------------------------------------------------------------------------------- names and permissions


@BOTH_LOOPS
def test_a_name_is_looked_up_and_connected_to(loop: str, mudlib: Path) -> None:
    async def talk() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            async with mud(mudlib) as world:
                world.call("look_up", "localhost")
                await world.until(lambda: world.events == ["found"])
                assert world.data == b"localhost is 127.0.0.1"
                assert world.call("call", 1, f"localhost {server.getsockname()[1]}", {}) == -21
                assert world.call("call", 1, f"127.0.0.1 {server.getsockname()[1]}", {}) == 1
                await world.until(lambda: world.events == ["found", "ready"])
                await asyncio.get_running_loop().shutdown_default_executor()

    play(loop, talk())


@pytest.mark.parametrize(("flags", "allowed"), [
    ((), False), (("--allow-net=example.invalid:80",), True), (("--allow-net=*.invalid",), True),
    (("--allow-net",), True), (("--allow-net=example.org",), False),
    (("--allow-net", "--deny-net=example.invalid"), False),
    (("--allow-net", "--deny-net=example.invalid:80"), True), (("-A", "--deny-net"), False),
])
def test_who_may_look_up_a_name(flags: tuple[str, ...], allowed: bool) -> None:
    permissions = Permissions.parse(flags)
    assert permissions.allows_lookup("example.invalid") is allowed
    assert ("example.invalid" in permissions.refusal) is not allowed
    assert permissions.allows_lookup("localhost") is ("--deny-net" not in flags)



def test_other_machines_need_a_grant(mudlib: Path) -> None:
    async def talk() -> None:
        async with mud(mudlib) as world:
            assert world.call("call", 1, "192.0.2.1 80", {}) == -7
            assert "--allow-net=192.0.2.1:80" in world.call("query_error")
            with pytest.raises(Exception, match="--allow-listen=0.0.0.0:0"):
                world.call("serve", 1, "0.0.0.0 0", {})
        async with mud(mudlib, "--allow-listen=0.0.0.0") as world:
            assert world.call("serve", 1, "0.0.0.0 0", {}) > 0

    play("uvloop", talk())
