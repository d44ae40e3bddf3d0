"""Fixtures: a `world` to analyse several files in, and `analyzed(text)` for one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from analysis_world import Result, World


@pytest.fixture
def world() -> World:
    """A fresh world."""
    return World()


@pytest.fixture
def analyzed(world: World) -> Callable[[str], Result]:
    """Analyse one text on its own."""
    return world.analyzed
