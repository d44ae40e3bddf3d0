"""The text of %O."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lpc.errors import LPCError
from lpc.runtime.closures import FUNCTIONAL, LFUN, Closure
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.show import SHORT, show, show_float, show_short
from lpc.runtime.values import UNDEFINED, Buffer, Record, RecordType, mapping_of


def make(name: str, title: Any = 0) -> LPCObject:
    def valid(apply: str, ob: LPCObject) -> Any:
        assert apply == "object_name"
        if isinstance(title, Exception):
            raise title
        return title

    kind = type("Fake", (LPCObject,), {"driver": SimpleNamespace(valid=valid)})
    ob: LPCObject = kind(name, 1, 0)
    return ob


POINT = RecordType("point", ("x", "y"))


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (-5, "-5"), (UNDEFINED, "0"), (1.5, "1.500000"), (1e20, "100000000000000000000.000000"),
    ("a\n\"b", '"a\n"b"'), ([], "({ })"), (mapping_of([]), "([ ])"), (Buffer(), "BUFFER ( )"),
    ([1, "a"], '({ /* sizeof() == 2 */\n  1,\n  "a"\n})'),
    ([[1], []], "({ /* sizeof() == 2 */\n  ({ /* sizeof() == 1 */\n    1\n  }),\n  ({ })\n})"),
    (mapping_of([("k", 1)]), '([ /* sizeof() == 1 */\n  "k" : 1,\n])'),
    (mapping_of([("k", [1])]), '([ /* sizeof() == 1 */\n  "k" : ({ /* sizeof() == 1 */\n      1\n    }),\n])'),
    (mapping_of([(1.0, 2), (1, 3)]), "([ /* sizeof() == 2 */\n  1 : 3,\n  1.000000 : 2,\n])"),
    (Buffer(b"\x00\xff"), "BUFFER ( /* sizeof() == 2 */\n  0x0,\n  0xff\n)"),
    ([Buffer(b"\x0a")], "({ /* sizeof() == 1 */\n  BUFFER ( /* sizeof() == 1 */\n    0xa\n  )\n})"),
    (Record(POINT, [0, 1]), "CLASS( 2 elements\n  0,\n  1\n )"),
    (Record(RecordType("one", ("x",)), [0]), "CLASS( 1 element\n  0\n )"),
    (Record(RecordType("none", ()), []), "CLASS( 0 elements\n\n )"),
])
def test_values(value: Any, text: str) -> None:
    assert show(value) == text


def test_objects_have_the_title_the_master_gives() -> None:
    assert show(make("/path#1")) == "/path#1"
    assert show(make("/path", "Tom")) == '/path ("Tom")'
    assert show(make("/path", LPCError("no"))) == "/path"


def test_a_destructed_object_is_0() -> None:
    ob = make("/path")
    ob.__class__ = Destructed
    assert show([ob]) == "({ /* sizeof() == 1 */\n  0\n})"


def test_functions_show_their_arguments() -> None:
    ob = make("/a")
    code = Closure(ob, FUNCTIONAL, print, None, text="<code>($1)")
    assert show(code) == "(: <code>($1) :)"
    bound = Closure(ob, LFUN, print, None, bound=(5, "x"), text="f")
    assert show(bound) == '(: f, 5, "x" :)'
    ob.__class__ = Destructed
    assert show(Closure(ob, LFUN, print, None, text="f")) == "(: 0 :)"


def test_what_is_nested_deeper_than_twenty_columns_is_left_out() -> None:
    value: list[Any] = [1]
    for _ in range(30):
        value = [value]
    assert show(value).count("sizeof") == 11
    assert "..." in show(value)
    loop: list[Any] = []
    loop += [loop, 2]
    assert "...2" not in show(loop)
    assert "......" in show(loop)


def test_functions_bound_to_functions_without_end_are_cut() -> None:
    closure = Closure(make("/a"), FUNCTIONAL, print, None)
    for _ in range(5000):
        closure = Closure(closure.owner, FUNCTIONAL, print, None, bound=(closure,))
    assert show(closure).count("code") == 21


def test_the_text_is_cut_while_it_is_made() -> None:
    value: list[Any] = [1] * 1000
    for _ in range(9):
        value = [value] * 1000  # 10 ** 30 elements
    assert len(show(value, 10_000)) == 10_000
    assert show("x" * 500, 100) == '"' + "x" * 99
    assert len(show(mapping_of((n, value) for n in range(1000)), 500)) == 500
    assert len(show(Buffer(bytes(100_000)), 400)) == 400


def test_errors_show_values_shortened() -> None:
    assert show_short(5) == "5"
    assert show_short("x" * 1000) == '"' + "x" * (SHORT - 1) + "..."


def test_a_value_of_no_lpc_type_shows_nothing_of_python() -> None:
    assert show(object()) == "<object>"


def test_floats() -> None:
    assert show_float(0.1) == "0.100000"
