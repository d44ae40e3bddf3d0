from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns import compress, files
from lpc.errors import LPCError
from lpc.runtime.values import Buffer


@pytest.fixture
def root(host: Any) -> Path:
    found: Path = host.files.root
    return found


def test_read_file_gives_text_or_zero(this: Any, root: Path, host: Any) -> None:
    (root / "a").write_text("é\nx\n")
    assert files.read_file(this, "/a") == "é\nx\n"
    assert files.read_file(this, "a") == "é\nx\n"
    assert files.read_file(this, "/none") == 0
    assert files.read_file(this, "/") == 0
    assert files.read_file(this, "/a\0") == 0
    host.files.refused.add("/a")
    assert files.read_file(this, "/a") == 0
    assert host.files.asked[0] == ("read_file", "/a")


@pytest.mark.parametrize(
    ("start", "lines", "text"),
    [
        (0, 0, "1\n2\n3\n"),
        (1, 1, "1\n"),
        (2, 0, "2\n3\n"),
        (2, 1, "2\n"),
        (3, 9, "3\n"),
        (4, 0, ""),
        (5, 0, 0),
        (-1, 0, "3\n"),
        (-2, 1, "2\n"),
        (-3, 0, "1\n2\n3\n"),
        (-9, 0, "1\n2\n3\n"),
        (1, -1, 0),
    ],
)
def test_read_file_by_lines(this: Any, root: Path, start: int, lines: int, text: Any) -> None:
    (root / "a").write_text("1\n2\n3\n")
    assert files.read_file(this, "/a", start, lines) == text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text("ab\n", max_size=60), st.integers(-8, 8).filter(bool), st.integers(0, 5), st.integers(1, 5))
def test_read_file_lines_agree_with_splitting(
    this: Any, root: Path, monkeypatch: pytest.MonkeyPatch, text: str, start: int, lines: int, chunk: int
) -> None:
    monkeypatch.setattr(files, "_CHUNK", chunk)
    (root / "a").write_text(text)
    pieces = text.splitlines(keepends=True)
    whole_lines = text.count("\n")
    first = start - 1 if start > 0 else max(0, len(pieces) + start)
    wanted = pieces[first:][: lines or None]
    expected = 0 if start > 1 and first > whole_lines else "".join(wanted)
    assert files.read_file(this, "/a", start, lines) == expected


def test_read_file_stops_at_the_limit_between_characters(this: Any, root: Path) -> None:
    (root / "a").write_text("x" * 4095 + "é" * 100)
    assert files.read_file(this, "/a") == "x" * 4095
    assert files.read_file(this, "/a", 1, 1) == "x" * 4095


def test_read_file_of_a_large_file_reads_only_its_tail(this: Any, root: Path) -> None:
    with open(root / "sparse", "wb") as file:
        file.seek(1 << 32)
        file.write(b"\nlast one\n")
    assert files.read_file(this, "/sparse", -1) == "last one\n"


def test_read_file_unpacks_and_normalizes(this: Any, root: Path) -> None:
    (root / "a").write_bytes(gzip.compress(b"1\r\n2\r\n"))
    assert files.read_file(this, "/a") == "1\n2\n"
    assert files.read_file(this, "/a", -1) == "2\n"
    (root / "b").write_bytes(b"\x1f\x8bgarbage")
    assert files.read_file(this, "/b") == 0
    (root / "c").write_bytes(b"\xff")
    assert files.read_file(this, "/c") == "\ufffd"


def test_a_gzip_bomb_is_cut(this: Any, root: Path) -> None:
    (root / "bomb").write_bytes(gzip.compress(b"0" * 50_000_000))
    text = files.read_file(this, "/bomb")
    assert text == "0" * 4096


def test_only_regular_files_are_opened(this: Any, root: Path) -> None:
    os.mkfifo(root / "fifo")
    assert files.read_file(this, "/fifo") == 0
    assert files.write_bytes(this, "/fifo", 0, "x") == 0
    with pytest.raises(LPCError, match="Wrong permissions for opening file /fifo for append"):
        files.write_file(this, "/fifo", "x")


def test_write_file_appends_or_overwrites(this: Any, root: Path, host: Any) -> None:
    assert files.write_file(this, "/a", "é") == 1
    assert files.write_file(this, "/a", "b") == 1
    assert (root / "a").read_text() == "éb"
    assert files.write_file(this, "/a", "c", 1) == 1
    assert (root / "a").read_text() == "c"
    assert files.write_file(this, "/z", "packed", 2 | 1) == 1
    assert gzip.decompress((root / "z").read_bytes()) == b"packed"
    host.files.refused.add("/a")
    assert files.write_file(this, "/a", "d") == 0


