"""Runs the examples of UDP and compression."""

from __future__ import annotations

import re
import socket
import zlib
from pathlib import Path

import pytest
import zstandard
from running import PROJECT, Running, run

EXAMPLES = PROJECT / "examples"
GOLDEN = Path(__file__).parent
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@LOOPS
@pytest.mark.parametrize("codec", ["zstd", "zlib"])
def test_a_compressed_conversation(mudlib_copy: Path, loop: str, codec: str) -> None:
    done = run("--loop", loop, "--mudlib", mudlib_copy, EXAMPLES / "compressed_stream.c", codec)

    expected = (GOLDEN / "compressed_stream.out").read_text(encoding="utf-8").replace("zstd", codec)
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


def test_a_format_nobody_knows(mudlib_copy: Path) -> None:
    done = run("--mudlib", mudlib_copy, EXAMPLES / "compressed_stream.c", "lzma")

    assert (done.stdout, done.returncode) == ("", 1)
    assert 'SO_COMPRESSION: accepted are "zstd", "zlib"' in done.stderr


def address_in(line: str) -> tuple[str, int]:
    """The address a program says it is at."""
    match = re.fullmatch(r"Receiving \w+ at (\S+) (\d+)", line)
    assert match is not None, line
    return match[1], int(match[2])


@LOOPS
def test_log_lines_are_received(mudlib_copy: Path, loop: str) -> None:
    with (Running("--loop", loop, "--mudlib", mudlib_copy, EXAMPLES / "udp_log_receiver.c", "0") as program,
          socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender):
        plain, compressed = address_in(program.line()), address_in(program.line())
        sender.bind(("127.0.0.1", 0))
        host, port = sender.getsockname()

        sender.sendto("disk füll\n".encode(), plain)
        assert program.line() == f"{host} {port} disk füll"
        sender.sendto(b"", plain)
        sender.sendto(b"\xff\xfe", plain)
        assert program.line() == f"{host} {port} sent 2 bytes that are no text"
        sender.sendto(zstandard.compress(b"one\ntwo \x1b[31m\x07\n" + b"long " * 20_000), compressed)
        assert program.line() == f"{host} {port} one"
        assert program.line() == f"{host} {port} two ?[31m?"
        assert program.line() == f"{host} {port} {'long ' * 20_000}"
        sender.sendto(b"plain text", compressed)
        sender.sendto(zlib.compress(b"another codec"), compressed)
        sender.sendto(zstandard.compress(b"last"), compressed)
        assert program.line() == "2 packets were not zstd"
        assert program.line() == f"{host} {port} last"
        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")
    logged = (mudlib_copy / "log" / "remote").read_text(encoding="utf-8").splitlines()
    assert [line.removeprefix(f"{host} {port} ")[:10] for line in logged] == [
        "disk füll", "one", "two ?[31m?", "long long ", "last"]


def test_the_port_is_taken(mudlib_copy: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        done = run("--mudlib", mudlib_copy, EXAMPLES / "udp_log_receiver.c", str(port))

    assert done.stdout.startswith(f"Cannot receive: 127.0.0.1 {port}: Address already in use\n")
    assert done.returncode == 1
