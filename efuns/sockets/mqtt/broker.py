"""Mode 38, MQTT_BROKER: a small broker of MQTT 3.1.1 and 5 in the driver.

    socket_bind(fd, 1883); socket_listen(fd, "may_connect");
    mixed may_connect(int fd, mapping client)       1: yes, 0: no, ([ "publish": filters, "subscribe": filters ])
    socket_write(fd, payload, topic)                the driver itself publishes ...
    socket_write(fd, (["subscribe": filter]))       ... and subscribes: read(fd, message, addr)

Only the listener is an LPC descriptor; the clients are connections behind it. What is remembered of clients
is in store.py, packets in codec.py, another broker in bridge.py. Rules:
- A connection says CONNECT within SO_TIMEOUT (10 s) and something every 1.5 keep-alive times, or is closed.
- What goes to a client is collected and sent once in a turn of the loop. One that reads too slowly is not
  read from either; after STALLED seconds it is closed.
- Nothing here outlives the driver: it is for one machine and for tests.
- Without a callback everybody may connect.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from efuns.sockets import errors, options, tls
from efuns.sockets.base import CLOSED, DATA_XFER, LISTEN, UNBOUND
from efuns.sockets.mqtt import codec
from efuns.sockets.mqtt.bridge import Bridge, read_bridge
from efuns.sockets.mqtt.codec import V5, V311, Connect, Frames, MalformedError
from efuns.sockets.mqtt.message import (
    Publish,
    RefusedError,
    Unsubscribe,
    command,
    message_mapping,
    user_mapping,
)
from efuns.sockets.mqtt.rights import Rights, read_rights
from efuns.sockets.mqtt.store import Caps, Delivery, Ledger, Router, Session
from efuns.sockets.mqtt.topics import is_deep
from efuns.sockets.tcp import STALLED_SECONDS, Stream
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping, Value, truth

if TYPE_CHECKING:
    import socket
    from asyncio import Handle, TimerHandle

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.call import Callback
    from lpc.runtime.objects import LPCObject

CONNECT_SECONDS: Final = 10.0
PAYLOAD: Final = 1 << 20
SESSION_SECONDS: Final = 86_400  # a session is kept unless MQTT_SESSION_EXPIRY says otherwise
_OVERHEAD: Final = 128 << 10  # of a packet: topic and properties
_FIRST_PACKET: Final = 256 << 10  # before anybody is known
_INCOMING: Final = 1000  # messages of QoS 2 a client may have on their way
_OLD_WINDOW: Final = 20  # messages of QoS 1 and 2 on their way to a client of 3.1.1, which cannot say how many it takes
_CLIENT_ID: Final = 256
_FILTERS: Final = 10_000  # of one client
_CONNECTIONS: Final = 1024  # the kernel's queue
_READ: Final = 65_536
_LOCAL: Final = 10_000  # messages and events that wait for LPC
_LOCAL_AT_ONCE: Final = 500

CLIENT_ID_INVALID: Final = 0x85
BAD_PASSWORD: Final = 0x86
NOT_AUTHORIZED: Final = 0x87
SHUTTING_DOWN: Final = 0x8B
BAD_METHOD: Final = 0x8C
KEEP_ALIVE: Final = 0x8D
TAKEN_OVER: Final = 0x8E
RECEIVE_MAXIMUM: Final = 0x93
QUOTA: Final = 0x97
NO_SUBSCRIBERS: Final = 0x10
NO_SUBSCRIPTION: Final = 0x11


class MqttBroker(Stream):
    """The listener, and the broker; see the module."""

    __slots__ = ("router", "ledger", "caps", "sessions", "connections", "limit", "_clients", "_local", "_handle",
                 "_check", "_has_events", "_qos", "_retain", "_bridge", "_asked", "_made_ids", "_leaving")

    can_connect = False
    can_accept = False
    accepts_by_itself = True
    shares_port = False  # of several brokers each would know some of the clients

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket | None = None) -> None:
        super().__init__(table, mode, owner, wire)
        loop = table.driver.loop
        self.caps = Caps()
        self.router = Router(self.caps, loop.time)
        self.ledger = Ledger(self.caps)
        self.sessions: dict[str, Session] = {}
        self.connections: set[Connection] = set()
        self.limit = PAYLOAD + _OVERHEAD
        self._clients: dict[str, Connection] = {}
        self._local = Owner(self)
        self._handle: dict[Session, TimerHandle] = {}  # what ends the sessions of absent clients
        self._check: Callback | None = None
        self._has_events = False
        self._qos = 0
        self._retain = False
        self._bridge: Bridge | None = None
        self._made_ids = 0
        self._leaving: set[TimerHandle] = set()  # wills that wait

    # -------------------------------------------------------------------------------------- the listener

    def set_option(self, number: int, value: Value) -> None:
        if number == options.MQTT_BRIDGE:
            try:
                read_bridge(value)
            except RefusedError as error:
                raise LPCError(f"Bad socket option value for MQTT_BRIDGE: {error.reason}.\n") from None
        super().set_option(number, value)

    def option_set(self, number: int, value: Value) -> None:
        super().option_set(number, value)
        if number == options.MQTT_MAX_SESSIONS:
            self.caps.sessions = value
        elif number == options.MQTT_MAX_RETAINED:
            self.caps.retained = value
        elif number == options.MQTT_MAX_QUEUED:
            self.caps.queued = value
        elif number == options.CONTENT_SIZE_LIMIT:
            self.limit = min(value, self.table.driver.limits.buffer_size) + _OVERHEAD
        elif number == options.MQTT_EVENTS:
            self._has_events = value != 0
        elif number == options.MQTT_QOS:
            self._qos = value
        elif number == options.MQTT_RETAIN:
            self._retain = value != 0

    def get_option(self, number: int) -> Value | None:
        if number == options.SO_DROPPED:
            return self.ledger.dropped + self.router.dropped
        return super().get_option(number)

    def listen(self, callback: Callback | None) -> int:
        code = super().listen(None)
        if code == errors.EESUCCESS:
            self._check = callback
        return code

    def start_listen(self, callback: Callback | None) -> int:
        if all(self.get_option(number) for number in (options.SO_TLS_CERT, options.SO_TLS_KEY)):
            try:
                self._context = tls.server_context(self)
            except OSError as error:
                return self.problem(errors.EELISTEN, tls.explain(error))
            if not self.is_open:  # the master, asked about the files, closed it
                return errors.EEBADF
        code = super().start_listen(callback)
        if code == errors.EESUCCESS:
            self._connection.listen(_CONNECTIONS)
            given = self.get_option(options.MQTT_BRIDGE)
            if given is not None:
                self._bridge = Bridge(self, read_bridge(given))
        return code

    def deliver(self, *args: Value) -> None:
        if not args:  # what a listener says of a connection that waits
            self._accept_here()
        else:
            super().deliver(*args)

    def new_connection(self, owner: LPCObject, wire: socket.socket) -> Stream:
        return Connection(self.table, self.mode, owner, wire)

    def _accept_here(self) -> None:
        most = self.get_option(options.SO_MAX_CONNECTIONS) or self.table.driver.limits.sockets
        if len(self.connections) >= most:
            return  # it waits; the listener looks again
        made = self.take_connection(self.owner)
        if not isinstance(made, Connection):
            return
        asked = [self.fd, self.owner, *(made.addresses()[1] or ("0.0.0.0", 0)), self.mode.number, 0]
        driver = self.table.driver
        allowed = driver.enter(driver.valid, "valid_socket", self.owner, "accept", asked)
        if allowed is None or not truth(allowed) or self.state is not LISTEN:
            made.abort()

    # ---------------------------------------------------------------------------------------- clients

    def admit(self, connection: Connection, request: Connect) -> None:
        """A client wants in: answer its CONNECT."""
        code = self._objection(connection, request)
        if code:
            connection.turn_away(request.version, code)
            return
        if self.state is not LISTEN or not connection.runs:
            return  # the callback closed something
        assigned = ""
        if not request.client_id:
            self._made_ids += 1
            assigned = request.client_id = f"auto-{self._made_ids}"
        former = self._clients.pop(request.client_id, None)
        if former is not None:
            former.bring_down("Another connection has taken the session over", TAKEN_OVER)
        session, is_present = self._session(request)
        if session is None:
            connection.turn_away(request.version, QUOTA)
            return
        self._clients[request.client_id] = connection
        connection.begin(session, request, is_present=is_present, assigned=assigned)
        self.tell(connection, "connect", session_present=int(is_present), version=_version_name(request.version))
        session.resume()

    def _objection(self, connection: Connection, request: Connect) -> int:
        """The reason code a client is refused with, 0 for none."""
        if request.has_auth_method:
            return BAD_METHOD
        if len(request.client_id) > _CLIENT_ID or (request.version == V311 and not request.client_id
                                                   and not request.clean):
            return CLIENT_ID_INVALID
        callback = self._check
        if callback is not None:
            function = callback.entry(2)
            answer = None
            if function is None:
                self._unheard(callback)
            else:
                answer = self.table.enter(function, 0, self.fd, _client_mapping(connection, request))
            rights = read_rights(answer)
            if rights is None:
                return NOT_AUTHORIZED if request.username is None else BAD_PASSWORD
            connection.rights = rights
        will = request.will
        if will is not None and not connection.rights.may_publish(will.topic):
            return NOT_AUTHORIZED
        return 0

    def _session(self, request: Connect) -> tuple[Session | None, bool]:
        """The session of a client, and whether it was there."""
        session = self.sessions.get(request.client_id)
        if session is not None:
            timer = self._handle.pop(session, None)
            if timer is not None:
                timer.cancel()
            if not request.clean:
                return session, True
            session.clear()
            return session, False
        if len(self.sessions) >= self.caps.sessions:
            return None, False
        session = self.sessions[request.client_id] = Session(request.client_id, self.router, self.ledger,
                                                             self.table.driver.loop.time)
        return session, False

    @property
    def session_seconds(self) -> int:
        """How long sessions are kept at the most."""
        value = self.get_option(options.MQTT_SESSION_EXPIRY)
        return SESSION_SECONDS if value is None else value

    def gone(self, connection: Connection, session: Session, will: Publish | None, delay: int, reason: str) -> None:
        """A client's connection has ended."""
        if self._clients.get(session.client_id) is connection:
            del self._clients[session.client_id]
        session.sink = None
        if self.state is not LISTEN:
            return
        loop = self.table.driver.loop
        if not session.expiry:
            self._forget(session)
        else:
            self._handle[session] = loop.call_later(session.expiry, self._forget, session)
        if will is not None and delay and session.expiry:
            self._leaving.add(loop.call_later(min(delay, session.expiry), self._will_if_absent, session, will))
        elif will is not None:
            self.router.publish(will, session)
        self.tell(connection, "disconnect", reason=reason)

    def _forget(self, session: Session) -> None:
        self._handle.pop(session, None)
        session.clear()
        if self.sessions.get(session.client_id) is session:
            del self.sessions[session.client_id]

    def _will_if_absent(self, session: Session, will: Publish) -> None:
        now = self.table.driver.loop.time()
        self._leaving = {handle for handle in self._leaving if handle.when() > now}
        if not session.is_present and self.state is LISTEN:
            self.router.publish(will, session)

    def tell(self, connection: Connection, event: str, **more: Value) -> None:
        """An event, if LPC wants events."""
        if self._has_events:
            self._local.put(Mapping(event=event, client_id=connection.client_id, **more), connection.address)

    def pause(self) -> None:
        """LPC has a lot to read: read nothing more from clients."""
        for connection in self.connections:
            connection.pause()

    def go_on(self) -> None:
        """LPC has caught up."""
        for connection in self.connections:
            connection.go_on()

    @property
    def is_busy(self) -> bool:
        """Whether LPC has a lot to read."""
        return self._local.is_full

    # -------------------------------------------------------------------------- what LPC itself sends

    def write(self, message: Value, address: str | None) -> int:
        if self.state is not LISTEN:
            return errors.EENOTCONN
        try:
            wanted = command(message, address, self._qos, self._retain)
        except RefusedError as error:
            return self.problem(error.code, error.reason)
        if isinstance(wanted, Publish):
            if len(wanted.payload) > self.limit - _OVERHEAD or is_deep(wanted.topic):
                return self.problem(errors.EEBADDATA, "A message larger or a topic deeper than this broker takes")
            self.router.publish(wanted, self._local)
        elif isinstance(wanted, Unsubscribe):
            for name in wanted.filters:
                self._local.filters.discard(name)
                self.router.unsubscribe(self._local, name)
        else:
            if any(is_deep(one.filter) for one in wanted):
                return self.problem(errors.EEBADADDR, "A filter of too many levels")
            if len(self._local.filters) + len(wanted) > _FILTERS:
                return self.problem(errors.EEBADDATA, f"{_FILTERS} subscriptions are the most")
            for one in wanted:
                self._local.filters.add(one.filter)
                is_new = self.router.subscribe(self._local, one)
                if one.retain_handling == 0 or (one.retain_handling == 1 and is_new):
                    self.router.send_retained(self._local, one)
        return errors.EESUCCESS

    # ---------------------------------------------------------------------------------------- the end

    def shut(self, *, flush: bool) -> bool:
        for connection in list(self.connections):
            connection.bring_down("The broker ends", SHUTTING_DOWN)
        for handle in (*self._handle.values(), *self._leaving):
            handle.cancel()
        self._handle.clear()
        self._leaving.clear()
        if self._bridge is not None:
            self._bridge.close()
            self._bridge = None
        self._local.close()
        return super().shut(flush=flush)

    def may_wake(self) -> bool:
        return self.state not in (UNBOUND, CLOSED)


