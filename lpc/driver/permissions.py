"""What the host lets LPC do to the outside world, in Deno's grammar.

    --allow-net            everything of that kind
    --allow-net=a,b:80     these
    --deny-net[=…]         never, whatever is allowed: deny wins in every form
    -A                     every kind

Kinds: read and write (host paths), net and listen (addresses), run (programs), env (variables), watch
(host paths). Without any grant LPC may reach and serve loopback addresses; what it may do inside the
mudlib is the business of lpc.driver.files, which asks here for everything beyond.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lpc.errors import ConfigError

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

READ, WRITE, NET, LISTEN, RUN, ENV, WATCH = KINDS = ("read", "write", "net", "listen", "run", "env", "watch")
_MOST_REPORTS = 20
_PATHS = frozenset({READ, WRITE, WATCH})
_ADDRESSES = frozenset({NET, LISTEN})
_LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost", "localhost.localdomain"})


@dataclass(frozen=True, slots=True)
class Scope:
    """One side (allow or deny) of one kind: everything, or the listed items."""

    everything: bool = False
    items: tuple[str, ...] = ()

    def plus(self, value: str | None) -> Scope:
        """This and what a flag adds: None is the bare flag."""
        if value is None:
            return replace(self, everything=True)
        return replace(self, items=self.items + tuple(value.split(",")))


@dataclass(slots=True)
class Permissions:
    """The grants of one driver. Each `allows_…` is True, or False with `refusal` saying what would help."""

    allow: dict[str, Scope] = field(default_factory=dict)
    deny: dict[str, Scope] = field(default_factory=dict)
    refusal: str = ""
    #: Told of each refusal that a flag would lift, once: LPC itself may see no more than a 0.
    report: Callable[[str], object] | None = None
    _reported: set[str] = field(default_factory=set)

    @classmethod
    def all(cls) -> Permissions:
        """What `-A` gives."""
        return cls({kind: Scope(everything=True) for kind in KINDS})

    @classmethod
    def parse(cls, flags: Iterable[str]) -> Permissions:
        """From command-line words: `--allow-net=host:80`, `--deny-read`, `-A`; ConfigError for any other."""
        permissions = cls()
        for flag in flags:
            permissions.add(flag)
        return permissions

    def add(self, flag: str) -> None:
        """Add one command-line word to the grants."""
        if flag in ("-A", "--allow-all"):
            for kind in KINDS:
                self.allow[kind] = self.allow.get(kind, Scope()).plus(None)
            return
        name, given, value = flag.partition("=")
        side, _, kind = name.removeprefix("--").partition("-")
        if side not in ("allow", "deny") or kind not in KINDS:
            known = ", ".join(f"--allow-{kind}" for kind in KINDS)
            raise ConfigError(f"unknown permission '{name}'; there are {known}, their --deny- forms, and -A")
        self.grant(side, kind, value if given else None)

    def grant(self, side: str, kind: str, value: str | None) -> None:
        """Add a grant (`side` "allow") or a refusal ("deny"): None for everything, else items at commas."""
        if value is not None:
            for item in value.split(","):
                _check_item(side, kind, item)
            if kind in _PATHS:
                value = ",".join(os.path.realpath(os.path.expanduser(item)) for item in value.split(","))
        scopes = self.allow if side == "allow" else self.deny
        scopes[kind] = scopes.get(kind, Scope()).plus(value)

    def copy(self) -> Permissions:
        """An independent set of the same grants (and no `report`)."""
        return Permissions(dict(self.allow), dict(self.deny))

    # ------------------------------------------------------------------ what efuns ask

    def allows_net(self, host: str, port: int, address: str = "") -> bool:
        """May LPC connect or send to host:port? `address`, where the host was a name, is what it resolved
        to: a grant may name either, a deny stops either."""
        return self._allows_address(NET, host, port, address)

    def allows_lookup(self, host: str) -> bool:
        """May LPC ask name servers about a host? Who may connect to it at some port may; loopback is free."""
        denied, allowed = self.deny.get(NET, Scope()), self.allow.get(NET, Scope())
        ports = [(item, _split_address(item)[1]) for item in denied.items]
        if denied.everything or any(port is None and _address_matches(item, host, 0) for item, port in ports):
            return self._refuse(NET, host, denied=True)
        if allowed.everything or is_loopback(host):
            return True
        ports = [(item, _split_address(item)[1]) for item in allowed.items]
        return any(_address_matches(item, host, port or 0) for item, port in ports) or self._refuse(NET, host)

    def allows_listen(self, host: str, port: int, address: str = "") -> bool:
        """May LPC accept connections or datagrams at host:port?"""
        return self._allows_address(LISTEN, host, port, address)

    def allows_run(self, name: str) -> bool:
        """May LPC start the program registered as `name` (or at this path)?"""
        return self._allows(RUN, name, lambda item: item == name)

    def granted_program(self, name: str) -> tuple[str] | None:
        """The program --allow-run names by this (base) name, or any on PATH under a bare --allow-run."""
        scope = self.allow.get(RUN, Scope())
        named = next((item for item in scope.items if name in (item, os.path.basename(item))), None)
        if named is None and (not scope.everything or "/" in name or not name):
            self._refuse(RUN, name)
            return None
        from shutil import which  # start-up does not need it

        found = which(named if named is not None else name)
        if found is None:
            self.refusal = f"there is no program '{name}'"
            return None
        return (os.path.abspath(found),)

    def denies_run(self, name: str, program: str) -> bool:
        """Whether --deny-run forbids a program by its registered name, path or base name."""
        denied = self.deny.get(RUN, Scope())
        if denied.everything or any(item in (name, program, os.path.basename(program)) for item in denied.items):
            self._refuse(RUN, name, denied=True)
            return True
        return False

    def allows_env(self, name: str) -> bool:
        """May LPC read this environment variable?"""
        return self._allows(ENV, name, lambda item: item == name)

    def allows_path(self, kind: str, real_path: str, *, by_default: bool = False, implied: bool = False) -> bool:
        """May LPC read, write or watch this real host path? `by_default` says the sandbox already lets it;
        `implied` that the driver itself needs it (loading programs), so a bare deny flag is not meant."""
        denied = self.deny.get(kind, Scope())
        if (denied.everything and not implied) or any(is_within(real_path, item) for item in denied.items):
            return self._refuse(kind, real_path, denied=True)
        if by_default:
            return True
        allowed = self.allow.get(kind, Scope())
        if allowed.everything or any(is_within(real_path, item) for item in allowed.items):
            return True
        return self._refuse(kind, real_path)

    def everything(self, kind: str) -> bool:
        """Whether a bare --allow-KIND was given (and no bare --deny-KIND)."""
        return self.allow.get(kind, Scope()).everything and not self.deny.get(kind, Scope()).everything

    def _allows_address(self, kind: str, host: str, port: int, address: str) -> bool:
        names = [name for name in (host, address) if name]
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        denied = self.deny.get(kind, Scope())
        if denied.everything or any(_address_matches(item, name, port) for item in denied.items for name in names):
            return self._refuse(kind, shown, denied=True)
        allowed = self.allow.get(kind, Scope())
        if allowed.everything or any(_address_matches(item, name, port) for item in allowed.items for name in names):
            return True
        # A name counts as loopback only by what it resolved to, where that is known.
        if is_loopback(address or host):
            return True
        return self._refuse(kind, shown)

    def _allows(self, kind: str, name: str, matches: Callable[[str], bool]) -> bool:
        denied = self.deny.get(kind, Scope())
        if denied.everything or any(map(matches, denied.items)):
            return self._refuse(kind, name, denied=True)
        allowed = self.allow.get(kind, Scope())
        return allowed.everything or any(map(matches, allowed.items)) or self._refuse(kind, name)

    def _refuse(self, kind: str, what: str, *, denied: bool = False) -> bool:
        verb = _VERBS[kind]
        if denied:
            self.refusal = f"{verb} {what} is forbidden by --deny-{kind}"
        else:
            self.refusal = f"{verb} {what} is not allowed; run again with --allow-{kind}={what}"
            if self.report is not None and self.refusal not in self._reported and len(self._reported) < _MOST_REPORTS:
                self._reported.add(self.refusal)
                self.report(self.refusal)
        return False


_VERBS = {READ: "reading", WRITE: "writing", NET: "connecting to", LISTEN: "listening on", RUN: "running",
          ENV: "reading the environment variable", WATCH: "watching"}


def is_within(path: str, folder: str) -> bool:
    """Whether a normalised host path is `folder` or below it."""
    return path == folder or path.startswith(folder if folder.endswith("/") else folder + "/")


def is_loopback(host: str) -> bool:
    """Whether an address is the machine's own loopback (names: the well-known ones only)."""
    host = host.strip("[]").lower()
    if host in _LOOPBACK_NAMES or host == "::1":
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """The address a text spells (an IPv4 one where it is mapped into IPv6), or None for a name."""
    import ipaddress  # only where an address is compared: most scripts open no socket

    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if address.version == 6 else address


