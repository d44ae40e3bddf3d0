"""Measures json_encode() and json_decode() against plain orjson on the same documents.

    python bench/json_efuns.py [--rounds N]

`encode` stands beside orjson.dumps() of dicts and lists; `sorted` beside the same with sorted keys and the bytes
decoded, which is what json_encode() gives. `decode` stands beside orjson.loads(). Shares of 1 would be as fast.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from timeit import Timer
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent)]

import orjson  # noqa: E402 - the checkout is put on the path first

from efuns.json import decode, encode  # noqa: E402
from lpc import Limits  # noqa: E402

DOCUMENTS: dict[str, Any] = {
    "answer": {"id": 7, "name": "Tom", "tags": ["a", "b"], "hp": 33.5},
    "users": {"users": [
        {"id": at, "name": f"user {at}", "email": f"user{at}@example.com", "tags": ["a", "b"], "hp": at / 3,
         "address": {"street": "Main street 5", "city": "Town", "zip": 12345}} for at in range(200)]},
    "ints": [*range(10_000)],
    "texts": ["Lorem ipsum dolor sit amet, consectetur adipiscing elit " * 4] * 1000,
}


def microseconds(call: Callable[[], object], rounds: int) -> float:
    """The time of one call, best of some."""
    timer = Timer(call)
    count, _ = timer.autorange()
    return min(timer.repeat(rounds, count)) / count * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    limits = Limits()
    print(f"{'':8}{'bytes':>8}{'encode':>10}{'orjson':>9}{'share':>7}{'sorted':>9}{'share':>7}{'decode':>10}"
          f"{'orjson':>9}{'share':>7}   (us)")
    for name, document in DOCUMENTS.items():
        text = orjson.dumps(document).decode()
        value = decode(text, limits)
        ours = microseconds(lambda value=value: encode(value, limits), rounds)
        plain = microseconds(lambda document=document: orjson.dumps(document), rounds)
        same = microseconds(
            lambda document=document: orjson.dumps(document, option=orjson.OPT_SORT_KEYS).decode(), rounds)
        read = microseconds(lambda text=text: decode(text, limits), rounds)
        loaded = microseconds(lambda text=text: orjson.loads(text), rounds)
        print(f"{name:8}{len(text):8}{ours:10.2f}{plain:9.2f}{plain / ours:7.2f}{same:9.2f}{same / ours:7.2f}"
              f"{read:10.2f}{loaded:9.2f}{loaded / read:7.2f}")


if __name__ == "__main__":
    main()
