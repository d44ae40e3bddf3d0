"""HTTP/2 (RFC 9113) on a connection, for the servers of http/server.py. The library h2 does the protocol.

LPC sees each stream as a connection of its own that carries one request: its descriptor is what the request
comes on, what the answer is written to, and what the third callback tells the end of. So nothing that works
with HTTP/1.1 has to know of HTTP/2. The connection has a descriptor too, on which no request comes; closing it
closes its streams.

Rules:
- `Http2Connection` speaks for the connection, `Http2Stream` is the socket of a stream. Bytes leave in `_flush`
  only, which runs in the loop: what LPC writes waits there for its turn, the windows and the kernel.
- h2 gets one whole frame at a time, so an event is handled before the next frame changes anything. What h2
  leaves to its user, or takes for the end of the connection though it is not, is looked at before: the size
  of frames and header blocks, settings nobody knows, GOAWAY of the peer, the number of streams.
- A malformed request ends its stream, not the connection (RFC 9113 8.1.1); one that is understood but too
  large gets its status, as with HTTP/1.1.
- Frames that cost more than they are worth (resets, pings, settings, empty or tiny data, priorities, window
  updates) use up `_patience`, which comes back with time and with bytes that are of use. Who has none left is
  told ENHANCE_YOUR_CALM.
- Of bodies that are not complete, what exceeds BODIES is held back by flow control, but never the oldest one.
- An answer that precedes the end of its request is not followed by a reset at once, which would take it away
  from clients that look too late: what still comes is dropped for LINGER seconds.
- No request begins while more than `high_water` bytes of answers wait.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import TYPE_CHECKING, Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError
from hpack import HeaderTuple
from hyperframe.frame import GoAwayFrame

from efuns.sockets import errors
from efuns.sockets.http import message
from efuns.sockets.http.exchange import LEAVING
from efuns.sockets.http.http1 import BACKLOG, KEEP_ALIVE, LINGER, PREFACE
from efuns.sockets.http.http2_request import MalformedError, header_fields, known_settings, read_request
from efuns.sockets.http.http2_stream import Http2Stream
from efuns.sockets.http.message import BadRequestError
from efuns.sockets.tcp import STALLED_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from efuns.sockets.http.server import HttpServer

STREAMS: Final = 100
BODIES: Final = 4 << 20
WINDOW: Final = 8 << 20  # of a connection: more than all streams but one can hold back
PATIENCE: Final = 1000
_PATIENCE_BACK: Final = 100  # in a second
_FRAME: Final = 16_384
_FRAMES: Final = 100  # in one turn of the loop
_TURN: Final = 1 << 20  # bytes sent in one turn of the loop
_BATCH: Final = 64 << 10
_BLOCK: Final = message.MAX_HEAD  # bytes of an encoded list of headers
_TABLE: Final = 4096  # of names and values our encoder keeps
_CLOSED_STREAMS: Final = 1000  # of which h2 still knows how they ended
_PEER_CLOSED: Final = "The other end closed the connection"
_PEER_RESET: Final = "The other end cancelled the request"

_DATA: Final = 0
_HEADERS: Final = 1
_RESET: Final = 3
_SETTINGS: Final = 4
_PING: Final = 6
_GOAWAY: Final = 7
_CONTINUATION: Final = 9
_END_STREAM: Final = 1  # of DATA and HEADERS
_PADDED: Final = 8
_ACK: Final = 1  # of SETTINGS and PING
_END_HEADERS: Final = 4
_TINY: Final = 256  # bytes of a DATA frame that are hardly worth it
_COSTS: Final = {_RESET: 5, _SETTINGS: 10, _PING: 2}


class _Protocol(H2Connection):
    """h2's connection, bounded."""

    MAX_CLOSED_STREAMS = _CLOSED_STREAMS

    @property
    def open_inbound_streams(self) -> int:
        # One stream too many would end the connection; RFC 9113 5.1.2 lets us refuse the stream.
        return min(super().open_inbound_streams, STREAMS - 1)


