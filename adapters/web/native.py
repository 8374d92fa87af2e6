"""`/api/v1`: the gateway's own API. Idempotent sends, resumable events, history, cancel."""

from dataclasses import dataclass

from aiohttp import web

from adapters.web.chats import Chats, Say
from adapters.web.dialects.native import END, Native
from adapters.web.errors import Refused
from adapters.web.principal import caller
from adapters.web.routing import Access, Route
from adapters.web.sse import EventStream
from adapters.web.wire import (
    address_of,
    name_in,
    name_of,
    number,
    read_object,
    reply,
    text_in,
)
from core import outcomes, transcript
from core.errors import NotFound
from core.live import Cursor
from core.text import render
from core.types import Message, Status

PAGE = 100  # messages of history in one response
MOST = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a page may know of this server."""

    name: str
    model: str
    demo: bool


class NativeRoutes:
    """The routes of this dialect."""

    def __init__(self, chats: Chats, about: About) -> None:
        self._chats = chats
        self._handler = chats.handler
        self._database = chats.database
        self._about = about

    def routes(self) -> list[Route]:
        """What to add to the application."""
        session = "/api/v1/sessions/{session}"
        return [
            Route(
                method="GET",
                path="/api/v1/config",
                handler=self.config,
                says="What a page shows before the first message.",
                tag="native",
                access=Access.ANYBODY,
                head=True,
            ),
            Route(
                method="POST",
                path=f"{session}/messages",
                handler=self.send,
                says="Send a message.",
                tag="native",
            ),
            Route(
                method="GET",
                path=f"{session}/messages",
                handler=self.history,
                says="Read the conversation.",
                tag="native",
            ),
            Route(
                method="GET",
                path=f"{session}/events",
                handler=self.events,
                says="Follow the running answer.",
                tag="native",
            ),
            Route(
                method="DELETE",
                path=session,
                handler=self.clear,
                says="Clear a conversation.",
                tag="native",
            ),
            Route(
                method="POST",
                path="/api/v1/runs/{run}/cancel",
                handler=self.cancel,
                says="Stop an answer.",
                tag="native",
            ),
        ]

    async def config(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """What a page shows before the first message."""
        about = self._about
        return reply(
            {"name": about.name, "demo": about.demo, "model": about.model, "greeting": None}
        )

    async def send(self, request: web.Request) -> web.StreamResponse:
        """`{messageId?, text}` → the answer's events, or 202 with `Prefer: respond-async`.

        The same `messageId` again is the same message: its events are sent from the start.
        """
        session = name_of(request)
        body = await read_object(request)
        text, message = text_in(body, "text"), name_in(body, "messageId")
        said = Say(session=session, text=text, ip=request.remote or "", message=message)
        receipt = await self._chats.say(caller(request), said)
        if "respond-async" in request.headers.get("Prefer", ""):
            run = None if receipt.turn_id is None else str(receipt.turn_id)
            return reply({"messageId": message, "sessionId": session, "runId": run}, status=202)
        async with EventStream(request, {"X-Session-Id": session}) as stream:
            await stream.relay(self._chats.updates(receipt), Native(session, message))
        return stream.response

    async def history(self, request: web.Request) -> web.Response:
        """The conversation's newest messages, oldest first; `before` a message's id: older ones."""
        session_id = await self._known(request)
        before, limit = request.query.get("before"), request.query.get("limit", str(PAGE))
        wrong = Refused(
            400,
            "invalid_request",
            f"before and limit must be whole numbers: a message's id, and up to {MOST}.",
        )
        found = await self._database.read(
            transcript.conversation,
            session_id,
            before=None if before is None else number(before, wrong),
            limit=max(1, min(number(limit, wrong), MOST)),
        )
        running = await self._database.read(outcomes.open_turn, session_id)
        return reply(
            {
                "messages": [_shown(message, status) for message, status in found],
                "running": None if running is None else str(running),
            }
        )

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Follow the running answer; with `Last-Event-ID` (or `after`), go on from there.

        204 when there is nothing to follow: no answer runs, and all of the last one was seen.
        """
        session_id = await self._known(request)
        mark = request.headers.get("Last-Event-ID") or request.query.get("after")
        turn_id, cursor = await self._resume(session_id, mark)
        if turn_id is None:
            return web.Response(status=204)
        session = name_of(request)
        async with EventStream(request, {"X-Session-Id": session}) as stream:
            updates = self._handler.follow(turn_id, cursor)
            await stream.relay(updates, Native(session, None))
        return stream.response

    async def clear(self, request: web.Request) -> web.Response:
        """Let the conversation start afresh."""
        if not await self._handler.reset(address_of(caller(request), name_of(request))):
            raise _missing("session")
        return web.Response(status=204)

    async def cancel(self, request: web.Request) -> web.Response:
        """Stop an answer where it is; what was said so far is kept. Idempotent."""
        turn_id = number(request.match_info["run"], _missing("run"))
        try:
            place = await self._database.read(outcomes.place, turn_id)
        except NotFound:
            raise _missing("run") from None
        if place.address != address_of(caller(request), place.address.conversation):
            raise _missing("run")
        if not place.closed:
            await self._handler.stop(turn_id)
        return reply({"runId": str(turn_id), "running": not place.closed}, status=202)

    async def _known(self, request: web.Request) -> int:
        session_id = await self._chats.session_id(caller(request), name_of(request))
        if session_id is None:
            raise _missing("session")
        return session_id

    async def _resume(self, session_id: int, mark: str | None) -> tuple[int | None, Cursor | None]:
        """The turn to follow, and from where."""
        running = await self._database.read(outcomes.open_turn, session_id)
        if mark is None:
            return running, None
        turn_id, cursor = _parse(mark)
        place = await self._database.read(outcomes.place, turn_id)
        if place.session_id != session_id:
            raise _missing("run")
        if cursor is None:  # the client knows how that one ended
            return (running, None) if running != turn_id else (None, None)
        return turn_id, cursor


def _parse(mark: str) -> tuple[int, Cursor | None]:
    """An event id as turn and cursor; no cursor when it was the turn's last event."""
    fields = mark.strip().split(".")
    if len(fields) != 3:
        raise _bad_mark()
    turn_id, attempt = number(fields[0], _bad_mark()), number(fields[1], _bad_mark())
    if fields[2] == END:
        return turn_id, None
    return turn_id, Cursor(attempt=attempt, position=number(fields[2], _bad_mark()))


def _shown(message: Message, status: Status | None) -> dict[str, object]:
    return {
        "id": str(message.id),
        "role": message.role,
        "text": render(message.parts),
        "createdAt": message.created_at,
        "runId": None if message.turn_id is None else str(message.turn_id),
        "status": "waiting" if status is None else status,
    }


def _missing(what: str) -> Refused:
    return Refused(404, "not_found", f"There is no such {what}.")


def _bad_mark() -> Refused:
    message = "Last-Event-ID must be an id that this server sent with an event."
    return Refused(400, "invalid_request", message)
