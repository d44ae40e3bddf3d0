"""Settings of a driver: `pylpc.toml`, FluffOS configuration files, and the defaults.

    mudlib = "lib"                        # relative to the file
    include = ["/include"]                # virtual folders for #include <x>
    master = "/secure/master"
    simul_efun = "/secure/simul_efun"
    global_include = "<globals.h>"
    bus = ["mqtt://one:1883", "mqtt://two:1883"]    # brokers for /sys/bus_d
    [limits]        evaluation_time = 5.0       # lpc.runtime.budget.Limits
    [permissions]   allow-net = ["example.com:443"]   deny-read = true
    [mounts]        "/data" = "/srv/data"       "/out" = { path = "out", write = true }
    [external]      name = "/path/program"      other = ["/path/program", "fixed", "arguments"]

A setting nobody knows, or one of the wrong kind, is a ConfigError that names it: a misspelt permission must
not pass for a missing one. FluffOS files are read as FluffOS reads them, where an unknown key only warns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from lpc.driver.files import Mount
from lpc.driver.permissions import Permissions
from lpc.errors import ConfigError
from lpc.runtime.budget import Limits

if TYPE_CHECKING:
    from lpc.driver.worker import Worker

#: What LPC may write in a mudlib unless a grant says more.
WRITABLE_FOLDERS = ("log", "save", "run")
_BROKER_SCHEMES = frozenset({"mqtt", "mqtts", "tcp", "ssl"})
#: Operations on the host's temporary directory, mounted at /tmp.
TEMPORARY_OPERATIONS = frozenset({"fifo", "eventfd"})


@dataclass(slots=True)
class Config:
    """The settings of one driver. Paths of the mudlib, includes and mounts are the host's or virtual, as named."""

    mudlib: str | None = None  # host directory
    include: tuple[str, ...] = ("/include",)  # virtual folders
    master: str | None = None
    simul_efun: str | None = None
    global_include: str | None = None
    name: str = "pylpc"
    limits: Limits = field(default_factory=Limits)
    permissions: Permissions = field(default_factory=Permissions)
    mounts: tuple[Mount, ...] = ()
    external: dict[str, tuple[str, ...]] = field(default_factory=dict)
    writable: bool | tuple[str, ...] = WRITABLE_FOLDERS
    error_handler: bool = True  # ask the master's error_handler()
    player_in_call_out: bool = False  # call_outs run with the this_player() they were asked for with
    heart_beat_interval: float = 2.0
    bus: tuple[str, ...] = ()  # brokers of the message bus
    worker: Worker | None = None  # the place of this process among those of a server
    ports: tuple[str, ...] = ()  # "4000 telnet": what the file asks to listen on
    settings: dict[str, str] = field(default_factory=dict)  # the other FluffOS settings, by key
    warnings: tuple[str, ...] = ()
    origin: str = ""


# ---------------------------------------------------------------------- pylpc.toml


def load_toml(path: str) -> Config:
    """Read a `pylpc.toml` (or the [tool.pylpc] table of a pyproject.toml)."""
    import tomllib  # only where there is such a file

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    if os.path.basename(path) == "pyproject.toml":
        table = table.get("tool", {}).get("pylpc", {})
    return _Toml(path, os.path.dirname(os.path.abspath(path))).read(table)


