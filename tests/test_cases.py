"""Runs the case files (tests/casefile.py says what they are)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from casefile import CASES, EFUNS, Failures, Part, case_files, differences, parts_of, unmatched

from efuns import standard
from lpc import CompileError, Driver, LPCFault
from lpc.diagnostics import Diagnostic
from lpc.driver.report import Reporter

#: How long a case may wait for its sockets and call_outs.
PATIENCE = 20


class Collector(Reporter):
    """Keeps diagnostics instead of printing them."""

    def __init__(self) -> None:
        super().__init__(lambda text: None, lambda file, line: None)
        self.diagnostics: list[Diagnostic] = []

    def diagnostic(self, diagnostic: Diagnostic) -> None:
        self.diagnostics.append(diagnostic)


async def run_part(part: Part, mudlib: Path, path: str) -> list[str]:
    """Compile (and run) one program; what is wrong with it."""
    collector = Collector()
    faults: list[str] = []
    async with Driver(mudlib, efuns=standard.efuns() | EFUNS, predefined=standard.macros(), strict=True, cache=False,
                      output=lambda text: None, logger=faults.append) as driver:
        driver.reporter = collector
        collector.fault = lambda fault: faults.append(collector.text(fault))  # type: ignore[method-assign]
        try:
            ob = driver.load(path)
        except CompileError as error:
            known = {id(each) for each in collector.diagnostics}
            found = collector.diagnostics + [each for each in error.diagnostics if id(each) not in known]
            problems = unmatched(part.expected, found, path)
            return problems or ([] if part.must_fail else ["did not compile"])
        except LPCFault as fault:
            return [f"loading: {collector.text(fault)}"]
        problems = unmatched(part.expected, collector.diagnostics, path)
        for name in part.tests:
            try:
                driver.call(ob, name)
            except LPCFault as fault:
                problems.append(f"{name}: {collector.text(fault)}")
        await asyncio.wait_for(driver.wait_idle(), PATIENCE)
        if driver.defines(ob, "finished"):
            driver.call(ob, "finished")
        failures = driver.state(Failures)
        problems += [f"line {line}: {text}" for line, text in failures.found]
        if part.tests and not failures.checked:
            problems.append("checked nothing")
        return problems + faults


@pytest.mark.parametrize("file", case_files(), ids=lambda file: str(file.relative_to(CASES)))
def test_case(file: Path, case_mudlib: Path) -> None:
    parts = parts_of(file.read_text(encoding="utf-8"))
    problems = []
    for number, part in enumerate(parts):
        path = "/cases/" + str(file.relative_to(CASES))
        if len(parts) > 1:
            path = path.removesuffix(".c") + f"_part{number}.c"
            (case_mudlib / path.lstrip("/")).write_text(part.text, encoding="utf-8")
        if not (part.tests or part.expected):
            problems.append(f"part {number} expects nothing")
        problems += asyncio.run(run_part(part, case_mudlib, path))
    assert not problems, "\n" + "\n".join(problems)


def test_every_difference_says_what_fluffos_does() -> None:
    listed = list(differences())
    assert listed and all(len(reason) > 10 for _, reason in listed)
