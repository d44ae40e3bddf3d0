"""Files an HTTP server answers by itself: the option HTTP_STATIC, (["/assets": "/www"]).

Below a prefix GET and HEAD never reach LPC. Rules:
- The path of a request is split at "/" after it was decoded; a part that begins with a dot (but
  ".well-known"), or holds a backslash or a control character, is not found. So nothing climbs.
- The driver's file checks (root, mounts, symlinks, permissions, the master's valid_read() with the operation
  "http_static") decide on the file, and the real file must lie below the real directory of the prefix: a
  symlink may not lead from one published directory into another place of the mudlib.
- Only regular files; a directory stands for its index.html. What may not be read is not found.
- Conditions and ranges are RFC 9110 13 and 14. Several ranges make a multipart/byteranges body; where there are
  more than RANGES of them, or they overlap, the whole file is sent: nobody needs that, and it would multiply.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
from collections import deque
from email.utils import formatdate, parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from lpc.runtime.values import Mapping

if TYPE_CHECKING:
    from lpc.runtime.host import Files
    from lpc.runtime.objects import LPCObject

OPERATION: Final = "http_static"
INDEX: Final = "index.html"
_FORBIDDEN: Final = re.compile(r"[\\\0-\37\177]")
RANGES: Final = 16
_UNIT: Final = re.compile(r"bytes[ \t]*=", re.IGNORECASE)
_RANGE: Final = re.compile(r"[ \t]*([0-9]{0,18})[ \t]*-[ \t]*([0-9]{0,18})[ \t]*")
_TAG: Final = re.compile(r'(?:W/)?"[^"]*"')
_TYPES: Final = {
    "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "json": "application/json",
    "map": "application/json", "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8", "xml": "application/xml", "svg": "image/svg+xml", "png": "image/png",
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif",
    "ico": "image/x-icon", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
    "pdf": "application/pdf", "wasm": "application/wasm", "zip": "application/zip", "gz": "application/gzip",
    "mp3": "audio/mpeg", "ogg": "audio/ogg", "wav": "audio/wav", "mp4": "video/mp4", "webm": "video/webm",
}


class Mount(NamedTuple):
    """A prefix of request paths ("" for all) and the virtual directory behind it."""

    prefix: str
    directory: str


def read_mounts(value: Mapping) -> tuple[Mount, ...] | None:
    """The mounts of an option's value, the longest prefix first; None where it is malformed."""
    mounts = []
    for prefix, directory in value.items():
        if not isinstance(prefix, str) or not isinstance(directory, str):
            return None
        if not prefix.startswith("/") or not directory.startswith("/"):
            return None
        mounts.append(Mount(prefix.rstrip("/"), directory.rstrip("/")))
    return tuple(sorted(mounts, key=lambda mount: -len(mount.prefix)))


