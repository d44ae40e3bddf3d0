"""The tables of modes, options and codes, and what is generated from them."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest

from efuns.sockets import errors, headers, modes, options
from efuns.sockets.base import Socket
from efuns.sockets.efuns import socket_error
from lpc.efun import efuns_of
from lpc.tools import generate


def test_every_number_given_away_has_a_row() -> None:
    numbers = [mode.number for mode in modes.ROWS]
    assert numbers == [*range(10), *range(20, 28), *range(30, 39), *range(40, 45)]
    assert len({name for mode in modes.ROWS for name in mode.names}) == sum(len(mode.names) for mode in modes.ROWS)


@pytest.mark.parametrize("mode", modes.ROWS, ids=lambda mode: mode.name)
def test_built_modes_load(mode: modes.Mode) -> None:
    assert mode.obstacle() is None
    made = mode.load()
    assert issubclass(made, Socket)
    assert made.gives_reason == (mode.number > 6)
    assert made.defers_errors == (mode.number >= 40)
    assert "__dict__" not in dir(made), "ten thousand of them: slots only"
    assert set(mode.options) <= set(options.BY_NUMBER)


def test_option_rows() -> None:
    assert len(options.BY_NUMBER) == len(options.ROWS)
    for option in options.ROWS:
        assert options.has_type(option, option.default) or option.default == 0
        assert option.summary.endswith((".", "\"\" if none."))


def test_error_rows_are_dense() -> None:
    assert [row.number for row in errors.ROWS] == list(range(-1, -33, -1))
    for row in errors.ROWS:
        assert getattr(errors, row.name) == row.number
        assert socket_error(row.number) == row.text


@pytest.mark.parametrize(("number", "code"), [(errno.EACCES, errors.EESECURITY), (errno.EADDRINUSE, errors.EEADDRINUSE),
                                              (errno.EMFILE, errors.EENOSOCKS), (errno.EIO, errors.EEBIND)])
def test_operating_system_errors(number: int, code: int) -> None:
    assert errors.code_for(OSError(number, "x"), otherwise=errors.EEBIND) == code
    assert errors.code_for(OSError("no number"), otherwise=errors.EEBIND) == errors.EEBIND


def test_predefined_macros() -> None:
    macros = modes.predefined_macros([modes.Mode(90, "MINE", "OURS", "x", factory="tests:none")])
    assert macros["EXTERNAL_INOTIFY"] == macros["SOCKET_EXTERNAL_INOTIFY"] == "44"
    assert macros["WEBSOCKET_TLS_SERVER"] == macros["SOCKET_WEBSOCKET_TLS_SERVER"] == "32"
    assert macros["__PACKAGE_SOCKETS__"] == macros["__PACKAGE_EXTERNAL__"] == macros["__PACKAGE_OURS__"] == "1"
    assert all(macros[f"__PACKAGE_{mode.package}__"] == "1" for mode in modes.ROWS)
    assert macros["MINE"] == "90"


def test_headers_say_what_the_tables_say() -> None:
    texts = headers.generate()
    found = {name: int(value) for text in texts.values()
             for name, value in re.findall(r"^#define (\w+) (-?\d+)", text, re.MULTILINE)}
    assert found["EXTERNAL_EVENTFD"] == 43 and found["SOCKET_MUD"] == 0
    assert found["EESUCCESS"] == 1 and found["EEBADDATA"] == -32 and found["ERROR_STRINGS"] == 33
    assert found["SO_TLS_VERIFY_PEER"] == 1 and found["INOTIFY_RECURSIVE"] == 1015
    assert {f"include/{name}.h" for name in ("socket", "socket_modes", "socket_err", "socket_options")} < set(texts)


def test_the_page_lists_what_the_tables_hold() -> None:
    page = headers.generate()["docs/reference/sockets.md"]
    assert "| 43 | `EXTERNAL_EVENTFD` |" in page and "| -7 | `EESECURITY` | Security violation attempted |" in page
    (row,) = re.findall(r"^\| 42 \| `SO_.*", page, re.MULTILINE)
    assert row.startswith('| 42 | `SO_COMPRESSION` | string: `"zstd"`, `"zlib"` | `"zstd"` | 7-9 |')
    assert all(f"| {option.number} | `{option.name}` |" in page for option in options.ROWS)


def test_generated_files_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(True, [headers.generate]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_generator_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def texts() -> dict[str, str]:
        return {"a/b.h": "text\n"}

    assert generate.main(True, [texts], tmp_path) == 1
    assert "a/b.h is not up to date" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    assert generate.main(False, [texts], tmp_path) == 0
    assert capsys.readouterr().out == "wrote a/b.h\n"
    assert generate.main(True, [texts], tmp_path) == 0
    assert generate.main(False, [texts], tmp_path) == 0
    assert capsys.readouterr() == ("", "")
    (tmp_path / "a" / "b.h").write_text("stale")
    assert generate.main(True, [texts], tmp_path) == 1


def test_every_efun_has_a_page_with_an_example() -> None:
    from efuns.sockets import efuns

    found = efuns_of(efuns)
    assert len(found) == 16
    for name, efun in found.items():
        assert re.search(r"^    \S", efun.doc, re.MULTILINE), f"{name} has no example"


@pytest.mark.parametrize(("row", "value", "says"), [
    ({"minimum": 1}, 0, "at least 1"), ({"maximum": 5}, 6, "at most 5"),
    ({"minimum": 1, "maximum": 2}, 3, "only 1 to 2"),
    ({"maximum": 2}, "abc", "at most 2 characters"), ({"choices": ("a", "b")}, "c", 'accepted are "a", "b"'),
    ({"choices": ("a",)}, "a", None), ({"minimum": 1}, 1, None), ({}, [1], None),
])
def test_option_complaints(row: dict[str, object], value: object, says: str | None) -> None:
    option = options.Option(999, "X", "mixed", "x", **row)  # type: ignore[arg-type]
    complaint = options.complaint(option, value)
    assert complaint == says if says is None else says in (complaint or "")
    assert options.has_type(option, value)
