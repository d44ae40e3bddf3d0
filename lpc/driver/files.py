"""The mudlib's files: from the paths LPC names to the paths of the host.

LPC sees one tree of *virtual* paths. A table of mounts says which host directory stands behind which
prefix; `/` is the mudlib root. Every question goes the same way:

    normalise -> mount -> real path (symlinks followed) -> permissions -> master's valid_* -> host path

The real path is what is checked and what is handed out, so a link below a mount never leads out of it.
Whoever opens the result adds O_NOFOLLOW (`open_regular` does): a link put there after the check is an error.

The one way beyond the mounts is a grant of the command line: `--allow-read=/data` makes /data readable
under its own name, and a bare `--allow-read` lets paths that do not exist in the mudlib mean the host's.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lpc.driver.permissions import READ, WATCH, WRITE, Permissions, is_within
from lpc.errors import FileRefused
from lpc.runtime.values import UNDEFINED

if TYPE_CHECKING:
    from lpc.runtime.objects import LPCObject

#: Operations the driver does itself to load programs.
_LOADING = frozenset({"load_object", "include"})
#: Operations on a directory entry rather than on what it leads to.
_ENTRY_OPERATIONS = frozenset({"remove_file", "rm", "rmdir", "rename", "mkdir", "link"})


@dataclass(frozen=True, slots=True)
class Mount:
    """A host directory under a virtual prefix ("/" or "/x/y").

    `writable` is True, or the names of the sub-folders LPC may write by default. `operations` restricts the
    mount to some operations. `make` creates the host directory when it is first written to.
    """

    prefix: str
    host: str
    writable: bool | tuple[str, ...] = False
    operations: frozenset[str] | None = None
    make: bool = False


def normalize(path: str) -> str:
    """An absolute virtual path without `.`, `..` and doubled slashes; FileRefused above the root."""
    if "\0" in path:
        raise FileRefused(errno.EACCES, "a path may not hold a zero byte", path.replace("\0", "\\0"))
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise FileRefused(errno.EACCES, f"'{path}' leads above the mudlib root", path)
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


class FileSystem:
    """The files of one driver (lpc.runtime.host.Files). `ask(apply, *args)` puts a question to the master."""

    def __init__(self, mounts: Iterable[Mount], permissions: Permissions, ask: Callable[..., Any]) -> None:
        self._permissions = permissions
        self._ask = ask
        self._mounts: list[tuple[Mount, str]] = []
        for mount in mounts:
            self.mount(mount)

    def mount(self, mount: Mount) -> None:
        """Add a mount; a longer prefix hides a shorter one, a later mount an earlier one of the same prefix."""
        self._mounts = [(old, real) for old, real in self._mounts if old.prefix != mount.prefix]
        self._mounts.append((mount, os.path.realpath(mount.host)))
        self._mounts.sort(key=lambda entry: -len(entry[0].prefix))

    def normalize(self, path: str) -> str:
        """See `normalize`."""
        return normalize(path)

    def readable(self, path: str, who: LPCObject | None, operation: str) -> str:
        """The real host path behind a virtual one, for reading; FileRefused otherwise."""
        return self._checked(path, who, operation, READ)

    def writable(self, path: str, who: LPCObject | None, operation: str) -> str:
        """The real host path behind a virtual one, for writing; FileRefused otherwise."""
        return self._checked(path, who, operation, WRITE)

    def watchable(self, path: str, who: LPCObject | None, operation: str = "watch") -> str:
        """The real host path behind a virtual one, for watching changes; FileRefused otherwise."""
        return self._checked(path, who, operation, WATCH)

    def virtual(self, host_path: str) -> str:
        """The virtual path of a host path below a mount; the host path itself where there is none."""
        real = os.path.realpath(host_path)
        best = ""
        found = host_path
        for mount, root in reversed(self._mounts):  # shortest prefix first: the root before its aliases
            if is_within(real, root) and len(root) > len(best):
                best = root
                found = normalize(mount.prefix + "/" + real[len(root):])
        return found

    def locate(self, path: str) -> str:
        """The host path a normalised virtual path stands for, whether or not it may be used: for the
        driver's own look whether there is such a source."""
        return self._place(path, READ)[2]

    @property
    def root(self) -> str:
        """The real host path of the mudlib."""
        return self._mounts[-1][1]

    def within_root(self, host_path: str) -> bool:
        """Whether a host path lies in the mudlib itself."""
        return is_within(os.path.realpath(host_path), self.root)

    def open_regular(self, host_path: str, limit: int) -> bytes:
        """The bytes of a regular file a check has allowed; OSError otherwise, EFBIG above `limit`."""
        # O_NONBLOCK: opening a FIFO of that name must not wait for a writer.
        fd = os.open(host_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a regular file", host_path)
            if status.st_size > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), host_path)
            return file.read(limit + 1)

    # ------------------------------------------------------------------ the checks

    def _checked(self, path: str, who: LPCObject | None, operation: str, kind: str) -> str:
        path = normalize(path)
        host = self._granted(path, operation, kind)
        apply = "valid_write" if kind == WRITE else "valid_read"
        answer = self._ask(apply, path, 0 if who is None else who, operation)
        if type(answer) is str:
            path = normalize(answer)
            return self._granted(path, operation, kind)
        if answer is not UNDEFINED and answer == 0:
            raise FileRefused(errno.EACCES, f"the master's {apply}() refuses '{path}' for {operation}", path)
        return host

    def _granted(self, path: str, operation: str, kind: str) -> str:
        mount, root, host = self._place(path, kind)
        try:
            real = _real(host, entry=operation in _ENTRY_OPERATIONS)
        except UnicodeEncodeError:
            raise FileRefused(errno.EACCES, "a path must be text", path.encode("utf-8", "replace")) from None
        by_default = mount is not None and is_within(real, root) and _offers(mount, root, real, operation, kind)
        if not self._permissions.allows_path(kind, real, by_default=by_default, implied=operation in _LOADING):
            raise FileRefused(errno.EACCES, self._permissions.refusal, path)
        if mount is not None and mount.make and kind == WRITE:
            os.makedirs(root, mode=0o700, exist_ok=True)
        return real

    def _place(self, path: str, kind: str) -> tuple[Mount | None, str, str]:
        """The mount a virtual path falls in, that mount's real directory, and the host path."""
        if self._granted_by_name(path, kind):
            return None, "", path
        for mount, root in self._mounts:
            if mount.prefix == "/" or is_within(path, mount.prefix):
                host = root + (path if mount.prefix == "/" else path[len(mount.prefix):])
                if mount.prefix == "/" and self._means_the_host(path, host, kind):
                    return None, "", path
                return mount, root, host
        raise FileRefused(errno.EACCES, f"nothing is mounted at '{path}'", path)

    def _granted_by_name(self, path: str, kind: str) -> bool:
        """Whether a grant outside the mudlib names this very path: `--allow-read=/etc` and "/etc/hosts"."""
        scope = self._permissions.allow.get(kind)
        if scope is None or not scope.items:
            return False
        return any(is_within(path, item) and not is_within(item, self.root) for item in scope.items)

    def _means_the_host(self, path: str, host: str, kind: str) -> bool:
        """Under a bare grant, a path that is not in the mudlib but exists on the host means the host's."""
        if not self._permissions.everything(kind) or os.path.lexists(host):
            return False
        if kind == WRITE:
            return not os.path.isdir(os.path.dirname(host)) and os.path.isdir(os.path.dirname(path))
        return os.path.lexists(path)


def _real(host: str, *, entry: bool) -> str:
    """The path with every symlink followed; for operations on a directory entry, all but the last."""
    if not entry:
        return os.path.realpath(host)
    folder, name = os.path.split(host.rstrip("/"))
    return os.path.join(os.path.realpath(folder), name)


def _offers(mount: Mount, root: str, real: str, operation: str, kind: str) -> bool:
    """What a mount gives without any grant."""
    if mount.operations is not None and operation not in mount.operations:
        return False
    if kind != WRITE:
        return True
    if isinstance(mount.writable, bool):
        return mount.writable
    return real[len(root):].strip("/").partition("/")[0] in mount.writable
