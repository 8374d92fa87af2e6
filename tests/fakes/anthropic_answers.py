"""What a fake Messages API can do with a request that is in order."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from aiohttp import web

from tests.fakes.anthropic_wire import Call, Hold, pieces

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

    async def play(self, call: Call) -> web.StreamResponse: ...


@dataclass(frozen=True)
class Answer:
    """An answer that comes to its end; without `text` it says "You said: " and what was said.

    `chunk` is the length of a delta in characters (None: a word), `first` and `gap` are the
    seconds before the first delta and between two. `hold` stops it before the headers, or
    after `hold_after` deltas; `linger` holds back the response's end behind the last event.
    `stop=False` leaves out message_stop, as some servers do.
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
    linger: Hold | None = None
    stop: bool = True

    async def play(self, call: Call) -> web.StreamResponse:
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
        if self.linger:
            await self.linger.wait()
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

    async def play(self, call: Call) -> web.StreamResponse:
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

    async def play(self, call: Call) -> web.StreamResponse:
        await call.words(self.after, self.hold)
        call.hang_up(reset=self.reset)
        return call.response


@dataclass(frozen=True, kw_only=True)
class Stall:
    """Nothing more comes, until the client or the fake gives up. `pings` a second go on."""

    after: int = 0
    pings: float = 0

    async def play(self, call: Call) -> web.StreamResponse:
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

    async def play(self, call: Call) -> web.StreamResponse:
        await call.words(self.after, self.hold)
        return call.response


@dataclass(frozen=True, kw_only=True)
class BadLine:
    """Where an event should be there is `line`."""

    after: int = 0
    line: bytes = b'data: {"type": "content_block_delta", "del'
    hold: Hold | None = None

    async def play(self, call: Call) -> web.StreamResponse:
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

    async def play(self, call: Call) -> web.StreamResponse:
        await call.words(self.after, self.hold)
        await call.event("error", error={"type": self.kind, "message": self.message})
        return call.response
