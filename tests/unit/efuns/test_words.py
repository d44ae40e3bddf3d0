"""English, colours and cycles."""

from __future__ import annotations

from typing import Any

import pytest

from efuns import matrix, words
from efuns.core import cycles, encoding
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, mapping_of


@pytest.mark.parametrize(("one", "many"), [
    ("lamp", "lamps"), ("torch", "torches"), ("fly", "flies"), ("key", "keys"), ("half", "halves"), ("cuff", "cuffs"),
    ("policeman", "policemen"), ("basis", "bases"), ("a piece of cake", "pieces of cake"), ("Child", "Children"),
    ("potato", "potatoes"), ("life", "lives"), ("", ""),
])
def test_plurals(one: str, many: str) -> None:
    assert words.pluralize(one) == many


@pytest.mark.parametrize(("number", "text"), [
    (0, "zero"), (13, "thirteen"), (40, "forty"), (99, "ninety-nine"), (300, "three hundred"),
    (1205, "one thousand two hundred and five"), (-1, "many"), (100_000, "many"),
])
def test_numbers(number: int, text: str) -> None:
    assert words.query_num(number) == text


def test_numbers_above_the_limit_are_many() -> None:
    assert words.query_num(11, 10) == "many"
    assert words.query_num(10, 10) == "ten"


def test_colours_take_no_room_on_a_line(this: Any) -> None:
    codes = mapping_of([("B", "<b>"), ("RESET", "<r>")])
    assert words.terminal_colour(this, "%^B%^one two%^RESET%^ %^X%^", codes) == "<b>one two<r> X"
    assert words.terminal_colour(this, "%^B%^one two three", codes, 7, 2) == "<b>one two<r>\n  three"
    assert words.terminal_colour(this, "abcdefgh", codes, 3) == "abc<r>\ndef<r>\ngh"


def test_cycles_are_found_and_broken(this: Any) -> None:
    inner: list[Any] = [1]
    loop = [inner, mapping_of([("k", inner)])]
    assert cycles.has_cycle(loop) == 0
    inner.append(loop)
    assert cycles.has_cycle(loop) == 1
    assert cycles.find_cycles(this, loop) == ["[0][1]"]
    assert cycles.break_cycles(loop) == 1
    assert inner == [1, 0] and cycles.has_cycle(loop) == 0


def test_text_in_other_encodings(this: Any) -> None:
    assert encoding.string_encode(this, "é€", "latin1").data == b"\xe9?"
    assert encoding.string_decode(this, Buffer(b"\xd6\xd0\0x"), "GBK") == "中"
    assert encoding.buffer_transcode(this, Buffer(b"\xe9"), "latin1", "utf-8").data == b"\xc3\xa9"
    for name in ("rot13", "idna", "unicode_escape", "../x", "nonsense"):
        with pytest.raises(LPCError, match="Unknown encoding"):
            encoding.string_encode(this, "a", name)


def test_matrices_change_in_place() -> None:
    made = matrix.id_matrix()
    assert matrix.translate(made, 1.0, 2.0, 3.0) is made
    assert made[12:15] == [1.0, 2.0, 3.0]
    turned = matrix.rotate_z(matrix.id_matrix(), 90.0)
    assert turned[0] == pytest.approx(0.0) and turned[1] == pytest.approx(1.0)
    with pytest.raises(LPCError):
        matrix.scale([1] * 16, 1.0, 1.0, 1.0)
