"""Modes 2 and 4: UDP packets.

One operating-system socket, watched by the loop directly. Rules:

- A packet is a message: read(fd, data, "ip port"), also where it is empty. What a receive call reports
  besides packets is about packets sent earlier (a port nobody listens on) and never ends the socket; only
  the loss of the descriptor itself does.
- IPv4 until an IPv6 address is bound or written to. A socket bound to "::" serves both.
- There is no SO_REUSEADDR: for UDP it would let any local program bind the same port and take the packets.
- The host's permission is asked for each address written to, once for a socket, as it is for a connection.

A mode is a subclass that says what packets mean: `packet_of` and `message_of`.
"""

from __future__ import annotations

import errno
import os
import socket
import termios
from fcntl import ioctl
from typing import TYPE_CHECKING, ClassVar, Final

from efuns.sockets import errors, options
from efuns.sockets.base import BOUND, Socket
from efuns.sockets.wire import Address, Sockaddr, numeric_address, parse_address, shown_address, text_bytes
from lpc.runtime.values import Buffer, Value

if TYPE_CHECKING:
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

_LARGEST: Final = 65535
_KERNEL_BUFFER: Final = 256 << 10
_BATCH: Final = 32  # packets in one turn of the loop: others want theirs, too
_KNOWN: Final = 256  # permitted targets a socket remembers, and senders
_WAITING: Final = int(termios.FIONREAD)  # the size of the next packet
_NONE: Final = bytes(4)
_MUD_IP: Final = 9  # <runtime_config.h>
_GONE: Final = frozenset({errno.EBADF, errno.ENOTSOCK})
_KERNEL_OPTIONS: Final = {
    options.SO_RCVBUF: socket.SO_RCVBUF,
    options.SO_SNDBUF: socket.SO_SNDBUF,
    options.SO_BROADCAST: socket.SO_BROADCAST,
}


