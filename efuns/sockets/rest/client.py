"""Mode 25: a client of REST services, which is an HTTP client that speaks JSON.

- What socket_connect() gets is the base URL, http or https: its path begins the paths of all requests.
- A request may have "query", a mapping that becomes the query of its URL, and "json" for its body.
- An answer also has "ok", 1 for statuses from 200 to 299, and "data", the value of a JSON body. Another body stays
  in "body" alone, with "data" undefined; it is no error.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from efuns.sockets import errors
from efuns.sockets.http.client import HttpClient
from efuns.sockets.http.request import ExchangeError
from lpc.runtime.values import UNDEFINED, Mapping, Value, keys_of

_ACCEPT: Final = "application/json"


class RestClient(HttpClient):
    """Mode 25, REST_CLIENT."""

    __slots__ = ()

    def scheme_of(self, where: str) -> str:
        return "https" if where[:8].lower() == "https://" else "http"

    def send(self, message: Value) -> int:
        if isinstance(message, Mapping):
            try:
                message = self._complete(message)
            except ExchangeError as error:
                return self.problem(error.code, error.reason)
        return super().send(message)

    def deliver(self, *args: Value) -> None:
        response = args[0]
        status = response.get("status")
        if status is not None:  # else it is a piece of a streamed body
            response["ok"] = int(200 <= status <= 299)
            response["data"] = response.get("json", UNDEFINED)
        super().deliver(*args)

    def _complete(self, message: Mapping) -> Mapping:
        """A request as the HTTP client knows it."""
        made = Mapping(message)
        query = query_text(made.pop("query", 0))
        url = made.get("url", 0)
        if url == 0:
            made["path"] = _with_query(self._path(made.get("path", 0)), query)
        elif isinstance(url, str):
            made["url"] = _with_query(url, query)
        headers = made.get("headers", 0)
        if headers == 0 or isinstance(headers, Mapping):
            made["headers"] = self._accepting(headers if isinstance(headers, Mapping) else Mapping())
        return made

    def _accepting(self, headers: Mapping) -> Mapping:
        """Header fields that ask for JSON, unless they, or those of the socket, ask for something."""
        if "accept" in self._settings.headers or any(
                isinstance(name, str) and name.lower() == "accept" for name in headers):
            return headers
        made = Mapping(headers)
        made["Accept"] = _ACCEPT
        return made

    def _path(self, path: Value) -> str:
        """A path below the base URL's."""
        assert self._defaults is not None
        base = self._defaults.url.raw_path_qs
        if isinstance(path, int) and path == 0:
            return base
        if not isinstance(path, str):
            raise ExchangeError("\"path\" is a string", errors.EETYPENOTSUPP)
        base = base.partition("?")[0]
        return base + path if path.startswith("?") else f"{base.rstrip('/')}/{path.removeprefix('/')}"


def query_text(query: Value) -> str:
    """A mapping as the query of a URL; the elements of an array are one parameter each."""
    if isinstance(query, int) and query == 0:
        return ""
    if isinstance(query, str):
        return query.removeprefix("?")
    if not isinstance(query, Mapping):
        raise ExchangeError("\"query\" is a mapping", errors.EETYPENOTSUPP)
    pairs: list[tuple[str, Value]] = []
    for name in keys_of(query):
        value = query[name]
        for one in value if type(value) is list else (value,):
            if not isinstance(name, str | int) or not isinstance(one, str | int | float):
                raise ExchangeError("\"query\" has strings and numbers by name", errors.EETYPENOTSUPP)
            pairs.append((str(name), one))
    return urlencode(pairs, errors="replace")


def _with_query(place: str, query: str) -> str:
    """A URL or path with a query, added to the one it has."""
    if not query:
        return place
    place, mark, fragment = place.partition("#")
    return f"{place}{'&' if '?' in place else '?'}{query}{mark}{fragment}"

