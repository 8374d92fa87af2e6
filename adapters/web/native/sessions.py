"""`/api/v1/sessions`: a caller's conversations begun, listed, read and cleared."""

from typing import Any

from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.native import types
from adapters.web.native.messages import SESSION, TAG, missing
from adapters.web.routing import Query, Reply, Route
from adapters.web.wire import PLATFORM, address_of, name_in, name_of, number, read_object, reply
from core import account, addresses, outcomes, transcript
from core.account import Conversation
from core.ports import Clock

PAGE, MOST = 100, 500  # messages of history in one response
LIST, LONGEST_LIST = 50, 100  # conversations in one response
TITLE = 80  # characters
BEFORE = Query(name="before", says="Only what stands before this id.", type=types.Id)


class SessionsRoutes:
    """The conversations as such; what is said in them is in `native`."""

    def __init__(self, chats: Chats, clock: Clock) -> None:
        self._chats = chats
        self._database = chats.database
        self._clock = clock

    def routes(self) -> list[Route]:
        """What to add to the application."""
        begun = {"application/json": types.Begun}
        return [
            Route(
                method="POST",
                path="/api/v1/sessions",
                handler=self.begin,
                says="Begin a conversation before anything is said; a message does so, too.",
                tag=TAG,
                body=types.Begin,
                replies={
                    200: Reply(says="There was one of that name.", body=begun),
                    201: Reply(says="It has begun.", body=begun),
                },
            ),
            Route(
                method="GET",
                path="/api/v1/sessions",
                handler=self.listing,
                says="List the caller's conversations.",
                tag=TAG,
                replies={200: Reply(says="A page.", body={"application/json": types.Sessions})},
                query=(BEFORE, _limit(LIST, LONGEST_LIST)),
            ),
            Route(
                method="GET",
                path=SESSION,
                handler=self.one,
                says="Look at one conversation.",
                tag=TAG,
                replies={200: Reply(says="This.", body={"application/json": types.Session})},
            ),
            Route(
                method="GET",
                path=f"{SESSION}/messages",
                handler=self.history,
                says="Read the conversation.",
                tag=TAG,
                replies={200: Reply(says="A page.", body={"application/json": types.Messages})},
                query=(BEFORE, _limit(PAGE, MOST)),
            ),
            Route(
                method="DELETE",
                path=SESSION,
                handler=self.clear,
                says="Clear a conversation: it starts afresh.",
                tag=TAG,
                replies={204: Reply(says="It is empty.")},
            ),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """`{id?}` → 201 with the conversation, or 200 if there was one of that name."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        session = name_in(await read_object(request), "id")
        now = int(self._clock.now() * 1000)
        where = address_of(principal, session)
        new = await self._database.write(addresses.ensure, where, now=now)
        found = None if new else await self._chats.conversation(principal, session)
        begun = types.Begun(session, now if found is None else found.created_at)
        return reply(begun, status=201 if new else 200)

    async def listing(self, request: web.Request) -> web.Response:
        """The newest conversations, or those behind `before`, with the id of the next page."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        before, limit = _page(request, LIST, LONGEST_LIST)
        found = await self._database.read(
            account.conversations, PLATFORM, principal.account, before=before, limit=limit + 1
        )
        more = str(found[limit - 1].id) if len(found) > limit else None
        page = [types.Listed(**_shown(each)) for each in found[:limit]]
        return reply(types.Sessions(page, more))

    async def one(self, request: web.Request) -> web.Response:
        """One conversation, and its running answer."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        found = await self._chats.conversation(principal, name_of(request))
        if found is None:
            raise missing("session")
        running = await self._running(found.session_id)
        return reply(types.Session(**_shown(found), running=running))

    async def history(self, request: web.Request) -> web.Response:
        """The conversation's newest messages, oldest first; `before` a message's id: older ones."""
        principal = caller(request)
        demand(principal, Scope.HISTORY)
        session_id = await self._chats.session_id(principal, name_of(request))
        if session_id is None:
            raise missing("session")
        before, limit = _page(request, PAGE, MOST)
        found = await self._database.read(
            transcript.entries, session_id, before=before, limit=limit
        )
        messages = [types.shown(entry) for entry in found]
        return reply(types.Messages(messages, await self._running(session_id)))

    async def clear(self, request: web.Request) -> web.Response:
        """Let the conversation start afresh."""
        demand(caller(request), Scope.CHAT)
        where = address_of(caller(request), name_of(request))
        if not await self._chats.handler.reset(where, names_free=True):
            raise missing("session")
        return web.Response(status=204)

    async def _running(self, session_id: int) -> str | None:
        running = await self._database.read(outcomes.open_turn, session_id)
        return None if running is None else str(running)


def title(text: str) -> str:
    """How a text begins, in one line of at most `TITLE` characters, cut at a word if it can be."""
    line = " ".join(text[: TITLE * 10].split())
    if len(line) <= TITLE:
        return line
    head = line[:TITLE].rpartition(" ")[0]
    return f"{head if len(head) > TITLE // 2 else line[: TITLE - 1]}…"


def _shown(found: Conversation) -> dict[str, Any]:
    return {
        "id": found.name,
        "title": title(found.title),
        "created_at": found.created_at,
        "updated_at": found.updated_at,
        "turns": found.turns,
    }


def _limit(usual: int, most: int) -> Query:
    return Query(name="limit", says=f"How many at most; {usual} unless said, up to {most}.")


def _page(request: web.Request, usual: int, most: int) -> tuple[int | None, int]:
    """What `before` and `limit` ask for. Raises `Refused`."""
    wrong = Refused(
        400, "invalid_request", f"before and limit must be whole numbers: an id, and up to {most}."
    )
    before, limit = request.query.get("before"), request.query.get("limit", str(usual))
    start = None if before is None else number(before, wrong)
    return start, max(1, min(number(limit, wrong), most))
