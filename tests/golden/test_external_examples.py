"""Runs the examples that talk to other programs: commands and named pipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from running import PROJECT, Running, run

EXAMPLES = PROJECT / "examples"
LOOPS = pytest.mark.parametrize("loop", ["asyncio", "uvloop"])


@LOOPS
def test_a_command_sorts(mudlib_copy: Path, loop: str) -> None:
    done = run("--loop", loop, "--mudlib", mudlib_copy, "--allow-run=sort", EXAMPLES / "pipe_command.c",
               "pear", "fig", "apple", "épée; echo $HOME")

    assert sorted(done.stdout.splitlines()) == ["apple", "fig", "pear", "épée; echo $HOME"]
    fruit = done.stdout.replace("épée; echo $HOME\n", "")
    assert (fruit, done.stderr, done.returncode) == ("pear\nfig\napple\n", "", 0)


@pytest.mark.parametrize(("flags", "help"), [((), "--allow-run=sort"), (("--allow-run=ls",), "--allow-run=sort"),
                                              (("-A", "--deny-run=sort"), "--deny-run")])
def test_a_command_the_host_does_not_allow(mudlib_copy: Path, flags: tuple[str, ...], help: str) -> None:
    done = run("--mudlib", mudlib_copy, *flags, EXAMPLES / "pipe_command.c", "pear")

    assert done.stdout.startswith("sort: ") and help in done.stdout
    assert done.returncode == 1


@LOOPS
def test_commands_come_through_a_fifo(mudlib_copy: Path, tmp_path: Path, loop: str) -> None:
    fifo = tmp_path / "mud_commands"
    with Running("--loop", loop, "--mudlib", mudlib_copy, EXAMPLES / "fifo_reader.c", TMPDIR=str(tmp_path)) as program:
        assert program.line() == "Waiting for commands"
        assert fifo.is_fifo() and fifo.stat().st_mode & 0o777 == 0o600
        with fifo.open("w") as commands:
            commands.write("status\nsing\n")
        assert program.line().startswith("Everything is fine")
        assert program.line() == "I do not know how to sing"
        with fifo.open("w") as commands:
            commands.write("qu")
        with fifo.open("w") as commands:
            commands.write("it\n")
        assert program.line() == "Goodbye"
        assert program.process.wait(10) == 0

    assert not fifo.exists()


def test_the_fifo_is_taken(mudlib_copy: Path, tmp_path: Path) -> None:
    (tmp_path / "mud_commands").write_text("precious", encoding="utf-8")

    done = run("--mudlib", mudlib_copy, EXAMPLES / "fifo_reader.c", TMPDIR=str(tmp_path))

    assert (done.stdout, done.returncode) == ("No commands: /tmp/mud_commands: it is a file, not a FIFO\n", 1)
    assert (tmp_path / "mud_commands").read_text(encoding="utf-8") == "precious"


@LOOPS
def test_both_ends_of_a_pair(mudlib_copy: Path, loop: str) -> None:
    done = run("--loop", loop, "--mudlib", mudlib_copy, EXAMPLES / "socketpair_talk.c")

    assert (done.stdout, done.stderr, done.returncode) == (
        "Question: What is the time?\nAnswer: Time for tea.\nThe other end was closed\n", "", 0)


def test_a_fifo_left_by_a_killed_driver_is_reused(mudlib_copy: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "mud_commands"
    os.mkfifo(fifo)
    with Running("--mudlib", mudlib_copy, EXAMPLES / "fifo_reader.c", TMPDIR=str(tmp_path)) as program:
        assert program.line() == "Waiting for commands"
        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")
    assert fifo.exists(), "it made none, so it removes none"
