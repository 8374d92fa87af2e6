"""Events with a type: `{"type": "text" | "done" | "error"}`, one `data:` line each."""

from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status


class Typed:
    """Encodes the updates of one session's turn.

    Nothing can be taken back here: what replaces the words so far begins a paragraph after them.
    """

    def __init__(self, session: str) -> None:
        self._session = session
        self._begun = False

    def encode(self, update: Update) -> bytes:
        """The update as events; empty when there is nothing to tell."""
        data = b""
        if update.text:
            mark = f"id: {update.turn_id}.{update.cursor.attempt}.{update.cursor.position}\n"
            text = f"\n\n{update.text}" if update.reset and self._begun else update.text
            data = b'%bdata: {"type":"text","text":%b}\n\n' % (mark.encode(), encode(text))
            self._begun = True
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
