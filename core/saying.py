"""What is said in a turn: what its person has to be told, and what a model answers."""

from dataclasses import replace

from core import attachments, commands, consistency, outcomes
from core.asking import Asker
from core.consistency import Finding
from core.context import Context
from core.database import Database
from core.errors import Rejected, TooLong
from core.keeping import kept, notice_of, text_parts
from core.manner import Case, Manner
from core.memory import Memory
from core.models import Answered, NoModel
from core.purse import Purse
from core.text import words
from core.types import Answer, Status
from core.wording import words_in


class Speaker:
    """Says it into the turn's log."""

    def __init__(
        self, *, database: Database, asker: Asker, memory: Memory, manner: Manner, purse: Purse
    ) -> None:
        self._database = database
        self._asker = asker
        self._memory = memory
        self._manner = manner
        self._purse = purse

    async def say(self, case: Case) -> Answer:
        """What the person has to be told, then what a model says, if there is anything to ask.

        Raises `Rejected` and `NoModel`.
        """
        own = [said for said in case.own if commands.limited([said]) is None]
        told = attachments.told(own, case.files, case.language)
        is_asked = attachments.shown(own, case.files) or any(words(said.parts) for said in own)
        if not is_asked and (seconds := commands.limited(case.own)) is not None:
            told = words_in(case.language).too_many.format(seconds=seconds)
        opening = "\n\n".join(filter(None, (case.opening, told)))
        if opening:
            case.log.append(f"{opening}\n\n" if is_asked else opening)
        if opening and not is_asked:
            return Answer(status=Status.DONE, parts=text_parts(opening))
        return await self._ask_or_shorten(case)

    async def _ask_or_shorten(self, case: Case) -> Answer:
        """Ask; for half of it if it was too long, and then for the question alone."""
        for at_once in (False, True):
            try:
                return await self._ask(case)
            except TooLong:
                shorter = await self._memory.shorten(case.turn, case.past, at_once=at_once)
                if shorter is None:
                    raise
                case.past = shorter
        return await self._ask(case)

    async def _ask(self, case: Case) -> Answer:
        asked = await self._routed(case, self._manner.context(case))
        leave = await self._purse.reserve(case.turn, asked.prompt, case.language)
        if leave.prompt is None:
            case.log.append(leave.told)
            return Answer(status=Status.DONE, parts=text_parts(case.log.text))
        if leave.told:
            case.log.append(f"{leave.told}\n\n")
        if leave.prompt is not asked.prompt:
            asked = replace(asked, prompt=leave.prompt)
        opening = case.log.text
        answered = await self._asker.ask(case.turn, case.log, asked.prompt, case.bill)
        if case.who is None:
            return kept(answered, case.log, case.bill, asked, opening, language=case.language)
        found = self._findings(case, answered, len(opening))
        if answered and found and case.turn.address.platform in self._manner.whole:
            answered, found = await self._mend(case, asked, answered, found, len(opening))
        answer = kept(answered, case.log, case.bill, asked, opening, language=case.language)
        rules = tuple(each.rule for each in found)
        return replace(answer, persona=case.who.key, findings=rules)

    async def _routed(self, case: Case, asked: Context) -> Context:
        """Small talk goes to the cheap model, if there is one."""
        if not self._purse.routes or asked.prompt.model is not None:
            return asked
        turn = case.turn
        before = await self._database.read(
            outcomes.models_of, turn.session_id, before=turn.id, since=case.past.history_from
        )
        text = "\n\n".join(words(said.parts) for said in case.own)
        routed = self._purse.route(turn, asked.prompt, text=text, before=before)
        return replace(asked, prompt=routed)

    def _findings(self, case: Case, answered: Answered | None, start: int) -> tuple[Finding, ...]:
        """What of an answer is not as its persona promises; nothing of one that is not whole."""
        if case.who is None or not self._manner.check or answered is None or notice_of(answered):
            return ()
        is_first = case.past.summary is None and not any(
            said.role == "assistant" for said in case.past.spoken
        )
        return consistency.check(case.who, case.log.text[start:], first=is_first)

    async def _mend(
        self,
        case: Case,
        asked: Context,
        answered: Answered,
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
            if again is None:  # stopped: nothing of what was held back goes out
                log.reset()
                log.append(text[:start])
                return None, ()
        except (NoModel, Rejected):
            again = answered
        if again is answered or notice_of(again) is not None:
            log.reset()
            log.append(text)
            return answered, found
        return again, self._findings(case, again, start)
