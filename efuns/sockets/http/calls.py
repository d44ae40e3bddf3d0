"""http_send_request(), and the servers of http_start_server(): HTTP without a descriptor to look after.

The requests of one object share an agent, and so its connections, which end some seconds after the last of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from multidict import CIMultiDict
from yarl import URL

from efuns.sockets import tls
from efuns.sockets.http import inflate as http_inflate
from efuns.sockets.http.agent import USER_AGENT, Agent, Settings
from efuns.sockets.http.client import ask_master, forbidden
from efuns.sockets.http.request import (
    SECURE,
    Defaults,
    ExchangeError,
    Request,
    add_body,
    head_mapping,
    read_request,
    read_url,
    without_credentials,
)
from efuns.sockets.modes import Modes
from lpc.runtime.values import Mapping

if TYPE_CHECKING:
    import ssl

    from lpc.runtime.call import Callback
    from lpc.runtime.host import Host
    from lpc.runtime.objects import LPCObject

IDLE: Final = 15.0  # seconds the connections of an object stay without a request
_KEYS: Final = ("method", "headers", "body", "json")
_MODES: Final = {"http": 22, "https": 23}


class HttpCalls:
    """The requests of one driver: `driver.state(HttpCalls)`."""

    def __init__(self, driver: Host) -> None:
        self.driver = driver
        self.under_way = 0
        self._callers: dict[LPCObject, _Caller] = {}
        self._count = 0
        driver.on_destruct(self._drop)

    def send(self, owner: LPCObject, url: str, given: Mapping, callback: Callback) -> int:
        """Send a request; its number. ExchangeError where it may not or cannot be."""
        driver = self.driver
        target, login = without_credentials(read_url(url))
        mode = driver.state(Modes).factory(_MODES[target.scheme])
        if mode is None or self.under_way >= driver.limits.sockets:
            raise ExchangeError("No more requests can be under way", -1)
        wanted = Mapping((key, given[key]) for key in _KEYS if key in given)
        fields = CIMultiDict({"User-Agent": USER_AGENT, "Accept-Encoding": http_inflate.accepted()})
        defaults = Defaults(target, fields, login)
        request = read_request(wanted, self._count + 1, defaults, driver.limits)
        caller = self._callers.get(owner)
        if caller is None:
            caller = _Caller(self, owner)
        refusal = caller.refusal(target, "", within=True)
        if refusal is not None or owner.is_destructed:
            raise ExchangeError(refusal or "The object is gone", -1)
        self._callers[owner] = caller
        self._count += 1
        caller.begin(request, callback)
        return self._count

    def forget(self, caller: _Caller) -> None:
        """A caller has been idle for long."""
        self._callers.pop(caller.owner, None)

    def close(self) -> None:
        """The driver ends."""
        for owner in list(self._callers):
            self._drop(owner)

    def _drop(self, owner: LPCObject) -> None:
        caller = self._callers.pop(owner, None)
        if caller is not None:
            caller.close()


class _Caller:
    """One object that sends requests."""

    def __init__(self, calls: HttpCalls, owner: LPCObject) -> None:
        self.owner = owner
        self._calls = calls
        self._driver = calls.driver
        self._agent = Agent(calls.driver, self, Settings())
        self._tasks: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None

    def begin(self, request: Request, callback: Callback) -> None:
        """Send a request."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        self._calls.under_way += 1
        task = self._driver.loop.create_task(self._run(request, callback))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        self._driver.keep_alive(self)

    async def _run(self, request: Request, callback: Callback) -> None:
        try:
            answer = await self._exchange(request)
        except ExchangeError as error:
            answer = Mapping(id=request.number, status=0, error=error.reason, headers=Mapping(), body="")
        self._driver.enter(callback.run, answer)

    async def _exchange(self, request: Request) -> Mapping:
        answer = None
        try:
            async with asyncio.timeout(self._agent.settings.total_seconds):
                answer = await self._agent.ask(request)
                body = await self._agent.read(answer)
            response = answer.response
            made = head_mapping(request, response.status, response.reason or "", response.version,
                                response.raw_headers)
        except TimeoutError:
            raise ExchangeError("Timeout while waiting for the answer", -1) from None
        finally:
            if answer is not None:
                answer.drop()
        add_body(made, body, self._driver.limits)
        return made

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._calls.under_way -= 1
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._driver.log(f"http_send_request(): {type(error).__name__}: {error}")
        if not self._tasks:
            self._driver.let_go(self)
            if not self.owner.is_destructed and not self._driver.loop.is_closed():
                self._rest = self._driver.loop.call_later(IDLE, self._rests)

    def _rests(self) -> None:
        self._calls.forget(self)
        self.close()

    def close(self) -> None:
        """The object is gone, or has nothing more to send."""
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        current = asyncio.current_task(self._driver.loop) if self._driver.loop.is_running() else None
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        self._agent.close(tasks)

    # what the agent asks

    def refuses(self, url: URL, address: str) -> str | None:
        """Why the object may not connect to a host, as permissions and master see it now; from the loop."""
        return "The object is gone" if self.owner.is_destructed else self.refusal(url, address, within=False)

    def refusal(self, url: URL, address: str, *, within: bool) -> str | None:
        """The same, within an evaluation or from the loop."""
        driver, owner = self._driver, self.owner
        host, port = url.raw_host or "", url.port or 0
        why = forbidden(driver, host, port, address, by_proxy=False)
        if why is not None:
            return why
        about: list[Any] = [-1, owner, host, port, _MODES["https" if SECURE[url.scheme] else "http"]]
        return ask_master(driver, owner, about, url, address, within=within)

    def context(self) -> ssl.SSLContext:
        """What TLS has to do: to check certificate and name."""
        shared = self._driver.state(tls.Contexts).shared(verifies=True, has_name=True, protocols=())
        return shared if shared is not None else tls.client_context(verifies=True, has_name=True)
