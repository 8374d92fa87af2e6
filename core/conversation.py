"""An inbound message becomes a turn.

It is stored before its platform hears "ok", answered once, in the order of its session, and
delivered until done, whichever replica dies on the way.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import ParamSpec, TypeVar

from sqlalchemy import Connection

from core import outcomes, transcript, turns
from core.admission import Admission
from core.answering import Answerer
from core.database import Database
from core.delivery import Courier
from core.errors import Fenced, Transient
from core.facts import Accepted, TurnBroke, TurnClosed, TurnFenced
from core.live import Cursor, Live, TurnLog, Update
from core.patience import PatientWriter
from core.ports import Adapter, Bus, Clock, Observer
from core.transcript import Spoken
from core.types import Address, Answer, InboundEvent, Outcome, Receipt, Status, Turn, Usage
from core.viewers import Viewers

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
        admission: Admission | None = None,
    ) -> None:
        self._database = database
        self._patient = PatientWriter(database, clock)
        self._answerer = answerer
        self._courier = courier
        self._adapters = adapters
        self._live = live
        self._viewers = Viewers(database, live)
        self._bus = bus
        self._observe = observe
        self._clock = clock
        self._replica = replica
        self._session_ttl = session_ttl * 1000
        self._admission = admission or Admission()
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: set[int] = set()
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
        if running is not None:
            await self.stop(running)
        await self._database.write(transcript.reset, session_id, names_free=names_free)
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
        return self._admission.waiting

    def start(self, turn: Turn, spoken: Sequence[Spoken] | None = None) -> None:
        """Work on a turn, and on what follows it in its session, until nothing is left.

        `spoken` is what the turn's model may see, if the caller has just read it.
        """
        if self._left:
            return  # it waits, stored, for whoever is next
        self._running.add(turn.id)
        task = asyncio.create_task(self._run(turn, spoken), name=f"turn {turn.id}")
        self._tasks.add(task)  # the loop itself would let it be collected
        task.add_done_callback(lambda _: self._running.discard(turn.id))
        task.add_done_callback(self._tasks.discard)

    async def idle(self, seconds: float) -> bool:
        """Wait until no turn runs here; False if some still do after `seconds`."""
        tasks = set(self._tasks)
        if not tasks:
            return True
        ended = asyncio.create_task(asyncio.wait(tasks))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({ended, hurried}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        hurried.cancel()
        return all(task.done() for task in tasks)

    def hurry(self) -> None:
        """End `idle` now, whatever still runs."""
        self._hurried.set()

    async def leave(self) -> None:
        """Drop every turn, and begin none any more."""
        self._left = True
        await self.abandon()

    async def abandon(self) -> frozenset[int]:
        """Drop every turn where it is, unfinished; whoever owns it then goes on.

        Returns the turns that were dropped.
        """
        dropped, tasks = self.running, list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return dropped

    # --- the way of a turn ---

    def _on_stop(self, message: bytes) -> None:
        if (turn_id := int(message)) in self._running:
            self._answerer.stop(turn_id)

    async def _accept(self, event: InboundEvent) -> Receipt:
        begun = self._clock.monotonic()
        now = self._now()
        receipt, spoken = await self._database.write(
            _accept,
            event,
            owner=self._replica,
            now=now,
            stale_before=now - self._session_ttl,
        )
        if receipt.turn is not None:
            self.start(receipt.turn, spoken)
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

    async def _run(self, turn: Turn, spoken: Sequence[Spoken] | None) -> None:
        following = await self._attempt(turn, spoken)
        # After a commit in doubt, what follows may be one that a message has opened since.
        while following is not None and following.id not in self._running:
            following = await self._attempt(following, None)

    async def _attempt(self, turn: Turn, spoken: Sequence[Spoken] | None) -> Turn | None:
        who = {"turn_id": turn.id, "session_id": turn.session_id, "attempt": turn.attempt}
        self._running.add(turn.id)
        log = self._live.open(turn)
        try:
            return await self._take(turn, log, spoken)
        except Fenced:
            self._observe(TurnFenced(**who))
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn is tried again
            self._observe(TurnBroke(**who, error=error))
        finally:
            if log.outcome is None:
                log.abandon()
            self._live.drop(log)
            self._running.discard(turn.id)
            self._answerer.forget(turn.id)
        return None

    async def _take(self, turn: Turn, log: TurnLog, spoken: Sequence[Spoken] | None) -> Turn | None:
        """Answer one turn, deliver the answer, close it; returns the one that follows."""
        adapter = self._adapters.get(turn.address.platform)
        if adapter is not None:
            await self._admission.enter()
        begun = self._clock.monotonic()
        if adapter is None:
            answer, following = await self._show(turn, log, spoken)
        else:
            answer, following = await self._send(adapter, turn, log, spoken)
        self._observe(
            TurnClosed(
                platform=turn.address.platform,
                turn_id=turn.id,
                session_id=turn.session_id,
                attempt=turn.attempt,
                status=answer.status,
                seconds=self._clock.monotonic() - begun,
                model=answer.model,
                stop_reason=answer.stop_reason,
                usage=answer.usage,
                cost=answer.cost,
                error=answer.error,
            )
        )
        if following is None:
            return None
        for message_id in following.message_ids:
            self._live.tell("message", message_id)
        return following.turn

    async def _show(
        self, turn: Turn, log: TurnLog, spoken: Sequence[Spoken] | None
    ) -> tuple[Answer, turns.Next | None]:
        """A turn whose viewers come for the answer themselves: stored is done."""
        answer = await self._answerer.answer(turn, log, spoken)
        now = self._now()
        message_id, following = await self._patient.write(turns.close, turn, answer, now=now)
        log.close(_outcome(turn, log, answer, message_id, now))
        return answer, following

    async def _send(
        self, adapter: Adapter, turn: Turn, log: TurnLog, spoken: Sequence[Spoken] | None
    ) -> tuple[Answer, turns.Next | None]:
        """A turn whose answer is brought to its platform, while it grows and until it is there."""
        delivering = asyncio.create_task(self._courier.deliver(adapter, turn, log))
        try:
            answer = await self._answerer.answer(turn, log, spoken)
            now = self._now()
            message_id = await self._patient.write(turns.finish, turn, answer, now=now)
            log.close(_outcome(turn, log, answer, message_id, now))
            undelivered = await delivering
        finally:
            # Whoever goes on with the turn must be alone with its platform.
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)
        if undelivered:
            answer = replace(answer, status=Status.FAILED, error=answer.error or undelivered)
        following = await self._patient.write(
            turns.settle, turn, status=answer.status, error=answer.error, now=self._now()
        )
        return answer, following

    def _now(self) -> int:
        return int(self._clock.now() * 1000)


def _accept(
    db: Connection, event: InboundEvent, *, owner: str, now: int, stale_before: int
) -> tuple[Receipt, list[Spoken] | None]:
    """Accept, and read at once what the turn will need: one trip to the database less."""
    receipt = turns.accept(db, event, owner=owner, now=now, stale_before=stale_before)
    if receipt.turn is None:
        return receipt, None
    return receipt, transcript.spoken(db, receipt.session_id, turn_id=receipt.turn.id)


def _outcome(turn: Turn, log: TurnLog, answer: Answer, message_id: int | None, now: int) -> Outcome:
    return Outcome(
        turn_id=turn.id,
        attempt=turn.attempt,
        status=answer.status,
        text=log.text,
        model=answer.model,
        stop_reason=answer.stop_reason,
        usage=answer.usage or Usage(),
        error=answer.error,
        message_id=message_id,
        created_at=now,
    )
