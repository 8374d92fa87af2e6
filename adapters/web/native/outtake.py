"""Large bodies on their way out: bounded in memory for all together, and in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from aiohttp import web

AT_ONCE = 8  # bodies that are in memory at once
OF_ONE = 2  # of these for one caller: who reads slowly keeps others' few waiting
PATIENCE = 10.0  # seconds that any body may take to be sent
LEAST = 32 * 1024  # bytes that are sent in each second more


class Outtake:
    """Lets few bodies be in memory; who wants one more waits."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        self._own: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, who: str) -> AsyncIterator[None]:
        """Have one body in memory until the block ends, in which it is to be sent whole."""
        own = self._own.get(who) or self._own.setdefault(who, asyncio.Semaphore(OF_ONE))
        async with own, self._all:
            yield


async def send(request: web.Request, response: web.Response) -> None:
    """Send all of a response, or as much as its reader takes in time."""
    size = len(response.body) if isinstance(response.body, bytes) else 0
    try:
        async with asyncio.timeout(PATIENCE + size / LEAST):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # it has gone: the server notices by itself
