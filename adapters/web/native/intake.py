"""Large bodies on their way in: bounded in bytes and time, and in memory for all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from adapters.web.errors import Refused
from core.errors import Transient
from core.kinds import LARGEST

SECONDS = 60.0  # for all of a body to arrive
ENVELOPE = 64 * 1024  # bytes of a form around its file
ROOM = 8 * LARGEST  # bytes of all bodies that are in memory at once
SOON = 5  # seconds until there may be room again


class Intake:
    """Reads bodies whole, beyond what the application takes elsewhere."""

    def __init__(self) -> None:
        self._held = 0

    @asynccontextmanager
    async def receive(self, request: web.Request) -> AsyncIterator[bytearray]:
        """A body, which is held until the block ends.

        Raises `Refused` (400, 408, 413), and `Transient` when too much is held already.
        """
        body = bytearray()
        try:
            await self._fill(body, request)
            yield body
        finally:
            self._held -= len(body)

    async def _fill(self, body: bytearray, request: web.Request) -> None:
        if (request.content_length or 0) > LARGEST + ENVELOPE:
            raise _too_large()
        try:
            async with asyncio.timeout(SECONDS):
                async for chunk in request.content.iter_any():
                    self._take(body, chunk)
        except TimeoutError as error:
            message = "The file did not arrive in time; send it again."
            raise Refused(408, "timeout", message) from error
        except web.RequestPayloadError as error:
            message = "The body is not encoded as its headers say."
            raise Refused(400, "invalid_body", message) from error

    def _take(self, body: bytearray, chunk: bytes) -> None:
        if len(body) + len(chunk) > LARGEST + ENVELOPE:
            raise _too_large()
        if self._held + len(chunk) > ROOM:
            raise Transient("other uploads are on their way", retry_after=SOON)
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
