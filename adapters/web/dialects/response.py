"""Events with a `response`, and `[DONE]` at the end."""

import msgspec

from adapters.web.dialects.appended import Appended
from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Status

DONE = b"data: [DONE]\n\n"


class ResponseEvent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The next words of the answer, or the sentence that stands in for the rest of it."""

    response: str = ""
    error: str = ""


class Response:
    """Encodes the updates of one turn."""

    def __init__(self) -> None:
        self._said = Appended()

    def encode(self, update: Update) -> bytes:
        """The update as events; empty when there is nothing to tell."""
        data = b""
        if words := self._said.words(update):
            data = _event(ResponseEvent(response=words))
        if update.outcome is None:
            return data
        if update.outcome.status == Status.FAILED:
            data += _event(ResponseEvent(error=apology(update.turn_id, update.outcome.language)))
        return data + DONE


def _event(event: ResponseEvent) -> bytes:
    return b"data: %b\n\n" % encode(event)
