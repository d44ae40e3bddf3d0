"""Measures LPC against the same algorithm hand-written in Python, and compiling, loading and starting.

    python bench/run.py [--rounds N] [--json FILE] [name ...]

Both sides run in one process, in turns, best of N: what the machine does meanwhile falls on both. Both must
give the same result. `ratio` is ours divided by Python's (below 1: we are faster); the last line is the
geometric mean over the algorithms. Compiling, loading and starting are listed apart.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

HERE = Path(__file__).parent
PROJECT = HERE.parent
sys.path[:0] = [str(PROJECT), str(HERE)]

import programs  # noqa: E402 - the checkout is put on the path first

from efuns import standard  # noqa: E402
from lpc import Driver, Limits  # noqa: E402

#: Algorithm: its size.
ALGORITHMS = {
    "fib": 25,
    "loop": 1_000_000,
    "sieve": 500_000,
    "mandelbrot": 100,
    "strings": 200_000,
    "mapping": 400_000,
    "closures": 50_000,
    "call_other": 600_000,
    "text": 100_000,
}
OTHERS = ("compile", "load", "start")

#: Functions in the generated file; ten lines each.
FUNCTIONS = 600


def best(rounds: int, *sides: Callable[[], Any]) -> list[float]:
    """The shortest time of each side in milliseconds, the sides taking turns."""
    shortest = [math.inf] * len(sides)
    for _ in range(rounds):
        for at, side in enumerate(sides):
            gc.collect()
            begin = perf_counter()
            side()
            shortest[at] = min(shortest[at], perf_counter() - begin)
    return [1000 * seconds for seconds in shortest]


def driver(mudlib: Path, *, cache: bool) -> Driver:
    """A driver that spends as much as a benchmark needs."""
    return Driver(mudlib, efuns=standard.efuns(), predefined=standard.macros(), master="", simul_efun="", cache=cache,
                  limits=Limits(evaluation_time=600.0))


def algorithm(name: str, rounds: int) -> list[float]:
    """Ours and Python's time for one algorithm."""
    size = ALGORITHMS[name]
    world = driver(HERE / "mudlib", cache=False)
    ob = world.load("/bench/programs")
    by_hand = getattr(programs, f"run_{name}")
    ours, wanted = world.call(ob, f"run_{name}", size), by_hand(size)
    if ours != wanted:
        raise SystemExit(f"{name}: LPC gives {ours}, Python {wanted}")
    times = best(rounds, lambda: world.call(ob, f"run_{name}", size), lambda: by_hand(size))
    world.close()
    return times


def generated(functions: int) -> str:
    """An ordinary LPC file: typed functions with loops, branches, strings, mappings and calls."""
    parts = ['string *names = ({ });', 'mapping table = ([ "a" : 1 ]);', ""]
    for n in range(functions):
        parts.append(f"""/* Entry {n} of the table. */
int function_{n}(string name, int amount) {{
    int total = amount * {n} + table[name];
    foreach (string other in names) {{
        if (strlen(other) > total && other != "x{n}") {{ total += sizeof(names) - {n % 7}; }}
        else {{ total -= table[other] ? 1 : {n}; }}
    }}
    table["k{n}"] = ({{ name, total, "text " + amount }});
    return total > 100 ? function_{max(0, n - 1)}(name + "!", total % 100) : total;
}}
""")
    return "\n".join(parts)


def generated_python(functions: int) -> str:
    """The same file in Python."""
    parts = ["names = []", "table = {'a': 1}", ""]
    for n in range(functions):
        parts.append(f"""# Entry {n} of the table.
def function_{n}(name, amount):
    total = amount * {n} + table.get(name, 0)
    for other in names:
        if len(other) > total and other != "x{n}":
            total += len(names) - {n % 7}
        else:
            total -= 1 if table.get(other) else {n}
    table["k{n}"] = [name, total, f"text {{amount}}"]
    return function_{max(0, n - 1)}(name + "!", total % 100) if total > 100 else total
""")
    return "\n".join(parts)


def compiling(rounds: int) -> list[float]:
    """A large file compiled from its source; Python compiling the same in Python."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "large.c").write_text(generated(FUNCTIONS), encoding="utf-8")
        source = generated_python(FUNCTIONS)

        def ours() -> None:
            world = driver(Path(folder), cache=False)
            world.load("/large")
            world.close()

        return best(rounds, ours, lambda: exec(compile(source, "large.py", "exec"), {}))  # noqa: S102 - our own text


def loading(rounds: int) -> list[float]:
    """The same file from the disk cache; Python importing its byte code."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "large.c").write_text(generated(FUNCTIONS), encoding="utf-8")
        module = Path(folder) / "large_python_module.py"
        module.write_text(generated_python(FUNCTIONS), encoding="utf-8")
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = False
        os.environ["XDG_CACHE_HOME"] = folder

        def ours() -> None:
            world = driver(Path(folder), cache=True)
            world.load("/large")
            world.close()

        def theirs() -> None:
            sys.modules.pop(module.stem, None)
            __import__(module.stem)

        ours()
        theirs()
        times = best(rounds, ours, theirs)
        sys.path.remove(folder)
        return times


def starting(rounds: int) -> list[float]:
    """A process that says hello in LPC; one that does nothing in Python."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(PROJECT / "lib", Path(folder) / "lib")
        environment = os.environ | {"XDG_CACHE_HOME": folder}
        hello = [sys.executable, "-m", "lpc", "--mudlib", f"{folder}/lib", str(PROJECT / "examples" / "hello.c")]

        def run(*command: str) -> None:
            subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.DEVNULL, env=environment)

        run(*hello)
        return best(max(rounds, 5), lambda: run(*hello), lambda: run(sys.executable, "-c", "pass"))


def main() -> None:
    """Measure what is named on the command line, or everything."""
    parser = argparse.ArgumentParser(description="LPC against hand-written Python")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join([*ALGORITHMS, *OTHERS]))
    parser.add_argument("--rounds", type=int, default=5, help="best of so many (5)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too; - prints nothing else")
    options = parser.parse_args()
    names = options.names or [*ALGORITHMS, *OTHERS]
    unknown = [name for name in names if name not in ALGORITHMS and name not in OTHERS]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}")

    quiet = options.json == "-"
    others = {"compile": compiling, "load": loading, "start": starting}
    results: dict[str, dict[str, float]] = {}
    if not quiet:
        print(f"{'ms':12} {'LPC':>10} {'Python':>10} {'ratio':>7}")
    for name in names:
        ours, theirs = others[name](options.rounds) if name in others else algorithm(name, options.rounds)
        results[name] = {"lpc_ms": ours, "python_ms": theirs, "ratio": ours / theirs}
        if not quiet:
            print(f"{name:12} {ours:10.2f} {theirs:10.2f} {ours / theirs:7.2f}", flush=True)

    ratios = [results[name]["ratio"] for name in results if name in ALGORITHMS]
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios)) if ratios else None
    if mean is not None and not quiet:
        print(f"{'mean':12} {'':10} {'':10} {mean:7.2f}")
    if options.json:
        text = json.dumps({"python": sys.version.split()[0], "results": results, "geometric_mean": mean}, indent=2)
        if quiet:
            print(text)
        else:
            Path(options.json).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
