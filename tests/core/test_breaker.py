import pytest

from core.breaker import Breaker, Breakers, Pass, State, abandoned, admit, failed, spoke, succeeded
from core.errors import Overloaded, RateLimited, Transient, Unavailable
from core.facts import BreakerMoved
from tests.fakes.clock import VirtualClock

BROKEN = Transient("cut")
FULL = Overloaded("no room")


def passed(breaker, now, **asked):
    breaker, leave = admit(breaker, now, **asked)
    assert leave is not None
    return breaker, leave


def after(outcomes, *, breaker=None, start=0.0, step=1.0):
    """The breaker after calls that ended so, one a step; None is a success."""
    breaker = breaker or Breaker()
    for number, error in enumerate(outcomes):
        now = start + number * step
        breaker, leave = passed(breaker, now)
        breaker = (
            succeeded(breaker, leave, now) if error is None else failed(breaker, leave, error, now)
        )
    return breaker


def test_three_failures_in_a_row_open_it():
    """Two failures are bad luck, a third says that the model is ill."""
    assert after([BROKEN] * 2).state is State.CLOSED
    assert after([BROKEN] * 3).rest(now=2.0) == 10


def test_a_success_starts_the_row_afresh():
    """Only failures without a success between them count as a row."""
    assert after([BROKEN, BROKEN, None, BROKEN]).state is State.CLOSED


def test_more_failures_than_successes_open_it():
    """Of at least five calls, more than half have to fail; four are too few to tell."""
    assert after([BROKEN, BROKEN, None, BROKEN]).state is State.CLOSED
    assert after([BROKEN, BROKEN, None, BROKEN, BROKEN]).state is State.OPEN
    assert after([None, BROKEN] * 10).state is State.CLOSED


def test_only_the_last_minute_counts():
    """What failed more than a minute ago is forgotten."""
    assert after([BROKEN, BROKEN, None, BROKEN, BROKEN], step=15.1).state is State.CLOSED


@pytest.mark.parametrize(("asked", "rest"), [(7.5, 7.5), (60, 60), (3600, 60)])
def test_a_rate_limit_opens_it_for_as_long_as_was_asked(asked, rest):
    """`retry_after` is obeyed exactly, for a minute at most."""
    assert after([RateLimited(retry_after=asked)]).rest(now=0) == rest


def test_a_rate_limit_without_a_time_is_a_plain_failure():
    """Nobody knows how long to wait, so the failures decide."""
    assert after([RateLimited()] * 2).state is State.CLOSED
    assert after([RateLimited()] * 3).state is State.OPEN


def test_overload_rests_double():
    """10 s, then twice as long for each probe that finds no room, up to two minutes."""
    breaker, now, rests = after([FULL]), 0.0, []
    for _ in range(6):
        rests.append(breaker.rest(now))
        now += rests[-1]
        breaker, leave = passed(breaker, now)
        breaker = failed(breaker, leave, FULL, now)
    assert rests == [10, 20, 40, 80, 120, 120]


@pytest.mark.parametrize(("asked", "rest"), [(1, 10), (30, 30), (3600, 60)])
def test_an_overloaded_model_rests_the_longer_time(asked, rest):
    """What the provider asked for counts if it is longer than our own time."""
    assert after([Overloaded(retry_after=asked)]).rest(now=0) == rest


def test_a_model_that_is_not_to_be_had_rests_long():
    """Money and access take people, so the next look is in ten minutes."""
    assert after([Unavailable("no money")]).rest(now=0) == 600


def test_nobody_passes_an_open_breaker():
    """Until the rest is over there is no leave for any call."""
    breaker = after([FULL])
    assert admit(breaker, 9.99) == (breaker, None)


def test_one_probe_passes_after_the_rest():
    """When the rest is over one call passes, and the others wait for its verdict."""
    breaker, _ = passed(after([FULL]), 10)
    assert breaker.state is State.HALF_OPEN
    assert admit(breaker, 1000) == (breaker, None)


def test_a_good_probe_closes_it():
    """A success resets everything, also the doubling."""
    ill = after([FULL, FULL, FULL], step=100)
    breaker, leave = passed(ill, 1000)
    well = succeeded(breaker, leave, 1000)
    assert well == Breaker(moves=well.moves)


