"""OpenAI's Chat Completions: an answer as one object, or as chunks of one.

Never `id:` nor `retry:` lines: OpenAI's own client takes the empty event behind them for data.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from adapters.web.dialects.appended import Appended
from adapters.web.errors import OpenAIError
from adapters.web.failure import failure
from adapters.web.wire import encode
from core.live import Update
from core.models import INTERRUPTED
from core.text import NOTICES
from core.types import Notice, Outcome, Status

DONE = b"data: [DONE]\n\n"
Finish = Literal["stop", "length", "content_filter"]
FINISHES: dict[str | None, Finish] = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    INTERRUPTED: "length",  # there is more to come, if one asks for it
    "refusal": "content_filter",
}
# Words for a person, of what `length` says to a program: they are no part of the answer here.
TRUNCATED = NOTICES[Notice.TRUNCATED]


class CompletionUsage(msgspec.Struct):
    """What an answer took."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionMessage(msgspec.Struct):
    """The answer."""

    role: Literal["assistant"]
    content: str
    refusal: None = None


class CompletionChoice(msgspec.Struct):
    """The one choice there is."""

    index: int
    message: CompletionMessage
    logprobs: None
    finish_reason: Finish


class ChatCompletion(msgspec.Struct):
    """An answer. `model` is the one that gave it; `created` is in seconds since 1970."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage


class ChunkDelta(msgspec.Struct):
    """What comes next."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET


class ChunkChoice(msgspec.Struct):
    """The one choice there is, as far as it is new."""

    index: int
    delta: ChunkDelta
    logprobs: None
    finish_reason: Finish | None


class ChatCompletionChunk(msgspec.Struct):
    """A part of an answer; the last one of a stream is followed by `[DONE]`.

    `model` is the one that was asked for. `usage` is there if `include_usage` asked for it, and
    is null but in the chunk without choices. An object `{"error": …}` in its place is the end of
    an answer that failed.
    """

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | UnsetType | None = UNSET


def completion(outcome: Outcome, *, model: str, created: int) -> ChatCompletion:
    """A whole answer, one that did not fail."""
    finish = _finish(outcome)
    text = outcome.text.removesuffix(TRUNCATED) if finish == "length" else outcome.text
    message = CompletionMessage(role="assistant", content=text)
    return ChatCompletion(
        id=_id(outcome.turn_id),
        object="chat.completion",
        created=created,
        model=outcome.model or model,
        choices=[CompletionChoice(index=0, message=message, logprobs=None, finish_reason=finish)],
        usage=_tokens(outcome),
    )


class Chunks:
    """Encodes the updates of one turn; with `usage`, its tokens too."""

    def __init__(self, *, model: str, created: int, usage: bool) -> None:
        self._model = model
        self._created = created
        self._usage = usage
        self._said = Appended()
        self._held = ""

    def encode(self, update: Update) -> bytes:
        """The update as chunks; empty when there is nothing to tell."""
        data = b""
        if update.started:
            data = self._choice(update, ChunkDelta(role="assistant", content=""))
        if words := self._words(update):
            data += self._choice(update, ChunkDelta(content=words))
        if update.outcome is not None:
            data += self._end(update, update.outcome)
        return data

    def _words(self, update: Update) -> str:
        """What to add; what may be the notice waits for the outcome to say whether it is."""
        words = self._held + self._said.words(update)
        bare = words.removesuffix(TRUNCATED)
        if update.outcome is None:
            self._held = words[len(bare) :]
            return bare
        return bare if _finish(update.outcome) == "length" else words

    def _end(self, update: Update, outcome: Outcome) -> bytes:
        if outcome.status == Status.FAILED:
            return b"data: %b\n\n" % encode(OpenAIError.of(failure(outcome))) + DONE
        data = self._choice(update, ChunkDelta(), _finish(outcome))
        if self._usage:
            data += self._chunk(update, [], _tokens(outcome))
        return data + DONE

    def _choice(self, update: Update, delta: ChunkDelta, finish: Finish | None = None) -> bytes:
        choice = ChunkChoice(index=0, delta=delta, logprobs=None, finish_reason=finish)
        return self._chunk(update, [choice], None if self._usage else UNSET)

    def _chunk(
        self, update: Update, choices: list[ChunkChoice], usage: CompletionUsage | UnsetType | None
    ) -> bytes:
        chunk = ChatCompletionChunk(
            id=_id(update.turn_id),
            object="chat.completion.chunk",
            created=self._created,
            model=self._model,
            choices=choices,
            usage=usage,
        )
        return b"data: %b\n\n" % encode(chunk)


def _id(turn_id: int) -> str:
    return f"chatcmpl-{turn_id}"


def _finish(outcome: Outcome) -> Finish:
    """Why it ended; a stopped answer has ended too."""
    return FINISHES.get(outcome.stop_reason, "stop")


def _tokens(outcome: Outcome) -> CompletionUsage:
    prompt, output = outcome.usage.prompt, outcome.usage.output
    return CompletionUsage(
        prompt_tokens=prompt, completion_tokens=output, total_tokens=prompt + output
    )
