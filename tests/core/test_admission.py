"""Turns begin one after another when many come at once, and none is forgotten in line."""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from core.admission import BURST, LOOKS, REFILL, STEP, Admission, Load
from core.types import Address, Status, Turn

TURN = Turn(
    id=0,
    session_id=1,
    owner="a",
    attempt=1,
    blame=0,
    status=Status.RUNNING,
    address_id=1,
    address=Address(platform="push", account="x", conversation="y"),
)


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


async def settle() -> None:
    for _ in range(20 + 4 * LOOKS):
        await asyncio.sleep(0)


class Scene:
    """A line, a gauge and a clock that do as they are told; and who has begun, in order."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.begun: list[int] = []
        self.gauge = ScriptedGauge()
        self.line = Admission(self._begin, gauge=self.gauge, clock=lambda: self.now)

    def come(self, *numbers: int) -> None:
        """Turns ask to begin."""
        for number in numbers:
            turn = replace(TURN, id=number)
            if self.line.enter(turn):
                self._begin(turn)

    def _begin(self, turn: Turn) -> None:
        self.begun.append(turn.id)


@pytest.fixture
async def scene():
    scene = Scene()
    yield scene
    if scene.line._usher is not None:
        scene.line._usher.cancel()
        with suppress(asyncio.CancelledError):
            await scene.line._usher


FIRST = range(BURST)


async def test_a_few_begin_at_once(scene: Scene):
    """No look at the load is taken for them."""
    scene.come(*FIRST)
    assert scene.begun == [*FIRST]
    assert len(scene.line) == 0


async def test_the_next_ones_stand_in_line(scene: Scene):
    """They have not begun, and are counted."""
    scene.come(*FIRST, 10, 11)
    assert scene.begun == [*FIRST]
    assert len(scene.line) == 2


async def test_one_begins_after_each_look_that_finds_room(scene: Scene):
    """In the order they came."""
    scene.come(*FIRST, 10, 11, 12)
    await scene.gauge.tell(True, True)
    assert scene.begun == [*FIRST, 10, 11]


async def test_none_begins_where_there_is_no_room(scene: Scene):
    """It waits for the next look."""
    scene.come(*FIRST, 10)
    await scene.gauge.tell(False, False)
    assert scene.begun == [*FIRST]
    await scene.gauge.tell(True)
    assert scene.begun == [*FIRST, 10]


async def test_one_begins_although_it_is_busy_for_long(scene: Scene):
    """Busy may be for hours, and nobody waits for ever."""
    scene.come(*FIRST, 10, 11)
    await scene.gauge.tell(*[False] * LOOKS)
    assert scene.begun == [*FIRST]
    await scene.gauge.tell(False)
    assert scene.begun == [*FIRST, 10]


async def test_who_comes_later_stands_behind(scene: Scene):
    """Also when there would be room at once by then."""
    scene.come(*FIRST, 10)
    scene.now += 60
    scene.come(11)
    await scene.gauge.tell(True)
    assert scene.begun == [*FIRST, 10]


@pytest.mark.parametrize("pause", [1, 2])
async def test_room_comes_back_with_time(scene: Scene, pause: int):
    """One place each `REFILL` seconds."""
    scene.come(*FIRST)
    scene.now += pause * REFILL + 0.001
    scene.come(10, 11, 12)
    assert scene.begun == [*FIRST, *range(10, 10 + pause)]


async def test_a_quiet_hour_allows_no_larger_burst(scene: Scene):
    """What was not used is not saved up."""
    scene.now += 3600
    scene.come(*FIRST, 10)
    assert scene.begun == [*FIRST]


async def test_those_who_are_sent_away_do_not_begin(scene: Scene):
    """They are told of, and the next one that comes is let in as ever."""
    scene.come(*FIRST, 10, 11)
    assert [turn.id for turn in scene.line.clear()] == [10, 11]
    scene.come(12)
    await scene.gauge.tell(True, True)
    assert scene.begun == [*FIRST, 12]


async def test_nobody_looks_when_nobody_waits(scene: Scene):
    """The line is empty after the last one; a look costs."""
    scene.come(*FIRST, 10)
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
