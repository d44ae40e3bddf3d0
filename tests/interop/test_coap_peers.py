"""Modes 26 and 27 in the real driver, with aiocoap and libcoap's coap-client at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiocoap
import pytest
from aiocoap import resource
from aiocoap.numbers import codes
from coap_world import coap_world
from network_world import LOOPS, needs, play, shell

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)


@asynccontextmanager
async def peer(site: resource.Site | None = None) -> AsyncIterator[tuple[aiocoap.Context, str]]:
    """aiocoap, as a server where it has a site; and its address."""
    if site is None:
        context = await aiocoap.Context.create_client_context(transports=["simple6"])
        address = ""
    else:
        context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", 0),
                                                              transports=["simplesocketserver"])
        interface = context.request_interfaces[0].token_interface.message_interface
        address = "127.0.0.1 {}".format(interface._pool._transport.get_extra_info("sockname")[1])
    try:
        yield context, address
    finally:
        await context.shutdown()


def uri(address: str, path: str) -> str:
    host, port = address.split()
    return f"coap://{host}:{port}{path}"


# --------------------------------------------------------------------------------------- our server


@BOTH_LOOPS
def test_aiocoap_asks_our_server(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud, peer() as (client, _):
            address = mud.serve()

            async def ask(code: Any, path: str, payload: bytes = b"", **options: Any) -> aiocoap.Message:
                message = aiocoap.Message(code=code, uri=uri(address, path), payload=payload, **options)
                return await client.request(message).response

            hello = await ask(codes.GET, "/hello?name=Zo%C3%AB")
            assert (hello.code, hello.payload.decode()) == (codes.CONTENT, "Hello, Zoë")
            assert (await ask(codes.GET, "/written")).payload == b"written"
            big = await ask(codes.GET, "/big")
            assert big.payload == b"0123456789abcdef" * 500
            body = bytes(range(256)) * 30
            stored = await ask(codes.PUT, "/store", body, content_format=42)
            assert stored.code == codes.CHANGED
            assert stored.opt.location_path == ("store", "1")
            assert stored.opt.location_query == ("a=b",)
            assert bytes(mud.call("query_text").data) == body
            answer = await ask(codes.POST, "/json", b'{"a": 41}', content_format=50)
            assert (answer.payload, int(answer.opt.content_format)) == (b'{"sum":42}', 50)
            missing = await ask(codes.DELETE, "/a%2Fb/c%25")
            assert (missing.code, missing.payload) == (codes.NOT_FOUND, b"nothing at /a%2Fb/c%25")
            late = asyncio.ensure_future(ask(codes.GET, "/late"))
            await mud.until(lambda: any(one["path"] == "/late" for one in mud.requests))
            assert mud.call("answer_later", "at last") == 1
            assert (await late).payload == b"at last"

    play(loop, talk())


@BOTH_LOOPS
def test_aiocoap_observes_our_server(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud, peer() as (client, _):
            address = mud.serve()
            message = aiocoap.Message(code=codes.GET, uri=uri(address, "/watch"), observe=0)
            request = client.request(message)
            first = await request.response
            assert (first.payload, first.opt.max_age, first.opt.etag) == (b"start", 30, b"\1\2")
            news = aiter(request.observation)
            for text in ("one", "two", "x" * 5000):
                assert mud.call("answer", {"path": "/watch", "payload": text}, 0) == 1
                assert (await anext(news)).payload.decode() == text
            assert mud.call("answer", {"path": "/watch", "payload": "quick", "type": "NON"}, 0) == 1
            assert (await anext(news)).payload == b"quick"
            assert mud.call("answer", {"path": "/watch", "code": "4.04"}, 0) == 1
            assert (await anext(news)).code == codes.NOT_FOUND
            assert mud.call("answer", {"path": "/watch", "payload": "nobody hears it"}, 0) == 1

    play(loop, talk())


@BOTH_LOOPS
@needs("coap-client-notls")
def test_libcoap_asks_our_server(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve()
            ask = "coap-client-notls -v 1 -B 20 "

            assert await shell(f"{ask} {uri(address, '/hello?name=lib')}") == b"Hello, lib\n"
            assert await shell(f"{ask} {uri(address, '/big')}") == b"0123456789abcdef" * 500 + b"\n"
            assert await shell(f"{ask} -b 64 {uri(address, '/big')}") == b"0123456789abcdef" * 500 + b"\n"
            assert await shell(f"{ask} -N {uri(address, '/hello')}") == b"Hello, world\n"
            await shell(f"{ask} -m put -f - {uri(address, '/store')}", b"abc" * 2000)
            assert mud.call("query_text") == "abc" * 2000
            mud.call("serve", {})

    play(loop, talk())


# --------------------------------------------------------------------------------------- our client


class Echo(resource.Resource):
    """Says what it was asked."""

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload="&".join(request.opt.uri_query).encode(), content_format=0)

    async def render_post(self, request: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(code=codes.CREATED, payload=request.payload[::-1], content_format=42)


class Counter(resource.ObservableResource):
    """Its value, and everybody is told of a new one."""

    value = b"0"

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        return aiocoap.Message(payload=self.value)

    def set(self, value: bytes) -> None:
        self.value = value
        self.updated_state()


class Slow(resource.Resource):
    """Answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def render_get(self, request: aiocoap.Message) -> aiocoap.Message:
        await self.go.wait()
        return aiocoap.Message(payload=b"at last")


