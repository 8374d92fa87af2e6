"""Where a turn stands, for whoever follows it from outside its own replica and time."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, func, select

from core.errors import NotFound
from core.tables import addresses, messages, turns
from core.text import render
from core.types import STOPPED, Address, Answer, Outcome, Status, Usage


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A turn, where it takes place, and whether it is over."""

    turn_id: int
    session_id: int
    address: Address
    closed: bool


def turn_of(db: Connection, message_id: int) -> int | None:
    """The turn that answers a message, or None while the message waits. Raises `NotFound`."""
    row = db.execute(_TURN_OF, {"message": message_id}).first()
    if row is None:
        raise NotFound(f"message {message_id}")
    turn_id: int | None = row.turn_id
    return turn_id


def open_turn(db: Connection, session_id: int) -> int | None:
    """The session's running turn, if there is one."""
    return db.execute(_OPEN_TURN, {"session": session_id}).scalar()


def last_turn(db: Connection, session_id: int) -> int | None:
    """The session's newest turn, running or not."""
    return db.execute(_LAST_TURN, {"session": session_id}).scalar()


def models_of(db: Connection, session_id: int, *, before: int, since: int) -> frozenset[str]:
    """The models that answered in a conversation, before a turn."""
    values = {"session": session_id, "turn": before, "since": since}
    return frozenset(db.execute(_MODELS, values).scalars())


def place(db: Connection, turn_id: int) -> Place:
    """Where a turn takes place. Raises `NotFound`."""
    row = db.execute(_PLACE, {"turn": turn_id}).first()
    if row is None:
        raise NotFound(f"turn {turn_id}")
    return Place(
        turn_id=turn_id,
        session_id=row.session_id,
        closed=row.closed_at is not None,
        address=Address(
            platform=row.platform,
            account=row.account,
            conversation=row.conversation,
            direct=row.direct,
        ),
    )


def ended(db: Connection, turn_id: int) -> Outcome | None:
    """How a turn ended and what was answered; None while it is open. Raises `NotFound`."""
    row = db.execute(_ANSWERED, {"turn": turn_id}).first()
    if row is None:
        raise NotFound(f"turn {turn_id}")
    return _outcome(row) if row.closed_at is not None else None


def answered(db: Connection, turn_id: int) -> Answer:
    """The stored answer of a turn that is yet to be delivered. Raises `NotFound`."""
    row = db.execute(_ANSWERED, {"turn": turn_id}).first()
    if row is None:
        raise NotFound(f"turn {turn_id}")
    status = Status.CANCELLED if row.stop_reason == STOPPED else Status.DONE
    return Answer(
        status=status if row.error is None else Status.FAILED,
        parts=tuple(row.content or ()),
        model=row.model,
        stop_reason=row.stop_reason,
        usage=_usage(row),
        cost=row.cost,
        error=row.error,
    )


def _outcome(row: Any) -> Outcome:
    return Outcome(
        turn_id=row.id,
        attempt=row.attempt,
        status=Status(row.status),
        text=render(row.content or ()),
        model=row.model,
        stop_reason=row.stop_reason,
        usage=_usage(row) or Usage(),
        error=row.error,
        message_id=row.message_id,
        created_at=row.answered_at or row.closed_at,
    )


def _usage(row: Any) -> Usage | None:
    if row.input_tokens is None:
        return None
    return Usage(
        input=row.input_tokens,
        output=row.output_tokens,
        cache_read=row.cache_read_tokens,
        cache_write_5m=row.cache_write_tokens,
    )


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


_TURN_OF = select(messages.c.turn_id).where(messages.c.id == _number("message"))
_OPEN_TURN = select(turns.c.id).where(
    turns.c.session_id == _number("session"), turns.c.closed_at.is_(None)
)
_LAST_TURN = select(func.max(turns.c.id)).where(turns.c.session_id == _number("session"))
_MODELS = (
    select(turns.c.model)
    .distinct()
    .where(
        turns.c.session_id == _number("session"),
        turns.c.id < _number("turn"),
        turns.c.id >= _number("since"),
        turns.c.model.is_not(None),
    )
)
_PLACE = (
    select(
        turns.c.session_id,
        turns.c.closed_at,
        addresses.c.platform,
        addresses.c.account,
        addresses.c.conversation,
        addresses.c.direct,
    )
    .join_from(turns, addresses, turns.c.address_id == addresses.c.id)
    .where(turns.c.id == _number("turn"))
)
_ANSWERED = (
    select(turns, messages.c.content, messages.c.id.label("message_id"))
    .join_from(
        turns,
        messages,
        (messages.c.turn_id == turns.c.id) & (messages.c.role == "assistant"),
        isouter=True,
    )
    .where(turns.c.id == _number("turn"))
)
