from __future__ import annotations

import asyncio

from lpc.driver.keepalive import KeepAlive


def test_reasons_count_once() -> None:
    alive = KeepAlive()
    alive.add("a")
    alive.add("a")
    assert len(alive) == 1
    alive.discard("a")
    alive.discard("a")
    assert not alive


def test_waiting_ends_when_the_last_reason_goes() -> None:
    async def scenario() -> list[str]:
        alive = KeepAlive()
        steps: list[str] = []
        alive.add("a")
        alive.add("b")
        waiting = asyncio.ensure_future(alive.wait(lambda: False))
        await asyncio.sleep(0)
        alive.discard("a")
        await asyncio.sleep(0)
        steps.append(f"done {waiting.done()}")
        alive.discard("b")
        await waiting
        steps.append("over")
        return steps

    assert asyncio.run(scenario()) == ["done False", "over"]


def test_a_reason_that_comes_back_at_once_keeps_waiting() -> None:
    async def scenario() -> bool:
        alive = KeepAlive()
        alive.add("a")
        waiting = asyncio.ensure_future(alive.wait(lambda: False))
        await asyncio.sleep(0)
        alive.discard("a")
        alive.add("b")  # before the waiter could run
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        still = not waiting.done()
        alive.discard("b")
        await waiting
        return still

    assert asyncio.run(scenario())


def test_waiting_ends_when_told_to() -> None:
    async def scenario() -> None:
        alive = KeepAlive()
        alive.add("a")
        ended: list[int] = []
        waiting = asyncio.ensure_future(alive.wait(lambda: bool(ended)))
        await asyncio.sleep(0)
        ended.append(1)
        alive.wake()
        await asyncio.wait_for(waiting, 5)
        assert alive

    asyncio.run(scenario())
