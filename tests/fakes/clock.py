"""Time that passes only when somebody sleeps."""

import asyncio
from heapq import heapify, heappop, heappush
from itertools import count


class VirtualClock:
    """A `core.ports.Clock` without waiting: the earliest sleeper moves the time to its end.

    A sleeper yields to the loop at least once. Several that sleep at once wake in the order
    of their ends. `slept` lists what was asked for.
    """

    def __init__(self, *, now: float = 1_800_000_000.0) -> None:
        self.slept: list[float] = []
        self._epoch = now
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int]] = []
        self._numbers = count()

    def now(self) -> float:
        """Seconds since 1970, UTC."""
        return self._epoch + self._elapsed

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Let time pass, without anybody's sleep."""
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Come back when it is so many seconds later, which is soon."""
        self.slept.append(seconds)
        me = (self._elapsed + max(0.0, seconds), next(self._numbers))
        heappush(self._sleepers, me)
        try:
            await asyncio.sleep(0)
            while self._sleepers[0] != me:  # noqa: ASYNC110 - who else is there is not known
                await asyncio.sleep(0)
            self._elapsed = max(self._elapsed, me[0])
        finally:
            self._forget(me)

    def _forget(self, sleeper: tuple[float, int]) -> None:
        if self._sleepers[0] == sleeper:
            heappop(self._sleepers)
        else:
            self._sleepers.remove(sleeper)
            heapify(self._sleepers)
