"""What stands in front of every route: which pages may ask, and who does."""

from aiohttp import web

from adapters.web.door import loopback
from adapters.web.door.limits import Limits
from adapters.web.door.peers import Peers, address
from adapters.web.door.principal import PUBLIC, Principal, present
from adapters.web.door.sign_in import SignIn, bearer
from adapters.web.door.verdicts import missing
from adapters.web.errors import Handler, Refused
from adapters.web.routing import Access, route_of

ANY = "*"  # in the list of origins: every page but those that have none (`null`)
EXPOSED = "X-Session-Id, X-Request-Id, Retry-After, x-vercel-ai-ui-message-stream"


class Gate:
    """Lets in or refuses. Add `middleware` and `on_response_prepare` to the application.

    With `sign_in.anybody` nobody has to sign in, so only this machine is served, and its own
    pages; else the pages of `origins`, and programs, which send no origin. A page that the
    gateway itself served may always ask.
    """

    def __init__(
        self, *, origins: frozenset[str], sign_in: SignIn, limits: Limits, peers: Peers
    ) -> None:
        self.limits = limits
        self.sign_in = sign_in
        self._anybody = sign_in.anybody
        self._origins = origins
        self._peers = peers

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse, answer a page's preflight, or find out who asks and let them through."""
        route = route_of(request)
        if route is not None and route.access is Access.PLATFORM:
            return await handler(request)
        if self._anybody:
            loopback.check(request)
        else:
            self._check_page(request)
            self._peers.note(request)
        if _is_preflight(request):
            return web.Response(status=204, headers=_preflight(request))
        await self._introduce(request)
        return await handler(request)

    async def on_response_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let an allowed page read the answer. A hook, so that streams have it too."""
        origin = request.headers.get("Origin")
        response.headers.add("Vary", "Origin")
        if origin is not None and self._lists(origin):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = EXPOSED

    async def verify(self, token: str, *, path: str, origin: str | None, ip: str) -> Principal:
        """Who a token is for that did not come in a header. Raises `Refused`."""
        return await self.sign_in.verify(token, path=path, origin=origin, ip=ip)

    def message(self, principal: Principal, ip: str) -> None:
        """Count one message. Raises `Refused` (429) when it is one too many."""
        self.limits.message(principal, ip)

    def act(self, principal: Principal, ip: str) -> None:
        """Count what costs as much as a message. Raises `Refused` (429) when it is one too many."""
        self.limits.act(principal, ip)

    async def _introduce(self, request: web.Request) -> None:
        """Find out who calls, where that matters. Raises `Refused`."""
        route = route_of(request)
        if route is None or route.access is Access.ANYBODY:
            return
        if "Authorization" in request.headers:
            present(request, await self._known(request))
        elif self._anybody and route.access is Access.CALLER:
            present(request, PUBLIC)
        else:
            self.limits.request(address(request))
            raise missing()

    async def _known(self, request: web.Request) -> Principal:
        headers, ip = request.headers, address(request)
        try:
            token = bearer(headers["Authorization"])
        except Refused:
            self.limits.failure(ip)
            raise
        origin = headers.get("Origin")
        return await self.sign_in.verify(token, path=request.path, origin=origin, ip=ip)

    def _check_page(self, request: web.Request) -> None:
        """Refuse what a page does that is not allowed to; reading, it can do no harm."""
        headers = request.headers
        origin = headers.get("Origin")
        if not _acts(request):
            return
        if origin is None:
            if headers.get("Sec-Fetch-Site") == "cross-site":
                raise _foreign()
        elif not self._lists(origin) and not _is_own(origin, headers.get("Host", "")):
            raise _foreign()

    def _lists(self, origin: str) -> bool:
        if self._anybody:
            return loopback.is_local(origin)
        return origin in self._origins or (ANY in self._origins and origin != "null")


def _is_preflight(request: web.Request) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _acts(request: web.Request) -> bool:
    """Whether a request may change something, asks whether it may, or opens a WebSocket."""
    if request.method not in loopback.SAFE:
        return True
    return _is_preflight(request) or request.headers.get("Upgrade", "").lower() == "websocket"


def _is_own(origin: str, host: str) -> bool:
    """Whether the page came from here; behind a proxy the scheme may be another."""
    return bool(host) and origin.partition("://")[2].lower() == host.lower()


def _foreign() -> Refused:
    return Refused(
        403,
        "foreign_origin",
        "Pages of this origin may not use this server; its operator can add it to WEB_ORIGINS.",
    )


def _preflight(request: web.Request) -> dict[str, str]:
    wanted = request.headers.get("Access-Control-Request-Headers", "authorization, content-type")
    return {
        "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
        "Access-Control-Allow-Headers": wanted,
        "Access-Control-Max-Age": "600",
        "Vary": "Access-Control-Request-Headers",
    }
