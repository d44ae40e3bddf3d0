"""Efuns of the http package: servers and requests in one call each, on the socket modes HTTP_*.

They are for the common case. Whatever they leave out (streaming, static files, proxies, options of TLS) is a
socket of the modes HTTP_SERVER, HTTPS_SERVER, HTTP_CLIENT and HTTPS_CLIENT, on which they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from efuns.sockets import efuns as sockets
from efuns.sockets import errors, options
from efuns.sockets.table import SocketTable
from lpc.efun import efun
from lpc.errors import LPCError
from lpc.runtime.call import Callback
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.base import Socket
    from lpc.runtime.host import Host

_HTTP_SERVER: Final = 20
_HTTPS_SERVER: Final = 21
_NUMBER: Final = "id"


# ---------------------------------------------------------------------------------------------- servers


@efun("int http_start_server(int port, string | function callback, void | mapping options)",
      aliases=("http_server_start",))
def http_start_server(this: LPCObject, port: int, callback: str | Closure, options: Mapping | None = None) -> int:
    """Serve HTTP on a port: the server's number, or -1, which the log explains.

    callback(request) is called for each request, a mapping with "id", "method", "uri", "headers", "body" and more, and
    answers with http_send_response(). Options: "interface", the address to listen on (default: all), and for HTTPS
    "ssl_cert" and "ssl_key", paths of PEM files.

        int server = http_start_server(8080, (: http_send_response($1["id"], ([ "body": "Hello!" ])) :));
    """
    servers = this.driver.state(HttpWrappers)
    try:
        return servers.start(this, port, callback, options if options is not None else Mapping())
    except LPCError as error:
        servers.explain(this, "http_start_server", str(error).strip())
        return -1


@efun("int http_stop_server(int server)", aliases=("http_server_stop",))
def http_stop_server(this: LPCObject, server: int) -> int:
    """End a server of http_start_server(): 1, or 0 where there is none of that number or it is another object's.

    Example: http_stop_server(server)
    """
    return this.driver.state(HttpWrappers).stop(this, server)


@efun("int http_send_response(int request, mapping response)", aliases=("http_response_send",))
def http_send_response(this: LPCObject, request: int, response: Mapping) -> int:
    """Answer a request of http_start_server() by its "id": 1, or 0 where it waits for no answer or this is none.

    The answer has "status" (200 unless given), "headers" and "body": a string, a buffer, or a mapping or array, which
    is sent as JSON.

        http_send_response(request["id"], ([ "status": 404, "body": "No such page\\n" ]));
    """
    return this.driver.state(HttpWrappers).answer(this, request, response)


class HttpWrappers:
    """The servers of http_start_server(), and the requests that wait for http_send_response(), of one driver."""

    def __init__(self, driver: Host) -> None:
        self._table = driver.state(SocketTable)
        self._servers: dict[int, Socket] = {}
        self._requests: dict[int, Socket] = {}
        self._count = 0
        self._most = 1000  # requests, before those are looked for that have ended unanswered

    def explain(self, this: LPCObject, name: str, text: str) -> None:
        """Say why something was not done, once."""
        self._table.log_once(f"{this.name}: {name}(): {text}")

    def start(self, this: LPCObject, port: int, callback: str | Closure, given: Mapping) -> int:
        """Start a server; its number or -1. LPCError where an option will not do."""
        certificate, key = given.get("ssl_cert", 0), given.get("ssl_key", 0)
        is_secure = certificate != 0 or key != 0
        if is_secure and not (isinstance(certificate, str) and isinstance(key, str)):
            raise LPCError("ssl_cert and ssl_key are paths of files")
        fd = sockets.socket_create(this, _HTTPS_SERVER if is_secure else _HTTP_SERVER, callback)
        socket = self._table.find(fd)
        if socket is None:
            self.explain(this, "http_start_server", errors.text_of(fd))
            return -1
        code = errors.EEBADADDR
        try:
            if is_secure:
                sockets.socket_set_option(this, fd, options.SO_TLS_CERT, certificate)
                sockets.socket_set_option(this, fd, options.SO_TLS_KEY, key)
            address = given.get("interface", 0)
            if address == 0 or isinstance(address, str):
                code = sockets.socket_bind(this, fd, port, f"{address} {port}" if address else None)
            if code > 0:
                code = sockets.socket_listen(this, fd)
        finally:
            if code < 0 and socket.is_open:
                why = socket.last_error or errors.text_of(code)
                socket.close()
                self.explain(this, "http_start_server", why)
        if code < 0:
            return -1
        socket.read_callback = _Reader(this, callback, self._take)
        self._count += 1
        self._servers = {number: other for number, other in self._servers.items() if other.is_open}
        self._servers[self._count] = socket
        return self._count

    def stop(self, this: LPCObject, number: int) -> int:
        """End a server: whether it was one, and this object's."""
        socket = self._servers.get(number)
        if socket is None or not socket.is_open or sockets.socket_close(this, socket.fd) < 0:
            return 0
        del self._servers[number]
        return 1

    def answer(self, this: LPCObject, number: int, answer: Mapping) -> int:
        """Answer a request: whether that was possible."""
        socket = self._requests.get(number)
        if socket is None or not socket.is_open:
            return 0
        code = sockets.socket_write(this, socket.fd, answer)
        if code < 0 and code != errors.EECALLBACK:
            self.explain(this, "http_send_response", errors.text_of(code))
            return 0
        self._requests.pop(number, None)
        return 1

    def _take(self, fd: int, request: Mapping) -> None:
        """A request comes that LPC will answer by its number."""
        socket = self._table.find(fd)
        if socket is None:
            return
        if len(self._requests) >= self._most:
            self._requests = {number: other for number, other in self._requests.items() if other.is_open}
            self._most = max(1000, 2 * len(self._requests))
        self._requests[request[_NUMBER]] = socket


