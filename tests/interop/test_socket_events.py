"""Socket events in the real driver: what they run in, and what becomes of them when LPC goes wrong or ends."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from network_world import LOOPS, PATIENCE, no_descriptors_left, play
from running import Running

from efuns import standard
from lpc import Driver, Permissions
from lpc.runtime.budget import Limits

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)


class World:
    """A driver and what LPC has written."""

    def __init__(self, mudlib: Path, call_depth: int, flags: tuple[str, ...]) -> None:
        self.said: list[str] = []
        self.logged: list[str] = []
        self.news = asyncio.Event()
        self.driver = Driver(
            mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
            limits=replace(Limits(), call_depth=call_depth), permissions=Permissions.parse(flags),
            output=self._hear, logger=self.logged.append)

    def _hear(self, text: str) -> None:
        self.said.append(text)
        self.news.set()

    async def hears(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while text not in self.said:
                self.news.clear()
                await self.news.wait()


@asynccontextmanager
async def world(mudlib: Path, *flags: str, call_depth: int = 100) -> AsyncIterator[World]:
    made = World(mudlib, call_depth, flags)
    async with made.driver:
        yield made


def file(mudlib: Path, name: str, text: str) -> None:
    (mudlib / f"{name}.c").write_text("#include <socket.h>\n" + text, encoding="utf-8")


# ------------------------------------------------------------------------------------ whom events reach

TALKER = """
int s;
void got(int fd, string text, string sender) { write("talker " + text); }
void say(string text) { socket_write(s, text, socket_address(s, 1)); }
void create() {
    s = socket_create(DATAGRAM, "got");
    socket_bind(s, 0, "127.0.0.1 0");
}
"""
SHADOW = """
int cover(object ob) { return shadow(ob, 1) != 0; }
void got(int fd, string text, string sender) { write("shadow " + text); }
void leave() { destruct(this_object()); }
"""


@BOTH_LOOPS
def test_a_shadow_that_comes_and_goes_gets_the_events(loop: str, mudlib_copy: Path) -> None:
    file(mudlib_copy, "talker", TALKER)
    file(mudlib_copy, "cover", SHADOW)

    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            call = mud.driver.call
            talker, cover = mud.driver.clone("/talker"), mud.driver.clone("/cover")
            for text in ("one", "two"):
                call(talker, "say", text)
                await mud.hears(f"talker {text}")
            assert call(cover, "cover", talker) == 1
            call(talker, "say", "three")
            await mud.hears("shadow three")
            call(cover, "leave")
            call(talker, "say", "four")
            await mud.hears("talker four")
            mud.driver.destruct(talker)
            assert mud.said == ["talker one", "talker two", "shadow three", "talker four"]

    play(loop, talk())


# ------------------------------------------------------------------------------------------- recursion

DEEP = """
int s;
int depth(int n) { int more; string error = catch(more = depth(n + 1)); return error ? n : more; }
void got(int fd, string text, string sender) { write(text + (depth(0) > to_int(text) ? " deep" : " shallow")); }
void say(string text) { socket_write(s, text, socket_address(s, 1)); }
void create() {
    s = socket_create(DATAGRAM, "got");
    socket_bind(s, 0, "127.0.0.1 0");
}
"""


@BOTH_LOOPS
def test_events_of_several_drivers_go_as_deep_as_each_may(loop: str, mudlib_copy: Path) -> None:
    file(mudlib_copy, "deep", DEEP)

    async def talk() -> None:
        async with world(mudlib_copy, call_depth=50) as low, world(mudlib_copy, call_depth=1500) as high:
            objects = [(mud, mud.driver.clone("/deep")) for mud in (low, high)]
            for _ in range(3):
                for mud, ob in (*objects, *reversed(objects)):
                    limit = "50" if mud is low else "1500"
                    mud.said.clear()
                    mud.driver.call(ob, "say", limit)
                    await mud.hears(f"{limit} deep")
                low.said.clear()
                low.driver.call(objects[0][1], "say", "1000")
                await low.hears("1000 shallow")  # the other's limit is not its own

    play(loop, talk())


EDGE = """
int listener, edge, accepts, ups;
string big = "0123456789abcdef";
void e(int fd, mixed reason, mixed code) { }
void r(int fd, mixed data, mixed sender) { }
void up(int fd) {
    int deep = edge - ups++ % 50;
    catch(at(deep, "write", fd, "small"));
    catch(at(deep, "write", fd, big));
    if (ups % 3) catch(at(deep, "close", fd, 0));
    if (ups == 100) write("up");
}
void caller(int fd) {
    int taken = -1;
    catch(taken = at(edge - accepts++ % 50, "accept", fd, 0));
    if (taken < 0) socket_accept(fd, "r", "up");
}
mixed op(string what, int fd, string text) {
    switch (what) {
    case "create": return socket_create(fd, "r", "e");
    case "bind": return socket_bind(fd, 0, "127.0.0.1 0");
    case "listen": return socket_listen(fd, "caller");
    case "connect": return socket_connect(fd, text, "r", "up");
    case "accept": return socket_accept(fd, "r", "up");
    case "write": return socket_write(fd, text);
    case "close": return socket_close(fd);
    case "start": return external_start("cat", ({ }), "r", "up", "e");
    }
}
mixed at(int n, string what, int fd, string text) { return n ? at(n - 1, what, fd, text) : op(what, fd, text); }
int find_edge(int n) { edge = n; return find_edge(n + 1); }

