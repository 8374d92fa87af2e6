"""All that is kept of an account's conversations, for the one who said it: also what is hidden."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, null, or_, select

from core.statements import number
from core.tables import addresses, feedback, messages, sessions, turns
from core.transcript import SEEN, message_of
from core.types import Message, Status


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A conversation. Times are in milliseconds since 1970."""

    name: str
    session_id: int
    created_at: int
    updated_at: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """A message, its identity on its platform, how its turn ended, and what its reader thought.

    `replaced`: another answer stands in its place.
    """

    message: Message
    key: str | None
    status: Status | None
    feedback: int | None
    comment: str | None
    replaced: bool = False


def conversations(
    db: Connection, platform: str, account: str, *, after: str, limit: int
) -> list[Kept]:
    """An account's conversations by name, behind the name `after`; also what lists leave out."""
    values = {"platform": platform, "account": account, "after": after, "most": limit}
    return [
        Kept(
            name=row.conversation,
            session_id=row.session_id,
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in db.execute(_CONVERSATIONS, values)
    ]


def said(db: Connection, session_id: int, *, after: Message | None, limit: int) -> list[Said]:
    """A conversation's messages behind `after`, oldest first; also what a reset hides."""
    values = {
        "session": session_id,
        "turn": 0 if after is None else after.turn_id,
        "message": 0 if after is None else after.id,
        "most": limit,
    }
    return [_said(row) for row in db.execute(_SAID, values)]


def waiting(db: Connection, session_id: int) -> list[Said]:
    """A conversation's messages that wait for their turn."""
    return [_said(row) for row in db.execute(_WAITING, {"session": session_id})]


def _said(row: Any) -> Said:
    return Said(
        message=message_of(row),
        key=row.dedupe_key,
        status=Status(row.status) if row.status else None,
        feedback=row.value,
        comment=row.comment,
        replaced=row.replaced_by is not None,
    )


_CONVERSATIONS = (
    select(
        addresses.c.conversation,
        addresses.c.session_id,
        sessions.c.created_at,
        sessions.c.updated_at,
    )
    .join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
    .where(
        addresses.c.platform == bindparam("platform", type_=Text),
        addresses.c.account == bindparam("account", type_=Text),
        addresses.c.conversation > bindparam("after", type_=Text),
    )
    .order_by(addresses.c.conversation)
    .limit(number("most"))
)
_SAID = (
    select(messages, turns.c.status, turns.c.replaced_by, feedback.c.value, feedback.c.comment)
    .join_from(messages, turns, messages.c.turn_id == turns.c.id)
    .join(feedback, feedback.c.message_id == messages.c.id, isouter=True)
    .where(
        messages.c.session_id == number("session"),
        SEEN,
        messages.c.turn_id >= number("turn"),
        or_(messages.c.turn_id > number("turn"), messages.c.id > number("message")),
    )
    .order_by(messages.c.turn_id, messages.c.id)
    .limit(number("most"))
)
_WAITING = (
    select(
        messages,
        null().label("status"),
        null().label("replaced_by"),
        null().label("value"),
        null().label("comment"),
    )
    .where(messages.c.session_id == number("session"), SEEN, messages.c.turn_id.is_(None))
    .order_by(messages.c.id)
)
