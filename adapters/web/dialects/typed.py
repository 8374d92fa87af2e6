"""Events with a type: `{"type": "text" | "done" | "error"}`, one `data:` line each."""

import msgspec

from adapters.web.dialects.appended import Appended
from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status


class TextEvent(msgspec.Struct, tag_field="type", tag="text"):
    """The next words of the answer."""

    text: str


class Tokens(msgspec.Struct):
    """What the answer took, in tokens; 0 if unknown."""

    input: int
    output: int


class DoneEvent(msgspec.Struct, tag_field="type", tag="done", rename="camel", omit_defaults=True):
    """The end of the answer, `cancelled` if somebody stopped it."""

    session_id: str
    usage: Tokens
    cancelled: bool = False


class ErrorEvent(msgspec.Struct, tag_field="type", tag="error"):
    """The end of an answer that could not be had, in a sentence for people."""

    error: str


TypedEvent = TextEvent | DoneEvent | ErrorEvent


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
            data = b"%bdata: %b\n\n" % (mark.encode(), encode(TextEvent(words)))
        if update.outcome is not None:
            data += b"data: %b\n\n" % encode(self._end(update.outcome))
        return data

    def _end(self, outcome: Outcome) -> TypedEvent:
        if outcome.status == Status.FAILED:
            return ErrorEvent(apology(outcome.turn_id, outcome.language))
        return DoneEvent(
            session_id=self._session,
            usage=Tokens(input=outcome.usage.prompt, output=outcome.usage.output),
            cancelled=outcome.status == Status.CANCELLED,
        )
