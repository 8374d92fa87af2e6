"""An account's conversations: listed in pages, counted, handed over, erased."""

import asyncio
import re
from functools import partial

import pytest
from sqlalchemy import func, select, true

from core import (
    account,
    addresses,
    arrivals,
    deliveries,
    export,
    feedback,
    outcomes,
    transcript,
    turns,
)
from core.errors import Fenced
from core.tables import addresses as addresses_table
from core.tables import deliveries as deliveries_table
from core.tables import feedback as feedbacks
from core.tables import messages, sessions
from core.tables import turns as turns_table
from core.types import Address, Answer, Status
from tests.core.stage import POSTGRESQL, SQLITE, Pause, eventually
from tests.core.test_again import accept, anew, exchange, reply, told
from tests.core.test_turns import _waits_or_is_done, close, paced

NOW = {"owner": "a", "now": 0, "stale_before": -1}


async def listed(database, account_id="x", *, before=None, limit=100):
    """The names in an account's list."""
    found = await database.read(
        account.conversations, "web", account_id, before=before, limit=limit
    )
    return [each.name for each in found]


async def one(database, name="alice"):
    return await database.read(account.find, "web", "x", name)


async def erase(database, name=None):
    return await database.write(account.erase_some, "web", "x", name=name, now=5)


async def rows(database):
    """How many rows each table has that say something of somebody."""
    personal = {
        messages: true(),
        feedbacks: true(),
        deliveries_table: true(),
        addresses_table: addresses_table.c.account != "",
        sessions: sessions.c.erased_at.is_(None) | sessions.c.system.is_not(None),
        turns_table: turns_table.c.closed_at.is_(None),
    }

    def count(db):
        found = {
            table.name: db.execute(select(func.count()).select_from(table).where(theirs)).scalar()
            for table, theirs in personal.items()
        }
        return {name: number for name, number in found.items() if number}

    return await database.read(count)


async def test_a_list_is_read_in_pages(database):
    """The newest first, none twice and none left out, and nobody else's."""
    names = [f"n{number}" for number in range(7)]
    for name in names:
        await exchange(database, "Hi", place=name)
    other = Address(platform="web", account="y", conversation="n1")
    await database.write(arrivals.accept, told("Hi", address=other), **NOW)
    for limit in (1, 3, 7, 100):
        pages, before = [], None
        while page := await database.read(
            account.conversations, "web", "x", before=before, limit=limit
        ):
            assert len(page) <= limit
            pages += [each.name for each in page]
            before = page[-1].id
        assert pages == names[::-1]
    assert await listed(database, "y") == ["n1"]
    assert await listed(database, None) == ["n1", *names[::-1]]


async def test_a_conversation_is_told_by_how_it_began(database):
    """Its first words, how many answers it has, and when it was begun and last used."""
    first = await database.write(arrivals.accept, told("one"), owner="a", now=5, stale_before=-1)
    answer = Answer(status=Status.DONE, parts=({"type": "text", "text": "re: one"},))
    await database.write(turns.close, first.turn, answer, now=9)
    await accept(database, "two")
    found = await one(database)
    assert (found.title, found.turns) == ("one", 1)
    assert (found.created_at, found.updated_at) == (5, 9)
    assert found.session_id == first.session_id


async def test_what_was_replaced_or_cleared_is_neither_told_nor_counted(database):
    """A list shows conversations as they are now."""
    first = await exchange(database, "one")
    await exchange(database, "two")
    await reply(database, await anew(database, first, said=told("won")), "better")
    found = await one(database)
    assert (found.title, found.turns) == ("won", 1)
    assert (await database.read(account.totals, "web", "x")).messages == 2
    await database.write(transcript.reset, first.session_id)
    found = await one(database)
    assert (found.title, found.turns) == ("", 0)
    assert await database.read(account.totals, "web", "x") == account.Totals(sessions=1, messages=0)


async def test_one_question_alone_is_in_no_list(database):
    """But it can be found, and goes with the rest."""
    await exchange(database, "one", place="~once")
    await exchange(database, "two")
    assert await listed(database) == ["alice"]
    totals = await database.read(account.totals, "web", "x")
    assert totals == account.Totals(sessions=1, messages=2)
    assert await database.read(account.totals, "web", None) == totals
    assert (await one(database, "~once")).title == "one"
    assert await erase(database) == 2


async def test_a_conversation_without_a_word_is_listed(database):
    """It was begun before anything was said; and once only."""
    where = Address(platform="web", account="x", conversation="empty")
    made = [await database.write(addresses.ensure, where, now=3) for _ in range(2)]
    assert made == [True, False]
    found = await one(database, "empty")
    assert (found.title, found.turns, found.created_at) == ("", 0, 3)


