"""Modes 40 and 41 with a command, and external_start(): real processes on both event loops."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from efuns.sockets import children as children_module
from efuns.sockets import efuns, errors, external, options
from efuns.sockets.children import Children
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.commands import EOF, Running, gone, none_left
from tests.unit.sockets.fake_host import FakeHost

BOTH = pytest.mark.parametrize("mode", [40, 41])
MEGABYTE = 1 << 20
READS = "read -r line; "  # a script that waits to be told to go on


# ----------------------------------------------------------------------------------- output and the end


@BOTH
async def test_talk_and_end(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "while read -r line; do echo \"<$line>\"; done")
    assert command.writable == 0, "never inside the efun"
    await host.until(lambda: command.writable)
    assert efuns.socket_status(command.ob, command.fd)[1] == "DATA_XFER"
    assert command.write("héllo\n") == 1
    await command.says("<héllo>\n")
    assert command.write(Buffer(b"two\n")) == 1
    assert command.write(EOF) == 1
    assert await command.over() == ("exited 0", 0)
    assert command.text == "<héllo>\n<two>\n"
    assert command.writable == 1
    assert command.write("x") == errors.EEBADF
    await none_left(host)


@BOTH
@pytest.mark.parametrize(("shell", "end"), [
    ("exit 7", ("exited 7", 7)), ("kill -9 $$", ("killed by signal 9", 137)),
    ("kill -TERM $$", ("killed by signal 15", 143)),
])
async def test_exit_status(host: FakeHost, mode: int, shell: str, end: tuple[str, int]) -> None:
    assert await Running(host, mode, shell).over() == end


@BOTH
async def test_ten_megabytes_and_then_the_end(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "head -c 10000000 /dev/zero | tr '\\0' x; echo end; exit 3")
    assert await command.over() == ("exited 3", 3)
    assert len(command.text) == 10_000_004
    assert command.text.endswith("xend\n")
    assert max(map(len, command.output)) <= 65536


@BOTH
async def test_binary_output(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "head -c 300000 /dev/urandom | tee copy", SO_ENCODING="binary")
    await command.over()
    assert command.data == (Path(host.files.root) / "copy").read_bytes()


@BOTH
async def test_text_is_decoded_across_reads(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"printf 'a\\0\\303'; {READS} printf '\\251\\377\\342\\202'")
    await host.until(lambda: command.text)
    assert command.text == "a\0"
    command.write("\n")
    await command.over()
    assert command.text == "a\0é\ufffd\ufffd"


@BOTH
async def test_errors_are_merged_piped_or_dropped(host: FakeHost, mode: int) -> None:
    script = "echo out; echo err >&2"
    merged = Running(host, mode, script)
    piped = Running(host, mode, script, EXTERNAL_STDERR_MODE="pipe")
    dropped = Running(host, mode, script, EXTERNAL_STDERR_MODE="null")
    for command in (merged, piped, dropped):
        await command.over()
    assert (merged.text, merged.errors) == ("out\nerr\n", [])
    assert (piped.text, "".join(piped.errors)) == ("out\n", "err\n")
    assert (dropped.text, dropped.errors) == ("out\n", [])


@BOTH
async def test_closing_its_output_is_not_its_end(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo bye; exec >&- 2>&-; {READS} exit 5")
    await command.says("bye")
    await host.turn(10)
    assert command.end is None
    assert command.write("go\n") == 1
    assert await command.over() == ("exited 5", 5)


@BOTH
async def test_what_it_leaves_running_is_killed(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "sleep 1000 & echo $!")
    assert await command.over() == ("exited 0", 0)
    await gone(int(command.text))
    assert command.text.strip().isdigit()


@BOTH
async def test_a_set_free_process_does_not_hold_up_the_end(host: FakeHost, mode: int) -> None:
    """It has a session of its own, keeps the output open and writes for ever."""
    command = Running(host, mode, "setsid sh -c 'echo $$; exec cat /dev/zero' & read -r line")
    await host.until(lambda: "\n" in command.text)
    command.write("\n")
    assert await command.over() == ("exited 0", 0)
    await gone(int(command.text.partition("\n")[0]))  # by SIGPIPE: nobody reads it any more


# ---------------------------------------------------------------------------------------- faults


@BOTH
async def test_killed_from_outside(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo up; {READS}")
    await command.says("up")
    os.kill(command.pid, signal.SIGKILL)
    assert await command.over() == ("killed by signal 9", 137)


@BOTH
async def test_close_terminates(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"trap 'echo told > note; exit' TERM; echo up; while :; do {READS} done")
    await command.says("up")
    pid = command.pid
    assert command.close() == 1
    assert command.write("x") == errors.EEBADF
    await gone(pid)
    await none_left(host)
    assert (Path(host.files.root) / "note").read_text() == "told\n"
    assert command.end is None


@BOTH
async def test_who_ignores_sigterm_is_killed(host: FakeHost, mode: int) -> None:
    assert children_module.GRACE == host.state(Children).grace == 5.0
    host.state(Children).grace = 0.05
    command = Running(host, mode, f"trap '' TERM; echo up; {READS} sleep 1000")
    await command.says("up")
    pid = command.pid
    host.destruct(command.ob)
    await gone(pid)
    await none_left(host)
    assert command.end is None


@BOTH
async def test_a_stopped_command_is_killed_too(host: FakeHost, mode: int) -> None:
    host.state(Children).grace = 0.05
    command = Running(host, mode, f"echo up; {READS}")
    await command.says("up")
    pid = command.pid
    assert external.external_kill_process(command.ob, command.fd, signal.SIGSTOP) == 1
    command.close()
    await gone(pid)
    await none_left(host)


@BOTH
async def test_timeout(host: FakeHost, mode: int) -> None:
    host.state(Children).grace = 0.05
    polite = Running(host, mode, f"echo up; {READS}", EXTERNAL_TIMEOUT=3600)
    stubborn = Running(host, mode, f"trap '' TERM; echo up; {READS} sleep 1000")
    for command in (polite, stubborn):
        await command.says("up")
    child = polite.socket._child
    assert child is not None and child._timer is not None
    assert 3500 < child._timer.when() - host.loop.time() <= 3600.1
    for command in (polite, stubborn):
        running = command.socket._child
        assert running is not None
        running.expire_in(0)
    assert await polite.over() == ("timed out", 143)
    assert await stubborn.over() == ("timed out", 137)


@BOTH
async def test_destructed_in_the_middle_of_its_output(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo one; {READS}")
    command.ob.extra["out"] = lambda fd, data: host.destruct(command.ob)
    pid = command.pid
    await gone(pid)
    await none_left(host)
    assert len(host.seen("out")) == 1
    assert command.end is None


@BOTH
async def test_closed_while_its_leftovers_are_delivered(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "echo one; echo two >&2", EXTERNAL_STDERR_MODE="pipe")
    command.ob.extra["out"] = lambda fd, *data: command.close()
    await host.until(lambda: host.seen("out"))
    await none_left(host)
    await host.turn(10)
    assert len(host.seen("out")) == 1
    assert command.end is None


@BOTH
async def test_error_in_a_callback_changes_nothing(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo one; {READS} echo two")

    def fails(fd: int, data: str) -> None:
        command.output.append(data)
        raise LPCError("oops\n")

    command.ob.extra["out"] = fails
    await command.says("one")
    command.write("\n")
    assert await command.over() == ("exited 0", 0)
    assert command.text == "one\ntwo\n"
    assert host.errors == ["oops\n"] * len(host.errors)
    host.errors.clear()


@BOTH
async def test_release_while_it_runs(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo one; {READS} echo two; exit 4")
    await command.says("one")
    heard: list[Any] = []
    heir = host.object(
        take=lambda fd, ob: efuns.socket_acquire(heir, fd, "hear", "ready", "done"),
        hear=lambda fd, data: heard.append(data), ready=lambda fd: 0, done=lambda fd, *how: heard.append(how))
    assert efuns.socket_release(command.ob, command.fd, heir, "take") == 1
    host.destruct(command.ob)
    assert command.write("x") == errors.EESECURITY
    assert efuns.socket_write(heir, command.fd, "go\n") == 1
    await host.until(lambda: heard and heard[-1] == ("exited 4", 4))
    assert "".join(heard[:-1]) == "two\n"
    assert command.output == ["one\n"]


@BOTH
async def test_two_hundred_leave_nothing(host: FakeHost, mode: int) -> None:
    first = Running(host, mode, "exit 0")
    await first.over()  # what the first one imports and opens is not a leak
    before = set(os.listdir("/proc/self/fd"))
    for round_ in range(4):
        commands = [Running(host, mode, f"echo {number}; exit {number}") for number in range(50)]
        for number, command in enumerate(commands):
            assert await command.over() == (f"exited {number}", number)
            assert command.text == f"{number}\n"
        assert len(host.state(Children)) == 0, round_
    assert len(set(os.listdir("/proc/self/fd")) ^ before) <= 2, "listing is one itself"
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


# ------------------------------------------------------------------------------------- flow control


@BOTH
async def test_a_reader_that_stops(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo up; {READS} cat > copy")
    await command.says("up")
    message = "\n" + "x" * (MEGABYTE - 1)
    assert command.write(message) == errors.EECALLBACK
    ready = command.writable
    assert command.write("more") == errors.EEALREADY
    await host.until(lambda: command.writable > ready)
    assert command.write("end") == 1
    assert command.write(EOF) == 1
    assert command.write("x") == errors.EESEND
    assert efuns.socket_get_option(command.ob, command.fd, options.SO_LAST_ERROR) != ""
    assert await command.over() == ("exited 0", 0)
    assert (Path(host.files.root) / "copy").read_text() == "x" * (MEGABYTE - 1) + "end"
    assert command.writable == ready + 1


@BOTH
async def test_end_of_input_waits_for_what_is_queued(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"echo up; {READS} wc -c")
    await command.says("up")
    message = "\n" + "x" * 300_000
    assert command.write(message) in (1, errors.EECALLBACK)
    if command.socket._blocked:
        await host.until(lambda: command.writable > 1)
    assert command.write(EOF) == 1
    await command.over()
    assert command.text.split() == ["up", "300000"]


@BOTH
async def test_memory_is_bounded_where_nobody_reads(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "echo up; exec sleep 1000")
    await command.says("up")
    taken = 0
    while command.write("x" * 1000) == 1:
        taken += 1000
    outlet = command.socket._outlet
    assert outlet is not None
    assert host.limits.socket_queue < outlet.size <= host.limits.socket_queue + 1000
    assert taken < 2 * MEGABYTE
    assert {command.write("x") for _ in range(100)} == {errors.EEALREADY}
    command.close()
    await none_left(host)


@BOTH
async def test_it_stops_reading_for_good(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"{READS} exec <&- >&- 2>&-; sleep 1000", EXTERNAL_STDERR_MODE="null")
    assert command.write("\n" + "x" * MEGABYTE) == errors.EECALLBACK
    await host.until(lambda: command.writable)
    assert command.write("x") == errors.EESEND
    assert command.write(EOF) == errors.EESEND
    assert command.end is None
    external.external_kill_process(command.ob, command.fd)
    assert await command.over() == ("killed by signal 15", 143)


@BOTH
async def test_writing_to_what_has_ended(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, "exit 6")
    os.waitid(os.P_PID, command.pid, os.WEXITED | os.WNOWAIT)
    assert command.write("x") == command.write("x") == command.write(EOF) == errors.EESEND
    assert command.end is None, "never inside the efun"
    assert await command.over() == ("exited 6", 6)


async def test_a_host_that_reaps_every_child(host: FakeHost) -> None:
    command = Running(host, 40, "exit 6")
    os.waitpid(command.pid, 0)
    assert await command.over() == ("exited 0", 0)


async def test_a_program_with_rights_of_its_own(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> None:
        raise PermissionError(errno.EPERM, "it has become somebody else")

    command = Running(host, 40, READS)
    monkeypatch.setattr(os, "killpg", fails)
    assert external.external_kill_process(command.ob, command.fd) == 1
    command.write("\n")
    assert await command.over() == ("exited 0", 0)


# ---------------------------------------------------------------------------- what a command starts with


async def test_the_environment_is_empty(host: FakeHost) -> None:
    host.external["env"] = ("/usr/bin/env",)
    bare = Running(host, 40)
    assert bare.connect("env") == 1
    given = Running(host, 41, EXTERNAL_ENV=Mapping(GREETING="hello wörld", LANG="C"))
    assert given.connect("env") == 1
    assert await bare.over() == await given.over() == ("exited 0", 0)
    assert bare.text == ""
    assert sorted(given.text.splitlines()) == ["GREETING=hello wörld", "LANG=C"]


@pytest.mark.parametrize(("variables", "says"), [
    ({"LD_PRELOAD": "/evil.so"}, "--allow-env=LD_PRELOAD"), ({"PATH": "/save"}, "--allow-env=PATH"),
    ({"PYTHONPATH": "/save"}, "--allow-env=PYTHONPATH"), ({"": "x"}, "there can be no variable"),
    ({"A=B": "x"}, "there can be no variable"), ({"A": "x\0"}, "there can be no variable"),
    ({"A": 1}, "must be strings"), ({1: "A"}, "must be strings"), ({"A": "\ud800"}, "there can be no variable"),
])
async def test_variables_that_are_refused(host: FakeHost, variables: dict[Any, Any], says: str) -> None:
    with pytest.raises(LPCError, match=says):
        Running(host, 40, EXTERNAL_ENV=Mapping(variables))


async def test_the_host_may_allow_a_variable(host: FakeHost) -> None:
    host.permissions.variables.add("PATH")
    variables = Mapping(PATH="/nowhere")
    command = Running(host, 40, "echo $PATH", EXTERNAL_ENV=variables)
    await command.over()
    assert command.text == "/nowhere\n"


async def test_what_was_checked_cannot_be_changed(host: FakeHost) -> None:
    host.external["env"] = ("/usr/bin/env",)
    variables, arguments = Mapping(A="b"), ["C=d"]
    command = Running(host, 40, EXTERNAL_ENV=variables, EXTERNAL_ARGS=arguments)
    for kept, number in ((variables, options.EXTERNAL_ENV), (arguments, options.EXTERNAL_ARGS)):
        got = efuns.socket_get_option(command.ob, command.fd, number)
        assert got is not kept
        for value in (kept, got):
            value.update(LD_PRELOAD="/evil.so") if isinstance(value, Mapping) else value.append(host.object())
    assert command.connect("env") == 1
    await command.over()
    assert command.text == "A=b\nC=d\n"


@BOTH
async def test_working_directory(host: FakeHost, mode: int) -> None:
    root = Path(host.files.root)
    (root / "inner").mkdir()
    default, inner = Running(host, mode, "pwd"), Running(host, mode, "pwd", EXTERNAL_WORKING_DIR="/inner")
    await default.over()
    await inner.over()
    assert (default.text, inner.text) == (f"{root}\n", f"{root}/inner\n")
    assert ("read", "/inner", "external") in host.files.asked
    host.files.denied.add("/inner")
    denied = Running(host, mode, EXTERNAL_WORKING_DIR="/inner")
    missing = Running(host, mode, EXTERNAL_WORKING_DIR="/no")
    assert denied.connect("sh") == errors.EESECURITY
    assert missing.connect("sh") == errors.EESOCKET
    assert await denied.over() == ("/inner: Permission denied", errors.EESECURITY)
    assert await missing.over() == ("sh: No such file or directory", errors.EESOCKET)


@BOTH
async def test_only_its_own_descriptors_and_session(host: FakeHost, mode: int) -> None:
    leak, other = os.pipe()
    os.set_inheritable(leak, True)  # as a careless library makes them
    neighbour = Running(host, mode, f"echo up; {READS}")
    command = Running(host, mode, f"echo up; {READS}", EXTERNAL_STDERR_MODE="pipe")
    await command.says("up")
    try:
        assert sorted(os.listdir(f"/proc/{command.pid}/fd")) == ["0", "1", "2"]
        for fd in (0, 1, 2):
            lines = Path(f"/proc/{command.pid}/fdinfo/{fd}").read_text().splitlines()
            flags = next(int(line.split()[1], 8) for line in lines if line.startswith("flags"))
            assert not flags & os.O_NONBLOCK
        assert os.getsid(command.pid) == os.getpgid(command.pid) == command.pid
        sockets = [os.readlink(f"/proc/{command.pid}/fd/{fd}").partition(":")[0] for fd in (0, 1, 2)]
        assert sockets == (["pipe"] * 3 if mode == 40 else ["socket", "socket", "pipe"])
    finally:
        os.close(leak)
        os.close(other)
        command.close()
        neighbour.close()
        await none_left(host)


@BOTH
async def test_our_ends_do_not_block_and_are_not_inherited(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, READS)
    fd = efuns.socket_status(command.ob, command.fd)[0]
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK
    assert not os.get_inheritable(fd)
    command.close()
    await none_left(host)


@BOTH
async def test_resource_limits(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, f"{READS} ulimit -t; ulimit -v; ulimit -n", EXTERNAL_CPU_LIMIT=7,
                      EXTERNAL_MEMORY_LIMIT=256 * MEGABYTE, EXTERNAL_FILE_LIMIT=37)
    command.write("go\n")
    await command.over()
    assert command.text.split() == ["7", str(256 * 1024), "37"]


# ------------------------------------------------------------------------------- choosing the command


@BOTH
async def test_ways_to_choose(host: FakeHost, mode: int) -> None:
    host.external["echo"] = ("/bin/echo", "fixed")

    def named(ob: LPCObject, fd: int) -> int:
        return efuns.socket_connect(ob, fd, "echo a b", "out", "up")

    def numbered(ob: LPCObject, fd: int) -> int:
        return efuns.socket_connect(ob, fd, "1 a b", "out", "up")

    def by_option(ob: LPCObject, fd: int) -> int:
        efuns.socket_set_option(ob, fd, options.EXTERNAL_COMMAND, "echo")
        efuns.socket_set_option(ob, fd, options.EXTERNAL_ARGS, "a b")
        assert efuns.socket_status(ob, fd)[1] == "UNBOUND"
        return external.external_spawn_process(ob, fd)

    def by_number(ob: LPCObject, fd: int) -> int:
        efuns.socket_set_option(ob, fd, options.EXTERNAL_COMMAND, 1)
        efuns.socket_set_option(ob, fd, options.EXTERNAL_ARGS, ["a", "b"])
        return efuns.socket_connect(ob, fd, "", "out", "up")

    def bound(ob: LPCObject, fd: int) -> int:
        assert efuns.socket_bind(ob, fd, "echo a b") == 1
        assert efuns.socket_status(ob, fd)[1:5] == ["BOUND", efuns.socket_status(ob, fd)[2], "echo", "echo"]
        assert efuns.socket_bind(ob, fd, "echo") == errors.EEISBOUND
        return external.external_spawn_process(ob, fd)

    def bound_to_number(ob: LPCObject, fd: int) -> int:
        efuns.socket_set_option(ob, fd, options.EXTERNAL_ARGS, ["a", "b"])
        assert efuns.socket_bind(ob, fd, 1) == 1
        return external.external_spawn_process(ob, fd)

    for choose in (named, numbered, by_option, by_number, bound, bound_to_number):
        command = Running(host, mode)
        if choose is named:
            del host.external["sh"]  # so that echo is the first
        assert choose(command.ob, command.fd) == 1, choose.__name__
        assert efuns.socket_address(command.ob, command.fd) == "echo"
        assert efuns.socket_status(command.ob, command.fd)[4] == "echo"
        assert external.external_process_status(command.ob, command.fd) == 1
        await command.over()
        assert command.text == "fixed a b\n", choose.__name__
        host.external.pop("sh", None)


@BOTH
async def test_no_shell_sees_the_words(host: FakeHost, mode: int) -> None:
    host.external["echo"] = ("/bin/echo",)
    command = Running(host, mode)
    assert command.connect("echo $HOME;id `id` 'a  b' *") == 1
    await command.over()
    assert command.text == "$HOME;id `id` 'a  b' *\n"
    assert list(Path(host.files.root).iterdir()) == []


@BOTH
async def test_the_master_hears_the_registered_name(host: FakeHost, mode: int) -> None:
    host.valid_socket = lambda who, verb, info: verb != "spawn"
    command = Running(host, mode, EXTERNAL_ARGS=["x", "y z"])
    assert command.connect("1 a") == errors.EESECURITY
    assert host.questions[-1][1:] == ("spawn", [command.fd, command.ob, "N/A", -1, mode, "sh a x y z"])
    assert await command.over() == ("Security violation attempted", errors.EESECURITY)


@BOTH
async def test_commands_that_do_not_exist(host: FakeHost, mode: int) -> None:
    host.external["lost"] = ("/no/such/program",)
    for line, code, reason in (
        ("wizard", errors.EESECURITY, "There is no external command 'wizard'"),
        ("/bin/sh", errors.EESECURITY, "There is no external command '/bin/sh'"),
        ("99", errors.EESECURITY, "There is no external command '99'"),
        ("lost", errors.EESOCKET, "lost: No such file or directory"),
        ("sh a\0b", errors.EEBADDATA, "An argument cannot be passed on: it is no text, or holds a zero byte"),
        ("sh \ud800", errors.EEBADDATA, "An argument cannot be passed on: it is no text, or holds a zero byte"),
        (" ", errors.EEBADADDR, "No command was chosen"),
    ):
        command = Running(host, mode)
        assert command.connect(line) == code
        assert command.end is None
        assert await command.over() == (reason, code)


async def test_nothing_is_chosen(host: FakeHost) -> None:
    command = Running(host, 40)
    assert command.connect("") == errors.EEBADADDR
    assert efuns.socket_bind(command.ob, command.fd, 0) == errors.EEBADADDR
    assert efuns.socket_bind(command.ob, command.fd, "wizard") == errors.EESECURITY
    assert command.write("x") == errors.EENOTCONN
    assert command.close() == 1
    await host.turn()
    assert command.end is None, "closing calls off what was deferred"


@BOTH
async def test_a_second_try_succeeds(host: FakeHost, mode: int) -> None:
    command = Running(host, mode)
    assert command.connect("wizard") == errors.EESECURITY
    assert command.connect("sh -c exit") == 1
    assert await command.over() == ("exited 0", 0)
    assert command.connect("sh") == errors.EEBADF


@BOTH
async def test_one_command_for_one_socket(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, READS)
    assert command.connect("sh") == errors.EEISCONN
    assert efuns.socket_bind(command.ob, command.fd, "sh") == errors.EEISBOUND
    assert efuns.socket_listen(command.ob, command.fd, "out") == errors.EEMODENOTSUPP
    refused = errors.EEMODENOTSUPP if mode == 40 else errors.EEISCONN
    assert efuns.socket_accept(command.ob, command.fd, "out", "up") == refused
    assert command.write("x\n") == 1
    assert await command.over() == ("exited 0", 0)


@BOTH
async def test_too_many_children(host: FakeHost, mode: int) -> None:
    host.limits = replace(host.limits, children=1)
    first, second = Running(host, mode, READS), Running(host, mode)
    assert second.connect("sh") == errors.EENOSOCKS
    assert await second.over() == ("Too many child processes", errors.EENOSOCKS)
    first.close()
    await none_left(host)
    assert await Running(host, mode, "exit 1").over() == ("exited 1", 1)


@pytest.mark.parametrize("call", ["pipe", "pidfd_open"])
async def test_no_descriptors_left(host: FakeHost, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def fails(*args: Any) -> Any:
        raise OSError(errno.EMFILE, "out of descriptors")

    command = Running(host, 40)
    monkeypatch.setattr(os, call, fails)
    assert command.connect("sh -c exit") == errors.EESOCKET
    monkeypatch.undo()
    assert await command.over() == ("sh: Too many open files", errors.EESOCKET)


async def test_limits_that_cannot_be_set(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> Any:
        raise OSError(errno.EPERM, "it has rights of its own")

    monkeypatch.setattr("resource.prlimit", fails)
    command = Running(host, 40, EXTERNAL_CPU_LIMIT=1)
    assert command.connect("sh") == errors.EESOCKET
    assert await command.over() == ("sh: Operation not permitted", errors.EESOCKET)


async def test_the_master_closes_the_socket_meanwhile(host: FakeHost) -> None:
    command = Running(host, 40, EXTERNAL_WORKING_DIR="/")

    def readable(*args: Any) -> str:
        command.close()
        return str(host.files.root)

    host.files.readable = readable  # type: ignore[method-assign]
    assert command.connect("sh") == errors.EEBADF
    assert "children" not in {type(state).__name__ for state in host._states.values()}


@BOTH
async def test_what_cannot_be_written(host: FakeHost, mode: int) -> None:
    command = Running(host, mode, READS)
    for message in (1, 1.5, [1], host.object()):
        assert command.write(message) == errors.EETYPENOTSUPP
    for mapping in (Mapping(), Mapping(eof=0), Mapping(eof=1, more=1), Mapping(end=1)):
        assert command.write(mapping) == errors.EEBADDATA
    assert command.write("") == command.write(Buffer()) == 1
    assert efuns.socket_write(command.ob, command.fd, "x", "127.0.0.1 1") == errors.EEBADADDR
    command.write("\n")
    await command.over()


async def test_options_are_for_before(host: FakeHost) -> None:
    with pytest.raises(LPCError, match="arguments must be strings"):
        Running(host, 40, EXTERNAL_ARGS=["a", 1])
    for name, value in (("EXTERNAL_TIMEOUT", -1), ("EXTERNAL_STDERR_MODE", "file"), ("EXTERNAL_COMMAND", 0)):
        with pytest.raises(LPCError, match=name):
            Running(host, 40, **{name: value})
    command = Running(host, 40, READS)
    with pytest.raises(LPCError, match="EXTERNAL_TIMEOUT cannot be set in state DATA_XFER"):
        efuns.socket_set_option(command.ob, command.fd, options.EXTERNAL_TIMEOUT, 1)
    efuns.socket_set_option(command.ob, command.fd, options.SO_ENCODING, "binary")
    assert efuns.socket_get_option(command.ob, command.fd, options.EXTERNAL_STDERR_MODE) == "merge"
    with pytest.raises(LPCError, match="Unknown socket option: 145"):
        efuns.socket_set_option(command.ob, command.fd, 145, "root")
    command.close()
    await none_left(host)


# ------------------------------------------------------------------------------------- the driver ends


def test_closing_the_driver_ends_its_children(host: FakeHost) -> None:
    """Also those that ignore SIGTERM, with no loop running."""
    host.state(Children).grace = 0.05

    async def start() -> list[int]:
        polite = Running(host, 40, f"trap 'echo told > note; exit' TERM; echo up; while :; do {READS} done")
        stubborn = Running(host, 41, f"trap '' TERM; echo up; {READS} sleep 1000")
        for command in (polite, stubborn):
            await command.says("up")
        return [polite.pid, stubborn.pid]

    pids = host.loop.run_until_complete(start())
    host.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert (Path(host.files.root) / "note").read_text() == "told\n"
    assert host.seen("ended") == []


def test_closing_before_its_end_is_told(host: FakeHost) -> None:
    async def start() -> int:
        command = Running(host, 40, "exit 0")
        pid = command.pid
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid

    pid = host.loop.run_until_complete(start())
    host.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


# ------------------------------------------------------------------------------------------ the efuns


async def test_external_efuns_and_their_codes(host: FakeHost) -> None:
    command, stranger = Running(host, 40), host.object()
    eventfd = efuns.socket_create(command.ob, 43, "out", "ended")
    ask = (external.external_spawn_process, external.external_kill_process, external.external_process_status)
    for function in ask:
        assert function(command.ob, 99) == errors.EEFDRANGE
        assert function(stranger, command.fd) == errors.EESECURITY
        assert function(command.ob, eventfd) == errors.EEMODENOTSUPP
    assert external.external_process_status(command.ob, command.fd) == 0
    assert external.external_kill_process(command.ob, command.fd) == errors.EENOTCONN
    assert external.external_spawn_process(command.ob, command.fd) == errors.EEBADADDR
    with pytest.raises(LPCError, match="no signal 99"):
        external.external_kill_process(command.ob, command.fd, 99)
    assert command.connect("sh -c exit") == 1
    status = external.external_process_status
    command.ob.extra["ended"] = lambda *args: command.output.append(status(command.ob, command.fd))
    await host.until(lambda: command.output)
    assert command.output == [errors.EEBADF], "as every efun in the third callback"
    for function in ask:
        assert function(command.ob, command.fd) == errors.EEBADF
    efuns.socket_close(command.ob, eventfd)


async def test_signals_reach_the_whole_group(host: FakeHost) -> None:
    command = Running(host, 40, "sleep 1000 & echo $!; wait")
    await command.says("\n")
    assert external.external_kill_process(command.ob, command.fd, signal.SIGUSR1) == 1
    assert await command.over() == ("killed by signal 10", 138)
    await gone(int(command.text))


# ------------------------------------------------------------------------------------- external_start


class Old:
    """An object that uses external_start()."""

    def __init__(self, host: FakeHost, command: int | str, arguments: str | list[Any]) -> None:
        self.host = host
        self.text = ""
        self.ends: list[tuple[int, ...]] = []
        self.starts = 0
        host.external.setdefault("sh", ("/bin/sh",))
        self.ob = host.object(hear=self._hear, ready=self._ready, done=lambda *args: self.ends.append(args))
        self.fd = external.external_start(self.ob, command, arguments, "hear", "ready", "done")

    def _hear(self, fd: int, text: str) -> None:
        self.text += text

    def _ready(self, fd: int) -> None:
        self.starts += 1


async def test_external_start(host: FakeHost) -> None:
    old = Old(host, 1, ["-c", "read -r line; echo \"<$line>\"; echo err >&2; exit 3"])
    assert old.fd >= 0
    assert efuns.socket_status(old.ob, old.fd)[1:5] == ["DATA_XFER", "STREAM", "sh", "sh"]
    assert efuns.socket_write(old.ob, old.fd, "abc\n") == 1
    assert old.text == ""
    await host.until(lambda: old.ends)
    assert (old.text, old.ends, old.starts) == ("<abc>\nerr\n", [(old.fd,)], 1)
    assert efuns.socket_write(old.ob, old.fd, "x") == errors.EEBADF


async def test_external_start_splits_a_string_at_spaces(host: FakeHost) -> None:
    host.external["echo"] = ("/bin/echo",)
    old = Old(host, "echo", "a  'b c' $HOME ")
    await host.until(lambda: old.ends)
    assert old.text == "a  'b c' $HOME\n"


async def test_external_start_refuses(host: FakeHost) -> None:
    for command in (0, 2, 5, -1, "wizard"):
        with pytest.raises(BadArgument, match=r"Bad argument 1 to external_start\(\)"):
            Old(host, command, "x")
    with pytest.raises(BadArgument, match=r"Bad argument list item 1 to external_start\(\)"):
        Old(host, 1, ["a", 2])
    assert Old(host, 1, "a\0b").fd == errors.EEBADDATA
    host.external["lost"] = ("/no/such/program",)
    assert Old(host, "lost", "x").fd == errors.EESOCKET
    assert host.logged == ["external_start: lost: No such file or directory"]
    host.valid_socket = lambda who, verb, info: verb != "external"
    assert Old(host, 1, "-c exit").fd == errors.EESECURITY
    assert host.questions[-1][1] == "external" and host.questions[-1][2][2:] == ["N/A", -1, 1, "sh -c exit"]
    host.valid_socket = lambda *args: 1
    host.limits = replace(host.limits, sockets=0)
    assert Old(host, 1, "-c exit").fd == errors.EENOSOCKS


async def test_external_start_is_a_mainline_stream(host: FakeHost) -> None:
    old = Old(host, 1, ["-c", READS])
    assert efuns.socket_write(old.ob, old.fd, EOF) == errors.EETYPENOTSUPP
    assert efuns.socket_connect(old.ob, old.fd, "127.0.0.1 1", "hear", "ready") == errors.EEISCONN
    assert efuns.socket_accept(old.ob, old.fd, "hear", "ready") == errors.EENOTLISTN
    assert efuns.socket_bind(old.ob, old.fd, 0) == errors.EEISBOUND
    with pytest.raises(BadArgument):
        efuns.socket_bind(old.ob, old.fd, "sh")
    assert efuns.socket_write(old.ob, old.fd, "x" * MEGABYTE) == errors.EECALLBACK
    assert efuns.socket_write(old.ob, old.fd, "x") == errors.EEALREADY
    host.destruct(old.ob)
    await none_left(host)
    assert old.ends == []


async def test_socket_close_leaves_an_old_command_alone(host: FakeHost) -> None:
    gate = Path(host.files.root) / "gate"
    os.mkfifo(gate)
    old = Old(host, 1, ["-c", "read line < gate; wc -c > count"])
    assert efuns.socket_write(old.ob, old.fd, "x" * MEGABYTE) == errors.EECALLBACK
    assert efuns.socket_close(old.ob, old.fd) == 1
    assert efuns.socket_status(old.ob, old.fd)[1] == "CLOSING"
    assert host.reasons
    gate.write_text("\n")  # from here on it reads
    await none_left(host)
    assert (Path(host.files.root) / "count").read_text().strip() == str(MEGABYTE)
    assert not host.reasons
    assert old.ends == []


async def test_an_old_command_that_closes_its_end(host: FakeHost) -> None:
    old = Old(host, 1, ["-c", "echo $$; exec <&- >&- 2>&-; exec sleep 1000"])
    await host.until(lambda: old.ends)
    pid = int(old.text)
    assert len(host.state(Children)) == 1
    assert host.reasons, "the driver stays for it"
    os.kill(pid, signal.SIGTERM)
    await none_left(host)
    assert not host.reasons


async def test_writing_to_an_old_command_that_has_ended(host: FakeHost) -> None:
    """Modes 0 to 6 report a fatal write before it returns."""
    old = Old(host, 1, ["-c", "exit 6"])
    (child,) = host.state(Children)._living
    os.waitid(os.P_PID, child._process.pid, os.WEXITED | os.WNOWAIT)
    assert efuns.socket_write(old.ob, old.fd, "x") == errors.EESEND
    assert old.ends == [(old.fd,)]
    await none_left(host)
    await host.turn()
    assert old.ends == [(old.fd,)]


async def test_external_start_without_descriptors(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Any:
        raise OSError(errno.EMFILE, "out of descriptors")

    monkeypatch.setattr("socket.socketpair", fails)
    assert Old(host, 1, "-c exit").fd == errors.EESOCKET


async def test_the_master_destructs_who_starts(host: FakeHost) -> None:
    def destruct(who: LPCObject, verb: str, info: list[Any]) -> int:
        host.destruct(who)
        return 1

    host.valid_socket = destruct
    assert Old(host, 1, "-c exit").fd == errors.EESECURITY
    assert len(host.state(Children)) == 0


async def test_an_old_command_gone_while_written_to(host: FakeHost) -> None:
    old = Old(host, 1, ["-c", READS + "exec <&- >&- 2>&-; exec sleep 1000"])
    assert efuns.socket_write(old.ob, old.fd, "\n" + "x" * MEGABYTE) == errors.EECALLBACK
    await host.until(lambda: old.ends)
    assert old.ends == [(old.fd,)]


def test_closing_the_driver_ends_old_commands(host: FakeHost) -> None:
    async def start() -> int:
        old = Old(host, 1, ["-c", "echo $$; exec sleep 1000"])
        await host.until(lambda: old.text)
        efuns.socket_close(old.ob, old.fd)
        return int(old.text)

    pid = host.loop.run_until_complete(start())
    host.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
