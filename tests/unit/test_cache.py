"""Compiled programs on disk: what comes back is what was kept, or nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lpc import cache
from lpc.cache import Cache, digest

KEY = digest("a program")


def entry(folder: Path) -> Path:
    (found,) = (path for path in folder.rglob("*") if path.is_file())
    return found


@pytest.fixture
def kept(tmp_path: Path) -> Cache:
    """A cache with one entry."""
    made = Cache(tmp_path / "cache")
    made.write(KEY, ("value", 1))
    return made


def test_digests_tell_parts_apart() -> None:
    assert digest("ab", "c") != digest("a", "bc") != digest("abc")
    assert digest("a") == digest(b"a") and len(digest()) == 40
    assert digest("\ud800") != digest("?")


@pytest.mark.parametrize("value", [
    None, 0, "text", ("nested", (1, 2.5, b"x"), ["list"]), {"a": {1: "b"}}, frozenset((1, 2)),
    compile("x = 1", "/a.c?digest", "exec"),
])
def test_values_come_back(tmp_path: Path, value: Any) -> None:
    Cache(tmp_path).write(KEY, value)
    assert Cache(tmp_path).read(KEY) == value


def test_what_was_never_kept_is_not_there(kept: Cache) -> None:
    assert kept.read(digest("another")) is None
    assert Cache(kept.folder / "missing").read(KEY) is None


def test_the_newest_value_counts(kept: Cache) -> None:
    kept.write(KEY, "new")
    assert kept.read(KEY) == "new"


@pytest.mark.parametrize("damage", [
    lambda data: b"", lambda data: data[:10], lambda data: data[:-1], lambda data: data + b"\0",
    lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:], lambda data: b"x" + data[1:],
    lambda data: data[:9] + bytes(20) + data[29:],
])
def test_a_damaged_entry_is_as_good_as_none(kept: Cache, damage: Any) -> None:
    file = entry(kept.folder)
    file.write_bytes(damage(file.read_bytes()))
    assert kept.read(KEY) is None
    kept.write(KEY, "again")
    assert kept.read(KEY) == "again"


def test_an_entry_under_another_name_is_none(kept: Cache) -> None:
    other = digest("another program")
    target = kept.folder / other[:2] / other
    target.parent.mkdir(exist_ok=True)
    entry(kept.folder).rename(target)
    assert kept.read(other) is None


def test_a_folder_where_an_entry_should_be(kept: Cache) -> None:
    file = entry(kept.folder)
    file.unlink()
    file.mkdir()
    assert kept.read(KEY) is None
    kept.write(KEY, "value")
    assert kept.read(KEY) is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    unusable = Cache(tmp_path / "file" / "cache")
    unusable.write(KEY, "value")
    assert unusable.read(KEY) is None


def test_a_value_that_cannot_be_kept_is_no_error(kept: Cache) -> None:
    kept.write(KEY, object())
    assert kept.read(KEY) == ("value", 1)


def test_nothing_else_is_left_in_the_folder(kept: Cache) -> None:
    for _ in range(3):
        kept.write(KEY, "value")
    assert entry(kept.folder).name == KEY
    assert entry(kept.folder).parent.stat().st_mode & 0o077 == 0


def test_the_oldest_entries_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST_ENTRIES", 2 * 256)
    made = Cache(tmp_path)
    keys = [f"aa{n}" for n in range(4)]
    for age, key in enumerate(keys):
        made.write(key, key)
        os.utime(tmp_path / "aa" / key, (age, age))
    assert [made.read(key) for key in keys] == [None, None, "aa2", "aa3"]
    made.write("bb1", "bb1")
    assert made.read("aa2") == "aa2", "each subfolder is counted by itself"
