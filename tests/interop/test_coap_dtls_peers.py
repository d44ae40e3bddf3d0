"""Modes 26 and 27 over DTLS, with libcoap at the other end and with each other."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from coap_world import coap_world
from network_world import LOOPS, needs, play, shell

from efuns.sockets import options
from efuns.sockets.coap.dtls import HALF_OPEN
from efuns.sockets.table import SocketTable
from lpc import LPCFault

pytest.importorskip("DTLSSocket", reason="the extra coaps is not installed")

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)
PSK = f"_{options.COAP_PSK}"


def url(address: str, path: str) -> str:
    return f"coaps://{address.replace(' ', ':')}{path}"


@BOTH_LOOPS
@needs("coap-client-openssl")
def test_libcoap_asks_with_a_key(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve(**{PSK: {"other": "key", "me": "secret"}})
            ask = "coap-client-openssl -v 0 -B 20 -u me -k secret"

            assert await shell(f"{ask} {url(address, '/hello?name=lib')}") == b"Hello, lib\n"
            assert await shell(f"{ask} {url(address, '/big')}") == b"0123456789abcdef" * 500 + b"\n"
            heard = len(mud.requests)
            await shell(f"{ask.replace('-B 20', '-B 2').replace('secret', 'wrong')} {url(address, '/hello')} || true")
            await shell(f"coap-client-openssl -v 0 -B 1 coap://{address.replace(' ', ':')}/hello || true")
            assert len(mud.requests) == heard

    play(loop, talk())


@BOTH_LOOPS
def test_our_client_and_our_server(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve(**{PSK: {"me": b"\0\1\2\3" * 4}})
            assert mud.ask({"path": "/hello"}, url(address, "/")) < 0  # there is no key yet
            assert mud.ask({"path": "/hello"}, url(address, "/"), **{PSK: {"me": b"\0\1\2\3" * 4}}) == 1
            assert mud.ask({"path": "/big"}, url(address, "/")) == 1
            assert mud.ask({"path": "/watch", "observe": 1, "token": "aa"}, url(address, "/")) == 1
            await mud.until(lambda: len(mud.responses) == 3)
            assert mud.ask({"path": "/hello"}, address) < 0  # not in the clear as well
            mud.call("answer", {"path": "/watch", "payload": "news"}, 0)
            await mud.until(lambda: len(mud.responses) == 4)
            assert sorted(str(one["payload"])[:5] for one in mud.responses) == ["01234", "Hello", "news", "start"]
            mud.call("stop", mud.call("query_client"))
            await mud.until(lambda: [one for one in mud.requests if one.get("observe") == -1])

    play(loop, talk())


@BOTH_LOOPS
def test_a_wrong_key(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve(**{PSK: {"me": "secret"}})
            settings = {PSK: {"me": "wrong"}, f"_{options.COAP_ACK_TIMEOUT}": 50, f"_{options.COAP_RETRANSMITS}": 2}
            assert mud.ask({"path": "/hello"}, url(address, "/"), **settings) == 1
            await mud.until(lambda: mud.responses)
            assert "error" in mud.responses[0]
            assert mud.requests == []

    play(loop, talk())


@BOTH_LOOPS
def test_rubbish_does_no_harm(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve(**{PSK: {"me": "secret"}})
            found: Any = mud.driver.state(SocketTable).find(mud.call("query_server"))
            chance = random.Random(7)
            for number in range(3000):
                body = bytes(chance.randrange(256) for _ in range(chance.randrange(60)))
                head = bytes((chance.choice((20, 21, 22, 23, 0)), 254, 253)) + bytes(8) + bytes((0, len(body)))
                found.dtls.take(f"127.0.0.1 {1000 + number % 600}", head + body)
            assert len(found.dtls._half_open) <= HALF_OPEN
            assert mud.ask({"path": "/hello"}, url(address, "/"), **{PSK: {"me": "secret"}}) == 1
            await mud.until(lambda: mud.responses)
            assert mud.responses[0]["payload"] == "Hello, world"
            assert len(os.listdir("/proc/self/fd")) < 100

    play(loop, talk())


@pytest.mark.parametrize("keys", [{}, {"": "k"}, {"me": ""}, {"me": "k" * 17}, {"i" * 33: "k"}, {"me": 7}])
def test_keys_that_will_not_do(mudlib_copy: Path, keys: dict[Any, Any]) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            with pytest.raises(LPCFault, match="keys of 1 to 16 bytes"):
                mud.serve(**{PSK: keys})
            await asyncio.sleep(0)

    play("asyncio", talk())
