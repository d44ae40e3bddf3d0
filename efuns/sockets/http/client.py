"""Modes 22 and 23: HTTP clients. A request is a mapping, so is its answer.

A socket is connected to one host; requests of an absolute "url" may go to others. Each request under way is a task, at
most SO_CONNECTION_POOL of them; a task that has its answer goes on with the next request of the queue. The exchange
itself is http_agent's.

Rules:
- socket_connect() opens a connection and keeps it for the first request: what is wrong with host, port or
  certificate is known before the write callback runs.
- Answers come in the order they arrive, not in that of the requests; "id" tells which is which.
- An exchange that fails ends the socket, by the third callback: a truncated answer is no answer.
- socket_close() lets requests that change something (POST and others) still leave, and drops all answers.
- A socket without anything under way keeps no process alive: no server speaks unasked.
"""

from __future__ import annotations

import asyncio
import socket as system
from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar, Final

from yarl import URL

from efuns.sockets import errors, options, tls
from efuns.sockets.base import BOUND, CLOSED, CLOSING, DATA_XFER, HANDSHAKE, Socket
from efuns.sockets.http import inflate as http_inflate
from efuns.sockets.http.agent import TOO_MANY_REDIRECTS, USER_AGENT, Agent, Answer, Settings
from efuns.sockets.http.request import (
    SAFE,
    Defaults,
    ExchangeError,
    Request,
    add_body,
    head_mapping,
    header_fields,
    read_request,
    read_target,
    read_url,
    without_credentials,
)
from efuns.sockets.wire import numeric_address, parse_address
from lpc.errors import LPCError
from lpc.runtime.values import Buffer, Mapping, Value, truth

if TYPE_CHECKING:
    import ssl

    from efuns.sockets.modes import Mode
    from efuns.sockets.table import SocketTable
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

_TLS_OPTIONS: Final = (options.SO_TLS_CERT, options.TLS_CA_BUNDLE)
_CLOSED: Final = "The socket is closed"


class _Work:
    """A task and the request it is at."""

    __slots__ = ("task", "request", "is_answered")

    def __init__(self, request: Request | None) -> None:
        self.task: asyncio.Task[None] | None = None
        self.request = request
        self.is_answered = False

    @property
    def still_leaves(self) -> bool:
        """Whether its request may do something at the other end, and has not been answered."""
        return self.request is not None and self.request.method not in SAFE and not self.is_answered


