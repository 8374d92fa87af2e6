"""The gateway's own events: named, numbered, resumable."""

from collections.abc import Sequence

from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status

NAMES = {Status.CANCELLED: "run.cancelled", Status.FAILED: "run.failed"}
END = "end"  # in an event id, stands for: this client has been told how the turn ended


class Native:
    """Encodes the updates of one turn, as `message` (the client's id) opened or joined it.

    `messages` are the ids of all that the turn answers, for a viewer who has not sent them.
    """

    def __init__(
        self, session: str, message: str | None, messages: Sequence[str] | None = None
    ) -> None:
        self._session = session
        only = messages[0] if messages and len(messages) == 1 else None
        self._message = message or only
        self._messages = messages

    def encode(self, update: Update) -> bytes:
        """The update as events; empty when there is nothing to tell."""
        turn, cursor = update.turn_id, update.cursor
        mark = f"{turn}.{cursor.attempt}.{cursor.position}"
        data = b""
        if update.started:
            data = _event("run.started", mark, self._start(turn))
        if update.reset:
            data += _event("snapshot", mark, {"text": update.text})
        elif update.text:
            data += _event("delta", mark, {"text": update.text})
        if update.outcome is not None:
            name = NAMES.get(update.outcome.status, "run.completed")
            data += _event(name, f"{turn}.{cursor.attempt}.{END}", _end(update.outcome))
        return data

    def _start(self, turn_id: int) -> dict[str, object]:
        start: dict[str, object] = {
            "runId": str(turn_id),
            "sessionId": self._session,
            "messageId": self._message,
        }
        if self._messages is not None:
            start["messageIds"] = self._messages
        return start


def _event(name: str, mark: str, body: object) -> bytes:
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), mark.encode(), encode(body))


def _end(outcome: Outcome) -> dict[str, object]:
    run = str(outcome.turn_id)
    if outcome.status == Status.FAILED:
        return {
            "runId": run,
            "code": outcome.error or "failed",
            "message": apology(outcome.turn_id, outcome.language),
            "retryable": outcome.error != "rejected",
        }
    message = None
    if outcome.message_id is not None:
        message = {
            "id": str(outcome.message_id),
            "text": outcome.text,
            "createdAt": outcome.created_at,
        }
    return {
        "runId": run,
        "message": message,
        "stopReason": outcome.stop_reason,
        "model": outcome.model,
        "usage": {"input": outcome.usage.prompt, "output": outcome.usage.output},
    }
