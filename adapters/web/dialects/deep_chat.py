"""What the deep-chat component reads: `{"text": …}` for words, `{"error": …}` for none."""

import msgspec

from adapters.web.dialects.appended import Appended
from adapters.web.errors import PlainError
from adapters.web.failure import failure
from adapters.web.wire import encode
from core.live import Update
from core.types import Status


class DeepChatText(msgspec.Struct):
    """An answer, or with a stream the next words of it."""

    text: str


class DeepChat:
    """Encodes the updates of one turn; the stream's end is the answer's."""

    def __init__(self) -> None:
        self._said = Appended()

    def encode(self, update: Update) -> bytes:
        """The update as events; empty when there is nothing to tell."""
        data = b""
        if words := self._said.words(update):
            data = _event(DeepChatText(text=words))
        if update.outcome is not None and update.outcome.status == Status.FAILED:
            data += _event(PlainError.of(failure(update.outcome)))
        return data


def _event(body: object) -> bytes:
    return b"data: %b\n\n" % encode(body)
