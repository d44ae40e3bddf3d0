"""An LPC object that talks MQTT, and brokers of other makes to talk to."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from network_world import PATIENCE, no_descriptors_left

from efuns import standard
from lpc import Driver, Permissions
from lpc.runtime.values import Buffer, Mapping

TALKER = """
#include <socket.h>

mapping *messages = ({ });
mapping *events = ({ });
mixed *ends = ({ });
int *readies = ({ });
mapping callers = ([ ]);
mapping *seen_callers = ({ });
mixed verdict = 1;
string topic;
int sender, from, to, qos, refused, taken;

void got(int fd, mapping message, string address) {
    message["fd"] = fd;
    message["from"] = address;
    if (message["event"]) events += ({ message }); else messages += ({ message });
    write("got");
}
void ready(int fd) {
    readies += ({ fd });
    if (topic && fd == sender) send_more(fd);
    write("ready");
}
void ended(int fd, string reason, int code) { ends += ({ ({ fd, reason, code }) }); write("ended"); }
mixed check(int fd, mapping caller) { seen_callers += ({ caller }); write("check"); return verdict; }

// A series of numbers, as fast as the broker takes it.
void send_more(int fd) {
    while (from <= to) {
        int code = socket_write(fd, (["topic": topic, "payload": "" + from, "qos": qos]));
        if (code != EESUCCESS && code != EECALLBACK) { refused++; return; }
        from++; taken++;
        if (code == EECALLBACK) { refused++; return; }
    }
}
void series(int fd, string where, int first, int last, int level) {
    sender = fd; topic = where; from = first; to = last; qos = level;
    send_more(fd);
}

int make(int mode, mapping settings) {
    int fd = socket_create(mode, "got", "ended");
    foreach (int option, mixed value in settings) socket_set_option(fd, option, value);
    return fd;
}
int join(string where, mapping settings) {
    int fd = make(MQTT_CLIENT, settings);
    int code = socket_connect(fd, where, "got", "ready");
    return code == EESUCCESS ? fd : code;
}
int serve(mapping settings, string address, int checks) {
    int fd = make(MQTT_BROKER, settings);
    if (socket_bind(fd, 0, address) != 1 || (checks ? socket_listen(fd, "check") : socket_listen(fd)) != 1)
        error(socket_get_option(fd, SO_LAST_ERROR));
    return fd;
}
string port(int fd) { return explode(socket_address(fd, 1), " ")[1]; }
int send(int fd, mixed message, string where) {
    return where ? socket_write(fd, message, where) : socket_write(fd, message);
}
int leave(int fd) { return socket_close(fd); }
mixed option(int fd, int number) { return socket_get_option(fd, number); }
mixed *status(int fd) { return socket_status(fd); }
string address(int fd) { return socket_address(fd); }
void set_verdict(mixed what) { verdict = what; }
mapping *query_messages() { return messages; }
mapping *query_events() { return events; }
mixed *query_ends() { return ends; }
int *query_readies() { return readies; }
mapping *query_callers() { return seen_callers; }
int query_taken() { return taken; }
int query_refused() { return refused; }
"""

CLIENT_ID, USERNAME, PASSWORD, KEEP_ALIVE, QOS, RETAIN, CLEAN, WILL_TOPIC, WILL = range(131, 140)
VERSION, TIMEOUT, LINGER, EVENTS, RECONNECT, EXPIRY, WINDOW, USER = 40, 8, 9, 1013, 1040, 1041, 1042, 1043
BRIDGE, SESSIONS, RETAINED, QUEUED, DROPPED, LAST_ERROR, SIZE = 1044, 1045, 1046, 1047, 1011, 1010, 287


def options(given: dict[int, Any] | None) -> Mapping:
    """Options for LPC."""
    return Mapping(given or {})


class Talker:
    """A driver with an object that talks MQTT."""

    def __init__(self, driver: Driver, news: asyncio.Event) -> None:
        self.driver = driver
        self.ob = driver.clone("/talker")
        self._news = news

    def call(self, function: str, *args: Any) -> Any:
        return self.driver.call(self.ob, function, *args)

    async def until(self, condition: Callable[[], Any]) -> Any:
        """Until a callback has made the condition true."""
        async with asyncio.timeout(PATIENCE):
            while not (value := condition()):
                self._news.clear()
                await self._news.wait()
            return value

    async def join(self, where: str, given: dict[int, Any] | None = None) -> int:
        """Connect; the descriptor once the broker has accepted."""
        before, ended = len(self.call("query_readies")), len(self.ends)
        fd: int = self.call("join", where, options(given))
        assert fd >= 0, fd
        await self.until(lambda: fd in self.call("query_readies")[before:]
                         or fd in [end[0] for end in self.ends[ended:]])
        assert fd in self.call("query_readies")[before:], self.ends
        return fd

    async def refused(self, where: str, given: dict[int, Any] | None = None) -> tuple[str, int]:
        """Connect in vain: reason and code."""
        before = len(self.ends)
        fd = self.call("join", where, options(given))
        assert fd >= 0, fd
        _, reason, code = await self.until(lambda: next((end for end in self.ends[before:] if end[0] == fd), None))
        return reason, code

    async def subscribe(self, fd: int, what: Any, **more: Any) -> None:
        """Subscribe, and wait for the answer; the socket has MQTT_EVENTS."""
        before = len(self.events("suback"))
        assert self.call("send", fd, Mapping(subscribe=what, **more), 0) == 1
        await self.until(lambda: len(self.events("suback")) > before)

    def send(self, fd: int, message: Any, topic: str | int = 0) -> int:
        code: int = self.call("send", fd, Mapping(message) if isinstance(message, dict) else message, topic)
        return code

    @property
    def messages(self) -> list[Mapping]:
        found: list[Mapping] = self.call("query_messages")
        return found

    @property
    def ends(self) -> list[Any]:
        found: list[Any] = self.call("query_ends")
        return found

    def events(self, kind: str) -> list[Mapping]:
        return [event for event in self.call("query_events") if event["event"] == kind]

    async def message(self, number: int = 1) -> Mapping:
        """A message, once there are so many."""
        await self.until(lambda: len(self.messages) >= number)
        return self.messages[number - 1]


def payload(message: Mapping) -> Any:
    """What a message says: a string, or the bytes of a buffer."""
    body = message["payload"]
    return bytes(body.data) if isinstance(body, Buffer) else body


@asynccontextmanager
async def talker(mudlib: Path, *flags: str, said: list[str] | None = None) -> AsyncIterator[Talker]:
    """A driver over a mudlib; when it is closed, nothing is left of it. `said` takes what it logs, which is
    nothing unless it is given."""
    (mudlib / "talker.c").write_text(TALKER, encoding="utf-8")
    news = asyncio.Event()
    lines: list[str] = [] if said is None else said
    await asyncio.sleep(0)  # loops open descriptors of their own on first use
    with no_descriptors_left():
        async with Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), strict=True, cache=False,
                          output=lambda text: news.set(), logger=lines.append,
                          permissions=Permissions.parse(flags)) as driver:
            yield Talker(driver, news)
    if said is None:
        assert lines == [], lines


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Mosquitto:
    """A mosquitto of our own, with some lines of configuration."""

    def __init__(self, folder: Path, *lines: str, port: int = 0, secure_port: int = 0) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._config = folder / f"mosquitto-{self.port}.conf"
        listener = [f"listener {self.port} 127.0.0.1"] if not secure_port else []
        text = ["log_dest stderr", "log_type all", "user root", "set_tcp_nodelay true", *listener, *lines]
        if not any(line.startswith(("allow_anonymous", "password_file")) for line in lines):
            text.append("allow_anonymous true")
        self._config.write_text("\n".join(text) + "\n", encoding="utf-8")
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it is up."""
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", str(self._config)], stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.rstrip().endswith("running"):
                break
        else:
            raise AssertionError("mosquitto did not start")
        self._log = asyncio.get_running_loop().run_in_executor(None, self.process.stderr.read)

    async def stop(self) -> None:
        """End it as its administrator would."""
        assert self.process is not None and self.process.stderr is not None
        self.process.terminate()
        await self._log
        self.process.wait()
        self.process.stderr.close()
        self.process = None


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str, secure_port: int = 0) -> AsyncIterator[Mosquitto]:
    """A mosquitto while the test runs."""
    made = Mosquitto(folder, *lines, secure_port=secure_port)
    made.start()
    try:
        yield made
    finally:
        if made.process is not None:
            await made.stop()


