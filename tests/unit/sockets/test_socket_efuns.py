"""The socket efuns: order of checks, codes, callbacks, ownership, options; over a scripted mode."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from efuns.sockets import efuns, errors, options
from efuns.sockets.base import CLOSED
from efuns.sockets.table import SocketTable
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED, Mapping
from tests.unit.sockets import scripted
from tests.unit.sockets.fake_host import FakeHost

FUNCTIONS = ("read", "write", "closed", "waits")


class Entry:
    """What importlib.metadata knows of a plugin."""

    def __init__(self, row: object) -> None:
        self.row = row

    def load(self) -> object:
        return self.row


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the scripted modes as another package would."""

    def entry_points(*, group: str) -> Iterable[Entry]:
        assert group == "pylpc.socket_modes"
        return [*map(Entry, scripted.ALL), Entry("no row")]

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)


@pytest.fixture
def ob(host: FakeHost) -> LPCObject:
    """An object with callbacks."""
    return host.object(**{name: lambda *args: 0 for name in FUNCTIONS})


def make(ob: LPCObject, mode: int = 90) -> int:
    """A socket of the scripted stream."""
    fd = efuns.socket_create(ob, mode, "read", "closed")
    assert fd >= 0
    return fd


def inside(ob: LPCObject, fd: int) -> scripted.Scripted:
    """The Socket behind a descriptor."""
    found = ob.driver.state(SocketTable).find(fd)
    assert isinstance(found, scripted.Scripted)
    return found


def connect(ob: LPCObject, fd: int) -> scripted.Scripted:
    """Connect it, the peer answering at once."""
    assert efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write") == 1
    socket = inside(ob, fd)
    socket.connected()
    return socket


# ------------------------------------------------------------------------------------------- creation


def test_unusable_and_unknown_modes_are_said_once(host: FakeHost, ob: LPCObject) -> None:
    for number in (93, 93, 94, -1, 10, 12, 45, 95, 1 << 40):
        assert efuns.socket_create(ob, number, "read", "closed") == errors.EEMODENOTSUPP
    assert host.logged == ["mode WANTING needs the Python package no_such_library",
                           "mode ELSEWHERE works on plan9 only"]


def test_valid_socket_create(host: FakeHost, ob: LPCObject) -> None:
    host.valid_socket = lambda *args: UNDEFINED
    assert efuns.socket_create(ob, 90, "read") == errors.EESECURITY
    assert efuns.socket_create(ob, 9999, "read") == errors.EESECURITY, "before the mode is looked at"
    assert host.questions[0] == (ob, "create", [-1, ob, "N/A", -1, 90, 0])


def test_descriptors_lowest_first_and_limit(host: FakeHost, ob: LPCObject) -> None:
    host.limits = type(host.limits)(sockets=3)
    assert [make(ob) for _ in range(3)] == [0, 1, 2]
    assert efuns.socket_create(ob, 90, "read") == errors.EENOSOCKS
    efuns.socket_close(ob, 2)
    efuns.socket_close(ob, 0)
    assert [make(ob), make(ob)] == [0, 2]


def test_a_destructed_creator_gets_no_socket(host: FakeHost, ob: LPCObject) -> None:
    host.valid_socket = lambda *args: host.destruct(ob) or 1
    assert efuns.socket_create(ob, 90, "read") == errors.EESECURITY
    assert len(host.state(SocketTable)) == 0


def test_callback_names(host: FakeHost, ob: LPCObject) -> None:
    with pytest.raises(LPCError, match="Illegal function name"):
        efuns.socket_create(ob, 90, "#read")
    assert len(host.state(SocketTable)) == 0
    make(ob)
    assert host.logged == []


def test_an_event_nobody_hears_is_logged_once(host: FakeHost, ob: LPCObject) -> None:
    for mode in (90, 92):  # mainline modes, as 92 is one, say nothing
        socket = host.state(SocketTable).find(efuns.socket_create(ob, mode, "nobody"))
        assert socket is not None
        socket.deliver("x")
        socket.deliver("y")
    assert len(host.logged) == 1 and "no function nobody()" in host.logged[0]