class Owner:
    """LPC as a client of its own broker. Messages wait for the next turn of the loop: no callback runs within
    the socket_write() that caused it."""

    def __init__(self, broker: MqttBroker) -> None:
        self._broker = broker
        self.filters: set[str] = set()
        self._waiting: deque[tuple[Mapping, str]] = deque()
        self._soon: Handle | None = None
        self._is_paused = False

    is_present = True

    def receive(self, delivery: Delivery, qos: int, retain: bool, identifiers: tuple[int, ...]) -> None:
        """A message for LPC."""
        message = delivery.message
        made = message_mapping(message.topic, message.payload, qos, retain, False, 0, message.properties)
        if identifiers:
            made["subscription_ids"] = list(identifiers)
        publisher = delivery.publisher
        sink = publisher.sink if isinstance(publisher, Session) else None
        if isinstance(publisher, Session):
            made["client_id"] = publisher.client_id
        self.put(made, sink.address if isinstance(sink, Connection) else "")

    def put(self, mapping: Mapping, address: str) -> None:
        """Let LPC read something on the next turn of the loop."""
        if len(self._waiting) >= 2 * _LOCAL:
            self._broker.ledger.dropped += 1
            return
        self._waiting.append((mapping, address))
        if self._soon is None:
            self._soon = self._broker.table.driver.loop.call_soon(self._hand_over)
        if self.is_full and not self._is_paused:
            self._is_paused = True
            self._broker.pause()

    @property
    def is_full(self) -> bool:
        """Whether a lot waits."""
        return len(self._waiting) >= _LOCAL

    def _hand_over(self) -> None:
        self._soon = None
        waiting, broker = self._waiting, self._broker
        for _ in range(min(len(waiting), _LOCAL_AT_ONCE)):
            broker.deliver(*waiting.popleft())
            if broker.state is not LISTEN:
                return
        if waiting and self._soon is None:
            self._soon = broker.table.driver.loop.call_soon(self._hand_over)
        if self._is_paused and len(waiting) < _LOCAL // 2:
            self._is_paused = False
            broker.go_on()

    def close(self) -> None:
        """Nothing more."""
        self._waiting.clear()
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None


