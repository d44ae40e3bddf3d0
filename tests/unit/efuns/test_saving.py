"""Saving and restoring values and objects."""

from __future__ import annotations

import gzip
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from efuns.core.save import restore_from_string, restore_object, restore_variable, save_object, save_variable
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED


@pytest.fixture
def ob(host: Any) -> LPCObject:
    made: LPCObject = host.make("/ob", restore_lost_variable=lambda ob, name, value: ob.extra.update({name: value}))
    type(made).program = SimpleNamespace(  # type: ignore[assignment]
        path="/ob.c", chain=[0], saved_variables=lambda: [("gold", "v_gold"), ("name", "v_name"), ("empty", "v_empty")]
    )
    made.__dict__.update(v_gold=5, v_name="Tom\n", v_empty=0, v_nosave=9)
    return made


def test_variables(this: LPCObject) -> None:
    assert save_variable.checked(this, [1, "a"]) == '({1,"a",})'
    assert restore_variable.checked(this, '({1,"a",})') == [1, "a"]
    with pytest.raises(LPCError, match="Illegal array format"):
        restore_variable.checked(this, "({")
    with pytest.raises(LPCError, match="Illegal array size"):
        restore_variable.checked(this, "({" + "," * 2000 + "})")
    with pytest.raises(LPCError, match="too long"):
        save_variable.checked(this, "x" * 20_000)


def test_an_object_survives_its_file(ob: LPCObject, tmp_path: Path) -> None:
    assert save_object.checked(ob, "/save.c") == 22
    assert (tmp_path / "save.o").read_bytes() == b'#/ob.c\ngold 5\nname "Tom\r"\n'
    assert [path.name for path in tmp_path.iterdir()] == ["save.o"]
    ob.__dict__.update(v_gold=1, v_name=0, v_empty=7)
    assert restore_object.checked(ob, "/save") == 1
    assert (ob.__dict__["v_gold"], ob.__dict__["v_name"], ob.__dict__["v_nosave"]) == (5, "Tom\n", 9)
    assert ob.__dict__["v_empty"] is UNDEFINED


def test_keep_leaves_what_the_file_does_not_name(ob: LPCObject) -> None:
    save_object.checked(ob, "/save.o")
    ob.__dict__.update(v_gold=1, v_empty=7)
    restore_object.checked(ob, "/save.lpc", 1)
    assert (ob.__dict__["v_gold"], ob.__dict__["v_empty"]) == (5, 7)


def test_zeros_are_written_when_asked_for(ob: LPCObject, tmp_path: Path) -> None:
    save_object.checked(ob, "/save", 1)
    assert "empty 0\n" in (tmp_path / "save.o").read_text()


def test_gzip(ob: LPCObject, tmp_path: Path) -> None:
    save_object.checked(ob, "/save")
    assert save_object.checked(ob, "/save", 2) == 22
    assert gzip.decompress((tmp_path / "save.o.gz").read_bytes()).startswith(b"#/ob.c\ngold 5\n")
    assert not (tmp_path / "save.o").exists()
    ob.__dict__["v_gold"] = 0
    assert restore_object.checked(ob, "/save") == 1
    assert ob.__dict__["v_gold"] == 5


def test_a_gzip_bomb_is_refused(ob: LPCObject, tmp_path: Path) -> None:
    (tmp_path / "save.o.gz").write_bytes(gzip.compress(bytes(1_000_000)))
    with pytest.raises(LPCError, match="longer than 4096 bytes"):
        restore_object.checked(ob, "/save")
    (tmp_path / "save.o.gz").write_bytes(b"\x1f\x8bnonsense of some length")
    with pytest.raises(LPCError, match="Error reading file"):
        restore_object.checked(ob, "/save")


def test_text_instead_of_a_file(ob: LPCObject) -> None:
    text = save_object.checked(ob)
    assert text == '#/ob.c\ngold 5\nname "Tom\r"\n'
    assert "empty 0" in save_object.checked(ob, 1)
    ob.__dict__["v_gold"] = 1
    restore_from_string.checked(ob, text)
    assert ob.__dict__["v_gold"] == 5


def test_lost_variables_go_to_the_object(ob: LPCObject) -> None:
    restore_from_string.checked(ob, "silver 7\n")
    assert ob.extra == {"silver": 7}


def test_no_file_and_an_empty_one_are_0(ob: LPCObject, tmp_path: Path) -> None:
    assert restore_object.checked(ob, "/none") == 0
    (tmp_path / "empty.o").touch()
    assert restore_object.checked(ob, "/empty") == 0
    (tmp_path / "folder.o").mkdir()
    assert restore_object.checked(ob, "/folder") == 0
    assert ob.__dict__["v_gold"] == 5


def test_refusals(ob: LPCObject, host: Any, tmp_path: Path) -> None:
    host.files.refused |= {"/save.o", "/save.o.gz"}
    with pytest.raises(LPCError) as caught:
        save_object.checked(ob, "/save")
    assert caught.value.value == "*Denied write permission in save_object().\n"
    with pytest.raises(LPCError) as caught:
        restore_object.checked(ob, "/save")
    assert caught.value.value == "*restore_object: read permission denied: /save.o.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_not_be_written_is_0_and_logged(ob: LPCObject, host: Any) -> None:
    assert save_object.checked(ob, "/no/such/folder/save") == 0
    assert "/no/such/folder/save" in host.logged[0]


def test_faulty_files(ob: LPCObject, tmp_path: Path) -> None:
    (tmp_path / "save.o").write_text("gold ({1\n")
    with pytest.raises(LPCError) as caught:
        restore_object.checked(ob, "/save")
    assert caught.value.value == "*restore_object(): Illegal array format while restoring gold.\n"
