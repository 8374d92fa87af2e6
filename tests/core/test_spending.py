"""Money is set aside before a model is asked, exactly, and settled when the answer is there."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select, update

from core import merging, spending
from core.budgets import Limits, Party, Span, Whose
from core.database import open_database
from core.errors import Fenced
from core.estimate import estimate
from core.pricing import STANDARD
from core.spending import Verdict
from core.tables import budgets, reservations, turns
from core.types import Answer, File, Prompt, PromptMessage, Sender, Status, Usage
from tests.core.test_again import accept

NOON = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
ADA, BOB = Party(person_id=1, platform="web"), Party(person_id=2, platform="web")
DAILY = Limits(person_day=100)


async def turn(database, place="p"):
    """A turn that is running."""
    return (await accept(database, "Hi", place=place)).turn


async def reserve(database, running, party=ADA, limits=DAILY, *, now=NOON, **amounts):
    return await database.write(spending.reserve, running, party, limits, now=now, **amounts)


async def spend(database, place, cost, party=ADA, limits=DAILY, *, now=NOON):
    """A turn that cost so much."""
    running = await turn(database, place)
    await reserve(database, running, party, limits, amount=1, now=now)
    await database.write(spending.settle, running.id, cost)


async def standing(database, party=ADA, limits=DAILY, *, now=NOON):
    """How much of each budget is gone."""
    found = await database.read(spending.standing, party, limits, now=now)
    return [budget.used for budget in found]


async def close(database, running, **columns):
    def fix(db):
        db.execute(update(turns).where(turns.c.id == running.id).values(**columns))

    await database.write(fix)


async def test_fifty_at_once_on_two_replicas_get_what_there_is(database, database_url):
    """Of a budget for seven, seven are granted, whoever asks first and wherever."""
    other = database if database.single else open_database(database_url)
    running = await asyncio.gather(*(turn(database, f"p{n}") for n in range(50)))
    limits = Limits(person_day=10_000, all_day=7_999, all_month=8_500)
    leaves = await asyncio.gather(
        *(
            reserve(
                (database, other)[n % 2],
                each,
                Party(person_id=n % 5, platform="web"),
                limits,
                amount=1_000,
            )
            for n, each in enumerate(running)
        )
    )
    granted = [each.id for each, leave in zip(running, leaves, strict=True) if leave.amount]
    warned = [leave for leave in leaves if leave.verdict is Verdict.WARN]
    assert (len(granted), [leave.verdict for leave in leaves].count(Verdict.REFUSED)) == (7, 43)
    # Both budgets of all are at 80 % once, and say so once.
    told = [budget.span for leave in warned for budget in leave.warnings]
    assert sorted(told) == [Span.DAY, Span.MONTH]
    # Each of them settled by both: twice is once.
    twice = [
        each.write(spending.settle, one, 1_100) for one in granted for each in (database, other)
    ]
    assert (await asyncio.gather(*twice)).count(True) == 7
    assert (await standing(other, BOB, limits))[1:] == [7_700, 7_700]
    if other is not database:
        await other.close()


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_becomes_another_while_they_ask_takes_all_of_it_along(database, seed):
    """What is reserved, settled, charged and swept meanwhile is the other's, to the nano-dollar."""
    chance = random.Random(seed)
    who = [Sender(external_id=name) for name in ("ada", "bob")]
    running = [
        (await accept(database, "Hi", place=f"p{n}", sender=who[n % 2])).turn for n in range(12)
    ]
    limits = Limits(person_day=10**9, person_month=10**9, all_day=10**9)
    kept, gone = running[0].person_id, running[1].person_id

    async def life(each):
        party = Party(person_id=each.person_id, platform="web")
        for _ in range(chance.randrange(1, 4)):
            await reserve(database, each, party, limits, amount=chance.randrange(900))
        await database.write(spending.charge, party, limits, cost=7, now=NOON)
        if chance.random() < 0.5:
            await database.write(spending.settle, each.id, 100)
            return
        await close(database, each, closed_at=1, status="done", cost=100)
        await database.write(spending.sweep)

    def unite(db):
        assert merging.lock(db, kept, gone) == {kept, gone}
        merging.become_one(db, kept, gone, now=NOON)

    lives = [life(each) for each in running]
    await asyncio.gather(*lives[:7], database.write(unite), *lives[7:])
    while await database.write(spending.sweep):
        pass
    rows = await database.read(lambda db: db.execute(select(budgets)).all())
    assert {row.scope for row in rows} == {"all", f"person:{kept}"}
    assert [(row.spent, row.reserved) for row in rows] == [(12 * 107, 0)] * 3


