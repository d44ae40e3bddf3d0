"""What messages look like, how many are kept, and what is suggested."""

from __future__ import annotations

import json

import pytest

from lpc.diagnostics import (
    MAX_ERRORS,
    MAX_WARNINGS,
    Diagnostics,
    Expansion,
    Note,
    as_json,
    ordered,
    render,
    render_all,
    suggest,
    summary,
)
from lpc.source import SourceMap, position


def diagnostics(text: str, file: str = "/a.c") -> Diagnostics:
    source = SourceMap()
    source.include(file, text)
    return Diagnostics(source)


def mark(text: str, part: str, **extra: object) -> str:
    """The printed error about the first `part` in a one-line source."""
    found = diagnostics(text)
    start = position(1, text.index(part))
    found.error("LPC2001", "message", start, start + len(part), **extra)  # type: ignore[arg-type]
    return render(found.found[0])


def test_the_form_of_an_error() -> None:
    found = diagnostics("string mud_info;\nvoid f() {\n    mudinfo = 3;\n}\n", "/cmds/ftpd.lpc")
    note = Note("'mud_info' declared here", position(1, 7), position(1, 15))
    found.error("LPC3001", "Undefined variable 'mudinfo'", position(3, 4), position(3, 11),
                hint="did you mean 'mud_info'?", notes=[note])
    assert render(found.found[0]) == """\
/cmds/ftpd.lpc:3:5: error[LPC3001]: Undefined variable 'mudinfo'
    3 |     mudinfo = 3;
      |     ^~~~~~~ did you mean 'mud_info'?
/cmds/ftpd.lpc:1:8: note: 'mud_info' declared here
    1 | string mud_info;
      |        ^~~~~~~~
"""


def test_a_warning_and_a_plain_note() -> None:
    found = diagnostics("int x;\n")
    found.warning("LPC5001", "Unused local variable 'x'", position(1, 4), notes=[Note("while loading '/a'")])
    assert render(found.found[0]) == """\
/a.c:1:5: warning[LPC5001]: Unused local variable 'x'
    1 | int x;
      |     ^
  note: while loading '/a'
"""
    assert not found.has_errors


def test_the_include_chain_comes_first_outermost_first() -> None:
    found = diagnostics("#include <b.h>\n")
    first = found.source.include("/b.h", "\n#include <c.h>\n", position(1, 0))
    second = found.source.include("/c.h", "int int;\n", position(first.base + 2, 0))
    found.error("LPC2001", "syntax error", position(second.base + 1, 4), position(second.base + 1, 7))
    assert render(found.found[0]) == """\
In file included from /a.c:1:
In file included from /b.h:2:
/c.h:1:5: error[LPC2001]: syntax error
    1 | int int;
      |     ^~~
"""


def test_tabs_stop_where_they_do_in_the_file() -> None:
    lines = mark("\tif (a)\tfoo();", "foo").split("\n")
    assert lines[1] == "    1 |         if (a)  foo();"
    assert lines[2].index("^") == lines[1].index("foo")


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    lines = mark('x = "日本" + e\u0301t;', "t;").split("\n")
    assert lines[0].startswith("/a.c:1:14:")
    assert lines[2] == "      | " + " " * 14 + "^~"


def test_marks_reach_the_end_of_the_line_where_the_range_goes_on() -> None:
    found = diagnostics("foo(1,  \n  2)\n")
    found.error("LPC2001", "m", position(1, 0), position(2, 4))
    assert render(found.found[0]).split("\n")[2] == "      | ^~~~~~"


def test_a_range_past_the_end_of_its_line_is_still_marked() -> None:
    found = diagnostics("int x\n")
    found.error("LPC2001", "expected ';'", position(1, 5), position(1, 6), hint="add ';'")
    assert render(found.found[0]).split("\n")[1:3] == ["    1 | int x", "      |      ^ add ';'"]


