"""Efuns over the mudlib's files.

Every path is virtual and goes through `this.driver.files`, which asks the master before anything is
touched. A refusal and an ordinary failure give FluffOS's documented value (0, -1, …), not an error,
except where the page says so. Only regular files are read and written: a fifo would block the driver.
"""

from __future__ import annotations

import os
import re
import stat as modes  # `stat` is the efun
from contextlib import closing
from io import BytesIO
from typing import IO, TYPE_CHECKING

from efuns.core.buffers import overwrite, part_of
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lpc.runtime.objects import LPCObject

_CHUNK = 1 << 16
_MISSING, _DIRECTORY = -1, -2
_OVERWRITE, _COMPRESSED = 1, 2
_GZIP = b"\x1f\x8b"
#: what a path can fail with: OSError (FileRefused is one), ValueError for a NUL in it
_FAILURES = (OSError, ValueError)


# ------------------------------------------------------------------------------------------------- reading


@efun("string read_file(string path, void | int start, void | int lines)")
def read_file(this: LPCObject, path: str, start: int = 0, lines: int = 0) -> str | int:
    """The text of a file, 0 if it can not be read.

    Lines count from 1: `start` is the first one wanted (negative: that many from the end), `lines` how
    many (0: all). 0 too if the file has not that many lines. At most the driver's limit is read. Gzipped
    files are unpacked, CR LF becomes LF.

    Example: read_file("/log/errors", -10)
    """
    limit = this.driver.limits.read_file_size
    try:
        with closing(_open(this, path, "read_file")) as file:
            data = _lines(_unpacked(file, 2 * limit), start, lines, limit)
    except (*_FAILURES, EOFError):
        return 0
    return 0 if data is None else _text(data).replace("\r\n", "\n")


@efun("string read_bytes(string path, void | int start, void | int length)")
def read_bytes(this: LPCObject, path: str, start: int = 0, length: int = 0) -> str | int:
    """Part of a file by byte numbers; 0 if there is nothing.

    A negative start counts from the end, length 0 means all the rest. What is no UTF-8 shows as U+FFFD.

    Example: read_bytes("/log/errors", -100, 50)
    """
    data = _read_part(this, path, start, length, "read_bytes")
    return 0 if data is None else _text(data)


@efun("mixed read_buffer(string | buffer source, void | int start, void | int length)")
def read_buffer(this: LPCObject, source: str | Buffer, start: int = 0, length: int = 0) -> Value:
    """Part of a file as a buffer, or part of a buffer as a string; 0 if there is nothing.

    Example: read_buffer("/www/logo.png")
    """
    if isinstance(source, Buffer):
        part = part_of(source.data, start, length)
        return 0 if part is None else _text(part)
    data = _read_part(this, source, start, length, "read_bytes")
    return 0 if data is None else Buffer(data)


@efun("int file_length(string path)")
def file_length(this: LPCObject, path: str) -> int:
    """How many newlines a file has; -1 if it can not be read, -2 for a directory.

    Example: file_length("/log/errors")
    """
    size = _size(this, path)
    if size < 0:
        return size
    try:
        with closing(_open(this, path, "file_size")) as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(_CHUNK), b""))
    except _FAILURES:
        return _MISSING


def _open(this: LPCObject, path: str, operation: str) -> IO[bytes]:
    """A regular file for reading; OSError for anything else."""
    return _opened(this.driver.files.readable(path, this, operation), os.O_RDONLY)


