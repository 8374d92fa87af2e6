"""A bound for what is held at once, whoever holds it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Room:
    """So many bytes. Who finds no room waits in order; one alone always fits, however large."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Have so many bytes until the block ends. Who needs none never waits."""
        if size <= 0:
            yield
            return
        await self._enter(size)
        try:
            yield
        finally:
            self._leave(size)

    async def _enter(self, size: int) -> None:
        call: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append((size, call))
        self._admit()
        try:
            await call
        except asyncio.CancelledError:
            # One that was called already, but does not come, has its room.
            self._leave(0 if call.cancelled() else size)
            raise

    def _leave(self, size: int) -> None:
        self._held -= size
        self._admit()

    def _admit(self) -> None:
        while self._line:
            size, call = self._line[0]
            if call.cancelled():
                self._line.popleft()
                continue
            if self._held and self._held + size > self._size:
                return
            self._line.popleft()
            self._held += size
            call.set_result(None)
