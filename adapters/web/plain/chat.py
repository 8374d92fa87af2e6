"""`/api/chat`: one address for several dialects; a message in, its answer in the sender's own."""

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from msgspec import Meta

from adapters.web.chats import Chats, Say
from adapters.web.dialects import Dialect
from adapters.web.dialects.response import Response
from adapters.web.dialects.typed import Typed
from adapters.web.dialects.whole import whole
from adapters.web.door.peers import address
from adapters.web.door.principal import Kind, Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.fields import Name, Words
from adapters.web.plain.dispatch import VARY, Speech, speech
from adapters.web.plain.transcript import transcript_in
from adapters.web.routing import Query, Reply, Route
from adapters.web.sse import EventStream
from adapters.web.ui.messages import UiChat, UiLast
from adapters.web.ui.routes import UiRoutes
from adapters.web.wire import (
    address_of,
    is_name,
    name_in,
    name_once,
    read_object,
    reply,
    text_in,
)
from core.types import Receipt

SESSION = {"X-Session-Id": "The session, to go on with."}
PROTOCOL = Query(name="protocol", says="How to answer, whatever else tells.", type=Speech)


class Question(msgspec.Struct, rename="camel"):
    """A message in a session that the server remembers; without a session, in a new one.

    `stream` asks for typed events (true) or for JSON (false).
    """

    message: Words
    session_id: Name | None = None
    stream: bool | None = None


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    """A part of a message."""

    text: str


class Turn(msgspec.Struct):
    """What was said by one of the two; what is told by a `system` counts from trusted callers."""

    role: Literal["user", "assistant", "system"]
    content: str | list[TextPart]


class Conversation(msgspec.Struct):
    """A conversation that the client remembers; the last message is the user's."""

    messages: Annotated[list[Turn], Meta(min_length=1)]


class Answered(msgspec.Struct, rename="camel", omit_defaults=True):
    """An answer in one piece; with the session's name if it is new."""

    response: str
    session_id: str | None = None


class Cleared(msgspec.Struct):
    """The conversation begins afresh."""

    cleared: bool


class ChatRoutes:
    """The two routes at this address. What other dialects send here goes to `ui`."""

    def __init__(self, chats: Chats, ui: UiRoutes) -> None:
        self._chats = chats
        self._ui = ui

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path="/api/chat",
                handler=self.send,
                says="Send a message; its form decides how it is answered.",
                tag="chat",
                body=(Question, Conversation, UiChat, UiLast),
                query=(PROTOCOL,),
                replies={
                    200: Reply(
                        says="The answer: events (`text`, `done` and `error` by their `type` for a"
                        " `message`, `response` and then `[DONE]` for `messages`, the AI SDK's for"
                        " its own), or JSON in one piece.",
                        body={
                            "text/event-stream": dict[str, Any],
                            "application/json": Answered,
                            "text/plain": str,
                        },
                        headers=SESSION,
                    ),
                    404: Reply(says="A user wants JSON of a session that is none of theirs."),
                    409: Reply(says="The message's id stands for another message (the AI SDK's)."),
                    502: Reply(says="The JSON answer could not be had; the message is kept."),
                },
            ),
            Route(
                method="DELETE",
                path="/api/chat/{session}",
                handler=self.clear,
                says="Clear a conversation, whether or not there is one.",
                tag="chat",
                replies={
                    200: Reply(says="It is clear.", body={"application/json": Cleared}),
                },
            ),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """A body in one of the dialects, and its answer in the same."""
        body = await read_object(request)
        chosen = speech(
            body,
            accept=", ".join(request.headers.getall("Accept", [])),
            authorized="Authorization" in request.headers,
            protocol=request.query.get("protocol"),
        )
        match chosen:
            case Speech.TYPED:
                return await self._typed(request, body)
            case Speech.RESPONSE:
                return await self._response(request, body)
            case Speech.JSON:
                return await self._json(request, body)
        return await self._ui.answer(request, body, text=chosen is Speech.TEXT)

    async def clear(self, request: web.Request) -> web.Response:
        """Always `{"cleared": true}`: nobody learns whether there was anything to clear."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.CHAT)
        if is_name(session):
            await self._chats.handler.reset(address_of(principal, session), names_free=True)
        return reply({"cleared": True})

    async def _typed(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        """`{message, sessionId?}` → events `text`…, then `done` or `error`."""
        text, session = text_in(body, "message"), name_in(body, "sessionId")
        said = Say(session=session, text=text, ip=address(request))
        receipt = await self._chats.say(caller(request), said)
        return await self._stream(request, session, receipt, Typed(session))

    async def _response(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        """`{messages}` → events `{"response"}`…, then `[DONE]`. The client keeps the memory."""
        heard, session = transcript_in(body["messages"]), name_once()
        said = Say(
            session=session,
            text=heard.question,
            ip=address(request),
            system=heard.system,
            transcript=heard.before,
        )
        receipt = await self._chats.say(caller(request), said)
        return await self._stream(request, session, receipt, Response())

    async def _json(self, request: web.Request, body: dict[str, Any]) -> web.Response:
        """`{message, sessionId?}` → `{response}`, and `sessionId` if it is new."""
        text, session = text_in(body, "message"), name_in(body, "sessionId")
        principal, new = caller(request), body.get("sessionId") is None
        # The sites whose users sign in make the sessions first, and expect no others.
        strict = principal.kind is Kind.USER and not new
        if strict and await self._chats.session_id(principal, session) is None:
            raise Refused(404, "not_found", "Session not found", headers=VARY)
        said = Say(session=session, text=text, ip=address(request))
        receipt = await self._chats.say(principal, said)
        headers = {"X-Session-Id": session, **VARY}
        answer = whole(await self._chats.outcome(receipt), headers)
        told = Answered(answer, session if new else None)
        return reply(told, headers=headers)

    async def _stream(
        self, request: web.Request, session: str, receipt: Receipt, dialect: Dialect
    ) -> web.StreamResponse:
        async with EventStream(request, {"X-Session-Id": session, **VARY}) as stream:
            await stream.relay(self._chats.updates(receipt), dialect)
        return stream.response
