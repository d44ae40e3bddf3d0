"""Routes: which handler a method and a path lead to. No I/O, no LPC: handlers and documents are whatever a
caller stores.

    /users                    only itself
    /users/{id}               one segment, not empty, as "id"
    /users/{id:int}           int, float, alpha, uuid: only such a segment; int and float become numbers
    /users/{id?}              with that segment or without; only at the end
    /files/{name:path}        all the rest, at least one character
    /files/*                  all the rest, maybe nothing, as "*"

A parameter may have text around it within its segment ("/v{number:int}/x"). One slash at the end of a path
or pattern does not count. Among routes that match, a literal segment beats a parameter and a parameter beats
the rest, the first segment that differs decides; between equals, the first that was added. Only routes that
know the method compete: "*" knows all, GET knows HEAD.

Of a path as it was sent, each segment is percent-decoded on its own, as UTF-8: an encoded slash is part of
its parameter, "+" is a plus. What can not be decoded, and a NUL, is a bad request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

MOST_ROUTES: Final = 1000
LONGEST_PATTERN: Final = 1024
LONGEST_PATH: Final = 8192
MOST_PARAMETERS: Final = 1000
#: What a route may be added for; "*" is any method.
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "*")

OK: Final = 200
NO_CONTENT: Final = 204
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404
METHOD_NOT_ALLOWED: Final = 405

_PARAMETER: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,63})(?::([a-z]+))?(\?)?\}")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_KINDS: Final = {
    "": "[^/]+",
    "int": "-?[0-9]{1,18}",  # always fits an LPC int
    "float": r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?",
    "alpha": "[A-Za-z]+",
    "uuid": "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "path": "(?s:.+)",
}
_LITERAL, _SEGMENT, _REST = range(3)
_SLASH: Final = "\0"  # stands for an encoded slash while a path is matched


class Parameter(NamedTuple):
    """A parameter of a pattern. `kind` is "" for any segment, "rest" for a trailing star."""

    name: str
    kind: str
    optional: bool


@dataclass(slots=True, eq=False)
class Route:
    """One route. `metadata`, `docs` and `rules` belong to whoever added it."""

    method: str
    pattern: str
    handler: Any
    metadata: Any
    parameters: tuple[Parameter, ...]
    docs: Any = None
    rules: Any = None


class Match(NamedTuple):
    """What a request leads to: `status` is 200 with a route and its parameters, 204 for an OPTIONS that no
    route answers, 404, 405 or 400; `allow` are the methods of 204 and 405."""

    status: int
    route: Route | None
    parameters: dict[str, Any]
    allow: tuple[str, ...]


class PatternError(ValueError):
    """A method or pattern no route can have; the text says why."""


class Router:
    """Routes in the order they were added."""

    def __init__(self) -> None:
        self.routes: list[Route] = []
        self.info: dict[str, Any] = {}  # about the whole, for its documentation
        self.changes = 0  # grows with each change: what was made from the routes is old then
        self._root = _Node()
        self._exact: dict[str, list[_Entry]] = {}  # by path, those without parameters: no other beats them

    def add(self, method: str, pattern: str, handler: Any, metadata: Any = None) -> Route:
        """Add a route; PatternError if there can be none. The same method and pattern again replace it."""
        method = method.upper()
        if method not in METHODS:
            raise PatternError(f"unknown method {method[:20]!r}")
        variants, parameters = _compiled(pattern)
        self.changes += 1
        known = self.find(method, pattern)
        if known is not None:
            known.handler, known.metadata, known.rules = handler, metadata, None
            return known
        if len(self.routes) >= MOST_ROUTES:
            raise PatternError(f"more than {MOST_ROUTES} routes")
        route = Route(method, pattern, handler, metadata, parameters)
        self.routes.append(route)
        for segments, expression in variants:
            self._insert(route, segments, expression)
        return route

    def find(self, method: str, pattern: str) -> Route | None:
        """The route that was added with this method and pattern."""
        return next((route for route in self.routes if route.pattern == pattern and route.method == method.upper()),
                    None)

    def inform(self, info: dict[str, Any]) -> None:
        """Say what the whole is called, and the like."""
        self.info = info
        self.changes += 1

    def describe(self, method: str, pattern: str, docs: Any) -> bool:
        """Give a route its documentation; whether there is such a route."""
        route = self.find(method, pattern)
        if route is None:
            return False
        route.docs = docs
        self.changes += 1
        return True

    def match(self, method: str, path: str, *, encoded: bool = True) -> Match:
        """Where a request leads. `path` is as it was sent, or already decoded."""
        if encoded and "%" in path:
            decoded = _decoded(path)
            if decoded is None:
                return _no_route(BAD_REQUEST)
            path = decoded
        elif "\0" in path:
            return _no_route(BAD_REQUEST)
        if len(path) > LONGEST_PATH or not path.startswith("/"):
            return _no_route(NOT_FOUND)
        if path.endswith("/"):
            path = path[:-1]
        for entry in self._exact.get(path, ()):
            if entry.methods is None or method in entry.methods:
                return Match(OK, entry.route, {}, ())
        entries = self._candidates(path)
        for entry in entries:
            if entry.methods is None or method in entry.methods:
                found = entry.match(path)
                if found is not None:
                    return Match(OK, entry.route, entry.values(found) if entry.parameters else {}, ())
        return self._unmatched(method, path, entries)

    def _unmatched(self, method: str, path: str, entries: list[_Entry]) -> Match:
        allowed = {name for entry in entries if entry.methods and entry.match(path) for name in entry.methods}
        if not allowed:
            return _no_route(NOT_FOUND)
        allow = tuple(name for name in METHODS if name in allowed or name == "OPTIONS")
        return _no_route(NO_CONTENT if method == "OPTIONS" else METHOD_NOT_ALLOWED, allow)

    def _insert(self, route: Route, segments: list[str], expression: str) -> None:
        """Put one variant of a route where its segments lead."""
        node, ranks = self._root, []
        for segment in segments:
            if _is_rest(segment):
                ranks.append(_REST)
                break
            if "{" in segment:
                ranks.append(_SEGMENT)
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                ranks.append(_LITERAL)
                node = node.literals.setdefault(segment, _Node())
        entry = _Entry(route, (*ranks, _LITERAL - 1), len(self.routes), expression)
        (node.rests if ranks and ranks[-1] == _REST else node.entries).append(entry)
        if not any(ranks):
            self._exact.setdefault("".join(f"/{segment}" for segment in segments), []).append(entry)

    def _candidates(self, path: str) -> list[_Entry]:
        """Every entry whose literal segments fit, best first."""
        nodes, found = [self._root], []
        for segment in path.split("/")[1:]:
            below = []
            for node in nodes:
                if node.rests:
                    found += node.rests
                literal = node.literals.get(segment)
                if literal is not None:
                    below.append(literal)
                if node.parameter is not None:
                    below.append(node.parameter)
            nodes = below
            if not nodes:
                break
        for node in nodes:
            found += node.entries
            found += node.rests
        if len(found) > 1:
            found.sort(key=_rank)
        return found


class _Node:
    """What may follow a number of segments."""

    __slots__ = ("literals", "parameter", "entries", "rests")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.entries: list[_Entry] = []
        self.rests: list[_Entry] = []


class _Entry:
    """One variant of a route: an optional parameter makes two."""

    __slots__ = ("route", "rank", "methods", "match", "parameters")

    def __init__(self, route: Route, ranks: tuple[int, ...], number: int, expression: str) -> None:
        self.route = route
        self.rank = (ranks, number)
        self.methods = None if route.method == "*" else (route.method, *(["HEAD"] if route.method == "GET" else []))
        compiled = re.compile(expression)
        self.match = compiled.fullmatch
        self.parameters = route.parameters[: compiled.groups]

    def values(self, found: re.Match[str]) -> dict[str, Any]:
        """The parameters of a path that matched."""
        values: dict[str, Any] = {}
        for parameter, text in zip(self.parameters, found.groups()):
            if parameter.kind == "int":
                values[parameter.name] = int(text)
            elif parameter.kind == "float":
                values[parameter.name] = float(text)
            else:
                values[parameter.name] = (text or "").replace(_SLASH, "/")
        return values


def raw_path(uri: str) -> str:
    """The path of a request's target as it was sent, without query, and without the scheme and host proxies see."""
    scheme, mark, rest = uri.partition("://")
    if mark and scheme.isalnum():
        uri = "/" + rest.partition("/")[2]
    return uri.partition("#")[0].partition("?")[0]


