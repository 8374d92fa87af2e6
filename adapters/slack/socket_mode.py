"""Socket Mode: Slack's events over a connection that the gateway opens itself."""

import asyncio
import logging
from contextlib import suppress
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from core.ports import Clock

PING = 10.0  # seconds between two signs of life that Slack is asked for
PACE = 5.0  # seconds between two looks at the connection
SILENCE = 60.0  # seconds without a sign of life after which everything is made anew
QUIET = 60.0  # seconds between two complaints
GRACE = 5.0  # seconds that a stop waits for what is being taken in
FAREWELL = 2.0  # seconds that Slack has to take its leave

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


class SocketMode:
    """Keeps a connection open, and hands to Bolt what comes over it. `start` it in the loop.

    The SDK reconnects by itself; when that leads to nothing for a minute, everything is made
    anew. `trouble` says in Slack's word, or by an error's name, why there is no connection.
    """

    def __init__(  # noqa: PLR0913 - parts, and two measures of time
        self,
        app: AsyncApp,
        app_token: str,
        *,
        clock: Clock,
        client: AsyncWebClient | None = None,
        ping: float = PING,
        silence: float = SILENCE,
    ) -> None:
        self.trouble: str | None = None
        self._app = app
        self._app_token = app_token
        self._web = client or app.client
        self._clock = clock
        self._ping = ping
        self._silence = silence
        self._client: _Client | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._signs: tuple[object, ...] = ()
        self._alive = self._complained = float("-inf")

    @property
    def connected(self) -> bool:
        """Whether events can come in now, as far as is known."""
        return self._client is not None and self._client.is_open

    def start(self) -> None:
        """Begin to connect, and never give up."""
        self._connect()
        self._tasks.append(asyncio.create_task(self._watch(), name="slack-socket-watch"))

    async def stop(self) -> None:
        """Take in no more, acknowledge what was taken in, and disconnect."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        client, self._client = self._client, None
        if client is not None:
            await client.finish(grace=GRACE)

    async def look(self) -> None:
        """One look at the connection, which is made anew if it is dead."""
        now, client = self._clock.monotonic(), self._client
        if client is None:
            return
        if client.is_open and (signs := client.signs()) != self._signs:
            self._signs, self._alive, self.trouble = signs, now, None
        elif now - self._alive >= self._silence:
            self._complain(self.trouble or "silence")
            for task in self._tasks[:1]:
                task.cancel()
            await client.finish(grace=0.0)  # an acknowledgement would not get through
            self._connect()

    def _connect(self) -> None:
        self._alive, self._signs = self._clock.monotonic(), ()
        self._client = _Client(
            self._app,
            app_token=self._app_token,
            web_client=self._web,
            ping_interval=self._ping,
            logger=_quiet(self._complain),
        )
        # It comes back when there is a connection, and with a wrong token never.
        connecting = asyncio.create_task(self._client.connect(), name="slack-socket-connect")  # type: ignore[no-untyped-call]
        self._tasks[:1] = [connecting]

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(PACE)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, there is a next look
                self._complain(type(error).__name__)

    def _complain(self, trouble: str) -> None:
        self.trouble = trouble
        now = self._clock.monotonic()
        if now - self._complained >= QUIET:
            self._complained = now
            log.warning("slack.socket_mode_trouble", error=trouble)


class _Client(SocketModeClient):
    """The SDK's, which holds on to its tasks and can be ended without a trace."""

    def __init__(self, app: AsyncApp, **options: Any) -> None:
        super().__init__(**options)
        self._app = app
        self._texts = 0
        self._busy: set[asyncio.Task[Any]] = set()
        self.on_message_listeners.append(self._count)
        self.socket_mode_request_listeners.append(self._take_in)

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        session = self.current_session
        return not (self.closed or self.stale or session is None or session.closed)

    def signs(self) -> tuple[object, ...]:
        """Something that changes with every sign of life."""
        return self.last_ping_pong_time, self._texts, self.wss_uri

    async def run_message_listeners(self, message: dict[str, Any], raw_message: str) -> None:
        """As the SDK's, which lets the garbage collector have the task that this runs in."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of asyncio's runs in one
        self._busy.add(task)
        try:
            await super().run_message_listeners(message, raw_message)
        finally:
            self._busy.discard(task)

    async def finish(self, *, grace: float) -> None:
        """Hear no more, wait so many seconds for what was heard, and leave nothing behind."""
        self.closed, self.auto_reconnect_enabled = True, False
        own = (self.message_receiver, self.current_session_monitor, self.message_processor)
        await _ended(*(task for task in own if task is not None))
        if self._busy and grace:
            await asyncio.wait(self._busy, timeout=grace)
        await _ended(*self._busy)
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with asyncio.timeout(FAREWELL):
                if self.current_session is not None:
                    await self.current_session.close()
        await self.aiohttp_client_session.close()

    async def _count(self, _: aiohttp.WSMessage) -> None:
        self._texts += 1

    async def _take_in(self, _: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        answer = await run_async_bolt_app(self._app, request)
        await send_async_response(self, request, answer, 0.0)


async def _ended(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Errors(logging.Handler):
    """Tells what the SDK logs by the error's name alone: its words hold addresses with tickets."""

    def __init__(self, complain: Any) -> None:
        super().__init__(logging.WARNING)
        self._complain = complain

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self._complain(_word(error))
        elif record.funcName != "issue_new_wss_url":  # whose error comes again, with a name
            self._complain(record.funcName)


def _word(error: BaseException) -> str:
    if isinstance(error, SlackApiError) and isinstance(error.response, AsyncSlackResponse):
        data = error.response.data
        code = data.get("error") if isinstance(data, dict) else None
        return str(code or error.response.status_code)
    return type(error).__name__


def _quiet(complain: Any) -> logging.Logger:
    """A logger of nobody else's, without the SDK's tracebacks."""
    logger = logging.Logger("slack.socket_mode", logging.WARNING)  # noqa: LOG001 - on purpose
    logger.addHandler(_Errors(complain))
    return logger
