"""The API's description for programs (`/openapi.json`) and for people (`/docs`)."""

import hashlib
import json
from functools import cache
from pathlib import Path

from aiohttp import web

from adapters.web.description.reference import page
from adapters.web.routing import Access, Route
from adapters.web.site import SECURITY

DOCUMENT = Path(__file__).parent / "openapi.json"
STYLE = Path(__file__).parent.parent / "page" / "docs.css"


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Each address, and what is there: body, media type, and a tag that changes with them."""
    document = DOCUMENT.read_bytes()
    files = {
        "/openapi.json": (document, "application/json"),
        "/docs": (page(json.loads(document)).encode(), "text/html"),
        "/docs.css": (STYLE.read_bytes(), "text/css"),
    }
    return {
        path: (body, kind, f'"{hashlib.sha256(body).hexdigest()[:16]}"')
        for path, (body, kind) in files.items()
    }


class Docs:
    """Serves both from memory."""

    def __init__(self) -> None:
        self._files = _files()

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path=path,
                handler=self.file,
                says="The API's description.",
                tag="docs",
                access=Access.ANYBODY,
                head=True,
                hidden=True,
            )
            for path in self._files
        ]

    async def file(self, request: web.Request) -> web.Response:
        """One of the files, or 304 for whoever has it."""
        body, kind, tag = self._files[request.path]
        headers = {**SECURITY, "ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        charset = None if kind == "application/json" else "utf-8"
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)
