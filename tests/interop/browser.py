"""A real browser: Debian's chromium without a window, driven by its DevTools protocol over a WebSocket.

It is many processes, none of which may outlive the tests. They are one process group, and the shell that starts them
kills it when the browser ends or when its standard input does: the other end of that is ours alone, so the kernel
closes it whatever becomes of us.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
PATIENCE = 60.0
GUARD = 'exec 3<&0; (read -r _ <&3; kill -KILL 0) & "$@" </dev/null 3<&-; kill -KILL 0'


class Page:
    """One tab."""

    def __init__(self, url: str, closing: str) -> None:
        self._closing = closing
        self._exits = ExitStack()
        self._wire: ClientConnection = self._exits.enter_context(
            connect(url, max_size=None, compression=None, open_timeout=PATIENCE))
        self._number = 0
        self._events: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call the browser; its result."""
        self._number += 1
        self._wire.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._wire.recv(timeout=PATIENCE))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer.get("method", ""))

    def run(self, script: str) -> Any:
        """The value of an expression, awaited where it is a promise."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait within the page for an expression to be true, as its document changes."""
        self.run("new Promise(done => { const look = () => { if (" + condition + ") { watcher.disconnect(); done(1); }"
                 " };"
                 " const watcher = new MutationObserver(look);"
                 " watcher.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});"
                 " look(); })")

    def visit(self, url: str) -> None:
        """Go somewhere and wait until it is loaded."""
        self.call("Page.enable")
        self._events.clear()
        self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._events.append(json.loads(self._wire.recv(timeout=PATIENCE)).get("method", ""))
        self.call("Page.disable")

    def picture(self, path: Path) -> None:
        """What it looks like."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """Close the tab."""
        self._exits.close()
        if self._closing:
            with urllib.request.urlopen(self._closing, timeout=PATIENCE):
                self._closing = ""


class Browser:
    """The program; use as a context."""

    def __init__(self, folder: Path) -> None:
        self._pages: list[Page] = []
        self._process = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", PROGRAM,
             "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--remote-debugging-port=0", "--window-size=900,600", f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        with ExitStack() as exits:
            exits.callback(self._end)
            self._address = self._find(folder / "DevToolsActivePort")
            self._exits = exits.pop_all()

    def _find(self, told: Path) -> str:
        """Where the browser listens, once it has written that down."""
        end = monotonic() + PATIENCE
        while monotonic() < end:
            if told.exists() and "\n" in (text := told.read_text(encoding="utf-8")):
                return f"127.0.0.1:{text.splitlines()[0]}"
            try:
                self._process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            break
        raise AssertionError("the browser did not start")

    def _end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._process:  # closes the pipe and waits
            pass

    def page(self) -> Page:
        """A new tab."""
        asked = urllib.request.Request(f"http://{self._address}/json/new?about:blank", method="PUT")
        with urllib.request.urlopen(asked, timeout=PATIENCE) as answer:
            told = json.load(answer)
        page = Page(told["webSocketDebuggerUrl"], f"http://{self._address}/json/close/{told['id']}")
        self._pages.append(page)
        return page

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        with self._exits:
            for page in self._pages:
                page.close()
