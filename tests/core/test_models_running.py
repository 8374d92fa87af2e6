import asyncio
from contextlib import aclosing

import pytest

from core.breaker import State
from core.errors import Rejected, Unavailable
from core.facts import ModelFellBack, ModelInterrupted
from core.models import Answered, NoModel
from core.types import Began, Done, Progress, Text, Usage
from tests.core.house import CUT, FULL, A, B, House, text, until
from tests.fakes.scripted import ASKED, CHARGED, forever, says


@pytest.mark.parametrize("error", [CUT, FULL, Unavailable("gone"), Rejected("no")])
async def test_what_was_shown_stands(error):
    """After its first words an answer that fails ends there: no retry, no other model."""
    house = House({A: [[Began(usage=ASKED), Text("Hel"), Text("lo"), error]], B: []})
    pieces = await house.ask()
    assert text(pieces) == "Hello"
    assert pieces[-1] == Answered(
        model=A, stop_reason="interrupted", usage=ASKED, cost=200_000, interrupted=True
    )
    assert house.api.calls == [A]
    assert house.told(ModelInterrupted) == [ModelInterrupted(model=A, reason=type(error).__name__)]


async def test_a_stream_without_its_end_is_interrupted():
    """Words that merely stop coming are not a complete answer."""
    house = House({A: [[Began(usage=ASKED), Text("Hel")]]})
    assert (await house.ask())[-1].interrupted


async def test_interruptions_open_the_breaker():
    """A model that keeps breaking off is as ill as one that does not begin."""
    broken = [Began(usage=ASKED), Text("Hel"), CUT]
    house = House({A: [broken] * 3, B: [says("Hello")]})
    for _ in range(3):
        await house.ask()
    assert house.models.states()[A] is State.OPEN


async def test_usage_counts_every_call_that_began():
    """What a failed call has charged is part of what the answer costs."""
    house = House({A: [[Began(usage=ASKED), CUT], [CUT], says("Hello")]})
    answered = (await house.ask())[-1]
    assert (answered.usage, answered.cost) == (ASKED + CHARGED, 500_000)


async def test_untold_usage_is_not_free():
    """A server that counts no tokens leaves usage and cost unknown."""
    script = [Began(usage=Usage()), Text("Hello"), Done(stop_reason="end_turn", usage=None)]
    house = House({A: [script]})
    answered = (await house.ask())[-1]
    assert (answered.usage, answered.cost) == (None, None)


async def test_what_was_told_first_counts_if_no_more_is_told():
    """A server that tells the prompt's tokens only is charged for those."""
    script = [Began(usage=ASKED), Text("Hello"), Done(stop_reason="end_turn", usage=None)]
    house = House({A: [script]})
    assert (await house.ask())[-1].usage == ASKED


async def test_an_answer_leaves_no_timer():
    """A thousand answers a minute must not leave a thousand timers behind."""
    house = House({A: [says("Hello")]})
    await house.ask()
    timers = asyncio.get_running_loop()._scheduled
    assert all(timer.cancelled() for timer in timers)


async def test_the_bill_is_right_without_an_answer():
    """A caller that gets an error instead of an end still learns what was charged."""
    house = House({A: [[Began(usage=ASKED), CUT]] * 3})
    with pytest.raises(NoModel):
        await house.ask()
    assert house.bill.usage == ASKED + ASKED + ASKED


async def test_closing_ends_the_call():
    """Whoever stops listening stops the model, and its slot is free for others."""
    house = House({A: [[Began(usage=ASKED), Text("Hel"), forever]], B: []}, concurrency=1)
    async with aclosing(house.stream()) as pieces:
        await anext(pieces)
        assert house.api.running == [A]
    assert house.api.running == []
    assert house.bill.usage == ASKED


@pytest.mark.parametrize("script", [[forever], [Began(usage=ASKED), Text("Hel"), forever]])
async def test_a_cancel_ends_the_call(script):
    """A cancelled task stays cancelled, and leaves no call behind."""
    house = House({A: [script]})
    task = asyncio.create_task(house.ask())
    await until(lambda: house.api.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert house.api.running == []


async def test_a_cancelled_probe_does_not_lock_the_model():
    """The next turn may probe instead."""
    house = House({A: [[Unavailable()], [forever], says("back")], B: [says("Hello")]})
    await house.ask()
    house.clock.advance(600)
    task = asyncio.create_task(house.ask())
    await until(lambda: house.api.calls == [A, B, A])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert text(await house.ask()) == "back"


async def test_silence_before_the_first_words_leads_to_the_next_model():
    """A model that says nothing for too long has failed."""
    house = House({A: [[forever]], B: [says("Hello")]}, no_progress=0.01, retries=0)
    assert text(await house.ask()) == "Hello"
    assert house.told(ModelFellBack)[0].reason == "Stalled"


async def test_silence_after_the_first_words_interrupts():
    """What came stands, and the call is ended."""
    house = House({A: [[Began(usage=ASKED), Text("Hel"), forever]]}, no_progress=0.01)
    assert (await house.ask())[-1].interrupted
    assert house.api.running == []


async def test_progress_is_no_silence():
    """A model that thinks for long shows so, and is given the time."""

    async def think() -> None:
        await asyncio.sleep(0.04)

    house = House({A: [[think, Progress()] * 6 + says("Hello")]}, no_progress=0.2, retries=0)
    assert text(await house.ask()) == "Hello"


async def test_thinking_has_an_end_too():
    """A model that works for ever is stopped after the total, and no other one is asked."""

    async def think() -> None:
        await asyncio.sleep(0.005)

    house = House({A: [[think, Progress()] * 1000], B: []}, total=0.02)
    with pytest.raises(NoModel, match="Stalled"):
        await house.ask()
    assert house.api.calls == [A]


async def test_a_slow_consumer_is_not_a_slow_model():
    """Only waits for the model count, however long the pauses between two pulls are."""
    house = House({A: [says("Hel", "lo", "!")]}, no_progress=0.01, total=0.01)
    pieces = []
    async with aclosing(house.stream()) as stream:
        async for piece in stream:
            pieces.append(piece)
            await asyncio.sleep(0.02)
    assert not pieces[-1].interrupted


async def test_pulls_may_come_from_different_tasks():
    """The watchdog ends the wait of whoever waits, and cancels nobody else."""
    house = House({A: [[Began(usage=ASKED), Text("Hel"), forever]]}, no_progress=0.01)
    pieces = house.stream()
    await asyncio.create_task(anext(pieces))
    assert (await asyncio.create_task(anext(pieces))).interrupted
    await pieces.aclose()


async def test_no_more_calls_run_than_allowed():
    """The limit holds for all answers together, and all are answered."""
    house = House({A: [[lambda: asyncio.sleep(0), *says("Hello")]] * 9}, concurrency=3)
    answers = await asyncio.gather(*(house.ask() for _ in range(9)))
    assert ({text(answer) for answer in answers}, house.api.peak) == ({"Hello"}, 3)


async def test_nobody_waits_for_a_slot_longer_than_the_budget():
    """When too many calls run, the answer is no."""
    house = House({A: [[Text("Hel"), forever]]}, concurrency=1, budget=0.01)
    async with aclosing(house.stream()) as running:
        await anext(running)
        with pytest.raises(NoModel, match="too many"):
            await house.ask()
