"""Frames of the AI SDK, which have a `requestId`: `send`, `resume`, `abort`. Many at a time."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import msgspec

from adapters.web.chats import Chats
from adapters.web.dialects.frames import ChunkFrames, StartFrame
from adapters.web.door.principal import Principal, Scope, demand
from adapters.web.errors import Refused
from adapters.web.socket.outbox import Outbox
from adapters.web.socket.streams import Streams, relay
from adapters.web.ui.messages import asked_in
from adapters.web.ui.turns import UiTurns
from adapters.web.wire import encode, name_in
from core import outcomes
from core.live import Update
from core.ports import Clock

GRACE = 1.0  # seconds in which an answer that was let go can be taken up again
LONGEST = 2**53 - 1


class NoActiveFrame(msgspec.Struct, tag_field="type", tag="no-active", rename="camel"):
    """There is nothing to resume."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """An answer that is followed: whose it is, as what, and how far it is."""

    key: tuple[str, str]  # account, session
    encoder: ChunkFrames
    task: asyncio.Task[None]
    resumed: bool


class Theirs:
    """Does what these frames ask for, on one socket."""

    def __init__(
        self, chats: Chats, *, outbox: Outbox, streams: Streams, clock: Clock, ip: str
    ) -> None:
        self._chats = chats
        self._turns = UiTurns(chats)
        self._outbox = outbox
        self._streams = streams
        self._clock = clock
        self._ip = ip
        self._requests: dict[str, Request] = {}

    async def obey(self, principal: Principal, frame: dict[str, Any]) -> None:
        """Do it. Raises `Refused`, `NotFound`, `Transient` and `ReaderLeft`."""
        if frame["requestId"] in self._requests:
            raise Refused(400, "invalid_request", "This requestId is in use; make up another.")
        self._streams.check(frame["requestId"])
        match frame["type"]:
            case "send":
                await self._send(principal, frame)
            case "resume":
                await self._resume(principal, frame)

    async def abort(self, request_id: str) -> None:
        """Let an answer go, and stop it, since only a person's wish ends one this way.

        One that was resumed is stopped a little later: a client that resumes once more lets the
        earlier go first, and wants the answer all the same. One that is lost is not stopped.
        """
        request = self._requests.get(request_id)
        if request is None:
            return
        request.task.cancel()
        if request.resumed:
            self._streams.spawn(self._stop_unless_followed(request))
        else:
            await self._stop(request)

    async def _send(self, principal: Principal, frame: dict[str, Any]) -> None:
        """`{id, messages, trigger, messageId?}` → `start`, `chunk`…, `end`."""
        asked = asked_in(frame)
        receipt = await self._turns.ask(principal, asked, self._ip)
        encoder = ChunkFrames(frame["requestId"], asked.session)
        updates = self._chats.updates(receipt)
        key = (principal.account, asked.session)
        await self._follow(frame["requestId"], key, encoder, updates, resumed=False)

    async def _resume(self, principal: Principal, frame: dict[str, Any]) -> None:
        """`{id, lastSequence?}` → the running answer from its start, or `no-active`."""
        session, after = name_in(frame, "id"), _sequence_in(frame)
        demand(principal, Scope.CHAT)
        running = await self._running(principal, session)
        if running is None:
            await self._outbox.send(encode(NoActiveFrame(frame["requestId"])))
            return
        encoder = ChunkFrames(frame["requestId"], session, after=after)
        updates = self._chats.handler.follow(running)
        key = (principal.account, session)
        await self._follow(frame["requestId"], key, encoder, updates, resumed=True)

    async def _running(self, principal: Principal, session: str) -> int | None:
        session_id = await self._chats.session_id(principal, session)
        if session_id is None:
            return None
        return await self._chats.database.read(outcomes.open_turn, session_id)

    async def _follow(
        self,
        request_id: str,
        key: tuple[str, str],
        encoder: ChunkFrames,
        updates: AsyncGenerator[Update, None],
        *,
        resumed: bool,
    ) -> None:
        await self._outbox.send(encode(StartFrame(request_id)))
        task = self._streams.begin(request_id, lambda _: relay(updates, encoder, self._outbox))
        request = Request(key=key, encoder=encoder, task=task, resumed=resumed)
        self._requests[request_id] = request
        task.add_done_callback(lambda _: self._requests.pop(request_id))

    async def _stop_unless_followed(self, request: Request) -> None:
        await self._clock.sleep(GRACE)
        if all(each.key != request.key for each in self._requests.values()):
            await self._stop(request)

    async def _stop(self, request: Request) -> None:
        # A message that waits for its turn has none that could be stopped.
        if request.encoder.turn is not None:
            await self._chats.handler.stop(request.encoder.turn)


def _sequence_in(frame: dict[str, Any]) -> int | None:
    value = frame.get("lastSequence")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LONGEST:
        message = "lastSequence must be the sequence of the last chunk that came, or left out."
        raise Refused(400, "invalid_request", message, param="lastSequence")
    return value
