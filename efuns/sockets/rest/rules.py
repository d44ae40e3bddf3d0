"""What the options of a REST server say, read and checked once, when they are set.

Everything wrong with a value is an LPCError that names the option. Names of functions are those of the socket's
owner, whoever that is by then, unless a route names another object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from efuns.json import encode, to_plain
from efuns.sockets import options
from efuns.sockets.http import message
from efuns.sockets.rest.rate_limit import Rate
from efuns.sockets.rest.router import METHODS, PatternError, Router
from efuns.sockets.rest.schema import Schemas, TextSchema
from lpc.errors import LPCError
from lpc.runtime.closures import Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from lpc.runtime.host import Host

SHORTEST_SECRET: Final = 32  # bytes, RFC 7518 3.2
_MOST_MIDDLEWARE: Final = 32
_WINDOW: Final = 60
_LONGEST_WINDOW: Final = 86_400
_MOST_REQUESTS: Final = 1_000_000_000
_LONGEST_DOCS: Final = 64 << 10
_ROUTE_KEYS: Final = frozenset((
    "method", "pattern", "path", "handler", "handler_object", "handler_function", "schema", "auth", "rate",
    "description", "openapi", "docs",
))
_CONFIG_KEYS: Final = frozenset(("validate", "routes"))
_CORS_KEYS: Final = frozenset(("origins", "methods", "headers", "expose", "credentials", "max_age"))
_RATE_KEYS: Final = frozenset(("requests", "window"))

Function = str | Closure


class Rules(NamedTuple):
    """What a server checks before a route's handler is called. `target` is the object whose function its handler
    names; `rate` counts only if `has_rate`, and None then means no limit."""

    schema: TextSchema | None = None
    wants_token: bool = False
    has_rate: bool = False
    rate: Rate | None = None
    target: LPCObject | None = None


class Cors(NamedTuple):
    """Which pages of other origins may read answers. `origins` None: any; texts are values of header fields."""

    origins: frozenset[str] | None
    methods: str
    headers: str
    expose: str
    credentials: bool
    max_age: int

    def allows(self, origin: str) -> bool:
        """Whether a page of an origin may read answers."""
        return self.origins is None or origin in self.origins

    def lines(self, origin: str | None) -> bytes:
        """The header lines of an answer to a request that says its origin, or does not."""
        if self.origins is None:
            lines = "Access-Control-Allow-Origin: *\r\n"
        else:
            lines = "Vary: Origin\r\n"
            if origin not in self.origins:
                return lines.encode()
            lines += f"Access-Control-Allow-Origin: {origin}\r\n"
            if self.credentials:
                lines += "Access-Control-Allow-Credentials: true\r\n"
        if self.expose:
            lines += f"Access-Control-Expose-Headers: {self.expose}\r\n"
        return lines.encode()

    def preflight(self, allow: tuple[str, ...], wanted: str) -> Mapping:
        """The header fields of an answer to a browser that asks before it sends a request."""
        fields = Mapping({"access-control-allow-methods": self.methods or ", ".join(allow),
                          "access-control-max-age": self.max_age})
        headers = self.headers or wanted
        if headers:
            fields["access-control-allow-headers"] = headers
            fields["vary"] = "Access-Control-Request-Headers"
        return fields


class Settings(NamedTuple):
    """What the options of a listener say about all its routes."""

    reports: bool = False  # handlers see what is wrong with a body, instead of its sender
    secret: str = ""
    schema: TextSchema | None = None
    middleware: tuple[Function, ...] = ()
    error_handler: Function | None = None
    cors: Cors | None = None
    rate: Rate | None = None


def complain(number: int, text: str) -> LPCError:
    """The error of a bad value."""
    return LPCError(f"Bad socket option value for {options.BY_NUMBER[number].name}: {text}.\n")


def read_setting(settings: Settings, number: int, value: Value, driver: Host) -> Settings:
    """The settings with one option changed."""
    if number == options.REST_ROUTER_CONFIG:
        _check_keys(number, value, _CONFIG_KEYS)
        mode = value.get("validate", "enforce")
        if mode not in ("enforce", "report"):
            raise complain(number, '"validate" is "enforce" or "report"')
        return settings._replace(reports=mode == "report")
    if number == options.REST_JWT_SECRET:
        if len(value.encode("utf-8", "surrogatepass")) < SHORTEST_SECRET:
            raise complain(number, f"a secret has {SHORTEST_SECRET} bytes or more")
        return settings._replace(secret=value)
    if number == options.REST_VALIDATION_SCHEMA:
        return settings._replace(schema=driver.state(Schemas).for_texts(value) if value else None)
    if number == options.REST_MIDDLEWARE:
        return settings._replace(middleware=_functions(number, value))
    if number == options.REST_ERROR_HANDLER:
        given = _functions(number, value)
        if len(given) > 1:
            raise complain(number, "one function is accepted")
        return settings._replace(error_handler=given[0] if given else None)
    if number == options.REST_CORS_CONFIG:
        return settings._replace(cors=_cors(number, value) if value else None)
    if number == options.REST_RATE_LIMIT:
        return settings._replace(rate=read_rate(number, value))
    return settings


def _functions(number: int, value: Value) -> tuple[Function, ...]:
    """A function or an array of them; 0 is none."""
    if isinstance(value, int) and value == 0:
        return ()
    given = value if type(value) is list else [value]
    if len(given) > _MOST_MIDDLEWARE or not all(isinstance(one, Closure) or _is_name(one) for one in given):
        raise complain(number, "functions and names of functions are accepted")
    return tuple(given)


def _is_name(value: Value) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _check_keys(number: int, given: Mapping, known: frozenset[str]) -> None:
    """A key nobody knows is a mistake somebody makes."""
    for key in given:
        if key not in known:
            shown = f'"{key[:50]}"' if isinstance(key, str) else "what is no string"
            raise complain(number, f"{shown} is not among {', '.join(sorted(known))}")


def read_rate(number: int, value: Value) -> Rate | None:
    """A number of requests in a minute, or ([ "requests": n, "window": seconds ]); None for 0."""
    window: Value = _WINDOW
    if isinstance(value, Mapping):
        _check_keys(number, value, _RATE_KEYS)
        value, window = value.get("requests", 0), value.get("window", _WINDOW)
        if value == 0:
            raise complain(number, '"requests" is missing')
    if not isinstance(value, int) or not isinstance(window, int) or not (
            0 <= value <= _MOST_REQUESTS and 1 <= window <= _LONGEST_WINDOW):
        raise complain(number, 'a number of requests in a minute, or "requests" and "window" in seconds are accepted')
    return Rate(value, float(window)) if value else None


def _cors(number: int, value: Mapping) -> Cors:
    _check_keys(number, value, _CORS_KEYS)
    origins = _texts(number, value, "origins")
    any_origin = "*" in origins
    credentials, max_age = value.get("credentials", 0), value.get("max_age", 600)
    if not origins or (any_origin and len(origins) > 1):
        raise complain(number, '"origins" is "*" or an array of origins such as "https://example.org"')
    if credentials not in (0, 1) or not isinstance(max_age, int) or not 0 <= max_age <= _LONGEST_WINDOW:
        raise complain(number, '"credentials" is 0 or 1, and "max_age" a number of seconds')
    if credentials and any_origin:
        raise complain(number, '"credentials" are for origins that are named')
    methods, headers, expose = (", ".join(_texts(number, value, name)) for name in ("methods", "headers", "expose"))
    return Cors(None if any_origin else frozenset(origins), methods, headers, expose, bool(credentials), max_age)


def _texts(number: int, value: Mapping, name: str) -> list[str]:
    """A text or an array of them, all fit for a header field."""
    given = value.get(name, 0)
    if isinstance(given, int) and given == 0:
        return []
    texts = given if type(given) is list else [given]
    for one in texts:
        if not isinstance(one, str) or not one or message.header_lines(Mapping({"x": one})) is None:
            raise complain(number, f'"{name}" is a text or an array of texts')
    return list(texts)


# ----------------------------------------------------------------------------------------------- routes


def add_routes(router: Router, value: Value, driver: Host) -> None:
    """Add the route a mapping describes, or each of an array. LPCError for a bad one."""
    for one in value if type(value) is list else (value,):
        if not isinstance(one, Mapping):
            raise complain(options.REST_ADD_ROUTE, "a route is a mapping")
        _add_route(router, one, driver)


def _add_route(router: Router, given: Mapping, driver: Host) -> None:
    number = options.REST_ADD_ROUTE
    _check_keys(number, given, _ROUTE_KEYS)
    pattern = given.get("pattern", given.get("path", 0))
    methods = given.get("method", "GET")
    if not isinstance(pattern, str):
        raise complain(number, '"pattern" is a string')
    handler, target = _handler(given)
    schema, rules = _rules(given, target, driver)
    description = given.get("description", "")
    if not isinstance(description, str):
        raise complain(number, '"description" is a string')
    metadata = {"schema": schema, "auth": rules.wants_token, "rate": rules.rate, "description": description}
    docs = given.get("docs", given.get("openapi", 0))
    plain = _docs(docs, driver) if docs != 0 else None
    for method in methods if type(methods) is list else [methods]:
        if not isinstance(method, str):
            raise complain(number, f"\"method\" is one of {', '.join(METHODS)}")
        try:
            route = router.add(method, pattern, handler, metadata)
        except PatternError as error:
            raise complain(number, str(error)) from None
        route.rules = rules
        if plain is not None:
            router.describe(method, pattern, plain)


def _handler(given: Mapping) -> tuple[Function | int, LPCObject | None]:
    """A route's handler (0: none) and the object it is in, if it is said which."""
    number = options.REST_ADD_ROUTE
    handler = given.get("handler", given.get("handler_function", 0))
    target = given.get("handler_object", 0)
    is_none = isinstance(handler, int) and handler == 0
    if not is_none and not isinstance(handler, Closure) and not _is_name(handler):
        raise complain(number, '"handler" is a function or the name of one')
    if isinstance(target, LPCObject) and isinstance(handler, str):
        return handler, target
    if isinstance(target, int) and target == 0:
        return (0 if is_none else handler), None
    raise complain(number, '"handler_object" is an object, and "handler_function" the name of a function in it')


def _rules(given: Mapping, target: LPCObject | None, driver: Host) -> tuple[Any, Rules]:
    """The schema of a route in the terms of JSON, and its rules."""
    number = options.REST_ADD_ROUTE
    schema, auth = given.get("schema", 0), given.get("auth", 0)
    if not isinstance(schema, Mapping) and schema != 0:
        raise complain(number, '"schema" is a mapping')
    if auth not in (0, 1):
        raise complain(number, '"auth" is 0 or 1')
    made = driver.state(Schemas).for_texts(schema) if schema != 0 else None
    rate = read_rate(number, given["rate"]) if "rate" in given else None
    return made.plain if made else None, Rules(made, bool(auth), "rate" in given, rate, target)


def _docs(value: Value, driver: Host) -> Any:
    if not isinstance(value, Mapping):
        raise complain(options.REST_ADD_ROUTE, '"docs" is a mapping')
    if len(encode(value, driver.limits)) > _LONGEST_DOCS:
        raise complain(options.REST_ADD_ROUTE, f"documentation of more than {_LONGEST_DOCS} characters")
    return to_plain(value, driver.limits)
