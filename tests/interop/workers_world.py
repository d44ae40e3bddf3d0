"""`pylpc serve` as a real process, and small clients for what it serves."""

from __future__ import annotations

import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from running import PATIENCE, environment

PAGE = """
#include <socket.h>
#include <runtime_config.h>

int listener;

void later(int fd) { socket_write(fd, (["body": "late"])); }

void request(int fd, mapping request, string address) {
    int other;
    switch (request["path"]) {
        case "/shutdown": shutdown(3); break;
        case "/leave": socket_close(listener); break;
        case "/slow": write("slow\\n"); call_out("later", 0.3, fd); return;
        case "/never": write("never\\n"); return;
        case "/again":
            other = socket_create(STREAM, "request", "request");
            socket_write(fd, (["body": socket_error(socket_bind(other, PORT, "127.0.0.1 " + PORT))]));
            return;
    }
    socket_write(fd, (["body": get_config(__WORKER__) + " of " + get_config(__WORKERS__) + " TEXT"]));
}

void ended(int fd, string reason, int code) { write("ended: " + reason + "\\n"); }

int main(string *argv) {
    int code;
    listener = socket_create(HTTP_SERVER, "request", "ended");
    code = socket_bind(listener, 0, "127.0.0.1 PORT");
    if (code != EESUCCESS) {
        write("bind: " + socket_error(code) + "\\n");
        return 4;
    }
    socket_listen(listener);
    write("up\\n");
    return 0;
}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def page(folder: Path, port: int, text: str = "one") -> Path:
    """The page as a program; TEXT and PORT are macros, also in strings."""
    path = folder / "page.c"
    path.write_text(PAGE.replace("TEXT", text).replace("PORT", str(port)), encoding="utf-8")
    return path


class Server:
    """`pylpc serve args…`; its output and its log are one stream of lines."""

    def __init__(self, *args: str | Path, cwd: Path, **changes: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lpc", *map(str, args)], cwd=cwd, text=True, start_new_session=True,
            env=environment(XDG_STATE_HOME=str(cwd / "state"), **changes),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.log: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def until(self, pattern: str) -> re.Match[str]:
        """Until a line that matches; all lines are kept in `log`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no line like {pattern!r}; so far: {self.log}")
            self.log.append(line)
            if found := re.search(pattern, line):
                return found

    def workers(self) -> list[int]:
        """The processes, once all workers run."""
        return [int(pid) for pid in self.until(r"workers? running .* \(processes ([\d, ]+)\)")[1].split(", ")]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ends(self) -> int:
        """Its exit status, once it and whoever writes to its output have ended."""
        status = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert not self._reader.is_alive(), "a worker is left"
        while (line := self._lines.get_nowait()) is not None:
            self.log.append(line)
        return status

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.ends()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        if self.process.poll() is None or self._reader.is_alive():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)  # a group of its own, all of it ours
            except ProcessLookupError:
                pass
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()


class Client:
    """One connection that asks for pages."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def ask(self, path: str = "/") -> None:
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def answer(self) -> str:
        """The body of the next answer."""
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._more()
        head, _, body = head.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head.lower())[1])  # type: ignore[index]
        while len(body) < length:
            body += self._more()
        return body.decode()

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server has closed the connection")
        return data

    def get(self, path: str = "/") -> str:
        self.ask(path)
        return self.answer()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        self.socket.close()


def get(port: int, path: str = "/") -> str:
    """A page, over a connection of its own; a connection that a worker's end has cut is made again."""
    return eventually(lambda: _get(port, path))


def _get(port: int, path: str) -> str | None:
    try:
        with Client(port) as client:
            return client.get(path)
    except ConnectionError:
        return None


def eventually(wanted: Callable[[], Any]) -> Any:
    """What it gives, once it gives something; each try is real work, so nothing sleeps here."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := wanted():
            return value
        threading.Event().wait(0.01)
    raise AssertionError("did not happen")


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
