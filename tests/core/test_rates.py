"""A person's allowance of messages: refilled evenly, and exact however many count at once."""

import asyncio

import pytest

from core import rates
from core.database import open_database
from core.rates import Allowance, parse

NOW = 1_800_000_000_000
TWENTY = parse("20/minute")


async def take(database, person=7, *, allowances=TWENTY, after=0.0):
    """Count a message that comes so many seconds after the beginning."""
    now = NOW + round(after * 1000)
    return await database.write(rates.take, person, allowances, now=now)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("20/minute", [(20, 60)]),
        (" 20 per minute ; 200/day", [(20, 60), (200, 86_400)]),
        ("5/2 hours, 1/SECOND|9 per 3 days", [(5, 7200), (1, 1), (9, 259_200)]),
        ("1/month", [(1, 2_592_000)]),
        ("None", []),
    ],
)
def test_allowances_are_written_as_before(text, found):
    """What RATE_LIMIT takes has not changed."""
    assert [(each.amount, each.seconds) for each in parse(text)] == found


@pytest.mark.parametrize(
    "text", ["", "20", "20/fortnight", "0/minute", "10001/day", "1/32 days", "20/minute;", "-1/day"]
)
def test_what_is_no_allowance_is_refused(text):
    """Without a word of it: it may be something else, in the wrong variable."""
    with pytest.raises(ValueError, match=r"\Ais not") as refused:
        parse(text)
    assert text in {"", "20"} or text not in str(refused.value)


async def test_an_allowance_is_refilled_evenly(database):
    """Twenty at once, and one more every three seconds; whoever is refused is told how long."""
    assert [await take(database) for _ in range(20)] == [None] * 20
    assert await take(database) == 3.0
    assert await take(database, after=2.5) == 0.5
    assert await take(database, after=3) is None
    assert await take(database, after=3) == 3.0
    assert await take(database, person=8) is None


async def test_a_day_without_messages_saves_none_up(database):
    """After it there are twenty, as before, and not more."""
    await take(database)
    found = [await take(database, after=86_400) for _ in range(21)]
    assert found == [None] * 20 + [3.0]


async def test_all_allowances_count_a_message_or_none_does(database):
    """A message that the day's refuses leaves the minute's as it was."""
    both = parse("3/minute;4/day")
    found = [await take(database, allowances=both, after=at) for at in (0, 0, 0, 60, 60)]
    assert found == [None, None, None, None, 21_540.0]
    # Two are left of the minute's three: that refusal took none.
    minute = both[:1]
    found = [await take(database, allowances=minute, after=60) for _ in range(3)]
    assert found == [None, None, 20.0]


async def test_an_uneven_allowance_does_not_drift(database):
    """Seven a second, for ten seconds, are seventy, at the very millisecond that they may come."""
    seven, at, taken = (Allowance(amount=7, seconds=1),), 0.0, 0
    while at <= 10:
        wait = await take(database, allowances=seven, after=at)
        taken += wait is None
        at = round(at + (wait or 0) + 0.0005, 3) if wait else at
    assert taken in {76, 77}


async def test_many_at_once_on_two_replicas_get_what_there_is(database, database_url):
    """Twenty of fifty, to the message."""
    other = database if database.single else open_database(database_url)
    found = await asyncio.gather(*(take(each) for each in (database, other) * 25))
    if other is not database:
        await other.close()
    assert found.count(None) == 20
