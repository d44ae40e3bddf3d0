"""What bench/sockets.py compares with: the tasks of stream_server.c as asyncio protocols on uvloop.

    python bench/bare_server.py TASK [PEM]

PEM is a file with the key and the certificate of a TLS server.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import sys
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent))

from lpc.runtime.save import restore_value, save_value  # noqa: E402 - the checkout is put on the path first

PIECE = b"x" * 65536


class Echo(asyncio.Protocol):
    transport: Any  # uvloop's are no asyncio.Transport

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class Sink(Echo):
    received = 0

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        if data[-1] == 10:
            self.transport.write(b"%d\n" % self.received)
            self.received = 0


class Source(Echo):
    left = 0
    paused = False

    def data_received(self, data: bytes) -> None:
        self.left = int(data)
        self.send()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.send()

    def send(self) -> None:
        while self.left and not self.paused:
            self.left -= 1
            self.transport.write(PIECE)


class Accept(Echo):
    def connection_made(self, transport: Any) -> None:
        transport.close()


class Hold(Echo):
    def data_received(self, data: bytes) -> None:
        pass


class Values(Echo):
    """Saved values with their lengths, as mode MUD; the least that understands them."""

    kept = b""

    def data_received(self, data: bytes) -> None:
        data = self.kept + data
        at = 0
        while len(data) - at >= 4:
            (length,) = struct.unpack_from(">I", data, at)
            if len(data) < at + 4 + length:
                break
            self.take(restore_value(data[at + 4:at + 3 + length].decode()))
            at += 4 + length
        self.kept = data[at:]

    def take(self, value: Any) -> None:
        text = save_value(value).encode()
        self.transport.write(struct.pack(">I", len(text) + 1) + text + b"\0")


class Count(Values):
    """Answers every 500 values."""

    received = 0

    def take(self, value: Any) -> None:
        self.received += 1
        if not self.received % 500:
            super().take(self.received)


TASKS = {"echo": Echo, "sink": Sink, "source": Source, "accept": Accept, "hold": Hold, "values": Values,
         "count": Count}


async def main() -> None:
    task, *pem = sys.argv[1:]
    context = None
    if pem:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*pem)
    server = await asyncio.get_running_loop().create_server(TASKS[task], "127.0.0.1", 0, backlog=128, ssl=context)
    print("127.0.0.1", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
