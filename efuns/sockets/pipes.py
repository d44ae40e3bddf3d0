"""Both directions of a local descriptor (pipe, FIFO, socket pair) on the event loop: `Inlet` and `Outlet`.

The loop's own pipe transports can only be made by coroutines, and a mode must answer inside an efun; so this
is add_reader() and add_writer() on non-blocking descriptors. Neither class owns its descriptor: whoever made
them stops both, then closes it.
"""

from __future__ import annotations

import codecs
import os
from typing import TYPE_CHECKING, Final

from efuns.sockets.wire import text_bytes
from lpc.runtime.values import Buffer, Value

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Handle, TimerHandle
    from collections.abc import Callable

#: the most that is read or written at a time, before the loop gets its turn; also what a pipe holds
CHUNK: Final = 64 << 10
#: what a closed socket still has to write is given up when nobody takes any of it for so long
STALLED_SECONDS: Final = 60.0


def octets(message: Value) -> bytes | None:
    """The bytes of a string or buffer; None for any other value."""
    if isinstance(message, str):
        return text_bytes(message)
    return bytes(message.data) if isinstance(message, Buffer) else None


class Inlet:
    """Reads a descriptor: `take(inlet, data)` for each piece that arrives, then `end(inlet)` once at end of
    file. `label` is whatever the two want to know it by.

    Reading goes on until there is nothing more, one piece a turn of the loop, rather than by waiting for the
    loop to call again: uvloop reports a descriptor on which an error is pending only once, even if it
    still holds data.
    """

    __slots__ = ("fd", "label", "is_over", "_loop", "_take", "_end", "_next", "_decoder")

    def __init__(self, loop: AbstractEventLoop, fd: int, take: Callable[[Inlet, bytes], None],
                 end: Callable[[Inlet], None], *label: str) -> None:
        self.fd = fd
        self.label = label
        self.is_over = False  # at end of file, or stopped
        self._loop = loop
        self._take = take
        self._end = end
        self._next: Handle | None = None
        self._decoder: codecs.IncrementalDecoder | None = None
        loop.add_reader(fd, self._ready)

    def read(self) -> bool:
        """Hand on one piece now; False if nothing is waiting."""
        if self.is_over:
            return False
        try:
            data = os.read(self.fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # the other end went away in the middle of something
            data = b""
        if data:
            self._take(self, data)
            return True
        self.stop()
        self._end(self)
        return False

    def decode(self, data: bytes, *, binary: bool) -> str | Buffer:
        """The LPC value of what was read. Text is UTF-8; a character cut in two waits for its rest (a string
        may thus be empty), what is none becomes U+FFFD."""
        if binary:
            return Buffer(data)
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return self._decoder.decode(data)

    def rest(self) -> str:
        """What half a character is worth at the end: "" or U+FFFD."""
        return "" if self._decoder is None else self._decoder.decode(b"", True)

    def stop(self) -> None:
        """Read nothing more."""
        if self.is_over:
            return
        self.is_over = True
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if not self._loop.is_closed():
            self._loop.remove_reader(self.fd)

    def _ready(self) -> None:
        if self._next is None:
            self._go_on()

    def _go_on(self) -> None:
        self._next = None
        if self.read() and not self.is_over:
            self._next = self._loop.call_soon(self._go_on)


class Outlet:
    """Writes a descriptor: what it does not take at once waits, in order.

    `drained()` is called when everything that waited has left; `lost()`, once, when the other end is gone
    while something waits. `finish()` closes the sending direction after end().
    """

    __slots__ = ("is_over", "_loop", "_fd", "_waiting", "_is_watched", "_is_ending", "_patience", "_drained", "_lost",
                 "_finish")

    def __init__(self, loop: AbstractEventLoop, fd: int, *, drained: Callable[[], None], lost: Callable[[], None],
                 finish: Callable[[], None]) -> None:
        self.is_over = False  # nothing more can be written: ended, lost or stopped
        self._loop = loop
        self._fd = fd
        self._waiting = bytearray()
        self._is_watched = False
        self._is_ending = False
        self._patience: TimerHandle | None = None
        self._drained = drained
        self._lost = lost
        self._finish = finish

    @property
    def size(self) -> int:
        """How many bytes wait."""
        return len(self._waiting)

    def write(self, data: bytes) -> None:
        """Take some bytes; `size` then says how many wait. OSError if the other end is gone."""
        taken = 0 if self.size else self._put(data)
        if taken < len(data):
            self._waiting += memoryview(data)[taken:]
            if not self._is_watched:
                self._is_watched = True
                self._loop.add_writer(self._fd, self._ready)

    def end(self) -> None:
        """Close the sending direction behind what waits."""
        self.is_over = True
        if self.size:
            self._is_ending = True
        else:
            self._finish()

    def linger(self) -> None:
        """The socket is closed: go on while somebody takes what waits, else it is lost()."""
        if self._patience is None:
            self._patience = self._loop.call_later(STALLED_SECONDS, self._look_again, self.size)

    def stop(self) -> None:
        """Write nothing more; what waits is forgotten."""
        self.is_over = True
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._is_ending = False
        self._waiting.clear()
        self._unwatch()

    def _ready(self) -> None:
        waiting = self._waiting
        try:
            del waiting[: self._put(waiting[:CHUNK])]
        except OSError:
            self.stop()
            self._lost()
            return
        if waiting:
            return
        self._unwatch()
        if self._is_ending:
            self._is_ending = False
            self._finish()
        self._drained()

    def _look_again(self, size: int) -> None:
        self._patience = None
        if self.size < size:
            self.linger()
        else:
            self.stop()
            self._lost()

    def _put(self, data: bytes | bytearray) -> int:
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def _unwatch(self) -> None:
        if self._is_watched:
            self._is_watched = False
            if not self._loop.is_closed():
                self._loop.remove_writer(self._fd)
