"""How much of what models are shown they know already: their provider's cache, as turns tell it."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from core.tables import turns
from core.types import Status

TURNS = 100  # the newest ones are looked at
OF = 2000  # so many turns, whosever they are: no more are looked through for them
LEAST = 1024  # tokens; a shorter prompt is often not kept at all
BEFORE = 2  # turns of a conversation whose prefix is yet to be kept


@dataclass(frozen=True, kw_only=True, slots=True)
class CacheHealth:
    """Of the newest answers within conversations: how many, and their tokens that went in."""

    turns: int
    prompt: int
    read: int  # of those, from the cache

    @property
    def share(self) -> float:
        """How much of it was read from the cache, from 0 to 1."""
        return self.read / self.prompt if self.prompt else 0.0


def cache_health(db: Connection) -> CacheHealth:
    """How the newest answers fared that had something to find in the cache.

    Those are the ones with a prompt worth keeping, in conversations with `BEFORE` turns before.
    """
    row = db.execute(_HEALTH).one()
    return CacheHealth(turns=row.turns, prompt=int(row.prompt or 0), read=int(row.read or 0))


_NEWEST = (
    select(
        turns.c.id,
        turns.c.session_id,
        turns.c.cache_read_tokens.label("read"),
        (turns.c.input_tokens + turns.c.cache_read_tokens + turns.c.cache_write_tokens).label(
            "prompt"
        ),
        turns.c.status,
    )
    .order_by(turns.c.id.desc())
    .limit(OF)
    .subquery()
)
_EARLIER = turns.alias("earlier")
_FEW = (
    select(_EARLIER.c.id)
    .where(_EARLIER.c.session_id == _NEWEST.c.session_id, _EARLIER.c.id < _NEWEST.c.id)
    .limit(BEFORE)
    .correlate(_NEWEST)
    .subquery()
)
_LOOKED_AT = (
    select(_NEWEST.c.read, _NEWEST.c.prompt)
    .where(
        _NEWEST.c.status == Status.DONE.value,
        _NEWEST.c.prompt >= LEAST,
        select(func.count()).select_from(_FEW).scalar_subquery() == BEFORE,
    )
    .order_by(_NEWEST.c.id.desc())
    .limit(TURNS)
    .subquery()
)
_HEALTH = select(
    func.count().label("turns"),
    func.sum(_LOOKED_AT.c.prompt).label("prompt"),
    func.sum(_LOOKED_AT.c.read).label("read"),
).select_from(_LOOKED_AT)
