"""Mode 44 against a real file system: what editors do, and what LPC sees of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from efuns.sockets import efuns, errors, options
from efuns.sockets.inotify import REMOVED, Inotify, Watches, shown
from efuns.sockets.modes import Modes
from efuns.sockets.table import SocketTable
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping
from tests.unit.sockets.fake_host import FakeHost

INOTIFY = 44


class Watch:
    """A watching object and what it was told."""

    def __init__(self, host: FakeHost, *paths: str, **settings: int) -> None:
        self.host = host
        self.ob: LPCObject = host.object(changed=lambda fd, event: None, lost=lambda fd, reason, code: None)
        self.fd = efuns.socket_create(self.ob, INOTIFY, "changed", "lost")
        assert self.fd >= 0
        for name, value in settings.items():
            assert efuns.socket_set_option(self.ob, self.fd, getattr(options, name), value) == 1
        for path in paths:
            assert efuns.socket_bind(self.ob, self.fd, path) == errors.EESUCCESS

    @property
    def events(self) -> list[Mapping]:
        return [args[1] for args in self.host.seen("changed") if args[0] == self.fd]

    @property
    def actions(self) -> list[tuple[str, str]]:
        return [(event["filename"], event["action"]) for event in self.events]

    async def until(self, filename: str, action: str) -> Mapping:
        """The first such event."""
        found = await self.host.until(
            lambda: [e for e in self.events if (e["filename"], e["action"]) == (filename, action)])
        return found[0]


@pytest.fixture
def cfg(host: FakeHost) -> Path:
    """/secure/cfg with one file in it."""
    folder = host.files.root / "secure" / "cfg"
    folder.mkdir(parents=True)
    (folder / "main.cfg").write_text("old")
    return folder


async def test_write_in_place_is_modified_once(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg/")
    (cfg / "main.cfg").write_text("new and longer")
    event = await watch.until("main.cfg", "modified")
    assert event["path"] == "/secure/cfg/main.cfg"
    assert event["directory"] == 0
    assert abs(event["time"] - time.time()) < 5
    assert type(event["mask"]) is int and event["cookie"] == 0
    assert watch.actions == [("main.cfg", "modified")]


async def test_new_file_is_created_then_modified(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    with open(cfg / "new", "w") as file:
        for _ in range(100):
            file.write("x")
            file.flush()
    await watch.until("new", "modified")
    assert watch.actions == [("new", "created"), ("new", "modified")]


async def test_empty_file_is_only_created(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    (cfg / "new").touch()
    await watch.until("new", "created")
    assert watch.actions == [("new", "created")]


async def test_save_by_rename_over_is_modified(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    (cfg / ".main.cfg.tmp").write_text("new")
    os.replace(cfg / ".main.cfg.tmp", cfg / "main.cfg")
    event = await watch.until("main.cfg", "modified")
    assert event["old_filename"] == ".main.cfg.tmp"
    assert event["cookie"] > 0
    assert ("main.cfg", "created") not in watch.actions and ("main.cfg", "deleted") not in watch.actions


async def test_save_by_rename_from_elsewhere_is_modified(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    (host.files.root / "draft").write_text("new")
    os.replace(host.files.root / "draft", cfg / "main.cfg")
    event = await watch.until("main.cfg", "modified")
    assert "old_filename" not in event
    assert watch.actions == [("main.cfg", "modified")]


async def test_backup_dance_is_modified(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    os.rename(cfg / "main.cfg", cfg / "main.cfg~")
    (cfg / "main.cfg").write_text("new")
    os.unlink(cfg / "main.cfg~")
    await watch.until("main.cfg", "modified")
    mine = [action for name, action in watch.actions if name == "main.cfg"]
    assert mine == ["modified"]


async def test_slow_backup_dance_ends_with_modified(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    os.rename(cfg / "main.cfg", cfg / "main.cfg~")
    await watch.until("main.cfg", "deleted")
    (cfg / "tmp").write_text("new")
    os.rename(cfg / "tmp", cfg / "main.cfg")
    event = await watch.until("main.cfg", "modified")
    assert event["old_filename"] == "tmp"


async def test_mv_and_rm_commands(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    subprocess.run(["mv", cfg / "main.cfg", cfg / "other.cfg"], check=True)
    event = await watch.until("other.cfg", "created")
    assert event["old_filename"] == "main.cfg"
    assert watch.actions == [("main.cfg", "deleted"), ("other.cfg", "created")]
    subprocess.run(["rm", cfg / "other.cfg"], check=True)
    await watch.until("other.cfg", "deleted")


async def test_moved_out_is_deleted(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    os.rename(cfg / "main.cfg", host.files.root / "away")
    await watch.until("main.cfg", "deleted")
    assert watch.actions == [("main.cfg", "deleted")]


async def test_single_file_survives_replacement(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg/main.cfg")
    assert efuns.socket_address(watch.ob, watch.fd, 1) == "/secure/cfg/main.cfg"
    for number in range(3):
        (cfg / "tmp").write_text(str(number))
        os.replace(cfg / "tmp", cfg / "main.cfg")
        await host.until(lambda count=number + 1: len(watch.events) == count)
    assert watch.actions == [("main.cfg", "modified")] * 3
    assert {event["path"] for event in watch.events} == {"/secure/cfg/main.cfg"}
    os.unlink(cfg / "main.cfg")
    await watch.until("main.cfg", "deleted")


async def test_watched_directory_removed_ends_the_socket(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    shutil.rmtree(cfg)
    (fd, reason, code), = await host.until(lambda: host.seen("lost"))
    assert (fd, reason) == (watch.fd, REMOVED) and code < 0
    assert watch.actions == [("main.cfg", "deleted")], "what happened before is told before"
    assert efuns.socket_close(watch.ob, watch.fd) == errors.EEBADF
    assert host.state(Watches).count == 0


async def test_watched_directory_moved_away_ends_the_socket(host: FakeHost, cfg: Path) -> None:
    Watch(host, "/secure/cfg")
    os.rename(cfg, cfg.parent / "elsewhere")
    assert (await host.until(lambda: host.seen("lost")))[0][1] == REMOVED


async def test_verbose_adds_renamed_attrib_and_closed(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg", INOTIFY_VERBOSE=1)
    os.rename(cfg / "main.cfg", cfg / "b.cfg")
    event = await watch.until("b.cfg", "renamed")
    assert event["old_filename"] == "main.cfg"
    os.chmod(cfg / "b.cfg", 0o600)
    await watch.until("b.cfg", "attrib")
    (cfg / "b.cfg").write_text("x")
    await watch.until("b.cfg", "closed")
    assert ("main.cfg", "deleted") not in watch.actions


async def test_quiet_mode_says_nothing_of_attributes(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    os.chmod(cfg / "main.cfg", 0o600)
    (cfg / "end").touch()
    await watch.until("end", "created")
    assert watch.actions == [("end", "created")]


async def test_recursion_follows_new_directories(host: FakeHost, cfg: Path) -> None:
    (cfg / "sub").mkdir()
    watch = Watch(host, "/secure", INOTIFY_RECURSIVE=1)
    (cfg / "sub" / "deep").write_text("x")
    assert (await watch.until("deep", "created"))["path"] == "/secure/cfg/sub/deep"
    os.makedirs(cfg / "one" / "two")
    (cfg / "one" / "two" / "file").write_text("x")  # before the watch can be there
    assert (await watch.until("file", "created"))["path"] == "/secure/cfg/one/two/file"
    (cfg / "one" / "two" / "late").write_text("x")
    await watch.until("late", "modified")
    os.rename(cfg / "one", cfg / "uno")
    await watch.until("uno", "created")
    (cfg / "uno" / "two" / "after").write_text("x")
    assert (await watch.until("after", "created"))["path"] == "/secure/cfg/uno/two/after"
    created = [event["path"] for event in watch.events if event["action"] == "created"]
    assert len(created) == len(set(created)), "nothing is announced twice"


async def test_without_recursion_subdirectories_are_entries(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    (cfg / "sub").mkdir()
    assert (await watch.until("sub", "created"))["directory"] == 1
    (cfg / "sub" / "file").touch()
    (cfg / "end").touch()
    await watch.until("end", "created")
    assert "file" not in {name for name, _ in watch.actions}


async def test_several_binds_one_socket(host: FakeHost, cfg: Path) -> None:
    (host.files.root / "log").mkdir()
    watch = Watch(host, "/secure/cfg", "/log")
    (host.files.root / "log" / "runtime").write_text("x")
    (cfg / "main.cfg").write_text("y")
    await watch.until("runtime", "modified")
    await watch.until("main.cfg", "modified")
    assert host.state(Watches).count == 2


async def test_names_that_are_not_utf8(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    Path(os.fsdecode(os.fsencode(cfg) + b"/bad\xff\xfename")).touch()
    Path(cfg / "grün").touch()
    event = await watch.until("bad\\xff\\xfename", "created")
    assert event["path"] == "/secure/cfg/bad\\xff\\xfename"
    event["path"].encode("utf-8")
    await watch.until("grün", "created")
    assert shown("a\udcff") == "a\\xff"


async def test_ten_thousand_files_lose_nothing_silently(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    for number in range(10_000):
        (cfg / f"f{number}").touch()
    (cfg / "main.cfg").write_text("x")
    await host.until(lambda: ("", "overflow") in watch.actions or len(watch.events) >= 10_001)
    await host.quiet()
    created = {name for name, action in watch.actions if action == "created"}
    assert len(created) == 10_000 or ("", "overflow") in watch.actions
    assert len(watch.actions) == len(watch.events)
    for name in ("f0", "f9999"):  # the snapshot is right whatever was lost
        (cfg / "tmp").touch()
        os.replace(cfg / "tmp", cfg / name)
        await watch.until(name, "modified")


async def test_queue_cap_reports_overflow(host: FakeHost, cfg: Path) -> None:
    host.limits = type(host.limits)(watch_events=5)
    watch = Watch(host, "/secure/cfg")
    for number in range(20):
        (cfg / f"f{number}").touch()
    await watch.until("", "overflow")
    assert len(watch.events) == 6
    assert watch.events[-1]["action"] == "overflow"
    (cfg / "later").touch()
    await watch.until("later", "created")


async def test_overflow_finds_out_what_was_missed(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure", INOTIFY_RECURSIVE=1)
    socket = host.state(SocketTable).find(watch.fd)
    assert isinstance(socket, Inotify)
    host.loop.remove_reader(socket.system_fd)
    (cfg / "missed").mkdir()
    os.unlink(cfg / "main.cfg")
    os.read(socket.system_fd, 65536)  # the kernel's queue was full: nobody will hear of these
    socket._overflowed()
    host.loop.add_reader(socket.system_fd, socket._read)
    (cfg / "missed" / "file").touch()
    assert (await watch.until("file", "created"))["path"] == "/secure/cfg/missed/file"
    assert ("", "overflow") in watch.actions
    host.loop.remove_reader(socket.system_fd)
    shutil.rmtree(host.files.root / "secure")
    os.read(socket.system_fd, 65536)
    socket._overflowed()
    socket._open_window()
    assert (await host.until(lambda: host.seen("lost")))[0][1] == REMOVED


async def test_latency_is_the_window(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    took = []
    for number in range(10):
        started = time.perf_counter()
        (cfg / f"n{number}").touch()
        await watch.until(f"n{number}", "created")
        took.append(time.perf_counter() - started)
    assert min(took) >= 0.045
    assert min(took) < 0.056, "the best of ten: a busy machine may delay some"


async def test_idle_watch_has_no_timer(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    (cfg / "x").touch()
    await watch.until("x", "created")
    await host.turn()
    socket = host.state(SocketTable).find(watch.fd)
    assert isinstance(socket, Inotify) and socket._timer is None


async def test_symbolic_link_out_of_the_root_is_refused(host: FakeHost, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret").touch()
    (host.files.root / "link").symlink_to(outside)
    watch = Watch(host)
    assert efuns.socket_bind(watch.ob, watch.fd, "/link") == errors.EESECURITY
    assert "Permission denied" in efuns.socket_get_option(watch.ob, watch.fd, options.SO_LAST_ERROR)
    (_, reason, code), = await host.until(lambda: host.seen("lost"))
    assert code == errors.EESECURITY and reason


async def test_recursion_does_not_follow_links(host: FakeHost, cfg: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (cfg / "link").symlink_to(outside)
    watch = Watch(host, "/secure", INOTIFY_RECURSIVE=1)
    (outside / "secret").touch()
    (cfg / "end").touch()
    await watch.until("end", "created")
    assert "secret" not in {name for name, _ in watch.actions}


async def test_link_inside_the_root_reports_the_bound_path(host: FakeHost, cfg: Path) -> None:
    (host.files.root / "current.cfg").symlink_to(cfg / "main.cfg")
    watch = Watch(host, "/current.cfg")
    (cfg / "main.cfg").write_text("x")
    assert (await watch.until("current.cfg", "modified"))["path"] == "/current.cfg"


async def test_missing_path_gives_the_code_and_the_callback(host: FakeHost) -> None:
    watch = Watch(host)
    assert efuns.socket_bind(watch.ob, watch.fd, "/nowhere") == errors.EEBADADDR
    assert host.seen("lost") == [], "never inside the efun"
    (fd, reason, code), = await host.until(lambda: host.seen("lost"))
    assert (fd, code) == (watch.fd, errors.EEBADADDR)
    assert "nowhere" in reason
    assert efuns.socket_close(watch.ob, watch.fd) == errors.EEBADF


async def test_retry_from_the_error_callback_leaks_nothing(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host)
    fresh: list[int] = []
    watch.ob.extra["lost"] = lambda *_: fresh.append(Watch(host, "/secure/cfg").fd)
    efuns.socket_bind(watch.ob, watch.fd, "/nowhere")
    await host.until(lambda: fresh)
    assert fresh[0] != watch.fd
    assert efuns.socket_status(watch.ob, watch.fd)[1] == "CLOSED"


async def test_close_or_success_withdraws_the_deferred_error(host: FakeHost, cfg: Path) -> None:
    closed, mended = Watch(host), Watch(host)
    efuns.socket_bind(closed.ob, closed.fd, "/nowhere")
    assert efuns.socket_close(closed.ob, closed.fd) == 1
    efuns.socket_bind(mended.ob, mended.fd, "/nowhere")
    assert efuns.socket_bind(mended.ob, mended.fd, "/secure/cfg") == 1
    await host.turn()
    assert host.seen("lost") == []
    assert efuns.socket_bind(mended.ob, mended.fd, "/nowhere") == errors.EEBADADDR
    await host.turn()
    assert host.seen("lost") == [], "a watching socket does not end for a second path"


async def test_denied_paths_and_watch_limit(host: FakeHost, cfg: Path) -> None:
    host.files.denied.add("/secure/cfg")
    watch = Watch(host)
    assert efuns.socket_bind(watch.ob, watch.fd, "/secure/cfg/") == errors.EESECURITY
    efuns.socket_close(watch.ob, watch.fd)
    host.files.denied.clear()
    host.state(Watches).limit = 2
    for number in range(3):
        (cfg / f"d{number}").mkdir()
    watch = Watch(host, INOTIFY_RECURSIVE=1)
    assert efuns.socket_bind(watch.ob, watch.fd, "/secure/cfg") == errors.EENOSOCKS
    assert host.state(Watches).count == 0
    assert efuns.socket_status(watch.ob, watch.fd)[0] == -1, "nothing is left half open"


async def test_valid_socket_is_asked_watch(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg/")
    caller, verb, info = host.questions[-1]
    assert (caller, verb) == (watch.ob, "watch")
    assert info == [watch.fd, watch.ob, "0.0.0.0", 0, INOTIFY, "/secure/cfg/"]


async def test_bind_zero_uses_the_option(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host)
    efuns.socket_set_option(watch.ob, watch.fd, options.EXTERNAL_WATCH_PATH, "/secure/cfg")
    assert efuns.socket_bind(watch.ob, watch.fd, 0) == 1
    (cfg / "x").touch()
    await watch.until("x", "created")


async def test_calls_that_make_no_sense(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    assert efuns.socket_write(watch.ob, watch.fd, "x") == errors.EEMODENOTSUPP
    assert efuns.socket_listen(watch.ob, watch.fd, "cb") == errors.EEMODENOTSUPP
    assert efuns.socket_connect(watch.ob, watch.fd, "1.2.3.4 5", "r", "w") == errors.EEMODENOTSUPP
    assert efuns.socket_accept(watch.ob, watch.fd, "r", "w") == errors.EEMODENOTSUPP
    await host.turn()
    assert host.seen("lost") == []


async def test_callback_errors_and_destruct(host: FakeHost, cfg: Path) -> None:
    from lpc.errors import LPCError

    def broken(fd: int, event: Mapping) -> None:
        raise LPCError("broken")

    watch = Watch(host, "/secure/cfg")
    watch.ob.extra["changed"] = broken
    (cfg / "x").touch()
    await watch.until("x", "created")
    (cfg / "y").touch()
    await watch.until("y", "created")
    assert host.errors == ["broken", "broken"]
    host.errors.clear()
    (cfg / "z").touch()
    host.destruct(watch.ob)
    await host.quiet()
    assert ("z", "created") not in watch.actions
    assert host.state(Watches).count == 0


async def test_closing_inside_the_callback_stops_the_rest(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    watch.ob.extra["changed"] = lambda fd, event: efuns.socket_close(watch.ob, fd)
    for name in "abc":
        (cfg / name).touch()
    await watch.until("a", "created")
    await host.quiet()
    assert watch.actions == [("a", "created")]


async def test_the_descriptor_is_not_inherited(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    system_fd = efuns.socket_status(watch.ob, watch.fd)[0]
    assert system_fd > 2
    assert not os.get_inheritable(system_fd)
    assert host.state(Modes).factory(INOTIFY) is not None


async def test_a_busy_handler_writing_into_its_directory_is_tamed(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")

    def append(fd: int, event: Mapping) -> None:
        with open(cfg / "main.cfg", "a") as file:
            file.write("seen\n")

    watch.ob.extra["changed"] = append
    started = asyncio.get_running_loop().time()
    append(0, Mapping())
    await host.until(lambda: len(watch.events) >= 5)
    assert asyncio.get_running_loop().time() - started > 4 * 0.045


async def test_a_tree_that_outgrows_the_limit_says_so(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure", INOTIFY_RECURSIVE=1)
    host.state(Watches).limit = 3
    (cfg / "one").mkdir()
    (cfg / "two").mkdir()
    await watch.until("", "overflow")
    assert host.state(Watches).count == 3
    assert efuns.socket_get_option(watch.ob, watch.fd, options.SO_LAST_ERROR).startswith("/secure/cfg/two")


async def test_long_queues_go_out_in_slices(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg")
    seen_by_others: list[int] = []
    watch.ob.extra["changed"] = lambda fd, event: host.loop.call_soon(lambda: seen_by_others.append(len(watch.events)))
    for number in range(250):
        (cfg / f"f{number}").touch()
    await watch.until("f249", "created")
    assert [event["filename"] for event in watch.events] == [f"f{number}" for number in range(250)]
    assert {100, 200} <= set(seen_by_others), "the loop has its turn in between"


async def test_the_same_directory_twice_is_one_watch(host: FakeHost, cfg: Path) -> None:
    watch = Watch(host, "/secure/cfg/main.cfg", "/secure/cfg", "/secure/cfg/")
    (cfg / "main.cfg").write_text("x")
    await watch.until("main.cfg", "modified")
    assert host.state(Watches).count == 1
    assert watch.actions == [("main.cfg", "modified")]
