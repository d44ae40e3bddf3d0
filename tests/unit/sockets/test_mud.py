"""Mode 0: frames of saved values, from peers that keep to the rules and peers that do not."""

from __future__ import annotations

import struct
import tracemalloc
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns.sockets import errors, mud
from efuns.sockets.modes import Modes
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.closures import LFUN, Closure
from lpc.runtime.save import save_value
from lpc.runtime.values import INT_MIN, UNDEFINED, Buffer, FloatKey, Mapping, Record, RecordType, Value
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.streams import MUD, Acceptor, Party, Peer, pair


def frame(text: str | bytes, *, nul: bool = True, length: int | None = None) -> bytes:
    data = (text if isinstance(text, bytes) else text.encode()) + (b"\0" if nul else b"")
    return struct.pack(">I", len(data) if length is None else length) + data


def shown(value: Value) -> str:
    """A value to compare by."""
    return save_value(value)


VALUES: list[tuple[Any, bytes]] = [
    (0, b"0"),
    (-17, b"-17"),
    (INT_MIN, b"-9223372036854775808"),
    (UNDEFINED, b"0"),
    (1.5, b"1.500000"),
    ("", b'""'),
    ("a\"b\\c\r\nd\0", b'"a\\"b\\\\c\\\r\rd\0"'),
    ("h\u00e4\U0001f409", '"h\u00e4\U0001f409"'.encode()),
    ([], b"({})"),
    ([1, ["x"], Mapping()], b'({1,({"x",}),([]),})'),
    (Mapping({"a": 1, 2: [3]}), b'([2:({3,}),"a":1,])'),
    (Mapping({FloatKey(1.0): 2}), b"([1.000000:2,])"),
    (Record(RecordType("c", ("x", "y")), [1, "y"]), b'(/1,"y",/)'),
]


@pytest.mark.parametrize(("value", "text"), VALUES)
async def test_the_wire(host: FakeHost, value: Any, text: bytes) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, value) == errors.EESUCCESS
        assert await peer.receive_exactly(len(text) + 5) == frame(text)
        await peer.send(frame(text))
        await peer.send(frame(text, nul=False))
        got = await server.has_read(fd, 2)
        assert [shown(one) for one in got] == [shown(value)] * 2
        assert [type(one) for one in got] == [int if value is UNDEFINED else type(value)] * 2


async def test_what_cannot_be_sent_is_empty_and_comes_back_as_0(host: FakeHost) -> None:
    server, accepted, client, fd = await pair(host, MUD)
    closure = Closure(client.ob, LFUN, lambda *_: 0, 0)
    assert client.write(fd, [client.ob, closure, Buffer(b"x"), 1]) == errors.EESUCCESS
    assert client.write(fd, closure) == errors.EESUCCESS
    assert client.write(fd, Buffer(b"x")) == errors.EESUCCESS
    assert await server.has_read(accepted, 3) == [[0, 0, 0, 1], 0, 0]


async def test_an_object_is_refused(host: FakeHost) -> None:
    _, _, client, fd = await pair(host, MUD)
    assert client.write(fd, client.ob) == errors.EETYPENOTSUPP
    assert client.write(fd, 1) == errors.EESUCCESS


async def test_a_destructed_object_is_0(host: FakeHost) -> None:
    server, accepted, client, fd = await pair(host, MUD)
    gone = host.object()
    host.destruct(gone)
    assert client.write(fd, gone) == errors.EESUCCESS
    assert client.write(fd, 1) == errors.EESUCCESS
    assert await server.has_read(accepted, 2) == [0, 1]


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


async def test_deep_nesting(host: FakeHost) -> None:
    server, accepted, client, fd = await pair(host, MUD)
    assert client.write(fd, nested(100)) == errors.EESUCCESS
    for depth in (101, 1000):
        with pytest.raises(LPCError, match="nested too deep"):
            client.write(fd, nested(depth))
    itself: list[Any] = []
    itself.append(itself)
    with pytest.raises(LPCError, match="nested too deep"):
        client.write(fd, itself)
    assert client.write(fd, 1) == errors.EESUCCESS, "nothing of them was sent"
    got = await server.has_read(accepted, 2)
    assert (shown(got[0]), got[1]) == (shown(nested(100)), 1)


