"""A circuit breaker: lets a model that fails rest, then lets one call see if it is well.

A breaker is a value, and every function returns the next one. Whoever keeps it compares
`moves` to learn that it moved. Time is any clock that never runs backwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from core.errors import Overloaded, Transient, Unavailable
from core.facts import BreakerMoved
from core.ports import Clock, Observer

WINDOW: Final = 60.0  # seconds of calls that count
NEWEST: Final = 100  # calls remembered of them, so that a busy minute costs no more
ENOUGH: Final = 5  # calls before their share of failures says anything
STREAK: Final = 3  # failures in a row
REST: Final = 10.0  # the first rest, doubled by every probe that fails …
LONGEST_REST: Final = 120.0  # … up to this
LONGEST_TOLD: Final = 60.0  # a provider may ask for more, and is asked again after this
GONE: Final = 600.0  # money and access do not come back within seconds
PACE: Final = 1.0  # between the calls of a model that has nobody to stand in for it


class State(StrEnum):
    """Who may call: everybody, nobody, or one to try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pass:
    """Leave for one call, to be handed back with how it went; `wait` so long before it."""

    moves: int
    wait: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """One model's health. A `sole` model never opens: half open it is called every `PACE`."""

    sole: bool = False
    state: State = State.CLOSED
    moves: int = 0
    until: float = 0.0  # open: the end of the rest; half open and sole: the next call's time
    early: bool = False  # the probe did not wait for the end of the rest
    rests: int = 0  # probes that failed since the model was last well
    streak: int = 0
    calls: tuple[tuple[float, bool], ...] = ()  # when, and whether it failed

    def rest(self, now: float) -> float:
        """Seconds until a probe may pass, 0 unless open."""
        return max(0.0, self.until - now) if self.state is State.OPEN else 0.0

    def seen(self, now: float) -> State:
        """The state for onlookers: a rest that is over is half open, called or not."""
        rested = self.state is State.OPEN and now >= self.until
        return State.HALF_OPEN if rested else self.state


def admit(
    breaker: Breaker, now: float, *, patience: float = 0.0, after: int | None = None
) -> tuple[Breaker, Pass | None]:
    """Ask leave for a call; None when it must not be made.

    `after` is `moves` as the caller's own last failure left it: if nothing moved since, its
    retry passes as the probe, for it has waited as long as its failure asked. `patience` is
    the longest acceptable `wait`, which only a sole model's pass has.
    """
    if breaker.state is State.CLOSED:
        return breaker, Pass(moves=breaker.moves)
    if breaker.sole:
        return _pace(breaker, now, patience)
    if breaker.state is State.HALF_OPEN:
        return breaker, None
    early = now < breaker.until
    if early and after != breaker.moves:
        return breaker, None
    probed = replace(breaker, state=State.HALF_OPEN, moves=breaker.moves + 1, early=early)
    return probed, Pass(moves=probed.moves)


def succeeded(breaker: Breaker, leave: Pass, now: float) -> Breaker:
    """The call went well. One that began before the last move proves nothing."""
    if leave.moves != breaker.moves:
        return breaker
    if breaker.state is State.CLOSED:
        return replace(breaker, streak=0, calls=_counted(breaker, now, failed=False))
    return Breaker(sole=breaker.sole, moves=breaker.moves + 1)


def spoke(breaker: Breaker, leave: Pass, now: float) -> Breaker:
    """The call has begun to answer: enough of a probe, others need not wait for its end."""
    return breaker if breaker.state is State.CLOSED else succeeded(breaker, leave, now)


def failed(breaker: Breaker, leave: Pass, error: Transient | Unavailable, now: float) -> Breaker:
    """The call failed, which may open the breaker.

    A call that began before the last move can only prolong a rest, and only if the provider
    said how long: else a burst that fails as one would count as many failed probes.
    """
    if leave.moves != breaker.moves:
        return _prolonged(breaker, error, now)
    if breaker.state is State.HALF_OPEN:
        rests = breaker.rests if breaker.early else breaker.rests + 1
        return _opened(replace(breaker, rests=rests), error, now)
    calls = _counted(breaker, now, failed=True)
    counted = replace(breaker, streak=breaker.streak + 1, calls=calls)
    if _told(error) or isinstance(error, Overloaded) or _sick(counted):
        return _opened(counted, error, now)
    return counted


def abandoned(breaker: Breaker, leave: Pass) -> Breaker:
    """The call ended with no verdict, by a cancel perhaps; a probe's place is free again."""
    if breaker.sole or breaker.state is not State.HALF_OPEN or leave.moves != breaker.moves:
        return breaker
    return replace(breaker, state=State.OPEN, moves=breaker.moves + 1)


