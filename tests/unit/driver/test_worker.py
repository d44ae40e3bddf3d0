"""A worker's side of `pylpc serve`; the other side is a socket that holds the answers."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections.abc import Iterator

import pytest

from lpc.driver.config import Config
from lpc.driver.predefined import runtime_config_header, runtime_option
from lpc.driver.worker import Worker

ADDRESS = ("127.0.0.1", 4000)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5)
    with ours, theirs:
        yield ours, theirs


def told(supervisor: socket.socket) -> list[list[object]]:
    return [json.loads(line) for line in supervisor.recv(65536).splitlines()]


def test_a_port_is_shared_after_asking(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    worker = Worker(1, 3, channel)
    supervisor.sendall(b"0\n")
    with socket.socket() as wire:
        worker.share(wire, ADDRESS)
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1
    assert told(supervisor) == [["bind", socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1", 4000]]


def test_a_port_of_the_systems_choice_is_not_shared(ends: tuple[socket.socket, socket.socket]) -> None:
    _, channel = ends
    with socket.socket() as wire:
        Worker(0, 2, channel).share(wire, ("127.0.0.1", 0))
        assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0


@pytest.mark.parametrize("number", [errno.EADDRINUSE, errno.EACCES])
def test_a_refusal_is_an_error(ends: tuple[socket.socket, socket.socket], number: int) -> None:
    supervisor, channel = ends
    supervisor.sendall(b"%d\n" % number)
    with socket.socket() as wire, pytest.raises(OSError) as caught:
        Worker(0, 2, channel).share(wire, ADDRESS)
    assert caught.value.errno == number


@pytest.mark.parametrize(("host", "clashes"), [("127.0.0.1", True), ("0.0.0.0", True), ("127.0.0.2", False)])
def test_one_worker_binds_an_address_once(ends: tuple[socket.socket, socket.socket], host: str, clashes: bool) -> None:
    supervisor, channel = ends
    worker = Worker(0, 2, channel)
    supervisor.sendall(b"0\n")
    with socket.socket() as first, socket.socket() as second:
        worker.share(first, ADDRESS)
        told(supervisor)
        if clashes:
            with pytest.raises(OSError) as caught:
                worker.share(second, (host, 4000))
            assert caught.value.errno == errno.EADDRINUSE
        else:
            supervisor.sendall(b"0\n")
            worker.share(second, (host, 4000))


def test_a_port_is_free_again_when_its_socket_is_closed(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    worker = Worker(0, 2, channel)
    for _ in range(2):
        supervisor.sendall(b"0\n")
        with socket.socket() as wire:
            worker.share(wire, ADDRESS)
            assert wire.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1


def test_without_a_supervisor_nothing_is_shared(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    supervisor.close()
    with socket.socket() as wire, pytest.raises(OSError) as caught:
        Worker(0, 2, channel).share(wire, ADDRESS)
    assert caught.value.errno == errno.EPIPE


def test_a_supervisor_that_does_not_answer_is_given_up(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    worker = Worker(0, 2, channel)
    channel.settimeout(0.01)
    with socket.socket() as wire, pytest.raises(OSError):
        worker.share(wire, ADDRESS)
    told(supervisor)
    assert supervisor.recv(1) == b""  # what it says now answers nothing


def test_what_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    worker = Worker(2, 3, channel, "mqtt://x")

    async def scene() -> None:
        orphaned = asyncio.Event()
        worker.ready(asyncio.get_running_loop(), orphaned.set)
        assert not orphaned.is_set()
        for _ in range(2):
            assert worker.query_bus() == "mqtt://x"
        worker.over(None)
        worker.over(3)
        assert told(supervisor) == [["ready"], ["bus"], ["idle"], ["shutdown", 3]]
        supervisor.close()
        await asyncio.wait_for(orphaned.wait(), 10)

    asyncio.run(scene())


def test_what_was_never_ready_says_nothing_at_its_end(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    Worker(0, 1, channel).over(1)
    channel.close()
    assert supervisor.recv(1) == b""


def test_what_lpc_can_ask(ends: tuple[socket.socket, socket.socket]) -> None:
    supervisor, channel = ends
    numbers = {line.split()[1]: int(line.split()[2]) for line in runtime_config_header()["include/runtime_config.h"]
               .splitlines() if line.startswith("#define __")}

    def ask(config: Config) -> list[object]:
        names = ("__WORKER__", "__WORKERS__", "__BUS__")
        return [runtime_option(config, config.limits, numbers[name]) for name in names]

    assert ask(Config()) == [0, 1, ""]
    assert ask(Config(bus=("mqtt://a", "mqtt://b"))) == [0, 1, "mqtt://a mqtt://b"]
    assert ask(Config(worker=Worker(2, 4, channel, "mqtt://own"))) == [2, 4, "mqtt://own"]
    assert told(supervisor) == [["bus"]]
    assert ask(Config(bus=("mqtt://a",), worker=Worker(2, 4, channel, "mqtt://own"))) == [2, 4, "mqtt://a"]
