"""`/api/chat`: a message in, its answer as typed events; and the conversation cleared."""

from aiohttp import web

from adapters.web.chats import Chats, Say
from adapters.web.dialects.typed import Typed
from adapters.web.principal import caller
from adapters.web.routing import Route
from adapters.web.sse import EventStream
from adapters.web.wire import address_of, is_name, name_in, read_object, reply, text_in


class ChatRoutes:
    """The two routes of this dialect."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path="/api/chat",
                handler=self.send,
                says="Send a message.",
                tag="chat",
            ),
            Route(
                method="DELETE",
                path="/api/chat/{session}",
                handler=self.clear,
                says="Clear a conversation.",
                tag="chat",
            ),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """`{message, sessionId?}` → events `text`…, then `done` or `error`."""
        body = await read_object(request)
        text, session = text_in(body, "message"), name_in(body, "sessionId")
        said = Say(session=session, text=text, ip=request.remote or "")
        receipt = await self._chats.say(caller(request), said)
        async with EventStream(request, {"X-Session-Id": session}) as stream:
            await stream.relay(self._chats.updates(receipt), Typed(session))
        return stream.response

    async def clear(self, request: web.Request) -> web.Response:
        """Always `{"cleared": true}`: nobody learns whether there was anything to clear."""
        session = request.match_info["session"]
        if is_name(session):
            await self._chats.handler.reset(address_of(caller(request), session))
        return reply({"cleared": True})
