"""The door for Slack over real HTTP, with what is behind it written down or real."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.bolt import bolt_app
from adapters.slack.ingress import Ingress
from adapters.slack.installations import Installation
from adapters.slack.listening import Listeners
from core.database import DatabaseDown
from core.errors import GatewayError
from core.types import Address, InboundEvent
from tests.fakes.clock import VirtualClock
from tests.fakes.slack import Answered, FakeSlack, Workspace, send, signed

SECRET, OLD = "8f742231b10e8888abcd99yyyzzz85a5", "an older secret, for a while"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
PATIENCE = 20  # seconds until a test that waits for what never comes gives up


class Taken:
    """A conversation handler that writes down what it takes, or fails as it is told to."""

    def __init__(self) -> None:
        self.events: list[InboundEvent] = []
        self.fault: GatewayError | None = None
        self.hangs = False

    async def accept(self, event: InboundEvent) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        self.events.append(event)


class Stopped:
    """Changes that write down what is stopped; answers are under way at `running`."""

    def __init__(self) -> None:
        self.at: list[str] = []
        self.running: set[str] = set()

    async def stop(self, address: Address) -> bool:
        self.at.append(f"{address.account} {address.conversation}")
        return address.conversation in self.running


class Ours:
    """A database that knows some threads, and counts how often it is asked."""

    def __init__(self) -> None:
        self.threads: set[str] = set()
        self.asked = 0

    async def read(self, fn: Any, address: Address) -> int | None:
        del fn
        self.asked += 1
        return 1 if address.conversation in self.threads else None


class Web:
    """Slack's Web API: calls are written down; `names` are its users'."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.names: dict[str, str] = {}
        self.fault: GatewayError | None = None
        self.gate = asyncio.Event()  # calls wait for it
        self.gate.set()

    async def call(self, team: str, method: str, **arguments: Any):
        del arguments["enterprise"]
        self.calls.append((team, method, arguments))
        await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return {"ok": True, "user": {"name": self.names.get(arguments.get("user", ""))}}


@dataclass
class House:
    """Where the app is installed: everywhere, unless told otherwise."""

    gone: bool = False
    down: bool = False
    bot_user: str | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def find(self, **where: Any) -> Installation | None:
        self.asked.append(where)
        if self.down:
            raise DatabaseDown("nobody is there")
        if self.gone:
            return None
        team, bot = where["team"], self.bot_user
        return Installation(app="A1", enterprise=None, team=team, token="xoxb-1", bot_user=bot)


class Door:
    """What a test sees of it, and what it may put in."""

    def __init__(self, **parts: Any) -> None:
        self.clock = VirtualClock()
        self.fake = FakeSlack(clock=self.clock)
        self.acme = self.fake.workspace()
        self.taken, self.stopped, self.web = Taken(), Stopped(), Web()
        self.ours, self.house = Ours(), House()
        self.removed: list[Any] = []
        self.facts: list[Any] = []
        self.parts = parts
        self.http: aiohttp.ClientSession = None  # type: ignore[assignment]
        self.url, self.port = "", 0

    def listeners(self) -> Listeners:
        return Listeners(
            handler=self.parts.get("handler", self.taken),
            changes=self.parts.get("changes", self.stopped),
            database=self.parts.get("database", self.ours),
            clock=self.clock,
            web=self.web,
            classic=self.parts.get("classic", False),
            on_uninstalled=self._removed,
        )

    async def _removed(self, body: Any) -> None:
        self.removed.append(body)

    async def say(self, payload: Any, **more: Any) -> Answered:
        """Let Slack send an envelope, a command or a click."""
        return await send(self.http, self.url, payload, SECRET, workspace=self.acme, **more)

    async def post(self, body: bytes, headers: dict[str, str] | None = None, *, sign: bool = True):
        """Send these bytes, signed unless told otherwise; headers replace what is sent."""
        given = {"Content-Type": JSON}
        if sign:
            given |= signed(SECRET, body, self.clock.now())
        given |= headers or {}
        where, data = f"{self.url}/slack/events", BytesIO(body)
        async with self.http.post(where, data=data, headers=given) as response:
            return Answered(
                status=response.status, body=await response.read(), headers=response.headers
            )

    def dm(self, text: str = "Hi", *, team: Workspace | None = None, **more: Any) -> dict[str, Any]:
        """Somebody writes to the bot: the envelope."""
        team = team or self.acme
        said = team.say(team.im("U1"), "U1", text, **more)
        return team.envelope(team.message_event(said))

    def in_channel(self, text: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Somebody writes in #general: both envelopes, `message` and `app_mention`."""
        said = self.acme.say(self.acme.channel(), "U1", text, **more)
        about = (self.acme.message_event(said), self.acme.app_mention_event(said))
        return self.acme.envelope(about[0]), self.acme.envelope(about[1])


@asynccontextmanager
async def door(**parts: Any) -> AsyncIterator[Door]:
    """A door that is open; `parts` take the place of those that write down."""
    made = Door(**parts)
    listeners = made.listeners()
    limits = {name: parts[name] for name in ("finding", "taking") if name in parts}
    app = bolt_app(listeners, made.house, client=AsyncWebClient(), **limits)
    ingress = Ingress(app, secrets=(SECRET, OLD), clock=made.clock, observe=made.facts.append)
    site = web.Application(client_max_size=100)  # the door has a limit of its own
    site.router.add_post("/slack/events", ingress.events)
    runner = web.AppRunner(site, access_log=None, shutdown_timeout=0.01)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{made.port}"
    try:
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as made.http:
            yield made
    finally:
        await runner.cleanup()
        await listeners.stop()