void everything(int *modes) {
    catch(find_edge(0));
    foreach (int mode in modes) {
        for (int deep = edge; deep > edge - 50; deep--) {
            int fd = -1, other;
            catch(fd = at(deep, "create", mode, 0));
            if (fd < 0) fd = socket_create(mode, "r", "e");
            other = socket_create(mode, "r", "e");
            catch(at(deep, "bind", fd, 0));
            catch(at(deep, "listen", fd, 0));
            catch(at(deep, "connect", other, mode >= 40 ? "cat" : socket_address(fd, 1)));
            catch(at(deep, "start", 0, 0));
            catch(at(deep, "close", fd, 0));
            catch(at(deep, "close", other, 0));
        }
        for (int fd = sizeof(socket_status()); fd--;) socket_close(fd);
    }
}
void connections() {
    int fd;
    while (strlen(big) < 600000) big += big;
    listener = socket_create(STREAM, "r", "e");
    socket_bind(listener, 0, "127.0.0.1 0");
    socket_listen(listener, "caller");
    for (int i = 0; i < 100; i++) {
        fd = socket_create(STREAM, "r", "e");
        socket_connect(fd, socket_address(listener, 1), "r", "up");
    }
}
"""


@BOTH_LOOPS
def test_at_the_recursion_limit_nothing_is_lost(loop: str, mudlib_copy: Path) -> None:
    """A call that has no room fails before it asks the system for anything that nobody would own."""
    file(mudlib_copy, "edge", EDGE)

    async def talk() -> None:
        await asyncio.sleep(0)
        with no_descriptors_left():
            async with world(mudlib_copy, "--allow-run=cat", call_depth=50) as mud:
                edge = mud.driver.clone("/edge")
                with no_descriptors_left():
                    mud.driver.call(edge, "everything", [0, 1, 2, 3, 4, 7, 9, 40, 41, 42])
                    async with asyncio.timeout(PATIENCE):
                        while mud.driver.alive:
                            await asyncio.sleep(0)
                mud.driver.call(edge, "connections")
                await mud.hears("up")
                mud.driver.destruct(edge)
        assert mud.driver.evaluations.failures == 0, mud.logged

    play(loop, talk())


# ----------------------------------------------------------------------------------- after a write

#: Answers the first message as told, then goes wrong or ends. Arguments: mode, size of the answer, what then.
ANSWERS = """
int size, answered;
string then;
int deep(int n) { return deep(n + 1) + 1; }
void got(int fd, mixed data) {
    string text = "x";
    if (answered++) return;
    while (strlen(text) < size) text += text;
    socket_write(fd, text[0 .. size - 1]);
    switch (then) {
    case "shutdown": shutdown(3); break;
    case "error": error("It went wrong.\\n");
    case "recursion": deep(0);
    case "loop": while (1) ;
    case "listener": socket_close(0); break;
    case "call_out": call_out((: shutdown, 3 :), 0); break;
    }
}
void ready(int fd) { }
void ended(int fd, mixed reason, mixed code) { if (then != "shutdown") shutdown(3); }
void caller(int fd) { socket_accept(fd, "got", "ready"); }
int main(string *argv) {
    int listener = socket_create(to_int(argv[1]), "got", "ended");
    size = to_int(argv[2]);
    then = argv[3];
    socket_bind(listener, 0, "127.0.0.1 0");
    socket_listen(listener, "caller");
    write(socket_address(listener, 1) + "\\n");
}
"""


def received(wire: socket.socket) -> bytes:
    """Everything until the end of the stream, which must not be a reset."""
    data = bytearray()
    while piece := wire.recv(1 << 20):
        data += piece
    return bytes(data)


@pytest.mark.parametrize("unread", [0, 250_000])
@pytest.mark.parametrize("size", [5, 20_000, 3_000_000])
@pytest.mark.parametrize("mode", [0, 1])
def test_the_last_message_before_shutdown_arrives(tmp_path: Path, mode: int, size: int, unread: int) -> None:
    file(tmp_path, "answers", ANSWERS)
    with Running(tmp_path / "answers.c", str(mode), str(size), "shutdown") as program:
        host, port = program.line().split()
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as wire:
            wire.sendall(struct.pack(">I", 2) + b"1\0" + struct.pack(">I", unread + 10) + b"x" * unread)
            assert len(received(wire)) == size + (7 if mode == 0 else 0)
        assert program.process.wait(PATIENCE) == 3


@pytest.mark.parametrize("then", ["error", "recursion", "loop", "listener", "call_out"])
@pytest.mark.parametrize("size", [5, 20_000])
def test_what_was_written_before_things_went_wrong_arrives(tmp_path: Path, size: int, then: str) -> None:
    file(tmp_path, "answers", ANSWERS)
    with Running("--limit", "evaluation_time=0.2", tmp_path / "answers.c", "1", str(size), then) as program:
        host, port = program.line().split()
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as wire:
            wire.sendall(b"go")
            wire.shutdown(socket.SHUT_WR)
            assert len(received(wire)) == size
        assert program.process.wait(PATIENCE) == 3
