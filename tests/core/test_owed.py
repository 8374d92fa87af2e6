"""Answers that wait until their person writes: owed once, due in order, gone when settled."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import func, select

from core import account, arrivals, deliveries, leases, outcomes, owed
from core.errors import Fenced
from core.tables import addresses
from core.tables import deliveries as deliveries_table
from core.tables import owed as owed_table
from core.types import Address, Status
from tests.core.test_again import accept, exchange, reply, told
from tests.core.test_contacts import OTHER, PHONE, hear

PLACE = "alice"


async def count(database, table, *where):
    query = select(func.count()).select_from(table).where(*where)
    return await database.read(lambda db: db.execute(query).scalar())


async def sent(database, turn, *ids):
    """The turn's parts were sent under these ids, in this order."""
    for part, sid in enumerate(ids):
        await database.write(deliveries.checkpoint, turn, part, sid, sent_at=1)


async def late(database, words, *ids, place=PLACE):
    """An exchange whose answer is sent in parts; returns its turn, which is over."""
    receipt = await accept(database, words, place=place)
    await sent(database, receipt.turn, *ids)
    await reply(database, receipt, f"re: {words}")
    return receipt.turn


async def owe(database, words, *ids, place=PLACE):
    """An exchange whose answer is owed."""
    receipt = await accept(database, words, place=place)
    await sent(database, receipt.turn, *ids)
    await database.write(owed.owe, receipt.turn, now=1)
    await reply(database, receipt, f"re: {words}")
    return receipt.turn


async def asked(database, place=PLACE):
    """The turn of somebody who writes now."""
    return (await accept(database, "Hi again", place=place)).turn


async def due(database, turn):
    return await database.read(owed.due, turn)


async def fail(database, sid):
    return await database.write(owed.fail, sid, now=2)


# --- owe ---


async def test_what_is_owed_is_due_when_they_write(database):
    """The answer's words, with the parts that are there already."""
    turn = await owe(database, "one", "sm0", "sm1")
    [debt] = await due(database, await asked(database))
    assert (debt.turn_id, debt.text) == (turn.id, "re: one")
    assert (debt.parts, debt.sent) == ({0: "sm0", 1: "sm1"}, frozenset({0, 1}))


async def test_a_part_that_was_begun_is_not_one_that_was_sent(database):
    """Its note is there, to look for it."""
    receipt = await accept(database, "one")
    await sent(database, receipt.turn, "sm0")
    await database.write(deliveries.checkpoint, receipt.turn, 1, "?12.5", sent_at=None)
    await database.write(owed.owe, receipt.turn, now=1)
    await reply(database, receipt, "Late")
    [debt] = await due(database, await asked(database))
    assert (debt.parts, debt.sent) == ({0: "sm0", 1: "?12.5"}, frozenset({0}))


async def test_an_answer_is_owed_once(database):
    """However often that is found out."""
    receipt = await accept(database, "one")
    for _ in range(2):
        await database.write(owed.owe, receipt.turn, now=1)
    assert await count(database, owed_table) == 1


@pytest.mark.parametrize("over", [True, False])
async def test_whoever_lost_the_turn_owes_nothing(database, over):
    """Whether another holds it or it is over."""
    receipt = await accept(database, "one")
    turn = receipt.turn
    if over:
        await reply(database, receipt, "Late")
    else:
        turn = replace(turn, attempt=turn.attempt - 1)
    with pytest.raises(Fenced):
        await database.write(owed.owe, turn, now=1)
    assert await count(database, owed_table) == 0


# --- fail ---


async def test_a_part_that_never_arrived_is_undone_alone(database):
    """The others stay as they are, also those of other turns, and the answer is owed."""
    turn = await late(database, "one", "sm0", "sm1", "sm2")
    other = await late(database, "two", "sm7", "sm8")
    assert await fail(database, "sm1") == turn.id
    [debt] = await due(database, await asked(database))
    assert debt.turn_id == turn.id
    assert (debt.parts, debt.sent) == ({0: "sm0", 2: "sm2"}, frozenset({0, 2}))
    assert await count(database, deliveries_table, deliveries_table.c.turn_id == other.id) == 2


