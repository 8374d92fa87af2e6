"""Another door to a house: one where a token is simply the caller's name."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from adapters.web.application import application
from adapters.web.chats import Chats
from adapters.web.door.principal import PUBLIC, Kind, Principal, Scope, present
from adapters.web.plain.chat import ChatRoutes
from adapters.web.plain.histories import HistoryRoutes
from adapters.web.plain.sessions import SessionRoutes
from adapters.web.plain.simple import SimpleRoutes
from adapters.web.routing import Route
from adapters.web.ui.routes import UiRoutes
from core.changes import Changes
from core.clock import SystemClock
from tests.journeys.house import PATIENCE, House

CALLERS = {
    "": PUBLIC,
    "ada": Principal(kind=Kind.USER, name="ada"),
    "bob": Principal(kind=Kind.USER, name="bob"),
    "reader": Principal(kind=Kind.USER, name="ada", scopes=frozenset({Scope.HISTORY})),
    "writer": Principal(kind=Kind.USER, name="ada", scopes=frozenset({Scope.CHAT})),
    "admin": Principal(kind=Kind.SERVICE, name="admin", scopes=frozenset(Scope)),
}


class NameGate:
    """Everybody is who they say."""

    @web.middleware
    async def middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        present(request, CALLERS[request.headers.get("Authorization", "")[len("Bearer ") :]])
        return await handler(request)

    async def on_response_prepare(self, request: web.Request, response: Any) -> None:
        """Nothing to add."""

    def message(self, principal: Principal, ip: str) -> None:
        """As many as they like."""

    def act(self, principal: Principal, ip: str) -> None:
        """As much as they like."""


class Door:
    """A client of it."""

    def __init__(self, house: House, http: aiohttp.ClientSession, server: web.Server) -> None:
        self.house = house
        self.http = http
        self.server = server

    async def ask(
        self, method: str, path: str, body: Any = None, *, by: str = "", **headers: str
    ) -> tuple[int, Any]:
        """Status and JSON of a response."""
        if by:
            headers["Authorization"] = f"Bearer {by}"
        async with self.http.request(method, path, json=body, headers=headers) as response:
            return response.status, await response.json()


def plain(chats: Chats) -> list[Route]:
    """The plain dialects."""
    return [
        *ChatRoutes(chats, UiRoutes(chats)).routes(),
        *SimpleRoutes(chats).routes(),
        *HistoryRoutes(chats).routes(),
        *SessionRoutes(chats, SystemClock()).routes(),
    ]


@asynccontextmanager
async def door(house: House, routes: Callable[[Chats], list[Route]] = plain) -> AsyncIterator[Door]:
    """Serve routes on a house's own engine."""
    gate, clock = NameGate(), SystemClock()
    handler, database = house.gateway.handler, house.gateway.database
    changes = Changes(database=database, handler=handler, clock=clock, replica="door")
    chats = Chats(handler=handler, database=database, changes=changes, allowance=gate)
    app = application(routes(chats), gate)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.02)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession(base, timeout=PATIENCE) as http:
            yield Door(house, http, runner.server)
    finally:
        await runner.cleanup()
