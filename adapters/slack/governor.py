"""How much may be asked of Slack: every method has its own limit in every workspace."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from core.ports import Clock

Key = tuple[str, ...]
"""A workspace, a method, and the channel where that counts too."""

POST = "chat.postMessage"
UPDATE = "chat.update"
START = "chat.startStream"
APPEND = "chat.appendStream"
STOP = "chat.stopStream"
SESSION = "agents.sessions.setStatus"

# Calls in so many seconds: Slack's tiers 2, 3 and 4, and a message a second in a channel.
RATES = {
    START: (20, 60.0),
    STOP: (20, 60.0),
    UPDATE: (50, 60.0),
    SESSION: (50, 60.0),
    APPEND: (100, 60.0),
    POST: (3, 3.0),
}
REMEMBERED = 5000  # keys; those that rest are forgotten beyond


@dataclass
class _Window:
    """The calls of the last seconds, the time before which none may be made, and who waits."""

    most: int
    seconds: float
    calls: deque[float] = field(default_factory=deque)
    paused_until: float = 0.0
    line: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wait(self, now: float) -> float:
        while self.calls and self.calls[0] <= now - self.seconds:
            self.calls.popleft()
        full = len(self.calls) >= self.most
        free_at = self.calls[0] + self.seconds if full else 0.0
        return max(free_at, self.paused_until) - now


class Governor:
    """Counts calls, and makes those wait that would be one too many; shared by all replies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[Key, _Window] = {}
        self._streams: dict[str, int] = {}

    def room(self, *key: str) -> int:
        """How many calls may be made right now."""
        window = self._window(key)
        if window.wait(self._clock.monotonic()) > 0 or window.line.locked():
            return 0
        return window.most - len(window.calls)

    def spend(self, *key: str) -> bool:
        """Make one call now, if there is room; False if there is none."""
        if not self.room(*key):
            return False
        self._window(key).calls.append(self._clock.monotonic())
        return True

    async def turn(self, *key: str) -> None:
        """Come back when a call may be made, and has been counted; in the order of asking."""
        window = self._window(key)
        async with window.line:
            while (wait := window.wait(self._clock.monotonic())) > 0:
                await self._clock.sleep(wait)
            window.calls.append(self._clock.monotonic())

    def pause(self, seconds: float, *key: str) -> None:
        """Slack said: not before so many seconds have passed."""
        window = self._window(key)
        window.paused_until = max(window.paused_until, self._clock.monotonic() + seconds)

    def opened(self, team: str) -> None:
        """One stream more in a workspace."""
        self._streams[team] = self._streams.get(team, 0) + 1

    def closed(self, team: str) -> None:
        """One stream less."""
        self._streams[team] -= 1
        if not self._streams[team]:
            del self._streams[team]

    def beat(self, team: str) -> float:
        """Seconds between two appends to one stream, so that all streams together keep within."""
        most, seconds = RATES[APPEND]
        return self._streams.get(team, 0) * seconds / most

    def _window(self, key: Key) -> _Window:
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= REMEMBERED:
                self._forget()
            most, seconds = RATES[key[1]]
            window = self._windows[key] = _Window(most, seconds)
        return window

    def _forget(self) -> None:
        now = self._clock.monotonic()
        for key, window in list(self._windows.items()):
            if window.wait(now) <= 0 and not window.calls and not window.line.locked():
                del self._windows[key]
