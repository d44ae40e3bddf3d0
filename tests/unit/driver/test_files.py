from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from lpc.driver.files import FileSystem, Mount, normalize
from lpc.driver.permissions import Permissions
from lpc.errors import FileRefused
from lpc.runtime.values import UNDEFINED


class Answers:
    """A master that answers from a table and remembers the questions."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, apply: str, *args: Any) -> Any:
        self.asked.append((apply, *args))
        return self.answers.get(apply, UNDEFINED)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lib = tmp_path / "lib"
    for folder in ("log", "secure", "save"):
        (lib / folder).mkdir(parents=True)
    (lib / "a.c").write_text("a")
    (lib / "secure" / "key").write_text("k")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("o")
    return lib


def make(root: Path, *flags: str, ask: Answers | None = None, mounts: tuple[Mount, ...] = ()) -> FileSystem:
    table = [Mount("/", str(root), ("log", "save")), Mount("/mud/lib", str(root), ("log", "save")), *mounts]
    return FileSystem(table, Permissions.parse(flags), ask or Answers())


@pytest.mark.parametrize("path, normal", [
    ("a.c", "/a.c"), ("/a//b/./c", "/a/b/c"), ("/a/../b", "/b"), ("", "/"), ("/a/b/../../c", "/c"), ("/...", "/..."),
])
def test_normalize(path: str, normal: str) -> None:
    assert normalize(path) == normal


@pytest.mark.parametrize("path", ["..", "/..", "/a/../../b", "../../etc/passwd", "/a\0b"])
def test_paths_above_the_root_are_refused(path: str) -> None:
    with pytest.raises(FileRefused):
        normalize(path)


def test_reading_inside_the_root(root: Path) -> None:
    assert make(root).readable("/a.c", None, "read_file") == str(root / "a.c")
    assert make(root).readable("a.c", None, "read_file") == str(root / "a.c")


def test_mud_lib_is_an_alias_of_the_root(root: Path) -> None:
    files = make(root)
    assert files.readable("/mud/lib/a.c", None, "read_file") == str(root / "a.c")
    assert files.virtual(str(root / "a.c")) == "/a.c"


def test_writing_is_limited_to_the_writable_folders(root: Path) -> None:
    files = make(root)
    assert files.writable("/log/x", None, "write_file") == str(root / "log" / "x")
    assert files.writable("/mud/lib/log/x", None, "write_file") == str(root / "log" / "x")
    with pytest.raises(FileRefused, match="--allow-write=") as refused:
        files.writable("/secure/x", None, "write_file")
    assert isinstance(refused.value, OSError)


def test_a_grant_makes_more_writable(root: Path) -> None:
    files = make(root, f"--allow-write={root}/secure")
    assert files.writable("/secure/x", None, "write_file") == str(root / "secure" / "x")


def test_a_symlink_out_of_the_root_is_refused(root: Path) -> None:
    (root / "out").symlink_to(root.parent / "outside")
    (root / "file").symlink_to(root.parent / "outside" / "file")
    files = make(root)
    for path in ("/out/file", "/file", "/out"):
        with pytest.raises(FileRefused):
            files.readable(path, None, "read_file")


def test_a_symlink_from_a_writable_folder_into_another_is_refused(root: Path) -> None:
    (root / "log" / "sly").symlink_to(root / "secure")
    with pytest.raises(FileRefused):
        make(root).writable("/log/sly/key", None, "write_file")


def test_operations_on_an_entry_do_not_follow_its_last_link(root: Path) -> None:
    (root / "log" / "link").symlink_to(root / "secure" / "key")
    files = make(root)
    assert files.writable("/log/link", None, "remove_file") == str(root / "log" / "link")
    with pytest.raises(FileRefused):
        files.writable("/log/link", None, "write_file")


def test_the_master_may_refuse(root: Path) -> None:
    ask = Answers(valid_read=0)
    with pytest.raises(FileRefused, match="valid_read"):
        make(root, ask=ask).readable("/a.c", None, "read_file")
    assert ask.asked == [("valid_read", "/a.c", 0, "read_file")]


def test_the_master_may_replace_the_path_but_not_leave_the_sandbox(root: Path) -> None:
    replacing = make(root, ask=Answers(valid_read="/secure/key"))
    assert replacing.readable("/a.c", None, "read_file") == str(root / "secure/key")
    with pytest.raises(FileRefused):
        make(root, ask=Answers(valid_write="/secure/key")).writable("/log/x", None, "write_file")
    with pytest.raises(FileRefused):
        make(root, ask=Answers(valid_read="/../x")).readable("/a.c", None, "read_file")


def test_the_master_is_not_asked_about_what_the_sandbox_refuses(root: Path) -> None:
    ask = Answers(valid_write=1)
    with pytest.raises(FileRefused):
        make(root, ask=ask).writable("/secure/x", None, "write_file")
    assert ask.asked == []


def test_mounts(root: Path) -> None:
    outside = str(root.parent / "outside")
    files = make(root, mounts=(Mount("/data", outside), Mount("/tmp", outside, True, frozenset({"fifo"}))))
    assert files.readable("/data/file", None, "read_file") == f"{outside}/file"
    with pytest.raises(FileRefused):
        files.writable("/data/file", None, "write_file")
    assert files.writable("/tmp/pipe", None, "fifo") == f"{outside}/pipe"
    with pytest.raises(FileRefused):
        files.readable("/tmp/file", None, "read_file")
    with pytest.raises(FileRefused):
        files.readable("/database", None, "read_file") and files.readable("/data/../../x", None, "read_file")


def test_a_grant_outside_the_mudlib_works_under_its_own_name(root: Path) -> None:
    outside = root.parent / "outside"
    files = make(root, f"--allow-read={outside}")
    assert files.readable(f"{outside}/file", None, "read_file") == f"{outside}/file"
    with pytest.raises(FileRefused):
        files.writable(f"{outside}/file", None, "write_file")
    denied = make(root, f"--allow-read={outside}", f"--deny-read={outside}/file")
    with pytest.raises(FileRefused):
        denied.readable(f"{outside}/file", None, "read_file")


def test_a_bare_grant_means_the_host_where_the_mudlib_has_no_such_path(root: Path) -> None:
    outside = root.parent / "outside"
    files = make(root, "-A")
    assert files.readable(f"{outside}/file", None, "read_file") == f"{outside}/file"
    assert files.readable("/a.c", None, "read_file") == str(root / "a.c")
    assert files.writable(f"{outside}/new", None, "write_file") == f"{outside}/new"
    assert files.writable("/secure/new", None, "write_file") == str(root / "secure" / "new")


def test_bare_deny_stops_reading_but_not_loading(root: Path) -> None:
    files = make(root, "--allow-read", "--deny-read")
    with pytest.raises(FileRefused, match="--deny-read"):
        files.readable("/a.c", None, "read_file")
    assert files.readable("/a.c", None, "load_object") == str(root / "a.c")


def test_watching_is_for_the_root_unless_granted(root: Path) -> None:
    assert make(root).watchable("/log", None) == str(root / "log")
    with pytest.raises(FileRefused):
        make(root, "--deny-watch").watchable("/log", None)


def test_a_path_that_is_no_text_is_refused(root: Path) -> None:
    with pytest.raises(FileRefused):
        make(root).readable("/\ud800", None, "read_file")


def test_open_regular_takes_regular_files_only(root: Path) -> None:
    files = make(root)
    os.mkfifo(root / "pipe")
    (root / "link").symlink_to(root / "a.c")
    assert files.open_regular(str(root / "a.c"), 10) == b"a"
    for path, limit in ((root / "pipe", 10), (root / "link", 10), (root, 10), (root / "a.c", 0)):
        with pytest.raises(OSError):
            files.open_regular(str(path), limit)
