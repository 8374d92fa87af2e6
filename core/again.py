"""Answer anew: what a turn and all after it said is replaced by a new turn."""

from typing import Any

from sqlalchemy import Connection

from core import statements as sql
from core.errors import NotFound, Transient
from core.turns import opened, stored
from core.types import InboundEvent, Receipt, Turn


class Busy(Transient):
    """Try again when the session's running turn is over."""


def again(  # noqa: PLR0913 - what is replaced, by what, for whom
    db: Connection,
    session_id: int,
    turn_id: int,
    *,
    event: InboundEvent | None = None,
    owner: str,
    now: int,
) -> Receipt:
    """Answer the messages of `turn_id` once more, or `event` in their place.

    That turn and the later ones of its session are shown to nobody any more, people or model. Doing
    it twice is doing it once: a turn that was replaced already answers with its replacement.
    Raises `NotFound` (no such turn in the conversation), and `Busy` while a turn is open.
    """
    session = db.execute(sql.LOCK_SESSION, {"session": session_id}).first()
    row = db.execute(sql.REPLACEABLE, {"session": session_id, "turn": turn_id}).first()
    if session is None or row is None or turn_id < session.history_from:
        raise NotFound(f"turn {turn_id}")
    if event is not None and (earlier := stored(db, event)) is not None:
        return earlier
    if event is None and row.replaced_by is not None:
        return _replacement(db, session_id, row)
    new = _open(db, session_id, row.address_id, owner, now)
    db.execute(sql.REPLACE, {"session": session_id, "turn": turn_id, "by": new})
    turn = opened(db, new)
    if event is None:
        message_id = _move(db, session_id, turn_id, new)
    else:
        message_id = _store(db, turn, event, now)
    return Receipt(session_id=session_id, message_id=message_id, turn_id=new, turn=turn)


def _replacement(db: Connection, session_id: int, row: Any) -> Receipt:
    while row.replaced_by is not None:
        turn = {"session": session_id, "turn": row.replaced_by}
        row = db.execute(sql.REPLACEABLE, turn).one()
    asked = {"turn": row.id, "session": session_id}
    message_id = db.execute(sql.TAKEN, asked).scalars().first() or 0
    return Receipt(session_id=session_id, message_id=message_id, turn_id=row.id, duplicate=True)


def _open(db: Connection, session_id: int, address_id: int, owner: str, now: int) -> int:
    values = {"session": session_id, "address": address_id, "owner": owner, "now": now, "key": ""}
    turn_id: int | None = sql.OPEN_UNLESS_KNOWN.scalar(db, values)
    if turn_id is None:
        raise Busy("an answer is still running", retry_after=1)
    return turn_id


def _move(db: Connection, session_id: int, turn_id: int, new: int) -> int:
    """Let the new turn take the messages of the old one; returns the first of them."""
    db.execute(sql.MOVE, {"session": session_id, "turn": turn_id, "by": new})
    taken = {"turn": new, "session": session_id}
    message_id: int | None = db.execute(sql.TAKEN, taken).scalars().first()
    if message_id is None:
        raise NotFound(f"turn {turn_id}")  # its messages went to the turn that replaced it
    return message_id


def _store(db: Connection, turn: Turn, event: InboundEvent, now: int) -> int:
    values = {
        "session_id": turn.session_id,
        "turn_id": turn.id,
        "address_id": turn.address_id,
        "role": "user",
        "content": [{"type": "text", "text": event.text}],
        "dedupe_key": event.message_key,
        "created_at": now,
    }
    message_id: int = sql.STORE.scalar(db, values)
    return message_id
