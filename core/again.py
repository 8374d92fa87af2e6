"""Answer anew: what a turn and all after it said is replaced by a new turn."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from core import files, rates
from core import statements as sql
from core.arrivals import check, content_of, store, stored
from core.database import Contended
from core.errors import NotFound, Transient
from core.rates import Allowance
from core.statements import number
from core.tables import messages, sessions
from core.turns import opened
from core.types import TELL, InboundEvent, Part, Receipt, Turn


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
    allowances: Sequence[Allowance] = (),
) -> Receipt:
    """Answer the messages of `turn_id` once more, or `event` in their place.

    That turn and the later ones of its session are shown to nobody any more, people or model. Doing
    it twice is doing it once: a turn that was replaced already answers with its replacement.
    Raises `NotFound` (no such turn in the conversation), `Busy` while a turn is open, and
    `RateLimited` when its person has used up the `allowances`.
    """
    session = db.execute(sql.LOCK_SESSION, {"session": session_id}).first()
    row = db.execute(sql.REPLACEABLE, {"session": session_id, "turn": turn_id}).first()
    if session is None or row is None or turn_id < session.history_from:
        raise NotFound(f"turn {turn_id}")
    if event is not None and (earlier := stored(db, event)) is not None:
        return earlier
    if event is None and row.replaced_by is not None:
        return _replacement(db, session_id, row)
    new = _open(db, session_id, row, owner, now)
    if row.person_id is not None:
        check(rates.take(db, row.person_id, allowances, now=now))
    _replace(db, session, turn_id, new)
    turn = opened(db, new)
    # What the operator has us tell is to be heard all the same.
    db.execute(_KEEP_TOLD, {"session": session_id, "turn": turn_id, "by": new})
    if event is None:
        message_id = _move(db, turn, turn_id)
    else:
        message_id = _store(db, turn, turn_id, event, now)
    return Receipt(session_id=session_id, message_id=message_id, turn_id=new, turn=turn)


def _replacement(db: Connection, session_id: int, row: Any) -> Receipt:
    while row.replaced_by is not None:
        turn = {"session": session_id, "turn": row.replaced_by}
        row = db.execute(sql.REPLACEABLE, turn).one()
    message_id = _first(db, session_id, row.id)
    return Receipt(session_id=session_id, message_id=message_id, turn_id=row.id, duplicate=True)


def _open(db: Connection, session_id: int, row: Any, owner: str, now: int) -> int:
    """A turn at the same address and of the same person as the one that it replaces."""
    where = {"session": session_id, "address": row.address_id, "person": row.person_id}
    values = {**where, "owner": owner, "now": now, "key": ""}
    turn_id: int | None = sql.OPEN_UNLESS_KNOWN.scalar(db, values)
    if turn_id is None:
        raise Busy("an answer is still running", retry_after=1)
    return turn_id


def _replace(db: Connection, session: Any, turn_id: int, new: int) -> None:
    values = {"session": session.id, "turn": turn_id, "by": new}
    replaced = db.execute(sql.REPLACE, values).rowcount
    if session.summary is not None and turn_id >= session.window_from:
        return  # what is not shown is summed up
    if replaced > 1:
        # The model's window was cut for turns that are gone; what it left out is recent now.
        db.execute(_OPEN_WINDOW, {"session": session.id})


def _move(db: Connection, turn: Turn, turn_id: int) -> int:
    """Let the new turn take the messages of the old one; returns the first of them."""
    db.execute(sql.MOVE, {"session": turn.session_id, "turn": turn_id, "by": turn.id})
    return _first(db, turn.session_id, turn.id)


def _store(db: Connection, turn: Turn, turn_id: int, event: InboundEvent, now: int) -> int:
    where: dict[str, int | None] = {
        "session_id": turn.session_id,
        "turn_id": turn.id,
        "address_id": turn.address_id,
        "person_id": turn.person_id,
    }
    content = [*_before(db, turn, turn_id), *content_of(event, new=False, now=now)]
    message_id = store(db, where, content, key=event.message_key, now=now)
    if message_id is None:
        raise Contended("another transaction stored the same message")
    if event.files:
        files.claim(db, event, message_id, now=now)
    return message_id


def _before(db: Connection, turn: Turn, turn_id: int) -> list[Part]:
    """What was said before the conversation came here, if the message that told it is replaced."""
    replaced = {"session": turn.session_id, "turn": turn_id, "by": turn.id}
    parts = db.execute(_REPLACED, replaced).scalar() or ()
    known = [part["transcript"] for part in parts if part["type"] == "asked"]
    if not known or not known[0]:
        return []
    return [{"type": "asked", "model": None, "max_tokens": None, "transcript": known[0]}]


def _first(db: Connection, session_id: int, turn_id: int) -> int:
    """The message that a turn answers, the oldest of several."""
    asked = {"turn": turn_id, "session": session_id}
    return int(db.execute(sql.TAKEN, asked).scalars().all()[0])


_KEEP_TOLD = (
    update(messages)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id >= number("turn"),
        messages.c.turn_id < number("by"),
        messages.c.dedupe_key.like(f"{TELL}%"),
    )
    .values(turn_id=number("by"))
)
_OPEN_WINDOW = (
    update(sessions)
    .where(sessions.c.id == number("session"))
    .values(window_from=sessions.c.history_from, summary=None)
)
_REPLACED = (
    select(messages.c.content)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id >= number("turn"),
        messages.c.turn_id < number("by"),
        messages.c.role == "user",
    )
    .order_by(messages.c.id)
    .limit(1)
)
