"""The methods that post, change and delete messages."""

from typing import Any

from tests.fakes.slack.ask import Ask
from tests.fakes.slack.content import Content, content
from tests.fakes.slack.events import told
from tests.fakes.slack.message import Channel, Ephemeral, Message
from tests.fakes.slack.refused import Limited, Refused


def _content(ask: Ask, *, update: bool = False) -> Content:
    return content(ask.args, feedback=ask.fake.feedback_blocks, update=update)


def post(ask: Ask) -> dict[str, Any]:
    """chat.postMessage."""
    channel = _place(ask)
    said, thread_ts = _content(ask), ask.thread(channel)
    fake = ask.fake
    wait = fake.rates.post(channel.id, fake.clock.now()) if fake.limits_on else None
    if wait is not None:
        raise Limited(wait)
    message = ask.workspace.post(
        channel.id,
        ask.workspace.bot_user,
        thread_ts=thread_ts,
        bot=True,
        metadata=said.metadata,
        raw=dict(ask.args),
    )
    message.show(said.text, said.blocks)
    ask.workspace.statuses.pop((channel.id, thread_ts), None)
    return {"channel": channel.id, "ts": message.ts, "message": told(ask.workspace, message)}


def _place(ask: Ask) -> Channel:
    """Where a post goes: a user's id stands for the direct messages with them."""
    target = ask.need("channel", "channel_not_found")
    if target not in ask.workspace.channels and target[0] in "UW":
        return ask.workspace.channels[ask.workspace.im(target)]
    return ask.writable(public=True)


def update(ask: Ask) -> dict[str, Any]:
    """chat.update: also what mends a message whose stream expired."""
    channel = ask.writable()
    message = _own(ask, channel, "cant_update_message")
    if message.streaming:
        raise Refused("streaming_state_conflict")
    said = _content(ask, update=True)
    message.show(said.text, said.blocks)
    message.metadata = said.metadata or message.metadata
    message.raw |= ask.args
    message.edited, message.stream = True, None
    ask.workspace.streams.pop(message.ts, None)
    about = told(ask.workspace, message)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": about}


def delete(ask: Ask) -> dict[str, Any]:
    """chat.delete: of a root, the replies stay."""
    channel = ask.channel()
    message = _own(ask, channel, "cant_delete_message")
    message.deleted, message.stream = True, None
    ask.workspace.streams.pop(message.ts, None)
    return {"channel": channel.id, "ts": message.ts}


def _own(ask: Ask, channel: Channel, error: str) -> Message:
    message = ask.message(channel)
    if not message.bot:
        raise Refused(error)
    return message


def post_ephemeral(ask: Ask) -> dict[str, Any]:
    """chat.postEphemeral: nothing that could be updated."""
    channel, said = ask.writable(), _content(ask)
    seen = Ephemeral(
        channel=channel.id,
        user=ask.need("user", "user_not_in_channel"),
        text="",
        via="chat.postEphemeral",
        ts=ask.fake.tick(),
        thread_ts=ask.thread(channel),
    )
    seen.show(said.text, said.blocks)
    ask.workspace.ephemerals.append(seen)
    return {"message_ts": seen.ts}


METHODS = {
    "chat.postMessage": post,
    "chat.update": update,
    "chat.delete": delete,
    "chat.postEphemeral": post_ephemeral,
}
