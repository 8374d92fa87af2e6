"""`/chat` and `/chat-stream`: a session by its name, answers whole or as plain text."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from adapters.web.chats import Chats, Say
from adapters.web.dialects.raw import Raw
from adapters.web.dialects.whole import whole
from adapters.web.door.peers import address
from adapters.web.door.principal import caller
from adapters.web.errors import Refused
from adapters.web.fields import Name, Words
from adapters.web.routing import Reply, Route
from adapters.web.sse import PLAIN, EventStream
from adapters.web.wire import NAME_RULE, is_name, read_object, reply
from core.live import Update
from core.text import clean

SESSION = {"X-Session-Id": "The session, as it was named."}
FAILED = Reply(says="The answer could not be had; the message is kept.")


class ChatMessage(msgspec.Struct):
    """A message. `system_prompt` counts in a session's first one, from trusted callers."""

    message: Words
    session_id: Name
    system_prompt: str | None = None


class ChatResponse(msgspec.Struct):
    """An answer in one piece. `timestamp` is in ISO 8601; `turn_count` counts all answers."""

    response: str
    session_id: str
    timestamp: str
    turn_count: int


class SimpleRoutes:
    """The two routes that take a message."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path="/chat",
                handler=self.chat,
                says="Send a message and wait for its answer.",
                tag="simple",
                body=ChatMessage,
                replies={
                    200: Reply(
                        says="The whole answer.",
                        body={"application/json": ChatResponse},
                        headers=SESSION,
                    ),
                    502: FAILED,
                },
            ),
            Route(
                method="POST",
                path="/chat-stream",
                handler=self.stream,
                says="Send a message and read its answer as it grows.",
                tag="simple",
                body=ChatMessage,
                replies={
                    200: Reply(
                        says="The answer's words as they come. What fails after the first of them"
                        " ends with a line that begins with `Error: `.",
                        body={"text/plain": str},
                        headers=SESSION,
                    ),
                    502: FAILED,
                },
            ),
        ]

    async def chat(self, request: web.Request) -> web.Response:
        """`{message, session_id, system_prompt?}` → the answer in one piece."""
        said, principal = await _read(request), caller(request)
        headers = {"X-Session-Id": said.session}
        outcome = await self._chats.outcome(await self._chats.say(principal, said))
        answer = whole(outcome, headers)
        found = await self._chats.conversation(principal, said.session)
        told = ChatResponse(
            response=answer,
            session_id=said.session,
            timestamp=iso(outcome.created_at),
            turn_count=0 if found is None else found.turns,
        )
        return reply(told, headers=headers)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The same → the answer's words as they come. Before the first, failures are a status."""
        said = await _read(request)
        receipt = await self._chats.say(caller(request), said)
        headers = {"X-Session-Id": said.session}
        async with aclosing(self._chats.updates(receipt)) as updates:
            first = await _begun(updates)
            if first.outcome is not None and not first.text:
                whole(first.outcome, headers)
            async with EventStream(request, headers, medium=PLAIN) as stream:
                await stream.relay(_from(first, updates), Raw())
        return stream.response


def iso(milliseconds: int) -> str:
    """A time as ISO 8601, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")


async def _begun(updates: AsyncGenerator[Update, None]) -> Update:
    """The first update with something to tell: words, or how it ended without any."""
    async for update in updates:
        if update.text or update.outcome is not None:
            return update
    raise AssertionError("updates end with an outcome")


async def _from(first: Update, rest: AsyncGenerator[Update, None]) -> AsyncGenerator[Update, None]:
    yield first
    async for update in rest:
        yield update


async def _read(request: web.Request) -> Say:
    """The message in a request. Raises `Refused` (422), in words that clients of FastAPI know."""
    body = await read_object(request)
    text, session = _string(body, "message"), _string(body, "session_id")
    if not text.strip():
        raise _wrong("string_too_short", "message", "String should have something to read in it")
    if not is_name(session):
        raise _wrong("string_pattern_mismatch", "session_id", f"String should be {NAME_RULE}")
    system = None if body.get("system_prompt") is None else _string(body, "system_prompt")
    return Say(session=session, text=text, ip=address(request), system=system or None)


def _string(body: dict[str, Any], key: str) -> str:
    if key not in body:
        raise _wrong("missing", key, "Field required")
    if not isinstance(body[key], str):
        raise _wrong("string_type", key, "Input should be a valid string")
    return clean(body[key])


def _wrong(kind: str, key: str, message: str) -> Refused:
    return Refused(422, kind, message, param=key)