class HttpClient(Socket):
    """Mode 22, HTTP_CLIENT."""

    __slots__ = ("_agent", "_settings", "_defaults", "_preset", "_context", "_peer", "_local", "_queue", "_queued",
                 "_works", "_idle", "_count", "_dialing")

    can_connect = True
    scheme: ClassVar[str] = "http"

    def __init__(self, table: SocketTable, mode: Mode, owner: LPCObject) -> None:
        super().__init__(table, mode, owner)
        self._settings = read_settings({}, table.driver)
        self._agent: Agent | None = None
        self._defaults: Defaults | None = None  # once it is connected
        self._preset: Request | None = None
        self._context: ssl.SSLContext | None = None
        self._peer: tuple[str, int] | None = None
        self._local: tuple[str, int] | None = None
        self._queue: deque[Request] = deque()
        self._queued = 0  # bytes, about
        self._works: set[_Work] = set()
        self._idle = 0  # 1 while LPC is called by a task that will look into the queue next
        self._count = 0
        self._dialing: asyncio.Task[None] | None = None

    # ------------------------------------------------------------------------------------- setting up

    def set_option(self, number: int, value: Value) -> None:
        settings = read_settings({**(self._options or {}), number: value}, self.table.driver)
        super().set_option(number, value)
        self._settings = settings
        if self._agent is not None:
            self._agent.use(settings)
        if self._defaults is not None:
            self._defaults = self._defaults._replace(headers=settings.headers, streams=settings.streams)

    def start_bind(self, where: int | str, address: str | None) -> int:
        target = parse_address(address or f"0.0.0.0 {where}")
        if target is None:
            return self.problem(errors.EEBADADDR, f"'{address or where}' is no numeric address and port")
        try:
            with system.socket(target.family, system.SOCK_STREAM) as trial:
                trial.setsockopt(system.SOL_SOCKET, system.SO_REUSEADDR, 1)
                trial.bind(target.sockaddr)
        except OSError as error:
            return self.problem(errors.code_for(error, otherwise=errors.EEBIND), tls.explain(error))
        self._local = target.host, target.port
        self.become(BOUND)
        return errors.EESUCCESS

    def start_connect(self, where: str) -> int:
        try:
            target, login = without_credentials(self._target(where))
            defaults = Defaults(target, self._settings.headers, login, self._settings.streams)
            if not where:
                self._preset = self._read_preset(defaults)
            if any(self.get_option(option) for option in _TLS_OPTIONS):
                self._context = self._make_context()
        except ExchangeError as error:
            return self.problem(error.code, error.reason)
        except OSError as error:
            return self.problem(errors.EECONNECT, tls.explain(error))
        if not self.is_open:  # the master, asked about the files, closed it
            return errors.EEBADF
        self._defaults = defaults
        driver = self.table.driver
        self._agent = Agent(driver, self, self._settings, self._local)
        self.become(HANDSHAKE)
        self._dialing = driver.loop.create_task(self._dial(self._agent, target))
        self._dialing.add_done_callback(self._watch)
        return errors.EESUCCESS

    def _target(self, where: str) -> URL:
        """Where to connect to."""
        where = where or self._preset_url()
        return read_target(where, self.scheme_of(where))

    def scheme_of(self, where: str) -> str:
        """The scheme a URL has to have, and stands for what is none."""
        return self.scheme

    def _preset_url(self) -> str:
        url = self.get_option(options.HTTP_URL)
        if not isinstance(url, str):
            raise ExchangeError("Neither an address nor HTTP_URL is given", errors.EEBADADDR)
        return url

    def _read_preset(self, defaults: Defaults) -> Request:
        """The request of the options HTTP_URL, HTTP_METHOD and HTTP_BODY."""
        given = Mapping()
        for key, number in (("method", options.HTTP_METHOD), ("body", options.HTTP_BODY)):
            value = self.get_option(number)
            if value is not None:
                given[key] = value
        return self._read(given, defaults)

    async def _dial(self, agent: Agent, url: URL) -> None:
        try:
            peer = await agent.dial(url)
        except ExchangeError as error:
            self._dialing = None
            self.fail(error.reason, error.code)
            return
        self._dialing = None
        if peer:
            host, _, port = peer.rpartition(" ")
            self._peer = host, int(port)
        self.connected()
        preset, self._preset = self._preset, None
        if preset is not None and self.state is DATA_XFER and not self.is_ended:
            self._take(preset)
        self.update_liveness()

    # ----------------------------------------------------------------------------------------- sending

    def send(self, message: Value) -> int:
        defaults = self._defaults
        assert defaults is not None
        try:
            request = self._read(message, defaults)
        except ExchangeError as error:
            return self.problem(error.code, error.reason)
        if request.url.raw_host != defaults.url.raw_host or request.url.port != defaults.url.port:
            refusal = self._refusal(request.url, "", within=True)
            if refusal is not None:
                return self.problem(errors.EESECURITY, refusal)
            if not self.is_open or self.is_ended:
                return errors.EEBADF
        self._take(request)
        return self.taken(self._queued)

    def _read(self, message: Value, defaults: Defaults) -> Request:
        """A request of LPC, with its number."""
        request = read_request(message, self._count + 1, defaults, self.table.driver.limits)
        self._count += 1
        return request

    def _take(self, request: Request) -> None:
        """Begin with a request, or put it into the queue."""
        if len(self._works) < self._settings.connections and len(self._queue) >= self._idle:
            self._begin(request)
        else:
            self._queue.append(request)
            self._queued += request.size

    def _begin(self, request: Request) -> None:
        work = _Work(request)
        self._works.add(work)
        work.task = self.table.driver.loop.create_task(self._work(work))
        work.task.add_done_callback(self._watch)
        if len(self._works) == 1:
            self.update_liveness()

    async def _work(self, work: _Work) -> None:
        """One request after the other."""
        agent = self._agent
        assert agent is not None
        try:
            while work.request is not None:
                work.is_answered = False
                try:
                    await self._exchange(agent, work.request, work)
                except ExchangeError as error:
                    if self.state is not CLOSING:  # then nobody waits for any answer
                        self.fail(_reason(error, work.request), error.code)
                        return
                work.request = self._next()
        finally:
            self._works.discard(work)
        if not self._works:
            if self.state is CLOSING:
                self.drained()
            else:
                self.update_liveness()

    def _next(self) -> Request | None:
        """The next request of the queue."""
        if not self._queue or self.is_ended:
            return None
        request = self._queue.popleft()
        self._queued -= request.size
        if not self._queue and self._blocked:
            self.drained()
        return request if not self.is_ended and self.state is not CLOSED else None

    async def _exchange(self, agent: Agent, request: Request, work: _Work) -> None:
        settings = self._settings
        answer: Answer | None = None
        try:
            async with asyncio.timeout(settings.total_seconds):
                answer = await agent.ask(request)
                work.is_answered = True
                if self.state is not DATA_XFER or self.is_ended:  # closed: nobody waits for the rest
                    return
                body = b"" if request.streams else await agent.read(answer)
            if request.streams:
                await self._stream(agent, answer, request)
            else:
                made = self._head(answer)
                add_body(made, body, self.table.driver.limits)
                self._hand_over(made, answer, is_last=True)
            answer = None
        except TimeoutError:
            raise ExchangeError(f"{request.url.host} {request.url.port}: Timeout while waiting for the answer",
                                errors.EEBADF) from None
        finally:
            if answer is not None:
                answer.drop()

    async def _stream(self, agent: Agent, answer: Answer, request: Request) -> None:
        """Hand over the head, then each piece as it comes, then the end."""
        try:
            self._hand_over(self._head(answer), answer)
            while not answer.is_complete:
                for piece in await agent.pieces(answer):
                    if self.is_ended or self.state is not DATA_XFER:
                        return
                    self._hand_over(Mapping(id=request.number, body=Buffer(piece)), answer)
            if self.is_ended or self.state is not DATA_XFER:
                return
            self._hand_over(Mapping(id=request.number, end=1), answer, is_last=True)
        finally:
            answer.drop()

    @staticmethod
    def _head(answer: Answer) -> Mapping:
        response = answer.response
        return head_mapping(answer.request, response.status, response.reason or "", response.version,
                            response.raw_headers)

    def _hand_over(self, made: Mapping, answer: Answer, *, is_last: bool = False) -> None:
        """Call LPC. After the last part of an answer, what it writes can be the next work of this task."""
        self._idle = int(is_last)
        try:
            self.deliver(made, answer.address)
        finally:
            self._idle = 0

    def _watch(self, task: asyncio.Task[None]) -> None:
        """A task is over: it should not have died of anything its code does not know."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.table.driver.log(f"socket {self.fd} ({self.mode.name}): {type(error).__name__}: {error}")
            self.fail("The request could not be finished", errors.EEBADF)

    # ----------------------------------------------------------------------------------------- the end

    def shut(self, *, flush: bool) -> bool:
        current = _current_task(self.table.driver)
        self._queue = deque(request for request in self._queue if flush and request.method not in SAFE)
        ended = []
        for work in list(self._works):
            if work.task is not current and not (flush and work.still_leaves):
                self._works.discard(work)
                ended.append(work.task)
        if self._dialing is not None and self._dialing is not current:
            ended.append(self._dialing)
        self._dialing = None
        tasks = [task for task in ended if task is not None]
        for task in tasks:
            task.cancel()
        if self._queue or any(work.task is not current for work in self._works):
            self._begin_queued()
            return False
        self._works.clear()
        agent, self._agent = self._agent, None
        if agent is not None:
            agent.close(tasks)
        return True

    def _begin_queued(self) -> None:
        """Begin with as many requests of the queue as there is room for."""
        while self._queue and len(self._works) < self._settings.connections:
            self._begin(self._queue.popleft())

    def may_wake(self) -> bool:
        return self._dialing is not None or self.state is HANDSHAKE or bool(self._works or self._queue)

    # ------------------------------------------------------------------------------ what the agent asks

    def refuses(self, url: URL, address: str) -> str | None:
        """Why the owner may not connect to a host, as permissions and master see it now; from the loop."""
        return self._refusal(url, address, within=False)

    def _refusal(self, url: URL, address: str, *, within: bool) -> str | None:
        driver = self.table.driver
        host, port = url.raw_host or "", url.port or 0
        refusal = self._forbidden(host, port, address)
        if refusal is not None:
            return refusal
        if self.owner.is_destructed:
            return _CLOSED
        return ask_master(driver, self.owner, [self.fd, self.owner, host, port, self.mode.number], url, address,
                          within=within)

    def _forbidden(self, host: str, port: int, address: str) -> str | None:
        return forbidden(self.table.driver, host, port, address, by_proxy=self._settings.proxy is not None)

    def context(self) -> ssl.SSLContext:
        """What TLS has to do, by the options."""
        if self._context is None:
            self._context = self._make_context()
        return self._context

    def _make_context(self) -> ssl.SSLContext:
        verifies = self.get_option(options.SO_TLS_VERIFY_PEER) != 0
        return tls.context_for(self, verifies=verifies, has_name=True)[0]

    # ------------------------------------------------------------------------------ what efuns ask

    def target_of(self, where: str) -> tuple[str, int]:
        try:
            url = self._target(where)
        except ExchangeError:
            return where, 0
        return url.raw_host or "", url.port or 0

    def subject_of(self, where: str) -> str:
        url = self.get_option(options.HTTP_URL)
        return where or (url if isinstance(url, str) else "")

    def permits(self, operation: str, host: str, port: int) -> str | None:
        permissions = self.table.driver.permissions
        if operation == "bind":
            target = parse_address(host or f"0.0.0.0 {port}")
            allowed = target is None or permissions.allows_listen(target.host, target.port)
            return None if allowed else permissions.refusal
        proxy = self._settings.proxy
        if proxy is not None:
            refusal = forbidden(self.table.driver, proxy.raw_host or "", proxy.port or 0, "", by_proxy=False)
            if refusal is not None:
                return refusal
        return self._forbidden(host, port, "") if host and port else None

    def addresses(self) -> tuple[tuple[str, int] | None, tuple[str, int] | None]:
        return self._local, self._peer


class HttpsClient(HttpClient):
    """Mode 23, HTTPS_CLIENT."""

    __slots__ = ()

    scheme = "https"


# ------------------------------------------------------------------------------------------- for both kinds


def forbidden(driver: Host, host: str, port: int, address: str, *, by_proxy: bool) -> str | None:
    """Why the host's permissions forbid a connection; None if they do not. A name without an address will be
    resolved before it is connected to, and asked about again, unless a proxy does that."""
    permissions = driver.permissions
    if address or by_proxy or numeric_address(host, port) is not None:
        allowed = permissions.allows_net(host, port, address)
    else:
        allowed = permissions.allows_lookup(host)
    return None if allowed else permissions.refusal


def ask_master(driver: Host, owner: LPCObject, about: list[Value], url: URL, address: str, *, within: bool,
               ) -> str | None:
    """Why the master forbids a connection; None if it does not. `about` begins the information of valid_socket();
    where a name has led to an address, that is its last element. `within`: within an evaluation."""
    if driver.master() is None:
        return None
    asked = [*about, f"{url.raw_host} {url.port}", address] if address else [*about, str(url)]
    if within:
        allowed = driver.valid("valid_socket", owner, "connect", asked)
    else:
        allowed = driver.enter(driver.valid, "valid_socket", owner, "connect", asked)
    return None if allowed is not None and truth(allowed) else errors.text_of(errors.EESECURITY)


def read_settings(given: dict[int, Value], driver: Host) -> Settings:
    """The settings that options make. LPCError for a value that will not do."""
    defaults = Settings()
    own = given.get(options.HTTP_HEADERS)
    headers = header_fields(own if isinstance(own, Mapping) else Mapping())
    if headers is None:
        raise _bad_value("HTTP_HEADERS", "names and values of header fields are accepted")
    agent = header_fields(Mapping({"User-Agent": given.get(options.HTTP_USER_AGENT, USER_AGENT)}))
    if agent is None:
        raise _bad_value("HTTP_USER_AGENT", "the value of a header field is accepted")
    if "user-agent" not in headers:
        headers.extend(agent)
    if "accept-encoding" not in headers:
        headers["Accept-Encoding"] = http_inflate.accepted() if given.get(options.HTTP_COMPRESSION, 1) else "identity"
    proxy, login = _read_proxy(given.get(options.HTTP_PROXY))
    name = given.get(options.SO_TLS_SNI_HOSTNAME)
    return Settings(
        headers=headers,
        body_limit=min(given.get(options.CONTENT_SIZE_LIMIT, defaults.body_limit), driver.limits.buffer_size),
        total_seconds=_seconds(given, options.HTTP_TIMEOUT, defaults.total_seconds),
        connect_seconds=_seconds(given, options.HTTP_CONNECT_TIMEOUT, defaults.connect_seconds),
        read_seconds=_seconds(given, options.HTTP_READ_TIMEOUT, defaults.read_seconds),
        follows=bool(given.get(options.HTTP_FOLLOW_REDIRECTS, 1)),
        most_redirects=given.get(options.HTTP_MAX_REDIRECTS, defaults.most_redirects),
        streams=bool(given.get(options.HTTP_STREAM, 0)),
        connections=given.get(options.SO_CONNECTION_POOL, defaults.connections),
        proxy=proxy, proxy_login=login, server_name=name if isinstance(name, str) and name else None)


def _seconds(given: dict[int, Value], number: int, default: float) -> float:
    value = given.get(number)
    return value / 1000 if isinstance(value, int) else default


def _read_proxy(given: Value | None) -> tuple[URL | None, str | None]:
    if not isinstance(given, str) or not given:
        return None, None
    try:
        url, login = without_credentials(read_url(given))
        if url.scheme != "http":
            raise ExchangeError("", errors.EEBADADDR)
    except ExchangeError:
        raise _bad_value("HTTP_PROXY", "\"http://host:port\" is accepted, with user and password or without") from None
    return url, login


def _reason(error: ExchangeError, request: Request) -> str:
    """Why a request failed, and which one it was."""
    return error.reason if error.reason == TOO_MANY_REDIRECTS else f"{error.reason} ({request})"


def _bad_value(name: str, text: str) -> LPCError:
    return LPCError(f"Bad socket option value for {name}: {text}.\n")


def _current_task(driver: Host) -> asyncio.Task[Any] | None:
    """The task that runs now, if one does."""
    return asyncio.current_task(driver.loop) if driver.loop.is_running() else None
