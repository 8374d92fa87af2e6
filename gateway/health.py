"""Signs of life for those who watch: `/livez`, `/readyz`, `/health`, `/metrics`."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec
from aiohttp import web

from adapters.web.routing import Access, Reply, Route
from adapters.web.routing import Handler as Handles
from core.breaker import State
from core.conversation import ConversationHandler
from core.database import Database, DatabaseDown
from core.models import Models
from gateway import schema
from gateway.telemetry import CONTENT_TYPE

_Check = Literal["healthy", "unhealthy", "stopping"]


class Checked(msgspec.Struct):
    """How each part is (`checks`), and each model's breaker (`models`). The time is ISO 8601."""

    status: Literal["healthy", "degraded"]
    checks: dict[str, _Check]
    models: dict[str, State]
    timestamp: str


WORD = Reply(says="A word on how it is.", body={"text/plain": str})
CHECKED = Reply(says="The parts, one by one.", body={"application/json": Checked})
FIGURES = Reply(says="Prometheus' text format.", body={"text/plain": str})


class Health:
    """Asks each part how it is. Nothing outside this machine and its database is called.

    `platforms` tell by name whether they can be heard now.
    """

    def __init__(
        self,
        *,
        database: Database,
        models: Models,
        handler: ConversationHandler,
        metrics: Callable[[], bytes],
        platforms: Mapping[str, Callable[[], bool]],
    ) -> None:
        self._database = database
        self._models = models
        self._handler = handler
        self._metrics = metrics
        self._platforms = platforms

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            _route("/livez", self.livez, "Says that the process runs.", {200: WORD}),
            _route(
                "/readyz",
                self.readyz,
                "Says whether messages are taken: 503 when not.",
                {200: WORD, 503: WORD},
            ),
            _route(
                "/health",
                self.health,
                "How each part is; 503 when one is unwell.",
                {200: CHECKED, 503: CHECKED},
            ),
            _route("/metrics", self.metrics, "Figures for Prometheus.", {200: FIGURES}),
        ]

    async def livez(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Says that the process runs."""
        return web.Response(text="ok\n")

    async def readyz(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """200 while messages are taken; 503 while stopping or without a database."""
        if not self._handler.accepting:
            return web.Response(status=503, text="stopping\n")
        if not await self._database_answers():
            return web.Response(status=503, text="the database does not answer\n")
        return web.Response(text="ok\n")

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """The state of each part; 503 when one of them is not healthy."""
        checks: dict[str, _Check] = {
            "api": "healthy" if self._handler.accepting else "stopping",
            "database": "healthy" if await self._database_answers() else "unhealthy",
            "model": self._model(),
        }
        for name, hears in self._platforms.items():
            checks[name] = "healthy" if hears() else "unhealthy"
        healthy = all(state == "healthy" for state in checks.values())
        body = Checked(
            status="healthy" if healthy else "degraded",
            checks=checks,
            models=self._models.states(),
            timestamp=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        return web.Response(
            status=200 if healthy else 503,
            body=msgspec.json.encode(body),
            content_type="application/json",
        )

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """Prometheus' text format."""
        return web.Response(body=self._metrics(), headers={"Content-Type": CONTENT_TYPE})

    def _model(self) -> _Check:
        states = self._models.states().values()
        return "unhealthy" if all(state == State.OPEN for state in states) else "healthy"

    async def _database_answers(self) -> bool:
        try:
            return await self._database.read(schema.current) is not None
        except DatabaseDown:
            return False


def _route(path: str, handler: Handles, says: str, replies: Mapping[int, Reply]) -> Route:
    return Route(
        method="GET",
        path=path,
        handler=handler,
        says=says,
        tag="operating",
        access=Access.ANYBODY,
        head=True,
        replies=replies,
    )
