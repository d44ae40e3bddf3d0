"""Mode 27: a CoAP client. Requests and responses are mappings.

    socket_write(fd, request, "host port" | "coap://host:port/path?query")
    socket_connect(fd, address, read, write)    names an address for the writes that name none
    read(fd, response, address)                 with "token", "id" (the request's own), "method" and "path"

Rules:
- Each request has its response or its "error" told once; an observation has as many responses as there are.
- A response comes from the address that was asked, with the token it was given: 64 bits nobody can guess.
- Bodies larger than a block are sent and fetched in blocks; what has come so far is bounded for a request
  (CONTENT_SIZE_LIMIT) and for the socket.
- A socket lives as long as something is asked, looked up or observed.
"""

from __future__ import annotations

import secrets
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from aiocoap.message import Message
from aiocoap.numbers.codes import Code
from aiocoap.numbers.types import Type

from efuns.sockets import errors
from efuns.sockets.base import BOUND, CLOSED, DATA_XFER, HANDSHAKE, UNBOUND
from efuns.sockets.coap import message as coap_message
from efuns.sockets.coap.blocks import Block, block_of
from efuns.sockets.coap.exchange import Transmission
from efuns.sockets.coap.message import Request, Target, empty, read_target
from efuns.sockets.coap.socket import CoapSocket
from efuns.sockets.resolve import address_of
from efuns.sockets.wire import Sockaddr, numeric_address, shown_address
from lpc.runtime.values import Mapping, Value

if TYPE_CHECKING:
    from asyncio import Future, Handle, TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

MOST: Final = 1024  # requests and observations of a socket
LOOKUPS: Final = 64
ASSEMBLING: Final = 32 << 20
LARGEST_HEAD: Final = 1024
RESET_TIME: Final = 128.0  # RFC 7641 3.4
_WINDOW: Final = 1 << 23


