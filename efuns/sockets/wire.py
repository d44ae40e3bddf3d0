"""What network protocols share: numeric addresses as LPC writes them, and text as bytes."""

from __future__ import annotations

import socket
from typing import NamedTuple, cast

Sockaddr = tuple[str, int] | tuple[str, int, int, int]


class Address(NamedTuple):
    """A numeric address as the operating system takes it."""

    family: socket.AddressFamily
    sockaddr: Sockaddr

    @property
    def host(self) -> str:
        """The address alone, in its normal form."""
        return self.sockaddr[0]

    @property
    def port(self) -> int:
        """The port."""
        return self.sockaddr[1]


def parse_address(text: str) -> Address | None:
    """The address "ip port" names, None if it does not: one space, numbers only, IPv4 or IPv6."""
    host, _, port = text.partition(" ")
    return numeric_address(host, int(port)) if port.isascii() and port.isdigit() and len(port) < 6 else None


def numeric_address(host: str, port: int) -> Address | None:
    """The address of a host given in numbers; None for a name or an impossible port."""
    if not host or not host.isascii() or "\0" in host or not 0 <= port <= 65535:
        return None
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM, flags=flags)
    except (socket.gaierror, UnicodeError):
        return None
    family, _, _, _, sockaddr = found[0]
    return Address(family, cast(Sockaddr, sockaddr))


def shown_address(sockaddr: Sockaddr) -> tuple[str, int]:
    """Host and port as LPC sees them: an IPv4 peer of an IPv6 socket is an IPv4 address; the address of a
    neighbour, which several links may have, names its link."""
    host = sockaddr[0]
    if "." in host:
        host = host.removeprefix("::ffff:")
    elif len(sockaddr) == 4 and sockaddr[3] and "%" not in host:
        host = f"{host}%{sockaddr[3]}"
    return host, sockaddr[1]


def text_bytes(text: str) -> bytes:
    """A string as UTF-8; half a surrogate pair, which has none, as U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
