"""`/api/v1`: the gateway's own API. Idempotent sends, resumable events, answers anew, cancel."""

from aiohttp import web

from adapters.web.chats import Chats, Say
from adapters.web.dialects.native import Native
from adapters.web.door.peers import address
from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.marks import read_mark
from adapters.web.native import types
from adapters.web.native.file_types import MOST
from adapters.web.routing import Query, Reply, Route
from adapters.web.sse import EventStream
from adapters.web.wire import (
    address_of,
    fit,
    is_ours,
    language_in,
    name_in,
    name_in_key,
    name_of,
    names_in,
    number,
    read_object,
    reply,
    text_in,
)
from core import outcomes, transcript
from core.errors import NotFound
from core.live import Cursor
from core.types import Receipt

TAG = "native"
SESSION = "/api/v1/sessions/{session}"
PREFER = Query(name="Prefer", says="`respond-async`: 202 at once, and do not wait.", place="header")
MARK = Query(name="Last-Event-ID", says="The last event that was read.", place="header")
AFTER = Query(name="after", says="The same, for clients that can't set a header.")
EVENTS = Reply(
    says="The answer's events, as they come.",
    body={"text/event-stream": types.RunEvent},
    headers={"X-Session-Id": "The conversation."},
)
NOT_THERE = Reply(says="A file was not uploaded, or was sent or deleted since.")
USED = Reply(says="That `messageId` stands for another message.")
LEFT = Reply(says="It will be answered.", body={"application/json": types.Left})


