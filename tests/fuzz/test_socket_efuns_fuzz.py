"""Any sequence of socket efuns, with any arguments their prototypes let through, keeps the table whole."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from efuns.sockets import efuns
from efuns.sockets.modes import Mode, Modes
from efuns.sockets.table import SocketTable
from lpc.errors import LPCError
from lpc.runtime.values import INT_MAX, INT_MIN, Buffer, Mapping
from tests.unit.sockets.fake_host import FakeHost

FDS = st.one_of(st.integers(-2, 6), st.sampled_from([INT_MIN, INT_MAX]))
TEXTS = st.one_of(st.sampled_from(["", "/", "/a", "/a/b", "/new", "/..", "1.2.3.4 5", "x 99999999999999999999", "\0"]),
                  st.text(max_size=8))
FUNCTIONS = st.sampled_from(["", "read", "close", "missing", "#x", "take"])
VALUES = st.one_of(st.integers(INT_MIN, INT_MAX), TEXTS, st.floats(), st.builds(Buffer, st.binary(max_size=4)),
                   st.lists(st.integers(), max_size=2), st.builds(Mapping))
NUMBERS = st.one_of(st.sampled_from([0, 1, 2, 143, 1010, 1014, 1015]), st.integers(INT_MIN, INT_MAX))
MODES = st.one_of(st.sampled_from([43, 44, 90]), st.integers(-1, 100))

CALLS = st.one_of(
    st.tuples(st.just("socket_create"), MODES, FUNCTIONS, FUNCTIONS),
    st.tuples(st.just("socket_bind"), FDS, st.one_of(TEXTS, st.integers(INT_MIN, INT_MAX))),
    st.tuples(st.just("socket_bind"), FDS, TEXTS, TEXTS),
    st.tuples(st.just("socket_listen"), FDS, FUNCTIONS),
    st.tuples(st.just("socket_accept"), FDS, FUNCTIONS, FUNCTIONS),
    st.tuples(st.just("socket_connect"), FDS, TEXTS, FUNCTIONS, FUNCTIONS),
    st.tuples(st.just("socket_write"), FDS, VALUES),
    st.tuples(st.just("socket_write"), FDS, VALUES, TEXTS),
    st.tuples(st.just("socket_close"), FDS),
    st.tuples(st.just("socket_release"), FDS, st.just("taker"), FUNCTIONS),
    st.tuples(st.just("socket_acquire"), FDS, FUNCTIONS, FUNCTIONS, FUNCTIONS),
    st.tuples(st.just("socket_error"), NUMBERS),
    st.tuples(st.just("socket_address"), FDS, st.integers(0, 1)),
    st.tuples(st.just("socket_status"), FDS),
    st.tuples(st.just("socket_status")),
    st.tuples(st.just("socket_set_option"), FDS, NUMBERS, VALUES),
    st.tuples(st.just("socket_get_option"), FDS, NUMBERS),
    st.tuples(st.just("socket_mode_available"), MODES),
    st.tuples(st.just("socket_modes")),
    st.tuples(st.just("turn"), st.integers(1, 3)),
    st.tuples(st.just("touch"), st.sampled_from(["a/b", "a/c", "new"])),
    st.tuples(st.just("destruct")),
)


class Play:
    """One driver, and what the sequence may name."""

    def __init__(self, root: Path) -> None:
        (root / "a").mkdir()
        self.loop = asyncio.new_event_loop()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.host = FakeHost(self.loop, root, sockets=5, watches=3, watch_events=4)
        self.host.state(Modes)._rows[90] = Mode(90, "S", "T", "x", factory="tests.unit.sockets.scripted:Scripted",
                                                options=(1, 2))
        self.ob = self.new_object()
        self.taker = self.new_object()

    def new_object(self) -> Any:
        """An object whose callbacks call efuns themselves."""
        ob = self.host.object()
        ob.extra["read"] = lambda fd, *rest: efuns.socket_write(ob, fd, 1)
        ob.extra["close"] = lambda fd, *rest: (efuns.socket_close(ob, fd), efuns.socket_create(ob, 43, "read", "close"))
        ob.extra["take"] = lambda fd, to: efuns.socket_acquire(ob, fd, "read", "close", "close")
        return ob

    def step(self, name: str, *args: Any) -> None:
        """Do one thing; only an LPCError may come out."""
        if name == "turn":
            self.loop.run_until_complete(self.host.turn(args[0]))
        elif name == "touch":
            (self.host.files.root / args[0]).touch()
        elif name == "destruct":
            self.host.destruct(self.ob)
            self.ob, self.taker = self.taker, self.new_object()
        else:
            self.call(name, *(self.taker if arg == "taker" else arg for arg in args))
        self.check()

    def call(self, name: str, *args: Any) -> None:
        """Call an efun and look at what it says."""
        efun = getattr(efuns, name)
        try:
            result = efun(self.ob, *args) if efun.wants_this else efun(*args)
        except LPCError as error:
            assert str(error) and "Traceback" not in str(error)
            return
        assert isinstance(result, int | str | float | list | Mapping)
        if name not in {"socket_error", "socket_address", "socket_status", "socket_get_option", "socket_modes"}:
            assert -32 <= result <= 5

    def check(self) -> None:
        """What must hold between any two steps."""
        table = self.host.state(SocketTable)
        living = [socket for socket in table if socket is not None]
        assert len(living) <= 5
        for fd, socket in enumerate(table):
            assert socket is None or (socket.fd == fd and not socket.owner.is_destructed)
        assert set(self.host.reasons) <= set(living)
        assert {socket for owned in table._owned.values() for socket in owned} == set(living)

    def close(self) -> None:
        """Nothing may be left."""
        self.host.close()
        assert not self.host.reasons
        self.loop.close()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example([("socket_create", 43, "", "#x")])
@given(st.lists(CALLS, max_size=40))
def test_any_sequence_keeps_the_table_whole(calls: list[tuple[Any, ...]]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with tempfile.TemporaryDirectory() as root:
        play = Play(Path(root))
        for name, *args in calls:
            play.step(name, *args)
        play.close()
    assert len(os.listdir("/proc/self/fd")) == before
