"""What keeps a driver's process alive: reasons for something still to happen.

A reason is any object, known by its identity: the call_outs, a socket that is past UNBOUND, the heart
beats. Who has one adds it, and discards it when nothing more can come from there. `wait()` ends when none is left.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class KeepAlive:
    """The reasons of one driver. Adding one twice is adding it once."""

    def __init__(self) -> None:
        self._reasons: dict[int, object] = {}
        self._waiters: list[asyncio.Future[None]] = []

    def add(self, reason: object) -> None:
        """Something may still happen because of `reason`."""
        self._reasons[id(reason)] = reason

    def discard(self, reason: object) -> None:
        """Nothing more will happen because of `reason`."""
        self._reasons.pop(id(reason), None)
        if not self._reasons:
            self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def __len__(self) -> int:
        return len(self._reasons)

    async def wait(self, ended: Callable[[], bool]) -> None:
        """Until there is no reason left, or `ended()`."""
        import asyncio

        loop = asyncio.get_running_loop()
        while self._reasons and not ended():
            waiter = loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
