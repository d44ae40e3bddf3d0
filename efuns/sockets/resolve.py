"""resolve(): addresses of names, looked up in a thread of the loop's pool while LPC goes on.

A name may be looked up by whoever may connect to it at some port: a question to a name server tells the
world something. Lookups that have not been answered are counted, so that LPC cannot pile them up.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.call import Callback
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from asyncio import Future

    from lpc.runtime.host import Host

_PENDING: Final = 256
_LONGEST: Final = 253  # RFC 1035 2.3.4, without the last dot
_KEEPS_PLAYER: Final = 20  # __RC_THIS_PLAYER_IN_CALL_OUT__ of <runtime_config.h>


@efun("int resolve(string name, string | function callback)")
def resolve(this: LPCObject, name: str, callback: str | Closure) -> int:
    """Look up the address of a host; returns a key.

    Later callback(name, address, key) is called, with undefined name and address if there is none. IPv4
    addresses are preferred.

        int key = resolve("example.org", (: connect_to :));
    """
    return this.driver.state(Resolver).ask(this, name, Callback(this, callback))


class Resolver:
    """The lookups of one driver."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._next_key = 0
        self._pending: dict[int, Future[str | None]] = {}

    def ask(self, owner: LPCObject, name: str, callback: Callback) -> int:
        """Begin a lookup; its key. LPCError where it may not be."""
        driver = self._driver
        if not driver.permissions.allows_lookup(name):
            raise LPCError(f"resolve: {driver.permissions.refusal}\n")
        if len(self._pending) >= _PENDING:
            raise LPCError(f"resolve: {_PENDING} lookups are under way, no more can be\n")
        key = self._next_key
        self._next_key += 1
        player = driver.this_player if driver.config(_KEEPS_PLAYER) else 0
        answer = self._pending[key] = driver.loop.run_in_executor(None, address_of, name)
        driver.keep_alive(answer)
        answer.add_done_callback(lambda found: self._answered(key, name, callback, player, found))
        return key

    def close(self) -> None:
        """The driver ends: nobody waits for answers any more."""
        pending, self._pending = self._pending, {}
        for answer in pending.values():
            self._driver.let_go(answer)
            answer.cancel()

    def _answered(self, key: int, name: str, callback: Callback, player: LPCObject | int, found: Future[str | None],
                  ) -> None:
        if self._pending.pop(key, None) is None:
            return
        address = found.result()
        arguments = (UNDEFINED, UNDEFINED, key) if address is None else (name, address, key)
        self._driver.enter(self._run, callback, player, arguments)
        self._driver.let_go(found)

    def _run(self, callback: Callback, player: LPCObject | int, arguments: tuple[Value, ...]) -> Value:
        if isinstance(player, LPCObject) and not player.is_destructed:
            self._driver.this_player = player
        return callback.run(*arguments)


def address_of(name: str) -> str | None:
    """The numeric address of a host, None if there is none. Waits for name servers."""
    if not name or len(name) > _LONGEST or "\0" in name:
        return None
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return None
    families = [family for family, *_ in found]
    best = families.index(socket.AF_INET) if socket.AF_INET in families else 0
    return str(found[best][4][0])
