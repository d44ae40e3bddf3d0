"""The driver: one LPC world, embedded in a Python program.

    async with Driver(mudlib="lib", efuns=standard.EFUNS) as driver:
        room = driver.load("/std/room")
        driver.call(room, "describe", "a cave")
        await driver.wait_idle()

A driver owns its programs, objects, clock, files, permissions and call_outs, and whatever the efun packages
keep in it (`state`). Nothing mutable is shared between drivers. The host owns the event loop, and all calls
come from the loop's thread. The library prints nothing: LPC's own output goes to `output`, messages for
people to `logger`, and errors of calls are raised as `LPCFault`.

The driver is also what running code sees (lpc.runtime.host.Host).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from lpc.driver.clock import RealClock, TimedClock
from lpc.driver.config import TEMPORARY_OPERATIONS, Config
from lpc.driver.evaluation import INTERRUPTED, Evaluations
from lpc.driver.files import FileSystem, Mount, normalize
from lpc.driver.keepalive import KeepAlive
from lpc.driver.loader import Loader, object_name
from lpc.driver.master import Master
from lpc.driver.permissions import Permissions
from lpc.driver.predefined import configured_macros, runtime_option
from lpc.driver.programs import EXTENSIONS, PACKAGED_INCLUDE, Programs
from lpc.driver.report import Reporter
from lpc.driver.scheduler import CallOut, CallOuts
from lpc.driver.upkeep import Upkeep
from lpc.driver.values import to_lpc
from lpc.errors import CompileError, ConfigError, LPCError, LPCFault
from lpc.resources import include_folder, library_folder
from lpc.runtime.budget import Budget, Limits
from lpc.runtime.call import apply as call_apply
from lpc.runtime.call import defines as call_defines
from lpc.runtime.heart_beats import HeartBeats
from lpc.runtime.namespace import attach_budget, make_namespace
from lpc.runtime.objects import LPCObject
from lpc.runtime.values import Value

if TYPE_CHECKING:
    import asyncio
    import socket
    from types import TracebackType

    from lpc.driver.worker import Worker
    from lpc.efun import Efun

T = TypeVar("T")

#: Where a script that is not part of the mudlib appears among the virtual paths.
SCRIPT_FOLDER = "/script"
_STANDARD_MASTER, _STANDARD_SIMUL_EFUN = "/secure/master", "/secure/simul_efun"
_MOMENT = 0.2  # seconds a running evaluation gets when the driver is told to end


class Driver:
    """See the module. Arguments left out come from `config`, then from the defaults.

    `mudlib` is a host directory (the packaged one if nothing names another). `master` and `simul_efun` are
    paths in it, "" for none; by default /secure/master and /secure/simul_efun where they exist. `loop` is an
    event loop, or a function that makes one when it is first needed; by default the running one.
    `external` are programs LPC may run: name -> path, or path and fixed arguments. `strict` lets defects of
    the interpreter fly as the Python exceptions they are.
    """

    def __init__(
        self,
        mudlib: str | os.PathLike[str] | None = None,
        *,
        loop: asyncio.AbstractEventLoop | Callable[[], asyncio.AbstractEventLoop] | None = None,
        efuns: Mapping[str, Efun] | None = None,
        config: Config | None = None,
        limits: Limits | None = None,
        permissions: Permissions | None = None,
        clock: TimedClock | None = None,
        master: str | None = None,
        simul_efun: str | None = None,
        external: Mapping[str, str | tuple[str, ...] | list[str]] | None = None,
        output: Callable[[str], object] | None = None,
        logger: Callable[[str], object] | None = None,
        predefined: Mapping[str, str] | None = None,
        strict: bool = False,
        cache: bool = True,
        check_only: bool = False,
    ) -> None:
        self.settings = config if config is not None else Config()
        self.limits = limits if limits is not None else self.settings.limits
        self.permissions = (permissions if permissions is not None else self.settings.permissions).copy()
        self.external = _external(self.settings.external, external or {})
        self.strict = strict
        self.this_player: LPCObject | int = 0
        self.exit_code: int | None = None
        self.closed = False
        self.afterwards: dict[Callable[[], None], None] = {}  # what waits for the end of the root evaluation
        self._loop = loop
        self._output = output if output is not None else _print
        self._logger = logger
        self._states: dict[type[Any], Any] = {}
        self._booted = False
        self._heart_beat_timer: Any = None
        self._script_folder: str | None = None

        root = os.fspath(mudlib) if mudlib is not None else self.settings.mudlib or library_folder()
        if not os.path.isdir(root):
            raise ConfigError(f"mudlib '{root}' is not a directory")
        self.reporter = Reporter(self.log, self._source_line)
        self._master_applies = Master(self)
        self.files = FileSystem(_mounts(root, self.settings), self.permissions, self._master_applies.ask)
        self.clock: TimedClock = clock if clock is not None else RealClock(lambda: self.loop)
        self.started = self.clock.monotonic()
        self.alive = KeepAlive()
        self.scheduler = CallOuts(self.clock, self.alive, self.limits.call_outs, self._run_call_out, self._player)
        self.efuns: dict[str, Efun] = dict(efuns or {})
        self.namespace = make_namespace(self, self.efuns)
        self.budget = Budget(self.namespace, self.limits)
        attach_budget(self.namespace, self.budget)
        self.evaluations = Evaluations(self)
        #: run(function, *args) as an evaluation of its own, from the event loop; None where it fails
        self.enter = self.evaluations.enter
        macros = configured_macros(self.settings) | dict(predefined or {})
        self.programs = Programs(self, self._master_applies, macros, cache=cache, check_only=check_only)
        self.loader = Loader(self, self.programs, self._master_applies)
        self.loader.on_destruct(self.scheduler.destructed)

        self._master_path = self._special(master, self.settings.master, _STANDARD_MASTER)
        self._simul_efun_path = self._special(simul_efun, self.settings.simul_efun, _STANDARD_SIMUL_EFUN)
        self._master: LPCObject | None = None
        self._simul_efun: LPCObject | None = None

    # ------------------------------------------------------------------ for the host

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop: the one given, else the running one. RuntimeError where there is none."""
        import asyncio

        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        elif not isinstance(self._loop, asyncio.AbstractEventLoop):
            self._loop = self._loop()
        return self._loop

    @property
    def worker(self) -> Worker | None:
        """The place of this process among those of a server; None where it is the only one."""
        return self.settings.worker

    @property
    def has_loop(self) -> bool:
        """Whether anything has needed the event loop yet (or one was given)."""
        return self._loop is not None and not callable(self._loop)

    def boot(self) -> None:
        """Load simul_efun, then master. Done by the first call that needs them; CompileError or LPCFault where
        one fails, and ConfigError where a named one does not exist."""
        if self.closed:
            raise RuntimeError("the driver is closed")
        if self._booted:
            return
        self._booted = True
        if self._simul_efun_path:
            self._simul_efun = self._boot_object(self._simul_efun_path, "simul_efun")
            self.programs.use_simul_efuns(self._simul_efun)
        if self._master_path:
            self._master = self._boot_object(self._master_path, "master")
            self._take_root_uid(self._master)

    def preload(self, flags: tuple[str, ...] = (), *, load_empty: int = 0) -> None:
        """Do what a game does after the boot: ask epilog(), preload() each name it gives, pass on each flag().
        Errors go to the error handler; the rest goes on."""
        self.boot()
        names = self.enter(self._master_applies.epilog, load_empty) or []
        for name in names:
            self.enter(self._master_applies.tell, "preload", name)
        for flag in flags:
            self.enter(self._master_applies.tell, "flag", flag)
        self.state(Upkeep).start()

    def load(self, path: str) -> LPCObject:
        """The blueprint of a path. CompileError where it does not compile, LPCFault where its creation fails
        or there is no such file."""
        self.boot()
        loaded = self._host_call(self.loader.load, path)
        if loaded is None:
            raise LPCFault(f"there is no '{path}' to load", f"*there is no '{path}' to load\n")
        return loaded  # type: ignore[no-any-return]

    def clone(self, path: str, *args: Any) -> LPCObject:
        """A new clone, `args` handed to its create(). Errors as for `load`."""
        self.boot()
        ob = self._host_call(self.loader.clone, path, tuple(map(to_lpc, args)))
        if not isinstance(ob, LPCObject) or ob.is_destructed:
            raise LPCFault(f"there is no '{path}' to clone", f"*there is no '{path}' to clone\n")
        return ob

    def call(self, target: LPCObject | str, function: str, *args: Any) -> Value:
        """Call a function of an object (or of the blueprint of a path), whatever its visibility.

        Plain Python arguments become LPC values. LPCFault (with `.trace`) where it fails or does not exist.
        """
        ob = self.load(target) if isinstance(target, str) else target
        if ob.is_destructed or not self.defines(ob, function):
            message = f"'{ob.name}' is destructed" if ob.is_destructed else f"'{ob.name}' has no function '{function}'"
            raise LPCFault(message, f"*{message}\n")
        return self._host_call(self.apply, ob, function, *map(to_lpc, args))

    def find(self, path: str) -> LPCObject | None:
        """A loaded object by name; None where there is none."""
        return self.loader.find(path)

    def run_script(self, file: str, argv: list[str], *, text: str | None = None) -> int:
        """Run one file as a script: its statements, then its main(string *argv) if it has one.

        `text` replaces what is in the file. The result is main()'s, 0 without. Errors as for `load`.
        """
        self.boot()
        path = self._script_path(file, text)
        result = self._host_call(self._script, path, text, argv)
        return result if isinstance(result, int) and not isinstance(result, bool) else 0

    def check(self, file: str) -> bool:
        """Whether a file compiles as a script; errors and warnings are reported. With `check_only` nothing runs."""
        path = self._script_path(file, None)
        try:
            self._boot_interfaces()
            self.loader.program(path, script=True)
        except LPCError as error:
            if not isinstance(error.__cause__, CompileError):
                self.log(f"{file}: {error}")
            return False
        return True

    @property
    def is_alive(self) -> bool:
        """Whether something can still happen: a call_out, a heart beat, a socket past UNBOUND."""
        return bool(self.alive) and self.exit_code is None and not self.closed

    async def wait_idle(self) -> None:
        """Until nothing can happen any more, or shutdown() was called."""
        await self.alive.wait(lambda: not self.is_alive)

    def close(self) -> None:
        """End the driver: call_outs are dropped, and what efun packages keep is closed. No LPC runs."""
        if self.closed:
            return
        self.closed = True
        for state in reversed(list(self._states.values())):
            close = getattr(state, "close", None)
            if close is not None:
                close()
        if self._heart_beat_timer is not None:
            self._heart_beat_timer.cancel()
        self.scheduler.close()
        self.budget.close()
        self._master = self._simul_efun = None
        self.this_player = 0
        self.loader.close()
        self.namespace.clear()
        self.alive.wake()

    async def aclose(self) -> None:
        """Close, and wait until everything that was closed has ended."""
        self.close()
        for state in reversed(list(self._states.values())):
            wait_closed = getattr(state, "wait_closed", None)
            if wait_closed is not None:
                await wait_closed()

    async def drain(self, seconds: float = 5.0) -> None:
        """Let efun packages finish what they have begun (`drain()` of their state), within some seconds."""
        import asyncio

        drains = [state.drain() for state in self._states.values() if hasattr(state, "drain")]
        if drains:
            _, unfinished = await asyncio.wait([asyncio.ensure_future(drain) for drain in drains], timeout=seconds)
            for task in unfinished:
                task.cancel()

    async def __aenter__(self) -> Driver:
        self.boot()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        traceback: TracebackType | None) -> None:
        await self.aclose()

    # ------------------------------------------------------------------ for running code (Host)

    def state(self, kind: type[T]) -> T:
        """This driver's one instance of `kind`, made by `kind(driver)` on first use. Of `close()`,
        `wait_closed()` (async) and `drain()` (async) those it has are called when the driver ends."""
        try:
            found: T = self._states[kind]
        except KeyError:
            make: Any = kind
            found = self._states[kind] = make(self)
        return found

    def apply(self, ob: LPCObject, function: str, *args: Value) -> Value:
        """Call a function of an object within the running evaluation; UNDEFINED where it has none."""
        return call_apply(ob, function, *args)

    def defines(self, ob: LPCObject, function: str) -> bool:
        """Whether the object has the function (any visibility)."""
        return call_defines(ob, function)

    def find_object(self, path: str) -> LPCObject | None:
        """A loaded object by name."""
        return self.loader.find(path)

    def load_object(self, path: str) -> LPCObject | None:
        """The blueprint, loading it if needed; None where no file (or virtual object) is."""
        return self.loader.load(path)

    def clone_object(self, path: str, *args: Value) -> LPCObject | int:
        """A new clone; 0 where there is nothing to clone."""
        return self.loader.clone(path, args)

    def destruct(self, ob: LPCObject) -> None:
        """Destruct an object. Master and simul_efun are replaced by freshly loaded ones, or stay."""
        if ob is self._master:
            self._master = self._replace(ob, self._master_path)
        elif ob is self._simul_efun:
            self._simul_efun = self._replace(ob, self._simul_efun_path)
            self.programs.use_simul_efuns(self._simul_efun)
        else:
            self.loader.destruct(ob)

    def reload(self, ob: LPCObject) -> None:
        """Give an object its first state again: variables, heart beat, call_outs, and create()."""
        self.state(HeartBeats).set(ob, 0)
        self.scheduler.remove(ob, None)
        self.loader.reload(ob)

    def recompile(self, ob: LPCObject) -> int:
        """Put a freshly compiled program into a blueprint and its clones; how many objects that were."""
        updated = self.loader.swap(ob, self.loader.recompile(ob))
        if ob is self._simul_efun:
            self.programs.use_simul_efuns(ob)
        return updated

    def compiles(self, path: str) -> bool:
        """Whether there is a file of an object; LPCError where it does not compile."""
        file = self.programs.source_file(normalize(path))
        if file is not None:
            self.loader.program(file)
        return file is not None

    def on_destruct(self, observer: Callable[[LPCObject], object]) -> None:
        """Call `observer(ob)` for each object about to be destructed."""
        self.loader.on_destruct(observer)

    def objects(self) -> list[LPCObject]:
        """All objects, oldest first."""
        return self.loader.objects()

    def master(self) -> LPCObject | None:
        """The master object, once it is loaded."""
        return self._master

    def simul_efun(self) -> LPCObject | None:
        """The simul_efun object."""
        return self._simul_efun

    def valid(self, apply: str, *args: Value, by: LPCObject | None = None) -> Value:
        """Ask the master `apply(args…)`; UNDEFINED where the apply is missing, 1 before there is a master."""
        return self._master_applies.ask(apply, *args, by=by)

    def config(self, option: int) -> Value:
        """A runtime option by the number <runtime_config.h> gives it; UNDEFINED for an unknown one."""
        return runtime_option(self.settings, self.limits, option)

    def write(self, text: str) -> None:
        """Text for nobody in particular: the driver's output."""
        self._output(text)

    def log(self, text: str) -> None:
        """A line for the driver's log."""
        if self._logger is not None:
            self._logger(text.rstrip("\n"))
        else:
            import logging  # the host's own configuration decides where it goes

            logging.getLogger("lpc").warning("%s", text.rstrip("\n"))

    def shutdown(self, code: int = 0) -> None:
        """End the driver once the running evaluation has unwound."""
        if self.exit_code is None:
            self.exit_code = code
        self.at_end(self.alive.wake)
        self.alive.wake()

    def interrupt(self) -> None:
        """Cut the running evaluation short if it is not over in a moment; may be called from a signal handler
        or another thread."""
        self.budget.hurry(_MOMENT, INTERRUPTED)

    def keep_alive(self, reason: object) -> None:
        """Something may still happen because of `reason` (a socket, say): the process lives on."""
        self.alive.add(reason)

    def let_go(self, reason: object) -> None:
        """Nothing more will happen because of `reason`."""
        self.alive.discard(reason)

    def caught(self, error: BaseException) -> Value:
        """What a catch() gives for an exception; the master's error_handler hears of it."""
        return self.evaluations.caught(error)

    def share_port(self, wire: socket.socket, sockaddr: tuple[Any, ...]) -> None:
        """Among several processes of one server: let a socket that is about to be bound share its port with
        theirs. OSError where it may not."""
        if self.settings.worker is not None:
            self.settings.worker.share(wire, sockaddr)

    def external_command(self, name: str) -> tuple[str, ...] | None:
        """Program and fixed arguments of a registered name or number ("1" is the first); None where there is
        none or it may not run. `--allow-run=PROGRAM` registers that program by its base name."""
        registered = self._external_place(name)
        command = self.external.get(registered)
        if command is None:
            command = self.permissions.granted_program(name)
        if command is None or self.permissions.denies_run(registered, command[0]):
            return None
        return command

    def external_name(self, name: str) -> str:
        """The name a command is registered by: of a number that at its place, of a path its last part."""
        registered = self._external_place(name)
        return registered if registered in self.external else os.path.basename(name) or name

    def at_end(self, task: Callable[[], None]) -> None:
        """Do something once when the root evaluation is over."""
        self.afterwards[task] = None

    def evaluation_ended(self) -> None:
        """The root evaluation is over: do what was put off until now."""
        tasks, self.afterwards = self.afterwards, {}
        if not self.closed:
            for task in tasks:
                task()

    def heart_beats_changed(self) -> None:
        """Some object has got a heart beat."""
        self.at_end(self._await_heart_beat)

    # ------------------------------------------------------------------ inside

    def _host_call(self, function: Callable[..., Value], *args: Any) -> Value:
        """A root evaluation for the host: a program that does not compile is a CompileError there."""
        if self.closed:
            raise RuntimeError("the driver is closed")
        try:
            return self.evaluations.call(function, *args)
        except LPCFault as fault:
            cause = fault.__cause__
            if isinstance(cause, LPCError) and isinstance(cause.__cause__, CompileError) and not fault.trace:
                raise cause.__cause__ from None
            raise

    def _external_place(self, name: str) -> str:
        """The name at a number's place among the external commands; any other name as it is."""
        if name in self.external or not (name.isascii() and name.isdigit() and len(name) < 10):
            return name
        if any(map(str.isdigit, self.external)):  # their numbers are names, as in FluffOS's configuration
            return name
        names = list(self.external)
        return names[int(name) - 1] if 0 < int(name) <= len(names) else name

    def _script(self, path: str, text: str | None, argv: list[str]) -> Value:
        name = object_name(path)
        ob = self.loader.load_file(name, path, text=text, script=True)
        if ob.is_destructed or self.exit_code is not None or not self.defines(ob, "main"):
            return 0
        return self.apply(ob, "main", list(argv))

    def _script_path(self, file: str, text: str | None) -> str:
        """The virtual path of a script: its place in the mudlib, else in its own folder, mounted read-only."""
        if text is None and not os.path.isfile(file):
            kind = "is a directory" if os.path.isdir(file) else "no such file"
            raise ConfigError(f"{file}: {kind}")
        host = os.path.abspath(file)
        if text is None and self.files.within_root(host):
            path = self.files.virtual(host)
        else:
            folder, name = os.path.split(host)
            if folder != self._script_folder:
                self.files.mount(Mount(SCRIPT_FOLDER, folder))
                self._script_folder = folder
            path = f"{SCRIPT_FOLDER}/{name}"
        self.reporter.shown[path] = file
        return path

    def _special(self, given: str | None, configured: str | None, standard: str) -> str:
        """The path of master or simul_efun: as told, else the standard one if there is such a file."""
        told = given if given is not None else configured
        if told is not None:
            return normalize(told) if told else ""
        root = self.files.root
        return standard if any(os.path.isfile(root + standard + extension) for extension in EXTENSIONS) else ""

    def _boot_object(self, path: str, role: str) -> LPCObject:
        loaded = self._host_call(self.loader.load, path)
        if loaded is None:
            raise ConfigError(f"the {role} '{path}' does not exist in the mudlib {self.files.root}")
        return loaded  # type: ignore[no-any-return]

    def _take_root_uid(self, master: LPCObject) -> None:
        """The master's own uid: it could not be asked for while it was being loaded."""
        uid = self._host_call(self._master_applies.tell, "get_root_uid")
        if isinstance(uid, str):
            master.extra["uid"] = master.extra["euid"] = uid
            if self._simul_efun is not None:
                self._simul_efun.extra["uid"] = self._simul_efun.extra["euid"] = uid

    def _boot_interfaces(self) -> None:
        """For checking: the simul_efuns' names, without making any object."""
        if not self._booted:
            self._booted = True
            if self._simul_efun_path:
                file = self.programs.source_file(self._simul_efun_path)
                if file is not None:
                    self.programs.use_interface(self.loader.program(file).interface)

    def _replace(self, old: LPCObject, path: str) -> LPCObject:
        """Load a new master or simul_efun; the old one goes only when the new one stands."""
        self.loader.forget(old)
        try:
            new = self.loader.load(path)
        except LPCError:
            self.loader.restore(old)
            raise
        if new is None:
            self.loader.restore(old)
            raise LPCError(f"Cannot destruct {old.name}: there is no file to load it from again.")
        for key in ("uid", "euid"):
            if key in old.extra:
                new.extra[key] = old.extra[key]
        if old is self._master:
            self._master = new
        self.loader.destruct(old)
        return new

    def _player(self) -> LPCObject | int:
        return self.this_player if self.settings.player_in_call_out else 0

    def _run_call_out(self, call_out: CallOut) -> None:
        if self.closed or not call_out.callback.alive:
            return
        if isinstance(call_out.player, LPCObject) and not call_out.player.is_destructed:
            self.enter(self._with_player, call_out)
        else:
            self.enter(call_out.callback.run)

    def _with_player(self, call_out: CallOut) -> Value:
        self.this_player = call_out.player
        return call_out.callback.run()

    def _await_heart_beat(self) -> None:
        if self.closed or self._heart_beat_timer is not None:
            return
        if len(self.state(HeartBeats)):
            self.alive.add(HeartBeats)
            due = self.clock.monotonic() + self.settings.heart_beat_interval
            self._heart_beat_timer = self.clock.call_at(due, self._beat)
        else:
            self.alive.discard(HeartBeats)

    def _beat(self) -> None:
        self.state(HeartBeats).beat()
        self._heart_beat_timer = None
        self._await_heart_beat()

    def _source_line(self, file: str, line: int) -> str | None:
        return self.programs.source_line(file, line)


def _mounts(root: str, settings: Config) -> list[Mount]:
    writable = settings.writable
    mounts = [Mount("/", root, writable), Mount("/mud/lib", root, writable),
              Mount(PACKAGED_INCLUDE, include_folder()),
              Mount("/tmp", _temporary_folder(), True, TEMPORARY_OPERATIONS)]
    if os.path.realpath(root) == os.path.realpath(library_folder()):
        # The packaged mudlib may be anywhere, even read-only: what it writes is kept with the user's state.
        state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
        folder = os.path.join(state, "pylpc")
        mounts += [Mount(f"/{name}", os.path.join(folder, name), True, make=True) for name in ("log", "save", "run")]
    return mounts + list(settings.mounts)


def _temporary_folder() -> str:
    """The host's directory for temporary files (tempfile.gettempdir() without its import)."""
    return os.environ.get("TMPDIR") or "/tmp"


def _external(configured: Mapping[str, tuple[str, ...]],
              given: Mapping[str, str | tuple[str, ...] | list[str]]) -> dict[str, tuple[str, ...]]:
    commands = dict(configured)
    for name, command in given.items():
        commands[name] = (command,) if isinstance(command, str) else tuple(command)
    return commands


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


