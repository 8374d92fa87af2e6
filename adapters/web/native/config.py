"""`/api/v1/config`: what a page asks before anything else."""

from dataclasses import dataclass

from aiohttp import web

from adapters.web.native import types
from adapters.web.routing import Access, Reply, Route
from adapters.web.wire import reply


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What a page may know of this server; `auth` are the ways to sign in.

    `greeting` is how whoever answers here begins, if they do.
    """

    name: str
    model: str
    demo: bool
    auth: tuple[str, ...] = ("open",)
    greeting: str | None = None


class ConfigRoutes:
    """The one route that tells of the server itself."""

    def __init__(self, about: About) -> None:
        self._about = about

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path="/api/v1/config",
                handler=self.config,
                says="What a page shows before the first message, and how people sign in.",
                tag="native",
                access=Access.ANYBODY,
                replies={200: Reply(says="This.", body={"application/json": types.Config})},
                head=True,
            )
        ]

    async def config(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The same for everybody."""
        about = self._about
        return reply(
            types.Config(
                name=about.name,
                demo=about.demo,
                model=about.model,
                greeting=about.greeting,
                auth=list(about.auth),
            )
        )
