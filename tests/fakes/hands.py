"""Time that a test moves by hand."""

import asyncio
from heapq import heappop, heappush
from itertools import count


class HandClock:
    """A `core.ports.Clock` whose sleepers wake when the time is moved past their ends.

    Other than `tests.fakes.clock.VirtualClock` it stands still while somebody waits for a socket.
    """

    def __init__(self, *, now: float = 1_800_000_000.0) -> None:
        self._epoch = now
        self._elapsed = 0.0
        self._numbers = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self._epoch + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    @property
    def sleepers(self) -> int:
        """How many sleep."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Let time pass; who is due wakes in the order of their ends."""
        until = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._elapsed, _, future = heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
        self._elapsed = until

    async def sleep(self, seconds: float) -> None:
        """Come back when the time was moved so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._elapsed + seconds, next(self._numbers), future))
        await future

    async def flow(self, *, step: float = 0.1) -> None:
        """Let time pass until cancelled, a step whenever everybody had a look at what came."""
        while True:
            await asyncio.sleep(0.001)
            self.advance(step)