class Connection(Stream):
    """One client's connection."""

    __slots__ = ("_broker", "_session", "_frames", "_aliases", "_out", "_pending", "_flushing", "_heard", "_patience",
                 "_watch", "_stalled", "_will", "_will_delay", "_is_reading", "version", "window", "packet_size",
                 "rights", "client_id", "address")

    can_connect = can_listen = can_accept = False

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject, wire: socket.socket) -> None:
        super().__init__(table, mode, owner, wire)
        self._broker: MqttBroker | None = None
        self._session: Session | None = None
        self._frames = Frames(_FIRST_PACKET)
        self._aliases: dict[int, str] = {}
        self._out: list[bytes] = []
        self._pending = 0
        self._flushing: Handle | None = None
        self._heard = 0.0
        self._patience = CONNECT_SECONDS
        self._watch: TimerHandle | None = None
        self._stalled: TimerHandle | None = None
        self._will: Publish | None = None
        self._will_delay = 0
        self._is_reading = True
        self.version = V311
        self.window = 65535
        self.packet_size = 268_435_455
        self.rights = Rights()
        self.client_id = ""
        self.address = ""

    def _begin(self, listener: Stream, peer: tuple[str, int]) -> None:
        assert isinstance(listener, MqttBroker)
        self._broker = listener
        listener.connections.add(self)
        self.address = f"{peer[0]} {peer[1]}"
        super()._begin(listener, peer)
        self.set_option(options.SO_NODELAY, 1)
        timeout = self.get_option(options.SO_TIMEOUT)
        self._patience = timeout / 1000 if timeout else CONNECT_SECONDS
        self._heard = self._loop.time()
        self._watch = self._loop.call_later(self._patience, self._look)
        if listener.is_busy:
            self.pause()

    # ---------------------------------------------------------------------------------------- reading

    def _readable(self) -> None:
        # Without the base's question after each read whether the connection has broken meanwhile: the next
        # read or write will tell.
        if self._tls is not None or self.state is not DATA_XFER:
            super()._readable()
            return
        try:
            data = self._connection.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lost(error)
            return
        if data:
            self.received(data)
        else:
            self._end()

    def received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        try:
            if self._session is None and not self._frames.is_partial and data[0] != codec.CONNECT << 4:
                raise MalformedError("The first packet is no CONNECT", codec.PROTOCOL_ERROR)
            for first, body in self._frames.feed(data):
                if first >> 4 == codec.PUBLISH and self._session is not None:
                    self._take_message(self._session, first, body)
                else:
                    self._take_packet(codec.check_flags(first), body)
                if not self.runs:
                    return
        except MalformedError as error:
            if self._session is None and error.code == codec.UNSUPPORTED_VERSION:
                self.put(codec.encode_connack(V311, error.code))
            self.bring_down(f"The client sent what is no MQTT: {error}", error.code)

    def _take_packet(self, kind: int, body: bytes) -> None:
        session = self._session
        if session is None:
            if kind != codec.CONNECT or self._broker is None:
                raise MalformedError("The first packet is no CONNECT", codec.PROTOCOL_ERROR)
            self._broker.admit(self, codec.decode_connect(body))
        elif kind == codec.PUBACK:
            session.acknowledged(codec.decode_ack(kind, body, self.version)[0])
        elif kind == codec.PUBREC:
            number, code = codec.decode_ack(kind, body, self.version)
            answer = session.received(number, code)
            if answer is not None:
                self.put(codec.encode_ack(codec.PUBREL, number, answer, self.version))
        elif kind == codec.PUBREL:
            number = codec.decode_ack(kind, body, self.version)[0]
            code = 0 if number in session.incoming else _NOT_FOUND
            session.incoming.discard(number)
            self.put(codec.encode_ack(codec.PUBCOMP, number, code, self.version))
        elif kind == codec.PUBCOMP:
            session.completed(codec.decode_ack(kind, body, self.version)[0])
        elif kind == codec.PINGREQ:
            if body:
                raise MalformedError("A PINGREQ with bytes left over")
            self.put(codec.encode_pingresp())
        elif kind == codec.SUBSCRIBE:
            self._subscribe(session, body)
        elif kind == codec.UNSUBSCRIBE:
            self._unsubscribe(session, body)
        elif kind == codec.DISCONNECT:
            self._disconnect(session, body)
        else:
            raise MalformedError("A packet that has no place there", codec.PROTOCOL_ERROR)

    def _take_message(self, session: Session, first: int, body: bytes) -> None:
        broker = self._broker
        assert broker is not None
        message, number, _ = codec.decode_publish(first, body, self.version, self._aliases)
        qos = message.qos
        code = 0
        if not self.rights.may_publish(message.topic):
            code = NOT_AUTHORIZED
        elif is_deep(message.topic):
            code = codec.TOPIC_NAME_INVALID
        elif message.retain and message.payload and not broker.router.can_retain(message.topic):
            code = QUOTA
        if qos == 2:
            self._take_exactly_once(broker, session, message, number, code)
            return
        if code:
            broker.ledger.dropped += 1
        elif not broker.router.publish(message, session):
            code = NO_SUBSCRIBERS
        if qos:
            self.put(codec.encode_ack(codec.PUBACK, number, code, self.version))

    def _take_exactly_once(self, broker: MqttBroker, session: Session, message: Publish, number: int, code: int,
                           ) -> None:
        if number not in session.incoming:
            if code:
                broker.ledger.dropped += 1
            else:
                if len(session.incoming) >= _INCOMING:
                    raise MalformedError("More messages of QoS 2 on their way than a client may have", RECEIVE_MAXIMUM)
                session.incoming.add(number)
                broker.router.publish(message, session)
        else:
            code = 0
        if code and self.version == V311:  # which knows no refusal: the client goes on as if it were taken
            session.incoming.add(number)
        self.put(codec.encode_ack(codec.PUBREC, number, code, self.version))

    def _subscribe(self, session: Session, body: bytes) -> None:
        number, wanted = codec.decode_subscribe(body, self.version)
        codes = []
        for one in wanted:
            if not one.filter or is_deep(one.filter):
                codes.append(codec.TOPIC_FILTER_INVALID)
            elif not self.rights.may_subscribe(one.filter):
                codes.append(NOT_AUTHORIZED)
            elif len(session.filters) >= _FILTERS and one.filter not in session.filters:
                codes.append(QUOTA)
            else:
                codes.append(one.qos)
        self.put(codec.encode_suback(number, codes, self.version))
        granted = [one for one, code in zip(wanted, codes) if code <= 2]
        for one in granted:
            session.subscribe(one)
        if self._broker is not None:
            self._broker.tell(self, "subscribe", filters=[one.filter for one in granted])

    def _unsubscribe(self, session: Session, body: bytes) -> None:
        number, filters = codec.decode_unsubscribe(body, self.version)
        codes = [0 if session.unsubscribe(name) else NO_SUBSCRIPTION for name in filters]
        self.put(codec.encode_unsuback(number, codes, self.version))
        if self._broker is not None:
            self._broker.tell(self, "unsubscribe", filters=list(filters))

    def _disconnect(self, session: Session, body: bytes) -> None:
        said = codec.decode_disconnect(body, self.version)
        if said.expiry is not None and self._broker is not None:
            if said.expiry and not session.expiry:
                raise MalformedError("A session that was to end with its connection", codec.PROTOCOL_ERROR)
            session.expiry = min(said.expiry, self._broker.session_seconds)
        if said.code != _WITH_WILL:
            self._will = None
        self._part("The client disconnected")
        self.close()

    # --------------------------------------------------------------------------------------- a client

    def begin(self, session: Session, request: Connect, *, is_present: bool, assigned: str) -> None:
        """Be the connection of a session."""
        broker = self._broker
        assert broker is not None
        self._session, session.sink = session, self
        self.client_id, self.version = request.client_id, request.version
        self.window = request.window if request.version == V5 else _OLD_WINDOW
        self.packet_size = request.packet_size
        self._will, self._will_delay = request.will, request.will_delay
        self._frames.limit = broker.limit
        session.expiry = min(request.expiry, broker.session_seconds)
        self._patience = request.keep_alive * 1.5
        self._reset_watch()
        properties = b""
        if request.version == V5:
            properties = codec.connack_properties(
                packet_size=broker.limit, window=_INCOMING, client_id=assigned,
                expiry=session.expiry if session.expiry != request.expiry else None)
        self.put(codec.encode_connack(request.version, 0, session_present=is_present, properties=properties))

    def turn_away(self, version: int, code: int) -> None:
        """Answer a CONNECT with no."""
        self.put(codec.encode_connack(version, code))
        self._part("refused")
        self.close()

    def bring_down(self, reason: str, code: int) -> None:
        """End the connection, and say why where the client understands it."""
        if not self.runs:
            return
        if self._session is not None and self.version == V5:
            self.put(codec.encode_disconnect(code))
        self._part(reason)
        self.close()

    def fail(self, reason: str, code: int) -> None:
        self._part(reason)
        super().fail(reason, code)

    def abort(self) -> None:
        self._part("The driver ends")
        super().abort()

    def _part(self, reason: str) -> None:
        """The session goes on without this connection."""
        for timer in (self._watch, self._stalled):
            if timer is not None:
                timer.cancel()
        self._watch = self._stalled = None
        broker, self._broker = self._broker, None
        session, self._session = self._session, None
        if broker is not None:
            broker.connections.discard(self)
            if session is not None:
                broker.gone(self, session, self._will, self._will_delay, reason)

    def _look(self) -> None:
        """Whether the client still speaks."""
        self._watch = None
        silent = self._loop.time() - self._heard
        if self._session is None:
            self.bring_down("No CONNECT came", codec.PROTOCOL_ERROR)
        elif silent >= self._patience and self._is_reading:
            self.bring_down("The client is silent (keep-alive)", KEEP_ALIVE)
        else:
            self._watch = self._loop.call_later(max(self._patience - silent, 0.1), self._look)

    def _reset_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._loop.call_later(self._patience, self._look) if self._patience else None

    # ---------------------------------------------------------------------------------------- writing

    @property
    def is_blocked(self) -> bool:
        """Whether the client reads too slowly for more."""
        return self._blocked

    def put(self, data: bytes) -> None:
        """Send a packet in this turn of the loop."""
        self._out.append(data)
        self._pending += len(data)
        if self._flushing is None:
            self._flushing = self._loop.call_soon(self._flush_later)
        elif self._pending > _READ:
            self._flush()

    def _flush_later(self) -> None:
        self._flushing = None
        self._flush()

    def _flush(self) -> None:
        out, self._out, self._pending = self._out, [], 0
        if out and self.runs:
            self.transmit(out[0] if len(out) == 1 else b"".join(out))
            if self._blocked and self._stalled is None and self._broker is not None:
                self._stalled = self._loop.call_later(STALLED_SECONDS, self._is_stalled, self.queued)
                self.pause()

    def drained(self) -> None:
        super().drained()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
            self.go_on()
        if self._session is not None:
            self._session.pump()

    def _is_stalled(self, queued: int) -> None:
        self._stalled = None
        if self.queued < queued:
            self._stalled = self._loop.call_later(STALLED_SECONDS, self._is_stalled, self.queued)
        else:
            self.fail("The client reads nothing", errors.EESEND)

    def pause(self) -> None:
        """Read nothing more."""
        if self._is_reading and self.state is DATA_XFER:
            self._is_reading = False
            self._loop.remove_reader(self._connection.fileno())

    def go_on(self) -> None:
        """Read again, if nothing speaks against it."""
        if not self._is_reading and self.state is DATA_XFER and self._stalled is None and self._broker is not None \
                and not self._broker.is_busy:
            self._is_reading = True
            self._heard = self._loop.time()
            self._loop.add_reader(self._connection.fileno(), self._readable)

    def farewell(self) -> bytes:
        data = b"".join(self._out)
        self._out.clear()
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        return data


_WITH_WILL: Final = 4
_NOT_FOUND: Final = 0x92


def _client_mapping(connection: Connection, request: Connect) -> Mapping:
    """A client for the callback that says whether it may connect."""
    made = Mapping(client_id=request.client_id, addr=connection.address, version=_version_name(request.version),
                   clean=int(request.clean), tls=int(connection._tls is not None))
    if request.username is not None:
        made["username"] = request.username
    if request.password is not None:
        try:
            made["password"] = request.password.decode()
        except UnicodeDecodeError:
            made["password"] = Buffer(request.password)
    if request.will is not None:
        made["will_topic"] = request.will.topic
    if request.user:
        made["user_properties"] = user_mapping(request.user)
    return made


def _version_name(version: int) -> str:
    return "5" if version == V5 else "3.1.1"
