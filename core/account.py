"""All that belongs to one account of a platform: listed, counted, handed over, erased."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    delete,
    func,
    literal,
    literal_column,
    select,
    update,
)

from core import files, people
from core.statements import number
from core.tables import addresses, deliveries, feedback, messages, owed, sessions, turns
from core.tables import files as files_
from core.text import render
from core.transcript import SEEN
from core.types import STOPPED, Part, Status

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
    titled: bool = True,
) -> list[Conversation]:
    """An account's conversations (None: everybody's), the newest first, behind the id `before`.

    Only if they are to be `titled` their first messages are read, which may be long ones.
    """
    values = {
        "platform": platform,
        "account": account,
        "before": before if before is not None else 2**62,
        "most": limit,
    }
    statement = _LISTS[account is None, titled]
    return [_conversation(row) for row in db.execute(statement, values)]


def find(db: Connection, platform: str, account: str, name: str) -> Conversation | None:
    """One conversation of an account."""
    values = {"platform": platform, "account": account, "name": name}
    row = db.execute(_ONE, values).first()
    return None if row is None else _conversation(row)


def totals(db: Connection, platform: str, account: str | None) -> Totals:
    """How many conversations and messages an account has (None: all have), lists' others aside."""
    values = {"platform": platform, "account": account}
    count_sessions, count_messages = _ALL_TOTALS if account is None else _OWN_TOTALS
    return Totals(
        sessions=db.execute(count_sessions, values).scalar_one(),
        messages=db.execute(count_messages, values).scalar_one(),
    )


def hand_over(db: Connection, platform: str, account: str, *, to: str) -> dict[str, str]:
    """Give an account's conversations to another; returns their new names by the old ones.

    The new names are made here: who chose the old ones must not know where to find them.
    """
    owner = {"platform": platform, "account": account}
    files.hand_over(db, platform, account, to=to)
    named = {}
    for row in db.execute(_OWNED, owner).all():
        prefix = ONCE if row.conversation.startswith(ONCE) else ""
        named[row.conversation] = prefix + str(uuid4())
        moved = {"address": row.id, "to": to, "name": named[row.conversation]}
        db.execute(_HAND_OVER, moved)
    return {old: new for old, new in named.items() if not old.startswith(ONCE)}


def erase_some(
    db: Connection, platform: str, account: str, *, name: str | None = None, now: int
) -> int:
    """Erase up to `BATCH` conversations of an account, or the one called `name`; says how many.

    What was said is deleted, and whose it was is forgotten. What it cost stays: the turns' figures,
    which belong to nobody then. So nothing is deleted that other rows refer to, which would take
    indexes on the way of every turn, or a look at all that was ever said.
    """
    values = {"platform": platform, "account": account, "name": name, "most": BATCH}
    owned = db.execute(_SOME if name is None else _NAMED, values).scalars().all()
    if owned:
        erase(db, owned, now)
    if name is None:
        files.forget(db, platform, account)
        people.forget(db, platform, account)
    return len(owned)


def open_turns(db: Connection, platform: str, account: str) -> list[int]:
    """The turns of an account that are running."""
    values = {"platform": platform, "account": account}
    return list(db.execute(_OPEN_TURNS, values).scalars())


def erase(db: Connection, session_ids: Sequence[int], now: int) -> None:
    """Erase conversations, whosever they are; see `erase_some`."""
    values = {"ids": session_ids, "now": now}
    # Whoever wants to add a message waits, and then finds no such session.
    db.execute(_LOCK, values).all()
    for statement in _ERASE:
        db.execute(statement, values)


def _conversation(row: Any) -> Conversation:
    return Conversation(
        id=row.id,
        name=row.conversation,
        session_id=row.session_id,
        created_at=row.created_at,
        updated_at=row.updated_at,
        turns=row.turns,
        title=_title(getattr(row, "first", None) or ()),
    )


def _title(parts: Sequence[Part]) -> str:
    """What a message says; of one without words, what came with it."""
    return render(parts) or ", ".join(part["name"] for part in parts if part["type"] == "file")


