"""What a WebSocket's client reads of a turn: frames, each one message of JSON."""

import msgspec

from adapters.web.dialects.typed import Tokens
from adapters.web.dialects.ui import Chunk, ResetStepChunk, StartStepChunk, Ui
from adapters.web.errors import Refused
from adapters.web.marks import mark_of
from adapters.web.wire import encode
from core.live import Update
from core.text import apology
from core.types import Outcome, Status

FAILED = "Failed to process request"


class StreamFrame(
    msgspec.Struct, tag_field="type", tag="stream", rename="camel", omit_defaults=True
):
    """The next words. With a `snapshot`, that is all there is: what came before is void."""

    content: str
    session_id: str
    message_id: str | None
    seq: str
    snapshot: str | None = None


class SnapshotFrame(msgspec.Struct, tag_field="type", tag="snapshot", rename="camel"):
    """All of an answer so far, in place of what its reader has of it."""

    content: str
    session_id: str
    message_id: str | None
    seq: str


class DoneFrame(msgspec.Struct, tag_field="type", tag="done", rename="camel", omit_defaults=True):
    """The end of an answer, `cancelled` if somebody stopped it."""

    session_id: str
    message_id: str | None
    seq: str
    usage: Tokens
    cancelled: bool = False


class ErrorFrame(msgspec.Struct, tag_field="type", tag="error", rename="camel", omit_defaults=True):
    """Nothing came of it. `code` is for programs, `detail` for whoever mends it.

    A `requestId` and its `errorText` are there for the AI SDK, if the request had one.
    """

    message: str
    code: str
    detail: str
    session_id: str | None = None
    message_id: str | None = None
    seq: str | None = None
    request_id: str | None = None
    error_text: str | None = None
    retry_after: float | None = None


class StartFrame(msgspec.Struct, tag_field="type", tag="start", rename="camel"):
    """Chunks follow."""

    request_id: str


class ChunkFrame(msgspec.Struct, tag_field="type", tag="chunk", rename="camel"):
    """The next chunk; they are numbered without gaps."""

    request_id: str
    sequence: int
    chunk: Chunk


class EndFrame(msgspec.Struct, tag_field="type", tag="end", rename="camel"):
    """No more chunks."""

    request_id: str


class Frames:
    """Encodes the turn that answers a message: `stream`…, then `done` or `error`.

    A reader who `resumed` knows what a `snapshot` is; `begun` says that they have words of it
    already. Of the turn `shown` only the end is
    told: one that answers several messages at once is read once, and ended for each of them.
    """

    def __init__(
        self,
        session: str,
        message: str | None,
        *,
        resumed: bool = False,
        begun: bool = False,
        shown: int | None = None,
    ) -> None:
        self._session = session
        self._message = message
        self._resumed = resumed
        self._begun = begun
        self._shown = shown
        self.told: int | None = None  # the turn, once its end was told

    def frames(self, update: Update) -> list[bytes]:
        """The update as frames."""
        found = []
        if update.turn_id != self._shown and (update.text or (update.reset and self._begun)):
            found.append(encode(self._words(update)))
        if update.outcome is not None:
            found.append(encode(self._end(update, update.outcome)))
            self.told = update.turn_id
        return found

    def fault(self, refused: Refused) -> bytes:
        """The frame of an answer that cannot be followed to its end."""
        return fault(refused, session=self._session, message=self._message)

    def _words(self, update: Update) -> StreamFrame | SnapshotFrame:
        anew = update.reset and self._begun
        self._begun = True
        cursor = update.cursor
        if anew and self._resumed:
            return SnapshotFrame(
                content=update.text,
                session_id=self._session,
                message_id=self._message,
                seq=f"{update.turn_id}.{cursor.attempt}.{cursor.position}",
            )
        return StreamFrame(
            # Who only ever adds words reads the new ones as a paragraph of their own.
            content=f"\n\n{update.text}" if anew else update.text,
            session_id=self._session,
            message_id=self._message,
            seq=f"{update.turn_id}.{cursor.attempt}.{cursor.position}",
            snapshot=update.text if anew else None,
        )

    def _end(self, update: Update, outcome: Outcome) -> DoneFrame | ErrorFrame:
        if outcome.status == Status.FAILED:
            return ErrorFrame(
                message=FAILED,
                code=outcome.error or "failed",
                detail=apology(outcome.turn_id, outcome.language),
                session_id=self._session,
                message_id=self._message,
                seq=mark_of(update),
            )
        return DoneFrame(
            session_id=self._session,
            message_id=self._message,
            seq=mark_of(update),
            usage=Tokens(input=outcome.usage.prompt, output=outcome.usage.output),
            cancelled=outcome.status == Status.CANCELLED,
        )


class ChunkFrames:
    """Encodes a turn for the AI SDK: its chunks in frames, from the turn's start to its end.

    A reader that has the chunks up to `after` gets them numbered from there on. Which words came
    in which chunk is not known any more, so they take back what it has and say all of it.
    """

    def __init__(self, request: str, session: str, *, after: int | None = None) -> None:
        self._request = request
        self._chunks = Ui(session, resets=True)
        self._again = after is not None
        self._sequence = 0 if after is None else after + 1
        self.turn: int | None = None

    def frames(self, update: Update) -> list[bytes]:
        """The update as frames."""
        self.turn = update.turn_id
        chunks = self._chunks.chunks(update)
        if self._again:
            chunks = [ResetStepChunk() if _is_step(chunk) else chunk for chunk in chunks]
        found = [self._frame(chunk) for chunk in chunks]
        if update.outcome is not None:
            found.append(encode(EndFrame(self._request)))
        return found

    def fault(self, refused: Refused) -> bytes:
        """The frame of an answer that cannot be followed to its end."""
        return fault(refused, request=self._request)

    def _frame(self, chunk: Chunk) -> bytes:
        frame = ChunkFrame(self._request, self._sequence, chunk)
        self._sequence += 1
        return encode(frame)


def _is_step(chunk: Chunk) -> bool:
    return isinstance(chunk, StartStepChunk)


def fault(
    refused: Refused,
    *,
    session: str | None = None,
    message: str | None = None,
    request: str | None = None,
) -> bytes:
    """A refusal as a frame, for whichever of the two protocols it was asked in."""
    return encode(
        ErrorFrame(
            message=FAILED,
            code=refused.code,
            detail=refused.message,
            session_id=session,
            message_id=message,
            request_id=request,
            error_text=None if request is None else refused.message,
            retry_after=refused.retry_after,
        )
    )
