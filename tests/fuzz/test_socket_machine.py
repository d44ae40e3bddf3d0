"""Socket efuns of stream modes in random order, over real loopback connections, beside a small model.

The model knows for each descriptor its state, its owner and what has to arrive. It checks every return code
and state text, that what is read is a prefix of what was written, and that no descriptor of the operating
system outlives its socket.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from efuns.sockets import efuns, errors
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.streams import BINARY, MUD, STREAM, Party

MODES = st.sampled_from([MUD, STREAM, BINARY])
TEXTS = st.text(max_size=20).filter(lambda text: not any("\ud800" <= sign <= "\udfff" for sign in text))


@dataclass(eq=False)
class Known:
    """What the model knows of a socket."""

    fd: int
    mode: int
    owner: Party
    state: str = "UNBOUND"
    connecting: bool = False
    far: Known | None = None
    sent: list[Any] = field(default_factory=list)
    closed_by: str = ""

    @property
    def is_open(self) -> bool:
        return self.state != "CLOSED"


class Streams(RuleBasedStateMachine):
    """See the module."""

    sockets = Bundle("sockets")
    listeners = Bundle("listeners")
    pairs = Bundle("pairs")

    make_loop: Any = staticmethod(asyncio.new_event_loop)

    def __init__(self) -> None:
        super().__init__()
        self.loop = self.make_loop()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.before = len(os.listdir("/proc/self/fd"))
        self.folder = tempfile.TemporaryDirectory()
        self.host = FakeHost(self.loop, Path(self.folder.name))
        self.parties = [Party(self.host), Party(self.host)]
        for party in self.parties:
            party.on("caller", None)
        self.known: list[Known] = []

    # ---------------------------------------------------------------------------------------- helpers

    def turn(self, count: int = 3) -> None:
        self.loop.run_until_complete(self.host.turn(count))

    def until(self, condition: Any) -> None:
        """Until the world is as the model says."""

        async def wait() -> None:
            async with asyncio.timeout(10):
                while not condition():
                    await asyncio.sleep(0)

        self.loop.run_until_complete(wait())

    def until_room(self, one: Known) -> None:
        """Until the write callback that was promised."""
        one.owner.readies.clear()
        self.until(lambda: one.fd in one.owner.readies)

    def other(self, party: Party) -> Party:
        return self.parties[1 - self.parties.index(party)]

    def new(self, fd: int, mode: int, owner: Party) -> Known:
        assert not any(one.is_open and one.fd == fd for one in self.known), "the number was free"
        made = Known(fd, mode, owner)
        self.known.append(made)
        owner.data.pop(fd, None)
        while fd in owner.closed:
            owner.closed.remove(fd)
        while fd in owner.readies:
            owner.readies.remove(fd)
        return made

    # ------------------------------------------------------------------------------------------- rules

    @rule(target=sockets, mode=MODES, who=st.integers(0, 1))
    def create(self, mode: int, who: int) -> Known:
        party = self.parties[who]
        return self.new(party.create(mode), mode, party)

    @rule(target=listeners, mode=MODES, who=st.integers(0, 1))
    def create_listener(self, mode: int, who: int) -> Known:
        party = self.parties[who]
        made = self.new(party.create(mode), mode, party)
        assert party.bind(made.fd) == 1
        made.state = "BOUND"
        assert efuns.socket_listen(party.ob, made.fd, "caller") == 1
        made.state = "LISTEN"
        return made

    @rule(socket=sockets)
    def bind(self, socket: Known) -> None:
        expected = errors.EEBADF if not socket.is_open else 1 if socket.state == "UNBOUND" else errors.EEISBOUND
        assert self.call(socket, "bind") == expected
        if expected == 1:
            socket.state = "BOUND"

    @rule(socket=sockets)
    def listen(self, socket: Known) -> None:
        expected = {"UNBOUND": errors.EENOADDR, "BOUND": 1, "LISTEN": errors.EEISCONN, "DATA_XFER": errors.EEISCONN,
                    "CLOSED": errors.EEBADF}[socket.state]
        code = efuns.socket_listen(socket.owner.ob, socket.fd, "caller") if self.is_current(socket) else expected
        assert code == expected
        if expected == 1:
            socket.state = "LISTEN"

    @rule(socket=st.one_of(sockets, listeners, pairs))
    def accept_without_a_connection(self, socket: Known) -> None:
        expected = {"CLOSED": errors.EEBADF, "LISTEN": errors.EEWOULDBLOCK}.get(socket.state, errors.EENOTLISTN)
        assert self.call(socket, "accept") == expected

    @rule(socket=st.one_of(sockets, listeners, pairs), where=st.sampled_from(["", "x", "localhost 1", "127.0.0.1:1"]))
    def connect_badly(self, socket: Known, where: str) -> None:
        expected = {"CLOSED": errors.EEBADF, "LISTEN": errors.EEISLISTEN, "DATA_XFER": errors.EEISCONN}.get(
            socket.state, errors.EEBADADDR)
        assert self.call(socket, "connect", where) == expected

    @rule(target=pairs, mode=MODES, ends=st.tuples(st.integers(0, 1), st.integers(0, 1)), late=st.booleans(),
          bound=st.booleans())
    def connect(self, mode: int, ends: tuple[int, int], late: bool, bound: bool) -> Any:
        client, server = (self.parties[end] for end in ends)
        listening = [one for one in self.known if one.state == "LISTEN" and one.mode == mode and one.owner is server]
        listener = listening[0] if listening else self.create_listener(mode, ends[1])
        socket = self.new(client.create(mode), mode, client)
        if bound:
            assert client.bind(socket.fd) == 1
        assert client.connect(socket.fd, server.address(listener.fd)) == 1
        socket.state = "DATA_XFER"
        assert client.write(socket.fd, "early") == errors.EEALREADY
        events = server.events.count(("caller", listener.fd))
        if late:
            self.until(lambda: socket.fd in client.readies)
        self.until(lambda: server.events.count(("caller", listener.fd)) > events)
        accepted = server.accept(listener.fd)
        assert accepted >= 0
        far = self.new(accepted, mode, server)
        far.state = "DATA_XFER"
        self.until(lambda: socket.fd in client.readies)
        socket.far, far.far = far, socket
        assert efuns.socket_address(server.ob, accepted) == client.address(socket.fd)
        return multiple(socket, far)

    @rule(which=st.integers(0, 99), texts=st.lists(TEXTS, min_size=1, max_size=5), back=TEXTS,
          times=st.sampled_from([1, 1, 300]))
    def write(self, which: int, texts: list[str], back: str, times: int) -> None:
        """Small messages, which leave together, and some that are too large for that."""
        living = [one for one in self.known if one.is_open and one.far is not None and one.far.is_open]
        if living:
            socket = living[which % len(living)]
            assert socket.far is not None
            for one, text in (*((socket, text * (times if at else 1)) for at, text in enumerate(texts)),
                              (socket.far, back)):
                code = one.owner.write(one.fd, text)
                assert code in (errors.EESUCCESS, errors.EECALLBACK, errors.EEWOULDBLOCK)
                if code != errors.EEWOULDBLOCK:
                    one.sent.append(text)
                if code != errors.EESUCCESS:
                    assert times > 1, "there is always room for a little"
                    self.until_room(one)

    @rule(socket=pairs)
    def write_to_the_closed(self, socket: Known) -> None:
        if not socket.is_open:
            assert self.call(socket, "write", "x") == errors.EEBADF

    @rule(socket=pairs)
    def write_a_wrong_type(self, socket: Known) -> None:
        expected = errors.EETYPENOTSUPP if socket.is_open else errors.EEBADF
        assert self.call(socket, "write", socket.owner.ob) == expected

    @rule(socket=pairs)
    def write_with_an_address(self, socket: Known) -> None:
        assert self.call(socket, "write", "x", "127.0.0.1 1") == (errors.EEBADADDR if socket.is_open else errors.EEBADF)

    @rule(socket=st.one_of(sockets, listeners))
    def write_unconnected(self, socket: Known) -> None:
        assume(socket.state != "DATA_XFER")
        assert self.call(socket, "write", "x") == (errors.EENOTCONN if socket.is_open else errors.EEBADF)

    @rule(socket=st.one_of(sockets, listeners, pairs))
    def use_as_a_stranger(self, socket: Known) -> None:
        if not self.is_current(socket) or not socket.is_open:
            return
        stranger = self.other(socket.owner)
        assert stranger.close(socket.fd) == errors.EESECURITY
        assert stranger.write(socket.fd, "x") == errors.EESECURITY
        assert stranger.accept(socket.fd) == errors.EESECURITY
        assert stranger.connect(socket.fd, "127.0.0.1 1") == errors.EESECURITY

    @rule(socket=st.one_of(sockets, listeners, pairs))
    def close(self, socket: Known) -> None:
        if not self.is_current(socket):
            return
        assert socket.owner.close(socket.fd) == (1 if socket.is_open else errors.EEBADF)
        far = socket.far
        if socket.is_open and far is not None and far.is_open:
            self.until(lambda: far.fd in far.owner.closed)
            self.arrived(socket, far)
            far.state = "CLOSED"
        socket.state = "CLOSED"

    @rule(socket=pairs)
    def hand_over(self, socket: Known) -> None:
        if not socket.is_open:
            return
        old, new = socket.owner, self.other(socket.owner)
        new.ob.extra["take"] = lambda fd, to: efuns.socket_acquire(new.ob, fd, "read", "ready", "close")
        if socket.far is not None and socket.far.is_open:
            self.until(lambda: self.has_all(socket.far, socket))
        new.data[socket.fd] = old.data.pop(socket.fd, [])
        assert efuns.socket_release(old.ob, socket.fd, new.ob, "take") == 1
        while socket.fd in new.closed:
            new.closed.remove(socket.fd)
        socket.owner = new

    @rule(socket=pairs)
    def keep_to_oneself(self, socket: Known) -> None:
        if socket.is_open:
            party, other = socket.owner, self.other(socket.owner)
            assert efuns.socket_release(party.ob, socket.fd, other.ob, "nothing") == errors.EESOCKNOTRLSD
            assert efuns.socket_acquire(other.ob, socket.fd, "read", "ready", "close") == errors.EESOCKNOTRLSD

    @rule(count=st.integers(1, 4))
    def wait(self, count: int) -> None:
        self.turn(count)

    @rule(who=st.integers(0, 1))
    def destruct(self, who: int) -> None:
        party = self.parties[who]
        self.host.destruct(party.ob)
        mine = [one for one in self.known if one.owner is party and one.is_open]
        for one in mine:
            one.state = "CLOSED"
        for one in mine:
            far = one.far
            if far is not None and far.is_open:
                self.until(lambda: far.fd in far.owner.closed)  # noqa: B023 - awaited here
                self.arrived(one, far)
                far.state = "CLOSED"
        self.parties[who] = Party(self.host)
        self.parties[who].on("caller", None)

    # -------------------------------------------------------------------------------------- the model

    def is_current(self, socket: Known) -> bool:
        """Whether nobody else has got the number meanwhile."""
        return not any(one is not socket and one.fd == socket.fd and one.is_open for one in self.known)

    def call(self, socket: Known, name: str, *args: Any) -> int:
        """A method of the owner; for a number that is somebody else's now, what it would have been."""
        if not self.is_current(socket) or socket.owner.ob.is_destructed:
            return errors.EEBADF
        return int(getattr(socket.owner, name)(socket.fd, *args))

    def has_all(self, sender: Known, receiver: Known) -> bool:
        got = receiver.owner.data[receiver.fd]
        if sender.mode == MUD:
            return got == sender.sent
        if sender.mode == BINARY:
            return b"".join(bytes(piece.data) for piece in got) == "".join(sender.sent).encode()
        return "".join(got) == "".join(sender.sent)

    def arrived(self, sender: Known, receiver: Known) -> None:
        """Everything that was written before a close has come."""
        assert self.has_all(sender, receiver)

    @invariant()
    def states_are_as_the_model_says(self) -> None:
        table = self.host.state(SocketTable)
        open_now = {one.fd: one for one in self.known if one.is_open}
        for fd, socket in enumerate(table):
            one = open_now.get(fd)
            if one is None:
                assert socket is None
                assert efuns.socket_status(self.parties[0].ob, fd)[1:3] == ["CLOSED", "MUD"]
                continue
            status = one.owner.status(fd)
            assert status[1] == one.state
            assert status[2] == ("MUD" if one.mode == MUD else "STREAM")
            assert status[5] is one.owner.ob
            assert os.fstat(status[0])
        assert len(os.listdir("/proc/self/fd")) == self.before + len(open_now) + self.waiting()
        assert self.host.errors == []

    def waiting(self) -> int:
        """Connections the kernel has given and LPC has not taken."""
        return sum(len(socket._waiting or ()) for socket in self.host.state(SocketTable) if socket is not None)

    @invariant()
    def what_is_read_is_what_was_written(self) -> None:
        for one in self.known:
            far = one.far
            if one.is_open and far is not None and far.is_open:
                got = one.owner.data[one.fd]
                assert all(isinstance(piece, Buffer) is (one.mode == BINARY) for piece in got)

    def teardown(self) -> None:
        for one in self.known:
            if one.is_open and one.far is not None and one.far.is_open:
                self.until(lambda: self.has_all(one.far, one))  # noqa: B023 - awaited here
        self.host.close()
        self.turn()
        assert self.host.reasons == set()
        assert len(os.listdir("/proc/self/fd")) == self.before
        self.loop.close()
        self.folder.cleanup()


class UvloopStreams(Streams):
    """The same on uvloop."""

    make_loop = staticmethod(uvloop.new_event_loop)


_SETTINGS = settings(max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
Streams.TestCase.settings = _SETTINGS
UvloopStreams.TestCase.settings = _SETTINGS
TestStreams = Streams.TestCase
TestUvloopStreams = UvloopStreams.TestCase
