"""An inbound message becomes a turn.

It is stored before its platform hears "ok", answered once, in the order of its session, and
delivered until done, whichever replica dies on the way.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection

from core import arrivals, outcomes, past, transcript
from core.admission import STEP, Admission
from core.answering import Answerer
from core.database import Database
from core.delivery import Courier
from core.errors import Transient
from core.facts import Accepted
from core.live import Cursor, Live, Update
from core.past import Past
from core.ports import Adapter, Bus, Clock, Observer
from core.rates import Allowance
from core.types import Address, InboundEvent, Receipt, Turn
from core.viewers import Viewers
from core.worker import Worker

P = ParamSpec("P")
T = TypeVar("T")


class ConversationHandler:
    """What every platform's adapter hands its messages to."""

    def __init__(  # noqa: PLR0913 - here everything meets
        self,
        *,
        database: Database,
        answerer: Answerer,
        courier: Courier,
        adapters: Mapping[str, Adapter],
        live: Live,
        bus: Bus,
        observe: Observer,
        clock: Clock,
        replica: str,
        session_ttl: int,
        allowances: Sequence[Allowance] = (),
    ) -> None:
        self._database = database
        self._worker = Worker(
            database=database,
            answerer=answerer,
            courier=courier,
            adapters=adapters,
            live=live,
            observe=observe,
            clock=clock,
        )
        self._viewers = Viewers(database, live)
        self._bus = bus
        self._observe = observe
        self._clock = clock
        self._replica = replica
        self._session_ttl = session_ttl * 1000
        self.allowances = allowances
        self._line = Admission(self._begin, clock=clock.monotonic)
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[int] = set()  # those in line included
        self._left = False
        self._hurried = asyncio.Event()
        self.accepting = True
        bus.on("stop", self._on_stop)

    # --- what adapters call ---

    async def accept(self, event: InboundEvent) -> Receipt:
        """Store a message, and start its turn. Once this returns, the message will be answered.

        Safe to repeat, and to be cancelled: what was stored is answered all the same.
        Raises `Transient` (`DatabaseDown`, or the server is stopping): then it is not stored,
        or its platform must ask again to know.
        """
        if not self.accepting:
            raise Transient("the server is restarting", retry_after=2)
        return await asyncio.shield(self._accept(event))

    async def stop(self, turn_id: int) -> None:
        """End a turn's answer where it is, on whichever replica it runs; idempotent."""
        await self._bus.send("stop", str(turn_id).encode())

    async def reset(self, address: Address, *, names_free: bool = False) -> bool:
        """Let the conversation at an address start afresh; False if there is none.

        With `names_free` its messages' keys may be used again, for other messages: that is for
        platforms whose clients choose them, and count from 1 in each conversation.
        """
        session_id = await self._database.read(transcript.find_session, address)
        if session_id is None:
            return False
        running = await self._database.read(outcomes.open_turn, session_id)
        # First of all: what waits begins as soon as the running answer is stopped.
        await self._database.write(transcript.reset, session_id, names_free=names_free)
        if running is not None:
            await self.stop(running)
        return True

    async def turn_of(self, receipt: Receipt) -> int:
        """Wait for the turn that answers a message; at once unless another turn runs first."""
        return await self._viewers.turn_of(receipt)

    def watch(self, receipt: Receipt) -> AsyncGenerator[Update, None]:
        """Yield the updates of the turn that answers a message, as soon as it has begun."""
        return self._viewers.watch(receipt)

    def follow(self, turn_id: int, cursor: Cursor | None = None) -> AsyncGenerator[Update, None]:
        """Yield a turn's updates from a cursor on, to its end, wherever and whenever it runs."""
        return self._viewers.follow(turn_id, cursor)

    # --- what the replica calls ---

    @property
    def running(self) -> frozenset[int]:
        """The turns that this replica works on."""
        return frozenset(self._running)

    @property
    def waiting(self) -> int:
        """How many of them have yet to begin: the process is busy with others."""
        return len(self._line)

    def start(self, turn: Turn, found: Past | None = None) -> None:
        """Work on a turn, and on what follows it in its session, until nothing is left.

        `found` is what the turn's model may see, if the caller has just read it.
        """
        if self._left:
            return  # it waits, stored, for whoever is next
        self._running.add(turn.id)
        if not self._worker.brings(turn) or self._line.enter(turn):
            self._begin(turn, found)

    def _begin(self, turn: Turn, found: Past | None = None) -> None:
        task = asyncio.create_task(self._run(turn, found), name=f"turn {turn.id}")
        self._tasks.add(task)  # the loop itself would let it be collected
        task.add_done_callback(lambda _: self._running.discard(turn.id))
        task.add_done_callback(self._tasks.discard)

    async def idle(self, seconds: float) -> bool:
        """Wait until no turn runs here; False if some still do after `seconds`."""
        ended = asyncio.create_task(self._ended())
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({ended, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        hurried.cancel()
        return not self._tasks and not self._line

    async def _ended(self) -> None:
        while self._tasks or self._line:
            if self._tasks:
                await asyncio.wait(self._tasks)
            else:
                await asyncio.sleep(STEP)

    def hurry(self) -> None:
        """End `idle` now, whatever still runs."""
        self._hurried.set()

    def retire(self) -> None:
        """Take no more messages, and begin no turn that waits: they are stored for the next."""
        self.accepting = False
        self._running.difference_update(turn.id for turn in self._line.clear())

    async def leave(self) -> None:
        """Drop every turn, and begin none any more."""
        self._left = True
        await self.abandon()

    async def abandon(self) -> frozenset[int]:
        """Drop every turn where it is, unfinished; whoever owns it then goes on.

        Returns the turns that were dropped.
        """
        dropped, tasks = self.running, list(self._tasks)
        self._running.difference_update(turn.id for turn in self._line.clear())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._worker.rest()
        return dropped

    # --- the way of a turn ---

    def _on_stop(self, message: bytes) -> None:
        if (turn_id := int(message)) in self._running:
            self._worker.stop(turn_id)

    async def _accept(self, event: InboundEvent) -> Receipt:
        begun = self._clock.monotonic()
        now = self._now()
        receipt, found = await self._database.write(
            _accept,
            event,
            owner=self._replica,
            now=now,
            stale_before=now - self._session_ttl,
            allowances=self.allowances,
        )
        if receipt.turn is not None:
            self.start(receipt.turn, found)
        self._observe(
            Accepted(
                platform=event.address.platform,
                session_id=receipt.session_id,
                message_id=receipt.message_id,
                turn_id=receipt.turn_id,
                duplicate=receipt.duplicate,
                seconds=self._clock.monotonic() - begun,
            )
        )
        return receipt

    async def _run(self, turn: Turn, found: Past | None) -> None:
        following = await self._attempt(turn, found)
        # After a commit in doubt, what follows may be one that a message has opened since.
        while following is not None and following.id not in self._running:
            following = await self._attempt(following, None)

    async def _attempt(self, turn: Turn, found: Past | None) -> Turn | None:
        self._running.add(turn.id)
        try:
            return await self._worker.attempt(turn, found)
        finally:
            self._running.discard(turn.id)

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _accept(  # noqa: PLR0913 - as `arrivals.accept`
    db: Connection,
    event: InboundEvent,
    *,
    owner: str,
    now: int,
    stale_before: int,
    allowances: Sequence[Allowance],
) -> tuple[Receipt, Past | None]:
    """Accept, and read at once what the turn will need: one trip to the database less."""
    receipt = arrivals.accept(
        db,
        event,
        owner=owner,
        now=now,
        stale_before=stale_before,
        allowances=() if event.command else allowances,
    )
    if receipt.turn is None:
        return receipt, None
    return receipt, past.read(db, receipt.session_id, turn_id=receipt.turn.id)
