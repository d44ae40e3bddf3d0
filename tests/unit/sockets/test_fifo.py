"""Mode 42: named pipes, between descriptors of one driver and with the rest of the machine."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from efuns.sockets import efuns, errors, fifo, options
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost

MEGABYTE = 1 << 20


class End:
    """An object with a socket of mode 42."""

    def __init__(self, host: FakeHost) -> None:
        self.host = host
        self.heard: list[Any] = []
        self.writable = 0
        self.end: tuple[Any, ...] | None = None
        self.ob = host.object(hear=lambda fd, data: self.heard.append(data), ready=self._ready, over=self._over)
        self.fd = efuns.socket_create(self.ob, 42, "hear", "over")
        assert self.fd >= 0

    def _ready(self, fd: int) -> None:
        self.writable += 1

    def _over(self, fd: int, *how: Any) -> None:
        self.end = how

    def bind(self, path: str | int) -> int:
        return efuns.socket_bind(self.ob, self.fd, path)

    def connect(self, path: str) -> int:
        return efuns.socket_connect(self.ob, self.fd, path, "hear", "ready")

    def write(self, message: Any) -> int:
        return efuns.socket_write(self.ob, self.fd, message)

    def close(self) -> int:
        return efuns.socket_close(self.ob, self.fd)

    @property
    def why(self) -> str:
        found = efuns.socket_get_option(self.ob, self.fd, options.SO_LAST_ERROR)
        assert isinstance(found, str)
        return found

    @property
    def text(self) -> str:
        return "".join(self.heard)


@pytest.fixture
def root(host: FakeHost) -> Path:
    """The mudlib's folder."""
    return Path(host.files.root)


def reader(host: FakeHost, path: str = "/fifo") -> End:
    """A bound reader."""
    made = End(host)
    assert made.bind(path) == 1
    return made


def writer(host: FakeHost, path: str = "/fifo") -> End:
    """A connected writer."""
    made = End(host)
    assert made.connect(path) == 1
    return made


# ------------------------------------------------------------------------------------------- transfer


async def test_read_and_write(host: FakeHost, root: Path) -> None:
    old = os.umask(0)
    try:
        one = reader(host)
    finally:
        os.umask(old)
    status = (root / "fifo").lstat()
    assert stat.S_ISFIFO(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600
    assert efuns.socket_status(one.ob, one.fd)[1:5] == ["BOUND", "EXTERNAL_FIFO", "/fifo", "/fifo"]
    assert efuns.socket_address(one.ob, one.fd) == "/fifo"
    two = writer(host)
    assert two.writable == 0, "never inside the efun"
    await host.until(lambda: two.writable)
    assert efuns.socket_status(two.ob, two.fd)[1] == "DATA_XFER"
    assert two.write("héllo ") == 1
    assert two.write(Buffer(b"there")) == 1
    await host.until(lambda: one.text == "héllo there")
    assert two.writable == 1
    one.close()
    assert not (root / "fifo").exists()
    await host.until(lambda: two.end)
    assert two.end == ("Nobody reads the FIFO any more", errors.EEBADF)


async def test_writers_come_and_go(host: FakeHost, root: Path) -> None:
    one = reader(host)
    for number in range(20):
        fd = os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"%d " % number)
        os.close(fd)
    await host.until(lambda: one.text.endswith("19 "))
    await host.turn(20)
    calls = len(host.calls)
    await host.turn(20)
    assert len(host.calls) == calls, "no storm of ends"
    assert one.end is None
    again = writer(host)
    again.write("again")
    await host.until(lambda: one.text.endswith("again"))
    again.close()
    one.close()


async def test_text_and_binary(host: FakeHost, root: Path) -> None:
    one = reader(host)
    fd = os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, b"a\0\xc3")
    await host.until(lambda: one.heard)
    os.write(fd, b"\xa9\xff")
    await host.until(lambda: one.text == "a\0é\ufffd")
    efuns.socket_set_option(one.ob, one.fd, options.SO_ENCODING, "binary")
    os.write(fd, b"\xff\0")
    await host.until(lambda: isinstance(one.heard[-1], Buffer))
    assert bytes(one.heard[-1].data) == b"\xff\0"
    os.close(fd)
    one.close()


