import math

from hypothesis import given
from hypothesis import strategies as st

from core.breaker import Breaker, Pass, State, abandoned, admit, failed, spoke, succeeded
from core.errors import Overloaded, RateLimited, Transient, Unavailable

ERRORS = st.sampled_from(
    [
        Transient(),
        Overloaded(),
        Unavailable(),
        RateLimited(),
        RateLimited(retry_after=30),
        Transient("", retry_after=5),
    ]
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "retry", "well", "spoke", "fail", "abandon"]),
        st.integers(0, 5),
        ERRORS,
        st.sampled_from([0.0, 0.5, 5.0, 10.0, 61.0]),
    ),
    max_size=60,
)


class Told:
    """What a caller that trusts nothing but the rules knows of a breaker."""

    def __init__(self) -> None:
        self.breaker, self.now = Breaker(), 0.0
        self.calls: list[Pass] = []
        self.probe: Pass | None = None
        self.failed_at: int | None = None

    def enter(self, *, retry: bool) -> None:
        before = self.breaker
        own = self.failed_at if retry else None
        self.breaker, leave = admit(before, self.now, after=own)
        free = before.state is State.OPEN and (self.now >= before.until or own == before.moves)
        assert (leave is not None) == (before.state is State.CLOSED or free)
        if leave is not None:
            self.calls.append(leave)
        if free:
            assert self.probe is None
            self.probe = leave

    def leave(self, how: str, call: Pass, error: Exception) -> None:
        self.calls.remove(call)
        if how == "fail":
            self.breaker = failed(self.breaker, call, error, self.now)
            self.failed_at = self.breaker.moves
        elif how == "abandon":
            self.breaker = abandoned(self.breaker, call)
        else:
            verdict = succeeded if how == "well" else spoke
            self.breaker = verdict(self.breaker, call, self.now)
        if call is self.probe or self.breaker.state is not State.HALF_OPEN:
            self.probe = None


@given(STEPS)
def test_a_half_open_breaker_has_exactly_one_probe(steps):
    """Whatever order calls begin and end in: half open means one probe is out, no more no less.

    And an open breaker always ends its rest, a good probe closes it, and moves only grow.
    """
    told = Told()
    for how, which, error, passing in steps:
        moves, told.now = told.breaker.moves, told.now + passing
        if how in {"call", "retry"}:
            told.enter(retry=how == "retry")
        elif told.calls:
            call = told.calls[which % len(told.calls)]
            good = call is told.probe and how in {"well", "spoke"}
            told.leave(how, call, error)
            assert not good or told.breaker.state is State.CLOSED
        assert told.breaker.moves >= moves
        assert (told.probe is not None) == (told.breaker.state is State.HALF_OPEN)
        assert told.breaker.rest(told.now) <= 600
    assert math.isfinite(told.breaker.until)
