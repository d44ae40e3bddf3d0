"""Saving values and objects as text and in files. The notation is lpc.runtime.save's."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.save import restore_lines, restore_value, save_lines, save_value
from lpc.runtime.values import UNDEFINED, Value

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

_ZEROS, _COMPRESSED = 1, 2
_EXTENSION, _GZIPPED = ".o", ".o.gz"
_GZIP: Final = b"\x1f\x8b"
#: what a path can fail with: OSError (FileRefused is one), ValueError for a NUL in it
_FAILURES = (OSError, ValueError)


@efun("string save_variable(mixed value)")
def save_variable(this: LPCObject, value: Value) -> str:
    r"""The text of a value as save files hold it. Objects, functions and buffers are left out (they read as 0).

    Example: save_variable(({ 1, "a" })) is "({1,\"a\",})"
    """
    limits = this.driver.limits
    return save_value(value, limits.save_depth, limits.string_length)


@efun("mixed restore_variable(string text)")
def restore_variable(this: LPCObject, text: str) -> Value:
    """The value save_variable() made a text of; an error for a faulty one, 0 for what is no value at all.

    Example: restore_variable("({1,2,})") is ({ 1, 2 })
    """
    limits = this.driver.limits
    return restore_value(text, limits.save_depth, limits.array_size)


@efun("mixed save_object(void | string | int path, void | int flags)")
def save_object(this: LPCObject, path: str | int = 0, flags: int = 0) -> Value:
    """Write the variables of this object, save nosave ones, to a file; its size, or 0 if that went wrong.

    ".o" is put after the path in the place of ".c" or ".lpc". Flag 1 writes variables that are 0 too, flag 2
    makes a gzipped ".o.gz". Without a path, or with flags in its place, the text is returned instead.

    Example: save_object("/save/players/tom")
    """
    if isinstance(path, int):
        return _header(this) + "".join(_saved_lines(this, path))
    lines = _saved_lines(this, flags)
    compressed = bool(flags & _COMPRESSED)
    stem = _stem(path)
    data = (_header(this) + "".join(lines)).encode(errors="replace")
    if compressed:
        import gzip

        data = gzip.compress(data)
    try:
        target = this.driver.files.writable(stem + (_GZIPPED if compressed else _EXTENSION), this, "save_object")
    except _FAILURES as error:
        this.driver.log(f"save_object(): {path}: {error}")  # which permission is missing
        raise LPCError("Denied write permission in save_object().") from None
    try:
        _replace(target, data)
        if compressed:
            _remove(this.driver.files.writable(stem + _EXTENSION, this, "save_object"))
    except _FAILURES as error:
        this.driver.log(f"save_object(): {path}: {error}")
        return 0
    # The size as FluffOS counts it: one more for each line and for each program the object is made of.
    return len(this.program.chain) + sum(len(line.encode(errors="replace")) + 1 for line in lines)


def _header(this: LPCObject) -> str:
    return f"#{this.program.path}\n"


def _saved_lines(this: LPCObject, flags: int) -> list[str]:
    limits = this.driver.limits
    variables = [(name, this.__dict__.get(key, 0)) for name, key in this.program.saved_variables()]
    return save_lines(variables, bool(flags & _ZEROS), limits.save_depth, limits.string_length)


def _replace(target: str, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part."""
    temporary = target + ".tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    with open(os.open(temporary, flags, 0o666), "wb") as file:
        file.write(data)
    os.replace(temporary, target)


def _remove(host_path: str) -> None:
    """Remove the save file that the one just written takes the place of."""
    if os.path.isfile(host_path):
        os.remove(host_path)


def _stem(path: str) -> str:
    """A path without the extension of a program or save file."""
    for extension in (".lpc", ".c"):
        if path.endswith(extension):
            path = path.removesuffix(extension)
            break
    return path.removesuffix(_GZIPPED).removesuffix(_EXTENSION)


@efun("int restore_object(string path, void | int keep)")
def restore_object(this: LPCObject, path: str, keep: int = 0) -> int:
    """Read the variables of this object from a file save_object() wrote; 1 if there was one, else 0.

    All variables but nosave ones become 0 first, unless `keep` is set. A variable of the file that the
    object lacks goes to its restore_lost_variable(name, value). A faulty file is an error.

    Example: restore_object("/save/players/tom")
    """
    data = _save_file(this, _stem(path))
    if not data:
        return 0
    _restore(this, data.decode(errors="replace"), keep)
    return 1


@efun("void restore_from_string(string text, int keep = 0)")
def restore_from_string(this: LPCObject, text: str, keep: int = 0) -> None:
    """restore_object() from a text that save_object() returned.

    Example: restore_from_string(save_object(0))
    """
    _restore(this, text, keep)


def _save_file(this: LPCObject, stem: str) -> bytes | None:
    """What a save file holds, the gzipped one before the other; None where there is none."""
    for extension in (_GZIPPED, _EXTENSION):
        path = stem + extension
        try:
            data = _read(this.driver.files.readable(path, this, "restore_object"), this.driver.limits.read_file_size)
        except PermissionError:
            if extension == _EXTENSION:
                raise LPCError(f"restore_object: read permission denied: {path}.") from None
        except EOFError as error:
            raise LPCError(f"restore_object: Error reading file: {path},  error: {error}.") from None
        except _FAILURES:
            continue
        else:
            return data
    return None


def _read(host_path: str, limit: int) -> bytes:
    """A regular file, unpacked if need be; EOFError where its content is not to be had."""
    descriptor = os.open(host_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise FileNotFoundError(host_path)
        data = file.read(limit + 1)
    if data.startswith(_GZIP):
        import zlib

        try:
            data = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, limit + 1)
        except zlib.error as error:
            raise EOFError(str(error)) from None
    if len(data) > limit:
        raise EOFError(f"it is longer than {limit} bytes")
    return data


def _restore(this: LPCObject, text: str, keep: int) -> None:
    keys = dict(this.program.saved_variables())
    if not keep:
        for key in keys.values():
            this.__dict__[key] = UNDEFINED
    limits = this.driver.limits
    lost: list[tuple[str, Value]] = []

    def store(name: str, value: Value) -> None:
        if name in keys:
            this.__dict__[keys[name]] = value
        else:
            lost.append((name, value))

    restore_lines(text, store, limits.save_depth, limits.array_size)
    for name, value in lost:
        this.driver.apply(this, "restore_lost_variable", name, value)
