"""`/api/sessions`: conversations of people who sign in, begun before anything is said."""

from datetime import UTC, datetime

import msgspec
from aiohttp import web

from adapters.web.chats import Chats
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.routing import Access, Reply, Route
from adapters.web.wire import address_of, is_name, new_name, reply
from core import addresses, transcript
from core.ports import Clock
from core.text import render
from core.types import Message, Role

LONGEST = 4_000_000  # characters of a history, about
MOST = 10_000  # messages of a history: the newest


class Made(msgspec.Struct, rename="camel"):
    """A new conversation."""

    session_id: str


class Said(msgspec.Struct):
    """What one of the two said. `timestamp` is in ISO 8601, UTC."""

    role: Role
    content: str
    timestamp: str


class History(msgspec.Struct):
    """A conversation, its oldest message first."""

    messages: list[Said]


class SessionRoutes:
    """The two routes of this dialect that `/api/chat` lacks."""

    def __init__(self, chats: Chats, clock: Clock) -> None:
        self._chats = chats
        self._clock = clock

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path="/api/sessions",
                handler=self.begin,
                says="Begin a conversation.",
                tag="sessions",
                access=Access.SIGNED_IN,
                replies={
                    200: Reply(says="It has begun.", body={"application/json": Made}),
                },
            ),
            Route(
                method="GET",
                path="/api/sessions/{session}/history",
                handler=self.history,
                says="Read a conversation.",
                tag="sessions",
                access=Access.SIGNED_IN,
                replies={
                    200: Reply(says="What was said.", body={"application/json": History}),
                },
            ),
        ]

    async def begin(self, request: web.Request) -> web.Response:
        """A conversation with a name that nobody can guess."""
        principal, session = caller(request), new_name()
        demand(principal, Scope.CHAT)
        now = int(self._clock.now() * 1000)
        await self._chats.database.write(addresses.ensure, address_of(principal, session), now=now)
        return reply(Made(session))

    async def history(self, request: web.Request) -> web.Response:
        """The conversation; one of another caller is as good as none."""
        principal, session = caller(request), request.match_info["session"]
        demand(principal, Scope.HISTORY)
        found = await self._chats.session_id(principal, session) if is_name(session) else None
        if found is None:
            raise Refused(404, "not_found", "Session not found")
        messages = await self._chats.database.read(
            transcript.recent, found, limit=MOST, characters=LONGEST
        )
        return reply(History([_said(message) for message in messages]))


def _said(message: Message) -> Said:
    moment = datetime.fromtimestamp(message.created_at / 1000, UTC)
    timestamp = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Said(message.role, render(message.parts), timestamp)
