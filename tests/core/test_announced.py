"""Somebody is told once that something waits for them, until they write again."""

import pytest

from core import contacts
from tests.core.test_contacts import PHONE, find, hear


async def announce(database, contact, now=5):
    return await database.write(contacts.announce, contact, now=now)


async def test_they_are_told_once(database):
    """The second time there is nothing new to tell."""
    contact = await hear(database, PHONE)
    assert [await announce(database, contact), await announce(database, contact)] == [True, False]


async def test_they_are_told_again_after_they_wrote(database):
    """What waits by then is something else."""
    await announce(database, await hear(database, PHONE, now=1))
    assert await announce(database, await hear(database, PHONE, now=6))


async def test_who_has_written_meanwhile_is_not_told(database):
    """It is on its way to them by then."""
    before = await hear(database, PHONE, now=1)
    await hear(database, PHONE, now=2)
    assert not await announce(database, before)


async def test_who_could_not_be_told_is_told_later(database):
    """A claim is taken back."""
    contact = await hear(database, PHONE)
    await announce(database, contact)
    await database.write(contacts.take_back, contact.id)
    assert await announce(database, contact)


async def test_who_has_opted_out_is_not_told(database):
    """Not even that."""
    contact = await hear(database, PHONE)
    await database.write(contacts.opt, contact.id, out=True, now=2)
    assert not await announce(database, contact)


@pytest.mark.parametrize(("sent_at", "shut"), [(9, False), (10, True), (11, True), (None, True)])
async def test_what_was_refused_before_they_wrote_shuts_nothing(database, sent_at, shut):
    """Only words that were sent since tell how it is now."""
    contact = await hear(database, PHONE, now=10)
    told = await database.write(contacts.shut, contact.id, now=20, sent_at=sent_at)
    assert told is shut
    assert ((await find(database, PHONE)).shut_at is not None) is shut
