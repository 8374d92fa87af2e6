"""What is in a channel: messages, their streams, and what only one person saw."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.blocks import words_of
from tests.fakes.slack.clock import Clock

STREAM_LIFETIME = 300.0  # seconds from its start, however busy it is


@dataclass(kw_only=True, slots=True, eq=False)
class Stream:
    """A message that grows. `mode` is "markdown_text" or "chunks", None while neither came."""

    mode: str | None = None
    text: str = ""
    ends: float = 0.0
    state: str = "open"  # then "stopped", or "stopped_by_user"
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    chunk_blocks: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True, slots=True, eq=False)
class Message:
    """A message as it is now. `text` is what a reader sees, `raw` what was sent with it.

    `streaming`: its stream is open. `broken`: its stream expired before it was stopped, and
    nothing was done about it: a reader sees a message that never ends.
    """

    channel: str
    ts: str
    user: str
    clock: Clock
    posted: float
    text: str = ""
    blocks: list[dict[str, Any]] | None = None
    thread_ts: str | None = None
    bot: bool = False
    edited: bool = False
    deleted: bool = False
    metadata: dict[str, Any] | None = None
    raw: dict[str, Any] = field(default_factory=dict)
    stream: Stream | None = None

    @property
    def age(self) -> float:
        """Seconds since it was posted."""
        return self.clock.now() - self.posted

    @property
    def streaming(self) -> bool:
        return self._ends is not None and self.clock.now() < self._ends

    @property
    def broken(self) -> bool:
        return self._ends is not None and self.clock.now() >= self._ends

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """The task cards of its stream, by id."""
        return self.stream.tasks if self.stream else {}

    @property
    def is_reply(self) -> bool:
        return self.thread_ts not in {None, self.ts}

    @property
    def _ends(self) -> float | None:
        """When its stream expires, if nobody has ended it."""
        return self.stream.ends if self.stream and self.stream.state == "open" else None

    def stop(self, state: str) -> None:
        """End its stream."""
        if self.stream:
            self.stream.state = state

    def show(self, text: str | None, blocks: list[dict[str, Any]] | None) -> None:
        """Replace what is seen: blocks hide the text that comes with them."""
        self.blocks = blocks
        self.text = words_of(blocks) if blocks else text or ""


@dataclass(kw_only=True, slots=True, eq=False)
class Ephemeral:
    """What one person saw. `was` are the texts that it had before it was replaced."""

    channel: str
    user: str
    text: str
    via: str  # "ack", "response_url" or "chat.postEphemeral"
    ts: str
    blocks: list[dict[str, Any]] | None = None
    thread_ts: str | None = None
    was: list[str] = field(default_factory=list)

    def show(self, text: str | None, blocks: list[dict[str, Any]] | None) -> None:
        """Replace what is seen, as `Message.show` does."""
        self.blocks = blocks
        self.text = words_of(blocks) if blocks else text or ""


@dataclass(kw_only=True, slots=True, eq=False)
class Channel:
    """A conversation: `kind` is im, channel, group or mpim; `messages` are in order of ts."""

    id: str
    name: str
    kind: str = "channel"
    user: str | None = None
    member: bool = True
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[Message]] = field(default_factory=dict)

    def add(self, message: Message) -> Message:
        self.messages[message.ts] = message
        if message.is_reply:
            self.threads.setdefault(message.thread_ts or "", []).append(message)
        return message

    def shown(self, thread_ts: str | None = None) -> list[Message]:
        """All that is visible, or only the replies of one thread."""
        among = self.messages.values() if thread_ts is None else self.threads.get(thread_ts, ())
        return [message for message in among if not message.deleted]