async def test_ten_who_begin_a_conversation_at_once_begin_one(database):
    """And a message that comes with them finds it, or they find its."""
    where = Address(platform="web", account="x", conversation="alice")
    *made, receipt = await asyncio.gather(
        *[database.write(addresses.ensure, where, now=3) for _ in range(10)],
        accept(database, "Hi"),
    )
    assert made.count(True) <= 1
    assert (await rows(database))["sessions"] == 1
    assert (await one(database)).session_id == receipt.session_id


async def test_conversations_change_hands_under_new_names(database):
    """All is there under the new account, nothing under the old one, and it goes on from there."""
    await exchange(database, "one", place="s")
    await exchange(database, "two", place="~once")
    names = await database.write(account.hand_over, "web", "x", to="y")
    assert names.keys() == {"s"}
    assert await listed(database, "x") == []
    assert await listed(database, "y") == [names["s"]]
    kept = await database.read(export.conversations, "web", "y", after="", limit=9)
    assert len(kept) == 2
    where = Address(platform="web", account="y", conversation=names["s"])
    following = await database.write(arrivals.accept, told("three", address=where), **NOW)
    spoken = await database.read(transcript.spoken, following.session_id, turn_id=following.turn_id)
    assert [said.parts[0]["text"] for said in spoken] == ["one", "re: one", "three"]


async def test_a_turn_that_runs_changes_hands_with_its_conversation(database):
    """It is the new account's to stop and to see, and ends as if nothing had been."""
    running = await accept(database, "one")
    waiting = await accept(database, "two")
    names = await database.write(account.hand_over, "web", "x", to="y")
    place = await database.read(outcomes.place, running.turn_id)
    assert (place.address.account, place.address.conversation) == ("y", names["alice"])
    following = await close(database, running.turn)
    assert following.message_ids == (waiting.message_id,)
    assert following.turn.address.account == "y"


async def test_all_that_is_kept_is_taken_along(database):
    """In order, in pages: what was replaced, cleared, judged, or waits, too."""
    first = await exchange(database, "one")
    await reply(database, await anew(database, first, said=told("won")), "better")
    await database.write(transcript.reset, first.session_id)
    await accept(database, "two")
    await accept(database, "three")
    found = []
    while page := await database.read(
        export.said, first.session_id, after=found[-1].message if found else None, limit=2
    ):
        found += page
    found += await database.read(export.waiting, first.session_id)
    said = [(each.message.parts[0]["text"], each.status) for each in found]
    assert said == [
        *((text, "done") for text in ("one", "re: one", "won", "better")),
        ("two", "running"),
        ("three", None),
    ]
    assert [each.key is None for each in found] == [False, True, False, True, False, False]


# --- erased ---


async def test_what_is_erased_is_gone(database):
    """No word of it is left, nor whose it was; others' conversations are untouched."""
    other = Address(platform="web", account="y", conversation="s")
    await database.write(arrivals.accept, told("Hi", address=other), **NOW)
    left = await rows(database)
    first = await exchange(database, "one")
    answer = (await database.read(transcript.conversation, first.session_id, before=None, limit=9))[
        1
    ][0]
    await database.write(feedback.rate, "web", "x", answer.id, value=1, comment="good", now=0)
    await reply(database, await anew(database, first), "better")
    running = await accept(database, "two")
    await accept(database, "three")
    await database.write(deliveries.checkpoint, running.turn, 0, "id", sent_at=0)
    assert await erase(database) == 1
    assert await rows(database) == left


async def test_one_conversation_is_erased_alone(database):
    """By its name; one that there is not, or that is another's, is none."""
    for place in ("a", "b"):
        await exchange(database, "Hi", place=place)
    assert await erase(database, "a") == 1
    assert await erase(database, "a") == 0
    assert await database.write(account.erase_some, "web", "y", name="b", now=5) == 0
    assert await listed(database) == ["b"]


async def test_many_are_erased_a_batch_at_a_time(database, monkeypatch):
    """So that no transaction holds the others up for long."""
    monkeypatch.setattr(account, "BATCH", 2)
    for number in range(5):
        await exchange(database, "Hi", place=f"n{number}")
    assert [await erase(database) for _ in range(4)] == [2, 2, 1, 0]


async def test_whoever_works_on_what_was_erased_writes_nothing_any_more(database):
    """Its writes are fenced, whichever comes first: the answer, its delivery, its end."""
    turn = (await accept(database, "one")).turn
    await accept(database, "two")
    await erase(database)
    answer = Answer(status=Status.DONE, parts=({"type": "text", "text": "late"},))
    for write in (
        partial(turns.close, turn=turn, answer=answer, now=0),
        partial(turns.finish, turn=turn, answer=answer, now=0),
        partial(turns.settle, turn=turn, status=Status.DONE, error=None, now=0),
        partial(deliveries.checkpoint, turn=turn, part=0, external_id="id", sent_at=0),
    ):
        with pytest.raises(Fenced):
            await database.write(write)
    assert await rows(database) == {}