async def test_every_nano_dollar_is_accounted_for(database):
    """Whatever is reserved anew, settled and charged in whatever order, the sums are right."""
    chance = random.Random(8)
    limits = Limits(person_day=3_000, platform_day=5_000, all_month=9_000)
    running = await asyncio.gather(*(turn(database, f"p{n}") for n in range(20)))
    spent = 0

    async def life(each):
        nonlocal spent
        party = chance.choice((ADA, BOB))
        for _ in range(chance.randrange(1, 4)):
            await reserve(database, each, party, limits, amount=chance.randrange(900))
        if chance.random() < 0.6:
            cost = chance.randrange(900)
            settled = await database.write(spending.settle, each.id, cost)
            spent += cost * settled

    await asyncio.gather(*(life(each) for each in running))

    def sums(db):
        rows = db.execute(select(budgets).where(budgets.c.scope == "all")).one()
        kept = db.execute(select(func.sum(reservations.c.amount))).scalar() or 0
        people = db.execute(
            select(func.sum(budgets.c.spent)).where(budgets.c.scope.like("person:%"))
        )
        return rows.spent, rows.reserved - int(kept), int(people.scalar())

    assert await database.read(sums) == (spent, 0, spent)


async def test_the_end_of_a_budget_is_announced_once(database):
    """At 80 %, in each period; and then nothing is left."""
    found = []
    for number in range(4):
        running = await turn(database, f"p{number}")
        found.append((await reserve(database, running, amount=40, now=NOON)).verdict)
        await database.write(spending.settle, running.id, 40)
    assert found == ["granted", "warn", "refused", "refused"]
    tomorrow = NOON + 24 * HOUR
    leave = await reserve(database, await turn(database, "q"), amount=90, now=tomorrow)
    assert leave.verdict is Verdict.WARN
    [budget] = leave.warnings
    assert (budget.whose, budget.span, budget.used) == (Whose.PERSON, Span.DAY, 90)


async def test_a_cheaper_model_has_what_is_left(database):
    """If the cheap one's amount fits and the other's does not; what is free always fits."""
    await spend(database, "p", 70)
    running = await turn(database, "q")
    leave = await reserve(database, running, amount=40, cheaper=10)
    assert (leave.verdict, leave.amount, len(leave.warnings)) == (Verdict.CHEAPER, 10, 1)
    assert await standing(database) == [80]
    await database.write(spending.settle, running.id, 40)
    leave = await reserve(database, await turn(database, "r"), amount=40, cheaper=10)
    assert (leave.verdict, leave.amount) == (Verdict.REFUSED, 0)
    assert await standing(database) == [110]
    leave = await reserve(database, await turn(database, "s"), amount=0)
    assert leave.verdict is Verdict.GRANTED


async def test_a_refusal_tells_which_budget_and_until_when(database):
    """Of several the one that is whole again last comes first; others' budgets are their own."""
    limits = Limits(person_day=100, person_month=120, platform_day=500)
    await spend(database, "p", 100, limits=limits)
    leave = await reserve(database, await turn(database, "q"), limits=limits, amount=30)
    assert [(each.whose, each.span, each.used) for each in leave.short] == [
        (Whose.PERSON, Span.DAY, 100),
        (Whose.PERSON, Span.MONTH, 100),
    ]
    assert {each.resets_at for each in leave.short} == {NOON + 12 * HOUR}  # a month ends, too
    leave = await reserve(database, await turn(database, "r"), BOB, limits, amount=30)
    assert leave.verdict is Verdict.GRANTED
    unknown = Party(person_id=None, platform="web")
    assert await standing(database, unknown, limits) == [130]


