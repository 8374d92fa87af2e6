"""What the tests of the engine share: a replica at work on a database, and what befalls it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import pytest
from sqlalchemy import select, text, update

from core import transcript
from core.answering import Answerer
from core.asking import Asker
from core.attachments import Attachments
from core.bus import LocalBus
from core.conversation import ConversationHandler
from core.database import DatabaseDown
from core.delivery import Courier
from core.live import Live
from core.manner import Manner
from core.memory import Memory, Strategy
from core.models import Limits, Models
from core.obeying import Obeyer
from core.pricing import STANDARD
from core.purse import Money, Purse
from core.replica import Lease, Pulse, Replica
from core.tables import messages, replicas, turns
from core.telling import About
from core.types import Address, InboundEvent
from tests.fakes.clock import VirtualClock
from tests.fakes.scripted import ScriptedModel

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

MODEL = "claude-sonnet-5-5"
SUMMING = "claude-haiku-5-5"
WEB = "web"  # viewers come for the answer: no adapter
PUSH = "push"  # the answer is brought by an adapter
TTL = 3600
PULSE = Pulse()
PATIENCE = 20  # seconds until a test that waits for what never comes gives up

_numbers = count(1)


def event(words="Hi", *, key=None, place="alice", platform=WEB, queue=None):
    """A message, by default one that was never sent before."""
    address = Address(platform=platform, account="x", conversation=place)
    key = key or f"{platform}:{next(_numbers)}"
    return InboundEvent(address=address, text=words, message_key=key, queue=queue)


class Stage:
    """One replica: its model's scripts, its platform, and all the facts that it told.

    Its lease never lapses, unless it is `leased` for so many seconds.
    """

    def __init__(
        self,
        database,
        *scripts,
        adapter=None,
        name="a",
        clock=None,
        leased=None,
        manner=None,
        money=None,
        allowances=(),
        cheap=(),
    ) -> None:
        self.name = name
        self.database = database
        self.clock = clock or VirtualClock()
        self.facts = []
        self.model = ScriptedModel({MODEL: list(scripts), SUMMING: list(cheap)})
        self.live = Live()
        self.lease = Lease(clock=self.clock, seconds=leased)
        world = {"database": database, "observe": self.facts.append, "clock": self.clock}
        models = Models(
            self.model,
            [MODEL],
            observe=self.facts.append,
            clock=self.clock,
            chance=lambda: 1.0,
            limits=Limits(retries=0),
            wishable=(SUMMING,),
        )
        self.fetchers = {}
        self.summing = ScriptedModel({SUMMING: []})
        summing = Models(
            self.summing,
            [SUMMING],
            observe=self.facts.append,
            clock=self.clock,
            chance=lambda: 1.0,
            limits=Limits(retries=0),
        )
        self.purse = Purse(money or Money(prices=STANDARD, model=MODEL), **world)
        self.asker = Asker(models=models, observe=self.facts.append, clock=self.clock)
        self.obeyer = Obeyer(
            database=database,
            clock=self.clock,
            pick=random.choice,
            about=About(name="Chat Gateway", version="9.8.7", models=(MODEL, SUMMING), demo=False),
            personas=None if manner is None else manner.personas,
        )
        self.answerer = Answerer(
            obeyer=self.obeyer,
            database=database,
            asker=self.asker,
            attachments=Attachments(**world, fetchers=self.fetchers),
            memory=Memory(**world, models=summing, purse=self.purse),
            purse=self.purse,
            manner=manner or Manner(system_prompt="Be kind.", strategy=Strategy.WINDOW),
        )
        self.handler = ConversationHandler(
            **world,
            answerer=self.answerer,
            courier=Courier(**world, fence=self.lease.check, stop=self.answerer.stop),
            adapters={PUSH: adapter} if adapter else {},
            live=self.live,
            bus=LocalBus(),
            replica=name,
            session_ttl=TTL,
            allowances=allowances,
        )
        self.replica = Replica(name, **world, handler=self.handler, lease=self.lease, pulse=PULSE)

    async def say(self, words="Hi", **options):
        """Accept a message."""
        return await self.handler.accept(event(words, **options))

    async def done(self):
        """Wait until no turn runs here."""
        assert await self.handler.idle(PATIENCE)

    async def ask(self, words="Hi", **options):
        """Accept a message and wait until all turns are over; returns the message's turn."""
        receipt = await self.say(words, **options)
        await self.done()
        return await self.turn(await self.handler.turn_of(receipt))

    async def watch(self, turn_id, cursor=None):
        """All updates of a turn."""
        return [update async for update in self.handler.follow(turn_id, cursor)]

    async def turn(self, turn_id):
        """A turn's row."""
        return await self.database.read(
            lambda db: db.execute(select(turns).where(turns.c.id == turn_id)).one()
        )

    async def answer(self, turn_id):
        """The parts that are stored as a turn's answer; None if there are none."""
        return await self.database.read(_answer, turn_id)

    async def said(self, session_id):
        """The conversation as (role, text) pairs."""
        rows = await self.database.read(
            transcript.conversation, session_id, before=None, limit=1000
        )
        return [(row.role, row.parts[0].get("text")) for row, _ in rows]

    def told(self, kind):
        """The facts of one kind."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def asked(self):
        """The newest message of each prompt that the model was given."""
        return [prompt.messages[-1].text for prompt in self.model.prompts]


@asynccontextmanager
async def stage(database, *scripts, **options) -> AsyncIterator[Stage]:
    """A replica, whose turns end with the test; a test that hangs fails."""
    made = Stage(database, *scripts, **options)
    try:
        async with asyncio.timeout(PATIENCE):
            yield made
    finally:
        await made.handler.abandon()


def _answer(db, turn_id):
    query = select(messages.c.content)
    mine = query.where(messages.c.turn_id == turn_id, messages.c.role == "assistant")
    return db.execute(mine).scalar()


class Pause:
    """A step that tells when it is reached, and waits until it may go on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._open = asyncio.Event()

    async def __call__(self) -> None:
        self.reached.set()
        await self._open.wait()

    def go(self) -> None:
        self._open.set()


