"""A process of its own that joins a named eventfd, for test_socket_eventfd.

Arguments: root, name. Prints "ready", then each sum it gets; obeys "write N", "stop" (reads nothing more,
as a hung process) and the end of its input.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from efuns.sockets import efuns
from tests.unit.sockets.fake_host import FakeHost


def main(root: str, name: str) -> None:
    """Run until the input ends."""
    loop = asyncio.new_event_loop()
    host = FakeHost(loop, Path(root))
    ob = host.object(signalled=lambda fd, total: print(total, flush=True), lost=lambda *args: print(args, flush=True))
    fd = efuns.socket_create(ob, 43, "signalled", "lost")
    assert efuns.socket_bind(ob, fd, name) == 1

    def obey() -> None:
        line = sys.stdin.readline().split()
        if not line:
            loop.stop()
        elif line[0] == "write":
            print("wrote", efuns.socket_write(ob, fd, int(line[1])), flush=True)
        elif line[0] == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)

    loop.add_reader(0, obey)
    print("ready", flush=True)
    loop.run_forever()
    host.close()
    loop.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
