from __future__ import annotations

from typing import Any

import pytest

from efuns.core import buffers, classes, functions, types
from lpc.errors import LPCError
from lpc.runtime.closures import LFUN
from lpc.runtime.values import INT_MAX, INT_MIN, UNDEFINED, ArrayKey, Buffer, Mapping, Record, RecordType, mapping_of

POINT = RecordType("point", ("x", "y"))


def values(this: Any, lpc: Any) -> dict[str, Any]:
    return {
        "int": 1,
        "float": 1.0,
        "string": "",
        "array": [],
        "mapping": Mapping(),
        "buffer": Buffer(),
        "class": Record(POINT, [0, 0]),
        "object": this,
        "function": lpc(lambda: 0),
    }


def test_each_test_accepts_its_type_alone(this: Any, lpc: Any) -> None:
    tests = {
        "int": types.intp,
        "float": types.floatp,
        "string": types.stringp,
        "array": types.pointerp,
        "mapping": types.mapp,
        "buffer": types.bufferp,
        "class": types.classp,
        "object": types.objectp,
        "function": types.functionp,
    }
    for name, test in tests.items():
        accepted = [kind for kind, value in values(this, lpc).items() if test(value)]
        assert accepted == [name]


def test_typeof_names_every_type(this: Any, lpc: Any) -> None:
    for name, value in values(this, lpc).items():
        assert types.typeof(value) == name


def test_a_destructed_object_is_an_int(this: Any, host: Any) -> None:
    host.destruct(this)
    assert types.intp(this) == 1
    assert types.objectp(this) == 0
    assert types.typeof(this) == "int"
    assert types.undefinedp(this) == 0


def test_undefinedp_tells_undefined_from_zero() -> None:
    assert types.undefinedp(UNDEFINED) == 1
    assert types.undefinedp(0) == 0
    assert types.intp(UNDEFINED) == 1


def test_functionp_tells_kind_and_flags(lpc: Any, host: Any) -> None:
    owner = host.make("/owner")
    f = lpc(lambda: 0, kind=LFUN, owner=owner, bound=(1,), bindable=False)
    assert types.functionp(f) == 2 | 16 | 64
    host.destruct(owner)
    assert types.functionp(f) == 2 | 16 | 32 | 64


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (6.7, 6),
        (-6.7, -6),
        ("12 apples", 12),
        ("  -3", -3),
        ("+4", 4),
        ("3.14abc", 3),
        ("9" * 30, INT_MAX),
        ("-" + "9" * 5000, INT_MIN),
        ("9223372036854775808", INT_MAX),
        ("0" * 40 + "5", 5),
        (1e300, INT_MIN),
        (Buffer(b"\x00\x00\x01\x00"), 256),
        (Buffer(b"\xff\xff\xff\xff"), -1),
        (Buffer(b"\x00" * 7 + b"\x02"), 2),
        (Buffer(b"\x01\x02"), 0),
    ],
)
def test_to_int(value: Any, number: int) -> None:
    assert types.to_int(value) == number


@pytest.mark.parametrize("text", ["", "abc3", " ", "-", "٣"])
def test_to_int_of_no_number_is_undefined(text: str) -> None:
    assert types.to_int(text) is UNDEFINED


@pytest.mark.parametrize(
    ("value", "number"), [(5, 5.0), ("1.23abc", 1.23), (" -1e3x", -1000.0), (".5", 0.5), ("abc", 0.0), ("1.", 1.0)]
)
def test_to_float(value: Any, number: float) -> None:
    assert types.to_float(value) == number


def test_to_buffer(this: Any) -> None:
    same = Buffer(b"x")
    assert types.to_buffer(this, same) is same
    assert types.to_buffer(this, "é").data == b"\xc3\xa9"
    assert types.to_buffer(this, [7, 255]).data == b"\x07\xff"
    with pytest.raises(LPCError, match="must be ints 0..255"):
        types.to_buffer(this, [300])
    with pytest.raises(LPCError, match="Illegal buffer size"):
        types.to_buffer(this, "x" * 6000)