class Datagram(Socket):
    """Mode 2: a packet is a string where it is UTF-8, else a buffer."""

    __slots__ = ("_wire", "_family", "_mine", "_known", "_senders")

    gives_reason = False
    #: whether there is a third callback: modes 2 and 4 drop it
    reports_end: ClassVar[bool] = False

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._family = socket.AF_INET
        self._wire: socket.socket | None = _make_wire(self._family)
        self._mine: tuple[str, int] | None = None
        self._known: dict[str, Address] = {}  # permitted targets by the text LPC used
        self._senders: dict[Sockaddr, str] = {}  # what LPC is told of an address

    # --------------------------------------------------------------------------------- hooks of a mode

    def packet_of(self, message: Value) -> bytes | int:
        """A message as it goes on the wire, or the EE* code that refuses it."""
        return message_bytes(message)

    def message_of(self, packet: bytes) -> Value | None:
        """What LPC gets for a packet; None drops it."""
        return text_or_buffer(packet)

    # ----------------------------------------------------------------------------------------- binding

    def start_bind(self, where: int | str, address: str | None) -> int:
        target = self._bind_target(where, address)
        if target is None:
            return self.problem(errors.EEBADADDR, f"No address to bind to: {where if address is None else address}")
        try:
            wire = self._wire_of(target.family)
            self.table.driver.share_port(wire, target.sockaddr)
            wire.bind(target.sockaddr)
            self._mine = shown_address(wire.getsockname())
        except OSError as error:
            code = errors.EEADDRINUSE if error.errno == errno.EADDRINUSE else errors.EEBIND
            return self.problem(code, f"{target.host} {target.port}: {_words(error)}")
        self.table.driver.loop.add_reader(wire.fileno(), self._receive)
        self.become(BOUND)
        return errors.EESUCCESS

    def _bind_target(self, where: int | str, address: str | None) -> Address | None:
        if address is not None:
            return parse_address(address)
        configured = self.table.driver.config(_MUD_IP)
        host = configured if isinstance(configured, str) and configured else "0.0.0.0"
        return numeric_address(host, where) if isinstance(where, int) else None

    def _wire_of(self, family: socket.AddressFamily) -> socket.socket:
        """The operating-system socket, made anew where it is of another family. Raises OSError."""
        assert self._wire is not None
        if family != self._family:
            made = _make_wire(family)
            self._wire.close()
            self._wire, self._family = made, family
            for number, value in (self._options or {}).items():
                self.option_set(number, value)
        return self._wire

    # --------------------------------------------------------------------------------------- receiving

    def _receive(self) -> None:
        """The loop says that packets wait."""
        wire = self._wire
        assert wire is not None
        receive, answer = wire.recvfrom, self.table.scratch
        for number in range(_BATCH):
            try:
                if number == 1:  # mostly one packet waits: asked before it is found out the dear way
                    ioctl(wire.fileno(), _WAITING, answer)
                    if answer == _NONE:
                        return
                packet, sender = receive(_LARGEST)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _GONE:
                    self.fail(f"The socket is lost: {_words(error)}", errors.EEBADF)
                    return
                continue
            self.take(packet, sender)
            if self._wire is not wire:  # LPC closed it
                return

    def take(self, packet: bytes, sender: Sockaddr) -> None:
        """A packet has arrived."""
        message = self.message_of(packet)
        if message is not None:
            text = self._senders.get(sender)
            if text is None:
                host, port = shown_address(sender)
                if len(self._senders) >= _KNOWN:
                    self._senders.clear()
                text = self._senders[sender] = f"{host} {port}"
            self.deliver(message, text)

    def fail(self, reason: str, code: int) -> None:
        if not self.reports_end:
            self.close_callback = None
        super().fail(reason, code)

    # ----------------------------------------------------------------------------------------- sending

    def write(self, message: Value, address: str | None) -> int:
        if address is None:
            return errors.EENOADDR
        known = self._known.get(address)
        target = known or parse_address(address)
        if target is None:
            return errors.EEBADADDR
        packet = self.packet_of(message)
        if isinstance(packet, int):
            return packet
        if known is None:
            refusal = self.permits("connect", target.host, target.port)
            if refusal is not None:
                return self.problem(errors.EESECURITY, refusal)
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[address] = target
        try:
            self._send(packet, target)
        except OSError as error:
            return self.problem(errors.EESENDTO, f"{address}: {_words(error)}")
        return errors.EESUCCESS

    def _send(self, packet: bytes, target: Address) -> None:
        wire, sockaddr = self._wire, target.sockaddr
        assert wire is not None
        if target.family != self._family:
            if self._family == socket.AF_INET6:
                sockaddr = (f"::ffff:{target.host}", target.port)
            elif self._mine is None:
                wire = self._wire_of(target.family)
            else:
                raise OSError(errno.EAFNOSUPPORT, "")
        try:
            wire.sendto(packet, sockaddr)
        except ConnectionRefusedError:  # said of an earlier packet; this one was not sent
            wire.sendto(packet, sockaddr)

    # ----------------------------------------------------------------------------------- what is asked

    @property
    def system_fd(self) -> int:
        return self._wire.fileno() if self._wire is not None else -1

    def permits(self, operation: str, host: str, port: int) -> str | None:
        permissions = self.table.driver.permissions
        if operation != "bind":
            return None if permissions.allows_net(host, port) else permissions.refusal
        target = self._bind_target(port, host or None)
        if target is None or permissions.allows_listen(target.host, target.port):
            return None
        return permissions.refusal

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._mine, None

    def option_set(self, number: int, value: Value) -> None:
        which = _KERNEL_OPTIONS.get(number)
        if which is not None and self._wire is not None and isinstance(value, int):
            self._wire.setsockopt(socket.SOL_SOCKET, which, value)

    # ----------------------------------------------------------------------------------------- the end

    def shut(self, *, flush: bool) -> bool:
        wire, self._wire = self._wire, None
        if wire is not None:
            loop = self.table.driver.loop
            if self._mine is not None and wire.fileno() >= 0 and not loop.is_closed():
                loop.remove_reader(wire.fileno())
            wire.close()
        return True


class DatagramBinary(Datagram):
    """Mode 4: a packet is a buffer."""

    __slots__ = ()

    def message_of(self, packet: bytes) -> Value | None:
        return Buffer(packet)


def message_bytes(message: Value) -> bytes | int:
    """What a string or buffer is as bytes; the code for anything else."""
    if isinstance(message, str):
        return text_bytes(message)
    return bytes(message.data) if isinstance(message, Buffer) else errors.EETYPENOTSUPP


def text_or_buffer(data: bytes) -> str | Buffer:
    """Bytes as a string where they are UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Buffer(data)


def _make_wire(family: socket.AddressFamily) -> socket.socket:
    """A non-blocking UDP socket. Raises OSError."""
    wire = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BUFFER)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER)
        if family == socket.AF_INET6:
            wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    except OSError:
        wire.close()
        raise
    return wire


def _words(error: OSError) -> str:
    return os.strerror(error.errno or 0)
