"""The values that cross module boundaries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Part = Mapping[str, Any]
"""One part of a message, by its `type`.

`{"type": "text", "text": …}` and `{"type": "notice", "notice": …}` are what people read.
`{"type": "from", "at": …, "platform": …, "name": …}` is when and where something was said, and by
whom, and in which `language`, if that is told. `{"type": "asked", "model": …, "max_tokens": …,
"transcript": [[role, text], …]}` is what a client wants of the answer, and what was said before it
came here. `{"type": "command", "name": …, "argument": …}` makes the message one to the gateway
itself, not to a model. `{"type": "file", "file": key, "name": …}` is a file that came with it,
whose content is kept apart (`core.files`). `{"type": "tell", "tell": …}` is what the operator has
us tell the person. `{"type": "limited", "seconds": …}` marks a message that was one too many, and
`{"type": "unread"}` stands for one that was taken out. `{"type": "origin", "origin": {…}}` is what
the message's adapter needs to reply to it; only the adapter knows what it means.
"""


class Status(StrEnum):
    """Where a turn is in its life. The first two are open: they hold their session."""

    RUNNING = "running"
    ANSWERED = "answered"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


TELL = "tell:"
"""How the key of a message begins that the operator has us tell: it is nobody's to see."""
STOPPED = "stopped"
"""The stop reason of an answer that a person stopped; the others are the models' own."""


class Failure(StrEnum):
    """Why a turn failed, as stored in `turns.error`."""

    UNAVAILABLE = "unavailable"  # no model could be reached
    REJECTED = "rejected"  # the model's provider refused the request
    CRASHED = "crashed"  # it was tried three times and never came to an end
    UNDELIVERED = "undelivered"  # the answer is stored, the platform would not take it


class Notice(StrEnum):
    """What a reader is told about an answer that did not end by itself."""

    INTERRUPTED = "interrupted"  # the model's stream broke off after its first words
    TRUNCATED = "truncated"  # the model ran into its limit of tokens
    REFUSED = "refused"  # the model declined to answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a conversation takes place, in the platform's own ids."""

    platform: str
    account: str
    conversation: str
    direct: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """Who sent a message: what they are called by its platform, within the address's account."""

    external_id: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that came with a message, as its platform tells of it.

    Either `source` is JSON that the platform's `Fetcher` finds it by, or `upload` is the key of one
    that the sender has uploaded before. `name` and `type` (a media type) may be empty, and wrong.
    """

    name: str = ""
    type: str = ""
    source: Mapping[str, Any] | None = None
    upload: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundEvent:
    """One message from a person, as an adapter hands it over.

    `message_key` is the message's identity on its platform, not the delivery's: whatever
    carries the same key is the same message, however often and by whichever way it comes.

    `system` and `transcript` (what was said before, oldest first) count for a conversation that
    is new here alone. `model` is asked first if it is one of the gateway's; `max_tokens` is for
    the answer, and can only lower the gateway's own limit. `queue` is how many messages may wait
    in the session before this one is refused; None takes any number. `visitor` is an anonymous
    sender, who may begin no conversation any more once it is known who they are. `command` is the
    name of a chat command that the text is, and `argument` what stood behind it (`core.commands`).
    `language` is a BCP 47 tag, if the platform tells one. `origin` is JSON that the message's
    adapter is given back when it delivers the answer. With `files` the text may be empty. With
    `tell` it is no message of a person's: what it tells is the answer, and no model is asked.
    One that is not `metered` is none of those that its sender may send in a time.
    """

    address: Address
    text: str
    message_key: str
    system: str | None = None
    transcript: tuple["PromptMessage", ...] = ()
    model: str | None = None
    max_tokens: int | None = None
    queue: int | None = None
    visitor: str | None = None
    command: str | None = None
    argument: str = ""
    language: str | None = None
    origin: Mapping[str, Any] | None = None
    files: tuple[Attachment, ...] = ()
    sender: Sender | None = None
    metered: bool = True
    tell: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """A turn that this replica holds, and the fence (`attempt`) that its writes must pass."""

    id: int
    session_id: int
    owner: str
    attempt: int
    blame: int
    status: Status
    address_id: int
    address: Address
    system: str | None = None  # its session's own
    person_id: int | None = None  # who asked, if they are known


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What became of an inbound message.

    `turn` is set when the message opened a turn that is now to be run. `turn_id` is the turn
    that answers the message, or None while the message waits for the running one to end.
    """

    session_id: int
    message_id: int
    turn_id: int | None
    duplicate: bool = False
    turn: Turn | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Tokens of one or more model calls. All input is `input + cache_read + cache_write_*`."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0

    @property
    def cache_write(self) -> int:
        """Tokens written to the provider's cache, whatever their time to live."""
        return self.cache_write_5m + self.cache_write_1h

    @property
    def prompt(self) -> int:
        """All tokens that went in, cached or not."""
        return self.input + self.cache_read + self.cache_write

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write_5m=self.cache_write_5m + other.cache_write_5m,
            cache_write_1h=self.cache_write_1h + other.cache_write_1h,
        )


Role = Literal["user", "assistant"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One stored message of a session."""

    id: int
    turn_id: int | None
    role: Role
    parts: tuple[Part, ...]
    created_at: int  # milliseconds since 1970, UTC


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that a model is shown: `type` is one of `core.kinds.SHOWN`, and true."""

    name: str
    type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptMessage:
    """One message as the model sees it; roles alternate and the last is the user's.

    The text may be empty where there are files.
    """

    role: Role
    text: str
    files: tuple[File, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """What a model is asked.

    `cache` is the time that the provider should keep the prompt's prefix: the system prompt
    and everything up to the newest user message; None keeps nothing. `model` is the one to ask
    first, if it is known; with `only` no other is asked.
    """

    system: str
    messages: tuple[PromptMessage, ...]
    max_tokens: int
    cache: Literal["5m", "1h"] | None = "1h"
    model: str | None = None
    only: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Began:
    """A model took the request; `usage` is what it charged for so far."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Text:
    """The next words of an answer, never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """The model is at work, with nothing to show yet (it thinks)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Done:
    """The answer is complete. `usage` is the whole call's, cumulative; None if unknown."""

    stop_reason: str
    usage: Usage | None


Piece = Began | Text | Progress | Done


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What is stored when a turn has been answered.

    `cost` is in nano-dollars (1e-9 USD), None when the model has no known price or told no
    usage. `parts` is empty when there is nothing to keep (cancelled before the first word).
    `window_from` is the first turn that the model was shown, if the window was cut for it;
    `shown` is how many messages it was shown. `price` is what its tokens cost, as JSON; with
    `reserved` something may be set aside for it, which is to be settled. `persona` is the key
    of who answered, and `findings` the rules of theirs that it breaks.
    """

    status: Status
    parts: tuple[Part, ...] = ()
    model: str | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    cost: int | None = None
    error: str | None = None
    window_from: int | None = None
    shown: int = 0
    price: str | None = None
    reserved: bool = False
    persona: str | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A closed turn, as its viewers are told of it. `created_at` is in milliseconds since 1970.

    `language` is what its reader reads, as far as whoever tells knows.
    """

    turn_id: int
    attempt: int
    status: Status
    text: str
    model: str | None
    stop_reason: str | None
    usage: Usage
    error: str | None
    message_id: int | None
    created_at: int
    language: str | None = None
