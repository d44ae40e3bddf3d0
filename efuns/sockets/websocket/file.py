"""Mode 34: files over WebSocket, one at a time in each direction.

On the wire a file is a text, binary messages, a text; the texts are JSON:

    {"name": "map.png", "size": 90210, "mtime": 1700000000, "offset": 0, "length": 90210}
    ... "length" bytes of the file from "offset" on ...
    {"bytes": 90210, "sha256": "...", "ok": 1}

The trailer counts and hashes the bytes that were sent; "ok" is 0 where the file became shorter meanwhile. LPC
sends by socket_write(fd, path) or (["file", "offset", "length", "chunk"]) and hears of the end by the write
callback. It receives mappings: "event" is "begin", "data" or "end", whose "ok" is 1 only if every byte came and the
hash is right. Nothing is written to the mudlib here. Rules:
- A file is read in pieces as the connection takes them, never whole, and never through LPC.
- The driver's file checks decide, with the operation "websocket_file"; only regular files are sent.
- What does not fit in is refused with 1003, and so is a name that is more than a name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING, Any, Final

import orjson

from efuns.sockets import errors
from efuns.sockets.websocket import frames
from efuns.sockets.websocket.frames import BINARY, TEXT
from efuns.sockets.websocket.socket import OPEN, WebSocket
from lpc.runtime.values import Buffer, Mapping, Value

if TYPE_CHECKING:
    import socket

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

OPERATION: Final = "websocket_file"
CHUNK: Final = 16 << 10
_CHUNKS: Final = 8  # in one turn of the loop
_LARGEST: Final = 1 << 62
_MISSING: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ELOOP, errno.ENAMETOOLONG,
                             errno.EINVAL})


class Outgoing:
    """A file that is being sent: `left` bytes from `at` on."""

    __slots__ = ("fd", "at", "left", "chunk", "sent", "hash", "is_whole", "is_told")

    def __init__(self, fd: int, at: int, left: int, chunk: int) -> None:
        self.fd = fd
        self.at = at
        self.left = left
        self.chunk = chunk
        self.sent = 0
        self.hash = hashlib.sha256()
        self.is_whole = True
        self.is_told = False  # the trailer is on its way

    def read(self) -> bytes:
        """The next piece; none where there is no more."""
        try:
            data = os.pread(self.fd, min(self.chunk, self.left), self.at)
        except OSError:
            data = b""
        self.is_whole = bool(data)
        self.at += len(data)
        self.sent += len(data)
        self.left = self.left - len(data) if data else 0
        self.hash.update(data)
        return data

    def close(self) -> None:
        """Let the descriptor go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Incoming:
    """A file that arrives."""

    __slots__ = ("name", "at", "end", "received", "hash")

    def __init__(self, name: str, at: int, end: int) -> None:
        self.name = name
        self.at = at
        self.end = end
        self.received = 0
        self.hash = hashlib.sha256()


