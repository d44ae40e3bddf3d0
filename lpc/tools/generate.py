"""Writes what is derived from the tables: `python -m lpc gen`, and with --check only compares.

A generator is a function that returns texts by path below the project; the command line hands in those of
the efun packages, since this module may not know them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

Generator = Callable[[], Mapping[str, str]]

PROJECT: Final = Path(__file__).resolve().parents[2]


def main(check: bool, generators: Iterable[Generator], root: Path = PROJECT) -> int:
    """Bring every generated file up to date, or with `check` only say which are not: 0 if all are (now)."""
    stale = [(root / name, text) for generate in generators for name, text in sorted(generate().items())
             if _read(root / name) != text]
    for path, text in stale:
        shown = path.relative_to(root)
        if check:
            sys.stderr.write(f"{shown} is not up to date: run `python -m lpc gen`\n")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {shown}\n")
    return int(check and bool(stale))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
