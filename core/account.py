"""All that belongs to one account of a platform: listed, counted, handed over, erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, Connection, Text, bindparam, delete, func, or_, select, update

from core.statements import number
from core.tables import addresses, deliveries, feedback, messages, sessions, turns
from core.text import render

ONCE = "~"
"""How the name of a conversation begins that is one question alone; lists leave those out."""
BATCH = 100  # conversations erased in one transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """A conversation as a list shows it. Times are in milliseconds since 1970.

    `id` is its place in lists; `turns` counts its answers, and `title` is how it began, in full.
    """

    id: int
    name: str
    session_id: int
    created_at: int
    updated_at: int
    turns: int
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """How much there is."""

    sessions: int
    messages: int


def conversations(  # noqa: PLR0913 - whose, and which of them
    db: Connection,
    platform: str,
    account: str | None,
    *,
    before: int | None,
    limit: int,
    once: bool = False,
) -> list[Conversation]:
    """An account's conversations (None: everybody's), the newest first, behind the id `before`.

    With `once` also those that lists leave out.
    """
    values = {
        "platform": platform,
        "account": account,
        "before": before if before is not None else 2**62,
        "hidden": "" if once else ONCE + "%",
        "most": limit,
    }
    return [_conversation(row) for row in db.execute(_CONVERSATIONS, values)]


def find(db: Connection, platform: str, account: str, name: str) -> Conversation | None:
    """One conversation of an account."""
    values = {"platform": platform, "account": account, "name": name}
    row = db.execute(_ONE, values).first()
    return None if row is None else _conversation(row)


def totals(db: Connection, platform: str, account: str | None) -> Totals:
    """How many conversations and messages an account has (None: all have)."""
    values = {"platform": platform, "account": account, "hidden": ONCE + "%"}
    return Totals(
        sessions=db.execute(_SESSIONS, values).scalar_one(),
        messages=db.execute(_MESSAGES, values).scalar_one(),
    )


def hand_over(db: Connection, platform: str, account: str, *, to: str) -> dict[str, str]:
    """Give an account's conversations to another; returns their new names by the old ones.

    The new names are made here: who chose the old ones must not know where to find them.
    """
    owner = {"platform": platform, "account": account}
    named = {}
    for row in db.execute(_OWNED, owner).all():
        prefix = ONCE if row.conversation.startswith(ONCE) else ""
        named[row.conversation] = prefix + str(uuid4())
        moved = {"address": row.id, "to": to, "name": named[row.conversation]}
        db.execute(_HAND_OVER, moved)
    return {old: new for old, new in named.items() if not old.startswith(ONCE)}


def erase_some(db: Connection, platform: str, account: str, *, name: str | None = None) -> int:
    """Delete up to `BATCH` conversations of an account, or the one called `name`; says how many."""
    values = {"platform": platform, "account": account, "name": name, "most": BATCH}
    owned = db.execute(_SOME, values).scalars().all()
    if owned:
        _erase(db, sorted(owned))
    return len(owned)


def open_turns(db: Connection, platform: str, account: str) -> list[int]:
    """The turns of an account that are running."""
    values = {"platform": platform, "account": account}
    return list(db.execute(_OPEN_TURNS, values).scalars())


def _erase(db: Connection, session_ids: Sequence[int]) -> None:
    ids = {"ids": session_ids}
    db.execute(_LOCK, ids).all()  # whoever wants to add to them waits, and then finds nothing
    for statement in _ERASE:
        db.execute(statement, ids)


def _conversation(row: Any) -> Conversation:
    return Conversation(
        id=row.id,
        name=row.conversation,
        session_id=row.session_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        turns=row.turns,
        title=render(row.first or ()),
    )


_PLATFORM = addresses.c.platform == bindparam("platform", type_=Text)
_ACCOUNT = addresses.c.account == bindparam("account", type_=Text)
_OWN = (_PLATFORM, _ACCOUNT)
_OWN_OR_ALL = (_PLATFORM, or_(_ACCOUNT, bindparam("account", type_=Text).is_(None)))
_LISTED = addresses.c.conversation.not_like(bindparam("hidden", type_=Text))
_TURNS = (
    select(func.count())
    .select_from(turns)
    .where(
        turns.c.session_id == sessions.c.id,
        turns.c.id >= sessions.c.history_from,
        turns.c.replaced_by.is_(None),
        turns.c.answered_at.is_not(None),
    )
    .correlate(sessions)
    .scalar_subquery()
    .label("turns")
)
_FIRST = (
    select(messages.c.content)
    .where(
        messages.c.session_id == sessions.c.id,
        messages.c.turn_id >= sessions.c.history_from,
        messages.c.role == "user",
    )
    .order_by(messages.c.turn_id, messages.c.id)
    .limit(1)
    .correlate(sessions)
    .scalar_subquery()
    .label("first")
)
_SHOWN = select(
    addresses.c.id,
    addresses.c.conversation,
    addresses.c.session_id,
    sessions.c.created_at,
    sessions.c.updated_at,
    _TURNS,
    _FIRST,
).join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
_CONVERSATIONS = (
    _SHOWN.where(*_OWN_OR_ALL, _LISTED, addresses.c.id < number("before"))
    .order_by(addresses.c.id.desc())
    .limit(number("most"))
)
_ONE = _SHOWN.where(*_OWN, addresses.c.conversation == bindparam("name", type_=Text))
_SESSIONS = select(func.count()).select_from(addresses).where(*_OWN_OR_ALL, _LISTED)
_MESSAGES = (
    select(func.count())
    .select_from(messages)
    .join(addresses, messages.c.address_id == addresses.c.id)
    .join(sessions, messages.c.session_id == sessions.c.id)
    .join(turns, messages.c.turn_id == turns.c.id)
    .where(
        *_OWN_OR_ALL,
        _LISTED,
        messages.c.turn_id >= sessions.c.history_from,
        turns.c.replaced_by.is_(None),
    )
)
_OWNED = select(addresses.c.id, addresses.c.conversation).where(*_OWN)
_HAND_OVER = (
    update(addresses)
    .where(addresses.c.id == number("address"))
    .values(account=bindparam("to", type_=Text), conversation=bindparam("name", type_=Text))
)
_NAMED = bindparam("name", type_=Text)
_SOME = (
    select(addresses.c.session_id)
    .where(*_OWN, or_(_NAMED.is_(None), addresses.c.conversation == _NAMED))
    .order_by(addresses.c.id)
    .limit(number("most"))
)
_OPEN_TURNS = (
    select(turns.c.id)
    .join_from(turns, addresses, turns.c.session_id == addresses.c.session_id)
    .where(*_OWN, turns.c.closed_at.is_(None))
)
_IDS = bindparam("ids", type_=BigInteger, expanding=True)
_LOCK = select(sessions.c.id).where(sessions.c.id.in_(_IDS)).order_by(sessions.c.id)
_LOCK = _LOCK.with_for_update()
_THEIR_MESSAGES = select(messages.c.id).where(messages.c.session_id.in_(_IDS))
_THEIR_TURNS = select(turns.c.id).where(turns.c.session_id.in_(_IDS))
_ERASE = (
    delete(feedback).where(feedback.c.message_id.in_(_THEIR_MESSAGES)),
    delete(messages).where(messages.c.session_id.in_(_IDS)),
    delete(deliveries).where(deliveries.c.turn_id.in_(_THEIR_TURNS)),
    delete(turns).where(turns.c.session_id.in_(_IDS)),
    delete(addresses).where(addresses.c.session_id.in_(_IDS)),
    delete(sessions).where(sessions.c.id.in_(_IDS)),
)
