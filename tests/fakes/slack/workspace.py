"""A workspace: what is said in it, and what Slack sends about that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.slack import events
from tests.fakes.slack.message import Channel, Ephemeral, Message

if TYPE_CHECKING:
    from tests.fakes.slack.server import FakeSlack

SCOPES = (
    *("app_mentions:read", "assistant:write", "chat:write", "commands", "im:history", "im:read"),
    *("im:write", "channels:history", "groups:history", "mpim:history", "files:read", "users:read"),
)


@dataclass(kw_only=True, slots=True, eq=False)
class Workspace:
    """One team; with "" as its token, one where the app isn't installed.

    `statuses` and `sessions` are by (channel, thread) and `prompts` by channel, as set last.
    `users` are their names by id: who is not in it exists too, and is called by the id, unless
    among the `strangers`; `locales` are their settings, en-US for all others.
    `ephemerals` are what is still shown; what was replaced is in the `was` of its successor.
    """

    fake: "FakeSlack"
    team: str
    token: str
    bot_user: str = "UBOT"
    bot_id: str = "BBOT"
    app_id: str = "A1"
    enterprise: str | None = None
    scopes: tuple[str, ...] = SCOPES
    name: str = "Acme"
    messages_tab: bool = True
    users: dict[str, str] = field(default_factory=dict)
    strangers: set[str] = field(default_factory=set)
    locales: dict[str, str] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    ephemerals: list[Ephemeral] = field(default_factory=list)
    statuses: dict[tuple[str, str | None], str] = field(default_factory=dict)
    sessions: dict[tuple[str, str | None], str] = field(default_factory=dict)
    prompts: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    streams: dict[str, Message] = field(default_factory=dict)  # not ended by anybody, by ts

    def im(self, user: str = "U1") -> str:
        """The id of the bot's direct messages with a user."""
        id_ = f"D{self.team}{user}"
        if id_ not in self.channels:
            channel = Channel(id=id_, name="directmessage", kind="im", user=user)
            self.channels[id_] = channel
        return id_

    def channel(self, name: str = "general", *, member: bool = True, kind: str = "channel") -> str:
        """The id of a channel; `kind` is channel, group (a private one) or mpim."""
        for channel in self.channels.values():
            if channel.name == name and channel.kind != "im":
                return channel.id
        letter = "C" if kind == "channel" else "G"
        id_ = f"{letter}{self.team}{len(self.channels) + 1:03}"
        self.channels[id_] = Channel(id=id_, name=name, kind=kind, member=member)
        return id_

    def say(
        self,
        channel: str,
        user: str,
        text: str,
        *,
        thread_ts: str | None = None,
        files: list[dict[str, Any]] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Post as a person: the message as Slack would tell it. `more` goes into it as it is."""
        raw = {"files": files, **more} if files is not None else more
        message = self.post(channel, user, thread_ts=thread_ts, raw=raw)
        message.show(text, None)
        return events.told(self, message)

    def file(
        self,
        content: bytes,
        *,
        name: str = "cat.png",
        kind: str = "image/png",
        **more: Any,
    ) -> dict[str, Any]:
        """A file to `say` something with, as events tell of it: see `Files.add`."""
        return self.fake.files.add(self, content, name=name, kind=kind, **more)

    def post(self, channel: str, user: str, **fields: Any) -> Message:
        """Put an empty message with the next ts into a channel."""
        ts, clock = self.fake.tick(), self.fake.clock
        message = Message(
            channel=channel, ts=ts, user=user, clock=clock, posted=clock.now(), **fields
        )
        return self.channels[channel].add(message)

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """All that is visible now in order of ts, or the replies of a thread without its root."""
        return self.channels[channel].shown(thread_ts)

    def bot_messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        return [each for each in self.messages(channel, thread_ts) if each.bot]

    @property
    def streaming(self) -> list[Message]:
        """The messages whose stream is open now."""
        return [message for message in self.streams.values() if message.streaming]

    @property
    def broken(self) -> list[Message]:
        """The messages whose stream expired, and which nobody has mended since."""
        return [message for message in self.streams.values() if message.broken]

    @property
    def enterprise_object(self) -> dict[str, str] | None:
        return {"id": self.enterprise, "name": self.enterprise} if self.enterprise else None

    def revoke(self) -> None:
        """Take the app's tokens away: calls get token_revoked."""
        self.fake.grants.revoke(self)

    def press_stop(self, message: Message, user: str | None = None) -> dict[str, Any]:
        """End the streams of the message's thread, as its reader; the event about it."""
        thread = (message.channel, message.thread_ts or message.ts)
        stopped = [each for each in self.streaming if (each.channel, each.thread_ts) == thread]
        for each in stopped:
            each.stop("stopped_by_user")
            del self.streams[each.ts]
        return events.session_stopped(self, message, stopped, user)

    def envelope(
        self,
        event: Mapping[str, Any],
        *,
        event_id: str | None = None,
        authorizations: Iterable[Mapping[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """The body that the Events API sends around an event."""
        return events.envelope(self, event, event_id, authorizations)

    def message_event(self, message: Message | Mapping[str, Any]) -> dict[str, Any]:
        """The `message` event about a message: this is how DMs and threads arrive."""
        return events.message_event(self, message)

    def app_mention_event(self, message: Message | Mapping[str, Any]) -> dict[str, Any]:
        """The `app_mention` event about the same message."""
        return events.app_mention_event(self, message)

    def command(
        self, text: str, *, user: str = "U1", channel: str | None = None, command: str = "/ai"
    ) -> dict[str, str]:
        """The form that a slash command sends; in #general unless a channel is given."""
        return events.command(self, text, user, channel or self.channel(), command)

    def action(
        self, message: Message, *, value: str, action_id: str = "feedback", user: str = "U1"
    ) -> dict[str, Any]:
        """The payload that a click on a feedback button sends."""
        return events.action(self, message, value, action_id, user)