def test_write_file_into_nowhere_is_an_error(this: Any) -> None:
    with pytest.raises(LPCError) as caught:
        files.write_file(this, "/no/dir/file", "x")
    assert caught.value.value == (
        '*Wrong permissions for opening file /no/dir/file for append.\n"No such file or directory"\n'
    )


def test_read_bytes_by_position(this: Any, root: Path) -> None:
    (root / "a").write_bytes(b"0123456789")
    assert files.read_bytes(this, "/a") == "0123456789"
    assert files.read_bytes(this, "/a", 2, 3) == "234"
    assert files.read_bytes(this, "/a", -3) == "789"
    assert files.read_bytes(this, "/a", 8, 100) == "89"
    for start, length in ((10, 0), (-11, 0), (0, -1)):
        assert files.read_bytes(this, "/a", start, length) == 0
    with pytest.raises(LPCError, match="Transfer exceeded maximum"):
        files.read_bytes(this, "/a", 0, 5000)


def test_read_buffer_of_files_and_buffers(this: Any, root: Path) -> None:
    (root / "a").write_bytes(b"\xff\x00a")
    found = files.read_buffer(this, "/a")
    assert found.data == b"\xff\x00a"
    assert files.read_buffer(this, found, 2) == "a"
    assert files.read_buffer(this, found, -1, 1) == "a"
    assert files.read_buffer(this, found, 3) == 0
    assert files.read_buffer(this, "/none") == 0


def test_write_bytes_overwrites_in_the_middle(this: Any, root: Path, host: Any) -> None:
    assert files.write_bytes(this, "/a", 0, "012345") == 1
    assert files.write_bytes(this, "/a", 2, "xx") == 1
    assert files.write_bytes(this, "/a", -1, "yz") == 1
    assert (root / "a").read_bytes() == b"01xx4yz"
    assert files.write_bytes(this, "/a", 8, "beyond") == 0
    assert files.write_bytes(this, "/a", -8, "before") == 0
    host.files.refused.add("/a")
    assert files.write_bytes(this, "/a", 0, "x") == 0


def test_write_buffer_into_files_and_buffers(this: Any, root: Path) -> None:
    assert files.write_buffer(this, "/a", 0, Buffer(b"\xff")) == 1
    assert (root / "a").read_bytes() == b"\xff"
    target = Buffer(bytes(4))
    assert files.write_buffer(this, target, 0, -2) == 1
    assert target.data == b"\xff\xff\xff\xfe"
    assert files.write_buffer(this, target, -2, "ab") == 1
    assert target.data == b"\xff\xffab"
    assert files.write_buffer(this, target, 3, "xy") == 0
    assert files.write_buffer(this, target, -5, "x") == 0
    assert target.data == b"\xff\xffab"


def test_files_and_directories_come_and_go(this: Any, root: Path) -> None:
    assert files.mkdir(this, "/d") == 1
    assert files.mkdir(this, "/d") == 0
    assert files.file_size(this, "/d") == -2
    (root / "d/a").write_text("abc\nd")
    assert files.file_size(this, "/d/a") == 5
    assert files.file_length(this, "/d/a") == 1
    assert files.file_length(this, "/d") == -2
    assert files.file_length(this, "/e") == files.file_size(this, "/e") == -1
    assert files.rmdir(this, "/d") == 0
    assert files.rm(this, "/d/a") == 1
    assert files.rm(this, "/d/a") == 0
    assert files.rm(this, "/d") == 0
    assert files.rmdir(this, "/d") == 1


def test_rename_moves_into_directories(this: Any, root: Path, host: Any) -> None:
    (root / "d").mkdir()
    (root / "a").write_text("a")
    assert files.rename(this, "/a", "/b") == 0
    assert files.rename(this, "/b", "/d") == 0
    assert (root / "d/b").read_text() == "a"
    host.files.refused.add("/d/b")
    assert files.rename(this, "/d/b", "/c") == 1


def test_rename_errors(this: Any, root: Path) -> None:
    (root / "a").write_text("a")
    (root / "d/a").mkdir(parents=True)
    for source, target, message in (
        ("/none", "/b", "/none: lstat failed"),
        ("/a", "/a", "are the same file"),
        ("/a", "/d", "/d: cannot overwrite directory"),
        ("/a", "/no/where", "cannot move `/a' to `/no/where'"),
    ):
        with pytest.raises(LPCError, match=message):
            files.rename(this, source, target)


