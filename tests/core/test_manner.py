"""Personas on the real way: who answers, by which model, and what of it is not as they promise."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from core.errors import Unavailable
from core.facts import PersonaBroke
from core.manner import Manner
from core.memory import Strategy
from core.personas import Persona, Personas, Rule
from core.phrases import phrase
from core.tables import findings, turns
from core.types import Sender, Status
from tests.core.stage import MODEL, PUSH, SUMMING, Pause, Platform, event, stage
from tests.fakes.scripted import says

NO_REFUNDS = Rule(id="refunds", message="Promise no refund.", never=(phrase("refund"),))
ALEX = Persona(key="alex", name="Alex", role="supporter", rules=(NO_REFUNDS,), model=SUMMING)
DEV = Persona(key="dev", name="Dev", role="developer", defaults=(f"{PUSH}:x:dev",))


def manner(*, default="alex", whole=False, check=True):
    return Manner(
        system_prompt="Be kind.",
        strategy=Strategy.WINDOW,
        personas=Personas((ALEX, DEV), default=default),
        check=check,
        whole=frozenset({PUSH}) if whole else frozenset(),
    )


def said(words="Hi", place="alice"):
    return replace(event(words, place=place, platform=PUSH), sender=Sender(external_id="ada"))


async def rows(database, table):
    return await database.read(lambda db: db.execute(select(table)).all())


async def test_a_persona_answers_where_it_is_at_home(database):
    """By its own prompt and model; what stands elsewhere is somebody else's."""
    async with stage(
        database, says("dev"), cheap=[says("alex")], adapter=Platform(), manner=manner()
    ) as theatre:
        for place in ("alice", "dev"):
            await theatre.handler.accept(said(place=place))
            await theatre.done()
        assert theatre.model.calls == [SUMMING, MODEL]
        assert ["Alex" in prompt.system for prompt in theatre.model.prompts] == [True, False]
        assert all(prompt.system.startswith("Be kind.") for prompt in theatre.model.prompts)
        assert [row.persona for row in await rows(database, turns)] == ["alex", "dev"]


async def test_what_breaks_a_rule_is_stored_and_told_and_goes_out(database):
    """Where an answer is seen while it grows nothing else can be done."""
    adapter = Platform()
    async with stage(
        database, cheap=[says("We refund you.")], adapter=adapter, manner=manner()
    ) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        assert adapter.taken == ["We refund you."]
        [found] = await rows(database, findings)
        assert (found.persona, found.rule) == ("alex", "refunds")
        assert [fact.rule for fact in theatre.told(PersonaBroke)] == ["refunds"]


async def test_unchecked_answers_break_nothing(database):
    """The operator said so."""
    async with stage(
        database,
        cheap=[says("We refund you.")],
        adapter=Platform(),
        manner=manner(check=False),
    ) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        assert await rows(database, findings) == []


async def test_an_answer_that_goes_out_whole_is_mended_before(database):
    """The model is asked once more, with what it broke; the person reads the second one alone."""
    adapter = Platform()
    scripts = [says("We refund you."), says("A manager decides.")]
    async with stage(
        database, cheap=scripts, adapter=adapter, manner=manner(whole=True)
    ) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        assert adapter.taken == ["A manager decides."]
        assert "Promise no refund." in theatre.model.prompts[1].messages[-1].text
        assert await rows(database, findings) == []


@pytest.mark.parametrize("second", [[Unavailable("gone")], says("no", stop_reason="refusal")])
async def test_a_mend_that_fails_leaves_the_first_answer(database, second):
    """It is counted, and better than none."""
    adapter = Platform()
    async with stage(
        database,
        [Unavailable("gone")],
        cheap=[says("We refund you."), second],
        adapter=adapter,
        manner=manner(whole=True),
    ) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        assert adapter.taken == ["We refund you."]
        assert len(await rows(database, findings)) == 1


async def test_a_stop_while_it_is_mended_lets_nothing_out(database):
    """What was held back stays so."""
    adapter, pause = Platform(), Pause()
    scripts = [says("We refund you."), [pause, *says("A manager decides.")]]
    async with stage(
        database, cheap=scripts, adapter=adapter, manner=manner(whole=True)
    ) as theatre:
        receipt = await theatre.handler.accept(said())
        await pause.reached.wait()
        await theatre.handler.stop(receipt.turn_id)
        await theatre.done()
        assert "refund" not in "".join(adapter.taken)
        assert (await theatre.turn(receipt.turn_id)).status == Status.CANCELLED
