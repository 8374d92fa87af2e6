"""Answers anew and erasures while answers run: what becomes of them, and of those who follow."""

import asyncio

import pytest
import pytest_asyncio

from core import asking, changes, outcomes, transcript
from core.again import Busy, again
from core.changes import Changes
from core.database import DatabaseDown
from core.errors import Transient
from core.types import Status
from tests.core.house import until
from tests.core.stage import IN_DOUBT, PUSH, Platform, Troubled, event, stage
from tests.fakes.scripted import forever, says


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(asking, "COALESCE", 0)
    monkeypatch.setattr("core.viewers.ELSEWHERE", 0.01)


@pytest_asyncio.fixture(autouse=True)
async def _seen_off(database):
    """No viewer outlives its test: it would go on looking into a closed database."""
    yield
    for viewer in _viewers:
        viewer.cancel()
    await asyncio.gather(*_viewers, return_exceptions=True)
    _viewers.clear()


_viewers = []


def changes_of(theatre):
    return Changes(
        database=theatre.database,
        handler=theatre.handler,
        clock=theatre.clock,
        replica=theatre.name,
    )


def endless(text):
    """A call that says something, and then no more."""
    return [*says(text)[:-1], forever]


async def follow(theatre, receipt):
    """All that a viewer is told."""
    return [update async for update in theatre.handler.watch(receipt)]


def viewer_of(theatre, receipt):
    """Somebody who follows along, to what they were told."""
    viewer = asyncio.create_task(follow(theatre, receipt))
    _viewers.append(viewer)
    return viewer


async def running(theatre, words="Hi"):
    """A message whose answer has begun, and a viewer of it."""
    receipt = await theatre.say(words)
    await until(lambda: (log := theatre.live.get(receipt.turn_id)) and log.text)
    viewer = viewer_of(theatre, receipt)
    await asyncio.sleep(0)
    return receipt, viewer


# --- anew ---


async def test_an_answer_is_had_anew(database):
    """The model is asked again, and its new answer is what is there."""
    async with stage(database, says("bad"), says("good")) as theatre:
        receipt = await theatre.say("one")
        await theatre.done()
        replaced = await changes_of(theatre).again(receipt.session_id, receipt.turn_id)
        assert (await follow(theatre, replaced))[-1].outcome.text == "good"
        await theatre.done()
        assert await theatre.said(receipt.session_id) == [("user", "one"), ("assistant", "good")]
        assert theatre.asked() == ["one", "one"]


async def test_an_answer_that_runs_is_ended_for_it(database):
    """Its viewers see it end, its model's call is over, and the new one runs."""
    async with stage(database, endless("ba"), says("good")) as theatre:
        receipt, viewer = await running(theatre)
        replaced = await changes_of(theatre).again(receipt.session_id, receipt.turn_id)
        assert (await viewer)[-1].outcome.status == Status.CANCELLED
        assert (await follow(theatre, replaced))[-1].outcome.text == "good"
        assert theatre.model.peak == 1


async def test_what_waits_is_replaced_as_all_that_came_later(database):
    """Who goes back takes it up from there; whoever waited is told that it is over."""
    # Whether the one that waits comes to ask the model before it is ended is a matter of chance.
    async with stage(database, endless("ba"), says("good"), says("good")) as theatre:
        receipt, _ = await running(theatre)
        waiting = await theatre.say("two")
        viewer = viewer_of(theatre, waiting)
        await changes_of(theatre).again(receipt.session_id, receipt.turn_id)
        assert (await viewer)[-1].outcome is not None
        await theatre.done()
        assert await theatre.said(receipt.session_id) == [("user", "Hi"), ("assistant", "good")]


async def test_ten_who_want_it_anew_see_one_answer(database):
    """At once, and while another one runs: the model is asked once more, not ten times."""
    async with stage(database, endless("ba"), says("good")) as theatre:
        receipt, _ = await running(theatre)
        made = changes_of(theatre)
        receipts = await asyncio.gather(
            *[made.again(receipt.session_id, receipt.turn_id) for _ in range(10)]
        )
        assert len({each.turn_id for each in receipts}) == 1
        await theatre.done()
        assert len(theatre.model.prompts) == 2


