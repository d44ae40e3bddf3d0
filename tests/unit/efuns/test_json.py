"""The json efuns: the border between LPC values and JSON texts."""

from __future__ import annotations

import re
import struct
from typing import Any

import orjson
import pytest

from efuns.json import (
    DEPTH,
    decode,
    encode,
    encode_bytes,
    json_decode,
    json_encode,
    json_get,
    json_pretty,
    json_valid,
    to_lpc,
    to_plain,
)
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import INT_MAX, INT_MIN, UNDEFINED, Buffer, Mapping, Record, RecordType, as_key, mapping_of
from tests.unit.efuns.conftest import FakeHost

LIMITS = Limits()


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


# ------------------------------------------------------------------------------------------- encoding


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (-7, "-7"), (INT_MAX, "9223372036854775807"), (INT_MIN, "-9223372036854775808"),
    (0.5, "0.5"), (1.0, "1.0"), (-0.0, "-0.0"), (1e300, "1e300"),
    ("", '""'), ('a"\\\n\x01', '"a\\"\\\\\\n\\u0001"'), ("é€😀", '"é€😀"'),
    (UNDEFINED, "null"), ([1, UNDEFINED, 0], "[1,null,0]"), ([], "[]"), (Mapping(), "{}"),
    (Mapping(b=1, a=[Mapping()]), '{"a":[{}],"b":1}'), (Mapping({10: 1, 9: 2, "x": 3}), '{"10":1,"9":2,"x":3}'),
    (Mapping({"1": "string", 1: "int"}), '{"1":"string"}'), (Mapping({1: "int", "1": "string"}), '{"1":"string"}'),
    (Mapping({UNDEFINED: 1}), '{"0":1}'), (Buffer(b"\x00\xff"), "[0,255]"), (Buffer(), "[]"),
    (Record(RecordType("point", ("x", "y")), [1, [UNDEFINED]]), '{"x":1,"y":[null]}'),
])
def test_encode(this: LPCObject, value: Any, text: str) -> None:
    assert json_encode.checked(this, value) == text


def test_shared_parts_are_written_out_each_time(this: LPCObject) -> None:
    shared = [UNDEFINED]
    assert json_encode(this, [shared, shared, Mapping(a=shared)]) == '[[null],[null],{"a":[null]}]'


def test_a_destructed_object_is_0(this: LPCObject, host: FakeHost) -> None:
    other = host.make("/other")
    value = [other, Mapping({other: 1})]
    host.destruct(other)
    assert json_encode(this, value) == '[0,{"0":1}]'


@pytest.mark.parametrize(("value", "complaint"), [
    (float("nan"), "a float that is nan"), ([float("inf")], "a float that is inf"),
    (Mapping(a=-float("inf")), "a float that is -inf"),
    ("\ud800", "half a surrogate pair"), (Mapping({"\udc00": 1}), "half a surrogate pair"),
    (mapping_of([(1.5, 1)]), "a mapping key of type float"), (Mapping({as_key([1]): 1}), "a mapping key of type array"),
    (nested(DEPTH + 1), "nested more than 100 deep"),
])
def test_what_has_no_json(this: LPCObject, value: Any, complaint: str) -> None:
    with pytest.raises(LPCError, match=complaint):
        json_encode(this, value)


def test_objects_and_functions_have_no_json(this: LPCObject, lpc: Any) -> None:
    for value, name in ((this, "object"), ([lpc(lambda: 0)], "function"), (Mapping({this: 1}), "object")):
        with pytest.raises(LPCError, match=f"of type {name} can not be encoded"):
            json_encode(this, value)


def test_depth_is_counted_from_the_outermost_container(this: LPCObject) -> None:
    assert json_encode(this, nested(DEPTH)) == "[" * DEPTH + "]" * DEPTH


def test_cyclic_data(this: LPCObject) -> None:
    array: list[Any] = [1]
    array.append(Mapping(a=array))
    record = Record(RecordType("node", ("next",)), [0])
    record.values[0] = [record]
    for value in (array, record):
        with pytest.raises(LPCError, match="or containing itself"):
            json_encode(this, value)


def test_bombs_are_refused_before_anything_is_built() -> None:
    arrays: Any = "x"
    mappings: Any = Mapping(a=1)
    for _ in range(60):
        arrays, mappings = [arrays, arrays], Mapping(a=mappings, b=mappings)
    wide: Any = [1] * 1000
    wide = [[wide] * 1000] * 1000
    long_key = Mapping({"k" * 100_000: 1})
    limits = Limits(string_length=1_000_000, array_size=100_000)
    for value in (arrays, mappings, wide, ["x" * 100_000] * 1000, [long_key] * 1000, [Buffer(bytes(100_000))] * 1000,
                  [Mapping.fromkeys(range(10_000), 1)] * 1000):
        with pytest.raises(LPCError, match="larger than the driver's limits"):
            encode(value, limits)


