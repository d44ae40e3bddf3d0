"""Efuns of the uids package: in whose name an object acts.

The loader gives every object its uid (from the master's creator_file()); it lies in `LPCObject.extra`
beside the effective one ("uid", "euid"). Without a master that names users there are no uids, and all are 0.
"""

from __future__ import annotations

from lpc.efun import efun
from lpc.errors import BadArgument, LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Value, truth


@efun("string getuid(object ob = this_object())")
def getuid(this: LPCObject, ob: LPCObject | None = None) -> Value:
    """The user id of an object.

    Example: getuid(this_object())
    """
    return (this if ob is None else ob).extra.get("uid", 0)


@efun("string geteuid(function | object ob = this_object())")
def geteuid(this: LPCObject, ob: Closure | LPCObject | None = None) -> Value:
    """The effective user id of an object, or of a function's owner; 0 if it has none.

    Example: geteuid(previous_object())
    """
    owner = ob.owner if isinstance(ob, Closure) else this if ob is None else ob
    return owner.extra.get("euid", 0)


@efun("int seteuid(string | int euid)")
def seteuid(this: LPCObject, euid: str | int) -> int:
    """Take another effective user id, if the master's valid_seteuid(object, id) agrees, or none (0); 1, or 0.

    Example: seteuid(getuid())
    """
    if isinstance(euid, int):
        if euid:
            raise BadArgument("Bad argument 1 to seteuid()")
    elif not truth(this.driver.valid("valid_seteuid", this, euid)):
        return 0
    this.extra["euid"] = euid
    return 1


@efun("int export_uid(object ob)")
def export_uid(this: LPCObject, ob: LPCObject) -> int:
    """Give an object without effective user id this object's one as its user id; 1, or 0 if it has one.

    Example: export_uid(clone)
    """
    if not this.extra.get("euid", 0):
        raise LPCError("Illegal to export uid 0")
    if ob.extra.get("euid", 0):
        return 0
    ob.extra["uid"] = this.extra["euid"]
    return 1


@efun("string query_privs(object ob = this_object())")
def query_privs(this: LPCObject, ob: LPCObject | None = None) -> Value:
    """The privileges of an object: a text the mudlib gives meaning to; 0 if it has none.

    Example: query_privs(previous_object())
    """
    return (this if ob is None else ob).extra.get("privs", 0)


@efun("void set_privs(object ob, int | string privileges)")
def set_privs(this: LPCObject, ob: LPCObject, privileges: int | str) -> int:
    """Set the privileges of an object; an int takes them away.

    Example: set_privs(clone, "cmds:admin")
    """
    if isinstance(privileges, str):
        ob.extra["privs"] = privileges
    else:
        ob.extra.pop("privs", None)
    return 0
