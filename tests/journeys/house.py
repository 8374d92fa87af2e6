"""A whole gateway over a fake of Anthropic's API, and viewers that read its bytes strictly."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web import RequestPayloadError

from core.database import open_database
from gateway.app import Gateway, build, start, stop
from gateway.config import Settings
from tests.databases import copy_template, ready
from tests.fakes.anthropic import FakeAnthropic

KEY = "sk-ant-canary-0815"
SOON = 0.01  # seconds that a refusing model asks for, so that nobody waits long
PATIENCE = aiohttp.ClientTimeout(total=20)  # a test that hangs should say where
ENDS = frozenset({"run.completed", "run.cancelled", "run.failed"})
LINE = re.compile(rb"event: [a-z.]+|id: \d+\.\d+\.(\d+|end)|data: \{.*\}|: ok|: ping|")


@dataclass(frozen=True)
class Event:
    """One server-sent event."""

    name: str
    id: str
    data: dict[str, Any]


def parse(raw: bytes) -> list[Event]:
    """The events that `raw` completes; fails on any byte that some client does not survive."""
    assert b"\r" not in raw
    *lines, _ = raw.split(b"\n")
    assert not lines or lines[0] == b": ok"
    events, fields, mark = [], dict[str, str](), ""
    for line in lines:
        assert LINE.fullmatch(line), line
        name, _, value = line.decode().partition(": ")
        if not line:
            # A browser keeps the last id; an empty event would crash some clients.
            mark = fields.get("id", mark)
            events.append(Event(fields.get("event", ""), mark, json.loads(fields["data"])))
            fields = {}
        elif name:
            assert name not in fields
            fields[name] = value
    return events


class Viewer:
    """Reads one stream of events, in either dialect."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.raw = b""

    async def read(self, holds: Callable[["Viewer"], bool] | None = None) -> "Viewer":
        """Read until `holds`, or to the response's proper end, where nothing may be half sent."""
        while holds is None or not holds(self):
            chunk = await self.response.content.readany()
            if not chunk:
                assert holds is None, f"it ended before that: {self.raw!r}"
                assert re.search(rb"\n\n(: ping\n)*\Z", self.raw)
                return self
            self.raw += chunk
        return self

    @property
    def events(self) -> list[Event]:
        return parse(self.raw)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return shown(self.events)

    @property
    def over(self) -> bool:
        """Whether it has been told how it ended."""
        return any(_ends(event) for event in self.events)

    @property
    def end(self) -> Event:
        """The last event, which says how it ended."""
        [*before, end] = self.events
        assert not any(_ends(event) for event in before)
        assert _ends(end)
        return end

    @property
    def run(self) -> str:
        """The run's id, as its first event tells it."""
        first = self.events[0]
        assert first.name == "run.started"
        return str(first.data["runId"])

    @property
    def typed(self) -> list[dict[str, Any]]:
        """The events of `/api/chat`, which have no names."""
        assert not any(event.name for event in self.events)
        return [event.data for event in self.events]


def _ends(event: Event) -> bool:
    return event.name in ENDS or event.data.get("type") in {"done", "error"}


def shown(events: list[Event], text: str = "") -> str:
    """What stands on the screen after these events, if `text` stood there before."""
    for event in events:
        if event.name == "snapshot":
            text = event.data["text"]
        elif event.name == "delta" or event.data.get("type") == "text":
            text += event.data["text"]
    return text


