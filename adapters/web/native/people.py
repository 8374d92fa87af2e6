"""`/api/v1`, what a caller may do with all that is theirs: judge it, take it along, erase it."""

from collections.abc import AsyncIterator

from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.principal import Principal, Scope, caller, demand
from adapters.web.native import types
from adapters.web.native.messages import TAG, missing
from adapters.web.routing import Reply, Route
from adapters.web.sse import EventStream, Medium
from adapters.web.wire import PLATFORM, encode, fit, number, read_object, reply
from core import export, feedback
from core.errors import NotFound
from core.ports import Clock
from core.text import clean

PAGE = 50  # messages or conversations that are in memory at once
FILE = Medium(type="application/json")  # every byte is the document's: no room for a sign of life
ATTACHED = {"Content-Disposition": 'attachment; filename="conversations.json"'}


class PeopleRoutes:
    """Everything of one caller: nobody else's is ever in reach."""

    def __init__(self, chats: Chats, clock: Clock) -> None:
        self._chats = chats
        self._database = chats.database
        self._clock = clock

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path="/api/v1/messages/{message}/feedback",
                handler=self.rate,
                says="Say what you think of an answer; the last word counts.",
                tag=TAG,
                body=types.Opinion,
                replies={204: Reply(says="It is noted.")},
            ),
            Route(
                method="GET",
                path="/api/v1/export",
                handler=self.export,
                says="Take along all of the caller's conversations, also what was cleared; without"
                " sign-in the caller is this machine's user, and all that was said without one.",
                tag=TAG,
                replies={
                    200: Reply(
                        says="One document.",
                        body={"application/json": types.Export},
                        headers={"Content-Disposition": "It is a file."},
                    )
                },
            ),
            Route(
                method="DELETE",
                path="/api/v1/me",
                handler=self.erase,
                says="Erase all of the caller's conversations for good; without sign-in the caller"
                " is this machine's user, and all that was said without one.",
                tag=TAG,
                replies={
                    200: Reply(says="They are gone.", body={"application/json": types.Erased}),
                },
            ),
        ]

    async def rate(self, request: web.Request) -> web.Response:
        """`{value: 1|-1, comment?}` about an answer of the caller's."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        message_id = number(request.match_info["message"], missing("answer"))
        opinion = fit(await read_object(request), types.Opinion)
        try:
            await self._database.write(
                feedback.rate,
                PLATFORM,
                principal.account,
                message_id,
                value=opinion.value,
                comment=clean(opinion.comment or "") or None,
                now=int(self._clock.now() * 1000),
            )
        except NotFound:
            raise missing("answer") from None
        return web.Response(status=204)

    async def export(self, request: web.Request) -> web.StreamResponse:
        """All of the caller's conversations as one JSON document, written while it is read."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        async with EventStream(request, ATTACHED, medium=FILE) as stream:
            async for piece in self._document(principal):
                await stream.send(piece)
        return stream.response

    async def erase(self, request: web.Request) -> web.Response:
        """Delete all of the caller's conversations, and end what runs in them."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        erased = await self._chats.changes.erase_all(PLATFORM, principal.account)
        return reply(types.Erased(erased))

    async def _document(self, principal: Principal) -> AsyncIterator[bytes]:
        """A `types.Export`, in pieces."""
        yield b'{"sessions":['
        name, comma = "", b""
        while page := await self._database.read(
            export.conversations, PLATFORM, principal.account, after=name, limit=PAGE
        ):
            for kept in page:
                whole = types.Whole(kept.name, kept.created_at, kept.updated_at, [])
                yield comma + encode(whole).removesuffix(b"]}")
                async for messages in self._messages(kept.session_id):
                    yield messages
                yield b"]}"
                name, comma = kept.name, b","
        yield b"]}"

    async def _messages(self, session_id: int) -> AsyncIterator[bytes]:
        """A conversation's messages, a page at a time."""
        after, comma = None, b""
        while page := await self._database.read(export.said, session_id, after=after, limit=PAGE):
            yield comma + b",".join(encode(types.exported(said)) for said in page)
            after, comma = page[-1].message, b","
        if rest := await self._database.read(export.waiting, session_id):
            yield comma + b",".join(encode(types.exported(said)) for said in rest)
