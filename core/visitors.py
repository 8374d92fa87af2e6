"""Anonymous people: which of their tokens still count, and who they turned out to be."""

from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, select, update

from core import account, linking
from core.errors import GatewayError, NotFound
from core.statements import both
from core.tables import visitors


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A visitor's epoch, when that began (milliseconds since 1970), and whether it is over."""

    epoch: int = 0
    rotated_at: int | None = None
    retired: bool = False


def standing(db: Connection, visitor: str) -> Standing:
    """Which tokens of a visitor count; those of most were never renewed."""
    row = db.execute(_STANDING, {"visitor": visitor}).first()
    if row is None:
        return Standing()
    retired = row.retired_at is not None
    return Standing(epoch=row.epoch, rotated_at=row.rotated_at, retired=retired)


def rotate(db: Connection, visitor: str, *, epoch: int, now: int) -> int:
    """Begin the epoch after `epoch`, unless that has happened; returns the one in force.

    Raises `NotFound` for a visitor who was identified.
    """
    _know(db, visitor)
    db.execute(_ROTATE, {"visitor": visitor, "known": epoch, "now": now})
    found = standing(db, visitor)
    if found.retired:
        raise NotFound(f"visitor {visitor}")
    return found.epoch


class Retired(GatewayError):
    """Find out anew who it is: the visitor is known by another name now."""


def hold(db: Connection, visitor: str) -> None:
    """Let nobody retire a visitor before this transaction ends. Raises `Retired` if it was done."""
    _know(db, visitor)
    if db.execute(_HOLD, {"visitor": visitor}).scalar_one() is not None:
        raise Retired(f"visitor {visitor}")


def retire(db: Connection, visitor: str, *, now: int) -> bool:
    """Let none of a visitor's tokens count any more; False if that was so."""
    _know(db, visitor)
    return db.execute(_RETIRE, {"visitor": visitor, "now": now}).rowcount > 0


def identify(  # noqa: PLR0913 - who it was, and who it is
    db: Connection, visitor: str, *, platform: str, account_id: str, to: str, now: int
) -> dict[str, str]:
    """Hand all that a visitor said over to the account `to`, once; its tokens are dead after.

    The visitor is one person with whoever is known at that account.

    Returns the conversations' new names by their old ones. Raises `NotFound` if it was done.
    """
    if not retire(db, visitor, now=now):
        raise NotFound(f"visitor {visitor}")
    named = account.hand_over(db, platform, account_id, to=to)
    linking.identify(db, platform, account_id, to=to, now=now)
    return named


def _know(db: Connection, visitor: str) -> None:
    db.execute(_KNOW[db.dialect.name], {"visitor": visitor})


_VISITOR = visitors.c.id == bindparam("visitor", type_=Text)
_STANDING = select(visitors.c.epoch, visitors.c.rotated_at, visitors.c.retired_at).where(_VISITOR)
_HOLD = select(visitors.c.retired_at).where(_VISITOR).with_for_update(read=True)
_KNOW = both(
    lambda insert_: (
        insert_(visitors)
        .values(id=bindparam("visitor", type_=Text), epoch=0)
        .on_conflict_do_nothing(index_elements=["id"])
    )
)
_NOW = bindparam("now", type_=BigInteger)
_ROTATE = (
    update(visitors)
    .where(
        _VISITOR,
        visitors.c.epoch == bindparam("known", type_=Integer),
        visitors.c.retired_at.is_(None),
    )
    .values(epoch=visitors.c.epoch + 1, rotated_at=_NOW)
)
_RETIRE = update(visitors).where(_VISITOR, visitors.c.retired_at.is_(None)).values(retired_at=_NOW)
