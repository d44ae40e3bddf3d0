from __future__ import annotations

from typing import Any

import pytest

from efuns import uids
from lpc.errors import BadArgument, LPCError


def test_uids_are_what_the_loader_gave(this: Any, host: Any, lpc: Any) -> None:
    assert uids.getuid(this) == uids.geteuid(this) == 0
    other = host.make("/other")
    other.extra.update(uid="root", euid="ann")
    assert uids.getuid(this, other) == "root"
    assert uids.geteuid(this, other) == "ann"
    assert uids.geteuid(this, lpc(lambda: 0, owner=other)) == "ann"


def test_seteuid_needs_the_master(this: Any, host: Any) -> None:
    assert uids.seteuid(this, "ann") == 0
    assert uids.geteuid(this) == 0
    host.answers["valid_seteuid"] = 1
    assert uids.seteuid(this, "ann") == 1
    assert uids.geteuid(this) == "ann"
    host.answers.clear()
    assert uids.seteuid(this, 0) == 1
    assert uids.geteuid(this) == 0
    with pytest.raises(BadArgument):
        uids.seteuid(this, 5)


def test_export_uid_goes_to_objects_without_an_effective_one(this: Any, host: Any) -> None:
    other = host.make("/other")
    with pytest.raises(LPCError, match="Illegal to export uid 0"):
        uids.export_uid(this, other)
    this.extra["euid"] = "ann"
    assert uids.export_uid(this, other) == 1
    assert uids.getuid(other) == "ann"
    other.extra["euid"] = "bob"
    assert uids.export_uid(this, other) == 0


def test_privileges_are_text_or_nothing(this: Any, host: Any) -> None:
    other = host.make("/other")
    assert uids.query_privs(other) == 0
    uids.set_privs(this, other, "admin")
    assert uids.query_privs(this, other) == "admin"
    uids.set_privs(this, other, 0)
    assert uids.query_privs(other) == 0