@pytest.mark.parametrize("text", [
    "({" * 1000 + "})" * 1000, "({" * 60_000,
    "([" * 1000, "(/" * 1000, "({1,2", '"no end', "({1,2,}", "([1,])", "([:])",
    "(<1,>)", b"\xff\xfe", "\"\\\"", "--5"])
async def test_what_is_no_value_is_undefined(host: FakeHost, text: str | bytes) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(frame(text) + frame("1"))
        assert await server.has_read(fd, 2) == [0, 1]
    assert server.data[fd][0] is UNDEFINED or server.data[fd][0] == 0


async def test_an_empty_text_is_0(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(frame("") + frame("no value") + frame("7"))
        assert await server.has_read(fd, 3) == [0, 0, 7]


@pytest.mark.parametrize("length", [0, mud.LARGEST + 1, 1 << 31, (1 << 32) - 1])
async def test_impossible_lengths_end_the_connection(host: FakeHost, length: int) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        table = host.state(SocketTable)
        made = table.find(fd)
        await peer.send(frame("1") + frame("2", length=length))
        await server.has_closed(fd)
    assert server.data[fd] == [1], "what came before is delivered"
    assert str(length) in made.last_error


async def test_the_largest_length_is_taken(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    text = "x" * (mud.LARGEST - 3)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(frame(f'"{text}"', length=mud.LARGEST))
        assert await server.has_read(fd) == [text]


@pytest.mark.parametrize("size", [1, 3, 4, 5, 7])
async def test_frames_cut_anywhere(host: FakeHost, size: int) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    data = frame("1") + frame('"two"') + frame("({3,})", nul=False) + frame("4")
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        for at in range(0, len(data), size):
            await peer.send(data[at:at + size])
            await host.turn(5)
        assert await server.has_read(fd, 4) == [1, "two", [3], 4]


async def test_closing_in_the_middle_of_a_chunk_drops_the_rest(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    server.on("read", lambda fd, value: server.close(fd))
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        await peer.send(frame("1") * 50)
        await server.has_read(fd)
        await host.turn(5)
    assert server.data[fd] == [1]
    assert server.closed == []


async def test_a_frame_that_never_ends_holds_no_memory(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    peers = [await Peer.to(server, listener) for _ in range(20)]
    await server.has_accepted(20)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for peer in peers:
            await peer.send(struct.pack(">I", mud.LARGEST) + b"x")
        await host.turn(50)
        assert tracemalloc.get_traced_memory()[0] - before < 20 * 4096
    finally:
        tracemalloc.stop()
    for peer in peers:
        peer.close()
    await host.until(lambda: len(server.closed) == 20)


async def test_flow_control(host: FakeHost) -> None:
    server = Party(host)
    listener = server.listening(MUD)
    value = ["0123456789" * 1000] * 300
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.write(fd, value) == errors.EECALLBACK
        assert server.write(fd, value) == errors.EEALREADY
        wire = frame(save_value(value))
        assert await peer.receive_exactly(len(wire)) == wire
        await server.is_ready(fd)


async def test_a_client_with_a_python_server(host: FakeHost) -> None:
    client = Party(host)
    fd = client.create(MUD)
    with Acceptor() as acceptor:
        client.connect(fd, acceptor.address)
        with await acceptor.accept() as peer:
            await peer.send(frame('([ "no blanks" : 1 ])'))
            await peer.send(frame('(["a":({1,2,}),])'))
            first, second = await client.has_read(fd, 2)
            assert (first, second["a"]) == (0, [1, 2])
            client.write(fd, second)
            assert await peer.receive_exactly(22) == frame('(["a":({1,2,}),])')


class Collected(mud.Mud):
    """Frames without a wire."""

    __slots__ = ("values",)

    def deliver(self, *args: Value) -> None:
        self.values.append(args[0])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=200),
                      st.lists(st.builds(frame, st.text("(){}[]/\\\":,.-+e0123456789abc\0\r", max_size=40),
                                         nul=st.booleans()), max_size=6).map(b"".join)),
       size=st.integers(1, 20))
def test_any_bytes_give_the_same_values_however_they_are_cut(host: FakeHost, data: bytes, size: int) -> None:
    row = host.state(Modes).find(MUD)
    results = []
    for step in (size, len(data) + 1):
        made = Collected(host.state(SocketTable), row, host.object())
        made.values = []
        for at in range(0, len(data), step):
            if made.runs:
                made.received(data[at:at + step])
        results.append(([shown(value) for value in made.values], made.state))
        made.close()
    assert results[0] == results[1]
