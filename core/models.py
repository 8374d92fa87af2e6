"""Order models, retry, fall back: an answer from the first model that can give one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, zip_longest

from core import backoff
from core.breaker import Breakers, Pass, State
from core.call import Call
from core.errors import GatewayError, Misconfigured, Transient, Unavailable
from core.facts import ModelFellBack, ModelInterrupted, ModelRetried
from core.ports import Clock, Model, Observer
from core.pricing import Bill
from core.types import Prompt, Text, Usage
from core.watchdog import Watchdog

INTERRUPTED = "interrupted"
LINE = 200  # characters of a provider's message that are passed on


class NoModel(Transient):
    """Say that no model can answer now: each one failed, or rests after it failed.

    `retry_after` is the time until the first of them has rested, if one does.
    """


class Resting(GatewayError):
    """Ask the next model: this one rests."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long to try, in seconds; `retries` are for each model and `concurrency` for all.

    `budget` is for the first words: once it is spent no model is asked a second time, only
    the next one. `no_progress` and `total` count the time spent waiting for models.
    """

    retries: int = 2
    budget: float = 20.0
    longest_wait: float = 10.0
    no_progress: float = 90.0
    total: float = 300.0
    concurrency: int = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Opening:
    """The first words of an answer, and the model that says them and all that follow."""

    model: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """The end of an answer. An `interrupted` one broke off after its first words.

    `usage` and `cost` (nano-dollars) are of all calls, also of models that failed before.
    """

    model: str
    stop_reason: str
    usage: Usage | None
    cost: int | None
    interrupted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class _Asked:
    prompt: Prompt
    bill: Bill
    at: float
    watchdog: Watchdog


class Models:
    """Models in the order in which they are asked, each with its circuit breaker.

    Those that are `wishable` are asked if a prompt wishes for them, and never fallen back to.
    """

    def __init__(  # noqa: PLR0913 - each is made by the caller
        self,
        model: Model,
        names: Sequence[str],
        *,
        observe: Observer,
        clock: Clock,
        chance: Callable[[], float],
        limits: Limits | None = None,
        wishable: Sequence[str] = (),
    ) -> None:
        if not names:
            raise Misconfigured("MODEL is empty: name a model")
        self._api = model
        self._names = tuple(dict.fromkeys(names))
        self._all = frozenset((*names, *wishable))
        self._observe = observe
        self._clock = clock
        self._chance = chance
        self._limits = limits or Limits()
        self._slots = asyncio.Semaphore(self._limits.concurrency)
        every = tuple(dict.fromkeys((*names, *wishable)))
        self._breakers = Breakers(every, observe=observe, clock=clock)

    def states(self) -> dict[str, State]:
        """Every model's circuit breaker, in the order of the models."""
        return self._breakers.states()

    async def stream(
        self, prompt: Prompt, bill: Bill | None = None
    ) -> AsyncGenerator[Opening | Text | Answered, None]:
        """Yield an `Opening`, any number of `Text`, and one `Answered` at the end.

        An answer without words (a refusal) is `Answered` alone. Until the opening, what fails
        is tried again and on other models; after it, an answer that fails ends there, as
        interrupted, and what was yielded stands. Closing the generator ends the model's call
        at once. `bill` is kept up to date for whoever needs it after an error or a close.

        Raises `NoModel`, or `Rejected` and `TooLong` as the model does; all before the opening.
        """
        async with self._asking(prompt, bill or Bill()) as asked:
            call = await self._first(asked)
            try:
                if call.words:
                    yield Opening(model=call.model, text=call.words)
                while call.done is None:
                    piece = await call.next()
                    if isinstance(piece, Text):
                        yield piece
                self._breakers.succeeded(call.model, call.leave)
            except GatewayError as error:
                self._interrupted(call, error)
            finally:
                await self._end(asked, call)
        yield Answered(
            model=call.model,
            stop_reason=call.done.stop_reason if call.done else INTERRUPTED,
            usage=asked.bill.usage,
            cost=asked.bill.cost,
            interrupted=call.done is None,
        )

    @asynccontextmanager
    async def _asking(self, prompt: Prompt, bill: Bill) -> AsyncIterator[_Asked]:
        """One of the slots for running calls, waited for as long as the budget lasts."""
        limits = self._limits
        watchdog = Watchdog(no_progress=limits.no_progress, total=limits.total)
        asked = _Asked(prompt=prompt, bill=bill, at=self._clock.monotonic(), watchdog=watchdog)
        try:
            async with asyncio.timeout(limits.budget):
                await self._slots.acquire()
        except TimeoutError:
            raise self._no_model("too many calls at once") from None
        try:
            yield asked
        finally:
            watchdog.close()
            self._slots.release()

    async def _first(self, asked: _Asked) -> Call:
        """A call that speaks, of the first model that does. Whoever gets it ends it."""
        reason: GatewayError | None = None
        names = self._order(asked.prompt)
        for name, successor in zip_longest(names, names[1:]):
            try:
                return await self._persist(asked, name)
            except (Transient, Unavailable, Resting) as error:
                if reason is None or not isinstance(error, Resting):
                    reason = error
                self._fell_back(name, error, successor)
            if asked.watchdog.left <= 0:
                break
        raise self._no_model(f"{type(reason).__name__}: {reason}") from reason

    def _order(self, prompt: Prompt) -> tuple[str, ...]:
        """The models to ask: the wished one first, if it is one of them, or alone."""
        wished = prompt.model
        if wished is None or wished not in self._all:
            return self._names
        if prompt.only:
            return (wished,)
        return (wished, *(name for name in self._names if name != wished))

    async def _persist(self, asked: _Asked, name: str) -> Call:
        """A call of this model that speaks, the first one or a retry."""
        moves: int | None = None
        for tries in count():
            try:
                return await self._try(asked, name, moves)
            except Transient as error:
                wait = self._wait(asked, tries, error)
                if wait is None:
                    raise
                self._observe(ModelRetried(model=name, reason=type(error).__name__, seconds=wait))
            moves = self._breakers.moves(name)
            await self._pause(wait)
        raise AssertionError  # count() does not end

    async def _try(self, asked: _Asked, name: str, moves: int | None) -> Call:
        """A call of this model, if that one speaks."""
        call = Call(self._api, asked.prompt, name, asked.watchdog)
        spoke = False
        try:
            call.leave = await self._leave(asked, name, moves)
            await call.begin()
            spoke = True
        except (Transient, Unavailable) as error:
            self._breakers.failed(name, call.leave, error)
            raise
        finally:
            if not spoke:
                await self._end(asked, call)
        self._breakers.spoke(name, call.leave)
        return call

    async def _leave(self, asked: _Asked, name: str, moves: int | None) -> Pass:
        """The breaker's leave for a call. Raises `Resting`."""
        leave = self._breakers.admit(name, patience=self._room(asked), after=moves)
        if leave is None:
            raise Resting("it failed a moment ago")
        if leave.wait:
            await self._pause(leave.wait)
        return leave

    async def _end(self, asked: _Asked, call: Call) -> None:
        """What every call needs at its end, once, whatever the end is."""
        if call.usage is not None:
            asked.bill.add(call.model, call.usage)
        self._breakers.abandoned(call.model, call.leave)
        await call.close()

    def _wait(self, asked: _Asked, tries: int, error: Transient) -> float | None:
        """Seconds until this model may be asked again, None if the next one should be."""
        if tries >= self._limits.retries or asked.watchdog.left <= 0:
            return None
        return backoff.wait(error, tries=tries, chance=self._chance(), room=self._room(asked))

    def _room(self, asked: _Asked) -> float:
        """The longest wait that the answer's budget has room for."""
        left = asked.at + self._limits.budget - self._clock.monotonic()
        return max(0.0, min(self._limits.longest_wait, left))

    async def _pause(self, seconds: float) -> None:
        until = self._clock.monotonic() + seconds
        await self._clock.sleep(seconds)
        # A loop's timer may be a millisecond early, and then the breaker would not let us in.
        while (left := until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)

    def _fell_back(self, name: str, error: GatewayError, successor: str | None) -> None:
        line = (str(error).splitlines() or [""])[0][:LINE]
        reason = type(error).__name__
        self._observe(ModelFellBack(model=name, reason=reason, message=line, successor=successor))

    def _interrupted(self, call: Call, error: GatewayError) -> None:
        if isinstance(error, Transient | Unavailable):
            self._breakers.failed(call.model, call.leave, error)
        self._observe(ModelInterrupted(model=call.model, reason=type(error).__name__))

    def _no_model(self, reason: str) -> NoModel:
        return NoModel(f"no model can answer now ({reason})", retry_after=self._breakers.soonest())
