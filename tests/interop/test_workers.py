"""`pylpc serve`: real processes, real signals, and clients over real connections."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from running import PATIENCE, PROJECT, run
from workers_world import Client, Server, eventually, free_port, get, is_gone, page

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def three(tmp_path: Path, port: int) -> Iterator[Server]:
    """Three workers that serve a page."""
    with Server("serve", "--workers", "3", page(tmp_path, port), cwd=tmp_path) as server:
        yield server


def answers_of_all(port: int, text: str) -> bool:
    """Ask until each of three workers has answered with this text."""
    wanted = {f"{number} of 3 {text}" for number in range(3)}
    seen: set[str] = set()

    def complete() -> bool:
        seen.add(get(port))
        return wanted <= seen

    eventually(complete)
    return True


# ---------------------------------------------------------------------- many processes, one port


def test_all_workers_serve_the_same_port(three: Server, port: int) -> None:
    assert len(set(three.workers())) == 3
    assert answers_of_all(port, "one")
    assert subprocess.run(["curl", "-s", f"http://127.0.0.1:{port}/"], capture_output=True,
                          text=True).stdout.endswith(" of 3 one")
    assert three.stop() == 0
    assert three.log.count("up") == 3


def test_the_first_worker_runs_alone_when_one_is_wanted(tmp_path: Path, port: int) -> None:
    with Server("serve", "--workers=1", page(tmp_path, port), cwd=tmp_path) as server:
        assert len(server.workers()) == 1
        assert get(port) == "0 of 1 one"
        assert server.stop() == 0


def test_outside_of_serve_a_program_is_the_only_worker(tmp_path: Path) -> None:
    program = tmp_path / "a.c"
    program.write_text("#include <runtime_config.h>\n"
                       'printf("%O %O %O\\n", get_config(__WORKER__), get_config(__WORKERS__), get_config(__BUS__));')
    assert run(program).stdout == '0 1 ""\n'
    assert run("--bus", "mqtt://a,mqtt://b", program).stdout == '0 1 "mqtt://a mqtt://b"\n'


@pytest.mark.parametrize("shares", [False, True])
def test_a_port_that_somebody_else_has_is_not_shared(tmp_path: Path, port: int, shares: bool) -> None:
    with socket.socket() as stranger:
        if shares:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        stranger.bind(("127.0.0.1", port))
        stranger.listen()
        with Server("serve", "--workers", "2", page(tmp_path, port), cwd=tmp_path) as server:
            assert server.ends() == 4
            assert server.log == ["bind: Address already in use"]


def test_two_servers_do_not_share_a_port(three: Server, tmp_path: Path, port: int) -> None:
    three.workers()
    with Server("serve", "--workers", "2", tmp_path / "page.c", cwd=tmp_path) as second:
        assert second.ends() == 4
    assert three.stop() == 0


def test_within_a_worker_a_port_is_bound_once(three: Server, port: int) -> None:
    three.workers()
    assert get(port, "/again") == "Address already in use"


def test_datagrams_are_dealt_out_too(tmp_path: Path, port: int) -> None:
    program = tmp_path / "echo.c"
    program.write_text("""
#include <socket.h>
#include <runtime_config.h>
int fd;
void got(int from, string text, string address) { socket_write(fd, "" + get_config(__WORKER__), address); }
int main() {
    fd = socket_create(DATAGRAM, "got", "got");
    return socket_bind(fd, 0, "127.0.0.1 PORT") == 1 ? 0 : 1;
}
""".replace("PORT", str(port)))
    with Server("serve", "--workers", "2", program, cwd=tmp_path) as server:
        server.workers()
        seen = set()

        def both() -> bool:
            with socket.socket(type=socket.SOCK_DGRAM) as client:
                client.settimeout(5)
                client.sendto(b"?", ("127.0.0.1", port))
                seen.add(client.recv(100))
            return seen == {b"0", b"1"}

        assert eventually(both)
        assert server.stop() == 0


def test_a_broker_is_not_shared(tmp_path: Path, port: int) -> None:
    program = tmp_path / "broker.c"
    program.write_text("""
