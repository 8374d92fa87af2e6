"""The AI SDK's UI message stream, version 1.

Its clients know a closed set of chunks: any other `type` ends their stream with an error. So only
what stands in `Chunk` may be said, and nothing else that would be useful.
"""

from typing import Literal

import msgspec

from adapters.web.dialects.appended import Appended
from adapters.web.dialects.typed import Tokens
from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}
DONE = b"data: [DONE]\n\n"
PART = "t0"  # the answer's only part

Reason = Literal["stop", "length", "content-filter", "other"]
REASONS: dict[str | None, Reason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content-filter",
}


class StartMetadata(msgspec.Struct, rename="camel"):
    """Where the message stands: the chat's id, or the one that was made up for it."""

    session_id: str


class EndMetadata(msgspec.Struct):
    """What the message took."""

    usage: Tokens


class StartChunk(msgspec.Struct, tag_field="type", tag="start", rename="camel"):
    """A message begins. A replay has the same id, and takes the message's place."""

    message_id: str
    message_metadata: StartMetadata


class StartStepChunk(msgspec.Struct, tag_field="type", tag="start-step"):
    """The model is asked."""


class TextStartChunk(msgspec.Struct, tag_field="type", tag="text-start"):
    """Words follow."""

    id: str


class TextDeltaChunk(msgspec.Struct, tag_field="type", tag="text-delta"):
    """The next words."""

    id: str
    delta: str


class TextEndChunk(msgspec.Struct, tag_field="type", tag="text-end"):
    """No more words."""

    id: str


class ResetStepChunk(msgspec.Struct, tag_field="type", tag="reset-step"):
    """What the step has said is taken back. Clients of the AI SDK 5 and 6 do not know this."""


class FinishStepChunk(msgspec.Struct, tag_field="type", tag="finish-step"):
    """The model has answered."""


class FinishChunk(msgspec.Struct, tag_field="type", tag="finish", rename="camel"):
    """The message is whole."""

    finish_reason: Reason
    message_metadata: EndMetadata


class AbortChunk(msgspec.Struct, tag_field="type", tag="abort"):
    """Somebody stopped the message; what was said stands."""


class ErrorChunk(msgspec.Struct, tag_field="type", tag="error", rename="camel"):
    """There is no answer, in a sentence for people."""

    error_text: str


Chunk = (
    StartChunk
    | StartStepChunk
    | TextStartChunk
    | TextDeltaChunk
    | TextEndChunk
    | ResetStepChunk
    | FinishStepChunk
    | FinishChunk
    | AbortChunk
    | ErrorChunk
)


class Ui:
    """Encodes the updates of one turn, from its start, for the chat called `session`.

    Only clients of version 7 and later know how to take words back (`resets`); for the others
    such a chunk ends the stream, and what replaces the words begins a paragraph after them.
    """

    def __init__(self, session: str, *, resets: bool = False) -> None:
        self._session = session
        self._resets = resets
        self._said = Appended()
        self._open = False

    def encode(self, update: Update) -> bytes:
        """The update as events, `[DONE]` after the last; empty when there is nothing to tell."""
        data = b"".join(b"data: %b\n\n" % encode(chunk) for chunk in self.chunks(update))
        return data if update.outcome is None else data + DONE

    def chunks(self, update: Update) -> list[Chunk]:
        """The update as chunks."""
        found: list[Chunk] = []
        if update.started:
            place = StartMetadata(self._session)
            found += [StartChunk(message_name(update.turn_id), place), StartStepChunk()]
        if update.reset and self._open and self._resets:
            found.append(ResetStepChunk())
            self._open = False
        words = self._said.words(update)
        if words:
            found += [] if self._open else [TextStartChunk(PART)]
            found.append(TextDeltaChunk(PART, update.text if self._resets else words))
            self._open = True
        if update.outcome is not None:
            found += self._end(update.outcome)
        return found

    def _end(self, outcome: Outcome) -> list[Chunk]:
        said: list[Chunk] = [TextEndChunk(PART)] if self._open else []
        match outcome.status:
            case Status.FAILED:
                return [*said, ErrorChunk(apology(outcome.turn_id, outcome.language))]
            case Status.CANCELLED:
                return [*said, AbortChunk()]
            case _:
                usage = Tokens(input=outcome.usage.prompt, output=outcome.usage.output)
                reason = REASONS.get(outcome.stop_reason, "other")
                return [*said, FinishStepChunk(), FinishChunk(reason, EndMetadata(usage))]


def message_name(turn_id: int) -> str:
    """What clients are told that a turn's answer is called; each replay says the same."""
    return f"msg_{turn_id}"


def turn_called(name: str) -> int | None:
    """The turn whose answer is called so, None for a name that was not given here."""
    digits = name.removeprefix("msg_")
    if digits == name or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        return None
    return int(digits)