async def test_parts_fail_in_any_order(database):
    """Each is undone, and the answer is owed once."""
    turn = await late(database, "one", "sm0", "sm1", "sm2")
    assert [await fail(database, sid) for sid in ("sm2", "sm0")] == [turn.id, turn.id]
    [debt] = await due(database, await asked(database))
    assert debt.sent == frozenset({1})
    assert await count(database, owed_table) == 1


async def test_a_failure_that_is_told_again_is_nothing_new(database):
    """Not even when the part was sent anew since, under another id."""
    turn = await late(database, "one", "sm0")
    assert await fail(database, "sm0") == turn.id
    now = await asked(database)
    note = {"part": 0, "external_id": "sm9", "sent_at": 3}
    await database.write(owed.note, now, turn.id, note)
    await database.write(owed.settle, turn.id, 1)
    assert await fail(database, "sm0") is None
    assert await due(database, now) == []


async def test_a_part_that_nobody_sent_is_owed_to_nobody(database):
    """Such as one that another program of the account has sent."""
    await late(database, "one", "sm0")
    assert await fail(database, "sm1") is None
    assert await count(database, owed_table) == 0
    assert await count(database, deliveries_table) == 1


async def test_a_part_of_a_turn_that_still_runs_may_fail(database):
    """The report overtakes the end of the delivery, which is owed then, and not in its own way."""
    receipt = await accept(database, "one")
    await sent(database, receipt.turn, "sm0")
    assert await fail(database, "sm0") == receipt.turn.id
    await database.write(owed.owe, receipt.turn, now=3)
    assert await due(database, receipt.turn) == []
    await reply(database, receipt, "Late")
    [debt] = await due(database, await asked(database))
    assert (debt.turn_id, debt.parts) == (receipt.turn.id, {})


async def test_two_reports_of_one_failure_at_once_owe_it_once(database):
    """And none of them is refused."""
    turn = await late(database, "one", "sm0", "sm1")
    found = await asyncio.gather(*(fail(database, sid) for sid in ["sm0", "sm1"] * 5))
    assert set(found) <= {turn.id, None}
    assert turn.id in found
    assert await count(database, owed_table) == 1
    assert await count(database, deliveries_table) == 0


# --- due ---


async def test_the_oldest_answer_is_due_first(database):
    """In the order of the questions, not in that of the failures."""
    turns = [await late(database, words, f"sm{words}") for words in "abc"]
    for words in "cab":
        await fail(database, f"sm{words}")
    debts = await due(database, await asked(database))
    assert [debt.turn_id for debt in debts] == [turn.id for turn in turns]
    assert [debt.text for debt in debts] == ["re: a", "re: b", "re: c"]


async def test_only_older_answers_are_due(database):
    """What is owed of a later turn goes out with one that is later still."""
    first = await owe(database, "one")
    middle = await late(database, "two", "sm0")
    await owe(database, "three")
    assert [debt.turn_id for debt in await due(database, middle)] == [first.id]
    assert await due(database, first) == []


async def test_nothing_is_due_elsewhere(database):
    """What one person is owed is not told to another."""
    await owe(database, "one")
    assert await due(database, await asked(database, place="bob")) == []


async def test_an_answer_that_is_not_there_is_not_due(database):
    """There are no words yet that could be sent."""
    receipt = await accept(database, "one")
    await database.write(owed.owe, receipt.turn, now=1)
    later = replace(receipt.turn, id=receipt.turn.id + 1)
    assert await due(database, later) == []


# --- note, settle, erase ---


async def test_parts_of_an_owed_answer_are_noted_under_its_own_turn(database):
    """Under the fence of the turn that it goes out with."""
    turn = await owe(database, "one", "sm0")
    now = await asked(database)
    note = {"part": 1, "external_id": "sm1", "sent_at": 3}
    await database.write(owed.note, now, turn.id, note)
    [debt] = await due(database, now)
    assert (debt.parts, debt.sent) == ({0: "sm0", 1: "sm1"}, frozenset({0, 1}))
    with pytest.raises(Fenced):
        await database.write(owed.note, replace(now, attempt=0), turn.id, note | {"part": 2})
    assert await due(database, now) == [debt]


