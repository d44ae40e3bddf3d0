"""A real driver whose object serves one socket, and programs that talk to it; for tests of network modes."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop

from efuns import standard
from lpc import Driver, Permissions

PATIENCE = 60.0
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

#: Its callbacks write something, so that a test can wait for them.
SERVICE = """
#include <socket.h>

int fd, connection = -1, echoes;
string greeting;
mixed *parts = ({ });
string *senders = ({ });
mixed *end;

void got(int which, mixed data, string sender) {
    parts += ({ data });
    if (sender) senders += ({ sender });
    if (echoes) socket_write(which, data, sender);
    write("got");
}

void caller(int which) {
    connection = socket_accept(fd, "got", "ready");
    if (greeting) ready(connection);
    write("caller");
}

void ready(int which) {
    if (!greeting || socket_status(which)[1] != "DATA_XFER") return;
    socket_write(which, greeting);
    greeting = 0;
    socket_close(which);
}

void ended(int which, string reason, int code) {
    end = ({ reason, code });
    write("ended");
}

string open(int mode, string address, mapping settings) {
    fd = socket_create(mode, "got", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
    if (socket_bind(fd, 0, address) != 1) error(socket_get_option(fd, SO_LAST_ERROR));
    if (socket_listen(fd, "caller") != 1 && mode != 2 && mode != 4 && mode != 9) error("cannot listen");
    return explode(socket_address(fd, 1), " ")[1];
}

int send(mixed data, string address) { return socket_write(fd, data, address); }
void set_greeting(string text) { greeting = text; }
void set_echoes(int yes) { echoes = yes; }
mixed *query_parts() { return parts; }
string *query_senders() { return senders; }
mixed *query_end() { return end; }
int query_dropped() { return socket_get_option(fd, SO_DROPPED); }
"""


class World:
    """A driver with a service object."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.driver = driver
        self.service = driver.clone("/service")
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        """Call a function of the service."""
        return self.driver.call(self.service, function, *args)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until a callback has made the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
            return value

    @property
    def parts(self) -> list[Any]:
        """What the read callback got: strings, or the bytes of buffers."""
        return [part if isinstance(part, str) else bytes(part.data) for part in self.call("query_parts")]

    async def text(self, size: int) -> str:
        """What arrived, once it has so many characters."""
        await self.until(lambda: sum(map(len, self.parts)) >= size or self.call("query_end"))
        return "".join(self.parts)


@asynccontextmanager
async def world(mudlib: Path, *flags: str) -> AsyncIterator[World]:
    """A driver over a mudlib, with the permissions of some command-line flags; when it is closed, nothing is
    left of it."""
    (mudlib / "service.c").write_text(SERVICE, encoding="utf-8")
    news = asyncio.Event()
    said: list[str] = []
    await asyncio.sleep(0)  # loops open descriptors of their own on first use
    with no_descriptors_left():
        async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                          output=lambda text: news.set(), logger=said.append,
                          permissions=Permissions.parse(flags)) as driver:
            yield World(driver, news)
    assert said == []


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Checks that what ran inside has closed what it opened."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    left = set(os.listdir("/proc/self/fd")) - before
    assert [fd for fd in left if os.path.exists(f"/proc/self/fd/{fd}")] == []


async def shell(command: str, data: bytes = b"") -> bytes:
    """What a pipeline of programs prints, which must end well and complain about nothing."""
    done = await asyncio.to_thread(subprocess.run, ["bash", "-o", "pipefail", "-c", command], input=data,
                                   capture_output=True, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips where a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def play(loop: str, coroutine: Awaitable[None]) -> None:
    """Run a coroutine on a loop of LOOPS."""

    async def limited() -> None:
        await asyncio.wait_for(coroutine, PATIENCE)

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(limited())
