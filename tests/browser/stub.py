"""The web API as the chat page knows it: scripted answers, and a record of what was asked."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

PAGE = Path(__file__).parents[2] / "adapters" / "web" / "page"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
CREATED_AT = 1_700_000_000_000


@dataclass(frozen=True)
class Cut:
    """Break every connection that follows the answer; the answer itself goes on."""


@dataclass(frozen=True)
class Snapshot:
    """Replace all that was said."""

    text: str


@dataclass(frozen=True)
class Fail:
    """End the answer with an error."""

    message: str
    retryable: bool = True


@dataclass(frozen=True)
class Refuse:
    """Answer a POST with an error instead of a stream."""

    status: int
    message: str


Gate = asyncio.Event
Step = str | Gate | Cut | Snapshot | Fail


@dataclass
class Run:
    """One answer: all its events from the first, and who is reading them."""

    id: str
    sid: str
    message_id: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    viewers: set[asyncio.Transport] = field(default_factory=set)
    text: str = ""
    over: bool = False
    task: asyncio.Task[None] | None = None

    async def say(self, event: str, **data: Any) -> None:
        self.over = event in {"run.completed", "run.cancelled", "run.failed"}
        self.events.append((event, data))
        async with self.changed:
            self.changed.notify_all()

    async def event(self, number: int) -> tuple[str, dict[str, Any]]:
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.events) > number)
        return self.events[number]


class Stub:
    """A gateway whose answers are scripts; each POST that is new to it takes the next one."""

    def __init__(self) -> None:
        self.answers: deque[Sequence[Step]] = deque()
        self.config = {"name": "Gateway", "demo": False, "model": "claude", "greeting": None}
        self.sessions: dict[str, list[dict[str, Any]]] = {}
        self.runs: dict[str, Run] = {}
        self.posts: list[dict[str, str]] = []
        self.resumed: list[str | None] = []
        self.cancelled: list[str] = []
        self.lost: deque[str] = deque()  # "before": a POST is not seen; "after": its reply is not
        self.refusals: deque[Refuse] = deque()

    def app(self) -> web.Application:
        app = web.Application()
        session = "/api/v1/sessions/{sid}"
        app.add_routes(
            [
                web.get("/", self._file("index.html")),
                web.get("/page.css", self._file("page.css")),
                web.get("/page.js", self._file("page.js")),
                web.get("/markdown.js", self._file("markdown.js")),
                web.get("/nodes.js", self._file("nodes.js")),
                web.get("/caller.js", self._file("caller.js")),
                web.get("/store.js", self._file("store.js")),
                web.get("/api/v1/config", self._config),
                web.get(f"{session}/messages", self._history),
                web.post(f"{session}/messages", self._ask),
                web.get(f"{session}/events", self._follow),
                web.post("/api/v1/runs/{run}/cancel", self._cancel),
            ],
        )
        app.on_response_prepare.append(close_after)
        return app

    async def close(self) -> None:
        for run in self.runs.values():
            if run.task:
                run.task.cancel()
                await asyncio.wait([run.task])

    def _file(self, name: str):
        async def serve(_: web.Request) -> web.FileResponse:
            headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-store"}
            return web.FileResponse(PAGE / name, headers=headers)

        return serve

    async def _config(self, _: web.Request) -> web.Response:
        return web.json_response(self.config)

    async def _history(self, request: web.Request) -> web.Response:
        sid = request.match_info["sid"]
        if sid not in self.sessions:
            return refusal(Refuse(404, "Session not found"))
        running = next((r.id for r in self.runs.values() if r.sid == sid and not r.over), None)
        return web.json_response({"messages": self.sessions[sid], "running": running})

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        sid = request.match_info["sid"]
        body = msgspec.json.decode(await request.read(), type=dict[str, str])
        self.posts.append(body)
        lost = self.lost.popleft() if self.lost else None
        if lost == "before":
            return self._hang_up(request)
        if self.refusals:
            return refusal(self.refusals.popleft())
        run = next((r for r in self.runs.values() if r.message_id == body["messageId"]), None)
        run = run or self._start(sid, body)
        return self._hang_up(request) if lost else await self._stream(request, run, 0)

    def _hang_up(self, request: web.Request) -> web.Response:
        request.transport.abort()
        return web.Response()

    def _start(self, sid: str, body: dict[str, str]) -> Run:
        run = Run(id=str(len(self.runs) + 11), sid=sid, message_id=body["messageId"])
        self.runs[run.id] = run
        self.sessions.setdefault(sid, []).append(message("user", body["text"], run))
        run.task = asyncio.create_task(self._answer(run, self.answers.popleft()))
        return run

    async def _answer(self, run: Run, script: Sequence[Step]) -> None:
        await run.say("run.started", runId=run.id, sessionId=run.sid, messageId=run.message_id)
        for step in script:
            if isinstance(step, Gate):
                await step.wait()
            elif isinstance(step, Cut):
                for viewer in run.viewers:
                    viewer.abort()
            elif isinstance(step, Snapshot):
                run.text = step.text
                await run.say("snapshot", text=step.text)
            elif isinstance(step, Fail):
                await run.say(
                    "run.failed",
                    runId=run.id,
                    code="unavailable",
                    message=step.message,
                    retryable=step.retryable,
                )
                return
            else:
                run.text += step
                await run.say("delta", text=step)
        await self._end(run, "run.completed", stopReason="end_turn", model="claude")

    async def _end(self, run: Run, event: str, **data: Any) -> None:
        kept = message("assistant", run.text, run) if run.text else None
        if kept:
            self.sessions[run.sid].append(kept)
        await run.say(event, runId=run.id, message=kept, **data)

    async def _follow(self, request: web.Request) -> web.StreamResponse:
        sid = request.match_info["sid"]
        last = request.headers.get("Last-Event-ID")
        self.resumed.append(last)
        if sid not in self.sessions:
            return refusal(Refuse(404, "Session not found"))
        run = [run for run in self.runs.values() if run.sid == sid][-1]
        if last is None and run.over:
            return web.Response(status=204)
        return await self._stream(request, run, int(last.split(".")[2]) if last else 0)

    async def _stream(self, request: web.Request, run: Run, at: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        run.viewers.add(request.transport)
        with suppress(ConnectionError):
            await response.write(b": ok\n")
            while not (run.over and at == len(run.events)):
                event, data = await run.event(at)
                at += 1
                line = msgspec.json.encode(data).decode()
                block = f"id: {run.id}.1.{at}\nevent: {event}\ndata: {line}\n\n: ping\n"
                await response.write(block.encode())
        run.viewers.discard(request.transport)
        return response

    async def _cancel(self, request: web.Request) -> web.Response:
        run = self.runs[request.match_info["run"]]
        self.cancelled.append(run.id)
        run.task.cancel()
        await self._end(run, "run.cancelled")
        return web.json_response({}, status=202)


async def close_after(_: web.Request, response: web.StreamResponse) -> None:
    """Take each request on a connection of its own.

    On a connection that was used before, browsers repeat a lost POST by themselves.
    """
    response.force_close()


def message(role: str, text: str, run: Run) -> dict[str, Any]:
    return {
        "id": f"{role}-{run.id}",
        "role": role,
        "text": text,
        "createdAt": CREATED_AT,
        "runId": run.id,
    }


def refusal(refuse: Refuse) -> web.Response:
    body = {"error": {"code": "refused", "message": refuse.message}}
    return web.json_response(body, status=refuse.status)
