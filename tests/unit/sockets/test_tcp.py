"""Modes 0, 1 and 3 over real loopback connections, and what modes 5 and 6 share with them."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
import sys
from typing import Any

import pytest

from efuns.sockets import efuns, errors, tcp
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED, Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.streams import BINARY, MUD, PLAIN, STREAM, Acceptor, Party, Peer, pair

HAS_IPV6 = os.path.exists("/proc/net/if_inet6")

# ------------------------------------------------------------------------------------- life of a socket


@pytest.mark.parametrize("mode", PLAIN)
async def test_states_from_birth_to_end(host: FakeHost, mode: int) -> None:
    server, client = Party(host), Party(host)
    shown = "MUD" if mode == MUD else "STREAM"
    listener = server.create(mode)
    fd_of_system, state, name, mine, peer, owner = server.status(listener)
    assert (state, name, mine, peer, owner) == ("UNBOUND", shown, "", "", server.ob)
    assert os.fstat(fd_of_system)
    server.bind(listener)
    address = server.address(listener).replace(" ", ".")
    assert server.status(listener)[1:5] == ["BOUND", shown, address, ""]
    efuns.socket_listen(server.ob, listener, "caller")
    assert server.state(listener) == "LISTEN"

    fd = client.create(mode)
    assert client.connect(fd, server.address(listener)) == errors.EESUCCESS
    assert client.status(fd)[1:] == ["DATA_XFER", shown, client.address(fd).replace(" ", "."), address, client.ob]
    await client.is_ready(fd)
    accepted = await server.has_accepted()
    assert server.status(accepted)[1:] == ["DATA_XFER", shown, address, client.address(fd).replace(" ", "."), server.ob]
    assert efuns.socket_address(server.ob, accepted) == client.address(fd)
    assert efuns.socket_address(client.ob, fd) == server.address(accepted)

    assert client.close(fd) == errors.EESUCCESS
    assert client.status(fd) == [-1, "CLOSED", "MUD", "", "", 0]
    await server.has_closed(accepted)
    assert server.state(accepted) == "CLOSED"
    assert client.closed == [], "no callback for one's own close"


async def test_any_address_is_a_star(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(STREAM)
    assert efuns.socket_bind(party.ob, fd, 0) == errors.EESUCCESS
    host_part, port = party.address(fd).split()
    assert host_part == "0.0.0.0"
    assert party.status(fd)[3] == f"*.{port}"


@pytest.mark.parametrize("mode", PLAIN)
async def test_values_go_both_ways(host: FakeHost, mode: int) -> None:
    server, accepted, client, fd = await pair(host, mode)
    message: Any = Buffer(b"\0\xff") if mode == BINARY else "h\u00e4llo"
    assert client.write(fd, message) == errors.EESUCCESS
    assert server.write(accepted, message) == errors.EESUCCESS
    for party, at in ((server, accepted), (client, fd)):
        (got,) = await party.has_read(at)
        assert (got.data if mode == BINARY else got) == (message.data if mode == BINARY else message)


async def test_read_callback_of_connect_replaces_that_of_create(host: FakeHost) -> None:
    seen: list[Any] = []
    server, client = Party(host), Party(host)
    listener = server.listening(STREAM)
    client.ob.extra["other"] = lambda fd, data: seen.append(data)
    fd = client.create(STREAM)
    efuns.socket_connect(client.ob, fd, server.address(listener), "other", "ready")
    accepted = await server.has_accepted()
    server.write(accepted, "x")
    await host.until(lambda: seen)
    assert client.data == {}


async def test_the_first_event_of_a_connection_is_the_write_callback(host: FakeHost) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(STREAM)
    server.on("caller", lambda fd: server.write(server.accept(fd), "at once"))
    fd = client.create(STREAM)
    client.connect(fd, server.address(listener))
    await client.has_read(fd)
    assert client.events == [("ready", fd), ("read", fd)]


# ------------------------------------------------------------------------------------- codes and order


@pytest.mark.parametrize("where", [
    "localhost 80", "localhost:80", "127.0.0.1:80", "127.0.0.1", "", " ", " 80", "127.0.0.1 ", "127.0.0.1  80",
    "127.0.0.1 80 ", "127.0.0.1 http", "127.0.0.1 -1", "127.0.0.1 65536", "127.0.0.1 99999999999999999999",
    "127.0.0.1 \u0661", "1.2.3.4.5 80", "256.1.1.1 80", "[::1] 80", "::g 80", "127.0.0.1\0 80", "\u00e4 80",
    "a" * 5000])
@pytest.mark.parametrize("mode", [MUD, STREAM, BINARY, 5, 6])
async def test_bad_addresses(host: FakeHost, mode: int, where: str) -> None:
    party = Party(host)
    fd = party.create(mode)
    assert party.connect(fd, where) == errors.EEBADADDR
    assert party.state(fd) == "UNBOUND"
    assert party.bind(fd, where) == errors.EEBADADDR
    assert "address" in party.why(fd)


async def test_old_forms_of_an_address_are_seen_through(host: FakeHost) -> None:
    """What the master and the host are asked about is the address that would really be used."""
    party = Party(host)
    fd = party.create(STREAM)
    host.valid_socket = lambda caller, verb, info: verb == "create"
    party.connect(fd, "127.1 80")
    party.connect(fd, "2130706433 80")
    assert [info[2:4] for _, verb, info in host.questions if verb == "connect"] == [["127.0.0.1", 80]] * 2
    assert ("net", "127.0.0.1", 80) in host.permissions.asked


async def test_order_of_checks_in_bind(host: FakeHost) -> None:
    party, other = Party(host), Party(host)
    fd = party.create(STREAM)
    assert efuns.socket_bind(party.ob, 99, 0) == errors.EEFDRANGE
    assert efuns.socket_bind(other.ob, fd, 0) == errors.EESECURITY
    assert efuns.socket_bind(party.ob, fd, 70000) == errors.EEBADADDR
    assert efuns.socket_bind(party.ob, fd, -1) == errors.EEBADADDR
    assert efuns.socket_bind(party.ob, fd, 0, "192.0.2.1 0") == errors.EEBIND
    assert party.bind(fd) == errors.EESUCCESS
    assert efuns.socket_bind(party.ob, fd, 70000) == errors.EEISBOUND
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EESUCCESS
    taken = party.create(STREAM)
    assert party.bind(taken, party.address(fd)) == errors.EEADDRINUSE
    assert party.close(taken) == errors.EESUCCESS
    assert efuns.socket_bind(party.ob, taken, 0) == errors.EEBADF
    with pytest.raises(LPCError, match="Bad argument 2 to socket_bind"):
        efuns.socket_bind(party.ob, fd, "/path")
    host.valid_socket = lambda *args: 0
    assert efuns.socket_bind(party.ob, 99, 0) == errors.EESECURITY


async def test_the_address_wins_over_the_port(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(STREAM)
    assert efuns.socket_bind(party.ob, fd, 70000, "127.0.0.1 0") == errors.EESUCCESS
    assert party.where(fd)[0] == "127.0.0.1"


async def test_mud_ip_is_the_default_address(host: FakeHost) -> None:
    host.configured[9] = "127.0.0.2"
    party = Party(host)
    fd = party.create(STREAM)
    assert efuns.socket_bind(party.ob, fd, 0) == errors.EESUCCESS
    assert party.where(fd)[0] == "127.0.0.2"
    assert host.permissions.asked == [("listen", "127.0.0.2", 0)]


async def test_order_of_checks_in_listen_and_accept(host: FakeHost) -> None:
    party, other = Party(host), Party(host)
    fd = party.create(STREAM)

    def listen(who: LPCObject, at: int) -> int:
        return efuns.socket_listen(who, at, "caller")

    assert listen(party.ob, 99) == errors.EEFDRANGE
    assert listen(other.ob, fd) == errors.EESECURITY
    assert listen(party.ob, fd) == errors.EENOADDR
    assert party.accept(fd) == errors.EENOTLISTN
    party.bind(fd)
    assert listen(party.ob, fd) == errors.EESUCCESS
    assert listen(party.ob, fd) == errors.EEISCONN
    assert party.accept(fd) == errors.EEWOULDBLOCK
    assert party.accept(99) == errors.EEFDRANGE
    assert other.accept(fd) == errors.EESECURITY
    assert party.connect(fd, "127.0.0.1 1") == errors.EEISLISTEN
    assert party.write(fd, "x") == errors.EENOTCONN
    party.close(fd)
    assert listen(party.ob, fd) == errors.EEBADF
    assert party.accept(fd) == errors.EEBADF


async def test_order_of_checks_in_connect_and_write(host: FakeHost) -> None:
    server, other = Party(host), Party(host)
    listener = server.listening(STREAM)
    party = Party(host)
    fd = party.create(STREAM)
    assert party.write(99, "x") == errors.EEFDRANGE
    assert party.write(fd, "x") == errors.EENOTCONN
    assert party.write(fd, "x", "127.0.0.1 1") == errors.EENOTCONN
    assert other.connect(fd, "x") == errors.EESECURITY
    assert party.connect(fd, server.address(listener)) == errors.EESUCCESS
    assert party.connect(fd, "x") == errors.EEISCONN
    assert party.write(fd, "x", "127.0.0.1 1") == errors.EEBADADDR
    assert party.write(fd, Mapping()) == errors.EEALREADY, "a connecting client is blocked; types are looked at later"
    await party.is_ready(fd)
    assert other.write(fd, "x") == errors.EESECURITY
    assert party.write(fd, Mapping()) == errors.EETYPENOTSUPP
    assert party.write(fd, "x", "127.0.0.1 1") == errors.EEBADADDR
    assert party.connect(fd, server.address(listener)) == errors.EEISCONN
    assert party.close(fd) == errors.EESUCCESS
    assert party.close(fd) == errors.EEBADF
    assert party.write(fd, "x") == errors.EEBADF


@pytest.mark.parametrize("mode", [MUD, STREAM, BINARY, 5, 6])
async def test_a_refused_connection_calls_close_and_nothing_else(host: FakeHost, mode: int) -> None:
    party = Party(host)
    probe = party.create(STREAM)
    party.bind(probe)
    fd = party.create(mode)
    assert party.connect(fd, party.address(probe)) == errors.EESUCCESS
    await party.has_closed(fd)
    assert party.events == [("close", fd)]
    assert party.state(fd) == "CLOSED"


async def test_a_bound_socket_connects_from_there(host: FakeHost) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(STREAM)
    fd = client.create(STREAM)
    client.bind(fd, "127.0.0.3 0")
    before = client.address(fd)
    assert client.connect(fd, server.address(listener)) == 1
    accepted = await server.has_accepted()
    assert efuns.socket_address(server.ob, accepted) == before == client.address(fd)


async def test_the_host_refuses(host: FakeHost) -> None:
    host.permissions.refusal = "listening on 127.0.0.1:0 is not allowed"
    party = Party(host)
    fd = party.create(STREAM)
    assert party.bind(fd) == errors.EESECURITY
    assert party.why(fd) == host.permissions.refusal
    assert party.connect(fd, "127.0.0.1 80") == errors.EESECURITY
    assert party.connect(fd, "localhost 80") == errors.EEBADADDR
    assert host.permissions.asked == [("listen", "127.0.0.1", 0), ("net", "127.0.0.1", 80)]
    assert party.state(fd) == "UNBOUND"


# ------------------------------------------------------------------------------------------- accepting


async def test_an_accepted_socket_writes_at_once_without_a_write_callback(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    codes: list[int] = []

    def accept(fd: int) -> None:
        accepted = server.accept(fd)
        codes.append(server.write(accepted, "welcome"))

    server.on("caller", accept)
    with await Peer.to(server, listener) as peer:
        assert await peer.receive_exactly(7) == b"welcome"
    await host.until(lambda: server.closed)
    assert codes == [errors.EESUCCESS]
    assert server.readies == []


async def test_the_accepted_socket_has_the_close_callback_of_the_listener(host: FakeHost) -> None:
    server, ending = Party(host), []
    server.ob.extra["gone"] = ending.append
    listener = efuns.socket_create(server.ob, STREAM, "read", "gone")
    server.bind(listener)
    efuns.socket_listen(server.ob, listener, "caller")
    (await Peer.to(server, listener)).close()
    accepted = await server.has_accepted()
    await host.until(lambda: ending == [accepted])


async def test_a_pending_connection_is_announced_until_it_is_accepted(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    server.on("caller", None)
    with await Peer.to(server, listener) as peer:
        await host.until(lambda: server.events.count(("caller", listener)) >= 3)
        accepted = server.accept(listener)
        assert accepted >= 0
        server.write(accepted, "late")
        assert await peer.receive_exactly(4) == b"late"
        count = len(server.events)
        with await Peer.to(server, listener):
            await host.until(lambda: len(server.events) > count)  # the next one is announced, too


async def test_many_connections_are_announced_one_by_one(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    peers = [await Peer.to(server, listener) for _ in range(100)]
    await server.has_accepted(100)
    assert server.events == [("caller", listener)] * 100
    assert sorted(efuns.socket_address(server.ob, fd) for fd in server.accepted) == sorted(
        "127.0.0.1 {1}".format(*peer.wire.getsockname()) for peer in peers)
    for peer in peers:
        peer.close()
    await host.until(lambda: len(server.closed) == 100)


async def test_a_full_table_refuses_until_there_is_room(host: FakeHost) -> None:
    object.__setattr__(host.limits, "sockets", 2)
    server = Party(host)
    listener = server.listening(STREAM)
    other = server.create(STREAM)
    codes: list[int] = []
    server.on("caller", lambda fd: codes.append(server.accept(fd)))
    with await Peer.to(server, listener):
        await host.until(lambda: codes == [errors.EENOSOCKS])
        server.close(other)
        await host.until(lambda: codes[-1] == other)


async def test_closing_the_listener_ends_what_waits(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    server.on("caller", None)
    with await Peer.to(server, listener) as peer:
        await host.until(lambda: server.events)
        server.close(listener)
        assert await peer.receive() == b""
    assert server.events == [("caller", listener)]


# ------------------------------------------------------------------------------------------------ data


async def test_a_character_cut_in_two_arrives_whole(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    text = "a\u00e9\u20ac\U0001f409z"
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        for byte in text.encode():
            await peer.send(bytes([byte]))
            await host.turn(5)
        assert await server.text(fd, len(text)) == text
    assert "" not in server.data[fd]


@pytest.mark.parametrize(("sent", "expected"), [
    (b"a\0b", "a\0b"),
    (b"\0", "\0"),
    (b"a\xffb", "a\ufffdb"),
    (b"\xed\xa0\x80!", "\ufffd\ufffd\ufffd!"),
    (b"\xc0\x80.", "\ufffd\ufffd."),
    (b"\xef\xbb\xbfx", "\ufeffx"),
    (b"ab\xe2\x82", "ab\ufffd"),
])
async def test_text_is_sanitized_and_never_lost(host: FakeHost, sent: bytes, expected: str) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(sent)
    await server.has_closed(fd)
    assert "".join(server.data[fd]) == expected


async def test_no_read_is_larger_than_mainline_makes_them(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(BINARY)
    data = os.urandom(1 << 20)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(data)
        assert await server.bytes(fd, len(data)) == data
    assert max(len(piece.data) for piece in server.data[fd]) <= 65534


@pytest.mark.parametrize("mode", [STREAM, BINARY])
@pytest.mark.parametrize(("message", "wire"), [
    ("t\u00e4xt\0", "t\u00e4xt\0".encode()),
    ("half \ud800.", "half \ufffd.".encode()),
    (Buffer(b"\0\1\xff"), b"\0\1\xff"),
    ([1, -1, UNDEFINED, 1 << 40 | 7], struct.pack("=iiii", 1, -1, 0, 7)),
    ([1.5, -1e300, 1e300], struct.pack("=fff", 1.5, float("-inf"), float("inf"))),
    (["x", [], Mapping(), 2], bytes(12) + (2).to_bytes(4, sys.byteorder)),
])
async def test_what_may_be_written(host: FakeHost, mode: int, message: Any, wire: bytes) -> None:
    server = Party(host)
    listener = server.listening(mode)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, message) == errors.EESUCCESS
        server.close(fd)
        assert await peer.receive_all() == wire


@pytest.mark.parametrize("mode", [STREAM, BINARY])
@pytest.mark.parametrize("message", ["", Buffer(b""), []])
async def test_nothing_is_written_well(host: FakeHost, mode: int, message: Any) -> None:
    server = Party(host)
    listener = server.listening(mode)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, message) == errors.EESUCCESS
        server.close(fd)
        assert await peer.receive_all() == b""


@pytest.mark.parametrize("mode", [STREAM, BINARY])
@pytest.mark.parametrize("message", [0, 1, 1.5, UNDEFINED, Mapping()])
async def test_what_may_not_be_written(host: FakeHost, mode: int, message: Any) -> None:
    server, accepted, _, _ = await pair(host, mode)
    assert server.write(accepted, message) == errors.EETYPENOTSUPP
    assert server.write(accepted, server.ob) == errors.EETYPENOTSUPP
    assert server.write(accepted, "still up") == errors.EESUCCESS


# ---------------------------------------------------------------------------------------- flow control

BIG = "0123456789abcdef" * (1 << 18)


@pytest.mark.parametrize("mode", [STREAM, BINARY])
async def test_a_large_message_blocks_until_it_has_gone(host: FakeHost, mode: int) -> None:
    server = Party(host)
    listener = server.listening(mode)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, BIG) == errors.EECALLBACK
        assert server.write(fd, "more") == errors.EEALREADY
        assert server.write(fd, Mapping()) == errors.EEALREADY
        await host.turn(5)
        assert server.readies == []
        assert await peer.receive_exactly(len(BIG)) == BIG.encode()
        await server.is_ready(fd)
        assert server.write(fd, "more") == errors.EESUCCESS
        assert await peer.receive_exactly(4) == b"more"
        await host.turn(5)
    assert server.readies == [fd], "once for a drain"


async def test_what_a_buffer_becomes_after_the_write_does_not_matter(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(BINARY)
    message = Buffer(BIG.encode())
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, message) == errors.EECALLBACK
        message.data[:] = bytes(len(message.data))
        assert await peer.receive_exactly(len(BIG)) == BIG.encode()


async def test_would_block_is_followed_by_the_write_callback(host: FakeHost) -> None:
    """Mainline's promise, which it does not keep."""
    server = Party(host)
    listener = server.listening(STREAM, SO_SNDBUF=4096)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        fill(server.status(fd)[0])
        assert server.write(fd, "refused") == errors.EEWOULDBLOCK
        assert server.write(fd, "too") == errors.EEWOULDBLOCK, "nothing was taken, so it is not blocked"
        received = bytearray()
        while not server.readies:
            try:
                received += peer.wire.recv(65536)
            except BlockingIOError:
                await host.turn(1)
        assert server.write(fd, "end") == errors.EESUCCESS
        server.close(fd)
        received += await peer.receive_all()
    assert received.strip(b".") == b"end"
    assert server.readies == [fd]


