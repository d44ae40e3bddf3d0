"""Prototypes checked at run time."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.prototype import parse_prototype
from lpc.runtime.binder import check_count, truncate
from lpc.runtime.closures import FUNCTIONAL, Closure
from lpc.runtime.objects import Destructed, LPCObject
from lpc.runtime.values import INT_MIN, UNDEFINED, Buffer, Mapping, Record, RecordType


@efun("string f(string text, string | int what, int flag = 0)")
def fixed(text: str, what: str | int, flag: int = 0) -> Any:
    return text, what, flag


@efun("mixed g(object who, string * names, void | string last)")
def various(this: Any, who: Any, names: list[Any], last: str | None = None) -> Any:
    return this, who, names, last


@efun("mixed h(int first, int | string rest...)")
def spreading(this: Any, previous: Any, first: int, *rest: Any) -> Any:
    return this, previous, first, rest


@efun("mixed k(float x, int y, mixed z, void | int | float u)")
def numbers(x: float, y: int, z: Any, u: Any = None) -> Any:
    return x, y, z, u


def complaint(call: Any, *args: Any) -> Any:
    with pytest.raises(BadArgument) as caught:
        call(*args)
    return caught.value.value


@pytest.fixture
def ob() -> LPCObject:
    kind = type("Fake", (LPCObject,), {"driver": SimpleNamespace(valid=lambda *_: UNDEFINED)})
    made: LPCObject = kind("/ob", 1, 0)
    return made


def test_right_arguments_pass() -> None:
    assert fixed.checked("a", "b") == ("a", "b", 0)
    assert fixed.checked("a", 5, 7) == ("a", 5, 7)


@pytest.mark.parametrize(("args", "message"), [
    ((5, "b"), "*Bad argument 1 to f()\nExpected: string Got: 5.\n"),
    ((0, "b"), "*Bad argument 1 to f()\nExpected: string Got: 0.\n"),
    (("a", 1.5), "*Bad argument 2 to f()\nExpected: int or string Got: 1.500000.\n"),
    (("a", "b", []), "*Bad argument 3 to f()\nExpected: int Got: ({ }).\n"),
    (("a", ["x" * 1000]), '*Bad argument 2 to f()\nExpected: int or string Got: ({ /* sizeof() == 1 */\n  "'
                          + "x" * 174 + "....\n"),
])
def test_wrong_arguments_of_an_efun_with_a_fixed_number(args: Any, message: str) -> None:
    assert complaint(fixed.checked, *args) == message


def test_wrong_arguments_of_an_efun_with_a_varying_number(ob: LPCObject) -> None:
    assert complaint(various.checked, ob, 0, []) == "*Bad argument 1 to EFUN g()\nExpected: object,  Got: int(0).\n"
    assert complaint(various.checked, ob, ob, "x") == (
        '*Bad argument 2 to EFUN g()\nExpected: array,  Got: string("x").\n'
    )
    assert complaint(various.checked, ob, ob, [], ob) == (
        "*Bad argument 3 to EFUN g()\nExpected: string,  Got: object(/ob).\n"
    )


def test_optional_arguments_keep_their_python_default(ob: LPCObject) -> None:
    assert various.checked(1, ob, []) == (1, ob, [], None)
    assert various.checked(1, ob, [], "x") == (1, ob, [], "x")


def test_undefined_is_an_int_and_a_destructed_object_is_0(ob: LPCObject) -> None:
    assert fixed.checked("a", UNDEFINED, UNDEFINED)[1] is UNDEFINED
    ob.__class__ = Destructed
    what = fixed.checked("a", ob)[1]
    assert type(what) is int
    assert what == 0
    assert complaint(various.checked, ob, ob, []).endswith("Got: int(0).\n")


def test_rest_arguments(ob: LPCObject) -> None:
    assert spreading.checked(1, 2, 3) == (1, 2, 3, ())
    assert spreading.checked(1, 2, 3, "a", 4) == (1, 2, 3, ("a", 4))
    assert "Bad argument 3 to EFUN h()" in complaint(spreading.checked, 1, 2, 3, "a", [])
    gone = ob
    gone.__class__ = Destructed
    assert spreading.checked(1, 2, 3, gone)[3] == (0,)


def test_numbers_are_converted_only_where_one_kind_is_declared() -> None:
    converted = numbers.checked(1, 2.7, None)
    assert converted == (1.0, 2, None, None)
    assert type(converted[0]) is float
    assert type(converted[1]) is int
    assert numbers.checked(UNDEFINED, -2.7, 0, 1)[:2] == (0.0, -2)
    kept = numbers.checked(1.0, 1, 0, 1.5)[3]
    assert kept == 1.5
    assert "Expected: float" in complaint(numbers.checked, "1", 2, 3)


@pytest.mark.parametrize(("number", "whole"), [(1.9, 1), (-1.9, -1), (math.inf, INT_MIN), (math.nan, INT_MIN),
                                               (1e300, INT_MIN)])
def test_truncation_is_cs(number: float, whole: int) -> None:
    assert truncate(number) == whole


def test_every_type_accepts_its_values(ob: LPCObject) -> None:
    closure = Closure(ob, FUNCTIONAL, print, None)
    values: dict[str, Any] = {
        "int": 1, "float": 1.5, "string": "a", "mixed *": [1], "mapping": Mapping(), "function": closure,
        "buffer": Buffer(), "object": ob, "class point": Record(RecordType("point", ()), []), "mixed": None,
    }
    for name, value in values.items():
        taking = efun(f"mixed take({name} value)")(lambda value: value)
        assert taking.checked(value) == value
        for other, wrong in values.items():
            if name != "mixed" and other != "mixed" and {name, other} != {"int", "float"} and name != other:
                assert "Bad argument 1 to take()" in complaint(taking.checked, wrong)


def test_the_number_of_arguments_can_be_checked_before_a_call() -> None:
    prototype = parse_prototype("int f(string a, void | int b)")
    check_count(prototype, 2)
    with pytest.raises(LPCError) as caught:
        check_count(prototype, 0)
    assert caught.value.value == "*Too few arguments to EFUN f()\n"
    with pytest.raises(LPCError) as caught:
        check_count(prototype, 3)
    assert caught.value.value == "*Too many arguments to EFUN f()\n"
    check_count(parse_prototype("int f(mixed rest...)"), 99)
