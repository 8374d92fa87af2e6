"""`/history`, `/reset`, `/sessions` and `/stats`: what was said at `/chat`, and elsewhere."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.principal import Principal, Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.plain.simple import iso
from adapters.web.routing import Reply, Route
from adapters.web.wire import PLATFORM, address_of, is_name, reply
from core import transcript
from core.account import Conversation, conversations, totals
from core.text import render
from core.types import Role

LONGEST = 4_000_000  # characters of a history, about
MOST = 10_000  # messages of a history, sessions of a list: the newest


class HistoryMessage(msgspec.Struct):
    """What one of the two said."""

    role: Role
    content: str


class HistoryResponse(msgspec.Struct):
    """A conversation, its oldest message first."""

    session_id: str
    messages: list[HistoryMessage]
    turn_count: int


class Listed(msgspec.Struct):
    """A conversation in a list. `created_at` is in ISO 8601."""

    session_id: str
    turns: int
    created_at: str


class Sessions(msgspec.Struct):
    """Conversations, the newest first."""

    sessions: list[Listed]


class Stats(msgspec.Struct):
    """How much there is."""

    total_sessions: int
    total_messages: int
    avg_messages_per_session: float


class Fate(msgspec.Struct, omit_defaults=True):
    """What became of a conversation: `cleared`, `reset`, or `not_found`."""

    status: str
    session_id: str
    previous_turns: int | None = None


class HistoryRoutes:
    """The routes to conversations as a whole. A session of another caller is as good as none."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats

    def routes(self) -> list[Route]:
        """What to add to the application."""
        history = "/history/{session}"
        return [
            _route("GET", history, self.history, "Read a conversation.", HistoryResponse),
            _route("DELETE", history, self.erase, "Delete a conversation.", Fate),
            _route(
                "POST", "/reset/{session}", self.reset, "Let a conversation begin afresh.", Fate
            ),
            _route("GET", "/sessions", self.sessions, "List the caller's conversations.", Sessions),
            _route("GET", "/stats", self.stats, "Count the caller's conversations.", Stats),
        ]

    async def history(self, request: web.Request) -> web.Response:
        """The conversation, its oldest message first."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.HISTORY)
        found = await self._found(principal, session)
        if found is None:
            raise Refused(404, "not_found", "Session not found")
        messages = await self._chats.database.read(
            transcript.recent, found.session_id, limit=MOST, characters=LONGEST
        )
        said = [HistoryMessage(each.role, render(each.parts)) for each in messages]
        return reply(HistoryResponse(session, said, found.turns))

    async def erase(self, request: web.Request) -> web.Response:
        """Delete what was said, for good."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.CHAT)
        erased = is_name(session) and await self._chats.changes.erase(
            address_of(principal, session)
        )
        return reply(Fate("cleared" if erased else "not_found", session))

    async def reset(self, request: web.Request) -> web.Response:
        """Let the conversation begin afresh; tells how many answers it had."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.CHAT)
        found = await self._found(principal, session)
        if found is None:
            return reply(Fate("not_found", session))
        await self._chats.handler.reset(address_of(principal, session), names_free=True)
        return reply(Fate("reset", session, found.turns))

    async def sessions(self, request: web.Request) -> web.Response:
        """The caller's conversations; an administrator sees everybody's."""
        found = await self._chats.database.read(
            conversations, PLATFORM, _whose(caller(request)), before=None, limit=MOST, titled=False
        )
        listed = [Listed(each.name, each.turns, iso(each.created_at)) for each in found]
        return reply(Sessions(listed))

    async def stats(self, request: web.Request) -> web.Response:
        """How many conversations and messages they have."""
        found = await self._chats.database.read(totals, PLATFORM, _whose(caller(request)))
        average = found.messages / found.sessions if found.sessions else 0
        return reply(Stats(found.sessions, found.messages, average))

    async def _found(self, principal: Principal, session: str) -> Conversation | None:
        return await self._chats.conversation(principal, session) if is_name(session) else None


def _whose(principal: Principal) -> str | None:
    """The account whose conversations a caller may list; None is everybody's."""
    demand(principal, Scope.HISTORY)
    return None if Scope.ADMIN in principal.scopes else principal.account


def _route(
    method: str,
    path: str,
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
    says: str,
    body: Any,
) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        says=says,
        tag="simple",
        replies={200: Reply(says=says, body={"application/json": body})},
    )
