"""What Twilio took and failed at is sent once more, by itself, and never in anybody's way."""

import pytest

from adapters.whatsapp.resending import WAIT
from core.facts import TurnsRecovered
from tests.adapters.whatsapp_replies.stage import ANA, DAY, Pause, connected, says
from tests.core.stage import SQLITE

TROUBLED, UNREADABLE = 63010, 63021


async def lost(house, code):
    """The newest message to Ana fails."""
    await house.report(house.fake.sent(ANA)[-1].sid, "failed", code)


async def test_what_the_channel_lost_is_sent_once_more(database):
    """After a while, and without their writing; no model is asked for it."""
    async with connected(database, says("Late."), says("Next.")) as house:
        await house.stage.replica.tick()
        await house.ask()
        await lost(house, TROUBLED)
        await house.later(WAIT - 5)
        assert house.seen() == []
        await house.later(10)
        assert house.seen() == ["Late."]
        assert len(house.stage.model.prompts) == 1
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_what_the_channel_lost_twice_waits_for_them(database):
    """It is not tried for ever."""
    async with connected(database, says("Late."), says("Next.")) as house:
        await house.ask()
        for _ in range(2):
            await lost(house, TROUBLED)
            await house.later()
        assert len(house.fake.sent(ANA)) == 2
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_whoever_writes_meanwhile_has_it_once(database):
    """It is there before their next answer, and does not come again."""
    async with connected(database, says("Late."), says("Next.")) as house:
        await house.ask()
        await lost(house, TROUBLED)
        await house.ask("Well?")
        await house.later()
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_it_does_not_come_amid_another_answer(database):
    """It waits until that is whole."""
    pause = Pause()
    async with connected(database, says("Late."), says("Next.", pause)) as house:
        await house.ask()
        _, receipt = await house.hear("Well?")
        await pause.reached.wait()
        await lost(house, TROUBLED)
        await house.flow(WAIT + 5, step=5)
        await house.stage.replica.tick()
        assert house.seen() == []
        pause.go()
        await house.done()
        assert house.seen() == ["Next."]
        await house.later()
        assert house.seen() == ["Next.", "Late."]
        assert (await house.turn(receipt)).closed_at is not None


@SQLITE
async def test_a_death_before_it_is_sent_loses_nothing(database):
    """It is there when they write."""
    async with connected(database, says("Late.")) as house:
        await house.ask()
        await lost(house, TROUBLED)
        heir = await house.succeeded(says("Next."))
        await heir.later()
        assert heir.seen() == []
        await heir.ask("Well?")
        assert heir.seen() == ["Late.", "Next."]


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_a_death_while_it_is_sent_sends_it_once(database, accepted):
    """The heir looks whether it is there."""
    async with connected(database, says("Late.")) as house:
        await house.ask()
        await lost(house, TROUBLED)
        hold = house.fake.hang("create", accepted=accepted)
        await house.flow(WAIT + 5, step=5)
        await house.stage.replica.tick()
        await hold.reached.wait()
        heir = await house.succeeded()
        await heir.done()
        assert heir.seen() == ["Late."]


@SQLITE
async def test_nothing_is_sent_once_their_day_is_over(database):
    """Then it waits for them, as all else."""
    async with connected(database, says("Late."), says("Next.")) as house:
        await house.ask()
        house.clock.advance(DAY - 130)
        await lost(house, TROUBLED)
        await house.later()
        assert len(house.fake.sent(ANA)) == 1
        assert not house.stage.told(TurnsRecovered)
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_what_the_channel_cannot_read_is_sent_without_marks(database):
    """Once; if that is refused too, it is given up."""
    async with connected(database, says("*Note* **this**: `a_b`"), says("Next.")) as house:
        await house.ask()
        assert house.seen() == ["_Note_ *this*: `a_b`"]
        await lost(house, UNREADABLE)
        await house.later()
        assert house.seen() == ["Note this: a_b"]
        await lost(house, UNREADABLE)
        await house.later()
        await house.ask("Well?")
        assert house.seen() == ["Next."]
        assert len(house.fake.sent(ANA)) == 3
