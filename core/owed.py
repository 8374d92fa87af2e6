"""Answers that may only go out once their person writes again, as functions over a connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, func, select

from core import deliveries as parts
from core.statements import CHECKPOINT, PARTS, both, number
from core.tables import deliveries, messages, owed, turns
from core.text import apology, render
from core.types import Status, Turn


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


def fail(db: Connection, external_id: str, *, now: int) -> int | None:
    """A part that the platform took never arrived: it is owed, and it alone is undone.

    What came after it has reports of its own. Returns its turn; None if no turn has such a part.
    """
    row = db.execute(_PART, {"external": external_id}).first()
    if row is None:
        return None
    db.execute(_UNSEND, {"turn": row.turn_id, "from_part": row.part})
    _remember(db, row.turn_id, row.address_id, now)
    return int(row.turn_id)


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


def _remember(db: Connection, turn_id: int, address_id: int, now: int) -> None:
    values = {"turn_id": turn_id, "address_id": address_id, "created_at": now}
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
_SENT = (
    select(func.count())
    .select_from(deliveries)
    .where(deliveries.c.turn_id == number("turn"), deliveries.c.sent_at.is_not(None))
    .scalar_subquery()
)
_SETTLE = delete(owed).where(owed.c.turn_id == number("turn"), number("parts") <= _SENT)
