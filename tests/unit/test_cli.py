from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lpc import __version__
from lpc.cli import HELP, main

PROJECT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands run in an empty folder, with a cache of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / ".state"))
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def command(*words: str, **options: Any) -> subprocess.Popen[str]:
    """The command as a process of its own."""
    environment = dict(os.environ, PYTHONPATH=str(PROJECT))
    return subprocess.Popen([sys.executable, "-m", "lpc", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=environment, **options)


# ---------------------------------------------------------------------- running


def test_statements_then_main(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'write("one ");\nint main(string *argv) { write(implode(argv, ",") + "\\n"); return 3; }\n')
    assert main(["a.c", "x", "--allow-net", "-h"]) == 3
    assert capfd.readouterr().out == "one a.c,x,--allow-net,-h\n"


def test_a_program_without_main_ends_with_0(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'write("hello\\n");')
    assert main(["a.c"]) == 0
    assert capfd.readouterr() == ("hello\n", "")


def test_a_shebang_and_a_name_without_extension(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "tool", '#!/usr/bin/env pylpc\nwrite(__FILE__ + "\\n");')
    assert main(["tool"]) == 0
    assert capfd.readouterr().out == "/script/tool\n"


def test_a_file_anywhere_with_its_header_beside_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "deep" / "a.c", '#include "x.h"\nwrite(X);')
    write(folder / "deep" / "x.h", '#define X "from x.h\\n"')
    assert main(["deep/a.c"]) == 0
    assert capfd.readouterr().out == "from x.h\n"


def test_code_on_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["-e", 'write("x\\n")']) == 0
    assert main(["-e", 'int main(string *argv) { write(argv[1] + "\\n"); return 4; }', "arg"]) == 4
    assert capfd.readouterr().out == "x\narg\n"


def test_code_on_standard_input(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'write("piped\\n");')))
    assert main(["-"]) == 0
    assert capfd.readouterr().out == "piped\n"


