"""Frames on their way to a client that may not read them."""

import asyncio
from contextlib import suppress

from aiohttp import WSMsgType, web

from adapters.web.sse import ReaderLeft

WRITING = 30.0  # seconds that a client has to take a frame
CLOSING = 1.0  # seconds that it has to take the last one


class Outbox:
    """Sends one frame after the other; a client that does not take one in time is cut off."""

    def __init__(self, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self._ws = ws
        self._transport = transport
        self._one_at_a_time = asyncio.Lock()

    async def send(self, frame: bytes) -> None:
        """Send a frame of JSON. Raises `ReaderLeft`."""
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(WRITING):
                    await self._ws.send_frame(frame, WSMsgType.TEXT)
            except TimeoutError as error:
                self.cut_off()
                raise ReaderLeft from error
            except ConnectionError as error:
                raise ReaderLeft from error

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, and do not wait long to be heard."""
        try:
            async with asyncio.timeout(CLOSING):
                with suppress(ConnectionError):
                    await self._ws.close(code=code, message=reason.encode())
        except TimeoutError:
            self.cut_off()

    def cut_off(self) -> None:
        """End the connection, whatever is still to be sent."""
        if self._transport is not None:
            self._transport.abort()
