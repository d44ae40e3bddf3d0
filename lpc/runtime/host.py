"""What running code may ask of the driver.

The driver implements `Host`; the runtime and the efuns see only this. An efun reaches it as
`this.driver`, `this` being the object whose code called it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import asyncio
    import socket

    from lpc.runtime.objects import LPCObject
    from lpc.runtime.values import Value

T = TypeVar("T")


class Clock(Protocol):
    """Where the driver's time comes from; tests turn the hands themselves."""

    def time(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Files(Protocol):
    """The mudlib's files. Paths are virtual ("/a/b.c"); every call checks root, mounts, symlinks,
    permissions and the master's valid_read/valid_write before it touches anything."""

    @property
    def root(self) -> str:
        """The host path of the mudlib."""

    def readable(self, path: str, who: LPCObject | None, operation: str) -> str:
        """The host path behind a virtual one, for reading; raises FileRefused (an OSError) otherwise."""

    def writable(self, path: str, who: LPCObject | None, operation: str) -> str:
        """The host path behind a virtual one, for writing; raises FileRefused otherwise."""

    def watchable(self, path: str, who: LPCObject | None, operation: str = "watch") -> str:
        """The host path behind a virtual one, for watching changes; raises FileRefused otherwise."""

    def virtual(self, host_path: str) -> str:
        """The virtual path of a host path below the root or a mount."""

    def normalize(self, path: str) -> str:
        """An absolute virtual path without `.`, `..` and doubled slashes; may not climb above the root."""


class Permissions(Protocol):
    """What the host granted. Each check is True, or False with `refusal` telling which flag would help."""

    @property
    def refusal(self) -> str: ...
    def allows_net(self, host: str, port: int, address: str = "") -> bool:
        """Of a host given by name: `address` is what it resolved to. A grant may name either, a deny stops either."""

    def allows_lookup(self, host: str) -> bool:
        """Whether name servers may be asked about a host."""

    def allows_listen(self, host: str, port: int, address: str = "") -> bool: ...
    def allows_run(self, name: str) -> bool: ...
    def allows_env(self, name: str) -> bool: ...


class Scheduler(Protocol):
    """call_outs of one driver."""

    def add(self, owner: LPCObject, function: Any, delay: float, args: tuple[Value, ...]) -> int: ...
    def remaining(self, owner: LPCObject, which: int | str) -> float | None: ...
    def remove(self, owner: LPCObject, which: int | str | None) -> float | None: ...
    def pending(self) -> list[tuple[LPCObject, Any, float]]: ...


class Budget(Protocol):
    """What the running evaluation may still spend."""

    limit: float  # seconds an evaluation may take, from the next one on

    def remaining(self) -> float:
        """Seconds the running evaluation has left."""

    def refill(self) -> None:
        """Give the running evaluation its whole budget again."""

    def check(self) -> None:
        """End the evaluation if it has spent its budget."""


class Host(Protocol):
    """The driver as running code sees it."""

    limits: Any  # lpc.runtime.budget.Limits
    started: float  # clock.monotonic() when the driver was made
    this_player: LPCObject | int

    @property
    def clock(self) -> Clock: ...
    @property
    def files(self) -> Files: ...
    @property
    def permissions(self) -> Permissions: ...
    @property
    def scheduler(self) -> Scheduler: ...
    @property
    def budget(self) -> Budget: ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; made when it is first asked for."""

    def state(self, kind: type[T]) -> T:
        """This driver's one instance of `kind`, made by `kind(driver)` on first use: where an efun
        package keeps what it must remember. `kind` may have `close()`; it is called at Driver.close()."""

    def apply(self, ob: LPCObject, function: str, *args: Value) -> Value:
        """Call a function of an object within the running evaluation, whatever its visibility; UNDEFINED
        where it has none."""

    def defines(self, ob: LPCObject, function: str) -> bool:
        """Whether the object has the function (any visibility)."""

    def enter(self, call: Callable[..., Value], *args: Any) -> Value:
        """Run Python code that calls LPC as an evaluation of its own, from the event loop: fresh budget,
        no this_player. Errors go to the master's error_handler, then the log; then the result is None."""

    def at_end(self, task: Callable[[], None]) -> None:
        """Call task() once when the running root evaluation is over; asking twice changes nothing."""

    def heart_beats_changed(self) -> None:
        """An object has got a heart beat."""

    def on_destruct(self, watcher: Callable[[LPCObject], None]) -> None:
        """Call watcher(ob) from now on when an object is being destructed, before its code can no longer
        run: for packages that keep something in an object's name. The watcher runs no LPC."""

    def keep_alive(self, reason: object) -> None:
        """Do not end the process for lack of work while `reason` (one object, hashed by identity) stands;
        repeating it changes nothing."""

    def let_go(self, reason: object) -> None:
        """Withdraw a reason to keep_alive(); nothing happens where it was none."""

    def caught(self, error: BaseException) -> Value:
        """What catch() yields for an exception that reached it: the LPC value of the error. Native
        exceptions of compiled code become LPC errors, our own defects are logged, and the master's
        error_handler hears of it where the driver is configured so."""

    def share_port(self, wire: socket.socket, sockaddr: tuple[Any, ...]) -> None:
        """Call it before a socket that accepts from anybody is bound: where several processes of one server run,
        they share the port. OSError (EADDRINUSE) where a stranger has it."""

    def external_command(self, name: str) -> tuple[str, ...] | None:
        """Program and fixed arguments of a registered name, or number from 1 up; None where there is none or
        it may not run (`permissions.refusal` may say why)."""

    def external_name(self, name: str) -> str:
        """The name a command is registered by that LPC chose by a name, number or path: what policies go by."""

    def find_object(self, path: str) -> LPCObject | None: ...
    def load_object(self, path: str) -> LPCObject | None:
        """The blueprint, loading it if needed; None where no file (or virtual object) is."""

    def clone_object(self, path: str, *args: Value) -> LPCObject | int:
        """A new clone; 0 where there is nothing to clone."""

    def destruct(self, ob: LPCObject) -> None: ...
    def reload(self, ob: LPCObject) -> None:
        """Give an object its first state again: variables, heart beat, call_outs, and create()."""

    def recompile(self, ob: LPCObject) -> int:
        """Compile a blueprint's file again and put the new program into it and its clones, variables kept; how many
        objects that were."""

    def compiles(self, path: str) -> bool:
        """Whether there is a file of an object; LPCError where it does not compile."""

    def objects(self) -> list[LPCObject]: ...
    def master(self) -> LPCObject | None: ...
    def simul_efun(self) -> LPCObject | None: ...

    def valid(self, apply: str, *args: Value, by: LPCObject | None = None) -> Value:
        """Ask the master `apply(args…)`; UNDEFINED where the apply is missing, 1 before there is a master. `by`, the
        object whose code runs, is the asking one; it costs microseconds to find out where it is not given."""

    def config(self, option: int) -> Value:
        """The value of an option numbered in runtime_config.h; UNDEFINED for one this driver has not."""

    def write(self, text: str) -> None:
        """Text for nobody in particular: standard output (flushed at once when a script runs)."""

    def log(self, text: str) -> None:
        """A line for the driver's log."""

    def shutdown(self, code: int) -> None:
        """End the driver once the running evaluation has unwound."""
