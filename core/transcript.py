"""What was said: for the model, for the people who said it, and for a viewer who is late."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, case, func, null, or_, select, update

from core import statements as sql
from core.errors import NotFound
from core.prepared import Prepared
from core.tables import addresses, feedback, messages, sessions, turns
from core.text import render
from core.types import TELL, Address, Message, Part, Role, Status

RECENT = 50  # messages read at a time where all of a conversation is asked for
READ = 1000  # messages read for a prompt at most


@dataclass(frozen=True, kw_only=True, slots=True)
class Spoken:
    """A message as context needs it: who said it, in which turn, and how that turn ended."""

    turn_id: int
    role: Role
    parts: tuple[Part, ...]
    status: Status
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A message as the people who said it see it.

    `status` is its turn's, None while it waits for one. `key` is its identity on its platform, and
    `feedback` what its reader thinks of it: 1 or -1; each is None where there is none.
    """

    message: Message
    status: Status | None
    key: str | None
    feedback: int | None


def spoken(db: Connection, session_id: int, *, turn_id: int, limit: int = READ) -> list[Spoken]:
    """The newest `limit` messages that the model may see in `turn_id`, in the order of turns.

    Order is by turn, then by message: what arrived while a turn ran comes after its answer.
    """
    rows = _SPOKEN.rows(db, {"session": session_id, "turn": turn_id, "most": limit})
    found = [
        Spoken(
            turn_id=row.turn_id,
            role=row.role,
            parts=tuple(row.content),
            status=Status(row.status),
            error=row.error,
        )
        for row in rows
    ]
    found.reverse()
    return found


def find_session(db: Connection, address: Address) -> int | None:
    """The session of an address, or None if nobody ever wrote there."""
    key = {
        "platform": address.platform,
        "account": address.account,
        "conversation": address.conversation,
    }
    return db.execute(_FIND_SESSION, key).scalar()


def conversation(
    db: Connection, session_id: int, *, before: int | None, limit: int
) -> list[tuple[Message, Status | None]]:
    """The messages of `entries` alone, each with its turn's status."""
    found = entries(db, session_id, before=before, limit=limit)
    return [(entry.message, entry.status) for entry in found]


def entries(db: Connection, session_id: int, *, before: int | None, limit: int) -> list[Entry]:
    """The newest `limit` messages of the conversation, oldest first, and all that wait.

    `before` is a message id: only what stands before it. What was said before a reset, or before
    the session's time to live ran out, is left out, and what was replaced by another answer.
    """
    cursor = db.execute(_CURSOR, {"message": before}).first() if before else None
    if before and cursor is None:
        return []
    values = {
        "session": session_id,
        "turn": 2**62 if cursor is None else cursor.turn_id,
        "message": before or 0,
        "most": limit,
    }
    found = [_entry(row) for row in db.execute(_CONVERSATION, values)]
    found.reverse()
    if not before:
        found += [_entry(row) for row in db.execute(_WAITING, {"session": session_id})]
    return found


def asked(db: Connection, turn_id: int) -> list[str]:
    """The identities of the messages that a turn answers, the oldest first."""
    return list(db.execute(_ASKED, {"turn": turn_id}).scalars())


def recent(db: Connection, session_id: int, *, limit: int, characters: int) -> list[Message]:
    """The conversation's newest messages, oldest first: up to `limit`, and about `characters`."""
    found: list[Message] = []
    before: int | None = None
    while len(found) < limit and characters > 0:
        page = [message for message, _ in conversation(db, session_id, before=before, limit=RECENT)]
        found = page + found
        characters -= sum(len(render(message.parts)) for message in page)
        if len(page) < RECENT or page[0].turn_id is None:
            break
        before = page[0].id
    return found


def message_of(row: Any) -> Message:
    """A row with a message's columns as a value."""
    return Message(
        id=row.id,
        turn_id=row.turn_id,
        role=row.role,
        parts=tuple(row.content),
        created_at=row.created_at,
    )


def _entry(row: Any) -> Entry:
    return Entry(
        message=message_of(row),
        status=Status(row.status) if row.status else None,
        key=row.dedupe_key,
        feedback=row.value,
    )


