"""Runs the example of HTTP clients with the real command, against a server of real feeds."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from running import PROJECT, run

FEEDS = Path(__file__).parent / "feeds"


class Feeds(BaseHTTPRequestHandler):
    """As such servers are: the address of the feed has changed, and it comes compressed and in chunks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 - http.server's names
        if self.path == "/rss":
            self.send_response(301)
            self.send_header("Location", "news.rss")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        file = FEEDS / self.path.lstrip("/")
        self.send_response(200 if file.is_file() else 410)
        self.send_header("Content-Type", "application/rss+xml; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        data = gzip.compress(file.read_bytes() if file.is_file() else b"gone")
        for at in range(0, len(data), 100):
            piece = data[at:at + 100]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def feeds() -> Iterator[str]:
    """The URL of a server of feeds."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Feeds) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def read(mudlib: Path, loop: str, *urls: str) -> str:
    """What the reader prints; it has to end by itself."""
    done = run("--loop", loop, "--mudlib", mudlib, PROJECT / "examples" / "rss_reader.c", *urls)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_rss_reader(mudlib_copy: Path, loop: str) -> None:
    with feeds() as server:
        rss, atom = read(mudlib_copy, loop, f"{server}/rss"), read(mudlib_copy, loop, f"{server}/notes.atom")
    assert rss + atom == (FEEDS / "rss_reader.out").read_text(encoding="utf-8")


def test_feeds_that_are_none(mudlib_copy: Path) -> None:
    with feeds() as server:
        told = read(mudlib_copy, "uvloop", f"{server}/none", "nonsense", f"{server}/news.rss")
    assert f"== {server}/none: 410 Gone\n" in told
    assert "== nonsense: 'nonsense' is no URL, nor a host and a port\n" in told
    assert "== News of the Realm & Beyond\n" in told
