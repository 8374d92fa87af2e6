"""The way of one turn: it is answered, its answer is brought to its platform, and it is closed."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from core import turns
from core.answering import Answerer
from core.database import Database
from core.delivery import Courier
from core.errors import Fenced
from core.facts import PersonaBroke, Saved, TurnBroke, TurnClosed, TurnFenced
from core.live import Live, TurnLog
from core.past import Past
from core.patience import PatientWriter
from core.ports import Adapter, Clock, Observer
from core.types import Answer, Outcome, Status, Turn, Usage


class Worker:
    """Works on a turn until it is over, or somebody else's."""

    def __init__(  # noqa: PLR0913 - here everything meets
        self,
        *,
        database: Database,
        answerer: Answerer,
        courier: Courier,
        adapters: Mapping[str, Adapter],
        live: Live,
        observe: Observer,
        clock: Clock,
    ) -> None:
        self._patient = PatientWriter(database, clock)
        self._answerer = answerer
        self._courier = courier
        self._adapters = adapters
        self._live = live
        self._observe = observe
        self._clock = clock

    def brings(self, turn: Turn) -> bool:
        """Whether its answer is brought to its platform; else its viewers come for it."""
        return turn.address.platform in self._adapters

    def stop(self, turn_id: int) -> None:
        """End the answer of a turn that is worked on here, where it is."""
        self._answerer.stop(turn_id)

    async def rest(self) -> None:
        """Drop what is done beside the turns."""
        await self._answerer.rest()

    async def attempt(self, turn: Turn, found: Past | None) -> Turn | None:
        """Answer, bring and close a turn; returns the one that follows in its session, if any.

        `found` is what the turn's model may see, if it was just read. What goes wrong is told,
        not raised: the turn then stays open, for its next owner.
        """
        who = {"turn_id": turn.id, "session_id": turn.session_id, "attempt": turn.attempt}
        log = self._live.open(turn)
        try:
            return await self._take(turn, log, found)
        except Fenced:
            self._observe(TurnFenced(**who))
        except Exception as error:  # noqa: BLE001 - whatever it is, the turn is tried again
            self._observe(TurnBroke(**who, error=error))
        finally:
            if log.outcome is None:
                log.abandon()
            self._live.drop(log)
            self._answerer.forget(turn.id)
        return None

    async def _take(self, turn: Turn, log: TurnLog, found: Past | None) -> Turn | None:
        """Answer one turn, deliver the answer, close it; returns the one that follows."""
        begun = self._clock.monotonic()
        adapter = self._adapters.get(turn.address.platform)
        if adapter is None:
            answer, following = await self._show(turn, log, found)
        else:
            answer, following = await self._send(adapter, turn, log, found)
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
        if saved := self._answerer.saved(answer):
            self._observe(Saved(turn_id=turn.id, model=answer.model or "", amount=saved))
        for rule in answer.findings:
            self._observe(
                PersonaBroke(
                    turn_id=turn.id,
                    session_id=turn.session_id,
                    persona=answer.persona or "",
                    rule=rule,
                )
            )
        self._answerer.over(turn, answer)
        if following is None:
            return None
        for message_id in following.message_ids:
            self._live.tell("message", message_id)
        return following.turn

    async def _show(
        self, turn: Turn, log: TurnLog, found: Past | None
    ) -> tuple[Answer, turns.Next | None]:
        """A turn whose viewers come for the answer themselves: stored is done."""
        answer = await self._answerer.answer(turn, log, found)
        now = self._now()
        message_id, following = await self._patient.write(turns.close, turn, answer, now=now)
        log.close(_outcome(turn, log, answer, message_id, now))
        return answer, following

    async def _send(
        self, adapter: Adapter, turn: Turn, log: TurnLog, found: Past | None
    ) -> tuple[Answer, turns.Next | None]:
        """A turn whose answer is brought to its platform, while it grows and until it is there."""
        delivering = asyncio.create_task(self._courier.deliver(adapter, turn, log))
        try:
            answer = await self._answerer.answer(turn, log, found)
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
        language=log.language,
        created_at=now,
    )
