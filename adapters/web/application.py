"""The web application: its routes, and what stands in front of each."""

from collections.abc import Iterable

from aiohttp import web

from adapters.web.errors import speak_plainly
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
    app.add_routes(routes)
    return app