class Transfer:
    """One request until all of its response has come, or an observation until it ends."""

    __slots__ = ("client", "remote", "request", "path", "query", "token", "block_token", "text", "sent", "exponent",
                 "echo", "body", "base", "is_observed", "is_ending", "sequence", "heard_at", "transmission", "deadline")

    def __init__(self, client: CoapClient, remote: str, request: Request, target: Target, token: bytes) -> None:
        self.client = client
        self.remote = remote
        self.request = request
        self.path = target.path if request.path is None else request.path
        self.query = target.query if request.query is None else request.query
        self.token = token
        self.block_token = token  # of the message that is on its way
        self.text = token.hex()
        self.sent = 0  # bytes of the payload that have arrived there
        self.exponent = client.exponent
        self.echo: bytes | None = None
        self.body = bytearray()
        self.base: Message | None = None  # the first block of the response
        self.is_observed = False
        self.is_ending = False
        self.sequence = -1
        self.heard_at = 0.0
        self.transmission: Transmission | None = None
        self.deadline: TimerHandle | None = None

    # ----------------------------------------------------------------------------------------- sending

    def send(self) -> None:
        """Send the request, or the next block of it."""
        body, size = self.request.content.body, 16 << self.exponent
        if len(body) <= size:
            message = self._message(body)
        else:
            piece = body[self.sent:self.sent + size]
            message = self._message(piece)
            message.opt.block1 = (self.sent // size, self.sent + size < len(body), self.exponent)
            if not self.sent:
                message.opt.size1 = len(body)
        if self.request.observe > 0:
            message.opt.observe = 0
        elif self.is_ending:
            message.opt.observe = 1
        self._launch(message, self.token)

    def _fetch(self, block: Block) -> None:
        """Ask for a block of the response."""
        message = self._message(b"")
        message.opt.block2 = (block.number, False, block.exponent)
        self._launch(message, secrets.token_bytes(8))

    def _message(self, body: bytes) -> Message:
        message = self.request.content.message(body=body)
        message.opt.uri_path, message.opt.uri_query = self.path, self.query
        message.opt.echo = self.echo
        return message

    def _launch(self, message: Message, token: bytes) -> None:
        client = self.client
        self._settle()
        client.rename(self, token)
        layer = client.layer
        is_confirmable = self.request.is_confirmable
        message.token, message.mid = token, layer.next_mid(self.remote)
        message.mtype = Type.CON if is_confirmable else Type.NON
        packet = message.encode()
        if is_confirmable:
            self.transmission = layer.confirm(self.remote, message.mid, packet, self._delivered)
        else:
            self._await_answer()
            client.transmit(self.remote, packet)

    def _delivered(self, reason: str) -> None:
        self.transmission = None
        if reason:
            self.client.suspect(self.remote)
            self.fail(reason)
        else:
            self._await_answer()

    def _await_answer(self) -> None:
        client = self.client
        self.deadline = client.table.driver.loop.call_later(client.answer_seconds, self.fail, "timed out: no response")

    def _settle(self) -> None:
        """Nothing is on its way, nothing is waited for."""
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        transmission, self.transmission = self.transmission, None
        if transmission is not None:
            self.client.layer.cancel(transmission)

    # --------------------------------------------------------------------------------------- receiving

    def receive(self, message: Message) -> None:
        """A response."""
        if self.is_observed and message.token == self.token and not self._is_fresh(message):
            return
        if self.is_ending and message.opt.observe is not None:  # a notification that was faster than our wish
            return
        self._settle()
        option = block_of(message.opt.block1)
        if message.code == Code.UNAUTHORIZED and message.opt.echo is not None and self.echo is None:
            self.echo = message.opt.echo
            self.send()
        elif option is not None and self._continues(message, option):
            self.send()
        else:
            self._assemble(message)

    def _is_fresh(self, message: Message) -> bool:
        """Whether a notification is newer than the last (RFC 7641 3.4)."""
        now, number = self.client.table.driver.loop.time(), message.opt.observe
        if number is not None:
            ahead = number - self.sequence
            newer = 0 < ahead < _WINDOW or -ahead > _WINDOW or now > self.heard_at + RESET_TIME
            if not newer:
                return False
            self.sequence, self.heard_at = number, now
        return True

    def _continues(self, message: Message, option: Block) -> bool:
        """Whether the server wants another block of the payload, perhaps in smaller ones."""
        size, whole = 16 << self.exponent, len(self.request.content.body)
        if message.code == Code.CONTINUE and whole > size and option.number == self.sent // size:
            self.sent += size
            self.exponent = min(self.exponent, option.exponent)
            return self.sent < whole
        if message.code == Code.REQUEST_ENTITY_TOO_LARGE and option.exponent < self.exponent and not self.sent:
            self.exponent = option.exponent
            return True
        return False

    def _assemble(self, message: Message) -> None:
        """Put a block to those before, and ask for the next or tell LPC."""
        client, option = self.client, block_of(message.opt.block2)
        is_further = bool(self.base) and message.token != self.token
        if not is_further:
            client.rename(self, self.token)  # blocks of an older notification are not wanted any more
            self._drop_body()
            self.base = message
        base = self.base
        assert base is not None
        if option is None:
            if is_further:  # the server has changed its mind: this is all of another answer
                self._drop_body()
                self.base = message
            self._complete(message.payload)
            return
        payload = message.payload
        broken = option.start != len(self.body) or (option.more and len(payload) != option.size)
        if broken or message.opt.etag != base.opt.etag or message.code != base.code:
            self.fail("broken: the blocks of the response do not fit together")
        elif len(self.body) + len(payload) > client.body_limit or not client.assemble(len(payload)):
            self.fail("too large: the response has more bytes than CONTENT_SIZE_LIMIT")
        else:
            self.body += payload
            if option.more:
                self._fetch(Block(option.number + 1, False, option.exponent).shrunk(client.exponent))
            else:
                self._complete(bytes(self.body))

    def _complete(self, body: bytes) -> None:
        base, client = self.base, self.client
        assert base is not None
        self._drop_body()
        wants = self.request.observe > 0
        observes = wants and base.opt.observe is not None and base.code.is_successful()
        if observes and not self.is_observed:
            self.sequence, self.heard_at = base.opt.observe, client.table.driver.loop.time()
        self.is_observed = observes
        if observes:
            client.rename(self, self.token)
        else:
            client.forget(self)
        response = coap_message.response_mapping(base, body, self.remote, client.table.driver.limits)
        self._tell(response)

    def _drop_body(self) -> None:
        self.client.assemble(-len(self.body))
        self.body = bytearray()
        self.base = None

    # ------------------------------------------------------------------------------------------ the end

    def fail(self, reason: str) -> None:
        """There will be no response."""
        self.client.forget(self)
        self._tell(Mapping(error=reason))

    def end(self) -> None:
        """Tell the server that its notifications are not wanted any more; its answer is the last response."""
        self.is_ending = True
        self.is_observed = False
        self.request = self.request._replace(observe=0)
        self.send()

    def goodbye(self) -> None:
        """The same, without waiting for an answer."""
        message = self._message(b"")
        message.opt.observe = 1
        message.token, message.mid = self.token, self.client.layer.next_mid(self.remote)
        message.mtype = Type.NON
        self.client.transmit(self.remote, message.encode())

    def release(self) -> None:
        """Let go of everything."""
        self._settle()
        self._drop_body()

    def _tell(self, response: Mapping) -> None:
        method = coap_message.METHODS_BY_CODE[self.request.content.code]
        response.update(token=self.text, id=self.request.tag, method=method, path=coap_message.path_text(self.path))
        self.client.deliver(response, self.remote)


class CoapClient(CoapSocket):
    """Mode 27, COAP_CLIENT."""

    __slots__ = ("_tokens", "_transfers", "_lookups", "_assembling", "_target", "_connecting",
                 "_secure")

    can_connect = True

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._tokens: dict[tuple[str, bytes], Transfer] = {}
        self._transfers: dict[Transfer, None] = {}
        self._lookups: set[Future[str | None]] = set()
        self._assembling = 0
        self._target: str | None = None
        self._connecting: Handle | None = None
        self._secure: dict[str, None] = {}  # who is spoken to by DTLS

    # -------------------------------------------------------------------------------------- connecting

    def start_connect(self, where: str) -> int:
        if read_target(where) is None:
            return self.problem(errors.EEBADADDR, f"No CoAP address: {where}")
        self._target = where
        self.block()
        self.become(HANDSHAKE)
        self._connecting = self.table.driver.loop.call_soon(self.connected)
        return errors.EESUCCESS

    def target_of(self, where: str) -> tuple[str, int]:
        target = read_target(where)
        return ("", 0) if target is None else (target.host, target.port)

    def permits(self, operation: str, host: str, port: int) -> str | None:
        if operation == "connect" and numeric_address(host, port) is None:  # asked when there is an address
            permissions = self.table.driver.permissions
            return None if permissions.allows_lookup(host) else permissions.refusal
        return super().permits(operation, host, port)

    def may_wake(self) -> bool:
        return bool(self._transfers or self._lookups) and self.state is not CLOSED

    # ----------------------------------------------------------------------------------------- requests

    def write(self, message: Value, address: str | None) -> int:
        where = self._target if address is None else address
        if where is None:
            return errors.EENOADDR
        target = read_target(where)
        if target is None:
            return self.problem(errors.EEBADADDR, f"No CoAP address: {where}")
        if target.is_secure and self.dtls is None:
            return self.problem(errors.EEMODENOTSUPP, "coaps: without a key in COAP_PSK there is no DTLS")
        request = coap_message.read_request(message, self.table.driver.limits)
        if isinstance(request, int):
            return request
        if len(self._transfers) + len(self._lookups) >= MOST or self.layer.queued > self.high_water:
            return self.refused()
        numeric = numeric_address(target.host, target.port)
        if numeric is None:
            return self._look_up(target, request)
        refusal = self.permits("connect", numeric.host, target.port)
        if refusal is not None:
            return self.problem(errors.EESECURITY, refusal)
        return self._begin(target, request, numeric.host)

    def _look_up(self, target: Target, request: Request) -> int:
        """Find the address of a name, then go on."""
        driver = self.table.driver
        if not driver.permissions.allows_lookup(target.host):
            return self.problem(errors.EESECURITY, driver.permissions.refusal)
        if len(self._lookups) >= LOOKUPS:
            return self.refused()
        found = driver.loop.run_in_executor(None, address_of, target.host)
        self._lookups.add(found)
        self.update_liveness()
        found.add_done_callback(partial(self._found, target, request))
        return errors.EESUCCESS

    def _found(self, target: Target, request: Request, found: Future[str | None]) -> None:
        if found not in self._lookups:
            return
        self._lookups.discard(found)
        self.update_liveness()
        host, permissions = found.result(), self.table.driver.permissions
        remote = f"{target.host} {target.port}"
        if host is None:
            reason = f"unknown: there is no host {target.host}"
        elif not permissions.allows_net(target.host, target.port, host):
            reason = permissions.refusal
        elif self._begin(target, request, host) > 0:
            return
        else:
            reason = self.last_error
        self.report(remote, reason, id=request.tag, token=request.token)

    def _begin(self, target: Target, request: Request, host: str) -> int:
        if ip_address(host.partition("%")[0]).is_multicast:
            return self.problem(errors.EEBADADDR, f"{host} is a group, and groups are not asked")
        remote = "{} {}".format(*shown_address((host, target.port)))
        token = bytes.fromhex(request.token) if _is_token(request.token) else b""
        if request.token and not token:
            return self.problem(errors.EEBADDATA, "A token is 1 to 8 bytes in hexadecimal digits")
        known = self._tokens.get((remote, token)) if token else None
        if request.observe < 0:
            if known is None or not known.is_observed:
                return self.problem(errors.EENOTCONN, f"Nothing of {remote} is observed with this token")
            known.end()
            return errors.EESUCCESS
        if known is not None:
            return self.problem(errors.EEALREADY, "The token is in use")
        if not self._open():
            return errors.EESOCKET
        if not self._is_way_free(remote, is_secure=target.is_secure):
            return self.problem(errors.EEALREADY, f"{remote} is spoken to by {'CoAP' if target.is_secure else 'DTLS'}")
        transfer = Transfer(self, remote, request, target, token or secrets.token_bytes(8))
        if not _fits(transfer):
            return self.problem(errors.EEBADDATA, "Path and query are too long")
        self._transfers[transfer] = None
        self._tokens[remote, transfer.token] = transfer
        self.update_liveness()
        transfer.send()
        return self.taken(self.layer.queued)

    def _is_way_free(self, remote: str, *, is_secure: bool) -> bool:
        """Whether an address may be spoken to in this way: it is one for all that is asked at a time."""
        if is_secure == (remote in self._secure):
            return True
        busy = {transfer.remote for transfer in self._transfers}
        if remote in busy:
            return False
        if not is_secure:
            del self._secure[remote]
            return True
        if len(self._secure) >= MOST:  # fewer than MOST are busy
            del self._secure[next(other for other in self._secure if other not in busy)]
        self._secure[remote] = None
        return True

    def transmit(self, remote: str, packet: bytes) -> None:
        if remote in self._secure and self.dtls is not None:
            self.dtls.write(remote, packet)
        else:
            self.put(remote, packet)

    def take(self, packet: bytes, sender: Sockaddr) -> None:
        remote = "{} {}".format(*shown_address(sender))
        if remote in self._secure and self.dtls is not None:
            self.dtls.take(remote, packet)
        else:
            self.understand(packet, remote)

    def on_session_lost(self, remote: str, reason: str) -> None:
        for transfer in [transfer for transfer in self._transfers if transfer.remote == remote]:
            transfer.fail(reason)

    def _open(self) -> bool:
        """Have a port to send from and to hear at, of both families where there are both."""
        if self._mine is not None:
            return True
        for host in ("::", "0.0.0.0"):
            address = numeric_address(host, 0)
            assert address is not None
            try:
                wire = self._wire_of(address.family)
                wire.bind(address.sockaddr)
            except OSError as error:
                self.last_error = f"No port to send from: {error.strerror}"
                continue
            self._mine = shown_address(wire.getsockname())
            self.table.driver.loop.add_reader(wire.fileno(), self._receive)
            if self.state is UNBOUND:
                self.become(BOUND)
            return True
        return False

    # ---------------------------------------------------------------------------------------- responses

    def on_response(self, message: Message, remote: str) -> None:
        transfer = self._tokens.get((remote, message.token))
        if transfer is None:
            if message.mtype is not Type.ACK:
                self.refuse_message(message, remote)
            return
        if message.mtype is Type.CON:
            self.layer.answer(remote, message.mid, empty(Type.ACK, message.mid))
        transfer.receive(message)

    # --------------------------------------------------------------------------- what transfers ask for

    def suspect(self, remote: str) -> None:
        """An address does not answer: if it has forgotten its session, the next request makes another."""
        if remote in self._secure and self.dtls is not None:
            self.dtls.drop(remote)

    def rename(self, transfer: Transfer, token: bytes) -> None:
        """A transfer is known by another token from now on; by its own as well where it observes."""
        if transfer.block_token != transfer.token:
            self._tokens.pop((transfer.remote, transfer.block_token), None)
        elif token != transfer.token and transfer.request.observe <= 0:
            self._tokens.pop((transfer.remote, transfer.token), None)
        transfer.block_token = token
        self._tokens[transfer.remote, token] = transfer

    def forget(self, transfer: Transfer) -> None:
        """A transfer has ended."""
        if transfer not in self._transfers:
            return
        del self._transfers[transfer]
        for token in (transfer.token, transfer.block_token):
            if self._tokens.get((transfer.remote, token)) is transfer:
                del self._tokens[transfer.remote, token]
        transfer.release()
        self.update_liveness()
        if self._owes_write or self._blocked:
            self.table.driver.loop.call_soon(self.drained)

    def assemble(self, size: int) -> bool:
        """Account for bytes that wait for the rest of their body: whether there is room for them."""
        if size > 0 and self._assembling + size > ASSEMBLING:
            return False
        self._assembling += size
        return True

    def drained(self) -> None:
        if self.state is DATA_XFER or self.state is BOUND:
            super().drained()

    def shut(self, *, flush: bool) -> bool:
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        lookups, self._lookups = self._lookups, set()
        for lookup in lookups:
            lookup.cancel()
        self.layer.close()  # or what is given up now would let others begin
        for transfer in list(self._transfers):
            if transfer.is_observed:
                transfer.goodbye()
            transfer.release()
        self._transfers.clear()
        self._tokens.clear()
        return super().shut(flush=flush)


def _is_token(text: str) -> bool:
    return 0 < len(text) <= 16 and len(text) % 2 == 0 and all(digit in "0123456789abcdef" for digit in text)


def _fits(transfer: Transfer) -> bool:
    """Whether what stands beside the payload leaves room for it."""
    probe = transfer.request.content.message(body=b"")
    probe.opt.uri_path, probe.opt.uri_query = transfer.path, transfer.query
    probe.mtype, probe.mid = Type.NON, 0
    return len(probe.encode()) <= LARGEST_HEAD
