"""What is known of an answer's way to its platform, as functions over a connection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from core import statements as sql
from core.errors import Fenced
from core.statements import number
from core.tables import deliveries, messages, turns
from core.types import Address, Turn

SIBLINGS = 200  # parts of a session that are looked at; older ones are too old to be mistaken


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How far a delivery is, and what it replies to.

    `parts` are the platform's ids by part number, `sent` the numbers of the complete ones, and
    `origins` come from the turn's messages, the oldest first.
    """

    parts: Mapping[int, str]
    sent: frozenset[int]
    origins: tuple[Mapping[str, Any], ...]


def standing(db: Connection, turn: Turn) -> Standing:
    """How far the delivery of a turn's answer is."""
    rows = db.execute(sql.PARTS, {"turn": turn.id}).all()
    asked = db.execute(_ASKED, {"turn": turn.id, "session": turn.session_id}).scalars()
    return Standing(
        parts={row.part: row.external_id for row in rows},
        sent=frozenset(row.part for row in rows if row.sent_at is not None),
        origins=tuple(
            part["origin"] for content in asked for part in content if part["type"] == "origin"
        ),
    )


def checkpoint(
    db: Connection, turn: Turn, part: int, external_id: str, *, sent_at: int | None
) -> None:
    """Remember a part of a delivery. Raises `Fenced`."""
    hold(db, turn)
    values = {"turn_id": turn.id, "part": part, "external_id": external_id, "sent_at": sent_at}
    db.execute(sql.CHECKPOINT[db.dialect.name], values)


def known(db: Connection, session_id: int) -> frozenset[str]:
    """The platform's ids of the parts that were sent in a session, the newest `SIBLINGS`."""
    return frozenset(db.execute(_KNOWN, {"session": session_id, "most": SIBLINGS}).scalars())


def adopt(db: Connection, turn: Turn, address: Address) -> None:
    """Make an address one of the turn's session; nothing if it is one already. Raises `Fenced`."""
    hold(db, turn)
    values = {
        "session_id": turn.session_id,
        "platform": address.platform,
        "account": address.account,
        "conversation": address.conversation,
        "direct": address.direct,
    }
    sql.NEW_ADDRESS.rows(db, values)


def hold(db: Connection, turn: Turn) -> None:
    """Make sure that the turn is still its owner's. Raises `Fenced`."""
    held = db.execute(sql.HOLD, {"turn": turn.id, "fence": turn.attempt})
    if not held.rowcount:
        raise Fenced(f"turn {turn.id}")


_ASKED = (
    select(messages.c.content)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id == number("turn"),
        messages.c.role == "user",
    )
    .order_by(messages.c.id)
)
_KNOWN = (
    select(deliveries.c.external_id)
    .join_from(deliveries, turns, deliveries.c.turn_id == turns.c.id)
    .where(turns.c.session_id == number("session"))
    .order_by(deliveries.c.id.desc())
    .limit(number("most"))
)