def reset(db: Connection, session_id: int, *, names_free: bool = False) -> None:
    """Let the conversation start afresh: turns so far are shown to nobody any more.

    With `names_free` the keys of their messages stand for no message any more.
    """
    db.execute(_RESET, {"session": session_id})
    if names_free:
        db.execute(_FREE_NAMES, {"session": session_id})


def start_at(db: Connection, session_id: int, turn_id: int) -> None:
    """Let the conversation start afresh with a turn: earlier ones are shown to nobody any more."""
    db.execute(sql.START_AFRESH, {"session": session_id, "turn": turn_id})


def text_of(db: Connection, message_id: int) -> str:
    """The words of a message as its readers see them. Raises `NotFound`."""
    content = db.execute(_CONTENT, {"message": message_id}).scalar()
    if content is None:
        raise NotFound(f"message {message_id}")
    return render(content)


def _number(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


_IN_SESSION = messages.c.session_id == _number("session")
# What the operator had us tell is seen as the answer that it became.
SEEN = or_(messages.c.dedupe_key.is_(None), messages.c.dedupe_key.not_like(f"{TELL}%"))

_SPOKEN = Prepared(
    select(messages.c.turn_id, messages.c.role, messages.c.content, turns.c.status, turns.c.error)
    .join_from(messages, turns, messages.c.turn_id == turns.c.id)
    .where(
        _IN_SESSION,
        turns.c.replaced_by.is_(None),
        messages.c.turn_id <= _number("turn"),
        messages.c.turn_id
        # A reset while the turn runs takes its history away, but not its own question.
        >= select(
            case(
                (sessions.c.window_from > _number("turn"), _number("turn")),
                else_=sessions.c.window_from,
            )
        )
        .where(sessions.c.id == _number("session"))
        .scalar_subquery(),
    )
    .order_by(messages.c.turn_id.desc(), messages.c.id.desc())
    .limit(_number("most")),
    parsed=("content",),
)
_CURSOR = select(messages.c.turn_id).where(messages.c.id == _number("message"))
_SHOWN = (
    messages.c.id,
    messages.c.turn_id,
    messages.c.role,
    messages.c.content,
    messages.c.dedupe_key,
    messages.c.created_at,
)
_CONVERSATION = (
    select(*_SHOWN, turns.c.status, feedback.c.value)
    .join_from(messages, turns, messages.c.turn_id == turns.c.id)
    .join(feedback, feedback.c.message_id == messages.c.id, isouter=True)
    .where(
        _IN_SESSION,
        SEEN,
        turns.c.replaced_by.is_(None),
        messages.c.turn_id
        >= select(sessions.c.history_from)
        .where(sessions.c.id == _number("session"))
        .scalar_subquery(),
        messages.c.turn_id <= _number("turn"),
        or_(messages.c.turn_id < _number("turn"), messages.c.id < _number("message")),
    )
    .order_by(messages.c.turn_id.desc(), messages.c.id.desc())
    .limit(_number("most"))
)
_WAITING = (
    select(*_SHOWN, null().label("status"), null().label("value"))
    .where(_IN_SESSION, SEEN, messages.c.turn_id.is_(None))
    .order_by(messages.c.id)
)
_ASKED = (
    select(messages.c.dedupe_key)
    .where(SEEN, messages.c.turn_id == _number("turn"), messages.c.dedupe_key.is_not(None))
    .order_by(messages.c.id)
)
_FIND_SESSION = select(addresses.c.session_id).where(
    addresses.c.platform == bindparam("platform"),
    addresses.c.account == bindparam("account"),
    addresses.c.conversation == bindparam("conversation"),
)
_FREE_NAMES = (
    update(messages)
    .where(_IN_SESSION, SEEN, messages.c.turn_id.is_not(None), messages.c.dedupe_key.is_not(None))
    .values(dedupe_key=None)
)
_CONTENT = select(messages.c.content).where(messages.c.id == _number("message"))
_RESET = (
    update(sessions)
    .where(sessions.c.id == _number("session"))
    .values(
        history_from=(
            _from := func.coalesce(
                select(func.max(turns.c.id) + 1)
                .where(turns.c.session_id == _number("session"))
                .scalar_subquery(),
                0,
            )
        ),
        window_from=_from,
        summary=None,
    )
)
