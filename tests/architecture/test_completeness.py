"""Tables that must agree, and what may be written down only once."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from running import PROJECT, run

from efuns.sockets.modes import ROWS
from lpc.syntax import nodes

PYTHON = sorted([*(PROJECT / "lpc").rglob("*.py"), *(PROJECT / "efuns").rglob("*.py")])
FOLDERS = ("lpc", "efuns", "lib", "include", "examples", "tests", "bench", "docs", ".github", ".ci", "changes")
TEXTS = sorted(
    path for folder in FOLDERS for path in (PROJECT / folder).rglob("*")
    if path.is_file() and path.suffix in (".py", ".c", ".h", ".lpc", ".lark", ".md", ".cfg", ".out", ".yml", "")
    and not any(part.endswith("_cache") or part == "__pycache__" for part in path.parts)
) + [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")]

#: Spelled in pieces, so that this file does not hold them.
FORBIDDEN = re.compile("|".join([
    r"\bTO" r"DO\b", r"\bFIX" r"ME\b", r"\bXX" r"X\b", "/wo" r"rk/(main|shared)", r"/tmp" r"/w/", r"\bClau" "de",
]))


def concrete(kind: type) -> set[type]:
    """The node types below `kind` that are made, not only inherited from."""
    below = {sub for sub in kind.__subclasses__() if sub.__module__ == nodes.__name__}
    return below | {deeper for sub in below for deeper in concrete(sub)}


def test_every_expression_has_checker_and_emitter() -> None:
    import lpc.codegen.program  # noqa: F401 - registers the emitters of all modules
    from lpc.analysis.check import EXPRESSIONS
    from lpc.codegen.expressions import EMITTERS

    kinds = concrete(nodes.Expression)
    assert kinds - EXPRESSIONS.keys() == set()
    assert kinds - EMITTERS.keys() - {nodes.Spread, nodes.RefArgument} == set()


def test_every_statement_has_checker_and_emitter() -> None:
    import lpc.codegen.program  # noqa: F401 - registers the emitters of all modules
    from lpc.analysis.check import STATEMENTS as CHECKERS
    from lpc.codegen.statements import STATEMENTS as EMITTERS

    kinds = concrete(nodes.Statement)
    assert kinds - CHECKERS.keys() == set()
    assert kinds - EMITTERS.keys() - {nodes.CaseLabel, nodes.DefaultLabel} == set()


@pytest.mark.parametrize("path", [path for path in PYTHON if path.name != "modes.py"],
                         ids=lambda path: str(path.relative_to(PROJECT)))
def test_mode_names_stand_in_the_table_only(path: Path) -> None:
    # One word alone ("STREAM") is everybody's; a name of several words can only be the mode's.
    names = {name for mode in ROWS for name in mode.names if "_" in name}
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in names:
            found.add(node.value)
        elif isinstance(node, ast.Name) and node.id in names:
            found.add(node.id)
        elif isinstance(node, ast.Attribute) and node.attr in names:
            found.add(node.attr)
    assert found == set()


def test_broad_excepts_are_counted() -> None:
    broad = [
        f"{path.relative_to(PROJECT)}:{node.lineno}" for path in PYTHON
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    ]
    assert len(broad) <= 2, broad


def test_only_the_command_line_names_uvloop() -> None:
    wanted = re.compile(r"^\s*(import|from) uvloop", re.MULTILINE)

    assert [path.name for path in PYTHON if wanted.search(path.read_text(encoding="utf-8"))] == ["cli.py"]


def test_generated_files_are_up_to_date() -> None:
    done = run("gen", "--check")

    assert (done.returncode, done.stderr) == (0, "")


def test_layers() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([command], cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_no_forbidden_words(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")

    assert [match[0] for match in FORBIDDEN.finditer(text)] == []


BLOCKS = re.findall(r"```lpc\n(.*?)```", (PROJECT / "docs" / "proposal.md").read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_proposals_blocks_are_examples_word_for_word(number: int) -> None:
    examples = [path.read_text(encoding="utf-8") for path in (PROJECT / "examples").rglob("*.c")]

    assert sum(BLOCKS[number] in text for text in examples) == 1


def test_the_proposal_has_its_blocks() -> None:
    assert len(BLOCKS) == 7
