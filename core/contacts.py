"""People on platforms that restrict when they may be written to, as functions over a connection."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, func, or_, select, update
from sqlalchemy.sql.dml import Insert

from core import owed
from core.statements import both, number
from core.tables import aliases, contacts


@dataclass(frozen=True, kw_only=True, slots=True)
class Contact:
    """Somebody, and when they may be written to. Times are milliseconds since 1970, UTC.

    `person` is the name that they were first known by; it stays. `heard_at` is None if they never
    wrote; `shut_at` is when the platform refused free words for them, if they did not write since.
    """

    id: int
    person: str
    heard_at: int | None = None
    shut_at: int | None = None
    opted_out_at: int | None = None


def find(db: Connection, platform: str, account: str, name: str) -> Contact | None:
    """The contact that is known by a name; None if nobody is."""
    row = db.execute(
        _FIND, {"of_platform": platform, "of_account": account, "of_name": name}
    ).one_or_none()
    return None if row is None else _contact(row)


def names(db: Connection, platform: str, account: str, name: str) -> list[str]:
    """All names of the contact that is known by one, that one included, the oldest first."""
    values = {"of_platform": platform, "of_account": account, "of_name": name}
    return list(db.execute(_NAMES, values).scalars())


def hear(db: Connection, platform: str, account: str, names: Iterable[str], *, now: int) -> Contact:
    """Somebody wrote, and is known by all of `names`.

    Whoever was known by one of them already stays that contact; of two that turn out to be one,
    the older stays, and has all their names and wishes.
    """
    names = list(dict.fromkeys(names))
    contact = _known(db, platform, account, names) or _make(db, platform, account, names[0])
    where = {"contact_id": contact, "platform": platform, "account": account}
    # Sorted, so that two who hear the same person don't lock each other out.
    known = {_name(db, where, name) for name in sorted(names)}
    contact = min(known)
    if len(known) > 1:
        _join(db, contact, known, now)
    row = db.execute(_HEAR, {"contact": contact, "now": now}).one()
    return _contact(row)


def shut(db: Connection, contact_id: int, *, now: int, sent_at: int | None = None) -> bool:
    """The platform refused free words that were sent to them at `sent_at`, or just now.

    It will until they write again; if they have since, nothing is shut: False.
    """
    sent_at = now if sent_at is None else sent_at
    return db.execute(_SHUT, {"contact": contact_id, "now": now, "sent_at": sent_at}).rowcount > 0


def opt(db: Connection, contact_id: int, *, out: bool, now: int) -> bool:
    """They want to hear no more from us, or do so again; False if that was so already."""
    if out:
        return db.execute(_OUT, {"contact": contact_id, "now": now}).rowcount > 0
    return db.execute(_IN, {"contact": contact_id}).rowcount > 0


def announce(db: Connection, contact: Contact, *, now: int) -> bool:
    """They are about to be told that something waits, if it is as `contact` says.

    False if they were told since they last wrote, or have written meanwhile.
    """
    values = {"contact": contact.id, "heard": contact.heard_at, "now": now}
    return db.execute(_ANNOUNCE, values).rowcount > 0


def take_back(db: Connection, contact_id: int) -> None:
    """They could not be told."""
    db.execute(_TAKE_BACK, {"contact": contact_id})


def _known(db: Connection, platform: str, account: str, names: list[str]) -> int | None:
    values = {"of_platform": platform, "of_account": account, "names": names}
    return db.execute(_OLDEST, values).scalar()


def _make(db: Connection, platform: str, account: str, person: str) -> int:
    values = {"platform": platform, "account": account, "person": person}
    made: int | None = db.execute(_MAKE[db.dialect.name], values).scalar()
    # None: another transaction made it a moment ago. It is not locked: names are locked first.
    return made or int(db.execute(_MADE, values).scalar_one())


def _name(db: Connection, where: dict[str, Any], name: str) -> int:
    """Whose name it is: theirs, unless it was somebody's already."""
    whose: int = db.execute(_NAME[db.dialect.name], {**where, "alias": name}).scalar_one()
    return whose


