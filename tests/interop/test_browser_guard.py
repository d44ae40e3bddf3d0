"""No browser outlives the tests, whatever becomes of them: tried with a shell in the browser's place."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.interop.browser import GUARD, PATIENCE


@pytest.mark.parametrize(("program", "ends"), [("sleep 600 & echo started; wait", False),
                                               ("sleep 600 & echo started", True)])
def test_the_whole_group_ends(program: str, ends: bool) -> None:
    with subprocess.Popen(["sh", "-c", GUARD, "guard", "sh", "-c", program], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, start_new_session=True) as guarded:
        assert guarded.stdin is not None and guarded.stdout is not None
        assert guarded.stdout.readline() == b"started\n"
        if not ends:
            guarded.stdin.close()  # as the kernel does when the tests are killed
        assert guarded.stdout.read() == b""  # nobody is left who could write
        assert guarded.wait(PATIENCE) == -signal.SIGKILL
