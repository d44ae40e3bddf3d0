"""Modes 2 and 4: UDP packets, against plain sockets of the operating system."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from efuns.sockets import efuns, errors, options, udp
from efuns.sockets.table import SocketTable
from efuns.sockets.wire import parse_address, shown_address, text_bytes
from lpc.errors import BadArgument, LPCError
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost

DATAGRAM, DATAGRAM_BINARY = 2, 4
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


class Service:
    """An object with a UDP socket; `got` is what its read callback was told."""

    def __init__(self, host: FakeHost, mode: int = DATAGRAM, address: str | None = "127.0.0.1 0") -> None:
        self.host = host
        self.ob: LPCObject = host.object(packet=lambda fd, data, sender: None, gone=lambda *args: None)
        self.fd = efuns.socket_create(self.ob, mode, "packet", "gone")
        if address is not None:
            assert efuns.socket_bind(self.ob, self.fd, 0, address) == 1

    def write(self, message: Any, address: str | None = None) -> int:
        return efuns.socket_write(self.ob, self.fd, message, address)

    @property
    def port(self) -> int:
        return int(self.address.split()[1])

    @property
    def address(self) -> str:
        found = efuns.socket_address(self.ob, self.fd, 1)
        assert isinstance(found, str)
        return found

    @property
    def status(self) -> list[Any]:
        found = efuns.socket_status(self.ob, self.fd)
        assert isinstance(found, list)
        return found

    @property
    def got(self) -> list[Any]:
        return [shown(args[1]) for args in self.host.seen("packet") if args[0] == self.fd]

    @property
    def last_error(self) -> Any:
        return efuns.socket_get_option(self.ob, self.fd, options.SO_LAST_ERROR)


def shown(value: Any) -> Any:
    return bytes(value.data) if isinstance(value, Buffer) else value


class Peer:
    """A socket of the operating system."""

    def __init__(self, family: socket.AddressFamily = socket.AF_INET) -> None:
        self.wire = socket.socket(family, socket.SOCK_DGRAM)
        self.wire.bind((LOOPBACK[family], 0))
        self.wire.settimeout(10)

    @property
    def address(self) -> str:
        host, port = self.wire.getsockname()[:2]
        return f"{host} {port}"

    def send(self, data: bytes, to: Service) -> None:
        self.wire.sendto(data, (self.wire.getsockname()[0], to.port))

    def receive(self) -> bytes:
        return self.wire.recv(65535)


@pytest.fixture
def peer(host: FakeHost) -> Iterator[Peer]:
    made = Peer()
    yield made
    made.wire.close()


@pytest.fixture
def peer6(host: FakeHost) -> Iterator[Peer]:
    try:
        made = Peer(socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    yield made
    made.wire.close()


# ------------------------------------------------------------------------------------------- receiving


@pytest.mark.parametrize(("mode", "packet", "message"), [
    (DATAGRAM, b"hello", "hello"), (DATAGRAM, "Zoë 🐉".encode(), "Zoë 🐉"), (DATAGRAM, b"a\0b", "a\0b"),
    (DATAGRAM, b"\xff\xfe", b"\xff\xfe"), (DATAGRAM, "é".encode()[:1], "é".encode()[:1]), (DATAGRAM, b"", ""),
    (DATAGRAM, b"\xed\xa0\x80", b"\xed\xa0\x80"), (DATAGRAM_BINARY, b"hello", b"hello"), (DATAGRAM_BINARY, b"", b""),
    (DATAGRAM, b"x" * 65507, "x" * 65507), (DATAGRAM_BINARY, bytes(range(256)) * 200, bytes(range(256)) * 200),
])
async def test_what_a_packet_is(host: FakeHost, peer: Peer, mode: int, packet: bytes, message: Any) -> None:
    service = Service(host, mode)

    peer.send(packet, service)
    await host.until(lambda: service.got)

    assert service.got == [message]
    assert host.seen("packet")[0][2] == peer.address


async def test_packets_come_one_by_one_in_order(host: FakeHost, peer: Peer) -> None:
    service = Service(host)

    for number in range(100):
        peer.send(f"{number}".encode(), service)
    await host.until(lambda: len(service.got) == 100)

    assert service.got == [f"{number}" for number in range(100)]


async def test_an_empty_packet_or_an_error_ends_nothing(host: FakeHost, peer: Peer) -> None:
    service = Service(host)

    peer.send(b"", service)
    peer.send(b"after", service)
    await host.until(lambda: len(service.got) == 2)

    assert service.got == ["", "after"]
    assert service.status[1] == "BOUND"


class Failing:
    """A socket whose receive calls fail first."""

    def __init__(self, wire: socket.socket, *failures: int) -> None:
        self.wire = wire
        self.failures = list(failures)

    def recvfrom(self, size: int) -> Any:
        if self.failures:
            raise OSError(self.failures.pop(0), "as told")
        return self.wire.recvfrom(size)

    def sendto(self, data: bytes, to: Any) -> Any:
        if self.failures:
            raise OSError(self.failures.pop(0), "as told")
        return self.wire.sendto(data, to)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wire, name)


async def test_receive_errors_are_not_the_sockets_end(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    found: Any = host.state(SocketTable).find(service.fd)
    found._wire = Failing(found._wire, errno.ECONNREFUSED, errno.ENOMEM, errno.EHOSTUNREACH)

    peer.send(b"x", service)
    await host.until(lambda: service.got)

    assert service.got == ["x"]


@pytest.mark.parametrize("mode", [DATAGRAM, DATAGRAM_BINARY])
async def test_a_lost_descriptor_frees_the_slot_without_a_callback(host: FakeHost, peer: Peer, mode: int) -> None:
    service = Service(host, mode)
    found: Any = host.state(SocketTable).find(service.fd)
    found._wire = Failing(found._wire, errno.EBADF)

    peer.send(b"x", service)
    await host.turn(10)

    assert host.seen("gone") == []
    assert service.write("x", peer.address) == errors.EEBADF


async def test_a_refused_packet_is_nobodys_problem(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    closed = Peer()
    address = closed.address
    closed.wire.close()

    assert [service.write(f"{number}", address) for number in range(3)] == [1, 1, 1]
    await host.turn()
    peer.send(b"still here", service)
    await host.until(lambda: service.got)

    assert service.got == ["still here"]


async def test_what_a_send_hears_of_an_earlier_packet(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    found: Any = host.state(SocketTable).find(service.fd)
    found._wire = Failing(found._wire, errno.ECONNREFUSED)

    assert service.write("this one", peer.address) == 1
    assert peer.receive() == b"this one"
    found._wire.failures = [errno.ENETUNREACH]
    assert service.write("nor this", peer.address) == errors.EESENDTO


async def test_callbacks_may_close_and_make_sockets(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    ob = service.ob
    made: list[int] = []

    def packet(fd: int, data: Any, sender: str) -> None:
        assert efuns.socket_close(ob, fd) == 1
        made.append(efuns.socket_create(ob, DATAGRAM, "packet"))
        assert efuns.socket_bind(ob, made[-1], 0, "127.0.0.1 0") == 1

    ob.extra["packet"] = packet
    for _ in range(3):
        peer.send(b"x", service)
    await host.until(lambda: made)
    await host.turn(5)

    assert made == [service.fd]  # the slot was free at once, and two packets were lost with the old socket
    assert len(host.seen("packet")) == 1


async def test_an_error_in_a_callback_costs_one_packet(host: FakeHost, peer: Peer) -> None:
    service = Service(host)

    def packet(fd: int, data: Any, sender: str) -> None:
        if data == "bad":
            raise LPCError("*oops")

    service.ob.extra["packet"] = packet
    for data in (b"bad", b"good"):
        peer.send(data, service)
    await host.until(lambda: len(service.got) == 2)

    assert [error.strip() for error in host.errors] == ["*oops"]
    host.errors.clear()


async def test_others_get_their_turn_in_a_flood(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    seen_at: list[int] = []
    for _ in range(100):
        peer.send(b"x", service)

    host.loop.call_soon(lambda: host.loop.call_soon(lambda: seen_at.append(len(service.got))))
    await host.until(lambda: len(service.got) == 100)

    assert seen_at[0] < 100


# --------------------------------------------------------------------------------------------- sending


@pytest.mark.parametrize(("message", "packet"), [
    ("hello", b"hello"), ("Zoë\0x", "Zoë\0x".encode()), (Buffer(b"\xff\0"), b"\xff\0"), ("", b""), (Buffer(), b""),
    ("half \ud83d", "half \ufffd".encode()), ("y" * 65507, b"y" * 65507),
], ids=["text", "unicode", "buffer", "empty", "empty buffer", "half a pair", "largest"])
@pytest.mark.parametrize("mode", [DATAGRAM, DATAGRAM_BINARY])
async def test_messages(host: FakeHost, peer: Peer, mode: int, message: Any, packet: bytes) -> None:
    service = Service(host, mode)

    assert service.write(message, peer.address) == 1
    assert peer.receive() == packet


async def test_an_unbound_socket_sends_but_does_not_receive(host: FakeHost, peer: Peer) -> None:
    service = Service(host, address=None)

    assert service.write("x", peer.address) == 1
    _, sender = peer.wire.recvfrom(10)
    peer.wire.sendto(b"answer", sender)
    await host.turn(5)

    assert service.got == []
    assert service.status[1] == "UNBOUND"
    assert host.reasons == set()


async def test_what_write_refuses_and_in_which_order(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    stranger = host.object()

    assert efuns.socket_write(service.ob, 99, {}, None) == errors.EEFDRANGE
    assert efuns.socket_write(stranger, service.fd, 1, None) == errors.EESECURITY
    assert service.write(1) == errors.EENOADDR
    for address in ("", "127.0.0.1", "127.0.0.1:4000", "127.0.0.1  4000", "localhost 4000", "127.0.0.1 x",
                    "127.0.0.1 -1", "127.0.0.1 65536", " 4000", "127.0.0.1 4000 ", "127.0.0.1 \u0664", "1.2.3.4\0 5"):
        assert service.write(1, address) == errors.EEBADADDR, address
    for message in (1, 1.5, [1], Mapping(), service.ob):
        assert service.write(message, peer.address) == errors.EETYPENOTSUPP
    assert service.write("x" * 65508, peer.address) == errors.EESENDTO
    assert service.last_error == f"{peer.address}: {os.strerror(errno.EMSGSIZE)}"
    assert service.write("x", "127.0.0.1 0") == errors.EESENDTO
    assert service.write("fine", peer.address) == 1
    efuns.socket_close(service.ob, service.fd)
    assert service.write("x", peer.address) == errors.EEBADF


async def test_each_target_needs_permission(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    host_name, port = peer.address.split()
    host.permissions.asked.clear()
    host.permissions.refusal = "not there"

    assert service.write(1, peer.address) == errors.EETYPENOTSUPP
    assert service.write("x", peer.address) == errors.EESECURITY
    assert service.last_error == "not there"
    host.permissions.refusal = ""
    assert [service.write("x", peer.address) for _ in range(3)] == [1, 1, 1]

    assert host.permissions.asked == [("net", host_name, int(port))] * 2  # refused, then allowed for good


async def test_the_targets_remembered_are_bounded(host: FakeHost) -> None:
    service = Service(host)
    found: Any = host.state(SocketTable).find(service.fd)

    for port in range(10_000, 11_000):
        service.write("", f"127.0.0.1 {port}")

    assert 0 < len(found._known) <= 256


async def test_broadcast_needs_its_option(host: FakeHost) -> None:
    service = Service(host, address="0.0.0.0 0")
    everybody = f"127.255.255.255 {service.port}"

    assert service.write("x", everybody) == errors.EESENDTO
    assert os.strerror(errno.EACCES) in service.last_error
    assert efuns.socket_set_option(service.ob, service.fd, options.SO_BROADCAST, 1) == 1
    assert efuns.socket_get_option(service.ob, service.fd, options.SO_BROADCAST) == 1
    assert service.write("x", everybody) == 1
    await host.until(lambda: service.got)
    efuns.socket_set_option(service.ob, service.fd, options.SO_BROADCAST, 0)
    assert service.write("x", everybody) == errors.EESENDTO
    with pytest.raises(LPCError, match="only 0 to 1"):
        efuns.socket_set_option(service.ob, service.fd, options.SO_BROADCAST, 2)


async def test_options_of_the_kernel(host: FakeHost) -> None:
    service = Service(host, address=None)
    found: Any = host.state(SocketTable).find(service.fd)

    def kernel(which: int) -> int:
        return int(found._wire.getsockopt(socket.SOL_SOCKET, which))

    assert kernel(socket.SO_RCVBUF) > 0 and kernel(socket.SO_BROADCAST) == 0
    for option, value in ((options.SO_BROADCAST, 1), (options.SO_RCVBUF, 10_000), (options.SO_SNDBUF, 20_000)):
        assert efuns.socket_set_option(service.ob, service.fd, option, value) == 1
    for _ in range(2):
        assert [kernel(which) for which in (socket.SO_BROADCAST, socket.SO_RCVBUF, socket.SO_SNDBUF)] == [
            1, 20_000, 40_000]  # the kernel doubles what it is told
        efuns.socket_bind(service.ob, service.fd, 0, "::1 0")  # another family: another socket of the kernel
    assert service.address.startswith("::1 ")


# --------------------------------------------------------------------------------------------- binding


async def test_binding(host: FakeHost) -> None:
    service = Service(host, address=None)
    assert service.status[1:5] == ["UNBOUND", "DATAGRAM", "", ""]
    assert service.address == "0.0.0.0 0"
    assert host.reasons == set()

    assert efuns.socket_bind(service.ob, service.fd, 0) == 1

    assert service.status[1:5] == ["BOUND", "DATAGRAM", f"*.{service.port}", ""]
    assert service.status[0] == host.state(SocketTable).find(service.fd).system_fd > 0
    assert service.port > 0
    assert efuns.socket_address(service.ob, service.fd) == "0.0.0.0 0"
    assert len(host.reasons) == 1
    assert host.permissions.asked == [("listen", "0.0.0.0", 0)]
    assert efuns.socket_bind(service.ob, service.fd, 0) == errors.EEISBOUND


async def test_the_address_wins_over_the_port(host: FakeHost) -> None:
    free = Service(host)
    port = free.port
    efuns.socket_close(free.ob, free.fd)
    service = Service(host, address=None)

    assert efuns.socket_bind(service.ob, service.fd, 1, f"127.0.0.1 {port}") == 1
    assert service.address == f"127.0.0.1 {port}"


async def test_the_mud_ip_is_the_default(host: FakeHost) -> None:
    host.configured[9] = "127.0.0.2"
    service = Service(host, address=None)

    assert efuns.socket_bind(service.ob, service.fd, 0) == 1
    assert service.address.startswith("127.0.0.2 ")


async def test_what_bind_refuses(host: FakeHost, peer: Peer) -> None:
    service = Service(host, address=None)
    taken = int(peer.address.split()[1])

    with pytest.raises(BadArgument):
        efuns.socket_bind(service.ob, service.fd, "4000")
    for where, address in ((70_000, None), (-1, None), (0, ""), (0, "localhost 0"), (0, "127.0.0.1"),
                           (0, "127.0.0.1 99999")):
        assert efuns.socket_bind(service.ob, service.fd, where, address) == errors.EEBADADDR
    assert efuns.socket_bind(service.ob, service.fd, taken, f"127.0.0.1 {taken}") == errors.EEADDRINUSE
    assert efuns.socket_bind(service.ob, service.fd, 0, "192.0.2.1 0") == errors.EEBIND
    host.permissions.refusal = "no serving"
    assert efuns.socket_bind(service.ob, service.fd, 0) == errors.EESECURITY
    assert service.last_error == "no serving"
    host.permissions.refusal = ""
    assert efuns.socket_bind(service.ob, service.fd, 0) == 1  # what failed left it as it was


async def test_two_sockets_do_not_share_a_port(host: FakeHost) -> None:
    first, second = Service(host), Service(host, address=None)

    assert efuns.socket_bind(second.ob, second.fd, 0, first.address) == errors.EEADDRINUSE


@pytest.mark.parametrize("mode", [DATAGRAM, DATAGRAM_BINARY])
async def test_what_makes_no_sense_for_datagrams(host: FakeHost, mode: int) -> None:
    service = Service(host, mode)

    assert efuns.socket_listen(service.ob, service.fd, "packet") == errors.EEMODENOTSUPP
    assert efuns.socket_accept(service.ob, service.fd, "packet", "packet") == errors.EEMODENOTSUPP
    assert efuns.socket_connect(service.ob, service.fd, "127.0.0.1 1", "packet", "packet") == errors.EEMODENOTSUPP
    assert service.status[2] == "DATAGRAM"


# ------------------------------------------------------------------------------------------------ IPv6


async def test_ipv6(host: FakeHost, peer6: Peer) -> None:
    service = Service(host, address="::1 0")

    peer6.send(b"hello", service)
    await host.until(lambda: service.got)
    assert host.seen("packet")[0][1:] == ("hello", peer6.address)
    assert service.write("back", peer6.address) == 1
    assert peer6.receive() == b"back"
    assert service.status[3] == f"::1.{service.port}"


async def test_one_socket_for_both(host: FakeHost, peer: Peer, peer6: Peer) -> None:
    service = Service(host, address=":: 0")

    for each in (peer, peer6):
        each.send(b"hello", service)
        await host.until(lambda sender=each.address: any(args[2] == sender for args in host.seen("packet")))
        assert service.write("back", each.address) == 1
        assert each.receive() == b"back"
    assert service.status[3] == f"*.{service.port}"


async def test_a_socket_of_ipv4_reaches_no_ipv6(host: FakeHost, peer: Peer, peer6: Peer) -> None:
    service = Service(host)

    assert service.write("x", peer6.address) == errors.EESENDTO
    assert service.last_error == f"{peer6.address}: {os.strerror(errno.EAFNOSUPPORT)}"
    assert service.write("x", peer.address) == 1


async def test_an_unbound_socket_reaches_both_and_binds_to_either(host: FakeHost, peer: Peer, peer6: Peer) -> None:
    service = Service(host, address=None)

    for each in (peer, peer6, peer, peer6):
        assert service.write("x", each.address) == 1
        assert each.receive() == b"x"
    assert efuns.socket_bind(service.ob, service.fd, 0, "127.0.0.1 0") == 1
    peer.send(b"y", service)
    await host.until(lambda: service.got)


# ------------------------------------------------------------------------------------ owners, the end


async def test_release_and_acquire(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    taker = host.object(mine=lambda fd, data, sender: None)
    taker.extra["take"] = lambda fd, to: efuns.socket_acquire(taker, fd, "mine", "drained", "gone")

    assert efuns.socket_release(service.ob, service.fd, taker, "take") == 1
    peer.send(b"x", service)
    await host.until(lambda: host.seen("mine"))

    assert service.got == []
    assert service.write("x", peer.address) == errors.EESECURITY
    host.destruct(taker)
    assert efuns.socket_write(service.ob, service.fd, "x", peer.address) == errors.EEBADF


async def test_closing_frees_descriptor_and_port(host: FakeHost, peer: Peer) -> None:
    service = Service(host)
    address = service.address

    peer.send(b"late", service)
    assert efuns.socket_close(service.ob, service.fd) == 1
    assert efuns.socket_close(service.ob, service.fd) == errors.EEBADF
    again = Service(host, address=None)
    assert again.fd == service.fd
    assert efuns.socket_bind(again.ob, again.fd, 0, address) == 1
    await host.turn(5)

    assert again.got == []


def test_a_socket_that_cannot_be_made(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(socket.socket):
        def setsockopt(self, *args: Any) -> None:
            raise OSError(errno.ENOPROTOOPT, "no")

    monkeypatch.setattr(udp.socket, "socket", Broken)

    assert efuns.socket_create(host.object(), DATAGRAM, "packet") == errors.EESOCKET
    assert len(host.state(SocketTable)) == 0


def test_the_driver_may_end_after_its_loop(tmp_path: Any) -> None:
    loop = asyncio.new_event_loop()
    host = FakeHost(loop, tmp_path)
    Service(host)
    loop.close()

    host.close()

    assert host.reasons == set()


# ------------------------------------------------------------------------------------- shared helpers


@pytest.mark.parametrize(("sockaddr", "host"), [
    (("1.2.3.4", 5), "1.2.3.4"), (("::1", 5, 0, 0), "::1"), (("::ffff:1.2.3.4", 5, 0, 0), "1.2.3.4"),
    (("fe80::1", 5, 0, 3), "fe80::1%3"), (("fe80::1%lo", 5, 0, 3), "fe80::1%lo"),
])
def test_addresses_as_lpc_sees_them(sockaddr: Any, host: str) -> None:
    assert shown_address(sockaddr) == (host, 5)


def test_the_address_of_a_neighbour_comes_back() -> None:
    address = parse_address("fe80::1%1 5")

    assert address is not None and (address.sockaddr[3], address.port) == (1, 5)
    assert shown_address(address.sockaddr)[0].startswith("fe80::1%")


@pytest.mark.parametrize(("text", "data"), [("", b""), ("aé", b"a\xc3\xa9"), ("\udc80", b"\xef\xbf\xbd"),
                                            ("\ud83d\ude00", b"\xf0\x9f\x98\x80")])
def test_text_as_bytes(text: str, data: bytes) -> None:
    assert text_bytes(text) == data
