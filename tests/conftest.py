"""Fixtures every test may use, and what the summary says about the case files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
PROJECT = TESTS.parent
sys.path.insert(0, str(TESTS))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests, and the commands they start, keep compiled programs in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def case_mudlib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mudlib that holds the case files under /cases; one for each process of a test run."""
    root = tmp_path_factory.mktemp("case_mudlib")
    shutil.copytree(TESTS / "mudlib", root, dirs_exist_ok=True)
    shutil.copytree(TESTS / "cases", root / "cases")
    for folder in ("log", "save", "run"):
        (root / folder).mkdir(exist_ok=True)
    return root


@pytest.fixture
def mudlib_copy(tmp_path: Path) -> Path:
    """A fresh copy of the packaged mudlib, to run real programs in."""
    copy = tmp_path / "lib"
    shutil.copytree(PROJECT / "lib", copy, ignore=lambda folder, names: {
        name for name in names if Path(folder).name in ("log", "save") and not name.startswith(".")})
    return copy


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Deliberate differences are counted, so that a new one is seen."""
    from casefile import differences

    terminalreporter.write_line(f"{len(list(differences()))} deliberate differences from FluffOS in tests/cases")