class _Toml:
    """One reading of one file; every complaint names the file and the setting."""

    def __init__(self, path: str, folder: str) -> None:
        self.path = path
        self.folder = folder

    def read(self, table: Mapping[str, Any]) -> Config:
        """The whole table."""
        config = Config(origin=self.path)
        readers: dict[str, Callable[[Config, str, Any], None]] = {
            "mudlib": self._folder, "include": self._strings, "master": self._string, "simul_efun": self._string,
            "global_include": self._string, "name": self._string, "limits": self._limits,
            "permissions": self._permissions, "mounts": self._mounts, "external": self._external,
            "writable": self._writable, "error_handler": self._boolean, "player_in_call_out": self._boolean,
            "heart_beat_interval": self._number, "bus": self._bus,
        }
        for key, value in table.items():
            if key not in readers:
                raise self._error(f"unknown setting '{key}'{suggestion(key, readers)}")
            readers[key](config, key, value)
        return config

    def _error(self, text: str) -> ConfigError:
        return ConfigError(f"{self.path}: {text}")

    def _expect(self, key: str, value: Any, kinds: type | tuple[type, ...], what: str) -> None:
        # TOML's true is a Python bool, which is an int too.
        wrong = not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool)
        if wrong:
            raise self._error(f"'{key}' must be {what}, not {_toml_kind(value)}")

    def _string(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, str, "a string")
        setattr(config, key, value)

    def _boolean(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, bool, "true or false")
        setattr(config, key, value)

    def _number(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, (int, float), "a number")
        if value <= 0:
            raise self._error(f"'{key}' must be more than 0")
        setattr(config, key, float(value))

    def _strings(self, config: Config, key: str, value: Any) -> None:
        setattr(config, key, self._string_list(key, value))

    def _bus(self, config: Config, key: str, value: Any) -> None:
        try:
            config.bus = broker_addresses(self._string_list(key, value))
        except ConfigError as error:
            raise self._error(f"'{key}': {error}") from None

    def _string_list(self, key: str, value: Any) -> tuple[str, ...]:
        self._expect(key, value, list, "a list of strings")
        for item in value:
            self._expect(key, item, str, "a list of strings")
        return tuple(value)

    def _folder(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, str, "a string")
        config.mudlib = self._host(value)

    def _host(self, path: str) -> str:
        return os.path.join(self.folder, os.path.expanduser(path))

    def _writable(self, config: Config, key: str, value: Any) -> None:
        if isinstance(value, bool):
            config.writable = value
        else:
            config.writable = tuple(item.strip("/") for item in self._string_list(key, value))

    def _limits(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, dict, "a table")
        for name, number in value.items():
            self._expect(f"limits.{name}", number, (int, float), "a number")
            try:
                config.limits = with_limit(config.limits, name, str(number))
            except ConfigError as error:
                raise self._error(str(error)) from None

    def _permissions(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, dict, "a table")
        for name, grant in value.items():
            setting = f"permissions.{name}"
            if grant is False:
                continue
            items = None if grant is True else ",".join(self._string_list(setting, grant))
            side, _, kind = name.partition("-")
            if items is not None and kind in ("read", "write", "watch"):
                items = ",".join(map(self._host, items.split(",")))
            try:
                config.permissions.add(f"--{name}" if items is None else f"--{name}={items}")
            except ConfigError as error:
                raise self._error(str(error)) from None

    def _mounts(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, dict, "a table")
        mounts = []
        for prefix, target in value.items():
            setting = f"mounts.{prefix}"
            write = False
            if isinstance(target, dict):
                unknown = sorted(target.keys() - {"path", "write"})
                if unknown:
                    raise self._error(f"unknown setting '{setting}.{unknown[0]}'")
                write = target.get("write", False)
                self._expect(f"{setting}.write", write, bool, "true or false")
                target = target.get("path")
            self._expect(setting, target, str, "a path, or { path = …, write = true }")
            if not prefix.startswith("/") or prefix == "/":
                raise self._error(f"'{setting}' must start with '/' and be more than '/'")
            mounts.append(Mount(prefix.rstrip("/"), self._host(target), writable=write))
        config.mounts = tuple(mounts)

    def _external(self, config: Config, key: str, value: Any) -> None:
        self._expect(key, value, dict, "a table")
        for name, command in value.items():
            words = (command,) if isinstance(command, str) else self._string_list(f"external.{name}", command)
            if not words or not words[0]:
                raise self._error(f"'external.{name}' must name a program")
            if not os.path.isabs(words[0]):
                raise self._error(f"'external.{name}' must be an absolute path, not '{words[0]}'")
            config.external[name] = tuple(words)


