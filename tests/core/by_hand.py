"""What a staged gateway can do whose time is moved by hand: to be set as methods of its class.

Such a class has the `stage` and its `clock`, a `HandClock`.
"""

import asyncio

PATIENCE = 15  # seconds of real time until a test that waits for what never comes gives up


async def until(self, holds):
    """Let others work until it holds; time stands still."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.001)


async def done(self, *, step=0.1):
    """Let time pass until no turn runs."""
    async with asyncio.timeout(PATIENCE):
        flowing = asyncio.create_task(self.clock.flow(step=step))
        try:
            assert await self.stage.handler.idle(PATIENCE)
        finally:
            flowing.cancel()


async def flow(self, seconds, *, step=0.1):
    """Let so many seconds pass, and everybody have a look at what came."""
    for _ in range(round(seconds / step)):
        self.clock.advance(step)
        await asyncio.sleep(0.002)
    await asyncio.sleep(0.02)
