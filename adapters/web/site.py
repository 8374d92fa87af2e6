"""The page at `/`, and its files."""

import hashlib
from pathlib import Path

from aiohttp import web

from adapters.web.routing import Access, Route
from adapters.web.wire import reply

HERE = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/markdown.js": ("markdown.js", "text/javascript"),
    "/nodes.js": ("nodes.js", "text/javascript"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'"
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Site:
    """Serves the page from memory."""

    def __init__(self) -> None:
        self._files = {path: _load(name) for path, (name, _) in FILES.items()}

    def routes(self) -> list[Route]:
        """What to add to the application."""
        files = {path: self.root if path == "/" else self.file for path in FILES}
        return [
            Route(
                method="GET",
                path=path,
                handler=handler,
                says="The chat page for browsers; for programs, a sign of life.",
                tag="page",
                access=Access.ANYBODY,
                head=True,
                hidden=path != "/",
            )
            for path, handler in files.items()
        ]

    async def root(self, request: web.Request) -> web.Response:
        """The page for browsers; for programs, a sign of life."""
        if "text/html" in request.headers.get("Accept", ""):
            response = await self.file(request)
        else:
            response = reply({"status": "ok", "service": "chat-api"})
        response.headers["Vary"] = "Accept"
        return response

    async def file(self, request: web.Request) -> web.Response:
        """One of the page's files, or 304 for a browser that has it."""
        body, tag = self._files[request.path]
        headers = {**SECURITY, "ETag": tag, "Cache-Control": "no-cache"}
        if tag in request.headers.get("If-None-Match", ""):
            return web.Response(status=304, headers=headers)
        kind = FILES[request.path][1]
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)


def _load(name: str) -> tuple[bytes, str]:
    body = (HERE / name).read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:16]}"'
