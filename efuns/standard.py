"""The packages in the box.

`efuns()` imports them all, so no package may import anything heavy at module level: a driver's start-up
pays for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from lpc.efun import Efun, efuns_of

#: Modules that declare efuns, in the order their names are taken: a later one would replace an earlier.
PACKAGES = (
    "efuns.core.arrays",
    "efuns.core.mappings",
    "efuns.core.numbers",
    "efuns.core.types",
    "efuns.core.strings",
    "efuns.core.sprintf",
    "efuns.core.regexp",
    "efuns.core.save",
    "efuns.core.objects",
    "efuns.core.calls",
    "efuns.core.functions",
    "efuns.core.time",
    "efuns.core.classes",
    "efuns.core.buffers",
    "efuns.core.encoding",
    "efuns.core.cycles",
    "efuns.math",
    "efuns.files",
    "efuns.world",
    "efuns.players",
    "efuns.shadows",
    "efuns.lifecycle",
    "efuns.words",
    "efuns.matrix",
    "efuns.reporting",
    "efuns.compress",
    "efuns.crypto",
    "efuns.json",
    "efuns.rest",
    "efuns.http",
    "efuns.uids",
    "efuns.sockets.efuns",
    "efuns.sockets.resolve",
    "efuns.sockets.external",
    "efuns.sockets.websocket.broadcast",
)

#: FluffOS's packages that the modules above make up: mudlibs ask `#ifdef __PACKAGE_X__`
_FLUFFOS_PACKAGES = ("CORE", "CONTRIB", "MATH", "COMPRESS", "CRYPTO", "PCRE", "SHA1", "TRIM", "UIDS", "JSON")


def efuns() -> dict[str, Efun]:
    """Every efun of the packages, by every name it answers to."""
    found: dict[str, Efun] = {}
    for name in PACKAGES:
        found.update(efuns_of(import_module(name)))
    return found


def macros() -> dict[str, str]:
    """What every program sees defined: the packages by FluffOS's names, and what the socket modes add."""
    from efuns.sockets.modes import predefined_macros

    return {f"__PACKAGE_{name}__": "1" for name in _FLUFFOS_PACKAGES} | predefined_macros()


def generators() -> list[Callable[[], Mapping[str, str]]]:
    """What writes the files that are derived from the packages' tables: `pylpc gen`."""
    from efuns.sockets import headers

    return [headers.generate]