class Platform:
    """A platform that sends one part an answer, and writes down what reaches it.

    Each call meets the next of `faults`: an error is raised once the text is there and its
    part is noted, `None` is a call that goes well. A `Pause` is waited for first of all.
    """

    def __init__(self, *faults) -> None:
        self.offered = []  # the text of each call
        self.known = []  # the parts that each call found noted
        self.taken = []  # the texts that were sent
        self._faults = iter(faults)

    async def deliver(self, delivery, draft):
        self.known.append(dict(delivery.parts))
        fault = next(self._faults, None)
        if isinstance(fault, Pause):
            await fault()
        await draft.end()
        whole = draft.text
        self.offered.append(whole)
        delivery.check()
        if isinstance(fault, Exception):
            await delivery.checkpoint(0, f"begun {len(self.offered)}", sent=False)
            raise fault
        self.taken.append(whole)
        await delivery.checkpoint(0, "sent")


IN_DOUBT = object()


class Troubled:
    """A database whose writes of one function meet trouble, a step a call.

    An error is raised instead of the write, `IN_DOUBT` is an error after it, `None` is none,
    and anything else is called and awaited before it.
    """

    def __init__(self, database) -> None:
        self.single = database.single
        self.calls = []
        self._writes = []
        self._database = database
        self._steps = {}

    def meet(self, fn, *steps) -> None:
        """From now on, the calls of `fn` meet these steps."""
        self._steps[fn] = list(steps)

    async def read(self, fn, *args, **kwargs):
        return await self._do(self._database.read, fn, *args, **kwargs)

    async def write(self, fn, *args, **kwargs):
        # As every write, it happens although nobody waits for it any more.
        doing = asyncio.create_task(self._do(self._database.write, fn, *args, **kwargs))
        self._writes.append(doing)
        return await asyncio.shield(doing)

    async def settled(self):
        """Wait for all writes so far."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _do(self, verb, fn, *args, **kwargs):
        self.calls.append(fn)
        steps = self._steps.get(fn)
        step = steps.pop(0) if steps else None
        if isinstance(step, Exception):
            raise step
        if step is not None and step is not IN_DOUBT:
            await step()
        result = await verb(fn, *args, **kwargs)
        if step is IN_DOUBT:
            raise DatabaseDown("the connection broke during COMMIT")
        return result


async def eventually(look) -> None:
    """Let others work until `look`, awaited again and again, finds what it looks for."""
    while not await look():  # noqa: ASYNC110 - nothing is there to tell
        await asyncio.sleep(0)


def locked_out(db):
    """How many of PostgreSQL's sessions wait for a lock of another's."""
    waits = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return db.execute(waits).scalar()


def silence(db, replica):
    """Let a replica's last sign of life be long ago."""
    db.execute(update(replicas).where(replicas.c.id == replica).values(beat_at=0))