class NativeRoutes:
    """Messages and their answers."""

    def __init__(self, chats: Chats) -> None:
        self._chats = chats
        self._handler = chats.handler
        self._database = chats.database

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="POST",
                path=f"{SESSION}/messages",
                handler=self.send,
                says="Send a message.",
                tag=TAG,
                body=types.Send | types.SendFiles,
                replies={200: EVENTS, 202: LEFT, 404: NOT_THERE, 409: USED},
                query=(PREFER,),
            ),
            Route(
                method="POST",
                path=f"{SESSION}/regenerate",
                handler=self.regenerate,
                says="Have an answer anew; it replaces that one and all after it.",
                tag=TAG,
                body=types.Regenerate,
                replies={
                    200: EVENTS,
                    202: LEFT,
                    409: Reply(says="Nothing was said here yet that could be answered anew."),
                },
                query=(PREFER,),
            ),
            Route(
                method="GET",
                path=f"{SESSION}/events",
                handler=self.events,
                says="Follow the running answer, from its begin or from the last event read.",
                tag=TAG,
                replies={200: EVENTS, 204: Reply(says="There is nothing more to follow.")},
                query=(MARK, AFTER),
            ),
            Route(
                method="POST",
                path="/api/v1/runs/{run}/cancel",
                handler=self.cancel,
                says="Stop an answer; what was said so far is kept.",
                tag=TAG,
                replies={
                    202: Reply(says="It ends.", body={"application/json": types.Stopping}),
                },
            ),
        ]

    async def send(self, request: web.Request) -> web.StreamResponse:
        """`{messageId?, text, files?, language?}` → the answer's events.

        With `Prefer: respond-async` 202 at once.
        The same `messageId` again is the same message: its events are sent from the start.
        """
        session = name_of(request)
        body = await read_object(request)
        files = names_in(body, "files", most=MOST)
        text, message = text_in(body, "text", needed=not files), name_in(body, "messageId")
        said = Say(
            session=session,
            text=text,
            ip=address(request),
            message=message,
            files=files,
            language=language_in(body),
        )
        receipt = await self._chats.say(caller(request), said)
        return await self._answer(request, receipt, message)

    async def regenerate(self, request: web.Request) -> web.StreamResponse:
        """`{runId?}` → the new answer's events. The same `runId` again joins its replacement."""
        principal = caller(request)
        demand(principal, Scope.CHAT)
        run = fit(await read_object(request), types.Regenerate).run_id
        session_id = await self._known(request)
        turn_id = await self._turn(session_id, run)
        try:
            receipt = await self._chats.again(
                principal, session_id, turn_id, None, address(request)
            )
        except NotFound:
            raise (nothing() if run is None else missing("run")) from None
        return await self._answer(request, receipt, None)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Follow the running answer; with `Last-Event-ID` (or `after`), go on from there.

        204 when there is nothing to follow: no answer runs, and all of the last one was seen.
        """
        demand(caller(request), Scope.HISTORY)
        session_id = await self._known(request)
        mark = request.headers.get("Last-Event-ID") or request.query.get("after")
        turn_id, cursor = await self._resume(session_id, mark)
        if turn_id is None:
            return web.Response(status=204)
        native = Native(name_of(request), None, await self._asked(turn_id))
        async with EventStream(request, {"X-Session-Id": name_of(request)}) as stream:
            await stream.relay(self._handler.follow(turn_id, cursor), native)
        return stream.response

    async def cancel(self, request: web.Request) -> web.Response:
        """Stop an answer where it is; what was said so far is kept. Idempotent."""
        demand(caller(request), Scope.CHAT)
        turn_id = number(request.match_info["run"], missing("run"))
        try:
            place = await self._database.read(outcomes.place, turn_id)
        except NotFound:
            raise missing("run") from None
        if place.address != address_of(caller(request), place.address.conversation):
            raise missing("run")
        if not place.closed:
            await self._handler.stop(turn_id)
        return reply(types.Stopping(str(turn_id), not place.closed), status=202)

    async def _answer(
        self, request: web.Request, receipt: Receipt, message: str | None
    ) -> web.StreamResponse:
        session = name_of(request)
        if "respond-async" in request.headers.get("Prefer", ""):
            run = None if receipt.turn_id is None else str(receipt.turn_id)
            return reply(types.Left(message, session, run), status=202)
        anew = message is None and receipt.turn_id is not None
        names = await self._asked(receipt.turn_id or 0) if anew else None
        async with EventStream(request, {"X-Session-Id": session}) as stream:
            await stream.relay(self._chats.updates(receipt), Native(session, message, names))
        return stream.response

    async def _known(self, request: web.Request) -> int:
        session_id = await self._chats.session_id(caller(request), name_of(request))
        if session_id is None:
            raise missing("session")
        return session_id

    async def _asked(self, turn_id: int) -> list[str]:
        keys = await self._database.read(transcript.asked, turn_id)
        return [name_in_key(key) for key in keys if is_ours(key)]

    async def _turn(self, session_id: int, run: str | None) -> int:
        """The turn that a run's id names, or the session's last one."""
        if run is not None:
            return number(run, missing("run"))
        last = await self._database.read(outcomes.last_turn, session_id)
        if last is None:
            raise nothing()
        return last

    async def _resume(self, session_id: int, mark: str | None) -> tuple[int | None, Cursor | None]:
        """The turn to follow, and from where."""
        running = await self._database.read(outcomes.open_turn, session_id)
        if mark is None:
            return running, None
        turn_id, cursor = read_mark(mark, _bad_mark())
        try:
            place = await self._database.read(outcomes.place, turn_id)
        except NotFound:
            raise missing("run") from None
        if place.session_id != session_id:
            raise missing("run")
        if cursor is None:  # the client knows how that one ended
            return (running, None) if running != turn_id else (None, None)
        return turn_id, cursor


def missing(what: str) -> Refused:
    """Somebody else's, or nobody's: all the same."""
    return Refused(404, "not_found", f"There is no such {what}.")


def nothing() -> Refused:
    """There is no answer that could be had anew."""
    says = "Nothing was said here yet that could be answered anew; send a message first."
    return Refused(409, "nothing_to_regenerate", says)


def _bad_mark() -> Refused:
    message = "Last-Event-ID must be an id that this server sent with an event."
    return Refused(400, "invalid_request", message)
