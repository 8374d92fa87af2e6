"""Budgets: whose money it is, how much of it may be spent, and by when."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

Key = tuple[str, str]


class Whose(StrEnum):
    """Whose budget it is."""

    PERSON = "person"
    PLATFORM = "platform"
    ALL = "all"


class Span(StrEnum):
    """The time that a budget is for."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Nano-dollars; None is no limit."""

    person_day: int | None = None
    person_month: int | None = None
    platform_day: int | None = None
    platform_month: int | None = None
    all_day: int | None = None
    all_month: int | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all; without one nothing has to be set aside."""
        return self != Limits()


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Who asks, and where; nobody in particular is under the platform's and all's limits alone."""

    person_id: int | None
    platform: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How much of a limit is gone (spent, or set aside), in nano-dollars.

    `resets_at` is when it is whole again, in milliseconds since 1970.
    """

    whose: Whose
    span: Span
    limit: int
    used: int
    resets_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Pot:
    """A limit that a call falls under, and the key of its row."""

    key: Key
    whose: Whose
    span: Span
    limit: int
    resets_at: int

    def budget(self, used: int) -> Budget:
        """The budget, with so much of it gone."""
        return Budget(
            whose=self.whose,
            span=self.span,
            limit=self.limit,
            used=used,
            resets_at=self.resets_at,
        )


def pots_of(limits: Limits, party: Party, now: int) -> list[Pot]:
    """The limits that a call falls under: the person's, the platform's, all's; day, then month."""
    today = datetime.fromtimestamp(now / 1000, UTC).replace(hour=0, minute=0, second=0)
    today = today.replace(microsecond=0)
    person = None if party.person_id is None else f"person:{party.person_id}"
    scopes = {
        Whose.PERSON: (person, limits.person_day, limits.person_month),
        Whose.PLATFORM: (f"platform:{party.platform}", limits.platform_day, limits.platform_month),
        Whose.ALL: ("all", limits.all_day, limits.all_month),
    }
    tomorrow = today + timedelta(days=1)
    first = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    return [
        Pot(
            key=(scope, today.strftime(form)),
            whose=whose,
            span=span,
            limit=limit,
            resets_at=int(whole.timestamp() * 1000),
        )
        for whose, (scope, day, month) in scopes.items()
        for span, limit, form, whole in (
            (Span.DAY, day, "%Y-%m-%d", tomorrow),
            (Span.MONTH, month, "%Y-%m", first),
        )
        if scope is not None and limit is not None
    ]