def query_parameters(query: str) -> dict[str, str | list[str]]:
    """The parameters of a query ("a=1&b=x+y"): a list where a name is repeated, the first MOST_PARAMETERS of them."""
    found: dict[str, str | list[str]] = {}
    for pair in query.split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]:
        if not pair:
            continue
        name, value = (unquote_plus(part, errors="replace") for part in pair.partition("=")[::2])
        former = found.get(name)
        if former is None:
            found[name] = value
        elif isinstance(former, list):
            former.append(value)
        else:
            found[name] = [former, value]
    return found


def _no_route(status: int, allow: tuple[str, ...] = ()) -> Match:
    return Match(status, None, {}, allow)


def _rank(entry: _Entry) -> tuple[tuple[int, ...], int]:
    return entry.rank


def _decoded(path: str) -> str | None:
    """A path with its escapes decoded, an encoded slash as _SLASH; None if that can not be."""
    if _BAD_ESCAPE.search(path) or "%00" in path or "\0" in path:
        return None
    try:
        return unquote_to_bytes(path.replace("%2F", "%00").replace("%2f", "%00")).decode()
    except UnicodeError:
        return None


def _is_rest(segment: str) -> bool:
    return segment == "*" or segment.endswith((":path}", ":path?}"))


def _compiled(pattern: str) -> tuple[list[tuple[list[str], str]], tuple[Parameter, ...]]:
    """The variants of a pattern, each as segments and regular expression, and its parameters."""
    if not pattern.startswith("/") or len(pattern) > LONGEST_PATTERN or "\0" in pattern:
        raise PatternError(f"a pattern begins with a slash and has at most {LONGEST_PATTERN} characters")
    segments = pattern.removesuffix("/").split("/")[1:]
    variants: list[tuple[list[str], str]] = []
    parameters: list[Parameter] = []
    expression = ""
    for at, segment in enumerate(segments):
        text, parameter = _segment(segment)
        if parameter is not None:
            if any(parameter.name == known.name for known in parameters):
                raise PatternError(f"two parameters named {parameter.name!r}")
            if parameter.kind in ("path", "rest") and at < len(segments) - 1:
                raise PatternError(f"{segment!r} stands at the end only")
            if parameter.optional:
                variants.append((segments[:at], expression))
        if parameters and parameters[-1].optional and not (parameter is not None and parameter.optional):
            raise PatternError("an optional parameter stands at the end only")
        if parameter is not None:
            parameters.append(parameter)
        # The slash before a star may be missing, too.
        expression += f"(?:/{text})?" if segment == "*" else f"/{text}"
    variants.append((segments, expression))
    return variants, tuple(parameters)


def _segment(segment: str) -> tuple[str, Parameter | None]:
    """The regular expression of one segment, and the parameter in it."""
    if segment == "*":
        return "((?s:.*))", Parameter("*", "rest", False)
    found = list(_PARAMETER.finditer(segment))
    if not found:
        if any(character in segment for character in "{}*"):
            raise PatternError(f"{segment!r} is neither text nor a parameter")
        return re.escape(segment), None
    match = found[0]
    before, after = segment[: match.start()], segment[match.end() :]
    if len(found) > 1 or any(character in before + after for character in "{}*"):
        raise PatternError(f"{segment!r} holds more than one parameter")
    name, kind, optional = match[1], match[2] or "", bool(match[3])
    if kind not in _KINDS:
        raise PatternError(f"unknown kind of parameter {kind!r}")
    if (before or after) and (optional or kind == "path"):
        raise PatternError(f"{match[0]!r} fills its segment alone")
    return f"{re.escape(before)}({_KINDS[kind]}){re.escape(after)}", Parameter(name, kind, optional)
