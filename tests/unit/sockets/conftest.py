"""Fixtures of the socket tests: every coroutine test runs on asyncio's loop and on uvloop's."""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.unit.sockets.fake_host import FakeHost


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    """A fresh event loop; what a test leaves open in it, or fails in a callback of it, is the test's failure."""
    made = uvloop.new_event_loop() if request.param == "uvloop" else asyncio.new_event_loop()
    failures: list[BaseException] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), BaseException):
            failures.append(error)
        loop.default_exception_handler(context)

    made.set_exception_handler(note)
    yield made
    made.close()
    assert failures == []


def descriptors_since(before: set[str]) -> set[str]:
    """The descriptors that are open now and were not before."""
    return {fd for fd in set(os.listdir("/proc/self/fd")) - before if os.path.exists(f"/proc/self/fd/{fd}")}


@pytest.fixture
def host(loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[FakeHost]:
    """A driver whose mudlib root is an empty folder; afterwards no descriptor may be left."""
    loop.run_until_complete(asyncio.sleep(0))  # loops open descriptors of their own on first use
    before = set(os.listdir("/proc/self/fd"))
    made = FakeHost(loop, tmp_path)
    yield made
    made.close()
    patience = time.monotonic() + 5
    while descriptors_since(before) and time.monotonic() < patience:  # a name that nobody waits for is still looked up
        loop.run_until_complete(asyncio.sleep(0.01))
    assert descriptors_since(before) == set()
    assert made.reasons == set()
    assert made.errors == []


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Any:
    """Run coroutine tests on the `loop` fixture."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    loop = pyfuncitem.funcargs["loop"]
    loop.run_until_complete(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True
