"""`/compat`: the bodies of ready-made widgets, which need nothing but this address.

deep-chat: `connect = {"url": ".../compat/deep-chat", "stream": true}`. It sends its own
conversation each time, and is remembered only under a `sessionId` (`additionalBodyProps`).
@n8n/chat: `webhookUrl: ".../compat/n8n"`, with the keys that it has by default.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from adapters.web.chats import Chats, Say
from adapters.web.dialects.deep_chat import DeepChat, DeepChatText
from adapters.web.dialects.n8n import N8n, N8nLine, N8nReply, session
from adapters.web.door.peers import address
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.failure import answered
from adapters.web.routing import Reply, Route
from adapters.web.sse import EventStream, Medium
from adapters.web.wire import fit, name_in, name_once, read_object, reply, text_in
from core import transcript
from core.ports import Clock
from core.text import clean
from core.types import PromptMessage, Receipt

TAG = "compat"
PAGE = 100  # messages of a conversation that is taken up again
LINES = Medium(type="application/x-ndjson", ping=b"\n")
FAILED = Reply(says="It was stored, and could not be answered.")
Text = Annotated[str, msgspec.Meta(min_length=1)]


class DeepChatMessage(msgspec.Struct, frozen=True):
    """A message. All roles but `user` are taken for the answering side."""

    role: str = "user"
    text: str | None = None


class DeepChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The conversation, the user's message last; under a `sessionId`, only that counts.

    `stream` decides over the header Accept.
    """

    messages: Annotated[list[DeepChatMessage], msgspec.Meta(min_length=1)]
    session_id: str | None = msgspec.field(default=None, name="sessionId")
    stream: bool | None = None


class N8nSend(msgspec.Struct, frozen=True, kw_only=True):
    """A message."""

    action: Literal["sendMessage"]
    chat_input: Text = msgspec.field(name="chatInput")
    session_id: str | None = msgspec.field(default=None, name="sessionId")


class N8nLoad(msgspec.Struct, frozen=True, kw_only=True):
    """The wish for the conversation so far."""

    action: Literal["loadPreviousSession"]
    session_id: str | None = msgspec.field(default=None, name="sessionId")


class CompatRoutes:
    """A route a widget."""

    def __init__(self, chats: Chats, clock: Clock) -> None:
        self._chats = chats
        self._clock = clock

    def routes(self) -> list[Route]:
        """What to add to the application."""
        text = {"application/json": DeepChatText, "text/event-stream": DeepChatText}
        lines = {
            "application/json": N8nReply,
            "application/x-ndjson": N8nLine,
        }
        return [
            Route(
                method="POST",
                path="/compat/deep-chat",
                handler=self.deep_chat,
                says="The deep-chat component's messages, answered whole or as events.",
                tag=TAG,
                body=DeepChatRequest,
                replies={200: Reply(says="The answer.", body=text), 502: FAILED},
            ),
            Route(
                method="POST",
                path="/compat/n8n",
                handler=self.n8n,
                says="The n8n chat widget's messages, answered whole or (`Accept: text/plain`)"
                " as lines; and its conversation.",
                tag=TAG,
                body=(N8nSend, N8nLoad),
                replies={
                    200: Reply(says="The answer, or the conversation.", body=lines),
                    502: FAILED,
                },
            ),
        ]

    async def deep_chat(self, request: web.Request) -> web.StreamResponse:
        """`{messages: [{role, text}], sessionId?, stream?}` → `{text}`, or events of it."""
        body = await _read(request)
        asked = fit(body, DeepChatRequest)
        *before, text = _conversation(asked.messages)
        named = asked.session_id is not None
        said = Say(
            session=name_in(body, "sessionId") if named else name_once(),
            text=text.text,
            ip=address(request),
            transcript=() if named else tuple(before),
        )
        receipt = await self._chats.say(caller(request), said)
        streams = _wants(request, "text/event-stream") if asked.stream is None else asked.stream
        if not streams:
            return reply(DeepChatText(text=await self._text(receipt)))
        async with EventStream(request, {}) as stream:
            await stream.relay(self._chats.updates(receipt), DeepChat())
        return stream.response

    async def n8n(self, request: web.Request) -> web.StreamResponse:
        """`{action, sessionId, chatInput}` → `{output}`, or lines; or the conversation so far."""
        body = await _read(request)
        name = name_in(body, "sessionId")
        match body.get("action"):
            case "loadPreviousSession":
                return await self._previous(request, name)
            case "sendMessage":
                said = Say(session=name, text=text_in(body, "chatInput"), ip=address(request))
            case _:
                message = "action must be sendMessage or loadPreviousSession."
                raise Refused(400, "invalid_request", message, param="action")
        receipt = await self._chats.say(caller(request), said)
        headers = {"X-Session-Id": name}
        if not _wants(request, "text/plain"):
            return reply(N8nReply(output=await self._text(receipt)), headers=headers)
        dialect = N8n(int(self._clock.now() * 1000))
        async with EventStream(request, headers, medium=LINES) as stream:
            await stream.relay(self._chats.updates(receipt), dialect)
        return stream.response

    async def _previous(self, request: web.Request, name: str) -> web.Response:
        """The conversation's newest messages; none if there is no such conversation."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        session_id = await self._chats.session_id(principal, name)
        if session_id is None:
            return reply(session([]))
        found = await self._chats.database.read(
            transcript.conversation, session_id, before=None, limit=PAGE
        )
        return reply(session([message for message, _ in found]))

    async def _text(self, receipt: Receipt) -> str:
        """The whole answer. Raises `Refused` if there is none."""
        return answered(await self._chats.outcome(receipt)).text


def _conversation(messages: Sequence[DeepChatMessage]) -> list[PromptMessage]:
    """Who said what, the user's own words last. Raises `Refused`."""
    said = [
        PromptMessage(role="user" if each.role == "user" else "assistant", text=clean(each.text))
        for each in messages
        if each.text
    ]
    if messages[-1].role != "user" or not clean(messages[-1].text or "").strip():
        message = "messages: the last one must be the user's, with text in it."
        raise Refused(400, "invalid_request", message, param="messages")
    return said


async def _read(request: web.Request) -> dict[str, Any]:
    if request.content_type.startswith("multipart/"):
        message = "Files can't be sent here: switch them off in the widget. Text is sent as JSON."
        raise Refused(415, "unsupported_media_type", message)
    return await read_object(request)


def _wants(request: web.Request, kind: str) -> bool:
    """Whether a media type is what the client asks for first of all."""
    first = request.headers.get("Accept", "").partition(",")[0]
    return first.partition(";")[0].strip().lower() == kind
