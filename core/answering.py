"""From a turn to its answer: what the model is shown, what it says, and what is kept of it."""

from dataclasses import dataclass, field, replace
from typing import Literal

from core import (
    attachments,
    commands,
    consistency,
    context,
    outcomes,
    past,
    personas,
    transcript,
)
from core.asking import Asker
from core.attachments import Attachments, Files
from core.consistency import Finding
from core.context import Context
from core.database import Database
from core.errors import Rejected, TooLong
from core.keeping import failed, kept, notice_of, text_parts
from core.live import TurnLog
from core.memory import Memory, Strategy
from core.models import Answered, NoModel
from core.obeying import Obeyed, Obeyer
from core.past import Past
from core.personas import Persona, Personas
from core.pricing import Bill
from core.purse import Purse
from core.text import render, words
from core.transcript import Spoken
from core.turns import BLAME_LIMIT
from core.types import Answer, Failure, Status, Turn
from core.wording import words_in

# Where a person answers within minutes; on messengers an hour goes by easily.
QUICK_PLATFORMS = frozenset({"web"})
IDLE = {"5m": 300.0, "1h": 3600.0}  # seconds until a provider forgets what it kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Manner:
    """How conversations are held: what opens them, and what becomes of long ones.

    With `moment` the model is told when and where something was said, and by whom. `personas`
    answer where they are at home; with `check` their answers are checked, and on platforms that
    get answers `whole` a model is asked once more for what is not as it should be.
    """

    system_prompt: str
    strategy: Strategy = Strategy.SUMMARY
    moment: bool = True
    personas: Personas = field(default_factory=Personas)
    check: bool = True
    whole: frozenset[str] = frozenset()

    def who(self, found: Past, turn: Turn) -> Persona | None:
        """Who answers a turn."""
        return self.personas.get(found.persona) or self.personas.for_address(turn.address)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Case:
    """A turn on its way to an answer; `opening` is what the person is told before it."""

    turn: Turn
    log: TurnLog
    bill: Bill
    past: Past
    opening: str
    files: Files
    who: Persona | None
    strategy: Strategy

    @property
    def own(self) -> list[Spoken]:
        """The messages that it answers."""
        return [said for said in self.past.spoken if said.turn_id == self.turn.id]

    @property
    def language(self) -> str | None:
        """The language that its person reads, if it is known."""
        return commands.language_in(self.past.spoken, self.turn.id)


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
        self._memory.after(turn, self._strategy(who), answer.shown)
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
        strategy, idle = self._strategy(who), IDLE[_ttl(turn)]
        found = await self._memory.resume(turn, found, strategy, idle=idle)
        case = _Case(
            turn=turn,
            log=log,
            bill=bill,
            past=found,
            opening=opening,
            files={},
            who=who,
            strategy=strategy,
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
        left = replace(found, spoken=tuple(commands.without(found.spoken)))
        if obeyed.fresh:
            own = tuple(said for said in left.spoken if said.turn_id == turn.id)
            first = turn.id if own else turn.id + 1
            await self._database.write(transcript.start_at, turn.session_id, first)
            left = replace(left, spoken=own, summary=None, window_from=first, history_from=first)
        return "\n\n".join(filter(None, (obeyed.reply, *told))), left

    async def _with_files(self, case: _Case) -> Answer:
        """Answer what was said and sent; without the newest files if no model would have them."""
        case = replace(case, files=await self._attachments.gather(case.past.spoken))
        try:
            return await self._say(case)
        except Rejected:
            if not (shown := attachments.shown(case.own, case.files)):
                raise
        case.log.reset()
        try:
            answer = await self._say(replace(case, files=attachments.without(case.files, shown)))
        except Rejected:
            case.log.reset()
            case.log.append(case.opening)
            raise
        await self._attachments.give_up(shown)  # it was their fault: the rest is answered
        return answer

    async def _say(self, case: _Case) -> Answer:
        """What the person has to be told, then what a model says, if there is anything to ask."""
        own = [said for said in case.own if commands.limited([said]) is None]
        told = attachments.told(own, case.files, case.language)
        is_asked = attachments.shown(own, case.files) or any(words(said.parts) for said in own)
        if not is_asked and (seconds := commands.limited(case.own)) is not None:
            told = words_in(case.language).too_many.format(seconds=seconds)
        opening = "\n\n".join(filter(None, (case.opening, told)))
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
        asked = await self._routed(case, self._context(case))
        leave = await self._purse.reserve(case.turn, asked.prompt, case.language)
        if leave.prompt is None:
            case.log.append(leave.told)
            return Answer(status=Status.DONE, parts=text_parts(case.log.text))
        if leave.told:
            case.log.append(f"{leave.told}\n\n")
        asked, opening = replace(asked, prompt=leave.prompt), case.log.text
        start = len(opening)
        answered = await self._asker.ask(case.turn, case.log, asked.prompt, case.bill)
        found = self._findings(case, answered, case.log.text[start:])
        if found and case.turn.address.platform in self._manner.whole:
            answered, found = await self._mend(case, asked, answered, found, start)
        language = commands.language_in(case.own, case.turn.id)
        answer = kept(answered, case.log, case.bill, asked, opening, language=language)
        persona = None if case.who is None else case.who.key
        return replace(answer, persona=persona, findings=tuple(each.rule for each in found))

    async def _routed(self, case: _Case, asked: Context) -> Context:
        """Small talk goes to the cheap model, if there is one."""
        if not self._purse.routes or asked.prompt.model is not None:
            return asked
        turn = case.turn
        last = await self._database.read(
            outcomes.last_model, turn.session_id, before=turn.id, since=case.past.history_from
        )
        text = "\n\n".join(words(said.parts) for said in case.own)
        return replace(asked, prompt=self._purse.route(turn, asked.prompt, text=text, last=last))

    def _findings(self, case: _Case, answered: Answered | None, text: str) -> tuple[Finding, ...]:
        """What of an answer is not as its persona promises; nothing of one that is not whole."""
        if case.who is None or not self._manner.check or answered is None or notice_of(answered):
            return ()
        is_first = case.past.summary is None and not any(
            said.role == "assistant" for said in case.past.spoken
        )
        return consistency.check(case.who, text, first=is_first)

    async def _mend(
        self,
        case: _Case,
        asked: Context,
        answered: Answered | None,
        found: tuple[Finding, ...],
        start: int,
    ) -> tuple[Answered | None, tuple[Finding, ...]]:
        """Ask once more, for an answer that keeps to the rules; if none comes the first stands."""
        log, text = case.log, case.log.text
        log.reset()
        log.append(text[:start])
        prompt = consistency.mending_prompt(asked.prompt, text[start:], found)
        try:
            again = await self._asker.ask(case.turn, log, prompt, case.bill)
        except (NoModel, Rejected):
            again = None
        if again is None or notice_of(again) is not None:
            log.reset()
            log.append(text)
            return answered, found
        return again, self._findings(case, again, log.text[start:])

    def _strategy(self, who: Persona | None) -> Strategy:
        return who.strategy if who and who.strategy else self._manner.strategy

    def _context(self, case: _Case) -> Context:
        manner, turn = self._manner, case.turn
        opens = personas.prompt(case.who, manner.system_prompt)
        asked = context.build(
            case.past,
            turn_id=turn.id,
            system="\n\n".join(filter(None, (opens, turn.system))),
            cache=_ttl(turn),
            files=case.files,
            cut=case.strategy is Strategy.WINDOW,
            moment=manner.moment,
        )
        model = asked.prompt.model or case.past.model or (case.who.model if case.who else None)
        return replace(asked, prompt=replace(asked.prompt, model=model))


def _ttl(turn: Turn) -> Literal["5m", "1h"]:
    """How long a provider should keep what it was shown."""
    return "5m" if turn.address.platform in QUICK_PLATFORMS else "1h"
