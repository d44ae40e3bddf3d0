"""How often somebody may ask: so many times within some seconds, in any distribution over them.

What is kept for each asker is one time (the generic cell rate algorithm): when he would be through if his
requests were spread evenly. Times are a monotonic clock's, brought by the caller.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from ipaddress import IPv6Address
from typing import Final, NamedTuple

_MOST_KEPT: Final = 10_000


class Rate(NamedTuple):
    """`requests` within any `seconds`."""

    requests: int
    seconds: float


class RateLimiter:
    """Who asked lately; of more than _MOST_KEPT, those that have waited longest are forgotten."""

    def __init__(self) -> None:
        self._through: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, who: Hashable, rate: Rate, now: float) -> float:
        """Count a request: 0, or the seconds after which `who` may ask again; then it does not count."""
        each = rate.seconds / rate.requests
        through = max(self._through.get(who, now), now) + each
        if through - now > rate.seconds + each * 0.01:  # rounded parts may sum up to a little more than the whole
            return through - now - rate.seconds
        self._through[who] = through
        self._through.move_to_end(who)
        if len(self._through) > _MOST_KEPT:
            self._through.popitem(last=False)
        return 0.0


def asker(address: str) -> str:
    """Who stands behind an address ("ip port"): the ip, of IPv6 the network of one customer."""
    host = address.partition(" ")[0]
    if ":" not in host:
        return host
    try:
        return str(IPv6Address(int(IPv6Address(host.partition("%")[0])) >> 64 << 64))
    except ValueError:
        return host
