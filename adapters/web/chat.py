"""`/api/chat`: a message in, its answer as typed events; and the conversation cleared."""

import secrets
from itertools import count

from aiohttp import web

from adapters.web.dialects.typed import Typed
from adapters.web.sse import EventStream
from adapters.web.wire import (
    address_of,
    is_name,
    message_key,
    name_in,
    read_object,
    reply,
    text_in,
)
from core.conversation import ConversationHandler
from core.types import InboundEvent, Receipt


class ChatRoutes:
    """The two routes of this dialect."""

    def __init__(self, handler: ConversationHandler) -> None:
        self._handler = handler
        # This dialect's messages have no ids, so each one is new: a name that no other has.
        self._run, self._count = secrets.token_hex(8), count()

    def routes(self) -> list[web.RouteDef]:
        """What to add to the application."""
        return [
            web.post("/api/chat", self.send),
            web.delete("/api/chat/{session}", self.clear),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """`{message, sessionId?}` → events `text`…, then `done` or `error`."""
        body = await read_object(request)
        text = text_in(body, "message")
        session = name_in(body, "sessionId")
        event = InboundEvent(
            address=address_of(session),
            text=text,
            message_key=message_key(session, f"{self._run}.{next(self._count)}"),
        )
        receipt = await self._handler.accept(event)
        async with EventStream(request, {"X-Session-Id": session}) as stream:
            await self._answer(stream, receipt, Typed(session))
        return stream.response

    async def _answer(self, stream: EventStream, receipt: Receipt, dialect: Typed) -> None:
        turn_id = await self._handler.turn_of(receipt)
        async for update in self._handler.follow(turn_id):
            if data := dialect.encode(update):
                await stream.send(data)

    async def clear(self, request: web.Request) -> web.Response:
        """Always `{"cleared": true}`: nobody learns whether there was anything to clear."""
        session = request.match_info["session"]
        if is_name(session):
            await self._handler.reset(address_of(session))
        return reply({"cleared": True})
