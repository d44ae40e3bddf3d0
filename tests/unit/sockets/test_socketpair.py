"""Mode 41 without a command: a pair whose far end is claimed once."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest

from efuns.sockets import efuns, errors, options, pipes
from efuns.sockets.process import Pair
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost

MEGABYTE = 1 << 20


class End:
    """An object at one end."""

    def __init__(self, host: FakeHost, near: End | None = None) -> None:
        self.host = host
        self.heard: list[Any] = []
        self.writable = 0
        self.end: tuple[Any, ...] | None = None
        self.ob = host.object(hear=lambda fd, data: self.heard.append(data), ready=self._ready, over=self._over)
        if near is None:
            self.fd = efuns.socket_create(self.ob, 41, "hear", "over")
        else:
            self.fd = efuns.socket_accept(near.ob, near.fd, "nothing", "nothing")
            near.ob.extra["give"] = lambda fd, ob: 0
            self.ob.extra["take"] = lambda fd, ob: efuns.socket_acquire(self.ob, fd, "hear", "ready", "over")
            assert efuns.socket_release(near.ob, self.fd, self.ob, "take") == 1
        assert self.fd >= 0

    def _ready(self, fd: int) -> None:
        self.writable += 1

    def _over(self, fd: int, *how: Any) -> None:
        self.end = how

    def write(self, message: Any) -> int:
        return efuns.socket_write(self.ob, self.fd, message)

    def close(self) -> int:
        return efuns.socket_close(self.ob, self.fd)

    @property
    def socket(self) -> Pair:
        found = self.host.state(SocketTable).find(self.fd)
        assert isinstance(found, Pair)
        return found

    @property
    def text(self) -> str:
        return "".join(self.heard)


async def test_two_objects_talk(host: FakeHost) -> None:
    near = End(host)
    assert efuns.socket_status(near.ob, near.fd)[1:5] == ["DATA_XFER", "EXTERNAL_SOCKETPAIR", "", ""]
    assert efuns.socket_address(near.ob, near.fd) == ""
    assert near.write("before ") == 1
    far = End(host, near)
    assert efuns.socket_status(far.ob, far.fd)[1] == "DATA_XFER"
    assert near.write("after") == 1
    assert far.heard == [], "never inside the efun"
    await host.until(lambda: far.text == "before after")
    assert far.write(Buffer(b"answer")) == 1
    await host.until(lambda: near.heard == ["answer"])
    assert near.close() == 1
    await host.until(lambda: far.end)
    assert far.end == ("The other end was closed", errors.EEBADF)
    assert far.write("x") == errors.EEBADF


async def test_what_was_written_arrives_before_the_end(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    assert near.write("x" * MEGABYTE) == errors.EECALLBACK
    near.close()
    assert efuns.socket_status(near.ob, near.fd)[1] == "CLOSING"
    await host.until(lambda: far.end)
    assert far.text == "x" * MEGABYTE
    assert efuns.socket_status(near.ob, near.fd)[1] == "CLOSED"


async def test_end_of_file(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    near.write("last")
    assert near.write(Mapping(eof=1)) == 1
    await host.until(lambda: far.end)
    assert far.text == "last"
    await host.until(lambda: near.end)
    assert near.end == ("The other end was closed", errors.EEBADF)


async def test_a_far_end_closed_with_unread_data(host: FakeHost) -> None:
    """The kernel then reports an error beside what can still be read."""
    near = End(host)
    far = End(host, near)
    far.write("y" * 150_000)
    near.write("never read")
    far.close()
    await host.until(lambda: near.end)
    assert near.text == "y" * 150_000
    assert near.end == ("The other end was closed", errors.EEBADF)


async def test_a_far_end_that_breaks_while_blocked(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    far.socket._inlets[0].stop()  # it reads nothing
    assert near.write("x" * MEGABYTE) == errors.EECALLBACK
    host.destruct(far.ob)
    await host.until(lambda: near.end)
    assert near.end == ("The other end was closed", errors.EEBADF)


async def test_nobody_claims(host: FakeHost) -> None:
    near = End(host)
    while near.write("x" * 10_000) == 1:
        pass
    assert near.write("x") == errors.EEALREADY
    assert not host.reasons, "nothing can happen"
    outlet = near.socket._outlet
    assert outlet is not None and outlet.size <= host.limits.socket_queue + 10_000
    far = End(host, near)
    await host.until(lambda: len(far.text) > host.limits.socket_queue)
    near.ob.extra["hear"] = lambda fd, data: 0
    near.close()
    await host.until(lambda: far.end)
    assert len(far.text) % 10_000 == 0


async def test_unclaimed_and_closed_with_a_queue(host: FakeHost) -> None:
    near = End(host)
    assert near.write("x" * MEGABYTE) == errors.EECALLBACK
    near.close()
    assert efuns.socket_status(near.ob, near.fd)[1] == "CLOSED", "nobody can ever read it"


async def test_a_blocked_writer_hears_when_there_is_room(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    far.write("")
    efuns.socket_set_option(near.ob, near.fd, options.SO_ENCODING, "text")
    assert far.write("x" * MEGABYTE) == errors.EECALLBACK
    await host.until(lambda: far.writable)
    assert len(near.text) > MEGABYTE // 2
    assert far.write("end") == 1
    await host.until(lambda: near.text.endswith("end"))
    assert far.writable == 1


async def test_stalled_for_good(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipes, "STALLED_SECONDS", 0.05)
    near = End(host)
    far = End(host, near)
    far.socket._inlets[0].stop()
    assert near.write("x" * MEGABYTE) == errors.EECALLBACK
    near.close()
    socket_ = near.host.state(SocketTable).find(near.fd)
    await host.turn()
    assert socket_ is not None and socket_.state == "CLOSING"
    while socket_.state != "CLOSED":
        await host.turn(1)
    assert near.end is None


async def test_slow_but_not_stalled(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    inlet = far.socket._inlets[0]
    host.loop.remove_reader(inlet.fd)
    assert near.write("x" * MEGABYTE) == errors.EECALLBACK
    socket_ = near.socket
    outlet = socket_._outlet
    assert outlet is not None
    near.close()
    before = outlet.size
    while outlet.size == before:
        inlet.read()
        await host.turn(1)
    outlet._look_again(before)
    assert socket_.state == "CLOSING"
    outlet._look_again(outlet.size)
    assert socket_.state == "CLOSED"
    far.close()


async def test_claimed_once(host: FakeHost) -> None:
    near = End(host)
    far = End(host, near)
    assert efuns.socket_accept(near.ob, near.fd, "hear", "ready") == errors.EEISCONN
    assert efuns.socket_accept(far.ob, far.fd, "hear", "ready") == errors.EEISCONN
    assert efuns.socket_connect(near.ob, near.fd, "sh", "hear", "ready") == errors.EEISCONN
    assert efuns.socket_bind(near.ob, near.fd, "sh") == errors.EEISBOUND
    assert efuns.socket_listen(near.ob, near.fd, "hear") == errors.EEMODENOTSUPP
    await host.turn()
    assert near.end is None
    near.close()
    far.close()


async def test_a_used_pair_takes_no_command(host: FakeHost) -> None:
    host.external["sh"] = ("/bin/sh",)
    near = End(host)
    near.write("x")
    assert efuns.socket_connect(near.ob, near.fd, "sh", "hear", "ready") == errors.EEISCONN
    near.close()


async def test_a_chosen_command_ends_the_plain_pair(host: FakeHost) -> None:
    near = End(host)
    efuns.socket_set_option(near.ob, near.fd, options.EXTERNAL_COMMAND, "sh")
    assert efuns.socket_accept(near.ob, near.fd, "hear", "ready") == errors.EEISCONN
    assert near.write("x") == errors.EENOTCONN
    await host.until(lambda: near.end)
    assert near.end == (errors.text_of(errors.EENOTCONN), errors.EENOTCONN)


async def test_the_far_end_has_the_options_of_the_near_one(host: FakeHost) -> None:
    near = End(host)
    efuns.socket_set_option(near.ob, near.fd, options.SO_ENCODING, "binary")
    far = End(host, near)
    near.write("é")
    await host.until(lambda: far.heard)
    assert bytes(far.heard[0].data) == b"\xc3\xa9"
    far.close()
    near.close()


async def test_the_host_takes_the_far_end(host: FakeHost) -> None:
    near = End(host)
    far = near.socket.take_far_end()
    with far:
        assert isinstance(far, socket.socket) and far.getblocking()
        assert host.reasons, "the host may write at any time"
        near.write("to Python")
        assert far.recv(100) == b"to Python"
        far.sendall(b"to LPC")
        await host.until(lambda: near.heard == ["to LPC"])
    await host.until(lambda: near.end)
    assert not host.reasons


async def test_descriptors(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    near = End(host)
    fd = efuns.socket_status(near.ob, near.fd)[0]
    assert os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")
    near.close()

    def fails() -> Any:
        raise OSError(24, "too many")

    monkeypatch.setattr(socket, "socketpair", fails)
    assert efuns.socket_create(near.ob, 41, "hear", "over") == errors.EESOCKET


async def test_bad_messages(host: FakeHost) -> None:
    near = End(host)
    assert near.write(1) == errors.EETYPENOTSUPP
    assert near.write(Mapping(eof=0)) == errors.EEBADDATA
    with pytest.raises(LPCError):
        efuns.socket_set_option(near.ob, near.fd, options.SO_ENCODING, "utf-7")
    near.close()
