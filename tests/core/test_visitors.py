"""Visitors: whose tokens count, how long, and who they turned out to be, once."""

import asyncio
from functools import partial

import pytest

from core import account, arrivals, transcript, visitors
from core.errors import NotFound
from core.types import Address, InboundEvent
from core.visitors import Standing
from tests.core.stage import POSTGRESQL, Pause, eventually
from tests.core.test_again import exchange
from tests.core.test_turns import _waits_or_is_done, paced


async def standing(database, visitor="v"):
    return await database.read(visitors.standing, visitor)


async def rotate(database, epoch, *, visitor="v", now=5):
    return await database.write(visitors.rotate, visitor, epoch=epoch, now=now)


async def identify(database, *, visitor="v", to="user", fn=visitors.identify):
    return await database.write(fn, visitor, platform="web", account_id="x", to=to, now=9)


async def test_a_visitor_without_a_row_is_as_new(database):
    """Most never renew their token, so nothing is stored of them."""
    assert await standing(database) == Standing(epoch=0, rotated_at=None, retired=False)


async def test_a_renewal_begins_the_next_epoch(database):
    """And says since when; of others nothing changes."""
    assert [await rotate(database, 0), await rotate(database, 1, now=7)] == [1, 2]
    assert await standing(database) == Standing(epoch=2, rotated_at=7, retired=False)
    assert await standing(database, "w") == Standing()


async def test_renewing_twice_is_renewing_once(database):
    """A repeated request gets the epoch that the first one began, and does not move its time."""
    assert [await rotate(database, 0), await rotate(database, 0, now=7)] == [1, 1]
    assert (await standing(database)).rotated_at == 5


async def test_ten_renewals_at_once_begin_one_epoch(database):
    """All get the same."""
    assert set(await asyncio.gather(*[rotate(database, 0) for _ in range(10)])) == {1}


async def test_a_retired_visitor_stays_so(database):
    """It is done once, and no token can be renewed any more."""
    await rotate(database, 0)
    done = [await database.write(visitors.retire, "v", now=8) for _ in range(2)]
    assert done == [True, False]
    assert await standing(database) == Standing(epoch=1, rotated_at=5, retired=True)
    with pytest.raises(NotFound):
        await rotate(database, 1)


async def test_a_visitor_is_identified_once(database):
    """Conversations change hands, the tokens are dead, and nobody can do it again."""
    await exchange(database, "one", place="s")
    names = await identify(database)
    assert names.keys() == {"s"}
    assert (await standing(database)).retired
    found = await database.read(account.find, "web", "user", names["s"])
    assert found.title == "one"
    await exchange(database, "late", place="t")
    with pytest.raises(NotFound):
        await identify(database, to="thief")
    assert await database.read(account.find, "web", "x", "t") is not None


async def test_of_two_who_identify_one_visitor_one_gets_all(database):
    """The other is told that it was done."""
    await exchange(database, "one", place="s")
    found = await asyncio.gather(
        *[identify(database, to=f"user {number}") for number in range(5)], return_exceptions=True
    )
    assert [type(each) for each in found if not isinstance(each, dict)] == [NotFound] * 4
    [names] = [each for each in found if isinstance(each, dict)]
    assert len(names) == 1


@POSTGRESQL
@pytest.mark.parametrize("after", [1, 2, 3])
async def test_a_renewal_that_meets_an_identification_is_refused(database, after):
    """No token comes out of it that would outlive the visitor."""
    await rotate(database, 0)
    pause = Pause()
    slow = paced(visitors.identify, pause, after)
    identifying = asyncio.create_task(identify(database, fn=slow))
    await pause.reached.wait()
    renewing = asyncio.create_task(rotate(database, 1))
    await eventually(partial(_waits_or_is_done, database, renewing))
    first = renewing.done()
    pause.go()
    await identifying
    if not first:
        with pytest.raises(NotFound):
            await renewing
    assert (await standing(database)).retired


async def test_who_is_known_begins_no_conversation_as_a_visitor(database):
    """Or it would stay behind, under a name that nobody signs in with any more."""
    where = Address(platform="web", account="visitor:v", conversation="late")
    late = InboundEvent(address=where, text="Hi", message_key="k", visitor="v")
    await database.write(visitors.retire, "v", now=1)
    with pytest.raises(visitors.Retired):
        await database.write(arrivals.accept, late, owner="a", now=2, stale_before=-1)
    assert await database.read(transcript.find_session, where) is None


@POSTGRESQL
async def test_a_message_that_comes_before_the_visitor_is_known_is_taken_along(database):
    """Whoever finds out who it is waits for it."""
    where = Address(platform="web", account="visitor:v", conversation="first")
    event = InboundEvent(address=where, text="Hi", message_key="k", visitor="v")
    pause = Pause()
    accepting = paced(arrivals.accept, pause, 3)
    arriving = asyncio.create_task(
        database.write(accepting, event, owner="a", now=2, stale_before=-1)
    )
    await pause.reached.wait()
    known = {"platform": "web", "account_id": "visitor:v", "to": "user:ann", "now": 3}
    identifying = asyncio.create_task(database.write(visitors.identify, "v", **known))
    await eventually(partial(_waits_or_is_done, database, identifying))
    assert not identifying.done()
    pause.go()
    await arriving
    assert list(await identifying) == ["first"]
