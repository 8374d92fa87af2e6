"""Twilio tells what came too late whenever it likes: it is owed, and there once."""

from tests.adapters.whatsapp_replies.stage import ANA, LONG, Pause, connected, says
from tests.core.stage import SQLITE

pytestmark = SQLITE


def numbers(house):
    return [part[-5:] for part in house.seen()]


async def test_a_callback_may_be_faster_than_the_answer_to_a_call(database):
    """The part is owed all the same, and nothing more is sent."""
    async with connected(database, says(LONG), says("Next.")) as house:
        house.fake.doom(ANA, 63016)
        hold = house.fake.hang("create", accepted=True)
        await house.hear()
        await hold.reached.wait()
        [lost] = house.fake.sent(ANA)
        await house.report(lost.sid, "failed", 63016)
        hold.release()
        await house.done()
        assert len(house.fake.called("create")) == 1
        await house.ask("Well?")
        assert numbers(house) == ["(1/2)", "(2/2)", "Next."]


async def test_a_callback_may_be_faster_than_the_look_for_a_message(database):
    """What was in doubt and came too late is owed."""
    async with connected(database, says("Late."), says("Next.")) as house:
        house.fake.doom(ANA, 63016)
        house.fake.answer("create", status=500, accepted=True)
        looked = house.fake.hang("list", accepted=True)
        await house.hear()
        await house.fake.came("create")
        await house.flow(3)
        await looked.reached.wait()
        await house.report(house.fake.sent(ANA)[0].sid, "failed", 63016)
        looked.release()
        await house.done()
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


async def test_a_callback_may_be_faster_than_an_heirs_look(database):
    """What the dead have sent too late is owed."""
    async with connected(database, says("Late.")) as house:
        house.fake.doom(ANA, 63016)
        hold = house.fake.hang("create", accepted=True)
        looked = house.fake.hang("list", accepted=True)
        await house.hear()
        await hold.reached.wait()
        heir = await house.succeeded(says("Next."))
        await heir.flow(11, step=1)
        await looked.reached.wait()
        await heir.report(heir.fake.sent(ANA)[0].sid, "failed", 63016)
        looked.release()
        await heir.done()
        await heir.ask("Well?")
        assert heir.seen() == ["Late.", "Next."]


async def test_a_callback_amid_an_answer_leaves_it_whole(database):
    """The first part did not arrive: both are owed, and in order."""
    async with connected(database, says(LONG), says("Next.")) as house:
        house.fake.doom(ANA, 63016)
        await house.hear()
        await house.until(lambda: house.fake.sent(ANA) and house.clock.sleepers)
        await house.report(house.fake.sent(ANA)[0].sid, "failed", 63016)
        await house.done()
        await house.ask("Well?")
        assert numbers(house) == ["(1/2)", "(2/2)", "Next."]


async def test_a_callback_of_before_does_not_shut_what_they_opened(database):
    """They wrote after what came too late was sent: their question is answered."""
    pause = Pause()
    async with connected(database, says("Late."), says("Next.", pause)) as house:
        house.fake.doom(ANA, 63016)
        await house.ask()
        [lost] = house.fake.sent(ANA)
        house.clock.advance(5)
        await house.hear("Well?")
        await pause.reached.wait()
        await house.report(lost.sid, "failed", 63016)
        pause.go()
        await house.done()
        assert house.seen() == ["Next."]
