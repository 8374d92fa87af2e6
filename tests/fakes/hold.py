"""What a fake lets its callers wait for."""

import asyncio


class Hold:
    """Calls that wait until they are released."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        self._released.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._released.wait()
