"""What a mudlib asks about connected users.

No connection belongs to an object in this version, so nobody is a user: the questions have their honest answers,
and code that looks after players compiles and finds none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject


@efun("object *users()")
def users() -> list[Value]:
    """The objects that have a connection: none.

    Example: sizeof(users()) is 0
    """
    return []


@efun("int interactive(object ob = this_object())")
def interactive(ob: LPCObject | None = None) -> int:
    """Whether an object has a connection: never.

    Example: interactive(this_object()) is 0
    """
    return 0


@efun("int userp(object ob = this_object())")
def userp(ob: LPCObject | None = None) -> int:
    """Whether an object has, or ever had, a connection: never.

    Example: userp(this_object()) is 0
    """
    return 0


@efun("object this_interactive()")
def this_interactive() -> int:
    """The user whose input is being handled: 0, as there is none.

    Example: this_interactive() || this_player()
    """
    return 0


@efun("object find_player(string name)")
def find_player(name: str) -> int:
    """The living user of a name: 0, as there is none.

    Example: find_player("zed") is 0
    """
    return 0


@efun("int in_input(object ob = this_object())")
def in_input(ob: LPCObject | None = None) -> int:
    """Whether an object's next input line is awaited by input_to(): never.

    Example: in_input(this_object()) is 0
    """
    return 0


@efun("int in_edit(object ob = this_object())")
def in_edit(ob: LPCObject | None = None) -> int:
    """Whether an object's user is in the editor: never.

    Example: in_edit(this_object()) is 0
    """
    return 0