class WebSocketFile(WebSocket):
    """Mode 34, WEBSOCKET_FILE_STREAM."""

    __slots__ = ("_outgoing_file", "_incoming_file")

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._outgoing_file: Outgoing | None = None
        self._incoming_file: Incoming | None = None

    # ----------------------------------------------------------------------------------------- sending

    def send(self, message: Value) -> int:
        if isinstance(message, Mapping) and message.get("type", 0):
            if message["type"] in ("text", "binary"):
                return self.problem(errors.EETYPENOTSUPP, "Only files are sent here")
            return super().send(message)
        if self._phase is not OPEN:
            return self.problem(errors.EENOTCONN, "The connection is being closed")
        if self._outgoing_file is not None:
            return self.problem(errors.EEALREADY, "A file is being sent")
        given = message if isinstance(message, Mapping) else Mapping(file=message)
        path = given.get("file", 0)
        numbers = [given.get("offset", 0) or 0, given.get("length", _LARGEST), given.get("chunk", 0) or CHUNK]
        if not isinstance(path, str) or not all(isinstance(number, int) for number in numbers):
            return self.problem(errors.EETYPENOTSUPP, "A path, or a mapping with \"file\", is sent here")
        if "\0" in path:
            return self.problem(errors.EEBADADDR, "The path holds a zero byte")
        return self._begin_file(path, *numbers)

    def _begin_file(self, path: str, offset: int, length: int, chunk: int) -> int:
        if offset < 0 or length < 0 or not 0 < chunk <= self._settings.max_message:
            return self.problem(errors.EEBADDATA, "\"offset\", \"length\" or \"chunk\" is out of range")
        driver = self.table.driver
        try:
            real = driver.files.readable(path, self.owner, OPERATION)  # this may run LPC
            if self._phase is not OPEN or self._outgoing_file is not None:
                return errors.EENOTCONN
            # A FIFO must not wait for its writer; a link there now was put there since the path was resolved.
            fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            code = errors.EEBADADDR if error.errno in _MISSING else errors.EESECURITY
            return self.problem(code, error.strerror or str(error))
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or offset > status.st_size:
            os.close(fd)
            if offset > status.st_size:
                return self.problem(errors.EEBADDATA, f"{path} has only {status.st_size} bytes")
            return self.problem(errors.EEBADADDR, f"{path} is no regular file")
        length = min(length, status.st_size - offset)
        self._outgoing_file = Outgoing(fd, offset, length, chunk)
        self._say({"name": os.path.basename(path), "size": status.st_size, "mtime": int(status.st_mtime),
                   "offset": offset, "length": length})
        self._loop.call_soon(self._send_file)
        return errors.EESUCCESS

    def _say(self, text: dict[str, Any]) -> None:
        assert self._writer is not None
        self.transmit(self._writer.message(TEXT, orjson.dumps(text)))

    def _send_file(self) -> None:
        """Send pieces until the kernel takes no more; drained() goes on."""
        file, writer = self._outgoing_file, self._writer
        if file is None or writer is None or self._phase is not OPEN:
            return
        for _ in range(_CHUNKS):
            if self.queued:
                return
            if not file.left:
                break
            if data := file.read():
                self.transmit(writer.message(BINARY, data))
        if file.left:
            if not self.queued:
                self._loop.call_soon(self._send_file)
        elif not file.is_told:
            file.is_told = True
            self._say({"bytes": file.sent, "sha256": file.hash.hexdigest(), "ok": int(file.is_whole)})
            if not self.queued:
                self._loop.call_soon(self._send_file)
        else:
            self._end_file()
            self._call(self.write_callback)

    def _end_file(self) -> None:
        if self._outgoing_file is not None:
            self._outgoing_file.close()
            self._outgoing_file = None

    def drained(self) -> None:
        if self._outgoing_file is not None:
            self._blocked = self._owes_write = False  # the write callback is for the end of the file
        super().drained()
        self._send_file()

    # --------------------------------------------------------------------------------------- receiving

    def take_message(self, message: str | bytes) -> None:
        file = self._incoming_file
        if isinstance(message, bytes):
            if file is None or file.at + len(message) > file.end:
                self.refuse_peer(frames.UNSUPPORTED, "More data than was announced")
            else:
                self._take_data(file, message)
            return
        try:
            text = orjson.loads(message)
        except orjson.JSONDecodeError:
            text = None
        taken = isinstance(text, dict) and (self._take_header(text) if file is None else self._take_trailer(file, text))
        if not taken:
            self.refuse_peer(frames.UNSUPPORTED, "This is no part of a file")

    def _take_header(self, text: dict[str, Any]) -> bool:
        name, size, offset = text.get("name"), text.get("size"), text.get("offset")
        modified, length = text.get("mtime"), text.get("length", _LARGEST)
        if not isinstance(name, str) or not _is_name(name) or type(modified) is not int:
            return False
        if type(size) is not int or type(offset) is not int or type(length) is not int:
            return False
        if not 0 <= offset <= size < _LARGEST or length < 0:
            return False
        self._incoming_file = Incoming(name, offset, min(size, offset + length))
        self.deliver(Mapping(event="begin", name=name, size=size, mtime=modified, offset=offset))
        return True

    def _take_data(self, file: Incoming, data: bytes) -> None:
        at = file.at
        file.at += len(data)
        file.received += len(data)
        file.hash.update(data)
        self.deliver(Mapping(event="data", data=Buffer(data), offset=at))

    def _take_trailer(self, file: Incoming, text: dict[str, Any]) -> bool:
        count, digest, is_whole = text.get("bytes"), text.get("sha256"), text.get("ok", 1)
        if type(count) is not int or not isinstance(digest, str) or is_whole not in (0, 1):
            return False
        self._incoming_file = None
        found = file.hash.hexdigest()
        is_right = bool(is_whole) and count == file.received and digest.lower() == found
        self.deliver(Mapping(event="end", ok=int(is_right), sha256=found, bytes=file.received, name=file.name))
        return True

    def _let_go(self) -> None:
        self._end_file()
        self._incoming_file = None
        super()._let_go()


def _is_name(name: str) -> bool:
    """Whether a name is one of a file, not of a place."""
    return 0 < len(name) < 256 and name not in (".", "..") and "/" not in name and "\0" not in name
