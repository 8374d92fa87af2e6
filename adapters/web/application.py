"""The web application: its routes, and what stands in front of each."""

from collections.abc import Iterable

from aiohttp import HttpVersion11, web

from adapters.web.errors import Refused, form, speak_plainly
from adapters.web.guard import allow_origin, only_this_machine
from adapters.web.sse import STREAMS
from adapters.web.wire import BODY_LIMIT


def application(routes: Iterable[web.RouteDef]) -> web.Application:
    """An application that serves `routes` to this machine alone."""
    app = web.Application(
        client_max_size=BODY_LIMIT, middlewares=[speak_plainly, only_this_machine]
    )
    app[STREAMS] = set()
    app.on_response_prepare.append(allow_origin)
    for route in routes:
        route.kwargs["expect_handler"] = _expected
        route.register(app.router)
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
            text=form(request.path, refused).decode(), content_type="application/json"
        )
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # it is no part of the response
