"""A turn's events in memory, followed by any number of viewers.

A running turn has one log: the text so far, and how it ended. A viewer holds a cursor into it and
is woken when there is more; it reads whatever has come since, so a slow one falls behind alone
and catches up in one piece. Nothing is queued per viewer.

A position is a count of characters, so it means the same in memory and in the stored answer, and
an event id (`turn.attempt.position`) can be resumed from on any replica and at any later time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from core.types import Outcome, Turn


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """How much of a turn's answer a viewer has: `position` characters of attempt `attempt`."""

    attempt: int
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Update:
    """What is new for a viewer since its cursor; `cursor` is where it stands after it.

    `started`: the first update of a viewer that comes without a cursor. `reset`: what the viewer
    has is void, `text` replaces it. `outcome`: the turn is over; no update follows.
    """

    turn_id: int
    cursor: Cursor
    text: str = ""
    started: bool = False
    reset: bool = False
    outcome: Outcome | None = None


class TurnLog:
    """The log of one attempt at a turn, written by the attempt's own task alone."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.outcome: Outcome | None = None
        self.abandoned = False
        self.take = 0  # how often every word so far was taken back
        self.language: str | None = None  # what its reader reads, once that is known
        self._pieces: list[str] = []
        self._start = 0  # where the first piece begins; a reset moves it
        self._end = 0
        self._viewers: list[asyncio.Future[None]] = []

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._pieces)

    def __len__(self) -> int:
        """How many characters the answer has so far."""
        return self._end - self._start

    def append(self, text: str) -> None:
        """Add the next words."""
        self._pieces.append(text)
        self._end += len(text)
        self._wake()

    def reset(self) -> None:
        """Take back every word so far."""
        self.take += 1
        self._pieces.clear()
        self._end += 1  # so that no old cursor fits
        self._start = self._end
        self._wake()

    def close(self, outcome: Outcome) -> None:
        """Tell the viewers how the turn ended."""
        self.outcome = outcome
        self._wake()

    def abandon(self) -> None:
        """Send the viewers away without an end: somebody else goes on with the turn."""
        self.abandoned = True
        self._wake()

    async def follow(self, cursor: Cursor | None) -> AsyncIterator[Update]:
        """Yield updates until the turn ends, or until it is abandoned."""
        seen, position, update = self._begin(cursor)
        if update is not None:
            yield update
        while True:
            if position < self._start:
                seen, position = len(self._pieces), self._end
                yield self._update(text=self.text, reset=True)
                continue
            if seen < len(self._pieces):
                text = self._pieces[seen] if seen + 1 == len(self._pieces) else ""
                text = text or "".join(self._pieces[seen:])
                seen, position = len(self._pieces), self._end
                yield self._update(text=text, outcome=self.outcome)
                if self.outcome is not None:
                    return
                continue
            if self.outcome is not None:
                yield self._update(outcome=self.outcome)
                return
            if self.abandoned:
                return
            await self.news()

    def _begin(self, cursor: Cursor | None) -> tuple[int, int, Update | None]:
        """Where a viewer with this cursor reads on: piece, position, and what it gets at once."""
        if cursor is None:
            return 0, self._start, Update(turn_id=self.turn.id, cursor=self._at(0), started=True)
        same = cursor.attempt == self.turn.attempt
        if not same or not self._start <= cursor.position <= self._end:
            return len(self._pieces), self._end, self._update(text=self.text, reset=True)
        rest = self.text[cursor.position - self._start :]
        return len(self._pieces), self._end, self._update(text=rest) if rest else None

    def _update(
        self, *, text: str = "", reset: bool = False, outcome: Outcome | None = None
    ) -> Update:
        return Update(
            turn_id=self.turn.id,
            cursor=self._at(self._end),
            text=text,
            reset=reset,
            outcome=outcome,
        )

    def _at(self, position: int) -> Cursor:
        return Cursor(attempt=self.turn.attempt, position=position)

    async def news(self) -> None:
        """Come back when something has changed."""
        viewer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._viewers.append(viewer)
        try:
            await viewer
        except asyncio.CancelledError:
            if viewer in self._viewers:
                self._viewers.remove(viewer)
            raise

    def _wake(self) -> None:
        viewers, self._viewers = self._viewers, []
        for viewer in viewers:
            if not viewer.done():
                viewer.set_result(None)


class Live:
    """The logs of the turns that run on this replica."""

    def __init__(self) -> None:
        self._logs: dict[int, TurnLog] = {}
        self._news: dict[tuple[str, int], set[News]] = {}

    def __len__(self) -> int:
        return len(self._logs)

    def get(self, turn_id: int) -> TurnLog | None:
        """The log of a running turn, or None: it is over, elsewhere, or yet to begin."""
        return self._logs.get(turn_id)

    def open(self, turn: Turn) -> TurnLog:
        """Begin the log of an attempt."""
        log = self._logs[turn.id] = TurnLog(turn)
        self.tell("turn", turn.id)
        return log

    def drop(self, log: TurnLog) -> None:
        """Forget a log; viewers that follow it still read it to its end."""
        if self._logs.get(log.turn.id) is log:
            del self._logs[log.turn.id]

    def tell(self, kind: str, number: int) -> None:
        """Wake who waits for news of a turn, or of a message that waits for one."""
        for news in self._news.pop((kind, number), ()):
            news.arrive()

    def news(self, kind: str, number: int) -> "News":
        """Begin to listen. Use it as a context; what happens inside is not missed."""
        return News(self._news, (kind, number))


class News:
    """One listener for one thing to happen on this replica."""

    def __init__(self, board: dict[tuple[str, int], set["News"]], topic: tuple[str, int]) -> None:
        self._board = board
        self._topic = topic
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._board.setdefault(self._topic, set()).add(self)
        return self

    def __exit__(self, *_: object) -> None:
        listeners = self._board.get(self._topic, set())
        listeners.discard(self)
        if not listeners:
            self._board.pop(self._topic, None)

    def arrive(self) -> None:
        """Say that it has happened."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Come back when it happened, or after `seconds`: it may have happened elsewhere."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)


def replay(outcome: Outcome, cursor: Cursor | None) -> list[Update]:
    """The updates of a turn that is over, from its stored answer."""
    text = outcome.text
    end = Cursor(attempt=outcome.attempt, position=len(text))
    turn_id = outcome.turn_id
    if cursor is None:
        start = Cursor(attempt=outcome.attempt, position=0)
        return [
            Update(turn_id=turn_id, cursor=start, started=True),
            Update(turn_id=turn_id, cursor=end, text=text, outcome=outcome),
        ]
    # What was said before a refusal was taken back; a position in it means nothing any more.
    fits = cursor.attempt == outcome.attempt and cursor.position <= len(text)
    if fits and outcome.stop_reason != "refusal":
        rest = text[cursor.position :]
        return [Update(turn_id=turn_id, cursor=end, text=rest, outcome=outcome)]
    return [Update(turn_id=turn_id, cursor=end, text=text, reset=True, outcome=outcome)]
