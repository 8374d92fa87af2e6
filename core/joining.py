"""Two conversations of one person become one: what was said in both stays, in its order.

Turns and messages are numbered for all conversations together, so those of one move into the other
and stand where they belong. A conversation with an open turn can't be moved: that turn's owner
would store its answer, and look for what waits, where they no longer are. The other one can, if it
is at rest, also while the first is answering; so it takes one of the two to be at rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, Text, bindparam, select, update

from core import commands, context, importance
from core.database import Contended
from core.statements import OPEN, number
from core.tables import addresses, messages, sessions, turns
from core.transcript import Spoken
from core.types import Status

READ = 1000  # messages that are condensed at most


class Joined(StrEnum):
    """What became of two conversations."""

    ONE = "one"  # they are one now
    BUSY = "busy"  # both are answering: try again later
    NEVER = "never"  # one is gone, or somebody else's by now


@dataclass(frozen=True, kw_only=True, slots=True)
class _Window:
    """From which turn on a conversation is shown to people, and to models; and what else is."""

    history_from: int
    window_from: int
    summary: str | None


def join(db: Connection, here: int, there: int, *, by: int, now: int) -> Joined:
    """Make one conversation of those at the addresses `here` and `there` (their ids).

    That of `here` stays, if it can be. What was hidden in either stays hidden: it counts as
    replaced by the turn `by`. Raises `Contended`.
    """
    ids = _sessions_at(db, here, there)
    if len(set(ids)) < 2:
        return Joined.ONE
    rows = {row.id: row for row in db.execute(_LOCK, {"ids": ids})}
    if _sessions_at(db, here, there) != ids:
        raise Contended("another transaction has moved the conversation")
    if len(rows) < 2 or len({row.person_id for row in rows.values()} - {None}) != 1:
        return Joined.NEVER
    busy = set(db.execute(_BUSY, {"ids": ids}).scalars())
    at_rest = [each for each in reversed(ids) if each not in busy]
    if not at_rest:
        return Joined.BUSY
    gone = rows[at_rest[0]]
    kept = rows[ids[0] if gone.id == ids[1] else ids[1]]
    _dissolve(db, gone, kept, by=by, now=now)
    return Joined.ONE


def _sessions_at(db: Connection, here: int, there: int) -> list[int]:
    found = {row.id: row.session_id for row in db.execute(_AT, {"ids": [here, there]})}
    return [found[here], found[there]]


def _dissolve(db: Connection, gone: Any, kept: Any, *, by: int, now: int) -> None:
    window = _window(db, gone, kept)
    for row in (gone, kept):
        db.execute(_HIDE, {"session": row.id, "history": row.history_from, "by": by})
    move = {"gone": gone.id, "kept": kept.id}
    for statement in _MOVE:
        db.execute(statement, move)
    db.execute(
        _KEEP,
        {
            **move,
            "history": window.history_from,
            "window": window.window_from,
            "of_summary": window.summary,
            "of_system": kept.system or gone.system,
            "of_persona": kept.persona or gone.persona,
            "of_model": kept.model or gone.model,
            "updated": max(kept.updated_at, gone.updated_at),
        },
    )
    # Whoever waits for its row looks again, and finds the address in the other one.
    db.execute(_DISSOLVE, {"gone": gone.id, "now": now})


def _window(db: Connection, gone: Any, kept: Any) -> _Window:
    """What is shown of both.

    It begins before either did, which no other change would do: a summary that is being written of
    one alone is thrown away then. Of a long conversation only the newest part is shown as it was,
    and so it is of both; what the other said before that is condensed by rules.
    """
    start = min(gone.history_from, kept.history_from) - 1
    summaries = [row.summary for row in (gone, kept) if row.summary]
    cut = [row.window_from for row in (gone, kept) if row.window_from > row.history_from]
    if not cut:
        return _Window(history_from=start, window_from=start, summary=None)
    window = max(cut)
    said = [each for row in (gone, kept) for each in _said(db, row, before=window)]
    if extract := importance.extract(None, _spoken(sorted(said, key=lambda each: each.turn_id))):
        summaries.append(extract)
    return _Window(history_from=start, window_from=window, summary="\n\n".join(summaries) or None)


def _said(db: Connection, row: Any, *, before: int) -> list[Spoken]:
    """What a conversation's models were shown as it was said, up to a turn."""
    values = {"session": row.id, "from_turn": row.window_from, "before": before, "most": READ}
    return [
        Spoken(
            turn_id=each.turn_id,
            role=each.role,
            parts=tuple(each.content),
            status=Status(each.status),
            error=each.error,
        )
        for each in db.execute(_SHOWN, values)
    ]


def _spoken(said: Sequence[Spoken]) -> list[importance.Said]:
    return [
        (message.role, message.text)
        for each in commands.without(said)
        for message in context.said(each, {})
        if message.text
    ]


_IDS = bindparam("ids", type_=BigInteger, expanding=True)
_AT = select(addresses.c.id, addresses.c.session_id).where(addresses.c.id.in_(_IDS))
_LOCK = (
    select(sessions)
    .where(sessions.c.id.in_(_IDS), sessions.c.erased_at.is_(None))
    .order_by(sessions.c.id)
    .with_for_update()
)
_BUSY = select(turns.c.session_id).where(turns.c.session_id.in_(_IDS), OPEN)
_HIDE = (
    update(turns)
    .where(
        turns.c.session_id == number("session"),
        turns.c.id < number("history"),
        turns.c.id != number("by"),
        turns.c.closed_at.is_not(None),  # its own question is shown to an open one's model
        turns.c.replaced_by.is_(None),
    )
    .values(replaced_by=number("by"))
)
_MOVE = tuple(
    update(table).where(table.c.session_id == number("gone")).values(session_id=number("kept"))
    for table in (turns, messages, addresses)
)
_KEEP = (
    update(sessions)
    .where(sessions.c.id == number("kept"))
    .values(
        history_from=number("history"),
        window_from=number("window"),
        summary=bindparam("of_summary", type_=Text),
        system=bindparam("of_system", type_=Text),
        persona=bindparam("of_persona", type_=Text),
        model=bindparam("of_model", type_=Text),
        updated_at=number("updated"),
    )
)
_DISSOLVE = (
    update(sessions)
    .where(sessions.c.id == number("gone"))
    .values(erased_at=number("now"), person_id=None, system=None, summary=None)
)
_SHOWN = (
    select(messages.c.turn_id, messages.c.role, messages.c.content, turns.c.status, turns.c.error)
    .join_from(messages, turns, messages.c.turn_id == turns.c.id)
    .where(
        messages.c.session_id == number("session"),
        messages.c.turn_id >= number("from_turn"),
        messages.c.turn_id < number("before"),
        turns.c.replaced_by.is_(None),
    )
    .order_by(messages.c.turn_id.desc(), messages.c.id.desc())
    .limit(number("most"))
)
