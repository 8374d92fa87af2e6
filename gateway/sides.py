"""The platforms that are switched on, each with what it hears and what its answers go out by."""

from collections.abc import Mapping
from typing import Protocol

from adapters.web.routing import Route
from core.changes import Changes
from core.conversation import ConversationHandler
from core.database import Database
from core.ports import Adapter, Clock, Fetcher, Observer
from gateway.config import Settings


class Side(Fetcher, Protocol):
    """One platform. It is made, then told what to `hear` for, then started.

    Files that people send there are fetched by it, once it is started.
    """

    @property
    def adapter(self) -> Adapter:
        """What brings its answers."""
        ...

    def hear(self, handler: ConversationHandler, changes: Changes) -> list[Route]:
        """The routes by which the platform reaches `handler`."""
        ...

    async def start(self) -> None:
        """Begin what runs beside. A platform that is away does not hold anything up."""
        ...

    def hears(self) -> bool:
        """Whether the platform and this process can talk, as far as it can tell."""
        ...

    async def hush(self) -> None:
        """Hear nothing more; what was heard is still answered."""
        ...

    async def stop(self) -> None:
        """Call the platform no more."""
        ...


def sides(
    settings: Settings, *, database: Database, clock: Clock, observe: Observer
) -> Mapping[str, Side]:
    """All platforms that the settings switch on, by name. An SDK is loaded only if it is used."""
    found: dict[str, Side] = {}
    if settings.slack_on:
        from gateway.slack import SlackSide  # noqa: PLC0415

        found["slack"] = SlackSide(settings, database=database, clock=clock, observe=observe)
    if settings.whatsapp_on:
        from gateway.whatsapp import WhatsAppSide  # noqa: PLC0415

        found["whatsapp"] = WhatsAppSide(settings, database=database, clock=clock, observe=observe)
    return found