@contextmanager
def program(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program while the test runs."""
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


class Cutter:
    """A relay to a broker that can cut connections after so many bytes, in either direction."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts: Iterator[int] = iter(())  # bytes from the client until the next cut
        self.count = 0
        self.pairs: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_down = False

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_down:
            writer.transport.abort()
            return
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        if self._is_down:
            writer.transport.abort()
            there_writer.transport.abort()
            return
        left = next(self.cuts, None)
        pair = {writer, there_writer}
        self.pairs |= pair

        def cut() -> None:
            for end in pair:
                end.transport.abort()
            self.pairs.difference_update(pair)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, counts: bool) -> None:
            nonlocal left
            try:
                while data := await source.read(4096):
                    if counts and left is not None and len(data) >= left:
                        target.write(data[:left])
                        self.count += 1
                        cut()
                        return
                    if counts and left is not None:
                        left -= len(data)
                    target.write(data)
            except OSError:
                pass
            cut()

        for task in (asyncio.ensure_future(copy(reader, there_writer, True)),
                     asyncio.ensure_future(copy(there_reader, writer, False))):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        self._server.close()

    def cut_all(self) -> None:
        for end in list(self.pairs):
            end.transport.abort()
        self.pairs.clear()

    async def over(self) -> None:
        """Until the connections have ended by themselves."""
        await asyncio.gather(*self._tasks)

    async def hang_up(self) -> None:
        """Cut all connections, and wait until their descriptors are closed."""
        self._is_down = True
        self.cut_all()
        await self.over()
        for _ in range(5):  # uvloop closes descriptors on later turns
            await asyncio.sleep(0)


@asynccontextmanager
async def relay(target: int) -> AsyncIterator[Cutter]:
    """A relay; opened before the world whose descriptors are counted."""
    made = Cutter(target)
    await made.start()
    try:
        yield made
    finally:
        made.close()
        await made.hang_up()
