"""Who is who: people, and what they are called on each platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from core import merging
from core import people_statements as sql
from core.database import Contended
from core.errors import NotFound
from core.types import TELL, Address, InboundEvent
from core.wording import language_of


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """What a person is called on a platform; `name` is for people to read."""

    platform: str
    account: str
    external_id: str
    name: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody, since `created_at` (milliseconds since 1970), by all the names we know."""

    id: int
    name: str | None
    created_at: int
    identities: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """Where a person can be written to, and the newest `InboundEvent.origin` from there."""

    address: Address
    origin: Mapping[str, Any] | None


def know(db: Connection, event: InboundEvent, *, now: int) -> int | None:
    """Whoever sent a message, a new person if they are; None if nothing tells.

    Their language is noted, if the message tells it. Raises `Contended` if another transaction has
    just come to know them.
    """
    if event.sender is None:
        return None
    where = event.address
    key = {
        "platform": where.platform,
        "account": where.account,
        "external_id": event.sender.external_id,
    }
    known: int | None = sql.KNOWN.scalar(db, key)
    language = language_of(event.language)
    if known is not None:
        if language is not None:
            sql.SPEAKS.count(db, {"person": known, "tongue": language})
        return known
    name = event.sender.name
    new = {"name": name, "language": language, "created_at": now}
    person: int = sql.NEW.scalar(db, new)
    identity = {**key, "person_id": person, "name": name, "created_at": now}
    if sql.NAME.scalar(db, identity) is None:
        raise Contended("another transaction has met the same person")
    return person


def language(db: Connection, person_id: int) -> str | None:
    """The language that somebody's platforms told last, such as `de`; None if none did."""
    found: str | None = db.execute(
        sql.LANGUAGE, {"person": merging.whoever(db, person_id)}
    ).scalar()
    return found


def own(db: Connection, session_id: int, person_id: int) -> None:
    """A conversation is a person's, if it is nobody's yet."""
    db.execute(sql.OWN, {"session": session_id, "person": person_id})


def listed(
    db: Connection, *, platform: str | None = None, before: int | None = None, limit: int
) -> list[Person]:
    """People, the newest first, behind the id `before`; those of one platform, or all.

    Whoever turned out to be another is none of them.
    """
    values = {"platform": platform, "before": before or 2**62, "most": limit}
    found = db.execute(sql.LISTED if platform is None else sql.LISTED_OF, values).all()
    return _whole(db, found)


def find(db: Connection, person_id: int) -> Person:
    """One person. Raises `NotFound`."""
    found = _whole(db, db.execute(sql.ONE, {"person": person_id}).all())
    if not found:
        raise NotFound(f"person {person_id}")
    return found[0]


def reach(db: Connection, person_id: int, platform: str | None = None) -> Reach:
    """Where a person last wrote to us alone, on one platform or any. Raises `NotFound`."""
    values = {"person": person_id, "platform": platform}
    row = db.execute(sql.REACH if platform is None else sql.REACH_ON, values).first()
    if row is None:
        raise NotFound(f"nowhere to write to person {person_id}")
    address = Address(
        platform=row.platform,
        account=row.account,
        conversation=row.conversation,
        direct=row.direct,
    )
    said = db.execute(sql.CONTENT, {"message": row.message_id}).scalar() or ()
    origins = [part["origin"] for part in said if part["type"] == "origin"]
    return Reach(address=address, origin=origins[0] if origins else None)


def telling(person_id: int, reach: Reach, text: str, *, name: str) -> InboundEvent:
    """What the operator has us tell somebody, unasked; the same `name` again is the same."""
    return InboundEvent(
        address=reach.address,
        text="",
        tell=text,
        message_key=f"{TELL}{person_id}:{name}",
        origin=reach.origin,
        metered=False,
    )


def told(db: Connection, message_id: int) -> str:
    """What somebody is told by a message that `telling` made. Raises `NotFound`."""
    content = db.execute(sql.CONTENT, {"message": message_id}).scalar() or ()
    for part in content:
        if part["type"] == "tell":
            return str(part["tell"])
    raise NotFound(f"message {message_id}")


def forget(db: Connection, platform: str, account: str) -> None:
    """Forget what the people of an account are called and speak, and the codes that they have.

    Who they are to their platform is kept, as is what they have used up: it would begin anew.
    """
    for statement in sql.FORGET:
        db.execute(statement, {"of_platform": platform, "of_account": account})


def _whole(db: Connection, rows: Sequence[Any]) -> list[Person]:
    """People with all their identities."""
    if not rows:
        return []
    names: dict[int, list[Identity]] = {row.id: [] for row in rows}
    for each in db.execute(sql.NAMES, {"ids": list(names)}):
        identity = Identity(
            platform=each.platform,
            account=each.account,
            external_id=each.external_id,
            name=each.name,
        )
        names[each.person_id].append(identity)
    return [
        Person(id=row.id, name=row.name, created_at=row.created_at, identities=tuple(names[row.id]))
        for row in rows
    ]
