"""Mode 26: a CoAP server. Requests are mappings, so are answers.

    read(fd, request, address)              what it returns, if anything, is the answer
    socket_write(fd, answer, address)       or it comes later: by "token" or "id", else to the oldest request
    socket_write(fd, (["path": p, …]))      tells everybody who observes a path

Rules:
- A request that is not answered at once is acknowledged after PATIENCE, so that it is not sent again. One that
  is not answered within HTTP_TIMEOUT gets 5.03, one whose handler fails or is missing gets 5.00.
- Blocks are put together and cut here: LPC sees bodies.
- `MOST_ASKED` requests at most wait for LPC, MOST_OF_ONE of one address, MOST_OF_HOST of one host; more are told
  5.03.
- A host that would be sent much more than it sent has to show first that it is there (`Allowance`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from aiocoap.message import Message
from aiocoap.numbers.codes import Code
from aiocoap.numbers.types import Type

from efuns.sockets import errors, options
from efuns.sockets.base import UNBOUND
from efuns.sockets.coap import message as coap_message
from efuns.sockets.coap.blocks import Block, Bodies, Key, UploadError, Uploads, block_of, key_of, wanted_block
from efuns.sockets.coap.exchange import Allowance
from efuns.sockets.coap.message import Content, MalformedError, Reply, empty, text_content
from efuns.sockets.coap.observe import Observer, Observers
from efuns.sockets.coap.socket import CoapSocket
from efuns.sockets.wire import Sockaddr, shown_address
from lpc.runtime.values import Buffer, Mapping, Value

if TYPE_CHECKING:
    from asyncio import TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.objects import LPCObject

PATIENCE: Final = 0.1
MOST_ASKED: Final = 1024
MOST_OF_ONE: Final = 64
MOST_OF_HOST: Final = 256
LARGEST_HEAD: Final = 1024  # of what we say beside a payload
_SAFE: Final = frozenset({"GET", "FETCH"})


class Asked:
    """A request that waits for its answer."""

    __slots__ = ("number", "remote", "message", "method", "path", "key", "block1", "block2", "is_confirmable",
                 "is_acknowledged", "is_over", "timer", "deadline")

    def __init__(self, remote: str, message: Message) -> None:
        self.number = 0
        self.remote = remote
        self.message = message
        self.method = coap_message.method_of(message)
        self.path = ""
        self.key: Key = ()
        self.block1: Block | None = None
        self.block2: Block | None = None
        self.is_confirmable = message.mtype is Type.CON
        self.is_acknowledged = self.is_over = False
        self.timer: TimerHandle | None = None
        self.deadline: TimerHandle | None = None

    @property
    def token(self) -> bytes:
        """The client's name for it."""
        return bytes(self.message.token)