async def test_a_reader_that_stops_and_goes_on(host: FakeHost, root: Path) -> None:
    os.mkfifo(root / "fifo")
    fd = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    two = writer(host)
    while (code := two.write("x" * 10_000)) == 1:
        pass
    assert code == errors.EECALLBACK
    assert {two.write("x") for _ in range(100)} == {errors.EEALREADY}
    await host.turn(20)
    ready = two.writable
    seen = 0
    while two.writable == ready:
        try:
            seen += len(os.read(fd, 1 << 16))
        except BlockingIOError:
            pass
        await host.turn(1)
    assert host.limits.socket_queue < seen + 65536 < host.limits.socket_queue + 3 * 65536
    assert two.write("end") == 1
    two.close()
    while data := os.read(fd, 1 << 16):
        tail = data[-3:]
    assert tail == b"end"
    os.close(fd)


async def test_closing_still_writes_what_waits(host: FakeHost) -> None:
    one, two = reader(host), writer(host)
    assert two.write("x" * MEGABYTE) == errors.EECALLBACK
    two.close()
    assert efuns.socket_status(two.ob, two.fd)[1] == "CLOSING"
    await host.until(lambda: len(one.text) == MEGABYTE)
    await host.turn(5)
    assert efuns.socket_status(two.ob, two.fd)[1] == "CLOSED"
    assert two.end is None
    one.close()


async def test_before_the_driver_ends_what_was_written_leaves(host: FakeHost, root: Path) -> None:
    one = reader(host)
    two = writer(host)
    await host.until(lambda: two.writable)
    assert two.write("x" * (1 << 20)) == errors.EECALLBACK
    await host.state(SocketTable).drain()
    await host.until(lambda: len(one.text) == 1 << 20)
    assert (one.end, two.end, two.writable) == (None, None, 1)


@pytest.mark.parametrize("blocked", [False, True])
async def test_the_reader_leaves(host: FakeHost, root: Path, blocked: bool) -> None:
    os.mkfifo(root / "fifo")
    fd = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    two = writer(host)
    if blocked:
        assert two.write("x" * MEGABYTE) == errors.EECALLBACK
    os.close(fd)
    await host.until(lambda: two.end)
    assert two.end == ("Nobody reads the FIFO any more", errors.EEBADF)
    assert two.write("x") == errors.EEBADF
    assert (root / "fifo").exists(), "it is not ours"


async def test_writing_after_the_reader_left(host: FakeHost, root: Path) -> None:
    os.mkfifo(root / "fifo")
    fd = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    two = writer(host)
    os.close(fd)
    assert two.write("x") == errors.EESEND
    assert two.why == "Nobody reads the FIFO any more"
    assert two.end is None, "never inside the efun"
    await host.until(lambda: two.end)


async def test_the_reader_leaves_while_the_rest_is_written(host: FakeHost, root: Path) -> None:
    os.mkfifo(root / "fifo")
    fd = os.open(root / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    two = writer(host)
    assert two.write("x" * MEGABYTE) == errors.EECALLBACK
    two.close()
    os.close(fd)
    while efuns.socket_status(two.ob, two.fd)[1] != "CLOSED":
        await host.turn(1)
    assert two.end is None


async def test_destructed_in_the_middle_of_what_it_reads(host: FakeHost, root: Path) -> None:
    one = reader(host)
    one.ob.extra["hear"] = lambda fd, data: host.destruct(one.ob)
    fd = os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, b"x")
    await host.until(lambda: host.seen("hear"))
    assert not (root / "fifo").exists()
    with pytest.raises(BrokenPipeError):
        os.write(fd, b"y")
    os.close(fd)


async def test_release_of_a_reader(host: FakeHost, root: Path) -> None:
    one = reader(host)
    heir = End(host)
    heir.ob.extra["take"] = lambda fd, ob: efuns.socket_acquire(heir.ob, fd, "hear", "ready", "over")
    assert efuns.socket_release(one.ob, one.fd, heir.ob, "take") == 1
    host.destruct(one.ob)
    two = writer(host)
    two.write("for the heir")
    await host.until(lambda: heir.heard == ["for the heir"])
    host.destruct(heir.ob)
    assert not (root / "fifo").exists()
    await host.until(lambda: two.end)


