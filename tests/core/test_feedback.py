"""What people think of answers: the last word counts, and on their own answers alone."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import select

from core import account, feedback, transcript
from core.errors import NotFound
from core.tables import feedback as table
from tests.core.stage import POSTGRESQL, Pause, eventually
from tests.core.test_again import accept, exchange
from tests.core.test_turns import _waits_or_is_done, paced


async def rate(database, message_id, value, comment=None, *, whose="x", now=0):
    await database.write(
        feedback.rate, "web", whose, message_id, value=value, comment=comment, now=now
    )


async def messages(database, receipt):
    """The conversation's entries."""
    return await database.read(transcript.entries, receipt.session_id, before=None, limit=9)


async def test_an_opinion_stands_beside_its_answer(database):
    """And beside no other message."""
    receipt = await exchange(database, "one")
    await exchange(database, "two")
    answer = (await messages(database, receipt))[1]
    await rate(database, answer.message.id, -1, "wrong")
    found = await messages(database, receipt)
    assert [each.feedback for each in found] == [None, -1, None, None]


async def test_the_last_word_counts(database):
    """One opinion an answer: value, comment and time are the newest."""
    receipt = await exchange(database, "one")
    answer = (await messages(database, receipt))[1].message.id
    await rate(database, answer, -1, "wrong", now=1)
    await rate(database, answer, 1, now=2)
    [row] = await database.read(lambda db: db.execute(select(table)).all())
    assert (row.message_id, row.value, row.comment, row.created_at) == (answer, 1, None, 2)


async def test_only_an_answer_of_ones_own_can_be_judged(database):
    """No question, no other account's answer, and none that there is not."""
    receipt = await exchange(database, "one")
    question, answer = [each.message.id for each in await messages(database, receipt)]
    for message_id, whose in ((question, "x"), (answer, "y"), (2**40, "x")):
        with pytest.raises(NotFound):
            await rate(database, message_id, 1, whose=whose)
    assert (await messages(database, receipt))[1].feedback is None


async def test_what_waits_has_no_opinion_but_an_identity(database):
    """Its sender finds it again by its own name for it."""
    receipt = await accept(database, "one", key="k1")
    await accept(database, "two", key="k2")
    found = await messages(database, receipt)
    assert [(each.key, each.status, each.feedback) for each in found] == [
        ("k1", "running", None),
        ("k2", None, None),
    ]


@POSTGRESQL
@pytest.mark.parametrize("after", [1, 2])
async def test_an_opinion_that_meets_an_erasure_does_not_stop_it(database, after):
    """The one who was first is waited for; nothing is left, and nothing fails."""
    receipt = await exchange(database, "one")
    answer = (await messages(database, receipt))[1].message.id
    pause = Pause()
    slow = paced(feedback.rate, pause, after)
    rating = asyncio.create_task(
        database.write(slow, "web", "x", answer, value=1, comment=None, now=0)
    )
    await pause.reached.wait()
    erasing = asyncio.create_task(database.write(account.erase_some, "web", "x", now=5))
    await eventually(partial(_waits_or_is_done, database, erasing))
    pause.go()
    assert await erasing == 1
    await rating
    assert await database.read(lambda db: db.execute(select(table)).all()) == []


@POSTGRESQL
async def test_an_opinion_on_what_is_being_erased_comes_too_late(database):
    """It waits for the erasure, and then finds no answer."""
    receipt = await exchange(database, "one")
    answer = (await messages(database, receipt))[1].message.id
    pause = Pause()
    slow = paced(account.erase_some, pause, 3)
    erasing = asyncio.create_task(database.write(slow, "web", "x", now=5))
    await pause.reached.wait()
    rating = asyncio.create_task(rate(database, answer, 1))
    await eventually(partial(_waits_or_is_done, database, rating))
    pause.go()
    assert await erasing == 1
    with pytest.raises(NotFound):
        await rating
