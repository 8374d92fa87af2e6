"""The Messages API's side of a stream, event by event."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.fakes.anthropic import Request


class Hold:
    """A point at which an answer waits for the test, and the test for the answer."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        self._released.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._released.wait()


def words(count: int) -> str:
    """What a behaviour that breaks off `after=count` deltas has said by then."""
    return "".join(f"word{number} " for number in range(count))


def pieces(text: str, chunk: int | None) -> list[str]:
    """The text, cut into deltas."""
    return re.findall(rf"(?s).{{1,{chunk}}}" if chunk else r"\s*\S+\s?|\s+", text)


class Call:
    """The server's side of one request: the events of a stream, in their order."""

    def __init__(self, http: web.Request, request: "Request") -> None:
        self.http = http
        self.request = request
        self.response = web.StreamResponse(
            headers={"content-type": "text/event-stream; charset=utf-8", "request-id": request.id}
        )
        self._block = 0
        self._deltas = 0

    async def write(self, data: bytes) -> None:
        await self.response.write(data)

    async def event(self, kind: str, **fields: Any) -> None:
        data = json.dumps({"type": kind, **fields}, separators=(",", ":"), ensure_ascii=False)
        await self.write(f"event: {kind}\ndata: {data}\n\n".encode())

    async def begin(self, usage: Mapping[str, Any] | None = None) -> None:
        await self.response.prepare(self.http)
        await self.event("message_start", message=self._message([], None, usage))

    async def think(self, text: str) -> None:
        await self._start({"type": "thinking", "thinking": "", "signature": ""})
        for part in pieces(text, None):
            await self._add({"type": "thinking_delta", "thinking": part})
        await self._add({"type": "signature_delta", "signature": "c2lnbmVk"})
        await self.event("content_block_stop", index=self._block)
        self._block += 1

    async def start_text(self) -> None:
        await self._start({"type": "text", "text": ""})

    async def delta(self, text: str, gap: float = 0) -> None:
        if gap:
            await asyncio.sleep(gap)
        self._deltas += 1
        await self._add({"type": "text_delta", "text": text})

    async def words(self, count: int, hold: Hold | None) -> None:
        """Begin an answer and break off after `count` deltas."""
        await self.begin()
        await self.start_text()
        for number in range(count):
            await self.delta(f"word{number} ")
        if hold:
            await hold.wait()

    async def finish(
        self, stop_reason: str, usage: Mapping[str, Any] | None, *, stop: bool
    ) -> None:
        await self.event("content_block_stop", index=self._block)
        await self.event(
            "message_delta",
            delta={"stop_reason": stop_reason, "stop_sequence": None},
            usage={"output_tokens": self._deltas} if usage is None else usage,
        )
        if stop:
            await self.event("message_stop")

    def whole(self, text: str, stop_reason: str) -> web.Response:
        """The answer to a request that asked for no stream."""
        content = [{"type": "text", "text": text}]
        headers = {"request-id": self.request.id}
        return web.json_response(self._message(content, stop_reason, None), headers=headers)

    def hang_up(self, *, reset: bool) -> None:
        transport = self.http.transport
        if transport is None:
            return
        if reset:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()

    async def _start(self, block: dict[str, Any]) -> None:
        await self.event("content_block_start", index=self._block, content_block=block)

    async def _add(self, delta: dict[str, Any]) -> None:
        await self.event("content_block_delta", index=self._block, delta=delta)

    def _message(
        self, content: list[Any], stop_reason: str | None, usage: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        if usage is None:
            usage = {"input_tokens": self.request.tokens, "output_tokens": 1}
        return {
            "id": self.request.id.replace("req", "msg"),
            "type": "message",
            "role": "assistant",
            "model": self.request.body["model"],
            "content": content,
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": usage,
        }
