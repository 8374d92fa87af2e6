"""Events with a type: `{"type": "text" | "done" | "error"}`, one `data:` line each."""

from adapters.web.dialects.appended import Appended
from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status


class Typed:
    """Encodes the updates of one session's turn."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._said = Appended()

    def encode(self, update: Update) -> bytes:
        """The update as events; empty when there is nothing to tell."""
        data = b""
        if words := self._said.words(update):
            mark = f"id: {update.turn_id}.{update.cursor.attempt}.{update.cursor.position}\n"
            data = b'%bdata: {"type":"text","text":%b}\n\n' % (mark.encode(), encode(words))
        if update.outcome is not None:
            data += b"data: %b\n\n" % encode(self._end(update.outcome))
        return data

    def _end(self, outcome: Outcome) -> dict[str, object]:
        if outcome.status == Status.FAILED:
            return {"type": "error", "error": apology(outcome.turn_id)}
        end: dict[str, object] = {
            "type": "done",
            "sessionId": self._session,
            "usage": {"input": outcome.usage.prompt, "output": outcome.usage.output},
        }
        if outcome.status == Status.CANCELLED:
            end["cancelled"] = True
        return end