class _Reader(Callback):
    """The callback of a server: read(fd, request, address) becomes callback(request)."""

    __slots__ = ("_take",)

    def __init__(self, owner: LPCObject, target: str | Closure, take: Callable[[int, Mapping], None]) -> None:
        super().__init__(owner, target)
        self._take = take

    def entry(self, count: int) -> Callable[..., Value] | None:
        call = super().entry(1)
        if call is None:
            return None
        take = self._take

        def read(previous: Any, fd: int, request: Mapping, address: str) -> Value:
            take(fd, request)
            return call(previous, request)

        return read


# --------------------------------------------------------------------------------------------- requests


@efun("int http_send_request(string url, mapping options, string | function callback)")
def http_send_request(this: LPCObject, url: str, options: Mapping, callback: str | Closure) -> int:
    """Send an HTTP request: its number, or -1, which the log explains.

    Options are "method", "headers", and "body" or "json". Later callback(answer) is called; the answer is a mapping
    with "status", "headers", "body", "json" where it is JSON, and "id". Where there is none, "status" is 0
    and "error" says why.

        http_send_request("https://example.org/", ([ ]), (: write($1["body"]) :));
    """
    import importlib.util

    wrappers = this.driver.state(HttpWrappers)
    if importlib.util.find_spec("aiohttp") is None:
        wrappers.explain(this, "http_send_request", "it needs the Python package aiohttp")
        return -1
    from efuns.sockets.http.calls import HttpCalls
    from efuns.sockets.http.request import ExchangeError

    try:
        return this.driver.state(HttpCalls).send(this, url, options, Callback(this, callback))
    except ExchangeError as error:
        wrappers.explain(this, "http_send_request", error.reason)
        return -1


# ------------------------------------------------------------------------------- answers on a connection


@efun("int socket_http_response(int fd, int status, string | buffer body, void | mapping headers)")
def socket_http_response(this: LPCObject, fd: int, status: int, body: Value, headers: Mapping | None = None) -> int:
    """Answer the request on a connection of an HTTP server; what socket_write() returns.

    Example: socket_http_response(connection, 200, "Hello!\\n", ([ "Content-Type": "text/plain" ]))
    """
    return _write(this, fd, status, body, headers)


@efun("int socket_http_json(int fd, mixed value, int status = 200)")
def socket_http_json(this: LPCObject, fd: int, value: Value, status: int = 200) -> int:
    """Answer the request on a connection of an HTTP server with a value as JSON; what socket_write() returns.

    Example: socket_http_json(connection, ([ "players": sizeof(users()) ]))
    """
    from efuns import json

    try:
        text = json.encode(value, this.driver.limits)
    except LPCError:
        return errors.EEBADDATA
    return _write(this, fd, status, text, Mapping({"Content-Type": "application/json"}))


@efun("int socket_http_error(int fd, int status, void | string text)")
def socket_http_error(this: LPCObject, fd: int, status: int, text: str | None = None) -> int:
    """Answer the request on a connection of an HTTP server with an error, ([ "error": status, "message": text ]) as
    JSON; what socket_write() returns.

        socket_http_error(connection, 404, "There is no such room");
    """
    if text is None:
        from http import HTTPStatus

        text = HTTPStatus(status).phrase if status in {known.value for known in HTTPStatus} else "Error"
    code: int = socket_http_json(this, fd, Mapping(error=status, message=text), status)
    return code


@efun("int socket_http_redirect(int fd, string url, int status = 302)")
def socket_http_redirect(this: LPCObject, fd: int, url: str, status: int = 302) -> int:
    """Send the client of an HTTP server elsewhere; what socket_write() returns.

    Example: socket_http_redirect(connection, "/login")
    """
    return _write(this, fd, status, "", Mapping(Location=url))


def _write(this: LPCObject, fd: int, status: int, body: Value, headers: Mapping | None) -> int:
    answer = Mapping(status=status, body=body, headers=headers if headers is not None else Mapping())
    code: int = sockets.socket_write(this, fd, answer)
    return code
