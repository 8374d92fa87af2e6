"""While the model works we are seen to type, which is never in the way."""

from core.types import Status
from tests.adapters.whatsapp_replies.stage import Pause, connected, says
from tests.core.stage import SQLITE

pytestmark = SQLITE


async def typed(house, number):
    """It was shown so many times, and is waited with."""
    await house.until(lambda: len(house.fake.typings) == number and house.clock.sleepers)


async def test_it_is_shown_again_every_20_seconds(database):
    """WhatsApp shows it for 25; for the message that is answered."""
    pause = Pause()
    async with connected(database, says("Hello.", pause), typing=True) as house:
        sid, _ = await house.hear()
        await pause.reached.wait()
        await typed(house, 1)
        await house.flow(19.9, step=19.9)
        assert house.fake.typings == [sid]
        house.clock.advance(0.2)
        await typed(house, 2)
        house.clock.advance(20)
        await typed(house, 3)
        assert house.fake.typings == [sid] * 3


async def test_it_ends_with_the_answer(database):
    """Nobody is seen to type once all is there."""
    pause = Pause()
    async with connected(database, says("Hello.", pause), typing=True) as house:
        await house.hear()
        await typed(house, 1)
        pause.go()
        await house.done()
        assert house.seen() == ["Hello."]
        await house.flow(60, step=10)
        assert len(house.fake.typings) == 1


async def test_it_ends_after_three_minutes(database):
    """Whoever takes longer than that is not believed."""
    async with connected(database, says("Hello.", Pause()), typing=True) as house:
        await house.hear()
        for number in range(1, 10):
            await typed(house, number)
            house.clock.advance(20)
        await house.flow(100, step=20)
        assert len(house.fake.typings) == 9


async def test_a_refusal_of_it_is_not_in_the_way(database):
    """The answer is read."""
    pause = Pause()
    async with connected(database, says("Hello.", pause), typing=True) as house:
        house.fake.fail("typing", 20001, status=500, times=None)
        await house.hear()
        await house.fake.came("typing")
        await house.flow(30)
        pause.go()
        await house.done()
        assert house.seen() == ["Hello."]


async def test_an_answer_does_not_wait_for_it(database):
    """The call hangs; it is dropped when the answer is there."""
    pause = Pause()
    async with connected(database, says("Hello.", pause), typing=True) as house:
        hold = house.fake.hang("typing")
        _, receipt = await house.hear()
        await hold.reached.wait()
        pause.go()
        await house.done()
        assert (await house.turn(receipt)).status == Status.DONE
        assert house.seen() == ["Hello."]


async def test_it_may_be_off(database):
    """Then nothing is asked for it."""
    pause = Pause()
    async with connected(database, says("Hello.", pause)) as house:
        await house.hear()
        await pause.reached.wait()
        await house.flow(30)
        pause.go()
        await house.done()
        assert not house.fake.called("typing")
