"""What came too late waits until its person writes: it is there first, and once."""

import pytest
from sqlalchemy import select

from core.tables import owed
from core.types import Status
from tests.adapters.whatsapp_replies.stage import (
    ANA,
    BUSINESS,
    DAY,
    LONG,
    Pause,
    connected,
    says,
)
from tests.core.stage import SQLITE


def numbers(house):
    return [part[-5:] for part in house.seen()]


async def between_then_a_day(house):
    """One part was read, and the day is over."""
    _, receipt = await house.hear()
    await house.between()
    house.clock.advance(DAY)
    await house.done()
    return receipt


async def test_the_rest_of_an_answer_is_there_once_they_write(database):
    """Before the next answer; what they have read is not there again."""
    async with connected(database, says(LONG), says("Next.")) as house:
        receipt = await between_then_a_day(house)
        assert numbers(house) == ["(1/2)"]
        assert (await house.turn(receipt)).status == Status.DONE
        await house.ask("Well?")
        assert numbers(house) == ["(1/2)", "(2/2)", "Next."]
        assert " ".join(house.read()).split() == [*LONG.split(), "Next."]


@SQLITE
async def test_what_was_owed_is_there_once(database):
    """Whoever writes a third time is not told it again."""
    async with connected(database, says("One."), says("Two."), says("Three.")) as house:
        house.fake.doom(ANA, 63016)
        await house.ask()
        await house.report(house.fake.sent(ANA)[0].sid, "failed", 63016)
        await house.ask()
        await house.ask()
        assert house.seen() == ["One.", "Two.", "Three."]
        assert not await database.read(lambda db: db.execute(select(owed)).all())


@SQLITE
async def test_a_gap_is_kept_between_what_is_owed_and_the_answer(database):
    """They would arrive in any order."""
    async with connected(database, says("One."), says("Two.")) as house:
        house.fake.doom(ANA, 63016)
        await house.ask()
        await house.report(house.fake.sent(ANA)[0].sid, "failed", 63016)
        await house.hear()
        await house.between()
        await house.flow(0.9)
        assert house.seen() == ["One."]
        house.clock.advance(0.2)
        await house.until(lambda: house.seen() == ["One.", "Two."])


@SQLITE
async def test_who_owes_says_so_once_it_is_stored(database):
    """To whoever announces it, by the person's name."""
    async with connected(database, says(LONG)) as house:
        await between_then_a_day(house)
        assert [(account, who.person) for account, who in house.announced] == [(BUSINESS, ANA)]


@SQLITE
async def test_63016_may_also_be_a_refusal(database):
    """It is owed then too."""
    async with connected(database, says("Late."), says("Next.")) as house:
        house.fake.fail("create", 63016)
        turn = await house.ask()
        assert turn.status == Status.DONE
        assert (await house.contact()).shut_at is not None
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_an_answer_that_waits_for_its_operator_does_not_outlive_the_day(database):
    """It is owed once the day is over, and nothing is sent that Twilio would not bring."""
    async with connected(database, says("Late."), says("Next.")) as house:
        house.fake.fail("create", 63007, times=None)
        await house.hear()
        await house.flow(DAY, step=1800)
        await house.done(step=20)
        house.fake.faults.clear()
        assert house.fake.sent(ANA) == []
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
async def test_what_is_owed_and_refused_for_good_is_not_in_the_way(database):
    """It is given up, and the next answer is read."""
    async with connected(database, says("Bad."), says("Good."), says("Better.")) as house:
        house.fake.fail("create", 63016)
        await house.ask()
        house.fake.fail("create", 21617)
        turn = await house.ask("Well?")
        assert turn.status == Status.DONE
        await house.ask("More?")
        assert house.seen() == ["Good.", "Better."]


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_what_is_owed_is_there_once_whatever_happens_to_it(database, accepted):
    """A debt of unknown fate is looked for as an answer is."""
    async with connected(database, says("Late."), says("Next.")) as house:
        house.fake.fail("create", 63016)
        await house.ask()
        house.fake.answer("create", status=500, accepted=accepted)
        await house.ask("Well?")
        assert house.seen() == ["Late.", "Next."]


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_what_is_owed_outlives_who_was_about_to_send_it(database, accepted):
    """The heir looks whether it is there."""
    async with connected(database, says("Late."), says("Next.", Pause())) as house:
        house.fake.fail("create", 63016)
        await house.ask()
        hold = house.fake.hang("create", accepted=accepted)
        await house.hear("Well?")
        await hold.reached.wait()
        heir = await house.succeeded(says("Next."))
        await heir.done()
        assert heir.seen() == ["Late.", "Next."]


@SQLITE
@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "lost"])
async def test_what_was_owed_is_not_taken_for_the_same_answer(database, accepted):
    """Both are read, though the second one was looked for."""
    async with connected(database, says("Yes."), says("Yes.")) as house:
        house.fake.fail("create", 63016)
        await house.ask()
        house.clock.advance(DAY)
        house.fake.answer("create", status=500, accepted=accepted, after=1)
        await house.ask("Well?")
        assert house.seen() == ["Yes.", "Yes."]


@SQLITE
async def test_whoever_opted_out_is_owed_nothing(database):
    """What waited is forgotten."""
    async with connected(database, says("Late."), says("No."), says("Back.")) as house:
        house.fake.fail("create", 63016)
        await house.ask()
        await house.opted()
        turn = await house.ask("Well?")
        assert turn.status == Status.CANCELLED
        await house.opted(out=False)
        await house.ask("Hello again")
        assert house.seen() == ["Back."]
