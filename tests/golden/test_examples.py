"""Runs every example with the real command on a copy of the mudlib."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from running import PROJECT, Running, run

EXAMPLES = PROJECT / "examples"
GOLDEN = Path(__file__).parent
ENDING = sorted(path.stem for path in GOLDEN.glob("*.out"))
SERVING = ("config_watcher", "log_monitor", "process_coordination")
IDLE = ("core_sockets", "http_rest", "websocket_mqtt")
TALKING = (
    "fifo_reader", "pipe_command",  # test_external_examples.py
    "chat_server", "mud_mode_client", "mud_mode_server", "tls_echo",  # test_socket_examples.py
    "udp_log_receiver",  # test_datagram_examples.py
    "http_hello", "http_static", "sse", "webhook", "upload",  # test_http_examples.py
    "rss_reader",  # test_http_client_examples.py
    "websocket_chat", "websocket_file", "websocket_ticker",  # test_websocket_examples.py
    "rest_api", "rest_client",  # test_rest_examples.py
    "coap_sensor",  # test_coap_examples.py
    "mqtt_chat", "mqtt_dashboard", "mqtt_discovery",  # interop/test_mqtt_examples.py
    "bus_chat",  # interop/test_workers.py
)


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.c")} == {*ENDING, *SERVING, *TALKING}
    assert {path.stem for path in (EXAMPLES / "proposal").glob("*.c")} == {*IDLE, "external_process"}


@pytest.mark.parametrize("name", ENDING)
def test_output(name: str, mudlib_copy: Path) -> None:
    done = run("--mudlib", mudlib_copy, EXAMPLES / f"{name}.c")

    assert (done.stdout, done.stderr, done.returncode) == ((GOLDEN / f"{name}.out").read_text(encoding="utf-8"), "", 0)


def test_arguments_and_exit_status(mudlib_copy: Path) -> None:
    given = run("--mudlib", mudlib_copy, EXAMPLES / "fib.c", "1", "7")
    refused = run("--mudlib", mudlib_copy, EXAMPLES / "fib.c", "3", "x")

    assert (given.stdout, given.returncode) == ("fib(1) = 1\nfib(7) = 13\n", 0)
    assert (refused.stdout, refused.returncode) == ("fib(3) = 2\nx: not a number\n", 2)


@pytest.mark.parametrize("name", IDLE)
def test_idle_sockets_end_at_once(name: str, mudlib_copy: Path) -> None:
    done = run("--mudlib", mudlib_copy, EXAMPLES / "proposal" / f"{name}.c")

    assert (done.stdout, done.returncode) == ("", 0), done.stderr


def test_external_process(mudlib_copy: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "mud_fifo"
    example = EXAMPLES / "proposal" / "external_process.c"
    with Running("--mudlib", mudlib_copy, example, TMPDIR=str(tmp_path)) as program:
        program.until(fifo.is_fifo)
        # Its reader holds the FIFO open, so this neither blocks nor fails.
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
        status, rest, errors = program.stop()

    assert (status, rest) == (0, []), errors
    assert not fifo.exists()


def test_configuration_is_watched(mudlib_copy: Path) -> None:
    folder = mudlib_copy / "secure" / "cfg"
    main, external = folder / "quantumscape.cfg", folder / "external_commands.cfg"
    with Running("--mudlib", mudlib_copy, EXAMPLES / "config_watcher.c") as program:
        assert program.line() == "[system] Configuration file monitoring started"

        with main.open("a", encoding="utf-8") as file:
            file.write("more = 1\n")
        assert program.line() == "[system] Main config file changed, scheduling reload"

        # How editors save: a new file takes the name of the old one.
        replacement = folder / "quantumscape.cfg.new"
        replacement.write_text(main.read_text(encoding="utf-8"), encoding="utf-8")
        replacement.replace(main)
        assert program.line() == "[system] Main config file changed, scheduling reload"

        (folder / "unrelated.cfg").write_text("x = 1\n", encoding="utf-8")
        with external.open("a", encoding="utf-8") as file:
            file.write("third = allow\n")
        assert program.line() == "[system] External commands config changed"
        assert program.line() == "[system] External commands: 3 listed"

        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")
    logged = (mudlib_copy / "log" / "system").read_text(encoding="utf-8")
    assert logged.count("scheduling reload") == 2


def test_configuration_is_reloaded_after_the_delay(mudlib_copy: Path) -> None:
    """The example's own delay is five seconds; its target is called here without it."""
    text = (EXAMPLES / "config_watcher.c").read_text(encoding="utf-8")
    script = mudlib_copy.parent / "reload_only.c"
    text = text.replace("    setup_config_watcher();\n    return 0;", "    reload_main_config();\n    return 0;")
    script.write_text(text, encoding="utf-8")

    done = run("--mudlib", mudlib_copy, script)

    assert (done.stdout, done.returncode) == ("[system] Main config reloaded: 3 settings\n", 0), done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_processes_coordinate(mudlib_copy: Path, number: int) -> None:
    with Running("--mudlib", mudlib_copy, EXAMPLES / "process_coordination.c") as program:
        lines = [program.line() for _ in range(4)]
        status, rest, errors = program.stop(number)

    assert lines == [
        "[system] Process coordination initialized",
        "[system] Maintenance mode signal sent to all processes",
        "[system] Received maintenance mode signal, preparing for shutdown",
        "[broadcast] Server entering maintenance mode in 5 minutes",
    ]
    assert (status, rest, errors) == (0, [], "")


