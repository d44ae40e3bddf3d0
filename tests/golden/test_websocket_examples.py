"""Runs the examples of WebSockets with the real command: a browser for the page, the library websockets for
the rest."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import PATIENCE, PROJECT, Running, run
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.interop import browser
from tests.interop.browser import Browser

EXAMPLES = PROJECT / "examples"


@contextmanager
def chat(mudlib: Path) -> Iterator[str]:
    """The chat; where it is."""
    with Running("--mudlib", mudlib, EXAMPLES / "websocket_chat.c", "0") as program:
        yield program.line()
        status, rest, errors = program.stop()
        assert (status, rest, errors) == (0, [], "")


def hears(visitor: ClientConnection) -> dict[str, object]:
    news: dict[str, object] = json.loads(visitor.recv(timeout=PATIENCE))
    return news


def test_the_chat(mudlib_copy: Path) -> None:
    with chat(mudlib_copy) as url:
        where = url.replace("http", "ws")
        with connect(where) as ann, connect(where) as ben:
            ann.send("Ann")
            assert hears(ann) == {"kind": "enter", "who": "Ann"}
            assert hears(ann) == {"kind": "who", "names": ["Ann"]}
            ben.send("Ann")
            with pytest.raises(Exception, match="Please take another name"):
                ben.recv(timeout=PATIENCE)
            with connect(where, origin=url.rstrip("/")) as cid:  # type: ignore[arg-type]
                cid.send("Cid")
                assert [hears(ann)["kind"], hears(ann)["names"]] == ["enter", ["Ann", "Cid"]]
                assert [hears(cid)["kind"], hears(cid)["kind"]] == ["enter", "who"]
                cid.send(" <b>Grüße</b> ")
                assert hears(ann) == hears(cid) == {"kind": "say", "who": "Cid", "text": "<b>Grüße</b>"}
            assert [hears(ann), hears(ann)["names"]] == [{"kind": "leave", "who": "Cid"}, ["Ann"]]
        with pytest.raises(InvalidStatus) as refused, \
                connect(where, origin="https://elsewhere.example"):  # type: ignore[arg-type]
            pass
        assert refused.value.response.status_code == 403


@pytest.mark.slow
@pytest.mark.skipif(not browser.PROGRAM, reason="not installed: chromium")
def test_the_page(mudlib_copy: Path, tmp_path: Path) -> None:
    with chat(mudlib_copy) as url, Browser(tmp_path / "profile") as program:
        ann, ben = program.page(), program.page()
        for page, name in ((ann, "Ann"), (ben, "Ben")):
            page.visit(url)
            assert page.run("document.title") == "Chat"
            type_in(page, name)
            page.until(f"document.getElementById('who').textContent.includes('{name}')")
        type_in(ann, "Hello <Ben> & Grüße 🐉")
        for page in (ann, ben):
            page.until("document.getElementById('log').textContent.includes('Ann: Hello <Ben> & Grüße 🐉')")
            assert page.run("document.querySelectorAll('#log b').length") == 1
        assert ann.run("[...document.querySelectorAll('#who li')].map(one => one.textContent).join()") == "Ann,Ben"
        if folder := os.environ.get("PICTURES"):
            ann.picture(Path(folder) / "websocket_chat.png")
        ben.close()  # leaves without a word
        ann.until("document.getElementById('who').textContent == 'Ann'")
        assert ann.run("document.querySelector('#log p:last-child').textContent") == "Ben leaves."


def type_in(page: browser.Page, text: str) -> None:
    """Put a text into the page's form and send it."""
    page.run(f"document.getElementById('text').value = {json.dumps(text)}; document.forms[0].requestSubmit()")


def test_the_ticker(mudlib_copy: Path) -> None:
    async def prices(connection: ServerConnection) -> None:
        asked = json.loads(await connection.recv())
        for symbol in asked["subscribe"]:
            await connection.send(json.dumps({"symbol": symbol, "price": 12}))
        await connection.send(json.dumps({"symbol": "ACME", "price": 11.5}))
        await connection.send("{}")
        if losses:
            losses.pop()
            connection.transport.abort()

    async def play() -> None:
        async with serve(prices, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            done.append(await asyncio.to_thread(
                run, "--mudlib", mudlib_copy, EXAMPLES / "websocket_ticker.c", f"ws://127.0.0.1:{port}/prices", "ACME",
                "BOLT"))

    losses, done = [1], []
    asyncio.run(play())
    lines = done[0].stdout.splitlines()
    once = ["Connected.", "ACME 12.00", "BOLT 12.00", "ACME 11.50 (-0.50)", "What is this? {}"]
    again = ["Connected.", "ACME 12.00 (+0.50)", "BOLT 12.00 (+0.00)", "ACME 11.50 (-0.50)", "What is this? {}"]
    assert lines[-6:] == [*again, "The other end closed the connection (1000)"]
    lost = lines[:-6]
    assert lost[:-1] == once[:len(lost) - 1] and lost[-1].endswith("(1006)")
    assert (done[0].stderr, done[0].returncode) == ("", 0)


def test_files(mudlib_copy: Path) -> None:
    data = bytes(range(256)) * 1000
    (mudlib_copy / "map.bin").write_bytes(data)
    example = EXAMPLES / "websocket_file.c"
    with Running("--mudlib", mudlib_copy, example, "serve", "0") as program:
        where = "127.0.0.1:" + program.line().rpartition(" ")[2]
        copy = mudlib_copy / "save" / "map.bin"
        whole = run("--mudlib", mudlib_copy, example, "send", where, "/map.bin")
        assert (whole.stdout, whole.stderr, whole.returncode) == ("Sent.\n", "", 0)
        assert program.line() == "map.bin: 256000 bytes, good"
        assert copy.read_bytes() == data
        copy.write_bytes(data[:100_000])
        rest = run("--mudlib", mudlib_copy, example, "send", where, "/map.bin", "100000")
        assert (rest.stdout, rest.returncode) == ("Sent.\n", 0)
        assert program.line() == "map.bin: 156000 bytes, good"
        assert copy.read_bytes() == data
        none = run("--mudlib", mudlib_copy, example, "send", where, "/none.bin")
        assert none.stdout.startswith("Cannot send: ") and none.returncode == 1
        assert program.line() == "The other end goes away"
        assert program.stop()[0] == 0
