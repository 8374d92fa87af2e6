"""What people send besides words: behind credentials here, and behind none at a second origin."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web

from tests.fakes.hold import Hold


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """A file of a message."""

    type: str
    content: bytes


class Store:
    """The files by message and id, and the second origin that they are fetched from.

    `leaks` are the headers of requests that brought it credentials, `asked` those of all others.
    What the second origin does first: one of `statuses` for each request, then `detours`, each an
    address that it sends on to, where {here} is its own. `hold`: it waits. `headers` are added to
    a file's own; a file that is not `measured` has no Content-Length, and one that is `cut` ends in
    the middle; `nonsense` is no HTTP.
    """

    def __init__(self) -> None:
        self.leaks: list[dict[str, str]] = []
        self.asked: list[Mapping[str, str]] = []
        self.fetched: list[str] = []
        self.statuses: deque[int] = deque()
        self.detours: deque[str] = deque()
        self.headers: dict[str, str] = {}
        self.hold: Hold | None = None
        self.measured, self.cut, self.nonsense = True, False, False
        self.url = ""
        self._files: dict[tuple[str, str], Media] = {}
        self._links: dict[str, Media] = {}
        self._numbers = count(1)
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/{link}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def add(self, message: str, media: str, given: Media) -> None:
        self._files[message, media] = given

    def link(self, message: str, media: str) -> str | None:
        """Where the file is to be fetched; None if there is none."""
        found = self._files.get((message, media))
        if found is None:
            return None
        name = f"{next(self._numbers):032x}"
        self._links[name] = found
        return f"{self.url}/{name}"

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        found = self._links.get(request.match_info["link"])
        if {"Authorization", "Cookie"} & request.headers.keys():
            self.leaks.append(dict(request.headers))
            return web.Response(status=400)
        self.asked.append(request.headers.copy())
        if self.hold:
            await self.hold.wait()
        if self.statuses:
            return web.Response(status=self.statuses.popleft())
        if self.detours:
            there = self.detours.popleft().format(here=str(request.url))
            return web.Response(status=307, headers={"Location": there})
        if found is None:
            return web.Response(status=404)
        if self.nonsense and request.transport:
            request.transport.write(b"nonsense\r\n\r\n")
        self.fetched.append(request.match_info["link"])
        return await self._send(request, found)

    async def _send(self, request: web.Request, found: Media) -> web.StreamResponse:
        if self.measured and not self.cut:
            return web.Response(
                body=found.content, content_type=found.type, headers=self.headers or None
            )
        response = web.StreamResponse(headers={"Content-Type": found.type} | self.headers)
        if self.measured:
            response.content_length = len(found.content)
        await response.prepare(request)
        await response.write(found.content[: len(found.content) // 2 if self.cut else None])
        if self.cut and request.transport:
            request.transport.close()
        return response


def kind_of(media: Any) -> str:
    """The MessageType of a file."""
    family = str(media.type).partition("/")[0]
    return family if family in {"image", "audio", "video"} else "document"
