"""Compiled code does what the reference evaluator does: same results, same errors, for random programs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from lpc_programs import programs
from reference import OutOfFuel, Reference, alike

from efuns import standard
from lpc import Driver, Limits, LPCFault
from lpc.analysis import Environment, analyze
from lpc.diagnostics import Diagnostics, render_all
from lpc.errors import LPCError
from lpc.runtime.operators import Operators
from lpc.runtime.values import Value
from lpc.source import SourceMap
from lpc.syntax.parser import parse
from lpc.syntax.preprocessor import Preprocessor

LIMITS = Limits(evaluation_time=5.0, string_length=100_000, array_size=5_000, mapping_size=5_000)
FUEL = 20_000


class World:
    """A driver, and the efuns the reference calls."""

    def __init__(self, root: Path) -> None:
        self.efuns = standard.efuns()
        self.driver = Driver(root, efuns=self.efuns, limits=LIMITS, master="", simul_efun="", strict=True,
                             cache=False, logger=lambda text: None)
        self.numbers = count()
        self.driver.boot()

    def compiled(self, text: str) -> tuple[str, Value]:
        """What the compiled program gives, or the error's text."""
        path = f"/fuzz{next(self.numbers)}"
        call = self.driver.evaluations.call
        try:
            ob = call(lambda: self.driver.loader.load_file(path, path + ".c", text=text))
            return "value", self.driver.call(ob, "run")
        except LPCFault as fault:
            return "error", fault.value
        finally:
            found = self.driver.find(path)
            if found is not None:
                call(self.driver.destruct, found)

    def expected(self, text: str) -> tuple[str, Value]:
        """What the reference gives."""
        source = SourceMap()
        diagnostics = Diagnostics(source)
        stream = Preprocessor(source, diagnostics, predefined={}, include=lambda *question: None).run("/fuzz.c", text)
        tree = parse(stream.tokens, diagnostics, script=False, pragmas=stream.pragmas)
        environment = Environment(self.efuns, {}, lambda path, at: None, lambda name: True, "/fuzz.c", False)
        analysis = analyze(tree, environment, diagnostics)
        errors = [each for each in diagnostics.found if each.severity.value == "error"]
        assert not errors, render_all(errors)
        limits = self.driver.limits
        sized = Operators(limits.string_length, limits.array_size, limits.mapping_size, limits.buffer_size)
        this = self.driver.load("/nobody")
        try:
            reference = Reference(analysis, this, sized, FUEL)
            return "value", reference.call("run")
        except LPCError as error:
            return "error", error.value


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("fuzz")
    (root / "nobody.c").write_text("int nothing;\n")
    made = World(root)
    yield made
    made.driver.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=programs())
def test_compiled_code_agrees_with_the_reference(world: World, text: str) -> None:
    try:
        wanted = world.expected(text)
    except (OutOfFuel, RecursionError):
        assume(False)
        raise
    got = world.compiled(text)
    assert got[0] == wanted[0] and alike(got[1], wanted[1]), f"{text}\n\ncompiled  {got}\nreference {wanted}"
