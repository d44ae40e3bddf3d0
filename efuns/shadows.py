"""Efuns of shadows: objects that take another one's calls (lpc.runtime.shadows)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.shadows import SHADOWED, SHADOWING, attach, detach
from lpc.runtime.values import Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject


class _Chains:
    """Keeps the chains of one driver whole where their objects are destructed."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        driver.on_destruct(self._destructed)

    def _destructed(self, ob: LPCObject) -> None:
        if SHADOWED not in ob.extra or SHADOWING in ob.extra:
            detach(ob)
            return
        # Shadows do not outlive what they shadow.
        shadows = []
        above = ob.extra.get(SHADOWED)
        while above is not None:
            shadows.append(above)
            above = above.extra.get(SHADOWED)
        for shadow in shadows:
            detach(shadow)
        for shadow in shadows:
            self._driver.destruct(shadow)


@efun("object shadow(object ob, int start = 1)")
def shadow(this: LPCObject, ob: LPCObject, start: int = 1) -> LPCObject | int:
    """Let this object take the calls of functions in `ob` that it has, too; `ob`, or 0 if the master forbids it.

    With `start` 0: which object shadows `ob`. `nomask` functions cannot be shadowed.

    Example: shadow(find_object("/std/sword"))
    """
    if not start:
        found: LPCObject | int = ob.extra.get(SHADOWED, 0)
        return found
    _check(this, ob)
    allowed = this.driver.valid("valid_shadow", ob)
    if allowed == 0 or this.is_destructed or ob.is_destructed:
        return 0
    this.driver.state(_Chains)
    attach(this, ob)
    return ob


def _check(this: LPCObject, ob: LPCObject) -> None:
    """The error of what can be no shadow of `ob`."""
    if ob is this:
        raise LPCError("shadow: Can't shadow self")
    if SHADOWING in this.extra:
        raise LPCError("shadow: Already shadowing")
    if SHADOWED in this.extra:
        raise LPCError("shadow: Can't shadow when shadowed")
    if SHADOWING in ob.extra:
        raise LPCError("shadow: Can't shadow a shadow")
    if this.environment is not None:
        raise LPCError("shadow: The shadow must not reside inside another object")
    if ob is this.driver.master() or ob is this.driver.simul_efun():
        raise LPCError("shadow: Can't shadow the master or the simul_efun object")
    for name, method in ob.program.methods.items():
        if "nomask" in method.info.modifiers and name in this.program.methods:
            mine = this.program.methods[name].info
            if mine.program != method.info.program:
                raise LPCError(f"Illegal to shadow 'nomask' function \"{name}\".")


@efun("object query_shadowing(object ob)")
def query_shadowing(ob: LPCObject) -> Value:
    """The object (or the other shadow of it) that `ob` shadows, 0 if it is no shadow.

    Example: query_shadowing(this_object()) is 0
    """
    return ob.extra.get(SHADOWING, 0)


@efun("int remove_shadow(object ob = this_object())")
def remove_shadow(this: LPCObject, ob: LPCObject | None = None) -> int:
    """Take an object out of the shadows it is among; 1 if it was among any.

    Example: remove_shadow(this_object())
    """
    return int(detach(this if ob is None else ob))
