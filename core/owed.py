"""Answers that may only go out once their person writes again, as functions over a connection."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, func, select, update

from core import addresses, reports
from core import deliveries as parts
from core.reports import Report
from core.statements import CHECKPOINT, LOCK_SESSION, OPEN, PARTS, both, number
from core.tables import addresses as addresses_
from core.tables import aliases, contacts, deliveries, messages, owed, turns
from core.text import apology, render
from core.types import Address, Status, Turn

RECENT = 20  # messages that are looked at for where they came from
FAILED = Report(status="failed", rank=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Debt:
    """An answer that is owed: its turn, what it says, the parts that were begun, and those sent."""

    turn_id: int
    text: str
    parts: dict[int, str]
    sent: frozenset[int]


def owe(db: Connection, turn: Turn, *, now: int) -> None:
    """The rest of a turn's answer waits until its person writes. Raises `Fenced`."""
    parts.hold(db, turn)
    _remember(db, turn.id, turn.address_id, now)


def fail(db: Connection, external_id: str, *, now: int, note: str | None = None) -> int | None:
    """A part that the platform took never arrived: it is owed, and it alone is undone.

    What came after it has reports of its own; a `note` takes the place of its id. Returns its turn;
    None if no turn has such a part.
    """
    row = db.execute(_PART, {"external": external_id}).first()
    if row is None:
        return None
    db.execute(_UNSEND, {"turn": row.turn_id, "from_part": row.part})
    if note is not None:
        again = {"turn_id": row.turn_id, "part": row.part, "external_id": note, "sent_at": None}
        db.execute(CHECKPOINT[db.dialect.name], again)
    _remember(db, row.turn_id, row.address_id, now)
    return int(row.turn_id)


def fail_once(  # noqa: PLR0913 - which part, and why
    db: Connection,
    platform: str,
    external_id: str,
    why: str,
    *,
    now: int,
    note: str | None = None,
) -> int | None:
    """As `fail`; None also if the same part has failed before for the same reason."""
    row = db.execute(_PART, {"external": external_id}).first()
    if row is None:
        return None
    key = f"{row.turn_id}.{row.part} {why}"  # no id of a platform's has a space in it
    if not reports.rise(db, platform, key, FAILED, now=now):
        return None
    return fail(db, external_id, now=now, note=note)


def bring(db: Connection, turn_id: int, *, now: int) -> bool:
    """Open a turn that says nothing itself, so that what is owed where `turn_id` is goes out.

    It has no message, and whoever is free takes it. False while another turn is open there; True
    also if nothing is owed of that turn any more.
    """
    row = db.execute(_WHERE, {"turn": turn_id}).first()
    if row is None or db.execute(LOCK_SESSION, {"session": row.session_id}).first() is None:
        return True
    values = {"session_id": row.session_id, "address_id": row.address_id, "started_at": now}
    return db.execute(_BRING[db.dialect.name], values).first() is not None


def origin(db: Connection, turn_id: int) -> Mapping[str, Any] | None:
    """The newest `InboundEvent.origin` of what was said where a turn is answered."""
    said = db.execute(_ORIGIN, {"turn": turn_id, "most": RECENT}).scalars()
    found = (part["origin"] for content in said for part in content if part["type"] == "origin")
    return next(found, None)


def gather(db: Connection, contact: int, known: Collection[int], *, now: int) -> None:
    """What was owed to contacts that turned out to be one is owed to that one, who writes now."""
    debts = list(db.execute(_OF_CONTACTS, {"known": list(known)}).scalars())
    if debts:
        row = db.execute(_CONTACT, {"contact": contact}).one()
        place = Address(platform=row.platform, account=row.account, conversation=row.person)
        addresses.ensure(db, place, now=now)
        found = addresses.lock(db, place)
        assert found is not None  # noqa: S101 - it was made, if need be
        db.execute(_GATHER, {"debts": debts, "place": found.id})


def sent_at(db: Connection, external_id: str) -> int | None:
    """When a part was sent, in milliseconds since 1970; None if no turn has such a part."""
    row = db.execute(_PART, {"external": external_id}).first()
    return None if row is None else row.sent_at


def due(db: Connection, turn: Turn) -> list[Debt]:
    """What is owed where a turn is answered, the oldest first."""
    rows = db.execute(_DUE, {"address": turn.address_id, "turn": turn.id}).all()
    return [_debt(db, row) for row in rows]


def note(db: Connection, by: Turn, turn_id: int, values: Mapping[str, Any]) -> None:
    """Remember a part of an answer that goes out along with the turn `by`. Raises `Fenced`."""
    parts.hold(db, by)
    db.execute(CHECKPOINT[db.dialect.name], {"turn_id": turn_id, **values})