# ------------------------------------------------------------------------------------- common checks


def calls(ob: LPCObject, fd: int) -> dict[str, int]:
    """What every operation answers on a descriptor."""
    return {
        "bind": efuns.socket_bind(ob, fd, 0),
        "listen": efuns.socket_listen(ob, fd, "waits"),
        "accept": efuns.socket_accept(ob, fd, "read", "write"),
        "connect": efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write"),
        "write": efuns.socket_write(ob, fd, "x"),
        "release": efuns.socket_release(ob, fd, ob, "take"),
        "acquire": efuns.socket_acquire(ob, fd, "read", "write", "closed"),
        "close": efuns.socket_close(ob, fd),
    }


def test_range_closed_owner_and_master(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    other = host.object()
    assert set(calls(other, 7).values()) == set(calls(other, -1).values()) == {errors.EEFDRANGE}
    strange = calls(other, fd)
    assert strange.pop("acquire") == errors.EESOCKNOTRLSD
    assert set(strange.values()) == {errors.EESECURITY}
    assert inside(ob, fd).state == "UNBOUND"
    host.valid_socket = lambda *args: 0
    assert set(calls(ob, fd).values()) == set(calls(ob, 7).values()) == {errors.EESECURITY}
    host.valid_socket = lambda *args: 1
    efuns.socket_close(ob, fd)
    assert set(calls(ob, fd).values()) == {errors.EEBADF}


def test_what_the_master_is_told(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    host.questions.clear()
    calls(ob, fd)
    calls(ob, 99)
    told = {(verb, info[0]): info for _, verb, info in host.questions}
    assert [verb for _, verb, _ in host.questions][:8] == ["bind", "listen", "accept", "connect", "write", "release",
                                                           "acquire", "close"]
    assert told["write", fd] == [fd, ob, "0.0.0.0", 0, 90, 0]
    assert told["connect", fd] == [fd, ob, "1.2.3.4", 5, 90, "1.2.3.4 5"]
    assert told["write", 99] == [99, 0, "0.0.0.0", 0, -1, 0]


def test_the_master_may_close_the_socket_it_is_asked_about(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    closing = [True]

    def valid_socket(caller: LPCObject, verb: str, info: list[Any]) -> int:
        if verb == "write" and closing.pop():
            efuns.socket_close(ob, fd)
            make(ob)  # takes the same descriptor
        return 1

    host.valid_socket = valid_socket
    assert efuns.socket_write(ob, fd, "x") == errors.EEBADF


def test_permissions_come_first(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    inside(ob, fd).forbidden = "use --allow-net"
    host.questions.clear()
    assert efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write") == errors.EESECURITY
    assert efuns.socket_bind(ob, fd, 80) == errors.EESECURITY
    assert host.questions == []
    assert efuns.socket_get_option(ob, fd, options.SO_LAST_ERROR) == "use --allow-net"


# ------------------------------------------------------------------------------------------- set-up


def test_bind_listen_accept(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    assert efuns.socket_listen(ob, fd, "waits") == errors.EENOADDR
    assert efuns.socket_accept(ob, fd, "read", "write") == errors.EENOTLISTN
    assert efuns.socket_bind(ob, fd, 666) == errors.EEADDRINUSE
    assert efuns.socket_bind(ob, fd, 0) == 1
    assert efuns.socket_bind(ob, fd, 0) == errors.EEISBOUND
    assert efuns.socket_listen(ob, fd, "waits") == 1
    assert efuns.socket_listen(ob, fd, "waits") == errors.EEISCONN
    assert efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write") == errors.EEISLISTEN
    assert efuns.socket_accept(ob, fd, "read", "write") == errors.EEWOULDBLOCK
    listener = inside(ob, fd)
    listener.pending = 1
    listener.deliver()
    assert host.seen("waits") == [(fd,)]
    new = efuns.socket_accept(ob, fd, "read", "write")
    assert new == fd + 1
    assert inside(ob, new).close_callback is listener.close_callback
    assert efuns.socket_write(ob, new, "at once") == 1


def test_accept_respects_the_limit(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    efuns.socket_bind(ob, fd, 0)
    efuns.socket_listen(ob, fd, "waits")
    inside(ob, fd).pending = 1
    host.limits = type(host.limits)(sockets=1)
    assert efuns.socket_accept(ob, fd, "read", "write") == errors.EENOSOCKS
    assert inside(ob, fd).pending == 1, "the connection is still there"


def test_argument_types(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    with pytest.raises(BadArgument, match=r"Bad argument 2 to socket_bind\(\)"):
        efuns.socket_bind(ob, fd, "/path")
    assert efuns.socket_bind(ob, 99, "/path") == errors.EEFDRANGE
    for wrong in (5, 1):
        with pytest.raises(BadArgument, match=r"Bad argument 3 to socket_connect\(\)"):
            efuns.socket_connect(ob, fd, "1.2.3.4 5", wrong, "write")
    with pytest.raises(BadArgument, match="Bad argument 4"):
        efuns.socket_connect(ob, make(ob, 92), "1.2.3.4 5", "read", 0)
    with pytest.raises(BadArgument, match="Bad argument 2"):
        efuns.socket_listen(ob, fd)


def test_connect_keeps_a_callback_for_zero(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    assert efuns.socket_connect(ob, fd, "host", 0, "") == 1
    socket = inside(ob, fd)
    socket.connected()
    socket.deliver("data")
    assert host.seen("read") == [(fd, "data")]
    assert host.seen("write") == []
    assert efuns.socket_connect(ob, fd, "host", 0, 0) == errors.EEISCONN


def test_a_failed_connect_changes_no_callbacks(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    socket = inside(ob, fd)
    socket.accepts_connect = errors.EEBADADDR
    before = socket.read_callback
    assert efuns.socket_connect(ob, fd, "?", "other", "write") == errors.EEBADADDR
    assert socket.read_callback is before and socket.write_callback is None


# -------------------------------------------------------------------------------------- flow control


def test_write_in_every_state(host: FakeHost, ob: LPCObject) -> None:
    host.limits = type(host.limits)(socket_queue=10)
    fd = make(ob)
    assert efuns.socket_write(ob, fd, "x") == errors.EENOTCONN
    assert efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write") == 1
    assert efuns.socket_write(ob, fd, "x") == errors.EENOTCONN
    socket = inside(ob, fd)
    socket.connected()
    assert host.seen("write") == [(fd,)]
    assert efuns.socket_write(ob, fd, "x", "1.2.3.4 5") == errors.EEBADADDR
    assert efuns.socket_write(ob, fd, 5) == errors.EETYPENOTSUPP
    assert efuns.socket_write(ob, fd, "0123456789") == errors.EESUCCESS
    assert efuns.socket_write(ob, fd, "!") == errors.EECALLBACK
    assert efuns.socket_write(ob, fd, "?") == errors.EEALREADY
    assert socket.queue == ["0123456789", "!"]
    socket.flush()
    assert host.seen("write") == [(fd,), (fd,)]
    socket.flush()
    assert len(host.seen("write")) == 2, "once per drain"
    assert efuns.socket_write(ob, fd, "no room") == errors.EEWOULDBLOCK
    socket.flush()
    assert len(host.seen("write")) == 3


def test_a_blocked_connecting_client_is_freed_by_connected(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob, 92)
    assert efuns.socket_connect(ob, fd, "1.2.3.4 5", "read", "write") == 1
    socket = inside(ob, fd)
    socket.become("DATA_XFER")  # what mainline calls a connecting plain socket
    socket.block()
    assert efuns.socket_write(ob, fd, "x") == errors.EEALREADY
    socket.connected()
    assert efuns.socket_write(ob, fd, "x") == 1


# ------------------------------------------------------------------------------------------- the end


def test_close_flushes_and_calls_nobody(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    socket = connect(ob, fd)
    efuns.socket_write(ob, fd, "tail")
    host.calls.clear()
    assert efuns.socket_close(ob, fd) == 1
    assert efuns.socket_status(ob, fd)[1] == "CLOSING"
    assert efuns.socket_status(ob, fd)[5] == 0
    assert efuns.socket_close(ob, fd) == errors.EEBADF
    assert make(ob) != fd
    socket.deliver("late")
    socket.flush()
    assert socket.is_shut and host.calls == []
    assert efuns.socket_status(ob, fd) == [-1, "CLOSED", "MUD", "", "", 0]
    assert make(ob) == fd


def test_fail_while_closing_frees_the_slot(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    socket = connect(ob, fd)
    efuns.socket_write(ob, fd, "tail")
    efuns.socket_close(ob, fd)
    socket.fail("reset", errors.EESEND)
    assert host.seen("closed") == []
    assert socket.state is CLOSED


def test_fail_tells_why_and_frees(host: FakeHost, ob: LPCObject) -> None:
    fd, old = make(ob), make(ob, 92)
    inside_callback: list[Any] = []

    def closed(fd: int, *rest: Any) -> None:
        inside_callback.append((make(ob), efuns.socket_status(ob, fd)[1], calls_but_close(fd)))

    def calls_but_close(fd: int) -> set[int]:
        return {efuns.socket_write(ob, fd, "x"), efuns.socket_bind(ob, fd, 0)}

    ob.extra["closed"] = closed
    socket = connect(ob, fd)
    socket.fail("peer is gone", 1001)
    connect(ob, old).fail("peer is gone", 1001)
    assert host.seen("closed") == [(fd, "peer is gone", 1001), (old,)]
    (new, state, codes), _ = inside_callback
    assert new not in (fd, old) and state != CLOSED
    assert codes == {errors.EEBADF}
    assert efuns.socket_close(ob, old) == errors.EEBADF
    socket.fail("again", 1)
    socket.connected()
    socket.drained()
    assert len(host.seen("closed")) == 2


def test_close_inside_the_close_callback_spares_the_successor(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    successor: list[int] = []

    def closed(fd: int, reason: str, code: int) -> None:
        assert efuns.socket_close(ob, fd) == 1
        successor.append(make(ob))

    ob.extra["closed"] = closed
    connect(ob, fd).fail("gone", -1)
    assert successor == [fd]
    assert efuns.socket_status(ob, fd)[1] == "UNBOUND"


def test_destruct_closes_silently(host: FakeHost, ob: LPCObject) -> None:
    mine, other = make(ob), host.object()
    theirs = make(other)
    flushing = make(ob)
    connect(ob, flushing)
    efuns.socket_write(ob, flushing, "tail")
    host.calls.clear()
    host.destruct(ob)
    states = [row[1] for row in efuns.socket_status(other)]
    assert (states[mine], states[theirs], states[flushing]) == ("CLOSED", "UNBOUND", "CLOSING")
    assert host.calls == []


def test_the_driver_ends(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    socket = connect(ob, fd)
    efuns.socket_write(ob, fd, "tail")
    host.state(SocketTable).close()
    assert socket.is_shut and socket.state is CLOSED
    assert host.seen("closed") == []


# ----------------------------------------------------------------------------------- deferred errors


async def test_ignored_set_up_failures_come_back(host: FakeHost, ob: LPCObject) -> None:
    bound, connected, written, mainline = make(ob, 91), make(ob, 91), make(ob, 91), make(ob)
    assert efuns.socket_bind(ob, bound, 666) == errors.EEADDRINUSE
    inside(ob, connected).accepts_connect = errors.EESOCKET
    assert efuns.socket_connect(ob, connected, "x", "read", "write") == errors.EESOCKET
    assert efuns.socket_write(ob, written, "x") == errors.EENOTCONN
    assert efuns.socket_bind(ob, mainline, 666) == errors.EEADDRINUSE
    assert host.seen("closed") == []
    assert len(host.reasons) == 3, "the process waits for its callbacks"
    await host.until(lambda: len(host.seen("closed")) == 3)
    assert host.seen("closed") == [
        (bound, "taken", errors.EEADDRINUSE),
        (connected, "Problem creating socket", errors.EESOCKET),
        (written, "Socket not connected", errors.EENOTCONN),
    ]
    await host.turn()
    assert efuns.socket_status(ob, mainline)[1] == "UNBOUND"


async def test_refusals_are_deferred_too(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob, 91)
    host.valid_socket = lambda caller, verb, info: int(verb != "bind")
    assert efuns.socket_bind(ob, fd, 1) == errors.EESECURITY
    assert efuns.socket_bind(host.object(), fd, 1) == errors.EESECURITY, "a stranger's mistake is not the owner's"
    await host.until(lambda: host.seen("closed"))
    assert host.seen("closed") == [(fd, "Security violation attempted", errors.EESECURITY)]


async def test_close_withdraws_the_deferred_error(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob, 91)
    efuns.socket_bind(ob, fd, 666)
    efuns.socket_close(ob, fd)
    again = make(ob, 91)
    assert again == fd
    await host.turn()
    assert host.seen("closed") == [] and efuns.socket_status(ob, fd)[1] == "UNBOUND"
    assert not host.reasons


# ---------------------------------------------------------------------------------- release, acquire


def test_release_and_acquire(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    taker = host.object(read2=lambda *args: 0)
    results: list[int] = []

    def take(fd: int, to: LPCObject) -> None:
        assert to is taker
        results.append(efuns.socket_release(ob, fd, taker, "take"))
        results.append(efuns.socket_acquire(ob, fd, "read", "write", "closed"))
        results.append(efuns.socket_acquire(taker, fd, "read2", "write2", "closed2"))

    taker.extra["take"] = take
    assert efuns.socket_acquire(ob, fd, "read", "write", "closed") == errors.EESOCKNOTRLSD
    assert efuns.socket_release(ob, fd, taker, "take") == 1
    assert results == [errors.EESOCKRLSD, errors.EESECURITY, 1]
    assert efuns.socket_close(ob, fd) == errors.EESECURITY
    inside(ob, fd).deliver("x")
    assert host.seen("read2") == [(fd, "x")]
    host.destruct(ob)
    assert efuns.socket_status(taker, fd)[5] is taker
    host.destruct(taker)
    assert efuns.socket_status(host.object(), fd)[1] == "CLOSED"


def test_release_that_nobody_wants(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)

    def refuse(fd: int, to: LPCObject) -> None:
        raise LPCError("no")

    taker = host.object(refuse=refuse)
    assert efuns.socket_release(ob, fd, taker, "nothing") == errors.EESOCKNOTRLSD
    assert efuns.socket_release(ob, fd, taker, "refuse") == errors.EESOCKNOTRLSD
    assert efuns.socket_acquire(taker, fd, "r", "w", "c") == errors.EESOCKNOTRLSD
    assert "no" in host.logged[-1]


def test_what_is_closed_while_it_is_released_was_not_taken(host: FakeHost) -> None:
    owner = host.object()
    fd = efuns.socket_create(owner, 90, "read")
    heir = host.object(take=lambda fd, to: efuns.socket_close(owner, fd))
    assert efuns.socket_release(owner, fd, heir, "take") == errors.EESOCKNOTRLSD

    fd = efuns.socket_create(owner, 90, "read")
    heir = host.object(take=lambda fd, to: (efuns.socket_acquire(to, fd, "read", "write", "close"),
                                            efuns.socket_close(to, fd)))
    assert efuns.socket_release(owner, fd, heir, "take") == errors.EESUCCESS, "it was, and is closed by its new owner"


# --------------------------------------------------------------------------------------------- asking


def test_socket_error() -> None:
    assert efuns.socket_error(-6) == "Socket is closed"
    assert efuns.socket_error(-32) == "Data nested too deeply"
    for number in (0, 1, -33, 1 << 60):
        assert efuns.socket_error(number) == "socket_error: invalid error number"


def test_socket_address(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    assert efuns.socket_address(ob, fd) == efuns.socket_address(ob, fd, 1) == "0.0.0.0 0"
    efuns.socket_close(ob, fd)
    assert efuns.socket_address(ob, fd) == "0.0.0.0 0"
    assert efuns.socket_address(ob, 99) == efuns.socket_address(ob, -1) == " 0"
    assert efuns.socket_address(ob, host.object()) == 0


def test_socket_status(host: FakeHost, ob: LPCObject) -> None:
    assert efuns.socket_status(ob) == []
    fd = make(ob)
    assert efuns.socket_status(ob, fd) == [-1, "UNBOUND", "SCRIPTED", "", "", ob]
    assert efuns.socket_status(ob) == [efuns.socket_status(ob, fd)]
    assert efuns.socket_status(ob, 99) == efuns.socket_status(ob, -1) == 0


def test_modes_can_be_asked(host: FakeHost, ob: LPCObject) -> None:
    known = efuns.socket_modes(ob)
    assert isinstance(known, Mapping)
    assert (known["MUD"], known["EXTERNAL_INOTIFY"], known["SCRIPTED"]) == (0, 44, 90)
    assert known["OUTSIDE"] is UNDEFINED
    assert efuns.socket_mode_available(ob, 44) == 1
    assert [efuns.socket_mode_available(ob, number) for number in (90, 93, 94, 95, -1)] == [1, 0, 0, 0, 0]


# -------------------------------------------------------------------------------------------- options


def test_options(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    assert efuns.socket_get_option(ob, fd, 1) == 0
    assert efuns.socket_set_option(ob, fd, 1, 1) == 1
    assert efuns.socket_get_option(ob, fd, 1) == 1
    assert efuns.socket_set_option(ob, fd, 2, "example.org") == 1
    assert efuns.socket_get_option(ob, fd, 2) == "example.org"
    assert [verb for _, verb, _ in host.questions] == ["create"], "mainline's options are nobody's business"
    efuns.socket_set_option(ob, fd, 143, "/a")
    assert host.questions[-1][1:] == ("set_option", [fd, ob, "0.0.0.0", 0, 90, "EXTERNAL_WATCH_PATH"])


@pytest.mark.parametrize(("fd", "number", "value", "message"), [
    (99, 1, 1, "Bad socket descriptor: 99"),
    (0, 4711, 1, "Unknown socket option: 4711"),
    (0, 1015, 1, r"Unknown socket option: 1015 \(INOTIFY_RECURSIVE\) in mode SCRIPTED"),
    (0, 1010, "x", "SO_LAST_ERROR can only be read"),
    (0, 1, 2, "only 0 to 1"),
    (0, 2, "x" * 300, "at most 253 characters"),
    (0, 143, "", "1 to 4096 characters"),
    (0, 1, "1", "Bad argument 3 to socket_set_option"),
    (0, 2, 5, "Bad argument 3 to socket_set_option"),
])
def test_bad_options(host: FakeHost, ob: LPCObject, fd: int, number: int, value: Any, message: str) -> None:
    make(ob)
    with pytest.raises(LPCError, match=message):
        efuns.socket_set_option(ob, fd, number, value)


def test_options_of_others_and_of_closed_sockets(host: FakeHost, ob: LPCObject) -> None:
    fd = make(ob)
    with pytest.raises(LPCError, match="belongs to another"):
        efuns.socket_set_option(host.object(), fd, 1, 1)
    with pytest.raises(LPCError, match="belongs to another"):
        efuns.socket_get_option(host.object(), fd, 1)
    host.valid_socket = lambda *args: 0
    with pytest.raises(LPCError, match="Security"):
        efuns.socket_set_option(ob, fd, 143, "/a")
    assert efuns.socket_get_option(ob, fd, 143) == 0
    host.valid_socket = lambda *args: 1
    efuns.socket_close(ob, fd)
    with pytest.raises(LPCError, match="Bad socket descriptor"):
        efuns.socket_get_option(ob, fd, 1)
