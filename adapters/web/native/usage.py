"""For operators: who used how much, and what it cost."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec
from aiohttp import web

from adapters.web.door.principal import Scope, caller, demand
from adapters.web.errors import Refused
from adapters.web.native.messages import TAG
from adapters.web.routing import Access, Query, Reply, Route
from adapters.web.wire import number, reply
from core import usage
from core.database import Database
from core.ports import Clock
from core.text import clean
from core.usage import By, Row

SINCE, PAGE = "30d", 1000
NANO = 1_000_000_000
EPOCH = date(1970, 1, 1)
QUERY = (
    Query(name="by", says=f"What there is a row for: {', '.join(By)}, or several with commas."),
    Query(name="since", says=f"From a day on (2026-11-01), or for days (7d); {SINCE} unless said."),
    Query(name="until", says="Up to that day, which is left out itself."),
    Query(name="person", says="Only what this person used, by their id."),
    Query(name="platform", says="Only what was used there, such as `slack`."),
    Query(name="model", says="Only what this model answered."),
    Query(name="limit", says=f"How many rows at most; {PAGE} unless said, up to {usage.MOST}."),
)


class Used(msgspec.Struct, rename="camel"):
    """What was used by whatever the row is for; what the report is not by is null.

    `cost` is in US dollars; the `unpriced` turns are not in it: what they cost is not known.
    `person` is an id, null for nobody known. A turn is one that a model answered.
    """

    person: str | None
    name: str | None
    platform: str | None
    model: str | None
    day: str | None
    turns: int
    input: int
    output: int
    cache_read: int
    cache_write: int
    cost: float
    unpriced: int


class Report(msgspec.Struct):
    """The newest day first, then the dearest."""

    usage: list[Used]


class UsageRoutes:
    """Behind the administrator's token alone."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def routes(self) -> list[Route]:
        """What to add to the application."""
        return [
            Route(
                method="GET",
                path="/api/v1/usage",
                handler=self.report,
                says="Turns, tokens and cost by person, platform, model and day (administrators).",
                tag=TAG,
                access=Access.SIGNED_IN,
                replies={200: Reply(says="A report.", body={"application/json": Report})},
                query=QUERY,
            )
        ]

    async def report(self, request: web.Request) -> web.Response:
        """`?by=person,day&since=2026-11-01` → what was used."""
        demand(caller(request), Scope.ADMIN)
        now, asked = int(self._clock.now() * 1000), request.query
        until, person = asked.get("until"), asked.get("person")
        limit = _whole("limit", asked.get("limit", str(PAGE)))
        found = await self._database.read(
            usage.report,
            _kinds(asked.get("by", By.DAY)),
            since=_time("since", asked.get("since", SINCE), now),
            until=None if until is None else _time("until", until, now),
            person_id=None if person is None else _whole("person", person),
            platform=_name(asked.get("platform")),
            model=_name(asked.get("model")),
            limit=max(1, min(limit, usage.MOST)),
        )
        return reply(Report([_used(row) for row in found]))


def _used(row: Row) -> Used:
    return Used(
        person=None if row.person_id is None else str(row.person_id),
        name=row.person,
        platform=row.platform,
        model=row.model,
        day=None if row.day is None else (EPOCH + timedelta(days=row.day)).isoformat(),
        turns=row.turns,
        input=row.input,
        output=row.output,
        cache_read=row.cache_read,
        cache_write=row.cache_write,
        cost=row.cost / NANO,
        unpriced=row.unpriced,
    )


def _kinds(text: str) -> Sequence[By]:
    try:
        return [By(name) for name in text.split(",")]
    except ValueError:
        raise _wrong("by", f"names something else than {', '.join(By)}") from None


def _time(name: str, text: str, now: int) -> int:
    try:
        return usage.beginning(text, now=now)
    except ValueError as error:
        raise _wrong(name, str(error)) from None


def _name(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _whole(name: str, text: str) -> int:
    return number(text, _wrong(name, "is not a whole number"))


def _wrong(name: str, words: str) -> Refused:
    return Refused(400, "invalid_request", f"{name} {words}.")
