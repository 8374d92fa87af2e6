"""Frames that name a session: `chat`, `resume`, `cancel`. One answer of a session at a time."""

from typing import Any

import msgspec

from adapters.web.chats import Chats, Say
from adapters.web.dialects.frames import Frames
from adapters.web.door.principal import Principal, Scope, demand
from adapters.web.errors import Refused
from adapters.web.marks import read_mark
from adapters.web.socket.outbox import Outbox
from adapters.web.socket.streams import Lane, Streams, relay
from adapters.web.wire import NAME_RULE, encode, is_name, is_ours, name_in, name_in_key, text_in
from core import outcomes, transcript
from core.errors import NotFound
from core.live import Cursor
from core.types import Receipt


class CancelledFrame(msgspec.Struct, tag_field="type", tag="cancelled", rename="camel"):
    """The answer that was `running` ends where it is."""

    session_id: str
    running: bool


class IdleFrame(msgspec.Struct, tag_field="type", tag="no-active", rename="camel"):
    """There is nothing to resume: no answer runs, and all of the last one was told."""

    session_id: str


class Ours:
    """Does what these frames ask for, on one socket."""

    def __init__(self, chats: Chats, *, outbox: Outbox, streams: Streams, ip: str) -> None:
        self._chats = chats
        self._outbox = outbox
        self._streams = streams
        self._ip = ip

    async def obey(self, principal: Principal, frame: dict[str, Any]) -> None:
        """Do it. Raises `Refused`, `NotFound`, `Transient` and `ReaderLeft`."""
        match frame["type"]:
            case "chat":
                await self._chat(principal, frame)
            case "resume":
                await self._resume(principal, frame)
            case "cancel":
                await self._cancel(principal, frame)

    async def _chat(self, principal: Principal, frame: dict[str, Any]) -> None:
        """`{message, sessionId?, messageId?}` → `stream`…, then `done` or `error`.

        The message is stored before the next frame is looked at, so that they keep their order.
        """
        text, session = text_in(frame, "message"), name_in(frame, "sessionId")
        message, key = name_in(frame, "messageId"), (principal.account, session)
        self._streams.check(key)
        said = Say(session=session, text=text, ip=self._ip, message=message)
        receipt = await self._chats.say(principal, said)
        self._streams.begin(key, lambda lane: self._answer(lane, session, message, receipt))

    async def _answer(self, lane: Lane, session: str, message: str, receipt: Receipt) -> None:
        encoder = Frames(session, message, shown=lane.shown)
        await relay(self._chats.updates(receipt), encoder, self._outbox)
        lane.shown = encoder.told or lane.shown

    async def _resume(self, principal: Principal, frame: dict[str, Any]) -> None:
        """`{sessionId, after?}` → what follows the frame whose `seq` was `after`.

        Without it, the running answer from its start. `no-active` when there is nothing to tell.
        """
        session, after = _session_in(frame), _mark_in(frame)
        demand(principal, Scope.CHAT)
        key = (principal.account, session)
        self._streams.check(key)
        turn_id, cursor = await self._from(principal, session, after)
        if turn_id is None:
            await self._outbox.send(encode(IdleFrame(session)))
            return
        updates = self._chats.handler.follow(turn_id, cursor)
        keys = await self._chats.database.read(transcript.asked, turn_id)
        begun = cursor is not None and cursor.position > 0
        message = name_in_key(keys[-1]) if keys and is_ours(keys[-1]) else None
        encoder = Frames(session, message, resumed=True, begun=begun)
        self._streams.begin(key, lambda _: relay(updates, encoder, self._outbox))

    async def _from(
        self, principal: Principal, session: str, after: str | None
    ) -> tuple[int | None, Cursor | None]:
        """The turn to follow, and from where."""
        session_id = await self._chats.session_id(principal, session)
        if session_id is None:
            return None, None
        running = await self._chats.database.read(outcomes.open_turn, session_id)
        if after is None:
            return running, None
        turn_id, cursor = read_mark(after, _bad_mark())
        try:
            place = await self._chats.database.read(outcomes.place, turn_id)
        except NotFound:
            raise _bad_mark() from None
        if place.session_id != session_id:
            raise _bad_mark()
        if cursor is None:  # the client knows how that one ended
            return (running if running != turn_id else None), None
        return turn_id, cursor

    async def _cancel(self, principal: Principal, frame: dict[str, Any]) -> None:
        """`{sessionId}` → `cancelled`; what was said so far is kept."""
        session = _session_in(frame)
        demand(principal, Scope.CHAT)
        stopped = await self._chats.stop(principal, session)
        await self._outbox.send(encode(CancelledFrame(session, stopped is not None)))


def _session_in(frame: dict[str, Any]) -> str:
    session = frame.get("sessionId")
    if not isinstance(session, str) or not is_name(session):
        raise Refused(400, "invalid_request", f"sessionId must be {NAME_RULE}.", param="sessionId")
    return session


def _mark_in(frame: dict[str, Any]) -> str | None:
    after = frame.get("after")
    if after is not None and not isinstance(after, str):
        raise _bad_mark()
    return after


def _bad_mark() -> Refused:
    message = "after must be the seq of a frame that this server sent for the session."
    return Refused(400, "invalid_request", message, param="after")
