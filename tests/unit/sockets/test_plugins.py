"""Modes 90 to 99 come from other packages: tests/plugins is one, as pip would install it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from running import PROJECT, run

from efuns.sockets import efuns, errors
from tests.unit.sockets.fake_host import FakeHost

PLUGINS = PROJECT / "tests" / "plugins"
SCRIPT = """
void heard(int fd, string text) {
    write(text + "\\n");
    socket_write(fd, "fail");
}

void ended(int fd, string reason, int code) {
    write(sprintf("%s %d %s\\n", reason, code, socket_status(fd)[2]));
}

int main(string *argv) {
    int mode = socket_modes()["SHOUT"];
    int fd = socket_create(90, "heard", "ended");

    write(sprintf("%d %d\\n", mode, socket_mode_available(90)));
    return socket_write(fd, "hello from " + argv[1]) != 1;
}
"""


async def test_a_registered_mode_works(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PLUGINS)
    ob = host.object(heard=lambda fd, text: 0, ended=lambda fd, reason, code: 0)
    assert efuns.socket_modes(ob)["SHOUT"] == 90
    assert efuns.socket_mode_available(ob, 90) == 1
    fd = efuns.socket_create(ob, 90, "heard", "ended")
    assert efuns.socket_status(ob, fd)[1:3] == ["DATA_XFER", "SHOUT"]
    assert efuns.socket_write(ob, fd, "hello") == 1
    assert efuns.socket_write(ob, fd, 1) == errors.EETYPENOTSUPP
    await host.until(lambda: host.seen("heard"))
    assert host.seen("heard") == [(fd, "HELLO")]
    assert efuns.socket_write(ob, fd, "fail") == 1
    await host.until(lambda: host.seen("ended"))
    assert host.seen("ended") == [(fd, "You asked for it", errors.EESEND)]


async def test_without_the_package_there_is_no_such_mode(host: FakeHost) -> None:
    ob = host.object()
    assert "SHOUT" not in efuns.socket_modes(ob)
    assert efuns.socket_create(ob, 90, "heard", "ended") == errors.EEMODENOTSUPP


@pytest.mark.parametrize("loop_name", ["asyncio", "uvloop"])
def test_from_lpc(tmp_path: Path, mudlib_copy: Path, loop_name: str) -> None:
    script = tmp_path / "shout.c"
    script.write_text(SCRIPT, encoding="utf-8")

    done = run("--loop", loop_name, "--mudlib", mudlib_copy, script, "LPC",
               PYTHONPATH=f"{PROJECT}{os.pathsep}{PLUGINS}")

    assert (done.stdout, done.stderr, done.returncode) == ("90 1\nHELLO FROM LPC\nYou asked for it -28 SHOUT\n", "", 0)