def _split_address(item: str) -> tuple[str, int | None]:
    """`host`, `host:port`, `:port`, `port`, `[v6]:port`, bare v6, `10.0.0.0/8`: the host ("" any) and port."""
    if item.isascii() and item.isdigit():
        return "", _port(item)
    if item.startswith("["):
        host, _, rest = item[1:].partition("]")
        return host.lower(), _port(rest[1:]) if rest.startswith(":") else None
    if item.count(":") > 1:
        return item.lower(), None
    host, colon, port = item.partition(":")
    return host.lower(), _port(port) if colon and port != "*" else None


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise ConfigError(f"'{text}' is not a port number")
    return int(text)


def _address_matches(item: str, host: str, port: int) -> bool:
    wanted, wanted_port = _split_address(item)
    if wanted_port is not None and wanted_port != port:
        return False
    host = host.strip("[]").lower().rstrip(".")
    if not wanted or wanted == "*" or wanted == host:
        return True
    if wanted.startswith("*."):
        return host.endswith(wanted[1:])
    address = _address(host)
    if address is None:
        return False
    import ipaddress

    try:
        return address in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _check_item(side: str, kind: str, item: str) -> None:
    if not item:
        raise ConfigError(f"--{side}-{kind}= needs a value (or leave out the '=' for everything)")
    if kind in _ADDRESSES:
        _split_address(item)
