"""What must hold for every efun in the box, whoever wrote it."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import Any

import pytest

from efuns.standard import PACKAGES, efuns, macros
from lpc.efun import Efun

EVERY = sorted(set(efuns().values()), key=lambda efun: efun.name)


def test_no_name_is_declared_twice() -> None:
    from importlib import import_module

    from lpc.efun import efuns_of

    names = [name for package in PACKAGES for name in efuns_of(import_module(package))]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("efun", EVERY, ids=lambda efun: efun.name)
def test_python_and_lpc_agree_on_the_parameters(efun: Efun) -> None:
    leading = efun.wants_this + efun.wants_previous
    python = list(inspect.signature(efun.function).parameters.values())[leading:]
    assert len(python) == len(efun.prototype.parameters)
    for mirror, parameter in zip(python, efun.prototype.parameters, strict=True):
        assert (mirror.kind is mirror.VAR_POSITIONAL) is parameter.rest
        assert parameter.rest or (mirror.default is not mirror.empty) is parameter.optional


@pytest.mark.parametrize("efun", EVERY, ids=lambda efun: efun.name)
def test_every_efun_has_a_page(efun: Efun) -> None:
    assert efun.doc.splitlines()[0]


@pytest.mark.parametrize("efun", EVERY, ids=lambda efun: efun.name)
def test_every_efun_can_be_bound_to_its_prototype(efun: Efun) -> None:
    assert callable(efun.checked)


def test_packages_are_announced_to_programs() -> None:
    announced = macros()
    assert announced["__PACKAGE_MATH__"] == "1"
    assert "STREAM" in announced


def test_importing_the_packages_imports_nothing_heavy() -> None:
    heavy = {"asyncio", "random", "zlib", "gzip", "json", "datetime", "resource", "logging"}
    code = "import sys, efuns.standard; efuns.standard.efuns(); print(*sys.modules)"
    loaded: Any = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(loaded.stdout.split()) == set()
