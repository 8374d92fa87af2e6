"""The life of a turn, as functions over a connection. The caller owns the transaction.

A turn is opened by a message (`core.arrivals`) or by the turn before it (`close`), and while it is
open it is its session's lease: a partial unique index lets a session have one. Whoever takes a turn
over (`core.leases`) counts `attempt` up, and every later write by the former owner raises `Fenced`.

Locks are always taken in one order, session before turn; two transactions can't wait for each
other.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from core import consistency, spending
from core import statements as sql
from core.errors import Fenced
from core.types import STOPPED, Address, Answer, Status, Turn

# A turn is given up after three attempts that broke by themselves, or nine deaths of its
# process: a process that dies takes down every turn that it works on, and most are innocent.
BLAME_LIMIT, BROKE, DIED = 9, 3, 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """The turn that a closed one opened, and the waiting messages that it took."""

    turn: Turn
    message_ids: tuple[int, ...]


def finish(db: Connection, turn: Turn, answer: Answer, *, now: int) -> int | None:
    """Store the answer of a turn that is yet to be delivered; the turn keeps its session.

    Returns the answer's message id. Doing it twice is doing it once. Raises `Fenced`.
    """
    if answer.window_from is not None:
        # Before the turn's row is touched: locks are taken session first.
        window = {"session": turn.session_id, "window": answer.window_from}
        db.execute(sql.MOVE_WINDOW, window)
    values = {**_columns(answer), "status": Status.ANSWERED, "answered_at": now, "closed_at": None}
    if not sql.ANSWER.count(db, {**_fence(turn), **values}):
        return _already(db, turn)
    _settle_up(db, turn, answer)
    return _store_answer(db, turn, answer, now)


def settle(
    db: Connection, turn: Turn, *, status: Status, error: str | None, now: int
) -> Next | None:
    """Close a turn whose answer was delivered, or can't be. Raises `Fenced`."""
    sql.TOUCH.count(db, {"session": turn.session_id, "now": now, "window": None})
    closing = {"status": status, "error": error, "closed_at": now}
    if not db.execute(sql.SETTLE, {**_fence(turn), **closing}).rowcount:
        _already(db, turn)
        return _followed(db, turn)
    return _open_next(db, turn, now)


def close(
    db: Connection, turn: Turn, answer: Answer, *, now: int
) -> tuple[int | None, Next | None]:
    """Store the answer and close the turn at once: nothing is left to be delivered.

    Returns the answer's message id and the turn that follows. Raises `Fenced`.
    """
    touch = {"session": turn.session_id, "now": now, "window": answer.window_from}
    sql.TOUCH.count(db, touch)
    values = {**_columns(answer), "status": answer.status, "answered_at": now, "closed_at": now}
    if not sql.ANSWER.count(db, {**_fence(turn), **values}):
        return _already(db, turn), _followed(db, turn)
    _settle_up(db, turn, answer)
    return _store_answer(db, turn, answer, now), _open_next(db, turn, now)


def _already(db: Connection, turn: Turn) -> int | None:
    """What this very attempt stored before its connection broke; else raise `Fenced`."""
    row = db.execute(sql.STANDING, {"turn": turn.id}).first()
    if row is None or row.attempt != turn.attempt or row.status == Status.RUNNING:
        raise Fenced(f"turn {turn.id}")
    message_id: int | None = db.execute(sql.FIND_ANSWER, {"turn": turn.id}).scalar()
    return message_id


def _settle_up(db: Connection, turn: Turn, answer: Answer) -> None:
    if answer.reserved:
        spending.settle(db, turn.id, spending.due(answer))


def _store_answer(db: Connection, turn: Turn, answer: Answer, now: int) -> int | None:
    if not answer.parts:
        return None
    values = {
        "session_id": turn.session_id,
        "turn_id": turn.id,
        "address_id": turn.address_id,
        "role": "assistant",
        "content": list(answer.parts),
        "dedupe_key": None,
        "created_at": now,
        "person_id": None,
    }
    message_id: int = sql.STORE_ANSWER.scalar(db, values)
    if answer.persona is not None and answer.findings:
        consistency.store(db, turn.id, answer.persona, answer.findings, now)
    return message_id


def _open_next(db: Connection, turn: Turn, now: int) -> Next | None:
    """Open the turn of what waited meanwhile: all messages of the oldest one's address."""
    values = {"session": turn.session_id, "owner": turn.owner, "now": now}
    row = sql.OPEN_NEXT.first(db, values)
    if row is None:
        return None
    taken = {"turn": row.id, "session": turn.session_id, "address": row.address_id}
    db.execute(sql.TAKE, taken)
    return _next(db, row.id)


def _followed(db: Connection, turn: Turn) -> Next | None:
    """The turn that this very attempt opened when it closed its own, then lost touch."""
    values = {"session": turn.session_id, "owner": turn.owner}
    turn_id = db.execute(sql.OPENED, values).scalar()
    return None if turn_id is None else _next(db, turn_id)


def _next(db: Connection, turn_id: int) -> Next:
    turn = opened(db, turn_id)
    taken = {"turn": turn_id, "session": turn.session_id}
    ids = db.execute(sql.TAKEN, taken).scalars()
    return Next(turn=turn, message_ids=tuple(ids))


def opened(db: Connection, turn_id: int) -> Turn:
    """An open turn, as whoever works on it needs it."""
    return turn_from(db.execute(sql.TURNS, {"ids": [turn_id]}).one())


def turn_from(row: Any) -> Turn:
    """A row of `statements.TURNS` as a value."""
    address = Address(
        platform=row.platform,
        account=row.account,
        conversation=row.conversation,
        direct=row.direct,
    )
    return Turn(
        id=row.id,
        session_id=row.session_id,
        owner=row.owner,
        attempt=row.attempt,
        blame=row.blame,
        status=Status(row.status),
        address_id=row.address_id,
        address=address,
        system=row.system,
        person_id=row.person_id,
    )


def _fence(turn: Turn) -> dict[str, int]:
    return {"turn": turn.id, "fence": turn.attempt}


def _columns(answer: Answer) -> dict[str, object]:
    usage = answer.usage
    return {
        "model": answer.model,
        "stop_reason": STOPPED if answer.status == Status.CANCELLED else answer.stop_reason,
        "input_tokens": usage and usage.input,
        "output_tokens": usage and usage.output,
        "cache_read_tokens": usage and usage.cache_read,
        "cache_write_tokens": usage and usage.cache_write,
        "cost": answer.cost,
        "persona": answer.persona,
        "price": answer.price,
        "error": answer.error,
    }
