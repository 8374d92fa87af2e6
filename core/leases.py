"""Who works on which turn, and who is dead. Functions over a connection, as in `core.turns`."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Integer,
    Text,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import Insert

from core.database import Now
from core.statements import OPEN, TURNS, both, number
from core.tables import replicas, turns
from core.turns import BROKE, DIED, turn_from
from core.types import Turn

FORGOTTEN_MS = 3_600_000
RECOVERED = 200  # turns taken over in one sweep


def beat(db: Connection, replica: str) -> None:
    """Say that this replica is alive, by the database's clock; forget who died long ago."""
    db.execute(_BEAT[db.dialect.name], {"replica": replica})
    db.execute(_BURY, {"forgotten_ms": FORGOTTEN_MS})


def recover(
    db: Connection, replica: str, *, single: bool, dead_ms: int, lost: Collection[int]
) -> list[Turn]:
    """Take over open turns that nobody works on, oldest first, at most `RECOVERED` of them.

    Those are the free ones, those of replicas silent for `dead_ms` (with `single`, of every
    other), and the `lost` ones of this replica itself. Each gets a new fence.
    """
    values = {
        "replica": replica,
        "dead_ms": dead_ms,
        "lost": list(lost),
        "most": RECOVERED,
        "broke": BROKE,
        "died": DIED,
    }
    taken = sorted(db.execute(_RECOVER_SINGLE if single else _RECOVER, values).scalars())
    return [turn_from(row) for row in db.execute(TURNS, {"ids": taken})] if taken else []


def owned(db: Connection, replica: str) -> set[int]:
    """The open turns of this replica."""
    return set(db.execute(_OWNED, {"replica": replica}).scalars())


def free(db: Connection, replica: str, ids: Collection[int]) -> None:
    """Free those of this replica's turns that it has dropped; nobody is to blame for it."""
    db.execute(_FREE, {"replica": replica, "ids": list(ids)})


def release(db: Connection, replica: str) -> int:
    """Free this replica's open turns for others, and take its name off; returns how many."""
    freed = db.execute(_RELEASE, {"replica": replica}).rowcount
    db.execute(_FORGET_REPLICA, {"replica": replica})
    return freed


def _beat(insert_: Any) -> Insert:
    statement = insert_(replicas).values(id=bindparam("replica"), beat_at=Now())
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["id"], set_={"beat_at": Now()}
    )


_BEAT = both(_beat)
_ALIVE = exists().where(
    replicas.c.id == turns.c.owner, replicas.c.beat_at > Now() - number("dead_ms")
)
_OTHERS = turns.c.owner != bindparam("replica", type_=Text)
_LOST = and_(
    turns.c.owner == bindparam("replica", type_=Text),
    turns.c.id.in_(bindparam("lost", type_=BigInteger, expanding=True)),
)


def _recover(gone: Any) -> Update:
    orphans = (
        select(turns.c.id)
        .where(OPEN, or_(turns.c.owner.is_(None), gone, _LOST))
        .order_by(turns.c.id)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
    )
    return (
        update(turns)
        .where(turns.c.id.in_(orphans.scalar_subquery()))
        .values(
            owner=bindparam("replica", type_=Text),
            attempt=turns.c.attempt + 1,
            # A turn that was released is not to blame: it was a restart.
            blame=turns.c.blame
            + case((turns.c.owner.is_(None), 0), (_LOST, number("broke")), else_=number("died")),
        )
        .returning(turns.c.id)
    )


_RECOVER = _recover(_OTHERS & ~_ALIVE)
_RECOVER_SINGLE = _recover(_OTHERS)
_OWNED = select(turns.c.id).where(OPEN, turns.c.owner == bindparam("replica", type_=Text))
_RELEASE = (
    update(turns).where(OPEN, turns.c.owner == bindparam("replica", type_=Text)).values(owner=None)
)
_FREE = (
    update(turns)
    .where(
        OPEN,
        turns.c.owner == bindparam("replica", type_=Text),
        turns.c.id.in_(bindparam("ids", type_=BigInteger, expanding=True)),
    )
    .values(owner=None)
)
_BURY = delete(replicas).where(replicas.c.beat_at < Now() - number("forgotten_ms"))
_FORGET_REPLICA = delete(replicas).where(replicas.c.id == bindparam("replica", type_=Text))
