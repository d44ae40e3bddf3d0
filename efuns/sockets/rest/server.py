"""Mode 24: a REST server, which is an HTTP server with routes.

A listener's routes, and what its options say, are a `Rest`, which its connections find through their site. For
each request, in this order:

    404, 405, OPTIONS, documentation    what the router says
    429                                 the limit of the route, or else of the server
    401                                 a route that wants a token
    middleware                          LPC functions; the first answer that is not 0 is sent
    400, 415, 422                       a body that is no JSON, or fails its schema
    handler                             or, where the route has none, the read callback

Rules:
- While there is no route at all, requests go to the read callback, as they do in mode 20.
- From middleware to handler it is one evaluation. What it gives is an answer, nothing (LPC will write one), or a
  `Problem`; an error in it is status 500.
- All errors are JSON, ([ "error": status, "message": text ]), unless the error handler has an answer. Errors that
  HTTP itself finds (400 to 505, before there is a request) are JSON too, but nobody is asked about them.
- Who sees an answer from another origin is decided here as well: CORS lines go with every answer to a request,
  whoever gives it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from efuns.json import decode, encode_bytes, to_plain
from efuns.sockets import options
from efuns.sockets.http import message as http_message
from efuns.sockets.http.exchange import Exchange
from efuns.sockets.http.message import Answer
from efuns.sockets.http.server import HttpServer, Site
from efuns.sockets.rest import jwt
from efuns.sockets.rest.openapi import Documentation
from efuns.sockets.rest.rate_limit import Rate, RateLimiter, asker
from efuns.sockets.rest.router import Match, Route, Router, raw_path
from efuns.sockets.rest.routers import OwnedRouter
from efuns.sockets.rest.rules import Rules, Settings, add_routes, complain, read_setting
from lpc.errors import LPCError
from lpc.runtime.call import called_as
from lpc.runtime.values import UNDEFINED, Buffer, Mapping, Value

if TYPE_CHECKING:
    import socket

    from efuns.sockets.modes import Mode
    from efuns.sockets.rest.schema import TextSchema
    from efuns.sockets.table import SocketTable
    from lpc.runtime.closures import Closure
    from lpc.runtime.objects import LPCObject

_JSON: Final = "application/json"
_JSON_LINE: Final = b"Content-Type: application/json\r\n"
_JSON_NAMES: Final = frozenset(("content-type",))
_NO_RULES: Final = Rules()
_WITH_BODY: Final = frozenset(("POST", "PUT", "PATCH"))
_OWN_OPTIONS: Final = frozenset(range(options.REST_ROUTER_CONFIG, options.REST_RATE_LIMIT + 1))
#: The page loads nothing and runs nothing.
_PAGE_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"

_TEXTS: Final = {
    400: "The request is malformed",
    401: "A valid bearer token is needed",
    404: "There is nothing at this path",
    405: "This method is not for this path",
    415: "The body has to be JSON",
    422: "The body does not fit its schema",
    429: "Too many requests",
    500: "The handler failed",
}


class Problem(NamedTuple):
    """Why a request is not handled. `errors` are details; `headers` go with the answer."""

    status: int
    text: str = ""
    errors: list[str] | None = None
    headers: Mapping | None = None

    def as_value(self) -> Mapping:
        """What the answer's body, and the error handler, are told."""
        text = self.text or _TEXTS.get(self.status) or http_message.phrase(self.status).decode()
        made = Mapping(error=self.status, message=text)
        if self.errors:
            made["errors"] = self.errors
        return made


class _Ask:
    """The type of ASK."""


#: What an evaluation gives where the read callback is to be called.
ASK: Final = _Ask()


class RestServer(HttpServer):
    """Mode 24, REST_SERVER: a listener or one of its connections."""

    __slots__ = ("_rest",)

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        self._rest = Rest(self) if wire is None else None  # a connection has its site's

    @property
    def owned_router(self) -> OwnedRouter | None:
        """The router that has the socket's descriptor as its number."""
        return self._rest.owned if self._rest is not None else None

    def make_site(self, *, is_secure: bool) -> Site:
        assert self._rest is not None
        return RestSite(self._rest, is_secure=is_secure)

    def set_option(self, number: int, value: Value) -> None:
        if number in _OWN_OPTIONS:
            if self._rest is None:
                raise LPCError(f"Socket option {options.BY_NUMBER[number].name} is for the listening socket.\n")
            self._rest.set_option(number, value)
        super().set_option(number, value)

    def on_request(self, exchange: Exchange, request: Mapping, address: str) -> bool:
        site = self.site
        assert isinstance(site, RestSite)
        return site.rest.serve(exchange, request, address)


