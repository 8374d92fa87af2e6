"""The newest conversations, and what each of them cost, for operators: nobody's words."""

from dataclasses import dataclass

from sqlalchemy import Connection, Integer, func, select
from sqlalchemy import cast as as_type

from core.statements import number
from core.tables import addresses, people, sessions, turns


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """A conversation. Times are milliseconds since 1970, `cost` is in nano-dollars.

    `turns` are those that a model answered; `platforms` those of its addresses. A conversation of
    a channel has no person.
    """

    session_id: int
    platforms: tuple[str, ...]
    person_id: int | None
    person: str | None
    created_at: int
    updated_at: int
    turns: int
    tokens: int
    cost: int


def newest(db: Connection, *, limit: int) -> list[Overview]:
    """The conversations that were begun last, the newest first."""
    rows = db.execute(_NEWEST, {"most": limit}).all()
    found: dict[int, list[str]] = {row.id: [] for row in rows}
    for place in db.execute(_PLACES, {"most": limit}):
        found[place.session_id].append(place.platform)
    return [
        Overview(
            session_id=row.id,
            platforms=tuple(dict.fromkeys(found[row.id])),
            person_id=row.person_id,
            person=row.name,
            created_at=row.created_at,
            updated_at=row.updated_at,
            turns=row.turns,
            tokens=int(row.tokens),
            cost=int(row.cost),
        )
        for row in rows
    ]


_LATEST = (
    select(sessions.c.id)
    .where(sessions.c.erased_at.is_(None))
    .order_by(sessions.c.id.desc())
    .limit(number("most"))
    .scalar_subquery()
)
_TOKENS = (
    func.coalesce(turns.c.input_tokens, 0)
    + func.coalesce(turns.c.cache_read_tokens, 0)
    + func.coalesce(turns.c.cache_write_tokens, 0)
    + func.coalesce(turns.c.output_tokens, 0)
)
_NEWEST = (
    select(
        sessions.c.id,
        sessions.c.person_id,
        people.c.name,
        sessions.c.created_at,
        sessions.c.updated_at,
        as_type(func.count(turns.c.model), Integer).label("turns"),
        func.coalesce(func.sum(_TOKENS), 0).label("tokens"),
        func.coalesce(func.sum(turns.c.cost), 0).label("cost"),
    )
    .join_from(sessions, people, people.c.id == sessions.c.person_id, isouter=True)
    .join(turns, turns.c.session_id == sessions.c.id, isouter=True)
    .where(sessions.c.id.in_(_LATEST))
    .group_by(sessions.c.id, people.c.name)
    .order_by(sessions.c.id.desc())
)
_PLACES = (
    select(addresses.c.session_id, addresses.c.platform)
    .where(addresses.c.session_id.in_(_LATEST))
    .order_by(addresses.c.id)
)
