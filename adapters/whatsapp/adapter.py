"""WhatsApp as a platform that answers are sent to.

Twilio can't edit a message, so an answer waits until it is whole; meanwhile we are seen to type.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from adapters.whatsapp.addressing import Addressing
from adapters.whatsapp.client import Twilio
from adapters.whatsapp.parts import parts
from adapters.whatsapp.sending import Sending
from adapters.whatsapp.window import PLATFORM, Window
from core import contacts, owed
from core.contacts import Contact
from core.database import Database
from core.errors import Permanent, Transient
from core.ports import Clock, Delivery, Draft

TYPING = 20.0  # seconds; WhatsApp shows it for 25
TYPING_LONGEST = 180.0
LONG = 2000  # characters of Markdown, some milliseconds


class WhatsAppAdapter:
    """Answers in parts, each once, within 24 hours of what it answers; later, when they write."""

    def __init__(  # noqa: PLR0913 - whom it asks, and what it was told
        self,
        twilio: Twilio,
        *,
        database: Database,
        clock: Clock,
        service: str | None,
        status_callback: str,
        typing: bool,
        announce: Callable[[str, Contact], Awaitable[None]] | None = None,
    ) -> None:
        self._twilio = twilio
        self._database = database
        self._clock = clock
        self._service = service
        self._callback = status_callback
        self._typing = typing
        self._announce = announce

    async def deliver(self, delivery: Delivery, draft: Draft) -> None:
        """Send the answer once it is whole; see `core.ports.Adapter`."""
        origin = await self._origin(delivery)
        sending = await self._sending(delivery, str(origin["from"]))
        if await sending.forbidden():
            await self._forget(delivery, draft)
            return
        for debt in await delivery.debts():
            bodies = await _cut(debt.text)
            try:
                if await sending.all(bodies, debt):
                    await debt.settle(len(bodies))
            except Permanent:
                await debt.settle(0)  # it will never be there, and must not be in others' way
        await self._whole(draft, origin.get("sid"))
        if not await sending.all(await _cut(draft.text), delivery):
            await delivery.owe()
            await self._tell_that_it_waits(delivery)

    async def _origin(self, delivery: Delivery) -> Mapping[str, Any]:
        """Where the answer goes; a turn for what is owed alone answers what they said last."""
        if delivery.origins:
            return delivery.origins[-1]
        last = await self._database.read(owed.origin, delivery.turn_id)
        if last is None:
            raise Permanent("nothing tells where the answer goes")
        return {"from": last["from"]}

    async def _forget(self, delivery: Delivery, draft: Draft) -> None:
        """They want to hear nothing: the model need not be asked, nor what was owed be kept."""
        delivery.stop()
        for debt in await delivery.debts():
            await debt.settle(0)
        await draft.end()

    async def _tell_that_it_waits(self, delivery: Delivery) -> None:
        where = delivery.address
        if self._announce is None:
            return
        with suppress(Transient):  # it is there when they write, told or not
            contact = await self._database.read(
                contacts.find, PLATFORM, where.account, where.conversation
            )
            if contact is not None:
                await self._announce(where.account, contact)

    async def _sending(self, delivery: Delivery, person: str) -> Sending:
        where = delivery.address
        addressing = Addressing(database=self._database, clock=self._clock, account=where.account)
        return Sending(
            self._twilio,
            delivery=delivery,
            window=Window(
                database=self._database,
                clock=self._clock,
                account=where.account,
                person=where.conversation,
            ),
            clock=self._clock,
            to=await addressing.way_to(person),
            addressing=addressing,
            sender=where.account,  # they wrote to it, and look for the answer there
            service=self._service,
            status_callback=self._callback,
        )

    async def _whole(self, draft: Draft, sid: Any) -> None:
        """Wait for the end of the answer, seen to type until then."""
        typing = None
        if self._typing and isinstance(sid, str) and not draft.final:
            typing = asyncio.create_task(self._type(sid))
        try:
            await draft.end()
        finally:
            if typing is not None:
                typing.cancel()
                await asyncio.gather(typing, return_exceptions=True)

    async def _type(self, sid: str) -> None:
        until = self._clock.monotonic() + TYPING_LONGEST
        while self._clock.monotonic() < until:
            await self._twilio.typing(sid)
            await self._clock.sleep(TYPING)


async def _cut(text: str) -> list[str]:
    """An answer's parts; a long one takes so long to read that others would notice."""
    return await asyncio.to_thread(parts, text) if len(text) > LONG else parts(text)