def fill(system_fd: int) -> int:
    """Leave no room in the kernel; how many bytes that took."""
    wire = socket.socket(fileno=os.dup(system_fd))
    sent = 0
    for size in (4096, 1):
        try:
            while True:
                sent += wire.send(b"." * size)
        except BlockingIOError:
            pass
    wire.close()
    return sent


async def test_a_peer_that_reads_nothing_costs_one_message(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener):
        fd = await server.has_accepted()
        codes = [server.write(fd, BIG) for _ in range(100)]
        assert codes == [errors.EECALLBACK] + [errors.EEALREADY] * 99
        made = host.state(SocketTable)._slots[fd]
        assert made.queued < len(BIG)


async def test_writing_from_the_write_callback_sends_everything(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    left = 20

    def go_on(fd: int) -> None:
        nonlocal left
        while left:
            left -= 1
            if server.write(fd, BIG) == errors.EECALLBACK:
                return
        server.close(fd)

    server.on("ready", go_on)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        go_on(fd)
        assert len(await peer.receive_all()) == 20 * len(BIG)


async def test_a_write_to_a_dead_connection_closes_it_within_the_call(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    peer.reset()
    seen: list[Any] = []
    server.on("close", lambda fd: seen.append(server.state(fd)))
    assert server.write(fd, "x" * 65536) == errors.EESEND
    assert seen == ["DATA_XFER"], "the close callback ran before the slot was free"
    assert server.closed == [fd]
    assert server.write(fd, "x") == errors.EEBADF
    await host.turn(5)
    assert server.closed == [fd]


async def test_a_small_write_to_a_dead_connection_closes_it_when_the_turn_ends(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    peer.reset()
    assert server.write(fd, "x") == errors.EESUCCESS
    await host.turn(5)
    assert server.closed == [fd]
    assert server.write(fd, "x") == errors.EEBADF


async def test_small_writes_of_a_turn_leave_together(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert [server.write(fd, letter) for letter in "abc"] == [errors.EESUCCESS] * 3
        with pytest.raises(BlockingIOError):
            peer.wire.recv(10)
        await host.turn(1)
        assert peer.wire.recv(10) == b"abc"
        assert server.write(fd, "d") == errors.EESUCCESS
        assert server.write(fd, "e" * 20_000) == errors.EESUCCESS, "what is larger does not overtake it"
        assert peer.wire.recv(1) == b"d"
        assert server.write(fd, "end") == errors.EESUCCESS
        server.close(fd)
        assert await peer.receive_all() == b"e" * 20_000 + b"end"


@pytest.mark.parametrize("mode", PLAIN)
async def test_what_is_corked_leaves_whatever_happens_in_that_turn(host: FakeHost, mode: int) -> None:
    for ends in ("close", "destruct", "driver"):
        server = Party(host)
        listener = server.listening(mode)
        with await Peer.to(server, listener) as peer:
            fd = await server.has_accepted()
            await peer.send(b"\0\0\0\5ne")
            assert server.write(fd, Buffer(b"bye") if mode == BINARY else "bye") == errors.EESUCCESS
            if ends == "close":
                server.close(fd)
            elif ends == "destruct":
                host.destruct(server.ob)
            else:
                host.state(SocketTable).close()
            assert await peer.receive_all() == (b'\0\0\0\6"bye"\0' if mode == MUD else b"bye"), ends
        server.close(listener)


async def test_what_is_corked_follows_the_new_owner(host: FakeHost) -> None:
    server, heir = Party(host), Party(host)
    listener = server.listening(STREAM)
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    heir.ob.extra["take"] = lambda fd, to: efuns.socket_acquire(heir.ob, fd, "read", "ready", "close")
    assert server.write(fd, "from the old, ") == errors.EESUCCESS
    assert efuns.socket_release(server.ob, fd, heir.ob, "take") == errors.EESUCCESS
    assert server.write(fd, "x") == errors.EESECURITY
    assert heir.write(fd, "from the new") == errors.EESUCCESS
    assert await peer.receive_exactly(26) == b"from the old, from the new"

    assert heir.write(fd, "never read") == errors.EESUCCESS
    peer.reset()
    await heir.has_closed(fd)
    assert server.closed == []


async def test_a_tiny_kernel_buffer_is_told_of_at_once(host: FakeHost) -> None:
    """Where the kernel holds less than what may be corked, each write asks it."""
    server = Party(host)
    listener = server.listening(STREAM, SO_SNDBUF=1024)
    peer = await Peer.to(server, listener)
    peer.wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
    with peer:
        fd = await server.has_accepted()
        sent = 0
        while (code := server.write(fd, f"{sent:10}" * 100)) == errors.EESUCCESS:
            sent += 1
        assert code in (errors.EECALLBACK, errors.EEWOULDBLOCK)
        sent += code == errors.EECALLBACK
        assert server.write(fd, "x") in (errors.EEALREADY, errors.EEWOULDBLOCK)
        await peer.receive_exactly(1000 * (sent - 1))
        assert await peer.receive_exactly(1000) == f"{sent - 1:10}".encode() * 100
        await server.is_ready(fd)


async def test_a_kernel_that_takes_less_than_it_said(host: FakeHost) -> None:
    """What was corked and found no room is queued, in order, and the socket is full until it has gone."""
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, "corked") == errors.EESUCCESS
        filled = fill(server.status(fd)[0])
        await host.turn(1)
        assert server.write(fd, "x") == errors.EEALREADY
        assert (await peer.receive_exactly(filled + 6))[-6:] == b"corked"
        await server.is_ready(fd)
        assert server.readies == [fd]


async def test_a_taken_over_connection_keeps_what_is_corked(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        table = host.state(SocketTable)
        former = table.find(fd)
        assert isinstance(former, tcp.Stream)
        assert server.write(fd, "corked") == errors.EESUCCESS
        heir = tcp.TextStream(table, former.mode, server.ob, former._wire)
        heir.adopt(former)
        heir.become("DATA_XFER")
        server.close(fd)
        other = table.add(heir)
        assert server.write(other, ", and more") == errors.EESUCCESS
        assert await peer.receive_exactly(16) == b"corked, and more"


# ------------------------------------------------------------------------------------------- the end


@pytest.mark.parametrize("mode", PLAIN)
async def test_a_peer_that_only_listens_gets_everything(host: FakeHost, mode: int) -> None:
    """It has ended its own direction: what is queued leaves first, and LPC may add to it."""
    server = Party(host)
    listener = server.listening(mode)
    message: Any = Buffer(BIG.encode()) if mode == BINARY else BIG
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.on("ready", lambda fd: server.on("ready", None) or server.write(fd, message))
        assert server.write(fd, message) == errors.EECALLBACK
        peer.wire.shutdown(socket.SHUT_WR)
        await host.turn(5)
        assert server.closed == []
        assert len(await peer.receive_all()) == 2 * (len(BIG) + (7 if mode == MUD else 0))
        await server.has_closed(fd)
    assert [name for name, where in server.events if where == fd] == ["ready", "ready", "close"]


async def test_a_peer_that_neither_speaks_nor_listens_is_given_up(host: FakeHost, monkeypatch: pytest.MonkeyPatch,
                                                                  ) -> None:
    monkeypatch.setattr(tcp, "STALLED_SECONDS", 0.02)
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.write(fd, BIG)
        peer.wire.shutdown(socket.SHUT_WR)
        await server.has_closed(fd)
    assert server.readies == []


@pytest.mark.parametrize("how", ["close", "destruct", "reset"])
async def test_the_end_while_a_listening_peer_is_served(host: FakeHost, how: str) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.write(fd, BIG)
        peer.wire.shutdown(socket.SHUT_WR)
        await host.turn(5)
        if how == "reset":
            peer.reset()
            await server.has_closed(fd)
            return
        if how == "close":
            server.close(fd)
        else:
            host.destruct(server.ob)
        assert await peer.receive_all() == BIG.encode()
        await server.is_free(fd)
    assert server.closed == []


@pytest.mark.parametrize("mode", PLAIN)
async def test_before_the_driver_ends_what_was_written_leaves(host: FakeHost, mode: int) -> None:
    server = Party(host)
    listener = server.listening(mode)
    with await Peer.to(server, listener) as peer, await Peer.to(server, listener) as other:
        fd = await server.has_accepted()
        await server.has_accepted(2)
        await peer.send(b"\0\0\0\5ne")
        assert server.write(fd, Buffer(BIG.encode()) if mode == BINARY else BIG) == errors.EECALLBACK
        drained = asyncio.ensure_future(host.state(SocketTable).drain())
        assert len(await peer.receive_all()) == len(BIG) + (7 if mode == MUD else 0)
        await drained
        await other.send(b"x")  # nothing waited there: it goes on to the end
        host.state(SocketTable).close()
        assert await other.receive_all() == b""
    assert (server.readies, server.closed) == ([], [])


async def test_the_driver_does_not_wait_for_who_takes_nothing(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("efuns.sockets.table._GLANCES", 2)
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener):
        fd = await server.has_accepted()
        server.write(fd, BIG)
        await host.state(SocketTable).drain()
        assert server.state(fd) == "CLOSING"
        host.state(SocketTable).close()
        assert server.state(fd) == "CLOSED"


async def test_what_was_written_still_leaves_after_close(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, BIG) == errors.EECALLBACK
        assert server.close(fd) == errors.EESUCCESS
        assert server.status(fd)[1::4] == ["CLOSING", 0]
        assert server.close(fd) == errors.EEBADF
        assert server.write(fd, "x") == errors.EEBADF
        another = server.create(STREAM)
        assert another != fd, "its slot is not free yet"
        assert await peer.receive_all() == BIG.encode()
        await server.is_free(fd)
    assert server.create(STREAM) == fd
    assert server.closed == server.readies == []


async def test_data_nobody_read_do_not_spoil_the_last_words(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.on("read", lambda fd, data: (server.write(fd, "bye"), server.close(fd)))
        await peer.send(b"x" * 400_000)
        await host.until(lambda: server.data[fd])
        assert await peer.receive_all() == b"bye"


async def test_destructing_the_owner_closes_without_callbacks_and_flushes(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer, await Peer.to(server, listener) as idle:
        fd, other = await server.has_accepted(), await server.has_accepted(2)
        if "127.0.0.1 {1}".format(*peer.wire.getsockname()) != efuns.socket_address(server.ob, fd):
            fd, other = other, fd
        server.write(fd, BIG)
        host.destruct(server.ob)
        assert await peer.receive_all() == BIG.encode()
        assert await idle.receive_all() == b""
    assert server.closed == []


async def test_a_closed_socket_whose_peer_takes_nothing_is_given_up(host: FakeHost, monkeypatch: pytest.MonkeyPatch,
                                                                    ) -> None:
    monkeypatch.setattr(tcp, "STALLED_SECONDS", 0.02)
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.write(fd, BIG)
        server.close(fd)
        server.close(listener)
        await server.is_free(fd)
        with pytest.raises(ConnectionError):
            assert len(await peer.receive_all()) < len(BIG)
            raise ConnectionError


async def test_linger_zero_drops_and_resets(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        server.set(fd, "SO_LINGER", 0)
        server.write(fd, BIG)
        server.close(fd)
        assert server.state(fd) == "CLOSED"
        with pytest.raises(ConnectionResetError):
            await peer.receive_all()


async def test_close_and_create_inside_the_close_callback(host: FakeHost) -> None:
    """Mainline closes the new socket, which has got the number of the old one."""
    server = Party(host)
    listener = server.listening(STREAM)
    made: list[int] = []

    def replace(fd: int) -> None:
        assert server.close(fd) == errors.EESUCCESS
        made.append(server.create(STREAM))

    server.on("close", replace)
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    peer.close()
    await host.until(lambda: made)
    assert made == [fd]
    assert server.state(fd) == "UNBOUND"
    await host.turn(5)
    assert server.bind(fd) == errors.EESUCCESS


async def test_create_inside_the_close_callback_gets_another_number(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    made: list[int] = []
    server.on("close", lambda fd: made.append(server.create(STREAM)))
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    peer.close()
    await host.until(lambda: made)
    assert made[0] != fd
    assert server.state(fd) == "CLOSED"


async def test_a_connecting_client_ends_with_its_owner(host: FakeHost) -> None:
    """Mainline lets it linger."""
    party = Party(host)
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fds = [party.create(STREAM) for _ in range(4)]
        for fd in fds:
            assert party.connect(fd, f"127.0.0.1 {full.getsockname()[1]}") == 1
        host.destruct(party.ob)
    table = host.state(SocketTable)
    assert all(socket is None for socket in table)
    await host.turn(5)
    assert party.events == []


@pytest.mark.parametrize("event", ["caller", "read", "ready", "close"])
@pytest.mark.parametrize("mode", PLAIN)
async def test_destructed_in_every_callback(host: FakeHost, mode: int, event: str) -> None:
    server, client = Party(host), Party(host)
    party = client if event == "ready" else server
    done: list[str] = []

    def destruct(*args: Any) -> None:
        if event == "caller":
            server.accept(*args)
        if not party.ob.is_destructed:
            host.destruct(party.ob)
        done.append(event)

    listener = server.listening(mode)
    party.on(event, destruct)
    client.on("ready", destruct if event == "ready" else lambda fd: client.write(fd, "x"))
    fd = client.create(mode)
    client.connect(fd, server.address(listener))
    if event == "close":
        await server.has_accepted()
        client.close(fd)
    await host.until(lambda: done)
    await host.turn(5)
    assert done == [event]
    table = host.state(SocketTable)
    assert all(socket is None or socket.owner is not party.ob for socket in table)


@pytest.mark.parametrize("event", ["read", "ready", "close"])
async def test_an_error_in_a_callback_leaves_the_socket(host: FakeHost, event: str) -> None:
    def fail(*args: Any) -> None:
        raise LPCError("oops")

    server, client = Party(host), Party(host)
    listener = server.listening(STREAM)
    server.on(event, fail)
    client.on(event, fail if event == "ready" else None)
    fd = client.create(STREAM)
    client.connect(fd, server.address(listener))
    await client.is_ready(fd)
    accepted = await server.has_accepted()
    assert client.write(fd, "x") == errors.EESUCCESS
    await server.has_read(accepted)
    assert server.write(accepted, "y") == errors.EESUCCESS
    client.close(fd)
    await server.has_closed(accepted)
    assert host.errors == ["oops"]
    host.errors.clear()


@pytest.mark.parametrize("count", [10, 100_000])
async def test_a_reset_comes_after_the_data_before_it(host: FakeHost, count: int) -> None:
    server = Party(host)
    listener = server.listening(BINARY)
    server.on("caller", None)
    peer = await Peer.to(server, listener)
    await host.until(lambda: server.events)
    await peer.send(b"x" * count)
    peer.reset()
    fd = server.accept(listener)
    await server.has_closed(fd)
    assert server.closed == [fd]
    assert sum(len(piece.data) for piece in server.data[fd]) in (0, count), "the kernel may drop them, we do not"
    assert server.state(fd) == "CLOSED"


async def test_a_reset_right_after_the_connection(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    for _ in range(20):
        (await Peer.to(server, listener)).reset()
    await host.until(lambda: len(server.closed) >= len(server.accepted) >= 20)
    assert sorted(server.closed) == sorted(server.accepted)


async def test_the_receiver_gets_a_socket_in_full_traffic(host: FakeHost) -> None:
    server, taker = Party(host), Party(host)
    listener = server.listening(STREAM)
    taker.ob.extra["take"] = lambda fd, to: efuns.socket_acquire(taker.ob, fd, "read", "ready", "close")
    server.on("read", lambda fd, data: efuns.socket_release(server.ob, fd, taker.ob, "take"))
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    await peer.send(b"one")
    await server.has_read(fd)
    assert server.write(fd, "x") == errors.EESECURITY
    await peer.send(b"two")
    assert await taker.text(fd, 3) == "two"
    host.destruct(server.ob)
    assert taker.write(fd, "yours") == errors.EESUCCESS
    assert await peer.receive_exactly(5) == b"yours"
    peer.close()
    await taker.has_closed(fd)


# --------------------------------------------------------------------------------------- out of descriptors


@pytest.mark.parametrize("mode", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 41])
async def test_no_descriptor_for_a_new_socket(host: FakeHost, mode: int) -> None:
    party = Party(host)
    first = efuns.socket_create(party.ob, mode, "read", "close")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open(os.devnull) as probe:
        free = probe.fileno()
    highest = max(map(int, os.listdir("/proc/self/fd")))
    plugs = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest - free + 1)]
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(plugs) + 1, hard))
        assert efuns.socket_create(party.ob, mode, "read", "close") == errors.EESOCKET
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for plug in plugs:
            os.close(plug)
    assert efuns.socket_create(party.ob, mode, "read", "close") == first + 1


async def test_out_of_descriptors_and_back(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM)
    codes: list[int] = []
    server.on("caller", lambda fd: codes.append(server.accept(fd)))
    with await Peer.to(server, listener) as first:
        await host.until(lambda: codes)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        waiting = Peer(socket.socket())
        with open(os.devnull) as probe:
            free = probe.fileno()
        highest = max(map(int, os.listdir("/proc/self/fd")))
        plugs = [os.open(os.devnull, os.O_RDONLY) for _ in range(highest - free + 1)]
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(plugs) + 1, hard))
            assert efuns.socket_create(server.ob, STREAM, "read", "close") == errors.EESOCKET
            await waiting._soon(waiting.loop.sock_connect(waiting.wire, server.where(listener)))
            await host.until(lambda: errors.EEACCEPT in codes)
            seen = len(codes)
            await host.until(lambda: len(codes) > seen)  # it is tried again
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for plug in plugs:
                os.close(plug)
        await host.until(lambda: codes[-1] >= 0)
        await waiting.send(b"at last")
        assert await server.text(codes[-1], 7) == "at last"
        waiting.close()
        await first.send(b"and the first")
        assert await server.text(codes[0], 13) == "and the first"


# ---------------------------------------------------------------------------------------------- IPv6

needs_ipv6 = pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")


@needs_ipv6
@pytest.mark.parametrize("mode", PLAIN)
async def test_over_ipv6(host: FakeHost, mode: int) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(mode, "::1 0")
    assert server.status(listener)[3] == server.address(listener).replace(" ", ".")
    fd = client.create(mode)
    assert client.connect(fd, server.address(listener)) == 1
    await client.is_ready(fd)
    assert efuns.socket_address(client.ob, fd) == server.address(listener)
    message: Any = Buffer(b"six") if mode == BINARY else "six"
    client.write(fd, message)
    (got,) = await server.has_read(await server.has_accepted())
    assert got == "six" or bytes(got.data) == b"six"


@needs_ipv6
async def test_a_socket_for_every_address_shows_ipv4_as_ipv4(host: FakeHost) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(STREAM, ":: 0")
    port = server.where(listener)[1]
    assert server.address(listener) == f":: {port}"
    assert server.status(listener)[3] == f"*.{port}"
    fd = client.create(STREAM)
    client.connect(fd, f"127.0.0.1 {port}")
    accepted = await server.has_accepted()
    assert efuns.socket_address(server.ob, accepted) == client.address(fd)
    assert server.address(accepted) == f"127.0.0.1 {port}"


@needs_ipv6
async def test_the_family_cannot_change_after_bind(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(STREAM)
    party.bind(fd)
    assert party.connect(fd, "::1 9") == errors.EECONNECT
    assert party.state(fd) == "BOUND"


# ------------------------------------------------------------------------------------------- options


async def test_options_reach_the_kernel_and_the_accepted_connections(host: FakeHost) -> None:
    server = Party(host)
    wanted = {"SO_KEEPALIVE": 1, "SO_NODELAY": 1, "SO_RCVBUF": 8192, "SO_SNDBUF": 8192}
    listener = server.listening(STREAM, **wanted)
    with await Peer.to(server, listener):
        fd = await server.has_accepted()
        for at in (listener, fd):
            wire = socket.socket(fileno=os.dup(server.status(at)[0]))
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * 8192
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) == 2 * 8192
            wire.close()
            assert {name: server.get(at, name) for name in wanted} == wanted
        server.set(fd, "SO_KEEPALIVE", 0)
        assert (server.get(fd, "SO_KEEPALIVE"), server.get(listener, "SO_KEEPALIVE")) == (0, 1)


@needs_ipv6
async def test_options_survive_the_change_to_ipv6(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(STREAM, "::1 0", SO_NODELAY=1)
    wire = socket.socket(fileno=os.dup(server.status(listener)[0]))
    assert (wire.family, wire.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)) == (socket.AF_INET6, 1)
    wire.close()


async def test_kernel_buffers_and_flags_of_a_new_socket(host: FakeHost) -> None:
    party = Party(host)
    number = party.status(party.create(STREAM))[0]
    wire = socket.socket(fileno=os.dup(number))
    assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
    with socket.socket() as plain:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            plain.setsockopt(socket.SOL_SOCKET, option, 256 << 10)
            assert wire.getsockopt(socket.SOL_SOCKET, option) == plain.getsockopt(socket.SOL_SOCKET, option)
    assert not os.get_inheritable(number)
    assert not os.get_blocking(number)
    wire.close()


async def test_a_connect_may_have_a_timeout(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    party = Party(host)
    fd = party.create(STREAM, SO_TIMEOUT=1000)
    waits: list[float] = []
    later = host.loop.call_later
    monkeypatch.setattr(tcp.Stream, "_loop", Hurried(host.loop, waits, later), raising=True)
    with Acceptor() as acceptor:
        acceptor.wire.listen(0)
        others = [socket.socket() for _ in range(4)]
        for other in others:
            other.setblocking(False)
            other.connect_ex(acceptor.wire.getsockname())
        assert party.connect(fd, acceptor.address) == 1
        await host.until(lambda: party.events)
        for other in others:
            other.close()
    assert waits == [1.0]
    assert party.events in ([("close", fd)], [("ready", fd)])


class Hurried:
    """A loop whose timers are due at once."""

    def __init__(self, loop: Any, waits: list[float], later: Any) -> None:
        self.loop, self.waits, self.later = loop, waits, later

    def call_later(self, seconds: float, *args: Any) -> Any:
        self.waits.append(seconds)
        return self.later(0, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)


async def test_get_option_answers(host: FakeHost) -> None:
    """In mainline it never does."""
    party = Party(host)
    fd = party.create(STREAM)
    assert [efuns.socket_get_option(party.ob, fd, number) for number in (1, 2, 3, 4)] == [0, 0, 0, 0]
    assert efuns.socket_set_option(party.ob, fd, 2, "example.org") == 1
    assert efuns.socket_get_option(party.ob, fd, 2) == "example.org"


async def test_options_are_the_owners(host: FakeHost) -> None:
    party, other = Party(host), Party(host)
    fd = party.create(STREAM)
    with pytest.raises(LPCError, match="belongs to another"):
        efuns.socket_set_option(other.ob, fd, 1, 1)
    party.close(fd)
    with pytest.raises(LPCError, match="Bad socket descriptor"):
        efuns.socket_set_option(party.ob, fd, 1, 1)


# ------------------------------------------------------------------------------- what a connection costs


async def test_an_idle_connection_holds_no_timer(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(tcp.Stream, "_loop", Hurried(host.loop, waits, host.loop.call_later), raising=True)
    server, accepted, client, fd = await pair(host, STREAM)
    client.write(fd, "x")
    await server.has_read(accepted)
    assert waits == []
