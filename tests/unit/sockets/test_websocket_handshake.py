"""How WebSockets of modes 30 to 36 open, over real sockets, against peers that say every byte themselves."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme

from efuns.sockets import efuns, errors
from lpc.runtime.values import Buffer, Mapping, Value
from tests.unit.sockets.fake_host import FakeHost
from tests.unit.sockets.http_world import TLS, issue, warm_up
from tests.unit.sockets.websocket_peers import (
    ACCEPT,
    BINARY,
    CLIENT,
    CLOSE,
    COMPRESSED,
    DEFLATE,
    FIN,
    SECURE_CLIENT,
    SECURE_SERVER,
    SERVER,
    STREAM,
    TEXT,
    UPGRADE,
    Party,
    RawPeer,
    RawServer,
    answer_to,
    closing,
    dialing,
    fire,
    frame,
    info_of,
    raw_client,
    server_context,
    socket_of,
)


@pytest.fixture
def loop(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    return warm_up(loop)


# --------------------------------------------------------------------------------------------- the handshake


async def test_a_server_answers_the_example_of_the_rfc(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening())
    lines = (await peer.head()).decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols"
    assert set(lines[1:]) == {"Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {ACCEPT}", ""}
    fd = await party.has_opened()
    assert party.accepted == [fd]
    about = party.get(fd, "WS_HANDSHAKE")
    assert (about["path"], about["protocol"], about["extensions"], about["origin"]) == ("/chat?room=1", "", "", "")
    assert about["headers"]["host"] == "localhost"
    await peer.closed()
    assert await party.end(fd) == ("The other end closed the connection without a close frame", 1006)


async def test_a_connection_is_open_only_after_its_handshake(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(), b"")
    await host.until(lambda: party.accepted)
    fd = party.accepted[0]
    assert party.state(fd) == "HANDSHAKE"
    assert party.write(fd, "early") == errors.EENOTCONN
    assert party.get(fd, "WS_HANDSHAKE") == Mapping() or not party.get(fd, "WS_HANDSHAKE")
    peer.raw(UPGRADE + b"\r\n")
    await party.is_open(fd)
    assert party.state(fd) == "DATA_XFER"
    await peer.closed()
    await party.end(fd)


async def test_a_server_that_accepts_by_itself(host: FakeHost) -> None:
    party = Party(host)
    listener = party.listening(by_itself=True)
    peer = await raw_client(party, listener)
    await peer.head()
    peer.text("hello")
    assert await party.data() == ["hello"]
    fd = party.messages[0][0]
    assert fd != listener
    peer.send(FIN | CLOSE, closing(1001))
    assert await party.end(fd) == ("The other end goes away", 1001)
    await peer.closed()


@pytest.mark.parametrize("head", [
    UPGRADE.replace(b"Upgrade: websocket", b"uPGRADE: WebSocket").replace(b"Connection: Up", b"connection: x, UP"),
    UPGRADE + b"Origin: https://example.org\r\n",
    UPGRADE + b"Sec-WebSocket-Protocol: chat, superchat\r\n",
    UPGRADE + b"Sec-WebSocket-Extensions: x-unknown; a=\"b\"; d, permessage-deflate\r\n",
])
async def test_handshakes_that_are_accepted(host: FakeHost, head: bytes) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(), head)
    answer = await peer.head()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Protocol" not in answer and b"Sec-WebSocket-Extensions" not in answer
    await peer.closed()
    await party.end(await party.has_opened())


@pytest.mark.parametrize(("head", "status", "line"), [
    (b"GET / HTTP/1.1\r\nHost: x\r\n", 426, b"Upgrade: websocket"),
    (UPGRADE.replace(b"Upgrade: websocket\r\n", b""), 426, b"Upgrade: websocket"),
    (UPGRADE.replace(b"Connection: Upgrade", b"Connection: close"), 426, b"Upgrade: websocket"),
    (UPGRADE.replace(b"Upgrade: websocket", b"Upgrade: h2c"), 426, b"Upgrade: websocket"),
    (UPGRADE.replace(b"Version: 13", b"Version: 8"), 426, b"Sec-WebSocket-Version: 13"),
    (UPGRADE.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426, b"Sec-WebSocket-Version: 13"),
    (UPGRADE.replace(b"GET", b"POST"), 405, b"Allow: GET"),
    (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0"), 400, b""),
    (UPGRADE.replace(b"NlIG5vbmNlUEFSQU0", b""), 101, b""),
    (UPGRADE.replace(b"dGhl", b""), 400, b""),
    (UPGRADE.replace(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b""), 400, b""),
    (UPGRADE.replace(b"dGhl", b"****"), 400, b""),
    (UPGRADE + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400, b""),
    (UPGRADE + b"Content-Length: 3\r\n", 413, b""),
    (UPGRADE + b"Transfer-Encoding: chunked\r\n", 413, b""),
    (UPGRADE + b"Sec-WebSocket-Protocol: a b\r\n", 400, b""),
    (UPGRADE + b"Sec-WebSocket-Extensions: ;\r\n", 400, b""),
    (UPGRADE + b"Host: again\r\n", 400, b""),
    (UPGRADE.replace(b"Host: localhost\r\n", b""), 400, b""),
    (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n", 414, b""),
    (UPGRADE + b"".join(b"X-%d: y\r\n" % at for at in range(120)), 431, b""),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, b""),
])
async def test_handshake_abuse(host: FakeHost, head: bytes, status: int, line: bytes) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(), head)
    if status == 413:
        peer.raw(b"abc")
    answer = await peer.head()
    assert int(answer.split()[1]) == status
    assert line in answer.split(b"\r\n") or not line
    if status == 101:
        fd = await party.has_opened()
    else:
        await peer.end()
    await peer.closed()
    if status == 101:
        await party.end(fd)
        return
    reason, code = await party.end(party.accepted[0])
    assert code == status and reason.startswith("handshake failed: ")
    assert party.opened == []


async def test_a_client_has_to_wait_for_the_answer(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(), b"")
    peer.raw(UPGRADE + b"\r\n" + frame(FIN | TEXT, b"early", masked=True))
    assert (await peer.head()).startswith(b"HTTP/1.1 400 ")
    await peer.closed()
    assert (await party.end(party.accepted[0]))[1] == 400


async def test_a_handshake_has_its_time(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(SO_TIMEOUT=1000), b"")
    peer.raw(b"GET / HT")
    await host.until(lambda: party.accepted)
    fire(host, party.accepted[0])
    assert (await peer.head()).startswith(b"HTTP/1.1 408 ")
    await peer.closed()
    assert await party.end(party.accepted[0]) == ("handshake failed: Timeout in the WebSocket handshake", 408)


async def test_a_client_that_vanishes_within_its_handshake(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(), b"")
    peer.raw(b"GET / HT")
    await host.until(lambda: party.accepted)
    await peer.closed()
    reason, code = await party.end(party.accepted[0])
    assert reason == "handshake failed: the other end closed the connection" and code == errors.EECONNECT


@pytest.mark.parametrize(("allowed", "origin", "status"), [
    ("https://a.example", "https://a.example", 101),
    ("https://a.example", "HTTPS://A.EXAMPLE", 101),
    ("https://a.example", "https://b.example", 403),
    ("https://a.example", "https://a.example.evil", 403),
    ("https://a.example", "null", 403),
    ("https://a.example", None, 403),
    (["https://a.example", ""], None, 101),
    (["https://a.example", "https://b.example"], "https://b.example", 101),
    ("*", "https://b.example", 101),
])
async def test_origins(host: FakeHost, allowed: Value, origin: str | None, status: int) -> None:
    party = Party(host)
    line = f"Origin: {origin}\r\n".encode() if origin is not None else b""
    peer = await raw_client(party, party.listening(WS_ORIGIN=allowed), UPGRADE + line)
    assert int((await peer.head()).split()[1]) == status
    await peer.closed()
    await party.end(party.accepted[0])


@pytest.mark.parametrize(("ours", "offered", "chosen"), [
    ("chat", "chat", "chat"),
    (["v2", "v1"], "v1, v2", "v2"),
    (["v2", "v1"], "v1", "v1"),
    ("chat", "other", ""),
    ("chat", "", ""),
])
async def test_subprotocols_of_a_server(host: FakeHost, ours: Value, offered: str, chosen: str) -> None:
    party = Party(host)
    line = f"Sec-WebSocket-Protocol: {offered}\r\n".encode() if offered else b""
    peer = await raw_client(party, party.listening(WS_PROTOCOL=ours), UPGRADE + line)
    answer = await peer.head()
    assert (f"Sec-WebSocket-Protocol: {chosen}\r\n".encode() in answer) == bool(chosen)
    fd = await party.has_opened()
    peer.text("x")
    await party.data()
    assert info_of(party.messages[0])["protocol"] == chosen == party.get(fd, "WS_HANDSHAKE")["protocol"]
    await peer.closed()
    await party.end(fd)


@pytest.mark.parametrize(("asked", "offer", "answer"), [
    ("", "permessage-deflate", "server_max_window_bits=12"),
    ("", "permessage-deflate; client_max_window_bits", "server_max_window_bits=12; client_max_window_bits=12"),
    ("", "permessage-deflate; client_max_window_bits=10", "server_max_window_bits=12; client_max_window_bits=10"),
    ("", "permessage-deflate; server_max_window_bits=9", "server_max_window_bits=9"),
    ("", "permessage-deflate; server_max_window_bits=8", "server_max_window_bits=8"),
    ("", "permessage-deflate; server_max_window_bits=15", "server_max_window_bits=12"),
    ("", "permessage-deflate; server_no_context_takeover", "server_no_context_takeover; server_max_window_bits=12"),
    ("", "permessage-deflate; client_no_context_takeover", "client_no_context_takeover; server_max_window_bits=12"),
    ("", "permessage-deflate; server_max_window_bits=7, permessage-deflate", "server_max_window_bits=12"),
    ("permessage-deflate; server_max_window_bits=15", "permessage-deflate", ""),
    ("permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits=9",
     "permessage-deflate; client_max_window_bits",
     "server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; client_max_window_bits=9"),
])
async def test_parameters_of_compression(host: FakeHost, asked: str, offer: str, answer: str) -> None:
    party = Party(host)
    chosen: dict[str, Value] = {"WS_EXTENSIONS": asked} if asked else {"WS_COMPRESSION": 1}
    line = f"Sec-WebSocket-Extensions: {offer}\r\n".encode()
    peer = await raw_client(party, party.listening(**chosen), UPGRADE + line)
    extensions = "; ".join(filter(None, ("permessage-deflate", answer)))
    assert f"Sec-WebSocket-Extensions: {extensions}\r\n".encode() in await peer.head()
    fd = await party.has_opened()
    assert party.get(fd, "WS_HANDSHAKE")["extensions"] == extensions
    await peer.closed()
    await party.end(fd)


@pytest.mark.parametrize("offer", [
    "permessage-deflate; server_max_window_bits=16", "permessage-deflate; server_max_window_bits=07",
    "permessage-deflate; server_max_window_bits", "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover", "permessage-deflate; unknown",
    "x-webkit-deflate-frame",
])
@pytest.mark.parametrize("mode", [SERVER, COMPRESSED])
async def test_offers_of_compression_that_cannot_be_taken(host: FakeHost, mode: int, offer: str) -> None:
    party = Party(host)
    listener = party.listening(mode, **({"WS_COMPRESSION": 1} if mode == SERVER else {}))
    peer = await raw_client(party, listener, UPGRADE + f"Sec-WebSocket-Extensions: {offer}\r\n".encode())
    answer = await peer.head()
    assert int(answer.split()[1]) == (101 if mode == SERVER else 400)
    assert b"Extensions" not in answer
    await peer.closed()
    await party.end(party.accepted[0])


async def test_headers_of_a_server(host: FakeHost) -> None:
    party = Party(host)
    peer = await raw_client(party, party.listening(HTTP_HEADERS=Mapping({"Set-Cookie": "a=b", "X-Build": "7"})))
    answer = await peer.head()
    assert b"\r\nSet-Cookie: a=b\r\n" in answer and b"\r\nX-Build: 7\r\n" in answer
    await peer.closed()
    await party.end(await party.has_opened())


# ------------------------------------------------------------------------------------------------ the client

@pytest.mark.parametrize(("where", "target", "name"), [
    ("ws://127.0.0.1:{}/chat?room=1&x=%20y", "/chat?room=1&x=%20y", "127.0.0.1:{}"),
    ("ws://127.0.0.1:{}", "/", "127.0.0.1:{}"),
    ("ws://localhost:{}/a b/é", "/a%20b/%C3%A9", "localhost:{}"),
    ("WS://LOCALHOST:{}/", "/", "localhost:{}"),
    ("127.0.0.1 {}", "/", "127.0.0.1:{}"),
    ("localhost {}", "/", "localhost:{}"),
    ("localhost:{}", "/", "localhost:{}"),
])
async def test_a_client_asks(host: FakeHost, where: str, target: str, name: str) -> None:
    where = where.replace(" b", "%20b")
    party, fd, peer, head = await dialing(host, where=where)
    first, *lines = head.decode().split("\r\n")
    assert first == f"GET {target} HTTP/1.1"
    fields = dict(line.split(": ", 1) for line in lines if line)
    port = socket_of(host, fd)._peer[1]
    assert fields.pop("Host") == name.format(port)
    assert len(fields.pop("Sec-WebSocket-Key")) == 24
    assert fields == {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    peer.raw(answer_to(head, b"Set-Cookie: a=b\r\n"))
    await party.is_open(fd)
    assert party.get(fd, "WS_HANDSHAKE")["headers"]["set-cookie"] == "a=b"
    await peer.closed()
    await party.end(fd)


async def test_what_a_client_says_of_itself(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(
        host, where="ws://me:p%40ss@127.0.0.1:{}/", WS_ORIGIN="https://example.org", WS_PROTOCOL=["v2", "v1"],
        WS_COMPRESSION=1, HTTP_HEADERS=Mapping({"User-Agent": "MUD", "Cookie": "a=b"}))
    for line in (b"Origin: https://example.org", b"Sec-WebSocket-Protocol: v2, v1", b"User-Agent: MUD", b"Cookie: a=b",
                 b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
                 b"Authorization: Basic bWU6cEBzcw=="):
        assert line in head.split(b"\r\n")
    peer.raw(answer_to(head, b"Sec-WebSocket-Protocol: v1\r\n"))
    await party.is_open(fd)
    await peer.closed()
    await party.end(fd)


async def test_frames_right_behind_the_answer(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(host)
    peer.raw(answer_to(head) + frame(FIN | TEXT, b"first", masked=False) + frame(FIN | TEXT, b"second", masked=False))
    assert await party.data(2) == ["first", "second"]
    assert party.opened == [fd]
    await peer.closed()
    await party.end(fd)


async def test_an_answer_that_comes_in_pieces(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(host)
    answer = answer_to(head)
    for at in range(len(answer)):
        socket_of(host, fd).received(answer[at:at + 1])
    await party.is_open(fd)
    await peer.closed()
    await party.end(fd)


def _answer(head: bytes, old: bytes, new: bytes, more: bytes = b"") -> bytes:
    answer = answer_to(head, more)
    assert old in answer
    return answer.replace(old, new)


@pytest.mark.parametrize(("old", "new", "more", "code", "words"), [
    (b"101 Switching Protocols", b"200 OK", b"", 200, "the server answered 200 OK"),
    (b"101 Switching Protocols", b"404 Not Found", b"", 404, "404"),
    (b"101 Switching Protocols", b"302 Found", b"Location: ws://elsewhere/\r\n", 302, "302"),
    (b"HTTP/1.1 101", b"SIP/2.0 101", b"", errors.EECONNECT, "no HTTP"),
    (b"Upgrade: websocket", b"Upgrade: h2c", b"", errors.EECONNECT, "something else"),
    (b"Connection: Upgrade", b"Connection: close", b"", errors.EECONNECT, "something else"),
    (b"Accept: ", b"Accept: x", b"", errors.EECONNECT, "Sec-WebSocket-Accept"),
    (b"Sec-WebSocket-Accept", b"X-Accept", b"", errors.EECONNECT, "Sec-WebSocket-Accept"),
    (b"", b"", b"Sec-WebSocket-Protocol: chat\r\n", errors.EECONNECT, "not offered"),
    (b"", b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n", errors.EECONNECT, "not offered"),
    (b"", b"", b"Sec-WebSocket-Extensions: ;;\r\n", errors.EECONNECT, "malformed"),
    (b"", b"", b"no field\r\n", errors.EECONNECT, "malformed"),
    (b"", b"", b"X: " + b"y" * 20000 + b"\r\n", errors.EECONNECT, "too long"),
], ids=str)
async def test_answers_a_client_refuses(host: FakeHost, old: bytes, new: bytes, more: bytes, code: int, words: str,
                                        ) -> None:
    party, fd, peer, head = await dialing(host)
    peer.raw(_answer(head, old, new, more) if old else answer_to(head, more))
    reason, found = await party.end(fd)
    assert reason.startswith("handshake failed: ") and words in reason
    assert found == code
    assert party.opened == []
    await peer.closed()


@pytest.mark.parametrize(("granted", "taken"), [
    ("permessage-deflate; server_max_window_bits=9", True),
    ("permessage-deflate; server_max_window_bits=8; client_max_window_bits=8", True),
    ("permessage-deflate; server_max_window_bits=10", True),
    ("permessage-deflate; server_max_window_bits=11", False),
    ("permessage-deflate", False),
    ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", False),
    ("permessage-deflate; server_max_window_bits=9; client_max_window_bits", False),
    ("permessage-deflate; server_max_window_bits=9, permessage-deflate", False),
    ("permessage-deflate; server_max_window_bits=9; server_no_context_takeover; client_no_context_takeover", True),
])
async def test_what_a_server_may_grant(host: FakeHost, granted: str, taken: bool) -> None:
    party, fd, peer, head = await dialing(host, WS_EXTENSIONS="permessage-deflate; server_max_window_bits=10")
    assert b"Extensions: permessage-deflate; server_max_window_bits=10; client_max_window_bits\r\n" in head
    peer.raw(answer_to(head, f"Sec-WebSocket-Extensions: {granted}\r\n".encode()))
    if taken:
        await party.is_open(fd)
        assert party.write(fd, "Hello" * 100) == 1
        assert (await peer.frame())[0] == FIN | 0x40 | TEXT
    else:
        assert (await party.end(fd))[0].startswith("handshake failed: ")
    await peer.closed()
    await party.end(fd)


async def test_a_client_that_wants_a_subprotocol_gets_one_or_leaves(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(host, WS_SUBPROTOCOL="chat")
    peer.raw(answer_to(head))
    assert await peer.close_code() == 1002
    await peer.closed()
    assert await party.end(fd) == ("The server speaks none of the subprotocols asked for", 1002)
    assert party.opened == []


async def test_mode_36_insists_on_compression(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(host, COMPRESSED)
    assert b"permessage-deflate" in head
    peer.raw(answer_to(head))
    assert await peer.close_code() == 1010
    await peer.closed()
    assert await party.end(fd) == ("The server did not grant permessage-deflate", 1010)


@pytest.mark.parametrize(("mode", "where"), [
    (CLIENT, "wss://localhost/"), (SECURE_CLIENT, "ws://localhost/"), (CLIENT, "http://localhost/"), (CLIENT, ""),
    (CLIENT, "localhost"), (CLIENT, "ws://"), (CLIENT, "ws://localhost:0/"), (CLIENT, "ws://localhost:99999/"),
    (CLIENT, "ws://localhost/#part"), (CLIENT, "ws://local\r\nhost/"), (CLIENT, "ws://localhost/a\r\nX: y"),
    (CLIENT, "ws://[::1/"), (CLIENT, "localhost 80 90"), (CLIENT, "localhost eighty"), (STREAM, "ftp://localhost/"),
    (CLIENT, "ws://" + "x" * 300 + "é/"),
])
async def test_where_no_client_goes(host: FakeHost, mode: int, where: str) -> None:
    party = Party(host)
    fd = party.create(mode)
    assert party.connect(fd, where) == errors.EEBADADDR
    assert party.why(fd)
    assert party.close(fd) == 1


async def test_refused_connections(host: FakeHost) -> None:
    party, server = Party(host), await RawServer().start()
    await server.close()
    fd = party.create(CLIENT)
    code = party.connect(fd, f"ws://127.0.0.1:{server.port}/")
    if code == 1:
        reason, code = await party.end(fd)
        assert "refused" in reason.lower()
    assert code == errors.EECONNREFUSED


async def test_an_unknown_host(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(CLIENT)
    assert party.connect(fd, "ws://no-such-host.invalid/") == 1
    assert party.connect(fd, "ws://localhost/") == errors.EEISCONN
    reason, code = await party.end(fd)
    assert reason == "There is no host no-such-host.invalid" and code == errors.EEBADADDR


async def test_closing_while_a_name_is_looked_up(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(CLIENT)
    assert party.connect(fd, "ws://localhost:1/") == 1
    assert party.close(fd) == 1
    assert party.state(fd) == "CLOSED"
    await host.turn()
    assert party.ends == []


async def test_the_host_decides_where_clients_go(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(CLIENT)
    host.permissions.refusal = "connecting is not allowed"
    for where in ("ws://127.0.0.1:1/", "ws://localhost:1/"):
        assert party.connect(fd, where) == errors.EESECURITY
    assert ("net", "127.0.0.1", 1) in host.permissions.asked
    assert ("lookup", "localhost") in host.permissions.asked
    host.permissions.refusal = ""
    assert party.connect(fd, "ws://localhost:1/") == 1
    host.permissions.refusal = "connecting is not allowed"  # its address is asked about too
    assert await party.end(fd) == ("connecting is not allowed", errors.EESECURITY)


async def test_the_master_hears_where_clients_go(host: FakeHost) -> None:
    party, fd, peer, head = await dialing(host, where="ws://localhost:{}/path")
    asked = next(question for question in host.questions if question[1] == "connect")[2]
    assert asked[2:5] == ["localhost", socket_of(host, fd)._peer[1], CLIENT]
    assert asked[5].endswith("/path")
    assert party.close(fd) == 1
    await peer.closed()


async def test_a_server_that_never_answers(host: FakeHost) -> None:
    party, fd, peer, _ = await dialing(host)
    fire(host, fd)
    assert await party.end(fd) == ("Timeout in the WebSocket handshake", errors.EECONNECT)
    await peer.closed()


# ------------------------------------------------------------------------------------------------------- TLS


@pytest.fixture
def authority(host: FakeHost) -> trustme.CA:
    return issue(host)


@pytest.mark.parametrize("mode", [SERVER, SECURE_SERVER, STREAM, COMPRESSED])
async def test_servers_over_tls(host: FakeHost, authority: trustme.CA, mode: int) -> None:
    party = Party(host)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2", "http/1.1"])
    peer = await raw_client(party, party.listening(mode, **TLS), UPGRADE + DEFLATE, ssl=context,
                            server_hostname="localhost")
    assert b" 101 " in await peer.head()
    assert peer.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "http/1.1"
    fd = await party.has_opened()
    assert party.get(fd, "TLS_ALPN") == "http/1.1"
    peer.send(FIN | BINARY, b"x" * 50000)
    assert await party.data() == [b"x" * 50000]
    assert party.write(fd, Buffer(b"secret")) == 1
    assert (await peer.frame())[0] & 15 == BINARY
    peer.send(FIN | CLOSE, closing(1000))
    assert await peer.close_code() == 1000
    await peer.closed()
    assert (await party.end(fd))[1] == 1000


async def test_a_secure_server_needs_a_certificate(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(SECURE_SERVER)
    assert efuns.socket_bind(party.ob, fd, 0, "127.0.0.1 0") == 1
    assert efuns.socket_listen(party.ob, fd, "caller") == errors.EELISTEN
    assert "SO_TLS_CERT" in party.why(fd)


@pytest.mark.parametrize(("mode", "where"), [
    (SECURE_CLIENT, "wss://localhost:{}/"), (SECURE_CLIENT, "localhost {}"), (STREAM, "wss://localhost:{}/"),
])
async def test_clients_over_tls(host: FakeHost, authority: trustme.CA, mode: int, where: str) -> None:
    authority.cert_pem.write_to_path(str(host.files.root / "ca.pem"))
    party, fd, peer, head = await dialing(host, mode, where, server_context(host), TLS_CA_BUNDLE="/ca.pem")
    peer.raw(answer_to(head))
    await party.is_open(fd)
    peer.send(FIN | BINARY, b"secret")
    assert await party.data() == [b"secret"]
    assert party.close(fd) == 1
    assert await peer.close_code() == 1000
    peer.send(FIN | CLOSE, closing(1000))
    await peer.closed()
    await party.is_free(fd)


async def test_a_client_checks_the_certificate(host: FakeHost, authority: trustme.CA) -> None:
    party, server = Party(host), await RawServer().start(server_context(host))
    fd = party.create(SECURE_CLIENT)
    assert party.connect(fd, f"wss://localhost:{server.port}/") == 1
    reason, code = await party.end(fd)
    assert "certificate" in reason and code == errors.EECONNECT
    await server.close()


# --------------------------------------------------------------------------------------------------- proxies


async def through(host: FakeHost, proxy: str, where: str = "ws://far.example:81/", **chosen: Value,
                  ) -> tuple[Party, int, RawPeer]:
    """A client on its way through a proxy, whose place the peer takes."""
    party, server = Party(host), await RawServer().start()
    fd = party.create(STREAM if where.startswith("wss") else CLIENT, HTTP_PROXY=proxy.format(server.port), **chosen)
    assert party.connect(fd, where) == 1, party.why(fd)
    peer = await server.peer()
    await server.close()
    return party, fd, peer


async def test_an_http_proxy(host: FakeHost) -> None:
    party, fd, peer = await through(host, "http://me:secret@127.0.0.1:{}")
    head = await peer.head()
    assert head.decode().split("\r\n") == [
        "CONNECT far.example:81 HTTP/1.1", "Host: far.example:81", "Proxy-Authorization: Basic bWU6c2VjcmV0", "", ""]
    peer.raw(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n")
    head = await peer.head()
    assert b"Host: far.example:81\r\n" in head and b"Proxy" not in head
    peer.raw(answer_to(head))
    await party.is_open(fd)
    assert info_of_open(party, fd) == "/"
    await peer.closed()
    await party.end(fd)


def info_of_open(party: Party, fd: int) -> str:
    return str(party.get(fd, "WS_HANDSHAKE")["path"])


@pytest.mark.parametrize(("answer", "code", "words"), [
    (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", 407, "the proxy answered 407"),
    (b"HTTP/1.1 200 OK\r\n\r\nmore", errors.EECONNECT, "behind its answer"),
    (b"\x05\x00\r\n\r\n", errors.EECONNECT, "no HTTP"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000, errors.EECONNECT, "too long"),
])
async def test_an_http_proxy_that_refuses(host: FakeHost, answer: bytes, code: int, words: str) -> None:
    party, fd, peer = await through(host, "http://127.0.0.1:{}")
    await peer.head()
    peer.raw(answer)
    reason, found = await party.end(fd)
    assert words in reason and found == code
    await peer.closed()


@pytest.mark.parametrize(("proxy", "where", "asked"), [
    ("socks5://127.0.0.1:{}", "ws://far.example:81/", b"\x05\x01\0\x03\x0bfar.example\0\x51"),
    ("socks5://127.0.0.1:{}", "ws://127.0.0.9:81/", b"\x05\x01\0\x01\x7f\0\0\x09\0\x51"),
    ("socks5://127.0.0.1:{}", "ws://[::1]:81/", b"\x05\x01\0\x04" + bytes(15) + b"\x01\0\x51"),
    ("socks5://me:secret@127.0.0.1:{}", "ws://far.example:81/", b"\x05\x01\0\x03\x0bfar.example\0\x51"),
])
async def test_a_socks_proxy(host: FakeHost, proxy: str, where: str, asked: bytes) -> None:
    party, fd, peer = await through(host, proxy, where)
    if "me:" in proxy:
        assert await peer.read(3) == b"\x05\x01\x02"
        peer.raw(b"\x05\x02")
        assert await peer.read(11) == b"\x01\x02me\x06secret"
        peer.raw(b"\x01\0")
    else:
        assert await peer.read(3) == b"\x05\x01\0"
        peer.raw(b"\x05\0")
    assert await peer.read(len(asked)) == asked
    peer.raw(b"\x05\0\0\x01")
    peer.raw(b"\x7f\0\0\x01\0\x51")
    peer.raw(answer_to(await peer.head()))
    await party.is_open(fd)
    await peer.closed()
    await party.end(fd)


@pytest.mark.parametrize(("answers", "words"), [
    ([b"\x05\xff"], "another login"), ([b"\x04\0"], "another login"), ([b"\x05\0\0"], "another login"),
    ([b"\x05\0", b"\x05\x05\0\x01\0\0\0\0\0\0"], "connection refused"),
    ([b"\x05\0", b"\x05\x63\0\x01\0\0\0\0\0\0"], "error 99"),
    ([b"\x05\0", b"\x05\0\0\x09\0\0\0\0\0\0"], "malformed"),
])
async def test_a_socks_proxy_that_refuses(host: FakeHost, answers: list[bytes], words: str) -> None:
    party, fd, peer = await through(host, "socks5://127.0.0.1:{}")
    await peer.read(3)
    peer.raw(answers[0])
    if len(answers) > 1:
        await peer.read(18)
        peer.raw(answers[1])
    reason, code = await party.end(fd)
    assert reason.startswith("handshake failed: the proxy") and words in reason
    assert code == errors.EECONNECT
    await peer.closed()


async def test_tls_behind_a_proxy(host: FakeHost, authority: trustme.CA) -> None:
    authority.cert_pem.write_to_path(str(host.files.root / "ca.pem"))
    party, fd, peer = await through(host, "http://127.0.0.1:{}", "wss://localhost/", TLS_CA_BUNDLE="/ca.pem")
    assert b"CONNECT localhost:443 " in await peer.head()
    peer.raw(b"HTTP/1.1 200 OK\r\n\r\n")
    await peer.writer.start_tls(server_context(host))
    peer.raw(answer_to(await peer.head()))
    await party.is_open(fd)
    peer.send(FIN | BINARY, b"secret")
    assert await party.data() == [b"secret"]
    await peer.closed()
    await party.end(fd)


@pytest.mark.parametrize("proxy", ["ftp://localhost/", "localhost", "http://localhost/path", "http://"])
async def test_what_is_no_proxy(host: FakeHost, proxy: str) -> None:
    party = Party(host)
    fd = party.create(CLIENT, HTTP_PROXY=proxy)
    assert party.connect(fd, "ws://far.example/") == errors.EEBADADDR


async def test_the_host_decides_about_proxies_and_what_is_behind(host: FakeHost) -> None:
    party = Party(host)
    fd = party.create(CLIENT, HTTP_PROXY="http://127.0.0.1:9")
    allows = host.permissions.allows_net
    for forbidden in ("far.example", "127.0.0.1"):
        host.permissions.refusal = f"connecting to {forbidden} is not allowed"
        host.permissions.allows_net = (  # type: ignore[method-assign]
            lambda name, port, address="", no=forbidden: name != no)
        assert party.connect(fd, "ws://far.example/") == errors.EESECURITY
        assert forbidden in party.why(fd)
    host.permissions.allows_net = allows  # type: ignore[method-assign]