def _pace(breaker: Breaker, now: float, patience: float) -> tuple[Breaker, Pass | None]:
    at = max(now, breaker.until)
    if at - now > patience:
        return breaker, None
    return replace(breaker, until=at + PACE), Pass(moves=breaker.moves, wait=at - now)


def _counted(breaker: Breaker, now: float, *, failed: bool) -> tuple[tuple[float, bool], ...]:
    recent = [call for call in breaker.calls[1 - NEWEST :] if call[0] > now - WINDOW]
    return (*recent, (now, failed))


def _sick(breaker: Breaker) -> bool:
    failures = sum(failed for _, failed in breaker.calls)
    many = len(breaker.calls) >= ENOUGH and failures * 2 > len(breaker.calls)
    return many or breaker.streak >= STREAK


def _opened(breaker: Breaker, error: Transient | Unavailable, now: float) -> Breaker:
    if not breaker.sole:
        until = now + _rest(error, breaker.rests)
        return replace(breaker, state=State.OPEN, moves=breaker.moves + 1, until=until)
    if breaker.state is State.HALF_OPEN:
        return breaker
    return replace(breaker, state=State.HALF_OPEN, moves=breaker.moves + 1, until=now + PACE)


def _prolonged(breaker: Breaker, error: Transient | Unavailable, now: float) -> Breaker:
    told = _told(error)
    if told and now + told > breaker.until:
        return _opened(breaker, error, now)
    return breaker


def _told(error: Transient | Unavailable) -> float:
    """Seconds that the error itself asks for, 0 if it leaves that to us."""
    if isinstance(error, Unavailable):
        return GONE
    return min(LONGEST_TOLD, max(0.0, error.retry_after or 0.0))


def _rest(error: Transient | Unavailable, rests: int) -> float:
    told = _told(error)
    doubled = min(LONGEST_REST, REST * 2 ** min(rests, 8))
    return max(told, doubled) if isinstance(error, Overloaded) else told or doubled


class Breakers:
    """The breakers of several models. Tells the observer every move.

    A call that has no pass (None) says nothing about its model, and changes nothing.
    """

    def __init__(self, names: Sequence[str], *, observe: Observer, clock: Clock) -> None:
        self._breakers = {name: Breaker(sole=len(names) == 1) for name in names}
        self._observe = observe
        self._clock = clock

    def states(self) -> dict[str, State]:
        """Every model's state, for onlookers."""
        now = self._clock.monotonic()
        return {name: breaker.seen(now) for name, breaker in self._breakers.items()}

    def soonest(self) -> float | None:
        """Seconds until the first open breaker lets a probe through, None if none is open."""
        now = self._clock.monotonic()
        rests = [b.rest(now) for b in self._breakers.values() if b.state is State.OPEN]
        return min(rests, default=None)

    def moves(self, name: str) -> int:
        """How often the breaker has moved; what `admit` compares `after` with."""
        return self._breakers[name].moves

    def admit(self, name: str, *, patience: float, after: int | None) -> Pass | None:
        """See `core.breaker.admit`."""
        now = self._clock.monotonic()
        breaker, leave = admit(self._breakers[name], now, patience=patience, after=after)
        self._keep(name, breaker, now)
        return leave

    def spoke(self, name: str, leave: Pass | None) -> None:
        """See `core.breaker.spoke`."""
        now = self._clock.monotonic()
        if leave is not None:
            self._keep(name, spoke(self._breakers[name], leave, now), now)

    def succeeded(self, name: str, leave: Pass | None) -> None:
        """See `core.breaker.succeeded`."""
        now = self._clock.monotonic()
        if leave is not None:
            self._keep(name, succeeded(self._breakers[name], leave, now), now)

    def failed(self, name: str, leave: Pass | None, error: Transient | Unavailable) -> None:
        """See `core.breaker.failed`."""
        now = self._clock.monotonic()
        if leave is not None:
            self._keep(name, failed(self._breakers[name], leave, error, now), now)

    def abandoned(self, name: str, leave: Pass | None) -> None:
        """See `core.breaker.abandoned`. Harmless when the call was judged already."""
        now = self._clock.monotonic()
        if leave is not None:
            self._keep(name, abandoned(self._breakers[name], leave), now)

    def _keep(self, name: str, breaker: Breaker, now: float) -> None:
        moved = breaker.moves != self._breakers[name].moves
        self._breakers[name] = breaker
        if moved:
            seconds = breaker.rest(now)
            self._observe(BreakerMoved(model=name, state=breaker.state.value, seconds=seconds))
