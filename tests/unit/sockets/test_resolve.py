"""resolve(): names, numbers, failures, and what may not be asked."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from efuns.sockets import resolve as module
from efuns.sockets.resolve import Resolver, address_of, resolve
from lpc.errors import LPCError
from lpc.runtime.closures import LFUN, Closure
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import UNDEFINED
from tests.unit.sockets.fake_host import FakeHost


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """A name server of a test's own."""
    known: dict[str, str | None] = {}
    monkeypatch.setattr(module, "address_of", known.get)
    return known


@pytest.fixture
def seeker(host: FakeHost) -> LPCObject:
    return host.object(found=lambda name, address, key: 0)


@pytest.fixture(autouse=True)
def threads_end(loop: asyncio.AbstractEventLoop) -> Any:
    yield
    loop.run_until_complete(loop.shutdown_default_executor())


async def test_a_name(host: FakeHost, seeker: LPCObject, names: dict[str, str | None]) -> None:
    names["example.org"] = "192.0.2.7"
    key = resolve(seeker, "example.org", "found")
    assert host.seen("found") == [], "never inside the efun"
    assert len(host.reasons) == 1
    assert await host.until(lambda: host.seen("found")) == [("example.org", "192.0.2.7", key)]
    await host.turn()
    assert host.reasons == set()


async def test_a_failure(host: FakeHost, seeker: LPCObject, names: dict[str, str | None]) -> None:
    key = resolve(seeker, "nowhere.example", "found")
    ((name, address, got),) = await host.until(lambda: host.seen("found"))
    assert name is UNDEFINED
    assert address is UNDEFINED
    assert got == key


async def test_keys_tell_lookups_apart(host: FakeHost, seeker: LPCObject, names: dict[str, str | None]) -> None:
    names |= {"a.example": "192.0.2.1", "b.example": "192.0.2.2"}
    keys = {name: resolve(seeker, name, "found") for name in names}
    await host.until(lambda: len(host.seen("found")) == 2)
    assert sorted(host.seen("found")) == [(name, names[name], keys[name]) for name in sorted(names)]
    assert len(set(keys.values())) == 2


async def test_a_function_value(host: FakeHost, seeker: LPCObject, names: dict[str, str | None]) -> None:
    names["x"] = "192.0.2.1"
    seen: list[Any] = []
    resolve(seeker, "x", Closure(seeker, LFUN, lambda owner, previous, *args: seen.append(args), 3))
    assert await host.until(lambda: seen) == [("x", "192.0.2.1", 0)]


async def test_this_player_is_kept_where_the_driver_is_configured_so(host: FakeHost, seeker: LPCObject,
                                                                     names: dict[str, str | None]) -> None:
    player = host.object()
    seen: list[Any] = []
    seeker.extra["found"] = lambda *args: seen.append(host.this_player)
    for keeps in (0, 1):
        host.configured[20] = keeps
        host.this_player = player
        resolve(seeker, "x", "found")
        host.this_player = 0
        await host.until(lambda: len(seen) == keeps + 1)  # noqa: B023 - awaited here
        host.this_player = 0
    assert seen == [0, player]


async def test_a_destructed_asker_hears_nothing(host: FakeHost, seeker: LPCObject,
                                                names: dict[str, str | None]) -> None:
    resolve(seeker, "x", "found")
    host.destruct(seeker)
    while host.reasons:
        await host.turn(1)
    assert host.seen("found") == []


async def test_permission(host: FakeHost, seeker: LPCObject) -> None:
    host.permissions.refusal = "connecting to secret.example is not allowed"
    with pytest.raises(LPCError, match="connecting to secret.example is not allowed"):
        resolve(seeker, "secret.example", "found")
    assert host.permissions.asked == [("lookup", "secret.example")]


async def test_there_are_not_too_many(host: FakeHost, seeker: LPCObject, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(module, "address_of", lambda name: (go_on.wait(), None)[1])
    monkeypatch.setattr(module, "_PENDING", 3)
    for _ in range(3):
        resolve(seeker, "x", "found")
    with pytest.raises(LPCError, match="3 lookups"):
        resolve(seeker, "x", "found")
    go_on.set()
    await host.until(lambda: len(host.seen("found")) == 3)
    resolve(seeker, "x", "found")
    await host.until(lambda: len(host.seen("found")) == 4)


async def test_the_driver_ends_meanwhile(host: FakeHost, seeker: LPCObject, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(module, "address_of", lambda name: (go_on.wait(), None)[1])
    resolve(seeker, "x", "found")
    host.state(Resolver).close()
    assert host.reasons == set()
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    await host.turn()
    assert host.seen("found") == []


@pytest.mark.parametrize(("name", "address"), [
    ("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("localhost", "127.0.0.1"),
    ("", None), ("a\0b", None), ("x" * 254, None), ("a..b", None), ("\u00e4" * 80, None), ("." * 300, None)])
def test_addresses(name: str, address: str | None) -> None:
    assert address_of(name) == address


def test_ipv4_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    six, four = ("2001:db8::1", 0, 0, 0), ("192.0.2.1", 0)
    answers = [(socket.AF_INET6, 1, 6, "", six), (socket.AF_INET, 1, 6, "", four)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: answers)
    assert address_of("both.example") == "192.0.2.1"
    answers.pop()
    assert address_of("six.example") == "2001:db8::1"


def test_a_name_server_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert address_of("example.org") is None
