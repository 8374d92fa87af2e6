"""Server-sent events, in the bytes that every client survives.

LF alone, `data: ` with the space, one line of JSON, no `retry:`, and a heartbeat that is one
comment line without a blank one after it: each of these, done otherwise, crashes some client.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

from adapters.web.dialects import Dialect
from core.live import Update

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",  # nginx would hold the words back
}
HEARTBEAT = 15.0  # seconds; proxies cut what is silent for 55 to 100
SEND_BUFFER = 128 * 1024  # what the kernel holds for a reader that does not read
DEAD_PEER_MS = 30_000
STREAMS: web.AppKey[set["EventStream"]] = web.AppKey("streams", set)
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it


@dataclass(frozen=True, kw_only=True, slots=True)
class Medium:
    """What a stream is made of: its media type, its first bytes, and what says that it lives."""

    type: str
    hello: bytes = b""
    ping: bytes = b""


EVENTS = Medium(type="text/event-stream; charset=utf-8", hello=b": ok\n", ping=b": ping\n")
PLAIN = Medium(type="text/plain; charset=utf-8")  # every byte is the answer's: no room for a sign


class ReaderLeft(Exception):
    """End the stream: nobody reads it any more. That is no error."""


class EventStream:
    """A response that sends events until its block ends, or until its reader has left.

    A reader that takes nothing for two heartbeats is cut off; its answer is stored all the same.
    """

    def __init__(
        self,
        request: web.Request,
        headers: dict[str, str],
        *,
        medium: Medium = EVENTS,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._request = request
        self._medium = medium
        self._heartbeat = heartbeat
        self._writes = 0
        self._writing = False
        self._ping: asyncio.Task[None] | None = None
        self.response = web.StreamResponse(
            headers={"Content-Type": medium.type, **HEADERS, **headers}
        )

    async def __aenter__(self) -> Self:
        """Send the headers at once: the client and its proxies know that it works."""
        bound(self._request.transport)
        with suppress(ConnectionError):  # the next event finds that out again
            await self.response.prepare(self._request)
            if self._medium.hello:
                await self.response.write(self._medium.hello)
        self._request.app[STREAMS].add(self)
        self._ping = asyncio.create_task(self._keep_alive())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            if kind is None:
                self._writes += 1
                self._writing = True
                with suppress(ConnectionError):
                    await self.response.write_eof()
            else:
                self._cut_off()  # half an answer must not look like a whole one: no last chunk
        finally:
            self._request.app[STREAMS].discard(self)
            if self._ping is not None:
                self._ping.cancel()
        return kind is ReaderLeft

    async def relay(self, updates: AsyncGenerator[Update, None], dialect: Dialect) -> None:
        """Send a turn's updates as they come, in the words of `dialect`, to its end."""
        async with aclosing(updates):
            async for update in updates:
                if data := dialect.encode(update):
                    await self.send(data)

    async def send(self, data: bytes) -> None:
        """Write one or more whole events. Raises `ReaderLeft`, which the block keeps to itself."""
        self._writes += 1
        self._writing = True
        try:
            await self.response.write(data)
        except ConnectionError as error:
            raise ReaderLeft from error
        self._writing = False

    async def _keep_alive(self) -> None:
        seen = 0
        while True:
            await asyncio.sleep(self._heartbeat)
            if self._writes == seen and (self._writing or not await self._pinged()):
                self._cut_off()
                return
            seen = self._writes

    async def _pinged(self) -> bool:
        if not self._medium.ping:
            return True  # the kernel still finds out whether the peer is dead
        try:
            async with asyncio.timeout(self._heartbeat):
                await self.response.write(self._medium.ping)
        except (TimeoutError, ConnectionError):
            return False
        return True

    def _cut_off(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()


def bound(transport: asyncio.Transport | None) -> None:
    """Keep a reader that never reads from filling memory, and a dead one from staying."""
    sock = transport.get_extra_info("socket") if transport is not None else None
    if sock is None:
        return
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if TCP_USER_TIMEOUT is not None:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, DEAD_PEER_MS)