def settle(db: Connection, turn_id: int, parts_: int) -> None:
    """Nothing is owed any more if so many parts are there; with 0 it is given up.

    One of them may have failed again meanwhile.
    """
    db.execute(_SETTLE, {"turn": turn_id, "parts": parts_})


def drop(db: Connection, address_id: int) -> None:
    """Nothing is owed at an address any more."""
    db.execute(_DROP, {"address": address_id})


def _remember(db: Connection, turn_id: int, address_id: int, now: int) -> None:
    # Whoever was another contact there may have turned out to be one who writes elsewhere.
    home = db.execute(_HOME, {"address": address_id}).scalar() or address_id
    values = {"turn_id": turn_id, "address_id": home, "created_at": now}
    db.execute(_OWE[db.dialect.name], values)


def _debt(db: Connection, row: Any) -> Debt:
    known = db.execute(PARTS, {"turn": row.turn_id}).all()
    return Debt(
        turn_id=row.turn_id,
        text=render(row.content) if row.content else apology(row.turn_id),
        parts={each.part: each.external_id for each in known},
        sent=frozenset(each.part for each in known if each.sent_at is not None),
    )


_OWE = both(lambda insert_: insert_(owed).on_conflict_do_nothing(index_elements=["turn_id"]))
_PART = (
    select(deliveries.c.turn_id, deliveries.c.part, deliveries.c.sent_at, turns.c.address_id)
    .join_from(deliveries, turns, deliveries.c.turn_id == turns.c.id)
    .where(deliveries.c.external_id == bindparam("external", type_=Text))
)
_UNSEND = delete(deliveries).where(
    deliveries.c.turn_id == number("turn"), deliveries.c.part == number("from_part")
)
_DUE = (
    select(owed.c.turn_id, messages.c.content)
    .join_from(
        owed,
        messages,
        (messages.c.turn_id == owed.c.turn_id) & (messages.c.role == "assistant"),
        isouter=True,
    )
    .join(turns, turns.c.id == owed.c.turn_id)
    .where(
        owed.c.address_id == number("address"),
        owed.c.turn_id < number("turn"),
        # Of what failed only the apology is owed.
        messages.c.id.is_not(None) | (turns.c.status == Status.FAILED.value),
    )
    .order_by(owed.c.turn_id)
)
_DROP = delete(owed).where(owed.c.address_id == number("address"))
_SENT = (
    select(func.count())
    .select_from(deliveries)
    .where(deliveries.c.turn_id == number("turn"), deliveries.c.sent_at.is_not(None))
    .scalar_subquery()
)
_SETTLE = delete(owed).where(owed.c.turn_id == number("turn"), number("parts") <= _SENT)
_WHERE = (
    select(owed.c.address_id, addresses_.c.session_id)
    .join_from(owed, addresses_, owed.c.address_id == addresses_.c.id)
    .where(owed.c.turn_id == number("turn"))
)
_BRING = both(
    lambda insert_: (
        insert_(turns)
        .values(status=Status.ANSWERED.value, owner=None, attempt=0, blame=0)
        .on_conflict_do_nothing(index_elements=["session_id"], index_where=OPEN)
        .returning(turns.c.id)
    )
)
_ITS = select(turns.c.session_id, turns.c.address_id).where(turns.c.id == number("turn")).subquery()
_ORIGIN = (
    select(messages.c.content)
    .join(
        _ITS,
        (messages.c.session_id == _ITS.c.session_id) & (messages.c.address_id == _ITS.c.address_id),
    )
    .where(messages.c.role == "user")
    .order_by(messages.c.id.desc())
    .limit(number("most"))
)
_AT_THEIRS = (
    (addresses_.c.platform == contacts.c.platform)
    & (addresses_.c.account == contacts.c.account)
    & (addresses_.c.conversation == contacts.c.person)
)
_CONTACT = select(contacts.c.platform, contacts.c.account, contacts.c.person).where(
    contacts.c.id == number("contact")
)
_OF_CONTACTS = (
    select(owed.c.id)
    .join_from(owed, addresses_, owed.c.address_id == addresses_.c.id)
    .join(contacts, _AT_THEIRS)
    .where(contacts.c.id.in_(bindparam("known", type_=BigInteger, expanding=True)))
)
_GATHER = (
    update(owed)
    .where(owed.c.id.in_(bindparam("debts", type_=BigInteger, expanding=True)))
    .values(address_id=number("place"))
)
_WAS = addresses_.alias()
_HOME = (
    select(addresses_.c.id)
    .join_from(addresses_, contacts, _AT_THEIRS)
    .join(aliases, aliases.c.contact_id == contacts.c.id)
    .join(
        _WAS,
        (aliases.c.platform == _WAS.c.platform)
        & (aliases.c.account == _WAS.c.account)
        & (aliases.c.alias == _WAS.c.conversation),
    )
    .where(_WAS.c.id == number("address"))
)
