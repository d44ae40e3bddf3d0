"""What the documents show works, and what they point to exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from running import PATIENCE, PROJECT, environment, run

DOCUMENTS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", path.read_text(encoding="utf-8"))

    assert [link for link in links if not (path.parent / link).exists()] == []


def test_every_decision_is_listed() -> None:
    listed = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")

    assert [path.name for path in (PROJECT / "docs" / "adr").glob("*.md") if path.name not in listed] == []


def test_readme_script(tmp_path: Path, mudlib_copy: Path) -> None:
    script = tmp_path / "counter.c"
    script.write_text(blocks(PROJECT / "README.md", "c")[0], encoding="utf-8")

    done = run("--mudlib", mudlib_copy, script, "tea", "milk", "tea")

    assert (done.stdout, done.stderr, done.returncode) == ("  1 milk\n  2 tea\n", "", 0)


def test_embedding_program(mudlib_copy: Path) -> None:
    (mudlib_copy / "std").mkdir(exist_ok=True)
    (mudlib_copy / "std" / "room.c").write_text(
        'string describe(string what, int n) { return "You see " + what + " and " + n + " exits."; }', encoding="utf-8")
    program = blocks(PROJECT / "docs" / "embedding.md", "python")[0]

    done = subprocess.run([sys.executable, "-c", program], cwd=mudlib_copy.parent, env=environment(), text=True,
                          capture_output=True, timeout=PATIENCE, check=False)

    assert (done.stdout, done.stderr) == ("You see a cave and 3 exits.\n", "")


def test_every_target_of_the_readme_exists() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS[:2])
    targets = set(re.findall(r"(?:`|^    )make (\w+)", text, re.MULTILINE))
    rules = set(re.findall(r"^([a-z ]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    assert {"run", "test"} <= targets
    assert targets <= {name for rule in rules for name in rule.split()}
