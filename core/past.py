"""What was said before a turn: what of it a model may be shown, and what stands for the rest."""

from dataclasses import dataclass

from sqlalchemy import Connection, Text, bindparam, exists, select, update

from core import statements as sql
from core import transcript
from core.prepared import Prepared
from core.statements import number
from core.tables import sessions, turns
from core.transcript import Spoken


@dataclass(frozen=True, kw_only=True, slots=True)
class Past:
    """A conversation up to a turn.

    `spoken` are the messages from the turn `window_from` on, oldest first. `summary` stands for
    what was said before that, since `history_from`. `updated_at` is when the turn before was over,
    in milliseconds since 1970. `persona` and `model` are whom its person chose to be answered by.
    """

    spoken: tuple[Spoken, ...]
    summary: str | None = None
    window_from: int = 0
    history_from: int = 0
    updated_at: int = 0
    persona: str | None = None
    model: str | None = None


def read(db: Connection, session_id: int, *, turn_id: int) -> Past:
    """What a turn's model may be shown."""
    spoken = transcript.spoken(db, session_id, turn_id=turn_id)
    head = _HEAD.first(db, {"session": session_id})
    # It may have been condensed between the two: what the summary tells is not shown as well.
    shown_from = min(head.window_from, turn_id)
    return Past(
        spoken=tuple(said for said in spoken if said.turn_id >= shown_from),
        summary=head.summary,
        window_from=head.window_from,
        history_from=head.history_from,
        updated_at=head.updated_at,
        persona=head.persona,
        model=head.model,
    )


def condense(
    db: Connection, session_id: int, before: Past, *, summary: str, window_from: int
) -> bool:
    """Let a summary stand for what was said before the turn `window_from`, the first that stays.

    False, and nothing is changed, if the conversation is not as `before` any more: it began
    afresh, was answered anew, was erased, or was condensed by somebody else.
    """
    # Whoever answers it anew holds this lock: the next statement sees what they did.
    db.execute(sql.LOCK_SESSION, {"session": session_id})
    values = {
        "session": session_id,
        "window": window_from,
        "words": summary,
        "was": before.window_from,
        "history": before.history_from,
    }
    return db.execute(_CONDENSE, values).rowcount > 0


_HEAD = Prepared(
    select(
        sessions.c.summary,
        sessions.c.window_from,
        sessions.c.history_from,
        sessions.c.updated_at,
        sessions.c.persona,
        sessions.c.model,
    ).where(sessions.c.id == number("session"))
)
_CONDENSE = (
    update(sessions)
    .where(
        sessions.c.id == number("session"),
        sessions.c.window_from == number("was"),
        sessions.c.history_from == number("history"),
        sessions.c.erased_at.is_(None),
        # Who replaces a turn replaces all that follow it: if this one stands, so do those before.
        ~exists().where(turns.c.id == number("window"), turns.c.replaced_by.is_not(None)),
    )
    .values(window_from=number("window"), summary=bindparam("words", type_=Text))
)
