"""How often somebody may ask."""

from __future__ import annotations

import pytest

from efuns.sockets.rest import rate_limit
from efuns.sockets.rest.rate_limit import Rate, RateLimiter, asker


def test_so_many_at_once_then_one_after_the_other() -> None:
    limiter, rate = RateLimiter(), Rate(3, 6.0)
    assert [limiter.wait("a", rate, 100.0) for _ in range(3)] == [0.0] * 3
    assert limiter.wait("a", rate, 100.0) == pytest.approx(2.0)
    assert limiter.wait("a", rate, 101.0) == pytest.approx(1.0)  # a refusal does not count
    assert limiter.wait("a", rate, 102.0) == 0.0
    assert limiter.wait("a", rate, 102.0) == pytest.approx(2.0)
    assert limiter.wait("b", rate, 102.0) == 0.0


def test_never_more_than_twice_the_number_in_any_window() -> None:
    limiter, rate = RateLimiter(), Rate(10, 1.0)
    allowed = [at / 100 for at in range(1000) if limiter.wait("a", rate, at / 100) == 0]
    assert len(allowed) == pytest.approx(10 + 10 * 10, abs=2)
    assert all(sum(begin <= one < begin + 1 for one in allowed) <= 20 for begin in allowed)


@pytest.mark.parametrize("requests", [1, 7, 60, 1000])
def test_rounding_costs_no_request(requests: int) -> None:
    limiter, rate = RateLimiter(), Rate(requests, 60.0)
    assert sum(limiter.wait("a", rate, 1e6) == 0 for _ in range(requests + 5)) == requests


def test_who_asked_is_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "_MOST_KEPT", 10)
    limiter, rate = RateLimiter(), Rate(1, 60.0)
    assert all(limiter.wait(number, rate, 0.0) == 0 for number in range(11))
    assert limiter.wait(10, rate, 0.0) > 0 and limiter.wait(0, rate, 0.0) == 0
    assert len(limiter._through) == 10


@pytest.mark.parametrize(("address", "who"), [
    ("192.0.2.7 4000", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6 80", "2001:db8:1:2::"), ("fe80::1%eth0 80", "fe80::"),
    ("", ""), ("a:b 1", "a:b"),
])
def test_who_stands_behind_an_address(address: str, who: str) -> None:
    assert asker(address) == who