def _join(db: Connection, contact: int, known: set[int], now: int) -> None:
    values = {"contact": contact, "known": sorted(known)}
    db.execute(_MOVE, values)
    db.execute(_WISH, values)
    owed.gather(db, contact, known, now=now)


def _contact(row: Any) -> Contact:
    return Contact(
        id=row.id,
        person=row.person,
        heard_at=row.heard_at,
        shut_at=row.shut_at,
        opted_out_at=row.opted_out_at,
    )


def _words(name: str) -> Any:
    return bindparam(name, type_=Text)


_ROW = (
    contacts.c.id,
    contacts.c.person,
    contacts.c.heard_at,
    contacts.c.shut_at,
    contacts.c.opted_out_at,
)
_THEIRS = (aliases.c.platform == _words("of_platform")) & (
    aliases.c.account == _words("of_account")
)
_FIND = (
    select(*_ROW)
    .join_from(contacts, aliases, aliases.c.contact_id == contacts.c.id)
    .where(_THEIRS, aliases.c.alias == _words("of_name"))
)
_ITS_CONTACT = (
    select(aliases.c.contact_id).where(_THEIRS, aliases.c.alias == _words("of_name"))
).scalar_subquery()
_NAMES = select(aliases.c.alias).where(aliases.c.contact_id == _ITS_CONTACT).order_by(aliases.c.id)
_OLDEST = (
    select(aliases.c.contact_id)
    .where(_THEIRS, aliases.c.alias.in_(bindparam("names", expanding=True)))
    .order_by(aliases.c.contact_id)
    .limit(1)
)


def _make_one(insert_: Any) -> Insert:
    statement = insert_(contacts)
    return statement.on_conflict_do_nothing(  # type: ignore[no-any-return]
        index_elements=["platform", "account", "person"]
    ).returning(contacts.c.id)


def _name_one(insert_: Any) -> Insert:
    # It stays whose it is: the update locks it, and gives the row back.
    statement = insert_(aliases)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["platform", "account", "alias"],
        set_={"alias": statement.excluded.alias},
    ).returning(aliases.c.contact_id)


_MAKE = both(_make_one)
_MADE = select(contacts.c.id).where(
    contacts.c.platform == _words("platform"),
    contacts.c.account == _words("account"),
    contacts.c.person == _words("person"),
)
_NAME = both(_name_one)
_ONE = contacts.c.id == number("contact")
_KNOWN = bindparam("known", type_=BigInteger, expanding=True)
_MOVE = update(aliases).where(aliases.c.contact_id.in_(_KNOWN)).values(contact_id=number("contact"))
# Who opted out under one of their names gets nothing under the others.
_EARLIEST = select(func.min(contacts.c.opted_out_at)).where(contacts.c.id.in_(_KNOWN))
_WISH = update(contacts).where(_ONE).values(opted_out_at=_EARLIEST.scalar_subquery())
_HEAR = (
    update(contacts)
    .where(_ONE)
    .values(heard_at=number("now"), shut_at=None, announced_at=None)
    .returning(*_ROW)
)
_ANNOUNCE = (
    update(contacts)
    .where(
        _ONE,
        contacts.c.heard_at == number("heard"),
        contacts.c.announced_at.is_(None),
        contacts.c.opted_out_at.is_(None),
    )
    .values(announced_at=number("now"))
)
_TAKE_BACK = update(contacts).where(_ONE).values(announced_at=None)
_SHUT = (
    update(contacts)
    .where(_ONE, or_(contacts.c.heard_at.is_(None), contacts.c.heard_at <= number("sent_at")))
    .values(shut_at=number("now"))
)
_OUT = (
    update(contacts)
    .where(_ONE, contacts.c.opted_out_at.is_(None))
    .values(opted_out_at=number("now"))
)
_IN = update(contacts).where(_ONE, contacts.c.opted_out_at.is_not(None)).values(opted_out_at=None)
