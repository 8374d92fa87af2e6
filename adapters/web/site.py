"""The page at `/`, and its files."""

import hashlib
from pathlib import Path

import msgspec
from aiohttp import web

from adapters.web.routing import Access, Handler, Reply, Route
from adapters.web.socket.sockets import wants_socket
from adapters.web.wire import reply

HERE = Path(__file__).parent / "page"
FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/markdown.js": ("markdown.js", "text/javascript"),
    "/nodes.js": ("nodes.js", "text/javascript"),
    "/caller.js": ("caller.js", "text/javascript"),
    "/store.js": ("store.js", "text/javascript"),
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


class Sign(msgspec.Struct):
    """It lives."""

    status: str = "ok"
    service: str = "chat-api"


class Site:
    """Serves the page from memory, and hands who wants a WebSocket at `/` to `connect`."""

    def __init__(self, connect: Handler) -> None:
        self._connect = connect
        self._files = {path: _load(name) for path, (name, _) in FILES.items()}

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [self._route(path) for path in FILES]

    def _route(self, path: str) -> Route:
        return Route(
            method="GET",
            path=path,
            handler=self.root if path == "/" else self.file,
            says="The chat page for browsers; for programs, a sign of life.",
            tag="page",
            access=Access.ANYBODY,
            replies={
                200: Reply(
                    says="The page, for who accepts `text/html`; else the sign.",
                    body={"application/json": Sign, "text/html": str},
                ),
                304: Reply(says="The page is as its `If-None-Match` says."),
            },
            head=True,
            hidden=path != "/",
        )

    async def root(self, request: web.Request) -> web.StreamResponse:
        """The page for browsers; for programs, a sign of life."""
        if wants_socket(request):
            return await self._connect(request)
        if "text/html" in request.headers.get("Accept", ""):
            response = await self.file(request)
        else:
            response = reply(Sign())
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
