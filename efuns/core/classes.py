"""Efuns over class instances and the classes a program declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Record, RecordType, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject


@efun("mixed fetch_class_member(mixed record, int member)")
def fetch_class_member(record: Value, member: int) -> Value:
    """A member of a class instance, by its number.

    Example: fetch_class_member(point, 0)
    """
    return _members(record, member, "fetch_class_member")[member]


@efun("mixed store_class_member(mixed record, int member, mixed value)")
def store_class_member(record: Value, member: int, value: Value) -> Value:
    """Set a member of a class instance by its number, in place; the instance.

    Example: store_class_member(point, 0, 3)
    """
    _members(record, member, "store_class_member")[member] = value
    return record


def _members(record: Value, member: int, name: str) -> list[Value]:
    if type(record) is not Record:
        raise LPCError(f"Argument to {name}() not a class.")
    if not 0 <= member < len(record.values):
        raise LPCError("Class index out of bounds.")
    return record.values


@efun("mixed assemble_class(mixed *members)")
def assemble_class(members: list[Value]) -> Record:
    """A class instance with these members; they have numbers only.

    Example: classp(assemble_class(({ 1, 2 }))) is 1
    """
    return Record(RecordType("", tuple(map(str, range(len(members))))), members[:])


@efun("mixed *disassemble_class(mixed record)")
def disassemble_class(record: Value) -> list[Value]:
    """The members of a class instance, as a new array.

    Example: disassemble_class(assemble_class(({ 1, 2 }))) is ({ 1, 2 })
    """
    if type(record) is not Record:
        raise LPCError("Argument to disassemble_class() not a class.")
    return record.values[:]


@efun("mixed *classes(object ob, int details = 0)")
def classes(ob: LPCObject, details: int = 0) -> list[Value]:
    """The names of the classes an object's program declares.

    With the flag, an array for each: the name, then ({ name, type }) for every member.

    Example: classes(this_object())
    """
    declared = ob.program.interface.classes.values()
    if not details:
        return [info.name for info in declared]
    return [[info.name, *([name, str(type)] for name, type in info.members)] for info in declared]


@efun("int num_classes(object ob)")
def num_classes(ob: LPCObject) -> int:
    """How many classes an object's program declares.

    Example: num_classes(this_object())
    """
    return len(ob.program.interface.classes)
