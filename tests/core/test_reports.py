"""What platforms say became of what they took: the furthest counts, in whatever order it comes."""

import asyncio
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from core import reports
from core.reports import Report
from core.tables import reports as reports_table
from tests.databases import empty

SENT = Report(status="sent", rank=4)
READ = Report(status="read", rank=6)
FAILED = Report(status="failed", rank=7, error_code="63016")
REPORTS = st.builds(
    Report,
    status=st.sampled_from(["queued", "sent", "delivered", "read", "failed", "brand_new"]),
    rank=st.integers(-1, 7),
    error_code=st.sampled_from([None, "63016", "21610"]),
)
COURSE = st.lists(st.tuples(st.sampled_from(["m1", "m2"]), REPORTS), max_size=12)


async def rise(database, report, *, sid="m1", platform="chat", now=1):
    return await database.write(reports.rise, platform, sid, report, now=now)


async def find(database, sid="m1", platform="chat"):
    return await database.read(reports.find, platform, sid)


async def test_what_was_never_reported_is_not_known(database):
    """Nor what was reported by another platform, or of another message."""
    await rise(database, SENT)
    assert await find(database, sid="m2") is None
    assert await find(database, platform="other") is None


async def test_a_report_of_what_nobody_here_has_sent_is_kept(database):
    """It may come before the platform tells us the id."""
    assert await rise(database, FAILED, sid="not ours yet")
    assert await find(database, sid="not ours yet") == FAILED


async def test_the_same_again_is_nothing_new(database):
    """Also when it is as far by another name: the first stays."""
    assert [await rise(database, READ), await rise(database, READ)] == [True, False]
    assert not await rise(database, Report(status="other", rank=READ.rank, error_code="1"))
    assert await find(database) == READ


async def test_a_status_that_is_new_to_us_is_less_than_any_other(database):
    """It is kept as long as it is all that there is."""
    strange = Report(status="brand_new", rank=-1)
    assert await rise(database, strange)
    assert await find(database) == strange
    assert await rise(database, Report(status="accepted", rank=0))
    assert not await rise(database, strange)


@pytest.mark.parametrize("order", list(permutations([SENT, READ, FAILED])))
async def test_the_furthest_wins_in_any_order(database, order):
    """With its own code, and each that is told of is further than all before."""
    told = [report for report in order if await rise(database, report)]
    assert await find(database) == FAILED
    ranks = [report.rank for report in told]
    assert ranks == sorted(set(ranks))


async def test_reports_that_come_at_once_leave_one_row_with_the_furthest(database):
    """And exactly one of those that are as far is news."""
    risen = await asyncio.gather(*(rise(database, each) for each in [SENT, READ, FAILED] * 8))
    assert await find(database) == FAILED
    assert 1 <= sum(risen) <= 3
    count = select(func.count()).select_from(reports_table)
    assert await database.read(lambda db: db.execute(count).scalar()) == 1


async def test_reports_rise_however_they_come(database):
    """For each message alone: what is news, and what is known, is the furthest so far."""
    loop = asyncio.get_running_loop()

    def check(course):
        asyncio.run_coroutine_threadsafe(_check(database, course), loop).result(30)

    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(course=COURSE.flatmap(st.permutations))
    def property_(course):
        check(course)

    await asyncio.to_thread(property_)


async def _check(database, course):
    await empty(database)
    furthest = {}
    for sid, report in course:
        before = furthest.get(sid)
        news = before is None or report.rank > before.rank
        assert await rise(database, report, sid=sid) == news
        furthest[sid] = report if news else before
    for sid, expected in furthest.items():
        assert await find(database, sid=sid) == expected
