"""Who is who: people, and what they are called on each platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Text,
    bindparam,
    delete,
    exists,
    insert,
    select,
    update,
)

from core.database import Contended
from core.errors import NotFound
from core.prepared import Prepared
from core.statements import both, number
from core.tables import addresses, identities, messages, people, sessions
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
    known: int | None = _KNOWN.scalar(db, key)
    language = language_of(event.language)
    if known is not None:
        if language is not None:
            _SPEAKS.count(db, {"person": known, "tongue": language})
        return known
    name = event.sender.name
    new = {"name": name, "language": language, "created_at": now}
    person: int = db.execute(_NEW, new).scalar_one()
    identity = {**key, "person_id": person, "name": name, "created_at": now}
    if db.execute(_NAME[db.dialect.name], identity).scalar() is None:
        raise Contended("another transaction has met the same person")
    return person


def language(db: Connection, person_id: int) -> str | None:
    """The language that somebody's platforms told last, such as `de`; None if none did."""
    found: str | None = db.execute(_LANGUAGE, {"person": person_id}).scalar()
    return found


def own(db: Connection, session_id: int, person_id: int) -> None:
    """A conversation is a person's, if it is nobody's yet."""
    db.execute(_OWN, {"session": session_id, "person": person_id})


def listed(
    db: Connection, *, platform: str | None = None, before: int | None = None, limit: int
) -> list[Person]:
    """People, the newest first, behind the id `before`; those of one platform, or all."""
    values = {"platform": platform, "before": before or 2**62, "most": limit}
    found = db.execute(_LISTED if platform is None else _LISTED_OF, values).all()
    return _whole(db, found)


def find(db: Connection, person_id: int) -> Person:
    """One person. Raises `NotFound`."""
    found = _whole(db, db.execute(_ONE, {"person": person_id}).all())
    if not found:
        raise NotFound(f"person {person_id}")
    return found[0]


def reach(db: Connection, person_id: int, platform: str | None = None) -> Reach:
    """Where a person last wrote to us alone, on one platform or any. Raises `NotFound`."""
    values = {"person": person_id, "platform": platform}
    row = db.execute(_REACH if platform is None else _REACH_ON, values).first()
    if row is None:
        raise NotFound(f"nowhere to write to person {person_id}")
    address = Address(
        platform=row.platform,
        account=row.account,
        conversation=row.conversation,
        direct=row.direct,
    )
    said = db.execute(_NEWEST, {"address": row.id, "session": row.session_id}).scalars()
    origins = [part["origin"] for content in said for part in content if part["type"] == "origin"]
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
    content = db.execute(_CONTENT, {"message": message_id}).scalar() or ()
    for part in content:
        if part["type"] == "tell":
            return str(part["tell"])
    raise NotFound(f"message {message_id}")


def forget(db: Connection, platform: str, account: str) -> None:
    """Delete what the people of an account are called there, and who then has no name left."""
    values = {"of_platform": platform, "of_account": account}
    gone = list(db.execute(_THEIRS, values).scalars())
    db.execute(_UNNAME, values)
    if gone:
        db.execute(_FORGET, {"ids": gone})


def _whole(db: Connection, rows: Sequence[Any]) -> list[Person]:
    """People with all their identities."""
    if not rows:
        return []
    names: dict[int, list[Identity]] = {row.id: [] for row in rows}
    for each in db.execute(_NAMES, {"ids": list(names)}):
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


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


_KNOWN = Prepared(
    select(identities.c.person_id)
    .where(
        identities.c.platform == _words("platform"),
        identities.c.account == _words("account"),
        identities.c.external_id == _words("external_id"),
    )
    # Whoever makes them one with somebody else waits, and finds what they begin now.
    .with_for_update(read=True)
)
_SPEAKS = Prepared(
    update(people)
    .where(people.c.id == number("person"), people.c.language.is_distinct_from(_words("tongue")))
    .values(language=_words("tongue"))
)
_LANGUAGE = select(people.c.language).where(people.c.id == number("person"))
_NEW = insert(people).returning(people.c.id)
_NAME = both(
    lambda insert_: (
        insert_(identities)
        .on_conflict_do_nothing(index_elements=["platform", "account", "external_id"])
        .returning(identities.c.id)
    )
)
_OWN = (
    update(sessions)
    .where(sessions.c.id == number("session"), sessions.c.person_id.is_(None))
    .values(person_id=number("person"))
)
_PEOPLE = select(people.c.id, people.c.name, people.c.created_at)
_ONE = _PEOPLE.where(people.c.id == number("person"))
_PAGE = _PEOPLE.where(people.c.id < number("before"))
_ORDER = people.c.id.desc()
_LISTED = _PAGE.order_by(_ORDER).limit(number("most"))
_ON = exists().where(
    identities.c.person_id == people.c.id, identities.c.platform == _words("platform")
)
_LISTED_OF = _PAGE.where(_ON).order_by(_ORDER).limit(number("most"))
_IDS = bindparam("ids", type_=BigInteger, expanding=True)
_NAMES = select(identities).where(identities.c.person_id.in_(_IDS)).order_by(identities.c.id)
_PLACES = (
    select(
        addresses.c.id,
        addresses.c.session_id,
        addresses.c.platform,
        addresses.c.account,
        addresses.c.conversation,
        addresses.c.direct,
    )
    .join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
    .where(
        sessions.c.person_id == number("person"),
        sessions.c.erased_at.is_(None),
        addresses.c.direct,
    )
)
_LAST = (sessions.c.updated_at.desc(), addresses.c.id.desc())
_REACH = _PLACES.order_by(*_LAST).limit(1)
_REACH_ON = _PLACES.where(addresses.c.platform == _words("platform")).order_by(*_LAST).limit(1)
_CONTENT = select(messages.c.content).where(messages.c.id == number("message"))
_NEWEST = (
    select(messages.c.content)
    .where(
        messages.c.session_id == number("session"),
        messages.c.address_id == number("address"),
        messages.c.role == "user",
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)
_HERE = (identities.c.platform == _words("of_platform")) & (
    identities.c.account == _words("of_account")
)
_THEIRS = select(identities.c.person_id).where(_HERE)
_UNNAME = delete(identities).where(_HERE)
_FORGET = delete(people).where(
    people.c.id.in_(_IDS), ~exists().where(identities.c.person_id == people.c.id)
)
