"""The API's description for programs (`/openapi.json`) and for people (`/docs`)."""

import hashlib
import json
from pathlib import Path

from aiohttp import web

from adapters.web.reference import page
from adapters.web.routing import Access, Route
from adapters.web.site import SECURITY

DOCUMENT = Path(__file__).parent / "openapi.json"
STYLE = Path(__file__).parent / "page" / "docs.css"


class Docs:
    """Serves both from memory."""

    def __init__(self) -> None:
        document = DOCUMENT.read_bytes()
        self._files = {
            "/openapi.json": (document, "application/json"),
            "/docs": (page(json.loads(document)).encode(), "text/html"),
            "/docs.css": (STYLE.read_bytes(), "text/css"),
        }
        self._tags = {
            path: f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            for path, (body, _) in self._files.items()
        }

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
        (body, kind), tag = self._files[request.path], self._tags[request.path]
        headers = {**SECURITY, "ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        charset = None if kind == "application/json" else "utf-8"
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)
