"""A replica whose answers go to a fake Twilio, over real HTTP and on a real database."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp

from adapters.whatsapp.adapter import WhatsAppAdapter
from adapters.whatsapp.announcing import Announcer, Template
from adapters.whatsapp.client import Timeouts, Twilio
from adapters.whatsapp.listening import Listeners
from adapters.whatsapp.window import PLATFORM
from adapters.whatsapp.words import WillWords
from core import contacts
from core.types import Address, Done, InboundEvent, Status, Text
from tests.core.by_hand import PATIENCE, done, flow, until
from tests.core.stage import PUSH, Pause, Stage
from tests.fakes.hands import HandClock
from tests.fakes.twilio import ACCOUNT, ANA, BUSINESS, TOKEN, FakeTwilio

PATIENT = Timeouts(total=30, connect=15)  # for what has to come to an end by itself
HASTY = Timeouts(total=1, connect=0.5)
CALLBACK = "https://gw.example.com/whatsapp/status"
BEN = "whatsapp:+15557654321"
USER = "whatsapp:US.1349abc"
TEMPLATE = "HX" + "2" * 32
DAY = 24 * 3600
LONG = " ".join(f"word{number}" for number in range(350))  # two messages of it


def says(*steps):
    """A model's script: words, pauses, and a proper end."""
    pieces = [Text(step) if isinstance(step, str) else step for step in steps]
    return [*pieces, Done(stop_reason="end_turn", usage=None)]


class Connected:
    """A gateway's engine with WhatsApp's adapter, and the fake that it talks to.

    Its turns are of the platform `PUSH`; whether their people may be written to is known of
    their contacts, which are WhatsApp's.
    """

    until, done, flow = until, done, flow

    def __init__(
        self,
        database,
        fake,
        clock,
        *scripts,
        name="a",
        timeouts=PATIENT,
        typing=False,
        service=None,
        leased=None,
    ) -> None:
        self.fake, self.clock, self.database = fake, clock, database
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self.twilio = Twilio(
            session=self.session,
            account=ACCOUNT,
            username=ACCOUNT,
            password=TOKEN,
            api_url=fake.url,
            clock=clock,
            observe=lambda _: None,
            timeouts=timeouts,
            typing_timeout=PATIENCE,
        )
        self.twilio.warm()
        self.announced = []
        adapter = WhatsAppAdapter(
            self.twilio,
            database=database,
            clock=clock,
            service=service,
            status_callback=CALLBACK,
            typing=typing,
            announce=self._announce,
        )
        self.stage = Stage(
            database, *scripts, adapter=adapter, clock=clock, name=name, leased=leased
        )
        self.listeners = Listeners(
            handler=self.stage.handler,
            changes=None,
            database=database,
            clock=clock,
            observe=lambda _: None,
            words=WillWords(),
            on_owed=self._announce,
        )
        self.heirs = []

    async def hear(self, text="Hi", *, person=ANA):
        """A person's message, accepted; returns its sid and the receipt."""
        told = await self.fake.inbound(person, text)
        now = int(self.clock.now() * 1000)
        contact = await self.database.write(contacts.hear, PLATFORM, BUSINESS, [person], now=now)
        event = InboundEvent(
            address=Address(platform=PUSH, account=BUSINESS, conversation=contact.person),
            text=text,
            message_key=f"whatsapp:{ACCOUNT}:{told.sid}",
            origin={"from": person, "sid": told.sid},
        )
        return told.sid, await self.stage.handler.accept(event)

    async def ask(self, text="Hi", *, step=0.1, **options):
        """A person's message, and time until its turn is over; returns the turn."""
        _, receipt = await self.hear(text, **options)
        await self.done(step=step)
        return await self.turn(receipt)

    async def named(self, *names):
        """Somebody has written before, under all these names."""
        now = int(self.clock.now() * 1000)
        await self.database.write(contacts.hear, PLATFORM, BUSINESS, names, now=now)

    async def announce(self, person):
        """Tell somebody that an answer waits, with a template."""
        self.fake.templates[TEMPLATE] = "There is an answer."
        announcer = Announcer(
            self.twilio,
            database=self.database,
            clock=self.clock,
            template=Template(sid=TEMPLATE, variables={}),
            service=None,
            status_callback=CALLBACK,
        )
        await announcer.announce(BUSINESS, await self.contact(person))

    async def later(self, seconds=50):
        """Let time pass, and what is left for anybody be taken."""
        await self.flow(seconds, step=5)
        await self.stage.replica.tick()
        await self.done()

    async def _announce(self, account, person):
        self.announced.append((account, person))

    def seen(self, person=ANA):
        """What a person reads, in order."""
        return self.fake.seen(person)

    def read(self, person=ANA):
        """The words that a person reads, without the numbers of their parts."""
        return [part.rpartition("\n(")[0] or part for part in self.seen(person)]

    async def opted(self, person=ANA, *, out=True):
        """A person wants to hear nothing more, or does again."""
        contact = await self.contact(person)
        now = int(self.clock.now() * 1000)
        await self.database.write(contacts.opt, contact.id, out=out, now=now)

    async def contact(self, person=ANA):
        return await self.database.read(contacts.find, PLATFORM, BUSINESS, person)

    async def report(self, sid, status, code=None):
        """Twilio tells what became of a message."""
        message = self.fake.messages[sid]
        message.status = status
        if code is not None:
            message.error = message.fate = code
        fields = {
            "MessageSid": sid,
            "MessageStatus": status,
            "To": message.to,
            "From": message.sender,
        }
        if code is not None:
            fields["ErrorCode"] = str(code)
        await self.listeners.status(fields)

    async def between(self, number=1, person=ANA):
        """Wait until so many parts are there, and the next is waited with; time stands still."""
        await self.until(lambda: len(self.seen(person)) == number and self.clock.sleepers)

    async def turn(self, receipt):
        return await self.stage.turn(receipt.turn_id)

    async def die(self) -> None:
        """Drop everything where it is, as SIGKILL does; what is on the way is never heard."""
        await self.listeners.stop()
        await self.stage.handler.leave()
        await self.session.close()

    async def succeeded(self, *scripts, **options) -> "Connected":
        """Die, and be followed by a process that has found what is left."""
        await self.die()
        return await self.joined(*scripts, **options)

    async def joined(self, *scripts, **options) -> "Connected":
        """Another process, that takes what has nobody."""
        heir = Connected(self.database, self.fake, self.clock, *scripts, name="heir", **options)
        self.heirs.append(heir)
        await heir.stage.replica.tick()
        await heir.stage.replica.tick()
        return heir

    async def close(self) -> None:
        """End with all that followed."""
        await self.die()
        for heir in self.heirs:
            await heir.close()


@asynccontextmanager
async def connected(database, *scripts, **options):
    """A gateway's engine over a fake Twilio; both end with the test."""
    clock = HandClock()
    async with FakeTwilio(clock=clock) as fake:
        house = Connected(database, fake, clock, *scripts, **options)
        try:
            async with asyncio.timeout(2 * PATIENCE):
                yield house
        finally:
            await house.close()


__all__ = [
    "ANA",
    "BEN",
    "BUSINESS",
    "DAY",
    "HASTY",
    "LONG",
    "PUSH",
    "USER",
    "Connected",
    "Pause",
    "Status",
    "connected",
    "says",
]
