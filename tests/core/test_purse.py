"""Money is looked at before a model is asked, and what people send is counted, on the real way."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from core import rates
from core.budgets import Limits
from core.errors import Overloaded, RateLimited, Rejected
from core.facts import BudgetSpent, Routed, Saved
from core.manner import Manner
from core.pricing import STANDARD
from core.purse import Money
from core.tables import budgets, reservations, turns
from core.types import Done, Sender, Usage
from tests.core.stage import MODEL, PUSH, SUMMING, Pause, Platform, event, stage
from tests.fakes.scripted import says

CENT = 10_000_000  # nano-dollars
ADA = Sender(external_id="ada")


def money(simple=None, **limits):
    return Money(prices=STANDARD, limits=Limits(**limits), model=MODEL, simple=simple)


def dear(text, tokens):
    """An answer of so many tokens; a thousand cost a cent."""
    return [*says(text)[:-1], Done(stop_reason="end_turn", usage=Usage(output=tokens))]


def said(words="Hi", *, sender=ADA, language=None, **options):
    made = event(words, platform=PUSH, **options)
    return replace(made, sender=sender, language=language)


async def rows(database, table):
    return await database.read(lambda db: db.execute(select(table)).all())


async def test_a_cent_stops_the_next_call_before_it_is_made(database):
    """And says so, in the person's language; others are answered."""
    adapter = Platform()
    scripts = (dear("Hello.", 1000), says("Hello, Bob."))
    async with stage(database, *scripts, adapter=adapter, money=money(person_day=CENT)) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        await theatre.handler.accept(said("And now?", language="de"))
        await theatre.done()
        assert adapter.taken[1].startswith("Was ich heute für dich ausgeben darf")
        assert len(theatre.model.calls) == 1
        bob = Sender(external_id="bob")
        await theatre.handler.accept(said("Hi", sender=bob, place="bob"))
        await theatre.done()
        assert adapter.taken[2] == "Hello, Bob."
        assert [fact.refused for fact in theatre.told(BudgetSpent)] == [True]
        assert await rows(database, reservations) == []


async def test_a_new_day_has_money_again(database):
    """By UTC."""
    adapter = Platform()
    scripts = (dear("Hello.", 1000), says("Good morning."))
    async with stage(database, *scripts, adapter=adapter, money=money(person_day=CENT)) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
        theatre.clock.advance(24 * 3600)
        await theatre.handler.accept(said())
        await theatre.done()
        assert adapter.taken == ["Hello.", "Good morning."]


async def test_a_failed_answer_costs_what_it_cost(database):
    """What was set aside for it is free again."""
    async with stage(
        database, [Rejected("no")], adapter=Platform(), money=money(all_month=100 * CENT)
    ) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
    [kept] = await rows(database, budgets)
    assert (kept.spent, kept.reserved) == (0, 0)


async def test_fifty_turns_at_once_spend_no_more_than_there_is(database):
    """On two replicas: each is granted or told, and what is spent is what was asked for."""
    pause, limits = Pause(), money(all_day=2 * CENT)
    scripts = [[pause, *dear("Hello.", 100)] for _ in range(50)]
    one, two = (
        stage(database, *scripts, adapter=Platform(), name=name, money=limits) for name in "ab"
    )
    async with one as first, two as second:
        for number in range(50):
            theatre = first if number % 2 else second
            await theatre.handler.accept(said(place=f"p{number}", sender=None))
        await pause.reached.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        pause.go()
        await first.done()
        await second.done()
        answered = first.model.calls + second.model.calls
    [kept] = await rows(database, budgets)
    spent = await database.read(lambda db: db.execute(select(func.sum(turns.c.cost))).scalar())
    assert 0 < len(answered) < 50
    assert (kept.spent, kept.reserved) == (spent, 0)
    assert kept.spent <= 2 * CENT


async def test_the_cheap_model_answers_when_money_is_short(database):
    """Before nobody does."""
    adapter, limits = Platform(), money(SUMMING, person_day=CENT)
    async with stage(
        database, dear("Hello.", 700), cheap=[says("Cheap.")], adapter=adapter, money=limits
    ) as theatre:
        await theatre.handler.accept(said("Why is the sky blue, and since when?"))
        await theatre.done()
        await theatre.handler.accept(said("And why is it black at night, explain that?"))
        await theatre.done()
        assert theatre.model.calls == [MODEL, SUMMING]
        assert [fact.refused for fact in theatre.told(BudgetSpent)] == [False]


async def test_small_talk_goes_to_the_cheap_model_until_it_is_more(database):
    """And never comes back to it; what is saved is told."""
    async with stage(
        database,
        says("Because."),
        says("You're welcome."),
        cheap=[says("Hello!")],
        adapter=Platform(),
        money=money(SUMMING),
    ) as theatre:
        for words in ("Hi", "Why is the sky blue?", "Thanks"):
            await theatre.handler.accept(said(words))
            await theatre.done()
        assert theatre.model.calls == [SUMMING, MODEL, MODEL]
        assert [fact.simple for fact in theatre.told(Routed)] == [True, False, False]
        assert len(theatre.told(Saved)) == 1


