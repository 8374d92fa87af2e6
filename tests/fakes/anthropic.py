"""A fake of Anthropic's Messages API on a loopback port.

    async with FakeAnthropic() as fake:
        fake.script(Answer("hi"), Status(429, retry_after=0), Cut(after=3))
        ...  # ask fake.url; fake.requests has what was asked

Requests that the API would refuse are refused and take nothing from the script. When the
script is used up, `fake.default` answers: "You said: " and the newest user message.

Run as a program, it is scripted and questioned over HTTP:

    python -m tests.fakes.anthropic --port 8123 --gap 0.01 --first 0.2
    POST /script    [{"do": "Status", "status": 429, "retry_after": 1}, {"do": "Cut", "after": 3}]
    GET  /requests  [{"id": …, "at": …, "said": …, "outcome": …, "body": …, …}, …]
"""

import argparse
import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

from tests.fakes.anthropic_answers import (
    Answer,
    BadLine,
    Behaviour,
    Cut,
    Eof,
    ErrorEvent,
    Stall,
    Status,
)
from tests.fakes.anthropic_rules import count, refusal, text_of
from tests.fakes.anthropic_wire import Call, Hold, words

__all__ = [
    "Answer",
    "BadLine",
    "Behaviour",
    "Cut",
    "Eof",
    "ErrorEvent",
    "FakeAnthropic",
    "Hold",
    "Request",
    "Stall",
    "Status",
    "words",
]

BEHAVIOURS: dict[str, Any] = {
    kind.__name__: kind for kind in (Answer, BadLine, Cut, Eof, ErrorEvent, Stall, Status)
}


@dataclass(kw_only=True, slots=True)
class Request:
    """A request as it came, and what became of it.

    `ended` is set when the fake is done with it; `outcome` then is "answered", "refused", or
    "abandoned" if the client went away first. `beside` counts the other calls of the same
    conversation that were running when it came.
    """

    id: str
    at: float  # seconds of the event loop's clock
    headers: Mapping[str, str]
    body: dict[str, Any]
    conversation: str = ""
    beside: int = 0
    outcome: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def said(self) -> str:
        """The newest message's words."""
        return text_of(self.body["messages"][-1]["content"])

    @property
    def system(self) -> str:
        return text_of(self.body.get("system"))

    @property
    def history(self) -> list[tuple[str, str]]:
        """Role and words of every message, whichever form its content has."""
        return [(each["role"], text_of(each["content"])) for each in self.body["messages"]]

    @property
    def tokens(self) -> int:
        """The input's tokens, as the fake counts them."""
        return 1 + (len(self.system) + sum(len(text) for _, text in self.history)) // 4

    @property
    def breakpoints(self) -> int:
        """How many blocks carry a cache_control."""
        return count(self.body)


def first_words(body: Mapping[str, Any]) -> str:
    """What tells conversations apart by default: how they began."""
    return text_of(body["messages"][0]["content"])


class FakeAnthropic:
    """The server. `keys` are the keys it takes (None: any), `refuses` fields it doesn't know."""

    def __init__(
        self,
        *,
        default: Behaviour | None = None,
        keys: Collection[str] | None = None,
        refuses: Collection[str] = (),
        conversation: Callable[[Mapping[str, Any]], str] = first_words,
    ) -> None:
        self.default = default or Answer()
        self.keys = keys
        self.refuses = refuses
        self.requests: list[Request] = []
        self.connections = 0
        self.most_at_once: Counter[str] = Counter()
        self.url = ""
        self._conversation = conversation
        self._script: deque[Behaviour] = deque()
        self._running: Counter[str] = Counter()
        self._peers: set[Any] = set()
        self._came = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    def script(self, *behaviours: Behaviour) -> None:
        """Do these with the next requests, in this order."""
        self._script.extend(behaviours)

    async def start(self, port: int = 0) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/script", self._take_script)
        app.router.add_get("/requests", self._tell_requests)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=0.01
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def came(self, number: int) -> Request:
        """Wait until so many requests have come; the last of them."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.requests) >= number)
        return self.requests[number - 1]

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        request = await self._record(http)
        if refused := refusal(request.headers, request.body, self.keys, self.refuses):
            request.outcome = "refused"
            request.ended.set()
            status, kind, message = refused
            return await Status(status, kind=kind, message=message).play(Call(http, request))
        return await self._play(Call(http, request))

    async def _record(self, http: web.Request) -> Request:
        try:
            body = json.loads(await http.read())
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in http.headers.items()}
        number = len(self.requests) + 1
        now = asyncio.get_running_loop().time()
        request = Request(id=f"req_{number:06}", at=now, headers=headers, body=body)
        async with self._came:
            self.requests.append(request)
            self._came.notify_all()
        if http.transport not in self._peers:
            self._peers.add(http.transport)
            self.connections += 1
        return request

    async def _play(self, call: Call) -> web.StreamResponse:
        request = call.request
        key = request.conversation = self._conversation(request.body)
        request.beside = self._running[key]
        self._running[key] += 1
        self.most_at_once[key] = max(self.most_at_once[key], self._running[key])
        behaviour = self._script.popleft() if self._script else self.default
        request.outcome = "abandoned"
        try:
            response = await behaviour.play(call)
            request.outcome = "refused" if isinstance(behaviour, Status) else "answered"
        except ConnectionError:
            return call.response
        finally:
            self._running[key] -= 1
            request.ended.set()
        return response

    async def _take_script(self, http: web.Request) -> web.Response:
        for step in await http.json():
            self.script(BEHAVIOURS[step.pop("do")](**step))
        return web.json_response({"left": len(self._script)})

    async def _tell_requests(self, _: web.Request) -> web.Response:
        return web.json_response([_told(request) for request in self.requests])


def _told(request: Request) -> dict[str, Any]:
    names = ("id", "at", "said", "system", "conversation", "beside", "outcome", "headers", "body")
    return {name: getattr(request, name) for name in names if request.body is not None}


async def _serve(port: int, default: Answer) -> None:
    fake = FakeAnthropic(default=default)
    await fake.start(port)
    print(fake.url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve until killed; the first line of output is the URL."""
    options = argparse.ArgumentParser(description="A fake of Anthropic's Messages API.")
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--text", help='the answer (default: "You said: …")')
    options.add_argument("--chunk", type=int, help="characters a delta (default: a word)")
    options.add_argument("--first", type=float, default=0, help="seconds before the first delta")
    options.add_argument("--gap", type=float, default=0, help="seconds between deltas")
    given = vars(options.parse_args())
    asyncio.run(_serve(given.pop("port"), Answer(given.pop("text"), **given)))


if __name__ == "__main__":
    main()
