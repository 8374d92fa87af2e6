"""Who used how much is told by person, platform, model and day, without a look at all turns."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select, text

from core import usage
from core.tables import turns
from core.types import Sender
from core.usage import DAY, By
from tests.core.test_again import accept

START = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1000)
ADA, BOB = Sender(external_id="ada", name="Ada"), Sender(external_id="bob", name="Bob")
SONNET, HAIKU = "claude-sonnet-5-5", "claude-haiku-5-5"


async def filled(database):
    """Ten days of turns: Ada asks Sonnet every day, Bob asks Haiku every other; returns both."""
    ada = (await accept(database, "Hi", place="a", sender=ADA)).turn
    bob = (await accept(database, "Hi", place="b", sender=BOB)).turn

    def fill(db):
        for day in range(10):
            for asker, model, cost in ((ada, SONNET, 1000), (bob, HAIKU, 10)):
                if asker is ada or day % 2 == 0:
                    db.execute(insert(turns).values(one(asker, day, model, cost)))

    await database.write(fill)
    return ada.person_id, bob.person_id


def one(asker, day, model, cost) -> Mapping[str, object]:
    return {
        "session_id": asker.session_id,
        "address_id": asker.address_id,
        "person_id": asker.person_id,
        "status": "done",
        "attempt": 1,
        "blame": 0,
        "started_at": START + day * DAY + 5,
        "closed_at": START + day * DAY + 6,
        "model": model,
        "input_tokens": 10,
        "output_tokens": 5,
        "cache_read_tokens": 100,
        "cache_write_tokens": 20,
        "cost": cost if day else None,
    }


async def test_usage_is_told_by_whatever_is_asked(database):
    """The newest day first, then the dearest; turns whose price nobody knew are counted apart."""
    ada, bob = await filled(database)
    people = await database.read(usage.report, [By.PERSON], since=START)
    assert [(row.person_id, row.person, row.turns, row.cost, row.unpriced) for row in people] == [
        (ada, "Ada", 10, 9000, 1),
        (bob, "Bob", 5, 40, 1),
    ]
    [all_] = await database.read(usage.report, [], since=START)
    assert (all_.turns, all_.input, all_.output, all_.cache_read, all_.cache_write) == (
        15,
        150,
        75,
        1500,
        300,
    )
    assert isinstance(all_.cost, int)
    days = await database.read(usage.report, [By.DAY, By.MODEL, By.PLATFORM], since=START, limit=3)
    first = START // DAY
    assert [(row.day - first, row.model, row.platform, row.person_id) for row in days] == [
        (9, SONNET, "web", None),
        (8, SONNET, "web", None),
        (8, HAIKU, "web", None),
    ]


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"since": START + 8 * DAY}, 3),
        ({"since": START, "until": START + DAY}, 2),
        ({"since": START, "platform": "web", "model": HAIKU}, 5),
        ({"since": START, "platform": "slack"}, 0),
        ({"since": START + 99 * DAY}, 0),
    ],
)
async def test_a_part_of_it_can_be_asked_for(database, asked, count):
    """A time, a platform, a model, and a person."""
    _, bob = await filled(database)
    [all_] = await database.read(usage.report, [], **asked)
    assert all_.turns == count
    mine = await database.read(usage.mine, bob, since=asked["since"])
    [same] = await database.read(usage.report, [], since=asked["since"], person_id=bob)
    assert mine == same


async def test_only_what_a_model_answered_counts(database):
    """Commands, refusals and messages too many are turns as well, and no answers."""
    ada, _ = await filled(database)
    asker = (await accept(database, "!help", place="c", sender=ADA)).turn
    unasked = {**one(asker, 0, None, None), "input_tokens": None, "output_tokens": None}
    await database.write(lambda db: db.execute(insert(turns).values(unasked)))
    for by in ([], [By.PERSON], [By.MODEL], [By.DAY, By.PERSON]):
        rows = await database.read(usage.report, by, since=START, person_id=ada)
        assert sum(row.turns for row in rows) == 10
        assert all(row.turns for row in rows)
    assert (await database.read(usage.mine, ada, since=START)).turns == 10


async def test_no_report_looks_at_all_turns(database):
    """Where a time begins is found among the ids, and a person's turns by their own index."""
    _, bob = await filled(database)
    first = await database.read(usage.first_turn, START + 8 * DAY)
    ids = await database.read(lambda db: list(db.execute(select(turns.c.id)).scalars()))
    assert sorted(ids).index(first) == 2 + 12

    def plan(db):
        if db.dialect.name == "postgresql":
            db.execute(text("SET LOCAL enable_seqscan = off"))
        begin = "EXPLAIN QUERY PLAN" if db.dialect.name == "sqlite" else "EXPLAIN"
        values = {"person": bob, "first": first, "since": START}
        query = str(usage._MINE.params(values).compile(db, compile_kwargs={"literal_binds": True}))
        return str(db.execute(text(f"{begin} {query}")).all())

    assert "ix_turns_person_id" in await database.write(plan)


def test_a_report_begins_on_a_day_or_days_ago():
    """Whatever else is written is refused in words."""
    now = START + 5 * DAY + 1
    assert usage.beginning("2026-11-01", now=now) == START
    assert usage.beginning(" 5d", now=now) == START + 1
    for wrong in ("yesterday", "2026-13-01", "", "d", "-1d"):
        with pytest.raises(ValueError, match="neither a day"):
            usage.beginning(wrong, now=now)