async def test_the_price_of_an_answer_is_kept_with_it(database):
    """As it was when it was counted."""
    async with stage(database, says("Hello."), adapter=Platform()) as theatre:
        await theatre.handler.accept(said())
        await theatre.done()
    [turn] = await rows(database, turns)
    assert turn.price == '{"claude-sonnet-5-5":[2,10,0.1,2.5,4]}'


async def test_one_message_too_many_is_kept_and_answered_by_no_model(database):
    """Where nobody can be refused; the next one that may be sent is answered with it in view."""
    adapter, two = Platform(), rates.parse("2/minute")
    scripts = (says("1"), says("2"), says("4"))
    async with stage(database, *scripts, adapter=adapter, allowances=two) as theatre:
        for number in range(3):
            await theatre.handler.accept(said(f"{number}", language="de"))
            await theatre.done()
        assert len(theatre.model.calls) == 2
        assert "30" in adapter.taken[2]
        theatre.clock.advance(30)
        await theatre.handler.accept(said("again"))
        await theatre.done()
        assert adapter.taken[3] == "4"
        assert [m.text for m in theatre.model.prompts[-1].messages][-3] == "2"


async def test_a_message_that_comes_again_costs_no_allowance(database):
    """Platforms repeat themselves, also while the first is being answered."""
    adapter, pause, two = Platform(), Pause(), rates.parse("2/minute")
    scripts = ([pause, *says("1")], says("2"))
    async with stage(database, *scripts, adapter=adapter, allowances=two) as theatre:
        for _ in range(5):
            await theatre.handler.accept(said("1", key="k1"))
        pause.go()
        await theatre.done()
        for _ in range(5):
            await theatre.handler.accept(said("1", key="k1"))
        await theatre.handler.accept(said("2"))
        await theatre.done()
        assert adapter.taken == ["1", "2"]


async def test_a_sender_who_can_be_refused_is(database):
    """Their client shows it; nothing is stored, and the allowance is as it was."""
    async with stage(database, says("1"), allowances=rates.parse("1/minute")) as theatre:
        first = replace(event("1", queue=16), sender=ADA)
        await theatre.handler.accept(first)
        await theatre.done()
        for _ in range(2):
            with pytest.raises(RateLimited) as refused:
                await theatre.handler.accept(replace(event("2", queue=16), sender=ADA))
            assert refused.value.retry_after == 60
        assert (await theatre.handler.accept(first)).duplicate
        await theatre.handler.accept(replace(event("3", queue=16), sender=ADA, metered=False))


async def test_a_wish_for_a_model_that_is_not_there_opens_no_budget(database):
    """The usual model answers instead, and its price counts."""
    adapter = Platform()
    async with stage(
        database, dear("Hello.", 1000), adapter=adapter, money=money(person_day=CENT)
    ) as theatre:
        for _ in range(2):
            await theatre.handler.accept(replace(said(), model="claude-sonet-5-5"))
            await theatre.done()
        assert theatre.model.calls == [MODEL]
        assert "used up" in adapter.taken[1]


async def test_a_cheap_model_that_fails_is_not_replaced_by_a_dear_one(database):
    """There is no money for that."""
    adapter, limits = Platform(), money(SUMMING, person_day=CENT)
    async with stage(
        database,
        dear("Hello.", 700),
        cheap=[[Overloaded("no room")]],
        adapter=adapter,
        money=limits,
    ) as theatre:
        for words in ("Why is the sky blue, and since when?", "And why is it black at night?"):
            await theatre.handler.accept(said(words))
            await theatre.done()
        assert theatre.model.calls == [MODEL, SUMMING]
        assert "could not answer" in adapter.taken[1]
        assert await rows(database, reservations) == []


async def test_small_talk_after_a_detour_stays_with_the_usual_model(database):
    """Once the usual model has answered, the cheap one is not chosen again, whatever came since."""
    async with stage(
        database, says("a"), says("b"), cheap=[says("c")], adapter=Platform(), money=money(SUMMING)
    ) as theatre:
        await theatre.handler.accept(said("Why is the sky blue?"))
        await theatre.done()
        await theatre.handler.accept(replace(said("And now?"), model=SUMMING))
        await theatre.done()
        await theatre.handler.accept(said("Thanks"))
        await theatre.done()
        assert theatre.model.calls == [MODEL, SUMMING, MODEL]


async def test_no_summary_is_bought_when_the_money_is_spent(database):
    """A cold conversation is then simply not answered; nothing is charged for it."""
    adapter = Platform()
    scripts = [dear("x", 10)] * 9 + [dear("x", 1000)]
    async with stage(
        database,
        *scripts,
        adapter=adapter,
        manner=Manner(system_prompt="Be kind."),
        money=money(person_month=CENT),
    ) as theatre:
        for number in range(10):
            await theatre.handler.accept(said(f"{number}"))
            await theatre.done()
        theatre.clock.advance(2 * 3600)
        await theatre.handler.accept(said("Still there?"))
        await theatre.done()
        assert theatre.summing.calls == []
        assert "used up" in adapter.taken[-1]
