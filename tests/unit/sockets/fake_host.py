"""A driver small enough to read, for the tests of sockets: real descriptors, a real loop, LPC in Python.

An object's "LPC functions" are Python functions in `functions`; every callback is also recorded, so a test
waits for what it wants to see instead of sleeping.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.values import UNDEFINED

PATIENCE = 10.0  # seconds before a test gives up waiting; never waited for in a test that passes


class Called(NamedTuple):
    """A callback that ran."""

    ob: LPCObject
    function: str
    args: tuple[Any, ...]


class RefusedError(PermissionError):
    """The fake's FileRefused."""


class FakeClock:
    def time(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class FakePermissions:
    """Everything is allowed until a test sets `refusal`; `asked` is what was wanted."""

    def __init__(self) -> None:
        self.refusal = ""
        self.asked: list[tuple[Any, ...]] = []
        self.variables: set[str] = set()

    def allows_env(self, name: str) -> bool:
        return name in self.variables

    def allows_net(self, host: str, port: int, address: str = "") -> bool:
        self.asked.append(("net", host, port))
        return not self.refusal

    def allows_lookup(self, host: str) -> bool:
        self.asked.append(("lookup", host))
        return not self.refusal

    def allows_listen(self, host: str, port: int, address: str = "") -> bool:
        self.asked.append(("listen", host, port))
        return not self.refusal


class FakeBudget:
    def check(self) -> None:
        """There is always time."""


class FakeFiles:
    """A root folder; `denied` paths are the master's no."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self.denied: set[str] = set()
        self.asked: list[tuple[str, str, str]] = []

    def normalize(self, path: str) -> str:
        return os.path.normpath("/" + path.lstrip("/"))

    def virtual(self, host_path: str) -> str:
        return "/" + os.path.relpath(host_path, self.root)

    def readable(self, path: str, who: LPCObject | None, operation: str) -> str:
        return self._check("read", path, operation)

    def writable(self, path: str, who: LPCObject | None, operation: str) -> str:
        return self._check("write", path, operation)

    def watchable(self, path: str, who: LPCObject | None, operation: str = "watch") -> str:
        return self._check("watch", path, operation)

    def _check(self, kind: str, path: str, operation: str) -> str:
        path = self.normalize(path)
        self.asked.append((kind, path, operation))
        host = os.path.realpath(str(self.root) + path)
        if path in self.denied or not (host == str(self.root) or host.startswith(f"{self.root}/")):
            raise RefusedError(13, "Permission denied")
        return host


class _AnyFunction:
    """The methods of an object that may have any but nobody(): FakeHost.apply looks."""

    def __contains__(self, name: object) -> bool:
        return name != "nobody"


class FakeProgram:
    methods = _AnyFunction()
    cls = None


def _function(ob: LPCObject, key: str) -> Callable[..., Any]:
    """The function behind a key of compiled code ("f/2"), as attributes of an object are looked up."""
    name, slash, _ = key.partition("/")
    if not slash:
        raise AttributeError(key)
    return lambda previous, *args: ob.driver.apply(ob, name, *args)


class FakeHost:
    """The part of Host that sockets use."""

    def __init__(self, loop: asyncio.AbstractEventLoop, root: Path, **limits: Any) -> None:
        self.loop = loop
        self.clock = FakeClock()
        self.budget = FakeBudget()
        self.limits = replace(Limits(), **limits)
        self.files = FakeFiles(root)
        self.permissions = FakePermissions()
        self.external: dict[str, tuple[str, ...]] = {}
        self.configured: dict[int, Any] = {}
        self.logged: list[str] = []
        self.calls: list[Called] = []
        self.errors: list[str] = []
        self.reasons: set[object] = set()
        self.valid_socket: Callable[..., Any] = lambda *args: 1
        self.questions: list[tuple[Any, ...]] = []
        self._states: dict[type, Any] = {}
        self._watchers: list[Callable[[LPCObject], None]] = []
        self._news = asyncio.Event()
        self._serial = 0
        self._classes: tuple[type[LPCObject], type[LPCObject]] = (
            type("Ob", (LPCObject,), {"__slots__": (), "driver": self, "program": FakeProgram,
                                      "__getattr__": _function}),
            type("Gone", (Destructed,), {"__slots__": (), "driver": self}),
        )

    # what Host promises

    def state(self, kind: type) -> Any:
        if kind not in self._states:
            self._states[kind] = kind(self)
        return self._states[kind]

    def apply(self, ob: LPCObject, function: str, *args: Any) -> Any:
        self.calls.append(Called(ob, function, args))
        body = ob.extra.get(function)
        return UNDEFINED if body is None else body(*args)

    def defines(self, ob: LPCObject, function: str) -> bool:
        return function in ob.extra

    def enter(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except LPCError as error:
            self.errors.append(str(error))
            return None
        finally:
            self._news.set()

    def valid(self, apply: str, *args: Any, by: LPCObject | None = None) -> Any:
        assert apply == "valid_socket"
        self.questions.append(args)
        return self.valid_socket(*args)

    def master(self) -> object:
        return self

    def config(self, option: int) -> Any:
        return self.configured.get(option, UNDEFINED)

    def external_command(self, name: str) -> tuple[str, ...] | None:
        return self.external.get(self.external_name(name))

    def external_name(self, name: str) -> str:
        return list(self.external)[int(name) - 1] if name.isdigit() and 0 < int(name) <= len(self.external) else name

    def on_destruct(self, watcher: Callable[[LPCObject], None]) -> None:
        self._watchers.append(watcher)

    def share_port(self, wire: object, sockaddr: tuple[Any, ...]) -> None:
        """There are no other workers."""

    def keep_alive(self, reason: object) -> None:
        self.reasons.add(reason)

    def let_go(self, reason: object) -> None:
        self.reasons.discard(reason)

    def log(self, text: str) -> None:
        self.logged.append(text)

    # what tests do

    def object(self, **functions: Callable[..., Any]) -> LPCObject:
        """A new object with these functions."""
        self._serial += 1
        ob = self._classes[0](f"/ob{self._serial}", self._serial, 0)
        ob.extra.update(functions)
        return ob

    def destruct(self, ob: LPCObject) -> None:
        for watcher in self._watchers:
            watcher(ob)
        ob.__class__ = self._classes[1]

    def close(self) -> None:
        for state in self._states.values():
            if hasattr(state, "close"):
                state.close()
        for state in self._states.values():
            if hasattr(state, "wait_closed"):
                self.loop.run_until_complete(state.wait_closed())

    def seen(self, function: str) -> list[tuple[Any, ...]]:
        """The arguments of every call of a function so far."""
        return [call.args for call in self.calls if call.function == function]

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until a callback has made the condition true; give its value."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
            return value

    async def turn(self, count: int = 3) -> None:
        """Let the loop run what is ready."""
        for _ in range(count):
            await asyncio.sleep(0)

    async def quiet(self) -> None:
        """Wait one coalescing window more than nothing would take, by the loop's own clock."""
        ready = self.loop.create_future()
        self.loop.call_later(0.12, ready.set_result, None)
        await ready
