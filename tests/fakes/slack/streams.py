"""Messages that grow: start, append, stop."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack.ask import Ask
from tests.fakes.slack.blocks import BLOCKS_LIMIT, MARKDOWN_LIMIT, words_of
from tests.fakes.slack.content import check_blocks, metadata
from tests.fakes.slack.events import told
from tests.fakes.slack.message import STREAM_LIFETIME, Message, Stream
from tests.fakes.slack.refused import Refused

SESSION = frozenset({"active", "processing", "suspended", "closed"})
TASK = frozenset({"pending", "in_progress", "complete", "error"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Addition:
    """What one call adds to a stream, checked."""

    mode: str | None
    text: str = ""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    blocks: list[dict[str, Any]] = field(default_factory=list)


def start(ask: Ask) -> dict[str, Any]:
    """chat.startStream."""
    _native(ask)
    channel = ask.writable()
    if channel.kind != "im":
        if not ask.fake.native_channels:
            raise Refused("channel_type_not_supported")
        ask.need("recipient_user_id", "missing_recipient_user_id")
        ask.need("recipient_team_id", "missing_recipient_team_id")
    ask.need("thread_ts", "invalid_thread_ts")
    thread_ts = ask.thread(channel)
    stream, added = Stream(ends=ask.fake.clock.now() + STREAM_LIFETIME), _addition(ask)
    _check(stream, added)
    bot = ask.workspace.bot_user
    raw = dict(ask.args)
    message = ask.workspace.post(channel.id, bot, thread_ts=thread_ts, bot=True, raw=raw)
    message.stream = stream
    ask.workspace.streams[message.ts] = message
    ask.workspace.statuses.pop((channel.id, thread_ts), None)
    _grow(message, stream, added)
    return {"channel": channel.id, "ts": message.ts}


def append(ask: Ask) -> dict[str, Any]:
    """chat.appendStream."""
    _native(ask)
    message, stream = _open(ask)
    added = _addition(ask)
    if not (added.text or added.tasks or added.blocks) and not ask.args.get("chunks"):
        raise Refused("no_text")
    _check(stream, added)
    _grow(message, stream, added)
    return {"channel": message.channel, "ts": message.ts}


def stop(ask: Ask) -> dict[str, Any]:
    """chat.stopStream: `blocks` come after the text."""
    _native(ask)
    message, stream = _open(ask)
    added, status = _addition(ask), ask.args.get("session_status", "active")
    blocks, about = ask.args.get("blocks") or [], metadata(ask.args)
    if status not in SESSION:
        raise Refused("invalid_arguments")
    if blocks:
        check_blocks(blocks, feedback=ask.fake.feedback_blocks)
    _check(stream, added)
    _grow(message, stream, added)
    message.stop("stopped")
    del ask.workspace.streams[message.ts]
    message.blocks = [*stream.chunk_blocks, *blocks] or None
    message.text = "\n".join(filter(None, (message.text, words_of(blocks))))
    message.metadata = about or message.metadata
    thread = (message.channel, message.thread_ts)
    if thread in ask.workspace.sessions:
        ask.workspace.sessions[thread] = status
    shown = told(ask.workspace, message)
    return {"channel": message.channel, "ts": message.ts, "message": shown}


def _native(ask: Ask) -> None:
    if not ask.fake.native:
        raise Refused("unknown_method")


def _open(ask: Ask) -> tuple[Message, Stream]:
    message = ask.message(ask.channel())
    stream = message.stream
    if stream is not None and stream.state == "stopped_by_user":
        raise Refused("stopped_by_user")
    if stream is None or not message.streaming:
        raise Refused("message_not_in_streaming_state")
    return message, stream


def _addition(ask: Ask) -> Addition:
    text, chunks = ask.args.get("markdown_text"), ask.args.get("chunks")
    if text is not None and chunks is not None:
        raise Refused("cannot_provide_both_markdown_text_and_chunks")
    if chunks is None:
        return Addition(mode=None if text is None else "markdown_text", text=text or "")
    if not isinstance(chunks, list) or not all(isinstance(chunk, dict) for chunk in chunks):
        raise Refused("invalid_chunks")
    texts, tasks, blocks = [], [], []
    for chunk in chunks:
        match chunk:
            case {"type": "markdown_text", "text": str(words)}:
                texts.append(words)
            case {"type": "task_update", "id": str(), "title": str()} if _is_task(chunk):
                tasks.append(chunk)
            case {"type": "plan_update", "title": str()}:
                pass
            case {"type": "blocks", "blocks": list(some)}:
                blocks += some
            case _:
                raise Refused("invalid_chunks")
    if blocks:
        check_blocks(blocks, feedback=ask.fake.feedback_blocks)
    return Addition(mode="chunks", text="".join(texts), tasks=tasks, blocks=blocks)


def _is_task(chunk: Mapping[str, Any]) -> bool:
    return chunk.get("status", "pending") in TASK


def _check(stream: Stream, added: Addition) -> None:
    if added.mode and stream.mode and added.mode != stream.mode:
        raise Refused("streaming_mode_mismatch")
    if len(stream.text) + len(added.text) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    if len(stream.chunk_blocks) + len(added.blocks) > BLOCKS_LIMIT:
        raise Refused("msg_blocks_too_many")


def _grow(message: Message, stream: Stream, added: Addition) -> None:
    stream.mode = stream.mode or added.mode
    stream.text += added.text
    stream.chunk_blocks += added.blocks
    for task in added.tasks:
        stream.tasks[task["id"]] = stream.tasks.get(task["id"], {}) | task
    message.text = "\n".join(filter(None, (stream.text, words_of(stream.chunk_blocks))))


METHODS = {
    "chat.startStream": start,
    "chat.appendStream": append,
    "chat.stopStream": stop,
}