async def test_what_is_settled_is_owed_no_more(database):
    """The others still are, and settling twice is settling once."""
    first, second = await owe(database, "one"), await owe(database, "two")
    for _ in range(2):
        await database.write(owed.settle, first.id, 0)
    assert [debt.turn_id for debt in await due(database, await asked(database))] == [second.id]


async def test_who_is_erased_is_owed_nothing(database):
    """Nor can a report bring it back; what others are owed stays."""
    await owe(database, "one", "sm0")
    theirs = await owe(database, "two", "sm1", place="bob")
    erased = await database.write(account.erase_some, "web", "x", name=PLACE, now=5)
    assert erased == 1
    assert await count(database, owed_table) == 1
    assert await fail(database, "sm0") is None
    assert [debt.turn_id for debt in await due(database, await asked(database, place="bob"))] == [
        theirs.id
    ]
    assert await database.write(account.erase_some, "web", "x", now=5) == 1
    assert await count(database, owed_table) == 0


async def test_an_answer_that_went_well_is_not_owed(database):
    """Nothing is due to whom everything was sent."""
    await exchange(database, "one")
    assert await due(database, await asked(database)) == []
    assert await count(database, addresses) == 1


# --- people who turn out to be one ---


def at(person):
    return Address(platform="chat", account="us", conversation=person)


async def say(database, words, person):
    """A person of a platform with contacts writes."""
    said = replace(told(words), address=at(person))
    return await database.write(arrivals.accept, said, owner="a", now=0, stale_before=-1)


@pytest.mark.parametrize("known", [True, False], ids=["who has written", "who has not"])
async def test_what_is_owed_follows_them_to_their_other_name(database, known):
    """Also what fails only later; the older name's conversation may not have begun."""
    await hear(database, PHONE)
    if known:
        await reply(database, await say(database, "first", PHONE), "re: first")
    await hear(database, OTHER)
    for number in range(2):
        receipt = await say(database, f"more {number}", OTHER)
        await sent(database, receipt.turn, f"sm{number}")
        await reply(database, receipt, f"re: more {number}")
    await fail(database, "sm0")
    await hear(database, OTHER, PHONE)
    await fail(database, "sm1")
    now = await say(database, "Hi again", PHONE)
    assert [debt.text for debt in await due(database, now.turn)] == ["re: more 0", "re: more 1"]
    await reply(database, now, "re")
    assert await due(database, (await say(database, "old name", OTHER)).turn) == []


# --- bring ---


async def test_what_is_owed_is_brought_by_a_turn_that_says_nothing(database):
    """It is free for whoever comes first, and has no words; one at a time."""
    turn = await owe(database, "one")
    bring = partial(database.write, owed.bring, turn.id, now=5)
    assert [await bring(), await bring()] == [True, False]
    [taken] = await database.write(leases.recover, "b", single=False, dead_ms=1000, lost=())
    assert (taken.status, taken.session_id) == (Status.ANSWERED, turn.session_id)
    assert [debt.turn_id for debt in await due(database, taken)] == [turn.id]
    assert (await database.read(outcomes.answered, taken.id)).parts == ()
    await database.write(owed.settle, turn.id, 0)
    assert await bring()


async def test_where_somebody_is_answered_nothing_is_brought(database):
    """Nor to whom is erased."""
    turn = await owe(database, "one")
    running = await accept(database, "two")
    assert not await database.write(owed.bring, turn.id, now=5)
    await reply(database, running, "re: two")
    await database.write(account.erase_some, "web", "x", name=PLACE, now=5)
    assert await database.write(owed.bring, turn.id, now=5)
    assert await database.write(leases.recover, "b", single=False, dead_ms=1000, lost=()) == []
