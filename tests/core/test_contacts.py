"""Who writes to us: known again by any name, heard, shut out, and listened to when they opt out."""

import asyncio
from functools import partial

from sqlalchemy import func, select

from core import contacts
from core.tables import aliases
from core.tables import contacts as contacts_table
from tests.core.stage import POSTGRESQL, Pause, eventually
from tests.core.test_turns import _waits_or_is_done, paced

PHONE, USER, PARENT, OTHER = "chat:+1555", "chat:US.1", "chat:US.ENT.1", "chat:+1666"


async def hear(database, *names, now=1, account="us", fn=contacts.hear):
    return await database.write(fn, "chat", account, names, now=now)


async def find(database, name, account="us", platform="chat"):
    return await database.read(contacts.find, platform, account, name)


async def count(database, table):
    query = select(func.count()).select_from(table)
    return await database.read(lambda db: db.execute(query).scalar())


async def test_who_never_wrote_is_nobody(database):
    """Also not by a name that is known elsewhere."""
    await hear(database, PHONE)
    assert await find(database, OTHER) is None
    assert await find(database, PHONE, account="others") is None
    assert await find(database, PHONE, platform="other") is None


async def test_a_new_person_is_called_by_the_first_name(database):
    """And found by each of them."""
    heard = await hear(database, PHONE, USER, now=5)
    assert heard == contacts.Contact(id=heard.id, person=PHONE, heard_at=5)
    assert await find(database, PHONE) == await find(database, USER) == heard


async def test_names_that_are_told_twice_are_one(database):
    """A platform may repeat itself."""
    heard = await hear(database, PHONE, PHONE, USER, PHONE)
    assert heard.person == PHONE
    assert await count(database, aliases) == 2


async def test_any_name_that_is_known_leads_to_the_person(database):
    """What is new about them is remembered, one name leading to the next; the first one stays."""
    first = await hear(database, PHONE, USER, now=1)
    second = await hear(database, PARENT, USER, now=2)
    third = await hear(database, OTHER, PARENT, now=3)
    assert {first.id, second.id, third.id} == {first.id}
    assert (second.person, third.person) == (PHONE, PHONE)
    for name in (PHONE, USER, PARENT, OTHER):
        assert await find(database, name) == third
    assert await count(database, contacts_table) == 1


async def test_the_same_person_is_another_for_another_of_our_addresses(database):
    """Who wrote to one of them has not written to the other."""
    ours = await hear(database, PHONE, now=1)
    theirs = await hear(database, PHONE, account="others", now=2)
    assert ours.id != theirs.id
    assert (await find(database, PHONE)).heard_at == 1


async def test_two_that_turn_out_to_be_one_are_the_older(database):
    """By all the names of both, also those that were not told now."""
    older = await hear(database, PHONE, USER, now=1)
    younger = await hear(database, OTHER, PARENT, now=2)
    assert younger.id != older.id
    one = await hear(database, OTHER, PHONE, now=3)
    assert (one.id, one.person, one.heard_at) == (older.id, PHONE, 3)
    for name in (PHONE, USER, PARENT, OTHER):
        assert await find(database, name) == one


async def test_who_opted_out_under_one_name_has_under_all(database):
    """Of two that turn out to be one, neither one's wish is lost; the earlier moment stays."""
    for out_first, out_second, expected in ((None, 7, 7), (8, None, 8), (8, 7, 7), (7, 8, 7)):
        account = f"{out_first} {out_second}"
        for name, out in ((PHONE, out_first), (OTHER, out_second)):
            contact = await hear(database, name, account=account)
            if out is not None:
                await database.write(contacts.opt, contact.id, out=True, now=out)
        one = await hear(database, PHONE, OTHER, account=account, now=9)
        assert one.opted_out_at == expected
        assert await find(database, OTHER, account=account) == one


