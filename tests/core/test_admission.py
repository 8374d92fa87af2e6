"""Turns begin one after another when many come at once, and none is forgotten in line."""

import asyncio
from contextlib import suppress

import pytest

from core.admission import BURST, LOOKS, REFILL, STEP, Admission, Load


class ScriptedGauge:
    """Says what it is told, a look at a time; then it never comes back."""

    def __init__(self) -> None:
        self.looks: asyncio.Queue[bool] = asyncio.Queue()
        self.seen = 0

    async def room(self) -> bool:
        room = await self.looks.get()
        self.seen += 1
        return room

    async def tell(self, *rooms: bool) -> None:
        """Let it say these, and those who were let in go on."""
        for room in rooms:
            self.looks.put_nowait(room)
        await settle()


class Crowd:
    """Turns that ask to begin, and the order in which they did."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.begun: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, *numbers: int) -> None:
        for number in numbers:
            self.tasks.append(asyncio.create_task(self._begin(number)))
        await settle()

    async def _begin(self, number: int) -> None:
        await self.admission.enter()
        self.begun.append(number)


async def settle() -> None:
    for _ in range(20 + 4 * LOOKS):
        await asyncio.sleep(0)


class Scene:
    def __init__(self) -> None:
        self.now = 1000.0
        self.gauge = ScriptedGauge()
        self.admission = Admission(self.gauge, clock=lambda: self.now)
        self.crowd = Crowd(self.admission)


@pytest.fixture
async def scene():
    scene = Scene()
    yield scene
    for task in [*scene.crowd.tasks, scene.admission._usher]:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


FIRST = range(BURST)


async def test_a_few_begin_at_once(scene: Scene):
    """No look at the load is taken for them."""
    await scene.crowd.come(*FIRST)
    assert scene.crowd.begun == [*FIRST]
    assert scene.admission.waiting == 0


async def test_the_next_ones_stand_in_line(scene: Scene):
    """They have not begun, and are counted."""
    await scene.crowd.come(*FIRST, 10, 11)
    assert scene.crowd.begun == [*FIRST]
    assert scene.admission.waiting == 2


async def test_one_begins_after_each_look_that_finds_room(scene: Scene):
    """In the order they came."""
    await scene.crowd.come(*FIRST, 10, 11, 12)
    await scene.gauge.tell(True, True)
    assert scene.crowd.begun == [*FIRST, 10, 11]


async def test_none_begins_where_there_is_no_room(scene: Scene):
    """It waits for the next look."""
    await scene.crowd.come(*FIRST, 10)
    await scene.gauge.tell(False, False)
    assert scene.crowd.begun == [*FIRST]
    await scene.gauge.tell(True)
    assert scene.crowd.begun == [*FIRST, 10]


async def test_one_begins_although_it_is_busy_for_long(scene: Scene):
    """Busy may be for hours, and nobody waits for ever."""
    await scene.crowd.come(*FIRST, 10, 11)
    await scene.gauge.tell(*[False] * LOOKS)
    assert scene.crowd.begun == [*FIRST]
    await scene.gauge.tell(False)
    assert scene.crowd.begun == [*FIRST, 10]


async def test_who_comes_later_stands_behind(scene: Scene):
    """Also when there would be room at once by then."""
    await scene.crowd.come(*FIRST, 10)
    scene.now += 60
    await scene.crowd.come(11)
    await scene.gauge.tell(True)
    assert scene.crowd.begun == [*FIRST, 10]


@pytest.mark.parametrize("pause", [1, 2])
async def test_room_comes_back_with_time(scene: Scene, pause: int):
    """One place each `REFILL` seconds."""
    await scene.crowd.come(*FIRST)
    scene.now += pause * REFILL + 0.001
    await scene.crowd.come(10, 11, 12)
    assert scene.crowd.begun == [*FIRST, *range(10, 10 + pause)]


async def test_a_quiet_hour_allows_no_larger_burst(scene: Scene):
    """What was not used is not saved up."""
    scene.now += 3600
    await scene.crowd.come(*FIRST, 10)
    assert scene.crowd.begun == [*FIRST]


async def test_who_leaves_the_line_costs_the_others_no_room(scene: Scene):
    """The next look lets in the one behind."""
    await scene.crowd.come(*FIRST, 10, 11)
    scene.crowd.tasks[-2].cancel()
    await settle()
    assert scene.admission.waiting == 1
    await scene.gauge.tell(True)
    assert scene.crowd.begun == [*FIRST, 11]


async def test_nobody_looks_when_nobody_waits(scene: Scene):
    """The line is empty after the last one; a look costs."""
    await scene.crowd.come(*FIRST, 10)
    await scene.gauge.tell(True, True, True)
    assert scene.gauge.seen == 1


async def test_an_idle_process_has_room():
    """It was prompt, and spent next to nothing."""
    times = iter((0.0, STEP))
    assert await Load(spent=lambda: 0.0, clock=lambda: next(times)).room()


async def test_a_process_that_computes_has_none():
    """All of a core was spent while it looked."""
    spent = iter((0.0, STEP))
    assert not await Load(spent=lambda: next(spent)).room()


async def test_a_late_event_loop_has_none():
    """Others on the machine may take the time, without a trace in our own account."""
    times = iter((0.0, STEP + 0.05))
    assert not await Load(spent=lambda: 0.0, clock=lambda: next(times)).room()
