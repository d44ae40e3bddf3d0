"""Mode 44, EXTERNAL_INOTIFY: changes of files and directories as LPC events.

socket_bind(fd, path) watches a directory, or one file by way of its directory, so that replacing the file
does not end the watch. read(fd, event) gets a mapping: filename, action, path, directory, time, mask,
cookie, and old_filename for a rename seen in one piece.

What the kernel says is not what LPC gets:
- Actions are "created", "modified" and "deleted". A rename onto a name that exists, or did since the bind,
  is "modified" (editors save that way), onto a new one "created"; each directory therefore remembers its
  names. A name that goes and comes back within the window was never gone: "modified" (the backup dance).
- Equal (file, action) within 50 ms are one event; all of them are delivered when the window closes.
- "overflow" says that events were lost, by the kernel or because LPC fell behind: look at the directory.
- A watched path that disappears ends the socket: "Watched path was removed".

The kernel's messages are taken apart by pyroute2's inotify layer: it knows the layout, and importing it
costs 70 ms and 11 MB, once, when the first socket of this mode is made (decoding one event: 4 us, 0.6 us
by struct alone). Nothing else of its inotify is used: its class blocks, leaks its descriptor into children,
has no error checks and never removes a watch, so the system calls are made here.
"""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from pyroute2.inotify.inotify_msg import inotify_msg

from efuns.sockets import errors, options
from efuns.sockets.base import BOUND, CLOSED, Socket
from lpc.runtime.values import Mapping

if TYPE_CHECKING:
    from asyncio import Handle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

# <sys/inotify.h>
IN_MODIFY: Final = 0x002
IN_ATTRIB: Final = 0x004
IN_CLOSE_WRITE: Final = 0x008
IN_MOVED_FROM: Final = 0x040
IN_MOVED_TO: Final = 0x080
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_MOVE_SELF: Final = 0x800
IN_UNMOUNT: Final = 0x2000
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x0100_0000
IN_ISDIR: Final = 0x4000_0000

_MASK: Final = (IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF
                | IN_ONLYDIR)
_VERBOSE: Final = IN_ATTRIB | IN_CLOSE_WRITE
_GONE: Final = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED

_HEADER: Final = 16  # bytes of a message before its name
WINDOW: Final = 0.05  # seconds in which equal events are one
_READ: Final = 64 << 10
_SLICE: Final = 100  # events delivered before the loop gets its turn
_REMEMBERED: Final = 1000  # names a directory remembers after they are gone
REMOVED: Final = "Watched path was removed"


class Watches:
    """How many directories a driver watches: `driver.state(Watches)`."""

    def __init__(self, driver: Host) -> None:
        self.limit: int = driver.limits.watches
        self.count = 0


class RawEvent(NamedTuple):
    """One message of the kernel; `name` holds undecodable bytes as surrogates."""

    wd: int
    mask: int
    cookie: int
    name: str


class Message(inotify_msg):  # type: ignore[misc]  # pyroute2 has no types
    """pyroute2's message, with a name of any bytes (theirs must be UTF-8)."""

    def decode(self) -> None:
        """Read the header's fields and the name behind them."""
        super(inotify_msg, self).decode()
        start = self.offset + _HEADER
        self.length = _HEADER + self["name_length"]
        self["name"] = os.fsdecode(self.data[start : self.offset + self.length].rstrip(b"\0"))


def parse(data: bytes) -> Iterator[RawEvent]:
    """The messages of one read of an inotify descriptor."""
    offset = 0
    while offset + _HEADER <= len(data):
        message = Message(data, offset=offset)
        message.decode()
        offset += message.length
        yield RawEvent(message["wd"], message["mask"], message["cookie"], message["name"])


