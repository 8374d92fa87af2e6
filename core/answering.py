"""From a turn to its answer: what the model is shown, what it says, and what is kept of it."""

from dataclasses import dataclass, replace
from typing import Literal

from core import attachments, commands, context, outcomes, past, transcript
from core.asking import Asker
from core.attachments import Attachments, Files
from core.context import Context
from core.database import Database
from core.errors import Rejected, TooLong
from core.live import TurnLog
from core.memory import Memory, Strategy
from core.models import Answered, NoModel
from core.past import Past
from core.pricing import Bill
from core.text import NOTICES, render, words
from core.transcript import Spoken
from core.turns import BLAME_LIMIT
from core.types import STOPPED, Answer, Failure, Notice, Part, Status, Turn

# Where a person answers within minutes; on messengers an hour goes by easily.
QUICK_PLATFORMS = frozenset({"web"})
IDLE = {"5m": 300.0, "1h": 3600.0}  # seconds until a provider forgets what it kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How conversations are held: what opens them, and what becomes of long ones.

    With `moment` the model is told when and where something was said, and by whom.
    """

    system_prompt: str
    strategy: Strategy = Strategy.SUMMARY
    moment: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """A turn on its way to an answer; `opening` is what the person is told before it."""

    turn: Turn
    log: TurnLog
    bill: Bill
    past: Past
    opening: str
    files: Files

    @property
    def own(self) -> list[Spoken]:
        """The messages that it answers."""
        return [said for said in self.past.spoken if said.turn_id == self.turn.id]


class Answerer:
    """Answers turns: by itself, or by asking the models."""

    def __init__(
        self,
        *,
        database: Database,
        asker: Asker,
        attachments: Attachments,
        memory: Memory,
        manner: Manner,
    ) -> None:
        self._database = database
        self._asker = asker
        self._attachments = attachments
        self._memory = memory
        self._manner = manner

    async def answer(self, turn: Turn, log: TurnLog, found: Past | None = None) -> Answer:
        """The turn's answer, also if that is an apology. Asks no model twice for a stored one.

        `found` is what the model may see; it is read if it is not given.
        """
        if turn.status == Status.ANSWERED:
            return await self._stored(turn, log)
        if turn.blame >= BLAME_LIMIT:
            return failed(Failure.CRASHED, Bill())
        return await self._fresh(turn, log, found)

    def stop(self, turn_id: int) -> None:
        """End a running turn's answer where it is. What was said so far is kept."""
        self._asker.stop(turn_id)

    def forget(self, turn_id: int) -> None:
        """The turn is over: no stop can reach it any more."""
        self._asker.forget(turn_id)

    def over(self, turn: Turn, answer: Answer) -> None:
        """The answer is delivered and the turn closed: there is time to condense what was said."""
        self._memory.after(turn, self._manner.strategy, answer.shown)

    async def rest(self) -> None:
        """Drop what is done beside the turns."""
        await self._memory.stop()

    async def _stored(self, turn: Turn, log: TurnLog) -> Answer:
        answer = await self._database.read(outcomes.answered, turn.id)
        if answer.error is None:
            log.append(render(answer.parts))
        return answer

    async def _fresh(self, turn: Turn, log: TurnLog, found: Past | None) -> Answer:
        if found is None:
            found = await self._database.read(past.read, turn.session_id, turn_id=turn.id)
        opening, found = await self._obey(turn, found)
        idle = IDLE[_ttl(turn)]
        found = await self._memory.resume(turn, found, self._manner.strategy, idle=idle)
        case = _Case(turn=turn, log=log, bill=Bill(), past=found, opening=opening, files={})
        try:
            return await self._with_files(case)
        except Rejected:
            return failed(Failure.REJECTED, case.bill)
        except NoModel:
            return failed(Failure.UNAVAILABLE, case.bill)

    async def _obey(self, turn: Turn, found: Past) -> tuple[str, Past]:
        """Do what a turn's commands say; returns the reply to them, and what is left for a model.

        Bears repetition: whoever takes the turn over does it again.
        """
        given, told = commands.given(found.spoken, turn.id), commands.told(found.spoken, turn.id)
        left = replace(found, spoken=tuple(commands.without(found.spoken)))
        if commands.NEW in given:
            own = tuple(said for said in left.spoken if said.turn_id == turn.id)
            first = turn.id if own else turn.id + 1
            await self._database.write(transcript.start_at, turn.session_id, first)
            left = Past(spoken=own, window_from=first, history_from=first)
        return "\n\n".join(filter(None, (commands.reply(given), *told))), left

    async def _with_files(self, case: _Case) -> Answer:
        """Answer what was said and sent; without the newest files if no model would have them."""
        case = replace(case, files=await self._attachments.gather(case.past.spoken))
        try:
            return await self._say(case)
        except Rejected:
            if not (shown := attachments.shown(case.own, case.files)):
                raise
        await self._attachments.give_up(shown)
        case.log.reset()
        return await self._say(
            replace(case, files=await self._attachments.gather(case.past.spoken))
        )

    async def _say(self, case: _Case) -> Answer:
        """What the person has to be told, then what a model says, if there is anything to ask."""
        own, told = case.own, attachments.told(case.own, case.files)
        opening = "\n\n".join(filter(None, (case.opening, told)))
        is_asked = attachments.shown(own, case.files) or any(words(said.parts) for said in own)
        if opening:
            case.log.append(f"{opening}\n\n" if is_asked else opening)
        if opening and not is_asked:
            return Answer(status=Status.DONE, parts=({"type": "text", "text": opening},))
        return await self._ask_or_shorten(case)

    async def _ask_or_shorten(self, case: _Case) -> Answer:
        """Ask; for half of it if it was too long, and then for the question alone."""
        for at_once in (False, True):
            try:
                return await self._ask(case)
            except TooLong:
                shorter = await self._memory.shorten(case.turn, case.past, at_once=at_once)
                if shorter is None:
                    raise
                case = replace(case, past=shorter)
        return await self._ask(case)

    async def _ask(self, case: _Case) -> Answer:
        asked = self._context(case)
        answered = await self._asker.ask(case.turn, case.log, asked.prompt, case.bill)
        return _kept(answered, case, asked)

    def _context(self, case: _Case) -> Context:
        manner, turn = self._manner, case.turn
        return context.build(
            case.past,
            turn_id=turn.id,
            system="\n\n".join(filter(None, (manner.system_prompt, turn.system))),
            cache=_ttl(turn),
            files=case.files,
            cut=manner.strategy is Strategy.WINDOW,
            moment=manner.moment,
        )


def _ttl(turn: Turn) -> Literal["5m", "1h"]:
    """How long a provider should keep what it was shown."""
    return "5m" if turn.address.platform in QUICK_PLATFORMS else "1h"


def failed(failure: Failure, bill: Bill) -> Answer:
    """What is stored for a turn that could not be answered."""
    return Answer(status=Status.FAILED, error=failure, usage=bill.usage, cost=bill.cost)


def _kept(answered: Answered | None, case: _Case, asked: Context) -> Answer:
    log, bill, shown = case.log, case.bill, len(asked.prompt.messages)
    if answered is None:
        return Answer(
            status=Status.CANCELLED,
            parts=({"type": "text", "text": log.text},) if log.text else (),
            stop_reason=STOPPED,
            usage=bill.usage,
            cost=bill.cost,
            window_from=asked.window_from,
            shown=shown,
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
        window_from=asked.window_from,
        shown=shown,
    )


def _notice(answered: Answered) -> Notice | None:
    if answered.interrupted:
        return Notice.INTERRUPTED
    return {
        "max_tokens": Notice.TRUNCATED,
        "model_context_window_exceeded": Notice.TRUNCATED,
        "refusal": Notice.REFUSED,
    }.get(answered.stop_reason)
