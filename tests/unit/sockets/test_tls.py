"""Modes 5 and 6, and the TLS below them: with Python's ssl at the other end, with itself, and with liars."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from efuns.sockets import efuns, errors, tcp, tls
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Buffer, Mapping
from tests.unit.sockets.certificates import Certificates
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.streams import SECURE, TLS, TLS_BINARY, Acceptor, Party, Peer, pair

SERVER = {"SO_TLS_CERT": "/server.pem", "SO_TLS_KEY": "/server.key"}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def certificates(made: Certificates, tmp_path: Path) -> Certificates:
    """The certificates, also in the mudlib's root."""
    for file in made.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return made


class TlsPeer:
    """Python's own TLS on a plain peer."""

    def __init__(self, peer: Peer, context: ssl.SSLContext, **how: Any) -> None:
        self.peer = peer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, **how)

    async def _do(self, what: Callable[[], Any]) -> Any:
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self.peer.receive()
                if data:
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()
            finally:
                await self._flush()

    async def _flush(self) -> None:
        if self.outgoing.pending:
            await self.peer.send(self.outgoing.read())

    async def shake_hands(self) -> TlsPeer:
        await self._do(self.object.do_handshake)
        return self

    async def send(self, data: bytes) -> None:
        await self._do(lambda: self.object.write(data))

    async def receive(self, most: int = 65536) -> bytes:
        """Some bytes; b"" after the other end's goodbye, ssl.SSLEOFError without one."""
        return bytes(await self._do(lambda: self.object.read(most)))

    async def receive_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = await self.receive(count - len(data))
            assert piece
            data += piece
        return data

    async def receive_all(self) -> bytes:
        data = bytearray()
        while piece := await self.receive():
            data += piece
        return bytes(data)


async def client_of(party: Party, listener: int, context: ssl.SSLContext, name: str = "localhost") -> TlsPeer:
    return await TlsPeer(await Peer.to(party, listener), context, server_hostname=name).shake_hands()


# -------------------------------------------------------------------------------------- life of a socket


@pytest.mark.parametrize("mode", SECURE)
async def test_two_lpc_ends(host: FakeHost, certificates: Certificates, mode: int) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(mode, **SERVER)
    fd = client.create(mode)
    assert client.connect(fd, server.address(listener)) == 1
    assert client.state(fd) == "HANDSHAKE"
    assert client.write(fd, "x") == errors.EENOTCONN
    accepted = await server.has_accepted()
    assert server.state(accepted) == "HANDSHAKE"
    assert server.write(accepted, "x") == errors.EENOTCONN
    await client.is_ready(fd)
    await server.is_ready(accepted)
    assert server.status(accepted)[1:3] == ["DATA_XFER", "STREAM_TLS" if mode == TLS else "STREAM_TLS_BINARY"]
    assert client.write(fd, "h\u00e4llo") == errors.EESUCCESS
    assert server.write(accepted, Buffer(b"\xff")) == errors.EESUCCESS
    (got,) = await server.has_read(accepted)
    assert got == "h\u00e4llo" or bytes(got.data) == "h\u00e4llo".encode()
    (got,) = await client.has_read(fd)
    assert got == "\ufffd" or bytes(got.data) == b"\xff"
    assert client.close(fd) == 1
    await server.has_closed(accepted)
    assert client.closed == []
    assert (client.readies, server.readies) == ([fd], [accepted])


