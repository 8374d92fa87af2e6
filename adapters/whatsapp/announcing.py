"""Telling a person that an answer waits: with a template, the one thing they may be sent then."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.whatsapp.addressing import NO_WAY, Addressing
from adapters.whatsapp.client import InDoubt, Refused, Twilio
from core import contacts
from core.contacts import Contact
from core.database import Database
from core.errors import Transient
from core.ports import Clock


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """An approved template: its ContentSid, and its variables' values by their numbers."""

    sid: str
    variables: Mapping[str, str]


class Announcer:
    """Sends the template once, until the person writes again. Without one it is silent."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        twilio: Twilio,
        *,
        database: Database,
        clock: Clock,
        template: Template | None,
        service: str | None,
        status_callback: str,
    ) -> None:
        self._twilio = twilio
        self._database = database
        self._clock = clock
        self._template = template
        self._service = service
        self._callback = status_callback

    async def announce(self, account: str, contact: Contact) -> None:
        """Tell somebody, if they have not written since `contact` was read.

        Raises `Transient`: not told. It is claimed before it is sent: one of unknown fate is not
        sent again.
        """
        if self._template is None or not await self._claim(contact):
            return
        try:
            await self._reach(self._template, account, contact.person)
        except InDoubt:
            return
        except Refused:
            return  # it was counted; what waits is there when they write
        except Transient:
            await self._database.write(contacts.take_back, contact.id)
            raise

    async def _claim(self, contact: Contact) -> bool:
        now = int(self._clock.now() * 1000)
        return await self._database.write(contacts.announce, contact, now=now)

    async def _reach(self, template: Template, account: str, person: str) -> None:
        """Send it to where they can be written to; as `_send`."""
        addressing = Addressing(database=self._database, clock=self._clock, account=account)
        to = await addressing.way_to(person)
        try:
            await self._send(template, account, to)
        except Refused as error:
            other = await addressing.instead_of(to) if error.code == NO_WAY else None
            if other is None:
                raise
            await self._send(template, account, other)

    async def _send(self, template: Template, account: str, person: str) -> None:
        await self._twilio.send(
            to=person,
            sender=account,
            service=self._service,
            content_sid=template.sid,
            content_variables=template.variables,
            status_callback=self._callback,
        )
