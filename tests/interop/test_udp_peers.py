"""Modes 2 and 4 in the real driver, with socat, ncat and logger at the other end."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import pytest
from network_world import LOOPS, needs, play, shell, world

BOTH_LOOPS = pytest.mark.parametrize("loop", LOOPS)


@BOTH_LOOPS
@pytest.mark.parametrize(("address", "peer"), [
    ("127.0.0.1 0", "UDP4-CONNECT:127.0.0.1"), ("::1 0", "UDP6-CONNECT:[::1]"), (":: 0", "UDP4-CONNECT:127.0.0.1"),
])
@pytest.mark.parametrize("mode", [2, 4])
@needs("socat")
def test_socat_gets_its_packet_back(loop: str, mudlib_copy: Path, mode: int, address: str, peer: str) -> None:
    async def talk() -> None:
        async with world(mudlib_copy, "--allow-listen=[::]:0") as mud:
            port = mud.call("open", mode, address, {})
            mud.call("set_echoes", 1)

            answer = await shell(f"socat -t 5 - {peer}:{port},readbytes=11", b"hello world")

            assert answer == b"hello world"
            assert mud.parts == ["hello world" if mode == 2 else b"hello world"]
            host, _ = mud.call("query_senders")[0].split(" ")
            assert host == ("::1" if peer.startswith("UDP6") else "127.0.0.1")

    play(loop, talk())


@BOTH_LOOPS
@needs("ncat")
def test_ncat_sends_lines(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", 2, "127.0.0.1 0", {})

            await shell(f"ncat --udp --send-only 127.0.0.1 {port}", "Zoë\n".encode())
            await shell(f"ncat --udp --send-only 127.0.0.1 {port}", b"\xff\0\xfe")
            await mud.until(lambda: len(mud.parts) == 2)

            assert mud.parts == ["Zoë\n", b"\xff\0\xfe"]

    play(loop, talk())


@BOTH_LOOPS
@needs("logger")
def test_logger_writes_to_a_log_receiver(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", 2, "127.0.0.1 0", {})

            for number in range(5):
                await shell(f"logger --server 127.0.0.1 --port {port} --udp --rfc3164 --tag test"
                            f" --priority local0.warning 'line {number}'")
            await mud.until(lambda: len(mud.parts) == 5)

            for number, part in enumerate(mud.parts):
                assert re.fullmatch(rf"<132>.* test: line {number}", part)

    play(loop, talk())


@BOTH_LOOPS
@needs("socat")
def test_socat_answers_a_client_in_lpc(loop: str, mudlib_copy: Path) -> None:
    async def talk() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        async with world(mudlib_copy) as mud:
            mud.call("open", 2, "127.0.0.1 0", {})
            server = asyncio.create_task(shell(f"socat -T 5 UDP4-RECVFROM:{port},bind=127.0.0.1 SYSTEM:'tr a-z A-Z'"))
            while not mud.parts:  # until socat is there, nobody answers
                assert mud.call("send", "question\n", f"127.0.0.1 {port}") == 1
                await asyncio.sleep(0)
            await server

            assert mud.parts[0] == "QUESTION\n"
            assert mud.call("query_senders")[0] == f"127.0.0.1 {port}"

    play(loop, talk())


@needs("bash", "dd")
def test_a_dialogue_with_a_shell(mudlib_copy: Path) -> None:
    async def talk() -> None:
        async with world(mudlib_copy) as mud:
            port = mud.call("open", 2, "127.0.0.1 0", {})
            mud.call("set_echoes", 1)
            # Each waits for its answer, so none is lost.
            await shell(f"exec 3<>/dev/udp/127.0.0.1/{port}; for n in {{1..30}}; do echo $n >&3;"
                        " [ $(dd bs=99 count=1 status=none <&3) = $n ] || exit 1; done")

            assert mud.parts == [f"{number}\n" for number in range(1, 31)]

    play("uvloop", talk())
