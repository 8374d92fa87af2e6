"""A model's answer as it comes, into its turn's log, for as long as nobody stops it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from core.facts import FirstText
from core.live import TurnLog
from core.models import Answered, Models, Opening
from core.ports import Clock, Observer
from core.pricing import Bill
from core.types import Prompt, Turn

T = TypeVar("T")

COALESCE = 0.025  # seconds between two looks at a model's stream, after its first words


class Asker:
    """Asks the models, and can be stopped, turn by turn."""

    def __init__(self, *, models: Models, observe: Observer, clock: Clock) -> None:
        self._models = models
        self._observe = observe
        self._clock = clock
        self._asking: dict[int, asyncio.Task[Any]] = {}
        self._stopped: set[int] = set()

    def stop(self, turn_id: int) -> None:
        """End a running turn's answer where it is. What was said so far is kept."""
        if turn_id in self._stopped:
            return  # a second cancel would count as somebody else's
        self._stopped.add(turn_id)
        if (task := self._asking.get(turn_id)) is not None:
            task.cancel()

    def forget(self, turn_id: int) -> None:
        """The turn is over: no stop can reach it any more."""
        self._stopped.discard(turn_id)

    async def ask(self, turn: Turn, log: TurnLog, prompt: Prompt, bill: Bill) -> Answered | None:
        """Stream the models' answer into the log; None when it was stopped."""
        return await self.unless_stopped(turn, lambda: self._stream(turn, log, prompt, bill))

    async def unless_stopped(self, turn: Turn, work: Callable[[], Awaitable[T]]) -> T | None:
        """What some work for a turn comes to; None when it was stopped."""
        if turn.id in self._stopped:
            return None
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in one
        self._asking[turn.id] = task
        try:
            return await work()
        except asyncio.CancelledError:
            if turn.id not in self._stopped or task.uncancel():
                raise  # it is dropped, stopped or not
            return None
        finally:
            del self._asking[turn.id]

    async def _stream(self, turn: Turn, log: TurnLog, prompt: Prompt, bill: Bill) -> Answered:
        begun = self._clock.monotonic()
        now = asyncio.get_running_loop().time
        look = now()
        async with aclosing(self._models.stream(prompt, bill)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Answered):
                    return piece
                log.append(piece.text)
                if isinstance(piece, Opening):
                    look = now()
                    self._first(turn, piece.model, self._clock.monotonic() - begun)
                # The next look finds all that came meanwhile: one write for many words. Each
                # stream keeps to its own beat, or all would come to wake and end together.
                look = max(look + COALESCE, now())
                await asyncio.sleep(look - now())
        raise AssertionError("models.stream ends in Answered")

    def _first(self, turn: Turn, model: str, seconds: float) -> None:
        fact = FirstText(turn_id=turn.id, session_id=turn.session_id, model=model, seconds=seconds)
        self._observe(fact)