@dataclass(kw_only=True)
class House:
    """A gateway that runs, the fake that it asks, and a client of it."""

    gateway: Gateway
    fake: FakeAnthropic
    http: aiohttp.ClientSession
    port: int

    @asynccontextmanager
    async def stream(self, method: str, path: str, **request: Any) -> AsyncIterator[Viewer]:
        async with self.http.request(method, path, **request) as response:
            assert response.status == 200, (response.status, await response.text())
            yield Viewer(response)

    def say(self, text: str, session: str | None = None):
        """`/api/chat`, to be read in a block."""
        return self.stream("POST", "/api/chat", json={"message": text, "sessionId": session})

    def send(self, session: str, text: str, message: str | None = None):
        """A message to the native API, its answer to be read in a block."""
        body = {"messageId": message, "text": text}
        return self.stream("POST", f"/api/v1/sessions/{session}/messages", json=body)

    def watch(self, session: str, mark: str | None = None):
        """The native API's events from a mark on, to be read in a block."""
        headers = {"Last-Event-ID": mark} if mark else {}
        return self.stream("GET", f"/api/v1/sessions/{session}/events", headers=headers)

    async def chat(self, text: str, session: str | None = None) -> Viewer:
        """A whole answer of `/api/chat`."""
        async with self.say(text, session) as viewer:
            return await viewer.read()

    async def ask(self, session: str, text: str, message: str | None = None) -> Viewer:
        """A whole answer of the native API."""
        async with self.send(session, text, message) as viewer:
            return await viewer.read()

    async def seen(self, session: str, mark: str | None = None) -> Viewer:
        """All that is to be seen from a mark on."""
        async with self.watch(session, mark) as viewer:
            return await viewer.read()

    async def post(self, session: str, text: str, message: str | None = None) -> dict[str, Any]:
        """Leave a message, and do not wait for its answer."""
        path, body = f"/api/v1/sessions/{session}/messages", {"messageId": message, "text": text}
        headers = {"Prefer": "respond-async"}
        async with self.http.post(path, json=body, headers=headers) as response:
            assert response.status == 202
            return dict(await response.json())

    async def cancel(self, run: str) -> dict[str, Any]:
        async with self.http.post(f"/api/v1/runs/{run}/cancel") as response:
            assert response.status == 202
            return dict(await response.json())

    async def history(self, session: str, **query: Any) -> list[dict[str, Any]]:
        path = f"/api/v1/sessions/{session}/messages"
        async with self.http.get(path, params=query) as response:
            assert response.status == 200
            return list((await response.json())["messages"])

    async def said(self, session: str) -> list[tuple[str, str]]:
        """The conversation: who said what."""
        return [(each["role"], each["text"]) for each in await self.history(session)]

    async def idle(self) -> None:
        """Wait until no turn runs."""
        assert await self.gateway.handler.idle(10)


def settings(url: str, fake: FakeAnthropic, **changes: Any) -> Settings:
    told: dict[str, Any] = {
        "port": 0,
        "database_url": url,
        "anthropic_base_url": fake.url,
        "anthropic_api_key": KEY,
        "rate_limit": "none",
        "context_facts": "off",  # the time of day is nothing that a test can know
    }
    return Settings(**told | changes)


async def migrate(url: str) -> None:
    """An up-to-date database with nothing in it."""
    copy_template(url)
    database = open_database(url)
    try:
        await ready(database)
    finally:
        await database.close()


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[tuple[aiohttp.ClientSession, int]]:
    """A client of the gateway while it runs, and the port."""
    try:
        port = (await start(gateway))[0][1]
        connector = aiohttp.TCPConnector(limit=0)
        base = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession(base, connector=connector, timeout=PATIENCE) as http:
            yield http, port
    finally:
        await stop(gateway, grace=0)


@asynccontextmanager
async def serving(url: str, **changes: Any) -> AsyncIterator[House]:
    """A gateway on a migrated database. Nothing in it may fail in a way that nobody foresaw."""
    with listening() as complaints:
        async with FakeAnthropic() as fake:
            gateway = build(settings(url, fake, **changes))
            async with running(gateway) as (http, port):
                yield House(gateway=gateway, fake=fake, http=http, port=port)
    assert not complaints, "\n".join(complaints)


class _Ears(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        # What is no HTTP, or not compressed as it says, is told by aiohttp's parser: that is right.
        if not isinstance(error, BadHttpMessage | RequestPayloadError):
            self.heard.append(f"{record.getMessage()}: {error!r}")


@contextmanager
def listening() -> Iterator[list[str]]:
    """What the web server and the event loop complain about: errors that nobody caught."""
    ears = _Ears()
    loggers = [logging.getLogger(name) for name in ("aiohttp", "asyncio")]
    for logger in loggers:
        logger.addHandler(ears)
    try:
        yield ears.heard
    finally:
        for logger in loggers:
            logger.removeHandler(ears)


async def until(holds: Callable[[], bool]) -> None:
    """Let others work until it holds, of which nobody tells."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody is there to set an event
            await asyncio.sleep(0.002)