# -------------------------------------------------------------------------------------------- the file


async def test_an_existing_fifo_is_reused_and_stays(host: FakeHost, root: Path) -> None:
    os.mkfifo(root / "fifo")
    host.files.denied.add("/other")
    one = reader(host)
    assert ("write", "/fifo", "fifo") not in host.files.asked, "it need not be writable"
    one.close()
    assert (root / "fifo").exists()


async def test_the_fifo_is_deleted_meanwhile(host: FakeHost, root: Path) -> None:
    one, two = reader(host), writer(host)
    (root / "fifo").unlink()
    two.write("still here")
    await host.until(lambda: one.heard == ["still here"])
    assert one.close() == 1
    await host.until(lambda: two.end)


async def test_a_file_took_its_place(host: FakeHost, root: Path) -> None:
    one = reader(host)
    (root / "fifo").unlink()
    (root / "fifo").write_text("precious")
    one.close()
    assert (root / "fifo").read_text() == "precious"
    two = End(host)
    assert two.connect("/fifo") == errors.EECONNECT
    assert two.why == "/fifo: it is a file, not a FIFO"
    assert await host.until(lambda: two.end) == ("/fifo: it is a file, not a FIFO", errors.EECONNECT)


async def test_another_fifo_took_its_place(host: FakeHost, root: Path) -> None:
    one = reader(host)
    (root / "fifo").rename(root / "elsewhere")
    os.mkfifo(root / "fifo")
    one.close()
    assert (root / "fifo").exists()


@pytest.mark.parametrize(("path", "code"), [
    ("/file", errors.EEADDRINUSE), ("/folder", errors.EEADDRINUSE), ("/device", errors.EEADDRINUSE),
    ("/no/such/folder", errors.EEBIND), ("/file/below", errors.EEBIND), ("/../outside", errors.EEBIND),
    ("/link", errors.EESECURITY), ("/secret", errors.EESECURITY), ("", errors.EEBADADDR), ("/", errors.EEBADADDR),
    ("/a\0b", errors.EEBADADDR), (0, errors.EEBADADDR), (4000, errors.EEBADADDR),
])
async def test_binds_that_fail(host: FakeHost, root: Path, path: str | int, code: int) -> None:
    (root / "file").write_text("precious")
    (root / "folder").mkdir()
    (root / "device").symlink_to("folder")
    (root / "link").symlink_to("/dev")
    host.files.denied.add("/secret")
    one = End(host)
    if path == "/../outside":  # the fake's normalize keeps it inside, where there is no such folder
        path = "/../outside/x"
    assert one.bind(path) == code
    reason = one.why
    assert reason
    assert await host.until(lambda: one.end) == (reason, code)
    assert sorted(entry.name for entry in root.iterdir()) == ["device", "file", "folder", "link"]
    assert (root / "file").read_text() == "precious"


async def test_a_refused_fifo_is_not_made(host: FakeHost, root: Path) -> None:
    writable = host.files.writable

    def refuse(path: str, who: Any, operation: str) -> str:
        assert operation == "fifo"
        host.files.denied.add(path)
        return writable(path, who, operation)

    host.files.writable = refuse  # type: ignore[method-assign]
    one = End(host)
    assert one.bind("/fifo") == errors.EESECURITY
    assert one.why == "/fifo: Permission denied"
    assert list(root.iterdir()) == []
    one.close()
    await host.turn()
    assert one.end is None, "closing calls off what was deferred"


@pytest.mark.parametrize(("path", "code"), [
    ("/none", errors.EECONNECT), ("/idle", errors.EECONNREFUSED), ("/folder", errors.EECONNECT),
    ("/secret", errors.EESECURITY), ("", errors.EEBADADDR), ("/a\0b", errors.EEBADADDR),
])
async def test_connects_that_fail(host: FakeHost, root: Path, path: str, code: int) -> None:
    os.mkfifo(root / "idle")
    os.mkfifo(root / "secret")
    (root / "folder").mkdir()
    host.files.denied.add("/secret")
    two = End(host)
    assert two.connect(path) == code
    reason = two.why
    assert reason
    assert await host.until(lambda: two.end) == (reason, code)


