"""From a turn to its answer: what the model is shown, what it says, and what is kept of it."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from core import commands, context, outcomes, transcript
from core.database import Database
from core.errors import Rejected, TooLong
from core.facts import FirstText
from core.live import TurnLog
from core.models import Answered, Models, NoModel, Opening
from core.ports import Clock, Observer
from core.pricing import Bill
from core.text import NOTICES, render
from core.transcript import Spoken
from core.turns import BLAME_LIMIT
from core.types import STOPPED, Answer, Failure, Notice, Part, Prompt, Status, Turn

COALESCE = 0.025  # seconds between two looks at a model's stream, after its first words
# Where a person answers within minutes; on messengers an hour goes by easily.
QUICK_PLATFORMS = frozenset({"web"})


class Answerer:
    """Asks the models, writes what they say into the turn's log, and can be stopped."""

    def __init__(
        self,
        *,
        database: Database,
        models: Models,
        observe: Observer,
        clock: Clock,
        system_prompt: str,
    ) -> None:
        self._database = database
        self._models = models
        self._observe = observe
        self._clock = clock
        self._system = system_prompt
        self._asking: dict[int, asyncio.Task[Any]] = {}
        self._stopped: set[int] = set()

    async def answer(
        self, turn: Turn, log: TurnLog, spoken: Sequence[Spoken] | None = None
    ) -> Answer:
        """The turn's answer, also if that is an apology. Asks no model twice for a stored one.

        `spoken` is what the model may see; it is read if it is not given.
        """
        if turn.status == Status.ANSWERED:
            return await self._stored(turn, log)
        if turn.blame >= BLAME_LIMIT:
            return failed(Failure.CRASHED, Bill())
        return await self._fresh(turn, log, spoken)

    def stop(self, turn_id: int) -> None:
        """End a running turn's answer where it is. What was said so far is kept."""
        if turn_id in self._stopped:
            return  # a second cancel would count as somebody else's
        self._stopped.add(turn_id)
        if (task := self._asking.get(turn_id)) is not None:
            task.cancel()

    def forget(self, turn_id: int) -> None:
        """The turn is over: no stop can reach it any more."""
        self._stopped.discard(turn_id)

    async def _stored(self, turn: Turn, log: TurnLog) -> Answer:
        answer = await self._database.read(outcomes.answered, turn.id)
        if answer.error is None:
            log.append(render(answer.parts))
        return answer

    async def _fresh(self, turn: Turn, log: TurnLog, spoken: Sequence[Spoken] | None) -> Answer:
        if spoken is None:
            spoken = await self._database.read(transcript.spoken, turn.session_id, turn_id=turn.id)
        if given := commands.given(spoken, turn.id):
            spoken = await self._obey(turn, log, given, spoken)
            if not spoken:
                return Answer(status=Status.DONE, parts=({"type": "text", "text": log.text},))
        asked = context.build(
            commands.without(spoken),
            turn_id=turn.id,
            system="\n\n".join(filter(None, (self._system, turn.system))),
            cache="5m" if turn.address.platform in QUICK_PLATFORMS else "1h",
        )
        bill = Bill()
        try:
            answered = await self._ask_or_shorten(turn, log, asked.prompt, bill)
        except Rejected:
            return failed(Failure.REJECTED, bill)
        except NoModel:
            return failed(Failure.UNAVAILABLE, bill)
        return _kept(answered, log, bill, asked.window_from)

    async def _obey(
        self, turn: Turn, log: TurnLog, given: Sequence[str], spoken: Sequence[Spoken]
    ) -> Sequence[Spoken]:
        """Do what a turn's commands say; returns what is left for a model, nothing if they are all.

        Bears repetition: whoever takes the turn over does it again.
        """
        log.append(commands.reply(given))
        words = [said for said in commands.without(spoken) if said.turn_id == turn.id]
        if commands.NEW in given:
            first = turn.id if words else turn.id + 1
            await self._database.write(transcript.start_at, turn.session_id, first)
            spoken = words
        if words:
            log.append("\n\n")
        return spoken if words else ()

    async def _ask_or_shorten(
        self, turn: Turn, log: TurnLog, prompt: Prompt, bill: Bill
    ) -> Answered | None:
        """Ask; and once more for less, if it was too long."""
        try:
            return await self._ask(turn, log, prompt, bill)
        except TooLong:
            shorter = context.shrink(prompt)
            if shorter is None:
                raise
        return await self._ask(turn, log, shorter, bill)

    async def _ask(self, turn: Turn, log: TurnLog, prompt: Prompt, bill: Bill) -> Answered | None:
        """Stream the models' answer into the log; None when it was stopped."""
        if turn.id in self._stopped:
            return None
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._asking[turn.id] = task
        try:
            return await self._stream(turn, log, prompt, bill)
        except asyncio.CancelledError:
            if turn.id not in self._stopped or task.uncancel():
                raise  # it is dropped, stopped or not
            return None
        finally:
            del self._asking[turn.id]

    async def _stream(self, turn: Turn, log: TurnLog, prompt: Prompt, bill: Bill) -> Answered:
        begun = self._clock.monotonic()
        now = asyncio.get_running_loop().time
        look = now()
        async with aclosing(self._models.stream(prompt, bill)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Answered):
                    return piece
                log.append(piece.text)
                if isinstance(piece, Opening):
                    look = now()
                    self._first(turn, piece.model, self._clock.monotonic() - begun)
                # The next look finds all that came meanwhile: one write for many words. Each
                # stream keeps to its own beat, or all would come to wake and end together.
                look = max(look + COALESCE, now())
                await asyncio.sleep(look - now())
        raise AssertionError("models.stream ends in Answered")

    def _first(self, turn: Turn, model: str, seconds: float) -> None:
        fact = FirstText(turn_id=turn.id, session_id=turn.session_id, model=model, seconds=seconds)
        self._observe(fact)


def failed(failure: Failure, bill: Bill) -> Answer:
    """What is stored for a turn that could not be answered."""
    return Answer(status=Status.FAILED, error=failure, usage=bill.usage, cost=bill.cost)


def _kept(answered: Answered | None, log: TurnLog, bill: Bill, window_from: int | None) -> Answer:
    if answered is None:
        return Answer(
            status=Status.CANCELLED,
            parts=({"type": "text", "text": log.text},) if log.text else (),
            stop_reason=STOPPED,
            usage=bill.usage,
            cost=bill.cost,
            window_from=window_from,
        )
    parts: tuple[Part, ...] = ({"type": "text", "text": log.text},)
    notice = _notice(answered)
    if notice is Notice.REFUSED:
        # Half an answer that the model itself took back is neither shown nor remembered.
        parts = ()
        log.reset()
    if notice is not None:
        parts = (*parts, {"type": "notice", "notice": notice})
        log.append(NOTICES[notice])
    return Answer(
        status=Status.DONE,
        parts=parts,
        model=answered.model,
        stop_reason=answered.stop_reason,
        usage=answered.usage,
        cost=answered.cost,
        window_from=window_from,
    )


def _notice(answered: Answered) -> Notice | None:
    if answered.interrupted:
        return Notice.INTERRUPTED
    return {
        "max_tokens": Notice.TRUNCATED,
        "model_context_window_exceeded": Notice.TRUNCATED,
        "refusal": Notice.REFUSED,
    }.get(answered.stop_reason)
