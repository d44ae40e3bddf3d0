"""Small parts of the supervisor; tests/interop/test_workers.py has it at work."""

from __future__ import annotations

import os
import socket

import pytest

from lpc.tools.serve import MOST_WORKERS, BusPort, workers_for


@pytest.mark.parametrize("text", ["1", "2", "256"])
def test_a_number_of_workers(text: str) -> None:
    assert workers_for(text) == int(text)


def test_one_worker_for_each_processor() -> None:
    assert workers_for(None) == workers_for("auto") == min(len(os.sched_getaffinity(0)), MOST_WORKERS)


@pytest.mark.parametrize("text", ["", "0", "-1", "257", "1.5", "two", "²", "1 "])
def test_nonsense(text: str) -> None:
    with pytest.raises(ValueError, match="a number from 1 to 256, or 'auto', not"):
        workers_for(text)


def test_the_port_of_the_bus_is_kept_free_for_its_broker() -> None:
    bus, other = BusPort(), BusPort()
    assert bus.url == f"mqtt://bus:{bus.password}@127.0.0.1:{bus.port}"
    for _ in range(2):  # also for the next one, when the first has died
        with socket.socket() as broker:
            broker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            broker.bind(("127.0.0.1", bus.port))
            broker.listen()
    assert other.password != bus.password
    bus.close()
    other.close()