class RestSite(Site):
    """What a REST listener and its connections share."""

    __slots__ = ("rest",)

    def __init__(self, rest: Rest, *, is_secure: bool) -> None:
        super().__init__(is_secure=is_secure)
        self.rest = rest

    def error_body(self, status: int) -> tuple[bytes, str]:
        text = http_message.phrase(status).decode()
        return b'{"error":%d,"message":"%b"}' % (status, text.encode()), _JSON


class Rest:
    """Routes and rules of a listener. String handlers are functions of the listener's owner."""

    def __init__(self, listener: RestServer) -> None:
        self._listener = listener
        self._table = listener.table
        self._driver = listener.table.driver
        self._limiter = RateLimiter()
        self._settings = Settings()
        self.owned = OwnedRouter(listener.owner)

    def set_option(self, number: int, value: Value) -> None:
        """Obey an option; LPCError where its value will not do."""
        owned = self.owned
        self._settings = read_setting(self._settings, number, value, self._driver)
        if number == options.REST_ADD_ROUTE:
            add_routes(owned.router, value, self._driver)
        elif number == options.REST_ROUTER_CONFIG:
            add_routes(owned.router, value.get("routes", 0) or [], self._driver)
        elif number == options.REST_OPENAPI_INFO:
            owned.router.inform(to_plain(value, self._driver.limits))
        elif number == options.REST_DOCS_PATH:
            if not value.startswith("/"):
                raise complain(number, "a path begins with a slash")
            owned.documentation = Documentation(owned.router, value)

    # ------------------------------------------------------------------------------------ one request

    def serve(self, exchange: Exchange, request: Mapping, address: str) -> bool:
        """Answer a request, or see to it that somebody does; False where the handler failed within its answer."""
        settings = self._settings
        if settings.cors is not None:
            exchange.add_lines(settings.cors.lines(request["headers"].get("origin")))
        router = self.owned.router
        found = _match(router, request)
        route = found.route
        rules: Rules = _NO_RULES if route is None or route.rules is None else route.rules
        rate = rules.rate if rules.has_rate else settings.rate
        if rate is not None:
            problem = self._over(exchange, address, rate, route if rules.has_rate else None)
            if problem is not None:
                return self._refuse(exchange, request, problem)
        if route is None:
            return self._unmatched(exchange, request, address, found)
        request["route_match"] = Mapping(method=route.method, pattern=route.pattern)
        path_params = request["path_params"] = Mapping(found.parameters)
        problem = self._authorize(request, rules)
        if problem is not None:
            return self._refuse(exchange, request, problem)
        made = self._table.enter(self._evaluate, exchange, request, path_params, route, rules)
        if made is ASK:
            return exchange.ask(request, address)
        return self._finish(exchange, request, made)

    def _finish(self, exchange: Exchange, request: Mapping, made: Any) -> bool:
        """What an evaluation gave becomes an answer."""
        if made is None:
            return self._refuse(exchange, request, Problem(500))
        if type(made) is Answer:
            exchange.give(made)  # unless LPC has answered already by itself
        elif type(made) is Problem:
            return self._refuse(exchange, request, made)
        elif type(made) is Mapping:
            self._send(exchange, request, made)
        return True

    def _send(self, exchange: Exchange, request: Mapping, message: Mapping) -> None:
        """Send an answer LPC has made; 500 where that cannot be."""
        if exchange.is_asked and exchange.send(message) < 0 and exchange.is_asked:
            self._table.log_once(f"{self._listener.owner.name}: an answer could not be sent: {exchange.last_error}")
            _give(exchange, Problem(500))

    def _unmatched(self, exchange: Exchange, request: Mapping, address: str, found: Match) -> bool:
        """No route is for the request."""
        if found.status == 404 and self.owned.documentation is not None:
            page = self.owned.documentation.answer(request["path"])
            if page is not None:
                return self._document(exchange, request, *page)
        if not self.owned.router.routes:
            return exchange.ask(request, address)
        headers = Mapping(allow=", ".join(found.allow)) if found.allow else Mapping()
        if found.status != 204:
            return self._refuse(exchange, request, Problem(found.status, headers=headers))
        asked = request["headers"]
        cors = self._settings.cors
        if cors is not None and "access-control-request-method" in asked and cors.allows(asked.get("origin", "")):
            headers.update(cors.preflight(found.allow, asked.get("access-control-request-headers", "")))
        exchange.send(Mapping(status=204, headers=headers))
        return True

    def _document(self, exchange: Exchange, request: Mapping, kind: str, text: str) -> bool:
        """Answer with the page or the document."""
        if request["method"] not in ("GET", "HEAD"):
            return self._refuse(exchange, request, Problem(405, headers=Mapping(allow="GET, HEAD")))
        headers = Mapping({"content-type": kind, "content-security-policy": _PAGE_POLICY})
        exchange.send(Mapping(headers=headers, body=text))
        return True

    # ------------------------------------------------------------------------------------------ checks

    def _over(self, exchange: Exchange, address: str, rate: Rate, route: Route | None) -> Problem | None:
        """Whether somebody has asked too often: in all, or for a route with a limit of its own."""
        wait = self._limiter.wait((asker(address), route and id(route)), rate, self._driver.loop.time())
        if not wait:
            return None
        return Problem(429, headers=Mapping({"retry-after": max(1, math.ceil(wait))}))

    def _authorize(self, request: Mapping, rules: Rules) -> Problem | None:
        """Look for a bearer token; a problem where the route wants one and there is none that is valid."""
        request["auth_status"], request["claims"] = "none", UNDEFINED
        given = request["headers"].get("authorization")
        if given is not None and self._settings.secret:
            scheme, _, token = given.partition(" ")
            if scheme.lower() == "bearer":
                driver = self._driver
                claims = jwt.verify(token.strip(), self._settings.secret, driver.clock.time(), driver.limits)
                request["auth_status"] = "valid" if claims is not None else "invalid"
                if claims is not None:
                    request["claims"] = claims
        if not rules.wants_token or request["auth_status"] == "valid":
            return None
        if not self._settings.secret:
            self._table.log_once(f"{self._listener.owner.name}: a route wants tokens, but REST_JWT_SECRET is not set")
        challenge = "Bearer" if request["auth_status"] == "none" else 'Bearer error="invalid_token"'
        return Problem(401, headers=Mapping({"www-authenticate": challenge}))

    def _check_body(self, request: Mapping, schema: TextSchema | None) -> Problem | None:
        """What is wrong with a body; within the evaluation, since checking costs time."""
        request["validation_passed"], request["validation_results"] = 1, []
        body = request["body"]
        is_checked = schema is not None and request["method"] in _WITH_BODY
        if "json" not in request:
            if not _is_json(request):
                return Problem(415) if is_checked else None
            if is_checked or body != "":
                return self._no_json(body)
        if not is_checked:
            return None
        assert schema is not None
        try:
            errors = schema.errors(loads(body.data if type(body) is Buffer else body))
        except LPCError as error:
            errors = [f"/: {str(error).strip().lstrip('*')}"]
        if not errors:
            return None
        request["validation_passed"], request["validation_results"] = 0, errors
        return None if self._settings.reports else Problem(422, errors=errors)

    def _no_json(self, body: Value) -> Problem:
        """Why a body that should be JSON was not read as such."""
        try:
            decode(body.data if type(body) is Buffer else body, self._driver.limits)
        except LPCError as error:
            return Problem(400, str(error).strip().lstrip("*"))
        return Problem(400)

    # ----------------------------------------------------------------------------------------- handlers

    def _evaluate(self, exchange: Exchange, request: Mapping, path_params: Mapping, route: Route, rules: Rules) -> Any:
        """Within an evaluation: an answer, a Problem, ASK, or 0 where LPC will answer."""
        settings = self._settings
        for function in settings.middleware:
            answer = self._call(function, None, request, exchange.fd)
            if not _is_nothing(answer):
                return self._read_answer(answer)
        problem = self._check_body(request, rules.schema or settings.schema)
        if problem is not None:
            return problem
        handler = route.handler
        if isinstance(handler, int):
            return ASK
        return self._read_answer(
            self._call(handler, rules.target, request, path_params, request["query_params"], exchange.fd))

    def _call(self, function: str | Closure, target: LPCObject | None, *args: Value) -> Value:
        """Call a function of LPC; a Problem where there is none."""
        if not isinstance(function, str):
            return Problem(500, "The handler is gone") if function.owner.is_destructed else function.call(0, *args)
        owner = self._listener.owner if target is None else target
        if owner.is_destructed:
            return Problem(500, "The handler is gone")
        answer = called_as(0, owner, function, args)
        if answer is UNDEFINED and not self._driver.defines(owner, function):
            self._table.log_once(f"{owner.name} has no function {function}() for its socket (REST_SERVER)")
            return Problem(500)
        return answer

    def _read_answer(self, answer: Value) -> Any:
        """What a handler gave: a mapping with "status" is an answer as of mode 20, anything else but 0 is JSON."""
        if type(answer) is Problem or _is_nothing(answer):
            return answer
        limits = self._driver.limits
        if type(answer) is not Mapping or "status" not in answer:
            return Answer(200, b"OK", _JSON_LINE, _JSON_NAMES, bytes(encode_bytes(answer, limits)), _JSON, False, False)
        body = answer["body"]
        if isinstance(body, str | Buffer) or _is_nothing(body):
            return answer
        message = Mapping(answer)
        message["body"] = encode_bytes(body, limits).decode()
        message["headers"] = _typed(answer["headers"])
        return message

    # ------------------------------------------------------------------------------------------- errors

    def _refuse(self, exchange: Exchange, request: Mapping, problem: Problem) -> bool:
        """Answer with a problem, in the words of the error handler if there is one."""
        if not exchange.is_asked:  # LPC has begun to answer
            return not exchange.is_within_answer
        handler = self._settings.error_handler
        if handler is not None:
            made = self._table.enter(self._run_error_handler, handler, request, problem, exchange.fd)
            if type(made) is Answer:
                made = made._replace(status=problem.status, reason=http_message.phrase(problem.status))
            if not exchange.is_asked:
                return True
            if type(made) is Answer or type(made) is Mapping:
                if problem.headers:
                    exchange.add_lines(_lines(problem.headers))
                return self._finish(exchange, request, made)
        _give(exchange, problem)
        return True

    def _run_error_handler(self, handler: str | Closure, request: Mapping, problem: Problem, fd: int) -> Any:
        return self._read_answer(self._call(handler, None, request, problem.as_value(), fd))