def test_logs_are_monitored(mudlib_copy: Path) -> None:
    log = mudlib_copy / "log"
    runtime, security = log / "runtime", log / "security"
    runtime.write_text("started\n", encoding="utf-8")
    security.write_text("admin logged in\n", encoding="utf-8")
    with Running("--mudlib", mudlib_copy, EXAMPLES / "log_monitor.c") as program:
        assert program.line() == "[system] Log file monitoring started"

        with runtime.open("a", encoding="utf-8") as file:
            file.write("FATAL: out of order\n")
        assert program.line() == "[alert] Critical error detected in runtime log"
        assert program.line() == "[system] Runtime log saved to /save/runtime.backup"

        with security.open("a", encoding="utf-8") as file:
            file.write("login of guest failed\n")
        assert program.line() == "[system] Security log: 1 suspicious of the latest 2 lines"

        (log / "crash_1").write_text("", encoding="utf-8")
        assert program.line() == "[alert] Crash dump created: crash_1"

        status, rest, errors = program.stop()

    assert (status, rest, errors) == (0, [], "")
    assert (mudlib_copy / "save" / "runtime.backup").read_text(encoding="utf-8") == "started\nFATAL: out of order\n"


@pytest.mark.parametrize("name", [*IDLE, "external_process"])
def test_every_socket_is_made(name: str, mudlib_copy: Path, tmp_path: Path) -> None:
    """A descriptor for each mode that is in this version, EEMODENOTSUPP for the others."""
    text = (EXAMPLES / "proposal" / f"{name}.c").read_text(encoding="utf-8")
    sockets = re.findall(r"int (\w+) = socket_create\((\w+)", text)
    script = tmp_path / "all.c"
    reports = "".join(f'write({variable} + (socket_mode_available({mode}) ? " made\\n" : " absent\\n"));\n'
                      for variable, mode in sockets)
    script.write_text(f"{text}\n{reports}shutdown(0);\n", encoding="utf-8")

    done = run("--mudlib", mudlib_copy, script, TMPDIR=str(tmp_path))

    assert done.returncode == 0, done.stderr
    answers = [line.split() for line in done.stdout.splitlines()]
    made = [int(fd) for fd, state in answers if state == "made"]
    absent = {int(code) for code, state in answers if state == "absent"}
    assert len(answers) == len(sockets) and made == list(range(len(made))) and absent <= {-12}
