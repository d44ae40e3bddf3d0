"""The Python side of the benchmarks: the algorithms of bench/mudlib/bench/programs.c as one writes them by hand."""

from __future__ import annotations

from functools import cmp_to_key


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def run_fib(n: int) -> int:
    return fib(n)


def run_loop(n: int) -> int:
    total = 0
    for i in range(n):
        total += i & 7
    return total


def run_sieve(n: int) -> int:
    composite = [0] * (n + 1)
    count = 0
    for i in range(2, n + 1):
        if not composite[i]:
            count += 1
            for j in range(i * i, n + 1, i):
                composite[j] = 1
    return count


def run_mandelbrot(size: int) -> int:
    inside = 0
    for row in range(size):
        y = 2.0 * row / size - 1.0
        for column in range(size):
            x = 3.0 * column / size - 2.0
            real = imaginary = 0.0
            round = 0
            while round < 50 and real * real + imaginary * imaginary <= 4.0:
                following = real * real - imaginary * imaginary + x
                imaginary = 2.0 * real * imaginary + y
                real = following
                round += 1
            if round == 50:
                inside += 1
    return inside


def run_strings(n: int) -> int:
    length = 0
    for i in range(n):
        text = f"item {i}"
        text += ";"
        length += len(text)
    return length


def run_mapping(n: int) -> int:
    counts: dict[str, int] = {}
    words = [f"word{i}" for i in range(100)]
    for i in range(n):
        word = words[i * 7 % 100]
        counts[word] = counts.get(word, 0) + 1
    return max(counts.values())


def run_closures(n: int) -> int:
    numbers = [i * 7919 % n for i in range(n)]
    odd = [number for number in numbers if number & 1]
    tripled = [number * 3 for number in odd]
    tripled.sort(key=cmp_to_key(lambda left, right: right - left))
    return tripled[0] + len(tripled)


class Adder:
    def add(self, a: int, b: int) -> int:
        return a + b


def run_call_other(n: int) -> int:
    other = Adder()
    total = 0
    for i in range(n):
        total = other.add(total, i)
    return total


def run_text(n: int) -> int:
    total = 0
    for i in range(n):
        text = "%d %s" % (i, "apples")  # noqa: UP031 - what sprintf() is in Python
        number, blank, word = text.partition(" ")
        if blank:
            total += int(number) + len(word)
    return total