def mount_of(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """The mount a decoded path falls in."""
    for mount in mounts:
        if path.startswith(mount.prefix) and path[len(mount.prefix):len(mount.prefix) + 1] in ("", "/"):
            return mount
    return None


class Part(NamedTuple):
    """Some bytes, and `size` bytes of a file from `at` on."""

    text: bytes
    at: int
    size: int


class StaticFile:
    """An open file, of which `parts` are still to be sent: `remaining` bytes."""

    __slots__ = ("fd", "size", "modified", "tag", "content_type", "parts", "remaining")

    def __init__(self, fd: int, status: os.stat_result, content_type: str) -> None:
        self.fd = fd
        self.size = status.st_size
        self.modified = int(status.st_mtime)
        self.tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
        self.content_type = content_type
        self.parts: deque[Part] = deque()
        self.remaining = 0

    def send(self, *parts: Part) -> None:
        """Let these be what is to be sent."""
        self.parts = deque(parts)
        self.remaining = sum(len(part.text) + part.size for part in parts)

    def read(self, size: int) -> bytes:
        """The next bytes; none where the file has become shorter or cannot be read."""
        if not self.remaining:
            return b""
        text, at, left = self.parts.popleft()
        data = text
        if not text:
            try:
                data = os.pread(self.fd, min(size, left), at)
            except OSError:
                return b""
            at, left = at + len(data), left - len(data)
        if left:
            self.parts.appendleft(Part(b"", at, left))
        self.remaining -= len(data)
        return data

    def close(self) -> None:
        """Let the descriptor go."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def open_file(files: Files, owner: LPCObject, mount: Mount, path: str) -> StaticFile | str:
    """The file behind a decoded request path; a string is where to look for it instead (a directory without
    its slash). OSError where there is none. Runs LPC: the master is asked."""
    rest = path[len(mount.prefix):]
    parts = rest.split("/")[1:]
    if any(part in (".", "..") or (part.startswith(".") and part != ".well-known") for part in parts):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    if _FORBIDDEN.search(rest) or "" in parts[:-1]:
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    wants_directory = not parts or parts[-1] == ""
    if wants_directory:
        rest = f"{rest.rstrip('/')}/{INDEX}"
    real = files.readable(mount.directory + rest, owner, OPERATION)
    root = files.readable(mount.directory or "/", owner, OPERATION)
    if not real.startswith(root.rstrip("/") + "/"):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    # The path was resolved: a link there now was put there since. A FIFO must not wait for its writer.
    fd = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and not (wants_directory and not parts):
        return StaticFile(fd, status, type_of(rest))
    os.close(fd)
    if not parts or (stat.S_ISDIR(status.st_mode) and not wants_directory):
        return f"{path}/"
    raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))


def type_of(name: str) -> str:
    """The media type a file's name stands for."""
    return _TYPES.get(name.rpartition("/")[2].rpartition(".")[2].lower(), "application/octet-stream")


def select(file: StaticFile, headers: Mapping) -> tuple[int, list[tuple[str, str]]]:
    """What to answer a GET or HEAD with these headers: the status, and fields besides the length. The file knows
    then what is to be sent of it."""
    file.send()
    fields = [("ETag", file.tag), ("Last-Modified", formatdate(file.modified, usegmt=True)),
              ("Accept-Ranges", "bytes"), ("X-Content-Type-Options", "nosniff")]
    status = _conditions(file, headers)
    if status != 200:
        return status, fields
    asked = headers.get("range")
    extents = None if asked is None or not _is_current(file, headers.get("if-range")) else _extents(asked, file.size)
    if extents is None:
        file.send(Part(b"", 0, file.size))
        return 200, [*fields, ("Content-Type", file.content_type)]
    if not extents:
        return 416, [("Content-Range", f"bytes */{file.size}")]
    if len(extents) == 1:
        first, last = extents[0]
        file.send(Part(b"", first, last - first + 1))
        return 206, [*fields, ("Content-Type", file.content_type),
                     ("Content-Range", f"bytes {first}-{last}/{file.size}")]
    boundary = secrets.token_hex(16)  # nobody can put it into the file beforehand
    file.send(*(_part(file, boundary, first, last) for first, last in extents),
              Part(f"\r\n--{boundary}--\r\n".encode(), 0, 0))
    return 206, [*fields, ("Content-Type", f"multipart/byteranges; boundary={boundary}")]


def _part(file: StaticFile, boundary: str, first: int, last: int) -> Part:
    head = (f"\r\n--{boundary}\r\nContent-Type: {file.content_type}\r\n"
            f"Content-Range: bytes {first}-{last}/{file.size}\r\n\r\n")
    return Part(head.encode(), first, last - first + 1)


def _extents(asked: str, size: int) -> list[tuple[int, int]] | None:
    """First and last bytes a Range field asks for, without those that lie beyond the file; None where it is to be
    ignored (RFC 9110 14.2): it is malformed, of a unit nobody knows, or asks too much."""
    unit = _UNIT.match(asked)
    if unit is None or asked.count(",") >= RANGES:
        return None
    found = []
    for text in asked[unit.end():].split(","):
        one = _RANGE.fullmatch(text)
        if one is None or one[1] == one[2] == "" or (one[1] and one[2] and int(one[1]) > int(one[2])):
            return None
        first, last = _extent(one[1], one[2], size)
        if first < size and first <= last:
            found.append((first, last))
    ordered = sorted(found)
    overlap = any(last >= first for (_, last), (first, _) in zip(ordered, ordered[1:]))
    return None if overlap else found


def _extent(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1 if int(last) else -1
    return int(first), min(int(last), size - 1) if last else size - 1


def _conditions(file: StaticFile, headers: Mapping) -> int:
    """RFC 9110 13.2.2, in its order."""
    if (tags := headers.get("if-match")) is not None:
        if not _matches(tags, file.tag, weak=False):
            return 412
    elif (since := _date(headers.get("if-unmodified-since"))) is not None and file.modified > since:
        return 412
    if (tags := headers.get("if-none-match")) is not None:
        return 304 if _matches(tags, file.tag, weak=True) else 200
    since = _date(headers.get("if-modified-since"))
    return 304 if since is not None and file.modified <= since else 200


def _matches(tags: str, own: str, *, weak: bool) -> bool:
    if tags.strip() == "*":
        return True
    return any((tag.removeprefix("W/") if weak else tag) == own for tag in _TAG.findall(tags))


def _is_current(file: StaticFile, validator: str | None) -> bool:
    """If-Range: the part is wanted only of the file the client has a part of, RFC 9110 13.1.5."""
    if validator is None:
        return True
    return validator == file.tag or _date(validator) == file.modified


def _date(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
