"""Where conversations take place: the map from a platform's ids to sessions."""

from dataclasses import dataclass

from sqlalchemy import Connection

from core import statements as sql
from core.database import Contended
from core.types import Address


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """An address, its session, when that was last used, what it tells the model, and whose it is.

    `updated_at` is in milliseconds since 1970.
    """

    id: int
    session_id: int
    updated_at: int
    system: str | None
    person_id: int | None


def lock(db: Connection, address: Address) -> Found | None:
    """What there is of an address; locks its session's row."""
    row = sql.FIND_ADDRESS.first(db, _key(address))
    if row is None:
        return None
    return Found(
        id=row.id,
        session_id=row.session_id,
        updated_at=row.updated_at,
        system=row.system,
        person_id=row.person_id,
    )


def make(
    db: Connection, address: Address, *, system: str | None, now: int, person_id: int | None = None
) -> Found:
    """Make an address and its session. Raises `Contended` if somebody else just did."""
    session = {"now": now, "system": system, "person": person_id}
    session_id = sql.NEW_SESSION.scalar(db, session)
    values = {**_key(address), "session_id": session_id, "direct": address.direct}
    address_id = sql.NEW_ADDRESS.scalar(db, values)
    if address_id is None:
        raise Contended("another transaction made the same address")
    return Found(
        id=address_id, session_id=session_id, updated_at=now, system=system, person_id=person_id
    )


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
