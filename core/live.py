"""A turn's events in memory, followed by any number of viewers.

A running turn has one log: the text so far, and how it ended. A viewer holds a cursor into it and
is woken when there is more; it reads whatever has come since, so a slow one falls behind alone
and catches up in one piece. Nothing is queued per viewer.

A position is a count of characters, so it means the same in memory and in the stored answer, and
an event id (`turn.attempt.position`) can be resumed from on any replica and at any later time.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

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
        self._pieces: list[str] = []
        self._start = 0  # where the first piece begins; a reset moves it
        self._end = 0
        self._viewers: list[asyncio.Future[None]] = []

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._pieces)

    def append(self, text: str) -> None:
        """Add the next words."""
        self._pieces.append(text)
        self._end += len(text)
        self._wake()

    def reset(self) -> None:
        """Take back every word so far."""
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
            await self._more()

    def _begin(self, cursor: Cursor | None) -> tuple[int, int, Update | None]:
        """Where a viewer with this cursor reads on: piece, position, and what it gets at once."""
        if cursor is None:
            return 0, self._start, Update(turn_id=self.turn.id, cursor=self._at(0), started=True)
        same = cursor.attempt == self.turn.attempt
        if not same or not self._start <= cursor.position <= self._end:
            update = self._update(text=self.text, reset=True)
            return len(self._pieces), self._end, update
        rest = self.text[cursor.position - self._start :]
        update = self._update(text=rest) if rest else None
        return len(self._pieces), self._end, update

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

    async def _more(self) -> None:
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
        self._news: dict[tuple[str, int], set[asyncio.Future[None]]] = {}

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
        for waiter in self._news.pop((kind, number), ()):
            if not waiter.done():
                waiter.set_result(None)

    async def news(self, kind: str, number: int, *, seconds: float) -> None:
        """Come back when there is news, or after `seconds`: it may have happened elsewhere."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._news.setdefault((kind, number), set())
        waiters.add(waiter)
        try:
            await asyncio.wait([waiter], timeout=seconds)
        finally:
            waiters.discard(waiter)
            if not waiters and self._news.get((kind, number)) is waiters:
                del self._news[kind, number]


def replay(outcome: Outcome, text: str, cursor: Cursor | None) -> list[Update]:
    """The updates of a turn that is over, from its stored answer."""
    end = Cursor(attempt=outcome.attempt, position=len(text))
    turn_id = outcome.turn_id
    if cursor is None:
        start = Cursor(attempt=outcome.attempt, position=0)
        return [
            Update(turn_id=turn_id, cursor=start, started=True),
            Update(turn_id=turn_id, cursor=end, text=text, outcome=outcome),
        ]
    fits = cursor.attempt == outcome.attempt and cursor.position <= len(text)
    if fits:
        rest = text[cursor.position :]
        return [Update(turn_id=turn_id, cursor=end, text=rest, outcome=outcome)]
    return [Update(turn_id=turn_id, cursor=end, text=text, reset=True, outcome=outcome)]
