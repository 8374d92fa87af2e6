"""How many turns begin at a time: no more than the process can carry and still be prompt.

An answer costs some ten times the work of taking a message in, and nobody holds a line open for
one that a platform's adapter brings. So under a burst, or when the turns of a dead replica come
all at once, messages are taken in first and turns wait, in order, for a quieter moment. They wait
in memory only: each is stored, and whoever takes over after a crash finds it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from core.types import Turn

BURST = 4  # turns that begin at once, and seconds until there is room for one more such
REFILL = 0.125
STEP = 0.02  # seconds that a look at the load takes; at most one turn more begins after each
BUSY = 0.7  # of one core, which is all that Python uses
LATE = 0.025  # seconds that the event loop may come later than asked for
LOOKS = 10  # in a row that find no room; then one begins all the same: busy may be for hours


class Gauge(Protocol):
    """Tells whether there is room for one turn more."""

    async def room(self) -> bool:
        """Look for a moment; True when the process was prompt, and idle enough, meanwhile."""
        ...


class Load:
    """The process' own use of the processor, and how late its event loop is."""

    def __init__(
        self,
        *,
        spent: Callable[[], float] = time.process_time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spent = spent
        self._clock = clock

    async def room(self) -> bool:
        """See `Gauge.room`; takes `STEP` seconds."""
        begun, spent = self._clock(), self._spent()
        await asyncio.sleep(STEP)
        took = self._clock() - begun
        return took < STEP + LATE and self._spent() - spent < BUSY * took


class Admission:
    """A line of turns that wait to begin, first come, first served."""

    def __init__(
        self,
        begin: Callable[[Turn], None],
        *,
        gauge: Gauge | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._begin = begin
        self._gauge = gauge or Load()
        self._clock = clock
        self._full = clock()  # when there is room for a whole burst again
        # Turns, and nothing more: of tasks the garbage collector would have too much to look at.
        self._line: deque[Turn] = deque()
        self._usher: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._line)

    def enter(self, turn: Turn) -> bool:
        """True when the turn may begin at once, as few have lately; else it will be begun later."""
        if not self._line and self._is_room_at_once():
            return True
        self._line.append(turn)
        if self._usher is None or self._usher.done():
            self._usher = asyncio.create_task(self._let_in(), name="admission")
        return False

    def clear(self) -> list[Turn]:
        """Send all away who wait; returns them."""
        away = list(self._line)
        self._line.clear()
        return away

    def _is_room_at_once(self) -> bool:
        now = self._clock()
        full = max(self._full, now) + REFILL
        if full > now + BURST * REFILL:
            return False
        self._full = full
        return True

    async def _let_in(self) -> None:
        """One at a time, until nobody waits."""
        refused = 0
        while self._line:
            if not await self._gauge.room() and refused < LOOKS:
                refused += 1
                continue
            refused = 0
            if self._line:
                self._begin(self._line.popleft())