async def test_a_python_client(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await server.is_ready(fd)
    await peer.send("cut \u20ac".encode()[:-1])
    assert await server.text(fd, 4) == "cut "
    await peer.send("cut \u20ac".encode()[-1:])
    assert await server.text(fd, 5) == "cut \u20ac"
    server.write(fd, "answer")
    server.close(fd)
    assert await peer.receive_all() == b"answer"
    assert peer.object.version() == "TLSv1.3"
    peer.peer.close()


async def test_a_python_server(host: FakeHost, certificates: Certificates) -> None:
    client = Party(host)
    fd = client.create(TLS, SO_TLS_SNI_HOSTNAME="localhost", SO_TLS_VERIFY_PEER=1, TLS_CA_BUNDLE="/ca.pem")
    with Acceptor() as acceptor:
        assert client.connect(fd, acceptor.address) == 1
        names: list[str | None] = []
        context = certificates.server_context()
        context.sni_callback = lambda _, name, __: names.append(name)
        peer = await TlsPeer(await acceptor.accept(), context, server_side=True).shake_hands()
        await client.is_ready(fd)
        assert names == ["localhost"]
        client.write(fd, "question")
        assert await peer.receive_exactly(8) == b"question"
        await peer.send(b"answer")
        assert await client.text(fd, 6) == "answer"
        peer.peer.close()
    await client.has_closed(fd)


async def test_the_last_message_before_close_arrives_with_a_goodbye(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await server.is_ready(fd)
    message = "x" * (3 << 20)
    assert server.write(fd, message) == errors.EECALLBACK
    assert server.close(fd) == 1
    assert server.state(fd) == "CLOSING"
    assert await peer.receive_all() == message.encode()
    peer.peer.close()
    await server.is_free(fd)


async def test_the_goodbye_of_the_other_end_is_answered(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await peer._do(peer.object.unwrap)
    await server.has_closed(fd)
    peer.peer.close()


@pytest.mark.parametrize("mode", SECURE)
async def test_backpressure(host: FakeHost, certificates: Certificates, mode: int) -> None:
    """A slow reader kills the connection in mainline."""
    server = Party(host)
    listener = server.listening(mode, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await server.is_ready(fd)
    message = "0123456789abcdef" * (1 << 17)
    for count in (2, 3):
        assert server.write(fd, message) == errors.EECALLBACK
        assert server.write(fd, message) == errors.EEALREADY
        assert await peer.receive_exactly(len(message)) == message.encode()
        await host.until(lambda: len(server.readies) == count)  # noqa: B023 - awaited here
    assert server.write(fd, Mapping()) == errors.EETYPENOTSUPP
    peer.peer.close()


async def test_a_peer_that_only_listens_gets_everything(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS_BINARY, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await server.is_ready(fd)
    data = os.urandom(3 << 20)
    assert server.write(fd, Buffer(data)) == errors.EECALLBACK
    peer.peer.wire.shutdown(socket.SHUT_WR)
    await host.turn(5)
    assert server.closed == []
    assert await peer.receive_exactly(len(data)) == data
    await server.has_closed(fd)
    peer.peer.close()


async def test_before_the_driver_ends_what_was_written_leaves(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS_BINARY, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await server.is_ready(fd)
    data = os.urandom(3 << 20)
    assert server.write(fd, Buffer(data)) == errors.EECALLBACK
    drained = asyncio.ensure_future(host.state(SocketTable).drain())
    assert await peer.receive_exactly(len(data)) == data
    assert await peer.receive() == b"", "and a goodbye"
    await drained
    peer.peer.close()


async def test_a_large_upload(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS_BINARY, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    data = os.urandom(3 << 20)
    for at in range(0, len(data), 100_000):
        await peer.send(data[at:at + 100_000])
    assert await server.bytes(fd, len(data)) == data
    assert max(len(piece.data) for piece in server.data[fd]) <= 65534
    peer.peer.close()


# ---------------------------------------------------------------------------------------- certificates


@pytest.mark.parametrize(("options", "server", "accepted"), [
    ({}, "server", True),
    ({}, "stranger", True),
    ({"SO_TLS_SNI_HOSTNAME": "example.org"}, "server", True),
    ({"SO_TLS_VERIFY_PEER": 1}, "server", False),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem"}, "server", True),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem"}, "other", True),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem"}, "stranger", False),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "localhost"}, "server", True),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "127.0.0.1"}, "server", True),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "localhost"}, "other", False),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "example.org"}, "other", True),
    ({"SO_TLS_VERIFY_PEER": 0, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "localhost"}, "stranger", True),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem", "SO_TLS_SNI_HOSTNAME": "localhost"}, "expired", False),
    ({"SO_TLS_VERIFY_PEER": 1, "TLS_CA_BUNDLE": "/ca.pem"}, "expired", False),
    ({}, "expired", True),
])
async def test_verification(host: FakeHost, certificates: Certificates, options: dict[str, Any], server: str,
                            accepted: bool) -> None:
    party, client = Party(host), Party(host)
    listener = party.listening(TLS, SO_TLS_CERT=f"/{server}.pem", SO_TLS_KEY=f"/{server}.key")
    fd = client.create(TLS, **options)
    socket_object = host.state(SocketTable)._slots[fd]
    assert client.connect(fd, party.address(listener)) == 1
    await host.until(lambda: client.events)
    assert client.events == [("ready" if accepted else "close", fd)]
    assert ("not accepted" in socket_object.last_error) is not accepted
    warned = any("SO_TLS_VERIFY_PEER" in line for line in host.logged)
    assert warned is (options.get("SO_TLS_VERIFY_PEER") != 1)
    if not accepted:
        far = await party.has_accepted()
        await party.has_closed(far)
        assert party.data[far] == []


async def test_the_system_s_authorities_are_believed(host: FakeHost, certificates: Certificates,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificates.path("ca.pem"))
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    fd = client.create(TLS, SO_TLS_VERIFY_PEER=1, SO_TLS_SNI_HOSTNAME="localhost")
    client.connect(fd, server.address(listener))
    await client.is_ready(fd)
    assert host.logged == []


async def test_the_warning_comes_once(host: FakeHost, certificates: Certificates) -> None:
    await pair(host, TLS, **SERVER)
    await pair(host, TLS_BINARY, **SERVER)
    assert sum("SO_TLS_VERIFY_PEER" in line for line in host.logged) == 1


@pytest.mark.parametrize(("certificate", "accepted"), [("client", True), ("stranger", False), ("", False)])
@pytest.mark.parametrize("option", ["SO_TLS_VERIFY_PEER", "TLS_CLIENT_CERT_REQUIRED"])
async def test_client_certificates(host: FakeHost, certificates: Certificates, certificate: str, accepted: bool,
                                   option: str) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER, TLS_CA_BUNDLE="/ca.pem", **{option: 1})
    own = {"SO_TLS_CERT": f"/{certificate}.pem", "SO_TLS_KEY": f"/{certificate}.key"} if certificate else {}
    fd = client.create(TLS, **own)
    client.connect(fd, server.address(listener))
    far = await server.has_accepted()
    await host.until(lambda: far in server.readies + server.closed)
    assert (far in server.readies) is accepted
    if not accepted:
        await client.has_closed(fd)


@pytest.mark.parametrize("options", [
    {"SO_TLS_CERT": "/missing.pem", "SO_TLS_KEY": "/server.key"},
    {"SO_TLS_CERT": "/server.pem", "SO_TLS_KEY": "/missing.key"},
    {"SO_TLS_CERT": "/server.pem", "SO_TLS_KEY": "/other.key"},
    {"SO_TLS_CERT": "/server.key", "SO_TLS_KEY": "/server.key"},
    {"SO_TLS_CERT": "/denied.pem", "SO_TLS_KEY": "/server.key"},
    {"SO_TLS_CERT": "/server.pem", "SO_TLS_KEY": "/locked.key"},
    {**SERVER, "TLS_ALPN": "a,,b"},
    {**SERVER, "TLS_ALPN": "x" * 300},
    {**SERVER, "TLS_CLIENT_CERT_REQUIRED": 1, "TLS_CA_BUNDLE": "/server.key"},
])
async def test_files_that_do_not_work(host: FakeHost, certificates: Certificates, options: dict[str, Any]) -> None:
    host.files.denied.add("/denied.pem")
    party = Party(host)
    fd = party.create(TLS, **options)
    party.bind(fd)
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EELISTEN
    assert party.state(fd) == "BOUND"
    assert party.why(fd)
    assert "Traceback" not in party.why(fd)
    for name, value in SERVER.items():
        party.set(fd, name, value)
    party.set(fd, "TLS_ALPN", "")
    party.set(fd, "TLS_CLIENT_CERT_REQUIRED", 0)
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EESUCCESS, "a second try may succeed"


@pytest.mark.parametrize("options", [{}, {"SO_TLS_CERT": "/server.pem"}, {"SO_TLS_KEY": "/server.key"}])
async def test_without_a_certificate_every_accept_fails(host: FakeHost, certificates: Certificates,
                                                        options: dict[str, str]) -> None:
    server = Party(host)
    listener = server.listening(TLS, **options)
    codes: list[int] = []
    server.on("caller", lambda fd: codes.append(server.accept(fd)))
    for count in (1, 2):
        with await Peer.to(server, listener) as peer:
            assert await peer.receive() == b""
        assert codes == [errors.EEACCEPT] * count
    assert "certificate" in server.why(listener)
    assert len(host.logged) == 1


async def test_files_are_asked_for_as_the_mudlib_s(host: FakeHost, certificates: Certificates) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    fd = client.create(TLS, TLS_CA_BUNDLE="/ca.pem")
    client.connect(fd, server.address(listener))
    assert host.files.asked == [("read", "/server.pem", "socket_listen"), ("read", "/server.key", "socket_listen"),
                                ("read", "/ca.pem", "socket_connect")]
    client.close(fd)


@pytest.mark.parametrize("listens", [True, False])
async def test_the_master_closes_the_socket_when_asked_about_its_files(host: FakeHost, certificates: Certificates,
                                                                       listens: bool) -> None:
    party = Party(host)
    fd = party.create(TLS, **SERVER)
    readable = host.files.readable

    def close(*args: Any) -> str:
        party.close(fd)
        return readable(*args)

    host.files.readable = close  # type: ignore[method-assign]
    if listens:
        party.bind(fd)
        assert efuns.socket_listen(party.ob, fd, "caller") == errors.EEBADF
    else:
        assert party.connect(fd, "127.0.0.1 9") == errors.EEBADF
    assert party.state(fd) == "CLOSED"


@pytest.mark.parametrize("name", [".example.org", "a..b", "\u00e4" * 100, "a\0b"])
async def test_names_that_are_none(host: FakeHost, name: str) -> None:
    party = Party(host)
    fd = party.create(TLS, SO_TLS_SNI_HOSTNAME=name)
    assert party.connect(fd, "127.0.0.1 9") == errors.EECONNECT
    assert "server name" in party.why(fd)


# ------------------------------------------------------------------------------- protocols and sessions


async def test_alpn(host: FakeHost, certificates: Certificates) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER, TLS_ALPN="two,three")
    fd = client.create(TLS, TLS_ALPN="one,two,three")
    assert client.get(fd, "TLS_ALPN") == "one,two,three"
    client.connect(fd, server.address(listener))
    await client.is_ready(fd)
    accepted = await server.has_accepted()
    await server.is_ready(accepted)
    assert (client.get(fd, "TLS_ALPN"), server.get(accepted, "TLS_ALPN")) == ("two", "two")


async def test_no_protocol_in_common(host: FakeHost, certificates: Certificates) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER, TLS_ALPN="one")
    fd = client.create(TLS, TLS_ALPN="two")
    client.connect(fd, server.address(listener))
    await client.is_ready(fd)
    assert client.get(fd, "TLS_ALPN") == ""


async def test_sessions_are_resumed(host: FakeHost, certificates: Certificates) -> None:
    """By the same kind of socket with the same server, and by no other."""
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    server.on("ready", lambda fd: server.write(fd, "hello"))

    async def resumed(**options: Any) -> bool:
        fd = client.create(TLS, **options)
        client.connect(fd, server.address(listener))
        await client.has_read(fd)
        session = host.state(SocketTable)._slots[fd]._tls._object
        client.data.clear()
        client.close(fd)
        return bool(session.session_reused)

    assert [await resumed() for _ in range(3)] == [False, True, True]
    assert not await resumed(SO_TLS_SNI_HOSTNAME="localhost")
    assert await resumed(SO_TLS_SNI_HOSTNAME="localhost")
    assert not await resumed(TLS_ALPN="x")


async def test_old_versions_are_refused(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    context = certificates.client_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with await Peer.to(server, listener) as peer:
        with pytest.raises(ssl.SSLError):
            await TlsPeer(peer, context, server_hostname="localhost").shake_hands()
        await server.has_closed(await server.has_accepted())


async def test_version_1_2(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    context = certificates.client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    peer = await client_of(server, listener, context)
    fd = await server.has_accepted()
    await server.is_ready(fd)
    server.write(fd, "old")
    assert await peer.receive_exactly(3) == b"old"
    await peer.send(b"x")
    assert await server.text(fd, 1) == "x"
    peer.peer.close()


# -------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("greeting", [
    b"GET / HTTP/1.0\r\n\r\n", b"\0" * 100, b"hello\n", b"\x16\x03\x01\xff\xff" + b"x" * 70000])
async def test_plain_text_to_a_tls_server(host: FakeHost, certificates: Certificates, greeting: bytes) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        socket_object = host.state(SocketTable)._slots[fd]
        await peer.send(greeting)
        await server.has_closed(fd)
    assert server.events == [("caller", listener), ("close", fd)]
    assert "TLS" in socket_object.last_error
    await pair(host, TLS, **SERVER)


async def test_a_tls_client_of_a_plain_server(host: FakeHost) -> None:
    client = Party(host)
    fd = client.create(TLS)
    socket_object = host.state(SocketTable)._slots[fd]
    with Acceptor() as acceptor:
        client.connect(fd, acceptor.address)
        peer = await acceptor.accept()
        await peer.send(b"220 welcome\r\n")
        await client.has_closed(fd)
        peer.close()
    assert client.events == [("close", fd)]
    assert socket_object.last_error == "The other end does not speak TLS"


@pytest.mark.parametrize("resets", [True, False])
@pytest.mark.parametrize("step", range(4))
async def test_the_peer_leaves_at_every_step_of_the_handshake(host: FakeHost, certificates: Certificates, step: int,
                                                              resets: bool) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    peer = await Peer.to(server, listener)
    fd = await server.has_accepted()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = certificates.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    if step:
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        hello = outgoing.read()
        await peer.send(hello[:100] if step == 1 else hello)
    if step == 3:
        incoming.write(await peer.receive())
        client.do_handshake()
        await peer.send(outgoing.read()[:20])
    peer.reset() if resets else peer.close()
    await server.has_closed(fd)
    assert server.events == [("caller", listener), ("close", fd)]
    assert server.state(fd) == "CLOSED"


@pytest.mark.parametrize("step", range(3))
async def test_the_server_leaves_at_every_step_of_the_handshake(host: FakeHost, certificates: Certificates, step: int,
                                                                ) -> None:
    client = Party(host)
    fd = client.create(TLS)
    with Acceptor() as acceptor:
        client.connect(fd, acceptor.address)
        peer = await acceptor.accept()
        hello = await peer.receive()
        if step:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            server = certificates.server_context().wrap_bio(incoming, outgoing, server_side=True)
            incoming.write(hello)
            with pytest.raises(ssl.SSLWantReadError):
                server.do_handshake()
            await peer.send(outgoing.read()[:200 * step])
        peer.reset()
        await client.has_closed(fd)
    assert client.events == [("close", fd)]


async def test_a_handshake_may_not_take_for_ever(host: FakeHost, certificates: Certificates,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp, "HANDSHAKE_SECONDS", 0.01)
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    with await Peer.to(server, listener) as silent, Acceptor() as acceptor:
        accepted = await server.has_accepted()
        await server.has_closed(accepted)
        assert await silent.receive() == b""
        fd = client.create(TLS)
        client.connect(fd, acceptor.address)
        await client.has_closed(fd)


async def test_closing_in_the_handshake(host: FakeHost, certificates: Certificates) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    with await Peer.to(server, listener) as peer:
        fd = await server.has_accepted()
        assert server.close(fd) == 1
        assert server.state(fd) == "CLOSED"
        assert await peer.receive() == b""
    fd = client.create(TLS)
    client.connect(fd, server.address(listener))
    assert client.close(fd) == 1
    await host.turn(10)
    assert client.events == []


@pytest.mark.parametrize("event", ["ready", "read", "close"])
async def test_destructed_in_every_callback(host: FakeHost, certificates: Certificates, event: str) -> None:
    server, client = Party(host), Party(host)
    listener = server.listening(TLS, **SERVER)
    done: list[int] = []

    def destruct(fd: int, *args: Any) -> None:
        done.append(fd)
        host.destruct(server.ob)

    server.on(event, destruct)
    fd = client.create(TLS)
    client.on("ready", lambda fd: (client.write(fd, "x"), client.close(fd) if event == "close" else 0))
    client.connect(fd, server.address(listener))
    await host.until(lambda: done)
    await host.turn(5)
    assert len(done) == 1
    assert all(made is None or made.owner is not server.ob for made in host.state(SocketTable))


async def test_garbage_after_the_handshake(host: FakeHost, certificates: Certificates) -> None:
    server = Party(host)
    listener = server.listening(TLS, **SERVER)
    peer = await client_of(server, listener, certificates.client_context())
    fd = await server.has_accepted()
    await peer.send(b"good")
    assert await server.text(fd, 4) == "good"
    await peer.peer.send(b"\x17\x03\x03\x00\x20" + bytes(32))
    await server.has_closed(fd)
    assert server.data[fd] == ["good"]
    peer.peer.close()


# ------------------------------------------------------------------------------------- without a socket


@pytest.fixture(scope="session")
def contexts(made: Certificates) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return tls.client_context(verifies=True, has_name=True, authorities=made.path("ca.pem")), made.server_context()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40_000), max_size=5), st.integers(1, 5000), st.booleans())
def test_any_cut_gives_the_same_bytes(contexts: tuple[ssl.SSLContext, ssl.SSLContext], messages: list[bytes], size: int,
                                      says_goodbye: bool) -> None:
    client = tls.Tls(contexts[0], is_server=False, name="localhost")
    server = tls.Tls(contexts[1], is_server=True)
    received = bytearray()

    def carry(data: bytes, to: tls.Tls) -> None:
        for at in range(0, len(data), size):
            received.extend(to.decrypt(data[at:at + size]))
            if not to.is_up and to.shake_hands():
                received.extend(to.decrypt(b""))

    client.shake_hands()
    for _ in range(3):
        carry(client.data_to_send(), server)
        carry(server.data_to_send(), client)
    assert client.is_up and server.is_up
    wire = b"".join(client.encrypt(message) for message in messages)
    carry(wire + (client.close() if says_goodbye else b""), server)
    assert bytes(received) == b"".join(messages)
    assert server.is_over is says_goodbye
    assert server.failure is None


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=300))
def test_any_garbage_is_an_ssl_error(contexts: tuple[ssl.SSLContext, ssl.SSLContext], data: bytes) -> None:
    server = tls.Tls(contexts[1], is_server=True)
    server.decrypt(data)
    try:
        assert not server.shake_hands()
    except ssl.SSLError as error:
        assert tls.explain(error).startswith(("TLS error: ", "The other end"))


@pytest.mark.parametrize(("error", "text"), [
    (OSError(104, "Connection reset by peer"), "Connection reset by peer"),
    (OSError(104, None), os.strerror(104)),
    (FileNotFoundError(2, "No such file or directory"), "No such file or directory"),
])
def test_errors_in_words(error: OSError, text: str) -> None:
    assert tls.explain(error) == text

