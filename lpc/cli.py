"""The command `pylpc`. The only module that names efuns.standard and uvloop.

Start-up time is a goal: nothing is imported before it is known to be needed, so the event loop, argparse's
kin and the compiler stay out of `pylpc hello.c`, whose programs come from the cache.

Exit status: 0 ok (or what main() returned, or shutdown() was given), 1 an LPC error, 2 usage or compile
error, 128+n where signal n cut an evaluation short. A server that is told to end while it waits ends well.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lpc import __version__
from lpc.errors import CompileError, ConfigError, LPCFault, Shutdown

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from lpc.driver.config import Config
    from lpc.driver.driver import Driver
    from lpc.driver.worker import Worker
    from lpc.tools.serve import BusPort

OK, FAILED, USAGE = 0, 1, 2
_BROKEN_PIPE = 128 + 13
_INTERRUPTED = 128 + 2

HELP = """\
Usage: pylpc [options] FILE [argument...]     run an LPC file
       pylpc [options] -e CODE [argument...]  run a piece of LPC
       pylpc [options] - [argument...]        run what standard input holds
       pylpc [options] serve [--workers N] FILE [argument...]  run a server on several processors
       pylpc [options] check FILE...          compile only: print errors and warnings
       pylpc [options] driver CONFIG [-fFLAG...]  boot a mudlib from its FluffOS configuration
       pylpc gen [--check]                    write (or compare) the generated files of a checkout