async def test_whoever_stops_waiting_has_it_anew_all_the_same(database):
    """A request that is cut off in the middle leaves nothing half done."""
    async with stage(database, endless("ba"), says("good")) as theatre:
        receipt, _ = await running(theatre)
        asking = asyncio.create_task(changes_of(theatre).again(receipt.session_id, receipt.turn_id))
        await asyncio.sleep(0)
        asking.cancel()
        while len(theatre.model.prompts) < 2:  # noqa: ASYNC110 - nobody is there to tell
            await asyncio.sleep(0.001)
        await theatre.done()
        assert await theatre.said(receipt.session_id) == [("user", "Hi"), ("assistant", "good")]


async def test_an_answer_that_does_not_end_is_left_alone(database, monkeypatch):
    """Its replica does not hear: `Busy` says when to ask again, and nothing is replaced."""
    monkeypatch.setattr(changes, "PATIENCE", 0.02)
    async with stage(database, endless("ba")) as theatre:
        receipt, _ = await running(theatre)

        async def deaf(_):
            pass

        monkeypatch.setattr(theatre.handler, "stop", deaf)
        with pytest.raises(Busy) as busy:
            await changes_of(theatre).again(receipt.session_id, receipt.turn_id)
        assert busy.value.retry_after
        assert (await theatre.turn(receipt.turn_id)).replaced_by is None


async def test_a_commit_in_doubt_is_found_by_asking_again(database):
    """The new turn is there and nobody's: the sweep takes it up, and a repeat joins it."""
    troubled = Troubled(database)
    async with stage(troubled, says("bad"), says("good")) as theatre:
        receipt = await theatre.say("one")
        await theatre.done()
        troubled.meet(again, IN_DOUBT)
        made = changes_of(theatre)
        with pytest.raises(DatabaseDown):
            await made.again(receipt.session_id, receipt.turn_id)
        replaced = await made.again(receipt.session_id, receipt.turn_id)
        assert replaced.duplicate
        for _ in range(2):
            await theatre.replica.tick()
        assert (await follow(theatre, replaced))[-1].outcome.text == "good"


async def test_a_server_that_stops_begins_nothing(database):
    """`Transient`: the page asks again, and finds the next server."""
    async with stage(database, says("one")) as theatre:
        receipt = await theatre.say()
        await theatre.done()
        theatre.handler.accepting = False
        with pytest.raises(Transient):
            await changes_of(theatre).again(receipt.session_id, receipt.turn_id)
        assert (await theatre.turn(receipt.turn_id)).replaced_by is None


# --- erased ---


async def test_an_erased_conversation_is_gone_at_once(database):
    """False for one that there is not."""
    async with stage(database, says("one")) as theatre:
        receipt = await theatre.say()
        await theatre.done()
        made, address = changes_of(theatre), event().address
        assert [await made.erase(address), await made.erase(address)] == [True, False]
        assert await theatre.said(receipt.session_id) == []
        assert await database.read(transcript.find_session, address) is None


@pytest.mark.parametrize("platform", ["web", PUSH])
async def test_what_runs_is_ended_and_its_viewers_go(database, platform):
    """Also those whose messages wait; nothing of it is stored later."""
    options = {"adapter": Platform()} if platform == PUSH else {}
    async with stage(database, endless("ba"), says("never"), **options) as theatre:
        receipt = await theatre.say(platform=platform)
        await until(lambda: (log := theatre.live.get(receipt.turn_id)) and log.text)
        waiting = await theatre.say("two", platform=platform)
        viewers = [viewer_of(theatre, each) for each in (receipt, waiting)]
        await asyncio.sleep(0)
        assert await changes_of(theatre).erase_all(platform, "x") == 1
        for viewer in viewers:
            assert (await viewer)[-1].outcome.status == Status.CANCELLED
        await theatre.done()
        assert await theatre.said(receipt.session_id) == []
        place = await database.read(outcomes.place, receipt.turn_id)
        assert place.closed
        assert place.address.account == ""


async def test_everything_of_one_account_is_erased_and_nothing_of_another(database, monkeypatch):
    """In as many steps as it takes."""
    monkeypatch.setattr("core.account.BATCH", 2)
    async with stage(database, *[says("ok")] * 8) as theatre:
        for number in range(5):
            await theatre.say(place=f"n{number}")
            await theatre.done()
        assert await changes_of(theatre).erase_all("web", "y") == 0
        assert await changes_of(theatre).erase_all("web", "x") == 5
        again_there = await theatre.say("new")
        await theatre.done()
        assert await theatre.said(again_there.session_id) == [("user", "new"), ("assistant", "ok")]