#include <socket.h>
void got(int fd, mapping message, string address) { }
void beat() { call_out("beat", 60); }
int main() {
    int fd = socket_create(MQTT_BROKER, "got", "got");
    write(socket_error(socket_bind(fd, 0, "127.0.0.1 PORT")) + "\\n");
    socket_listen(fd);
    beat();
    return 0;
}
""".replace("PORT", str(port)))
    with Server("serve", "--workers", "2", program, cwd=tmp_path) as server:
        server.workers()
        assert server.stop() == 0
    assert "Address already in use" in server.log


# ---------------------------------------------------------------------- the end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_asked_is_answered_before_the_end(three: Server, port: int, number: int) -> None:
    pids = three.workers()
    with Client(port) as client:
        client.ask("/slow")
        three.until("slow")
        three.signal(number)
        assert client.answer() == "late"
    assert three.ends() == 0
    assert all(is_gone(pid) for pid in pids)


def test_a_second_signal_does_not_wait(three: Server, port: int) -> None:
    three.workers()
    with Client(port) as client:
        client.ask("/never")
        three.until("never")
        three.signal(signal.SIGTERM)
        eventually(lambda: not listens(port))
        three.signal(signal.SIGTERM)
        assert three.ends() == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_shutdown_in_one_worker_ends_them_all(three: Server, port: int) -> None:
    three.workers()
    with Client(port) as client:
        client.ask("/shutdown")
        assert three.ends() == 3


def test_workers_that_wait_for_nothing_are_not_replaced(tmp_path: Path, port: int) -> None:
    with Server("serve", "--workers", "2", page(tmp_path, port), cwd=tmp_path) as server:
        server.workers()
        eventually(lambda: not listens(port) or not get(port, "/leave"))
        assert server.ends() == 0
    assert any("nothing is left to wait for" in line for line in server.log)


def test_workers_end_with_their_supervisor(three: Server, port: int) -> None:
    pids = three.workers()
    three.signal(signal.SIGKILL)
    eventually(lambda: all(map(is_gone, pids)))
    assert three.ends() == -signal.SIGKILL


# ---------------------------------------------------------------------- crashes


def test_a_worker_that_is_killed_is_replaced(three: Server, port: int) -> None:
    victim = three.workers()[1]
    os.kill(victim, signal.SIGKILL)
    assert three.until("was ended by SIGKILL")[0]
    three.until("^up$")
    assert f"worker 1 (process {victim}) was ended by SIGKILL; another one starts now" in three.log[-2]
    assert answers_of_all(port, "one")
    assert three.stop() == 0


def test_a_worker_that_is_told_to_end_is_replaced(three: Server, port: int) -> None:
    os.kill(three.workers()[2], signal.SIGTERM)
    three.until("worker 2 .* has ended with status 0; another one starts now")
    three.until("^up$")
    assert answers_of_all(port, "one")
    assert three.stop() == 0


def test_what_crashes_again_and_again_waits(three: Server, tmp_path: Path, port: int) -> None:
    victim = three.workers()[0]
    page(tmp_path, port, '" + nonsense + "')
    os.kill(victim, signal.SIGKILL)
    three.until("another one starts now")
    three.until("has ended with status 2; another one starts in 0.5 seconds")
    three.until("has ended with status 2; another one starts in 1 seconds")
    page(tmp_path, port)
    three.until("^up$")
    assert answers_of_all(port, "one")
    assert three.stop() == 0


# ---------------------------------------------------------------------- the bus between them


class Chatter:
    """A visitor of the chat example."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self._file = self._socket.makefile("rw", encoding="utf-8", newline="\n")
        self.node = self.line().removeprefix("You are on ").rstrip(".")

    def say(self, text: str) -> None:
        self._file.write(text + "\n")
        self._file.flush()

    def line(self) -> str:
        return self._file.readline().rstrip("\n")

    def hears(self, wanted: str) -> None:
        """Until it has heard a line."""
        heard = []
        while wanted not in heard:
            heard.append(self.line())
            assert heard[-1], f"{heard}, then the end"

    def close(self) -> None:
        self._file.close()
        self._socket.close()


