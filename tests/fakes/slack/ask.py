"""A call of the Web API, as the methods get it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from tests.fakes.slack.message import Channel, Message
from tests.fakes.slack.refused import Refused

if TYPE_CHECKING:
    from tests.fakes.slack.grants import Grant
    from tests.fakes.slack.server import FakeSlack
    from tests.fakes.slack.workspace import Workspace

JSON_FIELDS = {  # in a form these are JSON; what is none is refused so
    "blocks": "invalid_blocks_format",
    "chunks": "invalid_chunks",
    "metadata": "invalid_metadata_format",
    "attachments": "invalid_attachments",
    "prompts": "invalid_arguments",
    "loading_messages": "invalid_arguments",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """What a method may look at. The checks raise `Refused`."""

    fake: "FakeSlack"
    workspace: "Workspace"
    grant: "Grant"
    args: Mapping[str, Any]

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        """A field that has to be there."""
        value = self.args.get(name)
        if value in (None, ""):
            raise Refused(error, response_metadata={"messages": [f"[ERROR] missing: {name}"]})
        return str(value)

    def channel(self, field: str = "channel", *, member: bool = True) -> Channel:
        """The conversation that is meant, by its id; `member`: where the bot has to be in it."""
        found = self.workspace.channels.get(self.need(field, "channel_not_found"))
        if found is None:
            raise Refused("channel_not_found")
        if member and not found.member:
            raise Refused("not_in_channel")
        return found

    def writable(self, *, public: bool = False) -> Channel:
        """The same, where the bot may write. `public`: also where it isn't in, with the scope."""
        allowed = public and "chat:write.public" in self.grant.scopes
        found = self.channel(member=not allowed)
        if found.archived:
            raise Refused("is_archived")
        if found.kind == "im" and not self.workspace.messages_tab:
            raise Refused("messages_tab_disabled")
        return found

    def message(self, channel: Channel) -> Message:
        found = channel.messages.get(self.need("ts", "message_not_found"))
        if found is None or found.deleted:
            raise Refused("message_not_found")
        return found

    def thread(self, channel: Channel) -> str | None:
        """The root that is replied to; a root that was deleted still is one."""
        thread_ts = self.args.get("thread_ts")
        if thread_ts in (None, ""):
            return None
        root = channel.messages.get(str(thread_ts))
        if root is None:
            raise Refused("thread_not_found")
        if root.is_reply:
            raise Refused("cannot_reply_to_message")
        return root.ts


def arguments(query: Mapping[str, str], kind: str, body: bytes) -> dict[str, Any]:
    """The fields of a call, from its query and its form or JSON. Raises `Refused`."""
    args: dict[str, Any] = dict(query)
    if kind == "application/json":
        args |= _object(body) if body else {}
    elif body:
        args |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    for name, error in JSON_FIELDS.items():
        if isinstance(value := args.get(name), str):
            args[name] = _decoded(value, error)
    if not all(isinstance(args.get(name, ""), str) for name in ("text", "markdown_text")):
        raise Refused("invalid_arguments")
    return args


def _object(body: bytes) -> dict[str, Any]:
    value = _decoded(body, "invalid_json")
    if not isinstance(value, dict):
        raise Refused("json_not_object")
    return {name: field for name, field in value.items() if field is not None}


def _decoded(value: str | bytes, error: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        raise Refused(error) from None


def number(args: Mapping[str, Any], name: str, default: int) -> int:
    try:
        return int(args.get(name, default))
    except (TypeError, ValueError):
        raise Refused("invalid_arguments") from None


def flag(args: Mapping[str, Any], name: str) -> bool:
    return str(args.get(name, "")).lower() in {"true", "1"}
