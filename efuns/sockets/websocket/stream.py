"""Mode 35: a stream of bytes over WebSocket.

What socket_write() takes leaves as binary data in frames of at most PIECE bytes, strings as UTF-8; what arrives
is a buffer as soon as it is there. Messages have no meaning and no limit; a text of the peer is refused (1003).
"""

from __future__ import annotations

from typing import Final

from efuns.sockets import errors
from efuns.sockets.websocket.frames import BINARY, Writer
from efuns.sockets.websocket.socket import WebSocket
from lpc.runtime.values import Buffer, Mapping

PIECE: Final = 64 << 10


class WebSocketStream(WebSocket):
    """Mode 35, WEBSOCKET_BINARY_STREAM."""

    __slots__ = ()

    is_stream = True
    longest_frame = PIECE

    def take_message(self, message: str | bytes) -> None:
        if isinstance(message, bytes) and message:  # a reader of streams lets no text through
            self.deliver(Buffer(message), Mapping(self._binary_info))

    def send_data(self, writer: Writer, kind: int, data: bytes) -> int:
        """Send bytes, whatever they were."""
        if len(data) > self.table.driver.limits.buffer_size:
            return self.problem(errors.EEBADDATA, "More bytes than a buffer has")
        return self.transmit(writer.message(BINARY, data)) if data else errors.EESUCCESS