class CoapServer(CoapSocket):
    """Mode 26, COAP_SERVER."""

    __slots__ = ("_asked", "_of_remote", "_hosts", "_numbers", "_count", "_current", "_uploads", "_bodies",
                 "_observers", "_allowance")

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        now = table.driver.loop.time
        self._asked: dict[tuple[str, bytes], Asked] = {}
        self._of_remote: dict[str, dict[Asked, None]] = {}
        self._hosts: Counter[str] = Counter()
        self._numbers: dict[int, Asked] = {}
        self._count = 0
        self._current: Asked | None = None  # the one whose handler runs
        self._uploads = Uploads(now)
        self._bodies = Bodies(now)
        self._observers = Observers(self.layer, self.transmit, now, self._observer_lost)
        self._allowance = Allowance(now)

    # ----------------------------------------------------------------------------------------- requests

    def on_request(self, message: Message, remote: str, size: int) -> None:
        asked = Asked(remote, message)
        host = _host_of(remote)
        if not _is_here(host) and not self._allowance.received(host, size) and not self._has_proof(message, host):
            challenge = text_content(Code.UNAUTHORIZED).message()
            challenge.opt.echo = self._allowance.echo(host)
            self._respond(asked, challenge)
        elif not asked.method:
            self._refuse(asked, Code.METHOD_NOT_ALLOWED)
        elif self._is_too_much(remote, host):
            self._refuse(asked, Code.SERVICE_UNAVAILABLE, "too many requests wait")
        else:
            self._take(asked)

    def _is_too_much(self, remote: str, host: str) -> bool:
        return (len(self._asked) >= MOST_ASKED or self._hosts[host] >= MOST_OF_HOST
                or len(self._of_remote.get(remote, ())) >= MOST_OF_ONE)

    def _has_proof(self, message: Message, host: str) -> bool:
        if message.opt.echo != self._allowance.echo(host):
            return False
        self._allowance.prove(host)
        return True

    def _take(self, asked: Asked) -> None:
        """Find out what a request is about: a block of something, an observer's end, or something for LPC."""
        message, remote = asked.message, asked.remote
        asked.key = key_of(remote, message)
        asked.path = coap_message.path_text(message.opt.uri_path)
        asked.block1, asked.block2 = block_of(message.opt.block1), block_of(message.opt.block2)
        body = message.payload
        if asked.block1 is not None:
            try:
                whole = self._uploads.add(asked.key, asked.block1, body, self.body_limit)
            except UploadError as error:
                self._refuse_block(asked, error.code)
                return
            if whole is None:
                self._respond(asked, self._with_block1(asked, text_content(Code.CONTINUE).message(), more=True))
                return
            body = whole
        if asked.block2 is not None and asked.block2.number:
            further = self._bodies.next(asked.key, wanted_block(asked.block2, self.exponent))
            if further is not None:
                self._respond(asked, further)
                return
            if asked.method not in _SAFE:
                self._refuse(asked, Code.REQUEST_ENTITY_INCOMPLETE)
                return
        if message.opt.observe == 1:
            former = self._observers.find(remote, asked.token)
            if former is not None:
                self._observers.remove(former)
        self._ask(asked, body)

    def _ask(self, asked: Asked, body: bytes) -> None:
        """Call LPC."""
        former = self._asked.get((asked.remote, asked.token))
        if former is not None:  # the client has given its token to something else
            self._forget(former)
        self._count += 1
        asked.number = self._count
        self._remember(asked)
        driver, callback = self.table.driver, self.read_callback
        request = coap_message.request_mapping(asked.message, body, asked.number, asked.remote, driver.limits)
        handler = callback.entry(3) if callback is not None else None
        if callback is None or handler is None:
            if callback is not None:
                self._unheard(callback)
            self._refuse(asked, Code.INTERNAL_SERVER_ERROR)
            return
        self._current = asked
        result = self.table.enter(handler, 0, self.fd, request, asked.remote)
        self._current = None
        if asked.is_over or not self.is_open:
            return
        if result is None:
            self._refuse(asked, Code.INTERNAL_SERVER_ERROR)
        elif isinstance(result, (Mapping, str, Buffer, list)):
            if self._answer(asked, result) < 0:
                self.table.log_once(f"{self.owner.name}: the answer to {asked.method} {asked.path} cannot be sent")
                self._refuse(asked, Code.INTERNAL_SERVER_ERROR)
        else:
            loop = driver.loop
            if asked.is_confirmable:
                asked.timer = loop.call_later(PATIENCE, self._acknowledge, asked)
            asked.deadline = loop.call_later(self.answer_seconds, self._refuse, asked, Code.SERVICE_UNAVAILABLE,
                                             "no answer in time")

    def _remember(self, asked: Asked) -> None:
        self._asked[asked.remote, asked.token] = asked
        self._numbers[asked.number] = asked
        self._of_remote.setdefault(asked.remote, {})[asked] = None
        self._hosts[_host_of(asked.remote)] += 1

    def _forget(self, asked: Asked) -> None:
        asked.is_over = True
        for timer in (asked.timer, asked.deadline):
            if timer is not None:
                timer.cancel()
        if self._numbers.pop(asked.number, None) is not None:
            del self._asked[asked.remote, asked.token]
            others = self._of_remote[asked.remote]
            del others[asked]
            if not others:
                del self._of_remote[asked.remote]
            host = _host_of(asked.remote)
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def _acknowledge(self, asked: Asked) -> None:
        """Say that the answer will take a while."""
        asked.is_acknowledged = True
        self.layer.answer(asked.remote, asked.message.mid, empty(Type.ACK, asked.message.mid))

    # ------------------------------------------------------------------------------------------ answers

    def write(self, message: Value, address: str | None) -> int:
        if self.state is UNBOUND:
            return errors.EENOTCONN
        if not isinstance(message, (Mapping, str, Buffer, list)):
            return errors.EETYPENOTSUPP
        if address is not None and self.address_of(address) is None:
            return errors.EEBADADDR
        if self.layer.queued > self.high_water:
            return self.refused()
        fields = message if isinstance(message, Mapping) else Mapping()
        asked = self._asked_by(fields, address)
        if asked is not None:
            return self._answer(asked, message)
        observers = self._observers_by(fields, address)
        if observers is None:
            return self.problem(errors.EENOTCONN, f"No request from {address} waits for this answer")
        return self._notify(observers, fields)

    def _asked_by(self, fields: Mapping, address: str | None) -> Asked | None:
        """The request an answer belongs to."""
        number, token = fields.get("id", 0), fields.get("token", "")
        if isinstance(number, int) and number:
            return self._numbers.get(number)
        current = self._current
        here = current is not None and not current.is_over and address in (None, current.remote)
        if isinstance(token, str) and token:
            remote = current.remote if current is not None and address is None else address
            return self._asked.get((remote or "", _token_of(token)))
        if here and (address is not None or "path" not in fields):
            return current
        return next(iter(self._of_remote.get(address, ())), None) if address is not None else None

    def _observers_by(self, fields: Mapping, address: str | None) -> list[Observer] | None:
        """Whom a notification is for; None where it is none."""
        path, token = fields.get("path", 0), fields.get("token", "")
        if address is None:
            return self._observers.of_path(path) if isinstance(path, str) else None
        found = self._observers.find(address, _token_of(token)) if isinstance(token, str) else None
        return None if found is None else [found]

    def _answer(self, asked: Asked, message: Value) -> int:
        """Answer a request."""
        reply = coap_message.read_reply(message, asked.method, self.table.driver.limits)
        if isinstance(reply, int):
            return reply
        if not _fits(reply.content):
            return self.problem(errors.EEBADDATA, "The options of the answer are too long")
        response = self._bodies.first(asked.key, reply.content, wanted_block(asked.block2, self.exponent),
                                      asked=asked.block2 is not None)
        if response is None:
            self._refuse(asked, Code.BAD_REQUEST, "there is no such block")
            return errors.EESUCCESS
        if reply.observe and asked.message.opt.observe == 0 and asked.method in _SAFE and response.code.is_successful():
            observer = self._observers.add(asked.remote, asked.token, asked.path, asked.message)
            if observer is not None:
                response.opt.observe = observer.sequence
        if asked.block1 is not None:
            self._with_block1(asked, response, more=False)
        self._respond(asked, response, is_confirmable=reply.is_confirmable)
        return self.taken(self.layer.queued)

    def _notify(self, observers: list[Observer], fields: Mapping) -> int:
        """Tell observers."""
        reply = coap_message.read_reply(fields, "GET", self.table.driver.limits)
        if isinstance(reply, int):
            return reply
        if not _fits(reply.content):
            return self.problem(errors.EEBADDATA, "The options of the answer are too long")
        for observer in observers:
            self._tell(observer, reply)
        return errors.EESUCCESS

    def _tell(self, observer: Observer, reply: Reply) -> None:
        request = observer.request
        block = wanted_block(block_of(request.opt.block2), self.exponent)
        message = self._bodies.first(key_of(observer.remote, request), reply.content, Block(0, False, block.exponent),
                                     asked=False)
        assert message is not None  # every body has a first block
        if message.code.is_successful():
            self._observers.notify(observer, message, is_confirmable=reply.is_confirmable is not False)
            return
        self._observers.remove(observer)  # RFC 7641 4.2: an error is the last
        self._send_new(observer.remote, observer.token, message, is_confirmable=True)

    def _with_block1(self, asked: Asked, response: Message, *, more: bool) -> Message:
        """Tell the client how far its body has come, and which size of blocks we like."""
        assert asked.block1 is not None
        response.opt.block1 = (asked.block1.number, more, min(asked.block1.exponent, self.exponent))
        return response

    def _refuse(self, asked: Asked, code: int, text: str = "") -> None:
        """Answer in LPC's place."""
        response = text_content(code, text).message()
        if asked.block1 is not None:
            self._with_block1(asked, response, more=False)
        self._respond(asked, response)

    def _refuse_block(self, asked: Asked, code: int) -> None:
        response = self._with_block1(asked, text_content(code).message(), more=False)
        if code == Code.REQUEST_ENTITY_TOO_LARGE:
            response.opt.size1 = self.body_limit
        self._respond(asked, response)

    def _respond(self, asked: Asked, response: Message, *, is_confirmable: bool | None = None) -> None:
        """Send the answer: with the acknowledgement where that is still owed (RFC 7252 5.2)."""
        self._forget(asked)
        mid = asked.message.mid
        is_unwanted = bool((asked.message.opt.no_response or 0) & 1 << response.code.class_ - 1)  # RFC 7967
        if asked.is_confirmable and not asked.is_acknowledged:
            if is_unwanted:
                self.layer.answer(asked.remote, mid, empty(Type.ACK, mid))
                return
            response.token, response.mid, response.mtype = asked.token, mid, Type.ACK
            self.layer.answer(asked.remote, mid, response.encode())
        elif not is_unwanted:
            confirms = asked.is_confirmable if is_confirmable is None else is_confirmable
            self._send_new(asked.remote, asked.token, response, is_confirmable=confirms,
                           number=asked.number, path=asked.path)

    def _send_new(self, remote: str, token: bytes, message: Message, *, is_confirmable: bool, number: int = 0,
                  path: str = "") -> None:
        """Send a message of its own."""
        mid = self.layer.next_mid(remote)
        message.token, message.mid, message.mtype = token, mid, Type.CON if is_confirmable else Type.NON
        packet = message.encode()
        if not is_confirmable:
            self.transmit(remote, packet)
            return

        def arrived(reason: str) -> None:
            if reason and number:
                self.report(remote, reason, token=token.hex(), id=number, path=path)
            if not self.layer.queued:
                self.drained()

        self.layer.confirm(remote, mid, packet, arrived)

    # ------------------------------------------------------------------------------- what else happens

    def transmit(self, remote: str, packet: bytes) -> None:
        host = _host_of(remote)
        if not _is_here(host):
            self._allowance.sent(host, len(packet))
        if self.dtls is None:
            self.put(remote, packet)
        elif self.dtls.has(remote):
            self.dtls.write(remote, packet)

    def take(self, packet: bytes, sender: Sockaddr) -> None:
        if self.dtls is None:
            super().take(packet, sender)
        else:
            self.dtls.take("{} {}".format(*shown_address(sender)), packet)

    def on_secret(self, remote: str, packet: bytes) -> None:
        self._allowance.prove(_host_of(remote))
        self.understand(packet, remote)

    def on_session_lost(self, remote: str, reason: str) -> None:
        for observer in self._observers.all():
            if observer.remote == remote:
                self._observers.remove(observer)
                self._observer_lost(observer, reason)

    def on_malformed(self, error: MalformedError, remote: str) -> None:
        if not error.answer or not error.is_request or error.mtype != Type.CON:
            super().on_malformed(error, remote)
        elif not self.layer.is_duplicate(remote, error.mid):
            response = text_content(error.answer).message()
            response.token, response.mid, response.mtype = error.token, error.mid, Type.ACK
            if error.answer == Code.REQUEST_ENTITY_TOO_LARGE:
                response.opt.block1 = (0, True, self.exponent)
            self.layer.answer(remote, error.mid, response.encode())

    def on_reset(self, remote: str, mid: int) -> None:
        self._observers.reset(remote, mid)

    def _observer_lost(self, observer: Observer, reason: str) -> None:
        self.report(observer.remote, reason, token=observer.token.hex(), path=observer.path, observe=-1)

    def option_set(self, number: int, value: Value) -> None:
        if number == options.COAP_OBSERVERS:
            self._observers.most = value
        else:
            super().option_set(number, value)

    def get_option(self, number: int) -> Value | None:
        if number == options.COAP_OBSERVERS:
            return self._observers.most
        return super().get_option(number)

    def shut(self, *, flush: bool) -> bool:
        self.layer.close()  # or what is given up now would let others begin
        for asked in list(self._numbers.values()):
            self._respond(asked, _goodbye(), is_confirmable=False)
        for observer in self._observers.all():
            self._send_new(observer.remote, observer.token, _goodbye(), is_confirmable=False)
        self._observers.clear()
        self._uploads.clear()
        self._bodies.clear()
        return super().shut(flush=flush)


def _goodbye() -> Message:
    return text_content(Code.SERVICE_UNAVAILABLE, "the server ends").message()


def _host_of(remote: str) -> str:
    return remote.rpartition(" ")[0]


def _is_here(host: str) -> bool:
    """Whether packets of the host come from this machine: nobody else can send them."""
    return host.startswith("127.") or host == "::1"


def _token_of(text: str) -> bytes:
    """A token as LPC writes it; no token is that long where it is none."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b"no token has nine bytes"


def _fits(content: Content) -> bool:
    """Whether what stands beside the payload leaves room for it."""
    probe = content.message(body=b"")
    probe.mtype, probe.mid = Type.NON, 0
    return len(probe.encode()) <= LARGEST_HEAD
