"""Where an answer goes, and what of it may be there already."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

EVENT = "gateway_answer"  # marks our messages, so that they are found again
PAGES = 10  # of 200 messages


class Call(Protocol):
    """Calls Slack as the bot of one workspace; see `WebApi.call`."""

    def __call__(self, method: str, **arguments: Any) -> Awaitable[dict[str, Any]]:
        """Call a method."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where an answer goes, and to whom; `since` is the time stamp of what is answered."""

    team: str
    channel: str
    thread_ts: str | None
    user: str
    user_team: str
    direct: bool
    since: str


async def find(
    call: Call, target: Target, *, who: tuple[str, str], mark: str, known: frozenset[str]
) -> str | None:
    """The time stamp of a message of ours that may have been sent: it is marked, or a stream.

    `who` is the bot's user id and bot id; `known` are messages that are not it. Raises as
    `WebApi.call` does when Slack does not tell.
    """
    async for message in _messages(call, target):
        ts = str(message.get("ts"))
        if ts in known or ts == target.thread_ts or not _is_ours(message, who):
            continue
        metadata = message.get("metadata") or {}
        if metadata.get("event_type") != EVENT:
            return ts  # a stream bears no mark; in this thread nobody else writes as the bot
        if metadata.get("event_payload", {}).get("part") == mark:
            return ts
    return None


def _is_ours(message: Mapping[str, Any], who: tuple[str, str]) -> bool:
    user, bot = who
    return message.get("user") == user or (bool(bot) and message.get("bot_id") == bot)


async def _messages(call: Call, target: Target) -> AsyncIterator[dict[str, Any]]:
    """The messages since what is answered, page by page."""
    method = "conversations.replies" if target.thread_ts else "conversations.history"
    cursor: str | None = None
    for _ in range(PAGES):
        said = await call(
            method,
            channel=target.channel,
            ts=target.thread_ts,
            oldest=target.since,
            include_all_metadata="true",
            limit="200",
            cursor=cursor,
        )
        for message in said.get("messages") or ():
            yield message
        cursor = (said.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return
