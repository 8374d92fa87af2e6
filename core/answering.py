"""From a turn to its answer: what the model is shown, what it says, and what is kept of it."""

from contextlib import AsyncExitStack
from dataclasses import replace

from core import attachments, commands, outcomes, past, transcript
from core.asking import Asker
from core.attachments import Attachments
from core.database import Database
from core.errors import Rejected
from core.keeping import failed, kept
from core.live import TurnLog
from core.manner import IDLE, Case, Manner, ttl
from core.memory import Memory
from core.models import NoModel
from core.obeying import Obeyed, Obeyer
from core.past import Past
from core.pricing import Bill
from core.purse import Purse
from core.saying import Speaker
from core.text import render
from core.turns import BLAME_LIMIT
from core.types import Answer, Failure, Status, Turn


class Answerer:
    """Answers turns: by itself, or by asking the models."""

    def __init__(  # noqa: PLR0913 - what an answer is made of
        self,
        *,
        database: Database,
        asker: Asker,
        attachments: Attachments,
        memory: Memory,
        manner: Manner,
        obeyer: Obeyer,
        purse: Purse,
    ) -> None:
        self._database = database
        self._asker = asker
        self._attachments = attachments
        self._memory = memory
        self._manner = manner
        self._obeyer = obeyer
        self._purse = purse
        self._speaker = Speaker(
            database=database, asker=asker, memory=memory, manner=manner, purse=purse
        )

    async def answer(self, turn: Turn, log: TurnLog, found: Past | None = None) -> Answer:
        """The turn's answer, also if that is an apology. Asks no model twice for a stored one.

        `found` is what the model may see; it is read if it is not given.
        """
        if turn.status == Status.ANSWERED:
            return await self._stored(turn, log)
        if turn.blame >= BLAME_LIMIT:
            return replace(failed(Failure.CRASHED, self._purse.bill()), reserved=True)
        bill = self._purse.bill()
        answer = await self._fresh(turn, log, bill, found)
        return replace(answer, price=bill.prices, reserved=self._purse.limited)

    def stop(self, turn_id: int) -> None:
        """End a running turn's answer where it is. What was said so far is kept."""
        self._asker.stop(turn_id)

    def forget(self, turn_id: int) -> None:
        """The turn is over: no stop can reach it any more."""
        self._asker.forget(turn_id)

    def saved(self, answer: Answer) -> int:
        """Nano-dollars that the usual model would have cost more."""
        if answer.model is None:
            return 0
        return self._purse.saved(answer.model, answer.usage, answer.cost)

    def over(self, turn: Turn, answer: Answer) -> None:
        """The answer is delivered and the turn closed: there is time to condense what was said."""
        who = self._manner.personas.get(answer.persona)
        self._memory.after(turn, self._manner.strategy_of(who), answer.shown)
        self._obeyer.over(turn)

    async def rest(self) -> None:
        """Drop what is done beside the turns."""
        await self._memory.stop()
        await self._obeyer.rest()

    async def _stored(self, turn: Turn, log: TurnLog) -> Answer:
        answer = await self._database.read(outcomes.answered, turn.id)
        log.append(render(answer.parts))
        return answer

    async def _fresh(self, turn: Turn, log: TurnLog, bill: Bill, found: Past | None) -> Answer:
        if found is None:
            found = await self._database.read(past.read, turn.session_id, turn_id=turn.id)
        log.language = commands.language_in(found.spoken, turn.id)
        opening, found = await self._obey(turn, found)
        who = self._manner.who(found, turn)
        strategy, idle = self._manner.strategy_of(who), IDLE[ttl(turn)]
        found = await self._memory.resume(turn, found, strategy, idle=idle)
        case = Case(
            turn=turn, log=log, bill=bill, past=found, opening=opening, who=who, strategy=strategy
        )
        try:
            return await self._with_files(case)
        except Rejected:
            return failed(Failure.REJECTED, case.bill, log.text)
        except NoModel:
            return failed(Failure.UNAVAILABLE, case.bill, log.text)

    async def _obey(self, turn: Turn, found: Past) -> tuple[str, Past]:
        """Do what a turn's commands say; returns the reply to them, and what is left for a model.

        Bears repetition: whoever takes the turn over does it again.
        """
        given, told = commands.given(found.spoken, turn.id), commands.told(found.spoken, turn.id)
        obeyed = Obeyed(reply="")
        if given:
            language = commands.language_in(found.spoken, turn.id)
            obeyed = await self._obeyer.obey(turn, given, language)
            found = await self._database.read(past.read, turn.session_id, turn_id=turn.id)
        heard = commands.without(found.spoken)
        left = found if len(heard) == len(found.spoken) else replace(found, spoken=tuple(heard))
        if obeyed.fresh:
            own = tuple(said for said in left.spoken if said.turn_id == turn.id)
            first = turn.id if own else turn.id + 1
            await self._database.write(transcript.start_at, turn.session_id, first)
            left = replace(left, spoken=own, summary=None, window_from=first, history_from=first)
        return "\n\n".join(filter(None, (obeyed.reply, *told))), left

    async def _with_files(self, case: Case) -> Answer:
        """Answer what was said and sent, whose files are held until then."""
        async with AsyncExitStack() as held:
            shown = self._attachments.shown_to(case.past.spoken)
            files = await self._asker.unless_stopped(
                case.turn, lambda: held.enter_async_context(shown)
            )
            if files is None:
                return kept(None, case.log, case.bill, None)
            case.files = files
            return await self._shown(case)

    async def _shown(self, case: Case) -> Answer:
        """Answer; without the newest files if no model would have them."""
        try:
            return await self._speaker.say(case)
        except Rejected:
            if not (shown := attachments.shown(case.own, case.files)):
                raise
        case.log.reset()
        case.files = attachments.without(case.files, shown)
        try:
            answer = await self._speaker.say(case)
        except Rejected:
            case.log.reset()
            case.log.append(case.opening)
            raise
        await self._attachments.give_up(shown)  # it was their fault: the rest is answered
        return answer