def _match(router: Router, request: Mapping) -> Match:
    """Where a request leads."""
    uri = request["uri"]
    if "%" in uri:
        return router.match(request["method"], raw_path(uri))
    return router.match(request["method"], request["path"], encoded=False)


def loads(text: str | bytes | bytearray) -> Any:
    """A JSON text that was read before, in Python's terms."""
    import orjson

    return orjson.loads(text)


def _is_json(request: Mapping) -> bool:
    kind = request["headers"].get("content-type")
    if kind is None:
        return False
    kind = http_message.media_type(kind)
    return kind == _JSON or kind.endswith("+json")


def _is_nothing(value: Value) -> bool:
    return isinstance(value, int) and value == 0


def _typed(headers: Value) -> Mapping:
    """Headers with the type of JSON, unless they have one."""
    made = Mapping(headers) if isinstance(headers, Mapping) else Mapping()
    if not any(isinstance(name, str) and name.lower() == "content-type" for name in made):
        made["content-type"] = _JSON
    return made


def _give(exchange: Exchange, problem: Problem) -> None:
    """Answer with a problem in our own words."""
    import orjson

    status, body = problem.status, orjson.dumps(problem.as_value())
    lines, names = _JSON_LINE, _JSON_NAMES
    if problem.headers:
        lines, names = lines + _lines(problem.headers), names | set(problem.headers)
    exchange.give(Answer(status, http_message.phrase(status), lines, names, body, _JSON, False, False))


def _lines(headers: Mapping) -> bytes:
    """Header fields of ours as lines."""
    return "".join(f"{name.title()}: {value}\r\n" for name, value in headers.items()).encode()
