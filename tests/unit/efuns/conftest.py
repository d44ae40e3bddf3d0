"""A driver small enough to see through: what the efuns ask of their host, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lpc.runtime.budget import Limits
from lpc.runtime.closures import FUNCTIONAL, Closure
from lpc.runtime.interface import Interface
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.values import UNDEFINED

SMALL = Limits(array_size=1000, mapping_size=100, string_length=10_000, buffer_size=5000, read_file_size=4096)


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_000_000.5

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now - 1_000_000


class FakeFiles:
    """A folder as root; `refused` paths are what a master would refuse."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.refused: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    def _host_path(self, path: str, operation: str) -> str:
        path = self.normalize(path)
        self.asked.append((operation, path))
        host_path = os.path.realpath(f"{self.root}{path}")
        if path in self.refused or not f"{host_path}/".startswith(f"{self.root}/"):
            raise PermissionError(path)
        return host_path

    def readable(self, path: str, who: Any, operation: str) -> str:
        return self._host_path(path, operation)

    def writable(self, path: str, who: Any, operation: str) -> str:
        return self._host_path(path, operation)

    def virtual(self, host_path: str) -> str:
        return host_path.removeprefix(str(self.root)) or "/"

    def normalize(self, path: str) -> str:
        return os.path.normpath(f"/{path}").replace("//", "/")


class FakeScheduler:
    def __init__(self) -> None:
        self.calls: dict[int, tuple[Any, Any, float, tuple[Any, ...]]] = {}

    def add(self, owner: Any, function: Any, delay: float, args: tuple[Any, ...]) -> int:
        self.calls[len(self.calls) + 1] = (owner, function, delay, args)
        return len(self.calls)

    def _find(self, owner: Any, which: Any) -> int | None:
        return next((h for h, c in self.calls.items() if c[0] is owner and which in (h, c[1], None)), None)

    def remaining(self, owner: Any, which: Any) -> float | None:
        handle = self._find(owner, which)
        return None if handle is None else self.calls[handle][2]

    def remove(self, owner: Any, which: Any) -> float | None:
        handle = self._find(owner, which)
        return None if handle is None else self.calls.pop(handle)[2]

    def pending(self) -> list[tuple[Any, Any, float]]:
        return [call[:3] for call in self.calls.values()]


class FakeBudget:
    limit = 2.0
    left = 0.5

    def remaining(self) -> float:
        return self.left

    def refill(self) -> None:
        self.left = self.limit


class FakeHost:
    """`make` gives an object whose LPC functions are Python ones of (object, arguments…)."""

    def __init__(self, root: Path) -> None:
        self.limits = SMALL
        self.clock = FakeClock()
        self.files = FakeFiles(root)
        self.scheduler = FakeScheduler()
        self.budget = FakeBudget()
        self.started = self.clock.monotonic() - 60
        self.this_player: Any = 0
        self.everything: list[LPCObject] = []
        self.written: list[str] = []
        self.logged: list[str] = []
        self.exit_code: int | None = None
        self.answers: dict[str, Any] = {}
        self.options: dict[int, Any] = {}
        self.watchers: list[Callable[[LPCObject], object]] = []
        self._states: dict[type, Any] = {}

    def make(self, name: str, interface: Interface | None = None, **functions: Callable[..., Any]) -> LPCObject:
        program = SimpleNamespace(interface=interface or Interface(name.partition("#")[0] + ".c"))
        kind = type("Fake", (LPCObject,), {"driver": self, "program": program, "functions": functions})
        number = int(name.partition("#")[2] or 0)
        ob: LPCObject = kind(name, len(self.everything), number)
        self.everything.append(ob)
        return ob

    def state(self, kind: type[Any]) -> Any:
        if kind not in self._states:
            self._states[kind] = kind(self)
        return self._states[kind]

    def defines(self, ob: Any, function: str) -> bool:
        return False

    def apply(self, ob: LPCObject, function: str, *args: Any) -> Any:
        found = getattr(type(ob), "functions", {}).get(function)
        return found(ob, *args) if found else UNDEFINED

    def enter(self, call: Callable[..., Any], *args: Any) -> Any:
        return call(*args)

    def find_object(self, path: str) -> LPCObject | None:
        return next((ob for ob in self.objects() if ob.name == path.removesuffix(".c")), None)

    load_object = find_object

    def clone_object(self, path: str, *args: Any) -> LPCObject:
        ob = self.make(f"{path}#{len(self.everything)}")
        ob.extra["arguments"] = args
        return ob

    def heart_beats_changed(self) -> None:
        pass  # tests beat by hand

    def on_destruct(self, watcher: Callable[[LPCObject], object]) -> None:
        self.watchers.append(watcher)

    def destruct(self, ob: LPCObject) -> None:
        for watcher in self.watchers:
            watcher(ob)
        if ob.environment:
            ob.environment.inventory.remove(ob)
            ob.environment = None
        ob.__class__ = Destructed

    def objects(self) -> list[LPCObject]:
        return [ob for ob in self.everything if not ob.is_destructed]

    def master(self) -> LPCObject | None:
        return self.find_object("/secure/master")

    def valid(self, apply: str, *args: Any, by: Any = None) -> Any:
        return self.answers.get(apply, UNDEFINED)

    def config(self, option: int) -> Any:
        return self.options.get(option, UNDEFINED)

    def write(self, text: str) -> None:
        self.written.append(text)

    def log(self, text: str) -> None:
        self.logged.append(text)

    def shutdown(self, code: int) -> None:
        self.exit_code = code


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path.resolve())


@pytest.fixture
def this(host: FakeHost) -> LPCObject:
    return host.make("/test")


@pytest.fixture
def lpc(this: LPCObject) -> Callable[[Callable[..., Any]], Closure]:
    """A function value of `this` around a Python function of the LPC arguments."""

    def make(function: Callable[..., Any], **more: Any) -> Closure:
        arity = function.__code__.co_argcount
        return Closure(
            more.pop("owner", this), more.pop("kind", FUNCTIONAL), lambda o, p, *a: function(*a), arity, **more
        )

    return make