def test_the_end_of_the_file_has_nothing_to_show() -> None:
    found = diagnostics("int x\n")
    found.error("LPC2001", "unexpected end of file", position(2, 0))
    assert render(found.found[0]) == "/a.c:2:1: error[LPC2001]: unexpected end of file\n"


@pytest.mark.parametrize("part", ["first", "middle", "last"])
def test_long_lines_are_shown_as_a_window_round_the_caret(part: str) -> None:
    text = "first" + " + a" * 80 + " middle" + " + b" * 80 + " + last"
    header, line, marks, _ = mark(text, part).split("\n")
    assert line[marks.index("^"):marks.rindex("~") + 1] == part
    assert len(line) < 130
    assert line.startswith("    1 | ...") == (part != "first")
    assert line.endswith("...") == (part != "last")


def test_a_mark_longer_than_the_window_stays_inside_it() -> None:
    _, line, marks, _ = mark("x" * 100 + "y" * 900, "y" * 900).split("\n")
    assert line[marks.index("^")] == "y"
    assert len(marks) <= len(line) + 1


def test_nothing_steers_the_terminal() -> None:
    found = diagnostics("int \x1b[31mx\x07\u202e\ud800;\n", "/\x1b[0m.c")
    found.error("LPC1001", "bad '\x1b[1m\n\x9b'", position(1, 4), hint="\x1b[5m")
    text = render(found.found[0])
    assert not set(text) & set("\x1b\x07\x9b\u202e\ud800")
    assert "bad '␛[1m \ufffd'" in text
    assert text.count("\n") == 3


