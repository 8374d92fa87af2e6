"""What the native API takes and gives, as its description shows it."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from adapters.web.fields import Name, Words
from adapters.web.native.file_types import Files, Named, named
from adapters.web.wire import is_ours, name_in_key
from core.text import render
from core.transcript import Entry
from core.types import Message, Part, Role

Time = Annotated[int, Meta(description="Milliseconds since 1970.")]
Id = Annotated[str, Meta(pattern=r"^[0-9]{1,18}$")]
Language = Annotated[str, Meta(description="What the sender reads, such as de or pt-BR.")]
Comment = Annotated[str, Meta(max_length=2000)]


class Config(msgspec.Struct, rename="camel", kw_only=True):
    """What a page shows before the first message, and how people sign in (`auth`)."""

    name: str
    demo: bool
    model: str
    greeting: str | None = None
    auth: list[str]


class Send(msgspec.Struct, rename="camel"):
    """A message. The same `messageId` again is the same message."""

    text: Words
    message_id: Name | None = None
    language: Language | None = None


class SendFiles(msgspec.Struct, rename="camel"):
    """A message with files. The same `messageId` again is the same message."""

    files: Files
    text: str | None = None
    message_id: Name | None = None
    language: Language | None = None


class Begin(msgspec.Struct):
    """A conversation's name; one that nobody can guess is made without it."""

    id: Name | None = None


class Regenerate(msgspec.Struct, rename="camel"):
    """The run to be answered anew; the last one without it."""

    run_id: Id | None = None


class Opinion(msgspec.Struct):
    """What a reader thinks of an answer: 1 is good, -1 is bad."""

    value: Literal[1, -1]
    comment: Comment | None = None


class Left(msgspec.Struct, rename="camel"):
    """What became of a message that nobody waits for. `runId` is null while it waits itself."""

    message_id: str | None
    session_id: str
    run_id: str | None


class Stopping(msgspec.Struct, rename="camel"):
    """Whether the run was still running."""

    run_id: str
    running: bool


class Begun(msgspec.Struct, rename="camel"):
    """A conversation, and since when there is one."""

    id: str
    created_at: Time


class Listed(msgspec.Struct, rename="camel", kw_only=True):
    """A conversation: how it began, in at most 80 characters, and how many answers it has."""

    id: str
    title: str
    created_at: Time
    updated_at: Time
    turns: int


class Session(Listed, kw_only=True):
    """A conversation and its running answer, if there is one."""

    running: str | None


class Sessions(msgspec.Struct):
    """A page of conversations, the newest first. `before` is for the next one; null at the end."""

    sessions: list[Listed]
    before: str | None


class Shown(msgspec.Struct, rename="camel", kw_only=True):
    """A message. `messageId` is its client's name for it, `feedback` its reader's opinion."""

    id: str
    role: Role
    text: str
    created_at: Time
    run_id: str | None
    status: Literal["waiting", "running", "answered", "done", "failed", "cancelled"]
    message_id: str | UnsetType = UNSET
    feedback: Literal[1, -1] | UnsetType = UNSET
    files: list[Named] | UnsetType = UNSET


class Messages(msgspec.Struct):
    """A page of a conversation, oldest first, and the run to follow, if one runs."""

    messages: list[Shown]
    running: str | None


class Exported(Shown, kw_only=True):
    """A message with all that is kept of it: its reader's comment, and what was said before.

    `replaced` is there for what another answer took the place of.
    """

    replaced: bool | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    transcript: list[tuple[Role, str]] | UnsetType = UNSET


class Whole(msgspec.Struct, rename="camel"):
    """A conversation from its begin, also what was cleared or replaced."""

    id: str
    created_at: Time
    updated_at: Time
    messages: list[Exported]


class Export(msgspec.Struct):
    """Everything of one caller."""

    sessions: list[Whole]


class Erased(msgspec.Struct):
    """How many conversations there were."""

    erased: int


class Stored(msgspec.Struct, rename="camel"):
    """An answer as it is kept."""

    id: str
    text: str
    created_at: Time


class Usage(msgspec.Struct):
    """Tokens."""

    input: int
    output: int


class RunEvent(msgspec.Struct, rename="camel", kw_only=True):
    """An event's data; the event's name says what is in it.

    `run.started`: `runId`, `sessionId`, `messageId` (the caller's own) or `messageIds` (those of
    the run). `delta`: `text` to be added. `snapshot`: `text` that replaces all so far.
    `run.completed` and `run.cancelled`: the stored `message`, or null. `run.failed`: `code`,
    `message` for people, `retryable`.
    """

    run_id: str | UnsetType = UNSET
    session_id: str | UnsetType = UNSET
    message_id: str | UnsetType | None = UNSET
    message_ids: list[str] | UnsetType = UNSET
    text: str | UnsetType = UNSET
    message: Stored | str | UnsetType | None = UNSET
    stop_reason: str | UnsetType | None = UNSET
    model: str | UnsetType | None = UNSET
    usage: Usage | UnsetType = UNSET
    code: str | UnsetType = UNSET
    retryable: bool | UnsetType = UNSET


def shown(entry: Entry) -> Shown:
    """A message for its readers."""
    return Shown(**_plain(entry.message, entry.status, entry.key, entry.feedback))


def exported(said: Any) -> Exported:
    """A message (`core.export.Said`) with all that is kept of it."""
    told = before(said.message.parts)
    return Exported(
        **_plain(said.message, said.status, said.key, said.feedback),
        comment=said.comment or UNSET,
        replaced=said.replaced or UNSET,
        transcript=told or UNSET,
    )


def before(parts: tuple[Part, ...]) -> list[tuple[Role, str]]:
    """What the client said was said before."""
    return [
        (role, text)
        for part in parts
        if part["type"] == "asked"
        for role, text in part["transcript"]
    ]


def _plain(
    message: Message, status: str | None, key: str | None, feedback: int | None
) -> dict[str, Any]:
    return {
        "id": str(message.id),
        "role": message.role,
        "text": render(message.parts),
        "created_at": message.created_at,
        "run_id": None if message.turn_id is None else str(message.turn_id),
        "status": status or "waiting",
        "message_id": name_in_key(key) if key is not None and is_ours(key) else UNSET,
        "feedback": feedback or UNSET,
        "files": named(message.parts) or UNSET,
    }
