"""A driver over files of the test's own."""

from smallworld import world  # noqa: F401 - a fixture
