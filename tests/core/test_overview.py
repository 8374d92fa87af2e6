"""Operators see conversations and their cost, and nobody's words."""

from core import account, overview
from core.types import Answer, Sender, Status, Usage
from tests.core.test_again import accept
from tests.core.test_turns import close

DONE = Answer(
    status=Status.DONE,
    parts=({"type": "text", "text": "x"},),
    model="m",
    usage=Usage(input=5, output=2, cache_read=1),
    cost=7,
)


async def test_the_newest_conversations_come_with_what_they_cost(database):
    """By their platforms and person; turns that no model answered are none."""
    for place in ("a", "b"):
        receipt = await accept(database, "Hi", place=place, sender=Sender(external_id="ada"))
        await close(database, receipt.turn, DONE)
    receipt = await accept(database, "!help", place="b")
    await close(database, receipt.turn, Answer(status=Status.DONE, parts=DONE.parts))
    newest, older = await database.read(overview.newest, limit=9)
    assert newest.session_id > older.session_id
    assert (newest.platforms, newest.turns, newest.tokens, newest.cost) == (("web",), 1, 8, 7)
    assert newest.person_id == older.person_id is not None
    assert await database.read(overview.newest, limit=1) == [newest]


async def test_what_was_erased_is_not_shown(database):
    """It is nobody's."""
    receipt = await accept(database, "Hi")
    await close(database, receipt.turn, DONE)
    await database.write(account.erase_some, "web", "x", now=1)
    assert await database.read(overview.newest, limit=9) == []