class Http2Connection:
    """The successor (http1.py) of a connection that speaks HTTP/2."""

    __slots__ = ("socket", "_h2", "_input", "_extra", "_streams", "_uploads", "_ready", "_held", "_lingering", "_last",
                 "_block", "_has_preface", "_has_settings", "_is_leaving", "_is_over", "_is_working", "_is_scheduled",
                 "_patience", "_patience_at", "_partial_due", "_idle_due", "_stall_due", "_stall_mark", "_handlers")

    def __init__(self, socket: HttpServer) -> None:
        self.socket = socket
        self._h2 = _Protocol(H2Configuration(
            client_side=False, header_encoding=None, validate_inbound_headers=False, normalize_inbound_headers=False,
            validate_outbound_headers=False, normalize_outbound_headers=False))
        self._h2.decoder.max_header_list_size = 2 * message.MAX_HEAD  # so that there is somebody to tell 431
        self._input = bytearray()
        self._extra = b""  # frames h2 cannot send
        self._streams: dict[int, Http2Stream] = {}
        self._uploads: dict[int, Http2Stream] = {}  # whose bodies are not complete, the oldest first
        self._ready: dict[int, Http2Stream] = {}  # that have something to send
        self._held: deque[Http2Stream] = deque()  # whose requests wait for room
        self._lingering: dict[int, int] = {}  # streams that are answered, not ended: bytes that were dropped
        self._last = 0
        self._block = 0  # bytes of the header block that is being read
        self._has_preface = self._has_settings = self._is_leaving = self._is_over = False
        self._is_working = self._is_scheduled = False
        self._patience = PATIENCE
        now = self._patience_at = socket._now()
        self._partial_due = inf  # a frame or header block that has begun has to be complete by then
        self._idle_due = now + socket._settings.read_seconds
        self._stall_due, self._stall_mark = inf, 0
        self._handlers: dict[type[Event], Callable[..., None]] = {
            RequestReceived: self._request_received, DataReceived: self._data_received,
            StreamEnded: self._stream_ended, StreamReset: self._stream_reset,
            RemoteSettingsChanged: self._settings_changed}

    def start(self) -> None:
        """Say our settings."""
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW - 65_535)
        self._transmit()

    # ----------------------------------------------------------------------- what the connection tells

    @property
    def is_busy(self) -> bool:
        """Whether an answer is owed or on its way."""
        return bool(self._streams) or self.socket.queued > 0

    def received(self, data: bytes) -> None:
        """Bytes have arrived."""
        self._input += data
        self._read()

    def drained(self) -> None:
        """The kernel has taken everything."""
        self._flush()
        if not self._is_over and self.socket.runs:
            self._read()

    def ended(self) -> None:
        """The peer sends nothing more, so no window will open."""
        self._is_over = True
        self.socket.fail(_PEER_CLOSED, errors.EEBADF)

    def leave(self) -> None:
        """Finish what is begun and take nothing more, RFC 9113 6.8."""
        if not self._is_leaving and not self._is_over:
            self._is_leaving = True
            self._say_goodbye(ErrorCodes.NO_ERROR)
        self._flush_soon()

    def shut(self) -> None:
        """The connection has ended: so have its streams."""
        self._is_over = True
        has_failed, reason = self.socket.is_ended, self.socket.last_error or _PEER_CLOSED
        for stream in list(self._streams.values()):
            stream.is_gone = True
            if has_failed:
                stream.fail(reason, errors.EEBADF)
            else:  # LPC has closed it
                stream.abort()
        self._ready.clear()
        self._held.clear()
        self._lingering.clear()

    def last_bytes(self) -> bytes:
        """What can be sent yet of the answers that are complete; LPC closes the connection."""
        self._is_leaving = True
        self._say_goodbye(ErrorCodes.NO_ERROR)
        for stream in list(self._ready.values()):
            while stream.ends and not stream.has_ended and self._send_some(stream):
                pass
        return self._h2.data_to_send() + self._extra

    def look(self) -> float | None:
        """What is late? When to look again at the latest, None where the connection has ended."""
        socket, now = self.socket, self.socket._now()
        for stream in list(self._streams.values()):
            if now >= stream.due and not stream.is_ended:
                stream.look()
        self._flush()
        if socket.runs and socket.queued and socket.queued == self._stall_mark and now >= self._stall_due:
            socket.fail("The other end takes no more data", errors.EESEND)
        if socket.runs and now >= self._partial_due:
            self._break(ErrorCodes.ENHANCE_YOUR_CALM, "Timeout while reading a frame")
        if socket.runs and not self._streams and now >= self._idle_due and not self._is_over:
            self.leave()
        if not socket.runs:
            return None
        if self._is_over or socket._phase is LEAVING:
            return socket._due
        self._note_stall(now)
        if not self._streams and self._is_leaving:
            self._idle_due = now + STALLED_SECONDS
        dues = [stream.due for stream in self._streams.values()] or [self._idle_due]
        return min(self._partial_due, *dues)

    def _note_stall(self, now: float) -> None:
        if not self.socket.queued:
            self._stall_due = inf
        elif self.socket.queued != self._stall_mark or self._stall_due == inf:
            self._stall_due = now + STALLED_SECONDS
        self._stall_mark = self.socket.queued

    # ---------------------------------------------------------------------------------------- reading

    def _read(self) -> None:
        """Take frames, as many as one turn of the loop is for."""
        if self._is_working:
            return
        self._is_working = True
        count = 0
        try:
            while count < _FRAMES and not self._is_over and self.socket.queued <= BACKLOG:
                frame = self._next_frame()
                if frame is None:
                    break
                count += 1
                self._take_frame(frame)
        finally:
            self._is_working = False
        self._flush()
        if self._is_over or not self.socket.runs or self.socket._phase is LEAVING:
            return
        self._note_partial(count)
        if count == _FRAMES:
            self.socket._loop.call_soon(self._read)
        if count == _FRAMES or self.socket.queued > BACKLOG:
            self.socket.stop_reading()
        else:
            self.socket.read_on()

    def _note_partial(self, count: int) -> None:
        """A frame, or a block of headers, must not take for ever."""
        if not self._input and not self._block:
            self._partial_due = inf
        elif self._partial_due == inf or (count and not self._block):
            self._partial_due = self.socket._now() + self.socket._settings.read_seconds

    def _next_frame(self) -> bytes | None:
        """The next whole frame; None: it has not arrived, or there will be none."""
        data = self._input
        if not self._has_preface:
            if len(data) < len(PREFACE) and PREFACE.startswith(data):
                return None
            if not data.startswith(PREFACE):
                self._break(ErrorCodes.PROTOCOL_ERROR, "The other end does not speak HTTP/2")
                return None
            self._has_preface = True
            self._h2.receive_data(PREFACE)
            del data[:len(PREFACE)]
        if len(data) < 9:
            return None
        size = 9 + int.from_bytes(data[:3], "big")
        if size > 9 + _FRAME:
            self._break(ErrorCodes.FRAME_SIZE_ERROR, "A frame is too large")
            return None
        if len(data) < size:
            return None
        frame = bytes(data[:size])
        del data[:size]
        return frame

    def _take_frame(self, frame: bytes) -> None:
        kind = frame[3]
        if not self._has_settings:
            if kind != _SETTINGS or frame[4] & _ACK:
                self._break(ErrorCodes.PROTOCOL_ERROR, "The first frame is not SETTINGS")
                return
            self._has_settings = True
        self._weigh(kind, frame)
        if self._is_over:
            return
        if kind == _GOAWAY and not self._block:
            self._peer_leaves(frame)
            return
        if kind == _SETTINGS:
            if frame[4] & _ACK and len(frame) > 9:
                self._break(ErrorCodes.FRAME_SIZE_ERROR, "SETTINGS is malformed")
                return
            frame = known_settings(frame)
        try:
            for event in self._h2.receive_data(frame):
                handler = self._handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except ProtocolError as error:
            self._break(error.error_code, f"HTTP/2: {error}", is_said=True)

    def _weigh(self, kind: int, frame: bytes) -> None:
        """Is a frame worth what it costs?"""
        flags, size = frame[4], len(frame) - 9
        if kind == _HEADERS or kind == _CONTINUATION:
            self._block += size + 9
            if self._block > _BLOCK or (kind == _CONTINUATION and size < _TINY and not flags & _END_HEADERS):
                self._break(ErrorCodes.ENHANCE_YOUR_CALM, "The head of the request is too large")
            elif flags & _END_HEADERS:
                self._block = 0
                self._earn(1)
        elif kind == _DATA:
            if flags & _PADDED and size:
                size -= 1 + frame[9]
            if size >= _TINY:
                self._earn(size >> 10)
            elif not flags & _END_STREAM:
                self._spend(1)
        else:
            self._spend(_COSTS.get(kind, 1))

    def _spend(self, cost: int) -> None:
        self._patience -= cost
        if self._patience >= 0:
            return
        now = self.socket._now()
        self._earn(int((now - self._patience_at) * _PATIENCE_BACK))
        self._patience_at = now
        if self._patience < 0:
            self._break(ErrorCodes.ENHANCE_YOUR_CALM, "The other end sends too many frames of no use")

    def _earn(self, gain: int) -> None:
        self._patience = min(PATIENCE, self._patience + gain)

    # ----------------------------------------------------------------------------------------- events

    def _request_received(self, event: RequestReceived) -> None:
        number, socket = event.stream_id, self.socket
        assert number is not None and event.headers is not None
        self._last = number
        if len(self._streams) + len(self._lingering) >= STREAMS or self._is_leaving:
            self._refuse(number, ErrorCodes.REFUSED_STREAM)
            return
        stream = Http2Stream(self, number)
        stream.input_is_over = event.stream_ended is not None
        try:
            request = read_request(event.headers, socket._settings.body_limit)
            continues = message.expects_continue(request.headers)
        except MalformedError:
            self._refuse(number, ErrorCodes.PROTOCOL_ERROR)
            return
        except BadRequestError as error:
            self._streams[number] = stream
            stream.reject(error.status, error.reason)
            return
        self._streams[number] = stream
        stream.incoming = request
        if stream.input_is_over:
            self._hand_over(stream)
            return
        self._uploads[number] = stream
        if continues:
            self._h2.send_headers(number, [(b":status", b"100")])

    def _refuse(self, number: int, code: ErrorCodes) -> None:
        self._h2.reset_stream(number, code)
        self._spend(_COSTS[_RESET])

    def _hand_over(self, stream: Http2Stream) -> None:
        """A request is complete."""
        if self._has_room:
            stream.take()
        else:
            stream.hold()
            self._held.append(stream)

    @property
    def _has_room(self) -> bool:
        waiting = sum(stream.queued for stream in self._ready.values()) if self._ready else 0
        return waiting + self.socket.queued <= self.socket.high_water

    def _data_received(self, event: DataReceived) -> None:
        number, size = event.stream_id, event.flow_controlled_length or 0
        assert number is not None
        stream = self._streams.get(number)
        if number in self._lingering:
            self._lingering[number] += size
        elif stream is None:
            if size:
                self._h2.acknowledge_received_data(size, number)
        else:
            stream.withheld += size
            if event.data and stream.incoming is not None:
                stream.add_body(event.data)

    def _stream_ended(self, event: StreamEnded) -> None:
        self._stop_lingering(event.stream_id or 0)
        stream = self._streams.get(event.stream_id or 0)
        if stream is None or stream.input_is_over:
            return
        stream.input_is_over = True
        self._uploads.pop(stream.number, None)
        self._give_back(stream)
        if stream.incoming is not None:
            self._hand_over(stream)

    def _stream_reset(self, event: StreamReset) -> None:
        if not event.remote_reset:
            self._spend(_COSTS[_RESET])
        self._stop_lingering(event.stream_id or 0)
        stream = self._streams.get(event.stream_id or 0)
        if stream is not None:
            stream.is_gone = True
            stream.fail(_PEER_RESET, errors.EEBADF)

    def _settings_changed(self, event: RemoteSettingsChanged) -> None:
        if self._h2.encoder.header_table_size > _TABLE:
            self._h2.encoder.header_table_size = _TABLE

    def _peer_leaves(self, frame: bytes) -> None:
        """GOAWAY: no further requests come, what we owe is still wanted. h2 would fall silent."""
        if frame[5:9] != bytes(4) or len(frame) < 17:
            self._break(ErrorCodes.PROTOCOL_ERROR, "GOAWAY is malformed")
            return
        self._is_leaving = True

    # ------------------------------------------------------------------------------- what streams tell

    def send_head(self, stream: Http2Stream, status: int, headers: bytes, length: int | None, *, ends: bool) -> None:
        """Send the head of an answer."""
        if self._is_over:  # LPC writes to one stream while it is told of another's end
            return
        fields = [HeaderTuple(b":status", b"%d" % status), *header_fields(headers),
                  HeaderTuple(b"date", self.socket._servers.date)]
        if length is not None:
            fields.append(HeaderTuple(b"content-length", b"%d" % length))
        self._h2.send_headers(stream.number, fields, end_stream=ends)
        if ends:
            stream.ends = stream.has_ended = True
        self.send_soon(stream)

    def send_information(self, stream: Http2Stream, status: int, headers: bytes) -> int:
        """Send an answer that announces another, unless the peer does not read even what was sent before."""
        if self._is_over or self.socket.queued > self.socket.high_water:
            return errors.EESUCCESS
        self._h2.send_headers(stream.number, [HeaderTuple(b":status", b"%d" % status), *header_fields(headers)])
        self._flush_soon()
        return errors.EESUCCESS

    def send_soon(self, stream: Http2Stream) -> None:
        """A stream has something to send, or has sent all."""
        self._ready[stream.number] = stream
        self._flush_soon()

    def drop(self, stream: Http2Stream) -> None:
        """A stream is over, on whatever side."""
        number = stream.number
        if self._streams.pop(number, None) is None:
            return
        self._ready.pop(number, None)
        self._uploads.pop(number, None)
        if not self._is_over:
            if not stream.has_ended or stream.input_is_over or stream.is_gone:
                self._give_back(stream)
            else:
                self._lingering[number] = stream.withheld
                self.socket._loop.call_later(LINGER, self._end_lingering, number)
            if not stream.has_ended and not stream.is_gone:
                self._h2.reset_stream(number, ErrorCodes.CANCEL)
            self._idle_due = self.socket._now() + KEEP_ALIVE
            self._flush_soon()
        self.socket._servers.exchange_over()

    def _end_lingering(self, number: int) -> None:
        """The rest of a request has been waited for long enough."""
        if number in self._lingering and not self._is_over:
            self._h2.reset_stream(number, ErrorCodes.NO_ERROR)
            self._stop_lingering(number)
            self._flush_soon()

    def _stop_lingering(self, number: int) -> None:
        size = self._lingering.pop(number, 0)
        if size:  # it counts for the connection's window too
            self._h2.acknowledge_received_data(size, number)

    def _give_back(self, stream: Http2Stream) -> None:
        if stream.withheld:
            self._h2.acknowledge_received_data(stream.withheld, stream.number)
            stream.withheld = 0

    # ---------------------------------------------------------------------------------------- sending

    def _flush_soon(self) -> None:
        if not self._is_working and not self._is_scheduled and not self._is_over:
            self._is_scheduled = True
            self.socket._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Send what may be sent, begin what had to wait."""
        self._is_scheduled = False
        if self._is_working or self._is_over or not self.socket.runs:
            return
        self._is_working = True
        try:
            self._pump()
            while self._held and self._has_room and not self._is_over:
                stream = self._held.popleft()
                if stream.incoming is not None:
                    stream.take()
                self._pump()
            self._credit()
            self._transmit()
        finally:
            self._is_working = False
        if self._is_leaving and not self._streams and not self._is_over and self.socket.runs:
            self._is_over = True
            self.socket.leave_after("The server is closed" if self.socket.site.is_leaving else _PEER_CLOSED,
                                    errors.EEBADF)
        elif self._ready and not self.socket.queued and self._can_send():
            self._flush_soon()

    def _pump(self) -> None:
        """Send of each stream in turn, a frame at a time, while the kernel takes it."""
        socket, left, batch = self.socket, _TURN, 0
        progress = True
        while self._ready and progress and left > 0 and not self._is_over and not socket.queued:
            progress = False
            for stream in list(self._ready.values()):
                sent = self._send_some(stream)
                if stream.has_ended:
                    self._ready.pop(stream.number, None)
                    stream.over()
                elif not stream.queued and not stream.ends:
                    self._ready.pop(stream.number, None)
                    stream.drained()
                if self._is_over:
                    return
                progress = progress or sent > 0
                left -= sent
                batch += sent
                if batch >= _BATCH:
                    batch = 0
                    self._transmit()
                    if socket.queued:
                        return
        self._transmit()

    def _send_some(self, stream: Http2Stream) -> int:
        """Send one frame of a stream: its bytes, 0 where its window or the connection's is closed."""
        if stream.has_ended or (not stream.queued and not stream.ends):
            return 0
        data = b""
        if stream.queued:
            size = min(self._h2.local_flow_control_window(stream.number), self._h2.max_outbound_frame_size, _FRAME)
            if size <= 0:
                return 0
            data = stream.take_bytes(size)
        stream.has_ended = stream.ends and not stream.queued
        self._h2.send_data(stream.number, data, end_stream=stream.has_ended)
        self._earn(len(data) >> 10)
        return len(data)

    def _can_send(self) -> bool:
        return any(not stream.queued or self._h2.local_flow_control_window(stream.number) > 0
                   for stream in self._ready.values())

    def _credit(self) -> None:
        """Let peers send more of their bodies."""
        if not self._uploads or not self._has_room:
            return
        streams = list(self._uploads.values())
        held = sum(len(stream.incoming.body or b"") for stream in streams if stream.incoming is not None)
        for at, stream in enumerate(streams):
            if at == 0 or held <= BODIES:
                self._give_back(stream)

    def _transmit(self) -> None:
        data = self._h2.data_to_send()
        if self._extra:
            data += self._extra
            self._extra = b""
        if data and self.socket.runs:
            self.socket.transmit(data)

    # ---------------------------------------------------------------------------------------- the end

    def _say_goodbye(self, code: ErrorCodes) -> None:
        # h2's own way to say it forbids everything else from then on.
        frame = GoAwayFrame(0, last_stream_id=self._last, error_code=int(code))
        self._extra += frame.serialize()

    def _break(self, code: ErrorCodes, reason: str, *, is_said: bool = False) -> None:
        """The peer has broken the rules, or our patience: the connection ends, RFC 9113 5.4.1."""
        if self._is_over:
            return
        if not is_said:
            self._say_goodbye(code)
        self._transmit()
        self._is_over = True
        self.socket.last_error = reason
        for stream in list(self._streams.values()):
            stream.is_gone = True
            stream.fail(reason, errors.EEBADF)
        if self.socket.runs:
            self.socket.leave_after(reason, int(code))
