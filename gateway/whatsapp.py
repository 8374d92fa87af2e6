"""The WhatsApp side, made from top to bottom: what is heard there, and what answers go out by."""

from collections.abc import Mapping
from typing import Any

import aiohttp

from adapters.web.routing import Access, Handler, Route
from adapters.whatsapp.adapter import WhatsAppAdapter
from adapters.whatsapp.announcing import Announcer, Template
from adapters.whatsapp.client import Twilio
from adapters.whatsapp.ingress import Ingress
from adapters.whatsapp.listening import Listeners
from adapters.whatsapp.media import MediaFetcher
from adapters.whatsapp.signature import Keys
from adapters.whatsapp.words import WillWords
from core.changes import Changes
from core.contacts import Contact
from core.conversation import ConversationHandler
from core.database import Database
from core.errors import Transient
from core.ports import Adapter, Clock, Delivery, Draft, Observer
from gateway.config import Settings

INBOUND_PATH, STATUS_PATH = "/webhooks/whatsapp", "/webhooks/whatsapp/status"
CONNECTIONS = 100
WAITS = (2, 10, 60)  # seconds between tries to tell somebody that an answer waits


class WhatsAppSide:
    """The adapter and what feeds it. `start` before anything is delivered."""

    def __init__(
        self, settings: Settings, *, database: Database, clock: Clock, observe: Observer
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._delivering: WhatsAppAdapter | None = None
        self._fetching: MediaFetcher | None = None
        self._announcer: Announcer | None = None
        self._listeners: Listeners | None = None

    def hear(self, handler: ConversationHandler, changes: Changes) -> list[Route]:
        """The routes by which Twilio reaches `handler`."""
        settings = self._settings
        listeners = Listeners(
            handler=handler,
            changes=changes,
            database=self._database,
            clock=self._clock,
            observe=self._observe,
            words=WillWords(
                stop=frozenset(settings.whatsapp_stop_words),
                start=frozenset(settings.whatsapp_start_words),
                help=frozenset(settings.whatsapp_help_words),
            ),
            help_text=settings.whatsapp_help_text,
            on_owed=self._on_owed,
        )
        self._listeners = listeners
        tokens = tuple(token.get_secret_value() for token in settings.twilio_auth_token)
        ingress = Ingress(
            account=settings.twilio_account_sid or "",
            keys=Keys(tokens=tokens, shared=settings.twilio_shared),
            public_urls=settings.public_urls,
            on_inbound=listeners.inbound,
            on_status=listeners.status,
            observe=self._observe,
            clock=self._clock,
        )
        return [
            _route(INBOUND_PATH, ingress.inbound, "Takes what people write on WhatsApp."),
            _route(STATUS_PATH, ingress.status, "Takes what became of our messages."),
        ]

    @property
    def adapter(self) -> Adapter:
        """This side itself: its pool of connections can only be made in a running loop."""
        return self

    async def deliver(self, delivery: Delivery, draft: Draft) -> None:
        """Bring an answer; see `core.ports.Adapter`."""
        assert self._delivering is not None  # noqa: S101 - start made it
        await self._delivering.deliver(delivery, draft)

    async def fetch(self, source: Mapping[str, Any], *, most: int) -> bytes:
        """A file that somebody sent; see `core.ports.Fetcher`."""
        assert self._fetching is not None  # noqa: S101 - start made it
        return await self._fetching.fetch(source, most=most)

    async def start(self) -> None:
        """Make the connections' pool. A Twilio that is away does not hold anything up."""
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
        )
        account = settings.twilio_account_sid or ""
        twilio = Twilio(
            session=self._session,
            account=account,
            username=account,
            password=settings.twilio_auth_token[0].get_secret_value(),
            api_url=settings.twilio_api_url,
            clock=self._clock,
            observe=self._observe,
        )
        twilio.warm()
        self._fetching = MediaFetcher(
            session=self._session,
            account=account,
            username=account,
            password=settings.twilio_auth_token[0].get_secret_value(),
            api_url=settings.twilio_api_url,
            clock=self._clock,
            observe=self._observe,
        )
        template = settings.twilio_template_sid
        self._announcer = Announcer(
            twilio,
            database=self._database,
            clock=self._clock,
            template=None
            if template is None
            else Template(sid=template, variables=settings.twilio_template_variables),
            service=settings.twilio_messaging_service_sid,
            status_callback=f"{settings.public_url}{STATUS_PATH}",
        )
        self._delivering = WhatsAppAdapter(
            twilio,
            database=self._database,
            clock=self._clock,
            service=settings.twilio_messaging_service_sid,
            status_callback=f"{settings.public_url}{STATUS_PATH}",
            typing=settings.whatsapp_typing == "on",
            announce=self._announcer.announce,
        )

    def hears(self) -> bool:
        """Twilio comes to us; that it would not, nothing here can tell."""
        return True

    async def hush(self) -> None:
        """Hear nothing more; what was heard is still answered."""
        if self._listeners is not None:
            await self._listeners.stop()

    async def _on_owed(self, account: str, contact: Contact) -> None:
        for wait in (*WAITS, None):
            try:
                if self._announcer is not None:
                    await self._announcer.announce(account, contact)
            except Transient as error:
                if wait is None:
                    return  # what waits is there when they write
                await self._clock.sleep(error.retry_after or wait)
            else:
                return

    async def stop(self) -> None:
        """Call Twilio no more."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _route(path: str, handler: Handler, says: str) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=handler,
        says=says,
        tag="whatsapp",
        access=Access.PLATFORM,
        hidden=True,  # it is between Twilio and us
    )
