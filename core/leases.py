"""Who works on which turn, and who is dead. Functions over a connection, as in `core.turns`."""

from collections.abc import Collection

from sqlalchemy import Connection

from core import statements as sql
from core.turns import BROKE, DIED, turn_from
from core.types import Turn

RECOVERED = 200  # turns taken over in one sweep


def beat(db: Connection, replica: str) -> None:
    """Say that this replica is alive, by the database's clock."""
    db.execute(sql.BEAT[db.dialect.name], {"replica": replica})


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
    taken = sorted(db.execute(sql.RECOVER_SINGLE if single else sql.RECOVER, values).scalars())
    return [turn_from(row) for row in db.execute(sql.TURNS, {"ids": taken})] if taken else []


def owned(db: Connection, replica: str) -> set[int]:
    """The open turns of this replica."""
    return set(db.execute(sql.OWNED, {"replica": replica}).scalars())


def release(db: Connection, replica: str) -> int:
    """Free this replica's open turns for others, and take its name off; returns how many."""
    freed = db.execute(sql.RELEASE, {"replica": replica}).rowcount
    db.execute(sql.FORGET_REPLICA, {"replica": replica})
    return freed
