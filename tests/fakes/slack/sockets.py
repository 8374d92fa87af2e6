"""Socket Mode: the WebSockets that payloads are delivered on."""

import asyncio
import json
from itertools import count
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack

WITH_RESPONSE = frozenset({"slash_commands", "interactive"})


class Sockets:
    """The connections that are open, oldest first, and what came back on them.

    `acks` are the payloads of acknowledged envelopes by envelope id, None where there was none;
    `sent` are the envelopes. Each is sent on one connection, in turns.
    """

    def __init__(self, fake: "FakeSlack") -> None:
        self.acks: dict[str, dict[str, Any] | None] = {}
        self.sent: dict[str, dict[str, Any]] = {}
        self.open: list[web.WebSocketResponse] = []
        self.opened = 0  # so far
        self._fake = fake
        self._transports: dict[web.WebSocketResponse, asyncio.Transport] = {}
        self._tickets: set[str] = set()
        self._turn = count()
        self._changed = asyncio.Condition()

    def issue(self) -> str:
        ticket = self._fake.number("ticket")
        self._tickets.add(ticket)
        return f"{self._fake.host.replace('http', 'ws', 1)}/link?ticket={ticket}"

    async def connected(self, number: int = 1) -> None:
        """Wait until so many connections are open at once."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.open) >= number)

    async def came(self, number: int) -> None:
        """Wait until so many connections have been opened so far."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.opened >= number)

    async def send(
        self, kind: str, payload: dict[str, Any], *, retry: int = 0, envelope: str | None = None
    ) -> str:
        """Deliver a payload as soon as somebody is there; the envelope's id.

        `envelope`: an id that was used before, for the same thing again.
        """
        await self.connected()
        id_ = envelope or self._fake.number("envelope-")
        body: dict[str, Any] = {"envelope_id": id_, "type": kind, "payload": payload}
        body["accepts_response_payload"] = kind in WITH_RESPONSE
        if kind == "events_api":
            reason = "timeout" if retry else ""
            body |= {"retry_attempt": retry, "retry_reason": reason}
        self.sent[id_] = body
        await self.open[next(self._turn) % len(self.open)].send_str(json.dumps(body))
        return id_

    async def acked(self, envelope: str) -> dict[str, Any] | None:
        """Wait until an envelope is acknowledged; the payload that came with it."""
        async with self._changed:
            await self._changed.wait_for(lambda: envelope in self.acks)
        return self.acks[envelope]

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell every client to come back on a new connection."""
        body = {"type": "disconnect", "reason": reason, "debug_info": {"host": "fake"}}
        for socket in list(self.open):
            await socket.send_str(json.dumps(body))

    def drop(self) -> None:
        """Break all connections off, without a word."""
        for transport in self._transports.values():
            transport.abort()

    async def stop(self) -> None:
        for socket in list(self.open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One connection, until it ends."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.remove(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if request.transport:
            self._transports[socket] = request.transport
        try:
            await self._enter(socket)
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await self._hear(json.loads(message.data))
        finally:
            self._leave(socket)
        return socket

    async def _enter(self, socket: web.WebSocketResponse) -> None:
        number = len(self.open) + 1
        info = {"host": "fake", "approximate_connection_time": 18_060}
        app = {"app_id": next(iter(self._fake.workspaces.values())).app_id}
        hello = {"type": "hello", "num_connections": number, "debug_info": info}
        await socket.send_str(json.dumps(hello | {"connection_info": app}))
        async with self._changed:
            self.open.append(socket)
            self.opened += 1
            self._changed.notify_all()

    def _leave(self, socket: web.WebSocketResponse) -> None:
        self._transports.pop(socket, None)
        if socket in self.open:
            self.open.remove(socket)

    async def _hear(self, said: dict[str, Any]) -> None:
        id_, payload = said["envelope_id"], said.get("payload")
        sent = self.sent.get(id_, {})
        if sent.get("type") == "slash_commands":
            self._fake.responses.acknowledge(sent["payload"].get("response_url", ""), payload)
        async with self._changed:
            self.acks[id_] = payload
            self._changed.notify_all()
