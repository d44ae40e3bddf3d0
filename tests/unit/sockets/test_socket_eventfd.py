"""Mode 43: signals inside one driver, and by name between real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from efuns.sockets import efuns, errors, eventfd, options
from efuns.sockets.table import SocketTable
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import INT_MAX, Buffer
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

EVENTFD = 43
PROJECT = Path(__file__).parents[3]


class Counter:
    """An object with an eventfd."""

    def __init__(self, host: FakeHost, name: str | None = None) -> None:
        self.host = host
        self.ob: LPCObject = host.object(signalled=lambda fd, total: None, lost=lambda fd, reason, code: None)
        self.fd = efuns.socket_create(self.ob, EVENTFD, "signalled", "lost")
        if name is not None:
            assert efuns.socket_bind(self.ob, self.fd, name) == 1

    def write(self, value: object) -> int:
        return efuns.socket_write(self.ob, self.fd, value)

    @property
    def sums(self) -> list[int]:
        return [args[1] for args in self.host.seen("signalled") if args[0] == self.fd]

    async def total(self, expected: int) -> None:
        await self.host.until(lambda: sum(self.sums) >= expected)
        assert sum(self.sums) == expected


class Process:
    """eventfd_member.py, running."""

    def __init__(self, host: FakeHost, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.sockets.eventfd_member", str(host.files.root), name], cwd=PROJECT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    async def line(self) -> str:
        # In a thread: the loops' own subprocess support opens descriptors that look like leaks.
        async with asyncio.timeout(PATIENCE):
            return (await asyncio.to_thread(self.stdout.readline)).decode().strip()

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.stdin.close()
        self.stdout.close()

    async def total(self, expected: int) -> None:
        found = 0
        while found < expected:
            found += int(await self.line())
        assert found == expected

    def order(self, text: str) -> None:
        self.stdin.write(f"{text}\n".encode())
        self.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@asynccontextmanager
async def member(host: FakeHost, name: str) -> AsyncIterator[Process]:
    """Another process bound to the same name."""
    with Process(host, name) as made:
        assert await made.line() == "ready"
        yield made


async def test_usable_from_create_and_coalescing(host: FakeHost) -> None:
    counter = Counter(host)
    assert efuns.socket_status(counter.ob, counter.fd)[1] == "DATA_XFER"
    assert counter.write(1) == errors.EESUCCESS
    assert counter.write(2) == errors.EESUCCESS
    assert counter.sums == [], "never inside the efun"
    await host.until(lambda: counter.sums)
    assert counter.sums == [3]


async def test_zero_wakes_nobody(host: FakeHost) -> None:
    counter = Counter(host)
    assert counter.write(0) == errors.EESUCCESS
    await host.turn(5)
    counter.write(7)
    await counter.total(7)
    assert counter.sums == [7]


async def test_write_inside_the_callback_gives_a_later_one(host: FakeHost) -> None:
    counter = Counter(host)
    counter.ob.extra["signalled"] = lambda fd, total: counter.write(total - 1)
    counter.write(3)
    await counter.total(6)
    assert counter.sums == [3, 2, 1]


async def test_bad_values(host: FakeHost) -> None:
    counter = Counter(host)
    assert counter.write(-1) == errors.EEBADDATA
    for wrong in ("1", 1.0, Buffer(b"1"), [1]):
        assert counter.write(wrong) == errors.EETYPENOTSUPP
    assert efuns.socket_write(counter.ob, counter.fd, 1, "addr") == errors.EEBADADDR


async def test_overflow_would_block_and_is_followed_by_the_write_callback(host: FakeHost) -> None:
    counter = Counter(host)
    taker = host.object(ready=lambda fd: None, got=lambda fd, total: None)
    counter.ob.extra["offer"] = None
    taker.extra["take"] = lambda fd, to: efuns.socket_acquire(taker, fd, "got", "ready", "lost")
    assert efuns.socket_release(counter.ob, counter.fd, taker, "take") == 1
    assert efuns.socket_write(taker, counter.fd, INT_MAX) == 1
    assert efuns.socket_write(taker, counter.fd, 1) == errors.EEWOULDBLOCK
    await host.until(lambda: host.seen("ready"))
    assert host.seen("got") == [(counter.fd, INT_MAX)]
    assert host.seen("ready") == [(counter.fd,)]
    assert efuns.socket_write(taker, counter.fd, 1) == 1
    await host.until(lambda: len(host.seen("got")) == 2)
    assert host.seen("ready") == [(counter.fd,)]


async def test_other_calls_make_no_sense(host: FakeHost) -> None:
    counter = Counter(host)
    assert efuns.socket_listen(counter.ob, counter.fd, "cb") == errors.EEMODENOTSUPP
    assert efuns.socket_connect(counter.ob, counter.fd, "x", "r", "w") == errors.EEMODENOTSUPP
    assert efuns.socket_accept(counter.ob, counter.fd, "r", "w") == errors.EEMODENOTSUPP
    await host.turn()
    assert host.seen("lost") == []


async def test_only_a_name_or_a_pending_signal_keeps_the_process(host: FakeHost) -> None:
    counter = Counter(host)
    assert not host.reasons
    counter.write(1)
    assert host.reasons
    await counter.total(1)
    assert not host.reasons
    assert efuns.socket_bind(counter.ob, counter.fd, "/name") == 1
    assert host.reasons


async def test_close_forgets_pending_signals(host: FakeHost) -> None:
    counter = Counter(host)
    counter.write(1)
    assert efuns.socket_close(counter.ob, counter.fd) == 1
    assert efuns.socket_close(counter.ob, counter.fd) == errors.EEBADF
    await host.turn(5)
    assert counter.sums == []


async def test_named_within_one_driver(host: FakeHost) -> None:
    one, two, other = Counter(host, "/group"), Counter(host, "/group"), Counter(host, "/other")
    assert efuns.socket_address(one.ob, one.fd) == "/group"
    one.write(5)
    await one.total(5)
    await two.total(5)
    two.write(6)
    await one.total(11)
    await two.total(11)
    assert other.sums == []
    assert efuns.socket_bind(one.ob, one.fd, "/again") == errors.EEISBOUND
    efuns.socket_close(one.ob, one.fd)
    efuns.socket_close(two.ob, two.fd)
    assert os.listdir(host.files.root) == [".other.eventfd"], "the last member takes the directory along"


async def test_between_processes_everybody_gets_each_signal_once(host: FakeHost) -> None:
    async with member(host, "/shared") as first, member(host, "/shared") as second:
        counter = Counter(host, "/shared")
        counter.write(1)
        await counter.total(1)
        await first.total(1)
        await second.total(1)
        first.order("write 41")
        lines = sorted([await first.line(), await first.line()])
        assert lines == ["41", "wrote 1"]
        await counter.total(42)
        await second.total(41)


async def test_many_signals_are_all_counted(host: FakeHost) -> None:
    async with member(host, "/busy") as process:
        counter = Counter(host, "/busy")
        for _ in range(20_000):  # more than a FIFO holds
            assert counter.write(1) == 1
        await counter.total(20_000)
        await process.total(20_000)


async def test_a_killed_member_is_forgotten(host: FakeHost) -> None:
    counter = Counter(host, "/mortal")
    group = host.files.root / ".mortal.eventfd"
    async with member(host, "/mortal") as process:
        assert len(os.listdir(group)) == 2
        process.kill()
        assert len(os.listdir(group)) == 2, "it could not clean up"
        assert counter.write(1) == 1
        assert len(os.listdir(group)) == 1
        await counter.total(1)


async def test_names_of_the_dead_are_cleaned_by_the_next_member(host: FakeHost) -> None:
    async with member(host, "/mortal") as process:
        process.kill()
    group = host.files.root / ".mortal.eventfd"
    stale = os.listdir(group)
    os.mkfifo(group / ".123-0123456789abcdef")
    os.utime(group / ".123-0123456789abcdef", (1, 1))
    Counter(host, "/mortal")
    assert len(os.listdir(group)) == 1 and os.listdir(group) != stale


async def test_a_member_that_stands_still_is_owed_a_sum(host: FakeHost) -> None:
    async with member(host, "/slow") as process:
        counter = Counter(host, "/slow")
        process.order("stop")
        process.process.send_signal(signal.SIGSTOP)
        for _ in range(10_000):
            assert counter.write(2) == 1
        await counter.total(20_000)
        socket = host.state(SocketTable).find(counter.fd)
        assert isinstance(socket, eventfd.EventFd) and socket._group is not None
        assert [debt.value for debt in socket._group.owes.values()] == [2 * (10_000 - 65536 // 8)]
        assert efuns.socket_close(counter.ob, counter.fd) == 1
        assert efuns.socket_status(counter.ob, counter.fd)[1] == "CLOSING", "what is owed is paid first"
        while efuns.socket_status(counter.ob, counter.fd)[1] != "CLOSED":
            process.process.send_signal(signal.SIGCONT)
            await host.turn(100)
        await process.total(20_000)


async def test_a_full_member_blocks_only_what_cannot_be_counted(host: FakeHost) -> None:
    async with member(host, "/slow") as process:
        counter = Counter(host, "/slow")
        process.process.send_signal(signal.SIGSTOP)
        for _ in range(8192):
            counter.write(1)
        await counter.total(8192)
        assert counter.write(INT_MAX) == 1
        await host.until(lambda: INT_MAX in counter.sums)
        assert counter.write(1) == errors.EEWOULDBLOCK
        process.kill()


async def test_the_group_removed_from_outside_ends_the_socket(host: FakeHost) -> None:
    counter = Counter(host, "/gone")
    group = host.files.root / ".gone.eventfd"
    for name in os.listdir(group):
        os.unlink(group / name)
    os.rmdir(group)
    assert counter.write(1) == 1
    (fd, reason, code), = await host.until(lambda: host.seen("lost"))
    assert fd == counter.fd and "/gone" in reason and code < 0


async def test_strangers_in_the_fifo_do_no_harm(host: FakeHost) -> None:
    counter = Counter(host, "/junk")
    group = host.files.root / ".junk.eventfd"
    fifo = os.open(group / os.listdir(group)[0], os.O_WRONLY)
    os.write(fifo, b"\xff" * 11)
    os.close(fifo)
    await host.turn(5)
    counter.write(1)
    await counter.total(1)


async def test_names_that_cannot_be(host: FakeHost, tmp_path_factory: object) -> None:
    (host.files.root / "file").touch()
    (host.files.root / "out").symlink_to("/proc")
    host.files.denied.add("/denied")
    for name, code in (("/file", errors.EEADDRINUSE), ("/missing/name", errors.EEBIND), ("/denied", errors.EESECURITY),
                       ("/out/name", errors.EESECURITY), ("/", errors.EEBADADDR), ("", errors.EEBADADDR),
                       ("/a\0b", errors.EEBADADDR), ("/" + "x" * 300, errors.EEBIND)):
        counter = Counter(host)
        assert efuns.socket_bind(counter.ob, counter.fd, name) == code
        assert efuns.socket_get_option(counter.ob, counter.fd, options.SO_LAST_ERROR)
        (fd, reason, given), = await host.until(lambda: host.seen("lost"))
        assert (fd, given) == (counter.fd, code) and reason
        host.calls.clear()
    counter = Counter(host)
    assert efuns.socket_bind(counter.ob, counter.fd, 5) == errors.EEBADADDR


async def test_destruct_leaves_the_group(host: FakeHost) -> None:
    counter = Counter(host, "/ours")
    host.destruct(counter.ob)
    assert os.listdir(host.files.root) == []
    assert efuns.socket_status(counter.ob, counter.fd)[1] == "CLOSED"


async def test_groups_of_other_users_and_crowds_are_refused(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    crowd, stranger = Counter(host), Counter(host)
    Counter(host, "/group")
    with monkeypatch.context() as patch:
        patch.setattr(eventfd, "_MEMBERS", 1)
        assert efuns.socket_bind(crowd.ob, crowd.fd, "/group") == errors.EENOSOCKS
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 4711)
        assert efuns.socket_bind(stranger.ob, stranger.fd, "/group") == errors.EESECURITY
    assert len(os.listdir(host.files.root / ".group.eventfd")) == 1
    await host.until(lambda: len(host.seen("lost")) == 2)


async def test_a_link_in_place_of_the_group_is_not_followed(host: FakeHost) -> None:
    (host.files.root / "elsewhere").mkdir()
    (host.files.root / ".group.eventfd").symlink_to(host.files.root / "elsewhere")
    counter = Counter(host)
    assert efuns.socket_bind(counter.ob, counter.fd, "/group") == errors.EEBIND
    assert os.listdir(host.files.root / "elsewhere") == []
