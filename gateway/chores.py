"""What has to be done now and then, beside the turns."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from core.errors import GatewayError
from core.ports import Clock

EVERY = 60.0  # seconds


class Chores:
    """Does each of some jobs once a minute; one that fails is done a minute later."""

    def __init__(self, jobs: Sequence[Callable[[], Awaitable[object]]], *, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._go_on(), name="chores")

    async def stop(self) -> None:
        """End where it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _go_on(self) -> None:
        while True:
            for job in self._jobs:
                with suppress(GatewayError):  # the database is away: others tell of it
                    await job()
            await self._clock.sleep(EVERY)