def test_the_process_lives_while_a_call_out_is_pending(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", """
        void tick(int n) { write(n + " "); if (n < 3) call_out("tick", 0, n + 1); }
        call_out("tick", 0, 1);
        write("start ");
    """)
    for loop in ("asyncio", "uvloop"):
        assert main(["--loop", loop, "a.c"]) == 0
        assert capfd.readouterr().out == "start 1 2 3 "


def test_shutdown_gives_the_exit_status(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'call_out((: shutdown, 5 :), 0); call_out((: write, "never" :), 1000);')
    assert main(["a.c"]) == 5
    write(folder / "b.c", 'shutdown(6); write("never");')
    assert main(["b.c"]) == 6
    assert capfd.readouterr() == ("", "")


# ---------------------------------------------------------------------- errors


def test_a_run_time_error_is_1_and_shows_the_path_as_typed(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "sub" / "a.c", "int f(int n) {\n    return 1 / n;\n}\nint main(string *argv) { return f(0); }\n")
    assert main(["./sub/a.c"]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.split("\n") == [
        "./sub/a.c:2:12: error: Division by zero",
        "    2 |     return 1 / n;",
        "      |            ^~~~~",
        "  in f(n: 0) of /script/a at ./sub/a.c:2",
        '  in main(argv: ({ "./sub/a.c" })) of /script/a at ./sub/a.c:4',
        "",
    ]


def test_trace_shows_local_variables(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'void f() { string word = "secret"; error(word + "!"); }\nf();\n')
    assert main(["--trace", "a.c"]) == 1
    assert 'word = "secret"' in capfd.readouterr().err


def test_a_compile_error_is_2(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", "int f() { return 1 }\n")
    assert main(["a.c"]) == 2
    err = capfd.readouterr().err
    assert err.startswith("a.c:1:") and "error[LPC2" in err
    assert "Traceback" not in err


def test_an_error_in_something_loaded_later_is_1(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'load_object("/script/b");')
    write(folder / "b.c", "int f( {")
    assert main(["a.c"]) == 1
    assert "b.c:1:" in capfd.readouterr().err


def test_an_error_in_a_call_out_does_not_stop_the_rest(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'void bad() { error("oops"); }\ncall_out("bad", 0);\ncall_out((: write, "later" :), 0);\n')
    assert main(["a.c"]) == 1
    out, err = capfd.readouterr()
    assert out == "later"
    assert err.startswith("a.c:1:14: error: oops")


def test_warnings_do_not_stop_a_program(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", 'void f() { int unused; }\nwrite("ran");')
    assert main(["a.c"]) == 0
    out, err = capfd.readouterr()
    assert out == "ran" and "warning" in err


@pytest.mark.parametrize("words, complaint", [
    ([], "nothing to run"),
    (["--frobnicate", "a.c"], "unknown option '--frobnicate'"),
    (["--limit"], "--limit needs a value"),
    (["--limit", "x", "a.c"], "NAME=VALUE"),
    (["--limit", "evaluation_tme=1", "-e", ""], "did you mean 'evaluation_time'"),
    (["--loop", "trio", "a.c"], "'uvloop' or 'asyncio'"),
    (["--allow-nett", "-e", ""], "unknown permission"),
    (["-e"], "-e needs"),
    (["missing.c"], "missing.c: no such file"),
    (["."], ".: is a directory"),
    (["check"], "check needs files"),
    (["driver"], "driver needs a configuration"),
    (["driver", "missing.conf"], "missing.conf: No such file"),
    (["gen", "--frob"], "gen knows only --check"),
    (["--mudlib", "nowhere", "-e", "1;"], "mudlib 'nowhere' is not a directory"),
    (["--config", "none.toml", "-e", "1;"], "none.toml: No such file"),
])
def test_usage_errors_are_2_and_one_line(words: list[str], complaint: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("pylpc: ") and complaint in err and err.count("\n") == 1


def test_help_and_version(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["-h"]) == 0
    assert main(["--version"]) == 0
    assert capfd.readouterr().out == HELP + HELP + f"pylpc {__version__}\n"
    assert "Examples:" in HELP


# ---------------------------------------------------------------------- which mudlib, what may be done


def test_the_mudlib_is_told_configured_or_found(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("told", "configured", "lib"):
        write(folder / name / "secure" / "master.c", "")
        write(folder / name / "who.c", f'string q() {{ return "{name} "; }}')
    ask = ["-e", 'write("/who"->q())']
    assert main(ask) == 0
    write(folder / "pylpc.toml", 'mudlib = "configured"')
    assert main(ask) == 0
    assert main(["--mudlib", "told", *ask]) == 0
    assert capfd.readouterr().out == "lib configured told "


def test_a_program_of_the_mudlib_has_its_place_in_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "lib" / "secure" / "master.c", "")
    write(folder / "lib" / "cmds" / "a.c", 'write(__FILE__ + " " + file_name(this_object()) + "\\n");')
    assert main(["lib/cmds/a.c"]) == 0
    assert capfd.readouterr().out == "/cmds/a.c /cmds/a\n"


def test_reading_outside_needs_a_flag_which_the_message_names(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = write(folder / "data" / "x", "content")
    code = ["-e", f'write(read_file("{data}") || "nothing")']
    assert main(code) == 0
    assert main([f"--allow-read={data.parent}", *code]) == 0
    assert main([f"--allow-read={data.parent}", "--deny-read", *code]) == 0
    out, err = capfd.readouterr()
    assert out == "nothing" + "content" + "nothing"
    assert err == f"pylpc: note: reading {data} is not allowed; run again with --allow-read={data}\n"


def test_a_refusal_is_told_once_with_the_flag_that_lifts_it(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "lib" / "secure" / "master.c", "")
    code = ["-e", 'foreach (int i in ({ 1, 2 })) catch(write_file("/secure/x", "y"));']
    assert main(code) == 0
    wanted = f"--allow-write={folder}/lib/secure/x"
    note = f"pylpc: note: writing {folder}/lib/secure/x is not allowed; run again with {wanted}\n"
    assert capfd.readouterr() == ("", note)
    assert main([wanted, *code]) == 0
    assert capfd.readouterr() == ("", "")
    assert (folder / "lib" / "secure" / "x").read_text() == "yy"


def test_limits_from_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--limit", "array_size=3", "-e", "allocate(4)"]) == 1
    assert "Illegal array size" in capfd.readouterr().err


def test_an_endless_program_is_ended(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--limit=evaluation_time=0.05", "-e", "while (1) ;"]) == 1
    assert "Too long evaluation" in capfd.readouterr().err


# ---------------------------------------------------------------------- check, driver, gen


def test_check_compiles_and_runs_nothing(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "good.c", 'inherit "/script/parent"; write("ran"); int g() { return f(); }')
    write(folder / "parent.c", 'int f() { return 1; } void create() { write("created"); }')
    write(folder / "bad.c", "int f() { return nope; }\n")
    assert main(["check", "good.c"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["check", "good.c", "bad.c"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("bad.c:1:18: error")


def test_check_knows_the_simul_efuns(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "lib" / "secure" / "master.c", 'void create() { write("booted"); }')
    write(folder / "lib" / "secure" / "simul_efun.c",
          'int twice(int n) { return 2 * n; } void create() { write("booted"); }')
    write(folder / "a.c", "#pragma strict_types\nint f() { return twice(2); }")
    assert main(["check", "a.c"]) == 0
    assert capfd.readouterr() == ("", "")


def test_driver_boots_a_fluffos_mudlib(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "mud" / "single" / "master.c", """
        void create() { hello("master"); }
        string *epilog(int x) { return ({ "/one" }); }
        void preload(string file) { load_object(file); }
        void flag(string text) { hello("flag " + text); if (text == "end") shutdown(9); }
    """)
    write(folder / "mud" / "single" / "simul_efun.c", 'void hello(string s) { write(s + "\\n"); }')
    write(folder / "mud" / "one.c", 'void create() { hello("one"); }')
    write(folder / "config.mud", """
        name : Test
        mudlib directory : mud
        master file : /single/master
        simulated efun file : /single/simul_efun
        port number : 4000
    """)
    assert main(["driver", "config.mud", "-ftest", "-fend"]) == 9
    out, err = capfd.readouterr()
    assert out == "master\none\nflag test\nflag end\n"
    assert "player ports are not in this version" in err


def test_generated_files_are_up_to_date() -> None:
    assert main(["gen", "--check"]) == 0


# ---------------------------------------------------------------------- processes


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    write(folder / "a.c", 'for (int i = 0; i < 200000; i++) write("line\\n");')
    with command("a.c") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 141


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_signal_ends_a_waiting_program_well(folder: Path, number: int, loop: str) -> None:
    write(folder / "a.c", 'call_out((: write, "never" :), 1000);\ncall_out((: write, "waiting\\n" :), 0);')
    process = command("--loop", loop, "a.c")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cuts_an_evaluation_short(folder: Path, number: int) -> None:
    write(folder / "a.c", 'write("busy\\n"); while (1) ;')
    process = command("--limit", "evaluation_time=60", "a.c")
    assert process.stdout is not None
    assert process.stdout.readline() == "busy\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (128 + number, "")
    assert "Traceback" not in err


def test_output_is_flushed_at_once(folder: Path) -> None:
    write(folder / "a.c", 'write("first\\n"); call_out((: write, "second\\n" :), 1000);')
    process = command("a.c")
    assert process.stdout is not None
    assert process.stdout.readline() == "first\n"
    process.terminate()
    process.communicate(timeout=30)


def test_start_up_leaves_the_heavy_things_alone(folder: Path) -> None:
    write(folder / "a.c", 'write("hello\\n");')
    assert main(["a.c"]) == 0  # the compiled programs are in the cache now
    code = ("import sys; from lpc.cli import main; main(['a.c']); "
            "print(sorted(m for m in ('asyncio', 'lark', 'argparse', 'aiohttp', 'uvloop', 'websockets', 'pyroute2',"
            " 'lpc.syntax.parser', 'lpc.codegen.program', 'hypothesis') if m in sys.modules))")
    shown = subprocess.run([sys.executable, "-c", code], env=dict(os.environ, PYTHONPATH=str(PROJECT)),
                           capture_output=True, text=True, check=True)
    assert shown.stdout == "hello\n[]\n"


def test_bytes_that_are_no_utf8_never_show_python(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (folder / "a.c").write_bytes(b'write("caf\xe9\n");')
    assert main(["a.c"]) in (0, 2)
    assert "Traceback" not in capfd.readouterr().err


def test_long_expressions_compile(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder / "a.c", "int one() { return 1; }\nwrite(one()" + " + one()" * 400 + ");")
    assert main(["--no-cache", "a.c"]) == 0
    assert capfd.readouterr().out == "401"
