"""Large bodies on their way in: bounded in bytes and time, and in memory for all together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import StreamReader, web

from adapters.web.errors import Refused
from core.errors import RateLimited
from core.kinds import LARGEST

SECONDS = 60.0  # for all of a body to arrive
STALL, LEAST = 10.0, 64 * 1024  # seconds for so many bytes to arrive, or all that are left
OF_ONE = 3  # bodies on their way for one caller
ENVELOPE = 64 * 1024  # bytes of a form around its file
ROOM = 8 * LARGEST  # bytes of all bodies that are in memory at once
SOON = 5  # seconds until there may be room again


class Intake:
    """Reads bodies whole, beyond what the application takes elsewhere."""

    def __init__(self) -> None:
        self._held = 0
        self._senders: Counter[str] = Counter()

    @asynccontextmanager
    async def receive(self, request: web.Request, who: str) -> AsyncIterator[bytearray]:
        """A body, which is held until the block ends.

        Raises `Refused` (400, 408, 413, and 503 when all together is too much), and `RateLimited`
        when a caller has too many on their way.
        """
        if self._senders[who] >= OF_ONE:
            message = f"Only {OF_ONE} of your files may be on their way at once; wait for one."
            raise RateLimited(message, retry_after=SOON)
        body = bytearray()
        self._senders[who] += 1
        try:
            await self._fill(body, request)
            yield body
        finally:
            self._held -= len(body)
            self._senders -= Counter((who,))  # also forgets who has none left

    async def _fill(self, body: bytearray, request: web.Request) -> None:
        if (request.content_length or 0) > LARGEST + ENVELOPE:
            raise _too_large()
        try:
            async with asyncio.timeout(SECONDS):
                while await self._more(body, request.content):
                    pass
        except TimeoutError as error:
            message = "The file did not arrive in time; send it again."
            raise Refused(408, "timeout", message) from error
        except web.RequestPayloadError as error:
            message = "The body is not encoded as its headers say."
            raise Refused(400, "invalid_body", message) from error

    async def _more(self, body: bytearray, content: StreamReader) -> bool:
        """Take the next `LEAST` bytes; False at the end. Raises `TimeoutError`."""
        enough = len(body) + LEAST
        async with asyncio.timeout(STALL):
            while len(body) < enough:
                if not (chunk := await content.readany()):
                    return False
                self._take(body, chunk)
        return True

    def _take(self, body: bytearray, chunk: bytes) -> None:
        if len(body) + len(chunk) > LARGEST + ENVELOPE:
            raise _too_large()
        if self._held + len(chunk) > ROOM:
            message = "Too many files are on their way to the server; try again in a moment."
            raise Refused(503, "unavailable", message, retry_after=SOON)
        body += chunk
        self._held += len(chunk)


def _too_large() -> Refused:
    """It is more than a file of any kind may have."""
    message = f"The file is too large; {size(LARGEST)} is the most."
    return Refused(413, "too_large", message)


def size(count: int) -> str:
    """Bytes in words."""
    unit, name = (1024 * 1024, "MiB") if count >= 1024 * 1024 else (1024, "KiB")
    return f"{count // unit} {name}"
