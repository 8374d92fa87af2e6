"""What is held at once has a bound."""

import asyncio

from core.room import Room


class Guest:
    """Holds so much of a room from when it comes in until it is told to go."""

    def __init__(self, room, size):
        self.is_in, self._over = False, asyncio.Event()
        self._task = asyncio.create_task(self._stay(room, size))

    async def _stay(self, room, size):
        async with room.hold(size):
            self.is_in = True
            await self._over.wait()

    async def go(self):
        self._over.set()
        await self._task
        await settled()

    async def give_up(self):
        self._task.cancel()
        await settled()


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


async def guests(room, *sizes):
    made = [Guest(room, size) for size in sizes]
    await settled()
    return made


async def test_who_finds_no_room_waits_in_order():
    """One who would fit does not pass one who waits; who needs nothing never waits."""
    first, large, small, nothing = await guests(Room(10), 6, 5, 1, 0)
    assert [each.is_in for each in (first, large, small, nothing)] == [True, False, False, True]
    await first.go()
    assert [large.is_in, small.is_in] == [True, True]
    for each in (large, small, nothing):
        await each.go()


async def test_one_alone_always_fits():
    """However large it is; the next one then has to wait."""
    huge, small = await guests(Room(10), 99, 1)
    assert [huge.is_in, small.is_in] == [True, False]
    await huge.go()
    assert small.is_in
    await small.go()


async def test_who_gives_up_waiting_is_in_nobodys_way():
    """Before they are called, and at the very moment."""
    room = Room(10)
    first, waiting, last = await guests(room, 10, 10, 10)
    await waiting.give_up()
    first._over.set()
    await asyncio.sleep(0)
    await last.give_up()
    [new] = await guests(room, 10)
    assert new.is_in
    await new.go()