def test_a_probe_closes_it_with_its_first_words():
    """Others need not wait for the end of a long answer to use the model again."""
    breaker, leave = passed(after([FULL]), 10)
    assert spoke(breaker, leave, 11).state is State.CLOSED


def test_first_words_are_no_success_yet():
    """A closed breaker judges a call by its end: an answer that breaks off is a failure."""
    breaker = after([BROKEN, BROKEN])
    assert spoke(breaker, Pass(moves=breaker.moves), 3) == breaker


def test_a_cancelled_probe_frees_its_place():
    """A probe that ends without a verdict lets the next call be the probe, at once."""
    breaker, leave = passed(after([FULL]), 10)
    _, other = admit(abandoned(breaker, leave), 10)
    assert other is not None


def test_a_retry_is_the_probe_of_its_own_failure():
    """The one whose failure opened it may pass before the rest is over, alone."""
    opened = after([FULL])
    breaker, _ = passed(opened, 0.3, after=opened.moves)
    assert admit(breaker, 0.4, after=opened.moves)[1] is None


def test_a_retry_does_not_double_the_rest():
    """A failed retry only starts the rest afresh: the doubling is for rests that were kept."""
    opened = after([FULL])
    breaker, leave = passed(opened, 0.5, after=opened.moves)
    assert failed(breaker, leave, FULL, 0.5).rest(now=0.5) == 10


def test_a_burst_that_fails_as_one_counts_once():
    """Calls that were under way when it opened neither prolong nor double the rest."""
    breaker, first = passed(Breaker(), 0)
    _, second = passed(Breaker(), 0)
    opened = failed(breaker, first, FULL, 1)
    assert failed(opened, second, FULL, 2) == opened


def test_a_late_answer_does_not_end_a_rest():
    """A call from before the opening says nothing about the model since."""
    breaker, first = passed(Breaker(), 0)
    _, second = passed(Breaker(), 0)
    opened = failed(breaker, first, RateLimited(retry_after=30), 1)
    assert succeeded(opened, second, 2) == opened


def test_a_late_rate_limit_prolongs_a_rest():
    """What the provider asks for is obeyed, whichever call hears it."""
    breaker, first = passed(Breaker(), 0)
    _, second = passed(Breaker(), 0)
    opened = failed(breaker, first, FULL, 0)
    assert failed(opened, second, RateLimited(retry_after=30), 1).rest(now=1) == 30


def test_a_sole_model_is_only_paced():
    """With nobody to stand in for it, an ill model is still asked, once a second."""
    breaker = after([Unavailable()], breaker=Breaker(sole=True))
    waits = []
    for _ in range(4):
        breaker, leave = passed(breaker, 0, patience=10)
        waits.append(leave.wait)
    assert (breaker.state, waits) == (State.HALF_OPEN, [1, 2, 3, 4])


def test_a_paced_call_that_would_wait_too_long_is_refused():
    """Beyond the caller's patience there is no leave, and nobody's place is taken."""
    breaker = after([Unavailable()], breaker=Breaker(sole=True))
    assert admit(breaker, 0, patience=0.5) == (breaker, None)


def test_a_rest_that_is_over_looks_half_open():
    """An ill model that nobody asks any more does not look ill for ever."""
    breaker = after([FULL])
    assert (breaker.seen(9), breaker.seen(10)) == (State.OPEN, State.HALF_OPEN)


def test_every_move_is_told():
    """The observer hears of each move once, with the length of the rest."""
    facts, clock = [], VirtualClock()
    breakers = Breakers(["a", "b"], observe=facts.append, clock=clock)
    breakers.failed("a", breakers.admit("a", patience=0, after=None), FULL)
    clock.advance(10)
    leave = breakers.admit("a", patience=0, after=None)
    breakers.succeeded("a", leave)
    assert facts == [
        BreakerMoved(model="a", state="open", seconds=10),
        BreakerMoved(model="a", state="half_open", seconds=0),
        BreakerMoved(model="a", state="closed", seconds=0),
    ]