def test_cp_copies_into_directories(this: Any, root: Path, host: Any) -> None:
    (root / "d").mkdir()
    (root / "a").write_text("a" * 100_000)
    assert files.cp(this, "/a", "/b") == 1
    assert files.cp(this, "/a", "/d/") == 1
    assert (root / "d/a").read_text() == (root / "b").read_text() == "a" * 100_000
    assert files.cp(this, "/none", "/b") == -1
    assert files.cp(this, "/a", "/no/where") == -2
    with pytest.raises(LPCError, match="are the same file"):
        files.cp(this, "/a", "/a")
    host.files.refused.add("/c")
    assert files.cp(this, "/a", "/c") == -2


def test_link_needs_the_master(this: Any, root: Path, host: Any) -> None:
    (root / "a").write_text("a")
    assert files.link(this, "/a", "/b") == 0
    assert not (root / "b").exists()
    host.answers["valid_link"] = 1
    assert files.link(this, "/a", "/b") == 1
    assert (root / "b").samefile(root / "a")


def test_stat_of_files_and_directories(this: Any, root: Path, host: Any) -> None:
    (root / "a.c").write_text("abc")
    os.utime(root / "a.c", (5, 7))
    host.make("/a").extra["load_time"] = 99
    found = files.stat(this, "/a.c")
    assert isinstance(found, list)
    assert found[:3] == [3, 7, 99]
    assert files.stat(this, "/") == ["a.c"]
    assert files.stat(this, "/", -1) == [["a.c", 3, 7]]
    assert files.stat(this, "/no/where") == 0


def test_get_dir_lists_and_matches(this: Any, root: Path) -> None:
    for name in ("b.c", "a.c", "a.h", "é.c"):
        (root / name).write_text("x")
    (root / "d").mkdir()
    assert files.get_dir(this, "/") == ["a.c", "a.h", "b.c", "d", "é.c"]
    assert files.get_dir(this, "/*.c") == ["a.c", "b.c", "é.c"]
    assert files.get_dir(this, "/a.?") == ["a.c", "a.h"]
    assert files.get_dir(this, "/d") == ["d"]
    assert files.get_dir(this, "/d/") == files.get_dir(this, "/d/.") == []
    assert files.get_dir(this, "/x*") == []
    assert files.get_dir(this, "/none/") == 0
    assert files.get_dir(this, "/none/*") == 0
    assert [row[:2] for row in files.get_dir(this, "/*", -1)] == [
        ["a.c", 1],
        ["a.h", 1],
        ["b.c", 1],
        ["d", -2],
        ["é.c", 1],
    ]


def test_get_dir_does_not_tell_what_lies_outside(this: Any, root: Path) -> None:
    (root / "out").symlink_to("/etc/passwd")
    (root / "in").write_text("abc")
    (root / "alias").symlink_to("in")
    found = files.get_dir(this, "/", -1)
    assert isinstance(found, list)
    assert [row[:2] for row in found] == [["alias", 3], ["in", 3], ["out", 0]]
    assert found[2][2] == 0


def test_get_dir_stops_at_the_array_limit(this: Any, root: Path) -> None:
    for number in range(1005):
        (root / str(number)).touch()
    found = files.get_dir(this, "/")
    assert isinstance(found, list)
    assert len(found) == 1000


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "anything", True),
        ("a*c", "abc", True),
        ("a*c", "ac", True),
        ("a*c", "acd", False),
        ("a*b*c", "a-b-b-c", True),
        ("?", "", False),
        ("a.c", "abc", False),
        (r"\*", "*", True),
        (r"\*", "a", False),
        ("ab*ba", "aba", False),
        ("*a*" * 30 + "b", "a" * 250, False),
    ],
)
def test_globs(pattern: str, name: str, matches: bool) -> None:
    assert bool(files._pattern(pattern).fullmatch(name)) is matches


def test_compress_and_uncompress_undo_each_other(this: Any) -> None:
    packed = compress.compress("aé" * 100)
    assert len(packed.data) < 100
    assert compress.uncompress(this, packed).data == ("aé" * 100).encode()
    assert compress.uncompress(this, Buffer(gzip.compress(b"x"))).data == b"x"


def test_uncompress_refuses_bombs_and_garbage(this: Any) -> None:
    with pytest.raises(LPCError, match="grow too large"):
        compress.uncompress(this, compress.compress("0" * 5001))
    with pytest.raises(LPCError, match="invalid data"):
        compress.uncompress(this, "garbage")
    with pytest.raises(LPCError, match="incomplete"):
        compress.uncompress(this, Buffer(bytes(compress.compress("abc").data[:-1])))
