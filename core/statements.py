"""The statements of the turn engine, built once. `core.turns` says what they are for.

What SQLite and PostgreSQL spell differently is a mapping by the dialect's name.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from core.prepared import Prepared
from core.tables import addresses, deliveries, messages, sessions, turns
from core.types import Status

BY_DIALECT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def both(build: Callable[[Any], Insert]) -> dict[str, Insert]:
    """An INSERT for each database, by its dialect's name."""
    return {name: build(function) for name, function in BY_DIALECT.items()}


def number(name: str) -> Any:
    """A parameter of 64 bits; PostgreSQL wants to know."""
    return bindparam(name, type_=BigInteger)


OPEN = turns.c.closed_at.is_(None)
HELD = and_(turns.c.id == number("turn"), turns.c.attempt == number("fence"), OPEN)

# --- accept ---

FIND_ADDRESS = Prepared(
    select(
        addresses.c.id,
        addresses.c.session_id,
        sessions.c.updated_at,
        sessions.c.system,
        sessions.c.person_id,
    )
    .join_from(addresses, sessions, addresses.c.session_id == sessions.c.id)
    .where(
        addresses.c.platform == bindparam("platform"),
        addresses.c.account == bindparam("account"),
        addresses.c.conversation == bindparam("conversation"),
        # Looked at once more when the row is locked: whoever erased it was faster.
        sessions.c.erased_at.is_(None),
    )
    # NO KEY UPDATE, or the foreign-key check of a message's insert would wait for it.
    .with_for_update(of=sessions, key_share=True)
)
NEW_SESSION = Prepared(
    insert(sessions)
    .values(
        history_from=0,
        window_from=0,
        system=bindparam("system", type_=Text),
        person_id=number("person"),
        created_at=number("now"),
        updated_at=number("now"),
    )
    .returning(sessions.c.id)
)
NEW_ADDRESS = Prepared(
    both(
        lambda insert_: (
            insert_(addresses)
            .on_conflict_do_nothing(index_elements=["platform", "account", "conversation"])
            .returning(addresses.c.id)
        )
    ),
    columns=("session_id", "platform", "account", "conversation", "direct"),
)
# Opens nothing for a message that is stored already, and nothing in a session that has an open
# turn: then no row comes back.
OPENED_WITH = (
    *("session_id", "address_id", "status", "owner", "attempt", "blame", "started_at"),
    "person_id",
)
OPEN_UNLESS_KNOWN = Prepared(
    both(
        lambda insert_: (
            insert_(turns)
            .from_select(
                OPENED_WITH,
                select(
                    number("session"),
                    number("address"),
                    literal(Status.RUNNING.value, Text),
                    bindparam("owner", type_=Text),
                    literal(1, Integer),
                    literal(0, Integer),
                    number("now"),
                    number("person"),
                ).where(~exists().where(messages.c.dedupe_key == bindparam("key", type_=Text))),
            )
            .on_conflict_do_nothing(index_elements=["session_id"], index_where=OPEN)
            .returning(turns.c.id)
        )
    )
)
MESSAGE = (
    "session_id",
    "turn_id",
    "address_id",
    "role",
    "content",
    "dedupe_key",
    "created_at",
    "person_id",
)
STORE = Prepared(
    both(
        lambda insert_: (
            insert_(messages)
            .on_conflict_do_nothing(
                index_elements=["dedupe_key"], index_where=messages.c.dedupe_key.is_not(None)
            )
            .returning(messages.c.id)
        )
    ),
    columns=MESSAGE,
)
WAITING = (
    select(func.count())
    .select_from(messages)
    .where(messages.c.session_id == number("session"), messages.c.turn_id.is_(None))
)
FIND_MESSAGE = Prepared(
    select(messages.c.id, messages.c.session_id, messages.c.turn_id).where(
        messages.c.dedupe_key == bindparam("key", type_=Text)
    )
)
START_AFRESH = (
    update(sessions)
    .where(sessions.c.id == number("session"))
    .values(history_from=number("turn"), window_from=number("turn"), summary=None)
)

# --- finish, settle, close ---


def _window() -> Any:
    # A reset may have moved it meanwhile: it never goes back.
    moved = number("window")
    return case((moved > sessions.c.window_from, moved), else_=sessions.c.window_from)


