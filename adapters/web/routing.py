"""A route and all that is promised about it, in one value: for the router and for the reader."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web


class Access(StrEnum):
    """Who may call a route."""

    ANYBODY = "anybody"  # also without any credentials, in every mode
    CALLER = "caller"  # credentials, unless the mode `open` makes do without
    SIGNED_IN = "signed in"  # credentials in every mode
    PLATFORM = "platform"  # the route itself knows its callers; they come from anywhere, and often


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """A response: by media type, the `msgspec.Struct` (or type) that its body is.

    For `text/event-stream` and `application/x-ndjson` it is the type of one event's data.
    An empty `body` is a response without one.
    """

    says: str
    body: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # name: what it says


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """A parameter in the query string or the headers."""

    name: str
    says: str
    type: Any = str
    place: str = "query"  # or "header"


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One method of one path. `body` is what a JSON request body is, None if it has none.

    `replies` are those of success and those special to the route; the refusals that every route
    shares (401, 403, 413, 415, 429, 503 …) are added by whoever describes it.
    """

    method: str
    path: str
    handler: Handler
    says: str  # one sentence
    tag: str  # the dialect's name, as in the README
    access: Access = Access.CALLER
    body: Any = None
    replies: Mapping[int, Reply] = field(default_factory=dict)
    query: tuple[Query, ...] = ()
    head: bool = False  # whether HEAD is answered too, as GET without the body
    hidden: bool = False  # not part of the API: the page's own files


ROUTES: web.AppKey[dict[web.AbstractRoute, Route]] = web.AppKey("routes", dict)


def route_of(request: web.Request) -> Route | None:
    """The route that a request came to; None if there is nothing at its address."""
    return request.app[ROUTES].get(request.match_info.route)


def routes_of(app: web.Application) -> list[Route]:
    """What an application serves, in the order in which it was added."""
    return list({id(route): route for route in app[ROUTES].values()}.values())