async def test_a_turn_that_is_taken_over_has_one_reservation(database):
    """Whoever works on it anew sets aside anew, on another day too; its former owner can't."""
    running = await turn(database)
    await reserve(database, running, amount=60)
    await close(database, running, attempt=2)
    with pytest.raises(Fenced):
        await reserve(database, running, amount=10)
    taken = replace(running, attempt=2)
    assert (await reserve(database, taken, amount=70)).verdict is Verdict.GRANTED
    assert await standing(database) == [70]
    await reserve(database, taken, amount=50, now=NOON + 24 * HOUR)
    assert await standing(database) == [0]
    assert await standing(database, now=NOON + 24 * HOUR) == [50]
    # A cost that nobody told is what was set aside.
    await database.write(spending.settle, taken.id, None)
    assert await standing(database, now=NOON + 24 * HOUR) == [50]


async def test_what_was_closed_without_is_settled_later(database):
    """By what its turn cost; nothing for one that failed before it was answered."""
    done, failed, open_ = [await turn(database, place) for place in "abc"]
    for each in (done, failed, open_):
        await reserve(database, each, amount=30)
    await close(database, done, status="done", closed_at=1, cost=25, input_tokens=1)
    await close(database, failed, status="failed", closed_at=1)
    assert [await database.write(spending.sweep) for _ in range(2)] == [2, 0]
    assert await standing(database) == [25 + 30]
    assert await database.write(spending.settle, done.id, 25) is False


async def test_what_is_charged_beside_the_turns_counts(database):
    """A summary's cost is its person's, without a reservation; and old months are forgotten."""
    charge = {"cost": 95, "now": NOON}
    await database.write(spending.charge, ADA, DAILY, **charge)
    leave = await reserve(database, await turn(database), amount=10)
    assert leave.verdict is Verdict.REFUSED
    month = 31 * 24 * HOUR
    assert [await database.write(spending.tidy, now=NOON + n * month) for n in (1, 2)] == [0, 1]


@pytest.mark.parametrize(
    ("answer", "cost"),
    [
        (Answer(status=Status.FAILED), 0),
        (Answer(status=Status.CANCELLED), 0),
        (Answer(status=Status.CANCELLED, parts=({"type": "text", "text": "Hi"},)), None),
        (Answer(status=Status.FAILED, usage=Usage(input=1), cost=2_000), 2_000),
        (Answer(status=Status.DONE, model="m"), None),
        (Answer(status=Status.DONE, usage=Usage(input=1), cost=2_000), 2_000),
    ],
)
def test_only_what_a_model_began_is_charged(answer, cost):
    """None is a cost that nobody told."""
    assert spending.due(answer) == cost


def prompt(text, *, cache="1h", most=8192, files=()):
    said = PromptMessage(role="user", text=text, files=files)
    return Prompt(system="s" * 320, messages=(said,), max_tokens=most, cache=cache)


def test_an_estimate_is_a_little_too_high():
    """All of the prompt at the price of writing it to the cache, and an answer of 500 tokens."""
    sonnet = STANDARD.price("claude-sonnet-5-5")
    text = "x" * 2880
    assert estimate(prompt(text), sonnet) == 1000 * 4_000 + 500 * 10_000
    assert estimate(prompt(text, cache=None, most=100), sonnet) == 1000 * 2_000 + 100 * 10_000
    # Other writing has more tokens to a character, and a file has its own.
    assert estimate(prompt("中" * 960), sonnet) == estimate(prompt(text), sonnet)
    picture = File(name="", type="image/png", content=b"")
    with_picture = estimate(prompt(text, files=(picture,)), sonnet)
    assert with_picture == estimate(prompt(text), sonnet) + 1600 * 4_000
    assert estimate(prompt(text), None) == 0
    haiku = STANDARD.price("claude-haiku-5-5")
    assert estimate(prompt("x" * 3_200_000), haiku) > 5 * 1_000_000 * 200