MOVE_WINDOW = (
    update(sessions).where(sessions.c.id == number("session")).values(window_from=_window())
)
# The row lock that keeps accept from adding a message that nobody would pick up.
TOUCH = Prepared(
    update(sessions)
    .where(sessions.c.id == number("session"))
    .values(updated_at=number("now"), window_from=_window())
)
ANSWER = Prepared(
    update(turns).where(HELD, turns.c.status == Status.RUNNING.value),
    columns=(
        "status",
        "answered_at",
        "closed_at",
        "model",
        "stop_reason",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cost",
        "error",
        "persona",
        "price",
    ),
)
SETTLE = update(turns).where(HELD)
HOLD = update(turns).where(HELD).values(attempt=turns.c.attempt)
STANDING = select(turns.c.attempt, turns.c.status).where(turns.c.id == number("turn"))
STORE_ANSWER = Prepared(insert(messages).returning(messages.c.id), columns=MESSAGE)
FIND_ANSWER = select(messages.c.id).where(
    messages.c.turn_id == number("turn"), messages.c.role == "assistant"
)
OPEN_NEXT = Prepared(
    insert(turns)
    .from_select(
        OPENED_WITH,
        select(
            messages.c.session_id,
            messages.c.address_id,
            literal(Status.RUNNING.value, Text),
            bindparam("owner", type_=Text),
            literal(1, Integer),
            literal(0, Integer),
            number("now"),
            messages.c.person_id,
        )
        .where(messages.c.session_id == number("session"), messages.c.turn_id.is_(None))
        .order_by(messages.c.id)
        .limit(1),
    )
    .returning(turns.c.id, turns.c.address_id)
)
TAKE = (
    update(messages)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id.is_(None),
        messages.c.address_id == number("address"),
    )
    .values(turn_id=number("turn"))
)
TAKEN = (
    select(messages.c.id)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id == number("turn"),
        messages.c.role == "user",
    )
    .order_by(messages.c.id)
)
OPENED = select(turns.c.id).where(
    turns.c.session_id == number("session"), turns.c.owner == bindparam("owner", type_=Text), OPEN
)

# --- again ---

LOCK_SESSION = (
    select(
        sessions.c.id,
        sessions.c.history_from,
        sessions.c.window_from,
        sessions.c.summary,
        sessions.c.system,
    )
    .where(sessions.c.id == number("session"), sessions.c.erased_at.is_(None))
    .with_for_update(key_share=True)
)
REPLACEABLE = select(turns.c.id, turns.c.address_id, turns.c.replaced_by, turns.c.person_id).where(
    turns.c.id == number("turn"), turns.c.session_id == number("session")
)
REPLACE = (
    update(turns)
    .where(
        turns.c.session_id == number("session"),
        turns.c.id >= number("turn"),
        turns.c.id < number("by"),
        turns.c.replaced_by.is_(None),
    )
    .values(replaced_by=number("by"))
)
MOVE = (
    update(messages)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id == number("turn"),
        messages.c.role == "user",
    )
    .values(turn_id=number("by"))
)

# --- deliveries ---


def _checkpoint(insert_: Any) -> Insert:
    statement = insert_(deliveries)
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["turn_id", "part"],
        set_={
            "external_id": statement.excluded.external_id,
            "sent_at": statement.excluded.sent_at,
        },
    )


CHECKPOINT = both(_checkpoint)
PARTS = (
    select(deliveries.c.part, deliveries.c.external_id, deliveries.c.sent_at)
    .where(deliveries.c.turn_id == number("turn"))
    .order_by(deliveries.c.part)
)

TURNS: Select[Any] = (
    select(
        turns.c.id,
        turns.c.session_id,
        turns.c.owner,
        turns.c.attempt,
        turns.c.blame,
        turns.c.status,
        turns.c.address_id,
        addresses.c.platform,
        addresses.c.account,
        addresses.c.conversation,
        addresses.c.direct,
        sessions.c.system,
        turns.c.person_id,
    )
    .join_from(turns, addresses, turns.c.address_id == addresses.c.id)
    .join(sessions, turns.c.session_id == sessions.c.id)
    .where(turns.c.id.in_(bindparam("ids", type_=BigInteger, expanding=True)))
    .order_by(turns.c.id)
)
