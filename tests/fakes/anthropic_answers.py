"""What a fake Messages API can do with a request that is in order."""

import asyncio
import json
import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

if TYPE_CHECKING:
    from tests.fakes.anthropic import Request

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Behaviour(Protocol):
    """What is done with one request."""

    async def play(self, call: "Call") -> web.StreamResponse: ...


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


@dataclass(frozen=True)
class Answer:
    """An answer that comes to its end; without `text` it says "You said: " and what was said.

    `chunk` is the length of a delta in characters (None: a word), `first` and `gap` are the
    seconds before the first delta and between two. `hold` stops it before the headers, or
    after `hold_after` deltas. `stop=False` leaves out message_stop, as some servers do.
    """

    text: "str | Callable[[Request], str] | None" = None
    _: KW_ONLY
    chunk: int | None = None
    first: float = 0
    gap: float = 0
    thinking: str = ""
    pings: int = 0
    stop_reason: str = "end_turn"
    usage: Mapping[str, Any] | None = None
    final_usage: Mapping[str, Any] | None = None
    hold: Hold | None = None
    hold_after: int | None = None
    stop: bool = True

    async def play(self, call: "Call") -> web.StreamResponse:
        if self.hold and self.hold_after is None:
            await self.hold.wait()
        text = self._text(call.request)
        if not call.request.body.get("stream"):
            return call.whole(text, self.stop_reason)
        await call.begin(self.usage)
        for _ in range(self.pings):
            await call.event("ping")
        if self.thinking:
            await call.think(self.thinking)
        await asyncio.sleep(self.first)
        await call.start_text()
        for sent, delta in enumerate(pieces(text, self.chunk)):
            if self.hold and sent == self.hold_after:
                await self.hold.wait()
            await call.delta(delta, self.gap if sent else 0)
        await call.finish(self.stop_reason, self.final_usage, stop=self.stop)
        return call.response

    def _text(self, request: "Request") -> str:
        if callable(self.text):
            return self.text(request)
        return f"You said: {request.said}" if self.text is None else self.text


@dataclass(frozen=True)
class Status:
    """An HTTP error in place of an answer, in the API's own form unless `body` is given."""

    status: int
    _: KW_ONLY
    kind: str | None = None
    message: str = "The fake was told to refuse this."
    code: str | None = None
    retry_after: float | str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    async def play(self, call: "Call") -> web.StreamResponse:
        error: dict[str, Any] = {
            "type": self.kind or KINDS.get(self.status, "api_error"),
            "message": self.message,
        }
        if self.code:
            error["details"] = {"error_code": self.code}
        whole = {"type": "error", "error": error, "request_id": call.request.id}
        headers = {"request-id": call.request.id, **self.headers}
        if self.retry_after is not None:
            headers["retry-after"] = str(self.retry_after)
        return web.Response(
            status=self.status,
            text=json.dumps(whole) if self.body is None else self.body,
            headers=headers,
            content_type="application/json" if self.body is None else "text/html",
        )


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The connection ends in the middle: closed, or with `reset` torn down."""

    after: int = 0
    reset: bool = False
    hold: Hold | None = None

    async def play(self, call: "Call") -> web.StreamResponse:
        await call.words(self.after, self.hold)
        call.hang_up(reset=self.reset)
        return call.response


@dataclass(frozen=True, kw_only=True)
class Stall:
    """Nothing more comes, until the client or the fake gives up. `pings` a second go on."""

    after: int = 0
    pings: float = 0

    async def play(self, call: "Call") -> web.StreamResponse:
        await call.words(self.after, None)
        while self.pings:
            await call.event("ping")
            await asyncio.sleep(1 / self.pings)
        await asyncio.Event().wait()
        return call.response


@dataclass(frozen=True, kw_only=True)
class Eof:
    """The response ends in good order, but the answer has not."""

    after: int = 0
    hold: Hold | None = None

    async def play(self, call: "Call") -> web.StreamResponse:
        await call.words(self.after, self.hold)
        return call.response


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """Where an event should be there is `line`."""

    after: int = 0
    line: bytes = b'data: {"type": "content_block_delta", "del'
    hold: Hold | None = None

    async def play(self, call: "Call") -> web.StreamResponse:
        await call.words(self.after, self.hold)
        await call.write(self.line + b"\n\n")
        return call.response


@dataclass(frozen=True)
class ErrorEvent:
    """An error in the stream, after so many deltas."""

    kind: str = "overloaded_error"
    _: KW_ONLY
    message: str = "Overloaded"
    after: int = 0
    hold: Hold | None = None

    async def play(self, call: "Call") -> web.StreamResponse:
        await call.words(self.after, self.hold)
        await call.event("error", error={"type": self.kind, "message": self.message})
        return call.response


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