def _toml_kind(value: Any) -> str:
    for kind, name in ((bool, "true or false"), (str, "a string"), (int, "a number"), (float, "a number"),
                       (list, "a list"), (dict, "a table")):
        if isinstance(value, kind):
            return name
    return "a date"


def suggestion(word: str, known: Iterable[str]) -> str:
    """"; did you mean 'x'?" where a known word is close, else ""."""
    from difflib import get_close_matches  # only when something is misspelt

    close = get_close_matches(word, list(known), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def broker_addresses(given: Iterable[str]) -> tuple[str, ...]:
    """Brokers as `--bus` and `bus` name them; ConfigError for what names none."""
    found = tuple(one for one in map(str.strip, given) if one)
    for one in found:
        scheme, mark, rest = one.rpartition("://")
        if not rest or " " in one or (mark and scheme not in _BROKER_SCHEMES):
            raise ConfigError(f"a broker is mqtt://HOST[:PORT] or mqtts://HOST[:PORT], not '{one}'")
    return found


_LIMIT_KINDS = {entry.name: entry.type for entry in fields(Limits)}


def with_limit(limits: Limits, name: str, text: str) -> Limits:
    """The limits with one changed; ConfigError says what is wrong with the name or the number."""
    kind = _LIMIT_KINDS.get(name)
    if kind is None:
        help = suggestion(name, _LIMIT_KINDS) or f"; there are {', '.join(_LIMIT_KINDS)}"
        raise ConfigError(f"unknown limit '{name}'{help}")
    try:
        number: float = float(text) if kind == "float" else int(text)
    except ValueError:
        wanted = "a number" if kind == "float" else "a whole number"
        raise ConfigError(f"limit '{name}' must be {wanted}, not '{text}'") from None
    if not 0 < number < float("inf"):
        raise ConfigError(f"limit '{name}' must be more than 0")
    changed: dict[str, Any] = {name: number}
    return replace(limits, **changed)


# ---------------------------------------------------------------------- FluffOS configuration files

#: FluffOS keys that set one of our limits, and what one of their units is in ours.
_FLUFFOS_LIMITS: Mapping[str, tuple[str, float]] = {
    "maximum evaluation cost": ("evaluation_time", 1e-6),
    "maximum array size": ("array_size", 1),
    "maximum mapping size": ("mapping_size", 1),
    "maximum string length": ("string_length", 1),
    "maximum buffer size": ("buffer_size", 1),
    "maximum read file size": ("read_file_size", 1),
    "maximum call depth": ("call_depth", 1),
    "inherit chain size": ("inherit_depth", 1),
}

#: FluffOS keys that mean nothing here, or are kept for get_config(): known, so no warning.
_FLUFFOS_KEPT = frozenset({
    "address server ip", "address server port", "binary directory", "clean up at", "debug log file",
    "default error message", "default fail message", "domain file", "fd6 kind", "fd6 port", "game tick msec",
    "gametick msec", "hash table size", "object table size", "living hash table size", "log commands",
    "log directory", "maximum bits in a bitfield", "maximum byte transfer", "maximum local variables",
    "maximum users", "evaluator stack size", "compiler stack size", "mud ip", "reserved size",
    "save binaries directory", "swap file", "time to clean up", "time to reset", "time to swap",
    "default language", "websocket http dir", "receive snoop", "sane explode string", "reversible explode string",
    "sane sorting", "warn tab", "wombles", "call other type check", "call other warn", "no resets", "lazy resets",
    "randomized resets", "no ansi", "strip before process input", "interactive catch tell", "enable_commands call init",
    "sprintf add_justified ignore ansi colors", "trace", "trace code", "trace lpc execution context",
    "trace lpc instructions", "warn old range behavior", "old range behavior", "suppress argument warnings",
    "enable mxp", "enable gmcp", "enable zmp", "enable mssp", "enable msp", "enable msdp", "enable mccp",
    "has rusage", "old type behavior", "arguments in trace", "local variables in trace", "default font",
    "allowed os environment variables", "maximum mccp buffer",
})


def load_fluffos(path: str) -> Config:
    """Read a FluffOS configuration ("key : value" lines)."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return _Fluffos(path).read(lines)


class _Fluffos:
    """One reading of one file."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.config = Config(origin=path, writable=True, include=())
        self.warnings: list[str] = []
        self.ports: dict[int, str] = {}

    def read(self, lines: Iterable[str]) -> Config:
        """All lines."""
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            key, colon, value = text.partition(":")
            if not colon:
                self.warnings.append(f"{self.path}:{number}: not a 'key : value' line, ignored: {text}")
                continue
            self._setting(" ".join(key.lower().split()), value.strip(), number)
        config = self.config
        if not config.mudlib:
            raise ConfigError(f"{self.path}: there is no 'mudlib directory'")
        if not config.master:
            raise ConfigError(f"{self.path}: there is no 'master file'")
        config.ports = tuple(self.ports[number] for number in sorted(self.ports))
        config.warnings = tuple(self.warnings)
        return config

    def _setting(self, key: str, value: str, number: int) -> None:
        config = self.config
        if key in _FLUFFOS_LIMITS:
            self._limit(key, value, number)
        elif key == "mudlib directory":
            config.mudlib = self._mudlib(value)
        elif key == "include directories":
            config.include = tuple(folder for folder in value.split(":") if folder)
        elif key in ("master file", "simulated efun file"):
            setattr(config, "master" if key == "master file" else "simul_efun", value or None)
        elif key == "global include file":
            config.global_include = value or None
        elif key == "name":
            config.name = value
        elif key == "mudlib error handler":
            config.error_handler = value != "0"
        elif key == "this player in call out" or key == "this_player in call_out":
            config.player_in_call_out = value != "0"
        elif key == "heartbeat interval msec":
            config.heart_beat_interval = max(1, self._int(key, value, number)) / 1000
        elif key.startswith("external_cmd_"):
            self._external(key, value, number)
        elif key == "port number":
            self.ports[0] = f"{value} telnet"
        elif key.startswith("external_port_"):
            self._port(key, value)
        else:
            config.settings[key] = value
            if key not in _FLUFFOS_KEPT:
                self.warnings.append(f"{self.path}:{number}: unknown setting '{key}' is ignored")

    def _mudlib(self, value: str) -> str:
        # FluffOS takes it from the working directory; a configuration kept beside its mudlib should work from anywhere.
        if os.path.isabs(value) or os.path.isdir(value):
            return os.path.abspath(value)
        return os.path.join(os.path.dirname(os.path.abspath(self.path)), value)

    def _int(self, key: str, value: str, number: int) -> int:
        try:
            return int(value)
        except ValueError:
            raise ConfigError(f"{self.path}:{number}: '{key}' must be a whole number, not '{value}'") from None

    def _limit(self, key: str, value: str, number: int) -> None:
        name, unit = _FLUFFOS_LIMITS[key]
        amount = self._int(key, value, number)
        if amount <= 0:
            self.warnings.append(f"{self.path}:{number}: '{key}' must be more than 0; the default stands")
            return
        changed: dict[str, Any] = {name: amount * unit if unit < 1 else amount}
        self.config.limits = replace(self.config.limits, **changed)

    def _external(self, key: str, value: str, number: int) -> None:
        if not value:
            return
        if not value.startswith("/"):
            self.warnings.append(f"{self.path}:{number}: '{key}' is not an absolute path and is ignored")
            return
        self.config.external[key.removeprefix("external_cmd_")] = tuple(value.split())

    def _port(self, key: str, value: str) -> None:
        kind, _, port = value.partition(" ")
        position = key.removeprefix("external_port_").partition("_")[0]
        if key.endswith(("_tls", "_websocket")) or not position.isdigit():
            self.config.settings[key] = value
        elif port:
            self.ports[int(position)] = f"{port.strip()} {kind}"
