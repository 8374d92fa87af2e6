"""Turns as their viewers see them."""

from core.live import Cursor, Update
from core.types import Outcome, Status, Usage

AWKWARD = 'data: [DONE]\r\n\r\n: ping\u2028 "q" \\ 🌍\x07'
SPENT = Usage(input=2, cache_read=10, output=5)


def outcome(
    status: Status = Status.DONE, stop_reason: str | None = "end_turn", text: str = "Hello there"
) -> Outcome:
    return Outcome(
        turn_id=7,
        attempt=1,
        status=status,
        text=text,
        model="sonnet",
        stop_reason=stop_reason,
        usage=SPENT,
        error="unavailable" if status is Status.FAILED else None,
        message_id=9,
        created_at=0,
    )


def update(text: str = "", ended: Outcome | None = None, **more: bool) -> Update:
    place = Cursor(attempt=1, position=len(text))
    return Update(turn_id=7, cursor=place, text=text, outcome=ended, **more)


START, END = update(started=True), update(ended=outcome())
SPEECH = [START, update("Hello"), update(" there"), END]
FAILED = update(ended=outcome(Status.FAILED, None))
STOPPED = update(ended=outcome(Status.CANCELLED, "stopped"))


def encoded(dialect, updates: list[Update]) -> bytes:
    return b"".join(map(dialect.encode, updates))