class Directory:
    """One watched directory. `names` are those in it, `past` those that were (oldest first, bounded);
    `everything` says whether the directory was bound, `files` which single files were: the virtual path
    each was bound by (a symbolic link may have led here)."""

    __slots__ = ("wd", "host", "path", "names", "past", "everything", "files", "is_bound", "is_recursive")

    def __init__(self, wd: int, host: str, path: str) -> None:
        self.wd = wd
        self.host = host
        self.path = path  # virtual, without a slash at the end ("" is the root)
        self.names: set[str] = set()
        self.past: dict[str, None] = {}
        self.everything = False
        self.files: dict[str, str] = {}
        self.is_bound = False  # by LPC, not found by recursion: losing it ends the socket
        self.is_recursive = False

    def wants(self, name: str) -> bool:
        """Whether LPC hears about this name."""
        return self.everything or name in self.files

    def path_of(self, name: str) -> str:
        """The virtual path of an entry, of the directory itself for ""."""
        if not name:
            return self.path or "/"
        bound = None if self.everything else self.files.get(name)
        return bound or f"{self.path}/{name}"

    def add(self, name: str) -> None:
        """The name exists now."""
        self.names.add(name)
        self.past.pop(name, None)

    def remove(self, name: str) -> None:
        """The name no longer exists."""
        self.names.discard(name)
        self.past[name] = None
        if len(self.past) > _REMEMBERED:
            del self.past[next(iter(self.past))]


class Queue:
    """Events on their way to LPC, equal ones once, in order. `limit` of them fit, then one "overflow"."""

    __slots__ = ("_events", "_limit")

    def __init__(self, limit: int) -> None:
        self._events: dict[tuple[str, str, str], Mapping] = {}
        self._limit = limit

    def __len__(self) -> int:
        return len(self._events)

    def has(self, directory: Directory, name: str, action: str) -> bool:
        """Whether such an event is waiting."""
        return (directory.path, name, action) in self._events

    def add(self, directory: Directory, name: str, action: str, event: Mapping) -> None:
        """Append an event unless its equal is there."""
        key = (directory.path, name, action)
        if key in self._events:
            if "old_filename" in event:
                self._events[key]["old_filename"] = event["old_filename"]
        elif len(self._events) < self._limit:
            self._events[key] = event

    def drop(self, directory: Directory, name: str, action: str) -> bool:
        """Take an event back; False if it was not there."""
        return self._events.pop((directory.path, name, action), None) is not None

    @property
    def is_full(self) -> bool:
        """Whether the next event is lost."""
        return len(self._events) >= self._limit

    def add_overflow(self, event: Mapping) -> None:
        """Events were lost."""
        self._events.setdefault(("", "", "overflow"), event)

    def take(self, count: int) -> list[Mapping]:
        """Remove and return the first events."""
        keys = list(self._events)[:count]
        return [self._events.pop(key) for key in keys]


