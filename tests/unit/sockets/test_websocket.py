"""Open WebSockets of modes 30 to 33 over real sockets, against peers that say every byte themselves."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from efuns.sockets import efuns, errors, options
from efuns.sockets.table import SocketTable
from efuns.sockets.websocket import socket as websocket
from efuns.sockets.websocket.broadcast import websocket_broadcast
from lpc.errors import BadArgument, LPCError
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import PATIENCE, FakeHost
from tests.unit.sockets.http_world import warm_up
from tests.unit.sockets.websocket_peers import (
    BINARY,
    CLIENT,
    CLOSE,
    CONT,
    DEFLATE,
    FIN,
    PING,
    PONG,
    SERVER,
    TEXT,
    UPGRADE,
    Party,
    RawServer,
    answer_to,
    closing,
    dialing,
    fire,
    frame,
    info_of,
    link,
    raw_client,
    socket_of,
)

ROLES = pytest.mark.parametrize("role", ["server", "client"])


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


# ------------------------------------------------------------------------------------------------- messages


@ROLES
async def test_text_and_binary(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    party, peer = made.party, made.peer
    peer.text("Grüße")
    peer.send(FIN | BINARY, b"\0\xff")
    assert await party.data(2) == ["Grüße", b"\0\xff"]
    assert isinstance(party.messages[1][1], Buffer)
    text, binary = map(info_of, party.messages)
    assert (text["type"], binary["type"]) == ("text", "binary")
    assert text["path"] == "/chat?room=1" and text["protocol"] == ""
    assert text["addr"] == str(efuns.socket_address(party.ob, made.fd, 0))
    assert party.messages[0][2] is not party.messages[1][2]
    assert party.write(made.fd, "Grüße\ud800") == 1
    assert await peer.frame() == (FIN | TEXT, "Grüße\ufffd".encode())
    assert party.write(made.fd, Buffer(b"\0\xff")) == 1
    assert await peer.frame() == (FIN | BINARY, b"\0\xff")
    assert party.write(made.fd, "") == 1
    assert await peer.frame() == (FIN | TEXT, b"")
    await made.leave()


@ROLES
@pytest.mark.parametrize("size", [125, 126, 65535, 65536])
async def test_sizes_we_send(host: FakeHost, role: str, size: int) -> None:
    made = await link(host, role)
    assert made.party.write(made.fd, "x" * size) == 1
    assert await made.peer.frame() == (FIN | TEXT, b"x" * size)
    await made.leave()


@pytest.mark.parametrize(("message", "code"), [
    (5, errors.EETYPENOTSUPP), (1.5, errors.EETYPENOTSUPP), ([1], errors.EETYPENOTSUPP),
    (Mapping(type="text", data=[1]), errors.EETYPENOTSUPP),
    (Mapping(type="close", code="1000"), errors.EETYPENOTSUPP),
    (Mapping(type="close", code=1000, reason=[1]), errors.EETYPENOTSUPP),
    (Mapping(type="other"), errors.EEBADDATA), (Mapping(type=5), errors.EEBADDATA),
    (Mapping(type="text", data=Buffer(b"\xff")), errors.EEBADDATA),
    (Mapping(type="ping", data="x" * 126), errors.EEBADDATA),
    (Mapping(type="close", code=1006), errors.EEBADDATA), (Mapping(type="close", code=99), errors.EEBADDATA),
    (Mapping(type="close", reason="x" * 124), errors.EEBADDATA),
    ("x" * 65537, errors.EEBADDATA), (Buffer(bytes(65537)), errors.EEBADDATA), ("ü" * 32769, errors.EEBADDATA),
], ids=lambda value: repr(value)[:40])
async def test_what_cannot_be_sent(host: FakeHost, message: Value, code: int) -> None:
    made = await link(host, "server")
    assert made.party.write(made.fd, message) == code
    assert made.party.why(made.fd)
    assert efuns.socket_write(made.party.ob, made.fd, "x", "127.0.0.1 1") == errors.EEBADADDR
    assert made.party.write(made.fd, "still") == 1
    assert await made.peer.frame() == (FIN | TEXT, b"still")
    await made.leave()


async def test_mappings(host: FakeHost) -> None:
    made = await link(host, "server")
    for message, expected in (
            (Mapping(type="text", data="a"), (FIN | TEXT, b"a")), (Mapping(data="a"), (FIN | TEXT, b"a")),
            (Mapping(type="text", data=Buffer("é".encode())), (FIN | TEXT, "é".encode())),
            (Mapping(type="binary", data="é"), (FIN | BINARY, "é".encode())),
            (Mapping(type="binary", data=Buffer(b"\xff")), (FIN | BINARY, b"\xff")),
            (Mapping(type="ping", data="p"), (FIN | PING, b"p")), (Mapping(type="pong"), (FIN | PONG, b""))):
        assert made.party.write(made.fd, message) == 1
        assert await made.peer.frame() == expected
    await made.leave()


async def test_the_time_a_ping_took(host: FakeHost) -> None:
    made = await link(host, "server")
    assert "latency" not in made.party.get(made.fd, "WS_HANDSHAKE")
    made.party.write(made.fd, Mapping(type="ping"))
    await made.peer.frame()
    made.peer.send(FIN | PONG)
    made.peer.text("x")
    await made.party.data()
    assert 0 <= made.party.get(made.fd, "WS_HANDSHAKE")["latency"] < PATIENCE
    assert len(made.party.messages) == 1  # a pong is no message
    await made.leave()


@ROLES
async def test_limits_of_frames(host: FakeHost, role: str) -> None:
    made = await link(host, role, WS_FRAME_SIZE_LIMIT=10)
    assert made.party.write(made.fd, "0123456789abc") == 1
    assert [await made.peer.frame() for _ in range(2)] == [(TEXT, b"0123456789"), (FIN | CONT, b"abc")]
    assert made.party.write(made.fd, "0123456789") == 1
    assert await made.peer.frame() == (FIN | TEXT, b"0123456789")
    made.peer.send(FIN | TEXT, b"0123456789")
    assert await made.party.data() == ["0123456789"]
    made.peer.send(FIN | TEXT, b"0123456789a")
    assert await made.peer.close_code() == 1009
    await made.peer.closed()
    assert (await made.end())[1] == 1009


async def test_larger_messages(host: FakeHost) -> None:
    made = await link(host, "server", WS_MAX_MESSAGE_SIZE=1 << 20)
    made.peer.send(FIN | BINARY, bytes(1 << 20))
    assert await made.party.data() == [bytes(1 << 20)]
    assert made.party.write(made.fd, Buffer(bytes(1 << 20))) in (1, errors.EECALLBACK)
    assert await made.peer.frame() == (FIN | BINARY, bytes(1 << 20))
    made.party.opened.clear()
    await made.leave()


async def test_a_callback_that_fails(host: FakeHost) -> None:
    def fail(fd: int, data: Any) -> None:
        raise LPCError("*broken\n")

    made = await link(host, "server")
    made.party.on_message = fail
    made.peer.text("one")
    await made.party.data(1)
    made.party.on_message = lambda fd, data: None
    made.peer.text("two")
    assert await made.party.data(2) == ["one", "two"]
    assert host.errors == ["*broken\n"]
    host.errors.clear()
    await made.leave()


async def test_many_messages_in_one_piece_take_turns(host: FakeHost) -> None:
    made = await link(host, "server")
    other = await link(host, "server")
    seen: list[int] = []
    made.party.on_message = lambda fd, data: seen.append(fd)
    other.party.on_message = lambda fd, data: seen.append(-1)
    count = 20 * websocket.EVENTS
    made.peer.raw(frame(FIN | TEXT, b"x", masked=True) * count)
    await made.party.data()
    other.peer.text("me too")
    assert await made.party.data(count) == ["x"] * count
    await other.party.data()
    assert seen.index(-1) < count
    for one in (made, other):
        await one.leave()


async def test_closing_within_a_burst(host: FakeHost) -> None:
    made = await link(host, "server")
    made.party.on_message = lambda fd, data: made.party.close(fd)
    made.peer.raw(frame(FIN | TEXT, b"x", masked=True) * 10)
    assert await made.peer.frame() == (FIN | CLOSE, closing(1000))
    made.peer.send(FIN | CLOSE, closing(1000))
    assert await made.peer.end() == b""
    await made.peer.closed()
    await made.party.is_free(made.fd)
    assert len(made.party.messages) == 1 and made.party.ends == []


# ---------------------------------------------------------------------------------------------- flow control


async def stuff(party: Party, fd: int) -> int:
    """Write until it answers that it is full; how often."""
    for count in range(1, 2000):
        code = party.write(fd, "x" * 60000)
        if code != 1:
            assert code == errors.EECALLBACK
            return count
        await party.host.turn(1)
    raise AssertionError("never full")


@ROLES
async def test_a_peer_that_stops_reading(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    made.peer.stop_reading()
    made.party.opened.clear()
    count = await stuff(made.party, made.fd)
    assert made.party.write(made.fd, "one more") == errors.EEALREADY
    assert websocket_broadcast(made.party.ob, [made.fd], "x") == [errors.EEALREADY]
    assert socket_of(host, made.fd).queued < host.limits.socket_queue + 70000
    assert made.party.opened == []
    made.peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(count):
        assert (await made.peer.frame())[1] == b"x" * 60000
    await made.party.has_opened()  # the write callback
    assert made.party.write(made.fd, "again") == 1
    assert await made.peer.frame() == (FIN | TEXT, b"again")
    await made.leave()


async def test_a_flood_of_pings_from_a_peer_that_does_not_read(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.stop_reading()
    flood = frame(FIN | PING, b"x" * 125, masked=True) * 500
    socket = socket_of(host, made.fd)
    for _ in range(2000):
        made.peer.raw(flood)
        await host.turn(2)
        if socket._is_paused and made.peer.writer.transport.get_write_buffer_size() > 1 << 20:
            break
    else:
        raise AssertionError("it was never made to wait")
    assert socket.queued < host.limits.socket_queue + 70000
    made.peer.reset()
    assert (await made.end())[1] == 1006


async def test_a_flood_of_pings_is_answered(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.raw(frame(FIN | PING, b"x" * 125, masked=True) * 5000)
    for _ in range(5000):
        assert await made.peer.frame() == (FIN | PONG, b"x" * 125)
    made.peer.text("done")
    assert await made.party.data() == ["done"]
    await made.leave()


async def test_the_peer_is_gone_when_we_write(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.reset()
    codes = set()
    async with asyncio.timeout(PATIENCE):
        while not made.party.ends:
            codes.add(made.party.write(made.fd, "x" * 1000))
            await host.turn(1)
    assert codes <= {1, errors.EESEND, errors.EECALLBACK, errors.EEALREADY}
    assert (await made.end())[1] == 1006


# --------------------------------------------------------------------------------------------------- closing


@ROLES
async def test_socket_close_says_1000_and_waits_for_the_answer(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    made.party.write(made.fd, "last")
    assert made.party.close(made.fd) == 1
    assert made.party.write(made.fd, "x") == errors.EEBADF
    assert made.party.state(made.fd) == "CLOSING"
    assert await made.peer.frame() == (FIN | TEXT, b"last")
    assert await made.peer.frame() == (FIN | CLOSE, closing(1000))
    made.peer.text("you will not hear this")
    made.peer.send(FIN | PING, b"nor this")
    made.peer.send(FIN | CLOSE, closing(1000))
    assert await made.peer.frame() == (FIN | PONG, b"nor this")
    assert await made.peer.end() == b""
    await made.peer.closed()
    await made.party.is_free(made.fd)
    assert made.party.messages == [] and made.party.ends == []


@ROLES
async def test_socket_close_waits_only_so_long(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    made.party.close(made.fd)
    assert await made.peer.close_code() == 1000
    fire(host, made.fd)
    assert made.party.state(made.fd) == "CLOSED"
    assert await made.peer.end() == b""
    await made.peer.closed()
    assert made.party.ends == []


async def test_socket_close_with_much_to_send(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.stop_reading()
    count = await stuff(made.party, made.fd)
    made.party.close(made.fd)
    assert made.party.state(made.fd) == "CLOSING"
    made.peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
    for _ in range(count):
        assert (await made.peer.frame())[0] == FIN | TEXT
    assert await made.peer.frame() == (FIN | CLOSE, closing(1000))
    made.peer.send(FIN | CLOSE, closing(1000))
    assert await made.peer.end() == b""
    await made.peer.closed()
    await made.party.is_free(made.fd)


async def test_socket_close_to_a_peer_that_takes_nothing(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.stop_reading()
    await stuff(made.party, made.fd)
    made.party.close(made.fd)
    socket_of(host, made.fd)._check_flush()
    assert made.party.state(made.fd) == "CLOSED"
    made.peer.reset()


async def test_socket_close_without_linger(host: FakeHost) -> None:
    made = await link(host, "server", SO_LINGER=0)
    made.party.close(made.fd)
    assert made.party.state(made.fd) == "CLOSED"
    with pytest.raises(ConnectionError):
        await made.peer.end()
    await made.peer.closed()


async def test_socket_close_before_it_is_open(host: FakeHost) -> None:
    party, fd, peer, _ = await dialing(host)
    assert party.close(fd) == 1
    assert party.state(fd) == "CLOSED"
    await peer.closed()
    peer = await raw_client(party, party.listening(), b"")
    await host.until(lambda: party.accepted)
    assert party.close(party.accepted[0]) == 1
    assert await peer.end() == b""
    await peer.closed()


@ROLES
async def test_a_close_by_mapping(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    assert made.party.write(made.fd, Mapping(type="close", code=4001, reason="enough")) == 1
    assert await made.peer.frame() == (FIN | CLOSE, closing(4001, "enough"))
    assert made.party.write(made.fd, "x") == errors.EENOTCONN
    made.peer.text("on its way")
    made.peer.send(FIN | CLOSE, closing(4001, "bye"))
    assert await made.peer.end() == b""
    await made.peer.closed()
    assert await made.end() == ("bye", 4001)
    assert await made.party.data() == ["on its way"]


async def test_a_close_by_mapping_that_is_not_answered(host: FakeHost) -> None:
    made = await link(host, "server")
    made.party.write(made.fd, Mapping(type="close"))
    assert await made.peer.close_code() == 1000
    fire(host, made.fd)
    assert await made.end() == ("The other end did not answer the close frame", 1006)
    await made.peer.closed()


async def test_two_closes_that_cross(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.send(FIN | CLOSE, closing(1001))
    assert made.party.write(made.fd, Mapping(type="close", code=4000)) == 1
    assert await made.peer.frame() == (FIN | CLOSE, closing(4000))
    assert await made.peer.end() == b""
    await made.peer.closed()
    assert (await made.end())[1] == 1001


@ROLES
async def test_the_peer_vanishes(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    made.peer.send(TEXT, b"half a mess")
    made.peer.reset()
    assert (await made.end())[1] == 1006


async def test_a_peer_that_does_not_end_is_left(host: FakeHost) -> None:
    made = await link(host, "server")
    made.peer.send(FIN | CLOSE, closing(1000))
    assert await made.peer.close_code() == 1000
    assert await made.peer.end() == b""
    assert made.party.ends == []
    fire(host, made.fd)
    assert await made.end() == ("The other end closed the connection", 1000)
    await made.peer.closed()


@ROLES
async def test_the_owner_is_destructed_in_mid_message(host: FakeHost, role: str) -> None:
    made = await link(host, role)
    made.peer.send(TEXT, b"half")
    made.party.on_message = lambda fd, data: host.destruct(made.party.ob)
    made.peer.send(FIN | CONT, b" and half")
    made.peer.text("late")
    assert await made.peer.close_code() == 1001
    made.peer.send(FIN | CLOSE, closing(1001))
    assert await made.peer.end() == b""
    await made.peer.closed()
    async with asyncio.timeout(PATIENCE):
        while socket_of(host, made.fd) is not None:
            await host.turn(1)
    assert len(made.party.messages) == 1 and made.party.ends == []


async def test_the_driver_ends(host: FakeHost) -> None:
    made = await link(host, "server")
    host.close()
    assert await made.peer.close_code() == 1001
    await made.peer.closed()
    assert made.party.ends == []


async def test_a_page_that_reloads_in_a_loop(host: FakeHost) -> None:
    party = Party(host)
    listener = party.listening()
    for at in range(200):
        peer = await raw_client(party, listener, UPGRADE if at % 3 else b"GET / HT")
        if at % 2:
            await peer.head() if at % 3 else None
        (peer.reset if at % 5 else peer.close)()
    await host.until(lambda: len(party.ends) == len(party.accepted) and len(party.ends) >= 1)
    peer = await raw_client(party, listener)
    await peer.head()
    await peer.closed()
    async with asyncio.timeout(PATIENCE):
        while sum(one is not None for one in host.state(SocketTable)) > 1:
            await host.turn(1)
    assert {code for _, _, code in party.ends} <= {1006, 400, errors.EECONNECT, errors.EEBADF}


# ------------------------------------------------------------------------------------------------ keep-alive


@ROLES
async def test_pings_keep_a_connection(host: FakeHost, role: str) -> None:
    made = await link(host, role, WS_PING_INTERVAL=5, WS_PONG_TIMEOUT=2)
    socket = socket_of(host, made.fd)
    for _ in range(3):
        socket._ping()
        first, data = await made.peer.frame()
        assert first == FIN | PING
        made.peer.send(FIN | PONG, data)
        made.peer.text("alive")
        count = len(made.party.messages)
        await made.party.data(count + 1)
        assert socket._pinged == 0
    await made.leave()


async def test_a_ping_that_is_not_answered(host: FakeHost) -> None:
    made = await link(host, "server", WS_PING_INTERVAL=5, WS_PONG_TIMEOUT=2)
    socket = socket_of(host, made.fd)
    socket._ping()
    assert (await made.peer.frame())[0] == FIN | PING
    made.peer.text("slow, but there")
    await made.party.data()
    socket._check_pong()
    assert made.party.ends == []
    socket._check_pong()
    assert await made.end() == ("ping timeout", 1006)
    assert await made.peer.end() == b""
    await made.peer.closed()


async def test_pings_come_by_the_clock(host: FakeHost) -> None:
    made = await link(host, "server", WS_PING_INTERVAL=1, WS_PONG_TIMEOUT=1)
    assert (await made.peer.frame())[0] == FIN | PING
    assert await made.end() == ("ping timeout", 1006)
    await made.peer.closed()


@pytest.mark.parametrize("chosen", [{"WS_PING_INTERVAL": 0}, {"WS_AUTO_PING": 0}])
async def test_without_pings(host: FakeHost, chosen: dict[str, int]) -> None:
    made = await link(host, "server", **chosen)
    assert socket_of(host, made.fd)._timer is None
    made.party.write(made.fd, Mapping(type="ping"))
    await made.peer.frame()
    made.peer.send(FIN | PONG)
    made.peer.text("x")
    await made.party.data()
    assert socket_of(host, made.fd)._timer is None
    await made.leave()


async def test_options_of_an_open_connection(host: FakeHost) -> None:
    made = await link(host, "server")
    made.party.set(made.fd, "WS_MAX_MESSAGE_SIZE", 200_000)
    made.peer.send(FIN | BINARY, bytes(200_000))
    assert await made.party.data() == [bytes(200_000)]
    made.party.set(made.fd, "WS_AUTO_PING", 0)
    assert socket_of(host, made.fd)._timer is None
    made.party.set(made.fd, "WS_AUTO_PING", 1)
    assert socket_of(host, made.fd)._timer is not None
    await made.leave()


# ----------------------------------------------------------------------------------------- options and misuse


@pytest.mark.parametrize(("name", "value"), [
    ("WS_PROTOCOL", "a b"), ("WS_PROTOCOL", ["a", 5]), ("WS_PROTOCOL", ["a", "a"]), ("WS_ORIGIN", "a\r\nb"),
    ("WS_ORIGIN", [5]), ("WS_EXTENSIONS", "permessage-bzip"), ("WS_EXTENSIONS", "permessage-deflate; x"),
    ("WS_EXTENSIONS", "permessage-deflate, permessage-deflate"), ("WS_MAX_MESSAGE_SIZE", 127),
    ("WS_MAX_MESSAGE_SIZE", (16 << 20) + 1), ("HTTP_HEADERS", Mapping({"A b": "c"})),
    ("HTTP_HEADERS", Mapping({"Sec-WebSocket-Accept": "c"})), ("HTTP_HEADERS", Mapping({"X": "a\r\nb"})),
    ("WS_COMPRESSION", 2), ("WS_HANDSHAKE", Mapping()),
])
async def test_option_values_that_will_not_do(host: FakeHost, name: str, value: Value) -> None:
    party = Party(host)
    fd = party.create(SERVER)
    with pytest.raises(LPCError, match=name):
        party.set(fd, name, value)
    party.close(fd)


def test_no_option_is_forgotten() -> None:
    assert {row.number for row in options.ROWS if row.name.startswith("WS_")} == {*range(120, 130), 1012}


async def test_a_listener_says_and_takes_nothing(host: FakeHost) -> None:
    party = Party(host)
    fd = party.listening()
    assert party.write(fd, "x") == errors.EENOTCONN
    assert party.connect(fd, "ws://localhost/") == errors.EEMODENOTSUPP
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EEISCONN
    assert efuns.socket_accept(party.ob, fd, "read", "ready") == errors.EEWOULDBLOCK
    fd = party.create(CLIENT)
    assert efuns.socket_bind(party.ob, fd, 0, "127.0.0.1 0") == 1
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EEMODENOTSUPP
    assert efuns.socket_accept(party.ob, fd, "read", "ready") == errors.EEMODENOTSUPP
    with pytest.raises(BadArgument):
        efuns.socket_bind(party.ob, fd, "/path")


async def test_a_bound_client(host: FakeHost) -> None:
    party, server = Party(host), await RawServer().start()
    fd = party.create(CLIENT)
    assert efuns.socket_bind(party.ob, fd, 0, "127.0.0.1 0") == 1
    mine = party.port(fd)
    assert party.connect(fd, f"127.0.0.1 {server.port}") == 1
    peer = await server.peer()
    assert peer.writer.get_extra_info("peername")[1] == mine
    peer.raw(answer_to(await peer.head()))
    await party.is_open(fd)
    await server.close()
    await peer.closed()
    await party.end(fd)


async def test_release_and_acquire(host: FakeHost) -> None:
    made = await link(host, "server")
    other = Party(host)
    other.ob.extra["take"] = lambda fd, to: efuns.socket_acquire(other.ob, fd, "read", "ready", "closed")
    assert efuns.socket_release(made.party.ob, made.fd, other.ob, "take") == 1
    made.peer.text("to the new one")
    assert await other.data() == ["to the new one"]
    assert made.party.write(made.fd, "x") == errors.EESECURITY
    assert other.write(made.fd, "mine") == 1
    assert await made.peer.frame() == (FIN | TEXT, b"mine")
    made.party = other
    await made.leave()


@pytest.mark.parametrize("mode", range(30, 37))
async def test_sockets_of_the_proposal_sit_idle(host: FakeHost, mode: int) -> None:
    party = Party(host)
    fd = efuns.socket_create(party.ob, mode, "ws_message_callback", "ws_close_callback")
    assert fd >= 0
    await host.turn()
    assert party.state(fd) == "UNBOUND"
    assert host.reasons == set()


# ------------------------------------------------------------------------------------------------- broadcast


async def test_one_message_for_many(host: FakeHost) -> None:
    party = Party(host)
    plain, small, packed = (party.listening(**chosen) for chosen in (
        {}, {"WS_FRAME_SIZE_LIMIT": 4}, {"WS_COMPRESSION": 1}))
    peers = [await raw_client(party, listener, UPGRADE + DEFLATE) for listener in (plain, plain, small, packed)]
    for peer in peers:
        await peer.head()
    fds = [await party.has_opened(count) for count in range(1, 5)]
    other, client, client_peer, head = await dialing(host)
    client_peer.raw(answer_to(head))
    await other.is_open(client)
    stream = party.create(1)
    codes = websocket_broadcast(party.ob, [*fds, plain, stream, client, 999, -1], "Hello")
    assert codes == [1, 1, 1, 1, errors.EENOTCONN, errors.EEMODENOTSUPP, errors.EESECURITY, errors.EEFDRANGE,
                     errors.EEFDRANGE]
    for peer in (peers[0], peers[1]):
        assert await peer.frame() == (FIN | TEXT, b"Hello")
    assert [await peers[2].frame() for _ in range(2)] == [(TEXT, b"Hell"), (FIN | CONT, b"o")]
    assert await peers[3].frame() == (FIN | TEXT, b"Hello")  # the frame is the same for all
    assert websocket_broadcast(other.ob, [client], Buffer(b"\xff")) == [1]
    assert await client_peer.frame() == (FIN | BINARY, b"\xff")
    assert websocket_broadcast(party.ob, fds, "x" * 65537) == [errors.EEBADDATA] * 4
    assert websocket_broadcast(party.ob, [], "x") == []
    with pytest.raises(BadArgument):
        websocket_broadcast(party.ob, ["x"], "x")
    for peer in (*peers, client_peer):
        await peer.closed()
    await host.until(lambda: len(party.ends) == 4 and other.ends)


async def test_the_master_is_asked_about_each(host: FakeHost) -> None:
    made = await link(host, "server")
    host.valid_socket = lambda ob, verb, info: int(verb != "write")
    assert websocket_broadcast(made.party.ob, [made.fd], "x") == [errors.EESECURITY]
    await made.leave()
