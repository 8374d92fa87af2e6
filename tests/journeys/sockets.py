"""A client of the WebSocket that reads its frames strictly."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from adapters.web.application import application
from adapters.web.chats import Chats
from adapters.web.door.principal import Kind, Principal
from adapters.web.door.verdicts import invalid
from adapters.web.socket.sockets import Sockets
from core.changes import Changes
from core.ports import Clock
from tests.journeys.house import House

Frame = dict[str, Any]


class Client:
    """Sends and reads frames; `seen` are all that came, in their order."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.seen: list[Frame] = []

    async def say(self, kind: str, **frame: Any) -> None:
        await self.ws.send_str(json.dumps({"type": kind, **frame}))

    async def next(self) -> Frame:
        """The next frame, which is text."""
        message = await self.ws.receive(timeout=10)
        assert message.type is WSMsgType.TEXT, message
        self.seen.append(json.loads(message.data))
        return self.seen[-1]

    async def until(self, holds: Callable[[Frame], bool]) -> list[Frame]:
        """Read up to a frame; returns all that came now."""
        before = len(self.seen)
        while not holds(await self.next()):
            pass
        return self.seen[before:]

    async def answer(self, **about: Any) -> list[Frame]:
        """Read up to the end of an answer."""
        return await self.until(
            lambda frame: frame["type"] in {"done", "error"} and about.items() <= frame.items()
        )

    async def closed(self) -> int | None:
        """Read to the socket's end; the code that it was closed with."""
        async with asyncio.timeout(10):
            async for _ in self.ws:
                pass
        return self.ws.close_code


def shown(frames: list[Frame], text: str = "") -> str:
    """What stands on the screen of a client that takes back what is void."""
    for frame in frames:
        if frame["type"] == "stream":
            text = frame["snapshot"] if "snapshot" in frame else text + frame["content"]
    return text


@asynccontextmanager
async def connected(house: House, path: str = "/ws", **options: Any) -> AsyncIterator[Client]:
    async with house.http.ws_connect(path, **options) as ws:
        yield Client(ws)


class Unlimited:
    """Counts nothing."""

    def message(self, principal: Principal, ip: str) -> None:
        pass


class Locked:
    """Lets everybody to the socket, who then has to sign in."""

    @web.middleware
    async def middleware(self, request, handler):
        return await handler(request)

    async def on_response_prepare(self, request, response):
        pass


def chats_of(house: House, clock: Clock) -> Chats:
    gateway = house.gateway
    changes = Changes(
        database=gateway.database, handler=gateway.handler, clock=clock, replica="socket"
    )
    return Chats(
        handler=gateway.handler,
        database=gateway.database,
        changes=changes,
        allowance=Unlimited(),
    )


class Door:
    """Knows tokens: the names of users, each with the time that its token expires."""

    def __init__(self, **expiries: float) -> None:
        self.expiries = expiries
        self.asked: list[tuple[str, str | None]] = []
        self.revoked: set[str] = set()

    async def verify(self, token: str, *, path: str, origin: str | None, ip: str) -> Principal:
        assert path == "/ws"
        assert ip == "127.0.0.1"
        self.asked.append((token, origin))
        if token not in self.expiries or token in self.revoked:
            raise invalid()
        return Principal(kind=Kind.USER, name=token, expires_at=self.expiries[token])


@asynccontextmanager
async def signing_in(house: House, door: Door, clock: Clock) -> AsyncIterator[str]:
    """The URL of a socket for which people have to sign in, to the same conversations."""
    sockets = Sockets(chats_of(house, clock), verify=door.verify, open_mode=False, clock=clock)
    runner = web.AppRunner(
        application(sockets.routes(), Locked()), handler_cancellation=True, shutdown_timeout=0.01
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/ws"
    finally:
        await runner.cleanup()