async def test_who_writes_is_open_again(database):
    """The refusal is of the past, the wish is not."""
    contact = await hear(database, PHONE, now=1)
    await database.write(contacts.shut, contact.id, now=2)
    await database.write(contacts.opt, contact.id, out=True, now=3)
    found = await find(database, PHONE)
    assert (found.heard_at, found.shut_at, found.opted_out_at) == (1, 2, 3)
    heard = await hear(database, PHONE, now=4)
    assert (heard.heard_at, heard.shut_at, heard.opted_out_at) == (4, None, 3)
    assert await find(database, PHONE) == heard


async def test_a_wish_is_told_from_its_repetition(database):
    """Only the first time it changes something, and the moment stays that of the first time."""
    contact = await hear(database, PHONE)
    opt = partial(database.write, contacts.opt, contact.id)
    assert [await opt(out=True, now=2), await opt(out=True, now=3)] == [True, False]
    assert (await find(database, PHONE)).opted_out_at == 2
    assert [await opt(out=False, now=4), await opt(out=False, now=5)] == [True, False]
    assert (await find(database, PHONE)).opted_out_at is None
    assert await opt(out=True, now=6)


async def test_opting_changes_nothing_else_and_nobody_else(database):
    """Nor does a refusal."""
    contact, other = await hear(database, PHONE), await hear(database, OTHER)
    await database.write(contacts.shut, contact.id, now=2)
    await database.write(contacts.opt, contact.id, out=True, now=3)
    await database.write(contacts.opt, contact.id, out=False, now=4)
    found = await find(database, PHONE)
    assert (found.heard_at, found.shut_at) == (1, 2)
    assert await find(database, OTHER) == other


async def test_a_contact_that_is_not_there_has_no_wishes(database):
    """It is no error."""
    assert not await database.write(contacts.opt, 99, out=True, now=1)
    await database.write(contacts.shut, 99, now=1)


async def test_many_words_at_once_of_somebody_new_make_one_contact(database):
    """Whatever the order of the names; nobody is turned away."""
    names = [(PHONE, USER), (PHONE, USER), (PHONE,), (PHONE, PARENT, USER)]
    heard = await asyncio.gather(*(hear(database, *each) for each in names * 5))
    assert len({each.id for each in heard}) == 1
    assert await count(database, contacts_table) == 1
    assert await count(database, aliases) == 3


async def test_many_words_at_once_under_names_in_any_order_lead_to_one(database):
    """Names that come the other way round do not lock each other out."""
    names = [(PHONE, USER), (USER, PHONE), (USER, PARENT, PHONE), (PHONE, PARENT, USER)]
    await asyncio.gather(*(hear(database, *each) for each in names * 5))
    found = [await find(database, name) for name in (PHONE, USER, PARENT)]
    assert len({each.id for each in found}) == 1


@POSTGRESQL
async def test_two_that_both_find_nobody_make_one_contact(database):
    """The one that looked before the other was stored joins it, under the names of both."""
    for after in (1, 2, 3):
        account, pause = str(after), Pause()
        slow = paced(contacts.hear, pause, after=after)
        first = asyncio.create_task(hear(database, PHONE, USER, account=account, fn=slow))
        await pause.reached.wait()
        second = asyncio.create_task(hear(database, PHONE, PARENT, account=account))
        await eventually(partial(_waits_or_is_done, database, second))
        pause.go()
        one, other = await asyncio.gather(first, second)
        assert one.id == other.id
        for name in (PHONE, USER, PARENT):
            assert (await find(database, name, account=account)).id == one.id


@POSTGRESQL
async def test_two_that_find_nobody_under_names_in_another_order_are_one_afterwards(database):
    """Whoever comes second takes the older contact, and not all names with it."""
    pause = Pause()
    slow = paced(contacts.hear, pause, after=1)
    late = asyncio.create_task(hear(database, USER, PHONE, now=2, fn=slow))
    await pause.reached.wait()
    first = await hear(database, PHONE, USER, PARENT, now=1)
    pause.go()
    assert (await late).id == first.id
    for name in (PHONE, USER, PARENT):
        assert (await find(database, name)).person == PHONE
