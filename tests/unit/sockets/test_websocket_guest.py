"""WebSocket listeners at the port of an HTTP server."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from efuns.sockets import efuns, errors
from efuns.sockets.table import SocketTable
from lpc.runtime.values import Mapping, Value
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.http_world import TLS, Server, issue, warm_up
from tests.unit.sockets.websocket_peers import (
    ACCEPT,
    CLOSE,
    FIN,
    SECURE_SERVER,
    SERVER,
    TEXT,
    UPGRADE,
    Party,
    closing,
    frame,
    raw_client,
)


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


@pytest.fixture
def authority(host: FakeHost) -> trustme.CA:
    return issue(host)


# ----------------------------------------------------------------------------------- the port of an HTTP server


class Site:
    """An HTTP server and a WebSocket listener at its port."""

    def __init__(self, host: FakeHost, mode: int = SERVER, *, by_itself: bool = False, http: int = 20, **given: Value,
                 ) -> None:
        self.server = Server(host, lambda fd, request: Mapping(body=request["path"]), http, **given).listen()
        self.party = Party(host)
        self.party.ob = self.server.ob
        self.party.ob.extra.update(read=self.party._read, ready=self.party._ready, left=self.party._closed,
                                   caller=self.party._caller)
        self.fd = efuns.socket_create(self.party.ob, mode, "read", "left")
        assert efuns.socket_bind(self.party.ob, self.fd, self.server.port, f"127.0.0.1 {self.server.port}") == 1
        self.code = efuns.socket_listen(self.party.ob, self.fd, *(() if by_itself else ("caller",)))


@pytest.mark.parametrize("by_itself", [False, True])
async def test_a_port_shared_with_an_http_server(host: FakeHost, by_itself: bool) -> None:
    site = Site(host, by_itself=by_itself)
    assert site.code == 1
    plain = await site.server.peer()
    assert (await plain.ask(b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"/page"
    peer = await raw_client(site.party, site.fd)
    assert f"Accept: {ACCEPT}\r\n".encode() in await peer.head()
    peer.text("hello")
    assert await site.party.data() == ["hello"]
    fd = site.party.messages[0][0]
    assert site.party.write(fd, "to you") == 1
    assert await peer.frame() == (FIN | TEXT, b"to you")
    assert (await site.server.ended())[1:] == ("The connection became a WebSocket", 101)
    assert (await plain.ask(b"GET /again HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"/again"
    peer.send(FIN | CLOSE, closing(1000))
    assert (await site.party.end(fd))[1] == 1000
    await peer.closed()
    await plain.close()
    await site.server.ended(2)


async def test_a_request_before_the_upgrade_on_the_same_connection(host: FakeHost) -> None:
    site = Site(host)
    plain = await site.server.peer()
    assert (await plain.ask(b"GET /first HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"/first"
    plain.send(UPGRADE + b"\r\n")
    assert (await plain.line_block()).startswith(b"HTTP/1.1 101 ")
    await plain.close()
    assert (await site.party.end(await site.party.has_opened()))[1] == 1006


@pytest.mark.parametrize(("head", "status"), [
    (UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: h2c"), 200),
    (UPGRADE.replace(b"Version: 13", b"Version: 12"), 426),
    (UPGRADE.replace(b"dGhl", b""), 400),
])
async def test_other_requests_at_a_shared_port(host: FakeHost, head: bytes, status: int) -> None:
    site = Site(host)
    peer = await raw_client(site.party, site.fd, head)
    assert int((await peer.head()).split()[1]) == status
    await peer.closed()
    await host.until(lambda: site.server.ends)


async def test_a_guest_that_does_not_accept(host: FakeHost) -> None:
    site = Site(host)
    site.party.ob.extra["caller"] = lambda fd: 0
    peer = await raw_client(site.party, site.fd)
    assert (await peer.head()).startswith(b"HTTP/1.1 503 ")
    await peer.closed()
    await site.server.ended()


async def test_what_stands_behind_the_handshake(host: FakeHost) -> None:
    site = Site(host)
    peer = await raw_client(site.party, site.fd, b"")
    peer.raw(UPGRADE + b"\r\n" + frame(FIN | TEXT, b"early", masked=True))
    assert (await peer.head()).startswith(b"HTTP/1.1 400 ")
    await peer.closed()
    await site.server.ended()
    assert site.party.opened == []


@pytest.mark.parametrize("accepts", [True, False])
@pytest.mark.parametrize("answers", [True, False])
async def test_lpc_uses_the_connection_it_is_offered(host: FakeHost, accepts: bool, answers: bool) -> None:
    site = Site(host)

    def offered(fd: int) -> int:
        ob = site.party.ob
        connection = max(at for at in range(10) if efuns.socket_status(ob, at))
        if answers:
            assert efuns.socket_write(ob, connection, "mine") == 1
        else:
            assert efuns.socket_close(ob, connection) == 1
        if accepts:
            assert efuns.socket_accept(ob, fd, "read", "ready") == errors.EEWOULDBLOCK
        return 0

    site.party.ob.extra["caller"] = offered
    peer = await raw_client(site.party, site.fd)
    peer.writer.write_eof()
    assert (await peer.end()).startswith(b"HTTP/1.1 200 " if answers else b"")
    await peer.closed()
    assert site.party.opened == []


async def test_lpc_closes_what_it_has_just_accepted(host: FakeHost) -> None:
    site = Site(host)

    def caller(fd: int) -> int:
        assert site.party.close(efuns.socket_accept(site.party.ob, fd, "read", "ready")) == 1
        return 0

    site.party.ob.extra["caller"] = caller
    peer = await raw_client(site.party, site.fd)
    assert await peer.end() == b""
    await peer.closed()
    assert site.party.opened == []


async def test_the_owner_goes_as_its_connection_changes_hands(host: FakeHost) -> None:
    site = Site(host)
    site.party.ob.extra["closed"] = lambda *args: host.destruct(site.party.ob)
    peer = await raw_client(site.party, site.fd)
    assert await peer.end() == b""
    await peer.closed()
    assert [made for made in host.state(SocketTable) if made is not None] == []


async def test_the_port_is_the_http_servers(host: FakeHost) -> None:
    site = Site(host)
    second = efuns.socket_create(site.party.ob, SERVER, "read", "left")
    assert efuns.socket_bind(site.party.ob, second, 0, f"127.0.0.1 {site.server.port}") == 1
    assert efuns.socket_listen(site.party.ob, second, "caller") == errors.EELISTEN
    third = efuns.socket_create(site.party.ob, SECURE_SERVER, "read", "left")
    assert efuns.socket_bind(site.party.ob, third, 0, f"127.0.0.1 {site.server.port}") == 1
    assert efuns.socket_listen(site.party.ob, third, "caller") == errors.EELISTEN
    stranger = Party(host)
    fourth = stranger.create(SERVER)
    assert efuns.socket_bind(stranger.ob, fourth, 0, f"127.0.0.1 {site.server.port}") == errors.EEADDRINUSE
    peer = await raw_client(site.party, site.fd)
    await peer.head()
    opened = await site.party.has_opened()
    assert efuns.socket_close(site.server.ob, site.server.fd) == 1
    assert (await site.party.end(site.fd))[0] == "The HTTP server at this port is closed"
    assert efuns.socket_listen(site.party.ob, second, "caller") == errors.EELISTEN
    assert site.party.write(opened, "still here") == 1
    assert await peer.frame() == (FIN | TEXT, b"still here")
    await peer.closed()
    await site.party.end(opened)


async def test_a_guest_leaves(host: FakeHost) -> None:
    site = Site(host)
    assert site.party.close(site.fd) == 1
    peer = await raw_client(site.party, site.server.fd)
    assert (await peer.head()).startswith(b"HTTP/1.1 200 ")
    await peer.closed()
    await site.server.ended()


async def test_a_secure_port_shared(host: FakeHost, authority: trustme.CA) -> None:
    site = Site(host, SECURE_SERVER, http=21, **TLS)
    assert site.code == 1
    context = ssl.create_default_context()
    authority.configure_trust(context)
    peer = await raw_client(site.party, site.fd, ssl=context, server_hostname="localhost")
    assert (await peer.head()).startswith(b"HTTP/1.1 101 ")
    fd = await site.party.has_opened()
    peer.text("secret")
    assert await site.party.data() == ["secret"]
    assert site.party.write(fd, "too") == 1
    assert await peer.frame() == (FIN | TEXT, b"too")
    await peer.closed()
    await site.party.end(fd)