def chatters_of_all(port: int, count: int) -> dict[str, Chatter]:
    """One visitor on each worker."""
    found: dict[str, Chatter] = {}

    def complete() -> bool:
        made = Chatter(port)
        if made.node in found:
            made.close()
        else:
            found[made.node] = made
        return len(found) == count

    eventually(complete)
    return found


def who(chatter: Chatter) -> str:
    chatter.say("who")
    while not (line := chatter.line()).startswith("Here are: "):
        assert line
    return line.removeprefix("Here are: ")


def test_the_bus_chat(tmp_path: Path, port: int) -> None:
    """The example: workers hear each other, and know who of them is present when one is killed."""
    with Server("serve", "--workers", "3", PROJECT / "examples/bus_chat.c", str(port), cwd=tmp_path) as server:
        victim = server.workers()[1]
        visitors = chatters_of_all(port, 3)
        everybody = "pylpc-0, pylpc-1, pylpc-2"
        for one in visitors.values():
            eventually(lambda: who(one) == everybody)  # noqa: B023
        for node, speaker in visitors.items():
            speaker.say(f"hello from {node}")
            for one in visitors.values():
                one.hears(f"[{node}] hello from {node}")
        os.kill(victim, signal.SIGKILL)
        left = [one for node, one in visitors.items() if node != "pylpc-1"]
        for one in left:
            one.hears("* pylpc-1 is gone")
            one.hears("* pylpc-1 has come")
            assert who(one) == everybody
        for one in visitors.values():
            one.close()
        assert server.stop() == 0
    assert not any("error" in line for line in server.log)


WEBSOCKET = """
#include <socket.h>
#include <bus.h>
#include <runtime_config.h>
inherit BUS_API;

int *visitors = ({ });

void said(string channel, mixed data, string from) { websocket_broadcast(visitors, data); }
void heard(int fd, mixed text, mapping info) {
    if (member_array(fd, visitors) < 0) visitors += ({ fd });
    if (text == "where") socket_write(fd, "" + get_config(__WORKER__));
    else bus_say("all", text);
}
void left(int fd, string reason, int code) { visitors -= ({ fd }); }

int main() {
    int server = socket_create(WEBSOCKET_SERVER, "heard", "left");
    socket_bind(server, 0, "127.0.0.1 PORT");
    bus_join("all", (: said :));
    return socket_listen(server) == EESUCCESS ? 0 : 1;
}
"""


