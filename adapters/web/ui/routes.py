"""`/api/ui/chat`: the AI SDK's UI message stream, which can be resumed, and stopped on request."""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.dialects.raw import Raw
from adapters.web.dialects.ui import HEADERS, Chunk, Ui
from adapters.web.door.peers import address
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.plain.dispatch import VARY
from adapters.web.routing import Query, Reply, Route
from adapters.web.sse import EVENTS, PLAIN, EventStream
from adapters.web.ui.messages import UiChat, UiLast, asked_in
from adapters.web.ui.turns import UiTurns
from adapters.web.wire import is_name, read_object, reply
from core import outcomes
from core.live import Update

ROOTS = ("/api/ui/chat", "/api/chat")
SESSION = {"X-Session-Id": "The chat's id, to go on with."}
ANSWER = {"text/event-stream": Chunk, "text/plain": str}
PROTOCOL = Query(name="protocol", says="`text` asks for plain text in place of events.")


class Success(msgspec.Struct):
    """What was asked for is so."""

    success: bool


class UiRoutes:
    """The routes of this dialect. A reader that leaves stops nothing: it may come again."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._turns = UiTurns(chats)

    def routes(self) -> list[Route]:
        """What to add to the application."""
        send = Route(
            method="POST",
            path=ROOTS[0],
            handler=self.send,
            says="Send a chat's messages; the last one is answered.",
            tag="ui",
            body=(UiChat, UiLast),
            query=(PROTOCOL,),
            replies={
                200: Reply(says="The answer, then `[DONE]`.", body=ANSWER, headers=SESSION),
                404: Reply(says="The message is no longer part of the conversation."),
                409: Reply(says="The message's id stands for another message."),
            },
        )
        return [send, *(route for root in ROOTS for route in self._of(root))]

    def _of(self, root: str) -> list[Route]:
        path = f"{root}/{{session}}"
        return [
            Route(
                method="GET",
                path=f"{path}/stream",
                handler=self.resume,
                says="Follow the running answer, from its start.",
                tag="ui",
                query=(PROTOCOL,),
                replies={
                    200: Reply(says="The answer, then `[DONE]`.", body=ANSWER, headers=SESSION),
                    204: Reply(says="No answer runs."),
                },
            ),
            Route(
                method="POST",
                path=f"{path}/stop",
                handler=self.stop,
                says="Stop the running answer, if there is one.",
                tag="ui",
                replies={200: Reply(says="Always.", body={"application/json": Success})},
            ),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """`{id, messages, trigger?, messageId?}` → UI message chunks, or plain text."""
        body = await read_object(request)
        return await self.answer(request, body, text=_plain(request))

    async def answer(
        self, request: web.Request, body: dict[str, Any], *, text: bool = False
    ) -> web.StreamResponse:
        """The same for a body that was read already; `text` asks for plain text."""
        asked = asked_in(body)
        receipt = await self._turns.ask(caller(request), asked, address(request))
        return await _stream(request, asked.session, self._chats.updates(receipt), text=text)

    async def resume(self, request: web.Request) -> web.StreamResponse:
        """The running answer from its start; 204 when none runs, whoever's chat it would be."""
        session = request.match_info["session"]
        running = await self._running(request, session)
        if running is None:
            return web.Response(status=204)
        updates = self._chats.handler.follow(running)
        return await _stream(request, session, updates, text=_plain(request))

    async def stop(self, request: web.Request) -> web.Response:
        """Always `{"success": true}`: what was to be stopped does not run."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.CHAT)
        if is_name(session):
            await self._chats.stop(principal, session)
        return reply(Success(success=True))

    async def _running(self, request: web.Request, session: str) -> int | None:
        principal = caller(request)
        demand(principal, Scope.CHAT)
        if not is_name(session):
            return None
        session_id = await self._chats.session_id(principal, session)
        if session_id is None:
            return None
        return await self._chats.database.read(outcomes.open_turn, session_id)


def _plain(request: web.Request) -> bool:
    return request.query.get("protocol") == "text"


async def _stream(
    request: web.Request, session: str, updates: AsyncGenerator[Update, None], *, text: bool
) -> web.StreamResponse:
    headers = {"X-Session-Id": session, **VARY}
    if text:
        async with EventStream(request, headers, medium=PLAIN) as stream:
            await stream.relay(updates, Raw())
        return stream.response
    async with EventStream(request, {**headers, **HEADERS}, medium=EVENTS) as stream:
        await stream.relay(updates, Ui(session))
    return stream.response
