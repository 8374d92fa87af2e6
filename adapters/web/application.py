"""The web application: its routes, and what stands in front of each."""

from collections.abc import Iterable
from typing import Protocol

from aiohttp import HttpVersion11, web

from adapters.web.errors import Handler, Refused, body_of, speak_plainly
from adapters.web.routing import ROUTES, Route
from adapters.web.sse import STREAMS
from adapters.web.wire import BODY_LIMIT


class Gate(Protocol):
    """Who is let in."""

    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Find out who calls, or refuse."""
        ...

    async def on_response_prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let pages that may use this server read the answer."""
        ...


def application(routes: Iterable[Route], gate: Gate) -> web.Application:
    """An application that serves `routes` to whom `gate` lets in."""
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[speak_plainly, gate.middleware])
    app[STREAMS], app[ROUTES] = set(), {}
    app.on_response_prepare.append(gate.on_response_prepare)
    for route in routes:
        resource = app.router.add_resource(route.path)
        for method in (route.method, "HEAD") if route.head else (route.method,):
            added = resource.add_route(method, route.handler, expect_handler=_expected)
            app[ROUTES][added] = route
    return app


async def _expected(request: web.Request) -> None:
    """Tell a client that waits for it to go on; what else it expects is not to be had here.

    The framework's own answer repeats the header, and fails over bytes that are no UTF-8.
    """
    if request.version < HttpVersion11:
        return
    if request.headers.get("Expect", "").lower() != "100-continue":
        refused = Refused(417, "refused", "Of Expect, only 100-continue is understood.")
        raise web.HTTPExpectationFailed(
            text=body_of(request.path, refused).decode(), content_type="application/json"
        )
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is no part of the response
