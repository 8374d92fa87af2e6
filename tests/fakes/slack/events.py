"""What Slack sends to an app: events, commands and clicks, in the shape they have there."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tests.fakes.slack.message import Message

if TYPE_CHECKING:
    from tests.fakes.slack.workspace import Workspace

VERIFICATION_TOKEN = "verification"  # deprecated; Slack still sends one


def told(workspace: "Workspace", message: Message) -> dict[str, Any]:
    """A message as the Web API tells it: without its channel's kind, without metadata."""
    tells: dict[str, Any] = {"type": "message", "user": message.user, "ts": message.ts}
    tells |= {"text": message.text, "team": workspace.team, "channel": message.channel}
    if message.bot:
        tells |= {"bot_id": workspace.bot_id, "app_id": workspace.app_id}
    else:
        number = int(message.ts.replace(".", ""))
        tells["client_msg_id"] = str(UUID(int=number << 64))
    if message.thread_ts:
        tells["thread_ts"] = message.thread_ts
        root = workspace.channels[message.channel].messages.get(message.thread_ts)
        if root and message.is_reply:
            tells["parent_user_id"] = root.user
    if message.blocks:
        tells["blocks"] = message.blocks
    if message.edited:
        tells["edited"] = {"user": message.user, "ts": message.ts}
    if message.stream:
        tells["streaming_state"] = "in_progress" if message.streaming else "completed"
    return tells if message.bot else tells | message.raw


def message_event(workspace: "Workspace", message: Message | Mapping[str, Any]) -> dict[str, Any]:
    event = _event(workspace, message)
    kind = workspace.channels[event["channel"]].kind
    return event | {"channel_type": kind}


def app_mention_event(
    workspace: "Workspace", message: Message | Mapping[str, Any]
) -> dict[str, Any]:
    event = _event(workspace, message)
    event.pop("channel_type", None)
    event.pop("subtype", None)
    return event | {"type": "app_mention"}


def _event(workspace: "Workspace", message: Message | Mapping[str, Any]) -> dict[str, Any]:
    about = told(workspace, message) if isinstance(message, Message) else dict(message)
    if about.get("text") and "blocks" not in about:
        about["blocks"] = _rich(about["text"])
    return about | {"event_ts": about["ts"]}


def _rich(text: str) -> list[dict[str, Any]]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "b1", "elements": [section]}]


def session_stopped(
    workspace: "Workspace", message: Message, stopped: Iterable[Message], user: str | None
) -> dict[str, Any]:
    thread_ts = message.thread_ts or message.ts
    root = workspace.channels[message.channel].messages.get(thread_ts)
    return {
        "type": "agent_session_stopped",
        "channel": message.channel,
        "user": user or (root.user if root else "U1"),
        "thread_ts": thread_ts,
        "streaming_message_ts": [each.ts for each in stopped],
        "event_ts": workspace.fake.tick(),
    }


def envelope(
    workspace: "Workspace",
    event: Mapping[str, Any],
    event_id: str | None,
    authorizations: Iterable[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    authorization = {
        "enterprise_id": workspace.enterprise,
        "team_id": workspace.team,
        "user_id": workspace.bot_user,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    body = {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team,
        "context_team_id": workspace.team,
        "context_enterprise_id": workspace.enterprise,
        "api_app_id": workspace.app_id,
        "event": dict(event),
        "type": "event_callback",
        "event_id": event_id or workspace.fake.number("Ev"),
        "event_time": int(workspace.fake.clock.now()),
        "authorizations": list(authorizations or [authorization]),
        "is_ext_shared_channel": False,
        "event_context": f"4-{workspace.fake.number('')}",
    }
    return body | ({"enterprise_id": workspace.enterprise} if workspace.enterprise else {})


def command(
    workspace: "Workspace", text: str, user: str, channel: str, name: str
) -> dict[str, str]:
    form = {
        "token": VERIFICATION_TOKEN,
        "team_id": workspace.team,
        "team_domain": workspace.name.lower(),
        "channel_id": channel,
        "channel_name": workspace.channels[channel].name,
        "user_id": user,
        "user_name": workspace.users.get(user, user),
        "command": name,
        "text": text,
        "api_app_id": workspace.app_id,
        "is_enterprise_install": "false",
        "response_url": workspace.fake.responses.issue(workspace, channel, user),
        "trigger_id": workspace.fake.number("trg."),
    }
    grid = {"enterprise_id": workspace.enterprise, "enterprise_name": workspace.enterprise}
    return form | {name: value for name, value in grid.items() if value}


def action(
    workspace: "Workspace", message: Message, value: str, action_id: str, user: str
) -> dict[str, Any]:
    fake, channel = workspace.fake, workspace.channels[message.channel]
    container = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": False,
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return {
        "type": "block_actions",
        "user": {"id": user, "username": user.lower(), "name": user, "team_id": workspace.team},
        "api_app_id": workspace.app_id,
        "token": VERIFICATION_TOKEN,
        "container": container,
        "trigger_id": fake.number("trg."),
        "team": {"id": workspace.team, "domain": workspace.name.lower()},
        "enterprise": workspace.enterprise_object,
        "is_enterprise_install": False,
        "channel": {"id": channel.id, "name": channel.name},
        "message": told(workspace, message),
        "state": {"values": {}},
        "response_url": fake.responses.issue(workspace, channel.id, user, message),
        "actions": [
            {
                "type": "feedback_buttons",
                "action_id": action_id,
                "block_id": "feedback",
                "value": value,
                "action_ts": fake.tick(),
            }
        ],
    }
