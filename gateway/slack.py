"""The Slack side, made from top to bottom: what is heard there, and what answers go out by."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from adapters.slack.adapter import SlackAdapter
from adapters.slack.bolt import bolt_app
from adapters.slack.calls import WebApi, client_of
from adapters.slack.exchange import Credentials
from adapters.slack.files import FileFetcher
from adapters.slack.ingress import Ingress
from adapters.slack.install import Install
from adapters.slack.installations import Installed, OneWorkspace, Workspaces
from adapters.slack.listening import Listeners
from adapters.slack.manifest import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH, SCOPES
from adapters.slack.renewal import Renewal
from adapters.slack.sealing import read_keys
from adapters.slack.socket_mode import SocketMode
from adapters.slack.uninstalled import uninstalled
from adapters.web.routing import Access, Handler, Route
from core.changes import Changes
from core.conversation import ConversationHandler
from core.database import Database
from core.errors import Permanent, Transient
from core.ports import Clock, Observer
from gateway.config import Settings


class SlackSide:
    """The adapter, what feeds it, and what runs beside. `hear` before `start`."""

    def __init__(
        self, settings: Settings, *, database: Database, clock: Clock, observe: Observer
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._observe = observe
        self._client = client_of(settings.slack_api_url)
        self._installed = _installed(settings, database, clock)
        self._api = WebApi(
            self._workspaces(), base_url=settings.slack_api_url, clock=clock, observe=observe
        )
        self._files = FileFetcher(
            self._api, base_url=settings.slack_api_url, clock=clock, observe=observe
        )
        self._listeners: Listeners | None = None
        self._socket: SocketMode | None = None
        self._greeting: asyncio.Task[None] | None = None
        self._renewal = self._renews()
        self.adapter = SlackAdapter(self._api, clock=clock, classic=settings.slack_dm == "classic")

    def hear(self, handler: ConversationHandler, changes: Changes) -> list[Route]:
        """The routes by which Slack reaches `handler`."""
        settings = self._settings
        self._listeners = Listeners(
            handler=handler,
            changes=changes,
            database=self._database,
            clock=self._clock,
            web=self._api,
            classic=settings.slack_dm == "classic",
            on_uninstalled=self._removed,
        )
        app = bolt_app(self._listeners, self._workspaces(), client=self._client)
        token = settings.slack_app_token
        if token is not None:
            self._socket = SocketMode(
                app, token.get_secret_value(), clock=self._clock, client=self._client
            )
        secrets = [secret.get_secret_value() for secret in settings.slack_signing_secret]
        if not secrets:
            return self._installs()  # Socket Mode needs none, and without one nobody can be known
        ingress = Ingress(app, secrets=secrets, clock=self._clock, observe=self._observe)
        events = _route("POST", EVENTS_PATH, ingress.events, "Takes what Slack tells.")
        return [events, *self._installs()]

    async def start(self) -> None:
        """Connect, and keep tokens fresh. A Slack that is away does not hold anything up."""
        await self._api.open()
        if self._renewal is not None:
            self._renewal.start()
        if self._socket is not None:
            self._socket.start()
        if self._installed is None:
            self._greeting = asyncio.create_task(self._greet(), name="slack greeting")

    async def _greet(self) -> None:
        """Try the token, so that one that is no good is known before anybody writes."""
        with suppress(Transient, Permanent):  # it was told of, or is known when somebody writes
            await self._api.call("", "auth.test")

    def hears(self) -> bool:
        """Whether Slack and this process can talk, as far as it can tell."""
        if self._installed is None and self._api.barred:
            return False
        return self._socket is None or self._socket.connected

    async def fetch(self, source: Mapping[str, Any], *, most: int) -> bytes:
        """A file that came with a message: see `core.ports.Fetcher`."""
        return await self._files.fetch(source, most=most)

    async def hush(self) -> None:
        """Hear nothing more; what was heard is still answered."""
        if self._socket is not None:
            await self._socket.stop()
        if self._listeners is not None:
            await self._listeners.stop()

    async def stop(self) -> None:
        """Call Slack no more."""
        if self._renewal is not None:
            await self._renewal.stop()
        if self._greeting is not None:
            self._greeting.cancel()
        await self._api.close()

    async def _removed(self, body: Mapping[str, Any]) -> None:
        # The one workspace of a setting is the operator's to take out.
        if self._installed is not None:
            await uninstalled(self._installed, body)

    def _workspaces(self) -> Workspaces:
        if self._installed is not None:
            return self._installed
        token = self._settings.slack_bot_token
        return OneWorkspace("" if token is None else token.get_secret_value())

    def _installs(self) -> list[Route]:
        settings = self._settings
        if self._installed is None or settings.public_url is None:
            return []
        install = Install(
            credentials=_credentials(settings),
            scopes=SCOPES,
            public_url=settings.public_url,
            client=self._client,
            installed=self._installed,
            clock=self._clock,
        )
        return [
            _route("GET", INSTALL_PATH, install.begin, "Begins an installation."),
            _route("GET", REDIRECT_PATH, install.end, "Ends an installation."),
        ]

    def _renews(self) -> Renewal | None:
        if self._installed is None:
            return None
        return Renewal(
            database=self._database,
            keys=read_keys(_joined(self._settings)),
            installed=self._installed,
            client=self._client,
            credentials=_credentials(self._settings),
            clock=self._clock,
        )


def _installed(settings: Settings, database: Database, clock: Clock) -> Installed | None:
    if not settings.slack_installs:
        return None
    return Installed(database=database, keys=read_keys(_joined(settings)), clock=clock)


def _joined(settings: Settings) -> str:
    return ",".join(key.get_secret_value() for key in settings.encryption_key)


def _credentials(settings: Settings) -> Credentials:
    secret = settings.slack_client_secret
    return Credentials(
        client_id=settings.slack_client_id or "",
        client_secret="" if secret is None else secret.get_secret_value(),
    )


def _route(method: str, path: str, handler: Handler, says: str) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        says=says,
        tag="slack",
        access=Access.PLATFORM,
        hidden=True,  # it is between Slack and us
    )
