"""Modes 40 to 42 and external_start() in the real driver, with programs nobody wrote for us."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import select
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from running import Running, run

from efuns import standard
from efuns.sockets.children import Children
from lpc import Driver
from lpc.driver.config import load_fluffos
from lpc.runtime.values import Buffer

PATIENCE = 60.0

#: An object that runs one command and remembers what came of it.
RUNNER = """
#include <socket.h>

int fd, ready;
mixed *parts = ({ });
mixed *end;
mixed *reasons = ({ });

void output(int which, mixed data) { parts += ({ data }); }
void writable(int which) { ready++; }
void ended(int which, string reason, int code) { end = ({ reason, code }); reasons += ({ reason }); }

int start(int mode, string line, mapping settings) {
    fd = socket_create(mode, "output", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
    return socket_connect(fd, line, "output", "writable");
}

int start_old(int number, mixed arguments) {
    fd = external_start(number, arguments, "output", "writable", "old_ended");
    return fd;
}

void old_ended(int which) { end = ({ "closed" }); }
int send(mixed message) { return socket_write(fd, message); }
int finish() { return socket_write(fd, ([ "eof": 1 ])); }
mixed *query_parts() { return parts; }
mixed *query_end() { return end; }
mixed *query_reasons() { return reasons; }
int query_ready() { return ready; }
"""

@pytest.fixture(params=["asyncio", "uvloop"])
def play(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[Any, Any, None]], None]]:
    """Runs a coroutine on one of the loops."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run_it(coroutine: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(coroutine, PATIENCE))

    yield run_it


class World:
    """A driver with a runner object; `news` waits for its callbacks without looking at a clock."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.runner = driver.clone("/runner")

    def call(self, function: str, *args: Any) -> Any:
        return self.driver.call(self.runner, function, *args)

    async def until(self, condition: Callable[[], Any]) -> Any:
        while not (value := condition()):
            await asyncio.sleep(0)
        return value

    async def over(self) -> list[Any]:
        found = await self.until(lambda: self.call("query_end"))
        return list(found)

    def text(self) -> str:
        return "".join(self.call("query_parts"))


@asynccontextmanager
async def world(mudlib: Path, **options: Any) -> AsyncIterator[World]:
    """A driver over the packaged mudlib; when it is closed it has no children and no descriptors."""
    (mudlib / "runner.c").write_text(RUNNER, encoding="utf-8")
    said: list[str] = []
    await asyncio.sleep(0)  # loops open descriptors of their own on first use
    before = set(os.listdir("/proc/self/fd"))
    async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), output=said.append,
                      logger=said.append, cache=False, strict=True, **options) as driver:
        yield World(driver)
        children = driver.state(Children)
    assert len(children) == 0
    left = set(os.listdir("/proc/self/fd")) - before
    assert [fd for fd in left if os.path.exists(f"/proc/self/fd/{fd}")] == []
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert said == []


def test_ten_megabytes_through_gzip(play: Any, mudlib_copy: Path) -> None:
    async def talk() -> None:
        words = random.Random(1)
        original = bytes(words.choices(b"abcdefgh", k=10_000_000))
        async with world(mudlib_copy, external={"gzip": ["/usr/bin/gzip", "-1"]}) as mud:
            assert mud.call("start", 40, "gzip -c", {41: "binary"}) == 1
            await mud.until(lambda: mud.call("query_ready"))
            waits = 0
            for at in range(0, len(original), 200_000):
                ready = mud.call("query_ready")
                code = mud.call("send", Buffer(original[at:at + 200_000]))
                if code == -29:
                    waits += 1
                    await mud.until(lambda before=ready: mud.call("query_ready") > before)
                else:
                    assert code == 1
            assert mud.call("finish") == 1
            assert await mud.over() == ["exited 0", 0]
            packed = b"".join(bytes(part.data) for part in mud.call("query_parts"))
        assert gzip.decompress(packed) == original
        assert waits > 0, "the queue was full now and then"

    play(talk())


@pytest.mark.parametrize("mode", [40, 41])
def test_a_dialogue_with_python(play: Any, mudlib_copy: Path, mode: int) -> None:
    program = "import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)"

    async def talk() -> None:
        async with world(mudlib_copy, external={"mirror": [sys.executable, "-c", program]}) as mud:
            assert mud.call("start", mode, "mirror", {}) == 1
            for number in range(200):
                assert mud.call("send", f"hällo {number}\n") == 1
                answer = f"hällo {number}"[::-1] + "\n"
                await mud.until(lambda expected=answer: mud.text().endswith(expected))
            assert mud.call("finish") == 1
            assert await mud.over() == ["exited 0", 0]
            assert len(mud.text().splitlines()) == 200

    play(talk())


@pytest.mark.skipif(not shutil.which("bc"), reason="bc is not installed")
def test_bc_computes_and_complains(play: Any, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with world(mudlib_copy, external={"bc": "/usr/bin/bc"}) as mud:
            assert mud.call("start", 41, "bc -q", {}) == 1
            mud.call("send", "2^200\n")
            await mud.until(lambda: str(2**200) in mud.text())
            mud.call("send", "quit\n")
            assert await mud.over() == ["exited 0", 0]

    play(talk())


def test_the_mudlib_has_its_say(play: Any, mudlib_copy: Path) -> None:
    """The packaged mudlib denies `shell` by name, however it is chosen."""

    async def talk() -> None:
        async with world(mudlib_copy, external={"shell": "/bin/sh", "true": "/bin/true"}) as mud:
            for line in ("shell", "shell -c exit", "1", "1 -c exit"):
                assert mud.call("start", 40, line, {}) == -7, line
            assert mud.call("start", 40, "", {140: "shell"}) == -7
            assert mud.call("start", 41, "", {140: 1}) == -7
            assert mud.call("start_old", 1, "-c exit") == -7
            assert mud.call("start", 40, "2", {}) == 1
            await mud.until(lambda: "exited 0" in mud.call("query_reasons"))
            await mud.until(lambda: len(mud.call("query_reasons")) == 7)

    play(talk())


def test_fluffos_configuration(play: Any, mudlib_copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.test"
    file.write_text(f"mudlib directory : {mudlib_copy}\nmaster file : /secure/master\n"
                    "simulated efun file : /secure/simul_efun\n"
                    "external_cmd_1 : /bin/echo -n\nexternal_cmd_3 : /bin/pwd\n",
                    encoding="utf-8")

    async def talk() -> None:
        async with world(mudlib_copy, config=load_fluffos(str(file))) as mud:
            assert mud.call("start_old", 1, ["two words", "$HOME"]) >= 0
            assert await mud.over() == ["closed"]
            assert mud.text() == "two words $HOME"
        async with world(mudlib_copy, config=load_fluffos(str(file))) as mud:
            assert mud.call("start_old", 3, "") >= 0
            await mud.over()
            assert mud.text() == f"{mudlib_copy}\n"
        async with world(mudlib_copy, config=load_fluffos(str(file))) as mud:
            with pytest.raises(Exception, match=r"Bad argument 1 to external_start\(\)"):
                mud.call("start_old", 2, "")

    play(talk())


def test_closing_the_driver_waits_for_its_children(play: Any, mudlib_copy: Path, tmp_path: Path) -> None:
    note = tmp_path / "note"

    async def talk() -> None:
        script = f"trap 'echo told > {note}; exit' TERM; echo up; while :; do read -r line; done"
        async with world(mudlib_copy, external={"wait": ["/bin/sh", "-c", script]}) as mud:
            assert mud.call("start", 40, "wait", {}) == 1
            await mud.until(lambda: mud.text() == "up\n")

    play(talk())
    assert note.read_text() == "told\n"


def test_out_of_the_main_thread(mudlib_copy: Path) -> None:
    import threading

    problems: list[BaseException] = []

    async def talk() -> None:
        async with world(mudlib_copy, external={"echo": "/bin/echo"}) as mud:
            assert mud.call("start", 41, "echo from a thread", {}) == 1
            assert await mud.over() == ["exited 0", 0]
            assert mud.text() == "from a thread\n"

    def work() -> None:
        try:
            asyncio.run(asyncio.wait_for(talk(), PATIENCE))
        except BaseException as problem:  # noqa: BLE001 - handed on to the test
            problems.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert problems == []


SERVER = """
int main(string *argv) {
    int fd = socket_create(EXTERNAL_PIPE, "output", "ended");
    socket_connect(fd, "sh -c " + argv[1], "output", "started");
    return 0;
}
void output(int fd, string text) {
    write(text);
    if (text[0..3] == "stop") shutdown(0);
    if (text[0..3] == "fail") error("oops");
}
void started(int fd) { }
void ended(int fd, string reason, int code) { write(reason + "\\n"); }
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_driver_told_to_end_leaves_no_child(tmp_path: Path, mudlib_copy: Path, loop: str, number: int) -> None:
    script, child = tmp_path / "server.c", tmp_path / "child.sh"
    script.write_text(SERVER.replace("sh -c ", "sh "), encoding="utf-8")
    child.write_text("sleep 1000 & echo $$ $!\nwait\n", encoding="utf-8")
    with Running("--loop", loop, "--mudlib", mudlib_copy, "--allow-run=sh", script, child) as program:
        pids = [int(word) for word in program.line().split()]
        pidfds = [os.pidfd_open(pid) for pid in pids]
        status, rest, errors = program.stop(number)

    assert (status, rest, errors) == (0, [], "")
    assert not Path(f"/proc/{pids[0]}").exists()
    for pidfd in pidfds:  # what the child has started was killed, too, and is the system's to reap
        ended = select.poll()
        ended.register(pidfd, select.POLLIN)
        assert ended.poll(PATIENCE * 1000)
        os.close(pidfd)


@pytest.mark.parametrize(("word", "status"), [("stop", 0), ("fail", 1)])
def test_a_script_that_ends_leaves_no_child(tmp_path: Path, mudlib_copy: Path, word: str, status: int) -> None:
    script, child, note = tmp_path / "server.c", tmp_path / "child.sh", tmp_path / "pid"
    script.write_text(SERVER.replace("sh -c ", "sh "), encoding="utf-8")
    tail = "exec sleep 1000" if word == "stop" else "exit 7"
    child.write_text(f"echo $$ > {note}; echo {word}\n{tail}\n", encoding="utf-8")

    done = run("--mudlib", mudlib_copy, "--allow-run=sh", script, child)

    assert done.returncode == status
    assert done.stdout == ("stop\n" if word == "stop" else "fail\nexited 7\n")
    assert not Path(f"/proc/{int(note.read_text())}").exists()