def test_copy_shares_nothing_with_the_original(this: Any) -> None:
    key = [1]
    original = [[1, "a"], mapping_of([(key, [2])]), Buffer(b"b"), Record(POINT, [[3], 4]), this]
    copied = types.copy(this, original)
    assert copied[0] == [1, "a"]
    assert copied[0] is not original[0]
    (copied_key,) = copied[1]
    assert type(copied_key) is ArrayKey
    assert copied_key.array == key
    assert copied_key.array is not key
    assert copied[1][copied_key] == [2]
    assert copied[2].data == b"b"
    assert copied[2] is not original[2]
    assert copied[3].values == [[3], 4]
    assert copied[3].values[0] is not original[3].values[0]
    assert copied[4] is this


def test_copy_keeps_what_is_shared_inside(this: Any) -> None:
    shared = [1]
    copied = types.copy(this, [shared, shared])
    assert copied[0] is copied[1]
    assert copied[0] is not shared


def test_copy_of_much_shared_structure_is_no_larger_than_the_original(this: Any) -> None:
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    copied = types.copy(this, value)
    assert copied[0] is copied[1]


def test_copy_refuses_what_contains_itself(this: Any) -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(LPCError, match="nested too deep"):
        types.copy(this, loop)


def test_copy_reads_destructed_objects_as_zero(this: Any, host: Any) -> None:
    gone = host.make("/gone")
    host.destruct(gone)
    assert types.copy(this, [gone]) == [0]
    assert types.copy(this, [gone])[0] is not gone


def test_evaluate_calls_functions_and_passes_other_values(this: Any, lpc: Any) -> None:
    assert functions.evaluate(this, lpc(lambda a, b: a + b), 1, 2) == 3
    assert functions.evaluate(this, lpc(lambda a, b: [a, b]), 1)[1] is UNDEFINED
    assert functions.evaluate(this, "x", 1) == "x"


def test_bind_needs_the_master_and_a_bindable_function(this: Any, lpc: Any, host: Any) -> None:
    other = host.make("/other")
    f = lpc(lambda: 1)
    assert functions.bind(this, f, this) is f
    with pytest.raises(LPCError, match="denied permission"):
        functions.bind(this, f, other)
    host.answers["valid_bind"] = 1
    bound = functions.bind(this, f, other)
    assert functions.function_owner(bound) is other
    assert bound.call(0) == 1
    with pytest.raises(LPCError, match="pointer to a local function"):
        functions.bind(this, lpc(lambda: 1, kind=LFUN, bindable=False), other)
    with pytest.raises(LPCError, match="references globals"):
        functions.bind(this, lpc(lambda: 1, bindable=False), other)
    host.destruct(other)
    assert functions.function_owner(bound) == 0


def test_class_members_by_number() -> None:
    point = Record(POINT, [1, 2])
    assert classes.fetch_class_member(point, 1) == 2
    assert classes.store_class_member(point, 0, 5) is point
    assert classes.disassemble_class(point) == [5, 2]
    assert classes.disassemble_class(classes.assemble_class([7])) == [7]
    for member in (-1, 2):
        with pytest.raises(LPCError, match="Class index out of bounds"):
            classes.fetch_class_member(point, member)
    with pytest.raises(LPCError, match=r"Argument to disassemble_class\(\) not a class"):
        classes.disassemble_class([1])
    with pytest.raises(LPCError, match=r"Argument to fetch_class_member\(\) not a class"):
        classes.fetch_class_member([1], 0)


def test_allocate_buffer_obeys_its_limit(this: Any) -> None:
    assert buffers.allocate_buffer(this, 3).data == b"\0\0\0"
    for size in (-1, 5001):
        with pytest.raises(LPCError, match="Illegal buffer size"):
            buffers.allocate_buffer(this, size)
