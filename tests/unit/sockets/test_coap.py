"""Modes 26 and 27 against peers that misbehave: plain sockets, and packets made by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest
from aiocoap.message import Message
from aiocoap.numbers import codes
from aiocoap.numbers.types import ACK, CON, NON, RST
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from efuns.sockets import efuns, errors, options
from efuns.sockets.coap import blocks as coap_blocks
from efuns.sockets.coap import exchange as coap_exchange
from efuns.sockets.coap import message as coap_message
from efuns.sockets.coap.blocks import Block, UploadError, Uploads
from efuns.sockets.coap.exchange import Allowance, MessageLayer
from efuns.sockets.coap.message import MalformedError, read_packet
from efuns.sockets.coap.server import MOST_OF_ONE
from efuns.sockets.coap.socket import CoapSocket
from efuns.sockets.table import SocketTable
from efuns.sockets.wire import Address
from lpc.errors import LPCError
from lpc.runtime.budget import Limits
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import PATIENCE, FakeHost

SERVER, CLIENT = 26, 27


class Peer(asyncio.DatagramProtocol):
    """A plain UDP socket that says and hears CoAP messages."""

    def __init__(self) -> None:
        self.heard: list[Message] = []
        self.news = asyncio.Event()
        self.transport: Any = None
        self.answers: Callable[[Message], list[Message]] = lambda message: []
        self._mid = 1000

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        message = Message.decode(data)
        message.remote = sender
        self.heard.append(message)
        for answer in self.answers(message):
            self.transport.sendto(encoded(answer), sender)
        self.news.set()

    @property
    def address(self) -> str:
        return "127.0.0.1 {}".format(self.transport.get_extra_info("sockname")[1])

    def say(self, message: Message | bytes, port: int) -> None:
        self.transport.sendto(message if isinstance(message, bytes) else encoded(message), ("127.0.0.1", port))

    def request(self, port: int, path: str, code: Any = codes.GET, mtype: Any = CON, token: bytes = b"t", **more: Any,
                ) -> Message:
        self._mid += 1
        made = message_of(code, mtype, self._mid, token, **more)
        made.opt.uri_path = tuple(path.split("/")[1:])
        self.say(made, port)
        return made

    async def until(self, condition: Callable[[], Any]) -> Any:
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self.news.clear()
                await self.news.wait()
            return value

    async def hear(self, count: int) -> list[Message]:
        await self.until(lambda: len(self.heard) >= count)
        return self.heard


Peers = Callable[[], Awaitable[Peer]]


@pytest.fixture
def peers(host: FakeHost, loop: asyncio.AbstractEventLoop) -> Iterator[Peers]:
    """Opens peers, which are closed after the test."""
    opened: list[Peer] = []

    async def open_one() -> Peer:
        _, made = await loop.create_datagram_endpoint(Peer, ("127.0.0.1", 0))
        opened.append(made)
        return made

    yield open_one
    for peer in opened:
        peer.transport.close()
    loop.run_until_complete(asyncio.sleep(0))


def message_of(code: Any, mtype: Any, mid: int, token: bytes = b"", payload: bytes = b"", **more: Any) -> Message:
    made = Message(code=code, payload=payload)
    made.mtype, made.mid, made.token = mtype, mid, token
    for name, value in more.items():
        setattr(made.opt, name, value)
    return made


def encoded(message: Message) -> bytes:
    return bytes(message.encode())


def answer_to(request: Message, code: Any = codes.CONTENT, payload: bytes = b"", **more: Any) -> Message:
    return message_of(code, ACK, request.mid, request.token, payload, **more)


class Server:
    """An object with a CoAP server; `asked` are the requests it got."""

    def __init__(self, host: FakeHost, **settings: int) -> None:
        self.host = host
        self.answers: Callable[[Mapping, str], Any] = lambda request, address: "hi"
        self.ob = host.object(asked=lambda fd, request, address: self.answers(request, address),
                              ended=lambda *args: None)
        self.fd = efuns.socket_create(self.ob, SERVER, "asked", "ended")
        for name, value in settings.items():
            efuns.socket_set_option(self.ob, self.fd, getattr(options, name), value)
        assert efuns.socket_bind(self.ob, self.fd, 0, "127.0.0.1 0") == 1
        found = host.state(SocketTable).find(self.fd)
        assert found is not None
        self.socket: Any = found

    @property
    def port(self) -> int:
        return int(str(efuns.socket_address(self.ob, self.fd, 1)).split()[1])

    @property
    def asked(self) -> list[Mapping]:
        return [args[1] for args in self.host.seen("asked")]

    def write(self, message: Any, address: str | None = None) -> int:
        return int(efuns.socket_write(self.ob, self.fd, message, address))


class Client:
    """An object with a CoAP client; `heard` are the responses it got."""

    def __init__(self, host: FakeHost, **settings: int) -> None:
        self.host = host
        self.ob = host.object(answered=lambda *args: None, ready=lambda fd: None, ended=lambda *args: None)
        self.fd = efuns.socket_create(self.ob, CLIENT, "answered", "ended")
        for name, value in settings.items():
            efuns.socket_set_option(self.ob, self.fd, getattr(options, name), value)

    def ask(self, where: str | None, **request: Any) -> int:
        return int(efuns.socket_write(self.ob, self.fd, Mapping(request), where))

    @property
    def heard(self) -> list[Mapping]:
        return [args[1] for args in self.host.seen("answered")]

    @property
    def why(self) -> Any:
        return efuns.socket_get_option(self.ob, self.fd, options.SO_LAST_ERROR)


# ------------------------------------------------------------------------------------------- packets


@pytest.mark.parametrize("packet", [
    b"", b"\x40", b"\x40\x01\x00", b"\x00\x01\x00\x01", b"\xc0\x01\x00\x01", b"\x49\x01\x00\x01" + b"t" * 9,
    b"\x44\x01\x00\x01tok", b"\x40\x00\x00\x01extra", b"\x40\x01\x00\x01\xff", b"\x40\x01\x00\x01\xb5a",
    b"\x40\x01\x00\x01\xf1a", b"\x40\x01\x00\x01\x1f", b"\x40\x01\x00\x01\xd0", b"\x40\x01\x00\x01\xe0\0",
    b"\x40\x01\x00\x01\xb1\xff", b"\x40\x01\x00\x01" + b"\xe0\xff\xff" * 3, b"\x40\x01\x00\x01" + b"\x10" * 65,
    b"\x40\x01\x00\x01\xb1.", b"\x40\x01\x00\x01\xb2..", b"\x40\x01\x00\x01\x93abc", b"\x40\x01\x00\x01\xc3abc",
    b"\x40\x01\x00\x01\xd1\x0a\x07", b"\x40\x01\x00\x01\xd2\x16ab", b"\x40\x01\x00\x01\x31h\x01i",
    b"\x40\x01\x00\x01\xff" + b"x" * 5000,
])
def test_what_is_no_message_is_found_out(packet: bytes) -> None:
    with pytest.raises(MalformedError):
        read_packet(packet)


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=80))
def test_reading_never_fails_otherwise(tail: bytes) -> None:
    for head in (b"", b"\x41\x01\x12\x34t", b"\x51\x45\x12\x34t", b"\x61\x45\x12\x34t"):
        try:
            message = read_packet(head + tail)
        except MalformedError:
            continue
        assert coap_message.request_mapping(message, message.payload, 1, "1.2.3.4 5", Limits())["type"]
        assert coap_message.response_mapping(message, message.payload, "1.2.3.4 5", Limits())["code"]


def test_paths_cannot_be_mistaken_for_each_other() -> None:
    assert coap_message.path_text(("a/b", "c%", "")) == "/a%2Fb/c%25/"
    assert coap_message.path_text(()) == "/"


@pytest.mark.parametrize(("text", "target"), [
    ("127.0.0.1 77", ("127.0.0.1", 77, False, (), ())), ("::1 77", ("::1", 77, False, (), ())),
    ("[::1]:77", ("::1", 77, False, (), ())), ("example.org", ("example.org", 5683, False, (), ())),
    ("coap://example.org/a%2Fb/c?d=e&f", ("example.org", 5683, False, ("a/b", "c"), ("d=e", "f"))),
    ("coaps://[::1]", ("::1", 5684, True, (), ())),
    ("http://example.org/", None), ("coap://a@b/", None), ("coap://a:70000/", None), ("coap://", None), ("", None),
    ("a b c", None), ("host ", None), ("host 0", None), ("coap://h/#f", None), ("coap://h/..", None),
    ("coap://[::1", None), ("h" * 254, None), ("coap://h/" + "x" * 256, None), ("h\0st 7", None),
])
def test_targets(text: str, target: Any) -> None:
    assert coap_message.read_target(text) == target


@pytest.mark.parametrize(("message", "code"), [
    (5, errors.EETYPENOTSUPP), (Mapping(code="9.99"), errors.EEBADDATA), (Mapping(code="0.01"), errors.EEBADDATA),
    (Mapping(code=[1]), errors.EEBADDATA), (Mapping(code="2.32"), errors.EEBADDATA),
    (Mapping(code=705), errors.EEBADDATA),
    (Mapping(payload=1.5), errors.EETYPENOTSUPP), (Mapping(content_format="no/such"), errors.EEBADDATA),
    (Mapping(content_format=70000), errors.EEBADDATA), (Mapping(etag="zz"), errors.EEBADDATA),
    (Mapping(etag="00" * 9), errors.EEBADDATA), (Mapping(etag=Buffer(b"")), errors.EEBADDATA),
    (Mapping(max_age=-1), errors.EEBADDATA), (Mapping(location="a/../b"), errors.EEBADDATA),
    (Mapping(location=7), errors.EEBADDATA), (Mapping(location="/" + "x" * 300), errors.EEBADDATA),
    (Mapping(type="ACK"), errors.EEBADDATA), (Mapping(type=1), errors.EEBADDATA), (Mapping(token=7), errors.EEBADDATA),
    (Mapping(location="/".join("ab" * 40)), errors.EEBADDATA),
])
def test_replies_that_cannot_be_sent(message: Any, code: int) -> None:
    assert coap_message.read_reply(message, "GET", Limits()) == code


@pytest.mark.parametrize(("message", "code"), [
    ("GET", errors.EETYPENOTSUPP), (Mapping(method="BREW"), errors.EEBADDATA), (Mapping(method=1), errors.EEBADDATA),
    (Mapping(path=1), errors.EEBADDATA), (Mapping(path="/.."), errors.EEBADDATA),
    (Mapping(query=[1]), errors.EEBADDATA),
    (Mapping(query=Mapping({1: 2})), errors.EEBADDATA), (Mapping(path="/a" * 100), errors.EEBADDATA),
    (Mapping(observe="yes"), errors.EEBADDATA), (Mapping(observe=1, method="PUT"), errors.EEBADDATA),
    (Mapping(accept=-1), errors.EEBADDATA), (Mapping(if_match=["zz"]), errors.EEBADDATA),
    (Mapping(if_none_match="x"), errors.EEBADDATA), (Mapping(token=1), errors.EEBADDATA),
])
def test_requests_that_cannot_be_sent(message: Any, code: int) -> None:
    assert coap_message.read_request(message, Limits()) == code


# ------------------------------------------------------------------------------------- the message layer


async def test_a_message_is_sent_again_until_it_is_acknowledged(loop: asyncio.AbstractEventLoop) -> None:
    sent: list[tuple[str, bytes]] = []
    over: list[str] = []
    done = asyncio.Event()
    layer = MessageLayer(loop, lambda remote, packet: sent.append((remote, packet)))
    layer.ack_timeout, layer.retransmits = 0.01, 2

    def finish(reason: str) -> None:
        over.append(reason)
        if len(over) == 3:
            done.set()

    layer.confirm("a 1", 7, b"one", finish)
    layer.confirm("a 1", 8, b"two", finish)
    layer.confirm("b 1", 7, b"other", finish)
    assert sent == [("a 1", b"one"), ("b 1", b"other")]  # one at a time to an address
    assert layer.queued == 3
    assert not layer.acknowledged("a 1", 8) and layer.acknowledged("b 1", 7)
    await done.wait()
    assert [packet for remote, packet in sent if remote == "a 1"] == [b"one"] * 3 + [b"two"] * 3
    assert over == ["", coap_exchange.TIMED_OUT, coap_exchange.TIMED_OUT]
    assert not layer.is_busy and not layer.queued


async def test_a_transmission_can_be_cancelled(loop: asyncio.AbstractEventLoop) -> None:
    sent: list[bytes] = []
    layer = MessageLayer(loop, lambda remote, packet: sent.append(packet))
    first, second, third = (layer.confirm("a 1", mid, b"%d" % mid, lambda reason: None) for mid in (1, 2, 3))
    layer.cancel(second)
    layer.cancel(first)
    assert sent == [b"1", b"3"] and layer.queued == 0
    layer.cancel(third)
    layer.cancel(third)
    assert not layer.is_busy


async def test_what_is_remembered_is_bounded(loop: asyncio.AbstractEventLoop) -> None:
    sent: list[bytes] = []
    layer = MessageLayer(loop, lambda remote, packet: sent.append(packet))
    for number in range(6000):
        assert not layer.is_duplicate("a 1", number)
        layer.answer("a 1", number, b"x" * 1000)
    assert len(layer._seen) <= 4096 and layer._seen_bytes <= (2 << 20) + 1000
    assert layer.is_duplicate("a 1", 5999) and not layer.is_duplicate("a 1", 0)
    sent.clear()
    for _ in range(100):
        assert layer.is_duplicate("a 1", 5999)
    assert len(sent) == coap_exchange.REPEATS - 1


def test_message_ids_are_nobody_elses_to_know(loop: asyncio.AbstractEventLoop) -> None:
    layer = MessageLayer(loop, lambda remote, packet: None)
    mine = [layer.next_mid("a 1") for _ in range(300)]
    assert len(set(mine)) == 300
    assert layer.next_mid("b 1") != mine[-1] + 1


def test_strangers_get_little_for_nothing() -> None:
    time = 0.0
    allowance = Allowance(lambda: time)
    assert allowance.received("1.2.3.4", 20)
    allowance.sent("1.2.3.4", 70_000)
    assert not allowance.received("1.2.3.4", 20)
    assert allowance.received("5.6.7.8", 20)
    time = 1.0
    assert allowance.received("1.2.3.4", 20)
    allowance.sent("1.2.3.4", 1 << 20)
    assert not allowance.received("1.2.3.4", 20)
    allowance.prove("1.2.3.4")
    assert allowance.received("1.2.3.4", 20)
    for number in range(10_000):
        allowance.prove(f"h{number}")
        allowance.sent(f"i{number}", 1)
    assert len(allowance._left) <= 4096 and len(allowance._proven) <= 4096


# ----------------------------------------------------------------------------------------------- blocks


def test_uploads_are_put_together_or_refused() -> None:
    uploads = Uploads(lambda: 0.0)
    key = ("a 1", 2)
    assert uploads.add(key, Block(0, True, 0), b"x" * 16, 100) is None
    assert uploads.add(key, Block(1, True, 0), b"y" * 16, 100) is None
    assert uploads.add(key, Block(2, False, 0), b"z", 100) == b"x" * 16 + b"y" * 16 + b"z"
    for block, payload, code in (
        (Block(2, False, 0), b"z", codes.REQUEST_ENTITY_INCOMPLETE), (Block(0, True, 0), b"z", codes.BAD_REQUEST),
        (Block(0, False, 0), b"z" * 17, codes.BAD_REQUEST),
        (Block(7, True, 0), b"z" * 16, codes.REQUEST_ENTITY_TOO_LARGE),
        (Block(0xFFFFF, True, 6), b"z" * 1024, codes.REQUEST_ENTITY_TOO_LARGE),
    ):
        with pytest.raises(UploadError) as refused:
            uploads.add(key, block, payload, 100)
        assert refused.value.code == code


def test_unfinished_uploads_are_bounded() -> None:
    now = 0.0
    uploads = Uploads(lambda: now)
    for number in range(1000):
        uploads.add((f"10.0.0.{number % 250} 1", number), Block(0, True, 6), b"x" * 1024, 1 << 20)
    for number in range(1000):
        uploads.add(("10.1.1.1 1", number), Block(0, True, 6), b"x" * 1024, 1 << 20)
    store = uploads._store
    assert len(store._kept) <= 256 and store._hosts["10.1.1.1"] == 16
    assert store._bytes == 1024 * len(store._kept)
    now = coap_blocks.LIFETIME + 1
    with pytest.raises(UploadError):
        uploads.add(("10.1.1.1 1", 999), Block(1, True, 6), b"x" * 1024, 1 << 20)
    uploads.add(("10.1.1.1 1", 0), Block(0, True, 6), b"x" * 1024, 1 << 20)
    assert len(store._kept) == 1


async def test_a_body_has_a_limit(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host, CONTENT_SIZE_LIMIT=40, COAP_BLOCK_SIZE=32), await peers()
    peer.request(server.port, "/up", codes.PUT, payload=b"x" * 32, block1=(0, True, 1))
    [first] = await peer.hear(1)
    assert (first.code, tuple(first.opt.block1)) == (codes.CONTINUE, (0, True, 1))
    peer.request(server.port, "/up", codes.PUT, payload=b"x" * 32, block1=(1, True, 1))
    refused = (await peer.hear(2))[1]
    assert (refused.code, refused.opt.size1) == (codes.REQUEST_ENTITY_TOO_LARGE, 40)
    peer.request(server.port, "/up", codes.PUT, payload=b"x" * 8, block1=(1, False, 1))
    assert (await peer.hear(3))[2].code == codes.REQUEST_ENTITY_INCOMPLETE
    peer.request(server.port, "/up", codes.PUT, payload=b"x" * 64, block1=(0, True, 2))  # larger than our blocks
    assert (await peer.hear(4))[3].code == codes.REQUEST_ENTITY_TOO_LARGE
    assert server.asked == []


async def test_a_block_of_what_was_answered_before(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host, COAP_BLOCK_SIZE=16), await peers()
    server.answers = lambda request, address: "0123456789abcdef" * 2 + "!"
    for number in range(3):
        peer.request(server.port, "/big", codes.POST, block2=(number, False, 0 if number else 6))
    answers = await peer.hear(3)
    assert [answer.payload for answer in answers] == [b"0123456789abcdef", b"0123456789abcdef", b"!"]
    assert len({answer.opt.etag for answer in answers}) == 1 and answers[0].opt.size2 == 33
    assert len(server.asked) == 1
    peer.request(server.port, "/big", codes.POST, block2=(9, False, 0))  # there is none, and POST is not asked twice
    peer.request(server.port, "/other", block2=(9, False, 0))
    answers = await peer.hear(5)
    assert [answer.code for answer in answers[3:]] == [codes.REQUEST_ENTITY_INCOMPLETE, codes.BAD_REQUEST]


# ----------------------------------------------------------------------------------------------- server


async def test_rubbish_is_dropped_and_counted(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    for packet in (b"junk", b"\xff" * 100, b"\x50\x01\x00\x07\xff", b"\x40\x01\x00\x08\xff"):
        peer.say(packet, server.port)
    peer.say(b"\x40\x01\x00\x09\x11x", server.port)  # option 1 is fine
    peer.say(b"\x40\x01\x00\x0a\x91x\xffpay", server.port)  # a critical option nobody knows
    peer.say(b"\x40\x01\x00\x0b\xd1\x16/", server.port)  # Proxy-Uri
    peer.say(b"\x40\x01\x00\x0c\xff" + b"x" * 8000, server.port)
    peer.say(b"\x40\x00\x00\x0d", server.port)  # a ping
    peer.say(b"\x40\x45\x00\x0e", server.port)  # a response nobody asked for
    peer.say(b"\x60\x01\x00\x0f", server.port)  # a request cannot be an acknowledgement
    peer.say(b"\x40\xe1\x00\x10", server.port)  # a signal, which is for TCP
    peer.say(b"\x40\x1f\x00\x11", server.port)  # a method nobody knows
    heard = {message.mid: (message.mtype, message.code) for message in await peer.hear(9)}
    assert heard == {
        8: (RST, 0), 9: (ACK, codes.CONTENT), 10: (ACK, codes.BAD_OPTION), 11: (ACK, codes.PROXYING_NOT_SUPPORTED),
        12: (ACK, codes.REQUEST_ENTITY_TOO_LARGE), 13: (RST, 0), 14: (RST, 0), 16: (RST, 0),
        17: (ACK, codes.METHOD_NOT_ALLOWED)}
    assert efuns.socket_get_option(server.ob, server.fd, options.SO_DROPPED) == 10
    assert len(server.asked) == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=60), max_size=5))
def test_no_packet_harms_a_server_or_client(host: FakeHost, tails: list[bytes]) -> None:
    server, client = Server(host), Client(host)
    sent: list[bytes] = []
    with patch.object(CoapSocket, "_send", lambda socket, packet, target: sent.append(packet)):
        harass(host, server, client, tails, sent)
    efuns.socket_close(server.ob, server.fd)
    efuns.socket_close(client.ob, client.fd)


def harass(host: FakeHost, server: Server, client: Client, tails: list[bytes], sent: list[bytes]) -> None:
    there: Any = host.state(SocketTable).find(client.fd)
    for number, tail in enumerate(tails):
        for head in (b"", b"\x41\x01\0%ct" % number, b"\x51\x02\1%ct" % number, b"\x61\x45\2%ct" % number):
            before = len(sent)
            server.socket.understand(head + tail, "192.0.2.1 5683")
            there.understand(head + tail, "192.0.2.1 5683")
            assert len(sent) - before <= 2


async def test_a_repeated_request_is_answered_from_memory(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    request = peer.request(server.port, "/x")
    for _ in range(20):
        peer.say(request, server.port)
    peer.request(server.port, "/end")
    answers = await peer.until(lambda: peer.heard if peer.heard and peer.heard[-1].mid != request.mid else 0)
    assert len(answers) == 1 + coap_exchange.REPEATS + 1
    assert len(server.asked) == 2


async def test_a_late_answer(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host, COAP_ACK_TIMEOUT=50, COAP_RETRANSMITS=1), await peers()
    server.answers = lambda request, address: 0
    request = peer.request(server.port, "/x")
    [ack] = await peer.hear(1)
    assert (ack.mtype, int(ack.code), ack.mid) == (ACK, 0, request.mid)
    asked = server.asked[0]
    assert server.write(Mapping(payload="late", token=asked["token"]), asked["addr"]) == 1
    assert server.write("twice", asked["addr"]) == errors.EENOTCONN
    later = await peer.hear(3)
    assert [(one.mtype, one.payload, one.token) for one in later[1:]] == [(CON, b"late", b"t")] * 2
    report = await host.until(lambda: len(server.asked) == 2 and server.asked[1])
    assert report["error"].startswith("timed out") and report["token"] == asked["token"] and report["path"] == "/x"


async def test_no_answer_and_failing_handlers(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host, HTTP_TIMEOUT=1000), await peers()

    def fail(request: Mapping, address: str) -> Any:
        if request["path"] == "/never":
            return 0
        if request["path"] == "/bad":
            return Mapping(code="1.00")
        raise LPCError("broken\n")

    server.answers = fail
    peer.request(server.port, "/never", mtype=NON, token=b"a")
    peer.request(server.port, "/fails", token=b"b")
    peer.request(server.port, "/bad", token=b"c")
    found = {message.token: message.code for message in await peer.hear(3)}
    assert found == {b"a": codes.SERVICE_UNAVAILABLE, b"b": codes.INTERNAL_SERVER_ERROR,
                     b"c": codes.INTERNAL_SERVER_ERROR}
    assert host.errors == ["broken\n"]
    host.errors.clear()
    assert "cannot be sent" in host.logged[0]


async def test_waiting_requests_are_bounded(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    server.answers = lambda request, address: 0
    for number in range(MOST_OF_ONE + 3):
        peer.request(server.port, "/x", mtype=NON, token=b"%d" % number)
    refused = await peer.hear(3)
    assert [message.code for message in refused] == [codes.SERVICE_UNAVAILABLE] * 3
    peer.request(server.port, "/x", mtype=NON, token=b"0")  # the same token: the old one is not wanted any more
    await peer.hear(4)
    assert len(server.socket._numbers) == MOST_OF_ONE
    address = server.asked[0]["addr"]
    assert server.write(Mapping(id=server.asked[1]["id"], payload="by id")) == 1
    assert server.write("the oldest", address) == 1
    answers = await peer.hear(6)
    assert [(one.token, one.payload) for one in answers[4:]] == [(b"1", b"by id"), (b"0", b"the oldest")]


async def test_no_response_is_respected(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    peer.request(server.port, "/x", no_response=2)
    peer.request(server.port, "/y", mtype=NON, no_response=2)
    peer.request(server.port, "/z", no_response=8)
    first, second = await peer.hear(2)
    assert (int(first.code), second.code) == (0, codes.CONTENT)


async def test_observers_are_bounded_and_lost(host: FakeHost, peers: Peers) -> None:
    server = Server(host, COAP_OBSERVERS=2, COAP_ACK_TIMEOUT=50, COAP_RETRANSMITS=1)
    peer = await peers()
    server.answers = lambda request, address: Mapping(payload="now", observe=1)
    for token in (b"a", b"b", b"c"):
        peer.request(server.port, "/w", token=token, observe=0)
    registered = await peer.hear(3)
    assert [message.opt.observe is not None for message in registered] == [True, True, False]
    peer.answers = lambda message: (
        [message_of(0, RST, message.mid)] if message.token == b"a" and message.mtype is CON else [])
    for number in range(50):  # all but the last are overtaken while the first waits
        assert server.write(Mapping(path="/w", payload=f"{number}")) == 1
    lost = await host.until(lambda: [one for one in server.asked if "error" in one][1:] and server.asked[3:])
    assert sorted((one["token"], one["error"].partition(":")[0], one["path"], one["observe"]) for one in lost) == [
        ("61", "reset", "/w", -1), ("62", "timed out", "/w", -1)]
    assert [message.payload for message in peer.heard[3:]] == [b"0"] * 3  # one to a, that and a repetition to b
    assert server.write(Mapping(path="/w", payload="nobody")) == 1


async def test_a_handler_may_tell_observers(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()

    def answer(request: Mapping, address: str) -> Any:
        if request["method"] == "GET":
            return Mapping(payload="now", observe=1)
        assert server.write(Mapping(path="/w", payload="news")) == 1
        assert server.write("done") == 1
        return 0

    server.answers = answer
    peer.request(server.port, "/w", token=b"a", observe=0)
    await peer.hear(1)
    peer.request(server.port, "/w", codes.PUT, token=b"b")
    heard = await peer.hear(3)
    assert [(message.token, message.payload) for message in heard[1:]] == [(b"a", b"news"), (b"b", b"done")]


async def test_notifications_without_confirmation_are_confirmed_now_and_then(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    server.answers = lambda request, address: Mapping(payload="now", observe=1)
    peer.request(server.port, "/w", token=b"a", observe=0)
    await peer.hear(1)
    for number in range(30):
        server.write(Mapping(path="/w", payload=f"{number}", type="NON"))
    heard = await peer.hear(22)
    assert [message.mtype for message in heard[1:22]] == [NON] * 20 + [CON]
    peer.say(message_of(0, ACK, heard[21].mid), server.port)
    assert (await peer.hear(23))[22].payload == b"29"
    sequence = [message.opt.observe for message in peer.heard]
    assert sequence == sorted(set(sequence))
    peer.say(message_of(0, RST, peer.heard[22].mid), server.port)
    lost = await host.until(lambda: [one for one in server.asked if "error" in one])
    assert lost[0]["token"] == "61"
    assert server.write(Mapping(payload="x", token="61"), lost and server.asked[0]["addr"]) == errors.EENOTCONN


async def test_hosts_that_cost_too_much_have_to_show_themselves(host: FakeHost, monkeypatch: pytest.MonkeyPatch,
                                                               ) -> None:
    server = Server(host)
    sent: list[tuple[Message, str]] = []

    def send(socket: CoapSocket, packet: bytes, target: Address) -> None:
        sent.append((Message.decode(packet), target.host))

    monkeypatch.setattr(CoapSocket, "_send", send)
    server.socket._allowance = Allowance(lambda: 0.0)  # time stands still
    server.answers = lambda request, address: "x" * 1024
    mid = 0

    def ask(**more: Any) -> Message:
        nonlocal mid
        mid += 1
        server.socket.understand(encoded(message_of(codes.GET, CON, mid, b"t", **more)), "192.0.2.1 5683")
        return sent[-1][0]

    while ask().code == codes.CONTENT:
        assert len(sent) < 200
    assert sum(len(message.payload) for message, _ in sent) < 80_000
    challenge = ask()
    assert (challenge.code, challenge.payload) == (codes.UNAUTHORIZED, b"")
    assert ask(echo=b"guessed!").code == codes.UNAUTHORIZED
    assert ask(echo=challenge.opt.echo).code == codes.CONTENT
    assert ask().code == codes.CONTENT


async def test_the_end_is_told(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    server.answers = lambda request, address: 0 if request["path"] == "/x" else Mapping(observe=1)
    peer.request(server.port, "/w", token=b"a", observe=0)
    peer.request(server.port, "/x", token=b"b", mtype=NON)
    await host.until(lambda: len(server.asked) == 2)
    await peer.hear(1)
    host.destruct(server.ob)
    heard = await peer.hear(3)
    assert {(message.token, message.code) for message in heard[1:]} == {
        (b"a", codes.SERVICE_UNAVAILABLE), (b"b", codes.SERVICE_UNAVAILABLE)}


async def test_a_handler_may_end_it_all(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()

    def end(request: Mapping, address: str) -> Any:
        host.destruct(server.ob)
        return "too late"

    server.answers = end
    peer.request(server.port, "/x")
    [answer] = await peer.hear(1)
    assert answer.code == codes.SERVICE_UNAVAILABLE
    assert host.state(SocketTable).find(server.fd) is None


async def test_writing_to_nobody(host: FakeHost) -> None:
    server = Server(host)
    assert server.write("x") == errors.EENOTCONN
    assert server.write("x", "127.0.0.1 9") == errors.EENOTCONN
    assert server.write("x", "nowhere") == errors.EEBADADDR
    assert server.write(5, "127.0.0.1 9") == errors.EETYPENOTSUPP
    assert server.write(Mapping(path="/w", code="9.0")) == errors.EEBADDATA
    unbound = efuns.socket_create(server.ob, SERVER, "asked")
    assert efuns.socket_write(server.ob, unbound, "x", "127.0.0.1 9") == errors.EENOTCONN
    with pytest.raises(LPCError, match="16, 32, 64"):
        efuns.socket_set_option(server.ob, unbound, options.COAP_BLOCK_SIZE, 100)


# ----------------------------------------------------------------------------------------------- client


async def test_permissions_come_first(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    host.permissions.refusal = "no"
    assert client.ask(peer.address, path="/x") == errors.EESECURITY
    assert client.ask("localhost:5683", path="/x") == errors.EESECURITY
    host.permissions.refusal = ""
    host.valid_socket = lambda caller, verb, info: verb != "write"
    assert client.ask(peer.address, path="/x") == errors.EESECURITY
    host.valid_socket = lambda *args: 1
    assert client.ask("224.0.1.187", path="/x") == errors.EEBADADDR
    assert client.ask("coaps://127.0.0.1/", path="/x") == errors.EEMODENOTSUPP
    assert client.ask(None, path="/x") == errors.EENOADDR
    assert client.ask("no port ", path="/x") == errors.EEBADADDR
    assert client.ask(peer.address, path="/" + "/".join(["x" * 200] * 8)) == errors.EEBADDATA
    assert client.ask(peer.address, token="odd") == errors.EEBADDATA
    await host.turn()
    assert peer.heard == [] and not host.reasons


async def test_a_silent_server(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host, COAP_ACK_TIMEOUT=50, COAP_RETRANSMITS=2, HTTP_TIMEOUT=1000), await peers()
    assert client.ask(peer.address, path="/x", id="mine") == 1
    assert host.reasons
    heard = await host.until(lambda: client.heard)
    assert heard[0]["error"].startswith("timed out: nobody") and heard[0]["id"] == "mine" and heard[0]["path"] == "/x"
    assert len(peer.heard) == 3 and len({message.mid for message in peer.heard}) == 1
    assert not host.reasons  # nothing keeps the process
    peer.answers = lambda message: [message_of(0, RST, message.mid)]
    client.ask(peer.address, path="/x")
    await host.until(lambda: len(client.heard) == 2)
    peer.answers = lambda message: [message_of(0, ACK, message.mid)]
    client.ask(peer.address, path="/x")
    await host.until(lambda: len(client.heard) == 3)
    assert [one["error"].partition(":")[0] for one in client.heard[1:]] == ["reset", "timed out"]
    assert "no response" in client.heard[2]["error"]


async def test_answers_of_strangers_are_not_believed(host: FakeHost, peers: Peers) -> None:
    client, peer, stranger = Client(host), await peers(), await peers()
    client.ask(peer.address, path="/x")
    [request] = await peer.hear(1)
    port = request.remote[1]
    stranger.say(answer_to(request, payload=b"from elsewhere"), port)
    stranger.say(message_of(codes.CONTENT, CON, 1, request.token, b"again"), port)
    peer.say(message_of(codes.CONTENT, CON, 2, b"wrong", b"other token"), port)
    peer.say(message_of(codes.CONTENT, ACK, request.mid + 1 & 0xFFFF, request.token, b"other id"), port)
    peer.say(message_of(codes.GET, CON, 3), port)
    await peer.hear(3)
    await stranger.hear(1)
    assert [message.mtype for message in (*peer.heard[1:], *stranger.heard)] == [RST] * 3
    assert client.heard == []
    peer.say(message_of(codes.CONTENT, CON, 4, request.token, b"late"), port)
    peer.say(message_of(codes.CONTENT, CON, 4, request.token, b"late"), port)
    await host.until(lambda: client.heard)
    await peer.hear(5)
    assert [(message.mtype, message.mid) for message in peer.heard[3:]] == [(ACK, 4), (ACK, 4)]
    assert [one["payload"] for one in client.heard] == ["late"]


@pytest.mark.parametrize(("blocks", "error"), [
    ([(0, True, 0, b"x" * 16, b"e"), (2, True, 0, b"x" * 16, b"e")], "broken"),
    ([(0, True, 0, b"x" * 16, b"e"), (1, True, 0, b"x" * 16, b"f")], "broken"),
    ([(0, True, 0, b"x" * 5, b"e")], "broken"),
    ([(3, True, 0, b"x" * 16, b"e")], "broken"),
    ([(number, True, 6, b"x" * 1024, b"e") for number in range(5)], "too large"),
])
async def test_bodies_that_do_not_fit(host: FakeHost, blocks: list[tuple[int, bool, int, bytes, bytes]], error: str,
                                      peers: Peers) -> None:
    client, peer = Client(host, CONTENT_SIZE_LIMIT=4000), await peers()
    script = iter(blocks)

    def answer(request: Message) -> list[Message]:
        number, more, exponent, payload, tag = next(script)
        return [answer_to(request, payload=payload, block2=(number, more, exponent), etag=tag)]

    peer.answers = answer
    client.ask(peer.address, path="/x")
    heard = await host.until(lambda: client.heard)
    assert heard[0]["error"].startswith(error)
    found: Any = host.state(SocketTable).find(client.fd)
    assert found._assembling == 0 and not found._tokens and not found.layer.is_busy


async def test_a_server_may_want_smaller_blocks(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    got = bytearray()

    def answer(request: Message) -> list[Message]:
        number, more, exponent = request.opt.block1
        if exponent > 2:
            return [answer_to(request, codes.REQUEST_ENTITY_TOO_LARGE, block1=(0, True, 2))]
        assert number * 64 == len(got)
        got.extend(request.payload)
        return [answer_to(request, codes.CONTINUE if more else codes.CHANGED, block1=(number, more, 2))]

    peer.answers = answer
    body = bytes(range(256)) * 5
    client.ask(peer.address, path="/x", method="put", payload=Buffer(body))
    heard = await host.until(lambda: client.heard)
    assert heard[0]["code"] == "2.04" and bytes(got) == body


async def test_an_echo_is_given_back(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    peer.answers = lambda request: [
        answer_to(request, payload=b"in") if request.opt.echo == b"echo" else
        answer_to(request, codes.UNAUTHORIZED, echo=b"echo" if len(peer.heard) < 3 else b"more")]
    client.ask(peer.address, path="/x")
    assert (await host.until(lambda: client.heard))[0]["payload"] == "in"


async def test_old_notifications_are_not_news(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    peer.answers = lambda request: [answer_to(request, payload=b"first", observe=10)] if request.mtype is CON else []
    client.ask(peer.address, path="/w", observe=1, token="0a")
    await host.until(lambda: client.heard)
    [request] = peer.heard
    port = request.remote[1]
    for mid, (sequence, mtype) in enumerate(((11, NON), (9, CON), (11, NON), (12, CON))):
        peer.say(message_of(codes.CONTENT, mtype, mid, b"\x0a", b"%d" % sequence, observe=sequence), port)
    await host.until(lambda: len(client.heard) == 3)
    assert [one["payload"] for one in client.heard] == ["first", "11", "12"]
    assert client.ask(peer.address, path="/w", token="0a") == errors.EEALREADY
    efuns.socket_close(client.ob, client.fd)
    goodbye = await peer.until(lambda: [message for message in peer.heard if message.opt.observe == 1])
    assert (goodbye[0].mtype, goodbye[0].token) == (NON, b"\x0a")


async def test_names_are_looked_up(host: FakeHost, peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    client, peer = Client(host), await peers()
    peer.answers = lambda request: [answer_to(request, payload=b"found")]
    port = peer.address.split()[1]
    assert client.ask(f"coap://localhost:{port}/a", id=1) == 1
    assert client.ask("no-such-host.invalid", id=2) == 1
    await host.until(lambda: len(client.heard) == 2)
    found = {one["id"]: one for one in client.heard}
    assert found[1]["payload"] == "found" and found[2]["error"].startswith("unknown: ")
    monkeypatch.setattr("efuns.sockets.coap.client.address_of", lambda name: "127.0.0.1")
    client.ask("another.invalid", id=3)
    efuns.socket_close(client.ob, client.fd)  # whoever has gone hears nothing
    assert len(client.heard) == 2


async def test_a_connected_client(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    peer.answers = lambda request: [answer_to(request, payload="/".join(request.opt.uri_path).encode())]
    assert efuns.socket_connect(client.ob, client.fd, "http://x/", "answered", "ready") == errors.EEBADADDR
    where = f"coap://{peer.address.replace(' ', ':')}/a/b"
    assert efuns.socket_connect(client.ob, client.fd, where, "answered", "ready") == 1
    await host.until(lambda: host.seen("ready"))
    assert client.ask(None) == 1
    assert client.ask(None, path="/c") == 1
    await host.until(lambda: len(client.heard) == 2)
    assert [one["payload"] for one in client.heard] == ["a/b", "c"]
    assert efuns.socket_status(client.ob, client.fd)[1] == "DATA_XFER"


async def test_the_owner_goes_within_a_transfer(host: FakeHost, peers: Peers) -> None:
    client, peer = Client(host), await peers()
    client.ask(peer.address, path="/x", payload="y" * 5000)
    client.ask(peer.address, path="/z")
    [first] = await peer.hear(1)
    host.destruct(client.ob)
    peer.say(answer_to(first, codes.CONTINUE, block1=(0, True, 6)), first.remote[1])
    await host.turn()
    assert client.heard == [] and not host.reasons and len(peer.heard) == 1


async def test_a_socket_changes_hands(host: FakeHost, peers: Peers) -> None:
    server, peer = Server(host), await peers()
    heir = host.object(take=lambda fd, to: efuns.socket_acquire(heir, fd, "asked", "ready", "ended"),
                       asked=lambda fd, request, address: "from the heir")
    assert efuns.socket_release(server.ob, server.fd, heir, "take") == 1
    peer.request(server.port, "/x")
    assert (await peer.hear(1))[0].payload == b"from the heir"
    assert server.write("x", peer.address) == errors.EESECURITY


async def test_too_much_at_once_waits(host: FakeHost, monkeypatch: pytest.MonkeyPatch, peers: Peers) -> None:
    monkeypatch.setattr("efuns.sockets.coap.client.MOST", 2)
    client, peer = Client(host), await peers()
    efuns.socket_connect(client.ob, client.fd, peer.address, "answered", "ready")
    await host.until(lambda: host.seen("ready"))
    codes_ = [client.ask(None, path=f"/{number}") for number in range(3)]
    assert codes_ == [1, 1, errors.EEWOULDBLOCK]
    [first] = await peer.hear(1)
    peer.say(answer_to(first), first.remote[1])
    await host.until(lambda: len(host.seen("ready")) == 2)
    assert client.ask(None, path="/again") == 1
