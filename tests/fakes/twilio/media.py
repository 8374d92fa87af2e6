"""What people send besides words: behind credentials here, and behind none at a second origin."""

from dataclasses import dataclass
from itertools import count
from typing import Any

from aiohttp import web


@dataclass(frozen=True, kw_only=True, slots=True)
class Media:
    """A file of a message."""

    type: str
    content: bytes


class Store:
    """The files by message and id, and the second origin that they are fetched from.

    `leaks` are the headers of requests that brought it credentials.
    """

    def __init__(self) -> None:
        self.leaks: list[dict[str, str]] = []
        self.fetched: list[str] = []
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

    async def _serve(self, request: web.Request) -> web.Response:
        found = self._links.get(request.match_info["link"])
        if {"Authorization", "Cookie"} & request.headers.keys():
            self.leaks.append(dict(request.headers))
            return web.Response(status=400)
        if found is None:
            return web.Response(status=404)
        self.fetched.append(request.match_info["link"])
        return web.Response(body=found.content, content_type=found.type)


def kind_of(media: Any) -> str:
    """The MessageType of a file."""
    family = str(media.type).partition("/")[0]
    return family if family in {"image", "audio", "video"} else "document"
