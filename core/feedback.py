"""What people think of answers."""

from typing import Any, Literal

from sqlalchemy import Connection, Text, bindparam, select
from sqlalchemy.sql.dml import Insert

from core.errors import NotFound
from core.statements import both, number
from core.tables import addresses, feedback, messages, sessions

Value = Literal[-1, 1]


def rate(  # noqa: PLR0913 - who, what, how
    db: Connection,
    platform: str,
    account: str,
    message_id: int,
    *,
    value: Value,
    comment: str | None,
    now: int,
) -> None:
    """Remember what an account thinks of an answer that it was given; the last word counts.

    Raises `NotFound` for all that is no answer of the account's.
    """
    answer = {"message": message_id, "platform": platform, "account": account}
    if db.execute(_ANSWER, answer).first() is None:
        raise NotFound(f"message {message_id}")
    values = {"message_id": message_id, "value": value, "comment": comment, "created_at": now}
    db.execute(_RATE[db.dialect.name], values)


def _rate(insert_: Any) -> Insert:
    statement = insert_(feedback)
    new = statement.excluded
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=["message_id"],
        set_={"value": new.value, "comment": new.comment, "created_at": new.created_at},
    )


_ANSWER = (
    select(messages.c.id)
    .join_from(messages, addresses, messages.c.address_id == addresses.c.id)
    .join(sessions, messages.c.session_id == sessions.c.id)
    .where(
        messages.c.id == number("message"),
        messages.c.role == "assistant",
        addresses.c.platform == bindparam("platform", type_=Text),
        addresses.c.account == bindparam("account", type_=Text),
        sessions.c.erased_at.is_(None),
    )
    # Whoever erases the session waits for this, and takes it along.
    .with_for_update(of=sessions, read=True, key_share=True)
)
_RATE = both(_rate)