def _opened(host_path: str, flags: int) -> IO[bytes]:
    descriptor = os.open(host_path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
    if not modes.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(host_path)
    access = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
    return open(descriptor, {os.O_RDONLY: "rb", os.O_WRONLY: "wb", os.O_RDWR: "r+b"}[access])


def _unpacked(file: IO[bytes], most: int) -> IO[bytes]:
    magic = file.read(len(_GZIP))
    file.seek(0)
    if magic != _GZIP:
        return file
    import zlib

    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        return BytesIO(inflater.decompress(file.read(most), most))
    except zlib.error as error:
        raise EOFError from error


def _lines(file: IO[bytes], start: int, lines: int, limit: int) -> bytes | None:
    """What read_file() gives of an open file; None where the lines are not there."""
    if lines < 0 or (start > 1 and not _skip_lines(file, start - 1)):
        return None
    if start < 0:
        _seek_last_lines(file, -start)
    if lines == 0:
        return _whole_characters(file.read(limit + 1), limit)
    wanted = bytearray()
    while lines and len(wanted) <= limit:
        line = file.readline(limit + 1 - len(wanted))
        if not line:
            break
        wanted += line
        lines -= 1
    return _whole_characters(bytes(wanted), limit)


def _skip_lines(file: IO[bytes], count: int) -> bool:
    """Go past that many newlines; False if the file has fewer."""
    while chunk := file.read(_CHUNK):
        here = chunk.count(b"\n")
        if here < count:
            count -= here
            continue
        at = -1
        for _ in range(count):
            at = chunk.index(b"\n", at + 1)
        file.seek(at + 1 - len(chunk), os.SEEK_CUR)
        return True
    return False


def _seek_last_lines(file: IO[bytes], count: int) -> None:
    """Go to where the last `count` lines begin, reading only what they need, from the end backwards."""
    end = file.seek(0, os.SEEK_END)
    first = True
    while end > 0:
        begin = max(0, end - _CHUNK)
        file.seek(begin)
        chunk = file.read(end - begin)
        # The newline that ends the last line does not begin another one.
        at = len(chunk) - 1 if first and chunk.endswith(b"\n") else len(chunk)
        first = False
        while (at := chunk.rfind(b"\n", 0, at)) >= 0:
            count -= 1
            if not count:
                file.seek(begin + at + 1)
                return
        end = begin
    file.seek(0)


def _whole_characters(data: bytes, limit: int) -> bytes:
    """The data cut to the limit, not in the middle of a UTF-8 character."""
    if len(data) <= limit:
        return data
    at = limit
    while at > max(0, limit - 3) and data[at] & 0xC0 == 0x80:
        at -= 1
    return data[:at]


def _read_part(this: LPCObject, path: str, start: int, length: int, operation: str) -> bytes | None:
    limit = this.driver.limits.read_file_size
    try:
        with closing(_open(this, path, operation)) as file:
            size = os.fstat(file.fileno()).st_size
            start += size if start < 0 else 0
            if length < 0 or not 0 <= start < size:
                return None
            if (length or size - start) > limit:
                raise LPCError("Transfer exceeded maximum allowed number of bytes.")
            file.seek(start)
            return file.read(length or size - start) or None
    except _FAILURES:
        return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


# ------------------------------------------------------------------------------------------------- writing


@efun("int write_file(string path, string text, int flags = 0)")
def write_file(this: LPCObject, path: str, text: str, flags: int = 0) -> int:
    r"""Append text to a file; 1 if it was done, 0 if it is not allowed.

    Flag 1 replaces what was in the file, flag 2 writes gzip. A file that can not be opened is an error.

    Example: write_file("/log/visits", ctime(time()) + "\n")
    """
    try:
        host_path = this.driver.files.writable(path, this, "write_file")
    except _FAILURES:
        return 0
    data = _encoded(text)
    if flags & _COMPRESSED:
        import gzip

        data = gzip.compress(data)
    way = os.O_TRUNC if flags & _OVERWRITE else os.O_APPEND
    try:
        file = _opened(host_path, os.O_WRONLY | os.O_CREAT | way)
    except OSError as error:
        verb = "overwrite" if flags & _OVERWRITE else "append"
        shown, reason = this.driver.files.normalize(path), os.strerror(error.errno or 0)
        raise LPCError(f'Wrong permissions for opening file {shown} for {verb}.\n"{reason}"') from None
    return _done(lambda: _write_all(file, data))


@efun("int write_bytes(string path, int start, string text)")
def write_bytes(this: LPCObject, path: str, start: int, text: str) -> int:
    """Overwrite part of a file, from a byte number on (negative: from the end); 1, or 0 if it failed.

    A file that is not there is made. The start may not lie beyond the end.

    Example: write_bytes("/data/table", 0, "x")
    """
    return _write_part(this, path, start, _encoded(text))


@efun("int write_buffer(string | buffer target, int start, string | buffer | int data)")
def write_buffer(this: LPCObject, target: str | Buffer, start: int, data: str | Buffer | int) -> int:
    """Put bytes into a file or a buffer, in place, at a byte number (negative: from the end); 1, or 0.

    A string gives its UTF-8 bytes, an int four bytes, the highest first. Into a buffer they must fit.

    Example: write_buffer(header, 0, sizeof(body))
    """
    if isinstance(data, int):
        raw = (data & 0xFFFF_FFFF).to_bytes(4, "big")
    else:
        raw = bytes(data.data) if isinstance(data, Buffer) else _encoded(data)
    if isinstance(target, Buffer):
        return 1 if overwrite(target, start, raw) else 0
    return _write_part(this, target, start, raw)


def _write_part(this: LPCObject, path: str, start: int, data: bytes) -> int:
    def write() -> bool:
        host_path = this.driver.files.writable(path, this, "write_bytes")
        with closing(_opened(host_path, os.O_RDWR | os.O_CREAT)) as file:
            size = os.fstat(file.fileno()).st_size
            at = start + size if start < 0 else start
            if not 0 <= at <= size:
                return False
            file.seek(at)
            return file.write(data) > 0

    return _done(write)


def _write_all(file: IO[bytes], data: bytes) -> bool:
    with file:
        file.write(data)
    return True


def _done(act: Callable[[], bool | None]) -> int:
    """1 if an act succeeds, 0 if it says False or the system refuses."""
    try:
        return 0 if act() is False else 1
    except _FAILURES:
        return 0


# ------------------------------------------------------------------------------ making, removing, renaming


@efun("int rm(string path)")
def rm(this: LPCObject, path: str) -> int:
    """Delete a file; 1, or 0 if it failed.

    Example: rm("/tmp/scratch")
    """
    return _done(lambda: os.unlink(this.driver.files.writable(path, this, "remove_file")))


@efun("int mkdir(string path)")
def mkdir(this: LPCObject, path: str) -> int:
    """Make a directory; 1, or 0 if it failed.

    Example: mkdir("/tmp/work")
    """
    return _done(lambda: os.mkdir(this.driver.files.writable(path, this, "mkdir")))


@efun("int rmdir(string path)")
def rmdir(this: LPCObject, path: str) -> int:
    """Remove an empty directory; 1, or 0 if it failed.

    Example: rmdir("/tmp/work")
    """
    return _done(lambda: os.rmdir(this.driver.files.writable(path, this, "rmdir")))


@efun("int rename(string from, string to)")
def rename(this: LPCObject, source: str, target: str) -> int:
    """Rename or move a file or directory; into `to` if that is a directory. 0, or 1 if it is not allowed.

    Anything else that goes wrong is an error.

    Example: rename("/log/errors", "/log/errors.old")
    """
    try:
        old = this.driver.files.writable(source, this, "rename")
        new = _into(this, old, target, "rename")
    except _FAILURES:
        return 1
    _check_move(this, source, old, target, new)
    try:
        os.rename(old, new)
    except OSError:
        raise LPCError(f"cannot move `{_shown(this, source)}' to `{_shown(this, target)}'") from None
    return 0


@efun("int link(string from, string to)")
def link(this: LPCObject, source: str, target: str) -> int:
    """Make a second name (hard link) for a file, if the master's valid_link(from, to) agrees; 1, or 0.

    Example: link("/data/a", "/data/b")
    """
    if this.driver.valid("valid_link", source, target) == 0:
        return 0
    files = this.driver.files
    return _done(lambda: os.link(files.writable(source, this, "link"), files.writable(target, this, "link")))


@efun("int cp(string from, string to)")
def cp(this: LPCObject, source: str, target: str) -> int:
    """Copy a file, into `to` if that is a directory; 1, -1 if it can not be read, -2 if not written.

    Example: cp("/std/room.c", "/tmp/")
    """
    try:
        file = _open(this, source, "move_file")
    except _FAILURES:
        return -1
    with closing(file):
        try:
            new = _into(this, source, target, "move_file")
            if os.path.exists(new) and os.path.samestat(os.fstat(file.fileno()), os.stat(new)):
                raise LPCError(f"`{_shown(this, source)}' and `{_shown(this, target)}' are the same file")
            with closing(_opened(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)) as copy:
                for chunk in iter(lambda: file.read(_CHUNK), b""):
                    copy.write(chunk)
        except _FAILURES:
            return -2
    return 1


def _into(this: LPCObject, source: str, target: str, operation: str) -> str:
    """The host path to write: `target`, or below it if it is a directory."""
    files = this.driver.files
    host_path = files.writable(target, this, operation)
    if not os.path.isdir(host_path):
        return host_path
    return files.writable(f"{target}/{os.path.basename(source.rstrip('/'))}", this, operation)


def _check_move(this: LPCObject, source: str, old: str, target: str, new: str) -> None:
    if not os.path.lexists(old):
        raise LPCError(f"{_shown(this, source)}: lstat failed")
    if os.path.lexists(new):
        if os.path.samestat(os.lstat(old), os.lstat(new)):
            raise LPCError(f"`{_shown(this, source)}' and `{_shown(this, target)}' are the same file")
        if os.path.isdir(new):
            raise LPCError(f"{_shown(this, target)}: cannot overwrite directory")


def _shown(this: LPCObject, path: str) -> str:
    return this.driver.files.normalize(path)


# ------------------------------------------------------------------------------------------------- looking


@efun("int file_size(string path)")
def file_size(this: LPCObject, path: str) -> int:
    """Bytes of a file; -1 if it is not there (or may not be seen), -2 for a directory.

    Example: if (file_size("/std/room.c") >= 0) load_object("/std/room");
    """
    return _size(this, path)


def _size(this: LPCObject, path: str) -> int:
    try:
        return _shown_size(os.stat(this.driver.files.readable(path, this, "file_size")))
    except _FAILURES:
        return _MISSING


def _shown_size(info: os.stat_result) -> int:
    return _DIRECTORY if modes.S_ISDIR(info.st_mode) else info.st_size


@efun("mixed *stat(string path, int flag = 0)")
def stat(this: LPCObject, path: str, flag: int = 0) -> list[Value] | int:
    """Of a file ({ size, time of last change, time its object was loaded or 0, time of last status change });
    of anything else what get_dir() gives.

    Example: stat("/std/room.c")[1]
    """
    try:
        info = os.stat(this.driver.files.readable(path, this, "stat"))
    except _FAILURES:
        return _directory(this, path, flag)
    if not modes.S_ISREG(info.st_mode):
        return _directory(this, path, flag)
    ob = this.driver.find_object(path)
    loaded = ob.extra.get("load_time", 0) if ob else 0
    return [info.st_size, int(info.st_mtime), loaded, int(info.st_ctime)]


@efun("mixed *get_dir(string path, int flag = 0)")
def get_dir(this: LPCObject, path: str, flag: int = 0) -> list[Value] | int:
    r"""The sorted names of the files in a directory ("/d/"), or of those a pattern matches ("/d/*.c").

    In a pattern * is any text, ? any character, \ takes the next one as it is. A path without a slash at
    the end gives the one name, if it is there. With flag -1 each entry is ({ name, size or -2, time of
    last change }). 0 if there is no such directory.

    Example: get_dir("/std/*.c")
    """
    return _directory(this, path, flag)


def _directory(this: LPCObject, path: str, flag: int) -> list[Value] | int:
    try:
        host_path = this.driver.files.readable(path, this, "stat")
        name = _shown(this, path).rpartition("/")[2]
        if not name or path.endswith(("/", "/.")):
            found = _entries(host_path, None)
        elif os.path.exists(host_path):
            return [_row(name, os.stat(host_path), flag)]
        else:
            found = _entries(os.path.dirname(host_path), _pattern(name))
        entries = [entry for entry, _ in zip(found, range(this.driver.limits.array_size), strict=False)]
    except _FAILURES:
        return 0
    rows = [_row(_name(entry.name), _status(this, entry) if flag == -1 else None, flag) for entry in entries]
    return sorted(rows, key=lambda row: row[0] if flag == -1 else row)


def _entries(host_path: str, pattern: re.Pattern[str] | None) -> Iterator[os.DirEntry[str]]:
    with os.scandir(host_path) as entries:
        for entry in entries:
            if pattern is None or pattern.fullmatch(entry.name):
                yield entry


def _status(this: LPCObject, entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        if entry.is_symlink():  # may lead out of the mudlib: then what it leads to is not told
            files = this.driver.files
            return os.stat(files.readable(files.virtual(entry.path), this, "stat"))
        return entry.stat(follow_symlinks=False)
    except _FAILURES:
        return None


def _row(name: str, info: os.stat_result | None, flag: int) -> Value:
    if flag != -1:
        return name
    return [name, _shown_size(info), int(info.st_mtime)] if info else [name, 0, 0]


def _name(name: str) -> str:
    return name if name.isascii() else _text(os.fsencode(name))


def _pattern(text: str) -> re.Pattern[str]:
    r"""A glob as a regular expression: each part after a * is found at its first place and kept there
    (atomic groups), which is all a glob needs and can not backtrack for ever."""
    parts = [""]
    characters = iter(text)
    for character in characters:
        if character == "*":
            parts.append("")
        elif character == "?":
            parts[-1] += "."
        else:
            parts[-1] += re.escape(next(characters, "") if character == "\\" else character)
    if len(parts) == 1:
        return re.compile(parts[0], re.DOTALL)
    middle = "".join(f"(?>.*?{part})" for part in parts[1:-1] if part)
    return re.compile(f"{parts[0]}{middle}.*{parts[-1]}", re.DOTALL)
