"""What Twilio tells becomes messages, wishes and reports: stored once this returns."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from adapters.whatsapp import refusals
from adapters.whatsapp.events import ENDED, Fields, Inbound, inbound, report
from adapters.whatsapp.resending import Resender
from adapters.whatsapp.trying import PLAIN
from adapters.whatsapp.window import PLATFORM
from adapters.whatsapp.words import Will, WillWords, language_of, name_of, text_of, will_of
from core import commands, contacts, owed, reports, wishes
from core.changes import Changes
from core.contacts import Contact
from core.conversation import ConversationHandler
from core.database import Database
from core.facts import DeliveryReported, InboundRefused
from core.ports import Clock, Observer
from core.telling import NOTHING
from core.types import Address, Attachment, InboundEvent, Sender
from core.wishes import Heard

ANNOUNCING = 100  # templates on their way at most; whoever is beyond hears when they write
STOPPED = "You will get no more messages from us. Write START to hear from us again."
_OUT: Mapping[Will | None, bool] = {Will.STOP: True, Will.START: False}
STARTED = "Welcome back. Write STOP whenever you want to hear no more from us."


class Listeners:
    """Hears people, and what became of what they were sent.

    All of it raises `Transient` when it could not be stored, and `events.Malformed`. `on_owed` is
    given one of our addresses and a person, for whom an answer waits from now on. `help_text` is
    what words for help are answered with.
    """

    def __init__(  # noqa: PLR0913 - here all that Twilio says is shared out
        self,
        *,
        handler: ConversationHandler,
        changes: Changes,
        database: Database,
        clock: Clock,
        observe: Observer,
        words: WillWords,
        help_text: str | None = None,
        on_owed: Callable[[str, Contact], Coroutine[Any, Any, None]],
    ) -> None:
        self._handler = handler
        self._changes = changes
        self._database = database
        self._clock = clock
        self._observe = observe
        self._words = words
        self._help = help_text
        self._on_owed = on_owed
        self._resender = Resender(database=database, clock=clock)
        self._announcing: set[asyncio.Task[None]] = set()

    async def inbound(self, fields: Fields) -> str | None:
        """A person's message. Returns what they are told at once; None leaves it to the answer."""
        said = inbound(fields)
        will = will_of(said, self._words)
        heard = await self._database.write(
            wishes.hear,
            PLATFORM,
            said.business,
            (said.person, *said.aliases),
            said.sid,
            _OUT.get(will),
            now=self._now(),
        )
        where = Address(platform=PLATFORM, account=said.business, conversation=heard.contact.person)
        if will is Will.STOP or heard.wish:
            return await self._wished(said, heard, where, stop=will is Will.STOP)
        if heard.contact.opted_out_at is not None:
            self._observe(InboundRefused(platform=PLATFORM, reason="opted_out", count=1))
            return None
        if will is Will.HELP:  # Twilio may have told them itself
            return self._help if heard.fresh and said.opt_out is None else None
        await self._message(said, where, fresh=heard.fresh)
        return None

    async def status(self, fields: Fields) -> None:
        """What became of a message of ours. It may come before Twilio told us of the message."""
        told = report(fields)
        news = reports.Report(status=told.status, rank=told.rank, error_code=told.error_code)
        risen = await self._database.write(reports.rise, PLATFORM, told.sid, news, now=self._now())
        if told.rank >= ENDED and told.error_code is not None and told.error_code.isdigit():
            await self._failed(told.sid, told.business, told.person, int(told.error_code))
        if risen:
            self._observe(
                DeliveryReported(platform=PLATFORM, status=told.status, error_code=told.error_code)
            )

    async def _wished(
        self, said: Inbound, heard: Heard, where: Address, *, stop: bool
    ) -> str | None:
        if not heard.fresh:
            return None
        if stop:
            await self._changes.stop(where)
        if said.opt_out or not heard.wish:
            return None  # Twilio has told them, or we have
        return STOPPED if stop else STARTED

    async def _message(self, said: Inbound, where: Address, *, fresh: bool) -> None:
        text = text_of(said)
        command = commands.parse(said.body)
        if command is not None and command.name == commands.STOP:
            if not fresh or await self._changes.stop(where):
                return
            command = replace(command, argument=NOTHING)
        await self._handler.accept(
            InboundEvent(
                address=where,
                text=text,
                message_key=f"{PLATFORM}:{said.account}:{said.sid}",
                command=command.name if command else None,
                argument=command.argument if command else "",
                language=language_of((said.person, *said.aliases)),
                origin={"from": said.person, "sid": said.sid},
                sender=Sender(external_id=where.conversation, name=said.name or None),
                files=() if command else _files(said),  # a command is for no model
            )
        )

    async def _failed(self, sid: str, business: str, person: str, code: int) -> None:
        """A message that was taken did not arrive; what may still be done about it is done."""
        match why := refusals.doing_of(code):
            case refusals.Doing.WAIT_FOR_THEM:
                await self._came_too_late(sid, business, person)
            case refusals.Doing.BE_SILENT:
                contact = await self._contact(business, person)
                if contact is not None:
                    await self._database.write(contacts.opt, contact.id, out=True, now=self._now())
            case refusals.Doing.GO_SLOWER:
                await self._database.write(owed.fail, sid, now=self._now())
            case refusals.Doing.LATER:
                if not await self._once_more(sid, business, person, why):
                    await self._database.write(owed.fail, sid, now=self._now())
            case refusals.Doing.SAY_PLAINLY:
                await self._once_more(sid, business, person, why, note=PLAIN)
            case _:
                return  # it is counted, and nothing that we could do would help

    async def _once_more(
        self,
        sid: str,
        business: str,
        person: str,
        why: refusals.Doing,
        *,
        note: str | None = None,
    ) -> bool:
        """Have a part sent again in a while; False if it has failed so before, or is nobody's."""
        turn = await self._database.write(
            owed.fail_once, PLATFORM, sid, why.name, now=self._now(), note=note
        )
        if turn is not None:
            self._resender.soon(turn, business=business, person=person)
        return turn is not None

    async def _came_too_late(self, sid: str, business: str, person: str) -> None:
        """One that nobody here knows yet is looked up by whoever sent it."""
        sent_at = await self._database.read(owed.sent_at, sid)
        if await self._database.write(owed.fail, sid, now=self._now()) is None:
            return
        contact = await self._contact(business, person)
        if contact is not None and await self._database.write(
            contacts.shut, contact.id, now=self._now(), sent_at=sent_at
        ):
            self._announce(business, contact)

    def _announce(self, business: str, contact: Contact) -> None:
        """Tell them beside this: Twilio waits for an answer."""
        if len(self._announcing) < ANNOUNCING:
            task = asyncio.create_task(self._on_owed(business, contact))
            self._announcing.add(task)  # the loop itself would let it be collected
            task.add_done_callback(self._announcing.discard)

    async def stop(self) -> None:
        """Drop what is under way beside the answers to Twilio."""
        await self._resender.stop()
        tasks = list(self._announcing)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _contact(self, business: str, person: str) -> Contact | None:
        return await self._database.read(contacts.find, PLATFORM, business, person)

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _files(said: Inbound) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(name=name_of(each, said.kind), type=each.type, source={"url": each.url})
        for each in said.media
    )
