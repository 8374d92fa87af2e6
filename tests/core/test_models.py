import asyncio
from contextlib import aclosing

import pytest

from core.breaker import State
from core.errors import Misconfigured, RateLimited, Rejected, TooLong, Unavailable
from core.facts import BreakerMoved, ModelFellBack, ModelRetried
from core.models import Answered, NoModel, Opening
from core.types import Began, Text
from tests.core.house import CUT, FULL, A, B, House, text, until
from tests.fakes.scripted import ASKED, CHARGED, says


async def test_an_answer_names_its_model_first_and_its_cost_last():
    """One opening, the further texts as they are, one end with the sums."""
    house = House({A: [says("Hel", "lo", "!")]})
    assert await house.ask() == [
        Opening(model=A, text="Hel"),
        Text("lo"),
        Text("!"),
        Answered(
            model=A,
            stop_reason="end_turn",
            usage=CHARGED,
            cost=100 * 2_000 + 10 * 10_000,
            interrupted=False,
        ),
    ]


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal", "stop_sequence"])
async def test_a_reason_to_stop_passes_through(stop_reason):
    """However an answer ends by itself, the caller is told, and it is complete."""
    house = House({A: [says("Hello", stop_reason=stop_reason)]})
    answered = (await house.ask())[-1]
    assert (answered.stop_reason, answered.interrupted) == (stop_reason, False)


@pytest.mark.parametrize("stop_reason", ["max_tokens", "refusal"])
async def test_an_answer_may_be_without_words(stop_reason):
    """A refusal needs no words: it is the end alone, and nobody else is asked."""
    house = House({A: [says(stop_reason=stop_reason)], B: []})
    pieces = await house.ask()
    assert ([piece.stop_reason for piece in pieces], house.api.calls) == ([stop_reason], [A])


@pytest.mark.parametrize("empty", [says(), says(" ", "\n"), []])
async def test_an_empty_answer_is_tried_again(empty):
    """No words, blanks alone, or a stream without an end: all are failures before words."""
    house = House({A: [empty, says("Hello")]})
    assert text(await house.ask()) == "Hello"


async def test_blanks_before_the_first_word_are_kept():
    """They are held back until a word comes, and then come with it."""
    house = House({A: [says("\n", " Hello")]})
    assert await anext(house.stream()) == Opening(model=A, text="\n Hello")


async def test_a_full_context_is_too_long():
    """A model that has no room for a word asks for a shorter prompt, not for a retry."""
    house = House({A: [says(stop_reason="model_context_window_exceeded")]})
    with pytest.raises(TooLong):
        await house.ask()


async def test_a_model_is_tried_three_times():
    """Two retries, with waits that double, before anything was shown."""
    house = House({A: [[CUT], [CUT], says("Hello")], B: []})
    assert text(await house.ask()) == "Hello"
    assert (house.api.calls, house.clock.slept) == ([A, A, A], [0.5, 1.0])
    assert house.told(ModelRetried)[0] == ModelRetried(model=A, reason="Transient", seconds=0.5)


async def test_a_wait_is_never_too_short():
    """Full jitter may come out as nothing, and a retry at once helps nobody."""
    house = House({A: [[CUT], says("Hello")]}, chance=0.0)
    await house.ask()
    assert house.clock.slept == [0.2]


async def test_the_next_model_is_asked_when_the_tries_are_used_up():
    """The answer comes from the second model, and the first one's breaker is open."""
    house = House({A: [[CUT]] * 3, B: [says("Hello")]})
    assert await house.ask() == [
        Opening(model=B, text="Hello"),
        Answered(model=B, stop_reason="end_turn", usage=CHARGED, cost=15_000, interrupted=False),
    ]
    assert house.models.states() == {A: State.OPEN, B: State.CLOSED}
    assert house.told(ModelFellBack) == [
        ModelFellBack(model=A, reason="Transient", message="cut", successor=B)
    ]


async def test_an_overloaded_model_is_retried_by_the_turn_that_found_it_full():
    """Its breaker is open for others; a retry that gets through closes it again."""
    house = House({A: [[FULL], says("Hello")], B: []})
    assert text(await house.ask()) == "Hello"
    moves = [fact.state for fact in house.told(BreakerMoved)]
    assert moves == ["open", "half_open", "closed"]


async def test_others_do_not_ask_an_overloaded_model():
    """While one turn retries, a second turn goes to the next model at once."""
    held = asyncio.Event()
    house = House({A: [[FULL], [held.wait, *says("Hello")]], B: [says("Hi")]})
    first = asyncio.create_task(house.ask())
    await until(lambda: house.api.calls == [A, A])
    assert text(await house.ask()) == "Hi"
    held.set()
    assert text(await first) == "Hello"


