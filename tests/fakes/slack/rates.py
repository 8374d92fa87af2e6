"""How often a method may be called: what the tiers allow in a sliding minute."""

from collections import deque
from math import ceil

MINUTE = 60.0
PER_MINUTE = {
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.update": 50,
    "chat.delete": 50,
    "conversations.replies": 50,
    "conversations.history": 50,
    "conversations.open": 50,
    "agents.sessions.setStatus": 50,
    "chat.appendStream": 100,
    "chat.postEphemeral": 100,
    "users.info": 100,
    "files.info": 100,
    "assistant.threads.setSuggestedPrompts": 100,
}
POST_BURST = 3  # chat.postMessage: one a second in a channel, and so many at once


class Rates:
    """Counts by (team, method) and, for posts, by channel. `per_minute` may be changed."""

    def __init__(self) -> None:
        self.per_minute = dict(PER_MINUTE)
        self._calls: dict[tuple[str, str], deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}

    def call(self, team: str, method: str, now: float) -> int | None:
        """Count a call; if it is one too many don't, and tell after how many seconds to ask."""
        limit = self.per_minute.get(method)
        if limit is None:
            return None
        calls = self._calls.setdefault((team, method), deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        if len(calls) >= limit:
            return max(1, ceil(calls[0] + MINUTE - now)) if calls else int(MINUTE)
        calls.append(now)
        return None

    def post(self, channel: str, now: float) -> int | None:
        """The same for a post to a channel."""
        left, since = self._posts.get(channel, (float(POST_BURST), now))
        left = min(POST_BURST, left + now - since)
        enough = left >= 1
        self._posts[channel] = (left - enough, now)
        return None if enough else 1