async def test_replaced_while_it_is_opened(host: FakeHost, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(root / "fifo")
    opened = os.open

    def swap(path: str, *how: Any) -> int:
        os.unlink(path)
        Path(path).write_text("precious")
        return opened(path, *how)

    one = End(host)
    monkeypatch.setattr(fifo.os, "open", swap)
    assert one.bind("/fifo") == errors.EEADDRINUSE
    monkeypatch.undo()
    assert (root / "fifo").read_text() == "precious"
    one.close()


async def test_no_descriptor_left(host: FakeHost, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any) -> int:
        raise OSError(errno.EMFILE, "out of descriptors")

    one = End(host)
    monkeypatch.setattr(fifo.os, "open", fails)
    assert one.bind("/fifo") == errors.EEBIND
    monkeypatch.undo()
    assert list(root.iterdir()) == [], "what it made it takes back"
    assert one.bind("/fifo") == 1, "a second try"
    await host.turn()
    assert one.end is None
    one.close()


async def test_the_master_closes_the_socket_meanwhile(host: FakeHost, root: Path) -> None:
    os.mkfifo(root / "fifo")
    one, two = End(host), End(host)

    def answer(path: str, who: Any, operation: str) -> str:
        efuns.socket_close(who, one.fd if who is one.ob else two.fd)
        return str(root / "fifo")

    host.files.readable = host.files.writable = answer  # type: ignore[method-assign]
    assert one.bind("/fifo") == errors.EEBADF
    assert two.connect("/fifo") == errors.EEBADF


async def test_a_descriptor_that_fails(host: FakeHost, root: Path) -> None:
    one = reader(host)
    found = efuns.socket_status(one.ob, one.fd)[0]
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, found, inheritable=False)
    os.close(null)
    socket = host.state(SocketTable).find(one.fd)
    assert isinstance(socket, fifo.Fifo) and socket._inlet is not None
    socket._inlet.read()
    assert one.end == ("The FIFO cannot be read any more", errors.EEBADF)
    assert (root / "fifo").exists(), "it may be somebody else's by now"
    (root / "fifo").unlink()


# --------------------------------------------------------------------------------------- the call matrix


async def test_what_makes_no_sense(host: FakeHost) -> None:
    one = End(host)
    assert efuns.socket_listen(one.ob, one.fd, "hear") == errors.EEMODENOTSUPP
    assert efuns.socket_accept(one.ob, one.fd, "hear", "ready") == errors.EEMODENOTSUPP
    assert one.bind("/fifo") == 1
    assert one.bind("/other") == errors.EEISBOUND
    assert one.connect("/fifo") == errors.EEISCONN
    assert one.write("x") == errors.EENOTCONN
    two = writer(host)
    assert two.bind("/other") == errors.EEISBOUND
    assert two.connect("/fifo") == errors.EEISCONN
    for message in (1, 1.5, ["x"], Mapping(eof=1)):
        assert two.write(message) == errors.EETYPENOTSUPP
    assert two.write("") == two.write(Buffer()) == 1
    assert efuns.socket_write(two.ob, two.fd, "x", "127.0.0.1 1") == errors.EEBADADDR
    await host.turn()
    assert one.end is two.end is None
    two.close()
    one.close()


async def test_the_master_is_asked(host: FakeHost) -> None:
    one, two = reader(host), writer(host)
    assert ("bind", [one.fd, one.ob, "0.0.0.0", 0, 42, "/fifo"]) in [question[1:] for question in host.questions]
    assert ("connect", [two.fd, two.ob, "N/A", -1, 42, "/fifo"]) in [question[1:] for question in host.questions]
    host.valid_socket = lambda who, verb, info: verb not in ("bind", "connect")
    three, four = End(host), End(host)
    assert three.bind("/x") == four.connect("/fifo") == errors.EESECURITY
    await host.until(lambda: three.end and four.end)
    host.valid_socket = lambda *args: 1
    one.close()
    two.close()


def test_closing_the_driver_removes_what_it_made(host: FakeHost, root: Path) -> None:
    async def start() -> None:
        reader(host)
        assert writer(host).write("x" * MEGABYTE) == errors.EECALLBACK

    host.loop.run_until_complete(start())
    host.close()
    assert list(root.iterdir()) == []
