"""What CoAP servers and clients (modes 26 and 27) share: packets over UDP and the message layer.

A subclass says what a request or a response means to it. Rules:
- Nothing a stranger sends ends the socket: what cannot be read is dropped and counted (SO_DROPPED), and where
  it is confirmable, reset.
- LPC hears of messages only: read(fd, mapping, "ip port"). What it was not told in the mapping of a request or
  response has "error", why, beside the "token".
- An answer to a duplicate is given from memory; LPC sees every message once.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from aiocoap.message import Message
from aiocoap.numbers.types import Type

from efuns.sockets import options
from efuns.sockets.coap.blocks import exponent_of
from efuns.sockets.coap.exchange import RESET, MessageLayer
from efuns.sockets.coap.message import MalformedError, empty, read_packet
from efuns.sockets.udp import Datagram
from efuns.sockets.wire import Address, Sockaddr, parse_address, shown_address, text_bytes
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping, Value

if TYPE_CHECKING:
    from efuns.sockets.coap.dtls import Sessions
    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

BODY_LIMIT: Final = 1 << 20
ANSWER_SECONDS: Final = 30.0
_KEYS: Final = 1000
_ADDRESSES: Final = 1024  # parsed ones a socket remembers


class CoapSocket(Datagram):
    """One end of CoAP."""

    __slots__ = ("layer", "body_limit", "answer_seconds", "exponent", "dropped", "dtls", "_addresses")

    gives_reason = True
    reports_end = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self.layer = MessageLayer(table.driver.loop, self.transmit)
        self.body_limit = min(BODY_LIMIT, table.driver.limits.buffer_size)
        self.answer_seconds = ANSWER_SECONDS
        self.exponent = 6
        self.dropped = 0
        self.dtls: Sessions | None = None
        self._addresses: dict[str, Address | None] = {}

    # ------------------------------------------------------------------------------- what a subclass does

    def on_request(self, message: Message, remote: str, size: int) -> None:
        """A request of `size` bytes that was not here before; a client has no use for it."""
        self.refuse_message(message, remote)

    def on_response(self, message: Message, remote: str) -> None:
        """A response; a server asks nothing."""
        self.refuse_message(message, remote)

    def on_reset(self, remote: str, mid: int) -> None:
        """A reset of a message that waits for no acknowledgement."""

    def on_session_lost(self, remote: str, reason: str) -> None:
        """A session of DTLS has ended."""

    def on_malformed(self, error: MalformedError, remote: str) -> None:
        """A message that cannot be understood."""
        if error.mtype == Type.CON:
            self.transmit(remote, empty(Type.RST, error.mid))

    # ------------------------------------------------------------------------------------------ packets

    def take(self, packet: bytes, sender: Sockaddr) -> None:
        host, port = shown_address(sender)
        self.understand(packet, f"{host} {port}")

    def understand(self, packet: bytes, remote: str) -> None:
        """Read a packet and do what its type wants (RFC 7252 4.2, 4.3)."""
        if self._wire is None:
            return
        try:
            message = read_packet(packet)
        except MalformedError as error:
            self.dropped += 1
            self.on_malformed(error, remote)
            return
        mtype, mid = message.mtype, message.mid
        if int(message.code) == 0:
            if mtype is Type.CON:  # a ping
                self.transmit(remote, empty(Type.RST, mid))
            elif not self.layer.acknowledged(remote, mid, reason=RESET if mtype is Type.RST else ""):
                if mtype is Type.RST:
                    self.on_reset(remote, mid)
        elif mtype is Type.RST or (mtype is Type.ACK and not self.layer.acknowledged(remote, mid)):
            self.dropped += 1
        elif mtype is Type.ACK or not self.layer.is_duplicate(remote, mid):
            if message.code.is_request() and mtype is not Type.ACK:
                self.on_request(message, remote, len(packet))
            elif message.code.is_response():
                self.on_response(message, remote)
            else:
                self.refuse_message(message, remote)

    def refuse_message(self, message: Message, remote: str) -> None:
        """Say that a message means nothing here."""
        self.dropped += 1
        if message.mtype is Type.CON:
            self.layer.answer(remote, message.mid, empty(Type.RST, message.mid))

    def transmit(self, remote: str, packet: bytes) -> None:
        """Send a message."""
        self.put(remote, packet)

    def put(self, remote: str, packet: bytes) -> None:
        """Send a packet. What the network does not take is lost, as packets are."""
        target = self.address_of(remote)
        if target is None or self._wire is None:
            return
        try:
            self._send(packet, target)
        except OSError as error:
            self.last_error = f"{remote}: {error.strerror}"

    def address_of(self, remote: str) -> Address | None:
        """An address as LPC writes it, parsed."""
        known = self._addresses
        if remote not in known:
            if len(known) >= _ADDRESSES:
                known.clear()
            known[remote] = parse_address(remote)
        return known[remote]

    # ------------------------------------------------------------------------------------------ options

    def get_option(self, number: int) -> Value | None:
        if number == options.SO_DROPPED:
            return self.dropped
        return super().get_option(number)

    def set_option(self, number: int, value: Value) -> None:
        if number == options.COAP_BLOCK_SIZE and value & (value - 1):
            raise LPCError("Bad socket option value for COAP_BLOCK_SIZE: 16, 32, 64, … 1024 are accepted.\n")
        if number == options.COAP_PSK:
            self._use_keys(value)
        super().set_option(number, value)

    def _use_keys(self, given: Mapping) -> None:
        """Speak DTLS. LPCError for keys that will not do, or without the library."""
        if find_spec("DTLSSocket") is None:
            raise LPCError("COAP_PSK needs the Python package DTLSSocket.\n")
        from efuns.sockets.coap.dtls import LONGEST_IDENTITY, LONGEST_KEY, Sessions

        keys = {_bytes_of(identity): _bytes_of(key) for identity, key in given.items()}
        fit = all(0 < len(name) <= LONGEST_IDENTITY and 0 < len(key) <= LONGEST_KEY for name, key in keys.items())
        if not fit or not 0 < len(keys) <= _KEYS:
            raise LPCError(f"Bad socket option value for COAP_PSK: keys of 1 to {LONGEST_KEY} bytes by identities of "
                           f"1 to {LONGEST_IDENTITY} are accepted.\n")
        if self.dtls is not None:
            self.dtls.close()
        self.dtls = Sessions(self.table.driver.loop, keys, self.put,
                             self.on_secret, self.on_session_lost)

    def on_secret(self, remote: str, packet: bytes) -> None:
        """A packet that came through DTLS."""
        self.understand(packet, remote)

    def option_set(self, number: int, value: Value) -> None:
        if number == options.COAP_BLOCK_SIZE:
            self.exponent = exponent_of(value)
        elif number == options.COAP_ACK_TIMEOUT:
            self.layer.ack_timeout = value / 1000
        elif number == options.COAP_RETRANSMITS:
            self.layer.retransmits = value
        elif number == options.HTTP_TIMEOUT:
            self.answer_seconds = value / 1000
        elif number == options.CONTENT_SIZE_LIMIT:
            self.body_limit = min(value, self.table.driver.limits.buffer_size)
        else:
            super().option_set(number, value)

    # ------------------------------------------------------------------------------------------- the end

    def report(self, remote: str, reason: str, **more: Value) -> None:
        """Tell LPC of what went wrong with one message."""
        self.deliver(Mapping(error=reason, **more), remote)

    def shut(self, *, flush: bool) -> bool:
        self.layer.close()
        if self.dtls is not None:
            self.dtls.close()
        return super().shut(flush=flush)


def _bytes_of(value: Value) -> bytes:
    """A key or an identity; b"" for what is none."""
    if isinstance(value, str):
        return text_bytes(value)
    return bytes(value.data) if isinstance(value, Buffer) else b""