# Whose they are is no condition that may be void: for such a one no index would be used.
_ALL = addresses.c.platform == bindparam("platform", type_=Text)
_OWN = _ALL & (addresses.c.account == bindparam("account", type_=Text))
_NAME = addresses.c.conversation == bindparam("name", type_=Text)
# No parameter: it is the very condition of the index `ix_addresses_listed`.
_LISTED = addresses.c.conversation.not_like(literal_column(f"'{ONCE}%'"))
_SHOWN_TURNS = (turns.c.id >= sessions.c.history_from) & turns.c.replaced_by.is_(None)
_WITH_ANSWER = turns.c.answered_at.is_not(None) & (turns.c.status != Status.FAILED.value)
_TURNS = (
    select(func.count())
    .select_from(turns)
    .where(turns.c.session_id == sessions.c.id, _SHOWN_TURNS, _WITH_ANSWER)
    .correlate(sessions)
    .scalar_subquery()
    .label("turns")
)
_FIRST = (
    select(messages.c.content)
    .join_from(messages, turns, messages.c.turn_id == turns.c.id)
    .where(
        messages.c.session_id == sessions.c.id,
        messages.c.turn_id >= sessions.c.history_from,
        messages.c.role == "user",
        SEEN,
        turns.c.replaced_by.is_(None),
    )
    .order_by(messages.c.turn_id, messages.c.id)
    .limit(1)
    .correlate(sessions)
    .scalar_subquery()
    .label("first")
)
_PLAIN = select(
    addresses.c.id,
    addresses.c.conversation,
    addresses.c.session_id,
    sessions.c.created_at,
    sessions.c.updated_at,
    _TURNS,
).join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
_SHOWN = _PLAIN.add_columns(_FIRST)


def _newest(shown: Select[Any], whose: Any) -> Select[Any]:
    found = shown.where(whose, _LISTED, addresses.c.id < number("before"))
    return found.order_by(addresses.c.id.desc()).limit(number("most"))


# By whether they are everybody's, and whether they are titled.
_LISTS = {
    (everybodys, titled): _newest(_SHOWN if titled else _PLAIN, _ALL if everybodys else _OWN)
    for everybodys in (False, True)
    for titled in (False, True)
}
_ONE = _SHOWN.where(_OWN, _NAME)


def _totals(whose: Any) -> tuple[Select[Any], Select[Any]]:
    listed = select(func.count()).select_from(addresses).where(whose, _LISTED)
    said = (
        select(func.count())
        .select_from(addresses)
        .join(sessions, addresses.c.session_id == sessions.c.id)
        .join(turns, (turns.c.session_id == sessions.c.id) & _SHOWN_TURNS)
        .join(messages, messages.c.turn_id == turns.c.id)
        .where(whose, _LISTED)
    )
    return listed, said


_OWN_TOTALS, _ALL_TOTALS = _totals(_OWN), _totals(_ALL)
_OWNED = select(addresses.c.id, addresses.c.conversation).where(_OWN).order_by(addresses.c.id)
_HAND_OVER = (
    update(addresses)
    .where(addresses.c.id == number("address"))
    .values(account=bindparam("to", type_=Text), conversation=bindparam("name", type_=Text))
)
_NAMED = select(addresses.c.session_id).where(_OWN, _NAME)
_SOME = select(addresses.c.session_id).where(_OWN).limit(number("most"))
_OPEN_TURNS = (
    select(turns.c.id)
    .join_from(turns, addresses, turns.c.session_id == addresses.c.session_id)
    .where(_OWN, turns.c.closed_at.is_(None))
)
_IDS = bindparam("ids", type_=BigInteger, expanding=True)
_LOCK = select(sessions.c.id).where(sessions.c.id.in_(_IDS)).order_by(sessions.c.id)
_LOCK = _LOCK.with_for_update()
_THEIR_MESSAGES = select(messages.c.id).where(messages.c.session_id.in_(_IDS))
_THEIR_TURNS = select(turns.c.id).where(turns.c.session_id.in_(_IDS))
_NOW = number("now")
_ERASE = (
    # Its owner is fenced off, and can store neither an answer nor the note of a delivery.
    update(turns)
    .where(turns.c.session_id.in_(_IDS), turns.c.closed_at.is_(None))
    .values(
        status=Status.CANCELLED.value,
        stop_reason=STOPPED,
        attempt=turns.c.attempt + 1,
        closed_at=_NOW,
    ),
    delete(feedback).where(feedback.c.message_id.in_(_THEIR_MESSAGES)),
    delete(files_).where(files_.c.message_id.in_(_THEIR_MESSAGES)),
    delete(messages).where(messages.c.session_id.in_(_IDS)),
    delete(deliveries).where(deliveries.c.turn_id.in_(_THEIR_TURNS)),
    delete(owed).where(owed.c.turn_id.in_(_THEIR_TURNS)),
    update(addresses)
    .where(addresses.c.session_id.in_(_IDS))
    .values(account="", conversation=literal(ONCE) + cast(addresses.c.id, Text)),
    update(turns).where(turns.c.session_id.in_(_IDS)).values(person_id=None),
    update(sessions)
    .where(sessions.c.id.in_(_IDS))
    .values(system=None, summary=None, person_id=None, erased_at=_NOW),
)