def test_results_are_bounded(this: LPCObject) -> None:
    length = this.driver.limits.string_length
    assert len(json_encode(this, "x" * (length - 3))) == length - 1
    for value in ("x" * (length - 1), "\x01" * (length // 2), ["é" * 100] * 100):
        with pytest.raises(LPCError, match="larger"):
            json_encode(this, value)


def test_what_nulls_in_the_text_may_hide(this: LPCObject) -> None:
    deep: Any = UNDEFINED
    for _ in range(DEPTH):
        deep = [deep]
    assert json_encode(this, ["null", deep[0]]).startswith('["null",[[')
    for value in ([UNDEFINED, float("nan")], ["null", [float("inf")]], Mapping(a="null", b=-float("inf"))):
        with pytest.raises(LPCError, match="a float that is"):
            json_encode(this, value)
    for value in ([deep], Mapping(a=deep)):
        with pytest.raises(LPCError, match="nested more than 100 deep"):
            json_encode(this, value)


def test_brackets_in_strings_are_no_depth(this: LPCObject) -> None:
    for text in ("[" * 3000, "]" * 3000, "{[" * 500 + "]}" * 500, "[[]" * 500):
        value = [text, Mapping({text: [text]})]
        assert decode(json_encode(this, value), LIMITS)[0] == text
        with pytest.raises(LPCError, match="nested more than 100 deep"):
            json_encode(this, [text, nested(DEPTH)])


def test_shared_parts_are_as_deep_as_where_they_stand(this: LPCObject) -> None:
    part = nested(60)
    below: Any = part
    for _ in range(DEPTH - 60):
        below = [below]
    text = "[" * 500
    assert json_encode(this, [text, part, part]) and json_encode(this, below)
    with pytest.raises(LPCError, match="nested more than 100 deep"):
        json_encode(this, [text, part, below])


def test_records_and_odd_keys_within_each_other(this: LPCObject) -> None:
    record = Record(RecordType("r", ("b", "a")), [Mapping({1: UNDEFINED}), Buffer(b"\x01")])
    value = [record, Mapping({2: record, 10: [record]})]
    shown = '{"a":[1],"b":{"1":null}}'
    assert json_encode(this, value) == f'[{shown},{{"10":[{shown}],"2":{shown}}}]'
    deep = Mapping({1: 1})
    for _ in range(DEPTH):
        deep = Mapping({1: deep})
    with pytest.raises(LPCError, match="nested more than 100 deep"):
        json_encode(this, deep)
    cycle = Mapping({1: 1})
    cycle[2] = cycle
    with pytest.raises(LPCError, match="or containing itself"):
        json_encode(this, cycle)


def test_texts_of_every_size_fit_their_buffers() -> None:
    for size in (1, 4094, 4095, 65_533, 65_534, 65_535, 1_048_573, 1_048_575):
        assert len(encode("x" * size, LIMITS)) == size + 2
        assert len(encode_bytes("é" * size, LIMITS)) == 2 * size + 2


def test_a_large_buffer_is_refused() -> None:
    assert len(encode(Buffer(bytes(1 << 20)), LIMITS)) == 2 * (1 << 20) + 1
    with pytest.raises(LPCError, match="larger"):
        encode(Buffer(bytes((1 << 20) + 1)), LIMITS)


def test_what_is_encoded_stays_as_it_was(this: LPCObject) -> None:
    inner = Mapping({1: UNDEFINED})
    value = [inner, Buffer(b"a")]
    json_encode(this, value)
    assert value[0] is inner and inner[1] is UNDEFINED and isinstance(value[1], Buffer)


@pytest.mark.parametrize(("indent", "text"), [
    (2, '{\n  "a": [\n    1,\n    "x\\n    y"\n  ]\n}'), (0, '{\n"a": [\n1,\n"x\\n    y"\n]\n}'),
    (3, '{\n   "a": [\n      1,\n      "x\\n    y"\n   ]\n}'),
])
def test_pretty(this: LPCObject, indent: int, text: str) -> None:
    value = Mapping(a=[1, "x\n    y"])
    assert json_pretty.checked(this, value, indent) == text
    assert decode(text, LIMITS)["a"] == [1, "x\n    y"]


def test_pretty_indents_by_two(this: LPCObject) -> None:
    assert json_pretty(this, [1]) == "[\n  1\n]"
    assert json_pretty(this, []) == "[]"


@pytest.mark.parametrize("indent", [-1, 17, INT_MAX])
def test_pretty_refuses_other_indents(this: LPCObject, indent: int) -> None:
    with pytest.raises(LPCError, match="an indent of 0 to 16"):
        json_pretty(this, 1, indent)


def test_indentation_counts_as_length(this: LPCObject) -> None:
    deep: Any = [1] * 50
    for _ in range(60):
        deep = [deep]
    assert len(json_pretty(this, deep, 1)) < 10_000
    with pytest.raises(LPCError, match="larger"):
        json_pretty(this, deep, 16)


# ------------------------------------------------------------------------------------------- decoding


@pytest.mark.parametrize(("text", "value"), [
    ("0", 0), ("-0", 0), (" [ 1 , 2 ] ", [1, 2]), ("9223372036854775807", INT_MAX), ("-9223372036854775808", INT_MIN),
    ("9223372036854775808", 9223372036854775808.0), ("[18446744073709551615]", [18446744073709551615.0]),
    ("18446744073709551616", 18446744073709551616.0), ("-9223372036854775809", -9223372036854775809.0),
    ("1.0", 1.0), ("1e2", 100.0), ("1e-999", 0.0), ('"\\u00e9\\ud83d\\ude00\\u0000"', "é😀\0"),
    ("[true,false]", [1, 0]),
    ("[[],[[]]]", [[], [[]]]),
])
def test_decode(this: LPCObject, text: str, value: Any) -> None:
    for given in (text, Buffer(text.encode())):
        found = json_decode.checked(this, given)
        assert found == value
        assert type(found) is type(value)


def test_truth_becomes_ints(this: LPCObject) -> None:
    found = json_decode(this, "[true, false]")
    assert [type(one) for one in found] == [int, int]
    assert json_decode(this, "true") == 1 and type(json_decode(this, "false")) is int


def test_null_is_undefined(this: LPCObject) -> None:
    assert json_decode(this, "null") is UNDEFINED
    assert json_decode(this, "[null]")[0] is UNDEFINED
    found = json_decode(this, '{"a": null}')
    assert list(found) == ["a"] and found["a"] is UNDEFINED


def test_objects_become_mappings(this: LPCObject) -> None:
    found = json_decode(this, '{"a": {"b": [{"c": true, "d": 9223372036854775808}]}, "a2": [[{}]]}')
    assert type(found) is Mapping and type(found["a"]) is Mapping
    inner = found["a"]["b"][0]
    assert type(inner) is Mapping and inner["c"] == 1 and inner["d"] == 2.0**63
    assert type(found["a2"][0][0]) is Mapping


def test_of_equal_keys_the_last_counts(this: LPCObject) -> None:
    assert json_decode(this, '{"a": 1, "b": 2, "a": 3}')["a"] == 3


@pytest.mark.parametrize(("text", "complaint"), [
    ("", "zero-length"), ("[1,]", "trailing comma"), ("{'a': 1}", ""), ("[1] 2", "unexpected content"), ("NaN", ""),
    ("-Infinity", ""), ("1e999", "infinity"), ("01", "leading zero"), ("nul", ""), ('"\x01"', "control character"),
    ('"\\ud800"', "surrogate"), ('"\\udc00"', "surrogate"), ('"\ud800"', "surrogates"), ("\ufeff1", ""), ("[1", ""),
    ('{"a": 1\n"b": 2}', "line 2, column"), ("// x\n1", ""), ("{1: 2}", ""),
])
def test_what_is_no_json(this: LPCObject, text: str, complaint: str) -> None:
    with pytest.raises(LPCError, match=f"JSON: .*{complaint}"):
        json_decode(this, text)
    assert json_valid.checked(this, text) == 0


def test_buffers_must_be_utf8(this: LPCObject) -> None:
    assert json_decode(this, Buffer('"é"'.encode())) == "é"
    for data in (b'"\xe9"', b"\xff\xfe1\x00", b"\xed\xa0\x80"):
        with pytest.raises(LPCError, match="JSON: "):
            json_decode(this, Buffer(data))


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
def test_deep_texts_are_harmless(this: LPCObject, opening: str) -> None:
    for text in (opening * 100_000, opening * 2000):
        with pytest.raises(LPCError, match="JSON: "):
            decode(text, LIMITS)


def test_depth(this: LPCObject) -> None:
    assert json_valid(this, "[" * DEPTH + "]" * DEPTH) == 1
    assert json_valid(this, "[" * (DEPTH + 1) + "]" * (DEPTH + 1)) == 0
    assert json_valid(this, '{"a":' * DEPTH + "1" + "}" * DEPTH) == 1
    assert json_valid(this, '{"a":' * (DEPTH + 1) + "1" + "}" * (DEPTH + 1)) == 0


def test_results_of_decoding_are_bounded(this: LPCObject) -> None:
    limits = this.driver.limits
    assert len(json_decode(this, str([0] * limits.array_size))) == limits.array_size
    keys = ",".join(f'"{number}":0' for number in range(limits.mapping_size + 1))
    for text in (str([0] * (limits.array_size + 1)), f"{{{keys}}}", f'{{"a": [{{{keys}}}]}}',
                 str([[]] * (limits.array_size + 1))):
        with pytest.raises(LPCError, match="larger than the driver's limits"):
            json_decode(this, text)


def test_brackets_in_strings_are_only_text(this: LPCObject) -> None:
    text = '["' + '[{\\"' * this.driver.limits.array_size + '"]'
    for given in (text, Buffer(text.encode())):
        assert len(json_decode(this, given)[0]) == 3 * this.driver.limits.array_size


def test_an_endless_string_is_refused_quickly(this: LPCObject) -> None:
    assert json_valid(this, '"' + '[\\"' * 500_000) == 0


@pytest.mark.parametrize("bits", [0, 1, 0x3FB999999999999A, 0x7FEFFFFFFFFFFFFF, 0x10000000000000, 0x8000000000000001])
def test_floats_come_back(bits: int) -> None:
    number = struct.unpack("<d", struct.pack("<Q", bits))[0]
    back = decode(encode(number, LIMITS), LIMITS)
    assert struct.pack("<d", back) == struct.pack("<d", number)


# --------------------------------------------------------------------------------------------- json_get

TEXT = '{"users": [{"name": "tom", "a/b": 1, "c~d": 2, "": 3, "e.f": {"g": [true, null]}}], "0": "zero"}'


@pytest.mark.parametrize(("path", "value"), [
    ("/users/0/name", "tom"), ("users.0.name", "tom"), ("/users/0/a~1b", 1), ("/users/0/c~0d", 2), ("/users/0/", 3),
    ("/users/0/e.f/g/0", 1), ("0", "zero"), ("/0", "zero"), ("users.0.a/b", 1),
])
def test_get(this: LPCObject, path: str, value: Any) -> None:
    assert json_get.checked(this, TEXT, path) == value


@pytest.mark.parametrize("path", [
    "/", "users.1", "users.-1", "users.00", "users.٠", "users.0.name.x", "users.99999999999999999999", "users.",
    ".users", "/users/-", "users.0.e.f", "nobody", "/users/0/e.f/g/1",
])
def test_get_what_is_not_there(this: LPCObject, path: str) -> None:
    assert json_get(this, TEXT, path) is UNDEFINED


def test_get_everything_or_a_part(this: LPCObject) -> None:
    assert sorted(json_get(this, TEXT, "")) == ["0", "users"]
    part = json_get(this, Buffer(TEXT.encode()), "/users/0/e.f")
    assert type(part) is Mapping and part["g"] == [1, 0] and part["g"][1] is UNDEFINED
    with pytest.raises(LPCError, match="JSON"):
        json_get(this, "{", "a")


# --------------------------------------------------------------------------------- for other packages


def test_plain_values_and_back() -> None:
    value = Mapping(a=[Mapping({1: UNDEFINED})], b=Buffer(b"x"))
    plain = to_plain(value, LIMITS)
    assert plain == {"a": [{"1": None}], "b": [120]}
    assert type(plain) is dict and type(plain["a"][0]) is dict
    stored = {"a": [{"b": True, "c": None}]}
    back = to_lpc(stored, LIMITS)
    assert type(back["a"][0]) is Mapping and back["a"][0]["b"] == 1 and back["a"][0]["c"] is UNDEFINED
    assert stored == {"a": [{"b": True, "c": None}]}


def test_encoding_agrees_with_orjson() -> None:
    value = {"users": [{"id": at, "name": f"user {at}", "tags": ["a", "b"], "hp": at / 3} for at in range(50)]}
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    assert encode(decode(text, LIMITS), LIMITS) == text


def test_errors_show_no_python(this: LPCObject) -> None:
    for call in (lambda: json_decode(this, "[" * 5000), lambda: json_encode(this, this)):
        with pytest.raises(LPCError) as caught:
            call()
        assert not re.search("orjson|Error|Traceback", caught.value.value)