@BOTH_LOOPS
def test_our_client_asks_aiocoap(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        site, slow = resource.Site(), Slow()
        site.add_resource(["echo"], Echo())
        site.add_resource(["slow"], slow)
        async with peer(site) as (_, address), coap_world(mudlib_copy) as mud:
            assert mud.ask({"path": "/echo", "query": {"a": 1, "b": "x y"}, "id": "first"}, address) == 1
            await mud.until(lambda: mud.responses)
            assert mud.ask({"method": "POST", "payload": bytes(range(256)) * 20}, uri(address, "/echo")) == 1
            await mud.until(lambda: len(mud.responses) == 2)
            assert mud.ask({"path": "/slow"}, address) == 1
            assert mud.ask({"path": "/nothing", "type": "NON"}, address.replace(" ", ":")) == 1
            await mud.until(lambda: len(mud.responses) == 3)
            asyncio.get_running_loop().call_later(0.3, slow.go.set)  # after aiocoap has acknowledged the question
            await mud.until(lambda: len(mud.responses) == 4)

            first, second, third, last = mud.responses
            assert (first["code"], first["payload"]) == ("2.05", "a=1&b=x y")
            assert (first["id"], first["path"]) == ("first", "/echo")
            assert (first["ok"], first["content_type"], first["method"]) == (1, "text/plain; charset=utf-8", "GET")
            assert bytes(second["payload"].data) == (bytes(range(256)) * 20)[::-1]
            assert (second["code"], second["content_format"]) == ("2.01", 42)
            assert (third["code"], third["ok"]) == ("4.04", 0)
            assert (last["payload"], last["type"]) == ("at last", "CON")

    play(loop, talk())


@BOTH_LOOPS
def test_our_client_observes_aiocoap(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        site, counter = resource.Site(), Counter()
        site.add_resource(["counter"], counter)
        async with peer(site) as (_, address), coap_world(mudlib_copy) as mud:
            assert mud.ask({"path": "/counter", "observe": 1, "token": "C0FFEE"}, address) == 1
            for number, value in enumerate(("0", "1", "9" * 3000, "2")):
                if number:
                    counter.set(value.encode())
                await mud.until(lambda number=number: len(mud.responses) > number)
                assert mud.responses[number]["payload"] == value
                assert mud.responses[number]["token"] == "c0ffee"
                assert "observe" in mud.responses[number]
            assert mud.ask({"observe": -1, "token": "c0ffee"}, address) == 1
            await mud.until(lambda: len(mud.responses) == 5)
            assert "observe" not in mud.responses[4]
            assert mud.ask({"observe": -1, "token": "c0ffee"}, address) < 0

    play(loop, talk())


@BOTH_LOOPS
def test_our_client_ask_our_server_by_a_connection(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with coap_world(mudlib_copy) as mud:
            address = mud.serve()
            assert mud.call("join", uri(address, "/hello?name=you")) == 1
            await mud.until(lambda: True)
            assert mud.ask({}, 0) == 1
            assert mud.ask({"path": "/big", "accept": "text/plain"}, f"localhost:{address.split()[1]}") == 1
            await mud.until(lambda: len(mud.responses) == 2)
            assert [len(one["payload"]) for one in mud.responses] == [len("Hello, you"), 8000]

    play(loop, talk())
