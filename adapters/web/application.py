"""The web application: its routes, and what stands in front of each."""

from collections.abc import Iterable
from typing import Protocol

from aiohttp import HttpVersion11, web

from adapters.web.errors import Handler, Refused, body_of, speak_plainly
from adapters.web.routing import ROUTES, Route
from adapters.web.sse import STREAMS, bound
from adapters.web.wire import BODY_LIMIT

LONG = 64 * 1024  # bytes: what is shorter is written at once
NOWHERE = "/{nowhere}"  # as aiohttp writes the path of the last route


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
    app.on_response_prepare.append(_bound)
    for route in routes:
        resource = app.router.add_resource(route.path)
        for method in (route.method, "HEAD") if route.head else (route.method,):
            added = resource.add_route(method, route.handler, expect_handler=_expected)
            app[ROUTES][added] = route
    # Last of all, so that what is nowhere goes the same way: the framework's own answer to `Expect`
    # fails over bytes that are no UTF-8.
    app.router.add_route("*", "/{nowhere:.*}", _nowhere, expect_handler=_expected)
    return app


async def _bound(request: web.Request, response: web.StreamResponse) -> None:
    """Let the kernel drop a reader who takes nothing of a long response; streams see to it."""
    if (response.content_length or 0) > LONG:
        bound(request.transport)


async def _nowhere(request: web.Request) -> web.StreamResponse:
    """404; or 405 where other methods are taken."""
    allowed: set[str] = set()
    for resource in request.app.router.resources():
        if resource.canonical != NOWHERE:
            allowed |= (await resource.resolve(request))[1]
    if allowed:
        raise web.HTTPMethodNotAllowed(request.method, sorted(allowed))
    raise web.HTTPNotFound


async def _expected(request: web.Request) -> None:
    """Tell a client that waits for it to go on; what else it expects is not to be had here.

    The framework's own answer repeats the header.
    """
    if request.version < HttpVersion11:
        return
    if request.headers.get("Expect", "").lower() != "100-continue":
        refused = Refused(417, "refused", "Of Expect, only 100-continue is understood.")
        error = web.HTTPExpectationFailed(content_type="application/json")
        error.charset = None
        error.body = body_of(request.path, refused)
        raise error
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is no part of the response
