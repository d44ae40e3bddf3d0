"""A driver with a CoAP server and client written in LPC, for tests with peers we did not write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from network_world import PATIENCE, no_descriptors_left

from efuns import standard
from lpc import Driver, Permissions

SERVICE = """
int server = -1, client = -1;
mapping *requests = ({ }), *responses = ({ });
mapping later;
string text = "start";

mixed asked(int fd, mapping request, string address) {
    requests += ({ request });
    write("asked");
    if (request["error"]) return 0;
    switch (request["path"]) {
    case "/hello": return "Hello, " + (request["query_params"]["name"] || "world");
    case "/big": return repeat_string("0123456789abcdef", 500);
    case "/json": return ([ "json": ([ "sum": request["json"] ? request["json"]["a"] + 1 : 0 ]) ]);
    case "/store":
        text = request["payload"];
        return ([ "code": request["method"] == "PUT" ? "2.04" : "2.01", "location": "/store/1?a=b" ]);
    case "/watch": return ([ "payload": text, "observe": 1, "max_age": 30, "etag": "0102" ]);
    case "/late": later = request; return 0;
    case "/fails": error("broken on purpose");
    case "/written": socket_write(fd, ([ "code": 205, "payload": "written" ]), address); return 0;
    case "/gone": destruct(this_object()); return 0;
    }
    return ([ "code": "4.04", "payload": "nothing at " + request["path"] ]);
}

void answered(int fd, mapping response, string address) {
    responses += ({ response });
    write("answered");
}

void ended(int fd, string reason, int code) { write("ended"); }
void writable(int fd) { write("writable"); }

string serve(mapping settings) {
    server = socket_create(COAP_SERVER, "asked", "ended");
    foreach (int option, mixed value in settings) socket_set_option(server, option, value);
    if (socket_bind(server, 0, "127.0.0.1 0") != 1) error(socket_get_option(server, 1010));
    return socket_address(server, 1);
}

int ask(mixed request, string address, mapping settings) {
    if (client < 0) client = socket_create(COAP_CLIENT, "answered", "ended");
    foreach (int option, mixed value in settings || ([ ])) socket_set_option(client, option, value);
    return address ? socket_write(client, request, address) : socket_write(client, request);
}

int join(string address) {
    if (client < 0) client = socket_create(COAP_CLIENT, "answered", "ended");
    return socket_connect(client, address, "answered", "writable");
}

int answer(mixed message, string address) {
    return address ? socket_write(server, message, address) : socket_write(server, message);
}

int answer_later(mixed message) { return socket_write(server, message, later["addr"]); }
mapping *query_requests() { return requests; }
mapping *query_responses() { return responses; }
string query_text() { return text; }
string why(int fd) { return socket_get_option(fd, 1010); }
int query_dropped(int fd) { return socket_get_option(fd, 1011); }
int query_server() { return server; }
int query_client() { return client; }
void stop(int fd) { socket_close(fd); }
"""


class CoapWorld:
    """The driver, and what its object has heard."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.driver = driver
        self.service = driver.clone("/coap_service")
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        """Call a function of the object."""
        return self.driver.call(self.service, function, *args)

    def serve(self, **settings: Any) -> str:
        """Open the server: its "ip port"."""
        return str(self.call("serve", {int(number[1:]): value for number, value in settings.items()}))

    def ask(self, request: Any, address: str, **settings: Any) -> int:
        """Ask with the client."""
        return int(self.call("ask", request, address, {int(number[1:]): value for number, value in settings.items()}))

    @property
    def requests(self) -> list[Any]:
        """What the server heard."""
        return list(self.call("query_requests"))

    @property
    def responses(self) -> list[Any]:
        """What the client heard."""
        return list(self.call("query_responses"))

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until a callback has made the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
            return value


@asynccontextmanager
async def coap_world(mudlib: Path, *flags: str, logged: list[str] | None = None) -> AsyncIterator[CoapWorld]:
    """A driver over a mudlib; when it is closed, nothing is left of it, and nothing was said but `logged`."""
    (mudlib / "coap_service.c").write_text(SERVICE, encoding="utf-8")
    news = asyncio.Event()
    said: list[str] = [] if logged is None else logged
    await asyncio.sleep(0)  # loops open descriptors of their own on first use
    with no_descriptors_left():
        async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                          output=lambda text: news.set(), logger=said.append,
                          permissions=Permissions.parse(flags)) as driver:
            yield CoapWorld(driver, news)
    if logged is None:
        assert said == []