class Inotify(Socket):
    """A set of watches; see the module."""

    __slots__ = ("_watches", "_inotify", "_directories", "_queue", "_timer", "_reason", "_mask", "_path")

    binds_to_name = True
    bind_verb = "watch"
    can_write = False
    defers_errors = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._watches = table.driver.state(Watches)
        self._inotify = -1  # opened by the first bind
        self._directories: dict[int, Directory] = {}  # by watch descriptor
        self._queue = Queue(table.driver.limits.watch_events)
        self._timer: Handle | None = None
        self._reason = ""  # why the socket ends once the queue is delivered
        self._mask = _MASK
        self._path = ""  # the first that was bound

    @property
    def system_fd(self) -> int:
        return self._inotify

    def is_bound(self) -> bool:
        return False  # a further bind adds a watch

    def works(self) -> bool:
        return bool(self._directories)

    def address_text(self, *, local: bool) -> str:
        return self._path

    def status_addresses(self) -> tuple[str, str]:
        return self._path, self._path

    # ---------------------------------------------------------------------------------------- binding

    def start_bind(self, where: int | str, address: str | None) -> int:
        path = where if isinstance(where, str) else self.get_option(options.EXTERNAL_WATCH_PATH)
        if where != 0 and not isinstance(where, str) or not isinstance(path, str) or not path or "\0" in path:
            return self.problem(errors.EEBADADDR, "Nothing to watch: a path is needed")
        files = self.table.driver.files
        try:
            host = files.watchable(path, self.owner)
        except FileNotFoundError:
            return self.problem(errors.EEBADADDR, f"{path}: no such file or directory")
        except OSError as error:
            return self.problem(errors.EESECURITY, f"{path}: {error.strerror or error}")
        if not self.is_open:  # the master closed it
            return errors.EEBADF
        path = files.normalize(path)
        try:
            self._watch(path, host)
        except OSError as error:
            return self.problem(_bind_code(error), f"{path}: {os.strerror(error.errno or 0)}")
        self._path = self._path or path
        self.become(BOUND)
        return errors.EESUCCESS

    def _watch(self, path: str, host: str) -> None:
        """Watch a path, or raise OSError and change nothing."""
        host = os.path.realpath(host)
        is_directory = os.path.isdir(host)
        if not is_directory:
            os.stat(host)  # raises where there is nothing
        if self._inotify < 0:
            self._mask = _MASK | (_VERBOSE if self.get_option(options.INOTIFY_VERBOSE) else 0)
            self._inotify = _inotify_init()
            self.table.driver.loop.add_reader(self._inotify, self._read)
        known = set(self._directories)
        folder, name = (host, "") if is_directory else os.path.split(host)
        virtual = path.rstrip("/") if is_directory else path.rpartition("/")[0]
        try:
            directory = self._add(folder, virtual)
            if is_directory and self.get_option(options.INOTIFY_RECURSIVE):
                self._add_below(directory)
        except OSError:
            self._forget(set(self._directories) - known)
            if not self._directories:
                self._close_inotify()
            raise
        directory.is_bound = True
        if is_directory:
            directory.everything = True
            directory.is_recursive = directory.is_recursive or bool(self.get_option(options.INOTIFY_RECURSIVE))
        else:
            directory.files[name] = path

    def _add(self, host: str, path: str) -> Directory:
        """Watch one directory (again); OSError where that cannot be."""
        handle = os.open(host, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            handle_path = f"/proc/self/fd/{handle}"
            if os.readlink(handle_path) != host:  # somebody put a symbolic link into the path just now
                raise PermissionError(errno.EACCES, "the path leads elsewhere")
            wd = _inotify_add_watch(self._inotify, handle_path, self._mask)
        finally:
            os.close(handle)
        directory = self._directories.get(wd)
        if directory is not None:
            return directory
        if self._watches.count >= self._watches.limit:
            _inotify_rm_watch(self._inotify, wd)
            raise OSError(errno.ENOSPC, "too many watches")
        self._watches.count += 1
        directory = self._directories[wd] = Directory(wd, host, path)
        directory.names.update(os.listdir(host))
        return directory

    def _add_below(self, top: Directory) -> list[Directory]:
        """Watch the directories below one; symbolic links are not followed."""
        top.is_recursive = True
        found = []
        todo = [top]
        while todo:
            above = todo.pop()
            with os.scandir(above.host) as entries:
                below = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            for name in below:
                try:
                    directory = self._add(os.path.join(above.host, name), f"{above.path}/{name}")
                except (FileNotFoundError, NotADirectoryError):
                    continue  # gone again
                directory.everything = directory.is_recursive = True
                found.append(directory)
                todo.append(directory)
        return found

    def _forget(self, descriptors: set[int]) -> None:
        """Stop watching these directories."""
        for wd in descriptors:
            if self._directories.pop(wd, None) is not None:
                self._watches.count -= 1
                _inotify_rm_watch(self._inotify, wd)

    # ---------------------------------------------------------------------------------------- reading

    def _read(self) -> None:
        try:
            data = os.read(self._inotify, _READ)
        except BlockingIOError:
            return
        moves: dict[int, tuple[Directory, str]] = {}  # by cookie: what left in this batch
        for raw in parse(data):
            if raw.mask & IN_Q_OVERFLOW:
                self._overflowed()
                continue
            directory = self._directories.get(raw.wd)
            if directory is None:
                continue
            if raw.mask & _GONE:
                self._directory_gone(directory, raw)
            elif raw.name:
                self._entry_changed(directory, raw, moves)
            elif raw.mask & IN_ATTRIB and directory.everything:
                self._report(directory, raw, "attrib")
        self._open_window()

    def _open_window(self) -> None:
        """Deliver what is queued once the window has passed."""
        if (len(self._queue) or self._reason) and self._timer is None:
            self._timer = self.table.driver.loop.call_later(WINDOW, self._deliver)

    def _entry_changed(self, directory: Directory, raw: RawEvent, moves: dict[int, tuple[Directory, str]]) -> None:
        """Something happened to a name in a directory."""
        if raw.mask & IN_MODIFY:
            self._report(directory, raw, "modified")
        elif raw.mask & IN_CREATE:
            self._appeared(directory, raw, "created")
        elif raw.mask & IN_MOVED_TO:
            existed = raw.name in directory.names or raw.name in directory.past
            self._moved_in(directory, raw, "modified" if existed else "created", moves.pop(raw.cookie, None))
        elif raw.mask & (IN_DELETE | IN_MOVED_FROM):
            if raw.mask & IN_MOVED_FROM:
                moves[raw.cookie] = (directory, raw.name)
            self._disappeared(directory, raw)
        elif raw.mask & IN_ATTRIB:
            self._report(directory, raw, "attrib")
        elif raw.mask & IN_CLOSE_WRITE:
            self._report(directory, raw, "closed")

    def _appeared(self, directory: Directory, raw: RawEvent, action: str) -> None:
        directory.add(raw.name)
        if self._queue.drop(directory, raw.name, "deleted"):
            action = "modified"
        self._report(directory, raw, action)
        if raw.mask & IN_ISDIR and directory.is_recursive:
            self._adopt(directory, raw.name)

    def _moved_in(self, directory: Directory, raw: RawEvent, action: str, origin: tuple[Directory, str] | None) -> None:
        old_name = origin[1] if origin is not None and origin[0].wants(origin[1]) else None
        if origin is not None and old_name is not None and self._mask & IN_ATTRIB:  # verbose: one event for both
            self._queue.drop(origin[0], old_name, "deleted")
            action = "renamed"
        directory.add(raw.name)
        if self._queue.drop(directory, raw.name, "deleted") and action == "created":
            action = "modified"
        self._report(directory, raw, action, old_name)
        if raw.mask & IN_ISDIR and directory.is_recursive:
            self._adopt(directory, raw.name)

    def _disappeared(self, directory: Directory, raw: RawEvent) -> None:
        directory.remove(raw.name)
        self._report(directory, raw, "deleted")
        if raw.mask & IN_ISDIR and raw.mask & IN_MOVED_FROM:
            inside = f"{directory.path}/{raw.name}"
            self._forget({d.wd for d in self._directories.values()
                          if not d.is_bound and (d.path == inside or d.path.startswith(f"{inside}/"))})

    def _adopt(self, directory: Directory, name: str) -> None:
        """A directory has come into a tree we watch: watch it, and report what was put into it before we did."""
        try:
            top = self._add(os.path.join(directory.host, name), f"{directory.path}/{name}")
            top.everything = True
            new = [top, *self._add_below(top)]
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                self.last_error = f"{shown(directory.path)}/{shown(name)}: {os.strerror(error.errno or 0)}"
                self._queue.add_overflow(self._overflow_event())
            return
        for found in new:
            for entry in sorted(found.names):
                is_directory = os.path.isdir(os.path.join(found.host, entry))
                mask = IN_CREATE | (IN_ISDIR if is_directory else 0)
                self._report(found, RawEvent(found.wd, mask, 0, entry), "created")

    def _directory_gone(self, directory: Directory, raw: RawEvent) -> None:
        if not directory.is_bound and raw.mask & IN_MOVE_SELF:
            return  # the directory above tells where it went
        self._lost(directory)

    def _lost(self, directory: Directory) -> None:
        self._forget({directory.wd})
        if directory.is_bound:
            self._reason = REMOVED

    def _overflowed(self) -> None:
        """The kernel dropped events: what we know of the directories may be wrong."""
        self._queue.add_overflow(self._overflow_event())
        for directory in list(self._directories.values()):
            try:
                names = set(os.listdir(directory.host))
            except OSError:
                self._lost(directory)  # the event that said so may be among the lost ones
                continue
            for name in directory.names - names:
                directory.remove(name)
            for name in names:
                directory.add(name)
            if directory.is_recursive and directory.is_bound:
                try:
                    self._add_below(directory)
                except OSError as error:
                    self.last_error = f"{shown(directory.path)}: {os.strerror(error.errno or 0)}"

    # ------------------------------------------------------------------------------------- delivering

    def _report(self, directory: Directory, raw: RawEvent, action: str, old_name: str | None = None) -> None:
        """Queue an event, if it is about something LPC watches."""
        if not (directory.wants(raw.name) or not raw.name):
            return
        if self._queue.has(directory, raw.name, action):
            if old_name is None:
                return
        elif self._queue.is_full:
            self._queue.add_overflow(self._overflow_event())
            return
        path = directory.path_of(raw.name)
        event = Mapping(filename=shown(path.rpartition("/")[2] if raw.name else ""), action=action, path=shown(path),
                        directory=int(bool(raw.mask & IN_ISDIR)), time=self._now(), mask=raw.mask, cookie=raw.cookie)
        if old_name is not None:
            event["old_filename"] = shown(old_name)
        self._queue.add(directory, raw.name, action, event)

    def _overflow_event(self) -> Mapping:
        return Mapping(filename="", action="overflow", path=self._path, directory=1,
                       time=self._now(), mask=IN_Q_OVERFLOW, cookie=0)

    def _now(self) -> int:
        return int(self.table.driver.clock.time())

    def _deliver(self) -> None:
        """The window closes: everything queued goes to LPC, in slices, then the end if there is one."""
        self._timer = None
        for event in self._queue.take(_SLICE):
            self.deliver(event)
            if self.state is CLOSED:
                return
        if len(self._queue):
            self._timer = self.table.driver.loop.call_soon(self._deliver)
        elif self._reason:
            self.fail(self._reason, errors.EEBADF)

    # ---------------------------------------------------------------------------------------- the end

    def shut(self, *, flush: bool) -> bool:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watches.count -= len(self._directories)
        self._directories.clear()
        self._close_inotify()
        return True

    def _close_inotify(self) -> None:
        if self._inotify >= 0:
            loop = self.table.driver.loop
            if not loop.is_closed():
                loop.remove_reader(self._inotify)
            os.close(self._inotify)
            self._inotify = -1


def shown(name: str) -> str:
    r"""A file name as an LPC string: bytes that are not UTF-8 appear as \xNN."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _bind_code(error: OSError) -> int:
    if error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        return errors.EENOSOCKS
    return errors.code_for(error, otherwise=errors.EEBADADDR)


# ------------------------------------------------------------------------------------- system calls

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _inotify_init() -> int:
    return _checked(_LIBC.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))


def _inotify_add_watch(fd: int, path: str, mask: int) -> int:
    return _checked(_LIBC.inotify_add_watch(fd, os.fsencode(path), ctypes.c_uint32(mask)))


def _inotify_rm_watch(fd: int, wd: int) -> None:
    _LIBC.inotify_rm_watch(fd, wd)  # EINVAL: the kernel has removed it with its directory already


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
