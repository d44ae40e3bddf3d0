"""The mudlib of a test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mudworld import Mud  # noqa: E402


@pytest.fixture
def mud(tmp_path: Path) -> Iterator[Mud]:
    """A mudlib in a fresh folder."""
    root = tmp_path / "mud"
    root.mkdir()
    made = Mud(root)
    yield made
    for driver in made.drivers:
        driver.close()