def test_websockets_on_all_workers_hear_each_other(tmp_path: Path, port: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    program = tmp_path / "talk.c"
    program.write_text(WEBSOCKET.replace("PORT", str(port)))
    with Server("serve", "--workers", "2", program, cwd=tmp_path) as server, ExitStack() as stack:
        server.workers()
        visitors: dict[str, Any] = {}

        def both() -> bool:
            made = stack.enter_context(client.connect(f"ws://127.0.0.1:{port}/"))
            made.send("where")
            visitors.setdefault(made.recv(timeout=PATIENCE), made)
            return visitors.keys() == {"0", "1"}

        assert eventually(both)
        visitors["0"].send("first")  # may be said before the other worker is on the bus
        assert visitors["0"].recv(timeout=PATIENCE) == "first"

        def is_heard() -> bool:
            visitors["0"].send("again")
            try:
                return visitors["1"].recv(timeout=0.2) in ("first", "again")
            except TimeoutError:
                return False

        assert eventually(is_heard)
        assert server.process.poll() is None


def test_a_bus_that_is_given_is_used(tmp_path: Path, port: int) -> None:
    program = tmp_path / "a.c"
    program.write_text("#include <runtime_config.h>\nvoid f() { }\n"
                       'int main() { write("bus " + get_config(__BUS__) + "\\n"); call_out("f", 60); return 0; }')
    with Server("serve", "--workers", "2", "--bus", f"mqtt://127.0.0.1:{port}", program, cwd=tmp_path) as server:
        server.workers()
        assert server.stop() == 0
    assert server.log.count(f"bus mqtt://127.0.0.1:{port}") == 2


# ---------------------------------------------------------------------- another program


def test_sighup_replaces_the_workers_one_by_one(three: Server, tmp_path: Path, port: int) -> None:
    pids = three.workers()
    page(tmp_path, port, "two")
    three.signal(signal.SIGHUP)
    three.until("replacing the workers one by one")
    three.until("all workers are replaced")
    assert all(map(is_gone, pids))
    assert answers_of_all(port, "two")
    assert three.stop() == 0


def test_nobody_notices_that_workers_are_replaced(three: Server, tmp_path: Path, port: int) -> None:
    """Who connects anew for each page gets each of them."""
    three.workers()
    over = threading.Event()
    failures: list[OSError] = []
    pages = itertools.count()

    def visit() -> None:
        while not over.is_set():
            try:
                with Client(port) as client:
                    client.get()
                next(pages)
            except OSError as error:
                failures.append(error)

    visitors = [threading.Thread(target=visit) for _ in range(4)]
    for one in visitors:
        one.start()
    three.signal(signal.SIGHUP)
    three.until("all workers are replaced")
    over.set()
    for one in visitors:
        one.join(PATIENCE)
    assert failures == []
    assert next(pages) > 100
    assert three.stop() == 0


def test_a_program_that_does_not_compile_replaces_nobody(three: Server, tmp_path: Path, port: int) -> None:
    pids = three.workers()
    page(tmp_path, port, '" + nonsense + "')
    three.signal(signal.SIGHUP)
    three.until("does not compile; the workers go on")
    assert not any(map(is_gone, pids))
    assert answers_of_all(port, "one")
    assert three.stop() == 0


# ---------------------------------------------------------------------- what a new user does wrong


@pytest.mark.parametrize(("words", "told"), [
    (("serve",), "serve needs a FILE, which each worker reads: pylpc serve [--workers N] FILE"),
    (("serve", "-"), "serve needs a FILE, which each worker reads: pylpc serve [--workers N] FILE"),
    (("serve", "--workers", "0", "a.c"), "--workers wants a number from 1 to 256, or 'auto', not '0'"),
    (("serve", "--workers", "many", "a.c"), "--workers wants a number from 1 to 256, or 'auto', not 'many'"),
    (("serve", "missing.c"), "missing.c: no such file"),
    (("serve", "."), ".: is a directory"),
    (("--bus", "amqp://x", "a.c"), "a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT], not 'amqp://x'"),
    (("serve", "--bus", "mqtt://", "a.c"), "a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT], not 'mqtt://'"),
    (("--workers", "2", "a.c"), "--workers belongs to serve: pylpc serve --workers N FILE"),
    (("serve", "--workers"), "--workers needs a value"),
    (("serve", "-e", "1"), "unknown option '-e' (try --help)"),
])
def test_usage(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "a.c").write_text("1;")
    done = run(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"pylpc: {told}\n")


def test_a_program_that_does_not_compile_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("write(nonsense);")
    done = run("serve", "--workers", "3", "a.c", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("nonsense") == 2  # the message and the line


def test_a_program_that_serves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('write("hello\\n");')
    done = run("serve", "--workers", "3", "a.c", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "hello\n")
    assert done.stderr == ("pylpc: a.c has ended: nothing in it waits for connections, timers or messages, so there is "
                           "nothing to serve\n")


def test_the_programs_own_arguments(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text('int main(string *argv) { write(implode(argv, " ")); return 5; }')
    done = run("serve", "--workers", "2", "a.c", "--workers", "x", "-h", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (5, "a.c --workers x -h")
