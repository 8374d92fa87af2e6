"""The files of many turns at once: what they take of the memory, and of others' time."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from core import attachments, files
from core.attachments import Attachments
from core.errors import Transient
from core.files import Fault
from core.transcript import Spoken
from core.types import Attachment, File, Status
from tests.core.stage import PATIENCE
from tests.core.test_again import accept, told
from tests.core.test_files import PNG
from tests.fakes.hands import HandClock

SLOW, OTHER = "slow", "other"


class Queue:
    """A `core.ports.Fetcher` whose files come when they may; `now` counts those on their way."""

    def __init__(self, *, step=PNG):
        self.now = self.most = self.asked = 0
        self.open = asyncio.Event()
        self._step = step

    async def fetch(self, source, *, most):  # noqa: ARG002 - any file, of any size
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.open.wait()
        finally:
            self.now -= 1
        if isinstance(self._step, Exception):
            raise self._step
        return self._step


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def fetchers():
    return {SLOW: Queue(), OTHER: Queue()}


@pytest.fixture
def kept(database, fetchers, clock):
    return Attachments(database=database, fetchers=fetchers, observe=[].append, clock=clock)


async def message(database, key, count, platform=SLOW):
    """A stored message with files, as a turn sees it."""
    sent = tuple(Attachment(name="a", source={"n": n}) for n in range(count))
    event = told("look", key=key, place=key, files=sent)
    event = replace(event, address=replace(event.address, platform=platform))
    await accept(database, "look", key=key, place=key, files=sent, address=event.address)
    parts = tuple(files.parts_of(event))
    return [Spoken(turn_id=1, role="user", parts=parts, status=Status.RUNNING, error=None)]


async def known(kept, spoken):
    """What a turn would be shown."""
    async with kept.shown_to(spoken) as found:
        return list(found.values())


async def until(holds):
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody is there to tell
            await asyncio.sleep(0.001)


async def test_running_turns_share_the_memory_for_files(database, kept, fetchers, monkeypatch):
    """A turn whose files find no room reads them when another turn is answered."""
    fetchers[SLOW].open.set()
    kept._room._size = 2 * len(PNG)
    spoken = [await message(database, key, 1) for key in "abc"]
    reads, contents = [], files.contents

    def counted(db, keys):
        reads.append(keys)
        return contents(db, keys)

    monkeypatch.setattr(files, "contents", counted)
    async with AsyncExitStack() as answering:
        async with kept.shown_to(spoken[0]):
            await answering.enter_async_context(kept.shown_to(spoken[1]))
            third = asyncio.create_task(known(kept, spoken[2]))
            await until(lambda: len(kept._room._line) == 1)
            assert await known(kept, []) == []  # without files nobody waits
            assert (reads, third.done()) == ([["a/0"], ["b/0"]], False)
        assert await third == [File(name="a", type="image/png", content=PNG)]


async def test_a_slow_platform_holds_up_no_other(database, kept, fetchers):
    """Each has a share of what may be on its way."""
    spoken = [await message(database, f"m{n}", 10) for n in range(5)]
    waiting = [asyncio.create_task(known(kept, each)) for each in spoken]
    share = attachments.AT_ONCE // 2
    await until(lambda: fetchers[SLOW].now == share)
    fetchers[OTHER].open.set()
    [found] = await known(kept, await message(database, "o", 1, OTHER))
    assert found.content == PNG
    fetchers[SLOW].open.set()
    await asyncio.gather(*waiting)
    assert fetchers[SLOW].most == share


async def test_many_files_of_one_message_leave_room_for_others(database, kept, fetchers):
    """Two at a time are on their way for one turn."""
    many = asyncio.create_task(known(kept, await message(database, "m", 10)))
    await until(lambda: fetchers[SLOW].now == attachments.OF_ONE)
    one = asyncio.create_task(known(kept, await message(database, "n", 1)))
    await until(lambda: fetchers[SLOW].now == attachments.OF_ONE + 1)
    fetchers[SLOW].open.set()
    assert len(await one) == 1
    assert len(await many) == 10


async def test_nobody_waits_for_a_pause_of_anothers_file(database, kept, fetchers, clock):
    """While a file is to be tried later, others are fetched in its place."""
    fetchers[SLOW] = missing = Queue(step=Transient())
    missing.open.set()
    lost = asyncio.create_task(known(kept, await message(database, "m", 10)))
    await until(lambda: clock.sleepers == 10)
    fetchers[SLOW] = there = Queue()
    there.open.set()
    [found] = await known(kept, await message(database, "n", 1))
    assert found.content == PNG
    flowing = asyncio.create_task(clock.flow(step=1))
    assert {each.fault for each in await lost} == {Fault.GONE}
    flowing.cancel()
    assert missing.asked == 10 * 4


@pytest.mark.parametrize("charset", ["latin-1", "utf-16"])
async def test_a_text_in_another_charset_is_kept_in_utf_8(database, kept, fetchers, charset):
    """So that whoever shows it need not know."""
    fetchers[SLOW] = Queue(step="Grüße".encode(charset))
    fetchers[SLOW].open.set()
    [found] = await known(kept, await message(database, "m", 1))
    assert (found.type, found.content) == ("text/plain", "Grüße".encode())