async def test_a_message_after_the_erasure_begins_anew(database):
    """Also one with an identity that was erased with the rest."""
    await exchange(database, "one", key="k")
    await erase(database)
    receipt = await accept(database, "two", key="k")
    assert not receipt.duplicate
    spoken = await database.read(transcript.spoken, receipt.session_id, turn_id=receipt.turn_id)
    assert [said.parts[0]["text"] for said in spoken] == ["two"]


@POSTGRESQL
@pytest.mark.parametrize("after", range(1, 9))
async def test_a_message_that_meets_an_erasure_is_stored_after_it(database, after):
    """Whatever is erased already: it waits, and then begins a conversation of its own."""
    await exchange(database, "one")
    pause = Pause()
    erasing = asyncio.create_task(
        database.write(paced(account.erase_some, pause, after), "web", "x", now=5)
    )
    await pause.reached.wait()
    arriving = asyncio.create_task(accept(database, "two"))
    await eventually(partial(_waits_or_is_done, database, arriving))
    first = arriving.done()
    pause.go()
    await erasing
    arrived = await arriving
    kept = await database.read(lambda db: db.execute(select(messages.c.id)).scalars().all())
    # Before the sessions are locked it is part of what is erased; else nothing of it is lost.
    assert kept == ([] if first else [arrived.message_id])
    assert first == (after == 1)


@POSTGRESQL
@pytest.mark.parametrize("after", range(1, 4))
async def test_an_erasure_that_meets_a_message_takes_it_along(database, after):
    """The message was first: nothing of it is left, and nothing fails."""
    await exchange(database, "one")
    pause = Pause()
    accepting = paced(arrivals.accept, pause, after)
    arriving = asyncio.create_task(database.write(accepting, told("two"), **NOW))
    await pause.reached.wait()
    erasing = asyncio.create_task(erase(database))
    await eventually(partial(_waits_or_is_done, database, erasing))
    pause.go()
    assert await erasing == 1
    await arriving
    assert await rows(database) == {}


@POSTGRESQL
async def test_a_delivery_that_is_noted_meanwhile_goes_too(database):
    """The note of a part that was just sent does not stop the erasure."""
    turn = (await accept(database, "one")).turn
    pause = Pause()
    noting = asyncio.create_task(
        database.write(paced(deliveries.checkpoint, pause, 1), turn, 0, "id", sent_at=0)
    )
    await pause.reached.wait()
    erasing = asyncio.create_task(erase(database))
    await eventually(partial(_waits_or_is_done, database, erasing))
    assert not erasing.done()
    pause.go()
    await noting
    assert await erasing == 1
    query = select(func.count()).select_from(deliveries_table)
    assert await database.read(lambda db: db.execute(query).scalar()) == 0


@POSTGRESQL
async def test_an_erasure_among_turns_that_come_and_go_never_fails(database):
    """Messages, answers and erasures of the same conversations, all at once."""

    async def talk(place):
        for _ in range(6):
            receipt = await accept(database, "Hi", place=place)
            turn = receipt.turn
            while turn is not None:
                try:
                    following = await close(database, turn)
                except Fenced:
                    break
                turn = following and following.turn

    async def forget():
        for _ in range(6):
            await erase(database)

    places = [f"p{number}" for number in range(4)] * 3
    await asyncio.gather(*map(talk, places), forget(), forget())
    await erase(database)
    assert await rows(database) == {}


# --- with a million of them ---


def plan(db):
    """How SQLite would go about a list, in its own words."""
    compiled = account._LISTS[False, True].compile(dialect=db.dialect)
    values = (None,) * len(compiled.positiontup)
    return [row[3] for row in db.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]


@SQLITE
async def test_a_list_looks_at_nothing_but_what_it_shows(database):
    """Its index leaves out what the list does; without that, a program's million would be read."""
    found = await database.read(plan)
    assert "SEARCH addresses USING INDEX ix_addresses_listed" in found[0]


@SQLITE
async def test_nothing_is_searched_in_full_to_erase_a_conversation(database):
    """Not even to see that nothing refers to what is deleted."""

    def plans(db):
        for statement in (account._LOCK, *account._ERASE):
            query = re.sub(r"\(__\[\w+\]\)", "(1)", str(statement.compile(db)))
            values = (None,) * query.count("?")
            explained = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)
            yield from (row[3] for row in explained)

    found = await database.read(lambda db: list(plans(db)))
    assert len(found) > len(account._ERASE)
    assert not [step for step in found if step.startswith("SCAN")]
