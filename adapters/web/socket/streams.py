"""The answers that one socket follows at the same time: so many, and no more."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from adapters.web.errors import Refused, refusal
from adapters.web.socket.outbox import Outbox
from adapters.web.sse import ReaderLeft
from core.errors import NotFound, Transient
from core.live import Update

MOST = 32  # answers that a socket follows or waits for
QUEUE = 8  # of one session


class Encoder(Protocol):
    """Turns a turn's updates into frames."""

    def frames(self, update: Update) -> list[bytes]:
        """The update as frames."""
        ...

    def fault(self, refused: Refused) -> bytes:
        """The frame that ends what cannot be followed any further."""
        ...


@dataclass(slots=True)
class Lane:
    """Answers that are told one after the other; `shown` is the last turn that was told."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0
    shown: int | None = None


Work = Callable[[Lane], Awaitable[None]]


class Streams:
    """Tasks that end with the socket, or before."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._lanes: dict[Hashable, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def check(self, key: Hashable) -> None:
        """Raise `Refused` (429) if there is no room for one more answer in a lane."""
        lane = self._lanes.get(key)
        if len(self._tasks) >= MOST or (lane is not None and lane.waiting >= QUEUE):
            raise Refused(
                429,
                "too_many",
                f"Of a socket's answers {MOST}, and of a session's {QUEUE}, can be under way;"
                " wait until one has ended.",
            )

    def begin(self, key: Hashable, work: Work) -> asyncio.Task[None]:
        """Do it as soon as what was begun before in the same lane is done."""
        lane = self._lanes.setdefault(key, Lane())
        lane.waiting += 1
        task = self.spawn(_in_turn(lane, work))
        task.add_done_callback(lambda _: self._leave(key, lane))
        return task

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do it now."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """End all."""
        for task in list(self._tasks):
            task.cancel()

    def _leave(self, key: Hashable, lane: Lane) -> None:
        lane.waiting -= 1
        if not lane.waiting:
            del self._lanes[key]


async def _in_turn(lane: Lane, work: Work) -> None:
    async with lane.turn:
        await work(lane)


async def relay(updates: AsyncGenerator[Update, None], encoder: Encoder, outbox: Outbox) -> None:
    """Send a turn's updates to its end, or until nobody reads them any more."""
    with suppress(ReaderLeft):
        try:
            async with aclosing(updates):
                async for update in updates:
                    for frame in encoder.frames(update):
                        await outbox.send(frame)
        except (NotFound, Transient) as error:
            await outbox.send(encoder.fault(refusal(error)))
