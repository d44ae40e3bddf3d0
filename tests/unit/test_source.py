"""Positions, virtual lines and what #line does to them."""

from __future__ import annotations

import pytest

from lpc.source import (
    MAX_COLUMN,
    MAX_VIRTUAL_LINE,
    Location,
    SourceMap,
    column_of,
    decode,
    line_of,
    position,
)


def test_a_position_holds_line_and_column() -> None:
    at = position(12, 5)
    assert (line_of(at), column_of(at)) == (12, 5)
    assert column_of(position(1, 1 << 40)) == MAX_COLUMN


def test_the_main_files_virtual_lines_are_its_own() -> None:
    source = SourceMap()
    assert source.include("/a.c", "one\ntwo\n").base == 0
    assert source.locate(position(2, 1)) == Location("/a.c", 2, 2)


def test_an_included_file_owns_the_lines_after_everything_before_it() -> None:
    source = SourceMap()
    main = source.include("/a.c", "one\ntwo")
    header = source.include("/h.h", "x\ny\n", position(1, 0))
    for line in (1, 2, 3):
        assert source.locate(position(main.base + line, 0)) == Location("/a.c", line, 1)
        assert source.locate(position(header.base + line, 3)) == Location("/h.h", line, 4)


def test_the_include_chain_goes_outwards() -> None:
    source = SourceMap()
    source.include("/a.c", "1\n2\n3\n")
    first = source.include("/b.h", "1\n2\n", position(3, 0))
    second = source.include("/c.h", "1\n", position(first.base + 2, 4))
    assert source.include_chain(position(second.base + 1, 0)) == [Location("/b.h", 2, 5), Location("/a.c", 3, 1)]
    assert source.include_chain(position(1, 0)) == []


def test_source_lines_have_no_line_ends() -> None:
    inclusion = SourceMap().include("/a.c", "one\r\ntwo\n")
    assert [inclusion.source_line(line) for line in (0, 1, 2, 3, 4)] == ["", "one", "two", "", ""]


def test_renumbered_lines_show_the_same_text_under_other_numbers() -> None:
    source = SourceMap()
    main = source.include("/a.c", "one\n#line 100\nthree\nfour\n")
    renumbered = source.renumber(main, 3, 100, "/b.c")
    assert renumbered is not None
    at = position(renumbered.base + 101, 2)
    assert source.locate(at) == Location("/b.c", 101, 3)
    assert source.inclusion_of(at).source_line(101) == "four"
    after = source.include("/h.h", "x\n", at)
    assert source.locate(position(after.base + 1, 0)) == Location("/h.h", 1, 1)


@pytest.mark.parametrize("number", [0, -5, MAX_VIRTUAL_LINE])
def test_renumbering_out_of_range_is_refused(number: int) -> None:
    source = SourceMap()
    main = source.include("/a.c", "x\n" * 5)
    assert source.renumber(main, 2, number, "/b.c") is None
    assert source.inclusions == [main]


def test_the_line_table_locates_lines_of_code() -> None:
    source = SourceMap()
    source.include("/a.c", "1\n2\n")
    header = source.include("/h.h", "1\n", position(1, 0))
    assert source.line_table() == [(0, "/a.c"), (header.base, "/h.h")]


def test_bytes_that_are_no_utf8_survive_decoding() -> None:
    assert decode("é".encode()) == "é"
    assert decode(b"a\xffb").encode("utf-8", "surrogateescape") == b"a\xffb"
