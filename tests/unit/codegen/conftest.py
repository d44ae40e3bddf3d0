"""A driver over files of the test's own, the Python that a text becomes, and a clock that a test stops."""

from __future__ import annotations

import pytest
from alarm import Alarm
from generated import Generator
from smallworld import SmallWorld, world  # noqa: F401 - a fixture

from efuns import standard


@pytest.fixture
def alarm(world: SmallWorld) -> Alarm:  # noqa: F811 - the fixture
    """LPC can end its own time."""
    return Alarm(world)


@pytest.fixture(scope="session")
def generate() -> Generator:
    """The Python functions of a text."""
    return Generator(standard.efuns())
