"""Where conversations take place: the map from a platform's ids to sessions."""

from sqlalchemy import Connection

from core import statements as sql
from core.database import Contended
from core.types import Address

Found = tuple[int, int, int, str | None]
"""An address, its session, when that was last used, and what it tells the model."""


def lock(db: Connection, address: Address) -> Found | None:
    """What there is of an address; locks its session's row."""
    row = sql.FIND_ADDRESS.first(db, _key(address))
    return None if row is None else (row.id, row.session_id, row.updated_at, row.system)


def make(db: Connection, address: Address, *, system: str | None, now: int) -> Found:
    """Make an address and its session. Raises `Contended` if somebody else just did."""
    session_id = db.execute(sql.NEW_SESSION, {"now": now, "system": system}).scalar_one()
    values = {**_key(address), "session_id": session_id, "direct": address.direct}
    address_id = db.execute(sql.NEW_ADDRESS[db.dialect.name], values).scalar()
    if address_id is None:
        raise Contended("another transaction made the same address")
    return address_id, session_id, now, system


def ensure(db: Connection, address: Address, *, now: int) -> bool:
    """See to it that the address has a session, before anything is said; False if it had one."""
    if lock(db, address) is not None:
        return False
    make(db, address, system=None, now=now)
    return True


def _key(address: Address) -> dict[str, str]:
    return {
        "platform": address.platform,
        "account": address.account,
        "conversation": address.conversation,
    }