async def test_the_first_words_of_a_probe_open_the_way():
    """A model that speaks again is there for all, before its first answer is complete."""
    held = asyncio.Event()
    probe = [Began(usage=ASKED), Text("Hel"), held.wait, *says("lo")]
    house = House({A: [[Unavailable()], probe, says("Hi")], B: [says("Hello")]})
    await house.ask()
    house.clock.advance(600)
    async with aclosing(house.stream()) as pieces:
        await anext(pieces)
        assert (await house.ask())[0] == Opening(model=A, text="Hi")


async def test_answers_between_them_excuse_failures():
    """Three failures with complete answers between them are no row."""
    house = House({A: [[CUT], *[says("Hello")] * 2] * 4, B: []})
    for _ in range(8):
        assert text(await house.ask()) == "Hello"
    assert house.told(BreakerMoved) == []


async def test_an_early_timer_does_no_harm():
    """A sleep that ends a moment too soon is continued, or the breaker would refuse."""
    house = House({A: [[RateLimited(retry_after=2)], says("Hello")], B: []})
    sleep = house.clock.sleep
    house.clock.sleep = lambda seconds: sleep(seconds - 0.001 if seconds > 1 else seconds)
    assert text(await house.ask()) == "Hello"
    assert house.told(BreakerMoved)[1] == BreakerMoved(model=A, state="half_open", seconds=0)
    assert house.clock.monotonic() >= 2


async def test_a_short_retry_after_is_obeyed():
    """The wait is what the provider asked for, without jitter."""
    house = House({A: [[RateLimited(retry_after=7)], says("Hello")], B: []})
    await house.ask()
    assert (house.api.calls, house.clock.slept) == ([A, A], [7])


async def test_a_long_retry_after_leads_to_the_next_model():
    """Nobody waits longer than the limit; the model is left alone until the time is up."""
    house = House({A: [[RateLimited(retry_after=11)], says("back")], B: [says("Hello")] * 2})
    assert text(await house.ask()) == "Hello"
    assert house.clock.slept == []
    house.clock.advance(10.9)
    assert text(await house.ask()) == "Hello"
    house.clock.advance(0.1)
    assert text(await house.ask()) == "back"


async def test_the_budget_bounds_the_waits():
    """A retry that the rest of the budget has no room for is not made."""
    house = House({A: [[RateLimited(retry_after=8)]] * 2, B: [says("Hello")]}, budget=15)
    assert text(await house.ask()) == "Hello"
    assert (house.api.calls, house.clock.slept) == ([A, A, B], [8])


async def test_a_model_that_is_not_to_be_had_is_not_retried():
    """The next model is asked at once, for ten minutes."""
    house = House({A: [[Unavailable("no money")], says("back")], B: [says("Hello")] * 2})
    assert text(await house.ask()) == "Hello"
    house.clock.advance(599)
    assert text(await house.ask()) == "Hello"
    house.clock.advance(1)
    assert (text(await house.ask()), house.clock.slept) == ("back", [])


@pytest.mark.parametrize("error", [Rejected("no"), TooLong("too long")])
async def test_a_fault_of_the_prompt_is_raised_at_once(error):
    """No retry and no other model helps, and the model is not to blame."""
    house = House({A: [[error]], B: []})
    with pytest.raises(type(error)):
        await house.ask()
    assert (house.api.calls, house.models.states()[A]) == ([A], State.CLOSED)


async def test_when_all_have_failed_the_caller_is_told():
    """`NoModel` carries the last reason, and the time after which a question may succeed."""
    house = House({A: [[CUT]] * 3, B: [[Unavailable("no money")]]})
    with pytest.raises(NoModel, match="Unavailable: no money") as refused:
        await house.ask()
    assert refused.value.retry_after == 10
    assert [fact.successor for fact in house.told(ModelFellBack)] == [B, None]


async def test_when_all_rest_nobody_waits():
    """With every breaker open the answer is no, without a call and without a wait."""
    house = House({A: [[Unavailable()]], B: [[Unavailable()]]})
    for _ in range(2):
        with pytest.raises(NoModel):
            await house.ask()
    assert (house.api.calls, house.clock.slept) == ([A, B], [])


async def test_a_model_that_rests_does_not_hide_what_failed():
    """The reason that is told is the last failure, not that the next model was at rest."""
    house = House({A: [says("Hello"), [Unavailable("no money")]], B: [[Unavailable("gone")]]})
    leave = house.models._breakers.admit(B, patience=0, after=None)
    house.models._breakers.failed(B, leave, Unavailable("gone"))
    await house.ask()
    with pytest.raises(NoModel, match="no money"):
        await house.ask()


async def test_a_sole_model_is_asked_again_and_again():
    """One bad minute does not silence a bot that has one model; it is asked once a second."""
    house = House({A: [[FULL]] * 6 + [says("Hello")]})
    for _ in range(2):
        with pytest.raises(NoModel):
            await house.ask()
    assert text(await house.ask()) == "Hello"
    assert house.models.states() == {A: State.CLOSED}
    assert house.clock.monotonic() == pytest.approx(6)


def test_there_must_be_a_model():
    """Without a name there is nobody to ask, and the operator should know at the start."""
    with pytest.raises(Misconfigured):
        House({})
