"""Runs the examples of stream sockets, with plain Python programs at the other end."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import PATIENCE, PROJECT, Running, run

from tests.unit.sockets.certificates import Certificates

EXAMPLES = PROJECT / "examples"
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


def port_in(line: str) -> int:
    """The port a server says it listens on."""
    return int(line.rpartition(" ")[2])


class Visitor:
    """A line-wise client."""

    def __init__(self, port: int) -> None:
        self.wire = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.file = self.wire.makefile("rw", encoding="utf-8", newline="\n")

    def say(self, text: str) -> None:
        self.file.write(text)
        self.file.flush()

    def hears(self) -> str:
        return self.file.readline().rstrip("\n")

    def close(self) -> None:
        self.file.close()
        self.wire.close()


@contextmanager
def visitor(port: int, name: str = "") -> Iterator[Visitor]:
    made = Visitor(port)
    try:
        assert made.hears() == "Welcome. Who are you?"
        if name:
            made.say(name + "\n")
            assert made.hears().startswith("Here are: ")
        yield made
    finally:
        made.close()


@LOOPS
def test_the_chat(mudlib_copy: Path, loop: str) -> None:
    with Running("--loop", loop, "--mudlib", mudlib_copy, EXAMPLES / "chat_server.c") as program:
        port = port_in(program.line())
        with visitor(port, "Zoë") as zoe, visitor(port) as tom:
            assert program.line() == "Zoë came"
            tom.say("Zoë\r\n")
            assert tom.hears() == "There is a Zoë already. Who are you?"
            tom.say("To")
            tom.say("m\n\nhel")
            assert tom.hears() == "Here are: Zoë"
            assert zoe.hears() == "* Tom came"
            tom.say("lo\nhow are you?\n")
            assert [zoe.hears(), zoe.hears()] == ["Tom: hello", "Tom: how are you?"]
            zoe.say("/who\n")
            assert zoe.hears() == "Here are: Tom, Zoë"
            tom.say("/quit\nnot said\n")
            assert tom.hears() == "Good bye."
            assert zoe.hears() == "* Tom left"
            zoe.say("/who\n")
            assert zoe.hears() == "Here are: Zoë"
        assert [program.line() for _ in range(3)] == ["Tom came", "Tom left", "Zoë left"]
        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")


def test_a_port_that_is_taken(mudlib_copy: Path) -> None:
    with Running("--mudlib", mudlib_copy, EXAMPLES / "chat_server.c") as program:
        port = port_in(program.line())
        done = run("--mudlib", mudlib_copy, EXAMPLES / "chat_server.c", str(port))
        program.stop()

    assert (done.stdout, done.returncode) == (f"127.0.0.1 {port}: Address already in use\n", 1)


@LOOPS
def test_tls_echo(mudlib_copy: Path, tmp_path: Path, loop: str) -> None:
    made = Certificates(tmp_path)
    with Running("--loop", loop, "--mudlib", mudlib_copy, f"--allow-read={tmp_path}", EXAMPLES / "tls_echo.c",
                 made.path("server.pem"), made.path("server.key")) as program:
        port = port_in(program.line())
        with (socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
              made.client_context().wrap_socket(plain, server_hostname="localhost") as wire):
            message = bytes(range(256)) * 64
            wire.sendall(message)
            got = b""
            while len(got) < len(message):
                got += wire.recv(65536)
            assert got == message
        assert program.line() == "connection 1 ended"
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
        assert program.line() == "connection 1 ended"
        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")


def test_a_certificate_outside_the_mudlib_needs_a_grant(mudlib_copy: Path, tmp_path: Path) -> None:
    made = Certificates(tmp_path)
    done = run("--mudlib", mudlib_copy, EXAMPLES / "tls_echo.c", made.path("server.pem"), made.path("server.key"))

    assert done.returncode == 1
    assert done.stdout.endswith("\n") and "TLS echo" not in done.stdout


@LOOPS
def test_mud_mode(mudlib_copy: Path, loop: str) -> None:
    flags = ("--loop", loop, "--mudlib", mudlib_copy)
    with Running(*flags, EXAMPLES / "mud_mode_server.c") as program:
        port = port_in(program.line())
        done = run(*flags, EXAMPLES / "mud_mode_client.c", str(port))
        assert [program.line(), program.line()] == ["client 1 came", "client 1 ended"]
        status, rest, errors = program.stop()

    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout.replace("\n", " ").split() == EXPECTED.split()
    assert (status, rest, errors) == (0, [], "")


EXPECTED = """
stored 1
stored 2
names ({ /* sizeof() == 2 */ "sword", "torch" })
name "sword", value ([ /* sizeof() == 3 */
    "damage" : ({ /* sizeof() == 2 */ 1, 8 }),
    "runes" : ""ᚠᚢ" ",
    "weight" : 2.500000,
])
name "shield", value 0
error "there are put, get and names"
"""


def test_nobody_to_talk_to(mudlib_copy: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        done = run("--mudlib", mudlib_copy, EXAMPLES / "mud_mode_client.c", str(probe.getsockname()[1]))

    assert (done.stdout, done.returncode) == ("the server is gone\n", 0)
