"""Runs the examples of HTTP servers with the real command; the client is Python's http.client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

from running import PATIENCE, PROJECT, Running

EXAMPLES = PROJECT / "examples"


@contextmanager
def serving(name: str, mudlib: Path, *args: str) -> Iterator[tuple[Running, HTTPConnection]]:
    """An example on a free port, and a connection to it."""
    with Running("--mudlib", mudlib, EXAMPLES / f"{name}.c", "0", *args) as program:
        port = urlsplit(program.line()).port
        assert port
        client = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        yield program, client
        client.close()
        status, rest, errors = program.stop()
        assert (status, rest, errors) == (0, [], "")


def ask(client: HTTPConnection, method: str, path: str, body: str | bytes | None = None, **headers: str,
        ) -> tuple[HTTPResponse, str]:
    client.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    response = client.getresponse()
    return response, response.read().decode()


def test_hello(mudlib_copy: Path) -> None:
    with serving("http_hello", mudlib_copy) as (_, client):
        assert ask(client, "GET", "/")[1] == "Hello, world!\n"
        assert ask(client, "GET", "/?name=Zo%C3%AB+B")[1] == "Hello, Zoë B!\n"
        response, body = ask(client, "GET", "/other")
        assert (response.status, body) == (404, "Nothing here.\n")


def test_static(mudlib_copy: Path) -> None:
    folder = mudlib_copy / "pages"
    folder.mkdir()
    (folder / "index.html").write_text("<p>Hi\n", encoding="utf-8")
    (folder / "data.bin").write_bytes(bytes(range(256)) * 4000)
    with serving("http_static", mudlib_copy, "/pages") as (_, client):
        moved, _ = ask(client, "GET", "/")
        page, text = ask(client, "GET", str(moved.getheader("location")))
        assert (text, page.getheader("content-type")) == ("<p>Hi\n", "text/html; charset=utf-8")
        assert page.getheader("cache-control") == "max-age=60"
        assert ask(client, "GET", "/files/", If_None_Match=str(page.getheader("etag")))[0].status == 304
        client.request("GET", "/files/data.bin", headers={"Range": "bytes=-256"})
        assert client.getresponse().read() == bytes(range(256))
        assert ask(client, "GET", "/files/../secure/master.c")[0].status == 404


def test_events(mudlib_copy: Path) -> None:
    with serving("sse", mudlib_copy) as (_, client):
        listener = HTTPConnection("127.0.0.1", client.port, timeout=PATIENCE)
        listener.request("GET", "/events")
        events = listener.getresponse()
        assert events.getheader("content-type") == "text/event-stream"
        assert [events.readline() for _ in range(3)][0] == b"event: welcome\n"
        assert ask(client, "POST", "/tell", "Hello\nall")[0].status == 204
        lines = []
        while b"event: said\n" not in lines[-2:-1]:
            lines.append(events.readline())
        assert lines[-1] == b"data: Hello all\n"
        while b"event: count\n" not in lines:
            lines.append(events.readline())
        listener.close()
        assert ask(client, "PUT", "/events")[0].status == 404


def test_webhook(mudlib_copy: Path) -> None:
    event = json.dumps({"event": "push", "by": "Ann"})
    with serving("webhook", mudlib_copy, "open sesame") as (program, client):
        headers = {"Authorization": "Bearer open sesame", "Content_Type": "application/json"}
        response, body = ask(client, "POST", "/hook", event, **headers)
        assert (response.status, json.loads(body)) == (200, {"received": "push"})
        assert program.line() == "push by Ann"
        assert ask(client, "POST", "/hook", event)[0].status == 401
        assert ask(client, "POST", "/hook", "{", **headers)[0].status == 422
        assert ask(client, "GET", "/hook")[0].getheader("allow") == "POST"
        response, body = ask(client, "GET", "/")
        assert (response.status, json.loads(body)) == (404, {"error": "no such hook"})


def test_upload(mudlib_copy: Path) -> None:
    part = "--XX\r\nContent-Disposition: form-data; name="
    form = (f'{part}"who"\r\n\r\nAnn\r\n{part}"file"; filename="../a"\r\nContent-Type: image/png\r\n\r\n'.encode()
            + b"\0" * 5000 + b"\r\n--XX--\r\n")
    kind = "multipart/form-data; boundary=XX"
    with serving("upload", mudlib_copy) as (program, client):
        assert "<form" in ask(client, "GET", "/")[1]
        response, body = ask(client, "POST", "/", form, Content_Type=kind)
        assert (response.status, body) == (201, "Thank you, Ann.\n")
        assert program.line() == "Ann sent 5000 bytes of image/png"
        assert ask(client, "POST", "/", "who=Ann", Content_Type="application/x-www-form-urlencoded")[0].status == 400
        assert ask(client, "POST", "/", form[:-10], Content_Type=kind)[0].status == 400