A FILE is a whole program: its statements run from top to bottom, then main(string *argv) if it has one
(argv[0] is the file's name; an int it returns is the exit status). The process lives while something can
still happen: a socket that is in use, a call_out, a heart beat.

Options (before FILE; what follows it belongs to the program):
  --mudlib DIR            root of the files LPC sees
                          (default: the one pylpc.toml names, ./lib if it has a master, the packaged one)
  --config FILE           settings (default: ./pylpc.toml if there is one)
  --limit NAME=VALUE      change a limit, as evaluation_time=10 or memory=500000000
  --trace                 show local variables in the traces of run-time errors
  --loop uvloop|asyncio   the event loop (default: uvloop where it is installed)
  --no-cache              compile everything afresh
  --bus URL               where the message bus is, as mqtt://host:1883 (several: parted by commas)
  --version, --help

serve runs FILE in N processes (default: one for each processor) that share its ports; get_config(__WORKER__)
tells a program which it is. One that dies is replaced. SIGTERM and SIGINT end them all once they have answered
what they were asked; SIGHUP replaces them one by one. Unless --bus names another, /sys/bus_d of the workers
talk through a broker that serve starts for them.

Permissions. A program may read its mudlib, write the mudlib's log, save and run folders, and talk to
this machine. Everything else is granted here; several values are parted by commas:
  --allow-read[=PATH]     read files outside the mudlib    --allow-write[=PATH]   write files
  --allow-net[=HOST:PORT] connect to others                --allow-listen[=ADDRESS:PORT]  accept from others
  --allow-run[=PROGRAM]   start programs                   --allow-env[=NAME]     read environment variables
  --allow-watch[=PATH]    watch files outside the mudlib   -A, --allow-all        all of them
  --deny-read, --deny-net, ...                             never, whatever else is allowed

Examples:
  pylpc -e 'write("Hello\\n");'
  pylpc --allow-net=api.example.com:443 fetch.c
  pylpc --allow-listen=0.0.0.0:8080 --limit sockets=500 server.c
  pylpc --allow-listen=0.0.0.0:8080 serve --workers 4 server.c
  pylpc check lib/std/*.c

Exit status: 0 ok, 1 run-time error, 2 usage or compile error.
"""

#: Options that take a value, as `--name value` or `--name=value`.
_VALUED = frozenset({"--mudlib", "--config", "--limit", "--loop", "--bus", "--workers"})
_COMMANDS = frozenset({"check", "driver", "gen", "run", "serve"})


class _Options:
    """The command line, read."""

    def __init__(self) -> None:
        self.command = "run"
        self.mudlib: str | None = None
        self.config: str | None = None
        self.loop: str | None = None
        self.bus: str | None = None
        self.workers: str | None = None
        self.limits: list[tuple[str, str]] = []
        self.permissions: list[str] = []
        self.trace = False
        self.cache = True
        self.code: str | None = None
        self.rest: list[str] = []


def main(argv: list[str] | None = None) -> int:
    """Run the command with these arguments (the process's own by default); the exit status."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    if argv is None:  # the process is ours
        sys.excepthook = _defect
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # an LPC string may hold half a surrogate pair
    try:
        options = _parse(arguments)
        if options.command in ("help", "version"):
            _print(HELP if options.command == "help" else f"pylpc {__version__}\n")
            return OK
        return _RUNNERS[options.command](options)
    except ConfigError as error:
        _complain(str(error))
        return USAGE
    except BrokenPipeError:
        return _broken_pipe()
    except KeyboardInterrupt:
        return _INTERRUPTED


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _complain(text: str) -> None:
    sys.stderr.write(f"pylpc: {text}\n")


def _broken_pipe() -> int:
    """Whoever read our output has gone: no complaint, and none at the interpreter's own last flush."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return _BROKEN_PIPE


# ---------------------------------------------------------------------- the command line


def _parse(arguments: list[str]) -> _Options:
    options = _Options()
    at = 0
    while at < len(arguments):
        word = arguments[at]
        at += 1
        if word == "--":
            options.rest = arguments[at:]
            return _checked(options)
        if word == "-" or not word.startswith("-"):
            if word in _COMMANDS and options.command == "run" and not os.path.isfile(word):
                options.command = word
                if word == "run":
                    continue
                options.rest = _command_words(options, arguments[at:])
                return _checked(options)
            options.rest = arguments[at - 1:]
            return _checked(options)
        if word == "-e":
            if at == len(arguments):
                raise ConfigError("-e needs a piece of LPC behind it")
            options.code = arguments[at]
            options.rest = arguments[at + 1:]
            return options
        at += _option(options, word, arguments[at] if at < len(arguments) else None)
    return _checked(options)


def _command_words(options: _Options, words: list[str]) -> list[str]:
    """The words behind a subcommand; our own options may stand among them (before the FILE of serve)."""
    if options.command == "gen":
        return words
    rest: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            return rest + words[at:]
        if word.startswith("-") and word != "-" and not (options.command == "driver" and _is_driver_flag(word)):
            at += _option(options, word, words[at] if at < len(words) else None)
        else:
            rest.append(word)
            if options.command == "serve":
                return rest + words[at:]
    return rest


def _is_driver_flag(word: str) -> bool:
    return word[:2] in ("-f", "-d")


def _option(options: _Options, word: str, following: str | None) -> int:
    """Take one option; how many further words it used."""
    name, given, value = word.partition("=")
    if name in _VALUED:
        if not given:
            if following is None:
                raise ConfigError(f"{name} needs a value")
            value = following
        _valued(options, name, value)
        return 0 if given else 1
    if word in ("-h", "--help"):
        options.command = "help"
    elif word in ("-V", "--version"):
        options.command = "version"
    elif word == "--trace":
        options.trace = True
    elif word == "--no-cache":
        options.cache = False
    elif word == "-A" or name.startswith(("--allow-", "--deny-")):
        options.permissions.append(word)
    else:
        raise ConfigError(f"unknown option '{word}' (try --help)")
    return 0


def _valued(options: _Options, name: str, value: str) -> None:
    if name == "--limit":
        limit, equals, number = value.partition("=")
        if not equals:
            raise ConfigError(f"--limit wants NAME=VALUE, not '{value}'")
        options.limits.append((limit, number))
    elif name == "--loop":
        if value not in ("uvloop", "asyncio"):
            raise ConfigError(f"--loop is 'uvloop' or 'asyncio', not '{value}'")
        options.loop = value
    else:
        setattr(options, name[2:], value)


def _checked(options: _Options) -> _Options:
    if options.command == "check" and not options.rest:
        raise ConfigError("check needs files: pylpc check FILE...")
    if options.command == "driver" and not options.rest:
        raise ConfigError("driver needs a configuration: pylpc driver CONFIG")
    if options.command == "serve" and (not options.rest or options.rest[0] == "-"):
        raise ConfigError("serve needs a FILE, which each worker reads: pylpc serve [--workers N] FILE")
    if options.workers is not None and options.command != "serve":
        raise ConfigError("--workers belongs to serve: pylpc serve --workers N FILE")
    if options.command == "run" and not options.rest and options.code is None:
        raise ConfigError("nothing to run: give a FILE, '-' for standard input, or -e CODE (try --help)")
    return options


# ---------------------------------------------------------------------- the driver


def _configuration(options: _Options) -> Config:
    """The settings file, with the command line on top of it."""
    from lpc.driver.config import Config, load_toml

    path = options.config or ("pylpc.toml" if os.path.isfile("pylpc.toml") else None)
    config = load_toml(path) if path is not None else Config()
    if options.mudlib is not None:
        config.mudlib = options.mudlib
    elif config.mudlib is None and any(os.path.isfile(f"lib/secure/master{end}") for end in (".lpc", ".c")):
        config.mudlib = "lib"
    return _adjusted(config, options)


def _adjusted(config: Config, options: _Options) -> Config:
    from lpc.driver.config import broker_addresses, with_limit

    for name, number in options.limits:
        config.limits = with_limit(config.limits, name, number)
    for flag in options.permissions:
        config.permissions.add(flag)
    if options.bus is not None:
        config.bus = broker_addresses(options.bus.split(","))
    return config


def _driver(options: _Options, config: Config, *, check_only: bool = False) -> Driver:
    from efuns import standard
    from lpc.driver.driver import Driver

    driver = Driver(
        loop=lambda: _new_loop(options.loop), config=config, efuns=standard.efuns(), predefined=standard.macros(),
        output=_write, logger=_log, cache=options.cache, check_only=check_only,
    )
    driver.permissions.report = lambda refusal: _log(f"pylpc: note: {refusal}")
    driver.reporter.color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    driver.reporter.locals_shown = driver.reporter.defects_traced = options.trace
    return driver


def _write(text: str) -> None:
    """LPC's output. It is flushed at once: a program that waits for a socket must not seem dead."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise Shutdown(_broken_pipe()) from None


def _log(text: str) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        return  # nobody is left to tell


def _new_loop(choice: str | None) -> asyncio.AbstractEventLoop:
    """Makes the event loop when something first needs it, and lets it count as running: a script's
    statements run before the loop turns, and libraries ask for the running loop."""
    import asyncio

    if choice != "asyncio":
        try:
            import uvloop
        except ImportError:
            if choice == "uvloop":
                raise ConfigError("uvloop is not installed") from None
        else:
            return _adopted(uvloop.new_event_loop())
    return _adopted(asyncio.new_event_loop())


def _adopted(loop: asyncio.AbstractEventLoop) -> asyncio.AbstractEventLoop:
    import asyncio

    loop.set_exception_handler(_loop_defect)
    asyncio.set_event_loop(loop)
    asyncio._set_running_loop(loop)
    return loop


def _loop_defect(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A defect of ours in a callback or task: told in one line, whatever asyncio's own handler would print."""
    _log(f"pylpc: internal error (please report it): {context.get('exception') or context['message']!r}")


def _defect(kind: type[BaseException], error: BaseException, traceback: object) -> None:
    """A defect of ours that reached the top of the process."""
    _log(f"pylpc: internal error (please report it): {kind.__name__}: {error}")


class _Signals:
    """SIGINT and SIGTERM: the first ends the driver once it is idle, for which a running evaluation has only a
    moment more; the second ends the process. A worker gets SIGTERM alone."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self.received = 0
        self._former: dict[Any, Any] = {}

    def __enter__(self) -> _Signals:
        """Take both signals; outside the main thread they are the host's business."""
        import signal
        import threading

        if threading.current_thread() is threading.main_thread():
            numbers = (signal.SIGTERM,) if self._driver.worker is not None else (signal.SIGINT, signal.SIGTERM)
            self._former = {number: signal.signal(number, self._handle) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        import signal

        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            os._exit(128 + number)
        self.received = number
        driver = self._driver
        if driver.evaluations.running:
            driver.interrupt()
        driver.shutdown(0)
        if driver.has_loop:
            driver.loop.call_soon_threadsafe(driver.alive.wake)


def _serve(driver: Driver) -> None:
    """Let things happen until nothing can any more, then drain and close."""
    if not driver.has_loop and not driver.is_alive:
        driver.close()
        return
    import asyncio

    loop = driver.loop
    asyncio._set_running_loop(None)
    try:
        loop.run_until_complete(_wait_and_close(driver))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def _wait_and_close(driver: Driver) -> None:
    await driver.wait_idle()
    await driver.drain()
    await driver.aclose()


# ---------------------------------------------------------------------- the commands


def _run(options: _Options) -> int:
    text: str | None = None
    if options.code is not None:
        file, argv, text = "<command line>", ["-e", *options.rest], _statement(options.code)
    elif options.rest[0] == "-":
        file, argv = "<standard input>", options.rest
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    else:
        file, argv = options.rest[0], options.rest
    config = _configuration(options)
    return _with_driver(_driver(options, config), lambda driver: driver.run_script(file, argv, text=text))


def _statement(code: str) -> str:
    """The piece of LPC behind -e; its last semicolon may be left out."""
    return code if code.rstrip().endswith((";", "}")) else code + ";"


def _with_driver(driver: Driver, begin: Callable[[Driver], int]) -> int:
    """Begin, live until nothing can happen any more, and report how it went."""
    worker = driver.worker
    with _Signals(driver) as signals:
        status = _begin(driver, begin)
        if worker is not None and driver.is_alive:
            worker.ready(driver.loop, lambda: driver.shutdown(FAILED))
        _serve(driver)
    if worker is not None and not signals.received:
        worker.over(driver.exit_code)
    if driver.evaluations.interrupted:
        return 128 + signals.received
    if driver.exit_code is not None:
        return driver.exit_code & 0xFF
    return status & 0xFF or (FAILED if driver.evaluations.failures else OK)


def _begin(driver: Driver, begin: Callable[[Driver], int]) -> int:
    try:
        return begin(driver)
    except LPCFault as fault:
        status = FAILED
        if not driver.evaluations.interrupted:
            driver.reporter.fault(fault)
    except CompileError:
        status = USAGE  # its diagnostics have been told
    except ConfigError as error:
        status = USAGE
        _complain(str(error))
    driver.shutdown(status)
    return status


def _check(options: _Options, files: list[str] | None = None) -> int:
    driver = _driver(options, _configuration(options), check_only=True)
    status = OK
    for file in options.rest if files is None else files:
        try:
            if not driver.check(file):
                status = USAGE
        except ConfigError as error:
            _complain(str(error))
            status = USAGE
    driver.close()
    return status


def _boot(options: _Options) -> int:
    from lpc.driver.config import load_fluffos

    path, *words = options.rest
    flags = []
    for word in words:
        if not word.startswith("-f"):
            raise ConfigError(f"unknown argument '{word}' of driver (-fFLAG is given to the master's flag())")
        flags.append(word[2:])
    config = _adjusted(load_fluffos(path), options)
    if options.mudlib is not None:
        config.mudlib = options.mudlib
    for warning in config.warnings:
        _complain(f"warning: {warning}")
    for port in config.ports:
        _complain(f"warning: port {port} is not opened: player ports are not in this version")

    def begin(driver: Driver) -> int:
        driver.boot()
        driver.preload(tuple(flags))
        return OK

    return _with_driver(_driver(options, config), begin)


def _supervise(options: _Options) -> int:
    """Be the supervisor of several processes; what runs in them is below."""
    from efuns import standard  # noqa: F401  imported before the processes part, it is there only once
    from lpc.driver import driver  # noqa: F401
    from lpc.tools import serve

    try:
        count = serve.workers_for(options.workers)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    config = _configuration(options)
    if not os.path.isfile(options.rest[0]):
        kind = "is a directory" if os.path.isdir(options.rest[0]) else "no such file"
        raise ConfigError(f"{options.rest[0]}: {kind}")
    supervisor = serve.Supervisor(
        count, lambda worker: _work(options, worker), run_broker=None if config.bus else _broker,
        check=lambda: _check(options, options.rest[:1]), log=lambda text: _log(f"pylpc: {text}"),
        title=options.rest[0])
    return supervisor.main()


def _work(options: _Options, worker: Worker) -> int:
    """The life of a worker."""
    config = _configuration(options)
    config.worker = worker
    return _with_driver(_driver(options, config), lambda driver: driver.run_script(options.rest[0], options.rest))


def _broker(bus: BusPort) -> int:
    """The life of the broker that the workers' bus has when there is no other."""
    from lpc.driver.config import Config
    from lpc.resources import library_folder

    program = os.path.join(library_folder(), "sys", "bus_broker.c")
    argv = [program, str(bus.port), bus.password]
    return _with_driver(_driver(_Options(), Config(mudlib=library_folder())),
                        lambda driver: driver.run_script(program, argv))


def _generate(options: _Options) -> int:
    from efuns import standard
    from lpc.driver.applies import reference_page
    from lpc.driver.predefined import runtime_config_header
    from lpc.syntax.tablegen import parser_table
    from lpc.tools import generate
    from lpc.tools.reference import efun_page

    unknown = [word for word in options.rest if word != "--check"]
    if unknown:
        raise ConfigError(f"gen knows only --check, not '{unknown[0]}'")
    generators = [*standard.generators(), runtime_config_header, reference_page, parser_table,
                  lambda: efun_page(standard.efuns())]
    return generate.main("--check" in options.rest, generators)


_RUNNERS: dict[str, Callable[[_Options], int]] = {"run": _run, "check": _check, "driver": _boot, "gen": _generate,
                                                "serve": _supervise}