def test_colour_changes_nothing_but_colour() -> None:
    found = diagnostics("int x;\n")
    found.error("LPC2001", "m", position(1, 4), hint="h", notes=[Note("n"), Note("o", position(1, 0))])
    coloured = render(found.found[0], color=True)
    assert "\x1b[1;31merror[LPC2001]:\x1b[0m" in coloured
    plain = coloured
    for code in ("1;31", "1;35", "1;36", "1;32", "0", "1", "2"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == render(found.found[0])


def test_all_messages_come_in_reading_order_once_and_are_counted() -> None:
    found = diagnostics("#include <b.h>\nint x;\nint y;\n")
    header = found.source.include("/b.h", "bad\n", position(1, 0))
    found.warning("LPC5001", "third", position(3, 0))
    found.error("LPC2001", "second", position(2, 0))
    found.error("LPC2001", "first", position(header.base + 1, 0))
    found.error("LPC2001", "second", position(2, 0))
    text = render_all([*found.found, *found.found])
    assert [d.message for d in ordered(found.found)] == ["first", "second", "third"]
    assert text.count("error[LPC2001]") == 2
    assert text.endswith("\n2 errors, 1 warning\n")


def test_no_messages_print_nothing() -> None:
    assert render_all([]) == ""


def test_the_summary_counts_one_without_s() -> None:
    found = diagnostics("x\n")
    found.error("LPC2001", "m", position(1, 0))
    assert summary(found.found) == "1 error"
    found.warning("LPC5001", "m", position(1, 0))
    found.warning("LPC5001", "n", position(1, 0))
    assert summary(found.found) == "1 error, 2 warnings"


def test_errors_beyond_the_limit_are_dropped_and_said_to_be() -> None:
    found = diagnostics("x\n" * 300)
    for line in range(1, 300):
        found.error("LPC2001", "wrong", position(line, 0))
    assert len(found.found) == MAX_ERRORS + 1
    assert render_all(found.found).split("\n")[-3:] == [
        f"/a.c:{MAX_ERRORS + 1}:1: error[LPC1098]: too many errors in this file; further errors suppressed",
        f"{MAX_ERRORS} errors", ""]


def test_warnings_have_a_limit_of_their_own() -> None:
    found = diagnostics("x\n" * 300)
    for line in range(1, 300):
        found.warning("LPC5001", "odd", position(line, 0))
    found.error("LPC2001", "wrong", position(1, 0))
    assert len(found.found) == MAX_WARNINGS + 2
    assert found.found[-2].message == "too many warnings in this file; further warnings suppressed"
    assert found.has_errors


def test_warnings_can_be_turned_off() -> None:
    found = diagnostics("x\n")
    found.warnings_enabled = False
    found.warning("LPC5001", "odd", position(1, 0))
    assert found.found == []


def test_the_same_message_at_the_same_place_is_kept_once() -> None:
    found = diagnostics("x\n")
    for _ in range(3):
        found.error("LPC2001", "wrong", position(1, 0))
    assert len(found.found) == 1


MACROS = (Expansion("TWICE", position(1, 8), "SUM(x, undefd)", -1), Expansion("SUM", position(2, 8), "a + undefd2", 0))


@pytest.mark.parametrize(("message", "names"), [
    ("Undefined variable 'undefd'", ["TWICE"]),
    ("Undefined variable 'undefd2'", ["SUM", "TWICE"]),
    ("unexpected '+'", ["SUM", "TWICE"]),
    ("Bad assignment ( int vs string ).", ["TWICE"]),
    ("Undefined variable 'elsewhere'", ["TWICE"]),
])
def test_a_message_about_macro_text_names_the_macros_innermost_first(message: str, names: list[str]) -> None:
    found = diagnostics("#define TWICE(x) SUM(x, undefd)\n#define SUM(a, b) a + undefd2\nTWICE(1)\n")
    found.expansions[position(3, 0)] = MACROS
    found.error("LPC3001", message, position(3, 0), position(3, 8))
    notes = [note.message for note in found.found[0].notes]
    assert notes == [f"expanded from macro '{name}'" for name in names]
    assert "    1 | #define TWICE(x)" in render(found.found[0])


def test_builtin_macros_have_no_place_and_deep_chains_are_shortened() -> None:
    found = diagnostics("M0\n")
    found.expansions[position(1, 0)] = tuple(Expansion(f"M{at}", None, f"M{at + 1}", at - 1) for at in range(30))
    found.error("LPC3001", "Undefined variable 'M30'", position(1, 0))
    notes = [note.message for note in found.found[0].notes]
    assert notes[0] == "expanded from builtin macro 'M29'"
    assert notes[3] == "(24 more expansions in between)"
    assert len(notes) == 7


def test_json_has_every_place() -> None:
    found = diagnostics("#include <b.h>\n")
    header = found.source.include("/b.h", "int int;\n", position(1, 0))
    start = position(header.base + 1, 4)
    found.error("LPC2001", "m", start, start + 3, hint="h", notes=[Note("plain"), Note("placed", position(1, 0))])
    assert json.loads(json.dumps(as_json(found.found[0]))) == {
        "severity": "error", "code": "LPC2001", "message": "m", "hint": "h",
        "file": "/b.h", "line": 1, "column": 5, "end_line": 1, "end_column": 8,
        "included_from": [{"file": "/a.c", "line": 1}],
        "notes": [{"message": "plain"},
                  {"message": "placed", "file": "/a.c", "line": 1, "column": 1, "end_line": 1, "end_column": 2}],
    }


@pytest.mark.parametrize(("word", "candidates", "expected"), [
    ("mudinfo", ["mud_info", "mode"], "mud_info"),
    ("wriet", ["write", "writef", "tell"], "write"),
    ("totl", ["total", "toll_booth"], "total"),
    ("Write", ["write"], "write"),
    ("x", ["y", "z"], None),
    ("x", ["X"], "X"),
    ("", ["a"], None),
    ("foo", ["foo"], None),
    ("foo", ["completely", "different"], None),
    ("abc", ["xyz", "ab", "cab"], "ab"),
    ("query_nmae", ["query_name", "query_names"], "query_name"),
    ("sizeof_", ["sizeof", "resize"], "sizeof"),
    ("x" * 1000, ["x" * 999], None),
    ("cat", ["bat", "car"], "car"),
])
def test_suggestions(word: str, candidates: list[str], expected: str | None) -> None:
    assert suggest(word, candidates) == expected
    assert suggest(word, reversed(candidates)) == expected
