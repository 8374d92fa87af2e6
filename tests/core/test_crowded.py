"""More messages at once than answers can be begun: they are stored, and wait in line."""

import asyncio

import pytest
import pytest_asyncio

from core.admission import BURST, Load
from core.facts import Accepted, ReplicaStopped, TurnClosed
from core.types import Status
from tests.core.stage import PUSH, Platform, Stage, stage
from tests.fakes.scripted import says

CROWD = BURST + 3


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Unset, the process is busy."""
    there = asyncio.Event()

    async def look(load: Load) -> bool:
        del load
        await there.wait()
        return True

    monkeypatch.setattr(Load, "room", look)
    return there


@pytest_asyncio.fixture
async def crowded(database, room: asyncio.Event):
    """A replica that a crowd wrote to at once, each of them for the first time."""
    del room
    answers = [says(f"answer {number}") for number in range(CROWD + 1)]
    async with stage(database, *answers, adapter=Platform()) as theatre:
        for number in range(CROWD):
            await theatre.say(platform=PUSH, place=f"p{number}")
        yield theatre


async def test_all_are_accepted_and_some_wait(crowded: Stage):
    """Whoever waits is one that this replica works on: it is not lost."""
    last = {fact.turn_id for fact in crowded.told(Accepted)[BURST:]}
    assert last <= crowded.handler.running
    assert crowded.handler.waiting == len(last) == 3


async def test_each_is_answered_once_there_is_room(crowded: Stage, room: asyncio.Event):
    """And once."""
    room.set()
    await crowded.done()
    closed = [fact.turn_id for fact in crowded.told(TurnClosed)]
    accepted = [fact.turn_id for fact in crowded.told(Accepted)]
    assert sorted(closed) == sorted(accepted)


async def test_a_stop_leaves_them_to_the_next(crowded: Stage):
    """They do not begin any more, and are free for others; no crash is counted."""
    await crowded.replica.start()
    await crowded.replica.stop(20)
    assert [fact.released for fact in crowded.told(ReplicaStopped)] == [3]
    waiting = [fact.turn_id for fact in crowded.told(Accepted)][BURST:]
    rows = [await crowded.turn(turn_id) for turn_id in waiting]
    assert {(row.owner, row.status, row.blame) for row in rows} == {(None, Status.RUNNING, 0)}


async def test_one_that_is_stopped_in_line_asks_no_model(crowded: Stage, room: asyncio.Event):
    """It is over when its place comes."""
    last = crowded.told(Accepted)[-1].turn_id
    await crowded.handler.stop(last)
    room.set()
    await crowded.done()
    assert (await crowded.turn(last)).status == Status.CANCELLED
    assert len(crowded.model.prompts) == CROWD - 1


async def test_those_who_come_for_their_answers_do_not_wait(crowded: Stage):
    """They hold a line open, and more than one message at a time they do not send."""
    prompts = len(crowded.model.prompts)
    receipt = await crowded.say(platform="web")
    assert receipt.turn_id in crowded.handler.running
    assert crowded.handler.waiting == 3
    async with asyncio.timeout(5):
        await crowded.watch(receipt.turn_id)
    assert len(crowded.model.prompts) > prompts
