"""Marks: where in a turn's answer a reader stands, as `turn.attempt.position`."""

from adapters.web.dialects.native import END
from adapters.web.errors import Refused
from adapters.web.wire import number
from core.live import Cursor, Update


def mark_of(update: Update) -> str:
    """Where a reader stands that has read the update."""
    position = update.cursor.position if update.outcome is None else END
    return f"{update.turn_id}.{update.cursor.attempt}.{position}"


def read_mark(mark: str, wrong: Refused) -> tuple[int, Cursor | None]:
    """A mark as turn and cursor; no cursor when it was the turn's last. Raises `wrong`."""
    fields = mark.strip().split(".")
    if len(fields) != 3:
        raise wrong
    turn_id, attempt = number(fields[0], wrong), number(fields[1], wrong)
    if fields[2] == END:
        return turn_id, None
    return turn_id, Cursor(attempt=attempt, position=number(fields[2], wrong))
