"""Measures `pylpc serve`: HTTP requests per second of one worker and of several.

    python bench/workers.py [--workers 1,2] [--rounds N] [--seconds N] [--connections N]

Two pages: `hello` answers "Hello, world!", `list` makes JSON of fifty entries in LPC. Servers take turns, best of N.
The load generator, Debian's wrk, needs a processor too. Where there is none left for it, it takes its part of what
the workers have, so beside the rates stands how many processors each side had, and `alone`: the ratio for workers that
have processors of their own, from the requests per second of their processor time. Target: two workers have 1.6
times the rate of one where two processors are free for them.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import PROJECT, free_port, processor_time, wrk

PAGES = ("hello", "list")
SCRIPT = """
void request(int fd, mapping request, string addr) {
    mixed *entries = ({ });

    if (request["path"] == "/hello") {
        socket_write(fd, (["headers": (["content-type": "text/plain"]), "body": "Hello, world!\\n"]));
        return;
    }
    for (int i = 0; i < 50; i++) {
        entries += ({ (["id": i, "name": sprintf("entry %03d", i), "even": i % 2 == 0 ]) });
    }
    socket_write(fd, (["headers": (["content-type": "application/json"]), "body": json_encode(entries)]));
}

int main(string *argv) {
    int server = socket_create(HTTP_SERVER, "request");
    socket_bind(server, 0, "127.0.0.1 " + argv[1]);
    socket_listen(server);
    return 0;
}
"""


@contextmanager
def server(workers: int, folder: Path) -> Iterator[tuple[int, list[int]]]:
    """A server of so many workers: its port and their process numbers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "lpc", "serve", "--workers", str(workers), str(folder / "hello.c"), str(port)],
        cwd=folder, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found_pids := re.search(r"\(processes ([\d, ]+)\)", line):
                yield port, [int(pid) for pid in found_pids[1].split(", ")]
                break
        else:
            raise SystemExit("the server ended")
    finally:
        process.terminate()
        process.wait()


class Result:
    """One measurement: requests per second, and the share of a processor each side had."""

    def __init__(self, rate: float, workers: float, load: float) -> None:
        self.rate = rate
        self.workers = workers
        self.load = load

    @property
    def per_second_of_processor(self) -> float:
        return self.rate / self.workers


def measure(port: int, pids: list[int], page: str, seconds: int, connections: int) -> Result:
    """The rate wrk reaches."""
    before = sum(map(processor_time, pids))
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    rate = wrk(f"http://127.0.0.1:{port}/{page}", seconds, connections)
    workers = (sum(map(processor_time, pids)) - before) / seconds
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    load = (after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime) / seconds
    return Result(rate, workers, load)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    counts = [int(word) for word in options.workers.split(",")]
    best: dict[tuple[str, int], Result] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "hello.c").write_text(SCRIPT, encoding="utf-8")
        for _ in range(options.rounds):
            for count in counts:
                with server(count, folder) as (port, pids):
                    for page in PAGES:
                        measure(port, pids, page, 1, options.connections)  # warm
                        result = measure(port, pids, page, options.seconds, options.connections)
                        if (page, count) not in best or result.rate > best[page, count].rate:
                            best[page, count] = result
    print(f"{len(os.sched_getaffinity(0))} processors\n")
    print("| page | workers | requests/s | ratio | processors: workers | load | per processor second | alone |")
    print("|--|--:|--:|--:|--:|--:|--:|--:|")
    for page in PAGES:
        first = best[page, counts[0]]
        for count in counts:
            one = best[page, count]
            alone = one.per_second_of_processor * count / (first.per_second_of_processor * counts[0])
            print(f"| {page} | {count} | {one.rate:,.0f} | {one.rate / first.rate:.2f} | {one.workers:.2f} "
                  f"| {one.load:.2f} | {one.per_second_of_processor:,.0f} | {alone:.2f} |")


if __name__ == "__main__":
    main()
