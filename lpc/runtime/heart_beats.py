"""Which objects have a heart beat, and how often.

Kept here because both sides need it: the efuns set beats, the driver calls `beat()` at its interval
(`driver.state(HeartBeats)`). Turning a beat on or off inside heart_beat() is safe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject


class HeartBeats:
    """The heart beats of one driver."""

    def __init__(self, driver: Host) -> None:
        self._driver = driver
        self._every: dict[LPCObject, int] = {}
        self._left: dict[LPCObject, int] = {}
        driver.on_destruct(lambda ob: self.set(ob, 0))

    def __len__(self) -> int:
        return len(self._every)

    def set(self, ob: LPCObject, every: int) -> None:
        """Call heart_beat() in an object at every n-th beat; 0 stops."""
        if every > 0:
            self._every[ob] = self._left[ob] = every
            self._driver.heart_beats_changed()
        else:
            self._every.pop(ob, None)
            self._left.pop(ob, None)

    def every(self, ob: LPCObject) -> int:
        """The interval of an object, 0 without a heart beat."""
        return self._every.get(ob, 0)

    def objects(self) -> list[LPCObject]:
        """All objects with a heart beat."""
        return list(self._every)

    def beat(self) -> None:
        """One beat: heart_beat() in every object whose turn it is. An object whose heart_beat() fails loses it."""
        for ob in list(self._every):
            left = self._left.get(ob)
            if left is None:  # stopped by another one's heart_beat()
                continue
            if left > 1:
                self._left[ob] = left - 1
                continue
            self._left[ob] = self._every[ob]
            if self._driver.enter(self._driver.apply, ob, "heart_beat") is None:
                self.set(ob, 0)
