"""Nothing mutable lives in a module: what drivers do leaves no trace in one."""

from __future__ import annotations

import ast
import asyncio
import importlib
import pkgutil
from collections import deque
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from running import PROJECT

import efuns
import lpc
from efuns import standard
from lpc import CompileError, Driver, LPCFault

SOURCES = sorted([*(PROJECT / "lpc").rglob("*.py"), *(PROJECT / "efuns").rglob("*.py")])
PROGRAM = """
mapping table = ([ "a": ({ 1, 2.5, "x" }) ]);
int calls = 0;
varargs mixed *probe(int n, mixed *rest...) {
    calls++;
    foreach (string key, mixed value in table) table[key + n] = sprintf("%O", value);
    call_out((: calls :), 0);
    return ({ sizeof(keys(table)), regexp(({ "abc" }), "b"), sort_array(({ 3, 1, 2 }), (: $1 - $2 :)),
              catch(error("x")), sscanf("a 5", "%s %d", rest, n) });
}
"""


def modules() -> list[ModuleType]:
    """Every module of the project, imported."""
    found = []
    for package in (lpc, efuns):
        found.append(package)
        for entry in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not entry.name.endswith("__main__"):
                found.append(importlib.import_module(entry.name))
    return found


def snapshot(value: Any, depth: int = 3) -> Any:
    """What a module-level value holds, as far as it can change; other values are known by identity."""
    if depth and isinstance(value, dict):
        return {id(key): snapshot(entry, depth - 1) for key, entry in value.items()}
    if depth and isinstance(value, (list, set, deque)):
        return [type(value).__name__, sorted(map(id, value))]
    if isinstance(value, bytearray):
        return bytes(value)
    if isinstance(value, (int, float, str, bytes)):
        return value
    return id(value)


def module_state() -> dict[tuple[str, str], Any]:
    """The names of all modules and of their classes, with what they hold."""
    state = {}
    for module in modules():
        for name, value in vars(module).items():
            if not name.startswith("__") and not isinstance(value, ModuleType):
                state[module.__name__, name] = snapshot(value)
            if isinstance(value, type) and value.__module__ == module.__name__:
                for attribute, entry in vars(value).items():
                    # Methods of abc, dataclasses and enum keep caches of their own.
                    if isinstance(entry, (list, dict, set, deque, bytearray)) and not attribute.startswith("_"):
                        state[module.__name__, f"{name}.{attribute}"] = snapshot(entry)
    return state


async def use(mudlib: Path) -> list[Any]:
    """Make a driver do a little of everything."""
    (mudlib / "probe.c").write_text(PROGRAM, encoding="utf-8")
    (mudlib / "broken.c").write_text("int f( { nonsense", encoding="utf-8")
    async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), output=lambda text: None,
                      logger=lambda text: None, cache=False) as driver:
        found = list(driver.call("/probe", "probe", 1, 2))
        with pytest.raises(CompileError):
            driver.load("/broken")
        with pytest.raises(LPCFault):
            driver.call("/probe", "no_such_function")
        driver.clone("/probe")
        await driver.wait_idle()
    return found


def test_drivers_leave_no_trace_in_modules(mudlib_copy: Path) -> None:
    before = module_state()

    first = asyncio.run(use(mudlib_copy))
    second = asyncio.run(use(mudlib_copy))

    after = module_state()
    assert first == second
    assert first[0] == 2
    assert {name for name in after if after[name] != before.get(name)} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_module_level_rebinding(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)] == []


def test_two_drivers_share_nothing(mudlib_copy: Path) -> None:
    async def run() -> None:
        (mudlib_copy / "counter.c").write_text("int n; int step() { return ++n; }", encoding="utf-8")
        async with Driver(mudlib_copy, efuns=standard.efuns(), cache=False) as one, \
                Driver(mudlib_copy, efuns=standard.efuns(), cache=False) as two:
            assert [one.call("/counter", "step"), one.call("/counter", "step")] == [1, 2]
            assert two.find("/counter") is None
            assert two.call("/counter", "step") == 1
            assert one.load("/counter") is not two.load("/counter")

    asyncio.run(run())
